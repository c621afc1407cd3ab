/* SPDX-License-Identifier: MIT
 *
 * run.h - running one scenario, and comparing traces.
 */
#ifndef CONFORMANCE_RUN_H
#define CONFORMANCE_RUN_H

#include <stdbool.h>
#include <stdio.h>

/* Runs the scenario in a file and prints its trace. The exit status of the
 * program: 0, 1 (said on the standard error), 77 (a step is not known). */
int run_scenario(const char *path, unsigned workers);

/* Lines of text, each closed by a zero. */
struct lines {
    char *text; /* what line points into */
    char **line;
    int n;
};

/* A trace with all that has no order of its own put in order (the scenario
 * says which supervisors an actor belongs to). False: no memory. */
bool canon_lines(struct lines *out, FILE *trace, const char *scenario_path);
void canon_free(struct lines *l);

/* Runs each .scn in the folders (or files) with each number of workers of a
 * list such as "1,2", and compares with its .trace. Prints what differs and
 * closes with "N passed, M failed". */
int check_all(char *const *paths, int n, const char *workers, int seconds);

#endif
