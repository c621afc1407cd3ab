/* SPDX-License-Identifier: MIT
 *
 * counters.c - counting. Rank: 3.
 */
#include "runtime/actor/counters.h"

#include "runtime/actor/here.h"

struct copi_counters copi_counters_outside;

static _Atomic uint64_t *at(struct copi_counters *c, size_t offset)
{
    return (_Atomic uint64_t *)(void *)((char *)c + offset);
}

void copi_count_add(size_t offset, uint64_t n)
{
    struct copi_counters *c = copi_here()->counters;
    if (c == NULL) {
        atomic_fetch_add_explicit(at(&copi_counters_outside, offset), n,
                                  memory_order_relaxed);
        return;
    }
    _Atomic uint64_t *p = at(c, offset);
    uint64_t v = atomic_load_explicit(p, memory_order_relaxed);
    atomic_store_explicit(p, v + n, memory_order_relaxed);
}

void copi_counters_clear(struct copi_counters *c)
{
#define COP_X(name) atomic_store_explicit(&c->name, 0, memory_order_relaxed);
    COP_COUNTERS(COP_X)
#undef COP_X
}
