/* SPDX-License-Identifier: MIT
 *
 * isolated_proxy.c - the actor that has an isolated actor's pid. Rank: 5.
 *
 * The proxy is an ordinary actor: mailbox, links, names, trap_exit and the
 * monitors of others are its own, so everything that holds of actors holds of
 * it, and nobody can tell it from outside. What reaches its mailbox it writes
 * down to the child; what the child sends up it does in the child's name. An
 * exit signal that ends it ends the child with it, whatever that is doing; one
 * that it traps (as the child asked it to) goes down as the message.
 *
 * Two things it leaves to the child, which has the tables for them: aliases (a
 * message by an alias is passed on unjudged), and a call's claim: its own
 * call_ref mirrors that of the child's call, so that repliers and the search
 * for deadlocks see it; the child claims once more when the reply arrives.
 *
 * Order. Down and up are each one stream, so what the child did before it
 * asked something is done before the answer, and what reached the proxy before
 * the answer is in the child's mailbox when it gets it. That is why unlink and
 * trap_exit are questions, whose answers go through the proxy's mailbox.
 *
 * Nothing that comes up is believed: see wire.c for sizes, and `act` for the
 * rest. The sender is always the proxy. Nonsense ends the actor with {fault,
 * protocol}: what no call of the runtime's makes, references that are not of
 * the child's own block included. A reply to a call that it was not given
 * (given.c) becomes a dead letter; a spawn is looked at (wire_spawn.c). What
 * the pipe down has no room for waits in `out`; while that is long the proxy
 * takes nothing else from its mailbox than wakes, so the mailbox is where
 * messages queue up, and bounds of the mailbox count them there.
 *
 * Rejected: a proxy per spawn in the form of a handler, without a stack: it
 * would have to be able to wait half-way for room.
 */
#include "runtime/api/isolated.h"

#include <coppice/message.h>
#include <coppice/runtime.h>

#include "runtime/actor/away.h"
#include "runtime/actor/mailbox.h"
#include "runtime/actor/monitor.h"
#include "runtime/actor/reason.h"
#include "runtime/actor/signal.h"
#include "runtime/actor/table.h"
#include "runtime/actor/tie.h"
#include "runtime/api/send.h"
#include "runtime/base/check.h"
#include "runtime/base/format.h"
#include "runtime/base/os.h"
#include "runtime/base/os_process.h"
#include "runtime/memory/mem.h"
#include "runtime/scheduler/exit.h"

enum {
    OUT_HIGH = 64 << 10,  /* from here on only wakes are taken */
    OUT_LIMIT = 1 << 20,  /* from here on questions are not answered */
    RECORDS_A_TURN = 128, /* then others get their turn */
    REFS_BITS = 40
};

/* An answer that waits its turn in the proxy's own mailbox. */
#define TAG_ANSWER ((cop_tag)0xfffffffeu)

/* Between two receives. */
struct proxy {
    struct copi_isolated *iso;
    struct copi_scope s;
    struct copi_actor *a;
};

/* ---------------------------------------------------------------- ending -- */

static cop_reason fault(const char *what, int number, int code,
                        const char *text)
{
    cop_fault f = {.signal = number, .code = code};
    copi_format(f.what, sizeof f.what, "%s", what);
    copi_format(f.text, sizeof f.text, "%s", text);
    return copi_reason_fault(&f);
}

COP_NORETURN static void end(struct proxy *p, cop_reason why)
{
    copi_exit_now(p->a, why);
}

COP_NORETURN static void end_for_code(struct proxy *p, int rc)
{
    if (rc == COP_ENOMEM)
        end(p, (cop_reason){COP_R_NOMEM});
    end(p, fault("protocol", 0, 0, "the process of the actor sent nonsense"));
}

/* The process has ended without a word of its own. */
COP_NORETURN static void end_for_process(struct proxy *p)
{
    const struct copi_isolated *iso = p->iso;
    char text[96], name[32];
    int number;
    if (iso->how == COPI_ENDED_ZYGOTE)
        end(p, fault("zygote", 0, 0, "the process that forks has ended"));
    if (iso->how == COPI_ENDED_FORK) {
        copi_os_error_text(iso->status, text, sizeof text);
        end(p, fault("start", 0, iso->status, text));
    }
    if (copi_os_status_signal(iso->status, &number)) {
        copi_os_signal_name(number, name, sizeof name);
        end(p, fault(name, number, 0, "a signal ended the actor's process"));
    }
    copi_format(text, sizeof text, "the actor's process ended with status %d",
                number);
    end(p, fault("exit_status", 0, number, text));
}

