/* SPDX-License-Identifier: MIT
 *
 * server_stop.c - cop_server_stop: asks a server to end, waits until it has.
 *
 * Two things are to be seen: that the server took the request, and what it
 * ended with. If it ends before it took the request, even with the reason that
 * was asked for, the stop has failed (as proc_lib:stop). So the server says
 * *taken* before it terminates, by an alias that is the monitor as well: both
 * arrive under one reference. It says so as a reply, for which there is room in
 * a full mailbox.
 *
 * The request carries a counted reason, so it is a message with a moved body,
 * which releases the reason wherever the message goes. A call cannot carry one;
 * hence the alias.
 *
 * A foreign thread cannot receive: an actor does it for the thread.
 */
#include "actors/server_stop.h"

#include "actors/answer.h"

#include <stdlib.h>

enum { STOP_DO = COPI_SERVER_STOP + 1 };

struct stop {
    cop_from taken;    /* the alias: whom to tell */
    cop_reason reason; /* owned */
};

static void release_stop(void *body, size_t size)
{
    struct stop *s = body;

    (void)size;
    cop_reason_release(s->reason);
    free(s);
}

/* The reason is borrowed. */
static int send_request(cop_pid server, cop_ref ref, cop_reason reason)
{
    struct stop *s = malloc(sizeof *s);
    cop_msg *m;

    if (s == NULL)
        return COP_ENOMEM;
    *s = (struct stop){{cop_self(), ref}, cop_reason_retain(reason)};
    if (cop_msg_new_moved(&m, COPI_SERVER_STOP, s, sizeof *s, release_stop) !=
        0) {
        release_stop(s, sizeof *s);
        return COP_ENOMEM;
    }
    return cop_send_msg(server, m);
}

/* Forgets it all: what may still come, and what has come. */
static int forget(cop_ref ref, int code)
{
    (void)cop_demonitor(ref, true);
    (void)copi_answer_skip((cop_match){.ref = ref}, COP_POLL);
    return code;
}

static int has_ended(const cop_msg *m, cop_reason wanted, bool taken,
                     cop_reason *why)
{
    cop_reason reason = cop_msg_reason(m);

    if (taken && cop_reason_eq(reason, wanted))
        return 0;
    if (!taken && cop_reason_kind(reason) == COP_R_NOPROC)
        return COP_ENOPROC;
    copi_answer_give(why, cop_reason_retain(reason));
    return COP_EDOWN;
}

static int await_end(cop_ref ref, cop_reason wanted, cop_time deadline,
                     cop_reason *why)
{
    bool taken = false;
    const cop_msg *m;

    for (;;) {
        if (cop_recv_ref(&m, ref, deadline) != 0)
            return forget(ref, COP_ETIMEDOUT);
        if (cop_msg_tag(m) == COP_DOWN)
            return has_ended(m, wanted, taken, why);
        taken = true;
    }
}

/* The reason is borrowed. */
static int stop_in_actor(cop_pid server, cop_reason reason, cop_time deadline,
                         cop_reason *why)
{
    cop_ref ref;
    int err;

    if (cop_pid_eq(server, cop_self()))
        return COP_EDEADLOCK;
    err = cop_monitor_alias(&ref, server, COP_ALIAS_DEMONITOR);
    if (err != 0)
        return err;
    err = send_request(server, ref, reason);
    if (err != 0)
        return forget(ref, err);
    return await_end(ref, reason, deadline, why);
}

/* ------------------------------------------------- for a foreign thread -- */

struct errand {
    cop_pid server;
    cop_reason reason; /* owned */
    cop_time deadline;
};

static void release_errand(void *arg)
{
    struct errand *e = arg;

    cop_reason_release(e->reason);
    free(e);
}

static void do_errand(void *arg)
{
    struct errand *e = arg;
    struct copi_answer a = {.why = COP_NORMAL};
    const cop_msg *m;
    cop_from from;

    if (cop_recv_tag(&m, STOP_DO, COP_FOREVER) != 0)
        return;
    from = cop_msg_from(m);
    a.code = stop_in_actor(e->server, e->reason, e->deadline, &a.why);
    copi_answer_send(from, a);
}

/* The reason is borrowed. */
static int stop_from_outside(cop_pid server, cop_reason reason,
                             cop_time deadline, cop_reason *why)
{
    const cop_opts opts = {.arg_release = release_errand, .label = "stop"};
    struct errand *e = malloc(sizeof *e);
    struct copi_answer a;
    cop_pid pid;
    int err;

    if (e == NULL)
        return COP_ENOMEM;
    *e = (struct errand){server, cop_reason_retain(reason), deadline};
    err = cop_spawn(&pid, do_errand, e, &opts);
    if (err != 0) {
        release_errand(e);
        return err;
    }
    err = copi_answer_call(&a, pid, STOP_DO, NULL, 0);
    if (err != 0) {
        (void)cop_exit_signal(pid, COP_KILL);
        return err;
    }
    copi_answer_give(why, a.why);
    return a.code;
}

/* --------------------------------------------------------------- public -- */

int cop_server_stop(cop_pid server, cop_reason reason, cop_time deadline,
                    cop_reason *why)
{
    int err;

    if (why != NULL)
        *why = COP_NORMAL;
    if (cop_pid_is_none(cop_self()))
        err = stop_from_outside(server, reason, deadline, why);
    else
        err = stop_in_actor(server, reason, deadline, why);
    cop_reason_release(reason);
    return err;
}

cop_reason copi_server_stop_accept(const cop_msg *m)
{
    const struct stop *s = cop_msg_as(m, struct stop);

    copi_answer_bytes(s->taken, NULL, 0);
    return cop_reason_retain(s->reason);
}
