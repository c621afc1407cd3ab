/* SPDX-License-Identifier: MIT
 * Rank: 0.
 */
#include <coppice/b.h>
