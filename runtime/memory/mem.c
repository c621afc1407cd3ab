/* SPDX-License-Identifier: MIT
 *
 * mem.c - memory for the runtime: sized, counted, refusable. Rank: 1.
 *
 * Counting. A locked addition costs more than jemalloc's whole allocation. So a
 * thread that allocates much claims a shard of the counters: only it writes
 * there, with a plain load and store, on cache lines of its own. All other
 * threads share shard 0 and pay for the locked addition. A block may be freed
 * on another shard than it was counted on: single shards wrap below zero, their
 * sum is right.
 *
 * Invariants:
 *  1. A claimed shard is written by its thread alone, which is not preempted
 *     meanwhile (COPI_EDGE); giving it back keeps what it has counted.
 *  2. The sum over all shards is what is in use, when nobody allocates.
 */
#include "runtime/memory/mem.h"

#include "runtime/base/check.h"
#include "runtime/probe/fault.h"

#define SHARDS 257 /* one shared, one each for the 256 workers there may be */

struct shard {
    _Atomic size_t bytes;
    _Atomic size_t blocks;
    _Atomic bool is_claimed; /* never of shard 0 */
} COPI_ALIGNED(COPI_CACHE_LINE);

static struct shard shards[SHARDS];
static COPI_THREAD_LOCAL struct shard *own_shard; /* NULL: the shared one */

COPI_EDGE_PART void add_own(_Atomic size_t *counter, size_t n)
{
    size_t sum = atomic_load_explicit(counter, memory_order_relaxed) + n;

    atomic_store_explicit(counter, sum, memory_order_relaxed);
}

/* Both may be "negative". */
COPI_EDGE_PART void count(size_t bytes, size_t blocks)
{
    struct shard *s = own_shard;

    if (COPI_LIKELY(s != NULL)) {
        add_own(&s->bytes, bytes);
        add_own(&s->blocks, blocks);
        return;
    }
    s = &shards[0];
    atomic_fetch_add_explicit(&s->bytes, bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&s->blocks, blocks, memory_order_relaxed);
}

COPI_EDGE_PART void *counted(void *p, size_t n)
{
    if (COPI_LIKELY(p != NULL))
        count(n, 1);
    return p;
}

COPI_EDGE_PART bool is_refused(size_t n)
{
    return copi_fault_alloc() || n > PTRDIFF_MAX;
}

COPI_EDGE void *copi_mem_alloc(size_t n)
{
    n = n == 0 ? 1 : n;
    if (COPI_UNLIKELY(is_refused(n)))
        return NULL;
    return counted(copi_mem_raw_alloc(n, 0), n);
}

COPI_EDGE void *copi_mem_zalloc(size_t n)
{
    n = n == 0 ? 1 : n;
    if (COPI_UNLIKELY(is_refused(n)))
        return NULL;
    return counted(copi_mem_raw_zalloc(n), n);
}

void *copi_mem_alloc_aligned(size_t n, size_t align)
{
    COPI_ASSERTF(align != 0 && (align & (align - 1)) == 0 && align <= 4096,
                 "align %zu", align);
    COPI_ASSERTF(n != 0 && n % align == 0, "%zu bytes, align %zu", n, align);
    if (COPI_UNLIKELY(is_refused(n)))
        return NULL;
    return copi_mem_take(n, align);
}

COPI_EDGE void *copi_mem_take(size_t n, size_t align)
{
    return counted(copi_mem_raw_alloc(n, align), n);
}

void *copi_mem_dup(const void *src, size_t n)
{
    void *p = copi_mem_alloc(n);

    if (p && n > 0)
        memcpy(p, src, n);
    return p;
}

COPI_EDGE void copi_mem_free(void *p, size_t n)
{
    if (!p)
        return;
    n = n == 0 ? 1 : n;
    count(-n, (size_t)-1);
    copi_mem_raw_free(p, n);
}

size_t copi_mem_in_use(void)
{
    size_t sum = 0;

    for (size_t i = 0; i < SHARDS; i++)
        sum += atomic_load_explicit(&shards[i].bytes, memory_order_relaxed);
    return sum;
}

size_t copi_mem_blocks(void)
{
    size_t sum = 0;

    for (size_t i = 0; i < SHARDS; i++)
        sum += atomic_load_explicit(&shards[i].blocks, memory_order_relaxed);
    return sum;
}

COPI_OUTLINE void copi_mem_thread_init(void)
{
    COPI_ASSERT(own_shard == NULL);
    for (size_t i = 1; i < SHARDS; i++) {
        struct shard *s = &shards[i];

        /* Acquire pairs with the release in copi_mem_thread_fini: the counts
         * of the thread that had the shard before. */
        if (!atomic_load_explicit(&s->is_claimed, memory_order_relaxed) &&
            !atomic_exchange_explicit(&s->is_claimed, true,
                                      memory_order_acquire)) {
            own_shard = s;
            return;
        }
    }
}

COPI_OUTLINE void copi_mem_thread_fini(void)
{
    struct shard *s = own_shard;

    own_shard = NULL;
    /* Release pairs with the acquire in copi_mem_thread_init. */
    if (s)
        atomic_store_explicit(&s->is_claimed, false, memory_order_release);
}
