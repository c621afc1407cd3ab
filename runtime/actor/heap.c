/* SPDX-License-Identifier: MIT
 *
 * heap.c - what an actor owns. Rank: 3.
 *
 * A block (block.h) is a header of 16 bytes and what the program gets. Up to
 * 512 bytes together they lie in a cell of a slab class, for speed; at most
 * half of it is wasted then, unless the block is smaller than 17 bytes. All
 * blocks are listed in a table of the actor's own, from which they are freed
 * when it dies, by whatever cause. A block's header says where in the table it
 * stands; the last one moves to where one was taken out.
 *
 * Invariants:
 *  1. block[i]->index == i for all i < count.
 *  2. p is a live block of the actor if and only if block[index of p] is p. So
 *     one look tells whether a pointer may be freed, whatever lies before it.
 *  3. A header whose seal does not fit its size and place was written over. Its
 *     block is never freed, as the size would mislead the allocator; being in
 *     the table it hides no other block.
 *  4. held_bytes is what the heap, its table and its blocks with the whole
 *     cells take, plus what others count there.
 *
 * Only an actor that owns something, or has a limit, has a heap.
 *
 * An actor that was spawned so has an arena of the allocator besides, for its
 * code's plain malloc (memory/arena.h): the thread is in it during its turns,
 * while a helper does its job, and while its mailbox is emptied at its death.
 *
 * Rejected: a list through the headers. With 16 bytes a header there is no room
 * for a size or a seal beside two links; an overflow into one header loses all
 * blocks behind it; and each free touches two neighbours, where here it touches
 * one, and none if the block is the newest. The table costs 8 bytes a block.
 * An arena of the allocator for each actor: 54 us a life, and 4,086 at most; or
 * drawn from a pool, 10 us a turn.
 */
#include "runtime/actor/heap.h"

#include "runtime/actor/block.h"
#include "runtime/base/check.h"
#include "runtime/memory/arena.h"
#include "runtime/memory/mem.h"

enum { ROOM_MIN = 8 };

/* ----------------------------------------------------------- accounting -- */

static struct copi_heap *heap_of(struct copi_actor *a)
{
    if (COPI_LIKELY(a->heap != NULL))
        return a->heap;
    struct copi_heap *h = copi_mem_zalloc(sizeof *h);
    if (h == NULL)
        return NULL;
    h->quick = COPI_QUICK;
    copi_list_init(&h->owned);
    copi_map_init(&h->owned_by_key);
    a->heap = h;
    copi_heap_count(a, sizeof *h);
    return h;
}

int copi_heap_limit(struct copi_actor *a, size_t max)
{
    struct copi_heap *h = heap_of(a);
    if (h == NULL)
        return COP_ENOMEM;
    h->max = max;
    a->limited = max != 0;
    return 0;
}

bool copi_heap_is_over(struct copi_actor *a, size_t more)
{
    if (COPI_LIKELY(!a->limited) || a->dying != COPI_DYING_NOT)
        return false;
    size_t max = a->heap->max;
    return more > max || copi_heap_total(a) > max - more;
}

/* ------------------------------------------------------------ own malloc -- */

int copi_heap_isolate(struct copi_actor *a)
{
    struct copi_heap *h = heap_of(a);
    if (h == NULL)
        return COP_ENOMEM;
    int rc = copi_arena_take(&h->arena);
    a->own_malloc = rc == 0;
    return rc;
}

void copi_heap_enter(struct copi_actor *a)
{
    copi_arena_enter(a->heap->arena);
}

void copi_heap_settle(struct copi_actor *a)
{
    struct copi_heap *h = a->heap;
    size_t now = copi_arena_bytes(h->arena);
    copi_heap_count(a, now - h->arena_bytes);
    h->arena_bytes = now;
}

void copi_heap_leave(struct copi_actor *a)
{
    copi_arena_leave();
    copi_heap_settle(a);
}

/* ---------------------------------------------------------------- table -- */

static bool set_room(struct copi_actor *a, struct copi_heap *h, uint32_t room)
{
    struct copi_block **t = copi_mem_alloc(room * sizeof(*t));
    if (t == NULL)
        return false;
    if (h->count > 0)
        memcpy(t, h->block, h->count * sizeof(*t));
    copi_mem_free(h->block, h->room * sizeof(*t));
    copi_heap_count(a, room * sizeof(*t) - h->room * sizeof(*t));
    h->block = t;
    h->room = room;
    return true;
}

