/* SPDX-License-Identifier: MIT
 *
 * runq.c - the order of turns. Rank: 4.
 *
 * Each worker has, in the order in which it looks:
 *   - a ring for each priority (queue/ring.h), first in first out;
 *   - run_next: the normal actor that its running actor woke last. It runs at
 *     once, on the same core, while what it was sent is in the cache; so two
 *     actors that talk to each other never leave their worker;
 *   - its inbox (pinned and migrating actors) and the global queue (what other
 *     threads made runnable, and what overflowed a ring);
 *   - its hogs: actors that were preempted. They have had thousands of turns'
 *     worth, and are about to take as much again, so all others go first.
 *
 * Nobody starves, by counting turns, never time:
 *   - after STREAK turns in a row from run_next the ring has a turn;
 *   - MAX goes before HIGH before NORMAL before LOW, but every 8th turn looks
 *     at NORMAL first, and every 32nd at LOW;
 *   - every 61st turn looks at the global queue and the inbox first, and
 *     there, too, every 8th look at NORMAL and every 32nd at LOW; the inbox
 *     and the global queue come first in turn, every 256th time the hogs;
 *   - who has spent a whole turn goes behind what waits in the global queue
 *     (copi_sched_yielded).
 *
 * run_next is not stolen, or it would be torn away from the cache it is hot
 * in. So its worker needs no atomic operation for it, which would be twice a
 * turn. Only sysmon takes it, from a worker whose turn does not end: in the way
 * in which workers are handed over, where the kernel's help replaces the fence
 * (copi_machine_rob_next). Without that help there is no run_next.
 */
#include "runtime/scheduler/runq.h"

#include "runtime/base/check.h"
#include "runtime/scheduler/share.h"

enum { STREAK = 64, SHARED_EVERY = 61, NORMAL_EVERY = 8, LOW_EVERY = 32 };
/* What a worker takes from the global queue at once, at most. */
enum { SHARE_MAX = 64 };
enum { INBOX_EVERY = 2, HOGS_EVERY = 256 };

/* ------------------------------------------------------------ run lists -- */

void copi_runlist_init(struct copi_runlist *l)
{
    copi_lock_init(&l->lock, COPI_LOCK_INJECT);
    l->first = l->last = NULL;
    atomic_init(&l->count, 0);
}

void copi_runlist_fini(struct copi_runlist *l)
{
    COPI_ASSERT(l->first == NULL);
    copi_lock_fini(&l->lock);
}

static void push_chain(struct copi_runlist *l, struct copi_actor *first,
                       struct copi_actor *last, unsigned n)
{
    copi_lock_acquire(&l->lock);
    if (l->last != NULL)
        l->last->run_next = first;
    else
        l->first = first;
    l->last = last;
    /* seq_cst: before the look who sleeps; pairs with copi_runq_any */
    atomic_fetch_add(&l->count, n);
    copi_lock_release(&l->lock);
}

void copi_runlist_push(struct copi_runlist *l, struct copi_actor *a)
{
    a->run_next = NULL;
    push_chain(l, a, a, 1);
}

/* Up to `max` of them, oldest first; how many. */
static unsigned pop_some(struct copi_runlist *l, struct copi_actor **out,
                         unsigned max)
{
    unsigned n = 0;
    if (atomic_load_explicit(&l->count, memory_order_relaxed) == 0)
        return 0;
    copi_lock_acquire(&l->lock);
    while (n < max && l->first != NULL) {
        out[n++] = l->first;
        l->first = l->first->run_next;
    }
    if (l->first == NULL)
        l->last = NULL;
    atomic_fetch_sub(&l->count, n);
    copi_lock_release(&l->lock);
    return n;
}

struct copi_actor *copi_runlist_pop(struct copi_runlist *l)
{
    struct copi_actor *a;
    return pop_some(l, &a, 1) == 1 ? a : NULL;
}

/* Many of one priority, for one lock. */
static void inject_some(struct copi_actor **a, unsigned n)
{
    struct copi_runlist *l = &copi_rt.inject[a[0]->priority];
    for (unsigned i = 0; i < n; i++) {
        copi_actor_set_status(a[i], COP_STATUS_RUNNABLE);
        a[i]->run_next = i + 1 < n ? a[i + 1] : NULL;
    }
    atomic_fetch_add(&copi_rt.inject_count, n);
    push_chain(l, a[0], a[n - 1], n);
}

