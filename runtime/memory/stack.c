/* SPDX-License-Identifier: MIT
 *
 * stack.c - the pool of coroutine stacks. Rank: 1.
 *
 * Each size class has a region of slots (stack_region.c), each slot a guard
 * below its stack (stack_guard.c). Here: which class, workers' magazines, and
 * the books at each change of hands.
 *
 * Words
 *   fresh      a slot never used; no guard yet
 *   hot        idle with its pages; taken again last-in first-out, so that
 *              what is in the caches stays in use
 *   cold       idle, pages given back; a class keeps config.idle_hot hot ones
 *   magazine   a worker's own hot slots of a class, taken without a lock;
 *              exchanged with the region by halves
 *
 * States of a slot:  FRESH -> LIVE <-> IDLE (hot, cold or in a magazine)
 *
 * Stacks are alike to the page, so the busiest part of every one, its top,
 * would fall into the same few sets of the processor's cache. Hence colours:
 * each slot begins at one of 16 places in its top page. Entering 1,000 small
 * coroutines in turn took 183 ns each without them, 104 ns with.
 *
 * A magazine's slots belong to its thread; its counts are read by others for
 * statistics. Other threads than workers have none.
 *
 * Rejected: a mapping per stack (three system calls, and the limit of
 * mappings at 32,000); sizes to the page (slots of all sizes fragment);
 * linking idle stacks through themselves (touches a cold one); painting
 * stacks to measure them (touches all of it).
 */
#include "runtime/memory/stack.h"

#include "runtime/base/check.h"
#include "runtime/base/list.h"
#include "runtime/base/lock.h"
#include "runtime/memory/mem.h"
#include "runtime/memory/stack_guard.h"
#include "runtime/memory/stack_pages.h"
#include "runtime/memory/stack_region.h"
#include "runtime/memory/stack_tools.h"
#include "runtime/probe/fault.h"

#define MAGAZINE_MAX 32
#define SLOTS_MAX ((uint32_t)1 << 20)
#define COLOURS 16
#define COLOUR_BYTES 128

struct magazine {
    struct copi_list link; /* under pool.lock */
    struct {
        /* Written by its thread only; relaxed: read for statistics. */
        _Atomic uint32_t count;
        uint32_t slot[MAGAZINE_MAX]; /* oldest first */
    } of[COPI_STACK_CLASSES];
};

static struct {
    bool is_ready;
    struct copi_stack_config config;
    struct copi_lock lock; /* the list of magazines */
    struct copi_list magazines;
    struct copi_stack_region regions[COPI_STACK_CLASSES];
} pool;

static COPI_THREAD_LOCAL struct magazine *this_magazine;

static COPI_NOINLINE struct magazine *magazine_get(void)
{
    return this_magazine;
}

static COPI_NOINLINE void magazine_set(struct magazine *m)
{
    this_magazine = m;
}

static uint32_t class_of(size_t bytes)
{
    if (bytes <= COPI_STACK_MIN)
        return 0;
    return (uint32_t)(64 - __builtin_clzll(bytes - 1) -
                      (63 - __builtin_clzll(COPI_STACK_MIN)));
}

/* ----------------------------------------------------------- magazines -- */

void copi_stack_thread_init(void)
{
    if (pool.config.magazine == 0 || magazine_get() != NULL)
        return;
    struct magazine *m = copi_mem_zalloc(sizeof(*m));
    if (m == NULL)
        return;
    copi_list_init(&m->link);
    copi_lock_acquire(&pool.lock);
    copi_list_push_back(&pool.magazines, &m->link);
    copi_lock_release(&pool.lock);
    magazine_set(m);
}

void copi_stack_thread_fini(void)
{
    struct magazine *m = magazine_get();

    if (m == NULL)
        return;
    magazine_set(NULL);
    for (uint32_t cls = 0; cls < COPI_STACK_CLASSES; cls++) {
        uint32_t n =
            atomic_load_explicit(&m->of[cls].count, memory_order_relaxed);
        atomic_store_explicit(&m->of[cls].count, 0, memory_order_relaxed);
        if (n > 0)
            copi_stack_region_give(&pool.regions[cls], m->of[cls].slot, n);
    }
    copi_lock_acquire(&pool.lock);
    copi_list_remove(&m->link);
    copi_lock_release(&pool.lock);
    copi_mem_free(m, sizeof(*m));
}

static int slot_take(uint32_t cls, uint32_t *out)
{
    struct magazine *m = magazine_get();
    uint32_t n;
    int err;

    if (m == NULL)
        return copi_stack_region_take(&pool.regions[cls], out, NULL, 0, &n);
    n = atomic_load_explicit(&m->of[cls].count, memory_order_relaxed);
    if (n == 0) {
        err = copi_stack_region_take(&pool.regions[cls], out, m->of[cls].slot,
                                     pool.config.magazine / 2, &n);
        atomic_store_explicit(&m->of[cls].count, n, memory_order_relaxed);
        return err;
    }
    *out = m->of[cls].slot[n - 1];
    atomic_store_explicit(&m->of[cls].count, n - 1, memory_order_relaxed);
    return 0;
}

static void slot_give(uint32_t cls, uint32_t i)
{
    struct magazine *m = magazine_get();
    uint32_t n;

    if (m == NULL) {
        copi_stack_region_give(&pool.regions[cls], &i, 1);
        return;
    }
    n = atomic_load_explicit(&m->of[cls].count, memory_order_relaxed);
    if (n == pool.config.magazine) {
        uint32_t *slots = m->of[cls].slot;
        uint32_t half = (n + 1) / 2;

        copi_stack_region_give(&pool.regions[cls], slots, half);
        n -= half;
        memmove(slots, slots + half, n * sizeof(*slots));
    }
    m->of[cls].slot[n] = i;
    atomic_store_explicit(&m->of[cls].count, n + 1, memory_order_relaxed);
}

