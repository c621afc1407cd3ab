/* SPDX-License-Identifier: MIT
 *
 * hibernate_test.c - cop_config.hibernate_ns: the stack of a coroutine that
 * waits for long is put away, and is as it was when the actor goes on, however
 * it is woken; what must stay on its stack stays.
 */
#include "runtime/memory/mem.h"
#include "runtime/scheduler/hibernate.h"
#include "tests/support/native.h"
#include "tests/support/resident.h"
#include "tests/support/started.h"

#include <sys/wait.h>
#include <unistd.h>

enum { CHECK = 1, REPLY, STOP, WORDS = 100, CROWD = 10000 };

static void begin(cop_time hibernate_ns)
{
    const cop_config config = {.workers = 2, .hibernate_ns = hibernate_ns};
    ck_assert_int_eq(cop_start(&config), 0);
}

/* Not where the runtime leaves stacks alone. */
static bool is_on(void)
{
    return !copi_mem_is_watched;
}

/* Until so many stacks are put away. */
static void wait_for(size_t n)
{
    int64_t end = real_now() + 20 * unit_slow() * COP_SEC;
    while (copi_hibernate_count() != n) {
        ck_assert_msg(real_now() < end, "%zu stacks put away, not %zu",
                      copi_hibernate_count(), n);
        nap(COP_MS);
    }
}

static void fill(volatile uint64_t *w, uint64_t seed)
{
    for (uint64_t i = 0; i < WORDS; i++)
        w[i] = seed * 1000 + i;
}

static bool is_filled(const volatile uint64_t *w, uint64_t seed)
{
    for (uint64_t i = 0; i < WORDS; i++)
        if (w[i] != seed * 1000 + i)
            return false;
    return true;
}

static atomic_int cleaned, damaged;

/* What a keeper has on its stack. */
struct chest {
    uint64_t seed;
    volatile uint64_t words[WORDS];
};

static void clean(void *arg)
{
    const struct chest *c = arg;
    atomic_fetch_add(&cleaned, 1);
    if (!is_filled(c->words, c->seed))
        atomic_fetch_add(&damaged, 1);
}

/* Answers each CHECK with whether its stack is as it should be; fills it anew
 * each time. */
static void keeper(void *arg)
{
    struct chest c = {.seed = 1};
    const cop_msg *m;
    (void)arg;
    fill(c.words, c.seed);
    if (cop_defer(clean, &c) != 0)
        return;
    while (cop_recv(&m, COP_FOREVER) == 0 && cop_msg_tag(m) != STOP) {
        bool good = is_filled(c.words, c.seed);
        if (cop_reply(cop_msg_from(m), &good, sizeof good) != 0)
            return;
        fill(c.words, ++c.seed);
    }
    cop_exit(COP_NORMAL); /* with its chest still there */
}

static cop_pid start_keeper(void)
{
    cop_pid pid;
    ck_assert_int_eq(cop_spawn(&pid, keeper, NULL, NULL), 0);
    return pid;
}

static void is_whole(cop_pid pid)
{
    bool good = false;
    int err = cop_call(pid, CHECK, NULL, 0, &good, sizeof good, patience());
    ck_assert_msg(err == (int)sizeof good || err == 0, "%s",
                  cop_error_str(err));
    ck_assert(good);
}

static void end_of(cop_pid pid)
{
    int64_t end = real_now() + 20 * unit_slow() * COP_SEC;
    cop_info i;
    while (cop_info_get(pid, &i) == 0) {
        ck_assert(real_now() < end);
        nap(COP_MS);
    }
}

START_TEST(comes_back_for_a_message)
{
    if (!is_on())
        return;
    begin(5 * COP_MS);
    cop_pid pid = start_keeper();
    for (int i = 0; i < 5; i++) {
        wait_for(1);
        is_whole(pid);
    }
    is_whole(pid);
    ck_assert_int_eq(cop_send(pid, STOP, NULL, 0), 0);
    end_of(pid);
    ck_assert_uint_eq(copi_hibernate_count(), 0);
    ck_assert_int_eq(cleaned, 1);
    ck_assert_int_eq(damaged, 0);
    stopped();
    ck_assert_uint_eq(copi_mem_in_use(), 0);
}
END_TEST

/* The clean-up runs on the stack that was away. */
START_TEST(comes_back_to_die)
{
    if (!is_on())
        return;
    begin(5 * COP_MS);
    cop_pid pid = start_keeper();
    wait_for(1);
    ck_assert_int_eq(cop_exit_signal(pid, COP_KILL), 0);
    end_of(pid);
    ck_assert_int_eq(cleaned, 1);
    ck_assert_int_eq(damaged, 0);
    ck_assert_uint_eq(copi_hibernate_count(), 0);
    pid = start_keeper();
    wait_for(1);
    stopped();
    ck_assert_int_eq(cleaned, 2);
    ck_assert_int_eq(damaged, 0);
    ck_assert_uint_eq(copi_mem_in_use(), 0);
}
END_TEST

