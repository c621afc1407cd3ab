/* SPDX-License-Identifier: MIT
 *
 * fairness_test.c - nobody starves: on one worker, whoever never stops by
 * itself shares it with the others, and low priority moves on under a flood of
 * higher ones.
 */
#include "tests/support/started.h"

enum { TAG_PING = 1, TAG_SELF };

static atomic_int rounds;
static atomic_int turns[4];

static void echo(void *arg)
{
    const cop_msg *m;

    (void)arg;
    while (cop_recv(&m, COP_FOREVER) == 0)
        (void)cop_send(cop_msg_sender(m), TAG_PING, NULL, 0);
}

/* The one who must not starve. */
static void modest(void *arg)
{
    const cop_msg *m;
    cop_pid to;

    (void)arg;
    ck_assert_int_eq(cop_spawn(&to, echo, NULL, NULL), 0);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(cop_send(to, TAG_PING, NULL, 0), 0);
        ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
        atomic_fetch_add(&rounds, 1);
    }
}

static void expect_progress(void)
{
    ck_assert_int_eq(cop_spawn(NULL, modest, NULL, NULL), 0);
    ck_assert_msg(reaches(&rounds, 100), "only %d rounds",
                  atomic_load(&rounds));
}

/* ------------------------------------------------------------------ hogs -- */

static int self_send_init(void *state, void *arg)
{
    (void)state;
    (void)arg;
    return cop_send(cop_self(), TAG_SELF, NULL, 0);
}

static void self_send(void *state, const cop_msg *m)
{
    (void)state;
    (void)m;
    (void)cop_send(cop_self(), TAG_SELF, NULL, 0);
}

static const cop_handler self_sender = {.init = self_send_init,
                                        .message = self_send};

static void loop_send_self(void *arg)
{
    const cop_msg *m;

    (void)arg;
    for (;;) {
        (void)cop_send(cop_self(), TAG_SELF, NULL, 0);
        ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
    }
}

static void loop_poll(void *arg)
{
    const cop_msg *m;

    (void)arg;
    for (;;)
        ck_assert_int_eq(cop_recv_tag(&m, TAG_PING, COP_POLL), COP_ETIMEDOUT);
}

static void loop_yield(void *arg)
{
    (void)arg;
    for (;;)
        cop_yield();
}

static void loop_send_dead(void *arg)
{
    (void)arg;
    for (;;)
        (void)cop_send(COP_NO_PID, TAG_PING, NULL, 0);
}

static void nothing(void *arg)
{
    (void)arg;
}

static void loop_spawn(void *arg)
{
    (void)arg;
    for (;;)
        ck_assert_int_eq(cop_spawn(NULL, nothing, NULL, NULL), 0);
}

static void loop_alive(void *arg)
{
    (void)arg;
    for (;;) {
        (void)cop_is_alive(cop_parent());
        (void)cop_whereis("nobody");
    }
}

START_TEST(handler_that_sends_to_itself)
{
    started(1);
    ck_assert_int_eq(cop_spawn_handler(NULL, &self_sender, NULL, NULL), 0);
    expect_progress();
    stopped();
}
END_TEST

static void beside(cop_fn hog)
{
    started(1);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(cop_spawn(NULL, hog, NULL, NULL), 0);
    expect_progress();
    stopped();
}

START_TEST(coroutine_that_sends_to_itself)
{
    beside(loop_send_self);
}
END_TEST
START_TEST(coroutine_that_polls)
{
    beside(loop_poll);
}
END_TEST
START_TEST(coroutine_that_yields)
{
    beside(loop_yield);
}
END_TEST
START_TEST(coroutine_that_sends_to_the_dead)
{
    beside(loop_send_dead);
}
END_TEST
START_TEST(coroutine_that_spawns)
{
    beside(loop_spawn);
}
END_TEST
START_TEST(coroutine_that_asks)
{
    beside(loop_alive);
}
END_TEST

/* Two that wake each other all the time keep the place of the one who runs
 * next; others must come in between. */
static void rally(void *arg)
{
    const cop_msg *m;
    cop_pid to;

    (void)arg;
    ck_assert_int_eq(cop_spawn(&to, echo, NULL, NULL), 0);
    for (;;) {
        (void)cop_send(to, TAG_PING, NULL, 0);
        ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
    }
}

