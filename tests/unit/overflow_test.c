/* SPDX-License-Identifier: MIT
 *
 * overflow_test.c - an actor that spawns without end starves nobody: those that
 * it spawned run before it runs again, although they overflow the worker's
 * ring.
 */
#include "tests/support/actor_test.h"
#include "tests/support/unit.h"

enum { YIELDS = 50, BACKLOG = 100000 };

static void ends_at_once(void *arg)
{
    (void)arg;
}

static void spawns_for_ever(void *arg)
{
    (void)arg;
    for (;;)
        if (cop_spawn(NULL, ends_at_once, NULL, NULL) != 0)
            ck_abort();
}

static void backlog_body(void *arg)
{
    cop_pid spawner;

    (void)arg;
    ck_assert_int_eq(cop_spawn(&spawner, spawns_for_ever, NULL, NULL), 0);
    for (int i = 0; i < YIELDS; i++) {
        cop_yield();
        ck_assert_uint_lt(cop_actors(NULL, 0), BACKLOG);
    }
    ck_assert_int_eq(cop_exit_signal(spawner, COP_KILL), 0);
}

START_TEST(endless_spawner_one_worker)
{
    actor_test(backlog_body, &(cop_config){.workers = 1});
}
END_TEST

START_TEST(endless_spawner_two_workers)
{
    actor_test(backlog_body, &(cop_config){.workers = 2});
}
END_TEST

static const TTest *const cases[] = {
    endless_spawner_one_worker,
    endless_spawner_two_workers,
};
UNIT_MAIN("overflow", cases)
