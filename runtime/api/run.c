/* SPDX-License-Identifier: MIT
 *
 * run.c - a whole program in one call. Rank: 5.
 *
 * The calling thread sleeps on a semaphore until a word has changed: the first
 * actor has ended, or a signal asks to stop. The signal handler does nothing
 * but change the word and post. A semaphore rather than a futex of our own,
 * because thread sanitizers deliver signals in the waits that they know.
 *
 * A program in one call has no other place to begin its live view (COP_TOP), so
 * this file alone of the runtime calls a function of actors/, by its public
 * header.
 */
#include <semaphore.h>
#include <signal.h>

#include <coppice/runtime.h>
#include <coppice/time.h>
#include <coppice/view.h>

#include "runtime/actor/actor.h"
#include "runtime/actor/here.h"
#include "runtime/base/check.h"
#include "runtime/base/os.h"

enum { WAITING, ENDED, SIGNALLED };

struct run {
    cop_fn fn;
    void *arg;
    bool orderly;
    char reason[COP_REASON_TEXT];
};

static _Atomic uint32_t word;
static sem_t changed;
static _Atomic int signal_number;

static void on_signal(int n)
{
    int *err = copi_os_errno();
    int saved = *err;
    atomic_store(&signal_number, n);
    atomic_store(&word, SIGNALLED);
    sem_post(&changed);
    *err = saved;
}

/* The last thing that the first actor does, however it ends. */
static void note_end(void *arg)
{
    struct run *r = arg;
    cop_reason why = copi_here_actor()->reason;
    r->orderly = cop_reason_is_orderly(why);
    cop_reason_str(why, r->reason, sizeof r->reason);
    uint32_t waiting = WAITING;
    /* release: what was noted; a signal that came first stays */
    atomic_compare_exchange_strong(&word, &waiting, ENDED);
    sem_post(&changed);
}

static void first_actor(void *arg)
{
    struct run *r = arg;
    if (cop_defer(note_end, r) != 0) {
        note_end(r);
        return;
    }
    r->fn(r->arg);
}

struct handlers {
    struct sigaction interrupt, terminate;
};

static void install(struct handlers *old)
{
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = on_signal;
    a.sa_flags = SA_RESTART;
    sigaction(SIGINT, &a, &old->interrupt);
    sigaction(SIGTERM, &a, &old->terminate);
}

static void restore(const struct handlers *old)
{
    sigaction(SIGINT, &old->interrupt, NULL);
    sigaction(SIGTERM, &old->terminate, NULL);
}

static int finish(struct run *r, const cop_config *config)
{
    cop_stop_report report;
    cop_time drain = config != NULL ? config->drain_ns : 0;
    bool signalled = atomic_load(&word) == SIGNALLED;
    int rc = cop_stop(cop_in(drain > 0 ? drain : 5 * COP_SEC), &report);
    if (rc == 0 && signalled)
        rc = 128 + atomic_load(&signal_number);
    else if (rc == 0 && !r->orderly)
        rc = 1;
    /* the stop took the program's hook back */
    copi_log_set(config != NULL ? config->log : NULL);
    if (report.left > 0)
        copi_log("%zu actors did not stop in time:\n%s", report.left,
                 report.text);
    if (rc == 1)
        copi_log("the first actor ended: %s", r->reason);
    copi_log_set(NULL);
    return rc;
}

int cop_run(cop_fn fn, void *arg, const cop_config *config)
{
    struct run r = {.fn = fn, .arg = arg};
    struct handlers old;
    bool signals = config != NULL && config->handle_signals;
    if (fn == NULL)
        return COP_EINVAL;
    int rc = cop_start(config);
    if (rc != 0)
        return rc;
    bool viewed = cop_view_start_if_asked() == 0;
    atomic_store(&word, WAITING);
    sem_init(&changed, 0, 0);
    if (signals)
        install(&old);
    rc = cop_spawn(NULL, first_actor, &r, NULL);
    if (rc != 0) {
        cop_stop(COP_POLL, NULL);
    } else {
        while (atomic_load(&word) == WAITING)
            sem_wait(&changed);
        rc = finish(&r, config);
    }
    if (signals)
        restore(&old);
    if (viewed)
        cop_view_stop();
    return rc;
}
