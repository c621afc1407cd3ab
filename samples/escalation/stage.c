/* SPDX-License-Identifier: MIT
 *
 * stage.c - watching actors, drawing the tree, checking expectations.
 *
 * Nothing here waits for a length of time: an end is known by its DOWN, a
 * restart by who has the name now, and a supervisor's books by asking it, again
 * and again until it says what is expected or PATIENCE is over. What then is
 * not as expected stays so, and the verdict says where.
 */
#include "escalation.h"

#include <coppice/sys.h>
#include <string.h>
#include <unistd.h>

enum { WATCHED = 16, NAME_SIZE = 24 };

static struct watch {
    char name[NAME_SIZE];
    cop_pid pid;
    cop_ref ref;
} watched[WATCHED];

static struct {
    int step;
    int checks; /* in all */
    int wrong;
    char first[160]; /* that was not so */
} stage;

/* -------------------------------------------------------------- watching -- */

static struct watch *find(const char *name)
{
    struct watch *free_one = NULL;

    for (int i = 0; i < WATCHED; i++) {
        if (strcmp(watched[i].name, name) == 0)
            return &watched[i];
        if (watched[i].name[0] == '\0' && free_one == NULL)
            free_one = &watched[i];
    }
    if (free_one == NULL)
        cop_exit(cop_because("too_many_names"));
    snprintf(free_one->name, sizeof free_one->name, "%s", name);
    return free_one;
}

void stage_watch(const char *name)
{
    struct watch *w = find(name);

    (void)cop_demonitor(w->ref, true);
    w->pid = cop_whereis(name);
    if (cop_monitor(&w->ref, w->pid) != 0)
        cop_exit(cop_because("nomem"));
}

cop_pid stage_was(const char *name)
{
    return find(name)->pid;
}

bool stage_ended(const char *name, const char *reason)
{
    char text[COP_REASON_TEXT];
    const cop_msg *m;

    if (cop_recv_ref(&m, find(name)->ref, cop_in(PATIENCE)) != 0) {
        printf("  %s has not ended\n", name);
        return false;
    }
    cop_reason_str(cop_msg_reason(m), text, sizeof text);
    printf("  %s ended: %s\n", name, text);
    return strcmp(text, reason) == 0;
}

bool stage_lives(const char *name)
{
    cop_pid pid = stage_was(name);

    return cop_is_alive(pid) && cop_pid_eq(cop_whereis(name), pid);
}

bool stage_is_back(const char *name)
{
    cop_time end = cop_in(PATIENCE);
    cop_pid now;

    do {
        cop_sleep(COP_MS);
        now = cop_whereis(name);
    } while ((cop_pid_is_none(now) || cop_pid_eq(now, stage_was(name))) &&
             cop_now() < end);
    return !cop_pid_is_none(now) && !cop_pid_eq(now, stage_was(name));
}

/* ---------------------------------------------------------- supervisors -- */

static bool ask_child(const char *sup, const char *id, cop_child_info *out)
{
    cop_child_info list[8];
    int n = cop_sup_which_children(cop_whereis(sup), list, 8);

    for (int i = 0; i < n && i < 8; i++)
        if (strcmp(list[i].id, id) == 0) {
            *out = list[i];
            return true;
        }
    return false;
}

bool stage_child_is(const char *sup, const char *id, cop_child_state state,
                    uint64_t restarts)
{
    cop_time end = cop_in(PATIENCE);
    cop_child_info info;

    do {
        cop_sleep(COP_MS);
        if (ask_child(sup, id, &info) && info.state == state &&
            info.restarts == restarts)
            return true;
    } while (cop_now() < end);
    return false;
}

size_t stage_restarts(const char *sup)
{
    cop_sup_state state = {0};

    if (cop_sys_get_state(cop_whereis(sup), &state, sizeof state,
                          cop_in(PATIENCE)) < 0)
        return SIZE_MAX;
    printf("  %s says: %zu of %zu restarts used\n", sup, state.restarts,
           state.intensity);
    return state.restarts;
}

