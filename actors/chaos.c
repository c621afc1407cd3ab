/* SPDX-License-Identifier: MIT
 *
 * chaos.c - a fault plan as a child of a supervisor. It is on for as long as
 * the child lives: a clean-up switches it off, however the child ends, and its
 * restart switches it on anew, with counters at zero. What the plan does in
 * time the runtime does by itself.
 */
#include <coppice/chaos.h>

static void switch_off(void *unused)
{
    (void)unused;
    (void)cop_chaos_off();
}

static cop_reason why_not(const cop_chaos_error *e)
{
    if (e->line == 0)
        return cop_because_fmt("chaos", "%s", e->text);
    return cop_because_fmt("bad_plan", "line %u, column %u: %s", e->line,
                           e->column, e->text);
}

static cop_next init(void *state, void *plan)
{
    cop_chaos_error error;
    int err = cop_chaos_on(plan, &error);

    (void)state;
    if (err != 0)
        return cop_next_stop(why_not(&error));
    if (cop_defer(switch_off, NULL) != 0) {
        switch_off(NULL);
        return cop_next_stop(cop_because("nomem"));
    }
    return cop_next_wait();
}

static const cop_server chaos_server = {
    .label = "chaos",
    .init = init,
};

cop_child cop_chaos_child(const char *plan)
{
    return (cop_child){
        .id = "chaos",
        .server = &chaos_server,
        .arg = (void *)(uintptr_t)plan,
    };
}
