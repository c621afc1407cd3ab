/* SPDX-License-Identifier: MIT
 *
 * 11_event_manager - one stream of events, several handlers. A printer and a
 * counter watch the doors of a house; the printer is replaced while events go
 * on, a third handler breaks, and nobody but it is the worse for it.
 */
#include <coppice.h>
#include <coppice/event.h>
#include <stdio.h>
#include <string.h>

enum { OPENED = 1, CLOSED, HOW_OFTEN };

/* ------------------------------------------------- a handler that prints */

struct printer {
    char prefix[16];
    unsigned lines;
};

/* Begins with the prefix it is given; one that takes another's place goes on
 * with the other's count. */
static cop_event_next printer_init(void *state, cop_event_init *how)
{
    struct printer *p = state;

    snprintf(p->prefix, sizeof p->prefix, "%s", (const char *)how->arg);
    if (how->swapped && how->old != NULL)
        p->lines = *cop_msg_as(how->old, unsigned);
    return cop_event_keep();
}

static cop_event_next printer_event(void *state, const cop_msg *m)
{
    struct printer *p = state;

    printf("%s %u: %s %s\n", p->prefix, ++p->lines,
           (const char *)cop_msg_body(m),
           cop_msg_tag(m) == OPENED ? "opened" : "closed");
    return cop_event_keep();
}

/* What it returns goes to its successor, or to who removes it. */
static cop_msg *printer_terminate(void *state, const cop_event_end *end)
{
    const struct printer *p = state;
    cop_msg *m;

    (void)end;
    if (cop_msg_new(&m, 1, sizeof p->lines) != 0)
        return NULL;
    *(unsigned *)cop_msg_fill(m) = p->lines;
    return m;
}

static const cop_event_handler printer = {
    .label = "printer",
    .state_bytes = sizeof(struct printer),
    .init = printer_init,
    .event = printer_event,
    .terminate = printer_terminate,
};

/* ------------------------------------------ one that counts and is asked */

static cop_event_next counter_event(void *state, const cop_msg *m)
{
    unsigned *opened = state;

    *opened += cop_msg_tag(m) == OPENED;
    return cop_event_keep();
}

static cop_event_next counter_call(void *state, const cop_msg *m, cop_from from)
{
    (void)m;
    cop_event_reply(from, state, sizeof(unsigned));
    return cop_event_keep();
}

static const cop_event_handler counter = {
    .label = "counter",
    .state_bytes = sizeof(unsigned),
    .event = counter_event,
    .call = counter_call,
};

/* --------------------------------------------------- one that breaks soon */

static cop_event_next fragile_event(void *state, const cop_msg *m)
{
    (void)state;
    if (cop_msg_tag(m) == CLOSED)
        cop_exit(cop_because("slammed"));
    return cop_event_keep();
}

static const cop_event_handler fragile = {
    .label = "fragile",
    .event = fragile_event,
};

/* -------------------------------------------------------------- the house */

static void must(int code)
{
    if (code < 0)
        cop_exit(cop_because(cop_error_name(code)));
}

/* Waits until all handlers had it, so that what is printed stays in order. */
static void door(cop_pid house, cop_tag tag, const char *which)
{
    must(cop_event_sync_notify(house, tag, which, strlen(which) + 1));
}

static void first(void *arg)
{
    cop_event_id old = cop_event_named(&printer, 1),
                 new = cop_event_named(&printer, 2),
                 count = cop_event_named(&counter, 0),
                 weak = cop_event_named(&fragile, 0);
    const cop_msg *m;
    unsigned opened;
    cop_pid house;

    (void)arg;
    must(cop_event_start(&house, &(cop_opts){.link = true}));
    must(cop_event_add_handler(house, old, "log", 4, NULL));
    must(cop_event_add_handler(house, count, NULL, 0, NULL));
    /* Supervised: whoever adds it hears of its end. */
    must(cop_event_add_sup_handler(house, weak, NULL, 0, NULL));

    door(house, OPENED, "front door");
    door(house, CLOSED, "front door");
    must(cop_recv_tag(&m, COP_EVENT_EXIT, COP_FOREVER));
    printf("fragile: %s\n",
           cop_reason_name(cop_msg_as(m, cop_event_exit)->reason));

    must(cop_event_swap_handler(house, old, NULL, 0, new, "journal", 8, NULL));
    door(house, OPENED, "back door");

    must(cop_event_call(house, count, HOW_OFTEN, NULL, 0, &opened,
                        sizeof opened, cop_in(60 * COP_SEC), NULL));
    printf("opened: %u times\n", opened);
    must(cop_server_stop(house, COP_NORMAL, COP_FOREVER, NULL));
}

static void no_log(const char *line)
{
    (void)line;
}

int main(void)
{
    /* The manager reports a handler that fails; here that is expected. */
    return cop_run(first, NULL, &(cop_config){.log = no_log});
}
