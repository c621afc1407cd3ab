/* SPDX-License-Identifier: MIT
 *
 * sys_test.c - the services of sys.h that hold a server up, end it or change
 * it. Where a comment says "OTP", Erlang/OTP 25 was asked, with a gen_server
 * that does the same.
 */
#include <coppice.h>

#include "tests/support/counter.h"

/* -------------------------------------------------------------- suspend -- */

/* OTP: all waits in the mailbox and comes in its order afterwards. */
static void body_suspend_holds_up(void *arg)
{
    cop_pid p = counter();

    (void)arg;
    suspend(p);
    cast(p, 1, 0);
    send(p, 2);
    cast(p, 3, 0);
    settle();
    notes_are("");
    resume(p);
    ck_assert_int_eq(get(p, soon()), 7);
    notes_are("cast 1|info 2|cast 3|");
}
KID_TEST(suspend_holds_up, body_suspend_holds_up)

/* OTP: `ok` each time; one resume undoes two suspends. */
static void body_suspend_twice(void *arg)
{
    cop_pid p = counter();

    (void)arg;
    suspend(p);
    suspend(p);
    resume(p);
    ck_assert_int_eq(get(p, soon()), 7);
    resume(p);
    ck_assert_int_eq(get(p, soon()), 7);
}
KID_TEST(suspend_twice, body_suspend_twice)

static void body_suspended_serves_requests(void *arg)
{
    cop_pid p = counter();

    (void)arg;
    status_has(p, "status: running\n");
    suspend(p);
    send(p, 2);
    ck_assert_int_eq(state_of(p), 7);
    status_has(p, "status: suspended\n");
    ck_assert_int_eq(state_of(p), 7);
    notes_are("");
}
KID_TEST(suspended_serves_requests, body_suspended_serves_requests)

/* OTP: the call times out, and is answered to nobody after the resume. */
static void body_suspended_call(void *arg)
{
    cop_pid p = counter();

    (void)arg;
    suspend(p);
    ck_assert_int_eq(get(p, cop_in(100 * COP_MS)), COP_ETIMEDOUT);
    resume(p);
    settle();
    mailbox_is_empty();
}
KID_TEST(suspended_call, body_suspended_call)

/* OTP: gen_server:stop is a system request; the cast is never seen. */
static void body_suspended_stop(void *arg)
{
    cop_pid p = counter();

    (void)arg;
    suspend(p);
    cast(p, 1, 0);
    ck_assert_int_eq(cop_server_stop(p, cop_because("bye"), COP_FOREVER, NULL),
                     0);
    notes_are("terminate bye|");
}
KID_TEST(suspended_stop, body_suspended_stop)

static void starts_suspended(void *arg)
{
    const cop_server_opts opts = {.spawn = {.link = true, .trap_exit = true}};
    const cop_msg *m;
    cop_pid p;

    ck_assert_int_eq(cop_server_start(&p, &counter_server, NULL, &opts, NULL),
                     0);
    suspend(p);
    *(cop_pid *)arg = p;
    ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
    cop_exit(cop_because("foo"));
}

/* OTP: the EXIT of another waits, that of the parent ends it. */
static void body_suspended_parent_ends(void *arg)
{
    static cop_pid p;
    cop_pid parent;

    (void)arg;
    ck_assert_int_eq(cop_spawn(&parent, starts_suspended, &p, NULL), 0);
    settle();
    cop_exit_signal(p, cop_because("other"));
    settle();
    ck_assert(cop_is_alive(p));
    send(parent, 1);
    settle();
    ck_assert(!cop_is_alive(p));
    notes_are("terminate foo|");
}
KID_TEST(suspended_parent_ends, body_suspended_parent_ends)

static void body_suspended_signal(void *arg)
{
    cop_pid p = counter();

    (void)arg;
    suspend(p);
    cop_exit_signal(p, cop_because("boom"));
    settle();
    ck_assert(!cop_is_alive(p));
    notes_are("");
}
KID_TEST(suspended_signal, body_suspended_signal)

