/* SPDX-License-Identifier: MIT
 *
 * wait.h - how an actor waits. Rank: 4.
 *
 *     struct copi_wait w;
 *     copi_wait_begin(&w, deadline, COP_WAIT_RECEIVE);
 *     for (;;) {
 *         copi_signals_take(a);              may end the actor
 *         if (what it waits for is there)
 *             break;
 *         if (copi_wait_is_over(&w))
 *             break;                         the deadline has passed
 *         copi_wait_park(a, &w);
 *     }
 *     copi_wait_end(a, &w);
 *
 * In this order nothing is missed: what is there when the deadline passes is
 * still found. The actor wakes for any signal, for its deadline, and for
 * copi_wake; it may also wake for no reason.
 */
#ifndef COPI_SCHEDULER_WAIT_H
#define COPI_SCHEDULER_WAIT_H

#include "runtime/actor/mailbox.h"
#include "runtime/scheduler/timers.h"
#include "runtime/scheduler/turn.h"

struct copi_wait {
    struct copi_deadline timer;
    cop_time deadline;
    cop_wait why;
};

/* What most waits need not: its deadline's timer. */
void copi_wait_arm(struct copi_actor *a, struct copi_wait *w);
void copi_wait_disarm(struct copi_actor *a, struct copi_wait *w);

static inline void copi_wait_begin(struct copi_wait *w, cop_time deadline,
                                   cop_wait why)
{
    w->timer.armed = false;
    atomic_store_explicit(&w->timer.fired, 0, memory_order_relaxed);
    w->deadline = deadline;
    w->why = why;
}
bool copi_wait_is_over(const struct copi_wait *w);
void copi_wait_park(struct copi_actor *a, struct copi_wait *w);
static inline void copi_wait_end(struct copi_actor *a, struct copi_wait *w)
{
    if (w->timer.armed)
        copi_wait_disarm(a, w);
}

void copi_signals_act(struct copi_actor *a);
/* Acts on all signals that have arrived. May end the actor: then it does not
 * return. */
static inline void copi_signals_take(struct copi_actor *a)
{
    if (copi_mailbox_has_signals_local(a))
        copi_signals_act(a);
}

/* The rest of commit: the actor did not park, or should be made to go on. */
bool copi_wait_recall(struct copi_actor *a, bool is_parked);

/* Parks an actor that is off its stack: false if it must go on at once. */
static inline bool copi_wait_commit(struct copi_actor *a)
{
    copi_actor_set_status(a, COP_STATUS_WAITING);
    if (COPI_UNLIKELY(!copi_mailbox_park(a)))
        return !copi_wait_recall(a, false);
    /* The actor may run elsewhere by now, or be dead: its record is still
     * there, as this turn is not over. */
    return COPI_LIKELY(atomic_load(&a->poke) == 0) ||
           !copi_wait_recall(a, true);
}

/* Parts of park. */
void copi_wait_park_guest(struct copi_actor *a);
/* copi_wait_park as a part of the calling function: see copi_coro_save. */
COPI_INLINE void copi_wait_park_here(struct copi_actor *a, struct copi_wait *w)
{
    if (w->deadline != COP_FOREVER && !w->timer.armed)
        copi_wait_arm(a, w);
    /* who pokes after this look finds nobody to clear it */
    if (COPI_UNLIKELY(atomic_load(&a->poke) != 0))
        atomic_store(&a->poke, 0);
    if (copi_deadline_fired(&w->timer) || copi_mailbox_has_signals_local(a))
        return;
    copi_actor_set_wait(a, w->why);
    if (COPI_UNLIKELY(a->is_guest))
        copi_wait_park_guest(a);
    else
        copi_turn_leave_here(a, COPI_LEAVE_PARK);
    copi_actor_set_wait(a, COP_WAIT_NONE);
}

#endif
