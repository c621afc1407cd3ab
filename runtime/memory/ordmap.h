/* SPDX-License-Identifier: MIT
 *
 * ordmap.h - intrusive map from 64-bit keys that knows the order in which its
 * entries came, in one word. Rank: 1.
 *
 * For tables of which there are millions, most of them empty or with an entry
 * or two. An element embeds a copi_ordmap_node. Inserting cannot fail, removing
 * needs no memory, an empty one has none. Not locked.
 */
#ifndef COPI_MEMORY_ORDMAP_H
#define COPI_MEMORY_ORDMAP_H

#include "runtime/base/list.h"
#include "runtime/memory/map.h"

struct copi_ordmap_node {
    struct copi_map_node by_key;
    struct copi_list order;
};

struct copi_ordmap {
    uintptr_t root; /* see ordmap.c; all zero: empty */
};

/* Before it is used; afterwards it is on no map. */
static inline void copi_ordmap_node_init(struct copi_ordmap_node *n,
                                         uint64_t key)
{
    n->by_key.chain = NULL;
    n->by_key.key = key;
    copi_list_init(&n->order);
}

static inline bool copi_ordmap_is_empty(const struct copi_ordmap *m)
{
    return m->root == 0;
}

/* As the last one, under the key it was given in init. Never fails. A key may
 * be there already: the newest is found first. */
void copi_ordmap_insert(struct copi_ordmap *m, struct copi_ordmap_node *n);

/* NULL: none. */
struct copi_ordmap_node *copi_ordmap_find(const struct copi_ordmap *m,
                                          uint64_t key);

/* `n` must be in m. */
void copi_ordmap_remove(struct copi_ordmap *m, struct copi_ordmap_node *n);

/* The oldest entry, and the one that came after n; NULL: none. */
struct copi_ordmap_node *copi_ordmap_first(const struct copi_ordmap *m);
struct copi_ordmap_node *copi_ordmap_next(const struct copi_ordmap *m,
                                          const struct copi_ordmap_node *n);

/* Walks all of it and asserts that it is well formed. */
void copi_ordmap_check(const struct copi_ordmap *m);

#endif
