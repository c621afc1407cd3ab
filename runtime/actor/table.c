/* SPDX-License-Identifier: MIT
 *
 * table.c - the actor table. Rank: 3.
 *
 * A pid is a slot (24 bits) and a generation (40 bits) in one word. A slot
 * holds a pointer to its tenant; the tenant knows its whole pid, so a lookup
 * is two loads and one comparison, without lock or count. What makes that safe
 * is that neither record nor slot is reused before every worker has ended the
 * turn in which it may have looked (scheduler/epoch.h).
 *
 * Slots are reused first-in first-out, and only while at least QUARANTINE of
 * them are free, so that a generation grows slowly even when one actor after
 * another is spawned: at ten million spawns a second a pid comes back after
 * years. A worker takes free slots in batches.
 *
 * Chunks of slots are made as needed and stay until the runtime stops.
 */
#include "runtime/actor/table.h"

#include "runtime/base/check.h"
#include "runtime/base/lock.h"
#include "runtime/memory/mem.h"

enum { QUARANTINE = 1024 };
#define CHUNK_BITS COPI_TABLE_CHUNK_BITS
#define CHUNK_SLOTS ((uint32_t)1 << CHUNK_BITS)
#define CHUNKS (COPI_PID_SLOTS / CHUNK_SLOTS)
#define NO_SLOT UINT32_MAX
#define chunks copi_table_chunks

_Atomic(struct copi_slot *) copi_table_chunks[CHUNKS];
static struct copi_lock lock = COPI_LOCK_INIT(COPI_LOCK_TABLE);
static uint32_t slots_max;
static _Atomic uint32_t slots_made; /* slots ever used */
static uint32_t free_first, free_last, free_count;
static uint64_t generation_first;
static _Atomic uint64_t serial_last;

void copi_table_init(uint32_t max, uint64_t first_generation)
{
    slots_max = max == 0 || max > COPI_PID_SLOTS ? COPI_PID_SLOTS : max;
    generation_first = first_generation % COPI_PID_GENERATIONS;
    if (generation_first == 0)
        generation_first = 1;
    atomic_store_explicit(&slots_made, 0, memory_order_relaxed);
    atomic_store_explicit(&serial_last, 0, memory_order_relaxed);
    free_first = free_last = NO_SLOT;
    free_count = 0;
}

void copi_table_fini(void)
{
    for (uint32_t i = 0; i < CHUNKS; i++) {
        struct copi_slot *c =
            atomic_load_explicit(&chunks[i], memory_order_relaxed);
        if (c == NULL)
            break;
        atomic_store_explicit(&chunks[i], NULL, memory_order_relaxed);
        copi_mem_free(c, CHUNK_SLOTS * sizeof *c);
    }
}

static struct copi_slot *slot_at(uint32_t slot)
{
    return copi_table_slot(slot);
}

static int make_chunk_locked(uint32_t n)
{
    if (slot_at(n) != NULL)
        return 0;
    struct copi_slot *c = copi_mem_zalloc(CHUNK_SLOTS * sizeof *c);
    if (c == NULL)
        return COP_ENOMEM;
    for (uint32_t i = 0; i < CHUNK_SLOTS; i++)
        c[i].generation = generation_first;
    /* pairs with the acquire in slot_at */
    atomic_store_explicit(&chunks[n >> CHUNK_BITS], c, memory_order_release);
    return 0;
}

static int fresh_slot_locked(uint32_t *out)
{
    uint32_t n = atomic_load_explicit(&slots_made, memory_order_relaxed);
    if (n >= slots_max)
        return COP_ELIMIT;
    int rc = make_chunk_locked(n);
    if (rc != 0)
        return rc;
    /* release: who sees the new limit finds the chunk; pairs with
     * copi_table_limit */
    atomic_store_explicit(&slots_made, n + 1, memory_order_release);
    *out = n;
    return 0;
}

