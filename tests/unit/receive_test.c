/* SPDX-License-Identifier: MIT
 *
 * receive_test.c - selective receive, messages and mailboxes.
 */
#include "tests/support/actor_test.h"
#include "tests/support/unit.h"

enum { A = 1, B, C, STOP };

static void put(cop_tag tag, uint64_t n)
{
    ck_assert_int_eq(cop_send(cop_self(), tag, &n, sizeof n), 0);
}

static void take(cop_tag tag, uint64_t n)
{
    const cop_msg *m;
    ck_assert_int_eq(cop_recv_tag(&m, tag, COP_POLL), 0);
    ck_assert_uint_eq(*cop_msg_as(m, uint64_t), n);
}

static void expect_empty(void)
{
    const cop_msg *m;
    ck_assert_int_eq(cop_recv(&m, COP_POLL), COP_ETIMEDOUT);
    ck_assert_ptr_null(m);
}

/* ------------------------------------------------------------ selection -- */

static void body_by_tag(void *arg)
{
    (void)arg;
    put(A, 1);
    put(B, 2);
    put(A, 3);
    take(B, 2);
    take(A, 1);
    take(COP_TAG_ANY, 3);
    expect_empty();
}
START_TEST(by_tag_in_mailbox_order)
{
    actor_test(body_by_tag, NULL);
}
END_TEST

static bool is_even(const cop_msg *m, void *ctx)
{
    (void)ctx;
    return *(const uint64_t *)cop_msg_body(m) % 2 == 0;
}

static void body_when(void *arg)
{
    const cop_msg *m;
    (void)arg;
    for (uint64_t i = 1; i <= 5; i++)
        put(A, i);
    ck_assert_int_eq(cop_recv_when(&m, is_even, NULL, COP_POLL), 0);
    ck_assert_uint_eq(*cop_msg_as(m, uint64_t), 2);
    ck_assert_int_eq(cop_recv_when(&m, is_even, NULL, COP_POLL), 0);
    ck_assert_uint_eq(*cop_msg_as(m, uint64_t), 4);
    ck_assert_int_eq(cop_recv_when(&m, is_even, NULL, COP_POLL), COP_ETIMEDOUT);
    take(A, 1);
    take(A, 3);
    take(A, 5);
}
START_TEST(by_predicate)
{
    actor_test(body_when, NULL);
}
END_TEST

static void body_clauses(void *arg)
{
    const cop_msg *m;
    (void)arg;
    const cop_match clauses[] = {{.tag = B}, {.tag = A}};
    put(C, 0);
    put(A, 1);
    put(B, 2);
    ck_assert_int_eq(cop_recv_match(&m, clauses, 2, COP_POLL), 1);
    ck_assert_uint_eq(cop_msg_tag(m), A);
    ck_assert_int_eq(cop_recv_match(&m, clauses, 2, COP_POLL), 0);
    ck_assert_int_eq(cop_recv_match(&m, clauses, 2, COP_POLL), COP_ETIMEDOUT);
}
START_TEST(mailbox_order_decides_not_clause_order)
{
    actor_test(body_clauses, NULL);
}
END_TEST

static void sends_a(void *to)
{
    cop_send(*(cop_pid *)to, A, NULL, 0);
}
static void body_from(void *arg)
{
    const cop_msg *m;
    cop_pid me = cop_self(), one, two;
    (void)arg;
    ck_assert_int_eq(cop_spawn(&one, sends_a, &me, NULL), 0);
    ck_assert_int_eq(cop_spawn(&two, sends_a, &me, NULL), 0);
    ck_assert_int_eq(cop_recv_from(&m, two, cop_in(5 * COP_SEC)), 0);
    ck_assert_uint_eq(cop_msg_sender(m).id, two.id);
    ck_assert_int_eq(cop_recv_from(&m, one, cop_in(5 * COP_SEC)), 0);
}
START_TEST(by_sender)
{
    actor_test(body_from, NULL);
}
END_TEST

/* -------------------------------------------------------------- a DOWN -- */

static void end_at_once(void *arg)
{
    (void)arg;
}

