/* SPDX-License-Identifier: MIT
 *
 * spawn.c - new actors. Rank: 5.
 *
 * A spawn makes everything first, a name and ties to the spawner included,
 * and publishes the actor last; so what can fail fails before anybody could
 * have seen it. A name is made and published at once: who finds it must not
 * take the actor for dead. A stack comes only with the first turn.
 */
#include <coppice/actor.h>

#include "runtime/actor/away.h"
#include "runtime/actor/counters.h"
#include "runtime/actor/driver.h"
#include "runtime/actor/heap.h"
#include "runtime/actor/mailbox.h"
#include "runtime/actor/monitor.h"
#include "runtime/actor/name.h"
#include "runtime/actor/table.h"
#include "runtime/actor/tie.h"
#include "runtime/api/isolated.h"
#include "runtime/api/scope.h"
#include "runtime/base/check.h"
#include "runtime/memory/mem.h"
#include "runtime/memory/stack.h"
#include "runtime/probe/fault.h"
#include "runtime/probe/trace.h"
#include "runtime/scheduler/exit.h"
#include "runtime/scheduler/sched.h"
#include "runtime/scheduler/worker.h"

enum { MAILBOX_MAX = 1 << 30 };
#define EXTRA_MAX ((size_t)1 << 30)
#define RUN_MAX (COP_MS * UINT32_MAX)

struct what {
    const cop_handler *handler;
    cop_fn fn;
    void *arg;
    const cop_opts *opts;
    bool is_proxy;
    bool is_plain; /* is_plain(opts), with no boot: most are */
    const struct copi_isolated_boot *boot; /* in an isolated actor's process */
    cop_ref monitor; /* what the monitor is to be, or none: a fresh one */
};

/* Nothing is asked for but ties, a copied argument, a label, trapping exits.
 * Without a jump: each spawn asks. */
static inline bool is_plain(const cop_opts *o)
{
    return ((uintptr_t)o->name | (uintptr_t)o->arg_release |
            (uintptr_t)o->limits | o->stack_bytes | o->memory_max |
            (uint64_t)o->max_run_ns | o->mailbox_max | (unsigned)o->priority |
            (unsigned)o->mailbox_full | (unsigned)o->isolation |
            (unsigned)o->seccomp | o->urgent | o->pinned | o->own_malloc) == 0;
}

static int check_rare(const struct what *w)
{
    const cop_opts *o = w->opts;
    if ((unsigned)o->isolation > COP_ISOLATED || o->max_run_ns < 0 ||
        o->max_run_ns > RUN_MAX || o->stack_bytes > COPI_STACK_MAX ||
        o->mailbox_max > MAILBOX_MAX)
        return COP_EINVAL;
    if ((o->arg_bytes > 0 && o->arg_release != NULL) ||
        (unsigned)o->priority > COP_PRIO_MAX ||
        (unsigned)o->mailbox_full > COP_FULL_KILL)
        return COP_EINVAL;
    if (o->isolation == COP_ISOLATED
            ? o->arg_release != NULL || o->seccomp > COP_SECCOMP_COMPUTE
            : o->limits != NULL || o->seccomp != COP_SECCOMP_NONE)
        return COP_EINVAL;
    return o->name != NULL && !copi_name_is_valid(o->name) ? COP_ENAME : 0;
}

static inline int check_opts(const struct what *w, const struct copi_scope *s)
{
    const cop_opts *o = w->opts;
    bool ties = o->link || o->monitor != NULL;
    if (ties && (s->self == NULL || s->outside))
        return COP_EINVAL;
    if (o->arg_bytes > 0 && (o->arg_bytes > EXTRA_MAX || w->arg == NULL))
        return COP_EINVAL;
    if (w->handler != NULL && w->handler->state_bytes > EXTRA_MAX)
        return COP_EINVAL;
    return w->is_plain ? 0 : check_rare(w);
}

/* The handler's state, then the copied argument. */
static size_t arg_offset(const struct what *w)
{
    size_t state = w->handler != NULL ? w->handler->state_bytes : 0;
    return (state + 15) / 16 * 16;
}

