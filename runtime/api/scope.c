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

/* The turn's budget is spent, or sysmon asked: let others run. */
static COPI_COLD void give_way(struct copi_actor *a)
{
    copi_turn_leave(a, COPI_LEAVE_YIELD);
    copi_signals_take(a);
}

static void spend(struct copi_here *h)
{
    struct copi_worker *w = h->worker;
    if (--w->budget <= 0 ||
        atomic_load_explicit(&w->ask, memory_order_relaxed) != 0)
        give_way(h->actor);
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
    s->self = copi_here_actor();
    s->section = copi_epoch_guest_enter();
    return true;
}

COPI_EDGE static bool enter(struct copi_scope *s, bool late)
{
    struct copi_here *h = copi_here();
    if (h->native == NULL)
        return enter_outside(s);
    uint32_t depth = atomic_load_explicit(&h->in_runtime, memory_order_relaxed);
    atomic_store_explicit(&h->in_runtime, depth + 1, memory_order_relaxed);
    /* machine.c makes the fence */
    atomic_signal_fence(memory_order_seq_cst);
    if (depth == 0) {
        if (atomic_load_explicit(&h->lost, memory_order_acquire) != 0)
            copi_machine_was_lost();
        if (!late)
            spend(copi_here());
    }
    s->outside = false;
    s->late = late && depth == 0;
    s->self = copi_here_actor();
    return true;
}

COPI_EDGE bool copi_scope_enter(struct copi_scope *s)
{
    return enter(s, false);
}

COPI_EDGE bool copi_scope_enter_late(struct copi_scope *s)
{
    return enter(s, true);
}

COPI_EDGE void copi_scope_leave(struct copi_scope *s)
{
    if (s->outside) {
        copi_epoch_guest_leave(s->section);
        atomic_fetch_sub(&copi_rt.gate, 1);
        return;
    }
    if (s->late)
        spend(copi_here());
    struct copi_here *h = copi_here();
    uint32_t depth = atomic_load_explicit(&h->in_runtime, memory_order_relaxed);
    COPI_ASSERT(depth > 0);
    /* release: sysmon, which sees 0, sees all that was done inside */
    atomic_store_explicit(&h->in_runtime, depth - 1, memory_order_release);
}

COPI_EDGE static struct copi_actor *enter_actor(struct copi_scope *s,
                                                const char *call, bool late)
{
    struct copi_here *h = copi_here();
    if (h->native == NULL || h->actor == NULL)
        copi_misuse("%s: only an actor may call it", call);
    enter(s, late);
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
