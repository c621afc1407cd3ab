/* SPDX-License-Identifier: MIT
 *
 * monitor.c - monitor records, and the aliases of one actor. Rank: 3.
 *
 * Aliases are few at a time (one for each request under way), so they are a
 * plain chain, newest first. One of them has its place in the cold part: most
 * actors that have any never have two.
 */
#include "runtime/actor/monitor.h"

#include "runtime/base/check.h"
#include "runtime/memory/mem.h"

_Static_assert(sizeof(struct copi_watch) <= 128, "fits its slab class");
_Static_assert(sizeof(struct copi_monitor) <= 128, "fits its slab class");
_Static_assert(sizeof(struct copi_alias) <= 64, "fits its slab class");
_Static_assert(offsetof(struct copi_watch, down) == 0, "cell first");
_Static_assert(offsetof(struct copi_monitor, demonitor) == 0, "cell first");

/* Part of copi_monitor_new. */
static inline struct copi_watch *watch_new(struct copi_slab_cache *cells,
                                           cop_pid watcher, cop_ref ref,
                                           const char *name)
{
    struct copi_watch *w = copi_slab_alloc_from(cells, COPI_SLAB_128);
    if (w == NULL)
        return NULL;
    copi_msg_embed(&w->down, COPI_SIG_MONITOR, COPI_CELL_WATCH);
    w->down.sender = watcher;
    w->down.ref = ref;
    copi_list_init(&w->order);
    w->name = NULL;
    w->name_bytes = 0;
    w->came_late = false;
    w->quiet = false;
    if (name == NULL)
        return w;
    w->name_bytes = strlen(name) + 1;
    w->name = copi_mem_alloc(w->name_bytes);
    if (w->name == NULL) {
        copi_slab_free(COPI_SLAB_128, w);
        return NULL;
    }
    memcpy(w->name, name, w->name_bytes);
    return w;
}

COPI_OUTLINE int copi_monitor_new(struct copi_monitor **out, cop_pid watcher,
                                  cop_pid target, cop_ref ref, const char *name)
{
    struct copi_slab_cache *cells = &copi_slab_own;
    struct copi_monitor *m = copi_slab_alloc_from(cells, COPI_SLAB_128);
    if (m == NULL)
        return COP_ENOMEM;
    copi_msg_embed(&m->demonitor, COPI_SIG_DEMONITOR, COPI_CELL_MONITOR);
    copi_ordmap_node_init(&m->by_ref, copi_monitor_key(ref));
    m->target = target;
    m->watch = watch_new(cells, watcher, ref, name);
    if (m->watch == NULL) {
        copi_slab_free(COPI_SLAB_128, m);
        return COP_ENOMEM;
    }
    *out = m;
    return 0;
}

COPI_OUTLINE void copi_monitor_free(struct copi_monitor *m)
{
    COPI_ASSERT(copi_list_is_empty(&m->by_ref.order));
    m->demonitor.kind = COPI_SIG_RELEASED;
    copi_slab_free_to(&copi_slab_own, COPI_SLAB_128, m);
}

void copi_watch_free(struct copi_watch *w)
{
    COPI_ASSERT(copi_list_is_empty(&w->order));
    if (COPI_UNLIKELY(w->name != NULL))
        copi_mem_free(w->name, w->name_bytes);
    copi_slab_free(COPI_SLAB_128, w); /* perhaps in the program's code */
}

const char *copi_watch_name(const struct copi_watch *w)
{
    return w->name != NULL ? w->name : "";
}

static struct copi_monitor *monitor_at(struct copi_ordmap_node *n)
{
    return n == NULL ? NULL : COPI_CONTAINER(n, struct copi_monitor, by_ref);
}

void copi_monitor_add(struct copi_actor *a, struct copi_monitor *m)
{
    copi_ordmap_insert(&a->monitors, &m->by_ref);
    copi_actor_tally(&a->monitor_count, 1);
}

struct copi_monitor *copi_monitor_find(const struct copi_actor *a, cop_ref ref)
{
    return monitor_at(copi_ordmap_find(&a->monitors, copi_monitor_key(ref)));
}

void copi_monitor_remove(struct copi_actor *a, struct copi_monitor *m)
{
    copi_ordmap_remove(&a->monitors, &m->by_ref);
    copi_actor_tally(&a->monitor_count, -1);
}

struct copi_monitor *copi_monitor_pop(struct copi_actor *a)
{
    struct copi_monitor *m = monitor_at(copi_ordmap_first(&a->monitors));
    if (m != NULL)
        copi_monitor_remove(a, m);
    return m;
}

void copi_watch_add(struct copi_actor *a, struct copi_watch *w)
{
    copi_list_ring_push(&a->watches, &w->order);
    if (!w->quiet)
        copi_actor_tally(&a->watch_count, 1);
}

void copi_watch_remove(struct copi_actor *a, struct copi_watch *w)
{
    copi_list_ring_remove(&a->watches, &w->order);
    if (!w->quiet)
        copi_actor_tally(&a->watch_count, -1);
}

struct copi_watch *copi_watch_pop(struct copi_actor *a)
{
    if (a->watches == NULL)
        return NULL;
    struct copi_watch *w = COPI_CONTAINER(a->watches, struct copi_watch, order);
    copi_watch_remove(a, w);
    return w;
}

bool copi_watch_are_many(const struct copi_actor *a, unsigned n)
{
    const struct copi_list *l = a->watches;
    while (l != NULL && n > 0 && l->next != a->watches) {
        l = l->next;
        n--;
    }
    return l != NULL && n == 0;
}

/* -------------------------------------------------------------- aliases -- */

int copi_alias_add(struct copi_actor *a, cop_ref ref, int mode)
{
    struct copi_cold *cold = copi_cold_make(a);
    if (cold == NULL)
        return COP_ENOMEM;
    struct copi_alias *l = &cold->alias;
    if (l->ref.id != 0)
        l = copi_slab_alloc(COPI_SLAB_64);
    if (l == NULL)
        return COP_ENOMEM;
    *l = (struct copi_alias){cold->aliases, ref, mode};
    cold->aliases = l;
    return 0;
}

int copi_alias_mode(const struct copi_actor *a, cop_ref ref)
{
    for (struct copi_alias *l = a->cold->aliases; l != NULL; l = l->next) {
        if (l->ref.id == ref.id)
            return l->mode;
    }
    return COP_ALIAS_NONE;
}

static void free_alias(struct copi_cold *cold, struct copi_alias *l)
{
    if (l == &cold->alias)
        l->ref = COP_NO_REF;
    else
        copi_slab_free(COPI_SLAB_64, l);
}

bool copi_alias_remove(struct copi_actor *a, cop_ref ref)
{
    struct copi_cold *cold = copi_cold_of(a);
    if (cold == NULL)
        return false;
    for (struct copi_alias **p = &cold->aliases; *p != NULL; p = &(*p)->next) {
        struct copi_alias *l = *p;
        if (l->ref.id == ref.id) {
            *p = l->next;
            free_alias(cold, l);
            return true;
        }
    }
    return false;
}

void copi_alias_end_of_monitor(struct copi_actor *a, cop_ref ref)
{
    int mode = copi_alias_mode(a, ref) & ~COP_ALIAS_PRIORITY;
    if (mode == COP_ALIAS_DEMONITOR || mode == COP_ALIAS_REPLY)
        copi_alias_remove(a, ref);
}

void copi_alias_free_all(struct copi_actor *a)
{
    while (a->cold->aliases != NULL)
        copi_alias_remove(a, a->cold->aliases->ref);
}
