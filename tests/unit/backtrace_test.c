/* SPDX-License-Identifier: MIT
 *
 * backtrace_test.c - where actors wait, asked by others, while they are being
 * woken; and what a process says of all of them when it ends.
 */
#include "tests/support/death.h"
#include "tests/support/kid.h"
#include "tests/support/started.h"

#include <coppice/report.h>

#include "runtime/base/check.h"

enum { FRAMES = 24, TAG_GO = 7, TAG_PING, TAG_PONG };

static volatile int sink;

/* The place of a function in a backtrace; -1: it is not there. */
static int place(const uintptr_t *frames, int n, const char *function)
{
    char code[COP_SYMBOL_TEXT];

    for (int i = 0; i < n; i++) {
        cop_symbol_str(frames[i], true, code, sizeof code);
        if (strncmp(code, function, strlen(function)) == 0)
            return i;
    }
    return -1;
}

__attribute__((noinline)) static void inner_wait(cop_tag tag)
{
    const cop_msg *m;

    ck_assert_int_eq(cop_recv_tag(&m, tag, COP_FOREVER), 0);
    sink++;
}

__attribute__((noinline)) static void middle_wait(void)
{
    inner_wait(TAG_GO);
    sink++;
}

static void waits(void *arg)
{
    (void)arg;
    middle_wait();
    sink++;
}

static void settled_body(void *arg)
{
    uintptr_t frames[FRAMES];
    cop_pid pid;

    (void)arg;
    ck_assert_int_eq(cop_spawn(&pid, waits, NULL, NULL), 0);
    settle();
    for (int round = 0; round < 3; round++) {
        int n = cop_backtrace(pid, frames, FRAMES);

        ck_assert_int_ge(n, 5);
        int recv = place(frames, n, "cop_recv_tag");
        ck_assert_int_ge(recv, 0);
        ck_assert_int_eq(place(frames, n, "inner_wait"), recv + 1);
        ck_assert_int_eq(place(frames, n, "middle_wait"), recv + 2);
        ck_assert_int_eq(place(frames, n, "waits"), recv + 3);
        ck_assert_int_eq(cop_backtrace(pid, frames, 2), 2);
    }
    ck_assert_int_eq(cop_send(pid, TAG_GO, NULL, 0), 0);
    settle();
    ck_assert(!cop_is_alive(pid));
    ck_assert_int_eq(cop_backtrace(pid, frames, FRAMES), COP_ENOPROC);
}

START_TEST(shows_where_an_actor_waits)
{
    actor_test(settled_body, &(cop_config){.workers = 2, .virtual_time = true});
}
END_TEST

/* ----------------------------------------------------- nothing to be seen --
 */

static atomic_int go_on;

static void spins(void *arg)
{
    (void)arg;
    atomic_store(&go_on, 1);
    while (atomic_load(&go_on) == 1)
        ;
}

static void on_message(void *state, const cop_msg *m)
{
    (void)state;
    (void)m;
}

static void helped(void *arg)
{
    (void)!cop_blocking(spins, arg);
}

static void nothing_body(void *arg)
{
    static const cop_handler idle = {.message = on_message};
    uintptr_t frames[FRAMES];
    cop_pid pid;

    (void)arg;
    ck_assert_int_eq(cop_backtrace(cop_self(), frames, FRAMES), COP_EINVAL);
    ck_assert_int_eq(cop_backtrace(cop_self(), NULL, FRAMES), COP_EINVAL);
    ck_assert_int_eq(cop_backtrace(cop_self(), frames, 1), COP_EINVAL);
    ck_assert_int_eq(cop_backtrace(COP_NO_PID, frames, 9), COP_ENOPROC);
    ck_assert_int_eq(cop_spawn_handler(&pid, &idle, NULL, NULL), 0);
    ck_assert_int_eq(cop_send(pid, 1, NULL, 0), 0);
    cop_sleep(10 * COP_MS);
    ck_assert_int_eq(cop_backtrace(pid, frames, FRAMES), 0);
    for (int helper = 0; helper < 2; helper++) {
        atomic_store(&go_on, 0);
        ck_assert_int_eq(cop_spawn(&pid, helper ? helped : spins, NULL, NULL),
                         0);
        while (atomic_load(&go_on) == 0)
            cop_sleep(COP_MS);
        ck_assert_int_eq(cop_backtrace(pid, frames, FRAMES), 0);
        atomic_store(&go_on, 2);
    }
}

START_TEST(who_does_not_wait_shows_nothing)
{
    actor_test(nothing_body, NULL);
    uintptr_t frames[FRAMES];
    ck_assert_int_eq(cop_backtrace(COP_PID_INIT, frames, 9), COP_ESTOPPED);
}
END_TEST

/* ------------------------------------------------------------- under fire --
 */

enum { ROUNDS = 20000 };

static void pongs(void *arg)
{
    const cop_msg *m;

    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        ck_assert_int_eq(cop_recv_tag(&m, TAG_PING, COP_FOREVER), 0);
        cop_pid from = cop_msg_sender(m);
        cop_tag tag = i % 64 == 0 ? TAG_GO : TAG_PONG;
        if (tag == TAG_GO) /* a deadline passes now and then */
            (void)!cop_recv_tag(&m, TAG_GO, cop_in(20 * COP_US));
        ck_assert_int_eq(cop_send(from, TAG_PONG, &i, sizeof i), 0);
    }
}

