/* SPDX-License-Identifier: MIT
 *
 * proc_test.c - cop_proc_start: what the starter gets for each way in which a
 * child may come up, or fail to; and ancestors. Where Erlang/OTP 25 has the
 * same case, tests/conformance/otp/application_rules.erl asks it (init_fail is
 * newer).
 */
#include <coppice/proc.h>

#include "tests/support/kid.h"
#include "tests/support/started.h"

#include <coppice/extend.h>

static const cop_opts linked = {.link = true, .name = "svc"};

static int start(cop_fn fn, const cop_opts *opts, cop_reason *why)
{
    cop_pid pid;
    return cop_proc_start(&pid, fn, NULL, opts, 0, NULL, 0, why);
}

/* Nothing of a failed start is left. */
static void nothing_left(void)
{
    ck_assert(cop_pid_is_none(cop_whereis("svc")));
    settle();
    mailbox_is_empty();
}

/* ----------------------------------------------------------- coming up -- */

static void wait_for_end(void *arg)
{
    const cop_msg *m;
    (void)arg;
    (void)!cop_recv(&m, COP_FOREVER);
}

static void says_hello(void *arg)
{
    (void)arg;
    note("before ack");
    ck_assert_int_eq(cop_init_ack("hello", 6), 0);
    wait_for_end(NULL);
}

static void body_ack(void *arg)
{
    cop_pid pid;
    char buf[16] = "";
    (void)arg;
    ck_assert_int_eq(
        cop_proc_start(&pid, says_hello, NULL, NULL, 0, buf, sizeof buf, NULL),
        6);
    note("started");
    ck_assert_str_eq(buf, "hello");
    ck_assert(cop_is_alive(pid));
    ck_assert(cop_pid_eq(pid, cop_self()) == false);
    notes_are("before ack|started|");
}
KID_TEST(ack_gives_its_body, body_ack)

static void body_cut(void *arg)
{
    cop_pid pid;
    char buf[4] = "....";
    (void)arg;
    ck_assert_int_eq(
        cop_proc_start(&pid, says_hello, NULL, NULL, 0, buf, 3, NULL), 6);
    ck_assert(memcmp(buf, "hel.", 4) == 0);
    ck_assert_int_eq(
        cop_proc_start(&pid, says_hello, NULL, NULL, 0, NULL, 9, NULL), 6);
}
KID_TEST(long_ack_is_cut, body_cut)

static void acks_twice(void *arg)
{
    (void)arg;
    ck_assert_int_eq(cop_init_ack(NULL, 1), COP_EINVAL);
    ck_assert_int_eq(cop_init_ack("", ((size_t)1 << 30) + 1), COP_ESIZE);
    ck_assert_int_eq(cop_init_ack(NULL, 0), 0);
    ck_assert_int_eq(cop_init_ack(NULL, 0), COP_EINVAL);
    note("done");
}

static void body_twice(void *arg)
{
    (void)arg;
    ck_assert_int_eq(start(acks_twice, NULL, NULL), 0);
    settle();
    mailbox_is_empty();
    notes_are("done|");
    ck_assert_int_eq(cop_init_ack(NULL, 0), COP_EINVAL);
}
KID_TEST(one_ack_only, body_twice)

static void body_link(void *arg)
{
    const cop_msg *m;
    cop_ref ref;
    cop_pid pid;
    cop_opts opts = {.link = true, .monitor = &ref};
    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(
        cop_proc_start(&pid, says_hello, NULL, &opts, 0, NULL, 0, NULL), 6);
    cop_exit_signal(pid, cop_because("boom"));
    ck_assert_int_eq(cop_recv_tag(&m, COP_EXIT, COP_FOREVER), 0);
    ck_assert(cop_pid_eq(cop_msg_sender(m), pid));
    ck_assert_int_eq(cop_recv_tag(&m, COP_DOWN, COP_FOREVER), 0);
    ck_assert(cop_ref_eq(cop_msg_ref(m), ref));
    settle();
    mailbox_is_empty();
}
KID_TEST(link_and_monitor_stay, body_link)

/* ------------------------------------------------------------- failing -- */

static void fails(void *arg)
{
    (void)arg;
    cop_init_fail(cop_because_fmt("no_file", "%s", "a.log"),
                  cop_because("gone"));
}

static void body_fail(void *arg)
{
    cop_reason why;
    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(start(fails, &linked, &why), COP_EFAILED);
    reason_was(why, "{no_file, \"a.log\"}");
    nothing_left();
    ck_assert_int_eq(start(fails, NULL, NULL), COP_EFAILED);
    nothing_left();
}
KID_TEST(init_fail_leaves_nothing, body_fail)

