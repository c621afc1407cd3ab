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
 * There are millions of records, so what few actors ever use lies in a cold
 * part of its own (struct copi_cold), and what is about a stack with the stack
 * (struct copi_carrier in scheduler/worker.h). Links and monitors stay here, in
 * a word each: a link or a monitor signal must find its place without memory.
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
#include "runtime/memory/ordmap.h"

struct copi_carrier;
struct copi_name;
struct copi_defer;
struct copi_marks;
struct copi_monitor;
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

struct copi_alias {
    struct copi_alias *next;
    cop_ref ref;
    int mode; /* cop_alias_mode and COP_ALIAS_PRIORITY */
};

/* The monitor that an actor keeps for its calls; kept.c. */
struct copi_kept {
    struct copi_monitor *monitor; /* in no map; NULL: none */
    cop_pid last;                 /* whom it called last */
    uint64_t call;                /* the last call that relied on it */
};

/* What few actors ever have, made when the first of it is needed; until then
 * there is one for all, empty and constant. The actor's own. */
struct copi_cold {
    struct copi_defer *defers; /* newest first */
    struct copi_alias *aliases;
    struct copi_marks *marks;           /* receive markers */
    struct cop_msg *urgent_last;        /* end of the urgent ones in front */
    struct copi_call_error *call_error; /* of its last call; call_error.c */
    struct copi_epitaph *epitaph;       /* what is told of it if it crashes */
    struct copi_list *held; /* a ring of what holds its messages; held.c */
    struct cop_msg *reply;  /* that cop_call is copying */
    uint64_t alive_ref;     /* cop_is_alive waits for this one; 0: none */
    bool alive_dead;        /* the answer to it */
    struct copi_kept kept;
    struct copi_alias alias; /* the first one; no reference: not in use */
};

_Static_assert(sizeof(struct copi_cold) <= 128, "fits its slab class");

extern const struct copi_cold copi_cold_none;

/* Four cache lines and three quarters. What others write lies on the first,
 * what they read on the second. */
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
    _Atomic uint32_t restarts;       /* as its supervisor told */
    /* Its own, here as there is room: messages dropped from the inbox, ever. */
    uint32_t drops;
    /* Under the lock of the list that it is on. */
    struct copi_actor *run_next; /* a run list (runq.c) or limbo (epoch.c) */

    /* Constant after publication. */
    cop_pid pid;
    uint64_t serial;
    cop_pid parent;
    union {
        /* What it runs: a cop_fn, or a handler where is_handler says so; the
         * actor itself may change it (cop_become, cop_hibernate). */
        _Atomic uintptr_t code;
        struct {
            _Atomic uint32_t word; /* what its thread sleeps on */
            unsigned section;      /* its own: epoch.h */
        } guest;
    };
    const char *label;
    uint32_t stack_bytes;
    uint32_t extra_bytes; /* behind the record */
    uint32_t mailbox_max;
    uint32_t max_run_ms;  /* 0: no limit */
    uint8_t mailbox_full; /* cop_full */
    uint8_t priority;     /* cop_priority */
    bool urgent;
    bool pinned;
    bool no_trap; /* COP_ISOLATION_NONE */
    bool is_guest : 1;
    bool is_proxy : 1;   /* of an isolated actor, which judges aliases */
    bool own_malloc : 1; /* cop_opts.own_malloc: it began with heap->arena */
    uint16_t home; /* its worker: pinned, or held (which only the worker itself
                      looks at) */

    /* The actor itself, in its turn. */
    struct cop_msg *head;  /* taken from the queue, not yet acted on */
    struct cop_msg *inbox; /* messages, oldest first */
    struct cop_msg *inbox_last;
    struct cop_msg *current;      /* lent to the program */
    struct copi_carrier *carrier; /* its coroutine while it has one; crashed:
                                     the one it crashed on */
    /* What its function or handler works on; of a handler that has not begun,
     * what its init gets. */
    void *state;
    _Atomic bool is_handler; /* observers read it and */
    _Atomic bool trap_exit;  /* this too */
    bool started;            /* its function or init has begun */
    bool has_init;           /* its init is done: terminate is owed */
    bool held;               /* preempted: stays on its thread */
    bool crashed;            /* a native fault has still to be its end */
    bool hibernates;         /* its function goes on at the next message */
    bool injected;           /* what it does now is a fault of a plan's */
    uint8_t leave;           /* enum copi_leave */
    uint8_t dying;           /* enum copi_dying */
    bool by_signal;          /* the death was not its own decision */
    bool limited;            /* heap->max is set */
    uint32_t ran_ms;         /* without calling the runtime, so far */

    const struct copi_cold *cold; /* see copi_cold_of; never NULL */
    struct cop_msg *aside;        /* lent before, while a call receives */
    cop_reason reason;            /* once dying */
    void *local;

    /* The actor writes, observers read. */
    _Atomic uint64_t reductions;
    _Atomic size_t held_bytes; /* heap.c: blocks and messages */
    _Atomic uint32_t inbox_count;
    _Atomic uint32_t inbox_system; /* of these, EXIT, DOWN and such */
    _Atomic uint32_t stack_used;   /* bytes */
    _Atomic uint32_t link_count, monitor_count, watch_count;

    /* The actor itself, in its turn. */
    struct copi_ordmap links; /* struct copi_link by peer */
    struct copi_ordmap
        monitors;              /* struct copi_monitor, that it holds, by ref */
    struct copi_list *watches; /* a ring of struct copi_watch, of those that
                                  watch it */
    union {
        struct copi_heap *heap; /* its own, until it is buried, or NULL */
        uint64_t limbo_epoch;   /* from then on */
    };
    /* Under the lock of names. */
    struct copi_name *name;
};

