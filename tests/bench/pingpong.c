/* SPDX-License-Identifier: MIT
 *
 * pingpong.c - two actors, and what goes back and forth between them:
 * pingpong (a message and its answer), counting (a stream), call (the
 * synchronous call of a server).
 */
#include "tests/bench/bench.h"

enum { PING = 1, PONG, FINISHED, INC, GET, VALUE, ADD };

/* -------------------------------------------------------------- pingpong -- */

struct ping {
    cop_pid from;
    uint64_t i;
};

static void ponger_message(void *state, const cop_msg *m)
{
    const struct ping *ping = cop_msg_as(m, struct ping);

    (void)state;
    send_to(ping->from, PONG, &ping->i, sizeof(ping->i));
}

static const cop_handler ponger = {.message = ponger_message};

struct pinger {
    cop_pid main, ponger;
    uint64_t i, n;
};

static void ping(const struct pinger *p)
{
    struct ping body = {cop_self(), p->i};

    send_to(p->ponger, PING, &body, sizeof(body));
}

static int pinger_init(void *state, void *arg)
{
    memcpy(state, arg, sizeof(struct pinger));
    ping(state);
    return 0;
}

static void pinger_message(void *state, const cop_msg *m)
{
    struct pinger *p = state;

    BENCH_CHECK(*cop_msg_as(m, uint64_t) == p->i);
    if (++p->i < p->n)
        ping(p);
    else
        send_to(p->main, FINISHED, &p->i, sizeof(p->i));
}

static const cop_handler pinger = {.state_bytes = sizeof(struct pinger),
                                   .init = pinger_init,
                                   .message = pinger_message};

void bench_pingpong(struct bench *b)
{
    struct pinger p = {.main = cop_self(), .n = b->n};
    uint64_t done;

    bench_begin(b);
    p.ponger = start_handler(&ponger, NULL, 0);
    (void)start_handler(&pinger, &p, sizeof(p));
    done = *cop_msg_as(recv_tag(FINISHED), uint64_t);
    bench_end(b, b->n);
    BENCH_CHECK(done == b->n);
}

/* -------------------------------------------------------------- counting -- */

static void counter_message(void *state, const cop_msg *m)
{
    uint64_t *count = state;

    if (cop_msg_tag(m) == INC)
        ++*count;
    else
        send_to(*cop_msg_as(m, cop_pid), VALUE, count, sizeof(*count));
}

static const cop_handler counter = {.state_bytes = sizeof(uint64_t),
                                    .message = counter_message};

struct producer {
    cop_pid main, counter;
    uint64_t n;
};

static void producer(void *arg)
{
    struct producer p = *(struct producer *)arg;
    cop_pid self = cop_self();
    uint64_t count;

    for (uint64_t i = 0; i < p.n; i++)
        send_to(p.counter, INC, NULL, 0);
    send_to(p.counter, GET, &self, sizeof(self));
    count = *cop_msg_as(recv_tag(VALUE), uint64_t);
    send_to(p.main, FINISHED, &count, sizeof(count));
}

void bench_counting(struct bench *b)
{
    struct producer p = {.main = cop_self(), .n = b->n};
    uint64_t count;

    bench_begin(b);
    p.counter = start_handler(&counter, NULL, 0);
    (void)start_actor(producer, &p, sizeof(p));
    count = *cop_msg_as(recv_tag(FINISHED), uint64_t);
    bench_end(b, b->n);
    BENCH_CHECK(count == b->n);
}

/* ------------------------------------------------------------------ call -- */

static cop_next server_call(void *state, const cop_msg *m, cop_from from)
{
    uint64_t *sum = state;

    *sum += *cop_msg_as(m, uint64_t);
    (void)cop_reply(from, sum, sizeof(*sum));
    return cop_next_wait();
}

static const cop_server server = {
    .label = "adder", .state_bytes = sizeof(uint64_t), .call = server_call};

struct client {
    cop_pid main, server;
    uint64_t n;
};

static void client(void *arg)
{
    struct client c = *(struct client *)arg;
    uint64_t one = 1, sum = 0;

    for (uint64_t i = 0; i < c.n; i++) {
        int rc = cop_call(c.server, ADD, &one, sizeof(one), &sum, sizeof(sum),
                          COP_FOREVER);

        BENCH_CHECK(rc == sizeof(sum) && sum == i + 1);
    }
    send_to(c.main, FINISHED, &sum, sizeof(sum));
}

void bench_call(struct bench *b)
{
    struct client c = {.main = cop_self(), .n = b->n};
    uint64_t sum;

    bench_begin(b);
    BENCH_CHECK(cop_server_start(&c.server, &server, NULL, NULL, NULL) == 0);
    (void)start_actor(client, &c, sizeof(c));
    sum = *cop_msg_as(recv_tag(FINISHED), uint64_t);
    bench_end(b, b->n);
    BENCH_CHECK(sum == b->n);
}
