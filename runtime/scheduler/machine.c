/* SPDX-License-Identifier: MIT
 *
 * machine.c - threads. Rank: 4.
 *
 * A machine works for a worker. If its actor stays in its own code for long,
 * in a system call or a loop, while others wait in the worker's queues, sysmon
 * takes the worker away and gives it to a spare machine. The stuck machine
 * must not be in the runtime at that moment, where it uses the worker, and
 * must notice the loss before it uses it again:
 *
 *   entering the runtime           handing over, under `lock`
 *   1. in_runtime = 1              1. lost = 1
 *   2. compiler barrier            2. membarrier: all threads pass a fence
 *   3. lost? take `lock`, look     3. in_runtime is 1? lost = 0, give up
 *      again, give up the actor    4. the worker is free to go
 *
 * The fence that the left side would need between 1 and 3 is made by the
 * membarrier on the right, so that entering costs two plain accesses. Where
 * the kernel has no membarrier nothing is handed over.
 *
 * The actor of a lost machine goes to the global queue at its next call, or
 * when it is preempted (preempt.c); its machine becomes a spare one. A worker
 * on which a pinned actor lives is never handed over, as that actor must not
 * see another thread; one on which a preempted actor lives only when its thread
 * has waited for long (preempt.c).
 */
#include "runtime/scheduler/machine.h"
#include "runtime/scheduler/carrier.h"

#include "runtime/actor/here.h"
#include "runtime/base/check.h"
#include "runtime/base/clock.h"
#include "runtime/base/os.h"
#include "runtime/memory/mem.h"
#include "runtime/probe/trace.h"
#include "runtime/scheduler/crash.h"
#include "runtime/scheduler/idle.h"
#include "runtime/scheduler/preempt.h"
#include "runtime/scheduler/runq.h"
#include "runtime/scheduler/sched.h"
#include "runtime/scheduler/turn.h"

enum { SPARES_MAX = 64 };

static struct copi_lock lock;
static struct copi_machine *all;
static struct copi_machine *spares; /* under the lock */
static unsigned machines;           /* under the lock */
static bool ending; /* under the lock: who comes to wait now must go */

void copi_machines_init(void)
{
    copi_lock_init(&lock, COPI_LOCK_SYSMON);
    all = spares = NULL;
    machines = 0;
    ending = false;
    atomic_store(&copi_rt.lost, 0);
    copi_rt.can_rob = copi_os_membarrier_init();
}

/* From here on the thread works for m->worker. */
static void attach(struct copi_machine *m)
{
    m->here->worker = m->worker;
    m->here->counters = &m->worker->counters;
    copi_epoch_online(m->worker->index);
}

static void push_spare_locked(struct copi_machine *m)
{
    m->spare_next = spares;
    spares = m;
}

/* A machine that lost its worker: waits for another one. False: quit. */
static bool wait_as_spare(struct copi_machine *m)
{
    copi_lock_acquire(&lock);
    bool may_wait = !ending;
    if (may_wait)
        push_spare_locked(m);
    copi_lock_release(&lock);
    if (!may_wait)
        return false;
    /* acquire: pairs with the release in give */
    while (atomic_load_explicit(&m->wake, memory_order_acquire) == 0)
        copi_os_futex_wait(&m->wake, 0, -1);
    atomic_store_explicit(&m->wake, 0, memory_order_relaxed);
    return m->worker != NULL;
}

static void machine_main(void *arg)
{
    struct copi_machine *m = arg;
    struct copi_here *h = copi_here();
    memset((void *)h, 0, sizeof *h);
    h->native = &m->native;
    atomic_store_explicit(&h->in_runtime, 1, memory_order_relaxed);
    m->here = h;
    copi_native_init(&m->native);
    copi_slab_thread_init();
    h->cells = copi_slab_cache();
    copi_stack_thread_init();
    copi_crash_thread_init(m);
    /* release: pairs with copi_machine_preempt */
    atomic_store_explicit(&m->tid, copi_os_thread_id(), memory_order_release);
    if (m->worker != NULL || wait_as_spare(m)) {
        attach(m);
        while (!copi_sched_loop(m) && wait_as_spare(m))
            attach(m);
    }
    if (m->worker != NULL) {
        copi_carrier_free_warm(m->worker);
        copi_epoch_offline(m->worker->index);
    }
    copi_crash_thread_fini(m);
    copi_stack_thread_fini();
    copi_slab_thread_fini();
    copi_native_fini(&m->native);
    memset((void *)h, 0, sizeof *h);
    atomic_store(&m->ended, 1);
    copi_os_futex_wake(&m->ended, 1);
}

