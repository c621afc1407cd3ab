/* SPDX-License-Identifier: MIT
 *
 * application_start_test.c - applications: loading, starting, dependencies,
 * asking about them. Where OTP has the same case, what is expected is what
 * tests/conformance/otp/application_rules.erl prints.
 */
#include <coppice/application.h>
#include <coppice/proc.h>
#include <coppice/sys.h>

#include "tests/support/app.h"
#include "tests/support/started.h"

#include <pthread.h>

static const cop_app app_a = APP(a), app_b = APP(b, NEEDS("a")),
                     app_c = APP(c, NEEDS("b")), app_d = APP(d), app_e = APP(e);

/* -------------------------------------------------------------- loading -- */

static void body_load(void *arg)
{
    cop_app_info info[2];
    static const cop_app full = {
        .name = "x", .description = "an x", .version = "1.2"};
    cop_reason why;
    (void)arg;
    names_are(false, "");
    load(&app_a);
    load(&full);
    ck_assert_int_eq(cop_app_load(&app_a, &why), COP_EPRESENT);
    reason_was(why, "{already_loaded, \"a\"}");
    names_are(false, "a x");
    running_are("");
    ck_assert_int_eq(cop_app_loaded(info, 1), 2);
    ck_assert_int_eq(cop_app_loaded(info, 2), 2);
    ck_assert_str_eq(info[0].description, "");
    ck_assert_str_eq(info[1].description, "an x");
    ck_assert_str_eq(info[1].version, "1.2");
    ck_assert(!info[1].is_running);
    ck_assert_int_eq(cop_app_unload("a"), 0);
    ck_assert_int_eq(cop_app_unload("a"), COP_ENOENT);
    names_are(false, "x");
    ck_assert_int_eq(cop_app_unload(NULL), COP_EINVAL);
    ck_assert_int_eq(cop_app_loaded(NULL, 1), COP_EINVAL);
}
KID_TEST(loading, body_load)

static int nothing(const char *phase, cop_app_type type, void *arg,
                   cop_reason *why)
{
    (void)phase, (void)type, (void)arg, (void)why;
    return 0;
}

static void is_refused(const cop_app *app, const char *sentence)
{
    cop_reason why;
    const char *said;
    ck_assert_int_eq(cop_app_load(app, &why), COP_ESPEC);
    ck_assert_str_eq(cop_reason_name(why), "bad_application");
    said = cop_reason_payload(why, NULL);
    ck_assert_msg(strstr(said, sentence) != NULL, "%s", said);
    cop_reason_release(why);
}

static void body_bad(void *arg)
{
    static const char *const self[] = {"x"}, *const twice[] = {"y", "y"},
                             *const null[] = {NULL};
    static const cop_app_env no_key[] = {{NULL, "v"}},
                             no_value[] = {{"k", NULL}},
                             same[] = {{"k", "v"}, {"k", "w"}};
    static const cop_child bad_kids[] = {{.id = "k"}};
    static const cop_sup good = {0}, bad = {CHILDREN(bad_kids)};
    char longest[COP_APP_NAME_MAX + 2];
    (void)arg;
    memset(longest, 'x', sizeof longest);
    longest[COP_APP_NAME_MAX + 1] = '\0';
    is_refused(NULL, "name");
    is_refused(&(cop_app){0}, "name");
    is_refused(&(cop_app){.name = ""}, "name");
    is_refused(&(cop_app){.name = "a b"}, "name");
    is_refused(&(cop_app){.name = longest}, "63");
    is_refused(&(cop_app){.name = "x", .ndepends = 1}, "depends is NULL");
    is_refused(&(cop_app){.name = "x", .depends = null, .ndepends = 1},
               "depends[0] is no name");
    is_refused(&(cop_app){.name = "x", .depends = self, .ndepends = 1},
               "x: depends on itself");
    is_refused(&(cop_app){.name = "x", .depends = twice, .ndepends = 2},
               "depends on y twice");
    is_refused(&(cop_app){.name = "x", .nenv = 1}, "env is NULL");
    is_refused(&(cop_app){.name = "x", .env = no_key, .nenv = 1},
               "env[0] has no key");
    is_refused(&(cop_app){.name = "x", .env = no_value, .nenv = 1},
               "k has no value");
    is_refused(&(cop_app){.name = "x", .env = same, .nenv = 2},
               "k is there twice");
    is_refused(&(cop_app){.name = "x", .sup = &good, .start = kit_start},
               "both sup and start");
    is_refused(&(cop_app){.name = "x", .sup = &bad}, "k");
    is_refused(&(cop_app){.name = "x", .nphases = 1}, "phases is NULL");
    is_refused(&(cop_app){.name = "x", .phases = self, .nphases = 1},
               "no start_phase");
    is_refused(
        &(cop_app){
            .name = "x", .phases = self, .nphases = 1, .start_phase = nothing},
        "nothing to start");
    is_refused(&(cop_app){.name = "x",
                          .sup = &good,
                          .phases = null,
                          .nphases = 1,
                          .start_phase = nothing},
               "phases[0] is NULL");
    names_are(false, "");
}
KID_TEST(bad_definitions_are_named, body_bad)

