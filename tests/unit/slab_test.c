/* SPDX-License-Identifier: MIT
 *
 * slab_test.c - cells handed out once each, between threads and through the
 * depot; nothing held when all is given back; ordered refusal.
 */
#include "runtime/base/lock.h"
#include "runtime/base/prng.h"
#include "runtime/memory/mem.h"
#include "runtime/memory/slab.h"
#include "runtime/probe/fault.h"
#include "tests/support/crowd.h"
#include "tests/support/death.h"
#include "tests/support/unit.h"

/* Magazines in every build, small ones, so that their edges are met often. */
static void start_small(uint32_t cells, uint32_t magazines)
{
    copi_slab_config.magazine_cells = cells;
    copi_slab_config.depot_magazines = magazines;
    copi_slab_config.even_if_watched = true;
    copi_slab_thread_init();
}

static void finish(void)
{
    copi_slab_check();
    copi_slab_thread_fini();
    copi_slab_check();
    copi_slab_trim();
    copi_slab_check();
    ck_assert_uint_eq(copi_mem_blocks(), 0);
    ck_assert_uint_eq(copi_mem_in_use(), 0);
}

START_TEST(class_of_size)
{
    ck_assert_int_eq(copi_slab_class_of(0), COPI_SLAB_64);
    ck_assert_int_eq(copi_slab_class_of(64), COPI_SLAB_64);
    ck_assert_int_eq(copi_slab_class_of(65), COPI_SLAB_128);
    ck_assert_int_eq(copi_slab_class_of(256), COPI_SLAB_256);
    ck_assert_int_eq(copi_slab_class_of(257), COPI_SLAB_320);
    ck_assert_int_eq(copi_slab_class_of(512), COPI_SLAB_512);
    ck_assert_int_eq(copi_slab_class_of(513), COPI_SLAB_COUNT);
    ck_assert_uint_eq(copi_slab_bytes(COPI_SLAB_64), 64);
    ck_assert_uint_eq(copi_slab_bytes(COPI_SLAB_512), 512);
}
END_TEST

static void use_every_class(void)
{
    for (int i = 0; i < COPI_SLAB_COUNT; i++) {
        enum copi_slab_class c = (enum copi_slab_class)i;
        void *p[10];

        for (int k = 0; k < 10; k++) {
            p[k] = copi_slab_alloc(c);
            ck_assert_ptr_nonnull(p[k]);
            ck_assert_uint_eq((uintptr_t)p[k] % COPI_CACHE_LINE, 0);
            memset(p[k], k, copi_slab_bytes(c));
        }
        for (int k = 0; k < 10; k++) {
            ck_assert_int_eq(((char *)p[k])[copi_slab_bytes(c) - 1], k);
            copi_slab_free(c, p[k]);
        }
    }
}

START_TEST(without_magazines_straight_to_mem)
{
    use_every_class();
    ck_assert_uint_eq(copi_mem_blocks(), 0);
    copi_slab_free(COPI_SLAB_64, NULL);
}
END_TEST

START_TEST(with_magazines)
{
    start_small(4, 2);
    for (int round = 0; round < 5; round++)
        use_every_class();
    ck_assert_uint_gt(copi_mem_blocks(), 0);
    finish();
}
END_TEST

START_TEST(watched_memory_has_no_magazines)
{
    copi_slab_thread_init();
    use_every_class();
    if (copi_mem_is_watched)
        ck_assert_uint_eq(copi_mem_blocks(), 0);
    else
        ck_assert_uint_gt(copi_mem_blocks(), 0);
    finish();
}
END_TEST

START_TEST(last_in_first_out)
{
    void *a, *b;

    start_small(64, 2);
    a = copi_slab_alloc(COPI_SLAB_128);
    b = copi_slab_alloc(COPI_SLAB_128);
    copi_slab_free(COPI_SLAB_128, a);
    copi_slab_free(COPI_SLAB_128, b);
    ck_assert_ptr_eq(copi_slab_alloc(COPI_SLAB_128), b);
    ck_assert_ptr_eq(copi_slab_alloc(COPI_SLAB_128), a);
    copi_slab_free(COPI_SLAB_128, a);
    copi_slab_free(COPI_SLAB_128, b);
    finish();
}
END_TEST

/* 100 cells freed into magazines of 4 and a depot of 3: two magazines in the
 * thread, three in the depot, the rest back in mem. */
START_TEST(depot_is_bounded)
{
    void *p[100];

    start_small(4, 3);
    for (int i = 0; i < 100; i++)
        p[i] = copi_slab_alloc(COPI_SLAB_64);
    ck_assert_uint_eq(copi_mem_blocks(), 100);
    for (int i = 0; i < 100; i++) {
        copi_slab_free(COPI_SLAB_64, p[i]);
        copi_slab_check();
    }
    ck_assert_uint_eq(copi_mem_blocks(), (2 + 3) * 4);
    copi_slab_trim();
    ck_assert_uint_eq(copi_mem_blocks(), 2 * 4);
    finish();
}
END_TEST

