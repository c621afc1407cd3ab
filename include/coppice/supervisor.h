/* SPDX-License-Identifier: MIT
 *
 * supervisor.h - supervisors with OTP's rules, written as const data:
 *
 *     static const cop_child kids[] = {
 *         {.id = "db", .server = &db},
 *         {.id = "job", .fn = nightly, .restart = COP_TRANSIENT},
 *         {.id = "web", .sup = &web_sup},
 *     };
 *     static const cop_sup root = {
 *         .strategy = COP_REST_FOR_ONE, .intensity = 3,
 *         .children = kids, .nchildren = 3};
 *
 * Two strategies are for children that come and go: COP_SIMPLE_ONE_FOR_ONE,
 * and COP_DYNAMIC (Elixir's DynamicSupervisor), each of whose children brings
 * a specification of its own:
 *
 *     static const cop_sup sessions = {
 *         .strategy = COP_DYNAMIC, .max_children = 1000, .intensity = 10};
 *     ...
 *     err = cop_sup_start_child(sup, &pid, &(cop_child){
 *               .server = &session, .arg = user, .restart = COP_TRANSIENT},
 *           &why);
 *
 * Such children are restarted one for one. They are known by their pids; ids
 * mean nothing and need not be unique. To start, restart or end one costs the
 * same however many there are. At the end of the supervisor all are told to
 * end at once, and each has its own shutdown time.
 */
#ifndef COPPICE_SUPERVISOR_H
#define COPPICE_SUPERVISOR_H

#include <coppice/server.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cop_strategy {
    COP_ONE_FOR_ONE,
    COP_ONE_FOR_ALL,
    COP_REST_FOR_ONE,
    COP_SIMPLE_ONE_FOR_ONE, /* children: instances of one template */
    COP_DYNAMIC             /* children of any kind, all added at run time */
} cop_strategy;

typedef enum cop_restart {
    COP_PERMANENT, /* always restarted */
    COP_TRANSIENT, /* unless it ended orderly */
    COP_TEMPORARY  /* never */
} cop_restart;

typedef enum cop_auto_shutdown {
    COP_AUTO_NEVER,
    COP_AUTO_ANY, /* ends when any significant child ended by itself */
    COP_AUTO_ALL  /* when the last of them did */
} cop_auto_shutdown;

#define COP_BRUTAL_KILL ((cop_time)-1)
#define COP_INTENSITY_ZERO (-1) /* no restart at all is too many already */

struct cop_sup;

/* Optional pause before a restart, which OTP lacks: min_ns, then times
 * `factor` at each further one up to max_ns, spread by jitter percent; back
 * to min_ns after reset_ns without a death. min_ns 0: none. */
typedef struct cop_backoff {
    cop_time min_ns, max_ns;
    unsigned factor;         /* 0: 2 */
    unsigned jitter_percent; /* 0 .. 100 */
    cop_time reset_ns;       /* 0: the supervisor's period */
} cop_backoff;

typedef struct cop_child {
    const char *id; /* 1 to 63 bytes, unique among its siblings; below a
                       COP_DYNAMIC supervisor for show only, or NULL */
    /* What it is: exactly one of these. */
    cop_fn fn;                 /* an actor */
    const cop_server *server;  /* a server; waits for its init */
    const struct cop_sup *sup; /* a supervisor; waits for its children */
    /* Anything else: starts it linked to the caller, tells its pid; 0,
     * COP_EIGNORE, or another code with *why set (the supervisor's then). */
    int (*start)(cop_pid *out, void *arg, cop_reason *why);
    void *arg; /* borrowed for ever, or copied if arg_bytes > 0 */
    size_t arg_bytes;
    cop_opts opts; /* of fn, server, sup: name, trap_exit, ... */
    cop_restart restart;
    cop_time shutdown_ns; /* 0: 5 s, of a sup for ever; COP_BRUTAL_KILL;
                             COP_FOREVER */
    bool significant;     /* with auto_shutdown; never if permanent */
    bool is_supervisor;   /* of `start`: counts as one, default shutdown */
    cop_backoff backoff;
} cop_child;

typedef struct cop_sup {
    cop_strategy strategy;
    int intensity;      /* restarts allowed in a period; 0: 1 */
    cop_time period_ns; /* 0: 5 s */
    cop_auto_shutdown auto_shutdown;
    const cop_child *children; /* of simple_one_for_one: one template; of
                                  COP_DYNAMIC: none */
    size_t nchildren;
    size_t max_children; /* of COP_DYNAMIC; 0: no limit */
} cop_sup;

