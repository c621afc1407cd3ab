/* SPDX-License-Identifier: MIT
 *
 * epoch.c - epoch-based reclamation of actors. Rank: 4.
 *
 * Whoever sends to a pid holds the receiver's address for the length of a call.
 * Instead of a lock or a count on each send, a dead actor's record and slot
 * wait in limbo until nobody can hold its address any more:
 *
 *  - There is a global epoch number E. Each worker announces, between turns,
 *    the E that it saw. A sleeping worker announces OFFLINE.
 *  - Other threads ("guests") enter and leave sections, which are counted by
 *    the parity of the E in which they began.
 *  - E goes on to E + 1 once all workers have announced E (or OFFLINE) and no
 *    guest of epoch E - 1 is left.
 *  - What was unpublished and put into limbo at epoch e may be freed when E is
 *    e + 2: whoever found it before had announced at most e, and must have
 *    announced e + 1 since.
 *
 * (After K. Fraser, "Practical lock-freedom", 2004, and sleepable RCU's two
 * counters for the guests.)
 *
 * A worker that is stuck in its actor's code holds up the epoch, and with it
 * the reuse of memory, but nothing else; sysmon hands such a worker to another
 * thread, which then announces for it (the stuck thread is outside the runtime
 * and holds no address).
 */
#include "runtime/scheduler/epoch.h"

#include "runtime/actor/table.h"
#include "runtime/base/atomic.h"
#include "runtime/base/check.h"
#include "runtime/base/lock.h"

#define OFFLINE UINT64_MAX

enum { COLLECT_EVERY = 64 };

struct announcement {
    COPI_ALIGNED(COPI_CACHE_LINE) _Atomic uint64_t seen;
};

static struct announcement workers[COPI_WORKERS_MAX];
static unsigned worker_count;
static COPI_ALIGNED(COPI_CACHE_LINE) _Atomic uint64_t epoch;
static COPI_ALIGNED(COPI_CACHE_LINE) _Atomic uint64_t guests[2];
static struct copi_lock outside_lock = COPI_LOCK_INIT(COPI_LOCK_LIMBO);
static struct copi_limbo outside; /* under outside_lock */
static _Atomic uint64_t outside_count;

void copi_epoch_init(unsigned n)
{
    COPI_ASSERT(n <= COPI_WORKERS_MAX);
    worker_count = n;
    atomic_store_explicit(&epoch, 2, memory_order_relaxed);
    for (unsigned i = 0; i < n; i++)
        atomic_store_explicit(&workers[i].seen, OFFLINE, memory_order_relaxed);
}

void copi_epoch_quiet(unsigned worker)
{
    /* A late announcement only holds the epoch up, so no fence is needed. */
    uint64_t e = atomic_load_explicit(&epoch, memory_order_acquire);
    _Atomic uint64_t *seen = &workers[worker].seen;
    if (atomic_load_explicit(seen, memory_order_relaxed) != e) {
        /* release: the turn's reads come before; pairs with may_advance */
        atomic_store_explicit(seen, e, memory_order_release);
    }
}

void copi_epoch_offline(unsigned worker)
{
    /* release: as above */
    atomic_store_explicit(&workers[worker].seen, OFFLINE, memory_order_release);
}

void copi_epoch_online(unsigned worker)
{
    atomic_store_explicit(&workers[worker].seen, atomic_load(&epoch),
                          memory_order_seq_cst);
    /* the announcement comes before any lookup; pairs with the fence in
     * limbo_stamp */
    copi_fence_full();
}

unsigned copi_epoch_guest_enter(void)
{
    for (;;) {
        uint64_t e = atomic_load(&epoch);
        unsigned section = (unsigned)(e & 1);
        /* seq_cst: counted before any lookup, and before the second look */
        atomic_fetch_add(&guests[section], 1);
        if (atomic_load(&epoch) == e)
            return section;
        atomic_fetch_sub(&guests[section], 1);
    }
}

void copi_epoch_guest_leave(unsigned section)
{
    /* release: the section's reads come before; pairs with may_advance */
    uint64_t n =
        atomic_fetch_sub_explicit(&guests[section], 1, memory_order_release);
    COPI_ASSERT(n > 0);
}

static bool may_advance(uint64_t e)
{
    if (atomic_load(&guests[(e + 1) & 1]) != 0)
        return false;
    for (unsigned i = 0; i < worker_count; i++) {
        uint64_t seen = atomic_load(&workers[i].seen);
        if (seen != e && seen != OFFLINE)
            return false;
    }
    return true;
}

