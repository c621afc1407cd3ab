/* SPDX-License-Identifier: MIT
 *
 * sup.h - short words for tests of supervisors: kids a to e (kid.h) as
 * children, and what is done to them. Each test runs in a process of its own,
 * so each finds the kids fresh.
 */
#ifndef COPPICE_TESTS_SUP_H
#define COPPICE_TESTS_SUP_H

#include "tests/support/kid.h"

__attribute__((unused)) static struct kid a = {.name = "a", .trap = true},
                                          b = {.name = "b", .trap = true},
                                          c = {.name = "c", .trap = true},
                                          d = {.name = "d", .trap = true},
                                          e = {.name = "e", .trap = true};

/* A child: a server, an actor. */
#define SERVER(k, ...)                                                         \
    {                                                                          \
        .id = #k, .server = &kid_server, .arg = &k, __VA_ARGS__                \
    }
#define ACTOR(k, ...)                                                          \
    {                                                                          \
        .id = #k, .fn = kid_actor, .arg = &k, __VA_ARGS__                      \
    }
#define SUP(name, spec, ...)                                                   \
    {                                                                          \
        .id = name, .sup = &spec, __VA_ARGS__                                  \
    }

#define CHILDREN(kids) .children = kids, .nchildren = sizeof kids / sizeof *kids

/* Starts it, linked to the caller, who traps exits from now on. */
__attribute__((unused)) static cop_pid up(const cop_sup *spec)
{
    cop_pid pid;
    cop_trap_exit(true);
    ck_assert_int_eq(cop_sup_start(&pid, spec, NULL, NULL), 0);
    return pid;
}

/* Makes a kid end with `why`, and waits for what comes of it. */
__attribute__((unused)) static void crash(const struct kid *k, const char *why)
{
    kid_send(k->pid, KID_CRASH, 0, why);
    settle();
}

__attribute__((unused)) static void stop(cop_pid sup)
{
    ck_assert_int_eq(cop_server_stop(sup, COP_SHUTDOWN, COP_FOREVER, NULL), 0);
    got_exit(sup, "shutdown");
}

/* The children as "a=up b=restarting c=undefined". */
__attribute__((unused)) static void which_is(cop_pid sup, const char *want)
{
    static const char *const names[] = {"undefined", "restarting", "up"};
    cop_child_info info[16];
    char have[512] = "";
    size_t used = 0;
    int n = cop_sup_which_children(sup, info, 16);
    ck_assert_int_ge(n, 0);
    for (int i = 0; i < n; i++)
        used += (size_t)snprintf(have + used, sizeof have - used, "%s%s=%s",
                                 i > 0 ? " " : "", info[i].id,
                                 names[info[i].state]);
    ck_assert_str_eq(have, want);
}

/* The counts as "specs active supervisors workers". */
__attribute__((unused)) static void counts_are(cop_pid sup, const char *want)
{
    cop_child_counts n;
    char have[64];
    ck_assert_int_eq(cop_sup_count_children(sup, &n), 0);
    snprintf(have, sizeof have, "%zu %zu %zu %zu", n.specs, n.active,
             n.supervisors, n.workers);
    ck_assert_str_eq(have, want);
}

#endif
