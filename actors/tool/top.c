/* SPDX-License-Identifier: MIT
 *
 * top.c - the table: workers, actors in the order of one's choice, the last
 * failures. Rates need two documents; so even the table that is printed once
 * takes two, a moment apart.
 */
#include "actors/tool/tool.h"

#include <stdlib.h>
#include <string.h>

#define INTERVAL_S 1.0
#define ONCE_S 0.2

enum { FAILURES_SHOWN = 5, HEAD_LINES = 4 };

static const char *const names[] = {[SORT_REDUCTIONS] = "reductions",
                                    [SORT_MEMORY] = "memory",
                                    [SORT_QUEUE] = "queue",
                                    [SORT_RESTARTS] = "restarts",
                                    [SORT_NAME] = "name",
                                    [SORT_AGE] = "age",
                                    [SORT_TREE] = "tree"};

const char *sort_name(enum sort_key key)
{
    return names[key];
}

/* -------------------------------------------------------------- sorting -- */

struct ranked {
    const struct actor *actor;
    size_t at;    /* by age; also decides between equals */
    double value; /* the biggest first */
    enum sort_key key;
};

static int by_value(const void *a, const void *b)
{
    const struct ranked *x = a;
    const struct ranked *y = b;
    int order = 0;

    if (x->key == SORT_NAME) {
        const char *s = actor_title(x->actor);
        const char *t = actor_title(y->actor);
        order = (s == NULL) - (t == NULL);
        if (s != NULL && t != NULL)
            order = strcmp(s, t);
    } else if (x->value != y->value) {
        return x->value > y->value ? -1 : 1;
    }
    return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

static double value_of(const struct actor *a, enum sort_key key)
{
    switch (key) {
    case SORT_REDUCTIONS:
        return a->rate >= 0 ? a->rate : a->reductions;
    case SORT_MEMORY:
        return a->memory;
    case SORT_QUEUE:
        return a->queue;
    case SORT_RESTARTS:
        return a->restarts;
    default:
        return 0;
    }
}

static struct ranked *rank(const struct program *p, enum sort_key key)
{
    struct ranked *r = calloc(p->actor_count + 1, sizeof *r);

    for (size_t i = 0; r != NULL && i < p->actor_count; i++) {
        size_t at = key == SORT_TREE ? p->order[i] : i;
        const struct actor *a = &p->actors[at];
        r[i] = (struct ranked){a, i, value_of(a, key), key};
    }
    if (r != NULL && key != SORT_TREE)
        qsort(r, p->actor_count, sizeof *r, by_value);
    return r;
}

/* ------------------------------------------------------------- printing -- */

static double counter(const struct program *p, const char *name)
{
    return json_number(json_get(p->doc.root, "counters"), name, 0);
}

static void print_head(const struct program *p)
{
    const char *program = json_text(p->doc.root, "program");
    char a[16], b[16], c[16];

    printf("coppice top - process %d (", p->process);
    safe_print(stdout, program != NULL ? program : "?", 40);
    printf("), %.0f actors, %s messages queued", p->live,
           safe_amount(counter(p, "queued"), a));
    if (!json_is_true(p->doc.root, "running"))
        printf(", the runtime is stopped");
    printf("\nspawned %s, exited %s", safe_amount(counter(p, "spawned"), a),
           safe_amount(counter(p, "exited"), b));
    printf(", failed %s",
           safe_amount(json_number(p->doc.root, "failed", 0), c));
    printf(", sent %s, dead letters %s", safe_amount(counter(p, "sent"), a),
           safe_amount(counter(p, "dead_letters"), b));
    printf(", timers %s\n", safe_amount(counter(p, "timers_fired"), a));
}

static void print_workers(const struct program *p)
{
    char a[16], b[16];

    for (size_t i = 0; i < p->worker_count; i++) {
        const struct worker *w = &p->workers[i];
        printf("worker %-3zu ", i);
        if (w->load >= 0)
            printf("%3.0f%% busy", 100 * w->load);
        else
            printf("   - busy");
        printf(", %s, turns/s %s, runnable %s",
               w->in_turn ? "in a turn" : "between turns",
               safe_amount(w->turn_rate, a), safe_amount(w->runnable, b));
        printf(", handovers %s, preemptions %s\n", safe_amount(w->handovers, a),
               safe_amount(w->preemptions, b));
    }
}

/* A column of that width, and a space. */
static void print_column(const char *text, size_t width)
{
    size_t n = strlen(text);

    safe_print(stdout, text, width);
    printf("%*s", (int)(n < width ? width - n : 0) + 1, "");
}

static void print_actor(const struct actor *a, bool as_tree, size_t columns)
{
    const char *title = actor_title(a);
    unsigned indent = as_tree ? 2 * (a->depth < 20 ? a->depth : 20) : 0;
    char amount[16];
    size_t left = columns > 71 + indent ? columns - 71 - indent : 8;

    print_column(a->pid, 14);
    print_column(a->status, 8);
    if (a->calling != NULL) {
        printf("call ");
        print_column(a->calling, 9);
    } else {
        print_column(a->wait, 14);
    }
    printf("%5s ", safe_amount(a->queue, amount));
    printf("%6s ", safe_amount(a->rate, amount));
    printf("%6s ", safe_amount(a->memory, amount));
    printf("%8s  %*s", safe_amount(a->restarts, amount), (int)indent, "");
    if (a->process >= 0) {
        int used = printf("[process %.0f] ", a->process);
        left = left > (size_t)used + 8 ? left - (size_t)used : 8;
    }
    safe_print(stdout, title != NULL ? title : a->function, left);
    putchar('\n');
}

/* Returns how many lines it took. */
static size_t print_failures(const struct program *p, size_t columns)
{
    const struct json *list = json_get(p->doc.root, "failures");
    const struct json *f = list != NULL ? list->first : NULL;
    size_t n = 0;

    for (; f != NULL && n < FAILURES_SHOWN; f = f->next, n++) {
        const char *pid = json_text(f, "pid");
        const char *who = json_text(f, "name");
        const char *why = json_text(f, "reason");
        double ago = (p->now_ns - json_number(f, "at_ns", 0)) / 1e9;
        if (who == NULL)
            who = json_text(f, "label");
        if (ago < 0) /* it came after the clock was read */
            ago = 0;
        printf("failed %6.0f s ago  ", ago);
        safe_print(stdout, pid != NULL ? pid : "?", 0);
        printf("  ");
        safe_print(stdout, who != NULL ? who : "-", 30);
        printf("  ");
        safe_print(stdout, why != NULL ? why : "-",
                   columns > 70 ? columns - 60 : 10);
        putchar('\n');
    }
    return n;
}

static void print_table(const struct program *p, const struct top_options *o,
                        size_t rows, size_t columns)
{
    struct ranked *r = rank(p, o->sort);
    size_t shown = rows < p->actor_count ? rows : p->actor_count;

    print_head(p);
    print_workers(p);
    printf("%-14s %-8s %-14s %5s %6s %6s %8s  NAME (by %s)\n", "PID", "STATUS",
           "WAITS FOR", "QUEUE", "RED/S", "MEMORY", "RESTARTS",
           sort_name(o->sort));
    for (size_t i = 0; r != NULL && i < shown; i++)
        print_actor(r[i].actor, o->sort == SORT_TREE, columns);
    if ((double)shown < p->live)
        printf("and %.0f more\n", p->live - (double)shown);
    print_failures(p, columns);
    free(r);
}

/* -------------------------------------------------------------- running -- */

static bool load(struct program *p, const struct top_options *o)
{
    char *text = attach_fetch(o->process, o->actors_max);

    return text != NULL && program_load(p, o->process, text);
}

static int wait_ms(const struct top_options *o, double usual_s)
{
    return (int)(1000 * (o->interval_s > 0 ? o->interval_s : usual_s));
}

static int run_once(const struct top_options *o)
{
    struct program before, now;

    if (!load(&before, o))
        return EXIT_FAILED;
    (void)screen_wait(wait_ms(o, ONCE_S));
    if (!load(&now, o)) {
        program_free(&before);
        return EXIT_FAILED;
    }
    program_compare(&now, &before);
    print_table(&now, o, o->rows > 0 ? o->rows : now.actor_count, 200);
    program_free(&before);
    program_free(&now);
    return EXIT_DONE;
}

static void show(const struct program *p, const struct top_options *o)
{
    size_t lines, columns, taken;

    screen_size(&lines, &columns);
    taken = HEAD_LINES + p->worker_count + FAILURES_SHOWN + 2;
    lines = lines > taken + 3 ? lines - taken : 3;
    if (o->rows > 0 && o->rows < lines)
        lines = o->rows;
    /* clear the screen, go to its corner */
    fputs("\033[H\033[2J", stdout);
    print_table(p, o, lines, columns);
    fputs("q: quit; sort by r: reductions m: memory k: queue s: restarts "
          "n: name a: age t: tree\n",
          stdout);
    fflush(stdout);
}

static void obey(struct top_options *o, int key)
{
    static const char keys[] = "rmksnat";
    const char *found = key > 0 ? strchr(keys, key) : NULL;

    if (found != NULL)
        o->sort = (enum sort_key)(found - keys);
}

static int run_live(struct top_options o)
{
    struct program before, now;
    int key = 0, rc = EXIT_DONE;

    if (!load(&before, &o))
        return EXIT_FAILED;
    screen_open();
    show(&before, &o);
    while ((key = screen_wait(wait_ms(&o, INTERVAL_S))) != 'q') {
        obey(&o, key);
        if (!load(&now, &o)) {
            rc = EXIT_FAILED;
            break;
        }
        program_compare(&now, &before);
        program_free(&before);
        before = now;
        show(&before, &o);
    }
    screen_close();
    program_free(&before);
    return rc;
}

int top_run(const struct top_options *o)
{
    if (o->once || !screen_is_terminal())
        return run_once(o);
    return run_live(*o);
}
