/* SPDX-License-Identifier: MIT
 *
 * application_env_test.c - the environment of an application: where values
 * come from, and who hears of a change.
 */
#include <coppice/application.h>

#include "tests/support/app.h"

#include <coppice/extend.h>

static const cop_app_env env[] = {
    {"port", "8080"}, {"log level", "info"}, {"empty", ""}};

static void value_is(const char *name, const char *key, const char *want)
{
    char buf[64];
    int n = cop_app_get_env(name, key, buf, sizeof buf);
    if (want == NULL) {
        ck_assert_int_eq(n, COP_ENOENT);
        return;
    }
    ck_assert_int_eq(n, (int)strlen(want));
    ck_assert_str_eq(buf, want);
}

static void body_values(void *arg)
{
    static const cop_app app = {.name = "x", .env = env, .nenv = 3};
    char buf[4] = "...";
    (void)arg;
    value_is("x", "port", NULL);
    load(&app);
    value_is("x", "port", "8080");
    value_is("x", "empty", "");
    value_is("x", "Port", NULL);
    value_is("y", "port", NULL);
    ck_assert_int_eq(cop_app_get_env("x", "port", buf, 3), 4);
    ck_assert(memcmp(buf, "80", 3) == 0);
    ck_assert_int_eq(cop_app_get_env("x", "port", NULL, 0), 4);
    ck_assert_int_eq(cop_app_set_env("x", "port", "1"), 0);
    ck_assert_int_eq(cop_app_set_env("x", "new", "2"), 0);
    value_is("x", "port", "1");
    value_is("x", "new", "2");
    ck_assert_int_eq(cop_app_unset_env("x", "port"), 0);
    ck_assert_int_eq(cop_app_unset_env("x", "port"), COP_ENOENT);
    value_is("x", "port", NULL);
    value_is("x", "log level", "info");
    ck_assert_int_eq(cop_app_unload("x"), 0);
    load(&app);
    value_is("x", "port", "8080");
    value_is("x", "new", NULL);
}
KID_TEST(values, body_values)

static void body_bad(void *arg)
{
    static const cop_app app = {.name = "x", .env = env, .nenv = 3};
    const cop_app_env twice[] = {{"k", "1"}, {"k", "2"}};
    char key[COP_APP_NAME_MAX + 2];
    (void)arg;
    memset(key, 'k', sizeof key);
    key[COP_APP_NAME_MAX + 1] = '\0';
    load(&app);
    ck_assert_int_eq(cop_app_set_env("x", key, "v"), COP_EINVAL);
    ck_assert_int_eq(cop_app_set_env("x", key + 1, "v"), 0);
    ck_assert_int_eq(cop_app_set_env("x", "", "v"), COP_EINVAL);
    ck_assert_int_eq(cop_app_set_env("x", NULL, "v"), COP_EINVAL);
    ck_assert_int_eq(cop_app_set_env("x", "k", NULL), COP_EINVAL);
    ck_assert_int_eq(cop_app_set_env("y", "k", "v"), COP_ENOENT);
    ck_assert_int_eq(cop_app_unset_env("y", "k"), COP_ENOENT);
    ck_assert_int_eq(cop_app_get_env(NULL, "k", NULL, 0), COP_EINVAL);
    ck_assert_int_eq(cop_app_get_env("x", "k", NULL, 1), COP_EINVAL);
    ck_assert_int_eq(cop_app_config("y", NULL, 0), COP_ENOENT);
    ck_assert_int_eq(cop_app_config("x", NULL, 1), COP_EINVAL);
    ck_assert_int_eq(cop_app_config("x", twice, 2), COP_EINVAL);
    ck_assert_int_eq(cop_app_config("x", &(cop_app_env){"k", NULL}, 1),
                     COP_EINVAL);
    value_is("x", "port", "8080");
}
KID_TEST(bad_keys_and_values, body_bad)

static void body_outside(void *arg)
{
    static const cop_app app = {.name = "my-app.2", .env = env, .nenv = 3};
    (void)arg;
    load(&app);
    value_is("my-app.2", "log level", "debug");
    value_is("my-app.2", "port", "8080");
    ck_assert_int_eq(cop_app_set_env("my-app.2", "log level", "none"), 0);
    value_is("my-app.2", "log level", "none");
}

