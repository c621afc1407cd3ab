/* SPDX-License-Identifier: MIT
 *
 * view.c - the live view: a thread that serves snapshots, its start and its
 * end.
 *
 * It is no actor but a thread, because it must answer when no worker runs any
 * more. It takes no lock that an actor could hold while it runs code of its
 * own, and waits for actors only where view_sups.c says how long.
 *
 *     OFF -> CHANGING -> ON -> CHANGING -> OFF
 *
 * Who has brought the state to CHANGING owns all below it; so starting and
 * stopping need no lock. A pipe wakes the thread at its end.
 */
#include <coppice/view.h>

#include <coppice/actor.h>
#include <coppice/runtime.h>

#include "actors/view_serve.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REST_MS = 100 /* without descriptors, until the next try */ };

enum { OFF, CHANGING, ON };

struct view {
    pthread_t thread;
    int listener;
    int wake[2];
    char path[COPI_VIEW_PATH];
};

static atomic_int state;
static struct view view;

/* ----------------------------------------------------------- the thread -- */

static void *serve(void *arg)
{
    const struct view *v = arg;
    struct pollfd p[] = {{.fd = v->wake[0], .events = POLLIN},
                         {.fd = v->listener, .events = POLLIN}};

    for (;;) {
        if (poll(p, 2, -1) < 0)
            continue;
        if (p[0].revents != 0)
            return NULL;
        if (p[1].revents != 0 && !copi_view_serve_one(p[1].fd, p[0].fd))
            (void)poll(p, 1, REST_MS);
    }
}

/* Signals are for the program's own threads. */
static int start_thread(struct view *v)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&v->thread, NULL, serve, v);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return COP_ESYS;
    (void)pthread_setname_np(v->thread, "cop-view");
    return 0;
}

/* ------------------------------------------------------- start and stop -- */

static bool change(int from)
{
    /* seq_cst: pairs with settle, shows the view that it has left */
    return atomic_compare_exchange_strong(&state, &from, CHANGING);
}

static void settle(int to)
{
    /* seq_cst: pairs with change and cop_view_path, publishes the view */
    atomic_store(&state, to);
}

static void close_all(struct view *v)
{
    (void)unlink(v->path);
    close(v->listener);
    close(v->wake[0]);
    close(v->wake[1]);
}

static int open_all(struct view *v)
{
    if (pipe2(v->wake, O_CLOEXEC | O_NONBLOCK) != 0)
        return COP_ESYS;
    v->listener = copi_view_listen(v->path);
    if (v->listener >= 0)
        return 0;
    close(v->wake[0]);
    close(v->wake[1]);
    return COP_ESYS;
}

static bool is_actor(void)
{
    return !cop_pid_is_none(cop_self());
}

int cop_view_start(void)
{
    int err;

    if (is_actor())
        return COP_EINVAL;
    if (!change(OFF))
        return COP_EALREADY;
    err = open_all(&view);
    if (err == 0) {
        err = start_thread(&view);
        if (err != 0)
            close_all(&view);
    }
    if (err == 0)
        cop_failures_keep(true);
    settle(err == 0 ? ON : OFF);
    return err;
}

int cop_view_start_if_asked(void)
{
    const char *asked = getenv("COP_TOP");
    int err;

    if (asked == NULL || asked[0] == '\0' || strcmp(asked, "0") == 0)
        return COP_ENOENT;
    err = cop_view_start();
    if (err != 0)
        cop_log("COP_TOP: no live view: %s", cop_error_str(err));
    return err;
}

void cop_view_stop(void)
{
    ssize_t n;

    if (is_actor() || !change(ON))
        return;
    n = write(view.wake[1], "", 1);
    (void)n; /* an empty pipe has room */
    pthread_join(view.thread, NULL);
    close_all(&view);
    cop_failures_keep(false);
    settle(OFF);
}

char *cop_view_path(char *buf, size_t size)
{
    if (buf != NULL && size > 0)
        snprintf(buf, size, "%s", atomic_load(&state) == ON ? view.path : "");
    return buf;
}

int cop_view_json(char **out, size_t *bytes, size_t actors_max)
{
    struct copi_view_text t = {0};
    int err;

    if (out == NULL || is_actor())
        return COP_EINVAL;
    err = copi_view_document(&t, actors_max, copi_view_may_ask());
    if (err != 0) {
        free(t.bytes);
        return err;
    }
    *out = t.bytes;
    if (bytes != NULL)
        *bytes = t.used;
    return 0;
}
