/* SPDX-License-Identifier: MIT
 *
 * here.h - what the calling thread knows of itself: which actor it runs, for
 * which worker, and whether it is inside the runtime. Rank: 3.
 *
 * An actor may wake on another thread, and compilers keep the address of a
 * thread-local variable across the suspension. So there is one such variable,
 * reached through copi_here() only, which no compiler sees through, and its
 * result is never kept across a switch.
 */
#ifndef COPI_ACTOR_HERE_H
#define COPI_ACTOR_HERE_H

#include "runtime/base/base.h"

struct copi_actor;
struct copi_worker;
struct copi_counters;
struct copi_native;

struct copi_here {
    struct copi_actor *actor;       /* running, or the guest of this thread */
    struct copi_worker *worker;     /* NULL on threads that are no workers' */
    struct copi_counters *counters; /* the worker's; NULL elsewhere */
    struct copi_native *native;     /* the thread's own stack, of machines */
    uint64_t ref_next, ref_end;     /* numbers for references */
    /* 1 while the thread is inside the runtime: written by the thread, read by
     * sysmon after a membarrier. */
    _Atomic uint32_t in_runtime;
    /* 1 once sysmon gave this thread's worker to another thread: written under
     * the hand-over lock, read at each entry into the runtime. */
    _Atomic uint32_t lost;
};

COPI_NOINLINE struct copi_here *copi_here(void);
/* The variable itself, for COPI_EDGE alone. */
extern COPI_THREAD_LOCAL struct copi_here copi_here_own;

/* The running actor, or NULL. */
COPI_NOINLINE struct copi_actor *copi_here_actor(void);

/* A fresh reference. A *call* reference is answered by claiming the caller's
 * call_ref; any other by its alias. */
cop_ref copi_ref_new(bool of_call);
static inline bool copi_ref_is_call(cop_ref ref)
{
    return ref.id % 2 == 1;
}

#endif
