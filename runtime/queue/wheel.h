/* SPDX-License-Identifier: MIT
 *
 * wheel.h - a hierarchical timing wheel, exact to the nanosecond. See wheel.c.
 *
 * Rank: 2.
 */
#ifndef COPI_QUEUE_WHEEL_H
#define COPI_QUEUE_WHEEL_H

#include "runtime/base/base.h"
#include "runtime/base/list.h"

#define COPI_WHEEL_BITS 6
#define COPI_WHEEL_SLOTS (1 << COPI_WHEEL_BITS)
#define COPI_WHEEL_LEVELS ((64 + COPI_WHEEL_BITS - 1) / COPI_WHEEL_BITS)

/* Not safe by itself: callers hold a lock. Nothing here blocks or allocates.
 * A struct copi_wheel_entry is part of what is timed; all zero, it is in no
 * wheel. */

enum copi_wheel_where { COPI_WHEEL_OUT, COPI_WHEEL_SLOT, COPI_WHEEL_LATE };

struct copi_wheel_entry {
    union {
        struct copi_list link; /* in its slot */
        /* Among the late, siblings in a heap. `back` is the elder one, or the
         * parent of the first. */
        struct {
            struct copi_wheel_entry *next, *back;
        };
    };
    int64_t deadline_ns;
    uint8_t where;                  /* enum copi_wheel_where */
    uint64_t seq;                   /* number of its insertion */
    struct copi_wheel_entry *child; /* among the late: its first one */
};

struct copi_wheel_slot {
    struct copi_list list; /* equal deadlines in order of insertion */
    int64_t earliest_ns;   /* no entry of the list is earlier */
};

struct copi_wheel {
    int64_t cursor_ns; /* no entry in a slot is earlier */
    uint64_t next_seq;
    size_t count;
    struct copi_wheel_entry *late; /* were earlier than the cursor when added */
    uint32_t levels;               /* bit l: level l has entries */
    uint64_t occupied[COPI_WHEEL_LEVELS]; /* bit s: slot s has entries */
    struct copi_wheel_slot slot[COPI_WHEEL_LEVELS][COPI_WHEEL_SLOTS];
};

void copi_wheel_init(struct copi_wheel *w, int64_t now_ns);

/* Adds an entry that is in no wheel, with any deadline; one that is past is
 * due at once. O(1). */
void copi_wheel_add(struct copi_wheel *w, struct copi_wheel_entry *e,
                    int64_t deadline_ns);

/* Takes out an entry that is in this wheel. O(1); O(log n), amortised, if its
 * deadline was past when it was added. */
void copi_wheel_remove(struct copi_wheel *w, struct copi_wheel_entry *e);

/* Takes out an entry with deadline <= now_ns: the earliest one, and among
 * equal deadlines the one that was added first. NULL if none is due. Amortised
 * O(1): an entry is moved at most COPI_WHEEL_LEVELS times in its life. `now`
 * may go back; INT64_MAX empties the wheel. */
struct copi_wheel_entry *copi_wheel_pop_due(struct copi_wheel *w,
                                            int64_t now_ns);

/* When to call pop_due next: the earliest deadline, or a time before it if an
 * earlier entry was removed since (at most one such false alarm for each
 * removal). INT64_MAX if there is none. O(1). */
int64_t copi_wheel_next(const struct copi_wheel *w);

static inline size_t copi_wheel_count(const struct copi_wheel *w)
{
    return w->count;
}

static inline bool copi_wheel_has(const struct copi_wheel_entry *e)
{
    return e->where != COPI_WHEEL_OUT;
}

/* Walks everything and asserts all invariants. O(n). */
void copi_wheel_check(const struct copi_wheel *w);

#endif
