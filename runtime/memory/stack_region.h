/* SPDX-License-Identifier: MIT
 *
 * stack_region.h - all stacks of one size: a reservation of address space,
 * divided into slots, and the piles of those that are idle. Rank: 1. Private
 * to the pool.
 */
#ifndef COPI_MEMORY_STACK_REGION_H
#define COPI_MEMORY_STACK_REGION_H

#include "runtime/base/lock.h"
#include "runtime/memory/stack.h"

enum copi_stack_slot_state {
    COPI_STACK_SLOT_FRESH,
    COPI_STACK_SLOT_LIVE,
    COPI_STACK_SLOT_IDLE,
};

struct copi_stack_slot {
    uint32_t next; /* in a pile */
    uint8_t state;
    uint8_t guard;
    uint16_t fiber_uses;
    uint32_t tools_id;
    void *fiber;
};

struct copi_stack_pile {
    uint32_t top;
    uint32_t count;
};

struct copi_stack_region {
    /* Constant after init. */
    size_t size; /* of one stack */
    size_t guard_bytes;
    size_t stride;
    uint32_t idle_hot;
    /* Constant after the first use. */
    char *base;
    struct copi_stack_slot *slots;
    uint32_t slots_max; /* before it: the wish */
    size_t slots_bytes;
    /* Under the lock. */
    struct copi_lock lock;
    uint32_t committed;
    uint32_t fresh;
    struct copi_stack_pile hot;
    struct copi_stack_pile cold;
};

/* Reserves nothing yet. */
void copi_stack_region_init(struct copi_stack_region *r, size_t size,
                            const struct copi_stack_config *cfg);

/* All stacks are back. */
void copi_stack_region_fini(struct copi_stack_region *r);

/* A slot into *out: the hottest, else a cold one, else a fresh one, which then
 * has its guard. If up to `want` more hot ones are there, they go to more[],
 * hottest last, and their number to *got. COP_ENOMEM, COP_ELIMIT. */
COP_MUST_USE int copi_stack_region_take(struct copi_stack_region *r,
                                        uint32_t *out, uint32_t *more,
                                        uint32_t want, uint32_t *got);

/* n idle slots come back, oldest first. */
void copi_stack_region_give(struct copi_stack_region *r, const uint32_t *idle,
                            uint32_t n);

/* Adds what this region has to *out; `live` counts all slots ever used. */
void copi_stack_region_stats(struct copi_stack_region *r,
                             struct copi_stack_stats *out);

/* The lowest usable byte of a slot. */
static inline char *copi_stack_region_low(const struct copi_stack_region *r,
                                          uint32_t i)
{
    return r->base + i * r->stride + r->guard_bytes;
}

#endif
