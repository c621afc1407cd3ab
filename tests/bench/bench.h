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
    bool is_memory; /* then bytes_per_actor is what counts */
    double bytes_per_actor;
};

#define BENCH_WORKLOADS(X)                                                     \
    X(pingpong, "round trip")                                                  \
    X(thread_ring, "hop")                                                      \
    X(counting, "message")                                                     \
    X(fork_join_throughput, "message")                                         \
    X(fork_join_create, "actor")                                               \
    X(spawn, "spawn and join")                                                 \
    X(fib, "actor")                                                            \
    X(chameneos, "meeting")                                                    \
    X(big, "ping and pong")                                                    \
    X(call, "call")                                                            \
    X(selective_receive, "request and reply")                                  \
    X(monitor_storm, "actor")                                                  \
    X(link_chain, "actor")                                                     \
    X(supervisor_restart, "restart")                                           \
    X(supervisor_restart_one, "restart")                                       \
    X(timers, "timer")                                                         \
    X(idle_memory, "actor")                                                    \
    X(idle_memory_coroutine, "actor")                                          \
    X(idle_memory_hibernated, "actor")

#define COP_X(name, op) void bench_##name(struct bench *b);
BENCH_WORKLOADS(COP_X)
#undef COP_X

void bench_begin(struct bench *b);
void bench_end(struct bench *b, uint64_t ops);

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
