/* SPDX-License-Identifier: MIT
 *
 * bystanders.c - actors that pass coins to each other as fast as they can,
 * while others die around them, and must not notice.
 *
 * Each coin has a number and counts how often it was passed on. At the end all
 * are told to hold what they have (HOLD), and when all have said so they are
 * asked what that is (COUNT). Signals between two actors keep their order, so
 * whatever a bystander passed on before it answered HOLD is in its receiver's
 * mailbox before COUNT is. Then each coin must be there exactly once, and have
 * been passed as often as the bystanders say together that they passed one.
 */
#include "gallery.h"

#include <stdio.h>

struct bystander {
    unsigned index;
    bool holds;
    struct purse purse;
};

static const char *const names[BYSTANDERS] = {"ann",  "bob", "cleo", "dan",
                                              "emma", "fay", "gus",  "hal"};
static bool loses_one; /* before the first coin is out */

/* To a neighbour; who that is changes from coin to coin. */
static void pass_on(struct bystander *b, struct coin coin)
{
    unsigned step = 1 + (coin.number + coin.passed) % (BYSTANDERS - 1);
    const char *to = names[(b->index + step) % BYSTANDERS];

    coin.passed++;
    b->purse.sent++;
    if (cop_cast_name(to, TAG_COIN, &coin, sizeof coin) != 0)
        cop_exit(cop_because_fmt("nobody", "%s is gone", to));
}

static cop_next init(void *state, void *arg)
{
    struct bystander *b = state;

    b->index = *(const unsigned *)arg;
    return cop_next_wait();
}

static cop_next cast(void *state, const cop_msg *m)
{
    struct bystander *b = state;
    struct coin coin = *cop_msg_as(m, struct coin);

    b->purse.received++;
    if (loses_one && b->index == 3 && coin.number == 5)
        return cop_next_wait();
    if (!b->holds)
        pass_on(b, coin);
    else if (b->purse.ncoins < COINS)
        b->purse.coins[b->purse.ncoins++] = coin;
    return cop_next_wait();
}

static cop_next call(void *state, const cop_msg *m, cop_from from)
{
    struct bystander *b = state;

    if (cop_msg_tag(m) == TAG_HOLD)
        b->holds = true;
    cop_reply(from, &b->purse, sizeof b->purse);
    return cop_next_wait();
}

static const cop_server bystander = {
    .label = "bystander",
    .state_bytes = sizeof(struct bystander),
    .init = init,
    .cast = cast,
    .call = call,
};

static const unsigned indices[BYSTANDERS] = {0, 1, 2, 3, 4, 5, 6, 7};
#define KID(i, its_name)                                                       \
    {                                                                          \
        .id = its_name, .server = &bystander, .arg = (void *)&indices[i],      \
        .opts = {                                                              \
            .name = its_name                                                   \
        }                                                                      \
    }
static const cop_child kids[BYSTANDERS] = {
    KID(0, "ann"),  KID(1, "bob"), KID(2, "cleo"), KID(3, "dan"),
    KID(4, "emma"), KID(5, "fay"), KID(6, "gus"),  KID(7, "hal"),
};
const cop_sup bystanders_sup = {
    .strategy = COP_ONE_FOR_ONE, .children = kids, .nchildren = BYSTANDERS};

/* ----------------------------------------------------------------- clients */

int bystanders_begin(bool lose_one)
{
    int code = 0;

    loses_one = lose_one;
    for (uint32_t i = 0; code == 0 && i < COINS; i++) {
        struct coin coin = {.number = i};

        code =
            cop_cast_name(names[i % BYSTANDERS], TAG_COIN, &coin, sizeof coin);
    }
    return code;
}

static int ask(unsigned i, cop_tag tag, struct purse *out)
{
    return cop_call_name(names[i], tag, NULL, 0, out, sizeof *out,
                         cop_in(30 * COP_SEC));
}

static int count_unhurt(unsigned *out)
{
    cop_child_info info[BYSTANDERS];
    int n = cop_sup_which_children(cop_whereis("bystanders"), info, BYSTANDERS);

    *out = 0;
    for (int i = 0; i < n; i++)
        *out += info[i].state == COP_CHILD_UP && info[i].restarts == 0;
    return n < 0 ? n : 0;
}

int bystanders_end(struct bystanders *out)
{
    unsigned times[COINS] = {0};
    uint64_t passed = 0;
    struct purse p;

    *out = (struct bystanders){.is_whole = true};
    for (unsigned i = 0; i < BYSTANDERS; i++) {
        int code = ask(i, TAG_HOLD, &p);

        if (code < 0)
            return code;
    }
    for (unsigned i = 0; i < BYSTANDERS; i++) {
        int code = ask(i, TAG_COUNT, &p);

        if (code < 0)
            return code;
        out->passed += p.sent;
        for (uint32_t k = 0; k < p.ncoins; k++) {
            times[p.coins[k].number]++;
            passed += p.coins[k].passed;
        }
    }
    for (unsigned i = 0; i < COINS; i++)
        out->is_whole = out->is_whole && times[i] == 1;
    out->is_whole = out->is_whole && passed == out->passed;
    return count_unhurt(&out->unhurt);
}
