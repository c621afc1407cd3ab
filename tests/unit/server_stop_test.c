/* SPDX-License-Identifier: MIT
 *
 * server_stop_test.c - cop_server_stop; and servers handled from threads that
 * are no actors.
 */
#include <coppice.h>

#include "tests/support/kid.h"

/* ----------------------------------------------------------------- stop -- */

static void body_stop_waits_for_terminate(void *arg)
{
    static struct kid a = {.name = "a", .terminate_ns = 300 * COP_MS};
    cop_time before = cop_now();
    (void)arg;
    cop_trap_exit(true);
    kid_start(&a, true);
    ck_assert_int_eq(
        cop_server_stop(a.pid, cop_because("done"), COP_FOREVER, NULL), 0);
    ck_assert_int_ge(cop_now() - before, 300 * COP_MS);
    ck_assert(!cop_is_alive(a.pid));
    got_exit(a.pid, "done");
    mailbox_is_empty();
    notes_are("a start|a terminate done|");
}
KID_TEST(stop_waits_for_terminate, body_stop_waits_for_terminate)

static void body_stop_with_a_payload(void *arg)
{
    static struct kid a = {.name = "a"};
    (void)arg;
    kid_start(&a, false);
    ck_assert_int_eq(cop_server_stop(a.pid, cop_because_fmt("done", "n %d", 7),
                                     COP_FOREVER, NULL),
                     0);
    notes_are("a start|a terminate {done, \"n 7\"}|");
}
KID_TEST(stop_with_a_payload, body_stop_with_a_payload)

static void body_stop_times_out(void *arg)
{
    static struct kid a = {.name = "a", .terminate_ns = 300 * COP_MS};
    cop_reason why;
    (void)arg;
    kid_start(&a, false);
    ck_assert_int_eq(
        cop_server_stop(a.pid, cop_because("done"), cop_in(100 * COP_MS), &why),
        COP_ETIMEDOUT);
    reason_is(why, "normal");
    ck_assert(cop_is_alive(a.pid));
    cop_sleep(COP_SEC); /* it goes on stopping */
    ck_assert(!cop_is_alive(a.pid));
    mailbox_is_empty();
    notes_are("a start|a terminate done|");
}
KID_TEST(stop_times_out, body_stop_times_out)

static void body_stop_of_the_dead(void *arg)
{
    static struct kid a = {.name = "a"};
    (void)arg;
    kid_start(&a, false);
    cop_exit_signal(a.pid, cop_because("x"));
    settle();
    ck_assert_int_eq(cop_server_stop(a.pid, COP_NORMAL, COP_FOREVER, NULL),
                     COP_ENOPROC);
    ck_assert_int_eq(cop_server_stop(COP_NO_PID, COP_NORMAL, COP_FOREVER, NULL),
                     COP_ENOPROC);
    mailbox_is_empty();
}
KID_TEST(stop_of_the_dead, body_stop_of_the_dead)

static void body_stop_of_itself(void *arg)
{
    (void)arg;
    ck_assert_int_eq(cop_server_stop(cop_self(), COP_NORMAL, COP_FOREVER, NULL),
                     COP_EDEADLOCK);
}
KID_TEST(stop_of_itself, body_stop_of_itself)

static void body_it_ends_otherwise(void *arg)
{
    static struct kid a = {.name = "a", .terminate_exit = "worse"},
                      b = {.name = "b"};
    cop_reason why;
    (void)arg;
    kid_start(&a, false);
    ck_assert_int_eq(
        cop_server_stop(a.pid, cop_because("done"), COP_FOREVER, &why),
        COP_EDOWN);
    reason_was(why, "worse");
    /* it ends by itself before it sees the request, with that very reason */
    kid_start(&b, false);
    kid_tell(b.pid, KID_SLOW, 50, NULL);
    kid_tell(b.pid, KID_STOP, 0, "done");
    ck_assert_int_eq(
        cop_server_stop(b.pid, cop_because("done"), COP_FOREVER, &why),
        COP_EDOWN);
    reason_was(why, "done");
}
KID_TEST(it_ends_otherwise, body_it_ends_otherwise)

