/* SPDX-License-Identifier: MIT
 *
 * supervisor_dynamic_test.c - COP_DYNAMIC: children of any kind that come and
 * go. What is expected is what Elixir's DynamicSupervisor does.
 */
#include <coppice.h>

#include "tests/support/sup.h"

static const cop_sup pool = {.strategy = COP_DYNAMIC, .intensity = 5};

static int add(cop_pid s, cop_pid *out, const cop_child spec)
{
    return cop_sup_start_child(s, out, &spec, NULL);
}

/* A child without an id. */
#define NAMELESS(k, ...)                                                       \
    (cop_child)                                                                \
    {                                                                          \
        .server = &kid_server, .arg = &k, __VA_ARGS__                          \
    }

static void body_children_of_any_kind(void *arg)
{
    const cop_child kids[] = {SERVER(d), ACTOR(e)};
    const cop_sup below = {CHILDREN(kids)};
    cop_pid s = up(&pool), pid, sub;
    char tree[512];
    (void)arg;
    which_is(s, "");
    counts_are(s, "0 0 0 0");
    ck_assert_int_eq(add(s, &pid, NAMELESS(a)), 0);
    ck_assert(cop_pid_eq(pid, a.pid) && cop_pid_eq(a.parent, s));
    ck_assert_int_eq(add(s, &pid, (cop_child)ACTOR(b)), 0);
    ck_assert_int_eq(add(s, &sub, (cop_child){.id = "sub", .sup = &below}), 0);
    settle();
    which_is(s, "=up b=up sub=up");
    counts_are(s, "3 3 1 2");
    which_is(sub, "d=up e=up");
    (void)cop_sup_tree(s, tree, sizeof tree);
    ck_assert_ptr_nonnull(strstr(tree, " dynamic\n  -  "));
    ck_assert_ptr_nonnull(strstr(tree, "\n  sub  one_for_one"));
    /* an id names nobody, so it may be there twice */
    ck_assert_int_eq(add(s, NULL, NAMELESS(c, .id = "b")), 0);
    which_is(s, "=up b=up sub=up b=up");
}
KID_TEST(children_of_any_kind, body_children_of_any_kind)

static void body_by_pid_only(void *arg)
{
    cop_pid s = up(&pool), pid, stranger;
    cop_child spec;
    (void)arg;
    ck_assert_int_eq(add(s, &pid, (cop_child)SERVER(a)), 0);
    ck_assert_int_eq(cop_sup_terminate_child(s, "a"), COP_ESIMPLE);
    ck_assert_int_eq(cop_sup_restart_child(s, NULL, "a", NULL), COP_ESIMPLE);
    ck_assert_int_eq(cop_sup_delete_child(s, "a"), COP_ESIMPLE);
    ck_assert_int_eq(cop_sup_get_childspec(s, "a", &spec), COP_ESIMPLE);
    ck_assert_int_eq(cop_spawn(&stranger, kid_actor, &c, NULL), 0);
    ck_assert_int_eq(cop_sup_terminate_pid(s, stranger), COP_ENOENT);
    settle();
    notes_forget();
    ck_assert_int_eq(cop_sup_terminate_pid(s, pid), 0);
    notes_are("a terminate shutdown|");
    which_is(s, "");
    ck_assert_int_eq(cop_sup_terminate_pid(s, pid), COP_ENOENT);
}
KID_TEST(by_pid_only, body_by_pid_only)

static void body_starts_that_fail(void *arg)
{
    cop_pid s = up(&pool), pid;
    cop_reason why;
    (void)arg;
    a.init = "fail:boom,ignore,ok";
    ck_assert_int_eq(cop_sup_start_child(s, &pid, &NAMELESS(a), &why),
                     COP_EFAILED);
    reason_was(why, "boom");
    ck_assert_int_eq(add(s, &pid, NAMELESS(a)), COP_EIGNORE);
    which_is(s, "");
    ck_assert_int_eq(add(s, &pid, NAMELESS(a)), 0);
    which_is(s, "=up");
    /* specifications that are wrong */
    ck_assert_int_eq(add(s, &pid, (cop_child){.id = "x"}), COP_ESPEC);
    ck_assert_int_eq(add(s, &pid, NAMELESS(a, .significant = true)), COP_ESPEC);
    ck_assert_int_eq(add(s, &pid, NAMELESS(a, .shutdown_ns = -7)), COP_ESPEC);
    which_is(s, "=up");
}
KID_TEST(starts_that_fail, body_starts_that_fail)

