/* SPDX-License-Identifier: MIT
 *
 * lock.c - mutual exclusion with ranks. Rank: 0. Words and rules: lock.h.
 *
 * The mask is the thread's, and coroutines change threads: it is fetched anew
 * in each call, and no lock is held over a switch, so it never goes stale. Its
 * address serves as the holder's name. Rejected: pthread's error-checking
 * mutexes, which see a lock taken twice but no wrong order, and see it too
 * late.
 */
#include "runtime/base/lock.h"

#include "runtime/base/check.h"

_Static_assert(COPI_LOCK_RANK_COUNT <= 32, "a rank is a bit of the mask");

static COPI_THREAD_LOCAL uint32_t held_mask;

COPI_EDGE static COPI_NOINLINE uint32_t *held(void)
{
    return &held_mask;
}

COPI_EDGE_PART void set_held(struct copi_lock *l, uint32_t *mask)
{
    COPI_ASSERT(atomic_load_explicit(&l->holder, memory_order_relaxed) == NULL);
    *mask |= UINT32_C(1) << l->rank;
    atomic_store_explicit(&l->holder, mask, memory_order_relaxed);
}

COPI_COLD COP_NORETURN static void order_panic(const struct copi_lock *l,
                                               uint32_t mask)
{
    int top = 31 - __builtin_clz(mask);

    copi_panic("lock %s acquired while %s is held",
               copi_lock_rank_name(l->rank),
               copi_lock_rank_name((enum copi_lock_rank)top));
}

void copi_lock_init(struct copi_lock *l, enum copi_lock_rank rank)
{
    int rc = pthread_mutex_init(&l->mutex, NULL);

    COPI_ASSERT(rc == 0 && rank < COPI_LOCK_RANK_COUNT);
    l->rank = rank;
    atomic_init(&l->holder, NULL);
}

void copi_lock_fini(struct copi_lock *l)
{
    COPI_ASSERT(atomic_load_explicit(&l->holder, memory_order_relaxed) == NULL);
    pthread_mutex_destroy(&l->mutex);
}

COPI_EDGE void copi_lock_acquire(struct copi_lock *l)
{
    uint32_t *mask = held();
    int rc;

    if (COPI_UNLIKELY(*mask >> l->rank != 0))
        order_panic(l, *mask);
    rc = pthread_mutex_lock(&l->mutex);
    COPI_ASSERT(rc == 0);
    set_held(l, mask);
}

COPI_EDGE bool copi_lock_try(struct copi_lock *l)
{
    uint32_t *mask = held();

    if (COPI_UNLIKELY(*mask >> l->rank & 1))
        copi_panic("second lock %s tried", copi_lock_rank_name(l->rank));
    if (pthread_mutex_trylock(&l->mutex) != 0)
        return false;
    set_held(l, mask);
    return true;
}

COPI_EDGE void copi_lock_release(struct copi_lock *l)
{
    uint32_t *mask = held();
    int rc;

    COPI_ASSERTF(atomic_load_explicit(&l->holder, memory_order_relaxed) == mask,
                 "lock %s", copi_lock_rank_name(l->rank));
    *mask &= ~(UINT32_C(1) << l->rank);
    atomic_store_explicit(&l->holder, NULL, memory_order_relaxed);
    rc = pthread_mutex_unlock(&l->mutex);
    COPI_ASSERT(rc == 0);
}

bool copi_lock_is_held(const struct copi_lock *l)
{
    return atomic_load_explicit(&l->holder, memory_order_relaxed) == held();
}

bool copi_lock_may_acquire(enum copi_lock_rank rank)
{
    return *held() >> rank == 0;
}

COPI_OUTLINE bool copi_lock_none_held(void)
{
    return held_mask == 0;
}

const char *copi_lock_rank_name(enum copi_lock_rank rank)
{
    static const char *const names[] = {
#define COPI_X(name, what) #name,
        COPI_LOCK_RANKS(COPI_X)
#undef COPI_X
    };

    return rank < COPI_LOCK_RANK_COUNT ? names[rank] : "?";
}
