/* SPDX-License-Identifier: MIT
 *
 * mcontext.h - the registers of code that a signal interrupted. Rank: 2.
 *
 * `uc` is the third argument of a signal handler. One file per processor.
 */
#ifndef COPI_COROUTINE_MCONTEXT_H
#define COPI_COROUTINE_MCONTEXT_H

#include "runtime/coroutine/ctx.h"

#include <signal.h>

struct copi_regs {
    uintptr_t pc, sp, fp;
    uintptr_t link; /* where a leaf function returns to; 0: it lies at sp */
};

void copi_mcontext_read(const void *uc, struct copi_regs *out);

/* The same of a saved context: pc is where it goes on. */
void copi_ctx_read(const struct copi_ctx *c, struct copi_regs *out);

/* Where the function with this frame returns to, as far as one needs it to
 * follow the callers; sp is 0 where a frame does not say it. */
struct copi_regs copi_mcontext_caller(const uintptr_t *frame);

/* When the handler returns, *to runs, with this signal mask. */
void copi_mcontext_go(void *uc, const struct copi_ctx *to,
                      const sigset_t *mask);

/* When the handler returns, the function given to the init below runs as if the
 * interrupted code had called it; afterwards that goes on with all registers as
 * they were. Needs copi_mcontext_call_bytes() of stack below sp beside what the
 * function needs. False: not on this processor. */
bool copi_mcontext_call(void *uc);
size_t copi_mcontext_call_bytes(void);

/* Once, before the first call. False: not on this processor. */
bool copi_mcontext_call_init(void (*fn)(void));

#endif
