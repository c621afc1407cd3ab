/* SPDX-License-Identifier: MIT
 *
 * big.c - 120 actors ping each other at random.
 */
#include "tests/bench/bench.h"

enum { KNOW = 1, PING, PONG, DONE, STOP, SERVED, ACTORS = 120 };

struct big {
    cop_pid main;
    cop_pid others[ACTORS];
    uint64_t k, n, x, pongs, served;
};

static int big_init(void *state, void *arg)
{
    memcpy(state, arg, sizeof(struct big));
    return 0;
}

static void ping_one(struct big *s)
{
    cop_pid self = cop_self();
    uint64_t to = (s->k + 1 + bench_draw(&s->x) % (ACTORS - 1)) % ACTORS;

    send_to(s->others[to], PING, &self, sizeof(self));
}

static void big_message(void *state, const cop_msg *m)
{
    struct big *s = state;

    switch (cop_msg_tag(m)) {
    case PING:
        s->served++;
        send_to(*cop_msg_as(m, cop_pid), PONG, NULL, 0);
        break;
    case PONG:
        if (++s->pongs < s->n)
            ping_one(s);
        else
            send_to(s->main, DONE, NULL, 0);
        break;
    case KNOW:
        memcpy(s->others, cop_msg_expect(m, sizeof(s->others)),
               sizeof(s->others));
        ping_one(s);
        break;
    default:
        send_to(s->main, SERVED, &s->served, sizeof(s->served));
        cop_exit(COP_NORMAL);
    }
}

static const cop_handler big_handler = {.state_bytes = sizeof(struct big),
                                        .init = big_init,
                                        .message = big_message};

void bench_big(struct bench *b)
{
    struct big s = {.main = cop_self(), .n = b->n};
    cop_pid all[ACTORS];
    uint64_t sum = 0;

    bench_begin(b);
    for (s.k = 0; s.k < ACTORS; s.k++) {
        s.x = bench_seed(s.k);
        all[s.k] = start_handler(&big_handler, &s, sizeof(s));
    }
    for (int k = 0; k < ACTORS; k++)
        send_to(all[k], KNOW, all, sizeof(all));
    for (int k = 0; k < ACTORS; k++)
        (void)recv_tag(DONE);
    for (int k = 0; k < ACTORS; k++)
        send_to(all[k], STOP, NULL, 0);
    for (int k = 0; k < ACTORS; k++)
        sum += *cop_msg_as(recv_tag(SERVED), uint64_t);
    bench_end(b, ACTORS * b->n);
    BENCH_CHECK(sum == ACTORS * b->n);
}
