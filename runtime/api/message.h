/* SPDX-License-Identifier: MIT
 *
 * message.h - messages in the hands of the program. Rank: 5.
 */
#ifndef COPI_API_MESSAGE_H
#define COPI_API_MESSAGE_H

#include "runtime/actor/actor.h"
#include "runtime/actor/message.h"

/* m, which the runtime gives to the program, is its own, and the calling
 * actor's, if there is one. */
void copi_message_give(struct cop_msg *m);
/* m, a reply, is the actor's while its bytes are copied, outside of the
 * runtime: begin is called inside, end outside, which frees it. */
void copi_message_begin_copy(struct copi_actor *a, struct cop_msg *m);
void copi_message_end_copy(struct cop_msg *m);
/* Else it is misuse of `call`. */
void copi_message_must_be_own(const char *call, const struct cop_msg *m);
/* Releases m, in no queue, whoever owns it. */
void copi_message_discard(struct cop_msg *m);

#endif
