/* SPDX-License-Identifier: MIT
 *
 * crash_gallery - one actor for each way to die, and what its supervisor, a
 * monitor and a linked actor saw of it. The process lives, and so does
 * everybody else in it.
 *
 * This file: options, and the way from them to the exit code. gallery.h has
 * the map of the others.
 */
#include "gallery.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: crash_gallery [OPTION]...\n"
    "Lets actors die, each in another way, and shows what others saw of it.\n"
    "\n"
    "  --list            name the exhibits\n"
    "  --only NAME       show one of them\n"
    "  --seed N          in an order that N decides (0: that of the list)\n"
    "  --sabotage[=HOW]  make a mistake on purpose: `reason` (another reason "
    "is\n"
    "                    expected), `alive` (one is not told to die), `coin`\n"
    "                    (a bystander loses one)\n"
    "  --quiet           print the verdict only\n"
    "  --help            print this\n"
    "\n"
    "Exit code: 0 the verdict is ok, 1 it is not, 2 usage.\n";

static int bad(const char *what, const char *value)
{
    fprintf(stderr, "crash_gallery: %s: %s\n%s", what, value, usage);
    return EXIT_USAGE;
}

static bool parse(const char *text, uint64_t *out)
{
    char *end;

    if (*text < '0' || *text > '9' || strlen(text) > 19)
        return false;
    *out = strtoull(text, &end, 10);
    return *end == '\0';
}

static bool is_exhibit(const char *name)
{
    for (size_t i = 0; i < nexhibits; i++)
        if (strcmp(exhibits[i].name, name) == 0)
            return true;
    return false;
}

static bool parse_sabotage(const char *how, enum sabotage *out)
{
    static const char *const hows[] = {
        [SABOTAGE_REASON] = "reason",
        [SABOTAGE_ALIVE] = "alive",
        [SABOTAGE_COIN] = "coin",
    };

    for (int i = SABOTAGE_REASON; i <= SABOTAGE_COIN; i++) {
        *out = (enum sabotage)i;
        if (how == NULL || strcmp(how, hows[i]) == 0)
            return true;
    }
    return false;
}

/* One option: 0, or the exit code + 1. */
static int take_option(struct tour *t, int option, const char *value)
{
    switch (option) {
    case 'l':
        catalogue_list();
        return EXIT_RIGHT + 1;
    case 'o':
        if (!is_exhibit(value))
            return bad("no such exhibit (see --list)", value) + 1;
        t->only = value;
        return 0;
    case 's':
        if (!parse(value, &t->seed))
            return bad("not a number", value) + 1;
        return 0;
    case 'S':
        if (!parse_sabotage(value, &t->sabotage))
            return bad("not reason, alive or coin", value) + 1;
        return 0;
    case 'q':
        t->quiet = true;
        return 0;
    case 'h':
        fputs(usage, stdout);
        return EXIT_RIGHT + 1;
    default:
        fputs(usage, stderr);
        return EXIT_USAGE + 1;
    }
}

static int take_options(struct tour *t, int argc, char **argv)
{
    static const struct option options[] = {
        {"list", no_argument, NULL, 'l'},
        {"only", required_argument, NULL, 'o'},
        {"seed", required_argument, NULL, 's'},
        {"sabotage", optional_argument, NULL, 'S'},
        {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option, code = 0;

    while (code == 0 &&
           (option = getopt_long(argc, argv, "", options, NULL)) != -1)
        code = take_option(t, option, optarg);
    if (code == 0 && optind < argc)
        code = bad("not an option", argv[optind]) + 1;
    return code;
}

/* The runtime would report each crash on the terminal, in a line that begins
 * with "crash:" and some that are indented. Here the catalogue does that: the
 * curator gets the reports as messages. */
static void print_others(const char *line)
{
    if (line[0] != ' ' && strncmp(line, "crash:", 6) != 0)
        fprintf(stderr, "crash_gallery: %s\n", line);
}

int main(int argc, char **argv)
{
    struct tour tour = {0};
    struct outcome outcome = {.tour = &tour};
    cop_config config = {
        .crash_rate = 1000, .log = print_others, .zygote = true};
    int code = take_options(&tour, argc, argv);

    if (code != 0)
        return code - 1;
    code = cop_run(curator_run, &outcome, &config);
    if (code == 0 && outcome.finished)
        return catalogue_close(&outcome);
    fprintf(stderr, "crash_gallery: the curator did not come to an end%s%s\n",
            code < 0 ? ": " : "", code < 0 ? cop_error_str(code) : "");
    return EXIT_WRONG;
}
