/* SPDX-License-Identifier: MIT
 *
 * sched.h - the scheduler's loop, and its side of the driver's door. Rank: 4.
 */
#ifndef COPI_SCHEDULER_SCHED_H
#define COPI_SCHEDULER_SCHED_H

#include "runtime/scheduler/runq.h"

/* Fills copi_driver. */
void copi_sched_install(void);

/* Makes an actor runnable that is parked nowhere and in no queue. */
void copi_sched_ready(struct copi_actor *a);
/* The same on the worker's own thread. */
void copi_sched_ready_slowly(struct copi_worker *w, struct copi_actor *a);
static inline void copi_sched_ready_local(struct copi_worker *w,
                                          struct copi_actor *a)
{
    if (COPI_UNLIKELY(a->is_guest || a->pinned) ||
        !copi_runq_may_be_next_local(w, a))
        copi_sched_ready_slowly(w, a);
    else
        copi_runq_set_next_local(w, a);
}
/* An actor whose turn ended though it has more to do. */
void copi_sched_yielded(struct copi_worker *w, struct copi_actor *a);
/* It was preempted: this worker alone goes on with it. */
void copi_sched_held(struct copi_worker *w, struct copi_actor *a);

/* Between two turns: the next actor to run, unless something else is due
 * first. */
enum { COPI_TIMERS_EVERY = 16 };
static inline struct copi_actor *copi_sched_next_local(struct copi_worker *w)
{
    return w->tick % COPI_TIMERS_EVERY == 0 ? NULL : copi_runq_pop_local(w);
}

/* Works for the machine's worker until the runtime quits (true) or the worker
 * is handed over (false). */
bool copi_sched_loop(struct copi_machine *m);

#endif
