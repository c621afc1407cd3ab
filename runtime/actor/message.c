/* SPDX-License-Identifier: MIT
 *
 * message.c - making and freeing cells, and the public functions that read
 * messages. Rank: 3.
 *
 * Bodies up to 208 bytes lie in the cell, in three slab classes (one to four
 * cache lines); larger ones make the cell one block of its own. A body that
 * is moved or shared leaves only a pointer in the cell. A system message
 * (EXIT, DOWN) keeps its reason where a program's message keeps nothing, so
 * both are the same cell.
 *
 * The release of a moved body is the program's code. A fault in it ends the
 * actor in whose turn it runs; so whoever lets go of a message there takes it
 * out of everything first, or says that it cannot (copi_here_vital_begin).
 */
#include "runtime/actor/message.h"

#include "runtime/actor/here.h"
#include "runtime/actor/link.h"
#include "runtime/actor/misuse.h"
#include "runtime/actor/monitor.h"
#include "runtime/base/check.h"
#include "runtime/memory/mem.h"

_Static_assert(COPI_MSG_HEADER == 48, "a small message is one cache line");

void copi_msg_embed(struct cop_msg *m, enum copi_signal kind,
                    enum copi_cell cell)
{
    memset(m, 0, sizeof *m);
    m->kind = (uint8_t)kind;
    m->cell = (uint8_t)cell;
}

struct cop_msg *copi_msg_alloc(enum copi_signal kind, cop_tag tag, size_t size)
{
    int cell = copi_cell_class(COPI_MSG_HEADER + size);
    struct cop_msg *m = cell == COPI_CELL_LARGE
                            ? copi_mem_alloc(COPI_MSG_HEADER + size)
                            : copi_slab_alloc((enum copi_slab_class)cell);
    if (m == NULL)
        return NULL;
    copi_msg_set(m, kind, cell, tag, size);
    return m;
}

static struct reserve {
    struct cop_msg cell; /* first */
    atomic_bool is_taken;
} reserves[64];

struct cop_msg *copi_msg_reserve(enum copi_signal kind)
{
    for (size_t i = 0; i < COPI_ARRAY_LEN(reserves); i++) {
        struct reserve *r = &reserves[i];
        /* acquire: pairs with reserve_put, whose user is done with the cell */
        if (!atomic_exchange_explicit(&r->is_taken, true,
                                      memory_order_acquire)) {
            copi_msg_embed(&r->cell, kind, COPI_CELL_RESERVE);
            return &r->cell;
        }
    }
    return NULL;
}

static void reserve_put(struct cop_msg *m)
{
    struct reserve *r = (struct reserve *)(void *)m;
    /* release: pairs with copi_msg_reserve */
    atomic_store_explicit(&r->is_taken, false, memory_order_release);
}

struct cop_msg *copi_msg_make(cop_tag tag, const void *body, size_t size)
{
    struct cop_msg *m = copi_msg_alloc(COPI_SIG_MESSAGE, tag, size);
    if (m != NULL && size > 0)
        memcpy(copi_msg_inline(m), body, size);
    return m;
}

static void free_cell(struct cop_msg *m)
{
    COPI_ASSERT(m->kind <= COPI_SIG_ALIVE_ACK);
    if (COPI_UNLIKELY(m->reason.word != COP_R_NORMAL))
        cop_reason_release(m->reason);
    m->kind = COPI_SIG_RELEASED; /* a second release trips over the above */
    switch (m->cell) {
    case COPI_CELL_LARGE:
        copi_mem_free(m, COPI_MSG_HEADER + m->size);
        break;
    case COPI_CELL_LINK:
        copi_link_free((struct copi_link *)(void *)m);
        break;
    case COPI_CELL_WATCH:
        copi_watch_free((struct copi_watch *)(void *)m);
        break;
    case COPI_CELL_MONITOR:
        copi_monitor_free((struct copi_monitor *)(void *)m);
        break;
    case COPI_CELL_RESERVE:
        reserve_put(m);
        break;
    default:
        copi_slab_free((enum copi_slab_class)m->cell, m);
    }
}

/* What the program gave is called last, when nothing is left to be done here:
 * it may fault. */
static void release_with_body(struct cop_msg *m)
{
    if (m->body == COPI_BODY_SHARED) {
        cop_buf_release(*(struct cop_buf **)copi_msg_inline(m));
        free_cell(m);
        return;
    }
    struct copi_body_moved b = *(struct copi_body_moved *)copi_msg_inline(m);
    size_t size = m->size;
    free_cell(m);
    if (b.release == NULL)
        return;
    copi_here_judge_begin();
    b.release(b.data, size);
    copi_here_judge_end();
}

