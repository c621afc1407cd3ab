/* SPDX-License-Identifier: MIT
 *
 * run.c - one scenario, from its first step to its last.
 *
 * The thread that runs this is none of the runtime's. It hands each step to
 * its actor as a message, waits until all is quiet, and prints what was logged
 * meanwhile. Time is virtual and moves by `advance` alone.
 *
 * Until something is started under a name, the name stands for a process that
 * is dead: one is spawned for each, which ends at once.
 */
#include "tests/conformance/run.h"
#include "tests/conformance/script.h"

#include <coppice/extend.h>
#include <stdlib.h>
#include <string.h>

#define TICK (100 * COP_MS)
#define PATIENCE (30 * COP_SEC) /* real time that a step may take */

static int failed(const char *what, int rc)
{
    fprintf(stderr, "%s: %s\n", what, cop_error_str(rc));
    return rc;
}

/* ------------------------------------------------------------- beginning -- */

static void unborn(void *arg)
{
    (void)arg;
}

static int bury_unborn(const struct scenario *s)
{
    int rc;

    for (struct entity *e = s->entities; e != NULL; e = e->next) {
        rc = cop_spawn(&e->pid, unborn, NULL, NULL);
        if (rc != 0)
            return failed("spawn", rc);
    }
    rc = cop_ext_quiesce(PATIENCE);
    if (rc != 0)
        return failed("the beginning", rc);
    for (struct entity *e = s->entities; e != NULL; e = e->next)
        world_bind(e, e->pid);
    return 0;
}

static int start_groups(const struct scenario *s)
{
    cop_pid scope;
    int rc = 0;

    if (s->has_groups)
        rc = cop_group_start(&scope, NULL);
    if (s->has_groups && rc == 0)
        world_set_groups(scope);
    return rc == 0 ? 0 : failed("groups", rc);
}

/* ----------------------------------------------------------------- steps -- */

static int spawn_from_outside(const struct step *s)
{
    struct role *role = scenario_alloc(sizeof *role);
    cop_pid pid;
    int rc;

    role->who = role->counted = world_entity(s->word[2]);
    role->opts = options_of(s, 3);
    rc = actor_spawn(&pid, role, (cop_opts){0});
    if (rc == 0)
        world_bind(role->who, pid);
    return rc;
}

static void make_handle(const struct step *s)
{
    world_bind_handle(world_entity(s->word[1]), world_pid(s->word[2]));
}

static int hand_over(const struct step *s)
{
    const struct order order = {s};
    cop_pid pid = world_pid(s->word[1]);

    if (!cop_is_alive(pid)) {
        world_log(s->word[1], "gone");
        return 0;
    }
    return cop_send(pid, TAG_STEP, &order, sizeof order);
}

static int advance(const struct step *s, cop_time *now_ms)
{
    char head[32];
    int rc = 0;

    for (long ms = atol(s->word[1]); ms >= 100 && rc == 0; ms -= 100) {
        *now_ms += 100;
        rc = cop_ext_advance(TICK);
        if (rc == 0)
            rc = cop_ext_quiesce(PATIENCE);
        snprintf(head, sizeof head, "@ %lld\n", (long long)*now_ms);
        (void)world_flush(head);
    }
    return rc;
}

static void print_header(const struct step *s)
{
    fputs(s->loose ? "> ~" : ">", stdout);
    for (int i = 0; i < s->n; i++)
        printf(" %s", s->word[i]);
    putchar('\n');
}

static int run_step(const struct step *s, cop_time *now_ms)
{
    const char *op = s->word[0];
    int rc = 0;

    if (strcmp(op, "defsup") == 0 || strcmp(op, "defchild") == 0)
        return 0;
    print_header(s);
    if (strcmp(op, "advance") == 0)
        return advance(s, now_ms);
    if (strcmp(op, "handle") == 0)
        make_handle(s);
    else if (strcmp(op, "spawn") == 0 && strcmp(s->word[1], "-") == 0)
        rc = spawn_from_outside(s);
    else
        rc = hand_over(s);
    if (rc == 0)
        rc = cop_ext_quiesce(PATIENCE);
    if (rc == 0) /* timers of 0 are due at once */
        rc = cop_ext_advance(0);
    if (rc == 0)
        rc = cop_ext_quiesce(PATIENCE);
    (void)world_flush("");
    return rc;
}

/* ------------------------------------------------------------------- end -- */

static int by_name(const void *a, const void *b)
{
    const struct entity *const *x = a;
    const struct entity *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static void print_alive(const struct scenario *s)
{
    const struct entity **alive;
    size_t n = 0;

    for (const struct entity *e = s->entities; e != NULL; e = e->next)
        n++;
    alive = scenario_alloc((n + 1) * sizeof *alive);
    n = 0;
    for (const struct entity *e = s->entities; e != NULL; e = e->next)
        if (!e->is_handle && cop_is_alive(world_pid(e->name)))
            alive[n++] = e;
    qsort(alive, n, sizeof *alive, by_name);
    fputs("> end\nalive", stdout);
    for (size_t i = 0; i < n; i++)
        printf(" %s", alive[i]->name);
    puts(n == 0 ? " -" : "");
}

static int run_steps(const struct scenario *s)
{
    cop_time now_ms = 0;
    int rc = bury_unborn(s);

    if (rc == 0)
        rc = start_groups(s);
    for (const struct step *st = s->steps; st != NULL && rc == 0;
         st = st->next) {
        rc = run_step(st, &now_ms);
        if (rc != 0)
            failed(st->word[0], rc);
    }
    if (rc == 0)
        print_alive(s);
    return rc == 0 ? 0 : 1;
}

static void be_silent(const char *line)
{
    (void)line;
}

int run_scenario(const char *path, unsigned workers)
{
    const cop_config config = {
        .workers = workers, .virtual_time = true, .log = be_silent};
    struct scenario s;
    char error[512];
    int status = 77;
    int rc;

    if (!scenario_read(&s, path, error, sizeof error)) {
        fprintf(stderr, "%s\n", error);
        goto out;
    }
    world_init(&s);
    rc = cop_start(&config);
    status = rc == 0 ? run_steps(&s) : 1;
    if (rc != 0)
        failed("cop_start", rc);
    world_end();
    if (rc == 0 && cop_stop(COP_POLL, NULL) != 0)
        status = failed("cop_stop", COP_ESTUCK) != 0;
    world_fini();
out:
    scenario_free();
    fflush(stdout);
    return status;
}
