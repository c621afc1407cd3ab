/* SPDX-License-Identifier: MIT
 *
 * ctx.h - a saved point of execution: the one thing here that C cannot say.
 * Rank: 2.
 *
 * A context is the stack pointer of code that is not running; all else that
 * the calling convention keeps over a function call lies on that stack, in a
 * frame whose layout only ctx_<machine>.S knows. Kept are the callee-saved
 * registers and the floating point control settings (rounding, precision,
 * masked exceptions); not kept are signal mask, alternate signal stack and
 * thread-local storage, which belong to the thread.
 *
 * Invariants
 * 1. A context is entered at most once after each time it was saved or made.
 * 2. The frame at `sp` is untouched until then: only this thread, or one that
 *    learned of the context with acquire order, may enter it.
 * 3. copi_ctx_switch knows neither actors nor tools; who calls it without
 *    coro.c leaves the sanitizers behind.
 *
 * Rejected: swapcontext (two system calls for a signal mask nobody changes);
 * an inline asm switch (a few registers less, but no place for unwinding
 * tables); a return instruction at the end on x86 (see ctx_x86_64.S).
 */
#ifndef COPI_COROUTINE_CTX_H
#define COPI_COROUTINE_CTX_H

#include "runtime/base/base.h"

struct copi_ctx {
    void *sp;
};

/* What copi_ctx_make lays down at the top of a fresh stack, and more than
 * any saved frame needs. */
#define COPI_CTX_FRAME_BYTES 256

/* Saves the running code in *from and goes on where *to was saved. Returns
 * when somebody switches to *from, perhaps on another thread. */
void copi_ctx_switch(struct copi_ctx *from, const struct copi_ctx *to);

/* The same in two steps. `leave` saves the running code in *from and calls
 * by(arg) on the same stack, below it; that ends with `jump`, which goes on
 * where *to was saved, and what it has on the stack is gone. `leave` returns
 * when somebody goes to *from: so none of the functions that found out where to
 * go has to return there, each of which the processor would predict wrongly. */
void copi_ctx_leave(struct copi_ctx *from, void (*by)(void *), void *arg);
COP_NORETURN void copi_ctx_jump(const struct copi_ctx *from,
                                const struct copi_ctx *to);

/* As the second half of copi_ctx_switch: what runs now is given up. */
COP_NORETURN void copi_ctx_go(const struct copi_ctx *to);

/* Makes *c a context that calls entry(arg) on the stack [low, low + size),
 * with default floating point control. `entry` must never return. Unwinding
 * and frame-pointer chains end below `entry`. */
void copi_ctx_make(struct copi_ctx *c, void *stack_low, size_t size,
                   void (*entry)(void *), void *arg);

#endif
