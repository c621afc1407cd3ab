/* SPDX-License-Identifier: MIT
 *
 * 05_server - a server keeps state and answers requests. Its callbacks sit in
 * one const table; typed client functions around cop_call and cop_cast are
 * all that other actors see of it.
 */
#include <coppice.h>
#include <inttypes.h>
#include <stdio.h>

/* ------------------------------------------------------------- the server */

enum { DEPOSIT = 1, WITHDRAW, BALANCE };

struct account {
    int64_t balance;
};

struct receipt {
    bool ok;
    int64_t balance;
};

static cop_next account_init(void *state, void *arg)
{
    struct account *a = state;

    a->balance = *(const int64_t *)arg;
    return cop_next_wait();
}

static cop_next account_call(void *state, const cop_msg *m, cop_from from)
{
    struct account *a = state;
    struct receipt r = {.ok = true};

    if (cop_msg_tag(m) == WITHDRAW) {
        int64_t amount = *cop_msg_as(m, int64_t);

        /* No answer to this one: the server ends, the caller hears why. */
        if (amount < 0)
            return cop_next_stop(cop_because("negative_amount"));
        r.ok = amount <= a->balance;
        if (r.ok)
            a->balance -= amount;
    }
    r.balance = a->balance;
    cop_reply(from, &r, sizeof r);
    return cop_next_wait();
}

static cop_next account_cast(void *state, const cop_msg *m)
{
    struct account *a = state;

    a->balance += *cop_msg_as(m, int64_t);
    return cop_next_wait();
}

static const cop_server account_server = {
    .label = "account",
    .state_bytes = sizeof(struct account),
    .init = account_init,
    .call = account_call,
    .cast = account_cast,
};

/* ------------------------------------------------------------ its clients */

static int account_open(cop_pid *out, int64_t opening)
{
    return cop_server_start(out, &account_server, &opening, NULL, NULL);
}

/* Nobody waits for an answer: a cast. */
static int account_deposit(cop_pid account, int64_t amount)
{
    return cop_cast(account, DEPOSIT, &amount, sizeof amount);
}

static int account_withdraw(cop_pid account, int64_t amount,
                            struct receipt *out)
{
    return cop_call(account, WITHDRAW, &amount, sizeof amount, out, sizeof *out,
                    cop_in(60 * COP_SEC));
}

static int account_balance(cop_pid account, struct receipt *out)
{
    return cop_call(account, BALANCE, NULL, 0, out, sizeof *out,
                    cop_in(60 * COP_SEC));
}

static void print(const char *what, int code, const struct receipt *r)
{
    if (code >= 0)
        printf("%s: %s, balance %" PRId64 "\n", what,
               r->ok ? "done" : "refused", r->balance);
    else if (code == COP_EDOWN)
        printf("%s: %s (%s)\n", what, cop_error_str(code),
               cop_reason_name(cop_call_reason()));
    else
        printf("%s: %s\n", what, cop_error_str(code));
}

static void first(void *arg)
{
    struct receipt r;
    cop_pid account;

    (void)arg;
    if (account_open(&account, 100) != 0 || account_deposit(account, 50) != 0)
        cop_exit(cop_because("no_account"));
    print("ask", account_balance(account, &r), &r);
    print("withdraw 70", account_withdraw(account, 70, &r), &r);
    print("withdraw 500", account_withdraw(account, 500, &r), &r);
    print("withdraw -1", account_withdraw(account, -1, &r), &r);
    print("ask again", account_balance(account, &r), &r);
}

int main(void)
{
    return cop_run(first, NULL, NULL);
}
