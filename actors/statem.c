/* SPDX-License-Identifier: MIT
 *
 * statem.c - a state machine in the manner of gen_statem.
 *
 * A machine is a server (server.c), whose state is a pointer to the machine's
 * record, so that it is started, stopped and looked into as every server. Each
 * message becomes an event; an event is handled by one callback, its actions,
 * and as many enter calls as it takes (`step`); then the queues are put in
 * order and the timeouts set (`settle`). After that come the events that need
 * no message, until there are none (`drain`):
 *
 *     ready       inserted events, and postponed ones after a change of state
 *     zero        timeouts of time 0
 *
 * and then the server waits for the next message. The first step is the one
 * after init, without an event; it happens when the start has succeeded.
 *
 * Messages. Each is kept as soon as it comes: a callback may receive others,
 * which would end the loan of this one. Its event lies in the machine's record
 * and moves to a block of its own only if it is postponed.
 *
 * The end. Whatever ends the machine exits from where it stands; the server or
 * the runtime calls `terminate` then, as for every server. All memory hangs on
 * the machine's record, which is the server's argument, and goes with it at any
 * kind of death.
 *
 * Invariants.
 *  1. An event is in one of: current, ready, postponed, inserted, a recorded
 *     action, a timeout.
 *  2. Between two messages `ready` and `inserted` are empty, no timeout is
 *     zero or wished, no action is recorded.
 *
 * Rejected: actions as a list that the callback returns. In C somebody would
 * have to own the list, and a typed function says more than a tagged union.
 */
#include "actors/statem.h"

#include "actors/server.h"

/* What a verdict says; 0 is also what a callback that forgets to say it
 * means. */
enum {
    NEXT_KEEP,
    NEXT_STATE,
    NEXT_REPEAT,
    NEXT_STOP,
    NEXT_STOP_REPLY,
    NEXT_IGNORE
};

/* ------------------------------------------------------------- verdicts -- */

cop_sm_next cop_sm_next_state(int state)
{
    return (cop_sm_next){.what = NEXT_STATE, .state = state};
}

cop_sm_next cop_sm_keep_state(void)
{
    return (cop_sm_next){.what = NEXT_KEEP};
}

cop_sm_next cop_sm_repeat_state(void)
{
    return (cop_sm_next){.what = NEXT_REPEAT};
}

cop_sm_next cop_sm_stop(cop_reason reason)
{
    return (cop_sm_next){.what = NEXT_STOP, .reason = reason};
}

cop_sm_next cop_sm_stop_and_reply(cop_reason reason)
{
    return (cop_sm_next){.what = NEXT_STOP_REPLY, .reason = reason};
}

cop_sm_next cop_sm_ignore(void)
{
    return (cop_sm_next){.what = NEXT_IGNORE};
}

const void *cop_sm_event_expect(const cop_sm_event *e, size_t size)
{
    if (e->size != size)
        cop_exit(cop_because_fmt("badarg",
                                 "cop_sm_event_expect: event with tag %u has "
                                 "%zu bytes, not %zu",
                                 (unsigned)e->tag, e->size, size));
    return e->body;
}

/* ------------------------------------------------------------- one step -- */

static cop_sm_next handle(cop_sm *sm, const cop_sm_event *e)
{
    cop_sm_next n;

    sm->is_recording = true;
    n = sm->def->handle(sm, copi_sm_data(sm), sm->at->state, e);
    sm->is_recording = false;
    return n;
}

static COP_NORETURN void bad_return(const char *name, const char *what)
{
    cop_exit(cop_because_fmt(name, "%s", what));
}

static COP_NORETURN void stop_and_reply(cop_sm *sm, cop_reason why)
{
    /* an exit on the way must not lose the reason */
    sm->why = why;
    copi_sm_carry_out(sm, COPI_SM_REPLIES);
    sm->why = COP_NORMAL;
    cop_exit(why);
}

/* Follows a verdict up to the actions. True: an enter call is due, if the
 * machine has them. */
static bool decide(cop_sm *sm, cop_sm_next n, bool entering)
{
    int old = sm->at->state;

    switch (n.what) {
    case NEXT_KEEP:
        return false;
    case NEXT_REPEAT:
        return true;
    case NEXT_STATE:
        if (entering && n.state != old)
            bad_return("bad_state_enter_return_from_state_function",
                       "another state from an enter call");
        sm->at->state = n.state;
        return n.state != old;
    case NEXT_STOP:
        cop_exit(n.reason);
    case NEXT_STOP_REPLY:
        stop_and_reply(sm, n.reason);
    default:
        bad_return(entering ? "bad_state_enter_return_from_state_function"
                            : "bad_return_from_state_function",
                   "no verdict for a state");
    }
}

/* The event is over: it waits, or goes. */
static void put_away(cop_sm *sm)
{
    struct copi_sm_event *e = sm->current;

    if (e == NULL)
        return;
    if (sm->postpone) {
        if (e == &sm->arrived)
            e = copi_sm_event_move(e);
        if (e == NULL)
            copi_sm_nomem();
        copi_sm_queue_push(&sm->postponed, e);
    } else if (e == &sm->arrived) {
        cop_msg_free(e->msg);
        e->msg = NULL;
    } else {
        copi_sm_event_free(e);
    }
    sm->current = NULL;
}

