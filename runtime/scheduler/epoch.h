/* SPDX-License-Identifier: MIT
 *
 * epoch.h - when an ended actor's record and slot may be used again.
 * Rank: 4. See epoch.c.
 */
#ifndef COPI_SCHEDULER_EPOCH_H
#define COPI_SCHEDULER_EPOCH_H

#include "runtime/actor/actor.h"

#define COPI_WORKERS_MAX 256

/* Ended actors that wait, oldest first. Owner only. */
struct copi_limbo {
    struct copi_actor *first, *last;
    struct copi_actor *fresh; /* from it on they have no epoch yet, or NULL */
    size_t count;
};

void copi_epoch_init(unsigned workers);

/* A worker, between turns: it holds no actor's address. */
void copi_epoch_quiet(unsigned worker);
/* It sleeps, and holds none; it is back. */
void copi_epoch_offline(unsigned worker);
void copi_epoch_online(unsigned worker);

/* Any other thread: the section in which it may look up actors. Short, never
 * over a wait. */
unsigned copi_epoch_guest_enter(void);
void copi_epoch_guest_leave(unsigned section);

/* Puts an unpublished actor into limbo; now and then frees those whose time
 * has come. */
void copi_limbo_add(struct copi_limbo *l, struct copi_actor *a);
/* Frees what it can, trying to bring the epoch on. */
void copi_limbo_collect(struct copi_limbo *l);
/* Frees all; nobody looks actors up any more. */
void copi_limbo_flush(struct copi_limbo *l);

/* The same for threads that are no workers. */
void copi_limbo_add_outside(struct copi_actor *a);
void copi_limbo_collect_outside(void);
/* A worker that is about to sleep leaves what it could not free to those that
 * are awake. */
void copi_limbo_leave_outside(struct copi_limbo *l);
void copi_limbo_flush_outside(void);

#endif
