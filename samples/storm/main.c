/* SPDX-License-Identifier: MIT
 *
 * storm - ten thousand workers under a hundred supervisors answer questions
 * while a plan of faults kills and crashes them, drops messages and delays
 * others; at the end every question and every restart is accounted for.
 *
 * This file: options, and the way from them to the exit code. storm.h has the
 * map of the others.
 */
#include "storm.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

struct job job = {
    .workers = 10000, .clients = 32, .time_ns = 5 * COP_SEC, .seed = 1};
static bool verbose;

#define KILLS "kill worker.* every=10ms\n"
#define CRASHES "segv worker.* every=50ms\nsegv worker.* p=0.0001\n"
#define MESSAGES                                                               \
    "drop tag=ASK p=0.0005\n"                                                  \
    "drop from=worker.* kind=reply p=0.0005\n"                                 \
    "delay tag=ASK 1ms..20ms p=0.005\n"                                        \
    "delay from=worker.* kind=reply 1ms..400ms p=0.002\n"

#if INSTRUMENTED
static const char default_plan[] = KILLS MESSAGES;
#else
static const char default_plan[] = KILLS CRASHES MESSAGES;
#endif

static const char usage[] =
    "usage: storm [OPTION]...\n"
    "A tree of workers answers questions in a storm of faults; at the end "
    "each\n"
    "question and each restart is accounted for.\n"
    "\n"
    "  --workers N        in groups of 100, a supervisor each (10000)\n"
    "  --clients N        who ask (32)\n"
    "  --seconds N        how long (5)\n"
    "  --threads N        threads of the runtime (one per core)\n"
    "  --seed N           of the plan and of the clients' choices (1)\n"
    "  --faults PLAN      another plan, or @FILE (coppice/chaos.h); rules for\n"
    "                     actors should mean worker.*; not `duplicate`\n"
    "  --sabotage[=HOW]   make a mistake on purpose: `forget` (an answer is "
    "not\n"
    "                     written down), `kill` (a worker, by nobody's plan),\n"
    "                     `leak` (an actor stays behind)\n"
    "  --verbose          crash reports, too, on the standard error\n"
    "  --quiet            print the verdict only\n"
    "  --help             print this, and the plan\n"
    "\n"
    "Exit code: 0 the verdict is ok, 1 it is not, 2 usage.\n";

static int bad(const char *what, const char *value)
{
    fprintf(stderr, "storm: %s: %s\n%s", what, value, usage);
    return EXIT_USAGE + 1;
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

static int take_number(const char *value, uint64_t least, uint64_t most,
                       unsigned *out)
{
    uint64_t n;
    char text[64];

    snprintf(text, sizeof text, "not a number from %llu to %llu",
             (unsigned long long)least, (unsigned long long)most);
    if (!parse(value, least, most, &n))
        return bad(text, value);
    *out = (unsigned)n;
    return 0;
}

static int take_sabotage(const char *how)
{
    static const char *const names[] = {[SABOTAGE_FORGET] = "forget",
                                        [SABOTAGE_KILL] = "kill",
                                        [SABOTAGE_LEAK] = "leak"};

    for (int i = SABOTAGE_FORGET; i <= SABOTAGE_LEAK; i++)
        if (strcmp(how != NULL ? how : "forget", names[i]) == 0) {
            job.sabotage = (enum sabotage)i;
            return 0;
        }
    return bad("neither forget nor kill nor leak", how);
}

/* One option: 0, or the exit code + 1. */
static int take_option(int option, const char *value)
{
    unsigned seconds = 0;
    int code;

    switch (option) {
    case 'w':
        return take_number(value, 1, MAX_WORKERS, &job.workers);
    case 'c':
        return take_number(value, 1, MAX_CLIENTS, &job.clients);
    case 'T':
        code = take_number(value, 1, 3000, &seconds);
        job.time_ns = seconds * COP_SEC;
        return code;
    case 't':
        return take_number(value, 1, 256, &job.threads);
    case 's':
        if (!parse(value, 0, UINT64_MAX, &job.seed))
            return bad("not a number", value);
        return 0;
    case 'f':
        job.plan = value;
        return 0;
    case 'S':
        return take_sabotage(value);
    case 'v':
        verbose = true;
        return 0;
    case 'q':
        job.quiet = true;
        return 0;
    case 'h':
        printf("%s\nThe plan:\n\n%s", usage, default_plan);
        return EXIT_RIGHT + 1;
    default:
        fputs(usage, stderr);
        return EXIT_USAGE + 1;
    }
}

static int take_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"workers", required_argument, NULL, 'w'},
        {"clients", required_argument, NULL, 'c'},
        {"seconds", required_argument, NULL, 'T'},
        {"threads", required_argument, NULL, 't'},
        {"seed", required_argument, NULL, 's'},
        {"faults", required_argument, NULL, 'f'},
        {"sabotage", optional_argument, NULL, 'S'},
        {"verbose", no_argument, NULL, 'v'},
        {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option, code = 0;

    job.plan = default_plan;
    while (code == 0 &&
           (option = getopt_long(argc, argv, "", options, NULL)) != -1)
        code = take_option(option, optarg);
    if (code == 0 && optind < argc)
        code = bad("unexpected", argv[optind]);
    job.groups = (job.workers + GROUP - 1) / GROUP;
    return code;
}

/* The plan is looked at before anything is started. */
static int check_plan(void)
{
    cop_chaos_error e;

    if (cop_chaos_tag_name(TAG_ASK, "ASK") != 0 ||
        cop_chaos_check(job.plan, &e) == 0)
        return 0;
    if (e.line != 0)
        fprintf(stderr, "storm: the plan, line %u, column %u: %s\n", e.line,
                e.column, e.text);
    else
        fprintf(stderr, "storm: the plan: %s\n", e.text);
    return EXIT_USAGE;
}

/* Hundreds of crashes a second are expected: nobody needs to read of them. */
static void ignore(const char *text)
{
    (void)text;
}

static int run(void)
{
    struct outcome outcome = {0};
    cop_config config = {.workers = job.threads,
                         .seed = job.seed,
                         .handle_signals = true,
                         .crash_rate = 1,
                         .log = verbose ? NULL : ignore};
    int code;

    if (!job.quiet)
        printf("%u workers in %u groups, %u clients, %.0f s, seed %llu\n",
               job.workers, job.groups, job.clients,
               (double)job.time_ns / (double)COP_SEC,
               (unsigned long long)job.seed);
    if (!job.quiet && INSTRUMENTED)
        printf("a sanitizer build: no native faults, memory is not measured\n");
    fflush(stdout);
    code = cop_run(director_run, &outcome, &config);
    if (code >= 128) {
        fprintf(stderr, "\nstorm: interrupted\n");
        return code;
    }
    if (code != 0 && outcome.failure[0] == '\0')
        snprintf(outcome.failure, sizeof outcome.failure, "the director: %s",
                 code < 0 ? cop_error_str(code) : "see the log (--verbose)");
    return report(&outcome);
}

int main(int argc, char **argv)
{
    int code = take_options(argc, argv);

    if (code != 0)
        return code - 1;
    code = check_plan();
    if (code != 0)
        return code;
    if (books_open() != 0) {
        fprintf(stderr, "storm: %s\n", cop_error_str(COP_ENOMEM));
        return EXIT_WRONG;
    }
    code = run();
    books_close();
    return code;
}
