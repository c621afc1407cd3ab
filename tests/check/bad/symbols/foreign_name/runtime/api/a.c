/* SPDX-License-Identifier: MIT
 * Rank: 5.
 */
#include <coppice/a.h>
int cop_a(void) { return 1; }
int helper;
