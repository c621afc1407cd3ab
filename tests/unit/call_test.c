/* SPDX-License-Identifier: MIT
 *
 * call_test.c - request and reply: every way in which a call can end.
 */
#include "tests/support/actor_test.h"
#include "tests/support/unit.h"

enum { ECHO = 1, NEVER, DIE, LATE, VIA, CALL_BACK, PING, GO };

struct late {
    cop_from from;
    int n;
};

/* A server written with plain receives. */
static void server(void *arg)
{
    const cop_msg *m;
    struct late late = {0};
    (void)arg;
    while (cop_recv(&m, COP_FOREVER) == 0) {
        switch (cop_msg_tag(m)) {
        case ECHO:
            (void)cop_reply(cop_msg_from(m), cop_msg_body(m), cop_msg_size(m));
            break;
        case DIE:
            cop_exit(cop_because_fmt("boom", "%d", 7));
        case LATE:
            late.from = cop_msg_from(m);
            break;
        case GO:
            late.n = cop_reply(late.from, NULL, 0);
            cop_send(cop_msg_sender(m), GO, &late.n, sizeof late.n);
            break;
        case VIA: {
            cop_pid other = *cop_msg_as(m, cop_pid);
            cop_from from = cop_msg_from(m);
            cop_send(other, VIA, &from, sizeof from);
            break;
        }
        case CALL_BACK: {
            int rc = cop_call(cop_msg_sender(m), PING, NULL, 0, NULL, 0,
                              cop_in(5 * COP_SEC));
            cop_reply(cop_msg_from(m), &rc, sizeof rc);
            break;
        }
        default:
            break;
        }
    }
}

static cop_pid start(const char *name)
{
    cop_pid p;
    cop_opts o = {.name = name};
    ck_assert_int_eq(cop_spawn(&p, server, NULL, &o), 0);
    return p;
}

static int call(cop_pid p, cop_tag tag, cop_time ms)
{
    return cop_call(p, tag, NULL, 0, NULL, 0, cop_in(ms * COP_MS));
}

static void expect_empty(void)
{
    const cop_msg *m;
    ck_assert_int_eq(cop_recv(&m, COP_POLL), COP_ETIMEDOUT);
}

static void body_answers(void *arg)
{
    char buf[4];
    (void)arg;
    cop_pid p = start("svc");
    ck_assert_int_eq(cop_call(p, ECHO, "abcdef", 6, buf, 4, COP_FOREVER), 6);
    ck_assert_int_eq(memcmp(buf, "abcd", 4), 0);
    ck_assert_int_eq(cop_call_name("svc", ECHO, "xy", 2, buf, 4, COP_FOREVER),
                     2);
    ck_assert_int_eq(call(p, ECHO, 1000), 0);
    expect_empty();
}
START_TEST(an_answer_and_its_size)
{
    actor_test(body_answers, NULL);
}
END_TEST

static void body_timeout(void *arg)
{
    const cop_msg *m;
    (void)arg;
    cop_pid p = start("slow");
    ck_assert_int_eq(call(p, LATE, 20), COP_ETIMEDOUT);
    ck_assert_ptr_nonnull(strstr(cop_call_text(), "slow"));
    ck_assert_ptr_nonnull(strstr(cop_call_text(), "receive"));
    ck_assert_int_eq(cop_send(p, GO, NULL, 0), 0);
    ck_assert_int_eq(cop_recv_tag(&m, GO, cop_in(5 * COP_SEC)), 0);
    ck_assert_int_eq(*cop_msg_as(m, int), COP_EREPLIED);
    ck_assert_int_eq(call(p, ECHO, 1000), 0);
    expect_empty();
}
START_TEST(a_late_reply_is_never_seen)
{
    actor_test(body_timeout, NULL);
}
END_TEST

static void body_dead(void *arg)
{
    char text[COP_REASON_TEXT];
    (void)arg;
    cop_pid p = start("svc");
    ck_assert_int_eq(call(p, DIE, 5000), COP_EDOWN);
    ck_assert_str_eq(cop_reason_str(cop_call_reason(), text, sizeof text),
                     "{boom, \"7\"}");
    ck_assert_ptr_nonnull(strstr(cop_call_text(), "boom"));
    ck_assert_int_eq(call(p, ECHO, 5000), COP_ENOPROC);
    ck_assert_int_eq(call(COP_NO_PID, ECHO, 5000), COP_ENOPROC);
    ck_assert_int_eq(cop_call_name("svc", ECHO, NULL, 0, NULL, 0, COP_FOREVER),
                     COP_ENOPROC);
    expect_empty();
}
START_TEST(a_dying_and_a_dead_callee)
{
    actor_test(body_dead, NULL);
}
END_TEST

static void replies_for_another(void *arg)
{
    const cop_msg *m;
    (void)arg;
    ck_assert_int_eq(cop_recv_tag(&m, VIA, COP_FOREVER), 0);
    cop_from from = *cop_msg_as(m, cop_from);
    ck_assert_int_eq(cop_reply(from, "z", 1), 0);
    ck_assert_int_eq(cop_reply(from, "z", 1), COP_EREPLIED);
}
static void body_via(void *arg)
{
    cop_pid other;
    char c;
    (void)arg;
    cop_pid p = start(NULL);
    ck_assert_int_eq(cop_spawn(&other, replies_for_another, NULL, NULL), 0);
    ck_assert_int_eq(
        cop_call(p, VIA, &other, sizeof other, &c, 1, cop_in(5 * COP_SEC)), 1);
    ck_assert_int_eq(c, 'z');
    cop_sleep(COP_MS);
    expect_empty();
}
START_TEST(another_actor_may_answer_but_once)
{
    actor_test(body_via, NULL);
}
END_TEST

