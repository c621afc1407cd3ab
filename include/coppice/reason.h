/* SPDX-License-Identifier: MIT
 *
 * reason.h - why an actor ended: normal, shutdown, killed, a name of the
 * program's own with an optional payload, or a fault.
 *
 * A cop_reason is one word. The well-known ones and those with a name only
 * need no care at all. One with a payload is counted: functions that take a
 * reason to act on it (cop_exit, cop_exit_signal) take the count over, on
 * every path; what a message shows is borrowed from the message.
 */
#ifndef COPPICE_REASON_H
#define COPPICE_REASON_H

#include <coppice/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cop_reason {
    uintptr_t word;
} cop_reason;

/* kind, name as printed. The first column's order is the word's value. */
#define COP_REASONS(X)                                                         \
    X(NORMAL, "normal")             /* a return from the actor's function */   \
    X(SHUTDOWN, "shutdown")         /* asked to end by its supervisor */       \
    X(KILL, "kill")                 /* as a signal: ends the target at once */ \
    X(KILLED, "killed")             /* what a killed actor ended with */       \
    X(NOPROC, "noproc")             /* link or monitor of the dead */          \
    X(NOCONNECTION, "noconnection") /* the other node is gone */               \
    X(TIMEOUT, "timeout")                                                      \
    X(NOMEM, "nomem") /* memory ran out in the actor */

enum cop_reason_word {
#define COP_X(name, text) COP_R_##name,
    COP_REASONS(COP_X)
#undef COP_X
        COP_R_COUNT
};

/* What a reason is, for `switch`: one of the words above, or of these. */
enum cop_reason_kind {
    COP_R_SHUTDOWN_TERM = 64, /* {shutdown, name} */
    COP_R_USER,               /* name, or {name, payload} */
    COP_R_BADARG,             /* misuse of a call: {badarg, "cop_...: ..."} */
    COP_R_LIMIT,              /* {limit, "mailbox"}, {limit, "stack"} ... */
    COP_R_FAULT               /* {fault, ...}: a native crash */
};

#define COP_NORMAL (COP_LITERAL(cop_reason){COP_R_NORMAL})
#define COP_SHUTDOWN (COP_LITERAL(cop_reason){COP_R_SHUTDOWN})
#define COP_KILL (COP_LITERAL(cop_reason){COP_R_KILL})
#define COP_KILLED (COP_LITERAL(cop_reason){COP_R_KILLED})
#define COP_NOPROC (COP_LITERAL(cop_reason){COP_R_NOPROC})
#define COP_NOCONNECTION (COP_LITERAL(cop_reason){COP_R_NOCONNECTION})

/* A reason of the program's own, such as "boom". Names of 1 to 63 bytes; a
 * longer one is cut. A name that spells a well-known reason gives that one.
 * Never fails: without memory it is `nomem`. Any thread; does not block. */
COP_API cop_reason cop_because(const char *name);

/* {name, payload}: copies `size` bytes (at most 64 KiB, else cut). The reason
 * is the caller's, to be given away or released. Never fails, as above. */
COP_API cop_reason cop_because_of(const char *name, const void *payload,
                                  size_t size);

/* {name, "text"} with a formatted text. As cop_because_of. */
COP_API cop_reason cop_because_fmt(const char *name, const char *fmt, ...)
    COP_PRINTF(2, 3);

/* {shutdown, name}: an orderly end that says more. */
COP_API cop_reason cop_shutdown_because(const char *name);

/* One more, or one less, owner of a reason. No-ops for plain ones. */
COP_API cop_reason cop_reason_retain(cop_reason reason);
COP_API void cop_reason_release(cop_reason reason);

/* What it is: a cop_reason_word or cop_reason_kind. */
COP_API int cop_reason_kind(cop_reason reason);

/* Its name: "normal", "boom"; for {shutdown, x} "shutdown". Lives as long as
 * the reason. */
COP_API const char *cop_reason_name(cop_reason reason);

/* The x of {shutdown, x} (its name), else "". */
COP_API const char *cop_reason_term(cop_reason reason);

/* The payload and its size in bytes, or NULL and 0. Texts end in a zero byte
 * that is not counted. */
COP_API const void *cop_reason_payload(cop_reason reason, size_t *size);

/* A native crash, of reasons of kind COP_R_FAULT. */
#define COP_FAULT_FRAMES 32
typedef struct cop_fault {
    /* "SIGSEGV", ... the signal; "stack_overflow"; "abort", "assert", "exit",
     * "pthread_exit", "stack_smashed", "buffer_overflow", "runaway": what it
     * called, or libc for it. */
    char what[24];
    char text[168]; /* of an assertion: what failed and where; else "" */
    int signal;     /* its number, or 0 */
    int code;       /* si_code */
    uintptr_t address;
    uintptr_t pc;   /* where it happened */
    unsigned depth; /* frames there are, innermost first */
    uintptr_t frames[COP_FAULT_FRAMES];
} cop_fault;
/* NULL if it is no fault; lives as long as the reason. */
COP_API const cop_fault *cop_reason_fault(cop_reason reason);

/* A reason as flat bytes, which a message may carry and a file may keep:
 * returns how many; they are written if that is at most `cap`. At most 66 KiB.
 * cop_reason_unpack makes a reason of them again, the caller's; whatever the
 * bytes are, it is some reason (of too few: normal). Any thread; do not block.
 */
COP_API size_t cop_reason_pack(cop_reason reason, void *buf, size_t cap);
COP_API cop_reason cop_reason_unpack(const void *bytes, size_t size);

/* Same kind, name, term and payload. */
COP_API bool cop_reason_eq(cop_reason a, cop_reason b);

/* normal, shutdown, {shutdown, _}: what OTP calls an orderly end. */
COP_API bool cop_reason_is_orderly(cop_reason reason);

/* Prints: `normal`, `{shutdown, x}`, `{boom, "text"}`, `{boom, <12 bytes>}`,
 * `{fault, SIGSEGV, 0x10}`, `{fault, assert, "n > 0 (f.c:7)"}`.
 * Returns buf; cut to fit, always closed with a zero byte. */
#define COP_REASON_TEXT 256
COP_API char *cop_reason_str(cop_reason reason, char *buf, size_t size);

#ifdef __cplusplus
}
#endif
#endif