START_TEST(has_a_backtrace)
{
    uintptr_t before[32], away[32];
    if (!is_on())
        return;
    begin(200 * COP_MS);
    cop_pid pid = start_keeper();
    int64_t end = real_now() + 20 * unit_slow() * COP_SEC;
    int n;
    while ((n = cop_backtrace(pid, before, 32)) < 3)
        ck_assert(real_now() < end);
    wait_for(1);
    ck_assert_int_eq(cop_backtrace(pid, away, 32), n);
    ck_assert_mem_eq(before, away, (size_t)n * sizeof away[0]);
    is_whole(pid);
    stopped();
}
END_TEST

static atomic_int woke;

/* Its deadline's record is on its stack, in a timer wheel. */
static void waits_with_deadline(void *arg)
{
    const cop_msg *m;
    (void)arg;
    if (cop_recv(&m, cop_in(100 * COP_MS)) == COP_ETIMEDOUT)
        atomic_fetch_add(&woke, 1);
}

static void blocks(void *done)
{
    nap(100 * COP_MS);
    atomic_fetch_add((atomic_int *)done, 1);
}

static void waits_for_helper(void *arg)
{
    atomic_int done = 0;
    (void)arg;
    if (cop_blocking(blocks, &done) == 0 && done == 1)
        atomic_fetch_add(&woke, 1);
}

START_TEST(leaves_others_alone)
{
    if (!is_on())
        return;
    begin(COP_MS);
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(cop_spawn(NULL, waits_with_deadline, NULL, NULL), 0);
        ck_assert_int_eq(cop_spawn(NULL, waits_for_helper, NULL, NULL), 0);
    }
    int64_t end = real_now() + 20 * unit_slow() * COP_SEC;
    while (atomic_load(&woke) < 100) {
        ck_assert_uint_eq(copi_hibernate_count(), 0);
        ck_assert(real_now() < end);
        nap(COP_MS);
    }
    stopped();
}
END_TEST

START_TEST(off_unless_asked_for)
{
    begin(0);
    cop_pid pid = start_keeper();
    nap(100 * COP_MS);
    ck_assert_uint_eq(copi_hibernate_count(), 0);
    is_whole(pid);
    stopped();
}
END_TEST

/* Messages at all moments, while stacks go and come all the time. */
START_TEST(races_with_senders)
{
    cop_pid pid[40];
    int64_t end = real_now() + 2 * COP_SEC;
    size_t seen = 0;
    if (!is_on())
        return;
    begin(COP_MS / 5);
    for (int i = 0; i < 40; i++)
        pid[i] = start_keeper();
    for (int i = 0; real_now() < end; i++) {
        is_whole(pid[i * 7 % 40]);
        seen |= copi_hibernate_count();
        nap(i % 97 * 30000);
    }
    ck_assert_uint_gt(seen, 0);
    stopped();
    ck_assert_int_eq(cleaned, 40);
    ck_assert_int_eq(damaged, 0);
    ck_assert_uint_eq(copi_mem_in_use(), 0);
}
END_TEST

static void waits(void *arg)
{
    const cop_msg *m;
    (void)arg;
    (void)!cop_recv(&m, COP_FOREVER);
}

static void spawn_crowd(void)
{
    for (int i = 0; i < CROWD; i++)
        ck_assert_int_eq(cop_spawn(NULL, waits, NULL, NULL), 0);
}

/* Of each of the crowd, in another process: this one's memory stays as it is.
 */
static size_t cost_awake(void)
{
    int ends[2];
    size_t n = 0;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        size_t before = resident();
        begin(0);
        spawn_crowd();
        ck_assert_int_eq(cop_ext_quiesce(20 * unit_slow() * COP_SEC), 0);
        n = (resident() - before) / CROWD;
        _exit(write(ends[1], &n, sizeof n) == (ssize_t)sizeof n ? 0 : 1);
    }
    close(ends[1]);
    ck_assert_int_eq(read(ends[0], &n, sizeof n), (int)sizeof n);
    close(ends[0]);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    return n;
}

/* What is on a stack is copied out, and how much that is, is a matter of the
 * compiler; but it is much less than the pages. */
START_TEST(gives_memory_back)
{
    if (!is_on())
        return;
    size_t awake = cost_awake();
    size_t before = resident();
    begin(50 * COP_MS);
    spawn_crowd();
    wait_for(CROWD);
    ck_assert_uint_le((resident() - before) / CROWD, awake / 2);
    stopped();
    ck_assert_uint_eq(copi_mem_in_use(), 0);
}
END_TEST

static const TTest *const cases[] = {
    comes_back_for_a_message, comes_back_to_die,    has_a_backtrace,
    leaves_others_alone,      off_unless_asked_for, races_with_senders,
    gives_memory_back,
};

NATIVE_MAIN("hibernate", cases)
