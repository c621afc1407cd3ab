/* SPDX-License-Identifier: MIT
 *
 * actor_test.h - runs the body of a test in an actor, in a runtime of its own.
 *
 *     static void body(void *arg)
 *     {
 *         cop_pid p;
 *         ck_assert_int_eq(cop_spawn(&p, echo, NULL, NULL), 0);
 *         ...
 *     }
 *     START_TEST(echoes)
 *     {
 *         actor_test(body, NULL);
 *     }
 *     END_TEST
 *
 * actor_test starts the runtime, runs body(NULL) in a coroutine actor with a
 * 256 KiB stack, waits until that actor ends, and stops the runtime. The test
 * fails if the body ends with any reason but `normal`, does not end within 25
 * seconds (times COP_TEST_SLOW), or if an actor is stuck when the runtime
 * stops. What the body leaves behind is ended by cop_stop; it has a second for
 * that.
 *
 * The body's mailbox is its own: nothing but what the test sends comes in.
 * Its parent (cop_parent) is a helper actor, it is linked to nobody.
 *
 * A configuration of NULL means two workers; the environment variable
 * COP_TEST_WORKERS overrides the number, so that one suite can be run with 1,
 * 2, 4, ... With .virtual_time the clock is driven from here: whenever all is
 * quiet it moves on by a millisecond, so that a test may wait for seconds in
 * no time and nothing depends on load.
 *
 * Checks. The ck_assert family works in every actor and thread, because the
 * check library runs each test in a forked process and ends that process
 * with _exit at the first failed check. With CK_FORK=no it would longjmp
 * from a foreign stack instead, so actor_test refuses to run then. Passed
 * checks write to a stdio stream of the library, which locks: use them in
 * hot loops of several actors sparingly.
 */
#ifndef COPPICE_TESTS_ACTOR_TEST_H
#define COPPICE_TESTS_ACTOR_TEST_H

#include <coppice.h>
#include <coppice/extend.h>

#include <check.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACTOR_TEST_LIMIT_NS (25 * COP_SEC * actor_test_slow())
#define ACTOR_TEST_TICK_NS COP_MS

/* How many times slower than usual the machine is (as in unit.h). */
static inline int actor_test_slow(void)
{
    const char *text = getenv("COP_TEST_SLOW");
    int slow = text != NULL ? atoi(text) : 1;

    return slow < 1 ? 1 : slow;
}

struct actor_test {
    void (*body)(void *);
    atomic_int done; /* release: `ended_with` is written */
    char ended_with[COP_REASON_TEXT];
};

enum { ACTOR_TEST_WAIT = 0x7e57 };

/* The actor around the body: tells who asks when the body has ended. */
static inline void actor_test_guardian(void *arg)
{
    struct actor_test *t = arg;
    cop_ref ref;
    cop_opts opts = {.monitor = &ref, .stack_bytes = 256 * 1024};
    const cop_msg *m;
    cop_from from;

    ck_assert_int_eq(cop_spawn(NULL, t->body, NULL, &opts), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    cop_reason_str(cop_msg_reason(m), t->ended_with, sizeof t->ended_with);
    atomic_store_explicit(&t->done, 1, memory_order_release);
    ck_assert_int_eq(cop_recv_tag(&m, ACTOR_TEST_WAIT, COP_FOREVER), 0);
    from = cop_msg_from(m);
    (void)cop_reply(from, NULL, 0);
}

/* acquire: pairs with the guardian's release, shows `ended_with`. */
static inline int actor_test_done(struct actor_test *t)
{
    return atomic_load_explicit(&t->done, memory_order_acquire);
}

/* Moves the virtual clock on until the body has ended. */
static inline void actor_test_drive(struct actor_test *t)
{
    while (!actor_test_done(t)) {
        ck_assert_int_eq(cop_ext_quiesce(ACTOR_TEST_LIMIT_NS), 0);
        if (!actor_test_done(t))
            ck_assert_int_eq(cop_ext_advance(ACTOR_TEST_TICK_NS), 0);
    }
}

static inline void actor_test(void (*body)(void *), const cop_config *cfg)
{
    static struct actor_test t;
    cop_config c = {.workers = 2};
    cop_stop_report report = {0};
    const char *workers = getenv("COP_TEST_WORKERS");
    const char *fork_mode = getenv("CK_FORK");
    cop_pid guardian;
    int err;

    if (fork_mode != NULL && strcmp(fork_mode, "no") == 0) {
        fprintf(stderr, "actor_test: cannot run with CK_FORK=no\n");
        abort();
    }
    if (cfg != NULL)
        c = *cfg;
    if (workers != NULL)
        c.workers = (unsigned)atoi(workers);
    t.body = body;
    atomic_store_explicit(&t.done, 0, memory_order_relaxed);
    ck_assert_int_eq(cop_start(&c), 0);
    ck_assert_int_eq(cop_spawn(&guardian, actor_test_guardian, &t, NULL), 0);
    if (c.virtual_time)
        actor_test_drive(&t);
    err = cop_call(guardian, ACTOR_TEST_WAIT, NULL, 0, NULL, 0,
                   cop_in(ACTOR_TEST_LIMIT_NS));
    ck_assert_msg(err == 0, "body did not end: %s", cop_error_str(err));
    ck_assert_msg(strcmp(t.ended_with, "normal") == 0, "body ended with %s",
                  t.ended_with);
    err = cop_stop(cop_in(c.virtual_time ? 0 : COP_SEC), &report);
    ck_assert_msg(err == 0 && report.stuck == 0, "stop: %s: %s",
                  cop_error_str(err), report.text);
}

#endif
