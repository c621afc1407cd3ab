/* SPDX-License-Identifier: MIT
 *
 * report.h - for tests of crash reports: what was logged, and actors that end
 * by misusing a call, which every build survives.
 */
#ifndef TESTS_SUPPORT_REPORT_H
#define TESTS_SUPPORT_REPORT_H

#include "tests/support/json.h"
#include "tests/support/kid.h"

#include <coppice/report.h>

enum { TAG_GO = 7 };

/* ------------------------------------------------------------------ log -- */

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char logged[1 << 20];
static size_t logged_bytes;

__attribute__((unused)) static void take_line(const char *line)
{
    pthread_mutex_lock(&log_lock);
    logged_bytes += (size_t)snprintf(
        logged + logged_bytes, sizeof logged - logged_bytes, "%s\n", line);
    if (logged_bytes >= sizeof logged)
        logged_bytes = sizeof logged - 1;
    pthread_mutex_unlock(&log_lock);
}

__attribute__((unused)) static bool has_logged(const char *text)
{
    pthread_mutex_lock(&log_lock);
    bool has = strstr(logged, text) != NULL;
    pthread_mutex_unlock(&log_lock);
    return has;
}

__attribute__((unused)) static size_t count_logged(const char *text)
{
    size_t n = 0;

    for (const char *p = logged; (p = strstr(p, text)) != NULL; p++)
        n++;
    return n;
}

/* The sum of all that was told as suppressed. */
__attribute__((unused)) static uint64_t sum_untold(void)
{
    uint64_t sum = 0;
    unsigned long long n;

    for (const char *p = logged; (p = strstr(p, "crash: ")) != NULL; p++)
        if (sscanf(p, "crash: %llu more were not", &n) == 1)
            sum += n;
    return sum;
}

/* -------------------------------------------------------------- the dying --
 */

__attribute__((noinline, unused)) static void misuses(void)
{
    static const void *volatile sink; /* no tail call */

    sink = cop_msg_expect(NULL, 1);
    (void)sink;
}

__attribute__((unused)) static void dies(void *arg)
{
    (void)arg;
    misuses();
    note("never");
}

static const char reason_text[] = "{badarg, \"cop_msg_expect";

__attribute__((unused)) static void show(const void *arg, char *buf,
                                         size_t size)
{
    snprintf(buf, size, "count=%d", *(const int *)arg);
}

__attribute__((unused)) static void dies_in_style(void *arg)
{
    static int count = 42;
    const cop_msg *m;

    (void)arg;
    ck_assert_int_eq(cop_set_formatter(show, &count), 0);
    ck_assert_int_eq(cop_recv_tag(&m, TAG_GO, COP_FOREVER), 0);
    misuses();
    note("never");
}

/* Spawns, waits for the end. */
__attribute__((unused)) static void run_to_its_end(cop_fn fn, void *arg,
                                                   const cop_opts *given)
{
    cop_opts opts = given != NULL ? *given : (cop_opts){0};
    const cop_msg *m;
    cop_ref ref;

    opts.monitor = &ref;
    ck_assert_int_eq(cop_spawn(NULL, fn, arg, &opts), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
}

/* The next one that came to the calling actor. */
__attribute__((unused)) static cop_crash next_report(void)
{
    const cop_msg *m;

    ck_assert_int_eq(cop_recv_tag(&m, COP_CRASH_REPORT, cop_in(5 * COP_SEC)),
                     0);
    cop_crash c = *cop_msg_as(m, cop_crash);
    ck_assert(cop_pid_eq(cop_msg_sender(m), c.pid));
    return c;
}

/* Two actors run `half`, in which `each` end badly: all are seen, and each is
 * reported or counted as not. Returns how many were reported. */
__attribute__((unused)) static uint64_t storm_of(cop_fn half, uint64_t each)
{
    const cop_msg *m;
    cop_ref ref[2];
    cop_crash_counts n;

    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(
            cop_spawn(NULL, half, NULL, &(cop_opts){.monitor = &ref[i]}), 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(cop_recv_ref(&m, ref[i], COP_FOREVER), 0);
    cop_crash_counts_get(&n);
    ck_assert_uint_eq(n.seen, 2 * each);
    ck_assert_uint_eq(n.reported + n.suppressed, n.seen);
    return n.reported;
}

#endif
