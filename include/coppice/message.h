/* SPDX-License-Identifier: MIT
 *
 * message.h - messages: making, reading and sending them.
 *
 * A message is an envelope (tag, sender, reference) and a body of bytes. It
 * is owned by exactly one of its builder, a mailbox, or its receiver. What a
 * receive gives is borrowed: valid until the same actor receives again, or
 * ends, unless it is kept with cop_keep.
 */
#ifndef COPPICE_MESSAGE_H
#define COPPICE_MESSAGE_H

#include <coppice/reason.h>
#include <coppice/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cop_msg cop_msg;

/* -------------------------------------------------------------- reading -- */

COP_API cop_tag cop_msg_tag(const cop_msg *m);
/* Who sent it; for COP_EXIT and COP_DOWN who ended; for a timer's message who
 * set the timer; COP_NO_PID if it came from a foreign thread. */
COP_API cop_pid cop_msg_sender(const cop_msg *m);
/* Of COP_DOWN the monitor, of COP_TIMEOUT the timer's id, of a reply the
 * request; else COP_NO_REF, or the alias it was sent to. */
COP_API cop_ref cop_msg_ref(const cop_msg *m);
/* The body and its size in bytes; never NULL. Aligned for any type. */
COP_API const void *cop_msg_body(const cop_msg *m);
COP_API size_t cop_msg_size(const cop_msg *m);
/* Of COP_EXIT and COP_DOWN: the reason, borrowed from the message. */
COP_API cop_reason cop_msg_reason(const cop_msg *m);
/* Of COP_DOWN: the name that was monitored, or "" if it was a pid. */
COP_API const char *cop_msg_name(const cop_msg *m);

/* How it was sent. */
typedef enum cop_msg_kind {
    COP_MSG_PLAIN, /* cop_send, timers, and what the runtime makes ("info") */
    COP_MSG_CAST,  /* cop_cast */
    COP_MSG_CALL   /* cop_call, cop_request: an answer is awaited */
} cop_msg_kind;
COP_API cop_msg_kind cop_msg_how(const cop_msg *m);

/* Of COP_MSG_CALL: whom to answer; else zero. */
COP_API cop_from cop_msg_from(const cop_msg *m);

/* The body if it has exactly `size` bytes; else the receiver exits with
 * {badarg, ...} that names tag and sizes (outside an actor: aborts). */
COP_API const void *cop_msg_expect(const cop_msg *m, size_t size);
#define cop_msg_as(m, type) ((const type *)cop_msg_expect((m), sizeof(type)))

/* --------------------------------------------------------------- making -- */

/* A message with room for `size` bytes, which cop_msg_fill gives access to.
 * *out is the caller's: of an actor, until it ends, when what it has built or
 * kept, and not freed or sent, is released. COP_ENOMEM; COP_EINVAL (tag 0, or
 * one of the runtime's); COP_ESIZE (above 1 GiB). */
COP_API COP_MUST_USE int cop_msg_new(cop_msg **out, cop_tag tag, size_t size);
COP_API void *cop_msg_fill(cop_msg *m);
/* A message whose body is `body` itself, not a copy: given to `release`
 * (NULL: nobody) with `size` when the message goes. Taken on success only.
 * `release` is called once, wherever that is: in the receiver's next receive or
 * at its end, in the sender's call if nobody takes the message, on any thread.
 * It must not block, receive, or exit. A fault in it ends the actor in whose
 * turn it is called (samples/ISOLATION.md). */
COP_API COP_MUST_USE int cop_msg_new_moved(cop_msg **out, cop_tag tag,
                                           void *body, size_t size,
                                           void (*release)(void *, size_t));
/* Whether its body was moved into it with this `release`. Nothing that comes
 * from the process of an isolated actor was: so a body with addresses in it can
 * be told from one that only looks alike. */
COP_API bool cop_msg_is_moved(const cop_msg *m,
                              void (*release)(void *, size_t));
/* Frees a message that the caller owns (built, or kept). NULL is ignored. */
COP_API void cop_msg_free(cop_msg *m);

/* Who passes the pointer of a message of its own to somebody else, within
 * another message, disowns it first: it is nobody's then, and must be freed or
 * sent by who has it, or become the calling actor's by cop_msg_own (COP_ENOMEM:
 * it is still nobody's; not in an actor nothing happens). The same for what is
 * built on threads that are no actors: it is nobody's. */
COP_API COP_MUST_USE int cop_msg_own(cop_msg *m);
COP_API void cop_msg_disown(cop_msg *m);

/* Makes a received message the caller's own, so that it survives the next
 * receive; free it, or send it on. Returns it without const. */
COP_API cop_msg *cop_keep(const cop_msg *m);

/* ------------------------------------------------------- shared bodies -- */

/* An immutable, counted buffer: one copy, many receivers. */
typedef struct cop_buf cop_buf;

/* A buffer with a copy of `size` bytes, count 1, the caller's. COP_ENOMEM. */
COP_API COP_MUST_USE int cop_buf_new(cop_buf **out, const void *data,
                                     size_t size);
