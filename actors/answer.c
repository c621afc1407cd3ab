/* SPDX-License-Identifier: MIT
 *
 * answer.c - answers of behaviours that carry a code, a pid and a reason.
 *
 * A reason with a payload is counted, so its word must not travel: a message
 * that is dropped would lose the count, and one that comes from the process of
 * an isolated actor would bring an address that means nothing here, or worse.
 * So it is packed (reason.h).
 *
 * Those who ask wait without limit. So an answer is not given up for want of
 * memory: the server waits until there is some.
 */
#include "actors/answer.h"

#include <coppice/memory.h>

#include <stdlib.h>
#include <string.h>

enum { ANSWER_TAG = 1 }; /* a reply's tag means nothing */

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
    bool says_why = cop_reason_kind(a.why) != COP_R_NORMAL;
    size_t why_bytes = says_why ? cop_reason_pack(a.why, NULL, 0) : 0;
    struct copi_answer_head *head;

    while ((head = cop_common_malloc(sizeof *head + why_bytes)) == NULL)
        cop_sleep(COP_MS);
    *head = (struct copi_answer_head){a.code, COPI_ANSWER_MARK, a.pid};
    if (says_why)
        (void)cop_reason_pack(a.why, head + 1, why_bytes);
    cop_reason_release(a.why);
    copi_answer_block(to, head, sizeof *head + why_bytes);
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
    cop_msg *reply;
    int err = cop_call_msg(&reply, to, tag, body, size, COP_FOREVER);

    if (err < 0)
        return err;
    err = copi_answer_read(out, reply) ? 0 : COP_EINVAL;
    cop_msg_free(reply);
    return err;
}

bool copi_answer_read(struct copi_answer *out, const cop_msg *m)
{
    const char *body = cop_msg_body(m);
    size_t size = cop_msg_size(m);
    struct copi_answer_head head;

    if (size < sizeof head)
        return false;
    memcpy(&head, body, sizeof head);
    if (head.mark != COPI_ANSWER_MARK)
        return false;
    *out = (struct copi_answer){
        head.code, head.pid,
        cop_reason_unpack(body + sizeof head, size - sizeof head)};
    return true;
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
