/* SPDX-License-Identifier: MIT
 *
 * migrate.c - an actor that moves between worker threads keeps its own errno,
 * sees the thread it is on, and may free there what it allocated elsewhere.
 *
 * Compilers keep the address of errno and of thread-local variables across a
 * call that may come back on another thread. So errno is used through
 * <coppice/errno.h> here, and thread-local state through a function that is
 * never inlined, and both are compared with what the runtime says: each worker
 * must always be seen with the same thread-local address and no two with one.
 * migrate_variants.sh builds this with -O3 and with link-time optimization too.
 *
 * A window that is never hit proves nothing: the program fails if no move
 * changed the thread.
 */
#include "tests/stress/common.h"

#include <coppice/errno.h>

enum { MOVERS = 4, HELD = 16, WORKERS = 4 };

static _Thread_local int here;
static _Atomic uintptr_t home_of[256];
static _Atomic uint64_t moves, changed;

/* Where `here` is on the thread that runs the caller now. The asm hides the
 * address: clang would find that the function returns the same one always and
 * leave it to the callers, who keep it. */
static __attribute__((noinline)) uintptr_t where(void)
{
    uintptr_t address = (uintptr_t)&here;

    __asm__ volatile("" : "+r"(address) : : "memory");
    return address;
}

static void check_home(int worker, uintptr_t address)
{
    uintptr_t none = 0;

    /* Relaxed: the address is only compared. */
    if (atomic_compare_exchange_strong_explicit(&home_of[worker], &none,
                                                address, memory_order_relaxed,
                                                memory_order_relaxed))
        return;
    STRESS_CHECK(none == address, "worker %d is on two threads", worker);
}

/* What an actor takes along. */
struct luggage {
    unsigned char *block[HELD];
    size_t size[HELD];
    unsigned char mark[HELD];
};

static void unpack(struct luggage *l, unsigned i)
{
    if (l->block[i] == NULL)
        return;
    for (size_t k = 0; k < l->size[i]; k += 61)
        STRESS_CHECK(l->block[i][k] == l->mark[i], "a block was overwritten");
    free(l->block[i]);
    l->block[i] = NULL;
}

static void pack(struct luggage *l, unsigned i, uint64_t *rng)
{
    unpack(l, i);
    l->size[i] = 1 + stress_below(rng, 3000);
    l->mark[i] = (unsigned char)stress_rnd(rng);
    l->block[i] = malloc(l->size[i]);
    STRESS_CHECK(l->block[i] != NULL, "out of memory");
    memset(l->block[i], l->mark[i], l->size[i]);
}

static void one_move(struct luggage *l, uint64_t *rng, int i)
{
    int from = cop_ext_worker(), to;
    uintptr_t before = where(), after;
    int mark = 1 + (int)stress_below(rng, 100);

    pack(l, (unsigned)i % HELD, rng);
    errno = mark;
    cop_ext_migrate();
    cop_yield();
    STRESS_CHECK(errno == mark, "errno is %d after a move, was %d", errno,
                 mark);
    /* in this order: asking for the worker may move on once more */
    to = cop_ext_worker();
    after = where();
    check_home(to, after);
    STRESS_CHECK((to != from) == (after != before),
                 "worker %d to %d, but the thread says otherwise", from, to);
    /* Relaxed: statistics. */
    if (to != from)
        atomic_fetch_add_explicit(&changed, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&moves, 1, memory_order_relaxed);
    unpack(l, (unsigned)stress_below(rng, HELD));
}

static void mover(void *arg)
{
    struct luggage l = {0};
    uint64_t rng = stress_stream((uintptr_t)arg);

    for (uint64_t i = 0; i < stress.n / MOVERS + 1; i++)
        one_move(&l, &rng, (int)(i % HELD));
    for (unsigned i = 0; i < HELD; i++)
        unpack(&l, i);
}

static void lead(void *arg)
{
    cop_ref refs[MOVERS];
    const cop_msg *m;

    (void)arg;
    for (uintptr_t i = 0; i < MOVERS; i++) {
        cop_opts opts = {.monitor = &refs[i]};

        STRESS_OK(cop_spawn(NULL, mover, (void *)i, &opts));
    }
    for (int i = 0; i < MOVERS; i++) {
        STRESS_OK(cop_recv_ref(&m, refs[i], COP_FOREVER));
        STRESS_CHECK(cop_reason_kind(cop_msg_reason(m)) == COP_R_NORMAL,
                     "a mover ended with %s",
                     cop_reason_name(cop_msg_reason(m)));
    }
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv, "An actor moves N times between workers.",
                 1000000);
    stress_start(WORKERS, NULL);
    stress_run(lead, NULL, &moves);
    stress_stop();
    STRESS_CHECK(changed > 0, "no move changed the thread");
    return stress_ok("moves=%" PRIu64 " changed_thread=%" PRIu64, moves,
                     changed);
}
