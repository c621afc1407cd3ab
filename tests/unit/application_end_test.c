/* SPDX-License-Identifier: MIT
 *
 * application_end_test.c - how applications end: by a call, by themselves, with
 * the runtime; and whole programs. Where OTP has the same case, what is
 * expected is what tests/conformance/otp/application_rules.erl prints.
 */
#include <coppice/application.h>

#include "tests/support/app.h"
#include "tests/support/started.h"

#include <signal.h>
#include <unistd.h>

static const cop_app app_a = APP(a), app_b = APP(b), app_c = APP(c),
                     needs_a = APP(d, NEEDS("a"));

static void noted(const char *line)
{
    note("%s", line);
}

static const cop_config logged = {
    .workers = 2, .virtual_time = true, .log = noted};

#define LOGGED_TEST(test_name, body)                                           \
    START_TEST(test_name)                                                      \
    {                                                                          \
        actor_test(body, &logged);                                             \
    }                                                                          \
    END_TEST

/* Makes the root of an application end by itself. */
static void root_ends(const struct kit *k, cop_reason why)
{
    if (cop_reason_eq(why, COP_KILL))
        cop_exit_signal(k->root, why);
    else
        (void)!cop_server_stop(k->root, why, COP_FOREVER, NULL);
    cop_sleep(5 * COP_MS);
}

/* -------------------------------------------------------------- stopping -- */

static void body_stop(void *arg)
{
    (void)arg;
    load(&app_a);
    load(&needs_a);
    starts("a", COP_APP_PERMANENT);
    starts("d", COP_APP_PERMANENT);
    notes_forget();
    ck_assert_int_eq(cop_app_stop("a"), 0);
    notes_are("a prep_stop 1|a terminate shutdown|a stop 0|");
    running_are("d");
    ck_assert_int_eq(cop_app_stop("a"), COP_ENOENT);
    ck_assert_int_eq(cop_app_stop("nobody"), COP_ENOENT);
    ck_assert_int_eq(cop_app_stop(NULL), COP_EINVAL);
    ck_assert_int_eq(cop_app_stop("d"), 0);
    ck_assert_int_eq(cop_app_unload("a"), 0);
    ck_assert_int_eq(cop_app_unload("d"), 0);
}
LOGGED_TEST(stop_in_order_whatever_the_type, body_stop)

static void exits(void)
{
    cop_exit(cop_because("boom"));
}

static void prep_stop_exits(void *arg)
{
    (void)arg;
    note("prep_stop");
    exits();
}

static void body_crash(void *arg)
{
    static cop_app app = APP(a);
    (void)arg;
    app.prep_stop = prep_stop_exits;
    kit_a.at_stop = exits;
    load(&app);
    starts("a", COP_APP_PERMANENT);
    notes_forget();
    ck_assert_int_eq(cop_app_stop("a"), 0);
    notes_are("prep_stop|application a: prep_stop exited: boom|"
              "a terminate shutdown|a stop 0|"
              "application a: stop exited: boom|");
}
LOGGED_TEST(callbacks_that_crash, body_crash)

static cop_pid stray;

static void lives_on(void *arg)
{
    const cop_msg *m;
    (void)arg;
    cop_trap_exit(true);
    for (;;)
        (void)!cop_recv(&m, COP_FOREVER);
}

static void spawns_stray(void)
{
    ck_assert_int_eq(cop_spawn(&stray, lives_on, NULL, NULL), 0);
}

static void stray_lives(void)
{
    note("stray %d", cop_is_alive(stray));
}

/* One that a child of the tree spawns, which is gone by then. */
static void spawns_and_waits(void *arg)
{
    const cop_msg *m;
    (void)arg;
    spawns_stray();
    (void)!cop_recv(&m, COP_FOREVER);
}

static void body_stray(void *arg)
{
    static const cop_child kids[] = {{.id = "k", .fn = spawns_and_waits}};
    static const cop_sup sup = {CHILDREN(kids)};
    static const cop_app app = {.name = "x", .sup = &sup};
    (void)arg;
    kit_a.inside = spawns_stray;
    kit_a.at_stop = stray_lives;
    load(&app_a);
    load(&app);
    starts("a", COP_APP_TEMPORARY);
    notes_forget();
    ck_assert_int_eq(cop_app_stop("a"), 0);
    notes_are("a prep_stop 1|a terminate shutdown|a stop 0|stray 1|");
    ck_assert(!cop_is_alive(stray));
    starts("x", COP_APP_TEMPORARY);
    settle();
    ck_assert(cop_is_alive(stray));
    ck_assert_int_eq(cop_app_stop("x"), 0);
    ck_assert(!cop_is_alive(stray));
    kit_a.mode = "crash";
    starts("x", COP_APP_TEMPORARY);
    settle();
    fails("a", COP_EFAILED, "{bad_return, \"start exited: boom\"}");
    ck_assert(cop_is_alive(stray));
}
LOGGED_TEST(strays_are_killed, body_stray)

