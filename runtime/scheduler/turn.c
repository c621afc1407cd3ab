/* SPDX-License-Identifier: MIT
 *
 * turn.c - how actors get a stack and leave it. Rank: 4.
 *
 * A *carrier* is a coroutine that runs actors one after another; each worker
 * keeps a few warm. An actor has one while it has frames on a stack:
 *
 *   a handler actor   from the beginning of a turn to its end, or until it
 *                     runs again if it blocks half-way
 *   a coroutine actor from its first turn until it ends
 *
 * So an idle handler actor has no stack, an actor that was spawned and has not
 * run has none either, and actors that come and go use the same hot one.
 *
 * What an actor asked for when it left its stack (enum copi_leave) is done when
 * it is off it: only then may others see it as parked or runnable. Usually the
 * next actor's side does it (relay.c); here is what the machine does, on the
 * thread's own stack.
 */
#include "runtime/scheduler/turn.h"

#include "runtime/actor/heap.h"
#include "runtime/actor/here.h"
#include "runtime/actor/reason.h"
#include "runtime/base/check.h"
#include "runtime/base/os.h"
#include "runtime/probe/inject.h"
#include "runtime/scheduler/blocking.h"
#include "runtime/scheduler/carrier.h"
#include "runtime/scheduler/exit.h"
#include "runtime/scheduler/hibernate.h"
#include "runtime/scheduler/life.h"
#include "runtime/scheduler/machine.h"
#include "runtime/scheduler/preempt.h"
#include "runtime/scheduler/relay.h"
#include "runtime/scheduler/sched.h"
#include "runtime/scheduler/wait.h"

/* What the frame that calls setjmp may have below its frame address. */
enum { CATCH_BYTES = 1024 };

void copi_turn_begin(struct copi_actor *a, bool parked)
{
    if (COPI_UNLIKELY(a->own_malloc))
        copi_exit_if_over(a);
    if (copi_inject_is_on(COPI_INJECT_TURNS))
        copi_inject_door.turn(a, parked);
}

void copi_turn_leave(struct copi_actor *a, enum copi_leave why)
{
    copi_turn_leave_here(a, why);
}

void copi_turn_leave_for_good(struct copi_actor *a, enum copi_leave why)
{
    a->leave = (uint8_t)why;
    copi_coro_leave_for_good(&a->carrier->coro, copi_here()->native);
}

COPI_EDGE void copi_turn_user_begin(void)
{
    copi_turn_user_begin_at(copi_here());
}

