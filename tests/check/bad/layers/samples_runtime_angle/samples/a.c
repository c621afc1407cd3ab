/* SPDX-License-Identifier: MIT
 * Rank: 0.
 */
#include <runtime/base/a.h>
