/* SPDX-License-Identifier: MIT
 *
 * mailbox.c - one atomic exchange per send. Rank: 3.
 *
 * The queue: an intrusive list for many producers and one consumer (after
 * Dmitry Vyukov's non-blocking MPSC queue). `tail` is the cell pushed last, or
 * one of three marks that are no cells:
 *
 *   RUNNING  empty; the actor runs or is in a run queue
 *   PARKED   empty; whoever pushes next must make the actor runnable
 *   CLOSED   the actor is dead; whoever pushes must dispose of the cell
 *
 * A producer exchanges `tail` for its cell (copi_mailbox_push, in the header:
 * it is most of what a send costs). What it gets back tells all: a
 * cell: link it to the new one; a mark: the new cell is the first, so put it
 * where the consumer looks (`first`); PARKED: wake; CLOSED: put the mark back
 * with a second exchange and keep the chain that came in between.
 *
 * Between a producer's exchange and its link the chain has a gap. The consumer
 * waits there, some instructions long. That is why a sender is never ended or
 * preempted inside a push.
 *
 * Invariants, for the consumer:
 *  1. head is NULL, or the oldest cell not yet taken.
 *  2. With head NULL, `first` is the oldest cell, or the queue is empty, or a
 *     producer is about to set `first`.
 *  3. `first` is cleared before `tail` goes back to RUNNING, so no producer's
 *     store to it is ever overwritten.
 *
 * The inbox: messages that the actor has taken from the queue and not yet
 * received, a plain list of its own. Urgent ones are kept at its front. A
 * receive marker says from where on a fresh reference can occur, so that the
 * wait for a reply does not walk over a long inbox.
 *
 * Rejected: a second atomic state word for parking (a second read-modify-write
 * for each send), and a counter of queued messages (likewise): only a bounded
 * mailbox counts.
 */
#include "runtime/actor/mailbox.h"

#include "runtime/actor/counters.h"
#include "runtime/base/atomic.h"
#include "runtime/base/check.h"
#include "runtime/base/os.h"
#include "runtime/memory/mem.h"
#include "runtime/probe/trace.h"

enum { MARKS = COPI_MARKS, SPINS = 200 };

#define RUNNING COPI_MAILBOX_RUNNING
#define PARKED COPI_MAILBOX_PARKED
#define CLOSED COPI_MAILBOX_CLOSED

void copi_mailbox_init(struct copi_actor *a)
{
    atomic_init(&a->tail, RUNNING);
    atomic_init(&a->first, NULL);
}

static void wait_a_little(unsigned *n)
{
    if (++*n % SPINS == 0)
        copi_os_yield();
    else
        copi_cpu_relax();
}

/* The cell after m, once its producer has linked it. */
static struct cop_msg *wait_for_link(struct cop_msg *m)
{
    struct cop_msg *next;
    unsigned n = 0;
    /* acquire: pairs with the producer's release of the link */
    while (!(next = atomic_load_explicit(&m->next, memory_order_acquire)))
        wait_a_little(&n);
    return next;
}

void copi_mailbox_push_to_closed(struct copi_actor *a, struct cop_msg *m)
{
    /* acq_rel: the cells pushed in between are read below */
    struct cop_msg *last =
        atomic_exchange_explicit(&a->tail, CLOSED, memory_order_acq_rel);
    COPI_ASSERT(!copi_mailbox_is_mark(last));
    for (struct cop_msg *c = m; c != last;)
        c = wait_for_link(c);
}

static struct cop_msg *take_first(struct copi_actor *a)
{
    if (copi_mailbox_is_mark(
            atomic_load_explicit(&a->tail, memory_order_relaxed)))
        return NULL;
    struct cop_msg *m;
    unsigned n = 0;
    /* acquire: pairs with the producer's release in push */
    while (!(m = atomic_load_explicit(&a->first, memory_order_acquire)))
        wait_a_little(&n);
    atomic_store_explicit(&a->first, NULL, memory_order_relaxed);
    return m;
}

struct cop_msg *copi_mailbox_next_last_local(struct copi_actor *a)
{
    struct cop_msg *m = a->head != NULL ? a->head : take_first(a);
    if (m == NULL)
        return NULL;
    /* acquire: pairs with the link's release in push */
    struct cop_msg *next = atomic_load_explicit(&m->next, memory_order_acquire);
    if (next == NULL) {
        struct cop_msg *last = m;
        /* release: `first` was cleared before (invariant 3) */
        if (atomic_compare_exchange_strong_explicit(&a->tail, &last, RUNNING,
                                                    memory_order_seq_cst,
                                                    memory_order_relaxed)) {
            a->head = NULL;
            return m;
        }
        next = wait_for_link(m);
    }
    a->head = next;
    return m;
}

static bool change(struct copi_actor *a, struct cop_msg *from,
                   struct cop_msg *to)
{
    /* seq_cst: wait.c relies on one order of these and of `poke` */
    return atomic_compare_exchange_strong_explicit(
        &a->tail, &from, to, memory_order_seq_cst, memory_order_seq_cst);
}

bool copi_mailbox_unpark(struct copi_actor *a)
{
    return change(a, PARKED, RUNNING);
}

bool copi_mailbox_close(struct copi_actor *a)
{
    return a->head == NULL && change(a, RUNNING, CLOSED);
}

/* --------------------------------------------------------------- inbox -- */

