/* SPDX-License-Identifier: MIT
 * Rank: 0.
 */
#include <unistd.h>
