/* SPDX-License-Identifier: MIT
 *
 * display.c - an actor that shows how the work goes on, on a terminal only:
 * one line, ten times a second. It asks the others, as anybody could; if one
 * does not answer it shows what it knew.
 */
#include "wordcount.h"

#include <inttypes.h>
#include <unistd.h>

static void show(double per_second)
{
    static struct progress p;
    static struct totals t;
    static struct book b;
    int code = reader_progress(&p);

    if (code >= 0)
        code = aggregator_totals(&t);
    if (code >= 0)
        code = saboteur_book(&b);
    fprintf(stderr,
            "\rfiles %" PRIu64 "/%" PRIu64 "  words %" PRIu64
            "  faults %" PRIu64 "  restarts %" PRIu64 "  messages/s %.0f\033[K",
            p.files_done, p.files, t.words, book_sum(b.sent), pool_restarts(),
            per_second);
    fflush(stderr);
    (void)code;
}

void display_run(void *arg)
{
    const struct job *job = arg;
    cop_time last = cop_now();
    cop_counters now, before;

    if (job->quiet || !isatty(STDERR_FILENO))
        cop_sleep_until(COP_FOREVER);
    cop_counters_get(&before);
    for (;;) {
        double seconds;

        cop_sleep(COP_SEC / 10);
        cop_counters_get(&now);
        seconds = (double)(cop_now() - last) / (double)COP_SEC;
        last = cop_now();
        show((double)(now.sent - before.sent) / seconds);
        before = now;
    }
}
