/* SPDX-License-Identifier: MIT
 *
 * event.h - a handler for tests of event managers: what comes tells it what to
 * do, and what happens to it is noted (kid.h), in the words of
 * tests/conformance/otp/event.erl. A handler is named by a letter.
 *
 *     cop_pid m = manager();
 *     add(m, "ab");                   a, then b, which is in front
 *     tell(m, 'b', HAND_CRASH);       only b does it; all note it
 *     notes_are("a init|b init|b event|...");
 */
#ifndef COPPICE_TESTS_EVENT_H
#define COPPICE_TESTS_EVENT_H

#include <coppice/event.h>

#include "tests/support/kid.h"

enum hand_what {
    HAND_NOTHING,
    HAND_CRASH,  /* cop_exit(boom) */
    HAND_BADARG, /* misuse of a call */
    HAND_ODD,    /* the verdict `fail`, odd */
    HAND_REMOVE,
    HAND_HIBERNATE,
    HAND_SWAP,    /* to be replaced by the name `arg`, leaving "left" */
    HAND_ADD,     /* requests of its own manager: add, */
    HAND_WHICH,   /* which, */
    HAND_SYNC,    /* sync_notify, */
    HAND_NOTIFY,  /* notify */
    HAND_RECEIVE, /* takes a message of tag HAND_FOR_B within the callback */
    HAND_KEEP,    /* tries to keep the message */
    HAND_SLOW,    /* takes 100 ms */
    HAND_LATER,   /* to a call: answers when HAND_ANSWER comes */
    HAND_ANSWER
};

enum { HAND_EVENT = 7, HAND_FOR_B = 99 };

/* What init is to come to. */
enum hand_init { INIT_OK, INIT_EXIT, INIT_ERROR, INIT_ODD };

struct hand_arg {
    char name[8];
    enum hand_init outcome;
};

struct hand_do {
    char only; /* who does it; 0: all */
    enum hand_what what;
    struct hand_arg arg; /* of HAND_SWAP */
};

struct hand_state {
    char name[8];
    cop_from waits;
};

static inline cop_event_id named(char letter);

static inline void hand_old(char *out, size_t size, const cop_event_init *how)
{
    char why[COP_REASON_TEXT];
    switch (how->old_code) {
    case 0:
        snprintf(out, size, "%s",
                 how->old != NULL ? (const char *)cop_msg_body(how->old)
                                  : "nothing");
        break;
    case COP_ENOENT:
        snprintf(out, size, "error");
        break;
    default:
        snprintf(out, size, "EXIT %s",
                 cop_reason_str(how->old_why, why, sizeof why));
    }
}

static inline cop_event_next hand_init(void *state, cop_event_init *how)
{
    struct hand_state *s = state;
    const struct hand_arg *arg = how->arg;
    char old[COP_REASON_TEXT + 8];
    ck_assert(s->name[0] == '\0' && how->arg_bytes == sizeof *arg);
    memcpy(s->name, arg->name, sizeof s->name);
    hand_old(old, sizeof old, how);
    note("%s init%s%s%s", s->name, how->swapped ? " in place, old " : "",
         how->swapped ? old : "", arg->outcome == INIT_OK ? "" : " fails");
    switch (arg->outcome) {
    case INIT_EXIT:
        cop_exit(cop_because("boom"));
    case INIT_ERROR:
        return cop_event_fail(cop_because_fmt("error", "no"));
    case INIT_ODD:
        return cop_event_remove();
    default:
        return cop_event_keep();
    }
}

static inline void hand_own(const struct hand_state *s, enum hand_what what)
{
    const struct hand_arg arg = {"z", INIT_OK};
    const struct hand_do nothing = {0};
    cop_event_id ids[4];
    cop_pid me = cop_self();
    int err;
    if (what == HAND_ADD)
        err = cop_event_add_handler(me, named('z'), &arg, sizeof arg, NULL);
    else if (what == HAND_WHICH)
        err = cop_event_which_handlers(me, ids, 4);
    else if (what == HAND_SYNC)
        err = cop_event_sync_notify(me, HAND_EVENT, &nothing, sizeof nothing);
    else
        err = cop_event_notify(me, HAND_EVENT, &nothing, sizeof nothing);
    note("%s own request: %s", s->name, err < 0 ? cop_error_name(err) : "ok");
}

