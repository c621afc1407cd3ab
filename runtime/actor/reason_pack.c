/* SPDX-License-Identifier: MIT
 *
 * reason_pack.c - reasons as flat bytes. Rank: 3.
 *
 * A reason is a word that may be an address, with a count behind it; so it
 * cannot be put into a message as it is: the message may be dropped, and it may
 * come from another process. Packed it is a head and the payload.
 *
 * Unpacking believes nothing: who sends the bytes may have gone wild. Whatever
 * they are, they make some reason; sizes are bounded, texts are closed and
 * cleaned of what is not for terminals.
 */
#include "runtime/actor/reason_pack.h"

_Static_assert(sizeof(cop_fault) <= COPI_REASON_PAYLOAD_MAX, "it fits");

/* ------------------------------------------------------------- packing -- */

static void copy_name(char *to, const char *from)
{
    size_t n = COPI_MIN(strlen(from), (size_t)COPI_REASON_NAME - 1);
    memset(to, 0, COPI_REASON_NAME);
    memcpy(to, from, n);
}

const void *copi_reason_pack_begin(struct copi_reason_head *h,
                                   cop_reason reason)
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

size_t cop_reason_pack(cop_reason reason, void *buf, size_t cap)
{
    struct copi_reason_head h;
    const void *payload = copi_reason_pack_begin(&h, reason);
    size_t size = sizeof h + h.payload_bytes;
    if (buf == NULL || size > cap)
        return size;
    memcpy(buf, &h, sizeof h);
    if (h.payload_bytes > 0)
        memcpy((char *)buf + sizeof h, payload, h.payload_bytes);
    return size;
}

/* ----------------------------------------------------------- unpacking -- */

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

static cop_reason rebuild(struct copi_reason_head *h, const void *payload)
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

cop_reason cop_reason_unpack(const void *bytes, size_t size)
{
    struct copi_reason_head h;
    if (bytes == NULL || size < sizeof h)
        return COP_NORMAL;
    memcpy(&h, bytes, sizeof h);
    h.name[sizeof h.name - 1] = h.term[sizeof h.term - 1] = '\0';
    h.payload_bytes =
        (uint32_t)COPI_MIN((size_t)h.payload_bytes, size - sizeof h);
    if (h.kind >= 0 && h.kind < COP_R_COUNT)
        return (cop_reason){(uintptr_t)h.kind};
    return rebuild(&h, (const char *)bytes + sizeof h);
}
