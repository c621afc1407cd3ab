/* SPDX-License-Identifier: MIT
 *
 * share.h - which actors other workers may take. Rank: 4. See share.c.
 */
#ifndef COPI_SCHEDULER_SHARE_H
#define COPI_SCHEDULER_SHARE_H

#include "runtime/scheduler/worker.h"

/* Before the first worker starts. */
void copi_share_init(void);

/* Others may steal from the worker's normal ring from now on, and one is woken
 * for that. Any thread. */
void copi_share(struct copi_worker *w);

/* sysmon is to look at the worker's ring soon, if a worker sleeps. */
void copi_share_announce(struct copi_worker *w);

/* A normal actor was put into the ring of this thread's worker. */
static inline void copi_share_pushed_local(struct copi_worker *w)
{
    if (COPI_UNLIKELY(
            atomic_load_explicit(&w->announced, memory_order_relaxed) == 0))
        copi_share_announce(w);
}

/* A worker is about to sleep beside rings that it may not take from. */
void copi_share_before_sleep(void);

/* sysmon: looks at all rings. How long it may sleep until the next look;
 * COP_FOREVER: as long as it likes. */
cop_time copi_share_look(cop_time now);

#endif
