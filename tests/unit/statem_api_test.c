/* SPDX-License-Identifier: MIT
 *
 * statem_api_test.c - state machines as C has them: starting, events with their
 * bodies and messages, recorded actions and their misuse. What gen_statem's
 * rules are is in statem_rules_test.c.
 */
#include <coppice/statem.h>

#include "tests/support/kid.h"

enum { ASK = 1, TELL, WAIT, GO, STEP };

static cop_pid start(const cop_statem *def, void *arg)
{
    cop_pid pid;

    ck_assert_int_eq(cop_statem_start(&pid, def, arg, NULL, NULL), 0);
    return pid;
}

/* Starts it monitored. */
static cop_pid start_watched(const cop_statem *def, cop_ref *ref)
{
    const cop_server_opts opts = {.spawn.monitor = ref};
    cop_pid pid;

    ck_assert_int_eq(cop_statem_start(&pid, def, NULL, &opts, NULL), 0);
    return pid;
}

static void ends_with(cop_ref ref, const char *want)
{
    const cop_msg *m;

    ck_assert_int_eq(cop_recv_ref(&m, ref, cop_in(5 * COP_SEC)), 0);
    reason_is(cop_msg_reason(m), want);
}

static int ask(cop_pid pid, cop_tag tag, int n)
{
    int answer = 0;
    int size = cop_call(pid, tag, &n, sizeof n, &answer, sizeof answer,
                        cop_in(5 * COP_SEC));

    return size < 0 ? size : answer;
}

static void tell(cop_pid pid, cop_tag tag, int n)
{
    ck_assert_int_eq(cop_cast(pid, tag, &n, sizeof n), 0);
}

/* ---------------------------------------------------------------- start -- */

static cop_sm_next noting(cop_sm *sm, void *data, int state,
                          const cop_sm_event *e)
{
    (void)sm;
    (void)data;
    note("%d:%u@%d", (int)e->type, (unsigned)e->tag, state);
    return cop_sm_keep_state();
}

static const cop_statem plain_def = {.label = "plain", .handle = noting};

static void body_begins_in_state_0(void *arg)
{
    cop_info info;
    cop_pid pid = start(&plain_def, NULL);
    (void)arg;
    tell(pid, TELL, 1);
    ck_assert_int_eq(cop_server_stop(pid, COP_NORMAL, COP_FOREVER, NULL), 0);
    notes_are("2:2@0|");
    pid = start(&plain_def, NULL);
    ck_assert_int_eq(cop_info_get(pid, &info), 0);
    ck_assert_str_eq(info.label, "plain");
    ck_assert(info.is_handler);
}
KID_TEST(begins_in_state_0, body_begins_in_state_0)

static void body_refuses_nonsense(void *arg)
{
    static const cop_statem no_handle = {.label = "x"};
    static const cop_statem too_big = {.handle = noting,
                                       .data_bytes = SIZE_MAX / 2};
    const cop_server_opts both = {
        .spawn = {.arg_bytes = 4, .arg_release = free}};
    cop_pid pid;
    (void)arg;
    ck_assert_int_eq(cop_statem_start(NULL, &plain_def, NULL, NULL, NULL),
                     COP_EINVAL);
    ck_assert_int_eq(cop_statem_start(&pid, NULL, NULL, NULL, NULL),
                     COP_EINVAL);
    ck_assert_int_eq(cop_statem_start(&pid, &no_handle, NULL, NULL, NULL),
                     COP_EINVAL);
    ck_assert_int_eq(cop_statem_start(&pid, &too_big, NULL, NULL, NULL),
                     COP_EINVAL);
    ck_assert_int_eq(cop_statem_start(&pid, &plain_def, NULL, &both, NULL),
                     COP_EINVAL);
}
KID_TEST(refuses_nonsense, body_refuses_nonsense)

struct start_data {
    char zeroes[40];
    int number;
};

static cop_sm_next init_takes_arg(cop_sm *sm, void *data, void *arg)
{
    struct start_data *d = data;
    (void)sm;
    for (size_t i = 0; i < sizeof d->zeroes; i++)
        ck_assert_int_eq(d->zeroes[i], 0);
    ck_assert_uint_eq((uintptr_t)d % 16, 0);
    d->number = *(const int *)arg;
    return cop_sm_next_state(d->number);
}

