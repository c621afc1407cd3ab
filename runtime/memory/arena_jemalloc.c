/* SPDX-License-Identifier: MIT
 *
 * arena_jemalloc.c - arenas of jemalloc, from a pool. Rank: 1.
 *
 * An arena of its own for whoever wants one would cost 40 us and more to make,
 * and as much to destroy; so those that are given back are emptied
 * (arena.i.reset, 1 us), their pages returned to the system, and kept. They
 * stay when the runtime stops: the next start finds them.
 *
 * A thread in an arena has no cache of free blocks (thread.tcache): what one
 * arena's tenant freed must not come to another's, and a cached block would be
 * in the cache after the arena was emptied. So its malloc costs 100 to 300 ns,
 * and entering and leaving together about 10 us. Whoever frees a block of an
 * arena on a thread that is not in one puts it into that thread's cache: such
 * blocks must never be given away, and the public header says so.
 *
 * The runtime's own requests name the thread's usual arena instead
 * (copi_mem_raw_mark). Frees need not: without a cache each block goes to the
 * arena it came from.
 *
 * What an arena holds is told by a counter of its pages in use that jemalloc
 * shows (experimental.arenas.i.pactivep): a plain read. Its documented counters
 * would cost a walk through all arenas.
 *
 * When the last thread leaves an arena, jemalloc returns all its free pages to
 * the system at once. The usual arena of a worker would lose them at each visit
 * elsewhere, and whoever allocates on that worker next would pay for new ones:
 * 1 ms for 2.6 MB, measured. So each such arena has a *keeper*, a thread that
 * is in it and sleeps until the runtime stops. (What is the cure there is
 * welcome in the arenas of the pool: they hold no pages that nobody uses.)
 *
 * Invariants:
 *  1. An arena is in the pool, or taken; in the pool it is empty.
 *  2. visit.arena != 0: the thread's arena is that one, its cache is off, and
 *     flags name the arena it had before.
 *
 * Rejected: flushing the cache at both ends of a visit instead of turning it
 * off: a foreign block that is freed in between would be used again. Destroying
 * arenas: numbers are limited, and memory is left behind. The thread's counters
 * of bytes taken and freed: they fall with each foreign block that is freed.
 */
#include "runtime/memory/arena.h"

#include <errno.h>
#include <jemalloc/jemalloc.h>
#include <stdlib.h>

#include "runtime/base/check.h"
#include "runtime/base/lock.h"
#include "runtime/memory/mem.h"
#include "runtime/memory/stdio.h"
#include "runtime/probe/fault.h"

enum { POOL_MAX = 4096, BATCH_MIN = 4, KEEPER_STACK = 64 << 10 };

uint32_t copi_arena_max = 256;

/* mallctl's names, looked up once. */
struct mib {
    size_t part[4];
    size_t len;
};

static struct {
    struct mib arena, cache, reset, purge, lookup, pages;
} mibs;

static struct copi_lock lock = COPI_LOCK_INIT(COPI_LOCK_ARENAS);
/* Under the lock: */
static int support; /* 0: not looked yet; 1: yes; else the error */
static unsigned pool[POOL_MAX];
static uint32_t pooled, taken;
/* jemalloc's own, of each arena that was ever taken. */
static const volatile size_t *pages[POOL_MAX];
static size_t page_bytes;

struct keeper {
    struct copi_thread thread;
    struct keeper *next;
    unsigned arena;
    uint32_t run; /* it ends when this one does */
};
static struct keeper *keepers;   /* under the lock */
static bool is_kept[POOL_MAX];   /* under the lock */
static _Atomic uint32_t run = 1; /* keepers sleep on it */

/* A thread's stay in an arena. */
struct visit {
    unsigned arena;  /* 0: none */
    unsigned before; /* the thread's usual one */
    bool had_cache;
    bool is_paused;
    uint32_t kept; /* in this run its usual arena has a keeper */
    int flags;
};
static COPI_THREAD_LOCAL struct visit own_visit;

