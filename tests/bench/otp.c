/* SPDX-License-Identifier: MIT
 *
 * otp.c - what OTP is used for besides plain messages: selective_receive,
 * monitor_storm, link_chain.
 */
#include "tests/bench/bench.h"

enum { UNRELATED = 1, REQUEST, REPLY, FINISHED, STOP, TAIL, CLUTTER = 1000 };

/* ----------------------------------------------------- selective_receive -- */

/* The fresh reference is an alias, which is the requester's address too. */
struct request {
    cop_alias from;
    uint64_t i;
};

static void server_message(void *state, const cop_msg *m)
{
    const struct request *r = cop_msg_as(m, struct request);
    uint64_t answer = r->i + 1;

    (void)state;
    BENCH_CHECK(cop_send_alias(r->from, REPLY, &answer, sizeof(answer)) == 0);
}

static const cop_handler server = {.message = server_message};

struct client {
    cop_pid main, server;
    uint64_t n;
};

static void request_one(cop_pid to, uint64_t i)
{
    struct request r = {.i = i};
    const cop_msg *m;

    BENCH_CHECK(cop_alias_new(&r.from, COP_ALIAS_REPLY) == 0);
    send_to(to, REQUEST, &r, sizeof(r));
    BENCH_CHECK(cop_recv_ref(&m, r.from.ref, COP_FOREVER) == 0);
    BENCH_CHECK(cop_msg_tag(m) == REPLY);
    BENCH_CHECK(*cop_msg_as(m, uint64_t) == i + 1);
}

static void client(void *arg)
{
    struct client c = *(struct client *)arg;

    for (uint64_t i = 1; i <= CLUTTER; i++)
        send_to(cop_self(), UNRELATED, &i, sizeof(i));
    for (uint64_t i = 0; i < c.n; i++)
        request_one(c.server, i);
    for (uint64_t i = 1; i <= CLUTTER; i++)
        BENCH_CHECK(*cop_msg_as(recv_any(), uint64_t) == i);
    send_to(c.main, FINISHED, &c.n, sizeof(c.n));
}

void bench_selective_receive(struct bench *b)
{
    struct client c = {.main = cop_self(), .n = b->n};
    uint64_t got;

    bench_begin(b);
    c.server = start_handler(&server, NULL, 0);
    (void)start_actor(client, &c, sizeof(c));
    got = *cop_msg_as(recv_tag(FINISHED), uint64_t);
    bench_end(b, b->n);
    BENCH_CHECK(got == b->n);
}

/* --------------------------------------------------------- monitor_storm -- */

static void end_message(void *state, const cop_msg *m)
{
    (void)state;
    (void)m;
    cop_exit(COP_NORMAL);
}

static const cop_handler one_shot = {.message = end_message};

void bench_monitor_storm(struct bench *b)
{
    cop_pid *all = malloc(b->n * sizeof(*all));
    cop_ref ref;
    cop_opts opts = {.monitor = &ref};
    uint64_t ended = 0;

    BENCH_CHECK(all != NULL);
    bench_begin(b);
    for (uint64_t i = 0; i < b->n; i++)
        BENCH_CHECK(cop_spawn_handler(&all[i], &one_shot, NULL, &opts) == 0);
    for (uint64_t i = 0; i < b->n; i++)
        send_to(all[i], STOP, NULL, 0);
    for (uint64_t i = 0; i < b->n; i++)
        ended +=
            cop_reason_kind(cop_msg_reason(recv_tag(COP_DOWN))) == COP_R_NORMAL;
    bench_end(b, b->n);
    BENCH_CHECK(ended == b->n);
    free(all);
}

/* ------------------------------------------------------------ link_chain -- */

struct chain {
    cop_pid main;
    uint64_t left;
};

static int chain_init(void *state, void *arg);

/* Nobody sends to the actors of the chain. */
static const cop_handler chain = {.init = chain_init, .message = end_message};

static int chain_init(void *state, void *arg)
{
    struct chain c = *(struct chain *)arg;
    cop_pid self = cop_self();
    cop_opts opts = {.link = true, .arg_bytes = sizeof(c)};

    (void)state;
    if (--c.left == 0)
        send_to(c.main, TAIL, &self, sizeof(self));
    else
        BENCH_CHECK(cop_spawn_handler(NULL, &chain, &c, &opts) == 0);
    return 0;
}

void bench_link_chain(struct bench *b)
{
    struct chain c = {cop_self(), b->n};
    cop_pid head = start_handler(&chain, &c, sizeof(c));
    cop_pid tail = *cop_msg_as(recv_tag(TAIL), cop_pid);
    const cop_msg *m;
    cop_ref ref;

    BENCH_CHECK(cop_monitor(&ref, tail) == 0);
    bench_begin(b);
    BENCH_CHECK(cop_exit_signal(head, COP_KILL) == 0);
    BENCH_CHECK(cop_recv_ref(&m, ref, COP_FOREVER) == 0);
    bench_end(b, b->n);
    BENCH_CHECK(cop_reason_kind(cop_msg_reason(m)) == COP_R_KILLED);
}
