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
#include "runtime/api/recv.h"
#include "runtime/scheduler/wait.h"

static bool matches(const cop_match *c, const struct cop_msg *m)
{
    return (c->tag == COP_TAG_ANY || c->tag == m->tag) &&
           (c->from.id == 0 || c->from.id == m->sender.id) &&
           (c->ref.id == 0 || c->ref.id == m->ref.id) &&
           (c->when == NULL || c->when(m, c->ctx));
}

static int first_match(const cop_match *c, size_t n, const struct cop_msg *m)
{
    for (size_t i = 0; i < n; i++) {
        if (matches(&c[i], m))
            return (int)i;
    }
    return -1;
}

/* The message before which the search may begin. With several clauses a marker
 * would have to fit them all: only one clause, by reference, uses it. */
static struct cop_msg *begin_at(struct copi_actor *a, const cop_match *c,
                                size_t n)
{
    return n == 1 && c->ref.id != 0 ? copi_inbox_marked(a, c->ref) : NULL;
}

/* Looks at what lies behind *prev, and moves *prev on to the last one seen. */
static int look(struct copi_actor *a, const cop_match *c, size_t n,
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

int copi_recv(struct copi_actor *a, const cop_match *c, size_t n,
              cop_time deadline, cop_wait why)
{
    struct copi_wait w;
    int found;
    copi_inbox_unlend(a);
    copi_wait_begin(&w, deadline, why);
    copi_signals_take(a);
    struct cop_msg *prev = begin_at(a, c, n);
    struct cop_msg *urgent = a->urgent_last;
    while ((found = look(a, c, n, &prev)) < 0 && !copi_wait_is_over(&w)) {
        copi_wait_park(a, &w);
        uint32_t drops = a->drops;
        copi_signals_take(a);
        /* what came in front, or went, makes the position worthless */
        if (a->urgent_last != urgent || a->drops != drops) {
            prev = NULL;
            urgent = a->urgent_last;
        }
    }
    copi_wait_end(a, &w);
    return found;
}

int cop_recv_match(const cop_msg **out, const cop_match *clauses, size_t n,
                   cop_time deadline)
{
    struct copi_scope s;
    struct copi_actor *a = copi_scope_actor(&s, "cop_recv");
    if (out == NULL || (clauses == NULL && n > 0))
        copi_misuse("cop_recv_match: out or clauses is NULL");
    int i = copi_recv(a, clauses, n, deadline, COP_WAIT_RECEIVE);
    *out = i >= 0 ? a->current : NULL;
    copi_scope_leave(&s);
    return i >= 0 ? i : COP_ETIMEDOUT;
}

static int recv_one(const cop_msg **out, cop_match c, cop_time deadline)
{
    return cop_recv_match(out, &c, 1, deadline);
}

int cop_recv(const cop_msg **out, cop_time deadline)
{
    return recv_one(out, (cop_match){0}, deadline);
}

int cop_recv_tag(const cop_msg **out, cop_tag tag, cop_time deadline)
{
    return recv_one(out, (cop_match){.tag = tag}, deadline);
}

int cop_recv_from(const cop_msg **out, cop_pid from, cop_time deadline)
{
    return recv_one(out, (cop_match){.from = from}, deadline);
}

int cop_recv_ref(const cop_msg **out, cop_ref ref, cop_time deadline)
{
    return recv_one(out, (cop_match){.ref = ref}, deadline);
}

int cop_recv_when(const cop_msg **out, bool (*when)(const cop_msg *, void *),
                  void *ctx, cop_time deadline)
{
    return recv_one(out, (cop_match){.when = when, .ctx = ctx}, deadline);
}

cop_msg *cop_keep(const cop_msg *m)
{
    struct copi_scope s;
    struct copi_actor *a = copi_scope_actor(&s, "cop_keep");
    struct cop_msg *mine = a->current;
    if (m == NULL || mine != m)
        copi_misuse("cop_keep: not the message received last");
    a->current = NULL;
    mine->flags |= COPI_MSG_KEPT;
    copi_scope_leave(&s);
    return mine;
}
