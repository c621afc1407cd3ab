/* SPDX-License-Identifier: MIT
 *
 * request_test.c - answers to requests, one by one and of collections. Where a
 * comment says "OTP", gen_server of Erlang/OTP 25 was asked.
 */
#include <coppice.h>
#include <coppice/request.h>

#include "tests/support/kid.h"

static struct kid a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"};

static cop_time soon(void)
{
    return cop_in(5 * COP_SEC);
}

static cop_ref ask(const struct kid *k, cop_tag tag, int n, const char *word)
{
    struct kid_msg body = kid_body(n, word);
    cop_ref ref;

    ck_assert_int_eq(cop_request(&ref, k->pid, tag, &body, sizeof body), 0);
    return ref;
}

/* Takes the message. */
static void reply_is(cop_msg *m, int n)
{
    ck_assert_ptr_nonnull(m);
    ck_assert_int_eq(*cop_msg_as(m, int), n);
    cop_msg_free(m);
}

static void waits_for(cop_ref ref, int n)
{
    cop_reason why;
    cop_msg *m;

    ck_assert_int_eq(cop_wait_response(&m, ref, soon(), &why), 0);
    reason_is(why, "normal");
    reply_is(m, n);
}

/* ----------------------------------------------------------- one by one -- */

/* OTP: {reply, _}, and no second time. */
static void body_wait(void *arg)
{
    cop_msg *m;
    cop_ref r;

    (void)arg;
    kid_start(&a, false);
    r = ask(&a, KID_ECHO, 7, NULL);
    waits_for(r, 7);
    ck_assert_int_eq(cop_wait_response(&m, r, cop_in(100 * COP_MS), NULL),
                     COP_ETIMEDOUT);
    ck_assert_ptr_null(m);
    r = ask(&a, KID_ECHO, 7, NULL);
    ck_assert_int_eq(cop_wait_response(NULL, r, soon(), NULL), 0);
    ck_assert_int_eq(cop_wait_response(&m, COP_NO_REF, soon(), NULL),
                     COP_EINVAL);
    ck_assert_int_eq(cop_receive_response(&m, COP_NO_REF, soon(), NULL),
                     COP_EINVAL);
    mailbox_is_empty();
}
KID_TEST(wait, body_wait)

/* OTP: after a timeout of wait_response the request is still good. */
static void body_wait_again(void *arg)
{
    cop_msg *m;
    cop_ref r;

    (void)arg;
    kid_start(&a, false);
    r = ask(&a, KID_SLOW, 200, NULL);
    ck_assert_int_eq(cop_wait_response(&m, r, cop_in(50 * COP_MS), NULL),
                     COP_ETIMEDOUT);
    waits_for(r, 200);
}
KID_TEST(wait_again, body_wait_again)

/* OTP: after one of receive_response nothing comes any more. */
static void body_receive(void *arg)
{
    cop_msg *m;
    cop_ref r;

    (void)arg;
    kid_start(&a, false);
    r = ask(&a, KID_SLOW, 200, NULL);
    ck_assert_int_eq(cop_receive_response(&m, r, cop_in(50 * COP_MS), NULL),
                     COP_ETIMEDOUT);
    cop_sleep(COP_SEC);
    mailbox_is_empty();
    ck_assert_int_eq(cop_receive_response(&m, r, cop_in(50 * COP_MS), NULL),
                     COP_ETIMEDOUT);
    r = ask(&a, KID_ECHO, 8, NULL);
    ck_assert_int_eq(cop_receive_response(&m, r, soon(), NULL), 0);
    reply_is(m, 8);
}
KID_TEST(receive, body_receive)

