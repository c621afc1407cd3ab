/* SPDX-License-Identifier: MIT
 *
 * server_inside.h - what the files of the server share: its record.
 *
 *     server_next.c   verdicts
 *     server_sys.c    the services of sys.h, inside the server
 *     server.c        messages, verdicts followed, ends
 *     server_start.c  init; cop_server_start, cop_server_enter
 *
 * Each uses only those above it.
 */
#ifndef COPI_ACTORS_SERVER_INSIDE_H
#define COPI_ACTORS_SERVER_INSIDE_H

#include "actors/server.h"
#include "actors/start.h"

struct copi_debug;

/* What comes next; 0 is also what a callback that forgets to say it means. */
enum copi_server_next {
    COPI_NEXT_WAIT,
    COPI_NEXT_IDLE,
    COPI_NEXT_CONTINUE,
    COPI_NEXT_STOP,
    COPI_NEXT_IGNORE
};

enum {
    COPI_SERVER_IDLE = COP_TAG_BEHAVIOUR + 0x110 /* uint64_t: idle_number */
};

#define COPI_SERVER_STATE_MAX ((size_t)1 << 40) /* a mistake, not a size */

struct copi_server {
    struct copi_server *self; /* of one that entered: its handler's state */
    struct copi_start start;
    const cop_server *def;
    const struct copi_server_hooks *hooks;
    cop_pid parent;    /* whose EXIT ends it; never none */
    bool is_linked;    /* to who started it, from the beginning */
    bool is_up;        /* init is done, terminate is not called yet */
    bool is_suspended; /* server_sys.c */
    bool is_idle;      /* the idle timer runs */
    uint64_t idle_number;
    cop_time idle_ns; /* while is_idle */
    cop_timer idle_timer;
    cop_reason why; /* while it terminates; owned */
    cop_from reply_to;
    cop_msg *reply; /* owed after terminate; owned */
    void *arg;
    size_t arg_bytes; /* copied: behind the state */
    void (*arg_release)(void *);
    void *state;
    size_t state_bytes;
    void *own_state;          /* `state`, if it is not in this block; owned */
    void *spare;              /* while the state is changed; owned */
    struct copi_debug *debug; /* NULL: nothing is on; owned */
};

/* The unit of sizes within its block. */
static inline size_t copi_server_round_up(size_t n)
{
    return (n + 15) & ~(size_t)15;
}

/* server_sys.c: answers a request of sys.h. */
void copi_server_sys(struct copi_server *s, const cop_msg *m);
/* server_sys.c: while something is on, after each event: shows the state. */
void copi_server_show_state(struct copi_server *s);

/* server.c */

/* Says that it is up, and follows what init said. */
void copi_server_come_up(struct copi_server *s, cop_next n);

#endif
