/* SPDX-License-Identifier: MIT
 *
 * chaos_send.c - what a fault plan does to messages. Rank: 5.
 *
 * A message that a program sends comes by here before anything is done with it:
 * it is not counted as sent, has no place in a mailbox, and of a reply its
 * caller does not know yet. So one that is dropped was never sent, and becomes
 * a dead letter at once; and a reply that is delayed claims its call when it is
 * really sent, if somebody still waits for it.
 *
 * Order. Delays are drawn anew for each message, but what rules delay must not
 * change its order between two actors: nothing else in the system does. So for
 * each pair of actors there is the instant before which nothing more may go,
 * and the number of messages that have not gone yet; one that a rule for delays
 * matches but does not fire at waits behind them. The pairs share a table by
 * hash: if two meet, one waits for the other, which is only a longer delay.
 * Without memory to hold it a message goes at once: late is better than lost,
 * but early is better, too.
 */
#include "runtime/api/chaos.h"

#include "runtime/actor/here.h"
#include "runtime/actor/signal.h"
#include "runtime/actor/table.h"
#include "runtime/base/clock.h"
#include "runtime/base/hash.h"

enum { PAIRS = 1024 };

static struct pair {
    _Atomic int64_t not_before;
    _Atomic uint32_t held; /* with the driver, of this plan or an earlier one */
} pairs[PAIRS];

/* What is decided about a message. */
struct fate {
    bool dropped;
    unsigned copies;
    cop_time due;      /* 0: now */
    struct pair *pair; /* with due */
};

void copi_chaos_send_reset(void)
{
    for (size_t i = 0; i < PAIRS; i++)
        atomic_store_explicit(&pairs[i].not_before, 0, memory_order_relaxed);
}

static unsigned kind_of(const struct cop_msg *m)
{
    if (m->tag == COP_REPLY)
        return COPI_SEND_REPLY;
    if (m->flags & COPI_MSG_CALL)
        return COPI_SEND_CALL;
    return m->flags & COPI_MSG_CAST ? COPI_SEND_CAST : COPI_SEND_PLAIN;
}

static bool is_for(const struct copi_rule *r, cop_pid to,
                   const struct cop_msg *m)
{
    if (m->tag == COP_REPLY && !copi_ref_is_asked(m->ref))
        return false; /* a behaviour's own */
    return r->class == COPI_RULE_MESSAGE && (r->sends >> kind_of(m) & 1) &&
           copi_inject_has_tag(r, m->tag) &&
           copi_chaos_is_meant(copi_table_find(to), r->to) &&
           copi_chaos_is_meant(copi_table_find(m->sender), r->from);
}

static struct pair *pair_of(cop_pid from, cop_pid to)
{
    uint64_t h = copi_hash_u64(copi_hash_u64(from.id) ^ to.id);
    return &pairs[h % PAIRS];
}

static bool must_wait(struct pair *p)
{
    /* acquire: pairs with free_held in chaos_drive.c; all before has gone */
    return atomic_load_explicit(&p->held, memory_order_acquire) != 0;
}

/* At `at`, or when the one before goes if that is later. Relaxed: one actor's
 * messages come one after the other anyway. */
static cop_time take_instant(struct pair *p, cop_time at)
{
    int64_t last = atomic_load_explicit(&p->not_before, memory_order_relaxed);
    while (last < at && !atomic_compare_exchange_weak_explicit(
                            &p->not_before, &last, at, memory_order_relaxed,
                            memory_order_relaxed))
        continue;
    return COPI_MAX(at, last);
}

static void delay(struct fate *f, unsigned i, cop_pid to,
                  const struct cop_msg *m)
{
    const struct copi_rule *r = copi_inject_rule(i);
    struct copi_shot shot;
    struct pair *p = pair_of(m->sender, to);
    cop_time at = copi_clock_now();
    if (copi_inject_fires(i, &shot))
        at += r->low_ns + (cop_time)copi_shot_below(
                              &shot, (uint64_t)(r->high_ns - r->low_ns) + 1);
    else if (!must_wait(p))
        return;
    at = take_instant(p, at);
    if (at > f->due) {
        f->due = at;
        f->pair = p;
    }
}

/* All rules are asked, so that one does not change what another draws. */
static void decide(struct fate *f, cop_pid to, const struct cop_msg *m)
{
    struct copi_shot shot;
    for (unsigned i = 0; i < copi_inject_count(); i++) {
        const struct copi_rule *r = copi_inject_rule(i);
        if (!is_for(r, to, m))
            continue;
        if (r->kind == COPI_RULE_DELAY)
            delay(f, i, to, m);
        else if (!copi_inject_fires(i, &shot))
            continue;
        else if (r->kind == COPI_RULE_DROP)
            f->dropped = true;
        else
            f->copies++;
    }
}

/* NULL: no memory; then there is none. */
static struct cop_msg *copy_of(const struct cop_msg *m)
{
    struct cop_msg *copy = copi_msg_make(m->tag, cop_msg_body(m), m->size);
    if (copy == NULL)
        return NULL;
    copy->flags = m->flags;
    copy->sender = m->sender;
    copy->ref = m->ref;
    return copy;
}

static int go(const struct fate *f, cop_pid to, struct cop_msg *m,
              copi_chaos_way way)
{
    if (f->due != 0 && copi_chaos_hold(to, m, f->due, way, &f->pair->held))
        return 0;
    return way(to, m);
}

int copi_chaos_send(cop_pid to, struct cop_msg *m, copi_chaos_way way)
{
    struct fate f = {0};
    if (!copi_inject_enter())
        return way(to, m);
    decide(&f, to, m);
    copi_inject_leave();
    if (f.dropped) {
        copi_signal_dead_letter(m, to, COP_DEAD_INJECTED);
        return 0;
    }
    struct cop_msg *copy = f.copies > 0 ? copy_of(m) : NULL;
    int rc = go(&f, to, m, way);
    while (copy != NULL) {
        struct cop_msg *next = --f.copies > 0 ? copy_of(copy) : NULL;
        (void)go(&f, to, copy, way);
        copy = next;
    }
    return rc;
}