COP_API cop_buf *cop_buf_retain(cop_buf *b);
COP_API void cop_buf_release(cop_buf *b);
COP_API const void *cop_buf_data(const cop_buf *b);
COP_API size_t cop_buf_size(const cop_buf *b);
/* Sends a message whose body is the buffer's content, without a copy. The
 * caller keeps its own count. As cop_send. */
COP_API int cop_send_buf(cop_pid to, cop_tag tag, cop_buf *b);

/* -------------------------------------------------------------- sending -- */

/* Sends (tag, copy of the body) to `to`. Never blocks; any actor, any thread.
 * A dead or forged pid is no error: the message is counted and becomes a dead
 * letter. COP_ENOMEM; COP_EFULL (the receiver's policy is COP_FULL_FAIL);
 * COP_EINVAL (tag); COP_ESTOPPED. */
COP_API int cop_send(cop_pid to, cop_tag tag, const void *body, size_t size);

/* As cop_send, with a message that is taken on every path. */
COP_API int cop_send_msg(cop_pid to, cop_msg *m);

/* To whoever is registered as `name` now. COP_ENOPROC if nobody is. */
COP_API int cop_send_name(const char *name, cop_tag tag, const void *body,
                          size_t size);

/* To an alias: dropped without a word if it is no longer active. */
COP_API int cop_send_alias(cop_alias to, cop_tag tag, const void *body,
                           size_t size);

/* As cop_send, but overtakes ordinary messages if the receiver was spawned
 * with .urgent, or `to` is an alias made with COP_ALIAS_PRIORITY; urgent
 * messages keep their order among themselves. Otherwise an ordinary send. */
COP_API int cop_send_urgent(cop_pid to, cop_tag tag, const void *body,
                            size_t size);
COP_API int cop_send_alias_urgent(cop_alias to, cop_tag tag, const void *body,
                                  size_t size);

/* A send that a server tells apart from plain messages (gen_server:cast). */
COP_API int cop_cast(cop_pid to, cop_tag tag, const void *body, size_t size);
COP_API int cop_cast_name(const char *name, cop_tag tag, const void *body,
                          size_t size);

/* ------------------------------------------------------- request, reply -- */

/* Sends a request and waits for its answer: monitor, alias and deadline in
 * one. Copies at most `cap` bytes of the reply's body to `reply` and returns
 * the body's size (so a result above cap means it was cut). Any actor that
 * answers with cop_reply can be called. A reply that comes too late is never
 * seen. Blocks until `deadline`. Actors, and foreign threads.
 *   COP_ETIMEDOUT  no answer in time
 *   COP_ENOPROC    dead already
 *   COP_EDOWN      it ended before it answered; cop_call_reason has the reason
 *   COP_EDEADLOCK  the callee waits, directly or not, for the caller;
 *                  cop_call_text names the path ("a -> b -> a")
 *   COP_ENOMEM COP_EFULL COP_EINVAL COP_ESTOPPED  as cop_send */
COP_API COP_MUST_USE int cop_call(cop_pid to, cop_tag tag, const void *body,
                                  size_t size, void *reply, size_t cap,
                                  cop_time deadline);
COP_API COP_MUST_USE int cop_call_name(const char *name, cop_tag tag,
                                       const void *body, size_t size,
                                       void *reply, size_t cap,
                                       cop_time deadline);
/* As cop_call; the reply itself is given to the caller (cop_msg_free). */
COP_API COP_MUST_USE int cop_call_msg(cop_msg **reply, cop_pid to, cop_tag tag,
                                      const void *body, size_t size,
                                      cop_time deadline);

/* About the last cop_call* of this actor or thread that failed: what the
 * callee ended with (after COP_EDOWN; noproc after COP_ENOPROC; else normal),
 * borrowed until the next call; and a sentence that names callee, error, and
 * what is known of it. */
COP_API cop_reason cop_call_reason(void);
COP_API const char *cop_call_text(void);

/* Sends a request without waiting: the answer comes as a message with tag
 * COP_REPLY and this reference, or COP_DOWN with it. Actors only. After
 * cop_request_cancel neither comes any more. Errors as cop_send. */
COP_API COP_MUST_USE int cop_request(cop_ref *out, cop_pid to, cop_tag tag,
                                     const void *body, size_t size);
COP_API void cop_request_cancel(cop_ref request);

/* Answers a request, now or later, from any actor or thread. An alias may
 * serve as cop_from too: its message then comes with the tag COP_REPLY. Does
 * not block. COP_EREPLIED if the caller no longer waits for it (answered
 * before, gave up, ended); COP_ENOMEM; COP_EINVAL (a zero cop_from). */
COP_API int cop_reply(cop_from to, const void *body, size_t size);
COP_API int cop_reply_msg(cop_from to, cop_msg *m); /* taken; tag ignored */

#ifdef __cplusplus
}
#endif
#endif
