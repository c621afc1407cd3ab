/* SPDX-License-Identifier: MIT
 *
 * server_test.c - servers: start, callbacks, verdicts, ends.
 */
#include <coppice.h>

#include "tests/support/kid.h"

/* ---------------------------------------------------------------- start -- */

static void body_call_and_reply(void *arg)
{
    static struct kid a = {.name = "a"};
    (void)arg;
    kid_start(&a, false);
    ck_assert_int_eq(kid_ask(a.pid, KID_ECHO, 7, NULL), 7);
    ck_assert_int_eq(kid_ask(a.pid, KID_ADD, 5, NULL), 5);
    ck_assert_int_eq(kid_ask(a.pid, KID_ADD, -2, NULL), 3);
    ck_assert_int_eq(kid_ask(a.pid, KID_GET, 0, NULL), 3);
}
KID_TEST(call_and_reply, body_call_and_reply)

static void body_start_waits_for_init(void *arg)
{
    static struct kid a = {.name = "a", .init_ns = 300 * COP_MS};
    cop_time before = cop_now();
    (void)arg;
    kid_start(&a, true);
    ck_assert_int_ge(cop_now() - before, 300 * COP_MS);
    notes_are("a start|");
}
KID_TEST(start_waits_for_init, body_start_waits_for_init)

static void body_init_fails(void *arg)
{
    static struct kid a = {.name = "a", .init = "fail:boom"};
    const cop_server_opts opts = {.spawn = {.link = true, .name = "svc"}};
    cop_reason why;
    cop_pid pid;
    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(cop_server_start(&pid, &kid_server, &a, &opts, &why),
                     COP_EDOWN);
    reason_was(why, "boom");
    ck_assert(cop_pid_is_none(cop_whereis("svc")));
    settle();
    mailbox_is_empty();
    ck_assert_int_eq(kid_ask(a.pid, KID_ECHO, 1, NULL), COP_ENOPROC);
    notes_are("a fail:boom|");
}
KID_TEST(init_fails, body_init_fails)

static void body_init_fails_unlinked(void *arg)
{
    static struct kid a = {.name = "a", .init = "fail:shutdown:why"};
    cop_reason why;
    (void)arg;
    ck_assert_int_eq(kid_start_why(&a, false, &why), COP_EDOWN);
    reason_was(why, "{shutdown, why}");
    settle();
    mailbox_is_empty();
}
KID_TEST(init_fails_unlinked, body_init_fails_unlinked)

static void starts_a_failing_one(void *arg)
{
    (void)kid_start_why(arg, true, NULL);
    note("survived");
}

static void body_failed_start_takes_its_starter(void *arg)
{
    static struct kid a = {.name = "a", .init = "fail:boom"};
    cop_ref ref;
    const cop_msg *m;
    (void)arg;
    ck_assert_int_eq(
        cop_spawn(NULL, starts_a_failing_one, &a, &(cop_opts){.monitor = &ref}),
        0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    reason_is(cop_msg_reason(m), "boom");
    notes_are("a fail:boom|");
}
KID_TEST(failed_start_takes_its_starter, body_failed_start_takes_its_starter)

static void body_init_exits(void *arg)
{
    static struct kid a = {.name = "a", .init = "exit:boom"};
    cop_reason why;
    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(kid_start_why(&a, true, &why), COP_EDOWN);
    reason_was(why, "boom");
    settle();
    mailbox_is_empty();
    notes_are("a exit:boom|"); /* and no terminate */
}
KID_TEST(init_exits, body_init_exits)

static void body_init_ignores(void *arg)
{
    static struct kid a = {.name = "a", .init = "ignore+"};
    const cop_server_opts opts = {.spawn = {.link = true, .name = "svc"}};
    cop_pid pid;
    (void)arg;
    ck_assert_int_eq(kid_start_why(&a, true, NULL), COP_EIGNORE);
    cop_trap_exit(true);
    ck_assert_int_eq(cop_server_start(&pid, &kid_server, &a, &opts, NULL),
                     COP_EIGNORE);
    ck_assert(cop_pid_is_none(cop_whereis("svc")));
    ck_assert(!cop_is_alive(a.pid));
    settle();
    mailbox_is_empty();
    notes_are("a ignore|a ignore|");
}
KID_TEST(init_ignores, body_init_ignores)

static void body_start_times_out(void *arg)
{
    static struct kid a = {.name = "a", .init_ns = 10 * COP_SEC};
    cop_server_opts opts = {.spawn.link = true, .start_ns = 100 * COP_MS};
    cop_pid pid;
    (void)arg;
    /* once not trapping: its death by kill must not take the starter along */
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(cop_server_start(&pid, &kid_server, &a, &opts, NULL),
                         COP_ETIMEDOUT);
        ck_assert(!cop_is_alive(a.pid));
        settle();
        mailbox_is_empty();
        cop_trap_exit(true);
    }
}
KID_TEST(start_times_out, body_start_times_out)

