/* SPDX-License-Identifier: MIT
 *
 * statem.h - what the files of the state machine share.
 *
 *     statem.c         the machine as a server; one event after the other
 *     statem_start.c   cop_statem_start, services
 *     statem_memory.c  the block of memory
 *     statem_action.c  actions: recorded by callbacks, then carried out
 *     statem_timer.c   the three kinds of timeouts
 *     statem_event.c   events that wait, and their queues
 */
#ifndef COPI_ACTORS_STATEM_H
#define COPI_ACTORS_STATEM_H

#include <coppice/statem.h>

#include "actors/index.h"

/* --------------------------------------------------------------- events -- */

/* An event that waits, or is handled; what it shows lies in the message, or
 * behind it. */
struct copi_sm_event {
    struct copi_sm_event *next;
    cop_sm_event is;
    cop_msg *msg; /* owned */
};

struct copi_sm_queue {
    struct copi_sm_event *first, *last;
    size_t count;
};

/* A copy of *e with its body; without its message. NULL: no memory. */
struct copi_sm_event *copi_sm_event_new(const cop_sm_event *e);
/* The same of one that lies elsewhere, whose message it takes over. */
struct copi_sm_event *copi_sm_event_move(struct copi_sm_event *from);
/* NULL is ignored. */
void copi_sm_event_free(struct copi_sm_event *e);

void copi_sm_queue_push(struct copi_sm_queue *q, struct copi_sm_event *e);
struct copi_sm_event *copi_sm_queue_pop(struct copi_sm_queue *q);
/* Puts all of `front` before what is in q; front is empty then. */
void copi_sm_queue_prepend(struct copi_sm_queue *q,
                           struct copi_sm_queue *front);
void copi_sm_queue_free(struct copi_sm_queue *q);

/* --------------------------------------------------------------- timers -- */

enum copi_sm_set { COPI_SM_AFTER, COPI_SM_AT, COPI_SM_UPDATE, COPI_SM_CANCEL };

/* What an action says about a timeout. */
struct copi_sm_wish {
    enum copi_sm_set how;
    cop_time time;
    struct copi_sm_event *event; /* owned; NULL: to cancel */
};

/* A timeout. Set if it has an event: then it is `zero`, in the queue of those,
 * or its timer runs and carries the number. */
struct copi_sm_timeout {
    struct copi_index_node node; /* of a named one, by its name */
    cop_sm_timer id;
    struct copi_sm_event *event; /* owned */
    bool is_zero;
    bool is_wished; /* something is to be done about it */
    struct copi_sm_timeout *zero_prev, *zero_next;
    struct copi_sm_timeout *wish_prev, *wish_next;
    cop_timer timer;
    uint64_t number;
    struct copi_sm_wish wish;
};

struct copi_sm_timers {
    struct copi_sm_timeout state, event;
    struct copi_index named;
    struct copi_sm_timeout *zero_first, *zero_last;
    struct copi_sm_timeout *wish_first, *wish_last;
    uint64_t number; /* of the newest */
};

void copi_sm_timers_init(struct copi_sm_timers *t);
void copi_sm_timers_fini(struct copi_sm_timers *t);
/* Notes what is to be done about a timeout, instead of what was noted before;
 * the event is taken. COP_ENOMEM. */
int copi_sm_timers_wish(struct copi_sm_timers *t, cop_sm_timer id,
                        struct copi_sm_wish wish);
/* Does all that was noted. COP_ENOMEM: not all of it. */
int copi_sm_timers_apply(struct copi_sm_timers *t);
void copi_sm_timers_cancel(struct copi_sm_timers *t, struct copi_sm_timeout *m);
/* The event of the oldest one of time 0, the caller's; NULL: none. */
struct copi_sm_event *copi_sm_timers_zero(struct copi_sm_timers *t);
/* Whether a message is of a timer; then *out is its event, the caller's, or
 * NULL if it is stale. */
