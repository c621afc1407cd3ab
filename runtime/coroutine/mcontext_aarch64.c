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

/* As ctx_aarch64.S has laid it down. */
void copi_ctx_read(const struct copi_ctx *c, struct copi_regs *out)
{
    const uintptr_t *frame = c->sp;
    *out = (struct copi_regs){
        .pc = frame[11], .sp = (uintptr_t)(frame + 22), .fp = frame[10]};
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

/* Going on at any instruction needs a register for its address, and there is
 * none to spare here. */
bool copi_mcontext_call_init(void (*fn)(void))
{
    (void)fn;
    return false;
}

/* The pair of registers may lie anywhere in the frame. */
struct copi_regs copi_mcontext_caller(const uintptr_t *frame)
{
    return (struct copi_regs){.pc = frame[1], .fp = frame[0]};
}

size_t copi_mcontext_call_bytes(void)
{
    return 0;
}

bool copi_mcontext_call(void *uc)
{
    (void)uc;
    return false;
}
