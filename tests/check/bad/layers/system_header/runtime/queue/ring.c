/* SPDX-License-Identifier: MIT
 * Rank: 2.
 */
#include <string.h>
