/* SPDX-License-Identifier: MIT
 *
 * task.c - one computation in an actor of its own, one answer.
 *
 * A task is spawned, waits for its *work*, a request of the one who started it
 * (the owner), and answers that request: so monitor, answer and the reference
 * that the owner waits for, in constant time, are those of cop_request. That it
 * ended without an answer comes as the request's DOWN.
 *
 * Two steps need care, as either actor can end between them.
 *  - The owner ends before it has sent the work: the task then watches the
 *    owner, and ends with it. It does so only if the work has not come yet.
 *  - The request fails for want of memory: the task is killed; the owner
 *    waits for the memory that this takes.
 *
 * Who owns the argument. One that is copied goes as the body of the work. One
 * that is moved goes with a block that both sides hold (struct moved): the task
 * until it is dead, the owner while it is in cop_async. The last one releases
 * it, unless cop_async failed: then it is the caller's again.
 *
 * What a task knows of itself (struct task) lives in its argument, not on its
 * stack: deferred functions, which may ask for it, run when its function has
 * returned.
 *
 * Rejected: a mailbox that drops messages, for a task. It could drop the work,
 * and the task would wait for it for ever.
 */
#include <coppice/extend.h>
#include <coppice/memory.h>
#include <coppice/task.h>
#include <coppice/time.h>

#include "actors/local.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { TASK_WORK = COP_TAG_BEHAVIOUR_FLAT + 0x400 };

#define ARG_MAX ((size_t)1 << 30) /* as any message's body */
#define RETRY_NS COP_MS

struct task {
    struct copi_local local;
    cop_task_fn fn;
    void *arg;
    bool is_copied; /* the argument is the body of the work */
    bool is_from_isolated;
    bool has_answered;
    cop_from owner;
};

static const char task_kind;

/* ------------------------------------------------------------- the task -- */

static void free_msg(void *m)
{
    cop_msg_free(m);
}

/* Notes whom to answer, and makes the copied argument the task's own. */
static void take_work(struct task *t, const cop_msg *m)
{
    cop_msg *own;

    t->owner = cop_msg_from(m);
    if (!t->is_copied)
        return;
    own = cop_keep(m);
    if (cop_defer(free_msg, own) != 0) {
        cop_msg_free(own);
        cop_exit(cop_because("nomem"));
    }
    t->arg = cop_msg_fill(own);
}

/* Waits for the work or the owner's end. Without memory to watch the owner it
 * tries again: to end would hurt an owner that is linked to it, and that is
 * about to hear that the task could not be started. */
static void await_work(struct task *t, const cop_match *work)
{
    cop_match either[2] = {*work, {.tag = COP_DOWN}};
    const cop_msg *m;

    while (cop_monitor(&either[1].ref, cop_parent()) != 0) {
        if (cop_recv_match(&m, work, 1, cop_in(RETRY_NS)) == 0) {
            take_work(t, m);
            return;
        }
    }
    if (cop_recv_match(&m, either, 2, COP_FOREVER) != 0)
        cop_exit(COP_SHUTDOWN);
    take_work(t, m);
    (void)cop_demonitor(either[1].ref, true);
}

/* What an isolated actor sends must point to what is here, too. */
static bool is_at_home(const struct task *t)
{
    return cop_ext_is_shared((const void *)(uintptr_t)t->fn) &&
           (t->is_copied || cop_ext_is_shared(t->arg));
}

static void task_main(void *arg)
{
    struct task *t = arg;
    const cop_match work = {.tag = TASK_WORK, .from = cop_parent()};
    const cop_msg *m;

    if (t->is_from_isolated && !cop_is_isolated() && !is_at_home(t))
        cop_exit(cop_because_fmt("badarg", "cop_task_start: what an isolated "
                                           "actor sent points nowhere"));
    cop_set_local(t);
    if (cop_recv_match(&m, &work, 1, COP_POLL) == 0)
        take_work(t, m);
    else
        await_work(t, &work);
    t->fn(t->arg);
}

