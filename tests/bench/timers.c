/* SPDX-License-Identifier: MIT
 *
 * timers.c - many timers of 0 to 100 ms for one actor. The least possible time
 * of the workload is 100 ms.
 */
#include "tests/bench/bench.h"

enum { EXPIRED = 1, FINISHED };

struct clerk {
    cop_pid main;
    uint64_t n;
};

static uint64_t start_all(uint64_t n)
{
    uint64_t x = bench_seed(0), sum = 0;
    cop_timer timer;

    for (uint64_t i = 0; i < n; i++) {
        cop_time delay = (cop_time)(bench_draw(&x) % 101) * COP_MS;

        BENCH_CHECK(cop_send_after(&timer, delay, cop_self(), EXPIRED, &delay,
                                   sizeof(delay)) == 0);
        sum += (uint64_t)delay;
    }
    return sum;
}

static void clerk(void *arg)
{
    struct clerk c = *(struct clerk *)arg;
    cop_time first = cop_now();
    uint64_t sum = start_all(c.n);

    for (uint64_t i = 0; i < c.n; i++) {
        cop_time delay = *cop_msg_as(recv_tag(EXPIRED), cop_time);

        BENCH_CHECK(cop_now() - first >= delay);
        sum -= (uint64_t)delay;
    }
    BENCH_CHECK(sum == 0);
    send_to(c.main, FINISHED, &c.n, sizeof(c.n));
}

void bench_timers(struct bench *b)
{
    struct clerk c = {cop_self(), b->n};
    uint64_t fired;

    bench_begin(b);
    (void)start_actor(clerk, &c, sizeof(c));
    fired = *cop_msg_as(recv_tag(FINISHED), uint64_t);
    bench_end(b, b->n);
    BENCH_CHECK(fired == b->n);
}
