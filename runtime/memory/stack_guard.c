/* SPDX-License-Identifier: MIT
 *
 * stack_guard.c - what lies below each stack. Rank: 1.
 *
 * Three kinds, the best that is to be had. Guard-install marks pages inside a
 * mapping: one mapping for all stacks. Mprotect splits the mapping, two more
 * for each stack, so it is used within half of the system's limit, which the
 * rest of the process needs too. A canary is an area full of known words,
 * looked at when the stack changes hands: an overflow that stayed in it did
 * no harm and is only counted; one that wrote its lowest words has probably
 * hit the neighbour.
 *
 * Any of them can be jumped by a frame larger than the guard, unless code is
 * compiled with -fstack-clash-protection.
 *
 * A guard is made once, at a slot's first use; giving the stack's pages back
 * does not touch it.
 */
#include "runtime/memory/stack_guard.h"

#include "runtime/base/check.h"
#include "runtime/base/os.h"
#include "runtime/memory/stack_pages.h"

#define CANARY UINT64_C(0x9d39c1f57e6b82a4)
/* Of the guard area, at its top: where an overflow writes first. */
#define CANARY_TOP_BYTES 512
#define CANARY_BOTTOM_BYTES 64

/* One page where code probes each page of a large frame. gcc's probes on
 * aarch64 rely on 64 KiB. */
#if defined(__aarch64__)
#define GUARD_BYTES_MIN ((size_t)64 << 10)
#else
#define GUARD_BYTES_MIN ((size_t)4 << 10)
#endif

static struct {
    size_t bytes;
    enum copi_stack_guard best;
    enum copi_stack_guard forced;
    _Atomic uint32_t weakest;   /* relaxed: a report */
    _Atomic int64_t maps_left;  /* relaxed: only the number matters */
    _Atomic uint64_t overflows; /* relaxed: a counter */
} guards;

static void canary_paint(char *guard)
{
    uint64_t *words = (uint64_t *)(void *)guard;

    for (size_t i = 0; i < guards.bytes / sizeof(*words); i++)
        words[i] = CANARY;
}

static bool canary_holds(const char *from, size_t bytes)
{
    const uint64_t *words = (const uint64_t *)(const void *)from;

    for (size_t i = 0; i < bytes / sizeof(*words); i++)
        if (words[i] != CANARY)
            return false;
    return true;
}

bool copi_stack_is_intact(const struct copi_stack *s)
{
    if (s->guard != COPI_STACK_GUARD_CANARY)
        return true;
    return canary_holds(s->low - CANARY_TOP_BYTES, CANARY_TOP_BYTES) &&
           canary_holds(s->low - s->guard_bytes, CANARY_BOTTOM_BYTES);
}

static COPI_COLD void report_overflow(const struct copi_stack *s)
{
    char *guard = s->low - s->guard_bytes;

    if (!canary_holds(guard, CANARY_BOTTOM_BYTES))
        copi_panic("a stack of %zu bytes overflowed into another", s->size);
    copi_log("a stack of %zu bytes overflowed", s->size);
    atomic_fetch_add_explicit(&guards.overflows, 1, memory_order_relaxed);
    canary_paint(guard);
}

static bool maps_take(void)
{
    if (atomic_fetch_sub_explicit(&guards.maps_left, 2, memory_order_relaxed) >=
        2)
        return true;
    atomic_fetch_add_explicit(&guards.maps_left, 2, memory_order_relaxed);
    return false;
}

/* What a report says is true of every stack: the weakest kind so far. */
static enum copi_stack_guard note(enum copi_stack_guard kind)
{
    uint32_t seen = atomic_load_explicit(&guards.weakest, memory_order_relaxed);

    while (seen < kind && !atomic_compare_exchange_weak_explicit(
                              &guards.weakest, &seen, kind,
                              memory_order_relaxed, memory_order_relaxed))
        ;
    return kind;
}

enum copi_stack_guard copi_stack_guard_make(char *area)
{
    enum copi_stack_guard want =
        guards.forced != COPI_STACK_GUARD_AUTO ? guards.forced : guards.best;

    if (want == COPI_STACK_GUARD_INSTALL) {
        if (copi_os_guard(area, guards.bytes) == 0)
            return note(COPI_STACK_GUARD_INSTALL);
        want = COPI_STACK_GUARD_MPROTECT;
    }
    if (want == COPI_STACK_GUARD_MPROTECT && maps_take()) {
        if (copi_os_protect_none(area, guards.bytes) == 0)
            return note(COPI_STACK_GUARD_MPROTECT);
        atomic_fetch_add_explicit(&guards.maps_left, 2, memory_order_relaxed);
    }
    canary_paint(area);
    return note(COPI_STACK_GUARD_CANARY);
}

void copi_stack_guard_look(const struct copi_stack *s)
{
    if (!copi_stack_is_intact(s))
        report_overflow(s);
}

size_t copi_stack_guard_overflows(void)
{
    return atomic_load_explicit(&guards.overflows, memory_order_relaxed);
}

size_t copi_stack_guard_bytes(void)
{
    return guards.bytes;
}

const char *copi_stack_guard_name(void)
{
    static const char *const names[] = {"guard-install", "guard-install",
                                        "mprotect", "canary"};
    uint32_t kind = atomic_load_explicit(&guards.weakest, memory_order_relaxed);

    if (kind == COPI_STACK_GUARD_AUTO)
        kind = guards.forced;
    if (kind == COPI_STACK_GUARD_AUTO)
        kind = guards.best;
    return names[kind];
}

void copi_stack_force_guard(enum copi_stack_guard kind)
{
    guards.forced = kind;
}

/* Tries what this system can do. It is not taken at its word: emulators say
 * yes to any advice. */
static int probe(enum copi_stack_guard *best)
{
    size_t bytes = 2 * guards.bytes;
    char *p = copi_os_reserve(bytes);
    int err = COP_ENOMEM;

    if (p == NULL)
        return err;
    err = copi_os_commit(p, bytes);
    *best = COPI_STACK_GUARD_MPROTECT;
    if (err == 0 && copi_os_guard(p, guards.bytes) == 0 &&
        copi_stack_pages_are_guarded(p))
        *best = COPI_STACK_GUARD_INSTALL;
    copi_os_release(p, bytes);
    return err;
}

int copi_stack_guard_init(uint32_t map_budget)
{
    uint32_t maps =
        map_budget != 0 ? map_budget : copi_stack_pages_map_max() / 2;

    memset(&guards, 0, sizeof(guards));
    guards.bytes = COPI_MAX(GUARD_BYTES_MIN, copi_os_page_size());
    atomic_store_explicit(&guards.maps_left, maps, memory_order_relaxed);
    return probe(&guards.best);
}
