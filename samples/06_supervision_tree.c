/* SPDX-License-Identifier: MIT
 *
 * 06_supervision_tree - a tree of supervisors as const data. What crashes is
 * started again; the strategy says who else is. cop_sup_tree prints the same
 * tree with pids.
 */
#include <coppice.h>
#include <stdio.h>
#include <string.h>

enum { UP = 1, CRASH };

static void lamp(void *arg);

/* --------------------------------------------------------- the whole tree */

static const cop_child lamps[] = {
    {.id = "red", .fn = lamp, .arg = "red", .opts = {.name = "red"}},
    {.id = "green", .fn = lamp, .arg = "green", .opts = {.name = "green"}},
};
static const cop_sup crossing = {
    .strategy = COP_ONE_FOR_ONE, /* only the one that crashed */
    .intensity = 3,
    .period_ns = 5 * COP_SEC,
    .children = lamps,
    .nchildren = 2,
};
static const cop_child parts[] = {
    {.id = "power", .fn = lamp, .arg = "power", .opts = {.name = "power"}},
    {.id = "crossing", .sup = &crossing, .opts = {.name = "crossing"}},
};
static const cop_sup town = {
    .strategy = COP_REST_FOR_ONE, /* and those started after it */
    .children = parts,
    .nchildren = 2,
};

/* ---------------------------------------------------------------------- */

static void must(int code)
{
    if (code < 0)
        cop_exit(cop_because(cop_error_name(code)));
}

/* Says that it is up, then waits to crash. */
static void lamp(void *arg)
{
    const char *name = arg;
    const cop_msg *m;

    must(cop_send_name("mayor", UP, name, strlen(name) + 1));
    must(cop_recv_tag(&m, CRASH, COP_FOREVER));
    cop_exit(cop_because("short_circuit"));
}

static bool is_from(const cop_msg *m, void *name)
{
    return cop_msg_tag(m) == UP && strcmp(cop_msg_body(m), name) == 0;
}

/* The lamps run side by side: who is up first is anybody's guess, so this asks
 * for them one after the other. */
static void await_up(const char *const *name, int n)
{
    const cop_msg *m;

    for (int i = 0; i < n; i++) {
        must(cop_recv_when(&m, is_from, (void *)name[i], COP_FOREVER));
        printf("  %s is up\n", name[i]);
    }
}

static void print_children(cop_pid sup, int indent)
{
    static const char *const state[] = {"not running", "restarting", "up"};
    cop_child_info c[4];
    int n = cop_sup_which_children(sup, c, 4);

    must(n);
    for (int i = 0; i < n; i++) {
        printf("%*s%s: %s, %d restarts\n", indent, "", c[i].id,
               state[c[i].state], (int)c[i].restarts);
        if (c[i].is_supervisor)
            print_children(c[i].pid, indent + 2);
    }
}

static void crash(cop_pid sup, const char *const *name, int ups)
{
    printf("%s crashes\n", name[0]);
    must(cop_send_name(name[0], CRASH, NULL, 0));
    await_up(name, ups);
    print_children(sup, 2);
}

static void mayor(void *arg)
{
    static const char *const order[] = {"power", "red", "green"};
    cop_pid sup;

    (void)arg;
    must(cop_register("mayor", cop_self()));
    printf("the town starts\n");
    must(cop_sup_start(&sup, &town, NULL, NULL));
    await_up(order, 3);
    print_children(sup, 2);
    crash(sup, &order[1], 1);
    crash(sup, order, 3);
    /* It ends with `shutdown`, which would end who is linked to it. */
    must(cop_unlink(sup));
    must(cop_server_stop(sup, COP_SHUTDOWN, COP_FOREVER, NULL));
    printf("the town is dark\n");
}

int main(void)
{
    return cop_run(mayor, NULL, NULL);
}