void copi_runq_inject(struct copi_actor *a)
{
    inject_some(&a, 1);
}

/* In which order the n-th look goes through the priorities. */
static const uint8_t *order_at(uint32_t n)
{
    static const uint8_t usual[] = {COP_PRIO_MAX, COP_PRIO_HIGH,
                                    COP_PRIO_NORMAL, COP_PRIO_LOW};
    static const uint8_t normal_first[] = {COP_PRIO_NORMAL, COP_PRIO_MAX,
                                           COP_PRIO_HIGH, COP_PRIO_LOW};
    static const uint8_t low_first[] = {COP_PRIO_LOW, COP_PRIO_NORMAL,
                                        COP_PRIO_MAX, COP_PRIO_HIGH};
    if (n % LOW_EVERY == 0)
        return low_first;
    return n % NORMAL_EVERY == 0 ? normal_first : usual;
}

/* One to run, and as many for the own ring as are this worker's share: so the
 * lock is taken now and then only. Those of other priorities than normal come
 * one by one, as each look has its own idea of what goes first. */
static struct copi_actor *pop_share(struct copi_worker *w, int priority)
{
    struct copi_actor *a[SHARE_MAX];
    struct copi_ring *r = &w->ring[priority];
    unsigned max = 1;
    if (priority == COP_PRIO_NORMAL && copi_ring_count(r) == 0)
        max =
            atomic_load_explicit(&copi_rt.inject_count, memory_order_relaxed) /
                copi_rt.workers +
            1;
    unsigned n = pop_some(&copi_rt.inject[priority], a,
                          COPI_MIN(max, (unsigned)SHARE_MAX));
    if (n == 0)
        return NULL;
    atomic_fetch_sub(&copi_rt.inject_count, n);
    for (unsigned i = 1; i < n; i++)
        copi_runq_push_local(w, a[i]);
    return a[0];
}

static struct copi_actor *pop_injected(struct copi_worker *w)
{
    if (atomic_load_explicit(&copi_rt.inject_count, memory_order_relaxed) == 0)
        return NULL;
    const uint8_t *order = order_at(++w->looks);
    for (unsigned i = 0; i < COPI_PRIORITIES; i++) {
        struct copi_actor *a = pop_share(w, order[i]);
        if (a != NULL)
            return a;
    }
    return NULL;
}

/* --------------------------------------------------------------- pushing -- */

/* The ring is full: its older half and the new one go to the global queue. */
static void overflow(struct copi_ring *r, struct copi_actor *a)
{
    void *half[COPI_RING_SIZE / 2];
    struct copi_actor *all[COPI_RING_SIZE / 2 + 1];
    size_t n = copi_ring_take_half_local(r, half, COPI_RING_SIZE / 2);
    for (size_t i = 0; i < n; i++)
        all[i] = half[i];
    all[n] = a;
    inject_some(all, (unsigned)n + 1);
}

bool copi_runq_push_local(struct copi_worker *w, struct copi_actor *a)
{
    struct copi_ring *r = &w->ring[a->priority];
    copi_actor_set_status(a, COP_STATUS_RUNNABLE);
    if (a->priority != COP_PRIO_NORMAL)
        w->odd_jobs = true;
    if (COPI_UNLIKELY(!copi_ring_push_local(r, a))) {
        overflow(r, a);
        return true;
    }
    if (COPI_UNLIKELY(a->priority != COP_PRIO_NORMAL))
        return true;
    copi_share_pushed_local(w);
    return false;
}

bool copi_runq_push_next_local(struct copi_worker *w, struct copi_actor *a)
{
    if (COPI_UNLIKELY(a->priority != COP_PRIO_NORMAL || !copi_rt.can_rob))
        return copi_runq_push_local(w, a);
    /* relaxed, also below: see copi_machine_rob_next */
    struct copi_actor *old =
        atomic_load_explicit(&w->run_next, memory_order_relaxed);
    copi_runq_set_next_local(w, a);
    return old != NULL && copi_runq_push_local(w, old);
}

/* --------------------------------------------------------------- popping -- */