static void slow_cleanup(void *arg)
{
    (void)arg;
    cop_sleep(50 * COP_MS);
    note("cleaned");
}

static void fails_slowly(void *arg)
{
    (void)arg;
    ck_assert_int_eq(cop_defer(slow_cleanup, NULL), 0);
    cop_init_fail(cop_because("broken"), COP_NORMAL);
}

static void body_fail_late(void *arg)
{
    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(start(fails_slowly, &linked, NULL), COP_EFAILED);
    note("told");
    notes_are("cleaned|told|");
    nothing_left();
}
KID_TEST(failure_is_told_when_it_is_gone, body_fail_late)

static void crashes(void *arg)
{
    (void)arg;
    cop_exit(cop_because("boom"));
}

static void returns(void *arg)
{
    (void)arg;
}

static void body_crash(void *arg)
{
    cop_reason why;
    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(start(crashes, &linked, &why), COP_EDOWN);
    reason_was(why, "boom");
    nothing_left();
    ck_assert_int_eq(start(returns, &linked, &why), COP_EDOWN);
    reason_was(why, "normal");
    nothing_left();
}
KID_TEST(end_without_ack_is_a_failure, body_crash)

static void starts_linked(void *arg)
{
    (void)arg;
    (void)!start(crashes, &linked, NULL);
    note("not reached");
}

