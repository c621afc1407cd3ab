/* SPDX-License-Identifier: MIT
 *
 * clock.c - the door through which all time enters. Rank: 0.
 *
 * Relaxed atomics: virtual time belongs to the one thread that simulates; they
 * only keep a watchdog's look at it well defined.
 */
#include "runtime/base/clock.h"

#include <time.h>

#include "runtime/base/check.h"

static _Atomic bool is_virtual;
static _Atomic int64_t virtual_now;

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    int rc = clock_gettime(id, &ts);

    COPI_ASSERT(rc == 0);
    return ts.tv_sec * COP_SEC + ts.tv_nsec;
}

static int64_t read_virtual(void)
{
    return atomic_load_explicit(&virtual_now, memory_order_relaxed);
}

int64_t copi_clock_of_thread(int clock_id)
{
    struct timespec ts;

    if (clock_gettime((clockid_t)clock_id, &ts) != 0)
        return -1;
    return ts.tv_sec * COP_SEC + ts.tv_nsec;
}

int64_t copi_clock_real(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t copi_clock_now(void)
{
    return copi_clock_is_virtual() ? read_virtual() : copi_clock_real();
}

int64_t copi_clock_system(void)
{
    if (copi_clock_is_virtual())
        return COPI_CLOCK_VIRTUAL_EPOCH + read_virtual();
    return read_clock(CLOCK_REALTIME);
}

void copi_clock_set_virtual(bool on)
{
    atomic_store_explicit(&virtual_now, COPI_CLOCK_VIRTUAL_START,
                          memory_order_relaxed);
    atomic_store_explicit(&is_virtual, on, memory_order_relaxed);
}

bool copi_clock_is_virtual(void)
{
    return atomic_load_explicit(&is_virtual, memory_order_relaxed);
}

void copi_clock_advance(int64_t ns)
{
    COPI_ASSERT(copi_clock_is_virtual());
    COPI_ASSERTF(ns >= 0, "%" PRId64 " ns", ns);
    atomic_fetch_add_explicit(&virtual_now, ns, memory_order_relaxed);
}
