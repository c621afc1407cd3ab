/* SPDX-License-Identifier: MIT
 *
 * statem_action.c - the actions of a state machine.
 *
 * A callback records them one by one in an array that stays for the next
 * callback. They are carried out, in order, when it has returned. What is wrong
 * with one is found out then, not before: the replies in front of it are sent,
 * as gen_statem does it, which gets them as a list.
 *
 * Some are done at once (replies, modules), some are noted for the end of the
 * event: inserted events and timeouts of the event's callback and of its enter
 * calls come together there.
 */
#include "actors/statem.h"

#include <coppice/memory.h>

#include <stdlib.h>
#include <string.h>

#define ACTIONS_FIRST 4            /* room when there is none yet */
#define BODY_MAX ((size_t)1 << 30) /* as a message's */

void copi_sm_nomem(void)
{
    cop_exit(cop_because("nomem"));
}

/* ------------------------------------------------------------ recording -- */

static COP_NORETURN void misuse(const char *call, const char *what)
{
    cop_exit(cop_because_fmt("badarg", "%s: %s", call, what));
}

/* Room for `n` things of that size; twice as many each time. NULL: no memory,
 * all is as before. */
static void *grown(void *old, size_t n, size_t *room, size_t size)
{
    size_t wanted = *room > 0 ? 2 * *room : ACTIONS_FIRST;
    void *p;

    if (n <= *room)
        return old;
    p = cop_common_realloc(old, wanted * size);
    if (p != NULL)
        *room = wanted;
    return p;
}

static bool is_callback(const cop_sm *sm)
{
    return sm != NULL && cop_pid_eq(cop_self(), sm->self) && sm->is_recording;
}

/* Where the next action goes. It is not recorded before `commit`: what is wrong
 * or cannot be had in between leaves no half of one, should the exit be caught.
 * If there is no place, `taken` goes. */
static struct copi_sm_action *begin_taking(cop_sm *sm, const char *call,
                                           enum copi_sm_verb verb,
                                           cop_msg *taken)
{
    struct copi_sm_actions *a;
    struct copi_sm_action *all;

    if (!is_callback(sm)) {
        cop_msg_free(taken);
        misuse(call, "not in a callback of this machine");
    }
    a = &sm->actions;
    all = grown(a->all, a->count + 1, &a->room, sizeof *a->all);
    if (all == NULL) {
        cop_msg_free(taken);
        copi_sm_nomem();
    }
    a->all = all;
    all[a->count] = (struct copi_sm_action){.verb = verb, .call = call};
    return &all[a->count];
}

static struct copi_sm_action *begin(cop_sm *sm, const char *call,
                                    enum copi_sm_verb verb)
{
    return begin_taking(sm, call, verb, NULL);
}

static void commit(cop_sm *sm)
{
    sm->actions.count++;
}

static struct copi_sm_event *copied(const char *call, const cop_sm_event *e)
{
    struct copi_sm_event *own;

    if (e->body == NULL && e->size > 0)
        misuse(call, "body is NULL");
    if (e->size > BODY_MAX)
        misuse(call, cop_error_str(COP_ESIZE));
    own = copi_sm_event_new(e);
    if (own == NULL)
        copi_sm_nomem();
    return own;
}

void cop_sm_reply(cop_sm *sm, cop_from to, const void *body, size_t size)
{
    struct copi_sm_action *a = begin(sm, "cop_sm_reply", COPI_SM_REPLY);
    int err;

    if (body == NULL && size > 0)
        misuse("cop_sm_reply", "body is NULL");
    err = cop_msg_new(&a->reply, 1, size);
    if (err == COP_ENOMEM)
        copi_sm_nomem();
    if (err != 0)
        misuse("cop_sm_reply", cop_error_str(err));
    if (size > 0)
        memcpy(cop_msg_fill(a->reply), body, size);
    a->to = to;
    commit(sm);
}

void cop_sm_reply_msg(cop_sm *sm, cop_from to, cop_msg *m)
{
    struct copi_sm_action *a =
        begin_taking(sm, "cop_sm_reply_msg", COPI_SM_REPLY, m);

    if (m == NULL)
        misuse("cop_sm_reply_msg", "m is NULL");
    a->reply = m;
    a->to = to;
    commit(sm);
}

