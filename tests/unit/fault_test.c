/* SPDX-License-Identifier: MIT
 *
 * fault_test.c - that exactly the ordered passes fail, also with threads.
 */
#include "runtime/probe/fault.h"
#include "tests/support/crowd.h"
#include "tests/support/unit.h"

START_TEST(off_never_fails)
{
    for (int i = 0; i < 1000; i++)
        ck_assert(!copi_fault_alloc());
    ck_assert_uint_eq(copi_fault_alloc_count(), 0);
}
END_TEST

START_TEST(nth_fails_once)
{
    for (uint64_t nth = 1; nth <= 5; nth++) {
        copi_fault_alloc_set(nth, false);
        for (uint64_t i = 1; i <= 10; i++)
            ck_assert_int_eq(copi_fault_alloc(), i == nth);
        ck_assert_uint_eq(copi_fault_alloc_count(), 10);
    }
}
END_TEST

START_TEST(sticky_fails_from_nth)
{
    copi_fault_alloc_set(3, true);
    for (int i = 1; i <= 10; i++)
        ck_assert_int_eq(copi_fault_alloc(), i >= 3);
    ck_assert_uint_eq(copi_fault_alloc_count(), 10);
}
END_TEST

START_TEST(off_again_keeps_the_count)
{
    copi_fault_alloc_set(1, true);
    ck_assert(copi_fault_alloc());
    copi_fault_alloc_set(0, false);
    ck_assert(!copi_fault_alloc());
    ck_assert_uint_eq(copi_fault_alloc_count(), 1);
}
END_TEST

START_TEST(never_only_counts)
{
    copi_fault_alloc_set(COPI_FAULT_NEVER, true);
    for (int i = 0; i < 100; i++)
        ck_assert(!copi_fault_alloc());
    ck_assert_uint_eq(copi_fault_alloc_count(), 100);
}
END_TEST

START_TEST(points_are_independent)
{
    copi_fault_set(COPI_FAULT_MAP, 2, false);
    copi_fault_set(COPI_FAULT_THREAD, 1, false);
    ck_assert(!copi_fault(COPI_FAULT_ALLOC));
    ck_assert(!copi_fault(COPI_FAULT_MAP));
    ck_assert(copi_fault(COPI_FAULT_THREAD));
    ck_assert(copi_fault(COPI_FAULT_MAP));
    copi_fault_set(COPI_FAULT_MAP, 0, false);
    ck_assert(!copi_fault(COPI_FAULT_THREAD));
    ck_assert_uint_eq(copi_fault_count(COPI_FAULT_ALLOC), 0);
    ck_assert_uint_eq(copi_fault_count(COPI_FAULT_MAP), 2);
    ck_assert_uint_eq(copi_fault_count(COPI_FAULT_THREAD), 2);
}
END_TEST

START_TEST(names_lead_there_and_back)
{
    for (int i = 0; i < COPI_FAULT_COUNT; i++)
        ck_assert_int_eq(
            copi_fault_find(copi_fault_name((enum copi_fault_point)i)), i);
    ck_assert_str_eq(copi_fault_name(COPI_FAULT_ALLOC), "alloc");
    ck_assert_ptr_null(copi_fault_name(COPI_FAULT_COUNT));
    ck_assert_int_eq(copi_fault_find("none such"), -1);
}
END_TEST

enum { THREADS = 4, PASSES = 200000, NTH = 123456 };

static _Atomic int failures;

static void pass_many(int i)
{
    (void)i;
    for (int k = 0; k < PASSES; k++)
        if (copi_fault_alloc())
            atomic_fetch_add(&failures, 1);
}

static void pass_with_threads(void)
{
    atomic_store(&failures, 0);
    crowd_run(THREADS, pass_many);
    ck_assert_uint_eq(copi_fault_alloc_count(), THREADS * PASSES);
}

START_TEST(exact_with_threads)
{
    copi_fault_alloc_set(NTH, false);
    pass_with_threads();
    ck_assert_int_eq(failures, 1);
    copi_fault_alloc_set(NTH, true);
    pass_with_threads();
    ck_assert_int_eq(failures, THREADS * PASSES - NTH + 1);
}
END_TEST

static const TTest *const cases[] = {
    off_never_fails,           nth_fails_once,     sticky_fails_from_nth,
    off_again_keeps_the_count, never_only_counts,  points_are_independent,
    names_lead_there_and_back, exact_with_threads,
};
UNIT_MAIN("fault", cases)
