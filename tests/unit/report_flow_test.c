/* SPDX-License-Identifier: MIT
 *
 * report_flow_test.c - crash reports on their way: files, subscribers, storms,
 * and machines that have no memory or thread left.
 */
#include "tests/support/report.h"
#include "tests/support/started.h"

#include "runtime/probe/fault.h"

#include <unistd.h>

/* ----------------------------------------------------------------- files -- */

static char path[64];

static const char *new_path(void)
{
    snprintf(path, sizeof path, "/tmp/cop_report_test_%d", (int)getpid());
    unlink(path);
    return path;
}

/* Lines in the file, all of them whole; -1: one is not. */
static int lines_in(const char *name)
{
    static char line[1 << 16];
    FILE *f = fopen(name, "r");
    int n = 0;

    if (f == NULL)
        return 0;
    while (n >= 0 && fgets(line, sizeof line, f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        n = json_is_whole(line) ? n + 1 : -1;
    }
    fclose(f);
    return n;
}

static void some_die(void *arg)
{
    for (int i = 0; i < *(int *)arg; i++)
        run_to_its_end(dies, NULL, NULL);
}

static void three_die(void *arg)
{
    int n = 3;

    (void)arg;
    some_die(&n);
}

START_TEST(lines_of_json_go_to_a_file)
{
    cop_config c = {.workers = 2, .log = take_line, .crash_file = new_path()};

    actor_test(three_die, &c);
    ck_assert_int_eq(lines_in(path), 3);
    c.crash_bytes = 600;
    actor_test(three_die, &c); /* appended */
    ck_assert_int_eq(lines_in(path), 6);
    c.crash_file = NULL;
    actor_test(three_die, &c);
    ck_assert_int_eq(lines_in(path), 6);
    setenv("COP_CRASH_FILE", path, 1);
    actor_test(three_die, &c);
    ck_assert_int_eq(lines_in(path), 9);
    unlink(path);
}
END_TEST

START_TEST(a_file_that_cannot_be_written_is_told_once)
{
    actor_test(three_die, &(cop_config){.workers = 2,
                                        .log = take_line,
                                        .crash_file = "/nowhere/at/all"});
    ck_assert_uint_eq(count_logged("cannot write crash reports"), 1);
    ck_assert_uint_eq(count_logged("crash: actor"), 3);
}
END_TEST

START_TEST(absurd_configurations_are_refused)
{
    static const cop_config wrong[] = {
        {.trace = "everything"},
        {.crash_bytes = 511},
        {.crash_bytes = (1 << 20) + 1},
        {.crash_reports = (cop_report_when)3},
    };

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_int_eq(cop_start(&wrong[i]), COP_EINVAL);
    setenv("COP_TRACE", "everything", 1);
    ck_assert_int_eq(cop_start(&(cop_config){.workers = 1, .log = take_line}),
                     0);
    ck_assert_int_eq(cop_stop(cop_in(COP_SEC), NULL), 0);
    ck_assert(has_logged("COP_TRACE: no such events: everything"));
    setenv("COP_TRACE", "all", 1);
    ck_assert_int_eq(cop_start(&(cop_config){.workers = 1}), 0);
    ck_assert_int_eq(cop_stop(cop_in(COP_SEC), NULL), 0);
}
END_TEST

/* ---------------------------------------------------------------- storms -- */

enum { STORM = 10000 };

static void storm_half(void *arg)
{
    const cop_msg *m;
    cop_ref ref;

    (void)arg;
    for (int i = 0; i < STORM; i++) {
        ck_assert_int_eq(
            cop_spawn(NULL, dies, NULL, &(cop_opts){.monitor = &ref}), 0);
        ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    }
}

static void storm_body(void *arg)
{
    (void)arg;
    /* virtual time stands still meanwhile: one window */
    ck_assert_uint_eq(storm_of(storm_half, STORM), 10);
}

START_TEST(a_storm_is_counted_not_told)
{
    actor_test(storm_body, &(cop_config){.workers = 2,
                                         .log = take_line,
                                         .virtual_time = true,
                                         .crash_file = new_path()});
    ck_assert_uint_eq(count_logged("crash: actor"), 10);
    ck_assert_int_eq(lines_in(path), 10);
    ck_assert_uint_eq(sum_untold(), 2 * STORM - 10);
    ck_assert_uint_lt(logged_bytes, 64 << 10);
    unlink(path);
}
END_TEST

static void windows_body(void *arg)
{
    cop_crash_counts n;

    (void)arg;
    for (int i = 0; i < 5; i++) {
        some_die(&(int){4});
        cop_sleep(COP_SEC + COP_MS);
    }
    cop_crash_counts_get(&n);
    ck_assert_uint_eq(n.seen, 20);
    ck_assert_uint_eq(n.reported, 15);
    ck_assert_uint_eq(n.suppressed, 5);
}

START_TEST(each_second_has_its_reports)
{
    actor_test(windows_body, &(cop_config){.workers = 2,
                                           .log = take_line,
                                           .virtual_time = true,
                                           .crash_rate = 3});
    ck_assert_uint_eq(count_logged("crash: actor"), 15);
    ck_assert_uint_eq(sum_untold(), 5);
}
END_TEST

/* ---------------------------------------------------------- poor machines --
 */

static void poor_body(void *arg)
{
    (void)arg;
    copi_fault_set(COPI_FAULT_THREAD, 1, true);
    three_die(NULL);
    copi_fault_set(COPI_FAULT_THREAD, 0, false);
}

START_TEST(without_a_thread_the_worker_writes)
{
    actor_test(poor_body, &(cop_config){.workers = 2, .log = take_line});
    ck_assert_uint_eq(count_logged("crash: actor"), 3);
    ck_assert(has_logged(" misuses+0x"));
}
END_TEST

static void dies_hungry(void *arg)
{
    const cop_msg *m;

    (void)!cop_set_formatter(show, arg);
    ck_assert_int_eq(cop_recv_tag(&m, TAG_GO, COP_FOREVER), 0);
    misuses();
}

static atomic_int fed;

static void hungry_body(void *arg)
{
    const cop_msg *m;
    cop_pid pid;

    (void)arg;
    cop_trap_exit(true);
    /* each allocation of a death in turn, and all from it on */
    for (uint64_t nth = 1; nth < 40; nth++) {
        ck_assert_int_eq(
            cop_spawn(&pid, dies_hungry, &nth, &(cop_opts){.link = true}), 0);
        ck_assert_int_eq(cop_send(pid, TAG_GO, NULL, 0), 0);
        cop_ext_fail_alloc(nth / 2 + 1, nth % 2);
        ck_assert_int_eq(cop_recv_from(&m, pid, COP_FOREVER), 0);
        cop_ext_fail_alloc(0, false);
    }
    atomic_store(&fed, 1);
}

/* Nobody else may ask for memory meanwhile. */
START_TEST(without_memory_the_death_goes_on)
{
    cop_config config = {.workers = 1, .log = take_line, .crash_rate = 1000};

    ck_assert_int_eq(cop_start(&config), 0);
    ck_assert_int_eq(cop_spawn(NULL, hungry_body, NULL, NULL), 0);
    ck_assert(reaches(&fed, 1));
    stopped();
    ck_assert_uint_eq(count_logged("crash: actor") + sum_untold(), 39);
}
END_TEST

START_TEST(a_flush_waits_for_the_writer)
{
    cop_config config = {.workers = 2, .log = take_line};
    cop_crash_counts n;

    ck_assert_int_eq(cop_start(&config), 0);
    cop_crash_flush();
    for (size_t i = 1; i <= 5; i++) {
        ck_assert_int_eq(cop_spawn(NULL, dies, NULL, NULL), 0);
        do {
            nap(COP_MS);
            cop_crash_counts_get(&n);
        } while (n.reported < i);
        cop_crash_flush();
        ck_assert_uint_eq(count_logged("crash: actor"), i);
    }
    stopped();
}
END_TEST

/* ------------------------------------------------------------- subscribers --
 */

static void orderly(void *arg)
{
    (void)arg;
    cop_exit(cop_shutdown_because("done"));
}

static void dead_subscriber_body(void *arg)
{
    cop_pid pid;

    (void)arg;
    ck_assert_int_eq(cop_spawn(&pid, orderly, NULL, NULL), 0);
    cop_crash_reports_to(pid);
    settle();
    three_die(NULL);
    /* its own crash */
    ck_assert_int_eq(cop_spawn(&pid, dies_in_style, NULL, NULL), 0);
    cop_crash_reports_to(pid);
    ck_assert_int_eq(cop_send(pid, TAG_GO, NULL, 0), 0);
    settle();
    ck_assert(!cop_is_alive(pid));
    cop_crash_reports_to(cop_self());
    three_die(NULL);
    for (int i = 0; i < 3; i++)
        (void)next_report();
    cop_crash_reports_to(COP_NO_PID);
    three_die(NULL);
    const cop_msg *m;
    ck_assert_int_eq(cop_recv(&m, COP_POLL), COP_ETIMEDOUT);
}

START_TEST(subscribers_come_and_go)
{
    actor_test(dead_subscriber_body, &(cop_config){.workers = 2,
                                                   .log = take_line,
                                                   .virtual_time = true,
                                                   .crash_rate = 1000});
}
END_TEST

/* A report is there before the death is heard of otherwise. */
static void order_body(void *arg)
{
    const cop_msg *m;
    cop_ref ref;

    (void)arg;
    cop_crash_reports_to(cop_self());
    for (int i = 0; i < 200; i++) {
        ck_assert_int_eq(
            cop_spawn(NULL, dies, NULL, &(cop_opts){.monitor = &ref}), 0);
        ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
        ck_assert_uint_eq(cop_msg_tag(m), COP_CRASH_REPORT);
        ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
        ck_assert_uint_eq(cop_msg_tag(m), COP_DOWN);
    }
}

START_TEST(reports_come_before_other_news)
{
    actor_test(
        order_body,
        &(cop_config){.workers = 2, .log = take_line, .crash_rate = 1000});
}
END_TEST

static const TTest *const cases[] = {
    lines_of_json_go_to_a_file,
    a_file_that_cannot_be_written_is_told_once,
    absurd_configurations_are_refused,
    a_storm_is_counted_not_told,
    each_second_has_its_reports,
    without_a_thread_the_worker_writes,
    without_memory_the_death_goes_on,
    a_flush_waits_for_the_writer,
    subscribers_come_and_go,
    reports_come_before_other_news,
};
UNIT_MAIN("report_flow", cases)
