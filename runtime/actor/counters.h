/* SPDX-License-Identifier: MIT
 *
 * counters.h - what is counted, per worker and for all other threads
 * together. Rank: 3.
 *
 * A worker's counters have one writer, so counting is a plain load and store;
 * readers add up all of them and see each figure some nanoseconds late.
 */
#ifndef COPI_ACTOR_COUNTERS_H
#define COPI_ACTOR_COUNTERS_H

#include <coppice/inspect.h>

#include "runtime/actor/here.h"

struct copi_counters {
#define COP_X(name) _Atomic uint64_t name;
    COP_COUNTERS(COP_X)
#undef COP_X
};

/* Those of threads that are no workers'. */
extern struct copi_counters copi_counters_outside;

/* The same for who has the thread's counters at hand: on a worker's thread
 * only. */
static inline void copi_count_in(_Atomic uint64_t *counter)
{
    uint64_t v = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, v + 1, memory_order_relaxed);
}

/* Adds to a counter of the calling thread. */
#define COPI_COUNT(name)                                                       \
    do {                                                                       \
        struct copi_counters *copi_c = copi_here()->counters;                  \
        if (COPI_LIKELY(copi_c != NULL))                                       \
            copi_count_in(&copi_c->name);                                      \
        else                                                                   \
            atomic_fetch_add_explicit(&copi_counters_outside.name, 1,          \
                                      memory_order_relaxed);                   \
    } while (0)

void copi_counters_clear(struct copi_counters *c);

#endif
