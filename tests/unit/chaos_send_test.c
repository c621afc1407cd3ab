/* SPDX-License-Identifier: MIT
 *
 * chaos_send_test.c - what fault plans do to messages: which ones they mean,
 * that nothing is lost beside what was dropped, and that delays keep the order.
 */
#include "tests/support/chaos.h"

#include <pthread.h>

enum { TAG_PING = 1, TAG_PONG, TAG_LAST, TAG_ASK };

/* ---------------------------------------------------------------- counts -- */

enum { SENDERS = 4, MESSAGES = 5000 };

struct number {
    int sender, n;
};

struct sum {
    int pings, last_of[SENDERS], lasts;
    bool in_order;
};

static void take(struct sum *s, const cop_msg *m)
{
    if (cop_msg_tag(m) == TAG_LAST) {
        s->lasts++;
        return;
    }
    const struct number *b = cop_msg_as(m, struct number);
    s->pings++;
    s->in_order = s->in_order && b->n >= s->last_of[b->sender];
    s->last_of[b->sender] = b->n;
}

static struct sum collect(void)
{
    struct sum s = {.in_order = true};
    const cop_msg *m;
    while (s.lasts < SENDERS) {
        ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
        take(&s, m);
    }
    return s;
}

struct sender {
    cop_pid to;
    int index;
};

/* The last message has another tag: a plan for pings lets it pass. */
static void sends(void *arg)
{
    struct sender *s = arg;
    for (int i = 0; i < MESSAGES; i++) {
        struct number b = {s->index, i};
        ck_assert(cop_send(s->to, TAG_PING, &b, sizeof b) == 0);
    }
    (void)cop_send(s->to, TAG_LAST, NULL, 0);
}

static struct sum send_and_collect(const char *plan)
{
    on(plan);
    for (int i = 0; i < SENDERS; i++) {
        struct sender s = {cop_self(), i};
        cop_opts opts = {.arg_bytes = sizeof s, .label = "sender"};
        ck_assert_int_eq(cop_spawn(NULL, sends, &s, &opts), 0);
    }
    return collect();
}

static void drop_body(void *arg)
{
    (void)arg;
    struct sum s = send_and_collect("drop tag=1 p=0.3");
    ck_assert_uint_eq(SEEN(0), SENDERS * MESSAGES);
    ck_assert_uint_eq(FIRED(0) + (unsigned)s.pings, SENDERS * MESSAGES);
    ck_assert_uint_gt(FIRED(0), SENDERS * MESSAGES / 4);
    ck_assert_uint_lt(FIRED(0), SENDERS * MESSAGES * 2 / 5);
    ck_assert(s.in_order);
}

START_TEST(drops_and_deliveries_make_the_sends)
{
    actor_test(drop_body, NULL);
}
END_TEST

static void duplicate_body(void *arg)
{
    (void)arg;
    struct sum s = send_and_collect("duplicate from=sender p=0.5 tag=1");
    ck_assert_uint_eq((unsigned)s.pings, SENDERS * MESSAGES + FIRED(0));
    ck_assert(s.in_order);
}

START_TEST(duplicates_follow_their_originals)
{
    actor_test(duplicate_body, NULL);
}
END_TEST

static void delay_body(void *arg)
{
    (void)arg;
    const cop_msg *m;
    struct sum s = send_and_collect("delay 1us..3ms from=sender tag=1 p=0.3");
    while (s.pings < SENDERS * MESSAGES) { /* the last ones may overtake */
        ck_assert_int_eq(cop_recv(&m, patience()), 0);
        take(&s, m);
    }
    ck_assert_int_eq(cop_recv(&m, cop_in(10 * COP_MS)), COP_ETIMEDOUT);
    ck_assert(s.in_order);
    ck_assert_uint_gt(FIRED(0), 0);
}

START_TEST(delays_keep_the_order)
{
    actor_test(delay_body, NULL);
}
END_TEST

