/* SPDX-License-Identifier: MIT
 *
 * start.c - starting an actor and waiting until it has come up.
 *
 * The starter spawns the child with a monitor (and a link, if asked) and waits
 * for one of two: the child's *ack*, or its DOWN, whose reason is what the
 * start failed with. The ack is sent by an alias of the starter that ends with
 * it, so that one that comes too late is not seen by anybody; and as a reply,
 * for which there is room in a full mailbox. Both references are fresh, so the
 * wait does not depend on the length of the mailbox.
 *
 * An ack is a code and, with 0, what the child has to say behind it. With
 * COP_EFAILED it is a copi_answer: what the child failed with, which need not
 * be what it ends with.
 *
 * A failed start leaves nothing: the child is dead, so its name is free; its
 * DOWN is consumed; and so is its EXIT, if the starter traps exits. Links are
 * told of a death before monitors, so the EXIT is in the mailbox when the DOWN
 * is. A linked starter that does not trap dies of the failure, as in OTP.
 *
 * With keep_down the caller's own monitor is to fire all the same, so the wait
 * has another one. That is made after the spawn and may come too late for a
 * child that ends at once; then the reason is looked up in the other DOWN,
 * which a condition that refuses it leaves in the mailbox.
 *
 * A foreign thread cannot receive. It spawns a *broker*, an actor that waits in
 * its place, and then the child itself, so that the child has no parent, as
 * everything that is spawned from outside. The child calls the broker before
 * its init, and so cannot fail before the broker watches it.
 *
 *     thread              broker               child
 *     spawn broker        waits for WAIT
 *     spawn child                              calls HELLO
 *     calls WAIT (child)  monitors the child
 *                         answers HELLO        init
 *                         waits as above   <-- ack, or dies
 *     has the answer  <-- answers WAIT
 *
 * Rejected: the start as a call of the child. The request would count in the
 * child's mailbox and a bounded one may drop it, or a flood of messages to its
 * name; then the starter would wait for ever.
 */
#include "actors/start.h"

#include "actors/answer.h"

#include <coppice/time.h>

#include <string.h>

enum {
    START_WAIT = COP_TAG_BEHAVIOUR + 0x101,
    START_HELLO = COP_TAG_BEHAVIOUR_FLAT + 0x100
};

#define ACK_MAX ((size_t)1 << 30) /* as any message's body */

/* A child that has been spawned, seen by who waits for it. */
struct wait {
    cop_pid child;
    cop_ref monitor;
    cop_ref ack;
    cop_time deadline;
    bool is_linked;
    bool keep_exit;
    bool keep_monitor;
    cop_ref other;    /* monitor that is to fire, too, or none */
    cop_from forward; /* to whom an ack goes on, or nobody */
    void *reply;
    size_t cap;
};

/* ------------------------------------------------------------- the ack -- */

/* Takes an ack apart: the size of what it says, or its code. */
static int read_ack(const cop_msg *m, void *reply, size_t cap, cop_reason *why)
{
    const char *body = cop_msg_body(m);
    size_t size = cop_msg_size(m);
    struct copi_answer failed;
    int code = COP_EINVAL;

    if (size < sizeof code)
        return code;
    memcpy(&code, body, sizeof code);
    size -= sizeof code;
    if (code == 0) {
        if (reply != NULL && cap > 0)
            memcpy(reply, body + sizeof code, size < cap ? size : cap);
        return (int)size;
    }
    if (copi_answer_read(&failed, m))
        copi_answer_give(why, failed.why);
    return code;
}

/* ------------------------------------------------------------ who waits -- */

static void flush_exit(const struct wait *w)
{
    const cop_match its_exit = {.tag = COP_EXIT, .from = w->child};

    if (w->is_linked && !w->keep_exit)
        (void)copi_answer_skip(its_exit, COP_POLL);
}

static void flush_ack(const struct wait *w)
{
    (void)cop_unalias(w->ack);
    (void)copi_answer_skip((cop_match){.ref = w->ack}, COP_POLL);
}

static void signal_kill(cop_pid pid)
{
    while (cop_exit_signal(pid, COP_KILL) == COP_ENOMEM)
        cop_sleep(COP_MS);
}

/* Ends a child that takes too long, without dying of it. */
static int give_up(const struct wait *w)
{
    while (w->is_linked && cop_unlink(w->child) == COP_ENOMEM)
        cop_sleep(COP_MS);
    signal_kill(w->child);
    (void)copi_answer_skip((cop_match){.ref = w->monitor}, COP_FOREVER);
    flush_ack(w);
    flush_exit(w);
    return COP_ETIMEDOUT;
}

