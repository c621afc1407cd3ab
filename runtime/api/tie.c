/* SPDX-License-Identifier: MIT
 *
 * tie.c - links, monitors, aliases, exit signals. Rank: 5.
 */
#include <coppice/actor.h>

#include "runtime/actor/away.h"
#include "runtime/actor/mailbox.h"
#include "runtime/actor/misuse.h"
#include "runtime/actor/monitor.h"
#include "runtime/actor/name.h"
#include "runtime/actor/signal.h"
#include "runtime/actor/table.h"
#include "runtime/actor/tie.h"
#include "runtime/api/scope.h"
#include "runtime/memory/slab.h"
#include "runtime/scheduler/exit.h"
#include "runtime/scheduler/wait.h"

/* Links of an isolated actor are its proxy's. */
static int ask_of_link(enum copi_ask what, const struct copi_actor *a,
                       cop_pid to)
{
    return to.id == a->pid.id ? 0 : copi_away.ask(what, to, NULL, NULL);
}

int cop_link(cop_pid to)
{
    struct copi_scope s;
    struct copi_actor *a = copi_scope_actor(&s, "cop_link");
    /* As in OTP: who is known to be dead ends the caller here, in its own
     * code; who dies meanwhile does so by its exit signal. */
    bool is_dead =
        copi_table_find(to) == NULL && !a->trap_exit && !copi_is_away();
    int rc = is_dead          ? 0
             : copi_is_away() ? ask_of_link(COPI_ASK_LINK, a, to)
                              : copi_tie_link(a, to);
    copi_scope_leave(&s);
    if (is_dead)
        cop_exit(COP_NOPROC);
    return rc;
}

int cop_unlink(cop_pid to)
{
    struct copi_scope s;
    struct copi_actor *a = copi_scope_actor(&s, "cop_unlink");
    int rc = copi_is_away() ? ask_of_link(COPI_ASK_UNLINK, a, to)
                            : copi_tie_unlink(a, to);
    copi_scope_leave(&s);
    return rc;
}

static bool is_mode(int mode)
{
    mode &= ~COP_ALIAS_PRIORITY;
    return mode >= COP_ALIAS_NONE && mode <= COP_ALIAS_REPLY;
}

static int monitor(const char *call, cop_ref *out, cop_pid to, const char *name,
                   int mode)
{
    struct copi_scope s;
    struct copi_actor *a = copi_scope_actor(&s, call);
    int rc = COP_EINVAL;
    if (out == NULL || !is_mode(mode))
        goto out;
    cop_ref ref = copi_ref_new(false);
    if (to.id == a->pid.id) { /* as in OTP: no monitor, and so no alias */
        *out = ref;
        rc = 0;
        goto out;
    }
    bool alias = (mode & ~COP_ALIAS_PRIORITY) != COP_ALIAS_NONE;
    rc = alias ? copi_alias_add(a, ref, mode) : 0;
    if (rc != 0)
        goto out;
    copi_inbox_mark(a, ref);
    rc = copi_tie_monitor(a, to, ref, name);
    if (rc != 0 && alias)
        copi_alias_remove(a, ref);
    else if (rc == 0)
        *out = ref;
out:
    copi_scope_leave(&s);
    return rc;
}

int cop_monitor(cop_ref *out, cop_pid to)
{
    return monitor("cop_monitor", out, to, NULL, COP_ALIAS_NONE);
}

static int monitor_name(const char *call, cop_ref *out, const char *name,
                        int mode)
{
    if (name == NULL)
        return COP_EINVAL;
    return monitor(call, out, cop_whereis(name), name, mode);
}

int cop_monitor_name(cop_ref *out, const char *name)
{
    return monitor_name("cop_monitor_name", out, name, COP_ALIAS_NONE);
}

int cop_monitor_name_alias(cop_ref *out, const char *name, int alias_mode)
{
    return monitor_name("cop_monitor_name_alias", out, name, alias_mode);
}

