/* SPDX-License-Identifier: MIT
 *
 * message.h - the cell that travels: a message of a program, or a signal of
 * the runtime. Rank: 3.
 *
 * Everything between actors is such a cell in the receiver's one ordered
 * queue. A cell's memory is held in one of three ways (enum copi_cell): from
 * a slab class, as one large block, or as the first member of a link or
 * monitor record, which is why dying needs no memory.
 */
#ifndef COPI_ACTOR_MESSAGE_H
#define COPI_ACTOR_MESSAGE_H

#include <coppice/message.h>

#include "runtime/base/check.h"
#include "runtime/memory/slab.h"

enum copi_signal {
    COPI_SIG_MESSAGE,   /* what a receive can see */
    COPI_SIG_EXIT,      /* exit/2 */
    COPI_SIG_LINK_EXIT, /* a linked actor ended; in its struct copi_link */
    COPI_SIG_LINK,      /* carries the receiver's struct copi_link */
    COPI_SIG_UNLINK,
    COPI_SIG_UNLINK_ACK,
    COPI_SIG_MONITOR,   /* carries the receiver's struct copi_watch */
    COPI_SIG_DEMONITOR, /* carries the sender's struct copi_monitor */
    COPI_SIG_DOWN,      /* in a struct copi_watch */
    COPI_SIG_ALIVE,     /* is it? */
    COPI_SIG_ALIVE_ACK
};

#define COPI_SIG_RELEASED 0xff /* no signal any more */

enum copi_flag {
    COPI_MSG_CAST = 1,
    COPI_MSG_CALL = 2,
    COPI_MSG_ALIAS = 4, /* valid only while the alias `ref` is */
    COPI_MSG_URGENT = 8,
    COPI_MSG_REPLY = 16,   /* answers a cop_call: claimed by its replier */
    COPI_MSG_COUNTED = 32, /* takes a place in a bounded mailbox */
    COPI_MSG_SYSTEM = 64,  /* not a program's: left out of the counters */
    COPI_MSG_KEPT = 128    /* owned by the program */
};

enum copi_body { COPI_BODY_INLINE, COPI_BODY_MOVED, COPI_BODY_SHARED };

enum copi_cell {
    COPI_CELL_SLAB_FIRST, /* this and following: slab classes */
    COPI_CELL_LARGE = 64, /* one block with the body */
    COPI_CELL_LINK,       /* inside a struct copi_link */
    COPI_CELL_WATCH,      /* inside a struct copi_watch */
    COPI_CELL_MONITOR,    /* inside a struct copi_monitor */
    COPI_CELL_RESERVE     /* of copi_msg_reserve */
};

struct cop_msg {
    _Atomic(struct cop_msg *) next;
    uint8_t kind;  /* enum copi_signal */
    uint8_t flags; /* enum copi_flag */
    uint8_t body;  /* enum copi_body */
    uint8_t cell;  /* enum copi_cell */
    cop_tag tag;
    cop_pid sender;
    cop_ref ref;
    uint64_t size;     /* of the body, bytes */
    cop_reason reason; /* of exit signals and DOWN */
    /* 48 bytes; the inline body follows, aligned for any type */
};

#define COPI_MSG_HEADER sizeof(struct cop_msg)
#define COPI_BODY_MAX ((size_t)1 << 30)
/* The largest body that a slab cell holds. */
#define COPI_BODY_SMALL (256 - COPI_MSG_HEADER)

struct copi_body_moved {
    void *data;
    void (*release)(void *, size_t);
};

struct cop_buf {
    _Atomic uint64_t count;
    size_t size;
    /* the bytes follow */
};

static inline void *copi_msg_inline(const struct cop_msg *m)
{
    return (char *)(uintptr_t)m + COPI_MSG_HEADER;
}

/* The slab class of a cell of so many bytes, or COPI_CELL_LARGE. */
static inline int copi_cell_class(size_t total)
{
    if (total <= 64)
        return COPI_SLAB_64;
    if (total <= 128)
        return COPI_SLAB_128;
    return total <= 256 ? COPI_SLAB_256 : COPI_CELL_LARGE;
}

