/* SPDX-License-Identifier: MIT
 *
 * server_end_test.c - how servers end: stop, exit, signals, their parent.
 */
#include <coppice.h>

#include "tests/support/kid.h"

/* ----------------------------------------------------------------- ends -- */

static void body_stop_with_reply(void *arg)
{
    static struct kid a = {.name = "a", .terminate_ns = 100 * COP_MS};
    cop_time before;
    (void)arg;
    cop_trap_exit(true);
    kid_start(&a, true);
    before = cop_now();
    ck_assert_int_eq(kid_ask(a.pid, KID_STOP, 3, "done"), 3);
    ck_assert_int_ge(cop_now() - before, 100 * COP_MS); /* after terminate */
    got_exit(a.pid, "done");
    notes_are("a start|a call 5|a terminate done|");
}
KID_TEST(stop_with_reply, body_stop_with_reply)

static void body_waiting_caller_gets_the_reason(void *arg)
{
    static struct kid a = {.name = "a"};
    (void)arg;
    kid_start(&a, false);
    ck_assert_int_eq(kid_ask(a.pid, KID_STOPNR, 0, "done"), COP_EDOWN);
    reason_is(cop_call_reason(), "done");
    ck_assert_int_eq(kid_ask(a.pid, KID_ECHO, 0, NULL), COP_ENOPROC);
    kid_start(&a, false);
    ck_assert_int_eq(kid_ask(a.pid, KID_STOPNR, 0, "normal"), COP_EDOWN);
    reason_is(cop_call_reason(), "normal");
    kid_start(&a, false);
    ck_assert_int_eq(kid_ask(a.pid, KID_CRASH, 0, "boom"), COP_EDOWN);
    reason_is(cop_call_reason(), "boom");
    notes_are("a start|a call 6|a terminate done|a start|a call 6|"
              "a terminate normal|a start|a call 7|a terminate boom|");
}
KID_TEST(waiting_caller_gets_the_reason, body_waiting_caller_gets_the_reason)

static void body_queued_requests_die_with_it(void *arg)
{
    static struct kid a = {.name = "a"};
    (void)arg;
    kid_start(&a, false);
    kid_tell(a.pid, KID_SLOW, 50, NULL);
    kid_tell(a.pid, KID_STOP, 0, "done");
    ck_assert_int_eq(kid_ask(a.pid, KID_ECHO, 1, NULL), COP_EDOWN);
    reason_is(cop_call_reason(), "done");
}
KID_TEST(queued_requests_die_with_it, body_queued_requests_die_with_it)

static void body_exit_in_terminate(void *arg)
{
    static struct kid a = {.name = "a", .terminate_exit = "worse"};
    (void)arg;
    cop_trap_exit(true);
    kid_start(&a, true);
    /* told to stop; and no reply, as terminate did not return */
    ck_assert_int_eq(kid_ask(a.pid, KID_STOP, 1, "done"), COP_EDOWN);
    got_exit(a.pid, "worse");
    kid_start(&a, true);
    kid_tell(a.pid, KID_CRASH, 0, "boom"); /* by its own exit */
    got_exit(a.pid, "worse");
    notes_are("a start|a call 5|a terminate done|"
              "a start|a cast 7|a terminate boom|");
}
KID_TEST(exit_in_terminate, body_exit_in_terminate)

static void body_signals_call_no_terminate(void *arg)
{
    static struct kid a = {.name = "a"}, b = {.name = "b", .trap = true};
    (void)arg;
    cop_trap_exit(true);
    kid_start(&a, true);
    kid_start(&b, true);
    kid_tell(a.pid, KID_SLOW, 1000, NULL);
    settle();
    cop_exit_signal(a.pid, cop_because("boom")); /* in mid-callback */
    got_exit(a.pid, "boom");
    cop_exit_signal(b.pid, COP_KILL);
    got_exit(b.pid, "killed");
    settle();
    notes_are("a start|b start|a cast 10|");
}
KID_TEST(signals_call_no_terminate, body_signals_call_no_terminate)

static void parent_of(void *arg)
{
    const cop_msg *m;
    kid_start(arg, true);
    while (cop_recv(&m, COP_FOREVER) == 0) {
        if (cop_msg_tag(m) == KID_CRASH)
            cop_exit(kid_reason(cop_msg_as(m, struct kid_msg)->word));
        if (cop_msg_tag(m) == KID_ECHO)
            cop_exit_signal(((struct kid *)arg)->pid, cop_because("told"));
    }
}

static void body_exit_of_the_parent(void *arg)
{
    static struct kid a = {.name = "a", .trap = true};
    cop_pid p;
    (void)arg;
    ck_assert_int_eq(cop_spawn(&p, parent_of, &a, NULL), 0);
    settle();
    kid_send(p, KID_CRASH, 0, "boom");
    settle();
    notes_are("a start|a terminate boom|");
    ck_assert_int_eq(cop_spawn(&p, parent_of, &a, NULL), 0);
    settle();
    kid_send(p, KID_CRASH, 0, "normal"); /* counts, too */
    settle();
    notes_are("a start|a terminate normal|");
    ck_assert_int_eq(cop_spawn(&p, parent_of, &a, NULL), 0);
    settle();
    kid_send(p, KID_ECHO, 0, NULL); /* an exit signal: the sender counts */
    settle();
    notes_are("a start|a terminate told|");
}
KID_TEST(exit_of_the_parent, body_exit_of_the_parent)

