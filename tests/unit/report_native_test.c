/* SPDX-License-Identifier: MIT
 *
 * report_native_test.c - reports of native faults: backtraces that name even
 * functions without a frame of their own, formatters that fault, a storm.
 */
#include "tests/support/death.h"
#include "tests/support/native.h"
#include "tests/support/report.h"
#include "tests/support/started.h"

static int *volatile null;
static volatile int counter;

/* Has no frame: the fault strikes before anything is pushed. */
__attribute__((noinline)) static void leaf(int *p)
{
    *p = 1;
}

__attribute__((noinline)) static void calls_leaf(void)
{
    leaf(null);
    counter++;
}

static void faults(void *arg)
{
    (void)arg;
    calls_leaf();
    counter++;
}

static void copies(void *arg)
{
    (void)arg;
    memset(null, 1, (size_t)(2000 + counter));
    counter++;
}

static void jumps(void *arg)
{
    ((void (*)(void))(uintptr_t)arg)();
    counter++;
}

__attribute__((noinline)) static int deep(int n)
{
    volatile char room[512];

    room[0] = (char)n;
    return n == 0 ? *null : deep(n - 1) + room[0];
}

static void faults_deep(void *arg)
{
    (void)arg;
    counter = deep(50);
}

static void overflows(void *arg)
{
    (void)arg;
    counter = deep(1 << 20);
}

/* The call is its last instruction: it returns to the next function. */
static void gives_up(void *arg)
{
    (void)arg;
    abort();
}

/* Is each of the texts in the backtrace, in this order, one after the other? */
static bool is_trace(const cop_crash *c, const char *const *texts)
{
    char code[COP_SYMBOL_TEXT];
    unsigned i = 0;

    for (; *texts != NULL; texts++, i++) {
        cop_symbol_str(c->fault.frames[i], i > 0, code, sizeof code);
        if (i >= c->fault.depth || strstr(code, *texts) == NULL) {
            fprintf(stderr, "%u: %s instead of %s\n", i, code, *texts);
            return false;
        }
    }
    return true;
}

static void traces_body(void *arg)
{
    (void)arg;
    cop_crash_reports_to(cop_self());
    run_to_its_end(faults, NULL, NULL);
    cop_crash c = next_report();
    ck_assert(
        is_trace(&c, (const char *[]){"leaf", "calls_leaf", "faults+", NULL}));
    ck_assert_str_eq(c.reason, "{fault, SIGSEGV, 0x0}");
    ck_assert_str_eq(c.fault.what, "SIGSEGV");
    run_to_its_end(copies, NULL, NULL);
    c = next_report();
    ck_assert(is_trace(&c, (const char *[]){"libc", "copies", NULL}) ||
              is_trace(&c, (const char *[]){"mem", "copies", NULL}));
    run_to_its_end(jumps, (void *)16, NULL);
    c = next_report();
    ck_assert(is_trace(&c, (const char *[]){"0x10", "jumps+", NULL}));
    run_to_its_end(faults_deep, NULL, NULL);
    c = next_report();
    ck_assert_uint_eq(c.fault.depth, COP_FAULT_FRAMES);
    for (unsigned i = 0; i < c.fault.depth; i++)
        ck_assert(c.fault.frames[i] - (uintptr_t)deep < 512);
    run_to_its_end(overflows, NULL, NULL);
    c = next_report();
    ck_assert_str_eq(c.fault.what, "stack_overflow");
    ck_assert_uint_eq(c.fault.depth, COP_FAULT_FRAMES);
}

START_TEST(backtraces_are_whole)
{
    actor_test(traces_body, &(cop_config){.workers = 2, .log = take_line});
    ck_assert(has_logged(" calls_leaf"));
}
END_TEST

static void last_call_body(void *arg)
{
    char text[4096];
    (void)arg;
    cop_crash_reports_to(cop_self());
    run_to_its_end(gives_up, NULL, NULL);
    cop_crash c = next_report();
    cop_crash_text(&c, text, sizeof text);
    ck_assert_msg(strstr(text, "#0 gives_up") != NULL, "%s", text);
    cop_crash_json(&c, text, sizeof text);
    ck_assert_msg(strstr(text, "[\"gives_up") != NULL, "%s", text);
}

