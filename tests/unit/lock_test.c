/* SPDX-License-Identifier: MIT
 *
 * lock_test.c - exclusion between threads, and the order of ranks: every pair
 * of ranks, in both orders.
 */
#include "runtime/base/lock.h"
#include "tests/support/crowd.h"
#include "tests/support/death.h"
#include "tests/support/unit.h"

static struct copi_lock low = COPI_LOCK_INIT(COPI_LOCK_NAMES);
static struct copi_lock high = COPI_LOCK_INIT(COPI_LOCK_SLAB);

START_TEST(acquire_and_release)
{
    ck_assert(copi_lock_none_held());
    copi_lock_acquire(&low);
    ck_assert(!copi_lock_none_held());
    ck_assert(copi_lock_is_held(&low) && !copi_lock_is_held(&high));
    ck_assert(copi_lock_may_acquire(COPI_LOCK_SLAB));
    ck_assert(!copi_lock_may_acquire(COPI_LOCK_NAMES));
    ck_assert(!copi_lock_may_acquire(COPI_LOCK_RUNTIME));
    copi_lock_acquire(&high);
    copi_lock_release(&low);
    ck_assert(!copi_lock_is_held(&low) && copi_lock_is_held(&high));
    copi_lock_release(&high);
    ck_assert(copi_lock_none_held());
}
END_TEST

enum { THREADS = 4, ROUNDS = 50000 };

static int shared_sum;

static void add_many(int t)
{
    (void)t;
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 3 != 0 || !copi_lock_try(&low))
            copi_lock_acquire(&low);
        shared_sum++;
        copi_lock_release(&low);
    }
}

START_TEST(excludes_threads)
{
    crowd_run(THREADS, add_many);
    ck_assert_int_eq(shared_sum, THREADS * ROUNDS);
}
END_TEST

static void try_low(void *arg)
{
    ck_assert(copi_lock_none_held());
    ck_assert(!copi_lock_is_held(&low));
    *(bool *)arg = copi_lock_try(&low);
    if (*(bool *)arg)
        copi_lock_release(&low);
}

static bool other_thread_gets_low(void)
{
    struct copi_thread t;
    bool got = false;

    ck_assert_int_eq(copi_os_thread_start(&t, "other", 0, try_low, &got), 0);
    copi_os_thread_join(&t);
    return got;
}

START_TEST(try_never_waits)
{
    copi_lock_acquire(&low);
    ck_assert(!other_thread_gets_low());
    copi_lock_release(&low);
    ck_assert(other_thread_gets_low());
}
END_TEST

START_TEST(try_may_go_against_the_order)
{
    copi_lock_acquire(&high);
    ck_assert(copi_lock_try(&low));
    ck_assert(copi_lock_is_held(&low));
    copi_lock_release(&low);
    copi_lock_release(&high);
    ck_assert(copi_lock_none_held());
}
END_TEST

static enum copi_lock_rank first_rank, second_rank;

static void take_both(void)
{
    struct copi_lock a, b;

    copi_lock_init(&a, first_rank);
    copi_lock_init(&b, second_rank);
    copi_lock_acquire(&a);
    copi_lock_acquire(&b);
    copi_lock_release(&b);
    copi_lock_release(&a);
    copi_lock_fini(&b);
    copi_lock_fini(&a);
}

static void check_pair(int i, int j)
{
    char want[128];

    first_rank = (enum copi_lock_rank)i;
    second_rank = (enum copi_lock_rank)j;
    if (i < j) {
        take_both();
        return;
    }
    snprintf(want, sizeof(want), "lock %s acquired while %s is held",
             copi_lock_rank_name(second_rank), copi_lock_rank_name(first_rank));
    ck_assert_msg(death_says(take_both, want), "%s", want);
}

START_TEST(every_pair_of_ranks)
{
    for (int i = 0; i < COPI_LOCK_RANK_COUNT; i++)
        for (int j = 0; j < COPI_LOCK_RANK_COUNT; j++)
            check_pair(i, j);
}
END_TEST

static void release_unheld(void)
{
    copi_lock_release(&low);
}

static void try_rank_twice(void)
{
    struct copi_lock again = COPI_LOCK_INIT(COPI_LOCK_NAMES);

    copi_lock_acquire(&low);
    if (copi_lock_try(&again))
        copi_lock_release(&again);
}

static void fini_held(void)
{
    copi_lock_acquire(&low);
    copi_lock_fini(&low);
}

static void release_low(void *arg)
{
    (void)arg;
    copi_lock_release(&low);
}

static void release_from_elsewhere(void)
{
    struct copi_thread t;

    copi_lock_acquire(&low);
    if (copi_os_thread_start(&t, "thief", 0, release_low, NULL) == 0)
        copi_os_thread_join(&t);
}

START_TEST(misuse_panics)
{
    ck_assert(death_says(release_unheld, "lock NAMES"));
    ck_assert(death_says(release_from_elsewhere, "lock NAMES"));
    ck_assert(death_says(try_rank_twice, "second lock NAMES tried"));
    ck_assert(death_says(fini_held, "holder"));
}
END_TEST

static const TTest *const cases[] = {
    acquire_and_release,          excludes_threads,    try_never_waits,
    try_may_go_against_the_order, every_pair_of_ranks, misuse_panics,
};
UNIT_MAIN("lock", cases)
