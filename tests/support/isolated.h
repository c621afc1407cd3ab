/* SPDX-License-Identifier: MIT
 *
 * isolated.h - for tests of isolated actors: a runtime with a zygote, spawning
 * them, and hearing how they end. Nothing may be left behind: isolated_test
 * also fails if a child of this process is.
 *
 * ThreadSanitizer does not follow a process that forks and starts threads then,
 * so such builds skip these tests.
 */
#ifndef COPPICE_TESTS_ISOLATED_H
#define COPPICE_TESTS_ISOLATED_H

#include "tests/support/actor_test.h"
#include "tests/support/started.h"

#include <errno.h>
#include <sys/wait.h>

/* Native faults, limits of memory and wild writes are not for a sanitizer. */
#if defined(__SANITIZE_ADDRESS__)
#define ISOLATED_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ISOLATED_SANITIZED 1
#endif
#endif

#if defined(__SANITIZE_THREAD__)
#define ISOLATED_SKIPPED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ISOLATED_SKIPPED 1
#endif
#endif

#ifdef ISOLATED_SKIPPED
#define ISOLATED_MAIN(suite_name, cases)                                       \
    int main(void)                                                             \
    {                                                                          \
        (void)cases;                                                           \
        puts("the sanitizer does not follow forks that start threads");        \
        return 77;                                                             \
    }
#else
#define ISOLATED_MAIN(suite_name, cases) UNIT_MAIN(suite_name, cases)
#endif

/* In the other process: a check. It ends that with {fault, abort}. */
#define must(yes)                                                              \
    do {                                                                       \
        if (!(yes)) {                                                          \
            cop_log("line %d: %s", __LINE__, #yes);                            \
            abort();                                                           \
        }                                                                      \
    } while (0)

static inline void isolated_test(void (*body)(void *))
{
    actor_test(body, &(cop_config){.workers = 2, .zygote = true});
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
}

static inline cop_pid isolated_with(cop_fn fn, void *arg, const cop_opts *opts)
{
    cop_opts o = *opts;
    cop_pid p;

    o.isolation = COP_ISOLATED;
    ck_assert_int_eq(cop_spawn(&p, fn, arg, &o), 0);
    return p;
}

static inline cop_pid isolated(cop_fn fn, void *arg)
{
    return isolated_with(fn, arg, &(cop_opts){.arg_bytes = 0});
}

/* What the DOWN of a monitor says; COP_REASON_TEXT bytes. */
static inline void reason_of(cop_ref monitor, char *out)
{
    const cop_msg *m;

    ck_assert_int_eq(cop_recv_ref(&m, monitor, patience()), 0);
    ck_assert(cop_msg_tag(m) == COP_DOWN);
    cop_reason_str(cop_msg_reason(m), out, COP_REASON_TEXT);
}

static inline void ends_with(cop_ref monitor, const char *want)
{
    char have[COP_REASON_TEXT];

    reason_of(monitor, have);
    ck_assert_str_eq(have, want);
}

#endif
