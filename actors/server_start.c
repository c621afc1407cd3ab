/* SPDX-License-Identifier: MIT
 *
 * server_start.c - how an actor comes to be a server: started as one, with an
 * init that its starter waits for (start.c), or entered later, by an actor that
 * did its init itself.
 *
 * Either way there is one block (server.c). The argument's release frees it,
 * or a deferred function of the actor that entered.
 *
 * One that entered has its spawner for a parent even without a link: that is
 * whom gen_server takes, since it can only ask who spawned it, and an EXIT of
 * somebody it is not linked to was sent to end it.
 */
#include "actors/server_inside.h"

#include <coppice/extend.h>
#include <coppice/memory.h>

#include "actors/sys_debug.h"

#include <stdlib.h>
#include <string.h>

/* -------------------------------------------------------------- a block -- */

static void server_free(void *block)
{
    struct copi_server *s = block;

    cop_reason_release(s->why);
    cop_msg_free(s->reply);
    if (s->arg_release != NULL)
        s->arg_release(s->arg);
    copi_debug_free(s->debug);
    free(s->own_state);
    free(s->spare);
    free(s);
}

/* The record, behind it the state, behind that room for an argument. NULL: no
 * memory. */
static struct copi_server *server_new(const cop_server *def,
                                      const struct copi_server_hooks *hooks,
                                      size_t arg_bytes)
{
    size_t head = copi_server_round_up(sizeof(struct copi_server));
    size_t state_bytes = copi_server_round_up(def->state_bytes);
    struct copi_server *s =
        cop_common_calloc(1, head + state_bytes + arg_bytes);

    if (s == NULL)
        return NULL;
    s->self = s;
    s->def = def;
    s->hooks = hooks;
    s->state = (char *)s + head;
    s->state_bytes = def->state_bytes;
    s->arg = (char *)s->state + state_bytes;
    s->arg_bytes = arg_bytes;
    return s;
}

/* Of the whole block. */
static size_t server_bytes(const struct copi_server *s)
{
    return copi_server_round_up(sizeof *s) +
           copi_server_round_up(s->state_bytes) + s->arg_bytes;
}

/* ----------------------------------------------------------------- init -- */

int copi_server_init(void *state, void *arg)
{
    struct copi_server *s = arg;
    cop_next n = cop_next_wait();

    *(struct copi_server **)state = s;
    s->parent = s->is_linked ? cop_parent() : cop_self();
    if (!copi_start_hello(&s->start))
        return 1;
    if (s->def->init != NULL)
        n = s->def->init(s->state, s->arg);
    switch (n.what) {
    case COPI_NEXT_STOP:
        cop_msg_free(n.reply);
        cop_exit(n.reason);
    case COPI_NEXT_IGNORE:
        copi_start_ack(&s->start, COP_EIGNORE);
        return 1;
    default:
        copi_start_ack(&s->start, 0);
        copi_server_come_up(s, n);
        return 0;
    }
}

static const cop_handler server_handler = {
    .state_bytes = sizeof(struct copi_server *),
    .init = copi_server_init,
    .message = copi_server_message,
    .terminate = copi_server_terminate,
    .label = "server",
};

/* ------------------------------------------------------ another process -- */

/* What an isolated actor sends must point to what is here, too. */
static bool is_at_home(const struct copi_server *sent)
{
    return cop_ext_is_shared(sent->def) && cop_ext_is_shared(sent->hooks) &&
           (sent->arg_bytes > 0 || cop_ext_is_shared(sent->arg));
}

/* In another process it gets a copy of the block, whose pointers into the block
 * itself mean nothing there, and makes one like it. */
static int copied_init(void *state, void *arg)
{
    const struct copi_server *sent = arg;
    struct copi_server *s;

    if (!cop_is_isolated() && !is_at_home(sent))
        cop_exit(cop_because_fmt("badarg", "cop_server_start: what an isolated "
                                           "actor sent points nowhere"));
    s = server_new(sent->def, sent->hooks, sent->arg_bytes);
    if (s == NULL)
        cop_exit(cop_because("nomem"));
    if (cop_defer(server_free, s) != 0) {
        server_free(s);
        cop_exit(cop_because("nomem"));
    }
    s->start = sent->start;
    s->is_linked = sent->is_linked;
    if (sent->arg_bytes > 0)
        memcpy(s->arg, (const char *)arg + server_bytes(sent) - s->arg_bytes,
               s->arg_bytes);
    else
        s->arg = sent->arg;
    return copi_server_init(state, s);
}

