/* SPDX-License-Identifier: MIT
 * Rank: 0.
 */
#include "runtime/misc/a.h"
