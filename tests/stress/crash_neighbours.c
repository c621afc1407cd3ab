/* SPDX-License-Identifier: MIT
 *
 * crash_neighbours.c - what do crashes cost those who do not crash?
 *
 * First, in turns of some milliseconds, an innocent actor sends itself messages
 * as fast as it can on one worker, while on the other one an actor either
 * computes, or spawns children that crash as fast as they can. The innocent's
 * throughput in the second kind of turn is compared with the first kind, pair
 * by pair, and the median pair counts. It is messages per second of processor
 * time of the innocent's thread, as other programs may want the machine too.
 *
 * Then a supervised child crashes n times: how long from just before the fault
 * to the first instruction of the child that was started in its place?
 *
 * The figures are printed; only the long form, which is meant for a quiet
 * machine, fails for them. It must be met that both kinds of turn took place,
 * that there were crashes in the second kind alone, and one restart for each
 * crash.
 */
#include "tests/stress/common.h"

#include <time.h>

enum { TAG_SELF = 1, TURN_MS = 20, PAIRS_MAX = 200, CATCHES = 4, BATCH = 256 };
enum { LONG_FORM = 200000, COST_PERCENT = 5, P50_US = 5, P99_US = 50 };

static atomic_bool halt, crashing, swapped;
static _Atomic uint64_t crashes, sent, restarts;
static _Atomic int64_t innocent_cpu_ns;
static void *volatile null;
static volatile uint64_t sink;

static void crash(void *arg)
{
    (void)arg;
    atomic_fetch_add_explicit(&crashes, 1, memory_order_relaxed);
    *(volatile int *)null = 1;
}

/* -------------------------------------------------------------- neighbours --
 */

static int64_t cpu_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * COP_SEC + t.tv_nsec;
}

/* As long as it stays on its thread its processor time is its own: it is the
 * only one there. */
static void innocent(void *arg)
{
    const cop_msg *m;
    int worker = cop_ext_worker();

    (void)arg;
    while (!atomic_load_explicit(&halt, memory_order_relaxed)) {
        for (int i = 0; i < BATCH; i++) {
            STRESS_OK(cop_send(cop_self(), TAG_SELF, &i, sizeof i));
            STRESS_OK(cop_recv(&m, COP_FOREVER));
        }
        atomic_fetch_add_explicit(&sent, BATCH, memory_order_relaxed);
        atomic_store(&innocent_cpu_ns, cpu_now());
        if (cop_ext_worker() != worker)
            atomic_store(&swapped, true);
        worker = cop_ext_worker();
    }
}

static void crashing_child(void *arg)
{
    for (int i = 1; i < CATCHES; i++)
        (void)!cop_catch(crash, arg, NULL);
    crash(arg);
}

static void neighbour(void *arg)
{
    const cop_msg *m;
    cop_ref ref;

    (void)arg;
    while (!atomic_load_explicit(&halt, memory_order_relaxed)) {
        if (!atomic_load_explicit(&crashing, memory_order_relaxed)) {
            for (int i = 0; i < 10000; i++)
                sink = (uint64_t)i;
            continue;
        }
        STRESS_OK(cop_spawn(NULL, crashing_child, NULL,
                            &(cop_opts){.monitor = &ref}));
        STRESS_OK(cop_recv_ref(&m, ref, COP_FOREVER));
    }
}

