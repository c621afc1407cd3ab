/* SPDX-License-Identifier: MIT
 *
 * isolated_child.c - the process of an isolated actor. Rank: 5.
 *
 * The zygote's fork begins here, with one thread. It starts an ordinary
 * runtime with one worker and spawns in it the one actor, under the pid that
 * it has in the program. Receives, timers, aliases, deferred clean-ups,
 * native faults: all that is the ordinary way, here. What is sent to a pid
 * that is not here goes up to the proxy (actor/away.h); monitors are kept
 * here, and made by the proxy under the same reference. What the actor spawns
 * the proxy spawns, there; in this process there is nobody else.
 *
 * The thread that forked becomes the *reader*: it turns what comes down into
 * signals for the actor. It never waits for room in the stream up, so the
 * proxy's answers always arrive. Writers (the actor, its timers, its helper
 * threads) hold a lock while they write a record, and sleep there when the
 * stream is full.
 *
 * A reply to a cop_call is claimed once more, here, before it is let in: the
 * actor may have given up meanwhile, and then nobody must find it.
 *
 * The end: the actor's burial calls `ended`, which tells the reason and ends
 * the process; nothing after that matters to anybody. The mailbox goes with
 * it. Whatever else ends the process, the zygote sees.
 */
#include "runtime/api/isolated.h"

#include <coppice/runtime.h>

#include "runtime/actor/away.h"
#include "runtime/actor/here.h"
#include "runtime/actor/monitor.h"
#include "runtime/actor/reason.h"
#include "runtime/actor/signal.h"
#include "runtime/actor/table.h"
#include "runtime/api/scope.h"
#include "runtime/base/check.h"
#include "runtime/base/format.h"
#include "runtime/base/lock.h"
#include "runtime/base/os_process.h"
#include "runtime/memory/mem.h"

/* Somebody waits for an answer; on its stack. */
struct question {
    struct question *next;
    uint64_t number;
    int code;
    cop_pid pid;
    _Atomic uint32_t answered;
};

static struct {
    struct copi_isolated_boot boot; /* a copy */
    struct copi_isolated_shared *map;
    int bell;
    struct copi_pipe down; /* the reader's */
    struct copi_wire_in in;

    struct copi_lock lock;
    struct copi_pipe up;        /* under the lock */
    struct question *questions; /* under the lock */
    uint64_t last_question;     /* under the lock */
} child = {.lock = COPI_LOCK_INIT(COPI_LOCK_UPLINK)};

/* ------------------------------------------------------------------ up -- */

static void wake_proxy(void)
{
    if (copi_pipe_must_wake_reader(&child.up))
        copi_os_bell_ring(child.bell);
}

/* Counts that cannot be are of our own making: somebody wrote over them. */
COP_NORETURN static void be_broken(void)
{
    copi_os_end(1);
}

static bool put_up_locked(void *unused, const void *from, size_t size)
{
    (void)unused;
    for (size_t n; size > 0; from = (const char *)from + n, size -= n) {
        uint32_t bell = atomic_load(&child.map->up.bell);
        if (!copi_pipe_write(&child.up, from, size, &n))
            be_broken();
        if (n > 0 || !copi_pipe_writer_may_sleep(&child.up))
            continue;
        wake_proxy();
        copi_os_shared_wait(&child.map->up.bell, bell);
    }
    return true;
}

static void send_up_locked(const struct copi_wire *w)
{
    copi_wire_emit(w, put_up_locked, NULL);
    wake_proxy();
}

static void send_up(const struct copi_wire *w)
{
    copi_lock_acquire(&child.lock);
    send_up_locked(w);
    copi_lock_release(&child.lock);
}

static void signal_away(cop_pid to, struct cop_msg *m)
{
    struct copi_wire w = {.head = {.to = to}};
    switch ((enum copi_signal)m->kind) {
    case COPI_SIG_MESSAGE:
        copi_wire_of_message(&w, m);
        w.head.to = to;
        break;
    case COPI_SIG_EXIT:
        w.head.kind = COPI_WIRE_EXIT;
        w.reason = &m->reason;
        break;
    case COPI_SIG_MONITOR:
        w.head.kind = COPI_WIRE_MONITOR;
        w.head.ref = m->ref;
        w.name = copi_watch_name((struct copi_watch *)(void *)m);
        if (w.name[0] == '\0')
            w.name = NULL;
        break;
    case COPI_SIG_DEMONITOR:
        w.head.kind = COPI_WIRE_DEMONITOR;
        w.head.ref = copi_monitor_ref((struct copi_monitor *)(void *)m);
        break;
    default: /* of the actor's own ties, which the proxy has */
        copi_msg_release(m);
        return;
    }
    bool is_flat =
        w.head.tag < COP_TAG_BEHAVIOUR || w.head.tag >= COP_TAG_BEHAVIOUR_FLAT;
    if (is_flat && w.body_bytes <= COPI_AWAY_BODY_MAX)
        send_up(&w);
    copi_msg_release(m);
}

