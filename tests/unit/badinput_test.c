/* SPDX-License-Identifier: MIT
 *
 * badinput_test.c - pids of nobody, wrong order of calls, absurd sizes, wrong
 * names and tags: each has its documented answer, and nobody else is harmed.
 * (What becomes of NULL is in misuse_test.c.)
 */
#include "tests/support/actor_test.h"
#include "tests/support/unit.h"

#include <coppice.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TICK = 1, FORGED = 1000 };

static void sleeps(void *arg)
{
    (void)arg;
    cop_sleep_until(COP_FOREVER);
}

static void does_nothing(void *arg)
{
    (void)arg;
}

static void expect_empty(void)
{
    const cop_msg *m = NULL;
    int err = cop_recv(&m, COP_POLL);

    ck_assert_msg(err == COP_ETIMEDOUT, "a message is left, tag %#x",
                  err == 0 ? cop_msg_tag(m) : 0u);
}

static void expect_down(cop_ref ref, cop_reason why)
{
    const cop_msg *m;

    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    ck_assert_uint_eq(cop_msg_tag(m), COP_DOWN);
    ck_assert(cop_reason_eq(cop_msg_reason(m), why));
}

/* ----------------------------------------------------- pids of nobody -- */

static void sends(cop_pid p)
{
    cop_buf *b;
    cop_msg *m;

    ck_assert_int_eq(cop_send(p, TICK, "x", 1), 0);
    ck_assert_int_eq(cop_send_urgent(p, TICK, "x", 1), 0);
    ck_assert_int_eq(cop_cast(p, TICK, "x", 1), 0);
    ck_assert_int_eq(cop_msg_new(&m, TICK, 8), 0);
    memset(cop_msg_fill(m), 0, 8);
    ck_assert_int_eq(cop_send_msg(p, m), 0);
    ck_assert_int_eq(cop_buf_new(&b, "x", 1), 0);
    ck_assert_int_eq(cop_send_buf(p, TICK, b), 0);
    cop_buf_release(b);
    ck_assert_int_eq(cop_send_alias((cop_alias){p, cop_ref_new()}, TICK, "", 0),
                     0);
    ck_assert_int_eq(
        cop_send_alias_urgent((cop_alias){p, cop_ref_new()}, TICK, "", 0), 0);
}

static void sends_later(cop_pid p)
{
    cop_timer t;

    ck_assert_int_eq(cop_send_after(&t, 0, p, TICK, "x", 1), 0);
    ck_assert_int_eq(cop_send_after(&t, COP_SEC, p, TICK, "x", 1), 0);
    (void)cop_cancel_timer(t);
    ck_assert_int_eq(cop_start_timer(&t, COP_SEC, p, "x", 1), 0);
    (void)cop_cancel_timer(t);
}

static void calls(cop_pid p)
{
    const cop_msg *m;
    cop_msg *reply;
    cop_ref ref;
    char got;
    int err;

    ck_assert_int_eq(cop_call(p, TICK, "x", 1, &got, 1, COP_FOREVER),
                     COP_ENOPROC);
    ck_assert_int_eq(cop_call_msg(&reply, p, TICK, "x", 1, COP_FOREVER),
                     COP_ENOPROC);
    ck_assert_int_gt(strlen(cop_call_text()), 0);
    err = cop_request(&ref, p, TICK, "x", 1);
    if (err == 0) {
        ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
        ck_assert_uint_eq(cop_msg_tag(m), COP_DOWN);
    } else {
        ck_assert_int_eq(err, COP_ENOPROC);
    }
    err = cop_reply((cop_from){p, cop_ref_new()}, "x", 1);
    ck_assert_int_eq(err, cop_pid_is_none(p) ? err : COP_EREPLIED);
    ck_assert_int_lt(err, 0);
}

