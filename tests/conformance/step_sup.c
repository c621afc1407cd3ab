/* SPDX-License-Identifier: MIT
 *
 * step_sup.c - the steps about supervisors, and how they are started.
 *
 * A supervisor runs no code of ours in which it could print "S start". The
 * first who knows that it has begun does it: a child, or the function that
 * starts one, which the supervisor runs. If there is none, it is who started
 * the supervisor.
 *
 * Children are specified as a program would: .server, .sup, .fn. Where that
 * would leave something unprinted, or in an order of its own, .start is used.
 * A supervisor below another is *plain*, .sup, if it has a child that can say
 * for it that it has begun, and if it cannot fail to start, which would have to
 * be printed, too. An actor is plain, .fn, if its init cannot fail nor take
 * time, and if its tree never starts anybody after it, since nobody waits until
 * it has begun.
 */
#include "tests/conformance/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHILDREN_MAX = 64, LIST_TEXT = 2048, DEPTH_MAX = 32 };

/* Those above it first. */
void sup_announce(const struct role *child, cop_pid sup)
{
    const struct sup_def *def = child->parent;
    cop_info info;

    if (def == NULL || world_entity_of(sup) != NULL)
        return;
    if (def->who->child != NULL && cop_info_get(sup, &info) == 0)
        sup_announce(&def->who->child->role, info.parent);
    (void)world_announce(def->who, sup);
}

/* ------------------------------------------------------------ describing -- */

static int start_sup_child(cop_pid *out, void *arg, cop_reason *why);

static bool is_last_of_tree(const struct child_def *d)
{
    return d == NULL || (d->next == NULL && d->role.parent != NULL &&
                         is_last_of_tree(d->role.parent->who->child));
}

static bool is_plain_actor(const struct child_def *d)
{
    const struct options *o = &d->role.opts;

    return o->init == NULL && o->initslow == 0 && d->is_fixed &&
           d->role.parent->strategy != COP_SIMPLE_ONE_FOR_ONE &&
           is_last_of_tree(d);
}

/* Whether its start can fail, by what it is described as. */
static bool may_fail(const struct child_def *d)
{
    const struct options *o = &d->role.opts;

    return o->init != NULL || o->initslow > 0 || o->reg != NULL;
}

static bool is_plain_sup(const struct sup_def *d, int depth)
{
    int kids = 0;

    if (d == NULL || d->strategy == COP_SIMPLE_ONE_FOR_ONE || depth == 0)
        return false;
    for (const struct child_def *c = d->children; c != NULL; c = c->next) {
        if (c->role.opts.later)
            continue;
        if (may_fail(c) ||
            (c->kind == KIND_SUP && !is_plain_sup(c->role.who->sup, depth - 1)))
            return false;
        kids++;
    }
    return kids > 0;
}

static cop_time shutdown_of(const char *word)
{
    if (word == NULL)
        return 0;
    if (strcmp(word, "brutal") == 0)
        return COP_BRUTAL_KILL;
    return duration_of(word);
}

static cop_child child_spec(struct child_def *d);

/* It, and all that it points at, lives until scenario_free. */
static const cop_sup *sup_spec(const struct sup_def *d)
{
    cop_child *children = scenario_alloc(CHILDREN_MAX * sizeof *children);
    cop_sup *sup = scenario_alloc(sizeof *sup);

    *sup = (cop_sup){.strategy = d->strategy,
                     .intensity =
                         d->intensity > 0 ? d->intensity : COP_INTENSITY_ZERO,
                     .period_ns = d->period_ns,
                     .auto_shutdown = d->auto_shutdown,
                     .children = children};
    for (struct child_def *c = d->children; c != NULL; c = c->next)
        if (!c->role.opts.later && sup->nchildren < CHILDREN_MAX)
            children[sup->nchildren++] = child_spec(c);
    return sup;
}

static void describe_actor(cop_child *c, const struct child_def *d)
{
    if (is_plain_actor(d)) {
        c->fn = actor_child;
        c->opts.trap_exit = d->role.opts.trap;
        c->opts.label = c->id;
    } else {
        c->start = actor_start_child;
    }
}

static void describe_sup(cop_child *c, const struct child_def *d)
{
    const cop_sup *sup = NULL;

    if (is_plain_sup(d->role.who->sup, DEPTH_MAX))
        sup = sup_spec(d->role.who->sup);
    if (sup != NULL && cop_sup_check(sup, NULL, 0) == 0) {
        c->sup = sup;
        c->opts.name = d->role.opts.reg;
        c->opts.label = c->id;
    } else {
        c->start = start_sup_child;
        c->is_supervisor = true;
    }
}