/* --------------------------------------------------------------- down -- */

static void wake_child(struct copi_isolated *iso)
{
    if (!copi_pipe_must_wake_reader(&iso->down))
        return;
    atomic_fetch_add(&iso->map->down.bell, 1);
    copi_os_shared_wake(&iso->map->down.bell);
}

static size_t pending(const struct copi_isolated *iso)
{
    return iso->out_end - iso->out_at;
}

static bool append(struct copi_isolated *iso, const void *from, size_t n)
{
    if (iso->out_room - iso->out_end < n) {
        size_t used = pending(iso);
        size_t room = COPI_MAX(2 * used, used + n) + 4096;
        unsigned char *more = copi_mem_alloc(room);
        if (more == NULL)
            return false;
        if (used > 0)
            memcpy(more, iso->out + iso->out_at, used);
        copi_mem_free(iso->out, iso->out_room);
        iso->out = more;
        iso->out_room = room;
        iso->out_at = 0;
        iso->out_end = used;
    }
    memcpy(iso->out + iso->out_end, from, n);
    iso->out_end += n;
    return true;
}

static bool put_down(void *ctx, const void *from, size_t n)
{
    struct copi_isolated *iso = ctx;
    size_t done = 0;
    if (n == 0)
        return true;
    if (pending(iso) == 0 && !copi_pipe_write(&iso->down, from, n, &done))
        done = 0; /* the next flush finds that out */
    return done == n || append(iso, (const char *)from + done, n - done);
}

static void send_down(struct proxy *p, const struct copi_wire *w)
{
    if (!copi_wire_emit(w, put_down, p->iso))
        end_for_code(p, COP_ENOMEM);
}

static void flush(struct proxy *p)
{
    struct copi_isolated *iso = p->iso;
    size_t n;
    do {
        if (!copi_pipe_write(&iso->down, iso->out + iso->out_at, pending(iso),
                             &n))
            end_for_code(p, COP_EINVAL);
        iso->out_at += n;
        wake_child(iso);
    } while (pending(iso) > 0 && !copi_pipe_writer_may_sleep(&iso->down));
    if (pending(iso) == 0 && iso->out != NULL) {
        copi_mem_free(iso->out, iso->out_room);
        iso->out = NULL;
        iso->out_at = iso->out_end = iso->out_room = 0;
    }
}

/* What it may answer from now on. */
static void note_given(struct proxy *p, const cop_msg *m)
{
    struct copi_given *g = &p->iso->given;
    int rc = m->flags & COPI_MSG_CALL
                 ? copi_given_add(g, (cop_from){m->sender, m->ref})
                 : 0;
    if (rc == 0 && m->size >= sizeof(cop_from))
        rc = copi_given_scan(g, cop_msg_body(m), m->size);
    if (rc != 0)
        end_for_code(p, rc);
}

static void forward(struct proxy *p, const cop_msg *m)
{
    struct copi_wire w;
    uint64_t ref = m->ref.id;
    if (m->tag == TAG_ANSWER)
        w = (struct copi_wire){
            .head = *(const struct copi_wire_head *)cop_msg_body(m)};
    else
        copi_wire_of_message(&w, m);
    if (m->tag != TAG_ANSWER)
        note_given(p, m);
    if (m->tag == COP_DOWN) /* so the call is over, if it was one's */
        atomic_compare_exchange_strong(&p->a->call_ref, &ref, 0);
    send_down(p, &w);
}

/* ------------------------------------------------------------------ up -- */

/* Counted and told as a dead letter. */
static int drop_forged(struct proxy *p, const struct copi_wire_head *h)
{
    struct cop_msg *m = copi_msg_alloc(COPI_SIG_MESSAGE, COP_REPLY, 0);
    if (m == NULL)
        return COP_ENOMEM;
    m->sender = p->a->pid;
    m->ref = h->ref;
    copi_signal_dead_letter(m, h->to, COP_DEAD_FORGED);
    return 0;
}

static int up_reply(struct proxy *p, const struct copi_wire_in *in)
{
    cop_from to = {in->head.to, in->head.ref};
    if (!copi_given_take(&p->iso->given, to))
        return drop_forged(p, &in->head);
    int rc = cop_reply(to, in->body, in->head.body_bytes);
    return rc == COP_ENOMEM ? rc : 0; /* too late is no matter */
}

