/* SPDX-License-Identifier: MIT
 *
 * actor.h - actors: spawning, ending, links, monitors, names, aliases.
 *
 * Two forms, one kind of thing. A coroutine actor is a function with a stack
 * of its own that may block anywhere. A handler actor is a callback and its
 * state; between messages it holds no stack. Both have the same pid, mailbox,
 * links and rules.
 */
#ifndef COPPICE_ACTOR_H
#define COPPICE_ACTOR_H

#include <coppice/message.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef void (*cop_fn)(void *arg);

/* Whether this is the process of an isolated actor (below). Any thread. */
COP_API bool cop_is_isolated(void);

/* A handler actor's callbacks. All run in the actor's own context and may
 * block in any call; while one does, the actor takes no other message by
 * itself. NULL callbacks are left out. */
typedef struct cop_handler {
    size_t state_bytes; /* zeroed before init */
    /* First. 0, or non-zero to end at once with reason normal. */
    int (*init)(void *state, void *arg);
    /* Each message, oldest first; borrowed for the call. */
    void (*message)(void *state, const cop_msg *m);
    /* Last, once, if init was done and the end is its own decision (cop_exit,
     * misuse of a call); not at an exit signal. What must happen at every end
     * is for cop_defer. An exit from within replaces `why` (borrowed). */
    void (*terminate)(void *state, cop_reason why);
    /* Why it is shown in listings; NULL: the address of `message`. */
    const char *label;
} cop_handler;

typedef enum cop_priority {
    COP_PRIO_NORMAL,
    COP_PRIO_LOW,
    COP_PRIO_HIGH,
    COP_PRIO_MAX
} cop_priority;

/* What happens to a message for a full mailbox. Exit signals, links and
 * monitors never count and are never refused. */
typedef enum cop_full {
    COP_FULL_FAIL,     /* the send returns COP_EFULL */
    COP_FULL_DROP_NEW, /* it becomes a dead letter */
    COP_FULL_DROP_OLD, /* the oldest one does */
    COP_FULL_KILL      /* the receiver ends with {limit, "mailbox"} */
} cop_full;

/* What a native fault in an actor's own code ends (signals such as SIGSEGV,
 * abort, a failed assertion, an overflow of its stack, exit). */
typedef enum cop_isolation {
    COP_ISOLATION_TRAP, /* the actor, with a reason of kind COP_R_FAULT */
    COP_ISOLATION_NONE, /* the process */
    COP_ISOLATED        /* the actor, which has a process of its own: below */
} cop_isolation;

/* An isolated actor runs in a child process; its pid, links, monitors, names,
 * timers and mailbox are like every other actor's, and nothing that it writes
 * to memory reaches anybody else. Its end takes the process along, and the end
 * of the process is its own: beside the reasons that any actor has, a reason
 * of kind COP_R_FAULT says in its `what` the signal ("SIGKILL": also what the
 * system does to who uses too much memory; "SIGSYS": see cop_seccomp), or
 * "exit_status", "start" (no process could be had), "protocol" (it wrote
 * nonsense to the memory that it shares with its proxy), "zygote".
 *
 * It needs cop_config.zygote. The process is made behind the spawn, from the
 * state that the program was in when cop_start was called: functions,
 * constants and globals are there, globals as they were then, and what it
 * writes to them nobody sees. So give it what it needs in the argument
 * (arg_bytes: a copy; a plain pointer is valid if what it points to was there
 * at the start) and in messages, which are copied (at most 64 MiB each from
 * it). Descriptors above 2 are closed there.
 *
 * What it spawns (servers, supervisors and so on too) runs in the program, as
 * its child, with the program's globals of then; or, with COP_ISOLATED, in
 * another process. The same holds in that direction: functions, handlers and
 * definitions must have been there at cop_start, and so must what a plain
 * pointer argument points to (a number below 65536 will do); else COP_EINVAL,
 * and the log says what it was. Its cop_limits are not those of what it spawns.
 * With a profile (cop_seccomp) it may not spawn: COP_ENOTSUP.
 *
 * In it these differ. Requests whose messages hold pointers are COP_ENOTSUP:
 * cop_sup_start_child and cop_sup_get_childspec (the other requests to
 * supervisors are not), those to applications and event managers (but for
 * notify), sys.h, cop_multi_call; so are cop_call on its helper threads and
 * cop_start_timer for another actor. Spawns, names, links, trap_exit and
 * cop_is_alive wait for an answer from outside (some 20 us). cop_send does not
 * tell COP_EFULL, cop_reply not COP_EREPLIED; cop_call tells COP_EDEADLOCK only
 * to the callee whose call closes the cycle. Views (inspect.h) show its own
 * process. mailbox_max counts what its process has not taken over yet.
 *
 * It speaks in its own name only, and answers only calls that it was given: the
 * request came to it, or its cop_from lay in its argument or in a message to it
 * (in the first 64 KiB, at a multiple of 8 bytes). A reply to any other is a
 * dead letter, COP_DEAD_FORGED. */

