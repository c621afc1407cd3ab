/* SPDX-License-Identifier: MIT
 *
 * multi_call_test.c - calls and casts to many servers at once.
 */
#include <coppice.h>

#include "tests/support/kid.h"

static struct kid a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"};

static cop_time soon(void)
{
    return cop_in(5 * COP_SEC);
}

static void row_is(cop_multi_reply *row, cop_pid server, int code, int n)
{
    ck_assert(cop_pid_eq(row->server, server));
    ck_assert_int_eq(row->code, code);
    ck_assert((row->reply != NULL) == (code == 0));
    if (row->reply != NULL)
        ck_assert_int_eq(*cop_msg_as(row->reply, int), n);
    cop_msg_free(row->reply);
}

static int ask_three(cop_multi_reply *out, cop_tag tag, int n,
                     cop_time deadline)
{
    const cop_pid three[] = {a.pid, b.pid, c.pid};
    struct kid_msg body = kid_body(n, NULL);

    return cop_multi_call(three, 3, tag, &body, sizeof body, out, deadline);
}

static void start_three(void)
{
    kid_start(&a, false);
    kid_start(&b, false);
    kid_start(&c, false);
}

/* In the order of asking, whoever answers first; all are asked at once. */
static void body_multi_call(void *arg)
{
    cop_multi_reply out[3];
    cop_time before;

    (void)arg;
    start_three();
    kid_tell(a.pid, KID_SLOW, 100, NULL);
    kid_tell(c.pid, KID_SLOW, 100, NULL);
    before = cop_now();
    ck_assert_int_eq(ask_three(out, KID_ECHO, 5, soon()), 3);
    ck_assert_int_lt(cop_now() - before, 150 * COP_MS);
    row_is(&out[0], a.pid, 0, 5);
    row_is(&out[1], b.pid, 0, 5);
    row_is(&out[2], c.pid, 0, 5);
    mailbox_is_empty();
}
KID_TEST(multi_call, body_multi_call)

/* Who ended, who is dead, who is late; late answers are not seen. */
static void body_multi_call_fails(void *arg)
{
    cop_multi_reply out[3];

    (void)arg;
    start_three();
    kid_tell(a.pid, KID_SLOW, 300, NULL);
    kid_tell(b.pid, KID_SLOW, 10, NULL);
    kid_tell(b.pid, KID_CRASH, 0, "boo");
    cop_exit_signal(c.pid, COP_KILL);
    settle();
    ck_assert_int_eq(ask_three(out, KID_ECHO, 5, cop_in(100 * COP_MS)), 0);
    row_is(&out[0], a.pid, COP_ETIMEDOUT, 0);
    row_is(&out[1], b.pid, COP_EDOWN, 0);
    row_is(&out[2], c.pid, COP_ENOPROC, 0);
    cop_sleep(COP_SEC);
    mailbox_is_empty();
    ck_assert_int_eq(ask_three(out, KID_ECHO, 5, cop_in(100 * COP_MS)), 1);
    row_is(&out[0], a.pid, 0, 5);
    row_is(&out[1], b.pid, COP_ENOPROC, 0);
    row_is(&out[2], c.pid, COP_ENOPROC, 0);
    /* it ends with a reason that has a payload */
    ck_assert_int_eq(cop_multi_call(&a.pid, 1, KID_ECHO, "x", 1, out, soon()),
                     0);
    row_is(&out[0], a.pid, COP_EDOWN, 0);
}
KID_TEST(multi_call_fails, body_multi_call_fails)

static void sleeps(void *arg)
{
    (void)arg;
    cop_sleep(20 * COP_SEC);
}

/* One whose mailbox has no room. */
static cop_pid full_one(void)
{
    const cop_opts one = {.mailbox_max = 1};
    cop_pid pid;

    ck_assert_int_eq(cop_spawn(&pid, sleeps, NULL, &one), 0);
    ck_assert_int_eq(cop_send(pid, 1, NULL, 0), 0);
    return pid;
}

static void body_multi_call_full(void *arg)
{
    struct kid_msg body = kid_body(5, NULL);
    cop_multi_reply out[2];
    cop_pid two[2];

    (void)arg;
    kid_start(&a, false);
    two[0] = full_one();
    two[1] = a.pid;
    ck_assert_int_eq(
        cop_multi_call(two, 2, KID_ECHO, &body, sizeof body, out, soon()), 1);
    row_is(&out[0], two[0], COP_EFULL, 0);
    row_is(&out[1], a.pid, 0, 5);
}
KID_TEST(multi_call_full, body_multi_call_full)