static cop_sm_next answers_number(cop_sm *sm, void *data, int state,
                                  const cop_sm_event *e)
{
    const struct start_data *d = data;
    ck_assert_int_eq(state, d->number);
    cop_sm_reply(sm, e->from, &d->number, sizeof d->number);
    return cop_sm_keep_state();
}

static const cop_statem arg_def = {.data_bytes = sizeof(struct start_data),
                                   .init = init_takes_arg,
                                   .handle = answers_number};

static int releases;

static void count_release(void *arg)
{
    releases++;
    free(arg);
}

static void count_release_sized(void *body, size_t size)
{
    (void)size;
    count_release(body);
}

static void body_takes_its_argument(void *arg)
{
    cop_server_opts copied = {.spawn.arg_bytes = sizeof(int)};
    cop_server_opts moved = {.spawn.arg_release = count_release};
    int *heap = malloc(sizeof *heap);
    int number = 7;
    cop_pid pid;
    (void)arg;
    pid = start(&arg_def, &number);
    ck_assert_int_eq(ask(pid, ASK, 0), 7);
    ck_assert_int_eq(cop_statem_start(&pid, &arg_def, &number, &copied, NULL),
                     0);
    number = 0;
    ck_assert_int_eq(ask(pid, ASK, 0), 7);
    *heap = 9;
    ck_assert_int_eq(cop_statem_start(&pid, &arg_def, heap, &moved, NULL), 0);
    ck_assert_int_eq(ask(pid, ASK, 0), 9);
    ck_assert_int_eq(releases, 0);
    ck_assert_int_eq(cop_server_stop(pid, COP_NORMAL, COP_FOREVER, NULL), 0);
    settle();
    ck_assert_int_eq(releases, 1);
}
KID_TEST(takes_its_argument, body_takes_its_argument)

static void body_name_is_taken(void *arg)
{
    cop_server_opts opts = {
        .spawn = {.name = "sm", .arg_release = count_release}};
    int *heap = calloc(1, sizeof *heap);
    cop_pid first, second;
    (void)arg;
    ck_assert_int_eq(cop_statem_start(&first, &arg_def, heap, &opts, NULL), 0);
    heap = calloc(1, sizeof *heap);
    ck_assert_int_eq(cop_statem_start(&second, &arg_def, heap, &opts, NULL),
                     COP_ESTARTED);
    ck_assert(cop_pid_eq(first, second));
    ck_assert_int_eq(releases, 0);
    free(heap); /* still ours */
}
KID_TEST(name_is_taken, body_name_is_taken)

static cop_sm_next init_keeps(cop_sm *sm, void *data, void *arg)
{
    (void)sm;
    (void)data;
    (void)arg;
    return cop_sm_stop_and_reply(cop_because_fmt("lost", "reason"));
}

static void body_init_has_to_say_a_state(void *arg)
{
    static const cop_statem def = {.init = init_keeps, .handle = noting};
    cop_reason why;
    cop_pid pid;
    (void)arg;
    ck_assert_int_eq(cop_statem_start(&pid, &def, NULL, NULL, &why), COP_EDOWN);
    reason_was(why, "{bad_return_from_init, \"no first state\"}");
}
KID_TEST(init_has_to_say_a_state, body_init_has_to_say_a_state)

static cop_sm_next init_stops(cop_sm *sm, void *data, void *arg)
{
    (void)data;
    (void)arg;
    cop_sm_timeout(sm, cop_sm_state_timer(), 0, 1, "x", 2);
    cop_sm_next_event(sm, &(cop_sm_event){.type = COP_SM_INTERNAL});
    return cop_sm_stop(cop_because_fmt("boom", "in init"));
}

static void body_init_stops_with_actions(void *arg)
{
    static const cop_statem def = {.init = init_stops, .handle = noting};
    cop_reason why;
    cop_pid pid;
    (void)arg;
    ck_assert_int_eq(cop_statem_start(&pid, &def, NULL, NULL, &why), COP_EDOWN);
    reason_was(why, "{boom, \"in init\"}");
    notes_are("");
}
KID_TEST(init_stops_with_actions, body_init_stops_with_actions)

