/* SPDX-License-Identifier: MIT
 *
 * multi_call.c - calls and casts to many at once.
 *
 * A helper, an actor made for the purpose, asks all servers and gathers what
 * they answer. So the caller's mailbox, however long, is not walked for each
 * answer; what comes too late finds the helper dead; and a foreign thread calls
 * in the same way. The helper asks after all that the caller sent before, as
 * sends are done when they return.
 *
 * Who owns what, so that a kill of either leaks nothing:
 *
 *     struct work     the helper's argument, its release frees it
 *     struct results  the work's; then the body of the answer, whose release
 *                     frees it with the replies in it that nobody took
 *
 * The helper watches its caller and ends with it.
 *
 * Rejected: asking from the caller itself, into the caller's array: an answer
 * would cost a walk over the caller's mailbox, and the message that a callback
 * is at would be gone.
 */
#include <coppice/memory.h>
#include <coppice/registry.h>
#include <coppice/request.h>
#include <coppice/server.h>

#include "actors/answer.h"

#include <stdlib.h>
#include <string.h>

enum { GATHER = COP_TAG_BEHAVIOUR + 0x1c0 };

#define ANSWER_TAG 1 /* a reply's tag means nothing */

struct results {
    size_t n; /* rows that are still here */
    int answered;
    cop_multi_reply row[];
};

struct work {
    struct results *results; /* owned */
    cop_tag tag;
    const void *body; /* behind this */
    size_t size;
    cop_time deadline;
};

static void release_results(void *body, size_t size)
{
    struct results *r = body;

    (void)size;
    for (size_t i = 0; r != NULL && i < r->n; i++)
        cop_msg_free(r->row[i].reply);
    free(r);
}

static void release_work(void *arg)
{
    struct work *w = arg;

    release_results(w->results, 0);
    free(w);
}

/* ----------------------------------------------------------- the helper -- */

static void ask_all(const struct work *w, cop_reqids *asked)
{
    struct results *r = w->results;

    for (size_t i = 0; i < r->n; i++) {
        cop_multi_reply *row = &r->row[i];
        int err =
            cop_reqids_send(asked, row->server, w->tag, w->body, w->size, i);

        row->code = err != 0 ? err : COP_ETIMEDOUT;
    }
}

static void gather(const struct work *w, cop_reqids *asked, cop_ref caller)
{
    struct results *r = w->results;
    cop_response a;
    const cop_msg *m;

    while (cop_reqids_size(asked) > 0 && cop_recv(&m, w->deadline) == 0) {
        if (cop_reqids_check(asked, &a, m, true) == 0) {
            r->row[a.label].code = a.code;
            r->row[a.label].reply = a.reply;
            if (a.reply != NULL)
                cop_msg_disown(a.reply); /* the caller's, who gets a pointer */
            r->answered += a.code == 0;
            cop_reason_release(a.why);
        } else if (cop_msg_tag(m) == COP_DOWN &&
                   cop_ref_eq(cop_msg_ref(m), caller)) {
            cop_exit(COP_NORMAL);
        }
    }
}

static void helper_main(void *arg)
{
    struct work *w = arg;
    cop_ref caller = COP_NO_REF;
    cop_reqids *asked;
    const cop_msg *m;
    cop_from from;
    cop_msg *answer;

    if (cop_recv_tag(&m, GATHER, COP_FOREVER) != 0)
        return;
    from = cop_msg_from(m);
    if (cop_reqids_new(&asked) != 0 ||
        (!cop_pid_eq(cop_parent(), COP_PID_INIT) &&
         cop_monitor(&caller, cop_parent()) != 0))
        cop_exit(cop_because("nomem"));
    ask_all(w, asked);
    gather(w, asked, caller);
    while (cop_msg_new_moved(&answer, ANSWER_TAG, w->results,
                             sizeof *w->results, release_results) != 0)
        cop_sleep(COP_MS);
    w->results = NULL;
    (void)cop_reply_msg(from, answer);
}

/* ----------------------------------------------------------- the caller -- */

static struct results *results_new(const cop_pid *servers, size_t n)
{
    struct results *r = cop_common_calloc(1, sizeof *r + n * sizeof r->row[0]);

    if (r == NULL)
        return NULL;
    r->n = n;
    for (size_t i = 0; i < n; i++)
        r->row[i].server = servers[i];
    return r;
}

