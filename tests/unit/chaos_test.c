/* SPDX-License-Identifier: MIT
 *
 * chaos_test.c - fault plans at work: what they do to actors and to fault
 * points, and by what chance. Messages are in chaos_send_test.c, native faults
 * in chaos_native_test.c, switching plans in chaos_switch_test.c.
 */
#include "tests/support/chaos.h"

enum { TAG_NEXT = TAG_DONE + 1 };

/* -------------------------------------------------------------- actors -- */

/* How the actor of this monitor ended, as text; it did by a plan. */
static const char *end_of(cop_ref ref)
{
    static char text[COP_REASON_TEXT];
    const cop_msg *m;
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    ck_assert(cop_reason_is_injected(cop_msg_reason(m)));
    return cop_reason_str(cop_msg_reason(m), text, sizeof text);
}

static void kill_body(void *arg)
{
    cop_ref ref;
    const cop_msg *m;
    (void)arg;
    on("kill victim");
    watched(&ref, idle, NULL, "victim");
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    cop_reason why = cop_msg_reason(m);
    ck_assert(cop_reason_is_injected(why));
    ck_assert_int_eq(cop_reason_kind(why), COP_R_KILLED);
    ck_assert_str_eq(cop_reason_name(why), "killed");
    ck_assert(cop_reason_eq(why, COP_KILLED));
    ck_assert(cop_reason_eq(COP_KILLED, why));
    ck_assert(!cop_reason_eq(why, COP_SHUTDOWN));
    ck_assert(!cop_reason_is_orderly(why));
    ck_assert(!cop_reason_is_injected(COP_KILLED));
    ck_assert_uint_eq(FIRED(0), 1);
    ck_assert_uint_eq(SEEN(0), 1);
}

START_TEST(kills_are_marked)
{
    actor_test(kill_body, NULL);
}
END_TEST

static void trapping(void *arg)
{
    const cop_msg *m;
    char text[COP_REASON_TEXT];
    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(cop_recv_tag(&m, COP_EXIT, COP_FOREVER), 0);
    ck_assert(cop_pid_is_none(cop_msg_sender(m)));
    ck_assert(cop_reason_eq(cop_msg_reason(m), cop_because("boom")));
    cop_reason_str(cop_msg_reason(m), text, sizeof text);
    ck_assert_str_eq(text, "boom (injected)");
    cop_exit(COP_SHUTDOWN);
}

static void exit_body(void *arg)
{
    cop_ref plain, traps, normal;
    const cop_msg *m;
    (void)arg;
    on("exit plain boom; exit traps boom nth=2; exit fine normal");
    watched(&plain, idle, NULL, "plain");
    ck_assert_str_eq(end_of(plain), "boom (injected)");
    watched(&traps, trapping, NULL, "traps");
    cop_sleep(COP_MS);
    (void)cop_send_name("traps", TAG_NEXT, NULL, 0); /* its second turn */
    ck_assert_int_eq(cop_recv_ref(&m, traps, COP_FOREVER), 0);
    ck_assert(cop_reason_eq(cop_msg_reason(m), COP_SHUTDOWN));
    ck_assert(!cop_reason_is_injected(cop_msg_reason(m)));
    /* from another, `normal` does nothing to who does not trap */
    cop_pid p = watched(&normal, idle, NULL, "fine");
    ck_assert_int_eq(cop_call(p, TAG_WORK, NULL, 0, NULL, 0, COP_FOREVER), 0);
    ck_assert_uint_ge(FIRED(2), 1);
}

START_TEST(exits_are_signals)
{
    actor_test(exit_body, &in_virtual_time);
}
END_TEST

static void links_to_victim(void *arg)
{
    ck_assert_int_eq(cop_link(*(cop_pid *)arg), 0);
    idle(NULL);
}

