/* SPDX-License-Identifier: MIT
 *
 * proc.h - starting a coroutine actor and waiting until it says that it has
 * come up (OTP's proc_lib), and who an actor descends from.
 *
 *     static void logger(void *arg)
 *     {
 *         if (!open_file(arg))
 *             cop_init_fail(cop_because("no_file"), COP_NORMAL);
 *         (void)cop_init_ack(NULL, 0);
 *         ...
 *     }
 *
 *     err = cop_proc_start(&pid, logger, path, &opts, COP_SEC, NULL, 0, &why);
 *
 * Such an actor is stopped with cop_server_stop if it has become a server
 * since, else by a message or an exit signal, as it likes.
 */
#ifndef COPPICE_PROC_H
#define COPPICE_PROC_H

#include <coppice/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Starts an actor that runs fn(arg), and waits until it calls cop_init_ack, at
 * most start_ns (0: for ever). Returns the size of what it acknowledged with,
 * of which at most `cap` bytes are copied to `reply` (so a result above cap
 * means it was cut; reply may be NULL). Opts may be NULL: .link makes it
 * proc_lib:start_link, .monitor start_monitor, .arg_bytes and .arg_release are
 * as for cop_spawn. Blocks. Actors and foreign threads (these cannot link or
 * monitor; the child has no parent then).
 *   COP_EFAILED    it called cop_init_fail; *why is the failure
 *   COP_EDOWN      it ended without a word, a return included; *why is what
 *                  it ended with
 *   COP_ETIMEDOUT  it took too long and was killed
 *   COP_ESTARTED   opts->name is taken; *out is who has it
 *   COP_EINVAL COP_ENOMEM COP_ENAME COP_ELIMIT COP_ENOTSUP COP_ESTOPPED  as
 *                  cop_spawn
 * *why (may be NULL) is the caller's. After each of the first three the child
 * is gone, its name is free, and no EXIT of it is left in the mailbox of a
 * caller that traps exits; one that does not trap dies of a linked child's
 * abnormal end. The DOWN of .monitor does come. */
COP_API COP_MUST_USE int cop_proc_start(cop_pid *out, cop_fn fn, void *arg,
                                        const cop_opts *opts, cop_time start_ns,
                                        void *reply, size_t cap,
                                        cop_reason *why);

/* In the child: it has come up; the starter goes on, and gets a copy of `size`
 * bytes. Does not block (but waits for memory). COP_EINVAL (the caller was not
 * started by cop_proc_start, or has acknowledged already; no body); COP_ESIZE
 * (above 1 GiB). A starter that has given up is no error. */
COP_API int cop_init_ack(const void *body, size_t size);

/* In the child: it cannot come up. The starter gets COP_EFAILED and `failure`
 * as soon as the child, which ends here with `reason`, is gone. Both are taken.
 * If nobody waits it just ends. Does not return. Actors only. */
COP_API COP_NORETURN void cop_init_fail(cop_reason failure, cop_reason reason);

/* Whom `pid` descends from: the actor that spawned it first, then the one that
 * spawned that, and so on; at most `cap` of them are put in `out`. Returns how
 * many there are, at most 256. Of an actor that has ended nothing further is
 * known, so it is the last one of the chain. COP_ENOPROC; COP_EINVAL. Any
 * thread; does not block. */
COP_API COP_MUST_USE int cop_ancestors(cop_pid pid, cop_pid *out, size_t cap);

#ifdef __cplusplus
}
#endif
#endif
