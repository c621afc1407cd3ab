/* SPDX-License-Identifier: MIT
 *
 * report.c - crash reports: from the burial to the reader. Rank: 5.
 *
 * When an actor that crashed is buried (exit.c), its worker copies what there
 * is to tell into a fixed record: a few microseconds, no symbols, no file. A
 * copy goes to the subscriber at once, so that it comes before what links and
 * monitors send; another one into a short queue, from which the *reporter*, a
 * thread of its own, takes it, finds function names and source lines, and
 * writes. That takes milliseconds and a big stack, which is why neither an
 * actor nor a worker does it. The thread is started by the first crash: most
 * programs never have it. If it cannot be had, the worker writes by itself,
 * without source lines.
 *
 * A program may crash 400,000 times a second; nobody reads that many reports.
 * In each second of cop_now() the first cop_config.crash_rate crashes are
 * reported. The others are counted, and the reporter tells their number once a
 * second. A crash too many costs its worker two atomic additions.
 *
 * Invariants
 * 1. seen == reported + suppressed, when nobody is crashing.
 * 2. `queued` - `written` reports lie in the queue or are being written; no
 *    more than QUEUE.
 * 3. Each suppressed crash is told in exactly one line.
 *
 * Shutdown: when no actor is left the reporter writes what waits, tells what
 * was suppressed, and ends.
 */
#include "runtime/api/report.h"

#include <coppice/runtime.h>

#include "runtime/actor/link.h"
#include "runtime/actor/mailbox.h"
#include "runtime/actor/name.h"
#include "runtime/actor/signal.h"
#include "runtime/actor/table.h"
#include "runtime/api/scope.h"
#include "runtime/base/abort.h"
#include "runtime/base/check.h"
#include "runtime/base/clock.h"
#include "runtime/base/lock.h"
#include "runtime/memory/mem.h"
#include "runtime/probe/fault.h"
#include "runtime/probe/symbol.h"
#include "runtime/probe/trace.h"
#include "runtime/scheduler/epitaph.h"
#include "runtime/scheduler/exit.h"
#include "runtime/scheduler/worker.h"

#include <stdlib.h>

enum { QUEUE = 16, RATE = 10 };
#define REMEMBER (10 * COP_SEC)
enum { BYTES = 8192, BYTES_MIN = 512, BYTES_MAX = 1 << 20 };

enum { NOT_STARTED, STARTING, STARTED };

static struct copi_lock lock = COPI_LOCK_INIT(COPI_LOCK_LOG);
static cop_crash queue[QUEUE];        /* under the lock, as the next two */
static uint64_t queued;               /* reports ever put in */
static uint64_t taken;                /* and taken out */
static _Atomic uint64_t written;      /* and written */
static _Atomic uint32_t written_word; /* changes with it: a futex */
static _Atomic uint32_t word;         /* the reporter sleeps on it */
static _Atomic uint32_t ending;
static _Atomic uint32_t state; /* of the thread */
static struct copi_thread thread;

static _Atomic int64_t window_end;
static _Atomic uint32_t in_window;
static _Atomic uint64_t seen, reported, suppressed;
static _Atomic uint64_t untold; /* suppressed, and not told yet */
static _Atomic uint64_t subscriber;

static char *page; /* of config.crash_bytes: for texts; the writer's */
static FILE *file; /* the writer's */
static bool file_failed;

/* ----------------------------------------------------------- collecting -- */

static void copy_text(char *out, size_t size, const char *text)
{
    size_t n = text != NULL ? strnlen(text, size - 1) : 0;
    memcpy(out, text != NULL ? text : "", n);
    out[n] = '\0';
}

static void collect_queue(struct copi_actor *a, cop_crash *c)
{
    c->queue = atomic_load_explicit(&a->inbox_count, memory_order_relaxed);
    for (struct cop_msg *m = a->inbox;
         m != NULL && c->tag_count < COP_CRASH_TAGS; m = copi_inbox_after(m))
        c->tags[c->tag_count++] = m->tag;
}

static void collect_links(struct copi_actor *a, cop_crash *c)
{
    c->links = atomic_load_explicit(&a->link_count, memory_order_relaxed);
    for (const struct copi_link *l = copi_link_first(a);
         l != NULL && c->link_count < COP_CRASH_LINKS; l = copi_link_next(a, l))
        c->link[c->link_count++] = copi_link_peer(l);
}

static void collect_ancestors(struct copi_actor *a, cop_crash *c)
{
    while (a != NULL && a->parent.id != COP_PID_INIT.id &&
           c->ancestor_count < COP_CRASH_LINKS) {
        c->ancestor[c->ancestor_count++] = a->parent;
        a = copi_table_find(a->parent);
    }
}