/* OTP: {error, {boo, _}}, {error, {noproc, _}}. */
static void body_server_ends(void *arg)
{
    cop_reason why;
    cop_msg *m;
    cop_ref r;

    (void)arg;
    kid_start(&a, false);
    r = ask(&a, KID_DEFER, 0, NULL);
    kid_tell(a.pid, KID_STOP, 0, "boo");
    ck_assert_int_eq(cop_wait_response(&m, r, soon(), &why), COP_EDOWN);
    ck_assert_ptr_null(m);
    reason_was(why, "boo");
    r = ask(&a, KID_ECHO, 0, NULL);
    ck_assert_int_eq(cop_receive_response(&m, r, soon(), &why), COP_ENOPROC);
    reason_was(why, "noproc");
    mailbox_is_empty();
}
KID_TEST(server_ends, body_server_ends)

/* OTP: no_reply for any other message, be it another request's answer. */
static void body_check(void *arg)
{
    const cop_msg *m;
    cop_ref r, other;

    (void)arg;
    kid_start(&a, false);
    r = ask(&a, KID_ECHO, 7, NULL);
    other = ask(&a, KID_DEFER, 0, NULL);
    ck_assert_int_eq(cop_send(cop_self(), 1, NULL, 0), 0);
    ck_assert_int_eq(cop_recv_tag(&m, 1, soon()), 0);
    ck_assert_int_eq(cop_check_response(m, r), COP_ENOENT);
    ck_assert_int_eq(cop_recv(&m, soon()), 0);
    ck_assert_int_eq(cop_check_response(m, other), COP_ENOENT);
    ck_assert_int_eq(cop_check_response(m, COP_NO_REF), COP_ENOENT);
    ck_assert_int_eq(cop_check_response(NULL, r), COP_ENOENT);
    ck_assert_int_eq(cop_check_response(m, r), 0);
    ck_assert_int_eq(*cop_msg_as(m, int), 7);
    kid_tell(a.pid, KID_CRASH, 0, "boo");
    ck_assert_int_eq(cop_recv(&m, soon()), 0);
    ck_assert_int_eq(cop_check_response(m, r), COP_ENOENT);
    ck_assert_int_eq(cop_check_response(m, other), COP_EDOWN);
    r = ask(&a, KID_ECHO, 7, NULL);
    ck_assert_int_eq(cop_recv(&m, soon()), 0);
    ck_assert_int_eq(cop_check_response(m, r), COP_ENOPROC);
}
KID_TEST(check, body_check)

/* ---------------------------------------------------------- collections -- */

static cop_reqids *collection(void)
{
    cop_reqids *ids;

    ck_assert_int_eq(cop_reqids_new(&ids), 0);
    ck_assert_uint_eq(cop_reqids_size(ids), 0);
    return ids;
}

static void send(cop_reqids *ids, const struct kid *k, cop_tag tag, int n,
                 const char *word, uint64_t label)
{
    struct kid_msg body = kid_body(n, word);

    ck_assert_int_eq(
        cop_reqids_send(ids, k->pid, tag, &body, sizeof body, label), 0);
}

/* What comes next is a reply. */
static void next_is(cop_reqids *ids, uint64_t label, int n)
{
    cop_response r;

    ck_assert_int_eq(cop_reqids_wait(ids, &r, soon(), true), 0);
    ck_assert_uint_eq(r.label, label);
    ck_assert_int_eq(r.code, 0);
    reason_is(r.why, "normal");
    reply_is(r.reply, n);
}

/* OTP: no_request. */
static void body_empty(void *arg)
{
    cop_reqids *ids = collection();
    const cop_msg *m;
    cop_response r;

    (void)arg;
    ck_assert_int_eq(cop_reqids_wait(ids, &r, COP_FOREVER, true), COP_ENOENT);
    ck_assert_int_eq(cop_reqids_receive(ids, &r, COP_FOREVER, true),
                     COP_ENOENT);
    ck_assert_int_eq(cop_send(cop_self(), 1, NULL, 0), 0);
    ck_assert_int_eq(cop_recv(&m, soon()), 0);
    ck_assert_int_eq(cop_reqids_check(ids, &r, m, true), COP_ENOENT);
    ck_assert_uint_eq(cop_reqids_list(ids, NULL, 0), 0);
    cop_reqids_free(ids);
    cop_reqids_free(NULL);
}
KID_TEST(empty, body_empty)

