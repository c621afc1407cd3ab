/* SPDX-License-Identifier: MIT
 *
 * director.c - the first actor. It builds the tree, lets the storm loose, waits
 * until it is over and all is quiet, asks the supervisors what they did, takes
 * the tree down, and looks what is left.
 *
 *     root                one_for_one: nothing below may ever bring it down
 *       group.1           one_for_one: a worker that dies is its own business
 *         worker.1.1 .. worker.1.100
 *       group.2
 *         ...
 *
 * "Quiet" is not a matter of waiting long enough: the end of each step can be
 * seen. The clients have ended; the books balance, when the last delayed
 * message has come somewhere; the supervisors have restarted as many as were
 * hit. Only if one of these never comes does a time limit end the wait, and the
 * verdict says what was missing.
 */
#include "storm.h"

#include <coppice/sys.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETTLE (5 * COP_SEC) /* at most, each time */

struct tree {
    cop_pid letters, root;
};

/* ---------------------------------------------------------- specification --
 */

/* A specification as deep as the tree. The supervisor copies all of it but the
 * workers' pages, so it lives only as long as the start. */
struct plan {
    char (*names)[NAME_SIZE];
    char (*group_names)[NAME_SIZE];
    cop_child *workers;
    cop_sup *sups;
    cop_child *groups;
    cop_sup root;
};

static void describe_group(struct plan *p, unsigned g)
{
    unsigned first = g * GROUP;
    unsigned n = job.workers - first < GROUP ? job.workers - first : GROUP;

    for (unsigned i = first; i < first + n; i++) {
        worker_name(i, p->names[i]);
        p->workers[i] = (cop_child){.id = p->names[i],
                                    .server = &worker_server,
                                    .arg = &worker_pages[i],
                                    .opts = {.name = p->names[i]}};
    }
    /* How many restarts are too many? Here the faults are wanted, and none
     * says that a group is broken; so in an hour there may be any number. */
    p->sups[g] = (cop_sup){.strategy = COP_ONE_FOR_ONE,
                           .intensity = 1000000,
                           .period_ns = 3600 * COP_SEC,
                           .children = &p->workers[first],
                           .nchildren = n};
    snprintf(p->group_names[g], NAME_SIZE, "group.%u", g + 1);
    p->groups[g] = (cop_child){.id = p->group_names[g],
                               .sup = &p->sups[g],
                               .opts = {.name = p->group_names[g]}};
}

static void forget_plan(void *arg)
{
    struct plan *p = arg;

    free(p->names);
    free(p->group_names);
    free(p->workers);
    free(p->sups);
    free(p->groups);
    free(p);
}

static struct plan *describe(void)
{
    struct plan *p = calloc(1, sizeof *p);

    if (p == NULL || cop_defer(forget_plan, p) != 0)
        cop_exit(cop_because("nomem"));
    p->names = calloc(job.workers, sizeof *p->names);
    p->group_names = calloc(job.groups, sizeof *p->group_names);
    p->workers = calloc(job.workers, sizeof *p->workers);
    p->sups = calloc(job.groups, sizeof *p->sups);
    p->groups = calloc(job.groups, sizeof *p->groups);
    if (p->names == NULL || p->group_names == NULL || p->workers == NULL ||
        p->sups == NULL || p->groups == NULL)
        cop_exit(cop_because("nomem"));
    for (unsigned g = 0; g < job.groups; g++)
        describe_group(p, g);
    p->root = (cop_sup){.strategy = COP_ONE_FOR_ONE,
                        .intensity = 3,
                        .period_ns = 10 * COP_SEC,
                        .children = p->groups,
                        .nchildren = job.groups};
    return p;
}

/* ------------------------------------------------------------- the tree -- */

static int failed(struct outcome *o, const char *what, const char *why)
{
    snprintf(o->failure, sizeof o->failure, "%s: %.180s", what, why);
    return -1;
}

static int start_tree(struct tree *t, struct outcome *o)
{
    char text[COP_REASON_TEXT];
    cop_reason why = COP_NORMAL;
    struct plan *p = describe();
    int code =
        cop_sup_start(&t->root, &p->root, &(cop_opts){.name = "root"}, &why);

    if (cop_undefer(forget_plan, p))
        forget_plan(p);
    if (code != 0)
        (void)failed(o, cop_error_str(code),
                     cop_reason_str(why, text, sizeof text));
    cop_reason_release(why);
    return code;
}

