/* SPDX-License-Identifier: MIT
 *
 * idle.c - sleeping without losing a wake-up, and without polling. Rank: 4.
 *
 * Words: a *searcher* is a worker that has nothing and looks at the others'
 * queues. A *sleeper* has its bit set in `asleep` and its machine waits on its
 * token. Few search at a time, as they disturb those who work.
 *
 * The dangerous moment is work that appears just as the last worker falls
 * asleep. Two recipes, each with a full fence in its middle, so that one of
 * the two sides always sees the other:
 *
 *   to hand out work             to fall asleep
 *   1. publish it in a queue     1. set the own bit in `asleep`
 *   2. full fence                2. stop being a searcher
 *   3. nobody searches and a     3. full fence
 *      bit is set? wake it       4. look at all queues and timers again;
 *                                   something there? take the bit back
 *                                5. sleep
 *
 * Step 3 on the left may be skipped while somebody searches, because whoever
 * stops searching without a find does 2-4 on the right, and whoever finds
 * something and was the last searcher looks for more and then wakes another
 * one. A worker is woken by
 * taking its bit away: who succeeds in that makes it a searcher in its stead
 * and gives it its token (a waker that finds nobody to wake looks again, as it
 * was counted as a searcher for a moment). Nothing that may block or that uses
 * the token lies between setting the bit and sleeping.
 *
 * One sleeper, the timekeeper, sleeps no longer than to the next timer of all;
 * the others sleep without limit. Who is about to sleep and knows of an
 * earlier timer than the timekeeper does takes its place.
 */
#include "runtime/scheduler/idle.h"

#include "runtime/base/atomic.h"
#include "runtime/base/check.h"
#include "runtime/base/clock.h"
#include "runtime/base/os.h"
#include "runtime/scheduler/runq.h"
#include "runtime/scheduler/sysmon.h"
#include "runtime/scheduler/timers.h"

enum { WORDS = COPI_WORKERS_MAX / 64 };

static COPI_ALIGNED(COPI_CACHE_LINE) _Atomic uint64_t asleep[WORDS];
static COPI_ALIGNED(COPI_CACHE_LINE) _Atomic uint32_t searching;
/* 1 + the index of the timekeeper, and when it wakes by itself. */
static COPI_ALIGNED(COPI_CACHE_LINE) _Atomic uint32_t timekeeper;
static _Atomic int64_t wakes_at;
/* For copi_idle_wait_quiet: a futex that changes when the last one sleeps. */
static _Atomic uint32_t quiet_word;
static _Atomic uint32_t quiet_waiters;

void copi_idle_init(void)
{
    for (unsigned i = 0; i < WORDS; i++)
        atomic_store(&asleep[i], 0);
    atomic_store(&searching, 0);
    atomic_store(&timekeeper, 0);
    atomic_store(&wakes_at, COP_FOREVER);
}

static uint64_t bit_of(const struct copi_worker *w)
{
    return UINT64_C(1) << (w->index % 64);
}

/* Takes the worker's bit away: true if it was set, so that the caller owes it
 * a token. */
static bool claim(const struct copi_worker *w)
{
    uint64_t old = atomic_fetch_and(&asleep[w->index / 64], ~bit_of(w));
    return (old & bit_of(w)) != 0;
}

static void give_token(struct copi_worker *w)
{
    /* release: pairs with the acquire in sleep_until_token */
    atomic_store_explicit(&w->token, 1, memory_order_release);
    copi_os_futex_wake(&w->token, 1);
}

/* Wakes some sleeper, who becomes the searcher that the caller counted. */
static bool wake_one(void)
{
    for (unsigned i = 0; i < WORDS; i++) {
        uint64_t bits = atomic_load(&asleep[i]);
        while (bits != 0) {
            unsigned n = i * 64 + (unsigned)__builtin_ctzll(bits);
            struct copi_worker *w = &copi_rt.worker[n];
            if (claim(w)) {
                give_token(w);
                return true;
            }
            bits = atomic_load(&asleep[i]);
        }
    }
    return false;
}

static bool anybody_asleep(void)
{
    for (unsigned i = 0; i < WORDS; i++) {
        if (atomic_load(&asleep[i]) != 0)
            return true;
    }
    return false;
}

void copi_idle_notify(void)
{
    for (;;) {
        copi_fence_full(); /* step 2; pairs with the one in copi_idle_sleep */
        if (atomic_load(&searching) != 0 || !anybody_asleep())
            return;
        uint32_t none = 0;
        if (!atomic_compare_exchange_strong(&searching, &none, 1))
            return;
        if (wake_one())
            return;
        /* It was no searcher after all, but another thread may have relied on
         * it meanwhile, and a worker fallen asleep: look again. */
        atomic_fetch_sub(&searching, 1);
    }
}

void copi_idle_notify_worker(struct copi_worker *w)
{
    copi_fence_full(); /* as above */
    if (claim(w)) {
        atomic_fetch_add(&searching, 1);
        give_token(w);
    }
}