static void body_misuse(void *arg)
{
    cop_reqids *ids = collection();
    cop_response r;
    cop_ref ref;

    (void)arg;
    kid_start(&a, false);
    ref = ask(&a, KID_ECHO, 7, NULL);
    ck_assert_int_eq(cop_reqids_add(ids, ref, 1), 0);
    ck_assert_int_eq(cop_reqids_add(ids, ref, 2),
                     COP_EPRESENT); /* OTP: badarg */
    ck_assert_int_eq(cop_reqids_add(ids, COP_NO_REF, 2), COP_EINVAL);
    ck_assert_int_eq(cop_reqids_send(ids, a.pid, 0, NULL, 0, 3), COP_EINVAL);
    ck_assert_int_eq(cop_reqids_send(ids, a.pid, 1, NULL, 1, 3), COP_EINVAL);
    ck_assert_uint_eq(cop_reqids_size(ids), 1);
    ck_assert_int_eq(cop_reqids_new(NULL), COP_EINVAL);
    ck_assert_int_eq(cop_reqids_add(NULL, ref, 1), COP_EINVAL);
    ck_assert_int_eq(cop_reqids_send(NULL, a.pid, 1, NULL, 0, 3), COP_EINVAL);
    ck_assert_int_eq(cop_reqids_wait(NULL, &r, COP_POLL, true), COP_EINVAL);
    ck_assert_int_eq(cop_reqids_wait(ids, NULL, COP_POLL, true), COP_EINVAL);
    ck_assert_int_eq(cop_reqids_check(ids, &r, NULL, true), COP_EINVAL);
    next_is(ids, 1, 7);
    cop_reqids_free(ids);
}
KID_TEST(misuse, body_misuse)

static void body_list(void *arg)
{
    cop_reqids *ids = collection();
    cop_ref first;
    cop_reqid list[4];

    (void)arg;
    kid_start(&a, false);
    kid_start(&b, false);
    first = ask(&a, KID_DEFER, 0, NULL);
    ck_assert_int_eq(cop_reqids_add(ids, first, 10), 0);
    send(ids, &b, KID_ECHO, 1, NULL, 11);
    send(ids, &a, KID_DEFER, 0, NULL, 12);
    ck_assert_uint_eq(cop_reqids_list(ids, NULL, 0), 3);
    ck_assert_uint_eq(cop_reqids_list(ids, list, 2), 3);
    ck_assert(cop_ref_eq(list[0].request, first) && list[0].label == 10);
    ck_assert_uint_eq(list[1].label, 11);
    next_is(ids, 11, 1);
    ck_assert_uint_eq(cop_reqids_list(ids, list, 4), 2);
    ck_assert(list[0].label == 10 && list[1].label == 12);
    cop_reqids_free(ids); /* the requests stay */
    kid_tell(a.pid, KID_CRASH, 0, "boo");
    ck_assert_int_eq(cop_wait_response(NULL, first, soon(), NULL), COP_EDOWN);
}
KID_TEST(list, body_list)

/* OTP: b's reply, c's end, a's late reply, then no_request. */
static void body_whichever_comes(void *arg)
{
    cop_reqids *ids = collection();
    cop_response r;

    (void)arg;
    kid_start(&a, false);
    kid_start(&b, false);
    kid_start(&c, false);
    send(ids, &a, KID_SLOW, 100, NULL, 1);
    send(ids, &b, KID_ECHO, 5, NULL, 2);
    next_is(ids, 2, 5);
    send(ids, &c, KID_STOPNR, 0, "why", 3);
    ck_assert_int_eq(cop_reqids_wait(ids, &r, soon(), true), 0);
    ck_assert(r.label == 3 && r.code == COP_EDOWN && r.reply == NULL);
    reason_was(r.why, "why");
    ck_assert_uint_eq(cop_reqids_size(ids), 1);
    send(ids, &c, KID_ECHO, 0, NULL, 4);
    ck_assert_int_eq(cop_reqids_receive(ids, &r, soon(), true), 0);
    ck_assert(r.label == 4 && r.code == COP_ENOPROC && r.reply == NULL);
    next_is(ids, 1, 100);
    ck_assert_int_eq(cop_reqids_wait(ids, &r, COP_FOREVER, true), COP_ENOENT);
    cop_reqids_free(ids);
    mailbox_is_empty();
}
KID_TEST(whichever_comes, body_whichever_comes)

