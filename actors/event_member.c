/* SPDX-License-Identifier: MIT
 *
 * event_member.c - a handler in its event manager: how it begins, gets what
 * comes, and ends.
 *
 * Each callback runs in cop_catch, and what it came to, an exit included, is
 * the verdict in s->said. A round calls handler after handler in one catch; it
 * is left for a verdict that is not to stay, and entered again behind that
 * handler. So an event costs one catch, not one for each handler.
 *
 * A manager may be killed while any callback runs. So nothing that must be
 * freed is on the stack meanwhile: it hangs on the manager's record, and
 * copi_event_fini, a deferred function, frees it. For the same reason a message
 * is kept (cop_keep) before handlers see it: one that receives within a
 * callback would take it from under the next one.
 *
 * What telling a handler's supervisor needs is made before the handler begins;
 * so ending needs no memory.
 *
 * Invariants.
 *  1. The list is in the order in which handlers get an event: what was added
 *     or swapped in by request stands in front, what a handler's own verdict
 *     put in its place stands there.
 *  2. Each member of the list is in the index. Those of one name stand there
 *     in the order of their coming, which is that of the list unless a handler
 *     was put in the place of an older one (is_mixed): `order` tells then.
 *  3. A member with `sup` has a last_word until it has ended.
 */
#include "actors/event.h"

#include <coppice/inspect.h>
#include <coppice/memory.h>

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------ callbacks -- */

static void drop_said(struct copi_event *s)
{
    cop_event_next said = s->said;

    s->said = cop_event_keep();
    cop_reason_release(said.reason);
    free(said.swap);
}

static void set_why(struct copi_event *s, cop_reason why)
{
    cop_reason_release(s->why);
    s->why = why;
}

/* The reason of a verdict that was a failure. */
static cop_reason take_said_reason(struct copi_event *s)
{
    cop_reason reason = s->said.reason;

    s->said.reason = COP_NORMAL;
    return reason;
}

/* Runs fn(arg), whose verdict is in s->said then. */
static void guard(struct copi_event *s, void (*fn)(void *), void *arg)
{
    cop_reason why;

    drop_said(s);
    if (cop_catch(fn, arg, &why) != 0) {
        drop_said(s);
        s->said = cop_event_fail(why);
    }
}

/* --------------------------------------------------------------- record -- */

void copi_event_init(struct copi_event *s)
{
    copi_index_init(&s->by_id);
}

static void member_free(struct copi_event_member *h)
{
    if (h == NULL)
        return;
    cop_msg_free(h->last_word);
    free(h->state);
    free(h->new_state);
    free(h);
}

static void drop_how(struct copi_event *s)
{
    cop_event_init how = s->how;

    s->how = (cop_event_init){0};
    cop_msg_free(how.old);
    cop_reason_release(how.old_why);
}

static void drop_joining(struct copi_event *s)
{
    struct copi_event_member *h = s->joining;

    s->joining = NULL;
    member_free(h);
}

void copi_event_fini(void *record)
{
    struct copi_event *s = record;
    struct copi_event_member *h;

    /* first, as it looks at its nodes */
    copi_index_fini(&s->by_id, NULL);
    while ((h = s->first) != NULL) {
        s->first = h->next;
        member_free(h);
    }
    drop_joining(s);
    drop_how(s);
    drop_said(s);
    set_why(s, COP_NORMAL);
    cop_msg_free(s->message);
    cop_msg_free(s->asked);
    cop_msg_free(s->result);
    free(s->swap);
}

/* ----------------------------------------------------------------- list -- */

/* The address of a definition differs from run to run; its label does not. */
static uint64_t hash_of(cop_event_id id)
{
    const char *label = id.handler->label;

    return copi_index_hash_word(
        id.id + (label != NULL ? copi_index_hash_text(label) : 0));
}

static struct copi_event_member *member_of(struct copi_index_node *node)
{
    return (
        struct copi_event_member *)((char *)node -
                                    offsetof(struct copi_event_member, by_id));
}