START_TEST(pair_that_wakes_each_other)
{
    beside(rally);
}
END_TEST

/* A handler with an endless mailbox: a turn is not the whole mailbox. */
static void sink(void *state, const cop_msg *m)
{
    (void)state;
    (void)m;
}

static const cop_handler sink_handler = {.message = sink};

static void flood(void *arg)
{
    cop_pid to;

    (void)arg;
    ck_assert_int_eq(cop_spawn_handler(&to, &sink_handler, NULL, NULL), 0);
    for (int i = 0; i < 500000; i++)
        (void)cop_send(to, TAG_PING, NULL, 0);
}

START_TEST(flooded_handler)
{
    beside(flood);
}
END_TEST

/* ------------------------------------------------------------ priorities -- */

static void count_turns(void *arg)
{
    for (;;) {
        atomic_fetch_add(&turns[(uintptr_t)arg], 1);
        cop_yield();
    }
}

static void spawn_counter(cop_priority priority)
{
    cop_opts opts = {.priority = priority};

    ck_assert_int_eq(
        cop_spawn(NULL, count_turns, (void *)(uintptr_t)priority, &opts), 0);
}

static void flood_with(cop_priority a, cop_priority b, cop_priority victim)
{
    started(1);
    for (int i = 0; i < 3; i++) {
        spawn_counter(a);
        spawn_counter(b);
    }
    spawn_counter(victim);
    ck_assert_msg(reaches(&turns[victim], 100), "only %d turns",
                  atomic_load(&turns[victim]));
    ck_assert_int_gt(atomic_load(&turns[a]), atomic_load(&turns[victim]));
    stopped();
}

START_TEST(low_under_max_and_high)
{
    flood_with(COP_PRIO_MAX, COP_PRIO_HIGH, COP_PRIO_LOW);
}
END_TEST

START_TEST(normal_under_max_and_high)
{
    flood_with(COP_PRIO_MAX, COP_PRIO_HIGH, COP_PRIO_NORMAL);
}
END_TEST

START_TEST(low_under_normal)
{
    flood_with(COP_PRIO_NORMAL, COP_PRIO_NORMAL, COP_PRIO_LOW);
}
END_TEST

/* One of each: when the one gives way, it is still the first in line. */
static void alone_above(cop_priority a, cop_priority victim)
{
    started(1);
    spawn_counter(a);
    spawn_counter(victim);
    ck_assert(reaches(&turns[a], 100000));
    ck_assert_int_lt(atomic_load(&turns[victim]), atomic_load(&turns[a]) / 4);
    stopped();
}

START_TEST(max_alone_is_above_normal)
{
    alone_above(COP_PRIO_MAX, COP_PRIO_NORMAL);
}
END_TEST

START_TEST(normal_alone_is_above_low)
{
    alone_above(COP_PRIO_NORMAL, COP_PRIO_LOW);
}
END_TEST

static atomic_int present;

/* Begins when all are there. */
static void count_with_others(void *arg)
{
    atomic_fetch_add(&present, 1);
    while (atomic_load(&present) < 4)
        cop_yield();
    count_turns(arg);
}

START_TEST(same_priority_shares_evenly)
{
    started(1);
    for (uintptr_t i = 0; i < 4; i++)
        ck_assert_int_eq(cop_spawn(NULL, count_with_others, (void *)i, NULL),
                         0);
    ck_assert(reaches(&turns[0], 100000));
    for (int i = 0; i < 4; i++)
        ck_assert_int_gt(atomic_load(&turns[i]), 50000);
    stopped();
}
END_TEST

static const TTest *const cases[] = {
    handler_that_sends_to_itself,
    coroutine_that_sends_to_itself,
    coroutine_that_polls,
    coroutine_that_yields,
    coroutine_that_sends_to_the_dead,
    coroutine_that_spawns,
    coroutine_that_asks,
    pair_that_wakes_each_other,
    flooded_handler,
    low_under_max_and_high,
    normal_under_max_and_high,
    low_under_normal,
    max_alone_is_above_normal,
    normal_alone_is_above_low,
    same_priority_shares_evenly,
};
UNIT_MAIN("fairness", cases)
