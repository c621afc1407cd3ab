/* SPDX-License-Identifier: MIT
 *
 * mem_test.c - counting to the byte over threads, alignment, ordered refusal.
 */
#include "runtime/base/prng.h"
#include "runtime/memory/mem.h"
#include "runtime/probe/fault.h"
#include "tests/support/crowd.h"
#include "tests/support/death.h"
#include "tests/support/unit.h"

START_TEST(counts_bytes_and_blocks)
{
    void *a = copi_mem_alloc(100);
    void *b = copi_mem_zalloc(28);

    ck_assert(a && b);
    ck_assert_uint_eq(copi_mem_in_use(), 128);
    ck_assert_uint_eq(copi_mem_blocks(), 2);
    copi_mem_free(a, 100);
    ck_assert_uint_eq(copi_mem_in_use(), 28);
    copi_mem_free(b, 28);
    ck_assert_uint_eq(copi_mem_in_use(), 0);
    ck_assert_uint_eq(copi_mem_blocks(), 0);
}
END_TEST

START_TEST(zero_bytes_are_one)
{
    void *a = copi_mem_alloc(0);
    void *b = copi_mem_zalloc(0);
    void *c = copi_mem_dup(NULL, 0);

    ck_assert(a && b && c);
    ck_assert(a != b && b != c);
    ck_assert_uint_eq(copi_mem_in_use(), 3);
    copi_mem_free(a, 0);
    copi_mem_free(b, 0);
    copi_mem_free(c, 0);
    copi_mem_free(NULL, 17);
    ck_assert_uint_eq(copi_mem_in_use(), 0);
}
END_TEST

START_TEST(zalloc_is_zero)
{
    for (int round = 0; round < 100; round++) {
        unsigned char *dirty = copi_mem_alloc(500);
        unsigned char *p;

        ck_assert_ptr_nonnull(dirty);
        memset(dirty, 0xa5, 500);
        copi_mem_free(dirty, 500);
        p = copi_mem_zalloc(500);
        for (int i = 0; i < 500; i++)
            ck_assert_uint_eq(p[i], 0);
        copi_mem_free(p, 500);
    }
}
END_TEST

START_TEST(dup_copies)
{
    char *copy = copi_mem_dup("coppice", 8);

    ck_assert_str_eq(copy, "coppice");
    ck_assert_uint_eq(copi_mem_in_use(), 8);
    copi_mem_free(copy, 8);
}
END_TEST

/* Sizes around the suppliers' class borders, every alignment; written to the
 * last byte, freed by size alone. */
START_TEST(aligned_at_every_alignment)
{
    for (size_t align = 1; align <= 4096; align *= 2) {
        for (size_t n = align; n <= 40000; n += align * (1 + n / 512 / align)) {
            unsigned char *p = copi_mem_alloc_aligned(n, align);

            ck_assert_ptr_nonnull(p);
            ck_assert_uint_eq((uintptr_t)p % align, 0);
            memset(p, 0x5a, n);
            copi_mem_free(p, n);
        }
    }
    ck_assert_uint_eq(copi_mem_in_use(), 0);
}
END_TEST

START_TEST(absurd_size_is_refused)
{
    ck_assert_ptr_null(copi_mem_alloc(SIZE_MAX));
    ck_assert_ptr_null(copi_mem_zalloc((size_t)PTRDIFF_MAX + 1));
    ck_assert_ptr_null(copi_mem_alloc_aligned(SIZE_MAX - 63, 64));
    ck_assert_uint_eq(copi_mem_blocks(), 0);
}
END_TEST

START_TEST(each_allocation_passes_the_fault_point)
{
    void *p;

    copi_fault_alloc_set(COPI_FAULT_NEVER, false);
    copi_mem_free(copi_mem_alloc(8), 8);
    copi_mem_free(copi_mem_zalloc(8), 8);
    copi_mem_free(copi_mem_alloc_aligned(64, 64), 64);
    copi_mem_free(copi_mem_dup("", 1), 1);
    p = copi_mem_take(64, 64);
    copi_mem_free(p, 64);
    ck_assert_uint_eq(copi_fault_alloc_count(), 4);
    copi_fault_alloc_set(1, true);
    ck_assert_ptr_null(copi_mem_alloc(8));
    ck_assert_ptr_null(copi_mem_zalloc(8));
    ck_assert_ptr_null(copi_mem_alloc_aligned(64, 64));
    ck_assert_ptr_null(copi_mem_dup("", 1));
    ck_assert_uint_eq(copi_mem_blocks(), 0);
}
END_TEST

