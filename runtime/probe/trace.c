/* SPDX-License-Identifier: MIT
 *
 * trace.c - the flight recorder. Rank: 1.
 *
 * Each thread that runs actors has a ring of fixed records, four words each,
 * and is the only one to write to it; all other threads share the common ring.
 * A ring belongs to a thread, not to a worker: when a worker is handed over,
 * the stuck thread and the new one still write to rings of their own.
 *
 * Readers take no lock and hold nobody up. `head` counts the records ever
 * written; record n lies in slot n % COPI_TRACE_RECORDS:
 *
 *     writing record n                  reading
 *   1. the four words of slot n       1. h = head
 *   2. head = n + 1                   2. the words of slots below h
 *                                     3. h' = head: all up to
 *                                        h' - COPI_TRACE_RECORDS are void
 *
 * Every word is stored with release order, thus after the `head` of the record
 * before, and loaded with acquire order. So who sees a word of record n also
 * sees head >= n afterwards, and drops the record n - COPI_TRACE_RECORDS that
 * the word has spoilt.
 *
 * The common ring has many writers: who finds it in use for long gives its
 * event up and counts it, lest a thread wait for one that does not run.
 *
 * Rings are made when threads begin and kept until the runtime stops: what a
 * thread did last may be asked for after its end.
 *
 * Rejected: one ring for all with a fetch-and-add, at 80 ns and more per event
 * on two cores; cycle counters instead of the clock, which virtual time could
 * not move.
 */
#include "runtime/probe/trace.h"

#include "runtime/base/atomic.h"
#include "runtime/base/clock.h"
#include "runtime/memory/mem.h"

enum { SPINS = 1000, KIND_SHIFT = 56 };

struct record {
    _Atomic uint64_t at, actor, other;
    _Atomic uint64_t value; /* kind << KIND_SHIFT | value */
};

struct ring {
    _Atomic uint64_t head; /* the writer's */
    _Atomic(struct ring *) next;
    _Atomic bool taken; /* by a thread that lives */
    struct record record[COPI_TRACE_RECORDS];
};

#define COP_X(name, text, always) (uint32_t)(always) << COP_TRACE_##name |
enum { RARE = COP_EVENTS(COP_X) 0u, ALL = (1u << COP_TRACE_COUNT) - 1 };
#undef COP_X

_Atomic uint32_t copi_trace_mask = RARE;

static _Atomic(struct ring *) rings;
static struct ring common;
static _Atomic uint32_t common_busy;
static _Atomic uint64_t missed;
static COPI_THREAD_LOCAL struct ring *mine;

static const char *const names[] = {
#define COP_X(name, text, always) text,
    COP_EVENTS(COP_X)
#undef COP_X
};

/* -------------------------------------------------------------- writing -- */

/* As in actor/here.c: no compiler may keep the address over a switch. */
COPI_NOINLINE static struct ring **own(void)
{
    __asm__ volatile("" ::: "memory");
    return &mine;
}

static void put(struct ring *r, uint64_t at, cop_pid actor, cop_pid other,
                uint64_t value)
{
    uint64_t n = atomic_load_explicit(&r->head, memory_order_relaxed);
    struct record *c = &r->record[n % COPI_TRACE_RECORDS];
    /* release, all of these: pair with the acquires in take */
    atomic_store_explicit(&c->at, at, memory_order_release);
    atomic_store_explicit(&c->actor, actor.id, memory_order_release);
    atomic_store_explicit(&c->other, other.id, memory_order_release);
    atomic_store_explicit(&c->value, value, memory_order_release);
    atomic_store_explicit(&r->head, n + 1, memory_order_release);
}

static bool enter_common(void)
{
    for (unsigned i = 0; i < SPINS; i++) {
        /* acquire: pairs with the release in copi_trace_write */
        if (atomic_exchange_explicit(&common_busy, 1, memory_order_acquire) ==
            0)
            return true;
        copi_cpu_relax();
    }
    return false;
}

COPI_COLD void copi_trace_write(cop_trace_kind kind, cop_pid actor,
                                cop_pid other, uint64_t value)
{
    uint64_t at = (uint64_t)copi_clock_now();
    struct ring *r = *own();
    value &= (UINT64_C(1) << KIND_SHIFT) - 1;
    value |= (uint64_t)kind << KIND_SHIFT;
    if (r != NULL) {
        put(r, at, actor, other, value);
        return;
    }
    if (!enter_common()) {
        atomic_fetch_add_explicit(&missed, 1, memory_order_relaxed);
        return;
    }
    put(&common, at, actor, other, value);
    /* release: pairs with the acquire in enter_common */
    atomic_store_explicit(&common_busy, 0, memory_order_release);
}

uint64_t copi_trace_missed(void)
{
    return atomic_load_explicit(&missed, memory_order_relaxed);
}

/* ------------------------------------------------------------- choosing -- */

/* The events that a name of n bytes stands for; 0: none. */
static uint32_t mask_of(const char *name, size_t n)
{
    if (n == 3 && memcmp(name, "all", n) == 0)
        return ALL;
    if (n == 4 && memcmp(name, "rare", n) == 0)
        return RARE;
    for (unsigned i = 0; i < COP_TRACE_COUNT; i++)
        if (strlen(names[i]) == n && memcmp(names[i], name, n) == 0)
            return UINT32_C(1) << i;
    return 0;
}

