/* SPDX-License-Identifier: MIT
 *
 * ring_test.c - the run queue: each item to exactly one taker, oldest first.
 *
 * The oracle is a twin with the same functions that is a plain array under a
 * lock. With one thread, ring and twin must agree after each step. With four
 * threads, both are put through the same delivery: the twin shows that the
 * test counts rightly, the ring must count the same.
 */
#include "runtime/queue/ring.h"

#include "runtime/base/atomic.h"
#include "runtime/base/prng.h"
#include "tests/support/unit.h"

#include <pthread.h>
#include <sched.h>

/* --------------------------------------------------------------- the twin --
 */

struct twin {
    pthread_mutex_t lock;
    size_t capacity, count;
    void *item[COPI_RING_SIZE]; /* oldest first */
};

static void twin_init(struct twin *t, size_t capacity)
{
    pthread_mutex_init(&t->lock, NULL);
    t->capacity = capacity;
    t->count = 0;
}

static size_t twin_take_locked(struct twin *t, void **out, size_t n)
{
    n = COPI_MIN(n, t->count - t->count / 2);
    memcpy(out, t->item, n * sizeof(void *));
    t->count -= n;
    memmove(t->item, t->item + n, t->count * sizeof(void *));
    return n;
}

static bool twin_push(struct twin *t, void *item)
{
    pthread_mutex_lock(&t->lock);
    bool fits = t->count < t->capacity;
    if (fits)
        t->item[t->count++] = item;
    pthread_mutex_unlock(&t->lock);
    return fits;
}

static void *twin_pop(struct twin *t)
{
    void *item = NULL;
    pthread_mutex_lock(&t->lock);
    if (t->count > 0)
        twin_take_locked(t, &item, 1);
    pthread_mutex_unlock(&t->lock);
    return item;
}

static size_t twin_take_half(struct twin *t, void **out, size_t n)
{
    pthread_mutex_lock(&t->lock);
    n = twin_take_locked(t, out, n);
    pthread_mutex_unlock(&t->lock);
    return n;
}

static size_t twin_count(struct twin *t)
{
    pthread_mutex_lock(&t->lock);
    size_t count = t->count;
    pthread_mutex_unlock(&t->lock);
    return count;
}

/* One lock at a time: two thieves may rob each other. The room does not shrink
 * meanwhile, since only its owner pushes. */
static size_t twin_steal(struct twin *victim, struct twin *into, void **first)
{
    void *loot[COPI_RING_SIZE];
    size_t room = into->capacity - twin_count(into) + 1;
    size_t n = twin_take_half(victim, loot, room);
    *first = n > 0 ? loot[0] : NULL;
    for (size_t i = 1; i < n; i++)
        ck_assert(twin_push(into, loot[i]));
    return n;
}

/* ------------------------------------------------------------- one thread --
 */

static void *item_of(uint64_t number)
{
    return (void *)(uintptr_t)number;
}

START_TEST(empty_ring_gives_nothing)
{
    static struct copi_ring r, thief;
    copi_ring_init(&r, COPI_RING_SIZE);
    copi_ring_init(&thief, COPI_RING_SIZE);
    void *first = &r, *out[4];
    ck_assert_ptr_null(copi_ring_pop_local(&r));
    ck_assert_uint_eq(copi_ring_take_half_local(&r, out, 4), 0);
    ck_assert_uint_eq(copi_ring_steal(&r, &thief, &first), 0);
    ck_assert_ptr_null(first);
    ck_assert_uint_eq(copi_ring_count(&r), 0);
}
END_TEST

START_TEST(items_leave_in_the_order_they_came)
{
    static struct copi_ring r;
    copi_ring_init(&r, 8);
    for (uint64_t i = 1; i <= 1000; i++) {
        ck_assert(copi_ring_push_local(&r, item_of(2 * i)));
        ck_assert(copi_ring_push_local(&r, item_of(2 * i + 1)));
        ck_assert_ptr_eq(copi_ring_pop_local(&r), item_of(2 * i));
        ck_assert_ptr_eq(copi_ring_pop_local(&r), item_of(2 * i + 1));
    }
    ck_assert_ptr_null(copi_ring_pop_local(&r));
}
END_TEST

