/* SPDX-License-Identifier: MIT
 *
 * signal.c - what signals do: Erlang's rules for links, monitors, exit signals
 * and aliases. Rank: 3.
 *
 * A signal is acted on by its receiver, in its own turn, in the order of
 * arrival. So the tables of an actor need no lock, and whatever a rule depends
 * on (does it trap exits? is the alias active?) is as it was when the signal's
 * turn came.
 *
 * The dead cannot act; for them the sender does, or the dying actor's last
 * sweep: `answer_for_dead` turns each signal into what the sender is owed,
 * in the signal's own memory.
 *
 * The rules (Erlang Reference Manual, Processes):
 *  1. An exit signal by exit/2 with `kill` ends the receiver with `killed`,
 *     whatever it traps. By a link `kill` is a reason like others.
 *  2. Who traps exits gets a message instead; `normal` is dropped by who does
 *     not, but for a `normal` that a process sends itself with exit/2.
 *  3. A link's exit signal counts only while its entry is there and no unlink
 *     of it is pending.
 *  4. A DOWN counts only while its monitor is there.
 *  5. A message by an alias counts only while the alias is active; the first
 *     one ends an alias of mode `reply`, and the monitor that it came with.
 */
#include "runtime/actor/signal.h"

#include "runtime/actor/away.h"
#include "runtime/actor/counters.h"
#include "runtime/actor/driver.h"
#include "runtime/actor/heap.h"
#include "runtime/actor/here.h"
#include "runtime/actor/kept.h"
#include "runtime/actor/link.h"
#include "runtime/actor/mailbox.h"
#include "runtime/actor/monitor.h"
#include "runtime/actor/reason.h"
#include "runtime/actor/table.h"
#include "runtime/base/check.h"
#include "runtime/probe/inject.h"
#include "runtime/probe/trace.h"

static _Atomic uint64_t dead_letter_subscriber;

/* --------------------------------------------------------- dead letters -- */

void copi_signal_dead_letters_to(cop_pid subscriber)
{
    atomic_store_explicit(&dead_letter_subscriber, subscriber.id,
                          memory_order_relaxed);
}

static void tell_subscriber(const struct cop_msg *m, cop_pid to,
                            cop_dead_reason reason)
{
    cop_pid sub = {
        atomic_load_explicit(&dead_letter_subscriber, memory_order_relaxed)};
    if (sub.id == 0 || sub.id == to.id)
        return;
    struct cop_dead_letter body = {m->sender, to, m->tag, reason, m->size};
    struct cop_msg *note = copi_msg_make(COP_DEAD_LETTER, &body, sizeof body);
    if (note == NULL)
        return;
    note->flags = COPI_MSG_SYSTEM;
    note->sender = m->sender;
    copi_signal_send(sub, note);
}

void copi_signal_dead_letter(struct cop_msg *m, cop_pid to,
                             cop_dead_reason reason)
{
    if (!(m->flags & COPI_MSG_SYSTEM)) {
        COPI_COUNT(dead_letters);
        copi_trace(COP_TRACE_DEAD_LETTER, to, m->sender, m->tag);
        tell_subscriber(m, to, reason);
    }
    copi_msg_release(m);
}

/* ------------------------------------------------------------- sending -- */

static void answer(struct cop_msg *m, enum copi_signal kind, cop_pid dead,
                   cop_reason reason)
{
    cop_pid asker = m->sender;
    m->kind = (uint8_t)kind;
    m->sender = dead;
    m->reason = reason;
    copi_signal_send(asker, m);
}

/* What the sender of m gets, as `dead` no longer acts itself. */
static void answer_for_dead(struct cop_msg *m, cop_pid dead,
                            cop_dead_reason reason)
{
    switch (m->kind) {
    case COPI_SIG_MESSAGE:
        if (m->flags & COPI_MSG_CALL)
            copi_kept_refused(m, dead);
        copi_signal_dead_letter(m, dead, reason);
        break;
    case COPI_SIG_LINK:
        answer(m, COPI_SIG_LINK_EXIT, dead, COP_NOPROC);
        break;
    case COPI_SIG_MONITOR:
        answer(m, COPI_SIG_DOWN, dead, COP_NOPROC);
        break;
    case COPI_SIG_UNLINK:
        answer(m, COPI_SIG_UNLINK_ACK, dead, COP_NORMAL);
        break;
    case COPI_SIG_ALIVE:
        m->tag = 1; /* dead */
        answer(m, COPI_SIG_ALIVE_ACK, dead, COP_NORMAL);
        break;
    default:
        copi_msg_release(m);
    }
}

