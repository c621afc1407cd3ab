/* SPDX-License-Identifier: MIT
 *
 * self.c - an actor about itself: who it is, yielding, sleeping, names.
 * Rank: 5.
 */
#include <coppice/runtime.h>
#include <coppice/time.h>

#include "runtime/actor/away.h"
#include "runtime/actor/mailbox.h"
#include "runtime/actor/misuse.h"
#include "runtime/actor/name.h"
#include "runtime/actor/signal.h"
#include "runtime/actor/table.h"
#include "runtime/api/scope.h"
#include "runtime/scheduler/blocking.h"
#include "runtime/scheduler/exit.h"
#include "runtime/scheduler/turn.h"
#include "runtime/scheduler/wait.h"

cop_pid cop_self(void)
{
    struct copi_actor *a = copi_here_actor();
    return a != NULL && !a->is_guest ? a->pid : COP_NO_PID;
}

cop_pid cop_parent(void)
{
    struct copi_scope s;
    cop_pid parent = copi_scope_actor(&s, "cop_parent")->parent;
    copi_scope_leave(&s);
    return parent;
}

void cop_set_local(void *p)
{
    struct copi_scope s;
    copi_scope_actor(&s, "cop_set_local")->local = p;
    copi_scope_leave(&s);
}

void *cop_local(void)
{
    struct copi_scope s;
    void *p = copi_scope_actor(&s, "cop_local")->local;
    copi_scope_leave(&s);
    return p;
}

void cop_yield(void)
{
    struct copi_scope s;
    struct copi_actor *a = copi_scope_actor(&s, "cop_yield");
    copi_turn_leave(a, COPI_LEAVE_YIELD);
    copi_signals_take(a);
    copi_scope_leave(&s);
}

static void sleep_until(const char *call, cop_time deadline)
{
    struct copi_scope s;
    struct copi_wait w;
    struct copi_actor *a = copi_scope_actor(&s, call);
    copi_wait_begin(&w, deadline, COP_WAIT_SLEEP);
    for (;;) {
        copi_signals_take(a);
        if (copi_wait_is_over(&w))
            break;
        copi_wait_park(a, &w);
    }
    copi_wait_end(a, &w);
    copi_scope_leave(&s);
}

void cop_sleep_until(cop_time deadline)
{
    sleep_until("cop_sleep_until", deadline);
}

void cop_sleep(cop_time duration_ns)
{
    sleep_until("cop_sleep", cop_in(duration_ns));
}

int cop_blocking(void (*fn)(void *), void *arg)
{
    struct copi_here *h = copi_here();
    if (fn == NULL)
        return COP_EINVAL;
    if (h->native == NULL || h->actor == NULL) {
        fn(arg);
        return 0;
    }
    struct copi_scope s;
    struct copi_actor *a = copi_scope_actor(&s, "cop_blocking");
    struct copi_job job = {.fn = fn, .arg = arg};
    int rc = copi_blocking_reserve();
    if (rc == 0) {
        a->carrier->job = &job;
        copi_actor_set_wait(a, COP_WAIT_BLOCKING);
        copi_turn_leave(a, COPI_LEAVE_BLOCKING);
        copi_actor_set_wait(a, COP_WAIT_NONE);
        a->carrier->job = NULL;
        copi_signals_take(a);
        if (COPI_UNLIKELY(a->own_malloc))
            copi_exit_if_over(a);
    }
    copi_scope_leave(&s);
    return rc;
}

/* ------------------------------------------------------------- is_alive -- */

/* Asks the actor itself, so that the answer comes after the caller's own
 * signals to it have been acted on. */
static bool ask(struct copi_actor *a, cop_pid pid)
{
    struct copi_wait w;
    struct copi_cold *cold = copi_cold_make(a);
    struct cop_msg *m =
        cold != NULL ? copi_msg_alloc(COPI_SIG_ALIVE, 0, 0) : NULL;
    if (m == NULL)
        return true; /* as far as one can see */
    m->sender = a->pid;
    m->ref = copi_ref_new(false);
    cold->alive_ref = m->ref.id;
    copi_signal_send(pid, m);
    copi_wait_begin(&w, COP_FOREVER, COP_WAIT_ALIVE);
    for (;;) {
        copi_signals_take(a);
        if (cold->alive_ref == 0)
            break;
        copi_wait_park(a, &w);
    }
    copi_wait_end(a, &w);
    return !cold->alive_dead;
}

bool cop_is_alive(cop_pid pid)
{
    struct copi_scope s;
    if (!copi_scope_enter(&s))
        return false;
    struct copi_actor *a = copi_table_find(pid);
    if (a == NULL && copi_is_away()) {
        bool is = copi_away.ask(COPI_ASK_ALIVE, pid, NULL, NULL) == 1;
        copi_scope_leave(&s);
        return is;
    }
    bool alive = a != NULL && !a->is_guest &&
                 atomic_load_explicit(&a->status, memory_order_relaxed) !=
                     COP_STATUS_EXITING;
    if (alive && s.self != NULL && !s.outside && s.self != a)
        alive = ask(s.self, pid);
    copi_scope_leave(&s);
    return alive;
}

/* ---------------------------------------------------------------- names -- */

int cop_register(const char *name, cop_pid pid)
{
    struct copi_scope s;
    if (name == NULL)
        return COP_EINVAL;
    if (!copi_scope_enter(&s))
        return COP_ESTOPPED;
    struct copi_actor *a = copi_table_find(pid);
    int rc = COP_ENOPROC;
    if (!copi_name_is_valid(name))
        rc = COP_ENAME;
    else if (copi_is_away())
        rc = copi_away.ask(COPI_ASK_REGISTER, pid, name, NULL);
    else if (a != NULL && !a->is_guest)
        rc = copi_name_register(a, name);
    copi_scope_leave(&s);
    return rc;
}

int cop_unregister(const char *name)
{
    struct copi_scope s;
    if (name == NULL)
        return COP_EINVAL;
    if (!copi_scope_enter(&s))
        return COP_ESTOPPED;
    int rc = copi_name_unregister(name);
    copi_scope_leave(&s);
    return rc;
}

cop_pid cop_whereis(const char *name)
{
    struct copi_scope s;
    if (name == NULL || !copi_scope_enter(&s))
        return COP_NO_PID;
    cop_pid pid = copi_name_whereis(name);
    copi_scope_leave(&s);
    return pid;
}

bool cop_is_isolated(void)
{
    return copi_is_away();
}