/* Messages per second of processor time in one turn; 0: it was disturbed. */
static double measure(bool with_crashes, uint64_t *crashed)
{
    atomic_store(&crashing, with_crashes);
    stress_nap(COP_MS);
    atomic_store(&swapped, false);
    uint64_t n = atomic_load(&sent), c = atomic_load(&crashes);
    int64_t cpu = atomic_load(&innocent_cpu_ns);
    stress_nap(TURN_MS * COP_MS);
    n = atomic_load(&sent) - n;
    cpu = atomic_load(&innocent_cpu_ns) - cpu;
    *crashed = atomic_load(&crashes) - c;
    return atomic_load(&swapped) || cpu <= 0 ? 0
                                             : (double)n * 1e9 / (double)cpu;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Percent that the innocent loses; crashes a second meanwhile. */
static double cost_of_crashes(unsigned pairs, double *per_second)
{
    static double lost[PAIRS_MAX];
    unsigned n = 0;
    uint64_t c, in_crashing = 0, in_quiet = 0;

    for (unsigned i = 0; i < pairs; i++) {
        double quiet = measure(false, &c);
        in_quiet += c;
        double loud = measure(true, &c);
        in_crashing += c;
        if (quiet > 0 && loud > 0)
            lost[n++] = 100 * (1 - loud / quiet);
        stress_beat(0);
    }
    STRESS_CHECK(in_crashing > 0 && in_quiet <= CATCHES * (uint64_t)pairs,
                 "%" PRIu64 " crashes in quiet turns, %" PRIu64 " in others",
                 in_quiet, in_crashing);
    *per_second = (double)in_crashing * 1000 / (pairs * TURN_MS);
    qsort(lost, n, sizeof lost[0], by_size);
    return n > 0 ? lost[n / 2] : 0;
}

static void start_both(void *arg)
{
    cop_ref refs[2];
    const cop_msg *m;

    (void)arg;
    STRESS_OK(
        cop_spawn(NULL, innocent, NULL, &(cop_opts){.monitor = &refs[0]}));
    STRESS_OK(
        cop_spawn(NULL, neighbour, NULL, &(cop_opts){.monitor = &refs[1]}));
    for (int i = 0; i < 2; i++) {
        STRESS_OK(cop_recv_ref(&m, refs[i], COP_FOREVER));
        STRESS_CHECK(cop_reason_eq(cop_msg_reason(m), COP_NORMAL), "an end");
    }
}

/* --------------------------------------------------------------- restarts --
 */

static _Atomic int64_t crashed_at;
static double *took_us; /* [n] */
static cop_pid waiting;

static void child(void *arg)
{
    int64_t now = stress_now(), at = atomic_load(&crashed_at);
    uint64_t i = atomic_load(&restarts);

    if (at != 0) {
        took_us[i] = (double)(now - at) / 1000;
        stress_beat(atomic_fetch_add(&restarts, 1) + 1);
    }
    if (i + 1 >= stress.n) {
        const cop_msg *m;
        STRESS_OK(cop_send(waiting, TAG_SELF, NULL, 0));
        (void)!cop_recv(&m, COP_FOREVER);
    }
    atomic_store(&crashed_at, stress_now());
    crash(arg);
}

static void restart(void *arg)
{
    const cop_child kid = {.id = "kid", .fn = child};
    const cop_sup sup = {.children = &kid,
                         .nchildren = 1,
                         .intensity = 1000000,
                         .period_ns = COP_MS};
    const cop_msg *m;
    cop_pid pid;

    (void)arg;
    waiting = cop_self();
    STRESS_OK(cop_sup_start(&pid, &sup, NULL, NULL));
    STRESS_OK(cop_recv_tag(&m, TAG_SELF, COP_FOREVER));
    STRESS_OK(cop_unlink(pid));
    STRESS_OK(cop_server_stop(pid, COP_SHUTDOWN, COP_FOREVER, NULL));
}

/* ------------------------------------------------------------------- main --
 */

static void *run_both(void *unused)
{
    (void)unused;
    stress_run(start_both, NULL, &crashes);
    return NULL;
}

int main(int argc, char **argv)
{
    double per_second, cost;

    stress_begin(argc, argv, "what crashes cost others", LONG_FORM);
    if (STRESS_INSTRUMENTED)
        return stress_ok("skipped=1"); /* the sanitizer takes the faults */
    took_us = calloc(stress.n + 1, sizeof *took_us);
    STRESS_CHECK(took_us != NULL, "no memory");
    stress_start(2, NULL);
    pthread_t t = stress_thread(run_both, NULL);
    stress_nap(50 * COP_MS);
    cost = cost_of_crashes(stress.n < LONG_FORM ? 15 : PAIRS_MAX, &per_second);
    atomic_store(&halt, true);
    stress_join(t);
    stress_run(restart, NULL, &restarts);
    stress_stop();
    STRESS_CHECK(atomic_load(&restarts) == stress.n, "%" PRIu64 " restarts",
                 atomic_load(&restarts));
    qsort(took_us, stress.n, sizeof *took_us, by_size);
    double p50 = took_us[stress.n / 2], p99 = took_us[stress.n / 100 * 99];
    if (stress.n >= LONG_FORM)
        STRESS_CHECK(cost <= COST_PERCENT && p50 <= P50_US && p99 <= P99_US,
                     "cost %.1f %%, restart p50 %.1f us, p99 %.1f us", cost,
                     p50, p99);
    free(took_us);
    return stress_ok("crashes_per_second=%.0f cost_percent=%.1f "
                     "restart_p50_us=%.2f restart_p99_us=%.2f",
                     per_second, cost, p50, p99);
}
