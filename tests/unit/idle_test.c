/* SPDX-License-Identifier: MIT
 *
 * idle_test.c - who has nothing to do costs nothing: the processor time of the
 * whole process over a second of idleness is at most a hundredth of it, and
 * hardly any thread wakes. A busy machine does not disturb this, since only
 * our own time counts, and how often our own threads went to sleep. And whoever
 * sleeps wakes for what is due.
 */
#include "tests/support/started.h"

#include <pthread.h>
#include <sys/resource.h>

enum { TAG_PING = 1, TAG_STOP };

static int64_t cpu_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * COP_SEC + t.tv_nsec;
}

static long sleeps_now(void)
{
    struct rusage r;

    ck_assert_int_eq(getrusage(RUSAGE_SELF, &r), 0);
    return r.ru_nvcsw;
}

/* The helper that watches for hogs needs some looks until it sleeps, too. */
static void expect_idle(void)
{
    int64_t used;
    long slept;

    nap(200 * COP_MS * unit_slow());
    used = cpu_now();
    slept = sleeps_now();
    nap(COP_SEC);
    used = cpu_now() - used;
    slept = sleeps_now() - slept;
    ck_assert_msg(used <= COP_SEC / 100 * unit_slow(),
                  "an idle second cost %.1f ms", (double)used / 1e6);
    ck_assert_msg(slept <= 30, "threads woke %ld times", slept);
}

static void echo(void *arg)
{
    const cop_msg *m;

    (void)arg;
    while (cop_recv(&m, COP_FOREVER) == 0 && cop_msg_tag(m) == TAG_PING)
        (void)cop_send(cop_msg_sender(m), TAG_PING, NULL, 0);
}

static void work(void *arg)
{
    atomic_int *done = arg;
    const cop_msg *m;
    cop_pid to;

    ck_assert_int_eq(cop_spawn(&to, echo, NULL, NULL), 0);
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(cop_send(to, TAG_PING, NULL, 0), 0);
        ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
    }
    atomic_fetch_add(done, 1);
    ck_assert_int_eq(cop_recv_tag(&m, TAG_STOP, COP_FOREVER), 0);
}

static void work_on(unsigned workers)
{
    static atomic_int done;

    started(workers);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(cop_spawn(NULL, work, &done, NULL), 0);
    ck_assert(reaches(&done, 8));
}

START_TEST(idle_after_start)
{
    started(4);
    expect_idle();
    stopped();
}
END_TEST

START_TEST(idle_after_work_on_1)
{
    work_on(1);
    expect_idle();
    stopped();
}
END_TEST

START_TEST(idle_after_work_on_4)
{
    work_on(4);
    expect_idle();
    stopped();
}
END_TEST

static void sleeper(void *arg)
{
    (void)arg;
    cop_sleep(60 * COP_SEC);
}

static void hopeful(void *arg)
{
    const cop_msg *m;

    (void)arg;
    ck_assert_int_eq(cop_recv(&m, cop_in(60 * COP_SEC)), COP_ETIMEDOUT);
}

START_TEST(idle_with_timers)
{
    cop_timer timer;
    cop_pid pid;

    work_on(2);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(cop_spawn(&pid, sleeper, NULL, NULL), 0);
        ck_assert_int_eq(cop_spawn(NULL, hopeful, NULL, NULL), 0);
        for (int k = 10; k < 20; k++)
            ck_assert_int_eq(
                cop_send_after(&timer, k * COP_SEC, pid, TAG_PING, NULL, 0), 0);
    }
    expect_idle();
    stopped();
}
END_TEST

/* Timers that were cancelled, or have fired, do not wake anybody either. */
START_TEST(idle_after_timers)
{
    cop_timer timer;
    cop_pid pid;

    work_on(2);
    ck_assert_int_eq(cop_spawn(&pid, echo, NULL, NULL), 0);
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(
            cop_send_after(&timer, i % 40 * COP_MS, pid, TAG_PING, NULL, 0), 0);
        ck_assert_int_eq(
            cop_send_after(&timer, COP_SEC, pid, TAG_PING, NULL, 0), 0);
        ck_assert(cop_cancel_timer(timer) > 0);
    }
    expect_idle();
    stopped();
}
END_TEST

/* Deadlines that pass while the worker makes up its mind to sleep. */
static void napper(void *arg)
{
    atomic_int *done = arg;

    for (int i = 0; i < 20000; i++)
        cop_sleep(i % 64 * 200);
    atomic_fetch_add(done, 1);
}

START_TEST(idle_short_naps)
{
    static atomic_int done;

    started(1);
    ck_assert_int_eq(cop_spawn(NULL, napper, &done, NULL), 0);
    ck_assert(reaches(&done, 1));
    stopped();
}
END_TEST

static void doze(void *arg)
{
    (void)arg;
    nap(3 * COP_SEC);
}

static void blocker(void *arg)
{
    (void)arg;
    ck_assert_int_eq(cop_blocking(doze, NULL), 0);
}

START_TEST(idle_with_blocking)
{
    work_on(2);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(cop_spawn(NULL, blocker, NULL, NULL), 0);
    expect_idle();
    nap(2 * COP_SEC);
    stopped();
}
END_TEST

static void mute(void *arg)
{
    const cop_msg *m;

    (void)arg;
    ck_assert_int_eq(cop_recv_tag(&m, TAG_STOP, COP_FOREVER), 0);
}

static void *caller(void *arg)
{
    cop_pid *to = arg;

    ck_assert_int_eq(
        cop_call(*to, TAG_PING, NULL, 0, NULL, 0, cop_in(2 * COP_SEC)),
        COP_ETIMEDOUT);
    return NULL;
}

START_TEST(idle_with_foreign_caller)
{
    pthread_t thread;
    cop_pid to;

    work_on(2);
    ck_assert_int_eq(cop_spawn(&to, mute, NULL, NULL), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, caller, &to), 0);
    expect_idle();
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    stopped();
}
END_TEST

static const TTest *const cases[] = {
    idle_after_start,         idle_after_work_on_1, idle_after_work_on_4,
    idle_with_timers,         idle_after_timers,    idle_with_blocking,
    idle_with_foreign_caller, idle_short_naps,
};
UNIT_MAIN("idle", cases)
