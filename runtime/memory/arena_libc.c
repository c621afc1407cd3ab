/* SPDX-License-Identifier: MIT
 *
 * arena_libc.c - libc has no arenas to empty. Rank: 1.
 */
#include "runtime/memory/arena.h"

#include <stdlib.h>

uint32_t copi_arena_max = 0;

int copi_arena_take(uint32_t *out)
{
    *out = 0;
    return COP_ENOTSUP;
}

void copi_arena_give_back(uint32_t arena)
{
    (void)arena;
}

void copi_arena_enter(uint32_t arena)
{
    (void)arena;
}

void copi_arena_leave(void) {}

size_t copi_arena_bytes(uint32_t arena)
{
    (void)arena;
    return 0;
}

bool copi_arena_has(uint32_t arena, const void *p)
{
    (void)arena;
    (void)p;
    return false;
}

void copi_arena_pause(void) {}

void copi_arena_resume(void) {}

void copi_arena_end(void) {}

void *copi_arena_common_malloc(size_t n)
{
    return malloc(n);
}

void *copi_arena_common_calloc(size_t n, size_t size)
{
    return calloc(n, size);
}

void *copi_arena_common_realloc(void *p, size_t n)
{
    return realloc(p, n);
}

uint32_t copi_arena_taken(void)
{
    return 0;
}

uint32_t copi_arena_idle(void)
{
    return 0;
}