/* OTP: the oldest answer in the mailbox, whatever the order of asking. */
static void body_oldest_first(void *arg)
{
    cop_reqids *ids = collection();

    (void)arg;
    kid_start(&a, false);
    kid_start(&b, false);
    send(ids, &b, KID_ECHO, 2, NULL, 2);
    settle();
    send(ids, &a, KID_ECHO, 1, NULL, 1);
    settle();
    next_is(ids, 2, 2);
    send(ids, &b, KID_ECHO, 3, NULL, 3);
    settle();
    next_is(ids, 1, 1);
    next_is(ids, 3, 3);
    cop_reqids_free(ids);
}
KID_TEST(oldest_first, body_oldest_first)

/* OTP: it stays in the collection, and is never answered again. */
static void body_without_delete(void *arg)
{
    cop_reqids *ids = collection();
    cop_response r;

    (void)arg;
    kid_start(&a, false);
    send(ids, &a, KID_ECHO, 1, NULL, 1);
    ck_assert_int_eq(cop_reqids_wait(ids, &r, soon(), false), 0);
    reply_is(r.reply, 1);
    ck_assert_uint_eq(cop_reqids_size(ids), 1);
    ck_assert_int_eq(cop_reqids_wait(ids, &r, cop_in(100 * COP_MS), false),
                     COP_ETIMEDOUT);
    ck_assert(r.request.id == 0 && r.reply == NULL);
    cop_reqids_free(ids);
}
KID_TEST(without_delete, body_without_delete)

/* OTP: after a wait's timeout all stay; after a receive's none is answered. */
static void body_timeouts(void *arg)
{
    cop_reqids *ids = collection();
    cop_response r;

    (void)arg;
    kid_start(&a, false);
    kid_start(&b, false);
    send(ids, &a, KID_SLOW, 100, NULL, 1);
    send(ids, &b, KID_SLOW, 100, NULL, 2);
    ck_assert_int_eq(cop_reqids_wait(ids, &r, cop_in(10 * COP_MS), true),
                     COP_ETIMEDOUT);
    ck_assert_uint_eq(cop_reqids_size(ids), 2);
    ck_assert_int_eq(cop_reqids_receive(ids, &r, cop_in(10 * COP_MS), true),
                     COP_ETIMEDOUT);
    ck_assert_uint_eq(cop_reqids_size(ids), 0);
    cop_sleep(COP_SEC);
    mailbox_is_empty();
    cop_reqids_free(ids);
}
KID_TEST(timeouts, body_timeouts)

/* What is sent to a request's alias by another call is no answer. */
static void body_not_an_answer(void *arg)
{
    cop_reqids *ids = collection();
    const cop_msg *m;
    cop_response r;
    cop_ref ref;

    (void)arg;
    kid_start(&a, false);
    ref = ask(&a, KID_DEFER, 0, NULL);
    ck_assert_int_eq(cop_reqids_add(ids, ref, 1), 0);
    ck_assert_int_eq(cop_send_alias((cop_alias){cop_self(), ref}, 5, NULL, 0),
                     0);
    ck_assert_int_eq(cop_wait_response(NULL, ref, cop_in(COP_MS), NULL),
                     COP_ETIMEDOUT);
    ck_assert_int_eq(cop_reqids_wait(ids, &r, cop_in(COP_MS), true),
                     COP_ETIMEDOUT);
    ck_assert_int_eq(cop_recv(&m, COP_POLL), 0);
    ck_assert(cop_ref_eq(cop_msg_ref(m), ref));
    ck_assert_int_eq(cop_check_response(m, ref), COP_ENOENT);
    ck_assert_int_eq(cop_reqids_check(ids, &r, m, true), COP_ENOENT);
    cop_reqids_free(ids);
}
KID_TEST(not_an_answer, body_not_an_answer)

