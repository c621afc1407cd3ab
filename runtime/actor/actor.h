/* SPDX-License-Identifier: MIT
 *
 * actor.h - what an actor is: one record. Rank: 3.
 *
 * The record is laid out by who may touch it. Another actor touches the first
 * group only, while it looks the actor up by pid and before its own turn ends
 * (which keeps the record from being reused, see scheduler/epoch.h). All else
 * belongs to the actor itself, in its own turn: links and monitors need no
 * locks because every change to them arrives as a signal in its mailbox.
 *
 * The state of a handler actor, or the copied argument of a coroutine actor,
 * follows the record in the same block (copi_actor_extra).
 */
#ifndef COPI_ACTOR_ACTOR_H
#define COPI_ACTOR_ACTOR_H

#include <coppice/inspect.h>

#include "runtime/actor/message.h"
#include "runtime/base/base.h"
#include "runtime/base/list.h"
#include "runtime/memory/map.h"

struct copi_carrier;
struct copi_name;
struct copi_alias;
struct copi_wait;
struct copi_defer;
struct copi_marks;
struct copi_job;
struct copi_epitaph;
struct copi_heap;

/* Why an actor's coroutine left for the worker's own stack. */
enum copi_leave {
    COPI_LEAVE_DONE, /* a handler's turn is over: it needs no stack */
    COPI_LEAVE_PARK, /* wait for a signal, keep the stack */
    COPI_LEAVE_YIELD,
    COPI_LEAVE_BLOCKING,  /* a helper thread works for it */
    COPI_LEAVE_LOST,      /* this thread's worker was handed over */
    COPI_LEAVE_PREEMPTED, /* in the middle of its own code */
    COPI_LEAVE_CRASHED,   /* a native fault: its frames are wrecked */
    COPI_LEAVE_STACK,     /* DONE, with frames on it that are given up */
    COPI_LEAVE_EXITED
};

/* How far a death has come (scheduler/exit.c). */
enum copi_dying {
    COPI_DYING_NOT,
    COPI_DYING_TERMINATE,   /* owed */
    COPI_DYING_TERMINATING, /* runs: an exit signal still ends it */
    COPI_DYING_DEFERS,
    COPI_DYING_MESSAGES, /* their bodies' releases are the program's */
    COPI_DYING_DONE
};

/* What was once sent its way; bits. */
enum copi_has {
    COPI_HAS_TIMERS = 1, /* a timer may have it as target */
    COPI_HAS_MOVED = 2   /* a message whose body is moved */
};

/* What an actor's last failed call was about (api/call_error.c). */
struct copi_call_error {
    cop_reason reason;
    char text[384];
};

struct copi_actor {
    /* Any thread. */
    _Atomic(struct cop_msg *) tail;  /* mailbox.c */
    _Atomic(struct cop_msg *) first; /* mailbox.c */
    _Atomic uint64_t call_ref;       /* the call it waits in; 0: none */
    _Atomic uint64_t calling;        /* its callee's pid, with call_ref */
    _Atomic uint32_t poke;           /* wait.c: a reason to wake beside
                                        signals */
    _Atomic uint32_t bounded;        /* messages that count in a bounded
                                        mailbox */
    _Atomic uint8_t status;          /* cop_status; written by whoever runs
                                        or readies it, read by observers */
    _Atomic uint8_t wait;            /* cop_wait */
    _Atomic uint8_t has;             /* enum copi_has */
    _Atomic uint8_t migrate;         /* cop_ext_migrate */
    _Atomic uint8_t asked_to_stop;   /* stop.c */
    _Atomic uint8_t naming;          /* name.c */
    _Atomic uint16_t inject;         /* api/chaos.c: a fault that it owes */
    _Atomic uint32_t guest_word;     /* of a guest: what its thread sleeps on */
    _Atomic uint32_t restarts;       /* as its supervisor told */
    /* Its own, here as there is room: what is told of it if it crashes. */
    struct copi_epitaph *epitaph;

    /* Constant after publication. */
    COPI_ALIGNED(COPI_CACHE_LINE) cop_pid pid;
    uint64_t serial;
    cop_pid parent;
    /* These two the actor itself may change: cop_become, cop_hibernate. */
    _Atomic(const cop_handler *) handler; /* NULL: a coroutine actor */
    _Atomic cop_fn fn;
    void *arg; /* as given, for its init or its release */
    void (*arg_release)(void *);
    const char *label;
    size_t stack_bytes;
    uint32_t extra_bytes; /* behind the record */
    uint32_t mailbox_max;
    uint32_t max_run_ms;  /* 0: no limit */
    uint8_t mailbox_full; /* cop_full */
    uint8_t priority;     /* cop_priority */
    bool urgent;
    bool pinned;
    bool no_trap; /* COP_ISOLATION_NONE */
    bool is_guest : 1;
    bool is_proxy : 1;      /* of an isolated actor, which judges aliases */
    bool own_malloc : 1;    /* cop_opts.own_malloc: heap->arena is set */
    uint16_t home;          /* its worker: pinned, or held (which only the
                               worker itself looks at) */
    unsigned guest_section; /* a guest's own: epoch.h */

