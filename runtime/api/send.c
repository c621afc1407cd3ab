/* SPDX-License-Identifier: MIT
 *
 * send.c - sending messages. Rank: 5.
 *
 * An ordinary send is an allocation, a copy, a table lookup and one atomic
 * exchange. Only a bounded mailbox costs a second atomic operation, to count.
 */
#include "runtime/api/send.h"

#include <coppice/runtime.h>

#include "runtime/actor/away.h"
#include "runtime/actor/counters.h"
#include "runtime/actor/held.h"
#include "runtime/actor/misuse.h"
#include "runtime/actor/name.h"
#include "runtime/actor/table.h"
#include "runtime/api/chaos.h"
#include "runtime/api/message.h"
#include "runtime/base/check.h"

/* Takes a place in a bounded mailbox. 0; COP_EFULL: refuse; COP_ELIMIT: drop.
 * The policies that act at the receiver always take one. */
static int take_place(struct copi_actor *to, struct cop_msg *m)
{
    uint32_t n =
        atomic_fetch_add_explicit(&to->bounded, 1, memory_order_relaxed);
    if (n >= to->mailbox_max && to->mailbox_full <= COP_FULL_DROP_NEW) {
        atomic_fetch_sub_explicit(&to->bounded, 1, memory_order_relaxed);
        return to->mailbox_full == COP_FULL_FAIL ? COP_EFULL : COP_ELIMIT;
    }
    m->flags |= COPI_MSG_COUNTED;
    return 0;
}

/* Some of what behaviours say to each other holds pointers. */
static int send_away(cop_pid to, struct cop_msg *m)
{
    bool is_large = m->size > COPI_AWAY_BODY_MAX;
    if (is_large ||
        (m->tag >= COP_TAG_BEHAVIOUR && m->tag < COP_TAG_BEHAVIOUR_FLAT)) {
        copi_msg_release(m);
        return is_large ? COP_ESIZE : COP_ENOTSUP;
    }
    COPI_COUNT(sent);
    copi_away.signal(to, m);
    return 0;
}

static int send_dead(cop_pid to, struct cop_msg *m)
{
    if (copi_is_away())
        return send_away(to, m);
    COPI_COUNT(sent);
    copi_signal_dead_letter(m, to, COP_DEAD_NOPROC);
    return 0;
}

static int send_bounded(struct copi_actor *a, struct cop_msg *m)
{
    int rc = take_place(a, m);
    if (rc == COP_EFULL) {
        copi_msg_release(m);
        return rc;
    }
    COPI_COUNT(sent);
    if (rc == COP_ELIMIT) {
        COPI_COUNT(dropped);
        copi_signal_dead_letter(m, a->pid, COP_DEAD_FULL);
        return 0;
    }
    copi_signal_push(a, m);
    return 0;
}

static int send_now(cop_pid to, struct cop_msg *m)
{
    struct copi_actor *a = copi_table_find(to);
    if (a == NULL)
        return send_dead(to, m);
    if (a->mailbox_max != 0)
        return send_bounded(a, m);
    COPI_COUNT(sent);
    copi_signal_push(a, m);
    return 0;
}

int copi_send(struct copi_scope *s, cop_pid to, struct cop_msg *m)
{
    (void)s;
    if (copi_inject_is_on(COPI_INJECT_SENDS))
        return copi_chaos_send(to, m, send_now);
    return send_now(to, m);
}

int copi_send_make(struct cop_msg **out, struct copi_scope *s, cop_tag tag,
                   const void *body, size_t size, unsigned flags)
{
    if (COPI_UNLIKELY(!copi_tag_is_valid(tag) || (body == NULL && size > 0)))
        return COP_EINVAL;
    if (COPI_UNLIKELY(size > COPI_BODY_MAX))
        return COP_ESIZE;
    struct cop_msg *m = copi_msg_make_from(s->here->cells, tag, body, size);
    if (COPI_UNLIKELY(m == NULL))
        return COP_ENOMEM;
    m->flags = (uint8_t)flags;
    if (s->self != NULL)
        m->sender = s->self->pid;
    *out = m;
    return 0;
}

static COPI_COLD int send_plainly(cop_pid to, cop_ref ref, cop_tag tag,
                                  const void *body, size_t size, unsigned flags)
{
    struct copi_scope s;
    struct cop_msg *m;
    if (!copi_scope_enter(&s))
        return COP_ESTOPPED;
    int rc = copi_send_make(&m, &s, tag, body, size, flags);
    if (rc == 0) {
        m->ref = ref;
        rc = copi_send(&s, to, m);
    }
    copi_scope_leave(&s);
    return rc;
}

enum { NOT_SENT = 1 };