/* Mostly it is one, the caller's own. Where others' came in between none of
 * them may be lost. */
void copi_signal_refused(struct copi_actor *a, struct cop_msg *m)
{
    cop_pid dead = a->pid;
    bool are_several = copi_inbox_after(m) != NULL;
    if (are_several)
        copi_here_vital_begin();
    while (m != NULL) {
        struct cop_msg *next = copi_inbox_after(m);
        answer_for_dead(m, dead, COP_DEAD_NOPROC);
        m = next;
    }
    if (are_several)
        copi_here_vital_end();
}

void copi_signal_push(struct copi_actor *to, struct cop_msg *m)
{
    if (m->kind == COPI_SIG_MESSAGE)
        copi_trace(COP_TRACE_SEND, m->sender, to->pid, m->tag);
    if (COPI_UNLIKELY(m->body == COPI_BODY_MOVED))
        copi_actor_note(to, COPI_HAS_MOVED);
    switch (copi_mailbox_push(to, m)) {
    case COPI_PUSHED_WAKE:
        copi_driver.ready(to);
        break;
    case COPI_PUSHED_CLOSED:
        copi_signal_refused(to, m);
        break;
    default:
        break;
    }
}

void copi_signal_send(cop_pid to, struct cop_msg *m)
{
    struct copi_actor *a = copi_table_find(to);
    if (a != NULL)
        copi_signal_push(a, m);
    else if (copi_is_away())
        copi_away.signal(to, m);
    else
        answer_for_dead(m, to, COP_DEAD_NOPROC);
}

/* -------------------------------------------------------------- acting -- */

/* Turns a signal's cell into a message in the inbox. */
static void deliver_system(struct copi_actor *a, struct cop_msg *m, cop_tag tag)
{
    m->kind = COPI_SIG_MESSAGE;
    m->flags = COPI_MSG_SYSTEM;
    m->tag = tag;
    copi_inbox_append(a, m, false);
}

static void drop_link(struct copi_actor *a, struct copi_link *l)
{
    copi_link_remove(a, l);
    copi_msg_release(&l->exit);
}

/* Ends a monitor from the watcher's side: its record goes to the target. */
static void send_demonitor(struct copi_actor *a, struct copi_monitor *m)
{
    m->demonitor.sender = a->pid;
    copi_signal_send(m->target, &m->demonitor);
}

/* Takes the exit signal: a message if it traps, else ignored or deadly. */
static bool take_exit(struct copi_actor *a, struct cop_msg *m, bool deadly,
                      cop_reason *why)
{
    if (a->trap_exit) {
        deliver_system(a, m, COP_EXIT);
        return false;
    }
    if (deadly)
        *why = cop_reason_retain(m->reason);
    copi_msg_release(m);
    return deadly;
}

static bool act_exit(struct copi_actor *a, struct cop_msg *m, cop_reason *why)
{
    bool injected = copi_reason_is_injected(m->reason);
    if (injected)
        copi_inject_strike(m->tag); /* 0 unless a plan sent it itself */
    if (copi_reason_bare(m->reason).word == COP_R_KILL) {
        copi_msg_release(m);
        *why = injected ? copi_reason_inject(COP_KILLED) : COP_KILLED;
        return true;
    }
    bool deadly = m->reason.word != COP_R_NORMAL || m->sender.id == a->pid.id;
    return take_exit(a, m, deadly, why);
}

static bool act_link_exit(struct copi_actor *a, struct cop_msg *m,
                          cop_reason *why)
{
    struct copi_link *l = copi_link_find(a, m->sender);
    if (l == NULL || l->unlinking != 0) {
        copi_msg_release(m);
        return false;
    }
    drop_link(a, l);
    return take_exit(a, m, m->reason.word != COP_R_NORMAL, why);
}

static void act_link(struct copi_actor *a, struct cop_msg *m)
{
    struct copi_link *mine = (struct copi_link *)(void *)m;
    if (copi_link_find(a, copi_link_peer(mine)) != NULL) {
        copi_msg_release(m);
        return;
    }
    m->kind = COPI_SIG_LINK_EXIT;
    copi_link_add(a, mine);
}

static void act_unlink(struct copi_actor *a, struct cop_msg *m)
{
    struct copi_link *l = copi_link_find(a, m->sender);
    if (l != NULL)
        drop_link(a, l);
    answer(m, COPI_SIG_UNLINK_ACK, a->pid, COP_NORMAL);
}