static void stops_kid(void *arg)
{
    cop_reason why;
    char text[COP_REASON_TEXT];
    int err = cop_server_stop(((struct kid *)arg)->pid, cop_because("done"),
                              COP_FOREVER, &why);
    note("%s %s", cop_error_name(err), cop_reason_str(why, text, sizeof text));
    cop_reason_release(why);
}

static void body_stop_asked_twice(void *arg)
{
    static struct kid a = {.name = "a", .terminate_ns = 100 * COP_MS};
    (void)arg;
    kid_start(&a, false);
    notes_forget();
    ck_assert_int_eq(cop_spawn(NULL, stops_kid, &a, NULL), 0);
    settle();
    ck_assert_int_eq(
        cop_server_stop(a.pid, cop_because("done"), COP_FOREVER, NULL),
        COP_EDOWN); /* it took the other's request */
    settle();
    ck_assert(strstr(notes_text, "a terminate done|") == notes_text);
}
KID_TEST(stop_asked_twice, body_stop_asked_twice)

static void body_stop_cancels_idle(void *arg)
{
    static struct kid a = {.name = "a", .terminate_ns = 300 * COP_MS};
    (void)arg;
    kid_start(&a, false);
    kid_tell(a.pid, KID_IDLE, 100, NULL);
    ck_assert_int_eq(cop_server_stop(a.pid, COP_SHUTDOWN, COP_FOREVER, NULL),
                     0);
    notes_are("a start|a cast 11|a terminate shutdown|");
}
KID_TEST(stop_cancels_idle, body_stop_cancels_idle)

/* Its caller dies, then it is stopped: the request's reason is released. */
static void body_stopper_dies(void *arg)
{
    static struct kid a = {.name = "a"};
    cop_pid p;
    (void)arg;
    kid_start(&a, false);
    kid_tell(a.pid, KID_SLOW, 100, NULL);
    ck_assert_int_eq(cop_spawn(&p, stops_kid, &a, NULL), 0);
    settle();
    cop_exit_signal(p, COP_KILL);
    cop_sleep(COP_SEC);
    ck_assert(!cop_is_alive(a.pid)); /* it took the request all the same */
    notes_are("a start|a cast 10|a terminate done|");
}
KID_TEST(stopper_dies, body_stopper_dies)

/* ------------------------------------------------------ foreign threads -- */

static void begin(void)
{
    ck_assert_int_eq(cop_start(&(cop_config){.workers = 2}), 0);
}

static void finish(void)
{
    ck_assert_int_eq(cop_stop(cop_in(5 * COP_SEC), NULL), 0);
}

static bool rests_dead(cop_pid pid)
{
    for (int i = 0; i < 5000 && cop_is_alive(pid); i++)
        ck_assert_int_eq(cop_ext_quiesce(COP_SEC), 0);
    return !cop_is_alive(pid);
}

START_TEST(foreign_start_and_stop)
{
    static struct kid a = {.name = "a", .trap = true};
    cop_reason why;
    cop_pid pid;
    begin();
    ck_assert_int_eq(cop_server_start(&pid, &kid_server, &a, NULL, &why), 0);
    ck_assert(cop_pid_eq(pid, a.pid));
    ck_assert(cop_pid_eq(a.parent, COP_PID_INIT));
    ck_assert_int_eq(kid_ask(pid, KID_ECHO, 4, NULL), 4);
    ck_assert_int_eq(
        cop_server_stop(pid, cop_because_fmt("done", "x"), COP_FOREVER, &why),
        0);
    ck_assert_int_eq(
        cop_server_stop(pid, cop_because("done"), COP_FOREVER, &why),
        COP_ENOPROC);
    ck_assert_int_eq(kid_ask(pid, KID_ECHO, 4, NULL), COP_ENOPROC);
    notes_are("a start|a call 1|a terminate {done, \"x\"}|");
    finish();
}
END_TEST

