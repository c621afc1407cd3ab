/* SPDX-License-Identifier: MIT
 *
 * task_test.c - tasks: answers, ends, deadlines, cancelling.
 */
#include "tests/support/actor_test.h"
#include "tests/support/unit.h"

#include <pthread.h>

enum { TICK = 1, GO, STARTED };

/* Nothing is waiting for the calling actor. */
static void expect_empty(void)
{
    const cop_msg *m = NULL;
    int err = cop_recv(&m, COP_POLL);

    ck_assert_msg(err == COP_ETIMEDOUT, "a message is left, tag %#x",
                  err == 0 ? cop_msg_tag(m) : 0u);
}

/* Waits until it is dead. */
static void wait_end(cop_pid pid)
{
    const cop_msg *m;
    cop_ref ref;

    ck_assert_int_eq(cop_monitor(&ref, pid), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
}

/* ---------------------------------------------------------------- tasks -- */

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

static void crashes(void *arg)
{
    cop_exit(cop_because_of("boom", arg, arg == NULL ? 0 : strlen(arg)));
}

static void sleeps(void *arg)
{
    (void)arg;
    cop_sleep_until(COP_FOREVER);
}

static void answers_and_sleeps(void *arg)
{
    square(arg);
    sleeps(NULL);
}

/* Answers when it is told to. */
static void waits(void *arg)
{
    const cop_msg *m;

    ck_assert_int_eq(cop_recv_tag(&m, GO, COP_FOREVER), 0);
    square(arg);
}

/* ------------------------------------------------------------- answers -- */

static void answer_body(void *arg)
{
    cop_task t;
    int64_t got = 0;
    cop_reason why = COP_KILL;

    (void)arg;
    ck_assert_int_eq(cop_async(&t, square, (void *)7, NULL), 0);
    ck_assert_int_eq(cop_await(t, &got, sizeof(got), COP_FOREVER, &why),
                     sizeof(got));
    ck_assert_int_eq(got, 49);
    ck_assert(cop_reason_eq(why, COP_NORMAL));
    wait_end(t.pid);
    expect_empty();
}

START_TEST(gives_its_answer)
{
    actor_test(answer_body, NULL);
}
END_TEST

static void big_answer(void *arg)
{
    static char text[100000];

    (void)arg;
    memset(text, 'x', sizeof(text));
    ck_assert_int_eq(cop_task_result(text, sizeof(text)), 0);
}

static void cut_body(void *arg)
{
    char got[4] = "abc";
    cop_task t;

    (void)arg;
    ck_assert_int_eq(cop_async(&t, big_answer, NULL, NULL), 0);
    ck_assert_int_eq(cop_await(t, got, 3, COP_FOREVER, NULL), 100000);
    ck_assert_str_eq(got, "xxx");
    ck_assert_int_eq(cop_async(&t, big_answer, NULL, NULL), 0);
    ck_assert_int_eq(cop_await(t, NULL, 0, COP_FOREVER, NULL), 100000);
}

START_TEST(answer_is_cut_to_fit)
{
    actor_test(cut_body, NULL);
}
END_TEST

static void empty_answer(void *arg)
{
    (void)arg;
    ck_assert_int_eq(cop_task_result(NULL, 0), 0);
    ck_assert_int_eq(cop_task_result(NULL, 0), COP_EINVAL);
}

static void exits_normally(void *arg)
{
    (void)arg;
    cop_exit(COP_NORMAL);
}

static void no_answer_body(void *arg)
{
    cop_task_fn fns[] = {says_nothing, empty_answer, exits_normally};
    char got = 'a';
    cop_task t;

    (void)arg;
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(cop_async(&t, fns[i], NULL, NULL), 0);
        ck_assert_int_eq(cop_await(t, &got, 1, COP_FOREVER, NULL), 0);
        ck_assert_int_eq(got, 'a');
    }
}

START_TEST(no_answer_is_size_zero)
{
    actor_test(no_answer_body, NULL);
}
END_TEST

