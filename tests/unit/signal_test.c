/* SPDX-License-Identifier: MIT
 *
 * signal_test.c - links, exit signals, monitors, aliases: OTP's rules, one
 * test each.
 */
#include "tests/support/actor_test.h"
#include "tests/support/unit.h"

enum { HELLO = 1, GO, ANSWER };

/* ---------------------------------------------------------------- actors -- */

static void idle(void *arg)
{
    const cop_msg *m;
    (void)arg;
    while (cop_recv_tag(&m, COP_TAG_MAX, COP_FOREVER) == 0)
        continue;
}

/* Ends with the reason named by its argument when it gets GO. */
static void mortal(void *arg)
{
    const cop_msg *m;
    ck_assert_int_eq(cop_recv_tag(&m, GO, COP_FOREVER), 0);
    cop_exit(cop_because(arg));
}

static cop_pid spawn(cop_fn fn, const char *arg, bool link)
{
    cop_pid pid;
    cop_opts opts = {.link = link};
    ck_assert_int_eq(cop_spawn(&pid, fn, (void *)(uintptr_t)arg, &opts), 0);
    return pid;
}

static cop_ref watch(cop_pid pid)
{
    cop_ref ref;
    ck_assert_int_eq(cop_monitor(&ref, pid), 0);
    return ref;
}

/* Takes a message with this tag, whose reason must print as `text`. */
static void expect(cop_tag tag, cop_pid from, const char *text)
{
    const cop_msg *m;
    char buf[COP_REASON_TEXT];
    ck_assert_int_eq(cop_recv_tag(&m, tag, cop_in(5 * COP_SEC)), 0);
    ck_assert_uint_eq(cop_msg_sender(m).id, from.id);
    ck_assert_str_eq(cop_reason_str(cop_msg_reason(m), buf, sizeof buf), text);
}

static void expect_nothing(void)
{
    const cop_msg *m;
    ck_assert_int_eq(cop_recv(&m, COP_POLL), COP_ETIMEDOUT);
}

/* After this all signals that were sent to `pid` have been acted on. */
static bool settle(cop_pid pid)
{
    return cop_is_alive(pid);
}

static void go(cop_pid pid)
{
    ck_assert_int_eq(cop_send(pid, GO, NULL, 0), 0);
}

static void kick(cop_pid pid, const char *reason)
{
    ck_assert_int_eq(cop_exit_signal(pid, cop_because(reason)), 0);
}

/* ----------------------------------------------------------- exit signals --
 */

static void body_kill(void *arg)
{
    cop_opts trapping = {.trap_exit = true};
    cop_pid p;
    (void)arg;
    ck_assert_int_eq(cop_spawn(&p, idle, NULL, &trapping), 0);
    watch(p);
    kick(p, "kill");
    expect(COP_DOWN, p, "killed");
}
START_TEST(kill_ends_a_trapping_actor_as_killed)
{
    actor_test(body_kill, NULL);
}
END_TEST

static void body_kill_by_link(void *arg)
{
    (void)arg;
    cop_trap_exit(true);
    cop_pid p = spawn(mortal, "kill", true);
    go(p);
    expect(COP_EXIT, p, "kill");
}
START_TEST(kill_over_a_link_is_an_ordinary_reason)
{
    actor_test(body_kill_by_link, NULL);
}
END_TEST

static void body_normal_dropped(void *arg)
{
    cop_pid p = spawn(idle, NULL, false);
    (void)arg;
    kick(p, "normal");
    ck_assert(settle(p));
    kick(p, "boom");
    ck_assert(!settle(p));
}
START_TEST(normal_to_another_is_dropped)
{
    actor_test(body_normal_dropped, NULL);
}
END_TEST