/* ------------------------------------------------------ ending by itself -- */

/* Three run; the one in the middle ends by itself. Every type and reason, as
 * OTP's table has it. */
static void ends(cop_app_type type, cop_reason why, const char *reason,
                 const char *controller_reason)
{
    static const char *const types[] = {"temporary", "transient", "permanent"};
    char want[512];
    const cop_msg *m;
    cop_ref ref;
    bool killed = cop_reason_eq(why, COP_KILL);
    b.trap = !killed; /* else it ends when it likes, if its supervisor is */
    load(&app_a);
    load(&app_b);
    load(&app_c);
    starts("a", COP_APP_TEMPORARY);
    starts("b", type);
    starts("c", COP_APP_TEMPORARY);
    notes_forget();
    ck_assert_int_eq(cop_monitor_name(&ref, "application_controller"), 0);
    root_ends(&kit_b, why);
    snprintf(want, sizeof want,
             "%sb prep_stop 0|b stop 0|application b (%s) ended: %s|%s",
             killed ? "" : "b terminate shutdown|", types[type], reason,
             controller_reason == NULL
                 ? ""
                 : "c prep_stop 1|c terminate shutdown|c stop 0|"
                   "a prep_stop 1|a terminate shutdown|a stop 0|");
    notes_are(want);
    if (controller_reason == NULL) {
        running_are("c a");
        ck_assert(cop_demonitor(ref, true));
        ck_assert_int_eq(cop_app_stop("a"), 0);
        ck_assert_int_eq(cop_app_stop("b"), 0);
        ck_assert_int_eq(cop_app_stop("b"), COP_ENOENT);
        ck_assert_int_eq(cop_app_stop("c"), 0);
        ck_assert_int_eq(cop_app_unload("a"), 0);
        ck_assert_int_eq(cop_app_unload("b"), 0);
        ck_assert_int_eq(cop_app_unload("c"), 0);
        return;
    }
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    reason_is(cop_msg_reason(m), controller_reason);
    names_are(false, "");
}

static void body_temporary(void *arg)
{
    (void)arg;
    ends(COP_APP_TEMPORARY, COP_NORMAL, "normal", NULL);
    ends(COP_APP_TEMPORARY, COP_SHUTDOWN, "shutdown", NULL);
    ends(COP_APP_TEMPORARY, cop_because("boom"), "boom", NULL);
    ends(COP_APP_TEMPORARY, COP_KILL, "killed", NULL);
}
LOGGED_TEST(temporary, body_temporary)

static void body_transient(void *arg)
{
    static const char orderly[] = "{shutdown, application_terminated}";
    (void)arg;
    ends(COP_APP_TRANSIENT, COP_NORMAL, "normal", NULL);
    ends(COP_APP_TRANSIENT, COP_SHUTDOWN, "shutdown", orderly);
    ends(COP_APP_TRANSIENT, cop_because("boom"), "boom",
         "{application_terminated, \"b: boom\"}");
    ends(COP_APP_TRANSIENT, COP_KILL, "killed",
         "{application_terminated, \"b: killed\"}");
}
LOGGED_TEST(transient, body_transient)

static void body_permanent(void *arg)
{
    static const char orderly[] = "{shutdown, application_terminated}";
    (void)arg;
    ends(COP_APP_PERMANENT, COP_NORMAL, "normal", orderly);
    ends(COP_APP_PERMANENT, COP_SHUTDOWN, "shutdown", orderly);
    ends(COP_APP_PERMANENT, cop_because("boom"), "boom",
         "{application_terminated, \"b: boom\"}");
    ends(COP_APP_PERMANENT, COP_KILL, "killed",
         "{application_terminated, \"b: killed\"}");
}
LOGGED_TEST(permanent, body_permanent)

/* Its supervisor gives up on a kid. */
static void body_intensity(void *arg)
{
    (void)arg;
    load(&app_a);
    starts("a", COP_APP_TEMPORARY);
    crash(&a, "boom");
    running_are("a");
    notes_forget();
    crash(&a, "boom");
    cop_sleep(5 * COP_MS);
    running_are("");
    notes_are("a terminate boom|a prep_stop 0|a stop 0|"
              "application a (temporary) ended: shutdown|");
    starts("a", COP_APP_TEMPORARY);
    running_are("a");
}
LOGGED_TEST(ended_one_can_be_started_again, body_intensity)

/* The root has gone before the master hears that it has come up. */
static void kills_root(void)
{
    cop_exit_signal(kit_a.root, COP_KILL);
    cop_sleep(5 * COP_MS);
}

