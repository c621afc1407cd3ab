/* SPDX-License-Identifier: MIT
 *
 * step.c - the steps of actors: each is one call of the public interface, and
 * a line that says what came of it.
 */
#include "tests/conformance/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- common -- */

static bool is_registered_name(const char *target)
{
    return target[0] == '@';
}

cop_pid target_pid(const char *target)
{
    return is_registered_name(target) ? cop_whereis(target + 1)
                                      : world_pid(target);
}

static int64_t number_in(const char *word)
{
    return atoll(word);
}

void log_message(const char *me, const char *verb, const cop_msg *m)
{
    const char *tag = tag_text(cop_msg_tag(m));
    const char *from = world_name(cop_msg_sender(m));
    char reason[REASON_TEXT];
    const char *at = "";

    if (cop_msg_tag(m) == COP_EXIT) {
        world_log(me, "%s EXIT %s from %s", verb,
                  reason_text(cop_msg_reason(m), reason), from);
    } else if (cop_msg_tag(m) == COP_DOWN) {
        if (cop_msg_name(m)[0] != '\0') {
            at = "@";
            from = cop_msg_name(m);
        }
        world_log(me, "%s DOWN %s %s from %s%s", verb,
                  world_monitor_name(cop_msg_ref(m)),
                  reason_text(cop_msg_reason(m), reason), at, from);
    } else if (tag != NULL && cop_msg_how(m) == COP_MSG_PLAIN) {
        world_log(me, "%s %s %lld from %s", verb, tag,
                  (long long)cop_msg_as(m, struct number)->n, from);
    } else {
        world_log(me, "%s other", verb);
    }
}

static void must(int rc, const char *what)
{
    if (rc < 0 && world_has_ended())
        cop_exit(COP_SHUTDOWN);
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", what, cop_error_str(rc));
        abort();
    }
}

/* ------------------------------------------------- life, links, monitors -- */

static void do_spawn(const char *me, const struct step *s)
{
    struct role *role = scenario_alloc(sizeof *role);
    cop_opts opts = {0};
    union handle h;
    cop_pid pid;

    (void)me;
    role->who = role->counted = world_entity(s->word[2]);
    role->opts = options_of(s, 3);
    opts.link = role->opts.link;
    if (role->opts.monitor != NULL)
        opts.monitor = &h.monitor;
    must(actor_spawn(&pid, role, opts), "spawn");
    world_bind(role->who, pid);
    if (role->opts.monitor != NULL)
        world_set(THING_MONITOR, role->opts.monitor, h);
}

static void do_exit(const char *me, const struct step *s)
{
    (void)me;
    cop_exit(reason_of(s->word[2]));
}

static void do_signal(const char *me, const struct step *s)
{
    (void)me;
    must(cop_exit_signal(world_pid(s->word[2]), reason_of(s->word[3])),
         "signal");
}

static void do_trap(const char *me, const struct step *s)
{
    bool old = cop_trap_exit(strcmp(s->word[2], "on") == 0);

    world_log(me, "trap -> %s", old ? "on" : "off");
}

static void do_link(const char *me, const struct step *s)
{
    (void)me;
    must(cop_link(world_pid(s->word[2])), "link");
}

static void do_unlink(const char *me, const struct step *s)
{
    (void)me;
    must(cop_unlink(world_pid(s->word[2])), "unlink");
}

static int alias_mode(const char *word)
{
    if (strcmp(word, "alias=explicit") == 0)
        return COP_ALIAS_EXPLICIT;
    if (strcmp(word, "alias=demonitor") == 0)
        return COP_ALIAS_DEMONITOR;
    return COP_ALIAS_REPLY;
}

static void do_monitor(const char *me, const struct step *s)
{
    const char *target = s->word[2];
    union handle h;
    union handle a;

    (void)me;
    if (s->n > 4) {
        int mode = alias_mode(s->word[4]);
        must(is_registered_name(target)
                 ? cop_monitor_name_alias(&h.monitor, target + 1, mode)
                 : cop_monitor_alias(&h.monitor, world_pid(target), mode),
             "monitor");
        a.alias = (cop_alias){cop_self(), h.monitor};
        world_set(THING_ALIAS, s->word[3], a);
    } else if (is_registered_name(target)) {
        must(cop_monitor_name(&h.monitor, target + 1), "monitor");
    } else {
        must(cop_monitor(&h.monitor, world_pid(target)), "monitor");
    }
    world_set(THING_MONITOR, s->word[3], h);
}

