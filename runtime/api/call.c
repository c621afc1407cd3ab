/* SPDX-License-Identifier: MIT
 *
 * call.c - request and reply. Rank: 5.
 *
 * cop_call is a monitor, a message and a wait by their common reference. The
 * monitor is mostly there from the call before (actor/kept.c). The caller
 * publishes whom it waits for (`calling`) and in which call (`call_ref`), which
 * serves two ends:
 *
 *   - Whoever replies claims the call by setting call_ref from the reference
 *     to 0, and sends only then. So a second reply, or one that comes after
 *     the caller gave up, finds nothing to claim and can be told so; and a
 *     caller that gives up and finds its call claimed waits for the reply,
 *     which is then certain to come.
 *   - The edges caller -> callee form a graph, in which a cycle is a deadlock.
 *     A call follows them from its callee before it waits. If that leads back
 *     to the caller, it follows them once more: as references are unique and
 *     none was seen to change, all edges existed at one instant, and no reply
 *     can ever come. Each call publishes its own edge first, so of several
 *     calls that close a cycle at once at least one sees it.
 *
 * A foreign thread calls as a guest: an actor record with a mailbox whose wake
 * is a futex, made for the call.
 */
#include <coppice/runtime.h>

#include "runtime/actor/away.h"
#include "runtime/actor/counters.h"
#include "runtime/actor/held.h"
#include "runtime/actor/monitor.h"
#include "runtime/actor/table.h"
#include "runtime/actor/tie.h"
#include "runtime/api/call_error.h"
#include "runtime/api/chaos.h"
#include "runtime/api/message.h"
#include "runtime/api/recv.h"
#include "runtime/api/send.h"
#include "runtime/base/check.h"
#include "runtime/scheduler/epoch.h"
#include "runtime/scheduler/exit.h"

enum { CYCLE_MAX = 64 };

struct call {
    struct copi_scope *s;
    struct copi_actor *a; /* the caller, or the guest */
    cop_pid to;
    cop_tag tag;
    cop_ref ref;
    cop_time deadline;
    struct cop_msg *reply;
    cop_reason reason; /* after COP_EDOWN */
    char path[192];    /* after COP_EDEADLOCK; else "" */
};

/* --------------------------------------------------------------- cycles -- */

struct path {
    size_t n;
    cop_pid pid[CYCLE_MAX];
    uint64_t ref[CYCLE_MAX];
};

/* Follows the edges from `from`; true if they lead to `self`. */
static bool follow(cop_pid from, cop_pid self, struct path *p)
{
    for (p->n = 0; p->n < CYCLE_MAX && from.id != self.id; p->n++) {
        struct copi_actor *a = copi_table_find(from);
        uint64_t ref = a != NULL ? atomic_load(&a->call_ref) : 0;
        if (ref == 0)
            return false;
        p->pid[p->n] = from;
        p->ref[p->n] = ref;
        from.id = atomic_load(&a->calling);
    }
    return from.id == self.id;
}

static void write_path(struct call *c, const struct path *p)
{
    char who[COP_NAME_MAX + 1];
    size_t n = 0;
    copi_call_error_who(c->a->pid, who, sizeof who);
    n += (size_t)snprintf(c->path, sizeof c->path, "%s", who);
    for (size_t i = 0; i <= p->n && n < sizeof c->path; i++) {
        copi_call_error_who(i < p->n ? p->pid[i] : c->a->pid, who, sizeof who);
        n += (size_t)snprintf(c->path + n, sizeof c->path - n, " -> %s", who);
    }
}

static COPI_NOINLINE bool is_cycle(struct call *c)
{
    struct path one, two;
    if (!follow(c->to, c->a->pid, &one) || !follow(c->to, c->a->pid, &two) ||
        one.n != two.n ||
        memcmp(one.ref, two.ref, one.n * sizeof one.ref[0]) != 0)
        return false;
    write_path(c, &one);
    return true;
}

/* Mostly the callee waits for nobody. */
static inline bool is_deadlock(struct call *c)
{
    struct copi_actor *to = copi_table_find(c->to);
    return to != NULL && atomic_load(&to->call_ref) != 0 && is_cycle(c);
}

/* -------------------------------------------------------------- calling -- */

/* True for one of those who want to end the call that `a` waits in: the
 * replier, who must send then, or the caller itself, who gives up. */
static inline bool claim_of(struct copi_actor *a, cop_ref call)
{
    uint64_t ref = call.id;
    return atomic_compare_exchange_strong(&a->call_ref, &ref, 0);
}

/* Receives by reference without taking the message back that the program is
 * looking at. What it gives is the caller's; NULL: the deadline has passed. */
