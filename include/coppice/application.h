/* SPDX-License-Identifier: MIT
 *
 * application.h - applications: parts of a program that are started and
 * stopped as a whole, in the order of what they depend on (OTP's application).
 * An application is const data:
 *
 *     static const char *const needs[] = {"store"};
 *     static const cop_app_env env[] = {{"port", "8080"}};
 *     static const cop_app web = {
 *         .name = "web", .version = "1.2", .depends = needs, .ndepends = 1,
 *         .env = env, .nenv = 1, .sup = &web_sup};
 *     static const cop_app *const apps[] = {&store, &web};
 *
 *     int main(void) { return cop_app_run(apps, 2, "web", NULL); }
 *
 * The *application controller*, an actor that is registered as
 * "application_controller", knows them all. The first call starts it; it has
 * no parent, and lives until the runtime stops. Each running application has
 * an *application master*, which starts the root supervisor and ends with it.
 *
 * All calls wait until the controller answers; it answers at once, also while
 * applications start and stop. Any actor and foreign thread may call, and so
 * may an application's callbacks. Names are compared byte by byte. Each call
 * can also say COP_ESTOPPED (the runtime, or the controller, is stopping),
 * COP_ENOMEM, and COP_EDOWN (the controller ended meanwhile). A *why, where
 * there is one, may be NULL, is always set, and is the caller's.
 */
#ifndef COPPICE_APPLICATION_H
#define COPPICE_APPLICATION_H

#include <coppice/supervisor.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COP_APP_NAME_MAX 63

/* What the end of an application means for the others. */
typedef enum cop_app_type {
    COP_APP_TEMPORARY, /* it is reported (cop_log) */
    COP_APP_TRANSIENT, /* the same if it ended with `normal`; else as below */
    COP_APP_PERMANENT  /* all others are stopped, the controller ends */
} cop_app_type;

typedef struct cop_app_env {
    const char *key; /* 1 to COP_APP_NAME_MAX bytes */
    const char *value;
} cop_app_env;

/* Callbacks run in the application's master and may block in any call. What
 * they end with cop_exit is caught. */
typedef struct cop_app {
    const char *name; /* 1 to COP_APP_NAME_MAX bytes: letters, digits, _ - . */
    const char *description, *version; /* or NULL */
    const char *const *depends;        /* names of those it needs running */
    size_t ndepends;
    const cop_app_env *env; /* its environment, at first */
    size_t nenv;

    /* What it is: one of these, or neither (a library, without actors). */
    const cop_sup *sup;
    /* Starts the root supervisor linked to the caller, tells its pid; 0, or a
     * code with *why set (the controller's then). */
    int (*start)(cop_pid *out, cop_app_type type, void *arg, cop_reason *why);

    /* After the start: start_phase for each of these, in order. 0, or as
     * start; then the application is taken down and has not started. */
    const char *const *phases;
    size_t nphases;
    int (*start_phase)(const char *phase, cop_app_type type, void *arg,
                       cop_reason *why);

    /* Before its supervisor is taken down, and after; both also when that has
     * ended by itself. Not after a start that failed. */
    void (*prep_stop)(void *arg);
    void (*stop)(void *arg);
    /* After cop_app_config, if it runs: what is different, what is new, and
     * keys (values NULL) that are gone. Lists end with a NULL key. */
    void (*config_change)(void *arg, const cop_app_env *changed,
                          const cop_app_env *added, const cop_app_env *removed);
    void *arg; /* of all callbacks; borrowed for ever */
} cop_app;

/* ----------------------------------------------------- loading, starting -- */

/* Makes an application known; it, and all that it points to, must stay as they
 * are until it is unloaded. Its environment is as given, but a variable
 * COP_APP_<NAME>_<KEY> of the process's environment, read here, replaces the
 * value of a key (upper case; what is no letter or digit becomes `_`).
 * COP_EPRESENT (one of that name is loaded); COP_ESPEC (*why: {bad_application,
 * "a sentence that names application and field"}). */
COP_API COP_MUST_USE int cop_app_load(const cop_app *app, cop_reason *why);
/* Forgets one. COP_ENOENT; COP_ERUNNING (it runs, starts or stops). */
COP_API COP_MUST_USE int cop_app_unload(const char *name);

/* Starts an application that is loaded, and waits until that is done. All that
 * it depends on must run already. A second start of one that is starting waits
 * too, and has the same result; of one that is being stopped, it starts again.
 *   COP_ENOENT    it is not loaded
 *   COP_ESTARTED  it is running
 *   COP_EFAILED   *why: {not_started, "store"} or, if that has ended,
 *                 {not_running, "store"}: a dependency; {bad_return, "..."}:
 *                 its callback exited, or returned what makes no sense; else
 *                 what the start failed with. Nothing of it is left.
 *   COP_EINVAL    no such type
 *   COP_EDEADLOCK called by a callback of the application itself */
