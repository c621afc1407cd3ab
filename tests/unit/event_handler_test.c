/* SPDX-License-Identifier: MIT
 *
 * event_handler_test.c - handlers of an event manager: added, asked, removed,
 * failing. What is expected is what tests/conformance/otp/event.erl printed,
 * in the section that a test names.
 */
#include "tests/support/event.h"

static const struct hand_do plain;

/* "add": the newest first; one name may be given twice, the newest is meant. */
static void body_add(void *arg)
{
    cop_pid m = manager();
    (void)arg;
    ck_assert_int_eq(add_as(m, 'a', "a", INIT_OK, NULL), 0);
    ck_assert_int_eq(add_as(m, 'b', "b", INIT_OK, NULL), 0);
    ck_assert_int_eq(add_as(m, 'a', "a2", INIT_OK, NULL), 0);
    notes_are("a init|b init|a2 init|");
    handlers_are(m, "aba");
    ck_assert_int_eq(cop_event_notify(m, 1, NULL, 0), 0);
    settle();
    notes_are("a2 event 1|b event 1|a event 1|");
    ck_assert_int_eq(cop_event_sync_notify(m, 2, NULL, 0), 0);
    notes_are("a2 event 2|b event 2|a event 2|");
    ck_assert_int_eq(cop_send(m, 3, NULL, 0), 0);
    settle();
    notes_are("a2 info 3|b info 3|a info 3|");
    asked_is(m, 'a', &plain, "a2");
    deleted_is(m, 'a', "why", "gone a2");
    notes_are("a2 call 7|a2 terminate why|");
    handlers_are(m, "ba");
    deleted_is(m, 'x', "why", "COP_ENOENT");
    asked_is(m, 'x', &plain, "COP_ENOENT");
    notes_are("");
    stop_manager(m);
    notes_are("b terminate stop|a terminate stop|");
}
EVENT_TEST(adding, body_add)

static void fails_with(cop_pid m, enum hand_init outcome, const char *want)
{
    cop_reason why;
    ck_assert_int_eq(add_as(m, 'f', "f", outcome, &why), COP_EFAILED);
    reason_was(why, want);
    notes_are("f init fails|");
}

/* "add fails": no terminate, nothing is reported. */
static void body_add_fails(void *arg)
{
    cop_pid m = manager();
    (void)arg;
    fails_with(m, INIT_EXIT, "boom");
    fails_with(m, INIT_ERROR, "{error, \"no\"}");
    fails_with(m, INIT_ODD,
               "{badarg, \"event handler hand: not a verdict of init\"}");
    handlers_are(m, "");
    ck_assert_int_eq(atomic_load(&reports), 0);
    stop_manager(m);
    notes_are("");
}
EVENT_TEST(init_fails, body_add_fails)

/* "call" */
static void body_call(void *arg)
{
    cop_pid m = manager();
    struct hand_do d = {0, HAND_SWAP, arg_of("c", INIT_OK)};
    cop_reason why;
    (void)arg;
    add(m, "ab");
    asked_is(m, 'a', &plain, "a");
    notes_are("a call 7|");
    asked_is(m, 'a', &d, "a");
    notes_are("a call 7|a terminate left|c init in place, old gone a|");
    handlers_are(m, "bc");
    d.what = HAND_REMOVE;
    asked_is(m, 'c', &d, "c");
    handlers_are(m, "b");
    notes_are("c call 7|c terminate remove_handler|");
    d.what = HAND_ODD;
    ck_assert_int_eq(cop_event_call(m, named('b'), 7, &d, sizeof d, NULL, 0,
                                    COP_FOREVER, &why),
                     COP_EFAILED);
    reason_was(why, "{odd, \"verdict\"}");
    notes_are("b call 7|b terminate {error, {odd, \"verdict\"}}|");
    add(m, "ab");
    d.what = HAND_CRASH;
    asked_is(m, 'a', &d, "COP_EFAILED");
    notes_are("a call 7|a terminate {error, boom}|");
    d.what = HAND_BADARG;
    ck_assert_int_eq(cop_event_call(m, named('b'), 7, &d, sizeof d, NULL, 0,
                                    COP_FOREVER, &why),
                     COP_EFAILED);
    ck_assert_int_eq(cop_reason_kind(why), COP_R_BADARG);
    cop_reason_release(why);
    handlers_are(m, "");
    stop_manager(m);
}
EVENT_TEST(calling, body_call)

