/* SPDX-License-Identifier: MIT
 *
 * roster.h - what registries and groups keep: actors under keys, in the order
 * in which they came, watched so that an entry goes with its actor.
 *
 * For use in one actor, whose monitors are meant. See roster.c.
 */
#ifndef COPI_ACTORS_ROSTER_H
#define COPI_ACTORS_ROSTER_H

#include <coppice/registry.h>

#include "actors/index.h"

/* A ring of links with a head that is a link, too. */
struct copi_links {
    struct copi_links *next, *prev;
};

struct copi_roster_key;
struct copi_roster_actor;

struct copi_roster_entry {
    struct copi_index_node node; /* in pairs */
    struct copi_links in_key;
    struct copi_links in_actor;
    struct copi_roster_key *key;
    struct copi_roster_actor *actor;
    uint64_t data;
};

struct copi_roster {
    struct copi_index keys;   /* text -> its entries */
    struct copi_index actors; /* pid -> its monitor and entries */
    struct copi_index pairs;  /* text and pid -> entry */
};

void copi_roster_init(struct copi_roster *r);
/* Frees all but ends no monitors: it runs at the actor's death. */
void copi_roster_fini(struct copi_roster *r);

size_t copi_roster_count(const struct copi_roster *r);

/* Adds an entry, the newest of its key. COP_ENOPROC, COP_ENOMEM. */
int copi_roster_add(struct copi_roster *r, const char *key, cop_pid pid,
                    uint64_t data);
void copi_roster_remove(struct copi_roster *r, struct copi_roster_entry *e);

/* The newest entry of an actor under a key, or NULL. */
struct copi_roster_entry *copi_roster_find(const struct copi_roster *r,
                                           const char *key, cop_pid pid);

/* How many entries a key has; the first of them, and the next; NULL if none. */
size_t copi_roster_count_of(const struct copi_roster *r, const char *key);
struct copi_roster_entry *copi_roster_first(const struct copi_roster *r,
                                            const char *key);
struct copi_roster_entry *copi_roster_next(const struct copi_roster_entry *e);

cop_pid copi_roster_pid(const struct copi_roster_entry *e);

/* Removes the entries of an actor whose DOWN came. */
void copi_roster_down(struct copi_roster *r, cop_pid pid);
/* If the entry's actor is dead, removes all that it has and says true: for
 * when its DOWN has not come yet. */
bool copi_roster_is_stale(struct copi_roster *r, struct copi_roster_entry *e);

#endif