static void do_demonitor(const char *me, const struct step *s)
{
    bool ended =
        cop_demonitor(world_get(THING_MONITOR, s->word[2]).monitor, s->n > 3);

    world_log(me, "demonitor %s -> %s", s->word[2], ended ? "true" : "false");
}

/* -------------------------------------------------------------- messages -- */

static void do_send(const char *me, const struct step *s)
{
    const char *target = s->word[2];
    const cop_tag tag = tag_of(s->word[3]);
    const struct number body = {number_in(s->word[4])};
    int rc;

    if (target[0] == '%')
        rc = cop_send_alias(world_get(THING_ALIAS, target + 1).alias, tag,
                            &body, sizeof body);
    else if (is_registered_name(target))
        rc = cop_send_name(target + 1, tag, &body, sizeof body);
    else
        rc = cop_send(world_pid(target), tag, &body, sizeof body);
    if (rc == COP_ENOPROC)
        world_log(me, "send %s -> error badarg", target);
    else
        must(rc, "send");
}

/* What one word of TAGS asks for. */
static cop_match wanted(const char *word)
{
    if (strcmp(word, "EXIT") == 0)
        return (cop_match){.tag = COP_EXIT};
    if (strcmp(word, "DOWN") == 0)
        return (cop_match){.tag = COP_DOWN};
    if (strncmp(word, "EXIT:", 5) == 0)
        return (cop_match){.tag = COP_EXIT, .from = world_pid(word + 5)};
    if (strncmp(word, "DOWN:", 5) == 0)
        return (cop_match){.tag = COP_DOWN,
                           .ref = world_get(THING_MONITOR, word + 5).monitor};
    return (cop_match){.tag = tag_of(word)};
}

static bool is_no_step(const cop_msg *m, void *ctx)
{
    (void)ctx;
    return cop_msg_tag(m) != TAG_STEP;
}

/* A word that nothing is sent with matches nothing; a tag of 0 would match
 * all. */
static size_t clauses_of(cop_match *clauses, size_t max, char *tags)
{
    char *save = NULL;
    size_t n = 0;

    for (char *w = strtok_r(tags, ",", &save); w != NULL && n < max;
         w = strtok_r(NULL, ",", &save)) {
        if (strcmp(w, "*") == 0)
            clauses[n++] = (cop_match){.when = is_no_step};
        else if (wanted(w).tag != COP_TAG_ANY)
            clauses[n++] = wanted(w);
    }
    return n;
}

static void do_recv(const char *me, const struct step *s)
{
    enum { CLAUSES_MAX = 64 };
    const cop_time deadline = deadline_of(s->word[3]);
    cop_match clauses[CLAUSES_MAX];
    char tags[LINE_TEXT];
    const cop_msg *m;
    size_t n;
    int rc;

    snprintf(tags, sizeof tags, "%s", s->word[2]);
    n = clauses_of(clauses, CLAUSES_MAX - 1, tags);
    if (n == 0)
        clauses[n++] = (cop_match){.tag = TAG_ACK};
    rc = cop_recv_match(&m, clauses, n, deadline);
    if (rc >= 0)
        log_message(me, "recv", m);
    else
        world_log(me, "recv timeout");
}

static void do_drain(const char *me, const struct step *s)
{
    const cop_msg *m;
    int n = 0;

    (void)s;
    for (; cop_recv_when(&m, is_no_step, NULL, COP_POLL) == 0; n++)
        log_message(me, "recv", m);
    world_log(me, "drained %d", n);
}

/* --------------------------------------------- names, aliases and timers -- */

static const char *ok_or_badarg(int rc)
{
    return rc == 0 ? "ok" : "error badarg";
}

static void do_register(const char *me, const struct step *s)
{
    int rc = cop_register(s->word[2], world_pid(s->word[3]));

    world_log(me, "register %s -> %s", s->word[2], ok_or_badarg(rc));
}

static void do_unregister(const char *me, const struct step *s)
{
    int rc = cop_unregister(s->word[2]);

    world_log(me, "unregister %s -> %s", s->word[2], ok_or_badarg(rc));
}

static void do_whereis(const char *me, const struct step *s)
{
    cop_pid pid = cop_whereis(s->word[2]);

    world_log(me, "whereis %s -> %s", s->word[2],
              cop_pid_is_none(pid) ? "undefined" : world_name(pid));
}