static void watches(cop_pid p)
{
    cop_ref ref;
    const cop_msg *m;

    ck_assert_int_eq(cop_monitor(&ref, p), 0);
    expect_down(ref, COP_NOPROC);
    for (int mode = COP_ALIAS_NONE; mode <= COP_ALIAS_REPLY; mode++) {
        ck_assert_int_eq(cop_monitor_alias(&ref, p, mode), 0);
        expect_down(ref, COP_NOPROC);
        (void)cop_unalias(ref);
    }
    cop_trap_exit(true);
    ck_assert_int_eq(cop_link(p), 0);
    ck_assert_int_eq(cop_recv_tag(&m, COP_EXIT, COP_FOREVER), 0);
    ck_assert(cop_reason_eq(cop_msg_reason(m), COP_NOPROC));
    cop_trap_exit(false);
    ck_assert_int_eq(cop_unlink(p), 0);
    ck_assert_int_eq(cop_exit_signal(p, COP_KILL), 0);
    ck_assert_int_eq(cop_exit_signal(p, cop_because_fmt("b", "%d", 1)), 0);
}

static void looks(cop_pid p)
{
    const cop_msg *m;
    cop_info info;
    char text[COP_PID_TEXT];

    ck_assert(!cop_is_alive(p));
    ck_assert_int_eq(cop_info_get(p, &info), COP_ENOPROC);
    ck_assert_int_eq(cop_register("nobody", p), COP_ENOPROC);
    ck_assert(cop_pid_is_none(cop_whereis("nobody")));
    ck_assert_ptr_eq(cop_pid_str(p, text, sizeof text), text);
    ck_assert_uint_lt(strlen(text), sizeof text);
    if (!cop_pid_is_none(p))
        ck_assert_int_eq(cop_recv_from(&m, p, COP_POLL), COP_ETIMEDOUT);
    cop_dead_letters_to(p);
    ck_assert_int_eq(cop_send(p, TICK, NULL, 0), 0);
    cop_dead_letters_to(COP_NO_PID);
}

static void serves(cop_pid p)
{
    cop_registry_entry e;
    cop_reason why;

    ck_assert_int_eq(cop_server_stop(p, COP_NORMAL, COP_FOREVER, &why),
                     COP_ENOPROC);
    ck_assert_int_eq(cop_registry_put(p, "k", cop_self(), 0), COP_ENOPROC);
    ck_assert_int_eq(cop_registry_remove(p, "k", cop_self()), COP_ENOPROC);
    ck_assert_int_eq(cop_registry_lookup(p, "k", &e, 1), COP_ENOPROC);
    ck_assert_int_eq(cop_registry_count(p), COP_ENOPROC);
    ck_assert_int_eq(cop_group_join(p, "g", cop_self()), COP_ENOPROC);
    ck_assert_int_eq(cop_group_leave(p, "g", cop_self()), COP_ENOPROC);
    ck_assert_int_eq(cop_group_members(p, "g", NULL, 0), COP_ENOPROC);
    ck_assert_int_eq(cop_group_broadcast(p, "g", TICK, NULL, 0), COP_ENOPROC);
    if (!cop_pid_is_none(p))
        ck_assert_int_eq(cop_cancel((cop_task){p, cop_ref_new()}, COP_FOREVER),
                         0);
}

static void every_call(cop_pid p)
{
    sends(p);
    sends_later(p);
    calls(p);
    watches(p);
    looks(p);
    serves(p);
    expect_empty();
}

