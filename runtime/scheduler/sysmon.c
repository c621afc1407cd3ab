/* SPDX-License-Identifier: MIT
 *
 * sysmon.c - watching for turns that last too long. Rank: 4.
 *
 * Why a thread of its own: everything else here happens between turns, and
 * this is about a turn that does not end. Every half slice it looks at each
 * worker's turn number, and twice as often once it has seen the same odd one at
 * two looks. The same for a slice means a hog:
 *
 *   - it is asked to yield: its next call into the runtime ends the turn;
 *   - its run_next goes to the global queue;
 *   - if its thread has computed for a slice, or half of one and others wait,
 *     it is preempted by a signal (preempt.c). The next time a quarter of the
 *     slice is enough while others wait, who wake and want little;
 *   - if its thread waits in a system call, or four slices of that were in vain
 *     (in a library there is no preemption), and nobody is asleep, or something
 *     is waiting that only this worker may run, the worker is handed over to a
 *     spare thread (machine.c);
 *   - if the turn lasts all the same at the next look, and its thread has used
 *     the processor meanwhile, it ends at its next call of libc (preempt.c).
 *
 * A thread that has lost its worker and computes gets such signals too.
 *
 * Before that, at the second look, what waits behind the turn is shared with
 * workers that sleep (share.c).
 *
 * It also fires timers that are overdue because their worker is in a turn that
 * lasts: then it sleeps no longer than to the next of them.
 *
 * While all workers sleep there is nothing to watch: after some looks in vain
 * sysmon sleeps as well, without limit, until a worker wakes and says so (or
 * for a second, while a thread without a worker has not come back; or, where
 * that was asked for, until there are stacks to put away: hibernate.c). Thus an
 * idle program uses no processor time at all.
 */
#include "runtime/scheduler/sysmon.h"

#include "runtime/base/check.h"
#include "runtime/base/clock.h"
#include "runtime/base/os.h"
#include "runtime/memory/mem.h"
#include "runtime/probe/inject.h"
#include "runtime/probe/trace.h"
#include "runtime/scheduler/hibernate.h"
#include "runtime/scheduler/idle.h"
#include "runtime/scheduler/machine.h"
#include "runtime/scheduler/preempt.h"
#include "runtime/scheduler/share.h"
#include "runtime/scheduler/timers.h"

enum { IDLE_LOOKS = 10 };
#define LOST_LOOK COP_SEC
/* Slices of processor time after which preempting has not helped. */
enum { IN_VAIN_AFTER = 4 };
/* What is left of the slice of one that was preempted before. */
enum { HELD_SHARE = 4 };
/* How late a timer may be beside a turn that lasts. */
#define LATE (COP_MS / 2)

struct watched {
    uint64_t turn;
    cop_time since;
    cop_time cpu;        /* of its thread then; -1: not known */
    cop_time burnt;      /* since then, when it was a hog at the last look */
    uint64_t pressed;    /* the turn that was pressed at the last look, or 0 */
    cop_time pressed_at; /* `burnt` when that began */
};

static struct copi_thread thread;
static struct watched *watched;
static _Atomic uint32_t quit;
/* A futex: changes to end its nap between two looks. */
static _Atomic uint32_t nap;
/* The futex: 1 while sysmon sleeps for good. */
static _Atomic uint32_t sleeping;

void copi_sysmon_notice(void)
{
    /* seq_cst: the worker's bit in idle.c was taken before; pairs with
     * sleep_for_good */
    if (atomic_load(&sleeping) != 0 && atomic_exchange(&sleeping, 0) != 0)
        copi_os_futex_wake(&sleeping, 1);
}

void copi_sysmon_hurry(void)
{
    atomic_fetch_add(&nap, 1);
    copi_os_futex_wake(&nap, 1);
}

static void sleep_for_good(void)
{
    atomic_store(&sleeping, 1);
    while (copi_idle_all_asleep() && atomic_load(&quit) == 0 &&
           atomic_load(&sleeping) != 0) {
        bool are_lost = atomic_load(&copi_rt.lost) != 0;
        cop_time left = copi_hibernate_due(copi_clock_real());
        if (left == 0)
            break;
        if (are_lost)
            left = left < 0 ? LOST_LOOK : COPI_MIN(left, LOST_LOOK);
        copi_os_futex_wait(&sleeping, 1, left);
        if (are_lost)
            break;
    }
    atomic_store(&sleeping, 0);
}