static void act_unlink_ack(struct copi_actor *a, struct cop_msg *m)
{
    struct copi_link *l = copi_link_find(a, m->sender);
    if (l != NULL && l->unlinking == m->ref.id)
        drop_link(a, l);
    copi_msg_release(m);
}

static void act_demonitor(struct copi_actor *a, struct cop_msg *m)
{
    struct copi_watch *w = ((struct copi_monitor *)(void *)m)->watch;
    copi_watch_remove(a, w);
    copi_msg_release(&w->down);
    copi_msg_release(m);
}

/* Its DOWN has come. */
static void end_monitor(struct copi_actor *a, struct copi_monitor *mon,
                        cop_ref ref)
{
    copi_monitor_remove(a, mon);
    copi_monitor_free(mon);
    copi_alias_end_of_monitor(a, ref);
}

static void act_down(struct copi_actor *a, struct cop_msg *m)
{
    struct copi_monitor *mon = copi_monitor_find(a, m->ref);
    if (mon != NULL) {
        end_monitor(a, mon, m->ref);
    } else if (!copi_kept_down(a, m)) {
        copi_msg_release(m);
        return;
    }
    deliver_system(a, m, COP_DOWN);
}

bool copi_signal_lend_sole_down(struct copi_actor *a, struct cop_msg *m)
{
    struct copi_monitor *mon = copi_monitor_find(a, m->ref);
    if (mon == NULL || !copi_mailbox_take_sole_local(a, m))
        return false;
    end_monitor(a, mon, m->ref);
    m->kind = COPI_SIG_MESSAGE;
    m->flags = COPI_MSG_SYSTEM;
    m->tag = COP_DOWN;
    copi_inbox_lend_loose(a, m);
    return true;
}

static void act_alive(struct copi_actor *a, struct cop_msg *m)
{
    if (m->kind == COPI_SIG_ALIVE) {
        answer(m, COPI_SIG_ALIVE_ACK, a->pid, COP_NORMAL);
        return;
    }
    struct copi_cold *cold = copi_cold_of(a);
    if (cold != NULL && m->ref.id == cold->alive_ref) {
        cold->alive_ref = 0;
        cold->alive_dead = m->tag != 0;
    }
    copi_msg_release(m);
}

/* Whether a message by an alias is let in; *urgent: it may overtake. */
static bool pass_alias(struct copi_actor *a, struct cop_msg *m, bool *urgent)
{
    int mode = copi_alias_mode(a, m->ref);
    if (mode == COP_ALIAS_NONE)
        return false;
    if (mode & COP_ALIAS_PRIORITY)
        *urgent = true;
    if ((mode & ~COP_ALIAS_PRIORITY) == COP_ALIAS_REPLY) {
        copi_alias_remove(a, m->ref);
        struct copi_monitor *mon = copi_monitor_find(a, m->ref);
        if (mon != NULL) {
            copi_monitor_remove(a, mon);
            send_demonitor(a, mon);
        }
    }
    return true;
}

bool copi_signal_enters(struct copi_actor *a, struct cop_msg *m)
{
    bool urgent;
    if (pass_alias(a, m, &urgent))
        return true;
    copi_signal_dead_letter(m, a->pid, COP_DEAD_ALIAS);
    return false;
}

static struct cop_msg *drop_oldest(struct copi_actor *a)
{
    struct cop_msg *prev = NULL, *m = a->inbox;
    while (m != NULL && !(m->flags & COPI_MSG_COUNTED)) {
        prev = m;
        m = copi_inbox_after(m);
    }
    if (m != NULL) {
        copi_inbox_take(a, prev, m);
        a->drops++;
    }
    return m;
}

/* A bounded mailbox that is over its limit, with m just arrived. True: the
 * actor must end. */
static bool over_limit(struct copi_actor *a)
{
    if (a->mailbox_full == COP_FULL_KILL)
        return true;
    if (a->mailbox_full == COP_FULL_DROP_OLD) {
        struct cop_msg *old = drop_oldest(a);
        if (old != NULL) {
            atomic_fetch_sub_explicit(&a->bounded, 1, memory_order_relaxed);
            COPI_COUNT(dropped);
            copi_signal_dead_letter(old, a->pid, COP_DEAD_FULL);
        }
    }
    return false;
}

