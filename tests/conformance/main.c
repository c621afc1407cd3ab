/* SPDX-License-Identifier: MIT
 *
 * main.c - the runner of conformance scenarios.
 *
 *     conformance [-w WORKERS] FILE.scn
 *     conformance [-w WORKERS,...] [-t SECONDS] --check DIR|FILE.scn ...
 */
#include "tests/conformance/run.h"

#include <stdlib.h>
#include <string.h>

static int usage(void)
{
    fputs(
        "conformance [-w WORKERS] FILE.scn\n"
        "conformance [-w WORKERS,...] [-t SECONDS] --check DIR|FILE.scn ...\n",
        stderr);
    return 2;
}

/* "2", or "1,2" if several make sense. */
static bool is_workers(const char *text, bool several)
{
    size_t n = strspn(text, "0123456789");

    if (n == 0 || n > 3 || atoi(text) == 0)
        return false;
    return text[n] == '\0' ||
           (several && text[n] == ',' && is_workers(text + n + 1, several));
}

int main(int argc, char **argv)
{
    const char *given = getenv("COP_WORKERS");
    const char *workers = given != NULL ? given : "1";
    int seconds = 10;
    bool check = false;
    int i = 1;

    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--check") == 0)
            check = true;
        else if (strcmp(argv[i], "-w") == 0 && i + 1 < argc)
            workers = argv[++i];
        else if (strcmp(argv[i], "-t") == 0 && i + 1 < argc)
            seconds = atoi(argv[++i]);
        else
            return usage();
    }
    if (i == argc || !is_workers(workers, check) || (!check && i + 1 != argc))
        return usage();
    if (check)
        return check_all(argv + i, argc - i, workers, seconds);
    return run_scenario(argv[i], (unsigned)atoi(workers));
}
