/* SPDX-License-Identifier: MIT
 *
 * isolated.h - isolated actors: an actor in a process of its own, and the proxy
 * that has its pid here. Rank: 5. See isolated.c, isolated_proxy.c and
 * isolated_child.c.
 */
#ifndef COPI_API_ISOLATED_H
#define COPI_API_ISOLATED_H

#include "runtime/actor/actor.h"
#include "runtime/api/given.h"
#include "runtime/api/scope.h"
#include "runtime/api/wire.h"
#include "runtime/api/wire_spawn.h"
#include "runtime/api/zygote.h"

/* What the child is to be: constant once its process exists, and believed by
 * the child only. */
struct copi_isolated_boot {
    cop_pid pid, parent;
    const cop_handler *handler; /* NULL: a coroutine actor */
    cop_fn fn;
    void *arg;
    uint64_t arg_bytes;
    uint64_t first_ref;
    size_t stack_bytes, memory_max;
    cop_time max_run_ns;
    bool trap_exit, urgent, has_limits, no_trap;
    cop_limits limits;
    cop_seccomp seccomp;
    unsigned reductions;
    cop_time slice_ns;
};

/* What both processes map. */
struct copi_isolated_shared {
    struct copi_isolated_boot boot;
    struct copi_pipe_shared down, up; /* to the child, from it */
};

enum copi_isolated_state {
    COPI_ISOLATED_NEW,   /* the zygote knows nothing of it */
    COPI_ISOLATED_ASKED, /* has or will have a process */
    COPI_ISOLATED_ENDED  /* has none any more */
};

struct copi_isolated {
    /* Constant once it is in the table. */
    struct copi_zygote_key key;
    cop_pid pid;
    int bell; /* that the child rings */
    struct copi_isolated_shared *map;

    /* The proxy's own. */
    struct copi_isolated_boot boot;
    void *arg_copy;
    struct copi_pipe up, down;
    struct copi_wire_in in;
    unsigned char *out; /* what the pipe had no room for, from out_at on */
    size_t out_at, out_end, out_room;
    cop_ref mark; /* how far the mailbox was searched for a wake */
    struct copi_given given;
    bool is_placed; /* in the table */

    /* Any thread. */
    _Atomic uint32_t woken; /* a wake is in the proxy's mailbox */
    _Atomic uint32_t ended; /* the process is: `how` is set */

    /* Under the table's lock. */
    enum copi_isolated_state state;
    int memory; /* its descriptor until the zygote has it, or -1 */
    bool proxy_gone;
    bool is_todo; /* on the list of those that the zygote has to hear of */
    bool wake_owed;
    struct copi_isolated *todo_next;
    int os_pid;

    /* Before `ended`: what ended it. */
    enum { COPI_ENDED_STATUS, COPI_ENDED_FORK, COPI_ENDED_ZYGOTE } how;
    int status; /* of waitpid, or errno */
};

/* Wakes a proxy; never a program's. */
#define COPI_TAG_WAKE ((cop_tag)0xffffffffu)

/* ------------------------------------------------ the table (isolated.c) -- */

/* Starts what isolated actors need, if the configuration asks for it. 1: this
 * is the zygote. */
COP_MUST_USE int copi_isolated_fork_zygote(void);
COP_NORETURN void copi_isolated_be_zygote(void);
COP_MUST_USE int copi_isolated_start(void);
/* Once all actors have ended; also after only the fork. */
void copi_isolated_stop(void);
bool copi_isolated_is_possible(void);

/* From now on it has a place, is woken, and gets a process. 0; COP_ENOMEM;
 * COP_ESYS. */
COP_MUST_USE int copi_isolated_add(struct copi_isolated *iso);
/* Its proxy is gone: so will be its process, and then it. */
void copi_isolated_remove(struct copi_isolated *iso);
/* Frees one that has no place. */
void copi_isolated_free(struct copi_isolated *iso);
/* Of the process of an isolated actor; 0: it has none, or that cannot be seen
 * without waiting. */
int copi_isolated_os_pid(cop_pid pid);

/* ------------------------------------------ the proxy (isolated_proxy.c) -- */

/* The function and the release of a proxy; the argument is the
 * struct copi_isolated. */
void copi_isolated_proxy(void *iso);
void copi_isolated_release(void *iso);

/* ------------------------------------------ the child (isolated_child.c) -- */

/* The rest of the life of a process that the zygote has forked. */
COP_NORETURN void copi_isolated_child(int memory, int bell);

/* ----------------------------------------------------------- (spawn.c) -- */

/* Spawns the one actor of a child's process. */
COP_MUST_USE int copi_spawn_isolated(const struct copi_isolated_boot *b);
/* Spawns what its process asked for; by the proxy, inside. As cop_spawn. */
COP_MUST_USE int copi_spawn_for_isolated(cop_pid *out,
                                         const struct copi_wire_spawned *r,
                                         const struct copi_scope *s);

#endif
