/* SPDX-License-Identifier: MIT
 *
 * statem.h - a state machine in the manner of gen_statem: one callback gets
 * each event together with the state, and says what comes next.
 *
 * A machine is a server: a handler actor that is called with cop_call, cast to
 * with cop_cast, sent to with cop_send, stopped with cop_server_stop, and
 * looked into with the services of sys.h. Beyond a server it has events that
 * wait for another state (postponed), events that it gives to itself, and
 * timeouts of three kinds.
 *
 *     enum { OPEN, LOCKED };
 *
 *     static cop_sm_next handle(cop_sm *sm, void *data, int state,
 *                               const cop_sm_event *e)
 *     {
 *         if (e->type == COP_SM_CAST && e->tag == BUTTON && state == LOCKED) {
 *             cop_sm_timeout(sm, cop_sm_state_timer(), 10 * COP_SEC, 0,
 *                            NULL, 0);
 *             return cop_sm_next_state(OPEN);
 *         }
 *         if (e->type == COP_SM_STATE_TIMEOUT)
 *             return cop_sm_next_state(LOCKED);
 *         cop_sm_postpone(sm, true);
 *         return cop_sm_keep_state();
 *     }
 *
 * Words. A callback *returns* a verdict (cop_sm_next). Before that it *records*
 * actions, with the functions that take the machine. They are carried out after
 * it returned, in the order in which they were recorded; if it ends in cop_exit
 * instead, or says stop, none of them is. An *enter call* is a call of the same
 * callback when a state begins (COP_SM_ENTER), for machines that ask for it.
 *
 * One event is handled so, and then the next one:
 *   1. the callback; the state becomes the one that it returned;
 *   2. its actions;
 *   3. the enter call and its actions, if the state changed or is repeated;
 *   4. if the state changed: its state timeout is cancelled, and all postponed
 *      events stand again at the front, in the order in which they came;
 *   5. the event timeout is cancelled;
 *   6. inserted events are put before those, in their order;
 *   7. timeouts are started; those of time 0 are due when no inserted or
 *      retried event is left, before a message is received.
 */
#ifndef COPPICE_STATEM_H
#define COPPICE_STATEM_H

#include <coppice/server.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A machine, as its own callbacks see it; theirs for the call only. */
typedef struct cop_sm cop_sm;

/* --------------------------------------------------------------- events -- */

typedef enum cop_sm_type {
    COP_SM_ENTER,         /* an enter call, of old_state */
    COP_SM_CALL,          /* a call: answer `from`, now or later */
    COP_SM_CAST,          /* a cast */
    COP_SM_INFO,          /* any other message: plain, DOWN, trapped EXIT */
    COP_SM_INTERNAL,      /* by cop_sm_next_event only */
    COP_SM_STATE_TIMEOUT, /* the state lasted that long */
    COP_SM_TIMEOUT,       /* no other event for that long */
    COP_SM_NAMED_TIMEOUT  /* one of the program's own, called `name` */
} cop_sm_type;

/* What happened. Borrowed for the call. */
typedef struct cop_sm_event {
    cop_sm_type type;
    int old_state;    /* ENTER: the state before; the same at the start and
                         when a state is repeated */
    cop_tag tag;      /* of the message, or as given with the event */
    cop_from from;    /* CALL */
    uint64_t name;    /* NAMED_TIMEOUT */
    const void *body; /* aligned for any type */
    size_t size;
    const cop_msg *msg; /* of CALL, CAST, INFO that came as a message: sender,
                           reason and so on; NULL if it was inserted */
} cop_sm_event;

/* The body if it has exactly `size` bytes; else the machine ends with
 * {badarg, ...} that names tag and sizes. */
COP_API const void *cop_sm_event_expect(const cop_sm_event *e, size_t size);
#define cop_sm_event_as(e, type)                                               \
    ((const type *)cop_sm_event_expect((e), sizeof(type)))

/* ------------------------------------------------------------- verdicts -- */

