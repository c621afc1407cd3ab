/* SPDX-License-Identifier: MIT
 *
 * life.c - what runs on a carrier: an actor's turn, if it is a handler, or its
 * whole life. Rank: 4.
 */
#include "runtime/scheduler/life.h"

#include "runtime/actor/here.h"
#include "runtime/actor/mailbox.h"
#include "runtime/base/check.h"
#include "runtime/scheduler/carrier.h"
#include "runtime/scheduler/exit.h"
#include "runtime/scheduler/relay.h"
#include "runtime/scheduler/turn.h"
#include "runtime/scheduler/wait.h"

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

/* Shows it the message that it was lent. Gives what is here afterwards. */
static inline struct copi_here *handle(struct copi_actor *a,
                                       struct copi_here *h)
{
    const cop_handler *handler = copi_actor_handler(a);
    /* No more than a send costs: else who sends without end has his say far
     * more often than who receives, and the mailbox grows and grows. */
    h->worker->budget--;
    if (handler->message != NULL) {
        copi_turn_user_begin_at(h);
        handler->message(a->state, a->current);
        h = copi_turn_user_end();
    }
    copi_inbox_unlend_to(a, h->cells);
    return h;
}

/* Its budget is spent, or sysmon asks. */
static inline bool is_over(const struct copi_worker *w)
{
    return w->budget <= 0 ||
           atomic_load_explicit(&w->ask, memory_order_relaxed) != 0;
}

static void handler_turn(struct copi_actor *a)
{
    copi_turn_begin(a, false);
    if (COPI_UNLIKELY(!a->started))
        run_init(a);
    struct copi_here *h = copi_here();
    for (;;) {
        if (COPI_UNLIKELY(is_over(h->worker)) || !copi_inbox_lend_sole(a)) {
            copi_signals_take(a);
            if (a->inbox == NULL || is_over(h->worker))
                return;
            copi_inbox_lend_first(a);
        }
        h = handle(a, h);
    }
}

static void coroutine_life(struct copi_actor *a)
{
    a->started = true;
    copi_turn_begin(a, false);
    copi_signals_take(a);
    copi_turn_user_begin();
    copi_actor_fn(a)(a->state);
    copi_turn_user_end();
    copi_exit_returned(a);
    a->leave = COPI_LEAVE_EXITED;
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

/* On a carrier that is whole. */
COP_NORETURN static void die_of_crash(struct copi_actor *a)
{
    a->crashed = false;
    copi_exit_now(a, copi_carrier_take_crash(a->carrier->wreck));
}

/* On the one it crashed on, below the innermost cop_catch. */
COP_NORETURN void copi_life_crash_caught(void *unused)
{
    (void)unused;
    copi_relay_arrive(); /* its thread may have lost the worker, or its budget
                            been spent: then others were between */
    struct copi_actor *a = copi_here_actor();
    copi_exit_now(a, copi_carrier_take_crash(a->carrier));
}

COP_NORETURN void copi_life_main(void *unused)
{
    (void)unused;
    copi_relay_arrive();
    for (;;) {
        struct copi_actor *a = copi_here_actor();
        if (COPI_UNLIKELY(a->crashed))
            die_of_crash(a);
        a->leave = COPI_LEAVE_DONE;
        if (copi_actor_handler(a) != NULL)
            handler_turn(a);
        else if (!still_hibernates(a))
            coroutine_life(a);
        struct copi_carrier *c = a->carrier;
        switch (copi_relay_chain(a)) {
        case COPI_CHAIN_ON:
            break;
        case COPI_CHAIN_AWAY:
            copi_coro_save(&c->coro, copi_relay_away, c);
            copi_relay_arrive();
            break;
        case COPI_CHAIN_NOT:
            if (a->leave == COPI_LEAVE_EXITED)
                copi_turn_leave_for_good(a, COPI_LEAVE_EXITED);
            copi_turn_leave(a, COPI_LEAVE_DONE);
        }
    }
}
