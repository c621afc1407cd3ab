/* SPDX-License-Identifier: MIT
 *
 * application_master.c - the actor behind one running application. It starts
 * the root supervisor, runs the application's callbacks, and ends with the
 * root:
 *
 *     start       start or sup; phases; the controller hears how it went
 *     serve       until the root ends, or the controller says `shutdown`
 *     wind down   prep_stop; the tree, if it is still there; stop; then whoever
 *                 descends from the master and still lives is killed
 *
 * It is linked to its controller, and ends with what the root ended with; that
 * is how the controller knows. So the controller is never held up by a
 * callback, and a callback may ask it anything. A controller that dies takes
 * its masters along, in the same orderly way.
 *
 * A start that failed is undone before the master ends, so whoever waits for
 * the start finds nothing left. Its callbacks prep_stop and stop are not called
 * then, as in OTP.
 *
 * Who descends is looked up twice, before the tree goes and after, as an actor
 * whose spawner is dead can no longer be assigned to anybody. The actors are
 * killed without being asked, as OTP kills what has the application's group
 * leader; there the mark is inherited, so none is overlooked.
 *
 * Rejected: a second actor for the callbacks, as in OTP, where the master has
 * to stay free to serve as group leader. This one has nothing else to do.
 */
#include "actors/application.h"

#include <coppice/inspect.h>
#include <coppice/memory.h>
#include <coppice/proc.h>

#include "actors/answer.h"

#include <stdlib.h>

#define MASTER_STACK ((size_t)256 << 10) /* callbacks run on it */
#define CHAIN_MAX 256

/* Actors that descend from the master, in a block from malloc. */
struct family {
    cop_pid *pids;
    size_t count;
};

/* Lies in the argument, so that nothing leaks if the master is killed. */
struct master {
    const cop_app *app;
    cop_app_type type;
    cop_pid controller;
    cop_pid root;   /* COP_NO_PID: there is none, or it has ended */
    cop_reason why; /* it ends with this, or failed to start; owned */
    struct family before, after;
};

/* ------------------------------------------------------------ callbacks -- */

/* A callback that starts something, and what came of it. */
struct attempt {
    struct master *m;
    const char *phase;
    int code;
    cop_reason why;
};

static void call_start(void *arg)
{
    struct attempt *a = arg;
    struct master *m = a->m;

    if (m->app->sup != NULL)
        a->code = cop_sup_start(&m->root, m->app->sup, NULL, &a->why);
    else
        a->code = m->app->start(&m->root, m->type, m->app->arg, &a->why);
}

static void call_phase(void *arg)
{
    struct attempt *a = arg;
    struct master *m = a->m;

    a->code = m->app->start_phase(a->phase, m->type, m->app->arg, &a->why);
}

static void call_prep_stop(void *arg)
{
    struct master *m = arg;

    m->app->prep_stop(m->app->arg);
}

static void call_stop(void *arg)
{
    struct master *m = arg;

    m->app->stop(m->app->arg);
}

/* What a callback's result comes to. Takes a->why. */
static int judge(const struct attempt *a, cop_reason *why)
{
    if (a->code < 0 && a->code != COP_EIGNORE) {
        *why = a->why;
        if (cop_reason_eq(a->why, COP_NORMAL))
            *why = cop_because_fmt("failed", "%s", cop_error_str(a->code));
        return COP_EFAILED;
    }
    cop_reason_release(a->why);
    if (a->code == 0)
        return 0;
    *why = cop_because_fmt("bad_return", "%s returned %d",
                           a->phase != NULL ? a->phase : "start", a->code);
    return COP_EFAILED;
}

/* 0, or COP_EFAILED and *why. */
static int try(struct attempt *a, void (*callback)(void *), cop_reason *why)
{
    char text[COP_REASON_TEXT];
    cop_reason caught;

    if (cop_catch(callback, a, &caught) == 0)
        return judge(a, why);
    *why = cop_because_fmt("bad_return", "%s exited: %s",
                           a->phase != NULL ? a->phase : "start",
                           cop_reason_str(caught, text, sizeof text));
    cop_reason_release(caught);
    return COP_EFAILED;
}

