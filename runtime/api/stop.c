/* SPDX-License-Identifier: MIT
 *
 * stop.c - stopping the runtime, with what is owed to each actor. Rank: 5.
 *
 *   0. From now on other threads may not spawn.
 *   1. The actors without a parent get the exit signal `shutdown`, newest
 *      first: supervisors among them take their trees down in order.
 *   2. When these are gone, so do all that are left: orphans.
 *   3. At the deadline those that still live are reported, and killed.
 *   4. The gate is closed: no thread gets in any more; those inside leave
 *      (their calls end, as every callee is dead). Whom they have spawned
 *      since 3 looked is killed.
 *   5. Threads end, memory is freed.
 *
 * An actor that never comes back to the runtime cannot be ended. Then the stop
 * fails with COP_ESTUCK after GRACE: what it uses must stay.
 */
#include <coppice/chaos.h>

#include "runtime/actor/counters.h"
#include "runtime/actor/name.h"
#include "runtime/actor/signal.h"
#include "runtime/api/inspect.h"
#include "runtime/api/scope.h"
#include "runtime/api/start.h"
#include "runtime/base/check.h"
#include "runtime/base/clock.h"
#include "runtime/base/os.h"
#include "runtime/memory/mem.h"
#include "runtime/scheduler/epoch.h"

#define GRACE (2 * COP_SEC)
#define RETRY (10 * COP_MS) /* without memory */
/* For threads whose actors have all ended: only the system can hold them up. */
#define JOIN_GRACE (60 * COP_SEC)

/* False: no memory. */
static bool signal_one(cop_pid pid, cop_reason reason)
{
    struct cop_msg *m = copi_msg_alloc(COPI_SIG_EXIT, 0, 0);
    if (m == NULL && reason.word == COP_R_KILL)
        m = copi_msg_reserve(COPI_SIG_EXIT);
    if (m == NULL)
        return false;
    m->sender = COP_PID_INIT;
    m->reason = reason;
    copi_signal_send(pid, m);
    return true;
}

static void kill_everybody(void)
{
    unsigned section = copi_epoch_guest_enter();
    for (uint32_t i = 0; i < copi_table_limit(); i++) {
        struct copi_actor *a = copi_table_at(i);
        if (a != NULL && !a->is_guest)
            (void)signal_one(a->pid, COP_KILL); /* kill_all tries again */
    }
    copi_epoch_guest_leave(section);
}

/* False: it is still to be asked. Only the thread that stops asks. */
static bool ask(struct copi_actor *a)
{
    if (a == NULL || a->is_guest || atomic_load(&a->asked_to_stop) != 0)
        return true;
    if (!signal_one(a->pid, COP_SHUTDOWN))
        return false;
    atomic_store(&a->asked_to_stop, 1);
    return true;
}

/* Sends `shutdown` to the roots, or to all, that have not had it, newest
 * first; without memory for a list, in any order. Those that the list missed,
 * as they were being spawned, get it the next time. False: so do some for whom
 * there was no memory. */
static bool ask_those_left(bool roots)
{
    bool all = true;
    unsigned section = copi_epoch_guest_enter();
    size_t cap = copi_inspect_list(NULL, 0, roots);
    cop_pid *pid = copi_mem_alloc(cap * sizeof *pid);
    size_t n = pid != NULL ? copi_inspect_list(pid, cap, roots) : 0;
    for (size_t i = COPI_MIN(n, cap); i-- > 0;)
        all = ask(copi_table_find(pid[i])) && all;
    for (uint32_t i = 0; pid == NULL && i < copi_table_limit(); i++) {
        struct copi_actor *a = copi_table_at(i);
        if (a != NULL && (!roots || a->parent.id == COP_PID_INIT.id))
            all = ask(a) && all;
    }
    copi_mem_free(pid, cap * sizeof *pid);
    copi_epoch_guest_leave(section);
    return all;
}

/* spawned - exited, in an order that errs on the high side. */
static uint64_t count_live(void)
{
    uint64_t exited = 0, spawned = 0;
    for (unsigned i = 0; i < copi_rt.workers; i++)
        exited += atomic_load(&copi_rt.worker[i].counters.exited);
    exited += atomic_load(&copi_counters_outside.exited);
    for (unsigned i = 0; i < copi_rt.workers; i++)
        spawned += atomic_load(&copi_rt.worker[i].counters.spawned);
    spawned += atomic_load(&copi_counters_outside.spawned);
    return spawned - exited;
}

static bool any_live(bool roots)
{
    if (!roots)
        return count_live() > 0;
    unsigned section = copi_epoch_guest_enter();
    size_t n = copi_inspect_list(NULL, 0, true);
    copi_epoch_guest_leave(section);
    return n > 0;
}