/* Not linked to who started it, which is then not its parent. */
static void body_suspended_orphan(void *arg)
{
    cop_pid p = start(&counter_server, NULL, false);
    cop_pid q;

    (void)arg;
    cast(p, SET, 1);
    ck_assert_int_eq(
        cop_server_start(&q, &counter_server, NULL,
                         &(cop_server_opts){.spawn.trap_exit = true}, NULL),
        0);
    suspend(q);
    cop_exit_signal(q, cop_because("boom"));
    settle();
    ck_assert(cop_is_alive(q));
    resume(q);
    settle();
    notes_are("cast 10|info 4294967280|");
}
KID_TEST(suspended_orphan, body_suspended_orphan)

/* The runtime stops: its `shutdown` counts as the parent's. */
START_TEST(suspended_runtime_stops)
{
    const cop_server_opts opts = {.spawn.trap_exit = true};
    const cop_config config = {.workers = 2};
    cop_stop_report report;
    cop_pid p;

    ck_assert_int_eq(cop_start(&config), 0);
    ck_assert_int_eq(cop_server_start(&p, &counter_server, NULL, &opts, NULL),
                     0);
    suspend(p);
    cast(p, 1, 0);
    ck_assert_int_eq(cop_stop(soon(), &report), 0);
    ck_assert_uint_eq(report.left, 0);
    notes_are("terminate shutdown|");
}
END_TEST

/* OTP: with an idle time of 100 ms nothing for 200 ms while suspended, nor 50
 * ms after the resume; the timeout 150 ms after it. */
static void body_suspended_idle(void *arg)
{
    cop_pid p = counter();

    (void)arg;
    cast(p, IDLE, 100);
    suspend(p);
    cop_sleep(200 * COP_MS);
    resume(p);
    cop_sleep(50 * COP_MS);
    notes_are("cast 8|");
    cop_sleep(100 * COP_MS);
    notes_are("timeout|");
}
KID_TEST(suspended_idle, body_suspended_idle)

/* OTP: 120 ms, get_state, 120 ms: no timeout of 200 ms yet; 120 more: it. */
static void body_request_restarts_idle(void *arg)
{
    cop_pid p = counter();

    (void)arg;
    cast(p, IDLE, 200);
    cop_sleep(120 * COP_MS);
    ck_assert_int_eq(state_of(p), 7);
    cop_sleep(120 * COP_MS);
    notes_are("cast 8|");
    cop_sleep(120 * COP_MS);
    notes_are("timeout|");
    ck_assert_int_eq(state_of(p), 7);
    cop_sleep(COP_SEC);
    notes_are("");
}
KID_TEST(request_restarts_idle, body_request_restarts_idle)

/* OTP: the suspend times out, and is done all the same when its turn comes. */
static void body_busy(void *arg)
{
    cop_pid p = counter();

    (void)arg;
    cast(p, SLOW, 300);
    ck_assert_int_eq(cop_sys_suspend(p, cop_in(100 * COP_MS)), COP_ETIMEDOUT);
    cop_sleep(300 * COP_MS);
    status_has(p, "status: suspended\n");
    mailbox_is_empty();
}
KID_TEST(busy, body_busy)

/* What init said comes first. */
static void body_continue_first(void *arg)
{
    cop_pid p = start(&counter_server, &p, false);

    (void)arg;
    ck_assert_int_eq(state_of(p), 107);
    notes_are("continue 1|");
}
KID_TEST(continue_first, body_continue_first)

/* ------------------------------------------------------------ terminate -- */

static void body_terminate(void *arg)
{
    cop_pid p = start(&counter_server, NULL, true);

    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(
        cop_sys_terminate(p, cop_because_fmt("done", "n %d", 7), soon()), 0);
    got_exit(p, "{done, \"n 7\"}");
    notes_are("terminate {done, \"n 7\"}|");
    ck_assert_int_eq(cop_sys_terminate(p, COP_NORMAL, soon()), COP_ENOPROC);
    mailbox_is_empty();
}
KID_TEST(terminate, body_terminate)

