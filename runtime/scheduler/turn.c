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
 * At the end of a turn the machine, back on its own stack, does what the actor
 * asked for when it left (enum copi_leave). Only then may others see it as
 * parked or runnable.
 */
#include "runtime/scheduler/turn.h"

#include "runtime/actor/here.h"
#include "runtime/actor/mailbox.h"
#include "runtime/actor/reason.h"
#include "runtime/base/check.h"
#include "runtime/base/os.h"
#include "runtime/memory/mem.h"
#include "runtime/probe/inject.h"
#include "runtime/scheduler/blocking.h"
#include "runtime/scheduler/exit.h"
#include "runtime/scheduler/hibernate.h"
#include "runtime/scheduler/machine.h"
#include "runtime/scheduler/preempt.h"
#include "runtime/scheduler/sched.h"
#include "runtime/scheduler/wait.h"

enum { WARM_MAX = 8 };
/* What the frame that calls setjmp may have below its frame address. */
enum { CATCH_BYTES = 1024 };

/* ------------------------------------------------ on the actor's stack -- */

static bool ends_turn(enum copi_leave why)
{
    return why == COPI_LEAVE_DONE || why == COPI_LEAVE_PARK ||
           why == COPI_LEAVE_YIELD;
}

/* A fault plan may have something in mind for the actor; in that case it need
 * not come back. */
static void begin_turn(struct copi_actor *a, bool parked)
{
    if (copi_inject_is_on(COPI_INJECT_TURNS))
        copi_inject_door.turn(a, parked);
}

void copi_turn_leave(struct copi_actor *a, enum copi_leave why)
{
    if (copi_inject_is_on(COPI_INJECT_TURNS) && ends_turn(why))
        copi_inject_door.leaving(a);
    struct copi_here *h = copi_here();
    uint32_t depth = atomic_load_explicit(&h->in_runtime, memory_order_relaxed);
    COPI_ASSERT(h->actor == a && copi_lock_none_held());
    a->leave = (uint8_t)why;
    copi_coro_leave(&a->carrier->coro, h->native);
    /* perhaps another thread: `h` is stale */
    atomic_store_explicit(&copi_here()->in_runtime, depth,
                          memory_order_relaxed);
    if (why != COPI_LEAVE_DONE && ends_turn(why))
        begin_turn(a, why == COPI_LEAVE_PARK);
}

void copi_turn_leave_for_good(struct copi_actor *a, enum copi_leave why)
{
    a->leave = (uint8_t)why;
    copi_coro_leave_for_good(&a->carrier->coro, copi_here()->native);
}

COPI_EDGE void copi_turn_user_begin(void)
{
    struct copi_here *h = copi_here();
    COPI_ASSERT(h->in_runtime == 1);
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&h->in_runtime, 0, memory_order_release);
}

COPI_EDGE void copi_turn_user_end(void)
{
    struct copi_here *h = copi_here();
    atomic_store_explicit(&h->in_runtime, 1, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&h->lost, memory_order_acquire) != 0)
        copi_machine_was_lost();
}

void copi_turn_judge_begin(void)
{
    struct copi_here *h = copi_here();
    if (h->native == NULL ||
        atomic_load_explicit(&h->in_runtime, memory_order_relaxed) != 1)
        return;
    atomic_store_explicit(&h->in_runtime, COPI_JUDGING, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
}

void copi_turn_judge_end(void)
{
    struct copi_here *h = copi_here();
    if (h->native == NULL ||
        atomic_load_explicit(&h->in_runtime, memory_order_relaxed) !=
            COPI_JUDGING)
        return;
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&h->in_runtime, 1, memory_order_relaxed);
}

static void run_init(struct copi_actor *a)
{
    a->started = true;
    const cop_handler *h = copi_actor_handler(a);
    void *arg = a->state;
    a->state = copi_actor_extra(a);
    if (h->init != NULL) {
        copi_turn_user_begin();
        int rc = h->init(a->state, arg);
        copi_turn_user_end();
        if (rc != 0)
            copi_exit_now(a, COP_NORMAL);
    }
    a->has_init = true;
}

static void handle_one(struct copi_actor *a)
{
    struct cop_msg *m = a->inbox;
    copi_inbox_lend(a, NULL, m);
    const cop_handler *h = copi_actor_handler(a);
    if (h->message != NULL) {
        copi_turn_user_begin();
        h->message(a->state, m);
        copi_turn_user_end();
    }
    copi_inbox_unlend(a);
}

static void handler_turn(struct copi_actor *a)
{
    begin_turn(a, false);
    if (!a->started)
        run_init(a);
    for (;;) {
        copi_signals_take(a);
        struct copi_worker *w = copi_here()->worker;
        if (a->inbox == NULL || w->budget <= 0)
            return;
        w->budget--;
        handle_one(a);
    }
}

