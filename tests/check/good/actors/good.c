/* SPDX-License-Identifier: MIT
 *
 * good.c - may give memory back with the C library's free.
 */
#include "actors/table.h"

#include <stdlib.h>

void *copi_actors_good(void *p);

void *copi_actors_good(void *p)
{
    if (cop_good() > 0)
        free(p);
    return p;
}