static void wrong(const cop_sup spec, const char *want)
{
    char text[256];
    ck_assert_int_eq(cop_sup_check(&spec, text, sizeof text), COP_ESPEC);
    ck_assert_str_eq(text, want);
}

static void body_wrong_supervisors(void *arg)
{
    const cop_child kids[] = {SERVER(a)};
    const cop_sup first = {.strategy = COP_DYNAMIC, CHILDREN(kids)};
    cop_reason why;
    cop_pid pid;
    (void)arg;
    wrong(first, "supervisor: dynamic has children (they are all added at run "
                 "time)");
    wrong((cop_sup){.max_children = 1},
          "supervisor: max_children is set, but strategy is not COP_DYNAMIC");
    ck_assert_int_eq(cop_sup_check(&pool, NULL, 0), 0);
    cop_trap_exit(true);
    ck_assert_int_eq(cop_sup_start(&pid, &first, NULL, &why), COP_ESPEC);
    cop_reason_release(why);
}
KID_TEST(wrong_supervisors, body_wrong_supervisors)

static void body_max_children(void *arg)
{
    const cop_sup two = {
        .strategy = COP_DYNAMIC, .max_children = 2, .intensity = 100};
    cop_pid s = up(&two), pid;
    (void)arg;
    a.init = "ok,fail:one+"; /* restarting, from its first death on */
    a.init_ns = 500 * COP_MS;
    ck_assert_int_eq(add(s, &pid, NAMELESS(a)), 0);
    ck_assert_int_eq(add(s, NULL, NAMELESS(b, .restart = COP_TEMPORARY)), 0);
    ck_assert_int_eq(add(s, NULL, NAMELESS(c)), COP_ELIMIT);
    crash(&b, "boom");
    ck_assert_int_eq(add(s, NULL, NAMELESS(c)), 0);
    ck_assert_int_eq(add(s, NULL, NAMELESS(d)), COP_ELIMIT);
    ck_assert_int_eq(cop_sup_terminate_pid(s, c.pid), 0);
    kid_send(pid, KID_CRASH, 0, "boom");
    ck_assert_int_eq(add(s, NULL, NAMELESS(d)), 0);
    /* one that is restarting has its place */
    ck_assert_int_eq(add(s, NULL, NAMELESS(e)), COP_ELIMIT);
}
KID_TEST(max_children, body_max_children)

static void body_restarts(void *arg)
{
    cop_pid s = up(&pool);
    (void)arg;
    ck_assert_int_eq(add(s, NULL, NAMELESS(a)), 0);
    ck_assert_int_eq(add(s, NULL, NAMELESS(b, .restart = COP_TRANSIENT)), 0);
    ck_assert_int_eq(add(s, NULL, NAMELESS(c, .restart = COP_TEMPORARY)), 0);
    notes_forget();
    crash(&a, "normal");
    crash(&b, "boom");
    notes_are("a terminate normal|a start|b terminate boom|b start|");
    crash(&b, "shutdown");
    crash(&c, "boom");
    which_is(s, "=up");
    counts_are(s, "1 1 0 1");
    for (int i = 0; i < 3; i++)
        crash(&a, "boom");
    which_is(s, "=up");
    crash(&a, "boom"); /* the sixth */
    got_exit(s, "shutdown");
}
KID_TEST(restarts, body_restarts)

static void body_restarting(void *arg)
{
    cop_pid s = up(&pool), old;
    (void)arg;
    a.init = "ok,fail:one+";
    a.init_ns = 300 * COP_MS;
    ck_assert_int_eq(add(s, NULL, NAMELESS(a)), 0);
    ck_assert_int_eq(add(s, NULL, NAMELESS(b)), 0);
    old = a.pid;
    crash(&a, "boom");
    which_is(s, "=restarting =up");
    counts_are(s, "2 1 0 2");
    ck_assert_int_eq(cop_sup_terminate_pid(s, old), 0); /* no more tries */
    which_is(s, "=up");
    cop_sleep(COP_SEC);
    which_is(s, "=up");
}
KID_TEST(restarting, body_restarting)

