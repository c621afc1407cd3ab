/* SPDX-License-Identifier: MIT
 *
 * chaos_wordcount - counts words with a pool of workers that are killed all
 * the time, and proves that the result is right all the same.
 *
 * This file: options, and the way from them to the exit code. wordcount.h has
 * the map of the others.
 */
#include "wordcount.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

/* By default so many bytes are counted, in passes: some seconds' work. */
#define DEFAULT_BYTES (UINT64_C(1) << 30)

static const char usage[] =
    "usage: chaos_wordcount [OPTION]... [FILE]...\n"
    "Counts the words of the files with actors, kills these at random, and\n"
    "compares the result with a plain count. Without files: the licences in\n"
    "/usr/share/common-licenses and the sources below the current folder.\n"
    "\n"
    "  --kills-per-second N  how fast workers are killed (200)\n"
    "  --workers N           size of the pool, 1 to 64 (4)\n"
    "  --threads N           threads of the runtime (one per core)\n"
    "  --passes N            count everything N times (some seconds' worth)\n"
    "  --seed N              of the choice of victims (1)\n"
    "  --sabotage[=HOW]      make a mistake on purpose: `twice` (one chunk\n"
    "                        counts twice) or `drop` (one is left out)\n"
    "  --quiet               print the verdict only\n"
    "  --help                print this\n"
    "\n"
    "Exit code: 0 the verdict is ok, 1 it is not, 2 usage or unusable file.\n";

static int bad(const char *what, const char *value)
{
    fprintf(stderr, "chaos_wordcount: %s: %s\n%s", what, value, usage);
    return EXIT_USAGE;
}

static bool parse(const char *text, uint64_t least, uint64_t most,
                  uint64_t *out)
{
    char *end;

    if (*text < '0' || *text > '9' || strlen(text) > 19)
        return false;
    *out = strtoull(text, &end, 10);
    return *end == '\0' && *out >= least && *out <= most;
}

/* One option: 0, or the exit code + 1. */
static int take_option(struct job *job, int option, const char *value)
{
    uint64_t n = 0;

    switch (option) {
    case 'k':
        if (!parse(value, 0, 100000, &n))
            return bad("not a number from 0 to 100000", value) + 1;
        job->kills_per_second = (unsigned)n;
        return 0;
    case 'w':
        if (!parse(value, 1, MAX_WORKERS, &n))
            return bad("not a number from 1 to 64", value) + 1;
        job->workers = (unsigned)n;
        return 0;
    case 't':
        if (!parse(value, 1, 256, &n))
            return bad("not a number from 1 to 256", value) + 1;
        job->threads = (unsigned)n;
        return 0;
    case 'p':
        if (!parse(value, 1, 1000000, &n))
            return bad("not a number from 1 to 1000000", value) + 1;
        job->passes = (unsigned)n;
        return 0;
    case 's':
        if (!parse(value, 0, UINT64_MAX, &job->seed))
            return bad("not a number", value) + 1;
        return 0;
    case 'S':
        job->sabotage = SABOTAGE_TWICE;
        if (value != NULL && strcmp(value, "drop") == 0)
            job->sabotage = SABOTAGE_DROP;
        else if (value != NULL && strcmp(value, "twice") != 0)
            return bad("neither twice nor drop", value) + 1;
        return 0;
    case 'q':
        job->quiet = true;
        return 0;
    case 'h':
        fputs(usage, stdout);
        return EXIT_RIGHT + 1;
    default:
        fputs(usage, stderr);
        return EXIT_USAGE + 1;
    }
}

static int take_options(struct job *job, int argc, char **argv)
{
    static const struct option options[] = {
        {"kills-per-second", required_argument, NULL, 'k'},
        {"workers", required_argument, NULL, 'w'},
        {"threads", required_argument, NULL, 't'},
        {"passes", required_argument, NULL, 'p'},
        {"seed", required_argument, NULL, 's'},
        {"sabotage", optional_argument, NULL, 'S'},
        {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option, code = 0;

    while (code == 0 &&
           (option = getopt_long(argc, argv, "", options, NULL)) != -1)
        code = take_option(job, option, optarg);
    return code;
}

static unsigned default_passes(const struct corpus *c)
{
    uint64_t passes = DEFAULT_BYTES / (c->bytes + 1) + 1;

    return passes > 10000 ? 10000 : (unsigned)passes;
}

static int count_words(const struct job *job)
{
    struct outcome outcome = {.job = job};
    cop_config config = {
        .workers = job->threads, .seed = job->seed, .handle_signals = true};
    int code;

    if (!job->quiet)
        printf("%zu files, %llu bytes, %u passes; %u workers, %u kills a "
               "second\n\n",
               job->corpus->nfiles, (unsigned long long)job->corpus->bytes,
               job->passes, job->workers, job->kills_per_second);
    fflush(stdout);
    code = cop_run(director_run, &outcome, &config);
    if (code >= 128) {
        fprintf(stderr, "\nchaos_wordcount: interrupted\n");
    } else if (code < 0 || !outcome.finished) {
        fprintf(stderr, "chaos_wordcount: %s\n",
                code < 0 ? cop_error_str(code) : outcome.failure);
        code = EXIT_WRONG;
    } else {
        code = report(&outcome);
    }
    tally_free(outcome.words);
    return code;
}

int main(int argc, char **argv)
{
    struct job job = {.kills_per_second = DEFAULT_KILLS,
                      .workers = DEFAULT_WORKERS,
                      .seed = 1};
    int code = take_options(&job, argc, argv);

    if (code != 0)
        return code - 1;
    job.corpus = corpus_find(argv + optind, (size_t)(argc - optind));
    if (job.corpus == NULL)
        return EXIT_USAGE;
    if (job.passes == 0)
        job.passes = default_passes(job.corpus);
    code = count_words(&job);
    corpus_free(job.corpus);
    return code;
}
