/* SPDX-License-Identifier: MIT
 *
 * cold_test.c - an actor's cold part comes with the first thing that needs it:
 * without memory that call says so, the actor is as it was, and the next
 * attempt works. Each case runs in a new actor, so that it is the first.
 */
#include "tests/support/actor_test.h"
#include "tests/support/unit.h"

enum { URGENT = 1, PLAIN, COUNT_MAX = 20 };

static cop_pid peer;
static int cleaned;

static void sleeps(void *arg)
{
    (void)arg;
    cop_sleep_until(COP_FOREVER);
}

static void clean(void *arg)
{
    (void)arg;
    cleaned++;
}

static void format(const void *arg, char *buf, size_t size)
{
    (void)arg;
    snprintf(buf, size, "state");
}

/* ---------------------------------------------------------------- cases -- */

static int do_defer(void)
{
    return cop_defer(clean, NULL);
}

static void check_defer(void)
{
    ck_assert(!cop_undefer(sleeps, NULL));
    ck_assert(cop_undefer(clean, NULL));
    ck_assert(!cop_undefer(clean, NULL));
    ck_assert_int_eq(do_defer(), 0); /* stays: it runs at the end */
}

static cop_alias alias;

static int do_alias(void)
{
    return cop_alias_new(&alias, COP_ALIAS_EXPLICIT | COP_ALIAS_PRIORITY);
}

/* An urgent message by it overtakes. */
static void check_alias(void)
{
    const cop_msg *m;

    ck_assert_int_eq(cop_send(cop_self(), PLAIN, NULL, 0), 0);
    ck_assert_int_eq(cop_send_alias_urgent(alias, URGENT, NULL, 0), 0);
    ck_assert_int_eq(cop_recv(&m, COP_POLL), 0);
    ck_assert_int_eq(cop_msg_tag(m), URGENT);
    ck_assert_int_eq(cop_recv(&m, COP_POLL), 0);
    ck_assert_int_eq(cop_msg_tag(m), PLAIN);
    ck_assert(cop_unalias(alias.ref));
    ck_assert(!cop_unalias(alias.ref));
}

static cop_ref ref;

static int do_monitor_alias(void)
{
    return cop_monitor_alias(&ref, peer, COP_ALIAS_DEMONITOR);
}

static void check_monitor(void)
{
    ck_assert(cop_demonitor(ref, true));
    ck_assert(!cop_demonitor(ref, true));
}

static int do_monitor(void)
{
    return cop_monitor(&ref, peer);
}

static int do_link(void)
{
    return cop_link(peer);
}

static void check_link(void)
{
    ck_assert_int_eq(cop_unlink(peer), 0);
}

static int do_formatter(void)
{
    return cop_set_formatter(format, NULL);
}

static void check_nothing(void) {}

static const struct first {
    const char *name;
    int (*run)(void); /* 0, or COP_ENOMEM */
    void (*check)(void);
} firsts[] = {
    {"defer", do_defer, check_defer},
    {"alias", do_alias, check_alias},
    {"monitor alias", do_monitor_alias, check_monitor},
    {"monitor", do_monitor, check_monitor},
    {"link", do_link, check_link},
    {"formatter", do_formatter, check_nothing},
};

/* ----------------------------------------------------------------- runs -- */

struct attempt {
    const struct first *first;
    uint64_t nth;
    bool sticky;
    bool reached; /* the n-th allocation was asked for */
};

static void attempt(void *arg)
{
    struct attempt *t = arg;
    const struct first *f = t->first;

    cop_ext_fail_alloc(t->nth, t->sticky);
    int err = f->run();
    t->reached = cop_ext_alloc_count() >= t->nth;
    cop_ext_fail_alloc(0, false);
    ck_assert_msg(err == 0 || (err == COP_ENOMEM && t->reached), "%s: %s",
                  f->name, cop_error_name(err));
    if (err != 0)
        ck_assert_int_eq(f->run(), 0);
    f->check();
}

static bool runs(const struct first *f, uint64_t nth, bool sticky)
{
    struct attempt t = {f, nth, sticky, false};
    const cop_msg *m;
    cop_pid pid;
    cop_ref end;
    const cop_opts opts = {.monitor = &end};

    cleaned = 0;
    ck_assert_int_eq(cop_spawn(&pid, attempt, &t, &opts), 0);
    ck_assert_int_eq(cop_recv_ref(&m, end, COP_FOREVER), 0);
    ck_assert_int_eq(cop_msg_tag(m), COP_DOWN);
    ck_assert(cop_reason_is_orderly(cop_msg_reason(m)));
    ck_assert_int_eq(cleaned, f->check == check_defer);
    return t.reached;
}

static void body(void *arg)
{
    (void)arg;
    ck_assert_int_eq(cop_spawn(&peer, sleeps, NULL, NULL), 0);
    for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++) {
        for (int sticky = 0; sticky < 2; sticky++) {
            uint64_t n = 1;

            while (runs(&firsts[i], n, sticky != 0))
                ck_assert_int_lt(n++, COUNT_MAX);
            ck_assert_int_gt(n, 1);
        }
    }
}

START_TEST(without_memory)
{
    const cop_config config = {.workers = 1};

    actor_test(body, &config);
}
END_TEST

/* An argument's release is no clean-up that a program could take back. */
static int released;

static void release(void *arg)
{
    ck_assert_ptr_eq(arg, &released);
    released++;
}

static void undefers(void *arg)
{
    ck_assert(!cop_undefer(release, arg));
    ck_assert_int_eq(cop_defer(release, arg), 0);
    ck_assert(cop_undefer(release, arg));
    ck_assert(!cop_undefer(release, arg));
}

static void body_release(void *arg)
{
    const cop_msg *m;
    cop_ref end;
    const cop_opts opts = {.monitor = &end, .arg_release = release};

    (void)arg;
    ck_assert_int_eq(cop_spawn(NULL, undefers, &released, &opts), 0);
    ck_assert_int_eq(cop_recv_ref(&m, end, COP_FOREVER), 0);
    ck_assert_int_eq(released, 1);
}

START_TEST(release_is_no_clean_up)
{
    actor_test(body_release, NULL);
}
END_TEST

static const TTest *const cases[] = {without_memory, release_is_no_clean_up};

UNIT_MAIN("cold", cases)
