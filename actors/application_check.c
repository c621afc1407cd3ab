/* SPDX-License-Identifier: MIT
 *
 * application_check.c - whether the definition of an application is sound. What
 * it depends on may be loaded later, so names of others are not looked up here,
 * nor are cycles: application_plan.c does that.
 */
#include "actors/application.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A definition in the making of a sentence about it. */
struct check {
    const cop_app *app;
    char *text;
};

COP_PRINTF(2, 3) static int wrong(const struct check *c, const char *fmt, ...)
{
    va_list ap;
    int n = snprintf(c->text, COPI_APP_TEXT,
                     "application %.*s: ", COP_APP_NAME_MAX, c->app->name);

    va_start(ap, fmt);
    vsnprintf(c->text + n, COPI_APP_TEXT - (size_t)n, fmt, ap);
    va_end(ap);
    return COP_ESPEC;
}

static bool is_name(const char *name)
{
    size_t n = name != NULL ? strnlen(name, COP_APP_NAME_MAX + 1) : 0;

    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && strchr("_-.", name[i]) == NULL)
            return false;
    return n > 0 && n <= COP_APP_NAME_MAX;
}

bool copi_app_is_key(const char *key)
{
    size_t n = key != NULL ? strnlen(key, COP_APP_NAME_MAX + 1) : 0;

    return n > 0 && n <= COP_APP_NAME_MAX;
}

static int check_depends(const struct check *c)
{
    const cop_app *app = c->app;

    if (app->depends == NULL && app->ndepends > 0)
        return wrong(c, "depends is NULL, ndepends is %zu", app->ndepends);
    for (size_t i = 0; i < app->ndepends; i++) {
        if (!is_name(app->depends[i]))
            return wrong(c, "depends[%zu] is no name", i);
        if (strcmp(app->depends[i], app->name) == 0)
            return wrong(c, "depends on itself");
        for (size_t k = 0; k < i; k++)
            if (strcmp(app->depends[k], app->depends[i]) == 0)
                return wrong(c, "depends on %s twice", app->depends[i]);
    }
    return 0;
}

static int check_env(const struct check *c)
{
    const cop_app *app = c->app;

    if (app->env == NULL && app->nenv > 0)
        return wrong(c, "env is NULL, nenv is %zu", app->nenv);
    for (size_t i = 0; i < app->nenv; i++) {
        if (!copi_app_is_key(app->env[i].key))
            return wrong(c, "env[%zu] has no key of 1 to %d bytes", i,
                         COP_APP_NAME_MAX);
        if (app->env[i].value == NULL)
            return wrong(c, "env: %s has no value", app->env[i].key);
        for (size_t k = 0; k < i; k++)
            if (strcmp(app->env[k].key, app->env[i].key) == 0)
                return wrong(c, "env: %s is there twice", app->env[i].key);
    }
    return 0;
}

static int check_phases(const struct check *c)
{
    const cop_app *app = c->app;

    if (app->nphases == 0)
        return 0;
    if (app->phases == NULL)
        return wrong(c, "phases is NULL, nphases is %zu", app->nphases);
    if (app->start_phase == NULL)
        return wrong(c, "has phases, but no start_phase");
    if (app->sup == NULL && app->start == NULL)
        return wrong(c, "has phases, but nothing to start");
    for (size_t i = 0; i < app->nphases; i++)
        if (app->phases[i] == NULL)
            return wrong(c, "phases[%zu] is NULL", i);
    return 0;
}

static int check_start(const struct check *c)
{
    const cop_app *app = c->app;
    char text[COPI_APP_TEXT];
    int err = 0;

    if (app->sup != NULL && app->start != NULL)
        return wrong(c, "has both sup and start");
    if (app->sup != NULL)
        err = cop_sup_check(app->sup, text, sizeof text);
    return err == COP_ESPEC ? wrong(c, "%s", text) : err;
}

int copi_app_check(const cop_app *app, char *text)
{
    static int (*const checks[])(const struct check *) = {
        check_depends, check_env, check_phases, check_start};
    const struct check c = {app, text};
    int err = 0;

    if (app == NULL || !is_name(app->name)) {
        snprintf(text, COPI_APP_TEXT,
                 "an application's name is 1 to %d letters, digits, _ - .",
                 COP_APP_NAME_MAX);
        return COP_ESPEC;
    }
    for (size_t i = 0; i < sizeof checks / sizeof *checks && err == 0; i++)
        err = checks[i](&c);
    return err;
}
