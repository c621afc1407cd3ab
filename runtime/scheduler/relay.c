/* SPDX-License-Identifier: MIT
 *
 * relay.c - from one actor's turn to the next without the machine. Rank: 4.
 *
 * The machine's loop, on the thread's own stack, could do all of this, at the
 * price of two switches a turn. Most turns end where the next actor is known
 * already, so they pass the thread on themselves:
 *
 *   chain   the actor has nothing on its stack any more (a handler that never
 *           blocked; a function that has returned). If the next one needs a
 *           stack it gets this one, and there is no switch at all.
 *   swap    else the thread goes from stack to stack. The actor that left can
 *           be parked or made runnable only when it is off its stack: this the
 *           other side does, when it arrives. Who leaves has saved itself
 *           before any of this is found out (copi_coro_save).
 *
 * The machine gets the thread back when nobody is next, when something else is
 * due (timers, memory of the dead), and for all that is out of the common:
 * deaths in mid-function, crashes, preempted actors, those with a malloc of
 * their own (which the machine switches), lost workers. It finds
 * what is next in next_up, if somebody was chosen before that became clear.
 *
 * Between turns nobody is `here->actor`, so a fault there is the runtime's.
 */
#include "runtime/scheduler/relay.h"

#include "runtime/actor/here.h"
#include "runtime/probe/inject.h"
#include "runtime/scheduler/carrier.h"
#include "runtime/scheduler/hibernate.h"
#include "runtime/scheduler/sched.h"
#include "runtime/scheduler/turn.h"
#include "runtime/scheduler/wait.h"

/* New coroutines do not get the reserve: they may keep it for ever. */
static bool may_have_warm(struct copi_worker *w, struct copi_actor *a)
{
    return a->stack_bytes == 0 &&
           (copi_actor_handler(a) != NULL || w->reserve != NULL);
}

/* Only the machine lets it run. */
static inline bool needs_machine(const struct copi_actor *a)
{
    return a->own_malloc || a->crashed;
}

/* True: it has a stack, or there was a warm one for it. */
static inline bool get_stack(struct copi_worker *w, struct copi_actor *a)
{
    if (a->carrier == NULL && may_have_warm(w, a))
        a->carrier = copi_carrier_take_warm(w);
    return a->carrier != NULL;
}

/* Whose turn is next, if nothing else is due before. */
static inline struct copi_actor *pick(struct copi_worker *w)
{
    struct copi_actor *a = w->next_up;
    if (a == NULL)
        return copi_sched_next_local(w);
    w->next_up = NULL;
    return a;
}

/* What the machine's loop would do between two turns. */
static inline void between_turns(struct copi_worker *w)
{
    copi_turn_close(w);
    copi_epoch_quiet(w->index);
}

/* The actor has left its stack, by a swap. */
static void finish_left(struct copi_worker *w, struct copi_actor *a)
{
    copi_coro_note_left(&a->carrier->coro);
    copi_turn_note_stack(a);
    copi_turn_note_reductions(w, a);
    if (a->leave == COPI_LEAVE_YIELD)
        copi_sched_yielded(w, a);
    else if (!copi_wait_commit(a))
        copi_sched_ready_local(w, a); /* something has come meanwhile */
}

/* On a stack that has just been entered. By a swap, the end of the last turn
 * and the beginning of this one are still to be done: neither could be while
 * the last actor was on its stack. */
void copi_relay_arrive(void)
{
    struct copi_here *h = copi_here();
    struct copi_worker *w = h->worker;
    struct copi_actor *left = w->left, *a = w->arriving;
    if (a == NULL)
        return;
    w->left = w->arriving = NULL;
    if (left != NULL) {
        finish_left(w, left);
        between_turns(w);
    }
    copi_turn_open(w, a);
    h->actor = a;
    /* who left may have been deeper in, and who arrives begins */
    atomic_store_explicit(&h->in_runtime, 1, memory_order_relaxed);
}

/* From the stack `from` straight to that of `next`, which has one. `left` is
 * who leaves the stack (NULL: nobody is on it any more). */
static inline void swap(struct copi_here *h, struct copi_carrier *from,
                        struct copi_actor *left, struct copi_actor *next)
{
    struct copi_worker *w = h->worker;
    copi_hibernate_wake(next->carrier);
    w->left = left;
    w->arriving = next;
    h->actor = NULL;
    copi_coro_swap_saved(&from->coro, &next->carrier->coro);
}

/* The turn of whoever was here has ended, and the stack is nobody's. */
static enum copi_chain next_turn(struct copi_worker *w, struct copi_here *h,
                                 struct copi_carrier *c)
{
    struct copi_actor *next = pick(w);
    if (next == NULL || needs_machine(next) || next->carrier != NULL ||
        !may_have_warm(w, next)) {
        w->next_up = next;
        return COPI_CHAIN_AWAY;
    }
    copi_turn_open(w, next);
    copi_carrier_forget(c);
    next->carrier = c;
    h->actor = next;
    return COPI_CHAIN_ON;
}

enum copi_chain copi_relay_chain(struct copi_actor *a)
{
    struct copi_here *h = copi_here();
    struct copi_worker *w = h->worker;
    struct copi_carrier *c = a->carrier;
    if (COPI_UNLIKELY(a->held || a->own_malloc || c->stack_bytes != 0 ||
                      copi_inject_is_on(COPI_INJECT_TURNS)))
        return COPI_CHAIN_NOT;
    copi_turn_note_reductions(w, a);
    a->carrier = NULL;
    bool has_ended = a->leave == COPI_LEAVE_EXITED;
    if (!has_ended && copi_turn_settle(w, a)) {
        a->carrier = c;
        return COPI_CHAIN_ON;
    }
    h->actor = NULL;
    if (has_ended)
        copi_turn_bury(w, a);
    between_turns(w);
    return next_turn(w, h, c);
}

void copi_relay_away(void *carrier)
{
    struct copi_carrier *c = carrier;
    struct copi_here *h = copi_here();
    struct copi_worker *w = h->worker;
    struct copi_actor *next = w->next_up;
    if (next != NULL && next->carrier != NULL && !needs_machine(next) &&
        copi_carrier_has_place(w)) {
        w->next_up = NULL;
        copi_carrier_done(w, c); /* nobody takes it before it is left */
        swap(h, c, NULL, next);
        return;
    }
    copi_coro_leave_saved(&c->coro, h->native);
}

/* Who yields is in no queue yet when the next one is chosen. Among equals that
 * is all the same, as it would be the last; but it goes before lower ones. */
static bool may_pass_on(const struct copi_worker *w, const struct copi_actor *a)
{
    if (a->held || a->own_malloc)
        return false;
    return a->leave == COPI_LEAVE_PARK ||
           (a->leave == COPI_LEAVE_YIELD && !w->odd_jobs &&
            a->priority == COP_PRIO_NORMAL);
}

void copi_relay_leave(void *actor)
{
    struct copi_actor *next, *a = actor;
    struct copi_here *h = copi_here();
    if (may_pass_on(h->worker, a) && (next = pick(h->worker)) != NULL) {
        if (!needs_machine(next) && get_stack(h->worker, next)) {
            swap(h, a->carrier, a, next);
            return;
        }
        h->worker->next_up = next;
    }
    copi_coro_leave_saved(&a->carrier->coro, h->native);
}
