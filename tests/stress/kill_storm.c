/* SPDX-License-Identifier: MIT
 *
 * kill_storm.c - n actors that do nothing but allocate, each killed at a random
 * instant.
 *
 * Some killers do the same at a time, on two workers: spawn a victim, wait for
 * a random time up to some microseconds and kill it. Every third victim uses
 * plain malloc and free and never calls the runtime, so that it lives until one
 * of the interrupts, which a thread sends at random times, finds it in its own
 * code: a kill inside the allocator would leave a lock behind, and the run
 * would hang. The next uses an actor's own memory (cop_alloc); the third
 * builds, keeps, sends and frees messages.
 *
 * No deadlock, each ends as killed, and no leak: what cop_alloc gave, and the
 * messages, are gone entirely. With plain malloc one block may be lost in a
 * kill that falls between malloc's return and the instruction that notes its
 * result, or between forgetting it and free: these are counted, a deferred
 * function frees all others.
 */
#include "tests/stress/common.h"

#include <coppice/memory.h>

enum { KILLERS = 8, BLOCKS = 32, LONGEST_US = 20, BLOCK_BYTES = 48 };

static _Atomic uint64_t begun, killed, lost, tried;
static atomic_bool all_done;
static _Atomic size_t rss_begin, bytes_begin;

/* ------------------------------------------------------------- victims -- */

struct victim {
    uint64_t seed;
    unsigned kind;
    /* of the running victim, for its deferred function */
    void *volatile block[BLOCKS];
    volatile uint64_t asked, noted, forgotten, freed;
    atomic_bool runs;
};

static struct victim victims[KILLERS];

/* A block is in the notebook whenever it is allocated, but for the instants
 * around the calls: then two counts differ. */
static void free_all(void *arg)
{
    struct victim *v = arg;

    for (int i = 0; i < BLOCKS; i++) {
        void *p = v->block[i];
        v->block[i] = NULL;
        free(p);
    }
    atomic_fetch_add(&lost, v->asked != v->noted);
    atomic_fetch_add(&lost, v->forgotten != v->freed);
}

static void allocates(void *arg)
{
    struct victim *v = arg;
    uint64_t seed = v->seed;

    v->asked = v->noted = v->forgotten = v->freed = 0;
    STRESS_OK(cop_defer(free_all, v));
    atomic_store(&v->runs, true);
    for (;;) {
        unsigned i = (unsigned)stress_below(&seed, BLOCKS);
        void *p = v->block[i];
        if (p == NULL) {
            v->asked++;
            v->block[i] = malloc(BLOCK_BYTES);
            v->noted++;
        } else {
            v->forgotten++;
            v->block[i] = NULL;
            free(p);
            v->freed++;
        }
    }
}

static void owns(void *arg)
{
    struct victim *v = arg;
    uint64_t seed = v->seed;
    void *block[BLOCKS] = {0};

    atomic_store(&v->runs, true);
    for (;;) {
        unsigned i = (unsigned)stress_below(&seed, BLOCKS);
        if (block[i] == NULL) {
            block[i] = cop_alloc(1 + stress_below(&seed, 2000));
        } else {
            cop_free(block[i]);
            block[i] = NULL;
        }
    }
}

static cop_msg *built_or_kept(uint64_t *seed)
{
    const cop_msg *m;
    cop_msg *own;

    STRESS_OK(cop_msg_new(&own, 1, stress_below(seed, 400)));
    if (stress_below(seed, 3) > 0)
        return own;
    STRESS_OK(cop_send_msg(cop_self(), own));
    STRESS_OK(cop_recv(&m, COP_POLL));
    return cop_keep(m);
}

static void holds(void *arg)
{
    struct victim *v = arg;
    uint64_t seed = v->seed;
    cop_msg *held[BLOCKS] = {0};

    atomic_store(&v->runs, true);
    for (;;) {
        unsigned i = (unsigned)stress_below(&seed, BLOCKS);
        if (held[i] == NULL) {
            held[i] = built_or_kept(&seed);
        } else {
            cop_msg_free(held[i]);
            held[i] = NULL;
        }
    }
}