static void count_body(void *arg)
{
    (void)arg;
    struct sum s = send_and_collect("drop tag=1 nth=100 count=777");
    ck_assert_int_eq(s.pings, SENDERS * MESSAGES - 777);
}

START_TEST(a_count_holds_with_many_senders)
{
    actor_test(count_body, NULL);
}
END_TEST

/* --------------------------------------------------------- what is meant -- */

/* Which of the messages 0 to n - 1 come. */
static uint64_t come_of(cop_tag tag, int n)
{
    const cop_msg *m;
    uint64_t bits = 0;
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(cop_send(cop_self(), tag, &i, sizeof i), 0);
    while (cop_recv_tag(&m, tag, COP_POLL) == 0)
        bits |= UINT64_C(1) << *cop_msg_as(m, int);
    return bits;
}

static void seed_body(void *arg)
{
    (void)arg;
    on("seed=9; drop p=0.5 tag=1");
    uint64_t first = come_of(TAG_PING, 64);
    cop_chaos_off();
    on("seed=9; drop p=0.5 tag=1");
    ck_assert_uint_eq(come_of(TAG_PING, 64), first);
    cop_chaos_off();
    on("seed=10; drop p=0.5 tag=1");
    ck_assert_uint_ne(come_of(TAG_PING, 64), first);
    cop_chaos_off();
}

START_TEST(a_seed_repeats_what_is_dropped)
{
    actor_test(seed_body, NULL);
}
END_TEST

static void tag_body(void *arg)
{
    (void)arg;
    on("drop tag=PING; drop tag=chaos.PONG");
    ck_assert_uint_eq(come_of(TAG_PING, 4), 0xf); /* no such name yet */
    ck_assert_int_eq(cop_chaos_tag_name(TAG_PING, "PING"), 0);
    ck_assert_uint_eq(come_of(TAG_PING, 4), 0);
    ck_assert_uint_eq(come_of(TAG_PONG, 4), 0xf);
    ck_assert_int_eq(cop_chaos_tag_name(TAG_PONG, "PING"), 0); /* anew */
    ck_assert_uint_eq(come_of(TAG_PING, 4), 0xf);
    ck_assert_uint_eq(come_of(TAG_PONG, 4), 0);
    ck_assert_int_eq(cop_chaos_tag_name(0, "x"), COP_EINVAL);
    ck_assert_int_eq(cop_chaos_tag_name(1, NULL), COP_EINVAL);
    ck_assert_int_eq(cop_chaos_tag_name(1, "7x"), COP_EINVAL);
    int rc = 0;
    for (int i = 0; i < 300 && rc == 0; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        rc = cop_chaos_tag_name((cop_tag)i + 10, name);
    }
    ck_assert_int_eq(rc, COP_ELIMIT);
    ck_assert_int_eq(cop_chaos_tag_name(5, "t0"), 0); /* a known one */
}

START_TEST(tags_have_names)
{
    actor_test(tag_body, NULL);
}
END_TEST

/* Sends one message of each kind to itself through `to`; as letters what has
 * come: p, c. */
static const char *kinds_to(cop_pid to)
{
    static char came[8];
    const cop_msg *m;
    size_t n = 0;
    ck_assert_int_eq(cop_send(to, TAG_PING, NULL, 0), 0);
    ck_assert_int_eq(cop_cast(to, TAG_PING, NULL, 0), 0);
    while (cop_recv_tag(&m, TAG_PING, COP_POLL) == 0)
        came[n++] = cop_msg_how(m) == COP_MSG_CAST ? 'c' : 'p';
    came[n] = '\0';
    return came;
}

static void who_body(void *arg)
{
    (void)arg;
    ck_assert_int_eq(cop_register("me", cop_self()), 0);
    on("drop from=me to=m?");
    ck_assert_str_eq(kinds_to(cop_self()), "");
    cop_chaos_off();
    on("drop from=me to=you; drop from=you; drop kind=call; drop kind=reply; "
       "drop tag=2");
    ck_assert_str_eq(kinds_to(cop_self()), "pc");
    cop_chaos_off();
    on("drop kind=plain");
    ck_assert_str_eq(kinds_to(cop_self()), "c");
    cop_chaos_off();
    on("drop kind=cast");
    ck_assert_str_eq(kinds_to(cop_self()), "p");
    cop_chaos_off();
}

