/* SPDX-License-Identifier: MIT
 *
 * supervisor_simple_test.c - simple_one_for_one: instances of one template.
 */
#include <coppice.h>

#include "tests/support/sup.h"

static const cop_child template[] = {
    {.id = "kid", .server = &kid_server, .shutdown_ns = 100 * COP_MS}};
static const cop_sup pool = {
    .strategy = COP_SIMPLE_ONE_FOR_ONE, .intensity = 5, CHILDREN(template)};

static int add(cop_pid s, struct kid *k)
{
    return cop_sup_start_child(s, NULL, &(cop_child){.arg = k}, NULL);
}

static void body_instances(void *arg)
{
    cop_pid s = up(&pool), pid, stranger;
    cop_child spec;
    (void)arg;
    which_is(s, "");
    counts_are(s, "1 0 0 0");
    ck_assert_int_eq(
        cop_sup_start_child(s, &pid, &(cop_child){.arg = &a}, NULL), 0);
    ck_assert(cop_pid_eq(pid, a.pid) && cop_pid_eq(a.parent, s));
    ck_assert_int_eq(add(s, &b), 0);
    which_is(s, "kid=up kid=up");
    counts_are(s, "1 2 0 2");
    /* what is only for the others */
    ck_assert_int_eq(cop_sup_terminate_child(s, "kid"), COP_ESIMPLE);
    ck_assert_int_eq(cop_sup_restart_child(s, NULL, "kid", NULL), COP_ESIMPLE);
    ck_assert_int_eq(cop_sup_delete_child(s, "kid"), COP_ESIMPLE);
    ck_assert_int_eq(cop_sup_get_childspec(s, "kid", &spec), 0);
    ck_assert(spec.id == template[0].id);
    ck_assert_int_eq(cop_sup_get_childspec(s, "x", &spec), COP_ENOENT);
    /* by pid */
    ck_assert_int_eq(cop_sup_terminate_pid(s, pid), 0);
    which_is(s, "kid=up");
    ck_assert_int_eq(cop_sup_terminate_pid(s, pid), 0); /* dead: as in OTP */
    ck_assert_int_eq(cop_spawn(&stranger, kid_actor, &c, NULL), 0);
    ck_assert_int_eq(cop_sup_terminate_pid(s, stranger), COP_ENOENT);
}
KID_TEST(instances, body_instances)

static void body_start_fails_or_is_ignored(void *arg)
{
    cop_pid s = up(&pool);
    cop_reason why;
    (void)arg;
    a.init = "fail:boom,ignore,ok";
    ck_assert_int_eq(
        cop_sup_start_child(s, NULL, &(cop_child){.arg = &a}, &why),
        COP_EFAILED);
    reason_was(why, "boom");
    ck_assert_int_eq(add(s, &a), COP_EIGNORE);
    which_is(s, "");
    ck_assert_int_eq(add(s, &a), 0);
    which_is(s, "kid=up");
}
KID_TEST(start_fails_or_is_ignored, body_start_fails_or_is_ignored)

static void body_restarts_with_its_argument(void *arg)
{
    cop_pid s = up(&pool), old;
    (void)arg;
    ck_assert_int_eq(add(s, &a), 0);
    ck_assert_int_eq(add(s, &b), 0);
    old = a.pid;
    notes_forget();
    crash(&a, "boom");
    notes_are("a terminate boom|a start|");
    which_is(s, "kid=up kid=up");
    ck_assert_int_eq(cop_sup_terminate_pid(s, old), 0); /* nobody's */
    counts_are(s, "1 2 0 2");
    for (int i = 0; i < 5; i++)
        crash(&b, "boom");
    got_exit(s, "shutdown");
}
KID_TEST(restarts_with_its_argument, body_restarts_with_its_argument)

static void body_restarting_instance(void *arg)
{
    cop_pid s = up(&pool), old;
    (void)arg;
    a.init = "ok,fail:one+";
    a.init_ns = 300 * COP_MS;
    ck_assert_int_eq(add(s, &a), 0);
    ck_assert_int_eq(add(s, &b), 0);
    old = a.pid;
    crash(&a, "boom");
    which_is(s, "kid=restarting kid=up"); /* between the first two tries */
    counts_are(s, "1 1 0 2");
    ck_assert_int_eq(cop_sup_terminate_pid(s, old), 0); /* no more tries */
    which_is(s, "kid=up");
    cop_sleep(COP_SEC);
    which_is(s, "kid=up");
}
KID_TEST(restarting_instance, body_restarting_instance)

static void body_temporary_instances_go(void *arg)
{
    const cop_child temporary[] = {
        {.id = "kid", .server = &kid_server, .restart = COP_TEMPORARY}};
    const cop_sup spec = {.strategy = COP_SIMPLE_ONE_FOR_ONE,
                          CHILDREN(temporary)};
    cop_pid s = up(&spec);
    (void)arg;
    ck_assert_int_eq(add(s, &a), 0);
    ck_assert_int_eq(add(s, &b), 0);
    crash(&a, "boom");
    which_is(s, "kid=up");
    counts_are(s, "1 1 0 1");
}
KID_TEST(temporary_instances_go, body_temporary_instances_go)

