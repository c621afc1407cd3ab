/* SPDX-License-Identifier: MIT
 *
 * blocking.c - the pool of helper threads. Rank: 4.
 *
 * An actor that calls cop_blocking leaves its worker; a helper does the job
 * and makes the actor runnable again. Meanwhile its mailbox is not parked, so
 * nothing else can run it: signals wait until the job is done, because the job
 * uses the actor's stack.
 *
 * Helpers are started when all are busy, up to cop_config.blocking_max; beyond
 * that jobs queue. They stay until the runtime stops.
 */
#include "runtime/scheduler/blocking.h"

#include "runtime/actor/heap.h"
#include "runtime/actor/here.h"
#include "runtime/base/check.h"
#include "runtime/base/lock.h"
#include "runtime/base/os.h"
#include "runtime/memory/arena.h"
#include "runtime/memory/mem.h"
#include "runtime/scheduler/sched.h"

struct helper {
    struct copi_thread thread;
    struct helper *next;
};

static struct copi_lock lock;
static struct helper *helpers;
static unsigned count;  /* helpers */
static unsigned wanted; /* jobs queued, being done, or reserved */
static struct copi_job *first, *last;
static bool ending;
static _Atomic uint32_t word; /* changes when there may be something to do */
static _Atomic uint32_t busy;

void copi_blocking_init(void)
{
    copi_lock_init(&lock, COPI_LOCK_BLOCKING);
    helpers = NULL;
    first = last = NULL;
    count = wanted = 0;
    ending = false;
    atomic_store(&busy, 0);
}

unsigned copi_blocking_busy(void)
{
    return atomic_load(&busy);
}

static struct copi_job *pop_locked(void)
{
    struct copi_job *j = first;
    if (j != NULL) {
        first = j->next;
        if (first == NULL)
            last = NULL;
    }
    return j;
}

static void do_job(struct copi_job *j)
{
    struct copi_actor *a = j->actor;
    copi_here()->serves = a;
    if (COPI_LIKELY(!a->own_malloc)) {
        j->fn(j->arg);
    } else {
        copi_heap_enter(a);
        j->fn(j->arg);
        copi_heap_leave(a);
    }
    copi_here()->serves = NULL;
    copi_lock_acquire(&lock);
    wanted--;
    copi_lock_release(&lock);
    copi_sched_ready(a); /* *j is gone from here on */
    atomic_fetch_sub(&busy, 1);
}

static void helper_main(void *unused)
{
    (void)unused;
    for (;;) {
        uint32_t seen = atomic_load(&word);
        copi_lock_acquire(&lock);
        struct copi_job *j = pop_locked();
        bool end = ending;
        copi_lock_release(&lock);
        if (j != NULL)
            do_job(j);
        else if (end)
            return;
        else
            copi_os_futex_wait(&word, seen, -1);
    }
}

static int start_helper(void)
{
    struct helper *h = copi_mem_zalloc(sizeof *h);
    if (h == NULL)
        return COP_ENOMEM;
    int rc =
        copi_os_thread_start(&h->thread, "cop-helper", 0, helper_main, NULL);
    if (rc != 0) {
        copi_mem_free(h, sizeof *h);
        return rc;
    }
    copi_lock_acquire(&lock);
    h->next = helpers;
    helpers = h;
    copi_lock_release(&lock);
    return 0;
}

int copi_blocking_reserve(void)
{
    copi_lock_acquire(&lock);
    wanted++;
    bool start = wanted > count && count < copi_rt.config.blocking_max;
    if (start)
        count++;
    copi_lock_release(&lock);
    copi_arena_pause(); /* the thread outlives the actor that starts it */
    int rc = start ? start_helper() : 0;
    copi_arena_resume();
    if (rc == 0)
        return 0;
    copi_lock_acquire(&lock);
    count--;
    bool alone = count == 0;
    if (alone)
        wanted--;
    copi_lock_release(&lock);
    return alone ? rc : 0; /* the others will do it */
}

void copi_blocking_submit(struct copi_actor *a)
{
    struct copi_job *j = a->carrier->job;
    copi_actor_set_status(a, COP_STATUS_WAITING);
    atomic_fetch_add(&busy, 1);
    copi_lock_acquire(&lock);
    j->actor = a;
    j->next = NULL;
    if (last != NULL)
        last->next = j;
    else
        first = j;
    last = j;
    copi_lock_release(&lock);
    atomic_fetch_add(&word, 1);
    copi_os_futex_wake(&word, 1);
}

void copi_blocking_stop(void)
{
    copi_lock_acquire(&lock);
    ending = true;
    copi_lock_release(&lock);
    atomic_fetch_add(&word, 1);
    copi_os_futex_wake(&word, INT_MAX);
    while (helpers != NULL) {
        struct helper *h = helpers;
        helpers = h->next;
        copi_os_thread_join(&h->thread);
        copi_mem_free(h, sizeof *h);
    }
    copi_lock_fini(&lock);
}
