/* SPDX-License-Identifier: MIT
 *
 * request.h - answers to requests that were sent without waiting
 * (gen_server's send_request and its kin): one by one, or whichever of many
 * comes first.
 *
 *     cop_ref r;
 *     cop_msg *reply;
 *     if (cop_request(&r, server, GET, NULL, 0) == 0) {
 *         ... something else ...
 *         if (cop_receive_response(&reply, r, cop_in(COP_SEC), NULL) == 0)
 *             cop_msg_free(reply);
 *     }
 *
 * All functions: actors only. Those that wait are receives: what the actor
 * received before is gone unless it was kept.
 */
#ifndef COPPICE_REQUEST_H
#define COPPICE_REQUEST_H

#include <coppice/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ----------------------------------------------------------- one by one -- */

/* Waits for the answer to a request of the calling actor. *reply, the answer,
 * is the caller's (cop_msg_free); reply NULL: it is dropped. *why (may be NULL)
 * is the caller's, too.
 *   0              answered
 *   COP_ETIMEDOUT  not by the deadline; the request stays: wait again
 *   COP_EDOWN      the server ended before it answered, with *why
 *   COP_ENOPROC    it was dead already
 *   COP_EINVAL     no request (zero)
 * A request that has been answered, or cancelled, is never answered again. */
COP_API COP_MUST_USE int cop_wait_response(cop_msg **reply, cop_ref request,
                                           cop_time deadline, cop_reason *why);
/* The same, but after COP_ETIMEDOUT the request is given up: a late answer is
 * never seen. */
COP_API COP_MUST_USE int cop_receive_response(cop_msg **reply, cop_ref request,
                                              cop_time deadline,
                                              cop_reason *why);
/* Whether a received message is the answer to a request: 0 (it is the reply;
 * its body is what was answered), COP_EDOWN, COP_ENOPROC (the server ended:
 * cop_msg_reason), COP_ENOENT (it is something else). */
COP_API COP_MUST_USE int cop_check_response(const cop_msg *m, cop_ref request);

/* ---------------------------------------------------------- collections -- */

/* Requests of one actor, each with a label of the program's. Only that actor
 * may use it; it goes with the actor if it was not freed before. */
typedef struct cop_reqids cop_reqids;

/* An empty one, the caller's. COP_ENOMEM. */
COP_API COP_MUST_USE int cop_reqids_new(cop_reqids **out);
/* Frees the collection; its requests stay what they are. NULL is ignored. */
COP_API void cop_reqids_free(cop_reqids *c);
COP_API size_t cop_reqids_size(const cop_reqids *c);

/* Adds a request. COP_EPRESENT: it is in there; COP_EINVAL (zero);
 * COP_ENOMEM. */
COP_API COP_MUST_USE int cop_reqids_add(cop_reqids *c, cop_ref request,
                                        uint64_t label);
/* Sends a request and adds it. As cop_request; then nothing was added. */
COP_API COP_MUST_USE int cop_reqids_send(cop_reqids *c, cop_pid to, cop_tag tag,
                                         const void *body, size_t size,
                                         uint64_t label);

typedef struct cop_reqid {
    cop_ref request;
    uint64_t label;
} cop_reqid;
/* Up to `cap` of them in the order of adding; returns how many there are. */
COP_API size_t cop_reqids_list(const cop_reqids *c, cop_reqid *out, size_t cap);

/* One answer. */
typedef struct cop_response {
    cop_ref request;
    uint64_t label;
    int code;       /* 0, COP_EDOWN or COP_ENOPROC */
    cop_msg *reply; /* after 0: the caller's; else NULL */
    cop_reason why; /* what the server ended with: the caller's */
} cop_response;

/* Waits for the answer to any request of the collection: the oldest one in the
 * mailbox. With `del` that request is taken out; without, it stays, though it
 * is never answered again. 0; COP_ETIMEDOUT: none came, all stay;
 * COP_ENOENT: the collection is empty. *out is zero unless 0 is returned. It
 * costs the same however many requests there are, and however long the mailbox
 * is. */
COP_API COP_MUST_USE int cop_reqids_wait(cop_reqids *c, cop_response *out,
                                         cop_time deadline, bool del);
/* The same, but after COP_ETIMEDOUT all requests are given up, and the
 * collection is empty. */
COP_API COP_MUST_USE int cop_reqids_receive(cop_reqids *c, cop_response *out,
                                            cop_time deadline, bool del);
/* The same for a message that was received: it is kept as the answer's reply
 * (then it is no longer the receive's). COP_ENOENT: it answers none of them. */
COP_API COP_MUST_USE int cop_reqids_check(cop_reqids *c, cop_response *out,
                                          const cop_msg *m, bool del);

#ifdef __cplusplus
}
#endif
#endif