START_TEST(who_calls_abort_last_is_named)
{
    actor_test(last_call_body, NULL);
}
END_TEST

/* ------------------------------------------------------------ formatters -- */

static void half_then_fault(const void *arg, char *buf, size_t size)
{
    snprintf(buf, size, "half");
    calls_leaf();
    (void)arg;
}

static void faults_twice(void *arg)
{
    ck_assert_int_eq(cop_defer((void (*)(void *))note, "cleaned up"), 0);
    ck_assert_int_eq(cop_set_formatter(half_then_fault, arg), 0);
    copies(arg);
}

static void formatter_body(void *arg)
{
    (void)arg;
    cop_crash_reports_to(cop_self());
    run_to_its_end(faults_twice, NULL, NULL);
    cop_crash c = next_report();
    ck_assert_str_eq(c.state, "half");
    ck_assert(c.fault.frames[0] - (uintptr_t)leaf > 64); /* the first fault */
    notes_are("cleaned up|");
}

START_TEST(formatters_may_fault)
{
    actor_test(formatter_body, &(cop_config){.workers = 2, .log = take_line});
}
END_TEST

/* ---------------------------------------------------------------- a storm --
 */

enum { STORM = 10000 };

static void storm_half(void *arg)
{
    for (int i = 0; i < STORM; i++)
        run_to_its_end(faults, arg, NULL);
}

static void storm_body(void *arg)
{
    (void)arg;
    (void)storm_of(storm_half, STORM);
}

START_TEST(a_storm_of_faults_is_counted)
{
    int64_t begin = real_now();

    actor_test(storm_body, &(cop_config){.workers = 2, .log = take_line});
    size_t windows = (size_t)((real_now() - begin) / COP_SEC) + 1;
    ck_assert_uint_le(count_logged("crash: actor"), 10 * windows);
    ck_assert_uint_eq(count_logged("crash: actor") + sum_untold(), 2 * STORM);
    ck_assert_uint_lt(logged_bytes, (32 << 10) * windows);
}
END_TEST

/* --------------------------------------------------------- the process's -- */

static void waits(void *arg)
{
    const cop_msg *m;

    (void)arg;
    (void)!cop_recv(&m, COP_FOREVER);
    counter++;
}

static void foreign_fault(void)
{
    started(2);
    if (cop_spawn(NULL, waits, NULL, NULL) != 0)
        return;
    nap(50 * COP_MS);
    leaf(null);
}

static void faults_in_runtime(void *arg)
{
    (void)arg;
    cop_sleep(50 * COP_MS);
    (void)cop_send(cop_self(), 1, (void *)8, 100);
    counter++;
}

static void runtime_fault(void)
{
    started(2);
    if (cop_spawn(NULL, waits, NULL, NULL) == 0 &&
        cop_spawn(NULL, faults_in_runtime, NULL, NULL) == 0)
        nap(20 * COP_SEC);
}

START_TEST(a_fatal_fault_shows_all_actors)
{
    static char said[64 << 10];

    ck_assert_int_eq(death_signal(foreign_fault, said, sizeof said), SIGSEGV);
    ck_assert_ptr_nonnull(strstr(said, "waits for: receive"));
    ck_assert_ptr_nonnull(strstr(said, " waits+0x"));
    ck_assert_int_eq(death_signal(runtime_fault, said, sizeof said), SIGSEGV);
    ck_assert_ptr_nonnull(strstr(said, " faults_in_runtime+0x"));
    ck_assert_ptr_nonnull(strstr(said, " waits+0x"));
}
END_TEST

static const TTest *const cases[] = {
    who_calls_abort_last_is_named,  backtraces_are_whole,
    formatters_may_fault,           a_storm_of_faults_is_counted,
    a_fatal_fault_shows_all_actors,
};
NATIVE_MAIN("report_native", cases)
