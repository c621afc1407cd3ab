/* SPDX-License-Identifier: MIT
 *
 * blocking.h - helper threads for calls that block. Rank: 4. See blocking.c.
 */
#ifndef COPI_SCHEDULER_BLOCKING_H
#define COPI_SCHEDULER_BLOCKING_H

#include "runtime/actor/actor.h"

/* On the stack of the actor that waits for it (carrier.job). */
struct copi_job {
    void (*fn)(void *);
    void *arg;
    struct copi_actor *actor;
    struct copi_job *next;
};

void copi_blocking_init(void);
/* All actors have ended. */
void copi_blocking_stop(void);

/* Makes sure that a helper can take one more job. COP_ESYS, COP_ENOMEM. */
COP_MUST_USE int copi_blocking_reserve(void);
/* The actor's job, once it is off its stack. */
void copi_blocking_submit(struct copi_actor *a);
/* Jobs waiting or being done. */
unsigned copi_blocking_busy(void);

#endif
