/* SPDX-License-Identifier: MIT
 *
 * send.h - sending a program's message, for the other files here. Rank: 5.
 */
#ifndef COPI_API_SEND_H
#define COPI_API_SEND_H

#include "runtime/actor/mailbox.h"
#include "runtime/actor/signal.h"
#include "runtime/api/scope.h"
#include "runtime/probe/inject.h"
#include "runtime/scheduler/sched.h"

/* Counts m as sent and sends it, as the receiver's mailbox policy allows. m is
 * taken. 0, or COP_EFULL. */
int copi_send(struct copi_scope *s, cop_pid to, struct cop_msg *m);

/* A message with a copy of the body, from the scope's actor. COP_EINVAL,
 * COP_ESIZE, COP_ENOMEM. */
COP_MUST_USE int copi_send_make(struct cop_msg **out, struct copi_scope *s,
                                cop_tag tag, const void *body, size_t size,
                                unsigned flags);

/* Most messages are so: small, and nothing is being injected. If it is an actor
 * that sends, copi_scope_quick is the way, and: */
static inline bool copi_send_is_quick(size_t size)
{
    return size <= COPI_BODY_SMALL && !copi_inject_is_on(COPI_INJECT_SENDS);
}
/* One from the running actor; NULL: no memory. */
static inline struct cop_msg *
copi_send_make_quick(struct copi_here *h, cop_tag tag, const void *body,
                     size_t size, unsigned flags, cop_ref ref)
{
    int cell = copi_cell_class(COPI_MSG_HEADER + size);
    struct cop_msg *m = copi_msg_make_in(h->cells, cell, tag, body, size);
    if (COPI_LIKELY(m != NULL)) {
        m->flags = (uint8_t)flags;
        m->sender = h->actor->pid;
        m->ref = ref;
    }
    return m;
}

/* As copi_signal_push, of a message whose body is not moved, on the worker's
 * own thread. */
COPI_INLINE void copi_send_push(struct copi_here *h, struct copi_actor *to,
                                struct cop_msg *m)
{
    copi_trace(COP_TRACE_SEND, m->sender, to->pid, m->tag);
    switch (copi_mailbox_push(to, m)) {
    case COPI_PUSHED_WAKE:
        copi_sched_ready_local(h->worker, to);
        break;
    case COPI_PUSHED_CLOSED:
        copi_signal_refused(to, m);
        break;
    default:
        break;
    }
}

#endif