static void normal_to_self(void *arg)
{
    (void)arg;
    kick(cop_self(), "normal");
    ck_abort_msg("still alive");
}
static void body_normal_to_self(void *arg)
{
    (void)arg;
    cop_pid p = spawn(normal_to_self, NULL, false);
    const cop_msg *m;
    cop_ref r = watch(p);
    ck_assert_int_eq(cop_recv_ref(&m, r, cop_in(5 * COP_SEC)), 0);
    cop_reason why = cop_msg_reason(m);
    ck_assert(why.word == COP_R_NORMAL || why.word == COP_R_NOPROC);
}
START_TEST(normal_to_self_ends_who_does_not_trap)
{
    actor_test(body_normal_to_self, NULL);
}
END_TEST

static void body_trap_normal(void *arg)
{
    (void)arg;
    cop_trap_exit(true);
    kick(cop_self(), "normal");
    expect(COP_EXIT, cop_self(), "normal");
    ck_assert(cop_trap_exit(false));
    ck_assert(!cop_trap_exit(false));
}
START_TEST(normal_to_self_is_a_message_when_trapping)
{
    actor_test(body_trap_normal, NULL);
}
END_TEST

/* ----------------------------------------------------------------- links -- */

static void body_link_dead(void *arg)
{
    (void)arg;
    cop_pid p = spawn(mortal, "done", false);
    watch(p);
    go(p);
    expect(COP_DOWN, p, "done");
    cop_trap_exit(true);
    ck_assert_int_eq(cop_link(p), 0);
    expect(COP_EXIT, p, "noproc");
}
START_TEST(link_to_the_dead_is_noproc)
{
    actor_test(body_link_dead, NULL);
}
END_TEST

static void links_to_dead(void *arg)
{
    (void)arg;
    if (cop_link(COP_NO_PID) != 0)
        ck_abort_msg("cop_link failed");
    cop_sleep(COP_SEC);
    ck_abort_msg("still alive");
}
static void body_link_dead_dies(void *arg)
{
    (void)arg;
    cop_pid p = spawn(links_to_dead, NULL, false);
    const cop_msg *m;
    ck_assert_int_eq(cop_recv_ref(&m, watch(p), cop_in(5 * COP_SEC)), 0);
    ck_assert(cop_msg_reason(m).word == COP_R_NOPROC);
}
START_TEST(link_to_the_dead_ends_who_does_not_trap)
{
    actor_test(body_link_dead_dies, NULL);
}
END_TEST

static void body_one_link(void *arg)
{
    (void)arg;
    cop_pid p = spawn(idle, NULL, true);
    ck_assert_int_eq(cop_link(p), 0);
    ck_assert_int_eq(cop_link(p), 0);
    ck_assert_int_eq(cop_unlink(p), 0);
    kick(p, "boom");
    ck_assert(!settle(p));
    cop_sleep(COP_MS);
    expect_nothing();
}
START_TEST(links_of_a_pair_are_one)
{
    actor_test(body_one_link, NULL);
}
END_TEST

static void body_relink(void *arg)
{
    (void)arg;
    cop_trap_exit(true);
    cop_pid p = spawn(idle, NULL, true);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(cop_unlink(p), 0);
        ck_assert_int_eq(cop_link(p), 0);
    }
    kick(p, "boom");
    expect(COP_EXIT, p, "boom");
    expect_nothing();
}
START_TEST(relinking_before_the_acknowledgement_counts)
{
    actor_test(body_relink, NULL);
}
END_TEST

static void body_unlink_keeps(void *arg)
{
    (void)arg;
    cop_trap_exit(true);
    cop_pid p = spawn(mortal, "boom", true);
    watch(p);
    go(p);
    expect(COP_DOWN, p, "boom");
    ck_assert_int_eq(cop_unlink(p), 0);
    expect(COP_EXIT, p, "boom");
}
START_TEST(unlink_leaves_an_exit_that_has_arrived)
{
    actor_test(body_unlink_keeps, NULL);
}
END_TEST

