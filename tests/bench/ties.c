/* SPDX-License-Identifier: MIT
 *
 * ties.c - the end of an actor that many are tied to (scale_links,
 * scale_monitors), and how fast actors come and go (scale_spawn).
 *
 * Few ties are made and broken again and again, so that there is enough to
 * measure.
 */
#include "tests/bench/bench.h"

enum { READY = 1, STOP, FINISHED };
enum { TIES = 100000, SPAWNS = 400000, BATCH = 100 };

static uint64_t rounds(uint64_t n)
{
    return n < TIES ? TIES / n : 1;
}

static void stop_message(void *state, const cop_msg *m)
{
    (void)state;
    (void)m;
    cop_exit(COP_NORMAL);
}

static const cop_handler hub = {.message = stop_message};

/* ----------------------------------------------------------------- links -- */

struct spoke {
    cop_pid main, hub;
};

static int spoke_init(void *state, void *arg)
{
    const struct spoke *s = arg;

    (void)state;
    BENCH_CHECK(cop_link(s->hub) == 0);
    send_to(s->main, READY, NULL, 0);
    return 0;
}

static const cop_handler spoke = {.init = spoke_init, .message = stop_message};

static void break_links(struct bench *b)
{
    struct spoke s = {cop_self(), start_handler(&hub, NULL, 0)};
    cop_ref ref;
    cop_opts opts = {.monitor = &ref, .arg_bytes = sizeof(s)};

    for (uint64_t i = 0; i < b->n; i++)
        BENCH_CHECK(cop_spawn_handler(NULL, &spoke, &s, &opts) == 0);
    for (uint64_t i = 0; i < b->n; i++)
        (void)recv_tag(READY);
    bench_begin(b);
    BENCH_CHECK(cop_exit_signal(s.hub, COP_KILL) == 0);
    for (uint64_t i = 0; i < b->n; i++)
        BENCH_CHECK(cop_reason_kind(cop_msg_reason(recv_tag(COP_DOWN))) ==
                    COP_R_KILLED);
    bench_end(b, b->n);
}

/* One actor is killed, and with it the n that are linked to it. Timed until
 * the last of them has ended. */
void bench_scale_links(struct bench *b)
{
    for (uint64_t i = 0; i < rounds(b->n); i++)
        break_links(b);
}

/* -------------------------------------------------------------- monitors -- */

/* One actor is watched n times, and ends. */
void bench_scale_monitors(struct bench *b)
{
    for (uint64_t i = 0; i < rounds(b->n); i++) {
        cop_pid target = start_handler(&hub, NULL, 0);
        cop_ref ref;

        bench_begin(b);
        for (uint64_t k = 0; k < b->n; k++)
            BENCH_CHECK(cop_monitor(&ref, target) == 0);
        send_to(target, STOP, NULL, 0);
        for (uint64_t k = 0; k < b->n; k++)
            BENCH_CHECK(cop_reason_kind(cop_msg_reason(recv_tag(COP_DOWN))) ==
                        COP_R_NORMAL);
        bench_end(b, b->n);
    }
}

/* ----------------------------------------------------------------- spawn -- */

static void nothing(void *arg)
{
    (void)arg;
}

struct spawner {
    cop_pid main;
    uint64_t batches;
};

static void spawner(void *arg)
{
    struct spawner s = *(struct spawner *)arg;
    cop_ref ref;
    cop_opts opts = {.monitor = &ref};

    for (; s.batches > 0; s.batches--) {
        for (int i = 0; i < BATCH; i++)
            BENCH_CHECK(cop_spawn(NULL, nothing, NULL, &opts) == 0);
        for (int i = 0; i < BATCH; i++)
            (void)recv_tag(COP_DOWN);
    }
    send_to(s.main, FINISHED, NULL, 0);
}

/* n actors start others, in batches, and wait for their ends. */
void bench_scale_spawn(struct bench *b)
{
    struct spawner s = {cop_self(), SPAWNS / BATCH / b->n};

    BENCH_CHECK(s.batches > 0);
    bench_begin(b);
    for (uint64_t i = 0; i < b->n; i++)
        (void)start_actor(spawner, &s, sizeof(s));
    for (uint64_t i = 0; i < b->n; i++)
        (void)recv_tag(FINISHED);
    bench_end(b, b->n * s.batches * BATCH);
}
