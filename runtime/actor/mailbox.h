/* SPDX-License-Identifier: MIT
 *
 * mailbox.h - an actor's queue of signals, and its inbox of messages.
 * Rank: 3. See mailbox.c for how it works.
 */
#ifndef COPI_ACTOR_MAILBOX_H
#define COPI_ACTOR_MAILBOX_H

#include "runtime/actor/actor.h"

enum copi_push {
    COPI_PUSHED,
    COPI_PUSHED_WAKE,  /* it was parked: the caller must make it runnable */
    COPI_PUSHED_CLOSED /* it is dead: *rest is the caller's to dispose of */
};

void copi_mailbox_init(struct copi_actor *a);

/* Any thread: appends m. With COPI_PUSHED_CLOSED, *rest is a chain (by next)
 * of m and others that nobody else will see. */
enum copi_push copi_mailbox_push(struct copi_actor *a, struct cop_msg *m,
                                 struct cop_msg **rest);

/* Whether there are signals to act on. */
bool copi_mailbox_has_signals_local(struct copi_actor *a);
/* The next signal in order, taken off; NULL: none. */
struct cop_msg *copi_mailbox_next_local(struct copi_actor *a);

/* Parks an actor that runs no more: from now on a push must wake it. False if
 * there are signals. To be called off the actor's stack: once it returns true
 * the actor may run elsewhere. */
bool copi_mailbox_park(struct copi_actor *a);
/* Any thread: true if it was parked; the caller must make it runnable. */
bool copi_mailbox_unpark(struct copi_actor *a);
/* Closes the queue for ever. False if there are signals. */
bool copi_mailbox_close(struct copi_actor *a);

/* --------------------------------------------------------------- inbox -- */

void copi_inbox_append(struct copi_actor *a, struct cop_msg *m, bool urgent);
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
void copi_inbox_unlend(struct copi_actor *a);
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
/* The last message that cannot have `ref`; NULL: begin at the first one. */
struct cop_msg *copi_inbox_marked(struct copi_actor *a, cop_ref ref);
/* How many references were marked after this one; -1: it is not, or no more.
 * One marked earlier has its place earlier, or at the same message. */
int copi_inbox_mark_age(const struct copi_actor *a, cop_ref ref);
void copi_inbox_free_marks(struct copi_actor *a);

#endif
