/* SPDX-License-Identifier: MIT
 *
 * limit_test.c - cop_opts.memory_max: where exactly the limit is, how the actor
 * ends beyond it, and what it still can do then.
 */
#include <coppice/memory.h>

#include "runtime/actor/heap.h"
#include "runtime/actor/here.h"
#include "tests/support/kid.h"

/* A coroutine that has not left its stack yet is charged nothing for it. */
enum { MAX = 200000, OVER = MAX, TAG_GO = 1 };

/* Spawns fn and checks how it ends. */
static void ends_so(cop_fn fn, void *arg, cop_opts opts, const char *text)
{
    cop_ref ref;

    opts.monitor = &ref;
    ck_assert_int_eq(cop_spawn(NULL, fn, arg, &opts), 0);
    down_says(ref, text);
}

static void ends_with(cop_fn fn, void *arg, const char *text)
{
    ends_so(fn, arg, (cop_opts){.memory_max = MAX}, text);
}

#define LIMIT "{limit, \"memory\"}"

/* What a block may have so that nothing is left; big ones take 16 more. */
static size_t left(void)
{
    return MAX - copi_heap_total(copi_here_actor()) - 16;
}

/* --------------------------------------------------------- where it lies -- */

static void fits_exactly(void *arg)
{
    (void)arg;
    cop_free(cop_alloc(0)); /* the table is there now */
    char *p = cop_alloc(left());
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(copi_heap_total(copi_here_actor()), MAX);
    cop_free(p);
    p = cop_zalloc(left());
    ck_assert_ptr_nonnull(p);
}

static void one_too_many(void *arg)
{
    (void)arg;
    cop_free(cop_alloc(0));
    (void)!cop_alloc(left() + 1);
    note("went on");
}

static void zeroes_too_many(void *arg)
{
    (void)arg;
    (void)!cop_zalloc(OVER);
    note("went on");
}

static void absurdly_many(void *arg)
{
    volatile size_t most = SIZE_MAX;
    (void)arg;
    (void)!cop_alloc(most);
    note("went on");
}

static void by_and_by(void *arg)
{
    int *n = arg;
    for (;; ++*n)
        ck_assert_ptr_nonnull(cop_alloc(100));
}

static void in_and_out(void *arg)
{
    (void)arg;
    for (int i = 0; i < 10000; i++) {
        char *p = cop_alloc(MAX / 2);
        ck_assert_ptr_nonnull(p);
        cop_free(p);
    }
}

/* A realloc is charged what it adds. */
static void grows(void *arg)
{
    char *p = cop_alloc(MAX / 2);
    (void)arg;
    p = cop_realloc(p, MAX * 3 / 4);
    ck_assert_ptr_nonnull(p);
    p = cop_realloc(p, MAX / 8);
    ck_assert_ptr_nonnull(p);
    note("grew");
    (void)!cop_realloc(p, OVER);
    note("went on");
}

static void where_body(void *arg)
{
    int n = 0;
    (void)arg;
    ends_with(fits_exactly, NULL, "normal");
    ends_with(one_too_many, NULL, LIMIT);
    ends_with(zeroes_too_many, NULL, LIMIT);
    ends_with(absurdly_many, NULL, LIMIT);
    ends_with(by_and_by, &n, LIMIT);
    /* a cell of 128 and a place in the table each, which doubles */
    ck_assert_int_ge(n, MAX / (128 + 3 * 8));
    ck_assert_int_le(n, MAX / 128);
    ends_with(in_and_out, NULL, "normal");
    ends_with(grows, NULL, LIMIT);
    notes_are("grew|");
}

KID_TEST(to_the_byte, where_body)

static void no_limit(void *arg)
{
    (void)arg;
    ck_assert_ptr_nonnull(cop_alloc(100 * MAX));
}

static void no_limit_body(void *arg)
{
    (void)arg;
    ends_so(no_limit, NULL, (cop_opts){0}, "normal");
}

KID_TEST(none_by_default, no_limit_body)

/* ------------------------------------------------- what else is counted -- */

static void wants_little(void *arg)
{
    (void)arg;
    note("ran");
    (void)!cop_alloc(1);
    note("went on");
}

static void uses_stack(void *arg)
{
    volatile char frame[MAX / 2];
    (void)arg;
    for (size_t i = 0; i < sizeof frame; i += 512)
        frame[i] = 1;
    cop_yield(); /* its stack is looked at when it leaves */
    (void)!cop_alloc(MAX / 2 + frame[0]);
    note("went on");
}

static int big_init(void *state, void *arg)
{
    (void)state;
    wants_little(arg);
    return 0;
}

