/* SPDX-License-Identifier: MIT
 *
 * block.h - the usual way to take and free a block, in one piece. Rank: 3.
 *
 * For cop_alloc and cop_free, which take little more than the allocator does:
 * entering the runtime would be most of it. So there they do without. All of it
 * is COPI_EDGE, which is never preempted, so that the actor stays on its thread
 * and is not ended half-way; and touches what is the thread's or the actor's
 * alone, nothing of the worker's, which may be handed over meanwhile. For
 * everything else, and once in COPI_QUICK calls, so that a loop of them gives
 * way, they answer that it must be done by the long way (heap.c).
 */
#ifndef COPI_ACTOR_BLOCK_H
#define COPI_ACTOR_BLOCK_H

#include "runtime/actor/heap.h"
#include "runtime/actor/here.h"
#include "runtime/memory/slab.h"
#include "runtime/probe/fault.h"

/* A header; what the program gets is behind it. */
struct copi_block {
    size_t size; /* of the bytes behind it */
    uint32_t index;
    uint32_t seal;
};

_Static_assert(sizeof(struct copi_block) == 16, "blocks are aligned to 16");
_Static_assert(COPI_SLAB_64 == 0 && COPI_SLAB_256 == 2, "the first are powers");

enum { COPI_BLOCK_CELL_MAX = 512, COPI_QUICK = 32 };

/* Both in a header: freed. The slab leaves these two fields alone. */
#define COPI_BLOCK_INDEX_FREED UINT32_MAX
#define COPI_BLOCK_SEAL_FREED UINT32_C(0xf4eedf4e)

/* Half of the product has a bit of each of place and size in it. */
COPI_EDGE_PART uint32_t copi_block_seal(const struct copi_block *b)
{
    uint64_t size = b->size;
    uint64_t x = (uint64_t)(uintptr_t)b >> 4 ^ (size << 32 | size >> 32);
    return (uint32_t)(x * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

COPI_EDGE_PART struct copi_block *copi_block_of(const void *p)
{
    return (struct copi_block *)(uintptr_t)p - 1;
}

/* The slab class of so many bytes with the header: 64, 128, 256, 512; others
 * would take longer to tell than they save. */
COPI_EDGE_PART unsigned copi_block_class(size_t total)
{
    unsigned c = 58 - (unsigned)__builtin_clzll((total - 1) | 63);
    return c > COPI_SLAB_256 ? COPI_SLAB_512 : c;
}
/* How many bytes such a cell has. */
COPI_EDGE_PART size_t copi_block_cell(size_t total)
{
    return (size_t)1 << (64 - (unsigned)__builtin_clzll((total - 1) | 63));
}

COPI_EDGE_PART bool copi_block_is_sound(const struct copi_heap *h,
                                        const void *p)
{
    const struct copi_block *b = copi_block_of(p);
    return (uintptr_t)p % 16 == 0 && b->index < h->count &&
           h->block[b->index] == b && b->seal == copi_block_seal(b);
}

/* There is room in the table. */
COPI_EDGE_PART void *copi_block_enlist(struct copi_actor *a,
                                       struct copi_heap *h,
                                       struct copi_block *b, size_t n,
                                       size_t cost)
{
    b->size = n;
    b->index = h->count;
    b->seal = copi_block_seal(b);
    h->block[h->count++] = b;
    copi_heap_count(a, cost);
    return b + 1;
}

COPI_EDGE_PART void copi_block_delist(struct copi_actor *a, struct copi_heap *h,
                                      struct copi_block *b, size_t cost)
{
    struct copi_block *last = h->block[--h->count];
    h->block[b->index] = last;
    last->index = b->index;
    b->index = COPI_BLOCK_INDEX_FREED;
    b->seal = COPI_BLOCK_SEAL_FREED;
    copi_heap_count(a, -cost);
}

/* How many quick calls it made since this was asked last; from now on it may
 * make as many as at first. */
static inline int copi_block_refresh(struct copi_actor *a)
{
    struct copi_heap *h = a->heap;
    if (h == NULL)
        return 0;
    int spent = COPI_QUICK - (int)h->quick;
    h->quick = COPI_QUICK;
    return spent;
}

/* The running actor's heap, if it may be quick once more. */
COPI_EDGE_PART struct copi_heap *copi_block_begin(struct copi_actor *a)
{
    struct copi_heap *h = a != NULL ? a->heap : NULL;
    if (COPI_UNLIKELY(h == NULL || h->quick == 0))
        return NULL;
    return h;
}

/* NULL: do it the long way. */
COPI_EDGE_PART void *copi_block_quick_alloc(size_t n)
{
    if (n > COPI_BLOCK_CELL_MAX - sizeof(struct copi_block))
        return NULL;
    struct copi_actor *a = copi_here_own.actor;
    struct copi_heap *h = copi_block_begin(a);
    if (COPI_UNLIKELY(
            h == NULL || h->count >= h->room ||
            atomic_load_explicit(&copi_fault_mask, memory_order_relaxed) != 0))
        return NULL;
    unsigned c = copi_block_class(sizeof(struct copi_block) + n);
    size_t cost = copi_block_cell(sizeof(struct copi_block) + n);
    if (COPI_UNLIKELY(a->limited) && copi_heap_total(a) + cost > h->max)
        return NULL;
    struct copi_slab_magazine *m = &copi_slab_own.loaded[c];
    if (COPI_UNLIKELY(m->head == NULL))
        return NULL;
    h->quick--;
    return copi_block_enlist(a, h, copi_slab_pop(m), n, cost);
}

/* False: do it the long way, which will say what is wrong, too. */
COPI_EDGE_PART bool copi_block_quick_free(void *p)
{
    struct copi_actor *a = copi_here_own.actor;
    struct copi_heap *h = copi_block_begin(a);
    struct copi_block *b = copi_block_of(p);
    if (h == NULL || (uintptr_t)p % 16 != 0 ||
        b->size > COPI_BLOCK_CELL_MAX - sizeof *b)
        return false;
    unsigned c = copi_block_class(sizeof *b + b->size);
    struct copi_slab_magazine *m = &copi_slab_own.loaded[c];
    if (COPI_UNLIKELY(!copi_block_is_sound(h, p) ||
                      m->count >= copi_slab_own.limit))
        return false;
    h->quick--;
    copi_block_delist(a, h, b, copi_block_cell(sizeof *b + b->size));
    copi_slab_push(m, b);
    return true;
}

#endif
