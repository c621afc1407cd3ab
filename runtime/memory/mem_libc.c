/* SPDX-License-Identifier: MIT
 *
 * mem_libc.c - memory from libc, for sanitizers and valgrind. Rank: 1.
 *
 * They replace libc's allocator with one that watches every block. A free of
 * the wrong size, which jemalloc would have to trust, is caught here: by a
 * sanitizer to the byte, else when it is more than there is.
 */
#include "runtime/memory/mem.h"

#include <malloc.h>
#include <stdlib.h>

#include "runtime/base/check.h"

const bool copi_mem_is_watched = true;

void copi_mem_raw_mark(int flags)
{
    (void)flags;
}

void *copi_mem_raw_alloc(size_t n, size_t align)
{
    return align == 0 ? malloc(n) : aligned_alloc(align, n);
}

void *copi_mem_raw_zalloc(size_t n)
{
    return calloc(1, n);
}

void copi_mem_raw_free(void *p, size_t n)
{
    size_t there = malloc_usable_size(p);

    COPI_ASSERTF(COPI_ASAN || COPI_TSAN ? n == there : n <= there,
                 "%zu bytes freed of %zu", n, there);
    free(p);
}

const char *copi_mem_supplier(void)
{
    return "libc";
}
