/* SPDX-License-Identifier: MIT
 *
 * trace_test.c - the flight recorder's rings, without a runtime.
 */
#include "tests/support/crowd.h"
#include "tests/support/unit.h"

#include "runtime/memory/mem.h"
#include "runtime/probe/fault.h"
#include "runtime/probe/trace.h"

enum { MANY = 3000 };

static cop_trace_event got[COPI_TRACE_RECORDS * 2];

static cop_pid pid(uint64_t id)
{
    return (cop_pid){id};
}

/* Event number n: a torn record does not look like one. */
static void write_one(uint64_t n)
{
    copi_trace(COP_TRACE_CRASH, pid(n), pid(n ^ 0xabcdef), n & 0xffffffff);
}

static bool is_whole(const cop_trace_event *e)
{
    return e->kind == COP_TRACE_CRASH &&
           e->other.id == (e->actor.id ^ 0xabcdef) &&
           e->value == (e->actor.id & 0xffffffff);
}

static size_t last(size_t cap)
{
    return copi_trace_last(got, cap, NULL, COP_NO_PID);
}

START_TEST(keeps_the_newest)
{
    copi_trace_thread_init();
    for (uint64_t n = 1; n <= MANY; n++)
        write_one(n);
    ck_assert_uint_eq(last(5), 5);
    for (uint64_t i = 0; i < 5; i++) {
        ck_assert(is_whole(&got[i]));
        ck_assert_uint_eq(got[i].actor.id, MANY - 4 + i);
    }
    ck_assert_uint_eq(last(COPI_TRACE_RECORDS * 2), COPI_TRACE_RECORDS - 1);
    for (uint64_t i = 0; i < COPI_TRACE_RECORDS - 1; i++)
        ck_assert_uint_eq(got[i].actor.id, MANY - COPI_TRACE_RECORDS + 2 + i);
    ck_assert_uint_eq(last(0), 0);
    copi_trace_thread_fini();
    copi_trace_fini();
    ck_assert_uint_eq(last(5), 0);
}
END_TEST

START_TEST(keeps_whole_values)
{
    ck_assert_int_eq(copi_trace_set("all"), 0);
    for (unsigned k = 0; k < COP_TRACE_COUNT; k++)
        copi_trace((cop_trace_kind)k, pid(UINT64_MAX), pid(k), UINT64_MAX);
    ck_assert_uint_eq(last(64), COP_TRACE_COUNT);
    for (unsigned k = 0; k < COP_TRACE_COUNT; k++) {
        ck_assert_uint_eq(got[k].kind, k);
        ck_assert_uint_eq(got[k].actor.id, UINT64_MAX);
        ck_assert_uint_eq(got[k].other.id, k);
        ck_assert_uint_eq(got[k].value, (UINT64_C(1) << 56) - 1);
        ck_assert(k == 0 || got[k].at >= got[k - 1].at);
    }
}
END_TEST

/* -------------------------------------------------------------- choosing -- */

static uint32_t after(const char *names)
{
    return copi_trace_set(names) == 0 ? atomic_load(&copi_trace_mask)
                                      : UINT32_MAX;
}

START_TEST(names_choose_events)
{
    uint32_t rare = after("rare");

    ck_assert_uint_eq(after("none"), 0);
    ck_assert_uint_eq(after("send"), 1u << COP_TRACE_SEND);
    ck_assert_uint_eq(after("recv,send"),
                      1u << COP_TRACE_SEND | 1u << COP_TRACE_RECV);
    ck_assert_uint_eq(after("rare,send"), rare | 1u << COP_TRACE_SEND);
    ck_assert_uint_eq(after("all"), (1u << COP_TRACE_COUNT) - 1);
    ck_assert_uint_ne(rare & 1u << COP_TRACE_CRASH, 0);
    ck_assert_uint_eq(rare & 1u << COP_TRACE_SEND, 0);
}
END_TEST

START_TEST(wrong_names_change_nothing)
{
    static const char *const wrong[] = {
        "",      "sent",       "send,",   ",send",      "send,,recv",
        "sen",   "all,nobody", "SEND",    "none,send ", "send none",
        "sendr", "none,",      "rare all"};

    ck_assert_int_eq(copi_trace_set("send"), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ck_assert_msg(copi_trace_set(wrong[i]) == COP_EINVAL, "%s", wrong[i]);
        ck_assert_uint_eq(atomic_load(&copi_trace_mask), 1u << COP_TRACE_SEND);
    }
    ck_assert_int_eq(copi_trace_set(NULL), COP_EINVAL);
}
END_TEST

START_TEST(what_is_off_is_not_recorded)
{
    ck_assert_int_eq(copi_trace_set("send"), 0);
    copi_trace(COP_TRACE_RECV, pid(1), pid(2), 3);
    write_one(7);
    ck_assert_uint_eq(last(8), 0);
    copi_trace(COP_TRACE_SEND, pid(1), pid(2), 3);
    ck_assert_uint_eq(last(8), 1);
}
END_TEST

