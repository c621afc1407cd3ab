/* SPDX-License-Identifier: MIT
 *
 * bench.h - what the workloads share. One file per family of workloads, a
 * table of all of them in main.c.
 *
 * A workload is a function that runs in an actor, "main" in the definitions.
 * It checks its own result with BENCH_CHECK, and calls bench_begin just
 * before it creates its first actor and bench_end when it has the last
 * message. Programs use the public interface only.
 */
#ifndef COPPICE_TESTS_BENCH_H
#define COPPICE_TESTS_BENCH_H

#include <coppice.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench {
    const char *workload;
    uint64_t n;
    unsigned workers;
    /* What a workload finds out. */
    uint64_t ops;
    cop_time began, took_ns;
    const char *metric; /* what counts instead of ns_per_op, or NULL */
    double value;
    char notes[192]; /* further figures: "key=value " each */
};

/* Those that the peers have too: name, usual n, n for a quick look, what one
 * operation is. */
#define BENCH_WORKLOADS(X)                                                     \
    X(pingpong, 2000000, 200000, "round trip")                                 \
    X(thread_ring, 5000000, 500000, "hop")                                     \
    X(counting, 5000000, 500000, "message")                                    \
    X(fork_join_throughput, 100000, 10000, "message")                          \
    X(fork_join_create, 500000, 50000, "actor")                                \
    X(spawn, 500000, 50000, "spawn and join")                                  \
    X(fib, 28, 23, "actor")                                                    \
    X(chameneos, 1000000, 100000, "meeting")                                   \
    X(big, 20000, 2000, "ping and pong")                                       \
    X(concurrent_dictionary, 100000, 10000, "request")                         \
    X(bounded_buffer, 25000, 2500, "item")                                     \
    X(philosophers, 50000, 5000, "meal")                                       \
    X(bank_transaction, 500000, 50000, "transfer")                             \
    X(sieve, 30000, 10000, "message")                                          \
    X(nqueens, 12, 10, "work item")                                            \
    X(call, 2000000, 200000, "call")                                           \
    X(selective_receive, 200000, 20000, "request and reply")                   \
    X(monitor_storm, 300000, 30000, "actor")                                   \
    X(link_chain, 300000, 30000, "actor")                                      \
    X(supervisor_restart, 200000, 20000, "restart")                            \
    X(supervisor_restart_one, 10000, 2000, "restart")                          \
    X(timers, 1000000, 100000, "timer")                                        \
    X(idle_memory, 1000000, 100000, "actor")                                   \
    X(idle_memory_coroutine, 100000, 10000, "actor")                           \
    X(idle_memory_hibernated, 1000000, 100000, "actor")

/* How cost grows with the amount of work, and how late a wake-up is on a busy
 * machine: name, the greatest n to try, the same for a quick look, the row's
 * name in the tables of scale.sh. */
#define BENCH_SCALES(X)                                                        \
    X(scale_actors, 1000000, 100000, "message, among so many actors")          \
    X(scale_mailbox, 1000000, 100000, "call, so many messages waiting")        \
    X(scale_timers, 1000000, 100000, "timer started and stopped")              \
    X(scale_links, 100000, 100000, "end of a linked actor")                    \
    X(scale_monitors, 100000, 100000, "monitor and its message")               \
    X(scale_names, 1000000, 100000, "look-up of a name")                       \
    X(scale_registry, 1000000, 100000, "look-up in a registry")                \
    X(scale_spawn, 8, 8, "spawn and join")                                     \
    X(latency_idle, 5000, 1000, "nothing else")                                \
    X(latency_short, 5000, 1000, "turns of 10 us")                             \
    X(latency_hogs, 5000, 1000, "hogs of 50 ms")                               \
    X(latency_hogs_high, 5000, 1000, "the same, high priority")

#define COP_X(name, ...) void bench_##name(struct bench *b);
BENCH_WORKLOADS(COP_X)
BENCH_SCALES(COP_X)
#undef COP_X

/* The time between a begin and its end counts, and so do the operations. Of
 * several such pairs it is the sum. */
void bench_begin(struct bench *b);
void bench_end(struct bench *b, uint64_t ops);

/* The line says key=value too; or that instead of ns_per_op. */
void bench_note(struct bench *b, const char *key, uint64_t value);
void bench_metric(struct bench *b, const char *key, double value);

/* Ends the process with status 1. Any thread. */
COP_NORETURN void bench_wrong(const char *file, int line, const char *what);
#define BENCH_CHECK(cond)                                                      \
    do {                                                                       \
        if (!(cond))                                                           \
            bench_wrong(__FILE__, __LINE__, #cond);                            \
    } while (0)

/* Of /proc/self/status, such as "VmRSS", in KiB. */
uint64_t bench_status_kb(const char *key);

/* The generator of the definitions, and where number i begins. */
static inline uint64_t bench_draw(uint64_t *x)
{
    *x = *x * 16807 % 2147483647;
    return *x;
}
static inline uint64_t bench_seed(uint64_t i)
{
    return 1 + 7919 * (i + 1);
}

/* Shorthands for what cannot fail here. */
static inline void send_to(cop_pid to, cop_tag tag, const void *body,
                           size_t size)
{
    BENCH_CHECK(cop_send(to, tag, body, size) == 0);
}
static inline const cop_msg *recv_any(void)
{
    const cop_msg *m;

    BENCH_CHECK(cop_recv(&m, COP_FOREVER) == 0);
    return m;
}
static inline const cop_msg *recv_tag(cop_tag tag)
{
    const cop_msg *m;

    BENCH_CHECK(cop_recv_tag(&m, tag, COP_FOREVER) == 0);
    return m;
}
static inline cop_pid start_actor(cop_fn fn, const void *arg, size_t size)
{
    cop_opts opts = {.arg_bytes = size};
    cop_pid pid;

    BENCH_CHECK(cop_spawn(&pid, fn, (void *)(uintptr_t)arg, &opts) == 0);
    return pid;
}
static inline cop_pid start_handler(const cop_handler *h, const void *arg,
                                    size_t size)
{
    cop_opts opts = {.arg_bytes = size};
    cop_pid pid;

    BENCH_CHECK(cop_spawn_handler(&pid, h, (void *)(uintptr_t)arg, &opts) == 0);
    return pid;
}

#endif
