/* SPDX-License-Identifier: MIT
 *
 * preempt_test.c - actors that never call the runtime: others run beside them,
 * they can be killed, they end when they run for too long, and being preempted
 * changes nothing that they can see.
 */
#include "tests/support/native.h"

#include "tests/support/kid.h"

#include <unistd.h>

enum { TAG_PING = 1, TAG_PONG };

static atomic_bool may_end;
static volatile uint64_t sink;

static void loops(void *arg)
{
    (void)arg;
    for (uint64_t n = 0; !atomic_load_explicit(&may_end, memory_order_relaxed);
         n++)
        sink = n;
}

static void answers(void *arg)
{
    const cop_msg *m;

    (void)arg;
    while (cop_recv(&m, COP_FOREVER) == 0)
        (void)cop_send(cop_msg_sender(m), TAG_PONG, NULL, 0);
}

/* ------------------------------------------------------- others run on -- */

static void beside_body(void *arg)
{
    const cop_msg *m;
    cop_pid echo;

    (void)arg;
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(cop_spawn(NULL, loops, NULL, NULL), 0);
    ck_assert_int_eq(cop_spawn(&echo, answers, NULL, NULL), 0);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(cop_send(echo, TAG_PING, NULL, 0), 0);
        ck_assert_int_eq(cop_recv_tag(&m, TAG_PONG, cop_in(10 * COP_SEC)), 0);
    }
    atomic_store(&may_end, true);
}

START_TEST(others_run_beside_loops)
{
    actor_test(beside_body, &(cop_config){.workers = 1});
}
END_TEST

START_TEST(others_run_beside_loops_on_two)
{
    actor_test(beside_body, &(cop_config){.workers = 2});
}
END_TEST

static uint64_t preemptions(void)
{
    cop_counters c;
    cop_counters_get(&c);
    return c.preemptions;
}

static bool is_pinned;

/* In turns, not in time: a queue behind ten hogs would be ten of theirs. */
static void ahead_body(void *arg)
{
    const cop_opts how = {.pinned = is_pinned};
    const cop_msg *m;
    cop_pid echo;

    (void)arg;
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(cop_spawn(NULL, loops, NULL, NULL), 0);
    ck_assert_int_eq(cop_spawn(&echo, answers, NULL, &how), 0);
    while (preemptions() < 20)
        cop_sleep(COP_MS);
    uint64_t before = preemptions();
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(cop_send(echo, TAG_PING, NULL, 0), 0);
        ck_assert_int_eq(cop_recv_tag(&m, TAG_PONG, cop_in(10 * COP_SEC)), 0);
    }
    ck_assert_uint_le(preemptions() - before, 40);
    atomic_store(&may_end, true);
}

START_TEST(who_wakes_goes_before_hogs)
{
    actor_test(ahead_body, &(cop_config){.workers = 1});
}
END_TEST

START_TEST(who_is_pinned_goes_before_hogs)
{
    is_pinned = true;
    actor_test(ahead_body, &(cop_config){.workers = 1});
}
END_TEST

static void pings_for_ever(void *arg)
{
    const cop_msg *m;
    cop_pid echo;

    (void)arg;
    if (cop_spawn(&echo, answers, NULL, &(cop_opts){.link = true}) != 0)
        return;
    while (!atomic_load(&may_end)) {
        if (cop_send(echo, TAG_PING, NULL, 0) != 0 ||
            cop_recv_tag(&m, TAG_PONG, COP_FOREVER) != 0)
            return;
    }
    cop_exit(COP_SHUTDOWN);
}

static void loops_for_a_while(void *arg)
{
    (void)arg;
    for (uint64_t n = 0; n < 200 * 1000 * 1000; n++)
        sink = n;
}

static void share_body(void *arg)
{
    const cop_msg *m;
    cop_ref ref;

    (void)arg;
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(cop_spawn(NULL, pings_for_ever, NULL, NULL), 0);
    ck_assert_int_eq(
        cop_spawn(NULL, loops_for_a_while, NULL, &(cop_opts){.monitor = &ref}),
        0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, cop_in(30 * COP_SEC)), 0);
    ck_assert_uint_gt(preemptions(), 2);
    atomic_store(&may_end, true);
}

