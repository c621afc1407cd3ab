/* SPDX-License-Identifier: MIT
 *
 * buffer.c - bounded_buffer: 40 producers, 40 consumers, and a manager with
 * room for 50 items between them.
 *
 * A producer is granted when it was told to produce and was not heard from
 * since. Items in the queue and grants together never exceed the room.
 */
#include "tests/bench/bench.h"

enum { GO = 1, PRODUCE, ITEM, EXHAUSTED, AVAILABLE, STOP, CONSUMED };
enum { PRODUCERS = 40, CONSUMERS = 40, ROOM = 50 };

struct item {
    uint64_t value;
    cop_pid from;
};

/* --------------------------------------------------------------- manager -- */

struct manager {
    uint64_t left; /* items still to be handed out */
    unsigned granted, queued, first, nproducers, nconsumers;
    uint64_t items[ROOM]; /* a ring: `queued` of them from `first` on */
    cop_pid producers[PRODUCERS], consumers[CONSUMERS]; /* waiting */
};

static int manager_init(void *state, void *arg)
{
    ((struct manager *)state)->left = *(const uint64_t *)arg;
    return 0;
}

static void grant(struct manager *g, cop_pid producer)
{
    g->granted++;
    send_to(producer, PRODUCE, NULL, 0);
}

static void hand_out(struct manager *g, uint64_t value, cop_pid consumer)
{
    g->left--;
    send_to(consumer, ITEM, &value, sizeof(value));
}

static void on_item(struct manager *g, const struct item *item)
{
    g->granted--;
    if (g->nconsumers > 0) {
        hand_out(g, item->value, g->consumers[--g->nconsumers]);
    } else {
        BENCH_CHECK(g->queued < ROOM);
        g->items[(g->first + g->queued++) % ROOM] = item->value;
    }
    if (g->queued + g->granted < ROOM)
        grant(g, item->from);
    else
        g->producers[g->nproducers++] = item->from;
}

static void on_available(struct manager *g, cop_pid consumer)
{
    if (g->queued == 0) {
        g->consumers[g->nconsumers++] = consumer;
        return;
    }
    hand_out(g, g->items[g->first], consumer);
    g->first = (g->first + 1) % ROOM;
    g->queued--;
    if (g->nproducers > 0)
        grant(g, g->producers[--g->nproducers]);
}

static void manager_message(void *state, const cop_msg *m)
{
    struct manager *g = state;
    const cop_pid *producers;

    switch (cop_msg_tag(m)) {
    case ITEM:
        on_item(g, cop_msg_as(m, struct item));
        break;
    case AVAILABLE:
        on_available(g, *cop_msg_as(m, cop_pid));
        break;
    case EXHAUSTED:
        g->granted--;
        break;
    default:
        producers = cop_msg_expect(m, sizeof(g->producers));
        for (int p = 0; p < PRODUCERS; p++)
            grant(g, producers[p]);
    }
    if (g->left > 0 || g->nconsumers < CONSUMERS)
        return;
    while (g->nconsumers > 0)
        send_to(g->consumers[--g->nconsumers], STOP, NULL, 0);
}

static const cop_handler manager = {.state_bytes = sizeof(struct manager),
                                    .init = manager_init,
                                    .message = manager_message};

/* -------------------------------------------------------------- producer -- */

struct producer {
    cop_pid manager;
    uint64_t next, end; /* the items still to make */
};

static int producer_init(void *state, void *arg)
{
    memcpy(state, arg, sizeof(struct producer));
    return 0;
}

static void producer_message(void *state, const cop_msg *m)
{
    struct producer *p = state;
    struct item item = {p->next, cop_self()};

    (void)m;
    if (p->next == p->end) {
        send_to(p->manager, EXHAUSTED, NULL, 0);
        cop_exit(COP_NORMAL);
    }
    p->next++;
    send_to(p->manager, ITEM, &item, sizeof(item));
}

static const cop_handler producer = {.state_bytes = sizeof(struct producer),
                                     .init = producer_init,
                                     .message = producer_message};

/* -------------------------------------------------------------- consumer -- */

struct consumed {
    uint64_t count, sum;
};

struct consumer {
    cop_pid main, manager;
    struct consumed got;
};

static void be_available(const struct consumer *c)
{
    cop_pid self = cop_self();

    send_to(c->manager, AVAILABLE, &self, sizeof(self));
}

static int consumer_init(void *state, void *arg)
{
    memcpy(state, arg, sizeof(struct consumer));
    be_available(state);
    return 0;
}

static void consumer_message(void *state, const cop_msg *m)
{
    struct consumer *c = state;

    if (cop_msg_tag(m) == STOP) {
        send_to(c->main, CONSUMED, &c->got, sizeof(c->got));
        cop_exit(COP_NORMAL);
    }
    c->got.count++;
    c->got.sum += *cop_msg_as(m, uint64_t);
    be_available(c);
}

static const cop_handler consumer = {.state_bytes = sizeof(struct consumer),
                                     .init = consumer_init,
                                     .message = consumer_message};

/* ------------------------------------------------------------------ main -- */

void bench_bounded_buffer(struct bench *b)
{
    uint64_t items = PRODUCERS * b->n;
    struct producer p = {.end = 0};
    struct consumer c = {.main = cop_self()};
    struct consumed all = {0, 0};
    cop_pid producers[PRODUCERS];

    bench_begin(b);
    c.manager = p.manager = start_handler(&manager, &items, sizeof(items));
    for (int k = 0; k < PRODUCERS; k++) {
        p.next = p.end;
        p.end += b->n;
        producers[k] = start_handler(&producer, &p, sizeof(p));
    }
    for (int k = 0; k < CONSUMERS; k++)
        (void)start_handler(&consumer, &c, sizeof(c));
    send_to(p.manager, GO, producers, sizeof(producers));
    for (int k = 0; k < CONSUMERS; k++) {
        const struct consumed *got =
            cop_msg_as(recv_tag(CONSUMED), struct consumed);

        all.count += got->count;
        all.sum += got->sum;
    }
    bench_end(b, items);
    BENCH_CHECK(all.count == items);
    BENCH_CHECK(all.sum == items * (items - 1) / 2);
}
