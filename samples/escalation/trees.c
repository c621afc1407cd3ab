/* SPDX-License-Identifier: MIT
 *
 * trees.c - the supervision trees, and the one kind of actor that is in them:
 * it waits, and ends when it is told to.
 */
#include "escalation.h"

static cop_next cast(void *state, const cop_msg *m)
{
    (void)state;
    if (cop_msg_tag(m) == TAG_CRASH)
        return cop_next_stop(cop_because("boom"));
    if (cop_msg_tag(m) == TAG_FINISH)
        return cop_next_stop(COP_NORMAL);
    return cop_next_wait();
}

static const cop_server person = {.label = "person", .cast = cast};

/* ------------------------------------------------- steps 1 to 4: the shop --
 */

static const cop_child clerks[CLERKS] = {
    {.id = "clerk_1", .server = &person, .opts = {.name = "clerk_1"}},
    {.id = "clerk_2", .server = &person, .opts = {.name = "clerk_2"}},
    {.id = "clerk_3", .server = &person, .opts = {.name = "clerk_3"}},
};
static const cop_sup shop = {.strategy = COP_ONE_FOR_ONE,
                             .intensity = 2,
                             .period_ns = 3600 * COP_SEC,
                             .children = clerks,
                             .nchildren = CLERKS};
static const cop_child town[] = {
    {.id = "mail", .server = &person, .opts = {.name = "mail"}},
    {.id = "shop", .sup = &shop, .opts = {.name = "shop"}},
};
const cop_sup shop_root = {.strategy = COP_ONE_FOR_ONE,
                           .intensity = 1,
                           .period_ns = 3600 * COP_SEC,
                           .children = town,
                           .nchildren = sizeof town / sizeof *town};

/* ---------------------------------------------------- step 5: the printer --
 */

static const cop_child machines[] = {
    {.id = "printer",
     .server = &person,
     .opts = {.name = "printer"},
     .backoff = {.min_ns = PRINTER_MIN,
                 .max_ns = PRINTER_MAX,
                 .factor = PRINTER_FACTOR,
                 .reset_ns = 3600 * COP_SEC}},
};
const cop_sup press_root = {.intensity = 10,
                            .period_ns = 3600 * COP_SEC,
                            .children = machines,
                            .nchildren = 1};

/* ------------------------------------------------- step 6: errands to run --
 */

/* A transient child that ends orderly is done. If it is significant, its
 * supervisor may be done with it. */
static const cop_child runners[] = {
    {.id = "runner_1",
     .server = &person,
     .opts = {.name = "runner_1"},
     .restart = COP_TRANSIENT,
     .significant = true},
    {.id = "runner_2",
     .server = &person,
     .opts = {.name = "runner_2"},
     .restart = COP_TRANSIENT,
     .significant = true},
    {.id = "helper", .server = &person, .opts = {.name = "helper"}},
};
static const cop_sup any_errand = {.auto_shutdown = COP_AUTO_ANY,
                                   .intensity = 2,
                                   .children = runners,
                                   .nchildren = 3};
static const cop_sup all_errand = {.auto_shutdown = COP_AUTO_ALL,
                                   .intensity = 2,
                                   .children = runners,
                                   .nchildren = 3};
static const cop_child any_day[] = {
    {.id = "errand",
     .sup = &any_errand,
     .opts = {.name = "errand"},
     .restart = COP_TRANSIENT},
};
static const cop_child all_day[] = {
    {.id = "errand",
     .sup = &all_errand,
     .opts = {.name = "errand"},
     .restart = COP_TRANSIENT},
};
const cop_sup any_root = {.children = any_day, .nchildren = 1};
const cop_sup all_root = {.children = all_day, .nchildren = 1};
