/* SPDX-License-Identifier: MIT
 *
 * ring.h - a worker's run queue: a bounded first-in first-out ring of
 * pointers with one owner and many thieves. See ring.c.
 *
 * Rank: 2.
 */
#ifndef COPI_QUEUE_RING_H
#define COPI_QUEUE_RING_H

#include "runtime/base/base.h"

#define COPI_RING_SIZE 256

struct copi_ring {
    /* Any thread: moved on, by compare-and-swap, by whoever takes. */
    COPI_ALIGNED(COPI_CACHE_LINE) _Atomic uint64_t head;

    /* Owner: moved on by each push. */
    COPI_ALIGNED(COPI_CACHE_LINE) _Atomic uint64_t tail;
    /* Constant after init; beside tail, which every reader needs as well. */
    uint32_t capacity;

    /* Owner writes, all read. Of these, `capacity` are in use. */
    COPI_ALIGNED(COPI_CACHE_LINE) _Atomic(void *) slot[COPI_RING_SIZE];
};

/* `_local` functions are the owner's alone; a ring that changes its owner is
 * handed over by something that orders the old one's calls before the new
 * one's. Nothing here blocks or allocates. */

/* Makes an empty ring. `capacity`: a power of two up to COPI_RING_SIZE, which
 * is what the runtime uses; tests use less. */
void copi_ring_init(struct copi_ring *r, uint32_t capacity);

/* Appends `item` (not NULL). False if the ring is full; since only the owner
 * pushes, it then stays so until somebody takes. */
bool copi_ring_push_local(struct copi_ring *r, void *item);

/* Takes the oldest item; NULL if there is none. */
void *copi_ring_pop_local(struct copi_ring *r);

/* Takes the oldest half (rounded up), at most `n`, into out[0], out[1], ...
 * Returns how many: 0 only if the ring is empty or n is 0. For what overflows
 * into a global queue. */
size_t copi_ring_take_half_local(struct copi_ring *r, void **out, size_t n);

/* Called by the owner of `into_local`, for any other ring `victim`: takes the
 * oldest half (rounded up) of the victim's items, less if that does not fit.
 * *first is the oldest one; the others are appended to `into_local` in their
 * order. Returns how many were taken, *first included; 0 if the victim is
 * empty, *first is NULL then. */
size_t copi_ring_steal(struct copi_ring *victim, struct copi_ring *into_local,
                       void **first);

/* How many items it had at some time during the call. Any thread. */
size_t copi_ring_count(const struct copi_ring *r);

/* How many were taken and appended, ever, at two times during the call. Any
 * thread. */
static inline void copi_ring_marks(const struct copi_ring *r, uint64_t *taken,
                                   uint64_t *added)
{
    /* acquire: head first, as in copi_ring_count */
    *taken = atomic_load_explicit(&r->head, memory_order_acquire);
    *added = atomic_load_explicit(&r->tail, memory_order_relaxed);
}

/* Asserts what must hold between two calls of the owner. */
void copi_ring_check_local(const struct copi_ring *r);

#endif
