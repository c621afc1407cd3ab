/* SPDX-License-Identifier: MIT
 *
 * supervisor_backoff_test.c - the pause before a restart.
 */
#include <coppice.h>

#include "tests/support/sup.h"

/* Kills `k` and says how long it takes until it runs again, in ms. */
static int pause_after_crash(struct kid *k)
{
    int starts = atomic_load(&k->starts);
    cop_time before = cop_now();
    kid_send(k->pid, KID_CRASH, 0, "boom");
    while (atomic_load(&k->starts) == starts)
        cop_sleep(COP_MS);
    return (int)((cop_now() - before) / COP_MS);
}

static void pause_is(struct kid *k, int ms)
{
    int took = pause_after_crash(k);
    ck_assert_msg(took >= ms && took <= ms + 10, "%d instead of %d", took, ms);
}

static void body_grows_up_to_its_bound(void *arg)
{
    const cop_child kids[] = {SERVER(a, .backoff = {.min_ns = 100 * COP_MS,
                                                    .max_ns = 500 * COP_MS,
                                                    .reset_ns = 2 * COP_SEC})};
    const cop_sup spec = {.intensity = 20, CHILDREN(kids)};
    (void)arg;
    (void)up(&spec);
    pause_is(&a, 100);
    pause_is(&a, 200);
    pause_is(&a, 400);
    pause_is(&a, 500);
    pause_is(&a, 500);
    cop_sleep(2500 * COP_MS); /* long enough without a death */
    pause_is(&a, 100);
    pause_is(&a, 200);
}
KID_TEST(grows_up_to_its_bound, body_grows_up_to_its_bound)

static void body_factor(void *arg)
{
    const cop_child kids[] = {
        SERVER(a, .backoff = {.min_ns = 10 * COP_MS, .factor = 10}),
        SERVER(b, .backoff = {.min_ns = 50 * COP_MS, .factor = 1})};
    const cop_sup spec = {.intensity = 20, CHILDREN(kids)};
    (void)arg;
    (void)up(&spec);
    pause_is(&a, 10);
    pause_is(&a, 100);
    pause_is(&a, 1000); /* no bound */
    pause_is(&b, 50);
    pause_is(&b, 50);
}
KID_TEST(factor, body_factor)

static void body_restarting_meanwhile(void *arg)
{
    const cop_child kids[] = {SERVER(a, .backoff = {.min_ns = 100 * COP_MS}),
                              SERVER(b)};
    const cop_sup spec = {.intensity = 20, CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    crash(&a, "boom");
    which_is(s, "a=restarting b=up");
    ck_assert_int_eq(cop_sup_restart_child(s, NULL, "a", NULL),
                     COP_ERESTARTING);
    crash(&b, "boom"); /* the others do not wait */
    which_is(s, "a=restarting b=up");
    cop_sleep(200 * COP_MS);
    which_is(s, "a=up b=up");
    /* terminating it is the end of the pause */
    crash(&a, "boom");
    ck_assert_int_eq(cop_sup_terminate_child(s, "a"), 0);
    cop_sleep(COP_SEC);
    which_is(s, "a=undefined b=up");
    ck_assert_int_eq(cop_sup_restart_child(s, NULL, "a", NULL), 0);
    /* so is the end of the supervisor */
    crash(&a, "boom");
    stop(s);
}
KID_TEST(restarting_meanwhile, body_restarting_meanwhile)

static void body_failed_starts_count_and_wait(void *arg)
{
    const cop_child kids[] = {SERVER(a, .backoff = {.min_ns = 100 * COP_MS})};
    const cop_sup spec = {
        .intensity = 4, .period_ns = 60 * COP_SEC, CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    a.init = "ok,fail:one,fail:two,ok";
    crash(&a, "boom");
    cop_sleep(90 * COP_MS);
    notes_are("a start|a terminate boom|");
    cop_sleep(20 * COP_MS); /* 100 */
    notes_are("a fail:one|");
    cop_sleep(180 * COP_MS);
    notes_are("");
    cop_sleep(20 * COP_MS); /* 200 more */
    notes_are("a fail:two|");
    cop_sleep(COP_SEC); /* 400 more */
    notes_are("a start|");
    crash(&a, "boom"); /* the fourth restart is fine */
    cop_sleep(COP_SEC);
    which_is(s, "a=up");
    crash(&a, "boom");
    got_exit(s, "shutdown");
}
KID_TEST(failed_starts_count_and_wait, body_failed_starts_count_and_wait)

static void body_group_waits_too(void *arg)
{
    const cop_child kids[] = {
        SERVER(a), SERVER(b, .backoff = {.min_ns = 100 * COP_MS}), SERVER(c)};
    cop_sup spec = {
        .strategy = COP_ONE_FOR_ALL, .intensity = 20, CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    notes_forget();
    crash(&b, "boom");
    notes_are("b terminate boom|c terminate shutdown|a terminate shutdown|");
    which_is(s, "a=undefined b=restarting c=undefined");
    cop_sleep(200 * COP_MS);
    notes_are("a start|b start|c start|");
    stop(s);
    spec.strategy = COP_REST_FOR_ONE;
    s = up(&spec);
    notes_forget();
    crash(&b, "boom");
    notes_are("b terminate boom|c terminate shutdown|");
    which_is(s, "a=up b=restarting c=undefined");
    cop_sleep(200 * COP_MS);
    notes_are("b start|c start|");
}
KID_TEST(group_waits_too, body_group_waits_too)

static void body_jitter(void *arg)
{
    const cop_child kids[] = {SERVER(a, .backoff = {.min_ns = 1000 * COP_MS,
                                                    .factor = 1,
                                                    .jitter_percent = 50})};
    const cop_sup spec = {.intensity = 100, CHILDREN(kids)};
    int least = 1 << 30, most = 0;
    (void)arg;
    (void)up(&spec);
    for (int i = 0; i < 30; i++) {
        int took = pause_after_crash(&a);
        ck_assert_int_ge(took, 500);
        ck_assert_int_le(took, 1510);
        least = took < least ? took : least;
        most = took > most ? took : most;
    }
    ck_assert_int_lt(least, 750);
    ck_assert_int_gt(most, 1250);
}
KID_TEST(jitter, body_jitter)

static void body_of_an_instance(void *arg)
{
    const cop_child template[] = {{.id = "kid",
                                   .server = &kid_server,
                                   .arg = &a,
                                   .backoff = {.min_ns = 100 * COP_MS}}};
    const cop_sup spec = {.strategy = COP_SIMPLE_ONE_FOR_ONE,
                          .intensity = 20,
                          CHILDREN(template)};
    cop_pid s = up(&spec);
    (void)arg;
    ck_assert_int_eq(cop_sup_start_child(s, NULL, NULL, NULL), 0);
    pause_is(&a, 100);
    pause_is(&a, 200);
    crash(&a, "boom");
    which_is(s, "kid=restarting");
    ck_assert_int_eq(cop_sup_terminate_pid(s, a.pid), 0);
    cop_sleep(COP_SEC);
    which_is(s, "");
}
KID_TEST(of_an_instance, body_of_an_instance)

static const TTest *const cases[] = {
    grows_up_to_its_bound, factor,
    restarting_meanwhile,  failed_starts_count_and_wait,
    group_waits_too,       jitter,
    of_an_instance,
};
UNIT_MAIN("supervisor_backoff", cases)
