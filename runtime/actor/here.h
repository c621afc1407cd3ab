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
struct copi_slab_cache;

struct copi_here {
    struct copi_actor *actor; /* first; running, or the guest of this thread */
    struct copi_worker *worker;     /* NULL on threads that are no workers' */
    struct copi_counters *counters; /* the worker's; NULL elsewhere */
    struct copi_native *native;     /* the thread's own stack, of machines */
    struct copi_slab_cache *cells;  /* of machines; NULL elsewhere */
    uint64_t ref_next, ref_end;     /* numbers for references */
    /* 1 while the thread is inside the runtime: written by the thread, read by
     * sysmon after a membarrier. */
    _Atomic uint32_t in_runtime;
    /* 1 once sysmon gave this thread's worker to another thread: written under
     * the hand-over lock, read at each entry into the runtime. */
    _Atomic uint32_t lost;
    struct copi_actor *serves; /* of helpers: whose cop_blocking it is, or NULL;
                                  last, as it is rarely looked at */
};

/* The variable itself, for small functions of the edge that end before anything
 * can switch. */
extern COPI_THREAD_LOCAL struct copi_here copi_here_own;

#if defined(__x86_64__)
/* A call is most of what it would cost, so it is written out; a volatile asm is
 * neither merged with another one nor moved over a call. */
COPI_INLINE struct copi_here *copi_here(void)
{
    struct copi_here *h;
    __asm__ volatile("movq copi_here_own@gottpoff(%%rip), %0\n\t"
                     "addq %%fs:0, %0"
                     : "=r"(h)
                     :
                     : "cc", "memory");
    return h;
}
/* The running actor, or NULL. */
COPI_INLINE struct copi_actor *copi_here_actor(void)
{
    struct copi_actor *a; /* the first member */
    __asm__ volatile("movq copi_here_own@gottpoff(%%rip), %0\n\t"
                     "movq %%fs:(%0), %0"
                     : "=r"(a)
                     :
                     : "memory");
    return a;
}
#else
COPI_NOINLINE struct copi_here *copi_here(void);
COPI_NOINLINE struct copi_actor *copi_here_actor(void);
#endif

/* Around a function of the program in the middle of a call of the running
 * actor, with nothing half changed, that must not be interrupted: no
 * preemption, no handing over, but a native fault is the actor's. Elsewhere
 * than in an actor's call they do nothing. */
enum { COPI_JUDGING = 1 << 16 }; /* in_runtime then */
void copi_here_judge_begin(void);
void copi_here_judge_end(void);

/* In between such a function's fault is the process's after all. Any thread. */
void copi_here_vital_begin(void);
void copi_here_vital_end(void);

/* A fresh reference. A *call* reference is answered by claiming the caller's
 * call_ref; any other by its alias. */
cop_ref copi_ref_new(bool of_call);
/* For a process whose references meet another one's: the next ones of all
 * threads that made none yet, and of the calling one, are those from `n` on. */
void copi_ref_begin_at(uint64_t n);
static inline bool copi_ref_is_call(cop_ref ref)
{
    return ref.id % 2 == 1;
}

/* A mark for references of requests that have a tag of the program's own: in
 * what answers them it tells them from those of behaviours. */
static inline cop_ref copi_ref_mark_asked(cop_ref ref, cop_tag tag)
{
    return COP_LITERAL(cop_ref){tag <= COP_TAG_MAX ? ref.id | 2 : ref.id};
}
static inline bool copi_ref_is_asked(cop_ref ref)
{
    return (ref.id & 2) != 0;
}

#endif
