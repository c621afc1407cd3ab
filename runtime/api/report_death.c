/* SPDX-License-Identifier: MIT
 *
 * report_death.c - the last words of a process: every actor, what it waits for
 * and where, and the flight recorder. Rank: 5.
 *
 * Said by the thread that ends the process, in a panic or in the handler of a
 * fatal signal, while all other threads still run. So nothing here takes a
 * lock, memory, or much stack; it reads what observers may read, in a section
 * that keeps records from being freed, and stacks by backtrace.c's way. An
 * actor that was woken while it was looked at is not made runnable: it would
 * take locks, and nothing matters to it any more.
 *
 * If this faults, the process ends there and then, with what was said so far.
 */
#include "runtime/api/report.h"

#include "runtime/actor/here.h"
#include "runtime/actor/name.h"
#include "runtime/actor/table.h"
#include "runtime/base/abort.h"
#include "runtime/base/clock.h"
#include "runtime/base/format.h"
#include "runtime/coroutine/frames.h"
#include "runtime/probe/symbol.h"
#include "runtime/probe/trace.h"
#include "runtime/scheduler/epoch.h"
#include "runtime/scheduler/worker.h"

/* What is said at most: in the dark hours of a program with a million actors
 * the first ones must do. */
enum { ACTORS_MAX = 64, FRAMES_MAX = 16, EVENTS_MAX = 32 };

static void say_code(const uintptr_t *frame, unsigned n)
{
    char code[128];
    for (unsigned i = 0; i < n; i++)
        copi_say("coppice:     #%u %s\n", i,
                 copi_symbol_str(frame[i], true, false, code, sizeof code));
}

static void say_frames(struct copi_actor *a)
{
    uintptr_t frame[FRAMES_MAX];
    bool woken;
    say_code(frame, copi_backtrace_parked(a, frame, FRAMES_MAX, &woken));
}

/* Where we are, if that is on an actor's stack. (In a signal handler it is not,
 * and who was interrupted has been told of.) */
static void say_here(void)
{
    uintptr_t frame[FRAMES_MAX];
    char pid[COP_PID_TEXT];
    const uintptr_t *fp = __builtin_frame_address(0);
    const struct copi_actor *a = copi_here_actor();
    if (a == NULL || a->is_guest || a->carrier == NULL)
        return;
    const struct copi_stack *s = &a->carrier->coro.stack;
    if ((const char *)fp < s->low || (const char *)fp >= s->low + s->size)
        return;
    const struct copi_regs here = {
        .pc = (uintptr_t)__builtin_return_address(0),
        .sp = (uintptr_t)(fp + 2),
        .fp = fp[0],
    };
    copi_say("coppice: in actor %s\n", cop_pid_str(a->pid, pid, sizeof pid));
    say_code(frame, copi_frames_follow(s, &here, true, COPI_FRAMES_THOROUGH,
                                       frame, FRAMES_MAX));
}

#define READ(field) atomic_load_explicit(&(field), memory_order_relaxed)

static void say_actor(struct copi_actor *a)
{
    char pid[COP_PID_TEXT], whom[COP_PID_TEXT];
    char name[COP_NAME_MAX + 1];
    cop_status status = (cop_status)READ(a->status);
    cop_pid calling = {READ(a->call_ref) != 0 ? READ(a->calling) : 0};
    copi_name_try_of(a, name);
    copi_say("coppice:   %s %s%s%s: %s, waits for: %s%s%s, %u messages\n",
             cop_pid_str(a->pid, pid, sizeof pid), name,
             name[0] != '\0' ? " " : "", a->label != NULL ? a->label : "-",
             cop_status_str(status), cop_wait_str((cop_wait)READ(a->wait)),
             calling.id != 0 ? " " : "",
             calling.id != 0 ? cop_pid_str(calling, whom, sizeof whom) : "",
             (unsigned)READ(a->inbox_count));
    if (status == COP_STATUS_WAITING)
        say_frames(a);
}

static void say_actors(void)
{
    size_t n = 0;
    for (uint32_t i = 0; i < copi_table_limit(); i++) {
        struct copi_actor *a = copi_table_at(i);
        if (a == NULL || a->is_guest)
            continue;
        if (n == 0)
            copi_say("coppice: actors:\n");
        if (n++ < ACTORS_MAX)
            say_actor(a);
    }
    if (n > ACTORS_MAX)
        copi_say("coppice:   and %zu more\n", n - ACTORS_MAX);
}

static void say_events(void)
{
    cop_trace_event e[EVENTS_MAX];
    char text[COP_TRACE_TEXT];
    cop_time now = copi_clock_now();
    size_t n = copi_trace_last(e, EVENTS_MAX, NULL, COP_NO_PID);
    if (n > 0)
        copi_say("coppice: flight recorder:\n");
    for (size_t i = 0; i < n; i++)
        copi_say("coppice:   -%zu us: %s\n",
                 (size_t)(COPI_MAX(now - e[i].at, 0) / COP_US),
                 cop_trace_str(&e[i], text, sizeof text));
}

void copi_report_death(void)
{
    /* a worker's turn is a section as well */
    bool guest = copi_here()->worker == NULL;
    unsigned section = guest ? copi_epoch_guest_enter() : 0;
    say_here();
    say_actors();
    if (guest)
        copi_epoch_guest_leave(section);
    say_events();
}