/* What its process may use; zero fields: what this process may. Beyond: calls
 * fail, or a signal ends it (SIGXCPU, SIGXFSZ). */
typedef struct cop_limits {
    uint64_t memory_bytes; /* that it maps beyond what it begins with */
    uint64_t cpu_seconds;
    uint64_t descriptors;
    uint64_t file_bytes; /* of each file that it writes */
    bool core;           /* it may leave a core dump */
} cop_limits;

/* What its process may ask of the system. */
typedef enum cop_seccomp {
    COP_SECCOMP_NONE, /* what this process may */
    /* Memory, time, its own threads' waiting and waking, messages; all else
     * (files, sockets, printing, cop_blocking) ends it with {fault, SIGSYS}.
     * x86-64 and aarch64. */
    COP_SECCOMP_COMPUTE
} cop_seccomp;

/* How to spawn. Zero means default, everywhere. */
typedef struct cop_opts {
    const char *name; /* registered before its first instruction */
    bool link;        /* linked to the spawner, atomically */
    cop_ref *monitor; /* monitored by the spawner, atomically: the ref */
    cop_priority priority;
    bool trap_exit;     /* from its beginning */
    bool urgent;        /* lets cop_send_urgent overtake */
    bool pinned;        /* never migrates between worker threads */
    size_t stack_bytes; /* of a coroutine; 0: 64 KiB; at most 64 MiB */
    size_t arg_bytes;   /* > 0: the argument is copied, this many bytes */
    void (*arg_release)(void *arg); /* the argument is moved: released so */
    uint32_t mailbox_max;           /* messages; 0: no limit; at most 2^30 */
    cop_full mailbox_full;          /* what happens beyond */
    cop_isolation isolation;
    /* Bytes that it may have, as cop_info.memory_bytes counts them; 0: no
     * limit. Beyond, it ends with {limit, "memory"}: see memory.h. */
    size_t memory_max;
    /* Its plain malloc, and that of all libraries it calls, is freed with it:
     * see memory.h for what that costs and forbids. */
    bool own_malloc;
    cop_time max_run_ns; /* without giving way at a call; beyond, it ends
                            with {fault, runaway}; 0: for ever */
    const char *label;   /* in listings instead of the function's address */
    const cop_limits *limits; /* of an isolated actor; NULL: none */
    cop_seccomp seccomp;      /* of an isolated actor */
} cop_opts;

/* Starts an actor that runs fn(arg) and ends, `normal`, when that returns.
 * *out (may be NULL) is its pid. Opts may be NULL. Never blocks; any actor,
 * any thread (link and monitor: actors only, else COP_EINVAL).
 * COP_ENOMEM; COP_ETAKEN, COP_ENAME (opts.name); COP_EINVAL (an absurd size,
 * both arg_bytes and arg_release, NULL fn; of an isolated one arg_release, of
 * others limits or seccomp; by an isolated one: above); COP_ELIMIT (the table
 * is full, or too many have opts.own_malloc); COP_ENOTSUP (opts.own_malloc; an
 * isolated one: without cop_config.zygote or in virtual time; by one with a
 * profile); COP_ESIZE (by an isolated one: arg_bytes above 64 MiB);
 * COP_ESTOPPED. On failure nothing was started, a moved argument remains the
 * caller's. */
COP_API COP_MUST_USE int cop_spawn(cop_pid *out, cop_fn fn, void *arg,
                                   const cop_opts *opts);
/* The same for a handler actor; `h` must outlive it. `arg` goes to init. */
COP_API COP_MUST_USE int cop_spawn_handler(cop_pid *out, const cop_handler *h,
                                           void *arg, const cop_opts *opts);

/* ------------------------------------------------------------ receiving -- */

/* What to receive; zero fields match anything. */
typedef struct cop_match {
    cop_tag tag;
    cop_pid from;
    cop_ref ref;
    bool (*when)(const cop_msg *m, void *ctx); /* must not call the runtime */
    void *ctx;
} cop_match;

