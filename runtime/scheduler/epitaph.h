/* SPDX-License-Identifier: MIT
 *
 * epitaph.h - what an actor that crashes says of itself. Rank: 4.
 *
 * Most is read from its record when it is buried. Two things only the actor
 * itself can tell, on its own stack and before its clean-ups: where it was,
 * and what its formatter makes of its state.
 */
#ifndef COPI_SCHEDULER_EPITAPH_H
#define COPI_SCHEDULER_EPITAPH_H

#include <coppice/report.h>

#include "runtime/actor/actor.h"

#define COPI_EPITAPH_FRAMES 12

/* 128 bytes: a slab class. */
struct copi_epitaph {
    cop_formatter format;
    const void *arg;
    char *state; /* COP_CRASH_STATE bytes, or NULL */
    uint64_t depth;
    uintptr_t frame[COPI_EPITAPH_FRAMES];
};

/* Does the actor end of something that is reported as a crash? Not if the
 * reason came to it by an exit signal: the crash was another's. */
bool copi_epitaph_is_crash(const struct copi_actor *a);

/* Is its end reported, as the configuration says? */
bool copi_epitaph_is_wanted(const struct copi_actor *a);

/* For the running actor. COP_ENOMEM. */
COP_MUST_USE int copi_epitaph_set(struct copi_actor *a, cop_formatter fn,
                                  const void *arg);

/* On the stack of an actor that begins to die; if it fails in the middle, it
 * may be called again. */
void copi_epitaph_write(struct copi_actor *a);

void copi_epitaph_free(struct copi_actor *a);

#endif
