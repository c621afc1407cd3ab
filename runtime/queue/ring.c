/* SPDX-License-Identifier: MIT
 *
 * ring.c - the run queue of one worker.
 *
 * Rank: 2.
 *
 * Words. `tail` counts all items ever pushed, `head` all ever taken, so the
 * items are those numbered head to tail - 1, and item i lies in slot
 * i mod capacity. The *owner* is the worker that the ring belongs to; *thieves*
 * are all other workers.
 *
 * Who takes, be it the owner or a thief, first copies items from the head on
 * and then moves head past them with one compare-and-swap. That this swap
 * succeeds says that head never moved in between (it only grows, and 64 bits do
 * not wrap in the life of a machine, so there is no ABA), hence that the copied
 * slots were the taker's to read the whole time. If it fails, the copies may be
 * anything and are forgotten.
 *
 * Invariants.
 *  1. head <= tail <= head + capacity.
 *  2. Only the owner writes tail and slots, and a slot only when its former
 *     item lies before head: no taker whose swap can still succeed reads it.
 *  3. An item is given to exactly one taker: each number lies in the range of
 *     exactly one successful swap.
 *  4. Items leave in the order in which they came.
 *  5. A thief writes to slots of its own ring beyond its own tail, where
 *     nobody reads, and publishes them by moving that tail after its swap on
 *     the victim has succeeded.
 *
 * Progress: a swap fails only because another one succeeded.
 *
 * Rejected: the Chase-Lev deque that the architecture page names (D5). Its
 * owner pushes and takes at the same end, so what became runnable first runs
 * last, and an actor can starve behind newer ones; a scheduler needs the
 * oldest. Run as a queue (the owner takes at the thieves' end) it keeps none of
 * its advantages, as each take is a compare-and-swap here as well. And taking
 * half by one swap, which makes stealing cheap when actors are short, is wrong
 * on Chase-Lev: its owner takes from the other end without a swap while more
 * than one item is left, so that both may take the same items. The price of
 * the ring is its bound; what does not fit goes to the global queue.
 *
 * Rejected: 32-bit counts packed into one word. They wrap within minutes, and
 * a thief that slept meanwhile takes items that are not there.
 */
#include "runtime/queue/ring.h"

#include "runtime/base/atomic.h"
#include "runtime/base/check.h"

static _Atomic(void *) *slot_of(struct copi_ring *r, uint64_t number)
{
    return &r->slot[number & (r->capacity - 1)];
}

/* The slot itself needs no order: tail and head give it. */
static void *slot_get(struct copi_ring *r, uint64_t number)
{
    return atomic_load_explicit(slot_of(r, number), memory_order_relaxed);
}

static void slot_set(struct copi_ring *r, uint64_t number, void *item)
{
    atomic_store_explicit(slot_of(r, number), item, memory_order_relaxed);
}

/* Release: the taker's reads of the slots come before the owner, who acquires
 * head in push or steal, writes these slots again. */
static bool take(struct copi_ring *r, uint64_t head, uint64_t n)
{
    return atomic_compare_exchange_strong_explicit(
        &r->head, &head, head + n, memory_order_release, memory_order_relaxed);
}

void copi_ring_init(struct copi_ring *r, uint32_t capacity)
{
    COPI_ASSERT(capacity > 0 && capacity <= COPI_RING_SIZE);
    COPI_ASSERT((capacity & (capacity - 1)) == 0);
    atomic_init(&r->head, 0);
    atomic_init(&r->tail, 0);
    r->capacity = capacity;
    for (size_t i = 0; i < COPI_RING_SIZE; i++)
        atomic_init(&r->slot[i], NULL);
}

bool copi_ring_push_local(struct copi_ring *r, void *item)
{
    COPI_ASSERT(item != NULL);
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    /* Pairs with the release in take(): its reads of the slot are over. */
    uint64_t head = atomic_load_explicit(&r->head, memory_order_acquire);
    COPI_ASSERT(tail - head <= r->capacity);
    if (tail - head == r->capacity)
        return false;
    slot_set(r, tail, item);
    /* Publishes the slot, and all that the item points at, to the acquire of
     * tail in steal(). */
    atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
    return true;
}

void *copi_ring_pop_local(struct copi_ring *r)
{
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    for (;;) {
        uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
        if (head == tail)
            return NULL;
        void *item = slot_get(r, head);
        if (take(r, head, 1))
            return item;
    }
}

size_t copi_ring_take_half_local(struct copi_ring *r, void **out, size_t n)
{
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    for (;;) {
        uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
        uint64_t count = tail - head;
        count = COPI_MIN(count - count / 2, (uint64_t)n);
        if (count == 0)
            return 0;
        for (uint64_t i = 0; i < count; i++)
            out[i] = slot_get(r, head + i);
        if (take(r, head, count))
            return (size_t)count;
    }
}

/* What the thief may take at most: one to hand out and what it has room for. */
static uint64_t room_local(struct copi_ring *r, uint64_t tail)
{
    /* Pairs with the release in take(), as in push. */
    uint64_t head = atomic_load_explicit(&r->head, memory_order_acquire);
    return r->capacity - (tail - head) + 1;
}

size_t copi_ring_steal(struct copi_ring *victim, struct copi_ring *into_local,
                       void **first)
{
    COPI_ASSERT(victim != into_local);
    uint64_t end =
        atomic_load_explicit(&into_local->tail, memory_order_relaxed);
    uint64_t room = room_local(into_local, end);
    *first = NULL;
    for (;;) {
        /* Head before tail, so that the difference is never negative. The
         * acquire only keeps that order; it pairs with take(). */
        uint64_t head =
            atomic_load_explicit(&victim->head, memory_order_acquire);
        /* Pairs with the release of tail in push and below: shows the slots,
         * and what the items point at. */
        uint64_t tail =
            atomic_load_explicit(&victim->tail, memory_order_acquire);
        uint64_t count = tail - head;
        if (count == 0)
            return 0;
        if (count > victim->capacity)
            continue; /* head moved between the two loads */
        count = COPI_MIN(count - count / 2, room);
        void *oldest = slot_get(victim, head);
        for (uint64_t i = 1; i < count; i++)
            slot_set(into_local, end + i - 1, slot_get(victim, head + i));
        if (!take(victim, head, count))
            continue;
        COPI_ASSERT(oldest != NULL);
        *first = oldest;
        /* Hands the items on to thieves of this ring, who acquire tail. */
        atomic_store_explicit(&into_local->tail, end + count - 1,
                              memory_order_release);
        return (size_t)count;
    }
}

size_t copi_ring_count(const struct copi_ring *r)
{
    for (;;) {
        /* As in steal: head first, kept in order by its acquire, which pairs
         * with take(). Items are not looked at, so tail needs none. */
        uint64_t head = atomic_load_explicit(&r->head, memory_order_acquire);
        uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
        if (tail - head <= r->capacity)
            return (size_t)(tail - head);
    }
}

void copi_ring_check_local(const struct copi_ring *r)
{
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    COPI_ASSERT(head <= tail && tail - head <= r->capacity);
    for (uint64_t i = head; i < tail; i++)
        COPI_ASSERT(atomic_load_explicit(&r->slot[i & (r->capacity - 1)],
                                         memory_order_relaxed) != NULL);
}
