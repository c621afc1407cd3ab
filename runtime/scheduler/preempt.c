/* SPDX-License-Identifier: MIT
 *
 * preempt.c - taking the processor from an actor that does not give it back.
 * Rank: 4.
 *
 * A turn ends at a call into the runtime. An actor that makes none is asked by
 * a flag first (sysmon.c); half a slice later its thread gets a signal, and the
 * handler makes it yield: it changes the interrupted registers so that the
 * actor, at whatever instruction it is, seems to call a function, which saves
 * all registers, leaves the stack like any yield, and on the actor's next turn
 * goes back to that instruction. (The asynchronous preemption of Go's runtime
 * works in this way.) This is also where an exit signal reaches an actor that
 * never receives.
 *
 * Only if all of these hold; otherwise the handler does nothing, and part of a
 * slice later sysmon tries again:
 *
 *   - the thread is a machine, outside the runtime, with an actor;
 *   - the instruction is the program's own: libc may hold a lock; and it is
 *     none of the runtime's that knows the thread (COPI_EDGE), nor is it under
 *     a lock of the runtime's (which few calls take without entering);
 *   - enough stack is left.
 *
 * An actor that makes one short system call after the other is hardly ever
 * struck there: a signal waits for the end of the system call, and that is in
 * libc. Nor does it call the runtime. But it calls functions of libc that the
 * runtime stands before (api/libc_file.c). So if a turn still lasts at the look
 * after the one at which it was asked to end, sysmon *presses* it, and at its
 * next such call it yields, as if a signal had struck at the call instruction,
 * and on the same conditions. What the handler knows by where it struck is
 * found out otherwise:
 *
 *   - the frame is on the actor's own stack: not in the handler of a signal;
 *   - the call is made by the program's own code, and nobody outside of that
 *     waits for it to return: a library's call may be made under its lock, and
 *     a handler on the actor's own stack is called by libc;
 *   - it is this process, not a child that the actor has forked.
 *
 * They look for that only while a word says so that they look at anyhow, for
 * fault plans: while a turn is pressed, or a thread that has lost its worker
 * moves.
 *
 * A preempted actor is *held*: it may be in the middle of code that keeps the
 * address of something thread-local in a register. It goes to the hogs of its
 * worker (runq.c), from which nobody steals, and the worker stays with its
 * thread, until the actor leaves by its own will. (A call of libc is no such
 * leave: `errno` is at the thread's address before and after it.)
 *
 * But it may hold a mutex of the system's, for which another actor now blocks
 * the thread that alone could go on with it. So a worker whose thread has
 * waited for several slices is handed over all the same (sysmon.c), and the
 * actor goes on elsewhere: better an errno of the wrong thread than a program
 * that hangs. (Not if it blocks within the runtime, in a `when` of a receive.)
 *
 * An actor whose thread has lost its worker, and which computes, has that
 * thread for itself. It is interrupted, or yields at a call of libc, only if a
 * signal has come for it or it has a limit, and then goes on with a worker,
 * where it meets the one or the other.
 *
 * An actor whose spawn set a limit (max_run_ns) and that has run that long
 * without a call ends here, as if by a fault: it will hardly mend itself.
 *
 * Rejected: a timer per thread instead of sysmon's signals: a signal per slice
 * for everybody, to find the few that need one. Calls of libc that yield at
 * once when asked, as calls into the runtime do: they would hold actors that
 * are about to make such a call, and may go anywhere after it. To put another
 * return address under the function of libc that a signal strikes in, which
 * would reach all of them: unwinders, exceptions, dlsym and shadow stacks look
 * at it. To yield where the kernel returns to libc: with threads it is in the
 * middle of a section that may be cancelled.
 */
#include "runtime/scheduler/preempt.h"

#include "runtime/actor/counters.h"
#include "runtime/actor/here.h"
#include "runtime/actor/mailbox.h"
#include "runtime/base/check.h"
#include "runtime/base/clock.h"
#include "runtime/base/lock.h"
#include "runtime/base/os.h"
#include "runtime/coroutine/frames.h"
#include "runtime/coroutine/mcontext.h"
#include "runtime/probe/text.h"
#include "runtime/scheduler/crash.h"
#include "runtime/scheduler/exit.h"
#include "runtime/scheduler/machine.h"
#include "runtime/scheduler/turn.h"
#include "runtime/scheduler/wait.h"

#include <signal.h>

/* For leaving, and for clean-ups if an exit signal has come. */
enum { ROOM_BYTES = 6 << 10 };
/* What is looked at for one that calls back, further out is taken for the
 * actor's; and how far a function of libc is behind its long way. */
