/* SPDX-License-Identifier: MIT
 *
 * escalation - how a failure climbs a supervision tree: restart, giving up, the
 * parent's turn, up to the root; then backoff and auto_shutdown.
 *
 * This file: options, and the way from them to the exit code. escalation.h has
 * the map of the others.
 */
#include "escalation.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

struct job job = {.seed = 1};

static const char usage[] =
    "usage: escalation [OPTION]...\n"
    "Lets supervised actors crash, step by step, draws the tree after each, "
    "and\n"
    "checks that all is as OTP's supervisors would have it.\n"
    "\n"
    "  --seed N     who of equal children has to crash (1)\n"
    "  --step       wait for Enter after each step, on a terminal\n"
    "  --sabotage   turn one expectation round: the verdict must be WRONG\n"
    "  --help       print this\n"
    "\n"
    "Exit code: 0 the verdict is ok, 1 it is not, 2 usage.\n";

static bool parse(const char *text, uint64_t *out)
{
    char *end;

    if (*text < '0' || *text > '9' || strlen(text) > 19)
        return false;
    *out = strtoull(text, &end, 10);
    return *end == '\0';
}

/* One option: 0, or the exit code + 1. */
static int take_option(int option, const char *value)
{
    switch (option) {
    case 's':
        if (parse(value, &job.seed))
            return 0;
        fprintf(stderr, "escalation: not a number: %s\n%s", value, usage);
        return EXIT_USAGE + 1;
    case 'e':
        job.step = true;
        return 0;
    case 'S':
        job.sabotage = true;
        return 0;
    case 'h':
        fputs(usage, stdout);
        return EXIT_RIGHT + 1;
    default:
        fputs(usage, stderr);
        return EXIT_USAGE + 1;
    }
}

static int take_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},
        {"step", no_argument, NULL, 'e'},
        {"sabotage", no_argument, NULL, 'S'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option, code = 0;

    while (code == 0 &&
           (option = getopt_long(argc, argv, "", options, NULL)) != -1)
        code = take_option(option, optarg);
    if (code == 0 && optind < argc) {
        fprintf(stderr, "escalation: unexpected: %s\n%s", argv[optind], usage);
        code = EXIT_USAGE + 1;
    }
    return code;
}

int main(int argc, char **argv)
{
    cop_config config = {.handle_signals = true};
    int code = take_options(argc, argv), verdict = EXIT_WRONG;

    if (code != 0)
        return code - 1;
    config.seed = job.seed;
    code = cop_run(steps_run, &verdict, &config);
    if (code < 0)
        fprintf(stderr, "escalation: %s\n", cop_error_str(code));
    return code == 0 ? verdict : code >= 128 ? code : EXIT_WRONG;
}
