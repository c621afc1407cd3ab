/* SPDX-License-Identifier: MIT
 *
 * partition_test.c - partitioned supervisors: who is which, before and after
 * restarts, and readers that ask while partitions die.
 */
#include <coppice.h>
#include <coppice/partition.h>

#include "actors/route.h"
#include "tests/support/sup.h"

enum { ASK = 100, MANY = 64 };

/* ------------------------------------------------------------- children -- */

/* What a partition answers to ASK. */
struct answer {
    size_t number, count;
    const void *arg;
    char text[8];
};

struct part {
    struct answer a;
};

static cop_next part_init(void *state, void *arg)
{
    const cop_partition *p = arg;
    struct part *s = state;
    s->a.number = p->number;
    s->a.count = p->count;
    s->a.arg = cop_partition_arg(p);
    if (p->arg_bytes > 0)
        memcpy(s->a.text, s->a.arg, p->arg_bytes);
    note("%zu start", p->number);
    return cop_next_wait();
}

static cop_next part_call(void *state, const cop_msg *m, cop_from from)
{
    struct part *s = state;
    if (cop_msg_tag(m) != ASK)
        return cop_next_stop(cop_because("boom"));
    (void)cop_reply(from, &s->a, sizeof s->a);
    return cop_next_wait();
}

static cop_next part_info(void *state, const cop_msg *m)
{
    (void)state;
    if (cop_msg_tag(m) == KID_CRASH)
        cop_exit(cop_because("boom"));
    return cop_next_wait();
}

static const cop_server part = {.state_bytes = sizeof(struct part),
                                .init = part_init,
                                .call = part_call,
                                .info = part_info};

static cop_next fails_second_init(void *state, void *arg)
{
    (void)state;
    return ((const cop_partition *)arg)->number == 1
               ? cop_next_stop(cop_because("boom"))
               : cop_next_wait();
}

static const cop_server fails_second = {.init = fails_second_init};

static void part_actor(void *arg)
{
    const cop_partition *p = arg;
    const struct answer own = {.number = p->number, .count = p->count};
    const cop_msg *m;
    while (cop_recv_tag(&m, ASK, COP_FOREVER) == 0)
        (void)cop_reply(cop_msg_from(m), &own, sizeof own);
}

static const cop_child a_part = {.server = &part, .arg = &a};

static cop_pid parts_up(const cop_partitions *ps)
{
    cop_pid sup;
    cop_trap_exit(true);
    ck_assert_int_eq(cop_partition_start(&sup, ps, NULL), 0);
    return sup;
}

/* Asks the partition that `key` leads to. */
static struct answer ask(cop_pid sup, uint64_t key)
{
    struct answer answer = {.number = 999};
    int n = cop_call(cop_partition_pid(sup, key), ASK, NULL, 0, &answer,
                     sizeof answer, COP_FOREVER);
    ck_assert_int_eq(n, sizeof answer);
    return answer;
}

/* ---------------------------------------------------------------- tests -- */

static void body_keys_lead_to_partitions(void *arg)
{
    const cop_partitions ps = {
        .child = &a_part, .count = 3, .opts = {.name = "parts"}};
    cop_pid s = parts_up(&ps);
    const uint64_t keys[] = {0, 1, 2, 3, 4, 3000000000000001u, UINT64_MAX};
    (void)arg;
    notes_are("0 start|1 start|2 start|");
    which_is(s, "0=up 1=up 2=up");
    ck_assert_int_eq(cop_partition_count(s), 3);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct answer got = ask(s, keys[i]);
        ck_assert_uint_eq(got.number, keys[i] % 3);
        ck_assert_uint_eq(got.count, 3);
        ck_assert_ptr_eq(got.arg, &a);
        ck_assert(cop_pid_eq(cop_partition_pid_name("parts", keys[i]),
                             cop_partition_pid(s, keys[i])));
    }
    stop(s);
    ck_assert(cop_pid_is_none(cop_partition_pid(s, 0)));
    ck_assert(cop_pid_is_none(cop_partition_pid_name("parts", 0)));
    ck_assert_int_eq(cop_partition_count(s), COP_ENOENT);
}
KID_TEST(keys_lead_to_partitions, body_keys_lead_to_partitions)

