/* SPDX-License-Identifier: MIT
 *
 * held.h - messages that an actor has in its hands: built and not yet sent, or
 * received and kept. Rank: 3. See held.c.
 */
#ifndef COPI_ACTOR_HELD_H
#define COPI_ACTOR_HELD_H

#include "runtime/actor/actor.h"
#include "runtime/actor/here.h"

struct copi_holder {
    struct copi_list at;
    _Atomic(struct cop_msg *) m; /* NULL: empty */
    struct copi_actor *owner;
};

/* relaxed: the message is in no queue, so only who has it looks at it */
COPI_EDGE_PART void copi_holder_set(struct cop_msg *m, struct copi_holder *h)
{
    atomic_store_explicit(&m->next, (struct cop_msg *)(void *)h,
                          memory_order_relaxed);
}

COPI_EDGE_PART struct copi_holder *copi_holder_of(struct cop_msg *m)
{
    return (struct copi_holder *)(void *)atomic_load_explicit(
        &m->next, memory_order_relaxed);
}

/* The oldest one, if it is empty; else that is the youngest from now on, so
 * that another one is looked at the next time. */
COPI_EDGE_PART struct copi_holder *copi_holder_use_again(struct copi_cold *cold)
{
    struct copi_list *oldest = cold->held;
    if (oldest == NULL)
        return NULL;
    struct copi_holder *h = COPI_CONTAINER(oldest, struct copi_holder, at);
    cold->held = oldest->next;
    /* acquire: pairs with who empties it on another thread */
    return atomic_load_explicit(&h->m, memory_order_acquire) == NULL ? h : NULL;
}

/* Written out, as list.h is no part of an edge without optimisation. */
COPI_EDGE_PART void copi_holder_push(struct copi_cold *cold,
                                     struct copi_holder *h)
{
    struct copi_list *oldest = cold->held;
    if (oldest == NULL) {
        h->at.next = h->at.prev = cold->held = &h->at;
        return;
    }
    h->at.next = oldest;
    h->at.prev = oldest->prev;
    oldest->prev->next = &h->at;
    oldest->prev = &h->at;
}

COPI_EDGE_PART void copi_holder_unlink(struct copi_cold *cold,
                                       struct copi_holder *h)
{
    if (cold->held == &h->at)
        cold->held = h->at.next == &h->at ? NULL : h->at.next;
    h->at.next->prev = h->at.prev;
    h->at.prev->next = h->at.next;
}

COPI_EDGE_PART void copi_holder_fill(struct copi_holder *h,
                                     struct copi_actor *a, struct cop_msg *m)
{
    h->owner = a;
    atomic_store_explicit(&h->m, m, memory_order_relaxed);
    copi_holder_set(m, h);
}

/* In COPI_EDGE alone, without having entered: what follows below, as far as it
 * takes no more than what the thread has at hand. False: nothing happened. */
COPI_EDGE_PART bool copi_held_quick_add(struct copi_actor *a, struct cop_msg *m)
{
    struct copi_cold *cold = copi_cold_of(a);
    if (COPI_UNLIKELY(cold == NULL || copi_fault_is_on()))
        return false;
    struct copi_holder *h = copi_holder_use_again(cold);
    if (COPI_LIKELY(h == NULL)) {
        struct copi_slab_magazine *cells = &copi_slab_own.loaded[COPI_SLAB_64];
        if (COPI_UNLIKELY(cells->head == NULL))
            return false;
        h = copi_slab_pop(cells);
        copi_holder_push(cold, h);
    }
    copi_holder_fill(h, a, m);
    return true;
}

COPI_EDGE_PART bool copi_held_quick_drop(struct copi_actor *a,
                                         struct cop_msg *m)
{
    struct copi_slab_magazine *cells = &copi_slab_own.loaded[COPI_SLAB_64];
    struct copi_holder *h = copi_holder_of(m);
    if (h == NULL)
        return true;
    if (COPI_UNLIKELY(h->owner != a || cells->count >= copi_slab_own.limit))
        return false;
    copi_holder_unlink(copi_cold_of(a), h);
    copi_holder_set(m, NULL);
    copi_slab_push(cells, h);
    return true;
}

/* m, which is in no queue and nobody's, is from now on a's, and goes with it.
 * False: no memory; it is nobody's. The actor itself, inside the runtime. */
bool copi_held_add(struct copi_actor *a, struct cop_msg *m);
/* m, in no queue, is nobody's from now on; it may have been so before. Inside
 * the runtime; on any thread, as long as whose it is lives. */
void copi_held_drop(struct cop_msg *m);
/* One of a's, nobody's from now on; NULL: it has none. By who ends the actor.
 */
struct cop_msg *copi_held_take(struct copi_actor *a);

#endif