static uint64_t next_random(uint64_t *x)
{
    *x += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = (*x ^ (*x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    return z ^ (z >> 29);
}

static cop_pid stale_pid(void)
{
    cop_pid p;
    cop_ref ref;
    cop_opts opts = {.monitor = &ref};

    ck_assert_int_eq(cop_spawn(&p, does_nothing, NULL, &opts), 0);
    expect_down(ref, COP_NORMAL);
    return p;
}

static void nobody_body(void *arg)
{
    cop_pid neighbour;
    uint64_t x = 1;

    (void)arg;
    ck_assert_int_eq(cop_spawn(&neighbour, sleeps, NULL, NULL), 0);
    every_call(stale_pid());
    every_call(COP_NO_PID);
    every_call((cop_pid){UINT64_MAX});
    every_call((cop_pid){neighbour.id + (UINT64_C(1) << 24)});
    every_call((cop_pid){neighbour.id - (UINT64_C(1) << 24)});
    every_call((cop_pid){neighbour.id & 0xffffff});
    every_call((cop_pid){(uint32_t)next_random(&x)});
    for (int i = 0; i < FORGED; i++)
        every_call((cop_pid){next_random(&x)});
    ck_assert(cop_is_alive(neighbour));
}

START_TEST(pids_of_nobody)
{
    actor_test(nobody_body, NULL);
}
END_TEST

static void init_body(void *arg)
{
    (void)arg;
    sends(COP_PID_INIT);
    calls(COP_PID_INIT);
    looks(COP_PID_INIT);
    expect_empty();
}

START_TEST(init_is_no_actor)
{
    actor_test(init_body, NULL);
}
END_TEST

/* References of nobody: no alias, monitor, request or timer is hit. */
static void refs_body(void *arg)
{
    cop_ref mine;
    cop_alias alias;
    cop_timer timer;
    cop_pid p;
    uint64_t x = 2;

    (void)arg;
    ck_assert_int_eq(cop_spawn(&p, sleeps, NULL, NULL), 0);
    ck_assert_int_eq(cop_monitor(&mine, p), 0);
    ck_assert_int_eq(cop_alias_new(&alias, COP_ALIAS_EXPLICIT), 0);
    ck_assert_int_eq(cop_send_after(&timer, 3600 * COP_SEC, p, TICK, NULL, 0),
                     0);
    for (int i = 0; i < 10 * FORGED; i++) {
        cop_ref ref = {i == 0 ? 0 : i == 1 ? UINT64_MAX : next_random(&x)};

        ck_assert(!cop_demonitor(ref, i % 2));
        ck_assert(!cop_unalias(ref));
        cop_request_cancel(ref);
        ck_assert_int_eq(cop_cancel_timer((cop_timer){ref.id}), COP_ENOENT);
        ck_assert_int_eq(cop_read_timer((cop_timer){ref.id}), COP_ENOENT);
        ck_assert_int_eq(
            cop_send_alias((cop_alias){cop_self(), ref}, TICK, NULL, 0), 0);
        (void)cop_reply((cop_from){cop_self(), ref}, NULL, 0);
    }
    expect_empty();
    ck_assert(cop_cancel_timer(timer) > 0);
    ck_assert(cop_unalias(alias.ref));
    ck_assert(cop_demonitor(mine, false));
}

START_TEST(references_of_nobody)
{
    actor_test(refs_body, NULL);
}
END_TEST

/* -------------------------------------------------------------- replies -- */

static void replies_twice(void *arg)
{
    bool is_call = arg != NULL;
    const cop_msg *m;
    cop_msg *again;
    cop_from from;
    int err;

    ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
    from = cop_msg_from(m);
    ck_assert_int_eq(cop_reply(from, "1", 1), 0);
    err = cop_reply(from, "2", 1);
    ck_assert_int_eq(err, is_call ? COP_EREPLIED : err);
    ck_assert_int_eq(cop_msg_new(&again, TICK, 0), 0);
    err = cop_reply_msg(from, again);
    ck_assert_int_eq(err, is_call ? COP_EREPLIED : err);
}

static void twice_body(void *arg)
{
    const cop_msg *m;
    cop_ref end, ref;
    cop_opts opts = {.monitor = &end};
    cop_pid p;
    char got = 0;

    (void)arg;
    ck_assert_int_eq(cop_spawn(&p, replies_twice, "call", &opts), 0);
    ck_assert_int_eq(cop_call(p, TICK, NULL, 0, &got, 1, COP_FOREVER), 1);
    ck_assert_int_eq(got, '1');
    expect_down(end, COP_NORMAL);
    expect_empty();
    /* Of a request, only the caller knows whether it is answered. */
    ck_assert_int_eq(cop_spawn(&p, replies_twice, NULL, &opts), 0);
    ck_assert_int_eq(cop_request(&ref, p, TICK, NULL, 0), 0);
    expect_down(end, COP_NORMAL);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_POLL), 0);
    ck_assert_uint_eq(cop_msg_tag(m), COP_REPLY);
    ck_assert_mem_eq(cop_msg_body(m), "1", 1);
    expect_empty();
}

