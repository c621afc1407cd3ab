/* SPDX-License-Identifier: MIT
 *
 * types.h - the values that every other public header is written in:
 * pids, references, times, tags and error codes.
 *
 * Every value here is small, copied by value, and "nothing" when zero.
 */
#ifndef COPPICE_TYPES_H
#define COPPICE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define COP_LITERAL(type) type
#else
#define COP_LITERAL(type) (type)
#endif

#if defined(__GNUC__)
#define COP_API __attribute__((visibility("default")))
#define COP_MUST_USE __attribute__((warn_unused_result))
#define COP_NORETURN __attribute__((noreturn))
#define COP_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#else
#define COP_API
#define COP_MUST_USE
#define COP_NORETURN
#define COP_PRINTF(fmt, first)
#endif

/* ------------------------------------------------------------- identity -- */

/* An actor's address: a table slot and a long generation in one word. A pid
 * names one incarnation only; after its death it never reaches anybody else. */
typedef struct cop_pid {
    uint64_t id;
} cop_pid;

/* A reference, unique in this run of the runtime: of a monitor, an alias, a
 * request. */
typedef struct cop_ref {
    uint64_t id;
} cop_ref;

/* A second address of an actor that it can take back (cop_alias_new). */
typedef struct cop_alias {
    cop_pid pid;
    cop_ref ref;
} cop_alias;

/* Whom to answer: what cop_msg_from gives for a request. May be copied, kept
 * and given to another actor. */
typedef struct cop_from {
    cop_pid pid;
    cop_ref ref;
} cop_from;

/* A running timer. */
typedef struct cop_timer {
    uint64_t id;
} cop_timer;

#define COP_NO_PID (COP_LITERAL(cop_pid){0})
#define COP_NO_REF (COP_LITERAL(cop_ref){0})

/* The parent of actors that were spawned from outside: no actor, but the
 * sender of the exit signal `shutdown` that cop_stop sends. */
#define COP_PID_INIT (COP_LITERAL(cop_pid){1})

static inline bool cop_pid_eq(cop_pid a, cop_pid b)
{
    return a.id == b.id;
}
static inline bool cop_ref_eq(cop_ref a, cop_ref b)
{
    return a.id == b.id;
}
static inline bool cop_pid_is_none(cop_pid p)
{
    return p.id == 0;
}

/* "0.12.3": node, slot, generation. Writes at most `size` bytes with the
 * closing zero and returns buf. Any thread; does not block. */
#define COP_PID_TEXT 32
COP_API char *cop_pid_str(cop_pid pid, char *buf, size_t size);

/* ----------------------------------------------------------------- time -- */

/* Nanoseconds. Durations are named *_ns; a plain cop_time is an absolute
 * instant of cop_now()'s clock. Blocking calls take an absolute deadline. */
typedef int64_t cop_time;

#define COP_US ((cop_time)1000)
#define COP_MS (1000 * COP_US)
#define COP_SEC (1000 * COP_MS)
#define COP_FOREVER INT64_MAX  /* a deadline that never comes */
#define COP_POLL ((cop_time)0) /* a deadline that is past: `after 0` */

/* ----------------------------------------------------------------- tags -- */

/* What a message is about: a number of the program's own, 1 to COP_TAG_MAX,
 * so that `switch` works on it. 0 matches any tag in a receive. */
typedef uint32_t cop_tag;

#define COP_TAG_ANY 0u
#define COP_TAG_MAX 0x7fffffffu

/* Messages that the runtime makes carry a tag above COP_TAG_MAX. */

/* A trapped exit signal: sender, reason. */
#define COP_EXIT ((cop_tag)0xfffffff0u)
/* A monitor fired: sender, reference, reason, name. */
#define COP_DOWN ((cop_tag)0xfffffff1u)
/* A timer of cop_start_timer: its id as reference. */
#define COP_TIMEOUT ((cop_tag)0xfffffff2u)
/* Body: struct cop_dead_letter (inspect.h). */
#define COP_DEAD_LETTER ((cop_tag)0xfffffff3u)
/* An answer to cop_request: its reference. */
#define COP_REPLY ((cop_tag)0xfffffff4u)
/* From here up to COP_EXIT - 1: for behaviours' own protocols. */
#define COP_TAG_BEHAVIOUR ((cop_tag)0xfffff000u)
/* Of these, from here on: messages that hold no addresses, to who believes
 * nothing of them. Isolated actors may send them. */
#define COP_TAG_BEHAVIOUR_FLAT ((cop_tag)0xfffff800u)

/* ---------------------------------------------------------------- errors -- */

/* code, text. The codes are negative; 0 is success. */
#define COP_ERRORS(X)                                                          \
    X(COP_ENOMEM, -1, "out of memory")                                         \
    X(COP_EINVAL, -2, "invalid argument")                                      \
    X(COP_ENOPROC, -3, "no such actor")                                        \
    X(COP_ETIMEDOUT, -4, "deadline passed")                                    \
    X(COP_ETAKEN, -5, "name is taken")                                         \
    X(COP_ENAMED, -6, "actor has a name already")                              \
    X(COP_ENAME, -7, "not a valid name")                                       \
    X(COP_EFULL, -8, "mailbox is full")                                        \
    X(COP_EDOWN, -9, "actor ended before it answered")                         \
    X(COP_EDEADLOCK, -10, "calls wait for each other in a cycle")              \
    X(COP_EALREADY, -11, "runtime is running already")                         \
    X(COP_ESTOPPED, -12, "runtime is not running")                             \
    X(COP_ENOENT, -13, "no such thing")                                        \
    X(COP_EREPLIED, -14, "caller no longer waits for this reply")              \
    X(COP_ELIMIT, -15, "limit reached")                                        \
    X(COP_ESYS, -16, "operating system refused")                               \
    X(COP_ESTUCK, -17, "actors did not stop")                                  \
    X(COP_EIGNORE, -18, "start was ignored by init")                           \
    X(COP_ESTARTED, -19, "already started")                                    \
    X(COP_EPRESENT, -20, "already present")                                    \
    X(COP_ERUNNING, -21, "child is running")                                   \
    X(COP_ERESTARTING, -22, "child is restarting")                             \
    X(COP_ESPEC, -23, "invalid specification")                                 \
    X(COP_ESIMPLE, -24, "not for children without ids")                        \
    X(COP_ECANCELED, -25, "cancelled")                                         \
    X(COP_ENOTSUP, -26, "not supported")                                       \
    X(COP_ESIZE, -27, "size does not fit")                                     \
    X(COP_EFAILED, -28, "failed for the reason given")

enum cop_error {
#define COP_X(name, code, text) name = code,
    COP_ERRORS(COP_X)
#undef COP_X
};

/* The text of a code ("name is taken"), its name ("COP_ETAKEN"). Never NULL,
 * for any number. Any thread; does not block. */
COP_API const char *cop_error_str(int code);
COP_API const char *cop_error_name(int code);

#ifdef __cplusplus
}
#endif
#endif