static void body_self_call(void *arg)
{
    (void)arg;
    ck_assert_int_eq(cop_register("me", cop_self()), 0);
    ck_assert_int_eq(call(cop_self(), ECHO, 1000), COP_EDEADLOCK);
    ck_assert_ptr_nonnull(strstr(cop_call_text(), "me -> me"));
}
START_TEST(a_call_of_oneself_is_a_deadlock)
{
    actor_test(body_self_call, NULL);
}
END_TEST

static void body_cycle(void *arg)
{
    int inner;
    (void)arg;
    ck_assert_int_eq(cop_register("me", cop_self()), 0);
    cop_pid p = start("other");
    ck_assert_int_eq(cop_call(p, CALL_BACK, NULL, 0, &inner, sizeof inner,
                              cop_in(5 * COP_SEC)),
                     sizeof inner);
    ck_assert_int_eq(inner, COP_EDEADLOCK);
}
START_TEST(a_cycle_is_told_at_once)
{
    actor_test(body_cycle, NULL);
}
END_TEST

/* Answers, and at once calls the one it answered: the other's edge must be
 * gone by then. */
static void answers_then_calls(void *arg)
{
    const cop_msg *m;
    (void)arg;
    while (cop_recv_tag(&m, ECHO, COP_FOREVER) == 0) {
        cop_pid caller = cop_msg_sender(m);
        (void)cop_reply(cop_msg_from(m), NULL, 0);
        if (cop_call(caller, PING, NULL, 0, NULL, 0, COP_FOREVER) != 0)
            ck_abort_msg("%s", cop_call_text());
    }
}
static void body_no_false_alarm(void *arg)
{
    const cop_msg *m;
    cop_pid p;
    (void)arg;
    ck_assert_int_eq(cop_spawn(&p, answers_then_calls, NULL, NULL), 0);
    for (int i = 0; i < 20000; i++) {
        if (call(p, ECHO, 5000) != 0 ||
            cop_recv_tag(&m, PING, cop_in(5 * COP_SEC)) != 0 ||
            cop_reply(cop_msg_from(m), NULL, 0) != 0)
            ck_abort_msg("round %d: %s", i, cop_call_text());
    }
}
START_TEST(no_deadlock_is_seen_where_none_is)
{
    actor_test(body_no_false_alarm, NULL);
}
END_TEST

static void body_requests(void *arg)
{
    const cop_msg *m;
    cop_counters before, after;
    cop_ref r[3];
    (void)arg;
    cop_pid p = start(NULL);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(cop_request(&r[i], p, ECHO, &i, sizeof i), 0);
    for (int i = 2; i >= 0; i--) {
        ck_assert_int_eq(cop_recv_ref(&m, r[i], cop_in(5 * COP_SEC)), 0);
        ck_assert_uint_eq(cop_msg_tag(m), COP_REPLY);
        ck_assert_int_eq(*cop_msg_as(m, int), i);
    }
    ck_assert_int_eq(cop_request(&r[0], p, DIE, NULL, 0), 0);
    ck_assert_int_eq(cop_recv_ref(&m, r[0], cop_in(5 * COP_SEC)), 0);
    ck_assert_uint_eq(cop_msg_tag(m), COP_DOWN);
    p = start(NULL);
    ck_assert_int_eq(cop_request(&r[1], p, ECHO, NULL, 0), 0);
    ck_assert(cop_is_alive(p)); /* so the answer is there */
    cop_counters_get(&before);
    cop_request_cancel(r[1]);
    cop_counters_get(&after);
    ck_assert_uint_eq(after.dead_letters - before.dead_letters, 1);
    ck_assert_int_eq(cop_request(&r[2], p, LATE, NULL, 0), 0);
    cop_request_cancel(r[2]);
    ck_assert_int_eq(cop_exit_signal(p, COP_KILL), 0);
    ck_assert(!cop_is_alive(p));
    expect_empty();
}
START_TEST(requests_are_answered_or_cancelled)
{
    actor_test(body_requests, NULL);
}
END_TEST

static void body_keeps_current(void *arg)
{
    const cop_msg *m;
    int n = 42;
    (void)arg;
    cop_pid p = start(NULL);
    ck_assert_int_eq(cop_send(cop_self(), ECHO, &n, sizeof n), 0);
    ck_assert_int_eq(cop_recv(&m, COP_POLL), 0);
    ck_assert_int_eq(call(p, ECHO, 5000), 0);
    ck_assert_int_eq(*cop_msg_as(m, int), 42);
}
START_TEST(a_call_leaves_the_message_in_hand_alone)
{
    actor_test(body_keeps_current, NULL);
}
END_TEST

static const TTest *const cases[] = {
    an_answer_and_its_size,
    a_late_reply_is_never_seen,
    a_dying_and_a_dead_callee,
    another_actor_may_answer_but_once,
    a_call_of_oneself_is_a_deadlock,
    a_cycle_is_told_at_once,
    no_deadlock_is_seen_where_none_is,
    requests_are_answered_or_cancelled,
    a_call_leaves_the_message_in_hand_alone,
};
UNIT_MAIN("call", cases)
