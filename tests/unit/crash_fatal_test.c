/* SPDX-License-Identifier: MIT
 *
 * crash_fatal_test.c - faults that are nobody's own: each must end the process,
 * by the signal it would have died of anyway, with a report that says why. And
 * what functions such as abort do outside of actors: what they always did.
 */
#include <coppice/memory.h>

#include "tests/support/death.h"
#include "tests/support/native.h"
#include "tests/support/started.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static void *volatile null;
static volatile int sink;

static bool ends_by(int sig, void (*fn)(void), const char *text)
{
    char said[8192];
    int had = death_signal(fn, said, sizeof said);

    if (had == sig && strstr(said, text) != NULL)
        return true;
    fprintf(stderr, "signal %d, said: %s\n", had, said);
    return false;
}

/* Runs fn in an actor and waits for what cannot come back. */
static void in_actor(void (*fn)(void *), const cop_opts *opts)
{
    started(2);
    if (cop_spawn(NULL, fn, NULL, opts) == 0)
        sleep(20);
}

/* ----------------------------------------------------- inside libraries -- */

static void prints_garbage(void *arg)
{
    char text[64];

    (void)arg;
    snprintf(text, sizeof text, "%s", (char *)null + 16);
}

static void in_printf(void)
{
    in_actor(prints_garbage, NULL);
}

static void reads_null(void *arg)
{
    (void)arg;
    sink = *(volatile int *)null;
}

START_TEST(a_fault_in_libc_ends_the_process)
{
    ck_assert(ends_by(SIGSEGV, in_printf, "libc.so"));
}
END_TEST

/* ---------------------------------------------------- inside the runtime -- */

static void bad_body(void *arg)
{
    (void)arg;
    (void)cop_send(cop_self(), 1, (void *)8, 100);
}

static void in_runtime(void)
{
    in_actor(bad_body, NULL);
}

START_TEST(a_fault_in_the_runtime_ends_the_process)
{
    ck_assert(ends_by(SIGSEGV, in_runtime, "inside the runtime"));
}
END_TEST

/* The quick way to free does not enter the runtime. */
static void frees_garbage(void *arg)
{
    cop_free(cop_alloc(1));
    cop_free(cop_alloc(1));
    cop_free((char *)null + 4096);
    (void)arg;
}

static void in_quick_free(void)
{
    in_actor(frees_garbage, NULL);
}

START_TEST(a_free_of_garbage_ends_the_process)
{
    ck_assert(ends_by(SIGSEGV, in_quick_free, "inside the runtime"));
}
END_TEST

/* --------------------------------------------------------- other threads -- */

static void foreign(void)
{
    started(2);
    reads_null(NULL);
}

START_TEST(a_fault_of_a_foreign_thread_ends_the_process)
{
    ck_assert(ends_by(SIGSEGV, foreign, "on a thread that runs no actors"));
}
END_TEST

static void from_outside(void)
{
    started(2);
    kill(getpid(), SIGSEGV);
    sleep(20);
}

START_TEST(a_signal_from_outside_ends_the_process)
{
    ck_assert(ends_by(SIGSEGV, from_outside, "the process raised it itself"));
}
END_TEST

static void in_blocking(void *arg)
{
    (void)!cop_blocking(reads_null, arg);
}

static void blocking(void)
{
    in_actor(in_blocking, NULL);
}

START_TEST(a_fault_on_a_helper_thread_ends_the_process)
{
    ck_assert(ends_by(SIGSEGV, blocking, "on a thread that runs no actors"));
}
END_TEST

/* -------------------------------------------------------- by one's choice --
 */

static void unisolated(void)
{
    in_actor(reads_null,
             &(cop_opts){.isolation = COP_ISOLATION_NONE, .label = "careful"});
}

START_TEST(an_actor_without_isolation_ends_the_process)
{
    ck_assert(ends_by(SIGSEGV, unisolated, "not isolated"));
    ck_assert(ends_by(SIGSEGV, unisolated, "careful"));
}
END_TEST

static void switched_off(void)
{
    cop_config config = {.workers = 1, .isolation = COP_ISOLATION_NONE};

    if (cop_start(&config) == 0 && cop_spawn(NULL, reads_null, NULL, NULL) == 0)
        sleep(20);
}

START_TEST(isolation_can_be_switched_off)
{
    ck_assert(ends_by(SIGSEGV, switched_off, ""));
}
END_TEST

/* -------------------------------------------------------------- handlers -- */

static void previous(int sig)
{
    static const char text[] = "the handler before\n";

    (void)sig;
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    _exit(0);
}

static void with_handler(void)
{
    signal(SIGSEGV, previous);
    foreign();
}

START_TEST(the_handler_before_is_called)
{
    char said[8192];

    ck_assert_int_eq(death_signal(with_handler, said, sizeof said), 0);
    ck_assert_ptr_nonnull(strstr(said, "the handler before"));
}
END_TEST

START_TEST(handlers_are_given_back)
{
    struct sigaction sa;

    signal(SIGSEGV, previous);
    started(1);
    sigaction(SIGSEGV, NULL, &sa);
    ck_assert(sa.sa_handler != previous);
    stopped();
    sigaction(SIGSEGV, NULL, &sa);
    ck_assert(sa.sa_handler == previous);
    signal(SIGSEGV, SIG_DFL);
}
END_TEST

/* ------------------------------------------- outside, they are as always -- */

static void aborts_outside(void)
{
    abort();
}

static void aborts_beside(void)
{
    started(1);
    abort();
}

static void *ends_thread(void *arg)
{
    pthread_exit(arg);
}

static void exits_outside(void)
{
    exit(0);
}

START_TEST(outside_of_actors_nothing_changes)
{
    char said[4096];
    void *result = NULL;
    pthread_t t;

    ck_assert_int_eq(death_signal(aborts_outside, said, sizeof said), SIGABRT);
    ck_assert_int_eq(death_signal(aborts_beside, said, sizeof said), SIGABRT);
    ck_assert_int_eq(death_signal(exits_outside, said, sizeof said), 0);
    ck_assert_int_eq(pthread_create(&t, NULL, ends_thread, &result), 0);
    ck_assert_int_eq(pthread_join(t, &result), 0);
    ck_assert_ptr_eq(result, &result);
}
END_TEST

static const TTest *const cases[] = {
    a_fault_in_libc_ends_the_process,
    a_fault_in_the_runtime_ends_the_process,
    a_free_of_garbage_ends_the_process,
    a_fault_of_a_foreign_thread_ends_the_process,
    a_signal_from_outside_ends_the_process,
    a_fault_on_a_helper_thread_ends_the_process,
    an_actor_without_isolation_ends_the_process,
    isolation_can_be_switched_off,
    the_handler_before_is_called,
    handlers_are_given_back,
    outside_of_actors_nothing_changes,
};
NATIVE_MAIN("crash_fatal", cases)
