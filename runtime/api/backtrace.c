/* SPDX-License-Identifier: MIT
 *
 * backtrace.c - where an actor that waits is. Rank: 5.
 *
 * The stack of an actor may be read by nobody while a worker might run it.
 * That it waits is no protection, as a message may wake it at any moment. So
 * the reader does what a sender does, it unparks the mailbox: whoever succeeds
 * in that is the one who must see to it that the actor runs again, and until
 * then nobody else touches it. Afterwards it is parked anew; if something came
 * meanwhile, which found it awake and so did not wake it, it is made runnable.
 *
 * An actor that is running, in a queue, preempted, or waiting for a helper
 * thread is not parked, and has no backtrace.
 */
#include "runtime/actor/driver.h"
#include "runtime/actor/mailbox.h"
#include "runtime/actor/misuse.h"
#include "runtime/actor/table.h"
#include "runtime/api/report.h"
#include "runtime/api/scope.h"
#include "runtime/coroutine/frames.h"
#include "runtime/probe/symbol.h"
#include "runtime/scheduler/hibernate.h"
#include "runtime/scheduler/wait.h"
#include "runtime/scheduler/worker.h"

unsigned copi_backtrace_parked(struct copi_actor *a, uintptr_t *frames,
                               unsigned cap, bool *woken)
{
    struct copi_regs r;
    unsigned n = 0;
    *woken = false;
    if (!copi_mailbox_unpark(a))
        return 0;
    struct copi_carrier *c = a->carrier;
    if (c != NULL && cap > 1) {
        copi_hibernate_show(c);
        copi_ctx_read(&c->coro.ctx, &r);
        n = copi_frames_follow(&c->coro.stack, &r, true, COPI_FRAMES_THOROUGH,
                               frames, cap);
    }
    *woken = !copi_wait_commit(a);
    return n;
}

int cop_backtrace(cop_pid pid, uintptr_t *frames, size_t cap)
{
    struct copi_scope s;
    bool woken = false;
    if (frames == NULL || cap < 2)
        return COP_EINVAL;
    if (!copi_scope_enter(&s))
        return COP_ESTOPPED;
    struct copi_actor *a = copi_table_find(pid);
    int rc = a == NULL || a->is_guest ? COP_ENOPROC
             : a == s.self            ? COP_EINVAL
                                      : 0;
    if (rc == 0)
        rc = (int)copi_backtrace_parked(
            a, frames, (unsigned)COPI_MIN(cap, (size_t)INT_MAX), &woken);
    if (woken)
        copi_driver.ready(a);
    copi_scope_leave(&s);
    return rc;
}

char *cop_symbol_str(uintptr_t address, bool is_return, char *buf, size_t size)
{
    if (buf == NULL && size > 0)
        copi_misuse("cop_symbol_str: buf is NULL");
    if (!copi_report_may_go_deep())
        return cop_symbol_name(address, is_return, buf, size);
    return copi_symbol_str(address, is_return, true, buf, size);
}

char *cop_symbol_name(uintptr_t address, bool is_return, char *buf, size_t size)
{
    struct copi_scope s;
    if (buf == NULL && size > 0)
        copi_misuse("cop_symbol_name: buf is NULL");
    /* as in report_text.c */
    bool inside = !copi_report_may_go_deep() && copi_scope_enter(&s);
    copi_symbol_str(address, is_return, false, buf, size);
    if (inside)
        copi_scope_leave(&s);
    return buf;
}
