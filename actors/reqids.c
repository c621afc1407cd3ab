/* SPDX-License-Identifier: MIT
 *
 * reqids.c - collections of requests.
 *
 * A collection finds a request by its reference in a hash table, and keeps them
 * in a list in the order of adding. A wait asks of each message in the mailbox
 * whether its reference is in the table; so an answer costs the same with ten
 * requests or ten thousand, and the oldest answer comes first.
 *
 * What was asked once is not asked again (cop_recv_since), so that to gather n
 * answers beside a long mailbox takes one walk over it, not n.
 *
 * It is freed by a deferred function, should the actor end first.
 */
#include <coppice/memory.h>
#include <coppice/request.h>

#include "actors/index.h"

#include <stdlib.h>

struct reqid {
    struct copi_index_node node; /* by reference */
    struct reqid *prev, *next;
    cop_reqid id;
};

struct cop_reqids {
    struct copi_index by_ref;
    struct reqid *first, *last;
    cop_ref looked; /* so far the mailbox has no answers but those taken */
};

static struct reqid *find(const cop_reqids *c, cop_ref request)
{
    uint64_t hash = copi_index_hash_word(request.id);
    struct copi_index_node *n = copi_index_first(&c->by_ref, hash);

    for (; n != NULL; n = copi_index_next(n)) {
        struct reqid *r =
            (struct reqid *)((char *)n - offsetof(struct reqid, node));

        if (cop_ref_eq(r->id.request, request))
            return r;
    }
    return NULL;
}

static void append(cop_reqids *c, struct reqid *r)
{
    r->prev = c->last;
    r->next = NULL;
    if (c->last != NULL)
        c->last->next = r;
    else
        c->first = r;
    c->last = r;
    copi_index_insert(&c->by_ref, &r->node,
                      copi_index_hash_word(r->id.request.id));
}

static void drop(cop_reqids *c, struct reqid *r)
{
    if (r->prev != NULL)
        r->prev->next = r->next;
    else
        c->first = r->next;
    if (r->next != NULL)
        r->next->prev = r->prev;
    else
        c->last = r->prev;
    copi_index_remove(&c->by_ref, &r->node);
    free(r);
}

static void release(void *arg)
{
    cop_reqids *c = arg;

    while (c->first != NULL)
        drop(c, c->first);
    copi_index_fini(&c->by_ref, NULL);
    free(c);
}

/* -------------------------------------------------------------- content -- */

int cop_reqids_new(cop_reqids **out)
{
    cop_reqids *c;

    if (out == NULL)
        return COP_EINVAL;
    *out = NULL;
    c = cop_common_calloc(1, sizeof *c);
    if (c == NULL)
        return COP_ENOMEM;
    copi_index_init(&c->by_ref);
    if (cop_defer(release, c) != 0) {
        release(c);
        return COP_ENOMEM;
    }
    *out = c;
    return 0;
}

void cop_reqids_free(cop_reqids *c)
{
    if (c != NULL && cop_undefer(release, c))
        release(c);
}

size_t cop_reqids_size(const cop_reqids *c)
{
    return c->by_ref.count;
}

size_t cop_reqids_list(const cop_reqids *c, cop_reqid *out, size_t cap)
{
    size_t i = 0;

    for (const struct reqid *r = c->first; r != NULL && i < cap; r = r->next)
        out[i++] = r->id;
    return c->by_ref.count;
}

int cop_reqids_add(cop_reqids *c, cop_ref request, uint64_t label)
{
    struct reqid *r;

    if (c == NULL || request.id == 0)
        return COP_EINVAL;
    if (find(c, request) != NULL)
        return COP_EPRESENT;
    r = cop_common_calloc(1, sizeof *r);
    if (r == NULL)
        return COP_ENOMEM;
    r->id = (cop_reqid){request, label};
    append(c, r);
    c->looked = COP_NO_REF; /* its answer may have come */
    return 0;
}

/* Room first: a request that was sent cannot be taken back. */
int cop_reqids_send(cop_reqids *c, cop_pid to, cop_tag tag, const void *body,
                    size_t size, uint64_t label)
{
    cop_reqid id = {.label = label};
    struct reqid *r;
    int err;

    if (c == NULL)
        return COP_EINVAL;
    r = cop_common_calloc(1, sizeof *r);
    if (r == NULL)
        return COP_ENOMEM;
    r->id = id;
    append(c, r);
    err = cop_request(&id.request, to, tag, body, size);
    if (err != 0) {
        drop(c, r);
        return err;
    }
    copi_index_remove(&c->by_ref, &r->node);
    r->id = id;
    copi_index_insert(&c->by_ref, &r->node,
                      copi_index_hash_word(id.request.id));
    return 0;
}

/* -------------------------------------------------------------- answers -- */

/* The request that m answers, or NULL. */
static struct reqid *answered(const cop_reqids *c, const cop_msg *m)
{
    cop_tag tag = cop_msg_tag(m);

    if (tag != COP_REPLY && tag != COP_DOWN)
        return NULL;
    return find(c, cop_msg_ref(m));
}

static bool is_answer(const cop_msg *m, void *c)
{
    return answered(c, m) != NULL;
}

/* The oldest answer in the mailbox. NULL: none by the deadline. */
static const cop_msg *next_answer(cop_reqids *c, cop_time deadline)
{
    const cop_msg *m;

    return cop_recv_since(&m, &c->looked, is_answer, c, deadline) == 0 ? m
                                                                       : NULL;
}

static void give(cop_reqids *c, cop_response *out, struct reqid *r,
                 const cop_msg *m, bool del)
{
    out->request = r->id.request;
    out->label = r->id.label;
    out->code = cop_check_response(m, out->request);
    if (out->code == 0)
        out->reply = cop_keep(m);
    else
        out->why = cop_reason_retain(cop_msg_reason(m));
    if (del)
        drop(c, r);
}

int cop_reqids_wait(cop_reqids *c, cop_response *out, cop_time deadline,
                    bool del)
{
    const cop_msg *m;

    if (c == NULL || out == NULL)
        return COP_EINVAL;
    *out = (cop_response){.code = 0};
    if (cop_reqids_size(c) == 0)
        return COP_ENOENT;
    m = next_answer(c, deadline);
    if (m == NULL)
        return COP_ETIMEDOUT;
    give(c, out, answered(c, m), m, del);
    return 0;
}

int cop_reqids_receive(cop_reqids *c, cop_response *out, cop_time deadline,
                       bool del)
{
    int err = cop_reqids_wait(c, out, deadline, del);

    if (err != COP_ETIMEDOUT)
        return err;
    while (c->first != NULL) {
        cop_request_cancel(c->first->id.request);
        drop(c, c->first);
    }
    return err;
}

int cop_reqids_check(cop_reqids *c, cop_response *out, const cop_msg *m,
                     bool del)
{
    struct reqid *r;

    if (c == NULL || out == NULL || m == NULL)
        return COP_EINVAL;
    *out = (cop_response){.code = 0};
    r = answered(c, m);
    if (r == NULL)
        return COP_ENOENT;
    give(c, out, r, m, del);
    return 0;
}