START_TEST(rules_mean_pairs_and_kinds)
{
    actor_test(who_body, NULL);
}
END_TEST

static void ends(void *arg)
{
    (void)arg;
}

/* Nothing of the runtime's own is a message to a plan. */
static void signals_body(void *arg)
{
    cop_pid p;
    cop_ref ref;
    const cop_msg *m;
    cop_opts opts = {.monitor = &ref, .link = true, .label = "ends"};
    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(cop_register("me", cop_self()), 0);
    on("drop from=?*; delay 1s from=?*; drop kind=reply from=?*");
    ck_assert_int_eq(cop_spawn(&p, ends, NULL, &opts), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    ck_assert_int_eq(cop_recv_tag(&m, COP_EXIT, COP_FOREVER), 0);
    ck_assert_int_eq(cop_send_after(NULL, COP_MS, cop_self(), TAG_PING, "", 1),
                     0);
    ck_assert_int_eq(cop_recv_tag(&m, TAG_PING, COP_FOREVER), 0);
    (void)cop_exit_signal(cop_self(), cop_because("hello"));
    ck_assert_int_eq(cop_recv_tag(&m, COP_EXIT, COP_FOREVER), 0);
    cop_chaos_off();
}

START_TEST(signals_and_timers_are_left_alone)
{
    actor_test(signals_body, NULL);
}
END_TEST

static cop_next never(void *state, const cop_msg *m, cop_from from)
{
    (void)state;
    (void)m;
    (void)cop_reply(from, NULL, 0);
    return cop_next_wait();
}

static const cop_server server = {.label = "server", .call = never};

/* What behaviours say among themselves has tags of its own. */
static void behaviour_body(void *arg)
{
    cop_pid sup, p;
    cop_child kid = {.id = "server", .server = &server};
    cop_sup spec = {.children = &kid, .nchildren = 1};
    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(cop_register("me", cop_self()), 0);
    on("drop from=?*; drop kind=reply"); /* an ack of a start is one, too */
    ck_assert_int_eq(cop_sup_start(&sup, &spec, NULL, NULL), 0);
    kid.id = "another";
    ck_assert_int_eq(cop_sup_start_child(sup, &p, &kid, NULL), 0);
    ck_assert_int_eq(cop_call(p, TAG_ASK, NULL, 0, NULL, 0, cop_in(COP_MS)),
                     COP_ETIMEDOUT);
    ck_assert_int_eq(cop_server_stop(sup, COP_SHUTDOWN, COP_FOREVER, NULL), 0);
    cop_chaos_off();
}

START_TEST(behaviours_are_left_alone)
{
    actor_test(behaviour_body, NULL);
}
END_TEST

/* ------------------------------------------------------ calls and replies --
 */

static atomic_int asked, late;

/* Answers with the number of the question. */
static void answers(void *arg)
{
    const cop_msg *m;
    (void)arg;
    for (;;) {
        ck_assert_int_eq(cop_recv_tag(&m, TAG_ASK, COP_FOREVER), 0);
        int n = atomic_fetch_add(&asked, 1) + 1;
        int rc = cop_reply(cop_msg_from(m), &n, sizeof n);
        ck_assert(rc == 0 || rc == COP_EREPLIED);
        atomic_fetch_add(&late, rc == COP_EREPLIED);
    }
}

static cop_pid answerer(void)
{
    cop_pid p;
    cop_opts opts = {.label = "answers"};
    ck_assert_int_eq(cop_spawn(&p, answers, NULL, &opts), 0);
    return p;
}

static int ask(cop_pid p, cop_time timeout)
{
    int n = 0;
    int rc = cop_call(p, TAG_ASK, NULL, 0, &n, sizeof n, cop_in(timeout));
    return rc < 0 ? rc : n;
}

static void drop_calls_body(void *arg)
{
    cop_pid p = answerer();
    (void)arg;
    on("drop kind=call count=1 to=answers");
    ck_assert_int_eq(ask(p, 10 * COP_MS), COP_ETIMEDOUT);
    ck_assert_int_eq(ask(p, COP_SEC), 1);
    cop_chaos_off();
    on("drop kind=reply count=1 from=answers");
    ck_assert_int_eq(ask(p, 10 * COP_MS), COP_ETIMEDOUT);
    ck_assert_int_eq(ask(p, COP_SEC), 3);
    ck_assert_int_eq(atomic_load(&late), 0);
    cop_chaos_off();
    on("duplicate kind=call to=answers");
    ck_assert_int_eq(ask(p, COP_SEC), 4);
    cop_sleep(COP_MS);
    ck_assert_int_eq(atomic_load(&asked), 5);
    ck_assert_int_eq(atomic_load(&late), 1);
    cop_chaos_off();
    on("duplicate kind=reply from=answers"); /* the second one finds nobody */
    ck_assert_int_eq(ask(p, COP_SEC), 6);
    ck_assert_int_eq(ask(p, COP_SEC), 7);
    ck_assert_int_eq(atomic_load(&late), 1);
}

START_TEST(calls_time_out)
{
    static const cop_config c = {.workers = 2, .virtual_time = true};
    actor_test(drop_calls_body, &c);
}
END_TEST

static void delay_calls_body(void *arg)
{
    cop_pid p = answerer();
    cop_ref ref;
    const cop_msg *m;
    (void)arg;
    on("delay 50ms kind=reply from=answers");
    cop_time start = cop_now();
    ck_assert_int_eq(ask(p, COP_SEC), 1);
    ck_assert_int_ge(cop_now() - start, 50 * COP_MS);
    /* a deadline holds although the reply is under way */
    start = cop_now();
    ck_assert_int_eq(ask(p, 10 * COP_MS), COP_ETIMEDOUT);
    ck_assert_int_le(cop_now() - start, 15 * COP_MS);
    ck_assert_int_eq(cop_request(&ref, p, TAG_ASK, NULL, 0), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, cop_in(40 * COP_MS)), COP_ETIMEDOUT);
    ck_assert_int_eq(cop_recv_ref(&m, ref, cop_in(90 * COP_MS)), 0);
    ck_assert_int_eq(*cop_msg_as(m, int), 3);
    cop_chaos_off();
    on("delay 20ms..30ms kind=call to=answers");
    start = cop_now();
    ck_assert_int_eq(ask(p, COP_SEC), 4);
    ck_assert_int_ge(cop_now() - start, 20 * COP_MS);
    ck_assert_int_le(cop_now() - start, 35 * COP_MS);
    cop_chaos_off();
}

