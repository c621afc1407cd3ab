/* SPDX-License-Identifier: MIT
 *
 * mcontext_x86_64.c - see mcontext.h. Rank: 2.
 */
#include "runtime/coroutine/mcontext.h"

#include <ucontext.h>

void copi_mcontext_read(const void *uc, struct copi_regs *out)
{
    const greg_t *r = ((const ucontext_t *)uc)->uc_mcontext.gregs;
    *out = (struct copi_regs){.pc = (uintptr_t)r[REG_RIP],
                              .sp = (uintptr_t)r[REG_RSP],
                              .fp = (uintptr_t)r[REG_RBP]};
}

void copi_mcontext_go(void *uc, const struct copi_ctx *to, const sigset_t *mask)
{
    /* libc's set is longer than what the kernel has written and reads */
    memcpy(&((ucontext_t *)uc)->uc_sigmask, mask, _NSIG / 8);
    greg_t *r = ((ucontext_t *)uc)->uc_mcontext.gregs;
    r[REG_RIP] = (greg_t)(uintptr_t)copi_ctx_go;
    r[REG_RDI] = (greg_t)(uintptr_t)to;
    r[REG_RSP] = (greg_t)(uintptr_t)to->sp;
    r[REG_EFL] &= ~(greg_t)0x40500; /* alignment check, direction, trap */
}
