/* SPDX-License-Identifier: MIT
 *
 * faults.c - what the saboteur can do to a worker.
 *
 * Two are signals, which end a worker from outside at its next breath. The
 * others are messages: the worker takes one in the middle of a chunk and does
 * to itself what a bug would do. The crashes are real: a NULL pointer is read,
 * the stack runs into its guard page, the loop never ends. Nothing here says
 * that it was on purpose, and nobody cleans up afterwards.
 *
 * Each has a reason of its own, by which a death is known again: the runtime
 * gives those of the crashes, and no two of them are alike.
 *
 * A loop takes a whole processor until its time is up (MAX_RUN_NS), so it is
 * drawn seldom.
 */
#include "wordcount.h"

#include <stdlib.h>
#include <string.h>

enum { EATS = 16 * 1024 };

#if defined(__aarch64__)
enum { DIVIDE_WEIGHT = 0 }; /* gives zero there, and no signal */
#else
enum { DIVIDE_WEIGHT = 20 };
#endif

/* Volatile, or the compiler would see what is coming. */
static char *volatile nowhere;
static volatile int zero, sink;

static void poison(void)
{
    cop_exit(cop_because("poisoned"));
}

static void read_null(void)
{
    sink = *nowhere;
}

static int deeper(int n)
{
    volatile char frame[512];

    frame[0] = (char)n;
    return n == 0 ? 0 : deeper(n + 1) + frame[0];
}

static void overflow(void)
{
    sink = deeper(1);
}

static void divide(void)
{
    sink = 7 / zero;
}

static void loop(void)
{
    while (zero == 0)
        sink++;
}

/* Each time more, all of it used. */
static void eat(void)
{
    char *more;

    while ((more = cop_alloc(EATS)) != NULL)
        memset(more, 1, EATS);
}

static const struct {
    const char *name;
    unsigned weight;  /* how often it is drawn, beside the others */
    bool is_crash;    /* only with --crashes */
    void (*fn)(void); /* what the worker does; NULL: a signal */
    const char *reason;
} faults[FAULTS] = {
    [FAULT_KILL] = {"kill", 40, false, NULL, "killed"},
    [FAULT_BOOM] = {"boom", 40, false, NULL, "boom"},
    [FAULT_POISON] = {"poison", 40, false, poison, "poisoned"},
    [FAULT_NULL] = {"null", 20, true, read_null, "{fault, SIGSEGV"},
    [FAULT_OVERFLOW] = {"overflow", 20, true, overflow,
                        "{fault, stack_overflow"},
    [FAULT_DIVIDE] = {"divide", DIVIDE_WEIGHT, true, divide, "{fault, SIGFPE"},
    [FAULT_ABORT] = {"abort", 20, true, abort, "{fault, abort"},
    [FAULT_LOOP] = {"loop", 1, true, loop, "{fault, runaway"},
    [FAULT_EAT] = {"eat", 20, true, eat, "{limit, \"memory\""},
};

bool can_crash(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return false;
#endif
#endif
    return true;
}

static unsigned weight_of(int f, bool crashes)
{
    return faults[f].is_crash && !crashes ? 0 : faults[f].weight;
}

enum fault fault_draw(uint64_t r, bool crashes)
{
    unsigned sum = 0, at;
    int f = 0;

    for (int i = 0; i < FAULTS; i++)
        sum += weight_of(i, crashes);
    at = (unsigned)(r % sum);
    while (at >= weight_of(f, crashes))
        at -= weight_of(f++, crashes);
    return (enum fault)f;
}

const char *fault_name(enum fault f)
{
    return faults[f].name;
}

const char *fault_reason(enum fault f)
{
    return faults[f].reason;
}

enum fault fault_of(cop_reason why)
{
    char text[COP_REASON_TEXT];
    int f = 0;

    cop_reason_str(why, text, sizeof text);
    while (f < FAULTS &&
           strncmp(text, faults[f].reason, strlen(faults[f].reason)) != 0)
        f++;
    return (enum fault)f;
}

int fault_send(enum fault f, cop_pid victim)
{
    switch (f) {
    case FAULT_KILL:
        return cop_exit_signal(victim, COP_KILL);
    case FAULT_BOOM:
        return cop_exit_signal(victim, cop_because("boom"));
    default:
        return cop_send(victim, TAG_FAULT, &f, sizeof f);
    }
}

void fault_suffer(enum fault f)
{
    faults[f].fn();
    cop_exit(cop_because("survived"));
}
