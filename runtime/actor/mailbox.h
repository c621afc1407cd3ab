/* SPDX-License-Identifier: MIT
 *
 * mailbox.h - an actor's queue of signals, and its inbox of messages.
 * Rank: 3. See mailbox.c for how it works.
 */
#ifndef COPI_ACTOR_MAILBOX_H
#define COPI_ACTOR_MAILBOX_H

#include "runtime/actor/actor.h"
#include "runtime/actor/counters.h"
#include "runtime/actor/heap.h"
#include "runtime/actor/message.h"
#include "runtime/probe/trace.h"

enum copi_push {
    COPI_PUSHED,
    COPI_PUSHED_WAKE,  /* it was parked: the caller must make it runnable */
    COPI_PUSHED_CLOSED /* it is dead: *rest is the caller's to dispose of */
};

void copi_mailbox_init(struct copi_actor *a);

/* What `tail` can be beside a cell: see mailbox.c. No addresses of anything. */
#define COPI_MAILBOX_RUNNING ((struct cop_msg *)1)
#define COPI_MAILBOX_PARKED ((struct cop_msg *)2)
#define COPI_MAILBOX_CLOSED ((struct cop_msg *)3)

static inline bool copi_mailbox_is_mark(const struct cop_msg *m)
{
    return (uintptr_t)m <= 3;
}

/* The mailbox was closed: puts the mark back; m is then the first of a chain
 * (by next) of cells that nobody else will see. */
void copi_mailbox_push_to_closed(struct copi_actor *a, struct cop_msg *m);

/* Any thread: appends m. With COPI_PUSHED_CLOSED m is the first of a chain (by
 * next) that nobody else will see. */
static inline enum copi_push copi_mailbox_push(struct copi_actor *a,
                                               struct cop_msg *m)
{
    atomic_store_explicit(&m->next, NULL, memory_order_relaxed);
    /* seq_cst: orders this push against copi_mailbox_park, and (release) what
     * the cell holds against the consumer */
    struct cop_msg *prev =
        atomic_exchange_explicit(&a->tail, m, memory_order_seq_cst);
    if (!copi_mailbox_is_mark(prev)) {
        /* pairs with the acquire in wait_for_link and next_local */
        atomic_store_explicit(&prev->next, m, memory_order_release);
        return COPI_PUSHED;
    }
    if (COPI_UNLIKELY(prev == COPI_MAILBOX_CLOSED)) {
        copi_mailbox_push_to_closed(a, m);
        return COPI_PUSHED_CLOSED;
    }
    /* pairs with the acquire of `first` in take_first and sole */
    atomic_store_explicit(&a->first, m, memory_order_release);
    return prev == COPI_MAILBOX_PARKED ? COPI_PUSHED_WAKE : COPI_PUSHED;
}

/* Whether there are signals to act on. */
static inline bool copi_mailbox_has_signals_local(struct copi_actor *a)
{
    return a->head != NULL ||
           atomic_load_explicit(&a->tail, memory_order_relaxed) !=
               COPI_MAILBOX_RUNNING;
}

/* The only signal there is, left where it is; NULL: there are none, or more.
 * Most actors that wake do so for one message. */
static inline struct cop_msg *copi_mailbox_sole_local(struct copi_actor *a)
{
    struct cop_msg *m = atomic_load_explicit(&a->tail, memory_order_relaxed);
    /* acquire: pairs with the release in push */
    if (a->head != NULL ||
        m != atomic_load_explicit(&a->first, memory_order_acquire))
        return NULL;
    return m;
}
/* Takes it off; false: it is the only one no more, and still there. */
static inline bool copi_mailbox_take_sole_local(struct copi_actor *a,
                                                struct cop_msg *m)
{
    struct cop_msg *last = m;
    COPI_ASSERT(a->head == NULL);
    atomic_store_explicit(&a->first, NULL, memory_order_relaxed);
    /* release: `first` was cleared before (mailbox.c, invariant 3) */
    if (atomic_compare_exchange_strong_explicit(
            &a->tail, &last, COPI_MAILBOX_RUNNING, memory_order_seq_cst,
            memory_order_relaxed))
        return true;
    a->head = m;
    return false;
}