static bool is_odd(const cop_trace_event *e, cop_pid who)
{
    return e->actor.id % 2 == who.id;
}

START_TEST(can_be_searched)
{
    for (uint64_t n = 0; n < 20; n++)
        write_one(n);
    ck_assert_uint_eq(copi_trace_last(got, 3, is_odd, pid(1)), 3);
    ck_assert_uint_eq(got[0].actor.id, 15);
    ck_assert_uint_eq(got[2].actor.id, 19);
}
END_TEST

/* --------------------------------------------------------------- threads -- */

enum { EACH = 20000 };

static _Atomic int writing;

static void writer(int i)
{
    copi_trace_thread_init();
    for (uint64_t n = 1; n <= EACH; n++)
        write_one((uint64_t)i << 40 | n);
    copi_trace_thread_fini();
    atomic_fetch_sub(&writing, 1);
}

/* Of each thread the newest ones, without a gap. */
static void check_seen(const cop_trace_event *seen, size_t n)
{
    uint64_t before[4] = {0};

    for (size_t k = 0; k < n; k++) {
        uint64_t *b = &before[seen[k].actor.id >> 40 & 3];

        ck_assert(is_whole(&seen[k]));
        ck_assert(k == 0 || seen[k].at >= seen[k - 1].at);
        ck_assert(*b == 0 || seen[k].actor.id == *b + 1);
        *b = seen[k].actor.id;
    }
}

/* Thread 0 looks while the others write. */
static void reader_or_writer(int i)
{
    static cop_trace_event seen[512];
    uint64_t looks = 0;

    if (i > 0) {
        writer(i);
        return;
    }
    do {
        size_t cap = looks % 3 == 0 ? 512 : 8;
        check_seen(seen, copi_trace_last(seen, cap, NULL, COP_NO_PID));
        looks++;
    } while (atomic_load(&writing) > 0);
    ck_assert_uint_gt(looks, 0);
}

START_TEST(readers_see_whole_records_only)
{
    for (int round = 0; round < 10; round++) {
        atomic_store(&writing, 2);
        crowd_run(3, reader_or_writer);
        copi_trace_fini();
    }
}
END_TEST

START_TEST(rings_outlive_threads_and_serve_the_next)
{
    size_t before = copi_mem_blocks();

    for (int round = 0; round < 5; round++) {
        atomic_store(&writing, 2);
        crowd_run(2, writer);
        ck_assert_uint_ge(last(COPI_TRACE_RECORDS), COPI_TRACE_RECORDS - 1);
    }
    ck_assert_uint_le(copi_mem_blocks(), before + 2);
    copi_trace_fini();
    ck_assert_uint_eq(copi_mem_blocks(), before);
}
END_TEST

static void common_writer(int i)
{
    for (uint64_t n = 1; n <= 1000; n++)
        write_one((uint64_t)(i + 1) << 40 | n);
}

START_TEST(threads_without_a_ring_share_one)
{
    uint64_t highest[4] = {0};

    crowd_run(4, common_writer);
    size_t n = last(COPI_TRACE_RECORDS * 2);
    ck_assert_uint_le(copi_trace_missed(), 4000);
    ck_assert_uint_eq(
        n, COPI_MIN(4000 - copi_trace_missed(), COPI_TRACE_RECORDS - 1u));
    for (size_t i = 0; i < n; i++) {
        uint64_t thread = got[i].actor.id >> 40;
        uint64_t number = got[i].actor.id & 0xffffffff;

        ck_assert(is_whole(&got[i]) && thread >= 1 && thread <= 4);
        ck_assert_uint_gt(number, highest[thread - 1]);
        highest[thread - 1] = number;
    }
}
END_TEST

START_TEST(without_memory_the_common_ring_serves)
{
    copi_fault_alloc_set(1, true);
    copi_trace_thread_init();
    copi_fault_alloc_set(0, false);
    write_one(9);
    copi_trace_thread_fini();
    ck_assert_uint_eq(last(4), 1);
    ck_assert_uint_eq(got[0].actor.id, 9);
}
END_TEST

START_TEST(events_have_names)
{
    ck_assert_str_eq(cop_trace_name(COP_TRACE_CRASH), "crash");
    ck_assert_str_eq(cop_trace_name(COP_TRACE_RECV), "recv");
    ck_assert_str_eq(cop_trace_name(COP_TRACE_COUNT), "?");
}
END_TEST

static const TTest *const cases[] = {
    keeps_the_newest,
    keeps_whole_values,
    names_choose_events,
    wrong_names_change_nothing,
    what_is_off_is_not_recorded,
    can_be_searched,
    readers_see_whole_records_only,
    rings_outlive_threads_and_serve_the_next,
    threads_without_a_ring_share_one,
    without_memory_the_common_ring_serves,
    events_have_names,
};
UNIT_MAIN("trace", cases)
