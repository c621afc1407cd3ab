/* SPDX-License-Identifier: MIT
 *
 * application_plan.c - in which order applications have to be started so that
 * a certain one can run: depth first, each after all that it needs. One that
 * runs needs nothing. The walk keeps its own stack, as a chain of names is as
 * long as its author likes; the stack is also what a cycle is read from.
 */
#include "actors/application.h"

#include <coppice/memory.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum mark { UNSEEN, OPEN, DONE };

struct level {
    struct copi_app *app;
    size_t next; /* dependency to look at */
};

struct walk {
    const struct copi_apps *apps;
    struct level *stack;
    size_t depth;
    struct copi_app_name *out;
    size_t count;
};

static size_t forget_marks(struct copi_apps *apps)
{
    size_t n = 0;

    for (struct copi_app *a = apps->first; a != NULL; a = a->next) {
        a->mark = UNSEEN;
        n++;
    }
    return n;
}

static void enter(struct walk *w, struct copi_app *a)
{
    a->mark = OPEN;
    w->stack[w->depth++] = (struct level){a, 0};
}

static void leave(struct walk *w, struct copi_app *a)
{
    a->mark = DONE;
    w->depth--;
    if (a->state != COPI_APP_RUNNING)
        memcpy(w->out[w->count++].text, a->def->name, strlen(a->def->name) + 1);
}

/* The part of the stack that begins with `a`, and `a` again. */
static cop_reason cycle(const struct walk *w, const struct copi_app *a)
{
    char text[COPI_APP_TEXT];
    size_t used = 0, i = 0;

    while (w->stack[i].app != a)
        i++;
    for (; i < w->depth && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s -> ",
                                 w->stack[i].app->def->name);
    if (used < sizeof text)
        snprintf(text + used, sizeof text - used, "%s", a->def->name);
    return cop_because_fmt("cyclic", "%s", text);
}

/* Looks at the next dependency of the application on top. */
static int step(struct walk *w, cop_reason *why)
{
    struct level *top = &w->stack[w->depth - 1];
    const cop_app *def = top->app->def;
    struct copi_app *a;

    if (top->next == def->ndepends || top->app->state == COPI_APP_RUNNING) {
        leave(w, top->app);
        return 0;
    }
    a = copi_app_find(w->apps, def->depends[top->next]);
    if (a == NULL) {
        *why = cop_because_fmt("not_loaded", "%s needs %s", def->name,
                               def->depends[top->next]);
        return COP_ENOENT;
    }
    if (a->mark == OPEN) {
        *why = cycle(w, a);
        return COP_ESPEC;
    }
    top->next++;
    if (a->mark == UNSEEN)
        enter(w, a);
    return 0;
}

int copi_app_plan(struct copi_apps *apps, const char *name,
                  struct copi_app_name **out, cop_reason *why)
{
    size_t n = forget_marks(apps);
    struct copi_app *a = copi_app_find(apps, name);
    struct walk w = {.apps = apps};
    int err = 0;

    if (a == NULL) {
        *why = cop_because_fmt("not_loaded", "%s", name);
        return COP_ENOENT;
    }
    w.stack = cop_common_malloc(n * sizeof *w.stack);
    w.out = cop_common_calloc(n, sizeof *w.out);
    if (w.stack == NULL || w.out == NULL)
        err = COP_ENOMEM;
    else
        enter(&w, a);
    while (err == 0 && w.depth > 0)
        err = step(&w, why);
    free(w.stack);
    if (err != 0) {
        free(w.out);
        return err;
    }
    *out = w.out;
    return (int)w.count;
}
