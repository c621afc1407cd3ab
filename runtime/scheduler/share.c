/* SPDX-License-Identifier: MIT
 *
 * share.c - when actors that wait for their turn may be taken by other workers,
 * and one is woken for that. Rank: 4.
 *
 * To wake a worker costs more than most turns. And actors that talk to each
 * other are two to three times as fast beside each other on one core as on two,
 * where each message, each cell and each record moves from cache to cache
 * (measured with every workload of tests/bench that does little but send). So
 * what a worker wakes stays with it, and is *shared* only if it has to wait for
 * its turn for longer than share_ns: short turns stay together, however many
 * they are; turns that compute spread out.
 *
 * Whether it has to wait, sysmon sees from outside, so that it costs the worker
 * nothing: at a look it marks where the ring ends; when it looks again and what
 * was there at the mark has not had its turn, the ring is shared. The first
 * actor in a ring *announces* this to sysmon, which then looks every share_ns.
 * As long as the rings keep moving it looks less and less often, down to its
 * usual tick; after that the next actor in a ring announces anew.
 *
 * A ring is shared until all that was in it at a mark has gone. run_next is
 * sysmon's to take in a turn that lasts (machine.c). Actors of other
 * priorities, pinned ones, and what comes from other threads are told of at
 * once.
 *
 * Rejected: to wake a worker at each push, as others do (the same, as it turned
 * out, at twice the price); to read the clock between turns (a fifth of a short
 * turn).
 *
 * In virtual time no clock may decide: everything is shared at once.
 */
#include "runtime/scheduler/share.h"

#include "runtime/base/clock.h"
#include "runtime/scheduler/idle.h"
#include "runtime/scheduler/sysmon.h"

/* sysmon's: the time to the next look; 0: nothing is announced. */
static cop_time gap;

void copi_share_init(void)
{
    gap = 0;
}

void copi_share(struct copi_worker *w)
{
    /* seq_cst: before the look who sleeps; pairs with copi_runq_any */
    atomic_store(&w->shares, 1);
    copi_idle_notify();
}

void copi_share_announce(struct copi_worker *w)
{
    if (copi_rt.config.virtual_time) {
        copi_share(w);
        return;
    }
    if (copi_rt.workers == 1)
        return;
    atomic_store_explicit(&w->announced, 1, memory_order_relaxed);
    copi_sysmon_hurry();
}

static const struct copi_ring *ring_of(const struct copi_worker *w)
{
    return &w->ring[COP_PRIO_NORMAL];
}

void copi_share_before_sleep(void)
{
    for (unsigned i = 0; i < copi_rt.workers; i++) {
        struct copi_worker *w = &copi_rt.worker[i];
        if (copi_ring_count(ring_of(w)) > 0)
            copi_share_pushed_local(w);
    }
}

/* True: what waited at the last mark still does. */
static bool look_at(struct copi_worker *w, cop_time now)
{
    uint64_t taken, added;
    copi_ring_marks(ring_of(w), &taken, &added);
    if (taken >= w->mark) {
        w->mark = added;
        w->marked_at = now;
        if (atomic_load(&w->shares) != 0)
            atomic_store(&w->shares, 0);
        return false;
    }
    if (now - w->marked_at >= copi_rt.config.share_ns)
        copi_share(w);
    return true;
}

static void forget_announcements(void)
{
    gap = 0;
    for (unsigned i = 0; i < copi_rt.workers; i++)
        atomic_store_explicit(&copi_rt.worker[i].announced, 0,
                              memory_order_relaxed);
}

cop_time copi_share_look(cop_time now)
{
    bool waits = false;
    if (copi_rt.config.virtual_time || copi_rt.workers == 1)
        return COP_FOREVER;
    for (unsigned i = 0; i < copi_rt.workers; i++)
        waits = look_at(&copi_rt.worker[i], now) || waits;
    if (waits || gap == 0)
        gap = copi_rt.config.share_ns;
    else
        gap *= 2;
    if (gap < copi_rt.config.slice_ns / 2)
        return gap;
    forget_announcements();
    return COP_FOREVER;
}
