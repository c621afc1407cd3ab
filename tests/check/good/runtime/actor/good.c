/* SPDX-License-Identifier: MIT
 *
 * good.c - speaks of malloc(), errno and "time()" in comments and strings
 * only, and has a member called free. Rank: 3.
 *
 * Eighty characters, some of them of two bytes: äöüäöüäöüäöüäöüäöüäöüäöüäöüäöü
 */
#include "runtime/base/base.h"

struct good {
    void (*free)(struct good *);
};

/* malloc(1) */
static const char *const words[] = {"time(NULL) \" malloc(1)", "'\"'"};

static void nothing(struct good *g)
{
    (void)g;
}

uint32_t cop_good(void)
{
    struct good g = {nothing}; // free(g)
    g.free(&g);
    copi_good_clock();
    return words[0][0] == 't' && '"' != 0;
}
