/* SPDX-License-Identifier: MIT
 *
 * supervisor_child.c - one child of a supervisor: its states, and how it is
 * started.
 *
 *     undefined   no process: not started yet, ended, stopped, ignored
 *     up          there is a process; whether it lives is not known here
 *     restarting  its last start failed, or it waits for its pause to be over
 *
 * Invariants:
 *  1. A child that is up is found by its pid. One of a pool that is restarting
 *     is found by the pid that it had last.
 *  2. A child that is restarting is found by its serial number, which is what
 *     the message that goes on with it carries.
 *  3. A child has a timer only while it is restarting.
 *  4. s->restarting and s->significant are the numbers of the children that
 *     they say: no question needs a look at all of them.
 *  5. A route shows a child that is up and is not known to be dead. Its place
 *     is its serial number less one: those that were there from the beginning
 *     come first.
 */
#include "actors/supervisor.h"

#include <coppice/memory.h>

#include "actors/server.h"

#include <stdlib.h>
#include <string.h>

#define OF_NODE(node, member)                                                  \
    ((struct copi_child *)(void *)((char *)(node)-offsetof(struct copi_child,  \
                                                           member)))

/* ----------------------------------------------------------------- list -- */

static void append(struct copi_sup *s, struct copi_child *c)
{
    c->prev = s->last;
    c->next = NULL;
    if (s->last != NULL)
        s->last->next = c;
    else
        s->first = c;
    s->last = c;
}

static void take_out(struct copi_sup *s, struct copi_child *c)
{
    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        s->first = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    else
        s->last = c->prev;
}

void copi_child_to_end(struct copi_sup *s, struct copi_child *c)
{
    take_out(s, c);
    append(s, c);
}

struct copi_child *copi_child_new(struct copi_sup *s, const cop_child *spec,
                                  const cop_child *given, struct copi_spec *own)
{
    struct copi_child *c = cop_common_calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->spec = spec;
    c->given = given;
    c->own = own;
    c->serial = ++s->serial;
    append(s, c);
    s->count++;
    if (!copi_sup_is_pool(s))
        copi_index_insert(&s->by_id, &c->by_id, copi_index_hash_text(spec->id));
    return c;
}

static void free_child(struct copi_child *c)
{
    if (c->arg_bytes > 0)
        free(c->arg);
    free(c->own);
    free(c);
}

void copi_child_forget(struct copi_sup *s, struct copi_child *c)
{
    copi_child_become(s, c, COP_CHILD_UNDEFINED, COP_NO_PID);
    if (!copi_sup_is_pool(s))
        copi_index_remove(&s->by_id, &c->by_id);
    take_out(s, c);
    s->count--;
    free_child(c);
}

void copi_child_free_all(struct copi_sup *s)
{
    struct copi_child *c;

    while ((c = s->first) != NULL) {
        s->first = c->next;
        free_child(c);
    }
    s->last = NULL;
}

/* -------------------------------------------------------------- finding -- */

struct copi_child *copi_child_by_id(const struct copi_sup *s, const char *id)
{
    struct copi_index_node *n =
        copi_index_first(&s->by_id, copi_index_hash_text(id));

    while (n != NULL && strcmp(OF_NODE(n, by_id)->spec->id, id) != 0)
        n = copi_index_next(n);
    return n != NULL ? OF_NODE(n, by_id) : NULL;
}

struct copi_child *copi_child_by_pid(const struct copi_sup *s, cop_pid pid)
{
    struct copi_index_node *n =
        copi_index_first(&s->by_pid, copi_index_hash_word(pid.id));

    while (n != NULL && !cop_pid_eq(OF_NODE(n, by_pid)->pid, pid))
        n = copi_index_next(n);
    return n != NULL ? OF_NODE(n, by_pid) : NULL;
}

struct copi_child *copi_child_by_serial(const struct copi_sup *s,
                                        uint64_t serial)
{
    struct copi_index_node *n =
        copi_index_first(&s->by_serial, copi_index_hash_word(serial));

    while (n != NULL && OF_NODE(n, by_serial)->serial != serial)
        n = copi_index_next(n);
    return n != NULL ? OF_NODE(n, by_serial) : NULL;
}

/* --------------------------------------------------------------- states -- */

static void drop_pid(struct copi_sup *s, struct copi_child *c)
{
    if (!cop_pid_is_none(c->pid))
        copi_index_remove(&s->by_pid, &c->by_pid);
    c->pid = COP_NO_PID;
}

static void stop_restarting(struct copi_sup *s, struct copi_child *c)
{
    copi_index_remove(&s->by_serial, &c->by_serial);
    s->restarting--;
    if (c->has_timer)
        (void)cop_cancel_timer(c->timer);
    c->has_timer = false;
}