START_TEST(hogs_have_their_share_in_the_end)
{
    actor_test(share_body, &(cop_config){.workers = 1});
}
END_TEST

/* ------------------------------------------------------------- being ended --
 */

static void note_end(void *arg)
{
    note("%s", (char *)arg);
}

static void loops_with_clean_up(void *arg)
{
    ck_assert_int_eq(cop_defer(note_end, "cleaned up"), 0);
    loops(arg);
}

static void kill_body(void *arg)
{
    const cop_msg *m;
    cop_ref ref;
    cop_pid pid;

    (void)arg;
    ck_assert_int_eq(cop_spawn(&pid, loops_with_clean_up, NULL,
                               &(cop_opts){.monitor = &ref}),
                     0);
    cop_sleep(5 * COP_MS);
    cop_exit_signal(pid, COP_KILL);
    ck_assert_int_eq(cop_recv_ref(&m, ref, cop_in(10 * COP_SEC)), 0);
    ck_assert(cop_reason_eq(cop_msg_reason(m), COP_KILLED));
    notes_are("cleaned up|");
}

START_TEST(a_loop_can_be_killed)
{
    actor_test(kill_body, &(cop_config){.workers = 2});
}
END_TEST

START_TEST(a_loop_can_be_killed_on_one_worker)
{
    actor_test(kill_body, &(cop_config){.workers = 1});
}
END_TEST

static cop_time limit_of_lost;

static void loops_after_a_call(void *arg)
{
    ck_assert_int_eq(cop_defer(note_end, "cleaned up"), 0);
    usleep(300000); /* its worker is handed over */
    loops(arg);
}

static void until_it_is_lost(void)
{
    cop_counters c;
    do {
        cop_sleep(20 * COP_MS);
        cop_counters_get(&c);
    } while (c.handovers == 0);
    cop_sleep(400 * COP_MS);
}

/* Its thread has no worker any more, whose queue it would go to. */
static void lost_body(void *arg)
{
    const cop_msg *m;
    cop_ref ref;
    cop_pid pid;
    const cop_opts opts = {.monitor = &ref, .max_run_ns = limit_of_lost};

    (void)arg;
    ck_assert_int_eq(cop_spawn(&pid, loops_after_a_call, NULL, &opts), 0);
    until_it_is_lost();
    if (limit_of_lost == 0)
        cop_exit_signal(pid, COP_KILL);
    ck_assert_int_eq(cop_recv_ref(&m, ref, cop_in(10 * COP_SEC)), 0);
    if (limit_of_lost == 0)
        ck_assert(cop_reason_eq(cop_msg_reason(m), COP_KILLED));
    else
        ck_assert_str_eq(cop_reason_fault(cop_msg_reason(m))->what, "runaway");
    notes_are("cleaned up|");
}

START_TEST(a_loop_without_a_worker_can_be_killed)
{
    actor_test(lost_body, &(cop_config){.workers = 1});
}
END_TEST

static void *kills_later(void *arg)
{
    usleep(1200000); /* all workers are asleep, and who watches them */
    cop_exit_signal(*(cop_pid *)arg, COP_KILL);
    return NULL;
}

