/* SPDX-License-Identifier: MIT
 *
 * fault.c - failures on order. Rank: 1. Words and use: fault.h.
 *
 * The plan of a point is one word (nth and sticky together), so that a pass
 * never sees half of one. The count is a read-modify-write: every pass gets a
 * number of its own, and exactly one is the nth. Relaxed throughout: a point
 * orders nothing, and its setter waits until nobody passes.
 */
#include "runtime/probe/fault.h"

#include "runtime/base/check.h"

enum { PLANNED = 16 }; /* the mask's bits from here on are the plan's */

_Static_assert((int)COPI_FAULT_COUNT <= (int)PLANNED,
               "a point is a bit of the mask");

struct point {
    _Atomic uint64_t plan; /* nth * 2 + sticky */
    _Atomic uint64_t count;
};

_Atomic uint32_t copi_fault_mask;
static struct point points[COPI_FAULT_COUNT];
static _Atomic(bool (*)(enum copi_fault_point)) planner;

static const char *const names[] = {
#define COPI_X(name, text, what) text,
    COPI_FAULTS(COPI_X)
#undef COPI_X
};

static bool is_set(unsigned bit)
{
    return atomic_load_explicit(&copi_fault_mask, memory_order_relaxed) >> bit &
           1;
}

static bool is_ordered(enum copi_fault_point point)
{
    struct point *p = &points[point];
    uint64_t plan, pass;

    if (!is_set(point))
        return false;
    plan = atomic_load_explicit(&p->plan, memory_order_relaxed);
    pass = atomic_fetch_add_explicit(&p->count, 1, memory_order_relaxed) + 1;
    return plan & 1 ? pass >= plan >> 1 : pass == plan >> 1;
}

static bool is_planned(enum copi_fault_point point)
{
    bool (*decide)(enum copi_fault_point);

    if (!is_set(PLANNED + point))
        return false;
    /* acquire: pairs with copi_fault_plan, shows what decide uses. The bit may
     * be seen before it. */
    decide = atomic_load_explicit(&planner, memory_order_acquire);
    return decide != NULL && decide(point);
}

bool copi_fault_pass(enum copi_fault_point point)
{
    bool ordered = is_ordered(point);

    return is_planned(point) || ordered;
}

void copi_fault_plan(uint32_t which,
                     bool (*decide)(enum copi_fault_point point))
{
    const uint32_t own = (UINT32_C(1) << PLANNED) - 1;

    atomic_fetch_and_explicit(&copi_fault_mask, own, memory_order_relaxed);
    if (which == 0)
        return;
    /* release: pairs with is_planned */
    atomic_store_explicit(&planner, decide, memory_order_release);
    atomic_fetch_or_explicit(&copi_fault_mask, which << PLANNED,
                             memory_order_relaxed);
}

void copi_fault_set(enum copi_fault_point point, uint64_t nth, bool sticky)
{
    struct point *p = &points[point];
    uint32_t bit = UINT32_C(1) << point;

    COPI_ASSERT(point < COPI_FAULT_COUNT && nth <= COPI_FAULT_NEVER);
    atomic_fetch_and_explicit(&copi_fault_mask, ~bit, memory_order_relaxed);
    if (nth == 0)
        return;
    atomic_store_explicit(&p->plan, nth * 2 + sticky, memory_order_relaxed);
    atomic_store_explicit(&p->count, 0, memory_order_relaxed);
    atomic_fetch_or_explicit(&copi_fault_mask, bit, memory_order_relaxed);
}

uint64_t copi_fault_count(enum copi_fault_point point)
{
    return atomic_load_explicit(&points[point].count, memory_order_relaxed);
}

const char *copi_fault_name(enum copi_fault_point point)
{
    return point < COPI_FAULT_COUNT ? names[point] : NULL;
}

int copi_fault_find(const char *name)
{
    for (int i = 0; i < COPI_FAULT_COUNT; i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    return -1;
}
