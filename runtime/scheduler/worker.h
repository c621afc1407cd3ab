/* SPDX-License-Identifier: MIT
 *
 * worker.h - the two structs that everything in this folder turns on, and the
 * runtime they belong to. Rank: 4.
 *
 * A *worker* is a share of the scheduler: run queues, timers, counters, limbo.
 * A *machine* is a thread that works for one. Usually the two stay together;
 * when a machine is stuck in its actor's code, sysmon gives its worker to a
 * spare machine (machine.c), and the stuck one notices at its next call into
 * the runtime.
 */
#ifndef COPI_SCHEDULER_WORKER_H
#define COPI_SCHEDULER_WORKER_H

#include <coppice/runtime.h>

#include "runtime/actor/actor.h"
#include "runtime/actor/counters.h"
#include "runtime/actor/here.h"
#include "runtime/actor/table.h"
#include "runtime/base/lock.h"
#include "runtime/base/prng.h"
#include "runtime/coroutine/coro.h"
#include "runtime/queue/ring.h"
#include "runtime/scheduler/epoch.h"

#include <signal.h>

struct copi_machine;
struct copi_wait;
struct copi_catch;
struct copi_job;

/* A coroutine for actors to run on, and what its actor has on its stack. */
struct copi_carrier {
    struct copi_coro coro;
    struct copi_carrier *next;  /* of the worker's warm ones */
    struct copi_carrier *wreck; /* what its actor crashed on before */
    struct copi_wait *waiting;  /* the timed wait on the stack, or NULL */
    struct copi_catch *catches; /* frames of cop_catch, innermost first */
    struct copi_job *job;       /* for a helper thread */
    size_t stack_bytes;         /* as asked for; 0: the default */
    cop_reason crash;           /* of an actor that crashed on it; owned */
    /* hibernate.c: by who may run the actor. */
    void *kept;     /* what was on the stack, which is put away; or NULL */
    uint32_t mark;  /* the actor's reductions when it was seen waiting */
    bool is_marked; /* there is a mark */
};

/* A list of runnable actors under a lock, linked by run_next. */
struct copi_runlist {
    struct copi_lock lock;
    struct copi_actor *first, *last;
    _Atomic uint32_t count; /* written under the lock */
};

enum { COPI_PRIORITIES = 4 };

struct copi_worker {
    /* The machine that works for it. */
    unsigned index;
    struct copi_machine *machine;
    int budget; /* reductions left in this turn */
    int noted;  /* of those spent, in the actor's account already */
    struct copi_actor *next_up;  /* to run next, chosen already, or NULL */
    struct copi_actor *left;     /* in a swap of turn.c: who left its stack, */
    struct copi_actor *arriving; /* and whose turn begins */
    unsigned streak;             /* turns taken from run_next in a row */
    uint32_t tick;               /* turns, for what is due every n-th */
    uint32_t looks;              /* at the global queue, likewise */
    uint32_t shared_looks;       /* at that and the inbox */
    bool odd_jobs; /* rings other than the normal one may have actors */
    struct copi_prng prng;
    struct copi_slots slots;
    struct copi_limbo limbo;
    struct copi_carrier *warm; /* idle carriers, hottest first */
    unsigned warm_count;
    struct copi_carrier *reserve; /* for a handler when no other can be had */

    /* It writes, others read. */
    COPI_ALIGNED(COPI_CACHE_LINE) struct copi_counters counters;
    _Atomic uint64_t turn;                 /* odd within a turn */
    _Atomic(struct copi_actor *) run_next; /* sysmon may take it: runq.c */
    _Atomic uint32_t announced; /* share.c: sysmon looks at its ring */
    _Atomic uint32_t held;      /* preempted actors that wait or run */
    _Atomic uint32_t runs_held; /* one of these has this turn */

    /* Any thread. */
    COPI_ALIGNED(COPI_CACHE_LINE)
    _Atomic uint32_t ask;        /* sysmon: end the turn */
    _Atomic int64_t since;       /* sysmon: when it first saw this turn: */
    _Atomic uint64_t since_turn; /* which turn that was */
    _Atomic uint64_t
        pressed;             /* sysmon: the turn to end at calls of libc, too */
    _Atomic uint32_t shares; /* share.c: its normal ring may be stolen from */
    uint64_t mark;           /* share.c, sysmon's: what was in the ring */
    cop_time marked_at;      /* then */
    _Atomic uint32_t has_pinned; /* a pinned actor lives here: no hand-over */
    _Atomic uint32_t token;      /* idle.c: woken; what its machine sleeps on */
    struct copi_runlist inbox;   /* pinned and migrating actors */
    struct copi_runlist hogs;    /* preempted ones */
    struct copi_ring ring[COPI_PRIORITIES]; /* by cop_priority */
};

struct copi_machine {
    struct copi_native native;
    struct copi_thread thread;
    struct copi_worker *worker; /* NULL: spare */
    struct copi_here *here;     /* its thread's */
    struct copi_machine *next;  /* of all machines */
    struct copi_machine *spare_next;
    cop_fault fault;      /* what its actor has just crashed of */
    sigset_t mask;        /* the thread's own */
    _Atomic uint32_t tid; /* the system's number of the thread; 0: not yet */
    _Atomic uint32_t interrupted; /* a signal of preempt.c is under way */
    cop_time cpu_seen;            /* sysmon's, while it is lost: at a signal, */
    cop_time cpu_looked;          /* and at its last look */
    stack_t alt, alt_before;      /* of signals, and what the thread had */
    _Atomic uint32_t wake;        /* a spare one sleeps on this */
    _Atomic uint32_t ended;
};

/* The calling machine, by its thread's record. */
static inline struct copi_machine *copi_machine_of(const struct copi_here *h)
{
    return COPI_CONTAINER(h->native, struct copi_machine, native);
}

/* In a signal handler: is the thread a machine, on the stack of its actor? */
static inline bool copi_machine_is_on_actor(const struct copi_here *h)
{
    return h->native != NULL && h->actor != NULL && h->actor->carrier != NULL &&
           h->actor->carrier->coro.state == COPI_CORO_RUNNING;
}

enum copi_runtime_state {
    COPI_RT_OFF,
    COPI_RT_RUNNING,
    COPI_RT_STOPPING, /* actors are being ended */
    COPI_RT_CLOSED,   /* nobody gets in any more; threads end */
    COPI_RT_STUCK     /* a stop failed; nothing works any more */
};

struct copi_runtime {
    _Atomic int state;            /* enum copi_runtime_state */
    _Atomic uint32_t no_spawns;   /* the last stage of a stop */
    _Atomic uint32_t quit;        /* machines must end */
    _Atomic uint64_t gate;        /* other threads inside the runtime */
    _Atomic uint32_t deaths;      /* a futex for those who wait for ends */
    _Atomic uint32_t death_watch; /* somebody waits on it */
    cop_config config;            /* with defaults filled in */
    unsigned workers;
    bool can_rob;               /* sysmon can take what is a worker's own */
    struct copi_worker *worker; /* [workers] */
    struct copi_runlist inject[COPI_PRIORITIES]; /* for any worker */
    _Atomic uint32_t inject_count;               /* of all four */
    _Atomic uint32_t lost; /* actors that run on machines without a worker */
};

extern struct copi_runtime copi_rt;

#endif
