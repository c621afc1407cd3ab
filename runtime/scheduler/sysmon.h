/* SPDX-License-Identifier: MIT
 *
 * sysmon.h - the one thread that watches the others. Rank: 4. See sysmon.c.
 */
#ifndef COPI_SCHEDULER_SYSMON_H
#define COPI_SCHEDULER_SYSMON_H

#include "runtime/scheduler/worker.h"

/* COP_ENOMEM, COP_ESYS. */
COP_MUST_USE int copi_sysmon_start(void);
void copi_sysmon_stop(void);

/* A worker woke up: sysmon, if it sleeps for good, must watch again. */
void copi_sysmon_notice(void);
/* Any thread: it looks at once. */
void copi_sysmon_hurry(void);

#endif
