/* SPDX-License-Identifier: MIT
 *
 * script.h - what carries out steps: scripted actors (actor.c) and servers
 * (server.c), and the steps themselves (step.c, step_call.c, step_sup.c).
 */
#ifndef CONFORMANCE_SCRIPT_H
#define CONFORMANCE_SCRIPT_H

#include "tests/conformance/world.h"

/* Tags of the runner's own, above all that a scenario's words get. */
enum {
    TAG_STEP = 0x10000, /* body: struct order: carry it out */
    TAG_ACK             /* body: int: a child actor's init is done */
};

struct order {
    const struct step *step;
};

/* The body of each message, request and reply of a scenario. */
struct number {
    int64_t n;
};

/* ----------------------------------------------------------------- steps -- */

/* Carries out a step in the calling process, which is `me`. */
void step_run(const char *me, const struct step *s);

/* Operations of step_call.c and step_sup.c. */
void step_start_server(const char *me, const struct step *s);
void step_call(const char *me, const struct step *s);
void step_cast(const char *me, const struct step *s);
void step_stop(const char *me, const struct step *s);
void step_start_sup(const char *me, const struct step *s);
void step_start_child(const char *me, const struct step *s);
void step_terminate_child(const char *me, const struct step *s);
void step_restart_child(const char *me, const struct step *s);
void step_delete_child(const char *me, const struct step *s);
void step_which_children(const char *me, const struct step *s);
void step_count_children(const char *me, const struct step *s);

/* Calls a server, by `NAME` or `@NAME`: 0 and *reply; or -1 and *why, plain:
 * what the step `call` says it exits with. */
int call_server(const char *target, cop_tag tag, int64_t n, cop_time deadline,
                int64_t *reply, cop_reason *why);

/* The process that `NAME` or `@NAME` stands for; none: COP_NO_PID. */
cop_pid target_pid(const char *target);

/* Prints a message as "ME VERB MESSAGE". */
void log_message(const char *me, const char *verb, const cop_msg *m);

/* ------------------------------------------------- what a start comes to -- */

enum outcome { START_OK, START_IGNORE, START_FAIL };

/* The calling process begins to be what `role` says. */
void begin_as(const struct role *role);
/* Waits as long as its init takes, prints what comes of it; *why is the
 * caller's after START_FAIL. */
enum outcome init_as(const struct role *role, cop_reason *why);

/* ---------------------------------------------------------------- actors -- */

/* Starts an actor; `opts` has what the spawner wants of it. */
int actor_spawn(cop_pid *out, const struct role *role, cop_opts opts);
/* As a supervisor's child, cop_child.fn: nobody waits for its init, which
 * succeeds. Or cop_child.start. The argument is a struct role. */
void actor_child(void *arg);
int actor_start_child(cop_pid *out, void *arg, cop_reason *why);

/* --------------------------------------------------------------- servers -- */

extern const cop_server scripted_server; /* its argument is a struct role */

/* ----------------------------------------------------------- supervisors -- */

/* In the process of a supervisor, which may not have printed its start. */
void sup_announce(const struct role *child, cop_pid sup);

#endif
