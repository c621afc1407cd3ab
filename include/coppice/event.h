/* SPDX-License-Identifier: MIT
 *
 * event.h - an event manager in the manner of gen_event: one actor, any number
 * of handlers, each of which sees every event.
 *
 *     static const cop_event_handler console = {
 *         .label = "console", .state_bytes = sizeof(struct console),
 *         .event = console_event};
 *
 *     cop_event_start(&log, &(cop_opts){.name = "log", .link = true});
 *     cop_event_add_handler(log, cop_event_named(&console, 0), NULL, 0, NULL);
 *     cop_event_notify(log, LOG_LINE, line, strlen(line));
 *
 * A handler is named by its definition and a number ({Module, Id}). The same
 * name may be given several times: the newest one is then meant, as in OTP.
 * The newest handler gets an event first. A handler that fails (it exits, or
 * says so) is removed and reported by cop_log; the manager and the other
 * handlers go on.
 *
 * A manager traps exits. It ends by cop_server_stop, with its parent if it was
 * linked to it from the beginning, and by `kill`. It is asked by any actor or
 * foreign thread; a request of one of its own handlers gives COP_EDEADLOCK, but
 * cop_event_notify is no request.
 *
 * Callbacks run one at a time in the manager; they may block in any call, and
 * then all wait. What a handler owns beside its state is for `terminate`, which
 * is not called when the manager is killed; what must happen at every end of
 * the manager is for cop_defer.
 */
#ifndef COPPICE_EVENT_H
#define COPPICE_EVENT_H

#include <coppice/server.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cop_event_handler;

/* What names a handler in its manager. */
typedef struct cop_event_id {
    const struct cop_event_handler *handler;
    uint64_t id;
} cop_event_id;

static inline cop_event_id
cop_event_named(const struct cop_event_handler *handler, uint64_t id)
{
    cop_event_id name;

    name.handler = handler;
    name.id = id;
    return name;
}

/* ------------------------------------------------------------- verdicts -- */

/* What a callback says comes next. Made by the functions below. */
typedef struct cop_event_next {
    int what;
    cop_reason reason;
    cop_event_id to;
    struct cop_event_swap_args *swap;
} cop_event_next;

/* Stay; zero bytes mean the same. */
COP_API cop_event_next cop_event_keep(void);
/* The same: a manager holds no stack between messages, so it always
 * hibernates. */
COP_API cop_event_next cop_event_hibernate(void);
/* Be removed: terminate with COP_EVENT_REMOVED. */
COP_API cop_event_next cop_event_remove(void);
/* Be removed for an error, as by cop_exit(reason): terminate with
 * COP_EVENT_FAILED. From init: the handler is not added. Takes the reason. */
COP_API cop_event_next cop_event_fail(cop_reason reason);
/* Be replaced, at the same place: terminate with COP_EVENT_SWAPPED and a copy
 * of `left`, then init of `to` with a copy of `arg`. A supervised handler's
 * successor is supervised, too. To be made last, in the return statement: the
 * copies are lost if the manager is killed between. Without memory the handler
 * fails with `nomem`. */
COP_API cop_event_next cop_event_swap(const void *left, size_t left_bytes,
                                      cop_event_id to, const void *arg,
                                      size_t arg_bytes);

/* ------------------------------------------------------------- handlers -- */

/* How it begins. */
typedef struct cop_event_init {
    const void *arg; /* borrowed for the call; NULL if it has no bytes */
    size_t arg_bytes;
    uint64_t id;
    bool swapped; /* it takes another's place: */
    /* what the other's terminate gave. It may be taken: set it to NULL. */
    cop_msg *old;
    /* 0; COP_ENOENT: there was no such handler; COP_EFAILED: its terminate
     * exited, with old_why (borrowed). */
    int old_code;
    cop_reason old_why;
} cop_event_init;

typedef enum cop_event_cause {
    COP_EVENT_DELETED,  /* cop_event_delete_handler: arg */
    COP_EVENT_SWAPPED,  /* it is to be replaced: arg */
    COP_EVENT_REMOVED,  /* it said cop_event_remove */
    COP_EVENT_FAILED,   /* it exited, or said cop_event_fail: reason */
    COP_EVENT_ORPHANED, /* its supervising actor ended: reason */
    COP_EVENT_STOPPED   /* the manager ends */
} cop_event_cause;