static cop_pid watched(cop_ref *ref)
{
    cop_pid pid;
    const cop_opts o = {.monitor = ref};
    ck_assert_int_eq(cop_spawn(&pid, end_at_once, NULL, &o), 0);
    return pid;
}

static void expect_down(const cop_msg *m, cop_pid who, cop_ref ref)
{
    ck_assert_uint_eq(cop_msg_tag(m), COP_DOWN);
    ck_assert_uint_eq(cop_msg_sender(m).id, who.id);
    ck_assert_uint_eq(cop_msg_ref(m).id, ref.id);
    ck_assert_int_eq(cop_reason_kind(cop_msg_reason(m)), COP_R_NORMAL);
}

/* It is the only signal there is when the receive looks. */
static void body_sole_down(void *arg)
{
    cop_ref ref, other;
    const cop_msg *m;
    (void)arg;

    cop_pid pid = watched(&ref);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    expect_down(m, pid, ref);

    pid = watched(&ref);
    ck_assert_int_eq(cop_recv_tag(&m, A, cop_in(20 * COP_MS)), COP_ETIMEDOUT);
    cop_pid later = watched(&other);
    ck_assert_int_eq(cop_recv_ref(&m, other, COP_FOREVER), 0);
    expect_down(m, later, other);
    ck_assert_int_eq(cop_recv_from(&m, pid, COP_FOREVER), 0);
    expect_down(m, pid, ref);
    cop_msg *kept = cop_keep(m);

    pid = watched(&ref);
    ck_assert_int_eq(cop_recv_tag(&m, COP_DOWN, COP_FOREVER), 0);
    expect_down(m, pid, ref);
    ck_assert(cop_msg_sender(kept).id != pid.id);
    cop_msg_free(kept);
    ck_assert(!cop_demonitor(ref, false));
    expect_empty();
}
START_TEST(a_down_alone_is_received_like_any_message)
{
    actor_test(body_sole_down, NULL);
}
END_TEST

static void body_late_down(void *arg)
{
    cop_ref ref;
    const cop_msg *m;
    (void)arg;
    for (int i = 0; i < 50; i++) {
        (void)watched(&ref);
        if (i % 2 == 0) /* its DOWN is on its way, or there */
            cop_yield();
        (void)cop_demonitor(ref, true);
        ck_assert_int_eq(cop_recv(&m, cop_in(COP_MS)), COP_ETIMEDOUT);
    }
}
START_TEST(a_down_without_its_monitor_is_nothing)
{
    actor_test(body_late_down, NULL);
}
END_TEST

/* ------------------------------------------------------------ deadlines -- */

static void drips(void *to)
{
    for (int i = 0; i < 20; i++) {
        cop_sleep(10 * COP_MS);
        cop_send(*(cop_pid *)to, B, NULL, 0);
    }
}
static void body_deadline(void *arg)
{
    const cop_msg *m;
    cop_pid me = cop_self();
    (void)arg;
    ck_assert_int_eq(cop_spawn(NULL, drips, &me, NULL), 0);
    cop_time start = cop_now();
    ck_assert_int_eq(cop_recv_tag(&m, A, cop_in(50 * COP_MS)), COP_ETIMEDOUT);
    ck_assert_int_eq((int)((cop_now() - start) / COP_MS), 50);
}
START_TEST(other_messages_do_not_restart_the_deadline)
{
    cop_config c = {.workers = 1, .virtual_time = true};
    actor_test(body_deadline, &c);
}
END_TEST

static void body_poll(void *arg)
{
    const cop_msg *m;
    (void)arg;
    expect_empty();
    put(A, 1);
    ck_assert_int_eq(cop_recv(&m, COP_POLL), 0);
}
START_TEST(after_zero_looks_at_everything_first)
{
    actor_test(body_poll, NULL);
}
END_TEST

/* ------------------------------------------------------ long mailboxes -- */

static uint64_t many(void)
{
    return 200000 / (uint64_t)unit_slow();
}

