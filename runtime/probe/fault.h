/* SPDX-License-Identifier: MIT
 *
 * fault.h - failures on order: named points that tests can make fail. Rank: 1.
 *
 * A caller passes a point before it asks for something that may be refused:
 *
 *     if (copi_fault(COPI_FAULT_MAP))
 *         return COP_ENOMEM;
 *
 * A point that is off costs a load and a predictable branch. A test sets a
 * point to fail at the 1st, 2nd, ... n-th pass, until a run ends with fewer
 * passes than n: then every failure has been had.
 */
#ifndef COPI_PROBE_FAULT_H
#define COPI_PROBE_FAULT_H

#include "runtime/base/base.h"

/* name, its text, what is refused there. */
#define COPI_FAULTS(X)                                                         \
    X(ALLOC, "alloc", "memory from mem or slab")                               \
    X(MAP, "map", "address space and pages for stacks")                        \
    X(THREAD, "thread", "a new thread")                                        \
    X(SPAWN, "spawn", "a new actor")

enum copi_fault_point {
#define COPI_X(name, text, what) COPI_FAULT_##name,
    COPI_FAULTS(COPI_X)
#undef COPI_X
        COPI_FAULT_COUNT
};

/* nth for copi_fault_set: never fail, only count. */
#define COPI_FAULT_NEVER (UINT64_MAX >> 1)

/* Bit p: point p is set; bit 16 + p: a plan decides about it. Read by
 * copi_fault only. */
extern _Atomic uint32_t copi_fault_mask;

bool copi_fault_pass(enum copi_fault_point point);

/* Could any point fail now? */
COPI_EDGE_PART bool copi_fault_is_on(void)
{
    return COPI_UNLIKELY(
        atomic_load_explicit(&copi_fault_mask, memory_order_relaxed) != 0);
}

/* True: fail now. Any thread. */
static inline bool copi_fault(enum copi_fault_point point)
{
    return copi_fault_is_on() && copi_fault_pass(point);
}

/* From now on the nth pass fails (1: the next one), and with `sticky` all that
 * follow. 0: off. Passes of all threads count, each exactly once; but set it
 * only while no other thread passes. */
void copi_fault_set(enum copi_fault_point point, uint64_t nth, bool sticky);

/* Passes since it was set, failed ones too. While off: as it was left. */
uint64_t copi_fault_count(enum copi_fault_point point);

/* Bit p of `points`: from now on `decide`, which may be called on any thread
 * and under any lock, makes point p fail as well, whenever it says so. 0: none
 * any more; a call under way may still come to its end. */
void copi_fault_plan(uint32_t points,
                     bool (*decide)(enum copi_fault_point point));

/* "alloc"; NULL for no point. And back: -1 if there is none of that name. */
const char *copi_fault_name(enum copi_fault_point point);
int copi_fault_find(const char *name);

/* The commonest point, by itself. */
static inline bool copi_fault_alloc(void)
{
    return copi_fault(COPI_FAULT_ALLOC);
}

static inline void copi_fault_alloc_set(uint64_t nth, bool sticky)
{
    copi_fault_set(COPI_FAULT_ALLOC, nth, sticky);
}

static inline uint64_t copi_fault_alloc_count(void)
{
    return copi_fault_count(COPI_FAULT_ALLOC);
}

#endif