static void body_auto_shutdown(void *arg)
{
    const cop_child significant[] = {{.id = "kid",
                                      .server = &kid_server,
                                      .restart = COP_TEMPORARY,
                                      .significant = true}};
    const cop_sup spec = {.strategy = COP_SIMPLE_ONE_FOR_ONE,
                          .auto_shutdown = COP_AUTO_ALL,
                          CHILDREN(significant)};
    cop_pid s = up(&spec);
    (void)arg;
    ck_assert_int_eq(add(s, &a), 0);
    ck_assert_int_eq(add(s, &b), 0);
    crash(&a, "normal");
    which_is(s, "kid=up");
    crash(&b, "boom");
    got_exit(s, "shutdown");
}
KID_TEST(auto_shutdown, body_auto_shutdown)

static void body_stops_all_at_once(void *arg)
{
    cop_pid s = up(&pool);
    cop_time before;
    (void)arg;
    ck_assert_int_eq(add(s, &a), 0);
    ck_assert_int_eq(add(s, &b), 0);
    ck_assert_int_eq(add(s, &c), 0);
    ck_assert_int_eq(add(s, &d), 0);
    a.terminate_ns = b.terminate_ns = 50 * COP_MS;
    c.terminate_ns = d.terminate_ns = COP_SEC; /* too slow: killed */
    kid_send(b.pid, KID_UNLINK, 0, NULL);
    settle();
    before = cop_now();
    stop(s);
    ck_assert_int_ge(cop_now() - before, 100 * COP_MS);
    ck_assert_int_lt(cop_now() - before, 110 * COP_MS); /* one timer */
    ck_assert(!cop_is_alive(a.pid) && !cop_is_alive(b.pid));
    ck_assert(!cop_is_alive(c.pid) && !cop_is_alive(d.pid));
}
KID_TEST(stops_all_at_once, body_stops_all_at_once)

static void shows_number(void *arg)
{
    note("number %d", *(int *)arg);
}

static void body_argument_is_copied(void *arg)
{
    const cop_child one[] = {
        {.id = "n", .fn = shows_number, .restart = COP_TEMPORARY}};
    const cop_sup spec = {.strategy = COP_SIMPLE_ONE_FOR_ONE, CHILDREN(one)};
    cop_pid s = up(&spec);
    (void)arg;
    for (int i = 0; i < 3; i++) {
        const cop_child c1 = {.arg = &i, .arg_bytes = sizeof i};
        ck_assert_int_eq(cop_sup_start_child(s, NULL, &c1, NULL), 0);
        settle();
    }
    notes_are("number 0|number 1|number 2|");
    which_is(s, "");
}
KID_TEST(argument_is_copied, body_argument_is_copied)

static void waits(void *arg)
{
    const cop_msg *m;
    (void)arg;
    if (cop_recv_tag(&m, KID_CRASH, COP_FOREVER) == 0)
        cop_exit(cop_because("boom"));
}

/* Starting, restarting, ending and stopping must not look at all the others:
 * with 20,000 that would be seen. */
enum { MANY = 20000 };

static void body_many(void *arg)
{
    static cop_pid pids[MANY];
    static cop_child_info info[MANY];
    const cop_child one[] = {{.id = "n", .fn = waits}};
    const cop_sup spec = {
        .strategy = COP_SIMPLE_ONE_FOR_ONE, .intensity = MANY, CHILDREN(one)};
    cop_pid s = up(&spec);
    (void)arg;
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(cop_sup_start_child(s, &pids[i], NULL, NULL), 0);
    for (int i = 0; i < MANY; i += 2)
        kid_send(pids[i], KID_CRASH, 0, NULL);
    for (int i = 1; i < MANY; i += 2)
        ck_assert_int_eq(cop_sup_terminate_pid(s, pids[i]), 0);
    cop_sleep(50 * COP_MS);
    ck_assert_int_eq(cop_sup_which_children(s, info, MANY), MANY / 2);
    for (int i = 0; i < MANY / 2; i++)
        ck_assert(info[i].state == COP_CHILD_UP && info[i].restarts == 1);
    stop(s);
    for (int i = 0; i < MANY / 2; i++)
        ck_assert(!cop_is_alive(info[i].pid));
}
KID_TEST(many, body_many)

/* Requests that queue up: each start waits in a mailbox that is long. */
static void body_many_failing_starts(void *arg)
{
    const cop_child one[] = {{.id = "n", .server = &kid_server, .arg = &a}};
    const cop_sup spec = {.strategy = COP_SIMPLE_ONE_FOR_ONE, CHILDREN(one)};
    cop_pid s = up(&spec);
    (void)arg;
    a.init = "fail:x+";
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(cop_send(s, KID_NOTE, NULL, 0), 0);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(cop_sup_start_child(s, NULL, NULL, NULL), COP_EFAILED);
    which_is(s, "");
}
KID_TEST(many_failing_starts, body_many_failing_starts)

static const TTest *const cases[] = {
    instances,           start_fails_or_is_ignored, restarts_with_its_argument,
    restarting_instance, temporary_instances_go,    auto_shutdown,
    stops_all_at_once,   argument_is_copied,        many,
    many_failing_starts,
};
UNIT_MAIN("supervisor_simple", cases)