/* The start returns before the first enter call is made. */
static cop_sm_next sleeps_at_enter(cop_sm *sm, void *data, int state,
                                   const cop_sm_event *e)
{
    if (e->type == COP_SM_ENTER)
        cop_sleep(COP_SEC);
    return noting(sm, data, state, e);
}

static void body_start_does_not_wait_for_enter(void *arg)
{
    static const cop_statem def = {.handle = sleeps_at_enter,
                                   .state_enter = true};
    cop_time before = cop_now();
    (void)arg;
    (void)start(&def, NULL);
    ck_assert_int_lt(cop_now() - before, COP_SEC);
    notes_are("");
    cop_sleep(2 * COP_SEC);
    notes_are("0:0@0|");
}
KID_TEST(start_does_not_wait_for_enter, body_start_does_not_wait_for_enter)

START_TEST(starts_from_a_foreign_thread)
{
    static int number = 5;
    int answer = 0;
    cop_pid pid;
    ck_assert_int_eq(cop_start(&(cop_config){.workers = 1}), 0);
    ck_assert_int_eq(cop_statem_start(&pid, &arg_def, &number, NULL, NULL), 0);
    ck_assert_int_eq(
        cop_call(pid, ASK, NULL, 0, &answer, sizeof answer, COP_FOREVER),
        (int)sizeof answer);
    ck_assert_int_eq(answer, 5);
    ck_assert_int_eq(cop_server_stop(pid, COP_NORMAL, COP_FOREVER, NULL), 0);
    ck_assert_int_eq(cop_stop(cop_in(COP_SEC), NULL), 0);
}
END_TEST

/* --------------------------------------------------------------- events -- */

static cop_pid tester;

static cop_sm_next shows_events(cop_sm *sm, void *data, int state,
                                const cop_sm_event *e)
{
    (void)data;
    (void)state;
    ck_assert(e->msg != NULL);
    ck_assert(cop_pid_eq(cop_msg_sender(e->msg), tester));
    ck_assert_uint_eq(e->tag, cop_msg_tag(e->msg));
    ck_assert_ptr_eq(e->body, cop_msg_body(e->msg));
    ck_assert_uint_eq(e->size, cop_msg_size(e->msg));
    note("%d %u %d", (int)e->type, (unsigned)e->tag, *cop_sm_event_as(e, int));
    if (e->type == COP_SM_CALL)
        cop_sm_reply(sm, e->from, e->body, e->size);
    return cop_sm_keep_state();
}

static void body_events_show_their_message(void *arg)
{
    static const cop_statem def = {.handle = shows_events};
    cop_pid pid = start(&def, NULL);
    int n = 5;
    (void)arg;
    tester = cop_self();
    tell(pid, TELL, 4);
    ck_assert_int_eq(cop_send(pid, WAIT, &n, sizeof n), 0);
    ck_assert_int_eq(ask(pid, ASK, 6), 6);
    notes_are("2 2 4|3 3 5|1 1 6|");
}
KID_TEST(events_show_their_message, body_events_show_their_message)

static void body_body_of_another_size(void *arg)
{
    static const cop_statem def = {.handle = shows_events};
    cop_ref ref;
    cop_pid pid = start_watched(&def, &ref);
    (void)arg;
    tester = cop_self();
    ck_assert_int_eq(cop_cast(pid, TELL, "abc", 3), 0);
    ends_with(ref, "{badarg, \"cop_sm_event_expect: event with tag 2 has 3 "
                   "bytes, not 4\"}");
}
KID_TEST(body_of_another_size, body_body_of_another_size)

/* Inserts a copy of what came; the message does not come along. */
static cop_sm_next inserts_again(cop_sm *sm, void *data, int state,
                                 const cop_sm_event *e)
{
    (void)data;
    (void)state;
    note("%d %u %s%s", (int)e->type, (unsigned)e->tag, (const char *)e->body,
         e->msg != NULL ? " msg" : "");
    ck_assert_uint_eq((uintptr_t)e->body % 16, 0);
    if (e->msg != NULL)
        cop_sm_next_event(sm, e);
    else if (e->type == COP_SM_CALL)
        cop_sm_reply(sm, e->from, e->body, e->size);
    return cop_sm_keep_state();
}

