/* SPDX-License-Identifier: MIT
 *
 * display.c - an actor that shows how it goes on: on a terminal a picture of
 * the groups, each a character that tells how many of its workers were born
 * again in the last moments; elsewhere a line a second. It reads the books and
 * asks nobody, so nothing that is broken can hold it up.
 */
#include "storm.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

enum { COLUMNS = 50 };

struct display {
    bool live;
    uint64_t *born; /* of each group, when last looked at */
    uint64_t asked;
    cop_time last;
    unsigned drawn; /* lines of the picture that is there */
};

static uint64_t born_in(unsigned group)
{
    unsigned end = (group + 1) * GROUP;
    uint64_t sum = 0;

    for (unsigned i = group * GROUP; i < end && i < job.workers; i++)
        sum += worker_pages[i].born;
    return sum;
}

/* How hot: one restart or two are a `.`, ten or more are `#`. */
static char heat(uint64_t restarts)
{
    static const char scale[] = " ..:::+++*";

    return restarts < sizeof scale - 1 ? scale[restarts] : '#';
}

static uint64_t draw_groups(struct display *d)
{
    uint64_t sum = 0;

    for (unsigned g = 0; g < job.groups; g++) {
        uint64_t born = born_in(g);

        if (d->live)
            fprintf(stderr, "%s%c", g % COLUMNS == 0 ? "  " : "",
                    heat(born - d->born[g]));
        if (d->live && (g % COLUMNS == COLUMNS - 1 || g == job.groups - 1)) {
            fputs("|\033[K\n", stderr);
            d->drawn++;
        }
        d->born[g] = born;
        sum += born;
    }
    return sum - job.workers;
}

static void draw(struct display *d)
{
    cop_time now = cop_now();
    struct sums s = books_sum();
    double seconds = (double)(now - d->last) / (double)COP_SEC;
    uint64_t restarts;

    if (d->drawn > 0)
        fprintf(stderr, "\033[%uA", d->drawn);
    d->drawn = 0;
    restarts = draw_groups(d);
    fprintf(stderr,
            "  asked %" PRIu64 " (%.0f/s)  answered %" PRIu64
            "  timed out %" PRIu64 "  told down %" PRIu64 "  restarts %" PRIu64
            "%s\n",
            s.client.asked, (double)(s.client.asked - d->asked) / seconds,
            s.client.answered, s.client.timed_out,
            s.client.down + s.client.absent, restarts, d->live ? "\033[K" : "");
    d->drawn += d->live;
    d->asked = s.client.asked;
    d->last = now;
}

void display_run(void *arg)
{
    struct display d = {.live = isatty(STDERR_FILENO), .last = cop_now()};

    (void)arg;
    if (job.quiet)
        cop_sleep_until(COP_FOREVER);
    d.born = cop_zalloc(job.groups * sizeof *d.born);
    if (d.born == NULL)
        cop_exit(cop_because("nomem"));
    for (unsigned g = 0; g < job.groups; g++)
        d.born[g] = born_in(g);
    for (;;) {
        cop_sleep(d.live ? COP_SEC / 4 : COP_SEC);
        draw(&d);
    }
}
