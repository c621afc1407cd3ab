/* SPDX-License-Identifier: MIT
 *
 * server.c - a server in the manner of gen_server.
 *
 * A server is a handler actor. Its argument is one block that holds all there
 * is to it: this file's record, the state of the user's callbacks, and a copy
 * of the user's argument. The runtime releases it at the actor's death, after
 * the deferred functions, however the actor dies; so nothing leaks at a kill.
 *
 * A callback's verdict (cop_next) is followed in `follow`:
 *
 *     wait      nothing to do: the runtime calls `message` again
 *     idle      a timer sends IDLE with a number; any other message makes the
 *               number stale, so one that is on its way already means nothing
 *     continue  `resume`, in a loop, before anything else
 *     stop      terminate, then the reply if one is owed, then cop_exit
 *
 * A continue of init has to wait until init is done: only then does the runtime
 * owe `terminate` to a callback that exits. It is carried out before the first
 * message, and NUDGE, which the server sends to itself, makes sure that there
 * is one.
 *
 * Terminate is called once, in one of two places: here, for what the server
 * was told (stop, EXIT of the parent); by the runtime, for cop_exit in a
 * callback. Not at all if an exit signal or a kill ends it.
 *
 * The parent is the actor that started it, if they were linked from the
 * beginning; else nobody is. The runtime itself, which sends `shutdown` when it
 * stops, counts as one always.
 *
 * Rejected: the user's state as the handler's state. Its size is the server's,
 * and a cop_handler would have to be made for each and to outlive it.
 */
#include "actors/server.h"

#include "actors/answer.h"
#include "actors/server_stop.h"
#include "actors/start.h"

#include <stdlib.h>
#include <string.h>

/* What comes next; 0 is also what a callback that forgets to say it means. */
enum { NEXT_WAIT, NEXT_IDLE, NEXT_CONTINUE, NEXT_STOP, NEXT_IGNORE };

enum { SERVER_IDLE = COP_TAG_BEHAVIOUR + 0x110, SERVER_NUDGE };

#define STATE_MAX ((size_t)1 << 40) /* beyond it is a mistake, not a size */

struct server {
    struct copi_start start;
    const cop_server *def;
    const struct copi_server_hooks *hooks;
    cop_pid parent;
    bool is_linked;  /* to who started it, from the beginning */
    bool is_bounded; /* its mailbox */
    bool is_up;      /* init is done, terminate is not called yet */
    bool has_resume; /* init asked for a continue with `token` */
    bool is_idle;    /* the idle timer runs */
    uint64_t token;
    uint64_t idle_number;
    cop_timer idle_timer;
    cop_reason why; /* while it terminates; owned */
    cop_from reply_to;
    cop_msg *reply; /* owed after terminate; owned */
    void *arg;
    void (*arg_release)(void *);
    void *state;
};

/* ------------------------------------------------------------- verdicts -- */

cop_next cop_next_wait(void)
{
    return (cop_next){.what = NEXT_WAIT};
}

cop_next cop_next_idle(cop_time idle_ns)
{
    return (cop_next){.what = NEXT_IDLE, .idle_ns = idle_ns};
}

cop_next cop_next_continue(uint64_t token)
{
    return (cop_next){.what = NEXT_CONTINUE, .token = token};
}

cop_next cop_next_stop(cop_reason reason)
{
    return (cop_next){.what = NEXT_STOP, .reason = reason};
}

cop_next cop_next_stop_reply(cop_reason reason, cop_from from, const void *body,
                             size_t size)
{
    cop_next n = cop_next_stop(reason);

    /* without memory the caller learns of the end only */
    n.reply_to = from;
    if (cop_msg_new(&n.reply, 1, size) != 0)
        n.reply = NULL;
    else if (size > 0)
        memcpy(cop_msg_fill(n.reply), body, size);
    return n;
}

cop_next cop_next_ignore(void)
{
    return (cop_next){.what = NEXT_IGNORE};
}

/* --------------------------------------------------------------- ending -- */

static void terminate_once(struct server *s, cop_reason why)
{
    if (!s->is_up)
        return;
    s->is_up = false;
    if (s->def->terminate != NULL)
        s->def->terminate(s->state, why);
}

