/* SPDX-License-Identifier: MIT
 *
 * application.c - one application as its controller sees it.
 *
 *     loaded      known; does not run
 *     starting    it has a master, which has not come up yet
 *     running     its master has come up
 *     stopping    its master was told `shutdown`
 *
 *         loaded --> starting --> running --> stopping --> loaded
 *                       |            |
 *                       v            v          (start failed; ended by itself)
 *                     loaded       loaded
 *
 * Invariants:
 *  1. It has a master in every state but `loaded`, and leaves its state for
 *     `loaded` only when that master has ended.
 *  2. Somebody waits for a start only while it is starting or stopping, for a
 *     stop only while it is stopping.
 *  3. It counts as started from the end of its start until a call stops it,
 *     also if it has ended by itself meanwhile. That is OTP's rule; it is what
 *     tells not_started from not_running.
 *
 * Nothing here waits. A request that has to is noted and answered when the
 * master has told what came of it.
 */
#include "actors/application.h"

#include <coppice/memory.h>

#include "actors/answer.h"

#include <stdlib.h>
#include <string.h>

/* --------------------------------------------------------------- states -- */

const char *copi_app_state_name(enum copi_app_state state)
{
    static const char *const names[] = {
#define COP_X(name, text, next) text,
        COPI_APP_STATES(COP_X)
#undef COP_X
    };

    return names[state];
}

const char *copi_app_type_name(cop_app_type type)
{
    static const char *const names[] = {"temporary", "transient", "permanent"};

    return names[type];
}

/* The one door for changes of state. */
static void become(struct copi_app *a, enum copi_app_state state)
{
    static const unsigned next[] = {
#define COP_X(name, text, allowed) allowed,
        COPI_APP_STATES(COP_X)
#undef COP_X
    };

    if ((next[a->state] & 1u << state) == 0)
        cop_exit(cop_because_fmt("badarg", "application %s: %s to %s",
                                 a->def->name, copi_app_state_name(a->state),
                                 copi_app_state_name(state)));
    a->state = state;
}

/* -------------------------------------------------------------- answers -- */

/* Takes `why`. */
static void answer(cop_from to, int code, cop_reason why)
{
    copi_answer_send(to, (struct copi_answer){code, COP_NO_PID, why});
}

static void answer_code(cop_from to, int code)
{
    answer(to, code, COP_NORMAL);
}

/* Notes who waits, behind the others; without memory it is answered. */
static void wait_in(struct copi_app_waiter **list, cop_from from,
                    cop_app_type type)
{
    struct copi_app_waiter *w = cop_common_malloc(sizeof *w);

    if (w == NULL) {
        answer_code(from, COP_ENOMEM);
        return;
    }
    *w = (struct copi_app_waiter){NULL, from, type};
    while (*list != NULL)
        list = &(*list)->next;
    *list = w;
}

/* Answers all of them; `why` is borrowed. */
static void answer_all(struct copi_app_waiter **list, int code, cop_reason why)
{
    struct copi_app_waiter *w;

    while ((w = *list) != NULL) {
        *list = w->next;
        answer(w->from, code, cop_reason_retain(why));
        free(w);
    }
}

/* -------------------------------------------------------------- finding -- */

struct copi_app *copi_app_find(const struct copi_apps *apps, const char *name)
{
    struct copi_app *a = apps->first;

    while (a != NULL && strcmp(a->def->name, name) != 0)
        a = a->next;
    return a;
}

struct copi_app *copi_app_by_master(const struct copi_apps *apps, cop_pid pid)
{
    struct copi_app *a = apps->first;

    while (a != NULL &&
           (a->state == COPI_APP_LOADED || !cop_pid_eq(a->master, pid)))
        a = a->next;
    return a;
}

/* -------------------------------------------------------------- loading -- */

static void free_waiters(struct copi_app_waiter *w)
{
    while (w != NULL) {
        struct copi_app_waiter *next = w->next;
        free(w);
        w = next;
    }
}

static void free_app(struct copi_app *a)
{
    copi_env_clear(&a->env);
    cop_reason_release(a->why);
    free_waiters(a->starts);
    free_waiters(a->stops);
    free(a);
}

