/* SPDX-License-Identifier: MIT
 *
 * good.c - may use the C library's memory.
 */
#include "actors/table.h"

#include <stdlib.h>

void *copi_actors_good(void);

void *copi_actors_good(void)
{
    return malloc(cop_good());
}
