/* SPDX-License-Identifier: MIT
 *
 * start.h - starting an actor and waiting until it has come up. See start.c.
 */
#ifndef COPI_ACTORS_START_H
#define COPI_ACTORS_START_H

#include <coppice/actor.h>

/* Lies in the argument of the actor that is started (the child). */
struct copi_start {
    cop_alias ack;  /* where it reports; or, if a foreign thread starts it, */
    cop_pid broker; /* who knows */
};

/* What to start, and how. */
struct copi_start_how {
    const cop_handler *handler; /* what it is: this, */
    cop_fn fn;                  /* or this */
    void *arg;                  /* moved: opts.arg_release frees it */
    struct copi_start *child;   /* within arg; copi_start_run fills it in */
    cop_opts opts;
    cop_time start_ns; /* how long it may take; 0: for ever */
    bool keep_exit;    /* leave the EXIT of a failed start in the mailbox */
    bool keep_down;    /* the same of the DOWN of opts.monitor */
    void *reply;       /* for what it acknowledges with, if not NULL */
    size_t cap;        /* bytes of that, at most */
};

/* Spawns and waits. The size of what the child acknowledged with (so above
 * how->cap if that was cut); COP_EFAILED, with *why, if it said that it failed;
 * else as cop_server_start. *why may be NULL. */
int copi_start_run(cop_pid *out, struct copi_start_how *how, cop_reason *why);

/* With this result there was a child, which has the argument; after any other
 * it is still the caller's. */
bool copi_start_took_arg(int code);

/* Whether what is started with these runs in another process than who starts
 * it: then its argument goes as a copy, and what that points to must be there
 * too. */
bool copi_start_crosses(const cop_opts *opts);

/* --------------------------------------------------------- in the child -- */

/* First in its init. False: whoever starts it has gone; it should end. */
bool copi_start_hello(struct copi_start *s);
/* It has come up (0), or ends with an ignored start (COP_EIGNORE). A child
 * that fails just ends. */
void copi_start_ack(const struct copi_start *s, int code);
/* It has come up and says something (copied). COP_ESIZE. */
int copi_start_ack_with(const struct copi_start *s, const void *body,
                        size_t size);
/* It ends, and this (taken) is what to tell instead of what it ends with. */
void copi_start_fail(const struct copi_start *s, cop_reason failure);

#endif
