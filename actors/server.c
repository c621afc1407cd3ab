/* SPDX-License-Identifier: MIT
 *
 * server.c - a server in the manner of gen_server: its messages and its end.
 *
 * A server is a handler actor. Its argument is one block that holds all there
 * is to it: the record, the state of the user's callbacks, and a copy of the
 * user's argument. The runtime releases it at the actor's death, after the
 * deferred functions, however the actor dies; so nothing leaks at a kill.
 *
 * A callback's verdict (cop_next) is followed in `follow`:
 *
 *     wait      nothing to do: the runtime calls `message` again
 *     idle      a timer sends IDLE with a number; any other message makes the
 *               number stale, so one that is on its way already means nothing
 *     continue  `resume`, in a loop, before anything else
 *     stop      terminate, then the reply if one is owed, then cop_exit
 *
 * What init said is followed within the handler's init, when the start has been
 * told of its success. The runtime owes no `terminate` then; so an exit of what
 * is called there is caught, and the server ends itself. Rejected: to follow it
 * at the first message, which would be gone if `resume` received another one.
 *
 * Suspended (sys.h) a server stays within `message` and receives selectively:
 * what may be taken is taken, all else remains in the mailbox, in its order.
 *
 * Terminate is called once, in one of two places: here, for what the server
 * was told (stop, EXIT of the parent); by the runtime, for cop_exit in a
 * callback. Not at all if an exit signal or a kill ends it.
 *
 * The parent is the actor that started it, if they were linked from the
 * beginning; else the server itself, as in OTP. The runtime, which sends
 * `shutdown` when it stops, counts as one always.
 *
 * Rejected: the user's state as the handler's state. Its size is the server's,
 * and a cop_handler would have to be made for each and to outlive it.
 */
#include "actors/server_inside.h"

#include "actors/server_stop.h"
#include "actors/sys.h"
#include "actors/sys_debug.h"

/* --------------------------------------------------------------- ending -- */

static void terminate_once(struct copi_server *s, cop_reason why)
{
    if (!s->is_up)
        return;
    s->is_up = false;
    if (s->def->terminate != NULL)
        s->def->terminate(s->state, why);
}

/* Takes the reason. */
static COP_NORETURN void end(struct copi_server *s, cop_reason why)
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

static void arm(struct copi_server *s, cop_time idle_ns)
{
    if (idle_ns == COP_FOREVER)
        return;
    s->idle_number++;
    s->idle_ns = idle_ns > 0 ? idle_ns : 0;
    if (cop_send_after(&s->idle_timer, s->idle_ns, cop_self(), COPI_SERVER_IDLE,
                       &s->idle_number, sizeof s->idle_number) != 0)
        end(s, cop_because("nomem"));
    s->is_idle = true;
}

static void disarm(struct copi_server *s)
{
    if (s->is_idle)
        (void)cop_cancel_timer(s->idle_timer);
    s->is_idle = false;
}

static cop_next resume(struct copi_server *s, uint64_t token)
{
    if (s->def->resume == NULL)
        return cop_next_wait();
    return s->def->resume(s->state, token);
}

static void follow(struct copi_server *s, cop_next n)
{
    while (n.what == COPI_NEXT_CONTINUE)
        n = resume(s, n.token);
    switch (n.what) {
    case COPI_NEXT_IDLE:
        arm(s, n.idle_ns);
        break;
    case COPI_NEXT_STOP:
        s->reply_to = n.reply_to;
        s->reply = n.reply;
        end(s, n.reason);
    case COPI_NEXT_IGNORE:
        end(s, cop_because_fmt("badarg", "cop_next_ignore: not in init"));
    default:
        break;
    }
}

/* ------------------------------------------------------------ suspended -- */

