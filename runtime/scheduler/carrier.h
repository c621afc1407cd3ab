/* SPDX-License-Identifier: MIT
 *
 * carrier.h - stacks for actors. Rank: 4. See carrier.c.
 *
 * All on the thread of the worker's machine.
 */
#ifndef COPI_SCHEDULER_CARRIER_H
#define COPI_SCHEDULER_CARRIER_H

#include "runtime/scheduler/worker.h"

/* Has it none to run on? Who crashed leaves the wreck alone. */
static inline bool copi_carrier_is_needed(const struct copi_actor *a)
{
    return a->carrier == NULL || COPI_UNLIKELY(a->crashed);
}
/* Gives the actor a carrier; false: none can be had. */
bool copi_carrier_give(struct copi_worker *w, struct copi_actor *a);
/* What is noted of it was said of who had it before. */
static inline void copi_carrier_forget(struct copi_carrier *c)
{
    copi_stack_forget_sp(&c->coro.stack);
    c->is_marked = false;
}
/* A warm one; NULL: there is none. */
struct copi_carrier *copi_carrier_take_warm(struct copi_worker *w);
/* Takes back a carrier that nothing lies on any more. */
void copi_carrier_done(struct copi_worker *w, struct copi_carrier *c);
/* The same for one with frames that are given up. */
void copi_carrier_give_up(struct copi_worker *w, struct copi_carrier *c);
/* Would `done` keep it as it is? */
bool copi_carrier_has_place(const struct copi_worker *w);

/* The reason of the crash on it, which is the caller's then. */
cop_reason copi_carrier_take_crash(struct copi_carrier *c);

/* Gives the worker its reserve. COP_ENOMEM. */
int copi_carrier_make_reserve(struct copi_worker *w);
/* Frees the worker's idle carriers, the reserve too. */
void copi_carrier_free_warm(struct copi_worker *w);

#endif