START_TEST(depot_feeds_other_threads)
{
    void *p[32];

    start_small(4, 100);
    for (int i = 0; i < 32; i++)
        p[i] = copi_slab_alloc(COPI_SLAB_256);
    for (int i = 0; i < 32; i++)
        copi_slab_free(COPI_SLAB_256, p[i]);
    copi_slab_thread_fini();
    ck_assert_uint_eq(copi_mem_blocks(), 32);
    copi_slab_thread_init();
    for (int i = 0; i < 32; i++)
        p[i] = copi_slab_alloc(COPI_SLAB_256);
    ck_assert_uint_eq(copi_mem_blocks(), 32);
    for (int i = 0; i < 32; i++)
        copi_slab_free(COPI_SLAB_256, p[i]);
    finish();
}
END_TEST

static void sweep_faults(bool sticky)
{
    for (uint64_t nth = 1; nth <= 20; nth++) {
        void *p[16];

        copi_fault_alloc_set(nth, sticky);
        for (uint64_t i = 0; i < 16; i++) {
            bool fails = sticky ? i + 1 >= nth : i + 1 == nth;

            p[i] = copi_slab_alloc(COPI_SLAB_128);
            ck_assert_int_eq(p[i] == NULL, fails);
        }
        ck_assert_uint_eq(copi_fault_alloc_count(), 16);
        for (int i = 0; i < 16; i++)
            copi_slab_free(COPI_SLAB_128, p[i]);
    }
    copi_fault_alloc_set(0, false);
}

START_TEST(each_cell_passes_the_fault_point_once)
{
    sweep_faults(false);
    sweep_faults(true);
    start_small(4, 2);
    sweep_faults(false);
    sweep_faults(true);
    finish();
}
END_TEST

enum { THREADS = 4, ROUNDS = 40000, SLOTS = 128 };

static _Atomic(uint64_t *) slots[SLOTS];
static _Atomic uint64_t next_stamp = 1;

/* A cell that two had at once would lose its stamp. */
static void put_back(enum copi_slab_class c, uint64_t *p)
{
    size_t last = copi_slab_bytes(c) / sizeof(*p) - 1;

    if (!p)
        return;
    ck_assert_uint_eq(p[0], ~p[last]);
    p[0] = p[last] = 0;
    copi_slab_free(c, p);
}

static uint64_t *stamped(enum copi_slab_class c)
{
    uint64_t *p = copi_slab_alloc(c);

    ck_assert_ptr_nonnull(p);
    p[0] = atomic_fetch_add(&next_stamp, 1);
    p[copi_slab_bytes(c) / sizeof(*p) - 1] = ~p[0];
    return p;
}

/* Three threads with magazines and one without; each slot keeps its class. */
static void churn(int id)
{
    struct copi_prng prng;

    copi_prng_init(&prng, (uint64_t)id, "churn");
    if (id != 0)
        copi_slab_thread_init();
    for (int i = 0; i < ROUNDS; i++) {
        size_t at = copi_prng_below(&prng, SLOTS);
        enum copi_slab_class c = (enum copi_slab_class)(at % COPI_SLAB_COUNT);
        uint64_t *p = copi_prng_below(&prng, 3) == 0 ? NULL : stamped(c);

        put_back(c, atomic_exchange(&slots[at], p));
        if (i % 4096 == 0)
            copi_slab_trim();
    }
    if (id != 0)
        copi_slab_thread_fini();
}

START_TEST(cells_wander_between_threads)
{
    copi_slab_config.magazine_cells = 3;
    copi_slab_config.depot_magazines = 5;
    copi_slab_config.even_if_watched = true;
    crowd_run(THREADS, churn);
    for (int i = 0; i < SLOTS; i++)
        put_back((enum copi_slab_class)(i % COPI_SLAB_COUNT),
                 atomic_load(&slots[i]));
    copi_slab_check();
    copi_slab_trim();
    ck_assert_uint_eq(copi_mem_blocks(), 0);
}
END_TEST

static void break_a_free_cell(void)
{
    void **p, **q;

    start_small(2, 2);
    p = copi_slab_alloc(COPI_SLAB_64);
    q = copi_slab_alloc(COPI_SLAB_64);
    copi_slab_free(COPI_SLAB_64, p);
    copi_slab_free(COPI_SLAB_64, q);
    *q = NULL;
    copi_slab_check();
}

static void alloc_under_a_late_lock(void)
{
    static struct copi_lock late = COPI_LOCK_INIT(COPI_LOCK_LOG);

    copi_lock_acquire(&late);
    copi_slab_free(COPI_SLAB_64, copi_slab_alloc(COPI_SLAB_64));
    copi_lock_release(&late);
}

START_TEST(damage_is_noticed)
{
    ck_assert(death_says(break_a_free_cell, "1 cells, count 2"));
    ck_assert(death_says(alloc_under_a_late_lock, "copi_lock_may_acquire"));
}
END_TEST

static const TTest *const cases[] = {
    class_of_size,
    without_magazines_straight_to_mem,
    with_magazines,
    watched_memory_has_no_magazines,
    last_in_first_out,
    depot_is_bounded,
    depot_feeds_other_threads,
    each_cell_passes_the_fault_point_once,
    cells_wander_between_threads,
    damage_is_noticed,
};
UNIT_MAIN("slab", cases)