/* How it ends; all of it borrowed for the call. */
typedef struct cop_event_end {
    cop_event_cause cause;
    cop_reason reason; /* else normal */
    const void *arg;   /* else NULL */
    size_t arg_bytes;
} cop_event_end;

/* NULL callbacks: a default. `m` is borrowed for the call, and as others get
 * it as well it cannot be kept (cop_keep). */
typedef struct cop_event_handler {
    const char *label;  /* in reports; the same for all handlers of a kind */
    size_t state_bytes; /* zeroed before init; freed after terminate */
    cop_event_next (*init)(void *state, cop_event_init *how);
    /* An event. Default: ignores. */
    cop_event_next (*event)(void *state, const cop_msg *m);
    /* A cop_event_call: tag and body as they were given, without a sender
     * (from.pid is who asks). Answer with cop_event_reply, now or later, also
     * if it is the last thing it does; who is not answered waits until its
     * deadline. Default: fails with {badarg, ...}. */
    cop_event_next (*call)(void *state, const cop_msg *m, cop_from from);
    /* Any other message: plain ones, DOWN, EXIT. Default: ignores. */
    cop_event_next (*info)(void *state, const cop_msg *m);
    /* Last. What it returns, a message that the caller owns or NULL, goes to
     * who deleted it, or to its successor; else it is freed. Its tag means
     * nothing. */
    cop_msg *(*terminate)(void *state, const cop_event_end *end);
    /* Of a new version (cop_sys_change_code): which definition it replaces, and
     * how the state (zeroed) is made of the old one. 0, or a code: nothing is
     * changed. Default: copied if the sizes are equal, else COP_ESIZE. What the
     * handlers are named by remains the old definition. */
    const struct cop_event_handler *replaces;
    int (*code_change)(void *state, const void *old, const void *extra,
                       size_t extra_bytes);
} cop_event_handler;

/* Answers a cop_event_call with a copy of the body. Any actor or thread; does
 * not block. As cop_reply: COP_EREPLIED; COP_ENOMEM; COP_EINVAL. COP_ESIZE. */
COP_API int cop_event_reply(cop_from to, const void *body, size_t size);

/* -------------------------------------------------------------- manager -- */

/* Starts a manager without handlers; .link links it, .trap_exit is always on,
 * an argument means nothing. Blocks. Actors and foreign threads (these cannot
 * link). COP_ESTARTED (the name is taken; *out is who has it); COP_EDOWN (it
 * had no memory, or was killed); COP_ENOTSUP (.isolation is COP_ISOLATED: what
 * it answers holds pointers); and as cop_spawn. opts may be NULL. */
COP_API COP_MUST_USE int cop_event_start(cop_pid *out, const cop_opts *opts);

/* Tells all handlers. Never blocks; any actor, any thread. A dead manager is
 * no error. This is cop_cast: use cop_cast_name for a name. */
COP_API int cop_event_notify(cop_pid manager, cop_tag tag, const void *body,
                             size_t size);

/* All below wait for the manager, without limit unless they take a deadline,
 * and can say of it COP_ENOPROC, COP_EDOWN, COP_EDEADLOCK; and COP_ENOMEM,
 * COP_EFULL, COP_ESTOPPED as cop_call; COP_EINVAL (no handler named, NULL with
 * a size, or what answers is no manager). Arguments are copied. *why and
 * *result may be NULL, else they are set on every path and the caller's. */

/* Tells all handlers and returns when each has had its turn, 0 whatever became
 * of it. */
COP_API COP_MUST_USE int cop_event_sync_notify(cop_pid manager, cop_tag tag,
                                               const void *body, size_t size);

/* Adds a handler, in front of the others. COP_EFAILED: its init failed with
 * *why. */
COP_API COP_MUST_USE int cop_event_add_handler(cop_pid manager, cop_event_id h,
                                               const void *arg,
                                               size_t arg_bytes,
                                               cop_reason *why);
/* The same, supervised by the calling actor: the two are linked (from now on,
 * even if init fails); when the handler ends the caller gets COP_EVENT_EXIT;
 * when the caller ends the handler does, with COP_EVENT_ORPHANED. Actors only,
 * else COP_EINVAL. */
