/* SPDX-License-Identifier: MIT
 * Rank: 5.
 */
#include <coppice/a.h>
int cop_a(void) { return 1; }
COP_API int copi_c;
int copi_c;
