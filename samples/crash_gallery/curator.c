/* SPDX-License-Identifier: MIT
 *
 * curator.c - the tree, and the first actor, which shows one exhibit after the
 * other:
 *
 *  1. It has the supervisor `stage` start the exhibit, which says that it is
 *     there (HERE), and waits.
 *  2. It monitors the exhibit and links itself to it; it traps exits, so the
 *     exit signal will be a message. It subscribes to crash reports as well,
 *     for the backtraces of those that die of a limit or by misuse of a call:
 *     only faults have one in their reason.
 *  3. It tells it to die, or strikes it.
 *  4. It notes what is told to it, what the supervisor was told (the log that
 *     every behaviour keeps if it is asked to, sys.h, shows the EXIT that came
 *     in) and whether another one is on the stage: that says HERE in its turn.
 *
 * Exhibits are transient: who ends in good order is not restarted.
 *
 * An exhibit that lives on is noticed at a deadline, and so is a witness that
 * is told nothing.
 */
#include "gallery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A patience for busy machines: nothing here takes a tenth of it. */
enum { PATIENCE_S = 5, LOG_LINES = 20 };

static const cop_sup stage = {
    .strategy = COP_ONE_FOR_ONE, .intensity = 1000, .period_ns = COP_SEC};
static const cop_child parts[] = {
    {.id = "bystanders",
     .sup = &bystanders_sup,
     .opts = {.name = "bystanders"}},
    {.id = "stage", .sup = &stage, .opts = {.name = "stage"}},
};
static const cop_sup root = {
    .strategy = COP_ONE_FOR_ONE,
    .children = parts,
    .nchildren = sizeof parts / sizeof *parts,
};

static cop_time patience(void)
{
    return cop_in(PATIENCE_S * COP_SEC);
}

static void must(int code)
{
    if (code < 0)
        cop_exit(cop_because(cop_error_name(code)));
}

/* ----------------------------------------------------------------- exhibit */

/* On the stage: says so, and waits to be told. */
static void stand(void *arg)
{
    const struct exhibit *e = arg;
    const cop_msg *m;

    must(cop_send_name("curator", TAG_HERE, NULL, 0));
    must(cop_recv_tag(&m, TAG_DIE, COP_FOREVER));
    e->die();
}

static cop_pid put_on_stage(const struct exhibit *e)
{
    cop_child child = {.id = e->name,
                       .fn = stand,
                       .arg = (void *)e,
                       .opts = e->opts,
                       .restart = COP_TRANSIENT};
    const cop_msg *m;
    cop_pid pid;

    child.opts.name = e->name;
    must(cop_sup_start_child(cop_whereis("stage"), &pid, &child, NULL));
    must(cop_recv_match(&m, (cop_match[]){{.tag = TAG_HERE, .from = pid}}, 1,
                        patience()));
    return pid;
}

static void clear_stage(const struct exhibit *e)
{
    must(cop_sup_terminate_child(cop_whereis("stage"), e->name));
    must(cop_sup_delete_child(cop_whereis("stage"), e->name));
}

/* --------------------------------------------------------------- witnesses */

struct place { /* what a helper thread finds out */
    const cop_fault *fault;
    bool is_return;
    char *text;
    size_t size;
};

/* The innermost frame whose source is here, and what that had called; if no
 * sources are known, the innermost frame of all. */
static void find_place(void *arg)
{
    struct place *p = arg;
    char top[COP_SYMBOL_TEXT] = "", symbol[COP_SYMBOL_TEXT];

    for (unsigned i = 0; i < p->fault->depth; i++) {
        cop_symbol_str(p->fault->frames[i], i > 0 || p->is_return, symbol,
                       sizeof symbol);
        if (i == 0)
            snprintf(top, sizeof top, "%s", symbol);
        if (strstr(symbol, "crash_gallery/") == NULL)
            continue;
        if (i == 0)
            break;
        snprintf(p->text, p->size, "%s (in %.*s)", symbol,
                 (int)strcspn(top, " "), top);
        return;
    }
    snprintf(p->text, p->size, "%s", top);
}

/* Where it crashed, from its report, which came before its death was told.
 * Who was struck by a signal is at the instruction itself; who called abort or
 * the like, or went beyond a limit, is in that call and will return to the
 * address. Lines are looked up in files: not on a worker's time. */
static void note_place(struct showing *s, cop_pid pid)
{
    const cop_msg *m;
    const cop_crash *c;
    struct place p = {.text = s->where, .size = sizeof s->where};

    if (cop_recv_match(&m,
                       (cop_match[]){{.tag = COP_CRASH_REPORT, .from = pid}}, 1,
                       COP_POLL) < 0)
        return;
    c = cop_msg_as(m, cop_crash);
    p.fault = &c->fault;
    p.is_return = c->fault.signal == 0 && strcmp(c->fault.what, "runaway") != 0;
    must(cop_blocking(find_place, &p));
}

