/* SPDX-License-Identifier: MIT
 *
 * wire_spawn.h - a spawn, from an isolated actor to its proxy. Rank: 5. See
 * wire_spawn.c.
 */
#ifndef COPI_API_WIRE_SPAWN_H
#define COPI_API_WIRE_SPAWN_H

#include <coppice/actor.h>

#include "runtime/actor/away.h"

/* Begins the body of the question; the copied argument follows. */
struct copi_wire_spawn {
    uint64_t entry; /* a function, or a handler */
    uint64_t arg;
    uint64_t label;
    uint64_t arg_bytes, stack_bytes, memory_max;
    int64_t max_run_ns;
    uint64_t monitor; /* its reference, or 0 */
    uint64_t limit_memory, limit_cpu, limit_files, limit_file;
    uint32_t mailbox_max;
    uint32_t flags;
    uint32_t priority, mailbox_full, isolation, seccomp;
};

/* One that has arrived; points into the body, and to itself. */
struct copi_wire_spawned {
    const cop_handler *handler;
    cop_fn fn;
    void *arg;
    cop_opts opts;
    cop_ref monitor;
    cop_limits limits;
    cop_ref monitored;
};

/* The asker's side. The name goes as the record's. */
void copi_wire_spawn_pack(struct copi_wire_spawn *out,
                          const struct copi_away_spawn *what);

/* The proxy's side: takes a body apart that may hold anything. False: it is
 * none. The pointers in *out are not looked at yet. */
bool copi_wire_spawn_open(struct copi_wire_spawned *out, const void *body,
                          size_t size, const char *name);
/* 0, or COP_EINVAL with *what, which of its pointers means nothing here. */
COP_MUST_USE int copi_wire_spawn_check(struct copi_wire_spawned *s,
                                       const char **what);

#endif