static const cop_handler copied_handler = {
    .state_bytes = sizeof(struct copi_server *),
    .init = copied_init,
    .message = copi_server_message,
    .terminate = copi_server_terminate,
    .label = "server",
};

static int start_copied(cop_pid *out, struct copi_server *s,
                        struct copi_start_how *how, cop_reason *why)
{
    int err = COP_EINVAL;

    if (!cop_is_isolated() || is_at_home(s)) {
        how->handler = &copied_handler;
        how->opts.arg_bytes = server_bytes(s);
        err = copi_start_run(out, how, why);
    }
    server_free(s);
    return err;
}

/* ---------------------------------------------------------------- start -- */

static bool is_sane(const cop_pid *out, const cop_server *def,
                    const cop_opts *opts)
{
    return out != NULL && def != NULL &&
           def->state_bytes < COPI_SERVER_STATE_MAX &&
           opts->arg_bytes < COPI_SERVER_STATE_MAX &&
           (opts->arg_release == NULL ||
            (opts->arg_bytes == 0 && !copi_start_crosses(opts)));
}

static void set_arg(struct copi_server *s, void *arg, const cop_opts *opts)
{
    if (opts->arg_bytes > 0 && arg != NULL)
        memcpy(s->arg, arg, opts->arg_bytes);
    else
        s->arg = arg;
    s->arg_release = opts->arg_release;
}

int copi_server_start(cop_pid *out, const cop_server *def,
                      const struct copi_server_hooks *hooks, void *arg,
                      const cop_server_opts *opts, bool keep_exit,
                      cop_reason *why)
{
    bool is_special = hooks != NULL && hooks->handler != NULL;
    struct copi_start_how how = {.handler = is_special ? hooks->handler
                                                       : &server_handler,
                                 .keep_exit = keep_exit};
    struct copi_server *s;
    int err;

    if (opts != NULL) {
        how.opts = opts->spawn;
        how.start_ns = opts->start_ns;
    }
    if (why != NULL)
        *why = COP_NORMAL;
    if (!is_sane(out, def, &how.opts))
        return COP_EINVAL;
    s = server_new(def, hooks, how.opts.arg_bytes);
    if (s == NULL)
        return COP_ENOMEM;
    set_arg(s, arg, &how.opts);
    s->is_linked = how.opts.link;
    how.arg = s;
    how.child = &s->start;
    how.opts.arg_bytes = 0;
    if (how.opts.label == NULL)
        how.opts.label = def->label;
    if (copi_start_crosses(&how.opts))
        return start_copied(out, s, &how, why);
    how.opts.arg_release = server_free;
    err = copi_start_run(out, &how, why);
    if (!copi_start_took_arg(err)) {
        s->arg_release = NULL; /* a moved argument is still the caller's */
        server_free(s);
    }
    return err;
}

int cop_server_start(cop_pid *out, const cop_server *s, void *arg,
                     const cop_server_opts *opts, cop_reason *why)
{
    return copi_server_start(out, s, NULL, arg, opts, false, why);
}

/* ---------------------------------------------------------------- enter -- */

static const cop_handler entered_handler = {
    .message = copi_server_message,
    .terminate = copi_server_terminate,
    .label = "server",
};

/* The block, released at the actor's end. NULL: no memory. */
static struct copi_server *enter_new(const cop_server *def,
                                     const struct copi_server_hooks *hooks)
{
    struct copi_server *s = server_new(def, hooks, 0);

    if (s == NULL || cop_defer(server_free, s) == 0)
        return s;
    server_free(s);
    return NULL;
}

static COP_NORETURN void refuse(cop_next first, cop_reason why)
{
    cop_msg_free(first.reply);
    cop_reason_release(first.reason);
    cop_exit(why);
}

void copi_server_enter(const cop_server *def,
                       const struct copi_server_hooks *hooks, const void *state,
                       cop_next first)
{
    struct copi_server *s;

    if (def == NULL || def->state_bytes >= COPI_SERVER_STATE_MAX)
        refuse(first, cop_because_fmt("badarg", "cop_server_enter: %s",
                                      def == NULL ? "no definition"
                                                  : "absurd state_bytes"));
    s = enter_new(def, hooks);
    if (s == NULL)
        refuse(first, cop_because("nomem"));
    if (state != NULL && def->state_bytes > 0)
        memcpy(s->state, state, def->state_bytes);
    s->parent = cop_parent();
    copi_server_come_up(s, first);
    cop_become(&entered_handler, &s->self);
}

void cop_server_enter(const cop_server *s, const void *state, cop_next first)
{
    copi_server_enter(s, NULL, state, first);
}