static bool was_received(const cop_trace_event *e, cop_pid by)
{
    return e->kind == COP_TRACE_RECV && e->actor.id == by.id;
}

static void collect_events(cop_crash *c)
{
    cop_trace_event e[COP_CRASH_LAST];
    size_t n = copi_trace_last(e, COP_CRASH_LAST, was_received, c->pid);
    c->last_count = (unsigned)n;
    for (size_t i = 0; i < n; i++)
        c->last[i] = e[n - 1 - i];
    c->event_count =
        (unsigned)copi_trace_last(c->event, COP_CRASH_EVENTS, NULL, COP_NO_PID);
}

/* Of a fault what its reason says; else what it said itself. */
static void collect_frames(const struct copi_actor *a, cop_crash *c)
{
    const cop_fault *f = cop_reason_fault(a->reason);
    if (f != NULL) {
        c->fault = *f;
    } else if (a->cold->epitaph != NULL) {
        c->fault.depth = (unsigned)a->cold->epitaph->depth;
        memcpy(c->fault.frames, a->cold->epitaph->frame,
               sizeof a->cold->epitaph->frame);
    }
}

void copi_report_collect(struct copi_actor *a, cop_crash *c)
{
    memset(c, 0, sizeof *c);
    c->pid = a->pid;
    c->serial = a->serial;
    c->at = copi_clock_system();
    copi_name_of(a, c->name);
    copy_text(c->label, sizeof c->label, a->label);
    const cop_handler *h = copi_actor_handler(a);
    c->is_handler = h != NULL;
    c->function =
        h != NULL ? (uintptr_t)h->message : (uintptr_t)copi_actor_fn(a);
    c->restarts = atomic_load_explicit(&a->restarts, memory_order_relaxed);
    c->reason_kind = cop_reason_kind(a->reason);
    cop_reason_str(a->reason, c->reason, sizeof c->reason);
    collect_frames(a, c);
    collect_queue(a, c);
    collect_links(a, c);
    collect_ancestors(a, c);
    collect_events(c);
    if (a->cold->epitaph != NULL && a->cold->epitaph->state != NULL)
        copy_text(c->state, sizeof c->state, a->cold->epitaph->state);
}

/* -------------------------------------------------------------- writing -- */

static void log_lines(char *text)
{
    while (*text != '\0') {
        size_t n = strcspn(text, "\n");
        bool last = text[n] == '\0';
        text[n] = '\0';
        copi_log("%s", text);
        text += last ? n : n + 1;
    }
}

/* A line in one piece, so that it does not mix with those of other programs
 * that append to the same file. */
static void write_json(const cop_crash *c, bool deep)
{
    const char *name = copi_rt.config.crash_file;
    if (name == NULL || name[0] == '\0' || file_failed)
        return;
    size_t size = copi_rt.config.crash_bytes;
    size_t n = copi_report_json(c, deep, page, size);
    page[n] = '\n';
    if (file == NULL)
        file = fopen(name, "ae");
    file_failed =
        file == NULL || fwrite(page, n + 1, 1, file) != 1 || fflush(file) != 0;
    if (file_failed)
        copi_log("cannot write crash reports to %s", name);
}

static void write_report(const cop_crash *c)
{
    bool deep = copi_report_may_go_deep();
    if (page == NULL)
        page = copi_mem_alloc(copi_rt.config.crash_bytes + 1);
    if (page != NULL) {
        copi_report_text(c, deep, page, copi_rt.config.crash_bytes);
        log_lines(page);
        write_json(c, deep);
    } else {
        char pid[COP_PID_TEXT];
        copi_log("crash: actor %s: %s", cop_pid_str(c->pid, pid, sizeof pid),
                 c->reason);
    }
}

static void tell_untold(void)
{
    uint64_t n = atomic_exchange_explicit(&untold, 0, memory_order_relaxed);
    if (n > 0)
        copi_log("crash: %zu more were not reported: too many at a time",
                 (size_t)n);
}

static void note_written(void)
{
    /* release: pairs with cop_crash_flush */
    atomic_fetch_add_explicit(&written, 1, memory_order_release);
    atomic_fetch_add_explicit(&written_word, 1, memory_order_release);
    copi_os_futex_wake(&written_word, INT_MAX);
}

static bool take_next(cop_crash *out)
{
    copi_lock_acquire(&lock);
    bool any = taken != queued;
    if (any)
        *out = queue[taken++ % QUEUE];
    copi_lock_release(&lock);
    return any;
}