/* One that cannot fail; an exit is only reported. */
static void call(const struct master *m, const char *what,
                 void (*callback)(void *), void *arg)
{
    char text[COP_REASON_TEXT];
    cop_reason caught;

    if (cop_catch(callback, arg, &caught) == 0)
        return;
    cop_log("application %s: %s exited: %s", m->app->name, what,
            cop_reason_str(caught, text, sizeof text));
    cop_reason_release(caught);
}

/* --------------------------------------------------------------- leaving -- */

static bool is_mine(cop_pid pid)
{
    cop_pid chain[CHAIN_MAX];
    int n = cop_ancestors(pid, chain, CHAIN_MAX);

    for (int i = 0; i < n; i++)
        if (cop_pid_eq(chain[i], cop_self()))
            return true;
    return false;
}

/* What was last found out about a parent: its children come in crowds. */
struct memo {
    cop_pid parent;
    bool is_mine;
};

static bool descends(cop_pid pid, struct memo *last)
{
    cop_info info;

    if (cop_info_get(pid, &info) != 0)
        return false;
    if (!cop_pid_eq(info.parent, last->parent))
        *last =
            (struct memo){info.parent, cop_pid_eq(info.parent, cop_self()) ||
                                           is_mine(info.parent)};
    return last->is_mine;
}

static void find_family(struct family *f)
{
    size_t cap = cop_actors(NULL, 0) + 64;
    struct memo last = {COP_NO_PID, false};
    size_t n;

    while ((f->pids = cop_common_malloc(cap * sizeof *f->pids)) == NULL)
        cop_sleep(COP_MS);
    n = cop_actors(f->pids, cap);
    for (size_t i = 0; i < n && i < cap; i++)
        if (descends(f->pids[i], &last))
            f->pids[f->count++] = f->pids[i];
}

static void signal_surely(cop_pid pid, cop_reason reason)
{
    while (cop_exit_signal(pid, reason) == COP_ENOMEM)
        cop_sleep(COP_MS);
}

/* Ends an actor and waits until it is gone. */
static void end_surely(cop_pid pid, cop_reason reason)
{
    cop_ref ref;

    while (cop_monitor(&ref, pid) == COP_ENOMEM)
        cop_sleep(COP_MS);
    signal_surely(pid, reason);
    (void)copi_answer_skip((cop_match){.ref = ref}, COP_FOREVER);
}

static void end_family(const struct family *f)
{
    for (size_t i = 0; i < f->count; i++)
        if (cop_is_alive(f->pids[i]))
            end_surely(f->pids[i], COP_KILL);
}

static void end_root(struct master *m)
{
    if (!cop_pid_is_none(m->root))
        end_surely(m->root, COP_SHUTDOWN);
    m->root = COP_NO_PID;
}

/* The tree and all others; the callback `stop` between. */
static void clear(struct master *m, void (*stop)(void *))
{
    find_family(&m->before);
    end_root(m);
    if (stop != NULL)
        call(m, "stop", stop, m);
    end_family(&m->before);
    find_family(&m->after);
    end_family(&m->after);
}

static void wind_down(struct master *m)
{
    if (m->app->prep_stop != NULL)
        call(m, "prep_stop", call_prep_stop, m);
    clear(m, m->app->stop != NULL ? call_stop : NULL);
}

/* -------------------------------------------------------------- starting -- */

static int start_root(struct master *m, cop_reason *why)
{
    struct attempt a = {.m = m};
    int err;

    if (m->app->sup == NULL && m->app->start == NULL)
        return 0;
    err = try(&a, call_start, why);
    if (err == 0 && cop_pid_is_none(m->root)) {
        *why = cop_because_fmt("bad_return", "start gave no pid");
        return COP_EFAILED;
    }
    if (err != 0) {
        if (!is_mine(m->root))
            m->root = COP_NO_PID; /* it may be who has the name */
        return err;
    }
    while (cop_link(m->root) == COP_ENOMEM)
        cop_sleep(COP_MS);
    return 0;
}

