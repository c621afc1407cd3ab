/* SPDX-License-Identifier: MIT
 * Rank: 5.
 */
#include "actors/a.h"
