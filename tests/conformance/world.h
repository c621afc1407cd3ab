/* SPDX-License-Identifier: MIT
 *
 * world.h - what runner and actors share while a scenario runs: who has which
 * name, and the log of what happened. See world.c. Any thread.
 */
#ifndef CONFORMANCE_WORLD_H
#define CONFORMANCE_WORLD_H

#include "tests/conformance/scenario.h"

void world_init(struct scenario *s);
void world_fini(void);
/* From now on the runtime is being stopped: who goes on meanwhile, as what it
 * waited for has ended, is not to be taken seriously. */
void world_end(void);
bool world_has_ended(void);

/* ----------------------------------------------------------------- names -- */

struct entity *world_entity(const char *name); /* or NULL */
/* The process that a name stands for, COP_NO_PID if it is no name. */
cop_pid world_pid(const char *name);
/* `who` stands for `pid` from now on. */
void world_bind(struct entity *who, cop_pid pid);
/* `handle` is another name for `pid`, which goes on under its own. */
void world_bind_handle(struct entity *handle, cop_pid pid);
/* "NAME start", once for each process. */
void world_started(struct entity *who, cop_pid pid);
/* As world_bind if nobody knows `pid` yet, with the line "NAME start": for who
 * cannot say itself that it has begun (a supervisor), or may not have yet.
 * False: it is known. */
bool world_announce(struct entity *who, cop_pid pid);
/* The process's death is said by another line than "NAME exit". */
void world_start_failed(cop_pid pid);
/* Under which name it was started, "?" if under none. */
const char *world_name(cop_pid pid);
struct entity *world_entity_of(cop_pid pid); /* or NULL */
/* How often something has been started as `who`, this time included. */
unsigned world_count_start(struct entity *who);

/* Monitors, aliases and timers by the names that steps give them. */
enum thing { THING_MONITOR, THING_ALIAS, THING_TIMER };

union handle {
    cop_ref monitor;
    cop_alias alias;
    cop_timer timer;
};

void world_set(enum thing kind, const char *name, union handle h);
union handle world_get(enum thing kind, const char *name); /* zero: none */
const char *world_monitor_name(cop_ref ref);               /* "?": none */

/* ------------------------------------------------------------------- log -- */

/* Appends the line "NAME TEXT". */
void world_log(const char *name, const char *fmt, ...) COP_PRINTF(2, 3);
/* Prints what was logged since the last time, but for the exits of processes
 * whose start failed. False: that was nothing. `head` comes first if there is
 * something. */
bool world_flush(const char *head);

/* --------------------------------------------------------------- reasons -- */

cop_reason reason_of(const char *word);
#define REASON_TEXT 160
/* As a scenario writes it: "boom", "shutdown:x". Returns buf. */
const char *reason_text(cop_reason why, char *buf);

/* ---------------------------------------------------------------- groups -- */

void world_set_groups(cop_pid scope);
cop_pid world_groups(void);

#endif
