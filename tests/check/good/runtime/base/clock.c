/* SPDX-License-Identifier: MIT
 *
 * clock.c - may ask for the time. Rank: 0.
 */
#include "runtime/base/base.h"

extern int clock_gettime(int clock, void *out);

void copi_good_clock(void)
{
    long now[2];
    (void)clock_gettime(0, now);
}
