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
/* End with this reason (taken), `terminate` first. From init: the start fails
 * with it, without terminate. */
COP_API cop_next cop_next_stop(cop_reason reason);
/* The same, and after terminate answer `from` with a copy of the body. */
COP_API cop_next cop_next_stop_reply(cop_reason reason, cop_from from,
                                     const void *body, size_t size);
/* From init only: end, `normal`; the start returns COP_EIGNORE. */
COP_API cop_next cop_next_ignore(void);

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
 * name is taken; *out is who has it); and as cop_spawn. A start that failed
 * leaves no EXIT message behind. */
COP_API COP_MUST_USE int cop_server_start(cop_pid *out, const cop_server *s,
                                          void *arg,
                                          const cop_server_opts *opts,
                                          cop_reason *why);

/* Asks a server (or supervisor) to stop with `reason` (taken) and waits until
 * it is dead. 0 if it took the request and ended with that reason; COP_EDOWN
 * if it ended otherwise (*why is the caller's); COP_ENOPROC; COP_ETIMEDOUT
 * (it goes on stopping). */
COP_API COP_MUST_USE int cop_server_stop(cop_pid server, cop_reason reason,
                                         cop_time deadline, cop_reason *why);

#ifdef __cplusplus
}
#endif
#endif
