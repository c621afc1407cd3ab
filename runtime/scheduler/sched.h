/* SPDX-License-Identifier: MIT
 *
 * sched.h - the scheduler's loop, and its side of the driver's door. Rank: 4.
 */
#ifndef COPI_SCHEDULER_SCHED_H
#define COPI_SCHEDULER_SCHED_H

#include "runtime/scheduler/worker.h"

/* Fills copi_driver. */
void copi_sched_install(void);

/* Makes an actor runnable that is parked nowhere and in no queue. */
void copi_sched_ready(struct copi_actor *a);
/* The same on the worker's own thread. */
void copi_sched_ready_local(struct copi_worker *w, struct copi_actor *a);
/* An actor whose turn ended though it has more to do. */
void copi_sched_yielded(struct copi_worker *w, struct copi_actor *a);
/* It was preempted: this worker alone goes on with it. */
void copi_sched_held(struct copi_worker *w, struct copi_actor *a);

/* Works for the machine's worker until the runtime quits (true) or the worker
 * is handed over (false). */
/* Between two turns: the next actor to run, unless something else is due
 * first. */
struct copi_actor *copi_sched_next_local(struct copi_worker *w);

bool copi_sched_loop(struct copi_machine *m);

#endif
