/* SPDX-License-Identifier: MIT
 *
 * mem_jemalloc.c - memory from jemalloc, by its own interface. Rank: 1.
 *
 * Asking for an alignment takes it another, longer way, although its blocks of
 * a class lie at multiples of the class's size: as it does not promise that, it
 * is asked for the alignment only where that turns out to be wrong.
 *
 * Frees are sized. jemalloc derives the block's class from that size alone, so
 * it must be the one an aligned block was made with: mem.c admits only sizes
 * that are multiples of the alignment, of which aligned and plain requests
 * share a class.
 *
 * While an actor with a heap of its own runs, the thread's malloc goes there
 * (arena_jemalloc.c); the runtime's own requests are marked with where they go.
 */
#include "runtime/memory/mem.h"

#include <jemalloc/jemalloc.h>

const bool copi_mem_is_watched = false;

static COPI_THREAD_LOCAL int marks;

COPI_OUTLINE void copi_mem_raw_mark(int flags)
{
    marks = flags;
}

COPI_OUTLINE void *copi_mem_raw_alloc(size_t n, size_t align)
{
    void *p = mallocx(n, marks);
    if (COPI_LIKELY(align == 0 || (uintptr_t)p % align == 0))
        return p;
    sdallocx(p, n, 0);
    return mallocx(n, marks | MALLOCX_ALIGN(align));
}

COPI_OUTLINE void *copi_mem_raw_zalloc(size_t n)
{
    return mallocx(n, marks | MALLOCX_ZERO);
}

void copi_mem_raw_free(void *p, size_t n)
{
    sdallocx(p, n, 0);
}

const char *copi_mem_supplier(void)
{
    return "jemalloc";
}
