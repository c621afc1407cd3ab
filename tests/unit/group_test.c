/* SPDX-License-Identifier: MIT
 *
 * group_test.c - groups: joining, leaving, members, broadcasts.
 */
#include "tests/support/actor_test.h"
#include "tests/support/unit.h"

#include <pthread.h>

enum { NEWS = 1, DONE };

static void sleeps(void *arg)
{
    (void)arg;
    cop_sleep_until(COP_FOREVER);
}

static cop_pid start(void)
{
    cop_pid g;

    ck_assert_int_eq(cop_group_start(&g, NULL), 0);
    return g;
}

static cop_pid sleeper(void)
{
    cop_pid p;

    ck_assert_int_eq(cop_spawn(&p, sleeps, NULL, NULL), 0);
    return p;
}

static void end(cop_pid pid)
{
    const cop_msg *m;
    cop_ref ref;

    ck_assert_int_eq(cop_monitor(&ref, pid), 0);
    ck_assert_int_eq(cop_exit_signal(pid, COP_KILL), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
}

static void wait_members(cop_pid g, const char *group, int n)
{
    while (cop_group_members(g, group, NULL, 0) != n)
        cop_sleep(COP_MS);
}

/* -------------------------------------------------------------- members -- */

static void members_body(void *arg)
{
    cop_pid g = start(), a = sleeper(), b = sleeper();
    cop_pid got[8] = {{0}};

    (void)arg;
    ck_assert_int_eq(cop_group_members(g, "x", got, 8), 0);
    ck_assert_int_eq(cop_group_join(g, "x", a), 0);
    ck_assert_int_eq(cop_group_join(g, "x", b), 0);
    ck_assert_int_eq(cop_group_join(g, "x", a), 0);
    ck_assert_int_eq(cop_group_join(g, "y", b), 0);
    ck_assert_int_eq(cop_group_members(g, "x", got, 2), 3);
    ck_assert(cop_pid_eq(got[0], a));
    ck_assert(cop_pid_eq(got[1], b));
    ck_assert(cop_pid_is_none(got[2]));
    ck_assert_int_eq(cop_group_members(g, "x", got, 8), 3);
    ck_assert(cop_pid_eq(got[2], a));
    ck_assert_int_eq(cop_group_members(g, "y", got, 8), 1);
    ck_assert(cop_pid_eq(got[0], b));
}

START_TEST(members_in_the_order_of_joining)
{
    actor_test(members_body, NULL);
}
END_TEST

static void leave_body(void *arg)
{
    cop_pid g = start(), a = sleeper(), b = sleeper();
    cop_pid got[8];

    (void)arg;
    ck_assert_int_eq(cop_group_leave(g, "x", a), COP_ENOENT);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(cop_group_join(g, "x", a), 0);
        if (i == 0)
            ck_assert_int_eq(cop_group_join(g, "x", b), 0);
    }
    ck_assert_int_eq(cop_group_leave(g, "y", a), COP_ENOENT);
    for (int i = 0; i < 19; i++)
        ck_assert_int_eq(cop_group_leave(g, "x", a), 0);
    ck_assert_int_eq(cop_group_members(g, "x", got, 8), 2);
    ck_assert(cop_pid_eq(got[0], a));
    ck_assert(cop_pid_eq(got[1], b));
    ck_assert_int_eq(cop_group_leave(g, "x", a), 0);
    ck_assert_int_eq(cop_group_leave(g, "x", a), COP_ENOENT);
    ck_assert_int_eq(cop_group_members(g, "x", got, 8), 1);
}

START_TEST(leaving_takes_back_one_join)
{
    actor_test(leave_body, NULL);
}
END_TEST

static void death_body(void *arg)
{
    cop_pid g = start(), a = sleeper(), b = sleeper();
    cop_pid got[8];

    (void)arg;
    ck_assert_int_eq(cop_group_join(g, "x", a), 0);
    ck_assert_int_eq(cop_group_join(g, "x", b), 0);
    ck_assert_int_eq(cop_group_join(g, "x", a), 0);
    ck_assert_int_eq(cop_group_join(g, "y", a), 0);
    end(a);
    wait_members(g, "y", 0);
    ck_assert_int_eq(cop_group_members(g, "x", got, 8), 1);
    ck_assert(cop_pid_eq(got[0], b));
    ck_assert_int_eq(cop_group_leave(g, "x", a), COP_ENOENT);
    ck_assert_int_eq(cop_group_join(g, "x", a), COP_ENOPROC);
}

START_TEST(members_go_when_they_end)
{
    actor_test(death_body, NULL);
}
END_TEST

/* ------------------------------------------------------------- broadcast -- */