static COPI_NOINLINE struct visit *visit(void)
{
    return &own_visit;
}

/* For the common functions, which an actor calls without entering the runtime:
 * it must not wake on another thread in here. */
COPI_EDGE static int own_flags(void)
{
    return own_visit.flags;
}

/* -------------------------------------------------------------- mallctl -- */

static bool find(struct mib *m, const char *name)
{
    m->len = COPI_ARRAY_LEN(m->part);
    return mallctlnametomib(name, m->part, &m->len) == 0;
}

static int set(const struct mib *m, void *value, size_t size)
{
    return mallctlbymib(m->part, m->len, NULL, NULL, value, size);
}

static int exchange(const struct mib *m, void *old, void *value, size_t size)
{
    size_t n = size;
    return mallctlbymib(m->part, m->len, old, &n, value, size);
}

static void tell(const struct mib *of, unsigned arena)
{
    struct mib m = *of;
    m.part[1] = arena;
    int rc = set(&m, NULL, 0);
    COPI_ASSERTF(rc == 0, "arena %u: %d", arena, rc);
}

bool copi_arena_has(uint32_t arena, const void *p)
{
    unsigned there = 0;
    size_t n = sizeof there;
    return mallctlbymib(mibs.lookup.part, mibs.lookup.len, &there, &n, &p,
                        sizeof p) == 0 &&
           there == arena;
}

/* --------------------------------------------------------------- keepers -- */

static void keeper_main(void *arg)
{
    struct keeper *k = arg;
    bool off = false;
    (void)set(&mibs.cache, &off, sizeof off);
    (void)set(&mibs.arena, &k->arena, sizeof k->arena);
    /* acquire: pairs with copi_arena_end */
    while (atomic_load_explicit(&run, memory_order_acquire) == k->run)
        copi_os_futex_wait(&run, k->run, -1);
}

static bool claim(unsigned arena)
{
    copi_lock_acquire(&lock);
    bool is_new = arena < POOL_MAX && !is_kept[arena];
    if (is_new)
        is_kept[arena] = true;
    copi_lock_release(&lock);
    return is_new;
}

/* Without one all works, but slower. */
static void keep(unsigned arena)
{
    if (!claim(arena))
        return;
    struct keeper *k = copi_mem_zalloc(sizeof *k);
    if (k == NULL)
        return;
    k->arena = arena;
    k->run = atomic_load_explicit(&run, memory_order_relaxed);
    if (copi_os_thread_start(&k->thread, "cop-keeper", KEEPER_STACK,
                             keeper_main, k) != 0) {
        copi_mem_free(k, sizeof *k);
        return;
    }
    copi_lock_acquire(&lock);
    k->next = keepers;
    keepers = k;
    copi_lock_release(&lock);
}

/* The thread's usual arena, before it leaves it for the first time. */
static void keep_usual(struct visit *v)
{
    unsigned arena;
    size_t n = sizeof arena;
    v->kept = atomic_load_explicit(&run, memory_order_relaxed);
    if (mallctlbymib(mibs.arena.part, mibs.arena.len, &arena, &n, NULL, 0) == 0)
        keep(arena);
}

void copi_arena_end(void)
{
    /* release: pairs with keeper_main */
    atomic_fetch_add_explicit(&run, 1, memory_order_release);
    copi_os_futex_wake(&run, INT_MAX);
    while (keepers != NULL) {
        struct keeper *k = keepers;
        keepers = k->next;
        copi_os_thread_join(&k->thread);
        copi_mem_free(k, sizeof *k);
    }
    memset(is_kept, 0, sizeof is_kept);
}

/* ---------------------------------------------------------------- visits -- */

static int go_in(struct visit *v, unsigned arena)
{
    bool off = false;
    if (exchange(&mibs.cache, &v->had_cache, &off, sizeof off) != 0)
        return COP_ENOTSUP;
    if (exchange(&mibs.arena, &v->before, &arena, sizeof arena) != 0) {
        (void)set(&mibs.cache, &v->had_cache, sizeof v->had_cache);
        return COP_ENOTSUP;
    }
    v->flags = (int)(MALLOCX_ARENA(v->before) | MALLOCX_TCACHE_NONE);
    copi_mem_raw_mark(v->flags);
    return 0;
}

