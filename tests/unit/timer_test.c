/* SPDX-License-Identifier: MIT
 *
 * timer_test.c - timers, sleeping, and the clock.
 */
#include "tests/support/actor_test.h"
#include "tests/support/unit.h"

enum { TICK = 1, STOP };

static const cop_config virtual = {.workers = 2, .virtual_time = true};

static cop_time elapsed_ms(cop_time since)
{
    return (cop_now() - since) / COP_MS;
}

static void body_send_after(void *arg)
{
    const cop_msg *m;
    cop_timer t;
    int n = 5;
    (void)arg;
    cop_time start = cop_now();
    ck_assert_int_eq(
        cop_send_after(&t, 30 * COP_MS, cop_self(), TICK, &n, sizeof n), 0);
    cop_time left = cop_read_timer(t);
    ck_assert(left > 20 * COP_MS && left <= 30 * COP_MS);
    ck_assert_int_eq(cop_recv(&m, cop_in(29 * COP_MS)), COP_ETIMEDOUT);
    ck_assert_int_eq(cop_recv(&m, cop_in(COP_SEC)), 0);
    ck_assert_int_eq(elapsed_ms(start), 30);
    ck_assert_int_eq(*cop_msg_as(m, int), 5);
    ck_assert_uint_eq(cop_msg_sender(m).id, cop_self().id);
    ck_assert_int_eq(cop_read_timer(t), COP_ENOENT);
    ck_assert_int_eq(cop_cancel_timer(t), COP_ENOENT);
}
START_TEST(a_message_after_its_delay)
{
    actor_test(body_send_after, &virtual);
}
END_TEST

static void body_cancel(void *arg)
{
    const cop_msg *m;
    cop_timer t;
    (void)arg;
    ck_assert_int_eq(cop_send_after(&t, COP_SEC, cop_self(), TICK, NULL, 0), 0);
    cop_sleep(400 * COP_MS);
    ck_assert_int_eq(cop_cancel_timer(t) / COP_MS, 600);
    ck_assert_int_eq(cop_cancel_timer(t), COP_ENOENT);
    ck_assert_int_eq(cop_recv(&m, cop_in(2 * COP_SEC)), COP_ETIMEDOUT);
}
START_TEST(a_cancelled_timer_stays_silent)
{
    actor_test(body_cancel, &virtual);
}
END_TEST

static void body_start_timer(void *arg)
{
    const cop_msg *m;
    cop_timer a, b;
    (void)arg;
    ck_assert_int_eq(cop_start_timer(&a, 20 * COP_MS, cop_self(), "a", 1), 0);
    ck_assert_int_eq(cop_start_timer(&b, 10 * COP_MS, cop_self(), "b", 1), 0);
    ck_assert_int_eq(cop_recv_ref(&m, cop_timer_ref(a), cop_in(COP_SEC)), 0);
    ck_assert_uint_eq(cop_msg_tag(m), COP_TIMEOUT);
    ck_assert_int_eq(*(const char *)cop_msg_body(m), 'a');
    ck_assert_int_eq(cop_recv_ref(&m, cop_timer_ref(b), COP_POLL), 0);
}
START_TEST(start_timer_tells_which)
{
    actor_test(body_start_timer, &virtual);
}
END_TEST

static void collects(void *arg)
{
    const cop_msg *m;
    (void)arg;
    while (cop_recv(&m, COP_FOREVER) == 0 && cop_msg_tag(m) != STOP)
        continue;
}

