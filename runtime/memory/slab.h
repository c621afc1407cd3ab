/* SPDX-License-Identifier: MIT
 *
 * slab.h - cells of a few fixed sizes, from per-thread magazines. Rank: 1.
 *
 * For what is made and freed millions of times a second, often on different
 * threads: messages, actors. A worker thread keeps up to two magazines of a
 * size; full and empty ones are exchanged with a common depot, whole. Threads
 * that are no workers take single cells from the depot or from mem, and free
 * straight to mem. All cells are aligned to a cache line and uninitialised.
 */
#ifndef COPI_MEMORY_SLAB_H
#define COPI_MEMORY_SLAB_H

#include "runtime/base/base.h"
#include "runtime/probe/fault.h"

#define COPI_SLAB_CLASSES(X) X(64) X(128) X(256) X(320) X(384) X(512)

enum copi_slab_class {
#define COPI_X(bytes) COPI_SLAB_##bytes,
    COPI_SLAB_CLASSES(COPI_X)
#undef COPI_X
        COPI_SLAB_COUNT
};

/* Plain numbers, so that tests can shrink them; only while no thread has
 * magazines. */
struct copi_slab_config {
    uint32_t magazine_cells;  /* at least 1 */
    uint32_t depot_magazines; /* of each class; more go back to mem */
    bool even_if_watched;     /* magazines under sanitizers and mem_libc too,
                                 where each cell else comes from mem */
};
extern struct copi_slab_config copi_slab_config;

/* What is written into a free cell. */
struct copi_slab_cell {
    struct copi_slab_cell *next;
    /* in the depot, first cell of a magazine only, as is count */
    struct copi_slab_cell *next_magazine;
    uint32_t count;
};

struct copi_slab_magazine {
    struct copi_slab_cell *head;
    uint32_t count;
};

/* One thread's magazines. The inline functions below touch it; for everybody
 * else it is slab.c's. */
struct copi_slab_cache {
    uint32_t limit; /* of cells in a magazine; 0: the thread has none */
    struct copi_slab_magazine loaded[COPI_SLAB_COUNT];
    struct copi_slab_magazine spare[COPI_SLAB_COUNT];
};

extern COPI_THREAD_LOCAL struct copi_slab_cache copi_slab_own;

/* The calling thread's; never NULL. Like all that is thread-local it must not
 * be kept across a switch. */
struct copi_slab_cache *copi_slab_cache(void);

/* What the inline functions leave over. */
COP_MUST_USE void *copi_slab_alloc_slowly(struct copi_slab_cache *cache,
                                          enum copi_slab_class c);
void copi_slab_free_slowly(struct copi_slab_cache *cache,
                           enum copi_slab_class c, void *p);

/* The magazine's last cell: there is one. */
COPI_EDGE_PART void *copi_slab_pop(struct copi_slab_magazine *m)
{
    struct copi_slab_cell *cell = m->head;

    m->head = cell->next;
    m->count--;
    return cell;
}

/* There is room. */
COPI_EDGE_PART void copi_slab_push(struct copi_slab_magazine *m, void *p)
{
    struct copi_slab_cell *cell = p;

    cell->next = m->head;
    m->head = cell;
    m->count++;
}

/* For who has the thread's cache at hand, which is inside the runtime: nothing
 * of this may be preempted. */
COP_MUST_USE COPI_EDGE_PART void *
copi_slab_alloc_from(struct copi_slab_cache *cache, enum copi_slab_class c)
{
    struct copi_slab_magazine *m = &cache->loaded[c];

    if (COPI_UNLIKELY(m->head == NULL || copi_fault_is_on()))
        return copi_slab_alloc_slowly(cache, c);
    return copi_slab_pop(m);
}

COPI_EDGE_PART void copi_slab_free_to(struct copi_slab_cache *cache,
                                      enum copi_slab_class c, void *p)
{
    struct copi_slab_magazine *m = &cache->loaded[c];

    if (COPI_UNLIKELY(m->count >= cache->limit))
        copi_slab_free_slowly(cache, c, p);
    else
        copi_slab_push(m, p);
}

/* A cell, or NULL. Passes the fault point "alloc", once. Now and then it and
 * copi_slab_free take a lock of rank SLAB. */
COP_MUST_USE void *copi_slab_alloc(enum copi_slab_class c);

/* On any thread. p may be NULL. */
void copi_slab_free(enum copi_slab_class c, void *p);

/* The smallest class that holds n bytes; COPI_SLAB_COUNT: none does. */
enum copi_slab_class copi_slab_class_of(size_t n);
size_t copi_slab_bytes(enum copi_slab_class c);

/* Gives this thread magazines; takes them from it (what is in them goes to the
 * depot). They include copi_mem_thread_init and _fini. */
void copi_slab_thread_init(void);
void copi_slab_thread_fini(void);

/* Gives the depot's cells back to mem. Any thread. */
void copi_slab_trim(void);

/* Walks the depot and this thread's magazines and asserts that all is well. */
void copi_slab_check(void);

#endif