static void body_contagion(void *arg)
{
    const cop_msg *m;
    cop_ref ref;
    const cop_opts opts = {.monitor = &ref};
    (void)arg;
    ck_assert_int_eq(cop_spawn(NULL, starts_linked, NULL, &opts), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    reason_is(cop_msg_reason(m), "boom");
    notes_are("");
}
KID_TEST(linked_starter_dies_of_the_failure, body_contagion)

static void body_timeout(void *arg)
{
    const cop_opts opts[] = {{.name = "svc"}, {.link = true, .name = "svc"}};
    cop_reason why;
    cop_pid pid;
    (void)arg;
    for (int i = 0; i < 2; i++) {
        cop_time before = cop_now();
        ck_assert_int_eq(cop_proc_start(&pid, wait_for_end, NULL, &opts[i],
                                        20 * COP_MS, NULL, 0, &why),
                         COP_ETIMEDOUT);
        reason_was(why, "normal");
        ck_assert_int_ge(cop_now() - before, 20 * COP_MS);
        ck_assert(!cop_is_alive(pid));
        nothing_left();
    }
}

KID_TEST(too_slow_a_start_is_killed, body_timeout)

/* An end at once, or after the wait has begun: the DOWN of opts.monitor says
 * what it ended with, as start_monitor's. */
static void ends_later(void *arg)
{
    (void)arg;
    cop_sleep(5 * COP_MS);
    cop_exit(cop_because("boom"));
}

static void body_monitor(void *arg)
{
    static const cop_fn fns[] = {crashes, ends_later};
    const cop_msg *m;
    cop_reason why;
    cop_ref ref;
    const cop_opts opts = {.monitor = &ref};
    (void)arg;
    for (int i = 0; i < 40; i++) {
        ck_assert_int_eq(start(fns[i % 2], &opts, &why), COP_EDOWN);
        reason_was(why, "boom");
        ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
        ck_assert(cop_ref_eq(cop_msg_ref(m), ref));
        reason_is(cop_msg_reason(m), "boom");
        ck_assert_int_eq(start(fails, &opts, NULL), COP_EFAILED);
        ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
        reason_is(cop_msg_reason(m), "gone");
    }
    mailbox_is_empty();
}
KID_TEST(monitor_fires_for_a_failed_start, body_monitor)

static void body_not_a_proc(void *arg)
{
    const cop_msg *m;
    cop_ref ref;
    const cop_opts opts = {.monitor = &ref};
    (void)arg;
    ck_assert_int_eq(cop_spawn(NULL, fails, NULL, &opts), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    reason_is(cop_msg_reason(m), "gone");
}
KID_TEST(init_fail_of_another_just_ends_it, body_not_a_proc)

/* ----------------------------------------------------------- arguments -- */

static void reads_word(void *arg)
{
    const char *word = arg;
    ck_assert_int_eq(cop_init_ack(word, strlen(word) + 1), 0);
}

static void is_released(void *arg)
{
    note("released %s", (char *)arg);
}

static void body_arg(void *arg)
{
    const cop_opts copied = {.arg_bytes = 5, .name = "svc"},
                   moved = {.arg_release = is_released, .name = "svc"};
    const cop_opts both = {.arg_bytes = 5, .arg_release = is_released};
    char word[] = "word", buf[8];
    cop_pid pid, other;
    (void)arg;
    ck_assert_int_eq(cop_proc_start(&pid, reads_word, word, &copied, 0, buf,
                                    sizeof buf, NULL),
                     5);
    ck_assert_str_eq(buf, "word");
    settle();
    ck_assert_int_eq(
        cop_proc_start(&pid, reads_word, word, &moved, 0, NULL, 0, NULL), 5);
    settle();
    notes_are("released word|");
    ck_assert_int_eq(cop_register("svc", cop_self()), 0);
    ck_assert_int_eq(
        cop_proc_start(&other, reads_word, word, &moved, 0, NULL, 0, NULL),
        COP_ESTARTED);
    ck_assert(cop_pid_eq(other, cop_self()));
    notes_are("");
    ck_assert_int_eq(
        cop_proc_start(&pid, reads_word, word, &both, 0, NULL, 0, NULL),
        COP_EINVAL);
    ck_assert_int_eq(cop_proc_start(&pid, NULL, word, NULL, 0, NULL, 0, NULL),
                     COP_EINVAL);
    ck_assert_int_eq(
        cop_proc_start(NULL, reads_word, word, NULL, 0, NULL, 0, NULL),
        COP_EINVAL);
}
KID_TEST(arguments, body_arg)

/* ------------------------------------------------------ leaving the stack --
 */

/* The argument stays, and it can still acknowledge. */
static void wakes(void *arg)
{
    ck_assert_int_eq(cop_init_ack(arg, 5), 0);
}

static void hibernates(void *arg)
{
    cop_hibernate(wakes, arg);
}

static void wakes_another(void *arg)
{
    cop_sleep(5 * COP_MS);
    ck_assert_int_eq(cop_send_name("svc", 1, arg, 0), 0);
}

static void enters(void *arg)
{
    static struct kid k = {.name = "k"};
    (void)arg;
    ck_assert_int_eq(cop_init_ack(NULL, 0), 0);
    cop_server_enter(&kid_server, &(struct kid_state){.kid = &k, .number = 3},
                     cop_next_wait());
}

static void body_leaves(void *arg)
{
    const cop_opts copied = {.arg_bytes = 5, .name = "svc"};
    char buf[8];
    const struct kid_msg ask = kid_body(0, NULL);
    cop_pid pid;
    int n = 0;
    (void)arg;
    ck_assert_int_eq(cop_spawn(NULL, wakes_another, NULL, NULL), 0);
    ck_assert_int_eq(cop_proc_start(&pid, hibernates, "word", &copied, 0, buf,
                                    sizeof buf, NULL),
                     5);
    ck_assert_str_eq(buf, "word");
    ck_assert_int_eq(
        cop_proc_start(&pid, enters, NULL, &copied, 0, NULL, 0, NULL), 0);
    ck_assert_int_eq(
        cop_call(pid, KID_GET, &ask, sizeof ask, &n, sizeof n, COP_FOREVER),
        (int)sizeof n);
    ck_assert_int_eq(n, 3);
    ck_assert_int_eq(cop_server_stop(pid, COP_NORMAL, COP_FOREVER, NULL), 0);
}
KID_TEST(hibernates_or_becomes_a_server, body_leaves)

/* ------------------------------------------------------ foreign threads -- */

static void starts_outside(void)
{
    const cop_opts opts = {.name = "svc"}, bad = {.link = true};
    cop_reason why;
    cop_pid pid;
    char buf[16];
    ck_assert_int_eq(
        cop_proc_start(&pid, says_hello, NULL, &opts, 0, buf, 16, &why), 6);
    ck_assert_str_eq(buf, "hello");
    ck_assert_int_eq(cop_ancestors(pid, NULL, 0), 0);
    ck_assert_int_eq(start(says_hello, &opts, NULL), COP_ESTARTED);
    cop_exit_signal(pid, COP_KILL);
    ck_assert_int_eq(start(fails, NULL, &why), COP_EFAILED);
    reason_was(why, "{no_file, \"a.log\"}");
    ck_assert_int_eq(start(crashes, NULL, &why), COP_EDOWN);
    reason_was(why, "boom");
    ck_assert_int_eq(start(says_hello, &bad, &why), COP_EINVAL);
    ck_assert_int_eq(
        cop_proc_start(&pid, wait_for_end, NULL, NULL, COP_MS, NULL, 0, &why),
        COP_ETIMEDOUT);
}

START_TEST(foreign_threads)
{
    started(2);
    starts_outside();
    stopped();
    ck_assert_int_eq(start(says_hello, NULL, NULL), COP_ESTOPPED);
}
END_TEST

/* ------------------------------------------------------------ ancestors -- */

static void has_child(void *arg)
{
    cop_pid pid[2];
    (void)arg;
    ck_assert_int_eq(
        cop_proc_start(&pid[0], says_hello, NULL, NULL, 0, NULL, 0, NULL), 6);
    pid[1] = cop_self();
    ck_assert_int_eq(cop_init_ack(pid, sizeof pid), 0);
    wait_for_end(NULL);
}

static void body_ancestors(void *arg)
{
    cop_pid chain[4], pid, low[2];
    (void)arg;
    ck_assert_int_eq(
        cop_proc_start(&pid, has_child, NULL, NULL, 0, low, sizeof low, NULL),
        (int)sizeof low);
    ck_assert_int_eq(cop_ancestors(low[0], chain, 4), 3);
    ck_assert(cop_pid_eq(chain[0], pid) && cop_pid_eq(chain[1], cop_self()) &&
              cop_pid_eq(chain[2], cop_parent()));
    chain[1] = COP_NO_PID;
    ck_assert_int_eq(cop_ancestors(low[0], chain, 1), 3);
    ck_assert(cop_pid_is_none(chain[1]));
    cop_exit_signal(pid, COP_KILL);
    settle();
    ck_assert_int_eq(cop_ancestors(low[0], chain, 4), 1);
    ck_assert(cop_pid_eq(chain[0], pid));
    ck_assert_int_eq(cop_ancestors(pid, chain, 4), COP_ENOPROC);
    ck_assert_int_eq(cop_ancestors(low[0], NULL, 1), COP_EINVAL);
}
KID_TEST(ancestors, body_ancestors)

/* -------------------------------------------------------- out of memory -- */

/* The starter's own monitor comes late, as there is no memory for it at first:
 * what the child ended with is known all the same. */
static void body_late_monitor(void *arg)
{
    cop_ref ref;
    const cop_opts opts = {.monitor = &ref};
    (void)arg;
    for (uint64_t n = 1, count = n; count + 1 >= n; n++) {
        cop_reason why;
        int err;
        cop_ext_fail_alloc(n, false);
        err = start(crashes, &opts, &why);
        count = cop_ext_alloc_count();
        cop_ext_fail_alloc(0, false);
        ck_assert(err == COP_EDOWN || err == COP_ENOMEM);
        ck_assert_int_ne(cop_reason_kind(why), (int)COP_R_NOPROC);
        cop_reason_release(why);
        settle();
        for (const cop_msg *m; cop_recv(&m, COP_POLL) == 0;)
            ck_assert(err == COP_EDOWN && cop_ref_eq(cop_msg_ref(m), ref));
    }
}

START_TEST(monitor_without_memory)
{
    const cop_config alone = {.workers = 1, .virtual_time = true};
    actor_test(body_late_monitor, &alone);
}
END_TEST

static void body_oom(void *arg)
{
    static const cop_fn fns[] = {says_hello, fails, crashes};
    static const int codes[] = {6, COP_EFAILED, COP_EDOWN};
    (void)arg;
    cop_trap_exit(true);
    for (int i = 0; i < 3; i++)
        for (uint64_t n = 1, count = n; count + 1 >= n; n++) {
            cop_reason why;
            cop_pid pid = COP_NO_PID;
            int err;
            cop_ext_fail_alloc(n, false);
            err = cop_proc_start(&pid, fns[i], NULL, &linked, 0, NULL, 0, &why);
            count = cop_ext_alloc_count();
            cop_ext_fail_alloc(0, false);
            ck_assert(err == codes[i] || err == COP_ENOMEM || err == COP_EDOWN);
            cop_reason_release(why);
            if (err >= 0)
                cop_exit_signal(pid, COP_KILL);
            settle();
            for (const cop_msg *m; cop_recv(&m, COP_POLL) == 0;)
                ck_assert(err >= 0 && cop_msg_tag(m) == COP_EXIT);
            nothing_left();
            ck_assert_uint_lt(n, 1000);
        }
}
KID_TEST(out_of_memory, body_oom)

static const TTest *const cases[] = {
    ack_gives_its_body,
    long_ack_is_cut,
    one_ack_only,
    link_and_monitor_stay,
    init_fail_leaves_nothing,
    failure_is_told_when_it_is_gone,
    end_without_ack_is_a_failure,
    linked_starter_dies_of_the_failure,
    too_slow_a_start_is_killed,
    monitor_fires_for_a_failed_start,
    init_fail_of_another_just_ends_it,
    arguments,
    hibernates_or_becomes_a_server,
    foreign_threads,
    ancestors,
    monitor_without_memory,
    out_of_memory,
};
UNIT_MAIN("proc", cases)