static void body_self_link(void *arg)
{
    (void)arg;
    ck_assert_int_eq(cop_link(cop_self()), 0);
    cop_info i;
    ck_assert_int_eq(cop_info_get(cop_self(), &i), 0);
    ck_assert_uint_eq(i.links, 0);
}
START_TEST(link_to_self_does_nothing)
{
    actor_test(body_self_link, NULL);
}
END_TEST

enum { CHAIN = 20000 }; /* coroutine actors, divided by slow^2 */
static uintptr_t chain_length(void)
{
    uintptr_t slow = (uintptr_t)unit_slow();
    return CHAIN / (slow * slow) + 100;
}
static void chain(void *arg)
{
    uintptr_t left = (uintptr_t)arg;
    cop_opts link = {.link = true};
    if (left > 0) {
        if (cop_spawn(NULL, chain, (void *)(left - 1), &link) != 0)
            ck_abort_msg("cop_spawn failed");
    } else {
        cop_send_name("chain", HELLO, NULL, 0);
    }
    idle(NULL);
}
static void body_chain(void *arg)
{
    cop_pid first;
    const cop_msg *m;
    cop_counters c;
    (void)arg;
    ck_assert_int_eq(cop_register("chain", cop_self()), 0);
    ck_assert_int_eq(cop_spawn(&first, chain, (void *)chain_length(), NULL), 0);
    ck_assert_int_eq(cop_recv_tag(&m, HELLO, cop_in(20 * COP_SEC)), 0);
    kick(first, "boom");
    do {
        cop_sleep(COP_MS);
        cop_counters_get(&c);
    } while (c.exited < chain_length() + 1);
}
START_TEST(a_long_chain_dies_along)
{
    actor_test(body_chain, NULL);
}
END_TEST

/* -------------------------------------------------------------- monitors -- */

static void body_monitors(void *arg)
{
    const cop_msg *m;
    (void)arg;
    cop_pid p = spawn(mortal, "boom", false);
    cop_ref a = watch(p), b = watch(p), c = watch(p);
    ck_assert(cop_demonitor(b, false));
    ck_assert(!cop_demonitor(b, false));
    go(p);
    ck_assert_int_eq(cop_recv_ref(&m, c, cop_in(5 * COP_SEC)), 0);
    ck_assert_int_eq(cop_recv_ref(&m, a, cop_in(5 * COP_SEC)), 0);
    ck_assert_str_eq(cop_msg_name(m), "");
    expect_nothing();
    cop_ref late = watch(p);
    ck_assert_int_eq(cop_recv_ref(&m, late, cop_in(5 * COP_SEC)), 0);
    ck_assert(cop_msg_reason(m).word == COP_R_NOPROC);
}
START_TEST(each_monitor_is_its_own)
{
    actor_test(body_monitors, NULL);
}
END_TEST

static void body_demonitor(void *arg)
{
    const cop_msg *m;
    (void)arg;
    cop_pid p = spawn(mortal, "boom", false);
    cop_ref a = watch(p), b = watch(p), c = watch(p);
    go(p);
    ck_assert_int_eq(cop_recv_ref(&m, c, cop_in(5 * COP_SEC)), 0);
    ck_assert(!cop_demonitor(a, false));
    ck_assert(!cop_demonitor(b, true));
    ck_assert_int_eq(cop_recv_ref(&m, a, COP_POLL), 0);
    ck_assert_int_eq(cop_recv_ref(&m, b, COP_POLL), COP_ETIMEDOUT);
}
START_TEST(demonitor_after_down_flushes_only_if_asked)
{
    actor_test(body_demonitor, NULL);
}
END_TEST