/* Queues and timeouts, when all callbacks have spoken. */
static void settle(cop_sm *sm, bool changed)
{
    put_away(sm);
    if (changed) {
        copi_sm_queue_prepend(&sm->ready, &sm->postponed);
        copi_sm_timers_cancel(&sm->timers, &sm->timers.state);
    }
    copi_sm_timers_cancel(&sm->timers, &sm->timers.event);
    copi_sm_queue_prepend(&sm->ready, &sm->inserted);
    if (copi_sm_timers_apply(&sm->timers) != 0)
        copi_sm_nomem();
    if (sm->hibernate)
        copi_sm_actions_fini(&sm->actions);
}

/* What follows a verdict; `enter`: with an enter call in any case. */
static void step(cop_sm *sm, cop_sm_next n, bool enter)
{
    int old = sm->before;
    bool entering = false;

    sm->postpone = sm->hibernate = false;
    for (;;) {
        enter = decide(sm, n, entering) || enter;
        copi_sm_carry_out(sm, entering ? COPI_SM_ENTERED : COPI_SM_HANDLED);
        if (!enter || !sm->def->state_enter)
            break;
        n = handle(sm, &(cop_sm_event){.type = COP_SM_ENTER, .old_state = old});
        entering = true;
        enter = false;
    }
    settle(sm, sm->at->state != old);
}

static void handle_event(cop_sm *sm, struct copi_sm_event *e)
{
    sm->current = e;
    sm->before = sm->at->state;
    step(sm, handle(sm, &e->is), false);
}

/* All that needs no message. */
static void drain(cop_sm *sm)
{
    struct copi_sm_event *e;

    for (;;) {
        e = copi_sm_queue_pop(&sm->ready);
        if (e == NULL)
            e = copi_sm_timers_zero(&sm->timers);
        if (e == NULL)
            return;
        handle_event(sm, e);
    }
}

/* ------------------------------------------------------------ as server -- */

static cop_sm *machine(void *state)
{
    return *(cop_sm **)state;
}

static cop_next sm_init(void *state, void *arg)
{
    cop_sm *sm = copi_sm_settle(arg);
    cop_sm_next n = cop_sm_next_state(0);

    *(cop_sm **)state = sm;
    sm->self = cop_self();
    if (sm->def->init != NULL) {
        sm->is_recording = true;
        n = sm->def->init(sm, copi_sm_data(sm), sm->arg);
        sm->is_recording = false;
    }
    switch (n.what) {
    case NEXT_STATE:
        sm->at->state = n.state;
        return cop_next_continue(0);
    case NEXT_STOP:
        return cop_next_stop(n.reason);
    case NEXT_IGNORE:
        return cop_next_ignore();
    default:
        cop_reason_release(n.reason);
        return cop_next_stop(
            cop_because_fmt("bad_return_from_init", "no first state"));
    }
}

/* The first step. */
static cop_next sm_resume(void *state, uint64_t token)
{
    cop_sm *sm = machine(state);

    (void)token;
    sm->before = sm->at->state;
    step(sm, cop_sm_keep_state(), true);
    drain(sm);
    return cop_next_wait();
}

static cop_next take_event(cop_sm *sm, struct copi_sm_event *e)
{
    handle_event(sm, e);
    drain(sm);
    return cop_next_wait();
}

static cop_next take_message(cop_sm *sm, cop_sm_type type, const cop_msg *m,
                             cop_from from)
{
    cop_msg *kept = cop_keep(m);

    sm->arrived = (struct copi_sm_event){.msg = kept};
    sm->arrived.is = (cop_sm_event){
        .type = type,
        .tag = cop_msg_tag(kept),
        .from = from,
        .body = cop_msg_body(kept),
        .size = cop_msg_size(kept),
        .msg = kept,
    };
    return take_event(sm, &sm->arrived);
}

static cop_next sm_call(void *state, const cop_msg *m, cop_from from)
{
    return take_message(machine(state), COP_SM_CALL, m, from);
}

static cop_next sm_cast(void *state, const cop_msg *m)
{
    return take_message(machine(state), COP_SM_CAST, m, (cop_from){0});
}

static cop_next sm_info(void *state, const cop_msg *m)
{
    cop_sm *sm = machine(state);
    struct copi_sm_event *e;

    if (!copi_sm_timers_fired(&sm->timers, m, &e))
        return take_message(sm, COP_SM_INFO, m, (cop_from){0});
    return e != NULL ? take_event(sm, e) : cop_next_wait();
}

static void sm_terminate(void *state, cop_reason why)
{
    cop_sm *sm = machine(state);
    /* where a callback exited, its verdict is missing: also an enter call's */
    int at = sm->is_recording ? sm->before : sm->at->state;

    sm->is_recording = false;
    if (sm->def->terminate != NULL)
        sm->def->terminate(copi_sm_data(sm), at, why);
}

const cop_server copi_sm_server = {
    .label = "statem",
    .state_bytes = sizeof(cop_sm *),
    .init = sm_init,
    .call = sm_call,
    .cast = sm_cast,
    .info = sm_info,
    .resume = sm_resume,
    .terminate = sm_terminate,
};