/* Starts a supervisor, linked to the calling actor (to nobody from a foreign
 * thread), and waits until all children are up. The specification is copied
 * with its ids, names, nested specifications and sized arguments; servers and
 * other arguments must outlive it. Blocks. *why as in cop_server_start.
 * COP_EDOWN with {shutdown, failed_to_start_child}; COP_ESPEC (*why:
 * {start_spec, "..."} or {bad_start_spec, "..."}); COP_ESTARTED (name taken,
 * *out is who has it); COP_EINVAL (opts.mailbox_max: a supervisor must not
 * lose messages); and as cop_spawn. One that is isolated starts its children in
 * the program, or each in a process of its own; one that an isolated actor
 * starts runs in the program: then what the specification points to must have
 * been there at cop_start, else COP_ESPEC. */
COP_API COP_MUST_USE int cop_sup_start(cop_pid *out, const cop_sup *sup,
                                       const cop_opts *opts, cop_reason *why);

/* All below wait until `sup` answers, without limit; any actor or foreign
 * thread. Each can say COP_ENOPROC or COP_EDOWN of the supervisor itself. */

/* Adds and starts a child (of simple_one_for_one: an instance of the
 * template; then spec->id may be NULL and spec->arg replaces the template's).
 * 0; COP_EIGNORE (its init said so; kept as without a process, unless
 * temporary, simple or dynamic); COP_ESTARTED, COP_EPRESENT (the id is known);
 * COP_ELIMIT (max_children are there, those included that are restarting);
 * COP_ESPEC; or COP_EFAILED: its start did, with *why, which is the caller's.
 */
COP_API COP_MUST_USE int cop_sup_start_child(cop_pid sup, cop_pid *out,
                                             const cop_child *spec,
                                             cop_reason *why);
/* Ends a child and keeps its specification (a temporary one is forgotten).
 * COP_ENOENT; COP_ESIMPLE (also of COP_DYNAMIC, here and below). */
COP_API COP_MUST_USE int cop_sup_terminate_child(cop_pid sup, const char *id);
/* Ends and forgets a child of simple_one_for_one or COP_DYNAMIC. One that is
 * restarting has the pid that it had last. COP_ENOENT (simple_one_for_one, as
 * in OTP, gives 0 for any pid that is dead). */
COP_API COP_MUST_USE int cop_sup_terminate_pid(cop_pid sup, cop_pid child);
/* Starts a child without a process again. COP_ERUNNING, COP_ERESTARTING,
 * COP_ENOENT, COP_ESIMPLE; else as start_child. */
COP_API COP_MUST_USE int cop_sup_restart_child(cop_pid sup, cop_pid *out,
                                               const char *id, cop_reason *why);
/* Forgets a child without a process. As above. */
COP_API COP_MUST_USE int cop_sup_delete_child(cop_pid sup, const char *id);

typedef enum cop_child_state {
    COP_CHILD_UNDEFINED, /* no process */
    COP_CHILD_RESTARTING,
    COP_CHILD_UP
} cop_child_state;

typedef struct cop_child_info {
    char id[64]; /* of simple_one_for_one: the template's; "" if none */
    cop_child_state state;
    cop_pid pid;
    bool is_supervisor;
    cop_restart restart;
    uint64_t restarts; /* of this child so far */
} cop_child_info;

/* Up to `cap` children in the order of their start; returns how many there
 * are, or a negative code. */
COP_API COP_MUST_USE int
cop_sup_which_children(cop_pid sup, cop_child_info *out, size_t cap);

typedef struct cop_child_counts {
    size_t specs, active, supervisors, workers;
} cop_child_counts;
COP_API COP_MUST_USE int cop_sup_count_children(cop_pid sup,
                                                cop_child_counts *out);

/* What cop_sys_get_state (sys.h) shows of a supervisor. cop_sys_replace_state
 * may change the first two: from then on they decide. */
typedef struct cop_sup_state {
    size_t intensity; /* restarts allowed in a period */
    cop_time period_ns;
    size_t restarts; /* that still count; as of the last one */
    size_t children, restarting;
} cop_sup_state;

/* The specification of a child. COP_ENOENT; COP_ESIMPLE (COP_DYNAMIC only);
 * COP_ENOTSUP (`sup` is isolated, or was started by an isolated actor). */
COP_API COP_MUST_USE int cop_sup_get_childspec(cop_pid sup, const char *id,
                                               cop_child *out);

/* Checks a specification without starting anything: 0, or COP_ESPEC with a
 * sentence that names child and field in `text`. */
COP_API COP_MUST_USE int cop_sup_check(const cop_sup *sup, char *text,
                                       size_t size);

/* The tree below `sup` as indented text with states and restart counts.
 * Returns buf, cut to fit. */
COP_API char *cop_sup_tree(cop_pid sup, char *buf, size_t size);

#ifdef __cplusplus
}
#endif
#endif