static void body_inserted_event_is_a_copy(void *arg)
{
    static const cop_statem def = {.handle = inserts_again};
    cop_pid pid = start(&def, NULL);
    char answer[8] = "";
    (void)arg;
    ck_assert_int_eq(
        cop_call(pid, ASK, "hello", 6, answer, sizeof answer, cop_in(COP_SEC)),
        6);
    ck_assert_str_eq(answer, "hello");
    ck_assert_int_eq(cop_cast(pid, TELL, "cast", 5), 0);
    settle();
    notes_are("1 1 hello msg|1 1 hello|2 2 cast msg|2 2 cast|");
}
KID_TEST(inserted_event_is_a_copy, body_inserted_event_is_a_copy)

/* DOWN and EXIT are infos; a postponed one still has its reason. */
static cop_sm_next waits_for_go(cop_sm *sm, void *data, int state,
                                const cop_sm_event *e)
{
    char why[COP_REASON_TEXT];
    (void)data;
    if (e->tag == GO)
        return cop_sm_next_state(1);
    if (state == 0) {
        cop_sm_postpone(sm, true);
        return cop_sm_keep_state();
    }
    ck_assert_int_eq(e->type, COP_SM_INFO);
    note("%s %s", e->tag == COP_DOWN ? "DOWN" : "EXIT",
         cop_reason_str(cop_msg_reason(e->msg), why, sizeof why));
    return cop_sm_keep_state();
}

static void ends_with_text(void *arg)
{
    const cop_msg *m;
    (void)arg;
    ck_assert_int_eq(cop_recv_tag(&m, GO, COP_FOREVER), 0);
    cop_exit(cop_because_fmt("boom", "text"));
}

static cop_sm_next init_watches(cop_sm *sm, void *data, void *arg)
{
    cop_ref ref;
    cop_pid kid = *(const cop_pid *)arg;
    (void)sm;
    (void)data;
    cop_trap_exit(true);
    ck_assert_int_eq(cop_monitor(&ref, kid), 0);
    ck_assert_int_eq(cop_link(kid), 0);
    return cop_sm_next_state(0);
}

static void body_ends_of_others_are_infos(void *arg)
{
    static const cop_statem def = {.init = init_watches,
                                   .handle = waits_for_go};
    cop_pid kid, pid;
    (void)arg;
    ck_assert_int_eq(cop_spawn(&kid, ends_with_text, NULL, NULL), 0);
    pid = start(&def, &kid);
    ck_assert_int_eq(cop_send(kid, GO, NULL, 0), 0);
    settle();
    notes_are("");
    tell(pid, GO, 0);
    settle();
    notes_are("EXIT {boom, \"text\"}|DOWN {boom, \"text\"}|");
}
KID_TEST(ends_of_others_are_infos, body_ends_of_others_are_infos)

/* A callback may receive: its event remains, and can be postponed after it. */
static cop_sm_next receives_first(cop_sm *sm, void *data, int state,
                                  const cop_sm_event *e)
{
    const cop_msg *m;
    (void)data;
    if (state == 0) {
        ck_assert_int_eq(cop_recv_tag(&m, GO, COP_FOREVER), 0);
        cop_sm_postpone(sm, true);
        return cop_sm_next_state(1);
    }
    note("%s", (const char *)e->body);
    return cop_sm_keep_state();
}

static void body_callback_may_receive(void *arg)
{
    static const cop_statem def = {.handle = receives_first};
    cop_pid pid = start(&def, NULL);
    (void)arg;
    ck_assert_int_eq(cop_cast(pid, TELL, "kept", 5), 0);
    ck_assert_int_eq(cop_cast(pid, TELL, "next", 5), 0);
    settle();
    notes_are("");
    ck_assert_int_eq(cop_send(pid, GO, NULL, 0), 0);
    settle();
    notes_are("kept|next|");
}
KID_TEST(callback_may_receive, body_callback_may_receive)

