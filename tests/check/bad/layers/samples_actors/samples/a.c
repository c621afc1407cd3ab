/* SPDX-License-Identifier: MIT
 * Rank: 0.
 */
#include "actors/a.h"
