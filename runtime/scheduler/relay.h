/* SPDX-License-Identifier: MIT
 *
 * relay.h - from one actor's turn to the next without the machine. Rank: 4.
 * See relay.c.
 */
#ifndef COPI_SCHEDULER_RELAY_H
#define COPI_SCHEDULER_RELAY_H

#include "runtime/scheduler/worker.h"

/* On the stack of an actor that has nothing on it any more, at the end of its
 * turn: ends the turn, and begins the next actor's, if there is one. True: the
 * stack is the running actor's now. False: the turn is still to be ended, in
 * the usual way. */
bool copi_relay_chain(struct copi_actor *a);

/* The running actor, which has said why, leaves its stack, for the next actor
 * or for the machine; returns when it runs again. */
void copi_relay_leave(struct copi_here *h, struct copi_actor *a);

/* First on each stack that is entered. */
void copi_relay_arrive(void);

#endif
