/* SPDX-License-Identifier: MIT
 *
 * fork_join.c - actors that are made, do a little, and end:
 * fork_join_throughput, fork_join_create, spawn, fib.
 */
#include "tests/bench/bench.h"

enum { WORK = 1, FINISHED, RESPONSE, FORKS = 60 };

/* -------------------------------------------------- fork_join_throughput -- */

struct worker {
    cop_pid main;
    uint64_t count, n;
};

static int worker_init(void *state, void *arg)
{
    memcpy(state, arg, sizeof(struct worker));
    return 0;
}

static void worker_message(void *state, const cop_msg *m)
{
    struct worker *w = state;

    (void)m;
    if (++w->count < w->n)
        return;
    send_to(w->main, FINISHED, &w->count, sizeof(w->count));
    cop_exit(COP_NORMAL);
}

static const cop_handler worker = {.state_bytes = sizeof(struct worker),
                                   .init = worker_init,
                                   .message = worker_message};

void bench_fork_join_throughput(struct bench *b)
{
    struct worker w = {.main = cop_self(), .n = b->n};
    cop_pid workers[FORKS];
    uint64_t sum = 0;

    bench_begin(b);
    for (int k = 0; k < FORKS; k++)
        workers[k] = start_handler(&worker, &w, sizeof(w));
    for (uint64_t i = 0; i < b->n; i++)
        for (int k = 0; k < FORKS; k++)
            send_to(workers[k], WORK, NULL, 0);
    for (int k = 0; k < FORKS; k++)
        sum += *cop_msg_as(recv_any(), uint64_t);
    bench_end(b, FORKS * b->n);
    BENCH_CHECK(sum == FORKS * b->n);
}

/* ------------------------------------------------------ fork_join_create -- */

static int once_init(void *state, void *arg)
{
    *(cop_pid *)state = *(const cop_pid *)arg;
    return 0;
}

static void once_message(void *state, const cop_msg *m)
{
    uint64_t i = *cop_msg_as(m, uint64_t);

    send_to(*(const cop_pid *)state, FINISHED, &i, sizeof(i));
    cop_exit(COP_NORMAL);
}

static const cop_handler once = {
    .state_bytes = sizeof(cop_pid), .init = once_init, .message = once_message};

void bench_fork_join_create(struct bench *b)
{
    cop_pid self = cop_self();
    uint64_t sum = 0;

    bench_begin(b);
    for (uint64_t i = 0; i < b->n; i++)
        send_to(start_handler(&once, &self, sizeof(self)), WORK, &i, sizeof(i));
    for (uint64_t i = 0; i < b->n; i++)
        sum += *cop_msg_as(recv_any(), uint64_t);
    bench_end(b, b->n);
    BENCH_CHECK(sum == b->n * (b->n - 1) / 2);
}

/* ----------------------------------------------------------------- spawn -- */

static void nothing(void *arg)
{
    (void)arg;
}

void bench_spawn(struct bench *b)
{
    cop_ref ref;
    cop_opts opts = {.monitor = &ref};
    const cop_msg *m;
    uint64_t ended = 0;

    bench_begin(b);
    for (uint64_t i = 0; i < b->n; i++) {
        BENCH_CHECK(cop_spawn(NULL, nothing, NULL, &opts) == 0);
        BENCH_CHECK(cop_recv_ref(&m, ref, COP_FOREVER) == 0);
        ended += cop_reason_kind(cop_msg_reason(m)) == COP_R_NORMAL;
    }
    bench_end(b, b->n);
    BENCH_CHECK(ended == b->n);
}

/* ------------------------------------------------------------------- fib -- */

struct fib {
    cop_pid parent;
    uint64_t n, sum;
    int left;
};

static const cop_handler fib;

static void fib_fork(uint64_t n)
{
    struct fib f = {.parent = cop_self(), .n = n};

    (void)start_handler(&fib, &f, sizeof(f));
}

static int fib_init(void *state, void *arg)
{
    struct fib *f = state;

    *f = *(const struct fib *)arg;
    if (f->n <= 2) {
        f->sum = 1;
        send_to(f->parent, RESPONSE, &f->sum, sizeof(f->sum));
        return 1;
    }
    f->left = 2;
    fib_fork(f->n - 1);
    fib_fork(f->n - 2);
    return 0;
}

static void fib_message(void *state, const cop_msg *m)
{
    struct fib *f = state;

    f->sum += *cop_msg_as(m, uint64_t);
    if (--f->left > 0)
        return;
    send_to(f->parent, RESPONSE, &f->sum, sizeof(f->sum));
    cop_exit(COP_NORMAL);
}

static const cop_handler fib = {.state_bytes = sizeof(struct fib),
                                .init = fib_init,
                                .message = fib_message};

static uint64_t fib_of(uint64_t n)
{
    uint64_t a = 0, b = 1;

    for (; n > 0; n--) {
        uint64_t sum = a + b;

        a = b;
        b = sum;
    }
    return a;
}

void bench_fib(struct bench *b)
{
    uint64_t sum;

    bench_begin(b);
    fib_fork(b->n);
    sum = *cop_msg_as(recv_any(), uint64_t);
    bench_end(b, 2 * fib_of(b->n) - 1);
    BENCH_CHECK(sum == fib_of(b->n));
}