struct copi_event_member *copi_event_find(const struct copi_event *s,
                                          cop_event_id id)
{
    struct copi_index_node *node = copi_index_first(&s->by_id, hash_of(id));
    struct copi_event_member *found = NULL, *h;

    for (; node != NULL; node = copi_index_next(node)) {
        h = member_of(node);
        if (h->id.handler != id.handler || h->id.id != id.id)
            continue;
        if (!s->is_mixed)
            return h;
        if (found == NULL || h->order > found->order)
            found = h;
    }
    return found;
}

/* Puts s->joining before `next`; NULL: at the end. */
static void insert_before(struct copi_event *s, struct copi_event_member *next)
{
    struct copi_event_member *h = s->joining;

    s->joining = NULL;
    h->next = next;
    h->prev = next != NULL ? next->prev : s->last;
    *(h->prev != NULL ? &h->prev->next : &s->first) = h;
    *(next != NULL ? &next->prev : &s->last) = h;
    copi_index_insert(&s->by_id, &h->by_id, hash_of(h->id));
    s->count++;
}

static void insert_in_front(struct copi_event *s)
{
    s->joining->order = ++s->newest;
    insert_before(s, s->first);
}

static void take_out(struct copi_event *s, struct copi_event_member *h)
{
    *(h->prev != NULL ? &h->prev->next : &s->first) = h->next;
    *(h->next != NULL ? &h->next->prev : &s->last) = h->prev;
    copi_index_remove(&s->by_id, &h->by_id);
    s->count--;
}

/* ------------------------------------------------------- its supervisor -- */

static void release_exit(void *body, size_t size)
{
    cop_event_exit *e = body;

    (void)size;
    cop_reason_release(e->reason);
    free(e);
}

static cop_msg *new_last_word(cop_event_id id)
{
    cop_event_exit *e = cop_common_calloc(1, sizeof *e);
    cop_msg *m;

    if (e == NULL)
        return NULL;
    e->handler = id;
    e->reason = COP_NORMAL;
    if (cop_msg_new_moved(&m, COP_EVENT_EXIT, e, sizeof *e, release_exit) !=
        0) {
        free(e);
        return NULL;
    }
    return m;
}

/* `told` is taken; of a swap `to` and `by` say more. */
static void tell_sup(struct copi_event_member *h, cop_reason told,
                     cop_event_id to, cop_pid by)
{
    cop_msg *m = h->last_word;
    cop_event_exit *e;

    if (m == NULL) {
        cop_reason_release(told);
        return;
    }
    h->last_word = NULL;
    e = cop_msg_fill(m);
    e->reason = told;
    e->to = to;
    e->by = by;
    /* one that has gone, or is full, does not hear it */
    (void)cop_send_msg(h->sup, m);
}

/* ------------------------------------------------------------ beginning -- */

/* s->joining, which has not begun. COP_ENOMEM. */
static int join(struct copi_event *s, cop_event_id id, cop_pid sup)
{
    struct copi_event_member *h = cop_common_calloc(1, sizeof *h);
    bool is_whole;

    if (h == NULL)
        return COP_ENOMEM;
    s->joining = h;
    h->id = id;
    h->def = id.handler;
    h->sup = sup;
    h->state =
        cop_common_calloc(1, h->def->state_bytes > 0 ? h->def->state_bytes : 1);
    is_whole = h->state != NULL;
    if (is_whole && !cop_pid_is_none(sup)) {
        h->last_word = new_last_word(id);
        is_whole = h->last_word != NULL;
    }
    if (is_whole)
        return 0;
    drop_joining(s);
    return COP_ENOMEM;
}

static void call_init(void *record)
{
    struct copi_event *s = record;
    const struct copi_event_member *h = s->joining;

    if (h->def->init != NULL)
        s->said = h->def->init(h->state, &s->how);
}

/* Runs init of s->joining, as s->how says. 0; or COP_EFAILED with s->why. */
static int begin(struct copi_event *s, const void *arg, size_t arg_bytes)
{
    s->how.arg = arg_bytes > 0 ? arg : NULL;
    s->how.arg_bytes = arg_bytes;
    s->how.id = s->joining->id.id;
    guard(s, call_init, s);
    drop_how(s);
    if (s->said.what == COPI_EVENT_KEEP)
        return 0;
    set_why(s, s->said.what == COPI_EVENT_FAIL
                   ? take_said_reason(s)
                   : cop_because_fmt("badarg",
                                     "event handler %s: not a verdict of init",
                                     s->joining->def->label));
    return COP_EFAILED;
}

