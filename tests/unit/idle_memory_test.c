/* SPDX-License-Identifier: MIT
 *
 * idle_memory_test.c - what an actor that waits costs, of each form, by what
 * the system says that the process has: a handler and a hibernated coroutine
 * their record, a waiting coroutine one page of stack more.
 */
#include "runtime/memory/mem.h"
#include "tests/support/actor_test.h"
#include "tests/support/native.h"
#include "tests/support/resident.h"

enum { ACTORS = 100000, BATCH = 1000, READY = 1, STOP };
enum { HANDLER_MAX = 400, COROUTINE_MAX = 4812, HIBERNATED_MAX = 400 };

static void tell_ready(void *arg)
{
    ck_assert_int_eq(cop_send(*(const cop_pid *)arg, READY, NULL, 0), 0);
}

static int ready_init(void *state, void *arg)
{
    (void)state;
    tell_ready(arg);
    return 0;
}

static const cop_handler handler = {.init = ready_init};

static void wait_for_stop(void *arg)
{
    const cop_msg *m;
    (void)arg;
    (void)!cop_recv_tag(&m, STOP, COP_FOREVER);
}

static void waits(void *arg)
{
    tell_ready(arg);
    wait_for_stop(NULL);
}

static void hibernates(void *arg)
{
    tell_ready(arg);
    cop_hibernate(wait_for_stop, NULL);
}

/* NULL: as handlers. */
static void start_batch(cop_fn fn)
{
    cop_pid self = cop_self();
    const cop_opts opts = {.arg_bytes = sizeof self};
    const cop_msg *m;

    for (int i = 0; i < BATCH; i++)
        ck_assert_int_eq(fn != NULL
                             ? cop_spawn(NULL, fn, &self, &opts)
                             : cop_spawn_handler(NULL, &handler, &self, &opts),
                         0);
    for (int i = 0; i < BATCH; i++)
        ck_assert_int_eq(cop_recv_tag(&m, READY, COP_FOREVER), 0);
}

static size_t bytes_each(cop_fn fn)
{
    start_batch(fn); /* what comes once has come */
    size_t before = resident();
    for (int i = 0; i < ACTORS; i += BATCH)
        start_batch(fn);
    size_t after = resident();
    return after < before ? 0 : (after - before) / ACTORS;
}

static void body_handler(void *arg)
{
    (void)arg;
    ck_assert_uint_le(bytes_each(NULL), HANDLER_MAX);
}

static void body_coroutine(void *arg)
{
    (void)arg;
    ck_assert_uint_le(bytes_each(waits), COROUTINE_MAX);
}

static void body_hibernated(void *arg)
{
    (void)arg;
    ck_assert_uint_le(bytes_each(hibernates), HIBERNATED_MAX);
}

/* The bounds are those of the allocator that programs get. */
static void measure(void (*body)(void *))
{
    if (!copi_mem_is_watched)
        actor_test(body, NULL);
}

START_TEST(idle_handler)
{
    measure(body_handler);
}
END_TEST

START_TEST(idle_coroutine)
{
    measure(body_coroutine);
}
END_TEST

START_TEST(hibernated_coroutine)
{
    measure(body_hibernated);
}
END_TEST

static const TTest *const cases[] = {idle_handler, idle_coroutine,
                                     hibernated_coroutine};

NATIVE_MAIN("idle_memory", cases)
