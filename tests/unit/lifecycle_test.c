/* SPDX-License-Identifier: MIT
 *
 * lifecycle_test.c - starting and stopping the runtime, in one process again
 * and again; who is asked to end and in which order; who is reported; what
 * cop_run makes of signals. A runtime that leaves a thread behind or ends by a
 * signal has a process of its own.
 */
#include "runtime/probe/fault.h"

#include "tests/support/started.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TAG_GO = 1 };

/* ---------------------------------------------------------- start and stop --
 */

START_TEST(start_and_stop_many_times)
{
    size_t bytes = 0;

    for (unsigned i = 0; i < 50; i++) {
        ck_assert(!cop_is_running());
        started(1 + i % 4);
        ck_assert(cop_is_running());
        ck_assert_int_eq(cop_stop(cop_in(COP_SEC), NULL), 0);
        if (i > 0)
            ck_assert_uint_eq(cop_ext_bytes_in_use(), bytes);
        bytes = cop_ext_bytes_in_use();
    }
}
END_TEST

START_TEST(second_start_is_refused)
{
    started(1);
    ck_assert_int_eq(cop_start(NULL), COP_EALREADY);
    stopped();
    ck_assert_int_eq(cop_start(NULL), 0);
    stopped();
}
END_TEST

START_TEST(stop_without_start)
{
    ck_assert_int_eq(cop_stop(cop_in(COP_SEC), NULL), COP_ESTOPPED);
    started(1);
    stopped();
    ck_assert_int_eq(cop_stop(cop_in(COP_SEC), NULL), COP_ESTOPPED);
}
END_TEST

START_TEST(absurd_configurations)
{
    cop_config config = {.workers = 257};

    ck_assert_int_eq(cop_start(&config), COP_EINVAL);
    ck_assert(!cop_is_running());
    config = (cop_config){.workers = 256};
    ck_assert_int_eq(cop_start(&config), 0);
    stopped();
}
END_TEST

/* ------------------------------------------------------------ orderly stop --
 */

static char order[64];
static atomic_int order_length, ready;

static void write_order(void *arg)
{
    order[atomic_fetch_add(&order_length, 1)] = *(const char *)arg;
}

static void waits(void *arg)
{
    const cop_msg *m;

    if (arg != NULL)
        ck_assert_int_eq(cop_defer(write_order, arg), 0);
    atomic_fetch_add(&ready, 1);
    for (;;)
        ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
}

static _Atomic int64_t failures_left, failures_after;

static bool fails_now(enum copi_fault_point point)
{
    (void)point;
    return atomic_fetch_sub(&failures_after, 1) <= 0 &&
           atomic_load(&failures_left) > 0 &&
           atomic_fetch_sub(&failures_left, 1) > 0;
}

START_TEST(newest_first)
{
    static char letters[] = "abcdef";

    started(1);
    for (int i = 0; letters[i] != '\0'; i++) {
        ck_assert_int_eq(cop_spawn(NULL, waits, &letters[i], NULL), 0);
        ck_assert(reaches(&ready, i + 1));
    }
    stopped();
    ck_assert_str_eq(order, "fedcba");
}
END_TEST

/* Each of the first allocations of the stop fails in turn, or all of the first
 * so many: nobody is forgotten. */
static void stop_without(uint64_t nth, bool all_before)
{
    static cop_stop_report report;

    started(1);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(cop_spawn(NULL, waits, NULL, NULL), 0);
    ck_assert(reaches(&ready, 3));
    atomic_store(&ready, 0);
    atomic_store(&failures_left, all_before ? (int64_t)nth : 1);
    atomic_store(&failures_after, all_before ? 0 : (int64_t)nth - 1);
    copi_fault_plan(1u << COPI_FAULT_ALLOC, fails_now);
    ck_assert_int_eq(cop_stop(COP_FOREVER, &report), 0);
    copi_fault_plan(0, NULL);
    ck_assert_uint_eq(report.left, 0);
    ck_assert_int_eq(atomic_load(&failures_left), 0);
}

START_TEST(a_stop_without_memory_forgets_nobody)
{
    for (uint64_t nth = 1; nth <= 4; nth++) {
        stop_without(nth, false);
        stop_without(nth, true);
    }
}
END_TEST

static void adults_first(void *arg)
{
    static char kid = 'k';

    ck_assert_int_eq(cop_spawn(NULL, waits, &kid, NULL), 0);
    waits(arg);
}