void copi_app_free_all(struct copi_apps *apps)
{
    struct copi_app *a;

    while ((a = apps->first) != NULL) {
        apps->first = a->next;
        free_app(a);
    }
}

static int add(struct copi_apps *apps, const cop_app *def)
{
    struct copi_app **at = &apps->first;
    struct copi_app *a = cop_common_calloc(1, sizeof *a);

    if (a == NULL)
        return COP_ENOMEM;
    a->def = def;
    if (copi_env_load(&a->env, def) != 0) {
        free_app(a);
        return COP_ENOMEM;
    }
    while (*at != NULL)
        at = &(*at)->next;
    *at = a;
    return 0;
}

void copi_app_load(struct copi_apps *apps, const cop_app *def, cop_from from)
{
    char text[COPI_APP_TEXT];
    int err = copi_app_check(def, text);

    if (err == COP_ESPEC)
        answer(from, err, cop_because_fmt("bad_application", "%s", text));
    else if (err != 0)
        answer_code(from, err);
    else if (copi_app_find(apps, def->name) != NULL)
        answer(from, COP_EPRESENT,
               cop_because_fmt("already_loaded", "%s", def->name));
    else
        answer_code(from, add(apps, def));
}

void copi_app_unload(struct copi_apps *apps, const char *name, cop_from from)
{
    struct copi_app *a = copi_app_find(apps, name);
    struct copi_app **at = &apps->first;

    if (a == NULL || a->state != COPI_APP_LOADED) {
        answer_code(from, a == NULL ? COP_ENOENT : COP_ERUNNING);
        return;
    }
    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    free_app(a);
    answer_code(from, 0);
}

/* -------------------------------------------------------------- starting -- */

/* Whether all run that it needs; else COP_EFAILED and *why. */
static int check_depends(const struct copi_apps *apps, const struct copi_app *a,
                         cop_reason *why)
{
    for (size_t i = 0; i < a->def->ndepends; i++) {
        const char *name = a->def->depends[i];
        const struct copi_app *d = copi_app_find(apps, name);
        if (d != NULL && d->state == COPI_APP_RUNNING)
            continue;
        *why = cop_because_fmt(d != NULL && d->is_started ? "not_running"
                                                          : "not_started",
                               "%s", name);
        return COP_EFAILED;
    }
    return 0;
}

/* Gives a loaded one a master; 0, or a code and *why. */
static int begin(struct copi_apps *apps, struct copi_app *a, cop_app_type type,
                 cop_reason *why)
{
    int err = check_depends(apps, a, why);

    if (err == 0)
        err = copi_master_start(&a->master, a->def, type);
    if (err != 0)
        return err;
    a->type = type;
    a->root = COP_NO_PID;
    a->has_failed = false;
    become(a, COPI_APP_STARTING);
    return 0;
}

/* Starts it for all who wait for that. */
static void begin_for_waiters(struct copi_apps *apps, struct copi_app *a)
{
    cop_reason why = COP_NORMAL;
    int err = apps->is_stopping ? COP_ESTOPPED
                                : begin(apps, a, a->starts->type, &why);

    if (err != 0)
        answer_all(&a->starts, err, why);
    cop_reason_release(why);
}

void copi_app_start(struct copi_apps *apps, const char *name, cop_app_type type,
                    cop_pid caller, cop_from from)
{
    struct copi_app *a = copi_app_find(apps, name);

    if (a == NULL) {
        answer(from, COP_ENOENT, cop_because_fmt("not_loaded", "%s", name));
        return;
    }
    if (apps->is_stopping) {
        answer_code(from, COP_ESTOPPED);
        return;
    }
    if (a->state == COPI_APP_RUNNING) {
        answer(from, COP_ESTARTED,
               cop_because_fmt("already_started", "%s", a->def->name));
        return;
    }
    if (a->state != COPI_APP_LOADED && cop_pid_eq(caller, a->master)) {
        answer_code(from, COP_EDEADLOCK);
        return;
    }
    wait_in(&a->starts, from, type);
    if (a->state == COPI_APP_LOADED && a->starts != NULL)
        begin_for_waiters(apps, a);
}