COPI_INLINE struct cop_msg *receive_aside(struct copi_actor *a, cop_ref ref,
                                          cop_time deadline)
{
    const cop_match m = {.ref = ref};
    struct cop_msg *got = NULL;
    bool aside = copi_inbox_set_aside(a);
    if (copi_recv(a, &m, 1, deadline, COP_WAIT_CALL) >= 0) {
        got = a->current;
        a->current = NULL;
    }
    if (aside)
        copi_inbox_take_back(a);
    return got;
}

/* Waits for the reply or the end of the callee. 0, COP_ETIMEDOUT, COP_EDOWN or
 * COP_ENOPROC. */
COPI_INLINE int await(struct call *c, cop_time deadline)
{
    struct cop_msg *got = receive_aside(c->a, c->ref, deadline);
    if (got == NULL)
        return COP_ETIMEDOUT;
    got->flags |= COPI_MSG_KEPT;
    if (got->tag != COP_DOWN) {
        c->reply = got;
        return 0;
    }
    cop_reason_release(c->reason);
    c->reason = cop_reason_retain(got->reason);
    cop_msg_free(got);
    return c->reason.word == COP_R_NOPROC ? COP_ENOPROC : COP_EDOWN;
}

/* The reply overtakes nothing, so a DOWN may have come first although the call
 * was answered: by another actor than the callee. */
static COPI_COLD void await_answer(struct call *c)
{
    while (await(c, COP_FOREVER) != 0)
        continue;
    cop_reason_release(c->reason);
    c->reason = COP_NORMAL;
}

/* Waits until the call has ended, in whatever way. */
COPI_INLINE int see_through(struct call *c)
{
    int rc = await(c, c->deadline);
    if (COPI_UNLIKELY(rc != 0) && !claim_of(c->a, c->ref)) {
        await_answer(c);
        rc = 0;
    }
    return rc;
}

/* The callee, if this call may rely on a kept monitor: it is known to live, and
 * nothing but its death keeps the message from it. */
static struct copi_actor *plain_callee(const struct call *c)
{
    if (c->a->is_guest || copi_is_away() ||
        copi_inject_is_on(COPI_INJECT_SENDS))
        return NULL;
    struct copi_actor *to = copi_table_find(c->to);
    return to != NULL && to->mailbox_max == 0 ? to : NULL;
}

static void end_watch(struct call *c)
{
    if (!copi_tie_demonitor(c->a, c->ref))
        copi_tie_flush(c->a, c->ref);
}

/* With a monitor of its own. */
static int send_watched(struct call *c, struct cop_msg *m)
{
    int rc = copi_tie_monitor(c->a, c->to, c->ref, NULL);
    if (rc != 0) {
        copi_msg_release(m);
        return rc;
    }
    rc = copi_send(c->s, c->to, m);
    if (rc != 0)
        end_watch(c);
    return rc;
}

COPI_INLINE int send_and_wait(struct call *c, struct cop_msg *m)
{
    struct copi_actor *to = plain_callee(c);
    bool relies = to != NULL && copi_tie_rely(c->a, c->to, c->ref);
    int rc = 0;
    m->sender = c->a->pid;
    m->ref = c->ref;
    if (relies) {
        COPI_COUNT(sent);
        /* looked up once: who is dead by now refuses it, and says so */
        copi_send_push(copi_here(), to, m);
    } else {
        rc = send_watched(c, m);
    }
    if (rc != 0)
        return rc;
    rc = see_through(c);
    if (!relies)
        end_watch(c);
    return rc;
}

COPI_INLINE int run_call(struct call *c, const void *body, size_t size)
{
    struct cop_msg *m;
    int rc = copi_send_make(&m, c->s, c->tag, body, size, COPI_MSG_CALL);
    if (rc != 0)
        return rc;
    c->ref = copi_ref_mark_asked(copi_ref_new(true), c->tag);
    copi_inbox_mark_if_any(c->a, c->ref);
    /* seq_cst: our edge first, then the others'; see is_deadlock */
    /* release: after the end of the call before; pairs with follow */
    atomic_store_explicit(&c->a->calling, c->to.id, memory_order_release);
    atomic_store(&c->a->call_ref, c->ref.id);
    if (is_deadlock(c)) {
        copi_msg_release(m);
        rc = COP_EDEADLOCK;
    } else {
        rc = send_and_wait(c, m);
    }
    if (atomic_load(&c->a->call_ref) != 0) /* it was not answered */
        atomic_store(&c->a->call_ref, 0);
    return rc;
}

/* --------------------------------------------------------------- guests -- */