/* ------------------------------------------------------------- starting -- */

static void body_start(void *arg)
{
    cop_app_info info;
    cop_pid root;
    (void)arg;
    fails("a", COP_ENOENT, "{not_loaded, \"a\"}");
    load(&app_a);
    load(&app_d);
    ck_assert_int_eq(cop_app_get_supervisor("a", &root), COP_ENOENT);
    starts("a", COP_APP_TRANSIENT);
    notes_are("a start|");
    ck_assert_int_eq(cop_app_get_supervisor("a", &root), 0);
    ck_assert(cop_pid_eq(root, kit_a.root));
    which_is(root, "kid=up");
    ck_assert_int_eq(cop_app_which(&info, 1), 1);
    ck_assert(info.is_running && info.type == COP_APP_TRANSIENT);
    ck_assert_int_eq(kit_a.type, COP_APP_TRANSIENT);
    fails("a", COP_ESTARTED, "{already_started, \"a\"}");
    ck_assert_int_eq(cop_app_unload("a"), COP_ERUNNING);
    starts("d", COP_APP_TEMPORARY);
    running_are("d a");
    ck_assert_int_eq(cop_app_start("a", (cop_app_type)3, NULL), COP_EINVAL);
    ck_assert_int_eq(cop_app_start(NULL, COP_APP_TEMPORARY, NULL), COP_EINVAL);
    ck_assert_int_eq(cop_app_get_supervisor("a", NULL), COP_EINVAL);
}
KID_TEST(starting, body_start)

static void body_needs(void *arg)
{
    (void)arg;
    load(&app_b);
    fails("b", COP_EFAILED, "{not_started, \"a\"}");
    load(&app_a);
    fails("b", COP_EFAILED, "{not_started, \"a\"}");
    starts("a", COP_APP_TEMPORARY);
    notes_forget();
    ck_assert_int_eq(
        cop_server_stop(kit_a.root, COP_SHUTDOWN, COP_FOREVER, NULL), 0);
    settle();
    notes_are("a terminate shutdown|a prep_stop 0|a stop 0|");
    fails("b", COP_EFAILED, "{not_running, \"a\"}");
    starts("a", COP_APP_TEMPORARY);
    starts("b", COP_APP_TEMPORARY);
    running_are("b a");
}

KID_TEST(dependencies_must_run, body_needs)

static void body_failures(void *arg)
{
    static const struct {
        const char *mode, *want;
    } cases_[] = {
        {"error", "broken"},
        {"plain", "{failed, \"operating system refused\"}"},
        {"crash", "{bad_return, \"start exited: boom\"}"},
        {"normal", "{bad_return, \"start exited: normal\"}"},
        {"late", "{bad_return, \"start exited: late\"}"},
        {"ignore", "{bad_return, \"start returned -18\"}"},
        {"junk", "{bad_return, \"start returned 7\"}"},
        {"nopid", "{bad_return, \"start gave no pid\"}"},
    };
    (void)arg;
    load(&app_a);
    for (size_t i = 0; i < sizeof cases_ / sizeof *cases_; i++) {
        kit_a.mode = cases_[i].mode;
        fails("a", COP_EFAILED, cases_[i].want);
        ck_assert(!cop_is_alive(kit_a.root) && !cop_is_alive(a.pid));
        running_are("");
    }
    notes_are("a start|a terminate shutdown|");
    kit_a.mode = NULL;
    a.init = "ok,fail:boom";
    fails("a", COP_EFAILED, "{shutdown, failed_to_start_child}");
    notes_are("a fail:boom|");
    ck_assert_int_eq(cop_app_stop("a"), COP_ENOENT);
    starts("a", COP_APP_TEMPORARY);
}
KID_TEST(failed_starts, body_failures)