COP_API COP_MUST_USE int cop_app_start(const char *name, cop_app_type type,
                                       cop_reason *why);

/* The same, but first starts what it depends on and does not run, dependencies
 * before those that need them. Returns how many this call started: 0 if it was
 * running. If one fails, those that this call started are stopped again, the
 * last one first, and the result is of the one that failed; after COP_EFAILED
 * *why is {name of that one, "its reason"}. Also
 *   COP_ENOENT    *why: {not_loaded, "web needs store"}
 *   COP_ESPEC     *why: {cyclic, "a -> b -> a"}; nothing was started */
COP_API COP_MUST_USE int cop_app_ensure_all_started(const char *name,
                                                    cop_app_type type,
                                                    cop_reason *why);

/* Stops an application, whatever its type, and waits until it is gone:
 * prep_stop; the supervision tree, the last child first; the callback `stop`;
 * and who is left of its actors, in the sense of cop_app_of, is killed. Others
 * are not affected, those that need it included. COP_ENOENT: it is not loaded,
 * not started (one that has ended by itself counts as started until this call),
 * or is only starting. COP_EDEADLOCK as above. */
COP_API int cop_app_stop(const char *name);

/* --------------------------------------------------------------- looking -- */

typedef struct cop_app_info {
    char name[COP_APP_NAME_MAX + 1];
    const char *description, *version; /* as given; "" if NULL */
    bool is_running;
    cop_app_type type; /* of its last start */
} cop_app_info;

/* Up to `cap` applications that run, the one started last first; all that are
 * loaded, the one loaded first first. Returns how many there are. */
COP_API COP_MUST_USE int cop_app_which(cop_app_info *out, size_t cap);
COP_API COP_MUST_USE int cop_app_loaded(cop_app_info *out, size_t cap);

/* The root supervisor of one that runs. COP_ENOENT (a library too). */
COP_API COP_MUST_USE int cop_app_get_supervisor(const char *name, cop_pid *out);

/* Which application an actor belongs to: its master, or one whose ancestors
 * (cop_ancestors) lead to that, itself included. COP_ENOENT: to none;
 * COP_ENOPROC: it is dead. */
COP_API COP_MUST_USE int cop_app_of(cop_pid pid,
                                    char name[COP_APP_NAME_MAX + 1]);

/* ----------------------------------------------------------- environment -- */

/* The value of a key: its length; at most `size` bytes of it with the closing
 * zero are put in buf. COP_ENOENT: not loaded, or no such key. */
COP_API COP_MUST_USE int cop_app_get_env(const char *name, const char *key,
                                         char *buf, size_t size);
/* Sets a key, until the application is unloaded; COP_ENOENT: not loaded;
 * COP_EINVAL: not a valid key, or no value. Takes a key out; COP_ENOENT also if
 * there is none. The application is not told. */
COP_API COP_MUST_USE int cop_app_set_env(const char *name, const char *key,
                                         const char *value);
COP_API COP_MUST_USE int cop_app_unset_env(const char *name, const char *key);

/* Replaces the whole environment. If that makes a difference, and the
 * application runs, its callback config_change is told (not waited for).
 * COP_ENOENT; COP_EINVAL (a key that is not valid, or twice; no value). */
COP_API COP_MUST_USE int cop_app_config(const char *name,
                                        const cop_app_env *env, size_t n);

/* --------------------------------------------------------------- program -- */

/* A whole program: starts the runtime, loads n applications, starts `main_app`
 * and all it needs as permanent ones, waits for SIGINT, SIGTERM or the end of
 * one of them, stops all in reverse order. The application that ends decides:
 * 0 if it ended orderly, 1 if not, or if something could not be loaded or
 * started (why is logged); 128 + n after signal n; a negative code if the
 * runtime could not be started. config may be NULL; its handle_signals is
 * taken as true. Not from an actor. */
COP_API int cop_app_run(const cop_app *const *apps, size_t n,
                        const char *main_app, const cop_config *config);

/* When the runtime stops (cop_stop), running applications are stopped by the
 * controller, the one started last first. When a permanent application ends,
 * so are the others; then the controller ends with {application_terminated,
 * "name: reason"}, or {shutdown, application_terminated} if that reason was
 * orderly, and all that was loaded is forgotten. */

#ifdef __cplusplus
}
#endif
#endif
