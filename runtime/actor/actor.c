/* SPDX-License-Identifier: MIT
 *
 * actor.c - the memory of an actor's record. Rank: 3.
 *
 * Records without much behind them come from a slab class, so that spawning
 * and ending in a row touches the same few cache lines again and again.
 */
#include "runtime/actor/actor.h"

#include "runtime/actor/mailbox.h"
#include "runtime/base/check.h"
#include "runtime/memory/mem.h"

/* Whole cache lines, as the record's groups begin on one. */
static size_t block_bytes(size_t extra)
{
    size_t total = COPI_ACTOR_BYTES + extra;
    return (total + COPI_CACHE_LINE - 1) / COPI_CACHE_LINE * COPI_CACHE_LINE;
}

struct copi_actor *copi_actor_alloc(size_t extra)
{
    size_t total = block_bytes(extra);
    enum copi_slab_class c = copi_slab_class_of(total);
    struct copi_actor *a = c == COPI_SLAB_COUNT
                               ? copi_mem_alloc_aligned(total, COPI_CACHE_LINE)
                               : copi_slab_alloc(c);
    if (a == NULL)
        return NULL;
    memset((void *)a, 0, total);
    a->extra_bytes = (uint32_t)extra;
    copi_mailbox_init(a);
    copi_list_init(&a->links);
    copi_list_init(&a->monitors);
    copi_list_init(&a->watches);
    copi_map_init(&a->links_by_pid);
    copi_map_init(&a->monitors_by_ref);
    return a;
}

void copi_actor_free(struct copi_actor *a)
{
    COPI_ASSERT(copi_list_is_empty(&a->links));
    COPI_ASSERT(copi_list_is_empty(&a->monitors));
    COPI_ASSERT(copi_list_is_empty(&a->watches));
    COPI_ASSERT(a->inbox == NULL && a->carrier == NULL && a->name == NULL);
    size_t total = block_bytes(a->extra_bytes);
    enum copi_slab_class c = copi_slab_class_of(total);
    if (c == COPI_SLAB_COUNT)
        copi_mem_free(a, total);
    else
        copi_slab_free(c, a);
}
