/* SPDX-License-Identifier: MIT
 *
 * check_test.c - what assertions, panics and the log say, where to, and how
 * the process ends.
 */
#include "runtime/base/check.h"
#include "runtime/base/os.h"
#include "tests/support/death.h"
#include "tests/support/unit.h"

enum { LINE_PLAIN = __LINE__ + 4, LINE_VALUES = __LINE__ + 11 };

static void assert_false(void)
{
    COPI_ASSERT(1 + 1 == 3);
}

static void assert_with_values(void)
{
    int n = 41;

    COPI_ASSERTF(n == 42, "n is %d of %s", n, "many");
}

static void panic_plainly(void)
{
    copi_panic("deque %u is %s", 3u, "upside down");
}

START_TEST(panics_say_what_and_where)
{
    char want[256];

    ck_assert(
        death_says(panic_plainly, "coppice: panic: deque 3 is upside down\n"));
    snprintf(want, sizeof(want), "%s:%d: assertion failed: 1 + 1 == 3\n",
             __FILE__, LINE_PLAIN);
    ck_assert(death_says(assert_false, want));
    snprintf(want, sizeof(want),
             "%s:%d: assertion failed: n == 42: n is 41 of many\n", __FILE__,
             LINE_VALUES);
    ck_assert(death_says(assert_with_values, want));
}
END_TEST

START_TEST(assertion_evaluates_once)
{
    int n = 0;

    COPI_ASSERT(++n == 1);
    COPI_ASSERTF(++n == 2, "%d", n);
    ck_assert_int_eq(n, 2);
}
END_TEST

static void survive(int sig)
{
    (void)sig;
}

/* Neither a handler nor a mask keeps the process alive. */
static void panic_with_abort_caught(void)
{
    sigset_t set;

    signal(SIGABRT, survive);
    sigemptyset(&set);
    sigaddset(&set, SIGABRT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    copi_panic("caught");
}

START_TEST(panic_cannot_be_caught)
{
    ck_assert(death_says(panic_with_abort_caught, "panic: caught"));
}
END_TEST

static char hooked[COPI_LOG_MAX + 1];
static int hooked_lines;

static void hook(const char *line)
{
    hooked_lines++;
    snprintf(hooked, sizeof(hooked), "%s", line);
}

START_TEST(log_goes_to_the_hook)
{
    copi_log_set(hook);
    copi_log("worker %d %s", 2, "started");
    ck_assert_str_eq(hooked, "worker 2 started");
    ck_assert_int_eq(hooked_lines, 1);
}
END_TEST

static void log_to_stderr(void)
{
    copi_log_set(hook);
    copi_log_set(NULL);
    copi_log("one");
    copi_log("two");
}

START_TEST(log_goes_to_stderr)
{
    char said[256];

    ck_assert_int_eq(death_signal(log_to_stderr, said, sizeof(said)), 0);
    ck_assert_str_eq(said, "coppice: one\ncoppice: two\n");
}
END_TEST

static void log_too_much(void)
{
    char text[3 * COPI_LOG_MAX];

    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    copi_log("%s", text);
}

START_TEST(long_lines_are_cut)
{
    char said[4 * COPI_LOG_MAX];

    copi_log_set(hook);
    log_too_much();
    ck_assert_uint_eq(strlen(hooked), COPI_LOG_MAX);
    copi_log_set(NULL);
    ck_assert_int_eq(death_signal(log_too_much, said, sizeof(said)), 0);
    ck_assert_uint_eq(strlen(said), strlen("coppice: ") + COPI_LOG_MAX + 1);
    ck_assert_int_eq(said[strlen(said) - 1], '\n');
}
END_TEST

static void shout(const char *line)
{
    fprintf(stderr, "<%s>", line);
}

static void panic_into_hook(void)
{
    copi_log_set(shout);
    copi_panic("first");
}

static void panic_in_hook(const char *line)
{
    copi_panic("second, at %s", line);
}

static void panic_twice(void)
{
    copi_log_set(panic_in_hook);
    copi_panic("first");
}

START_TEST(panics_pass_the_hook_once)
{
    ck_assert(death_says(panic_into_hook, "<panic: first>"));
    ck_assert(
        death_says(panic_twice, "coppice: panic: second, at panic: first\n"));
}
END_TEST

static _Atomic uint32_t in_hook;

/* The first panic's report is slow; meanwhile another thread panics too. */
static void slow_hook(const char *line)
{
    atomic_store(&in_hook, 1);
    copi_os_futex_wake(&in_hook, 1);
    while (atomic_load(&in_hook) == 1)
        copi_os_futex_wait(&in_hook, 1, COP_SEC / 10);
    copi_os_futex_wait(&in_hook, 2, COP_SEC / 10);
    fprintf(stderr, "<%s>", line);
}

static void panic_first(void *arg)
{
    (void)arg;
    copi_panic("first");
}

static void panic_on_two_threads(void)
{
    struct copi_thread t;

    copi_log_set(slow_hook);
    if (copi_os_thread_start(&t, "first", 0, panic_first, NULL) != 0)
        return;
    while (atomic_load(&in_hook) == 0)
        copi_os_futex_wait(&in_hook, 0, -1);
    atomic_store(&in_hook, 2);
    copi_panic("late");
}

START_TEST(late_panic_lets_the_first_report)
{
    ck_assert(death_says(panic_on_two_threads, "<panic: first>"));
    ck_assert(death_says(panic_on_two_threads, "coppice: panic: late\n"));
}
END_TEST

static const TTest *const cases[] = {
    panics_say_what_and_where, assertion_evaluates_once,
    panic_cannot_be_caught,    log_goes_to_the_hook,
    log_goes_to_stderr,        long_lines_are_cut,
    panics_pass_the_hook_once, late_panic_lets_the_first_report,
};
UNIT_MAIN("check", cases)
