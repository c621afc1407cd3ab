/* SPDX-License-Identifier: MIT
 *
 * crash.c - native faults as reasons of exits. Rank: 4.
 *
 * A fault signal arrives on the thread that caused it. The handler, on a stack
 * of its own, asks one question: was that the actor's own code? Then nothing
 * but the actor is damaged, as far as one can know, and it ends like any actor
 * that exits: the handler notes what happened, abandons the actor's coroutine
 * and returns not to the code that failed but to the machine's own stack
 * (turn.c), as if the actor had left by itself. The kernel restores the signal
 * mask and the alternate stack on the way. From there on all is ordinary: the
 * reason is made, clean-ups run on another carrier, links and monitors are
 * told.
 *
 * The rules, each decided in constant time, the first that applies:
 *
 *   sent by kill(2), by anybody                    the process
 *   not on a machine that runs an actor            the process
 *   the runtime is entered (in_runtime), in its    the process
 *   own records (COPI_EDGE; short of an overflow),
 *   or under its locks
 *   the actor, or all, spawned without isolation   the process
 *   code that another library called back          the process
 *   code of the program, or of a trusted library   the actor
 *   a leaf (memcpy, ...) that such code called     the actor
 *   no code at all: a wild jump                    the actor
 *   code of another library, libc, the allocator   the process
 *
 * Where other libraries are at work locks may be held and structures half
 * changed: a wounded lock is worse than a restart. "The process" means a report
 * of what happened, where and why it could not be the actor's, and then what
 * would have happened without us: the handler that was installed before, or the
 * default.
 *
 * A function such as abort or a failed assertion (interpose.c) is judged by who
 * called it, with the same rules: when the allocator aborts, it holds a lock.
 * The library of C++ aborts for an exception that nobody caught, without one;
 * its own unwinder says whether it was thrown by the actor's code.
 *
 * A `when` of a receive and the release of a message's body (COPI_JUDGING)
 * count as outside of the runtime.
 *
 * Everything the handler reads lies in the runtime's own records or in the
 * bounds of the actor's stack (frames.c), so that it cannot fault itself.
 *
 * Rejected: jumping out of the handler (siglongjmp), a quarter faster: nothing
 * restores the signal mask then, and the alternate stack counts as in use.
 * Ending the actor on the stack that it crashed on: it may be full, or its
 * pointer lost.
 */
#include "runtime/scheduler/crash.h"

#include "runtime/actor/here.h"
#include "runtime/base/abort.h"
#include "runtime/base/check.h"
#include "runtime/base/format.h"
#include "runtime/base/lock.h"
#include "runtime/base/os.h"
#include "runtime/coroutine/built.h"
#include "runtime/coroutine/cfi.h"
#include "runtime/coroutine/frames.h"
#include "runtime/probe/symbol.h"
#include "runtime/probe/text.h"
#include "runtime/probe/trace.h"
#include "runtime/scheduler/turn.h"

#include <dlfcn.h>
#include <signal.h>
#include <unwind.h>

enum { ALT_BYTES = 64 << 10 };
/* What is looked at for one that calls back; further out is taken for the
 * actor's. */
enum { FRAMES_LOOKED_AT = 4096 };

static const int signals[] = {SIGSEGV, SIGBUS,  SIGFPE,
                              SIGILL,  SIGTRAP, SIGABRT};
static struct sigaction before[COPI_ARRAY_LEN(signals)];
static bool installed;
/* Of the library of C++, if there is one. */
static _Unwind_Reason_Code (*unwind)(_Unwind_Trace_Fn, void *);

static const char *signal_name(int sig)
{
    switch (sig) {
    case SIGSEGV:
        return "SIGSEGV";
    case SIGBUS:
        return "SIGBUS";
    case SIGFPE:
        return "SIGFPE";
    case SIGILL:
        return "SIGILL";
    case SIGTRAP:
        return "SIGTRAP";
    default:
        return "SIGABRT";
    }
}

/* Where the code at r->pc returns to: as its tables say; without tables, as if
 * it had pushed nothing yet. 0: nobody knows. */
static uintptr_t return_of(const struct copi_stack *s,
                           const struct copi_regs *r)
{
    struct copi_regs to;
    switch (copi_cfi_step(s, r, false, &to)) {
    case COPI_CFI_CALLER:
        return to.pc;
    case COPI_CFI_END:
        return 0;
    default:
        return copi_frames_return(s, r);
    }
}

/* -------------------------------------------------------------- deciding -- */

