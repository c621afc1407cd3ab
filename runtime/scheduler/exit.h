/* SPDX-License-Identifier: MIT
 *
 * exit.h - how actors end. Rank: 4. See exit.c.
 */
#ifndef COPI_SCHEDULER_EXIT_H
#define COPI_SCHEDULER_EXIT_H

#include "runtime/actor/actor.h"

/* One deferred clean-up. */
struct copi_defer {
    struct copi_defer *next;
    void (*fn)(void *);
    void *arg;
    bool of_arg; /* the release of a moved argument: not to be undeferred */
};

/* A frame of cop_catch, on the actor's stack. Frames are forgotten when the
 * actor begins to die: those of its terminate and of clean-ups are new ones. */
struct copi_catch {
    struct copi_catch *outer;
    char *frame; /* the stack below it is free for who jumps */
    jmp_buf at;
    cop_reason reason; /* what it jumped with; owned */
};

/* Ends the running actor, or the innermost cop_catch: by its own decision, or
 * by a signal. The reason is taken. */
COP_NORETURN void copi_exit_now(struct copi_actor *a, cop_reason reason);
/* Its function has returned. So has this: what is left is to bury it. */
void copi_exit_returned(struct copi_actor *a);
COP_NORETURN void copi_exit_by_signal(struct copi_actor *a, cop_reason reason);
/* Whether a deadly signal still ends it: it lives, or runs its terminate, which
 * it does as a living actor. */
static inline bool copi_exit_can_signal(const struct copi_actor *a)
{
    return a->dying == COPI_DYING_NOT || a->dying == COPI_DYING_TERMINATING;
}
/* Clean-ups of the actor itself. COP_ENOMEM. */
COP_MUST_USE int copi_defer_push(struct copi_actor *a, void (*fn)(void *),
                                 void *arg, bool of_arg);
/* The newest one, taken out; false: none. */
bool copi_defer_pop(struct copi_actor *a, struct copi_defer *out);
/* Takes out the newest with that function and argument; false: none. */
bool copi_defer_remove(struct copi_actor *a, void (*fn)(void *), void *arg);
/* For copi_driver: the running actor misused a call. */
/* Ends the actor if it has more memory than it may. */
void copi_exit_if_over(struct copi_actor *a);
void copi_exit_badarg(const char *text);

/* Who is told of each death first, before names are free; NULL: nobody. */
typedef void (*copi_exit_observer)(cop_pid pid, cop_reason why);
void copi_exit_observe(copi_exit_observer fn);

/* Who reports ends that are not orderly, with the whole record still there;
 * NULL: nobody. */
typedef void (*copi_exit_reporter)(struct copi_actor *a);
void copi_exit_report_to(copi_exit_reporter fn);

/* Off its stack: releases what an ended actor owned, tells the others, and
 * takes it out of the table. Its record is the caller's then. */
void copi_exit_bury(struct copi_actor *a);

#endif
