/* SPDX-License-Identifier: MIT
 *
 * roster.c - actors under keys, in order; entries go with their actors.
 *
 * Words. An *entry* is one actor under one key with a word of data. A *key*
 * has a ring of its entries, oldest first; an *actor* has a monitor and a ring
 * of its entries, and is watched once however many they are. Whether an actor
 * may have a key twice, or a key two actors, is for the server to say: a
 * roster takes anything.
 *
 * Invariants.
 *  1. Each entry is in `pairs`, in the ring of its key and in that of its
 *     actor. `count` of a key is the length of its ring.
 *  2. A key has at least one entry, and an actor has, too, but for the time of
 *     copi_roster_add.
 *  3. Before any call into the runtime, in which the server may be killed, all
 *     that was allocated is in one of the tables: copi_roster_fini finds it.
 *
 * All operations but fini and count take constant time, whatever the number of
 * entries of a key or of an actor; the end of an actor takes time for each of
 * its entries.
 *
 * Rejected: a list of entries per key alone, searched for the pid. An actor in
 * a group of 100,000 could then neither leave nor end in constant time.
 */
#include "actors/roster.h"

#include <coppice/inspect.h>
#include <coppice/memory.h>

#include <stdlib.h>
#include <string.h>

struct copi_roster_key {
    struct copi_index_node node;
    struct copi_links entries;
    size_t count;
    char text[];
};

struct copi_roster_actor {
    struct copi_index_node node;
    struct copi_links entries;
    cop_pid pid;
    cop_ref monitor;
};

#define HOLDER(ptr, type, member)                                              \
    ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* ---------------------------------------------------------------- links -- */

static void links_init(struct copi_links *l)
{
    l->next = l->prev = l;
}

static void links_push_back(struct copi_links *head, struct copi_links *l)
{
    l->next = head;
    l->prev = head->prev;
    head->prev->next = l;
    head->prev = l;
}

static void links_remove(struct copi_links *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
}

static bool links_is_empty(const struct copi_links *head)
{
    return head->next == head;
}

/* ----------------------------------------------------------------- keys -- */

static struct copi_roster_key *key_find(const struct copi_roster *r,
                                        const char *text)
{
    struct copi_index_node *n =
        copi_index_first(&r->keys, copi_index_hash_text(text));

    for (; n != NULL; n = copi_index_next(n)) {
        struct copi_roster_key *k = HOLDER(n, struct copi_roster_key, node);

        if (strcmp(k->text, text) == 0)
            return k;
    }
    return NULL;
}

static struct copi_roster_key *key_get(struct copi_roster *r, const char *text)
{
    struct copi_roster_key *k = key_find(r, text);
    size_t size = strlen(text) + 1;

    if (k != NULL)
        return k;
    k = cop_common_malloc(sizeof(*k) + size);
    if (k == NULL)
        return NULL;
    links_init(&k->entries);
    k->count = 0;
    memcpy(k->text, text, size);
    copi_index_insert(&r->keys, &k->node, copi_index_hash_text(text));
    return k;
}

static void key_put(struct copi_roster *r, struct copi_roster_key *k)
{
    if (!links_is_empty(&k->entries))
        return;
    copi_index_remove(&r->keys, &k->node);
    free(k);
}

/* --------------------------------------------------------------- actors -- */

static struct copi_roster_actor *actor_find(const struct copi_roster *r,
                                            cop_pid pid)
{
    struct copi_index_node *n =
        copi_index_first(&r->actors, copi_index_hash_word(pid.id));

    for (; n != NULL; n = copi_index_next(n)) {
        struct copi_roster_actor *a = HOLDER(n, struct copi_roster_actor, node);

        if (cop_pid_eq(a->pid, pid))
            return a;
    }
    return NULL;
}

static void actor_put(struct copi_roster *r, struct copi_roster_actor *a)
{
    if (!links_is_empty(&a->entries))
        return;
    (void)cop_demonitor(a->monitor, false);
    copi_index_remove(&r->actors, &a->node);
    free(a);
}

/* A look that disturbs nobody. Asking the actor (cop_is_alive) would make the
 * server wait for it. */
static bool is_gone(cop_pid pid)
{
    cop_info info;

    if (cop_is_isolated()) /* views end at its process */
        return !cop_is_alive(pid);
    return cop_info_get(pid, &info) != 0 || info.status == COP_STATUS_EXITING;
}

static int actor_get(struct copi_roster_actor **out, struct copi_roster *r,
                     cop_pid pid)
{
    struct copi_roster_actor *a = actor_find(r, pid);
    int err;

    *out = a;
    if (a != NULL)
        return 0;
    if (is_gone(pid))
        return COP_ENOPROC;
    a = cop_common_malloc(sizeof(*a));
    if (a == NULL)
        return COP_ENOMEM;
    links_init(&a->entries);
    a->pid = pid;
    a->monitor = COP_NO_REF;
    copi_index_insert(&r->actors, &a->node, copi_index_hash_word(pid.id));
    err = cop_monitor(&a->monitor, pid);
    if (err != 0)
        actor_put(r, a);
    else
        *out = a;
    return err;
}

