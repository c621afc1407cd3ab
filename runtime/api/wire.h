/* SPDX-License-Identifier: MIT
 *
 * wire.h - what passes between an isolated actor's process and its proxy.
 * Rank: 5. See wire.c.
 */
#ifndef COPI_API_WIRE_H
#define COPI_API_WIRE_H

#include "runtime/actor/message.h"
#include "runtime/queue/pipe.h"

enum copi_wire_kind {
    /* both ways */
    COPI_WIRE_MESSAGE,
    /* to the actor */
    COPI_WIRE_ARG, /* the copied argument: the first one */
    COPI_WIRE_DOWN,
    COPI_WIRE_ANSWER, /* to the question `ref`: tag is the code, to the pid */
    /* from the actor */
    COPI_WIRE_EXIT,
    COPI_WIRE_MONITOR,
    COPI_WIRE_DEMONITOR,
    COPI_WIRE_ASK, /* tag: enum copi_ask */
    COPI_WIRE_LOG,
    COPI_WIRE_ENDED,
    COPI_WIRE_KINDS
};

struct copi_wire_head {
    uint8_t kind;
    uint8_t flags;         /* of a message */
    uint16_t name_bytes;   /* with a closing zero; 0: no name */
    uint32_t reason_bytes; /* 0: no reason */
    uint32_t body_bytes;
    uint32_t tag;
    cop_pid to, sender;
    cop_ref ref;
};

/* Something to send. */
struct copi_wire {
    struct copi_wire_head head; /* the sizes are filled in */
    const cop_reason *reason;   /* NULL: none */
    const char *name;           /* NULL: none */
    const void *body;
    size_t body_bytes; /* up to 1 GiB */
};

/* Hands the bytes of `w` to put, in order; false: put gave false. */
bool copi_wire_emit(const struct copi_wire *w,
                    bool (*put)(void *ctx, const void *p, size_t n), void *ctx);
/* What a message's cell says of itself, as a kind of its own. */
void copi_wire_of_message(struct copi_wire *w, const struct cop_msg *m);

/* Something that arrives, piece by piece. */
struct copi_wire_in {
    struct copi_wire_head head;
    size_t have; /* bytes of it so far */
    unsigned char *rest;
    size_t rest_bytes;
    size_t body_max;
    const char *name; /* NULL: none */
    const void *body;
};

void copi_wire_in_init(struct copi_wire_in *in, size_t body_max);
void copi_wire_in_fini(struct copi_wire_in *in);
/* Takes what has come. 1: it is complete, until the next call; 0: more has to
 * come; COP_EINVAL: nonsense came; COP_ENOMEM. */
int copi_wire_take(struct copi_wire_in *in, struct copi_pipe *p);
/* Its reason, the caller's; without one `normal`. */
cop_reason copi_wire_reason(const struct copi_wire_in *in);

#endif
