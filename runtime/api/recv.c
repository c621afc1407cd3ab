/* SPDX-License-Identifier: MIT
 *
 * recv.c - selective receive. Rank: 5.
 *
 * A receive looks at the inbox from its beginning, or from where its reference
 * was made (copi_inbox_marked), and then only at what arrives. Mailbox order
 * decides, not the order of the clauses. The deadline is not touched by
 * messages that do not match.
 */
#include <coppice/actor.h>

#include "runtime/actor/mailbox.h"
#include "runtime/actor/misuse.h"
#include "runtime/actor/signal.h"
#include "runtime/api/message.h"
#include "runtime/api/recv.h"
#include "runtime/scheduler/wait.h"

static bool says_yes(const cop_match *c, const struct cop_msg *m)
{
    copi_here_judge_begin();
    bool yes = c->when(m, c->ctx);
    copi_here_judge_end();
    return yes;
}

/* `tag`: of m as it will be received. */
static inline bool matches(const cop_match *c, const struct cop_msg *m,
                           cop_tag tag)
{
    return (c->tag == COP_TAG_ANY || c->tag == tag) &&
           (c->from.id == 0 || c->from.id == m->sender.id) &&
           (c->ref.id == 0 || c->ref.id == m->ref.id) &&
           (c->when == NULL || says_yes(c, m));
}

static int first_match(const cop_match *c, size_t n, const struct cop_msg *m)
{
    for (size_t i = 0; i < n; i++) {
        if (matches(&c[i], m, m->tag))
            return (int)i;
    }
    return -1;
}

/* The message before which the search may begin: where the reference that was
 * made first has its marker, if each clause has a marked one. */
static struct cop_msg *begin_at(struct copi_actor *a, const cop_match *c,
                                size_t n)
{
    if (n == 1)
        return c->ref.id != 0 ? copi_inbox_marked(a, c->ref) : NULL;
    const cop_match *oldest = NULL;
    int most = -1;
    for (size_t i = 0; i < n; i++) {
        int age = c[i].ref.id != 0 ? copi_inbox_mark_age(a, c[i].ref) : -1;
        if (age < 0)
            return NULL;
        if (age > most) {
            most = age;
            oldest = &c[i];
        }
    }
    return oldest != NULL ? copi_inbox_marked(a, oldest->ref) : NULL;
}

/* Looks at what lies behind *prev, and moves *prev on to the last one seen. */
static int look_at_all(struct copi_actor *a, const cop_match *c, size_t n,
                       struct cop_msg **prev)
{
    struct cop_msg *m = *prev != NULL ? copi_inbox_after(*prev) : a->inbox;
    for (; m != NULL; m = copi_inbox_after(m)) {
        int i = first_match(c, n, m);
        if (i >= 0) {
            copi_inbox_lend(a, *prev, m);
            return i;
        }
        *prev = m;
    }
    return -1;
}

/* Mostly there is nothing. */
static inline int look(struct copi_actor *a, const cop_match *c, size_t n,
                       struct cop_msg **prev)
{
    return a->inbox == NULL ? -1 : look_at_all(a, c, n, prev);
}

/* Most that is received is the only signal there is, past the inbox, in which
 * nothing matches. */
static inline int take_sole(struct copi_actor *a, const cop_match *c, size_t n)
{
    struct cop_msg *m;
    if (n != 1 || c->when != NULL || (m = copi_mailbox_sole_local(a)) == NULL)
        return -1;
    if (m->kind == COPI_SIG_DOWN && !a->limited && matches(c, m, COP_DOWN))
        return copi_signal_lend_sole_down(a, m) ? 0 : -1;
    if (a->is_proxy || !copi_inbox_is_plain_if_let(a, m) ||
        !matches(c, m, m->tag) || !copi_mailbox_take_sole_local(a, m) ||
        ((m->flags & COPI_MSG_ALIAS) && !copi_signal_enters(a, m)))
        return -1;
    copi_inbox_lend_loose(a, m);
    return 0;
}

/* Nothing is lent. Part of each function that receives, so that few return
 * after the actor has waited (see copi_coro_save). */
