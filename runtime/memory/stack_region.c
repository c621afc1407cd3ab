/* SPDX-License-Identifier: MIT
 *
 * stack_region.c - all stacks of one size. Rank: 1.
 *
 * The reservation is made at the first use, slots are used from the bottom up,
 * the reservation is made usable in steps that double, and pages come from the
 * kernel when they are touched. A slot is a guard and above it the stack. What
 * is known of a slot lies in a table beside the region, not in the stack,
 * where an overflow would find it.
 *
 * Invariants
 * 1. A slot is in at most one place: the hot pile, the cold pile, or away (a
 *    holder, a magazine, or a thread that is just chilling it).
 * 2. Slots below `fresh` lie below `committed`, and have a guard or get it
 *    from their first taker before anything runs there.
 * 3. `base`, `slots` and `slots_max` are constant from the first use to fini;
 *    who has a slot's number has learned of them under the lock.
 * 4. The table's entry of a slot belongs to whoever has the slot.
 *
 * Memory goes back to the system when stacks are given beyond the hot ones;
 * address space only at fini.
 */
#include "runtime/memory/stack_region.h"

#include "runtime/base/check.h"
#include "runtime/base/os.h"
#include "runtime/memory/stack_guard.h"
#include "runtime/memory/stack_pages.h"
#include "runtime/memory/stack_tools.h"

#define COMMIT_STEP_MAX 1024
#define NO_SLOT UINT32_MAX

static size_t round_to_page(size_t n)
{
    size_t page = copi_os_page_size();

    return (n + page - 1) / page * page;
}

static void pile_push(struct copi_stack_region *r, struct copi_stack_pile *p,
                      uint32_t i)
{
    r->slots[i].next = p->top;
    p->top = i;
    p->count++;
}

static uint32_t pile_pop(struct copi_stack_region *r, struct copi_stack_pile *p)
{
    uint32_t i = p->top;

    COPI_ASSERT(i != NO_SLOT && p->count > 0);
    p->top = r->slots[i].next;
    p->count--;
    return i;
}

/* The wish, or when that is refused a quarter of what would just fit, for the
 * other classes and the rest of the process need room too. */
static char *reserve_slots(size_t stride, uint32_t wish, uint32_t *got)
{
    uint32_t n = wish;
    char *p = copi_os_reserve(n * stride);

    while (p == NULL && n > 1) {
        n /= 2;
        p = copi_os_reserve(n * stride);
        if (p != NULL && n > 4) {
            copi_os_release(p, n * stride);
            n /= 4;
            p = copi_os_reserve(n * stride);
        }
    }
    *got = n;
    return p;
}

static int open_locked(struct copi_stack_region *r)
{
    uint32_t n;

    char *base = reserve_slots(r->stride, r->slots_max, &n);
    if (base == NULL)
        return COP_ENOMEM;
    size_t bytes = round_to_page(n * sizeof(*r->slots));
    struct copi_stack_slot *slots = copi_os_reserve(bytes);
    if (slots == NULL) {
        copi_os_release(base, n * r->stride);
        return COP_ENOMEM;
    }
    copi_stack_pages_no_huge(base, n * r->stride);
    r->base = base;
    r->slots = slots;
    r->slots_max = n;
    r->slots_bytes = bytes;
    return 0;
}

/* More slots usable: as many again as there are, within limits. */
static int grow_locked(struct copi_stack_region *r)
{
    uint32_t old = r->committed;
    uint32_t step = COPI_MIN(COPI_MAX(old, 1u), (uint32_t)COMMIT_STEP_MAX);
    uint32_t n = COPI_MIN(old + step, r->slots_max);
    size_t table_old = round_to_page(old * sizeof(*r->slots));
    size_t table_new = round_to_page(n * sizeof(*r->slots));

    if (table_new > table_old &&
        copi_os_commit((char *)r->slots + table_old, table_new - table_old))
        return COP_ENOMEM;
    if (copi_os_commit(r->base + old * r->stride, (n - old) * r->stride) != 0)
        return COP_ENOMEM;
    r->committed = n;
    return 0;
}

static int fresh_locked(struct copi_stack_region *r, uint32_t *out)
{
    int err = r->base == NULL ? open_locked(r) : 0;

    if (err == 0 && r->fresh == r->slots_max)
        err = COP_ELIMIT;
    if (err == 0 && r->fresh == r->committed)
        err = grow_locked(r);
    if (err == 0)
        *out = r->fresh++;
    return err;
}