static void mirror_call(struct copi_actor *a, cop_pid to, cop_ref ref)
{
    /* seq_cst: as in call.c */
    atomic_store(&a->call_ref, 0);
    atomic_store(&a->calling, to.id);
    atomic_store(&a->call_ref, ref.id);
}

/* References that the child makes are of a block of their own. */
static bool is_own_ref(const struct copi_isolated *iso, cop_ref ref)
{
    return (ref.id >> 2) - iso->boot.first_ref < (uint64_t)1 << REFS_BITS;
}

/* The program's, and of behaviours' those that hold no addresses. */
static bool is_own_tag(cop_tag tag)
{
    return (tag != COP_TAG_ANY && tag <= COP_TAG_MAX) ||
           (tag >= COP_TAG_BEHAVIOUR_FLAT && tag < COP_EXIT);
}

/* The ways to send that there are; by one's own reference, by an alias, or by
 * none. */
static bool is_own_way(const struct copi_isolated *iso,
                       const struct copi_wire_head *h)
{
    switch (h->flags) {
    case COPI_MSG_CALL:
        return is_own_ref(iso, h->ref);
    case COPI_MSG_ALIAS:
    case COPI_MSG_ALIAS | COPI_MSG_URGENT:
        return h->ref.id != 0;
    case 0:
    case COPI_MSG_CAST:
    case COPI_MSG_URGENT:
        return h->ref.id == 0;
    default:
        return false;
    }
}

static int up_message(struct proxy *p, const struct copi_wire_in *in)
{
    const struct copi_wire_head *h = &in->head;
    if (h->tag == COP_REPLY)
        return up_reply(p, in);
    if (!is_own_tag(h->tag) || !is_own_way(p->iso, h))
        return COP_EINVAL;
    struct cop_msg *m = copi_msg_make(h->tag, in->body, h->body_bytes);
    if (m == NULL)
        return COP_ENOMEM;
    m->flags = h->flags;
    m->ref = h->ref;
    m->sender = p->a->pid;
    if ((h->flags & COPI_MSG_CALL) && copi_ref_is_call(h->ref))
        mirror_call(p->a, h->to, h->ref);
    int rc = copi_send(&p->s, h->to, m);
    return rc == COP_ENOMEM ? rc : 0;
}

static int up_exit(struct proxy *p, const struct copi_wire_in *in)
{
    struct cop_msg *m = copi_msg_alloc(COPI_SIG_EXIT, 0, 0);
    if (m == NULL)
        return COP_ENOMEM;
    m->sender = p->a->pid;
    m->reason = copi_wire_reason(in);
    copi_signal_send(in->head.to, m);
    return 0;
}

static bool is_fresh(struct proxy *p, cop_ref ref)
{
    return is_own_ref(p->iso, ref) && copi_monitor_find(p->a, ref) == NULL;
}

static int up_monitor(struct proxy *p, const struct copi_wire_in *in)
{
    const struct copi_wire_head *h = &in->head;
    if (h->to.id == p->a->pid.id || !is_fresh(p, h->ref))
        return COP_EINVAL;
    return copi_tie_monitor(p->a, h->to, h->ref, in->name);
}

static int up_demonitor(struct proxy *p, const struct copi_wire_in *in)
{
    uint64_t ref = in->head.ref.id;
    atomic_compare_exchange_strong(&p->a->call_ref, &ref, 0);
    copi_tie_demonitor(p->a, in->head.ref);
    return 0;
}

static int link_to(struct proxy *p, cop_pid to)
{
    if (copi_table_find(to) == NULL && !p->a->trap_exit)
        end(p, COP_NOPROC);
    return copi_tie_link(p->a, to);
}

/* Waits, which must not be inside the runtime. */
static int is_alive(struct proxy *p, cop_pid pid)
{
    copi_scope_leave(&p->s);
    bool is = cop_is_alive(pid);
    p->a = copi_scope_actor_late(&p->s, "isolated");
    return is;
}

/* A child that is confined by a profile is held to be hostile: it may not have
 * code run outside (wire_spawn.c). */
static int spawn_for(struct proxy *p, const struct copi_wire_in *in,
                     cop_pid *out)
{
    struct copi_wire_spawned s;
    const char *what;
    char text[COP_PID_TEXT];
    if (!copi_wire_spawn_open(&s, in->body, in->head.body_bytes, in->name) ||
        (s.monitor.id != 0 && !is_fresh(p, s.monitor)))
        end_for_code(p, COP_EINVAL);
    if (p->iso->boot.seccomp != COP_SECCOMP_NONE) {
        copi_log("spawn by isolated actor %s: not for one with a profile",
                 cop_pid_str(p->a->pid, text, sizeof text));
        return COP_ENOTSUP;
    }
    int rc = copi_wire_spawn_check(&s, &what);
    if (rc == 0)
        return copi_spawn_for_isolated(out, &s, &p->s);
    copi_log("spawn by isolated actor %s: %s",
             cop_pid_str(p->a->pid, text, sizeof text), what);
    return rc;
}