bool copi_sm_timers_fired(struct copi_sm_timers *t, const cop_msg *m,
                          struct copi_sm_event **out);
/* How many are set. */
size_t copi_sm_timers_count(const struct copi_sm_timers *t);

/* -------------------------------------------------------------- actions -- */

enum copi_sm_verb {
    COPI_SM_REPLY,
    COPI_SM_POSTPONE,
    COPI_SM_HIBERNATE,
    COPI_SM_NEXT_EVENT,
    COPI_SM_TIMEOUT,
    COPI_SM_CHANGE,
    COPI_SM_PUSH,
    COPI_SM_POP
};

struct copi_sm_action {
    enum copi_sm_verb verb;
    const char *call; /* the function that recorded it */
    bool on;          /* postpone, hibernate */
    cop_from to;
    cop_msg *reply; /* owned */
    const cop_statem *def;
    struct copi_sm_event *event; /* to insert; owned */
    cop_sm_timer timer;
    struct copi_sm_wish wish;
};

/* Those recorded; the first `done` of them are carried out. */
struct copi_sm_actions {
    struct copi_sm_action *all;
    size_t count, done, room;
};

/* Why the actions are carried out. */
enum copi_sm_phase { COPI_SM_HANDLED, COPI_SM_ENTERED, COPI_SM_REPLIES };

/* Carries out what was recorded. A wrong action does not return: the machine
 * exits. */
void copi_sm_carry_out(cop_sm *sm, enum copi_sm_phase phase);
void copi_sm_actions_fini(struct copi_sm_actions *a);

/* -------------------------------------------------------------- machine -- */

struct cop_sm {
    const cop_sm *block; /* this one; of a copy: the original */
    size_t block_bytes;
    size_t arg_bytes; /* copied: behind the data */
    const cop_statem *def;
    const cop_statem **pushed; /* definitions to return to; owned */
    size_t npushed, pushed_room;
    cop_sm_state *at;     /* the state, behind it the data */
    size_t data_bytes;    /* room for data at `at` */
    cop_sm_state *own_at; /* where `at` points after a change of code; owned */
    cop_sm_state *new_at; /* during one; owned */
    cop_pid self;
    cop_reason why;    /* while the last replies are sent; owned */
    int before;        /* the state in which the event came */
    bool is_recording; /* a callback runs */
    bool postpone;     /* the event that is handled */
    bool hibernate;
    struct copi_sm_event *current; /* being handled; owned */
    struct copi_sm_event arrived;  /* one that came as a message */
    struct copi_sm_queue ready;    /* before any message */
    struct copi_sm_queue postponed;
    struct copi_sm_queue inserted; /* by the event that is handled */
    struct copi_sm_actions actions;
    struct copi_sm_timers timers;
    void *arg;
    void (*arg_release)(void *);
};

#define COPI_SM_DATA_MAX ((size_t)1 << 40) /* a mistake, not a size */

/* The unit of sizes within its block. */
static inline size_t copi_sm_round_up(size_t n)
{
    return (n + 15) & ~(size_t)15;
}

/* statem_memory.c */

/* Of opts the argument's size or release. NULL: no memory. */
cop_sm *copi_sm_new(const cop_statem *def, void *arg, const cop_opts *opts);
void copi_sm_free(void *sm);
/* In another process' hands it points to nothing that is not there. */
bool copi_sm_is_at_home(const cop_sm *sm);
/* At its beginning: the block itself, or of a copy in another process a new one
 * like it, which is the actor's. */
cop_sm *copi_sm_settle(cop_sm *sent);

static inline void *copi_sm_data(const cop_sm *sm)
{
    return sm->at + 1;
}

/* Ends the machine; the reason is taken. */
COP_NORETURN void copi_sm_nomem(void);

/* statem.c; its state is a pointer to the machine, which is its argument. */
extern const cop_server copi_sm_server;

#endif