/* Children are left to their parents at first, and ended after them. */
START_TEST(parents_before_orphans)
{
    static char parent = 'p';

    started(1);
    ck_assert_int_eq(cop_spawn(NULL, adults_first, &parent, NULL), 0);
    ck_assert(reaches(&ready, 2));
    stopped();
    ck_assert_str_eq(order, "pk");
}
END_TEST

static void ends_in_its_own_time(void *arg)
{
    const cop_msg *m;

    (void)arg;
    (void)cop_trap_exit(true);
    atomic_fetch_add(&ready, 1);
    ck_assert_int_eq(cop_recv_tag(&m, COP_EXIT, COP_FOREVER), 0);
    ck_assert_int_eq(cop_reason_kind(cop_msg_reason(m)), COP_R_SHUTDOWN);
    ck_assert(cop_pid_eq(cop_msg_sender(m), COP_PID_INIT));
    cop_sleep(20 * COP_MS);
    write_order("t");
}

START_TEST(stop_waits_for_those_that_trap)
{
    cop_stop_report report = {.left = 9};

    started(2);
    ck_assert_int_eq(cop_spawn(NULL, ends_in_its_own_time, NULL, NULL), 0);
    ck_assert(reaches(&ready, 1));
    ck_assert_int_eq(cop_stop(patience(), &report), 0);
    ck_assert_str_eq(order, "t");
    ck_assert_uint_eq(report.left, 0);
    ck_assert_uint_eq(report.stuck, 0);
}
END_TEST

static void will_not(void *arg)
{
    const cop_msg *m;

    (void)arg;
    (void)cop_trap_exit(true);
    atomic_fetch_add(&ready, 1);
    for (;;)
        ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
}

START_TEST(the_stubborn_are_killed_and_reported)
{
    cop_opts opts = {.name = "mule"};
    static cop_stop_report report;
    int64_t began;

    started(2);
    ck_assert_int_eq(cop_spawn(NULL, will_not, NULL, &opts), 0);
    ck_assert_int_eq(cop_spawn(NULL, waits, NULL, NULL), 0);
    ck_assert(reaches(&ready, 2));
    began = real_now();
    ck_assert_int_eq(cop_stop(cop_in(100 * COP_MS), &report), 0);
    ck_assert(real_now() - began >= 100 * COP_MS);
    ck_assert(real_now() - began < 10 * unit_slow() * COP_SEC);
    ck_assert_uint_eq(report.left, 1);
    ck_assert_uint_eq(report.stuck, 0);
    ck_assert_msg(strstr(report.text, "mule") != NULL, "report: %s",
                  report.text);
    started(1);
    stopped();
}
END_TEST

static void never_comes_back(void *arg)
{
    (void)arg;
    atomic_fetch_add(&ready, 1);
    for (;;)
        nap(COP_SEC);
}

START_TEST(the_stuck_are_left_behind)
{
    cop_opts opts = {.name = "rock"};
    static cop_stop_report report;

    started(2);
    ck_assert_int_eq(cop_spawn(NULL, never_comes_back, NULL, &opts), 0);
    ck_assert_int_eq(cop_spawn(NULL, waits, NULL, NULL), 0);
    ck_assert(reaches(&ready, 2));
    ck_assert_int_eq(cop_stop(cop_in(100 * COP_MS), &report), COP_ESTUCK);
    ck_assert_uint_eq(report.left, 1);
    ck_assert_uint_eq(report.stuck, 1);
    ck_assert_msg(strstr(report.text, "rock") != NULL, "report: %s",
                  report.text);
    ck_assert_int_lt(cop_start(NULL), 0);
}
END_TEST

/* ----------------------------------------------------------------- cop_run --
 */

static void returns(void *arg)
{
    (void)arg;
}

static void breaks(void *arg)
{
    (void)arg;
    cop_exit(cop_because("boom"));
}

static void shuts_down(void *arg)
{
    (void)arg;
    cop_exit(cop_shutdown_because("done"));
}

static char logged[256];

static void keep_log(const char *line)
{
    snprintf(logged, sizeof(logged), "%s", line);
}