static void echo(void *arg)
{
    const cop_msg *m;
    (void)arg;
    while (cop_recv(&m, COP_FOREVER) == 0 && cop_msg_tag(m) != STOP)
        (void)cop_reply(cop_msg_from(m), cop_msg_body(m), cop_msg_size(m));
}

static void body_marker(void *arg)
{
    cop_pid p;
    (void)arg;
    const uint64_t n = many();
    for (uint64_t i = 0; i < n; i++)
        put(A, i);
    ck_assert_int_eq(cop_spawn(&p, echo, NULL, NULL), 0);
    cop_time start = cop_now();
    for (uint64_t i = 0; i < 2000; i++) {
        uint64_t back;
        int got = cop_call(p, B, &i, sizeof i, &back, sizeof back,
                           cop_in(5 * COP_SEC));
        if (got != sizeof back || back != i)
            ck_abort_msg("call: %s", cop_error_str(got));
    }
    /* 2000 walks over the mailbox would take well over a second */
    ck_assert_int_lt((int)((cop_now() - start) / COP_MS), 500 * unit_slow());
    for (uint64_t i = 0; i < n; i++) {
        const cop_msg *m;
        if (cop_recv(&m, COP_POLL) != 0 || *cop_msg_as(m, uint64_t) != i)
            ck_abort_msg("message %d is not in its place", (int)i);
    }
}
START_TEST(a_reply_is_found_past_a_long_mailbox)
{
    actor_test(body_marker, NULL);
}
END_TEST

static void body_urgent(void *arg)
{
    const cop_msg *m;
    cop_alias a;
    (void)arg;
    ck_assert_int_eq(cop_alias_new(&a, COP_ALIAS_EXPLICIT | COP_ALIAS_PRIORITY),
                     0);
    put(A, 1);
    cop_send_urgent(cop_self(), B, NULL, 0); /* not allowed: in its turn */
    cop_send_alias_urgent(a, C, NULL, 0);
    cop_send_alias_urgent(a, STOP, NULL, 0);
    cop_send_alias(a, A, NULL, 0);
    const cop_tag order[] = {C, STOP, A, B, A};
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(cop_recv(&m, COP_POLL), 0);
        ck_assert_uint_eq(cop_msg_tag(m), order[i]);
    }
}
START_TEST(urgent_overtakes_only_where_allowed)
{
    actor_test(body_urgent, NULL);
}
END_TEST

/* ----------------------------------------------------------- ownership -- */

static int released;
static void release(void *p, size_t size)
{
    ck_assert_uint_eq(size, 100);
    released++;
    free(p);
}

static void body_moved(void *arg)
{
    cop_msg *m;
    const cop_msg *got;
    (void)arg;
    char *body = calloc(1, 100);
    body[99] = 'x';
    ck_assert_int_eq(cop_msg_new_moved(&m, A, body, 100, release), 0);
    ck_assert_int_eq(cop_send_msg(cop_self(), m), 0);
    ck_assert_int_eq(cop_recv(&got, COP_POLL), 0);
    ck_assert_ptr_eq(cop_msg_body(got), body);
    ck_assert_int_eq(released, 0);
    expect_empty();
    ck_assert_int_eq(released, 1);
    ck_assert_int_eq(cop_msg_new_moved(&m, A, calloc(1, 100), 100, release), 0);
    ck_assert_int_eq(cop_send_msg(COP_NO_PID, m), 0);
    ck_assert_int_eq(released, 2);
}
START_TEST(a_moved_body_is_released_once)
{
    actor_test(body_moved, NULL);
}
END_TEST

static void body_shared(void *arg)
{
    const cop_msg *m;
    cop_buf *b;
    (void)arg;
    ck_assert_int_eq(cop_buf_new(&b, "shared", 7), 0);
    ck_assert_int_eq(cop_send_buf(cop_self(), A, b), 0);
    ck_assert_int_eq(cop_send_buf(cop_self(), B, b), 0);
    cop_buf_release(b);
    ck_assert_int_eq(cop_recv(&m, COP_POLL), 0);
    const void *first = cop_msg_body(m);
    ck_assert_str_eq(first, "shared");
    ck_assert_int_eq(cop_recv(&m, COP_POLL), 0);
    ck_assert_ptr_eq(cop_msg_body(m), first);
    ck_assert_uint_eq(cop_msg_size(m), 7);
}
START_TEST(a_shared_body_is_not_copied)
{
    actor_test(body_shared, NULL);
}
END_TEST

