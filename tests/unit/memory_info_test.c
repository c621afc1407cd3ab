/* SPDX-License-Identifier: MIT
 *
 * memory_info_test.c - what counts as an actor's memory: cop_info shows blocks
 * and messages, and cop_opts.memory_max ends who takes in too many messages.
 * And what blocks cost of a turn.
 */
#include <coppice/memory.h>

#include "tests/support/kid.h"

enum { MAX = 200000, BODY = 10000, TAG_GO = 1, TAG_DATA, TAG_MORE };

static char data[BODY];

static size_t memory_of(cop_pid pid)
{
    cop_info info;
    settle();
    ck_assert_int_eq(cop_info_get(pid, &info), 0);
    return info.memory_bytes;
}

static void send(cop_pid to, cop_tag tag, size_t size)
{
    ck_assert_int_eq(cop_send(to, tag, data, size), 0);
}

static void free_nothing(void *p, size_t size)
{
    ck_assert_ptr_eq(p, data);
    ck_assert_uint_eq(size, BODY);
}

static void send_moved(cop_pid to)
{
    cop_msg *m;
    ck_assert_int_eq(cop_msg_new_moved(&m, TAG_DATA, data, BODY, free_nothing),
                     0);
    ck_assert_int_eq(cop_send_msg(to, m), 0);
}

static void send_shared(cop_pid to)
{
    cop_buf *b;
    ck_assert_int_eq(cop_buf_new(&b, data, BODY), 0);
    ck_assert_int_eq(cop_send_buf(to, TAG_DATA, b), 0);
    cop_buf_release(b);
}

/* ------------------------------------------------------------------ info -- */

/* At each TAG_GO a block more; at TAG_MORE it takes a message of data. */
static void follows(void *arg)
{
    const cop_msg *m;
    void *p = NULL;
    (void)arg;
    for (;;) {
        const cop_match either[] = {{.tag = TAG_GO}, {.tag = TAG_MORE}};
        int which = cop_recv_match(&m, either, 2, COP_FOREVER);
        if (which == 1)
            ck_assert_int_eq(cop_recv_tag(&m, TAG_DATA, COP_POLL), 0);
        else if (p == NULL)
            p = cop_alloc(BODY);
        else
            cop_free(p);
    }
}

static void info_body(void *arg)
{
    cop_pid pid;
    size_t before, one = BODY + 48;

    (void)arg;
    ck_assert_int_eq(cop_spawn(&pid, follows, NULL, NULL), 0);
    send(pid, TAG_GO, 0);
    before = memory_of(pid);
    send(pid, TAG_GO, 0);
    ck_assert_uint_eq(memory_of(pid), before - BODY - 16);
    before -= BODY + 16;
    send(pid, TAG_DATA, BODY);
    ck_assert_uint_eq(memory_of(pid), before + one);
    send_moved(pid);
    ck_assert_uint_eq(memory_of(pid), before + 2 * one);
    send_shared(pid);
    ck_assert_uint_eq(memory_of(pid), before + 3 * one);
    for (int i = 2; i >= 0; i--) {
        send(pid, TAG_MORE, 0);
        size_t now = memory_of(pid);
        ck_assert_uint_ge(now, before + (size_t)i * one);
        /* its stack may have been used a little more */
        ck_assert_uint_lt(now, before + (size_t)i * one + BODY / 2);
    }
}

KID_TEST(info_shows_blocks_and_messages, info_body)

/* ----------------------------------------------------------------- limit -- */

static void end_noted(void *arg)
{
    (void)arg;
    note("clean-up");
}

static void takes_nothing(void *arg)
{
    const cop_msg *m;
    (void)arg;
    ck_assert_int_eq(cop_defer(end_noted, NULL), 0);
    (void)!cop_recv_tag(&m, TAG_GO, COP_FOREVER);
    note("got it");
}

/* Takes each message: none stays. */
static void takes_all(void *arg)
{
    const cop_msg *m;
    (void)arg;
    while (cop_recv(&m, COP_FOREVER) == 0 && cop_msg_tag(m) != TAG_GO)
        ;
    note("took all");
}

static void caught(void *arg)
{
    (void)!cop_catch(takes_nothing, arg, NULL);
    note("went on");
}

static cop_pid limited(cop_fn fn, cop_ref *ref)
{
    cop_opts opts = {.memory_max = MAX, .monitor = ref};
    cop_pid pid;
    ck_assert_int_eq(cop_spawn(&pid, fn, NULL, &opts), 0);
    settle();
    return pid;
}