void cop_sm_postpone(cop_sm *sm, bool on)
{
    begin(sm, "cop_sm_postpone", COPI_SM_POSTPONE)->on = on;
    commit(sm);
}

void cop_sm_hibernate(cop_sm *sm, bool on)
{
    begin(sm, "cop_sm_hibernate", COPI_SM_HIBERNATE)->on = on;
    commit(sm);
}

void cop_sm_next_event(cop_sm *sm, const cop_sm_event *e)
{
    struct copi_sm_action *a =
        begin(sm, "cop_sm_next_event", COPI_SM_NEXT_EVENT);

    if (e == NULL)
        misuse("cop_sm_next_event", "e is NULL");
    a->event = copied("cop_sm_next_event", e);
    commit(sm);
}

void cop_sm_change_module(cop_sm *sm, const cop_statem *def)
{
    begin(sm, "cop_sm_change_module", COPI_SM_CHANGE)->def = def;
    commit(sm);
}

void cop_sm_push_module(cop_sm *sm, const cop_statem *def)
{
    begin(sm, "cop_sm_push_module", COPI_SM_PUSH)->def = def;
    commit(sm);
}

void cop_sm_pop_module(cop_sm *sm)
{
    (void)begin(sm, "cop_sm_pop_module", COPI_SM_POP);
    commit(sm);
}

/* `e` is what the timeout brings; NULL: it is cancelled. */
static void record_timeout(cop_sm *sm, const char *call, cop_sm_timer timer,
                           enum copi_sm_set how, cop_time time,
                           const cop_sm_event *e)
{
    struct copi_sm_action *a = begin(sm, call, COPI_SM_TIMEOUT);

    a->timer = timer;
    a->wish.how = how;
    a->wish.time = time;
    if (e != NULL)
        a->wish.event = copied(call, e);
    commit(sm);
}

static cop_sm_event elapsed(cop_sm_timer timer, cop_tag tag, const void *body,
                            size_t size)
{
    return (cop_sm_event){.type = timer.type,
                          .name = timer.name,
                          .tag = tag,
                          .body = body,
                          .size = size};
}

void cop_sm_timeout(cop_sm *sm, cop_sm_timer timer, cop_time after_ns,
                    cop_tag tag, const void *body, size_t size)
{
    cop_sm_event e = elapsed(timer, tag, body, size);

    record_timeout(sm, "cop_sm_timeout", timer, COPI_SM_AFTER, after_ns,
                   after_ns != COP_FOREVER ? &e : NULL);
}

void cop_sm_timeout_at(cop_sm *sm, cop_sm_timer timer, cop_time at, cop_tag tag,
                       const void *body, size_t size)
{
    cop_sm_event e = elapsed(timer, tag, body, size);

    record_timeout(sm, "cop_sm_timeout_at", timer, COPI_SM_AT, at,
                   at != COP_FOREVER ? &e : NULL);
}

void cop_sm_timeout_update(cop_sm *sm, cop_sm_timer timer, cop_tag tag,
                           const void *body, size_t size)
{
    cop_sm_event e = elapsed(timer, tag, body, size);

    record_timeout(sm, "cop_sm_timeout_update", timer, COPI_SM_UPDATE, 0, &e);
}

void cop_sm_timeout_cancel(cop_sm *sm, cop_sm_timer timer)
{
    record_timeout(sm, "cop_sm_timeout_cancel", timer, COPI_SM_CANCEL, 0, NULL);
}

/* --------------------------------------------------------- carrying out -- */

static COP_NORETURN void wrong(const struct copi_sm_action *a, const char *name,
                               const char *what)
{
    cop_exit(cop_because_fmt(name, "%s: %s", a->call, what));
}

static COP_NORETURN void bad(const struct copi_sm_action *a, const char *what)
{
    wrong(a, "bad_action_from_state_function", what);
}

static void reply(struct copi_sm_action *a)
{
    cop_msg *m = a->reply;
    int err;

    if (cop_pid_is_none(a->to.pid) && a->to.ref.id == 0)
        bad(a, "to is nobody");
    a->reply = NULL;
    err = cop_reply_msg(a->to, m);
    if (err == COP_ENOMEM)
        copi_sm_nomem();
    if (err == COP_EINVAL)
        bad(a, "to is nobody");
}