/* -------------------------------------------------------------- replies -- */

static cop_from owed;

static cop_sm_next passes_from_on(cop_sm *sm, void *data, int state,
                                  const cop_sm_event *e)
{
    (void)sm;
    (void)data;
    (void)state;
    owed = e->from;
    return cop_sm_keep_state();
}

static void replies_for_another(void *arg)
{
    int n = 42;
    (void)arg;
    cop_sleep(COP_MS);
    ck_assert_int_eq(cop_reply(owed, &n, sizeof n), 0);
}

static void body_reply_comes_from_elsewhere(void *arg)
{
    static const cop_statem def = {.handle = passes_from_on};
    (void)arg;
    ck_assert_int_eq(cop_spawn(NULL, replies_for_another, NULL, NULL), 0);
    ck_assert_int_eq(ask(start(&def, NULL), ASK, 0), 42);
}
KID_TEST(reply_comes_from_elsewhere, body_reply_comes_from_elsewhere)

static cop_sm_next replies_late(cop_sm *sm, void *data, int state,
                                const cop_sm_event *e)
{
    (void)data;
    (void)state;
    if (e->type == COP_SM_CALL) {
        owed = e->from;
    } else {
        cop_msg *m;
        ck_assert_int_eq(cop_msg_new(&m, 1, 0), 0);
        cop_sm_reply_msg(sm, owed, m);
        note("replied");
    }
    return cop_sm_keep_state();
}

static void body_late_reply_is_no_error(void *arg)
{
    static const cop_statem def = {.handle = replies_late};
    cop_pid pid = start(&def, NULL);
    (void)arg;
    ck_assert_int_eq(cop_call(pid, ASK, NULL, 0, NULL, 0, cop_in(COP_MS)),
                     COP_ETIMEDOUT);
    tell(pid, TELL, 0);
    settle();
    notes_are("replied|");
    ck_assert(cop_is_alive(pid));
    mailbox_is_empty();
}
KID_TEST(late_reply_is_no_error, body_late_reply_is_no_error)

/* Recorded actions are gone if the callback exits, or says stop. */
static cop_sm_next replies_and_ends(cop_sm *sm, void *data, int state,
                                    const cop_sm_event *e)
{
    (void)data;
    (void)state;
    cop_sm_timeout(sm, cop_sm_state_timer(), 0, 1, "body", 5);
    cop_sm_next_event(sm, e);
    cop_sm_reply(sm, e->from, e->body, e->size);
    if (e->tag == ASK)
        cop_exit(cop_because("exited"));
    return cop_sm_stop(cop_because("stopped"));
}

static void body_actions_are_dropped_at_the_end(void *arg)
{
    static const cop_statem def = {.handle = replies_and_ends};
    (void)arg;
    ck_assert_int_eq(ask(start(&def, NULL), ASK, 1), COP_EDOWN);
    reason_is(cop_call_reason(), "exited");
    ck_assert_int_eq(ask(start(&def, NULL), TELL, 1), COP_EDOWN);
    reason_is(cop_call_reason(), "stopped");
}
KID_TEST(actions_are_dropped_at_the_end, body_actions_are_dropped_at_the_end)

/* -------------------------------------------------------- wrong actions -- */

static const cop_statem big_def = {.handle = noting, .data_bytes = 4096};
static const cop_statem empty_def = {.data_bytes = 0};

