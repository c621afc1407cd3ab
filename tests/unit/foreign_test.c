/* SPDX-License-Identifier: MIT
 *
 * foreign_test.c - the program's own threads beside the runtime: they send,
 * spawn, call, set timers, and are told when there is no runtime.
 */
#include "tests/support/started.h"

#include <pthread.h>

enum { TAG_ADD = 1, TAG_PLAIN, TAG_DIE, TAG_MUTE, TAG_SLOW };

static pthread_t thread(void *(*fn)(void *), void *arg)
{
    pthread_t t;

    ck_assert_int_eq(pthread_create(&t, NULL, fn, arg), 0);
    return t;
}

/* ------------------------------------------------------------- the server --
 */

struct seen {
    atomic_int plain;
    atomic_int with_sender;
};

static struct seen seen;

static void serve(uint64_t *sum, const cop_msg *m)
{
    switch (cop_msg_tag(m)) {
    case TAG_ADD:
        *sum += *cop_msg_as(m, uint64_t);
        (void)cop_reply(cop_msg_from(m), sum, sizeof(*sum));
        break;
    case TAG_SLOW:
        cop_sleep(50 * COP_MS);
        (void)cop_reply(cop_msg_from(m), cop_msg_body(m), cop_msg_size(m));
        break;
    case TAG_DIE:
        cop_exit(cop_because("dropped"));
    case TAG_PLAIN:
        if (!cop_pid_is_none(cop_msg_sender(m)))
            atomic_fetch_add(&seen.with_sender, 1);
        atomic_fetch_add(&seen.plain, 1);
        break;
    default:
        break;
    }
}

static void server(void *arg)
{
    const cop_msg *m;
    uint64_t sum = 0;

    (void)arg;
    while (cop_recv(&m, COP_FOREVER) == 0)
        serve(&sum, m);
}

static void serve_message(void *state, const cop_msg *m)
{
    serve(state, m);
}

static const cop_handler server_handler = {.state_bytes = sizeof(uint64_t),
                                           .message = serve_message};

static cop_pid start_server(bool handler)
{
    cop_pid pid;

    if (handler)
        ck_assert_int_eq(cop_spawn_handler(&pid, &server_handler, NULL, NULL),
                         0);
    else
        ck_assert_int_eq(cop_spawn(&pid, server, NULL, NULL), 0);
    return pid;
}

static int add(cop_pid to, uint64_t n, uint64_t *sum, cop_time limit_ns)
{
    return cop_call(to, TAG_ADD, &n, sizeof(n), sum, sizeof(*sum),
                    cop_in(limit_ns));
}

/* -------------------------------------------------------- send and spawn -- */

START_TEST(send_reaches_and_has_no_sender)
{
    cop_pid to;

    started(2);
    to = start_server(false);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(cop_send(to, TAG_PLAIN, NULL, 0), 0);
    ck_assert(reaches(&seen.plain, 1000));
    ck_assert_int_eq(atomic_load(&seen.with_sender), 0);
    stopped();
}
END_TEST

static atomic_int spawned;

static void child(void *arg)
{
    ck_assert(cop_pid_eq(cop_parent(), COP_PID_INIT));
    ck_assert_ptr_eq(arg, &spawned);
    atomic_fetch_add(&spawned, 1);
}

START_TEST(spawn_has_init_for_parent)
{
    started(2);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(cop_spawn(NULL, child, &spawned, NULL), 0);
    ck_assert(reaches(&spawned, 1000));
    stopped();
}
END_TEST

START_TEST(no_link_and_no_monitor)
{
    cop_ref ref;
    cop_opts linked = {.link = true}, monitored = {.monitor = &ref};

    started(1);
    ck_assert_int_eq(cop_spawn(NULL, child, NULL, &linked), COP_EINVAL);
    ck_assert_int_eq(cop_spawn(NULL, child, NULL, &monitored), COP_EINVAL);
    stopped();
}
END_TEST

START_TEST(thread_is_nobody)
{
    started(1);
    ck_assert(cop_pid_is_none(cop_self()));
    ck_assert_int_eq(cop_ext_worker(), -1);
    stopped();
}
END_TEST

