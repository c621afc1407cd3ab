/* SPDX-License-Identifier: MIT
 *
 * held.c - messages that an actor has in its hands. Rank: 3.
 *
 * A message that the program has built, or keeps, is in no queue. Whoever built
 * or received it may crash, or be killed, before it sends or frees it; so each
 * has a *holder*, a record in a ring of the actor's, from which the messages
 * are released when the actor ends, however it ends. The message's `next`,
 * which is of no use meanwhile, leads to its holder; NULL: it is nobody's.
 * So is what other threads build, and what an actor disowns to pass the pointer
 * to somebody else.
 *
 * A helper thread of the actor's, or whoever was given the pointer, may free or
 * send a message too. It must not touch the ring: it only takes the message out
 * of its holder, which stays, empty. Each add looks at the oldest holder and
 * uses it again if it is empty.
 *
 * Invariants:
 *  1. m->next leads to the holder h if and only if h->m is m.
 *  2. The owner alone changes its ring.
 *
 * Rejected: links in the message itself. There is room for one pointer, and
 * what is freed in the middle needs two. As a block of the actor's heap: its
 * table would have to know of two kinds, and few who hold a message have one.
 */
#include "runtime/actor/held.h"

#include "runtime/actor/here.h"
#include "runtime/base/check.h"

struct holder {
    struct copi_list at;
    _Atomic(struct cop_msg *) m; /* NULL: empty */
    struct copi_actor *owner;
};

_Static_assert(sizeof(struct holder) <= 64, "fits its slab class");

static struct holder *holder_of(struct copi_list *at)
{
    return COPI_CONTAINER(at, struct holder, at);
}

/* relaxed: it is in no queue, so only who has the pointer looks at it */
static void set_holder(struct cop_msg *m, struct holder *h)
{
    atomic_store_explicit(&m->next, (struct cop_msg *)(void *)h,
                          memory_order_relaxed);
}

static struct holder *get_holder(struct cop_msg *m)
{
    return (struct holder *)(void *)atomic_load_explicit(&m->next,
                                                         memory_order_relaxed);
}

/* acquire, release: of two that take it one gets it, with all that the other
 * did before */
static struct cop_msg *empty(struct holder *h)
{
    return atomic_exchange_explicit(&h->m, NULL, memory_order_acq_rel);
}

static void push(struct copi_cold *cold, struct holder *h)
{
    if (cold->held == NULL)
        cold->held = &h->at;
    else
        copi_list_push_back(cold->held, &h->at);
}

static void unlink_and_free(struct copi_cold *cold, struct holder *h)
{
    if (cold->held == &h->at)
        cold->held = copi_list_is_empty(&h->at) ? NULL : h->at.next;
    copi_list_remove(&h->at);
    copi_slab_free(COPI_SLAB_64, h);
}

/* The oldest one, if it is empty; else that is the youngest from now on, so
 * that another one is looked at the next time. */
static struct holder *use_again(struct copi_cold *cold)
{
    if (cold->held == NULL)
        return NULL;
    struct holder *h = holder_of(cold->held);
    cold->held = h->at.next;
    /* acquire: pairs with `empty` on another thread */
    return atomic_load_explicit(&h->m, memory_order_acquire) == NULL ? h : NULL;
}

bool copi_held_add(struct copi_actor *a, struct cop_msg *m)
{
    struct copi_cold *cold = copi_cold_make(a);
    struct holder *h = cold != NULL ? use_again(cold) : NULL;
    set_holder(m, NULL);
    if (h == NULL) {
        h = cold != NULL ? copi_slab_alloc(COPI_SLAB_64) : NULL;
        if (h == NULL)
            return false;
        copi_list_init(&h->at);
        h->owner = a;
        push(cold, h);
    }
    atomic_store_explicit(&h->m, m, memory_order_relaxed);
    set_holder(m, h);
    return true;
}

void copi_held_drop(struct cop_msg *m)
{
    struct holder *h = get_holder(m);
    if (COPI_LIKELY(h == NULL))
        return;
    struct copi_actor *owner = h->owner;
    bool is_mine = owner == copi_here_actor();
    set_holder(m, NULL);
    struct cop_msg *was = empty(h);
    COPI_ASSERT(was == m);
    if (is_mine)
        unlink_and_free(copi_cold_of(owner), h);
}

struct cop_msg *copi_held_take(struct copi_actor *a)
{
    struct cop_msg *m = NULL;
    while (m == NULL && a->cold->held != NULL) {
        struct holder *h = holder_of(a->cold->held);
        m = empty(h);
        if (m != NULL)
            set_holder(m, NULL);
        unlink_and_free(copi_cold_of(a), h);
    }
    return m;
}