static const cop_fn kinds[] = {allocates, owns, holds};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* -------------------------------------------------------------- killers -- */

static void wait_a_while(uint64_t *seed)
{
    int64_t end = stress_now() + (int64_t)stress_below(seed, LONGEST_US * 1000);

    while (stress_now() < end)
        ;
}

static void kill_one(struct victim *v, uint64_t *seed)
{
    const cop_msg *m;
    cop_pid pid;
    cop_ref ref;

    v->seed = stress_rnd(seed);
    /* nothing is preempted under a sanitizer: it must call the runtime */
    v->kind = (v->kind + 1) % KINDS;
    if (STRESS_INSTRUMENTED && v->kind == 0)
        v->kind = 1;
    atomic_store(&v->runs, false);
    STRESS_OK(cop_spawn(&pid, kinds[v->kind], v, &(cop_opts){.monitor = &ref}));
    while (!atomic_load(&v->runs))
        cop_yield();
    wait_a_while(seed);
    STRESS_OK(cop_exit_signal(pid, COP_KILL));
    STRESS_OK(cop_recv_ref(&m, ref, COP_FOREVER));
    STRESS_CHECK(cop_reason_eq(cop_msg_reason(m), COP_KILLED), "its end");
}

static void killer(void *arg)
{
    struct victim *v = arg;
    uint64_t i, seed = stress_stream((uint64_t)(v - victims));

    while ((i = atomic_fetch_add(&begun, 1)) < stress.n) {
        kill_one(v, &seed);
        stress_beat(atomic_fetch_add(&killed, 1) + 1);
        if (i == stress.n / 4) {
            atomic_store(&rss_begin, stress_rss());
            atomic_store(&bytes_begin, cop_ext_bytes_in_use());
        }
    }
}

static void kill_all(void *arg)
{
    cop_ref refs[KILLERS];
    const cop_msg *m;

    (void)arg;
    for (int i = 0; i < KILLERS; i++)
        STRESS_OK(cop_spawn(NULL, killer, &victims[i],
                            &(cop_opts){.monitor = &refs[i]}));
    for (int i = 0; i < KILLERS; i++) {
        STRESS_OK(cop_recv_ref(&m, refs[i], COP_FOREVER));
        STRESS_CHECK(cop_reason_eq(cop_msg_reason(m), COP_NORMAL), "an end");
    }
    atomic_store(&all_done, true);
}

/* A foreign thread. Whom it finds outside of the runtime loses its turn there,
 * and dies there if it is condemned. */
static void *interrupts(void *unused)
{
    uint64_t seed = stress_stream(KILLERS);

    (void)unused;
    while (!atomic_load(&all_done)) {
        cop_ext_preempt();
        atomic_fetch_add_explicit(&tried, 1, memory_order_relaxed);
        stress_nap((int64_t)stress_below(&seed, LONGEST_US * 1000));
    }
    return NULL;
}

int main(int argc, char **argv)
{
    size_t rss, bytes, allowed;

    stress_begin(argc, argv, "kills of actors that only allocate", 1000000);
    stress_start(2, NULL);
    pthread_t t = stress_thread(interrupts, NULL);
    stress_run(kill_all, NULL, &killed);
    stress_join(t);
    rss = stress_rss(), bytes = cop_ext_bytes_in_use();
    stress_stop();
    /* some records of the last ones may still be in limbo */
    STRESS_CHECK(bytes < atomic_load(&bytes_begin) + (256 << 10),
                 "in use: %zu, then %zu bytes", atomic_load(&bytes_begin),
                 bytes);
    allowed = (1 << 20) + atomic_load(&lost) * BLOCK_BYTES * 2;
    if (stress.n >= 100000 && !STRESS_INSTRUMENTED)
        STRESS_CHECK(rss < atomic_load(&rss_begin) + allowed,
                     "resident: %zu, then %zu", atomic_load(&rss_begin), rss);
    return stress_ok("killed=%" PRIu64 " lost_blocks=%" PRIu64
                     " interrupts=%" PRIu64 " rss_kb=%zu",
                     atomic_load(&killed), atomic_load(&lost),
                     atomic_load(&tried), rss >> 10);
}
