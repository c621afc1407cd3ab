/* SPDX-License-Identifier: MIT
 *
 * exit.c - death, in its order. Rank: 4.
 *
 * On the actor's own stack, its frames still in place:
 *   0. of a crash: where it was, and what its formatter says (epitaph.c)
 *   1. the handler's terminate, if its init was done and the end is its own
 *      decision (not an exit signal's); once
 *   2. the deferred clean-ups, last one first, the release of a moved argument,
 *      messages that it has built or kept, and the releases of those that are
 *      there by now; at every death
 * Each step is entered before its function is called, so that an exit from
 * within goes on with the next one. In terminate the actor is like a living
 * one: an exit from there, or an exit signal, ends it with another reason, as
 * in OTP.
 *
 * When none of its frames is left (copi_exit_bury), on the machine's stack, or
 * on the coroutine's that its function has returned on (relay.c), while no
 * actor is the thread's:
 *      whoever observes deaths is told (cop_ext_on_exit)
 *   3. names, so that they are free before anybody hears of the death; timers;
 *      owned things; the call that it waits in is withdrawn
 *   4. the mailbox is closed: what is in it is answered as the dead answer;
 *      the actor leaves the table, so that who hears of its death does not
 *      find it any more
 *   5. links and monitors are told
 *   6. messages, aliases, its blocks of memory: all that it owned
 *   7. record and slot wait in limbo (epoch.c)
 *
 * Nothing of this needs memory.
 */
#include "runtime/scheduler/exit.h"

#include "runtime/actor/away.h"
#include "runtime/actor/failures.h"
#include "runtime/actor/heap.h"
#include "runtime/actor/held.h"
#include "runtime/actor/here.h"
#include "runtime/actor/mailbox.h"
#include "runtime/actor/monitor.h"
#include "runtime/actor/name.h"
#include "runtime/actor/reason.h"
#include "runtime/actor/signal.h"
#include "runtime/actor/table.h"
#include "runtime/base/check.h"
#include "runtime/base/os.h"
#include "runtime/memory/mem.h"
#include "runtime/probe/trace.h"
#include "runtime/scheduler/epitaph.h"
#include "runtime/scheduler/runq.h"
#include "runtime/scheduler/timers.h"
#include "runtime/scheduler/turn.h"
#include "runtime/scheduler/wait.h"

/* ------------------------------------------------- on the actor's stack -- */

int copi_defer_push(struct copi_actor *a, void (*fn)(void *), void *arg,
                    bool of_arg)
{
    struct copi_cold *cold = copi_cold_make(a);
    struct copi_defer *d = cold != NULL ? copi_slab_alloc(COPI_SLAB_64) : NULL;
    if (d == NULL)
        return COP_ENOMEM;
    *d = (struct copi_defer){cold->defers, fn, arg, of_arg};
    cold->defers = d;
    return 0;
}

bool copi_defer_pop(struct copi_actor *a, struct copi_defer *out)
{
    struct copi_defer *d = a->cold->defers;
    if (d == NULL)
        return false;
    *out = *d;
    copi_cold_of(a)->defers = d->next;
    copi_slab_free(COPI_SLAB_64, d);
    return true;
}

bool copi_defer_remove(struct copi_actor *a, void (*fn)(void *), void *arg)
{
    struct copi_cold *cold = copi_cold_of(a);
    if (cold == NULL)
        return false;
    for (struct copi_defer **p = &cold->defers; *p != NULL; p = &(*p)->next) {
        struct copi_defer *d = *p;
        if (d->fn == fn && d->arg == arg && !d->of_arg) {
            *p = d->next;
            copi_slab_free(COPI_SLAB_64, d);
            return true;
        }
    }
    return false;
}

static void run_defers(struct copi_actor *a)
{
    struct copi_defer d;
    while (a->cold->defers != NULL && copi_defer_pop(a, &d)) {
        copi_turn_user_begin();
        d.fn(d.arg);
        copi_turn_user_end();
    }
}

static void run_terminate(struct copi_actor *a)
{
    const cop_handler *h = copi_actor_handler(a);
    if (!a->by_signal && a->has_init && h->terminate != NULL) {
        a->dying = COPI_DYING_TERMINATING;
        copi_turn_user_begin();
        h->terminate(a->state, a->reason);
        copi_turn_user_end();
    }
    a->dying = COPI_DYING_DEFERS;
}