int cop_task_result(const void *body, size_t size)
{
    struct task *t;
    int err;

    if (cop_pid_is_none(cop_self()) || (body == NULL && size > 0))
        return COP_EINVAL;
    t = cop_local();
    if (t == NULL || t->local.kind != &task_kind || t->has_answered)
        return COP_EINVAL;
    err = cop_reply(t->owner, body, size);
    if (err != 0 && err != COP_EREPLIED)
        return err;
    t->has_answered = true;
    return 0;
}

/* ------------------------------------------------------------- starting -- */

/* An argument that is moved. */
struct moved {
    struct task task;
    atomic_int holders;
    bool is_returned; /* the argument stays the caller's */
    void (*release)(void *arg);
};

/* Acquire and release: the last holder sees what the other one wrote. */
static void moved_drop(void *p)
{
    struct moved *m = p;

    if (atomic_fetch_sub_explicit(&m->holders, 1, memory_order_acq_rel) > 1)
        return;
    if (!m->is_returned)
        m->release(m->task.arg);
    free(m);
}

/* Unlinks and kills a task that was not given its work. This is not given up
 * for want of memory: a failed start must leave nothing. */
static void abandon(cop_pid pid)
{
    while (cop_unlink(pid) == COP_ENOMEM)
        cop_sleep(RETRY_NS);
    while (cop_exit_signal(pid, COP_KILL) == COP_ENOMEM)
        cop_sleep(RETRY_NS);
}

/* Sends the work, or ends the task that was spawned in vain. */
static int give_work(cop_task *out, cop_pid pid, const cop_opts *opts,
                     const void *body, size_t size)
{
    cop_ref ref;
    int err = cop_request(&ref, pid, TASK_WORK, body, size);

    if (err == 0) {
        *out = (cop_task){.pid = pid, .ref = ref};
        return 0;
    }
    if (opts->monitor != NULL)
        (void)cop_demonitor(*opts->monitor, true);
    abandon(pid);
    return err;
}

/* The argument is borrowed, or copied if opts->arg_bytes says so. */
static int start_plain(cop_task *out, cop_task_fn fn, void *arg, cop_opts *opts)
{
    struct task t = {.local = {&task_kind}, .fn = fn, .arg = arg};
    size_t size = opts->arg_bytes;
    cop_pid pid;
    int err;

    t.is_copied = size > 0;
    t.is_from_isolated = cop_is_isolated();
    if (t.is_from_isolated && !is_at_home(&t))
        return COP_EINVAL;
    opts->arg_bytes = sizeof(t);
    err = cop_spawn(&pid, task_main, &t, opts);
    if (err != 0)
        return err;
    return give_work(out, pid, opts, size > 0 ? arg : NULL, size);
}

static int start_moved(cop_task *out, cop_task_fn fn, void *arg, cop_opts *opts)
{
    struct moved *m = cop_common_malloc(sizeof(*m));
    cop_pid pid;
    int err;

    if (m == NULL)
        return COP_ENOMEM;
    *m = (struct moved){.release = opts->arg_release};
    m->task = (struct task){.local = {&task_kind}, .fn = fn, .arg = arg};
    atomic_init(&m->holders, 1);
    err = cop_defer(moved_drop, m);
    if (err != 0) {
        free(m);
        return err;
    }
    /* Relaxed: nobody else has it yet. */
    atomic_store_explicit(&m->holders, 2, memory_order_relaxed);
    opts->arg_release = moved_drop;
    err = cop_spawn(&pid, task_main, m, opts);
    if (err != 0)
        atomic_store_explicit(&m->holders, 1, memory_order_relaxed);
    else
        err = give_work(out, pid, opts, NULL, 0);
    m->is_returned = err != 0;
    (void)cop_undefer(moved_drop, m);
    moved_drop(m);
    return err;
}

static bool is_valid(const cop_task *out, cop_task_fn fn, const void *arg,
                     const cop_opts *opts)
{
    bool drops = opts->mailbox_full == COP_FULL_DROP_NEW ||
                 opts->mailbox_full == COP_FULL_DROP_OLD;

    if (out == NULL || fn == NULL || cop_pid_is_none(cop_self()))
        return false;
    if (opts->arg_bytes > ARG_MAX || (opts->arg_bytes > 0 && arg == NULL))
        return false;
    if (opts->arg_bytes > 0 && opts->arg_release != NULL)
        return false;
    return opts->mailbox_max == 0 || !drops;
}

