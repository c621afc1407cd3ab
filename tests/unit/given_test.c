/* SPDX-License-Identifier: MIT
 *
 * given_test.c - which calls one may answer: what was given is found, once if
 * it is a call's; what nobody waits for goes; the ring has an end.
 */
#include "runtime/api/given.h"

#include "tests/support/actor_test.h"
#include "tests/support/unit.h"

enum { MANY = 100000, ROOM_MAX = 1 << 16 };

static struct copi_given g;

/* Of an alias: open as long as the actor lives. */
static cop_from alias(uint64_t n)
{
    return (cop_from){cop_self(), {n * 4}};
}

/* Of a cop_call: nobody waits for these, so they stay only while there is
 * room. */
static cop_from call(uint64_t n)
{
    return (cop_from){cop_self(), {n * 4 + 1}};
}

static void body_found(void *arg)
{
    (void)arg;
    ck_assert(!copi_given_take(&g, call(1)));
    for (uint64_t i = 1; i <= 7; i++) {
        ck_assert_int_eq(copi_given_add(&g, call(i)), 0);
        ck_assert_int_eq(copi_given_add(&g, alias(i)), 0);
    }
    ck_assert(!copi_given_take(&g, call(8)));
    ck_assert(!copi_given_take(&g, (cop_from){COP_NO_PID, call(1).ref}));
    for (uint64_t i = 7; i >= 1; i--) {
        ck_assert(copi_given_take(&g, call(i)));
        ck_assert(!copi_given_take(&g, call(i)));
        ck_assert(copi_given_take(&g, alias(i)));
        ck_assert(copi_given_take(&g, alias(i)));
    }
    copi_given_fini(&g);
    ck_assert(!copi_given_take(&g, alias(1)));
}

START_TEST(what_was_given_is_found)
{
    actor_test(body_found, NULL);
}
END_TEST

/* It grows when its beginning is in the middle. */
static void body_grows(void *arg)
{
    (void)arg;
    for (uint64_t i = 1; i <= 5; i++)
        ck_assert_int_eq(copi_given_add(&g, call(i)), 0);
    for (uint64_t i = 1; i <= 5; i++)
        ck_assert(copi_given_take(&g, call(i)));
    for (uint64_t i = 1; i <= 100; i++)
        ck_assert_int_eq(copi_given_add(&g, i % 4 == 0 ? call(i) : alias(i)),
                         0);
    for (uint64_t i = 1; i <= 100; i++)
        ck_assert(i % 4 == 0 || copi_given_take(&g, alias(i)));
    copi_given_fini(&g);
}

START_TEST(growing_keeps_all)
{
    actor_test(body_grows, NULL);
}
END_TEST

static void body_goes(void *arg)
{
    (void)arg;
    for (uint64_t i = 1; i <= MANY; i++) {
        ck_assert_int_eq(copi_given_add(&g, call(i)), 0);
        if (i % 3 == 0)
            ck_assert(copi_given_take(&g, call(i)));
    }
    ck_assert_uint_le(g.room, 32);
    ck_assert_int_eq(copi_given_add(&g, alias(1)), 0);
    for (uint64_t i = 1; i <= 100; i++)
        ck_assert_int_eq(copi_given_add(&g, call(i)), 0);
    ck_assert(copi_given_take(&g, alias(1)));
    copi_given_fini(&g);
}

START_TEST(what_nobody_waits_for_goes)
{
    actor_test(body_goes, NULL);
}
END_TEST

static void body_end(void *arg)
{
    (void)arg;
    for (uint64_t i = 1; i <= MANY; i++)
        ck_assert_int_eq(copi_given_add(&g, alias(i)), 0);
    ck_assert_uint_eq(g.room, ROOM_MAX);
    ck_assert(!copi_given_take(&g, alias(1)));
    ck_assert(!copi_given_take(&g, alias(MANY - ROOM_MAX)));
    ck_assert(copi_given_take(&g, alias(MANY - ROOM_MAX / 2)));
    ck_assert(copi_given_take(&g, alias(MANY)));
    copi_given_fini(&g);
}

START_TEST(the_oldest_go_at_the_end)
{
    actor_test(body_end, NULL);
}
END_TEST

/* Bytes with a cop_from at an offset. */
static void body_scan(void *arg)
{
    static char bytes[80 << 10];
    const cop_from from = alias(5), dead = {{0x7700000123u}, {20}};
    (void)arg;
    for (size_t at = 0; at < 40; at++) {
        memset(bytes, 0x5a, sizeof bytes);
        memcpy(bytes + at, &from, sizeof from);
        ck_assert_int_eq(copi_given_scan(&g, bytes, 40 + sizeof from), 0);
        ck_assert(copi_given_take(&g, from) == (at % 8 == 0));
        copi_given_fini(&g);
    }
    memset(bytes, 0x5a, sizeof bytes);
    memcpy(bytes + (70 << 10), &from, sizeof from);
    ck_assert_int_eq(copi_given_scan(&g, bytes, sizeof bytes), 0);
    ck_assert(!copi_given_take(&g, from));
    memcpy(bytes + (64 << 10) - sizeof from, &from, sizeof from);
    ck_assert_int_eq(copi_given_scan(&g, bytes, sizeof bytes), 0);
    ck_assert(copi_given_take(&g, from));
    copi_given_fini(&g);
    ck_assert_int_eq(copi_given_scan(&g, &dead, sizeof dead), 0);
    ck_assert(!copi_given_take(&g, dead));
    ck_assert_int_eq(copi_given_scan(&g, &from, sizeof from - 1), 0);
    ck_assert_uint_eq(g.count, 0);
    copi_given_fini(&g);
}

START_TEST(what_lies_in_a_body_is_given)
{
    actor_test(body_scan, NULL);
}
END_TEST

static const TTest *const cases[] = {
    what_was_given_is_found,      growing_keeps_all,
    what_nobody_waits_for_goes,   the_oldest_go_at_the_end,
    what_lies_in_a_body_is_given,
};
UNIT_MAIN("given", cases)