void copi_app_is_up(struct copi_apps *apps, struct copi_app *a, int code,
                    cop_pid root, cop_reason why)
{
    if (a->state != COPI_APP_STARTING)
        return;
    if (code != 0) {
        cop_reason_release(a->why);
        a->has_failed = true;
        a->why = cop_reason_retain(why);
        return;
    }
    become(a, COPI_APP_RUNNING);
    a->order = ++apps->order;
    a->root = root;
    a->is_started = true;
    answer_all(&a->starts, 0, COP_NORMAL);
}

/* -------------------------------------------------------------- stopping -- */

/* The master may hear of it at once or after its start. */
static void tell_to_stop(struct copi_app *a)
{
    while (cop_exit_signal(a->master, COP_SHUTDOWN) == COP_ENOMEM)
        cop_sleep(COP_MS);
}

void copi_app_stop(struct copi_apps *apps, const char *name, cop_pid caller,
                   cop_from from)
{
    struct copi_app *a = copi_app_find(apps, name);

    if (a == NULL || a->state == COPI_APP_STARTING ||
        (a->state == COPI_APP_LOADED && !a->is_started)) {
        answer_code(from, COP_ENOENT);
        return;
    }
    if (a->state == COPI_APP_LOADED) {
        a->is_started = false;
        answer_code(from, 0);
        return;
    }
    if (cop_pid_eq(caller, a->master)) {
        answer_code(from, COP_EDEADLOCK);
        return;
    }
    wait_in(&a->stops, from, a->type);
    if (a->state == COPI_APP_STOPPING || a->stops == NULL)
        return;
    become(a, COPI_APP_STOPPING);
    tell_to_stop(a);
}

/* One that is only starting is newer than all that run. */
static uint64_t age(const struct copi_app *a)
{
    return a->state == COPI_APP_STARTING ? UINT64_MAX : a->order;
}

bool copi_app_stop_newest(struct copi_apps *apps)
{
    struct copi_app *newest = NULL;

    for (struct copi_app *a = apps->first; a != NULL; a = a->next)
        if (a->state != COPI_APP_LOADED &&
            (newest == NULL || age(a) > age(newest)))
            newest = a;
    if (newest == NULL)
        return false;
    if (newest->state == COPI_APP_RUNNING) {
        become(newest, COPI_APP_STOPPING);
        tell_to_stop(newest);
    }
    return true;
}

/* ---------------------------------------------------------------- ending -- */

static void start_failed(struct copi_app *a, cop_reason why)
{
    answer_all(&a->starts, COP_EFAILED, a->has_failed ? a->why : why);
    cop_reason_release(a->why);
    a->why = COP_NORMAL;
}

static bool hurts_others(cop_app_type type, cop_reason why)
{
    return type == COP_APP_PERMANENT ||
           (type == COP_APP_TRANSIENT &&
            cop_reason_kind(why) != (int)COP_R_NORMAL);
}

/* It ended by itself. */
static bool report(const struct copi_app *a, cop_reason why,
                   cop_reason *verdict)
{
    char text[COP_REASON_TEXT];

    cop_log("application %s (%s) ended: %s", a->def->name,
            copi_app_type_name(a->type),
            cop_reason_str(why, text, sizeof text));
    if (!hurts_others(a->type, why))
        return false;
    *verdict = cop_reason_is_orderly(why)
                   ? cop_shutdown_because("application_terminated")
                   : cop_because_fmt("application_terminated", "%s: %s",
                                     a->def->name, text);
    return true;
}

bool copi_app_has_ended(struct copi_apps *apps, struct copi_app *a,
                        cop_reason why, cop_reason *verdict)
{
    enum copi_app_state was = a->state;

    become(a, COPI_APP_LOADED);
    a->root = COP_NO_PID;
    switch (was) {
    case COPI_APP_STARTING:
        start_failed(a, why);
        return false;
    case COPI_APP_STOPPING:
        a->is_started = false;
        answer_all(&a->stops, 0, COP_NORMAL);
        if (a->starts != NULL)
            begin_for_waiters(apps, a);
        return false;
    default:
        return report(a, why, verdict);
    }
}