static int start_phases(struct master *m, cop_reason *why)
{
    int err = 0;

    for (size_t i = 0; i < m->app->nphases && err == 0; i++) {
        struct attempt a = {.m = m, .phase = m->app->phases[i]};
        err = try(&a, call_phase, why);
    }
    return err;
}

static void release_answer(void *body, size_t size)
{
    struct copi_answer *a = body;

    (void)size;
    cop_reason_release(a->why);
    free(a);
}

/* Takes `why`. */
static void tell(const struct master *m, int code, cop_reason why)
{
    struct copi_answer *a;
    cop_msg *msg;

    while ((a = cop_common_malloc(sizeof *a)) == NULL)
        cop_sleep(COP_MS);
    *a = (struct copi_answer){code, m->root, why};
    while (cop_msg_new_moved(&msg, COPI_APP_UP, a, sizeof *a, release_answer) !=
           0)
        cop_sleep(COP_MS);
    (void)cop_send_msg(m->controller, msg);
}

/* --------------------------------------------------------------- serving -- */

/* A change that is under way. */
struct change {
    const cop_app *app;
    const struct copi_env_diff *diff;
};

static void call_change(void *arg)
{
    const struct change *c = arg;

    c->app->config_change(c->app->arg, c->diff->changed, c->diff->added,
                          c->diff->removed);
}

static void free_msg(void *msg)
{
    cop_msg_free(msg);
}

/* The callback may receive, so the message is kept for it. */
static void config_changed(const struct master *m, const cop_msg *msg)
{
    cop_msg *own = cop_keep(msg);
    struct change c = {m->app, cop_msg_body(own)};

    while (cop_defer(free_msg, own) == COP_ENOMEM)
        cop_sleep(COP_MS);
    if (m->app->config_change != NULL)
        call(m, "config_change", call_change, &c);
    (void)cop_undefer(free_msg, own);
    cop_msg_free(own);
}

/* An EXIT: does the master end with it? */
static bool is_end(struct master *m, const cop_msg *msg)
{
    cop_pid from = cop_msg_sender(msg);

    if (!cop_pid_is_none(m->root) && cop_pid_eq(from, m->root))
        m->root = COP_NO_PID;
    else if (!cop_pid_eq(from, m->controller) &&
             !cop_pid_eq(from, COP_PID_INIT))
        return false;
    m->why = cop_reason_retain(cop_msg_reason(msg));
    return true;
}

static void serve(struct master *m)
{
    const cop_msg *msg;

    while (cop_recv(&msg, COP_FOREVER) == 0) {
        if (cop_msg_tag(msg) == COPI_APP_CHANGED)
            config_changed(m, msg);
        else if (cop_msg_tag(msg) == COP_EXIT && is_end(m, msg))
            return;
    }
}

/* Gives away what the master has noted. */
static cop_reason take_why(struct master *m)
{
    cop_reason why = m->why;

    m->why = COP_NORMAL;
    return why;
}

static void master_main(void *arg)
{
    struct master *m = arg;
    int err;

    m->controller = cop_parent();
    err = start_root(m, &m->why);
    if (err == 0)
        err = start_phases(m, &m->why);
    if (err != 0) {
        clear(m, NULL);
        tell(m, err, take_why(m));
        cop_exit(COP_SHUTDOWN);
    }
    tell(m, 0, COP_NORMAL);
    serve(m);
    wind_down(m);
    cop_exit(take_why(m));
}

static void master_free(void *block)
{
    struct master *m = block;

    cop_reason_release(m->why);
    free(m->before.pids);
    free(m->after.pids);
    free(m);
}

int copi_master_start(cop_pid *out, const cop_app *def, cop_app_type type)
{
    struct master *m = cop_common_calloc(1, sizeof *m);
    const cop_opts opts = {.link = true,
                           .trap_exit = true,
                           .arg_release = master_free,
                           .stack_bytes = MASTER_STACK,
                           .label = "application"};
    int err;

    if (m == NULL)
        return COP_ENOMEM;
    m->app = def;
    m->type = type;
    err = cop_spawn(out, master_main, m, &opts);
    if (err != 0)
        master_free(m);
    return err;
}
