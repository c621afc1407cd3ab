/* SPDX-License-Identifier: MIT
 *
 * list_test.c - the intrusive ring: order, self-removal, splicing, and that
 * misuse is noticed.
 */
#include "runtime/base/list.h"
#include "tests/support/death.h"
#include "tests/support/unit.h"

struct item {
    int value;
    struct copi_list link;
};

static struct item items[8];

static void setup_items(void)
{
    for (int i = 0; i < 8; i++) {
        items[i].value = i;
        copi_list_init(&items[i].link);
    }
}

static int value_of(const struct copi_list *n)
{
    return COPI_CONTAINER(n, struct item, link)->value;
}

/* The values in order, as a decimal number. */
static int digits(struct copi_list *l)
{
    int n = 0;

    COPI_LIST_EACH(at, l)
    n = n * 10 + value_of(at);
    return n;
}

/* The same, walked backwards. */
static int digits_back(struct copi_list *l)
{
    int n = 0;

    for (struct copi_list *at = l->prev; at != l; at = at->prev)
        n = n * 10 + value_of(at);
    return n;
}

START_TEST(push_both_ends)
{
    struct copi_list l;

    setup_items();
    copi_list_init(&l);
    ck_assert(copi_list_is_empty(&l));
    copi_list_push_back(&l, &items[2].link);
    copi_list_push_back(&l, &items[3].link);
    copi_list_push_front(&l, &items[1].link);
    ck_assert(!copi_list_is_empty(&l));
    ck_assert_int_eq(digits(&l), 123);
    ck_assert_int_eq(digits_back(&l), 321);
}
END_TEST

START_TEST(remove_reinitialises)
{
    struct copi_list l;

    setup_items();
    copi_list_init(&l);
    for (int i = 1; i <= 3; i++)
        copi_list_push_back(&l, &items[i].link);
    copi_list_remove(&items[2].link);
    ck_assert(copi_list_is_empty(&items[2].link));
    copi_list_remove(&items[2].link);
    ck_assert_int_eq(digits(&l), 13);
    ck_assert_int_eq(digits_back(&l), 31);
    copi_list_push_back(&l, &items[2].link);
    ck_assert_int_eq(digits(&l), 132);
}
END_TEST

START_TEST(pop_in_order)
{
    struct copi_list l, *n;

    setup_items();
    copi_list_init(&l);
    ck_assert_ptr_null(copi_list_pop_front(&l));
    for (int i = 0; i < 8; i++)
        copi_list_push_back(&l, &items[i].link);
    for (int i = 0; i < 8; i++) {
        n = copi_list_pop_front(&l);
        ck_assert_int_eq(value_of(n), i);
        ck_assert(copi_list_is_empty(n));
    }
    ck_assert_ptr_null(copi_list_pop_front(&l));
}
END_TEST

START_TEST(splice_moves_all)
{
    struct copi_list a, b;

    setup_items();
    copi_list_init(&a);
    copi_list_init(&b);
    copi_list_splice_back(&a, &b);
    ck_assert(copi_list_is_empty(&a) && copi_list_is_empty(&b));
    for (int i = 1; i <= 2; i++)
        copi_list_push_back(&b, &items[i].link);
    copi_list_splice_back(&a, &b);
    ck_assert_int_eq(digits(&a), 12);
    ck_assert(copi_list_is_empty(&b));
    for (int i = 3; i <= 5; i++)
        copi_list_push_back(&b, &items[i].link);
    copi_list_splice_back(&a, &b);
    ck_assert_int_eq(digits(&a), 12345);
    ck_assert_int_eq(digits_back(&a), 54321);
    ck_assert(copi_list_is_empty(&b));
}
END_TEST

static void push_twice(void)
{
    struct copi_list l;

    setup_items();
    copi_list_init(&l);
    copi_list_push_back(&l, &items[0].link);
    copi_list_push_back(&l, &items[0].link);
}

static void remove_from_broken(void)
{
    struct copi_list l;

    setup_items();
    copi_list_init(&l);
    copi_list_push_back(&l, &items[0].link);
    copi_list_push_back(&l, &items[1].link);
    items[1].link.prev = &l;
    copi_list_remove(&items[0].link);
}

START_TEST(misuse_panics)
{
    ck_assert(death_says(push_twice, "assertion failed: n->next == n"));
    ck_assert(death_says(remove_from_broken, "n->next->prev == n"));
}
END_TEST

static const TTest *const cases[] = {
    push_both_ends,   remove_reinitialises, pop_in_order,
    splice_moves_all, misuse_panics,
};
UNIT_MAIN("list", cases)