START_TEST(full_ring_refuses_until_one_is_taken)
{
    for (uint32_t capacity = 1; capacity <= COPI_RING_SIZE; capacity *= 2) {
        static struct copi_ring r;
        copi_ring_init(&r, capacity);
        for (uint64_t i = 1; i <= capacity; i++)
            ck_assert(copi_ring_push_local(&r, item_of(i)));
        ck_assert_uint_eq(copi_ring_count(&r), capacity);
        ck_assert(!copi_ring_push_local(&r, item_of(999)));
        ck_assert_ptr_eq(copi_ring_pop_local(&r), item_of(1));
        ck_assert(copi_ring_push_local(&r, item_of(1000)));
        copi_ring_check_local(&r);
    }
}
END_TEST

START_TEST(thief_takes_the_older_half)
{
    static struct copi_ring r, thief;
    copi_ring_init(&r, COPI_RING_SIZE);
    copi_ring_init(&thief, COPI_RING_SIZE);
    for (uint64_t i = 1; i <= 7; i++)
        ck_assert(copi_ring_push_local(&r, item_of(i)));
    void *first;
    ck_assert_uint_eq(copi_ring_steal(&r, &thief, &first), 4);
    ck_assert_ptr_eq(first, item_of(1));
    for (uint64_t i = 2; i <= 4; i++)
        ck_assert_ptr_eq(copi_ring_pop_local(&thief), item_of(i));
    ck_assert_ptr_null(copi_ring_pop_local(&thief));
    ck_assert_ptr_eq(copi_ring_pop_local(&r), item_of(5));
}
END_TEST

START_TEST(thief_without_room_takes_one)
{
    static struct copi_ring r, thief;
    copi_ring_init(&r, 8);
    copi_ring_init(&thief, 2);
    for (uint64_t i = 1; i <= 8; i++)
        ck_assert(copi_ring_push_local(&r, item_of(i)));
    ck_assert(copi_ring_push_local(&thief, item_of(101)));
    ck_assert(copi_ring_push_local(&thief, item_of(102)));
    void *first;
    ck_assert_uint_eq(copi_ring_steal(&r, &thief, &first), 1);
    ck_assert_ptr_eq(first, item_of(1));
    ck_assert_uint_eq(copi_ring_count(&thief), 2);
    ck_assert_uint_eq(copi_ring_count(&r), 7);
}
END_TEST

static void step_both(struct copi_ring *r, struct twin *t, struct copi_prng *p,
                      uint64_t *next)
{
    size_t a = copi_prng_below(p, 2), b = 1 - a;
    void *got[COPI_RING_SIZE] = {0}, *want[COPI_RING_SIZE] = {0};
    size_t n = copi_prng_below(p, t[a].capacity + 2);
    switch (copi_prng_below(p, 8)) {
    case 0:
        got[0] = copi_ring_pop_local(&r[a]);
        want[0] = twin_pop(&t[a]);
        break;
    case 1:
        n = copi_ring_take_half_local(&r[a], got, n);
        ck_assert_uint_eq(n, twin_take_half(&t[a], want, n));
        break;
    case 2:
        ck_assert_uint_eq(copi_ring_steal(&r[a], &r[b], got),
                          twin_steal(&t[a], &t[b], want));
        break;
    default:
        ++*next;
        ck_assert_int_eq(copi_ring_push_local(&r[a], item_of(*next)),
                         twin_push(&t[a], item_of(*next)));
    }
    ck_assert_mem_eq(got, want, sizeof(got));
    ck_assert_uint_eq(copi_ring_count(&r[a]), t[a].count);
    ck_assert_uint_eq(copi_ring_count(&r[b]), t[b].count);
}

START_TEST(ring_agrees_with_locked_twin)
{
    static const uint32_t capacities[] = {1, 2, 4, 16, COPI_RING_SIZE};
    for (size_t c = 0; c < COPI_ARRAY_LEN(capacities); c++) {
        static struct copi_ring r[2];
        static struct twin t[2];
        struct copi_prng p;
        uint64_t next = 0;
        copi_prng_init(&p, c, "ring_test");
        for (size_t i = 0; i < 2; i++) {
            copi_ring_init(&r[i], capacities[c]);
            twin_init(&t[i], capacities[c]);
        }
        for (int i = 0; i < 100000; i++)
            step_both(r, t, &p, &next);
        copi_ring_check_local(&r[0]);
        copi_ring_check_local(&r[1]);
    }
}
END_TEST

