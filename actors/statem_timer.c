/* SPDX-License-Identifier: MIT
 *
 * statem_timer.c - the timeouts of a state machine.
 *
 * A machine has one state timeout, one event timeout, and named ones in a hash
 * table. Each is one record:
 *
 *     unset    no event; a named one has no record then
 *     zero     has an event and stands in the queue of those with time 0
 *     running  has an event; a timer of the runtime will send ELAPSED
 *
 * What callbacks say about a timeout is a wish. Wishes are collected, and done
 * when the event is over, in the order in which they were expressed; one takes
 * the place of an older one on the same timeout, at the end of the line.
 *
 * ELAPSED carries the timer's number. Each start of a timer has a new one, so a
 * message of a timer that was stopped too late is recognised and means nothing.
 * It comes from the machine itself: what others send is an event.
 *
 * Invariants.
 *  1. A record is in the queue of zero ones just if is_zero, in the line of
 *     wishes just if is_wished.
 *  2. A named record is set or wished, or it is being freed.
 */
#include "actors/statem.h"

#include <coppice/memory.h>

#include <stdlib.h>

enum { SM_ELAPSED = COP_TAG_BEHAVIOUR + 0x500 };

struct elapsed {
    cop_sm_timer id;
    uint64_t number;
};

/* -------------------------------------------------------------- records -- */

static struct copi_sm_timeout *of_node(struct copi_index_node *node)
{
    return (struct copi_sm_timeout *)((char *)node -
                                      offsetof(struct copi_sm_timeout, node));
}

static struct copi_sm_timeout *find_named(const struct copi_sm_timers *t,
                                          uint64_t name)
{
    uint64_t hash = copi_index_hash_word(name);
    struct copi_index_node *node = copi_index_first(&t->named, hash);

    while (node != NULL && of_node(node)->id.name != name)
        node = copi_index_next(node);
    return node != NULL ? of_node(node) : NULL;
}

/* NULL: a named one that is unset. */
static struct copi_sm_timeout *find(struct copi_sm_timers *t, cop_sm_timer id)
{
    switch (id.type) {
    case COP_SM_STATE_TIMEOUT:
        return &t->state;
    case COP_SM_TIMEOUT:
        return &t->event;
    default:
        return find_named(t, id.name);
    }
}

static struct copi_sm_timeout *find_or_add(struct copi_sm_timers *t,
                                           cop_sm_timer id)
{
    struct copi_sm_timeout *m = find(t, id);

    if (m != NULL)
        return m;
    m = cop_common_calloc(1, sizeof *m);
    if (m == NULL)
        return NULL;
    m->id = id;
    copi_index_insert(&t->named, &m->node, copi_index_hash_word(id.name));
    return m;
}

/* A named record that is of no more use goes. */
static void drop_if_idle(struct copi_sm_timers *t, struct copi_sm_timeout *m)
{
    if (m->id.type != COP_SM_NAMED_TIMEOUT || m->event != NULL || m->is_wished)
        return;
    copi_index_remove(&t->named, &m->node);
    free(m);
}

void copi_sm_timers_init(struct copi_sm_timers *t)
{
    *t = (struct copi_sm_timers){.state.id = cop_sm_state_timer(),
                                 .event.id = cop_sm_event_timer()};
    copi_index_init(&t->named);
}

static void release(struct copi_sm_timeout *m)
{
    copi_sm_event_free(m->event);
    copi_sm_event_free(m->wish.event);
}

static void release_named(struct copi_index_node *node)
{
    release(of_node(node));
    free(of_node(node));
}

/* At the end of the machine: the runtime's timers end with it. */
void copi_sm_timers_fini(struct copi_sm_timers *t)
{
    release(&t->state);
    release(&t->event);
    copi_index_fini(&t->named, release_named);
}

size_t copi_sm_timers_count(const struct copi_sm_timers *t)
{
    return t->named.count + (t->state.event != NULL) + (t->event.event != NULL);
}

/* -------------------------------------------------------- the two lines -- */

static void zero_push(struct copi_sm_timers *t, struct copi_sm_timeout *m)
{
    m->is_zero = true;
    m->zero_next = NULL;
    m->zero_prev = t->zero_last;
    *(t->zero_last != NULL ? &t->zero_last->zero_next : &t->zero_first) = m;
    t->zero_last = m;
}

static void zero_remove(struct copi_sm_timers *t, struct copi_sm_timeout *m)
{
    m->is_zero = false;
    *(m->zero_prev != NULL ? &m->zero_prev->zero_next : &t->zero_first) =
        m->zero_next;
    *(m->zero_next != NULL ? &m->zero_next->zero_prev : &t->zero_last) =
        m->zero_prev;
}

static void wish_push(struct copi_sm_timers *t, struct copi_sm_timeout *m)
{
    m->is_wished = true;
    m->wish_next = NULL;
    m->wish_prev = t->wish_last;
    *(t->wish_last != NULL ? &t->wish_last->wish_next : &t->wish_first) = m;
    t->wish_last = m;
}

