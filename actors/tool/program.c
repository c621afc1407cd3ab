/* SPDX-License-Identifier: MIT
 *
 * program.c - what a document says: the actors, their tree, and what they have
 * done between two documents.
 *
 * The tree is that of parents. An actor whose parent has ended, or is not in
 * the document, is a root. A parent is older than its children, and actors
 * come oldest first: so a parent stands before its children, and there are no
 * circles, whatever the document says. Nothing here calls itself, as a tree may
 * be as deep as there are actors.
 */
#include "actors/tool/tool.h"

#include <stdlib.h>
#include <string.h>

static const char *text_or(const struct json *v, const char *key,
                           const char *otherwise)
{
    const char *text = json_text(v, key);

    return text != NULL ? text : otherwise;
}

static void read_actor(struct actor *a, const struct json *v)
{
    a->pid = text_or(v, "pid", "?");
    a->parent = json_text(v, "parent");
    a->name = json_text(v, "name");
    a->label = json_text(v, "label");
    a->function = text_or(v, "symbol", text_or(v, "function", "?"));
    a->status = text_or(v, "status", "?");
    a->wait = text_or(v, "wait", "-");
    /* a handler between messages */
    if (strcmp(a->status, "waiting") == 0 && strcmp(a->wait, "-") == 0)
        a->wait = "message";
    a->calling = json_text(v, "calling");
    a->child = json_text(v, "child");
    a->strategy = json_text(v, "strategy");
    a->is_sup = json_get(v, "strategy") != NULL;
    a->serial = json_number(v, "serial", 0);
    a->queue = json_number(v, "queue", 0);
    a->reductions = json_number(v, "reductions", 0);
    a->memory = json_number(v, "memory_bytes", 0);
    a->restarts = json_number(v, "restarts", -1);
    a->process = -1;
    if (json_get(v, "os_pid") != NULL)
        a->process = json_number(v, "os_pid", 0);
    a->rate = -1;
    a->up = a->first = a->last = a->next = NOBODY;
}

static void read_worker(struct worker *w, const struct json *v)
{
    w->in_turn = json_is_true(v, "in_turn");
    w->busy_ns = json_number(v, "busy_ns", -1);
    w->turns = json_number(v, "turns", 0);
    w->steals = json_number(v, "steals", 0);
    w->parks = json_number(v, "parks", 0);
    w->runnable = json_number(v, "runnable", 0);
    w->handovers = json_number(v, "handovers", 0);
    w->preemptions = json_number(v, "preemptions", 0);
    w->load = w->turn_rate = -1;
}

static size_t count_of(const struct json *list)
{
    return list != NULL && list->kind == JSON_ARRAY ? list->count : 0;
}

static bool read_lists(struct program *p)
{
    const struct json *actors = json_get(p->doc.root, "actors");
    const struct json *workers = json_get(p->doc.root, "workers");
    size_t n = count_of(actors);
    size_t m = count_of(workers);

    p->actors = calloc(n + 1, sizeof *p->actors);
    p->order = calloc(n + 1, sizeof *p->order);
    p->workers = calloc(m + 1, sizeof *p->workers);
    if (p->actors == NULL || p->order == NULL || p->workers == NULL)
        return false;
    for (const struct json *v = n > 0 ? actors->first : NULL; v != NULL;
         v = v->next)
        read_actor(&p->actors[p->actor_count++], v);
    for (const struct json *v = m > 0 ? workers->first : NULL; v != NULL;
         v = v->next)
        read_worker(&p->workers[p->worker_count++], v);
    return true;
}

/* ------------------------------------------------------------- the tree -- */

struct by_pid {
    const char *pid;
    size_t at;
};

static int compare_pids(const void *a, const void *b)
{
    return strcmp(((const struct by_pid *)a)->pid,
                  ((const struct by_pid *)b)->pid);
}

