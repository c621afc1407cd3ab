/* SPDX-License-Identifier: MIT
 * Rank: 0.
 */
#include <stdio.h>
