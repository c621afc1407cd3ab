/* SPDX-License-Identifier: MIT
 *
 * actor.c - the memory of an actor's record. Rank: 3.
 *
 * Records without much behind them come from a slab class, so that spawning
 * and ending in a row touches the same few cache lines again and again.
 */
#include "runtime/actor/actor.h"

#include "runtime/actor/heap.h"
#include "runtime/actor/mailbox.h"
#include "runtime/base/check.h"
#include "runtime/memory/mem.h"

const struct copi_cold copi_cold_none;

/* Whole cache lines, as the record's groups begin on one. */
static size_t block_bytes(size_t extra)
{
    size_t total = COPI_ACTOR_BYTES + extra;
    return (total + COPI_CACHE_LINE - 1) / COPI_CACHE_LINE * COPI_CACHE_LINE;
}

static enum copi_slab_class class_of(size_t total)
{
    return COPI_LIKELY(total <= 320) ? COPI_SLAB_320
                                     : copi_slab_class_of(total);
}

COPI_OUTLINE struct copi_actor *copi_actor_alloc(size_t extra)
{
    size_t total = block_bytes(extra);
    enum copi_slab_class c = class_of(total);
    struct copi_actor *a = c == COPI_SLAB_COUNT
                               ? copi_mem_alloc_aligned(total, COPI_CACHE_LINE)
                               : copi_slab_alloc_from(&copi_slab_own, c);
    if (a == NULL)
        return NULL;
    memset((void *)a, 0, total);
    a->extra_bytes = (uint32_t)extra;
    a->cold = &copi_cold_none;
    copi_mailbox_init(a);
    return a;
}

struct copi_cold *copi_cold_make(struct copi_actor *a)
{
    struct copi_cold *c = copi_cold_of(a);
    if (c != NULL)
        return c;
    c = copi_slab_alloc(COPI_SLAB_128);
    if (c == NULL)
        return NULL;
    memset(c, 0, sizeof *c);
    copi_heap_count(a, sizeof *c);
    a->cold = c;
    return c;
}

static void free_cold(struct copi_actor *a)
{
    struct copi_cold *c = copi_cold_of(a);
    if (c == NULL)
        return;
    COPI_ASSERT(c->defers == NULL && c->aliases == NULL && c->marks == NULL);
    COPI_ASSERT(c->call_error == NULL && c->epitaph == NULL);
    COPI_ASSERT(c->kept.monitor == NULL && c->held == NULL && c->reply == NULL);
    copi_slab_free(COPI_SLAB_128, c);
}

COPI_OUTLINE void copi_actor_free(struct copi_actor *a)
{
    COPI_ASSERT(copi_ordmap_is_empty(&a->links));
    COPI_ASSERT(copi_ordmap_is_empty(&a->monitors) && a->watches == NULL);
    COPI_ASSERT(a->inbox == NULL && a->carrier == NULL && a->name == NULL);
    if (a->cold != &copi_cold_none)
        free_cold(a);
    size_t total = block_bytes(a->extra_bytes);
    enum copi_slab_class c = class_of(total);
    if (c == COPI_SLAB_COUNT)
        copi_mem_free(a, total);
    else
        copi_slab_free_to(&copi_slab_own, c, a);
}
