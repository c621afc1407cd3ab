/* SPDX-License-Identifier: MIT
 *
 * signal.h - sending signals, and acting on those that arrive. Rank: 3.
 */
#ifndef COPI_ACTOR_SIGNAL_H
#define COPI_ACTOR_SIGNAL_H

#include "runtime/actor/actor.h"

/* Any thread, inside a turn or guest section: enqueues m at `to`. What cannot
 * arrive is answered as the dead answer: noproc for links and monitors, a dead
 * letter for a message. */
void copi_signal_send(cop_pid to, struct cop_msg *m);
/* The same with the receiver looked up already. */
void copi_signal_push(struct copi_actor *to, struct cop_msg *m);
/* For who pushes himself: answers the chain that a closed mailbox gave back. */
void copi_signal_refused(struct copi_actor *to, struct cop_msg *m);

/* Acts on m, which has arrived at the running actor: puts a message into its
 * inbox, changes its tables. True: the actor must end, with *why. */
bool copi_signal_act(struct copi_actor *a, struct cop_msg *m, cop_reason *why);
/* Of a message by an alias, taken off and neither urgent nor counted: whether
 * the alias lets it in. False: it went to the dead letters. */
bool copi_signal_enters(struct copi_actor *a, struct cop_msg *m);
/* As copi_signal_act, for an actor that ends. */
void copi_signal_refuse(struct copi_actor *a, struct cop_msg *m);
/* m is a DOWN, and the only signal there is: if its monitor is still there it
 * is lent to the program, past the inbox. Nothing is lent yet. False: nothing
 * has changed, but m may not be the only one any more. */
bool copi_signal_lend_sole_down(struct copi_actor *a, struct cop_msg *m);

/* Tells those linked to and watching an actor that ended, and those it
 * watched. Its tables are empty then. */
void copi_signal_tell_of_death(struct copi_actor *a);

/* A message that reaches nobody: counts it, tells the subscriber, frees it. */
void copi_signal_dead_letter(struct cop_msg *m, cop_pid to,
                             cop_dead_reason reason);
void copi_signal_dead_letters_to(cop_pid subscriber);

#endif