static void body_check_many(void *arg)
{
    cop_reqids *ids = collection();
    const cop_msg *m;
    cop_response r;

    (void)arg;
    kid_start(&a, false);
    send(ids, &a, KID_ECHO, 1, NULL, 1);
    settle();
    send(ids, &a, KID_ECHO, 2, NULL, 2);
    settle();
    send(ids, &a, KID_STOPNR, 0, "why", 3);
    settle();
    ck_assert_int_eq(cop_send(cop_self(), 1, NULL, 0), 0);
    ck_assert_int_eq(cop_recv_tag(&m, 1, soon()), 0);
    ck_assert_int_eq(cop_reqids_check(ids, &r, m, true), COP_ENOENT);
    ck_assert_int_eq(cop_recv(&m, soon()), 0);
    ck_assert_int_eq(cop_reqids_check(ids, &r, m, true), 0);
    ck_assert_uint_eq(r.label, 1);
    reply_is(r.reply, 1);
    ck_assert_uint_eq(cop_reqids_size(ids), 2);
    ck_assert_int_eq(cop_recv(&m, soon()), 0);
    ck_assert_int_eq(cop_reqids_check(ids, &r, m, false), 0);
    reply_is(r.reply, 2);
    ck_assert_uint_eq(cop_reqids_size(ids), 2);
    ck_assert_int_eq(cop_recv(&m, soon()), 0);
    ck_assert_int_eq(cop_reqids_check(ids, &r, m, true), 0);
    ck_assert(r.label == 3 && r.code == COP_EDOWN && r.reply == NULL);
    reason_was(r.why, "why");
    ck_assert_uint_eq(cop_reqids_size(ids), 1);
    cop_reqids_free(ids);
}
KID_TEST(check_many, body_check_many)

/* With more requests than receive markers, and other messages in between. */
static void body_many(void *arg)
{
    enum { MANY = 1000 };
    cop_reqids *ids = collection();
    static bool seen[MANY];
    const cop_msg *m;

    (void)arg;
    kid_start(&a, false);
    kid_start(&b, false);
    for (int i = 0; i < MANY; i++) {
        send(ids, i % 2 ? &a : &b, KID_ECHO, i, NULL, (uint64_t)i);
        ck_assert_int_eq(cop_send(cop_self(), 1, NULL, 0), 0);
    }
    for (int i = 0; i < MANY; i++) {
        cop_response r;

        ck_assert_int_eq(cop_reqids_wait(ids, &r, soon(), true), 0);
        ck_assert(!seen[r.label]);
        seen[r.label] = true;
        reply_is(r.reply, (int)r.label);
        ck_assert_uint_eq(cop_reqids_size(ids), (size_t)(MANY - 1 - i));
    }
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(cop_recv_tag(&m, 1, COP_POLL), 0);
    cop_reqids_free(ids);
    mailbox_is_empty();
}
KID_TEST(many, body_many)

/* All threads' together: not a matter of who else wants the processors. */
static int64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * COP_SEC + t.tv_nsec;
}

enum { ROUNDS = 2000 };

