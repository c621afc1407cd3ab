/* SPDX-License-Identifier: MIT
 *
 * relay.h - from one actor's turn to the next without the machine. Rank: 4.
 * See relay.c.
 */
#ifndef COPI_SCHEDULER_RELAY_H
#define COPI_SCHEDULER_RELAY_H

#include "runtime/scheduler/worker.h"

enum copi_chain {
    COPI_CHAIN_NOT,  /* the turn is still to be ended, in the usual way */
    COPI_CHAIN_ON,   /* the stack is the next actor's now, which is running */
    COPI_CHAIN_AWAY, /* it is nobody's: to be left by copi_relay_away */
};

/* On the stack of an actor that has nothing on it any more, at the end of its
 * turn: ends the turn, and begins the next actor's, if there is one. */
enum copi_chain copi_relay_chain(struct copi_actor *a);

/* What copi_coro_save is given, on the stack of an actor that leaves it and has
 * said why (a struct copi_actor *), and on one that is nobody's (its struct
 * copi_carrier *): to the next actor or to the machine. */
void copi_relay_leave(void *actor);
void copi_relay_away(void *carrier);

/* First on each stack that is entered. */
void copi_relay_arrive(void);

#endif