static cop_child child_spec(struct child_def *d)
{
    const struct options *o = &d->role.opts;
    cop_child c = {.id = d->role.who->name,
                   .arg = &d->role,
                   .restart = o->restart,
                   .shutdown_ns = shutdown_of(o->shutdown),
                   .significant = o->significant};

    switch (d->kind) {
    case KIND_ACTOR:
        describe_actor(&c, d);
        break;
    case KIND_SERVER:
        c.server = &scripted_server;
        c.opts.name = o->reg;
        c.opts.label = c.id;
        break;
    case KIND_SUP:
        describe_sup(&c, d);
        break;
    }
    return c;
}

/* -------------------------------------------------------------- starting -- */

/* Prints what came of a start, as far as nobody else does. */
static void report_start(struct entity *who, cop_pid pid, int rc,
                         cop_reason why, bool was_announced)
{
    char text[REASON_TEXT];

    if (rc != 0 && rc != COP_EDOWN && rc != COP_ESPEC)
        return; /* it never ran */
    if (!cop_pid_is_none(pid))
        (void)world_announce(who, pid);
    else if (!was_announced)
        world_log(who->name, "start");
    if (rc == 0)
        return;
    world_start_failed(world_pid(who->name));
    world_log(who->name, "start fail %s", reason_text(why, text));
}

static int start_sup(cop_pid *out, const struct sup_def *d, const char *reg,
                     cop_reason *why)
{
    const cop_opts opts = {.name = reg, .label = d->who->name};
    cop_pid before = world_pid(d->who->name);
    int rc;

    *out = COP_NO_PID;
    *why = COP_NORMAL;
    rc = cop_sup_start(out, sup_spec(d), &opts, why);
    report_start(d->who, *out, rc, *why,
                 !cop_pid_eq(before, world_pid(d->who->name)));
    return rc;
}

static int start_sup_child(cop_pid *out, void *arg, cop_reason *why)
{
    const struct role *role = arg;

    sup_announce(role, cop_self());
    return start_sup(out, role->who->sup, role->opts.reg, why);
}

void step_start_sup(const char *me, const struct step *s)
{
    const struct options o = options_of(s, 3);
    cop_reason why;
    char text[REASON_TEXT];
    cop_pid pid;
    int rc = start_sup(&pid, world_entity(s->word[2])->sup, o.reg, &why);

    if (rc == 0)
        world_log(me, "start_sup %s -> ok", s->word[2]);
    else if (rc == COP_ESTARTED)
        world_log(me, "start_sup %s -> error already_started", s->word[2]);
    else if (rc == COP_EDOWN || rc == COP_ESPEC)
        world_log(me, "start_sup %s -> error %s", s->word[2],
                  reason_text(why, text));
    else
        world_log(me, "start_sup %s -> error %s", s->word[2],
                  cop_error_name(rc));
    cop_reason_release(why);
}

/* -------------------------------------------------------------- requests -- */

static const char *error_word(int rc)
{
    switch (rc) {
    case COP_ESTARTED:
        return "already_started";
    case COP_EPRESENT:
        return "already_present";
    case COP_ERUNNING:
        return "running";
    case COP_ERESTARTING:
        return "restarting";
    case COP_ENOENT:
        return "not_found";
    case COP_ESIMPLE:
        return "simple_one_for_one";
    case COP_ESPEC:
        return "bad_combination";
    default:
        return cop_error_name(rc);
    }
}

/* A request ended with `rc`. */
static void report(const char *me, const struct step *s, const char *what,
                   int rc, cop_pid child, cop_reason why)
{
    char text[REASON_TEXT];
    const char *op = s->word[0];

    if (rc == 0 && cop_pid_is_none(child))
        world_log(me, "%s %s -> ok", op, what);
    else if (rc == 0)
        world_log(me, "%s %s -> ok %s", op, what, world_name(child));
    else if (rc == COP_EIGNORE)
        world_log(me, "%s %s -> ok undefined", op, what);
    else if (rc == COP_ENOPROC)
        world_log(me, "%s %s -> exit noproc", op, what);
    else if (rc == COP_EDOWN)
        world_log(me, "%s %s -> exit %s", op, what,
                  reason_text(cop_call_reason(), text));
    else if (rc == COP_EFAILED)
        world_log(me, "%s %s -> error %s", op, what, reason_text(why, text));
    else
        world_log(me, "%s %s -> error %s", op, what, error_word(rc));
    cop_reason_release(why);
}

/* The supervisor that runs as `sup`; NULL: none does. */
static const struct sup_def *sup_of(cop_pid sup)
{
    const struct entity *e = world_entity_of(sup);

    return e != NULL ? e->sup : NULL;
}

/* A name without a defchild is an instance of a template. */
static cop_child instance_spec(struct entity *who, const struct sup_def *sup)
{
    struct child_def *template = sup != NULL ? sup->children : NULL;
    struct role *role;
    cop_child c;

    if (template == NULL)
        return (cop_child){.id = who->name, .server = &scripted_server};
    c = child_spec(template);
    role = scenario_alloc(sizeof *role);
    *role = template->role;
    role->who = who;
    role->counted = sup->who;
    c.id = NULL;
    c.arg = role;
    return c;
}

