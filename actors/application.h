/* SPDX-License-Identifier: MIT
 *
 * application.h - what the files of the applications share: the protocol of
 * their controller, its records, and the masters.
 *
 *     application_check.c       definitions: is one sound?
 *     application_env.c         environments
 *     application_plan.c        in which order to start
 *     application_master.c      one running application
 *     application.c             one application as its controller sees it
 *     application_controller.c  the controller as a server
 *     application_client.c      the public functions
 *     application_run.c         cop_app_run
 */
#ifndef COPI_ACTORS_APPLICATION_H
#define COPI_ACTORS_APPLICATION_H

#include <coppice/application.h>

/* ------------------------------------------------------------- protocol -- */

#define COPI_APP_CONTROLLER "application_controller"

/* tag, body -> answer. Code, pid and reason travel as struct copi_answer; the
 * words of a request are texts, each closed with a zero byte. */
enum copi_app_tag {
    COPI_APP_LOAD = COP_TAG_BEHAVIOUR + 0x780, /* const cop_app * -> answer */
    COPI_APP_UNLOAD,                           /* name -> answer */
    COPI_APP_START,      /* number: the type; name -> answer */
    COPI_APP_STOP,       /* name -> answer */
    COPI_APP_PLAN,       /* name -> copi_app_name[], or answer */
    COPI_APP_LIST,       /* number: only those that run? -> cop_app_info[] */
    COPI_APP_SUPERVISOR, /* name -> answer */
    COPI_APP_OF,         /* cop_pid[] -> name, or nothing */
    COPI_APP_GET_ENV,    /* name, key -> value, or nothing */
    COPI_APP_SET_ENV,    /* name, key, value -> answer */
    COPI_APP_UNSET_ENV,  /* name, key -> answer */
    COPI_APP_CONFIG,     /* name, key, value, key, value ... -> answer */
    /* Messages: from a master to the controller, how its start went (a
     * copi_answer; pid: the root); and the other way, struct copi_env_diff. */
    COPI_APP_UP,
    COPI_APP_CHANGED
};

struct copi_app_request {
    int number;
    char words[];
};

struct copi_app_name {
    char text[COP_APP_NAME_MAX + 1];
};

/* ---------------------------------------------------------- definitions -- */

#define COPI_APP_TEXT 256 /* what is wrong with one */

/* 0, COP_ESPEC with a text, or COP_ENOMEM. */
int copi_app_check(const cop_app *app, char *text);
bool copi_app_is_key(const char *key);

/* ---------------------------------------------------------- environment -- */

struct copi_env_pair {
    struct copi_env_pair *next;
    char *value; /* behind the key, in one block */
    char key[];
};

struct copi_env {
    struct copi_env_pair *first;
};

/* COP_ENOMEM: it is as before. */
int copi_env_set(struct copi_env *env, const char *key, const char *value);
/* NULL: there is none. Lives until the next change. */
const char *copi_env_get(const struct copi_env *env, const char *key);
bool copi_env_unset(struct copi_env *env, const char *key);
void copi_env_clear(struct copi_env *env);
/* What a definition gives, and the process's environment instead. */
int copi_env_load(struct copi_env *env, const cop_app *app);

/* The body of COPI_APP_CHANGED, all in one block from malloc. */
struct copi_env_diff {
    const cop_app_env *changed, *added, *removed;
};
/* NULL result: no memory; *differs says whether there is a difference. */
struct copi_env_diff *copi_env_diff(const struct copi_env *old,
                                    const struct copi_env *now, bool *differs);

/* --------------------------------------------------------------- record -- */

/* State, text, and what may follow. */
#define COPI_APP_STATES(X)                                                     \
    X(LOADED, "loaded", 1u << COPI_APP_STARTING)                               \
    X(STARTING, "starting", 1u << COPI_APP_RUNNING | 1u << COPI_APP_LOADED)    \
    X(RUNNING, "running", 1u << COPI_APP_STOPPING | 1u << COPI_APP_LOADED)     \
    X(STOPPING, "stopping", 1u << COPI_APP_LOADED)

enum copi_app_state {
#define COP_X(name, text, next) COPI_APP_##name,
    COPI_APP_STATES(COP_X)
#undef COP_X
};

/* Who waits for a start or a stop. */
struct copi_app_waiter {
    struct copi_app_waiter *next;
    cop_from from;
    cop_app_type type;
};

struct copi_app {
    struct copi_app *next; /* in the order of loading */
    const cop_app *def;
    struct copi_env env;
    enum copi_app_state state;
    bool is_started; /* since then not stopped by a call */
    cop_app_type type;
    uint64_t order; /* in which it came up: the newest has the highest */
    cop_pid master, root;
    bool has_failed; /* its master said so, and ends */
    cop_reason why;  /* with what; owned */
    struct copi_app_waiter *starts, *stops;
    int mark; /* of copi_app_plan */
};

struct copi_apps {
    struct copi_app *first;
    uint64_t order;
    bool is_stopping; /* all of them */
};

struct copi_app *copi_app_find(const struct copi_apps *apps, const char *name);
struct copi_app *copi_app_by_master(const struct copi_apps *apps, cop_pid pid);
const char *copi_app_state_name(enum copi_app_state state);
const char *copi_app_type_name(cop_app_type type);

/* Each answers the request, now or later. */
void copi_app_load(struct copi_apps *apps, const cop_app *def, cop_from from);
void copi_app_unload(struct copi_apps *apps, const char *name, cop_from from);
void copi_app_start(struct copi_apps *apps, const char *name, cop_app_type type,
                    cop_pid caller, cop_from from);
void copi_app_stop(struct copi_apps *apps, const char *name, cop_pid caller,
                   cop_from from);

/* Its master has come up, or says that it will end: `why` is borrowed. */
void copi_app_is_up(struct copi_apps *apps, struct copi_app *a, int code,
                    cop_pid root, cop_reason why);
/* Its master has ended; what that means is in *verdict, the caller's. False:
 * nothing for the others. */
bool copi_app_has_ended(struct copi_apps *apps, struct copi_app *a,
                        cop_reason why, cop_reason *verdict);
/* Asks the newest one that starts or runs to stop; false: none is left, those
 * that are stopping included. */
bool copi_app_stop_newest(struct copi_apps *apps);
void copi_app_free_all(struct copi_apps *apps);

/* ----------------------------------------------------------------- plan -- */

/* What to start, in order, so that `name` runs: the number and a block from
 * malloc; or COP_ENOMEM, COP_ENOENT, COP_ESPEC with *why set. */
int copi_app_plan(struct copi_apps *apps, const char *name,
                  struct copi_app_name **out, cop_reason *why);

/* --------------------------------------------------------------- master -- */

/* Starts a master, linked to the calling actor, which it tells COPI_APP_UP. As
 * cop_spawn. */
int copi_master_start(cop_pid *out, const cop_app *def, cop_app_type type);

/* ----------------------------------------------------------- controller -- */

/* Who it is; starts it if there is none. As cop_server_start. */
int copi_app_controller(cop_pid *out);

#endif