static bool only_it_can_run_something(const struct copi_worker *w)
{
    return atomic_load(&w->inbox.count) > 0 || atomic_load(&w->hogs.count) > 0;
}

/* Other hogs do not count: they have time. */
static bool work_waits(const struct copi_worker *w)
{
    size_t n = atomic_load(&copi_rt.inject_count);
    for (unsigned i = 0; i < COPI_PRIORITIES; i++)
        n += copi_ring_count(&w->ring[i]);
    return n > 0 || atomic_load(&w->run_next) != NULL ||
           atomic_load(&w->inbox.count) > 0;
}

/* An actor that was preempted before makes way sooner for those who are not
 * like it. */
static cop_time slice_of(const struct copi_worker *w, bool work)
{
    bool sooner =
        work && atomic_load_explicit(&w->runs_held, memory_order_relaxed) != 0;
    return copi_rt.config.slice_ns / (sooner ? HELD_SHARE : 1);
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

/* The functions of libc are told whether there is anybody for whom they are to
 * look. */
static void say_pressed(bool on)
{
    static bool said;
    if (said != on)
        copi_inject_ask_at_libc(on);
    said = on;
}

static bool is_pressed(const struct watched *s)
{
    return s->pressed == s->turn;
}

/* True: the turn goes on although it was asked to end at an earlier look, and
 * does not wait in one system call all the time: it is pressed. Once it is, it
 * may also wait for a core. */
static bool press(struct copi_worker *w, struct watched *s, cop_time burnt,
                  bool was_asked)
{
    bool was_pressed = is_pressed(s);
    bool presses = was_asked && (burnt != s->burnt ||
                                 (was_pressed && copi_machine_is_running(w)));
    s->burnt = burnt;
    if (presses && !was_pressed)
        s->pressed_at = burnt;
    s->pressed = presses ? s->turn : 0;
    /* relaxed: void unless it is the turn that looks at it */
    atomic_store_explicit(&w->pressed, s->pressed, memory_order_relaxed);
    if (presses)
        say_pressed(true); /* before it runs on */
    return presses;
}

/* Neither struck by signals nor at a call of libc, for all that it has run
 * since. */
static bool is_in_vain(const struct watched *s, cop_time burnt)
{
    cop_time slice = copi_rt.config.slice_ns;
    return burnt >= IN_VAIN_AFTER * slice && is_pressed(s) &&
           burnt - s->pressed_at >= slice;
}

/* True: it is pressed. */
static bool deal_with_hog(struct copi_worker *w, struct watched *s, bool work,
                          cop_time now)
{
    cop_time slice = copi_rt.config.slice_ns;
    cop_time burnt = 0;
    bool waits = work || only_it_can_run_something(w);
    bool was_asked = atomic_exchange(&w->ask, 1) != 0;
    if (!was_asked)
        copi_trace(COP_TRACE_HOG, COP_NO_PID, COP_NO_PID, w->index);
    bool is_mendable = copi_preempt_is_possible() &&
                       is_computing(w, s, &burnt) && !is_in_vain(s, burnt);
    if (burnt >= (work ? slice_of(w, work) / 2 : slice))
        copi_machine_preempt(w, s->turn);
    if (waits && copi_idle_count_asleep() > 0 && !only_it_can_run_something(w))
        copi_idle_notify();
    else if (waits && !is_mendable)
        copi_machine_hand_over(w, s->turn,
                               now - s->since > IN_VAIN_AFTER * slice);
    return press(w, s, burnt, was_asked);
}

/* What a look at the workers saw. */
struct seen {
    bool lasts;   /* one is in the turn that it was in before */
    bool turns;   /* one has had others since */
    bool presses; /* one is to end at a call of libc */
};

static void look_at(struct copi_worker *w, struct watched *s, cop_time now,
                    struct seen *seen)
{
    /* acquire: pairs with the release in turn.c */
    uint64_t turn = atomic_load_explicit(&w->turn, memory_order_acquire);
    if (turn != s->turn) {
        s->turn = turn;
        s->since = now;
        s->cpu = turn % 2 == 1 ? copi_machine_cpu_ns(w) : -1;
        atomic_store_explicit(&w->since, now, memory_order_relaxed);
        /* release: pairs with running_ms in preempt.c, publishes `since` */
        atomic_store_explicit(&w->since_turn, turn, memory_order_release);
        seen->turns = true;
        return;
    }
    if (turn % 2 == 0)
        return;
    seen->lasts = true;
    bool work = work_waits(w);
    bool is_hog = now - s->since >= slice_of(w, work);
    bool may_share = work && copi_idle_count_asleep() > 0;
    if (may_share || (work && is_hog))
        copi_machine_rob_next(w, turn);
    if (may_share)
        copi_share(w);
    if (is_hog && deal_with_hog(w, s, work, now))
        seen->presses = true;
}

static struct seen look_at_all(cop_time now)
{
    struct seen seen = {false, false, false};
    for (unsigned i = 0; i < copi_rt.workers; i++)
        look_at(&copi_rt.worker[i], &watched[i], now, &seen);
    return seen;
}

/* How much later than due a timer may be: workers look at theirs every few
 * turns, and should not find us there. */
static cop_time tolerance(bool lasts)
{
    return lasts ? LATE : copi_rt.config.slice_ns / 2;
}

static void fire_overdue(bool lasts)
{
    if (copi_rt.config.virtual_time ||
        copi_timers_next_of_all() > copi_clock_now() - tolerance(lasts))
        return;
    unsigned section = copi_epoch_guest_enter();
    copi_timers_expire_all(copi_clock_now());
    copi_epoch_guest_leave(section);
}

static cop_time until_next_look(bool lasts)
{
    cop_time tick = COPI_MAX(copi_rt.config.slice_ns / 2, LATE);
    if (!lasts)
        return tick;
    tick = COPI_MAX(tick / 2, LATE);
    cop_time next =
        copi_rt.config.virtual_time ? COP_FOREVER : copi_timers_next_of_all();
    if (next == COP_FOREVER)
        return tick;
    return COPI_MIN(tick, COPI_MAX(next + LATE - copi_clock_now(), LATE));
}

static void sysmon_main(void *unused)
{
    (void)unused;
    unsigned idle = 0;
    struct seen seen = {false, false, false};
    cop_time share = COP_FOREVER;
    uint32_t heard = 0;
    while (atomic_load(&quit) == 0) {
        /* not at all if somebody was in a hurry since the last look began */
        copi_os_futex_wait(&nap, heard,
                           COPI_MIN(share, until_next_look(seen.lasts)));
        heard = atomic_load(&nap);
        cop_time now = copi_clock_real();
        share = copi_share_look(now);
        seen = look_at_all(now);
        bool lost = copi_machines_preempt_lost(copi_rt.config.slice_ns);
        say_pressed(seen.presses || lost);
        fire_overdue(seen.lasts);
        copi_hibernate_look(now, seen.turns);
        idle = copi_idle_all_asleep() ? idle + 1 : 0;
        if (idle >= IDLE_LOOKS) {
            sleep_for_good();
            idle = 0;
        }
    }
    say_pressed(false);
}

int copi_sysmon_start(void)
{
    copi_hibernate_init();
    copi_share_init();
    watched = copi_mem_zalloc(copi_rt.workers * sizeof *watched);
    if (watched == NULL)
        return COP_ENOMEM;
    atomic_store(&quit, 0);
    atomic_store(&nap, 0); /* as sysmon_main takes it to be */
    int rc = copi_os_thread_start(&thread, "cop-sysmon", 0, sysmon_main, NULL);
    if (rc != 0)
        copi_mem_free(watched, copi_rt.workers * sizeof *watched);
    return rc;
}

void copi_sysmon_stop(void)
{
    atomic_store(&quit, 1);
    copi_sysmon_hurry();
    copi_sysmon_notice();
    copi_os_thread_join(&thread);
    copi_mem_free(watched, copi_rt.workers * sizeof *watched);
}
