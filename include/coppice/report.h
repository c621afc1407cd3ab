/* SPDX-License-Identifier: MIT
 *
 * report.h - what is told when something ends badly: crash reports of single
 * actors, the flight recorder, backtraces, and functions from addresses.
 *
 * An actor that *crashes* (a native fault, misuse of a call, a limit, no
 * memory) is reported when it is buried, before anybody else hears of its
 * death: as a few lines to where cop_config.log says, as a line of JSON in a
 * file, and as a message to one subscriber. A report has a fixed upper size.
 * No more than cop_config.crash_rate reports are made in a second; of crashes
 * beyond these only the number is told.
 *
 * The *flight recorder* keeps the last events of each thread in a ring: rare
 * ones always (a crash, an exit that is not orderly, a restart, a dead letter,
 * a call that a fault plan let fail), others (spawn, exit, send, recv) when
 * cop_config.trace or the environment variable COP_TRACE asks for them. Reports
 * carry its last entries.
 *
 * When the process itself must end (a panic, a fault that is nobody's own),
 * the same is written to standard error for all actors: who they are, what
 * each waits for, a backtrace of those that wait, and the recorder.
 */
#ifndef COPPICE_REPORT_H
#define COPPICE_REPORT_H

#include <coppice/inspect.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------ flight recorder -- */

/* event, name, recorded without being asked for. The comments say who
 * `actor` is, what `other` and `value` are. */
#define COP_EVENTS(X)                                                          \
    X(CRASH, "crash", true)       /* who crashed; value: where, or 0 */        \
    X(FAIL, "fail", true)         /* not orderly; value: cop_reason_kind */    \
    X(RESTART, "restart", true)   /* child, supervisor; how often by now */    \
    X(HOG, "hog", true)           /* value: the worker with a long turn */     \
    X(HANDOVER, "handover", true) /* value: the worker that was handed over */ \
    X(DEAD_LETTER, "dead_letter", true) /* to, from, tag */                    \
    X(INJECT, "inject", true) /* whose call failed; value: a plan's rule */    \
    X(SPAWN, "spawn", false)  /* child, parent, its function */                \
    X(EXIT, "exit", false)    /* orderly; value: cop_reason_kind */            \
    X(SEND, "send", false)    /* from, to, tag */                              \
    X(RECV, "recv", false)    /* by, from, tag */

typedef enum cop_trace_kind {
#define COP_X(name, text, always) COP_TRACE_##name,
    COP_EVENTS(COP_X)
#undef COP_X
        COP_TRACE_COUNT
} cop_trace_kind;

typedef struct cop_trace_event {
    cop_time at; /* as of cop_now() */
    cop_pid actor;
    cop_pid other;
    uint64_t value; /* below 2^56 */
    cop_trace_kind kind;
} cop_trace_event;

/* The newest events of all threads, oldest first; at most `cap`. Returns how
 * many. Reading disturbs nobody; events that are overwritten meanwhile are left
 * out. Any thread; does not block. */
COP_API size_t cop_trace_last(cop_trace_event *out, size_t cap);

/* Prints "send 0.3.1 0.4.1 7", "fail 0.3.1 0.1.1 killed". Writes at most `size`
 * bytes with the closing zero, returns buf. */
#define COP_TRACE_TEXT 128
COP_API char *cop_trace_str(const cop_trace_event *e, char *buf, size_t size);
/* "send"; "?" for no event. */
COP_API const char *cop_trace_name(cop_trace_kind kind);

/* Chooses what is recorded: names with commas between them, "all", "none", or
 * "rare", which is the default: "rare,send". COP_EINVAL (a name that there is
 * not; nothing is changed). Any thread. */
COP_API COP_MUST_USE int cop_trace_set(const char *names);

/* -------------------------------------------------------- crash reports -- */

/* A crash report as a value: the body of a COP_CRASH_REPORT. Lists end early
 * when there is more than fits; the counts beside them are whole. */