START_TEST(delayed_replies_come_in_time_or_not)
{
    static const cop_config c = {.workers = 2, .virtual_time = true};
    actor_test(delay_calls_body, &c);
}
END_TEST

/* ------------------------------------------------------- bodies, endings -- */

static atomic_int released;

static void count_release(void *p, size_t size)
{
    (void)p;
    (void)size;
    atomic_fetch_add(&released, 1);
}

static void bodies_body(void *arg)
{
    static char big[100000] = "big";
    const cop_msg *m;
    cop_msg *mine;
    cop_buf *b;
    (void)arg;
    on("duplicate tag=1 count=1; drop tag=1 nth=2; duplicate tag=1 nth=3");
    ck_assert_int_eq(
        cop_msg_new_moved(&mine, TAG_PING, big, sizeof big, count_release), 0);
    ck_assert_int_eq(cop_send_msg(cop_self(), mine), 0); /* comes twice */
    ck_assert_int_eq(
        cop_msg_new_moved(&mine, TAG_PING, big, sizeof big, count_release), 0);
    ck_assert_int_eq(cop_send_msg(cop_self(), mine), 0); /* dropped */
    ck_assert_int_eq(atomic_load(&released), 1);
    ck_assert_int_eq(cop_buf_new(&b, big, sizeof big), 0);
    ck_assert_int_eq(cop_send_buf(cop_self(), TAG_PING, b), 0); /* twice */
    cop_buf_release(b);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(cop_recv(&m, COP_POLL), 0);
        ck_assert_uint_eq(cop_msg_size(m), sizeof big);
        ck_assert_mem_eq(cop_msg_body(m), big, sizeof big);
    }
    ck_assert_int_eq(cop_recv(&m, COP_POLL), COP_ETIMEDOUT);
    ck_assert_int_eq(atomic_load(&released), 2);
}

