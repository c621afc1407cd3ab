/* SPDX-License-Identifier: MIT
 *
 * kept.c - the monitor that an actor keeps from one call to the next. Rank: 3.
 *
 * A call watches its callee. Making a monitor for it and ending it afterwards
 * is half of what a call costs, and who calls an actor often calls it again. So
 * with the second call of the same callee in a row the monitor is *kept*: later
 * calls of that callee rely on it. Who calls each of many once keeps nothing.
 *
 * Nobody sees it. It is in no map, so that no reference finds it; its watch is
 * `quiet`, in no count. Its DOWN becomes that of the call under way, by the
 * call's reference, or is dropped without a word.
 *
 * A monitor made for the call alone would say `noproc` if it came too late; the
 * kept one came in time, and says how the callee ended. What came too late is
 * then the message: whoever refuses it for the dead takes back the caller's
 * `calling`. That is done before the DOWN is sent, so who gets the one sees the
 * other. (A message that meets the closed mailbox together with others may be
 * refused after it: that caller hears the true reason, as one who called a
 * moment before.)
 *
 * Invariants.
 *  1. kept.monitor is not in a->monitors, and no DOWN of it was acted on.
 *  2. kept.call is the last call if that relies on kept.monitor, else 0: the
 *     DOWN of what is kept from calls before says nothing of a call of another.
 *  3. It is of use only while call_ref has the same value: that call is under
 *     way, and was not claimed. A claimed one needs no DOWN, its reply is
 *     certain to come.
 *
 * Ended by the actor's end, by two calls in a row of another callee, and when
 * it hibernates or becomes a handler. Not kept: for foreign threads, in an
 * isolated actor's process, and while sends are tampered with (api/call.c).
 *
 * Rejected: to keep it from the first call on. Most actors call their parent or
 * a registry once, and would hold two cells for it ever after.
 */
#include "runtime/actor/kept.h"

#include "runtime/actor/monitor.h"
#include "runtime/actor/table.h"

bool copi_kept_begin(struct copi_actor *a, cop_pid to, cop_ref ref, bool *again)
{
    struct copi_cold *cold = copi_cold_make(a);
    *again = false;
    if (cold == NULL)
        return false;
    struct copi_kept *k = &cold->kept;
    *again = k->last.id == to.id;
    k->last = to;
    bool relies = k->monitor != NULL && k->monitor->target.id == to.id;
    k->call = relies ? ref.id : 0;
    return relies;
}

struct copi_monitor *copi_kept_swap(struct copi_actor *a,
                                    struct copi_monitor *m, cop_ref ref)
{
    struct copi_monitor *old = a->cold->kept.monitor;
    if (old == m)
        return old;
    struct copi_kept *k = &copi_cold_of(a)->kept;
    k->monitor = m;
    k->call = ref.id;
    return old;
}

bool copi_kept_down(struct copi_actor *a, struct cop_msg *m)
{
    struct copi_monitor *mon = a->cold->kept.monitor;
    if (mon == NULL || copi_monitor_ref(mon).id != m->ref.id)
        return false;
    struct copi_kept *k = &copi_cold_of(a)->kept;
    k->monitor = NULL;
    copi_msg_release(&mon->demonitor);
    /* seq_cst: as all of call_ref */
    if (k->call == 0 || atomic_load(&a->call_ref) != k->call)
        return false;
    m->ref.id = k->call;
    /* pairs with copi_kept_refused */
    if (atomic_load(&a->calling) == 0) {
        cop_reason_release(m->reason);
        m->reason = COP_NOPROC;
    }
    return true;
}

void copi_kept_refused(const struct cop_msg *m, cop_pid dead)
{
    struct copi_actor *a = copi_table_find(m->sender);
    uint64_t to = dead.id;
    /* seq_cst: pairs with copi_kept_down, and comes before the DOWN. A caller
     * that is in its next call by now calls the same dead, or another. */
    if (a != NULL && atomic_load(&a->call_ref) == m->ref.id)
        atomic_compare_exchange_strong(&a->calling, &to, 0);
}
