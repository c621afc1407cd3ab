/* SPDX-License-Identifier: MIT
 *
 * ordmap_test.c - the map that keeps its order, against plain arrays: keys,
 * order, and that it needs no memory when it promised so.
 */
#include "runtime/base/prng.h"
#include "runtime/memory/mem.h"
#include "runtime/memory/ordmap.h"
#include "runtime/probe/fault.h"
#include "tests/support/death.h"
#include "tests/support/unit.h"

enum { N = 300, SMALL = 8 };

static struct copi_ordmap_node nodes[N];
static int order[N]; /* of those that are in, oldest first */
static int in;

static void put(struct copi_ordmap *m, int i)
{
    copi_ordmap_node_init(&nodes[i], (uint64_t)i << 32);
    copi_ordmap_insert(m, &nodes[i]);
    order[in++] = i;
}

static void take(struct copi_ordmap *m, int at)
{
    copi_ordmap_remove(m, &nodes[order[at]]);
    ck_assert(copi_list_is_empty(&nodes[order[at]].order));
    in--;
    memmove(&order[at], &order[at + 1], (size_t)(in - at) * sizeof order[0]);
}

static void is_as_expected(const struct copi_ordmap *m)
{
    const struct copi_ordmap_node *n = copi_ordmap_first(m);

    for (int i = 0; i < in; i++) {
        ck_assert_ptr_eq(n, &nodes[order[i]]);
        ck_assert_ptr_eq(copi_ordmap_find(m, n->by_key.key), n);
        n = copi_ordmap_next(m, n);
    }
    ck_assert_ptr_null(n);
    ck_assert_int_eq(copi_ordmap_is_empty(m), in == 0);
    ck_assert_ptr_null(copi_ordmap_find(m, 1));
    copi_ordmap_check(m);
}

START_TEST(is_one_word)
{
    struct copi_ordmap m = {0};

    ck_assert_uint_eq(sizeof m, 8);
    is_as_expected(&m);
}
END_TEST

START_TEST(small_needs_no_memory)
{
    struct copi_ordmap m = {0};

    for (int i = 0; i < SMALL; i++)
        put(&m, i);
    ck_assert_uint_eq(copi_mem_in_use(), 0);
    is_as_expected(&m);
    put(&m, SMALL);
    ck_assert_uint_gt(copi_mem_in_use(), 0);
    is_as_expected(&m);
    while (in > 0)
        take(&m, in / 2);
    is_as_expected(&m);
    ck_assert_uint_eq(copi_mem_in_use(), 0);
}
END_TEST

START_TEST(newest_of_equal_keys)
{
    for (int count = 2; count < 20; count += 10) {
        struct copi_ordmap m = {0};

        for (int i = 0; i < count; i++) {
            copi_ordmap_node_init(&nodes[i], 7);
            copi_ordmap_insert(&m, &nodes[i]);
        }
        for (int i = count; i-- > 0;) {
            ck_assert_ptr_eq(copi_ordmap_find(&m, 7), &nodes[i]);
            ck_assert_ptr_eq(copi_ordmap_first(&m), &nodes[0]);
            copi_ordmap_remove(&m, &nodes[i]);
        }
        ck_assert(copi_ordmap_is_empty(&m));
    }
}
END_TEST

/* Each single failure, and none but failures: nothing is lost. */
START_TEST(goes_on_without_memory)
{
    for (uint64_t nth = 1; nth <= 12; nth++) {
        struct copi_ordmap m = {0};

        copi_fault_alloc_set(nth, nth % 2 == 1);
        for (int i = 0; i < N; i++)
            put(&m, i);
        is_as_expected(&m);
        copi_fault_alloc_set(1, true);
        while (in > 0)
            take(&m, in - 1);
        copi_fault_alloc_set(0, false);
        ck_assert_uint_eq(copi_mem_in_use(), 0);
    }
}
END_TEST

static void step(struct copi_ordmap *m, struct copi_prng *p, int most)
{
    int i = (int)copi_prng_below(p, (uint32_t)most);

    for (int at = 0; at < in; at++) {
        if (order[at] == i) {
            take(m, at);
            return;
        }
    }
    put(m, i);
}

START_TEST(random_against_model)
{
    struct copi_prng p;
    struct copi_ordmap m = {0};

    copi_prng_init(&p, 1, "ordmap");
    for (int i = 0; i < 40000; i++) {
        step(&m, &p, i < 20000 ? N : 14);
        if (i % 50 == 0)
            is_as_expected(&m);
    }
    while (in > 0)
        take(&m, 0);
    ck_assert_uint_eq(copi_mem_in_use(), 0);
}
END_TEST

static void remove_from_empty(void)
{
    struct copi_ordmap m = {0};

    copi_ordmap_node_init(&nodes[0], 1);
    copi_ordmap_remove(&m, &nodes[0]);
}

START_TEST(misuse_panics)
{
    ck_assert(death_says(remove_from_empty, "ring != NULL"));
}
END_TEST

static const TTest *const cases[] = {
    is_one_word,          small_needs_no_memory,
    newest_of_equal_keys, goes_on_without_memory,
    random_against_model, misuse_panics,
};

UNIT_MAIN("ordmap", cases)
