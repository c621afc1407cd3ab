/* SPDX-License-Identifier: MIT
 *
 * start.h - the parts of the runtime, made and unmade. Rank: 5.
 */
#ifndef COPI_API_START_H
#define COPI_API_START_H

#include "runtime/scheduler/worker.h"

/* After all actors have ended and no other thread is inside: ends the threads
 * and frees everything. False if a thread did not end by the deadline. */
bool copi_runtime_unmake(cop_time deadline);

#endif