static void body_parent_of_one_that_does_not_trap(void *arg)
{
    static struct kid a = {.name = "a"};
    cop_pid p;
    (void)arg;
    ck_assert_int_eq(cop_spawn(&p, parent_of, &a, NULL), 0);
    settle();
    kid_send(p, KID_CRASH, 0, "normal");
    settle();
    ck_assert(cop_is_alive(a.pid)); /* survives a normal one */
    ck_assert_int_eq(cop_spawn(&p, parent_of, &a, NULL), 0);
    settle();
    kid_send(p, KID_CRASH, 0, "boom");
    settle();
    ck_assert(!cop_is_alive(a.pid));
    notes_are("a start|a start|"); /* and no terminate */
}
KID_TEST(parent_of_one_that_does_not_trap,
         body_parent_of_one_that_does_not_trap)

static void body_no_parent_without_a_link(void *arg)
{
    static struct kid a = {.name = "a", .trap = true};
    (void)arg;
    kid_start(&a, false);
    cop_exit_signal(a.pid, cop_because("boom"));
    settle();
    notes_are("a start|a got EXIT boom|");
    ck_assert(cop_is_alive(a.pid));
}
KID_TEST(no_parent_without_a_link, body_no_parent_without_a_link)

static void body_busy_server_finishes_its_queue(void *arg)
{
    static struct kid a = {.name = "a", .trap = true}, b = {.name = "b"};
    (void)arg;
    cop_trap_exit(true);
    kid_start(&a, true);
    kid_start(&b, true);
    notes_forget();
    for (int i = 0; i < 2; i++) {
        cop_pid pid = i == 0 ? a.pid : b.pid;
        kid_tell(pid, KID_SLOW, 100, NULL);
        kid_tell(pid, KID_ADD, 1, NULL);
        settle();
        cop_exit_signal(pid, COP_SHUTDOWN);
        kid_tell(pid, KID_ADD, 2, NULL);
        got_exit(pid, "shutdown");
        if (i == 0)
            notes_are("a cast 10|a cast 2|a terminate shutdown|");
        else
            notes_are("b cast 10|");
    }
}
KID_TEST(busy_server_finishes_its_queue, body_busy_server_finishes_its_queue)

static void body_kill_during_terminate(void *arg)
{
    static struct kid a = {.name = "a", .terminate_ns = COP_SEC};
    cop_time before = cop_now();
    (void)arg;
    cop_trap_exit(true);
    kid_start(&a, true);
    kid_tell(a.pid, KID_STOP, 0, "done"); /* told to stop */
    settle();
    cop_exit_signal(a.pid, COP_KILL);
    got_exit(a.pid, "killed");
    kid_start(&a, true);
    kid_tell(a.pid, KID_CRASH, 0, "boom"); /* by its own exit */
    settle();
    cop_exit_signal(a.pid, COP_KILL);
    got_exit(a.pid, "killed");
    ck_assert_int_lt(cop_now() - before, COP_SEC / 2);
}
KID_TEST(kill_during_terminate, body_kill_during_terminate)

static cop_next ignores_later(void *state, const cop_msg *m)
{
    (void)state;
    (void)m;
    return cop_next_ignore();
}

static void body_ignore_outside_init(void *arg)
{
    static const cop_server s = {.cast = ignores_later};
    cop_pid pid;
    cop_ref ref;
    const cop_msg *m;
    (void)arg;
    ck_assert_int_eq(cop_server_start(&pid, &s, NULL,
                                      &(cop_server_opts){.spawn.monitor = &ref},
                                      NULL),
                     0);
    ck_assert_int_eq(cop_cast(pid, 1, NULL, 0), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    ck_assert_str_eq(cop_reason_name(cop_msg_reason(m)), "badarg");
}
KID_TEST(ignore_outside_init, body_ignore_outside_init)

/* The runtime's own `shutdown` at cop_stop ends a server in good order. */
static void body_leaves_servers_behind(void *arg)
{
    static struct kid a = {.name = "a", .trap = true};
    (void)arg;
    kid_start(&a, false);
}

START_TEST(stop_of_the_runtime)
{
    actor_test(body_leaves_servers_behind, NULL);
    notes_are("a start|a terminate shutdown|");
}
END_TEST

/* A killed server leaks neither state, nor argument, nor an owed reply (the
 * leak check of a sanitizer build sees it). */
static void body_killed_server_leaks_nothing(void *arg)
{
    static struct kid a = {.name = "a", .terminate_ns = COP_SEC};
    struct kid_msg b = kid_body(1, "done");
    cop_ref ref;
    (void)arg;
    for (int i = 0; i < 20; i++) {
        kid_start(&a, false);
        ck_assert_int_eq(cop_request(&ref, a.pid, KID_STOP, &b, sizeof b), 0);
        settle();
        cop_exit_signal(a.pid, COP_KILL);
    }
    settle();
}
KID_TEST(killed_server_leaks_nothing, body_killed_server_leaks_nothing)

static void body_many_servers(void *arg)
{
    static const cop_server s = {.state_bytes = 8};
    static cop_pid pids[5000];
    (void)arg;
    for (size_t i = 0; i < 5000; i++)
        ck_assert_int_eq(cop_server_start(&pids[i], &s, NULL, NULL, NULL), 0);
    for (size_t i = 0; i < 5000; i++)
        ck_assert_int_eq(
            cop_server_stop(pids[i], COP_NORMAL, COP_FOREVER, NULL), 0);
}

START_TEST(many_servers)
{
    actor_test(body_many_servers, NULL);
}
END_TEST

static const TTest *const cases[] = {
    stop_with_reply,
    waiting_caller_gets_the_reason,
    queued_requests_die_with_it,
    exit_in_terminate,
    signals_call_no_terminate,
    exit_of_the_parent,
    parent_of_one_that_does_not_trap,
    no_parent_without_a_link,
    busy_server_finishes_its_queue,
    kill_during_terminate,
    ignore_outside_init,
    stop_of_the_runtime,
    killed_server_leaks_nothing,
    many_servers,
};
UNIT_MAIN("server_end", cases)
