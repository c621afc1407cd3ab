/* SPDX-License-Identifier: MIT
 *
 * server.h - a server in the manner of gen_server: state and callbacks.
 *
 * A server is a handler actor, so it holds no stack while it waits. Clients
 * use cop_call, cop_cast and cop_send. Write typed client functions around
 * them (samples/05_server.c).
 */
#ifndef COPPICE_SERVER_H
#define COPPICE_SERVER_H

#include <coppice/runtime.h>
#include <coppice/time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a callback says comes next. Made by the functions below. */
typedef struct cop_next {
    int what;
    cop_time idle_ns;
    uint64_t token;
    cop_reason reason;
    cop_from reply_to;
    cop_msg *reply;
} cop_next;

/* Wait for the next message. */
COP_API cop_next cop_next_wait(void);
/* The same; if none comes within idle_ns, the `timeout` callback. Any message
 * cancels it. */
COP_API cop_next cop_next_idle(cop_time idle_ns);
/* The `resume` callback with `token`, before any other message
 * (gen_server's {continue, Token}). */
COP_API cop_next cop_next_continue(uint64_t token);
/* gen_server's hibernate. The same as _wait: a server holds no stack between
 * messages, so there is nothing to give back. */
COP_API cop_next cop_next_hibernate(void);
/* End with this reason (taken), `terminate` first. From init: the start fails
 * with it, without terminate. */
COP_API cop_next cop_next_stop(cop_reason reason);
/* The same, and after terminate answer `from` with a copy of the body. */
COP_API cop_next cop_next_stop_reply(cop_reason reason, cop_from from,
                                     const void *body, size_t size);
/* From init only: end, `normal`; the start returns COP_EIGNORE. */
COP_API cop_next cop_next_ignore(void);

/* Where a server's new state comes from (cop_sys_change_code). All borrowed. */
typedef struct cop_code_change {
    const void *old; /* the old state; once code_change returned 0 it goes,
                        without a word to anybody */
    size_t old_bytes;
    uint32_t old_version; /* cop_server.version of the old definition */
    const void *extra;    /* as given to cop_sys_change_code */
    size_t extra_bytes;
} cop_code_change;

/* Callbacks run one at a time in the server; they may block in any call (the
 * server answers nobody meanwhile). NULL: a default. `m` is borrowed. */
typedef struct cop_server {
    const char *label;  /* in listings */
    size_t state_bytes; /* zeroed before init */
    cop_next (*init)(void *state, void *arg);
    /* A call. Answer with cop_reply(from, ...), here, later, or from another
     * actor. Default: stops with {badarg, "unexpected call ..."}. */
    cop_next (*call)(void *state, const cop_msg *m, cop_from from);
    /* A cast. Default: stops with {badarg, "unexpected cast ..."}. */
    cop_next (*cast)(void *state, const cop_msg *m);
    /* Anything else: plain messages, DOWN, trapped EXIT. Default: ignores. */
    cop_next (*info)(void *state, const cop_msg *m);
    cop_next (*resume)(void *state, uint64_t token); /* after _continue */
    cop_next (*timeout)(void *state);                /* after _idle */
    /* Before it ends by cop_next_stop*, cop_exit in a callback, cop_server_stop
     * or, if it traps exits, an EXIT of its parent. `why` is borrowed. */
    void (*terminate)(void *state, cop_reason why);
    /* The state as text, for cop_sys_get_status and traces: at most `size`
     * bytes with the closing zero, which is there already. */
    void (*format_status)(const void *state, char *buf, size_t size);
    /* Of the new definition: makes its state, zeroed, from the old one. 0; with
     * any other result, and on cop_exit, all stays with the old definition. */
    int (*code_change)(void *state, const cop_code_change *from);
    uint32_t version; /* for the code_change of a later one */
} cop_server;

typedef struct cop_server_opts {
    cop_opts spawn;    /* name, trap_exit, priority, ...; .link links it */
    cop_time start_ns; /* how long init may take; 0: for ever */
} cop_server_opts;