static int guest_new(struct copi_actor **out, const struct copi_scope *s)
{
    if (copi_is_away())
        return COP_ENOTSUP; /* its pid would be nobody's there */
    if (!s->outside)
        return COP_EINVAL; /* a worker between turns must not wait */
    struct copi_actor *a = copi_actor_alloc(0);
    if (a == NULL)
        return COP_ENOMEM;
    int rc = copi_table_reserve(a, NULL);
    if (rc != 0) {
        copi_actor_free(a);
        return rc;
    }
    a->is_guest = true;
    a->guest.section = s->section;
    a->parent = COP_PID_INIT;
    copi_table_publish(a);
    copi_here()->actor = a;
    *out = a;
    return 0;
}

static void guest_free(struct copi_actor *a, struct copi_scope *s)
{
    s->section = a->guest.section;
    copi_here()->actor = NULL;
    a->dying = COPI_DYING_DONE;
    copi_exit_bury(a);
    copi_limbo_add_outside(a);
}

/* The path is not all cleared: it is long, and mostly of no use. */
static inline void begin(struct call *c, struct copi_scope *s, cop_pid to,
                         cop_tag tag, cop_time deadline)
{
    c->s = s;
    c->a = s->self;
    c->to = to;
    c->tag = tag;
    c->deadline = deadline;
    c->reply = NULL;
    c->reason = COP_NORMAL;
    c->path[0] = '\0';
}

/* A part of the functions that the program calls, like most of what is above:
 * the fewer return after the wait, the better (see copi_coro_save). */
COPI_INLINE int call(struct cop_msg **out, bool is_copied, cop_pid to,
                     cop_tag tag, const void *body, size_t size,
                     cop_time deadline)
{
    struct copi_scope s;
    struct call c;
    int rc = 0;
    *out = NULL;
    if (!copi_scope_enter_quick(&s))
        return COP_ESTOPPED;
    begin(&c, &s, to, tag, deadline);
    if (s.self == NULL)
        rc = guest_new(&c.a, &s);
    if (rc == 0)
        rc = run_call(&c, body, size);
    if (rc != 0)
        copi_call_error_note(c.a, s.outside, rc, to, tag, c.reason,
                             c.path[0] != '\0' ? c.path : NULL);
    if (s.self == NULL && c.a != NULL)
        guest_free(c.a, &s);
    if (rc == 0 && !is_copied)
        copi_message_give(c.reply);
    else if (rc == 0 && s.self != NULL)
        copi_message_begin_copy(s.self, c.reply);
    copi_scope_leave(&s);
    *out = c.reply;
    return rc;
}

int cop_call_msg(cop_msg **reply, cop_pid to, cop_tag tag, const void *body,
                 size_t size, cop_time deadline)
{
    return reply == NULL ? COP_EINVAL
                         : call(reply, false, to, tag, body, size, deadline);
}

int cop_call(cop_pid to, cop_tag tag, const void *body, size_t size,
             void *reply, size_t cap, cop_time deadline)
{
    struct cop_msg *m;
    if (reply == NULL && cap > 0)
        return COP_EINVAL;
    int rc = call(&m, true, to, tag, body, size, deadline);
    if (rc != 0)
        return rc;
    size_t n = m->size;
    if (n > 0 && cap > 0)
        memcpy(reply, cop_msg_body(m), n < cap ? n : cap);
    copi_message_end_copy(m);
    return n > INT_MAX ? COP_ESIZE : (int)n;
}

int cop_call_name(const char *name, cop_tag tag, const void *body, size_t size,
                  void *reply, size_t cap, cop_time deadline)
{
    if (name == NULL)
        return COP_EINVAL;
    cop_pid to = cop_whereis(name);
    if (to.id == 0)
        return cop_is_running() ? COP_ENOPROC : COP_ESTOPPED;
    return cop_call(to, tag, body, size, reply, cap, deadline);
}

/* ------------------------------------------------------------- requests -- */

int cop_request(cop_ref *out, cop_pid to, cop_tag tag, const void *body,
                size_t size)
{
    struct copi_scope s;
    struct copi_actor *a = copi_scope_actor(&s, "cop_request");
    struct cop_msg *m = NULL;
    int rc = out == NULL
                 ? COP_EINVAL
                 : copi_send_make(&m, &s, tag, body, size, COPI_MSG_CALL);
    if (rc != 0)
        goto out;
    m->ref = copi_ref_mark_asked(copi_ref_new(false), tag);
    cop_ref ref = m->ref;
    copi_inbox_mark(a, ref);
    rc = copi_alias_add(a, ref, COP_ALIAS_REPLY);
    if (rc == 0) {
        rc = copi_tie_monitor(a, to, ref, NULL);
        if (rc != 0)
            copi_alias_remove(a, ref);
    }
    if (rc != 0) {
        copi_msg_release(m);
        goto out;
    }
    rc = copi_send(&s, to, m);
    if (rc != 0)
        copi_tie_demonitor(a, ref);
    else
        *out = ref;
out:
    copi_scope_leave(&s);
    return rc;
}

