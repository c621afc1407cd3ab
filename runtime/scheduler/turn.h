/* SPDX-License-Identifier: MIT
 *
 * turn.h - one turn of one actor. Rank: 4. See turn.c.
 */
#ifndef COPI_SCHEDULER_TURN_H
#define COPI_SCHEDULER_TURN_H

#include "runtime/scheduler/worker.h"

/* On the machine's own stack: runs the actor until it waits, yields or ends.
 * False if the machine lost its worker meanwhile. */
bool copi_turn_run(struct copi_machine *m, struct copi_actor *a);

/* On the actor's stack: leaves it, for the reason given; returns when the
 * actor runs again, perhaps on another thread. */
void copi_turn_leave(struct copi_actor *a, enum copi_leave why);
/* The same for good: EXITED; CRASHED, m->fault says of what; or STACK, when the
 * actor lives on, as its handler says, or with its function, from its next
 * message. */
COP_NORETURN void copi_turn_leave_for_good(struct copi_actor *a,
                                           enum copi_leave why);

/* Around code of the program: it runs outside the runtime. */
void copi_turn_user_begin(void);
void copi_turn_user_end(void);

/* Gives the worker its reserve. COP_ENOMEM. */
int copi_turn_make_reserve(struct copi_worker *w);
/* Frees the worker's idle carriers, the reserve too. */
void copi_turn_free_warm(struct copi_worker *w);

#endif