struct group_report {
    uint64_t restarts, up;
};

/* A supervisor's state (sys.h) has the restarts of its period, which here is
 * longer than the storm: each counts, also one whose start failed since the
 * new worker was hit as it came up. */
static struct group_report ask_group(unsigned g)
{
    char name[NAME_SIZE];
    cop_child_counts counts = {0};
    cop_sup_state state = {0};
    cop_pid sup;

    snprintf(name, sizeof name, "group.%u", g + 1);
    sup = cop_whereis(name);
    if (cop_pid_is_none(sup) || cop_sup_count_children(sup, &counts) != 0 ||
        cop_sys_get_state(sup, &state, sizeof state, cop_in(SETTLE)) < 0)
        return (struct group_report){0};
    return (struct group_report){state.restarts, counts.active};
}

static void ask_supervisors(const struct tree *t, struct outcome *o)
{
    cop_sup_state root = {0};

    o->restarts = o->restarts_most = o->up = 0;
    for (unsigned g = 0; g < job.groups; g++) {
        struct group_report r = ask_group(g);

        o->restarts += r.restarts;
        o->up += r.up;
        if (r.restarts > o->restarts_most)
            o->restarts_most = r.restarts;
    }
    if (cop_sys_get_state(t->root, &root, sizeof root, cop_in(SETTLE)) < 0)
        root.restarts = 1; /* at least something is amiss */
    o->above = root.restarts;
}

/* ------------------------------------------------------------- the plan -- */

static bool begins_with(const char *text, const char *word)
{
    size_t n = strlen(word);

    return strncmp(text, word, n) == 0 && (text[n] == ' ' || text[n] == '\0');
}

/* Of those whom a rule chose, `struck` were still there: each is a death. */
static void ask_plan(struct outcome *o)
{
    static const char *const native[] = {"segv", "abort", "fpe", "overflow"};

    o->nrules = cop_chaos_rules(o->rules, MAX_RULES);
    o->killed = o->crashed = 0;
    for (size_t i = 0; i < o->nrules; i++) {
        const cop_chaos_rule *r = &o->rules[i];

        if (begins_with(r->text, "kill") || begins_with(r->text, "exit"))
            o->killed += r->struck;
        for (size_t k = 0; k < sizeof native / sizeof *native; k++)
            if (begins_with(r->text, native[k]))
                o->crashed += r->struck;
    }
}

static int begin_storm(struct outcome *o)
{
    cop_chaos_error e;

    if (cop_chaos_on(job.plan, &e) != 0)
        return failed(o, "the plan", e.text);
    ask_plan(o);
    for (size_t i = 0; i < o->nrules; i++)
        if (begins_with(o->rules[i].text, "duplicate"))
            return failed(o, "the plan", "the books know no duplicates");
    o->signature = cop_chaos_signature();
    return 0;
}

/* ---------------------------------------------------------------- looking --
 */

/* Resident bytes of the process, or 0. */
static size_t rss(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    unsigned long pages = 0;

    if (f == NULL)
        return 0;
    if (fscanf(f, "%*u %lu", &pages) != 1)
        pages = 0;
    fclose(f);
    return INSTRUMENTED ? 0 : pages * (size_t)sysconf(_SC_PAGESIZE);
}

static uint64_t live_actors(void)
{
    return cop_actors(NULL, 0);
}

/* Until the last message has come somewhere. */
static void await_balance(struct outcome *o)
{
    cop_time end = cop_in(SETTLE);

    do {
        cop_sleep(10 * COP_MS);
        o->sums = books_sum();
    } while (!books_balance(&o->sums, o->failure, sizeof o->failure) &&
             cop_now() < end);
    o->failure[0] = '\0'; /* the verdict finds it again */
}

static void await_restarts(const struct tree *t, struct outcome *o)
{
    cop_time end = cop_in(SETTLE);

    do {
        cop_sleep(10 * COP_MS);
        ask_plan(o);
        ask_supervisors(t, o);
    } while ((o->restarts != o->killed + o->crashed || o->up != job.workers) &&
             o->above == 0 && cop_now() < end);
}

/* ------------------------------------------------------------- the storm -- */

static int start_clients(struct outcome *o, cop_ref *refs)
{
    for (unsigned i = 0; i < job.clients; i++) {
        cop_opts opts = {.label = "client", .monitor = &refs[i]};
        int code = cop_spawn(NULL, client_run, &client_pages[i], &opts);

        if (code != 0)
            return failed(o, "a client", cop_error_str(code));
    }
    return 0;
}

