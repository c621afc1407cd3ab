/* SPDX-License-Identifier: MIT
 *
 * signal_rules_test.c - rules about signals that have to hold while others run
 * on other workers: what scenarios, which wait for quiet after each step, do
 * not show. And what each kind of message says of itself.
 */
#include "tests/support/actor_test.h"
#include "tests/support/unit.h"

enum { GO = 1, COUNT, ANSWER, STOP };
enum { ROUNDS = 400, RACES = 2000, MANY = 2000 };

static void spawn_with(cop_pid *out, cop_fn fn, void *arg, const cop_opts *opts)
{
    ck_assert_int_eq(cop_spawn(out, fn, arg, opts), 0);
}

static void nothing_comes(void)
{
    const cop_msg *m;
    ck_assert_int_eq(cop_recv(&m, COP_POLL), COP_ETIMEDOUT);
}

static void ends_at_once(void *arg)
{
    (void)arg;
    cop_exit(cop_because("boom"));
}

/* ---------------------------------------------------------------- order -- */

struct sender {
    cop_pid to;
    cop_alias alias;
};

/* Sends 0, 1, 2, ... by pid, by name and by alias in turn, and ends. */
static void sends_in_turn(void *arg)
{
    const struct sender *s = arg;

    for (int i = 0; i < MANY; i++) {
        int err = i % 3 == 0   ? cop_send(s->to, COUNT, &i, sizeof i)
                  : i % 3 == 1 ? cop_send_name("receiver", COUNT, &i, sizeof i)
                               : cop_send_alias(s->alias, COUNT, &i, sizeof i);
        ck_assert_int_eq(err, 0);
    }
    cop_exit(cop_because("done"));
}

/* Takes what one of the senders sent, then the news of its end. */
static void take_all(cop_pid from)
{
    const cop_msg *m;

    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(cop_recv_from(&m, from, COP_FOREVER), 0);
        ck_assert_uint_eq(cop_msg_tag(m), COUNT);
        if (*cop_msg_as(m, int) != i)
            ck_abort_msg("%d instead of %d", *cop_msg_as(m, int), i);
    }
    ck_assert_int_eq(cop_recv_from(&m, from, COP_FOREVER), 0);
    ck_assert_uint_eq(cop_msg_tag(m), COP_EXIT);
}

static void body_order(void *arg)
{
    struct sender s = {.to = cop_self()};
    const cop_opts opts = {.link = true, .arg_bytes = sizeof s};
    cop_pid pid[4];

    (void)arg;
    (void)cop_trap_exit(true);
    ck_assert_int_eq(cop_register("receiver", cop_self()), 0);
    ck_assert_int_eq(cop_alias_new(&s.alias, COP_ALIAS_EXPLICIT), 0);
    for (int i = 0; i < 4; i++)
        spawn_with(&pid[i], sends_in_turn, &s, &opts);
    for (int i = 0; i < 4; i++)
        take_all(pid[i]);
    nothing_comes();
}
START_TEST(each_senders_order_holds_by_any_address)
{
    actor_test(body_order, NULL);
}
END_TEST

/* ----------------------------------------------------- ends that race -- */

/* 0: not there yet, 1: there, 2: may end. The order of all else is what is
 * tested, so nothing but this word is told by it. */
static atomic_int stage;

static bool is_at(int n)
{
    return atomic_load_explicit(&stage, memory_order_relaxed) == n;
}

static void go_to(int n)
{
    atomic_store_explicit(&stage, n, memory_order_relaxed);
}

/* Mostly ends without having looked at what has come in meanwhile. */
static void ends_when_told(void *arg)
{
    (void)arg;
    go_to(1);
    for (int i = 1; !is_at(2); i++)
        if (i % 4096 == 0)
            cop_yield();
    cop_exit(cop_because("boom"));
}

/* Starts a linked and monitored actor that ends when told. */
static cop_pid one_that_waits(cop_ref *ref)
{
    const cop_opts opts = {.link = true, .monitor = ref};
    cop_pid pid;

    go_to(0);
    spawn_with(&pid, ends_when_told, NULL, &opts);
    while (!is_at(1))
        cop_yield();
    return pid;
}

