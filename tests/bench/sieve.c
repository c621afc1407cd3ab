/* SPDX-License-Identifier: MIT
 *
 * sieve.c - the sieve of Eratosthenes as a pipeline of filters, one for each
 * prime; the last one makes the next.
 */
#include "tests/bench/bench.h"

enum { CANDIDATE = 1, FINISH, FINISHED };

/* What `finish` gathers on its way. */
struct tally {
    uint64_t primes, messages;
};

struct filter {
    cop_pid main, next; /* the last one has none */
    uint64_t prime, count;
};

static int filter_init(void *state, void *arg)
{
    memcpy(state, arg, sizeof(struct filter));
    return 0;
}

static const cop_handler filter;

static cop_pid start_filter(cop_pid main, uint64_t prime)
{
    struct filter f = {.main = main, .prime = prime};

    return start_handler(&filter, &f, sizeof(f));
}

static void on_candidate(struct filter *f, uint64_t c)
{
    f->count++;
    if (c % f->prime == 0)
        return;
    if (cop_pid_is_none(f->next))
        f->next = start_filter(f->main, c);
    else
        send_to(f->next, CANDIDATE, &c, sizeof(c));
}

static void filter_message(void *state, const cop_msg *m)
{
    struct filter *f = state;
    struct tally t;

    if (cop_msg_tag(m) == CANDIDATE) {
        on_candidate(f, *cop_msg_as(m, uint64_t));
        return;
    }
    t = *cop_msg_as(m, struct tally);
    t.primes++;
    t.messages += f->count;
    if (cop_pid_is_none(f->next))
        send_to(f->main, FINISHED, &t, sizeof(t));
    else
        send_to(f->next, FINISH, &t, sizeof(t));
    cop_exit(COP_NORMAL);
}

static const cop_handler filter = {.state_bytes = sizeof(struct filter),
                                   .init = filter_init,
                                   .message = filter_message};

struct generator {
    cop_pid first;
    uint64_t n;
};

static void generator(void *arg)
{
    struct generator g = *(struct generator *)arg;
    struct tally zero = {0, 0};

    for (uint64_t c = 3; c <= g.n; c++)
        send_to(g.first, CANDIDATE, &c, sizeof(c));
    send_to(g.first, FINISH, &zero, sizeof(zero));
}

/* What must come out. A candidate is seen by the filters up to the one of its
 * least prime factor; one that is prime, by all there are so far. */
static struct tally expected(uint64_t n)
{
    uint32_t *rank =
        calloc(n + 1, sizeof(*rank)); /* of that factor; 0: prime */
    struct tally t = {0, 0};

    BENCH_CHECK(rank != NULL && n < UINT32_MAX);
    for (uint64_t c = 2; c <= n; c++) {
        if (rank[c] != 0) {
            t.messages += rank[c];
            continue;
        }
        t.messages += t.primes++;
        for (uint64_t i = c * c; i <= n; i += c)
            if (rank[i] == 0)
                rank[i] = (uint32_t)t.primes;
    }
    free(rank);
    return t;
}

void bench_sieve(struct bench *b)
{
    struct tally want = expected(b->n), got;
    struct generator g = {.n = b->n};

    BENCH_CHECK(b->n >= 3);
    bench_begin(b);
    g.first = start_filter(cop_self(), 2);
    (void)start_actor(generator, &g, sizeof(g));
    got = *cop_msg_as(recv_tag(FINISHED), struct tally);
    bench_end(b, want.messages);
    BENCH_CHECK(got.primes == want.primes && got.messages == want.messages);
}
