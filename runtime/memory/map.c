/* SPDX-License-Identifier: MIT
 *
 * map.c - intrusive hash map from 64-bit keys. Rank: 1.
 *
 * Chains hang in an array of a power of two, as many as there are entries at
 * most twice over. Eight keys in a row hang on the eight chains of one cache
 * line: what is made one after the other (actors, references) is mostly looked
 * for in that order too, and in a map of many it is the look at a line that
 * costs. Which line it is, is the top bits of a hash; where in it, the lowest
 * bits of the key, mixed with others of the hash, as keys may all end alike.
 * When a map doubles, each chain splits into two, and both keep their order:
 * that is what makes the newest of equal keys the first one found.
 *
 * It does not shrink before it is empty: an element's death must not need
 * memory, and most maps that were big once are so again.
 *
 * Invariants:
 *  1. chains == NULL: bits == 0 and all entries hang on `small`. Else `small`
 *     is NULL and there are 2^bits chains.
 *  2. Each entry hangs on the chain of its key.
 *  3. count entries hang in all; if it is 0, chains == NULL.
 */
#include "runtime/memory/map.h"

#include "runtime/base/check.h"
#include "runtime/base/hash.h"
#include "runtime/memory/mem.h"

#define SMALL_MAX 8
#define FIRST_BITS 4
#define LINE_BITS 3
#define LINE_MASK (((uint64_t)1 << LINE_BITS) - 1)

static size_t chains_len(const struct copi_map *m)
{
    return (size_t)1 << m->bits;
}

static size_t chains_bytes(const struct copi_map *m)
{
    return chains_len(m) * sizeof(m->chains[0]);
}

static size_t chain_index(const struct copi_map *m, uint64_t key)
{
    uint64_t h = copi_hash_u64(key >> LINE_BITS);
    uint64_t line = h >> (64 - (m->bits - LINE_BITS));
    return (size_t)(line << LINE_BITS | ((key ^ h) & LINE_MASK));
}

static struct copi_map_node *const *chain_of(const struct copi_map *m,
                                             uint64_t key)
{
    return m->chains ? &m->chains[chain_index(m, key)] : &m->small;
}

/* Appends all of `node`'s chain where it belongs now. The chains it comes to
 * were empty, so that what went first on the old chain goes first there. */
static void spread(struct copi_map *m, struct copi_map_node *node)
{
    struct copi_map_node *reversed = NULL;

    while (node) {
        struct copi_map_node *next = node->chain;

        node->chain = reversed;
        reversed = node;
        node = next;
    }
    while (reversed) {
        struct copi_map_node *next = reversed->chain;
        size_t i = chain_index(m, reversed->key);

        reversed->chain = m->chains[i];
        m->chains[i] = reversed;
        reversed = next;
    }
}

/* Goes on as it is when there is no memory. */
static void grow(struct copi_map *m)
{
    struct copi_map old = *m;

    m->bits = old.chains ? old.bits + 1 : FIRST_BITS;
    m->chains = copi_mem_zalloc(chains_bytes(m));
    if (!m->chains) {
        *m = old;
        return;
    }
    m->small = NULL;
    if (!old.chains) {
        spread(m, old.small);
        return;
    }
    for (size_t i = 0; i < chains_len(&old); i++)
        spread(m, old.chains[i]);
    copi_mem_free(old.chains, chains_bytes(&old));
}

void copi_map_init(struct copi_map *m)
{
    *m = (struct copi_map){0};
}

void copi_map_fini(struct copi_map *m)
{
    COPI_ASSERTF(m->count == 0, "%zu entries left", m->count);
    COPI_ASSERT(m->chains == NULL && m->small == NULL);
}

void copi_map_insert(struct copi_map *m, struct copi_map_node *node,
                     uint64_t key)
{
    struct copi_map_node **chain;

    if (m->count >= (m->chains ? chains_len(m) : SMALL_MAX))
        grow(m);
    chain = (struct copi_map_node **)chain_of(m, key);
    node->key = key;
    node->chain = *chain;
    *chain = node;
    m->count++;
}

struct copi_map_node *copi_map_find(const struct copi_map *m, uint64_t key)
{
    struct copi_map_node *node = *chain_of(m, key);

    while (node && node->key != key)
        node = node->chain;
    return node;
}

void copi_map_remove(struct copi_map *m, struct copi_map_node *node)
{
    struct copi_map_node **at = (struct copi_map_node **)chain_of(m, node->key);

    while (*at != node) {
        COPI_ASSERTF(*at != NULL, "key %" PRIu64 " is not in the map",
                     node->key);
        at = &(*at)->chain;
    }
    *at = node->chain;
    node->chain = NULL;
    m->count--;
    if (m->count == 0 && m->chains) {
        copi_mem_free(m->chains, chains_bytes(m));
        copi_map_init(m);
    }
}

size_t copi_map_count(const struct copi_map *m)
{
    return m->count;
}

void copi_map_check(const struct copi_map *m)
{
    struct copi_map_node *const *chains = m->chains ? m->chains : &m->small;
    size_t found = 0;

    COPI_ASSERT(m->chains ? m->small == NULL : m->bits == 0);
    COPI_ASSERT(m->count > 0 || m->chains == NULL);
    for (size_t i = 0; i < chains_len(m); i++) {
        for (struct copi_map_node *n = chains[i]; n; n = n->chain) {
            COPI_ASSERT(!m->chains || chain_index(m, n->key) == i);
            found++;
        }
    }
    COPI_ASSERTF(found == m->count, "%zu entries, count %zu", found, m->count);
}
