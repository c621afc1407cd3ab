/* SPDX-License-Identifier: MIT
 *
 * atomic.c - the word on which full fences meet under ThreadSanitizer. Rank: 0.
 */
#include "runtime/base/atomic.h"

_Atomic uint32_t copi_fence_word;