static struct work *work_new(const cop_pid *servers, size_t n, cop_tag tag,
                             const void *body, size_t size, cop_time deadline)
{
    struct work *w = cop_common_malloc(sizeof *w + size);

    if (w == NULL)
        return NULL;
    *w = (struct work){.results = results_new(servers, n),
                       .tag = tag,
                       .body = w + 1,
                       .size = size,
                       .deadline = deadline};
    if (w->results == NULL) {
        free(w);
        return NULL;
    }
    if (size > 0)
        memcpy(w + 1, body, size);
    return w;
}

/* The rows leave the answer. */
static int take(cop_msg *answer, cop_multi_reply *out)
{
    struct results *r = cop_msg_fill(answer);
    int answered = r->answered;

    if (r->n > 0)
        memcpy(out, r->row, r->n * sizeof out[0]);
    for (size_t i = 0; i < r->n; i++)
        copi_answer_own(out[i].reply);
    r->n = 0;
    cop_msg_free(answer);
    return answered;
}

static int run(struct work *w, cop_multi_reply *out)
{
    const cop_opts opts = {.arg_release = release_work, .label = "multi_call"};
    cop_msg *answer;
    cop_pid helper;
    int err = cop_is_isolated() ? COP_ENOTSUP /* the helper shares our memory */
                                : cop_spawn(&helper, helper_main, w, &opts);

    if (err != 0) {
        release_work(w);
        return err;
    }
    err = cop_call_msg(&answer, helper, GATHER, NULL, 0, COP_FOREVER);
    if (err == 0)
        return take(answer, out);
    (void)cop_exit_signal(helper, COP_KILL);
    return err;
}

/* --------------------------------------------------------------- public -- */

int cop_multi_call(const cop_pid *servers, size_t n, cop_tag tag,
                   const void *body, size_t size, cop_multi_reply *out,
                   cop_time deadline)
{
    struct work *w;
    int answered;

    if ((n > 0 && (servers == NULL || out == NULL)) ||
        (body == NULL && size > 0) || tag == COP_TAG_ANY || tag >= COP_EXIT)
        return COP_EINVAL;
    for (size_t i = 0; i < n; i++)
        out[i] = (cop_multi_reply){.server = servers[i]};
    if (n == 0)
        return 0;
    w = work_new(servers, n, tag, body, size, deadline);
    answered = w != NULL ? run(w, out) : COP_ENOMEM;
    for (size_t i = 0; answered < 0 && i < n; i++)
        out[i].code = answered;
    return answered;
}

static void free_block(void *block)
{
    free(block);
}

/* In an actor, which may be killed while it waits, a deferred function frees
 * the block. NULL: no memory. */
static void *hold_new(size_t bytes)
{
    void *block = cop_common_malloc(bytes > 0 ? bytes : 1);

    if (block == NULL || cop_pid_is_none(cop_self()) ||
        cop_defer(free_block, block) == 0)
        return block;
    free(block);
    return NULL;
}

static void hold_free(void *block)
{
    if (!cop_pid_is_none(cop_self()))
        (void)cop_undefer(free_block, block);
    free(block);
}

int cop_multi_call_group(cop_pid scope, const char *group, cop_tag tag,
                         const void *body, size_t size, cop_multi_reply *out,
                         size_t cap, size_t *asked, cop_time deadline)
{
    cop_pid *members;
    int n;

    if (asked != NULL)
        *asked = 0;
    if (out == NULL && cap > 0)
        return COP_EINVAL;
    members = hold_new(cap * sizeof *members);
    if (members == NULL)
        return COP_ENOMEM;
    n = cop_group_members(scope, group, members, cap);
    if (n >= 0 && asked != NULL)
        *asked = (size_t)n;
    if (n >= 0 && (size_t)n > cap)
        n = COP_ESIZE;
    if (n >= 0)
        n = cop_multi_call(members, (size_t)n, tag, body, size, out, deadline);
    hold_free(members);
    return n;
}

int cop_abcast(const cop_pid *pids, size_t n, cop_tag tag, const void *body,
               size_t size)
{
    int sent = 0;

    if (n > 0 && pids == NULL)
        return COP_EINVAL;
    for (size_t i = 0; i < n; i++) {
        int err = cop_cast(pids[i], tag, body, size);

        if (err == COP_EINVAL || err == COP_ESIZE || err == COP_ESTOPPED)
            return err;
        sent += err == 0;
    }
    return sent;
}