/* The first taker of a slot does this, without the lock: nobody else knows
 * the slot. */
static void prepare(struct copi_stack_region *r, uint32_t i)
{
    char *low = copi_stack_region_low(r, i);

    r->slots[i].guard = (uint8_t)copi_stack_guard_make(low - r->guard_bytes);
    r->slots[i].tools_id = copi_stack_tools_add(low, r->size);
}

int copi_stack_region_take(struct copi_stack_region *r, uint32_t *out,
                           uint32_t *more, uint32_t want, uint32_t *got)
{
    uint32_t n = 0;
    int err = 0;

    copi_lock_acquire(&r->lock);
    if (r->hot.count > 0)
        *out = pile_pop(r, &r->hot);
    else if (r->cold.count > 0)
        *out = pile_pop(r, &r->cold);
    else
        err = fresh_locked(r, out);
    if (err == 0)
        n = COPI_MIN(r->hot.count, want);
    for (uint32_t k = n; k > 0; k--)
        more[k - 1] = pile_pop(r, &r->hot);
    copi_lock_release(&r->lock);
    *got = n;
    if (err == 0 && r->slots[*out].state == COPI_STACK_SLOT_FRESH)
        prepare(r, *out);
    return err;
}

/* A TSan fiber is 140 KB: it goes with the pages. */
static void chill(struct copi_stack_region *r, uint32_t i)
{
    struct copi_stack_slot *slot = &r->slots[i];

    copi_stack_tools_fiber_free(slot->fiber);
    slot->fiber = NULL;
    int refused = copi_os_decommit(copi_stack_region_low(r, i), r->size);
    (void)refused; /* locked memory: then the pages just stay */
}

/* The youngest stay hot as far as there is room. Chilling takes a system call
 * each, so it is done between two locked parts. */
void copi_stack_region_give(struct copi_stack_region *r, const uint32_t *idle,
                            uint32_t n)
{
    uint32_t room = 0;

    copi_lock_acquire(&r->lock);
    if (r->hot.count < r->idle_hot)
        room = COPI_MIN(r->idle_hot - r->hot.count, n);
    for (uint32_t k = n - room; k < n; k++)
        pile_push(r, &r->hot, idle[k]);
    copi_lock_release(&r->lock);
    if (room == n)
        return;
    for (uint32_t k = 0; k < n - room; k++)
        chill(r, idle[k]);
    copi_lock_acquire(&r->lock);
    for (uint32_t k = 0; k < n - room; k++)
        pile_push(r, &r->cold, idle[k]);
    copi_lock_release(&r->lock);
}

void copi_stack_region_stats(struct copi_stack_region *r,
                             struct copi_stack_stats *out)
{
    copi_lock_acquire(&r->lock);
    out->live += r->fresh;
    out->idle_hot += r->hot.count;
    out->idle_cold += r->cold.count;
    if (r->base != NULL)
        out->reserved_bytes += r->slots_max * r->stride;
    copi_lock_release(&r->lock);
}

void copi_stack_region_init(struct copi_stack_region *r, size_t size,
                            const struct copi_stack_config *cfg)
{
    memset(r, 0, sizeof(*r));
    r->size = size;
    r->guard_bytes = copi_stack_guard_bytes();
    r->stride = size + r->guard_bytes;
    r->idle_hot = cfg->idle_hot;
    size_t fits = COPI_MAX(cfg->region_bytes / r->stride, 1u);
    r->slots_max = (uint32_t)COPI_MIN(fits, cfg->slots_max);
    r->hot.top = NO_SLOT;
    r->cold.top = NO_SLOT;
    copi_lock_init(&r->lock, COPI_LOCK_STACK);
}

void copi_stack_region_fini(struct copi_stack_region *r)
{
    for (uint32_t i = 0; i < r->fresh; i++) {
        copi_stack_tools_remove(copi_stack_region_low(r, i), r->size,
                                r->slots[i].tools_id);
        copi_stack_tools_fiber_free(r->slots[i].fiber);
    }
    if (r->base != NULL) {
        copi_os_release(r->base, r->slots_max * r->stride);
        copi_os_release(r->slots, r->slots_bytes);
    }
    copi_lock_fini(&r->lock);
}
