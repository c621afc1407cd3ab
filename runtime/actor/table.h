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

/* The actor with this pid, or NULL. It stays valid until the caller's turn, or
 * its guest section, ends. */
struct copi_actor *copi_table_find(cop_pid pid);
/* The actor in a slot, whatever its generation; NULL: none. */
struct copi_actor *copi_table_at(uint32_t slot);
/* Slots in use are all below this. */
uint32_t copi_table_limit(void);

#endif
