/* SPDX-License-Identifier: MIT
 *
 * blocking_test.c - actors that block: by cop_blocking, which keeps no worker,
 * and by mistake, in a plain system call, where the worker's queue is handed
 * over to another thread.
 */
#include "tests/support/started.h"

#include <pthread.h>

enum { TAG_TICK = 1, TAG_DONE };

#define SLICE_NS (10 * COP_MS) /* the default */

static atomic_int done, ticks;
static _Atomic int64_t last_tick, longest_gap;

/* Moves on all the time; the longest time that it did not. */
static void ticker(void *arg)
{
    (void)arg;
    atomic_store(&last_tick, real_now());
    for (;;) {
        int64_t now = real_now(), gap = now - atomic_load(&last_tick);

        if (gap > atomic_load(&longest_gap))
            atomic_store(&longest_gap, gap);
        atomic_store(&last_tick, now);
        atomic_fetch_add(&ticks, 1);
        cop_sleep(COP_MS);
    }
}

static void start_ticker(void)
{
    ck_assert_int_eq(cop_spawn(NULL, ticker, NULL, NULL), 0);
    ck_assert(reaches(&ticks, 5));
    atomic_store(&longest_gap, 0);
}

static void sleep_200(void *arg)
{
    (void)arg;
    nap(200 * COP_MS);
}

/* ------------------------------------------------------------ cop_blocking --
 */

static void blocks(void *arg)
{
    (void)arg;
    ck_assert_int_eq(cop_blocking(sleep_200, NULL), 0);
    atomic_fetch_add(&done, 1);
}

START_TEST(blocking_keeps_no_worker)
{
    cop_counters c;

    started(1);
    start_ticker();
    ck_assert_int_eq(cop_spawn(NULL, blocks, NULL, NULL), 0);
    ck_assert(reaches(&done, 1));
    ck_assert_int_gt(atomic_load(&ticks), 20);
    cop_counters_get(&c);
    ck_assert_uint_eq(c.handovers, 0);
    stopped();
}
END_TEST

/* Jobs that wait for each other: only all at once can they end. */
enum { TOGETHER = 16 };

static atomic_int together;

static void meet(void *arg)
{
    (void)arg;
    atomic_fetch_add(&together, 1);
    ck_assert(reaches(&together, TOGETHER));
}

static void blocks_to_meet(void *arg)
{
    (void)arg;
    ck_assert_int_eq(cop_blocking(meet, NULL), 0);
    atomic_fetch_add(&done, 1);
}

START_TEST(many_block_at_once)
{
    started(1);
    for (int i = 0; i < TOGETHER; i++)
        ck_assert_int_eq(cop_spawn(NULL, blocks_to_meet, NULL, NULL), 0);
    ck_assert(reaches(&done, TOGETHER));
    stopped();
}
END_TEST

static atomic_int inside, most_inside;

static void count_inside(void *arg)
{
    int now = atomic_fetch_add(&inside, 1) + 1;

    (void)arg;
    if (now > atomic_load(&most_inside))
        atomic_store(&most_inside, now);
    nap(20 * COP_MS);
    atomic_fetch_sub(&inside, 1);
}

static void blocks_counted(void *arg)
{
    (void)arg;
    ck_assert_int_eq(cop_blocking(count_inside, NULL), 0);
    atomic_fetch_add(&done, 1);
}

START_TEST(more_jobs_than_helpers)
{
    cop_config config = {.workers = 1, .blocking_max = 2};

    ck_assert_int_eq(cop_start(&config), 0);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(cop_spawn(NULL, blocks_counted, NULL, NULL), 0);
    ck_assert(reaches(&done, 10));
    ck_assert_int_le(atomic_load(&most_inside), 2);
    stopped();
}
END_TEST

static void square(void *arg)
{
    int64_t *n = arg;

    *n *= *n;
}