/* -------------------------------------------------------------- entries -- */

static uint64_t pair_hash(uint64_t key_hash, cop_pid pid)
{
    return copi_index_hash_word(key_hash ^ copi_index_hash_word(pid.id));
}

int copi_roster_add(struct copi_roster *r, const char *key, cop_pid pid,
                    uint64_t data)
{
    struct copi_roster_actor *a;
    struct copi_roster_entry *e = NULL;
    struct copi_roster_key *k;
    int err = actor_get(&a, r, pid);

    if (err != 0)
        return err;
    k = key_get(r, key);
    if (k != NULL)
        e = cop_common_malloc(sizeof(*e));
    if (e == NULL) {
        if (k != NULL)
            key_put(r, k);
        actor_put(r, a);
        return COP_ENOMEM;
    }
    e->key = k;
    e->actor = a;
    e->data = data;
    links_push_back(&k->entries, &e->in_key);
    links_push_back(&a->entries, &e->in_actor);
    copi_index_insert(&r->pairs, &e->node, pair_hash(k->node.hash, pid));
    k->count++;
    return 0;
}

void copi_roster_remove(struct copi_roster *r, struct copi_roster_entry *e)
{
    struct copi_roster_key *k = e->key;
    struct copi_roster_actor *a = e->actor;

    copi_index_remove(&r->pairs, &e->node);
    links_remove(&e->in_key);
    links_remove(&e->in_actor);
    free(e);
    k->count--;
    key_put(r, k);
    actor_put(r, a);
}

struct copi_roster_entry *copi_roster_find(const struct copi_roster *r,
                                           const char *key, cop_pid pid)
{
    uint64_t hash = pair_hash(copi_index_hash_text(key), pid);
    struct copi_index_node *n = copi_index_first(&r->pairs, hash);

    for (; n != NULL; n = copi_index_next(n)) {
        struct copi_roster_entry *e = HOLDER(n, struct copi_roster_entry, node);

        if (cop_pid_eq(e->actor->pid, pid) && strcmp(e->key->text, key) == 0)
            return e;
    }
    return NULL;
}

size_t copi_roster_count(const struct copi_roster *r)
{
    return r->pairs.count;
}

size_t copi_roster_count_of(const struct copi_roster *r, const char *key)
{
    struct copi_roster_key *k = key_find(r, key);

    return k == NULL ? 0 : k->count;
}

struct copi_roster_entry *copi_roster_first(const struct copi_roster *r,
                                            const char *key)
{
    struct copi_roster_key *k = key_find(r, key);

    return k == NULL
               ? NULL
               : HOLDER(k->entries.next, struct copi_roster_entry, in_key);
}

struct copi_roster_entry *copi_roster_next(const struct copi_roster_entry *e)
{
    if (e->in_key.next == &e->key->entries)
        return NULL;
    return HOLDER(e->in_key.next, struct copi_roster_entry, in_key);
}

cop_pid copi_roster_pid(const struct copi_roster_entry *e)
{
    return e->actor->pid;
}

/* ---------------------------------------------------------------- deaths -- */

/* The actor goes with the last of its entries, so that is looked for ahead. */
static void actor_drop(struct copi_roster *r, struct copi_roster_actor *a)
{
    bool is_last;

    do {
        struct copi_links *l = a->entries.prev;

        is_last = l->prev == &a->entries;
        copi_roster_remove(r, HOLDER(l, struct copi_roster_entry, in_actor));
    } while (!is_last);
}

/* It may have been taken out already, when its DOWN was under way. */
void copi_roster_down(struct copi_roster *r, cop_pid pid)
{
    struct copi_roster_actor *a = actor_find(r, pid);

    if (a != NULL)
        actor_drop(r, a);
}

bool copi_roster_is_stale(struct copi_roster *r, struct copi_roster_entry *e)
{
    if (!is_gone(e->actor->pid))
        return false;
    actor_drop(r, e->actor);
    return true;
}

/* --------------------------------------------------------- init and fini -- */

void copi_roster_init(struct copi_roster *r)
{
    copi_index_init(&r->keys);
    copi_index_init(&r->actors);
    copi_index_init(&r->pairs);
}

static void free_key(struct copi_index_node *n)
{
    free(HOLDER(n, struct copi_roster_key, node));
}

static void free_actor(struct copi_index_node *n)
{
    free(HOLDER(n, struct copi_roster_actor, node));
}

static void free_entry(struct copi_index_node *n)
{
    free(HOLDER(n, struct copi_roster_entry, node));
}

void copi_roster_fini(struct copi_roster *r)
{
    copi_index_fini(&r->pairs, free_entry);
    copi_index_fini(&r->keys, free_key);
    copi_index_fini(&r->actors, free_actor);
}
