/* SPDX-License-Identifier: MIT
 *
 * report.c - what is printed at the end: the tree with its restarts, totals,
 * the most frequent words, and the verdict, which is all that --quiet leaves.
 */
#include "wordcount.h"

#include <inttypes.h>
#include <unistd.h>

/* 1234567 as "1,234,567". */
static const char *grouped(uint64_t n, char buf[32])
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, n), out = 0;

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            buf[out++] = ',';
        buf[out++] = digits[i];
    }
    buf[out] = '\0';
    return buf;
}

static void line(const char *name, uint64_t n, const char *comment)
{
    char buf[32];

    printf("%-10s %14s%s%s\n", name, grouped(n, buf), *comment ? "  " : "",
           comment);
}

static void print_totals(const struct outcome *o)
{
    const struct kills *k = &o->kills;
    double seconds = (double)o->elapsed_ns / (double)COP_SEC;
    char text[128];

    snprintf(text, sizeof text, "%zu files, %u passes", o->job->corpus->nfiles,
             o->job->passes);
    line("files", o->progress.files_done, text);
    line("chunks", o->totals.chunks, "each counted once");
    line("bytes", o->totals.bytes, "");
    line("lines", o->totals.lines, "");
    snprintf(text, sizeof text, "%" PRIu64 " different ones",
             o->totals.distinct);
    line("words", o->totals.words, text);
    snprintf(text, sizeof text,
             "%" PRIu64 " kill, %" PRIu64 " boom, %" PRIu64 " poison",
             k->killed, k->boomed, k->poisoned);
    line("kills", k->killed + k->boomed + k->poisoned, text);
    line("restarts", o->restarts, "of workers, by their supervisor");
    line("again", o->progress.reissued, "chunks of workers that died");
    line("dropped", o->totals.duplicates, "results of chunks counted before");
    snprintf(text, sizeof text, "in %.2f s", seconds);
    line("messages", o->messages, text);
}

static void print_top(struct tally *t)
{
    tally_sort_by_count(t);
    printf("\nmost frequent words\n");
    for (size_t i = 0; i < 10 && i < t->used; i++) {
        const struct tally_entry *e = &t->entries[i];
        char buf[32];

        printf("%4zu  %-10.*s %14s\n", i + 1, (int)e->length, e->word,
               grouped(e->count, buf));
    }
    printf("\n");
}

static void verdict(const char *colour, const char *word, const char *text)
{
    bool coloured = isatty(STDOUT_FILENO);

    printf("verdict: %s%s%s, %s\n", coloured ? colour : "", word,
           coloured ? "\033[0m" : "", text);
}

static int judge(const struct outcome *o)
{
    const struct corpus *c = o->job->corpus;
    char text[256], n[32], w[32];
    const char *changed;
    struct verified v;
    int code;

    tally_sort_by_word(o->words);
    code =
        verify(c, o->job->passes, &o->totals, o->words, &v, text, sizeof text);
    changed = corpus_changed(c);
    if (changed != NULL) {
        snprintf(text, sizeof text, "%.200s was changed meanwhile", changed);
        verdict("\033[33m", "none", text);
        return EXIT_USAGE;
    }
    if (code != 0) {
        verdict("\033[31m", "WRONG", text);
        return EXIT_WRONG;
    }
    snprintf(text, sizeof text,
             "%s words are what a plain count gives, with %s workers killed",
             grouped(v.words, w), grouped(o->restarts, n));
    verdict("\033[32m", "ok", text);
    return EXIT_RIGHT;
}

int report(const struct outcome *o)
{
    if (!o->job->quiet) {
        if (isatty(STDERR_FILENO))
            fprintf(stderr, "\r\033[K");
        printf("%s\n", o->tree);
        print_totals(o);
        print_top(o->words);
    }
    return judge(o);
}
