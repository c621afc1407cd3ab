/* SPDX-License-Identifier: MIT
 *
 * oom_start_test.c - memory runs out at each allocation in turn, while the
 * runtime starts and while it stops. (While it runs: oom_test.c.)
 *
 * A start works or says COP_ENOMEM; a stop works. Nothing hangs, and all memory
 * is back afterwards.
 */
#include "tests/support/actor_test.h"
#include "tests/support/unit.h"

enum { TICK = 1, MAX_ALLOCATIONS = 5000 };

static char big[5000];

static void sleeps(void *arg)
{
    (void)arg;
    cop_sleep_until(COP_FOREVER);
}

/* True while the n-th allocation was reached. */
static bool start_nth(uint64_t n, bool sticky)
{
    cop_config cfg = {.workers = 2};
    bool reached;
    int err;

    cop_ext_fail_alloc(n, sticky);
    err = cop_start(&cfg);
    reached = cop_ext_alloc_count() >= n;
    cop_ext_fail_alloc(0, false);
    ck_assert_msg(err == 0 || err == COP_ENOMEM || err == COP_ESYS,
                  "allocation %d: %s", (int)n, cop_error_name(err));
    ck_assert_int_eq(cop_is_running(), err == 0);
    if (err == 0) {
        ck_assert_int_eq(cop_spawn(NULL, sleeps, NULL, NULL), 0);
        ck_assert_int_eq(cop_stop(cop_in(20 * COP_SEC), NULL), 0);
    }
    return reached;
}

static void start_each(bool sticky)
{
    size_t before;
    uint64_t n = 1;

    (void)start_nth(MAX_ALLOCATIONS, false);
    before = cop_ext_bytes_in_use();
    while (start_nth(n, sticky)) {
        ck_assert_msg(cop_ext_bytes_in_use() == before, "allocation %d leaks",
                      (int)n);
        ck_assert_uint_lt(++n, MAX_ALLOCATIONS);
    }
    ck_assert_uint_gt(n, 1);
}

START_TEST(start_with_one_failure)
{
    start_each(false);
}
END_TEST

START_TEST(start_without_memory)
{
    start_each(true);
}
END_TEST

static void links_and_sleeps(void *arg)
{
    cop_trap_exit(arg != NULL);
    ck_assert_int_eq(cop_link(cop_whereis("hub")), 0);
    sleeps(NULL);
}

/* Actors that trap, are linked, have full mailboxes, timers, names. */
static void populate(void)
{
    cop_pid p;
    cop_timer t;

    ck_assert_int_eq(cop_spawn(NULL, sleeps, NULL, &(cop_opts){.name = "hub"}),
                     0);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(
            cop_spawn(&p, links_and_sleeps, i % 2 ? big : NULL, NULL), 0);
        for (int j = 0; j < 5; j++)
            ck_assert_int_eq(cop_send(p, TICK, big, 1 + 900 * (size_t)j), 0);
        ck_assert_int_eq(
            cop_send_after(&t, 3600 * COP_SEC, p, TICK, big, sizeof big), 0);
    }
    ck_assert_int_eq(cop_ext_quiesce(20 * COP_SEC), 0);
}

static bool stop_nth(uint64_t n, bool sticky)
{
    cop_config cfg = {.workers = 2};
    bool reached;

    ck_assert_int_eq(cop_start(&cfg), 0);
    populate();
    cop_ext_fail_alloc(n, sticky);
    ck_assert_int_eq(cop_stop(cop_in(20 * COP_MS), NULL), 0);
    reached = cop_ext_alloc_count() >= n;
    cop_ext_fail_alloc(0, false);
    return reached;
}

static void stop_each(bool sticky)
{
    size_t before;
    uint64_t n = 1;

    (void)stop_nth(MAX_ALLOCATIONS, false);
    before = cop_ext_bytes_in_use();
    while (stop_nth(n, sticky)) {
        ck_assert_msg(cop_ext_bytes_in_use() == before, "allocation %d leaks",
                      (int)n);
        ck_assert_uint_lt(++n, MAX_ALLOCATIONS);
    }
    ck_assert_uint_eq(cop_ext_bytes_in_use(), before);
}

START_TEST(stop_with_one_failure)
{
    stop_each(false);
}
END_TEST

START_TEST(stop_without_memory)
{
    stop_each(true);
}
END_TEST

static const TTest *const cases[] = {
    start_with_one_failure,
    start_without_memory,
    stop_with_one_failure,
    stop_without_memory,
};
UNIT_MAIN("oom_start", cases)
