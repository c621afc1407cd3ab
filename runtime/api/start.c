/* SPDX-License-Identifier: MIT
 *
 * start.c - starting the runtime. Rank: 5.
 *
 * Made in this order, unmade in reverse: reports, table, stacks, timers,
 * workers (their queues), helper pool, machines (the threads), sysmon. State
 * RUNNING is set last, so that no other thread gets in before all of it is
 * there.
 */
#include "runtime/api/start.h"

#include "runtime/actor/away.h"
#include "runtime/actor/name.h"
#include "runtime/actor/signal.h"
#include "runtime/api/chaos.h"
#include "runtime/api/isolated.h"
#include "runtime/api/report.h"
#include "runtime/api/scope.h"
#include "runtime/base/check.h"
#include "runtime/base/clock.h"
#include "runtime/base/os.h"
#include "runtime/memory/arena.h"
#include "runtime/memory/mem.h"
#include "runtime/memory/stack.h"
#include "runtime/probe/text.h"
#include "runtime/scheduler/blocking.h"
#include "runtime/scheduler/carrier.h"
#include "runtime/scheduler/crash.h"
#include "runtime/scheduler/idle.h"
#include "runtime/scheduler/machine.h"
#include "runtime/scheduler/preempt.h"
#include "runtime/scheduler/runq.h"
#include "runtime/scheduler/sched.h"
#include "runtime/scheduler/sysmon.h"
#include "runtime/scheduler/timers.h"
#include "runtime/scheduler/turn.h"

enum { REDUCTIONS = 2000, BLOCKING_MAX = 64, REDUCTIONS_MAX = 1 << 30 };

static struct copi_lock start_lock = COPI_LOCK_INIT(COPI_LOCK_RUNTIME);

static int take_config(const cop_config *c)
{
    static const cop_config none;
    cop_config *r = &copi_rt.config;
    *r = c != NULL ? *c : none;
    if (r->workers > COPI_WORKERS_MAX || r->reductions > REDUCTIONS_MAX ||
        r->slice_ns < 0 || r->share_ns < 0 || r->drain_ns < 0 ||
        r->hibernate_ns < 0 || r->blocking_max > 4096 ||
        r->actors_max > COPI_PID_SLOTS ||
        (unsigned)r->isolation > COP_ISOLATION_NONE)
        return COP_EINVAL;
    if (r->workers == 0)
        r->workers = COPI_MIN(copi_os_cpus(), (unsigned)COPI_WORKERS_MAX);
    if (r->reductions == 0)
        r->reductions = REDUCTIONS;
    if (r->share_ns == 0)
        r->share_ns = 200 * COP_US;
    if (r->slice_ns == 0)
        r->slice_ns = 10 * COP_MS;
    if (r->blocking_max == 0)
        r->blocking_max = BLOCKING_MAX;
    if (r->drain_ns == 0)
        r->drain_ns = 5 * COP_SEC;
    return 0;
}

static void init_worker(struct copi_worker *w, unsigned index)
{
    char stream[24];
    memset((void *)w, 0, sizeof *w);
    w->index = index;
    snprintf(stream, sizeof stream, "steal-%u", index);
    copi_prng_init(&w->prng, copi_rt.config.seed, stream);
    copi_runlist_init(&w->inbox);
    copi_runlist_init(&w->hogs);
    for (unsigned i = 0; i < COPI_PRIORITIES; i++)
        copi_ring_init(&w->ring[i], COPI_RING_SIZE);
}

static void unmake_workers(void)
{
    for (unsigned i = 0; i < copi_rt.workers; i++) {
        struct copi_worker *w = &copi_rt.worker[i];
        copi_carrier_free_warm(w);
        copi_limbo_flush(&w->limbo);
        copi_table_return_cache(&w->slots);
        copi_runlist_fini(&w->inbox);
        copi_runlist_fini(&w->hogs);
    }
    for (unsigned i = 0; i < COPI_PRIORITIES; i++)
        copi_runlist_fini(&copi_rt.inject[i]);
    copi_mem_free(copi_rt.worker, copi_rt.workers * sizeof *copi_rt.worker);
    copi_rt.worker = NULL;
    copi_rt.workers = 0;
}

static int make_workers(void)
{
    unsigned n = copi_rt.config.workers;
    copi_rt.worker =
        copi_mem_alloc_aligned(n * sizeof *copi_rt.worker, COPI_CACHE_LINE);
    if (copi_rt.worker == NULL)
        return COP_ENOMEM;
    copi_rt.workers = n;
    for (unsigned i = 0; i < n; i++)
        init_worker(&copi_rt.worker[i], i);
    for (unsigned i = 0; i < COPI_PRIORITIES; i++)
        copi_runlist_init(&copi_rt.inject[i]);
    atomic_store(&copi_rt.inject_count, 0);
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < n; i++)
        rc = copi_carrier_make_reserve(&copi_rt.worker[i]);
    if (rc != 0)
        unmake_workers();
    return rc;
}