/* The newest EXIT in its log that tells of `pid`. */
static bool find_exit(cop_pid pid, char *out, size_t size)
{
    static char log[LOG_LINES * COP_SYS_LINE]; /* the curator's alone */
    char begin[COP_PID_TEXT + 20], text[COP_PID_TEXT];
    const char *line;

    must(cop_sys_get_log(cop_whereis("stage"), log, sizeof log, patience()));
    snprintf(begin, sizeof begin,
             "got EXIT of %s: ", cop_pid_str(pid, text, sizeof text));
    line = strstr(log, begin);
    if (line == NULL)
        return false;
    line += strlen(begin);
    snprintf(out, size, "%.*s", (int)strcspn(line, "\n"), line);
    return true;
}

/* Who is restarted says that it is there; of who is not, the supervisor says
 * that it has no process. */
static void note_supervisor(struct showing *s, cop_pid pid)
{
    cop_time deadline = patience();
    cop_child_info info;
    const cop_msg *m;

    while (!find_exit(pid, s->supervisor, sizeof s->supervisor)) {
        if (cop_now() > deadline)
            return;
        cop_sleep(COP_MS);
    }
    must(cop_sup_which_children(cop_whereis("stage"), &info, 1));
    s->restarted = info.restarts == 1 &&
                   cop_recv_tag(&m, TAG_HERE, deadline) == 0 &&
                   cop_pid_eq(cop_msg_sender(m), info.pid);
}

static void note_reason(char *out, const cop_match *match)
{
    const cop_msg *m;

    if (cop_recv_match(&m, match, 1, patience()) == 0)
        cop_reason_str(cop_msg_reason(m), out, COP_REASON_TEXT);
}

/* ----------------------------------------------------------------- showing */

static void show(struct showing *s, bool is_spared)
{
    const struct exhibit *e = s->exhibit;
    cop_pid pid = put_on_stage(e);
    cop_ref ref;

    must(cop_sys_log(cop_whereis("stage"), 0, patience()));
    must(cop_sys_log(cop_whereis("stage"), LOG_LINES, patience()));
    must(cop_monitor(&ref, pid));
    must(cop_link(pid));
    if (!is_spared && e->strike != NULL)
        e->strike(pid);
    else if (!is_spared)
        must(cop_send(pid, TAG_DIE, NULL, 0));
    note_reason(s->monitor, &(cop_match){.tag = COP_DOWN, .ref = ref});
    s->died = s->monitor[0] != '\0';
    if (s->died) {
        note_reason(s->link, &(cop_match){.tag = COP_EXIT, .from = pid});
        note_place(s, pid);
        note_supervisor(s, pid);
    } else {
        must(cop_unlink(pid));
        cop_demonitor(ref, true);
    }
    clear_stage(e);
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* The order of the table, or a shuffled one. */
static void arrange(const struct exhibit **order, struct outcome *o)
{
    uint64_t random = o->tour->seed;

    o->signature = 0xcbf29ce484222325u;
    for (size_t i = 0; i < nexhibits; i++)
        order[i] = &exhibits[i];
    for (size_t i = nexhibits; o->tour->seed != 0 && i > 1; i--) {
        size_t k = next_random(&random) % i;
        const struct exhibit *e = order[k];

        order[k] = order[i - 1];
        order[i - 1] = e;
    }
    for (size_t i = 0; i < nexhibits; i++)
        o->signature = (o->signature ^ (uint64_t)(order[i] - exhibits + 1)) *
                       0x100000001b3u;
}

static void show_all(struct outcome *o)
{
    const struct exhibit **order = cop_alloc(nexhibits * sizeof *order);
    const struct tour *t = o->tour;

    if (order == NULL)
        cop_exit(cop_because("nomem"));
    arrange(order, o);
    for (size_t i = 0; i < nexhibits; i++) {
        const struct exhibit *e = order[i];
        struct showing s = {.exhibit = e, .expected = e->reason};
        const char *missing = exhibit_missing(e);
        bool as_told;

        if (t->only != NULL && strcmp(t->only, e->name) != 0)
            continue;
        if (missing != NULL) {
            o->missing++;
            if (!t->quiet)
                catalogue_missing(e, missing);
            continue;
        }
        if (t->sabotage == SABOTAGE_REASON && o->shown == 0)
            s.expected = "{bored, \"to death\"}";
        show(&s, t->sabotage == SABOTAGE_ALIVE && o->shown == 0);
        as_told = catalogue_judge(&s);
        o->shown++;
        o->as_told += as_told;
        if (!t->quiet)
            catalogue_show(&s, as_told);
    }
}

static void start_tree(cop_pid *top)
{
    must(cop_register("curator", cop_self()));
    cop_trap_exit(true);
    cop_crash_reports_to(cop_self());
    must(cop_sup_start(top, &root, &(cop_opts){.name = "root", .link = true},
                       NULL));
}

void curator_run(void *arg)
{
    struct outcome *o = arg;
    cop_pid top;

    start_tree(&top);
    must(bystanders_begin(o->tour->sabotage == SABOTAGE_COIN));
    show_all(o);
    must(bystanders_end(&o->bystanders));
    o->finished = true;
    must(cop_server_stop(top, COP_SHUTDOWN, cop_in(30 * COP_SEC), NULL));
}