/* Each number is another mistake. */
static void mistake(cop_sm *sm, int number)
{
    static const cop_sm_timer no_timer = {COP_SM_CAST, 0};
    cop_sm_event e = {.type = COP_SM_CALL};

    switch (number) {
    case 0:
        cop_sm_reply(sm, (cop_from){0}, NULL, 0);
        break;
    case 1:
        cop_sm_next_event(sm, &e);
        break;
    case 2:
        e.type = (cop_sm_type)77;
        cop_sm_next_event(sm, &e);
        break;
    case 3:
        cop_sm_timeout(sm, no_timer, 0, 1, NULL, 0);
        break;
    case 4:
        cop_sm_timeout(sm, cop_sm_event_timer(), -1, 1, NULL, 0);
        break;
    case 5:
        cop_sm_change_module(sm, &big_def);
        break;
    case 6:
        cop_sm_push_module(sm, &empty_def);
        break;
    case 7:
        cop_sm_change_module(sm, NULL);
        break;
    case 8:
        cop_sm_pop_module(sm);
        break;
    case 9:
        cop_sm_next_event(sm, NULL);
        break;
    case 10:
        cop_sm_reply(sm, (cop_from){0}, NULL, 1);
        break;
    case 11:
        cop_sm_timeout_update(sm, cop_sm_state_timer(), 1, NULL, 1);
        break;
    case 12:
        cop_sm_reply_msg(sm, (cop_from){0}, NULL);
        break;
    case 13:
        e = (cop_sm_event){.type = COP_SM_INTERNAL, .body = "", .size = 1};
        e.size = SIZE_MAX - 4;
        cop_sm_next_event(sm, &e);
        break;
    case 14:
        cop_sm_reply(sm, (cop_from){0}, "", (size_t)1 << 31);
        break;
    default:
        cop_sm_postpone(NULL, true);
        break;
    }
}

#define BAD(text) "{bad_action_from_state_function, \"" text "\"}"
static const char *const mistakes[] = {
    BAD("cop_sm_reply: to is nobody"),
    BAD("cop_sm_next_event: a call from nobody"),
    BAD("cop_sm_next_event: no type that can be inserted"),
    BAD("cop_sm_timeout: no such timer"),
    BAD("cop_sm_timeout: a negative time"),
    BAD("cop_sm_change_module: more data than the machine has"),
    BAD("cop_sm_push_module: no definition"),
    BAD("cop_sm_change_module: no definition"),
    BAD("cop_sm_pop_module: nothing was pushed"),
    "{badarg, \"cop_sm_next_event: e is NULL\"}",
    "{badarg, \"cop_sm_reply: body is NULL\"}",
    "{badarg, \"cop_sm_timeout_update: body is NULL\"}",
    "{badarg, \"cop_sm_reply_msg: m is NULL\"}",
    "{badarg, \"cop_sm_next_event: size does not fit\"}",
    "{badarg, \"cop_sm_reply: size does not fit\"}",
    "{badarg, \"cop_sm_postpone: not in a callback of this machine\"}",
};

static cop_sm_next errs(cop_sm *sm, void *data, int state,
                        const cop_sm_event *e)
{
    (void)data;
    (void)state;
    /* something that waits for its turn, and must not be lost track of */
    cop_sm_timeout(sm, cop_sm_named_timer(1), COP_SEC, 1, "x", 2);
    mistake(sm, *cop_sm_event_as(e, int));
    cop_sm_next_event(sm, e);
    return cop_sm_keep_state();
}

static void body_wrong_actions_end_it(void *arg)
{
    static const cop_statem def = {.handle = errs};
    int n = (int)(sizeof mistakes / sizeof mistakes[0]);
    cop_ref ref;
    cop_pid pid;
    (void)arg;
    for (int i = 0; i < n; i++) {
        pid = start_watched(&def, &ref);
        tell(pid, TELL, i);
        ends_with(ref, mistakes[i]);
    }
}
KID_TEST(wrong_actions_end_it, body_wrong_actions_end_it)

/* Misuse that is caught records nothing. */
static void errs_in_catch(void *arg)
{
    mistake(arg, 10);
}

static cop_sm_next catches(cop_sm *sm, void *data, int state,
                           const cop_sm_event *e)
{
    cop_reason why;
    (void)data;
    (void)state;
    ck_assert_int_eq(cop_catch(errs_in_catch, sm, &why), COP_EFAILED);
    reason_was(why, mistakes[10]);
    cop_sm_reply(sm, e->from, e->body, e->size);
    return cop_sm_keep_state();
}

static void body_caught_misuse_records_nothing(void *arg)
{
    static const cop_statem def = {.handle = catches};
    (void)arg;
    ck_assert_int_eq(ask(start(&def, NULL), ASK, 8), 8);
}
KID_TEST(caught_misuse_records_nothing, body_caught_misuse_records_nothing)

