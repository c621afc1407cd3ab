/* SPDX-License-Identifier: MIT
 *
 * life.h - what runs on a carrier. Rank: 4. See life.c.
 */
#ifndef COPI_SCHEDULER_LIFE_H
#define COPI_SCHEDULER_LIFE_H

#include "runtime/base/base.h"

/* The carrier's own function: runs one actor after another. */
COP_NORETURN void copi_life_main(void *unused);
/* The same of one that a crash has stopped short, below the innermost
 * cop_catch of its actor. */
COP_NORETURN void copi_life_crash_caught(void *unused);

#endif
