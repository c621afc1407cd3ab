/* SPDX-License-Identifier: MIT
 *
 * here.c - the one thread-local variable of ranks 3 to 5. Rank: 3.
 *
 * References are numbered in blocks per thread, so that making one touches no
 * shared line.
 */
#include "runtime/actor/here.h"

COPI_THREAD_LOCAL struct copi_here copi_here_own;

/* The empty asm keeps link-time optimisation from calling this function pure
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
    return COP_LITERAL(cop_ref){h->ref_next++ << 1 | (of_call ? 1 : 0)};
}
