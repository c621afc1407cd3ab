/* SPDX-License-Identifier: MIT
 *
 * mem.h - memory for the runtime: sized, counted, refusable. Rank: 1.
 *
 * Whoever frees says how much it was: the allocator need not look it up, and
 * what is in use is known to the byte. Each allocation passes the fault point
 * "alloc". Any thread; never blocks for long; NULL when there is none.
 *
 * mem.c counts; behind it stands one of two suppliers, chosen by the build:
 * mem_jemalloc.c, or mem_libc.c for sanitizers and valgrind.
 */
#ifndef COPI_MEMORY_MEM_H
#define COPI_MEMORY_MEM_H

#include "runtime/base/base.h"

/* n bytes, aligned for anything. n == 0 gives one byte. */
COP_MUST_USE void *copi_mem_alloc(size_t n);

/* The same, all zero. */
COP_MUST_USE void *copi_mem_zalloc(size_t n);

/* align: a power of two, at most a page; n: a multiple of it, not 0. (Else the
 * size would not tell jemalloc where the block came from.) */
COP_MUST_USE void *copi_mem_alloc_aligned(size_t n, size_t align);

/* A copy of n bytes; freed with the same n. */
COP_MUST_USE void *copi_mem_dup(const void *src, size_t n);

/* n as it was allocated. p may be NULL. */
void copi_mem_free(void *p, size_t n);

/* Bytes asked for and not freed, and how many blocks they are. Exact when no
 * other thread allocates; else a moment's approximation. */
size_t copi_mem_in_use(void);
size_t copi_mem_blocks(void);

/* A thread that allocates much may have its own counters: about 64 such
 * threads at a time, more share. Between the two calls on one thread. */
void copi_mem_thread_init(void);
void copi_mem_thread_fini(void);

/* ---------------------------------------------- for the slab (slab.c) -- */

/* As copi_mem_alloc_aligned, without passing the fault point. */
COP_MUST_USE void *copi_mem_take(size_t n, size_t align);

/* True if every block should come from and go to the supplier one by one,
 * so that it can see each use after free: mem_libc.c. */
extern const bool copi_mem_is_watched;

/* --------------------------------------------------- from the supplier -- */

/* n > 0; align 0: for anything. NULL when there is none. */
void *copi_mem_raw_alloc(size_t n, size_t align);
void *copi_mem_raw_zalloc(size_t n);
void copi_mem_raw_free(void *p, size_t n);

/* jemalloc: flags for all further requests of this thread; see arena.h. */
void copi_mem_raw_mark(int flags);

/* "jemalloc", "libc". */
const char *copi_mem_supplier(void);

#endif