void copi_msg_release(struct cop_msg *m)
{
    if (COPI_LIKELY(m->body == COPI_BODY_INLINE))
        free_cell(m);
    else
        release_with_body(m);
}

/* -------------------------------------------------------------- public -- */

static void need(const void *p, const char *what)
{
    if (COPI_UNLIKELY(p == NULL))
        copi_misuse("%s is NULL", what);
}

cop_tag cop_msg_tag(const cop_msg *m)
{
    need(m, "cop_msg_tag: m");
    return m->tag;
}

cop_pid cop_msg_sender(const cop_msg *m)
{
    need(m, "cop_msg_sender: m");
    return m->sender;
}

cop_ref cop_msg_ref(const cop_msg *m)
{
    need(m, "cop_msg_ref: m");
    return m->ref;
}

size_t cop_msg_size(const cop_msg *m)
{
    need(m, "cop_msg_size: m");
    return m->size;
}

cop_reason cop_msg_reason(const cop_msg *m)
{
    need(m, "cop_msg_reason: m");
    return m->reason;
}

const void *cop_msg_body(const cop_msg *m)
{
    need(m, "cop_msg_body: m");
    if (m->body == COPI_BODY_MOVED)
        return ((struct copi_body_moved *)copi_msg_inline(m))->data;
    if (m->body == COPI_BODY_SHARED)
        return cop_buf_data(*(struct cop_buf **)copi_msg_inline(m));
    return copi_msg_inline(m);
}

const char *cop_msg_name(const cop_msg *m)
{
    need(m, "cop_msg_name: m");
    if (m->cell != COPI_CELL_WATCH)
        return "";
    return copi_watch_name((const struct copi_watch *)(const void *)m);
}

cop_msg_kind cop_msg_how(const cop_msg *m)
{
    need(m, "cop_msg_how: m");
    if (m->flags & COPI_MSG_CALL)
        return COP_MSG_CALL;
    return (m->flags & COPI_MSG_CAST) ? COP_MSG_CAST : COP_MSG_PLAIN;
}

cop_from cop_msg_from(const cop_msg *m)
{
    need(m, "cop_msg_from: m");
    if (!(m->flags & COPI_MSG_CALL))
        return COP_LITERAL(cop_from){COP_NO_PID, COP_NO_REF};
    return COP_LITERAL(cop_from){m->sender, m->ref};
}

const void *cop_msg_expect(const cop_msg *m, size_t size)
{
    need(m, "cop_msg_expect: m");
    if (m->size != size)
        copi_misuse("cop_msg_expect: message with tag %u has %zu bytes, not "
                    "%zu",
                    (unsigned)m->tag, (size_t)m->size, size);
    return cop_msg_body(m);
}

void *cop_msg_fill(cop_msg *m)
{
    need(m, "cop_msg_fill: m");
    if (m->body == COPI_BODY_INLINE)
        return copi_msg_inline(m);
    return (void *)(uintptr_t)cop_msg_body(m);
}

bool cop_msg_is_moved(const cop_msg *m, void (*release)(void *, size_t))
{
    return m->body == COPI_BODY_MOVED &&
           ((const struct copi_body_moved *)copi_msg_inline(m))->release ==
               release;
}

/* ------------------------------------------------------- shared bodies -- */

int cop_buf_new(cop_buf **out, const void *data, size_t size)
{
    if (out == NULL || (data == NULL && size > 0))
        return COP_EINVAL;
    *out = NULL;
    if (size > COPI_BODY_MAX)
        return COP_ESIZE;
    struct cop_buf *b = copi_mem_alloc(sizeof *b + size);
    if (b == NULL)
        return COP_ENOMEM;
    atomic_init(&b->count, 1);
    b->size = size;
    if (size > 0)
        memcpy(b + 1, data, size);
    *out = b;
    return 0;
}

cop_buf *cop_buf_retain(cop_buf *b)
{
    need(b, "cop_buf_retain: b");
    atomic_fetch_add_explicit(&b->count, 1, memory_order_relaxed);
    return b;
}

void cop_buf_release(cop_buf *b)
{
    if (b == NULL)
        return;
    /* release: this owner's reads come before the free; acquire: pairs with
     * the other owners' releases. */
    uint64_t n = atomic_fetch_sub_explicit(&b->count, 1, memory_order_acq_rel);
    COPI_ASSERT(n > 0);
    if (n == 1)
        copi_mem_free(b, sizeof *b + b->size);
}

const void *cop_buf_data(const cop_buf *b)
{
    need(b, "cop_buf_data: b");
    return b + 1;
}

size_t cop_buf_size(const cop_buf *b)
{
    need(b, "cop_buf_size: b");
    return b->size;
}
