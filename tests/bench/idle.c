/* SPDX-License-Identifier: MIT
 *
 * idle.c - what an actor that waits costs: idle_memory (handlers, which hold no
 * stack while they wait), idle_memory_coroutine, and idle_memory_hibernated
 * (coroutines that have given up their stack until a message comes).
 */
#include "tests/bench/bench.h"

enum { READY = 1, STOP, BYE, BATCH = 1000 };

static void say_bye(const cop_msg *m)
{
    send_to(*cop_msg_as(m, cop_pid), BYE, NULL, 0);
}

static int idler_init(void *state, void *arg)
{
    (void)state;
    send_to(*(const cop_pid *)arg, READY, NULL, 0);
    return 0;
}

static void idler_message(void *state, const cop_msg *m)
{
    (void)state;
    say_bye(m);
    cop_exit(COP_NORMAL);
}

static const cop_handler idler = {.init = idler_init, .message = idler_message};

static void idle(void *arg)
{
    send_to(*(const cop_pid *)arg, READY, NULL, 0);
    say_bye(recv_tag(STOP));
}

static void awake(void *arg)
{
    (void)arg;
    say_bye(recv_tag(STOP));
}

static void hibernate(void *arg)
{
    send_to(*(const cop_pid *)arg, READY, NULL, 0);
    cop_hibernate(awake, NULL);
}

/* As coroutines with `fn`; NULL: as handlers. */
static void start_batch(cop_pid *out, uint64_t count, cop_fn fn)
{
    cop_pid self = cop_self();

    for (uint64_t i = 0; i < count; i++)
        out[i] = fn == NULL ? start_handler(&idler, &self, sizeof(self))
                            : start_actor(fn, &self, sizeof(self));
    for (uint64_t i = 0; i < count; i++)
        (void)recv_tag(READY);
}

static void measure(struct bench *b, cop_fn fn)
{
    cop_pid *all = malloc(b->n * sizeof(*all)), self = cop_self();
    uint64_t before, after;

    BENCH_CHECK(all != NULL);
    before = bench_status_kb("VmRSS");
    bench_begin(b);
    for (uint64_t i = 0; i < b->n; i += BATCH)
        start_batch(all + i, b->n - i < BATCH ? b->n - i : BATCH, fn);
    bench_end(b, b->n);
    after = bench_status_kb("VmRSS");
    b->is_memory = true;
    b->bytes_per_actor = ((double)after - (double)before) * 1024 / (double)b->n;
    for (uint64_t i = 0; i < b->n; i++)
        send_to(all[i], STOP, &self, sizeof(self));
    for (uint64_t i = 0; i < b->n; i++)
        (void)recv_tag(BYE);
    free(all);
}

void bench_idle_memory(struct bench *b)
{
    measure(b, NULL);
}

void bench_idle_memory_coroutine(struct bench *b)
{
    measure(b, idle);
}

void bench_idle_memory_hibernated(struct bench *b)
{
    measure(b, hibernate);
}