static void body_name_taken(void *arg)
{
    static struct kid a = {.name = "a"}, b = {.name = "b"};
    const cop_server_opts opts = {.spawn.name = "svc"};
    cop_pid first, second;
    (void)arg;
    ck_assert_int_eq(cop_server_start(&first, &kid_server, &a, &opts, NULL), 0);
    ck_assert(cop_pid_eq(cop_whereis("svc"), first));
    ck_assert_int_eq(cop_server_start(&second, &kid_server, &b, &opts, NULL),
                     COP_ESTARTED);
    ck_assert(cop_pid_eq(first, second));
    notes_are("a start|");
}
KID_TEST(name_taken, body_name_taken)

static cop_next takes_copy(void *state, void *arg)
{
    *(const char **)state = arg;
    ck_assert_uint_eq((uintptr_t)arg % 16, 0);
    return cop_next_wait();
}

static cop_next shows_copy(void *state, const cop_msg *m, cop_from from)
{
    const char *text = *(const char **)state;
    (void)m;
    (void)cop_reply(from, text, strlen(text) + 1);
    return cop_next_wait();
}

static void body_argument_is_copied(void *arg)
{
    static const cop_server s = {
        .state_bytes = sizeof(char *), .init = takes_copy, .call = shows_copy};
    char text[8] = "one", answer[8];
    const cop_server_opts opts = {.spawn.arg_bytes = sizeof text};
    cop_pid pid;
    (void)arg;
    ck_assert_int_eq(cop_server_start(&pid, &s, text, &opts, NULL), 0);
    strcpy(text, "two");
    ck_assert_int_eq(
        cop_call(pid, 1, NULL, 0, answer, sizeof answer, COP_FOREVER), 4);
    ck_assert_str_eq(answer, "one");
}
KID_TEST(argument_is_copied, body_argument_is_copied)

static void release_kid(void *arg)
{
    note("%s released", ((struct kid *)arg)->name);
}

static void body_argument_is_moved(void *arg)
{
    static struct kid a = {.name = "a"}, b = {.name = "b", .init = "fail:x"},
                      c = {.name = "c"};
    cop_server_opts opts = {.spawn.arg_release = release_kid};
    cop_pid pid;
    (void)arg;
    ck_assert_int_eq(cop_server_start(&pid, &kid_server, &a, &opts, NULL), 0);
    notes_are("a start|");
    ck_assert_int_eq(cop_server_stop(a.pid, COP_NORMAL, COP_FOREVER, NULL), 0);
    settle();
    notes_are("a terminate normal|a released|");
    ck_assert_int_eq(cop_server_start(&pid, &kid_server, &b, &opts, NULL),
                     COP_EDOWN);
    settle();
    notes_are("b fail:x|b released|");
    opts.spawn.name = ""; /* not spawned at all: it stays ours */
    ck_assert_int_eq(cop_server_start(&pid, &kid_server, &c, &opts, NULL),
                     COP_ENAME);
    opts.spawn.name = NULL;
    opts.spawn.arg_bytes = 4; /* both ways at once */
    ck_assert_int_eq(cop_server_start(&pid, &kid_server, &c, &opts, NULL),
                     COP_EINVAL);
    settle();
    notes_are("");
}
KID_TEST(argument_is_moved, body_argument_is_moved)

static void body_bad_arguments(void *arg)
{
    static struct kid a = {.name = "a"};
    cop_server huge = {.state_bytes = SIZE_MAX / 2};
    cop_pid pid;
    (void)arg;
    ck_assert_int_eq(cop_server_start(NULL, &kid_server, &a, NULL, NULL),
                     COP_EINVAL);
    ck_assert_int_eq(cop_server_start(&pid, NULL, &a, NULL, NULL), COP_EINVAL);
    ck_assert_int_eq(cop_server_start(&pid, &huge, &a, NULL, NULL), COP_EINVAL);
}
KID_TEST(bad_arguments, body_bad_arguments)