static void link_body(void *arg)
{
    cop_ref victim, linked;
    (void)arg;
    cop_pid p = watched(&victim, idle, NULL, "victim");
    watched(&linked, links_to_victim, &p, NULL);
    cop_sleep(COP_MS);
    on("exit victim boom every=1ms");
    ck_assert_str_eq(end_of(victim), "boom (injected)");
    ck_assert_str_eq(end_of(linked), "boom (injected)");
}

START_TEST(links_carry_the_mark)
{
    actor_test(link_body, &in_virtual_time);
}
END_TEST

static cop_next served(void *state, const cop_msg *m, cop_from from)
{
    (void)state;
    (void)m;
    (void)cop_reply(from, NULL, 0);
    return cop_next_wait();
}

static const cop_server echo_server = {.label = "echo", .call = served};

/* By label, and a handler that is idle. */
static void label_body(void *arg)
{
    cop_pid p, other;
    cop_ref ref, left;
    const cop_msg *m;
    cop_server_opts named = {.spawn = {.name = "has_one"}};
    (void)arg;
    ck_assert_int_eq(cop_server_start(&p, &echo_server, NULL, NULL, NULL), 0);
    ck_assert_int_eq(cop_server_start(&other, &echo_server, NULL, &named, NULL),
                     0);
    ck_assert_int_eq(cop_monitor(&ref, p), 0);
    ck_assert_int_eq(cop_monitor(&left, other), 0);
    on("kill ec?o every=10ms");
    ck_assert_str_eq(end_of(ref), "killed (injected)");
    /* a name comes before the label */
    ck_assert_int_eq(cop_recv_ref(&m, left, cop_in(100 * COP_MS)),
                     COP_ETIMEDOUT);
    ck_assert_uint_eq(FIRED(0), 1);
    ck_assert_uint_eq(SEEN(0), 1);
}

START_TEST(names_come_before_labels)
{
    actor_test(label_body, &in_virtual_time);
}
END_TEST

/* ---------------------------------------------------------- every, when -- */

static void spawn_workers(cop_ref *ref, int n)
{
    char name[32];
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "worker.%d", i);
        watched(&ref[i], idle, NULL, name);
    }
}

/* Which of n have ended, as bits. */
static unsigned ended(const cop_ref *ref, int n)
{
    const cop_msg *m;
    unsigned bits = 0;
    for (int i = 0; i < n; i++)
        if (cop_recv_ref(&m, ref[i], COP_POLL) == 0)
            bits |= 1u << i;
    return bits;
}

static void every_body(void *arg)
{
    cop_ref ref[8], other;
    (void)arg;
    spawn_workers(ref, 8);
    cop_pid p = watched(&other, idle, NULL, "boss");
    on("kill worker.* every=100ms");
    cop_sleep(99 * COP_MS);
    ck_assert_uint_eq(ended(ref, 8), 0);
    cop_sleep(250 * COP_MS);
    ck_assert_int_eq(__builtin_popcount(ended(ref, 8)), 3);
    ck_assert_uint_eq(FIRED(0), 3);
    cop_sleep(COP_SEC);
    ck_assert_uint_eq(FIRED(0), 8);
    ck_assert_uint_eq(SEEN(0), 8);
    ck_assert(cop_is_alive(p));
}

START_TEST(every_so_often_one_of_them)
{
    actor_test(every_body, &in_virtual_time);
}
END_TEST

enum { STRIKES = 24 };

static struct strikes {
    atomic_int n;
    int who[STRIKES];
} strikes;

static void records(void *arg)
{
    const cop_msg *m;
    cop_trap_exit(true);
    while (cop_recv_tag(&m, COP_EXIT, COP_FOREVER) == 0) {
        if (!cop_reason_is_injected(cop_msg_reason(m)))
            return; /* the runtime stops */
        strikes.who[atomic_fetch_add(&strikes.n, 1)] = *(int *)arg;
    }
}