/* The same as next, of any length of the queue. */
struct cop_msg *copi_mailbox_next_last_local(struct copi_actor *a);
/* The next signal in order, taken off; NULL: none. */
static inline struct cop_msg *copi_mailbox_next_local(struct copi_actor *a)
{
    struct cop_msg *next, *m = a->head;
    /* acquire: pairs with the link's release in push */
    if (m == NULL ||
        (next = atomic_load_explicit(&m->next, memory_order_acquire)) == NULL)
        return copi_mailbox_next_last_local(a);
    a->head = next;
    return m;
}

/* Parks an actor that runs no more: from now on a push must wake it. False if
 * there are signals. To be called off the actor's stack: once it returns true
 * the actor may run elsewhere. */
static inline bool copi_mailbox_park(struct copi_actor *a)
{
    struct cop_msg *running = COPI_MAILBOX_RUNNING;
    /* seq_cst: wait.c relies on one order of these and of `poke` */
    return a->head == NULL && atomic_compare_exchange_strong_explicit(
                                  &a->tail, &running, COPI_MAILBOX_PARKED,
                                  memory_order_seq_cst, memory_order_seq_cst);
}
/* Any thread: true if it was parked; the caller must make it runnable. */
bool copi_mailbox_unpark(struct copi_actor *a);
/* Closes the queue for ever. False if there are signals. */
bool copi_mailbox_close(struct copi_actor *a);

/* --------------------------------------------------------------- inbox -- */

enum { COPI_MARKS = 8 };
struct copi_marks {
    uint64_t ref[COPI_MARKS];
    struct cop_msg *prev[COPI_MARKS];
    uint32_t used; /* how many were set, ever; modulo MARKS the next one */
};

static inline void copi_inbox_link(struct cop_msg *m, struct cop_msg *next)
{
    atomic_store_explicit(&m->next, next, memory_order_relaxed);
}

static inline void copi_inbox_tally(struct copi_actor *a,
                                    const struct cop_msg *m, int by)
{
    copi_actor_tally(&a->inbox_count, by);
    copi_heap_count(a, (size_t)by * (COPI_MSG_HEADER + m->size));
    if (COPI_UNLIKELY(m->flags & COPI_MSG_SYSTEM))
        copi_actor_tally(&a->inbox_system, by);
}

void copi_inbox_append(struct copi_actor *a, struct cop_msg *m, bool urgent);

/* Does the signal mean no more than that it belongs at the inbox's end, if its
 * alias lets it in? */
static inline bool copi_inbox_is_plain_if_let(const struct copi_actor *a,
                                              const struct cop_msg *m)
{
    return m->kind == COPI_SIG_MESSAGE && !a->limited &&
           (m->flags & (COPI_MSG_COUNTED | COPI_MSG_URGENT)) == 0;
}
/* The same of what names no alias. */
static inline bool copi_inbox_is_plain(const struct copi_actor *a,
                                       const struct cop_msg *m)
{
    return copi_inbox_is_plain_if_let(a, m) && (m->flags & COPI_MSG_ALIAS) == 0;
}
/* As append, not urgent. */
static inline void copi_inbox_append_plain(struct copi_actor *a,
                                           struct cop_msg *m)
{
    copi_inbox_link(m, NULL);
    if (a->inbox_last == NULL)
        a->inbox = m;
    else
        copi_inbox_link(a->inbox_last, m);
    a->inbox_last = m;
    copi_inbox_tally(a, m, 1);
}

/* Takes out m, whose predecessor is prev (NULL: m is the first). */
void copi_inbox_take(struct copi_actor *a, struct cop_msg *prev,
                     struct cop_msg *m);
