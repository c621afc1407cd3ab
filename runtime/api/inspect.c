/* SPDX-License-Identifier: MIT
 *
 * inspect.c - read-only views. Rank: 5.
 *
 * Everything here reads what actors and workers publish for observers, and
 * never waits for them: a view of a program that is stuck must not get stuck.
 */
#include <coppice/inspect.h>
#include <coppice/runtime.h>

#include "runtime/actor/counters.h"
#include "runtime/actor/failures.h"
#include "runtime/actor/heap.h"
#include "runtime/actor/misuse.h"
#include "runtime/actor/name.h"
#include "runtime/actor/signal.h"
#include "runtime/actor/table.h"
#include "runtime/api/inspect.h"
#include "runtime/api/isolated.h"
#include "runtime/api/scope.h"
#include "runtime/memory/stack.h"
#include "runtime/scheduler/machine.h"
#include "runtime/scheduler/worker.h"

#define READ(field) atomic_load_explicit(&(field), memory_order_relaxed)

static void fill(struct copi_actor *a, cop_info *i)
{
    memset(i, 0, sizeof *i);
    i->pid = a->pid;
    i->serial = a->serial;
    i->parent = a->parent;
    copi_name_of(a, i->name);
    i->label = a->label;
    const cop_handler *h = copi_actor_handler(a);
    i->is_handler = h != NULL;
    i->function =
        h != NULL ? (uintptr_t)h->message : (uintptr_t)copi_actor_fn(a);
    i->status = (cop_status)READ(a->status);
    i->wait = (cop_wait)READ(a->wait);
    if (READ(a->call_ref) != 0)
        i->calling.id = READ(a->calling);
    i->trap_exit = READ(a->trap_exit);
    i->priority = (cop_priority)a->priority;
    i->queue = READ(a->inbox_count);
    i->links = READ(a->link_count);
    i->monitors = READ(a->monitor_count);
    i->monitored_by = READ(a->watch_count);
    i->reductions = READ(a->reductions);
    i->stack_bytes = READ(a->stack_used);
    if (a->own_malloc && a == copi_here_actor())
        copi_heap_settle(a);
    i->memory_bytes = copi_heap_total(a);
    i->is_isolated = a->is_proxy;
    i->restarts = READ(a->restarts);
    i->os_pid = a->is_proxy ? copi_isolated_os_pid(a->pid) : 0;
}

int cop_info_get(cop_pid pid, cop_info *out)
{
    struct copi_scope s;
    if (out == NULL)
        return COP_EINVAL;
    if (!copi_scope_enter(&s))
        return COP_ESTOPPED;
    struct copi_actor *a = copi_table_find(pid);
    bool found = a != NULL && !a->is_guest;
    if (found)
        fill(a, out);
    copi_scope_leave(&s);
    return found ? 0 : COP_ENOPROC;
}

/* ------------------------------------------------------------- listing -- */

/* The serial number of a listed actor; of one that has ended since, the last
 * of all, so that it sorts to the end. */
static uint64_t serial_of(cop_pid pid)
{
    struct copi_actor *a = copi_table_find(pid);
    return a != NULL ? a->serial : UINT64_MAX;
}

static void sift_down(cop_pid *pid, size_t i, size_t n)
{
    cop_pid moved = pid[i];
    uint64_t key = serial_of(moved);
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && serial_of(pid[child + 1]) > serial_of(pid[child]))
            child++;
        if (key >= serial_of(pid[child]))
            break;
        pid[i] = pid[child];
    }
    pid[i] = moved;
}

/* Heapsort: in place, as a listing needs no memory. */
static void sort_by_serial(cop_pid *pid, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift_down(pid, i, n);
    for (size_t end = n; end-- > 1;) {
        cop_pid last = pid[0];
        pid[0] = pid[end];
        pid[end] = last;
        sift_down(pid, 0, end);
    }
}

