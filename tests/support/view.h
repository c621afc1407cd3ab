/* SPDX-License-Identifier: MIT
 *
 * view.h - for tests of the live view: a program that is viewed, with a folder
 * of its own for the socket, and what it is made of.
 */
#ifndef COPPICE_TESTS_VIEW_H
#define COPPICE_TESTS_VIEW_H

#include "actors/tool/tool.h"
#include "tests/support/started.h"

#include <coppice/view.h>

#include <pthread.h>
#include <stdarg.h>
#include <unistd.h>

static char complaint[256];
static char folder[64];

void tool_complain(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(complaint, sizeof complaint, fmt, args);
    va_end(args);
}

static inline void remove_folder(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/coppice", folder);
    if (rmdir(path) != 0)
        (void)unlink(path);
    (void)rmdir(folder);
}

static inline void own_folder(void)
{
    strcpy(folder, "/tmp/view-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(setenv("XDG_RUNTIME_DIR", folder, 1), 0);
}

static inline void viewed(unsigned workers)
{
    own_folder();
    started(workers);
    ck_assert_int_eq(cop_view_start(), 0);
}

static inline void unviewed(void)
{
    cop_view_stop();
    stopped();
    remove_folder();
}

/* The document over the socket. */
static inline struct program look(size_t actors_max)
{
    char *text = attach_fetch(getpid(), actors_max);
    struct program p;

    ck_assert_msg(text != NULL, "%s", complaint);
    ck_assert_msg(program_load(&p, getpid(), text), "%s", complaint);
    return p;
}

static inline const struct actor *find(const struct program *p, cop_pid pid)
{
    char text[COP_PID_TEXT];

    cop_pid_str(pid, text, sizeof text);
    for (size_t i = 0; i < p->actor_count; i++)
        if (strcmp(p->actors[i].pid, text) == 0)
            return &p->actors[i];
    return NULL;
}

static inline void sleeper(void *arg)
{
    const cop_msg *m;

    (void)arg;
    while (cop_recv_tag(&m, 77, COP_FOREVER) != 0)
        ;
}

static inline cop_pid spawned(cop_fn fn, const char *name, const char *label)
{
    cop_opts opts = {.name = name, .label = label};
    cop_pid pid;

    ck_assert_int_eq(cop_spawn(&pid, fn, NULL, &opts), 0);
    return pid;
}

/* Waits until the actor waits. */
static inline void rests(cop_pid pid)
{
    int64_t end = real_now() + 20 * unit_slow() * COP_SEC;
    cop_info i = {0};

    do {
        nap(COP_MS / 10);
        ck_assert_int_eq(cop_info_get(pid, &i), 0);
    } while (i.status != COP_STATUS_WAITING && real_now() < end);
    ck_assert_int_eq(i.status, COP_STATUS_WAITING);
}

/* Waits until so many actors live: a start of a behaviour from outside leaves a
 * helper that has still to end. */
static inline void settles_at(size_t n)
{
    int64_t end = real_now() + 20 * unit_slow() * COP_SEC;

    while (cop_actors(NULL, 0) != n && real_now() < end)
        nap(COP_MS / 10);
    ck_assert_uint_eq(cop_actors(NULL, 0), n);
}

/* A supervisor with two children, of which one crashes when told to. */

enum { TAG_CRASH = 5 };

static inline void child(void *arg)
{
    const cop_msg *m;

    (void)arg;
    if (cop_recv_tag(&m, TAG_CRASH, COP_FOREVER) == 0)
        cop_exit(cop_because("broken"));
}

static const cop_child kids[] = {
    {.id = "kid", .fn = child, .opts = {.name = "the kid"}},
    {.id = "other", .fn = child}};
static const cop_sup sup_spec = {.strategy = COP_ONE_FOR_ALL,
                                 .intensity = 1000000,
                                 .children = kids,
                                 .nchildren = 2};

static inline cop_pid sup_up(void)
{
    cop_pid sup;

    ck_assert_int_eq(cop_sup_start(&sup, &sup_spec, NULL, NULL), 0);
    rests(sup);
    return sup;
}

/* A supervisor has little time to answer in. A look in which it did, if any of
 * many is one. */
static inline struct program look_until_answered(cop_pid sup)
{
    int64_t end = real_now() + 20 * unit_slow() * COP_SEC;
    struct program p = look(0);

    while (find(&p, sup)->strategy == NULL && real_now() < end) {
        program_free(&p);
        rests(sup);
        p = look(0);
    }
    return p;
}

/* The kid ends once; another has come in its place. */
static inline void crash_kid(cop_pid sup)
{
    cop_pid before = cop_whereis("the kid");
    int64_t end = real_now() + 20 * unit_slow() * COP_SEC;
    cop_pid now;

    ck_assert_int_eq(cop_send(before, TAG_CRASH, NULL, 0), 0);
    do {
        nap(COP_MS / 10);
        now = cop_whereis("the kid");
    } while ((cop_pid_is_none(now) || cop_pid_eq(now, before)) &&
             real_now() < end);
    ck_assert(!cop_pid_is_none(now) && !cop_pid_eq(now, before));
    rests(sup);
}

#endif