START_TEST(variables_of_the_process)
{
    setenv("COP_APP_MY_APP_2_LOG_LEVEL", "debug", 1);
    setenv("COP_APP_MY_APP_2_OTHER", "x", 1);
    actor_test(body_outside, &kid_virtual);
}
END_TEST

/* --------------------------------------------------------------- changes -- */

static void list(const char *what, const cop_app_env *p)
{
    for (; p->key != NULL; p++)
        note("%s %s=%s", what, p->key, p->value != NULL ? p->value : "-");
}

static void changes(void *arg, const cop_app_env *changed,
                    const cop_app_env *added, const cop_app_env *removed)
{
    const cop_msg *m;
    struct kit *k = arg;
    (void)!cop_recv(&m, COP_POLL); /* the lists outlive a receive */
    list("changed", changed);
    list("added", added);
    list("removed", removed);
    if (k->mode != NULL)
        cop_exit(cop_because(k->mode));
}

static const cop_app app_a =
    APP(a, .env = env, .nenv = 3, .config_change = changes);

static void body_change(void *arg)
{
    const cop_app_env now[] = {{"port", "9090"}, {"empty", ""}, {"fresh", "1"}};
    (void)arg;
    load(&app_a);
    ck_assert_int_eq(cop_app_config("a", env, 2), 0);
    value_is("a", "empty", NULL);
    starts("a", COP_APP_TEMPORARY);
    ck_assert_int_eq(cop_app_config("a", env, 3), 0);
    settle();
    notes_are("a start|added empty=|");
    ck_assert_int_eq(cop_app_config("a", now, 3), 0);
    settle();
    notes_are("changed port=9090|added fresh=1|removed log level=-|");
    value_is("a", "port", "9090");
    value_is("a", "log level", NULL);
    ck_assert_int_eq(cop_app_config("a", now, 3), 0);
    settle();
    notes_are("");
    kit_a.mode = "boom";
    ck_assert_int_eq(cop_app_config("a", NULL, 0), 0);
    settle();
    notes_are("removed port=-|removed empty=-|removed fresh=-|");
    running_are("a");
    ck_assert_int_eq(cop_app_set_env("a", "port", "1"), 0);
    settle();
    notes_are("");
}
KID_TEST(change_is_told, body_change)

/* One that is killed in the callback leaks nothing (in a sanitizer build). */
static void stays(void *arg, const cop_app_env *changed,
                  const cop_app_env *added, const cop_app_env *removed)
{
    (void)arg, (void)changed, (void)added, (void)removed;
    cop_exit_signal(cop_self(), COP_KILL);
    cop_sleep(COP_SEC);
}

static void body_killed(void *arg)
{
    static cop_app app;
    (void)arg;
    app = app_a;
    app.config_change = stays;
    load(&app);
    starts("a", COP_APP_TEMPORARY);
    ck_assert_int_eq(cop_app_config("a", NULL, 0), 0);
    cop_sleep(5 * COP_MS);
    running_are("");
}
KID_TEST(killed_in_the_callback, body_killed)

static void body_oom(void *arg)
{
    (void)arg;
    load(&app_a);
    starts("a", COP_APP_TEMPORARY);
    for (uint64_t n = 1, count = n; count + 1 >= n; n++) {
        int err;
        ck_assert_int_eq(cop_app_config("a", env, 3), 0);
        settle();
        notes_forget();
        cop_ext_fail_alloc(n, false);
        err = cop_app_config("a", env, 2);
        count = cop_ext_alloc_count();
        cop_ext_fail_alloc(0, false);
        ck_assert(err == 0 || err == COP_ENOMEM || err == COP_EDOWN);
        settle();
        notes_are(err == 0 ? "removed empty=-|" : "");
        value_is("a", "empty", err == 0 ? NULL : "");
    }
}
KID_TEST(out_of_memory, body_oom)

static const TTest *const cases[] = {
    values,         bad_keys_and_values,    variables_of_the_process,
    change_is_told, killed_in_the_callback, out_of_memory,
};
UNIT_MAIN("application_env", cases)
