/* SPDX-License-Identifier: MIT
 *
 * ordmap.c - intrusive map that keeps its order, in one word. Rank: 1.
 *
 * The entries form a ring in their order. The root leads to the oldest one, and
 * a key is looked for along the ring, as long as there are at most SMALL_MAX
 * entries. The next one brings an *index*: a block with the ring and a hash
 * map, to which the root then leads, marked by its lowest bit. If there is no
 * memory for one, the ring gets longer, and the next insertion tries again.
 *
 * It goes back when the last entry leaves, not before: what is big once is
 * likely to be so again, and an element's death must not need memory.
 *
 * Invariants:
 *  1. root == 0, and only then: no entries.
 *  2. With an index, each entry is in its map too.
 *
 * Rejected: a list and a map side by side. That is 48 bytes in each actor,
 * twice, of which nearly all would never hold anything.
 */
#include "runtime/memory/ordmap.h"

#include "runtime/base/check.h"
#include "runtime/memory/slab.h"

enum { SMALL_MAX = 8, HAS_INDEX = 1 };

struct index {
    struct copi_list *ring;
    struct copi_map map;
};

_Static_assert(sizeof(struct index) <= 64, "fits its slab class");

static struct copi_ordmap_node *node_at(struct copi_list *l)
{
    return COPI_CONTAINER(l, struct copi_ordmap_node, order);
}

static struct index *index_of(const struct copi_ordmap *m)
{
    if (COPI_LIKELY((m->root & HAS_INDEX) == 0))
        return NULL;
    return (struct index *)(m->root - HAS_INDEX);
}

/* The oldest entry's place; NULL: none. */
static struct copi_list *ring_of(const struct copi_ordmap *m)
{
    struct index *x = index_of(m);
    return x != NULL ? x->ring : (struct copi_list *)m->root;
}

static void set_ring(struct copi_ordmap *m, struct copi_list *ring)
{
    struct index *x = index_of(m);
    if (x == NULL)
        m->root = (uintptr_t)ring;
    else
        x->ring = ring;
}

static bool is_long(const struct copi_list *ring)
{
    const struct copi_list *l = ring;
    for (int n = 1; n < SMALL_MAX; n++) {
        l = l->next;
        if (l == ring)
            return false;
    }
    return true;
}

/* Goes on as it is when there is no memory. */
static struct index *make_index(struct copi_ordmap *m)
{
    struct index *x = copi_slab_alloc(COPI_SLAB_64);
    if (x == NULL)
        return NULL;
    x->ring = ring_of(m);
    copi_map_init(&x->map);
    struct copi_list *l = x->ring;
    do {
        struct copi_ordmap_node *n = node_at(l);
        copi_map_insert(&x->map, &n->by_key, n->by_key.key);
        l = l->next;
    } while (l != x->ring);
    m->root = (uintptr_t)x | HAS_INDEX;
    return x;
}

static void free_index(struct copi_ordmap *m, struct index *x)
{
    copi_map_fini(&x->map);
    copi_slab_free(COPI_SLAB_64, x);
    m->root = 0;
}

void copi_ordmap_insert(struct copi_ordmap *m, struct copi_ordmap_node *n)
{
    if (m->root == 0) { /* most have one, or none */
        m->root = (uintptr_t)&n->order;
        return;
    }
    struct index *x = index_of(m);
    struct copi_list *ring = ring_of(m);
    if (x == NULL && is_long(ring))
        x = make_index(m);
    copi_list_ring_push(&ring, &n->order);
    set_ring(m, ring);
    if (x != NULL)
        copi_map_insert(&x->map, &n->by_key, n->by_key.key);
}

struct copi_ordmap_node *copi_ordmap_find(const struct copi_ordmap *m,
                                          uint64_t key)
{
    const struct index *x = index_of(m);
    if (x != NULL) {
        struct copi_map_node *found = copi_map_find(&x->map, key);
        return found == NULL
                   ? NULL
                   : COPI_CONTAINER(found, struct copi_ordmap_node, by_key);
    }
    struct copi_list *ring = ring_of(m), *l = ring;
    if (ring == NULL)
        return NULL;
    do {
        l = l->prev;
        if (node_at(l)->by_key.key == key)
            return node_at(l);
    } while (l != ring);
    return NULL;
}

void copi_ordmap_remove(struct copi_ordmap *m, struct copi_ordmap_node *n)
{
    if (m->root == (uintptr_t)&n->order && n->order.next == &n->order) {
        m->root = 0;
        return;
    }
    struct index *x = index_of(m);
    struct copi_list *ring = ring_of(m);
    COPI_ASSERT(ring != NULL);
    if (x != NULL)
        copi_map_remove(&x->map, &n->by_key);
    copi_list_ring_remove(&ring, &n->order);
    set_ring(m, ring);
    if (x != NULL && ring == NULL)
        free_index(m, x);
}

struct copi_ordmap_node *copi_ordmap_first(const struct copi_ordmap *m)
{
    struct copi_list *ring = ring_of(m);
    return ring == NULL ? NULL : node_at(ring);
}

struct copi_ordmap_node *copi_ordmap_next(const struct copi_ordmap *m,
                                          const struct copi_ordmap_node *n)
{
    return n->order.next == ring_of(m) ? NULL : node_at(n->order.next);
}

void copi_ordmap_check(const struct copi_ordmap *m)
{
    const struct index *x = index_of(m);
    size_t found = 0;
    for (struct copi_ordmap_node *n = copi_ordmap_first(m); n != NULL;
         n = copi_ordmap_next(m, n)) {
        COPI_ASSERT(copi_ordmap_find(m, n->by_key.key) != NULL);
        COPI_ASSERT(n->order.next->prev == &n->order);
        found++;
    }
    if (x == NULL)
        return;
    copi_map_check(&x->map);
    COPI_ASSERT(found > 0 && found == copi_map_count(&x->map));
}