static inline struct cop_msg *copi_inbox_after(struct cop_msg *m)
{
    return atomic_load_explicit(&m->next, memory_order_relaxed);
}

/* Takes out m as above and lends it to the program, until the next time or
 * unlend. */
void copi_inbox_lend(struct copi_actor *a, struct cop_msg *prev,
                     struct cop_msg *m);
static inline void copi_inbox_unlend(struct copi_actor *a)
{
    struct cop_msg *m = a->current;
    if (m == NULL)
        return;
    a->current = NULL;
    copi_msg_release(m);
}
/* The same by a machine, which has its cells at hand. */
static inline void copi_inbox_unlend_to(struct copi_actor *a,
                                        struct copi_slab_cache *cells)
{
    struct cop_msg *m = a->current;
    if (COPI_UNLIKELY(m == NULL))
        return;
    a->current = NULL;
    copi_msg_release_to(cells, m);
}
/* Lends m, which is in no list any more. Nothing is lent yet. */
static inline void copi_inbox_lend_loose(struct copi_actor *a,
                                         struct cop_msg *m)
{
    if (!(m->flags & COPI_MSG_SYSTEM))
        COPI_COUNT(received);
    copi_trace(COP_TRACE_RECV, a->pid, m->sender, m->tag);
    a->current = m;
}

/* Lends the first of the inbox. Nothing is lent yet. */
static inline void copi_inbox_lend_first(struct copi_actor *a)
{
    struct cop_msg *m = a->inbox;
    if (COPI_UNLIKELY(a->cold != &copi_cold_none ||
                      (m->flags & COPI_MSG_COUNTED))) {
        copi_inbox_lend(a, NULL, m);
        return;
    }
    a->inbox = copi_inbox_after(m);
    if (a->inbox == NULL)
        a->inbox_last = NULL;
    copi_inbox_link(m, NULL);
    copi_inbox_tally(a, m, -1);
    copi_inbox_lend_loose(a, m);
}

/* Lends the only signal there is, if it is a message that needs no more looking
 * at than its kind, past the inbox. Nothing is lent yet. */
static inline bool copi_inbox_lend_sole(struct copi_actor *a)
{
    struct cop_msg *m;
    if (a->inbox != NULL || (m = copi_mailbox_sole_local(a)) == NULL)
        return false;
    if (!copi_inbox_is_plain(a, m) || !copi_mailbox_take_sole_local(a, m))
        return false;
    copi_inbox_lend_loose(a, m);
    return true;
}
/* Keeps the lent message valid over receives, until take_back; false: none. */
bool copi_inbox_set_aside(struct copi_actor *a);
void copi_inbox_take_back(struct copi_actor *a);
/* Frees what is lent, at the actor's end. */
void copi_inbox_unlend_all(struct copi_actor *a);

/* Remembers that messages with `ref` can only come after the present ones. */
void copi_inbox_mark(struct copi_actor *a, cop_ref ref);
/* The same for messages behind `prev` (NULL: all), also if `ref` was marked
 * before. */
void copi_inbox_mark_at(struct copi_actor *a, cop_ref ref,
                        struct cop_msg *prev);
/* As copi_inbox_mark, unless it makes no difference: with nothing in the inbox
 * the search begins at the first message with a marker as without. */
static inline void copi_inbox_mark_if_any(struct copi_actor *a, cop_ref ref)
{
    if (a->inbox != NULL)
        copi_inbox_mark(a, ref);
}
/* The last message that cannot have `ref`; NULL: begin at the first one. */
struct cop_msg *copi_inbox_marked(struct copi_actor *a, cop_ref ref);
/* How many references were marked after this one; -1: it is not, or no more.
 * One marked earlier has its place earlier, or at the same message. */
int copi_inbox_mark_age(const struct copi_actor *a, cop_ref ref);
void copi_inbox_free_marks(struct copi_actor *a);

#endif