static void body_terminate_returns_at_once(void *arg)
{
    static struct kid k = {.name = "k", .terminate_ns = 300 * COP_MS};
    cop_time before = cop_now();

    (void)arg;
    kid_start(&k, false);
    ck_assert_int_eq(cop_sys_terminate(k.pid, cop_because("done"), soon()), 0);
    ck_assert_int_lt(cop_now() - before, 100 * COP_MS);
    ck_assert(cop_is_alive(k.pid));
    cop_sleep(COP_SEC);
    ck_assert(!cop_is_alive(k.pid));
    mailbox_is_empty();
}
KID_TEST(terminate_returns_at_once, body_terminate_returns_at_once)

/* ---------------------------------------------------------------- state -- */

static void body_get_state(void *arg)
{
    static const cop_server none = {.call = counter_call};
    struct counter c = {.number = 1, .generation = 2};
    cop_pid p = counter();

    (void)arg;
    ck_assert_int_eq(cop_sys_get_state(p, NULL, 0, soon()), (int)sizeof c);
    ck_assert_int_eq(cop_sys_get_state(p, &c, sizeof c.number, soon()),
                     (int)sizeof c);
    ck_assert(c.number == 7 && c.generation == 2);
    ck_assert_int_eq(cop_sys_get_state(p, NULL, 1, soon()), COP_EINVAL);
    ck_assert_int_eq(
        cop_sys_get_state(start(&none, NULL, false), &c, sizeof c, soon()), 0);
}
KID_TEST(get_state, body_get_state)

/* OTP: a function that fails or exits leaves the state as it was. */
static void body_replace_state(void *arg)
{
    cop_pid p = counter();
    struct counter c;

    (void)arg;
    ck_assert_int_eq(replace(p, 3), 0);
    ck_assert_int_eq(state_of(p), 10);
    ck_assert_int_eq(replace(p, -1), COP_EFAILED);
    ck_assert_int_eq(replace(p, 666), COP_EFAILED);
    ck_assert_int_eq(cop_sys_get_state(p, &c, sizeof c, soon()), (int)sizeof c);
    ck_assert(c.number == 10 && c.generation == 1);
    ck_assert_int_eq(get(p, soon()), 10);
    suspend(p);
    ck_assert_int_eq(replace(p, 1), 0);
    resume(p);
    ck_assert_int_eq(get(p, soon()), 11);
}
KID_TEST(replace_state, body_replace_state)

static int sees_arg(void *state, size_t bytes, void *arg)
{
    const cop_msg *m;

    (void)bytes;
    /* it may receive: nothing it has is the request's */
    ck_assert_int_eq(cop_recv(&m, COP_POLL), COP_ETIMEDOUT);
    ((struct counter *)state)->number = arg == NULL ? 0 : *(char *)arg;
    return 0;
}

static void body_replace_arguments(void *arg)
{
    static char big[COP_SYS_ARG_MAX + 1] = "x", lent[] = "y";
    cop_pid p = counter();

    (void)arg;
    ck_assert_int_eq(
        cop_sys_replace_state(p, sees_arg, big, COP_SYS_ARG_MAX, soon()), 0);
    ck_assert_int_eq(state_of(p), 'x');
    ck_assert_int_eq(cop_sys_replace_state(p, sees_arg, lent, 0, soon()), 0);
    ck_assert_int_eq(state_of(p), 'y');
    ck_assert_int_eq(cop_sys_replace_state(p, sees_arg, NULL, 0, soon()), 0);
    ck_assert_int_eq(state_of(p), 0);
    ck_assert_int_eq(
        cop_sys_replace_state(p, sees_arg, big, sizeof big, soon()), COP_ESIZE);
    ck_assert_int_eq(cop_sys_replace_state(p, sees_arg, NULL, 1, soon()),
                     COP_EINVAL);
    ck_assert_int_eq(cop_sys_replace_state(p, NULL, NULL, 0, soon()),
                     COP_EINVAL);
}
KID_TEST(replace_arguments, body_replace_arguments)

