/* SPDX-License-Identifier: MIT
 *
 * wakeups.c - a hunt for lost wake-ups.
 *
 * Pairs of actors play ping-pong with pauses of random kinds and lengths, and
 * foreign threads call from outside, where a wake-up has another way to go.
 * All workers keep falling asleep and being woken. Each answer has a deadline
 * far above all pauses: one that does not come in time was lost, or its
 * receiver sleeps for ever.
 *
 * A worker that is busy finds by and by what a lost wake-up left lying, and so
 * hides the fault. Hence the stages, in the first ones of which there is
 * exactly one message under way at any time:
 *
 *   one thread calls; one pair plays, each on a worker of its own; all threads
 *   call and all pairs play
 *
 * Fails also if hardly any worker went to sleep.
 */
#include "tests/stress/common.h"

enum { PAIRS = 3, FOREIGN = 2, TAG_PING = 1, TAG_PONG, TAG_ASK };

static _Atomic uint64_t rounds, limit;

static uint64_t so_far(void)
{
    return atomic_load_explicit(&rounds, memory_order_relaxed);
}

static bool enough(void)
{
    uint64_t n = atomic_fetch_add_explicit(&rounds, 1, memory_order_relaxed);

    stress_beat(n);
    return n >= atomic_load_explicit(&limit, memory_order_relaxed);
}

static cop_time patience(void)
{
    return cop_in(20 * stress_slow() * COP_SEC);
}

static void spin(uint64_t steps)
{
    for (volatile uint64_t i = 0; i < steps; i++)
        continue;
}

/* Mostly none: the window is between "nothing to do" and "asleep". */
static void pause_actor(uint64_t *rng)
{
    switch (stress_below(rng, 8)) {
    case 0:
        cop_yield();
        break;
    case 1:
        spin(stress_below(rng, 3000));
        break;
    case 2:
        spin(stress_below(rng, 100));
        break;
    case 3:
        if (stress_below(rng, 8) == 0)
            cop_sleep((cop_time)stress_below(rng, 100 * COP_US));
        break;
    default:
        break;
    }
}

static void pause_foreign(uint64_t *rng)
{
    switch (stress_below(rng, 4)) {
    case 0:
        spin(stress_below(rng, 5000));
        break;
    case 1:
        if (stress_below(rng, 4) == 0)
            stress_nap((int64_t)stress_below(rng, 100 * COP_US));
        break;
    default:
        break;
    }
}

/* Coroutines on even numbers, handlers on odd ones. */
static void ponger(void *arg)
{
    uint64_t rng = stress_stream((uintptr_t)arg);
    const cop_msg *m;

    while (cop_recv(&m, COP_FOREVER) == 0) {
        cop_pid from = cop_msg_sender(m);
        uint64_t i = *(const uint64_t *)cop_msg_body(m);

        if (cop_msg_tag(m) == TAG_ASK) {
            STRESS_OK(cop_reply(cop_msg_from(m), &i, sizeof(i)));
            continue;
        }
        pause_actor(&rng);
        STRESS_OK(cop_send(from, TAG_PONG, &i, sizeof(i)));
    }
}

static void ponger_message(void *state, const cop_msg *m)
{
    uint64_t *rng = state;

    if (cop_msg_tag(m) == TAG_ASK) {
        STRESS_OK(cop_reply(cop_msg_from(m), cop_msg_body(m), cop_msg_size(m)));
        return;
    }
    spin(stress_below(rng, 1000));
    STRESS_OK(cop_send(cop_msg_sender(m), TAG_PONG, cop_msg_body(m),
                       cop_msg_size(m)));
}

static const cop_handler ponger_handler = {.state_bytes = sizeof(uint64_t),
                                           .message = ponger_message};

static _Atomic uint64_t pongers[PAIRS];