static void body_unlink(void *arg)
{
    const cop_msg *m;
    cop_ref ref;

    (void)arg;
    (void)cop_trap_exit(true);
    for (int i = 0; i < RACES; i++) {
        ck_assert_int_eq(cop_unlink(one_that_waits(&ref)), 0);
        go_to(2);
        ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
        nothing_comes();
    }
}
START_TEST(no_exit_comes_after_unlink_returned)
{
    actor_test(body_unlink, NULL);
}
END_TEST

static void body_demonitor(void *arg)
{
    const cop_msg *m;
    cop_ref ref;

    (void)arg;
    (void)cop_trap_exit(true);
    for (int i = 0; i < RACES; i++) {
        cop_pid pid = one_that_waits(&ref);
        go_to(2);
        for (int k = 0; k < i % 512 && is_at(2); k++)
            continue;
        (void)cop_demonitor(ref, true);
        ck_assert_int_eq(cop_recv_from(&m, pid, COP_FOREVER), 0);
        ck_assert_uint_eq(cop_msg_tag(m), COP_EXIT);
        nothing_comes();
    }
}
START_TEST(no_down_comes_after_a_flush)
{
    actor_test(body_demonitor, NULL);
}
END_TEST

static void body_name(void *arg)
{
    cop_ref ref;
    const cop_opts opts = {.monitor = &ref, .link = true, .name = "only"};
    cop_pid pid;

    (void)arg;
    (void)cop_trap_exit(true);
    for (int i = 0; i < ROUNDS; i++) {
        const cop_msg *m;
        spawn_with(&pid, ends_at_once, NULL, &opts);
        ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
        ck_assert(cop_pid_is_none(cop_whereis("only")));
        ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
    }
}
START_TEST(the_first_news_finds_the_name_free)
{
    actor_test(body_name, NULL);
}
END_TEST

static void waits(void *arg)
{
    const cop_msg *m;
    (void)arg;
    (void)!cop_recv_tag(&m, STOP, COP_FOREVER);
}

static void body_alive(void *arg)
{
    cop_pid pid;

    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        spawn_with(&pid, waits, NULL, NULL);
        ck_assert(cop_is_alive(pid));
        ck_assert_int_eq(cop_exit_signal(pid, COP_KILL), 0);
        ck_assert(!cop_is_alive(pid));
    }
}
START_TEST(whom_one_has_killed_is_not_alive)
{
    actor_test(body_alive, NULL);
}
END_TEST

/* ---------------------------------------------------------------- names -- */

/* Tries to be the one; tells whether it is, and stays until told to end. */
static void contender(void *arg)
{
    cop_pid judge = *(const cop_pid *)arg;
    const cop_msg *m;
    int won = cop_register("prize", cop_self()) == 0;

    ck_assert_int_eq(cop_send(judge, ANSWER, &won, sizeof won), 0);
    ck_assert_int_eq(cop_recv_tag(&m, STOP, COP_FOREVER), 0);
}

static void body_contest(void *arg)
{
    cop_pid me = cop_self();
    cop_pid pid[6];
    cop_ref ref[6];
    const cop_msg *m;

    (void)arg;
    for (int round = 0; round < ROUNDS / 8; round++) {
        int winners = 0;
        for (int i = 0; i < 6; i++) {
            const cop_opts opts = {.monitor = &ref[i], .arg_bytes = sizeof me};
            spawn_with(&pid[i], contender, &me, &opts);
        }
        for (int i = 0; i < 6; i++) {
            ck_assert_int_eq(cop_recv_tag(&m, ANSWER, COP_FOREVER), 0);
            winners += *cop_msg_as(m, int);
        }
        ck_assert_int_eq(winners, 1);
        for (int i = 0; i < 6; i++) {
            ck_assert_int_eq(cop_send(pid[i], STOP, NULL, 0), 0);
            ck_assert_int_eq(cop_recv_ref(&m, ref[i], COP_FOREVER), 0);
        }
    }
}
START_TEST(one_of_many_gets_the_name)
{
    actor_test(body_contest, NULL);
}
END_TEST

/* ------------------------------------------------------------ envelopes -- */