/* What is not plain; the record is zeroed. */
static void fill_rare(struct copi_actor *a, const struct what *w)
{
    const cop_opts *o = w->opts;
    if (o->stack_bytes != COPI_STACK_DEFAULT)
        a->stack_bytes = (uint32_t)o->stack_bytes;
    a->mailbox_max = o->mailbox_max;
    a->mailbox_full = (uint8_t)o->mailbox_full;
    a->priority = (uint8_t)o->priority;
    a->urgent = o->urgent;
    a->max_run_ms = (uint32_t)((o->max_run_ns + COP_MS - 1) / COP_MS);
    a->no_trap = o->isolation == COP_ISOLATION_NONE;
    a->is_proxy = w->is_proxy;
    if (w->boot != NULL)
        a->parent = w->boot->parent;
}

static inline void fill(struct copi_actor *a, const struct what *w,
                        const struct copi_actor *parent)
{
    const cop_opts *o = w->opts;
    a->parent = parent != NULL ? parent->pid : COP_PID_INIT;
    if (w->handler != NULL)
        copi_actor_set_handler(a, w->handler);
    else
        copi_actor_set_fn(a, w->fn);
    a->state = w->arg;
    if (o->arg_bytes > 0) {
        a->state = (char *)copi_actor_extra(a) + arg_offset(w);
        memcpy(a->state, w->arg, o->arg_bytes);
    }
    a->label = o->label;
    if (a->label == NULL && w->handler != NULL)
        a->label = w->handler->label;
    if (o->trap_exit)
        a->trap_exit = true;
    if (!w->is_plain)
        fill_rare(a, w);
}

static void pin(struct copi_actor *a)
{
    struct copi_worker *w = copi_here()->worker;
    a->pinned = true;
    a->home = (uint16_t)(w != NULL ? w->index : a->serial % copi_rt.workers);
    atomic_store(&copi_rt.worker[a->home].has_pinned, 1);
}

/* What few actors have. COP_ENOMEM or what copi_heap_isolate gives, with some
 * of it done. */
static int prepare_rare(struct copi_actor *a, const struct what *w)
{
    const cop_opts *o = w->opts;
    int rc = o->memory_max > 0 ? copi_heap_limit(a, o->memory_max) : 0;
    if (rc == 0 && o->arg_release != NULL)
        rc = copi_defer_push(a, o->arg_release, w->arg, true);
    if (rc == 0 && o->urgent && copi_cold_make(a) == NULL)
        rc = COP_ENOMEM;
    if (rc == 0 && o->own_malloc)
        rc = copi_heap_isolate(a);
    return rc;
}

/* The argument stays the caller's. */
static void undo_rare(struct copi_actor *a)
{
    struct copi_defer d;
    (void)copi_defer_pop(a, &d);
    copi_heap_free_all(a);
}

/* Everything that can fail, undone in reverse. */
static int prepare(struct copi_actor *a, const struct what *w,
                   const struct copi_scope *s, cop_ref *ref)
{
    const cop_opts *o = w->opts;
    struct copi_worker *here = s->here->worker;
    int rc = w->is_plain ? 0 : prepare_rare(a, w);
    if (rc != 0)
        goto no_slot;
    rc = w->boot != NULL
             ? copi_table_adopt(a, w->boot->pid)
             : copi_table_reserve(a, here != NULL ? &here->slots : NULL);
    if (rc != 0)
        goto no_slot;
    if (o->link && (rc = copi_tie_link_new(s->self, a)) != 0)
        goto undo;
    if (o->monitor != NULL) {
        *ref = w->monitor.id != 0 ? w->monitor : copi_ref_new(false);
        rc = copi_tie_monitor_new(s->self, a, *ref);
        if (rc != 0)
            goto undo;
    }
    if (o->pinned)
        pin(a);
    if (o->name != NULL && (rc = copi_name_register_new(a, o->name)) != 0)
        goto undo;
    return 0;

undo:
    if (s->self != NULL)
        copi_tie_undo_new(s->self, a, *ref);
    copi_table_release(&a->pid, 1);
no_slot:
    undo_rare(a);
    return rc;
}

/* While the runtime stops only actors spawn, as their own ends may need it; in
 * the end nobody does. */
