/* SPDX-License-Identifier: MIT
 *
 * hibernate.h - stacks of coroutines that wait for long, put away. Rank: 4.
 * See hibernate.c.
 */
#ifndef COPI_SCHEDULER_HIBERNATE_H
#define COPI_SCHEDULER_HIBERNATE_H

#include "runtime/scheduler/worker.h"

/* As cop_config says. Before sysmon starts. */
void copi_hibernate_init(void);

/* For sysmon alone. How long until there is something to look at, real
 * nanoseconds; -1: nothing before the next turn. */
cop_time copi_hibernate_due(cop_time now);
/* Looks at some actors, if it is time to. `turns`: there were some since the
 * last call. */
void copi_hibernate_look(cop_time now, bool turns);

/* Stacks that are put away now. Any thread. */
size_t copi_hibernate_count(void);

void copi_hibernate_restore(struct copi_carrier *c);
/* The stack can be read, and is still put away; by who may run the actor. */
void copi_hibernate_show(struct copi_carrier *c);

/* Before the actor runs on it. */
static inline void copi_hibernate_wake(struct copi_carrier *c)
{
    if (COPI_UNLIKELY(c->kept != NULL))
        copi_hibernate_restore(c);
}

#endif