static void body_keep(void *arg)
{
    const cop_msg *m;
    (void)arg;
    put(A, 7);
    ck_assert_int_eq(cop_recv(&m, COP_POLL), 0);
    cop_msg *mine = cop_keep(m);
    expect_empty();
    ck_assert_uint_eq(*cop_msg_as(mine, uint64_t), 7);
    ck_assert_int_eq(cop_send_msg(cop_self(), mine), 0);
    take(A, 7);
}
START_TEST(a_kept_message_outlives_receives)
{
    actor_test(body_keep, NULL);
}
END_TEST

static void body_sizes(void *arg)
{
    static unsigned char out[300000];
    const cop_msg *m;
    (void)arg;
    for (size_t n = 0; n < sizeof out; n = n * 2 + 1) {
        memset(out, (int)n, n);
        ck_assert_int_eq(cop_send(cop_self(), A, out, n), 0);
        ck_assert_int_eq(cop_recv(&m, COP_POLL), 0);
        ck_assert_uint_eq(cop_msg_size(m), n);
        ck_assert_int_eq(memcmp(cop_msg_body(m), out, n), 0);
        ck_assert_uint_eq((uintptr_t)cop_msg_body(m) % 16, 0);
    }
}
START_TEST(bodies_of_every_size)
{
    actor_test(body_sizes, NULL);
}
END_TEST

/* ---------------------------------------------------- bounded mailboxes -- */

static void waits(void *arg)
{
    const cop_msg *m;
    (void)arg;
    while (cop_recv_tag(&m, STOP, COP_FOREVER) != 0)
        continue;
    for (uint64_t n = 0; cop_recv(&m, COP_POLL) == 0; n++)
        cop_send(cop_parent(), A, cop_msg_body(m), cop_msg_size(m));
}

static cop_pid bounded(cop_full policy, cop_ref *ref)
{
    cop_pid p;
    cop_opts o = {.mailbox_max = 3, .mailbox_full = policy, .monitor = ref};
    ck_assert_int_eq(cop_spawn(&p, waits, NULL, &o), 0);
    return p;
}

static void body_full_fail(void *arg)
{
    cop_ref r;
    (void)arg;
    cop_pid p = bounded(COP_FULL_FAIL, &r);
    for (uint64_t i = 0; i < 3; i++)
        ck_assert_int_eq(cop_send(p, A, &i, sizeof i), 0);
    ck_assert_int_eq(cop_send(p, A, NULL, 0), COP_EFULL);
    /* signals are never refused */
    ck_assert_int_eq(cop_exit_signal(p, cop_because("boom")), 0);
    const cop_msg *m;
    ck_assert_int_eq(cop_recv_ref(&m, r, cop_in(5 * COP_SEC)), 0);
}
START_TEST(full_fail_refuses_messages_only)
{
    actor_test(body_full_fail, NULL);
}
END_TEST

static void body_full_drop(void *arg)
{
    const cop_msg *m;
    cop_ref r;
    (void)arg;
    const uint64_t first[] = {0, 2}; /* of drop new, drop old */
    const cop_full policy[] = {COP_FULL_DROP_NEW, COP_FULL_DROP_OLD};
    for (int k = 0; k < 2; k++) {
        cop_pid p = bounded(policy[k], &r);
        for (uint64_t i = 0; i < 5; i++)
            ck_assert_int_eq(cop_send(p, A, &i, sizeof i), 0);
        ck_assert(cop_is_alive(p));
        cop_info info;
        ck_assert_int_eq(cop_info_get(p, &info), 0);
        ck_assert_uint_eq(info.queue, 3);
        ck_assert_int_eq(cop_send_after(NULL, 0, p, STOP, NULL, 0), 0);
        for (uint64_t i = 0; i < 3; i++) {
            ck_assert_int_eq(cop_recv_from(&m, p, cop_in(5 * COP_SEC)), 0);
            ck_assert_uint_eq(*cop_msg_as(m, uint64_t), first[k] + i);
        }
        ck_assert_int_eq(cop_recv_ref(&m, r, cop_in(5 * COP_SEC)), 0);
    }
    cop_counters c;
    cop_counters_get(&c);
    ck_assert_uint_eq(c.dropped, 4);
    ck_assert_uint_ge(c.dead_letters, 4);
}
START_TEST(full_drop_new_and_old)
{
    actor_test(body_full_drop, NULL);
}
END_TEST

