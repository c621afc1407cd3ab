/* SPDX-License-Identifier: MIT
 *
 * built.c - how the program was compiled. Rank: 2.
 *
 * A compiler leaves no mark of -fno-omit-frame-pointer in a program. But where
 * it was given, each function that has called another has left its caller's
 * frame pointer and the return address side by side, and the frame pointer
 * leads there. The tables for exceptions (cfi.c) say where the return address
 * is in any case. Both must tell the same of the outermost function of the
 * program, which is main, or that of a thread: what lies between it and here
 * may come from an archive of somebody else's. Where there are no tables on the
 * way, nothing is said.
 *
 * Of -fstack-clash-protection there is no such trace: only functions with big
 * frames look different, and who has none is as well off without.
 */
#include "runtime/coroutine/built.h"

#include "runtime/coroutine/cfi.h"
#include "runtime/probe/text.h"

enum { FRAMES_MAX = 64, STACK_MAX = 8 << 20 };

/* Does the frame that begins at a frame address end there, too? Elsewhere the
 * frame pointer is the rule anyway. */
#if defined(__x86_64__)
enum { FRAME_ENDS_AT_RECORD = 1 };
#else
enum { FRAME_ENDS_AT_RECORD = 0 };
#endif

struct record {
    uintptr_t caller_fp, ret;
};

/* Only within the function's own frame: elsewhere a stray register may lead
 * anywhere. */
static bool has_record(const struct copi_stack *s, const struct copi_regs *r,
                       const struct copi_regs *caller)
{
    uintptr_t ret;
    return r->fp >= r->sp && r->fp <= caller->sp - sizeof(struct record) &&
           copi_cfi_load(s, r->fp + offsetof(struct record, ret), &ret) &&
           ret == caller->pc;
}

COPI_NOINLINE bool copi_built_without_frames(uintptr_t *where)
{
    const struct record *own = __builtin_frame_address(0);
    const struct copi_stack s = {.low = (char *)(uintptr_t)own,
                                 .size = STACK_MAX};
    struct copi_regs caller, r = {
                                 .pc = (uintptr_t)__builtin_return_address(0),
                                 .sp = (uintptr_t)(own + 1),
                                 .fp = own->caller_fp,
                             };
    if (!FRAME_ENDS_AT_RECORD || COPI_ASAN || COPI_TSAN)
        return false;
    for (int i = 0; i < FRAMES_MAX; i++, r = caller) {
        if (copi_cfi_step(&s, &r, true, &caller) != COPI_CFI_CALLER)
            return false;
        if (copi_text_of(caller.pc, NULL) == COPI_TEXT_ACTOR)
            continue;
        *where = r.pc;
        return !has_record(&s, &r, &caller);
    }
    return false;
}
