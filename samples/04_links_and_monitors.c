/* SPDX-License-Identifier: MIT
 *
 * 04_links_and_monitors - how actors hear of each other's end. A monitor
 * tells one side, by a COP_DOWN message. A link ties two actors: if one ends
 * abnormally the other one does, unless it traps exits and gets a COP_EXIT
 * message instead.
 */
#include <coppice.h>
#include <stdio.h>

enum { GO = 1 };

static void must(int code)
{
    if (code < 0)
        cop_exit(cop_because(cop_error_name(code)));
}

/* Waits for GO, then ends: of `boom` if arg says so, else normally. */
static void bomb(void *arg)
{
    const cop_msg *m;

    must(cop_recv_tag(&m, GO, COP_FOREVER));
    if (arg != NULL)
        cop_exit(cop_because(arg));
}

/* Linked to a bomb and not trapping: it goes with it. */
static void neighbour(void *arg)
{
    const cop_msg *m;
    cop_pid pid;

    must(cop_spawn(&pid, bomb, arg, &(cop_opts){.link = true}));
    must(cop_send(pid, GO, NULL, 0));
    must(cop_recv(&m, COP_FOREVER));
}

static void print_down(const char *what, cop_ref ref)
{
    char text[COP_REASON_TEXT];
    const cop_msg *m;

    must(cop_recv_ref(&m, ref, COP_FOREVER));
    printf("%s: DOWN, %s\n", what,
           cop_reason_str(cop_msg_reason(m), text, sizeof text));
}

static void monitors(void)
{
    cop_pid pid;
    cop_ref ref;

    must(cop_spawn(&pid, bomb, NULL, &(cop_opts){.monitor = &ref}));
    must(cop_send(pid, GO, NULL, 0));
    print_down("returned", ref);

    must(cop_spawn(&pid, bomb, "boom", &(cop_opts){.monitor = &ref}));
    must(cop_send(pid, GO, NULL, 0));
    print_down("crashed", ref);

    must(cop_spawn(&pid, bomb, NULL, &(cop_opts){.monitor = &ref}));
    must(cop_exit_signal(pid, COP_KILL));
    print_down("killed from outside", ref);

    must(cop_monitor(&ref, pid));
    print_down("monitored too late", ref);

    must(cop_spawn(&pid, neighbour, "boom", &(cop_opts){.monitor = &ref}));
    print_down("linked to one that crashed", ref);
}

static void links(void)
{
    char text[COP_REASON_TEXT];
    const cop_msg *m;
    cop_pid pid;

    cop_trap_exit(true);
    must(cop_spawn(&pid, bomb, "boom", &(cop_opts){.link = true}));
    must(cop_send(pid, GO, NULL, 0));
    must(cop_recv_tag(&m, COP_EXIT, COP_FOREVER));
    printf("trapped: EXIT, %s, from my bomb: %s\n",
           cop_reason_str(cop_msg_reason(m), text, sizeof text),
           cop_pid_eq(cop_msg_sender(m), pid) ? "yes" : "no");

    must(cop_spawn(&pid, bomb, "boom", &(cop_opts){.link = true}));
    must(cop_unlink(pid));
    must(cop_send(pid, GO, NULL, 0));
    while (cop_is_alive(pid))
        cop_yield();
    printf("unlinked in time: %s\n",
           cop_recv_tag(&m, COP_EXIT, COP_POLL) == 0 ? "EXIT" : "no EXIT");
}

static void first(void *arg)
{
    (void)arg;
    monitors();
    links();
}

int main(void)
{
    return cop_run(first, NULL, NULL);
}
