/* SPDX-License-Identifier: MIT
 *
 * driver.h - the door to whoever decides which actor runs when. Rank: 3.
 *
 * Actors and signals know nothing of workers: what they need of a scheduler
 * is in this table, which rank 4 fills when the runtime starts. Another driver
 * behind the same door makes another world (a simulated one).
 */
#ifndef COPI_ACTOR_DRIVER_H
#define COPI_ACTOR_DRIVER_H

#include "runtime/base/base.h"

struct copi_actor;

struct copi_driver {
    /* Makes an actor runnable whose mailbox the caller has just unparked. */
    void (*ready)(struct copi_actor *a);
    /* A thread that is no worker's armed a timer for `at`. */
    void (*timer_armed)(int64_t at);
    /* Ends the running actor for misuse; does not return. */
    void (*exit_badarg)(const char *text);
};

extern struct copi_driver copi_driver;

#endif