/* Each takes the oldest message that matches out of the mailbox, waiting for
 * it until `deadline` (COP_POLL: not at all), and leaves the others. *out is
 * borrowed until the next receive. 0, or COP_ETIMEDOUT (*out is NULL then).
 * Blocks. Actors only; elsewhere the process aborts with a report.
 * Waiting by a fresh reference is O(1) however long the mailbox is. */
COP_API COP_MUST_USE int cop_recv(const cop_msg **out, cop_time deadline);
COP_API COP_MUST_USE int cop_recv_tag(const cop_msg **out, cop_tag tag,
                                      cop_time deadline);
COP_API COP_MUST_USE int cop_recv_from(const cop_msg **out, cop_pid from,
                                       cop_time deadline);
COP_API COP_MUST_USE int cop_recv_ref(const cop_msg **out, cop_ref ref,
                                      cop_time deadline);
COP_API COP_MUST_USE int cop_recv_when(const cop_msg **out,
                                       bool (*when)(const cop_msg *, void *),
                                       void *ctx, cop_time deadline);
/* As cop_recv_when, for one who asks again and again of a long mailbox: *mark,
 * zero at first, remembers how far `when` has said no; what lies before is not
 * looked at again. An actor remembers its latest 8 marks and references; a mark
 * that is forgotten begins at the first message again. Set it to zero when an
 * older message may match from now on. */
COP_API COP_MUST_USE int cop_recv_since(const cop_msg **out, cop_ref *mark,
                                        bool (*when)(const cop_msg *, void *),
                                        void *ctx, cop_time deadline);
/* With several clauses: the oldest message that any clause matches. Returns
 * the index of the first clause that does, or COP_ETIMEDOUT.
 *
 *     switch (cop_recv_match(&m, (cop_match[]){
 *                 [0] = {.tag = PONG, .from = p},
 *                 [1] = {.tag = COP_DOWN, .ref = r}}, 2,
 *                 cop_in(COP_SEC))) { ... } */
COP_API COP_MUST_USE int cop_recv_match(const cop_msg **out,
                                        const cop_match *clauses, size_t n,
                                        cop_time deadline);

/* --------------------------------------------------------------- ending -- */

/* Ends the calling actor; the reason is taken. Does not return. Outside an
 * actor the process aborts with a report. */
COP_API COP_NORETURN void cop_exit(cop_reason reason);

/* Sends an exit signal (Erlang's exit/2); the reason is taken. Never blocks;
 * any actor, any thread. COP_ENOMEM; COP_ESTOPPED. A dead pid is no error. */
COP_API int cop_exit_signal(cop_pid to, cop_reason reason);

/* Turns trapping on or off; returns what it was. Actors only. */
COP_API bool cop_trap_exit(bool on);

/* Runs fn(arg) when the calling actor ends, however it ends, in its own
 * context, the last one first. COP_ENOMEM. cop_undefer takes the newest such
 * one back without running it: true if there was one. Actors only. */
COP_API COP_MUST_USE int cop_defer(void (*fn)(void *), void *arg);
COP_API bool cop_undefer(void (*fn)(void *), void *arg);

/* Runs fn(arg). 0 if it returned; COP_EFAILED if it ended in cop_exit (misuse
 * of a call included) or a native fault: the actor lives on then, frames
 * between are left without unwinding, and *why (may be NULL) is the caller's.
 * Not caught are exit signals, and a smashed stack, which may have damaged the
 * caller's frames. What fn deferred remains deferred. Nests. Actors only.
 * COP_ENOTSUP, and fn is not run, in a `when` of a receive and in the release
 * of a message's body: a cop_catch around the receive catches what fails there.
 * COP_EINVAL (fn is NULL). */
COP_API COP_MUST_USE int cop_catch(void (*fn)(void *), void *arg,
                                   cop_reason *why);

/* ------------------------------------------------------- leaving a stack -- */

/* The calling actor goes on as a handler actor, from its next message on (what
 * is in its mailbox stays there): callbacks of `h` get `state`, which is
 * borrowed for the rest of its life. init is not called; terminate is, as if
 * init had been. Its present frames are left without unwinding, and its stack
 * is given back. Does not return. Actors only. */
COP_API COP_NORETURN void cop_become(const cop_handler *h, void *state);

/* Gives the stack back until there is a message in the mailbox, then goes on
 * with fn(arg) on a fresh one, and ends when that returns (proc_lib:hibernate).
 * Present frames are left without unwinding. Does not return. Coroutine actors
 * only. */
COP_API COP_NORETURN void cop_hibernate(cop_fn fn, void *arg);

/* ---------------------------------------------------- links and monitors -- */