static inline void hand_receive(const struct hand_state *s)
{
    const cop_msg *m;
    ck_assert_int_eq(cop_recv_tag(&m, HAND_FOR_B, cop_in(COP_SEC)), 0);
    note("%s received", s->name);
}

static inline cop_event_next hand_do(const struct hand_state *s,
                                     const cop_msg *m, const struct hand_do *d)
{
    struct hand_arg arg = d->arg;
    switch (d->what) {
    case HAND_CRASH:
        cop_exit(cop_because("boom"));
    case HAND_BADARG:
        (void)cop_msg_expect(m, 12345);
        break;
    case HAND_ODD:
        return cop_event_fail(cop_because_fmt("odd", "verdict"));
    case HAND_REMOVE:
        return cop_event_remove();
    case HAND_HIBERNATE:
        return cop_event_hibernate();
    case HAND_SWAP:
        return cop_event_swap("left", 5, named(arg.name[0]), &arg, sizeof arg);
    case HAND_RECEIVE:
        hand_receive(s);
        break;
    case HAND_KEEP:
        cop_msg_free(cop_keep(m));
        break;
    case HAND_SLOW:
        cop_sleep(100 * COP_MS);
        break;
    case HAND_NOTHING:
    case HAND_LATER:
    case HAND_ANSWER:
        break;
    default:
        hand_own(s, d->what);
    }
    return cop_event_keep();
}

static inline cop_event_next hand_get(struct hand_state *s, const cop_msg *m,
                                      const char *as)
{
    const struct hand_do *d = cop_msg_body(m);
    bool has_do = cop_msg_size(m) == sizeof *d;
    char why[COP_REASON_TEXT];
    if (cop_msg_tag(m) == COP_EXIT || cop_msg_tag(m) == COP_DOWN)
        note("%s %s %s %s", s->name, as,
             cop_msg_tag(m) == COP_EXIT ? "EXIT" : "DOWN",
             cop_reason_str(cop_msg_reason(m), why, sizeof why));
    else
        note("%s %s %u", s->name, as, (unsigned)cop_msg_tag(m));
    if (!has_do || (d->only != 0 && d->only != s->name[0]))
        return cop_event_keep();
    if (d->what == HAND_ANSWER)
        ck_assert_int_eq(cop_event_reply(s->waits, s->name, 8), 0);
    return hand_do(s, m, d);
}

static inline cop_event_next hand_event(void *state, const cop_msg *m)
{
    return hand_get(state, m, "event");
}

static inline cop_event_next hand_info(void *state, const cop_msg *m)
{
    return hand_get(state, m, "info");
}

static inline cop_event_next hand_call(void *state, const cop_msg *m,
                                       cop_from from)
{
    struct hand_state *s = state;
    const struct hand_do d = *cop_msg_as(m, struct hand_do);
    cop_event_next next;
    note("%s call %u", s->name, (unsigned)cop_msg_tag(m));
    if (d.what == HAND_LATER)
        s->waits = from;
    next = hand_do(s, m, &d);
    /* else who asks would wait for ever */
    if (d.what != HAND_ODD && d.what != HAND_LATER &&
        cop_event_reply(from, s->name, sizeof s->name) == COP_ENOMEM)
        return cop_event_fail(cop_because("nomem"));
    return next;
}

/* In the words of gen_event. */
static inline void hand_end_text(char *out, size_t size,
                                 const cop_event_end *end)
{
    char why[COP_REASON_TEXT];
    cop_reason_str(end->reason, why, sizeof why);
    switch (end->cause) {
    case COP_EVENT_DELETED:
    case COP_EVENT_SWAPPED:
        snprintf(out, size, "%s",
                 end->arg != NULL ? (const char *)end->arg : "nothing");
        break;
    case COP_EVENT_REMOVED:
        snprintf(out, size, "remove_handler");
        break;
    case COP_EVENT_FAILED:
        snprintf(out, size, "{error, %s}", why);
        break;
    case COP_EVENT_ORPHANED:
        snprintf(out, size, "{stop, %s}", why);
        break;
    case COP_EVENT_STOPPED:
        snprintf(out, size, "stop");
        break;
    }
}

