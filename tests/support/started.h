/* SPDX-License-Identifier: MIT
 *
 * started.h - for tests that look at the runtime from outside: starting and
 * stopping it, deadlines, and waiting for a number to be reached.
 */
#ifndef COPPICE_TESTS_STARTED_H
#define COPPICE_TESTS_STARTED_H

#include "tests/support/unit.h"

#include <coppice.h>
#include <coppice/extend.h>

#include <stdatomic.h>
#include <time.h>

/* A runtime with that many workers. */
static inline void started(unsigned workers)
{
    cop_config config = {.workers = workers};

    ck_assert_int_eq(cop_start(&config), 0);
}

/* Stops it; nobody may be stuck. */
static inline void stopped(void)
{
    static cop_stop_report report;
    int err = cop_stop(cop_in(COP_SEC * unit_slow()), &report);

    ck_assert_msg(err == 0 && report.stuck == 0, "stop: %s: %s",
                  cop_error_str(err), report.text);
}

/* A deadline that only a hang misses. */
static inline cop_time patience(void)
{
    return cop_in(20 * unit_slow() * COP_SEC);
}

/* Monotonic nanoseconds, and a nap, with or without a runtime. */
static inline int64_t real_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * COP_SEC + t.tv_nsec;
}

static inline void nap(int64_t ns)
{
    struct timespec t = {ns / COP_SEC, ns % COP_SEC};

    nanosleep(&t, NULL);
}

/* Waits until *count is `want` at least; false: not within the patience. */
static inline bool reaches(atomic_int *count, int want)
{
    int64_t end = real_now() + 20 * unit_slow() * COP_SEC;

    while (atomic_load(count) < want && real_now() < end)
        nap(COP_MS / 10);
    return atomic_load(count) >= want;
}

#endif
