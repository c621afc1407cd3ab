/* SPDX-License-Identifier: MIT
 *
 * share_test.c - which actors other workers take: those that have to wait, not
 * those whose turn comes soon.
 */
#include "tests/support/started.h"

#include <unistd.h>

enum { TAG_BALL = 1, PLAYERS = 20, THROWS = 20000 };

static atomic_int ended;
static atomic_bool may_end;

/* ------------------------------------------- short turns stay together -- */

static void plays(void *arg)
{
    const cop_msg *m;
    int left = THROWS;

    (void)arg;
    while (left-- > 0 && cop_recv(&m, COP_FOREVER) == 0)
        (void)cop_send(cop_msg_sender(m), TAG_BALL, NULL, 0);
    atomic_fetch_add(&ended, 1);
}

static void throw_balls(void *arg)
{
    const cop_msg *m;
    cop_pid to[PLAYERS];

    (void)arg;
    for (int i = 0; i < PLAYERS; i++) {
        ck_assert_int_eq(cop_spawn(&to[i], plays, NULL, NULL), 0);
        ck_assert_int_eq(cop_send(to[i], TAG_BALL, NULL, 0), 0);
    }
    while (cop_recv(&m, COP_FOREVER) == 0)
        (void)cop_send(cop_msg_sender(m), TAG_BALL, NULL, 0);
}

START_TEST(short_turns_stay_together)
{
    cop_counters c;

    ck_assert_int_eq(
        cop_start(&(cop_config){.workers = 2, .share_ns = 10 * COP_SEC}), 0);
    ck_assert_int_eq(cop_spawn(NULL, throw_balls, NULL, NULL), 0);
    while (atomic_load(&ended) < PLAYERS)
        usleep(1000);
    cop_counters_get(&c);
    ck_assert_int_eq(cop_stop(cop_in(5 * COP_SEC), NULL), 0);
    ck_assert_uint_gt(c.turns, 1000);
    /* a thread that the system kept from its core looks like a long turn */
    ck_assert_uint_lt(c.steals, c.turns / 20);
}
END_TEST

/* ----------------------------------------------------- who waits is taken --
 */

static void spins(void *arg)
{
    (void)arg;
    while (!atomic_load_explicit(&may_end, memory_order_relaxed))
        ;
}

static void frees(void *arg)
{
    (void)arg;
    atomic_store(&may_end, true);
}

/* The worker that made them both runs the first one. */
static void makes_both(void *arg)
{
    (void)arg;
    ck_assert_int_eq(cop_spawn(NULL, frees, NULL, NULL), 0);
    ck_assert_int_eq(cop_spawn(NULL, spins, NULL, NULL), 0);
}

START_TEST(who_waits_is_taken)
{
    cop_counters c;

    /* slices so long that nothing else would help */
    ck_assert_int_eq(
        cop_start(&(cop_config){.workers = 2, .slice_ns = 100 * COP_SEC}), 0);
    ck_assert_int_eq(cop_spawn(NULL, makes_both, NULL, NULL), 0);
    while (!atomic_load(&may_end))
        usleep(1000);
    cop_counters_get(&c);
    ck_assert_int_eq(cop_stop(cop_in(5 * COP_SEC), NULL), 0);
    ck_assert_uint_gt(c.steals, 0);
}
END_TEST

static void body_bad(void *unused)
{
    (void)unused;
}

START_TEST(no_negative_time)
{
    ck_assert_int_eq(cop_run(body_bad, NULL, &(cop_config){.share_ns = -1}),
                     COP_EINVAL);
}
END_TEST

static const TTest *const cases[] = {
    short_turns_stay_together,
    who_waits_is_taken,
    no_negative_time,
};
UNIT_MAIN("share", cases)