static void insert(cop_sm *sm, struct copi_sm_action *a)
{
    const cop_sm_event *e = &a->event->is;

    switch (e->type) {
    case COP_SM_CALL:
        if (cop_pid_is_none(e->from.pid) && e->from.ref.id == 0)
            bad(a, "a call from nobody");
        break;
    case COP_SM_CAST:
    case COP_SM_INFO:
    case COP_SM_INTERNAL:
    case COP_SM_STATE_TIMEOUT:
    case COP_SM_TIMEOUT:
    case COP_SM_NAMED_TIMEOUT:
        break;
    default:
        bad(a, "no type that can be inserted");
    }
    copi_sm_queue_push(&sm->inserted, a->event);
    a->event = NULL;
}

static void wish(cop_sm *sm, struct copi_sm_action *a)
{
    struct copi_sm_wish w = a->wish;

    if (a->timer.type != COP_SM_STATE_TIMEOUT &&
        a->timer.type != COP_SM_TIMEOUT &&
        a->timer.type != COP_SM_NAMED_TIMEOUT)
        bad(a, "no such timer");
    if (w.how == COPI_SM_AFTER && w.time < 0)
        bad(a, "a negative time");
    a->wish.event = NULL;
    if (copi_sm_timers_wish(&sm->timers, a->timer, w) != 0)
        copi_sm_nomem();
}

static void change(cop_sm *sm, const struct copi_sm_action *a)
{
    const cop_statem *def = a->def;
    const cop_statem **pushed;

    if (def == NULL || def->handle == NULL)
        bad(a, "no definition");
    if (def->data_bytes > sm->data_bytes)
        bad(a, "more data than the machine has");
    if (a->verb == COPI_SM_PUSH) {
        pushed = grown(sm->pushed, sm->npushed + 1, &sm->pushed_room,
                       sizeof *pushed);
        if (pushed == NULL)
            copi_sm_nomem();
        sm->pushed = pushed;
        sm->pushed[sm->npushed++] = sm->def;
    }
    sm->def = def;
}

/* Not every action is for every callback. A pop too many is just wrong. */
static void check_phase(const cop_sm *sm, const struct copi_sm_action *a,
                        enum copi_sm_phase phase)
{
    bool entering_too =
        a->verb == COPI_SM_REPLY || a->verb == COPI_SM_HIBERNATE ||
        a->verb == COPI_SM_TIMEOUT || (a->verb == COPI_SM_POSTPONE && !a->on);

    if (phase == COPI_SM_REPLIES && a->verb != COPI_SM_REPLY)
        wrong(a, "bad_reply_action_from_state_function", "not a reply");
    if (a->verb == COPI_SM_POP && sm->npushed == 0)
        bad(a, "nothing was pushed");
    if (phase == COPI_SM_ENTERED && !entering_too)
        wrong(a, "bad_state_enter_action_from_state_function",
              "not in an enter call");
}

static void carry_out(cop_sm *sm, struct copi_sm_action *a)
{
    switch (a->verb) {
    case COPI_SM_REPLY:
        reply(a);
        break;
    case COPI_SM_POSTPONE:
        sm->postpone = a->on;
        break;
    case COPI_SM_HIBERNATE:
        sm->hibernate = a->on;
        break;
    case COPI_SM_NEXT_EVENT:
        insert(sm, a);
        break;
    case COPI_SM_TIMEOUT:
        wish(sm, a);
        break;
    case COPI_SM_CHANGE:
    case COPI_SM_PUSH:
        change(sm, a);
        break;
    case COPI_SM_POP:
        sm->def = sm->pushed[--sm->npushed];
        break;
    }
}

void copi_sm_carry_out(cop_sm *sm, enum copi_sm_phase phase)
{
    struct copi_sm_actions *list = &sm->actions;

    for (list->done = 0; list->done < list->count; list->done++) {
        struct copi_sm_action *a = &list->all[list->done];

        check_phase(sm, a, phase);
        carry_out(sm, a);
    }
    list->count = list->done = 0;
}

/* Also of what was never carried out. */
void copi_sm_actions_fini(struct copi_sm_actions *list)
{
    for (size_t i = list->done; i < list->count; i++) {
        struct copi_sm_action *a = &list->all[i];

        cop_msg_free(a->reply);
        copi_sm_event_free(a->event);
        copi_sm_event_free(a->wish.event);
    }
    free(list->all);
    *list = (struct copi_sm_actions){0};
}
