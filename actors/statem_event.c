/* SPDX-License-Identifier: MIT
 *
 * statem_event.c - events of a state machine that wait, and their queues.
 *
 * An event that came as a message keeps that message, and shows its body; one
 * that the machine made is one block with a copy of the body behind it. All
 * operations on queues take constant time, also to put all postponed events
 * before the rest.
 */
#include "actors/statem.h"

#include <coppice/memory.h>

#include <stdlib.h>
#include <string.h>

/* Where the body of an event of its own begins: aligned for any type. */
#define HEAD ((sizeof(struct copi_sm_event) + 15) & ~(size_t)15)

struct copi_sm_event *copi_sm_event_new(const cop_sm_event *e)
{
    struct copi_sm_event *own = cop_common_malloc(HEAD + e->size);

    if (own == NULL)
        return NULL;
    *own = (struct copi_sm_event){.is = *e};
    own->is.msg = NULL;
    own->is.body = (char *)own + HEAD;
    if (e->size > 0)
        memcpy((char *)own + HEAD, e->body, e->size);
    return own;
}

struct copi_sm_event *copi_sm_event_move(struct copi_sm_event *from)
{
    struct copi_sm_event *own = cop_common_malloc(sizeof *own);

    if (own == NULL)
        return NULL;
    *own = *from;
    from->msg = NULL;
    return own;
}

void copi_sm_event_free(struct copi_sm_event *e)
{
    if (e == NULL)
        return;
    cop_msg_free(e->msg);
    free(e);
}

void copi_sm_queue_push(struct copi_sm_queue *q, struct copi_sm_event *e)
{
    e->next = NULL;
    if (q->last != NULL)
        q->last->next = e;
    else
        q->first = e;
    q->last = e;
    q->count++;
}

struct copi_sm_event *copi_sm_queue_pop(struct copi_sm_queue *q)
{
    struct copi_sm_event *e = q->first;

    if (e == NULL)
        return NULL;
    q->first = e->next;
    if (q->first == NULL)
        q->last = NULL;
    q->count--;
    return e;
}

void copi_sm_queue_prepend(struct copi_sm_queue *q, struct copi_sm_queue *front)
{
    if (front->first == NULL)
        return;
    front->last->next = q->first;
    if (q->last == NULL)
        q->last = front->last;
    q->first = front->first;
    q->count += front->count;
    *front = (struct copi_sm_queue){0};
}

void copi_sm_queue_free(struct copi_sm_queue *q)
{
    struct copi_sm_event *e;

    while ((e = copi_sm_queue_pop(q)) != NULL)
        copi_sm_event_free(e);
}
