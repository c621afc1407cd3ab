/* SPDX-License-Identifier: MIT
 *
 * kept_test.c - the monitor that an actor keeps from call to call: nobody sees
 * it, and every call ends as if it had one of its own.
 */
#include "tests/support/actor_test.h"
#include "tests/support/unit.h"

enum { ECHO = 1, NEVER, DIE, LATE, SOLE, GO, CHECK, ROUND };

static void server(void *arg)
{
    const cop_msg *m;
    cop_from late = {0};
    (void)arg;
    while (cop_recv(&m, COP_FOREVER) == 0) {
        switch (cop_msg_tag(m)) {
        case ECHO:
            (void)cop_reply(cop_msg_from(m), cop_msg_body(m), cop_msg_size(m));
            break;
        case DIE:
            cop_exit(cop_because_fmt("boom", "%d", 7));
        case LATE:
            late = cop_msg_from(m);
            break;
        case GO: {
            int rc = cop_reply(late, NULL, 0);
            (void)cop_send(cop_msg_sender(m), GO, &rc, sizeof rc);
            break;
        }
        default:
            break;
        }
    }
}

static cop_pid start(void)
{
    cop_pid p;
    ck_assert_int_eq(cop_spawn(&p, server, NULL, NULL), 0);
    return p;
}

static int call(cop_pid p, cop_tag tag, cop_time ms)
{
    return cop_call(p, tag, NULL, 0, NULL, 0, cop_in(ms * COP_MS));
}

/* From the second one on the monitor is kept. */
static void call_often(cop_pid p)
{
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(call(p, ECHO, 20000), 0);
}

static void expect_empty(void)
{
    const cop_msg *m;
    ck_assert_int_eq(cop_recv(&m, COP_POLL), COP_ETIMEDOUT);
}

/* Sees p's death by a monitor of its own, and nothing else. */
static void kill_and_see(cop_pid p)
{
    const cop_msg *m;
    cop_ref ref;
    ck_assert_int_eq(cop_monitor(&ref, p), 0);
    ck_assert_int_eq(cop_exit_signal(p, COP_KILL), 0);
    ck_assert_int_eq(cop_recv(&m, cop_in(20 * COP_SEC)), 0);
    ck_assert_uint_eq(cop_msg_tag(m), COP_DOWN);
    ck_assert(cop_msg_ref(m).id == ref.id);
    ck_assert(cop_msg_sender(m).id == p.id);
    ck_assert_int_eq(cop_reason_kind(cop_msg_reason(m)), COP_R_KILLED);
    cop_sleep(COP_MS);
    expect_empty();
}

static void body_unseen(void *arg)
{
    cop_info i;
    (void)arg;
    cop_pid p = start();
    call_often(p);
    ck_assert_int_eq(cop_info_get(cop_self(), &i), 0);
    ck_assert_uint_eq(i.monitors, 0);
    ck_assert_int_eq(cop_info_get(p, &i), 0);
    ck_assert_uint_eq(i.monitored_by, 0);
    expect_empty();
}
START_TEST(no_observer_sees_it)
{
    actor_test(body_unseen, NULL);
}
END_TEST

static void body_between(void *arg)
{
    (void)arg;
    cop_pid p = start();
    call_often(p);
    kill_and_see(p);
    ck_assert_int_eq(call(p, ECHO, 20000), COP_ENOPROC);
    ck_assert_int_eq(call(p, ECHO, 20000), COP_ENOPROC);
    expect_empty();
    call_often(start());
}
START_TEST(a_callee_that_dies_between_calls)
{
    actor_test(body_between, NULL);
}
END_TEST

static void body_during(void *arg)
{
    char text[COP_REASON_TEXT];
    (void)arg;
    cop_pid p = start();
    call_often(p);
    ck_assert_int_eq(call(p, DIE, 20000), COP_EDOWN);
    ck_assert_str_eq(cop_reason_str(cop_call_reason(), text, sizeof text),
                     "{boom, \"7\"}");
    ck_assert_int_eq(call(p, ECHO, 20000), COP_ENOPROC);
    expect_empty();
}
START_TEST(a_callee_that_dies_in_a_call)
{
    actor_test(body_during, NULL);
}
END_TEST

