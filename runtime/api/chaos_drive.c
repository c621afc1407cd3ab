/* SPDX-License-Identifier: MIT
 *
 * chaos_drive.c - the actor that does what a fault plan wants done in time.
 * Rank: 5.
 *
 * It sends messages that are delayed, in the order of their instants, and of
 * equal ones in that of their coming, which is that of their sender; and for
 * each rule with every= it chooses, time after time, one of the actors that the
 * rule matches. The choice goes by a hash of the actors' serial numbers and a
 * number drawn, the least one wins: so each is as likely, and the order in
 * which they lie in the table says nothing.
 *
 * Its life: it is spawned before the plan is on, waits for GO, works until OFF,
 * and sends what it still holds at once, however it ends. Both messages are
 * made with it, since a plan may refuse memory. What is to be held comes
 * between the two: nobody knows the driver before GO is on its way, and who
 * gives it something keeps the plan on meanwhile (give). Only if it is killed
 * is lost what is under way to it.
 */
#include <coppice/runtime.h>

#include "runtime/actor/here.h"
#include "runtime/actor/signal.h"
#include "runtime/actor/table.h"
#include "runtime/api/chaos.h"
#include "runtime/api/scope.h"
#include "runtime/base/check.h"
#include "runtime/base/clock.h"
#include "runtime/base/hash.h"
#include "runtime/memory/mem.h"

enum { CHAOS_GO = COP_TAG_BEHAVIOUR + 0x7c0, CHAOS_OFF, CHAOS_HELD };

/* A message that waits, in the body of one to the driver. */
struct held {
    struct cop_msg *msg; /* owned; NULL: sent */
    cop_pid to;
    cop_time due;
    copi_chaos_way way;
    _Atomic uint32_t *held; /* counts it */
    /* The driver's. */
    struct cop_msg *envelope;
    struct held *next;
};

struct drive {
    struct held *first;               /* by due */
    cop_time next[COPI_PLAN_RULES];   /* every=: when it is due */
    bool has_warned[COPI_PLAN_RULES]; /* that nobody matches */
};

static _Atomic uint64_t driver;           /* its pid; 0: none */
static _Atomic(struct cop_msg *) parting; /* its OFF */

/* ---------------------------------------------------- holding messages -- */

static void free_held(void *p, size_t size)
{
    struct held *h = p;
    struct cop_msg *m = h->msg;
    /* release: pairs with must_wait in chaos_send.c */
    if (h->held != NULL)
        atomic_fetch_sub_explicit(h->held, 1, memory_order_release);
    copi_mem_free(h, size);
    if (m != NULL)
        copi_msg_release(m);
}

static struct cop_msg *wrap(struct held *h)
{
    cop_msg *m;
    if (cop_msg_new_moved(&m, CHAOS_HELD, h, sizeof *h, free_held) != 0)
        return NULL;
    cop_msg_disown(m);
    m->flags = COPI_MSG_SYSTEM;
    return m;
}

/* While a plan is on its driver has had no OFF, and comes to what is pushed now
 * before it. */
static bool give(struct held *h, struct cop_msg *m, struct cop_msg *envelope)
{
    if (!copi_inject_enter())
        return false;
    /* acquire: pairs with copi_chaos_driver_start */
    cop_pid pid = {atomic_load_explicit(&driver, memory_order_acquire)};
    struct copi_actor *a = copi_table_find(pid);
    if (a != NULL) {
        h->msg = m;
        atomic_fetch_add_explicit(h->held, 1, memory_order_relaxed);
        copi_signal_push(a, envelope);
    }
    copi_inject_leave();
    return a != NULL;
}

bool copi_chaos_hold(cop_pid to, struct cop_msg *m, cop_time due,
                     copi_chaos_way way, _Atomic uint32_t *held)
{
    struct held *h = copi_mem_zalloc(sizeof *h);
    struct cop_msg *envelope = h != NULL ? wrap(h) : NULL;
    if (envelope == NULL) {
        copi_mem_free(h, sizeof *h);
        return false;
    }
    h->to = to;
    h->due = due;
    h->way = way;
    h->held = held;
    if (give(h, m, envelope))
        return true;
    h->held = NULL;
    copi_msg_release(envelope);
    return false;
}

static void insert(struct drive *d, const cop_msg *borrowed)
{
    struct cop_msg *m = cop_keep(borrowed);
    struct held *h = (struct held *)(uintptr_t)cop_msg_body(m);
    struct held **at = &d->first;
    while (*at != NULL && (*at)->due <= h->due)
        at = &(*at)->next;
    h->envelope = m;
    h->next = *at;
    *at = h;
}

static void send_until(struct drive *d, cop_time now)
{
    struct held *h;
    struct copi_scope s;
    while ((h = d->first) != NULL && h->due <= now) {
        d->first = h->next;
        copi_scope_actor_late(&s, "chaos");
        struct cop_msg *m = h->msg;
        h->msg = NULL;
        (void)h->way(h->to, m);
        cop_msg_free(h->envelope);
        copi_scope_leave(&s);
    }
}

/* At its end, of which kind soever. */
static void send_all(void *d)
{
    send_until(d, COP_FOREVER);
}

/* ------------------------------------------------------------- choosing -- */

static bool is_victim(struct copi_actor *a, const struct copi_rule *r)
{
    return a != NULL && !a->is_guest &&
           atomic_load_explicit(&a->status, memory_order_relaxed) !=
               COP_STATUS_EXITING &&
           copi_chaos_is_meant(a, r->who);
}

static struct copi_actor *find_victim(const struct copi_rule *r, uint64_t draw)
{
    struct copi_actor *victim = NULL;
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < copi_table_limit(); i++) {
        struct copi_actor *a = copi_table_at(i);
        if (!is_victim(a, r))
            continue;
        uint64_t key = copi_hash_u64(copi_hash_u64(a->serial) ^ draw);
        if (victim == NULL || key < least) {
            victim = a;
            least = key;
        }
    }
    return victim;
}