static void counted_body(void *arg)
{
    static char big[OVER];
    static const cop_handler handler = {.state_bytes = OVER, .init = big_init};
    cop_opts opts = {.memory_max = MAX, .arg_bytes = sizeof big};
    cop_ref ref;
    const cop_msg *m;

    (void)arg;
    ends_so(wants_little, big, opts, LIMIT);
    opts = (cop_opts){.memory_max = MAX, .stack_bytes = 1 << 20};
    ends_so(uses_stack, NULL, opts, LIMIT);
    opts = (cop_opts){.memory_max = MAX, .monitor = &ref};
    ck_assert_int_eq(cop_spawn_handler(NULL, &handler, NULL, &opts), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    reason_is(cop_msg_reason(m), LIMIT);
    notes_are("ran|ran|");
}

KID_TEST(argument_state_and_stack_count, counted_body)

/* ------------------------------------------------------ how it ends then -- */

static void hogs(void *arg)
{
    (void)arg;
    (void)!cop_alloc(OVER);
}

static void catches(void *arg)
{
    cop_reason why;
    (void)arg;
    ck_assert_int_eq(cop_catch(hogs, NULL, &why), COP_EFAILED);
    reason_was(why, LIMIT);
    char *p = cop_alloc(MAX / 2);
    ck_assert_ptr_nonnull(p);
    copi_heap_check(copi_here_actor());
    note("lives");
}

static void clean_up(void *arg)
{
    char *p = cop_alloc(2 * OVER);
    ck_assert_ptr_nonnull(p);
    ck_assert_ptr_nonnull(cop_realloc(p, 3 * OVER));
    note("%s", (const char *)arg);
}

static void hogs_with_clean_ups(void *arg)
{
    (void)arg;
    ck_assert_int_eq(cop_defer(clean_up, "first"), 0);
    ck_assert_int_eq(cop_defer(clean_up, "second"), 0);
    hogs(NULL);
}

static void hog_message(void *state, const cop_msg *m)
{
    (void)state;
    (void)m;
    hogs(NULL);
}

static void hog_terminate(void *state, cop_reason why)
{
    (void)state;
    reason_is(why, LIMIT);
    clean_up("terminate");
}

static void ends_body(void *arg)
{
    static const cop_handler handler = {.message = hog_message,
                                        .terminate = hog_terminate};
    cop_pid pid;
    cop_ref ref;
    cop_opts opts = {.memory_max = MAX, .monitor = &ref};
    const cop_msg *m;

    (void)arg;
    ends_with(catches, NULL, "normal");
    notes_are("lives|");
    ends_with(hogs_with_clean_ups, NULL, LIMIT);
    notes_are("second|first|");
    ck_assert_int_eq(cop_spawn_handler(&pid, &handler, NULL, &opts), 0);
    ck_assert_int_eq(cop_send(pid, TAG_GO, NULL, 0), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    reason_is(cop_msg_reason(m), LIMIT);
    notes_are("terminate|");
}

KID_TEST(clean_ups_may_go_beyond, ends_body)

/* -------------------------------------------------------- failing spawns -- */

static void never(void *arg)
{
    (void)arg;
    note("ran");
}

static void spawn_body(void *arg)
{
    cop_opts opts = {.memory_max = MAX, .name = "taken"};
    size_t before;

    (void)arg;
    ck_assert_int_eq(cop_register("taken", cop_self()), 0);
    ck_assert_int_eq(cop_spawn(NULL, never, NULL, &opts), COP_ETAKEN);
    before = cop_ext_bytes_in_use();
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(cop_spawn(NULL, never, NULL, &opts), COP_ETAKEN);
    ck_assert_uint_eq(cop_ext_bytes_in_use(), before);
    opts.name = NULL;
    for (uint64_t n = 1;; n++) {
        cop_ext_fail_alloc(n, false);
        int err = cop_spawn(NULL, never, NULL, &opts);
        bool passed = cop_ext_alloc_count() < n;
        cop_ext_fail_alloc(0, false);
        if (passed)
            break;
        ck_assert_int_eq(err, COP_ENOMEM);
    }
    settle();
    notes_are("ran|");
}

START_TEST(a_spawn_that_fails)
{
    actor_test(spawn_body, &(cop_config){.workers = 1, .virtual_time = true});
}
END_TEST

static const TTest *const cases[] = {
    to_the_byte,
    none_by_default,
    argument_state_and_stack_count,
    clean_ups_may_go_beyond,
    a_spawn_that_fails,
};
UNIT_MAIN("limit", cases)