/* Takes the reason. */
static COP_NORETURN void end(struct server *s, cop_reason why)
{
    cop_msg *reply;

    s->why = why;
    terminate_once(s, why);
    reply = s->reply;
    s->reply = NULL;
    if (reply != NULL)
        (void)cop_reply_msg(s->reply_to, reply);
    s->why = COP_NORMAL;
    cop_exit(why);
}

/* ------------------------------------------------------------ following -- */

static void arm(struct server *s, cop_time idle_ns)
{
    if (idle_ns == COP_FOREVER)
        return;
    s->idle_number++;
    if (cop_send_after(&s->idle_timer, idle_ns > 0 ? idle_ns : 0, cop_self(),
                       SERVER_IDLE, &s->idle_number,
                       sizeof s->idle_number) != 0)
        end(s, cop_because("nomem"));
    s->is_idle = true;
}

static void disarm(struct server *s)
{
    if (s->is_idle)
        (void)cop_cancel_timer(s->idle_timer);
    s->is_idle = false;
}

static cop_next resume(struct server *s, uint64_t token)
{
    if (s->def->resume == NULL)
        return cop_next_wait();
    return s->def->resume(s->state, token);
}

static void follow(struct server *s, cop_next n)
{
    while (n.what == NEXT_CONTINUE)
        n = resume(s, n.token);
    switch (n.what) {
    case NEXT_IDLE:
        arm(s, n.idle_ns);
        break;
    case NEXT_STOP:
        s->reply_to = n.reply_to;
        s->reply = n.reply;
        end(s, n.reason);
    case NEXT_IGNORE:
        end(s, cop_because_fmt("badarg", "cop_next_ignore: not in init"));
    default:
        break;
    }
}

/* ------------------------------------------------------------- messages -- */

static cop_next unexpected(const char *what, const cop_msg *m)
{
    return cop_next_stop(cop_because_fmt("badarg", "unexpected %s with tag %u",
                                         what, (unsigned)cop_msg_tag(m)));
}

static cop_next dispatch(struct server *s, const cop_msg *m)
{
    const cop_server *def = s->def;

    switch (cop_msg_how(m)) {
    case COP_MSG_CALL:
        return def->call != NULL ? def->call(s->state, m, cop_msg_from(m))
                                 : unexpected("call", m);
    case COP_MSG_CAST:
        return def->cast != NULL ? def->cast(s->state, m)
                                 : unexpected("cast", m);
    default:
        return def->info != NULL ? def->info(s->state, m) : cop_next_wait();
    }
}

static bool is_exit_of_parent(const struct server *s, const cop_msg *m)
{
    cop_pid from = cop_msg_sender(m);

    return cop_msg_tag(m) == COP_EXIT &&
           (cop_pid_eq(from, COP_PID_INIT) ||
            (!cop_pid_is_none(s->parent) && cop_pid_eq(from, s->parent)));
}

/* The idle time is over, if the number is not a stale one. */
static void idle_over(struct server *s, const cop_msg *m)
{
    if (!s->is_idle || *cop_msg_as(m, uint64_t) != s->idle_number)
        return;
    s->is_idle = false;
    if (s->def->timeout != NULL)
        follow(s, s->def->timeout(s->state));
}

static void resume_after_init(struct server *s)
{
    s->has_resume = false;
    follow(s, resume(s, s->token));
}

static void server_message(void *state, const cop_msg *m)
{
    struct server *s = *(struct server **)state;

    if (s->has_resume)
        resume_after_init(s);
    switch (cop_msg_tag(m)) {
    case SERVER_NUDGE:
        return;
    case SERVER_IDLE:
        idle_over(s, m);
        return;
    case COPI_SERVER_STOP:
        disarm(s);
        end(s, copi_server_stop_accept(m));
    default:
        disarm(s);
        if (is_exit_of_parent(s, m))
            end(s, cop_reason_retain(cop_msg_reason(m)));
        follow(s, dispatch(s, m));
    }
}

static void server_terminate(void *state, cop_reason why)
{
    terminate_once(*(struct server **)state, why);
}

/* ----------------------------------------------------------------- init -- */

/* A message to itself. In a bounded mailbox a timer's takes no place; there it
 * must not be dropped, nor push another one out. */