static int answer_of(struct proxy *p, const struct copi_wire_in *in,
                     cop_pid *out)
{
    cop_pid pid = in->head.to;
    switch ((enum copi_ask)in->head.tag) {
    case COPI_ASK_WHEREIS:
        *out = cop_whereis(in->name);
        return 0;
    case COPI_ASK_REGISTER:
        return cop_register(in->name, pid);
    case COPI_ASK_UNREGISTER:
        return cop_unregister(in->name);
    case COPI_ASK_ALIVE:
        return is_alive(p, pid);
    case COPI_ASK_LINK:
        return link_to(p, pid);
    case COPI_ASK_UNLINK:
        return copi_tie_unlink(p->a, pid);
    case COPI_ASK_TRAP:
        return cop_trap_exit(pid.id != 0);
    case COPI_ASK_SPAWN:
        return spawn_for(p, in, out);
    case COPI_ASK_COUNT:
        break;
    }
    return COP_EINVAL;
}

/* After what is in the mailbox now. */
static int answer_later(struct proxy *p, const struct copi_wire_head *h)
{
    struct cop_msg *m = copi_msg_alloc(COPI_SIG_MESSAGE, TAG_ANSWER, sizeof *h);
    if (m == NULL)
        return COP_ENOMEM;
    memcpy(copi_msg_inline(m), h, sizeof *h);
    m->flags = COPI_MSG_SYSTEM;
    copi_signal_send(p->a->pid, m);
    return 0;
}

static int up_ask(struct proxy *p, const struct copi_wire_in *in)
{
    cop_pid out = COP_NO_PID;
    if (in->head.tag >= COPI_ASK_COUNT)
        return COP_EINVAL;
    int code = answer_of(p, in, &out);
    struct copi_wire w = {.head = {.kind = COPI_WIRE_ANSWER,
                                   .tag = (uint32_t)code,
                                   .to = out,
                                   .ref = in->head.ref}};
    if (in->head.tag == COPI_ASK_UNLINK || in->head.tag == COPI_ASK_TRAP)
        return answer_later(p, &w.head);
    send_down(p, &w);
    return 0;
}