START_TEST(second_reply_is_refused)
{
    actor_test(twice_body, NULL);
}
END_TEST

static void calls_parent(void *arg)
{
    (void)arg;
    (void)!cop_call(cop_parent(), TICK, NULL, 0, NULL, 0, COP_FOREVER);
}

static void gone_body(void *arg)
{
    cop_ref end;
    cop_opts opts = {.monitor = &end};
    const cop_msg *m;
    cop_from from;
    cop_pid p;

    (void)arg;
    ck_assert_int_eq(cop_spawn(&p, calls_parent, NULL, &opts), 0);
    ck_assert_int_eq(cop_recv_tag(&m, TICK, COP_FOREVER), 0);
    from = cop_msg_from(m);
    ck_assert_int_eq(cop_exit_signal(p, COP_KILL), 0);
    expect_down(end, COP_KILLED);
    ck_assert_int_eq(cop_reply(from, "x", 1), COP_EREPLIED);
    ck_assert_int_eq(cop_reply((cop_from){COP_NO_PID, COP_NO_REF}, "x", 1),
                     COP_EINVAL);
}

START_TEST(reply_to_the_gone)
{
    actor_test(gone_body, NULL);
}
END_TEST

/* ---------------------------------------------------------------- names -- */

static void names_body(void *arg)
{
    char name[COP_NAME_MAX + 2];
    static const char *const bad[] = {
        "",
        "a\nb",
        "\x01",
        "x\x7f",
        "tab\t",
        "\xff\xfe",
        "\xc3",
        "a\xc0\xaf",
        "\xed\xa0\x80",
        "\xc2\x85x",
        "\xf4\x90\x80\x80",
    };
    cop_pid p, self = cop_self();
    cop_opts opts = {0};

    (void)arg;
    ck_assert_int_eq(cop_spawn(&p, sleeps, NULL, NULL), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(cop_register(bad[i], p) == COP_ENAME, "name %zu", i);
        opts.name = bad[i];
        ck_assert_int_eq(cop_spawn(NULL, sleeps, NULL, &opts), COP_ENAME);
        ck_assert(cop_pid_is_none(cop_whereis(bad[i])));
        ck_assert_int_eq(cop_unregister(bad[i]), COP_ENOENT);
        ck_assert_int_eq(cop_send_name(bad[i], TICK, NULL, 0), COP_ENOPROC);
    }
    memset(name, 'n', sizeof name);
    name[COP_NAME_MAX + 1] = '\0';
    ck_assert_int_eq(cop_register(name, p), COP_ENAME);
    ck_assert(cop_pid_is_none(cop_whereis(name)));
    name[COP_NAME_MAX] = '\0';
    ck_assert_int_eq(cop_register(name, p), 0);
    ck_assert(cop_pid_eq(cop_whereis(name), p));
    ck_assert_int_eq(cop_register("caf\xc3\xa9", p), COP_ENAMED);
    ck_assert_int_eq(cop_register(name, self), COP_ETAKEN);
    opts.name = name;
    ck_assert_int_eq(cop_spawn(NULL, sleeps, NULL, &opts), COP_ETAKEN);
    ck_assert_int_eq(cop_register("caf\xc3\xa9", self), 0);
    ck_assert_int_eq(cop_unregister("nobody"), COP_ENOENT);
}

START_TEST(wrong_names)
{
    actor_test(names_body, NULL);
}
END_TEST

/* ----------------------------------------------------------------- sizes -- */