/* -------------------------------------------------------- taking, giving -- */

int copi_stack_get(struct copi_stack *out, size_t want_bytes)
{
    size_t want = want_bytes == 0 ? COPI_STACK_DEFAULT : want_bytes;
    uint32_t i = 0;

    COPI_ASSERT(pool.is_ready);
    *out = (struct copi_stack){.low = NULL};
    if (want > COPI_STACK_MAX)
        return COP_EINVAL;
    if (copi_fault(COPI_FAULT_MAP))
        return COP_ENOMEM;
    uint32_t cls = class_of(want);
    int err = slot_take(cls, &i);
    if (err != 0)
        return err;

    struct copi_stack_region *r = &pool.regions[cls];
    struct copi_stack_slot *slot = &r->slots[i];
    COPI_ASSERT(slot->state != COPI_STACK_SLOT_LIVE);
    slot->state = COPI_STACK_SLOT_LIVE;
    out->low = copi_stack_region_low(r, i);
    out->size = r->size;
    out->top = out->low + out->size - i % COLOURS * COLOUR_BYTES;
    out->cls = cls;
    out->slot = i;
    out->guard_bytes = (uint32_t)r->guard_bytes;
    out->guard = (enum copi_stack_guard)slot->guard;
    out->fiber = slot->fiber;
    out->fiber_uses = slot->fiber_uses;
    copi_stack_renew(out);
    return 0;
}

void copi_stack_renew(struct copi_stack *s)
{
    copi_stack_guard_look(s);
    s->sp_low = s->top;
    copi_stack_tools_renew(s->low, s->size);
}

void copi_stack_put(struct copi_stack *s)
{
    struct copi_stack_region *r = &pool.regions[s->cls];
    struct copi_stack_slot *slot = &r->slots[s->slot];

    COPI_ASSERT(s->low != NULL && s->low == copi_stack_region_low(r, s->slot));
    COPI_ASSERT(slot->state == COPI_STACK_SLOT_LIVE);
    copi_stack_guard_look(s);
    slot->state = COPI_STACK_SLOT_IDLE;
    slot->fiber = s->fiber;
    slot->fiber_uses = (uint16_t)s->fiber_uses;
    slot_give(s->cls, s->slot);
    *s = (struct copi_stack){.low = NULL};
}

/* ----------------------------------------------------------- measuring -- */

size_t copi_stack_high_water(const struct copi_stack *s)
{
    return (size_t)(s->top - s->sp_low);
}

size_t copi_stack_touched(const struct copi_stack *s)
{
    return s->size - copi_stack_pages_untouched(s->low, s->size);
}

static size_t magazines_count(void)
{
    size_t n = 0;

    copi_lock_acquire(&pool.lock);
    for (struct copi_list *l = pool.magazines.next; l != &pool.magazines;
         l = l->next) {
        struct magazine *m = COPI_CONTAINER(l, struct magazine, link);

        for (uint32_t cls = 0; cls < COPI_STACK_CLASSES; cls++)
            n += atomic_load_explicit(&m->of[cls].count, memory_order_relaxed);
    }
    copi_lock_release(&pool.lock);
    return n;
}

void copi_stack_stats_get(struct copi_stack_stats *out)
{
    *out = (struct copi_stack_stats){.overflows = copi_stack_guard_overflows()};
    for (uint32_t cls = 0; cls < COPI_STACK_CLASSES; cls++)
        copi_stack_region_stats(&pool.regions[cls], out);
    out->idle_hot += magazines_count();
    out->live -= out->idle_hot + out->idle_cold;
}

/* -------------------------------------------------------- start and end -- */

struct copi_stack_config copi_stack_config_default(void)
{
    bool is_checked = copi_stack_tools_active();

    return (struct copi_stack_config){
        .slots_max = SLOTS_MAX,
        .region_bytes = (size_t)(is_checked ? 8 : 72) << 30,
        /* What lies on an idle stack would hide leaks and misuse. */
        .idle_hot = COPI_ASAN ? 0 : 256,
        .magazine = COPI_ASAN ? 0 : MAGAZINE_MAX,
        .map_budget = 0,
    };
}

int copi_stack_init_with(const struct copi_stack_config *cfg)
{
    COPI_ASSERT(!pool.is_ready);
    COPI_ASSERT(cfg->slots_max >= 1 && cfg->slots_max <= SLOTS_MAX);
    COPI_ASSERT(cfg->magazine <= MAGAZINE_MAX);
    int err = copi_stack_guard_init(cfg->map_budget);
    if (err != 0)
        return err;
    pool.config = *cfg;
    copi_lock_init(&pool.lock, COPI_LOCK_STACK);
    copi_list_init(&pool.magazines);
    for (uint32_t cls = 0; cls < COPI_STACK_CLASSES; cls++)
        copi_stack_region_init(&pool.regions[cls], COPI_STACK_MIN << cls, cfg);
    pool.is_ready = true;
    return 0;
}

int copi_stack_init(void)
{
    struct copi_stack_config cfg = copi_stack_config_default();

    return copi_stack_init_with(&cfg);
}

void copi_stack_fini(void)
{
    struct copi_stack_stats stats;

    COPI_ASSERT(pool.is_ready);
    COPI_ASSERT(copi_list_is_empty(&pool.magazines));
    copi_stack_stats_get(&stats);
    COPI_ASSERTF(stats.live == 0, "%zu stacks are not back", stats.live);
    for (uint32_t cls = 0; cls < COPI_STACK_CLASSES; cls++)
        copi_stack_region_fini(&pool.regions[cls]);
    copi_lock_fini(&pool.lock);
    pool.is_ready = false;
}
