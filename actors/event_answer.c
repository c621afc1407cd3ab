/* SPDX-License-Identifier: MIT
 *
 * event_answer.c - the answers of an event manager. A code goes as plain bytes;
 * what must not be copied (a counted reason, a message) goes as a moved body,
 * and who drops the answer, the runtime included, frees it.
 *
 * An answer to a cop_event_call begins as the others do, so that a handler's
 * own bytes are told from a refusal: hence cop_event_reply.
 */
#include "actors/event.h"

#include <coppice/memory.h>

#include "actors/answer.h"

#include <stdlib.h>
#include <string.h>

enum { ANSWER_TAG = 1 }; /* a reply's tag means nothing */

static void release(void *body, size_t size)
{
    struct copi_event_answer *a = body;

    (void)size;
    cop_reason_release(a->why);
    cop_msg_free(a->result);
    free(a);
}

void copi_event_answer_code(cop_from to, int code)
{
    const struct copi_event_head head = {.mark = COPI_EVENT_MARK, .code = code};

    copi_answer_bytes(to, &head, sizeof head);
}

/* Its addresses may be followed: it was made here, not by the process of an
 * isolated actor. */
static bool is_whole(const cop_msg *reply)
{
    return cop_msg_is_moved(reply, release) &&
           cop_msg_size(reply) == sizeof(struct copi_event_answer);
}

cop_reason copi_event_answer_why(const cop_msg *reply)
{
    const struct copi_event_answer *a = cop_msg_body(reply);

    return is_whole(reply) ? cop_reason_retain(a->why) : COP_NORMAL;
}

/* NULL: no memory. */
static cop_msg *new_answer(struct copi_event_answer **body)
{
    struct copi_event_answer *a = cop_common_calloc(1, sizeof *a);
    cop_msg *m;

    if (a == NULL)
        return NULL;
    a->why = COP_NORMAL;
    if (cop_msg_new_moved(&m, ANSWER_TAG, a, sizeof *a, release) != 0) {
        free(a);
        return NULL;
    }
    *body = a;
    return m;
}

void copi_event_answer_all(cop_from to, int code, cop_reason *why,
                           cop_msg **result)
{
    struct copi_event_answer *a;
    cop_msg *m;

    while ((m = new_answer(&a)) == NULL)
        cop_sleep(COP_MS);
    a->head = (struct copi_event_head){.mark = COPI_EVENT_MARK, .code = code};
    a->why = *why;
    *why = COP_NORMAL;
    if (result != NULL) {
        a->result = *result;
        *result = NULL;
        if (a->result != NULL)
            cop_msg_disown(a->result); /* it goes by pointer */
    }
    /* a caller that has gone needs no answer */
    (void)cop_reply_msg(to, m);
}

const struct copi_event_head *copi_event_answer_head(const cop_msg *reply)
{
    const struct copi_event_head *head = cop_msg_body(reply);

    return cop_msg_size(reply) >= sizeof *head && head->mark == COPI_EVENT_MARK
               ? head
               : NULL;
}

int copi_event_answer_open(cop_msg *reply, cop_msg **result, cop_reason *why)
{
    const struct copi_event_head *head = copi_event_answer_head(reply);
    int code = head != NULL ? head->code : COP_EINVAL;
    struct copi_event_answer *a;

    if (head != NULL && is_whole(reply)) {
        a = cop_msg_fill(reply);
        if (why != NULL) {
            *why = a->why;
            a->why = COP_NORMAL;
        }
        if (result != NULL) {
            *result = a->result;
            a->result = NULL;
            copi_answer_own(*result);
        }
    }
    cop_msg_free(reply);
    return code;
}

int cop_event_reply(cop_from to, const void *body, size_t size)
{
    const struct copi_event_head head = {.mark = COPI_EVENT_MARK};
    char *fill;
    cop_msg *m;
    int err;

    if (body == NULL && size > 0)
        return COP_EINVAL;
    if (size > SIZE_MAX - sizeof head)
        return COP_ESIZE;
    err = cop_msg_new(&m, ANSWER_TAG, sizeof head + size);
    if (err != 0)
        return err;
    fill = cop_msg_fill(m);
    memcpy(fill, &head, sizeof head);
    if (size > 0)
        memcpy(fill + sizeof head, body, size);
    return cop_reply_msg(to, m);
}