static void quiet_body(void *arg)
{
    pthread_t t;
    const cop_msg *m;
    cop_ref ref;
    cop_pid pid;

    (void)arg;
    ck_assert_int_eq(
        cop_spawn(&pid, loops_after_a_call, NULL, &(cop_opts){.monitor = &ref}),
        0);
    until_it_is_lost();
    ck_assert_int_eq(pthread_create(&t, NULL, kills_later, &pid), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    ck_assert(cop_reason_eq(cop_msg_reason(m), COP_KILLED));
    pthread_join(t, NULL);
}

START_TEST(a_loop_that_nobody_watches_can_be_killed)
{
    actor_test(quiet_body, &(cop_config){.workers = 1});
}
END_TEST

START_TEST(a_runaway_without_a_worker_ends_itself)
{
    limit_of_lost = 500 * COP_MS;
    actor_test(lost_body, &(cop_config){.workers = 1});
}
END_TEST

static void runaway_body(void *arg)
{
    const cop_fault *f;
    const cop_msg *m;
    cop_ref ref;

    (void)arg;
    ck_assert_int_eq(
        cop_spawn(NULL, loops_with_clean_up, NULL,
                  &(cop_opts){.monitor = &ref, .max_run_ns = 50 * COP_MS}),
        0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, cop_in(10 * COP_SEC)), 0);
    f = cop_reason_fault(cop_msg_reason(m));
    ck_assert_ptr_nonnull(f);
    ck_assert_str_eq(f->what, "runaway");
    ck_assert_uint_ge(f->depth, 1);
    notes_are("cleaned up|");
}

START_TEST(a_runaway_ends_itself)
{
    actor_test(runaway_body, &(cop_config){.workers = 2});
}
END_TEST

/* The limit is on running without a call, not on living. */
static void calls_often(void *arg)
{
    cop_time end = cop_in(200 * COP_MS);

    (void)arg;
    while (cop_now() < end) {
        for (int i = 0; i < 1000; i++)
            sink = (uint64_t)i;
        (void)cop_whereis("nobody");
    }
}

static void often_body(void *arg)
{
    const cop_msg *m;
    cop_ref ref;

    (void)arg;
    ck_assert_int_eq(
        cop_spawn(NULL, calls_often, NULL,
                  &(cop_opts){.monitor = &ref, .max_run_ns = 50 * COP_MS}),
        0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, cop_in(10 * COP_SEC)), 0);
    ck_assert(cop_reason_eq(cop_msg_reason(m), COP_NORMAL));
}

START_TEST(who_calls_the_runtime_is_no_runaway)
{
    actor_test(often_body, &(cop_config){.workers = 2});
}
END_TEST