void step_start_child(const char *me, const struct step *s)
{
    cop_pid sup = target_pid(s->word[2]);
    struct entity *who = world_entity(s->word[3]);
    cop_child c = who->child != NULL ? child_spec(who->child)
                                     : instance_spec(who, sup_of(sup));
    cop_pid pid = COP_NO_PID;
    cop_reason why = COP_NORMAL;
    int rc = COP_ENOPROC;

    if (!cop_pid_is_none(sup))
        rc = cop_sup_start_child(sup, &pid, &c, &why);
    if (rc == 0)
        (void)world_announce(who, pid);
    report(me, s, s->word[3], rc, pid, why);
}

void step_terminate_child(const char *me, const struct step *s)
{
    cop_pid sup = target_pid(s->word[2]);
    const struct entity *who = world_entity(s->word[3]);
    int rc = COP_ENOPROC;

    if (!cop_pid_is_none(sup))
        rc = who == NULL || who->child != NULL || cop_pid_is_none(who->pid)
                 ? cop_sup_terminate_child(sup, s->word[3])
                 : cop_sup_terminate_pid(sup, world_pid(s->word[3]));
    report(me, s, s->word[3], rc, COP_NO_PID, COP_NORMAL);
}

void step_restart_child(const char *me, const struct step *s)
{
    cop_pid sup = target_pid(s->word[2]);
    cop_pid pid = COP_NO_PID;
    cop_reason why = COP_NORMAL;
    int rc = COP_ENOPROC;

    if (!cop_pid_is_none(sup))
        rc = cop_sup_restart_child(sup, &pid, s->word[3], &why);
    if (rc == 0)
        (void)world_announce(world_entity(s->word[3]), pid);
    report(me, s, s->word[3], rc, pid, why);
}

void step_delete_child(const char *me, const struct step *s)
{
    cop_pid sup = target_pid(s->word[2]);
    int rc = COP_ENOPROC;

    if (!cop_pid_is_none(sup))
        rc = cop_sup_delete_child(sup, s->word[3]);
    report(me, s, s->word[3], rc, COP_NO_PID, COP_NORMAL);
}

/* --------------------------------------------------------------- looking -- */

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void list_children(const char *me, const struct step *s, bool is_simple,
                          const cop_child_info *info, int n)
{
    static const char *const states[] = {[COP_CHILD_UNDEFINED] = "undefined",
                                         [COP_CHILD_RESTARTING] = "restarting",
                                         [COP_CHILD_UP] = "up"};
    char rows[CHILDREN_MAX][REASON_TEXT];
    char line[LIST_TEXT] = "";
    size_t used = 0;

    for (int i = 0; i < n; i++) {
        const char *name = info[i].id;
        if (is_simple)
            name =
                info[i].state == COP_CHILD_UP ? world_name(info[i].pid) : "?";
        snprintf(rows[i], sizeof rows[i], "%.63s=%s", name,
                 states[info[i].state]);
    }
    qsort(rows, (size_t)n, sizeof rows[0], by_text);
    for (int i = 0; i < n && used < sizeof line; i++)
        used +=
            (size_t)snprintf(line + used, sizeof line - used, " %s", rows[i]);
    world_log(me, "which_children %s ->%s", s->word[2], n > 0 ? line : " -");
}

void step_which_children(const char *me, const struct step *s)
{
    cop_pid pid = target_pid(s->word[2]);
    const struct sup_def *sup = sup_of(pid);
    cop_child_info info[CHILDREN_MAX];
    int n = COP_ENOPROC;

    if (!cop_pid_is_none(pid))
        n = cop_sup_which_children(pid, info, CHILDREN_MAX);
    if (n < 0)
        report(me, s, s->word[2], n, COP_NO_PID, COP_NORMAL);
    else
        list_children(me, s,
                      sup != NULL && sup->strategy == COP_SIMPLE_ONE_FOR_ONE,
                      info, n < CHILDREN_MAX ? n : CHILDREN_MAX);
}

void step_count_children(const char *me, const struct step *s)
{
    cop_pid sup = target_pid(s->word[2]);
    cop_child_counts n;
    int rc = COP_ENOPROC;

    if (!cop_pid_is_none(sup))
        rc = cop_sup_count_children(sup, &n);
    if (rc != 0)
        report(me, s, s->word[2], rc, COP_NO_PID, COP_NORMAL);
    else
        world_log(me,
                  "count_children %s -> specs=%zu active=%zu supervisors=%zu "
                  "workers=%zu",
                  s->word[2], n.specs, n.active, n.supervisors, n.workers);
}