/* Gives "{gone,NAME}". */
static inline cop_msg *hand_terminate(void *state, const cop_event_end *end)
{
    const struct hand_state *s = state;
    char text[COP_REASON_TEXT + 16];
    cop_msg *m;
    hand_end_text(text, sizeof text, end);
    note("%s terminate %s", s->name, text);
    if (strcmp(text, "die_in_terminate") == 0)
        cop_exit(cop_because_fmt("in_terminate", "x"));
    if (cop_msg_new(&m, 1, 32) != 0)
        return NULL;
    snprintf(cop_msg_fill(m), 32, "gone %s", s->name);
    return m;
}

static const cop_event_handler hand = {
    .label = "hand",
    .state_bytes = sizeof(struct hand_state),
    .init = hand_init,
    .event = hand_event,
    .call = hand_call,
    .info = hand_info,
    .terminate = hand_terminate,
};

static inline cop_event_id named(char letter)
{
    return cop_event_named(&hand, (uint64_t)letter);
}

/* ------------------------------------------------------------- handling -- */

/* Nobody's child. */
__attribute__((unused)) static cop_pid manager(void)
{
    cop_pid m;
    ck_assert_int_eq(cop_event_start(&m, NULL), 0);
    return m;
}

static inline struct hand_arg arg_of(const char *name, enum hand_init outcome)
{
    struct hand_arg arg = {.outcome = outcome};
    snprintf(arg.name, sizeof arg.name, "%s", name);
    return arg;
}

/* Adds one under a name of its own choice; a code. */
__attribute__((unused)) static int add_as(cop_pid m, char letter,
                                          const char *name,
                                          enum hand_init outcome,
                                          cop_reason *why)
{
    struct hand_arg arg = arg_of(name, outcome);
    return cop_event_add_handler(m, named(letter), &arg, sizeof arg, why);
}

static inline void add_each(cop_pid m, const char *letters, bool sup)
{
    for (; *letters != '\0'; letters++) {
        struct hand_arg arg = {.name = {*letters}};
        ck_assert_int_eq(sup ? cop_event_add_sup_handler(m, named(*letters),
                                                         &arg, sizeof arg, NULL)
                             : cop_event_add_handler(m, named(*letters), &arg,
                                                     sizeof arg, NULL),
                         0);
    }
    notes_forget();
}

/* Handlers, in this order; what they note is forgotten. */
__attribute__((unused)) static void add(cop_pid m, const char *letters)
{
    add_each(m, letters, false);
}

__attribute__((unused)) static void sup_add(cop_pid m, const char *letters)
{
    add_each(m, letters, true);
}

/* An event, and waits until all had it. */
__attribute__((unused)) static void tell(cop_pid m, char only,
                                         enum hand_what what)
{
    struct hand_do d = {.only = only, .what = what};
    ck_assert_int_eq(cop_event_sync_notify(m, HAND_EVENT, &d, sizeof d), 0);
}

/* The event "be replaced". */
__attribute__((unused)) static void
tell_swap(cop_pid m, char only, const char *to, enum hand_init outcome)
{
    struct hand_do d = {only, HAND_SWAP, arg_of(to, outcome)};
    ck_assert_int_eq(cop_event_sync_notify(m, HAND_EVENT, &d, sizeof d), 0);
}

/* A call to one: its answer is `want`, or the name of the code. */
__attribute__((unused)) static void
asked_is(cop_pid m, char letter, const struct hand_do *d, const char *want)
{
    char answer[8] = "";
    int n = cop_event_call(m, named(letter), HAND_EVENT, d, sizeof *d, answer,
                           sizeof answer, cop_in(5 * COP_SEC), NULL);
    ck_assert_str_eq(n < 0 ? cop_error_name(n) : answer, want);
}

