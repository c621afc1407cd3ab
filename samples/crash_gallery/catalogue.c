/* SPDX-License-Identifier: MIT
 *
 * catalogue.c - what is printed of each exhibit, and the verdict: in colours on
 * a terminal, plain elsewhere.
 */
#include "gallery.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RED "\033[31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"

static void coloured(const char *colour, const char *text)
{
    if (isatty(STDOUT_FILENO))
        printf("%s%s\033[0m", colour, text);
    else
        printf("%s", text);
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* The supervisor's words come from a log of short lines. */
static bool is_same(const char *whole, const char *cut)
{
    return cut[0] != '\0' && begins(whole, cut);
}

bool catalogue_judge(const struct showing *s)
{
    const struct exhibit *e = s->exhibit;

    return s->died && begins(s->monitor, s->expected) &&
           strcmp(s->monitor, s->link) == 0 &&
           is_same(s->monitor, s->supervisor) &&
           s->restarted == !e->is_orderly &&
           (!e->is_native || s->where[0] != '\0');
}

static void row(const char *who, const char *saw, const char *then)
{
    printf("  %-11s %s%s\n", who, saw[0] != '\0' ? saw : "nothing", then);
}

void catalogue_show(const struct showing *s, bool as_told)
{
    const struct exhibit *e = s->exhibit;

    coloured(as_told ? GREEN : RED, e->name);
    printf(": %s\n", e->does);
    row("supervisor", s->supervisor,
        s->restarted ? "; restarts it" : "; lets it rest");
    row("monitor", s->monitor, "");
    row("link", s->link, "");
    if (s->where[0] != '\0')
        row("where", s->where, "");
    if (!as_told) {
        printf("  ");
        coloured(RED, "WRONG");
        printf("       %s, expected was %s%s\n",
               s->died ? "it did not die as told" : "it lives", s->expected,
               e->is_orderly ? "" : " and a restart");
    }
    fflush(stdout);
}

void catalogue_missing(const struct exhibit *e, const char *why)
{
    coloured(YELLOW, e->name);
    printf(": not shown: %s\n", why);
}

void catalogue_list(void)
{
    for (size_t i = 0; i < nexhibits; i++)
        printf("%-15s %s\n", exhibits[i].name, exhibits[i].does);
}

static bool is_right(const struct outcome *o)
{
    return o->as_told == o->shown && o->bystanders.is_whole &&
           o->bystanders.unhurt == BYSTANDERS;
}

int catalogue_close(const struct outcome *o)
{
    const struct bystanders *b = &o->bystanders;
    bool right = is_right(o);

    if (!o->tour->quiet)
        printf("\nsignature: %016" PRIx64 ", the order of seed %" PRIu64 "\n",
               o->signature, o->tour->seed);
    printf("verdict: ");
    coloured(right ? GREEN : RED, right ? "ok" : "WRONG");
    printf(", %u of %u exhibits died as told, ", o->as_told, o->shown);
    if (o->missing > 0)
        printf("%u cannot be shown here, ", o->missing);
    printf("%u of %d bystanders are unhurt and passed %" PRIu64 " coins%s\n",
           b->unhurt, BYSTANDERS, b->passed,
           b->is_whole ? "" : ", of which some are lost");
    return right ? EXIT_RIGHT : EXIT_WRONG;
}
