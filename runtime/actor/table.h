/* SPDX-License-Identifier: MIT
 *
 * table.h - from pids to actors. Rank: 3. See table.c.
 */
#ifndef COPI_ACTOR_TABLE_H
#define COPI_ACTOR_TABLE_H

#include "runtime/actor/actor.h"

#define COPI_PID_SLOT_BITS 24
#define COPI_PID_SLOTS ((uint32_t)1 << COPI_PID_SLOT_BITS)
#define COPI_PID_GENERATIONS ((uint64_t)1 << 40)

#define COPI_TABLE_CHUNK_BITS 12

struct copi_slot {
    _Atomic(struct copi_actor *) tenant;
    uint64_t generation; /* of the next tenant; under the lock */
    uint32_t next_free;  /* under the lock */
};

/* table.c's, and the lookup's. */
extern _Atomic(struct copi_slot *) copi_table_chunks[];

/* Slots that a worker holds in advance, so that most spawns take no lock. */
struct copi_slots {
    uint32_t count;
    uint32_t slot[32];
};

/* Not while actors live. `slots_max` as cop_config.actors_max. */
void copi_table_init(uint32_t slots_max, uint64_t first_generation);
void copi_table_fini(void);

/* Gives the actor a slot, and so its pid and serial number. 0; COP_ELIMIT;
 * COP_ENOMEM. `cache` may be NULL. Not found by its pid yet. */
int copi_table_reserve(struct copi_actor *a, struct copi_slots *cache);
/* Gives it the pid that it has in another process, in one that has no other
 * actors. 0; COP_ENOMEM. */
int copi_table_adopt(struct copi_actor *a, cop_pid pid);
/* From now on its pid finds it. */
void copi_table_publish(struct copi_actor *a);
/* From now on its pid finds nobody. */
void copi_table_unpublish(struct copi_actor *a);
/* Gives slots back, when nobody can hold their last tenant any more. */
void copi_table_release(const cop_pid *pids, size_t n);
void copi_table_return_cache(struct copi_slots *cache);

static inline struct copi_slot *copi_table_slot(uint32_t slot)
{
    /* acquire: pairs with the release in fresh_slot_locked */
    struct copi_slot *c =
        atomic_load_explicit(&copi_table_chunks[slot >> COPI_TABLE_CHUNK_BITS],
                             memory_order_acquire);
    if (COPI_UNLIKELY(c == NULL))
        return NULL;
    return &c[slot & (((uint32_t)1 << COPI_TABLE_CHUNK_BITS) - 1)];
}

/* The actor in a slot, whatever its generation; NULL: none. */
static inline struct copi_actor *copi_table_at(uint32_t slot)
{
    struct copi_slot *s = copi_table_slot(slot);
    if (COPI_UNLIKELY(s == NULL))
        return NULL;
    /* acquire: pairs with copi_table_publish */
    return atomic_load_explicit(&s->tenant, memory_order_acquire);
}

/* The actor with this pid, or NULL. It stays valid until the caller's turn, or
 * its guest section, ends. */
static inline struct copi_actor *copi_table_find(cop_pid pid)
{
    struct copi_actor *a = copi_table_at((uint32_t)(pid.id % COPI_PID_SLOTS));
    return a != NULL && a->pid.id == pid.id ? a : NULL;
}

/* Slots in use are all below this. */
uint32_t copi_table_limit(void);

#endif
