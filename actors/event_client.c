/* SPDX-License-Identifier: MIT
 *
 * event_client.c - the requests that one sends to an event manager. What they
 * say is in event.h, "protocol". A request carries all it needs by value: who
 * sends one may die before the manager reads it.
 */
#include "actors/event.h"

#include <coppice/memory.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define SMALL 512                   /* a request that needs no memory */
#define BYTES_MAX ((size_t)1 << 30) /* as of a message */
#define STATE_MAX ((size_t)1 << 40) /* beyond it is a mistake, not a size */

struct bytes {
    const void *at;
    size_t n;
};

static bool are_sane(struct bytes b)
{
    return (b.at != NULL || b.n == 0) && b.n < BYTES_MAX;
}

static bool names_handler(cop_event_id h)
{
    return h.handler != NULL && h.handler->state_bytes < STATE_MAX;
}

/* An actor may be killed while it waits; its block is freed then. */
static int hold(void *block)
{
    return cop_pid_is_none(cop_self()) ? 0 : cop_defer(free, block);
}

static void let_go(void *block)
{
    if (!cop_pid_is_none(cop_self()))
        (void)cop_undefer(free, block);
    free(block);
}

/* The whole body of a request: in `small`, or in a block of its own. */
struct packed {
    _Alignas(16) char small[SMALL];
    char *block;
    size_t size;
};

static void fill(char *block, const struct copi_event_ask *ask,
                 struct bytes left, struct bytes arg)
{
    memset(block, 0, COPI_EVENT_HEAD + copi_event_round(left.n));
    memcpy(block, ask, sizeof *ask);
    if (left.n > 0)
        memcpy(block + COPI_EVENT_HEAD, left.at, left.n);
    if (arg.n > 0)
        memcpy(block + COPI_EVENT_HEAD + copi_event_round(left.n), arg.at,
               arg.n);
}

static int pack(struct packed *p, struct copi_event_ask ask, struct bytes left,
                struct bytes arg)
{
    int err;

    ask.left_bytes = left.n;
    ask.arg_bytes = arg.n;
    p->size = COPI_EVENT_HEAD + copi_event_round(left.n) + arg.n;
    p->block = p->small;
    if (p->size > sizeof p->small) {
        p->block = cop_common_malloc(p->size);
        if (p->block == NULL)
            return COP_ENOMEM;
        err = hold(p->block);
        if (err != 0) {
            free(p->block);
            return err;
        }
    }
    fill(p->block, &ask, left, arg);
    return 0;
}

static void unpack(struct packed *p)
{
    if (p->block != p->small)
        let_go(p->block);
}

/* Sends it and waits: *reply is the caller's; or as cop_call. */
static int send(cop_msg **reply, cop_pid manager, cop_tag tag,
                struct copi_event_ask ask, struct bytes left, struct bytes arg,
                cop_time deadline)
{
    struct packed p;
    int err = pack(&p, ask, left, arg);

    if (err != 0)
        return err;
    err = cop_call_msg(reply, manager, tag, p.block, p.size, deadline);
    unpack(&p);
    return err < 0 ? err : 0;
}

static const struct bytes nothing;

/* A request whose answer is a code. */
static int request(cop_pid manager, cop_tag tag, struct copi_event_ask ask,
                   struct bytes left, struct bytes arg, cop_msg **result,
                   cop_reason *why)
{
    cop_msg *reply;
    int err;

    if (result != NULL)
        *result = NULL;
    if (why != NULL)
        *why = COP_NORMAL;
    if (!names_handler(ask.id) || !are_sane(left) || !are_sane(arg))
        return COP_EINVAL;
    if (ask.is_supervised && cop_pid_is_none(cop_self()))
        return COP_EINVAL;
    err = send(&reply, manager, tag, ask, left, arg, COP_FOREVER);
    return err != 0 ? err : copi_event_answer_open(reply, result, why);
}

/* --------------------------------------------------------------- events -- */

int cop_event_notify(cop_pid manager, cop_tag tag, const void *body,
                     size_t size)
{
    return cop_cast(manager, tag, body, size);
}

int cop_event_sync_notify(cop_pid manager, cop_tag tag, const void *body,
                          size_t size)
{
    cop_msg *reply;
    int err;

    if (tag > COP_TAG_MAX)
        return COP_EINVAL;
    err = cop_call_msg(&reply, manager, tag, body, size, COP_FOREVER);
    return err < 0 ? err : copi_event_answer_open(reply, NULL, NULL);
}

/* ------------------------------------------------------------- handlers -- */

static int add(cop_pid manager, cop_event_id h, bool is_supervised,
               struct bytes arg, cop_reason *why)
{
    return request(
        manager, COPI_EVENT_ADD,
        (struct copi_event_ask){.id = h, .is_supervised = is_supervised},
        nothing, arg, NULL, why);
}

int cop_event_add_handler(cop_pid manager, cop_event_id h, const void *arg,
                          size_t arg_bytes, cop_reason *why)
{
    return add(manager, h, false, (struct bytes){arg, arg_bytes}, why);
}

int cop_event_add_sup_handler(cop_pid manager, cop_event_id h, const void *arg,
                              size_t arg_bytes, cop_reason *why)
{
    return add(manager, h, true, (struct bytes){arg, arg_bytes}, why);
}

int cop_event_delete_handler(cop_pid manager, cop_event_id h, const void *arg,
                             size_t arg_bytes, cop_msg **result,
                             cop_reason *why)
{
    return request(manager, COPI_EVENT_DELETE, (struct copi_event_ask){.id = h},
                   (struct bytes){arg, arg_bytes}, nothing, result, why);
}