/* A callback within a call may have exited: that call is over. */
static void leave_call(struct copi_here *h, struct copi_actor *a)
{
    atomic_store_explicit(&h->in_runtime, 1, memory_order_relaxed);
    if (a->carrier->waiting != NULL)
        copi_wait_end(a, a->carrier->waiting);
    if (atomic_load_explicit(&a->call_ref, memory_order_relaxed) != 0) {
        atomic_store(&a->call_ref, 0);
        atomic_store(&a->calling, 0);
    }
}

static void drop_inbox(struct copi_actor *a)
{
    struct cop_msg *m;
    if (a->current != NULL || a->aside != NULL)
        copi_inbox_unlend_all(a);
    while ((m = a->inbox) != NULL) {
        copi_inbox_take(a, NULL, m);
        copi_signal_dead_letter(m, a->pid, COP_DEAD_EXITED);
    }
}

static void drop_held(struct copi_actor *a)
{
    struct cop_msg *m;
    while ((m = copi_held_take(a)) != NULL)
        copi_msg_release(m);
    if ((m = a->cold->reply) != NULL) {
        copi_cold_of(a)->reply = NULL;
        copi_msg_release(m);
    }
}

/* While a fault in a release is still the actor's. What comes later is dropped
 * with the mailbox. */
static void drop_moved(struct copi_actor *a)
{
    a->dying = COPI_DYING_MESSAGES;
    drop_held(a);
    if ((atomic_load(&a->has) & COPI_HAS_MOVED) == 0)
        return;
    copi_signals_take(a);
    drop_inbox(a);
}

static void clean_up(struct copi_actor *a)
{
    a->carrier->catches = NULL;
    if (a->reason.word != COP_R_NORMAL)
        copi_epitaph_write(a);
    if (a->dying == COPI_DYING_TERMINATE)
        run_terminate(a);
    copi_actor_set_status(a, COP_STATUS_EXITING);
    run_defers(a);
    drop_moved(a);
    a->dying = COPI_DYING_DONE;
}

COP_NORETURN static void go_on_dying(struct copi_actor *a)
{
    leave_call(copi_here(), a);
    clean_up(a);
    copi_turn_leave_for_good(a, COPI_LEAVE_EXITED);
}

static void begin_dying(struct copi_actor *a, cop_reason reason)
{
    if (a->dying == COPI_DYING_NOT) {
        a->dying = COPI_DYING_TERMINATE;
        a->reason = reason;
    } else if (a->dying == COPI_DYING_TERMINATING ||
               (a->dying == COPI_DYING_DEFERS && !a->by_signal)) {
        a->dying = COPI_DYING_DEFERS;
        cop_reason_release(a->reason);
        a->reason = reason;
    } else {
        cop_reason_release(reason);
    }
}

void copi_exit_now(struct copi_actor *a, cop_reason reason)
{
    struct copi_catch *c = a->carrier->catches;
    if (c != NULL) {
        leave_call(copi_here(), a);
        c->reason = reason;
        longjmp(c->at, 1);
    }
    begin_dying(a, reason);
    go_on_dying(a);
}

void copi_exit_returned(struct copi_actor *a)
{
    COPI_ASSERT(a->carrier->catches == NULL && a->carrier->waiting == NULL);
    begin_dying(a, COP_NORMAL);
    clean_up(a);
}

void copi_exit_by_signal(struct copi_actor *a, cop_reason reason)
{
    COPI_ASSERT(copi_exit_can_signal(a));
    begin_dying(a, reason);
    a->by_signal = true;
    go_on_dying(a);
}

void copi_exit_if_over(struct copi_actor *a)
{
    if (copi_heap_is_over(a, 0))
        copi_exit_now(a, copi_reason_limit("memory"));
}

void copi_exit_badarg(const char *text)
{
    /* a call may say so before it has entered: on a thread that has lost its
     * worker, too */
    struct copi_actor *a = copi_turn_user_end()->actor;
    copi_exit_now(a, copi_reason_badarg_fmt("%s", text));
}

/* --------------------------------------------- when its frames are gone -- */

static _Atomic(copi_exit_observer) observer;

void copi_exit_observe(copi_exit_observer fn)
{
    /* release: pairs with tell_observer, publishes what fn uses */
    atomic_store_explicit(&observer, fn, memory_order_release);
}

