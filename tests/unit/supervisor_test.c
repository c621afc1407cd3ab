/* SPDX-License-Identifier: MIT
 *
 * supervisor_test.c - supervisors: starting, restarting, giving up, stopping.
 */
#include <coppice.h>

#include "tests/support/sup.h"

/* ------------------------------------------------------- start and stop -- */

static void body_starts_in_order_stops_in_reverse(void *arg)
{
    const cop_child kids[] = {SERVER(a), SERVER(b), SERVER(c)};
    const cop_sup spec = {CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    notes_are("a start|b start|c start|");
    ck_assert(cop_pid_eq(a.parent, s));
    which_is(s, "a=up b=up c=up");
    counts_are(s, "3 3 0 3");
    stop(s);
    notes_are("c terminate shutdown|b terminate shutdown|"
              "a terminate shutdown|");
}
KID_TEST(starts_in_order_stops_in_reverse,
         body_starts_in_order_stops_in_reverse)

static void body_stops_one_after_another(void *arg)
{
    const cop_child kids[] = {SERVER(a), SERVER(b)};
    const cop_sup spec = {CHILDREN(kids)};
    cop_pid s = up(&spec);
    cop_time before = cop_now();
    (void)arg;
    a.terminate_ns = b.terminate_ns = 100 * COP_MS;
    stop(s);
    ck_assert_int_ge(cop_now() - before, 200 * COP_MS);
}
KID_TEST(stops_one_after_another, body_stops_one_after_another)

static void body_start_fails(void *arg)
{
    const cop_child kids[] = {SERVER(a), SERVER(b), SERVER(c), SERVER(d)};
    const cop_sup spec = {CHILDREN(kids)};
    const cop_opts opts = {.name = "sup"};
    cop_reason why;
    cop_pid s;
    (void)arg;
    c.init = "fail:boom";
    cop_trap_exit(true);
    ck_assert_int_eq(cop_sup_start(&s, &spec, &opts, &why), COP_EDOWN);
    reason_was(why, "{shutdown, failed_to_start_child}");
    ck_assert(cop_pid_is_none(cop_whereis("sup")));
    mailbox_is_empty();
    notes_are("a start|b start|c fail:boom|b terminate shutdown|"
              "a terminate shutdown|");
    /* and again, now that c comes up */
    ck_assert_int_eq(cop_sup_start(&s, &spec, &opts, &why), 0);
    notes_are("a start|b start|c start|d start|");
}
KID_TEST(start_fails, body_start_fails)

static void body_ignored_children(void *arg)
{
    const cop_child kids[] = {SERVER(a), SERVER(b, .restart = COP_TEMPORARY),
                              SERVER(c)};
    const cop_sup spec = {CHILDREN(kids)};
    cop_pid s;
    (void)arg;
    a.init = b.init = "ignore";
    s = up(&spec);
    notes_are("a ignore|b ignore|c start|");
    which_is(s, "a=undefined c=up");
    counts_are(s, "2 1 0 2");
}
KID_TEST(ignored_children, body_ignored_children)

static void body_name_is_taken(void *arg)
{
    const cop_child kids[] = {SERVER(a)};
    const cop_sup spec = {CHILDREN(kids)};
    const cop_opts opts = {.name = "sup"};
    cop_pid s, other;
    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(cop_sup_start(&s, &spec, &opts, NULL), 0);
    ck_assert_int_eq(cop_sup_start(&other, &spec, &opts, NULL), COP_ESTARTED);
    ck_assert(cop_pid_eq(s, other));
    notes_are("a start|");
}
KID_TEST(name_is_taken, body_name_is_taken)

static void body_name_of_a_child_moves_on(void *arg)
{
    const cop_child kids[] = {SERVER(a, .opts.name = "svc"),
                              SERVER(b, .opts.name = "svc")};
    const cop_sup one = {.children = kids, .nchildren = 1};
    const cop_sup clash = {CHILDREN(kids)};
    cop_reason why;
    cop_pid s = up(&one);
    (void)arg;
    ck_assert(cop_pid_eq(cop_whereis("svc"), a.pid));
    crash(&a, "boom");
    ck_assert(cop_pid_eq(cop_whereis("svc"), a.pid));
    ck_assert(cop_is_alive(a.pid));
    /* a name that somebody else has is a failed start */
    ck_assert_int_eq(cop_sup_start(&s, &clash, NULL, &why), COP_EDOWN);
    reason_was(why, "{shutdown, failed_to_start_child}");
}
KID_TEST(name_of_a_child_moves_on, body_name_of_a_child_moves_on)

static void body_shutdown_kinds(void *arg)
{
    const cop_child kids[] = {
        SERVER(a, .shutdown_ns = COP_BRUTAL_KILL),
        SERVER(b, .shutdown_ns = 100 * COP_MS),
        SERVER(c, .shutdown_ns = COP_FOREVER),
    };
    const cop_sup spec = {CHILDREN(kids)};
    cop_pid s = up(&spec);
    cop_time before = cop_now();
    cop_ref ra, rb, rc;
    const cop_msg *m;
    (void)arg;
    notes_forget();
    b.terminate_ns = 10 * COP_SEC;
    c.terminate_ns = 20 * COP_SEC;
    ck_assert_int_eq(cop_monitor(&ra, a.pid), 0);
    ck_assert_int_eq(cop_monitor(&rb, b.pid), 0);
    ck_assert_int_eq(cop_monitor(&rc, c.pid), 0);
    stop(s);
    ck_assert_int_ge(cop_now() - before, 20 * COP_SEC + 100 * COP_MS);
    ck_assert_int_lt(cop_now() - before, 21 * COP_SEC);
    notes_are("c terminate shutdown|b terminate shutdown|");
    ck_assert_int_eq(cop_recv_ref(&m, rc, COP_FOREVER), 0);
    reason_is(cop_msg_reason(m), "shutdown");
    ck_assert_int_eq(cop_recv_ref(&m, rb, COP_FOREVER), 0);
    reason_is(cop_msg_reason(m), "killed");
    ck_assert_int_eq(cop_recv_ref(&m, ra, COP_FOREVER), 0);
    reason_is(cop_msg_reason(m), "killed");
}
KID_TEST(shutdown_kinds, body_shutdown_kinds)

static void body_shutdown_is_five_seconds(void *arg)
{
    const cop_child kids[] = {ACTOR(a)}; /* traps, and does not go */
    const cop_sup spec = {CHILDREN(kids)};
    cop_pid s = up(&spec);
    cop_time before;
    (void)arg;
    settle();
    before = cop_now();
    stop(s);
    ck_assert_int_ge(cop_now() - before, 5 * COP_SEC);
    ck_assert_int_lt(cop_now() - before, 6 * COP_SEC);
    notes_are("a start|a got EXIT shutdown|");
}
KID_TEST(shutdown_is_five_seconds, body_shutdown_is_five_seconds)

/* -------------------------------------------------------------- restart -- */

static void body_one_for_one(void *arg)
{
    const cop_child kids[] = {SERVER(a), SERVER(b), SERVER(c)};
    const cop_sup spec = {CHILDREN(kids)};
    cop_pid s = up(&spec), old = b.pid;
    (void)arg;
    notes_forget();
    crash(&b, "boom");
    notes_are("b terminate boom|b start|");
    ck_assert(!cop_pid_eq(old, b.pid));
    which_is(s, "a=up b=up c=up");
}
KID_TEST(one_for_one, body_one_for_one)

static void body_one_for_all(void *arg)
{
    const cop_child kids[] = {SERVER(a), SERVER(b), SERVER(c)};
    const cop_sup spec = {.strategy = COP_ONE_FOR_ALL, CHILDREN(kids)};
    (void)arg;
    (void)up(&spec);
    notes_forget();
    crash(&b, "boom");
    notes_are("b terminate boom|c terminate shutdown|a terminate shutdown|"
              "a start|b start|c start|");
}
KID_TEST(one_for_all, body_one_for_all)

static void body_rest_for_one(void *arg)
{
    const cop_child kids[] = {SERVER(a), SERVER(b), SERVER(c), SERVER(d)};
    const cop_sup spec = {.strategy = COP_REST_FOR_ONE, CHILDREN(kids)};
    (void)arg;
    (void)up(&spec);
    notes_forget();
    crash(&b, "boom");
    notes_are("b terminate boom|d terminate shutdown|c terminate shutdown|"
              "b start|c start|d start|");
}
KID_TEST(rest_for_one, body_rest_for_one)

static void body_restart_types(void *arg)
{
    const cop_child kids[] = {SERVER(a), SERVER(b, .restart = COP_TRANSIENT),
                              SERVER(c, .restart = COP_TEMPORARY)};
    const cop_sup spec = {.intensity = 10, CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    notes_forget();
    crash(&a, "normal");
    crash(&a, "shutdown:why");
    notes_are("a terminate normal|a start|a terminate {shutdown, why}|"
              "a start|");
    crash(&b, "boom");
    notes_are("b terminate boom|b start|");
    crash(&b, "shutdown:why");
    notes_are("b terminate {shutdown, why}|");
    crash(&c, "boom");
    notes_are("c terminate boom|");
    which_is(s, "a=up b=undefined");
    ck_assert_int_eq(cop_sup_restart_child(s, NULL, "b", NULL), 0);
    crash(&b, "normal");
    crash(&a, "boom");
    which_is(s, "a=up b=undefined");
}
KID_TEST(restart_types, body_restart_types)

static void body_default_intensity(void *arg)
{
    const cop_child kids[] = {SERVER(a), SERVER(b)};
    const cop_sup spec = {CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    notes_forget();
    crash(&b, "boom");
    notes_are("b terminate boom|b start|");
    crash(&a, "oops"); /* all children count */
    notes_are("a terminate oops|b terminate shutdown|");
    got_exit(s, "shutdown");
    mailbox_is_empty();
}
KID_TEST(default_intensity, body_default_intensity)

static void body_intensity_and_period(void *arg)
{
    const cop_child kids[] = {SERVER(a)};
    const cop_sup spec = {
        .intensity = 3, .period_ns = 10 * COP_SEC, CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    for (int i = 0; i < 10; i++) { /* three in any ten seconds */
        crash(&a, "boom");
        cop_sleep(3500 * COP_MS);
    }
    ck_assert(cop_is_alive(s));
    crash(&a, "boom");
    crash(&a, "boom");
    got_exit(s, "shutdown");
}
KID_TEST(intensity_and_period, body_intensity_and_period)

/* A restart exactly a period ago still counts. */
static void body_edge_of_the_period(void *arg)
{
    const cop_child kids[] = {SERVER(a)};
    const cop_sup spec = {CHILDREN(kids)};
    cop_pid s = up(&spec);
    cop_time at = cop_now();
    (void)arg;
    for (int i = 0; i < 2; i++) {
        crash(&a, "boom");
        at += 5 * COP_SEC + 1 - i;
        cop_sleep_until(at);
    }
    ck_assert(cop_is_alive(s));
    crash(&a, "boom");
    got_exit(s, "shutdown");
}
KID_TEST(edge_of_the_period, body_edge_of_the_period)

static void body_intensity_zero(void *arg)
{
    const cop_child kids[] = {SERVER(a)};
    const cop_sup spec = {.intensity = COP_INTENSITY_ZERO, CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    crash(&a, "boom");
    got_exit(s, "shutdown");
}
KID_TEST(intensity_zero, body_intensity_zero)

static void body_large_intensity(void *arg)
{
    const cop_child kids[] = {SERVER(a)};
    const cop_sup spec = {.intensity = 100, CHILDREN(kids)};
    cop_pid s = up(&spec);
    cop_child_info info;
    (void)arg;
    for (int i = 0; i < 100; i++)
        crash(&a, "boom");
    ck_assert(cop_is_alive(s));
    ck_assert_int_eq(cop_sup_which_children(s, &info, 1), 1);
    ck_assert_uint_eq(info.restarts, 100);
    crash(&a, "boom");
    got_exit(s, "shutdown");
}
KID_TEST(large_intensity, body_large_intensity)

static void body_failed_restart_is_tried_again(void *arg)
{
    const cop_child kids[] = {SERVER(a), SERVER(b)};
    const cop_sup spec = {.intensity = 3, CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    notes_forget();
    a.init = "ok,fail:one,fail:two,ok";
    crash(&a, "boom"); /* one restart and two more tries */
    notes_are("a terminate boom|a fail:one|a fail:two|a start|");
    which_is(s, "a=up b=up");
    crash(&b, "boom"); /* the fourth */
    notes_are("b terminate boom|a terminate shutdown|");
    got_exit(s, "shutdown");
}
KID_TEST(failed_restart_is_tried_again, body_failed_restart_is_tried_again)

static void body_failure_for_good(void *arg)
{
    const cop_child kids[] = {SERVER(a), SERVER(b), SERVER(c)};
    const cop_sup spec = {.intensity = 2, CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    notes_forget();
    b.init = "ok,fail:no+";
    crash(&b, "boom");
    notes_are("b terminate boom|b fail:no|b fail:no|c terminate shutdown|"
              "a terminate shutdown|");
    got_exit(s, "shutdown");
}
KID_TEST(failure_for_good, body_failure_for_good)

static void body_rest_for_one_resumes(void *arg)
{
    const cop_child kids[] = {SERVER(a), SERVER(b), SERVER(c), SERVER(d)};
    const cop_sup spec = {
        .strategy = COP_REST_FOR_ONE, .intensity = 5, CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    notes_forget();
    c.init = "ok,fail:one,fail:two,ok";
    crash(&b, "boom");
    notes_are("b terminate boom|d terminate shutdown|c terminate shutdown|"
              "b start|c fail:one|c fail:two|c start|d start|");
    which_is(s, "a=up b=up c=up d=up");
}
KID_TEST(rest_for_one_resumes, body_rest_for_one_resumes)

static void body_one_for_all_begins_again(void *arg)
{
    const cop_child kids[] = {SERVER(a), SERVER(b), SERVER(c)};
    const cop_sup spec = {
        .strategy = COP_ONE_FOR_ALL, .intensity = 5, CHILDREN(kids)};
    (void)arg;
    (void)up(&spec);
    notes_forget();
    b.init = "ok,fail:one,ok";
    crash(&c, "boom");
    notes_are("c terminate boom|b terminate shutdown|a terminate shutdown|"
              "a start|b fail:one|a terminate shutdown|"
              "a start|b start|c start|");
}
KID_TEST(one_for_all_begins_again, body_one_for_all_begins_again)

static void body_revives_and_forgets(void *arg)
{
    const cop_child kids[] = {SERVER(a, .restart = COP_TRANSIENT),
                              SERVER(b, .restart = COP_TEMPORARY), SERVER(c),
                              SERVER(d), SERVER(e)};
    const cop_sup spec = {
        .strategy = COP_ONE_FOR_ALL, .intensity = 5, CHILDREN(kids)};
    cop_pid s;
    (void)arg;
    d.init = "ignore,ok";
    s = up(&spec);
    crash(&a, "normal");
    ck_assert_int_eq(cop_sup_terminate_child(s, "e"), 0);
    which_is(s, "a=undefined b=up c=up d=undefined e=undefined");
    notes_forget();
    crash(&c, "boom");
    notes_are("c terminate boom|b terminate shutdown|a start|c start|d start|"
              "e start|");
    which_is(s, "a=up c=up d=up e=up");
}
KID_TEST(revives_and_forgets, body_revives_and_forgets)

static void body_rest_for_one_revives(void *arg)
{
    const cop_child kids[] = {SERVER(a, .restart = COP_TRANSIENT), SERVER(b),
                              SERVER(c, .restart = COP_TEMPORARY), SERVER(d)};
    const cop_sup spec = {
        .strategy = COP_REST_FOR_ONE, .intensity = 5, CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    crash(&a, "normal"); /* before b: stays as it is */
    ck_assert_int_eq(cop_sup_terminate_child(s, "d"), 0);
    notes_forget();
    crash(&b, "boom");
    notes_are("b terminate boom|c terminate shutdown|b start|d start|");
    which_is(s, "a=undefined b=up d=up");
    crash(&b, "boom");
    /* a temporary one that dies takes nobody along */
}
KID_TEST(rest_for_one_revives, body_rest_for_one_revives)

static void body_first_of_one_for_all_is_temporary(void *arg)
{
    const cop_child kids[] = {SERVER(a, .restart = COP_TEMPORARY),
                              SERVER(b, .restart = COP_TEMPORARY), SERVER(c)};
    const cop_sup spec = {
        .strategy = COP_ONE_FOR_ALL, .intensity = 5, CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    notes_forget();
    crash(&b, "boom");
    notes_are("b terminate boom|");
    crash(&c, "boom");
    notes_are("c terminate boom|a terminate shutdown|c start|");
    which_is(s, "c=up");
}
KID_TEST(first_of_one_for_all_is_temporary,
         body_first_of_one_for_all_is_temporary)

static void body_ignored_restart(void *arg)
{
    const cop_child kids[] = {SERVER(a)};
    const cop_sup spec = {CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    a.init = "ok,ignore";
    crash(&a, "boom");
    which_is(s, "a=undefined");
    ck_assert_int_eq(cop_sup_restart_child(s, NULL, "a", NULL), 0);
    which_is(s, "a=up");
}
KID_TEST(ignored_restart, body_ignored_restart)

static void body_two_die_at_once(void *arg)
{
    const cop_child kids[] = {SERVER(a), SERVER(b), SERVER(c)};
    const cop_sup spec = {.strategy = COP_ONE_FOR_ALL, CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    a.terminate_ns = c.terminate_ns = COP_MS;
    kid_send(a.pid, KID_CRASH, 0, "boom");
    kid_send(c.pid, KID_CRASH, 0, "boom");
    settle();
    settle();
    which_is(s, "a=up b=up c=up"); /* one death is one restart */
    counts_are(s, "3 3 0 3");
}
KID_TEST(two_die_at_once, body_two_die_at_once)

static const TTest *const cases[] = {
    starts_in_order_stops_in_reverse,
    stops_one_after_another,
    start_fails,
    ignored_children,
    name_is_taken,
    name_of_a_child_moves_on,
    shutdown_kinds,
    shutdown_is_five_seconds,
    one_for_one,
    one_for_all,
    rest_for_one,
    restart_types,
    default_intensity,
    intensity_and_period,
    edge_of_the_period,
    intensity_zero,
    large_intensity,
    failed_restart_is_tried_again,
    failure_for_good,
    rest_for_one_resumes,
    one_for_all_begins_again,
    revives_and_forgets,
    rest_for_one_revives,
    first_of_one_for_all_is_temporary,
    ignored_restart,
    two_die_at_once,
};
UNIT_MAIN("supervisor", cases)