/* Ends the actor that it is told of, and answers when that is dead. */
static void kills_for_others(void *arg)
{
    const cop_msg *m;
    (void)arg;
    while (cop_recv(&m, COP_FOREVER) == 0) {
        cop_from from = cop_msg_from(m);
        kill_and_see(*cop_msg_as(m, cop_pid));
        cop_sleep(5 * COP_MS); /* the caller hears of it before the answer */
        (void)cop_reply(from, NULL, 0);
    }
}

static void body_other(void *arg)
{
    cop_pid killer;
    (void)arg;
    ck_assert_int_eq(cop_spawn(&killer, kills_for_others, NULL, NULL), 0);
    for (int i = 0; i < 3; i++) {
        cop_pid p = start();
        call_often(p);
        ck_assert_int_eq(cop_call(killer, ROUND, &p, sizeof p, NULL, 0,
                                  cop_in(20 * COP_SEC)),
                         0);
        expect_empty();
    }
}
START_TEST(the_last_callee_dies_in_a_call_of_another)
{
    actor_test(body_other, NULL);
}
END_TEST

/* The signal ends the callee before the call arrives: there is no process. */
static void body_before(void *arg)
{
    (void)arg;
    for (int i = 0; i < 300; i++) {
        cop_pid p = start();
        call_often(p);
        ck_assert_int_eq(cop_exit_signal(p, COP_KILL), 0);
        ck_assert_int_eq(call(p, ECHO, 20000), COP_ENOPROC);
        expect_empty();
    }
}
START_TEST(a_callee_that_was_killed_just_before)
{
    actor_test(body_before, NULL);
}
END_TEST

static void body_two(void *arg)
{
    (void)arg;
    cop_pid a = start(), b = start();
    call_often(a);
    ck_assert_int_eq(call(b, ECHO, 20000), 0);
    ck_assert_int_eq(call(a, ECHO, 20000), 0);
    ck_assert_int_eq(call(b, ECHO, 20000), 0);
    ck_assert_int_eq(call(a, DIE, 20000), COP_EDOWN);
    call_often(b);
    a = start();
    call_often(a);
    kill_and_see(b);
    ck_assert_int_eq(call(a, DIE, 20000), COP_EDOWN);
    expect_empty();
}
START_TEST(calls_of_two_in_turn)
{
    actor_test(body_two, NULL);
}
END_TEST

static void body_late(void *arg)
{
    const cop_msg *m;
    (void)arg;
    cop_pid p = start();
    call_often(p);
    ck_assert_int_eq(call(p, LATE, 5), COP_ETIMEDOUT);
    ck_assert_int_eq(cop_send(p, GO, NULL, 0), 0);
    ck_assert_int_eq(cop_recv(&m, cop_in(20 * COP_SEC)), 0);
    ck_assert_uint_eq(cop_msg_tag(m), GO);
    ck_assert_int_eq(*cop_msg_as(m, int), COP_EREPLIED);
    ck_assert_int_eq(call(p, NEVER, 5), COP_ETIMEDOUT);
    call_often(p);
    ck_assert_int_eq(call(p, NEVER, 5), COP_ETIMEDOUT);
    kill_and_see(p);
}
START_TEST(a_call_that_is_given_up)
{
    actor_test(body_late, NULL);
}
END_TEST

/* -------------------------------------------------------------- callers -- */

static _Atomic int ready, right, wrong;