static void tell_observer(const struct copi_actor *a)
{
    /* acquire: pairs with copi_exit_observe */
    copi_exit_observer fn =
        atomic_load_explicit(&observer, memory_order_acquire);
    if (fn != NULL)
        fn(a->pid, a->reason);
}

static _Atomic(copi_exit_reporter) reporter;

void copi_exit_report_to(copi_exit_reporter fn)
{
    /* release: pairs with record, publishes what fn uses */
    atomic_store_explicit(&reporter, fn, memory_order_release);
}

static void record(struct copi_actor *a)
{
    if (a->reason.word == COP_R_NORMAL) {
        copi_trace(COP_TRACE_EXIT, a->pid, a->parent, COP_R_NORMAL);
        return;
    }
    uint64_t kind = (uint64_t)cop_reason_kind(a->reason);
    if (cop_reason_is_orderly(a->reason)) {
        copi_trace(COP_TRACE_EXIT, a->pid, a->parent, kind);
        return;
    }
    copi_failures_note(a);
    if (!copi_epitaph_is_crash(a))
        copi_trace(COP_TRACE_FAIL, a->pid, a->parent, kind);
    /* acquire: pairs with copi_exit_report_to */
    copi_exit_reporter fn =
        atomic_load_explicit(&reporter, memory_order_acquire);
    if (fn != NULL)
        fn(a);
}

static void close_mailbox(struct copi_actor *a)
{
    struct cop_msg *m;
    while (!copi_mailbox_close(a)) {
        while ((m = copi_mailbox_next_local(a)) != NULL)
            copi_signal_refuse(a, m);
    }
}

static void free_call_error(struct copi_actor *a)
{
    struct copi_call_error *e = a->cold->call_error;
    if (e == NULL)
        return;
    copi_cold_of(a)->call_error = NULL;
    cop_reason_release(e->reason);
    copi_mem_free(e, sizeof *e);
}

static void release_cold(struct copi_actor *a)
{
    copi_inbox_free_marks(a);
    copi_alias_free_all(a);
    free_call_error(a);
    copi_epitaph_free(a);
    struct copi_defer d;
    while (copi_defer_pop(a, &d)) /* it never had a stack */
        d.fn(d.arg);
}

/* Telling thousands takes a while. */
static void let_next_go(struct copi_actor *a)
{
    uint32_t links = atomic_load_explicit(&a->link_count, memory_order_relaxed);
    if (COPI_LIKELY(links <= 64 && !copi_watch_are_many(a, 64)))
        return;
    struct copi_worker *w = copi_here()->worker;
    if (w != NULL)
        copi_runq_give_up_next_local(w);
}

/* Steps 3 to 6, but for its blocks. */
static void withdraw(struct copi_actor *a)
{
    copi_name_close(a);
    if ((atomic_load(&a->has) & COPI_HAS_TIMERS) != 0)
        copi_timers_forget(a);
    if (a->heap != NULL)
        copi_heap_release_owned(a);
    /* relaxed: but for who claims it, which clears it, it alone writes it */
    if (atomic_load_explicit(&a->call_ref, memory_order_relaxed) != 0)
        atomic_store(&a->call_ref, 0);
    close_mailbox(a);
    copi_table_unpublish(a);
    let_next_go(a);
    copi_signal_tell_of_death(a);
    drop_inbox(a);
    if (a->cold != &copi_cold_none) {
        release_cold(a);
        drop_held(a); /* of one that never had a stack, or built them last */
    }
}

void copi_exit_bury(struct copi_actor *a)
{
    COPI_ASSERT(a->dying == COPI_DYING_DONE && a->carrier == NULL);
    copi_actor_set_status(a, COP_STATUS_EXITING);
    if (copi_is_away())
        copi_away.ended(a);
    tell_observer(a);
    record(a);
    if (COPI_LIKELY(!a->own_malloc)) {
        withdraw(a);
    } else { /* messages that are dropped may free blocks of its malloc */
        copi_heap_enter(a);
        withdraw(a);
        copi_heap_leave(a);
    }
    if (a->heap != NULL)
        copi_heap_free_all(a);
    if (a->reason.word != COP_R_NORMAL)
        cop_reason_release(a->reason);
    a->reason = COP_NORMAL;
}