/* Does another library wait for what failed to return, perhaps with a lock
 * held? Its return address is right even if it keeps no frame pointers. */
static bool was_called_back(const struct copi_stack *s, uintptr_t fp,
                            const char **lib)
{
    uintptr_t caller_fp, ret;
    for (int i = 0; i < FRAMES_LOOKED_AT && copi_cfi_load(s, fp, &caller_fp) &&
                    copi_cfi_load(s, fp + sizeof fp, &ret);
         i++) {
        if (copi_text_may_lock(ret, lib))
            return true;
        if (caller_fp <= fp || copi_text_of(ret, NULL) != COPI_TEXT_ACTOR)
            return false;
        fp = caller_fp;
    }
    return false;
}

static bool is_outside_runtime(const struct copi_here *h)
{
    uint32_t in = atomic_load_explicit(&h->in_runtime, memory_order_relaxed);
    return in == 0 || in == COPI_JUDGING;
}

static bool is_overflow(const struct copi_stack *s, const siginfo_t *si,
                        const struct copi_regs *r)
{
    return (si->si_signo == SIGSEGV || si->si_signo == SIGBUS) &&
           (copi_stack_is_guard(s, si->si_addr) ||
            copi_stack_is_guard(s, (const void *)r->sp));
}

/* Why this is the end of the process; NULL: it is the actor's. */
static const char *not_the_actors(const struct copi_here *h,
                                  const siginfo_t *si,
                                  const struct copi_regs *r, const char **lib)
{
    if (si->si_code <= 0)
        return si->si_pid == copi_os_pid() ? "the process raised it itself"
                                           : "another process sent it";
    if (h->native == NULL)
        return "on a thread that runs no actors";
    if (!copi_machine_is_on_actor(h) || !is_outside_runtime(h) ||
        !copi_lock_none_held())
        return "inside the runtime";
    const struct copi_stack *s = &h->actor->carrier->coro.stack;
    /* at work on the thread's or the actor's own without having entered; what
     * it calls first may overflow the stack, then nothing is done yet */
    if (copi_is_edge(r->pc) && !is_overflow(s, si, r))
        return "inside the runtime";
    if (h->actor->no_trap || copi_rt.config.isolation != COP_ISOLATION_TRAP)
        return "in an actor that is not isolated";

    static const char back[] =
        "in a function that a library called, which may hold locks";
    enum copi_text text = copi_text_of(r->pc, lib);
    if (text != COPI_TEXT_FOREIGN && text != COPI_TEXT_CXX &&
        was_called_back(s, r->fp, lib))
        return back;
    switch (text) {
    case COPI_TEXT_ACTOR:
        return copi_text_may_lock(return_of(s, r), lib) ? back : NULL;
    case COPI_TEXT_NONE:
        return NULL;
    case COPI_TEXT_LEAF:
        if (copi_text_of(copi_frames_return(s, r), NULL) == COPI_TEXT_ACTOR)
            return NULL;
        return "in a function of libc that another library called";
    default:
        return "in a library that may hold locks";
    }
}

static void note_fault(cop_fault *f, const struct copi_stack *s,
                       const siginfo_t *si, const struct copi_regs *r)
{
    memset(f, 0, sizeof *f);
    copi_format(f->what, sizeof f->what, "%s",
                is_overflow(s, si, r) ? "stack_overflow"
                                      : signal_name(si->si_signo));
    f->signal = si->si_signo;
    f->code = si->si_code;
    f->address = (uintptr_t)si->si_addr;
    f->pc = r->pc;
    f->depth = copi_frames_follow(s, r, false, COPI_FRAMES_QUICK, f->frames,
                                  COP_FAULT_FRAMES);
}

/* ------------------------------------------------- the end of the process --
 */

static void report_actor(const struct copi_here *h, const struct copi_regs *r)
{
    char code[COP_SYMBOL_TEXT];
    uintptr_t frame[COP_FAULT_FRAMES];
    const struct copi_actor *a = h->actor;
    if (h->native == NULL || a == NULL || a->is_guest)
        return;
    copi_say("coppice:   actor number %llu%s%s\n",
             (unsigned long long)a->serial, a->label != NULL ? ", " : "",
             a->label != NULL ? a->label : "");
    if (a->carrier == NULL)
        return;
    unsigned n =
        copi_frames_follow(&a->carrier->coro.stack, r, false,
                           COPI_FRAMES_THOROUGH, frame, COP_FAULT_FRAMES);
    for (unsigned i = 0; i < n; i++)
        copi_say("coppice:   #%u %s\n", i,
                 copi_symbol_str(frame[i], i > 0, false, code, sizeof code));
}

