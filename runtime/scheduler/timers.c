/* SPDX-License-Identifier: MIT
 *
 * timers.c - one wheel per worker, each under a lock of its own. Rank: 4.
 *
 * A lock, because an actor may cancel its timer from another worker than the
 * one it armed it on, and because a wheel must go on when its worker is busy
 * with a long turn: then sysmon or an idle worker fires what is due. It is
 * hardly ever contended, as actors stay where they are.
 *
 * Two kinds of entry. A *deadline* lies on the stack of the actor that waits
 * with it; it is marked as fired under the lock and not touched after, so the
 * actor may leave its wait as soon as it sees the mark or has disarmed it. The
 * wake goes by pid. A *timer* is a record with the message made in advance; it
 * is found by its id (the shard is in the low bits), and by its target's pid,
 * so that it goes when its target ends.
 *
 * A timer for an actor that is dead already goes at once, as if the actor had
 * died just now. One that is started while its target is being buried may miss
 * both: it stays until it is due and then finds nobody.
 */
#include "runtime/scheduler/timers.h"

#include "runtime/actor/away.h"
#include "runtime/actor/counters.h"
#include "runtime/actor/driver.h"
#include "runtime/actor/here.h"
#include "runtime/actor/mailbox.h"
#include "runtime/actor/name.h"
#include "runtime/actor/signal.h"
#include "runtime/actor/table.h"
#include "runtime/base/check.h"
#include "runtime/base/clock.h"
#include "runtime/base/lock.h"
#include "runtime/memory/mem.h"
#include "runtime/scheduler/worker.h"

enum { SHARD_BITS = 10, BATCH = 64 };
#define SHARD_MASK ((1u << SHARD_BITS) - 1)
/* Keeps timers' ids apart from the references that here.c gives. */
#define ID_OF_TIMER ((uint64_t)1 << 63)

struct copi_timer {
    struct copi_due due; /* first */
    struct copi_map_node by_id;
    struct copi_map_node by_target; /* key: the pid; of a target's first */
    struct copi_list peers;         /* a ring of all timers for the target */
    bool is_first;                  /* the one of them that by_target holds */
    cop_pid to;
    char *name; /* owned; NULL: to the pid */
    struct cop_msg *msg;
};

struct shard {
    struct copi_lock lock;
    struct copi_wheel wheel;
    struct copi_map by_id;
    struct copi_map by_target;
    uint64_t last_id;
    /* Any thread: when the wheel is next due. Written under the lock. */
    COPI_ALIGNED(COPI_CACHE_LINE) _Atomic int64_t next;
};

static struct shard *shards;
static unsigned shard_count;
static bool one_shard;

int copi_timers_init(unsigned n, bool virtual_time)
{
    shards = copi_mem_alloc_aligned(n * sizeof *shards, COPI_CACHE_LINE);
    if (shards == NULL)
        return COP_ENOMEM;
    memset((void *)shards, 0, n * sizeof *shards);
    shard_count = n;
    one_shard = virtual_time;
    for (unsigned i = 0; i < n; i++) {
        struct shard *s = &shards[i];
        copi_lock_init(&s->lock, COPI_LOCK_WHEEL);
        copi_wheel_init(&s->wheel, copi_clock_now());
        copi_map_init(&s->by_id);
        copi_map_init(&s->by_target);
        atomic_init(&s->next, COP_FOREVER);
    }
    return 0;
}

static struct copi_timer *timer_of(struct copi_wheel_entry *e)
{
    return (struct copi_timer *)(void *)e;
}

static void timer_free(struct copi_timer *t)
{
    if (t->name != NULL)
        copi_mem_free(t->name, strlen(t->name) + 1);
    if (t->msg != NULL)
        copi_msg_release(t->msg);
    copi_mem_free(t, sizeof *t);
}

static struct copi_timer *first_of_locked(struct shard *s, cop_pid to)
{
    struct copi_map_node *n = copi_map_find(&s->by_target, to.id);
    return n == NULL ? NULL : COPI_CONTAINER(n, struct copi_timer, by_target);
}

static void set_first_locked(struct shard *s, struct copi_timer *t)
{
    t->is_first = true;
    copi_map_insert(&s->by_target, &t->by_target, t->to.id);
}

/* A target may have very many timers: the map holds one of them only. */
static void map_target_locked(struct shard *s, struct copi_timer *t)
{
    struct copi_timer *first = first_of_locked(s, t->to);
    copi_list_init(&t->peers);
    if (first != NULL)
        copi_list_push_back(&first->peers, &t->peers);
    else
        set_first_locked(s, t);
}

static void unmap_target_locked(struct shard *s, struct copi_timer *t)
{
    struct copi_list *next = t->peers.next;
    bool is_last = copi_list_is_empty(&t->peers);
    copi_list_remove(&t->peers);
    if (!t->is_first)
        return;
    copi_map_remove(&s->by_target, &t->by_target);
    if (!is_last)
        set_first_locked(s, COPI_CONTAINER(next, struct copi_timer, peers));
}

