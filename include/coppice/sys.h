/* SPDX-License-Identifier: MIT
 *
 * sys.h - services that every behaviour built on the server has: being held
 * up, looked into, traced, and changed while it runs (OTP's sys).
 *
 * Each function asks and waits for the answer until `deadline`; OTP's usual
 * one is cop_in(5 * COP_SEC). Actors and foreign threads. A request is taken
 * in its turn, like any message, so a behaviour that is busy answers late; one
 * whose caller gave up is carried out all the same. What is no behaviour never
 * answers. All return 0, or what is said there, or
 *   COP_ETIMEDOUT  no answer in time
 *   COP_ENOPROC    dead already
 *   COP_EDOWN      it ended before it answered (cop_call_reason)
 *   COP_EDEADLOCK  it waits, directly or not, for the caller, or is the caller
 *   COP_EINVAL     what answered is no behaviour
 *   COP_ENOMEM COP_EFULL COP_ESTOPPED  as cop_call
 *
 * Any request starts a server's idle time (cop_next_idle) anew, as in OTP.
 */
#ifndef COPPICE_SYS_H
#define COPPICE_SYS_H

#include <coppice/server.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ----------------------------------------------------------- holding up -- */

/* From now on it takes nothing but requests of this header, the EXIT of its
 * parent and cop_server_stop; all else waits in its mailbox, in order, and no
 * idle time ends. It keeps a stack meanwhile. Done twice: no change. */
COP_API COP_MUST_USE int cop_sys_suspend(cop_pid pid, cop_time deadline);
/* Goes on. Of one that is not suspended: no change. */
COP_API COP_MUST_USE int cop_sys_resume(cop_pid pid, cop_time deadline);

/* Ends it with `reason` (taken), `terminate` first; returns as soon as it took
 * the request. To wait for its end: cop_server_stop. COP_EDOWN: it ended
 * before it took it. */
COP_API COP_MUST_USE int cop_sys_terminate(cop_pid pid, cop_reason reason,
                                           cop_time deadline);

/* ---------------------------------------------------------------- state -- */

/* Copies the state, at most `cap` bytes, and returns its size: of a server the
 * bytes of cop_server.state_bytes, pointers as they are; other behaviours say
 * what they show (supervisors: cop_sup_state). COP_ENOTSUP: it shows none
 * (registries, groups);
 * COP_ESIZE: too much for an int.
 */
COP_API COP_MUST_USE int cop_sys_get_state(cop_pid pid, void *out, size_t cap,
                                           cop_time deadline);

/* Runs fn(state, bytes, arg) in the behaviour, with the state that get_state
 * shows. If it returns anything but 0, or ends in cop_exit, the state's bytes
 * are put back as they were, the behaviour goes on, and this returns
 * COP_EFAILED. So it must not free what the bytes refer to before it is sure.
 * `arg` is copied if arg_bytes > 0 (at most COP_SYS_ARG_MAX, else COP_ESIZE),
 * else only lent: it must live until then, even after a timeout.
 * COP_ENOTSUP. */
#define COP_SYS_ARG_MAX 1024
typedef int (*cop_sys_change)(void *state, size_t bytes, void *arg);
COP_API COP_MUST_USE int cop_sys_replace_state(cop_pid pid, cop_sys_change fn,
                                               void *arg, size_t arg_bytes,
                                               cop_time deadline);

/* Puts another definition in the place of the present one while it is
 * suspended: of a server a cop_server whose code_change makes the new state
 * from the old one, of other behaviours a definition of theirs. It must outlive
 * the behaviour; of the old one the label must, too. `extra` goes to
 * code_change (at most COP_SYS_ARG_MAX bytes, else COP_ESIZE). COP_EINVAL: not
 * suspended, or a senseless definition; COP_ENOTSUP: no code_change;
 * COP_EFAILED: that failed. Then nothing was changed. */
COP_API COP_MUST_USE int cop_sys_change_code(cop_pid pid, const void *new_def,
                                             const void *extra,
                                             size_t extra_bytes,
                                             cop_time deadline);

/* -------------------------------------------------------------- looking -- */

/* A text of lines "word: value": behaviour, label, pid, name, parent, status
 * (running or suspended), events logged, state (as format_status gives it).
 * Writes at most `size` bytes with the closing zero; returns its length, as
 * snprintf. */
#define COP_SYS_STATUS_TEXT 4096
COP_API COP_MUST_USE int cop_sys_get_status(cop_pid pid, char *buf, size_t size,
                                            cop_time deadline);

/* Counts from now on, or no more. On when it is on: no change. */
COP_API COP_MUST_USE int cop_sys_statistics(cop_pid pid, bool on,
                                            cop_time deadline);
typedef struct cop_sys_stats {
    cop_time start; /* when it was turned on, and now */
    cop_time now;
    uint64_t reductions;  /* since then, of turns that are over */
    uint64_t messages_in; /* calls, casts, others, and timeouts */
} cop_sys_stats;
/* COP_ENOENT: it is off. */
COP_API COP_MUST_USE int cop_sys_get_statistics(cop_pid pid, cop_sys_stats *out,
                                                cop_time deadline);

/* Reports by cop_log what comes in and, if there is a format_status, what the
 * state is then: "*DBG* counter got call 7 from 0.3.1". */
COP_API COP_MUST_USE int cop_sys_trace(cop_pid pid, bool on, cop_time deadline);

/* Keeps the last n events (at most COP_SYS_LOG_MAX, else COP_EINVAL) as text;
 * 0: none, and those kept are dropped. With another n while it is on: no
 * change. An event's line is cut at COP_SYS_LINE - 1 bytes. */
#define COP_SYS_LOG_MAX 1000
#define COP_SYS_LINE 160
COP_API COP_MUST_USE int cop_sys_log(cop_pid pid, size_t n, cop_time deadline);
/* The lines, oldest first, each closed by a newline: writes at most `size`
 * bytes with the closing zero; returns the text's length, 0 if it is off. */
COP_API COP_MUST_USE int cop_sys_get_log(cop_pid pid, char *buf, size_t size,
                                         cop_time deadline);

#ifdef __cplusplus
}
#endif
#endif
