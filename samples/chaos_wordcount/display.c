/* SPDX-License-Identifier: MIT
 *
 * display.c - an actor that shows how the work goes on: on a terminal one
 * line, ten times a second; elsewhere a line a second. It asks the others,
 * as anybody could; if one does not answer it shows what it knew.
 */
#include "wordcount.h"

#include <inttypes.h>
#include <unistd.h>

static void show(bool live, double per_second)
{
    static struct progress p;
    static struct totals t;
    static struct kills k;
    int code = reader_progress(&p);

    if (code >= 0)
        code = aggregator_totals(&t);
    if (code >= 0)
        code = saboteur_kills(&k);
    fprintf(stderr,
            "%sfiles %" PRIu64 "/%" PRIu64 "  words %" PRIu64 "  kills %" PRIu64
            "  restarts %" PRIu64 "  messages/s %.0f%s",
            live ? "\r" : "", p.files_done, p.files, t.words,
            k.killed + k.boomed + k.poisoned, pool_restarts(), per_second,
            live ? "\033[K" : "\n");
    fflush(stderr);
    (void)code;
}

void display_run(void *arg)
{
    const struct job *job = arg;
    bool live = isatty(STDERR_FILENO);
    cop_time step = live ? COP_SEC / 10 : COP_SEC, last = cop_now();
    cop_counters now, before;

    if (job->quiet)
        cop_sleep_until(COP_FOREVER);
    cop_counters_get(&before);
    for (;;) {
        double seconds;

        cop_sleep(step);
        cop_counters_get(&now);
        seconds = (double)(cop_now() - last) / (double)COP_SEC;
        last = cop_now();
        show(live, (double)(now.sent - before.sent) / seconds);
        before = now;
    }
}