START_TEST(foreign_start_fails)
{
    static struct kid a = {.name = "a", .init = "fail:boom+"},
                      b = {.name = "b", .init = "ignore+"};
    cop_reason why;
    cop_pid pid;
    begin();
    for (int i = 0; i < 200; i++) {
        ck_assert_int_eq(cop_server_start(&pid, &kid_server, &a, NULL, &why),
                         COP_EDOWN);
        reason_was(why, "boom");
        ck_assert_int_eq(cop_server_start(&pid, &kid_server, &b, NULL, &why),
                         COP_EIGNORE);
        notes_forget();
    }
    finish();
}
END_TEST

START_TEST(foreign_start_times_out)
{
    static struct kid a = {.name = "a", .init_ns = 10 * COP_SEC};
    const cop_server_opts opts = {.start_ns = 20 * COP_MS};
    cop_pid pid;
    begin();
    ck_assert_int_eq(cop_server_start(&pid, &kid_server, &a, &opts, NULL),
                     COP_ETIMEDOUT);
    ck_assert(rests_dead(a.pid));
    finish();
}
END_TEST

START_TEST(foreign_start_misuse)
{
    static struct kid a = {.name = "a"}, b = {.name = "b"};
    cop_server_opts opts = {.spawn.link = true};
    cop_pid pid, other;
    ck_assert_int_eq(cop_server_start(&pid, &kid_server, &a, NULL, NULL),
                     COP_ESTOPPED);
    begin();
    ck_assert_int_eq(cop_server_start(&pid, &kid_server, &a, &opts, NULL),
                     COP_EINVAL);
    opts = (cop_server_opts){.spawn.name = "svc"};
    ck_assert_int_eq(cop_server_start(&pid, &kid_server, &a, &opts, NULL), 0);
    ck_assert_int_eq(cop_server_start(&other, &kid_server, &b, &opts, NULL),
                     COP_ESTARTED);
    ck_assert(cop_pid_eq(pid, other));
    notes_are("a start|");
    finish();
    ck_assert_int_eq(cop_server_stop(pid, COP_NORMAL, COP_FOREVER, NULL),
                     COP_ESTOPPED);
}
END_TEST

START_TEST(foreign_stop_times_out)
{
    static struct kid a = {.name = "a", .terminate_ns = 2 * COP_SEC};
    cop_reason why;
    cop_pid pid;
    begin();
    ck_assert_int_eq(cop_server_start(&pid, &kid_server, &a, NULL, NULL), 0);
    ck_assert_int_eq(
        cop_server_stop(pid, cop_because("done"), cop_in(5 * COP_MS), &why),
        COP_ETIMEDOUT);
    finish();
}
END_TEST

START_TEST(foreign_stop_ends_otherwise)
{
    static struct kid a = {.name = "a", .terminate_exit = "worse"};
    cop_reason why;
    cop_pid pid;
    begin();
    ck_assert_int_eq(cop_server_start(&pid, &kid_server, &a, NULL, NULL), 0);
    ck_assert_int_eq(
        cop_server_stop(pid, cop_because("done"), COP_FOREVER, &why),
        COP_EDOWN);
    reason_was(why, "worse");
    finish();
}
END_TEST

static const TTest *const cases[] = {
    stop_waits_for_terminate,
    stop_with_a_payload,
    stop_times_out,
    stop_of_the_dead,
    stop_of_itself,
    it_ends_otherwise,
    stop_asked_twice,
    stop_cancels_idle,
    stopper_dies,
    foreign_start_and_stop,
    foreign_start_fails,
    foreign_start_times_out,
    foreign_start_misuse,
    foreign_stop_times_out,
    foreign_stop_ends_otherwise,
};
UNIT_MAIN("server_stop", cases)
