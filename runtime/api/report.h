/* SPDX-License-Identifier: MIT
 *
 * report.h - reports of crashes, inside. Rank: 5. See report.c.
 */
#ifndef COPI_API_REPORT_H
#define COPI_API_REPORT_H

#include <coppice/report.h>

#include "runtime/actor/actor.h"

/* With copi_rt.config complete, before any actor lives. COP_EINVAL: the
 * configuration, or the environment, asks for something that there is not. */
COP_MUST_USE int copi_report_init(void);
/* All threads that run actors have ended. Writes what waits. */
void copi_report_fini(void);

/* Everything about an actor that is being buried. */
void copi_report_collect(struct copi_actor *a, cop_crash *out);

/* cop_crash_text and cop_crash_json, with source lines if `deep` (see
 * probe/symbol.h). */
size_t copi_report_text(const cop_crash *c, bool deep, char *buf, size_t size);
size_t copi_report_json(const cop_crash *c, bool deep, char *buf, size_t size);

/* May source lines be looked for on this stack? */
bool copi_report_may_go_deep(void);

/* The frames of an actor that waits, at most cap; 0: it does not. *wait: not
 * to be made runnable again, and so lost, if it was woken meanwhile. */
unsigned copi_backtrace_parked(struct copi_actor *a, uintptr_t *frames,
                               unsigned cap, bool *woken);

/* The last words of the process, about all actors: in any state, also in a
 * signal handler. */
void copi_report_death(void);

#endif
