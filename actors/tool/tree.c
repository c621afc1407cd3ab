/* SPDX-License-Identifier: MIT
 *
 * tree.c - the tree of actors as indented text, and as a graph for Graphviz.
 *
 *     0.1.1  guardian                        waiting: receive
 *       0.2.1  root (one_for_one)            waiting: message
 *         0.3.1  db                          waiting: message  restarts 2
 */
#include "actors/tool/tool.h"

enum { INDENT_MAX = 60, TITLE_WIDTH = 60 };

static const char *title_of(const struct actor *a)
{
    const char *title = actor_title(a);

    return title != NULL ? title : a->function;
}

static void print_row(FILE *to, const struct actor *a)
{
    unsigned indent = 2 * a->depth;

    if (indent > INDENT_MAX)
        fprintf(to, "%*s[%u] ", INDENT_MAX, "", a->depth);
    else
        fprintf(to, "%*s", (int)indent, "");
    safe_print(to, a->pid, 0);
    fputs("  ", to);
    safe_print(to, title_of(a), TITLE_WIDTH);
    if (a->is_sup) {
        fputs(" (", to);
        safe_print(to, a->strategy != NULL ? a->strategy : "supervisor", 0);
        fputs(")", to);
    }
    fputs("  ", to);
    safe_print(to, a->status, 0);
    if (a->wait[0] != '-') {
        fputs(": ", to);
        safe_print(to, a->wait, 0);
    }
    if (a->calling != NULL) {
        fputs(" ", to);
        safe_print(to, a->calling, 0);
    }
    if (a->queue > 0)
        fprintf(to, "  queue %.0f", a->queue);
    if (a->restarts >= 0)
        fprintf(to, "  restarts %.0f", a->restarts);
    if (a->process >= 0)
        fprintf(to, "  process %.0f", a->process);
    fputs("\n", to);
}

void tree_print_text(FILE *to, const struct program *p)
{
    for (size_t i = 0; i < p->actor_count; i++)
        print_row(to, &p->actors[p->order[i]]);
    if (p->omitted > 0)
        fprintf(to, "and %.0f more\n", p->omitted);
}

static void print_node(FILE *to, const struct program *p, size_t at)
{
    const struct actor *a = &p->actors[at];

    fprintf(to, "  n%zu [label=\"", at);
    safe_print_dot(to, title_of(a), TITLE_WIDTH);
    fputs("\\n", to);
    safe_print_dot(to, a->pid, 0);
    if (a->queue > 0)
        fprintf(to, "\\nqueue %.0f", a->queue);
    if (a->restarts > 0)
        fprintf(to, "\\nrestarts %.0f", a->restarts);
    if (a->process >= 0)
        fprintf(to, "\\nprocess %.0f", a->process);
    fprintf(to, "\"%s];\n", a->is_sup ? ",shape=box,style=bold" : "");
    if (a->up != NOBODY)
        fprintf(to, "  n%zu -> n%zu;\n", a->up, at);
}

void tree_print_dot(FILE *to, const struct program *p)
{
    fputs("digraph coppice {\n  rankdir=LR;\n  node [shape=ellipse];\n", to);
    for (size_t i = 0; i < p->actor_count; i++)
        print_node(to, p, p->order[i]);
    fputs("}\n", to);
}