static void body_early(void *arg)
{
    (void)arg;
    kit_a.inside = kills_root;
    a.trap = false;
    load(&app_a);
    starts("a", COP_APP_TEMPORARY);
    cop_sleep(5 * COP_MS);
    notes_are("a start|a prep_stop 0|a stop 0|"
              "application a (temporary) ended: killed|");
}
LOGGED_TEST(root_that_ends_at_once, body_early)

static cop_pid parent_of(cop_pid pid)
{
    cop_info info;
    ck_assert_int_eq(cop_info_get(pid, &info), 0);
    return info.parent;
}

/* Killed, a master has no time for callbacks; the tree ends all the same. */
static void body_master(void *arg)
{
    (void)arg;
    load(&app_a);
    load(&app_b);
    starts("a", COP_APP_TEMPORARY);
    starts("b", COP_APP_TEMPORARY);
    notes_forget();
    cop_exit_signal(parent_of(kit_a.root), COP_KILL);
    cop_sleep(5 * COP_MS);
    running_are("b");
    ck_assert(!cop_is_alive(kit_a.root) && !cop_is_alive(a.pid));
}
LOGGED_TEST(killed_master, body_master)

/* With the controller go its applications; a new one knows nothing. */
static void body_controller(void *arg)
{
    (void)arg;
    load(&app_a);
    starts("a", COP_APP_TEMPORARY);
    notes_forget();
    cop_exit_signal(cop_whereis("application_controller"), COP_KILL);
    cop_sleep(5 * COP_MS);
    notes_are("a prep_stop 1|a terminate shutdown|a stop 0|");
    names_are(false, "");
    load(&app_a);
    starts("a", COP_APP_TEMPORARY);
}
LOGGED_TEST(killed_controller, body_controller)

/* --------------------------------------------------- with the runtime -- */

static void asks_at_the_end(void)
{
    char buf[8];
    ck_assert_int_eq(cop_app_set_env("a", "k", "v"), 0);
    ck_assert_int_eq(cop_app_get_env("a", "k", buf, sizeof buf), 1);
    ck_assert_int_eq(cop_app_start("b", COP_APP_TEMPORARY, NULL), COP_ESTOPPED);
    running_are("c");
    note("asked");
}

START_TEST(runtime_stops)
{
    const cop_config config = {.workers = 2, .log = noted};
    ck_assert_int_eq(cop_start(&config), 0);
    load(&app_a);
    load(&app_b);
    load(&app_c);
    load(&needs_a);
    kit_a.at_stop = asks_at_the_end;
    a.terminate_ns = c.terminate_ns = 5 * COP_MS;
    starts("b", COP_APP_PERMANENT);
    starts("c", COP_APP_TRANSIENT);
    starts("a", COP_APP_PERMANENT);
    starts("d", COP_APP_TEMPORARY);
    ck_assert_int_eq(cop_app_stop("b"), 0);
    notes_forget();
    stopped();
    notes_are("d prep_stop 1|d terminate shutdown|d stop 0|"
              "a prep_stop 1|a terminate shutdown|a stop 0|asked|"
              "c prep_stop 1|c terminate shutdown|c stop 0|");
}
END_TEST

static void starts_b(void *arg)
{
    (void)arg;
    (void)!cop_app_start("b", COP_APP_TEMPORARY, NULL);
}

/* One that is starting is waited for, and stopped first. */
START_TEST(runtime_stops_during_a_start)
{
    const cop_config config = {.workers = 2, .log = noted};
    ck_assert_int_eq(cop_start(&config), 0);
    load(&app_a);
    load(&app_b);
    kit_b.start_ns = 50 * COP_MS;
    starts("a", COP_APP_TEMPORARY);
    ck_assert_int_eq(cop_spawn(NULL, starts_b, NULL, NULL), 0);
    nap(20 * COP_MS);
    notes_forget();
    stopped();
    notes_are("b start|b prep_stop 1|b terminate shutdown|b stop 0|"
              "a prep_stop 1|a terminate shutdown|a stop 0|");
}
END_TEST

/* Callers that are killed while they wait leak nothing (in a sanitizer build).
 */
static void ensures_d(void *arg)
{
    (void)arg;
    (void)!cop_app_ensure_all_started("d", COP_APP_TEMPORARY, NULL);
}

static void stops_a(void *arg)
{
    (void)arg;
    (void)cop_app_stop("a");
}

static void body_callers(void *arg)
{
    static const cop_fn fns[] = {ensures_d, stops_a};
    cop_pid pid;
    (void)arg;
    load(&app_a);
    load(&needs_a);
    kit_a.start_ns = a.terminate_ns = 10 * COP_MS;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(cop_spawn(&pid, fns[i], NULL, NULL), 0);
        cop_sleep(5 * COP_MS);
        cop_exit_signal(pid, COP_KILL);
        cop_sleep(20 * COP_MS);
        running_are(i == 0 ? "a" : "");
    }
}
LOGGED_TEST(killed_callers, body_callers)

