/* SPDX-License-Identifier: MIT
 *
 * event.h - what the files of the event manager share: its record, its
 * handlers, and the protocol between it and its clients.
 *
 *     event.c          the manager as a server: messages, requests, services
 *     event_next.c     verdicts
 *     event_member.c   one handler: how it begins, speaks and ends
 *     event_answer.c   answers, and what clients make of them
 *     event_client.c   the public requests
 */
#ifndef COPI_ACTORS_EVENT_H
#define COPI_ACTORS_EVENT_H

#include <coppice/event.h>

#include "actors/index.h"

/* ------------------------------------------------------------- protocol -- */

/* An event is a cast, and a call with a tag of the program's own (it is
 * answered with nothing). Requests are calls with these tags. */
enum copi_event_tag {
    COPI_EVENT_ADD = COP_EVENT_EXIT + 1, /* id, is_supervised, arg */
    COPI_EVENT_DELETE,                   /* id, left */
    COPI_EVENT_SWAP,                     /* id, left, to, is_supervised, arg */
    COPI_EVENT_CALL,                     /* id, tag, arg */
    COPI_EVENT_WHICH,                    /* cap -> ids */
    COPI_EVENT_STATE                     /* id, cap -> state */
};

/* The body of each request. Two blocks of bytes follow, aligned. */
struct copi_event_ask {
    cop_event_id id, to;
    cop_tag tag;
    bool is_supervised;
    size_t left_bytes, arg_bytes;
    size_t cap;
};

static inline size_t copi_event_round(size_t n)
{
    return (n + 15) & ~(size_t)15;
}

#define COPI_EVENT_HEAD ((size_t)80) /* where the first block begins */
_Static_assert(sizeof(struct copi_event_ask) <= COPI_EVENT_HEAD, "head");

/* How each answer begins; bytes may follow. */
struct copi_event_head {
    uint32_t mark; /* COPI_EVENT_MARK, or it is no manager that answered */
    int32_t code;
    uint64_t total; /* handlers there are, bytes of the whole state */
};
#define COPI_EVENT_MARK 0x65766e74u

/* One that carries what must not be copied: a moved body. */
struct copi_event_answer {
    struct copi_event_head head;
    cop_reason why;  /* owned */
    cop_msg *result; /* owned, or NULL */
};

/* --------------------------------------------------------------- inside -- */

/* A handler in its manager. */
struct copi_event_member {
    struct copi_event_member *prev, *next; /* the newest first */
    struct copi_index_node by_id;
    uint64_t order;               /* greater is further in front */
    cop_event_id id;              /* what it is called by */
    const cop_event_handler *def; /* what it is; another after an upgrade */
    cop_pid sup;                  /* who supervises it, or nobody */
    cop_msg *last_word;           /* the COP_EVENT_EXIT for that; owned */
    void *state;                  /* owned */
    void *new_state;              /* while an upgrade is made; owned */
};

/* What a verdict to be replaced carries, behind it the two blocks. */
struct cop_event_swap_args {
    size_t left_bytes, arg_bytes;
};

enum copi_event_what {
    COPI_EVENT_KEEP,
    COPI_EVENT_REMOVE,
    COPI_EVENT_FAIL,
    COPI_EVENT_REPLACE
};

/* The manager. What is under way hangs on it, because it may be killed at any
 * callback. */
struct copi_event {
    struct copi_event_member *first, *last;
    size_t count;
    uint64_t newest; /* the greatest order given */
    bool is_mixed;   /* those of one name may not stand as they came */
    struct copi_index by_id;
    cop_pid parent;                    /* if linked from the beginning */
    cop_msg *message;                  /* what came; owned */
    cop_msg *asked;                    /* the query of a call; owned */
    cop_event_next said;               /* the last verdict; owned */
    cop_reason why;                    /* what a handler ends of; owned */
    cop_msg *result;                   /* what a terminate gave; owned */
    struct cop_event_swap_args *swap;  /* that is being made; owned */
    struct copi_event_member *joining; /* not in the list yet; owned */
    cop_event_init how;                /* it begins so; old, old_why owned */
    struct copi_event_member *at;      /* whose turn a round has come to */
};

/* event_next.c */

void *copi_event_swap_left(struct cop_event_swap_args *w);
void *copi_event_swap_arg(struct cop_event_swap_args *w);

/* event_member.c */

void copi_event_init(struct copi_event *s);
/* Frees all, in the manager, however it dies. */
void copi_event_fini(void *s);

/* The newest handler of that name, or NULL. */
struct copi_event_member *copi_event_find(const struct copi_event *s,
                                          cop_event_id id);

/* All handlers get what came, their `event` or `info`. */
void copi_event_round_all(struct copi_event *s, bool is_event);
/* One gets s->asked. 0, or COP_EFAILED with s->why; it may be gone then. */
int copi_event_ask(struct copi_event *s, struct copi_event_member *h,
                   cop_from from);

/* Makes a handler, in front of all. 0; COP_ENOMEM; COP_EFAILED with s->why. */
int copi_event_add(struct copi_event *s, cop_event_id id, cop_pid sup,
                   const void *arg, size_t arg_bytes);
/* Ends one. 0 and s->result; or COP_EFAILED with s->said.reason. */
int copi_event_end(struct copi_event *s, struct copi_event_member *h,
                   const cop_event_end *end, cop_reason told);
/* Ends h (may be NULL) and puts another in front of all, supervised by sup. As
 * copi_event_add. */
int copi_event_swap_for(struct copi_event *s, struct copi_event_member *h,
                        const struct copi_event_ask *ask, cop_pid sup);

/* event_upgrade.c */

/* Handlers of def->replaces become ones of def, or none does: a code. */
int copi_event_upgrade(struct copi_event *s, const cop_event_handler *def,
                       const void *extra, size_t extra_bytes);

/* event_answer.c */

/* Answers with a code; it is not given up for want of memory. */
void copi_event_answer_code(cop_from to, int code);
/* The same, with *why and *result, which are taken. */
void copi_event_answer_all(cop_from to, int code, cop_reason *why,
                           cop_msg **result);
/* Takes an answer (which is taken) apart: its code; COP_EINVAL if it is none
 * of a manager. What is not NULL is set. */
int copi_event_answer_open(cop_msg *reply, cop_msg **result, cop_reason *why);
/* The head of an answer, or NULL if it is none of a manager. */
const struct copi_event_head *copi_event_answer_head(const cop_msg *reply);
/* The reason that an answer carries, the caller's. */
cop_reason copi_event_answer_why(const cop_msg *reply);

static inline const void *copi_event_left(const struct copi_event_ask *ask)
{
    return ask->left_bytes > 0 ? (const char *)ask + COPI_EVENT_HEAD : NULL;
}

static inline const void *copi_event_arg(const struct copi_event_ask *ask)
{
    return ask->arg_bytes > 0 ? (const char *)ask + COPI_EVENT_HEAD +
                                    copi_event_round(ask->left_bytes)
                              : NULL;
}

#endif
