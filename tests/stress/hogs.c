/* SPDX-License-Identifier: MIT
 *
 * hogs.c - runaway loops beside actors that have a life, and n forced
 * preemptions.
 *
 * First HOGS actors that never call the runtime share the workers with SLEEPERS
 * that sleep for a millisecond again and again: how late does each wake? It
 * should be within two slices at p99: who wakes goes ahead of those that were
 * preempted, and finds at most one of them running. The machine may be busy
 * otherwise, so that the figure is reported; only SLICES_AT_MOST is a failure.
 *
 * Then the same with actors that keep numbers in every register they can get,
 * integers, vectors, x87, flags, and look whether these are still the same,
 * while a thread interrupts all of them as fast as it can.
 */
#include "tests/stress/common.h"

#include <math.h>

enum {
    HOGS = 20,
    SLEEPERS = 20,
    COMPUTERS = 4,
    LATE_MAX = 200000,
    SLICE_MS = 10,
    SLICES_AT_MOST = 40
};

static atomic_bool halt;
static volatile uint64_t sink;
static _Atomic uint64_t rounds, looked;

/* ------------------------------------------------------ waking beside hogs --
 */

/* Until each hog has been interrupted once it has its place in the queue like
 * everybody; so the beginning does not count. */
struct span {
    int64_t measured, end;
};

static int64_t late[LATE_MAX];
static _Atomic unsigned late_count;
static atomic_int sleepers_left;

static void hog(void *arg)
{
    (void)arg;
    for (uint64_t i = 0; !atomic_load_explicit(&halt, memory_order_relaxed);
         i++)
        sink = i;
}

