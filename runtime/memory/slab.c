/* SPDX-License-Identifier: MIT
 *
 * slab.c - cells of a few fixed sizes, from per-thread magazines. Rank: 1.
 *
 * Words. A *cell* is one allocation of mem's. A *magazine* is a chain of free
 * cells with their number. A worker thread has two of each class, *loaded* and
 * *spare*; the *depot* holds those that no thread has.
 *
 * A cell is popped from and pushed to the loaded magazine, last in first out,
 * so that it is still in the cache. When that is empty (full) it is exchanged
 * for the spare one; when that is no better, for a full (empty) one of the
 * depot. Two magazines, so that a thread which pops and pushes at the edge of
 * one does not run to the depot each time. What one worker makes and another
 * frees thus comes home by the magazine, for one short lock in 64 cells.
 *
 * The links are in the cells themselves: neither a magazine nor the depot ever
 * needs memory, so freeing cannot fail.
 *
 * Invariants:
 *  1. A cell is with its user, in one magazine, or back in mem.
 *  2. A magazine holds at most magazine_cells; one in the depot is not empty.
 *  3. A thread's magazines are touched by that thread alone, and never across
 *     a switch of coroutines: no function here switches, and none that touches
 *     them is preempted (COPI_EDGE), as programs make and free messages
 *     without entering the runtime.
 *
 * Rejected: a return queue per owning thread (needs to know the owner of each
 * cell, and to be emptied by somebody who may be asleep); magazines as arrays
 * of pointers (memory of their own, more cache lines).
 *
 * Shutdown: each worker calls copi_slab_thread_fini, then somebody
 * copi_slab_trim; afterwards nothing is held here.
 */
#include "runtime/memory/slab.h"

#include "runtime/base/check.h"
#include "runtime/base/lock.h"
#include "runtime/memory/mem.h"
#include "runtime/probe/fault.h"

enum { GROW_CELLS = 16 }; /* that come from mem at a time */

struct depot {
    struct copi_slab_cell
        *first; /* a stack of magazines: the warmest goes out first */
    uint32_t magazines;
};

struct copi_slab_config copi_slab_config = {
    .magazine_cells = 64,
    .depot_magazines = 1024,
};

static const size_t class_bytes[] = {
#define COPI_X(bytes) bytes,
    COPI_SLAB_CLASSES(COPI_X)
#undef COPI_X
};

static struct copi_lock depot_lock = COPI_LOCK_INIT(COPI_LOCK_SLAB);
static struct depot depots[COPI_SLAB_COUNT]; /* under depot_lock */

COPI_THREAD_LOCAL struct copi_slab_cache copi_slab_own;

COPI_EDGE COPI_NOINLINE struct copi_slab_cache *copi_slab_cache(void)
{
    return &copi_slab_own;
}

/* ----------------------------------------------------------- magazines -- */

COPI_EDGE static struct copi_slab_magazine
take_all(struct copi_slab_magazine *m)
{
    struct copi_slab_magazine all = *m;

    *m = (struct copi_slab_magazine){0};
    return all;
}

static void free_all(enum copi_slab_class c, struct copi_slab_magazine m)
{
    while (m.head)
        copi_mem_free(copi_slab_pop(&m), class_bytes[c]);
    COPI_ASSERTF(m.count == 0, "%u cells missing", m.count);
}

/* --------------------------------------------------------------- depot -- */

/* Full, it gives the magazine to mem, outside of the lock. */
COPI_EDGE static void depot_put(enum copi_slab_class c,
                                struct copi_slab_magazine m)
{
    struct depot *d = &depots[c];
    bool is_full;

    COPI_ASSERT(m.head && m.count > 0);
    copi_lock_acquire(&depot_lock);
    is_full = d->magazines >= copi_slab_config.depot_magazines;
    if (!is_full) {
        m.head->count = m.count;
        m.head->next_magazine = d->first;
        d->first = m.head;
        d->magazines++;
    }
    copi_lock_release(&depot_lock);
    if (is_full)
        free_all(c, m);
}

COPI_EDGE static struct copi_slab_magazine depot_take_locked(struct depot *d)
{
    struct copi_slab_magazine m = {.head = d->first};

    if (!m.head)
        return m;
    m.count = m.head->count;
    d->first = m.head->next_magazine;
    d->magazines--;
    return m;
}

COPI_EDGE static struct copi_slab_magazine depot_take(enum copi_slab_class c)
{
    struct copi_slab_magazine m;

    copi_lock_acquire(&depot_lock);
    m = depot_take_locked(&depots[c]);
    copi_lock_release(&depot_lock);
    return m;
}

/* For threads without magazines: what they make and a worker frees would
 * otherwise fill the depot. NULL: it is empty. */
COPI_EDGE static struct copi_slab_cell *depot_take_one(enum copi_slab_class c)
{
    struct depot *d = &depots[c];
    struct copi_slab_cell *cell, *rest;

    copi_lock_acquire(&depot_lock);
    cell = d->first;
    if (cell && cell->count > 1) {
        rest = cell->next;
        rest->count = cell->count - 1;
        rest->next_magazine = cell->next_magazine;
        d->first = rest;
    } else if (cell) {
        (void)depot_take_locked(d);
    }
    copi_lock_release(&depot_lock);
    return cell;
}

/* --------------------------------------------------------------- cells -- */

/* The loaded magazine is empty; false: so is everything else. */
COPI_EDGE static bool reload(struct copi_slab_cache *cache,
                             enum copi_slab_class c)
{
    if (cache->spare[c].head)
        cache->loaded[c] = take_all(&cache->spare[c]);
    else
        cache->loaded[c] = depot_take(c);
    return cache->loaded[c].head != NULL;
}

