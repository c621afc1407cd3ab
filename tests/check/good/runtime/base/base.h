/* SPDX-License-Identifier: MIT
 *
 * base.h - the one place for system headers. Rank: 0.
 */
#ifndef RUNTIME_BASE_BASE_H
#define RUNTIME_BASE_BASE_H

#include <coppice/good.h>
#include <stdlib.h>

void copi_good_clock(void);

#endif
