/* SPDX-License-Identifier: MIT
 *
 * sys_debug.h - what is noted about a behaviour's events on demand: trace,
 * log, statistics. See sys_debug.c.
 */
#ifndef COPI_ACTORS_SYS_DEBUG_H
#define COPI_ACTORS_SYS_DEBUG_H

#include <coppice/sys.h>

/* NULL while nothing is on. */
struct copi_debug;

/* Each turns one thing on or off: 0, or COP_ENOMEM with nothing changed. When
 * the last one goes off *d is freed and NULL again. */
int copi_debug_trace(struct copi_debug **d, bool on);
int copi_debug_statistics(struct copi_debug **d, bool on);
int copi_debug_log(struct copi_debug **d, size_t lines);
void copi_debug_free(struct copi_debug *d);

/* A message comes in; NULL: an idle time is over. */
void copi_debug_in(struct copi_debug *d, const cop_msg *m);
/* Whether copi_debug_state has any use; and the state as text. */
bool copi_debug_wants_state(const struct copi_debug *d);
void copi_debug_state(struct copi_debug *d, const char *text);

/* COP_ENOENT: statistics are off. d may be NULL. */
int copi_debug_get_statistics(const struct copi_debug *d, cop_sys_stats *out);
/* How many events are logged, how long they are as text (each with a newline),
 * and the text itself, without a zero. d may be NULL. */
size_t copi_debug_logged(const struct copi_debug *d);
size_t copi_debug_log_bytes(const struct copi_debug *d);
void copi_debug_log_write(const struct copi_debug *d, char *out);

#endif