static void coroutine_life(struct copi_actor *a)
{
    a->started = true;
    begin_turn(a, false);
    copi_signals_take(a);
    copi_turn_user_begin();
    copi_actor_fn(a)(a->state);
    copi_turn_user_end();
    copi_exit_now(a, COP_NORMAL);
}

/* Only a message ends it, no other signal. */
static bool still_hibernates(struct copi_actor *a)
{
    if (a->hibernates) {
        copi_signals_take(a);
        a->hibernates = a->inbox == NULL;
    }
    return a->hibernates;
}

static cop_reason take_crash(struct copi_carrier *c)
{
    cop_reason why = c->crash;
    c->crash = COP_NORMAL;
    return why;
}

/* On a carrier that is whole. */
COP_NORETURN static void die_of_crash(struct copi_actor *a)
{
    a->crashed = false;
    copi_exit_now(a, take_crash(a->carrier->wreck));
}

/* On the one it crashed on, below the innermost cop_catch. */
COP_NORETURN static void crash_caught(void *unused)
{
    struct copi_actor *a = copi_here_actor();
    (void)unused;
    copi_exit_now(a, take_crash(a->carrier));
}

static void carrier_main(void *unused)
{
    (void)unused;
    for (;;) {
        struct copi_actor *a = copi_here_actor();
        if (a->crashed)
            die_of_crash(a);
        if (copi_actor_handler(a) != NULL)
            handler_turn(a);
        else if (!still_hibernates(a))
            coroutine_life(a);
        copi_turn_leave(a, COPI_LEAVE_DONE);
    }
}

/* ------------------------------------------------------------- carriers -- */

static struct copi_carrier *carrier_new(size_t stack_bytes)
{
    struct copi_carrier *c = copi_mem_zalloc(sizeof *c);
    if (c == NULL)
        return NULL;
    c->stack_bytes = stack_bytes;
    if (copi_coro_init(&c->coro, stack_bytes, carrier_main, NULL) != 0) {
        copi_mem_free(c, sizeof *c);
        return NULL;
    }
    return c;
}

static void carrier_free(struct copi_carrier *c)
{
    copi_coro_fini(&c->coro);
    copi_mem_free(c, sizeof *c);
}

/* Takes back a carrier that nothing lies on any more. */
static void carrier_done(struct copi_worker *w, struct copi_carrier *c)
{
    if (c->stack_bytes == 0 && w->reserve == NULL) {
        w->reserve = c;
        return;
    }
    if (c->stack_bytes != 0 || w->warm_count >= WARM_MAX) {
        carrier_free(c);
        return;
    }
    c->next = w->warm;
    w->warm = c;
    w->warm_count++;
}

int copi_turn_make_reserve(struct copi_worker *w)
{
    w->reserve = carrier_new(0);
    return w->reserve != NULL ? 0 : COP_ENOMEM;
}

void copi_turn_free_warm(struct copi_worker *w)
{
    if (w->reserve != NULL)
        carrier_free(w->reserve);
    w->reserve = NULL;
    while (w->warm != NULL) {
        struct copi_carrier *c = w->warm;
        w->warm = c->next;
        carrier_free(c);
    }
    w->warm_count = 0;
}

/* New coroutines do not get the reserve: they may keep it for ever. */
static bool ends_soon(struct copi_actor *a)
{
    return a->crashed || copi_actor_handler(a) != NULL;
}

static bool give_carrier(struct copi_worker *w, struct copi_actor *a)
{
    struct copi_carrier *c = w->warm;
    /* what is left to do after a crash needs no more than the default */
    size_t want = a->crashed ? 0 : a->stack_bytes;
    if (want == 0 && c != NULL) {
        w->warm = c->next;
        w->warm_count--;
    } else {
        c = carrier_new(want);
    }
    if (c == NULL && ends_soon(a) && want == 0) {
        c = w->reserve;
        w->reserve = NULL;
    }
    if (c == NULL)
        return false;
    if (COPI_UNLIKELY(a->crashed))
        c->wreck = a->carrier;
    a->carrier = c;
    return true;
}

/* ---------------------------------------------- on the machine's stack -- */

static void note_stack(struct copi_actor *a)
{
    uint32_t used = (uint32_t)copi_coro_high_water(&a->carrier->coro);
    if (used > atomic_load_explicit(&a->stack_used, memory_order_relaxed))
        atomic_store_explicit(&a->stack_used, used, memory_order_relaxed);
}

static void tell_of_end(void)
{
    COPI_COUNT(exited);
    if (atomic_load_explicit(&copi_rt.death_watch, memory_order_relaxed)) {
        atomic_fetch_add(&copi_rt.deaths, 1);
        copi_os_futex_wake(&copi_rt.deaths, INT_MAX);
    }
}

/* Frames on it are given up. */
static void give_up_carrier(struct copi_worker *w, struct copi_carrier *c)
{
    cop_reason_release(take_crash(c));
    copi_coro_reset(&c->coro, carrier_main, NULL);
    c->wreck = NULL;
    c->catches = NULL;
    c->is_marked = false;
    COPI_ASSERT(c->kept == NULL);
    carrier_done(w, c);
}

