/* SPDX-License-Identifier: MIT
 *
 * sched.c - a worker's life: turn after turn, then look around, then sleep.
 * Rank: 4.
 *
 * When to wake another worker, and let it take actors away: share.c.
 */
#include "runtime/scheduler/sched.h"

#include "runtime/actor/driver.h"
#include "runtime/actor/here.h"
#include "runtime/base/check.h"
#include "runtime/base/clock.h"
#include "runtime/base/os.h"
#include "runtime/scheduler/exit.h"
#include "runtime/scheduler/idle.h"
#include "runtime/scheduler/runq.h"
#include "runtime/scheduler/share.h"
#include "runtime/scheduler/timers.h"
#include "runtime/scheduler/turn.h"

enum {
    OTHERS_EVERY = 4 * COPI_TIMERS_EVERY,
    COLLECT_EVERY = 64,
    SEARCH_ROUNDS = 4
};

#define LATE (COP_MS / 4)

struct copi_runtime copi_rt;

static void ready_in_inbox(struct copi_worker *to, struct copi_actor *a)
{
    copi_actor_set_status(a, COP_STATUS_RUNNABLE);
    copi_runlist_push(&to->inbox, a);
    if (copi_here()->worker != to)
        copi_idle_notify_worker(to);
}

/* One that has no choice where to run. */
static COPI_COLD void ready_bound(struct copi_actor *a)
{
    if (a->is_guest) {
        atomic_store(&a->guest.word, 1);
        copi_os_futex_wake(&a->guest.word, 1);
    } else {
        ready_in_inbox(&copi_rt.worker[a->home], a);
    }
}

void copi_sched_ready_slowly(struct copi_worker *w, struct copi_actor *a)
{
    if (COPI_UNLIKELY(a->is_guest || a->pinned))
        ready_bound(a);
    else if (copi_runq_push_next_local(w, a))
        copi_idle_notify();
}

void copi_sched_ready(struct copi_actor *a)
{
    struct copi_worker *w = copi_here()->worker;
    if (w != NULL) {
        copi_sched_ready_local(w, a);
    } else if (a->is_guest || a->pinned) {
        ready_bound(a);
    } else {
        copi_runq_inject(a);
        copi_idle_notify();
    }
}

/* When rings have overflowed, who has had its whole turn goes behind what waits
 * in the global queue: else an actor that spawns without end would run again
 * and again before those that it spawned, and before everybody else. */
static bool goes_behind_all(const struct copi_actor *a)
{
    return (a->priority == COP_PRIO_NORMAL || a->priority == COP_PRIO_LOW) &&
           atomic_load_explicit(&copi_rt.inject_count, memory_order_relaxed) >
               COPI_RING_SIZE / 2;
}

void copi_sched_yielded(struct copi_worker *w, struct copi_actor *a)
{
    if (atomic_load_explicit(&a->migrate, memory_order_relaxed) != 0) {
        atomic_store_explicit(&a->migrate, 0, memory_order_relaxed);
        unsigned to = (w->index + 1) % copi_rt.workers;
        ready_in_inbox(&copi_rt.worker[to], a);
        return;
    }
    if (a->pinned) {
        ready_in_inbox(w, a);
        return;
    }
    if (goes_behind_all(a)) {
        copi_runq_inject(a);
        copi_idle_notify();
        return;
    }
    if (copi_runq_push_local(w, a))
        copi_idle_notify();
}

void copi_sched_held(struct copi_worker *w, struct copi_actor *a)
{
    copi_actor_set_status(a, COP_STATUS_RUNNABLE);
    copi_runlist_push(&w->hogs, a);
}

void copi_sched_install(void)
{
    copi_driver.ready = copi_sched_ready;
    copi_driver.timer_armed = copi_idle_timer_armed;
    copi_driver.exit_badarg = copi_exit_badarg;
}

/* Has a worker had no processor for so long that another one should fire its
 * timers? Asked now and then only, as it reads what others write. */
static bool are_others_late(const struct copi_worker *w)
{
    return w->tick % OTHERS_EVERY == 0 &&
           copi_timers_next_of_all() <= copi_clock_now() - LATE;
}

/* Fires the worker's own timers, or everybody's. */
static void poll_timers(struct copi_worker *w, bool all)
{
    if (copi_rt.config.virtual_time)
        return;
    if (all || are_others_late(w))
        copi_timers_expire_all(copi_clock_now());
    else if (copi_timers_next(w->index) != COP_FOREVER)
        copi_timers_expire(w->index, copi_clock_now());
}

static struct copi_actor *pop_any(struct copi_worker *w)
{
    struct copi_actor *a = copi_runq_pop_local(w);
    return a != NULL ? a : copi_runq_pop_shared_local(w);
}

static struct copi_actor *search(struct copi_worker *w)
{
    unsigned n = copi_rt.workers;
    for (unsigned round = 0; round < SEARCH_ROUNDS; round++) {
        unsigned from = (unsigned)copi_prng_below(&w->prng, n);
        for (unsigned i = 0; i < n; i++) {
            struct copi_worker *victim = &copi_rt.worker[(from + i) % n];
            struct copi_actor *a =
                victim == w ? NULL : copi_runq_steal_local(w, victim);
            if (a != NULL)
                return a;
        }
        struct copi_actor *a = copi_runq_pop_shared_local(w);
        if (a != NULL)
            return a;
    }
    return NULL;
}

/* Chosen in a turn that was handed on. */
static struct copi_actor *take_next_up(struct copi_worker *w)
{
    struct copi_actor *a = w->next_up;
    w->next_up = NULL;
    return a;
}

/* The next actor to run; NULL: the runtime quits. */
static struct copi_actor *next_actor(struct copi_worker *w)
{
    struct copi_actor *a = take_next_up(w);
    bool searching = false;
    if (a == NULL)
        a = copi_runq_pop_local(w);
    while (a == NULL) {
        if (atomic_load_explicit(&copi_rt.quit, memory_order_acquire) != 0)
            return NULL;
        copi_epoch_quiet(w->index);
        poll_timers(w, searching);
        a = pop_any(w);
        if (a != NULL)
            break;
        if (!searching)
            searching = copi_idle_begin_search();
        if (searching && (a = search(w)) != NULL)
            break;
        copi_limbo_collect(&w->limbo);
        copi_limbo_leave_outside(&w->limbo);
        copi_share_before_sleep();
        copi_idle_sleep(w, searching);
        searching = true;
    }
    if (searching)
        copi_idle_end_search(w);
    return a;
}

/* The last of the dead are not followed by others that would make room. */
static void collect(struct copi_worker *w)
{
    copi_limbo_collect(&w->limbo);
    copi_limbo_collect_outside();
}

bool copi_sched_loop(struct copi_machine *m)
{
    struct copi_worker *w = m->worker;
    struct copi_actor *a;
    while ((a = next_actor(w)) != NULL) {
        if (!copi_turn_run(m, a))
            return false;
        copi_epoch_quiet(w->index);
        /* after a turn that lasted, all at once */
        if (atomic_load_explicit(&w->ask, memory_order_relaxed) != 0)
            poll_timers(w, true);
        else if (w->tick % COPI_TIMERS_EVERY == 0)
            poll_timers(w, false);
        if (w->tick % COLLECT_EVERY == 0)
            collect(w);
    }
    return true;
}
