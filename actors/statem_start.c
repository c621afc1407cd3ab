/* SPDX-License-Identifier: MIT
 *
 * statem_start.c - the memory of a state machine, its start, and what it tells
 * the services of sys.h.
 *
 * One block holds the machine's record, state and data, and a copy of the
 * user's argument. It is the server's argument: the runtime releases it when
 * the actor is dead, however it died, and here all that hangs on it goes, too.
 * (Of one that became a machine later, a deferred function does that.) Only a
 * change of code moves state and data into a block of their own, since the new
 * definition may want more room.
 */
#include "actors/server.h"
#include "actors/start.h"
#include "actors/statem.h"

#include <coppice/memory.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATA_MAX ((size_t)1 << 40) /* beyond it is a mistake, not a size */

/* --------------------------------------------------------------- memory -- */

static size_t round_up(size_t n)
{
    return (n + 15) & ~(size_t)15;
}

static cop_sm *sm_new(const cop_statem *def, void *arg, const cop_opts *opts)
{
    size_t head = round_up(sizeof(cop_sm));
    size_t data = sizeof(cop_sm_state) + round_up(def->data_bytes);
    cop_sm *sm = cop_common_calloc(1, head + data + opts->arg_bytes);

    if (sm == NULL)
        return NULL;
    sm->def = def;
    sm->at = (cop_sm_state *)((char *)sm + head);
    sm->data_bytes = def->data_bytes;
    copi_sm_timers_init(&sm->timers);
    sm->arg = arg;
    sm->arg_release = opts->arg_release;
    if (opts->arg_bytes > 0 && arg != NULL) {
        sm->arg = (char *)sm->at + data;
        memcpy(sm->arg, arg, opts->arg_bytes);
    }
    return sm;
}

static void sm_free(void *block)
{
    cop_sm *sm = block;

    if (sm->current == &sm->arrived)
        cop_msg_free(sm->arrived.msg);
    else
        copi_sm_event_free(sm->current);
    copi_sm_queue_free(&sm->ready);
    copi_sm_queue_free(&sm->postponed);
    copi_sm_queue_free(&sm->inserted);
    copi_sm_actions_fini(&sm->actions);
    copi_sm_timers_fini(&sm->timers);
    cop_reason_release(sm->why);
    free(sm->pushed);
    free(sm->own_at);
    free(sm->new_at);
    if (sm->arg_release != NULL)
        sm->arg_release(sm->arg);
    free(sm);
}

/* ------------------------------------------------------------- services -- */

static void *sm_view(void *state, size_t *bytes)
{
    cop_sm *sm = *(cop_sm **)state;

    *bytes = sizeof(cop_sm_state) + sm->data_bytes;
    return sm->at;
}

/* "state: open (0)", "events: 2 postponed", "timeouts: 1", and the data. */
static void sm_status(void *state, char *buf, size_t size)
{
    cop_sm *sm = *(cop_sm **)state;
    const cop_statem *def = sm->def;
    int at = sm->at->state;
    int n;

    if (def->state_name != NULL)
        n = snprintf(buf, size, "%s (%d)", def->state_name(at), at);
    else
        n = snprintf(buf, size, "%d", at);
    if (n >= 0 && (size_t)n < size)
        n += snprintf(buf + n, size - (size_t)n,
                      "\npostponed: %zu\ntimeouts: %zu", sm->postponed.count,
                      copi_sm_timers_count(&sm->timers));
    if (def->format_status == NULL || n < 0 || (size_t)n + 8 >= size)
        return;
    n += snprintf(buf + n, size - (size_t)n, "\ndata: ");
    def->format_status(copi_sm_data(sm), at, buf + n, size - (size_t)n);
}

/* The new state and data, at new_at. 0, or a code. */
static int convert(cop_sm *sm, const cop_statem *def,
                   const cop_code_change *from)
{
    cop_sm_state *new = sm->new_at;

    if (def->code_change != NULL)
        return def->code_change(new + 1, &new->state, from);
    if (def->data_bytes != from->old_bytes)
        return COP_ENOTSUP;
    if (from->old_bytes > 0)
        memcpy(new + 1, from->old, from->old_bytes);
    return 0;
}

static int sm_change_code(void *state, const void *def, const void *extra,
                          size_t extra_bytes)
{
    cop_sm *sm = *(cop_sm **)state;
    const cop_statem *to = def;
    cop_code_change from = {.old = copi_sm_data(sm),
                            .old_bytes = sm->data_bytes,
                            .old_version = sm->def->version,
                            .extra = extra,
                            .extra_bytes = extra_bytes};
    int err;

    if (to == NULL || to->handle == NULL || to->data_bytes >= DATA_MAX)
        return COP_EINVAL;
    free(sm->new_at); /* left by one that ended in cop_exit */
    sm->new_at =
        cop_common_calloc(1, sizeof(cop_sm_state) + round_up(to->data_bytes));
    if (sm->new_at == NULL)
        return COP_ENOMEM;
    sm->new_at->state = sm->at->state;
    err = convert(sm, to, &from);
    if (err != 0)
        return err;
    free(sm->own_at);
    sm->at = sm->own_at = sm->new_at;
    sm->new_at = NULL;
    sm->data_bytes = to->data_bytes;
    sm->def = to;
    return 0;
}

static const struct copi_server_hooks sm_hooks = {
    .behaviour = "statem",
    .view = sm_view,
    .status = sm_status,
    .change_code = sm_change_code,
};

/* ---------------------------------------------------------------- start -- */

static bool is_sane(const cop_pid *out, const cop_statem *def,
                    const cop_opts *opts)
{
    return out != NULL && def != NULL && def->handle != NULL &&
           def->data_bytes < DATA_MAX && opts->arg_bytes < DATA_MAX &&
           (opts->arg_bytes == 0 || opts->arg_release == NULL);
}

int cop_statem_start(cop_pid *out, const cop_statem *def, void *arg,
                     const cop_server_opts *opts, cop_reason *why)
{
    cop_server_opts how = {0};
    cop_sm *sm;
    int err;

    if (opts != NULL)
        how = *opts;
    if (why != NULL)
        *why = COP_NORMAL;
    if (!is_sane(out, def, &how.spawn))
        return COP_EINVAL;
    sm = sm_new(def, arg, &how.spawn);
    if (sm == NULL)
        return COP_ENOMEM;
    how.spawn.arg_bytes = 0;
    how.spawn.arg_release = sm_free;
    if (how.spawn.label == NULL)
        how.spawn.label = def->label;
    err = copi_server_start(out, &copi_sm_server, &sm_hooks, sm, &how, false,
                            why);
    if (!copi_start_took_arg(err)) {
        sm->arg_release = NULL; /* a moved argument is still the caller's */
        sm_free(sm);
    }
    return err;
}

void cop_statem_enter(const cop_statem *def, const void *data, int state)
{
    const cop_opts none = {0};
    cop_pid self = cop_self();
    cop_sm *sm;

    if (!is_sane(&self, def, &none))
        cop_exit(cop_because_fmt("badarg",
                                 "cop_statem_enter: senseless definition"));
    sm = sm_new(def, NULL, &none);
    if (sm == NULL || cop_defer(sm_free, sm) != 0) {
        free(sm);
        copi_sm_nomem();
    }
    sm->self = self;
    sm->at->state = state;
    if (data != NULL && def->data_bytes > 0)
        memcpy(copi_sm_data(sm), data, def->data_bytes);
    copi_server_enter(&copi_sm_server, &sm_hooks, &sm, cop_next_continue(0));
}
