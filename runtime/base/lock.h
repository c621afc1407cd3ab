/* SPDX-License-Identifier: MIT
 *
 * lock.h - mutual exclusion with ranks. Rank: 0.
 *
 * Each lock has a rank from the one table below. A thread that holds a lock
 * may acquire only locks of greater ranks, so no cycle of waiting threads can
 * come about; breaking the rule panics, in every build, also when no deadlock
 * happened this time. A new lock needs a rank, and its reason here.
 *
 * A lock may be taken on a coroutine's stack, but never held while coroutines
 * are switched: what is held belongs to the thread. copi_lock_none_held() is
 * for asserting that.
 *
 * Invariants:
 *  1. Bit r of a thread's mask is set if and only if it holds a lock of rank r;
 *     it never holds two of one rank.
 *  2. A lock's `holder` is its holder's mask, or NULL.
 */
#ifndef COPI_BASE_LOCK_H
#define COPI_BASE_LOCK_H

#include "runtime/base/os.h"

/* In the order in which they may be acquired: rank, what it protects. */
#define COPI_LOCK_RANKS(X)                                                     \
    X(RUNTIME, "start and stop of the runtime")                                \
    X(NAMES, "the registry of names")                                          \
    X(ISOLATED, "the table of isolated actors")                                \
    X(WHEEL, "one worker's timers")                                            \
    X(TABLE, "growing the actor table, free slots")                            \
    X(LIMBO, "slots waiting for their grace period")                           \
    X(INJECT, "the global run queue")                                          \
    X(IDLE, "the set of sleeping workers")                                     \
    X(BLOCKING, "the pool of helper threads and its queue")                    \
    X(SYSMON, "the monitor thread's sleep")                                    \
    X(SLAB, "the depot of memory cells")                                       \
    X(ARENAS, "the pool of arenas, from which mallocs of single actors come")  \
    X(STACK, "the pool of stacks")                                             \
    X(REASON, "the table of interned exit reasons")                            \
    X(SYMBOLS, "the handle of the library that knows source lines")            \
    X(UPLINK, "what an isolated actor sends")                                  \
    X(LOG, "reports that wait to be written")

enum copi_lock_rank {
#define COPI_X(name, what) COPI_LOCK_##name,
    COPI_LOCK_RANKS(COPI_X)
#undef COPI_X
        COPI_LOCK_RANK_COUNT
};

struct copi_lock {
    pthread_mutex_t mutex;
    enum copi_lock_rank rank;
    _Atomic(uint32_t *) holder;
};

/* For locks that need no copi_lock_init: COPI_LOCK_INIT(COPI_LOCK_NAMES). */
#define COPI_LOCK_INIT(rank_value)                                             \
    {                                                                          \
        .mutex = PTHREAD_MUTEX_INITIALIZER, .rank = (rank_value)               \
    }

void copi_lock_init(struct copi_lock *l, enum copi_lock_rank rank);

/* Nobody may hold it. */
void copi_lock_fini(struct copi_lock *l);

/* Blocks the thread. Panics if it holds a lock of this or a greater rank. */
void copi_lock_acquire(struct copi_lock *l);

/* True: taken. As it never waits it may go against the order of ranks, but the
 * thread must hold no other lock of the same rank. */
bool copi_lock_try(struct copi_lock *l);

/* Panics unless this thread holds it. */
void copi_lock_release(struct copi_lock *l);

/* Does this thread hold it? For asserting in functions named _locked. */
bool copi_lock_is_held(const struct copi_lock *l);

/* Does this thread hold no lock of this or a greater rank? For functions that
 * acquire one only now and then: assert it every time. */
bool copi_lock_may_acquire(enum copi_lock_rank rank);

/* Does this thread hold no lock at all? */
bool copi_lock_none_held(void);

const char *copi_lock_rank_name(enum copi_lock_rank rank);

#endif