static void try_advance(void)
{
    uint64_t e = atomic_load(&epoch);
    if (may_advance(e))
        atomic_compare_exchange_strong(&epoch, &e, e + 1);
}

/* Frees from the old end of the list while `ripe` allows. */
static void free_until(struct copi_limbo *l, uint64_t ripe)
{
    COPI_ASSERT(l->fresh == NULL);
    cop_pid pids[COLLECT_EVERY];
    size_t n = 0;
    while (l->first != NULL && l->first->limbo_epoch <= ripe) {
        struct copi_actor *a = l->first;
        l->first = a->run_next;
        l->count--;
        pids[n++] = a->pid;
        copi_actor_free(a);
        if (n == COLLECT_EVERY) {
            copi_table_release(pids, n);
            n = 0;
        }
    }
    if (l->first == NULL)
        l->last = NULL;
    if (n > 0)
        copi_table_release(pids, n);
}

static void limbo_push(struct copi_limbo *l, struct copi_actor *a)
{
    a->run_next = NULL;
    if (l->last != NULL)
        l->last->run_next = a;
    else
        l->first = a;
    l->last = a;
    if (l->fresh == NULL)
        l->fresh = a;
    l->count++;
}

/* All the fresh ones at once, for one fence: a late epoch only keeps them
 * longer. */
static void limbo_stamp(struct copi_limbo *l)
{
    struct copi_actor *a = l->fresh;
    if (a == NULL)
        return;
    /* unpublished before the epoch is read; pairs with copi_epoch_online */
    copi_fence_full();
    uint64_t e = atomic_load(&epoch);
    for (; a != NULL; a = a->run_next)
        a->limbo_epoch = e;
    l->fresh = NULL;
}

void copi_limbo_collect(struct copi_limbo *l)
{
    if (l->first == NULL)
        return;
    limbo_stamp(l);
    try_advance();
    free_until(l, atomic_load(&epoch) - 2);
}

void copi_limbo_add(struct copi_limbo *l, struct copi_actor *a)
{
    limbo_push(l, a);
    if (l->count % COLLECT_EVERY == 0)
        copi_limbo_collect(l);
}

void copi_limbo_flush(struct copi_limbo *l)
{
    limbo_stamp(l);
    free_until(l, UINT64_MAX);
}

/* ------------------------------------------------------- nobody's limbo -- */

/* Moves all of `from` behind what is in `to`. All have their epoch. */
static void limbo_append(struct copi_limbo *to, struct copi_limbo *from)
{
    COPI_ASSERT(to->fresh == NULL && from->fresh == NULL);
    if (from->first == NULL)
        return;
    if (to->last != NULL)
        to->last->run_next = from->first;
    else
        to->first = from->first;
    to->last = from->last;
    to->count += from->count;
    *from = (struct copi_limbo){0};
}

static void note_outside_locked(void)
{
    /* relaxed: a hint; who misses it looks again */
    atomic_store_explicit(&outside_count, outside.count, memory_order_relaxed);
}

void copi_limbo_collect_outside(void)
{
    struct copi_limbo old = {0};
    if (atomic_load_explicit(&outside_count, memory_order_relaxed) == 0)
        return;
    copi_lock_acquire(&outside_lock);
    limbo_append(&old, &outside);
    note_outside_locked();
    copi_lock_release(&outside_lock);
    /* freeing takes the table's lock, which ranks before this one */
    copi_limbo_collect(&old);
    copi_lock_acquire(&outside_lock);
    limbo_append(&old, &outside);
    outside = old;
    note_outside_locked();
    copi_lock_release(&outside_lock);
}

void copi_limbo_leave_outside(struct copi_limbo *l)
{
    if (l->first == NULL)
        return;
    limbo_stamp(l);
    copi_lock_acquire(&outside_lock);
    limbo_append(&outside, l);
    note_outside_locked();
    copi_lock_release(&outside_lock);
}

void copi_limbo_add_outside(struct copi_actor *a)
{
    copi_lock_acquire(&outside_lock);
    limbo_push(&outside, a);
    limbo_stamp(&outside);
    note_outside_locked();
    bool is_time = outside.count % COLLECT_EVERY == 0;
    copi_lock_release(&outside_lock);
    if (is_time)
        copi_limbo_collect_outside();
}

void copi_limbo_flush_outside(void)
{
    copi_limbo_flush(&outside);
    note_outside_locked();
}
