/* SPDX-License-Identifier: MIT
 *
 * link.h - links: each side's entry in its own table. Rank: 3.
 *
 * A link is two records, one with each actor, made together when the link is
 * made. A record's first member is the exit signal that its owner's death will
 * send to the peer, so that dying needs no memory; the same cell carries the
 * record to its owner-to-be in the link signal.
 *
 * Unlinking follows OTP's protocol: the entry stays, marked with the number of
 * the unlink signal, and lets no exit signal through until the peer has
 * acknowledged that number; linking again in between clears the mark.
 */
#ifndef COPI_ACTOR_LINK_H
#define COPI_ACTOR_LINK_H

#include "runtime/actor/actor.h"

struct copi_link {
    struct cop_msg exit; /* first: cells and records share an address */
    struct copi_ordmap_node by_pid; /* key: the peer */
    uint64_t unlinking; /* number of the pending unlink; 0: linked */
};

/* An entry for a link to `peer`; NULL: no memory. */
struct copi_link *copi_link_new(cop_pid peer);
void copi_link_free(struct copi_link *l);

/* In the table of the calling (or new) actor. */
void copi_link_add(struct copi_actor *a, struct copi_link *l);
struct copi_link *copi_link_find(const struct copi_actor *a, cop_pid peer);
/* Takes it out; it is the caller's then. */
void copi_link_remove(struct copi_actor *a, struct copi_link *l);
/* The oldest entry, and the one made after l; NULL: none. */
struct copi_link *copi_link_first(const struct copi_actor *a);
struct copi_link *copi_link_next(const struct copi_actor *a,
                                 const struct copi_link *l);
/* The oldest entry, taken out; NULL: none. */
struct copi_link *copi_link_pop(struct copi_actor *a);

static inline cop_pid copi_link_peer(const struct copi_link *l)
{
    return COP_LITERAL(cop_pid){l->by_pid.by_key.key};
}

#endif