/* Waits for the next death until the deadline; false: it has passed. */
static bool wait_for_death(uint32_t seen, cop_time deadline)
{
    cop_time left = deadline - copi_clock_real();
    if (left > 0)
        copi_os_futex_wait(&copi_rt.deaths, seen, left);
    return left > 0;
}

/* Asks until none is left; false: the deadline has passed. */
static bool end_by_asking(bool roots, cop_time deadline)
{
    for (;;) {
        uint32_t seen = atomic_load(&copi_rt.deaths);
        if (!any_live(roots))
            return true;
        cop_time until = deadline;
        cop_time soon = copi_clock_real() + RETRY;
        if (!ask_those_left(roots) && soon < deadline)
            until = soon;
        if (!wait_for_death(seen, until) && until == deadline)
            return false;
    }
}

/* Waits until no actor is left; false: the deadline has passed. */
static bool wait_for_ends(cop_time deadline)
{
    for (;;) {
        uint32_t seen = atomic_load(&copi_rt.deaths);
        if (count_live() == 0)
            return true;
        if (!wait_for_death(seen, deadline))
            return false;
    }
}

static void describe(struct copi_actor *a, char *buf, size_t size)
{
    char pid[COP_PID_TEXT];
    char name[COP_NAME_MAX + 1];
    copi_name_of(a, name);
    const char *label = a->label != NULL ? a->label : "-";
    snprintf(buf, size, "%s %s %s: %s, waits for: %s, %u messages\n",
             cop_pid_str(a->pid, pid, sizeof pid), name[0] != '\0' ? name : "-",
             label, cop_status_str((cop_status)atomic_load(&a->status)),
             cop_wait_str((cop_wait)atomic_load(&a->wait)),
             (unsigned)atomic_load(&a->inbox_count));
}

static void report_left(cop_stop_report *r)
{
    size_t used = 0;
    unsigned section = copi_epoch_guest_enter();
    for (uint32_t i = 0; i < copi_table_limit(); i++) {
        struct copi_actor *a = copi_table_at(i);
        if (a == NULL || a->is_guest)
            continue;
        char line[512];
        describe(a, line, sizeof line);
        r->left++;
        if (used + strlen(line) < sizeof r->text) {
            memcpy(r->text + used, line, strlen(line) + 1);
            used += strlen(line);
        }
    }
    copi_epoch_guest_leave(section);
}

/* Kills, again and again as actors may still be spawning; false: some never
 * end. */
static bool kill_all(cop_stop_report *r)
{
    cop_time deadline = copi_clock_real() + GRACE;
    atomic_store(&copi_rt.no_spawns, 1);
    do {
        kill_everybody();
        if (wait_for_ends(copi_clock_real() + 20 * COP_MS))
            return true;
    } while (copi_clock_real() < deadline);
    r->stuck = count_live();
    return false;
}

/* False: some never end. */
static bool end_actors(cop_time deadline, cop_stop_report *r)
{
    if (end_by_asking(true, deadline) && end_by_asking(false, deadline))
        return true;
    report_left(r);
    return kill_all(r);
}

static bool close_gate(cop_stop_report *r)
{
    atomic_store(&copi_rt.no_spawns, 1);
    /* seq_cst: pairs with enter_outside in scope.c */
    atomic_store(&copi_rt.state, COPI_RT_CLOSED);
    while (atomic_load(&copi_rt.gate) != 0) {
        /* a thread inside may wait for one that another has just spawned */
        if (count_live() != 0 && !kill_all(r))
            return false;
        copi_os_yield();
    }
    return count_live() == 0 || kill_all(r);
}

int cop_stop(cop_time deadline, cop_stop_report *report)
{
    cop_stop_report own;
    cop_stop_report *r = report != NULL ? report : &own;
    int running = COPI_RT_RUNNING;
    memset(r, 0, sizeof *r);
    if (copi_here()->native != NULL)
        return COP_EINVAL;
    if (!atomic_compare_exchange_strong(&copi_rt.state, &running,
                                        COPI_RT_STOPPING))
        return COP_ESTOPPED;
    (void)cop_chaos_off(); /* nothing shall hinder the ends */
    /* in virtual time the deadline's distance is what counts */
    cop_time left =
        deadline == COP_FOREVER ? COP_FOREVER : deadline - copi_clock_now();
    cop_time now = copi_clock_real();
    cop_time until = left > COP_FOREVER - now ? COP_FOREVER : now + left;
    atomic_store(&copi_rt.death_watch, 1);
    bool ended = end_actors(until, r) && close_gate(r);
    atomic_store(&copi_rt.death_watch, 0);
    ended = ended && copi_runtime_unmake(copi_clock_real() + JOIN_GRACE);
    atomic_store(&copi_rt.state, ended ? COPI_RT_OFF : COPI_RT_STUCK);
    return ended ? 0 : COP_ESTUCK;
}