enum { THREADS = 4, ROUNDS = 200000, SLOTS = 64 };

struct slot {
    _Atomic(unsigned char *) p;
};
static struct slot slots[SLOTS];

static size_t size_in(const unsigned char *p)
{
    return 8 + (size_t)p[0] * 3;
}

static void free_block(unsigned char *p)
{
    if (p)
        copi_mem_free(p, size_in(p));
}

/* Puts blocks into common slots and frees what was there: most blocks end on
 * another thread than they began. The first two count on the shared shard. */
static void churn(int id)
{
    struct copi_prng prng;

    copi_prng_init(&prng, (uint64_t)id, "churn");
    if (id >= 2)
        copi_mem_thread_init();
    for (int i = 0; i < ROUNDS; i++) {
        unsigned char tag = (unsigned char)copi_prng_below(&prng, 256);
        unsigned char *p = copi_mem_alloc(size_in(&tag));

        if (p)
            p[0] = tag;
        free_block(atomic_exchange(&slots[copi_prng_below(&prng, SLOTS)].p, p));
    }
    if (id >= 2)
        copi_mem_thread_fini();
}

static void churn_and_count(void)
{
    size_t bytes = 0, blocks = 0;

    crowd_run(THREADS, churn);
    for (int i = 0; i < SLOTS; i++) {
        unsigned char *p = atomic_load(&slots[i].p);

        bytes += p ? size_in(p) : 0;
        blocks += p != NULL;
    }
    ck_assert_uint_eq(copi_mem_in_use(), bytes);
    ck_assert_uint_eq(copi_mem_blocks(), blocks);
}

START_TEST(exact_over_threads)
{
    for (int round = 0; round < 5; round++)
        churn_and_count();
    for (int i = 0; i < SLOTS; i++)
        free_block(atomic_load(&slots[i].p));
    ck_assert_uint_eq(copi_mem_in_use(), 0);
    ck_assert_uint_eq(copi_mem_blocks(), 0);
}
END_TEST

static _Atomic uint32_t gate;

static void hold_a_shard(void *arg)
{
    (void)arg;
    copi_mem_thread_init();
    copi_mem_free(copi_mem_alloc(8), 8);
    while (atomic_load(&gate) == 0)
        copi_os_futex_wait(&gate, 0, -1);
    copi_mem_free(copi_mem_alloc(8), 8);
    copi_mem_thread_fini();
}

/* More threads than shards: the rest shares. */
START_TEST(more_threads_than_shards)
{
    enum { MANY = 300 };
    static struct copi_thread t[MANY];

    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(
            copi_os_thread_start(&t[i], "holder", 65536, hold_a_shard, NULL),
            0);
    atomic_store(&gate, 1);
    copi_os_futex_wake(&gate, INT_MAX);
    for (int i = 0; i < MANY; i++)
        copi_os_thread_join(&t[i]);
    ck_assert_uint_eq(copi_mem_blocks(), 0);
}
END_TEST

static void align_three(void)
{
    copi_mem_free(copi_mem_alloc_aligned(6, 3), 6);
}

static void align_not_a_divisor(void)
{
    copi_mem_free(copi_mem_alloc_aligned(100, 64), 100);
}

static void free_too_much(void)
{
    copi_mem_free(copi_mem_alloc(100), 5000);
}

START_TEST(misuse_panics)
{
    ck_assert(death_says(align_three, "align 3"));
    ck_assert(death_says(align_not_a_divisor, "100 bytes, align 64"));
    if (copi_mem_is_watched)
        ck_assert(death_says(free_too_much, "5000 bytes freed of"));
}
END_TEST

static const TTest *const cases[] = {
    counts_bytes_and_blocks,
    zero_bytes_are_one,
    zalloc_is_zero,
    dup_copies,
    aligned_at_every_alignment,
    absurd_size_is_refused,
    each_allocation_passes_the_fault_point,
    exact_over_threads,
    more_threads_than_shards,
    misuse_panics,
};
UNIT_MAIN("mem", cases)