static void body_multi_call_misuse(void *arg)
{
    const cop_pid twice[] = {a.pid, a.pid};
    cop_multi_reply out[2];

    (void)arg;
    ck_assert_int_eq(cop_multi_call(NULL, 0, KID_ECHO, NULL, 0, NULL, soon()),
                     0);
    ck_assert_int_eq(cop_multi_call(NULL, 1, KID_ECHO, NULL, 0, out, soon()),
                     COP_EINVAL);
    ck_assert_int_eq(cop_multi_call(twice, 2, KID_ECHO, NULL, 0, NULL, soon()),
                     COP_EINVAL);
    ck_assert_int_eq(cop_multi_call(twice, 2, KID_ECHO, NULL, 1, out, soon()),
                     COP_EINVAL);
    ck_assert_int_eq(cop_multi_call(twice, 2, 0, NULL, 0, out, soon()),
                     COP_EINVAL);
    ck_assert_int_eq(cop_multi_call(twice, 2, COP_EXIT, NULL, 0, out, soon()),
                     COP_EINVAL);
    ck_assert_int_eq(cop_abcast(NULL, 1, 1, NULL, 0), COP_EINVAL);
    ck_assert_int_eq(cop_abcast(twice, 2, 0, NULL, 0), COP_EINVAL);
    ck_assert_int_eq(cop_abcast(NULL, 0, 1, NULL, 0), 0);
    ck_assert_int_eq(cop_multi_call_group(cop_self(), "g", 1, NULL, 0, NULL, 1,
                                          NULL, soon()),
                     COP_EINVAL);
}
KID_TEST(multi_call_misuse, body_multi_call_misuse)

/* The same one twice, and a caller that handles a message meanwhile. */
static cop_next asks_within(void *state, const cop_msg *m)
{
    const cop_pid twice[] = {a.pid, a.pid};
    struct kid_msg body = kid_body(4, NULL);
    cop_multi_reply out[2];

    (void)state;
    ck_assert_int_eq(
        cop_multi_call(twice, 2, KID_ECHO, &body, sizeof body, out, soon()), 2);
    row_is(&out[0], a.pid, 0, 4);
    row_is(&out[1], a.pid, 0, 4);
    note("still %d", *cop_msg_as(m, int));
    return cop_next_wait();
}

static void body_multi_call_inside(void *arg)
{
    static const cop_server def = {.cast = asks_within};
    const int n = 9;
    cop_pid p;

    (void)arg;
    kid_start(&a, false);
    notes_forget();
    ck_assert_int_eq(cop_server_start(&p, &def, NULL, NULL, NULL), 0);
    ck_assert_int_eq(cop_cast(p, 1, &n, sizeof n), 0);
    settle();
    notes_are("a call 1|a call 1|still 9|");
}
KID_TEST(multi_call_inside, body_multi_call_inside)

static void calls_three(void *arg)
{
    cop_multi_reply out[3];

    (void)arg;
    (void)ask_three(out, KID_ECHO, 5, COP_FOREVER);
    note("strange");
}

/* The caller is killed: its helper ends. Sanitizers see that nothing leaks. */
static void body_multi_caller_dies(void *arg)
{
    cop_pid pids[16], p;
    size_t before;

    (void)arg;
    start_three();
    kid_tell(c.pid, KID_SLOW, 5000, NULL); /* the others answer */
    settle();
    before = cop_actors(pids, 16);
    ck_assert_int_eq(cop_spawn(&p, calls_three, NULL, NULL), 0);
    settle();
    ck_assert_uint_eq(cop_actors(pids, 16), before + 2);
    cop_exit_signal(p, COP_KILL);
    settle();
    ck_assert_uint_eq(cop_actors(pids, 16), before);
}
KID_TEST(multi_caller_dies, body_multi_caller_dies)

static void body_multi_many(void *arg)
{
    enum { MANY = 500 };
    static cop_pid pids[MANY];
    static cop_multi_reply out[MANY];
    struct kid_msg body = kid_body(3, NULL);

    (void)arg;
    kid_start(&a, false);
    kid_start(&b, false);
    for (int i = 0; i < MANY; i++)
        pids[i] = i % 2 ? a.pid : b.pid;
    ck_assert_int_eq(
        cop_multi_call(pids, MANY, KID_ECHO, &body, sizeof body, out, soon()),
        MANY);
    for (int i = 0; i < MANY; i++)
        row_is(&out[i], pids[i], 0, 3);
}
KID_TEST(multi_many, body_multi_many)