static void body_ignored_at_a_restart_is_gone(void *arg)
{
    cop_pid s = up(&pool);
    (void)arg;
    a.init = "ok,ignore";
    ck_assert_int_eq(add(s, NULL, NAMELESS(a)), 0);
    crash(&a, "boom");
    which_is(s, "");
}
KID_TEST(ignored_at_a_restart_is_gone, body_ignored_at_a_restart_is_gone)

static void body_auto_shutdown(void *arg)
{
    const cop_sup spec = {.strategy = COP_DYNAMIC,
                          .auto_shutdown = COP_AUTO_ALL};
    cop_pid s = up(&spec);
    (void)arg;
    ck_assert_int_eq(add(s, NULL, NAMELESS(a)), 0);
    ck_assert_int_eq(
        add(s, NULL,
            NAMELESS(b, .restart = COP_TEMPORARY, .significant = true)),
        0);
    ck_assert_int_eq(
        add(s, NULL,
            NAMELESS(c, .restart = COP_TRANSIENT, .significant = true)),
        0);
    crash(&b, "boom");
    crash(&c, "boom"); /* restarted */
    which_is(s, "=up =up");
    crash(&c, "normal");
    got_exit(s, "shutdown");
}
KID_TEST(auto_shutdown, body_auto_shutdown)

/* Each its own time, and all at once: the end takes as long as the longest. */
static void body_stops_all_at_once(void *arg)
{
    cop_pid s = up(&pool), unlinked;
    cop_time before;
    (void)arg;
    ck_assert_int_eq(add(s, NULL, NAMELESS(a, .shutdown_ns = 800 * COP_MS)), 0);
    ck_assert_int_eq(add(s, NULL, NAMELESS(b, .shutdown_ns = 200 * COP_MS)), 0);
    ck_assert_int_eq(add(s, NULL, NAMELESS(c, .shutdown_ns = 400 * COP_MS)), 0);
    ck_assert_int_eq(add(s, NULL, NAMELESS(d, .shutdown_ns = COP_BRUTAL_KILL)),
                     0);
    ck_assert_int_eq(add(s, NULL, NAMELESS(e)), 0);
    a.terminate_ns = 700 * COP_MS; /* in time */
    d.terminate_ns = 10 * COP_SEC; /* it is not asked */
    b.terminate_ns = c.terminate_ns = 900 * COP_MS;
    e.terminate_ns = 300 * COP_MS;
    kid_send(a.pid, KID_UNLINK, 0, NULL);
    settle();
    unlinked = a.pid;
    notes_forget();
    before = cop_now();
    stop(s);
    ck_assert_int_ge(cop_now() - before, 700 * COP_MS);
    ck_assert_int_lt(cop_now() - before, 710 * COP_MS);
    ck_assert(!cop_is_alive(unlinked));
    ck_assert(!cop_is_alive(b.pid) && !cop_is_alive(c.pid));
    ck_assert(!cop_is_alive(d.pid) && !cop_is_alive(e.pid));
}
KID_TEST(stops_all_at_once, body_stops_all_at_once)

