/* SPDX-License-Identifier: MIT
 *
 * chain.c - a chain of n linked actors dies along: from its first one, and
 * from the middle both ways.
 *
 * Each is linked to the one before it and traps nothing, so all end with the
 * reason of the first, one after the other. There is nothing in it that may
 * grow with n but the time, and that in proportion: one of n costs what one of
 * ten times n / 10 does, but that n of them are in no cache. RATIO times as
 * much, and that TRIES times in a row, is too much; what is quadratic costs
 * ten times as much. A recursion would run out of stack.
 *
 * Printed are nanoseconds for each actor.
 */
#include "tests/stress/common.h"

#define RATIO 4.0

enum { SMALL = 10, TRIES = 3 };
enum { TAG_BREAK = 1 };

static _Atomic uint64_t linked;
/* What cop_ext_on_exit counts. */
static _Atomic uint64_t booms;
static _Atomic uint64_t done;
static char report[256];

static void saw_exit(cop_pid pid, cop_reason why)
{
    (void)pid;
    if (strcmp(cop_reason_name(why), "boom") == 0)
        atomic_fetch_add_explicit(&booms, 1, memory_order_relaxed);
}

/* A place in the chain: whom it follows. */
struct place {
    cop_pid before;
};

static int place_init(void *state, void *arg)
{
    const struct place *p = arg;

    (void)state;
    if (!cop_pid_is_none(p->before))
        STRESS_OK(cop_link(p->before));
    atomic_fetch_add_explicit(&linked, 1, memory_order_relaxed);
    return 0;
}

static void place_message(void *state, const cop_msg *m)
{
    (void)state;
    if (cop_msg_tag(m) == TAG_BREAK)
        cop_exit(cop_because("boom"));
}

static const cop_handler handler = {.init = place_init,
                                    .message = place_message};

/* The last one of a new chain; *at is the one in place `which`. */
static cop_pid forge(uint64_t n, uint64_t which, cop_pid *at)
{
    struct place p = {COP_NO_PID};
    cop_opts opts = {.arg_bytes = sizeof p};
    cop_pid pid = COP_NO_PID;

    for (uint64_t i = 0; i < n; i++) {
        p.before = pid;
        STRESS_OK(cop_spawn_handler(&pid, &handler, &p, &opts));
        if (i == which)
            *at = pid;
        atomic_fetch_add_explicit(&done, 1, memory_order_relaxed);
    }
    return pid;
}

/* Until it has counted n; it counts from zero again then. */
static void await(_Atomic uint64_t *count, uint64_t n)
{
    while (atomic_load_explicit(count, memory_order_relaxed) < n)
        cop_sleep(COP_MS / 10);
    STRESS_CHECK(atomic_load(count) == n, "%" PRIu64 " of %" PRIu64,
                 atomic_load(count), n);
    atomic_store(count, 0);
}

static int64_t run_chain(uint64_t n, uint64_t which)
{
    cop_pid at = COP_NO_PID;
    cop_pid last = forge(n, which, &at);
    int64_t took;

    await(&linked, n);
    STRESS_CHECK(cop_is_alive(at) && cop_is_alive(last), "one died early");
    took = stress_now();
    STRESS_OK(cop_send(at, TAG_BREAK, NULL, 0));
    await(&booms, n);
    took = stress_now() - took;
    STRESS_CHECK(!cop_is_alive(last), "the last one lives");
    return took;
}

/* In a sanitizer build times prove nothing. */
static bool is_linear(double one_of_many, double one_of_few)
{
    return STRESS_INSTRUMENTED || one_of_many <= RATIO * one_of_few;
}

static void try_chain(const char *what, uint64_t n, bool in_the_middle)
{
    uint64_t few = n / SMALL;
    double one_of_few = 0;
    double one_of_many = 0;
    size_t used = strlen(report);

    (void)run_chain(few, 0); /* warms up */
    for (int i = 0; i < SMALL; i++)
        one_of_few +=
            (double)run_chain(few, in_the_middle ? few / 2 : 0) / (double)n;
    for (int i = 0; i < TRIES; i++) {
        one_of_many =
            (double)run_chain(n, in_the_middle ? n / 2 : 0) / (double)n;
        if (is_linear(one_of_many, one_of_few))
            break;
    }
    STRESS_CHECK(is_linear(one_of_many, one_of_few),
                 "%s: %.0f ns for one of %" PRIu64 ", %.0f for one of %" PRIu64,
                 what, one_of_many, n, one_of_few, few);
    snprintf(report + used, sizeof report - used, " %s=%.0f %s_of_few=%.0f",
             what, one_of_many, what, one_of_few);
}

static void lead(void *arg)
{
    (void)arg;
    try_chain("first", stress.n, false);
    try_chain("middle", stress.n, true);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv, "A chain of N linked actors dies along.", 1000000);
    STRESS_CHECK(stress.n >= SMALL, "N is less than %d", SMALL);
    cop_ext_on_exit(saw_exit);
    stress_start(2, NULL);
    stress_run(lead, NULL, &done);
    stress_stop();
    cop_ext_on_exit(NULL);
    return stress_ok("%s", report + 1);
}