/* Asks what *w says and waits for the answer. */
static int ask_record(struct copi_wire *w, cop_pid *out)
{
    struct question q = {.pid = COP_NO_PID};
    copi_lock_acquire(&child.lock);
    q.number = ++child.last_question;
    q.next = child.questions;
    child.questions = &q;
    w->head.ref.id = q.number;
    send_up_locked(w);
    copi_lock_release(&child.lock);
    /* acquire: pairs with take_answer */
    while (atomic_load_explicit(&q.answered, memory_order_acquire) == 0)
        copi_os_futex_wait(&q.answered, 0, -1);
    if (out != NULL)
        *out = q.pid;
    return q.code;
}

static int ask(enum copi_ask what, cop_pid pid, const char *name, cop_pid *out)
{
    struct copi_wire w = {
        .head = {.kind = COPI_WIRE_ASK, .tag = what, .to = pid}, .name = name};
    return ask_record(&w, out);
}

static int ask_spawn(const struct copi_away_spawn *what, cop_pid *out)
{
    struct copi_wire w = {
        .head = {.kind = COPI_WIRE_ASK, .tag = COPI_ASK_SPAWN},
        .name = what->opts->name};
    size_t arg_bytes = what->opts->arg_bytes;
    size_t size = sizeof(struct copi_wire_spawn) + arg_bytes;
    if (size > COPI_AWAY_BODY_MAX)
        return COP_ESIZE;
    struct copi_wire_spawn *body = copi_mem_alloc(size);
    if (body == NULL)
        return COP_ENOMEM;
    copi_wire_spawn_pack(body, what);
    if (arg_bytes > 0)
        memcpy(body + 1, what->arg, arg_bytes);
    w.body = body;
    w.body_bytes = size;
    int rc = ask_record(&w, out);
    copi_mem_free(body, size);
    return rc;
}

static void tell_end(cop_reason why)
{
    struct copi_wire w = {.head = {.kind = COPI_WIRE_ENDED}, .reason = &why};
    send_up(&w);
}

static void ended(struct copi_actor *a)
{
    if (a->pid.id != child.boot.pid.id)
        return;
    if (child.boot.seccomp == COP_SECCOMP_NONE &&
        cop_reason_kind(a->reason) != COP_R_FAULT)
        fflush(NULL);
    tell_end(copi_reason_bare(a->reason));
    copi_os_end(0);
}

static void log_up(const char *line)
{
    struct copi_wire w = {.head = {.kind = COPI_WIRE_LOG},
                          .body = line,
                          .body_bytes = strlen(line)};
    send_up(&w);
}

COP_NORETURN static void fail(const char *step, int rc)
{
    cop_fault f = {.code = rc};
    copi_format(f.what, sizeof f.what, "start");
    copi_format(f.text, sizeof f.text, "%s: %s", step, cop_error_str(rc));
    tell_end(copi_reason_fault(&f));
    copi_os_end(1);
}

/* ---------------------------------------------------------------- down -- */

static void take_answer(const struct copi_wire_in *in)
{
    copi_lock_acquire(&child.lock);
    struct question **p = &child.questions;
    while (*p != NULL && (*p)->number != in->head.ref.id)
        p = &(*p)->next;
    struct question *q = *p;
    if (q != NULL)
        *p = q->next;
    copi_lock_release(&child.lock);
    if (q == NULL)
        return;
    q->code = (int)in->head.tag;
    q->pid = in->head.to;
    /* release: pairs with ask; `q` may be gone after it */
    atomic_store_explicit(&q->answered, 1, memory_order_release);
    copi_os_futex_wake(&q->answered, 1);
}

/* NULL: no memory. */
static struct cop_msg *down_of(const struct copi_wire_in *in)
{
    struct copi_monitor *mon;
    const char *name = in->name != NULL && in->name[0] ? in->name : NULL;
    if (copi_monitor_new(&mon, child.boot.pid, in->head.sender, in->head.ref,
                         name) != 0)
        return NULL;
    struct cop_msg *m = &mon->watch->down;
    copi_msg_release(&mon->demonitor);
    m->kind = COPI_SIG_DOWN;
    m->sender = in->head.sender;
    m->reason = copi_wire_reason(in);
    return m;
}

