/* SPDX-License-Identifier: MIT
 *
 * relay_test.c - turns that are passed on from stack to stack, beside threads
 * that have lost their worker, and workers that cannot go on.
 */
#include "tests/support/actor_test.h"
#include "tests/support/native.h"

#include <unistd.h>

enum { TAG_BALL = 1, STUCK_US = 300000, PLAYERS = 4, ROUNDS = 8 };

static atomic_bool over;
static volatile int *volatile null;

/* Keeps the worker in turns that are passed on. */
static void plays(void *arg)
{
    const cop_msg *m;

    (void)arg;
    while (!atomic_load_explicit(&over, memory_order_relaxed)) {
        (void)!cop_send(cop_self(), TAG_BALL, NULL, 0);
        (void)!cop_recv(&m, COP_FOREVER);
    }
}

/* Meanwhile its thread loses the worker. */
static void is_stuck_and_faults(void *arg)
{
    (void)arg;
    usleep(STUCK_US / ROUNDS);
    *null = 1;
}

/* A call that finds this without having entered the runtime. */
static void is_stuck_and_misuses(void *arg)
{
    (void)arg;
    usleep(STUCK_US / ROUNDS);
    (void)cop_msg_tag(NULL);
}

static void catches(cop_fn fn, int kind)
{
    cop_reason why;

    ck_assert_int_eq(cop_catch(fn, NULL, &why), COP_EFAILED);
    ck_assert_int_eq(cop_reason_kind(why), kind);
    cop_reason_release(why);
}

/* Buried on the same thread it would take a worker's things with it. */
static void dies_of_misuse(void)
{
    const cop_msg *m;
    cop_ref ref;

    ck_assert_int_eq(cop_spawn(NULL, is_stuck_and_misuses, NULL,
                               &(cop_opts){.monitor = &ref}),
                     0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    ck_assert_int_eq(cop_reason_kind(cop_msg_reason(m)), COP_R_BADARG);
}

static void lost_body(void *arg)
{
    cop_counters c;

    (void)arg;
    for (int i = 0; i < PLAYERS; i++)
        ck_assert_int_eq(cop_spawn(NULL, plays, NULL, NULL), 0);
    for (int i = 0; i < ROUNDS; i++) {
        catches(is_stuck_and_faults, COP_R_FAULT);
        catches(is_stuck_and_misuses, COP_R_BADARG);
        dies_of_misuse();
    }
    atomic_store(&over, true);
    cop_counters_get(&c);
    ck_assert_uint_gt(c.handovers, 0);
}

/* It goes on below its cop_catch, on a stack that another actor's turn may
 * have passed the thread to. */
START_TEST(what_is_caught_without_a_worker_goes_on)
{
    actor_test(lost_body, &(cop_config){.workers = 1});
}
END_TEST

static _Atomic int64_t ran_at;

static void notes_when(void *arg)
{
    (void)arg;
    atomic_store(&ran_at, cop_now());
}

static void waits_for_ever(void *arg)
{
    const cop_msg *m;

    (void)arg;
    (void)!cop_recv(&m, COP_FOREVER);
}

static void hog_body(void *arg)
{
    (void)arg;
    cop_sleep(50 * COP_MS); /* the other worker falls asleep */
    int64_t begin = cop_now();
    ck_assert_int_eq(
        cop_spawn(NULL, waits_for_ever, NULL, &(cop_opts){.pinned = true}), 0);
    ck_assert_int_eq(cop_spawn(NULL, notes_when, NULL, NULL), 0);
    usleep(2 * STUCK_US);
    ck_assert_int_gt(atomic_load(&ran_at), 0);
    ck_assert_int_lt(atomic_load(&ran_at) - begin, STUCK_US * COP_US);
}

/* Beside one that no other worker may run: then the worker itself is not to be
 * had, as its pinned actor must not see another thread. */
START_TEST(who_is_next_behind_a_stuck_turn_is_run_elsewhere)
{
    actor_test(hog_body, &(cop_config){.workers = 2});
}
END_TEST

static const TTest *const cases[] = {
    what_is_caught_without_a_worker_goes_on,
    who_is_next_behind_a_stuck_turn_is_run_elsewhere,
};
NATIVE_MAIN("relay", cases)
