/* SPDX-License-Identifier: MIT
 *
 * answer.c - answers of behaviours that carry a code, a pid and a reason.
 *
 * A reason with a payload is counted, so it must not travel as plain bytes: a
 * message that is dropped would lose the count. The answer is a moved body,
 * and whoever drops the message, the runtime included, releases the reason.
 *
 * Those who ask wait without limit. So an answer is not given up for want of
 * memory: the server waits until there is some.
 */
#include "actors/answer.h"

#include <coppice/memory.h>

#include <stdlib.h>

enum { ANSWER_TAG = 1 }; /* a reply's tag means nothing */

static void release_answer(void *body, size_t size)
{
    struct copi_answer *a = body;

    (void)size;
    cop_reason_release(a->why);
    free(a);
}

static void release_block(void *body, size_t size)
{
    (void)size;
    free(body);
}

/* Sends `body` as it is. False: no memory, it is still the caller's. */
static bool send_moved(cop_from to, void *body, size_t size,
                       void (*release)(void *, size_t))
{
    cop_msg *m;

    if (cop_msg_new_moved(&m, ANSWER_TAG, body, size, release) != 0)
        return false;
    /* a caller that has gone needs no answer */
    (void)cop_reply_msg(to, m);
    return true;
}

void copi_answer_send(cop_from to, struct copi_answer a)
{
    struct copi_answer *body;

    while ((body = cop_common_malloc(sizeof *body)) == NULL)
        cop_sleep(COP_MS);
    *body = a;
    while (!send_moved(to, body, sizeof *body, release_answer))
        cop_sleep(COP_MS);
}

void copi_answer_bytes(cop_from to, const void *body, size_t size)
{
    while (cop_reply(to, body, size) == COP_ENOMEM)
        cop_sleep(COP_MS);
}

void copi_answer_block(cop_from to, void *block, size_t size)
{
    while (!send_moved(to, block, size, release_block))
        cop_sleep(COP_MS);
}

int copi_answer_call(struct copi_answer *out, cop_pid to, cop_tag tag,
                     const void *body, size_t size)
{
    const struct copi_answer *a;
    cop_msg *reply;
    int err = cop_call_msg(&reply, to, tag, body, size, COP_FOREVER);

    if (err < 0)
        return err;
    err = COP_EINVAL;
    if (cop_msg_size(reply) == sizeof *a) {
        a = cop_msg_body(reply);
        *out = *a;
        (void)cop_reason_retain(out->why);
        err = 0;
    }
    cop_msg_free(reply);
    return err;
}

bool copi_answer_skip(cop_match what, cop_time deadline)
{
    const cop_msg *m;

    return cop_recv_match(&m, &what, 1, deadline) == 0;
}

void copi_answer_give(cop_reason *why, cop_reason reason)
{
    if (why != NULL)
        *why = reason;
    else
        cop_reason_release(reason);
}

void copi_answer_own(cop_msg *m)
{
    if (m != NULL)
        (void)!cop_msg_own(m); /* without memory it is nobody's */
}