static void stop_machines(void)
{
    atomic_store(&copi_rt.quit, 1);
    copi_idle_wake_all();
    bool ended = copi_machines_join(COP_FOREVER);
    COPI_ASSERT(ended);
}

static int start_threads(void)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < copi_rt.workers; i++)
        rc = copi_machine_start(&copi_rt.worker[i]);
    if (rc == 0)
        rc = copi_sysmon_start();
    if (rc != 0)
        stop_machines();
    return rc;
}

static int make(void)
{
    const cop_config *c = &copi_rt.config;
    int rc = copi_report_init();
    if (rc != 0)
        return rc;
    copi_clock_set_virtual(c->virtual_time);
    copi_table_init(c->actors_max, c->first_generation);
    copi_epoch_init(c->workers);
    copi_idle_init();
    copi_machines_init();
    copi_counters_clear(&copi_counters_outside);
    copi_signal_dead_letters_to(COP_NO_PID);
    copi_sched_install();
    atomic_store(&copi_rt.quit, 0);
    atomic_store(&copi_rt.no_spawns, 0);
    rc = copi_stack_init();
    if (rc != 0)
        goto no_stacks;
    rc = copi_timers_init(c->workers + 1, c->virtual_time);
    if (rc != 0)
        goto no_timers;
    rc = make_workers();
    if (rc != 0)
        goto no_workers;
    copi_blocking_init();
    copi_text_init();
    copi_crash_init();
    copi_preempt_init();
    rc = start_threads();
    if (rc == 0)
        return 0;
    copi_preempt_fini();
    copi_crash_fini();
    copi_blocking_stop();
    unmake_workers();
no_workers:
    copi_timers_fini();
no_timers:
    copi_stack_fini();
no_stacks:
    copi_table_fini();
    copi_report_fini();
    copi_slab_trim();
    copi_clock_set_virtual(false);
    return rc;
}

bool copi_runtime_unmake(cop_time deadline)
{
    copi_isolated_stop();
    copi_sysmon_stop();
    atomic_store(&copi_rt.quit, 1);
    copi_idle_wake_all();
    if (!copi_machines_join(deadline))
        return false;
    copi_preempt_fini();
    copi_crash_fini();
    copi_blocking_stop();
    copi_arena_end();
    copi_report_fini();
    copi_limbo_flush_outside();
    unmake_workers();
    copi_timers_fini();
    copi_stack_fini();
    copi_name_fini();
    copi_table_fini();
    copi_slab_trim();
    copi_clock_set_virtual(false);
    copi_log_set(NULL);
    return true;
}

/* The zygote comes before the first thread. */
static int make_with_zygote(void)
{
    int rc = copi_isolated_fork_zygote();
    if (rc == 1) {
        copi_lock_release(&start_lock); /* its children start on their own */
        copi_isolated_be_zygote();
    }
    if (rc != 0)
        return rc;
    rc = make();
    if (rc == 0 && (rc = copi_isolated_start()) != 0)
        copi_runtime_unmake(COP_FOREVER);
    else if (rc != 0)
        copi_isolated_stop();
    return rc;
}

int cop_start(const cop_config *config)
{
    if (copi_here()->native != NULL)
        return COP_EALREADY;
    copi_lock_acquire(&start_lock);
    int rc = COP_EALREADY;
    if (atomic_load(&copi_rt.state) != COPI_RT_OFF)
        goto out;
    rc = take_config(config);
    if (rc != 0)
        goto out;
    copi_log_set(copi_rt.config.log);
    copi_chaos_init();
    rc = copi_chaos_check_env();
    if (rc == 0)
        rc = make_with_zygote();
    if (rc == 0)
        atomic_store(&copi_rt.state, COPI_RT_RUNNING);
    else
        copi_log_set(NULL);
out:
    copi_lock_release(&start_lock);
    if (rc == 0 && !copi_is_away())
        copi_chaos_boot();
    return rc;
}

bool cop_is_running(void)
{
    int state = atomic_load(&copi_rt.state);
    return state == COPI_RT_RUNNING || state == COPI_RT_STOPPING;
}

/* The empty asm is for link-time optimisation, as in actor/here.c. */
COPI_NOINLINE int *cop_errno_location(void)
{
    __asm__ volatile("" ::: "memory");
    return copi_os_errno();
}