static atomic_int pinging;

static void pings(void *arg)
{
    const cop_msg *m;
    cop_pid pong = *(cop_pid *)arg;

    for (int i = 0; i < ROUNDS; i++) {
        ck_assert_int_eq(cop_send(pong, TAG_PING, NULL, 0), 0);
        ck_assert_int_eq(cop_recv_tag(&m, TAG_PONG, patience()), 0);
        ck_assert_int_eq(*cop_msg_as(m, int), i);
    }
    atomic_fetch_sub(&pinging, 1);
}

/* From outside, and by an actor: each look takes the actor out of its wait. No
 * message and no deadline may be lost by that. */
static void looks(void *arg)
{
    uintptr_t frames[FRAMES];
    uint64_t seen = 0, whole = 0;

    while (atomic_load(&pinging) > 0) {
        int n = cop_backtrace(*(cop_pid *)arg, frames, FRAMES);
        seen += n > 0;
        if (n > 0 && seen % 64 == 1)
            whole += place(frames, n, "pongs") > 0;
        if (cop_self().id != 0)
            cop_yield();
    }
    ck_assert_uint_gt(seen, 0);
    ck_assert_uint_eq(whole, (seen + 63) / 64);
}

START_TEST(nothing_is_lost_by_looking)
{
    static cop_pid pong;

    started(2);
    atomic_store(&pinging, 1);
    ck_assert_int_eq(cop_spawn(&pong, pongs, NULL, NULL), 0);
    ck_assert_int_eq(cop_spawn(NULL, pings, &pong, NULL), 0);
    ck_assert_int_eq(cop_spawn(NULL, looks, &pong, NULL), 0);
    looks(&pong);
    stopped();
}
END_TEST

/* ------------------------------------------------------------- last words --
 */

static void panics(void *arg)
{
    (void)arg;
    cop_sleep(50 * COP_MS);
    copi_panic("on purpose");
}

static void asks(void *arg)
{
    (void)arg;
    (void)!cop_call_name("patient", 1, NULL, 0, NULL, 0, COP_FOREVER);
    sink++;
}

static void with_actors(void)
{
    started(2);
    if (cop_spawn(NULL, waits, NULL,
                  &(cop_opts){.name = "patient", .label = "lab"}) != 0 ||
        cop_spawn(NULL, asks, NULL, NULL) != 0 || cop_trace_set("all") != 0 ||
        cop_spawn(NULL, panics, NULL, NULL) != 0)
        return;
    nap(20 * COP_SEC);
}

static void outside(void)
{
    started(2);
    if (cop_spawn(NULL, waits, NULL, NULL) != 0)
        return;
    nap(50 * COP_MS);
    copi_panic("on purpose");
}

static void crowded(void)
{
    started(2);
    for (int i = 0; i < 1000; i++)
        if (cop_spawn(NULL, waits, NULL, NULL) != 0)
            return;
    nap(100 * COP_MS);
    copi_panic("on purpose");
}

static void off_again(void)
{
    outside();
}

static char said[256 << 10];

static bool is_said(const char *text)
{
    if (strstr(said, text) != NULL)
        return true;
    fprintf(stderr, "no \"%s\" in: %s\n", text, said);
    return false;
}

START_TEST(a_panic_shows_all_actors)
{
    ck_assert_int_eq(death_signal(with_actors, said, sizeof said), SIGABRT);
    ck_assert(is_said("panic: on purpose"));
    ck_assert(is_said("coppice: in actor 0."));
    ck_assert(is_said(" panics"));
    ck_assert(is_said("coppice: actors:"));
    ck_assert(is_said(" patient lab: waiting, waits for: receive, 1 mess"));
    ck_assert(is_said(" -: waiting, waits for: call 0."));
    ck_assert(is_said(" asks"));
    ck_assert(is_said(" inner_wait"));
    ck_assert(is_said(" middle_wait"));
    ck_assert(is_said(": running, waits for: -"));
    ck_assert(is_said("coppice: flight recorder:"));
    ck_assert(is_said("us: spawn 0."));
    ck_assert_int_eq(death_signal(off_again, said, sizeof said), SIGABRT);
    ck_assert(is_said(" middle_wait"));
}
END_TEST

START_TEST(last_words_are_bounded)
{
    ck_assert_int_eq(death_signal(crowded, said, sizeof said), SIGABRT);
    ck_assert(is_said("coppice:   and 936 more"));
    ck_assert_uint_lt(strlen(said), 96 << 10);
}
END_TEST

static void after_stop(void)
{
    started(1);
    if (cop_spawn(NULL, waits, NULL, NULL) == 0)
        (void)cop_stop(COP_POLL, NULL);
    copi_panic("on purpose");
}

START_TEST(without_a_runtime_there_are_none)
{
    ck_assert_int_eq(death_signal(after_stop, said, sizeof said), SIGABRT);
    ck_assert(is_said("panic: on purpose"));
    ck_assert_ptr_null(strstr(said, "actors:"));
}
END_TEST

static const TTest *const cases[] = {
    shows_where_an_actor_waits, who_does_not_wait_shows_nothing,
    nothing_is_lost_by_looking, a_panic_shows_all_actors,
    last_words_are_bounded,     without_a_runtime_there_are_none,
};
UNIT_MAIN("backtrace", cases)