static void ended(cop_ref ref, const char *why)
{
    const cop_msg *m;
    ck_assert_int_eq(cop_recv_ref(&m, ref, cop_in(COP_SEC)), 0);
    reason_is(cop_msg_reason(m), why);
}

static void flood(cop_fn fn, void (*send_one)(cop_pid))
{
    cop_ref ref;
    cop_pid pid = limited(fn, &ref);
    int n = 0;
    for (; n < 100 && cop_is_alive(pid); n++) {
        send_one(pid);
        settle();
    }
    ended(ref, "{limit, \"memory\"}");
    ck_assert_int_ge(n, (MAX - 20000) / (BODY + 48));
    ck_assert_int_le(n, MAX / (BODY + 48) + 1);
    notes_are("clean-up|");
}

static void send_copy(cop_pid to)
{
    send(to, TAG_DATA, BODY);
}

static void limit_body(void *arg)
{
    cop_ref ref;

    (void)arg;
    flood(takes_nothing, send_copy);
    flood(takes_nothing, send_moved);
    flood(takes_nothing, send_shared);
    flood(caught, send_copy); /* it is no decision of its own */
    cop_pid pid = limited(takes_all, &ref);
    for (int i = 0; i < 1000; i++) {
        send_copy(pid);
        if (i % 10 == 0)
            settle();
    }
    send(pid, TAG_GO, 0);
    ended(ref, "normal");
    notes_are("took all|");
}

KID_TEST(a_flooded_mailbox_ends_it, limit_body)

/* All at once, before it runs again: the rest become dead letters. */
static void at_once_body(void *arg)
{
    cop_counters before, after;
    cop_ref ref;
    cop_pid pid = limited(takes_nothing, &ref);

    (void)arg;
    cop_counters_get(&before);
    for (int i = 0; i < 100; i++)
        send_copy(pid);
    ended(ref, "{limit, \"memory\"}");
    settle();
    cop_counters_get(&after);
    ck_assert_uint_eq(after.dead_letters - before.dead_letters, 100);
}

START_TEST(all_at_once)
{
    actor_test(at_once_body, &(cop_config){.workers = 1, .virtual_time = true});
}
END_TEST

/* Signals always get through, however full it is. */
static void linked(void *arg)
{
    const cop_msg *m;
    (void)arg;
    cop_trap_exit(true);
    char *p = cop_alloc(MAX - 40000);
    ck_assert_ptr_nonnull(p);
    (void)!cop_recv_tag(&m, COP_EXIT, COP_FOREVER);
    note("told");
}

static void signals_body(void *arg)
{
    cop_ref ref;
    cop_pid pid = limited(linked, &ref);
    (void)arg;
    ck_assert_int_eq(cop_exit_signal(pid, cop_because("boom")), 0);
    ended(ref, "normal");
    notes_are("told|");
}

KID_TEST(signals_get_through, signals_body)

/* ---------------------------------------------------------------- turns -- */

enum { PAIRS = 10000 };

/* The quick ones count as well, if a little later. */
static void reductions_body(void *arg)
{
    cop_info before, after;
    (void)arg;
    ck_assert_int_eq(cop_info_get(cop_self(), &before), 0);
    for (int i = 0; i < PAIRS; i++)
        cop_free(cop_alloc(16));
    cop_yield();
    ck_assert_int_eq(cop_info_get(cop_self(), &after), 0);
    uint64_t n = after.reductions - before.reductions;
    ck_assert_uint_gt(n, 2 * PAIRS - 100);
    ck_assert_uint_lt(n, 2 * PAIRS + 100);
}

KID_TEST(blocks_cost_reductions, reductions_body)

static atomic_bool other_ran;

static void runs_once(void *arg)
{
    (void)arg;
    atomic_store(&other_ran, true);
}

static void gives_way_body(void *arg)
{
    (void)arg;
    ck_assert_int_eq(cop_spawn(NULL, runs_once, NULL, NULL), 0);
    while (!atomic_load(&other_ran))
        cop_free(cop_alloc(16));
}

START_TEST(a_loop_of_blocks_gives_way)
{
    static const cop_config one = {.workers = 1};
    actor_test(gives_way_body, &one);
}
END_TEST

static const TTest *const cases[] = {
    blocks_cost_reductions,
    a_loop_of_blocks_gives_way,
    info_shows_blocks_and_messages,
    a_flooded_mailbox_ends_it,
    all_at_once,
    signals_get_through,
};
UNIT_MAIN("memory_info", cases)
