/* SPDX-License-Identifier: MIT
 *
 * runtime.h - starting and stopping the runtime in a process.
 *
 * One runtime per process at a time, started and stopped as often as one
 * likes, beside the program's own threads.
 */
#ifndef COPPICE_RUNTIME_H
#define COPPICE_RUNTIME_H

#include <coppice/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which ends of actors are reported. */
typedef enum cop_report_when {
    COP_REPORT_CRASHES,  /* faults, misuse of calls, limits, no memory */
    COP_REPORT_FAILURES, /* and by any reason of its own that is not orderly */
    COP_REPORT_NONE
} cop_report_when;

/* All zero: the defaults. */
typedef struct cop_config {
    unsigned workers;      /* threads; 0: one per allowed core */
    uint64_t seed;         /* of the runtime's random choices */
    unsigned reductions;   /* budget of a turn; 0: 2000 */
    cop_time slice_ns;     /* a turn longer than this is a hog; 0: 10 ms */
    cop_time share_ns;     /* how long actors wait for their turn at a busy
                              worker before one that sleeps is woken to take
                              some; 0: 200 us */
    unsigned blocking_max; /* helper threads; 0: 64 */
    unsigned actors_max;   /* 0: 16 million */
    /* A coroutine that has waited for a message so long (up to twice this),
     * without a deadline, has its stack put away until the next one: about
     * 3.5 KiB less for each. Nobody else may use what lies on the stack of an
     * actor meanwhile. 0: never. Not in virtual time. */
    cop_time hibernate_ns;
    uint64_t first_generation; /* of pids, for tests near the wrap; 0: 1 */
    bool virtual_time;         /* see extend.h */
    cop_isolation isolation;   /* COP_ISOLATION_NONE: of no actor. Not
                                  COP_ISOLATED */
    bool handle_signals;       /* cop_run: SIGINT, SIGTERM stop gracefully */
    cop_time drain_ns;         /* cop_run: how long actors may take to stop
                                  once asked; 0: 5 s */
    /* Gets each line that the runtime reports; NULL: stderr. */
    void (*log)(const char *line);
    /* See report.h. Texts must stay valid until the stop. */
    cop_report_when crash_reports; /* of which ends */
    unsigned crash_rate;           /* so many in a second; 0: 10 */
    size_t crash_bytes;            /* of a report as text, or as JSON; 0: 8 KiB;
                                      512 to 1 MiB */
    const char *crash_file;        /* gets a line of JSON for each; NULL: what
                                      COP_CRASH_FILE says, or none */
    /* Allows COP_ISOLATED (actor.h): cop_start forks a process that does
     * nothing but fork those of isolated actors. So call it while the program
     * has little memory, and no other thread that holds a lock. The zygote
     * is a child of this process: leave it to cop_stop to wait for it. True
     * as well if the environment has COP_ZYGOTE=1. */
    bool zygote;
    const char *trace; /* what the flight recorder keeps; NULL: what COP_TRACE
                          says, or "rare" */
} cop_config;

/* Starts the workers. COP_EALREADY; COP_ENOMEM; COP_ESYS (no threads, no
 * zygote); COP_EINVAL (more than 256 workers, absurd sizes, an event that
 * there is not). Not from an actor. */
COP_API COP_MUST_USE int cop_start(const cop_config *config);

/* Who had not ended at the deadline, and where it was. */
typedef struct cop_stop_report {
    size_t left;     /* actors that did not end by themselves in time */
    size_t stuck;    /* of these: still running code, could not be ended */
    char text[2048]; /* a line for each of the first ones */
} cop_stop_report;

/* Stops. From now on other threads may not spawn. Sends `shutdown` to the
 * actors without a parent (newest first, so supervisors take their trees down
 * in order), then to those that are left; after `deadline` kills the rest and
 * reports them. Returns when all threads and all memory are gone. Blocks. Not
 * from an actor. 0; COP_ESTOPPED; COP_ESTUCK if an actor never came back to
 * the runtime: its thread is left behind and the runtime cannot be started
 * again. `report` may be NULL. */
COP_API int cop_stop(cop_time deadline, cop_stop_report *report);

/* A whole program: starts, spawns fn(arg) as the first actor, waits until it
 * ends (or a signal asks to stop), stops. Returns 0 if it ended orderly, 1 if
 * not (its reason is logged), 128 + n after signal n; a negative code if it
 * could not start. */
COP_API int cop_run(cop_fn fn, void *arg, const cop_config *config);

COP_API bool cop_is_running(void);

/* How many worker threads the runtime has; 0: it is not running. Any thread. */
COP_API unsigned cop_workers(void);

/* Code of the library that holds `address` counts as the program's own: a fault
 * in it is its actor's. For plug-ins; other libraries may hold locks when they
 * fault, so that the process ends. COP_ENOENT: no library is there; COP_ELIMIT:
 * 64 are trusted already. Any thread. */
COP_API COP_MUST_USE int cop_trust_library(const void *address);

/* Reports one line (cut at 1000 bytes) to where cop_config.log says. Any
 * thread; does not wait for other actors. */
COP_API void cop_log(const char *fmt, ...) COP_PRINTF(1, 2);

/* The version of the library: "0.1.0". */
COP_API const char *cop_version(void);

/* The calling thread's errno, looked up anew at each call: an actor may wake
 * on another thread, and compilers keep the address of the plain one.
 * <coppice/errno.h> makes `errno` use it. */
COP_API int *cop_errno_location(void);

#ifdef __cplusplus
}
#endif
#endif