/* Whom a plan chooses among eight, one after the other. */
static void strike_by(const char *plan)
{
    atomic_store(&strikes.n, 0);
    on(plan);
    cop_sleep((STRIKES + 5) * COP_MS);
    cop_chaos_off();
    ck_assert_int_eq(atomic_load(&strikes.n), STRIKES);
}

static int different(const int *who)
{
    unsigned bits = 0;
    for (int i = 0; i < STRIKES; i++)
        bits |= 1u << who[i];
    return __builtin_popcount(bits);
}

static void victims_body(void *arg)
{
    int first[STRIKES];
    (void)arg;
    for (int i = 0; i < 8; i++) {
        cop_opts opts = {.arg_bytes = sizeof i, .label = "recorder"};
        ck_assert_int_eq(cop_spawn(NULL, records, &i, &opts), 0);
    }
    cop_sleep(COP_MS);
    strike_by("seed=5; exit recorder x every=1ms count=24");
    memcpy(first, strikes.who, sizeof first);
    ck_assert_int_gt(different(first), 3);
    strike_by("seed=5; exit recorder x every=1ms count=24");
    ck_assert_mem_eq(first, strikes.who, sizeof first);
    strike_by("seed=6; exit recorder x every=1ms count=24");
    ck_assert_mem_ne(first, strikes.who, sizeof first);
}

START_TEST(a_seed_chooses_victims)
{
    actor_test(victims_body, &in_virtual_time);
}
END_TEST

static void window_body(void *arg)
{
    cop_ref ref[16];
    (void)arg;
    spawn_workers(ref, 16);
    on("kill worker.* every=10ms after=100ms until=151ms");
    cop_sleep(95 * COP_MS);
    ck_assert_uint_eq(ended(ref, 16), 0);
    cop_sleep(COP_SEC);
    ck_assert_int_eq(__builtin_popcount(ended(ref, 16)), 6); /* 100 ... 150 */
    ck_assert_uint_eq(SEEN(0), 6);
}

START_TEST(windows_open_and_close)
{
    actor_test(window_body, &in_virtual_time);
}
END_TEST

/* Which of n spawns failed. */
static uint64_t failed_spawns(int n)
{
    uint64_t bits = 0;
    for (int i = 0; i < n; i++) {
        cop_pid p;
        int rc = cop_spawn(&p, idle, NULL, NULL);
        ck_assert(rc == 0 || rc == COP_ENOMEM);
        bits |= (uint64_t)(rc != 0) << i;
        if (rc == 0)
            (void)cop_exit_signal(p, COP_KILL);
    }
    return bits;
}

static void chance_body(void *arg)
{
    (void)arg;
    on("seed=1; fail spawn p=0.5");
    uint64_t first = failed_spawns(64);
    ck_assert_uint_eq(SEEN(0), 64);
    ck_assert_uint_eq(FIRED(0), (unsigned)__builtin_popcountll(first));
    ck_assert_uint_gt(FIRED(0), 16);
    ck_assert_uint_lt(FIRED(0), 48);
    cop_chaos_off();
    ck_assert_uint_eq(failed_spawns(64), 0);
    on("seed=1; fail spawn p=0.5");
    ck_assert_uint_eq(failed_spawns(64), first);
    cop_chaos_off();
    on("seed=2; fail spawn p=0.5");
    ck_assert_uint_ne(failed_spawns(64), first);
    cop_chaos_off();
    /* the rule's own seed, and the number of the rule, make the stream */
    on("seed=2; fail spawn p=0.5 seed=1");
    ck_assert_uint_eq(failed_spawns(64), first);
    cop_chaos_off();
    on("seed=1; fail map p=0; fail spawn p=0.5");
    ck_assert_uint_ne(failed_spawns(64), first);
}

START_TEST(a_seed_repeats_the_sequence)
{
    actor_test(chance_body, NULL);
}
END_TEST

