/* SPDX-License-Identifier: MIT
 *
 * sysmon.c - watching for turns that last too long. Rank: 4.
 *
 * Why a thread of its own: everything else here happens between turns, and
 * this is about a turn that does not end. Every half slice it looks at each
 * worker's turn number. The same odd number for a slice means a hog:
 *
 *   - it is asked to yield: its next call into the runtime ends the turn;
 *   - its run_next may be stolen, and a sleeping worker is woken for that;
 *   - if its thread has computed for a slice, it is preempted by a signal
 *     (preempt.c), and again and again;
 *   - if its thread waits in a system call, or four slices of that were in vain
 *     (in a library there is no preemption), and nobody is asleep, or something
 *     is waiting that only this worker may run, the worker is handed over to a
 *     spare thread (machine.c).
 *
 * It also fires timers that are overdue because their worker is in such a
 * turn.
 *
 * While all workers sleep there is nothing to watch: after some looks in vain
 * sysmon sleeps as well, without limit, until a worker wakes and says so (or,
 * where that was asked for, until there are stacks to put away: hibernate.c).
 * Thus an idle program uses no processor time at all.
 */
#include "runtime/scheduler/sysmon.h"

#include "runtime/base/check.h"
#include "runtime/base/clock.h"
#include "runtime/base/os.h"
#include "runtime/memory/mem.h"
#include "runtime/probe/trace.h"
#include "runtime/scheduler/hibernate.h"
#include "runtime/scheduler/idle.h"
#include "runtime/scheduler/machine.h"
#include "runtime/scheduler/preempt.h"
#include "runtime/scheduler/timers.h"

enum { IDLE_LOOKS = 10 };
/* Slices of processor time after which preempting has not helped. */
enum { IN_VAIN_AFTER = 4 };

struct watched {
    uint64_t turn;
    cop_time since;
    cop_time cpu; /* of its thread then; -1: not known */
};

static struct copi_thread thread;
static struct watched *watched;
static _Atomic uint32_t quit;
/* The futex: 1 while sysmon sleeps for good. */
static _Atomic uint32_t sleeping;

void copi_sysmon_notice(void)
{
    /* seq_cst: the worker's bit in idle.c was taken before; pairs with
     * sleep_for_good */
    if (atomic_load(&sleeping) != 0 && atomic_exchange(&sleeping, 0) != 0)
        copi_os_futex_wake(&sleeping, 1);
}

static void sleep_for_good(void)
{
    atomic_store(&sleeping, 1);
    while (copi_idle_all_asleep() && atomic_load(&quit) == 0 &&
           atomic_load(&sleeping) != 0) {
        cop_time left = copi_hibernate_due(copi_clock_real());
        if (left == 0)
            break;
        copi_os_futex_wait(&sleeping, 1, left);
    }
    atomic_store(&sleeping, 0);
}

static bool only_it_can_run_something(const struct copi_worker *w)
{
    return atomic_load(&w->inbox.count) > 0;
}

static bool work_waits(const struct copi_worker *w)
{
    size_t n = atomic_load(&copi_rt.inject_count);
    for (unsigned i = 0; i < COPI_PRIORITIES; i++)
        n += copi_ring_count(&w->ring[i]);
    return n > 0 || atomic_load(&w->run_next) != NULL ||
           only_it_can_run_something(w);
}

/* An actor that computes: its thread has used processor time, not only had
 * its turn for long (on a busy machine it may wait for a core). */
static bool is_computing(struct copi_worker *w, const struct watched *s,
                         cop_time *burnt)
{
    cop_time cpu = copi_machine_cpu_ns(w);
    *burnt = cpu < 0 || s->cpu < 0 ? 0 : cpu - s->cpu;
    return *burnt >= copi_rt.config.slice_ns || copi_machine_is_running(w);
}

static void deal_with_hog(struct copi_worker *w, const struct watched *s,
                          cop_time now)
{
    cop_time slice = copi_rt.config.slice_ns;
    cop_time burnt = 0;
    bool waits = work_waits(w);
    if (atomic_exchange(&w->ask, 1) == 0)
        copi_trace(COP_TRACE_HOG, COP_NO_PID, COP_NO_PID, w->index);
    if (waits)
        atomic_store(&w->stalled, 1);
    bool is_mendable = copi_preempt_is_possible() &&
                       is_computing(w, s, &burnt) &&
                       burnt < IN_VAIN_AFTER * slice;
    if (burnt >= slice)
        copi_machine_preempt(w, s->turn);
    if (waits && copi_idle_count_asleep() > 0 && !only_it_can_run_something(w))
        copi_idle_notify();
    else if (waits && !is_mendable)
        copi_machine_hand_over(w, s->turn,
                               now - s->since > IN_VAIN_AFTER * slice);
}

/* True: there was a turn since the last look. */
static bool look_at(struct copi_worker *w, struct watched *s, cop_time now)
{
    /* acquire: pairs with the release in turn.c */
    uint64_t turn = atomic_load_explicit(&w->turn, memory_order_acquire);
    uint64_t before = s->turn;
    if (turn != before) {
        s->turn = turn;
        s->since = now;
        s->cpu = turn % 2 == 1 ? copi_machine_cpu_ns(w) : -1;
        atomic_store_explicit(&w->since, now, memory_order_relaxed);
    } else if (turn % 2 == 1 && now - s->since > copi_rt.config.slice_ns) {
        deal_with_hog(w, s, now);
        return false;
    }
    return turn != before;
}

static void fire_overdue(void)
{
    cop_time late = copi_rt.config.slice_ns / 2;
    if (copi_rt.config.virtual_time ||
        copi_timers_next_of_all() > copi_clock_now() - late)
        return;
    unsigned section = copi_epoch_guest_enter();
    copi_timers_expire_all(copi_clock_now());
    copi_epoch_guest_leave(section);
}

static void sysmon_main(void *unused)
{
    (void)unused;
    unsigned idle = 0;
    cop_time tick = COPI_MAX(copi_rt.config.slice_ns / 2, COP_MS / 2);
    while (atomic_load(&quit) == 0) {
        copi_os_futex_wait(&quit, 0, tick);
        cop_time now = copi_clock_real();
        bool turns = false;
        for (unsigned i = 0; i < copi_rt.workers; i++)
            turns |= look_at(&copi_rt.worker[i], &watched[i], now);
        fire_overdue();
        copi_hibernate_look(now, turns);
        idle = copi_idle_all_asleep() ? idle + 1 : 0;
        if (idle >= IDLE_LOOKS) {
            sleep_for_good();
            idle = 0;
        }
    }
}

int copi_sysmon_start(void)
{
    copi_hibernate_init();
    watched = copi_mem_zalloc(copi_rt.workers * sizeof *watched);
    if (watched == NULL)
        return COP_ENOMEM;
    atomic_store(&quit, 0);
    int rc = copi_os_thread_start(&thread, "cop-sysmon", 0, sysmon_main, NULL);
    if (rc != 0)
        copi_mem_free(watched, copi_rt.workers * sizeof *watched);
    return rc;
}

void copi_sysmon_stop(void)
{
    atomic_store(&quit, 1);
    copi_os_futex_wake(&quit, 1);
    copi_sysmon_notice();
    copi_os_thread_join(&thread);
    copi_mem_free(watched, copi_rt.workers * sizeof *watched);
}
