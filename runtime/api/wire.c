/* SPDX-License-Identifier: MIT
 *
 * wire.c - records between an isolated actor's process and its proxy. Rank: 5.
 *
 * A record is a head of fixed size, then a reason, a name and a body as the
 * head says. Both ends run the same program, so numbers stay as they are.
 *
 * The proxy's side must believe nothing: the head is copied out of the shared
 * memory before it is looked at, each size is bounded before it is used, names
 * and texts are closed and cleaned here. Pointers never travel in a record but
 * as the program's own bytes.
 */
#include "runtime/api/wire.h"

#include <coppice/actor.h>

#include "runtime/actor/reason_pack.h"
#include "runtime/base/check.h"
#include "runtime/memory/mem.h"

enum { NAME_MAX_BYTES = COP_NAME_MAX + 1 };

/* ------------------------------------------------------------- sending -- */

bool copi_wire_emit(const struct copi_wire *w,
                    bool (*put)(void *ctx, const void *p, size_t n), void *ctx)
{
    struct copi_wire_head h = w->head;
    struct copi_reason_head r;
    const void *payload = NULL;
    if (w->reason != NULL) {
        payload = copi_reason_pack_begin(&r, *w->reason);
        h.reason_bytes = (uint32_t)sizeof r + r.payload_bytes;
    }
    h.name_bytes = w->name != NULL ? (uint16_t)(strlen(w->name) + 1) : 0;
    h.body_bytes = (uint32_t)w->body_bytes;
    if (!put(ctx, &h, sizeof h))
        return false;
    if (w->reason != NULL &&
        (!put(ctx, &r, sizeof r) || !put(ctx, payload, r.payload_bytes)))
        return false;
    return put(ctx, w->name, h.name_bytes) && put(ctx, w->body, w->body_bytes);
}

void copi_wire_of_message(struct copi_wire *w, const struct cop_msg *m)
{
    enum {
        TRAVELS = COPI_MSG_CAST | COPI_MSG_CALL | COPI_MSG_ALIAS |
                  COPI_MSG_URGENT | COPI_MSG_REPLY
    };
    memset(w, 0, sizeof *w);
    w->head.kind = m->tag == COP_DOWN ? COPI_WIRE_DOWN : COPI_WIRE_MESSAGE;
    w->head.flags = m->flags & TRAVELS;
    w->head.tag = m->tag;
    w->head.sender = m->sender;
    w->head.ref = m->ref;
    if (m->tag == COP_EXIT || m->tag == COP_DOWN)
        w->reason = &m->reason;
    if (m->tag == COP_DOWN) {
        w->name = cop_msg_name(m);
        return;
    }
    w->body = cop_msg_body(m);
    w->body_bytes = m->size;
}

/* ----------------------------------------------------------- receiving -- */

void copi_wire_in_init(struct copi_wire_in *in, size_t body_max)
{
    memset(in, 0, sizeof *in);
    in->body_max = body_max;
}

void copi_wire_in_fini(struct copi_wire_in *in)
{
    copi_mem_free(in->rest, in->rest_bytes);
    in->rest = NULL;
    in->rest_bytes = 0;
}

static size_t rest_size(const struct copi_wire_head *h)
{
    return (size_t)h->reason_bytes + h->name_bytes + h->body_bytes;
}

static bool is_sane(const struct copi_wire_in *in)
{
    const struct copi_wire_head *h = &in->head;
    return h->kind < COPI_WIRE_KINDS && h->name_bytes <= NAME_MAX_BYTES &&
           (h->reason_bytes == 0 ||
            (h->reason_bytes >= sizeof(struct copi_reason_head) &&
             h->reason_bytes <= COPI_REASON_PACKED_MAX)) &&
           h->body_bytes <= in->body_max;
}

/* Room for the rest; what small records need is kept. */
static int make_room(struct copi_wire_in *in)
{
    enum { KEPT = 1024 };
    size_t n = COPI_MAX(rest_size(&in->head), (size_t)KEPT);
    if (in->rest_bytes >= n && in->rest_bytes == KEPT)
        return 0;
    copi_wire_in_fini(in);
    in->rest = copi_mem_alloc(n);
    if (in->rest == NULL)
        return COP_ENOMEM;
    in->rest_bytes = n;
    return 0;
}

static int finish(struct copi_wire_in *in)
{
    const struct copi_wire_head *h = &in->head;
    unsigned char *name = in->rest + h->reason_bytes;
    in->have = 0;
    in->name = h->name_bytes > 0 ? (const char *)name : NULL;
    in->body = name + h->name_bytes;
    return h->name_bytes == 0 ||
                   memchr(name, 0, h->name_bytes) == name + h->name_bytes - 1
               ? 1
               : COP_EINVAL;
}

int copi_wire_take(struct copi_wire_in *in, struct copi_pipe *p)
{
    size_t n;
    if (in->have < sizeof in->head) {
        if (!copi_pipe_read(p, (char *)&in->head + in->have,
                            sizeof in->head - in->have, &n))
            return COP_EINVAL;
        in->have += n;
        if (in->have < sizeof in->head)
            return 0;
        if (!is_sane(in))
            return COP_EINVAL;
        int rc = make_room(in);
        if (rc != 0)
            return rc;
    }
    size_t got = in->have - sizeof in->head;
    if (!copi_pipe_read(p, in->rest + got, rest_size(&in->head) - got, &n))
        return COP_EINVAL;
    in->have += n;
    return got + n < rest_size(&in->head) ? 0 : finish(in);
}

/* ------------------------------------------------------------- reasons -- */

cop_reason copi_wire_reason(const struct copi_wire_in *in)
{
    return cop_reason_unpack(in->rest, in->head.reason_bytes);
}