static void report_end(const siginfo_t *si, const struct copi_here *h,
                       const struct copi_regs *r, const char *why,
                       const char *lib)
{
    if (copi_abort_claim() == COPI_ABORT_LATE) {
        copi_abort_wait();
        return;
    }
    copi_say("coppice: fatal: %s, %s%s%s: the process ends\n",
             signal_name(si->si_signo), why, lib[0] != '\0' ? ": " : "", lib);
    if (si->si_code <= 0)
        copi_say("coppice:   sender: process %d, at 0x%zx\n", (int)si->si_pid,
                 (size_t)r->pc);
    else
        copi_say("coppice:   at 0x%zx, address 0x%zx, code %d\n", (size_t)r->pc,
                 (size_t)si->si_addr, si->si_code);
    report_actor(h, r);
    copi_abort_last_words();
}

/* As if we had never been here: a fault happens again when the handler
 * returns, a signal that was sent is sent again. */
static void end_process(const siginfo_t *si)
{
    for (size_t i = 0; i < COPI_ARRAY_LEN(signals); i++)
        if (signals[i] == si->si_signo)
            sigaction(si->si_signo, &before[i], NULL);
    if (si->si_code <= 0)
        raise(si->si_signo);
}

/* ------------------------------------------------------------ the handler --
 */

static void land(const struct copi_here *h, const siginfo_t *si,
                 const struct copi_regs *r, void *uc)
{
    struct copi_actor *a = h->actor;
    struct copi_machine *m = copi_machine_of(h);
    struct copi_coro *coro = &a->carrier->coro;
    note_fault(&m->fault, &coro->stack, si, r);
    a->leave = COPI_LEAVE_CRASHED;
    copi_coro_abandon(coro);
    copi_mcontext_go(uc, &h->native->ctx, &m->mask);
}

void copi_crash_runaway(const siginfo_t *si, void *uc)
{
    const struct copi_here *h = copi_here();
    struct copi_regs r;
    copi_mcontext_read(uc, &r);
    land(h, si, &r, uc);
    cop_fault *f = &copi_machine_of(h)->fault;
    copi_format(f->what, sizeof f->what, "runaway");
    f->signal = 0;
    f->address = 0;
}

static void on_fault(int sig, siginfo_t *si, void *uc)
{
    int saved = *copi_os_errno();
    const struct copi_here *h = copi_here();
    struct copi_regs r;
    const char *lib = "";
    (void)sig;
    copi_mcontext_read(uc, &r);
    const char *why = not_the_actors(h, si, &r, &lib);
    if (why == NULL) {
        land(h, si, &r, uc);
    } else {
        report_end(si, h, &r, why, lib);
        end_process(si);
    }
    *copi_os_errno() = saved;
}

/* ------------------------------------------------ what libc tells us of -- */

struct thrower {
    bool seen_cxx;
    bool is_actor;
};

/* Goes past our own frames, those of the library of C++, and the rest: no other
 * library may be among them. */
static _Unwind_Reason_Code find_thrower(struct _Unwind_Context *at, void *arg)
{
    struct thrower *t = arg;
    uintptr_t pc = _Unwind_GetIP(at);
    enum copi_text text = copi_text_of(pc, NULL);
    t->seen_cxx = t->seen_cxx || text == COPI_TEXT_CXX;
    t->is_actor = t->is_actor || (t->seen_cxx && text == COPI_TEXT_ACTOR);
    if (!copi_text_may_lock(pc, NULL))
        return _URC_NO_REASON;
    t->is_actor = false;
    return _URC_NORMAL_STOP;
}

static bool is_for_actor(uintptr_t pc)
{
    struct thrower t = {.is_actor = false};
    enum copi_text text = copi_text_of(pc, NULL);
    if (text == COPI_TEXT_CXX && unwind != NULL)
        (void)unwind(find_thrower, &t);
    return t.is_actor || text == COPI_TEXT_ACTOR || text == COPI_TEXT_NONE;
}

static bool may_raise(const struct copi_here *h, const uintptr_t *frame)
{
    return installed && h->native != NULL && h->actor != NULL &&
           is_outside_runtime(h) && !h->actor->no_trap &&
           is_for_actor(frame[1]) &&
           !was_called_back(&h->actor->carrier->coro.stack, (uintptr_t)frame,
                            NULL);
}

/* The library of C++ keeps no frame pointers: by these alone one would not find
 * who threw. */
