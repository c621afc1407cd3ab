/* SPDX-License-Identifier: MIT
 *
 * map_test.c - the map against a plain array, its order among equal keys, and
 * that it needs no memory when it promised so.
 */
#include "runtime/base/prng.h"
#include "runtime/memory/map.h"
#include "runtime/memory/mem.h"
#include "runtime/probe/fault.h"
#include "tests/support/death.h"
#include "tests/support/unit.h"

enum { N = 5000 };

static struct copi_map_node nodes[N];

START_TEST(empty_finds_nothing)
{
    struct copi_map m;

    copi_map_init(&m);
    ck_assert_ptr_null(copi_map_find(&m, 0));
    ck_assert_ptr_null(copi_map_find(&m, UINT64_MAX));
    ck_assert_uint_eq(copi_map_count(&m), 0);
    copi_map_check(&m);
    copi_map_fini(&m);
}
END_TEST

START_TEST(small_needs_no_memory)
{
    struct copi_map m;

    copi_map_init(&m);
    for (int i = 0; i < 8; i++)
        copi_map_insert(&m, &nodes[i], (uint64_t)i);
    ck_assert_uint_eq(copi_mem_blocks(), 0);
    copi_map_insert(&m, &nodes[8], 8);
    ck_assert_uint_eq(copi_mem_blocks(), 1);
    for (int i = 0; i <= 8; i++)
        ck_assert_ptr_eq(copi_map_find(&m, (uint64_t)i), &nodes[i]);
    for (int i = 0; i <= 8; i++)
        copi_map_remove(&m, &nodes[i]);
    ck_assert_uint_eq(copi_mem_in_use(), 0);
    copi_map_fini(&m);
}
END_TEST

START_TEST(grows_and_finds_all)
{
    struct copi_map m;

    copi_map_init(&m);
    for (int i = 0; i < N; i++) {
        copi_map_insert(&m, &nodes[i], (uint64_t)i << 20);
        if (i < 100 || i % 1000 == 0)
            copi_map_check(&m);
    }
    ck_assert_uint_eq(copi_map_count(&m), N);
    for (int i = 0; i < N; i++)
        ck_assert_ptr_eq(copi_map_find(&m, (uint64_t)i << 20), &nodes[i]);
    ck_assert_ptr_null(copi_map_find(&m, 1));
    for (int i = N - 1; i >= 0; i--) {
        copi_map_remove(&m, &nodes[i]);
        ck_assert_ptr_null(copi_map_find(&m, (uint64_t)i << 20));
    }
    copi_map_fini(&m);
    ck_assert_uint_eq(copi_mem_in_use(), 0);
}
END_TEST

/* Chains stay short: keys that differ in few bits spread. */
START_TEST(spreads_regular_keys)
{
    size_t longest = 0;
    struct copi_map m;

    copi_map_init(&m);
    for (int i = 0; i < N; i++)
        copi_map_insert(&m, &nodes[i], (uint64_t)i << 40);
    for (size_t i = 0; i < (size_t)1 << m.bits; i++) {
        size_t len = 0;

        for (struct copi_map_node *n = m.chains[i]; n; n = n->chain)
            len++;
        longest = COPI_MAX(longest, len);
    }
    ck_assert_uint_le(longest, 10);
    ck_assert_uint_ge((size_t)1 << m.bits, N);
    for (int i = 0; i < N; i++)
        copi_map_remove(&m, &nodes[i]);
    copi_map_fini(&m);
}
END_TEST

/* Eight keys in a row are on one line of chains, each on its own. */
START_TEST(keys_in_a_row_share_a_line)
{
    struct copi_map m;
    size_t last = SIZE_MAX, lines = 0;

    copi_map_init(&m);
    for (int i = 0; i < N; i++)
        copi_map_insert(&m, &nodes[i], (uint64_t)i);
    for (int i = 0; i < N; i++) {
        size_t at = 0;
        struct copi_map_node *n = NULL;

        while (n == NULL) {
            for (n = m.chains[at]; n && n->key != (uint64_t)i;)
                n = n->chain;
            at++;
        }
        lines += (at - 1) / 8 != last;
        last = (at - 1) / 8;
    }
    ck_assert_uint_le(lines, (N + 7) / 8);
    for (int i = 0; i < N; i++)
        copi_map_remove(&m, &nodes[i]);
    copi_map_fini(&m);
}
END_TEST

