/* SPDX-License-Identifier: MIT
 *
 * application_controller.c - the application controller: a server that knows
 * all applications. What it does about one is in application.c.
 *
 * It never waits for an application: masters tell it what happens, by messages
 * and, as it is linked to them, by their EXIT. So it answers at any time, also
 * those who ask from within a start or a stop.
 *
 * At its end it stops all, the newest first, one after the other; and still it
 * answers meanwhile, as a callback that wants to know its environment must not
 * hang. That is a receive loop in `terminate`. A stop of one that had begun
 * before is waited for in its turn, and so is a start.
 *
 * The first call starts it. It must not be a child of who happens to call
 * first, so an actor has a helper thread do it: what a thread starts has no
 * parent. As such it gets the `shutdown` of a runtime that stops, which a
 * server takes as that of its parent; hence the orderly stop of everything.
 */
#include "actors/application.h"

#include <coppice/memory.h>

#include "actors/answer.h"
#include "actors/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------- requests -- */

/* The words of a request, one after the other. */
struct words {
    const char *at, *end;
};

static struct words words_of(const cop_msg *m, int *number)
{
    const struct copi_app_request *r = cop_msg_body(m);
    const char *body = cop_msg_body(m);
    size_t size = cop_msg_size(m);

    if (size < sizeof *r || (size > sizeof *r && body[size - 1] != '\0'))
        return (struct words){body, body};
    *number = r->number;
    return (struct words){r->words, body + size};
}

/* The next word, or "" if there is none. */
static const char *next_word(struct words *w)
{
    const char *word = w->at;

    if (word >= w->end)
        return "";
    w->at += strlen(word) + 1;
    return word;
}

/* Takes `why`. */
static void answer(cop_from to, int code, cop_pid pid, cop_reason why)
{
    copi_answer_send(to, (struct copi_answer){code, pid, why});
}

static void answer_code(cop_from to, int code)
{
    answer(to, code, COP_NO_PID, COP_NORMAL);
}

/* -------------------------------------------------------------- looking -- */

static void handle_plan(struct copi_apps *apps, const char *name, cop_from from)
{
    struct copi_app_name *names;
    cop_reason why = COP_NORMAL;
    int n = copi_app_plan(apps, name, &names, &why);

    if (n < 0)
        answer(from, n, COP_NO_PID, why);
    else
        copi_answer_block(from, names, (size_t)n * sizeof *names);
}

static void fill_info(cop_app_info *info, const struct copi_app *a)
{
    const cop_app *def = a->def;

    memcpy(info->name, def->name, strlen(def->name) + 1);
    info->description = def->description != NULL ? def->description : "";
    info->version = def->version != NULL ? def->version : "";
    info->is_running = a->state == COPI_APP_RUNNING;
    info->type = a->type;
}

static int by_order(const void *x, const void *y)
{
    const struct copi_app *const *a = x, *const *b = y;

    return ((*a)->order < (*b)->order) - ((*a)->order > (*b)->order);
}

static bool is_listed(const struct copi_app *a, bool running)
{
    return !running || a->state == COPI_APP_RUNNING;
}

/* Those that run, or all; NULL: no memory. */
static struct copi_app **collect(const struct copi_apps *apps, bool running,
                                 size_t *n)
{
    struct copi_app **list;
    size_t room = 1;

    for (struct copi_app *a = apps->first; a != NULL; a = a->next)
        room++;
    list = cop_common_malloc(room * sizeof(struct copi_app *));
    *n = 0;
    for (struct copi_app *a = apps->first; list != NULL && a; a = a->next)
        if (is_listed(a, running))
            list[(*n)++] = a;
    if (list != NULL && running)
        qsort(list, *n, sizeof(struct copi_app *), by_order);
    return list;
}

static void handle_list(const struct copi_apps *apps, bool running,
                        cop_from from)
{
    size_t n;
    struct copi_app **list = collect(apps, running, &n);
    cop_app_info *info =
        list != NULL ? cop_common_calloc(n + 1, sizeof *info) : NULL;

    if (info == NULL) {
        free(list);
        answer_code(from, COP_ENOMEM);
        return;
    }
    for (size_t i = 0; i < n; i++)
        fill_info(&info[i], list[i]);
    free(list);
    copi_answer_block(from, info, n * sizeof *info);
}

static void handle_supervisor(const struct copi_apps *apps, const char *name,
                              cop_from from)
{
    const struct copi_app *a = copi_app_find(apps, name);
    bool found = a != NULL && !cop_pid_is_none(a->root);

    answer(from, found ? 0 : COP_ENOENT, found ? a->root : COP_NO_PID,
           COP_NORMAL);
}

