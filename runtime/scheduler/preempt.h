/* SPDX-License-Identifier: MIT
 *
 * preempt.h - taking the processor from an actor that does not give it back.
 * Rank: 4. See preempt.c.
 */
#ifndef COPI_SCHEDULER_PREEMPT_H
#define COPI_SCHEDULER_PREEMPT_H

#include "runtime/scheduler/worker.h"

/* Installs the signal handler, where preemption is possible. */
void copi_preempt_init(void);
void copi_preempt_fini(void);
bool copi_preempt_is_possible(void);

/* Interrupts the thread with this number; false: not possible. */
bool copi_preempt_send(uint32_t thread_id);

/* Before a call of libc that will return to `caller`, while somebody is asked
 * to give way there: if it is this thread's actor, it does. Any thread, also in
 * a signal's handler; errno is kept. */
void copi_preempt_at_call(const void *caller);

/* After a held actor has left by its own will: it may go to other threads
 * again. */
void copi_preempt_release(struct copi_actor *a);

#endif
