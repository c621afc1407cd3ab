/* SPDX-License-Identifier: MIT
 *
 * view_json.c - the document that a live view hands out: one JSON object of
 * the whole program. It is no snapshot of one instant: each actor is looked at
 * by itself, and those that end meanwhile are left out.
 *
 *     format, version, program, running, now_ns, stack_guard
 *     counters        {"spawned": ..., "queued": ...}
 *     workers         [{"in_turn", "busy_ns", "runnable", "turns", ...}]
 *     live, omitted   actors there are; of these not listed
 *     actors          oldest first: pid, serial, parent (null: none), name,
 *                     label, function, symbol (its name, or null), kind,
 *                     status, wait, calling, trap_exit, priority, queue,
 *                     links, monitors, monitored_by, reductions,
 *                     memory_bytes, stack_bytes; of a supervisor's child
 *                     "child" and "restarts", of one restarted by a
 *                     supervisor that did not answer "restarts"; of a
 *                     supervisor "strategy" (null: it did not answer); of an
 *                     isolated actor "os_pid" (null: none at this instant)
 *     failed          ends that were not orderly, since the view began
 *     failures        the last of them, newest first
 */
#include "actors/view.h"

#include <coppice/memory.h>
#include <coppice/runtime.h>
#include <coppice/time.h>
#include <coppice/view.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define FORMAT 1

static void add_pid(struct copi_view_text *t, const char *key, cop_pid pid)
{
    char text[COP_PID_TEXT];

    if (cop_pid_is_none(pid))
        copi_view_add(t, ",\"%s\":null", key);
    else
        copi_view_add(t, ",\"%s\":\"%s\"", key,
                      cop_pid_str(pid, text, sizeof text));
}

static void add_named(struct copi_view_text *t, const char *key,
                      const char *value)
{
    copi_view_add(t, ",\"%s\":", key);
    if (value == NULL || value[0] == '\0')
        copi_view_add(t, "null");
    else
        copi_view_add_string(t, value);
}

static const char *bool_str(bool b)
{
    return b ? "true" : "false";
}

/* ------------------------------------------------------ the whole program --
 */

static void add_counters(struct copi_view_text *t)
{
    cop_counters c;

    cop_counters_get(&c);
    copi_view_add(t, ",\n\"counters\":{");
#define COP_X(name) copi_view_add(t, "\"" #name "\":%" PRIu64 ",", c.name);
    COP_COUNTERS(COP_X)
#undef COP_X
    copi_view_add(t, "\"queued\":%" PRIu64 "}", c.queued);
}

static void add_worker(struct copi_view_text *t, const cop_worker_info *w)
{
    copi_view_add(t, "\n{\"in_turn\":%s,\"busy_ns\":%" PRId64,
                  bool_str(w->in_turn), w->busy_ns);
    copi_view_add(t, ",\"runnable\":%zu,\"turns\":%" PRIu64, w->runnable,
                  w->turns);
    copi_view_add(t, ",\"steals\":%" PRIu64 ",\"parks\":%" PRIu64, w->steals,
                  w->parks);
    copi_view_add(t, ",\"handovers\":%" PRIu64 ",\"preemptions\":%" PRIu64 "}",
                  w->handovers, w->preemptions);
}

static void add_workers(struct copi_view_text *t)
{
    cop_worker_info w;

    copi_view_add(t, ",\n\"workers\":[");
    for (unsigned i = 0; cop_worker_get(i, &w) == 0; i++) {
        if (i > 0)
            copi_view_add(t, ",");
        add_worker(t, &w);
    }
    copi_view_add(t, "]");
}

static void add_failures(struct copi_view_text *t)
{
    cop_failure f[COP_FAILURES];
    char pid[COP_PID_TEXT];
    size_t n;
    uint64_t all = cop_failures_get(f, COP_FAILURES, &n);

    copi_view_add(t, ",\n\"failed\":%" PRIu64 ",\n\"failures\":[", all);
    for (size_t i = 0; i < n; i++) {
        copi_view_add(t, "%s\n{\"at_ns\":%" PRId64 ",\"serial\":%" PRIu64,
                      i > 0 ? "," : "", f[i].at, f[i].serial);
        copi_view_add(t, ",\"pid\":\"%s\"",
                      cop_pid_str(f[i].pid, pid, sizeof pid));
        add_named(t, "name", f[i].name);
        add_named(t, "label", f[i].label);
        add_named(t, "reason", f[i].reason);
        copi_view_add(t, "}");
    }
    copi_view_add(t, "]");
}

/* --------------------------------------------------------------- actors -- */

static const char *priority_name(cop_priority p)
{
    switch (p) {
    case COP_PRIO_LOW:
        return "low";
    case COP_PRIO_HIGH:
        return "high";
    case COP_PRIO_MAX:
        return "max";
    default:
        return "normal";
    }
}

static const char *strategy_name(cop_strategy s)
{
    switch (s) {
    case COP_ONE_FOR_ONE:
        return "one_for_one";
    case COP_ONE_FOR_ALL:
        return "one_for_all";
    case COP_REST_FOR_ONE:
        return "rest_for_one";
    case COP_SIMPLE_ONE_FOR_ONE:
        return "simple_one_for_one";
    default:
        return "dynamic";
    }
}

