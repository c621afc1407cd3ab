/* SPDX-License-Identifier: MIT
 *
 * inspect.h - read-only views for those who operate a program: actors, where
 * each waits, counters, dead letters. Nothing here blocks or disturbs the
 * actors that are looked at; figures of a running actor are as of its last
 * call into the runtime.
 */
#ifndef COPPICE_INSPECT_H
#define COPPICE_INSPECT_H

#include <coppice/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cop_status {
    COP_STATUS_RUNNABLE, /* in a queue */
    COP_STATUS_RUNNING,
    COP_STATUS_WAITING, /* parked: `wait` says for what */
    COP_STATUS_EXITING
} cop_status;

/* reason, text. For what an actor waits. */
#define COP_WAITS(X)                                                           \
    X(NONE, "-")                                                               \
    X(RECEIVE, "receive")                                                      \
    X(CALL, "call")                                                            \
    X(SLEEP, "sleep")                                                          \
    X(BLOCKING, "blocking")                                                    \
    X(ALIVE, "is_alive")

typedef enum cop_wait {
#define COP_X(name, text) COP_WAIT_##name,
    COP_WAITS(COP_X)
#undef COP_X
        COP_WAIT_COUNT
} cop_wait;
COP_API const char *cop_wait_str(cop_wait wait);
COP_API const char *cop_status_str(cop_status status);

typedef struct cop_info {
    cop_pid pid;
    uint64_t serial; /* dense number in the order of spawning */
    cop_pid parent;
    char name[COP_NAME_MAX + 1]; /* "" if it has none */
    const char *label;           /* as given at its spawn, or NULL */
    uintptr_t function;          /* its function, or its handler's `message` */
    cop_status status;
    cop_wait wait;
    cop_pid calling; /* whom it waits for in a call */
    bool is_handler;
    bool trap_exit;
    cop_priority priority;
    size_t queue; /* messages in the mailbox */
    size_t links;
    size_t monitors, monitored_by; /* that of a call counts at most while the
                                      call lasts: see `calling` */
    uint64_t reductions;
    size_t memory_bytes; /* record, state, touched stack, blocks (memory.h),
                            messages in the mailbox with their bodies */
    size_t stack_bytes;  /* of that: the most its stack ever used */
    bool is_isolated;    /* memory and stack are its proxy's then */
    int os_pid; /* the process of an isolated actor; 0: none yet, or unknown
                   at this instant */
    uint32_t restarts; /* of its place in a supervisor, as told so far */
} cop_info;

/* COP_ENOPROC. Any thread. */
COP_API COP_MUST_USE int cop_info_get(cop_pid pid, cop_info *out);

/* Fills `out` with up to `cap` live actors in the order of spawning, returns
 * how many live. Any thread. */
COP_API size_t cop_actors(cop_pid *out, size_t cap);

/* Counters since the start of the runtime. */
/* clang-format off */
#define COP_COUNTERS(X)                                                        \
    X(spawned) X(exited) X(sent) X(received) X(dead_letters) X(dropped)        \
    X(timers_fired) X(turns) X(steals) X(parks) X(handovers) X(preemptions)
/* clang-format on */
typedef struct cop_counters {
#define COP_X(name) uint64_t name;
    COP_COUNTERS(COP_X)
#undef COP_X
    uint64_t queued; /* messages in all mailboxes; exact when all is quiet */
} cop_counters;
COP_API void cop_counters_get(cop_counters *out);

/* One worker. Its turns, steals and so on are since the start. */
typedef struct cop_worker_info {
    bool in_turn;     /* runs an actor now */
    cop_time busy_ns; /* processor time that its thread has used; less than
                         before when another thread has taken over; -1: not
                         known */
    size_t runnable;  /* actors in its queues */
    uint64_t turns, steals, parks, handovers, preemptions;
} cop_worker_info;

/* Of worker 0 .. cop_workers() - 1. COP_ENOENT; COP_ESTOPPED; COP_EINVAL. Any
 * thread. */
COP_API COP_MUST_USE int cop_worker_get(unsigned worker, cop_worker_info *out);

/* An actor whose end was not orderly. */
typedef struct cop_failure {
    cop_pid pid;
    uint64_t serial;
    cop_time at; /* as of cop_now() */
    char name[COP_NAME_MAX + 1];
    char label[64];
    char reason[COP_REASON_TEXT];
} cop_failure;

#define COP_FAILURES 16 /* so many are kept */

/* From now on the last failures are kept (which costs each a microsecond), or
 * no more: as often as it was said before. Any thread. */
COP_API void cop_failures_keep(bool keep);

/* Fills `out` with up to `cap` of the last ones, the newest first, and *n with
 * how many; returns how many failed since they were first kept. Of many at the
 * same time some are only counted. Any thread. */
COP_API uint64_t cop_failures_get(cop_failure *out, size_t cap, size_t *n);

/* The guard under each coroutine stack: "guard-install", "mprotect",
 * "canary"; "none" while the runtime is not running. Any thread. */
COP_API const char *cop_stack_guard(void);

/* --------------------------------------------------------- dead letters -- */

#define COP_DEAD_REASONS(X)                                                    \
    X(NOPROC, "no such actor")                                                 \
    X(EXITED, "receiver ended")                                                \
    X(FULL, "mailbox full")                                                    \
    X(ALIAS, "alias not active")                                               \
    X(LATE, "caller no longer waits")                                          \
    X(INJECTED, "dropped by a fault plan")                                     \
    X(FORGED, "reply to a call that its sender was not given")
typedef enum cop_dead_reason {
#define COP_X(name, text) COP_DEAD_##name,
    COP_DEAD_REASONS(COP_X)
#undef COP_X
        COP_DEAD_COUNT
} cop_dead_reason;
COP_API const char *cop_dead_reason_str(cop_dead_reason reason);

/* The body of a COP_DEAD_LETTER. */
struct cop_dead_letter {
    cop_pid from;
    cop_pid to;
    cop_tag tag;
    cop_dead_reason reason;
    size_t size; /* of the lost message's body */
};

/* Makes `subscriber` the one who gets dead letters as messages; COP_NO_PID:
 * nobody. A dead letter that cannot be delivered is only counted. */
COP_API void cop_dead_letters_to(cop_pid subscriber);

#ifdef __cplusplus
}
#endif
#endif