enum { FRAMES_LOOKED_AT = 128, OWN_FRAMES = 8 };

static struct sigaction before;
static bool installed;
static int process; /* where it is */

/* How long this turn has lasted, as far as sysmon has seen. A signal that was
 * meant for the turn before may come in one that sysmon does not know yet:
 * nobody must end for what another one did. On the worker's own thread, within
 * the turn. */
static uint32_t running_ms(const struct copi_worker *w)
{
    /* acquire: pairs with look_at in sysmon.c */
    if (atomic_load_explicit(&w->since_turn, memory_order_acquire) !=
        atomic_load_explicit(&w->turn, memory_order_relaxed))
        return 0;
    int64_t since = atomic_load_explicit(&w->since, memory_order_relaxed);
    int64_t ns = copi_clock_real() - since;
    return since == 0 || ns < 0 ? 0 : (uint32_t)(ns / COP_MS);
}

static bool has_room(const struct copi_stack *s, uintptr_t sp)
{
    return sp < (uintptr_t)s->top &&
           sp > (uintptr_t)s->low + ROOM_BYTES + copi_mcontext_call_bytes();
}

static bool is_in_actor(const struct copi_here *h)
{
    return copi_machine_is_on_actor(h) &&
           atomic_load_explicit(&h->in_runtime, memory_order_relaxed) == 0;
}

static bool needs_worker(struct copi_actor *a)
{
    return a->max_run_ms != 0 || copi_mailbox_has_signals_local(a);
}

static bool may_go_on(const struct copi_here *h)
{
    return atomic_load_explicit(&h->lost, memory_order_relaxed) != 0 &&
           !needs_worker(h->actor);
}

static bool is_runaway(const struct copi_here *h)
{
    const struct copi_actor *a = h->actor;
    const struct copi_worker *w = h->worker; /* it may be lost at any moment */
    return a->max_run_ms != 0 && w != NULL &&
           a->ran_ms + running_ms(w) >= a->max_run_ms;
}

static void on_signal(int sig, siginfo_t *si, void *uc)
{
    const struct copi_here *h = copi_here();
    struct copi_regs r;
    (void)sig;
    if (h->native == NULL)
        return;
    atomic_store(&copi_machine_of(h)->interrupted, 0);
    if (!is_in_actor(h) || may_go_on(h))
        return;
    copi_mcontext_read(uc, &r);
    if (copi_is_edge(r.pc) || !copi_lock_none_held() ||
        copi_text_of(r.pc, NULL) != COPI_TEXT_ACTOR)
        return;
    if (is_runaway(h))
        copi_crash_runaway(si, uc);
    else if (has_room(&h->actor->carrier->coro.stack, r.sp))
        (void)copi_mcontext_call(uc);
}

static void leave_worker(struct copi_worker *w, struct copi_actor *a)
{
    if (!a->held)
        atomic_fetch_add(&w->held, 1);
    a->held = true;
    if (!a->pinned)
        a->home = (uint16_t)w->index;
    a->ran_ms += running_ms(w);
    COPI_COUNT(preemptions);
    copi_signals_take(a);
    copi_turn_leave(a, COPI_LEAVE_PREEMPTED);
    if (COPI_UNLIKELY(a->own_malloc))
        copi_exit_if_over(a);
}