static inline struct copi_actor *pop_next(struct copi_worker *w)
{
    struct copi_actor *a =
        atomic_load_explicit(&w->run_next, memory_order_relaxed);
    if (a != NULL)
        atomic_store_explicit(&w->run_next, NULL, memory_order_relaxed);
    return a;
}

void copi_runq_give_up_next_local(struct copi_worker *w)
{
    struct copi_actor *a = pop_next(w);
    if (a != NULL)
        copi_runq_push_local(w, a);
}

static inline struct copi_actor *pop_normal(struct copi_worker *w)
{
    struct copi_ring *r = &w->ring[COP_PRIO_NORMAL];
    struct copi_actor *a;
    if (w->streak < STREAK && (a = pop_next(w)) != NULL) {
        w->streak++;
        return a;
    }
    w->streak = 0;
    a = copi_ring_pop_local(r);
    return a != NULL ? a : pop_next(w);
}

static struct copi_actor *pop_priority(struct copi_worker *w, int priority)
{
    if (priority == COP_PRIO_NORMAL)
        return pop_normal(w);
    return copi_ring_pop_local(&w->ring[priority]);
}

/* With actors of several priorities about. */
static struct copi_actor *pop_mixed(struct copi_worker *w)
{
    const uint8_t *order = order_at(w->tick);
    for (unsigned i = 0; i < COPI_PRIORITIES; i++) {
        struct copi_actor *a = pop_priority(w, order[i]);
        if (a != NULL)
            return a;
    }
    w->odd_jobs = false;
    return NULL;
}

struct copi_actor *copi_runq_pop_shared_local(struct copi_worker *w)
{
    struct copi_actor *a = NULL;
    if (++w->shared_looks % HOGS_EVERY == 0)
        a = copi_runlist_pop(&w->hogs);
    if (a == NULL && w->shared_looks % INBOX_EVERY == 0)
        a = copi_runlist_pop(&w->inbox);
    if (a == NULL)
        a = pop_injected(w);
    if (a == NULL)
        a = copi_runlist_pop(&w->inbox);
    return a != NULL ? a : copi_runlist_pop(&w->hogs);
}

struct copi_actor *copi_runq_pop_local(struct copi_worker *w)
{
    struct copi_actor *a;
    if (++w->tick % SHARED_EVERY == 0 &&
        (a = copi_runq_pop_shared_local(w)) != NULL)
        return a;
    return w->odd_jobs ? pop_mixed(w) : pop_normal(w);
}

/* -------------------------------------------------------------- stealing -- */

/* Normal actors are left where they were woken until they have waited for a
 * while. */
static bool is_shared(const struct copi_worker *w, unsigned priority)
{
    /* seq_cst: pairs with copi_share */
    return priority != COP_PRIO_NORMAL || atomic_load(&w->shares) != 0;
}

struct copi_actor *copi_runq_steal_local(struct copi_worker *w,
                                         struct copi_worker *victim)
{
    static const uint8_t order[] = {COP_PRIO_MAX, COP_PRIO_HIGH,
                                    COP_PRIO_NORMAL, COP_PRIO_LOW};
    COPI_ASSERT(w != victim);
    for (unsigned i = 0; i < COPI_PRIORITIES; i++) {
        void *first;
        if (!is_shared(victim, order[i]))
            continue;
        size_t n = copi_ring_steal(&victim->ring[order[i]], &w->ring[order[i]],
                                   &first);
        if (n == 0)
            continue;
        if (n > 1 && order[i] != COP_PRIO_NORMAL)
            w->odd_jobs = true;
        COPI_COUNT(steals);
        return first;
    }
    return NULL;
}

bool copi_runq_any(const struct copi_worker *w)
{
    /* seq_cst: pairs with copi_runlist_push */
    if (atomic_load(&copi_rt.inject_count) > 0 ||
        atomic_load(&w->inbox.count) > 0 || atomic_load(&w->hogs.count) > 0)
        return true;
    for (unsigned v = 0; v < copi_rt.workers; v++) {
        const struct copi_worker *victim = &copi_rt.worker[v];
        for (unsigned i = 0; i < COPI_PRIORITIES; i++) {
            if (is_shared(victim, i) && copi_ring_count(&victim->ring[i]) > 0)
                return true;
        }
    }
    return false;
}