static bool act_message(struct copi_actor *a, struct cop_msg *m,
                        cop_reason *why)
{
    bool allowed = a->urgent;
    if ((m->flags & COPI_MSG_ALIAS) && !a->is_proxy &&
        !pass_alias(a, m, &allowed)) {
        if (m->flags & COPI_MSG_COUNTED)
            atomic_fetch_sub_explicit(&a->bounded, 1, memory_order_relaxed);
        copi_signal_dead_letter(m, a->pid, COP_DEAD_ALIAS);
        return false;
    }
    bool counted = (m->flags & COPI_MSG_COUNTED) != 0;
    copi_inbox_append(a, m, allowed && (m->flags & COPI_MSG_URGENT));
    if (counted &&
        atomic_load_explicit(&a->bounded, memory_order_relaxed) >
            a->mailbox_max &&
        over_limit(a)) {
        *why = copi_reason_limit("mailbox");
        return true;
    }
    if (COPI_UNLIKELY(a->limited) && copi_heap_is_over(a, 0)) {
        *why = copi_reason_limit("memory");
        return true;
    }
    return false;
}

bool copi_signal_act(struct copi_actor *a, struct cop_msg *m, cop_reason *why)
{
    switch ((enum copi_signal)m->kind) {
    case COPI_SIG_MESSAGE:
        return act_message(a, m, why);
    case COPI_SIG_EXIT:
        return act_exit(a, m, why);
    case COPI_SIG_LINK_EXIT:
        return act_link_exit(a, m, why);
    case COPI_SIG_LINK:
        act_link(a, m);
        break;
    case COPI_SIG_UNLINK:
        act_unlink(a, m);
        break;
    case COPI_SIG_UNLINK_ACK:
        act_unlink_ack(a, m);
        break;
    case COPI_SIG_MONITOR:
        m->kind = COPI_SIG_DOWN;
        copi_watch_add(a, (struct copi_watch *)(void *)m);
        break;
    case COPI_SIG_DEMONITOR:
        act_demonitor(a, m);
        break;
    case COPI_SIG_DOWN:
        act_down(a, m);
        break;
    case COPI_SIG_ALIVE:
    case COPI_SIG_ALIVE_ACK:
        act_alive(a, m);
        break;
    }
    return false;
}

/* --------------------------------------------------------------- dying -- */

void copi_signal_refuse(struct copi_actor *a, struct cop_msg *m)
{
    cop_reason unused = COP_NORMAL;
    switch ((enum copi_signal)m->kind) {
    case COPI_SIG_LINK_EXIT: {
        struct copi_link *l = copi_link_find(a, m->sender);
        if (l != NULL && l->unlinking == 0)
            drop_link(a, l);
        copi_msg_release(m);
        break;
    }
    case COPI_SIG_MONITOR:
        /* not answered at once: its demonitor signal may follow, and would
         * find the watch gone */
        ((struct copi_watch *)(void *)m)->came_late = true;
        copi_signal_act(a, m, &unused);
        break;
    case COPI_SIG_UNLINK:
    case COPI_SIG_UNLINK_ACK:
    case COPI_SIG_DEMONITOR:
        copi_signal_act(a, m, &unused);
        break;
    case COPI_SIG_DOWN: {
        struct copi_monitor *mon = copi_monitor_find(a, m->ref);
        if (mon != NULL) {
            copi_monitor_remove(a, mon);
            copi_msg_release(&mon->demonitor);
        } else {
            (void)copi_kept_down(a, m); /* no call is under way */
        }
        copi_msg_release(m);
        break;
    }
    default:
        answer_for_dead(m, a->pid, COP_DEAD_EXITED);
    }
}

static void tell_link(struct copi_actor *a, struct copi_link *l)
{
    if (l->unlinking != 0) {
        copi_msg_release(&l->exit);
        return;
    }
    l->exit.sender = a->pid;
    l->exit.reason = cop_reason_retain(a->reason);
    copi_signal_send(copi_link_peer(l), &l->exit);
}

static void tell_watcher(struct copi_actor *a, struct copi_watch *w)
{
    cop_pid watcher = w->down.sender;
    w->down.sender = a->pid;
    w->down.reason = w->came_late ? COP_NOPROC : cop_reason_retain(a->reason);
    copi_signal_send(watcher, &w->down);
}

void copi_signal_tell_of_death(struct copi_actor *a)
{
    struct copi_link *l;
    struct copi_watch *w;
    struct copi_monitor *m;
    while (!copi_ordmap_is_empty(&a->links) && (l = copi_link_pop(a)) != NULL)
        tell_link(a, l);
    while (a->watches != NULL && (w = copi_watch_pop(a)) != NULL)
        tell_watcher(a, w);
    while (!copi_ordmap_is_empty(&a->monitors) &&
           (m = copi_monitor_pop(a)) != NULL)
        send_demonitor(a, m);
    if ((m = copi_kept_swap(a, NULL, COP_NO_REF)) != NULL)
        send_demonitor(a, m);
}