/* On the actor's stack, in the middle of its code. */
COPI_EDGE static void yield_in_mid_code(void)
{
    struct copi_here *h = copi_here();
    int saved = *copi_os_errno();
    atomic_store_explicit(&h->in_runtime, 1, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    struct copi_actor *a = h->actor;
    if (!copi_machine_is_lost(copi_machine_of(h))) {
        leave_worker(h->worker, a);
    } else if (needs_worker(a)) {
        copi_turn_leave(a, COPI_LEAVE_LOST);
        copi_signals_take(
            a); /* on a worker's thread, which may look others up */
    }
    *copi_os_errno() = saved;
    /* release: as copi_scope_leave */
    atomic_store_explicit(&copi_here()->in_runtime, 0, memory_order_release);
}

/* ------------------------------------------------------ at calls of libc -- */

/* Our own frame that returns to `caller`, on the way from it to here; NULL: it
 * is not on the actor's stack. */
static const uintptr_t *find_frame(const struct copi_stack *s,
                                   const void *caller)
{
    const uintptr_t *f = __builtin_frame_address(0);
    for (int i = 0; i < OWN_FRAMES; i++) {
        if ((const char *)f < s->low || (const char *)(f + 2) > s->top)
            return NULL;
        if (f[1] == (uintptr_t)caller)
            return f;
        f = (const uintptr_t *)f[0];
    }
    return NULL;
}

/* The program's own call, which no library waits for. */
static COPI_NOINLINE bool is_plain_call(const struct copi_stack *s,
                                        const uintptr_t *frame)
{
    uintptr_t code[FRAMES_LOOKED_AT];
    const struct copi_regs r = copi_mcontext_caller(frame);
    if (copi_text_of(r.pc, NULL) != COPI_TEXT_ACTOR)
        return false;
    unsigned n = copi_frames_follow(s, &r, true, COPI_FRAMES_THOROUGH, code,
                                    FRAMES_LOOKED_AT);
    for (unsigned i = 1; i < n; i++)
        if (copi_text_may_lock(code[i], NULL))
            return false;
    return true;
}

/* Inside the runtime. Relaxed, all: the turn is this thread's own, `pressed`
 * was stored in it, and of `lost` machine.h knows more. */
static bool may_be_due(const struct copi_here *h)
{
    const struct copi_worker *w = h->worker;
    return w == NULL ||
           atomic_load_explicit(&h->lost, memory_order_relaxed) != 0 ||
           atomic_load_explicit(&w->pressed, memory_order_relaxed) ==
               atomic_load_explicit(&w->turn, memory_order_relaxed);
}

/* In a child that an actor has forked there is nobody to give way to, and the
 * lock of machine.c may be held for ever. */
static bool is_due(const struct copi_here *h)
{
    return may_be_due(h) && copi_os_pid() == process &&
           (!copi_machine_is_lost(copi_machine_of(h)) ||
            needs_worker(h->actor));
}

/* What was found out is dear: not at each call from there. */
static void try_again_later(struct copi_worker *w)
{
    if (w != NULL)
        /* relaxed: sysmon presses anew at its next look */
        atomic_store_explicit(&w->pressed, 0, memory_order_relaxed);
}

/* Marks the thread as inside the runtime, so that it is neither preempted nor
 * loses its worker meanwhile. NULL: it is not to yield here; else the frame
 * that returns to the program. */
COPI_EDGE static const uintptr_t *find_place(const void *caller, bool *runaway)
{
    const uintptr_t *frame = NULL;
    struct copi_here *h = copi_here();
    if (!installed || !is_in_actor(h) || !copi_lock_none_held())
        return NULL;
    atomic_store_explicit(&h->in_runtime, 1, memory_order_relaxed);
    /* machine.c makes the fence */
    atomic_signal_fence(memory_order_seq_cst);
    const struct copi_stack *s = &h->actor->carrier->coro.stack;
    if (is_due(h)) {
        frame = find_frame(s, caller);
        if (frame != NULL &&
            (!has_room(s, (uintptr_t)frame) || !is_plain_call(s, frame)))
            frame = NULL;
        if (frame == NULL)
            try_again_later(h->worker);
    }
    *runaway = frame != NULL && is_runaway(h);
    /* release: as copi_scope_leave */
    atomic_store_explicit(&h->in_runtime, 0, memory_order_release);
    return frame;
}

COPI_EDGE void copi_preempt_at_call(const void *caller)
{
    bool runaway = false;
    int saved = *copi_os_errno();
    const uintptr_t *frame = find_place(caller, &runaway);
    if (frame == NULL)
        return;
    if (runaway)
        copi_crash_raise(frame, "runaway", "");
    *copi_os_errno() = saved;
    yield_in_mid_code();
}

void copi_preempt_release(struct copi_actor *a)
{
    COPI_ASSERT(a->held);
    a->ran_ms = 0;
    a->held = false;
    atomic_fetch_sub(&copi_rt.worker[a->home].held, 1);
}

bool copi_preempt_is_possible(void)
{
    return installed;
}

bool copi_preempt_send(uint32_t thread_id)
{
    return installed && copi_os_interrupt(thread_id);
}

void copi_preempt_init(void)
{
    struct sigaction sa = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    /* a sanitizer's books of a stack are wrong in mid-function */
    if (COPI_ASAN || COPI_TSAN || !copi_text_is_told_apart() ||
        !copi_mcontext_call_init(yield_in_mid_code))
        return;
    process = copi_os_pid();
    sa.sa_sigaction = on_signal;
    sigfillset(&sa.sa_mask);
    installed = sigaction(copi_os_interrupt_signal(), &sa, &before) == 0;
}

void copi_preempt_fini(void)
{
    if (installed)
        sigaction(copi_os_interrupt_signal(), &before, NULL);
    installed = false;
}
