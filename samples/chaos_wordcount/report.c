/* SPDX-License-Identifier: MIT
 *
 * report.c - what is printed at the end: the tree with its restarts, the book
 * of faults, totals, the most frequent words, and the verdict, which is all
 * that --quiet leaves.
 *
 * Two things are judged: that the words are those of a plain count, and that
 * the restarts are explained, one by one, by faults of the saboteur's.
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
    line("restarts", o->restarts, "of workers, by their supervisor");
    line("again", o->progress.reissued, "chunks of workers that died");
    line("dropped", o->totals.duplicates, "results of chunks counted before");
    snprintf(text, sizeof text, "in %.2f s", seconds);
    line("messages", o->messages, text);
    snprintf(text, sizeof text, "words a second, %.1f MB/s",
             (double)o->totals.bytes / 1e6 / seconds);
    line("speed", (uint64_t)((double)o->totals.words / seconds), text);
}

/* What has neither killed nor come too late is in a mailbox yet. */
static void book_row(const char *name, uint64_t sent, uint64_t deaths,
                     uint64_t late, const char *reason)
{
    printf("%-10s %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 "  %s\n",
           name, sent, deaths, late, sent - deaths - late, reason);
}

static void print_book(const struct outcome *o)
{
    const struct book *b = &o->book;
    uint64_t deaths = book_sum(b->deaths);
    char text[128];

    printf("%-10s %8s %8s %8s %8s  reason\n", "fault", "sent", "deaths", "late",
           "pending");
    for (int i = 0; i < FAULTS; i++)
        if (b->sent[i] > 0)
            book_row(fault_name((enum fault)i), b->sent[i], b->deaths[i],
                     b->late[i], fault_reason((enum fault)i));
    snprintf(text, sizeof text, "%" PRIu64 " restarts%s", o->restarts,
             o->restarts == deaths ? "" : ", which is not the same");
    book_row("sum", book_sum(b->sent), deaths, book_sum(b->late), text);
    snprintf(text, sizeof text, "faults that found nobody, or one in a loop");
    line("missed", b->missed, text);
    printf("signature  %016" PRIx64 "  the first %" PRIu64
           " faults of seed %" PRIu64 "\n",
           b->signature, b->signed_faults, o->job->seed);
    if (o->job->reports != NULL)
        printf("reports    %" PRIu64 " of %" PRIu64 " crashes, in %s\n",
               o->crashes.reported, o->crashes.seen, o->job->reports);
    printf("\n");
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

/* False, with a sentence, if something else than the faults ended workers. */
static bool is_explained(const struct outcome *o, char *text, size_t size)
{
    const struct book *b = &o->book;
    uint64_t deaths = book_sum(b->deaths);

    if (b->unexplained > 0)
        snprintf(text, size,
                 "%" PRIu64 " workers died of what nobody sent, one of %s",
                 b->unexplained, b->unexplained_why);
    else if (deaths != o->restarts)
        snprintf(text, size,
                 "%" PRIu64 " restarts, but %" PRIu64 " deaths by faults",
                 o->restarts, deaths);
    else
        return true;
    return false;
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
    if (code != 0 || !is_explained(o, text, sizeof text)) {
        verdict("\033[31m", "WRONG", text);
        return EXIT_WRONG;
    }
    snprintf(text, sizeof text,
             "%s words are what a plain count gives, with %s workers lost",
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
        print_book(o);
        print_totals(o);
        print_top(o->words);
    }
    return judge(o);
}