static void body_sup(void *arg)
{
    static const cop_child kids[] = {SERVER(a), SERVER(b)};
    static const cop_sup sup = {CHILDREN(kids)};
    static const cop_app app = {.name = "x", .sup = &sup};
    cop_pid root;
    (void)arg;
    load(&app);
    starts("x", COP_APP_TEMPORARY);
    ck_assert_int_eq(cop_app_get_supervisor("x", &root), 0);
    which_is(root, "a=up b=up");
    ck_assert_int_eq(cop_app_stop("x"), 0);
    notes_are("a start|b start|b terminate shutdown|a terminate shutdown|");
    b.init = "ok,fail:no";
    fails("x", COP_EFAILED, "{shutdown, failed_to_start_child}");
    notes_are("a start|b fail:no|a terminate shutdown|");
}
KID_TEST(root_by_specification, body_sup)

static void body_library(void *arg)
{
    static const cop_app app = {.name = "lib"};
    cop_pid root;
    (void)arg;
    load(&app);
    starts("lib", COP_APP_PERMANENT);
    running_are("lib");
    ck_assert_int_eq(cop_app_get_supervisor("lib", &root), COP_ENOENT);
    ck_assert_int_eq(cop_app_stop("lib"), 0);
    running_are("");
}
KID_TEST(library, body_library)

/* --------------------------------------------------------------- phases -- */

static int phase_code;

static int phase(const char *name, cop_app_type type, void *arg,
                 cop_reason *why)
{
    (void)arg;
    note("phase %s %d", name, (int)type);
    if (strcmp(name, "two") != 0)
        return 0;
    if (phase_code == 1)
        cop_exit(cop_because("boom"));
    if (phase_code < 0)
        *why = cop_because("nah");
    return phase_code;
}

static void body_phases(void *arg)
{
    static const char *const names[] = {"one", "two", "three"};
    static const cop_app app =
        APP(a, .phases = names, .nphases = 3, .start_phase = phase);
    (void)arg;
    load(&app);
    starts("a", COP_APP_TRANSIENT);
    notes_are("a start|phase one 1|phase two 1|phase three 1|");
    ck_assert_int_eq(cop_app_stop("a"), 0);
    notes_forget();
    phase_code = COP_EFAILED;
    fails("a", COP_EFAILED, "nah");
    notes_are("a start|phase one 0|phase two 0|a terminate shutdown|");
    phase_code = 1;
    fails("a", COP_EFAILED, "{bad_return, \"two exited: boom\"}");
    phase_code = 5;
    fails("a", COP_EFAILED, "{bad_return, \"two returned 5\"}");
    running_are("");
}
KID_TEST(phases, body_phases)

/* --------------------------------------------------------- dependencies -- */

static void body_ensure(void *arg)
{
    (void)arg;
    load(&app_c);
    load(&app_b);
    load(&app_a);
    ensures("c", 3, "normal");
    notes_are("a start|b start|c start|");
    running_are("c b a");
    ensures("c", 0, "normal");
    ck_assert_int_eq(cop_app_stop("b"), 0);
    ck_assert_int_eq(cop_app_stop("c"), 0);
    notes_forget();
    ensures("c", 2, "normal");
    notes_are("b start|c start|");
    running_are("c b a");
    ck_assert_int_eq(cop_app_stop("a"), 0);
    ck_assert_int_eq(cop_app_stop("c"), 0);
    ensures("c", 1, "normal"); /* b runs; what it needs is not asked */
    running_are("c b");
    ck_assert_int_eq(cop_app_ensure_all_started(NULL, COP_APP_TEMPORARY, NULL),
                     COP_EINVAL);
    ck_assert_int_eq(cop_app_ensure_all_started("a", (cop_app_type)9, NULL),
                     COP_EINVAL);
}
KID_TEST(ensure_starts_in_order, body_ensure)

static const cop_app all = APP(e, NEEDS("a", "d", "b"));

static void body_ensure_fails(void *arg)
{
    (void)arg;
    load(&app_a);
    load(&app_b);
    load(&app_d);
    load(&all);
    starts("a", COP_APP_TEMPORARY);
    kit_b.mode = "error";
    notes_forget();
    ensures("e", COP_EFAILED, "{b, \"broken\"}");
    notes_are("d start|d prep_stop 1|d terminate shutdown|d stop 0|");
    running_are("a");
    kit_b.mode = NULL;
    kit_e.mode = "crash";
    notes_forget();
    ensures("e", COP_EFAILED,
            "{e, \"{bad_return, \\\"start exited: boom\\\"}\"}");
    notes_are("d start|b start|"
              "b prep_stop 1|b terminate shutdown|b stop 0|"
              "d prep_stop 1|d terminate shutdown|d stop 0|");
    running_are("a");
}
KID_TEST(ensure_undoes_what_it_did, body_ensure_fails)

