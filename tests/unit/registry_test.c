/* SPDX-License-Identifier: MIT
 *
 * registry_test.c - registries with unique and duplicate keys.
 */
#include "tests/support/actor_test.h"
#include "tests/support/unit.h"

#include <pthread.h>

enum { GO = 1 };

static void sleeps(void *arg)
{
    (void)arg;
    cop_sleep_until(COP_FOREVER);
}

static cop_pid start(cop_registry_keys keys)
{
    cop_pid r;

    ck_assert_int_eq(cop_registry_start(&r, keys, NULL), 0);
    return r;
}

static cop_pid sleeper(void)
{
    cop_pid p;

    ck_assert_int_eq(cop_spawn(&p, sleeps, NULL, NULL), 0);
    return p;
}

static void wait_end(cop_pid pid)
{
    const cop_msg *m;
    cop_ref ref;

    ck_assert_int_eq(cop_monitor(&ref, pid), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
}

static void end(cop_pid pid)
{
    ck_assert_int_eq(cop_exit_signal(pid, COP_KILL), 0);
    wait_end(pid);
}

/* Waits until the registry has so many entries. */
static void wait_count(cop_pid r, int n)
{
    while (cop_registry_count(r) != n)
        cop_sleep(COP_MS);
}

/* --------------------------------------------------------------- unique -- */

static void unique_body(void *arg)
{
    cop_pid r = start(COP_KEYS_UNIQUE);
    cop_pid a = sleeper(), b = sleeper();
    cop_registry_entry e = {0};

    (void)arg;
    ck_assert_int_eq(cop_registry_count(r), 0);
    ck_assert_int_eq(cop_registry_lookup(r, "k", &e, 1), 0);
    ck_assert_int_eq(cop_registry_put(r, "k", a, 7), 0);
    ck_assert_int_eq(cop_registry_lookup(r, "k", &e, 1), 1);
    ck_assert(cop_pid_eq(e.pid, a));
    ck_assert_uint_eq(e.data, 7);
    ck_assert_int_eq(cop_registry_put(r, "k", b, 8), COP_ETAKEN);
    ck_assert_int_eq(cop_registry_put(r, "k2", b, 8), 0);
    ck_assert_int_eq(cop_registry_put(r, "k3", b, 9), 0);
    ck_assert_int_eq(cop_registry_count(r), 3);
    ck_assert_int_eq(cop_registry_lookup(r, "k", NULL, 0), 1);
    ck_assert_int_eq(cop_registry_lookup(r, "K", &e, 1), 0);
}

START_TEST(unique_key_has_one_actor)
{
    actor_test(unique_body, NULL);
}
END_TEST

static void update_body(void *arg)
{
    cop_pid r = start(COP_KEYS_UNIQUE);
    cop_pid a = sleeper();
    cop_registry_entry e;

    (void)arg;
    ck_assert_int_eq(cop_registry_put(r, "k", a, 1), 0);
    ck_assert_int_eq(cop_registry_put(r, "k", a, 2), 0);
    ck_assert_int_eq(cop_registry_lookup(r, "k", &e, 1), 1);
    ck_assert_uint_eq(e.data, 2);
    ck_assert_int_eq(cop_registry_count(r), 1);
}

START_TEST(same_actor_changes_its_data)
{
    actor_test(update_body, NULL);
}
END_TEST

static void remove_body(void *arg)
{
    cop_pid r = start(COP_KEYS_UNIQUE);
    cop_pid a = sleeper(), b = sleeper();

    (void)arg;
    ck_assert_int_eq(cop_registry_remove(r, "k", a), COP_ENOENT);
    ck_assert_int_eq(cop_registry_put(r, "k", a, 1), 0);
    ck_assert_int_eq(cop_registry_remove(r, "k", b), COP_ENOENT);
    ck_assert_int_eq(cop_registry_remove(r, "j", a), COP_ENOENT);
    ck_assert_int_eq(cop_registry_remove(r, "k", a), 0);
    ck_assert_int_eq(cop_registry_remove(r, "k", a), COP_ENOENT);
    ck_assert_int_eq(cop_registry_put(r, "k", b, 1), 0);
    end(a);
    ck_assert_int_eq(cop_registry_lookup(r, "k", NULL, 0), 1);
}

static void wait_watchers(cop_pid p, size_t n)
{
    cop_info info;

    do {
        cop_yield();
        ck_assert_int_eq(cop_info_get(p, &info), 0);
    } while (info.monitored_by != n);
}

static void watch_body(void *arg)
{
    cop_pid r = start(COP_KEYS_UNIQUE);
    cop_pid a = sleeper();

    (void)arg;
    ck_assert_int_eq(cop_registry_put(r, "k", a, 1), 0);
    ck_assert_int_eq(cop_registry_put(r, "l", a, 1), 0);
    (void)cop_is_alive(a); /* until it has acted on what was sent to it */
    wait_watchers(a, 1);
    ck_assert_int_eq(cop_registry_remove(r, "k", a), 0);
    ck_assert_int_eq(cop_registry_remove(r, "l", a), 0);
    wait_watchers(a, 0);
}

START_TEST(actor_is_watched_once)
{
    actor_test(watch_body, NULL);
}
END_TEST

START_TEST(removed_key_is_free)
{
    actor_test(remove_body, NULL);
}
END_TEST

static void death_body(void *arg)
{
    cop_pid r = start(COP_KEYS_UNIQUE);
    cop_pid a = sleeper(), b = sleeper();

    (void)arg;
    ck_assert_int_eq(cop_registry_put(r, "a1", a, 0), 0);
    ck_assert_int_eq(cop_registry_put(r, "b", b, 0), 0);
    ck_assert_int_eq(cop_registry_put(r, "a2", a, 0), 0);
    ck_assert_int_eq(cop_registry_put(r, "a3", a, 0), 0);
    end(a);
    wait_count(r, 1);
    ck_assert_int_eq(cop_registry_lookup(r, "a1", NULL, 0), 0);
    ck_assert_int_eq(cop_registry_lookup(r, "a3", NULL, 0), 0);
    ck_assert_int_eq(cop_registry_lookup(r, "b", NULL, 0), 1);
}

START_TEST(entries_go_with_their_actor)
{
    actor_test(death_body, NULL);
}
END_TEST

struct legacy {
    cop_pid registry;
    cop_pid heir;
};

/* A deferred function: the actor is dying, and nobody has been told. */
static void hand_over(void *arg)
{
    struct legacy *l = arg;

    ck_assert_int_eq(cop_registry_put(l->registry, "job", l->heir, 1), 0);
}

static void leaves_legacy(void *arg)
{
    struct legacy *l = arg;
    cop_registry_entry e;

    ck_assert_int_eq(cop_defer(hand_over, l), 0);
    ck_assert_int_eq(cop_registry_put(l->registry, "job", cop_self(), 0), 0);
    ck_assert_int_eq(cop_registry_put(l->registry, "other", cop_self(), 0), 0);
    ck_assert_int_eq(cop_registry_lookup(l->registry, "job", &e, 1), 1);
    ck_assert_uint_eq(e.data, 0);
}

static void heir_body(void *arg)
{
    struct legacy l = {start(COP_KEYS_UNIQUE), sleeper()};
    cop_opts opts = {.arg_bytes = sizeof l};
    cop_registry_entry e;
    cop_pid p;

    (void)arg;
    ck_assert_int_eq(cop_spawn(&p, leaves_legacy, &l, &opts), 0);
    wait_end(p);
    ck_assert_int_eq(cop_registry_lookup(l.registry, "job", &e, 1), 1);
    ck_assert_uint_eq(e.data, 1);
    ck_assert_int_eq(cop_registry_count(l.registry), 1);
}

START_TEST(key_of_the_dead_is_free_at_once)
{
    actor_test(heir_body, NULL);
}
END_TEST

/* ------------------------------------------------------------ duplicate -- */

static void duplicate_body(void *arg)
{
    cop_pid r = start(COP_KEYS_DUPLICATE);
    cop_pid p[4];
    cop_registry_entry e[4];

    (void)arg;
    for (uint64_t i = 0; i < 4; i++) {
        p[i] = sleeper();
        ck_assert_int_eq(cop_registry_put(r, "k", p[i], 10 * i), 0);
    }
    ck_assert_int_eq(cop_registry_put(r, "k", p[1], 5), COP_ETAKEN);
    ck_assert_int_eq(cop_registry_put(r, "j", p[1], 5), 0);
    memset(e, 0xff, sizeof(e));
    ck_assert_int_eq(cop_registry_lookup(r, "k", e, 2), 4);
    ck_assert(cop_pid_eq(e[0].pid, p[0]));
    ck_assert(cop_pid_eq(e[1].pid, p[1]));
    ck_assert_uint_eq(e[2].data, UINT64_MAX);
    ck_assert_int_eq(cop_registry_remove(r, "k", p[1]), 0);
    ck_assert_int_eq(cop_registry_put(r, "k", p[1], 99), 0);
    ck_assert_int_eq(cop_registry_lookup(r, "k", e, 4), 4);
    ck_assert_uint_eq(e[0].data, 0);
    ck_assert_uint_eq(e[1].data, 20);
    ck_assert_uint_eq(e[2].data, 30);
    ck_assert_uint_eq(e[3].data, 99);
    end(p[2]);
    wait_count(r, 4);
    ck_assert_int_eq(cop_registry_lookup(r, "k", e, 4), 3);
    ck_assert_uint_eq(e[1].data, 30);
}

START_TEST(duplicate_key_keeps_the_order)
{
    actor_test(duplicate_body, NULL);
}
END_TEST

/* --------------------------------------------------------------- errors -- */

static void bad_body(void *arg)
{
    cop_pid r = start(COP_KEYS_UNIQUE);
    cop_pid self = cop_self(), dead = sleeper();
    char key[COP_KEY_MAX + 2];

    (void)arg;
    memset(key, 'x', sizeof(key));
    key[COP_KEY_MAX + 1] = '\0';
    ck_assert_int_eq(cop_registry_put(r, key, self, 0), COP_ENAME);
    ck_assert_int_eq(cop_registry_lookup(r, key, NULL, 0), COP_ENAME);
    ck_assert_int_eq(cop_registry_remove(r, key, self), COP_ENAME);
    key[COP_KEY_MAX] = '\0';
    ck_assert_int_eq(cop_registry_put(r, key, self, 0), 0);
    ck_assert_int_eq(cop_registry_lookup(r, key, NULL, 0), 1);
    ck_assert_int_eq(cop_registry_put(r, "", self, 0), COP_ENAME);
    ck_assert_int_eq(cop_registry_put(r, NULL, self, 0), COP_ENAME);
    ck_assert_int_eq(cop_registry_lookup(r, "k", NULL, 1), COP_EINVAL);
    end(dead);
    ck_assert_int_eq(cop_registry_put(r, "k", dead, 0), COP_ENOPROC);
    ck_assert_int_eq(cop_registry_put(r, "k", COP_NO_PID, 0), COP_ENOPROC);
    ck_assert_int_eq(cop_registry_put(r, "k", COP_PID_INIT, 0), COP_ENOPROC);
    ck_assert_int_eq(cop_registry_put(r, "k", (cop_pid){~0ull}, 0),
                     COP_ENOPROC);
    ck_assert_int_eq(cop_registry_count(r), 1);
    ck_assert_int_eq(cop_registry_start(&r, (cop_registry_keys)7, NULL),
                     COP_EINVAL);
}

START_TEST(bad_arguments_are_refused)
{
    actor_test(bad_body, NULL);
}
END_TEST

static void answers_nonsense(void *arg)
{
    (void)arg;
    for (;;) {
        const cop_msg *m;

        if (cop_recv(&m, COP_FOREVER) == 0)
            (void)cop_reply(cop_msg_from(m), "what?", 5);
    }
}

static void wrong_server_body(void *arg)
{
    cop_pid r = start(COP_KEYS_UNIQUE), other;
    cop_registry_entry e;

    (void)arg;
    end(r);
    ck_assert_int_eq(cop_registry_put(r, "k", cop_self(), 0), COP_ENOPROC);
    ck_assert_int_eq(cop_registry_lookup(r, "k", &e, 1), COP_ENOPROC);
    ck_assert_int_eq(cop_registry_count(r), COP_ENOPROC);
    ck_assert_int_eq(cop_spawn(&other, answers_nonsense, NULL, NULL), 0);
    ck_assert_int_eq(cop_registry_put(other, "k", cop_self(), 0), COP_EINVAL);
    ck_assert_int_eq(cop_registry_lookup(other, "k", &e, 1), COP_EINVAL);
    r = start(COP_KEYS_UNIQUE);
    ck_assert_int_eq(cop_group_members(r, "k", NULL, 0), COP_EDOWN);
    ck_assert_str_eq(cop_reason_name(cop_call_reason()), "badarg");
}

START_TEST(who_is_no_registry_is_noticed)
{
    actor_test(wrong_server_body, NULL);
}
END_TEST

static void stray_body(void *arg)
{
    cop_pid r = start(COP_KEYS_UNIQUE);

    (void)arg;
    ck_assert_int_eq(cop_send(r, GO, "x", 1), 0);
    ck_assert_int_eq(cop_cast(r, GO, "x", 1), 0);
    ck_assert_int_eq(cop_registry_count(r), 0);
}

START_TEST(stray_messages_do_no_harm)
{
    actor_test(stray_body, NULL);
}
END_TEST

/* ----------------------------------------------------------- start, stop -- */

static void starts_linked(void *arg)
{
    cop_opts opts = {.link = true, .name = "reg"};
    cop_pid r;

    (void)arg;
    ck_assert_int_eq(cop_registry_start(&r, COP_KEYS_UNIQUE, &opts), 0);
    cop_exit(cop_because("boom"));
}

static void start_body(void *arg)
{
    cop_opts opts = {.name = "reg"};
    cop_pid r, r2;

    (void)arg;
    ck_assert_int_eq(cop_registry_start(&r, COP_KEYS_UNIQUE, &opts), 0);
    ck_assert(cop_pid_eq(cop_whereis("reg"), r));
    ck_assert_int_eq(cop_registry_start(&r2, COP_KEYS_UNIQUE, &opts),
                     COP_ESTARTED);
    ck_assert(cop_pid_eq(r, r2));
    ck_assert_int_eq(cop_server_stop(r, COP_NORMAL, cop_in(20 * COP_SEC), NULL),
                     0);
    ck_assert_int_eq(cop_spawn(&r, starts_linked, NULL, NULL), 0);
    wait_end(r);
    while (!cop_pid_is_none(cop_whereis("reg")))
        cop_sleep(COP_MS);
}

START_TEST(start_takes_options)
{
    actor_test(start_body, NULL);
}
END_TEST

static void *foreign(void *arg)
{
    cop_pid r = *(cop_pid *)arg, p = sleeper();
    cop_registry_entry e;

    ck_assert_int_eq(cop_registry_put(r, "f", p, 3), 0);
    ck_assert_int_eq(cop_registry_lookup(r, "f", &e, 1), 1);
    ck_assert(cop_pid_eq(e.pid, p));
    ck_assert_int_eq(cop_registry_count(r), 1);
    ck_assert_int_eq(cop_registry_remove(r, "f", p), 0);
    return NULL;
}

static void join_thread(void *arg)
{
    ck_assert_int_eq(pthread_join(*(pthread_t *)arg, NULL), 0);
}

static void foreign_body(void *arg)
{
    cop_pid r = start(COP_KEYS_DUPLICATE);
    pthread_t thread;

    (void)arg;
    ck_assert_int_eq(pthread_create(&thread, NULL, foreign, &r), 0);
    ck_assert_int_eq(cop_blocking(join_thread, &thread), 0);
}

START_TEST(foreign_threads_may_call)
{
    actor_test(foreign_body, NULL);
}
END_TEST

/* ----------------------------------------------------------------- many -- */

enum { MANY = 100000 };

static void same_key(cop_pid r, cop_pid *pids)
{
    static cop_registry_entry e[MANY];

    for (uint64_t i = 0; i < MANY; i++)
        if (cop_registry_put(r, "all", pids[i % 1000], i) !=
            (i < 1000 ? 0 : COP_ETAKEN))
            ck_abort();
    ck_assert_int_eq(cop_registry_lookup(r, "all", e, MANY), 1000);
    for (uint64_t i = 0; i < 1000; i++)
        ck_assert_uint_eq(e[i].data, i);
}

static void many_body(void *arg)
{
    cop_pid r = start(COP_KEYS_DUPLICATE);
    static cop_pid pids[1000];
    cop_registry_entry e;
    char key[32];

    (void)arg;
    for (size_t i = 0; i < 1000; i++)
        pids[i] = sleeper();
    for (uint64_t i = 0; i < MANY; i++) {
        snprintf(key, sizeof(key), "key %d", (int)i);
        if (cop_registry_put(r, key, pids[i % 10], i) != 0)
            ck_abort();
    }
    ck_assert_int_eq(cop_registry_count(r), MANY);
    for (uint64_t i = 0; i < MANY; i += 1013) {
        snprintf(key, sizeof(key), "key %d", (int)i);
        ck_assert_int_eq(cop_registry_lookup(r, key, &e, 1), 1);
        ck_assert_uint_eq(e.data, i);
    }
    same_key(r, pids);
    for (size_t i = 0; i < 10; i++)
        end(pids[i]);
    wait_count(r, 990);
    for (size_t i = 10; i < 1000; i++)
        ck_assert_int_eq(cop_exit_signal(pids[i], COP_KILL), 0);
    wait_count(r, 0);
}

START_TEST(many_entries)
{
    actor_test(many_body, NULL);
}
END_TEST

/* All end while they enter themselves; nothing of them stays. */
static void enters_itself(void *arg)
{
    cop_pid r = *(cop_pid *)arg;

    for (;;) {
        int err = cop_registry_put(r, "k", cop_self(), 0);

        if (err == 0)
            err = cop_registry_remove(r, "k", cop_self());
        else if (err == COP_ETAKEN)
            err = 0;
        ck_assert_int_eq(err, 0);
    }
}

static void race_body(void *arg)
{
    cop_pid r = start(COP_KEYS_UNIQUE);

    (void)arg;
    for (int i = 0; i < 500; i++) {
        cop_pid p[3];

        for (size_t j = 0; j < 3; j++)
            ck_assert_int_eq(cop_spawn(&p[j], enters_itself, &r,
                                       &(cop_opts){.arg_bytes = sizeof(r)}),
                             0);
        for (int j = 0; j < i % 8; j++)
            cop_yield();
        for (size_t j = 0; j < 3; j++)
            end(p[j]);
    }
    wait_count(r, 0);
}

START_TEST(actors_end_while_they_enter)
{
    actor_test(race_body, NULL);
}
END_TEST

static void full_and_killed_body(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20; i++) {
        cop_pid r = start(COP_KEYS_DUPLICATE);
        char key[32];

        for (int j = 0; j < 100; j++) {
            snprintf(key, sizeof(key), "key %d", j);
            ck_assert_int_eq(cop_registry_put(r, key, cop_self(), 0), 0);
        }
        end(r);
    }
}

/* That nothing leaks is for the leak checker to say. */
START_TEST(killed_registry_frees_all)
{
    actor_test(full_and_killed_body, NULL);
}
END_TEST

static const TTest *const cases[] = {
    unique_key_has_one_actor,
    same_actor_changes_its_data,
    removed_key_is_free,
    actor_is_watched_once,
    entries_go_with_their_actor,
    key_of_the_dead_is_free_at_once,
    duplicate_key_keeps_the_order,
    bad_arguments_are_refused,
    who_is_no_registry_is_noticed,
    stray_messages_do_no_harm,
    start_takes_options,
    foreign_threads_may_call,
    many_entries,
    actors_end_while_they_enter,
    killed_registry_frees_all,
};
UNIT_MAIN("registry", cases)
