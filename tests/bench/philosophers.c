/* SPDX-License-Identifier: MIT
 *
 * philosophers.c - 20 philosophers ask an arbitrator for their two forks, and
 * ask again at once when they are denied. The denials depend on the schedule.
 */
#include "tests/bench/bench.h"

enum { HUNGRY = 1, EAT, DENIED, DONE, LEAVING, FINISHED, SEATS = 20 };

struct hungry {
    uint64_t k;
    cop_pid from;
};

struct result {
    uint64_t meals, denials;
};

struct arbitrator {
    cop_pid main;
    bool taken[SEATS];
    unsigned left;
    struct result result;
};

static int arbitrator_init(void *state, void *arg)
{
    ((struct arbitrator *)state)->main = *(const cop_pid *)arg;
    return 0;
}

static void on_hungry(struct arbitrator *a, const struct hungry *h)
{
    bool *one = &a->taken[h->k], *other = &a->taken[(h->k + 1) % SEATS];

    if (*one || *other) {
        a->result.denials++;
        send_to(h->from, DENIED, NULL, 0);
        return;
    }
    *one = *other = true;
    a->result.meals++;
    send_to(h->from, EAT, NULL, 0);
}

static void on_done(struct arbitrator *a, uint64_t k)
{
    a->taken[k] = a->taken[(k + 1) % SEATS] = false;
}

static void arbitrator_message(void *state, const cop_msg *m)
{
    struct arbitrator *a = state;

    switch (cop_msg_tag(m)) {
    case HUNGRY:
        on_hungry(a, cop_msg_as(m, struct hungry));
        break;
    case DONE:
        on_done(a, *cop_msg_as(m, uint64_t));
        break;
    default:
        if (++a->left == SEATS)
            send_to(a->main, FINISHED, &a->result, sizeof(a->result));
    }
}

static const cop_handler arbitrator = {.state_bytes = sizeof(struct arbitrator),
                                       .init = arbitrator_init,
                                       .message = arbitrator_message};

struct philosopher {
    cop_pid arbitrator;
    uint64_t k, left; /* meals */
};

static void be_hungry(const struct philosopher *p)
{
    struct hungry body = {p->k, cop_self()};

    send_to(p->arbitrator, HUNGRY, &body, sizeof(body));
}

static int philosopher_init(void *state, void *arg)
{
    memcpy(state, arg, sizeof(struct philosopher));
    be_hungry(state);
    return 0;
}

static void philosopher_message(void *state, const cop_msg *m)
{
    struct philosopher *p = state;

    if (cop_msg_tag(m) == EAT) {
        send_to(p->arbitrator, DONE, &p->k, sizeof(p->k));
        if (--p->left == 0) {
            send_to(p->arbitrator, LEAVING, NULL, 0);
            cop_exit(COP_NORMAL);
        }
    }
    be_hungry(p);
}

static const cop_handler philosopher = {.state_bytes =
                                            sizeof(struct philosopher),
                                        .init = philosopher_init,
                                        .message = philosopher_message};

void bench_philosophers(struct bench *b)
{
    cop_pid self = cop_self();
    struct philosopher p = {.left = b->n};
    struct result result;

    bench_begin(b);
    p.arbitrator = start_handler(&arbitrator, &self, sizeof(self));
    for (p.k = 0; p.k < SEATS; p.k++)
        (void)start_handler(&philosopher, &p, sizeof(p));
    result = *cop_msg_as(recv_tag(FINISHED), struct result);
    bench_end(b, SEATS * b->n);
    bench_note(b, "denied", result.denials);
    BENCH_CHECK(result.meals == SEATS * b->n);
}
