/* SPDX-License-Identifier: MIT
 *
 * recv.h - receiving, for the other files here. Rank: 5.
 */
#ifndef COPI_API_RECV_H
#define COPI_API_RECV_H

#include "runtime/api/scope.h"

/* Waits for the oldest message that a clause matches and lends it (a->current);
 * nothing may be lent before.
 * The clause's index, or -1: the deadline has passed. */
int copi_recv(struct copi_actor *a, const cop_match *clauses, size_t n,
              cop_time deadline, cop_wait why);

#endif