static void handle_of(const struct copi_apps *apps, const cop_msg *m,
                      cop_from from)
{
    const cop_pid *chain = cop_msg_body(m);
    size_t n = cop_msg_size(m) / sizeof *chain;
    const struct copi_app *a = NULL;

    for (size_t i = 0; i < n && a == NULL; i++)
        a = copi_app_by_master(apps, chain[i]);
    if (a == NULL)
        copi_answer_bytes(from, NULL, 0);
    else
        copi_answer_bytes(from, a->def->name, strlen(a->def->name) + 1);
}

/* ---------------------------------------------------------- environment -- */

static void handle_get_env(const struct copi_app *a, const char *key,
                           cop_from from)
{
    const char *value = a != NULL ? copi_env_get(&a->env, key) : NULL;

    if (value == NULL)
        copi_answer_bytes(from, NULL, 0);
    else
        copi_answer_bytes(from, value, strlen(value) + 1);
}

/* The environment that a request lists. */
static int read_env(struct copi_env *env, struct words w)
{
    int err = 0;

    while (w.at < w.end && err == 0) {
        const char *key = next_word(&w);
        const char *value = next_word(&w);
        if (copi_env_get(env, key) != NULL || !copi_app_is_key(key))
            return COP_EINVAL;
        err = copi_env_set(env, key, value);
    }
    return err;
}

static void free_diff(void *body, size_t size)
{
    (void)size;
    free(body);
}

/* Takes the difference. */
static int tell_master(const struct copi_app *a, struct copi_env_diff *d)
{
    cop_msg *msg;

    if (cop_msg_new_moved(&msg, COPI_APP_CHANGED, d, sizeof *d, free_diff) !=
        0) {
        free(d);
        return COP_ENOMEM;
    }
    return cop_send_msg(a->master, msg);
}

static int change_env(struct copi_app *a, struct copi_env *env)
{
    bool differs;
    struct copi_env_diff *d = copi_env_diff(&a->env, env, &differs);
    struct copi_env old = a->env;
    int err = 0;

    if (d == NULL)
        return COP_ENOMEM;
    if (differs && a->state == COPI_APP_RUNNING)
        err = tell_master(a, d);
    else
        free(d);
    if (err != 0)
        return err;
    a->env = *env;
    *env = old;
    return 0;
}

static void handle_config(struct copi_app *a, struct words w, cop_from from)
{
    struct copi_env env = {NULL};
    int err = a != NULL ? read_env(&env, w) : COP_ENOENT;

    if (err == 0)
        err = change_env(a, &env);
    copi_env_clear(&env);
    answer_code(from, err);
}

static void handle_set_env(struct copi_app *a, struct words w, cop_from from)
{
    const char *key = next_word(&w);
    const char *value = next_word(&w);

    if (a == NULL)
        answer_code(from, COP_ENOENT);
    else if (!copi_app_is_key(key))
        answer_code(from, COP_EINVAL);
    else
        answer_code(from, copi_env_set(&a->env, key, value));
}

static void handle_unset_env(struct copi_app *a, const char *key, cop_from from)
{
    bool done = a != NULL && copi_env_unset(&a->env, key);

    answer_code(from, done ? 0 : COP_ENOENT);
}

/* ------------------------------------------------------------- messages -- */

/* Those whose words begin with a name. */
static void handle_named(struct copi_apps *apps, const cop_msg *m,
                         cop_from from)
{
    int number = 0;
    struct words w = words_of(m, &number);
    const char *name = next_word(&w);

    switch (cop_msg_tag(m)) {
    case COPI_APP_UNLOAD:
        copi_app_unload(apps, name, from);
        break;
    case COPI_APP_START:
        copi_app_start(apps, name, (cop_app_type)number, cop_msg_sender(m),
                       from);
        break;
    case COPI_APP_STOP:
        copi_app_stop(apps, name, cop_msg_sender(m), from);
        break;
    case COPI_APP_PLAN:
        handle_plan(apps, name, from);
        break;
    case COPI_APP_LIST:
        handle_list(apps, number != 0, from);
        break;
    case COPI_APP_SUPERVISOR:
        handle_supervisor(apps, name, from);
        break;
    case COPI_APP_GET_ENV:
        handle_get_env(copi_app_find(apps, name), next_word(&w), from);
        break;
    case COPI_APP_SET_ENV:
        handle_set_env(copi_app_find(apps, name), w, from);
        break;
    case COPI_APP_UNSET_ENV:
        handle_unset_env(copi_app_find(apps, name), next_word(&w), from);
        break;
    case COPI_APP_CONFIG:
        handle_config(copi_app_find(apps, name), w, from);
        break;
    default:
        break; /* no client of ours */
    }
}