static bool may_not_spawn(const struct copi_scope *s)
{
    return atomic_load_explicit(&copi_rt.no_spawns, memory_order_relaxed) ||
           (s->outside && atomic_load(&copi_rt.state) != COPI_RT_RUNNING);
}

static int make(cop_pid *out, const struct what *w, const struct copi_scope *s)
{
    struct copi_actor *a = copi_actor_alloc(arg_offset(w) + w->opts->arg_bytes);
    if (a == NULL)
        return COP_ENOMEM;
    fill(a, w, s->outside ? NULL : s->self);
    cop_ref ref = COP_NO_REF;
    int rc = prepare(a, w, s, &ref);
    if (rc != 0) {
        copi_actor_free(a);
        return rc;
    }
    if (w->opts->monitor != NULL) {
        *w->opts->monitor = ref;
        copi_inbox_mark_if_any(s->self, ref);
    }
    if (out != NULL)
        *out = a->pid;
    if (COPI_LIKELY(!s->outside))
        copi_count_in(&s->here->worker->counters.spawned);
    else
        COPI_COUNT(spawned);
    copi_trace(COP_TRACE_SPAWN, a->pid, a->parent,
               (uint64_t)(w->handler != NULL ? (uintptr_t)w->handler->message
                                             : (uintptr_t)w->fn));
    if (w->opts->name == NULL)
        copi_table_publish(a);
    if (COPI_LIKELY(!s->outside))
        copi_sched_ready_local(s->here->worker, a);
    else
        copi_driver.ready(a);
    return 0;
}

/* ------------------------------------------------------------- isolated -- */

static int isolated_new(struct copi_isolated **out, const struct what *w)
{
    const cop_opts *o = w->opts;
    struct copi_isolated *iso = copi_mem_zalloc(sizeof *iso);
    if (iso == NULL)
        return COP_ENOMEM;
    iso->memory = iso->bell = -1;
    if (o->arg_bytes > 0) {
        iso->arg_copy = copi_mem_dup(w->arg, o->arg_bytes);
        if (iso->arg_copy == NULL) {
            copi_mem_free(iso, sizeof *iso);
            return COP_ENOMEM;
        }
    }
    iso->boot = (struct copi_isolated_boot){
        .handler = w->handler,
        .fn = w->fn,
        .arg = w->arg,
        .arg_bytes = o->arg_bytes,
        .stack_bytes = o->stack_bytes,
        .memory_max = o->memory_max,
        .max_run_ns = o->max_run_ns,
        .trap_exit = o->trap_exit,
        .urgent = o->urgent,
        .has_limits = o->limits != NULL,
        .no_trap = copi_rt.config.isolation == COP_ISOLATION_NONE,
        .seccomp = o->seccomp,
        .reductions = copi_rt.config.reductions,
        .slice_ns = copi_rt.config.slice_ns,
    };
    if (o->limits != NULL)
        iso->boot.limits = *o->limits;
    *out = iso;
    return 0;
}

static int refuse_isolated(void)
{
    copi_log("spawn: COP_ISOLATED needs cop_config.zygote or COP_ZYGOTE=1, and "
             "real time");
    return COP_ENOTSUP;
}

/* The proxy keeps what is of the mailbox and of ties; the rest is the child's.
 */
static int make_isolated(cop_pid *out, const struct what *w,
                         const struct copi_scope *s)
{
    struct copi_isolated *iso;
    if (!copi_isolated_is_possible())
        return refuse_isolated();
    int rc = isolated_new(&iso, w);
    if (rc != 0)
        return rc;
    cop_opts o = *w->opts;
    o.stack_bytes = o.arg_bytes = o.memory_max = 0;
    o.max_run_ns = 0;
    o.pinned = false;
    o.arg_release = copi_isolated_release;
    if (o.label == NULL)
        o.label = w->handler != NULL && w->handler->label != NULL
                      ? w->handler->label
                      : "isolated";
    const struct what proxy = {.fn = copi_isolated_proxy,
                               .arg = iso,
                               .opts = &o,
                               .is_proxy = true,
                               .monitor = w->monitor};
    rc = make(out, &proxy, s);
    if (rc != 0)
        copi_isolated_free(iso);
    return rc;
}