static int hangs(void *state, size_t bytes, void *arg)
{
    (void)state;
    (void)bytes;
    (void)arg;
    cop_sleep(10 * COP_SEC);
    return 0;
}

/* A kill in the middle: what is held then is released (sanitizers see it). */
static void body_killed_in_replace(void *arg)
{
    cop_pid p = counter();

    (void)arg;
    ck_assert_int_eq(
        cop_sys_replace_state(p, hangs, NULL, 0, cop_in(10 * COP_MS)),
        COP_ETIMEDOUT);
    cop_exit_signal(p, COP_KILL);
    settle();
    ck_assert(!cop_is_alive(p));
}
KID_TEST(killed_in_replace, body_killed_in_replace)

/* ---------------------------------------------------------- code change -- */

/* OTP: only while suspended; what fails leaves all as it was. */
static void body_change_code(void *arg)
{
    static cop_server absurd;
    struct wide w;
    cop_pid p = counter();

    (void)arg;
    ck_assert_int_eq(change(p, &wide_server, "x"), COP_EINVAL);
    suspend(p);
    ck_assert_int_eq(change(p, &wide_server, "fail"), COP_EFAILED);
    ck_assert_int_eq(change(p, &wide_server, "crash"), COP_EFAILED);
    ck_assert_int_eq(change(p, &plain_server, "x"), COP_ENOTSUP);
    ck_assert_int_eq(change(p, NULL, "x"), COP_EINVAL);
    absurd = wide_server;
    absurd.state_bytes = SIZE_MAX - 8;
    ck_assert_int_eq(change(p, &absurd, "x"), COP_EINVAL);
    ck_assert_int_eq(
        cop_sys_change_code(p, &wide_server, &w, COP_SYS_ARG_MAX + 1, soon()),
        COP_ESIZE);
    ck_assert_int_eq(state_of(p), 7);
    notes_are("from 0 of 8 with \"fail\"|from 0 of 8 with \"crash\"|");
    ck_assert_int_eq(change(p, &wide_server, "x"), 0);
    ck_assert_int_eq(cop_sys_get_state(p, &w, sizeof w, soon()), (int)sizeof w);
    ck_assert_int_eq(w.number, 1007);
    resume(p);
    ck_assert_int_eq(get(p, soon()), 1007);
    suspend(p);
    ck_assert_int_eq(change(p, &narrow_server, ""), 0);
    ck_assert_int_eq(state_of(p), 1008);
    resume(p);
    notes_are("from 0 of 8 with \"x\"|");
    cast(p, SET, 5);
    ck_assert_int_eq(get(p, soon()), 5);
    notes_are("cast 10|");
}
KID_TEST(change_code, body_change_code)

static void body_changed_ends(void *arg)
{
    cop_pid p = counter(), q = counter();

    (void)arg;
    suspend(p);
    ck_assert_int_eq(change(p, &wide_server, ""), 0);
    ck_assert_int_eq(cop_server_stop(p, COP_NORMAL, soon(), NULL), 0);
    suspend(q);
    notes_forget();
    ck_assert_int_eq(
        cop_sys_change_code(q, &wide_server, "hang", 4, cop_in(10 * COP_MS)),
        COP_ETIMEDOUT);
    cop_exit_signal(q, COP_KILL);
    settle();
    ck_assert(!cop_is_alive(q));
    notes_are("from 0 of 8 with \"hang\"|");
}
KID_TEST(changed_ends, body_changed_ends)

static const TTest *const cases[] = {
    suspend_holds_up,
    suspend_twice,
    suspended_serves_requests,
    suspended_call,
    suspended_stop,
    suspended_parent_ends,
    suspended_signal,
    suspended_orphan,
    suspended_runtime_stops,
    suspended_idle,
    request_restarts_idle,
    busy,
    continue_first,
    terminate,
    terminate_returns_at_once,
    get_state,
    replace_state,
    replace_arguments,
    killed_in_replace,
    change_code,
    changed_ends,
};
UNIT_MAIN("sys", cases)
