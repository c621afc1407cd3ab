/* SPDX-License-Identifier: MIT
 *
 * map.h - intrusive hash map from 64-bit keys. Rank: 1.
 *
 * An element embeds a copi_map_node. Inserting cannot fail: up to 8 entries
 * hang on one chain without any memory of the map's own; beyond that there is
 * an array of chains, and when it cannot grow, chains get longer. Removing
 * needs no memory; an empty map has none. Not locked. There is no iteration:
 * its order would be that of a hash. Who needs one keeps a list as well.
 */
#ifndef COPI_MEMORY_MAP_H
#define COPI_MEMORY_MAP_H

#include "runtime/base/base.h"

struct copi_map_node {
    struct copi_map_node *chain;
    uint64_t key;
};

struct copi_map {
    struct copi_map_node *small;   /* the one chain while chains is NULL */
    struct copi_map_node **chains; /* 2^bits of them */
    size_t count;
    uint32_t bits;
};

void copi_map_init(struct copi_map *m);

/* It must be empty. */
void copi_map_fini(struct copi_map *m);

/* Never fails. A key may be there already: the newest is found first. */
void copi_map_insert(struct copi_map *m, struct copi_map_node *node,
                     uint64_t key);

/* NULL: none. */
struct copi_map_node *copi_map_find(const struct copi_map *m, uint64_t key);

/* `node` must be in m. */
void copi_map_remove(struct copi_map *m, struct copi_map_node *node);

size_t copi_map_count(const struct copi_map *m);

/* Walks all of it and asserts that it is well formed. */
void copi_map_check(const struct copi_map *m);

#endif