static cop_sm *leaked;

static cop_sm_next leaks_itself(cop_sm *sm, void *data, int state,
                                const cop_sm_event *e)
{
    (void)data;
    (void)state;
    leaked = sm;
    if (e->tag == WAIT)
        cop_sleep(COP_SEC);
    if (e->type == COP_SM_CALL)
        cop_sm_reply(sm, e->from, NULL, 0);
    return cop_sm_keep_state();
}

static void terminates_recording(void *data, int state, cop_reason why)
{
    (void)data;
    (void)state;
    (void)why;
    cop_sm_postpone(leaked, true);
}

static const cop_statem leaky_def = {.handle = leaks_itself,
                                     .terminate = terminates_recording};

static void misuses_leaked(void *arg)
{
    (void)arg;
    cop_sm_postpone(leaked, true);
}

/* The message is taken all the same. */
static void replies_by_leaked(void *arg)
{
    cop_msg *m;
    (void)arg;
    ck_assert_int_eq(
        cop_msg_new_moved(&m, 1, malloc(16), 16, count_release_sized), 0);
    cop_sm_reply_msg(leaked, (cop_from){0}, m);
}

static void body_actions_are_for_callbacks(void *arg)
{
    const char *const text =
        "{badarg, \"cop_sm_postpone: not in a callback of this machine\"}";
    cop_opts opts = {0};
    cop_ref theirs, its;
    cop_pid pid = start_watched(&leaky_def, &its);
    (void)arg;
    opts.monitor = &theirs;
    ck_assert_int_eq(ask(pid, ASK, 0), 0);
    ck_assert_int_eq(cop_spawn(NULL, misuses_leaked, NULL, &opts), 0);
    ends_with(theirs, text);
    ck_assert_int_eq(cop_spawn(NULL, replies_by_leaked, NULL, &opts), 0);
    ends_with(theirs, "{badarg, \"cop_sm_reply_msg: not in a callback of this "
                      "machine\"}");
    ck_assert_int_eq(releases, 1);
    tell(pid, WAIT, 0); /* it is in a callback, but not the one who asks */
    settle();
    ck_assert_int_eq(cop_spawn(NULL, misuses_leaked, NULL, &opts), 0);
    ends_with(theirs, text);
    ck_assert_int_eq(ask(pid, ASK, 0), 0);
    ck_assert_int_eq(cop_server_stop(pid, COP_NORMAL, COP_FOREVER, NULL),
                     COP_EDOWN);
    ends_with(its, text);
}
KID_TEST(actions_are_for_callbacks, body_actions_are_for_callbacks)

static cop_sm_next strange_verdict(cop_sm *sm, void *data, int state,
                                   const cop_sm_event *e)
{
    (void)sm;
    (void)data;
    (void)state;
    if (e->tag == ASK)
        return cop_sm_ignore();
    return (cop_sm_next){.what = 99};
}

static void body_strange_verdicts_end_it(void *arg)
{
    static const cop_statem def = {.handle = strange_verdict};
    cop_ref ref;
    (void)arg;
    for (cop_tag tag = ASK; tag <= TELL; tag++) {
        tell(start_watched(&def, &ref), tag, 0);
        ends_with(ref, "{bad_return_from_state_function, "
                       "\"no verdict for a state\"}");
    }
}
KID_TEST(strange_verdicts_end_it, body_strange_verdicts_end_it)

static const TTest *const cases[] = {
    begins_in_state_0,
    refuses_nonsense,
    takes_its_argument,
    name_is_taken,
    init_has_to_say_a_state,
    init_stops_with_actions,
    start_does_not_wait_for_enter,
    starts_from_a_foreign_thread,
    events_show_their_message,
    body_of_another_size,
    inserted_event_is_a_copy,
    ends_of_others_are_infos,
    callback_may_receive,
    reply_comes_from_elsewhere,
    late_reply_is_no_error,
    actions_are_dropped_at_the_end,
    wrong_actions_end_it,
    caught_misuse_records_nothing,
    actions_are_for_callbacks,
    strange_verdicts_end_it,
};
UNIT_MAIN("statem_api", cases)