/* What a handler without callbacks does. */
static const cop_event_handler bare = {.label = "bare"};

static void body_bare(void *arg)
{
    cop_pid m = manager();
    cop_event_id id = cop_event_named(&bare, 0);
    cop_msg *result;
    cop_reason why;
    (void)arg;
    ck_assert_int_eq(cop_event_add_handler(m, id, NULL, 0, NULL), 0);
    ck_assert_int_eq(cop_event_sync_notify(m, 1, NULL, 0), 0);
    ck_assert_int_eq(cop_send(m, 1, NULL, 0), 0);
    ck_assert_int_eq(cop_event_delete_handler(m, id, NULL, 0, &result, NULL),
                     0);
    ck_assert_ptr_null(result);
    ck_assert_int_eq(cop_event_add_handler(m, id, NULL, 0, NULL), 0);
    ck_assert_int_eq(
        cop_event_call(m, id, 5, NULL, 0, NULL, 0, COP_FOREVER, &why),
        COP_EFAILED);
    reason_was(why, "{badarg, \"unexpected call with tag 5\"}");
    handlers_are(m, "");
    stop_manager(m);
}
EVENT_TEST(without_callbacks, body_bare)

/* "call to its own manager": OTP's exit calling_self is an error here; to
 * notify is no request. */
static void body_own(void *arg)
{
    cop_pid m = manager();
    (void)arg;
    add(m, "a");
    tell(m, 0, HAND_ADD);
    notes_are("a event 7|a own request: COP_EDEADLOCK|");
    tell(m, 0, HAND_WHICH);
    notes_are("a event 7|a own request: COP_EDEADLOCK|");
    tell(m, 0, HAND_SYNC);
    notes_are("a event 7|a own request: COP_EDEADLOCK|");
    tell(m, 0, HAND_NOTIFY);
    settle();
    notes_are("a event 7|a own request: ok|a event 7|");
    handlers_are(m, "a");
    stop_manager(m);
}
EVENT_TEST(own_manager, body_own)

/* "call that is too late": its answer is never seen. */
static void body_late(void *arg)
{
    cop_pid m = manager();
    const struct hand_do slow = {0, HAND_SLOW, {{0}, 0}};
    char answer[8];
    (void)arg;
    add(m, "a");
    ck_assert_int_eq(cop_event_call(m, named('a'), 7, &slow, sizeof slow,
                                    answer, sizeof answer, cop_in(10 * COP_MS),
                                    NULL),
                     COP_ETIMEDOUT);
    asked_is(m, 'a', &plain, "a");
    settle();
    mailbox_is_empty();
    stop_manager(m);
}
EVENT_TEST(too_late, body_late)

/* Sends a request and waits; the answer, or the name of the code. */
static void response_is(cop_pid m, char letter, enum hand_what what,
                        const char *want, const char *want_why)
{
    const struct hand_do d = {0, what, {{0}, 0}};
    const cop_msg *msg;
    const void *body;
    cop_reason why;
    cop_ref ref;
    int n;
    ck_assert_int_eq(cop_event_request(&ref, m, named(letter), 7, &d, sizeof d),
                     0);
    ck_assert_int_eq(cop_recv_ref(&msg, ref, cop_in(5 * COP_SEC)), 0);
    n = cop_event_response(msg, &body, &why);
    ck_assert_str_eq(n < 0 ? cop_error_name(n) : body, want);
    ck_assert(n < 0 || n == 8);
    reason_was(why, want_why);
    cop_request_cancel(ref);
}

static void kill_soon(void *arg)
{
    cop_pid m = *(cop_pid *)arg;
    cop_sleep(10 * COP_MS);
    cop_exit_signal(m, COP_KILL);
}

