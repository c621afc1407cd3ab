/* SPDX-License-Identifier: MIT
 *
 * bank.c - bank_transaction: 1000 accounts; the source of a transfer waits for
 * the destination's reply while other messages stay in its mailbox.
 *
 * An account reacts, so it is a handler that waits in its midst, for a message
 * by an alias made for this request. A cop_call there takes 1.4 times as long,
 * as it watches the destination too; accounts that are coroutines are not
 * faster in either form.
 */
#include "tests/bench/bench.h"

enum {
    TRANSFER = 1,
    DEPOSIT,
    DEPOSITED,
    TRANSFERRED,
    BALANCE,
    VALUE,
    FINISHED
};
enum { ACCOUNTS = 1000, SOURCES = 800, OPENING = 1000000 };

struct transfer {
    int64_t amount;
    cop_pid to, teller;
};

struct deposit {
    int64_t amount;
    cop_alias from;
};

static int account_init(void *state, void *arg)
{
    (void)arg;
    *(int64_t *)state = OPENING;
    return 0;
}

static void on_transfer(int64_t *balance, struct transfer t)
{
    struct deposit d = {.amount = t.amount};
    const cop_msg *reply;

    BENCH_CHECK(cop_alias_new(&d.from, COP_ALIAS_REPLY) == 0);
    send_to(t.to, DEPOSIT, &d, sizeof(d));
    BENCH_CHECK(cop_recv_ref(&reply, d.from.ref, COP_FOREVER) == 0);
    *balance -= t.amount;
    send_to(t.teller, TRANSFERRED, NULL, 0);
}

static void account_message(void *state, const cop_msg *m)
{
    int64_t *balance = state;
    const struct deposit *d;

    switch (cop_msg_tag(m)) {
    case TRANSFER:
        on_transfer(balance, *cop_msg_as(m, struct transfer));
        break;
    case DEPOSIT:
        d = cop_msg_as(m, struct deposit);
        *balance += d->amount;
        BENCH_CHECK(cop_send_alias(d->from, DEPOSITED, NULL, 0) == 0);
        break;
    default:
        send_to(*cop_msg_as(m, cop_pid), VALUE, balance, sizeof(*balance));
    }
}

static const cop_handler account = {.state_bytes = sizeof(int64_t),
                                    .init = account_init,
                                    .message = account_message};

struct teller {
    cop_pid main, accounts[ACCOUNTS];
    uint64_t n;
};

static void teller(void *arg)
{
    const struct teller *t = arg;
    uint64_t x = bench_seed(0);

    for (uint64_t i = 0; i < t->n; i++) {
        uint64_t a = bench_draw(&x), b = bench_draw(&x), c = bench_draw(&x);
        uint64_t s = a % SOURCES, d = s + 1 + b % (ACCOUNTS - 1 - s);
        struct transfer body = {1 + (int64_t)(c % 1000), t->accounts[d],
                                cop_self()};

        send_to(t->accounts[s], TRANSFER, &body, sizeof(body));
    }
    for (uint64_t i = 0; i < t->n; i++)
        (void)recv_tag(TRANSFERRED);
    send_to(t->main, FINISHED, NULL, 0);
}

void bench_bank_transaction(struct bench *b)
{
    cop_pid self = cop_self();
    struct teller t = {.main = self, .n = b->n};
    int64_t sum = 0;

    bench_begin(b);
    for (int k = 0; k < ACCOUNTS; k++)
        t.accounts[k] = start_handler(&account, NULL, 0);
    (void)start_actor(teller, &t, sizeof(t));
    (void)recv_tag(FINISHED);
    for (int k = 0; k < ACCOUNTS; k++)
        send_to(t.accounts[k], BALANCE, &self, sizeof(self));
    for (int k = 0; k < ACCOUNTS; k++)
        sum += *cop_msg_as(recv_tag(VALUE), int64_t);
    bench_end(b, b->n);
    BENCH_CHECK(sum == (int64_t)ACCOUNTS * OPENING);
}