START_TEST(bodies_are_copied_and_released)
{
    size_t before = cop_ext_bytes_in_use();
    actor_test(bodies_body, NULL);
    ck_assert_uint_eq(cop_ext_bytes_in_use(), before);
}
END_TEST

static void off_body(void *arg)
{
    const cop_msg *m;
    (void)arg;
    on("delay 1h tag=1");
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(cop_send(cop_self(), TAG_PING, &i, sizeof i), 0);
    ck_assert_int_eq(cop_recv(&m, cop_in(COP_SEC)), COP_ETIMEDOUT);
    cop_chaos_off();
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(cop_recv(&m, cop_in(COP_SEC)), 0);
        ck_assert_int_eq(*cop_msg_as(m, int), i);
    }
    on("delay 1h tag=1"); /* to be held when the runtime stops */
    ck_assert_int_eq(cop_send(cop_self(), TAG_PING, NULL, 0), 0);
}

START_TEST(what_is_held_is_sent_at_the_end)
{
    static const cop_config c = {.workers = 2, .virtual_time = true};
    size_t before = cop_ext_bytes_in_use();
    actor_test(off_body, &c);
    ck_assert_uint_eq(cop_ext_bytes_in_use(), before);
}
END_TEST

static atomic_int came;

static void counts(void *arg)
{
    const cop_msg *m;
    (void)arg;
    for (;;)
        if (cop_recv_tag(&m, TAG_PING, COP_FOREVER) == 0)
            atomic_fetch_add(&came, 1);
}

/* Whatever memory is refused when, a message is dropped by nobody. */
START_TEST(without_memory_nothing_is_lost)
{
    size_t before = cop_ext_bytes_in_use();
    cop_pid p;
    int sent = 0;
    started(2);
    ck_assert_int_eq(cop_spawn(&p, counts, NULL, NULL), 0);
    on("delay 1us..10us tag=1; duplicate tag=1 p=0.5");
    ck_assert_int_eq(cop_ext_quiesce(20 * COP_SEC), 0); /* both have stacks */
    for (int i = 1; i < 200; i++) {
        cop_ext_fail_alloc((uint64_t)(i % 5 + 1), false);
        sent += cop_send(p, TAG_PING, &i, sizeof i) == 0;
    }
    cop_ext_fail_alloc(0, false);
    cop_chaos_off();
    ck_assert_int_gt(sent, 50);
    ck_assert(reaches(&came, sent));
    stopped();
    ck_assert_uint_eq(cop_ext_bytes_in_use(), before);
}
END_TEST

enum { THREADS = 6, TOGGLES = 400 };

static atomic_bool no_more;
static atomic_int went;

static void *sends_on(void *arg)
{
    cop_pid p = *(cop_pid *)arg;
    for (int i = 0; !atomic_load(&no_more); i++) {
        if (cop_send(p, TAG_PING, &i, sizeof i) == 0)
            atomic_fetch_add(&went, 1);
        if (i % 64 == 0)
            nap(COP_US);
    }
    return NULL;
}

