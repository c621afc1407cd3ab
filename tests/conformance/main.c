/* SPDX-License-Identifier: MIT
 *
 * main.c - the runner of conformance scenarios.
 *
 *     conformance [-w WORKERS] FILE.scn
 *     conformance [-w WORKERS] [-t SECONDS] --check DIR|FILE.scn ...
 */
#include "tests/conformance/run.h"

#include <stdlib.h>
#include <string.h>

static int usage(void)
{
    fputs("conformance [-w WORKERS] FILE.scn\n"
          "conformance [-w WORKERS] [-t SECONDS] --check DIR|FILE.scn ...\n",
          stderr);
    return 2;
}

int main(int argc, char **argv)
{
    const char *given = getenv("COP_WORKERS");
    unsigned workers = given != NULL ? (unsigned)atoi(given) : 1;
    int seconds = 10;
    bool check = false;
    int i = 1;

    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--check") == 0)
            check = true;
        else if (strcmp(argv[i], "-w") == 0 && i + 1 < argc)
            workers = (unsigned)atoi(argv[++i]);
        else if (strcmp(argv[i], "-t") == 0 && i + 1 < argc)
            seconds = atoi(argv[++i]);
        else
            return usage();
    }
    if (i == argc || workers == 0 || (!check && i + 1 != argc))
        return usage();
    if (check)
        return check_all(argv + i, argc - i, workers, seconds);
    return run_scenario(argv[i], workers);
}
