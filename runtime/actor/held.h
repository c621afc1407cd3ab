/* SPDX-License-Identifier: MIT
 *
 * held.h - messages that an actor has in its hands: built and not yet sent, or
 * received and kept. Rank: 3. See held.c.
 */
#ifndef COPI_ACTOR_HELD_H
#define COPI_ACTOR_HELD_H

#include "runtime/actor/actor.h"

/* m, which is in no queue and nobody's, is from now on a's, and goes with it.
 * False: no memory; it is nobody's. The actor itself, inside the runtime. */
bool copi_held_add(struct copi_actor *a, struct cop_msg *m);
/* m, in no queue, is nobody's from now on; it may have been so before. Inside
 * the runtime; on any thread, as long as whose it is lives. */
void copi_held_drop(struct cop_msg *m);
/* One of a's, nobody's from now on; NULL: it has none. By who ends the actor.
 */
struct cop_msg *copi_held_take(struct copi_actor *a);

#endif
