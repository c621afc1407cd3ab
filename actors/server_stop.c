/* SPDX-License-Identifier: MIT
 *
 * server_stop.c - asks a server to end, and waits until it took the request
 * (cop_sys_terminate) or until it has ended (cop_server_stop).
 *
 * Two things are to be seen: that the server took the request, and what it
 * ended with. If it ends before it took the request, even with the reason that
 * was asked for, the stop has failed (as proc_lib:stop). So the server says
 * *taken* before it terminates, by an alias that is the monitor as well: both
 * arrive under one reference. It says so as a reply, for which there is room in
 * a full mailbox.
 *
 * Both may be in different processes (isolated actors), so the reason is
 * packed, and the server believes nothing of the request.
 *
 * A foreign thread cannot receive: an actor does it for the thread.
 */
#include "actors/server_stop.h"

#include <coppice/memory.h>

#include "actors/answer.h"

#include <stdlib.h>

enum { STOP_DO = COPI_SERVER_STOP + 1 };

/* What is asked for. */
struct wish {
    cop_pid server;
    cop_reason reason; /* borrowed but for a foreign thread's errand */
    cop_time deadline;
    enum copi_server_stop_until until;
};

/* The packed reason follows. */
struct stop {
    cop_from taken; /* the alias: whom to tell */
};

/* The reason is borrowed. */
static int send_request(cop_pid server, cop_ref ref, cop_reason reason)
{
    size_t why_bytes = cop_reason_pack(reason, NULL, 0);
    struct stop *s;
    cop_msg *m;
    int err = cop_msg_new(&m, COPI_SERVER_STOP, sizeof *s + why_bytes);

    if (err != 0)
        return err;
    s = cop_msg_fill(m);
    s->taken = (cop_from){cop_self(), ref};
    (void)cop_reason_pack(reason, s + 1, why_bytes);
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

static int await_end(cop_ref ref, const struct wish *w, cop_reason *why)
{
    bool taken = false;
    const cop_msg *m;

    for (;;) {
        if (cop_recv_ref(&m, ref, w->deadline) != 0)
            return forget(ref, COP_ETIMEDOUT);
        if (cop_msg_tag(m) == COP_DOWN)
            return has_ended(m, w->reason, taken, why);
        if (w->until == COPI_SERVER_STOP_TAKEN)
            return forget(ref, 0);
        taken = true;
    }
}

static int stop_in_actor(const struct wish *w, cop_reason *why)
{
    cop_ref ref;
    int err;

    if (cop_pid_eq(w->server, cop_self()))
        return COP_EDEADLOCK;
    err = cop_monitor_alias(&ref, w->server, COP_ALIAS_DEMONITOR);
    if (err != 0)
        return err;
    err = send_request(w->server, ref, w->reason);
    if (err != 0)
        return forget(ref, err);
    return await_end(ref, w, why);
}

/* ------------------------------------------------- for a foreign thread -- */

static void release_errand(void *arg)
{
    struct wish *w = arg;

    cop_reason_release(w->reason);
    free(w);
}

static void do_errand(void *arg)
{
    const struct wish *w = arg;
    struct copi_answer a = {.why = COP_NORMAL};
    const cop_msg *m;
    cop_from from;

    if (cop_recv_tag(&m, STOP_DO, COP_FOREVER) != 0)
        return;
    from = cop_msg_from(m);
    a.code = stop_in_actor(w, &a.why);
    copi_answer_send(from, a);
}

static int stop_from_outside(const struct wish *w, cop_reason *why)
{
    const cop_opts opts = {.arg_release = release_errand, .label = "stop"};
    struct wish *own = cop_common_malloc(sizeof *own);
    struct copi_answer a;
    cop_pid pid;
    int err;

    if (own == NULL)
        return COP_ENOMEM;
    *own = *w;
    (void)cop_reason_retain(own->reason);
    err = cop_spawn(&pid, do_errand, own, &opts);
    if (err != 0) {
        release_errand(own);
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

int copi_server_stop_ask(cop_pid server, cop_reason reason, cop_time deadline,
                         cop_reason *why, enum copi_server_stop_until until)
{
    const struct wish w = {server, reason, deadline, until};
    int err;

    if (why != NULL)
        *why = COP_NORMAL;
    if (cop_pid_is_none(cop_self()))
        err = stop_from_outside(&w, why);
    else
        err = stop_in_actor(&w, why);
    cop_reason_release(reason);
    return err;
}

int cop_server_stop(cop_pid server, cop_reason reason, cop_time deadline,
                    cop_reason *why)
{
    return copi_server_stop_ask(server, reason, deadline, why,
                                COPI_SERVER_STOP_ENDED);
}

bool copi_server_stop_accept(const cop_msg *m, cop_reason *why)
{
    const struct stop *s = cop_msg_body(m);
    size_t size = cop_msg_size(m);

    if (size < sizeof *s)
        return false;
    copi_answer_bytes(s->taken, NULL, 0);
    *why = cop_reason_unpack(s + 1, size - sizeof *s);
    return true;
}