static void hang(struct program *p, size_t at, size_t up)
{
    struct actor *parent = &p->actors[up];
    struct actor *a = &p->actors[at];

    a->up = up;
    a->depth = parent->depth + 1;
    if (parent->first == NOBODY)
        parent->first = at;
    else
        p->actors[parent->last].next = at;
    parent->last = at;
}

/* What follows `at`, parents before children; NOBODY: all below its root have
 * been. */
static size_t successor(const struct program *p, size_t at)
{
    if (p->actors[at].first != NOBODY)
        return p->actors[at].first;
    while (at != NOBODY && p->actors[at].next == NOBODY)
        at = p->actors[at].up;
    return at != NOBODY ? p->actors[at].next : NOBODY;
}

static bool make_tree(struct program *p)
{
    struct by_pid *index = calloc(p->actor_count + 1, sizeof *index);
    size_t n = 0;

    if (index == NULL)
        return false;
    for (size_t i = 0; i < p->actor_count; i++)
        index[i] = (struct by_pid){p->actors[i].pid, i};
    qsort(index, p->actor_count, sizeof *index, compare_pids);
    for (size_t i = 0; i < p->actor_count; i++) {
        const struct by_pid wanted = {p->actors[i].parent, 0};
        const struct by_pid *found = NULL;
        if (wanted.pid != NULL)
            found = bsearch(&wanted, index, p->actor_count, sizeof *index,
                            compare_pids);
        if (found != NULL && found->at < i)
            hang(p, i, found->at);
    }
    free(index);
    for (size_t i = 0; i < p->actor_count; i++)
        for (size_t at = p->actors[i].up == NOBODY ? i : NOBODY; at != NOBODY;
             at = successor(p, at))
            p->order[n++] = at;
    return true;
}

/* ------------------------------------------------------ loading, comparing --
 */

bool program_load(struct program *p, int process, char *text)
{
    const char *error;

    *p = (struct program){.process = process, .text = text};
    if (!json_parse(&p->doc, text)) {
        tool_complain("process %d answers what is no document", process);
        goto failed;
    }
    error = json_text(p->doc.root, "error");
    if (error != NULL || json_number(p->doc.root, "format", 0) != 1) {
        tool_complain("process %d answers in a format that this tool does "
                      "not know",
                      process);
        goto failed;
    }
    p->now_ns = json_number(p->doc.root, "now_ns", 0);
    p->live = json_number(p->doc.root, "live", 0);
    p->omitted = json_number(p->doc.root, "omitted", 0);
    if (read_lists(p) && make_tree(p))
        return true;
    tool_complain("out of memory");
failed:
    program_free(p);
    return false;
}

void program_free(struct program *p)
{
    json_free(&p->doc);
    free(p->text);
    free(p->actors);
    free(p->order);
    free(p->workers);
    *p = (struct program){0};
}

void program_compare(struct program *p, const struct program *before)
{
    double s = (p->now_ns - before->now_ns) / 1e9;
    size_t j = 0;

    if (s <= 0)
        return;
    for (size_t i = 0; i < p->actor_count; i++) {
        struct actor *a = &p->actors[i];
        while (j < before->actor_count && before->actors[j].serial < a->serial)
            j++;
        if (j < before->actor_count && before->actors[j].serial == a->serial)
            a->rate = (a->reductions - before->actors[j].reductions) / s;
        else
            a->rate = a->reductions / s;
    }
    for (size_t i = 0; i < p->worker_count && i < before->worker_count; i++) {
        struct worker *w = &p->workers[i];
        const struct worker *b = &before->workers[i];
        w->turn_rate = (w->turns - b->turns) / s;
        /* less than before: another thread works for it now */
        if (w->busy_ns >= b->busy_ns && b->busy_ns >= 0)
            w->load = (w->busy_ns - b->busy_ns) / 1e9 / s;
        if (w->load > 1)
            w->load = 1;
    }
}

const char *actor_title(const struct actor *a)
{
    if (a->name != NULL)
        return a->name;
    if (a->child != NULL)
        return a->child;
    return a->label;
}
