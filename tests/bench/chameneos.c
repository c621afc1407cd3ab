/* SPDX-License-Identifier: MIT
 *
 * chameneos.c - 100 creatures meet in pairs in one mall.
 */
#include "tests/bench/bench.h"

enum { MEET = 1, CHANGE, STOP, COUNT, FINISHED, CREATURES = 100 };

struct meet {
    cop_pid who;
    uint64_t colour;
};

/* ------------------------------------------------------------------ mall -- */

struct mall {
    cop_pid main, waiting;
    uint64_t left, alive, sum;
};

static int mall_init(void *state, void *arg)
{
    memcpy(state, arg, sizeof(struct mall));
    return 0;
}

static void mall_meet(struct mall *mall, const struct meet *meet)
{
    if (mall->left == 0) {
        if (!cop_pid_is_none(mall->waiting))
            send_to(mall->waiting, STOP, NULL, 0);
        mall->waiting = COP_NO_PID;
        send_to(meet->who, STOP, NULL, 0);
    } else if (cop_pid_is_none(mall->waiting)) {
        mall->waiting = meet->who;
    } else {
        send_to(mall->waiting, MEET, meet, sizeof(*meet));
        mall->waiting = COP_NO_PID;
        mall->left--;
    }
}

static void mall_message(void *state, const cop_msg *m)
{
    struct mall *mall = state;

    if (cop_msg_tag(m) == MEET) {
        mall_meet(mall, cop_msg_as(m, struct meet));
        return;
    }
    mall->sum += *cop_msg_as(m, uint64_t);
    if (--mall->alive == 0)
        send_to(mall->main, FINISHED, &mall->sum, sizeof(mall->sum));
}

static const cop_handler mall_handler = {.state_bytes = sizeof(struct mall),
                                         .init = mall_init,
                                         .message = mall_message};

/* -------------------------------------------------------------- creature -- */

struct creature {
    cop_pid mall;
    uint64_t colour, meetings;
};

static void go_to_mall(const struct creature *c)
{
    struct meet meet = {cop_self(), c->colour};

    send_to(c->mall, MEET, &meet, sizeof(meet));
}

static int creature_init(void *state, void *arg)
{
    memcpy(state, arg, sizeof(struct creature));
    go_to_mall(state);
    return 0;
}

static uint64_t complement(uint64_t a, uint64_t b)
{
    return a == b ? a : 3 - a - b;
}

static void creature_message(void *state, const cop_msg *m)
{
    struct creature *c = state;
    const struct meet *meet;

    switch (cop_msg_tag(m)) {
    case MEET:
        meet = cop_msg_as(m, struct meet);
        c->colour = complement(c->colour, meet->colour);
        send_to(meet->who, CHANGE, &c->colour, sizeof(c->colour));
        break;
    case CHANGE:
        c->colour = *cop_msg_as(m, uint64_t);
        break;
    default:
        send_to(c->mall, COUNT, &c->meetings, sizeof(c->meetings));
        cop_exit(COP_NORMAL);
    }
    c->meetings++;
    go_to_mall(c);
}

static const cop_handler creature_handler = {.state_bytes =
                                                 sizeof(struct creature),
                                             .init = creature_init,
                                             .message = creature_message};

void bench_chameneos(struct bench *b)
{
    struct mall mall = {.main = cop_self(), .left = b->n, .alive = CREATURES};
    struct creature c = {.meetings = 0};
    uint64_t sum;

    bench_begin(b);
    c.mall = start_handler(&mall_handler, &mall, sizeof(mall));
    for (uint64_t k = 0; k < CREATURES; k++) {
        c.colour = k % 3;
        (void)start_handler(&creature_handler, &c, sizeof(c));
    }
    sum = *cop_msg_as(recv_tag(FINISHED), uint64_t);
    bench_end(b, b->n);
    BENCH_CHECK(sum == 2 * b->n);
}
