/* SPDX-License-Identifier: MIT
 *
 * keycall.h - calls that carry a key, and their answers, between the clients
 * and the servers of registries and groups. See keycall.c.
 */
#ifndef COPI_ACTORS_KEYCALL_H
#define COPI_ACTORS_KEYCALL_H

#include <coppice/registry.h>

/* The call's body; of the key only what it has, with its zero. */
struct copi_keycall {
    cop_pid pid;
    uint64_t data;
    char key[COP_KEY_MAX + 1];
};

/* The answer's body: a code, or how many items follow. */
struct copi_keycall_answer {
    int64_t code;
};

/* ------------------------------------------------------------ of clients -- */

/* Calls and returns the answer's code. COP_ENAME (key); as cop_call; COP_EINVAL
 * if what answers is no such server. */
int copi_keycall_ask(cop_pid server, cop_tag tag, const char *key, cop_pid pid,
                     uint64_t data);
/* The same for an answer with items of `item` bytes each. Returns how many;
 * then *reply is the caller's. */
int copi_keycall_list(cop_msg **reply, cop_pid server, cop_tag tag,
                      const char *key, size_t item);
/* The items of an answer. */
const void *copi_keycall_items(const cop_msg *reply);

/* ------------------------------------------------------------ of servers -- */

/* The body of a call; NULL if it is none. */
const struct copi_keycall *copi_keycall_body(const cop_msg *m);

/* Answers with a code. */
cop_next copi_keycall_reply(cop_from from, int64_t code);
/* An answer with room for n items, which *items shows; NULL without memory. */
cop_msg *copi_keycall_new(void **items, size_t n, size_t item);
/* Sends an answer of copi_keycall_new; if it is NULL, COP_ENOMEM. */
cop_next copi_keycall_reply_list(cop_from from, cop_msg *answer);

#endif