#define COP_CRASH_LINKS 8
#define COP_CRASH_TAGS 8
#define COP_CRASH_LAST 8
#define COP_CRASH_EVENTS 8
#define COP_CRASH_STATE 512
typedef struct cop_crash {
    cop_pid pid;
    uint64_t serial;
    cop_time at; /* UTC since 1970 */
    char name[COP_NAME_MAX + 1];
    char label[64];
    uintptr_t function; /* its function, or its handler's `message` */
    bool is_handler;
    uint32_t restarts; /* of its place in a supervisor, as told so far */
    char reason[COP_REASON_TEXT];
    int reason_kind;
    cop_fault fault; /* of COP_R_FAULT; depth 0: no backtrace */
    uint64_t queue;  /* messages that it has not taken */
    size_t links;
    unsigned tag_count; /* of those messages, the oldest first */
    unsigned link_count;
    unsigned ancestor_count; /* parent first, as far as they live */
    unsigned last_count;     /* received last, the newest first: only if */
    unsigned event_count;    /* "recv" is recorded */
    cop_tag tags[COP_CRASH_TAGS];
    cop_pid link[COP_CRASH_LINKS];
    cop_pid ancestor[COP_CRASH_LINKS];
    cop_trace_event last[COP_CRASH_LAST];
    cop_trace_event
        event[COP_CRASH_EVENTS]; /* of the flight recorder, any actor */
    char state[COP_CRASH_STATE]; /* by its formatter, or "" */
} cop_crash;

/* The tag of reports to a subscriber; its sender is who crashed. */
#define COP_CRASH_REPORT ((cop_tag)0xfffffff5u)

/* Makes `subscriber` the one who gets crash reports as messages, COP_NO_PID:
 * nobody. Its own crash is not among them. Any thread. */
COP_API void cop_crash_reports_to(cop_pid subscriber);

/* The report as lines of text, each with a line feed, and as one line of JSON
 * without. Writes at most `size` bytes with the closing zero and returns the
 * length of that, which is a whole text also when it is cut: JSON stays well
 * formed from 512 bytes on, and says "cut":true. Names functions by looking
 * into files: in an actor it may take milliseconds, and gives no source lines
 * unless called in cop_blocking. */
COP_API size_t cop_crash_text(const cop_crash *c, char *buf, size_t size);
COP_API size_t cop_crash_json(const cop_crash *c, char *buf, size_t size);

/* Crashes since the start, how many of them were reported, and how many only
 * counted since there were too many at a time. */
typedef struct cop_crash_counts {
    uint64_t seen, reported, suppressed;
} cop_crash_counts;
COP_API void cop_crash_counts_get(cop_crash_counts *out);

/* Waits until all reports so far are written. Outside actors. */
COP_API void cop_crash_flush(void);

/* Formats what the calling actor wants to show of itself, if it crashes:
 * fn(arg, ...) runs in its own context before terminate and clean-ups, and
 * leaves a text that ends in a zero byte in `buf`. If it crashes itself, what
 * it has written so far is shown. NULL: none. COP_ENOMEM. Actors only. */
typedef void (*cop_formatter)(const void *arg, char *buf, size_t size);
COP_API COP_MUST_USE int cop_set_formatter(cop_formatter fn, const void *arg);

/* For supervisors: `child` is there for the `restarts`-th time beside the
 * first. Noted in the recorder and shown in reports. Any thread. */
COP_API void cop_note_restart(cop_pid child, uint32_t restarts);

/* ----------------------------------------------------------- backtraces -- */

/* Where an actor that waits is: fills `frames`, innermost first, at most
 * `cap`, and returns how many; 0 if it does not wait (it runs, is about to, or
 * a helper thread works for it) or holds no stack (a handler between
 * messages). To look it takes the actor out of its wait for a moment, as if
 * it were woken, so that nobody else can run it. Any thread, any actor but the
 * calling one. COP_ENOPROC; COP_ESTOPPED; COP_EINVAL. */
COP_API COP_MUST_USE int cop_backtrace(cop_pid pid, uintptr_t *frames,
                                       size_t cap);

/* What code is at an address: "parse at parse.c:12, in read_line at
 * read.c:40", "parse+0x1c", "libc.so.6+0x8a1f0" or "0x1234", by what can be
 * found out. `is_return`: it is a return address, of any frame but the one that
 * a fault struck. Source lines need libdw, and are not looked for in an actor
 * unless in cop_blocking. Returns buf; cut to fit. */
#define COP_SYMBOL_TEXT 256
COP_API char *cop_symbol_str(uintptr_t address, bool is_return, char *buf,
                             size_t size);
/* The same without source lines, and so quicker. */
COP_API char *cop_symbol_name(uintptr_t address, bool is_return, char *buf,
                              size_t size);

#ifdef __cplusplus
}
#endif
#endif