/* NOT_SENT: it is not what most messages are, and nothing happened. */
COPI_INLINE int send_quick(cop_pid to, cop_ref ref, cop_tag tag,
                           const void *body, size_t size, unsigned flags)
{
    struct copi_here *h;
    int rc = 0;
    if (COPI_UNLIKELY(tag - 1 >= COP_TAG_MAX || !copi_send_is_quick(size) ||
                      (body == NULL && size > 0)) ||
        (h = copi_scope_quick()) == NULL)
        return NOT_SENT;
    /* first of all, as it may have to come from afar */
    struct copi_actor *a = copi_table_find(to);
    if (COPI_LIKELY(a != NULL))
        __builtin_prefetch((void *)&a->tail, 1);
    struct cop_msg *m = copi_send_make_quick(h, tag, body, size, flags, ref);
    if (COPI_UNLIKELY(m == NULL)) {
        rc = COP_ENOMEM;
    } else {
        if (COPI_UNLIKELY(a == NULL || a->mailbox_max != 0)) {
            rc = send_now(to, m);
        } else {
            copi_count_in(&h->counters->sent);
            copi_send_push(h, a, m);
        }
    }
    copi_scope_quick_leave(h);
    return rc;
}

/* A part of what is called most: some constants less to hand over and test. */
COPI_INLINE int send_ref_here(cop_pid to, cop_ref ref, cop_tag tag,
                              const void *body, size_t size, unsigned flags)
{
    int rc = send_quick(to, ref, tag, body, size, flags);
    if (COPI_UNLIKELY(rc == NOT_SENT))
        rc = send_plainly(to, ref, tag, body, size, flags);
    return rc;
}

static int send_ref(cop_pid to, cop_ref ref, cop_tag tag, const void *body,
                    size_t size, unsigned flags)
{
    return send_ref_here(to, ref, tag, body, size, flags);
}

static int send_name(const char *name, cop_tag tag, const void *body,
                     size_t size, unsigned flags)
{
    if (name == NULL)
        return COP_EINVAL;
    cop_pid to = cop_whereis(name);
    if (to.id == 0)
        return cop_is_running() ? COP_ENOPROC : COP_ESTOPPED;
    return send_ref(to, COP_NO_REF, tag, body, size, flags);
}

int cop_send(cop_pid to, cop_tag tag, const void *body, size_t size)
{
    return send_ref_here(to, COP_NO_REF, tag, body, size, 0);
}

int cop_send_urgent(cop_pid to, cop_tag tag, const void *body, size_t size)
{
    return send_ref(to, COP_NO_REF, tag, body, size, COPI_MSG_URGENT);
}

int cop_send_name(const char *name, cop_tag tag, const void *body, size_t size)
{
    return send_name(name, tag, body, size, 0);
}

int cop_send_alias(cop_alias to, cop_tag tag, const void *body, size_t size)
{
    return send_ref_here(to.pid, to.ref, tag, body, size, COPI_MSG_ALIAS);
}

int cop_send_alias_urgent(cop_alias to, cop_tag tag, const void *body,
                          size_t size)
{
    return send_ref(to.pid, to.ref, tag, body, size,
                    COPI_MSG_ALIAS | COPI_MSG_URGENT);
}

int cop_cast(cop_pid to, cop_tag tag, const void *body, size_t size)
{
    return send_ref(to, COP_NO_REF, tag, body, size, COPI_MSG_CAST);
}

int cop_cast_name(const char *name, cop_tag tag, const void *body, size_t size)
{
    return send_name(name, tag, body, size, COPI_MSG_CAST);
}

int cop_send_msg(cop_pid to, cop_msg *m)
{
    struct copi_scope s;
    int rc;
    if (m == NULL)
        return COP_EINVAL;
    copi_message_must_be_own("cop_send_msg", m);
    if (!copi_tag_is_valid(m->tag) || !copi_scope_enter_late(&s)) {
        rc = copi_tag_is_valid(m->tag) ? COP_ESTOPPED : COP_EINVAL;
        copi_message_discard(m);
        return rc;
    }
    copi_held_drop(m);
    m->flags = 0;
    m->ref = COP_NO_REF;
    m->sender = s.self != NULL ? s.self->pid : COP_NO_PID;
    rc = copi_send(&s, to, m);
    copi_scope_leave(&s);
    return rc;
}

int cop_send_buf(cop_pid to, cop_tag tag, cop_buf *b)
{
    struct cop_msg *m;
    if (b == NULL)
        return COP_EINVAL;
    m = copi_msg_alloc(COPI_SIG_MESSAGE, tag, sizeof b);
    if (m == NULL)
        return COP_ENOMEM;
    m->flags = COPI_MSG_KEPT;
    *(cop_buf **)copi_msg_inline(m) = cop_buf_retain(b);
    m->body = COPI_BODY_SHARED;
    m->size = cop_buf_size(b);
    return cop_send_msg(to, m);
}
