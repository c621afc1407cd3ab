/* SPDX-License-Identifier: MIT
 *
 * bridge.c - an actor that stands for work done elsewhere.
 *
 * It is a server that traps exits. Its states:
 *
 *     idle      start has not succeeded
 *     running   the work goes on, as far as is known here
 *     over      the work has ended: it said so, its actor did, or stop did
 *
 * The end of the work is a DONE message of whoever does it, or the EXIT of its
 * actor, which is linked. While running, that ends the bridge with the same
 * reason; while the bridge waits in its terminate, it ends the wait.
 *
 * `terminate` does not run if the bridge is killed. So a deferred function has
 * the last word, whatever happened: it kills what is still running, and gives
 * the state back. That is also what comes of a stop that exits, or that the
 * supervisor has no patience with.
 *
 * The reason of a report is counted, so it travels as a moved body, which
 * releases it wherever the message goes.
 */
#include <coppice/bridge.h>
#include <coppice/memory.h>

#include "actors/answer.h"
#include "actors/server.h"
#include "actors/start.h"
#include "actors/supervisor.h"

#include <stdio.h>
#include <stdlib.h>

enum { BRIDGE_DONE = COP_TAG_BEHAVIOUR + 0x290 };

enum phase { IDLE, RUNNING, OVER };

struct bridge {
    cop_bridge def;
    cop_bridge_work work;
    enum phase phase;
};

/* -------------------------------------------------------------- the end -- */

static void last_word(void *arg)
{
    struct bridge *b = arg;

    if (b->phase == RUNNING && b->def.kill != NULL)
        b->def.kill(b->work.state);
    if (b->phase != IDLE && b->def.release != NULL)
        b->def.release(b->work.state);
}

/* NULL: m says nothing about an end. Else why the work has ended; borrowed. */
static const cop_reason *end_of_work(const struct bridge *b, const cop_msg *m,
                                     cop_reason *room)
{
    if (cop_msg_tag(m) == BRIDGE_DONE)
        return cop_msg_as(m, cop_reason);
    if (cop_msg_tag(m) != COP_EXIT || cop_pid_is_none(b->work.actor) ||
        !cop_pid_eq(cop_msg_sender(m), b->work.actor))
        return NULL;
    *room = cop_msg_reason(m);
    return room;
}

static void await_end(const struct bridge *b)
{
    const cop_match ends[] = {
        {.tag = BRIDGE_DONE},
        {.tag = COP_EXIT, .from = b->work.actor},
    };
    size_t n = cop_pid_is_none(b->work.actor) ? 1 : 2;
    const cop_msg *m;

    while (cop_recv_match(&m, ends, n, COP_FOREVER) < 0)
        ;
}

/* True: the work is over. */
static bool stop_work(const struct bridge *b, cop_reason why)
{
    if (b->def.stop != NULL)
        return b->def.stop(b->work.state, why);
    if (cop_pid_is_none(b->work.actor))
        return true;
    while (cop_exit_signal(b->work.actor, COP_SHUTDOWN) == COP_ENOMEM)
        cop_sleep(COP_MS);
    return false;
}

static void bridge_terminate(void *state, cop_reason why)
{
    struct bridge *b = state;

    if (b->phase != RUNNING)
        return;
    if (!stop_work(b, why))
        await_end(b);
    b->phase = OVER;
}

/* ------------------------------------------------------------- the life -- */

/* What a start that failed says. */
static cop_reason reason_of(int err, cop_reason why)
{
    if (cop_reason_kind(why) != COP_R_NORMAL || err == COP_EFAILED)
        return why;
    return cop_because_fmt("start_failed", "%s", cop_error_str(err));
}

/* Without memory for the link the work is of no use. */
static cop_next follow_actor(struct bridge *b)
{
    if (cop_pid_is_none(b->work.actor) || cop_link(b->work.actor) == 0)
        return cop_next_wait();
    bridge_terminate(b, cop_because("nomem"));
    return cop_next_stop(cop_because("nomem"));
}

static cop_next bridge_init(void *state, void *arg)
{
    const cop_bridge_handle handle = {cop_self()};
    cop_reason why = COP_NORMAL;
    struct bridge *b = state;
    int err;

    b->def = *(const cop_bridge *)arg;
    if (cop_defer(last_word, b) != 0)
        return cop_next_stop(cop_because("nomem"));
    err = b->def.start(&b->work, b->def.arg, handle, &why);
    if (err == COP_EIGNORE)
        return cop_next_ignore();
    if (err != 0)
        return cop_next_stop(reason_of(err, why));
    b->phase = RUNNING;
    return follow_actor(b);
}