/* Actors only. A second link of a pair, and a link to oneself, do nothing.
 * To the dead: an exit signal `noproc` if the caller traps exits; else the
 * caller exits with it here (cop_catch catches that). COP_ENOMEM. Never
 * blocks. */
COP_API COP_MUST_USE int cop_link(cop_pid to);
/* After this returns no exit signal of `to` by link arrives any more (one
 * that is in the mailbox already stays). COP_ENOMEM, then still linked. */
COP_API COP_MUST_USE int cop_unlink(cop_pid to);

typedef enum cop_alias_mode {
    COP_ALIAS_NONE,
    COP_ALIAS_EXPLICIT,  /* until cop_unalias */
    COP_ALIAS_DEMONITOR, /* until cop_demonitor or its DOWN, too */
    COP_ALIAS_REPLY      /* as that, and until the first message by it */
} cop_alias_mode;
#define COP_ALIAS_PRIORITY 0x100 /* or-ed: cop_send_alias_urgent overtakes */

/* Watches an actor: one COP_DOWN with *out when it ends (`noproc` if it is
 * dead). Each call makes a monitor of its own; one of oneself is none, and no
 * alias. Actors only. COP_ENOMEM. */
COP_API COP_MUST_USE int cop_monitor(cop_ref *out, cop_pid to);
/* Watches whoever has the name now; its DOWN carries the name. */
COP_API COP_MUST_USE int cop_monitor_name(cop_ref *out, const char *name);
/* A monitor that is an alias as well (cop_self(), *out). */
COP_API COP_MUST_USE int cop_monitor_alias(cop_ref *out, cop_pid to,
                                           int alias_mode);
COP_API COP_MUST_USE int cop_monitor_name_alias(cop_ref *out, const char *name,
                                                int alias_mode);
/* Ends a monitor of the calling actor; true if that ended one. `flush` also
 * takes its DOWN out of the mailbox. Never blocks, never fails. */
COP_API bool cop_demonitor(cop_ref ref, bool flush);

/* An alias of the calling actor. COP_ENOMEM. cop_unalias: true if it was
 * active (and the calling actor's). Actors only. */
COP_API COP_MUST_USE int cop_alias_new(cop_alias *out, int alias_mode);
COP_API bool cop_unalias(cop_ref ref);

/* A fresh unique reference. Any thread. In an actor it is a receive marker:
 * waiting for a message with it does not look at older ones. */
COP_API cop_ref cop_ref_new(void);

/* ---------------------------------------------------------------- names -- */

#define COP_NAME_MAX 255

/* Gives an actor a name: 1 to COP_NAME_MAX bytes of UTF-8 without control
 * characters. COP_ETAKEN; COP_ENAMED; COP_ENOPROC (dead); COP_ENAME;
 * COP_ENOMEM. Any thread. A name is free before anybody hears of its
 * holder's death. */
COP_API COP_MUST_USE int cop_register(const char *name, cop_pid pid);
COP_API COP_MUST_USE int cop_unregister(const char *name); /* COP_ENOENT */
/* Who has the name: COP_NO_PID if nobody. Any thread. */
COP_API cop_pid cop_whereis(const char *name);

/* ----------------------------------------------------------------- self -- */

/* The calling actor, or COP_NO_PID outside. */
COP_API cop_pid cop_self(void);
/* Who spawned it: COP_PID_INIT if that was no actor. Actors only. */
COP_API cop_pid cop_parent(void);
/* False once every signal of the caller to it that ends it has been sent: as
 * Erlang's is_process_alive, exact with respect to the caller's own signals.
 * May block shortly in an actor; on a foreign thread it looks only. */
COP_API bool cop_is_alive(cop_pid pid);

/* Lets others run. Actors only. */
COP_API void cop_yield(void);
/* Waits. Actors only. */
COP_API void cop_sleep(cop_time duration_ns);
COP_API void cop_sleep_until(cop_time deadline);

/* One pointer of the calling actor's own, for libraries of behaviours: NULL at
 * first, never looked at by the runtime. Actors only. */
COP_API void cop_set_local(void *p);
COP_API void *cop_local(void);

/* Runs fn(arg) on a helper thread and waits for its result without keeping a
 * worker: for system calls and libraries that block. Exit signals wait until
 * it is done. Actors; elsewhere it just calls fn. 0, or COP_ENOMEM, COP_ESYS
 * (no thread could be had; fn was not called). */
COP_API COP_MUST_USE int cop_blocking(void (*fn)(void *), void *arg);

#ifdef __cplusplus
}
#endif
#endif