static int64_t cost_of_few(cop_reqids *ids)
{
    int64_t begun = cpu_ns();
    cop_msg *m;

    for (int i = 0; i < ROUNDS; i++) {
        cop_ref r = ask(&a, KID_ECHO, i, NULL);

        ck_assert_int_eq(cop_wait_response(&m, r, COP_FOREVER, NULL), 0);
        reply_is(m, i);
        send(ids, &a, KID_ECHO, 1, NULL, 1);
        send(ids, &a, KID_ECHO, 2, NULL, 2);
        next_is(ids, 1, 1);
        next_is(ids, 2, 2);
        notes_forget();
    }
    return cpu_ns() - begun;
}

static int64_t cost_of_many(cop_reqids *ids)
{
    int64_t begun = cpu_ns();

    for (int i = 0; i < ROUNDS; i++)
        send(ids, &a, KID_GET, 0, NULL, (uint64_t)i);
    for (int i = 0; i < ROUNDS; i++) {
        next_is(ids, (uint64_t)i, 0);
        notes_forget();
    }
    return cpu_ns() - begun;
}

/* Beside a long mailbox requests, and the wait for one, cost what they cost
 * beside an empty one; to walk over it all would cost a hundred times as much.
 */
static void body_long_mailbox(void *arg)
{
    enum { LONG = 200000, TOO_MUCH = 10 };
    cop_reqids *ids = collection();
    int64_t of_few, of_many;

    (void)arg;
    kid_start(&a, false);
    of_few = cost_of_few(ids);
    of_many = cost_of_many(ids);
    for (int i = 0; i < LONG; i++)
        ck_assert_int_eq(cop_send(cop_self(), 1, NULL, 0), 0);
    ck_assert_int_lt(cost_of_few(ids), TOO_MUCH * of_few);
    ck_assert_int_lt(cost_of_many(ids), TOO_MUCH * of_many);
    cop_reqids_free(ids);
}

START_TEST(long_mailbox)
{
    actor_test(body_long_mailbox, NULL);
}
END_TEST

/* A collection goes with its actor. */
static void leaves_collection(void *arg)
{
    cop_reqids *ids = collection();

    send(ids, arg, KID_DEFER, 0, NULL, 1);
    send(ids, arg, KID_DEFER, 0, NULL, 2);
}

static void body_left_behind(void *arg)
{
    cop_ref ref;
    const cop_msg *m;

    (void)arg;
    kid_start(&a, false);
    ck_assert_int_eq(
        cop_spawn(NULL, leaves_collection, &a, &(cop_opts){.monitor = &ref}),
        0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, soon()), 0);
    reason_is(cop_msg_reason(m), "normal");
}
KID_TEST(left_behind, body_left_behind)

/* -------------------------------------------------------- out of memory -- */

static void body_no_memory(void *arg)
{
    uint64_t count = 1;

    (void)arg;
    kid_start(&a, false);
    for (uint64_t n = 1; n <= count; n++) {
        cop_reqids *ids = NULL;
        const struct kid_msg body = kid_body(0, NULL);
        cop_response r;
        int err;

        cop_ext_fail_alloc(n, false);
        err = cop_reqids_new(&ids);
        if (err == 0) {
            err = cop_reqids_send(ids, a.pid, KID_DEFER, &body, sizeof body, 1);
            ck_assert_uint_eq(cop_reqids_size(ids), err == 0);
        }
        count = cop_ext_alloc_count();
        cop_ext_fail_alloc(0, false);
        ck_assert(err == 0 || err == COP_ENOMEM);
        if (err == 0)
            ck_assert_int_eq(cop_reqids_receive(ids, &r, cop_in(COP_MS), true),
                             COP_ETIMEDOUT);
        cop_reqids_free(ids);
        ck_assert_uint_lt(n, 100);
    }
}
KID_TEST(no_memory, body_no_memory)

static const TTest *const cases[] = {
    wait,           wait_again,  receive,       server_ends,     check,
    empty,          misuse,      list,          whichever_comes, oldest_first,
    without_delete, timeouts,    not_an_answer, check_many,      many,
    long_mailbox,   left_behind, no_memory,
};
UNIT_MAIN("request", cases)