static void sizes_body(void *arg)
{
    cop_opts stack = {.stack_bytes = (size_t)1 << 40};
    cop_opts stack2 = {.stack_bytes = SIZE_MAX};
    cop_opts mailbox = {.mailbox_max = (UINT32_C(1) << 30) + 1};
    cop_opts copy = {.arg_bytes = SIZE_MAX};
    size_t two_gib = (size_t)2 << 30;
    cop_msg *m;
    cop_buf *b;

    (void)arg;
    ck_assert_int_eq(cop_spawn(NULL, sleeps, NULL, &stack), COP_EINVAL);
    ck_assert_int_eq(cop_spawn(NULL, sleeps, NULL, &stack2), COP_EINVAL);
    ck_assert_int_eq(cop_spawn(NULL, sleeps, NULL, &mailbox), COP_EINVAL);
    mailbox.mailbox_max--;
    ck_assert_int_eq(cop_spawn(NULL, sleeps, NULL, &mailbox), 0);
    ck_assert_int_lt(cop_spawn(NULL, sleeps, "x", &copy), 0);
    ck_assert_int_eq(cop_msg_new(&m, TICK, two_gib), COP_ESIZE);
    ck_assert_int_eq(cop_msg_new(&m, TICK, SIZE_MAX), COP_ESIZE);
    ck_assert_int_lt(cop_send(cop_self(), TICK, "x", SIZE_MAX), 0);
    ck_assert_int_lt(cop_buf_new(&b, "x", SIZE_MAX), 0);
    expect_empty();
}

START_TEST(absurd_sizes)
{
    actor_test(sizes_body, NULL);
}
END_TEST

static void options_body(void *arg)
{
    cop_opts both = {.arg_bytes = 1, .arg_release = does_nothing};
    cop_opts link = {.link = true};
    cop_timer t;
    cop_ref ref;

    (void)arg;
    (void)link;
    ck_assert_int_eq(cop_spawn(NULL, NULL, NULL, NULL), COP_EINVAL);
    ck_assert_int_eq(cop_spawn_handler(NULL, NULL, NULL, NULL), COP_EINVAL);
    ck_assert_int_eq(cop_spawn(NULL, sleeps, "x", &both), COP_EINVAL);
    ck_assert_int_eq(cop_send_after(&t, -1, cop_self(), TICK, NULL, 0),
                     COP_EINVAL);
    ck_assert_int_eq(cop_start_timer(&t, -1, cop_self(), NULL, 0), COP_EINVAL);
    ck_assert_int_eq(cop_send_after_name(&t, 0, "", TICK, NULL, 0), COP_ENAME);
    ck_assert_int_eq(cop_monitor_name(&ref, "nobody"), 0);
    expect_down(ref, COP_NOPROC);
    ck_assert_int_eq(cop_send_name("nobody", TICK, NULL, 0), COP_ENOPROC);
    ck_assert_int_eq(cop_cast_name("nobody", TICK, NULL, 0), COP_ENOPROC);
    ck_assert_int_eq(
        cop_call_name("nobody", TICK, NULL, 0, NULL, 0, COP_FOREVER),
        COP_ENOPROC);
    expect_empty();
}

START_TEST(wrong_options)
{
    actor_test(options_body, NULL);
}
END_TEST

static void tags_body(void *arg)
{
    const cop_tag bad[] = {0,         COP_TAG_MAX + 1, COP_TAG_BEHAVIOUR - 1,
                           COP_EXIT,  COP_DOWN,        COP_TIMEOUT,
                           COP_REPLY, UINT32_MAX};
    cop_pid self = cop_self();
    cop_msg *m;
    cop_ref ref;
    cop_buf *b;
    cop_timer t;

    (void)arg;
    ck_assert_int_eq(cop_buf_new(&b, "x", 1), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cop_tag tag = bad[i];

        ck_assert_int_eq(cop_send(self, tag, NULL, 0), COP_EINVAL);
        ck_assert_int_eq(cop_send_urgent(self, tag, NULL, 0), COP_EINVAL);
        ck_assert_int_eq(cop_cast(self, tag, NULL, 0), COP_EINVAL);
        ck_assert_int_eq(cop_send_buf(self, tag, b), COP_EINVAL);
        ck_assert_int_eq(cop_msg_new(&m, tag, 0), COP_EINVAL);
        ck_assert_int_eq(cop_msg_new_moved(&m, tag, NULL, 0, NULL), COP_EINVAL);
        ck_assert_int_eq(cop_request(&ref, self, tag, NULL, 0), COP_EINVAL);
        ck_assert_int_eq(cop_call(self, tag, NULL, 0, NULL, 0, COP_FOREVER),
                         COP_EINVAL);
        ck_assert_int_eq(cop_send_after(&t, 0, self, tag, NULL, 0), COP_EINVAL);
    }
    cop_buf_release(b);
    expect_empty();
    ck_assert_int_eq(cop_send(self, COP_TAG_MAX, NULL, 0), 0);
    ck_assert_int_eq(cop_send(self, COP_TAG_BEHAVIOUR, NULL, 0), 0);
}