static void many_results(void *arg)
{
    (void)arg;
    for (int64_t i = 0; i < 500; i++) {
        int64_t n = i;

        ck_assert_int_eq(cop_blocking(square, &n), 0);
        ck_assert_int_eq(n, i * i);
    }
    atomic_fetch_add(&done, 1);
}

START_TEST(results_come_back)
{
    started(2);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(cop_spawn(NULL, many_results, NULL, NULL), 0);
    ck_assert(reaches(&done, 8));
    stopped();
}
END_TEST

static pthread_t job_thread;

static void note_thread(void *arg)
{
    *(pthread_t *)arg = pthread_self();
}

START_TEST(outside_it_just_calls)
{
    ck_assert_int_eq(cop_blocking(note_thread, &job_thread), 0);
    ck_assert(pthread_equal(job_thread, pthread_self()));
    started(1);
    ck_assert_int_eq(cop_blocking(note_thread, &job_thread), 0);
    ck_assert(pthread_equal(job_thread, pthread_self()));
    stopped();
}
END_TEST

static atomic_int job_state;

static void long_job(void *arg)
{
    (void)arg;
    atomic_store(&job_state, 1);
    nap(200 * COP_MS);
    atomic_store(&job_state, 2);
}

static void at_end(void *arg)
{
    (void)arg;
    ck_assert_int_eq(atomic_load(&job_state), 2);
    atomic_fetch_add(&done, 1);
}

static void dies_after_job(void *arg)
{
    (void)arg;
    ck_assert_int_eq(cop_defer(at_end, NULL), 0);
    ck_assert_int_eq(cop_blocking(long_job, NULL), 0);
    for (;;)
        cop_yield();
}

START_TEST(kill_waits_for_the_job)
{
    cop_pid pid;

    started(2);
    ck_assert_int_eq(cop_spawn(&pid, dies_after_job, NULL, NULL), 0);
    ck_assert(reaches(&job_state, 1));
    ck_assert_int_eq(cop_exit_signal(pid, COP_KILL), 0);
    ck_assert(reaches(&done, 1));
    stopped();
}
END_TEST

static void gets_mail(void *arg)
{
    const cop_msg *m;

    (void)arg;
    ck_assert_int_eq(cop_blocking(long_job, NULL), 0);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(cop_recv_tag(&m, TAG_TICK, COP_POLL), 0);
    atomic_fetch_add(&done, 1);
}

START_TEST(mail_waits_meanwhile)
{
    cop_pid pid;

    started(1);
    ck_assert_int_eq(cop_spawn(&pid, gets_mail, NULL, NULL), 0);
    ck_assert(reaches(&job_state, 1));
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(cop_send(pid, TAG_TICK, NULL, 0), 0);
    ck_assert(reaches(&done, 1));
    stopped();
}
END_TEST

static void handler_blocks(void *state, const cop_msg *m)
{
    (void)state;
    (void)m;
    ck_assert_int_eq(cop_blocking(sleep_200, NULL), 0);
    atomic_fetch_add(&done, 1);
}

static const cop_handler blocking_handler = {.message = handler_blocks};

START_TEST(handlers_block_too)
{
    cop_pid pid;

    started(1);
    start_ticker();
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(cop_spawn_handler(&pid, &blocking_handler, NULL, NULL),
                         0);
        ck_assert_int_eq(cop_send(pid, TAG_TICK, NULL, 0), 0);
    }
    ck_assert(reaches(&done, 3));
    ck_assert_int_gt(atomic_load(&ticks), 20);
    stopped();
}
END_TEST

START_TEST(stop_waits_for_jobs)
{
    started(2);
    ck_assert_int_eq(cop_spawn(NULL, dies_after_job, NULL, NULL), 0);
    ck_assert(reaches(&job_state, 1));
    ck_assert_int_eq(cop_stop(patience(), NULL), 0);
    ck_assert_int_eq(atomic_load(&job_state), 2);
    ck_assert_int_eq(atomic_load(&done), 1);
}
END_TEST

/* -------------------------------------------------------- stuck by mistake --
 */

