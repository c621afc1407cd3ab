/* SPDX-License-Identifier: MIT
 *
 * counters.c - counting. Rank: 3.
 */
#include "runtime/actor/counters.h"

struct copi_counters copi_counters_outside;

void copi_counters_clear(struct copi_counters *c)
{
#define COP_X(name) atomic_store_explicit(&c->name, 0, memory_order_relaxed);
    COP_COUNTERS(COP_X)
#undef COP_X
}