/* Whoever has a message delayed in the moment in which a plan ends. */
START_TEST(who_comes_late_loses_nothing)
{
    size_t before = cop_ext_bytes_in_use();
    pthread_t t[THREADS];
    cop_pid p;
    started(2);
    ck_assert_int_eq(cop_spawn(&p, counts, NULL, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&t[i], NULL, sends_on, &p), 0);
    for (int i = 0; i < TOGGLES; i++) {
        on("delay 1us..1ms tag=1");
        nap(COP_MS / 4);
        cop_chaos_off();
    }
    atomic_store(&no_more, true);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(t[i], NULL), 0);
    ck_assert(reaches(&came, atomic_load(&went)));
    stopped();
    ck_assert_int_eq(atomic_load(&came), atomic_load(&went));
    ck_assert_uint_eq(cop_ext_bytes_in_use(), before);
}
END_TEST

/* A foreign thread is nobody: only patterns that match the empty name. */
START_TEST(threads_send_too)
{
    cop_pid p;
    int n = 0;
    started(2);
    ck_assert_int_eq(cop_spawn(&p, answers, NULL, NULL), 0);
    on("drop from=?* kind=call");
    ck_assert_int_eq(cop_call(p, TAG_ASK, NULL, 0, &n, sizeof n, COP_FOREVER),
                     sizeof n);
    cop_chaos_off();
    on("drop from=* kind=call");
    ck_assert_int_eq(
        cop_call(p, TAG_ASK, NULL, 0, &n, sizeof n, cop_in(10 * COP_MS)),
        COP_ETIMEDOUT);
    cop_chaos_off();
    on("delay 2ms kind=reply; delay 1ms kind=call");
    ck_assert_int_eq(cop_call(p, TAG_ASK, NULL, 0, &n, sizeof n, COP_FOREVER),
                     sizeof n);
    stopped();
}
END_TEST

static void letters_body(void *arg)
{
    const cop_msg *m;
    cop_counters before, after;
    cop_pid p;
    (void)arg;
    ck_assert_int_eq(cop_spawn(&p, idle, NULL, NULL), 0);
    cop_dead_letters_to(cop_self());
    cop_counters_get(&before);
    on("drop tag=2; drop kind=reply");
    ck_assert_int_eq(cop_send(p, TAG_PONG, "123", 3), 0);
    ck_assert_int_eq(cop_recv_tag(&m, COP_DEAD_LETTER, patience()), 0);
    const struct cop_dead_letter *d = cop_msg_as(m, struct cop_dead_letter);
    ck_assert_int_eq(d->reason, COP_DEAD_INJECTED);
    ck_assert_uint_eq(d->tag, TAG_PONG);
    ck_assert_uint_eq(d->from.id, cop_self().id);
    ck_assert_uint_eq(d->to.id, p.id);
    ck_assert_uint_eq(d->size, 3);
    ck_assert_int_eq(cop_call(p, TAG_ASK, NULL, 0, NULL, 0, cop_in(COP_MS)),
                     COP_ETIMEDOUT);
    /* who was to get a message hears of no dead letter of it */
    cop_counters_get(&after);
    ck_assert_uint_eq(after.dead_letters - before.dead_letters, 2);
    cop_chaos_off(); /* the end of a test is told by a reply */
}

START_TEST(what_is_dropped_is_a_dead_letter)
{
    actor_test(letters_body, NULL);
}
END_TEST

static const TTest *const cases[] = {
    what_is_dropped_is_a_dead_letter,
    drops_and_deliveries_make_the_sends,
    duplicates_follow_their_originals,
    delays_keep_the_order,
    a_count_holds_with_many_senders,
    a_seed_repeats_what_is_dropped,
    tags_have_names,
    rules_mean_pairs_and_kinds,
    signals_and_timers_are_left_alone,
    behaviours_are_left_alone,
    calls_time_out,
    delayed_replies_come_in_time_or_not,
    bodies_are_copied_and_released,
    what_is_held_is_sent_at_the_end,
    without_memory_nothing_is_lost,
    who_comes_late_loses_nothing,
    threads_send_too,
};
UNIT_MAIN("chaos_send", cases)
