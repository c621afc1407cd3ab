/* SPDX-License-Identifier: MIT
 *
 * crash.h - native faults as reasons of exits. Rank: 4. See crash.c.
 */
#ifndef COPI_SCHEDULER_CRASH_H
#define COPI_SCHEDULER_CRASH_H

#include "runtime/scheduler/worker.h"

/* Takes over the fault signals, unless the configuration says not to, and
 * gives them back to whom they were. */
void copi_crash_init(void);
void copi_crash_fini(void);

/* A stack of its own for signals, for the calling machine. */
void copi_crash_thread_init(struct copi_machine *m);
void copi_crash_thread_fini(struct copi_machine *m);

/* In the handler of another signal, in an actor's own code: the actor ends with
 * {fault, runaway}. */
void copi_crash_runaway(const siginfo_t *si, void *uc);

/* A function of libc that ends a process was called in an actor's own code:
 * `frame` is that function's (__builtin_frame_address(0)), `what` and `text`
 * are as in cop_fault. Returns if that is not the actor's end but the
 * process's. */
void copi_crash_raise(const void *frame, const char *what, const char *text);

/* The same, when the frames of the calling actor may be damaged: no cop_catch
 * is gone back to. */
void copi_crash_raise_smashed(const void *frame, const char *what);

#endif