/* When each of those that do not end in time was killed. */
static void body_kills_each_in_its_time(void *arg)
{
    static struct kid kids[40];
    static cop_pid pids[40];
    cop_ref refs[40];
    cop_pid s = up(&pool);
    const cop_msg *m;
    cop_time before;
    (void)arg;
    for (int i = 0; i < 40; i++) {
        int ms = 10 * ((i * 17) % 40 + 1); /* 10 to 400, in no order */
        kids[i] = (struct kid){
            .name = "k", .trap = true, .terminate_ns = 10 * COP_SEC};
        ck_assert_int_eq(
            add(s, &pids[i], NAMELESS(kids[i], .shutdown_ns = ms * COP_MS)), 0);
        ck_assert_int_eq(cop_monitor(&refs[i], pids[i]), 0);
    }
    before = cop_now();
    ck_assert_int_eq(cop_exit_signal(s, COP_SHUTDOWN), 0);
    for (int n = 1; n <= 40; n++) {
        int i = 0;
        ck_assert_int_eq(cop_recv_tag(&m, COP_DOWN, COP_FOREVER), 0);
        reason_is(cop_msg_reason(m), "killed");
        while (!cop_ref_eq(refs[i], cop_msg_ref(m)))
            i++;
        ck_assert_int_eq((i * 17) % 40 + 1, n);
        ck_assert_int_ge(cop_now() - before, 10 * n * COP_MS);
        ck_assert_int_lt(cop_now() - before, 10 * n * COP_MS + 8 * COP_MS);
    }
    got_exit(s, "shutdown");
}
KID_TEST(kills_each_in_its_time, body_kills_each_in_its_time)

/* The request carries all: what it points at may go. */
static void body_specification_is_copied(void *arg)
{
    char id[] = "temporary";
    cop_child spec = {.id = id,
                      .server = &kid_server,
                      .arg = &a,
                      .opts = {.name = id},
                      .restart = COP_TRANSIENT};
    cop_pid s = up(&pool);
    (void)arg;
    ck_assert_int_eq(cop_sup_start_child(s, NULL, &spec, NULL), 0);
    memset(id, 'x', sizeof id - 1);
    memset(&spec, 0x5a, sizeof spec);
    crash(&a, "boom");
    which_is(s, "temporary=up");
    ck_assert(cop_pid_eq(cop_whereis("temporary"), a.pid));
    crash(&a, "normal");
    which_is(s, "");
}
KID_TEST(specification_is_copied, body_specification_is_copied)

/* The n-th allocation of the runtime fails, for each n: a child that could not
 * be started is not there. */
static void body_no_memory(void *arg)
{
    cop_pid s = up(&pool), pid;
    uint64_t count, n = 0;
    (void)arg;
    do {
        cop_reason why = COP_NORMAL;
        int err;
        cop_ext_fail_alloc(++n, false);
        err = cop_sup_start_child(s, &pid, &NAMELESS(a), &why);
        count = cop_ext_alloc_count();
        cop_ext_fail_alloc(0, false);
        settle();
        ck_assert_msg(err == 0 || err == COP_ENOMEM || err == COP_EFAILED, "%s",
                      cop_error_str(err));
        cop_reason_release(why);
        which_is(s, err == 0 ? "=up" : "");
        if (err == 0)
            ck_assert_int_eq(cop_sup_terminate_pid(s, pid), 0);
        notes_forget();
    } while (count >= n);
    ck_assert_uint_gt(n, 5);
}
KID_TEST(no_memory, body_no_memory)

/* As a child itself; and it is empty again after its own restart. */
static void body_below_another(void *arg)
{
    const cop_child kids[] = {
        {.id = "pool", .sup = &pool, .opts = {.name = "pool"}}};
    const cop_sup top = {CHILDREN(kids)};
    cop_pid s = up(&top), old = cop_whereis("pool");
    (void)arg;
    ck_assert_int_eq(add(old, NULL, NAMELESS(a)), 0);
    ck_assert_int_eq(cop_exit_signal(old, COP_KILL), 0);
    settle();
    ck_assert(!cop_pid_is_none(cop_whereis("pool")));
    ck_assert(!cop_pid_eq(cop_whereis("pool"), old));
    which_is(cop_whereis("pool"), "");
    counts_are(s, "1 1 1 0");
}
KID_TEST(below_another, body_below_another)

static const TTest *const cases[] = {
    children_of_any_kind,
    by_pid_only,
    starts_that_fail,
    wrong_supervisors,
    max_children,
    restarts,
    restarting,
    ignored_at_a_restart_is_gone,
    auto_shutdown,
    stops_all_at_once,
    kills_each_in_its_time,
    specification_is_copied,
    no_memory,
    below_another,
};
UNIT_MAIN("supervisor_dynamic", cases)
