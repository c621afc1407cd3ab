/* SPDX-License-Identifier: MIT
 *
 * scope.c - the way into the runtime and out of it. Rank: 5.
 */
#include "runtime/api/scope.h"

#include "runtime/actor/misuse.h"
#include "runtime/base/check.h"
#include "runtime/scheduler/machine.h"
#include "runtime/scheduler/turn.h"
#include "runtime/scheduler/wait.h"
#include "runtime/scheduler/worker.h"

/* The turn's budget is spent, or sysmon asked: let others run. Perhaps on
 * another thread: gives what is here now. */
static COPI_COLD struct copi_here *give_way(struct copi_actor *a)
{
    copi_turn_leave(a, COPI_LEAVE_YIELD);
    copi_signals_take(a);
    return copi_here();
}

static inline struct copi_here *spend(struct copi_here *h)
{
    struct copi_worker *w = h->worker;
    if (COPI_UNLIKELY(--w->budget <= 0 ||
                      atomic_load_explicit(&w->ask, memory_order_relaxed)))
        return give_way(h->actor);
    return h;
}

static bool enter_outside(struct copi_scope *s)
{
    /* seq_cst: counted before the state is read; pairs with close_gate */
    atomic_fetch_add(&copi_rt.gate, 1);
    int state = atomic_load(&copi_rt.state);
    if (state != COPI_RT_RUNNING && state != COPI_RT_STOPPING) {
        atomic_fetch_sub(&copi_rt.gate, 1);
        return false;
    }
    s->outside = true;
    s->late = false;
    s->here = copi_here();
    s->self = s->here->actor;
    s->section = copi_epoch_guest_enter();
    return true;
}

/* Inlined into the functions of the edge. */
COPI_EDGE_PART bool enter(struct copi_scope *s, struct copi_here *h, bool late)
{
    if (COPI_UNLIKELY(h->native == NULL))
        return enter_outside(s);
    uint32_t depth = atomic_load_explicit(&h->in_runtime, memory_order_relaxed);
    atomic_store_explicit(&h->in_runtime, depth + 1, memory_order_relaxed);
    /* machine.c makes the fence */
    atomic_signal_fence(memory_order_seq_cst);
    if (depth == 0) {
        if (COPI_UNLIKELY(
                atomic_load_explicit(&h->lost, memory_order_acquire) != 0))
            h = copi_machine_was_lost();
        if (!late)
            h = spend(h);
    }
    s->outside = false;
    s->late = late && depth == 0;
    s->here = h;
    s->self = h->actor;
    return true;
}

COPI_EDGE struct copi_here *copi_scope_quick(void)
{
    struct copi_here *h = &copi_here_own;
    if (COPI_UNLIKELY(
            h->native == NULL || h->actor == NULL ||
            atomic_load_explicit(&h->in_runtime, memory_order_relaxed) != 0))
        return NULL;
    atomic_store_explicit(&h->in_runtime, 1, memory_order_relaxed);
    /* machine.c makes the fence */
    atomic_signal_fence(memory_order_seq_cst);
    if (COPI_UNLIKELY(atomic_load_explicit(&h->lost, memory_order_acquire)))
        h = copi_machine_was_lost();
    return spend(h);
}

COPI_EDGE bool copi_scope_enter(struct copi_scope *s)
{
    return enter(s, copi_here(), false);
}

COPI_EDGE bool copi_scope_enter_late(struct copi_scope *s)
{
    return enter(s, copi_here(), true);
}

COPI_EDGE void copi_scope_leave(struct copi_scope *s)
{
    if (COPI_UNLIKELY(s->outside)) {
        copi_epoch_guest_leave(s->section);
        atomic_fetch_sub(&copi_rt.gate, 1);
        return;
    }
    struct copi_here *h = copi_here();
    if (s->late)
        h = spend(h);
    uint32_t depth = atomic_load_explicit(&h->in_runtime, memory_order_relaxed);
    COPI_ASSERT(depth > 0);
    /* release: sysmon, which sees 0, sees all that was done inside */
    atomic_store_explicit(&h->in_runtime, depth - 1, memory_order_release);
}

COPI_EDGE_PART struct copi_actor *enter_actor(struct copi_scope *s,
                                              const char *call, bool late)
{
    struct copi_here *h = copi_here();
    if (COPI_UNLIKELY(h->native == NULL || h->actor == NULL))
        copi_misuse("%s: only an actor may call it", call);
    enter(s, h, late);
    return s->self;
}

COPI_EDGE struct copi_actor *copi_scope_actor(struct copi_scope *s,
                                              const char *call)
{
    return enter_actor(s, call, false);
}

COPI_EDGE struct copi_actor *copi_scope_actor_late(struct copi_scope *s,
                                                   const char *call)
{
    return enter_actor(s, call, true);
}