_Static_assert(offsetof(struct copi_actor, pid) == COPI_CACHE_LINE,
               "what others write has its own line");
_Static_assert(offsetof(struct copi_actor, head) == 2 * COPI_CACHE_LINE &&
                   offsetof(struct copi_actor, cold) == 3 * COPI_CACHE_LINE,
               "what a turn touches is one line");
_Static_assert(sizeof(struct copi_actor) <= 304,
               "with 16 bytes of state it fits a cell of 320");

/* Its handler; NULL: a coroutine actor. Who is no handler may become one, the
 * other way does not happen. */
static inline const cop_handler *copi_actor_handler(struct copi_actor *a)
{
    /* acquire: pairs with copi_actor_set_handler */
    if (!atomic_load_explicit(&a->is_handler, memory_order_acquire))
        return NULL;
    /* relaxed: the actor itself is the only writer, and what it leads to is
     * constant */
    return (const cop_handler *)atomic_load_explicit(&a->code,
                                                     memory_order_relaxed);
}

static inline void copi_actor_set_handler(struct copi_actor *a,
                                          const cop_handler *h)
{
    atomic_store_explicit(&a->code, (uintptr_t)h, memory_order_relaxed);
    /* release: who sees this sees no function there */
    atomic_store_explicit(&a->is_handler, true, memory_order_release);
}

/* Of a coroutine actor. An observer may get a handler that it has just become,
 * and must only look at the number. */
static inline cop_fn copi_actor_fn(struct copi_actor *a)
{
    return (cop_fn)atomic_load_explicit(&a->code, memory_order_relaxed);
}

static inline void copi_actor_set_fn(struct copi_actor *a, cop_fn fn)
{
    atomic_store_explicit(&a->code, (uintptr_t)fn, memory_order_relaxed);
}

/* Its cold part, to write to; NULL: it has none. */
COPI_EDGE_PART struct copi_cold *copi_cold_of(struct copi_actor *a)
{
    return a->cold == &copi_cold_none ? NULL
                                      : (struct copi_cold *)(uintptr_t)a->cold;
}

/* The same, made if there is none yet. NULL: no memory. */
struct copi_cold *copi_cold_make(struct copi_actor *a);

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
