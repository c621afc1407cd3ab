/* SPDX-License-Identifier: MIT
 *
 * cfi.h - one step up a stack by the compiler's own tables. Rank: 2.
 * How it works, and what it leaves out: cfi.c.
 */
#ifndef COPI_COROUTINE_CFI_H
#define COPI_COROUTINE_CFI_H

#include "runtime/coroutine/mcontext.h"
#include "runtime/memory/stack.h"

/* The word of the stack at an address; false: it lies outside, or between two
 * words. Safe in a signal handler. */
bool copi_cfi_load(const struct copi_stack *s, uintptr_t at, uintptr_t *out);

enum copi_cfi {
    COPI_CFI_CALLER, /* *to is the caller's */
    COPI_CFI_END,    /* there is no caller */
    COPI_CFI_UNKNOWN /* no table for this code, or one that says too much */
};

/* From the code at from->pc to its caller. `is_return`: pc is where a call will
 * return to. Reads tables of loaded objects, and the stack within its bounds;
 * takes no lock: safe in a signal handler. */
enum copi_cfi copi_cfi_step(const struct copi_stack *s,
                            const struct copi_regs *from, bool is_return,
                            struct copi_regs *to);

/* A function of a loaded object begins there, as its tables say. Any thread;
 * takes no lock. */
bool copi_cfi_is_function(uintptr_t pc);

#endif