START_TEST(run_gives_how_it_ended)
{
    cop_config config = {.workers = 2, .log = keep_log};
    cop_config absurd = {.workers = 1000};

    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(cop_run(returns, NULL, &config), 0);
        ck_assert_int_eq(cop_run(shuts_down, NULL, &config), 0);
        ck_assert_str_eq(logged, "");
        ck_assert_int_eq(cop_run(breaks, NULL, &config), 1);
        ck_assert_ptr_nonnull(strstr(logged, "boom"));
        logged[0] = '\0';
    }
    ck_assert_int_eq(cop_run(returns, NULL, &absurd), COP_EINVAL);
    ck_assert(!cop_is_running());
}
END_TEST

static void spawns_and_returns(void *arg)
{
    ck_assert_int_eq(cop_spawn(NULL, waits, arg, NULL), 0);
}

START_TEST(run_ends_what_is_left)
{
    static char letter = 'l';

    ck_assert_int_eq(cop_run(spawns_and_returns, &letter, NULL), 0);
    ck_assert(!cop_is_running());
}
END_TEST

/* The child: tells through the pipe that it runs, and what it did at its end.
 */
static int tell_fd;

static void tell(void *arg)
{
    ck_assert_int_eq(write(tell_fd, arg, 1), 1);
}

static void waits_for_signal(void *arg)
{
    const cop_msg *m;

    (void)arg;
    ck_assert_int_eq(cop_defer(tell, "d"), 0);
    tell("r");
    for (;;)
        ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
}

/* How a program that runs `fn` and gets `signum` ended: a wait status. */
static int signalled(cop_fn fn, const cop_config *config, int signum,
                     bool expect_cleanup)
{
    char letter = 0;
    int fds[2], status;
    pid_t child;

    ck_assert_int_eq(pipe(fds), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        /* check's own handlers would end the whole test */
        signal(SIGTERM, SIG_DFL);
        signal(SIGINT, SIG_DFL);
        tell_fd = fds[1];
        _exit(cop_run(fn, NULL, config));
    }
    close(fds[1]);
    ck_assert_int_eq(read(fds[0], &letter, 1), 1);
    ck_assert_int_eq(letter, 'r');
    ck_assert_int_eq(kill(child, signum), 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(read(fds[0], &letter, 1), expect_cleanup);
    close(fds[0]);
    return status;
}

static void expect_code(int signum)
{
    cop_config config = {.workers = 2, .handle_signals = true};
    int status = signalled(waits_for_signal, &config, signum, true);

    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 128 + signum);
}

START_TEST(run_stops_at_sigterm)
{
    expect_code(SIGTERM);
}
END_TEST
START_TEST(run_stops_at_sigint)
{
    expect_code(SIGINT);
}
END_TEST

START_TEST(run_leaves_signals_alone_unless_asked)
{
    cop_config config = {.workers = 2};
    int status = signalled(waits_for_signal, &config, SIGTERM, false);

    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGTERM);
}
END_TEST

static void ignores_signals(void *arg)
{
    const cop_msg *m;

    (void)arg;
    (void)cop_trap_exit(true);
    tell("r");
    for (;;)
        ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
}

START_TEST(run_does_not_wait_for_ever)
{
    cop_config config = {.workers = 2,
                         .handle_signals = true,
                         .drain_ns = 50 * COP_MS,
                         .log = keep_log};
    int status = signalled(ignores_signals, &config, SIGTERM, false);

    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 128 + SIGTERM);
}
END_TEST

START_TEST(run_puts_signal_handlers_back)
{
    cop_config config = {.workers = 1, .handle_signals = true};
    struct sigaction before, after;

    ck_assert_int_eq(sigaction(SIGTERM, NULL, &before), 0);
    ck_assert_int_eq(cop_run(returns, NULL, &config), 0);
    ck_assert_int_eq(sigaction(SIGTERM, NULL, &after), 0);
    ck_assert(before.sa_handler == after.sa_handler);
}
END_TEST

static const TTest *const cases[] = {
    start_and_stop_many_times,
    second_start_is_refused,
    stop_without_start,
    absurd_configurations,
    newest_first,
    a_stop_without_memory_forgets_nobody,
    parents_before_orphans,
    stop_waits_for_those_that_trap,
    the_stubborn_are_killed_and_reported,
    the_stuck_are_left_behind,
    run_gives_how_it_ended,
    run_ends_what_is_left,
    run_stops_at_sigterm,
    run_stops_at_sigint,
    run_leaves_signals_alone_unless_asked,
    run_does_not_wait_for_ever,
    run_puts_signal_handlers_back,
};
UNIT_MAIN("lifecycle", cases)