size_t copi_inspect_list(cop_pid *out, size_t cap, bool roots)
{
    size_t n = 0;
    for (uint32_t i = 0; i < copi_table_limit(); i++) {
        struct copi_actor *a = copi_table_at(i);
        if (a == NULL || a->is_guest ||
            (roots && a->parent.id != COP_PID_INIT.id))
            continue;
        if (n < cap)
            out[n] = a->pid;
        n++;
    }
    sort_by_serial(out, n < cap ? n : cap);
    return n;
}

size_t cop_actors(cop_pid *out, size_t cap)
{
    struct copi_scope s;
    if (out == NULL && cap > 0)
        copi_misuse("cop_actors: out is NULL");
    if (!copi_scope_enter(&s))
        return 0;
    size_t n = copi_inspect_list(out, cap, false);
    copi_scope_leave(&s);
    return n;
}

/* ------------------------------------------------------------- counters -- */

static void add(cop_counters *sum, struct copi_counters *c)
{
#define COP_X(name) sum->name += READ(c->name);
    COP_COUNTERS(COP_X)
#undef COP_X
}

static uint64_t count_queued(void)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < copi_table_limit(); i++) {
        struct copi_actor *a = copi_table_at(i);
        if (a != NULL)
            n += READ(a->inbox_count) - READ(a->inbox_system);
    }
    return n;
}

void cop_counters_get(cop_counters *out)
{
    struct copi_scope s;
    if (out == NULL)
        copi_misuse("cop_counters_get: out is NULL");
    memset(out, 0, sizeof *out);
    if (!copi_scope_enter(&s))
        return;
    for (unsigned i = 0; i < copi_rt.workers; i++)
        add(out, &copi_rt.worker[i].counters);
    add(out, &copi_counters_outside);
    out->queued = count_queued();
    copi_scope_leave(&s);
}

/* ---------------------------------------------------- workers, failures -- */

static size_t count_runnable(const struct copi_worker *w)
{
    size_t n = READ(w->run_next) != NULL;
    n += READ(w->inbox.count);
    for (unsigned i = 0; i < COPI_PRIORITIES; i++)
        n += copi_ring_count(&w->ring[i]);
    return n;
}

int cop_worker_get(unsigned worker, cop_worker_info *out)
{
    struct copi_scope s;
    if (out == NULL)
        return COP_EINVAL;
    if (!copi_scope_enter(&s))
        return COP_ESTOPPED;
    bool found = worker < copi_rt.workers;
    if (found) {
        struct copi_worker *w = &copi_rt.worker[worker];
        out->in_turn = READ(w->turn) % 2 == 1;
        out->busy_ns = copi_machine_cpu_ns(w);
        out->runnable = count_runnable(w);
        out->turns = READ(w->counters.turns);
        out->steals = READ(w->counters.steals);
        out->parks = READ(w->counters.parks);
        out->handovers = READ(w->counters.handovers);
        out->preemptions = READ(w->counters.preemptions);
    }
    copi_scope_leave(&s);
    return found ? 0 : COP_ENOENT;
}

void cop_failures_keep(bool keep)
{
    if (!keep)
        atomic_fetch_sub(&copi_failures_keepers, 1);
    else if (atomic_fetch_add(&copi_failures_keepers, 1) == 0)
        copi_failures_clear();
}

uint64_t cop_failures_get(cop_failure *out, size_t cap, size_t *n)
{
    struct copi_scope s;
    size_t own;
    if (out == NULL && cap > 0)
        copi_misuse("cop_failures_get: out is NULL");
    bool inside = copi_scope_enter(&s);
    uint64_t seen = copi_failures_copy(out, cap, n != NULL ? n : &own);
    if (inside)
        copi_scope_leave(&s);
    return seen;
}

const char *cop_stack_guard(void)
{
    struct copi_scope s;
    if (!copi_scope_enter(&s))
        return "none";
    const char *name = copi_stack_guard_name();
    copi_scope_leave(&s);
    return name;
}

void cop_dead_letters_to(cop_pid subscriber)
{
    copi_signal_dead_letters_to(subscriber);
}
