/* SPDX-License-Identifier: MIT
 *
 * world.c - what runner and actors share while a scenario runs.
 *
 * One lock for all of it: there is little to do, and the order of the log is
 * the order in which actors got the lock. Nothing under it calls the runtime.
 *
 * An exit is logged by the runtime's observer of deaths, before the name of
 * the dead is free and anybody is told. So whatever happens because of a death
 * stands behind it, on any number of workers. Whether a start has failed may
 * become known later only; so such exits are left out when the log is printed.
 */
#include "tests/conformance/world.h"

#include <coppice/extend.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 4096 };

/* A process that has begun to run under a name. */
struct process {
    struct process *next;
    cop_pid pid;
    struct entity *who;
    bool failed;    /* its start has */
    bool announced; /* "start" was printed */
};

struct named {
    struct named *next;
    enum thing kind;
    const char *name;
    union handle h;
};

struct event {
    struct event *next;
    const struct process *dead; /* of an exit */
    char text[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct scenario *scenario;
static _Atomic bool has_ended;
static struct process *processes;
static struct named *things;
static struct event *events, **events_end;
static cop_pid groups;

/* ----------------------------------------------------------------- names -- */

struct entity *world_entity(const char *name)
{
    struct entity *e = scenario->entities;

    while (e != NULL && strcmp(e->name, name) != 0)
        e = e->next;
    return e;
}

cop_pid world_pid(const char *name)
{
    struct entity *e = world_entity(name);
    cop_pid pid = COP_NO_PID;

    pthread_mutex_lock(&lock);
    if (e != NULL)
        pid = e->pid;
    pthread_mutex_unlock(&lock);
    return pid;
}

static struct process *find_locked(cop_pid pid)
{
    struct process *p = processes;

    while (p != NULL && !cop_pid_eq(p->pid, pid))
        p = p->next;
    return p;
}

static void bind_locked(struct entity *who, cop_pid pid)
{
    struct process *p = find_locked(pid);

    if (p == NULL) {
        p = scenario_alloc(sizeof *p);
        p->pid = pid;
        p->next = processes;
        processes = p;
    }
    p->who = who;
    who->pid = pid;
}

void world_bind(struct entity *who, cop_pid pid)
{
    pthread_mutex_lock(&lock);
    bind_locked(who, pid);
    pthread_mutex_unlock(&lock);
}

void world_bind_handle(struct entity *handle, cop_pid pid)
{
    pthread_mutex_lock(&lock);
    handle->pid = pid;
    pthread_mutex_unlock(&lock);
}

void world_start_failed(cop_pid pid)
{
    struct process *p;

    pthread_mutex_lock(&lock);
    p = find_locked(pid);
    if (p != NULL)
        p->failed = true;
    pthread_mutex_unlock(&lock);
}

struct entity *world_entity_of(cop_pid pid)
{
    struct process *p;

    pthread_mutex_lock(&lock);
    p = find_locked(pid);
    pthread_mutex_unlock(&lock);
    return p != NULL ? p->who : NULL;
}

const char *world_name(cop_pid pid)
{
    const struct entity *e = world_entity_of(pid);

    return e != NULL ? e->name : "?";
}

unsigned world_count_start(struct entity *who)
{
    unsigned n;

    pthread_mutex_lock(&lock);
    n = ++who->starts;
    pthread_mutex_unlock(&lock);
    return n;
}

/* ---------------------------------------------------------------- things -- */

void world_set(enum thing kind, const char *name, union handle h)
{
    struct named *t = scenario_alloc(sizeof *t);

    t->kind = kind;
    t->name = name;
    t->h = h;
    pthread_mutex_lock(&lock);
    t->next = things;
    things = t;
    pthread_mutex_unlock(&lock);
}

union handle world_get(enum thing kind, const char *name)
{
    union handle h;
    const struct named *t;

    memset(&h, 0, sizeof h);
    pthread_mutex_lock(&lock);
    t = things;
    while (t != NULL && (t->kind != kind || strcmp(t->name, name) != 0))
        t = t->next;
    if (t != NULL)
        h = t->h;
    pthread_mutex_unlock(&lock);
    return h;
}

const char *world_monitor_name(cop_ref ref)
{
    const struct named *t;

    pthread_mutex_lock(&lock);
    t = things;
    while (t != NULL &&
           (t->kind != THING_MONITOR || !cop_ref_eq(t->h.monitor, ref)))
        t = t->next;
    pthread_mutex_unlock(&lock);
    return t != NULL ? t->name : "?";
}

/* ------------------------------------------------------------------- log -- */

static void log_locked(const struct process *dead, const char *name,
                       const char *text)
{
    size_t size = strlen(name) + strlen(text) + 2;
    struct event *e = scenario_alloc(sizeof *e + size);

    snprintf(e->text, size, "%s %s", name, text);
    e->dead = dead;
    *events_end = e;
    events_end = &e->next;
}

void world_log(const char *name, const char *fmt, ...)
{
    char text[LINE_MAX_BYTES];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    pthread_mutex_lock(&lock);
    log_locked(NULL, name, text);
    pthread_mutex_unlock(&lock);
}

static void start_locked(struct entity *who, cop_pid pid)
{
    struct process *p;

    bind_locked(who, pid);
    p = find_locked(pid);
    if (!p->announced)
        log_locked(NULL, who->name, "start");
    p->announced = true;
}

void world_started(struct entity *who, cop_pid pid)
{
    pthread_mutex_lock(&lock);
    start_locked(who, pid);
    pthread_mutex_unlock(&lock);
}

bool world_announce(struct entity *who, cop_pid pid)
{
    bool is_new;

    pthread_mutex_lock(&lock);
    is_new = find_locked(pid) == NULL;
    if (is_new)
        start_locked(who, pid);
    pthread_mutex_unlock(&lock);
    return is_new;
}

static void saw_exit(cop_pid pid, cop_reason why)
{
    char reason[REASON_TEXT];
    char text[REASON_TEXT + 8];
    const struct process *p;

    snprintf(text, sizeof text, "exit %s", reason_text(why, reason));
    pthread_mutex_lock(&lock);
    p = find_locked(pid);
    if (p != NULL)
        log_locked(p, p->who->name, text);
    pthread_mutex_unlock(&lock);
}

bool world_flush(const char *head)
{
    bool any = false;

    pthread_mutex_lock(&lock);
    for (const struct event *e = events; e != NULL; e = e->next) {
        if (e->dead != NULL && e->dead->failed)
            continue;
        if (!any)
            fputs(head, stdout);
        any = true;
        puts(e->text);
    }
    events = NULL;
    events_end = &events;
    pthread_mutex_unlock(&lock);
    return any;
}

/* --------------------------------------------------------------- reasons -- */

cop_reason reason_of(const char *word)
{
    if (strncmp(word, "shutdown:", 9) == 0)
        return cop_shutdown_because(word + 9);
    return cop_because(word);
}

const char *reason_text(cop_reason why, char *buf)
{
    const char *term = cop_reason_term(why);

    snprintf(buf, REASON_TEXT, "%s%s%s", cop_reason_name(why),
             term[0] != '\0' ? ":" : "", term);
    return buf;
}

/* ---------------------------------------------------------------- groups -- */

void world_set_groups(cop_pid scope)
{
    groups = scope;
}

cop_pid world_groups(void)
{
    return groups;
}

/* ------------------------------------------------------------------ life -- */

void world_init(struct scenario *s)
{
    scenario = s;
    processes = NULL;
    things = NULL;
    events = NULL;
    events_end = &events;
    groups = COP_NO_PID;
    atomic_store(&has_ended, false);
    cop_ext_on_exit(saw_exit);
}

void world_end(void)
{
    /* release: pairs with world_has_ended */
    atomic_store_explicit(&has_ended, true, memory_order_release);
}

bool world_has_ended(void)
{
    return atomic_load_explicit(&has_ended, memory_order_acquire);
}

void world_fini(void)
{
    cop_ext_on_exit(NULL);
}