static void body_who_is_none(void *arg)
{
    const cop_child kids[] = {SERVER(b)};
    const cop_sup plain = {CHILDREN(kids)};
    cop_pid s = up(&plain);
    const cop_pid others[] = {s, b.pid, cop_self(), COP_NO_PID, COP_PID_INIT};
    (void)arg;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        ck_assert(cop_pid_is_none(cop_partition_pid(others[i], 0)));
        ck_assert_int_eq(cop_partition_count(others[i]), COP_ENOENT);
    }
    ck_assert(cop_pid_is_none(cop_partition_pid_name("nobody", 7)));
    ck_assert(cop_pid_is_none(cop_partition_pid_name(NULL, 7)));
}
KID_TEST(who_is_none, body_who_is_none)

static void body_as_many_as_workers(void *arg)
{
    const cop_partitions ps = {.child = &a_part};
    cop_pid s = parts_up(&ps);
    (void)arg;
    ck_assert_uint_gt(cop_workers(), 0);
    ck_assert_int_eq(cop_partition_count(s), (int)cop_workers());
    ck_assert_uint_eq(ask(s, cop_workers() - 1).number, cop_workers() - 1);
}
KID_TEST(as_many_as_workers, body_as_many_as_workers)

/* The template's argument is copied, and so is what the start is given. */
static void body_arguments_are_copied(void *arg)
{
    char text[] = "seven";
    cop_child child = {.server = &part, .arg = text, .arg_bytes = sizeof text};
    cop_partitions ps = {.child = &child, .count = 2, .intensity = 9};
    cop_pid s = parts_up(&ps);
    (void)arg;
    memset(text, 'x', sizeof text - 1);
    memset(&child, 0x5a, sizeof child);
    memset(&ps, 0x5a, sizeof ps);
    for (int i = 0; i < 2; i++) {
        ck_assert_str_eq(ask(s, 0).text, "seven");
        ck_assert_str_eq(ask(s, 1).text, "seven");
        ck_assert(ask(s, 0).arg != ask(s, 1).arg);
        kid_send(cop_partition_pid(s, 0), KID_CRASH, 0, NULL);
        kid_send(cop_partition_pid(s, 1), KID_CRASH, 0, NULL);
        settle();
    }
}
KID_TEST(arguments_are_copied, body_arguments_are_copied)

static int starts_by_hand(cop_pid *out, void *arg, cop_reason *why)
{
    const cop_partition *p = arg;
    cop_opts opts = {.link = true, .arg_bytes = sizeof *p};
    (void)why;
    ck_assert_ptr_eq(cop_partition_arg(p), &b);
    return cop_spawn(out, part_actor, (void *)p, &opts);
}

static void body_any_kind_of_child(void *arg)
{
    const cop_child kids[] = {SERVER(c)};
    const cop_sup below = {CHILDREN(kids)};
    const cop_child actor = {.fn = part_actor}, tree = {.sup = &below},
                    by_hand = {.start = starts_by_hand, .arg = &b};
    cop_pid s;
    (void)arg;
    s = parts_up(&(cop_partitions){.child = &actor, .count = 5});
    ck_assert_uint_eq(ask(s, 13).number, 3);
    stop(s);
    s = parts_up(&(cop_partitions){.child = &by_hand, .count = 5});
    ck_assert_uint_eq(ask(s, 14).number, 4);
    stop(s);
    s = parts_up(&(cop_partitions){.child = &tree, .count = 2});
    counts_are(s, "2 2 2 0");
    which_is(cop_partition_pid(s, 1), "c=up");
    stop(s);
}
KID_TEST(any_kind_of_child, body_any_kind_of_child)

static void body_present_pid_after_a_restart(void *arg)
{
    const cop_partitions ps = {.child = &a_part, .count = 3, .intensity = 9};
    cop_pid s = parts_up(&ps), old[3];
    (void)arg;
    for (unsigned i = 0; i < 3; i++)
        old[i] = cop_partition_pid(s, i);
    kid_send(old[1], KID_CRASH, 0, NULL);
    settle();
    ck_assert(cop_pid_eq(cop_partition_pid(s, 0), old[0]));
    ck_assert(!cop_pid_eq(cop_partition_pid(s, 1), old[1]));
    ck_assert(cop_pid_eq(cop_partition_pid(s, 2), old[2]));
    ck_assert_uint_eq(ask(s, 1).number, 1);
}
KID_TEST(present_pid_after_a_restart, body_present_pid_after_a_restart)