static int await_clients(struct outcome *o, const cop_ref *refs)
{
    char text[COP_REASON_TEXT];
    const cop_msg *m;

    for (unsigned i = 0; i < job.clients; i++) {
        if (cop_recv_ref(&m, refs[i], COP_FOREVER) != 0)
            return failed(o, "a client", "no word of its end");
        if (!cop_reason_eq(cop_msg_reason(m), COP_NORMAL))
            return failed(o, "a client ended",
                          cop_reason_str(cop_msg_reason(m), text, sizeof text));
    }
    return 0;
}

static int rage(struct outcome *o)
{
    cop_ref *refs = cop_zalloc(job.clients * sizeof *refs);
    cop_time begin = cop_now();
    cop_pid display;
    int code;

    if (refs == NULL || begin_storm(o) != 0)
        return -1;
    if (!job.quiet)
        printf("signature %016llx\n\n", (unsigned long long)o->signature);
    fflush(stdout);
    code = cop_spawn(&display, display_run, NULL, NULL);
    if (code == 0)
        code = start_clients(o, refs);
    if (code == 0) {
        /* By now there have been faults of all kinds, and the memory that they
         * take is taken: what comes later is growth. */
        cop_sleep(job.time_ns / 4);
        o->rss_before = rss();
        code = await_clients(o, refs);
    }
    o->time_ns = cop_now() - begin;
    (void)cop_exit_signal(display, COP_SHUTDOWN);
    cop_free(refs);
    return code;
}

static void stays_behind(void *arg)
{
    (void)arg;
    cop_sleep_until(COP_FOREVER);
}

static int do_sabotage(void)
{
    char name[NAME_SIZE];

    switch (job.sabotage) {
    case SABOTAGE_KILL:
        return cop_exit_signal(cop_whereis(worker_name(0, name)), COP_KILL);
    case SABOTAGE_LEAK:
        return cop_spawn(NULL, stays_behind, NULL, NULL);
    default:
        return 0;
    }
}

static int settle(const struct tree *t, struct outcome *o)
{
    cop_crash_counts crashes;
    int code;

    await_balance(o);
    (void)cop_chaos_off();
    o->rss_after = rss();
    code = do_sabotage();
    if (code != 0)
        return failed(o, "the sabotage", cop_error_str(code));
    await_restarts(t, o);
    o->sums = books_sum();
    cop_crash_counts_get(&crashes);
    o->crashes_seen = crashes.seen;
    return 0;
}

/* ------------------------------------------------------------------ ends -- */

/* The slots of the dead are free some moments after the last one has ended. */
static void look_what_is_left(struct outcome *o)
{
    cop_time end = cop_in(SETTLE);
    cop_counters counters;

    do {
        cop_sleep(10 * COP_MS);
        o->actors_after = live_actors();
        cop_counters_get(&counters);
        o->queued_after = counters.queued;
    } while (o->actors_after + o->queued_after > o->actors_before &&
             cop_now() < end);
}

/* A supervisor is linked to who started it: its EXIT comes, too. */
static int stop_tree(const struct tree *t, struct outcome *o)
{
    const cop_msg *m;
    int code =
        cop_server_stop(t->root, COP_SHUTDOWN, cop_in(60 * COP_SEC), NULL);

    if (code == COP_ENOPROC)
        return failed(o, "the root had given up", "too many groups ended");
    if (code == 0)
        code = cop_recv_tag(&m, COP_EXIT, cop_in(SETTLE));
    return code == 0 ? 0 : failed(o, "the stop", cop_error_str(code));
}

void director_run(void *arg)
{
    struct outcome *o = arg;
    struct tree t = {0};
    const cop_server_opts opts = {.spawn = {.name = "letters"}};
    int code;

    cop_trap_exit(true);
    code = cop_server_start(&t.letters, &letters_server, NULL, &opts, NULL);
    if (code != 0) {
        (void)failed(o, "letters", cop_error_str(code));
        return;
    }
    o->actors_before = live_actors();
    if (start_tree(&t, o) != 0)
        return;
    if (rage(o) == 0 && settle(&t, o) == 0 && stop_tree(&t, o) == 0)
        look_what_is_left(o);
    cop_dead_letters_to(COP_NO_PID);
}
