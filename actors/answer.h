/* SPDX-License-Identifier: MIT
 *
 * answer.h - answers of behaviours that carry a code, a pid and a reason.
 * See answer.c.
 */
#ifndef COPI_ACTORS_ANSWER_H
#define COPI_ACTORS_ANSWER_H

#include <coppice/actor.h>

struct copi_answer {
    int code;
    cop_pid pid;
    cop_reason why; /* whoever has the answer owns it */
};

/* How one travels: flat. The packed reason follows, unless it is normal. */
struct copi_answer_head {
    int32_t code;
    uint32_t mark; /* COPI_ANSWER_MARK */
    cop_pid pid;
};
#define COPI_ANSWER_MARK 0xfe0aa05eu

/* ----------------------------------------------------------- of servers -- */

/* Answers; a.why is taken. */
void copi_answer_send(cop_from to, struct copi_answer a);
/* Answers with a copy of `size` bytes. */
void copi_answer_bytes(cop_from to, const void *body, size_t size);
/* Answers with a block from malloc, which is taken. */
void copi_answer_block(cop_from to, void *block, size_t size);

/* ----------------------------------------------------------- of clients -- */

/* Calls and takes the answer apart: 0 and *out, or as cop_call; COP_EINVAL if
 * what came is no such answer. */
int copi_answer_call(struct copi_answer *out, cop_pid to, cop_tag tag,
                     const void *body, size_t size);

/* Takes a message apart. False: it is no such answer. */
bool copi_answer_read(struct copi_answer *out, const cop_msg *m);

/* Waits for a message that matches, and drops it. False: none came. */
bool copi_answer_skip(cop_match what, cop_time deadline);

/* A message that came by pointer is the calling actor's; NULL is ignored. */
void copi_answer_own(cop_msg *m);

/* Gives the reason to *why, or releases it if why is NULL. */
void copi_answer_give(cop_reason *why, cop_reason reason);

#endif