static bool make_room(struct copi_actor *a, struct copi_heap *h)
{
    if (COPI_LIKELY(h->count < h->room))
        return true;
    if (h->room > UINT32_MAX / 4)
        return false;
    return set_room(a, h, h->room == 0 ? ROOM_MIN : 2 * h->room);
}

/* A table that stays too big is no error. */
static void give_room_back(struct copi_actor *a, struct copi_heap *h)
{
    if (COPI_UNLIKELY(h->room > 128 && h->count < h->room / 8))
        (void)set_room(a, h, h->room / 4);
}

/* --------------------------------------------------------------- blocks -- */

static enum copi_slab_class class_of(size_t total)
{
    return (enum copi_slab_class)copi_block_class(total);
}

static size_t cost_of(size_t total)
{
    if (total > COPI_BLOCK_CELL_MAX)
        return total;
    return copi_block_cell(total);
}

size_t copi_heap_cost(size_t n)
{
    size_t header = sizeof(struct copi_block);
    return n <= PTRDIFF_MAX - header ? cost_of(n + header) : SIZE_MAX;
}

static void *take(size_t total)
{
    return total <= COPI_BLOCK_CELL_MAX ? copi_slab_alloc(class_of(total))
                                        : copi_mem_alloc(total);
}

static void give_back(struct copi_block *b, size_t total)
{
    if (total <= COPI_BLOCK_CELL_MAX)
        copi_slab_free(class_of(total), b);
    else
        copi_mem_free(b, total);
}

static void *enlist(struct copi_actor *a, struct copi_block *b, size_t n)
{
    return copi_block_enlist(a, a->heap, b, n, cost_of(sizeof *b + n));
}

void *copi_heap_alloc(struct copi_actor *a, size_t n)
{
    struct copi_heap *h = heap_of(a);
    if (n > PTRDIFF_MAX / 2 || h == NULL || !make_room(a, h))
        return NULL;
    struct copi_block *b = take(sizeof *b + n);
    return COPI_LIKELY(b != NULL) ? enlist(a, b, n) : NULL;
}

/* The allocator knows which of its big blocks are zero already. */
void *copi_heap_zalloc(struct copi_actor *a, size_t n)
{
    struct copi_heap *h = heap_of(a);
    if (n > PTRDIFF_MAX / 2 || h == NULL || !make_room(a, h))
        return NULL;
    size_t total = sizeof(struct copi_block) + n;
    struct copi_block *b =
        total <= COPI_BLOCK_CELL_MAX ? take(total) : copi_mem_zalloc(total);
    if (b != NULL && total <= COPI_BLOCK_CELL_MAX)
        memset(b + 1, 0, n);
    return b != NULL ? enlist(a, b, n) : NULL;
}

static inline bool is_listed(const struct copi_actor *a,
                             const struct copi_block *b)
{
    const struct copi_heap *h = a->heap;
    return h != NULL && b->index < h->count && h->block[b->index] == b;
}

static COPI_COLD const char *what_is(const struct copi_actor *a, const void *p)
{
    const struct copi_block *b = copi_block_of(p);
    if ((uintptr_t)p % 16 != 0)
        return "is no block of cop_alloc's";
    if (is_listed(a, b))
        return "was written over by the bytes before it";
    if (b->index == COPI_BLOCK_INDEX_FREED && b->seal == COPI_BLOCK_SEAL_FREED)
        return "was freed already";
    if (b->seal == copi_block_seal(b))
        return "is another actor's";
    return "is no block of cop_alloc's";
}

static bool is_sound(const struct copi_actor *a, const void *p)
{
    return a->heap != NULL && copi_block_is_sound(a->heap, p);
}

const char *copi_heap_wrong(const struct copi_actor *a, const void *p)
{
    return COPI_LIKELY(is_sound(a, p)) ? NULL : what_is(a, p);
}

size_t copi_heap_size(const void *p)
{
    return copi_block_of(p)->size;
}

const char *copi_heap_free(struct copi_actor *a, void *p)
{
    if (COPI_UNLIKELY(!is_sound(a, p)))
        return what_is(a, p);
    struct copi_heap *h = a->heap;
    struct copi_block *b = copi_block_of(p);
    size_t total = sizeof *b + b->size;
    copi_block_delist(a, h, b, cost_of(total));
    give_back(b, total);
    give_room_back(a, h);
    return NULL;
}

