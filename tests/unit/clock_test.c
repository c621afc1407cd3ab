/* SPDX-License-Identifier: MIT
 *
 * clock_test.c - real time runs, virtual time obeys.
 */
#include <time.h>

#include "runtime/base/clock.h"
#include "tests/support/death.h"
#include "tests/support/unit.h"

START_TEST(real_time_never_goes_back)
{
    int64_t before = copi_clock_now();

    for (int i = 0; i < 100000; i++) {
        int64_t now = copi_clock_now();

        ck_assert_int_ge(now, before);
        before = now;
    }
    ck_assert_int_gt(before, 0);
}
END_TEST

/* Against the processor time of a loop: nanoseconds are the unit. */
START_TEST(real_time_runs_in_nanoseconds)
{
    int64_t start = copi_clock_now();
    clock_t used = clock();

    while (clock() - used < CLOCKS_PER_SEC / 100)
        continue;
    ck_assert_int_ge(copi_clock_now() - start, 9 * COP_MS);
    ck_assert_int_lt(copi_clock_now() - start, 20 * COP_SEC);
}
END_TEST

START_TEST(system_time_is_the_date)
{
    int64_t got = copi_clock_system() / COP_SEC;

    ck_assert_int_le(llabs(got - (int64_t)time(NULL)), 2);
}
END_TEST

START_TEST(virtual_time_moves_when_told)
{
    copi_clock_set_virtual(true);
    ck_assert(copi_clock_is_virtual());
    ck_assert_int_eq(copi_clock_now(), COP_SEC);
    ck_assert_int_eq(copi_clock_now(), COP_SEC);
    copi_clock_advance(5);
    ck_assert_int_eq(copi_clock_now(), COP_SEC + 5);
    copi_clock_advance(0);
    copi_clock_advance(3600 * COP_SEC);
    ck_assert_int_eq(copi_clock_now(), 3601 * COP_SEC + 5);
    ck_assert_int_eq(copi_clock_system(),
                     COPI_CLOCK_VIRTUAL_EPOCH + 3601 * COP_SEC + 5);
}
END_TEST

START_TEST(virtual_epoch_is_year_2000)
{
    time_t t = (time_t)(COPI_CLOCK_VIRTUAL_EPOCH / COP_SEC);
    char text[32];
    struct tm tm;

    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", gmtime_r(&t, &tm));
    ck_assert_str_eq(text, "2000-01-01 00:00:00");
}
END_TEST

START_TEST(virtual_time_starts_over)
{
    copi_clock_set_virtual(true);
    copi_clock_advance(77);
    copi_clock_set_virtual(false);
    ck_assert(!copi_clock_is_virtual());
    ck_assert_int_le(llabs(copi_clock_now() - copi_clock_real()), COP_SEC * 20);
    copi_clock_set_virtual(true);
    ck_assert_int_eq(copi_clock_now(), COPI_CLOCK_VIRTUAL_START);
}
END_TEST

START_TEST(real_clock_is_never_virtual)
{
    int64_t start = copi_clock_real();

    copi_clock_set_virtual(true);
    while (copi_clock_real() == start)
        continue;
    ck_assert_int_gt(copi_clock_real(), start);
    ck_assert_int_eq(copi_clock_now(), COPI_CLOCK_VIRTUAL_START);
}
END_TEST

static void advance_real_time(void)
{
    copi_clock_advance(1);
}

static void advance_backwards(void)
{
    copi_clock_set_virtual(true);
    copi_clock_advance(-1);
}

START_TEST(misuse_panics)
{
    ck_assert(death_says(advance_real_time, "copi_clock_is_virtual()"));
    ck_assert(death_says(advance_backwards, "ns >= 0: -1 ns"));
}
END_TEST

static const TTest *const cases[] = {
    real_time_never_goes_back,   real_time_runs_in_nanoseconds,
    system_time_is_the_date,     virtual_time_moves_when_told,
    virtual_epoch_is_year_2000,  virtual_time_starts_over,
    real_clock_is_never_virtual, misuse_panics,
};
UNIT_MAIN("clock", cases)
