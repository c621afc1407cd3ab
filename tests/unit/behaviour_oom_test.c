/* SPDX-License-Identifier: MIT
 *
 * behaviour_oom_test.c - servers and supervisors when memory runs out: the
 * n-th allocation of the runtime fails, for each n until there is none left.
 * Whatever comes of it is an error that says so, or works; nothing hangs, and
 * (in a sanitizer build) nothing leaks.
 */
#include <coppice.h>

#include "tests/support/sup.h"

/* Runs `act` with the n-th allocation failing, n = 1, 2, ... until it needs
 * fewer than n. It has to leave nothing behind. */
static void fail_each(void (*act)(void))
{
    for (uint64_t n = 1;; n++) {
        uint64_t count;
        cop_ext_fail_alloc(n, false);
        act();
        count = cop_ext_alloc_count();
        cop_ext_fail_alloc(0, false);
        notes_forget();
        if (count < n)
            return;
        ck_assert_uint_lt(n, 5000);
    }
}

/* Ends it for sure, whatever it is about to do. */
static void end(cop_pid pid)
{
    const cop_msg *m;
    cop_ref ref;
    cop_ext_fail_alloc(0, false);
    ck_assert_int_eq(cop_monitor(&ref, pid), 0);
    cop_exit_signal(pid, COP_KILL);
    ck_assert_int_eq(cop_recv_ref(&m, ref, cop_in(10 * COP_SEC)), 0);
    cop_sleep(10 * COP_MS);
    while (cop_recv(&m, COP_POLL) == 0)
        ck_assert_uint_eq(cop_msg_tag(m), COP_EXIT);
}

static void is_failure(int err)
{
    ck_assert_msg(err == COP_ENOMEM || err == COP_EDOWN || err == COP_EFAILED ||
                      err == COP_ELIMIT,
                  "%s", cop_error_str(err));
}

static void starts_server(void)
{
    cop_server_opts opts = {.spawn = {.link = true, .name = "svc"}};
    struct kid k = {.name = "k", .cont = true};
    cop_reason why;
    cop_pid pid;
    int err = cop_server_start(&pid, &kid_server, &k, &opts, &why);
    if (err == 0) {
        end(pid);
        return;
    }
    is_failure(err);
    cop_reason_release(why);
    cop_ext_fail_alloc(0, false);
    ck_assert(cop_pid_is_none(cop_whereis("svc")));
    mailbox_is_empty();
}

static void body_server_start(void *arg)
{
    (void)arg;
    cop_trap_exit(true);
    fail_each(starts_server);
}
KID_TEST(server_start, body_server_start)

static cop_pid target;

static void stops_server(void)
{
    cop_reason why;
    int err;
    err = cop_server_stop(target, cop_because_fmt("done", "x"), cop_in(COP_SEC),
                          &why);
    if (err != 0)
        is_failure(err);
    cop_reason_release(why);
    end(target);
    kid_start(&a, true);
    target = a.pid;
}

static void body_server_stop(void *arg)
{
    (void)arg;
    cop_trap_exit(true);
    kid_start(&a, true);
    target = a.pid;
    fail_each(stops_server);
}
KID_TEST(server_stop, body_server_stop)

static void starts_sup(void)
{
    const cop_child kids[] = {SERVER(a), ACTOR(b)};
    const cop_sup spec = {.intensity = 100, CHILDREN(kids)};
    cop_reason why;
    cop_pid s;
    int err = cop_sup_start(&s, &spec, NULL, &why);
    if (err == 0) {
        end(s);
        return;
    }
    is_failure(err);
    cop_reason_release(why);
}

static void body_sup_start(void *arg)
{
    (void)arg;
    cop_trap_exit(true);
    fail_each(starts_sup);
}
KID_TEST(sup_start, body_sup_start)

/* A child dies: it is up again, or the supervisor has given up. */
static void restarts(void)
{
    const cop_child kids[] = {SERVER(a), SERVER(b)};
    const cop_sup spec = {
        .strategy = COP_ONE_FOR_ALL, .intensity = 100, CHILDREN(kids)};
    cop_pid s;
    if (cop_sup_start(&s, &spec, NULL, NULL) != 0)
        return;
    cop_exit_signal(a.pid, COP_KILL);
    cop_sleep(20 * COP_MS);
    cop_ext_fail_alloc(0, false);
    if (cop_is_alive(s)) {
        which_is(s, "a=up b=up");
        counts_are(s, "2 2 0 2");
    }
    end(s);
}

static void body_restart(void *arg)
{
    (void)arg;
    cop_trap_exit(true);
    fail_each(restarts);
}
KID_TEST(restart, body_restart)

/* Requests: answered, or refused. */
static void asks(void)
{
    const cop_child kids[] = {SERVER(a)}, bb = SERVER(b);
    const cop_sup spec = {CHILDREN(kids)};
    cop_child_counts n;
    cop_reason why;
    char text[256];
    cop_pid s;
    int err = cop_sup_start(&s, &spec, NULL, NULL);
    if (err != 0)
        return;
    err = cop_sup_start_child(s, NULL, &bb, &why);
    if (err != 0)
        is_failure(err);
    cop_reason_release(why);
    err = cop_sup_terminate_child(s, "a");
    if (err != 0)
        is_failure(err);
    (void)!cop_sup_count_children(s, &n);
    cop_sup_tree(s, text, sizeof text);
    end(s);
}

static void body_requests(void *arg)
{
    (void)arg;
    cop_trap_exit(true);
    fail_each(asks);
}
KID_TEST(requests, body_requests)

START_TEST(foreign_start)
{
    static struct kid k = {.name = "k"};
    ck_assert_int_eq(cop_start(&(cop_config){.workers = 1}), 0);
    for (uint64_t n = 1;; n++) {
        cop_reason why;
        cop_pid pid;
        uint64_t count;
        int err;
        cop_ext_fail_alloc(n, false);
        err = cop_server_start(&pid, &kid_server, &k, NULL, &why);
        if (err == 0)
            err = cop_server_stop(pid, COP_NORMAL, COP_FOREVER, NULL);
        count = cop_ext_alloc_count();
        cop_ext_fail_alloc(0, false);
        if (err != 0)
            is_failure(err);
        cop_reason_release(why);
        notes_forget();
        if (count < n)
            break;
    }
    ck_assert_int_eq(cop_stop(cop_in(COP_SEC), NULL), 0);
}
END_TEST

static const TTest *const cases[] = {
    server_start, server_stop, sup_start, restart, requests, foreign_start,
};
UNIT_MAIN("behaviour_oom", cases)