    /* The actor itself, in its turn. */
    _Atomic bool trap_exit; /* observers read it */
    bool started;           /* its function or init has begun */
    bool has_init;          /* its init is done: terminate is owed */
    bool held;              /* preempted: stays on its thread */
    bool crashed;           /* a native fault has still to be its end */
    bool hibernates;        /* its function goes on at the next message */
    bool injected;          /* what it does now is a fault of a plan's */
    uint8_t leave;          /* enum copi_leave */
    uint8_t dying;          /* enum copi_dying */
    bool by_signal;         /* the death was not its own decision */
    bool alive_dead;        /* the answer to alive_ref */
    bool limited;           /* heap->max is set */
    uint32_t ran_ms;        /* without calling the runtime, so far */
    cop_reason reason;      /* once dying */
    uint64_t alive_ref;     /* cop_is_alive waits for this one; 0: none */
    struct cop_msg *head;   /* taken from the queue, not yet acted on */
    struct cop_msg *inbox;  /* messages, oldest first */
    struct cop_msg *inbox_last;
    struct cop_msg *urgent_last;  /* end of the urgent ones at its front */
    struct cop_msg *current;      /* lent to the program */
    struct cop_msg *aside;        /* lent before, while a call receives */
    struct copi_marks *marks;     /* receive markers, or NULL */
    struct copi_carrier *carrier; /* its coroutine while it has one */
    struct copi_carrier *wreck;   /* what it crashed on, newest first */
    struct copi_wait *waiting;    /* the timed wait on its stack, or NULL */
    void *state;                  /* what fn or the handler works on */
    struct copi_defer *defers;
    struct copi_catch *catches; /* frames of cop_catch, innermost first */
    struct copi_alias *aliases;
    struct copi_job *job; /* for a helper thread, on its stack */
    void *local;
    struct copi_call_error *call_error; /* of its last call; call_error.c */
    struct copi_list links;             /* struct copi_link, oldest first */
    struct copi_map links_by_pid;
    struct copi_list monitors; /* struct copi_monitor, that it holds */
    struct copi_map monitors_by_ref;
    struct copi_list watches; /* struct copi_watch, of those that watch */

    /* The actor writes, observers read. */
    _Atomic uint32_t inbox_count;
    _Atomic uint32_t inbox_system; /* of these, EXIT, DOWN and such */
    _Atomic uint32_t link_count, monitor_count, watch_count;
    uint32_t drops; /* messages dropped from the inbox, ever; not observed */
    _Atomic uint64_t reductions;
    _Atomic size_t stack_used;
    _Atomic size_t held_bytes; /* heap.c: blocks and messages */

    /* Under the lock of the list that it is on. */
    struct copi_actor *run_next; /* a run list (runq.c) or limbo (epoch.c) */
    union {
        struct copi_heap *heap; /* its own, until it is buried, or NULL */
        uint64_t limbo_epoch;   /* from then on */
    };
    /* Under the lock of names. */
    struct copi_name *name;
};

/* Relaxed: the actor itself is the only writer, and what the pointers lead to
 * is constant. */
static inline const cop_handler *copi_actor_handler(struct copi_actor *a)
{
    return atomic_load_explicit(&a->handler, memory_order_relaxed);
}
static inline cop_fn copi_actor_fn(struct copi_actor *a)
{
    return atomic_load_explicit(&a->fn, memory_order_relaxed);
}

_Static_assert(sizeof(struct copi_actor) <= 512, "fits its slab class");

/* The state or argument behind the record, aligned for any type. */
#define COPI_ACTOR_BYTES ((sizeof(struct copi_actor) + 15) / 16 * 16)
static inline void *copi_actor_extra(struct copi_actor *a)
{
    return (char *)a + COPI_ACTOR_BYTES;
}

/* A record with an empty mailbox and no pid; `extra` bytes zeroed behind it.
 * NULL: no memory. */
struct copi_actor *copi_actor_alloc(size_t extra);
/* Frees the record; what it owned is gone already. */
void copi_actor_free(struct copi_actor *a);

static inline void copi_actor_note(struct copi_actor *a, enum copi_has what)
{
    /* seq_cst: as timers.c needs it; a bit that is there stays */
    if ((atomic_load(&a->has) & (unsigned)what) == 0)
        atomic_fetch_or(&a->has, (uint8_t)what);
}

/* Counting for observers: the actor itself is the only writer. */
static inline void copi_actor_tally(_Atomic uint32_t *n, int by)
{
    uint32_t v = atomic_load_explicit(n, memory_order_relaxed);
    atomic_store_explicit(n, v + (uint32_t)by, memory_order_relaxed);
}

/* Who is exiting stays so, also while it waits in a clean-up. */
static inline void copi_actor_set_status(struct copi_actor *a, cop_status s)
{
    if (atomic_load_explicit(&a->status, memory_order_relaxed) ==
        COP_STATUS_EXITING)
        return;
    atomic_store_explicit(&a->status, (uint8_t)s, memory_order_relaxed);
}

static inline void copi_actor_set_wait(struct copi_actor *a, cop_wait w)
{
    atomic_store_explicit(&a->wait, (uint8_t)w, memory_order_relaxed);
}

#endif