static const cop_app *loaded_by(const cop_msg *m)
{
    const cop_app *const *def = cop_msg_expect(m, sizeof *def);

    return *def;
}

static cop_next controller_call(void *state, const cop_msg *m, cop_from from)
{
    struct copi_apps *apps = state;

    if (cop_msg_tag(m) == COPI_APP_LOAD)
        copi_app_load(apps, loaded_by(m), from);
    else if (cop_msg_tag(m) == COPI_APP_OF)
        handle_of(apps, m, from);
    else
        handle_named(apps, m, from);
    return cop_next_wait();
}

static cop_next controller_info(void *state, const cop_msg *m)
{
    struct copi_apps *apps = state;
    struct copi_app *a = copi_app_by_master(apps, cop_msg_sender(m));
    const struct copi_answer *up;
    cop_reason verdict;

    if (a == NULL)
        return cop_next_wait();
    if (cop_msg_tag(m) == COPI_APP_UP) {
        up = cop_msg_as(m, struct copi_answer);
        copi_app_is_up(apps, a, up->code, up->pid, up->why);
    } else if (cop_msg_tag(m) == COP_EXIT) {
        if (copi_app_has_ended(apps, a, cop_msg_reason(m), &verdict))
            return cop_next_stop(verdict);
    }
    return cop_next_wait();
}

static cop_next controller_cast(void *state, const cop_msg *m)
{
    (void)state;
    (void)m;
    return cop_next_wait();
}

/* ------------------------------------------------------------ life cycle -- */

static void controller_fini(void *apps)
{
    copi_app_free_all(apps);
}

static cop_next controller_init(void *state, void *arg)
{
    (void)arg;
    if (cop_defer(controller_fini, state) != 0)
        return cop_next_stop(cop_because("nomem"));
    return cop_next_wait();
}

/* What a further application ends with makes no difference any more. */
static void take(struct copi_apps *apps, const cop_msg *m)
{
    cop_next n;

    if (cop_msg_how(m) == COP_MSG_CALL)
        n = controller_call(apps, m, cop_msg_from(m));
    else
        n = controller_info(apps, m);
    cop_reason_release(n.reason);
}

static void controller_terminate(void *state, cop_reason why)
{
    struct copi_apps *apps = state;
    const cop_msg *m;

    (void)why;
    apps->is_stopping = true;
    while (copi_app_stop_newest(apps))
        if (cop_recv(&m, COP_FOREVER) == 0)
            take(apps, m);
}

static const cop_server controller_server = {
    .label = "application_controller",
    .state_bytes = sizeof(struct copi_apps),
    .init = controller_init,
    .call = controller_call,
    .cast = controller_cast,
    .info = controller_info,
    .terminate = controller_terminate,
};

/* ------------------------------------------------------------- services -- */

/* Its lists are nobody's to copy or to change. */
static void *controller_view(void *state, size_t *bytes)
{
    (void)state;
    *bytes = 0;
    return NULL;
}

static void controller_status(void *state, char *buf, size_t size)
{
    const struct copi_apps *apps = state;
    size_t used = 0;

    if (size > 0)
        buf[0] = '\0';
    for (const struct copi_app *a = apps->first; a && used < size; a = a->next)
        used += (size_t)snprintf(buf + used, size - used, "%s %s %s\n",
                                 a->def->name, copi_app_state_name(a->state),
                                 copi_app_type_name(a->type));
}

static const struct copi_server_hooks controller_hooks = {
    .behaviour = "application controller",
    .view = controller_view,
    .status = controller_status,
};

/* --------------------------------------------------------------- finding -- */

static void start_controller(void *result)
{
    static const cop_server_opts opts = {
        .spawn = {.name = COPI_APP_CONTROLLER, .trap_exit = true}};
    cop_pid pid;

    *(int *)result = copi_server_start(
        &pid, &controller_server, &controller_hooks, NULL, &opts, false, NULL);
}

int copi_app_controller(cop_pid *out)
{
    int err, result;

    if (cop_is_isolated())
        return COP_ENOTSUP;
    for (;;) {
        *out = cop_whereis(COPI_APP_CONTROLLER);
        if (!cop_pid_is_none(*out))
            return 0;
        err = cop_blocking(start_controller, &result);
        if (err != 0)
            return err;
        if (result != 0 && result != COP_ESTARTED)
            return result;
    }
}
