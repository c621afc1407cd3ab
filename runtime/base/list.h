/* SPDX-License-Identifier: MIT
 *
 * list.h - intrusive doubly linked ring. Rank: 0.
 *
 * A list is a node of its own ring; an element embeds a node and is reached
 * with COPI_CONTAINER. A node that is on no list must have been initialised
 * (or removed, which initialises it): so removing twice is harmless, and
 * copi_list_is_empty(node) says whether it is on one. Nothing here locks.
 *
 * Invariants: 1. n->next->prev == n == n->prev->next, always.
 */
#ifndef COPI_BASE_LIST_H
#define COPI_BASE_LIST_H

#include "runtime/base/check.h"

struct copi_list {
    struct copi_list *next, *prev;
};

static inline void copi_list_init(struct copi_list *l)
{
    l->next = l;
    l->prev = l;
}

static inline bool copi_list_is_empty(const struct copi_list *l)
{
    return l->next == l;
}

/* Puts n, which must be on no list, right before `at`. */
static inline void copi_list_insert_before(struct copi_list *at,
                                           struct copi_list *n)
{
    COPI_ASSERT(n->next == n && at->prev->next == at);
    n->next = at;
    n->prev = at->prev;
    at->prev->next = n;
    at->prev = n;
}

static inline void copi_list_push_back(struct copi_list *l, struct copi_list *n)
{
    copi_list_insert_before(l, n);
}

static inline void copi_list_push_front(struct copi_list *l,
                                        struct copi_list *n)
{
    copi_list_insert_before(l->next, n);
}

static inline void copi_list_remove(struct copi_list *n)
{
    COPI_ASSERT(n->next->prev == n && n->prev->next == n);
    n->next->prev = n->prev;
    n->prev->next = n->next;
    copi_list_init(n);
}

/* The first node, taken off; NULL if there is none. */
static inline struct copi_list *copi_list_pop_front(struct copi_list *l)
{
    struct copi_list *n = l->next;

    if (n == l)
        return NULL;
    copi_list_remove(n);
    return n;
}

/* Moves all of src behind the last node of dst; src is empty then. */
static inline void copi_list_splice_back(struct copi_list *dst,
                                         struct copi_list *src)
{
    COPI_ASSERT(dst != src);
    if (copi_list_is_empty(src))
        return;
    src->next->prev = dst->prev;
    dst->prev->next = src->next;
    src->prev->next = dst;
    dst->prev = src->prev;
    copi_list_init(src);
}

/* The same ring without a head: *ring is the first node, NULL when there is
 * none. Puts n, which must be on no list, behind the last one. */
static inline void copi_list_ring_push(struct copi_list **ring,
                                       struct copi_list *n)
{
    if (*ring == NULL)
        *ring = n;
    else
        copi_list_insert_before(*ring, n);
}

/* `n` must be on that ring. */
static inline void copi_list_ring_remove(struct copi_list **ring,
                                         struct copi_list *n)
{
    if (*ring == n)
        *ring = n->next == n ? NULL : n->next;
    copi_list_remove(n);
}

/* Walks l; the loop body must not take `n` off (pop_front in a loop does). */
#define COPI_LIST_EACH(n, l)                                                   \
    for (struct copi_list *n = (l)->next; n != (l); n = n->next)

#endif