static int swap(cop_pid manager, struct copi_event_ask ask, struct bytes left,
                struct bytes arg, cop_reason *why)
{
    if (why != NULL)
        *why = COP_NORMAL;
    if (!names_handler(ask.to))
        return COP_EINVAL;
    return request(manager, COPI_EVENT_SWAP, ask, left, arg, NULL, why);
}

int cop_event_swap_handler(cop_pid manager, cop_event_id h, const void *left,
                           size_t left_bytes, cop_event_id to, const void *arg,
                           size_t arg_bytes, cop_reason *why)
{
    return swap(manager, (struct copi_event_ask){.id = h, .to = to},
                (struct bytes){left, left_bytes},
                (struct bytes){arg, arg_bytes}, why);
}

int cop_event_swap_sup_handler(cop_pid manager, cop_event_id h,
                               const void *left, size_t left_bytes,
                               cop_event_id to, const void *arg,
                               size_t arg_bytes, cop_reason *why)
{
    return swap(
        manager,
        (struct copi_event_ask){.id = h, .to = to, .is_supervised = true},
        (struct bytes){left, left_bytes}, (struct bytes){arg, arg_bytes}, why);
}

/* --------------------------------------------------------------- asking -- */

/* The bytes behind the head, cut to fit; how many came. */
static size_t take_bytes(const cop_msg *reply, void *out, size_t cap)
{
    const struct copi_event_head *head = cop_msg_body(reply);
    size_t size = cop_msg_size(reply) - sizeof *head;
    size_t n = size < cap ? size : cap;

    if (n > 0)
        memcpy(out, head + 1, n);
    return size;
}

static int as_int(uint64_t n)
{
    return n < INT_MAX ? (int)n : INT_MAX;
}

static bool is_sane_call(cop_event_id h, cop_tag tag, struct bytes body)
{
    return names_handler(h) && are_sane(body) && tag != 0 && tag <= COP_TAG_MAX;
}

int cop_event_call(cop_pid manager, cop_event_id h, cop_tag tag,
                   const void *body, size_t size, void *reply, size_t cap,
                   cop_time deadline, cop_reason *why)
{
    const struct bytes query = {body, size};
    const struct copi_event_head *head;
    cop_msg *m;
    int err;

    if (why != NULL)
        *why = COP_NORMAL;
    if (!is_sane_call(h, tag, query) || (reply == NULL && cap > 0))
        return COP_EINVAL;
    err = send(&m, manager, COPI_EVENT_CALL,
               (struct copi_event_ask){.id = h, .tag = tag}, nothing, query,
               deadline);
    if (err != 0)
        return err;
    head = copi_event_answer_head(m);
    if (head == NULL || head->code != 0)
        return copi_event_answer_open(m, NULL, why);
    err = as_int(take_bytes(m, reply, cap));
    cop_msg_free(m);
    return err;
}

int cop_event_request(cop_ref *out, cop_pid manager, cop_event_id h,
                      cop_tag tag, const void *body, size_t size)
{
    const struct bytes query = {body, size};
    struct packed p;
    int err;

    if (out == NULL || !is_sane_call(h, tag, query))
        return COP_EINVAL;
    err =
        pack(&p, (struct copi_event_ask){.id = h, .tag = tag}, nothing, query);
    if (err != 0)
        return err;
    err = cop_request(out, manager, COPI_EVENT_CALL, p.block, p.size);
    unpack(&p);
    return err;
}

static int went_down(const cop_msg *m, cop_reason *why)
{
    cop_reason reason = cop_msg_reason(m);

    if (why != NULL)
        *why = cop_reason_retain(reason);
    return cop_reason_kind(reason) == COP_R_NOPROC ? COP_ENOPROC : COP_EDOWN;
}

int cop_event_response(const cop_msg *m, const void **body, cop_reason *why)
{
    const struct copi_event_head *head;

    if (body != NULL)
        *body = NULL;
    if (why != NULL)
        *why = COP_NORMAL;
    if (cop_msg_tag(m) == COP_DOWN)
        return went_down(m, why);
    head = copi_event_answer_head(m);
    if (cop_msg_tag(m) != COP_REPLY || head == NULL)
        return COP_EINVAL;
    if (head->code == 0) {
        if (body != NULL)
            *body = head + 1;
        return as_int(cop_msg_size(m) - sizeof *head);
    }
    if (why != NULL)
        *why = copi_event_answer_why(m);
    return head->code;
}

/* A request whose answer is a total and bytes. */
static int look(cop_pid manager, cop_tag tag, struct copi_event_ask ask,
                void *out, size_t out_bytes)
{
    const struct copi_event_head *head;
    cop_msg *m;
    int err = send(&m, manager, tag, ask, nothing, nothing, COP_FOREVER);

    if (err != 0)
        return err;
    head = copi_event_answer_head(m);
    if (head == NULL || head->code != 0)
        return copi_event_answer_open(m, NULL, NULL);
    (void)take_bytes(m, out, out_bytes);
    err = as_int(head->total);
    cop_msg_free(m);
    return err;
}

int cop_event_which_handlers(cop_pid manager, cop_event_id *out, size_t cap)
{
    if ((out == NULL && cap > 0) || cap > SIZE_MAX / sizeof *out)
        return COP_EINVAL;
    return look(manager, COPI_EVENT_WHICH, (struct copi_event_ask){.cap = cap},
                out, cap * sizeof *out);
}

int cop_event_handler_state(cop_pid manager, cop_event_id h, void *out,
                            size_t cap)
{
    if ((out == NULL && cap > 0) || !names_handler(h))
        return COP_EINVAL;
    return look(manager, COPI_EVENT_STATE,
                (struct copi_event_ask){.id = h, .cap = cap}, out, cap);
}