START_TEST(the_runtime_stops_beside_a_loop)
{
    cop_stop_report report;

    ck_assert_int_eq(cop_start(&(cop_config){.workers = 2}), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(cop_spawn(NULL, loops, NULL, NULL), 0);
    ck_assert_int_eq(cop_stop(cop_in(100 * COP_MS), &report), 0);
    ck_assert_uint_eq(report.stuck, 0);
}
END_TEST

/* A turn that was long, and is over, is nobody else's: who runs next on that
 * worker is interrupted before the runtime has looked at its turn. */
enum { LATE_ROUNDS = 4, LATE_KIDS = 4 };
static atomic_int slept, ran;

static void sleeps_in_its_turn(void *arg)
{
    (void)arg;
    usleep(300000);
    atomic_fetch_add(&slept, 1);
}

static void runs_shortly(void *arg)
{
    (void)arg;
    for (uint64_t n = 0; n < 1000000; n++)
        sink = n;
    atomic_fetch_add(&ran, 1);
}

START_TEST(nobody_ends_for_the_turn_before)
{
    ck_assert_int_eq(cop_start(&(cop_config){.workers = 1}), 0);
    for (int round = 1; round <= LATE_ROUNDS; round++) {
        ck_assert_int_eq(cop_spawn(NULL, sleeps_in_its_turn, NULL,
                                   &(cop_opts){.pinned = true}),
                         0);
        usleep(100000);
        for (int i = 0; i < LATE_KIDS; i++)
            ck_assert_int_eq(cop_spawn(NULL, runs_shortly, NULL,
                                       &(cop_opts){.max_run_ns = 200 * COP_MS}),
                             0);
        while (atomic_load(&slept) < round)
            usleep(10);
        for (int i = 0; i < 2000 && atomic_load(&ran) < round * LATE_KIDS;
             i++) {
            cop_ext_preempt();
            usleep(10);
        }
    }
    ck_assert_int_eq(cop_stop(cop_in(5 * COP_SEC), NULL), 0);
    ck_assert_int_eq(atomic_load(&ran), LATE_ROUNDS * LATE_KIDS);
}
END_TEST

/* ----------------------------------------------------------- registers -- */

/* Values that stay in registers of every kind, and must stay what they are. */
static bool integers_hold(uint64_t seed, int rounds)
{
    uint64_t a = seed, b = seed * 3, c = seed ^ 0x55, d = ~seed, e = seed + 7;
    uint64_t f = seed << 1, g = seed >> 1, h = seed - 9;

    for (int i = 0; i < rounds; i++) {
        a += b, b ^= c, c += d, d ^= e, e += f, f ^= g, g += h, h ^= a;
        h ^= a, g -= h, f ^= g, e -= f, d ^= e, c -= d, b ^= c, a -= b;
    }
    return a == seed && b == seed * 3 && c == (seed ^ 0x55) && d == ~seed &&
           e == seed + 7 && f == seed << 1 && g == seed >> 1 && h == seed - 9;
}

static bool floats_hold(double x, int rounds)
{
    double a = x, b = x + 1, c = x + 2, d = x + 3;
    long double l = (long double)x + 0.5L;

    for (int i = 0; i < rounds; i++) {
        a += 1, b += 2, c += 4, d += 8, l += 1;
        a -= 1, b -= 2, c -= 4, d -= 8, l -= 1;
    }
    return a == x && b == x + 1 && c == x + 2 && d == x + 3 &&
           l == (long double)x + 0.5L;
}

typedef uint32_t vector __attribute__((vector_size(32)));

static bool vectors_hold(uint32_t seed, int rounds)
{
    const vector start = {seed,     seed + 1, seed + 2, seed + 3,
                          seed + 4, seed + 5, seed + 6, seed + 7};
    vector a = start, b = start * 3, c = start ^ 0x77;

    for (int i = 0; i < rounds; i++) {
        a += b, b ^= c, c += a;
        c -= a, b ^= c, a -= b;
    }
    for (int i = 0; i < 8; i++)
        if (a[i] != start[i] || b[i] != start[i] * 3 ||
            c[i] != (start[i] ^ 0x77))
            return false;
    return true;
}

static atomic_int checks, wrong;

static void checks_registers(void *arg)
{
    uint64_t seed = (uint64_t)(uintptr_t)arg;

    while (!atomic_load_explicit(&may_end, memory_order_relaxed)) {
        seed++;
        if (!integers_hold(seed, 500) ||
            !floats_hold((double)(seed % 1000), 500) ||
            !vectors_hold((uint32_t)seed, 500))
            atomic_fetch_add(&wrong, 1);
        atomic_fetch_add(&checks, 1);
    }
}

START_TEST(registers_are_kept)
{
    cop_counters before, after;

    ck_assert_int_eq(cop_start(&(cop_config){.workers = 2}), 0);
    cop_counters_get(&before);
    for (uintptr_t i = 1; i <= 6; i++)
        ck_assert_int_eq(
            cop_spawn(NULL, checks_registers, (void *)(i * 1000), NULL), 0);
    do {
        cop_ext_preempt();
        usleep(10);
        cop_counters_get(&after);
    } while (after.preemptions - before.preemptions < 5000);
    atomic_store(&may_end, true);
    ck_assert_int_eq(cop_stop(cop_in(5 * COP_SEC), NULL), 0);
    ck_assert_int_eq(atomic_load(&wrong), 0);
    ck_assert_int_gt(atomic_load(&checks), 0);
}
END_TEST

/* Whatever else actors do while they are interrupted. What goes wrong is
 * counted: the assertions of the test library take a mutex, which an actor that
 * is preempted would keep from all others. */
static void talks(void *arg)
{
    const cop_msg *m;
    cop_pid echo;

    (void)arg;
    if (cop_spawn(&echo, answers, NULL, &(cop_opts){.link = true}) != 0)
        atomic_fetch_add(&wrong, 1);
    for (uint32_t n = 0; !atomic_load(&may_end); n++) {
        if (cop_send(echo, TAG_PING, &n, sizeof n) != 0 ||
            cop_recv_tag(&m, TAG_PONG, COP_FOREVER) != 0)
            atomic_fetch_add(&wrong, 1);
        free(malloc(n % 1000));
    }
    cop_exit(COP_SHUTDOWN);
}

START_TEST(interrupts_do_not_disturb_the_runtime)
{
    cop_counters c;

    ck_assert_int_eq(cop_start(&(cop_config){.workers = 2}), 0);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(cop_spawn(NULL, talks, NULL, NULL), 0);
    ck_assert_int_eq(cop_spawn(NULL, checks_registers, NULL, NULL), 0);
    for (int i = 0; i < 3000; i++) {
        cop_ext_preempt();
        usleep(10);
    }
    atomic_store(&may_end, true);
    ck_assert_int_eq(cop_stop(cop_in(5 * COP_SEC), NULL), 0);
    cop_counters_get(&c);
    ck_assert_int_eq(atomic_load(&wrong), 0);
}
END_TEST

/* Cells are passed round in a thread's own books: who is interrupted in the
 * middle of taking one must not share it with who runs next. */
static void makes_messages(void *arg)
{
    enum { HELD = 4 };
    cop_msg *held[HELD] = {0};
    unsigned char mine = (unsigned char)(uintptr_t)arg;

    for (unsigned n = 0; !atomic_load(&may_end); n++) {
        cop_msg **m = &held[n % HELD];
        if (*m != NULL) {
            const unsigned char *body = cop_msg_body(*m);
            for (size_t i = 0; i < cop_msg_size(*m); i++)
                if (body[i] != mine)
                    atomic_fetch_add(&wrong, 1);
            cop_msg_free(*m);
            *m = NULL;
        }
        if (cop_msg_new(m, TAG_PING, 1 + n % 200) == 0)
            memset(cop_msg_fill(*m), mine, 1 + n % 200);
        atomic_fetch_add_explicit(&checks, 1, memory_order_relaxed);
    }
    for (int i = 0; i < HELD; i++)
        cop_msg_free(held[i]);
}

START_TEST(cells_of_messages_are_not_shared)
{
    cop_counters before, after;

    ck_assert_int_eq(cop_start(&(cop_config){.workers = 1}), 0);
    cop_counters_get(&before);
    for (uintptr_t i = 1; i <= 4; i++)
        ck_assert_int_eq(cop_spawn(NULL, makes_messages, (void *)i, NULL), 0);
    do {
        cop_ext_preempt();
        usleep(10);
        cop_counters_get(&after);
    } while (after.preemptions - before.preemptions < 20000);
    atomic_store(&may_end, true);
    ck_assert_int_eq(cop_stop(cop_in(5 * COP_SEC), NULL), 0);
    ck_assert_int_eq(atomic_load(&wrong), 0);
    ck_assert_int_gt(atomic_load(&checks), 0);
}
END_TEST

static const TTest *const cases[] = {
    others_run_beside_loops,
    others_run_beside_loops_on_two,
    who_wakes_goes_before_hogs,
    who_is_pinned_goes_before_hogs,
    hogs_have_their_share_in_the_end,
    a_loop_can_be_killed,
    a_loop_can_be_killed_on_one_worker,
    a_loop_without_a_worker_can_be_killed,
    a_loop_that_nobody_watches_can_be_killed,
    a_runaway_without_a_worker_ends_itself,
    a_runaway_ends_itself,
    who_calls_the_runtime_is_no_runaway,
    the_runtime_stops_beside_a_loop,
    nobody_ends_for_the_turn_before,
    registers_are_kept,
    interrupts_do_not_disturb_the_runtime,
    cells_of_messages_are_not_shared,
};
NATIVE_MAIN("preempt", cases)