static void body_multi_call_group(void *arg)
{
    struct kid_msg body = kid_body(6, NULL);
    cop_multi_reply out[4];
    size_t asked;
    cop_pid g;

    (void)arg;
    start_three();
    ck_assert_int_eq(cop_group_start(&g, NULL), 0);
    ck_assert_int_eq(cop_group_join(g, "g", c.pid), 0);
    ck_assert_int_eq(cop_group_join(g, "g", a.pid), 0);
    ck_assert_int_eq(cop_group_join(g, "g", c.pid), 0);
    notes_forget();
    ck_assert_int_eq(cop_multi_call_group(g, "g", KID_ECHO, &body, sizeof body,
                                          out, 2, &asked, soon()),
                     COP_ESIZE);
    ck_assert_uint_eq(asked, 3);
    notes_are("");
    ck_assert_int_eq(cop_multi_call_group(g, "g", KID_ECHO, &body, sizeof body,
                                          out, 4, &asked, soon()),
                     3);
    ck_assert_uint_eq(asked, 3);
    row_is(&out[0], c.pid, 0, 6);
    row_is(&out[1], a.pid, 0, 6);
    row_is(&out[2], c.pid, 0, 6);
    ck_assert_int_eq(cop_multi_call_group(g, "none", KID_ECHO, &body,
                                          sizeof body, out, 4, NULL, soon()),
                     0);
    ck_assert_int_eq(cop_multi_call_group(g, "", KID_ECHO, &body, sizeof body,
                                          out, 4, NULL, soon()),
                     COP_ENAME);
}
KID_TEST(multi_call_group, body_multi_call_group)

static void body_abcast(void *arg)
{
    struct kid_msg body = kid_body(6, NULL);
    cop_pid pids[4];

    (void)arg;
    start_three();
    notes_forget();
    cop_exit_signal(b.pid, COP_KILL);
    pids[0] = b.pid;
    pids[1] = full_one();
    pids[2] = pids[3] = a.pid;
    ck_assert_int_eq(cop_abcast(pids, 4, KID_ADD, &body, sizeof body), 3);
    ck_assert_int_eq(kid_ask(a.pid, KID_GET, 0, NULL), 12);
}
KID_TEST(abcast, body_abcast)

START_TEST(multi_call_from_outside)
{
    const cop_config config = {.workers = 2};
    cop_multi_reply out[3];
    struct kid_msg body = kid_body(6, NULL);
    cop_pid g;

    ck_assert_int_eq(cop_start(&config), 0);
    start_three();
    cop_exit_signal(b.pid, COP_KILL);
    while (cop_is_alive(b.pid))
        ;
    ck_assert_int_eq(ask_three(out, KID_ECHO, 5, soon()), 2);
    row_is(&out[0], a.pid, 0, 5);
    row_is(&out[1], b.pid, COP_ENOPROC, 0);
    row_is(&out[2], c.pid, 0, 5);
    ck_assert_int_eq(ask_three(out, KID_DEFER, 5, cop_in(COP_MS)), 0);
    ck_assert_int_eq(cop_group_start(&g, NULL), 0);
    ck_assert_int_eq(cop_group_join(g, "g", c.pid), 0);
    ck_assert_int_eq(cop_multi_call_group(g, "g", KID_ECHO, &body, sizeof body,
                                          out, 3, NULL, soon()),
                     1);
    row_is(&out[0], c.pid, 0, 6);
    ck_assert_int_eq(cop_stop(cop_in(COP_SEC), NULL), 0);
    ck_assert_int_eq(ask_three(out, KID_ECHO, 5, soon()), COP_ESTOPPED);
    ck_assert(out[0].code == COP_ESTOPPED && out[0].reply == NULL);
}
END_TEST

static void body_multi_no_memory(void *arg)
{
    uint64_t count = 1;

    (void)arg;
    start_three();
    for (uint64_t n = 1; n <= count; n++) {
        cop_multi_reply out[3];
        int err;

        cop_ext_fail_alloc(n, false);
        err = ask_three(out, KID_DEFER, 5, cop_in(10 * COP_MS));
        count = cop_ext_alloc_count();
        cop_ext_fail_alloc(0, false);
        ck_assert_msg(err == 0 || err == COP_ENOMEM || err == COP_EDOWN, "%s",
                      cop_error_str(err));
        for (int i = 0; i < 3; i++)
            ck_assert(out[i].code < 0 && out[i].reply == NULL);
        notes_forget();
        settle();
        mailbox_is_empty();
        ck_assert_uint_lt(n, 1000);
    }
}
KID_TEST(multi_no_memory, body_multi_no_memory)

static const TTest *const cases[] = {
    multi_call,
    multi_call_fails,
    multi_call_full,
    multi_call_misuse,
    multi_call_inside,
    multi_caller_dies,
    multi_many,
    multi_call_group,
    abcast,
    multi_call_from_outside,
    multi_no_memory,
};
UNIT_MAIN("multi_call", cases)