static const cop_app x = {.name = "x", NEEDS("y")},
                     y = {.name = "y", NEEDS("d", "z")},
                     z = {.name = "z", NEEDS("y")},
                     w = {.name = "w", NEEDS("a", "nobody")};

static void body_cycle(void *arg)
{
    (void)arg;
    load(&x);
    load(&y);
    load(&z);
    load(&w);
    load(&app_d);
    load(&app_a);
    ensures("x", COP_ESPEC, "{cyclic, \"y -> z -> y\"}");
    ensures("w", COP_ENOENT, "{not_loaded, \"w needs nobody\"}");
    ensures("nobody", COP_ENOENT, "{not_loaded, \"nobody\"}");
    notes_are("");
    running_are("");
}
KID_TEST(cycles_and_the_unknown_are_named, body_cycle)

/* A long chain, and a diamond at each step. */
static void body_chain(void *arg)
{
    enum { N = 400 };
    static char names[N][8];
    static const char *needs[N][2];
    static cop_app apps[N];
    (void)arg;
    for (int i = 0; i < N; i++)
        snprintf(names[i], sizeof names[i], "n%d", i);
    for (int i = N; i-- > 0;) {
        needs[i][0] = i > 0 ? names[i - 1] : NULL;
        needs[i][1] = i > 1 ? names[i - 2] : NULL;
        apps[i] = (cop_app){.name = names[i],
                            .depends = needs[i],
                            .ndepends = (size_t)(i > 1 ? 2 : i)};
        load(&apps[i]);
    }
    ensures("n399", N, "normal");
    ensures("n399", 0, "normal");
}
KID_TEST(long_chain, body_chain)

/* ---------------------------------------------------------- at the same time
 */

static void starts_a(void *arg)
{
    (void)arg;
    note("result %d", cop_app_start("a", COP_APP_TEMPORARY, NULL));
}

static void body_same(void *arg)
{
    cop_pid root;
    char name[64];
    (void)arg;
    kit_a.start_ns = 20 * COP_MS;
    load(&app_a);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(cop_spawn(NULL, starts_a, NULL, NULL), 0);
    cop_sleep(10 * COP_MS);
    running_are("");
    ck_assert_int_eq(cop_app_stop("a"), COP_ENOENT);
    ck_assert_int_eq(cop_app_unload("a"), COP_ERUNNING);
    ck_assert_int_eq(cop_app_get_supervisor("a", &root), COP_ENOENT);
    cop_sleep(20 * COP_MS);
    notes_are("a start|result 0|result 0|result 0|");
    ck_assert_int_eq(cop_app_of(a.pid, name), 0);
    kit_a.mode = "error";
    ck_assert_int_eq(cop_app_stop("a"), 0);
    notes_forget();
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(cop_spawn(NULL, starts_a, NULL, NULL), 0);
    cop_sleep(40 * COP_MS);
    notes_are("result -28|result -28|result -28|");
}
KID_TEST(starts_at_the_same_time_share_the_result, body_same)

static atomic_int stopped_a;

static void stops_a(void *arg)
{
    (void)arg;
    ck_assert_int_eq(cop_app_stop("a"), 0);
    atomic_fetch_add(&stopped_a, 1);
}

static void body_restart(void *arg)
{
    (void)arg;
    a.terminate_ns = 20 * COP_MS;
    load(&app_a);
    load(&app_b);
    starts("a", COP_APP_TEMPORARY);
    notes_forget();
    ck_assert_int_eq(cop_spawn(NULL, stops_a, NULL, NULL), 0);
    ck_assert_int_eq(cop_spawn(NULL, stops_a, NULL, NULL), 0);
    cop_sleep(10 * COP_MS);
    running_are("");
    ck_assert_int_eq(cop_app_unload("a"), COP_ERUNNING);
    fails("b", COP_EFAILED, "{not_running, \"a\"}");
    starts("a", COP_APP_PERMANENT);
    settle();
    notes_are("a prep_stop 1|a terminate shutdown|a stop 0|a start|");
    ck_assert_int_eq(atomic_load(&stopped_a), 2);
    running_are("a");
}