static int nudge(const struct server *s)
{
    cop_timer t;

    if (s->is_bounded)
        return cop_send_after(&t, 0, cop_self(), SERVER_NUDGE, NULL, 0);
    return cop_send(cop_self(), SERVER_NUDGE, NULL, 0);
}

/* It is up. What init said comes next. */
static void come_up(struct server *s, cop_next n)
{
    s->is_up = true;
    copi_start_ack(&s->start, 0);
    if (n.what != NEXT_CONTINUE) {
        follow(s, n);
        return;
    }
    s->has_resume = true;
    s->token = n.token;
    if (nudge(s) != 0)
        end(s, cop_because("nomem"));
}

static int server_init(void *state, void *arg)
{
    struct server *s = arg;
    cop_next n = cop_next_wait();

    *(struct server **)state = s;
    s->parent = s->is_linked ? cop_parent() : COP_NO_PID;
    if (!copi_start_hello(&s->start))
        return 1;
    if (s->def->init != NULL)
        n = s->def->init(s->state, s->arg);
    switch (n.what) {
    case NEXT_STOP:
        cop_msg_free(n.reply);
        cop_exit(n.reason);
    case NEXT_IGNORE:
        copi_start_ack(&s->start, COP_EIGNORE);
        return 1;
    default:
        come_up(s, n);
        return 0;
    }
}

static const cop_handler server_handler = {
    .state_bytes = sizeof(struct server *),
    .init = server_init,
    .message = server_message,
    .terminate = server_terminate,
    .label = "server",
};

/* ---------------------------------------------------------------- start -- */

static void server_free(void *block)
{
    struct server *s = block;

    cop_reason_release(s->why);
    cop_msg_free(s->reply);
    if (s->arg_release != NULL)
        s->arg_release(s->arg);
    free(s);
}

static size_t round_up(size_t n)
{
    return (n + 15) & ~(size_t)15;
}

/* The record, behind it the state, behind that the copied argument. NULL: no
 * memory. */
static struct server *server_new(const cop_server *def, void *arg,
                                 const cop_opts *opts)
{
    size_t head = round_up(sizeof(struct server));
    size_t state_bytes = round_up(def->state_bytes);
    struct server *s = calloc(1, head + state_bytes + opts->arg_bytes);

    if (s == NULL)
        return NULL;
    s->def = def;
    s->is_linked = opts->link;
    s->is_bounded = opts->mailbox_max > 0;
    s->state = (char *)s + head;
    s->arg = arg;
    s->arg_release = opts->arg_release;
    if (opts->arg_bytes > 0 && arg != NULL) {
        s->arg = (char *)s->state + state_bytes;
        memcpy(s->arg, arg, opts->arg_bytes);
    }
    return s;
}

static bool is_sane(const cop_pid *out, const cop_server *def,
                    const cop_opts *opts)
{
    return out != NULL && def != NULL && def->state_bytes < STATE_MAX &&
           opts->arg_bytes < STATE_MAX &&
           (opts->arg_bytes == 0 || opts->arg_release == NULL);
}

int copi_server_start(cop_pid *out, const cop_server *def,
                      const struct copi_server_hooks *hooks, void *arg,
                      const cop_server_opts *opts, bool keep_exit,
                      cop_reason *why)
{
    struct copi_start_how how = {.handler = &server_handler,
                                 .keep_exit = keep_exit};
    struct server *s;
    int err;

    if (opts != NULL) {
        how.opts = opts->spawn;
        how.start_ns = opts->start_ns;
    }
    if (why != NULL)
        *why = COP_NORMAL;
    if (!is_sane(out, def, &how.opts))
        return COP_EINVAL;
    s = server_new(def, arg, &how.opts);
    if (s == NULL)
        return COP_ENOMEM;
    s->hooks = hooks;
    how.arg = s;
    how.child = &s->start;
    how.opts.arg_bytes = 0;
    how.opts.arg_release = server_free;
    if (how.opts.label == NULL)
        how.opts.label = def->label;
    err = copi_start_run(out, &how, why);
    if (!copi_start_took_arg(err)) {
        s->arg_release = NULL; /* a moved argument is still the caller's */
        server_free(s);
    }
    return err;
}

int cop_server_start(cop_pid *out, const cop_server *s, void *arg,
                     const cop_server_opts *opts, cop_reason *why)
{
    return copi_server_start(out, s, NULL, arg, opts, false, why);
}