/* Out of the maps; it is out of the wheel, or will be. */
static void unmap_locked(struct shard *s, struct copi_timer *t)
{
    copi_map_remove(&s->by_id, &t->by_id);
    if (t->name == NULL)
        unmap_target_locked(s, t);
}

void copi_timers_fini(void)
{
    for (unsigned i = 0; i < shard_count; i++) {
        struct shard *s = &shards[i];
        struct copi_wheel_entry *e;
        while ((e = copi_wheel_pop_due(&s->wheel, INT64_MAX)) != NULL) {
            COPI_ASSERT(((struct copi_due *)(void *)e)->is_message);
            unmap_locked(s, timer_of(e));
            timer_free(timer_of(e));
        }
        copi_map_fini(&s->by_id);
        copi_map_fini(&s->by_target);
        copi_lock_fini(&s->lock);
    }
    copi_mem_free(shards, shard_count * sizeof *shards);
    shards = NULL;
    shard_count = 0;
}

static unsigned shard_here(void)
{
    if (one_shard)
        return 0;
    struct copi_worker *w = copi_here()->worker;
    return w != NULL ? w->index : shard_count - 1;
}

static void publish_next_locked(struct shard *s)
{
    /* seq_cst: set before the arming thread looks who sleeps; pairs with
     * idle.c, which reads it after announcing sleep */
    atomic_store(&s->next, copi_wheel_next(&s->wheel));
}

/* A thread outside has armed the earliest timer of all: whoever sleeps must
 * not sleep longer. Workers look at their own wheels anyway. */
static void tell_sleepers(unsigned shard, cop_time at)
{
    if (shard == shard_count - 1 && !one_shard)
        copi_driver.timer_armed(at);
}

/* ----------------------------------------------------------- deadlines -- */

void copi_deadline_arm(struct copi_deadline *d, cop_pid pid, cop_time at)
{
    COPI_ASSERT(!d->armed);
    unsigned n = shard_here();
    struct shard *s = &shards[n];
    d->pid = pid;
    d->shard = (uint16_t)n;
    d->armed = true;
    d->due.is_message = false;
    copi_lock_acquire(&s->lock);
    copi_wheel_add(&s->wheel, &d->due.entry, at);
    publish_next_locked(s);
    copi_lock_release(&s->lock);
    tell_sleepers(n, at);
}

void copi_deadline_disarm(struct copi_deadline *d)
{
    if (!d->armed)
        return;
    d->armed = false;
    if (copi_deadline_fired(d))
        return;
    struct shard *s = &shards[d->shard];
    copi_lock_acquire(&s->lock);
    if (copi_wheel_has(&d->due.entry))
        copi_wheel_remove(&s->wheel, &d->due.entry);
    copi_lock_release(&s->lock);
}

/* -------------------------------------------------------------- timers -- */

static struct copi_timer *timer_new(cop_pid to, const char *name)
{
    struct copi_timer *t = copi_mem_zalloc(sizeof *t);
    if (t == NULL)
        return NULL;
    t->due.is_message = true;
    t->to = to;
    if (name != NULL) {
        size_t n = strlen(name) + 1;
        t->name = copi_mem_alloc(n);
        if (t->name == NULL) {
            copi_mem_free(t, sizeof *t);
            return NULL;
        }
        memcpy(t->name, name, n);
    }
    return t;
}

static struct copi_timer *take_of_target(struct shard *s, cop_pid pid)
{
    copi_lock_acquire(&s->lock);
    struct copi_timer *t = first_of_locked(s, pid);
    if (t != NULL) {
        copi_wheel_remove(&s->wheel, &t->due.entry);
        unmap_locked(s, t);
    }
    copi_lock_release(&s->lock);
    return t;
}

static void forget_in(struct shard *s, cop_pid pid)
{
    struct copi_timer *t;
    while ((t = take_of_target(s, pid)) != NULL)
        timer_free(t);
}

void copi_timers_forget(struct copi_actor *a)
{
    for (unsigned i = 0; i < shard_count; i++)
        forget_in(&shards[i], a->pid);
}

/* Before the timer is inserted: the target's last sweep looks for timers only
 * if it sees this. */
static void note_target(cop_pid to)
{
    struct copi_actor *a = copi_table_find(to);
    if (a != NULL)
        copi_actor_note(a, COPI_HAS_TIMERS);
}

