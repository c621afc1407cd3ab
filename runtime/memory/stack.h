/* SPDX-License-Identifier: MIT
 *
 * stack.h - the pool of coroutine stacks. Rank: 1. How it works: stack.c.
 *
 * Sizes come in classes, powers of two from 16 KiB to 64 MiB. A stack is
 * address space until it is touched; below each lies a guard, so that an
 * overflow is a fault, not a neighbour's damage.
 */
#ifndef COPI_MEMORY_STACK_H
#define COPI_MEMORY_STACK_H

#include "runtime/base/base.h"

#define COPI_STACK_MIN ((size_t)16 << 10)
#define COPI_STACK_DEFAULT ((size_t)64 << 10)
#define COPI_STACK_MAX ((size_t)64 << 20)
#define COPI_STACK_CLASSES 13

/* How a stack is guarded, best first. */
enum copi_stack_guard {
    COPI_STACK_GUARD_AUTO,     /* the best that the system gives */
    COPI_STACK_GUARD_INSTALL,  /* a guard that costs no mapping */
    COPI_STACK_GUARD_MPROTECT, /* a protected page: two mappings a stack */
    COPI_STACK_GUARD_CANARY,   /* known words, looked at afterwards */
};

/* A stack that was taken. Copied freely by its holder. */
struct copi_stack {
    char *low;   /* lowest usable byte; the guard lies below */
    size_t size; /* bytes from there to the end of the slot */
    char *top;   /* where to begin, downwards: up to 2 KiB below the end */
    uint32_t cls;
    uint32_t slot;
    uint32_t guard_bytes;
    enum copi_stack_guard guard;
    char *sp_low;        /* the lowest stack pointer noted */
    void *fiber;         /* TSan: stays with the slot when given back */
    uint32_t fiber_uses; /* how many tenants that fiber had */
};

struct copi_stack_config {
    uint32_t slots_max;  /* per class, at most 2^20 */
    size_t region_bytes; /* address space per class; smaller if refused */
    uint32_t idle_hot;   /* idle stacks per class that keep their pages */
    uint32_t magazine;   /* idle stacks per class and worker, 0 to 32 */
    uint32_t map_budget; /* mappings for mprotect guards; 0: half of what
                            the system allows */
};

struct copi_stack_stats {
    size_t live;           /* handed out now */
    size_t idle_hot;       /* given back, pages kept (magazines included) */
    size_t idle_cold;      /* given back, pages given back too */
    size_t reserved_bytes; /* address space */
    size_t overflows;      /* canaries found broken since init */
};

struct copi_stack_config copi_stack_config_default(void);

/* Once per runtime, before any stack is taken. COP_ENOMEM when not even one
 * page can be mapped. Not thread-safe. */
COP_MUST_USE int copi_stack_init(void);
COP_MUST_USE int copi_stack_init_with(const struct copi_stack_config *cfg);

/* Unmaps everything. All stacks are back, all threads have called
 * copi_stack_thread_fini. Not thread-safe. */
void copi_stack_fini(void);

/* A worker thread gets small caches of its own, which keep its hot stacks
 * near; other threads, or if there is no memory for them, go to the shared
 * pool. */
void copi_stack_thread_init(void);
void copi_stack_thread_fini(void);

/* A stack of want_bytes (0: the default) or more. Its contents are those of
 * earlier tenants. Any thread; takes a lock for a few instructions.
 * COP_ENOMEM: no memory or address space; COP_ELIMIT: all slots of the class
 * are taken; COP_EINVAL: more than 64 MiB. */
COP_MUST_USE int copi_stack_get(struct copi_stack *out, size_t want_bytes);

/* Back to the pool; *s is zeroed. Any thread; the stack is not in use. An
 * overflow that a canary shows is logged and counted; one that went through
 * the whole guard area is a panic, for a neighbour is damaged. */
void copi_stack_put(struct copi_stack *s);

/* Prepares a stack for a new tenant without giving it back. */
void copi_stack_renew(struct copi_stack *s);

/* The holder reports where the stack pointer stood when it was suspended. */
static inline void copi_stack_note_sp(struct copi_stack *s, void *sp)
{
    if ((char *)sp < s->sp_low)
        s->sp_low = sp;
}

/* A new holder. */
static inline void copi_stack_forget_sp(struct copi_stack *s)
{
    s->sp_low = s->top;
}

/* The most that was in use at any noted suspension of this tenant, in bytes:
 * exact there, blind to deeper calls between suspensions. */
size_t copi_stack_high_water(const struct copi_stack *s);

/* How deep the pages are touched, in bytes: sees every call, but to the page,
 * and earlier tenants' too if their pages were kept. Rare: system calls. */
size_t copi_stack_touched(const struct copi_stack *s);

/* False if a canary below the stack is broken; true for real guards, whose
 * overflows are faults. */
bool copi_stack_is_intact(const struct copi_stack *s);

/* Is the address in the guard of this stack? Safe in a signal handler. */
static inline bool copi_stack_is_guard(const struct copi_stack *s,
                                       const void *addr)
{
    uintptr_t a = (uintptr_t)addr;
    uintptr_t low = (uintptr_t)s->low;

    return a < low && a >= low - s->guard_bytes;
}

/* "guard-install", "mprotect" or "canary": the weakest guard that any stack
 * has had since init; before there is one, the one that the next will get. */
const char *copi_stack_guard_name(void);

/* Guards of slots not used before are made this way, or a weaker one where it
 * is refused; AUTO goes back. For tests. */
void copi_stack_force_guard(enum copi_stack_guard kind);

void copi_stack_stats_get(struct copi_stack_stats *out);

#endif