static void body_monitor_at_start(void *arg)
{
    static struct kid a = {.name = "a"}, b = {.name = "b", .init = "fail:x"};
    cop_ref ref = COP_NO_REF;
    const cop_server_opts opts = {.spawn.monitor = &ref};
    const cop_msg *m;
    cop_pid pid;
    (void)arg;
    ck_assert_int_eq(cop_server_start(&pid, &kid_server, &a, &opts, NULL), 0);
    kid_tell(pid, KID_CRASH, 0, "boom");
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    reason_is(cop_msg_reason(m), "boom");
    ck_assert_int_eq(cop_server_start(&pid, &kid_server, &b, &opts, NULL),
                     COP_EDOWN);
    settle();
    mailbox_is_empty();
}
KID_TEST(monitor_at_start, body_monitor_at_start)

static void starts_a_slow_one(void *arg)
{
    (void)kid_start_why(arg, true, NULL);
}

static void body_starter_dies_while_it_waits(void *arg)
{
    static struct kid a = {.name = "a", .init_ns = COP_SEC};
    cop_pid starter;
    (void)arg;
    ck_assert_int_eq(cop_spawn(&starter, starts_a_slow_one, &a, NULL), 0);
    settle();
    cop_exit_signal(starter, COP_KILL);
    cop_sleep(2 * COP_SEC);
    ck_assert(!cop_is_alive(a.pid));
    notes_are("");
}
KID_TEST(starter_dies_while_it_waits, body_starter_dies_while_it_waits)

/* A long mailbox makes a start neither slower nor confused. */
static void body_start_with_a_long_mailbox(void *arg)
{
    static struct kid a = {.name = "a"}, b = {.name = "b", .init = "fail:x"};
    const cop_msg *m;
    (void)arg;
    cop_trap_exit(true);
    for (int i = 0; i < 1000; i++)
        kid_send(cop_self(), KID_NOTE, i, NULL);
    kid_start(&a, true);
    ck_assert_int_eq(kid_start_why(&b, true, NULL), COP_EDOWN);
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(cop_recv(&m, COP_POLL), 0);
        ck_assert_int_eq(cop_msg_as(m, struct kid_msg)->n, i);
    }
    mailbox_is_empty();
}
KID_TEST(start_with_a_long_mailbox, body_start_with_a_long_mailbox)

/* Its name attracts messages before it has begun: they wait for init. */
static void floods(void *arg)
{
    for (int i = 0; i < 200; i++) {
        (void)cop_send_name(arg, KID_NOTE, NULL, 0);
        cop_yield();
    }
}

static void body_bounded_mailbox_does_not_lose_the_start(void *arg)
{
    static struct kid a = {.name = "a", .init_ns = 5 * COP_MS};
    const cop_server_opts opts = {.spawn = {.name = "svc",
                                            .mailbox_max = 1,
                                            .mailbox_full = COP_FULL_DROP_OLD}};
    cop_pid pid;
    (void)arg;
    ck_assert_int_eq(cop_spawn(NULL, floods, "svc", NULL), 0);
    ck_assert_int_eq(cop_server_start(&pid, &kid_server, &a, &opts, NULL), 0);
}
KID_TEST(bounded_mailbox_does_not_lose_the_start,
         body_bounded_mailbox_does_not_lose_the_start)

/* There is room for the end of a start, and of a stop, in a full mailbox. */
static void starts_with_a_full_mailbox(void *arg)
{
    static struct kid a = {.name = "a", .cont = true};
    cop_server_opts opts = {.spawn = *(const cop_opts *)arg};
    cop_pid pid;
    (void)cop_send(cop_self(), KID_NOTE, NULL, 0);
    ck_assert_int_eq(cop_server_start(&pid, &kid_server, &a, &opts, NULL), 0);
    settle();
    ck_assert_int_eq(cop_server_stop(pid, COP_SHUTDOWN, COP_FOREVER, NULL), 0);
}