static void body_monitor_name(void *arg)
{
    const cop_msg *m;
    cop_ref r;
    (void)arg;
    ck_assert_int_eq(cop_monitor_name(&r, "nobody"), 0);
    ck_assert_int_eq(cop_recv_ref(&m, r, cop_in(5 * COP_SEC)), 0);
    ck_assert_str_eq(cop_msg_name(m), "nobody");
    ck_assert(cop_msg_reason(m).word == COP_R_NOPROC);
    cop_pid p = spawn(mortal, "boom", false);
    ck_assert_int_eq(cop_register("svc", p), 0);
    ck_assert_int_eq(cop_monitor_name(&r, "svc"), 0);
    ck_assert_int_eq(cop_unregister("svc"), 0);
    go(p);
    ck_assert_int_eq(cop_recv_ref(&m, r, cop_in(5 * COP_SEC)), 0);
    ck_assert_str_eq(cop_msg_name(m), "svc");
    ck_assert_uint_eq(cop_msg_sender(m).id, p.id);
}
START_TEST(a_monitor_by_name_follows_the_actor)
{
    actor_test(body_monitor_name, NULL);
}
END_TEST

static void body_name_free(void *arg)
{
    const cop_msg *m;
    (void)arg;
    for (int i = 0; i < 300; i++) {
        cop_pid p;
        cop_ref r;
        cop_opts opts = {.name = "svc", .monitor = &r};
        ck_assert_int_eq(
            cop_spawn(&p, mortal, (void *)(uintptr_t) "boom", &opts), 0);
        go(p);
        ck_assert_int_eq(cop_recv_ref(&m, r, cop_in(5 * COP_SEC)), 0);
        ck_assert_uint_eq(cop_whereis("svc").id, 0);
    }
}
START_TEST(a_name_is_free_before_its_death_is_heard_of)
{
    actor_test(body_name_free, NULL);
}
END_TEST

/* --------------------------------------------------------------- aliases -- */

static void expect_hello(void)
{
    const cop_msg *m;
    ck_assert_int_eq(cop_recv(&m, COP_POLL), 0);
    ck_assert_uint_eq(cop_msg_tag(m), HELLO);
}

static void body_alias(void *arg)
{
    cop_alias a;
    (void)arg;
    ck_assert_int_eq(cop_alias_new(&a, COP_ALIAS_EXPLICIT), 0);
    cop_send_alias(a, HELLO, NULL, 0);
    cop_send_alias(a, HELLO, NULL, 0);
    expect_hello();
    expect_hello();
    ck_assert(cop_unalias(a.ref));
    ck_assert(!cop_unalias(a.ref));
    cop_send_alias(a, HELLO, NULL, 0);
    expect_nothing();
    ck_assert_int_eq(cop_alias_new(&a, COP_ALIAS_REPLY), 0);
    cop_send_alias(a, HELLO, NULL, 0);
    cop_send_alias(a, HELLO, NULL, 0);
    expect_hello();
    expect_nothing();
}
START_TEST(an_alias_works_until_it_is_over)
{
    actor_test(body_alias, NULL);
}
END_TEST

static void body_monitor_alias(void *arg)
{
    (void)arg;
    const int modes[] = {COP_ALIAS_EXPLICIT, COP_ALIAS_DEMONITOR,
                         COP_ALIAS_REPLY};
    for (int i = 0; i < 3; i++) {
        cop_ref r;
        cop_pid p = spawn(idle, NULL, false);
        ck_assert_int_eq(cop_monitor_alias(&r, p, modes[i]), 0);
        cop_alias a = {cop_self(), r};
        cop_send_alias(a, HELLO, NULL, 0);
        expect_hello();
        ck_assert(cop_demonitor(r, false) == (modes[i] != COP_ALIAS_REPLY));
        cop_send_alias(a, HELLO, NULL, 0);
        if (modes[i] == COP_ALIAS_EXPLICIT)
            expect_hello();
        else
            expect_nothing();
        kick(p, "kill");
    }
}
START_TEST(an_alias_of_a_monitor_ends_as_its_mode_says)
{
    actor_test(body_monitor_alias, NULL);
}
END_TEST

