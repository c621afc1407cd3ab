/* SPDX-License-Identifier: MIT
 *
 * index.h - a hash table whose nodes lie in the things it holds.
 *
 * The caller hashes and compares; the table finds nodes by their hash, the one
 * inserted last first. See index.c.
 */
#ifndef COPI_ACTORS_INDEX_H
#define COPI_ACTORS_INDEX_H

#include <stddef.h>
#include <stdint.h>

#define COPI_INDEX_SMALL 8 /* buckets that need no memory of their own */

struct copi_index_node {
    struct copi_index_node *chain;
    struct copi_index_node **back; /* what points at this node */
    uint64_t hash;
};

struct copi_index {
    struct copi_index_node **buckets;
    struct copi_index_node *small[COPI_INDEX_SMALL];
    size_t size; /* buckets, a power of two */
    size_t count;
};

/* An empty table. A zeroed one must be initialised, too. It must not move. */
void copi_index_init(struct copi_index *t);

/* Gives each node to `release` (may be NULL), in no order that means anything,
 * and frees the table's own memory. */
void copi_index_fini(struct copi_index *t,
                     void (*release)(struct copi_index_node *node));

/* Never fails: without memory to grow its chains become longer. */
void copi_index_insert(struct copi_index *t, struct copi_index_node *node,
                       uint64_t hash);
void copi_index_remove(struct copi_index *t, struct copi_index_node *node);

/* The newest node with this hash, and the next older one; NULL at the end. */
struct copi_index_node *copi_index_first(const struct copi_index *t,
                                         uint64_t hash);
struct copi_index_node *copi_index_next(const struct copi_index_node *node);

/* Hashes: the same in every run, so that runs can be replayed. */
uint64_t copi_index_hash_word(uint64_t word);
uint64_t copi_index_hash_text(const char *text);

#endif
