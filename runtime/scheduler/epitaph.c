/* SPDX-License-Identifier: MIT
 *
 * epitaph.c - what an actor that crashes says of itself. Rank: 4.
 *
 * The formatter is code of the program that looks at a state which may be
 * damaged: it runs like a clean-up, isolated, once, and what it had written
 * when it failed is kept. Without memory there is none, and no backtrace.
 */
#include "runtime/scheduler/epitaph.h"

#include "runtime/coroutine/frames.h"
#include "runtime/memory/mem.h"
#include "runtime/scheduler/turn.h"

/* The innermost frame, which is exit.c's. */
enum { OWN_FRAMES = 1 };

_Static_assert(sizeof(struct copi_epitaph) <= 128, "a slab class");

static bool own_mailbox_is_full(const struct copi_actor *a)
{
    return a->mailbox_max != 0 &&
           atomic_load_explicit(&a->bounded, memory_order_relaxed) >
               a->mailbox_max;
}

bool copi_epitaph_is_crash(const struct copi_actor *a)
{
    switch (cop_reason_kind(a->reason)) {
    case COP_R_FAULT:
    case COP_R_BADARG:
    case COP_R_NOMEM:
        return !a->by_signal;
    case COP_R_LIMIT:
        return !a->by_signal || own_mailbox_is_full(a);
    default:
        return false;
    }
}

bool copi_epitaph_is_wanted(const struct copi_actor *a)
{
    switch (copi_rt.config.crash_reports) {
    case COP_REPORT_CRASHES:
        return copi_epitaph_is_crash(a);
    case COP_REPORT_FAILURES:
        return copi_epitaph_is_crash(a) ||
               (!a->by_signal && !cop_reason_is_orderly(a->reason));
    default:
        return false;
    }
}

static struct copi_epitaph *get(struct copi_actor *a)
{
    struct copi_cold *cold = copi_cold_make(a);
    if (cold == NULL)
        return NULL;
    if (cold->epitaph == NULL) {
        cold->epitaph = copi_slab_alloc(COPI_SLAB_128);
        if (cold->epitaph != NULL)
            memset(cold->epitaph, 0, sizeof *cold->epitaph);
    }
    return cold->epitaph;
}

int copi_epitaph_set(struct copi_actor *a, cop_formatter fn, const void *arg)
{
    if (fn == NULL && a->cold->epitaph == NULL)
        return 0;
    struct copi_epitaph *e = get(a);
    if (e == NULL)
        return COP_ENOMEM;
    e->format = fn;
    e->arg = arg;
    return 0;
}

/* A fault has its own backtrace in the reason. */
static void note_frames(struct copi_actor *a, struct copi_epitaph *e)
{
    uintptr_t frame[COPI_EPITAPH_FRAMES + OWN_FRAMES];
    const struct copi_regs here = {
        .pc = (uintptr_t)__builtin_return_address(0),
        .fp = *(const uintptr_t *)__builtin_frame_address(0),
    };
    if (e->depth != 0 || cop_reason_kind(a->reason) == COP_R_FAULT)
        return;
    unsigned n =
        copi_frames_follow(&a->carrier->coro.stack, &here, true,
                           COPI_FRAMES_QUICK, frame, COPI_ARRAY_LEN(frame));
    for (unsigned i = OWN_FRAMES; i < n; i++)
        e->frame[e->depth++] = frame[i];
}

static void note_state(struct copi_epitaph *e)
{
    cop_formatter format = e->format;
    e->format = NULL;
    if (format == NULL || e->state != NULL)
        return;
    e->state = copi_mem_zalloc(COP_CRASH_STATE);
    if (e->state == NULL)
        return;
    copi_turn_user_begin();
    format(e->arg, e->state, COP_CRASH_STATE);
    copi_turn_user_end();
}

void copi_epitaph_write(struct copi_actor *a)
{
    if (COPI_LIKELY(!copi_epitaph_is_wanted(a)))
        return;
    struct copi_epitaph *e = get(a);
    if (e == NULL)
        return;
    note_frames(a, e);
    note_state(e);
}

void copi_epitaph_free(struct copi_actor *a)
{
    struct copi_epitaph *e = a->cold->epitaph;
    if (e == NULL)
        return;
    copi_cold_of(a)->epitaph = NULL;
    if (e->state != NULL)
        copi_mem_free(e->state, COP_CRASH_STATE);
    copi_slab_free(COPI_SLAB_128, e);
}