static void wish_remove(struct copi_sm_timers *t, struct copi_sm_timeout *m)
{
    m->is_wished = false;
    *(m->wish_prev != NULL ? &m->wish_prev->wish_next : &t->wish_first) =
        m->wish_next;
    *(m->wish_next != NULL ? &m->wish_next->wish_prev : &t->wish_last) =
        m->wish_prev;
}

/* ------------------------------------------------------ setting, unsetting --
 */

/* It is no longer set; its event is the caller's. */
static struct copi_sm_event *unset(struct copi_sm_timers *t,
                                   struct copi_sm_timeout *m)
{
    struct copi_sm_event *e = m->event;

    if (m->is_zero)
        zero_remove(t, m);
    m->event = NULL;
    m->number = 0;
    return e;
}

static void stop(struct copi_sm_timers *t, struct copi_sm_timeout *m)
{
    if (m->event != NULL && !m->is_zero)
        (void)cop_cancel_timer(m->timer);
    copi_sm_event_free(unset(t, m));
}

void copi_sm_timers_cancel(struct copi_sm_timers *t, struct copi_sm_timeout *m)
{
    stop(t, m);
    drop_if_idle(t, m);
}

static void set_zero(struct copi_sm_timers *t, struct copi_sm_timeout *m,
                     struct copi_sm_event *e)
{
    stop(t, m);
    m->event = e;
    zero_push(t, m);
}

/* The event is taken on success. */
static int set_running(struct copi_sm_timers *t, struct copi_sm_timeout *m,
                       cop_time after_ns, struct copi_sm_event *e)
{
    struct elapsed body = {.id = m->id, .number = ++t->number};
    int err;

    stop(t, m);
    err = cop_send_after(&m->timer, after_ns, cop_self(), SM_ELAPSED, &body,
                         sizeof body);
    if (err != 0)
        return err;
    m->event = e;
    m->number = body.number;
    return 0;
}

/* Another event for one that is set. */
static void set_event(struct copi_sm_timeout *m, struct copi_sm_event *e)
{
    copi_sm_event_free(m->event);
    m->event = e;
}

/* --------------------------------------------------------------- wishes -- */

int copi_sm_timers_wish(struct copi_sm_timers *t, cop_sm_timer id,
                        struct copi_sm_wish wish)
{
    struct copi_sm_timeout *m = find_or_add(t, id);

    if (m == NULL) {
        copi_sm_event_free(wish.event);
        return COP_ENOMEM;
    }
    copi_sm_event_free(m->wish.event);
    if (m->is_wished)
        wish_remove(t, m);
    m->wish = wish;
    wish_push(t, m);
    return 0;
}

static int start(struct copi_sm_timers *t, struct copi_sm_timeout *m,
                 cop_time after_ns, struct copi_sm_event *e)
{
    int err = set_running(t, m, after_ns, e);

    if (err != 0)
        copi_sm_event_free(e);
    return err;
}

static int start_at(struct copi_sm_timers *t, struct copi_sm_timeout *m,
                    cop_time at, struct copi_sm_event *e)
{
    cop_time now = cop_now();

    return start(t, m, at > now ? at - now : 0, e);
}

static int grant(struct copi_sm_timers *t, struct copi_sm_timeout *m)
{
    struct copi_sm_wish w = m->wish;
    int err = 0;

    m->wish = (struct copi_sm_wish){0};
    if (w.event == NULL)
        stop(t, m);
    else if (w.how == COPI_SM_UPDATE && m->event != NULL)
        set_event(m, w.event);
    else if (w.how == COPI_SM_AT)
        err = start_at(t, m, w.time, w.event);
    else if (w.how == COPI_SM_AFTER && w.time > 0)
        err = start(t, m, w.time, w.event);
    else
        set_zero(t, m, w.event);
    drop_if_idle(t, m);
    return err;
}

int copi_sm_timers_apply(struct copi_sm_timers *t)
{
    struct copi_sm_timeout *m;
    int err = 0;

    while (err == 0 && (m = t->wish_first) != NULL) {
        wish_remove(t, m);
        err = grant(t, m);
    }
    return err;
}

/* ----------------------------------------------------------------- time -- */

struct copi_sm_event *copi_sm_timers_zero(struct copi_sm_timers *t)
{
    struct copi_sm_timeout *m = t->zero_first;
    struct copi_sm_event *e;

    if (m == NULL)
        return NULL;
    e = unset(t, m);
    drop_if_idle(t, m);
    return e;
}

bool copi_sm_timers_fired(struct copi_sm_timers *t, const cop_msg *m,
                          struct copi_sm_event **out)
{
    struct copi_sm_timeout *found;
    struct elapsed body;

    if (cop_msg_tag(m) != SM_ELAPSED ||
        !cop_pid_eq(cop_msg_sender(m), cop_self()) ||
        cop_msg_size(m) != sizeof body)
        return false;
    body = *(const struct elapsed *)cop_msg_body(m);
    found = find(t, body.id);
    *out = NULL;
    if (found != NULL && found->number == body.number) {
        *out = unset(t, found);
        drop_if_idle(t, found);
    }
    return true;
}