int copi_event_add(struct copi_event *s, cop_event_id id, cop_pid sup,
                   const void *arg, size_t arg_bytes)
{
    int err = join(s, id, sup);

    if (err != 0)
        return err;
    err = begin(s, arg, arg_bytes);
    if (err == 0)
        insert_in_front(s);
    else
        drop_joining(s);
    return err;
}

/* --------------------------------------------------------------- ending -- */

struct ending {
    struct copi_event *s;
    struct copi_event_member *h;
    const cop_event_end *end;
};

static void call_terminate(void *arg)
{
    struct ending *e = arg;

    if (e->h->def->terminate != NULL)
        e->s->result = e->h->def->terminate(e->h->state, e->end);
}

/* As copi_event_end, without telling its supervisor. */
static int terminate(struct copi_event *s, struct copi_event_member *h,
                     const cop_event_end *end)
{
    struct ending e = {s, h, end};
    cop_msg *old = s->result;

    s->result = NULL;
    cop_msg_free(old);
    guard(s, call_terminate, &e);
    return s->said.what == COPI_EVENT_FAIL ? COP_EFAILED : 0;
}

static void leave(struct copi_event *s, struct copi_event_member *h)
{
    take_out(s, h);
    member_free(h);
}

int copi_event_end(struct copi_event *s, struct copi_event_member *h,
                   const cop_event_end *end, cop_reason told)
{
    int code = terminate(s, h, end);

    tell_sup(h, cop_reason_retain(told), (cop_event_id){0}, COP_NO_PID);
    leave(s, h);
    return code;
}

/* One line about a handler that failed of s->why. */
static void report(const struct copi_event *s,
                   const struct copi_event_member *h, const char *where)
{
    char manager[COP_NAME_MAX + 1], why[COP_REASON_TEXT];
    cop_info info;

    cop_pid_str(cop_self(), manager, sizeof manager);
    if (cop_info_get(cop_self(), &info) == 0 && info.name[0] != '\0')
        memcpy(manager, info.name, sizeof manager);
    cop_log("event manager %s: handler %s/%llu failed in %s with tag %u: %s",
            manager, h->def->label != NULL ? h->def->label : "?",
            (unsigned long long)h->id.id, where,
            s->message != NULL ? (unsigned)cop_msg_tag(s->message) : 0,
            cop_reason_str(s->why, why, sizeof why));
}

/* It failed of s->why, which remains. */
static void end_failed(struct copi_event *s, struct copi_event_member *h,
                       const char *where)
{
    const cop_event_end end = {.cause = COP_EVENT_FAILED, .reason = s->why};

    (void)terminate(s, h, &end);
    report(s, h, where);
    tell_sup(h, cop_reason_retain(s->why), (cop_event_id){0}, COP_NO_PID);
    leave(s, h);
}

/* ------------------------------------------------------------- swapping -- */

/* Ends h; s->how then says to the next one what came of it. */
static void make_room(struct copi_event *s, struct copi_event_member *h,
                      const void *left, size_t left_bytes)
{
    const cop_event_end end = {.cause = COP_EVENT_SWAPPED,
                               .arg = left_bytes > 0 ? left : NULL,
                               .arg_bytes = left_bytes};

    s->how.swapped = true;
    s->how.old_code = COP_ENOENT;
    if (h == NULL)
        return;
    s->how.old_code = terminate(s, h, &end);
    s->how.old = s->result;
    s->result = NULL;
    if (s->how.old_code != 0)
        s->how.old_why = take_said_reason(s);
    tell_sup(h, cop_because("swapped"), s->joining->id, s->joining->sup);
    leave(s, h);
}

