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

#include "runtime/actor/reason.h"
#include "runtime/base/check.h"
#include "runtime/memory/mem.h"

/* A reason on its way; the payload follows. */
struct reason_head {
    int32_t kind;
    uint32_t payload_bytes;
    uint8_t has_payload;
    char name[COPI_REASON_NAME];
    char term[COPI_REASON_NAME];
};

enum { NAME_MAX_BYTES = COP_NAME_MAX + 1 };
#define REASON_MAX (sizeof(struct reason_head) + COPI_REASON_PAYLOAD_MAX)

_Static_assert(sizeof(cop_fault) <= COPI_REASON_PAYLOAD_MAX, "it fits");

/* ------------------------------------------------------------- sending -- */

static void copy_name(char *to, const char *from)
{
    size_t n = COPI_MIN(strlen(from), (size_t)COPI_REASON_NAME - 1);
    memset(to, 0, COPI_REASON_NAME);
    memcpy(to, from, n);
}

static const void *reason_begin(struct reason_head *h, cop_reason reason)
{
    size_t size;
    const void *payload = cop_reason_payload(reason, &size);
    memset(h, 0, sizeof *h);
    h->kind = cop_reason_kind(reason);
    h->payload_bytes = (uint32_t)size;
    h->has_payload = payload != NULL;
    copy_name(h->name, cop_reason_name(reason));
    copy_name(h->term, cop_reason_term(reason));
    return payload;
}

bool copi_wire_emit(const struct copi_wire *w,
                    bool (*put)(void *ctx, const void *p, size_t n), void *ctx)
{
    struct copi_wire_head h = w->head;
    struct reason_head r;
    const void *payload = NULL;
    if (w->reason != NULL) {
        payload = reason_begin(&r, *w->reason);
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
            (h->reason_bytes >= sizeof(struct reason_head) &&
             h->reason_bytes <= REASON_MAX)) &&
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

/* Closed, and without what is no plain text. */
static void clean(char *s, size_t size)
{
    s[size - 1] = '\0';
    for (; *s != '\0'; s++)
        if ((unsigned char)*s < 0x20 || (unsigned char)*s > 0x7e)
            *s = '?';
}

static cop_reason fault_of(const void *payload, size_t size)
{
    cop_fault f;
    if (size != sizeof f)
        return cop_because("fault");
    memcpy(&f, payload, sizeof f);
    clean(f.what, sizeof f.what);
    clean(f.text, sizeof f.text);
    f.depth = COPI_MIN(f.depth, (unsigned)COP_FAULT_FRAMES);
    return copi_reason_fault(&f);
}

/* The payload as a text, cut to what a message of the runtime's needs. */
static const char *text_of(const void *payload, size_t size, char *out,
                           size_t out_size)
{
    size_t n = COPI_MIN(size, out_size - 1);
    memcpy(out, payload, n);
    out[n] = '\0';
    clean(out, out_size);
    return out[0] != '\0' ? out : "?";
}

static cop_reason rebuild(struct reason_head *h, const void *payload)
{
    char text[512];
    size_t size = h->payload_bytes;
    switch (h->kind) {
    case COP_R_SHUTDOWN_TERM:
        if (h->term[0] != '\0')
            return cop_shutdown_because(h->term);
        return cop_because_of("shutdown", payload, size);
    case COP_R_BADARG:
        return copi_reason_badarg_fmt(
            "%s", text_of(payload, size, text, sizeof text));
    case COP_R_LIMIT:
        return copi_reason_limit(
            text_of(payload, size, text, COPI_REASON_NAME));
    case COP_R_FAULT:
        return fault_of(payload, size);
    default:
        if (h->name[0] == '\0')
            return cop_because("unnamed");
        return h->has_payload ? cop_because_of(h->name, payload, size)
                              : cop_because(h->name);
    }
}

cop_reason copi_wire_reason(const struct copi_wire_in *in)
{
    struct reason_head h;
    size_t room = in->head.reason_bytes;
    if (room < sizeof h)
        return COP_NORMAL;
    memcpy(&h, in->rest, sizeof h);
    h.name[sizeof h.name - 1] = h.term[sizeof h.term - 1] = '\0';
    h.payload_bytes = COPI_MIN(h.payload_bytes, (uint32_t)(room - sizeof h));
    if (h.kind >= 0 && h.kind < COP_R_COUNT)
        return (cop_reason){(uintptr_t)h.kind};
    return rebuild(&h, in->rest + sizeof h);
}
