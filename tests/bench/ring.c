/* SPDX-License-Identifier: MIT
 *
 * ring.c - thread_ring: 100 actors in a ring pass a token on.
 */
#include "tests/bench/bench.h"

enum { NEXT = 1, TOKEN, FINISHED, RING = 100 };

struct link {
    cop_pid main, next;
    uint64_t k;
};

static int link_init(void *state, void *arg)
{
    memcpy(state, arg, sizeof(struct link));
    return 0;
}

static void link_message(void *state, const cop_msg *m)
{
    struct link *l = state;
    uint64_t left;

    if (cop_msg_tag(m) == NEXT) {
        l->next = *cop_msg_as(m, cop_pid);
        return;
    }
    left = *cop_msg_as(m, uint64_t);
    if (left == 0) {
        send_to(l->main, FINISHED, &l->k, sizeof(l->k));
        return;
    }
    left--;
    send_to(l->next, TOKEN, &left, sizeof(left));
}

static const cop_handler link_handler = {.state_bytes = sizeof(struct link),
                                         .init = link_init,
                                         .message = link_message};

void bench_thread_ring(struct bench *b)
{
    struct link l = {.main = cop_self()};
    cop_pid ring[RING];
    uint64_t last;

    bench_begin(b);
    for (l.k = 0; l.k < RING; l.k++)
        ring[l.k] = start_handler(&link_handler, &l, sizeof(l));
    for (int k = 0; k < RING; k++)
        send_to(ring[k], NEXT, &ring[(k + 1) % RING], sizeof(cop_pid));
    send_to(ring[0], TOKEN, &b->n, sizeof(b->n));
    last = *cop_msg_as(recv_tag(FINISHED), uint64_t);
    bench_end(b, b->n);
    BENCH_CHECK(last == b->n % RING);
}