/* What a callback says comes next; all zero is cop_sm_keep_state(). */
typedef struct cop_sm_next {
    int what;
    int state;
    cop_reason reason;
} cop_sm_next;

/* Go on in this state. If it is another one than before, the state changed;
 * if not, this is cop_sm_keep_state. From init: begin in it. From an enter
 * call the state must be the present one. */
COP_API cop_sm_next cop_sm_next_state(int state);
/* Stay in the state: no enter call, no retry of postponed events. */
COP_API cop_sm_next cop_sm_keep_state(void);
/* The same, but with the enter call once more. */
COP_API cop_sm_next cop_sm_repeat_state(void);
/* End with this reason (taken), `terminate` first. Recorded actions are not
 * carried out. From init: the start fails with it, without terminate. */
COP_API cop_sm_next cop_sm_stop(cop_reason reason);
/* The same, after the recorded actions were carried out, which may only be
 * replies: anything else ends the machine with
 * {bad_reply_action_from_state_function, ...}. Not from init. */
COP_API cop_sm_next cop_sm_stop_and_reply(cop_reason reason);
/* From init only: end, `normal`; the start returns COP_EIGNORE. */
COP_API cop_sm_next cop_sm_ignore(void);

/* ---------------------------------------------------------- the machine -- */

/* Callbacks run one at a time in the machine; they may block in any call. All
 * but `handle` may be NULL. The data is changed in place; what a callback did
 * to it before it ended in cop_exit stays done. */
typedef struct cop_statem {
    const char *label; /* in listings */
    size_t data_bytes; /* zeroed before init */
    bool state_enter;  /* with enter calls */
    /* Returns cop_sm_next_state, _stop or _ignore; may record actions, a
     * postpone among them means nothing. They are carried out, and the first
     * enter call is made, once the start has succeeded. Default: state 0. */
    cop_sm_next (*init)(cop_sm *sm, void *data, void *arg);
    cop_sm_next (*handle)(cop_sm *sm, void *data, int state,
                          const cop_sm_event *e);
    /* Before it ends by itself (as a server's `terminate`). `why` is borrowed.
     * If a callback ended in cop_exit, the state is that in which the event
     * came. */
    void (*terminate)(void *data, int state, cop_reason why);
    /* A state's name, in status texts. Default: its number. */
    const char *(*state_name)(int state);
    /* The data as text, for cop_sys_get_status. */
    void (*format_status)(const void *data, int state, char *buf, size_t size);
    /* cop_sys_change_code to this definition: makes its data, zeroed, from the
     * old one's; may change *state. 0; with any other result, and on cop_exit,
     * all stays with the old definition. Default: data of the same size is
     * taken as it is. Definitions that were pushed remain. */
    int (*code_change)(void *data, int *state, const cop_code_change *from);
    uint32_t version; /* for the code_change of a later one */
} cop_statem;

/* Starts a machine and waits until its init is done; `def` must outlive it.
 * As cop_server_start in all: blocking, argument, *why, errors. (A supervisor
 * starts one by a cop_child.start that calls this with opts->spawn.link.) */
COP_API COP_MUST_USE int cop_statem_start(cop_pid *out, const cop_statem *def,
                                          void *arg,
                                          const cop_server_opts *opts,
                                          cop_reason *why);

/* The calling actor becomes a machine (gen_statem:enter_loop) in this state,
 * with a copy of data_bytes at `data` (NULL: zeroes); init is not called, an
 * enter call is made first. Otherwise as cop_server_enter. */
COP_API COP_NORETURN void cop_statem_enter(const cop_statem *def,
                                           const void *data, int state);

/* What cop_sys_get_state copies of a machine, and cop_sys_replace_state
 * changes in place: this, and the data right behind it. */
typedef struct cop_sm_state {
    int state;
    int unused[3];
} cop_sm_state;

/* -------------------------------------------------------------- actions -- */