static int start(struct copi_worker *w, const char *name,
                 struct copi_machine **out)
{
    struct copi_machine *m = copi_mem_zalloc(sizeof *m);
    if (m == NULL)
        return COP_ENOMEM;
    m->worker = w;
    int rc = copi_os_thread_start(&m->thread, name, 0, machine_main, m);
    if (rc != 0) {
        copi_mem_free(m, sizeof *m);
        return rc;
    }
    copi_lock_acquire(&lock);
    m->next = all;
    all = m;
    machines++;
    copi_lock_release(&lock);
    *out = m;
    return 0;
}

int copi_machine_start(struct copi_worker *w)
{
    char name[16];
    snprintf(name, sizeof name, "cop-%u", w->index);
    return start(w, name, &w->machine);
}

/* ------------------------------------------------------------ hand-over -- */

static struct copi_machine *pop_spare(void)
{
    copi_lock_acquire(&lock);
    struct copi_machine *m = spares;
    if (m != NULL)
        spares = m->spare_next;
    bool may_start = machines < copi_rt.workers + SPARES_MAX;
    copi_lock_release(&lock);
    if (m == NULL && may_start) {
        struct copi_machine *fresh;
        if (start(NULL, "cop-spare", &fresh) != 0)
            copi_log("no thread for the hand-over of a stuck worker");
    }
    return m; /* a fresh one serves the next attempt */
}

static void give(struct copi_machine *m, struct copi_worker *w)
{
    m->worker = w;
    /* release: pairs with the acquire in wait_as_spare */
    atomic_store_explicit(&m->wake, 1, memory_order_release);
    copi_os_futex_wake(&m->wake, 1);
}

/* Under the lock: keeps the worker's machine out of the runtime, where alone it
 * touches what is the worker's. False: it is there. */
static bool lock_out_locked(struct copi_worker *w, uint64_t turn)
{
    struct copi_here *h = w->machine->here;
    atomic_store(&h->lost, 1);
    copi_os_membarrier();
    if (atomic_load(&h->in_runtime) == 0 && atomic_load(&w->turn) == turn)
        return true;
    atomic_store(&h->lost, 0);
    return false;
}

/* Under the lock: the stuck machine and its worker part. */
static bool part_locked(struct copi_worker *w, uint64_t turn)
{
    struct copi_machine *stuck = w->machine;
    struct copi_here *h = stuck->here;
    if (!lock_out_locked(w, turn))
        return false;
    stuck->worker = NULL;
    stuck->cpu_seen = copi_os_thread_cpu_ns(&stuck->thread);
    h->worker = NULL;
    h->counters = NULL;
    /* the turn is over for this worker, if not for its actor */
    atomic_store(&w->turn, turn + 1);
    atomic_store(&w->ask, 0);
    atomic_fetch_add(&copi_rt.lost, 1);
    return true;
}

bool copi_machine_hand_over(struct copi_worker *w, uint64_t turn, bool late)
{
    if (!copi_rt.can_rob || atomic_load(&w->has_pinned) != 0 ||
        (atomic_load(&w->held) != 0 && !late))
        return false;
    struct copi_machine *spare = pop_spare();
    if (spare == NULL)
        return false;
    copi_lock_acquire(&lock);
    bool parted = part_locked(w, turn);
    if (parted)
        w->machine = spare;
    else
        push_spare_locked(spare);
    copi_lock_release(&lock);
    if (!parted)
        return false;
    COPI_COUNT(handovers);
    copi_trace(COP_TRACE_HANDOVER, COP_NO_PID, COP_NO_PID, w->index);
    give(spare, w);
    return true;
}

void copi_machine_rob_next(struct copi_worker *w, uint64_t turn)
{
    struct copi_actor *a = NULL;
    if (!copi_rt.can_rob)
        return;
    copi_lock_acquire(&lock);
    if (lock_out_locked(w, turn)) {
        a = atomic_load(&w->run_next);
        atomic_store(&w->run_next, NULL);
        atomic_store(&w->machine->here->lost, 0);
    }
    copi_lock_release(&lock);
    if (a == NULL)
        return;
    copi_runq_inject(a);
    copi_idle_notify();
}

