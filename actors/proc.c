/* SPDX-License-Identifier: MIT
 *
 * proc.c - coroutine actors whose starter waits until they have come up.
 *
 * The start is that of every behaviour (start.c). What a child knows of it
 * (struct proc) is its argument; the user's argument lies behind it or is
 * released with it. The child finds it by cop_local, so that cop_init_ack needs
 * no handle; it stays there when the child leaves its stack. To another process
 * (isolated actors) the record goes as a copy.
 *
 * Ancestors are looked up, not kept: the runtime knows who spawned each living
 * actor, and a list of them in each would cost memory for a question that is
 * seldom asked. The price is that the chain ends at one that is dead.
 */
#include <coppice/memory.h>
#include <coppice/proc.h>

#include <coppice/extend.h>
#include <coppice/inspect.h>

#include "actors/local.h"
#include "actors/start.h"

#include <stdlib.h>
#include <string.h>

#define ARG_MAX ((size_t)1 << 40) /* beyond it is a mistake, not a size */
#define CHAIN_MAX 256

struct proc {
    struct copi_local local;
    const struct proc *self; /* of a copy: the original */
    struct copi_start start;
    bool has_acked;
    cop_fn fn;
    void *arg;
    size_t arg_bytes; /* copied: behind the record */
    void (*arg_release)(void *);
};

static const char proc_kind;

static size_t round_up(size_t n)
{
    return (n + 15) & ~(size_t)15;
}

/* What an isolated actor sends must point to what is here, too. */
static bool is_at_home(const struct proc *p)
{
    return cop_ext_is_shared((const void *)(uintptr_t)p->fn) &&
           (p->arg_bytes > 0 || cop_ext_is_shared(p->arg));
}

/* ------------------------------------------------------------ the child -- */

/* Of a copy, in another process. */
static void settle(struct proc *p)
{
    if (p->arg_bytes > 0)
        p->arg = (char *)p + round_up(sizeof *p);
    if (!cop_is_isolated() && !is_at_home(p))
        cop_exit(cop_because_fmt("badarg", "cop_proc_start: what an isolated "
                                           "actor sent points nowhere"));
}

static void proc_main(void *arg)
{
    struct proc *p = arg;

    if (p->self != p)
        settle(p);
    cop_set_local(p);
    if (!copi_start_hello(&p->start))
        return;
    p->fn(p->arg);
}

/* The calling actor's, if it still has to acknowledge; else NULL. */
static struct proc *starting(void)
{
    struct proc *p = cop_pid_is_none(cop_self()) ? NULL : cop_local();

    if (p == NULL || p->local.kind != &proc_kind || p->has_acked)
        return NULL;
    return p;
}

int cop_init_ack(const void *body, size_t size)
{
    struct proc *p = starting();
    int err;

    if (p == NULL || (body == NULL && size > 0))
        return COP_EINVAL;
    err = copi_start_ack_with(&p->start, body, size);
    p->has_acked = err == 0;
    return err;
}

void cop_init_fail(cop_reason failure, cop_reason reason)
{
    struct proc *p = starting();

    if (p != NULL) {
        p->has_acked = true;
        copi_start_fail(&p->start, failure);
    } else {
        cop_reason_release(failure);
    }
    cop_exit(reason);
}

/* ---------------------------------------------------------------- start -- */

static void proc_free(void *block)
{
    struct proc *p = block;

    if (p->arg_release != NULL)
        p->arg_release(p->arg);
    free(p);
}

/* The record, and behind it the copied argument. NULL: no memory. */
static struct proc *proc_new(cop_fn fn, void *arg, const cop_opts *opts)
{
    size_t head = round_up(sizeof(struct proc));
    struct proc *p = cop_common_calloc(1, head + opts->arg_bytes);

    if (p == NULL)
        return NULL;
    p->local.kind = &proc_kind;
    p->self = p;
    p->fn = fn;
    p->arg = arg;
    p->arg_release = opts->arg_release;
    if (opts->arg_bytes > 0 && arg != NULL) {
        p->arg = (char *)p + head;
        p->arg_bytes = opts->arg_bytes;
        memcpy(p->arg, arg, opts->arg_bytes);
    }
    return p;
}

static bool is_sane(const cop_pid *out, cop_fn fn, const cop_opts *opts)
{
    return out != NULL && fn != NULL && opts->arg_bytes < ARG_MAX &&
           (opts->arg_release == NULL ||
            (opts->arg_bytes == 0 && !copi_start_crosses(opts)));
}

/* The child has a copy. */
static int start_copied(cop_pid *out, struct proc *p,
                        struct copi_start_how *how, cop_reason *why)
{
    int err = COP_EINVAL;

    if (!cop_is_isolated() || is_at_home(p)) {
        how->opts.arg_bytes = round_up(sizeof *p) + p->arg_bytes;
        err = copi_start_run(out, how, why);
    }
    proc_free(p);
    return err;
}

int cop_proc_start(cop_pid *out, cop_fn fn, void *arg, const cop_opts *opts,
                   cop_time start_ns, void *reply, size_t cap, cop_reason *why)
{
    struct copi_start_how how = {.fn = proc_main,
                                 .start_ns = start_ns,
                                 .keep_down = true,
                                 .reply = reply,
                                 .cap = cap};
    struct proc *p;
    int err;

    if (opts != NULL)
        how.opts = *opts;
    if (why != NULL)
        *why = COP_NORMAL;
    if (!is_sane(out, fn, &how.opts))
        return COP_EINVAL;
    p = proc_new(fn, arg, &how.opts);
    if (p == NULL)
        return COP_ENOMEM;
    how.arg = p;
    how.child = &p->start;
    how.opts.arg_bytes = 0;
    if (how.opts.label == NULL)
        how.opts.label = "proc";
    if (copi_start_crosses(&how.opts))
        return start_copied(out, p, &how, why);
    how.opts.arg_release = proc_free;
    err = copi_start_run(out, &how, why);
    if (!copi_start_took_arg(err)) {
        p->arg_release = NULL; /* a moved argument is still the caller's */
        proc_free(p);
    }
    return err;
}

/* ------------------------------------------------------------ ancestors -- */

/* Who spawned it; COP_NO_PID: it is dead, or no actor did. */
static cop_pid parent_of(cop_pid pid)
{
    cop_info info;

    if (cop_info_get(pid, &info) != 0 || cop_pid_eq(info.parent, COP_PID_INIT))
        return COP_NO_PID;
    return info.parent;
}

int cop_ancestors(cop_pid pid, cop_pid *out, size_t cap)
{
    cop_info info;
    int n = 0;
    int err = cop_info_get(pid, &info);

    if (out == NULL && cap > 0)
        return COP_EINVAL;
    if (err != 0)
        return err;
    for (cop_pid p = parent_of(pid); !cop_pid_is_none(p) && n < CHAIN_MAX;
         p = parent_of(p)) {
        if ((size_t)n < cap)
            out[n] = p;
        n++;
    }
    return n;
}