static void answers_twice(void *arg)
{
    int n = 1;

    (void)arg;
    ck_assert_int_eq(cop_task_result(&n, sizeof(n)), 0);
    n = 2;
    ck_assert_int_eq(cop_task_result(&n, sizeof(n)), COP_EINVAL);
}

static void twice_body(void *arg)
{
    cop_task t;
    int got = 0;

    (void)arg;
    ck_assert_int_eq(cop_async(&t, answers_twice, NULL, NULL), 0);
    ck_assert_int_eq(cop_await(t, &got, sizeof(got), COP_FOREVER, NULL),
                     sizeof(got));
    ck_assert_int_eq(got, 1);
    wait_end(t.pid);
    expect_empty();
}

START_TEST(second_answer_is_refused)
{
    actor_test(twice_body, NULL);
}
END_TEST

static void *foreign(void *arg)
{
    cop_task t;

    (void)arg;
    ck_assert_int_eq(cop_task_result("x", 1), COP_EINVAL);
    ck_assert_int_eq(cop_async(&t, square, NULL, NULL), COP_EINVAL);
    ck_assert_int_eq(cop_async_nolink(&t, square, NULL, NULL), COP_EINVAL);
    return NULL;
}

static void outside_body(void *arg)
{
    pthread_t thread;

    (void)arg;
    ck_assert_int_eq(cop_task_result("x", 1), COP_EINVAL);
    ck_assert_int_eq(pthread_create(&thread, NULL, foreign, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

START_TEST(result_outside_a_task_is_refused)
{
    actor_test(outside_body, NULL);
}
END_TEST

static void answer_at_end(void *arg)
{
    int n = 5;

    (void)arg;
    (void)!cop_task_result(&n, sizeof(n));
}

static void deferred_answer(void *arg)
{
    ck_assert_int_eq(cop_defer(answer_at_end, NULL), 0);
    if (arg != NULL)
        cop_exit(cop_because("boom"));
}

static void deferred_body(void *arg)
{
    cop_task t;
    int got = 0;

    (void)arg;
    ck_assert_int_eq(cop_async_nolink(&t, deferred_answer, NULL, NULL), 0);
    ck_assert_int_eq(cop_await(t, &got, sizeof(got), COP_FOREVER, NULL), 4);
    ck_assert_int_eq(got, 5);
    ck_assert_int_eq(cop_async_nolink(&t, deferred_answer, "", NULL), 0);
    ck_assert_int_eq(cop_await(t, &got, sizeof(got), COP_FOREVER, NULL), 4);
}

START_TEST(deferred_function_may_answer)
{
    actor_test(deferred_body, NULL);
}
END_TEST

/* ----------------------------------------------------------- bad endings -- */

static void loses_linked_task(void *arg)
{
    cop_task t;

    (void)arg;
    ck_assert_int_eq(cop_async(&t, crashes, NULL, NULL), 0);
    (void)!cop_await(t, NULL, 0, COP_FOREVER, NULL);
    cop_sleep_until(COP_FOREVER);
}

static void linked_crash_body(void *arg)
{
    const cop_msg *m;
    cop_ref ref;
    cop_opts opts = {.monitor = &ref};

    (void)arg;
    ck_assert_int_eq(cop_spawn(NULL, loses_linked_task, NULL, &opts), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    ck_assert_str_eq(cop_reason_name(cop_msg_reason(m)), "boom");
}

START_TEST(linked_crash_ends_the_owner)
{
    actor_test(linked_crash_body, NULL);
}
END_TEST

static void trapped_crash_body(void *arg)
{
    const cop_msg *m;
    cop_reason why;
    cop_task t;

    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(cop_async(&t, crashes, NULL, NULL), 0);
    ck_assert_int_eq(cop_await(t, NULL, 0, COP_FOREVER, &why), COP_EDOWN);
    ck_assert_str_eq(cop_reason_name(why), "boom");
    ck_assert_int_eq(cop_recv_tag(&m, COP_EXIT, COP_FOREVER), 0);
    ck_assert(cop_pid_eq(cop_msg_sender(m), t.pid));
    ck_assert_int_eq(cop_async(&t, square, (void *)2, NULL), 0);
    ck_assert_int_eq(cop_await(t, NULL, 0, COP_FOREVER, &why), 8);
    ck_assert_int_eq(cop_recv_tag(&m, COP_EXIT, COP_FOREVER), 0);
    ck_assert(cop_reason_eq(cop_msg_reason(m), COP_NORMAL));
}

START_TEST(trapping_owner_gets_both)
{
    actor_test(trapped_crash_body, NULL);
}
END_TEST

static void nolink_crash_body(void *arg)
{
    cop_reason why;
    cop_task t;
    size_t size;

    (void)arg;
    ck_assert_int_eq(cop_async_nolink(&t, crashes, "load", NULL), 0);
    ck_assert_int_eq(cop_await(t, NULL, 0, COP_FOREVER, &why), COP_EDOWN);
    ck_assert_str_eq(cop_reason_name(why), "boom");
    ck_assert_mem_eq(cop_reason_payload(why, &size), "load", 4);
    ck_assert_uint_eq(size, 4);
    cop_reason_release(why);
    ck_assert_int_eq(cop_async_nolink(&t, crashes, "load", NULL), 0);
    ck_assert_int_eq(cop_await(t, NULL, 0, COP_FOREVER, NULL), COP_EDOWN);
    expect_empty();
}

START_TEST(unlinked_crash_is_told)
{
    actor_test(nolink_crash_body, NULL);
}
END_TEST

static void killed_body(void *arg)
{
    cop_reason why;
    cop_task t;

    (void)arg;
    ck_assert_int_eq(cop_async_nolink(&t, sleeps, NULL, NULL), 0);
    ck_assert_int_eq(cop_exit_signal(t.pid, COP_KILL), 0);
    ck_assert_int_eq(cop_await(t, NULL, 0, COP_FOREVER, &why), COP_EDOWN);
    ck_assert(cop_reason_eq(why, COP_KILLED));
}

START_TEST(killed_task_is_told)
{
    actor_test(killed_body, NULL);
}
END_TEST

static void starts_two(void *arg)
{
    cop_pid *to = arg;
    cop_task t[2];

    ck_assert_int_eq(cop_async(&t[0], sleeps, NULL, NULL), 0);
    ck_assert_int_eq(cop_async_nolink(&t[1], waits, NULL, NULL), 0);
    ck_assert_int_eq(cop_send(*to, STARTED, t, sizeof(t)), 0);
    cop_exit(cop_because("boom"));
}

static void owner_ends_body(void *arg)
{
    cop_pid self = cop_self();
    const cop_msg *m;
    cop_task t[2];
    cop_ref ref;

    (void)arg;
    ck_assert_int_eq(cop_spawn(NULL, starts_two, &self, NULL), 0);
    ck_assert_int_eq(cop_recv_tag(&m, STARTED, COP_FOREVER), 0);
    memcpy(t, cop_msg_expect(m, sizeof(t)), sizeof(t));
    ck_assert_int_eq(cop_monitor(&ref, t[0].pid), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    ck_assert(cop_is_alive(t[1].pid));
    ck_assert_int_eq(cop_monitor(&ref, t[1].pid), 0);
    ck_assert_int_eq(cop_send(t[1].pid, GO, NULL, 0), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    ck_assert(cop_reason_eq(cop_msg_reason(m), COP_NORMAL));
}

START_TEST(owners_end_takes_linked_tasks_only)
{
    actor_test(owner_ends_body, NULL);
}
END_TEST

/* ------------------------------------------------------------- deadlines -- */

static void timeout_body(void *arg)
{
    int64_t got = 0;
    cop_task t;

    (void)arg;
    ck_assert_int_eq(cop_async(&t, waits, (void *)3, NULL), 0);
    ck_assert_int_eq(cop_await(t, &got, sizeof(got), COP_POLL, NULL),
                     COP_ETIMEDOUT);
    ck_assert_int_eq(cop_await(t, &got, sizeof(got), cop_in(COP_MS), NULL),
                     COP_ETIMEDOUT);
    ck_assert_int_eq(cop_send(t.pid, GO, NULL, 0), 0);
    ck_assert_int_eq(cop_await(t, &got, sizeof(got), COP_FOREVER, NULL), 8);
    ck_assert_int_eq(got, 9);
}

START_TEST(await_again_after_a_timeout)
{
    actor_test(timeout_body, NULL);
}
END_TEST

static void many_body(void *arg)
{
    cop_task_fn fns[] = {square, crashes, waits, says_nothing, square};
    cop_task t[5];
    int64_t got[5] = {0};
    cop_task_outcome out[5];

    (void)arg;
    for (size_t i = 0; i < 5; i++)
        ck_assert_int_eq(
            cop_async_nolink(&t[i], fns[i],
                             fns[i] == square ? (void *)(i + 2) : NULL, NULL),
            0);
    ck_assert_int_eq(
        cop_await_many(t, 5, got, sizeof(got[0]), out, cop_in(200 * COP_MS)),
        3);
    ck_assert_int_eq(out[0].code, 8);
    ck_assert_int_eq(got[0], 4);
    ck_assert_int_eq(out[1].code, COP_EDOWN);
    ck_assert_str_eq(cop_reason_name(out[1].why), "boom");
    ck_assert_int_eq(out[2].code, COP_ETIMEDOUT);
    ck_assert_int_eq(out[3].code, 0);
    ck_assert_int_eq(out[4].code, 8);
    ck_assert_int_eq(got[4], 36);
    ck_assert_int_eq(cop_send(t[2].pid, GO, NULL, 0), 0);
    ck_assert_int_eq(cop_await_many(&t[2], 1, NULL, 0, out, COP_FOREVER), 1);
    ck_assert_int_eq(cop_await_many(NULL, 0, NULL, 8, NULL, COP_POLL), 0);
}

START_TEST(many_have_one_deadline)
{
    const cop_config cfg = {.workers = 2, .virtual_time = true};

    actor_test(many_body, &cfg);
}
END_TEST

static void fork_join_body(void *arg)
{
    enum { N = 5000 };
    static cop_task t[N];
    static int64_t got[N];
    static cop_task_outcome out[N];

    (void)arg;
    for (int64_t i = 0; i < N; i++)
        ck_assert_int_eq(cop_async(&t[i], square, (void *)i, NULL), 0);
    ck_assert_int_eq(
        cop_await_many(t, N, got, sizeof(got[0]), out, COP_FOREVER), N);
    for (int64_t i = 0; i < N; i++)
        if (got[i] != i * i || out[i].code != 8)
            ck_abort_msg("task %lld", (long long)i);
    expect_empty();
}

START_TEST(many_tasks_at_once)
{
    actor_test(fork_join_body, NULL);
}
END_TEST

/* Without the receive marker this looks at some 10^9 messages. */
static void crowded_body(void *arg)
{
    cop_time begin;

    (void)arg;
    for (int i = 0; i < 200000; i++)
        if (cop_send(cop_self(), TICK, NULL, 0) != 0)
            ck_abort();
    begin = cop_now();
    for (int i = 0; i < 5000; i++) {
        cop_task t;

        if (cop_async_nolink(&t, says_nothing, NULL, NULL) != 0 ||
            cop_await(t, NULL, 0, COP_FOREVER, NULL) != 0)
            ck_abort();
    }
    ck_assert_int_lt(cop_now() - begin, unit_slow() * COP_SEC);
}

START_TEST(waiting_does_not_look_at_old_messages)
{
    actor_test(crowded_body, NULL);
}
END_TEST

/* ------------------------------------------------------------ cancelling -- */

static void cancel_body(void *arg)
{
    const cop_msg *m;
    cop_task t;
    cop_ref ref;
    cop_opts opts = {.monitor = &ref};

    (void)arg;
    ck_assert_int_eq(cop_async(&t, sleeps, NULL, &opts), 0);
    ck_assert_int_eq(cop_cancel(t, COP_FOREVER), 0);
    ck_assert(!cop_is_alive(t.pid));
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_POLL), 0);
    ck_assert(cop_reason_eq(cop_msg_reason(m), COP_SHUTDOWN));
    ck_assert_int_eq(cop_cancel(t, COP_POLL), 0);
    expect_empty();
    cop_trap_exit(true);
    ck_assert_int_eq(cop_async(&t, sleeps, NULL, NULL), 0);
    ck_assert_int_eq(cop_cancel(t, COP_FOREVER), 0);
    expect_empty();
}

START_TEST(cancel_ends_and_unlinks)
{
    actor_test(cancel_body, NULL);
}
END_TEST

static void stubborn_body(void *arg)
{
    cop_opts opts = {.trap_exit = true};
    const cop_msg *m;
    cop_task t;
    cop_ref ref;

    (void)arg;
    ck_assert_int_eq(cop_async(&t, sleeps, NULL, &opts), 0);
    ck_assert_int_eq(cop_monitor(&ref, t.pid), 0);
    ck_assert_int_eq(cop_cancel(t, cop_in(5 * COP_MS)), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_POLL), 0);
    ck_assert(cop_reason_eq(cop_msg_reason(m), COP_KILLED));
    ck_assert_int_eq(cop_async(&t, sleeps, NULL, &opts), 0);
    ck_assert_int_eq(cop_cancel(t, COP_POLL), 0);
    expect_empty();
}

START_TEST(cancel_kills_at_the_deadline)
{
    actor_test(stubborn_body, NULL);
}
END_TEST

static void too_late_body(void *arg)
{
    cop_task_fn fns[] = {square, answers_and_sleeps};
    cop_task t;

    (void)arg;
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(cop_async(&t, fns[i], (void *)2, NULL), 0);
        cop_sleep(20 * COP_MS * unit_slow());
        ck_assert_int_eq(cop_cancel(t, COP_FOREVER), COP_EREPLIED);
        ck_assert(!cop_is_alive(t.pid));
        expect_empty();
    }
    ck_assert_int_eq(cop_async(&t, answers_and_sleeps, (void *)2, NULL), 0);
    ck_assert_int_eq(cop_await(t, NULL, 0, COP_FOREVER, NULL), 8);
    ck_assert_int_eq(cop_cancel(t, COP_FOREVER), 0);
    ck_assert(!cop_is_alive(t.pid));
}

START_TEST(cancel_drops_an_answer)
{
    const cop_config cfg = {.workers = 2, .virtual_time = true};

    actor_test(too_late_body, &cfg);
}
END_TEST

static void cancel_dead_body(void *arg)
{
    cop_task t;

    (void)arg;
    ck_assert_int_eq(cop_async_nolink(&t, crashes, NULL, NULL), 0);
    wait_end(t.pid);
    ck_assert_int_eq(cop_cancel(t, COP_FOREVER), 0);
    expect_empty();
}

START_TEST(cancel_of_the_dead)
{
    actor_test(cancel_dead_body, NULL);
}
END_TEST

static const TTest *const cases[] = {
    gives_its_answer,
    answer_is_cut_to_fit,
    no_answer_is_size_zero,
    second_answer_is_refused,
    result_outside_a_task_is_refused,
    deferred_function_may_answer,
    linked_crash_ends_the_owner,
    trapping_owner_gets_both,
    unlinked_crash_is_told,
    killed_task_is_told,
    owners_end_takes_linked_tasks_only,
    await_again_after_a_timeout,
    many_have_one_deadline,
    many_tasks_at_once,
    waiting_does_not_look_at_old_messages,
    cancel_ends_and_unlinks,
    cancel_kills_at_the_deadline,
    cancel_drops_an_answer,
    cancel_of_the_dead,
};
UNIT_MAIN("task", cases)
