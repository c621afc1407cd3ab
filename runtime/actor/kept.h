/* SPDX-License-Identifier: MIT
 *
 * kept.h - the monitor that an actor keeps from one call to the next. Rank: 3.
 * See kept.c.
 */
#ifndef COPI_ACTOR_KEPT_H
#define COPI_ACTOR_KEPT_H

#include "runtime/actor/actor.h"

/* A call `ref` of `to` begins. True: what is kept watches it, and its DOWN will
 * have the call's reference; else *again says whether `to` was called before,
 * so that a monitor for it is worth keeping. */
bool copi_kept_begin(struct copi_actor *a, cop_pid to, cop_ref ref,
                     bool *again);
/* Keeps m, on which call `ref` relies (NULL: nothing), and gives back what was
 * kept, or NULL. If m is not NULL there is a cold part. */
struct copi_monitor *copi_kept_swap(struct copi_actor *a,
                                    struct copi_monitor *m, cop_ref ref);

/* m is a DOWN that belongs to no other monitor of a's. True: it is now that of
 * the call under way, to be delivered; false: of no use, the caller's still. */
bool copi_kept_down(struct copi_actor *a, struct cop_msg *m);
/* m, a call or a request, reached `dead` too late. Any thread, inside a turn or
 * guest section. */
void copi_kept_refused(const struct cop_msg *m, cop_pid dead);

#endif
