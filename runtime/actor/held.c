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

_Static_assert(sizeof(struct copi_holder) <= 64, "fits its slab class");

/* acquire, release: of two that take it one gets it, with all that the other
 * did before */
static struct cop_msg *empty(struct copi_holder *h)
{
    return atomic_exchange_explicit(&h->m, NULL, memory_order_acq_rel);
}

static void unlink_and_free(struct copi_cold *cold, struct copi_holder *h)
{
    copi_holder_unlink(cold, h);
    copi_slab_free(COPI_SLAB_64, h);
}

bool copi_held_add(struct copi_actor *a, struct cop_msg *m)
{
    struct copi_cold *cold = copi_cold_make(a);
    struct copi_holder *h = cold != NULL ? copi_holder_use_again(cold) : NULL;
    copi_holder_set(m, NULL);
    if (h == NULL) {
        h = cold != NULL ? copi_slab_alloc(COPI_SLAB_64) : NULL;
        if (h == NULL)
            return false;
        copi_holder_push(cold, h);
    }
    copi_holder_fill(h, a, m);
    return true;
}

void copi_held_drop(struct cop_msg *m)
{
    struct copi_holder *h = copi_holder_of(m);
    if (COPI_LIKELY(h == NULL))
        return;
    struct copi_actor *owner = h->owner;
    copi_holder_set(m, NULL);
    if (owner == copi_here_actor()) {
        unlink_and_free(copi_cold_of(owner), h);
        return;
    }
    struct cop_msg *was = empty(h);
    COPI_ASSERT(was == m);
}

struct cop_msg *copi_held_take(struct copi_actor *a)
{
    struct cop_msg *m = NULL;
    while (m == NULL && a->cold->held != NULL) {
        struct copi_holder *h =
            COPI_CONTAINER(a->cold->held, struct copi_holder, at);
        m = empty(h);
        if (m != NULL)
            copi_holder_set(m, NULL);
        unlink_and_free(copi_cold_of(a), h);
    }
    return m;
}