int copi_event_swap_for(struct copi_event *s, struct copi_event_member *h,
                        const struct copi_event_ask *ask, cop_pid sup)
{
    int err = join(s, ask->to, sup);

    if (err != 0)
        return err;
    make_room(s, h, copi_event_left(ask), ask->left_bytes);
    err = begin(s, copi_event_arg(ask), ask->arg_bytes);
    if (err == 0)
        insert_in_front(s);
    else
        drop_joining(s);
    return err;
}

/* By its own verdict h gives its place to s->joining. */
static void replace(struct copi_event *s, struct copi_event_member *h,
                    const char *where)
{
    struct copi_event_member *next = h->next;
    struct cop_event_swap_args *w = s->swap;

    s->joining->order = h->order;
    make_room(s, h, copi_event_swap_left(w), w->left_bytes);
    if (begin(s, copi_event_swap_arg(w), w->arg_bytes) == 0) {
        if (copi_event_find(s, s->joining->id) != NULL)
            s->is_mixed = true;
        insert_before(s, next);
        return;
    }
    report(s, s->joining, where);
    tell_sup(s->joining, cop_because("crash"), (cop_event_id){0}, COP_NO_PID);
    drop_joining(s);
}

static void swap_from_within(struct copi_event *s, struct copi_event_member *h,
                             const char *where)
{
    s->swap = s->said.swap;
    s->said.swap = NULL;
    if (join(s, s->said.to, h->sup) == 0) {
        replace(s, h, where);
    } else {
        set_why(s, cop_because("nomem"));
        end_failed(s, h, where);
    }
    free(s->swap);
    s->swap = NULL;
}

/* -------------------------------------------------------- what it gets -- */

/* Does what h said. */
static void follow(struct copi_event *s, struct copi_event_member *h,
                   const char *where)
{
    static const cop_event_end removed = {.cause = COP_EVENT_REMOVED};

    switch (s->said.what) {
    case COPI_EVENT_REMOVE:
        (void)copi_event_end(s, h, &removed, COP_NORMAL);
        break;
    case COPI_EVENT_FAIL:
        set_why(s, take_said_reason(s));
        end_failed(s, h, where);
        break;
    case COPI_EVENT_REPLACE:
        swap_from_within(s, h, where);
        break;
    default:
        break;
    }
}

/* From s->at on, until one does not stay. */
static void go_round_events(void *record)
{
    struct copi_event *s = record;
    const struct copi_event_member *h;

    for (; (h = s->at) != NULL; s->at = h->next) {
        if (h->def->event != NULL)
            s->said = h->def->event(h->state, s->message);
        if (s->said.what != COPI_EVENT_KEEP)
            return;
    }
}

static void go_round_infos(void *record)
{
    struct copi_event *s = record;
    const struct copi_event_member *h;

    for (; (h = s->at) != NULL; s->at = h->next) {
        if (h->def->info != NULL)
            s->said = h->def->info(h->state, s->message);
        if (s->said.what != COPI_EVENT_KEEP)
            return;
    }
}

void copi_event_round_all(struct copi_event *s, bool is_event)
{
    struct copi_event_member *h;

    for (s->at = s->first; s->at != NULL;) {
        guard(s, is_event ? go_round_events : go_round_infos, s);
        h = s->at;
        if (h == NULL)
            return;
        s->at = h->next;
        follow(s, h, is_event ? "event" : "info");
    }
}

struct query {
    struct copi_event *s;
    const struct copi_event_member *h;
    cop_from from;
};

static void call_call(void *arg)
{
    const struct query *q = arg;
    const cop_event_handler *def = q->h->def;

    q->s->said = def->call != NULL
                     ? def->call(q->h->state, q->s->asked, q->from)
                     : cop_event_fail(cop_because_fmt(
                           "badarg", "unexpected call with tag %u",
                           (unsigned)cop_msg_tag(q->s->asked)));
}

int copi_event_ask(struct copi_event *s, struct copi_event_member *h,
                   cop_from from)
{
    struct query q = {s, h, from};
    bool failed;

    guard(s, call_call, &q);
    failed = s->said.what == COPI_EVENT_FAIL;
    follow(s, h, "call");
    return failed ? COP_EFAILED : 0;
}