static void go_out(struct visit *v)
{
    int rc = set(&mibs.arena, &v->before, sizeof v->before);
    COPI_ASSERTF(rc == 0, "arena %u: %d", v->before, rc);
    rc = set(&mibs.cache, &v->had_cache, sizeof v->had_cache);
    COPI_ASSERT(rc == 0);
    v->flags = 0;
    copi_mem_raw_mark(0);
}

void copi_arena_enter(uint32_t arena)
{
    struct visit *v = visit();
    COPI_ASSERT(arena != 0 && v->arena == 0);
    if (COPI_UNLIKELY(v->kept !=
                      atomic_load_explicit(&run, memory_order_relaxed)))
        keep_usual(v);
    int rc = go_in(v, arena);
    COPI_ASSERTF(rc == 0, "arena %u", (unsigned)arena);
    v->arena = arena;
}

void copi_arena_leave(void)
{
    struct visit *v = visit();
    COPI_ASSERT(v->arena != 0 && !v->is_paused);
    go_out(v);
    v->arena = 0;
}

void copi_arena_pause(void)
{
    struct visit *v = visit();
    if (v->arena == 0)
        return;
    COPI_ASSERT(!v->is_paused);
    go_out(v);
    v->is_paused = true;
}

void copi_arena_resume(void)
{
    struct visit *v = visit();
    if (v->arena == 0)
        return;
    COPI_ASSERT(v->is_paused);
    int rc = go_in(v, v->arena);
    COPI_ASSERTF(rc == 0, "arena %u", v->arena);
    v->is_paused = false;
}

size_t copi_arena_bytes(uint32_t arena)
{
    return *pages[arena] * page_bytes;
}

/* ------------------------------------------------------------------ pool -- */

static const volatile size_t *find_pages(unsigned arena)
{
    struct mib m = mibs.pages;
    const size_t *p = NULL;
    size_t n = sizeof p;
    m.part[2] = arena;
    return mallctlbymib(m.part, m.len, (void *)&p, &n, NULL, 0) == 0 ? p : NULL;
}

static int make(unsigned *out)
{
    size_t n = sizeof *out;
    int rc = mallctl("arenas.create", out, &n, NULL, 0);
    if (rc == EAGAIN || (rc == 0 && *out >= POOL_MAX))
        return COP_ELIMIT;
    return rc != 0 ? COP_ENOMEM : 0;
}

/* The allocator shows the counters of new arenas only once it has collected the
 * statistics of all there are, 40 us each: so it is asked to for as many new
 * ones as there were before. Fewer than hoped for are no error. */
static int fill_locked(void)
{
    uint32_t made = pooled + taken;
    uint32_t grow = COPI_MAX(made, (uint32_t)BATCH_MIN);
    uint32_t most = COPI_MIN(grow, POOL_MAX - made);
    uint32_t want = COPI_MIN(most, COPI_MAX(copi_arena_max, made + 1) - made);
    uint64_t epoch = 1;
    unsigned arena;
    int rc = 0;
    while (want-- > 0 && (rc = make(&arena)) == 0)
        pool[pooled++] = arena;
    if (pooled == 0)
        return rc;
    (void)mallctl("epoch", NULL, NULL, &epoch, sizeof epoch);
    for (uint32_t i = 0; i < pooled; i++) {
        pages[pool[i]] = find_pages(pool[i]);
        if (pages[pool[i]] == NULL)
            return COP_ENOTSUP;
    }
    return 0;
}

/* Threads that change their arena with the processor cannot be sent elsewhere
 * and back. */
static bool has_arena_per_cpu(void)
{
    const char *mode = "";
    size_t n = sizeof mode;
    return mallctl("opt.percpu_arena", (void *)&mode, &n, NULL, 0) == 0 &&
           strcmp(mode, "disabled") != 0;
}