static void add_identity(struct copi_view_text *t, const cop_info *i,
                         struct copi_view_names *names)
{
    char pid[COP_PID_TEXT];
    bool is_root = i->parent.id == COP_PID_INIT.id;

    copi_view_add(t, "\n{\"pid\":\"%s\",\"serial\":%" PRIu64,
                  cop_pid_str(i->pid, pid, sizeof pid), i->serial);
    add_pid(t, "parent", is_root ? COP_NO_PID : i->parent);
    add_named(t, "name", i->name);
    add_named(t, "label", i->label);
    copi_view_add(t, ",\"function\":\"0x%" PRIxPTR "\"", i->function);
    add_named(t, "symbol", copi_view_name_of(names, i->function));
    copi_view_add(t, ",\"kind\":\"%s\"",
                  i->is_handler ? "handler" : "coroutine");
}

static void add_state(struct copi_view_text *t, const cop_info *i)
{
    copi_view_add(t, ",\"status\":\"%s\",\"wait\":\"%s\"",
                  cop_status_str(i->status), cop_wait_str(i->wait));
    add_pid(t, "calling", i->calling);
    copi_view_add(t, ",\"trap_exit\":%s,\"priority\":\"%s\"",
                  bool_str(i->trap_exit), priority_name(i->priority));
    copi_view_add(t, ",\"queue\":%zu,\"links\":%zu,\"monitors\":%zu", i->queue,
                  i->links, i->monitors);
    copi_view_add(t, ",\"monitored_by\":%zu,\"reductions\":%" PRIu64,
                  i->monitored_by, i->reductions);
    copi_view_add(t, ",\"memory_bytes\":%zu,\"stack_bytes\":%zu",
                  i->memory_bytes, i->stack_bytes);
}

static void add_row(struct copi_view_text *t, const struct copi_view_row *r,
                    struct copi_view_names *names)
{
    add_identity(t, &r->info, names);
    add_state(t, &r->info);
    if (r->has_child)
        add_named(t, "child", r->child_id);
    if (r->has_child || r->info.restarts > 0)
        copi_view_add(t, ",\"restarts\":%" PRIu64,
                      r->has_child ? r->restarts : r->info.restarts);
    if (r->info.is_isolated && r->info.os_pid > 0)
        copi_view_add(t, ",\"os_pid\":%d", r->info.os_pid);
    else if (r->info.is_isolated)
        copi_view_add(t, ",\"os_pid\":null");
    if (r->is_sup)
        add_named(t, "strategy",
                  r->has_answer ? strategy_name(r->strategy) : NULL);
    copi_view_add(t, "}");
}

/* The actors that `pids` names and that still live; NULL: no memory. */
static struct copi_view_row *look_at(const cop_pid *pids, size_t *n)
{
    struct copi_view_row *rows = cop_common_calloc(*n + 1, sizeof *rows);
    size_t found = 0;

    if (rows == NULL)
        return NULL;
    for (size_t i = 0; i < *n; i++)
        if (cop_info_get(pids[i], &rows[found].info) == 0)
            found++;
    *n = found;
    return rows;
}

static int add_actors(struct copi_view_text *t, size_t max, bool may_ask)
{
    struct copi_view_names names = {0};
    size_t live = cop_actors(NULL, 0);
    size_t cap = live < max ? live : max;
    cop_pid *pids = cop_common_malloc((cap + 1) * sizeof *pids);
    struct copi_view_row *rows = NULL;
    int err = COP_ENOMEM;
    size_t n;

    if (pids == NULL)
        goto out;
    live = cop_actors(pids, cap);
    n = live < cap ? live : cap;
    rows = look_at(pids, &n);
    if (rows == NULL)
        goto out;
    copi_view_ask_sups(rows, n, may_ask);
    copi_view_add(t, ",\n\"live\":%zu,\"omitted\":%zu,\n\"actors\":[", live,
                  live > cap ? live - cap : 0);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            copi_view_add(t, ",");
        add_row(t, &rows[i], &names);
    }
    copi_view_add(t, "]");
    err = 0;
out:
    free(rows);
    free(pids);
    return err;
}

int copi_view_document(struct copi_view_text *t, size_t actors_max,
                       bool may_ask)
{
    size_t max = actors_max > 0 ? actors_max : COP_VIEW_ACTORS;
    int err;

    copi_view_add(t, "{\"format\":%d,\"version\":\"%s\"", FORMAT,
                  cop_version());
    add_named(t, "program", program_invocation_short_name);
    copi_view_add(t, ",\"running\":%s,\"now_ns\":%" PRId64,
                  bool_str(cop_is_running()), cop_now());
    add_named(t, "stack_guard", cop_stack_guard());
    add_counters(t);
    add_workers(t);
    err = add_actors(t, max, may_ask);
    add_failures(t);
    copi_view_add(t, "}\n");
    return err == 0 && t->failed ? COP_ENOMEM : err;
}