/* A condition that takes nothing, but sees the reason. */
static bool look(const cop_msg *m, void *reason)
{
    *(cop_reason *)reason = cop_msg_reason(m);
    return false;
}

/* What the other monitor says; it has fired, or is about to. */
static cop_reason look_at_other(const struct wait *w)
{
    cop_reason reason = {UINTPTR_MAX};
    const cop_match down = {
        .tag = COP_DOWN, .ref = w->other, .when = look, .ctx = &reason};

    while (!copi_answer_skip(down, COP_POLL) && reason.word == UINTPTR_MAX)
        cop_sleep(COP_MS);
    return cop_reason_retain(reason);
}

static int went_down(const struct wait *w, const cop_msg *m, cop_reason *why)
{
    cop_reason reason = cop_reason_retain(cop_msg_reason(m));

    if (w->other.id != 0 && cop_reason_kind(reason) == COP_R_NOPROC)
        reason = look_at_other(w);
    flush_ack(w);
    flush_exit(w);
    copi_answer_give(why, reason);
    return COP_EDOWN;
}

static int has_acked(const struct wait *w, const cop_msg *m, cop_reason *why)
{
    int code = read_ack(m, w->reply, w->cap, why);

    if (code >= 0) {
        if (w->forward.ref.id != 0)
            copi_answer_bytes(w->forward, cop_msg_body(m), cop_msg_size(m));
        if (!w->keep_monitor)
            (void)cop_demonitor(w->monitor, true);
        return code;
    }
    (void)copi_answer_skip((cop_match){.ref = w->monitor}, COP_FOREVER);
    flush_exit(w);
    return code;
}

static int await_child(const struct wait *w, cop_reason *why)
{
    const cop_match either[] = {
        {.tag = COP_REPLY, .ref = w->ack},
        {.tag = COP_DOWN, .ref = w->monitor},
    };
    const cop_msg *m;

    switch (cop_recv_match(&m, either, 2, w->deadline)) {
    case 0:
        return has_acked(w, m, why);
    case 1:
        return went_down(w, m, why);
    default:
        return give_up(w);
    }
}

static cop_time deadline_of(cop_time start_ns)
{
    return start_ns > 0 ? cop_in(start_ns) : COP_FOREVER;
}

/* Spawns; if the name is taken *out is who has it. */
static int spawn_child(cop_pid *out, const struct copi_start_how *how)
{
    int err;

    do {
        err = how->fn != NULL
                  ? cop_spawn(out, how->fn, how->arg, &how->opts)
                  : cop_spawn_handler(out, how->handler, how->arg, &how->opts);
        if (err != COP_ETAKEN)
            return err;
        *out = cop_whereis(how->opts.name);
    } while (cop_pid_is_none(*out)); /* it has died meanwhile */
    return COP_ESTARTED;
}

static int run_in_actor(cop_pid *out, struct copi_start_how *how,
                        cop_reason *why)
{
    struct wait w = {.is_linked = how->opts.link,
                     .keep_exit = how->keep_exit,
                     .keep_monitor =
                         how->opts.monitor != NULL && !how->keep_down,
                     .reply = how->reply,
                     .cap = how->cap,
                     .deadline = deadline_of(how->start_ns)};
    int err = cop_alias_new(&how->child->ack, COP_ALIAS_REPLY);

    if (err != 0)
        return err;
    w.ack = how->child->ack.ref;
    if (how->opts.monitor == NULL)
        how->opts.monitor = &w.monitor;
    err = spawn_child(out, how);
    if (err != 0) {
        (void)cop_unalias(w.ack);
        return err;
    }
    w.child = *out;
    if (how->keep_down && how->opts.monitor != &w.monitor) {
        w.other = *how->opts.monitor;
        while (cop_monitor(&w.monitor, w.child) == COP_ENOMEM)
            cop_sleep(COP_MS);
    } else {
        w.monitor = *how->opts.monitor;
    }
    return await_child(&w, why);
}

/* ----------------------------------------------------------- the broker -- */

struct broker {
    cop_time start_ns;
};

/* Lets the child go on to its init, and waits for what comes of it. */
static int broker_await(struct wait *w, cop_reason *why)
{
    const cop_match hello[] = {
        {.tag = START_HELLO, .from = w->child},
        {.tag = COP_DOWN, .ref = w->monitor},
    };
    cop_alias ack;
    const cop_msg *m;

    while (cop_alias_new(&ack, COP_ALIAS_REPLY) != 0)
        cop_sleep(COP_MS);
    w->ack = ack.ref;
    switch (cop_recv_match(&m, hello, 2, w->deadline)) {
    case 0:
        copi_answer_bytes(cop_msg_from(m), &ack, sizeof ack);
        return await_child(w, why);
    case 1:
        return went_down(w, m, why);
    default:
        return give_up(w);
    }
}

