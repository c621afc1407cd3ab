/* SPDX-License-Identifier: MIT
 *
 * app.h - applications for tests: each is a supervisor with one kid (sup.h)
 * that writes in the notebook what happens to it, and callbacks that do so.
 *
 *     static struct kit ka = {.name = "a", .kid = &a};
 *     static const cop_app app_a = APP(a);
 *     ...
 *     load(&app_a);
 *     starts("a", COP_APP_TEMPORARY);
 *     notes_are("a start|");
 */
#ifndef COPPICE_TESTS_APP_H
#define COPPICE_TESTS_APP_H

#include <coppice/application.h>

#include "tests/support/sup.h"

struct kit {
    const char *name;
    struct kid *kid;
    const char *mode; /* NULL: fine; or how its start goes wrong */
    cop_time start_ns;
    void (*inside)(void); /* called at the end of start */
    void (*at_stop)(void);
    cop_pid root;
    cop_app_type type;
};

__attribute__((unused)) static struct kit kit_a = {.name = "a", .kid = &a},
                                          kit_b = {.name = "b", .kid = &b},
                                          kit_c = {.name = "c", .kid = &c},
                                          kit_d = {.name = "d", .kid = &d},
                                          kit_e = {.name = "e", .kid = &e};

static inline int kit_go_wrong(const struct kit *k, cop_reason *why)
{
    if (strcmp(k->mode, "error") == 0) {
        *why = cop_because("broken");
        return COP_EFAILED;
    }
    if (strcmp(k->mode, "plain") == 0)
        return COP_ESYS;
    if (strcmp(k->mode, "crash") == 0)
        cop_exit(cop_because("boom"));
    if (strcmp(k->mode, "normal") == 0)
        cop_exit(COP_NORMAL);
    if (strcmp(k->mode, "ignore") == 0)
        return COP_EIGNORE;
    if (strcmp(k->mode, "junk") == 0)
        return 7;
    return 0; /* "nopid" */
}

static inline int kit_up(cop_pid *out, const struct kit *k, cop_reason *why)
{
    const cop_child kids[] = {
        {.id = "kid", .server = &kid_server, .arg = k->kid}};
    const cop_sup sup = {CHILDREN(kids)};
    return cop_sup_start(out, &sup, NULL, why);
}

static inline int kit_start(cop_pid *out, cop_app_type type, void *arg,
                            cop_reason *why)
{
    struct kit *k = arg;
    int err;
    k->type = type;
    kid_sleep(k->start_ns);
    if (k->mode != NULL && strcmp(k->mode, "late") != 0)
        return kit_go_wrong(k, why);
    err = kit_up(out, k, why);
    k->root = *out;
    if (k->inside != NULL)
        k->inside();
    if (k->mode != NULL)
        cop_exit(cop_because("late"));
    return err;
}

static inline void kit_prep_stop(void *arg)
{
    struct kit *k = arg;
    note("%s prep_stop %d", k->name, cop_is_alive(k->root));
}

static inline void kit_stop(void *arg)
{
    struct kit *k = arg;
    note("%s stop %d", k->name, cop_is_alive(k->root));
    if (k->at_stop != NULL)
        k->at_stop();
}

#define APP(id, ...)                                                           \
    {                                                                          \
        .name = #id, .start = kit_start, .prep_stop = kit_prep_stop,           \
        .stop = kit_stop, .arg = &kit_##id, __VA_ARGS__                        \
    }
#define NEEDS(...)                                                             \
    .depends = (const char *const[]){__VA_ARGS__},                             \
    .ndepends = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

__attribute__((unused)) static void load(const cop_app *app)
{
    cop_reason why;
    char text[COP_REASON_TEXT];
    int err = cop_app_load(app, &why);
    ck_assert_msg(err == 0, "%s: %s", cop_error_str(err),
                  cop_reason_str(why, text, sizeof text));
}

__attribute__((unused)) static void starts(const char *name, cop_app_type type)
{
    cop_reason why;
    char text[COP_REASON_TEXT];
    int err = cop_app_start(name, type, &why);
    ck_assert_msg(err == 0, "%s: %s", cop_error_str(err),
                  cop_reason_str(why, text, sizeof text));
}

/* A start that fails so. */
__attribute__((unused)) static void fails(const char *name, int code,
                                          const char *want)
{
    cop_reason why;
    ck_assert_int_eq(cop_app_start(name, COP_APP_TEMPORARY, &why), code);
    reason_was(why, want);
}

/* Starts it with all it needs: so many, or a code and a reason. */
__attribute__((unused)) static void ensures(const char *name, int n,
                                            const char *want)
{
    cop_reason why;
    ck_assert_int_eq(cop_app_ensure_all_started(name, COP_APP_TEMPORARY, &why),
                     n);
    reason_was(why, want);
}

/* Names of those that run, or are loaded, as "b a". */
__attribute__((unused)) static void names_are(bool running, const char *want)
{
    cop_app_info info[16];
    char have[512] = "";
    size_t used = 0;
    int n = running ? cop_app_which(info, 16) : cop_app_loaded(info, 16);
    ck_assert(n >= 0 && n <= 16);
    for (int i = 0; i < n; i++)
        used += (size_t)snprintf(have + used, sizeof have - used, "%s%s",
                                 i > 0 ? " " : "", info[i].name);
    ck_assert_str_eq(have, want);
}

__attribute__((unused)) static void running_are(const char *want)
{
    names_are(true, want);
}

#endif