static void caller_message(void *state, const cop_msg *m)
{
    cop_pid *to = state;
    switch (cop_msg_tag(m)) {
    case GO:
        *to = *cop_msg_as(m, cop_pid);
        for (int i = 0; i < 3; i++) {
            if (cop_call(*to, ECHO, NULL, 0, NULL, 0, COP_FOREVER) != 0)
                atomic_fetch_add(&wrong, 1);
        }
        atomic_fetch_add(&ready, 1);
        break;
    case CHECK:
        if (cop_call(*to, ECHO, NULL, 0, NULL, 0, COP_FOREVER) == COP_ENOPROC)
            atomic_fetch_add(&right, 1);
        break;
    default:
        atomic_fetch_add(&wrong, 1);
    }
}

static const cop_handler caller = {.state_bytes = sizeof(cop_pid),
                                   .message = caller_message};

static void wait_for(_Atomic int *what, int n)
{
    for (int i = 0; i < 20000 && atomic_load(what) < n; i++)
        cop_sleep(COP_MS);
    ck_assert_int_eq(atomic_load(what), n);
}

static void body_many(void *arg)
{
    enum { MANY = 10000 };
    static cop_pid who[MANY];
    cop_info i;
    (void)arg;
    cop_pid p = start();
    for (int k = 0; k < MANY; k++) {
        ck_assert_int_eq(cop_spawn_handler(&who[k], &caller, NULL, NULL), 0);
        ck_assert_int_eq(cop_send(who[k], GO, &p, sizeof p), 0);
    }
    wait_for(&ready, MANY);
    ck_assert_int_eq(cop_info_get(p, &i), 0);
    ck_assert_uint_eq(i.monitored_by, 0);
    for (int k = 0; k < MANY; k += 2) /* half of them end before */
        ck_assert_int_eq(cop_exit_signal(who[k], COP_KILL), 0);
    kill_and_see(p);
    for (int k = 1; k < MANY; k += 2)
        ck_assert_int_eq(cop_send(who[k], CHECK, NULL, 0), 0);
    wait_for(&right, MANY / 2);
    ck_assert_int_eq(atomic_load(&wrong), 0);
}
START_TEST(many_callers_and_the_death_of_the_callee)
{
    actor_test(body_many, NULL);
}
END_TEST

static void sleeper(void *arg)
{
    const cop_msg *m;
    if (arg != NULL || cop_recv(&m, COP_POLL) != 0 || cop_msg_tag(m) != GO)
        atomic_fetch_add(&wrong, 1);
    atomic_fetch_add(&right, 1);
}
static void caller_that_sleeps(void *arg)
{
    call_often(*(cop_pid *)arg);
    atomic_fetch_add(&ready, 1);
    cop_hibernate(sleeper, NULL);
}
static void body_sleeps(void *arg)
{
    cop_pid q, p = start();
    cop_opts o = {.arg_bytes = sizeof p};
    (void)arg;
    ck_assert_int_eq(cop_spawn(&q, caller_that_sleeps, &p, &o), 0);
    wait_for(&ready, 1);
    kill_and_see(p);
    ck_assert_int_eq(atomic_load(&right), 0);
    ck_assert_int_eq(cop_send(q, GO, NULL, 0), 0);
    wait_for(&right, 1);
    ck_assert_int_eq(atomic_load(&wrong), 0);
}
START_TEST(a_caller_that_hibernates_is_left_alone)
{
    actor_test(body_sleeps, NULL);
}
END_TEST

/* ---------------------------------------------------------------- races -- */

static void killer(void *arg)
{
    cop_pid p = *(cop_pid *)arg;
    cop_yield();
    (void)cop_exit_signal(p, COP_KILL);
}

