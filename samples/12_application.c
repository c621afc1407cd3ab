/* SPDX-License-Identifier: MIT
 *
 * 12_application.c - a program of applications: which of them is started first
 * follows from what they need, and they are stopped in the opposite order.
 *
 * A shop needs a till, and the till needs a store of goods. The program's
 * last customer makes the shop close; as it is the main application, all is
 * over then, and the exit code is 0.
 */
#include <coppice.h>
#include <coppice/application.h>

#include <stdio.h>
#include <stdlib.h>

enum { SELL = 1 };

/* ---------------------------------------------------------------- store -- */

struct store {
    int apples;
};

static cop_next store_init(void *state, void *arg)
{
    struct store *s = state;
    char text[16] = "0";

    (void)arg;
    if (cop_app_get_env("store", "apples", text, sizeof text) < 0)
        return cop_next_stop(cop_because("no_apples"));
    s->apples = atoi(text);
    printf("store: opens with %d apples\n", s->apples);
    return cop_next_wait();
}

static cop_next store_call(void *state, const cop_msg *m, cop_from from)
{
    struct store *s = state;
    int wanted = *cop_msg_as(m, int);
    int sold = wanted < s->apples ? wanted : s->apples;

    s->apples -= sold;
    (void)cop_reply(from, &sold, sizeof sold);
    return cop_next_wait();
}

static const cop_server store = {
    .state_bytes = sizeof(struct store),
    .init = store_init,
    .call = store_call,
};
static const cop_child store_parts[] = {
    {.id = "goods", .server = &store, .opts = {.name = "goods"}}};
static const cop_sup store_root = {.children = store_parts, .nchildren = 1};

/* The value that store has unless COP_APP_STORE_APPLES says otherwise. */
static const cop_app_env store_env[] = {{"apples", "5"}};

/* ----------------------------------------------------------------- shop -- */

static int sell(int wanted)
{
    int sold = 0;
    int n = cop_call_name("goods", SELL, &wanted, sizeof wanted, &sold,
                          sizeof sold, COP_FOREVER);

    return n == (int)sizeof sold ? sold : 0;
}

static void customers(void *arg)
{
    static const char *const names[] = {"Ada", "Ben", "Cleo"};

    (void)arg;
    for (int i = 0; i < 3; i++)
        printf("shop: %s wants 2 apples, gets %d\n", names[i], sell(2));
}

/* When the customers are through, so is the shop. */
static const cop_child shop_parts[] = {{.id = "customers",
                                        .fn = customers,
                                        .restart = COP_TRANSIENT,
                                        .significant = true}};
static const cop_sup shop_root = {
    .auto_shutdown = COP_AUTO_ANY, .children = shop_parts, .nchildren = 1};

/* --------------------------------------------------------- applications -- */

static void closes(void *name)
{
    printf("%s: closes\n", (char *)name);
}

static const char *const till_needs[] = {"store"};
static const char *const shop_needs[] = {"till", "store"};

static const cop_app store_app = {.name = "store",
                                  .description = "what there is to sell",
                                  .version = "1.0",
                                  .env = store_env,
                                  .nenv = 1,
                                  .sup = &store_root,
                                  .stop = closes,
                                  .arg = "store"};
static const cop_app till_app = {.name = "till", /* a library: no actors */
                                 .depends = till_needs,
                                 .ndepends = 1};
static const cop_app shop_app = {.name = "shop",
                                 .depends = shop_needs,
                                 .ndepends = 2,
                                 .sup = &shop_root,
                                 .stop = closes,
                                 .arg = "shop"};

int main(void)
{
    static const cop_app *const all[] = {&shop_app, &till_app, &store_app};

    /* Reports (that the shop has ended) go to stderr. */
    return cop_app_run(all, 3, "shop", NULL);
}
