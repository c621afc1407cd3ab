/* SPDX-License-Identifier: MIT
 *
 * atomic.h - what <stdatomic.h> lacks: a spin hint, and a full fence that the
 * thread sanitizer understands. Rank: 0.
 *
 * Everything else is C11 directly, always with an explicit order.
 */
#ifndef COPI_BASE_ATOMIC_H
#define COPI_BASE_ATOMIC_H

#include "runtime/base/base.h"

/* Tells the core that this is a waiting loop. */
#if defined(__x86_64__)
static inline void copi_cpu_relax(void)
{
    __builtin_ia32_pause();
}
#elif defined(__aarch64__)
static inline void copi_cpu_relax(void)
{
    __asm__ volatile("yield");
}
#else
static inline void copi_cpu_relax(void)
{
    atomic_signal_fence(memory_order_seq_cst);
}
#endif

/* Orders every access before it against every access after it; pairs with the
 * other copi_fence_full of the same protocol. ThreadSanitizer does not model
 * fences, so there it is a read-modify-write of one shared word: all fences
 * are then totally ordered and each publishes to the next. */
extern _Atomic uint32_t copi_fence_word;

#if COPI_TSAN
static inline void copi_fence_full(void)
{
    atomic_fetch_add_explicit(&copi_fence_word, 1, memory_order_seq_cst);
}
#else
static inline void copi_fence_full(void)
{
    atomic_thread_fence(memory_order_seq_cst);
}
#endif

#endif
