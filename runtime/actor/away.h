/* SPDX-License-Identifier: MIT
 *
 * away.h - the door out of a process that holds one isolated actor only: the
 * others are away, in the process that spawned it. Rank: 3.
 *
 * Empty in every other process. Who does not find an actor by its pid asks
 * copi_is_away before it takes the pid for dead. api/isolated_child.c fills
 * the table before the runtime starts there, and nobody changes it then.
 */
#ifndef COPI_ACTOR_AWAY_H
#define COPI_ACTOR_AWAY_H

#include "runtime/base/base.h"

#include <coppice/actor.h>

struct copi_actor;

/* What to spawn out there. */
struct copi_away_spawn {
    const cop_handler *handler; /* or */
    cop_fn fn;
    void *arg;
    const cop_opts *opts;
    cop_ref monitor; /* that opts->monitor is to get, or none */
};

/* Of a body that an isolated actor sends; bytes. */
#define COPI_AWAY_BODY_MAX ((size_t)64 << 20)

/* What only the other side can answer. */
enum copi_ask {
    COPI_ASK_WHEREIS,    /* name: *out */
    COPI_ASK_REGISTER,   /* name, pid */
    COPI_ASK_UNREGISTER, /* name */
    COPI_ASK_ALIVE,      /* pid: 1 or 0 */
    COPI_ASK_LINK,       /* pid */
    COPI_ASK_UNLINK,     /* pid */
    COPI_ASK_TRAP,       /* pid.id: 1 or 0 */
    COPI_ASK_SPAWN,      /* name, what: *out */
    COPI_ASK_COUNT
};

struct copi_away {
    /* As copi_signal_send. */
    void (*signal)(cop_pid to, struct cop_msg *m);
    /* Waits for the answer: a code, and a pid. */
    int (*ask)(enum copi_ask what, cop_pid pid, const char *name, cop_pid *out);
    /* As cop_spawn; the watcher's side of a monitor is the caller's. */
    int (*spawn)(const struct copi_away_spawn *what, cop_pid *out);
    /* An actor is being buried; its own decisions are all carried out. */
    void (*ended)(struct copi_actor *a);
};

extern struct copi_away copi_away;

static inline bool copi_is_away(void)
{
    return copi_away.signal != NULL;
}

#endif