void *copi_heap_realloc(struct copi_actor *a, void *p, size_t n)
{
    size_t size = copi_heap_size(p);
    if (n <= size && n >= size / 2)
        return p;
    void *q = copi_heap_alloc(a, n);
    if (q == NULL)
        return NULL;
    memcpy(q, p, COPI_MIN(size, n));
    const char *wrong = copi_heap_free(a, p);
    COPI_ASSERT(wrong == NULL);
    return q;
}

/* --------------------------------------------------------------- things -- */

int copi_heap_own(struct copi_actor *a, struct copi_owned *o, uint64_t key)
{
    struct copi_heap *h = heap_of(a);
    if (h == NULL)
        return COP_ENOMEM;
    if (copi_map_find(&h->owned_by_key, key) != NULL)
        return COP_EPRESENT;
    copi_list_init(&o->at);
    copi_list_push_front(&h->owned, &o->at);
    copi_map_insert(&h->owned_by_key, &o->by_key, key);
    return 0;
}

static void remove_owned(struct copi_heap *h, struct copi_owned *o)
{
    copi_list_remove(&o->at);
    copi_map_remove(&h->owned_by_key, &o->by_key);
}

struct copi_owned *copi_heap_disown(struct copi_actor *a, uint64_t key)
{
    struct copi_heap *h = a->heap;
    struct copi_map_node *n =
        h != NULL ? copi_map_find(&h->owned_by_key, key) : NULL;
    if (n == NULL)
        return NULL;
    struct copi_owned *o = COPI_CONTAINER(n, struct copi_owned, by_key);
    remove_owned(h, o);
    return o;
}

/* ---------------------------------------------------------------- death -- */

void copi_heap_release_owned(struct copi_actor *a)
{
    struct copi_heap *h = a->heap;
    while (h != NULL && !copi_list_is_empty(&h->owned)) {
        struct copi_owned *o =
            COPI_CONTAINER(h->owned.next, struct copi_owned, at);
        remove_owned(h, o);
        o->release(o);
    }
}

static COPI_COLD void report(const struct copi_actor *a, uint32_t damaged,
                             const struct copi_block *oldest)
{
    copi_log("actor number %llu%s%s: %u of its %u blocks of memory were "
             "written over, the oldest of these is at 0x%zx: they are not "
             "freed",
             (unsigned long long)a->serial, a->label != NULL ? ", " : "",
             a->label != NULL ? a->label : "", (unsigned)damaged,
             (unsigned)a->heap->count, (size_t)(oldest + 1));
}

void copi_heap_free_all(struct copi_actor *a)
{
    struct copi_heap *h = a->heap;
    struct copi_block *oldest = NULL;
    uint32_t damaged = 0;
    if (h == NULL)
        return;
    COPI_ASSERT(copi_list_is_empty(&h->owned));
    copi_map_fini(&h->owned_by_key);
    for (uint32_t i = h->count; i-- > 0;) {
        struct copi_block *b = h->block[i];
        if (b->index == i && b->seal == copi_block_seal(b)) {
            give_back(b, sizeof *b + b->size);
            continue;
        }
        oldest = b;
        damaged++;
    }
    if (damaged > 0)
        report(a, damaged, oldest);
    copi_mem_free(h->block, h->room * sizeof(*h->block));
    if (h->arena != 0)
        copi_arena_give_back(h->arena);
    copi_mem_free(h, sizeof *h);
    a->heap = NULL;
    a->limited = false;
}

void copi_heap_check(const struct copi_actor *a)
{
    const struct copi_heap *h = a->heap;
    size_t bytes = 0;
    if (h == NULL)
        return;
    COPI_ASSERT(h->count <= h->room);
    copi_map_check(&h->owned_by_key);
    for (uint32_t i = 0; i < h->count; i++) {
        const struct copi_block *b = h->block[i];
        COPI_ASSERTF(b->index == i, "block %u says %u", (unsigned)i,
                     (unsigned)b->index);
        COPI_ASSERTF(b->seal == copi_block_seal(b), "block %u", (unsigned)i);
        bytes += cost_of(sizeof *b + b->size);
    }
    bytes += sizeof *h + h->room * sizeof(*h->block);
    COPI_ASSERT(bytes <= a->held_bytes);
}