START_TEST(timer_has_no_sender)
{
    cop_timer timer;
    cop_pid to;

    started(2);
    to = start_server(true);
    ck_assert_int_eq(cop_send_after(&timer, 5 * COP_MS, to, TAG_PLAIN, NULL, 0),
                     0);
    ck_assert(reaches(&seen.plain, 1));
    ck_assert_int_eq(cop_cancel_timer(timer), COP_ENOENT);
    ck_assert_int_eq(cop_send_after(&timer, COP_SEC, to, TAG_PLAIN, NULL, 0),
                     0);
    ck_assert(cop_cancel_timer(timer) > 0);
    ck_assert_int_eq(atomic_load(&seen.with_sender), 0);
    stopped();
}
END_TEST

START_TEST(names_and_signals)
{
    cop_pid to;
    int64_t end;

    started(2);
    to = start_server(false);
    ck_assert_int_eq(cop_register("server", to), 0);
    ck_assert(cop_pid_eq(cop_whereis("server"), to));
    ck_assert_int_eq(cop_send_name("server", TAG_PLAIN, NULL, 0), 0);
    ck_assert(reaches(&seen.plain, 1));
    ck_assert_int_eq(cop_exit_signal(to, COP_KILL), 0);
    end = real_now() + 20 * unit_slow() * COP_SEC;
    while (cop_is_alive(to) && real_now() < end)
        nap(COP_MS);
    ck_assert(!cop_is_alive(to));
    ck_assert(cop_pid_is_none(cop_whereis("server")));
    stopped();
}
END_TEST

/* ---------------------------------------------------------------- calling --
 */

static void call_both_forms(bool handler)
{
    uint64_t sum = 0;
    cop_pid to;

    started(2);
    to = start_server(handler);
    for (uint64_t i = 1; i <= 1000; i++) {
        ck_assert_int_eq(add(to, 1, &sum, COP_FOREVER), sizeof(sum));
        ck_assert_uint_eq(sum, i);
    }
    stopped();
}

START_TEST(call_of_coroutine)
{
    call_both_forms(false);
}
END_TEST
START_TEST(call_of_handler)
{
    call_both_forms(true);
}
END_TEST

static void *add_many(void *arg)
{
    uint64_t sum;

    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(add(*(cop_pid *)arg, 1, &sum, COP_FOREVER),
                         sizeof(sum));
    return NULL;
}

START_TEST(many_threads_call)
{
    pthread_t threads[8];
    uint64_t sum = 0;
    cop_pid to;

    started(2);
    to = start_server(true);
    for (int i = 0; i < 8; i++)
        threads[i] = thread(add_many, &to);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_int_eq(add(to, 0, &sum, COP_FOREVER), sizeof(sum));
    ck_assert_uint_eq(sum, 8000);
    stopped();
}
END_TEST

START_TEST(call_times_out)
{
    int64_t began;
    cop_pid to;

    started(2);
    to = start_server(false);
    began = real_now();
    ck_assert_int_eq(
        cop_call(to, TAG_MUTE, NULL, 0, NULL, 0, cop_in(30 * COP_MS)),
        COP_ETIMEDOUT);
    ck_assert(real_now() - began >= 30 * COP_MS);
    ck_assert(strlen(cop_call_text()) > 0);
    stopped();
}
END_TEST

START_TEST(late_reply_is_never_seen)
{
    uint64_t body = 77, sum = 0;
    cop_pid to;

    started(2);
    to = start_server(false);
    for (uint64_t i = 1; i <= 10; i++) {
        ck_assert_int_eq(cop_call(to, TAG_SLOW, &body, sizeof(body), &sum,
                                  sizeof(sum), cop_in(COP_MS)),
                         COP_ETIMEDOUT);
        ck_assert_int_eq(add(to, 1, &sum, COP_FOREVER), sizeof(sum));
        ck_assert_uint_eq(sum, i);
    }
    stopped();
}
END_TEST

START_TEST(callee_dies)
{
    cop_pid to;

    started(2);
    for (int i = 0; i < 100; i++) {
        to = start_server(i % 2 == 0);
        ck_assert_int_eq(cop_call(to, TAG_DIE, NULL, 0, NULL, 0, patience()),
                         COP_EDOWN);
        ck_assert_str_eq(cop_reason_name(cop_call_reason()), "dropped");
        ck_assert(strlen(cop_call_text()) > 0);
    }
    stopped();
}
END_TEST

START_TEST(callee_is_dead)
{
    uint64_t sum;
    cop_pid to;

    started(2);
    to = start_server(true);
    ck_assert_int_eq(cop_call(to, TAG_DIE, NULL, 0, NULL, 0, patience()),
                     COP_EDOWN);
    ck_assert_int_eq(add(to, 1, &sum, COP_SEC), COP_ENOPROC);
    ck_assert_int_eq(add(COP_NO_PID, 1, &sum, COP_SEC), COP_ENOPROC);
    ck_assert_int_eq(
        cop_call_name("nobody", TAG_ADD, NULL, 0, NULL, 0, patience()),
        COP_ENOPROC);
    stopped();
}
END_TEST