KID_TEST(start_waits_for_a_stop, body_restart)

/* ------------------------------------------------ from within callbacks -- */

static void asks_controller(void)
{
    running_are("d");
    starts("e", COP_APP_TEMPORARY);
    fails("a", COP_EDEADLOCK, "normal");
    running_are("e d");
}

static void stops_itself(void)
{
    char buf[8];
    ck_assert_int_eq(cop_app_stop("a"), COP_EDEADLOCK);
    ck_assert_int_eq(cop_app_get_env("a", "k", buf, 8), COP_ENOENT);
    note("asked");
}

static void body_inside(void *arg)
{
    (void)arg;
    kit_a.inside = asks_controller;
    kit_a.at_stop = stops_itself;
    load(&app_a);
    load(&app_d);
    load(&app_e);
    starts("d", COP_APP_TEMPORARY);
    starts("a", COP_APP_TEMPORARY);
    running_are("a e d");
    notes_forget();
    ck_assert_int_eq(cop_app_stop("a"), 0);
    notes_are("a prep_stop 1|a terminate shutdown|a stop 0|asked|");
}
KID_TEST(callbacks_may_ask, body_inside)

/* --------------------------------------------------------------- belonging */

static void first_caller(void *arg)
{
    (void)arg;
    cop_trap_exit(false);
    load(&app_a);
    starts("a", COP_APP_TEMPORARY);
    cop_exit(cop_because("boom"));
}

static void body_independent(void *arg)
{
    cop_pid controller;
    (void)arg;
    ck_assert_int_eq(cop_spawn(NULL, first_caller, NULL, NULL), 0);
    cop_sleep(20 * COP_MS);
    running_are("a");
    controller = cop_whereis("application_controller");
    ck_assert_int_eq(cop_ancestors(controller, NULL, 0), 0);
    cop_exit_signal(controller, cop_because("boom"));
    settle();
    running_are("a");
}
KID_TEST(first_caller_does_not_matter, body_independent)

static cop_pid grandchild;

static void idles(void *arg)
{
    const cop_msg *m;
    (void)arg;
    (void)!cop_recv(&m, COP_FOREVER);
}

static void spawns(void)
{
    ck_assert_int_eq(cop_spawn(&grandchild, idles, NULL, NULL), 0);
}

static void body_of(void *arg)
{
    char name[COP_APP_NAME_MAX + 1] = "";
    cop_pid chain[3];
    (void)arg;
    kit_a.inside = spawns;
    load(&app_a);
    load(&app_d);
    starts("a", COP_APP_TEMPORARY);
    starts("d", COP_APP_TEMPORARY);
    ck_assert_int_eq(cop_app_of(a.pid, name), 0);
    ck_assert_str_eq(name, "a");
    ck_assert_int_eq(cop_ancestors(a.pid, chain, 3), 3);
    ck_assert_int_eq(cop_app_of(chain[0], name), 0); /* root */
    ck_assert_int_eq(cop_app_of(chain[1], name), 0); /* master */
    ck_assert_int_eq(cop_app_of(chain[2], name), COP_ENOENT);
    ck_assert(cop_pid_eq(chain[2], cop_whereis("application_controller")));
    ck_assert_int_eq(cop_app_of(d.pid, name), 0);
    ck_assert_str_eq(name, "d");
    ck_assert_int_eq(cop_app_of(grandchild, name), 0);
    ck_assert_str_eq(name, "a");
    ck_assert_int_eq(cop_app_of(cop_self(), name), COP_ENOENT);
    ck_assert_int_eq(cop_app_of(cop_self(), NULL), COP_EINVAL);
    ck_assert_int_eq(cop_app_stop("d"), 0);
    ck_assert_int_eq(cop_app_of(d.pid, name), COP_ENOPROC);
}
KID_TEST(which_application_an_actor_belongs_to, body_of)

/* -------------------------------------------------------------- services -- */

static void body_services(void *arg)
{
    char text[COP_SYS_STATUS_TEXT];
    cop_pid controller;
    (void)arg;
    load(&app_a);
    load(&app_b);
    starts("a", COP_APP_TRANSIENT);
    controller = cop_whereis("application_controller");
    ck_assert_int_gt(
        cop_sys_get_status(controller, text, sizeof text, cop_in(COP_SEC)), 0);
    ck_assert(strstr(text, "application controller") != NULL);
    ck_assert(strstr(text, "a running transient") != NULL);
    ck_assert(strstr(text, "b loaded temporary") != NULL);
    ck_assert_int_eq(
        cop_sys_get_state(controller, text, sizeof text, cop_in(COP_SEC)),
        COP_ENOTSUP);
}
KID_TEST(controller_is_a_behaviour, body_services)