static bool is_exit_of_parent(const struct copi_server *s, const cop_msg *m)
{
    cop_pid from;

    if (cop_msg_tag(m) != COP_EXIT)
        return false;
    from = cop_msg_sender(m);
    return cop_pid_eq(from, COP_PID_INIT) || cop_pid_eq(from, s->parent);
}

/* Comes back if it was no request of ours. */
static void end_as_asked(struct copi_server *s, const cop_msg *m)
{
    cop_reason why;

    if (cop_msg_tag(m) != COPI_SERVER_STOP)
        end(s, cop_reason_retain(cop_msg_reason(m)));
    if (copi_server_stop_accept(m, &why))
        end(s, why);
}

/* What a suspended server takes. */
static const cop_msg *next_request(const struct copi_server *s)
{
    const cop_match these[] = {
        {.tag = COPI_SYS},
        {.tag = COPI_SERVER_STOP},
        {.tag = COP_EXIT, .from = COP_PID_INIT},
        {.tag = COP_EXIT, .from = s->parent},
    };
    const cop_msg *m;

    return cop_recv_match(&m, these, 4, COP_FOREVER) >= 0 ? m : NULL;
}

static void serve_system(struct copi_server *s, const cop_msg *m)
{
    bool was_idle = s->is_idle;

    disarm(s);
    copi_server_sys(s, m);
    while (s->is_suspended) {
        m = next_request(s);
        if (m != NULL && cop_msg_tag(m) == COPI_SYS)
            copi_server_sys(s, m);
        else if (m != NULL)
            end_as_asked(s, m);
    }
    if (was_idle)
        arm(s, s->idle_ns);
}

/* ------------------------------------------------------------- messages -- */

static cop_next unexpected(const char *what, const cop_msg *m)
{
    return cop_next_stop(cop_because_fmt("badarg", "unexpected %s with tag %u",
                                         what, (unsigned)cop_msg_tag(m)));
}

static cop_next dispatch(struct copi_server *s, const cop_msg *m)
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

static cop_next timeout(struct copi_server *s)
{
    return s->def->timeout != NULL ? s->def->timeout(s->state)
                                   : cop_next_wait();
}

/* A message, or (NULL) the end of the idle time, with someone looking on. */
static void take_watched(struct copi_server *s, const cop_msg *m)
{
    copi_debug_in(s->debug, m);
    follow(s, m != NULL ? dispatch(s, m) : timeout(s));
    copi_server_show_state(s);
}

/* The idle time is over, if the number is not a stale one. */
static void idle_over(struct copi_server *s, const cop_msg *m)
{
    if (!s->is_idle || *cop_msg_as(m, uint64_t) != s->idle_number)
        return;
    s->is_idle = false;
    if (s->debug != NULL)
        take_watched(s, NULL);
    else
        follow(s, timeout(s));
}

void copi_server_message(void *state, const cop_msg *m)
{
    struct copi_server *s = *(struct copi_server **)state;

    switch (cop_msg_tag(m)) {
    case COPI_SERVER_IDLE:
        idle_over(s, m);
        return;
    case COPI_SERVER_STOP:
        end_as_asked(s, m);
        return;
    case COPI_SYS:
        serve_system(s, m);
        return;
    default:
        disarm(s);
        if (is_exit_of_parent(s, m))
            end_as_asked(s, m);
        if (s->debug != NULL)
            take_watched(s, m);
        else
            follow(s, dispatch(s, m));
    }
}

void copi_server_terminate(void *state, cop_reason why)
{
    terminate_once(*(struct copi_server **)state, why);
}

/* ------------------------------------------------------------ beginning -- */

struct beginning {
    struct copi_server *s;
    cop_next first;
};

static void follow_first(void *arg)
{
    struct beginning *b = arg;

    follow(b->s, b->first);
}

void copi_server_come_up(struct copi_server *s, cop_next n)
{
    struct beginning b = {s, n};
    cop_reason why;

    s->is_up = true;
    if (cop_catch(follow_first, &b, &why) != 0)
        end(s, why);
}