static void gets_stuck(void *arg)
{
    (void)arg;
    nap(200 * COP_MS);
    atomic_fetch_add(&done, 1);
}

/* The queue goes to another thread after two slices. A busy machine adds to
 * the gap, so the best of some tries counts. */
START_TEST(others_go_on_beside_the_stuck)
{
    int64_t best = COP_SEC;
    cop_counters c;

    started(1);
    start_ticker();
    for (int i = 1; i <= 10 && best > 4 * SLICE_NS; i++) {
        atomic_store(&longest_gap, 0);
        ck_assert_int_eq(cop_spawn(NULL, gets_stuck, NULL, NULL), 0);
        ck_assert(reaches(&done, i));
        if (atomic_load(&longest_gap) < best)
            best = atomic_load(&longest_gap);
    }
    cop_counters_get(&c);
    ck_assert_uint_gt(c.handovers, 0);
    ck_assert_msg(best <= 4 * SLICE_NS * unit_slow(), "a gap of %.1f ms",
                  (double)best / 1e6);
    stopped();
}
END_TEST

/* How far the others came meanwhile. */
static atomic_int came;

static void gets_stuck_long(void *arg)
{
    int before = atomic_load(&ticks);

    (void)arg;
    nap(COP_SEC);
    atomic_store(&came, atomic_load(&ticks) - before);
    atomic_fetch_add(&done, 1);
}

static void gets_stuck_often(void *arg)
{
    (void)arg;
    for (int i = 0; i < 5; i++) {
        nap(50 * COP_MS);
        cop_yield();
    }
    atomic_fetch_add(&done, 1);
}

/* Without the hand-over the ticker would come to its turn some ten times in
 * all; a busy machine may take many turns from it, so the best try counts. */
START_TEST(stuck_again_and_again)
{
    int best = 0;

    started(2);
    start_ticker();
    for (int try = 1; try <= 10 && best <= 50; try++) {
        int before = atomic_load(&ticks);

        for (int i = 0; i < 6; i++)
            ck_assert_int_eq(cop_spawn(NULL, gets_stuck_often, NULL, NULL), 0);
        ck_assert(reaches(&done, 6 * try));
        if (atomic_load(&ticks) - before > best)
            best = atomic_load(&ticks) - before;
    }
    ck_assert_int_gt(best, 50);
    stopped();
}
END_TEST

/* A message is what these wait for, not a timer. */
static void passes_on(void *arg)
{
    const cop_msg *m;

    (void)arg;
    while (cop_recv(&m, COP_FOREVER) == 0) {
        cop_pid to = *cop_msg_as(m, cop_pid), self = cop_self();

        atomic_fetch_add(&ticks, 1);
        ck_assert_int_eq(cop_send(to, TAG_TICK, &self, sizeof(self)), 0);
    }
}

START_TEST(messages_go_on_beside_the_stuck)
{
    cop_pid a, b;

    started(1);
    ck_assert_int_eq(cop_spawn(&a, passes_on, NULL, NULL), 0);
    ck_assert_int_eq(cop_spawn(&b, passes_on, NULL, NULL), 0);
    ck_assert_int_eq(cop_send(a, TAG_TICK, &b, sizeof(b)), 0);
    ck_assert(reaches(&ticks, 100));
    ck_assert_int_eq(cop_spawn(NULL, gets_stuck_long, NULL, NULL), 0);
    ck_assert(reaches(&done, 1));
    ck_assert_int_gt(atomic_load(&came), 100);
    stopped();
}
END_TEST

static const TTest *const cases[] = {
    blocking_keeps_no_worker, many_block_at_once,
    more_jobs_than_helpers,   results_come_back,
    outside_it_just_calls,    kill_waits_for_the_job,
    mail_waits_meanwhile,     handlers_block_too,
    stop_waits_for_jobs,      others_go_on_beside_the_stuck,
    stuck_again_and_again,    messages_go_on_beside_the_stuck,
};
UNIT_MAIN("blocking", cases)