static void crash_the_middle(cop_strategy strategy, const char *notes)
{
    const cop_partitions ps = {
        .child = &a_part, .count = 3, .strategy = strategy};
    cop_pid s = parts_up(&ps);
    notes_forget();
    kid_send(cop_partition_pid(s, 1), KID_CRASH, 0, NULL);
    settle();
    notes_are(notes);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_uint_eq(ask(s, i).number, i);
    kid_send(cop_partition_pid(s, 1), KID_CRASH, 0, NULL); /* one too many */
    got_exit(s, "shutdown");
    ck_assert_int_eq(cop_partition_count(s), COP_ENOENT);
    notes_forget();
}

static void body_strategies(void *arg)
{
    (void)arg;
    crash_the_middle(COP_ONE_FOR_ONE, "1 start|");
    crash_the_middle(COP_REST_FOR_ONE, "1 start|2 start|");
    crash_the_middle(COP_ONE_FOR_ALL, "0 start|1 start|2 start|");
}
KID_TEST(strategies, body_strategies)

/* While a partition pauses, or is stopped, nobody is shown. */
static void body_nobody_while_it_is_down(void *arg)
{
    const cop_child child = {.server = &part,
                             .backoff = {.min_ns = 500 * COP_MS}};
    const cop_partitions ps = {.child = &child, .count = 2, .intensity = 9};
    cop_pid s = parts_up(&ps), pid;
    (void)arg;
    kid_send(cop_partition_pid(s, 0), KID_CRASH, 0, NULL);
    cop_sleep(100 * COP_MS);
    ck_assert(cop_pid_is_none(cop_partition_pid(s, 0)));
    ck_assert(!cop_pid_is_none(cop_partition_pid(s, 1)));
    cop_sleep(COP_SEC);
    ck_assert(!cop_pid_is_none(cop_partition_pid(s, 0)));
    ck_assert_int_eq(cop_sup_terminate_child(s, "1"), 0);
    ck_assert(cop_pid_is_none(cop_partition_pid(s, 1)));
    ck_assert_int_eq(
        cop_call(cop_partition_pid(s, 1), ASK, NULL, 0, NULL, 0, COP_FOREVER),
        COP_ENOPROC);
    ck_assert_int_eq(cop_sup_restart_child(s, &pid, "1", NULL), 0);
    ck_assert(cop_pid_eq(cop_partition_pid(s, 1), pid));
}
KID_TEST(nobody_while_it_is_down, body_nobody_while_it_is_down)

/* An old table is used again: nothing of its owner before is seen. And a
 * partition that takes time to come up again is not there meanwhile. */
static size_t seen_in_init;
static cop_time slow_ns;

static cop_next slow_init(void *state, void *arg)
{
    const cop_partition *p = arg;
    (void)state;
    for (size_t i = 0; i < p->count; i++)
        seen_in_init += !cop_pid_is_none(cop_partition_pid(cop_parent(), i));
    cop_sleep(slow_ns);
    return cop_next_wait();
}

static const cop_server slow = {.init = slow_init, .info = part_info};

static void body_down_while_it_starts(void *arg)
{
    const cop_child child = {.server = &slow};
    const cop_partitions ps = {.child = &child, .count = 4, .intensity = 9};
    cop_pid s;
    (void)arg;
    for (int i = 0; i < 600; i++) { /* each chain has had a table */
        s = parts_up(&ps);
        ck_assert_uint_eq(seen_in_init, 0 + 1 + 2 + 3);
        seen_in_init = 0;
        stop(s);
    }
    s = parts_up(&ps);
    slow_ns = 500 * COP_MS;
    kid_send(cop_partition_pid(s, 2), KID_CRASH, 0, NULL);
    cop_sleep(100 * COP_MS);
    ck_assert(cop_pid_is_none(cop_partition_pid(s, 2)));
    cop_sleep(COP_SEC);
    ck_assert(!cop_pid_is_none(cop_partition_pid(s, 2)));
}
KID_TEST(down_while_it_starts, body_down_while_it_starts)