static void body_down_ends_alias(void *arg)
{
    const cop_msg *m;
    cop_ref r;
    (void)arg;
    cop_pid p = spawn(mortal, "boom", false);
    ck_assert_int_eq(cop_monitor_alias(&r, p, COP_ALIAS_DEMONITOR), 0);
    go(p);
    ck_assert_int_eq(cop_recv_ref(&m, r, cop_in(5 * COP_SEC)), 0);
    cop_send_alias((cop_alias){cop_self(), r}, HELLO, NULL, 0);
    expect_nothing();
}
START_TEST(down_ends_the_alias_of_its_monitor)
{
    actor_test(body_down_ends_alias, NULL);
}
END_TEST

/* ---------------------------------------------------- atomic spawn, defers --
 */

static void ends_at_once(void *arg)
{
    cop_exit(cop_because(arg));
}

static void body_spawn_link(void *arg)
{
    const cop_msg *m;
    (void)arg;
    cop_trap_exit(true);
    for (int i = 0; i < 500; i++) {
        cop_ref r;
        cop_pid p;
        cop_opts opts = {.link = true, .monitor = &r};
        ck_assert_int_eq(
            cop_spawn(&p, ends_at_once, (void *)(uintptr_t) "boom", &opts), 0);
        ck_assert_int_eq(cop_recv_ref(&m, r, cop_in(5 * COP_SEC)), 0);
        ck_assert_str_eq(cop_reason_name(cop_msg_reason(m)), "boom");
        expect(COP_EXIT, p, "boom");
    }
}
START_TEST(spawn_with_link_and_monitor_is_atomic)
{
    actor_test(body_spawn_link, NULL);
}
END_TEST

static char order[8];
static void note(void *arg)
{
    strcat(order, arg);
}
static void note_and_exit(void *arg)
{
    note(arg);
    cop_exit(cop_because("again"));
}
static void defers(void *arg)
{
    if (cop_defer(note, "a") != 0 || cop_defer(note_and_exit, "b") != 0 ||
        cop_defer(note, "c") != 0 || cop_defer(note, "d") != 0 ||
        !cop_undefer(note, "c"))
        ck_abort_msg("cop_defer failed");
    if (arg != NULL)
        idle(NULL);
}
static void body_defers(void *arg)
{
    const cop_msg *m;
    (void)arg;
    cop_pid p = spawn(defers, NULL, false);
    cop_ref r = watch(p);
    ck_assert_int_eq(cop_recv_ref(&m, r, cop_in(5 * COP_SEC)), 0);
    ck_assert_str_eq(order, "dba");
    order[0] = '\0';
    p = spawn(defers, "wait", false);
    r = watch(p);
    cop_sleep(5 * COP_MS);
    kick(p, "kill");
    ck_assert_int_eq(cop_recv_ref(&m, r, cop_in(5 * COP_SEC)), 0);
    ck_assert_str_eq(order, "dba");
    ck_assert(cop_msg_reason(m).word == COP_R_KILLED);
}
START_TEST(defers_run_last_first_at_every_end)
{
    actor_test(body_defers, NULL);
}
END_TEST

static const TTest *const cases[] = {
    kill_ends_a_trapping_actor_as_killed,
    kill_over_a_link_is_an_ordinary_reason,
    normal_to_another_is_dropped,
    normal_to_self_ends_who_does_not_trap,
    normal_to_self_is_a_message_when_trapping,
    link_to_the_dead_is_noproc,
    link_to_the_dead_ends_who_does_not_trap,
    links_of_a_pair_are_one,
    relinking_before_the_acknowledgement_counts,
    unlink_leaves_an_exit_that_has_arrived,
    link_to_self_does_nothing,
    a_long_chain_dies_along,
    each_monitor_is_its_own,
    demonitor_after_down_flushes_only_if_asked,
    a_monitor_by_name_follows_the_actor,
    a_name_is_free_before_its_death_is_heard_of,
    an_alias_works_until_it_is_over,
    an_alias_of_a_monitor_ends_as_its_mode_says,
    down_ends_the_alias_of_its_monitor,
    spawn_with_link_and_monitor_is_atomic,
    defers_run_last_first_at_every_end,
};
UNIT_MAIN("signal", cases)
