/* SPDX-License-Identifier: MIT
 *
 * inject.h - the plan that is on: which of its rules fire, and when. Rank: 1.
 * See inject.c.
 *
 * A place in the runtime where faults can happen asks first whether any could:
 *
 *     if (copi_inject_is_on(COPI_INJECT_SENDS))
 *         ...
 *
 * which costs a load and a predictable branch. Only then does it enter, look
 * which rules the opportunity is one for, ask each whether it fires, and leave.
 */
#ifndef COPI_PROBE_INJECT_H
#define COPI_PROBE_INJECT_H

#include "runtime/base/prng.h"
#include "runtime/probe/libc.h"
#include "runtime/probe/plan.h"

struct copi_actor;

enum copi_inject_bit {
    COPI_INJECT_TURNS = 1, /* the plan has rules for actors' turns */
    COPI_INJECT_SENDS = 2  /* for messages */
};

/* Read by copi_inject_is_on only. */
extern _Atomic uint32_t copi_inject_mask;

/* Relaxed: copi_inject_enter looks again. */
static inline bool copi_inject_is_on(enum copi_inject_bit what)
{
    uint32_t m = atomic_load_explicit(&copi_inject_mask, memory_order_relaxed);
    return COPI_UNLIKELY((m & what) != 0);
}

/* Bit f: the plan has rules for calls of function f of libc. All of them: an
 * actor is to give way at any (scheduler/preempt.c). Read by
 * copi_inject_has_libc only. */
extern _Atomic uint64_t copi_inject_libc;

/* Is there perhaps anything to do before a call of this function? Relaxed:
 * likewise. */
static inline bool copi_inject_has_libc(enum copi_libc fn)
{
    uint64_t m = atomic_load_explicit(&copi_inject_libc, memory_order_relaxed);
    return COPI_UNLIKELY((m >> fn & 1) != 0);
}

/* What of the two it is. */
bool copi_inject_names_libc(enum copi_libc fn);
bool copi_inject_asks_at_libc(void);
/* sysmon: actors are to give way there, or not any more. */
void copi_inject_ask_at_libc(bool on);

/* What happens to actors, for the files that run them: they rank below those
 * that know. Set once, before the first worker starts. */
struct copi_inject_door {
    /* In the actor's own context, as it gets a turn; `parked`: in the middle of
     * a call that waits. May not return. */
    void (*turn)(struct copi_actor *a, bool parked);
    /* There too, as it gives the turn back. */
    void (*leaving)(struct copi_actor *a);
};
extern struct copi_inject_door copi_inject_door;

/* Switches a plan on; it is copied. `seed`: for what has none of its own.
 * COP_EALREADY. Any thread. */
COP_MUST_USE int copi_inject_start(const struct copi_plan *plan, uint64_t seed);
/* Switches it off; false: none was on. When this returns no decision is under
 * way. The counters stay. */
bool copi_inject_stop(void);

/* Between these two the plan does not change; false: none is on (then do not
 * leave). Nothing in between may block, switch or allocate. */
bool copi_inject_enter(void);
void copi_inject_leave(void);

/* Changes with each start: what was decided under another one is void. */
uint32_t copi_inject_era(void);

/* For who reads the rules below whether a plan is on or not: until it lets go,
 * with what hold gave, none is switched on or off. As between enter and leave
 * otherwise. */
bool copi_inject_hold(void);
void copi_inject_let_go(bool is_on);

/* The rules that are on, or were last: only while one is inside. */
unsigned copi_inject_count(void);
const struct copi_rule *copi_inject_rule(unsigned i);
uint64_t copi_inject_seed(unsigned i);
uint64_t copi_inject_seen(unsigned i);
uint64_t copi_inject_fired(unsigned i);
uint64_t copi_inject_struck(unsigned i);
/* A hash, begun with h, of what chance decides for rule i. */
uint64_t copi_inject_foretell(unsigned i, uint64_t h);

/* What is to be done by rule i, as a number that is void under another plan:
 * for who does it later. Never 0. */
uint16_t copi_inject_debt(unsigned i);
/* The rule of a debt, or -1 if it is void (or 0). */
int copi_inject_creditor(unsigned debt);
/* It has been done: of rules for actors, but slow=. Whether the plan is still
 * on or not. */
void copi_inject_strike(unsigned debt);

/* One opportunity of one rule, and the numbers drawn for it. */
struct copi_shot {
    uint64_t key;
    bool is_drawn; /* prng is set */
    struct copi_prng prng;
};

/* Counts an opportunity and decides about it. */
bool copi_inject_fires(unsigned i, struct copi_shot *shot);
/* 0 to n - 1. */
uint64_t copi_shot_below(struct copi_shot *shot, uint64_t n);

/* Does a rule for messages apply to this tag? */
bool copi_inject_has_tag(const struct copi_rule *r, cop_tag tag);
/* COP_EINVAL; COP_ELIMIT. Lives as long as the process. */
COP_MUST_USE int copi_inject_name_tag(cop_tag tag, const char *name);

#endif
