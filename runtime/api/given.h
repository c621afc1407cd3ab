/* SPDX-License-Identifier: MIT
 *
 * given.h - which calls an isolated actor was given to answer. Rank: 5. See
 * given.c.
 */
#ifndef COPI_API_GIVEN_H
#define COPI_API_GIVEN_H

#include "runtime/actor/message.h"

/* A ring, oldest first. Zeroed at first. */
struct copi_given {
    cop_from *at; /* without a pid: answered */
    size_t first, count, room;
};

void copi_given_fini(struct copi_given *g);

/* All by the proxy, in its turn. */

/* It is told of this call. 0, or COP_ENOMEM. */
COP_MUST_USE int copi_given_add(struct copi_given *g, cop_from call);
/* The same of those calls whose cop_from lies in these bytes. */
COP_MUST_USE int copi_given_scan(struct copi_given *g, const void *bytes,
                                 size_t size);
/* May it answer this one? A cop_call is answered once. */
bool copi_given_take(struct copi_given *g, cop_from call);

#endif