static int free_slot_locked(uint32_t *out)
{
    int rc = COP_ELIMIT;
    if (free_count <= QUARANTINE)
        rc = fresh_slot_locked(out);
    if (rc == 0 || free_count == 0)
        return rc;
    *out = free_first;
    free_first = slot_at(free_first)->next_free;
    if (--free_count == 0)
        free_last = NO_SLOT;
    return 0;
}

static int take_slot(struct copi_slots *cache, uint32_t *out)
{
    if (cache != NULL && cache->count > 0) {
        *out = cache->slot[--cache->count];
        return 0;
    }
    copi_lock_acquire(&lock);
    int rc = free_slot_locked(out);
    while (rc == 0 && cache != NULL &&
           cache->count < COPI_ARRAY_LEN(cache->slot)) {
        uint32_t extra;
        if (free_slot_locked(&extra) != 0)
            break;
        cache->slot[cache->count++] = extra;
    }
    copi_lock_release(&lock);
    return rc;
}

int copi_table_reserve(struct copi_actor *a, struct copi_slots *cache)
{
    uint32_t n;
    int rc = take_slot(cache, &n);
    if (rc != 0)
        return rc;
    struct copi_slot *s = slot_at(n);
    COPI_ASSERT(atomic_load_explicit(&s->tenant, memory_order_relaxed) == NULL);
    a->pid.id = s->generation << COPI_PID_SLOT_BITS | n;
    a->serial =
        atomic_fetch_add_explicit(&serial_last, 1, memory_order_relaxed) + 1;
    return 0;
}

int copi_table_adopt(struct copi_actor *a, cop_pid pid)
{
    uint32_t n = (uint32_t)(pid.id % COPI_PID_SLOTS);
    copi_lock_acquire(&lock);
    int rc = make_chunk_locked(n);
    if (rc == 0) {
        slot_at(n)->generation = pid.id >> COPI_PID_SLOT_BITS;
        /* release: as in fresh_slot_locked */
        atomic_store_explicit(&slots_made, n + 1, memory_order_release);
        a->pid = pid;
        a->serial = 1;
    }
    copi_lock_release(&lock);
    return rc;
}

void copi_table_publish(struct copi_actor *a)
{
    struct copi_slot *s = slot_at((uint32_t)(a->pid.id % COPI_PID_SLOTS));
    /* release: the record is complete; pairs with copi_table_find */
    atomic_store_explicit(&s->tenant, a, memory_order_release);
}

void copi_table_unpublish(struct copi_actor *a)
{
    struct copi_slot *s = slot_at((uint32_t)(a->pid.id % COPI_PID_SLOTS));
    atomic_store_explicit(&s->tenant, NULL, memory_order_release);
}

static void release_locked(uint32_t n)
{
    struct copi_slot *s = slot_at(n);
    s->next_free = NO_SLOT;
    if (free_count++ == 0)
        free_first = n;
    else
        slot_at(free_last)->next_free = n;
    free_last = n;
}

void copi_table_release(const cop_pid *pids, size_t n)
{
    copi_lock_acquire(&lock);
    for (size_t i = 0; i < n; i++) {
        uint32_t slot = (uint32_t)(pids[i].id % COPI_PID_SLOTS);
        struct copi_slot *s = slot_at(slot);
        COPI_ASSERT(s->generation == pids[i].id >> COPI_PID_SLOT_BITS);
        s->generation = (s->generation + 1) % COPI_PID_GENERATIONS;
        if (s->generation == 0)
            s->generation = 1; /* a pid of generation 0 names nobody */
        release_locked(slot);
    }
    copi_lock_release(&lock);
}

void copi_table_return_cache(struct copi_slots *cache)
{
    copi_lock_acquire(&lock);
    while (cache->count > 0)
        release_locked(cache->slot[--cache->count]);
    copi_lock_release(&lock);
}

uint32_t copi_table_limit(void)
{
    /* acquire: pairs with fresh_slot_locked */
    return atomic_load_explicit(&slots_made, memory_order_acquire);
}
