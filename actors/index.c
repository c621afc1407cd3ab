/* SPDX-License-Identifier: MIT
 *
 * index.c - a hash table for behaviours: open hashing, intrusive nodes.
 *
 * Each bucket is a chain of nodes, newest first; the array doubles when there
 * are more nodes than buckets. Inserting and removing take constant time, also
 * with any number of nodes of equal hash, since a node knows what points at it.
 *
 * Invariants.
 *  1. Nodes of equal hash stand in one chain, the newest first; growing keeps
 *     that order. Groups rely on it: an actor leaves what it joined last.
 *  2. *node->back == node for each node in a table.
 *
 * The array never shrinks: who held 100,000 entries once will again.
 * Rejected: a seeded hash (runs must be replayable, and keys are the program's
 * own), and walking a table in bucket order for anything but freeing it (order
 * that is seen comes from lists).
 */
#include "actors/index.h"

#include <coppice/memory.h>

#include <stdlib.h>

void copi_index_init(struct copi_index *t)
{
    *t = (struct copi_index){.size = COPI_INDEX_SMALL};
    t->buckets = t->small;
}

void copi_index_fini(struct copi_index *t,
                     void (*release)(struct copi_index_node *node))
{
    for (size_t i = 0; i < t->size; i++) {
        struct copi_index_node *node = t->buckets[i];

        while (node != NULL) {
            struct copi_index_node *next = node->chain;

            if (release != NULL)
                release(node);
            node = next;
        }
    }
    if (t->buckets != t->small)
        free(t->buckets);
    copi_index_init(t);
}

static void push(struct copi_index_node **bucket, struct copi_index_node *node)
{
    node->chain = *bucket;
    node->back = bucket;
    if (node->chain != NULL)
        node->chain->back = &node->chain;
    *bucket = node;
}

static struct copi_index_node *reversed(struct copi_index_node *node)
{
    struct copi_index_node *out = NULL;

    while (node != NULL) {
        struct copi_index_node *next = node->chain;

        node->chain = out;
        out = node;
        node = next;
    }
    return out;
}

/* Oldest first out, so that they are newest first again. */
static void grow(struct copi_index *t)
{
    size_t size = 2 * t->size;
    struct copi_index_node **buckets =
        cop_common_calloc(size, sizeof(*buckets));

    if (buckets == NULL)
        return;
    for (size_t i = 0; i < t->size; i++) {
        struct copi_index_node *node = reversed(t->buckets[i]);

        while (node != NULL) {
            struct copi_index_node *next = node->chain;

            push(&buckets[node->hash & (size - 1)], node);
            node = next;
        }
    }
    if (t->buckets != t->small)
        free(t->buckets);
    t->buckets = buckets;
    t->size = size;
}

void copi_index_insert(struct copi_index *t, struct copi_index_node *node,
                       uint64_t hash)
{
    if (t->count >= t->size)
        grow(t);
    node->hash = hash;
    push(&t->buckets[hash & (t->size - 1)], node);
    t->count++;
}

void copi_index_remove(struct copi_index *t, struct copi_index_node *node)
{
    *node->back = node->chain;
    if (node->chain != NULL)
        node->chain->back = node->back;
    t->count--;
}

static struct copi_index_node *from(struct copi_index_node *node, uint64_t hash)
{
    while (node != NULL && node->hash != hash)
        node = node->chain;
    return node;
}

struct copi_index_node *copi_index_first(const struct copi_index *t,
                                         uint64_t hash)
{
    return from(t->buckets[hash & (t->size - 1)], hash);
}

struct copi_index_node *copi_index_next(const struct copi_index_node *node)
{
    return from(node->chain, node->hash);
}

uint64_t copi_index_hash_word(uint64_t word)
{
    word = (word ^ (word >> 32)) * UINT64_C(0x9e3779b97f4a7c15);
    word = (word ^ (word >> 29)) * UINT64_C(0xd1342543de82ef95);
    return word ^ (word >> 32);
}

uint64_t copi_index_hash_text(const char *text)
{
    uint64_t hash = 0;

    for (; *text != '\0'; text++)
        hash = copi_index_hash_word(hash + (unsigned char)*text + 1);
    return hash;
}