static enum copi_frames_by how_to_follow(uintptr_t pc)
{
    return copi_text_of(pc, NULL) == COPI_TEXT_CXX ? COPI_FRAMES_THOROUGH
                                                   : COPI_FRAMES_QUICK;
}

static void raise_at(const uintptr_t *frame, const char *what, const char *text,
                     bool is_smashed)
{
    if (!may_raise(copi_here(), frame))
        return;
    copi_turn_user_end(); /* from here on it stays on this thread */
    const struct copi_here *h = copi_here();
    cop_fault *f = &copi_machine_of(h)->fault;
    const struct copi_regs r = copi_mcontext_caller(frame);
    memset(f, 0, sizeof *f);
    copi_format(f->what, sizeof f->what, "%s", what);
    copi_format(f->text, sizeof f->text, "%s", text);
    f->depth =
        copi_frames_follow(&h->actor->carrier->coro.stack, &r, true,
                           how_to_follow(r.pc), f->frames, COP_FAULT_FRAMES);
    /* in the call: behind one that does not return may be another function */
    f->pc = --f->frames[0];
    if (is_smashed)
        h->actor->carrier->catches = NULL;
    copi_turn_leave_for_good(h->actor, COPI_LEAVE_CRASHED);
}

void copi_crash_raise(const void *frame, const char *what, const char *text)
{
    raise_at(frame, what, text, false);
}

void copi_crash_raise_smashed(const void *frame, const char *what)
{
    raise_at(frame, what, "", true);
}

/* ---------------------------------------------------------------- set-up -- */

static void tell_how_built(void)
{
    static bool is_told;
    char code[COP_SYMBOL_TEXT];
    uintptr_t where;
    if (is_told || !copi_built_without_frames(&where))
        return;
    is_told = true;
    copi_log("the program was built without frame pointers (%s): backtraces "
             "are short, and a crash deep below a library's callback may be "
             "taken for the actor's alone; compile with "
             "-fno-omit-frame-pointer -fstack-clash-protection "
             "(pkg-config --cflags coppice)",
             copi_symbol_str(where, true, false, code, sizeof code));
}

void copi_crash_init(void)
{
    struct sigaction sa = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
    /* a sanitizer has more to say about a fault than we */
    if (COPI_ASAN || COPI_TSAN ||
        copi_rt.config.isolation != COP_ISOLATION_TRAP)
        return;
    if (!copi_text_is_told_apart()) {
        copi_log("libc or the allocator is linked into the program: its own "
                 "faults cannot be told from theirs, so that any ends the "
                 "process, and nothing is preempted");
        return;
    }
    void *walk = dlsym(RTLD_DEFAULT, "_Unwind_Backtrace");
    memcpy(&unwind, &walk, sizeof walk);
    sa.sa_sigaction = on_fault;
    sigfillset(&sa.sa_mask);
    for (size_t i = 0; i < COPI_ARRAY_LEN(signals); i++)
        sigaction(signals[i], &sa, &before[i]);
    installed = true;
    tell_how_built();
}

/* Who installed a handler after us keeps it. */
void copi_crash_fini(void)
{
    struct sigaction now;
    if (!installed)
        return;
    installed = false;
    for (size_t i = 0; i < COPI_ARRAY_LEN(signals); i++)
        if (sigaction(signals[i], NULL, &now) == 0 &&
            now.sa_sigaction == on_fault)
            sigaction(signals[i], &before[i], NULL);
}

void copi_crash_thread_init(struct copi_machine *m)
{
    size_t page = copi_os_page_size();
    char *low = copi_os_reserve(page + ALT_BYTES);
    copi_trace_thread_init();
    pthread_sigmask(SIG_SETMASK, NULL, &m->mask);
    m->alt.ss_sp = NULL;
    if (low == NULL || copi_os_commit(low + page, ALT_BYTES) != 0) {
        if (low != NULL)
            copi_os_release(low, page + ALT_BYTES);
        copi_log("no memory for a signal stack: an overflow of an actor's "
                 "stack on this thread will end the process");
        return;
    }
    m->alt = (stack_t){.ss_sp = low + page, .ss_size = ALT_BYTES};
    sigaltstack(&m->alt, &m->alt_before);
}

void copi_crash_thread_fini(struct copi_machine *m)
{
    size_t page = copi_os_page_size();
    copi_trace_thread_fini();
    if (m->alt.ss_sp == NULL)
        return;
    sigaltstack(&m->alt_before, NULL);
    copi_os_release((char *)m->alt.ss_sp - page, page + ALT_BYTES);
}
