/* SPDX-License-Identifier: MIT
 *
 * clock.h - the door through which all time enters. Rank: 0.
 *
 * Nanoseconds. Real time runs by itself; virtual time, for simulation, moves
 * only when it is told to. Any thread; nothing blocks; usable in a signal
 * handler.
 */
#ifndef COPI_BASE_CLOCK_H
#define COPI_BASE_CLOCK_H

#include "runtime/base/base.h"

/* Where virtual time begins, and which date that is: 1 January 2000, UTC. */
#define COPI_CLOCK_VIRTUAL_START COP_SEC
#define COPI_CLOCK_VIRTUAL_EPOCH (INT64_C(946684800) * COP_SEC)

/* Monotonic time, or virtual time. */
int64_t copi_clock_now(void);

/* Time since 1970 in UTC; in virtual time a date that depends on virtual time
 * alone. It may jump: never measure with it. */
int64_t copi_clock_system(void);

/* Monotonic time, also while the others are virtual: for watchdogs. */
int64_t copi_clock_real(void);
/* Processor time, by the clock of some thread (os.c); -1 if it has ended. Never
 * virtual. */
int64_t copi_clock_of_thread(int clock_id);

/* Switches over; virtual time starts at COPI_CLOCK_VIRTUAL_START each time.
 * Only while nobody else reads the clock. */
void copi_clock_set_virtual(bool on);
bool copi_clock_is_virtual(void);

/* Moves virtual time on by ns >= 0. Panics in real time. */
void copi_clock_advance(int64_t ns);

#endif
