/* SPDX-License-Identifier: MIT
 *
 * crowd.h - for tests of what threads share: runs a function on several threads
 * that set out together. (A thread takes longer to start than many a test body
 * to run: without the gate they would run one after the other.)
 *
 *     static void add(int i) {...}
 *     crowd_run(4, add);
 */
#ifndef TESTS_SUPPORT_CROWD_H
#define TESTS_SUPPORT_CROWD_H

#include <check.h>

#include "runtime/base/os.h"

#define CROWD_MAX 16

static _Atomic uint32_t crowd_gate; /* threads still to come, then 0: go */
static void (*crowd_fn)(int i);

static inline void crowd_main(void *arg)
{
    atomic_fetch_sub(&crowd_gate, 1);
    while (atomic_load(&crowd_gate) != 0)
        copi_os_yield();
    crowd_fn((int)(intptr_t)arg);
}

/* fn(0) to fn(n - 1), each on a thread of its own; returns when all have. */
static inline void crowd_run(int n, void (*fn)(int i))
{
    struct copi_thread threads[CROWD_MAX];

    ck_assert_int_le(n, CROWD_MAX);
    crowd_fn = fn;
    atomic_store(&crowd_gate, (uint32_t)n);
    for (intptr_t i = 0; i < n; i++)
        ck_assert_int_eq(copi_os_thread_start(&threads[i], "crowd", 0,
                                              crowd_main, (void *)i),
                         0);
    for (int i = 0; i < n; i++)
        copi_os_thread_join(&threads[i]);
}

#endif