void stage_hold(const char *sup)
{
    if (cop_sys_suspend(cop_whereis(sup), cop_in(PATIENCE)) != 0)
        cop_exit(cop_because("cannot_hold"));
    printf("  (%s is held, so that we can look before it acts)\n", sup);
}

void stage_go_on(const char *sup)
{
    if (cop_sys_resume(cop_whereis(sup), cop_in(PATIENCE)) != 0)
        cop_exit(cop_because("cannot_go_on"));
}

void stage_start(const char *name, const cop_sup *root)
{
    char text[COP_REASON_TEXT];
    cop_reason why = COP_NORMAL;
    cop_pid pid;
    int code = cop_sup_start(&pid, root, &(cop_opts){.name = name}, &why);

    if (code != 0) {
        fprintf(stderr, "escalation: %s: %s (%s)\n", name, cop_error_str(code),
                cop_reason_str(why, text, sizeof text));
        cop_exit(why);
    }
}

void stage_stop(const char *name)
{
    const cop_msg *m;
    cop_pid pid = cop_whereis(name);

    if (cop_server_stop(pid, COP_SHUTDOWN, cop_in(PATIENCE), NULL) != 0 ||
        cop_recv_from(&m, pid, cop_in(PATIENCE)) != 0)
        cop_exit(cop_because("cannot_stop"));
}

/* ------------------------------------------------------------- narrating -- */

void stage_step(const char *title, const char *text)
{
    printf("\n%d. %s\n\n  %s\n\n", ++stage.step, title, text);
}

static void read_line(void *arg)
{
    int c;

    (void)arg;
    do
        c = getchar();
    while (c != '\n' && c != EOF);
}

static void await_enter(void)
{
    fflush(stdout);
    if (!job.step || !isatty(STDIN_FILENO))
        return;
    printf("\n[Enter] ");
    fflush(stdout);
    if (cop_blocking(read_line, NULL) != 0)
        job.step = false;
}

void stage_end(const char *root)
{
    char text[2048];

    printf("\n");
    if (root == NULL) {
        printf("    (nothing is left of the tree)\n");
        await_enter();
        return;
    }
    cop_sup_tree(cop_whereis(root), text, sizeof text);
    for (char *line = text, *next; *line != '\0'; line = next) {
        next = line + strcspn(line, "\n");
        printf("    %.*s\n", (int)(next - line), line);
        next += *next == '\n';
    }
    await_enter();
}

void stage_end_held(const char *const *names, size_t n)
{
    char text[COP_PID_TEXT];

    printf("\n");
    for (size_t i = 0; i < n; i++) {
        cop_pid pid = cop_whereis(names[i]);
        bool is_up = !cop_pid_is_none(pid);

        printf("    %-8s %s\n", names[i],
               is_up ? cop_pid_str(pid, text, sizeof text) : "-");
    }
    await_enter();
}

/* The third expectation is the one that sabotage turns round. */
void stage_check(bool is, const char *text)
{
    bool turned = ++stage.checks == 3 && job.sabotage;

    if (turned)
        is = !is;
    printf("  %s %s%s\n", is ? "[ok]   " : "[WRONG]", turned ? "not: " : "",
           text);
    if (!is && stage.wrong++ == 0)
        snprintf(stage.first, sizeof stage.first, "step %d: %s%s", stage.step,
                 turned ? "not: " : "", text);
}

int stage_verdict(void)
{
    bool coloured = isatty(STDOUT_FILENO);

    if (stage.wrong == 0 && stage.checks > 0) {
        printf("\nverdict: %sok%s, all %d expectations were met\n",
               coloured ? "\033[32m" : "", coloured ? "\033[0m" : "",
               stage.checks);
        return EXIT_RIGHT;
    }
    printf("\nverdict: %sWRONG%s, %s\n", coloured ? "\033[31m" : "",
           coloured ? "\033[0m" : "",
           stage.checks > 0 ? stage.first : "nothing was tried");
    return EXIT_WRONG;
}
