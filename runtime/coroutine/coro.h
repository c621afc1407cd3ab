/* SPDX-License-Identifier: MIT
 *
 * coro.h - a coroutine: a function with a stack of its own, entered by a
 * thread and left again, possibly to be entered by another thread next time.
 * Rank: 2.
 *
 * Words
 *   native     the thread's own side: what runs on the stack that the
 *              operating system gave the thread. One per thread that enters
 *              coroutines.
 *   enter      native -> coroutine; returns when the coroutine leaves.
 *   leave      coroutine -> the native of the thread it runs on now.
 *   swap       coroutine -> another one, which from then on is the one that the
 *              native is inside of.
 *
 * States of a coroutine
 *
 *     init, reset        enter            leave
 *   ------------> READY -------> RUNNING -------> SUSPENDED --enter--> RUNNING
 *                                   | leave_for_good
 *                                   v
 *                                 ENDED          reset: READY; fini: gone
 *
 * Invariants
 * 1. Whoever makes a suspended coroutine known to other threads does so after
 *    copi_coro_enter has returned: before that its registers are not saved.
 * 2. RUNNING means that exactly one native waits in copi_coro_enter for it.
 * 3. No lock is held across a switch.
 * 4. errno belongs to the coroutine. Everything else that is thread-local
 *    belongs to the thread; an address of it kept over a leave is wrong.
 */
#ifndef COPI_COROUTINE_CORO_H
#define COPI_COROUTINE_CORO_H

#include "runtime/base/base.h"
#include "runtime/coroutine/ctx.h"
#include "runtime/memory/stack.h"

enum copi_coro_state {
    COPI_CORO_NONE, /* zeroed, or after fini */
    COPI_CORO_READY,
    COPI_CORO_RUNNING,
    COPI_CORO_SUSPENDED,
    COPI_CORO_ENDED,
};

/* A thread's own side. Its thread only. */
struct copi_native {
    struct copi_ctx ctx;      /* saved while a coroutine runs */
    struct copi_coro *inside; /* that coroutine; NULL on the thread's stack */
    int *errno_at;            /* the thread's errno */
    bool is_swapping;         /* `inside` was entered from another coroutine */
    /* Used under sanitizers only; there in every build, so that sizes do not
     * depend on flags. */
    void *fake;            /* ASan: its book of the thread's frames */
    const void *stack_low; /* ASan: bounds of the thread's stack */
    size_t stack_size;
    void *fiber; /* TSan: the thread itself */
};

/* Touched by whoever may enter it, and by itself. */
struct copi_coro {
    struct copi_ctx ctx;    /* saved while not RUNNING */
    struct copi_native *on; /* RUNNING: who waits for it */
    enum copi_coro_state state;
    int saved_errno; /* while SUSPENDED */
    void (*entry)(void *);
    void *arg;
    struct copi_stack stack;
    void *fake; /* ASan: its book of this coroutine's frames */
};

/* Makes the calling thread able to enter coroutines. Cannot fail. */
void copi_native_init(struct copi_native *n);
/* The same thread; not from inside a coroutine. */
void copi_native_fini(struct copi_native *n);

/* A coroutine that will run entry(arg) on a stack of at least `stack_bytes`
 * from the pool (0: the default, 64 KiB). `entry` must end with
 * copi_coro_leave_for_good: returning is a panic. Nothing runs yet; never
 * blocks. 0, or what copi_stack_get gives: COP_ENOMEM, COP_ELIMIT,
 * COP_EINVAL. */
COP_MUST_USE int copi_coro_init(struct copi_coro *c, size_t stack_bytes,
                                void (*entry)(void *), void *arg);

/* The stack goes back to the pool. Not RUNNING. What a SUSPENDED one had on
 * its stack is simply gone: nothing is unwound. */
void copi_coro_fini(struct copi_coro *c);

/* Starts over with entry(arg) on the same stack: for warm coroutines and for
 * ones given up in mid-function. Not RUNNING. */
void copi_coro_reset(struct copi_coro *c, void (*entry)(void *), void *arg);

/* The running coroutine was left by a signal handler, which switches to the
 * native itself; this is the bookkeeping. Safe in the handler. */
void copi_coro_abandon(struct copi_coro *c);

/* An abandoned one goes on with entry(arg), on the part of its stack that lies
 * below `limit`; what lies above stays. False: there is not enough. */
bool copi_coro_go_on_below(struct copi_coro *c, char *limit,
                           void (*entry)(void *), void *arg);

/* Thread -> coroutine, which is READY or SUSPENDED. Returns when it leaves, or
 * another one to which it has swapped: the one that did, whose state tells how:
 * SUSPENDED or ENDED. On the thread of `from`. */
struct copi_coro *copi_coro_enter(struct copi_native *from,
                                  struct copi_coro *to);

/* The running coroutine -> another one, READY or SUSPENDED. Returns as leave
 * does. Whoever is there now makes `from` known to others: its registers are
 * saved. */
void copi_coro_swap(struct copi_coro *from, struct copi_coro *to);
/* What enter does for one that left, for one that swapped away. */
static inline void copi_coro_note_left(struct copi_coro *c)
{
    copi_stack_note_sp(&c->stack, c->ctx.sp);
}

/* Coroutine -> the native of the thread that it runs on now; returns when it
 * is entered again, possibly on another thread, with its errno restored.
 * Re-read everything thread-local after it. */
void copi_coro_leave(struct copi_coro *from, struct copi_native *to);

/* What it costs to be entered again grows with the functions that have to
 * return before the program goes on: after a switch each return is predicted
 * wrongly (10 ns). So a coroutine may save itself first, and find out
 * afterwards where to go: by(arg) is called and must end with one of the next
 * two, which do not return to it; copi_coro_save does, as leave does. (Tools
 * that watch the calls want to see them return: under these both do, and `by`
 * must return at once.) */
#define COPI_CORO_IS_WATCHED (COPI_ASAN || COPI_TSAN)
COPI_INLINE void copi_coro_save(struct copi_coro *c, void (*by)(void *),
                                void *arg)
{
    if (COPI_CORO_IS_WATCHED) {
        by(arg);
        return;
    }
    copi_ctx_leave(&c->ctx, by, arg);
    *c->on->errno_at = c->saved_errno;
}
void copi_coro_swap_saved(struct copi_coro *from, struct copi_coro *to);
void copi_coro_leave_saved(struct copi_coro *from, struct copi_native *to);

/* As leave, but never returns: the coroutine is ENDED. */
COP_NORETURN void copi_coro_leave_for_good(struct copi_coro *from,
                                           struct copi_native *to);

/* The most stack in use at any leave since init or reset, in bytes. */
static inline size_t copi_coro_high_water(const struct copi_coro *c)
{
    return copi_stack_high_water(&c->stack);
}

#endif
