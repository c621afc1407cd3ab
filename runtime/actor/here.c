/* SPDX-License-Identifier: MIT
 *
 * here.c - the one thread-local variable of ranks 3 to 5. Rank: 3.
 *
 * References are numbered in blocks per thread, so that making one touches no
 * shared line.
 */
#include "runtime/actor/here.h"

COPI_THREAD_LOCAL struct copi_here copi_here_own;

#if !defined(__x86_64__)
/* The empty asm keeps link-time optimisation from calling these functions pure
 * and merging two calls on either side of a switch. */
COPI_EDGE COPI_NOINLINE struct copi_here *copi_here(void)
{
    __asm__ volatile("" ::: "memory");
    return &copi_here_own;
}

COPI_EDGE COPI_NOINLINE struct copi_actor *copi_here_actor(void)
{
    __asm__ volatile("" ::: "memory");
    return copi_here_own.actor;
}
#endif

void copi_here_judge_begin(void)
{
    struct copi_here *h = copi_here();
    if (h->native == NULL ||
        atomic_load_explicit(&h->in_runtime, memory_order_relaxed) != 1)
        return;
    atomic_store_explicit(&h->in_runtime, COPI_JUDGING, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
}

void copi_here_judge_end(void)
{
    struct copi_here *h = copi_here();
    if (h->native == NULL ||
        atomic_load_explicit(&h->in_runtime, memory_order_relaxed) !=
            COPI_JUDGING)
        return;
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&h->in_runtime, 1, memory_order_relaxed);
}

/* Depth 1 is what the above looks for. */
static void deepen(uint32_t by)
{
    struct copi_here *h = copi_here();
    uint32_t depth = atomic_load_explicit(&h->in_runtime, memory_order_relaxed);
    atomic_store_explicit(&h->in_runtime, depth + by, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
}

void copi_here_vital_begin(void)
{
    deepen(1);
}

void copi_here_vital_end(void)
{
    deepen((uint32_t)-1);
}

enum { REF_BLOCK = 1024 };

static _Atomic uint64_t refs_given;

cop_ref copi_ref_new(bool of_call)
{
    struct copi_here *h = copi_here();
    if (h->ref_next == h->ref_end) {
        h->ref_next = atomic_fetch_add_explicit(&refs_given, REF_BLOCK,
                                                memory_order_relaxed) +
                      1;
        h->ref_end = h->ref_next + REF_BLOCK;
    }
    return COP_LITERAL(cop_ref){h->ref_next++ << 2 | (of_call ? 1 : 0)};
}

void copi_ref_begin_at(uint64_t n)
{
    /* relaxed: before there is another thread */
    atomic_store_explicit(&refs_given, n, memory_order_relaxed);
    copi_here()->ref_next = copi_here()->ref_end = 0;
}
