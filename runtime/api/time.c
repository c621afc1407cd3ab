/* SPDX-License-Identifier: MIT
 *
 * time.c - the clock and the timers, as programs see them. Rank: 5.
 */
#include <coppice/time.h>

#include "runtime/actor/away.h"
#include "runtime/actor/mailbox.h"
#include "runtime/actor/name.h"
#include "runtime/api/send.h"
#include "runtime/base/clock.h"
#include "runtime/scheduler/timers.h"

cop_time cop_now(void)
{
    return copi_clock_now();
}
cop_time cop_system_time(void)
{
    return copi_clock_system();
}

cop_time cop_in(cop_time duration_ns)
{
    cop_time now = copi_clock_now();
    if (duration_ns <= 0)
        return now;
    return duration_ns > COP_FOREVER - now ? COP_FOREVER : now + duration_ns;
}

static int start(cop_timer *out, cop_time delay_ns, cop_pid to,
                 const char *name, cop_tag tag, const void *body, size_t size,
                 bool stamp)
{
    struct copi_scope s;
    struct cop_msg *m;
    if (delay_ns < 0)
        return COP_EINVAL;
    if (!copi_scope_enter(&s))
        return COP_ESTOPPED;
    if (stamp && copi_is_away() &&
        (s.self == NULL || s.self->pid.id != to.id)) {
        copi_scope_leave(&s);
        return COP_ENOTSUP; /* out there its number may be another one's */
    }
    cop_timer ignored;
    int rc = copi_send_make(&m, &s, stamp ? COP_TAG_MAX : tag, body, size, 0);
    if (rc == 0) {
        if (stamp)
            m->tag = COP_TIMEOUT;
        rc = copi_timer_start(out != NULL ? out : &ignored, cop_in(delay_ns),
                              to, name, m, stamp);
        if (rc != 0)
            copi_msg_release(m);
        else if (stamp && out != NULL && s.self != NULL && !s.outside)
            copi_inbox_mark(s.self, cop_timer_ref(*out));
    }
    copi_scope_leave(&s);
    return rc;
}

int cop_send_after(cop_timer *out, cop_time delay_ns, cop_pid to, cop_tag tag,
                   const void *body, size_t size)
{
    return start(out, delay_ns, to, NULL, tag, body, size, false);
}

int cop_send_after_name(cop_timer *out, cop_time delay_ns, const char *name,
                        cop_tag tag, const void *body, size_t size)
{
    if (!copi_name_is_valid(name))
        return COP_ENAME;
    return start(out, delay_ns, COP_NO_PID, name, tag, body, size, false);
}

int cop_start_timer(cop_timer *out, cop_time delay_ns, cop_pid to,
                    const void *body, size_t size)
{
    return start(out, delay_ns, to, NULL, COP_TAG_MAX, body, size, true);
}

cop_ref cop_timer_ref(cop_timer t)
{
    return COP_LITERAL(cop_ref){t.id};
}

/* What is left until `due`, or the error code that it is. */
static cop_time left(cop_time due)
{
    if (due == COP_ENOENT)
        return due;
    cop_time n = due - copi_clock_now();
    return n > 0 ? n : 0;
}

cop_time cop_cancel_timer(cop_timer t)
{
    struct copi_scope s;
    if (!copi_scope_enter(&s))
        return COP_ENOENT;
    cop_time n = left(copi_timer_cancel(t));
    copi_scope_leave(&s);
    return n;
}

cop_time cop_read_timer(cop_timer t)
{
    struct copi_scope s;
    if (!copi_scope_enter(&s))
        return COP_ENOENT;
    cop_time n = left(copi_timer_due(t));
    copi_scope_leave(&s);
    return n;
}
