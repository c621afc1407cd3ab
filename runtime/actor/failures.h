/* SPDX-License-Identifier: MIT
 *
 * failures.h - the last actors whose end was not orderly, for observers.
 * Rank: 3.
 */
#ifndef COPI_ACTOR_FAILURES_H
#define COPI_ACTOR_FAILURES_H

#include <coppice/inspect.h>

#include "runtime/base/base.h"

struct copi_actor;

/* How many keep them; none at first. */
extern _Atomic uint32_t copi_failures_keepers;

/* Forgets them all. */
void copi_failures_clear(void);

void copi_failures_note_slow(struct copi_actor *a);

/* `a` is about to be buried, and its end was not orderly; it still has its name
 * and its reason. */
static inline void copi_failures_note(struct copi_actor *a)
{
    if (atomic_load_explicit(&copi_failures_keepers, memory_order_relaxed) != 0)
        copi_failures_note_slow(a);
}

/* As cop_failures_get. */
uint64_t copi_failures_copy(cop_failure *out, size_t cap, size_t *n);

#endif