COPI_EDGE struct copi_here *copi_turn_user_end(void)
{
    struct copi_here *h = copi_here();
    atomic_store_explicit(&h->in_runtime, 1, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    if (COPI_UNLIKELY(atomic_load_explicit(&h->lost, memory_order_acquire)))
        return copi_machine_was_lost();
    return h;
}

/* ------------------------------------------------ beginning and ending -- */

void copi_turn_note_stack(struct copi_actor *a)
{
    uint32_t used = (uint32_t)copi_coro_high_water(&a->carrier->coro);
    if (used > atomic_load_explicit(&a->stack_used, memory_order_relaxed))
        atomic_store_explicit(&a->stack_used, used, memory_order_relaxed);
}

bool copi_turn_settle(struct copi_worker *w, struct copi_actor *a)
{
    if (a->inbox != NULL) { /* out of budget, or it leaves its stack */
        copi_sched_yielded(w, a);
        return false;
    }
    /* a deadline that fired as its wait ended: nobody waits for it */
    if (COPI_UNLIKELY(atomic_load(&a->poke) != 0))
        atomic_store(&a->poke, 0);
    if (copi_wait_commit(a))
        return false;
    if (w->budget > 0)
        return true;
    copi_sched_yielded(w, a);
    return false;
}

static void tell_of_end(struct copi_worker *w)
{
    copi_count_in(&w->counters.exited);
    if (atomic_load_explicit(&copi_rt.death_watch, memory_order_relaxed)) {
        atomic_fetch_add(&copi_rt.deaths, 1);
        copi_os_futex_wake(&copi_rt.deaths, INT_MAX);
    }
}

void copi_turn_bury(struct copi_worker *w, struct copi_actor *a)
{
    copi_exit_bury(a);
    copi_limbo_add(&w->limbo, a);
    tell_of_end(w);
}

/* ---------------------------------------------- on the machine's stack -- */

static void end_of_actor(struct copi_worker *w, struct copi_actor *a)
{
    struct copi_carrier *c = a->carrier;
    a->carrier = NULL;
    while (c != NULL) {
        struct copi_carrier *wreck = c->wreck;
        copi_carrier_give_up(w, c);
        c = wreck;
    }
    copi_turn_bury(w, a);
}

static bool after_done(struct copi_worker *w, struct copi_actor *a)
{
    copi_carrier_done(w, a->carrier);
    a->carrier = NULL;
    return copi_turn_settle(w, a);
}

/* Does what it left for; true if its turn goes on. */
static bool after_leave(struct copi_worker *w, struct copi_actor *a)
{
    if (COPI_UNLIKELY(a->held) && a->leave != COPI_LEAVE_PREEMPTED)
        copi_preempt_release(a);
    switch ((enum copi_leave)a->leave) {
    case COPI_LEAVE_PREEMPTED:
        copi_turn_note_stack(a);
        copi_sched_held(w, a);
        return false;
    case COPI_LEAVE_CRASHED:
        return true;
    case COPI_LEAVE_STACK:
        copi_turn_note_stack(a);
        copi_coro_reset(&a->carrier->coro, copi_life_main, NULL);
        return after_done(w, a);
    case COPI_LEAVE_DONE:
        return after_done(w, a);
    case COPI_LEAVE_PARK:
        copi_turn_note_stack(a);
        return !copi_wait_commit(a);
    case COPI_LEAVE_YIELD:
        copi_turn_note_stack(a);
        copi_sched_yielded(w, a);
        return false;
    case COPI_LEAVE_BLOCKING:
        copi_turn_note_stack(a);
        copi_blocking_submit(a);
        return false;
    case COPI_LEAVE_EXITED:
        end_of_actor(w, a);
        return false;
    case COPI_LEAVE_LOST:
        break;
    }
    COPI_ASSERT(false);
    return false;
}

/* An actor that cannot have a stack ends before it runs; a handler that did run
 * tries again, as its deferred clean-ups need one. */
static void go_without_stack(struct copi_worker *w, struct copi_actor *a)
{
    if (a->started) {
        copi_sched_yielded(w, a);
        return;
    }
    a->reason = copi_reason_limit("stack");
    a->dying = COPI_DYING_DONE;
    end_of_actor(w, a);
}

/* Its frames are of no use any more, but deferred functions may look at them:
 * they stay until the actor has ended on another carrier. */
static void after_crash(struct copi_machine *m, struct copi_actor *a)
{
    struct copi_carrier *c = a->carrier;
    c->crash = copi_reason_fault(&m->fault);
    if (a->injected)
        c->crash = copi_reason_inject(c->crash);
    a->injected = false;
    /* the record of its wait lies on that stack, perhaps where it goes on */
    if (c->waiting != NULL)
        copi_wait_end(a, c->waiting);
    if (c->catches != NULL &&
        copi_coro_go_on_below(&c->coro, c->catches->frame - CATCH_BYTES,
                              copi_life_crash_caught, NULL))
        return;
    a->crashed = true;
}

/* The machine's worker may have been handed over while the actor crashed. */
static bool has_lost_worker(struct copi_machine *m, struct copi_actor *a)
{
    if (a->leave == COPI_LEAVE_LOST)
        return true;
    return a->leave == COPI_LEAVE_CRASHED && copi_machine_is_lost(m);
}

/* Until the actor leaves, or one to whom it has passed the thread on. Who has
 * a malloc of its own does not, and gets it from nobody. */
static struct copi_coro *enter(struct copi_machine *m, struct copi_actor *a)
{
    m->here->actor = a;
    if (COPI_LIKELY(!a->own_malloc))
        return copi_coro_enter(&m->native, &a->carrier->coro);
    copi_heap_enter(a);
    struct copi_coro *left = copi_coro_enter(&m->native, &a->carrier->coro);
    copi_heap_leave(a);
    return left;
}

bool copi_turn_run(struct copi_machine *m, struct copi_actor *a)
{
    struct copi_worker *w = m->worker;
    bool again = false;

    copi_turn_open(w, a);
    do {
        if (copi_carrier_is_needed(a) && !copi_carrier_give(w, a)) {
            go_without_stack(w, a);
            break;
        }
        copi_hibernate_wake(a->carrier);
        struct copi_coro *left = enter(m, a);
        a = m->here->actor; /* another one, if turns were chained */
        m->here->actor = NULL;
        atomic_store_explicit(&m->here->in_runtime, 1, memory_order_relaxed);
        if (a == NULL) {
            copi_carrier_done(w,
                              COPI_CONTAINER(left, struct copi_carrier, coro));
            return true;
        }
        if (a->leave == COPI_LEAVE_CRASHED)
            after_crash(m, a);
        if (has_lost_worker(m, a)) {
            if (a->held && a->leave == COPI_LEAVE_LOST)
                copi_preempt_release(a);
            copi_machine_requeue(a);
            return false;
        }
        copi_turn_note_reductions(w, a);
        again = after_leave(w, a);
        /* who was chosen already does not wait for another turn's end: sysmon
         * would not know of it */
    } while (again && w->budget > 0 && w->next_up == NULL);
    if (again)
        copi_sched_yielded(w, a);
    copi_turn_close(w);
    return true;
}
