/* SPDX-License-Identifier: MIT
 *
 * tie.h - making and ending links and monitors, from the side of the actor
 * that asks for it. Rank: 3. All for the running actor `a`.
 */
#ifndef COPI_ACTOR_TIE_H
#define COPI_ACTOR_TIE_H

#include "runtime/actor/actor.h"

/* 0, or COP_ENOMEM and nothing has changed. */
COP_MUST_USE int copi_tie_link(struct copi_actor *a, cop_pid to);
COP_MUST_USE int copi_tie_unlink(struct copi_actor *a, cop_pid to);
COP_MUST_USE int copi_tie_monitor(struct copi_actor *a, cop_pid to, cop_ref ref,
                                  const char *name);
/* True if the monitor was there. */
bool copi_tie_demonitor(struct copi_actor *a, cop_ref ref);
/* For a call `ref`, with call_ref and calling set. True: it is watched by the
 * monitor that is kept from call to call (kept.c), whose DOWN will have the
 * call's reference. False: it needs one of its own. */
bool copi_tie_rely(struct copi_actor *a, cop_pid to, cop_ref ref);
/* Ends what is kept. */
void copi_tie_rely_no_more(struct copi_actor *a);
/* Takes the DOWN of a monitor out of the inbox. */
void copi_tie_flush(struct copi_actor *a, cop_ref ref);

/* The same for an actor that does not run yet: both sides at once, without
 * signals. */
COP_MUST_USE int copi_tie_link_new(struct copi_actor *a,
                                   struct copi_actor *fresh);
COP_MUST_USE int copi_tie_monitor_new(struct copi_actor *a,
                                      struct copi_actor *fresh, cop_ref ref);
/* Takes both back, as the spawn failed. */
void copi_tie_undo_new(struct copi_actor *a, struct copi_actor *fresh,
                       cop_ref ref);

#endif