static struct cop_msg *message_of(const struct copi_wire_in *in)
{
    const struct copi_wire_head *h = &in->head;
    struct cop_msg *m = copi_msg_make(h->tag, in->body, h->body_bytes);
    if (m == NULL)
        return NULL;
    m->flags = h->flags;
    if (h->tag > COP_TAG_MAX && !(h->flags & COPI_MSG_ALIAS) &&
        h->tag >= COP_EXIT && h->tag != COP_REPLY)
        m->flags |= COPI_MSG_SYSTEM;
    m->sender = h->sender;
    m->ref = h->ref;
    m->reason = copi_wire_reason(in);
    return m;
}

/* Does the actor still wait for this reply? */
static bool claim(struct copi_actor *a, cop_ref ref)
{
    uint64_t id = ref.id;
    /* seq_cst: as in call.c */
    return atomic_compare_exchange_strong(&a->call_ref, &id, 0);
}

static void deliver(const struct copi_wire_in *in)
{
    struct copi_scope s;
    if (!copi_scope_enter(&s))
        return;
    struct copi_actor *a = copi_table_find(child.boot.pid);
    bool is_reply = (in->head.flags & COPI_MSG_REPLY) != 0;
    if (a != NULL && (!is_reply || claim(a, in->head.ref))) {
        struct cop_msg *m =
            in->head.kind == COPI_WIRE_DOWN ? down_of(in) : message_of(in);
        if (m == NULL) {
            tell_end((cop_reason){COP_R_NOMEM});
            copi_os_end(0);
        }
        copi_signal_push(a, m);
    }
    copi_scope_leave(&s);
}

/* The next one, waiting for it. */
static const struct copi_wire_in *receive(void)
{
    for (;;) {
        uint32_t bell = atomic_load(&child.map->down.bell);
        int rc = copi_wire_take(&child.in, &child.down);
        if (copi_pipe_must_wake_writer(&child.down))
            copi_os_bell_ring(child.bell);
        if (rc == 1)
            return &child.in;
        if (rc == COP_ENOMEM)
            fail("receiving", rc);
        if (rc < 0)
            be_broken();
        if (copi_pipe_reader_may_sleep(&child.down))
            copi_os_shared_wait(&child.map->down.bell, bell);
    }
}

COP_NORETURN static void read_on(void)
{
    for (;;) {
        const struct copi_wire_in *in = receive();
        if (in->head.kind == COPI_WIRE_ANSWER)
            take_answer(in);
        else
            deliver(in);
    }
}

/* ---------------------------------------------------------------- start -- */

static void limit(enum copi_os_limit what, uint64_t n)
{
    int rc = n > 0 ? copi_os_limit(what, n) : 0;
    if (rc != 0)
        fail("limits", rc);
}

static void apply_limits(void)
{
    const cop_limits *l = &child.boot.limits;
    if (!child.boot.has_limits)
        return;
    if (!l->core && copi_os_limit(COPI_OS_LIMIT_CORE, 0) != 0)
        fail("limits", COP_ESYS);
    limit(COPI_OS_LIMIT_CPU, l->cpu_seconds);
    limit(COPI_OS_LIMIT_FILE, l->file_bytes);
    limit(COPI_OS_LIMIT_MEMORY, l->memory_bytes);
    limit(COPI_OS_LIMIT_FILES, l->descriptors);
}

static void start_runtime(void)
{
    const cop_config config = {
        .workers = 1,
        .reductions = child.boot.reductions,
        .slice_ns = child.boot.slice_ns,
        .crash_reports = COP_REPORT_NONE, /* the proxy's end is reported */
        .trace = "none",
        .log = log_up,
    };
    copi_away.ask = ask;
    copi_away.spawn = ask_spawn;
    copi_away.ended = ended;
    copi_away.signal = signal_away;
    copi_ref_begin_at(child.boot.first_ref);
    int rc = cop_start(&config);
    if (rc != 0)
        fail("cop_start", rc);
}

static void open_channel(int memory, int bell)
{
    child.map = copi_os_shared_map(memory, sizeof *child.map);
    copi_os_close(memory);
    if (child.map == NULL)
        copi_os_end(1);
    child.boot = child.map->boot;
    child.bell = bell;
    copi_pipe_init(&child.down, &child.map->down);
    copi_pipe_init(&child.up, &child.map->up);
    copi_wire_in_init(&child.in, COPI_BODY_MAX);
}

void copi_isolated_child(int memory, int bell)
{
    open_channel(memory, bell);
    start_runtime();
    apply_limits();
    if (child.boot.arg_bytes > 0)
        child.boot.arg = (void *)(uintptr_t)receive()->body;
    int rc = child.boot.seccomp != COP_SECCOMP_NONE ? copi_os_confine(bell) : 0;
    if (rc != 0)
        fail("seccomp", rc);
    rc = copi_spawn_isolated(&child.boot);
    if (rc != 0)
        fail("spawn", rc);
    read_on();
}
