/* SPDX-License-Identifier: MIT
 *
 * common.h - what the stress programs share: arguments, closing line, watchdog,
 * random numbers, and looks at the process from outside.
 *
 * A stress program is called `NAME [N] [--seed S] [--workers W]`. It closes
 * with one line on the standard output, `NAME: ok key=value ...` (status 0) or
 * `NAME: FAILED ...` (status 1). A watchdog thread fails the program when
 * stress_beat has not been heard for a while, and lists the actors then.
 */
#ifndef STRESS_COMMON_H
#define STRESS_COMMON_H

#include <coppice.h>
#include <coppice/extend.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Constant after stress_begin. */
struct stress {
    const char *name;
    uint64_t n;
    uint64_t seed;
    unsigned workers; /* 0: not given */
};
extern struct stress stress;

/* Reads the arguments (--help and bad ones end the program) and starts the
 * watchdog. `about` is a sentence for --help. */
void stress_begin(int argc, char **argv, const char *about, uint64_t n_default);
/* Prints the closing line; gives main's status. */
int stress_ok(const char *fmt, ...) COP_PRINTF(1, 2);
/* Prints the closing line with the actors on stderr and ends the process. Any
 * thread, any actor. */
COP_NORETURN void stress_fail(const char *fmt, ...) COP_PRINTF(1, 2);

#define STRESS_CHECK(cond, ...)                                                \
    do {                                                                       \
        if (!(cond))                                                           \
            stress_fail(__VA_ARGS__);                                          \
    } while (0)

/* The call must give 0. */
#define STRESS_OK(call)                                                        \
    do {                                                                       \
        int stress_rc_ = (call);                                               \
        if (stress_rc_ != 0)                                                   \
            stress_fail("%s: %s", #call, cop_error_str(stress_rc_));           \
    } while (0)

/* Tells the watchdog, and the progress line, how much of n is done. */
void stress_beat(uint64_t done);

/* cop_start with `workers` (unless --workers was given), and cop_stop that must
 * end everything in time. */
void stress_start(unsigned workers, const cop_config *more);
void stress_stop(void);
/* Runs fn(arg) in an actor and waits until it has ended, normal. Its mailbox is
 * its own. `done` is what to beat with meanwhile. From outside. */
void stress_run(cop_fn fn, void *arg, _Atomic uint64_t *done);

/* splitmix64: a good enough generator whose whole state is one word. */
uint64_t stress_rnd(uint64_t *state);
static inline uint64_t stress_below(uint64_t *state, uint64_t n)
{
    return stress_rnd(state) % n;
}
/* A state for the stream `which` of this run. */
uint64_t stress_stream(uint64_t which);

/* Seconds since stress_begin; monotonic nanoseconds, also when no runtime is
 * there; a nap of the calling thread. */
double stress_seconds(void);
int64_t stress_now(void);
/* Nanoseconds that all threads together have run: what a thing costs, whoever
 * else wants the processors. */
int64_t stress_cpu(void);
void stress_nap(int64_t ns);
/* COP_TEST_SLOW: what deadlines are multiplied by under slow tools. */
int64_t stress_slow(void);

/* Sanitizers hold memory and mappings back: then growth proves nothing. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STRESS_INSTRUMENTED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STRESS_INSTRUMENTED 1
#endif
#endif
#ifndef STRESS_INSTRUMENTED
#define STRESS_INSTRUMENTED 0
#endif

/* Of this process: resident bytes, threads, descriptors, mappings (without
 * those of files: who writes reports opens what it needs when it needs it). */
size_t stress_rss(void);
size_t stress_threads(void);
size_t stress_fds(void);
size_t stress_mappings(void);
/* What a run may need once, by the machine's load, is made now, so that all
 * that grows later is a leak: threads for workers whose own have no processor,
 * and the memory of 16,384 actors that are dead but not yet buried (the dead
 * wait until each worker has ended its turn), which would come in the
 * allocator's big steps. In an actor. */
void stress_warm_up(void);

/* A foreign thread that runs fn(arg). */
pthread_t stress_thread(void *(*fn)(void *), void *arg);
void stress_join(pthread_t t);

#endif
