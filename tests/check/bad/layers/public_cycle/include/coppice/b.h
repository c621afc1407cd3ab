/* SPDX-License-Identifier: MIT
 * Rank: 0.
 */
#include <coppice/a.h>
