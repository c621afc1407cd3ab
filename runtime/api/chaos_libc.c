/* SPDX-License-Identifier: MIT
 *
 * chaos_libc.c - what happens before a function of libc that actors call: who
 * must give way does (scheduler/preempt.c), and a fault plan may let the call
 * fail. Rank: 5.
 *
 * The functions themselves (libc_file.c and its kin) come here if the plan
 * names them, or anybody is to give way, whoever called them. Meant are the
 * calls of an actor's own code, and of libraries that it calls: outside of the
 * runtime, on the actor's own stack (a handler of a signal has another, and the
 * report of a crash must be written), or in cop_blocking, on the thread that
 * does the job. All others find nothing here.
 *
 * To look, the thread is marked as inside the runtime: it is neither preempted
 * nor killed nor loses its worker meanwhile, and no reduction is spent, so that
 * a plan changes nothing about when actors give way. errno is set before the
 * mark is taken off: who preempts keeps it.
 *
 * In a child that an actor forks the plan goes on, by what its copy counts.
 */
#include "runtime/actor/here.h"
#include "runtime/api/chaos.h"
#include "runtime/base/os.h"
#include "runtime/probe/trace.h"
#include "runtime/scheduler/preempt.h"
#include "runtime/scheduler/worker.h"

/* Is `frame` one on the stack of the running actor? */
COPI_EDGE_PART bool is_own_stack(const struct copi_actor *a, const char *frame)
{
    if (a == NULL || a->carrier == NULL)
        return false;
    const struct copi_coro *c = &a->carrier->coro;
    return c->state == COPI_CORO_RUNNING && frame >= c->stack.low &&
           frame < c->stack.top;
}

/* The actor whose call this is, or NULL; on its worker's thread that counts as
 * inside the runtime then. */
COPI_EDGE static struct copi_actor *begin(void)
{
    struct copi_here *h = copi_here();
    if (h->native == NULL)
        return h->serves;
    if (atomic_load_explicit(&h->in_runtime, memory_order_relaxed) != 0 ||
        !is_own_stack(h->actor, __builtin_frame_address(0)))
        return NULL;
    atomic_store_explicit(&h->in_runtime, 1, memory_order_relaxed);
    /* machine.c makes the fence */
    atomic_signal_fence(memory_order_seq_cst);
    return h->actor;
}

static void end(void)
{
    struct copi_here *h = copi_here();
    /* release: as copi_scope_leave */
    if (h->native != NULL)
        atomic_store_explicit(&h->in_runtime, 0, memory_order_release);
}

/* All rules are asked, so that one does not change what another draws; the
 * first that fires says how. */
static int decide(struct copi_actor *a, enum copi_libc fn)
{
    struct copi_shot shot;
    int error = 0;
    for (unsigned i = 0; i < copi_inject_count(); i++) {
        const struct copi_rule *r = copi_inject_rule(i);
        if (r->class != COPI_RULE_CALL || r->call != (int)fn ||
            !copi_chaos_is_meant(a, r->who) || !copi_inject_fires(i, &shot))
            continue;
        copi_trace(COP_TRACE_INJECT, a->pid, COP_NO_PID, i + 1);
        if (error == 0)
            error = r->error;
    }
    return error;
}

static int ask_plan(enum copi_libc fn)
{
    int error = 0;
    struct copi_actor *a = begin();
    if (a == NULL)
        return 0;
    if (copi_inject_enter()) {
        error = decide(a, fn);
        copi_inject_leave();
    }
    if (error != 0)
        *copi_os_errno() = error;
    end();
    return error;
}

/* The plan is asked when the call is really about to be made. */
int copi_chaos_call(enum copi_libc fn, const void *caller)
{
    if (copi_inject_asks_at_libc())
        copi_preempt_at_call(caller);
    return copi_inject_names_libc(fn) ? ask_plan(fn) : 0;
}