/* Who it is depends on the number of the opportunity only, so it may be drawn
 * before the rule decides whether it fires: then there is one only if somebody
 * matches. */
static bool strike_one(unsigned i)
{
    const struct copi_rule *r = copi_inject_rule(i);
    struct copi_shot shot;
    if (find_victim(r, 0) == NULL)
        return false;
    if (!copi_inject_fires(i, &shot))
        return true;
    struct copi_actor *a =
        find_victim(r, copi_shot_below(&shot, UINT64_C(1) << 63));
    if (a != NULL)
        copi_chaos_strike(a, i);
    return true;
}

static void warn(unsigned i, const char *text)
{
    copi_log("chaos: rule %u matches no actor: %s", i + 1, text);
}

static void tick(struct drive *d, unsigned i, cop_time now)
{
    struct copi_scope s;
    char text[COPI_PLAN_TEXT];
    copi_scope_actor_late(&s, "chaos");
    if (copi_inject_enter()) {
        const struct copi_rule *r = copi_inject_rule(i);
        d->next[i] = COPI_MAX(d->next[i] + r->every_ns, now);
        memcpy(text, r->text, sizeof text);
        bool found = strike_one(i);
        copi_inject_leave();
        if (!found && !d->has_warned[i]) {
            d->has_warned[i] = true;
            warn(i, text);
        }
    } else {
        d->next[i] = COP_FOREVER;
    }
    copi_scope_leave(&s);
}

/* ------------------------------------------------------------ its life -- */

static void set_out(struct drive *d)
{
    cop_time now = copi_clock_now();
    bool is_on = copi_inject_enter();
    for (unsigned i = 0; i < COPI_PLAN_RULES; i++) {
        d->next[i] = COP_FOREVER;
        if (!is_on || i >= copi_inject_count())
            continue;
        const struct copi_rule *r = copi_inject_rule(i);
        if (r->class == COPI_RULE_ACTOR && r->every_ns != 0)
            d->next[i] = now + r->every_ns;
    }
    if (is_on)
        copi_inject_leave();
}

static cop_time next_of(const struct drive *d)
{
    cop_time next = d->first != NULL ? d->first->due : COP_FOREVER;
    for (unsigned i = 0; i < COPI_PLAN_RULES; i++)
        next = COPI_MIN(next, d->next[i]);
    return next;
}

static void do_due(struct drive *d)
{
    cop_time now = copi_clock_now();
    send_until(d, now);
    for (unsigned i = 0; i < COPI_PLAN_RULES; i++)
        if (d->next[i] <= now)
            tick(d, i, now);
}

static void work(struct drive *d)
{
    const cop_msg *m;
    if (cop_recv(&m, COP_FOREVER) != 0 || cop_msg_tag(m) != CHAOS_GO)
        return;
    set_out(d);
    for (;;) {
        if (cop_recv(&m, next_of(d)) == 0) {
            if (cop_msg_tag(m) == CHAOS_OFF)
                return;
            if (cop_msg_tag(m) == CHAOS_HELD)
                insert(d, m);
        }
        do_due(d);
    }
}

static void drive(void *unused)
{
    struct drive d = {0};
    (void)unused;
    if (cop_defer(send_all, &d) != 0)
        return;
    work(&d);
    send_all(&d);
    (void)cop_undefer(send_all, &d); /* it lies on this stack */
}

static struct cop_msg *order_new(cop_tag tag)
{
    cop_msg *m;
    if (cop_msg_new(&m, tag, 0) != 0)
        return NULL;
    cop_msg_disown(m);
    m->flags = COPI_MSG_SYSTEM;
    return m;
}

int copi_chaos_driver_new(struct copi_chaos_driver *d)
{
    /* a message's release that faults here must not end the driver in silence:
     * it holds others' messages */
    static const cop_opts opts = {.label = "chaos",
                                  .isolation = COP_ISOLATION_NONE};
    memset(d, 0, sizeof *d);
    d->go = order_new(CHAOS_GO);
    d->off = order_new(CHAOS_OFF);
    int rc = d->go != NULL && d->off != NULL
                 ? cop_spawn(&d->pid, drive, NULL, &opts)
                 : COP_ENOMEM;
    if (rc != 0)
        copi_chaos_driver_drop(d);
    return rc;
}

/* From any thread. */
static void order(cop_pid pid, struct cop_msg *m)
{
    struct copi_scope s;
    if (!copi_scope_enter_late(&s)) {
        copi_msg_release(m);
        return;
    }
    copi_signal_send(pid, m);
    copi_scope_leave(&s);
}

void copi_chaos_driver_start(struct copi_chaos_driver *d)
{
    order(d->pid, d->go);
    /* release: the messages before the pid that leads to it */
    atomic_store_explicit(&parting, d->off, memory_order_release);
    atomic_store_explicit(&driver, d->pid.id, memory_order_release);
}

void copi_chaos_driver_drop(struct copi_chaos_driver *d)
{
    if (d->go != NULL)
        copi_msg_release(d->go);
    if (d->off != NULL && d->pid.id != 0)
        order(d->pid, d->off);
    else if (d->off != NULL)
        copi_msg_release(d->off);
}

void copi_chaos_driver_end(void)
{
    /* acq_rel: takes what copi_chaos_driver_start published, once */
    struct cop_msg *m =
        atomic_exchange_explicit(&parting, NULL, memory_order_acq_rel);
    cop_pid pid = {atomic_exchange_explicit(&driver, 0, memory_order_acq_rel)};
    if (m != NULL)
        order(pid, m);
}
