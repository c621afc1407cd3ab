/* SPDX-License-Identifier: MIT
 *
 * runq.h - who is next: a worker's run queues. Rank: 4. See runq.c.
 */
#ifndef COPI_SCHEDULER_RUNQ_H
#define COPI_SCHEDULER_RUNQ_H

#include "runtime/scheduler/worker.h"

void copi_runlist_init(struct copi_runlist *l);
void copi_runlist_fini(struct copi_runlist *l);
void copi_runlist_push(struct copi_runlist *l, struct copi_actor *a);
struct copi_actor *copi_runlist_pop(struct copi_runlist *l);

/* For an actor that the running actor has just woken or spawned: it runs next
 * if its priority is normal. True if other workers should be told, as there is
 * now more to do than the worker will do at once. */
bool copi_runq_push_next_local(struct copi_worker *w, struct copi_actor *a);
/* The same in two parts, where nobody is next yet. */
static inline bool copi_runq_may_be_next_local(struct copi_worker *w,
                                               const struct copi_actor *a)
{
    return a->priority == COP_PRIO_NORMAL && copi_rt.can_rob &&
           atomic_load_explicit(&w->run_next, memory_order_relaxed) == NULL;
}
static inline void copi_runq_set_next_local(struct copi_worker *w,
                                            struct copi_actor *a)
{
    copi_actor_set_status(a, COP_STATUS_RUNNABLE);
    /* relaxed: see copi_machine_rob_next */
    atomic_store_explicit(&w->run_next, a, memory_order_relaxed);
}
/* What is next becomes one of many, that others may steal: this turn will last
 * for a while, within the runtime. */
void copi_runq_give_up_next_local(struct copi_worker *w);
/* At the end of its queue. Result as above: of normal actors only if the ring
 * was full, else time tells (share.c). */
bool copi_runq_push_local(struct copi_worker *w, struct copi_actor *a);
/* The next one to run from the worker's own queues; NULL: none. */
struct copi_actor *copi_runq_pop_local(struct copi_worker *w);
/* From the global queue, the worker's inbox, and its hogs. */
struct copi_actor *copi_runq_pop_shared_local(struct copi_worker *w);
/* Takes part of another worker's queues. */
struct copi_actor *copi_runq_steal_local(struct copi_worker *w,
                                         struct copi_worker *victim);

/* Any thread: for whichever worker comes first. */
void copi_runq_inject(struct copi_actor *a);

/* Any thread: is there anything to run for worker w? Exact only as idle.c
 * says. */
bool copi_runq_any(const struct copi_worker *w);

#endif
