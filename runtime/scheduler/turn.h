/* SPDX-License-Identifier: MIT
 *
 * turn.h - one turn of one actor. Rank: 4. See turn.c.
 */
#ifndef COPI_SCHEDULER_TURN_H
#define COPI_SCHEDULER_TURN_H

#include "runtime/base/check.h"
#include "runtime/probe/inject.h"
#include "runtime/scheduler/relay.h"
#include "runtime/scheduler/worker.h"

/* On the machine's own stack: runs the actor until it waits, yields or ends.
 * False if the machine lost its worker meanwhile. */
bool copi_turn_run(struct copi_machine *m, struct copi_actor *a);

/* On the actor's stack: leaves it, for the reason given; returns when the
 * actor runs again, perhaps on another thread. */
void copi_turn_leave(struct copi_actor *a, enum copi_leave why);
/* The same for good: EXITED; CRASHED, m->fault says of what; or STACK, when the
 * actor lives on, as its handler says, or with its function, from its next
 * message. */
COP_NORETURN void copi_turn_leave_for_good(struct copi_actor *a,
                                           enum copi_leave why);

/* Around code of the program: it runs outside the runtime. */
void copi_turn_user_begin(void);
/* The same for who knows where it is; after this `h` must not be looked at: the
 * actor may wake on another thread before its next instruction. */
static inline void copi_turn_user_begin_at(struct copi_here *h)
{
    COPI_ASSERT(h->in_runtime == 1);
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&h->in_runtime, 0, memory_order_release);
}
/* Gives what is here then. */
struct copi_here *copi_turn_user_end(void);

/* ------------------------------ for relay.c and life.c: parts of a turn -- */

static inline bool copi_turn_is_ended_by(enum copi_leave why)
{
    return why == COPI_LEAVE_DONE || why == COPI_LEAVE_PARK ||
           why == COPI_LEAVE_YIELD;
}

/* What it has spent of the turn's budget and is not noted yet. */
static inline void copi_turn_note_reductions(struct copi_worker *w,
                                             struct copi_actor *a)
{
    int now = (int)copi_rt.config.reductions - w->budget;
    uint64_t r = atomic_load_explicit(&a->reductions, memory_order_relaxed);
    atomic_store_explicit(&a->reductions, r + (uint64_t)(now - w->noted),
                          memory_order_relaxed);
    w->noted = now;
}

static inline void copi_turn_open(struct copi_worker *w, struct copi_actor *a)
{
    uint64_t turn = atomic_load_explicit(&w->turn, memory_order_relaxed);
    copi_count_in(&w->counters.turns);
    w->budget = (int)copi_rt.config.reductions;
    w->noted = 0;
    copi_actor_set_status(a, COP_STATUS_RUNNING);
    atomic_store_explicit(&w->runs_held, a->held, memory_order_relaxed);
    /* release: sysmon sees the turn with what came before it */
    atomic_store_explicit(&w->turn, turn + 1, memory_order_release);
    if (COPI_UNLIKELY(atomic_load_explicit(&w->ask, memory_order_relaxed)))
        atomic_store_explicit(&w->ask, 0, memory_order_relaxed);
}

static inline void copi_turn_close(struct copi_worker *w)
{
    uint64_t turn = atomic_load_explicit(&w->turn, memory_order_relaxed);
    atomic_store_explicit(&w->turn, turn + 1, memory_order_release);
}

/* Off its stack: notes how deep it was. */
void copi_turn_note_stack(struct copi_actor *a);
/* It needs no stack for now. True if its turn goes on. */
bool copi_turn_settle(struct copi_worker *w, struct copi_actor *a);
/* It has no frames any more, and its clean-ups are done. */
void copi_turn_bury(struct copi_worker *w, struct copi_actor *a);

/* First in a turn, on the actor's stack; `parked`: in the middle of a call. A
 * fault plan may have something in mind for it: then it need not come back. */
void copi_turn_begin(struct copi_actor *a, bool parked);

/* copi_turn_leave as a part of the calling function, which should be as near to
 * the program as can be: see copi_coro_save. */
COPI_INLINE void copi_turn_leave_here(struct copi_actor *a, enum copi_leave why)
{
    if (copi_inject_is_on(COPI_INJECT_TURNS) && copi_turn_is_ended_by(why))
        copi_inject_door.leaving(a);
    struct copi_here *h = copi_here();
    uint32_t depth = atomic_load_explicit(&h->in_runtime, memory_order_relaxed);
    COPI_ASSERT(h->actor == a);
    a->leave = (uint8_t)why;
    copi_coro_save(&a->carrier->coro, copi_relay_leave, a);
    copi_relay_arrive();
    /* perhaps another thread: `h` is stale */
    atomic_store_explicit(&copi_here()->in_runtime, depth,
                          memory_order_relaxed);
    if (why != COPI_LEAVE_DONE && copi_turn_is_ended_by(why))
        copi_turn_begin(a, why == COPI_LEAVE_PARK);
}

#endif