void cop_request_cancel(cop_ref request)
{
    struct copi_scope s;
    struct copi_actor *a = copi_scope_actor(&s, "cop_request_cancel");
    if (!copi_tie_demonitor(a, request)) {
        copi_alias_remove(a, request);
        struct cop_msg *m = receive_aside(a, request, COP_POLL);
        if (m != NULL) /* none for a DOWN */
            copi_signal_dead_letter(m, a->pid, COP_DEAD_LATE);
    }
    copi_scope_leave(&s);
}

/* -------------------------------------------------------------- replies -- */

/* Whether the caller waits for this reply; then it is the replier's to send. */
static bool claim(cop_from to)
{
    struct copi_actor *a = copi_table_find(to.pid);
    if (a == NULL)
        return copi_is_away(); /* there it is claimed */
    if (!copi_ref_is_call(to.ref))
        return true; /* the alias decides, at the caller */
    return claim_of(a, to.ref);
}

static int reply_now(cop_pid to, struct cop_msg *m)
{
    COPI_COUNT(sent);
    if (!claim((cop_from){to, m->ref})) {
        copi_signal_dead_letter(m, to, COP_DEAD_LATE);
        return COP_EREPLIED;
    }
    copi_signal_send(to, m);
    return 0;
}

static int reply(struct copi_scope *s, cop_from to, struct cop_msg *m)
{
    m->flags = copi_ref_is_call(to.ref) ? COPI_MSG_REPLY : COPI_MSG_ALIAS;
    m->tag = COP_REPLY;
    m->ref = to.ref;
    m->sender = s->self != NULL ? s->self->pid : COP_NO_PID;
    if (copi_inject_is_on(COPI_INJECT_SENDS))
        return copi_chaos_send(to.pid, m, reply_now);
    return reply_now(to.pid, m);
}

static int reply_owned(cop_from to, struct cop_msg *m)
{
    struct copi_scope s;
    if (to.pid.id == 0 || to.ref.id == 0 || !copi_scope_enter_late(&s)) {
        copi_message_discard(m);
        return to.pid.id == 0 || to.ref.id == 0 ? COP_EINVAL : COP_ESTOPPED;
    }
    copi_held_drop(m);
    int rc = reply(&s, to, m);
    copi_scope_leave(&s);
    return rc;
}

enum { NOT_REPLIED = 1 };

/* NOT_REPLIED: it is not what most replies are, and nothing happened. */
static int reply_quick(cop_from to, const void *body, size_t size)
{
    struct copi_here *h;
    if (COPI_UNLIKELY(!copi_send_is_quick(size) || to.pid.id == 0 ||
                      !copi_ref_is_call(to.ref)) ||
        (h = copi_scope_quick()) == NULL)
        return NOT_REPLIED;
    int rc = COP_ENOMEM;
    struct cop_msg *m =
        copi_send_make_quick(h, COP_REPLY, body, size, COPI_MSG_REPLY, to.ref);
    if (COPI_LIKELY(m != NULL)) {
        struct copi_actor *a = copi_table_find(to.pid);
        if (COPI_UNLIKELY(a == NULL || !claim_of(a, to.ref))) {
            rc = reply_now(to.pid, m); /* which finds the same */
        } else {
            copi_count_in(&h->counters->sent);
            copi_send_push(h, a, m);
            rc = 0;
        }
    }
    copi_scope_quick_leave(h);
    return rc;
}

int cop_reply(cop_from to, const void *body, size_t size)
{
    if (body == NULL && size > 0)
        return COP_EINVAL;
    int rc = reply_quick(to, body, size);
    if (COPI_LIKELY(rc != NOT_REPLIED))
        return rc;
    if (size > COPI_BODY_MAX)
        return COP_ESIZE;
    struct cop_msg *m = copi_msg_make(COP_REPLY, body, size);
    return m == NULL ? COP_ENOMEM : reply_owned(to, m);
}

int cop_reply_msg(cop_from to, cop_msg *m)
{
    if (m == NULL)
        return COP_EINVAL;
    copi_message_must_be_own("cop_reply_msg", m);
    return reply_owned(to, m);
}
