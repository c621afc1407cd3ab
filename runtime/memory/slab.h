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