COPI_EDGE_PART void copi_msg_set(struct cop_msg *m, enum copi_signal kind,
                                 int cell, cop_tag tag, size_t size)
{
    atomic_store_explicit(&m->next, NULL, memory_order_relaxed);
    m->kind = (uint8_t)kind;
    m->flags = 0;
    m->body = COPI_BODY_INLINE;
    m->cell = (uint8_t)cell;
    m->tag = tag;
    m->sender = COP_NO_PID;
    m->ref = COP_NO_REF;
    m->size = size;
    m->reason = COP_NORMAL;
}

/* A cell for a body of `size` bytes, all fields set; NULL: no memory. */
struct cop_msg *copi_msg_alloc(enum copi_signal kind, cop_tag tag, size_t size);
/* One of a few cells that need no memory, for signals that are acted on at once
 * whatever the receiver does; NULL: all are under way. */
struct cop_msg *copi_msg_reserve(enum copi_signal kind);
/* A message with a copy of the body; NULL: no memory. */
struct cop_msg *copi_msg_make(cop_tag tag, const void *body, size_t size);
/* Copies the body; one and two words, the commonest sizes, without a call. */
static inline void copi_msg_copy(struct cop_msg *m, const void *body,
                                 size_t size)
{
    void *to = copi_msg_inline(m);
    if (size == 8)
        memcpy(to, body, 8);
    else if (size == 16)
        memcpy(to, body, 16);
    else if (size > 0)
        memcpy(to, body, size);
}

/* The same in a cell of this class, which has room, by a thread that has its
 * cells at hand. */
static inline struct cop_msg *copi_msg_make_in(struct copi_slab_cache *cells,
                                               int cell, cop_tag tag,
                                               const void *body, size_t size)
{
    struct cop_msg *m = copi_slab_alloc_from(cells, (enum copi_slab_class)cell);
    if (COPI_UNLIKELY(m == NULL))
        return NULL;
    copi_msg_set(m, COPI_SIG_MESSAGE, cell, tag, size);
    copi_msg_copy(m, body, size);
    return m;
}
/* The same of any size, by a thread that may have none at hand (NULL). */
static inline struct cop_msg *copi_msg_make_from(struct copi_slab_cache *cells,
                                                 cop_tag tag, const void *body,
                                                 size_t size)
{
    int cell = copi_cell_class(COPI_MSG_HEADER + size);
    if (COPI_UNLIKELY(cells == NULL || cell == COPI_CELL_LARGE))
        return copi_msg_make(tag, body, size);
    return copi_msg_make_in(cells, cell, tag, body, size);
}

/* Sets the fields of a cell inside another record. */
void copi_msg_embed(struct cop_msg *m, enum copi_signal kind,
                    enum copi_cell cell);
/* Frees a cell of any kind, with its body, reason and record. In an actor's
 * call the caller may lose control to a fault in the body's release: nothing
 * may be half changed. */
void copi_msg_release(struct cop_msg *m);
/* Is there no more to free than a cell of the slab? */
COPI_EDGE_PART bool copi_msg_is_bare(const struct cop_msg *m)
{
    return m->cell < COPI_SLAB_COUNT && m->body == COPI_BODY_INLINE &&
           m->reason.word == COP_R_NORMAL;
}
/* The same by who is inside the runtime and has the thread's cells at hand. */
static inline void copi_msg_release_to(struct copi_slab_cache *cells,
                                       struct cop_msg *m)
{
    if (COPI_UNLIKELY(!copi_msg_is_bare(m))) {
        copi_msg_release(m);
        return;
    }
    COPI_ASSERT(m->kind <= COPI_SIG_ALIVE_ACK);
    m->kind = COPI_SIG_RELEASED;
    copi_slab_free_to(cells, (enum copi_slab_class)m->cell, m);
}

static inline bool copi_msg_is_counted(const struct cop_msg *m)
{
    return m->kind == COPI_SIG_MESSAGE && !(m->flags & COPI_MSG_SYSTEM);
}

#endif
