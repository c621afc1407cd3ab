/* SPDX-License-Identifier: MIT
 *
 * chaos.h - faults on purpose, between the files that do them and those whose
 * work is spoilt. Rank: 5.
 *
 *     chaos.c        switching a plan on and off, what came of it
 *     chaos_turn.c   what is done to actors
 *     chaos_send.c   what is done to messages
 *     chaos_libc.c   what is done to functions of libc that actors call
 *     chaos_drive.c  the actor that does what needs time
 */
#ifndef COPI_API_CHAOS_H
#define COPI_API_CHAOS_H

#include "runtime/actor/actor.h"
#include "runtime/probe/inject.h"

/* Before the first worker starts. */
void copi_chaos_init(void);
/* COP_FAULTS: COP_EINVAL, logged, if it is wrong; then switches it on. */
COP_MUST_USE int copi_chaos_check_env(void);
void copi_chaos_boot(void);

/* ----------------------------------------------------- chaos_turn.c -- */

/* Sets copi_inject_door. */
void copi_chaos_open_door(void);

/* Is the actor one of those that the pattern is for? "": any. NULL: a thread
 * that is no actor. */
bool copi_chaos_is_meant(struct copi_actor *a, const char *pattern);

/* Does to another actor, from within a turn, what rule i says. */
void copi_chaos_strike(struct copi_actor *a, unsigned i);

/* ----------------------------------------------------- chaos_send.c -- */

/* How a message goes on when the plan has been asked; takes m. */
typedef int (*copi_chaos_way)(cop_pid to, struct cop_msg *m);

/* Asks the plan about m, which is taken: it goes its way now, later, twice, or
 * not at all. What its way gives; 0 if it does not go now. */
int copi_chaos_send(cop_pid to, struct cop_msg *m, copi_chaos_way way);

/* Nothing was delayed yet. While no plan is on. */
void copi_chaos_send_reset(void);

/* ----------------------------------------------------- chaos_libc.c -- */

/* Before a call of fn, which will return to `caller`: an actor that is asked to
 * gives way first (preempt.h). If the plan lets its call fail: the error, which
 * is errno then. 0: it does not. Any thread, also in a signal's handler. */
int copi_chaos_call(enum copi_libc fn, const void *caller);

/* ---------------------------------------------------- chaos_drive.c -- */

/* The actor that a plan needs is made while the plan is not on, so that the
 * plan cannot hinder it; started once it is on. */
struct copi_chaos_driver {
    cop_pid pid;
    struct cop_msg *go, *off;
};

/* COP_ENOMEM and such. */
COP_MUST_USE int copi_chaos_driver_new(struct copi_chaos_driver *d);
/* Both take it. */
void copi_chaos_driver_start(struct copi_chaos_driver *d);
void copi_chaos_driver_drop(struct copi_chaos_driver *d);
/* Ends the one that was started, if there is one: it sends first what it
 * holds. */
void copi_chaos_driver_end(void);

/* Gives it a message to send at `due`; m is taken. `held` counts it until it
 * has been sent. False: not taken, there is no driver or no memory. */
bool copi_chaos_hold(cop_pid to, struct cop_msg *m, cop_time due,
                     copi_chaos_way way, _Atomic uint32_t *held);

#endif