START_TEST(reserved_tags)
{
    actor_test(tags_body, NULL);
}
END_TEST

/* ------------------------------------------------------- start and stop -- */

static cop_pid someone;

static void no_runtime(void)
{
    cop_opts named = {.name = "x"};
    cop_msg *m = NULL;
    char got;

    ck_assert(!cop_is_running());
    ck_assert_int_eq(cop_send(someone, TICK, "x", 1), COP_ESTOPPED);
    ck_assert_int_eq(cop_cast(someone, TICK, "x", 1), COP_ESTOPPED);
    ck_assert_int_eq(cop_send_name("x", TICK, "x", 1), COP_ESTOPPED);
    if (cop_msg_new(&m, TICK, 1) == 0)
        ck_assert_int_eq(cop_send_msg(someone, m), COP_ESTOPPED);
    ck_assert_int_eq(cop_spawn(NULL, sleeps, NULL, NULL), COP_ESTOPPED);
    ck_assert_int_eq(cop_spawn(NULL, sleeps, NULL, &named), COP_ESTOPPED);
    ck_assert_int_eq(cop_exit_signal(someone, COP_KILL), COP_ESTOPPED);
    ck_assert_int_eq(cop_call(someone, TICK, NULL, 0, &got, 1, COP_FOREVER),
                     COP_ESTOPPED);
    ck_assert_int_lt(cop_registry_count(someone), 0);
    ck_assert(cop_pid_is_none(cop_whereis("x")));
    ck_assert(cop_pid_is_none(cop_self()));
    ck_assert(!cop_is_alive(someone));
    ck_assert_int_eq(cop_stop(COP_POLL, NULL), COP_ESTOPPED);
}

START_TEST(runtime_not_running)
{
    cop_config one = {.workers = 1};

    someone = (cop_pid){UINT64_C(1) << 24 | 1};
    no_runtime();
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(cop_start(&one), 0);
        ck_assert_int_eq(cop_start(&one), COP_EALREADY);
        ck_assert_int_eq(cop_start(NULL), COP_EALREADY);
        ck_assert_int_eq(cop_spawn(&someone, sleeps, NULL, NULL), 0);
        ck_assert(cop_is_alive(someone));
        ck_assert_int_eq(cop_stop(cop_in(20 * COP_SEC), NULL), 0);
        no_runtime();
    }
}
END_TEST

START_TEST(absurd_configurations)
{
    const cop_config bad[] = {
        {.workers = 257}, {.workers = UINT32_MAX}, {.actors_max = UINT32_MAX},
        {.slice_ns = -1}, {.drain_ns = -1},        {.hibernate_ns = -1},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int err = cop_start(&bad[i]);

        ck_assert_msg(err == COP_EINVAL, "configuration %zu: %d", i, err);
    }
    ck_assert(!cop_is_running());
}
END_TEST

static void from_inside_body(void *arg)
{
    int err;

    (void)arg;
    err = cop_start(NULL);
    ck_assert_int_eq(err, COP_EALREADY);
}

START_TEST(start_from_inside)
{
    actor_test(from_inside_body, NULL);
}
END_TEST

static const TTest *const cases[] = {
    pids_of_nobody,        init_is_no_actor,
    references_of_nobody,  second_reply_is_refused,
    reply_to_the_gone,     wrong_names,
    absurd_sizes,          wrong_options,
    reserved_tags,         runtime_not_running,
    absurd_configurations, start_from_inside,
};
UNIT_MAIN("badinput", cases)
