/* SPDX-License-Identifier: MIT
 *
 * task_arg_test.c - tasks: who owns the argument, options, what is refused.
 */
#include "tests/support/actor_test.h"
#include "tests/support/unit.h"

/* Waits until it is dead. */
static void wait_end(cop_pid pid)
{
    const cop_msg *m;
    cop_ref ref;

    ck_assert_int_eq(cop_monitor(&ref, pid), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
}

static void square(void *arg)
{
    int64_t n = (int64_t)(intptr_t)arg;

    n *= n;
    ck_assert_int_eq(cop_task_result(&n, sizeof(n)), 0);
}

static void says_nothing(void *arg)
{
    (void)arg;
}

static void sleeps(void *arg)
{
    (void)arg;
    cop_sleep_until(COP_FOREVER);
}

/* ------------------------------------------------------------- arguments -- */

struct big {
    long double aligned;
    char text[5000];
};

static void reads_copy(void *arg)
{
    struct big *b = arg;
    char first;

    ck_assert_uint_eq((uintptr_t)b % _Alignof(struct big), 0);
    cop_yield();
    first = b->text[0];
    b->text[0] = 'z';
    ck_assert_int_eq(b->text[4999], 'e');
    ck_assert(cop_task_result(&first, 1) == 0);
}

static void copied_body(void *arg)
{
    struct big *b = calloc(1, sizeof(*b));
    cop_opts opts = {.arg_bytes = sizeof(*b)};
    cop_task t;
    char got = 0;

    (void)arg;
    b->text[0] = 'a';
    b->text[4999] = 'e';
    ck_assert_int_eq(cop_async(&t, reads_copy, b, &opts), 0);
    memset(b, 0, sizeof(*b));
    free(b);
    ck_assert_int_eq(cop_await(t, &got, 1, COP_FOREVER, NULL), 1);
    ck_assert_int_eq(got, 'a');
}

START_TEST(copied_argument_is_the_tasks_own)
{
    actor_test(copied_body, NULL);
}
END_TEST

static atomic_int released;

static void release(void *arg)
{
    free(arg);
    atomic_fetch_add(&released, 1);
}

static void reads_int(void *arg)
{
    ck_assert_int_eq(cop_task_result(arg, sizeof(int)), 0);
    ck_assert_int_eq(atomic_load(&released), 0);
}

static int *new_int(int n)
{
    int *p = malloc(sizeof(*p));

    *p = n;
    return p;
}

static void moved_body(void *arg)
{
    cop_opts opts = {.arg_release = release};
    cop_task t;
    int got = 0;
    int *p = new_int(12);

    (void)arg;
    ck_assert_int_eq(cop_async(&t, reads_int, p, &opts), 0);
    ck_assert_int_eq(cop_await(t, &got, sizeof(got), COP_FOREVER, NULL), 4);
    ck_assert_int_eq(got, 12);
    wait_end(t.pid);
    ck_assert_int_eq(atomic_load(&released), 1);

    p = new_int(13);
    ck_assert_int_eq(cop_async_nolink(&t, sleeps, p, &opts), 0);
    ck_assert_int_eq(cop_cancel(t, COP_POLL), 0);
    ck_assert_int_eq(atomic_load(&released), 2);

    p = new_int(14);
    opts.name = "taken";
    ck_assert_int_eq(cop_register("taken", cop_self()), 0);
    ck_assert_int_eq(cop_async(&t, sleeps, p, &opts), COP_ETAKEN);
    ck_assert_int_eq(atomic_load(&released), 2);
    free(p);
}

START_TEST(moved_argument_is_released_once)
{
    actor_test(moved_body, NULL);
}
END_TEST

static void says_name(void *arg)
{
    cop_info info;
    struct {
        char name[8];
        char label[8];
        cop_priority priority;
    } out;

    (void)arg;
    ck_assert_int_eq(cop_info_get(cop_self(), &info), 0);
    snprintf(out.name, sizeof(out.name), "%.7s", info.name);
    snprintf(out.label, sizeof(out.label), "%.7s", info.label);
    out.priority = info.priority;
    ck_assert_int_eq(cop_task_result(&out, sizeof(out)), 0);
}

static void options_body(void *arg)
{
    cop_opts opts = {.name = "bob", .priority = COP_PRIO_HIGH};
    struct {
        char name[8];
        char label[8];
        cop_priority priority;
    } got;
    cop_task t;

    (void)arg;
    ck_assert_int_eq(cop_async(&t, says_name, NULL, &opts), 0);
    ck_assert_int_eq(cop_await(t, &got, sizeof(got), COP_FOREVER, NULL),
                     sizeof(got));
    ck_assert_str_eq(got.name, "bob");
    ck_assert_str_eq(got.label, "task");
    ck_assert_int_eq(got.priority, COP_PRIO_HIGH);
}

START_TEST(options_are_the_tasks)
{
    actor_test(options_body, NULL);
}
END_TEST

static void refused_body(void *arg)
{
    const cop_task none = {0};
    cop_opts drop = {.mailbox_max = 5, .mailbox_full = COP_FULL_DROP_OLD};
    cop_opts both = {.arg_bytes = 4, .arg_release = release};
    cop_opts huge = {.arg_bytes = (size_t)1 << 40};
    cop_task t;
    cop_task_outcome o;
    int n = 0;

    (void)arg;
    ck_assert_int_eq(cop_async(NULL, square, NULL, NULL), COP_EINVAL);
    ck_assert_int_eq(cop_async(&t, NULL, NULL, NULL), COP_EINVAL);
    ck_assert_int_eq(cop_async(&t, square, NULL, &drop), COP_EINVAL);
    drop.mailbox_full = COP_FULL_DROP_NEW;
    ck_assert_int_eq(cop_async(&t, square, NULL, &drop), COP_EINVAL);
    ck_assert_int_eq(cop_async(&t, square, &n, &both), COP_EINVAL);
    ck_assert_int_eq(cop_async(&t, square, &n, &huge), COP_EINVAL);
    both.arg_release = NULL;
    ck_assert_int_eq(cop_async(&t, square, NULL, &both), COP_EINVAL);
    ck_assert_int_eq(cop_await(none, NULL, 0, COP_POLL, NULL), COP_EINVAL);
    ck_assert_int_eq(cop_cancel(none, COP_POLL), COP_EINVAL);
    ck_assert_int_eq(cop_await_many(&none, 1, NULL, 0, NULL, COP_POLL),
                     COP_EINVAL);
    ck_assert_int_eq(cop_await_many(&none, 1, NULL, 4, &o, COP_POLL),
                     COP_EINVAL);
    ck_assert_int_eq(cop_task_result(NULL, 4), COP_EINVAL);
}

START_TEST(bad_arguments_are_refused)
{
    actor_test(refused_body, NULL);
}
END_TEST

/* --------------------------------------------------- killed while starting */

/* Starts tasks with moved arguments for ever, so many in a row that its turns
 * end wherever their budget does; whatever instant it is killed at, each
 * argument is released and each task ends. */
enum { ROW = 1000 };
static atomic_int made;

static void release_count(void *arg)
{
    (void)arg;
    atomic_fetch_add(&released, 1);
}

static void starts_for_ever(void *arg)
{
    cop_opts opts = {.arg_release = release_count};

    (void)arg;
    for (;;) {
        cop_task t[ROW];

        for (int i = 0; i < ROW; i++) {
            atomic_fetch_add(&made, 1);
            if (cop_async_nolink(&t[i], says_nothing, NULL, &opts) != 0)
                ck_abort();
        }
        for (int i = 0; i < ROW; i++)
            (void)!cop_await(t[i], NULL, 0, COP_FOREVER, NULL);
    }
}

static void killed_owner_body(void *arg)
{
    cop_pid pids[8];

    (void)arg;
    for (int i = 0; i < 150; i++) {
        cop_pid p;

        ck_assert_int_eq(cop_spawn(&p, starts_for_ever, NULL, NULL), 0);
        for (int j = 0; j < i % 7; j++)
            cop_yield();
        if (i % 16 == 0)
            cop_sleep(COP_MS);
        ck_assert_int_eq(cop_exit_signal(p, COP_KILL), 0);
    }
    /* This actor and its guardian stay. */
    while (cop_actors(pids, 8) > 2)
        cop_sleep(COP_MS);
    ck_assert_int_eq(atomic_load(&released), atomic_load(&made));
    ck_assert_int_gt(atomic_load(&made), 0);
}

START_TEST(owner_killed_at_any_instant)
{
    actor_test(killed_owner_body, NULL);
}
END_TEST

static const TTest *const cases[] = {
    copied_argument_is_the_tasks_own,
    moved_argument_is_released_once,
    options_are_the_tasks,
    bad_arguments_are_refused,
    owner_killed_at_any_instant,
};
UNIT_MAIN("task_arg", cases)
