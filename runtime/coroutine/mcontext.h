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

/* When the handler returns, *to runs, with this signal mask. */
void copi_mcontext_go(void *uc, const struct copi_ctx *to,
                      const sigset_t *mask);

#endif