static void pinger(void *arg)
{
    uintptr_t me = (uintptr_t)arg;
    uint64_t rng = stress_stream(100 + me);
    cop_pid to = {atomic_load_explicit(&pongers[me], memory_order_relaxed)};
    const cop_msg *m;

    for (uint64_t i = 0; !enough(); i++) {
        int rc;

        STRESS_OK(cop_send(to, TAG_PING, &i, sizeof(i)));
        rc = cop_recv_tag(&m, TAG_PONG, patience());
        STRESS_CHECK(rc == 0, "pinger %u got no answer", (unsigned)me);
        STRESS_CHECK(*cop_msg_as(m, uint64_t) == i, "a wrong answer");
        pause_actor(&rng);
    }
}

static void *foreign(void *arg)
{
    uintptr_t me = (uintptr_t)arg;
    uint64_t rng = stress_stream(200 + me);

    for (uint64_t i = 0; !enough(); i++) {
        uint64_t id = atomic_load_explicit(&pongers[stress_below(&rng, PAIRS)],
                                           memory_order_relaxed);
        uint64_t answer = ~i;
        int rc = cop_call((cop_pid){id}, TAG_ASK, &i, sizeof(i), &answer,
                          sizeof(answer), patience());

        STRESS_CHECK(rc == sizeof(i) && answer == i,
                     "thread %u got no answer: %s", (unsigned)me,
                     cop_error_str(rc < 0 ? rc : 0));
        pause_foreign(&rng);
    }
    return NULL;
}

struct stage {
    unsigned pairs, threads;
    bool pinned;
};

static const struct stage stages[] = {
    {0, 1, false}, {1, 0, true}, {PAIRS, FOREIGN, false}};

enum { STAGES = sizeof(stages) / sizeof(stages[0]) };

static void play(void *arg)
{
    const struct stage *stage = arg;
    cop_ref refs[PAIRS];
    const cop_msg *m;

    for (uintptr_t i = 0; i < stage->pairs; i++) {
        cop_opts opts = {.monitor = &refs[i], .pinned = stage->pinned};

        STRESS_OK(cop_spawn(NULL, pinger, (void *)i, &opts));
    }
    for (unsigned i = 0; i < stage->pairs; i++)
        STRESS_OK(cop_recv_ref(&m, refs[i], COP_FOREVER));
}

/* A pinned actor lives where it was spawned, from outside on any worker. */
static void spawn_pongers(bool pinned)
{
    cop_opts opts = {.pinned = pinned};

    for (uintptr_t i = 0; i < PAIRS; i++) {
        cop_pid pid;

        if (i % 2 == 0)
            STRESS_OK(cop_spawn(&pid, ponger, (void *)i, &opts));
        else
            STRESS_OK(cop_spawn_handler(&pid, &ponger_handler, NULL, &opts));
        atomic_store_explicit(&pongers[i], pid.id, memory_order_relaxed);
    }
}

static void run_stage(const struct stage *stage)
{
    pthread_t threads[FOREIGN];

    atomic_store_explicit(&limit, so_far() + stress.n / STAGES + 1,
                          memory_order_relaxed);
    spawn_pongers(stage->pinned);
    for (uintptr_t i = 0; i < stage->threads; i++)
        threads[i] = stress_thread(foreign, (void *)i);
    if (stage->pairs > 0)
        stress_run(play, (void *)(uintptr_t)stage, &rounds);
    for (unsigned i = 0; i < stage->threads; i++)
        stress_join(threads[i]);
}

int main(int argc, char **argv)
{
    cop_counters c;

    stress_begin(argc, argv,
                 "N answers, each within a deadline, while workers sleep and "
                 "wake all the time.",
                 10000000);
    stress_start(4, NULL);
    for (int i = 0; i < STAGES; i++)
        run_stage(&stages[i]);
    cop_counters_get(&c);
    STRESS_CHECK(c.parks > stress.n / 1000, "workers slept %" PRIu64 " times",
                 c.parks);
    stress_stop();
    return stress_ok("answers=%" PRIu64 " parks=%" PRIu64 " steals=%" PRIu64,
                     so_far(), c.parks, c.steals);
}