/* The n-th allocation of the runtime fails, for each n: a start fails and
 * leaves nothing, or all are up. */
static void body_no_memory(void *arg)
{
    const cop_partitions ps = {.child = &a_part, .count = 3};
    uint64_t count, n = 0;
    (void)arg;
    cop_trap_exit(true);
    do {
        cop_reason why = COP_NORMAL;
        cop_pid s;
        int err;
        cop_ext_fail_alloc(++n, false);
        err = cop_partition_start(&s, &ps, &why);
        count = cop_ext_alloc_count();
        cop_ext_fail_alloc(0, false);
        ck_assert_msg(err == 0 || err == COP_ENOMEM || err == COP_EDOWN, "%s",
                      cop_error_str(err));
        cop_reason_release(why);
        if (err == 0) {
            ck_assert_int_eq(cop_partition_count(s), 3);
            ck_assert_uint_eq(ask(s, 5).number, 2);
            stop(s);
        }
        settle();
        mailbox_is_empty();
        notes_forget();
    } while (count >= n);
}
KID_TEST(no_memory, body_no_memory)

/* A child that is added to it is none of the partitions. */
static void body_added_child_is_no_partition(void *arg)
{
    const cop_partitions ps = {.child = &a_part, .count = 2};
    cop_pid s = parts_up(&ps), first = cop_partition_pid(s, 0);
    const cop_child more = SERVER(c);
    (void)arg;
    ck_assert_int_eq(cop_sup_start_child(s, NULL, &more, NULL), 0);
    which_is(s, "0=up 1=up c=up");
    ck_assert_int_eq(cop_partition_count(s), 2);
    ck_assert(cop_pid_eq(cop_partition_pid(s, 2), first));
}
KID_TEST(added_child_is_no_partition, body_added_child_is_no_partition)

static void wrong(const cop_partitions ps, const char *want)
{
    char text[COP_REASON_TEXT];
    cop_reason why;
    cop_pid pid;
    ck_assert_int_eq(cop_partition_start(&pid, &ps, &why), COP_ESPEC);
    ck_assert_ptr_nonnull(strstr(cop_reason_str(why, text, sizeof text), want));
    cop_reason_release(why);
}

static void body_wrong_partitions(void *arg)
{
    const cop_child named = {.server = &part, .opts = {.name = "x"}},
                    empty = {.id = "x"},
                    half = {.server = &part, .arg_bytes = 8};
    cop_pid pid;
    cop_ref ref;
    (void)arg;
    cop_trap_exit(true);
    wrong((cop_partitions){.child = &a_part, .strategy = COP_DYNAMIC},
          "strategy is none of");
    wrong((cop_partitions){.child = &a_part, .count = 65537}, "65536");
    wrong((cop_partitions){.child = &named, .count = 2}, "cannot share");
    wrong((cop_partitions){.child = &half, .count = 2}, "arg is NULL");
    wrong((cop_partitions){.child = &a_part, .opts = {.monitor = &ref}},
          "opts.monitor is set");
    wrong((cop_partitions){.child = &empty, .count = 2}, "none of fn");
    wrong((cop_partitions){.child = &a_part, .count = 2, .intensity = -5},
          "intensity is negative");
    ck_assert_int_eq(cop_partition_start(&pid, &(cop_partitions){0}, NULL),
                     COP_EINVAL);
    ck_assert_int_eq(cop_partition_start(&pid, NULL, NULL), COP_EINVAL);
}
KID_TEST(wrong_partitions, body_wrong_partitions)

static void body_start_fails(void *arg)
{
    const cop_child child = {.server = &fails_second};
    const cop_partitions ps = {
        .child = &child, .count = 3, .opts = {.name = "parts"}};
    const cop_partitions good = {
        .child = &a_part, .count = 2, .opts = {.name = "parts"}};
    cop_reason why;
    cop_pid pid, first;
    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(cop_partition_start(&pid, &ps, &why), COP_EDOWN);
    reason_was(why, "{shutdown, failed_to_start_child}");
    ck_assert(cop_pid_is_none(cop_partition_pid_name("parts", 0)));
    first = parts_up(&good);
    ck_assert_int_eq(cop_partition_start(&pid, &good, &why), COP_ESTARTED);
    ck_assert(cop_pid_eq(pid, first));
    mailbox_is_empty();
}
KID_TEST(start_fails, body_start_fails)