/* Tells what was suppressed, if a second has passed since the last time. Until
 * when it is too early: how long to wait. */
static cop_time tell_in_time(cop_time *told, bool at_once)
{
    cop_time since = copi_clock_real() - *told;
    if (since < COP_SEC && !at_once)
        return COP_SEC - since;
    tell_untold();
    *told += since;
    return COP_SEC;
}

/* What is known of source lines may be large, and libraries come and go: after
 * a while without a crash it is forgotten. */
static void reporter_main(void *unused)
{
    static cop_crash c; /* this thread's */
    bool knows = false;
    cop_time told = copi_clock_real();
    (void)unused;
    for (;;) {
        uint32_t now = atomic_load(&word);
        bool end = atomic_load(&ending) != 0;
        while (take_next(&c)) {
            write_report(&c);
            note_written();
            knows = true;
        }
        cop_time wait = tell_in_time(&told, end);
        if (end)
            return;
        /* seq_cst: pairs with suppress, which wakes after it has counted */
        if (atomic_load(&untold) == 0)
            wait = knows ? REMEMBER : -1;
        if (copi_os_futex_wait(&word, now, wait) == COP_ETIMEDOUT && knows &&
            wait == REMEMBER) {
            copi_lines_forget();
            knows = false;
        }
    }
}

static void wake_reporter(void)
{
    atomic_fetch_add(&word, 1);
    copi_os_futex_wake(&word, 1);
}

/* False: there is no thread and none can be had now. */
static bool start_reporter(void)
{
    uint32_t none = NOT_STARTED;
    if (!atomic_compare_exchange_strong(&state, &none, STARTING))
        return true;
    bool ok = !copi_fault(COPI_FAULT_THREAD) &&
              copi_os_thread_start(&thread, "cop-report", 0, reporter_main,
                                   NULL) == 0;
    atomic_store(&state, ok ? STARTED : NOT_STARTED);
    return ok;
}

/* ------------------------------------------------------------ the burial -- */

static void suppress(void)
{
    atomic_fetch_add_explicit(&suppressed, 1, memory_order_relaxed);
    if (atomic_fetch_add(&untold, 1) == 0)
        wake_reporter();
}

/* One of the first in this second? */
static bool is_in_time(void)
{
    int64_t now = copi_clock_now();
    int64_t end = atomic_load_explicit(&window_end, memory_order_relaxed);
    if (now >= end && atomic_compare_exchange_strong_explicit(
                          &window_end, &end, now + COP_SEC,
                          memory_order_relaxed, memory_order_relaxed))
        atomic_store_explicit(&in_window, 0, memory_order_relaxed);
    if (atomic_load_explicit(&in_window, memory_order_relaxed) >=
        copi_rt.config.crash_rate)
        return false;
    return atomic_fetch_add_explicit(&in_window, 1, memory_order_relaxed) <
           copi_rt.config.crash_rate;
}

static bool enqueue(const cop_crash *c)
{
    copi_lock_acquire(&lock);
    bool room = queued - taken < QUEUE;
    if (room)
        queue[queued++ % QUEUE] = *c;
    copi_lock_release(&lock);
    return room;
}

static void tell_subscriber(const struct copi_actor *a, const cop_crash *c)
{
    cop_pid sub = {atomic_load_explicit(&subscriber, memory_order_relaxed)};
    if (sub.id == 0 || sub.id == a->pid.id)
        return;
    struct cop_msg *m = copi_msg_make(COP_CRASH_REPORT, c, sizeof *c);
    if (m == NULL)
        return;
    m->flags = COPI_MSG_SYSTEM;
    m->sender = a->pid;
    copi_signal_send(sub, m);
}

/* No thread to be had: here and now, one after the other. */
static void write_here(const cop_crash *c)
{
    char text[1024];
    atomic_fetch_add_explicit(&reported, 1, memory_order_relaxed);
    copi_report_text(c, false, text, sizeof text);
    log_lines(text);
}

static void on_burial(struct copi_actor *a)
{
    cop_crash c;
    if (copi_epitaph_is_crash(a)) {
        const cop_fault *f = cop_reason_fault(a->reason);
        copi_trace(COP_TRACE_CRASH, a->pid, a->parent, f != NULL ? f->pc : 0);
    }
    if (!copi_epitaph_is_wanted(a))
        return;
    atomic_fetch_add_explicit(&seen, 1, memory_order_relaxed);
    if (!is_in_time()) {
        suppress();
        return;
    }
    copi_report_collect(a, &c);
    tell_subscriber(a, &c);
    if (!start_reporter()) {
        write_here(&c);
    } else if (enqueue(&c)) {
        atomic_fetch_add_explicit(&reported, 1, memory_order_relaxed);
        wake_reporter();
    } else {
        suppress();
    }
}