/* ----------------------------------------------------------- four threads --
 */

#define THREADS 4 /* 0 is the one that pushes */

/* Its number is a plain field: the ring has to publish it. */
struct item {
    uint32_t number;
    _Atomic uint32_t times; /* how often it was taken */
};

enum robbing {
    FROM_OWNER,     /* all thieves rob thread 0 only */
    FROM_NEIGHBOUR, /* thread 1 robs 0, 2 robs 1, 3 robs 2 */
    FROM_ANY
};

/* A delivery: thread 0 pushes items 1 to n, all take what they can. */
struct delivery {
    bool use_twin;
    enum robbing robbing;
    uint64_t n;
    struct copi_ring ring[THREADS];
    struct twin twin[THREADS];
    _Atomic uint64_t taken;
    _Atomic uint32_t steals, in_order_breaks;
    struct item *item;
};

struct role {
    struct delivery *d;
    size_t self;
    uint64_t newest; /* number this thread took */
    uint64_t taken;  /* not yet added to the delivery's count */
};

static void *pop(struct role *role)
{
    struct delivery *d = role->d;
    return d->use_twin ? twin_pop(&d->twin[role->self])
                       : copi_ring_pop_local(&d->ring[role->self]);
}

static bool push(struct role *role, void *item)
{
    struct delivery *d = role->d;
    return d->use_twin ? twin_push(&d->twin[role->self], item)
                       : copi_ring_push_local(&d->ring[role->self], item);
}

static void *steal(struct role *role, size_t victim)
{
    struct delivery *d = role->d;
    void *first;
    size_t n =
        d->use_twin
            ? twin_steal(&d->twin[victim], &d->twin[role->self], &first)
            : copi_ring_steal(&d->ring[victim], &d->ring[role->self], &first);
    atomic_fetch_add_explicit(&d->steals, n > 0, memory_order_relaxed);
    return first;
}

static size_t take_half(struct role *role, void **out, size_t n)
{
    struct delivery *d = role->d;
    return d->use_twin
               ? twin_take_half(&d->twin[role->self], out, n)
               : copi_ring_take_half_local(&d->ring[role->self], out, n);
}

static void deliver(struct role *role, void *taken)
{
    struct delivery *d = role->d;
    struct item *item = taken;
    uint64_t number = item->number;
    if (number <= role->newest)
        atomic_fetch_add_explicit(&d->in_order_breaks, 1, memory_order_relaxed);
    role->newest = number;
    atomic_fetch_add_explicit(&item->times, 1, memory_order_relaxed);
    role->taken++;
}

static void deliver_all(struct role *role, void *item)
{
    for (; item != NULL; item = pop(role))
        deliver(role, item);
    atomic_fetch_add_explicit(&role->d->taken, role->taken,
                              memory_order_relaxed);
    role->taken = 0;
}

static size_t choose(const struct role *role, struct copi_prng *p)
{
    size_t victim = role->self;
    switch (role->d->robbing) {
    case FROM_OWNER:
        return 0;
    case FROM_NEIGHBOUR:
        return victim - 1;
    case FROM_ANY:
        while (victim == role->self)
            victim = copi_prng_below(p, THREADS);
    }
    return victim;
}

static void *thief_main(void *arg)
{
    struct role *role = arg;
    struct delivery *d = role->d;
    struct copi_prng p;
    uint32_t idle = 0;
    copi_prng_init(&p, role->self, "thief");
    while (atomic_load_explicit(&d->taken, memory_order_relaxed) < d->n) {
        void *item = steal(role, choose(role, &p));
        idle = item == NULL ? idle + 1 : 0;
        if (idle % 64 == 63)
            sched_yield();
        deliver_all(role, item);
    }
    return NULL;
}

