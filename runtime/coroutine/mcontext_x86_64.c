/* SPDX-License-Identifier: MIT
 *
 * mcontext_x86_64.c - see mcontext.h. Rank: 2.
 */
#include "runtime/coroutine/mcontext.h"

#include <cpuid.h>
#include <ucontext.h>

enum { RED_ZONE = 128, SAVED_BYTES = 256 };

/* What ctx_x86_64.S takes for the vector registers; 0: not set up. */
size_t copi_ctx_vector_bytes;
/* What it calls. */
void (*copi_ctx_injected)(void);
void copi_ctx_inject(void);

void copi_mcontext_read(const void *uc, struct copi_regs *out)
{
    const greg_t *r = ((const ucontext_t *)uc)->uc_mcontext.gregs;
    *out = (struct copi_regs){.pc = (uintptr_t)r[REG_RIP],
                              .sp = (uintptr_t)r[REG_RSP],
                              .fp = (uintptr_t)r[REG_RBP]};
}

/* As ctx_x86_64.S has laid it down. */
void copi_ctx_read(const struct copi_ctx *c, struct copi_regs *out)
{
    const uintptr_t *frame = c->sp;
    *out = (struct copi_regs){
        .pc = frame[7], .sp = (uintptr_t)(frame + 8), .fp = frame[6]};
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

/* The size of all the state that the system lets programs use: XSAVE writes so
 * much, and wants it aligned to 64 bytes. */
bool copi_mcontext_call_init(void (*fn)(void))
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & bit_OSXSAVE) == 0 ||
        !__get_cpuid_count(0xd, 0, &a, &b, &c, &d) || b < 576)
        return false;
    copi_ctx_injected = fn;
    copi_ctx_vector_bytes = b;
    return true;
}

/* The stack goes on above the frame pointer and the return address. */
struct copi_regs copi_mcontext_caller(const uintptr_t *frame)
{
    return (struct copi_regs){
        .pc = frame[1], .sp = (uintptr_t)(frame + 2), .fp = frame[0]};
}

size_t copi_mcontext_call_bytes(void)
{
    return copi_ctx_vector_bytes + RED_ZONE + SAVED_BYTES;
}

bool copi_mcontext_call(void *uc)
{
    greg_t *r = ((ucontext_t *)uc)->uc_mcontext.gregs;
    if (copi_ctx_vector_bytes == 0)
        return false;
    r[REG_RSP] -= RED_ZONE + 8;
    *(greg_t *)(uintptr_t)r[REG_RSP] = r[REG_RIP];
    r[REG_RIP] = (greg_t)(uintptr_t)copi_ctx_inject;
    return true;
}
