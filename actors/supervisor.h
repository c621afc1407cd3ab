/* SPDX-License-Identifier: MIT
 *
 * supervisor.h - what the files of the supervisor share: its record, its
 * children, and the protocol between it and its clients.
 *
 *     supervisor.c          the server: init, requests, EXIT messages
 *     supervisor_child.c    one child: starting, stopping, its states
 *     supervisor_restart.c  when to restart, whom, and when to give up
 *     supervisor_stop.c     stopping one, and all
 *     supervisor_client.c   the public functions
 *     supervisor_tree.c     cop_sup_tree
 */
#ifndef COPI_ACTORS_SUPERVISOR_H
#define COPI_ACTORS_SUPERVISOR_H

#include <coppice/inspect.h>
#include <coppice/supervisor.h>

#include "actors/index.h"
#include "actors/route.h"
#include "actors/spec.h"

/* ------------------------------------------------------------- protocol -- */

/* tag, body -> answer. Code and reason travel as a copi_answer. What is flat
 * may come from, and go to, an isolated actor's process: neither side believes
 * it. A specification holds addresses. */
enum copi_sup_tag {
    COPI_SUP_START = COP_TAG_BEHAVIOUR + 0x200, /* copi_spec -> answer */
    COPI_SUP_SPEC,                              /* text -> copi_sup_found */
    COPI_SUP_RETRY,                             /* to itself: struct retry */
    COPI_SUP_TERMINATE = COP_TAG_BEHAVIOUR_FLAT + 0x200, /* text -> answer */
    COPI_SUP_TERMINATE_PID,                              /* pid -> answer */
    COPI_SUP_RESTART,                                    /* text -> answer */
    COPI_SUP_DELETE,                                     /* text -> answer */
    COPI_SUP_WHICH, /* size_t cap -> copi_sup_list */
    COPI_SUP_COUNT  /* - -> cop_child_counts */
};

enum copi_sup_kind {
    COPI_KIND_ACTOR,
    COPI_KIND_SERVER,
    COPI_KIND_SUPERVISOR,
    COPI_KIND_START
};

struct copi_sup_row {
    cop_child_info info;
    uint32_t kind; /* enum copi_sup_kind */
};

struct copi_sup_list {
    size_t total; /* children there are; of these the first `listed` follow */
    size_t listed;
    cop_strategy strategy;
    struct copi_sup_row rows[];
};

struct copi_sup_found {
    int code;
    cop_child spec;
};

/* Asks for up to `cap` children: 0 and a list in *reply, which is the caller's;
 * or as cop_call, COP_EINVAL if what answers is no supervisor. */
int copi_sup_ask_list(cop_msg **reply, const struct copi_sup_list **list,
                      cop_pid sup, size_t cap, cop_time deadline);

/* --------------------------------------------------------------- inside -- */

struct copi_child {
    struct copi_child *prev, *next;   /* in the order of start */
    struct copi_index_node by_pid;    /* with a pid */
    struct copi_index_node by_id;     /* not of a pool */
    struct copi_index_node by_serial; /* while restarting */
    uint64_t serial;
    const cop_child *spec;
    const cop_child *given; /* the same as the user gave it */
    struct copi_spec *own;  /* holds spec, if it was added; owned */
    void *arg;              /* instead of the template's, if has_arg */
    size_t arg_bytes;
    bool has_arg;
    bool has_timer;
    cop_child_state state;
    unsigned backoff_level;
    cop_pid pid; /* restarting, of a pool: the last one */
    uint64_t restarts;
    cop_time tried_ns; /* when it was started last */
    cop_time kill_at;  /* of a pool that ends: how long it may take */
    cop_timer timer;   /* the pause before a restart */
};

/* Instants of the restarts that still count, oldest first: a ring. */
struct copi_window {
    cop_time *at;
    size_t room, first, count;
};

struct copi_sup {
    const cop_sup *spec;
    struct copi_child *first, *last;
    size_t count;
    size_t restarting;  /* children in that state */
    size_t significant; /* significant ones that are not undefined */
    struct copi_index by_pid, by_id, by_serial;
    uint64_t serial; /* of the newest child */
    struct copi_window window;
    cop_sup_state shown;      /* while somebody looks (sys.h) */
    struct copi_route *route; /* partitioned: where its children are */
    bool is_from_isolated;    /* pointers as the user gave them are no use */
};

static inline bool copi_sup_is_simple(const struct copi_sup *s)
{
    return s->spec->strategy == COP_SIMPLE_ONE_FOR_ONE;
}

/* A *pool*: its children come and go, have no ids and are known by pid. */
static inline bool copi_sup_is_pool(const struct copi_sup *s)
{
    return copi_sup_is_simple(s) || s->spec->strategy == COP_DYNAMIC;
}

/* supervisor_child.c */

/* A child at the end of the list, without a process. `own` is taken on
 * success. NULL: no memory. */
struct copi_child *copi_child_new(struct copi_sup *s, const cop_child *spec,
                                  const cop_child *given,
                                  struct copi_spec *own);
/* Removes and frees one that has no process. */
void copi_child_forget(struct copi_sup *s, struct copi_child *c);
void copi_child_free_all(struct copi_sup *s);
/* Makes it the last one of the list. */
void copi_child_to_end(struct copi_sup *s, struct copi_child *c);

struct copi_child *copi_child_by_id(const struct copi_sup *s, const char *id);
struct copi_child *copi_child_by_pid(const struct copi_sup *s, cop_pid pid);
struct copi_child *copi_child_by_serial(const struct copi_sup *s,
                                        uint64_t serial);

/* Tells those who look for it by a route where it is. */
void copi_child_route(struct copi_sup *s, const struct copi_child *c,
                      cop_pid pid);
/* The one door for changes of state; pid: only if it is up. */
void copi_child_become(struct copi_sup *s, struct copi_child *c,
                       cop_child_state state, cop_pid pid);
/* Starts it: 0, it is up; COP_EIGNORE, it has no process; or another code with
 * *why set, its state is as before. */
int copi_child_start(struct copi_sup *s, struct copi_child *c, cop_reason *why);
/* It ended, or was stopped, and is not to be restarted: without a process, or
 * forgotten if it is temporary. */
void copi_child_retire(struct copi_sup *s, struct copi_child *c);
enum copi_sup_kind copi_child_kind(const cop_child *spec);

/* supervisor_stop.c */

/* Stops it in the way of its specification; it is without a process then. */
void copi_child_stop(struct copi_sup *s, struct copi_child *c);
/* Stops all: in reverse order, one by one; a pool all at once. */
void copi_child_stop_all(struct copi_sup *s);

/* supervisor_restart.c */

/* A child that was up ended by itself. */
cop_next copi_restart_ended(struct copi_sup *s, struct copi_child *c,
                            bool orderly);
/* A COPI_SUP_RETRY came. */
cop_next copi_restart_retry(struct copi_sup *s, const cop_msg *m);
/* The same without a message. */
cop_next copi_restart_resume(struct copi_sup *s, uint64_t serial);

/* supervisor.c */

/* Is it a supervisor, whatever it is called? */
bool copi_sup_is(const cop_info *i);

struct copi_sup_how {
    enum copi_spec_source source;
    bool link;      /* to the calling actor */
    bool keep_exit; /* as of copi_server_start */
    bool is_routed; /* its children can be found by copi_route_pid */
};

/* As cop_sup_start. */
int copi_sup_start(cop_pid *out, const cop_sup *sup,
                   const struct copi_sup_how *how, const cop_opts *opts,
                   cop_reason *why);

#endif
