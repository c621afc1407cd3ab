/* SPDX-License-Identifier: MIT
 *
 * route.c - tables that one actor writes and everybody reads, without a lock
 * and without a message.
 *
 * A table belongs to an *owner*, and is found by its pid: a hash leads to a
 * *chain* of tables. A chain only grows, at its head: a table that was released
 * stays where it is, and is claimed by a later owner of the same chain. So a
 * reader may stand on any table at any time, and what it reads is memory of a
 * table, if not always of the one that it looked for. It finds out by looking
 * at the owner again, behind what it read: pids are never given twice while the
 * runtime runs, so an owner that is the same has been it all the time.
 *
 * Invariants.
 *  1. `next` and `room` are constant once the table is in its chain.
 *  2. While `owner` is a pid, only that actor writes; count <= room.
 *  3. owner goes 0 (free), BUSY (being made ready), a pid, 0.
 *
 * What is kept for later owners is bounded by how many there were at once, and
 * small: some words for each child.
 *
 * Rejected: a name for each child ("pool.3"), as a child could have no name of
 * its own then, and the key would have to be printed at each look-up; tables
 * that are freed, with counts for readers, which all workers would write.
 */
#include "actors/route.h"

#include <coppice/memory.h>

#include <stdatomic.h>
#include <stdlib.h>

enum { CHAINS = 256, ROOM_MIN = 8 };

#define BUSY UINT64_C(1) /* COP_PID_INIT: no actor has it */

struct copi_route {
    struct copi_route *next;
    size_t room;
    _Atomic uint64_t owner;
    atomic_size_t count;
    _Atomic uint64_t pid[];
};

static struct copi_route *_Atomic chains[CHAINS];

static struct copi_route *_Atomic *chain_of(cop_pid owner)
{
    uint64_t hash = (owner.id ^ (owner.id >> 32)) * 0x9e3779b97f4a7c15u;

    return &chains[hash >> 56];
}

/* Acquire: pairs with `add`'s release, shows `next` and `room`. */
static struct copi_route *first_of(cop_pid owner)
{
    return atomic_load_explicit(chain_of(owner), memory_order_acquire);
}

/* -------------------------------------------------------------- writing -- */

/* Takes a table that is free. Acquire: pairs with the release of the owner
 * before, whose writes come first. */
static bool take(struct copi_route *r, size_t count)
{
    uint64_t is_free = 0;

    return r->room >= count && atomic_compare_exchange_strong_explicit(
                                   &r->owner, &is_free, BUSY,
                                   memory_order_acquire, memory_order_relaxed);
}

/* A new one, taken, in its chain. */
static struct copi_route *add(cop_pid owner, size_t count)
{
    struct copi_route *_Atomic *chain = chain_of(owner);
    size_t room = count < ROOM_MIN ? ROOM_MIN : count;
    struct copi_route *r = NULL;

    if (room < (SIZE_MAX - sizeof *r) / sizeof r->pid[0])
        r = cop_common_calloc(1, sizeof *r + room * sizeof r->pid[0]);
    if (r == NULL)
        return NULL;
    r->room = room;
    atomic_init(&r->owner, BUSY);
    r->next = atomic_load_explicit(chain, memory_order_relaxed);
    /* Release: pairs with first_of; what is behind r is shown by it, too, as
     * all write the chain by such exchanges. */
    while (!atomic_compare_exchange_weak_explicit(
        chain, &r->next, r, memory_order_release, memory_order_relaxed))
        ;
    return r;
}

struct copi_route *copi_route_claim(cop_pid owner, size_t count)
{
    struct copi_route *r = first_of(owner);

    while (r != NULL && !take(r, count))
        r = r->next;
    if (r == NULL)
        r = add(owner, count);
    if (r == NULL)
        return NULL;
    /* Release, here and in copi_route_set: pairs with the loads of a reader
     * who came for the owner before, and sees that it has gone. */
    atomic_store_explicit(&r->count, count, memory_order_release);
    for (size_t i = 0; i < count; i++)
        atomic_store_explicit(&r->pid[i], 0, memory_order_release);
    /* Release: pairs with `find`; the table is ready. */
    atomic_store_explicit(&r->owner, owner.id, memory_order_release);
    return r;
}

void copi_route_release(struct copi_route *r)
{
    /* Release: pairs with `take`. */
    if (r != NULL)
        atomic_store_explicit(&r->owner, 0, memory_order_release);
}

void copi_route_set(struct copi_route *r, size_t place, cop_pid pid)
{
    /* Relaxed: the owner wrote it. */
    if (r != NULL &&
        place < atomic_load_explicit(&r->count, memory_order_relaxed))
        atomic_store_explicit(&r->pid[place], pid.id, memory_order_release);
}

/* -------------------------------------------------------------- reading -- */

/* Acquire: pairs with copi_route_claim's release. */
static bool is_of(const struct copi_route *r, cop_pid owner)
{
    return atomic_load_explicit(&r->owner, memory_order_acquire) == owner.id;
}

static const struct copi_route *find(cop_pid owner)
{
    const struct copi_route *r = NULL;

    if (owner.id > BUSY)
        r = first_of(owner);
    while (r != NULL && !is_of(r, owner))
        r = r->next;
    return r;
}

size_t copi_route_count(cop_pid owner)
{
    const struct copi_route *r = find(owner);
    size_t count;

    if (r == NULL)
        return 0;
    /* Acquire, here and below: pairs with the releases of a later owner, whom
     * the look at the owner then sees. */
    count = atomic_load_explicit(&r->count, memory_order_acquire);
    return is_of(r, owner) ? count : 0;
}

cop_pid copi_route_pid(cop_pid owner, uint64_t key)
{
    const struct copi_route *r = find(owner);
    size_t count;
    cop_pid pid;

    if (r == NULL)
        return COP_NO_PID;
    count = atomic_load_explicit(&r->count, memory_order_acquire);
    pid.id = atomic_load_explicit(&r->pid[key % count], memory_order_acquire);
    return is_of(r, owner) ? pid : COP_NO_PID;
}