int copi_trace_set(const char *text)
{
    uint32_t mask = 0;
    if (text == NULL)
        return COP_EINVAL;
    while (strcmp(text, "none") != 0) {
        size_t n = strcspn(text, ",");
        uint32_t one = mask_of(text, n);
        if (one == 0)
            return COP_EINVAL;
        mask |= one;
        if (text[n] == '\0')
            break;
        text += n + 1;
    }
    atomic_store_explicit(&copi_trace_mask, mask, memory_order_relaxed);
    return 0;
}

const char *cop_trace_name(cop_trace_kind kind)
{
    return (unsigned)kind < COP_TRACE_COUNT ? names[kind] : "?";
}

/* -------------------------------------------------------------- threads -- */

static struct ring *take_idle(void)
{
    /* acquire: pairs with the release in add */
    struct ring *r = atomic_load_explicit(&rings, memory_order_acquire);
    for (; r != NULL;
         r = atomic_load_explicit(&r->next, memory_order_relaxed)) {
        bool idle = false;
        /* acquire: pairs with the release in copi_trace_thread_fini */
        if (atomic_compare_exchange_strong_explicit(&r->taken, &idle, true,
                                                    memory_order_acquire,
                                                    memory_order_relaxed))
            return r;
    }
    return NULL;
}

static void add(struct ring *r)
{
    struct ring *first = atomic_load_explicit(&rings, memory_order_relaxed);
    do
        atomic_store_explicit(&r->next, first, memory_order_relaxed);
    /* release: publishes the ring; pairs with take_idle and read_all */
    while (!atomic_compare_exchange_weak_explicit(
        &rings, &first, r, memory_order_release, memory_order_relaxed));
}

void copi_trace_thread_init(void)
{
    struct ring *r = take_idle();
    if (r == NULL) {
        r = copi_mem_zalloc(sizeof *r);
        if (r == NULL)
            return;
        atomic_store_explicit(&r->taken, true, memory_order_relaxed);
        add(r);
    }
    *own() = r;
}

void copi_trace_thread_fini(void)
{
    struct ring *r = *own();
    *own() = NULL;
    if (r != NULL) {
        /* release: the records are written; pairs with take_idle */
        atomic_store_explicit(&r->taken, false, memory_order_release);
    }
}

void copi_trace_fini(void)
{
    struct ring *r =
        atomic_exchange_explicit(&rings, NULL, memory_order_acq_rel);
    while (r != NULL) {
        struct ring *next =
            atomic_load_explicit(&r->next, memory_order_relaxed);
        copi_mem_free(r, sizeof *r);
        r = next;
    }
    atomic_store_explicit(&common.head, 0, memory_order_relaxed);
    atomic_store_explicit(&missed, 0, memory_order_relaxed);
}

/* -------------------------------------------------------------- reading -- */

/* Record n, perhaps spoilt. */
static cop_trace_event take(struct ring *r, uint64_t n)
{
    struct record *c = &r->record[n % COPI_TRACE_RECORDS];
    cop_trace_event e;
    /* acquire, all of these: pair with the releases in put */
    e.at = (cop_time)atomic_load_explicit(&c->at, memory_order_acquire);
    e.actor.id = atomic_load_explicit(&c->actor, memory_order_acquire);
    e.other.id = atomic_load_explicit(&c->other, memory_order_acquire);
    uint64_t value = atomic_load_explicit(&c->value, memory_order_acquire);
    e.value = value & ((UINT64_C(1) << KIND_SHIFT) - 1);
    e.kind = (cop_trace_kind)(value >> KIND_SHIFT);
    return e;
}

static uint64_t head_of(struct ring *r)
{
    /* acquire: pairs with put */
    return atomic_load_explicit(&r->head, memory_order_acquire);
}

/* Puts e among the newest n of at most cap, oldest first. False: it is older
 * than all of them. */
static bool insert(cop_trace_event *out, size_t *n, size_t cap,
                   const cop_trace_event *e)
{
    size_t i = *n;
    while (i > 0 && out[i - 1].at >= e->at)
        i--;
    if (*n == cap) {
        if (i == 0)
            return false;
        memmove(out, out + 1, (i - 1) * sizeof *out);
        out[i - 1] = *e;
        return true;
    }
    memmove(out + i + 1, out + i, (*n - i) * sizeof *out);
    out[i] = *e;
    ++*n;
    return true;
}

size_t copi_trace_last(cop_trace_event *out, size_t cap,
                       bool (*wanted)(const cop_trace_event *e, cop_pid who),
                       cop_pid who)
{
    size_t n = 0;
    struct ring *r = &common;
    /* acquire: pairs with the release in add */
    struct ring *next = atomic_load_explicit(&rings, memory_order_acquire);
    while (r != NULL && cap > 0) {
        uint64_t head = head_of(r);
        uint64_t low =
            head > COPI_TRACE_RECORDS ? head - COPI_TRACE_RECORDS : 0;
        /* the newest first: an older one that does not fit is the last */
        for (uint64_t i = head; i-- > low;) {
            cop_trace_event e = take(r, i);
            if (i + COPI_TRACE_RECORDS <= head_of(r))
                break;
            if ((wanted == NULL || wanted(&e, who)) &&
                !insert(out, &n, cap, &e))
                break;
        }
        r = next;
        if (r != NULL)
            next = atomic_load_explicit(&r->next, memory_order_relaxed);
    }
    return n;
}