void copi_idle_timer_armed(cop_time at)
{
    copi_fence_full(); /* pairs with the one in copi_idle_sleep */
    /* Who takes the timekeeper's place while that one gives it up may leave
     * its own wakes_at behind: without a timekeeper it says nothing. */
    if (atomic_load(&timekeeper) == 0 || at < atomic_load(&wakes_at))
        copi_idle_notify();
}

bool copi_idle_begin_search(void)
{
    if (2 * atomic_load(&searching) >= copi_rt.workers && copi_rt.workers > 1)
        return false;
    atomic_fetch_add(&searching, 1);
    return true;
}

void copi_idle_end_search(struct copi_worker *w)
{
    if (atomic_fetch_sub(&searching, 1) != 1)
        return;
    copi_fence_full(); /* pairs with the one in copi_idle_notify */
    if (copi_runq_any(w))
        copi_idle_notify();
}

unsigned copi_idle_count_asleep(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < WORDS; i++)
        n += (unsigned)__builtin_popcountll(atomic_load(&asleep[i]));
    return n;
}

bool copi_idle_all_asleep(void)
{
    return copi_idle_count_asleep() == copi_rt.workers;
}

void copi_idle_wait_quiet(cop_time timeout_ns)
{
    atomic_fetch_add(&quiet_waiters, 1);
    uint32_t seen = atomic_load(&quiet_word);
    if (!copi_idle_all_asleep())
        copi_os_futex_wait(&quiet_word, seen, timeout_ns);
    atomic_fetch_sub(&quiet_waiters, 1);
}

static void tell_quiet(void)
{
    if (atomic_load(&quiet_waiters) == 0)
        return;
    atomic_fetch_add(&quiet_word, 1);
    copi_os_futex_wake(&quiet_word, INT_MAX);
}

static bool timer_is_due(void)
{
    return !copi_rt.config.virtual_time &&
           copi_timers_next_of_all() <= copi_clock_now();
}

static void stop_timekeeping(struct copi_worker *w)
{
    if (atomic_load(&timekeeper) != w->index + 1)
        return;
    atomic_store(&wakes_at, COP_FOREVER);
    atomic_store(&timekeeper, 0);
}

/* The next timer. Where there is none the worker is no timekeeper any more: it
 * may have woken for nothing just when the last timer had been taken and the
 * next one was not armed yet, and whoever armed that may rely on it. */
static cop_time next_timer(struct copi_worker *w)
{
    cop_time next = copi_timers_next_of_all();
    if (next != COP_FOREVER)
        return next;
    stop_timekeeping(w);
    /* seq_cst: given up first, read again after; whoever armed one since then
     * finds no timekeeper, in nap or in copi_idle_timer_armed */
    return copi_timers_next_of_all();
}

/* How long this worker may sleep; -1: without limit, as a timekeeper wakes in
 * time for the next timer. There may be two for a while; then the one that is
 * not needed wakes in vain. */
static int64_t nap(struct copi_worker *w)
{
    if (copi_rt.config.virtual_time)
        return -1;
    cop_time next = next_timer(w);
    uint32_t keeper = atomic_load(&timekeeper);
    if (next == COP_FOREVER || (keeper != 0 && keeper != w->index + 1 &&
                                next >= atomic_load(&wakes_at)))
        return -1;
    atomic_store(&timekeeper, w->index + 1);
    atomic_store(&wakes_at, next);
    /* Set first, read again after: pairs with copi_idle_timer_armed. */
    copi_fence_full();
    next = COPI_MIN(next, copi_timers_next_of_all());
    return COPI_MAX(next - copi_clock_now(), 0);
}

static void sleep_until_token(struct copi_worker *w)
{
    /* acquire: pairs with give_token */
    while (atomic_load_explicit(&w->token, memory_order_acquire) == 0) {
        int64_t ns = nap(w);
        if (ns == 0 || copi_os_futex_wait(&w->token, 0, ns) == COP_ETIMEDOUT) {
            if (claim(w)) {
                atomic_fetch_add(&searching, 1);
                return;
            }
        }
    }
    atomic_store_explicit(&w->token, 0, memory_order_relaxed);
}

/* What would make sleeping a mistake. */
static bool must_stay_up(struct copi_worker *w)
{
    return copi_runq_any(w) || timer_is_due() ||
           atomic_load(&copi_rt.quit) != 0;
}

void copi_idle_sleep(struct copi_worker *w, bool is_searching)
{
    COPI_COUNT(parks);
    COPI_ASSERT(atomic_load(&w->token) == 0);
    copi_epoch_offline(w->index);
    atomic_fetch_or(&asleep[w->index / 64], bit_of(w));
    if (is_searching)
        atomic_fetch_sub(&searching, 1);
    copi_fence_full(); /* step 3; pairs with the one in copi_idle_notify */
    if (must_stay_up(w) && claim(w)) {
        atomic_fetch_add(&searching, 1);
    } else {
        if (copi_idle_all_asleep())
            tell_quiet();
        sleep_until_token(w);
        stop_timekeeping(w);
    }
    copi_epoch_online(w->index);
    /* in both cases: for a moment it was seen asleep */
    copi_sysmon_notice();
}

void copi_idle_wake_all(void)
{
    for (unsigned i = 0; i < copi_rt.workers; i++)
        copi_idle_notify_worker(&copi_rt.worker[i]);
}