static void body_target_dies(void *arg)
{
    cop_timer t[3];
    cop_pid p;
    (void)arg;
    ck_assert_int_eq(cop_spawn(&p, collects, NULL, NULL), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(
            cop_send_after(&t[i], 3600 * COP_SEC, p, TICK, NULL, 0), 0);
    ck_assert_int_ge(cop_read_timer(t[1]), 0);
    ck_assert_int_eq(cop_exit_signal(p, COP_KILL), 0);
    ck_assert(!cop_is_alive(p));
    cop_sleep(COP_MS);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(cop_read_timer(t[i]), COP_ENOENT);
}
START_TEST(a_timer_dies_with_its_target)
{
    actor_test(body_target_dies, &virtual);
}
END_TEST

static void sets_and_ends(void *to)
{
    if (cop_send_after(NULL, 50 * COP_MS, *(cop_pid *)to, TICK, NULL, 0) != 0)
        ck_abort_msg("cop_send_after failed");
}
static void body_setter_dies(void *arg)
{
    const cop_msg *m;
    cop_pid me = cop_self();
    (void)arg;
    ck_assert_int_eq(cop_spawn(NULL, sets_and_ends, &me, NULL), 0);
    ck_assert_int_eq(cop_recv_tag(&m, TICK, cop_in(COP_SEC)), 0);
}
START_TEST(a_timer_outlives_its_setter)
{
    actor_test(body_setter_dies, &virtual);
}
END_TEST

static void body_name(void *arg)
{
    const cop_msg *m;
    (void)arg;
    ck_assert_int_eq(
        cop_send_after_name(NULL, 20 * COP_MS, "svc", TICK, NULL, 0), 0);
    ck_assert_int_eq(
        cop_send_after_name(NULL, 5 * COP_MS, "svc", STOP, NULL, 0), 0);
    cop_sleep(10 * COP_MS);
    ck_assert_int_eq(cop_register("svc", cop_self()), 0);
    ck_assert_int_eq(cop_recv(&m, cop_in(COP_SEC)), 0);
    ck_assert_uint_eq(cop_msg_tag(m), TICK);
}
START_TEST(a_name_is_looked_up_when_it_fires)
{
    actor_test(body_name, &virtual);
}
END_TEST

static void body_order(void *arg)
{
    enum { N = 500 };
    const cop_msg *m;
    int last_delay = -1, last_n = -1;
    (void)arg;
    for (int i = 0; i < N; i++) {
        int v[2] = {(i * 37) % 20, i};
        ck_assert_int_eq(
            cop_send_after(NULL, v[0] * COP_MS, cop_self(), TICK, v, sizeof v),
            0);
    }
    for (int i = 0; i < N; i++) {
        ck_assert_int_eq(cop_recv(&m, cop_in(COP_SEC)), 0);
        const int *v = cop_msg_body(m);
        ck_assert(v[0] > last_delay || (v[0] == last_delay && v[1] > last_n));
        last_delay = v[0];
        last_n = v[1];
    }
}
START_TEST(timers_fire_in_order)
{
    actor_test(body_order, &virtual);
}
END_TEST

static void body_real(void *arg)
{
    const cop_msg *m;
    (void)arg;
    for (int i = 0; i < 20; i++) {
        cop_time at = cop_in(i * COP_MS / 4);
        ck_assert_int_eq(cop_recv_tag(&m, TICK, at), COP_ETIMEDOUT);
        ck_assert_int_ge(cop_now(), at);
        cop_sleep_until(cop_in(300 * COP_US));
    }
    ck_assert_int_eq(cop_in(COP_FOREVER), COP_FOREVER);
    ck_assert_int_le(cop_in(-5), cop_now());
    ck_assert_int_gt(cop_system_time(), (cop_time)1600000000 * COP_SEC);
}
START_TEST(no_wait_ends_early_in_real_time)
{
    actor_test(body_real, NULL);
}
END_TEST

static void many_sleepers(void *arg)
{
    cop_sleep((cop_time)(uintptr_t)arg);
    cop_send_name("main", TICK, NULL, 0);
}
static void body_many(void *arg)
{
    enum { N = 3000 };
    const cop_msg *m;
    (void)arg;
    ck_assert_int_eq(cop_register("main", cop_self()), 0);
    for (uintptr_t i = 0; i < N; i++)
        ck_assert_int_eq(cop_spawn(NULL, many_sleepers,
                                   (void *)(i % 50 * (uintptr_t)COP_MS), NULL),
                         0);
    for (int i = 0; i < N; i++)
        ck_assert_int_eq(cop_recv(&m, cop_in(10 * COP_SEC)), 0);
}
START_TEST(many_sleepers_all_wake)
{
    actor_test(body_many, NULL);
}
END_TEST

static const TTest *const cases[] = {
    a_message_after_its_delay,   a_cancelled_timer_stays_silent,
    start_timer_tells_which,     a_timer_dies_with_its_target,
    a_timer_outlives_its_setter, a_name_is_looked_up_when_it_fires,
    timers_fire_in_order,        no_wait_ends_early_in_real_time,
    many_sleepers_all_wake,
};
UNIT_MAIN("timer", cases)