static void body_full_kill(void *arg)
{
    const cop_msg *m;
    cop_ref r;
    char text[COP_REASON_TEXT];
    (void)arg;
    cop_pid p = bounded(COP_FULL_KILL, &r);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(cop_send(p, A, NULL, 0), 0);
    ck_assert_int_eq(cop_recv_ref(&m, r, cop_in(5 * COP_SEC)), 0);
    ck_assert_str_eq(cop_reason_str(cop_msg_reason(m), text, sizeof text),
                     "{limit, \"mailbox\"}");
}
START_TEST(full_kill_ends_the_receiver)
{
    actor_test(body_full_kill, NULL);
}
END_TEST

/* -------------------------------------------------------- dead letters -- */

static void body_dead_letters(void *arg)
{
    const cop_msg *m;
    (void)arg;
    cop_dead_letters_to(cop_self());
    cop_pid nobody = {0x123456000001u};
    ck_assert_int_eq(cop_send(nobody, B, "12345", 5), 0);
    ck_assert_int_eq(cop_recv_tag(&m, COP_DEAD_LETTER, cop_in(COP_SEC)), 0);
    const struct cop_dead_letter *d = cop_msg_as(m, struct cop_dead_letter);
    ck_assert_uint_eq(d->from.id, cop_self().id);
    ck_assert_uint_eq(d->to.id, nobody.id);
    ck_assert_uint_eq(d->tag, B);
    ck_assert_uint_eq(d->size, 5);
    ck_assert_int_eq(d->reason, COP_DEAD_NOPROC);
    cop_pid p;
    ck_assert_int_eq(cop_spawn(&p, waits, NULL, NULL), 0);
    ck_assert_int_eq(cop_send(p, C, NULL, 0), 0);
    ck_assert_int_eq(cop_exit_signal(p, COP_KILL), 0);
    ck_assert_int_eq(cop_recv_tag(&m, COP_DEAD_LETTER, cop_in(COP_SEC)), 0);
    d = cop_msg_as(m, struct cop_dead_letter);
    ck_assert_uint_eq(d->tag, C);
    ck_assert_int_eq(d->reason, COP_DEAD_EXITED);
    cop_dead_letters_to(COP_NO_PID);
    ck_assert_int_eq(cop_send(nobody, B, NULL, 0), 0);
    expect_empty();
    cop_counters c;
    cop_counters_get(&c);
    ck_assert_uint_eq(c.dead_letters, 3);
}
START_TEST(dead_letters_are_counted_and_told)
{
    actor_test(body_dead_letters, NULL);
}
END_TEST

static const TTest *const cases[] = {
    by_tag_in_mailbox_order,
    by_predicate,
    mailbox_order_decides_not_clause_order,
    by_sender,
    other_messages_do_not_restart_the_deadline,
    after_zero_looks_at_everything_first,
    a_reply_is_found_past_a_long_mailbox,
    urgent_overtakes_only_where_allowed,
    a_moved_body_is_released_once,
    a_shared_body_is_not_copied,
    a_kept_message_outlives_receives,
    a_down_alone_is_received_like_any_message,
    a_down_without_its_monitor_is_nothing,
    bodies_of_every_size,
    full_fail_refuses_messages_only,
    full_drop_new_and_old,
    full_kill_ends_the_receiver,
    dead_letters_are_counted_and_told,
};
UNIT_MAIN("receive", cases)
