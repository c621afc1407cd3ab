/* SPDX-License-Identifier: MIT
 *
 * svg.c - the tree of actors as a picture: one column for each level, a row for
 * each actor without children, and parents half-way between their first and
 * their last child. Boxes are filled by what the actor does; supervisors have
 * thick borders.
 */
#include "actors/tool/tool.h"

#include <stdlib.h>
#include <string.h>

enum { BOX_WIDTH = 190, BOX_HEIGHT = 30, GAP_X = 40, GAP_Y = 8, MARGIN = 10 };
enum { TITLE_CHARS = 26 };

static double x_of(const struct actor *a)
{
    return MARGIN + (double)a->depth * (BOX_WIDTH + GAP_X);
}

static double place_rows(const struct program *p, double *y)
{
    double row = MARGIN;

    for (size_t i = 0; i < p->actor_count; i++)
        if (p->actors[p->order[i]].first == NOBODY) {
            y[p->order[i]] = row;
            row += BOX_HEIGHT + GAP_Y;
        }
    /* backwards: children before their parents */
    for (size_t i = p->actor_count; i-- > 0;) {
        const struct actor *a = &p->actors[p->order[i]];
        if (a->first != NOBODY)
            y[p->order[i]] = (y[a->first] + y[a->last]) / 2;
    }
    return row;
}

static const char *colour_of(const struct actor *a)
{
    if (strcmp(a->status, "running") == 0)
        return "#b8e6b8";
    if (strcmp(a->status, "runnable") == 0)
        return "#e2f2c4";
    if (strcmp(a->status, "exiting") == 0)
        return "#f3c0c0";
    return strcmp(a->wait, "call") == 0 ? "#f7e3b5" : "#e6ecf5";
}

static void print_text(FILE *to, double x, double y, int size)
{
    fprintf(to, "<text x=\"%.0f\" y=\"%.0f\" font-size=\"%d\">", x, y, size);
}

static void print_edge(FILE *to, const struct program *p, size_t at,
                       const double *y)
{
    const struct actor *a = &p->actors[at];
    double right = x_of(a);
    double left = right - GAP_X;
    double from = y[a->up] + BOX_HEIGHT / 2.0;
    double mine = y[at] + BOX_HEIGHT / 2.0;

    fprintf(to,
            "<path d=\"M%.0f %.1fH%.0fV%.1fH%.0f\" fill=\"none\" "
            "stroke=\"#888\"/>\n",
            left, from, left + GAP_X / 2.0, mine, right);
}

static void print_box(FILE *to, const struct program *p, size_t at,
                      const double *y)
{
    const struct actor *a = &p->actors[at];
    const char *title = actor_title(a);
    double x = x_of(a);

    fputs("<g><title>", to);
    safe_print_xml(to, title != NULL ? title : a->function, 0);
    fprintf(to,
            "</title><rect x=\"%.0f\" y=\"%.1f\" width=\"%d\" height=\"%d\" "
            "rx=\"4\" fill=\"%s\" stroke=\"#555\" stroke-width=\"%d\"/>",
            x, y[at], BOX_WIDTH, BOX_HEIGHT, colour_of(a), a->is_sup ? 2 : 1);
    print_text(to, x + 6, y[at] + 13, 12);
    safe_print_xml(to, title != NULL ? title : a->function, TITLE_CHARS);
    fputs("</text>", to);
    print_text(to, x + 6, y[at] + 25, 9);
    safe_print_xml(to, a->pid, 0);
    fputs(" ", to);
    safe_print_xml(to, a->wait[0] != '-' ? a->wait : a->status, 0);
    if (a->queue > 0)
        fprintf(to, ", queue %.0f", a->queue);
    if (a->restarts > 0)
        fprintf(to, ", restarts %.0f", a->restarts);
    if (a->process >= 0)
        fprintf(to, ", process %.0f", a->process);
    fputs("</text></g>\n", to);
}

void svg_print(FILE *to, const struct program *p)
{
    double *y = calloc(p->actor_count + 1, sizeof *y);
    double height, width = 0;

    if (y == NULL) {
        tool_complain("out of memory");
        return;
    }
    height = place_rows(p, y);
    for (size_t i = 0; i < p->actor_count; i++)
        if (x_of(&p->actors[i]) + BOX_WIDTH > width)
            width = x_of(&p->actors[i]) + BOX_WIDTH;
    fprintf(to,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" "
            "height=\"%.0f\" font-family=\"sans-serif\">\n",
            width + MARGIN, height + MARGIN);
    fputs("<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n", to);
    for (size_t i = 0; i < p->actor_count; i++)
        if (p->actors[i].up != NOBODY)
            print_edge(to, p, i, y);
    for (size_t i = 0; i < p->actor_count; i++)
        print_box(to, p, i, y);
    if (p->omitted > 0) {
        print_text(to, MARGIN, height + 4, 10);
        fprintf(to, "and %.0f more</text>\n", p->omitted);
    }
    fputs("</svg>\n", to);
    free(y);
}