static void broker_main(void *arg)
{
    const struct broker *b = arg;
    struct copi_answer answer = {.why = COP_NORMAL};
    struct wait w = {.deadline = deadline_of(b->start_ns)};
    const cop_msg *m;
    cop_from from;

    if (cop_recv_tag(&m, START_WAIT, COP_FOREVER) != 0)
        return;
    from = w.forward = cop_msg_from(m);
    w.child = *cop_msg_as(m, cop_pid);
    while (cop_monitor(&w.monitor, w.child) == COP_ENOMEM)
        cop_sleep(COP_MS);
    answer.code = broker_await(&w, &answer.why);
    if (answer.code < 0)
        copi_answer_send(from, answer);
}

/* The broker is gone, and what it knew. */
static int lost_broker(cop_pid broker, cop_pid child, int err, cop_reason *why)
{
    cop_reason reason = err == COP_EDOWN ? cop_reason_retain(cop_call_reason())
                                         : cop_because("nomem");

    (void)cop_exit_signal(broker, COP_KILL);
    (void)cop_exit_signal(child, COP_KILL);
    copi_answer_give(why, reason);
    return COP_EDOWN;
}

static int run_from_outside(cop_pid *out, struct copi_start_how *how,
                            cop_reason *why)
{
    const struct broker b = {how->start_ns};
    const cop_opts opts = {.arg_bytes = sizeof b, .label = "start"};
    cop_msg *answer;
    cop_pid broker;
    int err = cop_spawn(&broker, broker_main, (void *)&b, &opts);

    if (err != 0)
        return err;
    how->child->broker = broker;
    err = spawn_child(out, how);
    if (err != 0) {
        (void)cop_exit_signal(broker, COP_KILL);
        return err;
    }
    err = cop_call_msg(&answer, broker, START_WAIT, out, sizeof *out,
                       COP_FOREVER);
    if (err < 0)
        return lost_broker(broker, *out, err, why);
    err = read_ack(answer, how->reply, how->cap, why);
    cop_msg_free(answer);
    return err;
}

int copi_start_run(cop_pid *out, struct copi_start_how *how, cop_reason *why)
{
    if (cop_pid_is_none(cop_self()) && cop_is_isolated())
        return COP_ENOTSUP; /* such a thread cannot call */
    if (cop_pid_is_none(cop_self()))
        return run_from_outside(out, how, why);
    return run_in_actor(out, how, why);
}

bool copi_start_took_arg(int code)
{
    return code >= 0 || code == COP_EDOWN || code == COP_EIGNORE ||
           code == COP_ETIMEDOUT || code == COP_EFAILED;
}

bool copi_start_crosses(const cop_opts *opts)
{
    return opts->isolation == COP_ISOLATED || cop_is_isolated();
}

/* ------------------------------------------------------------ the child -- */

bool copi_start_hello(struct copi_start *s)
{
    if (cop_pid_is_none(s->broker))
        return true;
    return cop_call(s->broker, START_HELLO, NULL, 0, &s->ack, sizeof s->ack,
                    COP_FOREVER) == (int)sizeof s->ack;
}

void copi_start_ack(const struct copi_start *s, int code)
{
    const cop_from to = {s->ack.pid, s->ack.ref};

    copi_answer_bytes(to, &code, sizeof code);
}

int copi_start_ack_with(const struct copi_start *s, const void *body,
                        size_t size)
{
    const cop_from to = {s->ack.pid, s->ack.ref};
    const int code = 0;
    cop_msg *m;

    if (size > ACK_MAX - sizeof code)
        return COP_ESIZE;
    while (cop_msg_new(&m, 1, sizeof code + size) != 0)
        cop_sleep(COP_MS);
    memcpy(cop_msg_fill(m), &code, sizeof code);
    if (size > 0)
        memcpy((char *)cop_msg_fill(m) + sizeof code, body, size);
    (void)cop_reply_msg(to, m);
    return 0;
}

void copi_start_fail(const struct copi_start *s, cop_reason failure)
{
    const cop_from to = {s->ack.pid, s->ack.ref};

    copi_answer_send(to,
                     (struct copi_answer){COP_EFAILED, cop_self(), failure});
}