static void end_of_actor(struct copi_worker *w, struct copi_actor *a)
{
    struct copi_carrier *c = a->carrier;
    a->carrier = NULL;
    while (c != NULL) {
        struct copi_carrier *wreck = c->wreck;
        give_up_carrier(w, c);
        c = wreck;
    }
    copi_exit_bury(a);
    copi_limbo_add(&w->limbo, a);
    tell_of_end();
}

/* What it has spent of the turn's budget beyond *spent. */
static void note_reductions(struct copi_worker *w, struct copi_actor *a,
                            int *spent)
{
    int now = (int)copi_rt.config.reductions - w->budget;
    uint64_t r = atomic_load_explicit(&a->reductions, memory_order_relaxed);
    atomic_store_explicit(&a->reductions, r + (uint64_t)(now - *spent),
                          memory_order_relaxed);
    *spent = now;
}

/* It needs no stack. */
static bool after_done(struct copi_worker *w, struct copi_actor *a)
{
    carrier_done(w, a->carrier);
    a->carrier = NULL;
    if (a->inbox != NULL) { /* out of budget, or it leaves its stack */
        copi_sched_yielded(w, a);
        return false;
    }
    /* a deadline that fired as its wait ended: nobody waits for it */
    if (atomic_load_explicit(&a->poke, memory_order_relaxed) != 0)
        atomic_store(&a->poke, 0);
    return !copi_wait_commit(a);
}

/* Does what it left for; true if its turn goes on. */
static bool after_leave(struct copi_worker *w, struct copi_actor *a)
{
    if (COPI_UNLIKELY(a->held) && a->leave != COPI_LEAVE_PREEMPTED)
        copi_preempt_release(a);
    switch ((enum copi_leave)a->leave) {
    case COPI_LEAVE_PREEMPTED:
        note_stack(a);
        copi_sched_held(w, a);
        return false;
    case COPI_LEAVE_CRASHED:
        return true;
    case COPI_LEAVE_STACK:
        note_stack(a);
        copi_coro_reset(&a->carrier->coro, carrier_main, NULL);
        return after_done(w, a);
    case COPI_LEAVE_DONE:
        return after_done(w, a);
    case COPI_LEAVE_PARK:
        note_stack(a);
        return !copi_wait_commit(a);
    case COPI_LEAVE_YIELD:
        note_stack(a);
        copi_sched_yielded(w, a);
        return false;
    case COPI_LEAVE_BLOCKING:
        note_stack(a);
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
                              crash_caught, NULL))
        return;
    a->crashed = true;
}

/* Who crashed leaves the wreck alone. */
static bool needs_carrier(const struct copi_actor *a)
{
    return a->carrier == NULL || COPI_UNLIKELY(a->crashed);
}

/* The machine's worker may have been handed over while the actor crashed. */
static bool has_lost_worker(struct copi_machine *m, struct copi_actor *a)
{
    if (a->leave == COPI_LEAVE_LOST)
        return true;
    return a->leave == COPI_LEAVE_CRASHED && copi_machine_is_lost(m);
}

bool copi_turn_run(struct copi_machine *m, struct copi_actor *a)
{
    struct copi_worker *w = m->worker;
    uint64_t turn = atomic_load_explicit(&w->turn, memory_order_relaxed);
    int spent = 0;
    bool again = false;

    COPI_COUNT(turns);
    w->budget = (int)copi_rt.config.reductions;
    copi_actor_set_status(a, COP_STATUS_RUNNING);
    /* release: sysmon sees the turn with what came before it */
    atomic_store_explicit(&w->turn, turn + 1, memory_order_release);
    if (atomic_load_explicit(&w->ask, memory_order_relaxed) != 0)
        atomic_store_explicit(&w->ask, 0, memory_order_relaxed);
    do {
        if (needs_carrier(a) && !give_carrier(w, a)) {
            go_without_stack(w, a);
            break;
        }
        copi_hibernate_wake(a->carrier);
        m->here->actor = a;
        copi_coro_enter(&m->native, &a->carrier->coro);
        m->here->actor = NULL;
        atomic_store_explicit(&m->here->in_runtime, 1, memory_order_relaxed);
        if (a->leave == COPI_LEAVE_CRASHED)
            after_crash(m, a);
        if (has_lost_worker(m, a)) {
            if (a->held && a->leave == COPI_LEAVE_LOST)
                copi_preempt_release(a);
            copi_machine_requeue(a);
            return false;
        }
        note_reductions(w, a, &spent);
        again = after_leave(w, a);
    } while (again && w->budget > 0);
    if (again)
        copi_sched_yielded(w, a);
    if (atomic_load_explicit(&w->stalled, memory_order_relaxed) != 0)
        atomic_store_explicit(&w->stalled, 0, memory_order_relaxed);
    atomic_store_explicit(&w->turn, turn + 2, memory_order_release);
    return true;
}