/* A request without waiting ends as a call would. */
static void body_request(void *arg)
{
    cop_pid m = manager();
    const cop_msg *msg;
    (void)arg;
    add(m, "a");
    response_is(m, 'a', HAND_NOTHING, "a", "normal");
    response_is(m, 'x', HAND_NOTHING, "COP_ENOENT", "normal");
    response_is(m, 'a', HAND_ODD, "COP_EFAILED", "{odd, \"verdict\"}");
    stop_manager(m);
    response_is(m, 'a', HAND_NOTHING, "COP_ENOPROC", "noproc");
    m = manager();
    add(m, "a");
    ck_assert_int_eq(cop_spawn(NULL, kill_soon, &m, NULL), 0);
    response_is(m, 'a', HAND_SLOW, "COP_EDOWN", "killed");
    ck_assert_int_eq(cop_send(cop_self(), 3, NULL, 0), 0);
    ck_assert_int_eq(cop_recv(&msg, COP_FOREVER), 0);
    ck_assert_int_eq(cop_event_response(msg, NULL, NULL), COP_EINVAL);
    mailbox_is_empty();
}
EVENT_TEST(requests, body_request)

struct answer {
    cop_pid manager;
    char text[16];
    atomic_int done;
};

static void ask_later(void *arg)
{
    struct answer *a = arg;
    const struct hand_do later = {0, HAND_LATER, {{0}, 0}};
    int n = cop_event_call(a->manager, named('a'), 7, &later, sizeof later,
                           a->text, sizeof a->text, COP_FOREVER, NULL);
    ck_assert_int_eq(n, 8);
    atomic_store(&a->done, 1);
}

/* An answer may come later, when the handler has done other things. */
static void body_later(void *arg)
{
    static struct answer a;
    (void)arg;
    a.manager = manager();
    add(a.manager, "a");
    ck_assert_int_eq(cop_spawn(NULL, ask_later, &a, NULL), 0);
    settle();
    ck_assert_int_eq(atomic_load(&a.done), 0);
    tell(a.manager, 'a', HAND_ANSWER);
    settle();
    ck_assert_int_eq(atomic_load(&a.done), 1);
    ck_assert_str_eq(a.text, "a");
    stop_manager(a.manager);
}
EVENT_TEST(answer_later, body_later)

/* "remove by verdict" */
static void body_remove(void *arg)
{
    cop_pid m = manager();
    const struct hand_do d = {'a', HAND_REMOVE, {{0}, 0}};
    (void)arg;
    add(m, "abc");
    tell(m, 'b', HAND_REMOVE);
    notes_are("c event 7|b event 7|b terminate remove_handler|a event 7|");
    ck_assert_int_eq(cop_send(m, 8, &d, sizeof d), 0);
    settle();
    notes_are("c info 8|a info 8|a terminate remove_handler|");
    handlers_are(m, "c");
    tell(m, 0, HAND_HIBERNATE);
    asked_is(m, 'c', &plain, "c");
    stop_manager(m);
}
EVENT_TEST(removed_by_verdict, body_remove)

/* "terminate that crashes" */
static void body_terminate_crashes(void *arg)
{
    cop_pid m = manager();
    cop_msg *result;
    cop_reason why;
    (void)arg;
    add(m, "a");
    ck_assert_int_eq(cop_event_delete_handler(m, named('a'), "die_in_terminate",
                                              17, &result, &why),
                     COP_EFAILED);
    ck_assert_ptr_null(result);
    reason_was(why, "{in_terminate, \"x\"}");
    handlers_are(m, "");
    add(m, "a");
    ck_assert_int_eq(swap_for(m, 'a', "die_in_terminate", "b", INIT_OK, NULL),
                     0);
    notes_are("a terminate die_in_terminate|"
              "b init in place, old EXIT {in_terminate, \"x\"}|");
    handlers_are(m, "b");
    ck_assert_int_eq(atomic_load(&reports), 0);
    stop_manager(m);
}
EVENT_TEST(terminate_crashes, body_terminate_crashes)