static void count_body(void *arg)
{
    (void)arg;
    on("fail spawn nth=3");
    ck_assert_uint_eq(failed_spawns(8), 0x4);
    cop_chaos_off();
    on("fail spawn nth=3 count=2");
    ck_assert_uint_eq(failed_spawns(8), 0xc);
    cop_chaos_off();
    on("fail spawn count=2");
    ck_assert_uint_eq(failed_spawns(8), 0x3);
    ck_assert_uint_eq(SEEN(0), 8);
    ck_assert_uint_eq(FIRED(0), 2);
    cop_chaos_off();
    on("fail spawn p=0");
    ck_assert_uint_eq(failed_spawns(8), 0);
    cop_chaos_off();
    on("fail spawn every=10ms");
    ck_assert_uint_eq(failed_spawns(2), 0); /* the first time is not over */
    cop_sleep(25 * COP_MS);
    ck_assert_uint_eq(failed_spawns(4), 0x1);
}

START_TEST(counts_are_kept)
{
    actor_test(count_body, &in_virtual_time);
}
END_TEST

/* ---------------------------------------------------------- fault points -- */

START_TEST(memory_is_refused)
{
    size_t before = cop_ext_bytes_in_use();
    int failures = 0;
    started(2);
    on("fail alloc p=0.3; errno mmap ENOMEM p=0.5");
    for (int i = 0; i < 500; i++) {
        cop_pid p;
        int rc = cop_spawn(&p, idle, NULL, NULL);
        ck_assert(rc == 0 || rc == COP_ENOMEM);
        if (rc == 0)
            rc = cop_exit_signal(p, COP_KILL);
        failures += rc != 0;
    }
    ck_assert_int_gt(failures, 0);
    ck_assert_uint_gt(SEEN(0), 100);
    ck_assert_uint_lt(FIRED(0), SEEN(0));
    ck_assert_uint_gt(FIRED(0), 0);
    stopped();
    ck_assert_uint_eq(cop_ext_bytes_in_use(), before);
}
END_TEST

/* ----------------------------------------------------------- time spent -- */

static cop_time burn(cop_time ns)
{
    struct timespec t;
    cop_time start = 0, now = 0;
    do {
        clock_gettime(CLOCK_MONOTONIC, &t);
        now = t.tv_sec * COP_SEC + t.tv_nsec;
        start = start == 0 ? now : start;
    } while (now - start < ns);
    return now;
}

static void works(void *arg)
{
    const cop_msg *m;
    (void)arg;
    for (;;) {
        ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
        cop_from from = cop_msg_from(m);
        burn(2 * COP_MS);
        (void)cop_reply(from, NULL, 0);
        cop_yield(); /* the turn's end, before the next message */
    }
}