static cop_next bridge_info(void *state, const cop_msg *m)
{
    struct bridge *b = state;
    cop_reason room;
    const cop_reason *why = end_of_work(b, m, &room);

    if (why == NULL)
        return cop_next_wait();
    b->phase = OVER;
    return cop_next_stop(cop_reason_retain(*why));
}

/* Who takes it for a supervisor sees one without children. To anything else
 * the answer is empty, which no client takes for one of its own. */
static cop_next bridge_call(void *state, const cop_msg *m, cop_from from)
{
    static const struct copi_sup_list nobody;
    static const cop_child_counts zero;

    (void)state;
    switch (cop_msg_tag(m)) {
    case COPI_SUP_WHICH:
        copi_answer_bytes(from, &nobody, sizeof nobody);
        break;
    case COPI_SUP_COUNT:
        copi_answer_bytes(from, &zero, sizeof zero);
        break;
    default:
        copi_answer_bytes(from, NULL, 0);
    }
    return cop_next_wait();
}

static cop_next bridge_cast(void *state, const cop_msg *m)
{
    (void)state;
    (void)m;
    return cop_next_wait();
}

static const cop_server bridge_server = {
    .label = "bridge",
    .state_bytes = sizeof(struct bridge),
    .init = bridge_init,
    .call = bridge_call,
    .cast = bridge_cast,
    .info = bridge_info,
    .terminate = bridge_terminate,
};

/* --------------------------------------------------------------- public -- */

/* Its record is nobody's to look at or to replace. */
static void *bridge_view(void *state, size_t *bytes)
{
    (void)state;
    *bytes = 0;
    return NULL;
}

static void bridge_status(void *state, char *buf, size_t size)
{
    const struct bridge *b = state;
    char pid[COP_PID_TEXT];

    if (cop_pid_is_none(b->work.actor))
        snprintf(buf, size, "work goes on");
    else
        snprintf(buf, size, "work of %s goes on",
                 cop_pid_str(b->work.actor, pid, sizeof pid));
}

static const struct copi_server_hooks hooks = {
    .behaviour = "bridge",
    .view = bridge_view,
    .status = bridge_status,
};

static int start(cop_pid *out, const cop_bridge *bridge, bool link,
                 bool keep_exit, cop_reason *why)
{
    cop_server_opts opts = {0};

    if (why != NULL)
        *why = COP_NORMAL;
    if (bridge == NULL || bridge->start == NULL ||
        bridge->opts.mailbox_max > 0 || bridge->opts.monitor != NULL)
        return COP_EINVAL;
    if (copi_start_crosses(&bridge->opts))
        return COP_ENOTSUP;
    opts.spawn = bridge->opts;
    opts.spawn.link = link;
    opts.spawn.trap_exit = true;
    opts.spawn.arg_release = NULL;
    opts.spawn.arg_bytes = sizeof *bridge;
    return copi_server_start(out, &bridge_server, &hooks, (void *)bridge, &opts,
                             keep_exit, why);
}

int cop_bridge_start(cop_pid *out, const cop_bridge *bridge, cop_reason *why)
{
    return start(out, bridge, !cop_pid_is_none(cop_self()), false, why);
}

int cop_bridge_start_child(cop_pid *out, void *bridge, cop_reason *why)
{
    return start(out, bridge, true, true, why);
}

static void release_reason(void *body, size_t size)
{
    (void)size;
    cop_reason_release(*(cop_reason *)body);
    free(body);
}

int cop_bridge_done(cop_bridge_handle handle, cop_reason reason)
{
    cop_reason *body = cop_common_malloc(sizeof *body);
    cop_msg *m;

    if (body == NULL) {
        cop_reason_release(reason);
        return COP_ENOMEM;
    }
    *body = reason;
    if (cop_msg_new_moved(&m, BRIDGE_DONE, body, sizeof *body,
                          release_reason) != 0) {
        release_reason(body, sizeof *body);
        return COP_ENOMEM;
    }
    return cop_send_msg(handle.bridge, m);
}
