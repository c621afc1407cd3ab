/* SPDX-License-Identifier: MIT
 *
 * link.c - link records and the table of one actor's links. Rank: 3.
 */
#include "runtime/actor/link.h"

#include "runtime/base/check.h"

_Static_assert(sizeof(struct copi_link) <= 128, "fits its slab class");
_Static_assert(offsetof(struct copi_link, exit) == 0, "cell first");

struct copi_link *copi_link_new(cop_pid peer)
{
    struct copi_link *l = copi_slab_alloc(COPI_SLAB_128);
    if (l == NULL)
        return NULL;
    copi_msg_embed(&l->exit, COPI_SIG_LINK_EXIT, COPI_CELL_LINK);
    l->by_pid.chain = NULL;
    l->by_pid.key = peer.id;
    copi_list_init(&l->order);
    l->unlinking = 0;
    return l;
}

void copi_link_free(struct copi_link *l)
{
    COPI_ASSERT(copi_list_is_empty(&l->order));
    copi_slab_free(COPI_SLAB_128, l);
}

void copi_link_add(struct copi_actor *a, struct copi_link *l)
{
    copi_map_insert(&a->links_by_pid, &l->by_pid, l->by_pid.key);
    copi_list_push_back(&a->links, &l->order);
    copi_actor_tally(&a->link_count, 1);
}

struct copi_link *copi_link_find(const struct copi_actor *a, cop_pid peer)
{
    struct copi_map_node *n = copi_map_find(&a->links_by_pid, peer.id);
    return n == NULL ? NULL : COPI_CONTAINER(n, struct copi_link, by_pid);
}

void copi_link_remove(struct copi_actor *a, struct copi_link *l)
{
    copi_map_remove(&a->links_by_pid, &l->by_pid);
    copi_list_remove(&l->order);
    copi_actor_tally(&a->link_count, -1);
}

struct copi_link *copi_link_pop(struct copi_actor *a)
{
    if (copi_list_is_empty(&a->links))
        return NULL;
    struct copi_link *l =
        COPI_CONTAINER(a->links.next, struct copi_link, order);
    copi_link_remove(a, l);
    return l;
}
