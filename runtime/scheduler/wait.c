/* SPDX-License-Identifier: MIT
 *
 * wait.c - parking without losing a wake-up. Rank: 4.
 *
 * An actor that waits leaves its stack first; then its worker parks its
 * mailbox (copi_wait_commit). Doing it in this order means that nobody can run
 * the actor while it is still on its stack.
 *
 * A push into a parked mailbox wakes by itself. For everything else there is
 * `poke`:
 *
 *   to wake                      to park
 *   1. record the event          1. poke is 1? poke = 0; look for the event
 *   2. poke = 1                  2. leave the stack
 *   3. unpark, if parked         3. park the mailbox
 *                                4. poke is 1? unpark, if parked, and go on
 *
 * All are sequentially consistent: either 3 on the left finds the mailbox
 * parked, or 4 on the right finds the poke.
 *
 * A guest (a foreign thread in a call) parks by sleeping on a futex of its
 * own, which copi_driver.ready wakes.
 */
#include "runtime/scheduler/wait.h"

#include "runtime/actor/here.h"
#include "runtime/actor/mailbox.h"
#include "runtime/actor/signal.h"
#include "runtime/base/check.h"
#include "runtime/base/clock.h"
#include "runtime/base/os.h"
#include "runtime/scheduler/epoch.h"
#include "runtime/scheduler/exit.h"
#include "runtime/scheduler/turn.h"

bool copi_wait_is_over(const struct copi_wait *w)
{
    if (w->deadline == COP_FOREVER)
        return false;
    if (w->timer.armed)
        return copi_deadline_fired(&w->timer);
    return w->deadline <= 0 || copi_clock_now() >= w->deadline;
}

bool copi_wait_recall(struct copi_actor *a, bool is_parked)
{
    if (is_parked && !copi_mailbox_unpark(a))
        return false;
    copi_actor_set_status(a, COP_STATUS_RUNNING);
    return true;
}

void copi_wait_park_guest(struct copi_actor *a)
{
    atomic_store(&a->guest.word, 0);
    if (!copi_wait_commit(a))
        return;
    /* a long wait must not hold up the epoch */
    copi_epoch_guest_leave(a->guest.section);
    while (atomic_load(&a->guest.word) == 0)
        copi_os_futex_wait(&a->guest.word, 0, -1);
    a->guest.section = copi_epoch_guest_enter();
}

void copi_wait_arm(struct copi_actor *a, struct copi_wait *w)
{
    memset(&w->timer, 0, sizeof w->timer);
    if (!a->is_guest)
        a->carrier->waiting = w;
    copi_deadline_arm(&w->timer, a->pid, w->deadline);
}

void copi_wait_disarm(struct copi_actor *a, struct copi_wait *w)
{
    copi_deadline_disarm(&w->timer);
    if (!a->is_guest)
        a->carrier->waiting = NULL;
}

void copi_wait_park(struct copi_actor *a, struct copi_wait *w)
{
    copi_wait_park_here(a, w);
}

void copi_signals_act(struct copi_actor *a)
{
    struct cop_msg *m;
    cop_reason why;
    while ((m = copi_mailbox_next_local(a)) != NULL) {
        if (COPI_LIKELY(copi_inbox_is_plain(a, m))) {
            copi_inbox_append_plain(a, m);
            continue;
        }
        if (!copi_signal_act(a, m, &why))
            continue;
        if (copi_exit_can_signal(a) && !a->is_guest)
            copi_exit_by_signal(a, why);
        cop_reason_release(why); /* its own decision came first */
    }
}
