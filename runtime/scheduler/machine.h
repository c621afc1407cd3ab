/* SPDX-License-Identifier: MIT
 *
 * machine.h - the threads that work for workers, and the hand-over of a worker
 * whose machine is stuck. Rank: 4. See machine.c.
 */
#ifndef COPI_SCHEDULER_MACHINE_H
#define COPI_SCHEDULER_MACHINE_H

#include "runtime/scheduler/worker.h"

/* Before the first start. */
void copi_machines_init(void);

/* Starts a machine for a worker. COP_ENOMEM, COP_ESYS. */
COP_MUST_USE int copi_machine_start(struct copi_worker *w);

/* sysmon: gives the worker to another machine if its own is still in the turn
 * with this number, outside the runtime. `late`: even if a preempted actor is
 * there. */
bool copi_machine_hand_over(struct copi_worker *w, uint64_t turn, bool late);

/* sysmon: does the worker's thread use a core, or wait for one? (And not for
 * something else, in a system call.) */
bool copi_machine_is_running(struct copi_worker *w);
/* sysmon: the processor time that its thread has used; -1: not known. */
int64_t copi_machine_cpu_ns(struct copi_worker *w);
/* sysmon: the actor that the worker would run next goes to the global queue, if
 * its turn is still this one and its thread is outside the runtime. */
void copi_machine_rob_next(struct copi_worker *w, uint64_t turn);
/* sysmon: interrupts the actor that is still in the turn with this number. */
void copi_machine_preempt(struct copi_worker *w, uint64_t turn);
/* All of them, whatever they do. */
void copi_machines_preempt_all(void);
/* Those without a worker that have used so much processor time since they were
 * interrupted last. True: one of all has used some since the last look. For
 * sysmon. */
bool copi_machines_preempt_lost(cop_time cpu_ns);

/* On the stuck machine, on its actor's stack, entering the runtime: returns
 * when the actor runs on a machine with a worker, with what is here then. */
COPI_COLD struct copi_here *copi_machine_was_lost(void);
/* For the machine itself, back on its own stack without its actor's having
 * entered the runtime: has its worker been handed over? */
bool copi_machine_is_lost(struct copi_machine *m);
/* The same machine, on its own stack: the actor goes to others. */
void copi_machine_requeue(struct copi_actor *a);

/* With copi_rt.quit set and all workers woken: waits for the machines to end
 * until the deadline; true: all have, and are freed. */
bool copi_machines_join(cop_time deadline);

#endif
