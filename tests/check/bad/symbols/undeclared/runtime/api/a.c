/* SPDX-License-Identifier: MIT
 * Rank: 5.
 */
#include <coppice/a.h>
int cop_a(void) { return 1; }
COP_API int cop_c(void);
int cop_c(void) { return 1; }
