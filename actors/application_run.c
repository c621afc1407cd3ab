/* SPDX-License-Identifier: MIT
 *
 * application_run.c - a whole program of applications. Its first actor loads
 * and starts them, and ends with what the controller ends with: the controller
 * ends by itself only if a permanent application has. All the rest, signals
 * and the stop in reverse order included, is what cop_run and the controller
 * do anyway.
 */
#include "actors/application.h"

struct run {
    const cop_app *const *apps;
    size_t n;
    const char *main_app;
};

/* Takes `why`. */
static COP_NORETURN void give_up(int err, cop_reason why)
{
    if (cop_reason_eq(why, COP_NORMAL))
        why = cop_because_fmt("failed", "%s", cop_error_str(err));
    cop_exit(why);
}

static void must(int err, cop_reason why)
{
    if (err < 0)
        give_up(err, why);
    cop_reason_release(why);
}

static void run_main(void *arg)
{
    const struct run *r = arg;
    cop_reason why = COP_NORMAL;
    const cop_msg *m;
    cop_pid controller;
    cop_ref ref;
    int err;

    must(copi_app_controller(&controller), COP_NORMAL);
    must(cop_monitor(&ref, controller), COP_NORMAL);
    for (size_t i = 0; i < r->n; i++) {
        err = cop_app_load(r->apps[i], &why);
        must(err, why);
    }
    err = cop_app_ensure_all_started(r->main_app, COP_APP_PERMANENT, &why);
    must(err, why);
    if (cop_recv_ref(&m, ref, COP_FOREVER) == 0)
        cop_exit(cop_reason_retain(cop_msg_reason(m)));
}

int cop_app_run(const cop_app *const *apps, size_t n, const char *main_app,
                const cop_config *config)
{
    struct run r = {apps, n, main_app};
    cop_config own = {0};

    if ((apps == NULL && n > 0) || main_app == NULL)
        return COP_EINVAL;
    if (config != NULL)
        own = *config;
    own.handle_signals = true;
    return cop_run(run_main, &r, &own);
}