/* Twenty of one key among others, over several doublings. */
START_TEST(newest_of_equal_keys_first)
{
    struct copi_map m;

    copi_map_init(&m);
    for (int i = 0; i < 20; i++) {
        copi_map_insert(&m, &nodes[i], 7);
        ck_assert_ptr_eq(copi_map_find(&m, 7), &nodes[i]);
    }
    for (int i = 20; i < 600; i++)
        copi_map_insert(&m, &nodes[i], (uint64_t)i);
    copi_map_check(&m);
    for (int i = 19; i >= 0; i--) {
        ck_assert_ptr_eq(copi_map_find(&m, 7), &nodes[i]);
        copi_map_remove(&m, &nodes[i]);
    }
    ck_assert_ptr_null(copi_map_find(&m, 7));
    for (int i = 20; i < 600; i++)
        copi_map_remove(&m, &nodes[i]);
    copi_map_fini(&m);
}
END_TEST

/* Each single failure, and none but failures: nothing is lost. */
START_TEST(goes_on_without_memory)
{
    for (uint64_t nth = 1; nth <= 12; nth++) {
        struct copi_map m;

        copi_map_init(&m);
        copi_fault_alloc_set(nth, nth % 2 == 1);
        for (int i = 0; i < 300; i++)
            copi_map_insert(&m, &nodes[i], (uint64_t)i);
        copi_map_check(&m);
        for (int i = 0; i < 300; i++)
            ck_assert_ptr_eq(copi_map_find(&m, (uint64_t)i), &nodes[i]);
        for (int i = 0; i < 300; i++)
            copi_map_remove(&m, &nodes[i]);
        copi_map_fini(&m);
        ck_assert_uint_eq(copi_mem_in_use(), 0);
    }
}
END_TEST

/* Against an array in which node i is in or out. */
START_TEST(random_against_model)
{
    static bool is_in[N];
    size_t in = 0;
    struct copi_prng p;
    struct copi_map m;

    copi_prng_init(&p, 1, "map");
    copi_map_init(&m);
    for (int step = 0; step < 200000; step++) {
        size_t i = copi_prng_below(&p, step < 100000 ? N : 40);

        ck_assert_ptr_eq(copi_map_find(&m, i), is_in[i] ? &nodes[i] : NULL);
        if (is_in[i])
            copi_map_remove(&m, &nodes[i]);
        else
            copi_map_insert(&m, &nodes[i], i);
        is_in[i] = !is_in[i];
        in += is_in[i] ? 1 : (size_t)-1;
        ck_assert_uint_eq(copi_map_count(&m), in);
        if (step % 10000 == 0)
            copi_map_check(&m);
    }
    for (size_t i = 0; i < N; i++)
        if (is_in[i])
            copi_map_remove(&m, &nodes[i]);
    copi_map_fini(&m);
    ck_assert_uint_eq(copi_mem_in_use(), 0);
}
END_TEST

static void fini_full(void)
{
    struct copi_map m;

    copi_map_init(&m);
    copi_map_insert(&m, &nodes[0], 1);
    copi_map_fini(&m);
}

static void remove_stranger(void)
{
    struct copi_map m;

    copi_map_init(&m);
    copi_map_insert(&m, &nodes[0], 1);
    nodes[1].key = 1;
    copi_map_remove(&m, &nodes[1]);
}

START_TEST(misuse_panics)
{
    ck_assert(death_says(fini_full, "1 entries left"));
    ck_assert(death_says(remove_stranger, "key 1 is not in the map"));
}
END_TEST

static const TTest *const cases[] = {
    empty_finds_nothing,
    small_needs_no_memory,
    grows_and_finds_all,
    spreads_regular_keys,
    keys_in_a_row_share_a_line,
    newest_of_equal_keys_first,
    goes_on_without_memory,
    random_against_model,
    misuse_panics,
};
UNIT_MAIN("map", cases)
