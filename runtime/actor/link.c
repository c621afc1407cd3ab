/* SPDX-License-Identifier: MIT
 *
 * link.c - link records and the table of one actor's links. Rank: 3.
 */
#include "runtime/actor/link.h"

#include "runtime/base/check.h"

_Static_assert(sizeof(struct copi_link) <= 128, "fits its slab class");
_Static_assert(offsetof(struct copi_link, exit) == 0, "cell first");

static struct copi_link *link_at(struct copi_ordmap_node *n)
{
    return n == NULL ? NULL : COPI_CONTAINER(n, struct copi_link, by_pid);
}

struct copi_link *copi_link_new(cop_pid peer)
{
    struct copi_link *l = copi_slab_alloc(COPI_SLAB_128);
    if (l == NULL)
        return NULL;
    copi_msg_embed(&l->exit, COPI_SIG_LINK_EXIT, COPI_CELL_LINK);
    copi_ordmap_node_init(&l->by_pid, peer.id);
    l->unlinking = 0;
    return l;
}

void copi_link_free(struct copi_link *l)
{
    COPI_ASSERT(copi_list_is_empty(&l->by_pid.order));
    copi_slab_free(COPI_SLAB_128, l);
}

void copi_link_add(struct copi_actor *a, struct copi_link *l)
{
    copi_ordmap_insert(&a->links, &l->by_pid);
    copi_actor_tally(&a->link_count, 1);
}

struct copi_link *copi_link_find(const struct copi_actor *a, cop_pid peer)
{
    return link_at(copi_ordmap_find(&a->links, peer.id));
}

void copi_link_remove(struct copi_actor *a, struct copi_link *l)
{
    copi_ordmap_remove(&a->links, &l->by_pid);
    copi_actor_tally(&a->link_count, -1);
}

struct copi_link *copi_link_first(const struct copi_actor *a)
{
    return link_at(copi_ordmap_first(&a->links));
}

struct copi_link *copi_link_next(const struct copi_actor *a,
                                 const struct copi_link *l)
{
    return link_at(copi_ordmap_next(&a->links, &l->by_pid));
}

struct copi_link *copi_link_pop(struct copi_actor *a)
{
    struct copi_link *l = copi_link_first(a);
    if (l != NULL)
        copi_link_remove(a, l);
    return l;
}
