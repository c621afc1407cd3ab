/* SPDX-License-Identifier: MIT
 *
 * timers.h - timers: the deadlines of waiting actors, and messages to be sent
 * later. Rank: 4. See timers.c.
 */
#ifndef COPI_SCHEDULER_TIMERS_H
#define COPI_SCHEDULER_TIMERS_H

#include "runtime/actor/actor.h"
#include "runtime/queue/wheel.h"

/* What lies in a wheel. */
struct copi_due {
    struct copi_wheel_entry entry; /* first */
    bool is_message;               /* a struct copi_timer, or _deadline */
};

/* The deadline of a waiting actor, on its own stack. */
struct copi_deadline {
    struct copi_due due; /* first */
    cop_pid pid;
    uint16_t shard;
    bool armed;
    _Atomic uint8_t fired;
};

/* `shards`: one for each worker, and one for all other threads; in virtual
 * time all use shard 0, so that one order holds for all. COP_ENOMEM. */
COP_MUST_USE int copi_timers_init(unsigned shards, bool virtual_time);
void copi_timers_fini(void);

/* Arms a zeroed deadline for the running actor or guest. */
void copi_deadline_arm(struct copi_deadline *d, cop_pid pid, cop_time at);
/* After this nobody touches *d. */
void copi_deadline_disarm(struct copi_deadline *d);
static inline bool copi_deadline_fired(const struct copi_deadline *d)
{
    /* seq_cst: see wait.c */
    return atomic_load(&d->fired) != 0;
}

/* Sends m (taken on success) at `at` to a pid, or to a name. With `stamp` the
 * message's reference is the timer's id. COP_ENOMEM. */
COP_MUST_USE int copi_timer_start(cop_timer *out, cop_time at, cop_pid to,
                                  const char *name, struct cop_msg *m,
                                  bool stamp);
/* The time it was due, or COP_ENOENT. */
cop_time copi_timer_cancel(cop_timer t);
cop_time copi_timer_due(cop_timer t);
/* Forgets the timers of an actor that ends. */
void copi_timers_forget(struct copi_actor *a);

/* Fires what is due in one shard, or in all. True if anything was. */
bool copi_timers_expire(unsigned shard, cop_time now);
bool copi_timers_expire_all(cop_time now);
/* When to look again: COP_FOREVER if there are none. */
cop_time copi_timers_next(unsigned shard);
cop_time copi_timers_next_of_all(void);

/* Wakes an actor that waits for something else than a signal (wait.c). */
void copi_wake(struct copi_actor *a);

#endif