/* "crash": one is removed, the others have their turn, the manager lives. */
static void body_crash(void *arg)
{
    cop_pid m = manager();
    const struct hand_do d = {'a', HAND_CRASH, {{0}, 0}};
    (void)arg;
    add(m, "abc");
    tell(m, 'b', HAND_CRASH);
    notes_are("c event 7|b event 7|b terminate {error, boom}|a event 7|");
    handlers_are(m, "ca");
    tell(m, 'a', HAND_ODD);
    notes_are("c event 7|a event 7|"
              "a terminate {error, {odd, \"verdict\"}}|");
    handlers_are(m, "c");
    add(m, "a");
    tell(m, 'a', HAND_BADARG);
    handlers_are(m, "c");
    notes_forget();
    add(m, "a");
    ck_assert_int_eq(cop_send(m, 8, &d, sizeof d), 0);
    settle();
    notes_are("a info 8|a terminate {error, boom}|c info 8|");
    ck_assert_int_eq(atomic_load(&reports), 4);
    stop_manager(m);
}
EVENT_TEST(crashing, body_crash)

/* Each failure is one line that says who, where and why. */
static void body_report(void *arg)
{
    const cop_opts opts = {.name = "alarm"};
    char pid[COP_PID_TEXT], want[256];
    cop_pid m;
    (void)arg;
    ck_assert_int_eq(cop_event_start(&m, &opts), 0);
    add(m, "ab");
    tell(m, 'b', HAND_CRASH);
    ck_assert_str_eq(reported, "event manager alarm: handler hand/98 failed in "
                               "event with tag 7: boom");
    stop_manager(m);
    m = manager();
    add(m, "a");
    tell_swap(m, 'a', "n", INIT_ERROR);
    snprintf(want, sizeof want,
             "event manager %s: handler hand/110 failed in event with tag 7: "
             "{error, \"no\"}",
             cop_pid_str(m, pid, sizeof pid));
    ck_assert_str_eq(reported, want);
    ck_assert_int_eq(atomic_load(&reports), 2);
    stop_manager(m);
}
EVENT_TEST(report, body_report)

/* A handler that receives within a callback does not take the message from the
 * others; none can keep it. */
static void body_message(void *arg)
{
    cop_pid m = manager();
    (void)arg;
    add(m, "ab");
    ck_assert_int_eq(cop_send(m, HAND_FOR_B, NULL, 0), 0);
    settle();
    notes_forget();
    const struct hand_do d = {'b', HAND_RECEIVE, {{0}, 0}};
    ck_assert_int_eq(cop_event_notify(m, HAND_EVENT, &d, sizeof d), 0);
    settle();
    ck_assert_int_eq(cop_send(m, HAND_FOR_B, NULL, 0), 0);
    settle();
    notes_are("b event 7|b received|a event 7|");
    tell(m, 'b', HAND_KEEP);
    notes_are("b event 7|b terminate {error, {badarg, \"cop_keep: not the "
              "message received last\"}}|a event 7|");
    handlers_are(m, "a");
    stop_manager(m);
}
EVENT_TEST(message_is_for_all, body_message)

/* Ten thousand, half of them under one name; all go, from the middle out. */
static void body_many(void *arg)
{
    enum { N = 10000 };
    cop_pid m = manager();
    const struct hand_arg how = arg_of("m", INIT_OK);
    cop_event_id id = named('m'), ids[3];
    (void)arg;
    for (int i = 0; i < N; i++) {
        id.id = i % 2 == 0 ? 0 : (uint64_t)i;
        ck_assert_int_eq(cop_event_add_handler(m, id, &how, sizeof how, NULL),
                         0);
        notes_forget();
    }
    ck_assert_int_eq(cop_event_which_handlers(m, ids, 3), N);
    ck_assert_uint_eq(ids[0].id, N - 1);
    ck_assert_uint_eq(ids[1].id, 0);
    ck_assert_uint_eq(ids[2].id, N - 3);
    for (int i = 0; i < N; i++) {
        int at = (i + N / 2) % N;
        id.id = at % 2 == 0 ? 0 : (uint64_t)at;
        ck_assert_int_eq(cop_event_delete_handler(m, id, "x", 2, NULL, NULL),
                         0);
        notes_forget();
    }
    ck_assert_int_eq(cop_event_which_handlers(m, NULL, 0), 0);
    stop_manager(m);
}
EVENT_TEST(ten_thousand, body_many)

static const TTest *const cases[] = {
    requests,           adding,
    init_fails,         calling,
    without_callbacks,  own_manager,
    too_late,           answer_later,
    removed_by_verdict, terminate_crashes,
    crashing,           report,
    message_is_for_all, ten_thousand,
};
UNIT_MAIN("event_handler", cases)
