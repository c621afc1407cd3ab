/* SPDX-License-Identifier: MIT
 *
 * frames.h - who called whom, on a coroutine's stack. Rank: 2.
 *
 * Reads only within the bounds of the stack, so that it cannot fault whatever
 * lies there.
 */
#ifndef COPI_COROUTINE_FRAMES_H
#define COPI_COROUTINE_FRAMES_H

#include "runtime/coroutine/mcontext.h"
#include "runtime/memory/stack.h"

/* How the callers are found. */
enum copi_frames_by {
    COPI_FRAMES_QUICK,   /* the innermost by tables (cfi.h), then by frame
                            pointers: some 50 ns a frame. Functions without a
                            frame pointer are left out */
    COPI_FRAMES_THOROUGH /* by tables where there are some */
};

/* Fills `out` with r->pc, and with where it and its callers return to, at most
 * cap of them in all. r->pc may be where a fault struck, or, if `is_return`,
 * an address that a call returns to. Returns how many. Safe in a signal
 * handler. */
unsigned copi_frames_follow(const struct copi_stack *s,
                            const struct copi_regs *r, bool is_return,
                            enum copi_frames_by by, uintptr_t *out,
                            unsigned cap);

/* Where the code at r->pc returns to if it has pushed nothing yet; 0: nobody
 * knows. */
uintptr_t copi_frames_return(const struct copi_stack *s,
                             const struct copi_regs *r);

#endif