/* Behind the urgent ones that are there, before all others. */
static COPI_COLD void append_urgent(struct copi_actor *a, struct cop_msg *m)
{
    struct copi_cold *cold = copi_cold_of(a);
    COPI_ASSERT(cold != NULL);
    struct cop_msg *prev = cold->urgent_last;
    struct cop_msg *next = prev != NULL ? copi_inbox_after(prev) : a->inbox;
    copi_inbox_link(m, next);
    if (prev == NULL)
        a->inbox = m;
    else
        copi_inbox_link(prev, m);
    if (next == NULL)
        a->inbox_last = m;
    cold->urgent_last = m;
    /* it may answer any reference, and lies before every marker */
    if (cold->marks != NULL)
        memset(cold->marks, 0, sizeof *cold->marks);
    copi_inbox_tally(a, m, 1);
}

void copi_inbox_append(struct copi_actor *a, struct cop_msg *m, bool urgent)
{
    if (COPI_UNLIKELY(urgent))
        append_urgent(a, m);
    else
        copi_inbox_append_plain(a, m);
}

/* m leaves the inbox; what led to it leads to prev. */
static void forget_place(struct copi_cold *cold, struct cop_msg *prev,
                         const struct cop_msg *m)
{
    struct copi_marks *k = cold->marks;
    if (cold->urgent_last == m)
        cold->urgent_last = prev;
    for (unsigned i = 0; k != NULL && i < MARKS; i++) {
        if (k->prev[i] == m)
            k->prev[i] = prev;
    }
}

void copi_inbox_take(struct copi_actor *a, struct cop_msg *prev,
                     struct cop_msg *m)
{
    struct cop_msg *next = copi_inbox_after(m);
    __builtin_prefetch(next); /* it will be looked at soon */
    if (prev == NULL) {
        COPI_ASSERT(a->inbox == m);
        a->inbox = next;
    } else {
        COPI_ASSERT(copi_inbox_after(prev) == m);
        copi_inbox_link(prev, next);
    }
    if (a->inbox_last == m)
        a->inbox_last = prev;
    struct copi_cold *cold = copi_cold_of(a);
    if (cold != NULL)
        forget_place(cold, prev, m);
    copi_inbox_link(m, NULL);
    copi_inbox_tally(a, m, -1);
}

bool copi_inbox_set_aside(struct copi_actor *a)
{
    struct cop_msg *m = a->current;
    if (m == NULL)
        return false;
    copi_inbox_link(m, a->aside);
    a->aside = m;
    a->current = NULL;
    return true;
}

void copi_inbox_take_back(struct copi_actor *a)
{
    COPI_ASSERT(a->current == NULL && a->aside != NULL);
    a->current = a->aside;
    a->aside = copi_inbox_after(a->current);
    copi_inbox_link(a->current, NULL);
}

void copi_inbox_unlend_all(struct copi_actor *a)
{
    copi_inbox_unlend(a);
    while (a->aside != NULL) {
        copi_inbox_take_back(a);
        copi_inbox_unlend(a);
    }
}

void copi_inbox_lend(struct copi_actor *a, struct cop_msg *prev,
                     struct cop_msg *m)
{
    copi_inbox_unlend(a);
    copi_inbox_take(a, prev, m);
    if (m->flags & COPI_MSG_COUNTED)
        atomic_fetch_sub_explicit(&a->bounded, 1, memory_order_relaxed);
    copi_inbox_lend_loose(a, m);
}

/* NULL: no memory. */
static struct copi_marks *make_marks(struct copi_actor *a)
{
    if (a->cold->marks != NULL)
        return a->cold->marks;
    struct copi_cold *cold = copi_cold_make(a);
    if (cold != NULL)
        cold->marks = copi_mem_zalloc(sizeof *cold->marks);
    return cold != NULL ? cold->marks : NULL;
}

static void set_mark(struct copi_actor *a, cop_ref ref, struct cop_msg *prev)
{
    /* Without a marker a receive is right, only slower: so no memory is no
     * error here. */
    struct copi_marks *k = make_marks(a);
    if (k == NULL)
        return;
    unsigned i = k->used++ % MARKS;
    k->ref[i] = ref.id;
    k->prev[i] = prev;
}

void copi_inbox_mark(struct copi_actor *a, cop_ref ref)
{
    if (a->inbox_last != NULL) /* else no marker says the same */
        set_mark(a, ref, a->inbox_last);
}

void copi_inbox_mark_at(struct copi_actor *a, cop_ref ref, struct cop_msg *prev)
{
    int age = copi_inbox_mark_age(a, ref);
    struct copi_marks *k = a->cold->marks;
    if (age >= MARKS / 2) { /* it is in use: others must not push it out */
        k->ref[(k->used - 1 - (unsigned)age) % MARKS] = 0;
        age = -1;
    }
    if (age < 0)
        set_mark(a, ref, prev);
    else
        k->prev[(k->used - 1 - (unsigned)age) % MARKS] = prev;
}

struct cop_msg *copi_inbox_marked(struct copi_actor *a, cop_ref ref)
{
    const struct copi_marks *k = a->cold->marks;
    for (unsigned i = 0; k != NULL && i < MARKS; i++) {
        if (k->ref[i] == ref.id)
            return k->prev[i];
    }
    return NULL;
}

int copi_inbox_mark_age(const struct copi_actor *a, cop_ref ref)
{
    const struct copi_marks *k = a->cold->marks;
    for (unsigned i = 0; k != NULL && i < MARKS; i++) {
        if (k->ref[i] == ref.id)
            return (int)((k->used - 1 - i) % MARKS);
    }
    return -1;
}

void copi_inbox_free_marks(struct copi_actor *a)
{
    struct copi_cold *cold = copi_cold_of(a);
    if (cold == NULL)
        return;
    copi_mem_free(cold->marks, sizeof *cold->marks);
    cold->marks = NULL;
}