/* ------------------------------------------------------ starting, ending -- */

/* A mistake in the configuration is the program's; one in the environment must
 * not keep it from starting. */
static int take_trace(void)
{
    const char *name = getenv("COP_TRACE");
    if (copi_rt.config.trace != NULL)
        return copi_trace_set(copi_rt.config.trace);
    if (name != NULL && name[0] != '\0' && copi_trace_set(name) == 0)
        return 0;
    if (name != NULL && name[0] != '\0')
        copi_log("COP_TRACE: no such events: %s", name);
    return copi_trace_set("rare");
}

static int take_config(void)
{
    cop_config *c = &copi_rt.config;
    if (c->crash_file == NULL)
        c->crash_file = getenv("COP_CRASH_FILE");
    if (c->crash_rate == 0)
        c->crash_rate = RATE;
    if (c->crash_bytes == 0)
        c->crash_bytes = BYTES;
    if (c->crash_bytes < BYTES_MIN || c->crash_bytes > BYTES_MAX ||
        (unsigned)c->crash_reports > COP_REPORT_NONE)
        return COP_EINVAL;
    return take_trace();
}

int copi_report_init(void)
{
    int rc = take_config();
    if (rc != 0)
        return rc;
    queued = taken = 0;
    atomic_store(&written, 0);
    atomic_store(&ending, 0);
    atomic_store(&state, NOT_STARTED);
    atomic_store(&window_end, INT64_MIN);
    atomic_store(&seen, 0);
    atomic_store(&reported, 0);
    atomic_store(&suppressed, 0);
    atomic_store(&untold, 0);
    atomic_store(&subscriber, 0);
    file_failed = false;
    copi_exit_report_to(on_burial);
    copi_abort_on_end(copi_report_death);
    return 0;
}

void copi_report_fini(void)
{
    cop_crash c;
    copi_abort_on_end(NULL);
    copi_exit_report_to(NULL);
    atomic_store(&ending, 1);
    if (atomic_load(&state) == STARTED) {
        wake_reporter();
        copi_os_thread_join(&thread);
    }
    atomic_store(&state, NOT_STARTED);
    while (take_next(&c)) /* while it was being started in vain */
        write_report(&c);
    tell_untold();
    if (file != NULL)
        fclose(file);
    file = NULL;
    if (page != NULL)
        copi_mem_free(page, copi_rt.config.crash_bytes + 1);
    page = NULL;
    copi_lines_forget();
    copi_trace_fini();
}

/* --------------------------------------------------------------- public -- */

void cop_crash_reports_to(cop_pid to)
{
    atomic_store_explicit(&subscriber, to.id, memory_order_relaxed);
}

void cop_crash_counts_get(cop_crash_counts *out)
{
    out->seen = atomic_load_explicit(&seen, memory_order_relaxed);
    out->reported = atomic_load_explicit(&reported, memory_order_relaxed);
    out->suppressed = atomic_load_explicit(&suppressed, memory_order_relaxed);
}

void cop_crash_flush(void)
{
    copi_lock_acquire(&lock);
    uint64_t until = queued;
    copi_lock_release(&lock);
    for (;;) {
        uint32_t now = atomic_load(&written_word);
        /* acquire: pairs with note_written */
        if (atomic_load_explicit(&written, memory_order_acquire) >= until ||
            atomic_load(&state) == NOT_STARTED)
            return;
        copi_os_futex_wait(&written_word, now, COP_SEC);
    }
}

int cop_set_formatter(cop_formatter fn, const void *arg)
{
    struct copi_scope s;
    struct copi_actor *a = copi_scope_actor(&s, "cop_set_formatter");
    int rc = copi_epitaph_set(a, fn, arg);
    copi_scope_leave(&s);
    return rc;
}

void cop_note_restart(cop_pid child, uint32_t restarts)
{
    struct copi_scope s;
    if (!copi_scope_enter(&s))
        return;
    struct copi_actor *a = copi_table_find(child);
    if (a != NULL)
        atomic_store_explicit(&a->restarts, restarts, memory_order_relaxed);
    copi_trace(COP_TRACE_RESTART, child,
               s.self != NULL ? s.self->pid : COP_NO_PID, restarts);
    copi_scope_leave(&s);
}