/* Tells its owner how much news came, and of whom, until DONE. */
static void listens(void *arg)
{
    cop_pid owner = *(cop_pid *)arg;
    const cop_msg *m;
    uint64_t sum[2] = {0, 0};

    for (;;) {
        ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
        ck_assert(cop_pid_eq(cop_msg_sender(m), owner));
        if (cop_msg_tag(m) != NEWS)
            break;
        sum[0]++;
        sum[1] += cop_msg_size(m);
        if (cop_msg_size(m) > 0)
            ck_assert_int_eq(*(const char *)cop_msg_body(m), 'n');
    }
    ck_assert_int_eq(cop_send(owner, DONE, sum, sizeof(sum)), 0);
}

static cop_pid listener(void)
{
    cop_pid self = cop_self(), p;
    cop_opts opts = {.arg_bytes = sizeof(self)};

    ck_assert_int_eq(cop_spawn(&p, listens, &self, &opts), 0);
    return p;
}

static void expect_heard(cop_pid p, uint64_t news, uint64_t bytes)
{
    const cop_msg *m;
    const uint64_t *sum;

    ck_assert_int_eq(cop_send(p, DONE, NULL, 0), 0);
    ck_assert_int_eq(cop_recv_from(&m, p, COP_FOREVER), 0);
    sum = cop_msg_expect(m, 2 * sizeof(*sum));
    ck_assert_uint_eq(sum[0], news);
    ck_assert_uint_eq(sum[1], bytes);
}

static void broadcast_body(void *arg)
{
    cop_pid g = start(), a = listener(), b = listener(), c = listener();
    char big[3000] = "n";

    (void)arg;
    ck_assert_int_eq(cop_group_broadcast(g, "x", NEWS, "n", 1), 0);
    ck_assert_int_eq(cop_group_join(g, "x", a), 0);
    ck_assert_int_eq(cop_group_broadcast(g, "x", NEWS, big, 3000), 1);
    ck_assert_int_eq(cop_group_join(g, "x", b), 0);
    ck_assert_int_eq(cop_group_join(g, "x", a), 0);
    ck_assert_int_eq(cop_group_join(g, "y", c), 0);
    ck_assert_int_eq(cop_group_broadcast(g, "x", NEWS, "n", 1), 3);
    ck_assert_int_eq(cop_group_broadcast(g, "x", NEWS, NULL, 0), 3);
    ck_assert_int_eq(cop_group_broadcast(g, "x", NEWS, big, 3000), 3);
    expect_heard(a, 7, 9002);
    expect_heard(b, 3, 3001);
    expect_heard(c, 0, 0);
}

START_TEST(broadcast_as_often_as_joined)
{
    actor_test(broadcast_body, NULL);
}
END_TEST

static void full_body(void *arg)
{
    cop_opts opts = {.mailbox_max = 2};
    cop_pid g = start(), p;

    (void)arg;
    ck_assert_int_eq(cop_spawn(&p, sleeps, NULL, &opts), 0);
    ck_assert_int_eq(cop_group_join(g, "x", p), 0);
    ck_assert_int_eq(cop_group_join(g, "x", cop_self()), 0);
    ck_assert_int_eq(cop_group_broadcast(g, "x", NEWS, NULL, 0), 2);
    ck_assert_int_eq(cop_group_broadcast(g, "x", NEWS, NULL, 0), 2);
    ck_assert_int_eq(cop_group_broadcast(g, "x", NEWS, NULL, 0), 1);
}

START_TEST(full_mailboxes_are_not_counted)
{
    actor_test(full_body, NULL);
}
END_TEST

static void *foreign(void *arg)
{
    cop_pid g = *(cop_pid *)arg;
    char big[2000] = "n";

    ck_assert_int_eq(cop_group_broadcast(g, "x", NEWS, big, 2000), 2);
    ck_assert_int_eq(cop_group_broadcast(g, "x", NEWS, big, 1), 2);
    return NULL;
}

static void join_thread(void *arg)
{
    ck_assert_int_eq(pthread_join(*(pthread_t *)arg, NULL), 0);
}

static void foreign_body(void *arg)
{
    cop_pid g = start();
    const cop_msg *m;
    pthread_t thread;

    (void)arg;
    ck_assert_int_eq(cop_group_join(g, "x", cop_self()), 0);
    ck_assert_int_eq(cop_group_join(g, "x", cop_self()), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, foreign, &g), 0);
    ck_assert_int_eq(cop_blocking(join_thread, &thread), 0);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(cop_recv_tag(&m, NEWS, COP_FOREVER), 0);
        ck_assert_uint_eq(cop_msg_size(m), i < 2 ? 2000 : 1);
        ck_assert(cop_pid_is_none(cop_msg_sender(m)));
    }
}

START_TEST(foreign_thread_may_broadcast)
{
    actor_test(foreign_body, NULL);
}
END_TEST

/* Killed in the middle of a broadcast, it leaks neither list nor body. So many
 * members that a turn's budget does not suffice for all. */
enum { CROWD = 5000, KILLED = 100, BODY = 30000 };

