/* SPDX-License-Identifier: MIT
 *
 * monitor.h - monitors and aliases. Rank: 3.
 *
 * A monitor is two records made together: the watcher's struct copi_monitor,
 * found by reference, and the target's struct copi_watch. The watch travels to
 * the target as the monitor signal and comes back as the DOWN message; the
 * monitor record travels as the demonitor signal. So neither ending a monitor
 * nor dying needs memory, and the demonitor signal, arriving with its monitor
 * record, names the watch to remove in O(1).
 */
#ifndef COPI_ACTOR_MONITOR_H
#define COPI_ACTOR_MONITOR_H

#include "runtime/actor/actor.h"

struct copi_watch {
    struct cop_msg down; /* first: cells and records share an address */
    struct copi_list order;
    char *name; /* the name that was monitored, or NULL; owned */
    size_t name_bytes;
    bool came_late; /* its monitor signal met a dying target: noproc */
    bool quiet;     /* of calls (kept.c): observers do not see it */
};

struct copi_monitor {
    struct cop_msg demonitor; /* first */
    struct copi_ordmap_node by_ref;
    cop_pid target;
    struct copi_watch *watch; /* the target's; see above when it is valid */
};

/* References count in steps of four (here.h); maps like keys in a row. */
static inline uint64_t copi_monitor_key(cop_ref ref)
{
    return ref.id >> 2 | ref.id << 62;
}

static inline cop_ref copi_monitor_ref(const struct copi_monitor *m)
{
    uint64_t key = m->by_ref.by_key.key;
    return COP_LITERAL(cop_ref){key << 2 | key >> 62};
}

/* Both records of a monitor of `target` (by `name` unless NULL) for `watcher`.
 * 0, or COP_ENOMEM. */
int copi_monitor_new(struct copi_monitor **out, cop_pid watcher, cop_pid target,
                     cop_ref ref, const char *name);
void copi_monitor_free(struct copi_monitor *m);
void copi_watch_free(struct copi_watch *w);
const char *copi_watch_name(const struct copi_watch *w);

/* The watcher's side. */
void copi_monitor_add(struct copi_actor *a, struct copi_monitor *m);
struct copi_monitor *copi_monitor_find(const struct copi_actor *a, cop_ref ref);
void copi_monitor_remove(struct copi_actor *a, struct copi_monitor *m);
struct copi_monitor *copi_monitor_pop(struct copi_actor *a);

/* The target's side. */
void copi_watch_add(struct copi_actor *a, struct copi_watch *w);
void copi_watch_remove(struct copi_actor *a, struct copi_watch *w);
struct copi_watch *copi_watch_pop(struct copi_actor *a);
/* More than n, the quiet ones too. */
bool copi_watch_are_many(const struct copi_actor *a, unsigned n);

/* 0, or COP_ENOMEM. */
int copi_alias_add(struct copi_actor *a, cop_ref ref, int mode);
/* The mode of an active alias; COP_ALIAS_NONE: not active. */
int copi_alias_mode(const struct copi_actor *a, cop_ref ref);
/* True if it was active. */
bool copi_alias_remove(struct copi_actor *a, cop_ref ref);
/* Ends the alias of a monitor that is over, unless it is explicit. */
void copi_alias_end_of_monitor(struct copi_actor *a, cop_ref ref);
void copi_alias_free_all(struct copi_actor *a);

#endif