/* ------------------------------------------------------- foreign threads -- */

static void *thread(void *arg)
{
    cop_app_info info[4];
    (void)arg;
    for (int i = 0; i < 20; i++) {
        int err = cop_app_start("b", COP_APP_TEMPORARY, NULL);
        ck_assert(err == 0 || err == COP_ESTARTED);
        ck_assert_int_ge(cop_app_which(info, 4), 1);
        err = cop_app_stop("b");
        ck_assert(err == 0 || err == COP_ENOENT);
    }
    return NULL;
}

static const cop_app quiet = {.name = "b", NEEDS("a")};

START_TEST(threads)
{
    pthread_t t[3];
    started(2);
    load(&app_a);
    load(&quiet);
    ensures("b", 2, "normal");
    for (int i = 0; i < 3; i++)
        pthread_create(&t[i], NULL, thread, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
    ck_assert_int_eq(cop_app_unload("b"), 0);
    stopped();
    ck_assert_int_eq(cop_app_which(NULL, 0), COP_ESTOPPED);
}
END_TEST

/* Whoever comes first: there is one controller. */
static void *loads(void *arg)
{
    cop_app *app = arg;
    load(app);
    return NULL;
}

START_TEST(first_calls_at_once)
{
    static cop_app apps[4] = {
        {.name = "p"}, {.name = "q"}, {.name = "r"}, {.name = "s"}};
    pthread_t t[4];
    started(2);
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, loads, &apps[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    ck_assert_int_eq(cop_app_loaded(NULL, 0), 4);
    stopped();
}
END_TEST

/* --------------------------------------------------------- out of memory -- */

static void fine(int err)
{
    ck_assert_msg(err >= 0 || err == COP_ENOMEM || err == COP_EFAILED ||
                      err == COP_EDOWN || err == COP_ELIMIT ||
                      err == COP_ENOENT || err == COP_ESTARTED ||
                      err == COP_EPRESENT || err == COP_ERUNNING,
                  "%s", cop_error_str(err));
}

/* All that can be asked for, with the n-th allocation failing; then it is
 * made good what that has left undone. */
static void body_oom(void *arg)
{
    cop_app_info info[4];
    char buf[64];
    (void)arg;
    for (uint64_t n = 1, count = n; count + 1 >= n; n++) {
        cop_ext_fail_alloc(n, false);
        fine(cop_app_load(&app_a, NULL));
        fine(cop_app_load(&app_b, NULL));
        fine(cop_app_ensure_all_started("b", COP_APP_TEMPORARY, NULL));
        fine(cop_app_which(info, 4));
        fine(cop_app_set_env("a", "k", "v"));
        fine(cop_app_get_env("a", "k", buf, sizeof buf));
        fine(cop_app_config("a", &(cop_app_env){"k", "w"}, 1));
        fine(cop_app_of(a.pid.id != 0 ? a.pid : cop_self(), buf) == COP_ENOPROC
                 ? 0
                 : 1);
        fine(cop_app_stop("b"));
        count = cop_ext_alloc_count();
        cop_ext_fail_alloc(0, false);
        (void)cop_app_stop("b");
        (void)cop_app_stop("a");
        running_are("");
        (void)!cop_app_unload("b");
        (void)!cop_app_unload("a");
        names_are(false, "");
        notes_forget();
        ck_assert_uint_lt(n, 2000);
    }
}
KID_TEST(out_of_memory, body_oom)

static const TTest *const cases[] = {
    loading,
    bad_definitions_are_named,
    starting,
    dependencies_must_run,
    failed_starts,
    root_by_specification,
    library,
    phases,
    ensure_starts_in_order,
    ensure_undoes_what_it_did,
    cycles_and_the_unknown_are_named,
    long_chain,
    starts_at_the_same_time_share_the_result,
    start_waits_for_a_stop,
    callbacks_may_ask,
    first_caller_does_not_matter,
    which_application_an_actor_belongs_to,
    controller_is_a_behaviour,
    threads,
    first_calls_at_once,
    out_of_memory,
};
UNIT_MAIN("application_start", cases)