static int up_log(const struct copi_wire_in *in)
{
    char line[1001];
    size_t n = COPI_MIN((size_t)in->head.body_bytes, sizeof line - 1);
    memcpy(line, in->body, n);
    line[n] = '\0';
    for (char *c = line; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    cop_log("%s", line);
    return 0;
}

static int act(struct proxy *p, const struct copi_wire_in *in)
{
    switch ((enum copi_wire_kind)in->head.kind) {
    case COPI_WIRE_MESSAGE:
        return up_message(p, in);
    case COPI_WIRE_EXIT:
        return up_exit(p, in);
    case COPI_WIRE_MONITOR:
        return up_monitor(p, in);
    case COPI_WIRE_DEMONITOR:
        return up_demonitor(p, in);
    case COPI_WIRE_ASK:
        return up_ask(p, in);
    case COPI_WIRE_LOG:
        return up_log(in);
    case COPI_WIRE_ENDED:
        end(p, copi_wire_reason(in));
    default:
        return COP_EINVAL;
    }
}

static void wake_writer(struct copi_isolated *iso)
{
    if (!copi_pipe_must_wake_writer(&iso->up))
        return;
    atomic_fetch_add(&iso->map->up.bell, 1);
    copi_os_shared_wake(&iso->map->up.bell);
}

/* One record; false: none is there. */
static bool take_one(struct proxy *p)
{
    struct copi_isolated *iso = p->iso;
    int rc = copi_wire_take(&iso->in, &iso->up);
    wake_writer(iso);
    bool is_there = rc == 1;
    if (is_there)
        rc = act(p, &iso->in);
    if (rc < 0)
        end_for_code(p, rc);
    return is_there;
}

/* Comes back to this when others had their turn. */
static void wake_self(struct proxy *p)
{
    if (atomic_exchange(&p->iso->woken, 1) != 0)
        return;
    struct cop_msg *m = copi_msg_alloc(COPI_SIG_MESSAGE, COPI_TAG_WAKE, 0);
    if (m == NULL)
        end_for_code(p, COP_ENOMEM);
    m->flags = COPI_MSG_SYSTEM;
    copi_signal_send(p->a->pid, m);
}

static void take_all(struct proxy *p)
{
    struct copi_isolated *iso = p->iso;
    /* acquire: what ended it, and all that it wrote before */
    bool ended = atomic_load_explicit(&iso->ended, memory_order_acquire) != 0;
    int n = 0;
    do {
        while (pending(iso) < OUT_LIMIT && n < RECORDS_A_TURN && take_one(p))
            n++;
        if (n == RECORDS_A_TURN) {
            wake_self(p);
            return;
        }
        if (pending(iso) >= OUT_LIMIT)
            return; /* the child has to read first, and rings when it has */
    } while (!copi_pipe_reader_may_sleep(&iso->up));
    if (ended)
        end_for_process(p);
}

/* ------------------------------------------------------------- the actor -- */

static int make_channels(struct copi_isolated *iso)
{
    int rc = copi_os_shared_new(&iso->memory, sizeof *iso->map);
    if (rc == 0)
        rc = copi_os_bell_new(&iso->bell);
    if (rc != 0)
        return rc;
    iso->map = copi_os_shared_map(iso->memory, sizeof *iso->map);
    if (iso->map == NULL)
        return COP_ESYS;
    iso->map->boot = iso->boot;
    copi_pipe_init(&iso->down, &iso->map->down);
    copi_pipe_init(&iso->up, &iso->map->up);
    copi_wire_in_init(&iso->in, COPI_AWAY_BODY_MAX);
    atomic_init(&iso->map->up.reader_waits, 1);
    return 0;
}

/* Numbers for references that are not this process', nor another child's. */
static uint64_t first_ref(void)
{
    static _Atomic uint64_t blocks;
    uint64_t n = atomic_fetch_add_explicit(&blocks, 1, memory_order_relaxed);
    return (UINT64_C(1) << 61) + (n % (1 << 21) << REFS_BITS);
}

static void begin(struct proxy *p)
{
    struct copi_isolated *iso = p->iso;
    iso->pid = iso->boot.pid = p->a->pid;
    iso->boot.parent = p->a->parent;
    iso->boot.first_ref = first_ref();
    int rc = make_channels(iso);
    if (rc == 0)
        rc = copi_isolated_add(iso);
    if (rc != 0)
        end(p, fault("start", 0, rc, cop_error_str(rc)));
    iso->is_placed = true;
    if (iso->arg_copy == NULL)
        return;
    rc = copi_given_scan(&iso->given, iso->arg_copy, iso->boot.arg_bytes);
    if (rc != 0)
        end_for_code(p, rc);
    struct copi_wire w = {.head = {.kind = COPI_WIRE_ARG},
                          .body = iso->arg_copy,
                          .body_bytes = iso->boot.arg_bytes};
    send_down(p, &w);
}

static bool is_wake(const cop_msg *m, void *unused)
{
    (void)unused;
    return m->tag == COPI_TAG_WAKE;
}

static const cop_msg *receive(struct copi_isolated *iso)
{
    const cop_msg *m;
    int rc = pending(iso) < OUT_HIGH
                 ? cop_recv(&m, COP_FOREVER)
                 : cop_recv_since(&m, &iso->mark, is_wake, NULL, COP_FOREVER);
    return rc == 0 ? m : NULL;
}

void copi_isolated_proxy(void *arg)
{
    struct proxy p = {.iso = arg};
    const cop_msg *m = NULL;
    p.a = copi_scope_actor_late(&p.s, "isolated");
    begin(&p);
    for (;;) {
        if (m != NULL && m->tag == COPI_TAG_WAKE)
            atomic_store(&p.iso->woken, 0); /* pairs with wake_locked */
        else if (m != NULL)
            forward(&p, m);
        flush(&p);
        take_all(&p);
        flush(&p);
        copi_scope_leave(&p.s);
        m = receive(p.iso);
        p.a = copi_scope_actor_late(&p.s, "isolated");
    }
}

void copi_isolated_release(void *arg)
{
    struct copi_isolated *iso = arg;
    struct copi_scope s;
    bool inside = copi_scope_enter_late(&s);
    if (iso->is_placed)
        copi_isolated_remove(iso);
    else
        copi_isolated_free(iso);
    if (inside)
        copi_scope_leave(&s);
}