/* Of two calls: the second waits until the first one's turn is over. */
static cop_time time_of_calls(cop_pid p)
{
    cop_time start = burn(0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(cop_call(p, TAG_WORK, NULL, 0, NULL, 0, COP_FOREVER),
                         0);
    return burn(0) - start;
}

static void slow_body(void *arg)
{
    cop_ref ref;
    (void)arg;
    cop_pid p = watched(&ref, works, NULL, "db");
    on("slow actor=db x10");
    ck_assert_int_gt(time_of_calls(p), 20 * COP_MS);
    ck_assert_uint_ge(FIRED(0), 1);
    cop_chaos_off();
    ck_assert(cop_is_alive(p));
}

START_TEST(slow_actors_take_longer)
{
    actor_test(slow_body, NULL);
}
END_TEST

static void hang_body(void *arg)
{
    cop_ref ref;
    (void)arg;
    cop_pid p = watched(&ref, idle, NULL, "db");
    cop_sleep(COP_MS);
    on("hang db 30ms count=1");
    cop_time start = burn(0);
    ck_assert_int_eq(cop_call(p, TAG_WORK, NULL, 0, NULL, 0, COP_FOREVER), 0);
    ck_assert_int_ge(burn(0) - start, 30 * COP_MS);
    ck_assert_uint_eq(FIRED(0), 1);
}

START_TEST(hung_actors_go_on)
{
    actor_test(hang_body, NULL);
}
END_TEST

/* ------------------------------------------------- what came of a rule -- */

static void struck_body(void *arg)
{
    cop_ref ref;
    (void)arg;
    on("kill victim nth=2; slow victim x2 count=1; drop tag=77");
    cop_pid p = watched(&ref, idle, NULL, "victim");
    while (SEEN(0) < 1)
        cop_sleep(COP_MS);
    ck_assert_uint_eq(rule_of(0).struck, 0);
    (void)cop_send(p, TAG_NEXT, NULL, 0);
    ck_assert_str_eq(end_of(ref), "killed (injected)");
    ck_assert_uint_eq(rule_of(0).struck, 1);
    (void)cop_send(cop_self(), 77, NULL, 0);
    for (size_t i = 1; i < 3; i++) {
        ck_assert_uint_eq(FIRED(i), 1);
        ck_assert_uint_eq(rule_of(i).struck, 1);
    }
}

START_TEST(firings_are_told_from_hits)
{
    actor_test(struck_body, NULL);
}
END_TEST

/* One that is busy is chosen again and again, and dies once. How often it was
 * chosen. */
static unsigned long times_chosen(void)
{
    cop_ref ref;
    const cop_msg *m;
    on("kill victim every=1ms; hang victim 20ms count=1");
    watched(&ref, idle, NULL, "victim");
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    cop_chaos_off();
    ck_assert_uint_eq(rule_of(0).struck, 1);
    ck_assert_uint_eq(rule_of(1).struck, FIRED(1));
    return FIRED(0);
}

static void late_body(void *arg)
{
    (void)arg;
    while (times_chosen() < 2) /* the first came before it was busy */
        continue;
}

START_TEST(who_dies_is_struck_once)
{
    actor_test(late_body, NULL);
}
END_TEST

static uint64_t signature_of(const char *plan)
{
    on(plan);
    uint64_t s = cop_chaos_signature();
    cop_chaos_off();
    ck_assert_uint_eq(cop_chaos_signature(), s);
    return s;
}

static void signature_body(void *arg)
{
    (void)arg;
    uint64_t s = signature_of("seed=1; drop tag=1 p=0.1; kill a every=1s");
    ck_assert_uint_ne(s, 0);
    ck_assert_uint_eq(signature_of("seed=1; drop tag=1 p=0.1; kill a every=1s"),
                      s);
    ck_assert_uint_ne(signature_of("seed=2; drop tag=1 p=0.1; kill a every=1s"),
                      s);
    ck_assert_uint_ne(signature_of("seed=1; drop tag=1 p=0.2; kill a every=1s"),
                      s);
    ck_assert_uint_ne(signature_of("seed=1; kill a every=1s; drop tag=1 p=0.1"),
                      s);
    /* what a certain rule draws, is chance too */
    ck_assert_uint_ne(signature_of("seed=1; kill a every=1s"),
                      signature_of("seed=2; kill a every=1s"));
    /* and the same whatever has come of it */
    on("seed=1; fail spawn p=0.5");
    s = cop_chaos_signature();
    (void)failed_spawns(64);
    ck_assert_uint_eq(cop_chaos_signature(), s);
}

START_TEST(a_signature_covers_what_chance_decides)
{
    actor_test(signature_body, NULL);
}
END_TEST

static const TTest *const cases[] = {
    firings_are_told_from_hits,
    who_dies_is_struck_once,
    a_signature_covers_what_chance_decides,
    kills_are_marked,
    exits_are_signals,
    links_carry_the_mark,
    names_come_before_labels,
    every_so_often_one_of_them,
    a_seed_chooses_victims,
    windows_open_and_close,
    a_seed_repeats_the_sequence,
    counts_are_kept,
    memory_is_refused,
    slow_actors_take_longer,
    hung_actors_go_on,
};
UNIT_MAIN("chaos", cases)