int cop_monitor_alias(cop_ref *out, cop_pid to, int alias_mode)
{
    return monitor("cop_monitor_alias", out, to, NULL, alias_mode);
}

bool cop_demonitor(cop_ref ref, bool flush)
{
    struct copi_scope s;
    struct copi_actor *a = copi_scope_actor(&s, "cop_demonitor");
    bool was = copi_tie_demonitor(a, ref);
    if (flush)
        copi_tie_flush(a, ref);
    copi_scope_leave(&s);
    return was;
}

int cop_alias_new(cop_alias *out, int alias_mode)
{
    struct copi_scope s;
    struct copi_actor *a = copi_scope_actor(&s, "cop_alias_new");
    int rc = COP_EINVAL;
    if (out != NULL && is_mode(alias_mode)) {
        *out = COP_LITERAL(cop_alias){a->pid, copi_ref_new(false)};
        if ((alias_mode & ~COP_ALIAS_PRIORITY) == COP_ALIAS_NONE)
            alias_mode |= COP_ALIAS_EXPLICIT;
        copi_inbox_mark(a, out->ref);
        rc = copi_alias_add(a, out->ref, alias_mode);
    }
    copi_scope_leave(&s);
    return rc;
}

bool cop_unalias(cop_ref ref)
{
    struct copi_scope s;
    struct copi_actor *a = copi_scope_actor(&s, "cop_unalias");
    bool was = copi_alias_remove(a, ref);
    copi_scope_leave(&s);
    return was;
}

cop_ref cop_ref_new(void)
{
    struct copi_scope s;
    if (!copi_scope_enter(&s))
        return copi_ref_new(false);
    cop_ref ref = copi_ref_new(false);
    if (s.self != NULL && !s.outside)
        copi_inbox_mark(s.self, ref);
    copi_scope_leave(&s);
    return ref;
}

/* --------------------------------------------------------------- ending -- */

void cop_exit(cop_reason reason)
{
    struct copi_scope s;
    copi_exit_now(copi_scope_actor_late(&s, "cop_exit"), reason);
}

int cop_exit_signal(cop_pid to, cop_reason reason)
{
    struct copi_scope s;
    if (!copi_scope_enter_late(&s)) {
        cop_reason_release(reason);
        return COP_ESTOPPED;
    }
    struct cop_msg *m = copi_msg_alloc(COPI_SIG_EXIT, 0, 0);
    if (m != NULL) {
        m->sender = s.self != NULL ? s.self->pid : COP_NO_PID;
        m->reason = reason;
        copi_signal_send(to, m);
        /* one's own signal is acted on before this returns, as in OTP */
        if (s.self != NULL && !s.outside && s.self->pid.id == to.id)
            copi_signals_take(s.self);
    } else {
        cop_reason_release(reason);
    }
    copi_scope_leave(&s);
    return m != NULL ? 0 : COP_ENOMEM;
}

bool cop_trap_exit(bool on)
{
    struct copi_scope s;
    struct copi_actor *a = copi_scope_actor(&s, "cop_trap_exit");
    if (copi_is_away() && on != a->trap_exit)
        copi_away.ask(COPI_ASK_TRAP, (cop_pid){on}, NULL, NULL);
    copi_signals_take(a); /* what came before is judged as it was */
    bool was = a->trap_exit;
    a->trap_exit = on;
    copi_scope_leave(&s);
    return was;
}

int cop_defer(void (*fn)(void *), void *arg)
{
    struct copi_scope s;
    struct copi_actor *a = copi_scope_actor_late(&s, "cop_defer");
    int rc = fn != NULL ? copi_defer_push(a, fn, arg, false) : COP_EINVAL;
    copi_scope_leave(&s);
    return rc;
}

bool cop_undefer(void (*fn)(void *), void *arg)
{
    struct copi_scope s;
    struct copi_actor *a = copi_scope_actor(&s, "cop_undefer");
    bool was = copi_defer_remove(a, fn, arg);
    copi_scope_leave(&s);
    return was;
}