/* "abc": the newest first. */
__attribute__((unused)) static void handlers_are(cop_pid m, const char *want)
{
    cop_event_id ids[16];
    char have[16] = "";
    int n = cop_event_which_handlers(m, ids, 15);
    ck_assert_int_ge(n, 0);
    for (int i = 0; i < n && i < 15; i++) {
        ck_assert_ptr_eq(ids[i].handler, &hand);
        have[i] = (char)ids[i].id;
    }
    ck_assert_str_eq(have, want);
}

/* Deletes one with a word for its terminate: what that gave, or the code. */
__attribute__((unused)) static void
deleted_is(cop_pid m, char letter, const char *word, const char *want)
{
    cop_msg *result;
    int err = cop_event_delete_handler(m, named(letter), word, strlen(word) + 1,
                                       &result, NULL);
    ck_assert_str_eq(err != 0 ? cop_error_name(err) : cop_msg_body(result),
                     want);
    cop_msg_free(result);
}

/* Swaps by request. */
__attribute__((unused)) static int swap_for(cop_pid m, char letter,
                                            const char *left, const char *to,
                                            enum hand_init outcome,
                                            cop_reason *why)
{
    struct hand_arg arg = arg_of(to, outcome);
    return cop_event_swap_handler(m, named(letter), left, strlen(left) + 1,
                                  named(to[0]), &arg, sizeof arg, why);
}

__attribute__((unused)) static int
swap_sup_for(cop_pid m, char letter, const char *to, enum hand_init outcome)
{
    struct hand_arg arg = arg_of(to, outcome);
    return cop_event_swap_sup_handler(m, named(letter), "left", 5, named(to[0]),
                                      &arg, sizeof arg, NULL);
}

/* How many actors it is linked to. */
__attribute__((unused)) static void links_are(cop_pid m, size_t want)
{
    cop_info info;
    ck_assert_int_eq(cop_info_get(m, &info), 0);
    ck_assert_uint_eq(info.links, want);
}

/* The next COP_EVENT_EXIT is about `letter`; "normal", "swapped d" ... */
__attribute__((unused)) static void exited_is(cop_pid m, char letter,
                                              const char *want)
{
    char have[COP_REASON_TEXT + 8];
    const cop_event_exit *e;
    const cop_msg *msg;
    ck_assert_int_eq(cop_recv(&msg, cop_in(5 * COP_SEC)), 0);
    ck_assert_uint_eq(cop_msg_tag(msg), COP_EVENT_EXIT);
    ck_assert(cop_pid_eq(cop_msg_sender(msg), m));
    e = cop_msg_as(msg, cop_event_exit);
    ck_assert_ptr_eq(e->handler.handler, &hand);
    ck_assert_int_eq((char)e->handler.id, letter);
    cop_reason_str(e->reason, have, sizeof have);
    if (e->to.handler != NULL)
        snprintf(have + strlen(have), 8, " %c", (char)e->to.id);
    ck_assert_str_eq(have, want);
}

__attribute__((unused)) static void stop_manager(cop_pid m)
{
    ck_assert_int_eq(cop_server_stop(m, COP_NORMAL, COP_FOREVER, NULL), 0);
}

/* The manager's last report. Others' lines (of actors that end abnormally) come
 * on other threads. */
static char reported[1024];
static atomic_int reports;

__attribute__((unused)) static void report_line(const char *line)
{
    if (strncmp(line, "event manager", 13) != 0)
        return;
    snprintf(reported, sizeof reported, "%s", line);
    atomic_fetch_add(&reports, 1);
}

static const cop_config event_virtual = {
    .workers = 2, .virtual_time = true, .log = report_line};

#define EVENT_TEST(test_name, body)                                            \
    START_TEST(test_name)                                                      \
    {                                                                          \
        actor_test(body, &event_virtual);                                      \
    }                                                                          \
    END_TEST

#endif