static void *kill_later(void *arg)
{
    nap(5 * COP_MS);
    (void)cop_exit_signal(*(cop_pid *)arg, COP_KILL);
    return NULL;
}

START_TEST(callee_is_killed)
{
    pthread_t killer;
    cop_pid to;

    started(2);
    to = start_server(false);
    killer = thread(kill_later, &to);
    ck_assert_int_eq(cop_call(to, TAG_MUTE, NULL, 0, NULL, 0, patience()),
                     COP_EDOWN);
    ck_assert_str_eq(cop_reason_name(cop_call_reason()), "killed");
    ck_assert_int_eq(pthread_join(killer, NULL), 0);
    stopped();
}
END_TEST

START_TEST(call_that_polls)
{
    uint64_t sum;
    cop_pid to;

    started(2);
    to = start_server(false);
    ck_assert_int_eq(cop_call(to, TAG_MUTE, NULL, 0, NULL, 0, COP_POLL),
                     COP_ETIMEDOUT);
    ck_assert_int_eq(add(to, 1, &sum, 20 * COP_SEC), sizeof(sum));
    stopped();
}
END_TEST

/* ----------------------------------------------------- with no runtime up --
 */

static void expect_stopped(void)
{
    uint64_t sum;
    cop_pid to = {(uint64_t)1 << 24 | 1};
    cop_timer timer;

    ck_assert_int_eq(cop_send(to, TAG_PLAIN, NULL, 0), COP_ESTOPPED);
    ck_assert_int_eq(cop_cast(to, TAG_PLAIN, NULL, 0), COP_ESTOPPED);
    ck_assert_int_eq(cop_spawn(NULL, child, NULL, NULL), COP_ESTOPPED);
    ck_assert_int_eq(cop_spawn_handler(NULL, &server_handler, NULL, NULL),
                     COP_ESTOPPED);
    ck_assert_int_eq(
        cop_call(to, TAG_ADD, NULL, 0, &sum, sizeof(sum), COP_FOREVER),
        COP_ESTOPPED);
    ck_assert_int_eq(cop_exit_signal(to, COP_KILL), COP_ESTOPPED);
    ck_assert_int_lt(cop_send_after(&timer, 0, to, TAG_PLAIN, NULL, 0), 0);
    ck_assert_int_lt(cop_register("x", to), 0);
    ck_assert(cop_pid_is_none(cop_whereis("x")));
    ck_assert(!cop_is_alive(to));
    ck_assert_uint_eq(cop_actors(NULL, 0), 0);
}

START_TEST(before_start)
{
    expect_stopped();
}
END_TEST

START_TEST(after_stop)
{
    started(2);
    (void)start_server(false);
    stopped();
    expect_stopped();
}
END_TEST

static atomic_int in_call;

static void *call_over_stop(void *arg)
{
    int rc;

    atomic_fetch_add(&in_call, 1);
    rc = cop_call(*(cop_pid *)arg, TAG_MUTE, NULL, 0, NULL, 0, COP_FOREVER);
    ck_assert_msg(rc == COP_EDOWN || rc == COP_ESTOPPED || rc == COP_ENOPROC,
                  "call over a stop: %s", cop_error_str(rc));
    return NULL;
}

START_TEST(stop_ends_calls)
{
    pthread_t threads[4];
    cop_pid to;

    for (int round = 0; round < 20; round++) {
        started(2);
        to = start_server(round % 2 == 0);
        atomic_store(&in_call, 0);
        for (int i = 0; i < 4; i++)
            threads[i] = thread(call_over_stop, &to);
        ck_assert(reaches(&in_call, 4));
        stopped();
        for (int i = 0; i < 4; i++)
            ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
}
END_TEST

static const TTest *const cases[] = {
    send_reaches_and_has_no_sender,
    spawn_has_init_for_parent,
    no_link_and_no_monitor,
    thread_is_nobody,
    timer_has_no_sender,
    names_and_signals,
    call_of_coroutine,
    call_of_handler,
    many_threads_call,
    call_times_out,
    late_reply_is_never_seen,
    callee_dies,
    callee_is_dead,
    callee_is_killed,
    call_that_polls,
    before_start,
    after_stop,
    stop_ends_calls,
};
UNIT_MAIN("foreign", cases)
