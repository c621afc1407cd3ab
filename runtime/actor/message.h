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

#include "runtime/base/base.h"
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

/* A cell for a body of `size` bytes, all fields set; NULL: no memory. */
struct cop_msg *copi_msg_alloc(enum copi_signal kind, cop_tag tag, size_t size);
/* One of a few cells that need no memory, for signals that are acted on at once
 * whatever the receiver does; NULL: all are under way. */
struct cop_msg *copi_msg_reserve(enum copi_signal kind);
/* A message with a copy of the body; NULL: no memory. */
struct cop_msg *copi_msg_make(cop_tag tag, const void *body, size_t size);
/* Sets the fields of a cell inside another record. */
void copi_msg_embed(struct cop_msg *m, enum copi_signal kind,
                    enum copi_cell cell);
/* Frees a cell of any kind, with its body, reason and record. In an actor's
 * call the caller may lose control to a fault in the body's release: nothing
 * may be half changed. */
void copi_msg_release(struct cop_msg *m);

static inline bool copi_msg_is_counted(const struct cop_msg *m)
{
    return m->kind == COPI_SIG_MESSAGE && !(m->flags & COPI_MSG_SYSTEM);
}

#endif