static void body_full_mailboxes(void *arg)
{
    static const cop_full policies[] = {COP_FULL_FAIL, COP_FULL_DROP_NEW,
                                        COP_FULL_DROP_OLD, COP_FULL_KILL};
    const cop_msg *m;
    cop_ref ref;
    (void)arg;
    for (size_t i = 0; i < 4; i++) {
        cop_opts opts = {
            .mailbox_max = 1, .mailbox_full = policies[i], .monitor = &ref};
        const cop_opts bounded = {.mailbox_max = 1,
                                  .mailbox_full = policies[i]};
        ck_assert_int_eq(cop_spawn(NULL, starts_with_a_full_mailbox,
                                   (void *)&bounded, &opts),
                         0);
        ck_assert_int_eq(cop_recv_ref(&m, ref, cop_in(5 * COP_SEC)), 0);
        reason_is(cop_msg_reason(m), "normal");
        notes_are("a start|a continue 0|a terminate shutdown|");
    }
}
KID_TEST(full_mailboxes, body_full_mailboxes)

/* ------------------------------------------------------------ callbacks -- */

static void body_defaults(void *arg)
{
    static const cop_server nothing = {.state_bytes = 0};
    char text[COP_REASON_TEXT];
    cop_reason why;
    cop_ref ref;
    const cop_msg *m;
    cop_pid pid;
    (void)arg;
    ck_assert_int_eq(cop_server_start(&pid, &nothing, NULL, NULL, NULL), 0);
    ck_assert_int_eq(cop_send(pid, 1, NULL, 0), 0); /* ignored */
    ck_assert_int_eq(cop_call(pid, 77, NULL, 0, NULL, 0, COP_FOREVER),
                     COP_EDOWN);
    why = cop_call_reason();
    ck_assert_str_eq(cop_reason_name(why), "badarg");
    cop_reason_str(why, text, sizeof text);
    ck_assert_msg(strstr(text, "unexpected call") && strstr(text, "77"), "%s",
                  text);
    ck_assert_int_eq(cop_server_start(&pid, &nothing, NULL, NULL, NULL), 0);
    ck_assert_int_eq(cop_monitor(&ref, pid), 0);
    ck_assert_int_eq(cop_cast(pid, 78, NULL, 0), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    cop_reason_str(cop_msg_reason(m), text, sizeof text);
    ck_assert_msg(strstr(text, "unexpected cast") && strstr(text, "78"), "%s",
                  text);
}
KID_TEST(defaults, body_defaults)

static void body_casts_come_before_a_later_call(void *arg)
{
    static struct kid a = {.name = "a"};
    (void)arg;
    kid_start(&a, false);
    for (int i = 0; i < 100; i++)
        kid_tell(a.pid, KID_ADD, 1, NULL);
    ck_assert_int_eq(kid_ask(a.pid, KID_GET, 0, NULL), 100);
}
KID_TEST(casts_come_before_a_later_call, body_casts_come_before_a_later_call)

static void body_info_gets_the_rest(void *arg)
{
    static struct kid a = {.name = "a", .trap = true}, b = {.name = "b"};
    cop_timer t;
    (void)arg;
    kid_start(&a, false);
    kid_start(&b, false);
    notes_forget();
    kid_send(a.pid, 99, 0, NULL);
    ck_assert_int_eq(cop_start_timer(&t, COP_MS, a.pid, NULL, 0), 0);
    ck_assert_int_eq(cop_send_after(&t, 2 * COP_MS, a.pid, 98, NULL, 0), 0);
    cop_sleep(10 * COP_MS);
    cop_exit_signal(a.pid, cop_because("hello")); /* of nobody's parent */
    settle();
    notes_are("a got 99|a got TIMEOUT|a got 98|a got EXIT hello|");
    ck_assert(cop_is_alive(a.pid));
}
KID_TEST(info_gets_the_rest, body_info_gets_the_rest)

static void replies_to(void *arg)
{
    cop_from from = *(cop_from *)arg;
    int n = 42;
    ck_assert_int_eq(cop_reply(from, &n, sizeof n), 0);
    ck_assert_int_eq(cop_reply(from, &n, sizeof n), COP_EREPLIED);
}

static cop_next hands_over(void *state, const cop_msg *m, cop_from from)
{
    (void)state;
    (void)m;
    ck_assert_int_eq(cop_spawn(NULL, replies_to, &from,
                               &(cop_opts){.arg_bytes = sizeof from}),
                     0);
    return cop_next_wait();
}

static void body_another_actor_replies(void *arg)
{
    static const cop_server s = {.call = hands_over};
    cop_pid pid;
    int n = 0;
    (void)arg;
    ck_assert_int_eq(cop_server_start(&pid, &s, NULL, NULL, NULL), 0);
    ck_assert_int_eq(cop_call(pid, 1, NULL, 0, &n, sizeof n, COP_FOREVER),
                     (int)sizeof n);
    ck_assert_int_eq(n, 42);
}
KID_TEST(another_actor_replies, body_another_actor_replies)

static void asks_defer(void *arg)
{
    note("answer %d", kid_ask(((struct kid *)arg)->pid, KID_DEFER, 0, NULL));
}

static void body_reply_later(void *arg)
{
    static struct kid a = {.name = "a"};
    (void)arg;
    kid_start(&a, false);
    ck_assert_int_eq(cop_spawn(NULL, asks_defer, &a, NULL), 0);
    settle();
    ck_assert_int_eq(kid_ask(a.pid, KID_ECHO, 1, NULL), 1); /* not blocked */
    kid_tell(a.pid, KID_REPLY, 9, NULL);
    settle();
    notes_are("a start|a call 4|a call 1|a cast 13|answer 9|");
}
KID_TEST(reply_later, body_reply_later)

static void body_late_reply_is_never_seen(void *arg)
{
    static struct kid a = {.name = "a"};
    struct kid_msg b = kid_body(200, NULL);
    int n = -1;
    (void)arg;
    kid_start(&a, false);
    ck_assert_int_eq(cop_call(a.pid, KID_SLOW, &b, sizeof b, &n, sizeof n,
                              cop_in(50 * COP_MS)),
                     COP_ETIMEDOUT);
    ck_assert_int_eq(n, -1);
    ck_assert_int_eq(kid_ask(a.pid, KID_ECHO, 5, NULL), 5);
    settle();
    mailbox_is_empty();
}
KID_TEST(late_reply_is_never_seen, body_late_reply_is_never_seen)

static void body_calling_itself(void *arg)
{
    static struct kid a = {.name = "a"};
    (void)arg;
    kid_start(&a, false);
    ck_assert_int_eq(kid_ask(a.pid, KID_SELF, 0, NULL), COP_EDOWN);
    reason_is(cop_call_reason(), "calling_self");
}
KID_TEST(calling_itself, body_calling_itself)

/* ---------------------------------------------------- continue and idle -- */

static void body_continue_comes_first(void *arg)
{
    static struct kid a = {.name = "a"};
    (void)arg;
    kid_start(&a, false);
    kid_tell(a.pid, KID_SLOW, 10, NULL); /* so that the rest queues up */
    kid_tell(a.pid, KID_CONT, 1, NULL);
    kid_tell(a.pid, KID_ADD, 1, NULL);
    ck_assert_int_eq(kid_ask(a.pid, KID_LATE, 3, NULL), 3);
    notes_are("a start|a cast 10|a cast 8|a continue 1|a cast 2|a call 9|"
              "a continue 3|");
}
KID_TEST(continue_comes_first, body_continue_comes_first)

static void body_continue_of_init(void *arg)
{
    static struct kid a = {.name = "a", .cont = true, .init_ns = 10 * COP_MS};
    const cop_server_opts opts = {.spawn.name = "svc"};
    cop_pid pid;
    (void)arg;
    ck_assert_int_eq(cop_spawn(NULL, floods, "svc", NULL), 0);
    ck_assert_int_eq(cop_server_start(&pid, &kid_server, &a, &opts, NULL), 0);
    settle();
    pthread_mutex_lock(&notes_lock);
    ck_assert_msg(strncmp(notes_text, "a start|a continue 0|a got", 26) == 0,
                  "%s", notes_text);
    pthread_mutex_unlock(&notes_lock);
    notes_forget();
    /* and without any message */
    ck_assert_int_eq(cop_server_stop(pid, COP_NORMAL, COP_FOREVER, NULL), 0);
    notes_forget();
    kid_start(&a, false);
    settle();
    notes_are("a start|a continue 0|");
}
KID_TEST(continue_of_init, body_continue_of_init)

static cop_next continues_666(void *state, void *arg)
{
    (void)kid_init(state, arg);
    return cop_next_continue(666);
}

static void body_exit_in_the_continue_of_init(void *arg)
{
    static struct kid a = {.name = "a"};
    cop_server s = kid_server;
    cop_pid pid;
    cop_ref ref;
    const cop_msg *m;
    (void)arg;
    s.init = continues_666;
    ck_assert_int_eq(cop_server_start(&pid, &s, &a,
                                      &(cop_server_opts){.spawn.monitor = &ref},
                                      NULL),
                     0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    reason_is(cop_msg_reason(m), "resume");
    notes_are("a start|a continue 666|a terminate resume|");
}
KID_TEST(exit_in_the_continue_of_init, body_exit_in_the_continue_of_init)

static void body_idle_timeout(void *arg)
{
    static struct kid a = {.name = "a", .trap = true};
    (void)arg;
    kid_start(&a, false);
    ck_assert_int_eq(kid_ask(a.pid, KID_IDLE, 100, NULL), 100);
    cop_sleep(90 * COP_MS);
    notes_are("a start|a call 11|");
    cop_sleep(20 * COP_MS);
    notes_are("a timeout|");
    cop_sleep(COP_SEC);
    notes_are(""); /* once */
}
KID_TEST(idle_timeout, body_idle_timeout)

static void body_any_message_cancels_idle(void *arg)
{
    static struct kid a = {.name = "a", .trap = true};
    (void)arg;
    kid_start(&a, false);
    notes_forget();
    kid_tell(a.pid, KID_IDLE, 100, NULL);
    cop_sleep(50 * COP_MS);
    kid_send(a.pid, KID_NOTE, 0, NULL);
    cop_sleep(COP_SEC);
    notes_are("a cast 11|a got 14|");
    kid_tell(a.pid, KID_IDLE, 100, NULL);
    cop_sleep(50 * COP_MS);
    cop_exit_signal(a.pid, cop_because("x"));
    cop_sleep(COP_SEC);
    notes_are("a cast 11|a got EXIT x|");
    kid_tell(a.pid, KID_IDLE, 100, NULL);
    cop_sleep(50 * COP_MS);
    kid_tell(a.pid, KID_IDLE, 100, NULL); /* anew */
    cop_sleep(60 * COP_MS);
    notes_are("a cast 11|a cast 11|");
    cop_sleep(60 * COP_MS);
    notes_are("a timeout|");
}
KID_TEST(any_message_cancels_idle, body_any_message_cancels_idle)

/* The timer has fired, and its message is behind one that cancels it. */
static void body_stale_idle_means_nothing(void *arg)
{
    static struct kid a = {.name = "a"};
    struct kid_msg again = kid_body(200, NULL);
    cop_timer t;
    (void)arg;
    kid_start(&a, false);
    notes_forget();
    ck_assert_int_eq(
        cop_send_after(&t, 100 * COP_MS, a.pid, KID_IDLE, &again, sizeof again),
        0);
    kid_tell(a.pid, KID_IDLE, 100, NULL);
    cop_sleep(290 * COP_MS);
    notes_are("a cast 11|");
    cop_sleep(20 * COP_MS);
    notes_are("a timeout|");
    cop_sleep(COP_SEC);
    notes_are("");
}
KID_TEST(stale_idle_means_nothing, body_stale_idle_means_nothing)

static cop_next idles(void *state, void *arg)
{
    (void)kid_init(state, arg);
    return cop_next_idle(0);
}

static void body_idle_of_init(void *arg)
{
    static struct kid a = {.name = "a"};
    cop_server s = kid_server;
    cop_pid pid;
    (void)arg;
    s.init = idles;
    ck_assert_int_eq(cop_server_start(&pid, &s, &a, NULL, NULL), 0);
    settle();
    notes_are("a start|a timeout|");
}
KID_TEST(idle_of_init, body_idle_of_init)

static const TTest *const cases[] = {
    call_and_reply,
    start_waits_for_init,
    init_fails,
    init_fails_unlinked,
    failed_start_takes_its_starter,
    init_exits,
    init_ignores,
    start_times_out,
    name_taken,
    argument_is_copied,
    argument_is_moved,
    bad_arguments,
    monitor_at_start,
    starter_dies_while_it_waits,
    start_with_a_long_mailbox,
    bounded_mailbox_does_not_lose_the_start,
    full_mailboxes,
    defaults,
    casts_come_before_a_later_call,
    info_gets_the_rest,
    another_actor_replies,
    reply_later,
    late_reply_is_never_seen,
    calling_itself,
    continue_comes_first,
    continue_of_init,
    exit_in_the_continue_of_init,
    idle_timeout,
    any_message_cancels_idle,
    stale_idle_means_nothing,
    idle_of_init,
};
UNIT_MAIN("server", cases)