/* The loaded magazine is full. */
COPI_EDGE static void unload(struct copi_slab_cache *cache,
                             enum copi_slab_class c)
{
    if (cache->spare[c].head)
        depot_put(c, take_all(&cache->spare[c]));
    cache->spare[c] = take_all(&cache->loaded[c]);
}

/* A wrong order of locks would show only when the depot is needed: here, on
 * every cell of a sanitizer build, it shows at once. */
static void assert_may_lock(void)
{
    COPI_ASSERT(copi_lock_may_acquire(COPI_LOCK_SLAB));
}

/* There is no free cell anywhere: a few at a time come from mem, as more will
 * be wanted. Gives one of them; NULL: mem has none. */
COPI_EDGE static struct copi_slab_cell *grow(struct copi_slab_cache *cache,
                                             enum copi_slab_class c)
{
    struct copi_slab_cell *cell = NULL;
    uint32_t n = COPI_MIN(cache->limit, (uint32_t)GROW_CELLS);

    for (uint32_t i = 0; i < n; i++) {
        void *next = copi_mem_take(class_bytes[c], COPI_CACHE_LINE);

        if (next == NULL)
            break;
        if (cell != NULL)
            copi_slab_push(&cache->loaded[c], cell);
        cell = next;
    }
    return cell;
}

COPI_EDGE void *copi_slab_alloc_slowly(struct copi_slab_cache *cache,
                                       enum copi_slab_class c)
{
    void *cell;

    COPI_ASSERT(c < COPI_SLAB_COUNT);
    if (copi_fault_alloc())
        return NULL;
    if (cache->limit == 0) {
        assert_may_lock();
        cell = depot_take_one(c);
        return cell ? cell : copi_mem_take(class_bytes[c], COPI_CACHE_LINE);
    }
    if (cache->loaded[c].head || reload(cache, c))
        return copi_slab_pop(&cache->loaded[c]);
    return grow(cache, c);
}

COPI_EDGE void copi_slab_free_slowly(struct copi_slab_cache *cache,
                                     enum copi_slab_class c, void *p)
{
    COPI_ASSERT(c < COPI_SLAB_COUNT);
    if (cache->limit == 0) {
        assert_may_lock();
        copi_mem_free(p, class_bytes[c]);
        return;
    }
    if (cache->loaded[c].count >= cache->limit)
        unload(cache, c);
    copi_slab_push(&cache->loaded[c], p);
}

COPI_EDGE void *copi_slab_alloc(enum copi_slab_class c)
{
    return copi_slab_alloc_from(&copi_slab_own, c);
}

COPI_EDGE void copi_slab_free(enum copi_slab_class c, void *p)
{
    if (p != NULL)
        copi_slab_free_to(&copi_slab_own, c, p);
}

enum copi_slab_class copi_slab_class_of(size_t n)
{
    int c = 0;

    while (c < COPI_SLAB_COUNT && class_bytes[c] < n)
        c++;
    return (enum copi_slab_class)c;
}

size_t copi_slab_bytes(enum copi_slab_class c)
{
    COPI_ASSERT(c < COPI_SLAB_COUNT);
    return class_bytes[c];
}

/* ------------------------------------------------------------- threads -- */

COPI_OUTLINE void copi_slab_thread_init(void)
{
    struct copi_slab_cache *cache = copi_slab_cache();
    bool is_watched = copi_mem_is_watched || COPI_ASAN;

    COPI_ASSERT(cache->limit == 0 && copi_slab_config.magazine_cells > 0);
    copi_mem_thread_init();
    if (!is_watched || copi_slab_config.even_if_watched)
        cache->limit = copi_slab_config.magazine_cells;
}

COPI_OUTLINE void copi_slab_thread_fini(void)
{
    struct copi_slab_cache *cache = copi_slab_cache();

    for (int i = 0; i < COPI_SLAB_COUNT; i++) {
        enum copi_slab_class c = (enum copi_slab_class)i;

        if (cache->loaded[c].head)
            depot_put(c, take_all(&cache->loaded[c]));
        if (cache->spare[c].head)
            depot_put(c, take_all(&cache->spare[c]));
    }
    cache->limit = 0;
    copi_mem_thread_fini();
}

void copi_slab_trim(void)
{
    for (int i = 0; i < COPI_SLAB_COUNT; i++) {
        enum copi_slab_class c = (enum copi_slab_class)i;
        struct copi_slab_magazine m;

        while (m = depot_take(c), m.head)
            free_all(c, m);
    }
}

static void check_magazine(const struct copi_slab_cell *head, uint32_t count)
{
    uint32_t found = 0;

    for (const struct copi_slab_cell *cell = head; cell; cell = cell->next)
        found++;
    COPI_ASSERTF(found == count, "%u cells, count %u", found, count);
    COPI_ASSERT(count <= copi_slab_config.magazine_cells);
}

static void check_depot_locked(const struct depot *d)
{
    uint32_t found = 0;

    for (const struct copi_slab_cell *m = d->first; m; m = m->next_magazine) {
        check_magazine(m, m->count);
        COPI_ASSERT(m->count > 0);
        found++;
    }
    COPI_ASSERTF(found == d->magazines, "%u magazines, count %u", found,
                 d->magazines);
}

COPI_OUTLINE void copi_slab_check(void)
{
    struct copi_slab_cache *cache = copi_slab_cache();

    copi_lock_acquire(&depot_lock);
    for (int c = 0; c < COPI_SLAB_COUNT; c++) {
        check_depot_locked(&depots[c]);
        check_magazine(cache->loaded[c].head, cache->loaded[c].count);
        check_magazine(cache->spare[c].head, cache->spare[c].count);
        COPI_ASSERT(cache->limit != 0 || !cache->loaded[c].head);
    }
    copi_lock_release(&depot_lock);
}