/* Starts a server and waits until its init is done; `s` must outlive it. The
 * argument is only borrowed unless opts.spawn.arg_bytes copies it. Blocks.
 * Actors and foreign threads (these cannot link). *why (may be NULL) is set
 * after COP_EDOWN: what init failed with, the caller's.
 * COP_EDOWN; COP_EIGNORE; COP_ETIMEDOUT (it was killed); COP_ESTARTED (the
 * name is taken; *out is who has it); and as cop_spawn. With
 * .spawn.isolation = COP_ISOLATED, or started by an isolated actor (actor.h),
 * `s` must have been there at cop_start, and a moved argument is COP_EINVAL. A
 * start that failed leaves no EXIT message behind. */
COP_API COP_MUST_USE int cop_server_start(cop_pid *out, const cop_server *s,
                                          void *arg,
                                          const cop_server_opts *opts,
                                          cop_reason *why);

/* The calling actor becomes a server (gen_server:enter_loop), with a copy of
 * the state_bytes at `state` (NULL: zeroes); init is not called. `first` is
 * what comes next, as if init had returned it. Its parent is who spawned it,
 * linked or not: if it traps exits, that one's EXIT ends it. Mailbox, name,
 * links, deferred functions stay; frames are left without unwinding. Without
 * memory it exits with `nomem`. Does not return. Actors only, and not from a
 * callback of a server. */
COP_API COP_NORETURN void cop_server_enter(const cop_server *s,
                                           const void *state, cop_next first);

/* Asks a server (or supervisor) to stop with `reason` (taken) and waits until
 * it is dead. 0 if it took the request and ended with that reason; COP_EDOWN
 * if it ended otherwise (*why is the caller's); COP_ENOPROC; COP_ETIMEDOUT
 * (it goes on stopping). */
COP_API COP_MUST_USE int cop_server_stop(cop_pid server, cop_reason reason,
                                         cop_time deadline, cop_reason *why);

/* --------------------------------------------------------- many at once -- */

/* What one of many answered. */
typedef struct cop_multi_reply {
    cop_pid server;
    int code;       /* 0; COP_ETIMEDOUT; COP_EDOWN; COP_ENOPROC; or why it could
                       not be asked, as cop_send */
    cop_msg *reply; /* after 0: the caller's, to be freed; else NULL */
} cop_multi_reply;

/* Calls n servers at once and waits until all have answered or the deadline:
 * out[i] is of servers[i]. Returns how many answered. A reply that comes later
 * is never seen. The servers see a helper, an actor made for the call, as who
 * asks. Blocks. Actors and foreign threads. COP_EINVAL; as cop_spawn;
 * COP_ENOTSUP (by an isolated actor); COP_EDOWN (the helper was ended): then
 * each row has that code and no reply. */
COP_API COP_MUST_USE int cop_multi_call(const cop_pid *servers, size_t n,
                                        cop_tag tag, const void *body,
                                        size_t size, cop_multi_reply *out,
                                        cop_time deadline);
/* The same with the members of a group (registry.h), one that joined twice
 * being asked twice. *asked (may be NULL) is how many there are. COP_ESIZE:
 * more than `cap`, nobody was asked; and as cop_group_members. */
COP_API COP_MUST_USE int cop_multi_call_group(cop_pid scope, const char *group,
                                              cop_tag tag, const void *body,
                                              size_t size, cop_multi_reply *out,
                                              size_t cap, size_t *asked,
                                              cop_time deadline);
/* Casts to each of n. Returns how many took it (a dead one does, as in
 * cop_cast); COP_EINVAL, COP_ESIZE, COP_ESTOPPED. Does not block. */
COP_API int cop_abcast(const cop_pid *pids, size_t n, cop_tag tag,
                       const void *body, size_t size);

#ifdef __cplusplus
}
#endif
#endif
