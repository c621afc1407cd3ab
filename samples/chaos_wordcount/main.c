/* SPDX-License-Identifier: MIT
 *
 * chaos_wordcount - counts words with a pool of workers that are killed, and
 * crash, all the time, and proves that the result is right all the same.
 *
 * This file: options, and the way from them to the exit code. wordcount.h has
 * the map of the others.
 */
#include "wordcount.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

/* By default so many bytes are counted, in passes: some seconds' work. */
#define DEFAULT_BYTES (UINT64_C(1) << 30)

static const char usage[] =
    "usage: chaos_wordcount [OPTION]... [FILE]...\n"
    "Counts the words of the files with actors, kills and crashes these at\n"
    "random, and compares the result with a plain count. Without files: the\n"
    "licences in /usr/share/common-licenses and the sources below the current\n"
    "folder.\n"
    "\n"
    "  --kills-per-second N  how many faults workers are sent (200)\n"
    "  --crashes             native faults and limits too: NULL, stack\n"
    "                        overflow, division by zero, abort, a loop "
    "without\n"
    "                        end, memory without end (the default)\n"
    "  --no-crashes          only `kill`, an exit signal and poison\n"
    "  --workers N           size of the pool, 1 to 64 (4)\n"
    "  --threads N           threads of the runtime (one per core)\n"
    "  --passes N            count everything N times (some seconds' worth)\n"
    "  --seed N              of the sequence of faults (1)\n"
    "  --sabotage[=HOW]      make a mistake on purpose: `twice` (one chunk\n"
    "                        counts twice), `drop` (one is left out), `hide`\n"
    "                        (one death is kept quiet)\n"
    "  --reports FILE        write crash reports there, 10 a second at most\n"
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

static bool parse_sabotage(const char *how, enum sabotage *out)
{
    static const char *const hows[] = {
        [SABOTAGE_TWICE] = "twice",
        [SABOTAGE_DROP] = "drop",
        [SABOTAGE_HIDE] = "hide",
    };

    for (int i = SABOTAGE_TWICE; i <= SABOTAGE_HIDE; i++) {
        *out = (enum sabotage)i;
        if (how == NULL || strcmp(how, hows[i]) == 0)
            return true;
    }
    return false;
}

/* A number: 0, or the exit code + 1. */
static int take_number(unsigned *out, const char *value, unsigned least,
                       unsigned most)
{
    uint64_t n = 0;
    char text[64];

    if (!parse(value, least, most, &n)) {
        snprintf(text, sizeof text, "not a number from %u to %u", least, most);
        return bad(text, value) + 1;
    }
    *out = (unsigned)n;
    return 0;
}

/* One option: 0, or the exit code + 1. */
static int take_option(struct job *job, int option, const char *value)
{
    switch (option) {
    case 'k':
        return take_number(&job->kills_per_second, value, 0, 100000);
    case 'w':
        return take_number(&job->workers, value, 1, MAX_WORKERS);
    case 't':
        return take_number(&job->threads, value, 1, 256);
    case 'p':
        return take_number(&job->passes, value, 1, 1000000);
    case 's':
        if (!parse(value, 0, UINT64_MAX, &job->seed))
            return bad("not a number", value) + 1;
        return 0;
    case 'S':
        if (!parse_sabotage(value, &job->sabotage))
            return bad("not twice, drop or hide", value) + 1;
        return 0;
    case 'c':
        if (!can_crash())
            return bad("not in a program built with a sanitizer", "--crashes") +
                   1;
        job->crashes = true;
        return 0;
    case 'n':
        job->crashes = false;
        return 0;
    case 'r':
        job->reports = value;
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
        {"crashes", no_argument, NULL, 'c'},
        {"no-crashes", no_argument, NULL, 'n'},
        {"reports", required_argument, NULL, 'r'},
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

/* Of crashes there are many, so that their reports go to a file or nowhere.
 * Whatever else the runtime has to say is said. A report is a line that begins
 * with "crash:" and some that are indented. */
static FILE *reports;

static void take_line(const char *line)
{
    bool is_report = line[0] == ' ' || strncmp(line, "crash:", 6) == 0;

    if (!is_report)
        fprintf(stderr, "chaos_wordcount: %s\n", line);
    else if (reports != NULL)
        fprintf(reports, "%s\n", line);
}

static void print_plan(const struct job *job)
{
    printf("%zu files, %llu bytes, %u passes; %u workers, %u faults a second, "
           "%s\n\n",
           job->corpus->nfiles, (unsigned long long)job->corpus->bytes,
           job->passes, job->workers, job->kills_per_second,
           job->crashes  ? "crashes among them"
           : can_crash() ? "no crashes"
                         : "no crashes: a sanitizer takes these for itself");
    fflush(stdout);
}

static int count_words(const struct job *job)
{
    struct outcome outcome = {.job = job};
    cop_config config = {.workers = job->threads,
                         .seed = job->seed,
                         .handle_signals = true,
                         .log = take_line};
    int code;

    if (reports == NULL)
        config.crash_reports = COP_REPORT_NONE;
    if (!job->quiet)
        print_plan(job);
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
                      .seed = 1,
                      .crashes = can_crash()};
    int code = take_options(&job, argc, argv);

    if (code != 0)
        return code - 1;
    if (job.reports != NULL && (reports = fopen(job.reports, "w")) == NULL) {
        fprintf(stderr, "chaos_wordcount: %s: %s\n", job.reports,
                strerror(errno));
        return EXIT_USAGE;
    }
    job.corpus = corpus_find(argv + optind, (size_t)(argc - optind));
    if (job.corpus == NULL)
        return EXIT_USAGE;
    if (job.passes == 0)
        job.passes = default_passes(job.corpus);
    code = count_words(&job);
    corpus_free(job.corpus);
    if (reports != NULL)
        fclose(reports);
    return code;
}
