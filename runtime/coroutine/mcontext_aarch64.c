/* SPDX-License-Identifier: MIT
 *
 * mcontext_aarch64.c - see mcontext.h. Rank: 2.
 */
#include "runtime/coroutine/mcontext.h"

#include <ucontext.h>

void copi_mcontext_read(const void *uc, struct copi_regs *out)
{
    const mcontext_t *m = &((const ucontext_t *)uc)->uc_mcontext;
    *out = (struct copi_regs){
        .pc = m->pc, .sp = m->sp, .fp = m->regs[29], .link = m->regs[30]};
}

void copi_mcontext_go(void *uc, const struct copi_ctx *to, const sigset_t *mask)
{
    /* libc's set is longer than what the kernel has written and reads */
    memcpy(&((ucontext_t *)uc)->uc_sigmask, mask, _NSIG / 8);
    mcontext_t *m = &((ucontext_t *)uc)->uc_mcontext;
    m->pc = (uintptr_t)copi_ctx_go;
    m->regs[0] = (uintptr_t)to;
    m->sp = (uintptr_t)to->sp;
}
