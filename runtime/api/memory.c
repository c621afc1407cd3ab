/* SPDX-License-Identifier: MIT
 *
 * memory.c - memory that belongs to an actor. Rank: 5.
 *
 * Entering the runtime is what makes these safe: an actor is never ended or
 * interrupted inside the allocator. See actor/heap.c for how they work.
 *
 * Small blocks are mostly taken and freed without entering (actor/block.h),
 * which is as safe because all of it is COPI_EDGE. For the others, the usual
 * way in and out (scope.c) would be half of what they cost. Here it is again,
 * for calls that never wait: entering spends of the turn's budget, for the
 * quick calls since the last time, too, and when there is anything to be done
 * it is left to the usual way.
 */
#include <coppice/memory.h>

#include "runtime/actor/block.h"
#include "runtime/actor/heap.h"
#include "runtime/actor/misuse.h"
#include "runtime/actor/reason.h"
#include "runtime/api/scope.h"
#include "runtime/memory/arena.h"
#include "runtime/scheduler/exit.h"
#include "runtime/scheduler/worker.h"

/* A call's way into the runtime, as scope.h has it, for calls that are much
 * shorter than that. */
static COPI_COLD void give_way(const char *call)
{
    struct copi_scope s;
    (void)copi_scope_actor(&s, call);
    copi_scope_leave(&s);
}

static inline bool must_give_way(struct copi_here *h)
{
    /* acquire: pairs with the hand-over */
    if (atomic_load_explicit(&h->lost, memory_order_acquire) != 0)
        return true;
    struct copi_worker *w = h->worker;
    w->budget -= 1 + copi_block_refresh(h->actor);
    return w->budget <= 0 ||
           atomic_load_explicit(&w->ask, memory_order_relaxed) != 0;
}

COPI_EDGE static struct copi_here *enter(const char *call)
{
    for (;;) {
        struct copi_here *h = copi_here();
        uint32_t depth =
            atomic_load_explicit(&h->in_runtime, memory_order_relaxed);
        if (COPI_LIKELY(h->native != NULL && h->actor != NULL)) {
            atomic_store_explicit(&h->in_runtime, depth + 1,
                                  memory_order_relaxed);
            /* machine.c makes the fence */
            atomic_signal_fence(memory_order_seq_cst);
            if (COPI_LIKELY(depth > 0 || !must_give_way(h)))
                return h;
            atomic_store_explicit(&h->in_runtime, depth, memory_order_release);
        }
        give_way(call);
    }
}

COPI_EDGE static void leave(struct copi_here *h)
{
    uint32_t depth = atomic_load_explicit(&h->in_runtime, memory_order_relaxed);
    /* release: sysmon, which sees 0, sees all that was done inside */
    atomic_store_explicit(&h->in_runtime, depth - 1, memory_order_release);
}

/* The caller goes no further if it may not have `more` bytes. */
static void pass_limit(struct copi_actor *a, size_t more)
{
    if (COPI_UNLIKELY(a->own_malloc))
        copi_heap_settle(a);
    if (COPI_UNLIKELY(copi_heap_is_over(a, more)))
        copi_exit_now(a, copi_reason_limit("memory"));
}

static COPI_NOINLINE void *alloc_long(size_t bytes)
{
    struct copi_here *h = enter("cop_alloc");
    struct copi_actor *a = h->actor;
    if (COPI_UNLIKELY(a->limited))
        pass_limit(a, copi_heap_cost(bytes));
    void *p = copi_heap_alloc(a, bytes);
    leave(h);
    return p;
}

COPI_EDGE void *cop_alloc(size_t bytes)
{
    void *p = copi_block_quick_alloc(bytes);
    return COPI_LIKELY(p != NULL) ? p : alloc_long(bytes);
}

COPI_EDGE static void *alloc_quick(size_t bytes)
{
    return copi_block_quick_alloc(bytes);
}

void *cop_zalloc(size_t bytes)
{
    void *quick = alloc_quick(bytes);
    if (COPI_LIKELY(quick != NULL))
        return memset(quick, 0, bytes);
    struct copi_here *h = enter("cop_zalloc");
    struct copi_actor *a = h->actor;
    pass_limit(a, copi_heap_cost(bytes));
    void *p = copi_heap_zalloc(a, bytes);
    leave(h);
    return p;
}

char *cop_strdup(const char *text)
{
    if (text == NULL)
        copi_misuse("cop_strdup: text is NULL");
    size_t bytes = strlen(text) + 1;
    char *copy = cop_alloc(bytes);
    if (copy != NULL)
        memcpy(copy, text, bytes);
    return copy;
}

void *cop_realloc(void *block, size_t bytes)
{
    if (block == NULL)
        return cop_alloc(bytes);
    struct copi_here *h = enter("cop_realloc");
    struct copi_actor *a = h->actor;
    const char *wrong = copi_heap_wrong(a, block);
    if (wrong != NULL)
        copi_misuse("cop_realloc: %p %s", block, wrong);
    size_t old = copi_heap_cost(copi_heap_size(block));
    size_t now = copi_heap_cost(bytes);
    if (now > old) /* to shrink is allowed beyond the limit, too */
        pass_limit(a, now - old);
    void *p = copi_heap_realloc(a, block, bytes);
    leave(h);
    return p;
}

static COPI_NOINLINE void free_long(void *block)
{
    struct copi_here *h = enter("cop_free");
    const char *wrong = copi_heap_free(h->actor, block);
    if (COPI_UNLIKELY(wrong != NULL))
        copi_misuse("cop_free: %p %s", block, wrong);
    leave(h);
}

COPI_EDGE void cop_free(void *block)
{
    if (block != NULL && !copi_block_quick_free(block))
        free_long(block);
}

/* Not in the runtime meanwhile: they are as malloc is, and as quick. */

void *cop_common_malloc(size_t bytes)
{
    return copi_arena_common_malloc(bytes);
}

void *cop_common_calloc(size_t n, size_t bytes)
{
    return copi_arena_common_calloc(n, bytes);
}

void *cop_common_realloc(void *block, size_t bytes)
{
    return copi_arena_common_realloc(block, bytes);
}