/* As a child it comes again under its name, with a table of its own. */
static void body_below_another(void *arg)
{
    static const cop_partitions ps = {
        .child = &a_part, .count = 3, .opts = {.name = "parts"}};
    const cop_child kids[] = {{.id = "parts",
                               .start = cop_partition_start_child,
                               .arg = (void *)&ps,
                               .is_supervisor = true}};
    const cop_sup spec = {CHILDREN(kids)};
    cop_pid s = up(&spec), old = cop_whereis("parts");
    (void)arg;
    counts_are(s, "1 1 1 0");
    ck_assert_int_eq(cop_partition_count(old), 3);
    ck_assert_int_eq(cop_exit_signal(old, COP_KILL), 0);
    settle();
    ck_assert_int_eq(cop_partition_count(old), COP_ENOENT);
    ck_assert(!cop_pid_eq(cop_whereis("parts"), old));
    ck_assert_uint_eq(ask(cop_whereis("parts"), 5).number, 2);
    stop(s);
    ck_assert(cop_pid_is_none(cop_partition_pid_name("parts", 0)));
}
KID_TEST(below_another, body_below_another)

static void body_keys_of_bytes(void *arg)
{
    size_t hits[8] = {0};
    char text[16];
    (void)arg;
    ck_assert_uint_eq(cop_partition_key("abc", 3), cop_partition_key("abc", 3));
    ck_assert_uint_ne(cop_partition_key("abc", 3), cop_partition_key("abd", 3));
    ck_assert_uint_ne(cop_partition_key("", 0), cop_partition_key("\0", 1));
    for (int i = 0; i < 8000; i++) {
        int n = snprintf(text, sizeof text, "user%d", i);
        hits[cop_partition_key(text, (size_t)n) % 8]++;
    }
    for (int i = 0; i < 8; i++) {
        ck_assert_uint_gt(hits[i], 850);
        ck_assert_uint_lt(hits[i], 1150);
    }
}
KID_TEST(keys_of_bytes, body_keys_of_bytes)

/* -------------------------------------------------------------- readers -- */

static atomic_bool over;
static _Atomic uint64_t the_sup[MANY]; /* pids */
static _Atomic uint64_t found;

static void *reads_from_outside(void *arg)
{
    uint64_t seen = 0;
    (void)arg;
    for (uint64_t k = 0; !atomic_load(&over); k++) {
        cop_pid sup = {atomic_load(&the_sup[k % MANY])};
        cop_pid pid = cop_partition_pid(sup, k);
        int n = cop_partition_count(sup);
        if (n != COP_ENOENT && n != (int)(k % MANY % 7 + 1))
            ck_abort_msg("%d partitions", n);
        seen += !cop_pid_is_none(pid);
    }
    atomic_fetch_add(&found, seen);
    return NULL;
}

/* Supervisors come and go, of 1 to 7 partitions, so that tables are used
 * again; each answer must be of the one that was asked about. */
static void body_readers(void *arg)
{
    pthread_t threads[2];
    struct answer got;
    (void)arg;
    cop_trap_exit(true);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, reads_from_outside, NULL), 0);
    for (int i = 0; i < 1500; i++) {
        const cop_partitions ps = {.child = &a_part,
                                   .count = (size_t)(i % MANY % 7 + 1)};
        cop_pid old = {atomic_load(&the_sup[i % MANY])}, pid;
        if (!cop_pid_is_none(old))
            stop(old);
        ck_assert_int_eq(cop_partition_start(&pid, &ps, NULL), 0);
        atomic_store(&the_sup[i % MANY], pid.id);
        got = ask(pid, (uint64_t)i);
        ck_assert_uint_eq(got.number, (size_t)i % ps.count);
        ck_assert_uint_eq(got.count, ps.count);
        notes_forget();
    }
    atomic_store(&over, true);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_uint_gt(atomic_load(&found), 0);
}
START_TEST(readers)
{
    actor_test(body_readers, NULL);
}
END_TEST

/* The table alone, with owners that all use the same one, one after another:
 * what a reader gets is of the owner that it asked for, or nothing. */