static int start(cop_task *out, cop_task_fn fn, void *arg, const cop_opts *opts,
                 bool is_linked)
{
    cop_opts own = {0};

    if (opts != NULL)
        own = *opts;
    own.link = is_linked;
    if (own.label == NULL)
        own.label = "task";
    if (!is_valid(out, fn, arg, &own))
        return COP_EINVAL;
    if (own.arg_release != NULL)
        return start_moved(out, fn, arg, &own);
    return start_plain(out, fn, arg, &own);
}

int cop_async(cop_task *out, cop_task_fn fn, void *arg, const cop_opts *opts)
{
    return start(out, fn, arg, opts, true);
}

int cop_async_nolink(cop_task *out, cop_task_fn fn, void *arg,
                     const cop_opts *opts)
{
    return start(out, fn, arg, opts, false);
}

/* -------------------------------------------------------------- waiting -- */

/* A zero reference would match any message of the owner's. */
static bool is_task(cop_task t)
{
    return t.pid.id != 0 && t.ref.id != 0;
}

static int took_answer(const cop_msg *m, void *result, size_t cap)
{
    size_t size = cop_msg_size(m);

    if (size > 0 && cap > 0)
        memcpy(result, cop_msg_body(m), size < cap ? size : cap);
    return (int)size;
}

int cop_await(cop_task t, void *result, size_t cap, cop_time deadline,
              cop_reason *why)
{
    const cop_msg *m;
    cop_reason reason;
    int err;

    if (why != NULL)
        *why = COP_NORMAL;
    if (!is_task(t) || (result == NULL && cap > 0))
        return COP_EINVAL;
    err = cop_recv_ref(&m, t.ref, deadline);
    if (err != 0)
        return err;
    if (cop_msg_tag(m) == COP_REPLY)
        return took_answer(m, result, cap);
    reason = cop_msg_reason(m);
    if (cop_reason_kind(reason) == COP_R_NORMAL)
        return 0;
    if (why != NULL)
        *why = cop_reason_retain(reason);
    return COP_EDOWN;
}

int cop_await_many(const cop_task *tasks, size_t n, void *results, size_t each,
                   cop_task_outcome *outcomes, cop_time deadline)
{
    char *result = results;
    int answered = 0;

    if (n > 0 && (tasks == NULL || outcomes == NULL))
        return COP_EINVAL;
    if (n > 0 && each > 0 && results == NULL)
        return COP_EINVAL;
    for (size_t i = 0; i < n; i++) {
        cop_task_outcome *o = &outcomes[i];

        o->code = cop_await(tasks[i], result, each, deadline, &o->why);
        answered += o->code >= 0;
        if (each > 0)
            result += each;
    }
    return answered;
}

/* ----------------------------------------------------------- cancelling -- */

/* Waits for the task's end by a monitor; kills it at the deadline. */
static int end_task(cop_pid pid, cop_ref watch, cop_time deadline)
{
    const cop_msg *m;
    int err = cop_exit_signal(pid, COP_SHUTDOWN);

    if (err == 0)
        err = cop_recv_ref(&m, watch, deadline);
    if (err != COP_ETIMEDOUT)
        return err;
    err = cop_exit_signal(pid, COP_KILL);
    if (err == 0)
        err = cop_recv_ref(&m, watch, COP_FOREVER);
    return err;
}

/* The task answers before it ends, so once its end is known the answer is in
 * the mailbox or will never be. */
static bool has_answer(cop_ref ref)
{
    const cop_msg *m;

    return cop_recv_ref(&m, ref, COP_POLL) == 0 && cop_msg_tag(m) == COP_REPLY;
}

int cop_cancel(cop_task t, cop_time deadline)
{
    cop_ref watch;
    int err;

    if (!is_task(t))
        return COP_EINVAL;
    err = cop_monitor(&watch, t.pid);
    if (err != 0)
        return err;
    err = cop_unlink(t.pid);
    if (err == 0)
        err = end_task(t.pid, watch, deadline);
    if (err != 0) {
        (void)cop_demonitor(watch, true);
        return err;
    }
    if (has_answer(t.ref))
        err = COP_EREPLIED;
    cop_request_cancel(t.ref);
    return err;
}