/* Under the lock, so that the machine stays where it is; 0: not up yet. */
static uint32_t tid_locked(const struct copi_machine *m)
{
    /* acquire: pairs with machine_main */
    return atomic_load_explicit(&m->tid, memory_order_acquire);
}

bool copi_machine_is_running(struct copi_worker *w)
{
    copi_lock_acquire(&lock);
    uint32_t tid = tid_locked(w->machine);
    copi_lock_release(&lock);
    return tid != 0 && copi_os_thread_is_running(tid);
}

int64_t copi_machine_cpu_ns(struct copi_worker *w)
{
    copi_lock_acquire(&lock);
    int64_t ns = copi_os_thread_cpu_ns(&w->machine->thread);
    copi_lock_release(&lock);
    return ns;
}

/* One signal at a time: real-time signals queue up, and the queue is the
 * user's, not the process's. Under the lock. */
static void interrupt_locked(struct copi_machine *m)
{
    uint32_t tid = tid_locked(m);
    if (tid == 0 || atomic_exchange(&m->interrupted, 1) != 0)
        return;
    if (!copi_preempt_send(tid))
        atomic_store(&m->interrupted, 0);
}

void copi_machine_preempt(struct copi_worker *w, uint64_t turn)
{
    copi_lock_acquire(&lock);
    if (atomic_load(&w->turn) == turn)
        interrupt_locked(w->machine);
    copi_lock_release(&lock);
}

void copi_machines_preempt_all(void)
{
    copi_lock_acquire(&lock);
    for (struct copi_machine *m = all; m != NULL; m = m->next)
        interrupt_locked(m);
    copi_lock_release(&lock);
}

bool copi_machines_preempt_lost(cop_time cpu_ns)
{
    bool moves = false;
    if (atomic_load(&copi_rt.lost) == 0)
        return false;
    copi_lock_acquire(&lock);
    for (struct copi_machine *m = all; m != NULL; m = m->next) {
        if (tid_locked(m) == 0 || atomic_load(&m->here->lost) == 0)
            continue;
        int64_t now = copi_os_thread_cpu_ns(&m->thread);
        moves = moves || now != m->cpu_looked;
        m->cpu_looked = now;
        if (now - m->cpu_seen < cpu_ns)
            continue;
        m->cpu_seen = now;
        interrupt_locked(m);
    }
    copi_lock_release(&lock);
    return moves;
}

struct copi_here *copi_machine_was_lost(void)
{
    copi_lock_acquire(&lock); /* an attempt under way comes to its end */
    copi_lock_release(&lock);
    struct copi_here *h = copi_here();
    if (atomic_load(&h->lost) != 0)
        copi_turn_leave(h->actor, COPI_LEAVE_LOST);
    return copi_here(); /* perhaps another thread's */
}

bool copi_machine_is_lost(struct copi_machine *m)
{
    /* in_runtime is set: no attempt that begins now succeeds */
    if (atomic_load_explicit(&m->here->lost, memory_order_acquire) == 0)
        return false;
    copi_lock_acquire(&lock); /* an attempt under way comes to its end */
    bool lost = atomic_load(&m->here->lost) != 0;
    copi_lock_release(&lock);
    return lost;
}

void copi_machine_requeue(struct copi_actor *a)
{
    atomic_store(&copi_here()->lost, 0);
    copi_runq_inject(a);
    copi_idle_notify();
    /* seq_cst: last; pairs with is_quiet in extend.c */
    atomic_fetch_sub(&copi_rt.lost, 1);
}

/* --------------------------------------------------------------- ending -- */

static bool join_one(struct copi_machine *m, cop_time deadline)
{
    while (atomic_load(&m->ended) == 0) {
        cop_time left = deadline - copi_clock_real();
        if (left <= 0)
            return false;
        copi_os_futex_wait(&m->ended, 0, left);
    }
    copi_os_thread_join(&m->thread);
    copi_mem_free(m, sizeof *m);
    return true;
}

bool copi_machines_join(cop_time deadline)
{
    copi_lock_acquire(&lock);
    ending = true;
    while (spares != NULL) {
        struct copi_machine *m = spares;
        spares = m->spare_next;
        give(m, NULL);
    }
    copi_lock_release(&lock);
    while (all != NULL) {
        struct copi_machine *m = all;
        struct copi_machine *next = m->next;
        if (!join_one(m, deadline))
            return false;
        all = next;
    }
    return true;
}