static void broadcasts_for_ever(void *arg)
{
    static const char big[BODY] = "n";
    cop_pid g = *(cop_pid *)arg;

    for (;;)
        ck_assert_int_ge(cop_group_broadcast(g, "x", NEWS, big, BODY), 0);
}

static void killed_body(void *arg)
{
    cop_pid g = start(), one;
    cop_opts drop = {.mailbox_max = 1, .mailbox_full = COP_FULL_DROP_NEW};
    cop_opts copy = {.arg_bytes = sizeof(g)};
    size_t before;

    (void)arg;
    ck_assert_int_eq(cop_spawn(&one, sleeps, NULL, &drop), 0);
    for (int i = 0; i < CROWD; i++)
        ck_assert_int_eq(cop_group_join(g, "x", one), 0);
    before = cop_ext_bytes_in_use();
    for (int i = 0; i < KILLED; i++) {
        cop_pid p;

        ck_assert_int_eq(cop_spawn(&p, broadcasts_for_ever, &g, &copy), 0);
        for (int j = 0; j < i % 10; j++)
            cop_yield();
        cop_sleep(i % 3 * COP_MS / 2);
        end(p);
    }
    cop_sleep(10 * COP_MS);
    ck_assert_uint_lt(cop_ext_bytes_in_use(), before + 500000);
}

START_TEST(killed_while_it_broadcasts)
{
    actor_test(killed_body, NULL);
}
END_TEST

/* --------------------------------------------------------------- errors -- */

static void bad_body(void *arg)
{
    cop_pid g = start(), self = cop_self(), got;
    char name[COP_KEY_MAX + 2];

    (void)arg;
    memset(name, 'x', sizeof(name));
    name[COP_KEY_MAX + 1] = '\0';
    ck_assert_int_eq(cop_group_join(g, name, self), COP_ENAME);
    ck_assert_int_eq(cop_group_join(g, "", self), COP_ENAME);
    ck_assert_int_eq(cop_group_join(g, NULL, self), COP_ENAME);
    ck_assert_int_eq(cop_group_leave(g, NULL, self), COP_ENAME);
    ck_assert_int_eq(cop_group_members(g, NULL, &got, 1), COP_ENAME);
    ck_assert_int_eq(cop_group_members(g, "x", NULL, 1), COP_EINVAL);
    ck_assert_int_eq(cop_group_broadcast(g, "x", NEWS, NULL, 1), COP_EINVAL);
    ck_assert_int_eq(cop_group_join(g, "x", COP_NO_PID), COP_ENOPROC);
    ck_assert_int_eq(cop_group_join(g, "x", self), 0);
    ck_assert_int_eq(cop_group_broadcast(g, "x", 0, NULL, 0), COP_EINVAL);
    ck_assert_int_eq(cop_group_broadcast(g, "x", COP_DOWN, NULL, 0),
                     COP_EINVAL);
    end(g);
    ck_assert_int_eq(cop_group_join(g, "x", self), COP_ENOPROC);
    ck_assert_int_eq(cop_group_broadcast(g, "x", NEWS, NULL, 0), COP_ENOPROC);
}

START_TEST(bad_arguments_are_refused)
{
    actor_test(bad_body, NULL);
}
END_TEST

/* ----------------------------------------------------------------- many -- */

static void many_body(void *arg)
{
    enum { MANY = 100000 };
    static cop_pid got[MANY];
    cop_pid g = start(), a = sleeper(), b = sleeper();

    (void)arg;
    for (int i = 0; i < MANY; i++)
        if (cop_group_join(g, "x", i % 2 == 0 ? a : b) != 0)
            ck_abort();
    ck_assert_int_eq(cop_group_members(g, "x", got, MANY), MANY);
    for (int i = 0; i < MANY; i++)
        if (!cop_pid_eq(got[i], i % 2 == 0 ? a : b))
            ck_abort();
    for (int i = 0; i < MANY / 4; i++)
        if (cop_group_leave(g, "x", a) != 0)
            ck_abort();
    ck_assert_int_eq(cop_group_members(g, "x", got, MANY), MANY * 3 / 4);
    ck_assert(cop_pid_eq(got[0], a));
    ck_assert(cop_pid_eq(got[MANY * 3 / 4 - 1], b));
    end(a);
    wait_members(g, "x", MANY / 2);
    end(b);
    wait_members(g, "x", 0);
}

START_TEST(many_joins)
{
    actor_test(many_body, NULL);
}
END_TEST

static const TTest *const cases[] = {
    members_in_the_order_of_joining,
    leaving_takes_back_one_join,
    members_go_when_they_end,
    broadcast_as_often_as_joined,
    full_mailboxes_are_not_counted,
    foreign_thread_may_broadcast,
    killed_while_it_broadcasts,
    bad_arguments_are_refused,
    many_joins,
};
UNIT_MAIN("group", cases)