COPI_INLINE int recv_behind(struct copi_actor *a, const cop_match *c, size_t n,
                            cop_ref *mark, cop_time deadline, cop_wait why)
{
    struct copi_wait w;
    struct cop_msg *prev = NULL;
    int found;
    if (mark == NULL && a->inbox == NULL && (found = take_sole(a, c, n)) >= 0)
        return found;
    copi_wait_begin(&w, deadline, why);
    copi_signals_take(a);
    if (a->inbox != NULL)
        prev = mark != NULL ? copi_inbox_marked(a, *mark) : begin_at(a, c, n);
    struct cop_msg *urgent = a->cold->urgent_last;
    while ((found = look(a, c, n, &prev)) < 0 && !copi_wait_is_over(&w)) {
        copi_wait_park_here(a, &w);
        if (mark == NULL && (found = take_sole(a, c, n)) >= 0)
            break;
        uint32_t drops = a->drops;
        copi_signals_take(a);
        /* what came in front, or went, makes the position worthless */
        if (a->cold->urgent_last != urgent || a->drops != drops) {
            prev = NULL;
            urgent = a->cold->urgent_last;
        }
    }
    copi_wait_end(a, &w);
    if (mark != NULL)
        copi_inbox_mark_at(a, *mark, prev);
    return found;
}

int copi_recv(struct copi_actor *a, const cop_match *c, size_t n,
              cop_time deadline, cop_wait why)
{
    return recv_behind(a, c, n, NULL, deadline, why);
}

COPI_INLINE int receive(const char *call, const cop_msg **out,
                        const cop_match *clauses, size_t n, cop_time deadline)
{
    struct copi_scope s;
    struct copi_here *h = copi_scope_quick();
    struct copi_actor *a = h != NULL ? h->actor : copi_scope_actor(&s, call);
    if (COPI_UNLIKELY(out == NULL || (clauses == NULL && n > 0)))
        copi_misuse("%s: %s is NULL", call, out == NULL ? "out" : "clauses");
    copi_inbox_unlend(a);
    int i = recv_behind(a, clauses, n, NULL, deadline, COP_WAIT_RECEIVE);
    *out = i >= 0 ? a->current : NULL;
    if (h != NULL)
        copi_scope_quick_leave(copi_here());
    else
        copi_scope_leave(&s);
    return i >= 0 ? i : COP_ETIMEDOUT;
}

int cop_recv_match(const cop_msg **out, const cop_match *clauses, size_t n,
                   cop_time deadline)
{
    return receive("cop_recv_match", out, clauses, n, deadline);
}

int cop_recv(const cop_msg **out, cop_time deadline)
{
    const cop_match any = {0};
    return receive("cop_recv", out, &any, 1, deadline);
}

int cop_recv_tag(const cop_msg **out, cop_tag tag, cop_time deadline)
{
    const cop_match c = {.tag = tag};
    return receive("cop_recv_tag", out, &c, 1, deadline);
}

int cop_recv_from(const cop_msg **out, cop_pid from, cop_time deadline)
{
    const cop_match c = {.from = from};
    return receive("cop_recv_from", out, &c, 1, deadline);
}

int cop_recv_ref(const cop_msg **out, cop_ref ref, cop_time deadline)
{
    const cop_match c = {.ref = ref};
    return receive("cop_recv_ref", out, &c, 1, deadline);
}

int cop_recv_when(const cop_msg **out, bool (*when)(const cop_msg *, void *),
                  void *ctx, cop_time deadline)
{
    const cop_match c = {.when = when, .ctx = ctx};
    if (when == NULL)
        copi_misuse("cop_recv_when: when is NULL");
    return receive("cop_recv_when", out, &c, 1, deadline);
}

int cop_recv_since(const cop_msg **out, cop_ref *mark,
                   bool (*when)(const cop_msg *, void *), void *ctx,
                   cop_time deadline)
{
    const cop_match c = {.when = when, .ctx = ctx};
    struct copi_scope s;
    struct copi_actor *a = copi_scope_actor(&s, "cop_recv_since");
    if (out == NULL || mark == NULL || when == NULL)
        copi_misuse("cop_recv_since: %s is NULL", out == NULL    ? "out"
                                                  : mark == NULL ? "mark"
                                                                 : "when");
    if (mark->id == 0)
        *mark = copi_ref_new(false); /* no marker: from the first message on */
    copi_inbox_unlend(a);
    int i = recv_behind(a, &c, 1, mark, deadline, COP_WAIT_RECEIVE);
    *out = i >= 0 ? a->current : NULL;
    copi_scope_leave(&s);
    return i >= 0 ? 0 : COP_ETIMEDOUT;
}

cop_msg *cop_keep(const cop_msg *m)
{
    struct copi_scope s;
    struct copi_actor *a = copi_scope_actor(&s, "cop_keep");
    struct cop_msg *mine = a->current;
    if (m == NULL || mine != m)
        copi_misuse("cop_keep: not the message received last");
    a->current = NULL;
    copi_message_give(mine);
    copi_scope_leave(&s);
    return mine;
}
