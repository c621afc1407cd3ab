/* SPDX-License-Identifier: MIT
 *
 * idle.h - how workers go to sleep and are woken. Rank: 4. See idle.c.
 */
#ifndef COPI_SCHEDULER_IDLE_H
#define COPI_SCHEDULER_IDLE_H

#include "runtime/scheduler/worker.h"

void copi_idle_init(void);

/* After making something runnable: wakes one sleeping worker to look for it,
 * unless one is searching already. Any thread. */
void copi_idle_notify(void);
/* Wakes this worker in any case: only it may run what is in its inbox. */
void copi_idle_notify_worker(struct copi_worker *w);
/* A thread outside armed a timer for `at`. */
void copi_idle_timer_armed(cop_time at);

/* A worker without work becomes a searcher; false: enough search already. */
bool copi_idle_begin_search(void);
/* The searcher found something. */
void copi_idle_end_search(struct copi_worker *w);
/* It, being a searcher or not, found nothing: sleeps until woken or a timer
 * is due. Returns as a searcher. */
void copi_idle_sleep(struct copi_worker *w, bool searching);

/* How many workers are asleep; is every one? */
unsigned copi_idle_count_asleep(void);
bool copi_idle_all_asleep(void);
/* Waits until they are, or timeout. */
void copi_idle_wait_quiet(cop_time timeout_ns);
/* Wakes all, to end. */
void copi_idle_wake_all(void);

#endif