static void count_significant(struct copi_sup *s, const struct copi_child *c,
                              cop_child_state state)
{
    if (!c->spec->significant)
        return;
    if (c->state == COP_CHILD_UNDEFINED && state != COP_CHILD_UNDEFINED)
        s->significant++;
    if (c->state != COP_CHILD_UNDEFINED && state == COP_CHILD_UNDEFINED)
        s->significant--;
}

void copi_child_route(struct copi_sup *s, const struct copi_child *c,
                      cop_pid pid)
{
    copi_route_set(s->route, c->serial - 1, pid);
}

void copi_child_become(struct copi_sup *s, struct copi_child *c,
                       cop_child_state state, cop_pid pid)
{
    if (c->state == COP_CHILD_RESTARTING)
        stop_restarting(s, c);
    if (state != COP_CHILD_RESTARTING || !copi_sup_is_pool(s))
        drop_pid(s, c);
    count_significant(s, c, state);
    c->state = state;
    if (state == COP_CHILD_UP) {
        c->pid = pid;
        copi_index_insert(&s->by_pid, &c->by_pid, copi_index_hash_word(pid.id));
    } else if (state == COP_CHILD_RESTARTING) {
        copi_index_insert(&s->by_serial, &c->by_serial,
                          copi_index_hash_word(c->serial));
        s->restarting++;
    }
    copi_child_route(s, c, state == COP_CHILD_UP ? pid : COP_NO_PID);
}

void copi_child_retire(struct copi_sup *s, struct copi_child *c)
{
    if (copi_sup_is_pool(s) || c->spec->restart == COP_TEMPORARY)
        copi_child_forget(s, c);
    else
        copi_child_become(s, c, COP_CHILD_UNDEFINED, COP_NO_PID);
}

/* ------------------------------------------------------------- starting -- */

/* A start that failed with a code, as a reason. */
static cop_reason reason_of(int err, const char *name)
{
    switch (err) {
    case COP_ENOMEM:
        return cop_because("nomem");
    case COP_ETAKEN:
    case COP_ESTARTED:
        return cop_because_fmt("already_started", "%s", name ? name : "");
    default:
        return cop_because_fmt("start_failed", "%s", cop_error_str(err));
    }
}

static int start_function(cop_pid *out, const cop_child *spec, void *arg,
                          size_t arg_bytes)
{
    cop_opts opts = spec->opts;

    opts.link = true;
    opts.arg_bytes = arg_bytes;
    return cop_spawn(out, spec->fn, arg, &opts);
}

static int start_server(cop_pid *out, const cop_child *spec, void *arg,
                        size_t arg_bytes, cop_reason *why)
{
    cop_server_opts opts = {.spawn = spec->opts};

    opts.spawn.link = true;
    opts.spawn.arg_bytes = arg_bytes;
    return copi_server_start(out, spec->server, NULL, arg, &opts, true, why);
}

static int start_sup(cop_pid *out, const cop_child *spec, cop_reason *why)
{
    const struct copi_sup_how how = {
        .source = COPI_SPEC_OPENED, .link = true, .keep_exit = true};

    return copi_sup_start(out, spec->sup, &how, &spec->opts, why);
}

static int start_anything(cop_pid *out, const cop_child *spec, void *arg,
                          size_t arg_bytes, cop_reason *why)
{
    if (spec->fn != NULL)
        return start_function(out, spec, arg, arg_bytes);
    if (spec->server != NULL)
        return start_server(out, spec, arg, arg_bytes, why);
    if (spec->sup != NULL)
        return start_sup(out, spec, why);
    return spec->start(out, arg, why);
}

int copi_child_start(struct copi_sup *s, struct copi_child *c, cop_reason *why)
{
    const cop_child *spec = c->spec;
    cop_pid pid = COP_NO_PID;
    int err;

    *why = COP_NORMAL;
    c->tried_ns = cop_now();
    err = start_anything(&pid, spec, c->has_arg ? c->arg : spec->arg,
                         c->has_arg ? c->arg_bytes : spec->arg_bytes, why);
    if (err == 0 && cop_pid_is_none(pid))
        err = COP_EINVAL;
    if (err == 0)
        copi_child_become(s, c, COP_CHILD_UP, pid);
    else if (err == COP_EIGNORE)
        copi_child_become(s, c, COP_CHILD_UNDEFINED, COP_NO_PID);
    else if (cop_reason_kind(*why) == COP_R_NORMAL && err != COP_EDOWN &&
             err != COP_EFAILED)
        *why = reason_of(err, spec->opts.name);
    return err;
}

/* -------------------------------------------------------------- telling -- */

enum copi_sup_kind copi_child_kind(const cop_child *spec)
{
    if (spec->fn != NULL)
        return COPI_KIND_ACTOR;
    if (spec->server != NULL)
        return COPI_KIND_SERVER;
    return spec->sup != NULL || spec->is_supervisor ? COPI_KIND_SUPERVISOR
                                                    : COPI_KIND_START;
}