COP_API COP_MUST_USE int
cop_event_add_sup_handler(cop_pid manager, cop_event_id h, const void *arg,
                          size_t arg_bytes, cop_reason *why);

/* Removes a handler: terminate with COP_EVENT_DELETED and `arg`; *result is
 * what that gave, or NULL. COP_ENOENT; COP_EFAILED: it is removed, but
 * terminate exited with *why. */
COP_API COP_MUST_USE int
cop_event_delete_handler(cop_pid manager, cop_event_id h, const void *arg,
                         size_t arg_bytes, cop_msg **result, cop_reason *why);

/* Puts `to` in the place of `h`, in front of all: terminate of `h` with
 * COP_EVENT_SWAPPED and `left`, then init of `to`. If there is no `h`, `to` is
 * added all the same. Who supervised `h` supervises `to`. COP_EFAILED: init
 * failed with *why; `h` is gone. */
COP_API COP_MUST_USE int
cop_event_swap_handler(cop_pid manager, cop_event_id h, const void *left,
                       size_t left_bytes, cop_event_id to, const void *arg,
                       size_t arg_bytes, cop_reason *why);
/* The same; from now on the calling actor supervises. */
COP_API COP_MUST_USE int
cop_event_swap_sup_handler(cop_pid manager, cop_event_id h, const void *left,
                           size_t left_bytes, cop_event_id to, const void *arg,
                           size_t arg_bytes, cop_reason *why);

/* Asks one handler: its `call`. Copies at most `cap` bytes of the answer to
 * `reply` and returns its size. COP_ENOENT: no such handler. COP_EFAILED: it
 * failed with *why, and is removed. COP_ETIMEDOUT: a late answer is never
 * seen. COP_EINVAL also for a tag above COP_TAG_MAX, or 0. */
COP_API COP_MUST_USE int cop_event_call(cop_pid manager, cop_event_id h,
                                        cop_tag tag, const void *body,
                                        size_t size, void *reply, size_t cap,
                                        cop_time deadline, cop_reason *why);

/* Asks one handler without waiting (gen_event:send_request): what comes for
 * *out, and how to wait for it, is as of cop_request. Actors only. Errors as
 * cop_send; COP_EINVAL as above. */
COP_API COP_MUST_USE int cop_event_request(cop_ref *out, cop_pid manager,
                                           cop_event_id h, cop_tag tag,
                                           const void *body, size_t size);
/* What a message that came for such a request says, its COP_REPLY or its DOWN:
 * the answer's size and *body (may be NULL), borrowed from the message; or
 * COP_ENOENT, COP_EFAILED as cop_event_call; COP_ENOPROC, COP_EDOWN with the
 * manager's *why; COP_EINVAL: it is no answer of a manager. Any thread. */
COP_API COP_MUST_USE int cop_event_response(const cop_msg *m, const void **body,
                                            cop_reason *why);

/* Up to `cap` handlers, the newest first; returns how many there are. */
COP_API COP_MUST_USE int
cop_event_which_handlers(cop_pid manager, cop_event_id *out, size_t cap);

/* Copies at most `cap` bytes of a handler's state, as it is between two
 * messages, and returns its size. COP_ENOENT. (cop_sys_get_state shows the
 * newest handler's, and of a suspended manager, too.) */
COP_API COP_MUST_USE int
cop_event_handler_state(cop_pid manager, cop_event_id h, void *out, size_t cap);

/* ---------------------------------------------------------- supervision -- */

/* A handler ended, says the manager to who supervises it. A message like any
 * other: a full mailbox may refuse it. */
#define COP_EVENT_EXIT (COP_TAG_BEHAVIOUR + 0x600)

typedef struct cop_event_exit {
    cop_event_id handler;
    /* normal (deleted, removed), shutdown (the manager ends, or takes the
     * supervising actor for dead), `swapped`, or what it failed with; `crash`
     * if it failed in its init, put there by a handler's own swap. Borrowed
     * from the message. */
    cop_reason reason;
    /* Of `swapped`: by whom it was replaced, and who supervises that. */
    cop_event_id to;
    cop_pid by;
} cop_event_exit;

#ifdef __cplusplus
}
#endif
#endif