/* ------------------------------------------------------------- programs -- */

static const cop_config quiet = {.workers = 2, .log = noted};

/* A kid that ends its application with `word` after a while. */
static void ends_program(void *arg)
{
    cop_sleep(5 * COP_MS);
    if (strcmp(arg, "TERM") == 0)
        kill(getpid(), SIGTERM);
    else
        cop_exit(kid_reason(arg));
    cop_sleep(COP_FOREVER);
}

static char word[16];
static const cop_child last_kid[] = {
    {.id = "k", .server = &kid_server, .arg = &b},
    {.id = "end",
     .fn = ends_program,
     .arg = word,
     .restart = COP_TRANSIENT,
     .significant = true}};
static const cop_sup last_sup = {CHILDREN(last_kid),
                                 .intensity = COP_INTENSITY_ZERO,
                                 .auto_shutdown = COP_AUTO_ANY};
static const cop_app last = {.name = "last", .sup = &last_sup, NEEDS("a")};
static const cop_app *const program[] = {&last, &app_a};

static void runs(const char *how, int want, const char *want_log)
{
    strcpy(word, how);
    ck_assert_int_eq(cop_app_run(program, 2, "last", &quiet), want);
    notes_are(want_log);
    ck_assert(!cop_is_running());
}

#define UP_AND_DOWN(between)                                                   \
    "a start|b start|b terminate shutdown|" between                            \
    "a prep_stop 1|a terminate shutdown|a stop 0|"

START_TEST(whole_programs)
{
    runs("normal", 0,
         UP_AND_DOWN("application last (permanent) ended: shutdown|"));
    runs("TERM", 128 + SIGTERM, UP_AND_DOWN(""));
    runs("normal", 0,
         UP_AND_DOWN("application last (permanent) ended: shutdown|"));
}
END_TEST

static int crashing_start(cop_pid *out, cop_app_type type, void *arg,
                          cop_reason *why)
{
    (void)type, (void)why;
    return cop_spawn(out, ends_program, arg, &(cop_opts){.link = true});
}

static const cop_app crasher = {
    .name = "x", .start = crashing_start, .arg = "boom", NEEDS("a")};

START_TEST(program_that_crashes)
{
    static const cop_app *const apps[] = {&app_a, &crasher};
    ck_assert_int_eq(cop_app_run(apps, 2, "x", &quiet), 1);
    notes_are("a start|application x (permanent) ended: boom|"
              "a prep_stop 1|a terminate shutdown|a stop 0|the first actor "
              "ended: {application_terminated, \"x: boom\"}|");
}
END_TEST

START_TEST(programs_that_do_not_start)
{
    static const cop_app *const twice[] = {&app_a, &app_a};
    static const cop_app *const null[] = {NULL};
    static const cop_app *const lacking[] = {&needs_a};
    ck_assert_int_eq(cop_app_run(twice, 2, "a", &quiet), 1);
    notes_are("the first actor ended: {already_loaded, \"a\"}|");
    ck_assert_int_eq(cop_app_run(null, 1, "a", &quiet), 1);
    notes_forget();
    ck_assert_int_eq(cop_app_run(twice, 1, "b", &quiet), 1);
    notes_are("the first actor ended: {not_loaded, \"b\"}|");
    ck_assert_int_eq(cop_app_run(lacking, 1, "d", &quiet), 1);
    notes_are("the first actor ended: {not_loaded, \"d needs a\"}|");
    kit_a.mode = "error";
    ck_assert_int_eq(cop_app_run(twice, 1, "a", &quiet), 1);
    notes_are("the first actor ended: {a, \"broken\"}|");
    ck_assert_int_eq(cop_app_run(NULL, 1, "a", &quiet), COP_EINVAL);
    ck_assert_int_eq(cop_app_run(twice, 1, NULL, &quiet), COP_EINVAL);
    started(1);
    ck_assert_int_eq(cop_app_run(twice, 1, "a", &quiet), COP_EALREADY);
    stopped();
}
END_TEST

static const TTest *const cases[] = {
    stop_in_order_whatever_the_type,
    callbacks_that_crash,
    strays_are_killed,
    temporary,
    transient,
    permanent,
    ended_one_can_be_started_again,
    root_that_ends_at_once,
    killed_master,
    killed_controller,
    killed_callers,
    runtime_stops,
    runtime_stops_during_a_start,
    whole_programs,
    program_that_crashes,
    programs_that_do_not_start,
};
UNIT_MAIN("application_end", cases)