static void body_race(void *arg)
{
    int ended[2] = {0};
    (void)arg;
    for (int i = 0; i < 1000; i++) {
        cop_pid p = start();
        cop_opts o = {.arg_bytes = sizeof p};
        int rc = 0;
        call_often(p);
        ck_assert_int_eq(cop_spawn(NULL, killer, &p, &o), 0);
        while (rc == 0 || rc == COP_ETIMEDOUT)
            rc = cop_call(p, i % 2 ? ECHO : NEVER, NULL, 0, NULL, 0,
                          cop_in(20 * COP_US));
        ck_assert(rc == COP_EDOWN || rc == COP_ENOPROC);
        if (rc == COP_EDOWN)
            ck_assert_int_eq(cop_reason_kind(cop_call_reason()), COP_R_KILLED);
        ended[rc == COP_EDOWN]++;
        ck_assert_int_eq(call(p, ECHO, 20000), COP_ENOPROC);
        expect_empty();
    }
    ck_assert_int_eq(ended[0] + ended[1], 1000);
}
START_TEST(a_death_at_any_moment)
{
    actor_test(body_race, NULL);
}
END_TEST

/* -------------------------------------------------------------- aliases -- */

/* The first alias has a place of its own, the others have not. */
static void body_aliases(void *arg)
{
    cop_alias a[3];
    const cop_msg *m;
    (void)arg;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(cop_alias_new(&a[i], COP_ALIAS_REPLY), 0);
        ck_assert(cop_unalias(a[round].ref));
        ck_assert(!cop_unalias(a[round].ref));
        for (int i = 0; i < 3; i++) {
            ck_assert_int_eq(cop_send_alias(a[i], ROUND, &i, sizeof i), 0);
            ck_assert_int_eq(cop_send_alias(a[i], ROUND, &i, sizeof i), 0);
        }
        for (int i = 2; i >= 0; i--) {
            int rc = cop_recv_ref(&m, a[i].ref, COP_POLL);
            ck_assert_int_eq(rc, i == round ? COP_ETIMEDOUT : 0);
            if (rc == 0)
                ck_assert_int_eq(*cop_msg_as(m, int), i);
        }
        expect_empty();
    }
    ck_assert_int_eq(cop_alias_new(&a[0], COP_ALIAS_EXPLICIT), 0);
}
START_TEST(several_aliases_at_once)
{
    actor_test(body_aliases, NULL);
}
END_TEST

/* A lone reply by an alias that has ended does not come by the short way. */
static void answers_twice(void *arg)
{
    cop_alias to = *(cop_alias *)arg;
    cop_sleep(2 * COP_MS);
    (void)cop_send_alias(to, SOLE, NULL, 0);
    (void)cop_send_alias(to, SOLE, NULL, 0);
    cop_sleep(2 * COP_MS);
    (void)cop_send_alias(to, SOLE, NULL, 0);
}
static void body_sole(void *arg)
{
    const cop_msg *m;
    cop_alias a;
    cop_opts o = {.arg_bytes = sizeof a};
    (void)arg;
    ck_assert_int_eq(cop_send(cop_self(), GO, NULL, 0), 0);
    ck_assert_int_eq(cop_alias_new(&a, COP_ALIAS_REPLY), 0);
    ck_assert_int_eq(cop_spawn(NULL, answers_twice, &a, &o), 0);
    ck_assert_int_eq(cop_recv_ref(&m, a.ref, cop_in(20 * COP_SEC)), 0);
    ck_assert_int_eq(cop_recv_ref(&m, a.ref, cop_in(20 * COP_MS)),
                     COP_ETIMEDOUT);
    ck_assert_int_eq(cop_recv(&m, COP_POLL), 0);
    ck_assert_uint_eq(cop_msg_tag(m), GO);
    expect_empty();
}
START_TEST(an_alias_for_one_reply_lets_one_in)
{
    actor_test(body_sole, NULL);
}
END_TEST

static const TTest *const cases[] = {
    no_observer_sees_it,
    a_callee_that_dies_between_calls,
    a_callee_that_dies_in_a_call,
    the_last_callee_dies_in_a_call_of_another,
    a_callee_that_was_killed_just_before,
    calls_of_two_in_turn,
    a_call_that_is_given_up,
    many_callers_and_the_death_of_the_callee,
    a_caller_that_hibernates_is_left_alone,
    a_death_at_any_moment,
    several_aliases_at_once,
    an_alias_for_one_reply_lets_one_in,
};
UNIT_MAIN("kept", cases)