static void owner_run(struct role *role)
{
    struct delivery *d = role->d;
    struct copi_prng p;
    copi_prng_init(&p, 0, "owner");
    for (uint64_t i = 1; i <= d->n;) {
        bool is_full = false;
        uint64_t burst = copi_prng_below(&p, 2 * d->ring[0].capacity);
        for (; burst > 0 && i <= d->n && !is_full; burst--) {
            d->item[i].number = (uint32_t)i;
            is_full = !push(role, &d->item[i]);
            i += !is_full;
        }
        /* on a busy machine the thieves may be late */
        while (is_full && atomic_load(&d->steals) == 0)
            sched_yield();
        void *half[COPI_RING_SIZE];
        if (is_full && copi_prng_below(&p, 8) == 0) {
            size_t n = take_half(role, half, COPI_RING_SIZE);
            for (size_t k = 0; k < n; k++)
                deliver(role, half[k]);
        }
        void *item;
        uint64_t pops = copi_prng_below(&p, d->ring[0].capacity);
        for (; pops > 0 && (item = pop(role)) != NULL; pops--)
            deliver(role, item);
        if (is_full && copi_prng_below(&p, 4) == 0)
            sched_yield();
    }
    deliver_all(role, pop(role));
}

static void run_delivery(uint32_t capacity, uint64_t n, bool use_twin,
                         enum robbing robbing)
{
    static struct delivery d;
    static struct role role[THREADS];
    pthread_t thread[THREADS];
    d = (struct delivery){.use_twin = use_twin, .robbing = robbing, .n = n};
    d.item = calloc(n + 1, sizeof(d.item[0]));
    ck_assert_ptr_nonnull(d.item);
    for (size_t i = 0; i < THREADS; i++) {
        copi_ring_init(&d.ring[i], capacity);
        twin_init(&d.twin[i], capacity);
        role[i] = (struct role){.d = &d, .self = i};
    }
    for (size_t i = 1; i < THREADS; i++)
        pthread_create(&thread[i], NULL, thief_main, &role[i]);
    owner_run(&role[0]);
    for (size_t i = 1; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    uint64_t number = 1; /* each ck_assert is a system call */
    while (number < n && d.item[number].times == 1)
        number++;
    ck_assert_msg(d.item[number].times == 1, "item %" PRIu64 " came %u times",
                  number, d.item[number].times);
    ck_assert_uint_eq(d.taken, n);
    ck_assert_msg(d.steals > 0, "nothing was ever stolen: not a test");
    if (robbing != FROM_ANY)
        ck_assert_msg(d.in_order_breaks == 0, "%u items out of order",
                      d.in_order_breaks);
    for (size_t i = 0; i < THREADS; i++)
        copi_ring_check_local(&d.ring[i]);
    free(d.item);
}

/* Sanitizers make each step up to 50 times slower. */
static uint64_t scaled(uint64_t n)
{
    return COPI_TSAN || unit_slow() > 1 ? n / 50 : COPI_ASAN ? n / 4 : n;
}

START_TEST(ten_million_items_each_once)
{
    run_delivery(COPI_RING_SIZE, scaled(10000000), false, FROM_ANY);
}
END_TEST

START_TEST(tiny_ring_each_once)
{
    run_delivery(4, scaled(1000000), false, FROM_ANY);
    run_delivery(1, scaled(200000), false, FROM_ANY);
}
END_TEST

/* What a thread takes from one ring grows: first in, first out. */
START_TEST(each_thread_sees_the_order)
{
    run_delivery(COPI_RING_SIZE, scaled(1000000), false, FROM_OWNER);
    run_delivery(4, scaled(500000), false, FROM_OWNER);
    run_delivery(COPI_RING_SIZE, scaled(5000000), false, FROM_NEIGHBOUR);
}
END_TEST

START_TEST(twin_passes_the_same_delivery)
{
    run_delivery(COPI_RING_SIZE, scaled(500000), true, FROM_ANY);
    run_delivery(4, scaled(200000), true, FROM_NEIGHBOUR);
}
END_TEST

static const TTest *const cases[] = {
    empty_ring_gives_nothing,
    items_leave_in_the_order_they_came,
    full_ring_refuses_until_one_is_taken,
    thief_takes_the_older_half,
    thief_without_room_takes_one,
    ring_agrees_with_locked_twin,
    ten_million_items_each_once,
    tiny_ring_each_once,
    each_thread_sees_the_order,
    twin_passes_the_same_delivery,
};
UNIT_MAIN("ring", cases)
