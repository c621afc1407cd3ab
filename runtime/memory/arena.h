/* SPDX-License-Identifier: MIT
 *
 * arena.h - heaps for plain malloc that are emptied at once. Rank: 1.
 *
 * Between enter and leave all that the thread takes by malloc and its kin,
 * whichever library calls them, comes from one arena of a pool; what mem.h and
 * the common functions below give does not. Giving the arena back frees all
 * that is in it. Behind it stands arena_jemalloc.c, or arena_libc.c, where
 * there are none.
 */
#ifndef COPI_MEMORY_ARENA_H
#define COPI_MEMORY_ARENA_H

#include "runtime/base/base.h"

/* A plain number, so that tests can shrink it. jemalloc has 4,094 arenas in
 * all, and each that was ever used holds 133 KB. */
extern uint32_t copi_arena_max;

/* An empty arena. COP_ENOTSUP: malloc is not the runtime's allocator;
 * COP_ELIMIT: copi_arena_max are taken, or the allocator makes no more;
 * COP_ENOMEM. */
COP_MUST_USE int copi_arena_take(uint32_t *out);
/* Frees what is in it. Streams of stdio that are there are closed, without
 * writing what they hold. No thread is in it. */
void copi_arena_give_back(uint32_t arena);

/* On one thread, never nested, and never across a switch of coroutines that may
 * go on elsewhere. */
void copi_arena_enter(uint32_t arena);
void copi_arena_leave(void);
/* What it holds, in whole pages; whether p, of malloc, lies there. Any thread.
 */
size_t copi_arena_bytes(uint32_t arena);
bool copi_arena_has(uint32_t arena, const void *p);

/* In an arena: steps out of it for a while, for what is to outlive it. Never
 * nested; elsewhere they do nothing. */
void copi_arena_pause(void);
void copi_arena_resume(void);

/* Ends the threads that were started in here. When no thread of the runtime is
 * left that was ever in an arena; others may not be in one meanwhile. */
void copi_arena_end(void);

/* malloc's kin, from the process' heap wherever the thread is; free() takes
 * their blocks. */
void *copi_arena_common_malloc(size_t n);
void *copi_arena_common_calloc(size_t n, size_t size);
void *copi_arena_common_realloc(void *p, size_t n);

/* How many are taken; how many are in the pool. */
uint32_t copi_arena_taken(void);
uint32_t copi_arena_idle(void);

#endif