/* Recorded in a callback of the machine, by the machine; elsewhere the caller
 * exits with {badarg, ...}. Bodies are copied. Without memory the machine ends,
 * `nomem`. An action that is wrong ends it when its turn comes, with
 * {bad_action_from_state_function, "<action>: ..."}; one that is not for enter
 * calls with {bad_state_enter_action_from_state_function, ...}. */

/* Answers a call: this one, or one from before. A caller that no longer waits
 * is no error. (cop_reply does it at once, and from anywhere.) Wrong: a zero
 * cop_from. */
COP_API void cop_sm_reply(cop_sm *sm, cop_from to, const void *body,
                          size_t size);
COP_API void cop_sm_reply_msg(cop_sm *sm, cop_from to, cop_msg *m); /* taken */

/* The event waits until the state changes, then it comes again (false takes
 * that back). In an enter call only false. */
COP_API void cop_sm_postpone(cop_sm *sm, bool on);

/* Inserts an event: it comes before all that wait, after those inserted by the
 * same callback before it. Type, tag, from, name and body are taken from *e,
 * which may be the event that is being handled. Wrong: COP_SM_ENTER, a
 * COP_SM_CALL without `from`; in an enter call. */
COP_API void cop_sm_next_event(cop_sm *sm, const cop_sm_event *e);

/* Gives back memory that is kept for the next events (a machine that waits
 * holds no stack anyway). The last one of a callback's decides. */
COP_API void cop_sm_hibernate(cop_sm *sm, bool on);

/* Another definition: `handle`, `terminate`, `state_enter` and so on are its
 * own from now on, beginning with the enter call of the same event; init is
 * not called, data and state remain. Push remembers the present one, which pop
 * brings back. Wrong: more data than the machine has, a NULL `handle`, a pop
 * too many; in an enter call. */
COP_API void cop_sm_change_module(cop_sm *sm, const cop_statem *def);
COP_API void cop_sm_push_module(cop_sm *sm, const cop_statem *def);
COP_API void cop_sm_pop_module(cop_sm *sm);

/* ------------------------------------------------------------- timeouts -- */

/* Which timeout. A machine has one state timeout, cancelled by a change of
 * state; one event timeout, cancelled by any event; and any number of named
 * ones. To start one that runs is to start it anew. A timeout that was
 * cancelled or started anew never comes, even if its time was over. */
typedef struct cop_sm_timer {
    cop_sm_type type;
    uint64_t name;
} cop_sm_timer;

static inline cop_sm_timer cop_sm_state_timer(void)
{
    return COP_LITERAL(cop_sm_timer){COP_SM_STATE_TIMEOUT, 0};
}
static inline cop_sm_timer cop_sm_event_timer(void)
{
    return COP_LITERAL(cop_sm_timer){COP_SM_TIMEOUT, 0};
}
static inline cop_sm_timer cop_sm_named_timer(uint64_t name)
{
    return COP_LITERAL(cop_sm_timer){COP_SM_NAMED_TIMEOUT, name};
}

/* Of several actions of one event (its enter call included) on the same
 * timeout only the last counts. The event that comes has the timer's type and
 * name, and this tag and body. */

/* In `after_ns` from now. 0: without a timer, before the next message;
 * COP_FOREVER: it is cancelled. Wrong: a negative time. */
COP_API void cop_sm_timeout(cop_sm *sm, cop_sm_timer timer, cop_time after_ns,
                            cop_tag tag, const void *body, size_t size);
/* At an instant of cop_now's clock; COP_FOREVER: it is cancelled. */
COP_API void cop_sm_timeout_at(cop_sm *sm, cop_sm_timer timer, cop_time at,
                               cop_tag tag, const void *body, size_t size);
/* Gives one that runs another tag and body; its time remains. If it does not
 * run it is started with time 0. */
COP_API void cop_sm_timeout_update(cop_sm *sm, cop_sm_timer timer, cop_tag tag,
                                   const void *body, size_t size);
COP_API void cop_sm_timeout_cancel(cop_sm *sm, cop_sm_timer timer);

#ifdef __cplusplus
}
#endif
#endif