/* What an actor is sent comes back as the four words that tell what it is. */
struct envelope {
    cop_tag tag;
    cop_pid sender;
    cop_ref ref;
    cop_msg_kind how;
};

static struct envelope next_envelope(void)
{
    const cop_msg *m;

    ck_assert_int_eq(cop_recv(&m, cop_in(5 * COP_SEC)), 0);
    return (struct envelope){cop_msg_tag(m), cop_msg_sender(m), cop_msg_ref(m),
                             cop_msg_how(m)};
}

static void is_envelope(cop_tag tag, cop_pid sender, cop_ref ref,
                        cop_msg_kind how)
{
    struct envelope e = next_envelope();

    ck_assert_uint_eq(e.tag, tag);
    ck_assert(cop_pid_eq(e.sender, sender));
    ck_assert(cop_ref_eq(e.ref, ref));
    ck_assert_int_eq(e.how, how);
}

static void body_envelopes(void *arg)
{
    cop_pid me = cop_self();
    cop_ref ref;
    cop_alias alias;
    cop_timer timer;
    cop_pid dead;
    (void)arg;

    ck_assert_int_eq(cop_send(me, GO, NULL, 0), 0);
    is_envelope(GO, me, COP_NO_REF, COP_MSG_PLAIN);
    ck_assert_int_eq(cop_cast(me, GO, NULL, 0), 0);
    is_envelope(GO, me, COP_NO_REF, COP_MSG_CAST);
    ck_assert_int_eq(cop_alias_new(&alias, COP_ALIAS_EXPLICIT), 0);
    ck_assert_int_eq(cop_send_alias(alias, GO, NULL, 0), 0);
    is_envelope(GO, me, alias.ref, COP_MSG_PLAIN);
    ck_assert_int_eq(cop_start_timer(&timer, COP_MS, me, NULL, 0), 0);
    is_envelope(COP_TIMEOUT, me, cop_timer_ref(timer), COP_MSG_PLAIN);
    spawn_with(&dead, ends_at_once, NULL, NULL);
    ck_assert_int_eq(cop_monitor(&ref, dead), 0);
    is_envelope(COP_DOWN, dead, ref, COP_MSG_PLAIN);
    (void)cop_trap_exit(true);
    ck_assert_int_eq(cop_link(dead), 0);
    is_envelope(COP_EXIT, dead, COP_NO_REF, COP_MSG_PLAIN);
}
START_TEST(each_kind_of_message_tells_what_it_is)
{
    actor_test(body_envelopes, NULL);
}
END_TEST

static void expects_too_much(void *arg)
{
    const cop_msg *m;
    (void)arg;
    ck_assert_int_eq(cop_recv_tag(&m, COUNT, COP_FOREVER), 0);
    (void)cop_msg_as(m, uint64_t);
    ck_abort_msg("read past the end of a body");
}

static void body_sizes(void *arg)
{
    char text[COP_REASON_TEXT];
    cop_ref ref;
    const cop_opts opts = {.monitor = &ref};
    const cop_msg *m;
    cop_pid pid;

    (void)arg;
    spawn_with(&pid, expects_too_much, NULL, &opts);
    ck_assert_int_eq(cop_send(pid, COUNT, "abc", 3), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, cop_in(5 * COP_SEC)), 0);
    ck_assert_int_eq(cop_reason_kind(cop_msg_reason(m)), COP_R_BADARG);
    cop_reason_str(cop_msg_reason(m), text, sizeof text);
    ck_assert_msg(strstr(text, "3") != NULL && strstr(text, "8") != NULL,
                  "names no sizes: %s", text);
}
START_TEST(a_body_of_another_size_is_misuse)
{
    actor_test(body_sizes, NULL);
}
END_TEST

static const TTest *const cases[] = {
    each_senders_order_holds_by_any_address,
    no_exit_comes_after_unlink_returned,
    no_down_comes_after_a_flush,
    the_first_news_finds_the_name_free,
    whom_one_has_killed_is_not_alive,
    one_of_many_gets_the_name,
    each_kind_of_message_tells_what_it_is,
    a_body_of_another_size_is_misuse,
};
UNIT_MAIN("signal_rules", cases)