static void sleeper(void *arg)
{
    const struct span *span = arg;

    while (stress_now() < span->end) {
        cop_time due = cop_in(COP_MS);
        cop_sleep_until(due);
        cop_time by = cop_now() - due;
        if (stress_now() < span->measured)
            continue;
        unsigned i = atomic_fetch_add(&late_count, 1);
        if (i < LATE_MAX)
            late[i] = by;
        stress_beat(atomic_load(&looked));
    }
    if (atomic_fetch_sub(&sleepers_left, 1) == 1)
        atomic_store(&halt, true);
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static double late_ms(double quantile)
{
    unsigned n = atomic_load(&late_count);

    n = n < LATE_MAX ? n : LATE_MAX;
    STRESS_CHECK(n > 0, "nobody woke");
    return (double)late[(unsigned)(quantile * (n - 1))] / 1e6;
}

static void wake_beside_hogs(void *arg)
{
    int64_t begin = stress_now(), lasts = *(int64_t *)arg;
    const struct span span = {begin + lasts / 3, begin + lasts};
    cop_ref refs[HOGS + SLEEPERS];
    const cop_msg *m;

    atomic_store(&sleepers_left, SLEEPERS);
    for (int i = 0; i < HOGS; i++)
        STRESS_OK(cop_spawn(NULL, hog, NULL, &(cop_opts){.monitor = &refs[i]}));
    for (int i = HOGS; i < HOGS + SLEEPERS; i++)
        STRESS_OK(cop_spawn(
            NULL, sleeper, (void *)&span,
            &(cop_opts){.monitor = &refs[i], .arg_bytes = sizeof span}));
    for (int i = 0; i < HOGS + SLEEPERS; i++) {
        STRESS_OK(cop_recv_ref(&m, refs[i], COP_FOREVER));
        STRESS_CHECK(cop_reason_eq(cop_msg_reason(m), COP_NORMAL), "an end");
    }
}

/* ------------------------------------------------------------- registers -- */

static bool integers_hold(uint64_t s)
{
    uint64_t a = s, b = s * 3, c = s ^ 0x55, d = ~s, e = s + 7, f = s << 1;
    uint64_t g = s >> 1, h = s - 9, i = s * 5, j = s ^ 0x77, k = s + 1, l = s;

    for (int n = 0; n < 300; n++) {
        a += b, b ^= c, c += d, d ^= e, e += f, f ^= g, g += h, h ^= i, i += j;
        j ^= k, k += l, l ^= a;
        l ^= a, k -= l, j ^= k, i -= j, h ^= i, g -= h, f ^= g, e -= f, d ^= e;
        c -= d, b ^= c, a -= b;
    }
    return a == s && b == s * 3 && c == (s ^ 0x55) && d == ~s && e == s + 7 &&
           f == s << 1 && g == s >> 1 && h == s - 9 && i == s * 5 &&
           j == (s ^ 0x77) && k == s + 1 && l == s;
}

/* Whole numbers that a double holds exactly, in vectors and one by one. */
static bool vectors_hold(double x)
{
    typedef double four __attribute__((vector_size(32)));
    const four begin = {x, x + 1, x + 2, x + 3};
    four v = begin, w = begin + begin, u = begin * 3.0;
    long double l = (long double)x + 0.5L;

    for (int n = 0; n < 300; n++)
        v += 1.0, w += 2.0, u += 4.0, l += 1.0L;
    v -= 300.0, w -= 600.0, u -= 1200.0, l -= 300.0L;
    for (int i = 0; i < 4; i++)
        if (v[i] != begin[i] || w[i] != 2 * begin[i] || u[i] != 3 * begin[i])
            return false;
    return l == (long double)x + 0.5L;
}

/* The flags, between a comparison and a jump: a wrong one breaks the order. */
static bool flags_hold(uint64_t s)
{
    unsigned less = 0, more = 0;

    for (uint64_t n = 0; n < 300; n++) {
        less += ((s + n) & 1023) < 512;
        more += ((s + n) & 1023) >= 512;
    }
    return less + more == 300;
}

static void computes(void *arg)
{
    uint64_t seed = stress_stream((uint64_t)(uintptr_t)arg);

    while (!atomic_load_explicit(&halt, memory_order_relaxed)) {
        uint64_t s = stress_rnd(&seed);
        STRESS_CHECK(integers_hold(s), "an integer changed");
        STRESS_CHECK(vectors_hold((double)(s >> 20)), "a vector changed");
        STRESS_CHECK(flags_hold(s), "a flag changed");
        atomic_fetch_add_explicit(&rounds, 1, memory_order_relaxed);
    }
}

static uint64_t preemptions(void)
{
    cop_counters c;

    cop_counters_get(&c);
    return c.preemptions;
}

/* A foreign thread. */
static void *interrupts(void *unused)
{
    uint64_t before = preemptions();

    (void)unused;
    while (atomic_load(&looked) < stress.n) {
        cop_ext_preempt();
        atomic_store(&looked, preemptions() - before);
        stress_beat(atomic_load(&looked));
    }
    atomic_store(&halt, true);
    return NULL;
}

static void compute_interrupted(void *arg)
{
    cop_ref refs[COMPUTERS];
    const cop_msg *m;

    (void)arg;
    atomic_store(&halt, false);
    for (int i = 0; i < COMPUTERS; i++)
        STRESS_OK(cop_spawn(NULL, computes, (void *)(uintptr_t)i,
                            &(cop_opts){.monitor = &refs[i]}));
    pthread_t t = stress_thread(interrupts, NULL);
    for (int i = 0; i < COMPUTERS; i++) {
        STRESS_OK(cop_recv_ref(&m, refs[i], COP_FOREVER));
        STRESS_CHECK(cop_reason_eq(cop_msg_reason(m), COP_NORMAL), "an end");
    }
    stress_join(t);
}

/* ----------------------------------------------------------------- main -- */

int main(int argc, char **argv)
{
    stress_begin(argc, argv, "runaway loops, and forced preemptions", 1000000);
    if (STRESS_INSTRUMENTED)
        return stress_ok("skipped=1"); /* nothing is preempted there */
    int64_t hogging = stress.n < 100000 ? 3 * COP_SEC / 2 : 10 * COP_SEC;
    stress_start(2, &(cop_config){.slice_ns = SLICE_MS * COP_MS});
    stress_run(wake_beside_hogs, &hogging, &looked);
    stress_run(compute_interrupted, NULL, &looked);
    stress_stop();
    unsigned n = atomic_load(&late_count);
    qsort(late, n < LATE_MAX ? n : LATE_MAX, sizeof late[0], by_size);
    STRESS_CHECK(late_ms(0.99) <
                     (double)(SLICES_AT_MOST * SLICE_MS * stress_slow()),
                 "wakes at p99 %.1f ms late", late_ms(0.99));
    return stress_ok("preemptions=%" PRIu64 " checks=%" PRIu64
                     " wakes=%u late_p50_ms=%.2f late_p99_ms=%.2f "
                     "late_max_ms=%.2f",
                     atomic_load(&looked), atomic_load(&rounds), n,
                     late_ms(0.5), late_ms(0.99), late_ms(1));
}
