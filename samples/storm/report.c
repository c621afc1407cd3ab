/* SPDX-License-Identifier: MIT
 *
 * report.c - the table at the end, and the verdict, which is all that --quiet
 * leaves.
 */
#include "storm.h"

#include <inttypes.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

/* What the process may grow between the first quarter of the storm and its
 * end: queues and caches are not the same size at all times. A question that
 * leaked a hundred bytes would take more in a second. */
#define GROWTH_MAX (16 * MIB)

static void line(const char *name, uint64_t n, const char *comment)
{
    printf("  %-28s %12" PRIu64 "%s%s\n", name, n, *comment ? "  " : "",
           comment);
}

static void print_plan(const struct outcome *o)
{
    printf("the plan: what each rule had to decide, and what came of it\n");
    printf("  %12s %9s %9s  rule\n", "seen", "fired", "struck");
    for (size_t i = 0; i < o->nrules; i++) {
        const cop_chaos_rule *r = &o->rules[i];

        printf("  %12" PRIu64 " %9" PRIu64 " %9" PRIu64 "  %s\n",
               r->opportunities, r->fired, r->struck, r->text);
    }
}

static void print_questions(const struct outcome *o)
{
    const struct sums *s = &o->sums;
    const struct client_sums *c = &s->client;
    char text[64];

    snprintf(text, sizeof text, "in %.2f s, %.0f a second",
             (double)o->time_ns / (double)COP_SEC,
             (double)c->asked * (double)COP_SEC / (double)o->time_ns);
    printf("\nquestions, by the clients' books\n");
    line("asked", c->asked, text);
    line("answered", c->answered, "");
    line("timed out", c->timed_out, "");
    line("told down", c->down, "the worker ended before it answered");
    line("absent", c->absent, "nobody had the name: it was being restarted");
    printf("why not answered, by dead letters and the workers' books\n");
    line("questions dropped", s->questions_dropped, "by the plan");
    line("questions dead", s->questions_dead,
         "in the mailbox of a dead worker");
    line("died in hand", s->in_hand, "taken by a worker that died with it");
    line("answers dropped", s->answers_dropped, "by the plan");
    line("answers late", s->answers_late, "the client waited no longer");
    if (s->in_doubt > 0)
        line("in doubt", s->in_doubt, "died while answering");
}

static void print_tree(const struct outcome *o)
{
    char text[64];

    snprintf(text, sizeof text, "at most %" PRIu64 " by one of %u supervisors",
             o->restarts_most, job.groups);
    printf("restarts\n");
    line("by the supervisors", o->restarts, text);
    line("killed by the plan", o->killed, "");
    line("crashed by the plan", o->crashed, "");
    line("crashes, by the runtime", o->crashes_seen, "");
    line("workers up at the end", o->up, "");
    printf("what is left\n");
    snprintf(text, sizeof text, "%" PRIu64 " before the tree was built",
             o->actors_before);
    line("actors", o->actors_after, text);
    line("messages", o->queued_after, "");
    snprintf(text, sizeof text, "MiB at the end; %zu in the first quarter",
             o->rss_before / MIB);
    line("memory", o->rss_after / MIB,
         o->rss_after > 0 ? text : "not measured here");
    printf("\n");
}

/* The first thing that does not add up; true: all does. */
static bool judge(const struct outcome *o, char *text, size_t size)
{
    if (o->failure[0] != '\0')
        snprintf(text, size, "%s", o->failure);
    else if (!books_balance(&o->sums, text, size))
        return false;
    else if (o->above > 0)
        snprintf(text, size,
                 "%" PRIu64 " groups were restarted, and what they "
                 "had counted is gone: a plan should mean worker.* only",
                 o->above);
    else if (o->restarts != o->killed + o->crashed)
        snprintf(text, size,
                 "restarts: %" PRIu64 ", but %" PRIu64
                 " were killed and %" PRIu64 " crashed by the plan",
                 o->restarts, o->killed, o->crashed);
    else if (o->crashes_seen != o->crashed)
        snprintf(text, size, "%" PRIu64 " crashes, but %" PRIu64 " by the plan",
                 o->crashes_seen, o->crashed);
    else if (o->up != job.workers)
        snprintf(text, size, "%" PRIu64 " of %u workers came back", o->up,
                 job.workers);
    else if (o->actors_after != o->actors_before || o->queued_after > 0)
        snprintf(text, size,
                 "left behind: %+" PRId64 " actors, %" PRIu64 " messages",
                 (int64_t)(o->actors_after - o->actors_before),
                 o->queued_after);
    else if (o->rss_after > o->rss_before + GROWTH_MAX)
        snprintf(text, size, "memory grew from %zu to %zu MiB",
                 o->rss_before / MIB, o->rss_after / MIB);
    else
        return true;
    return false;
}

static void verdict(const char *colour, const char *word, const char *text)
{
    bool coloured = isatty(STDOUT_FILENO);

    printf("verdict: %s%s%s, %s\n", coloured ? colour : "", word,
           coloured ? "\033[0m" : "", text);
}

int report(const struct outcome *o)
{
    char text[COP_REASON_TEXT];

    if (!job.quiet && o->nrules > 0) {
        print_plan(o);
        print_questions(o);
        print_tree(o);
    }
    if (!judge(o, text, sizeof text)) {
        verdict("\033[31m", "WRONG", text);
        return EXIT_WRONG;
    }
    snprintf(text, sizeof text,
             "each of %" PRIu64 " questions is accounted for, and each of "
             "%" PRIu64 " restarts",
             o->sums.client.asked, o->restarts);
    verdict("\033[32m", "ok", text);
    return EXIT_RIGHT;
}