static void do_alias(const char *me, const struct step *s)
{
    union handle h;

    (void)me;
    must(cop_alias_new(&h.alias,
                       s->n > 3 ? COP_ALIAS_REPLY : COP_ALIAS_EXPLICIT),
         "alias");
    world_set(THING_ALIAS, s->word[2], h);
}

static void do_unalias(const char *me, const struct step *s)
{
    bool was = cop_unalias(world_get(THING_ALIAS, s->word[2]).alias.ref);

    world_log(me, "unalias %s -> %s", s->word[2], was ? "true" : "false");
}

static void do_send_after(const char *me, const struct step *s)
{
    const cop_time delay = duration_of(s->word[3]);
    const char *target = s->word[4];
    const cop_tag tag = tag_of(s->word[5]);
    const struct number body = {number_in(s->word[6])};
    union handle h;
    int rc;

    (void)me;
    if (is_registered_name(target))
        rc = cop_send_after_name(&h.timer, delay, target + 1, tag, &body,
                                 sizeof body);
    else
        rc = cop_send_after(&h.timer, delay, world_pid(target), tag, &body,
                            sizeof body);
    must(rc, "send_after");
    world_set(THING_TIMER, s->word[2], h);
}

static void do_cancel(const char *me, const struct step *s)
{
    cop_time left = cop_cancel_timer(world_get(THING_TIMER, s->word[2]).timer);

    world_log(me, "cancel %s -> %s", s->word[2], left >= 0 ? "true" : "false");
}

/* ---------------------------------------------------------------- groups -- */

static void do_join(const char *me, const struct step *s)
{
    (void)me;
    must(cop_group_join(world_groups(), s->word[2], cop_self()), "join");
}

static void do_leave(const char *me, const struct step *s)
{
    int rc = cop_group_leave(world_groups(), s->word[2], cop_self());

    world_log(me, "leave %s -> %s", s->word[2], rc == 0 ? "ok" : "not_joined");
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void do_members(const char *me, const struct step *s)
{
    enum { MEMBERS_MAX = 256 };
    cop_pid pids[MEMBERS_MAX];
    const char *names[MEMBERS_MAX];
    char line[2048] = "";
    size_t used = 0;
    int n = cop_group_members(world_groups(), s->word[2], pids, MEMBERS_MAX);

    must(n, "members");
    if (n > MEMBERS_MAX)
        n = MEMBERS_MAX;
    for (int i = 0; i < n; i++)
        names[i] = world_name(pids[i]);
    qsort(names, (size_t)n, sizeof names[0], by_text);
    for (int i = 0; i < n && used < sizeof line; i++)
        used +=
            (size_t)snprintf(line + used, sizeof line - used, " %s", names[i]);
    world_log(me, "members %s ->%s", s->word[2], n > 0 ? line : " -");
}

static void do_publish(const char *me, const struct step *s)
{
    const struct number body = {number_in(s->word[4])};

    (void)me;
    must(cop_group_broadcast(world_groups(), s->word[2], tag_of(s->word[3]),
                             &body, sizeof body),
         "publish");
}

/* -------------------------------------------------------------- dispatch -- */

static const struct {
    const char *op;
    void (*run)(const char *me, const struct step *s);
} steps[] = {
    {"spawn", do_spawn},
    {"exit", do_exit},
    {"signal", do_signal},
    {"trap", do_trap},
    {"link", do_link},
    {"unlink", do_unlink},
    {"monitor", do_monitor},
    {"demonitor", do_demonitor},
    {"send", do_send},
    {"recv", do_recv},
    {"drain", do_drain},
    {"register", do_register},
    {"unregister", do_unregister},
    {"whereis", do_whereis},
    {"alias", do_alias},
    {"unalias", do_unalias},
    {"send_after", do_send_after},
    {"cancel", do_cancel},
    {"join", do_join},
    {"leave", do_leave},
    {"members", do_members},
    {"publish", do_publish},
    {"start_server", step_start_server},
    {"call", step_call},
    {"cast", step_cast},
    {"stop", step_stop},
    {"start_sup", step_start_sup},
    {"start_child", step_start_child},
    {"terminate_child", step_terminate_child},
    {"restart_child", step_restart_child},
    {"delete_child", step_delete_child},
    {"which_children", step_which_children},
    {"count_children", step_count_children},
};

void step_run(const char *me, const struct step *s)
{
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (strcmp(steps[i].op, s->word[0]) == 0) {
            steps[i].run(me, s);
            return;
        }
    }
    fprintf(stderr, "%s: no step of an actor\n", s->word[0]);
    abort();
}