int copi_timer_start(cop_timer *out, cop_time at, cop_pid to, const char *name,
                     struct cop_msg *m, bool stamp)
{
    struct copi_timer *t = timer_new(to, name);
    if (t == NULL)
        return COP_ENOMEM;
    unsigned n = shard_here();
    struct shard *s = &shards[n];
    if (name == NULL)
        note_target(to);
    t->msg = m;
    copi_lock_acquire(&s->lock);
    uint64_t id = ID_OF_TIMER | ++s->last_id << SHARD_BITS | n;
    if (stamp)
        m->ref.id = id;
    copi_map_insert(&s->by_id, &t->by_id, id);
    if (name == NULL)
        map_target_locked(s, t);
    copi_wheel_add(&s->wheel, &t->due.entry, at);
    publish_next_locked(s);
    copi_lock_release(&s->lock);
    tell_sleepers(n, at);
    if (name == NULL && copi_table_find(to) == NULL && !copi_is_away())
        forget_in(s, to);
    out->id = id;
    return 0;
}

static struct copi_timer *find_locked(struct shard *s, cop_timer id)
{
    struct copi_map_node *n = copi_map_find(&s->by_id, id.id);
    return n == NULL ? NULL : COPI_CONTAINER(n, struct copi_timer, by_id);
}

static struct shard *shard_of(cop_timer t)
{
    unsigned n = (unsigned)(t.id & SHARD_MASK);
    return n < shard_count ? &shards[n] : NULL;
}

cop_time copi_timer_cancel(cop_timer id)
{
    struct shard *s = shard_of(id);
    if (s == NULL)
        return COP_ENOENT;
    copi_lock_acquire(&s->lock);
    struct copi_timer *t = find_locked(s, id);
    if (t != NULL) {
        copi_wheel_remove(&s->wheel, &t->due.entry);
        unmap_locked(s, t);
    }
    copi_lock_release(&s->lock);
    if (t == NULL)
        return COP_ENOENT;
    cop_time at = t->due.entry.deadline_ns;
    timer_free(t);
    return at;
}

cop_time copi_timer_due(cop_timer id)
{
    struct shard *s = shard_of(id);
    if (s == NULL)
        return COP_ENOENT;
    copi_lock_acquire(&s->lock);
    struct copi_timer *t = find_locked(s, id);
    cop_time at = t != NULL ? t->due.entry.deadline_ns : COP_ENOENT;
    copi_lock_release(&s->lock);
    return at;
}

/* ------------------------------------------------------------- expiring -- */

void copi_wake(struct copi_actor *a)
{
    /* seq_cst: see wait.c */
    atomic_store(&a->poke, 1);
    if (copi_mailbox_unpark(a))
        copi_driver.ready(a);
}

static void fire(struct copi_timer *t)
{
    struct cop_msg *m = t->msg;
    t->msg = NULL;
    COPI_COUNT(timers_fired);
    COPI_COUNT(sent);
    copi_signal_send(t->name != NULL ? copi_name_whereis(t->name) : t->to, m);
    timer_free(t);
}

/* Up to BATCH entries, as timers or as pids to wake. */
struct batch {
    size_t n;
    struct copi_timer *timer[BATCH];
    cop_pid pid[BATCH];
};

static void take_batch(struct shard *s, cop_time now, struct batch *b)
{
    struct copi_wheel_entry *e;
    b->n = 0;
    copi_lock_acquire(&s->lock);
    while (b->n < BATCH && (e = copi_wheel_pop_due(&s->wheel, now)) != NULL) {
        struct copi_due *due = (struct copi_due *)(void *)e;
        b->timer[b->n] = NULL;
        if (due->is_message) {
            b->timer[b->n] = timer_of(e);
            unmap_locked(s, timer_of(e));
        } else {
            struct copi_deadline *d = (struct copi_deadline *)(void *)e;
            b->pid[b->n] = d->pid;
            /* seq_cst: before copi_wake; *d is its actor's from here on */
            atomic_store(&d->fired, 1);
        }
        b->n++;
    }
    publish_next_locked(s);
    copi_lock_release(&s->lock);
}

bool copi_timers_expire(unsigned shard, cop_time now)
{
    struct batch b;
    bool any = false;
    if (copi_timers_next(shard) > now)
        return false;
    do {
        take_batch(&shards[shard], now, &b);
        for (size_t i = 0; i < b.n; i++) {
            any = true;
            if (b.timer[i] != NULL) {
                fire(b.timer[i]);
                continue;
            }
            struct copi_actor *a = copi_table_find(b.pid[i]);
            if (a != NULL)
                copi_wake(a);
        }
    } while (b.n == BATCH);
    return any;
}

bool copi_timers_expire_all(cop_time now)
{
    bool any = false;
    for (unsigned i = 0; i < shard_count; i++)
        any |= copi_timers_expire(i, now);
    return any;
}

cop_time copi_timers_next(unsigned shard)
{
    /* seq_cst: pairs with publish_next_locked */
    return atomic_load(&shards[shard].next);
}

cop_time copi_timers_next_of_all(void)
{
    cop_time next = COP_FOREVER;
    for (unsigned i = 0; i < shard_count; i++)
        next = COPI_MIN(next, copi_timers_next(i));
    return next;
}