enum { OWNERS = 32, TURNS = 500000 };

static cop_pid owners[OWNERS];
static _Atomic unsigned at_turn;

static uint64_t place_of(cop_pid owner, uint64_t place)
{
    return owner.id * 1000 + place;
}

/* As route.c chooses a chain. */
static uint64_t chain_of(uint64_t id)
{
    return ((id ^ (id >> 32)) * 0x9e3779b97f4a7c15u) >> 56;
}

static _Atomic uint64_t mixed_up;

/* Checks by hand: those of the library lock. */
static void *reads_table(void *arg)
{
    uint64_t bad = 0;
    (void)arg;
    while (!atomic_load(&over)) {
        unsigned turn = atomic_load(&at_turn);
        cop_pid owner = owners[turn % OWNERS];
        size_t want = owner.id % 5 + 1;
        size_t count = copi_route_count(owner);
        cop_pid pid = copi_route_pid(owner, turn);
        bad += count != 0 && count != want;
        bad += pid.id != 0 && pid.id != place_of(owner, turn % want);
        if (pid.id != 0)
            atomic_fetch_add(&found, 1);
    }
    atomic_fetch_add(&mixed_up, bad);
    return NULL;
}

START_TEST(table)
{
    pthread_t threads[2];
    int n = 0;
    for (uint64_t id = 1000; n < OWNERS; id++)
        if (chain_of(id) == 7)
            owners[n++].id = id;
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, reads_table, NULL),
                         0);
    /* on one processor the readers' turn may be long in coming */
    for (unsigned turn = 0; turn < TURNS || atomic_load(&found) == 0; turn++) {
        cop_pid owner = owners[turn % OWNERS];
        size_t count = owner.id % 5 + 1;
        struct copi_route *r = copi_route_claim(owner, count);
        if (r == NULL)
            ck_abort_msg("no table");
        for (size_t i = 0; i < count; i++)
            copi_route_set(r, i, (cop_pid){place_of(owner, i)});
        copi_route_set(r, count, owner); /* not there: ignored */
        atomic_store(&at_turn, turn);
        copi_route_release(r);
    }
    atomic_store(&over, true);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_uint_eq(atomic_load(&mixed_up), 0);
}
END_TEST

/* Somebody kills partitions all the time; callers that try again when nobody
 * answers get their answers from the right one. */
static void kills(void *arg)
{
    cop_pid s = *(cop_pid *)arg;
    for (uint64_t i = 0; !atomic_load(&over); i++) {
        (void)cop_exit_signal(cop_partition_pid(s, i), COP_KILL);
        cop_sleep(COP_MS / 5);
    }
}

static void body_callers(void *arg)
{
    const cop_partitions ps = {
        .child = &a_part, .count = 4, .intensity = 1000000};
    cop_pid s = parts_up(&ps);
    const cop_opts opts = {.arg_bytes = sizeof s};
    uint64_t answers = 0, failures = 0;
    struct answer got;
    (void)arg;
    ck_assert_int_eq(cop_spawn(NULL, kills, &s, &opts), 0);
    while (answers < 20000) {
        uint64_t key = answers + failures;
        int n = cop_call(cop_partition_pid(s, key), ASK, NULL, 0, &got,
                         sizeof got, COP_FOREVER);
        if (n == (int)sizeof got) {
            ck_assert_uint_eq(got.number, key % 4);
            answers++;
            continue;
        }
        ck_assert(n == COP_ENOPROC || n == COP_EDOWN);
        failures++;
        cop_yield();
    }
    atomic_store(&over, true);
    ck_assert_int_eq(cop_partition_count(s), 4);
}
START_TEST(callers)
{
    actor_test(body_callers, NULL);
}
END_TEST

static const TTest *const cases[] = {
    keys_lead_to_partitions,
    who_is_none,
    as_many_as_workers,
    arguments_are_copied,
    any_kind_of_child,
    present_pid_after_a_restart,
    strategies,
    nobody_while_it_is_down,
    added_child_is_no_partition,
    wrong_partitions,
    start_fails,
    no_memory,
    below_another,
    keys_of_bytes,
    readers,
    table,
    callers,
    down_while_it_starts,
};
UNIT_MAIN("partition", cases)
