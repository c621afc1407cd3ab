/* SPDX-License-Identifier: MIT
 *
 * frames.c - who called whom. Rank: 2. See frames.h.
 *
 * Code at the innermost address may not have set up a frame: then the frame
 * pointer is its caller's still, and the chain begins one too high. So the
 * first step goes by the compiler's tables. Where these know nothing, as after
 * a jump to an address that is no code, the return address is on top of the
 * stack, just pushed.
 *
 * A frame pointer is believed as long as the chain goes up.
 */
#include "runtime/coroutine/frames.h"

#include "runtime/coroutine/cfi.h"

#include <dlfcn.h>

uintptr_t copi_frames_return(const struct copi_stack *s,
                             const struct copi_regs *r)
{
    uintptr_t top;
    if (r->link != 0)
        return r->link;
    return copi_cfi_load(s, r->sp, &top) ? top : 0;
}

static bool is_code(uintptr_t pc)
{
    struct dl_find_object o;
    return _dl_find_object((void *)pc, &o) == 0;
}

static bool step_by_pointer(const struct copi_stack *s,
                            const struct copi_regs *from, struct copi_regs *to)
{
    *to = (struct copi_regs){.sp = from->fp + 2 * sizeof from->fp};
    return to->sp > from->sp && copi_cfi_load(s, from->fp, &to->fp) &&
           copi_cfi_load(s, from->fp + sizeof from->fp, &to->pc) && to->pc != 0;
}

/* Out of code that is none. */
static bool step_by_top(const struct copi_stack *s,
                        const struct copi_regs *from, struct copi_regs *to)
{
    *to = (struct copi_regs){
        .pc = copi_frames_return(s, from), .sp = from->sp, .fp = from->fp};
    if (from->link == 0)
        to->sp += sizeof to->sp;
    return to->pc != 0 && is_code(to->pc);
}

static bool step(const struct copi_stack *s, const struct copi_regs *from,
                 bool is_return, bool by_tables, struct copi_regs *to)
{
    if (by_tables) {
        switch (copi_cfi_step(s, from, is_return, to)) {
        case COPI_CFI_CALLER:
            return true;
        case COPI_CFI_END:
            return false;
        case COPI_CFI_UNKNOWN:
            break;
        }
    }
    if (!is_return && !is_code(from->pc) && step_by_top(s, from, to))
        return true;
    return step_by_pointer(s, from, to);
}

unsigned copi_frames_follow(const struct copi_stack *s,
                            const struct copi_regs *r, bool is_return,
                            enum copi_frames_by by, uintptr_t *out,
                            unsigned cap)
{
    struct copi_regs at = *r, to;
    unsigned n = 0;
    if (cap == 0)
        return 0;
    out[n++] = at.pc;
    while (n < cap &&
           step(s, &at, is_return, n == 1 || by == COPI_FRAMES_THOROUGH, &to)) {
        out[n++] = to.pc;
        at = to;
        is_return = true;
    }
    return n;
}
