/* SPDX-License-Identifier: MIT
 *
 * tie.c - links and monitors are made and ended. Rank: 3.
 */
#include "runtime/actor/tie.h"

#include "runtime/actor/here.h"
#include "runtime/actor/kept.h"
#include "runtime/actor/link.h"
#include "runtime/actor/mailbox.h"
#include "runtime/actor/monitor.h"
#include "runtime/actor/signal.h"
#include "runtime/base/check.h"

/* Sends the peer its entry. */
static void send_link(struct copi_actor *a, cop_pid to,
                      struct copi_link *theirs)
{
    theirs->exit.kind = COPI_SIG_LINK;
    theirs->exit.sender = a->pid;
    copi_signal_send(to, &theirs->exit);
}

int copi_tie_link(struct copi_actor *a, cop_pid to)
{
    struct copi_link *mine = copi_link_find(a, to);
    if (to.id == a->pid.id || (mine != NULL && mine->unlinking == 0))
        return 0;
    struct copi_link *theirs = copi_link_new(a->pid);
    if (theirs == NULL)
        return COP_ENOMEM;
    if (mine != NULL) { /* the peer has yet to acknowledge an unlink */
        mine->unlinking = 0;
        send_link(a, to, theirs);
        return 0;
    }
    mine = copi_link_new(to);
    if (mine == NULL) {
        copi_msg_release(&theirs->exit);
        return COP_ENOMEM;
    }
    copi_link_add(a, mine);
    send_link(a, to, theirs);
    return 0;
}

int copi_tie_unlink(struct copi_actor *a, cop_pid to)
{
    struct copi_link *l = copi_link_find(a, to);
    if (l == NULL || l->unlinking != 0)
        return 0;
    struct cop_msg *m = copi_msg_alloc(COPI_SIG_UNLINK, 0, 0);
    if (m == NULL)
        return COP_ENOMEM;
    m->sender = a->pid;
    m->ref = copi_ref_new(false);
    l->unlinking = m->ref.id;
    copi_signal_send(to, m);
    return 0;
}

int copi_tie_monitor(struct copi_actor *a, cop_pid to, cop_ref ref,
                     const char *name)
{
    struct copi_monitor *m;
    int rc = copi_monitor_new(&m, a->pid, to, ref, name);
    if (rc != 0)
        return rc;
    copi_monitor_add(a, m);
    copi_signal_send(to, &m->watch->down);
    return 0;
}

static void send_demonitor(struct copi_actor *a, struct copi_monitor *m)
{
    m->demonitor.sender = a->pid;
    copi_signal_send(m->target, &m->demonitor);
}

bool copi_tie_demonitor(struct copi_actor *a, cop_ref ref)
{
    struct copi_monitor *m = copi_monitor_find(a, ref);
    if (m == NULL)
        return false;
    copi_monitor_remove(a, m);
    copi_alias_end_of_monitor(a, ref);
    send_demonitor(a, m);
    return true;
}

static bool keep_monitor(struct copi_actor *a, cop_pid to, cop_ref ref)
{
    struct copi_monitor *m;
    if (copi_monitor_new(&m, a->pid, to, copi_ref_new(false), NULL) != 0)
        return false;
    m->watch->quiet = true;
    struct copi_monitor *old = copi_kept_swap(a, m, ref);
    if (old != NULL)
        send_demonitor(a, old);
    copi_signal_send(to, &m->watch->down);
    return true;
}

bool copi_tie_rely(struct copi_actor *a, cop_pid to, cop_ref ref)
{
    bool again;
    return copi_kept_begin(a, to, ref, &again) ||
           (again && keep_monitor(a, to, ref));
}

void copi_tie_rely_no_more(struct copi_actor *a)
{
    struct copi_monitor *m = copi_kept_swap(a, NULL, COP_NO_REF);
    if (m != NULL)
        send_demonitor(a, m);
}

void copi_tie_flush(struct copi_actor *a, cop_ref ref)
{
    struct cop_msg *prev = copi_inbox_marked(a, ref);
    struct cop_msg *m = prev != NULL ? copi_inbox_after(prev) : a->inbox;
    while (m != NULL && !(m->tag == COP_DOWN && m->ref.id == ref.id)) {
        prev = m;
        m = copi_inbox_after(m);
    }
    if (m == NULL)
        return;
    copi_inbox_take(a, prev, m);
    copi_msg_release(m);
}

int copi_tie_link_new(struct copi_actor *a, struct copi_actor *fresh)
{
    struct copi_link *mine = copi_link_new(fresh->pid);
    struct copi_link *theirs = copi_link_new(a->pid);
    if (mine == NULL || theirs == NULL) {
        if (mine != NULL)
            copi_msg_release(&mine->exit);
        if (theirs != NULL)
            copi_msg_release(&theirs->exit);
        return COP_ENOMEM;
    }
    copi_link_add(a, mine);
    copi_link_add(fresh, theirs);
    return 0;
}

int copi_tie_monitor_new(struct copi_actor *a, struct copi_actor *fresh,
                         cop_ref ref)
{
    struct copi_monitor *m;
    int rc = copi_monitor_new(&m, a->pid, fresh->pid, ref, NULL);
    if (rc != 0)
        return rc;
    m->watch->down.kind = COPI_SIG_DOWN;
    copi_monitor_add(a, m);
    copi_watch_add(fresh, m->watch);
    return 0;
}

void copi_tie_undo_new(struct copi_actor *a, struct copi_actor *fresh,
                       cop_ref ref)
{
    struct copi_link *theirs = copi_link_pop(fresh);
    struct copi_watch *watch = copi_watch_pop(fresh);
    if (theirs != NULL) {
        struct copi_link *mine = copi_link_find(a, fresh->pid);
        copi_link_remove(a, mine);
        copi_msg_release(&mine->exit);
        copi_msg_release(&theirs->exit);
    }
    if (watch != NULL) {
        struct copi_monitor *m = copi_monitor_find(a, ref);
        copi_monitor_remove(a, m);
        copi_msg_release(&m->demonitor);
        copi_msg_release(&watch->down);
    }
}