/* Is malloc, as the program calls it, jemalloc's; and will it go where it is
 * sent? It makes the first arena. */
static int look_locked(void)
{
    void *(*volatile plain)(size_t) = malloc;
    struct visit *v = visit();
    size_t n = sizeof page_bytes;
    unsigned arena;
    if (has_arena_per_cpu() || !find(&mibs.arena, "thread.arena") ||
        !find(&mibs.cache, "thread.tcache.enabled") ||
        !find(&mibs.reset, "arena.0.reset") ||
        !find(&mibs.purge, "arena.0.purge") ||
        !find(&mibs.lookup, "arenas.lookup") ||
        !find(&mibs.pages, "experimental.arenas.0.pactivep") ||
        mallctl("arenas.page", &page_bytes, &n, NULL, 0) != 0)
        return COP_ENOTSUP;
    copi_stdio_touch();
    int rc = fill_locked();
    if (rc != 0)
        return rc;
    arena = pool[0];
    rc = go_in(v, arena);
    if (rc != 0)
        return rc;
    size_t before = copi_arena_bytes(arena);
    void *p = plain(16 * page_bytes);
    bool is_there = p != NULL && copi_arena_bytes(arena) > before;
    free(p);
    go_out(v);
    return is_there ? 1 : COP_ENOTSUP;
}

static int take_locked(unsigned *out)
{
    if (support == 0) {
        int rc = look_locked();
        if (rc == COP_ENOMEM)
            return rc;
        support = rc;
    }
    if (support != 1)
        return support;
    if (taken >= copi_arena_max)
        return COP_ELIMIT;
    int rc = pooled == 0 ? fill_locked() : 0;
    if (rc != 0)
        return rc;
    *out = pool[--pooled];
    taken++;
    return 0;
}

int copi_arena_take(uint32_t *out)
{
    *out = 0;
    if (copi_fault_alloc())
        return COP_ENOMEM;
    copi_arena_pause();
    copi_lock_acquire(&lock);
    int rc = take_locked(out);
    copi_lock_release(&lock);
    copi_arena_resume();
    return rc;
}

void copi_arena_give_back(uint32_t arena)
{
    COPI_ASSERT(arena != 0 && visit()->arena != arena);
    copi_stdio_forget(copi_arena_has, arena);
    tell(&mibs.reset, arena);
    tell(&mibs.purge, arena);
    copi_lock_acquire(&lock);
    COPI_ASSERT(taken > 0 && pooled < POOL_MAX);
    pool[pooled++] = arena;
    taken--;
    copi_lock_release(&lock);
}

uint32_t copi_arena_taken(void)
{
    copi_lock_acquire(&lock);
    uint32_t n = taken;
    copi_lock_release(&lock);
    return n;
}

uint32_t copi_arena_idle(void)
{
    copi_lock_acquire(&lock);
    uint32_t n = pooled;
    copi_lock_release(&lock);
    return n;
}

/* ---------------------------------------------------------------- common -- */

void *copi_arena_common_malloc(size_t n)
{
    int flags = own_flags();
    if (COPI_LIKELY(flags == 0))
        return malloc(n);
    return mallocx(n > 0 ? n : 1, flags);
}

void *copi_arena_common_calloc(size_t n, size_t size)
{
    int flags = own_flags();
    size_t bytes;
    if (COPI_LIKELY(flags == 0))
        return calloc(n, size);
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > PTRDIFF_MAX)
        return NULL;
    return mallocx(bytes > 0 ? bytes : 1, flags | MALLOCX_ZERO);
}

void *copi_arena_common_realloc(void *p, size_t n)
{
    int flags = own_flags();
    if (COPI_LIKELY(flags == 0))
        return realloc(p, n);
    if (p == NULL)
        return copi_arena_common_malloc(n);
    return rallocx(p, n > 0 ? n : 1, flags);
}
