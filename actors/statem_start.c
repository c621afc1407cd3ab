/* SPDX-License-Identifier: MIT
 *
 * statem_start.c - the start of a state machine, and what it tells the services
 * of sys.h. Its memory: statem_memory.c.
 */
#include "actors/server.h"
#include "actors/start.h"
#include "actors/statem.h"

#include <coppice/memory.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

    if (to == NULL || to->handle == NULL || to->data_bytes >= COPI_SM_DATA_MAX)
        return COP_EINVAL;
    free(sm->new_at); /* left by one that ended in cop_exit */
    sm->new_at = cop_common_calloc(1, sizeof(cop_sm_state) +
                                          copi_sm_round_up(to->data_bytes));
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
           def->data_bytes < COPI_SM_DATA_MAX &&
           opts->arg_bytes < COPI_SM_DATA_MAX &&
           (opts->arg_release == NULL ||
            (opts->arg_bytes == 0 && !copi_start_crosses(opts)));
}

int cop_statem_start(cop_pid *out, const cop_statem *def, void *arg,
                     const cop_server_opts *opts, cop_reason *why)
{
    cop_server_opts how = {0};
    bool crosses;
    cop_sm *sm;
    int err;

    if (opts != NULL)
        how = *opts;
    if (why != NULL)
        *why = COP_NORMAL;
    if (!is_sane(out, def, &how.spawn))
        return COP_EINVAL;
    sm = copi_sm_new(def, arg, &how.spawn);
    if (sm == NULL)
        return COP_ENOMEM;
    if (cop_is_isolated() && !copi_sm_is_at_home(sm)) {
        copi_sm_free(sm);
        return COP_EINVAL;
    }
    crosses = copi_start_crosses(&how.spawn);
    how.spawn.arg_bytes = crosses ? sm->block_bytes : 0;
    how.spawn.arg_release = crosses ? NULL : copi_sm_free;
    if (how.spawn.label == NULL)
        how.spawn.label = def->label;
    err = copi_server_start(out, &copi_sm_server, &sm_hooks, sm, &how, false,
                            why);
    if (crosses || !copi_start_took_arg(err)) {
        sm->arg_release = NULL; /* a moved argument is still the caller's */
        copi_sm_free(sm);
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
    sm = copi_sm_new(def, NULL, &none);
    if (sm == NULL || cop_defer(copi_sm_free, sm) != 0) {
        free(sm);
        copi_sm_nomem();
    }
    sm->self = self;
    sm->at->state = state;
    if (data != NULL && def->data_bytes > 0)
        memcpy(copi_sm_data(sm), data, def->data_bytes);
    copi_server_enter(&copi_sm_server, &sm_hooks, &sm, cop_next_continue(0));
}
