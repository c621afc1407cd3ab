/* SPDX-License-Identifier: MIT
 *
 * failures.c - the last actors whose end was not orderly. Rank: 3.
 *
 * A ring of finished texts, not of reasons: a retained reason would keep
 * memory that its actor's death should give back. Making the text costs a
 * microsecond, so nothing is noted while nobody keeps them.
 *
 * Who writes takes the ring or leaves it: a death waits for nobody. What is
 * lost so is counted all the same. Who reads tries for a while, as a writer
 * may have lost its core.
 */
#include "runtime/actor/failures.h"

#include <coppice/time.h>

#include "runtime/actor/actor.h"
#include "runtime/actor/name.h"
#include "runtime/base/clock.h"
#include "runtime/base/os.h"

enum { READ_TRIES = 1000 };

_Atomic uint32_t copi_failures_keepers;

static _Atomic uint64_t seen;
static _Atomic uint32_t taken;
/* For who has taken it. */
static cop_failure ring[COP_FAILURES];
static uint64_t written;

static bool try_take(void)
{
    /* acquire: pairs with give, shows what its taker wrote */
    return atomic_exchange_explicit(&taken, 1, memory_order_acquire) == 0;
}

static void give(void)
{
    /* release: pairs with try_take, publishes the ring */
    atomic_store_explicit(&taken, 0, memory_order_release);
}

static bool take_in_time(void)
{
    for (unsigned i = 0; i < READ_TRIES; i++) {
        if (try_take())
            return true;
        copi_os_yield();
    }
    return false;
}

void copi_failures_clear(void)
{
    atomic_store_explicit(&seen, 0, memory_order_relaxed);
    if (!take_in_time())
        return;
    written = 0;
    give();
}

void copi_failures_note_slow(struct copi_actor *a)
{
    atomic_fetch_add_explicit(&seen, 1, memory_order_relaxed);
    if (!try_take())
        return;
    cop_failure *f = &ring[written++ % COP_FAILURES];
    memset(f, 0, sizeof *f);
    f->pid = a->pid;
    f->serial = a->serial;
    f->at = copi_clock_now();
    copi_name_of(a, f->name);
    snprintf(f->label, sizeof f->label, "%s", a->label != NULL ? a->label : "");
    cop_reason_str(a->reason, f->reason, sizeof f->reason);
    give();
}

uint64_t copi_failures_copy(cop_failure *out, size_t cap, size_t *n)
{
    *n = 0;
    if (!take_in_time())
        return atomic_load_explicit(&seen, memory_order_relaxed);
    uint64_t have = COPI_MIN(written, (uint64_t)COP_FAILURES);
    while (*n < cap && *n < have) {
        out[*n] = ring[(written - 1 - *n) % COP_FAILURES];
        (*n)++;
    }
    give();
    return atomic_load_explicit(&seen, memory_order_relaxed);
}
