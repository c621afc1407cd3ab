/* SPDX-License-Identifier: MIT
 *
 * index_test.c - the hash table of the behaviours.
 */
#include "actors/index.h"

#include "tests/support/unit.h"

enum { N = 20000 };

struct thing {
    struct copi_index_node node;
    uint64_t key;
};

static struct thing things[N];

static struct thing *thing_of(struct copi_index_node *n)
{
    return (struct thing *)(void *)n;
}

static struct thing *find(const struct copi_index *t, uint64_t key,
                          uint64_t hash)
{
    struct copi_index_node *n = copi_index_first(t, hash);

    while (n != NULL && thing_of(n)->key != key)
        n = copi_index_next(n);
    return n == NULL ? NULL : thing_of(n);
}

START_TEST(empty_table_finds_nothing)
{
    struct copi_index t;

    copi_index_init(&t);
    ck_assert_ptr_null(copi_index_first(&t, 0));
    ck_assert_uint_eq(t.count, 0);
    copi_index_fini(&t, NULL);
}
END_TEST

START_TEST(finds_what_was_inserted)
{
    struct copi_index t;

    copi_index_init(&t);
    for (uint64_t i = 0; i < N; i++) {
        things[i].key = i;
        copi_index_insert(&t, &things[i].node, copi_index_hash_word(i));
    }
    ck_assert_uint_eq(t.count, N);
    ck_assert_uint_ge(t.size, N);
    for (uint64_t i = 0; i < N; i += 2)
        copi_index_remove(&t, &things[i].node);
    for (uint64_t i = 0; i < N; i++) {
        struct thing *got = find(&t, i, copi_index_hash_word(i));

        if (got != (i % 2 == 0 ? NULL : &things[i]))
            ck_abort_msg("thing %llu", (unsigned long long)i);
    }
    ck_assert_uint_eq(t.count, N / 2);
    copi_index_fini(&t, NULL);
}
END_TEST

/* Growing in between must not turn the order round. */
START_TEST(equal_hashes_newest_first)
{
    struct copi_index t;
    struct copi_index_node *n;
    uint64_t next = 99;

    copi_index_init(&t);
    for (uint64_t i = 0; i < 100; i++) {
        things[i].key = i;
        copi_index_insert(&t, &things[i].node, 5);
        copi_index_insert(&t, &things[1000 + i].node, i << 4 | 5);
    }
    ck_assert_uint_gt(t.size, COPI_INDEX_SMALL);
    for (n = copi_index_first(&t, 5); n != NULL; n = copi_index_next(n)) {
        if (thing_of(n) == &things[1000])
            continue;
        ck_assert_uint_eq(thing_of(n)->key, next);
        next--;
    }
    ck_assert_uint_eq(next, UINT64_MAX);
    copi_index_remove(&t, &things[50].node);
    ck_assert_ptr_null(find(&t, 50, 5));
    ck_assert_ptr_eq(find(&t, 49, 5), &things[49]);
    copi_index_fini(&t, NULL);
}
END_TEST

static size_t released;

static void count_release(struct copi_index_node *n)
{
    memset(n, 0xee, sizeof(*n));
    released++;
}

START_TEST(fini_gives_each_node_once)
{
    struct copi_index t;

    copi_index_init(&t);
    for (uint64_t i = 0; i < 1000; i++)
        copi_index_insert(&t, &things[i].node, i % 10);
    copi_index_fini(&t, count_release);
    ck_assert_uint_eq(released, 1000);
    ck_assert_uint_eq(t.count, 0);
}
END_TEST

START_TEST(hashes_differ)
{
    ck_assert_uint_ne(copi_index_hash_text("ab"), copi_index_hash_text("ba"));
    ck_assert_uint_ne(copi_index_hash_text(""), copi_index_hash_text("a"));
    ck_assert_uint_eq(copi_index_hash_text("ab"), copi_index_hash_text("ab"));
    for (unsigned bit = 0; bit < 64; bit++)
        ck_assert_uint_ne(copi_index_hash_word(0) & 0xffff,
                          copi_index_hash_word((uint64_t)1 << bit) & 0xffff);
}
END_TEST

static const TTest *const cases[] = {
    empty_table_finds_nothing,
    finds_what_was_inserted,
    equal_hashes_newest_first,
    fini_gives_each_node_once,
    hashes_differ,
};
UNIT_MAIN("index", cases)