int copi_spawn_isolated(const struct copi_isolated_boot *b)
{
    struct copi_scope s;
    const cop_opts o = {.stack_bytes = b->stack_bytes,
                        .memory_max = b->memory_max,
                        .max_run_ns = b->max_run_ns,
                        .trap_exit = b->trap_exit,
                        .urgent = b->urgent,
                        .arg_bytes = b->arg_bytes,
                        .isolation = b->no_trap ? COP_ISOLATION_NONE
                                                : COP_ISOLATION_TRAP};
    const struct what w = {.handler = b->handler,
                           .fn = b->fn,
                           .arg = b->arg,
                           .opts = &o,
                           .boot = b};
    if (!copi_scope_enter_late(&s))
        return COP_ESTOPPED;
    int rc = make(NULL, &w, &s);
    copi_scope_leave(&s);
    return rc;
}

/* In an isolated actor's process: its proxy spawns, and makes the ties; of a
 * monitor our side is made here, before anything of it can be looked at. */
static int spawn_away(cop_pid *out, const struct what *w,
                      const struct copi_scope *s)
{
    const cop_opts *o = w->opts;
    struct copi_away_spawn what = {
        .handler = w->handler, .fn = w->fn, .arg = w->arg, .opts = o};
    struct copi_monitor *m = NULL;
    cop_pid pid;
    if (o->arg_release != NULL) {
        copi_log("spawn: an isolated actor cannot move an argument to another "
                 "process: copy it, with arg_bytes");
        return COP_EINVAL;
    }
    if (o->monitor != NULL) {
        what.monitor = copi_ref_new(false);
        if (copi_monitor_new(&m, s->self->pid, COP_NO_PID, what.monitor,
                             NULL) != 0)
            return COP_ENOMEM;
        copi_msg_release(&m->watch->down);
        m->watch = NULL;
    }
    int rc = copi_away.spawn(&what, &pid);
    if (rc == 0 && out != NULL)
        *out = pid;
    if (m == NULL)
        return rc;
    if (rc != 0) {
        copi_msg_release(&m->demonitor);
        return rc;
    }
    m->target = pid;
    copi_monitor_add(s->self, m);
    *o->monitor = what.monitor;
    copi_inbox_mark_if_any(s->self, what.monitor);
    return 0;
}

/* ---------------------------------------------------------------- spawn -- */

static int spawn_inside(cop_pid *out, const struct what *w,
                        const struct copi_scope *s)
{
    int rc = check_opts(w, s);
    if (rc != 0)
        return rc;
    if (may_not_spawn(s))
        return COP_ESTOPPED;
    if (copi_is_away())
        return spawn_away(out, w, s);
    if (copi_fault(COPI_FAULT_SPAWN))
        return COP_ENOMEM;
    return w->opts->isolation == COP_ISOLATED ? make_isolated(out, w, s)
                                              : make(out, w, s);
}

static int spawn(cop_pid *out, const struct what *w)
{
    struct copi_scope s;
    if (out != NULL)
        *out = COP_NO_PID;
    if (!copi_scope_enter_late(&s))
        return COP_ESTOPPED;
    int rc = spawn_inside(out, w, &s);
    copi_scope_leave(&s);
    return rc;
}

int copi_spawn_for_isolated(cop_pid *out, const struct copi_wire_spawned *r,
                            const struct copi_scope *s)
{
    const struct what w = {.handler = r->handler,
                           .fn = r->fn,
                           .arg = r->arg,
                           .opts = &r->opts,
                           .monitor = r->monitor};
    *out = COP_NO_PID;
    return spawn_inside(out, &w, s);
}

static const cop_opts defaults;

int cop_spawn(cop_pid *out, cop_fn fn, void *arg, const cop_opts *opts)
{
    struct what w = {
        .fn = fn, .arg = arg, .opts = opts != NULL ? opts : &defaults};
    w.is_plain = is_plain(w.opts);
    return fn == NULL ? COP_EINVAL : spawn(out, &w);
}

int cop_spawn_handler(cop_pid *out, const cop_handler *h, void *arg,
                      const cop_opts *opts)
{
    struct what w = {
        .handler = h, .arg = arg, .opts = opts != NULL ? opts : &defaults};
    w.is_plain = is_plain(w.opts);
    return h == NULL ? COP_EINVAL : spawn(out, &w);
}
