/* SPDX-License-Identifier: MIT
 *
 * heap.h - what an actor owns: blocks of memory, and things to be released
 * when it dies; and how much memory it has in all. Rank: 3. See heap.c.
 *
 * Everything here is for the actor itself, in its turn, or for whoever buries
 * it; but for copi_heap_total any thread.
 */
#ifndef COPI_ACTOR_HEAP_H
#define COPI_ACTOR_HEAP_H

#include "runtime/actor/actor.h"

struct copi_block;

struct copi_heap {
    struct copi_block **block; /* [count], and room for more */
    uint32_t count, room;
    uint32_t quick;         /* calls that may yet be quick: block.h */
    size_t max;             /* of copi_heap_total; 0: no limit */
    uint32_t arena;         /* its malloc's; 0: none of its own */
    size_t arena_bytes;     /* what was counted of it */
    struct copi_list owned; /* struct copi_owned, newest first */
    struct copi_map owned_by_key;
};

/* Something that is released when its owner dies, when its frames are gone,
 * after clean-ups and before anybody hears of the death. Its memory is the
 * release function's to free. */
struct copi_owned {
    struct copi_list at;
    struct copi_map_node by_key;
    void (*release)(struct copi_owned *o);
};

/* ----------------------------------------------------------- accounting -- */

/* The actor has so many bytes more (or less, as the sum may wrap). */
static inline void copi_heap_count(struct copi_actor *a, size_t bytes)
{
    size_t n = atomic_load_explicit(&a->held_bytes, memory_order_relaxed);
    atomic_store_explicit(&a->held_bytes, n + bytes, memory_order_relaxed);
}

/* All its bytes: record, state and argument, stack as far as it is known to
 * have been touched, blocks, messages in the inbox. */
static inline size_t copi_heap_total(struct copi_actor *a)
{
    return COPI_ACTOR_BYTES + a->extra_bytes +
           atomic_load_explicit(&a->stack_used, memory_order_relaxed) +
           atomic_load_explicit(&a->held_bytes, memory_order_relaxed);
}

/* Sets its limit, before it runs. COP_ENOMEM. */
COP_MUST_USE int copi_heap_limit(struct copi_actor *a, size_t max);
/* Whether it must end if it gets `more` bytes. Not while it is ending: its
 * clean-ups may need a little. */
bool copi_heap_is_over(struct copi_actor *a, size_t more);

/* ------------------------------------------------------------ own malloc -- */

/* Before it runs: its code's malloc gets a heap of its own. As
 * copi_arena_take. */
COP_MUST_USE int copi_heap_isolate(struct copi_actor *a);
/* Around all that runs or releases its code's blocks, on one thread: plain
 * malloc is the actor's. Only if a->own_malloc. */
void copi_heap_enter(struct copi_actor *a);
void copi_heap_leave(struct copi_actor *a);
/* Counts what its malloc has now, as leave does. In its own turn. */
void copi_heap_settle(struct copi_actor *a);

/* --------------------------------------------------------------- blocks -- */

/* n bytes, aligned to 16; NULL: no memory. They pass no limit. */
void *copi_heap_alloc(struct copi_actor *a, size_t n);
void *copi_heap_zalloc(struct copi_actor *a, size_t n);
/* What a block of n bytes counts for; SIZE_MAX: there is no such block. */
size_t copi_heap_cost(size_t n);
/* What is wrong with p as a block of a's, as the end of a sentence; NULL:
 * nothing. */
const char *copi_heap_wrong(const struct copi_actor *a, const void *p);
/* Frees p, or does nothing and says what is wrong with it. */
COP_MUST_USE const char *copi_heap_free(struct copi_actor *a, void *p);
/* p is a sound block of a's. NULL: no memory, and p is as it was. */
void *copi_heap_realloc(struct copi_actor *a, void *p, size_t n);
size_t copi_heap_size(const void *p);

/* --------------------------------------------------------------- things -- */

/* COP_ENOMEM; COP_EPRESENT: it owns a thing with that key. */
COP_MUST_USE int copi_heap_own(struct copi_actor *a, struct copi_owned *o,
                               uint64_t key);
/* Takes it back, unreleased. NULL: it owns no such thing. */
struct copi_owned *copi_heap_disown(struct copi_actor *a, uint64_t key);

/* ---------------------------------------------------------------- death -- */

/* Releases all things, the newest first. */
void copi_heap_release_owned(struct copi_actor *a);
/* Frees all blocks and the heap itself. Damaged ones are reported and left. */
void copi_heap_free_all(struct copi_actor *a);

/* Walks all of it and asserts that it is well formed. */
void copi_heap_check(const struct copi_actor *a);

#endif
