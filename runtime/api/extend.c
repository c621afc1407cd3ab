/* SPDX-License-Identifier: MIT
 *
 * extend.c - the unstable doors. Rank: 5.
 */
#include <coppice/extend.h>

#include "runtime/api/scope.h"
#include "runtime/base/clock.h"
#include "runtime/memory/mem.h"
#include "runtime/probe/fault.h"
#include "runtime/probe/image.h"
#include "runtime/scheduler/blocking.h"
#include "runtime/scheduler/epoch.h"
#include "runtime/scheduler/exit.h"
#include "runtime/scheduler/idle.h"
#include "runtime/scheduler/machine.h"
#include "runtime/scheduler/timers.h"
#include "runtime/scheduler/worker.h"

/* All workers asleep means: nothing in any queue, as each looked before it
 * fell asleep, and whatever is made runnable wakes one first. Besides workers
 * only helper threads and machines that lost their worker run something. */
static bool is_quiet(void)
{
    return copi_idle_all_asleep() && copi_blocking_busy() == 0 &&
           atomic_load(&copi_rt.lost) == 0 &&
           atomic_load(&copi_rt.inject_count) == 0 && copi_idle_all_asleep();
}

int cop_ext_quiesce(cop_time timeout_ns)
{
    struct copi_scope s;
    if (copi_here()->native != NULL)
        return COP_EINVAL;
    if (!copi_scope_enter(&s))
        return COP_ESTOPPED;
    copi_scope_leave(&s); /* waiting must not hold up a stop or the epoch */
    cop_time deadline = copi_clock_real() + timeout_ns;
    while (!is_quiet()) {
        cop_time left = deadline - copi_clock_real();
        if (left <= 0)
            return COP_ETIMEDOUT;
        copi_idle_wait_quiet(COPI_MIN(left, COP_MS));
    }
    return 0;
}

int cop_ext_advance(cop_time by_ns)
{
    struct copi_scope s;
    if (by_ns < 0 || copi_here()->native != NULL)
        return COP_EINVAL;
    if (!copi_scope_enter(&s))
        return COP_ESTOPPED;
    int rc = copi_rt.config.virtual_time ? 0 : COP_EINVAL;
    if (rc == 0) {
        copi_clock_advance(by_ns);
        copi_timers_expire_all(copi_clock_now());
    }
    copi_scope_leave(&s);
    return rc;
}

void cop_ext_fail_alloc(uint64_t nth, bool sticky)
{
    copi_fault_alloc_set(nth, sticky);
}

uint64_t cop_ext_alloc_count(void)
{
    return copi_fault_alloc_count();
}

size_t cop_ext_bytes_in_use(void)
{
    return copi_mem_in_use();
}

void cop_ext_on_exit(void (*fn)(cop_pid pid, cop_reason why))
{
    copi_exit_observe(fn);
}

void cop_ext_preempt(void)
{
    struct copi_scope s;
    if (!copi_scope_enter(&s))
        return;
    copi_machines_preempt_all();
    copi_scope_leave(&s);
}

void cop_ext_migrate(void)
{
    struct copi_scope s;
    struct copi_actor *a = copi_scope_actor(&s, "cop_ext_migrate");
    atomic_store_explicit(&a->migrate, 1, memory_order_relaxed);
    copi_scope_leave(&s);
}

int cop_ext_worker(void)
{
    struct copi_scope s;
    if (!copi_scope_enter(&s))
        return -1;
    struct copi_worker *w = copi_here()->worker;
    int n = w != NULL && s.self != NULL ? (int)w->index : -1;
    copi_scope_leave(&s);
    return n;
}

bool cop_ext_is_shared(const void *address)
{
    enum { NO_ADDRESS_BELOW = 65536 };
    uintptr_t at = (uintptr_t)address;
    return at < NO_ADDRESS_BELOW || copi_image_holds(at, 1);
}
