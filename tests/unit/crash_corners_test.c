/* SPDX-License-Identifier: MIT
 *
 * crash_corners_test.c - native faults where one hardly expects them: at every
 * stage of a death that began with a fault, in a supervisor's own callback, in
 * who listens to reports of crashes, in what prints them.
 */
#include "tests/support/death.h"
#include "tests/support/kid.h"
#include "tests/support/native.h"
#include "tests/support/started.h"

#include <coppice/report.h>
#include <unistd.h>

enum { TAG_GO = 1, TAG_TRAP, TIMES = 100 };

#define FAULT "{fault, SIGSEGV, 0x0}"

static void *volatile null;
static volatile int sink;
static volatile int forever = 1;

static void reads_null(void)
{
    sink = *(volatile int *)null;
}

__attribute__((noinline)) static void overflows(int n)
{
    volatile char frame[512];
    frame[0] = (char)n;
    if (forever)
        overflows(n + 1);
    sink = frame[0];
}

/* ------------------------------------------------------------ every stage --
 */

static atomic_int stages;

static void in_release(void *body, size_t size)
{
    (void)body, (void)size;
    atomic_fetch_add(&stages, 1);
    reads_null();
}

static void in_formatter(const void *arg, char *buf, size_t size)
{
    (void)arg, (void)buf, (void)size;
    atomic_fetch_add(&stages, 1);
    overflows(0);
}

static void in_clean_up(void *arg)
{
    (void)arg;
    atomic_fetch_add(&stages, 1);
    overflows(0);
}

static void in_arg_release(void *arg)
{
    (void)arg;
    atomic_fetch_add(&stages, 1);
    abort();
}

static int prepares(void *state, void *arg)
{
    cop_msg *m;
    int rc = 0;

    (void)state;
    for (int i = 0; i < 2; i++) {
        rc += cop_defer(in_clean_up, arg);
        rc += cop_msg_new_moved(&m, TAG_TRAP, arg, 1, in_release);
        rc += cop_send_msg(cop_self(), m);
    }
    return rc + cop_set_formatter(in_formatter, arg);
}

static void in_message(void *state, const cop_msg *m)
{
    (void)state, (void)m;
    atomic_fetch_add(&stages, 1);
    reads_null();
}

static void in_terminate(void *state, cop_reason why)
{
    (void)state, (void)why;
    atomic_fetch_add(&stages, 1);
    reads_null();
}

static const cop_handler faulty = {
    .init = prepares, .message = in_message, .terminate = in_terminate};

static void stages_half(void *arg)
{
    static char something;
    cop_ref ref;

    (void)arg;
    for (int i = 0; i < TIMES; i++) {
        ck_assert_int_eq(
            cop_spawn_handler(
                NULL, &faulty, &something,
                &(cop_opts){.monitor = &ref, .arg_release = in_arg_release}),
            0);
        down_says(ref, "{fault, abort}"); /* its last word */
    }
}

/* Two at a time, so that each crashes while others do and are reported. */
static void stages_body(void *arg)
{
    cop_ref ref[2];

    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(
            cop_spawn(NULL, stages_half, arg, &(cop_opts){.monitor = &ref[i]}),
            0);
    for (int i = 0; i < 2; i++)
        down_says(ref[i], "normal");
    /* message, formatter, terminate, two clean-ups, argument, two bodies */
    ck_assert_int_eq(atomic_load(&stages), 2 * TIMES * 8);
}

static void no_line(const char *line)
{
    (void)line;
}

START_TEST(at_every_stage_of_a_death)
{
    actor_test(stages_body, &(cop_config){.workers = 2, .log = no_line});
}
END_TEST

static void never_begins(void *arg)
{
    (void)arg;
    note("ran");
}

static void unborn_body(void *arg)
{
    static char something;
    cop_ref ref;
    cop_pid pid;

    (void)arg;
    for (int i = 0; i < TIMES; i++) {
        ck_assert_int_eq(cop_spawn(&pid, never_begins, &something,
                                   &(cop_opts){.monitor = &ref,
                                               .arg_release = in_arg_release}),
                         0);
        cop_exit_signal(pid, COP_KILL);
        down_says(ref, "killed");
    }
    ck_assert_int_eq(atomic_load(&stages), TIMES);
    notes_are("");
}

START_TEST(before_its_first_turn)
{
    actor_test(unborn_body, &(cop_config){.workers = 1, .log = no_line});
}
END_TEST

/* ------------------------------------------------------------ supervisors --
 */

static atomic_int starts, faulty_start;

static void waits_for_go(void *arg)
{
    const cop_msg *m;
    (void)arg;
    (void)!cop_recv_tag(&m, TAG_GO, COP_FOREVER);
    cop_exit(cop_because("done"));
}

/* In the supervisor's own turn. */
static int starts_or_faults(cop_pid *out, void *arg, cop_reason *why)
{
    (void)arg, (void)why;
    if (atomic_fetch_add(&starts, 1) == atomic_load(&faulty_start))
        reads_null();
    return cop_spawn(out, waits_for_go, NULL,
                     &(cop_opts){.link = true, .name = "kid"});
}

static const cop_child kids[] = {{.id = "kid", .start = starts_or_faults}};
static const cop_sup inner = {.children = kids, .nchildren = 1, .intensity = 9};
static const cop_child inners[] = {{.id = "inner", .sup = &inner}};
static const cop_sup outer = {
    .children = inners, .nchildren = 1, .intensity = 9};

static void first_start_body(void *arg)
{
    char text[COP_REASON_TEXT];
    cop_reason why;
    cop_pid pid;

    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(cop_sup_start(&pid, &inner, NULL, &why), COP_EDOWN);
    ck_assert_str_eq(cop_reason_str(why, text, sizeof text), FAULT);
    cop_reason_release(why);
}

START_TEST(a_supervisor_faults_at_its_start)
{
    actor_test(first_start_body, &(cop_config){.log = no_line});
}
END_TEST

/* The kid ends, its supervisor faults as it restarts it, the next one above
 * restarts that. */
static void restart_body(void *arg)
{
    cop_pid pid, before, after;

    (void)arg;
    cop_trap_exit(true);
    atomic_store(&faulty_start, 1);
    ck_assert_int_eq(cop_sup_start(&pid, &outer, NULL, NULL), 0);
    before = cop_whereis("kid");
    ck_assert_int_eq(cop_send(before, TAG_GO, NULL, 0), 0);
    do {
        cop_sleep(COP_MS);
        after = cop_whereis("kid");
    } while (cop_pid_is_none(after) || cop_pid_eq(before, after));
    ck_assert_int_eq(atomic_load(&starts), 3);
    ck_assert(cop_is_alive(pid));
    ck_assert_int_eq(cop_server_stop(pid, COP_SHUTDOWN, COP_FOREVER, NULL), 0);
}

START_TEST(a_supervisor_faults_at_a_restart)
{
    actor_test(restart_body, &(cop_config){.workers = 2, .log = no_line});
}
END_TEST

/* ------------------------------------------------------- those who listen --
 */

static atomic_int reports;

static void listens_and_faults(void *arg)
{
    const cop_msg *m;

    (void)arg;
    cop_crash_reports_to(cop_self());
    note("listens");
    ck_assert_int_eq(cop_recv_tag(&m, COP_CRASH_REPORT, COP_FOREVER), 0);
    atomic_fetch_add(&reports, 1);
    reads_null();
}

static void faults(void *arg)
{
    (void)arg;
    reads_null();
}

static void listener_body(void *arg)
{
    const cop_child kid = {.id = "listener", .fn = listens_and_faults};
    const cop_sup sup = {.children = &kid, .nchildren = 1, .intensity = 100};
    cop_ref ref;
    cop_pid pid;

    (void)arg;
    ck_assert_int_eq(cop_sup_start(&pid, &sup, NULL, NULL), 0);
    for (int i = 1; i <= 20; i++) {
        cop_sleep(2 * COP_SEC); /* a second has only so many reports */
        notes_are("listens|");
        ck_assert_int_eq(
            cop_spawn(NULL, faults, NULL, &(cop_opts){.monitor = &ref}), 0);
        down_says(ref, FAULT);
        settle();
        ck_assert_int_eq(atomic_load(&reports), i);
    }
}

START_TEST(who_listens_to_reports_may_fault)
{
    actor_test(
        listener_body,
        &(cop_config){.workers = 2, .virtual_time = true, .log = no_line});
}
END_TEST

static void faulty_line(const char *line)
{
    if (strstr(line, "crash: actor") != NULL)
        reads_null();
}

static void prints_faultily(void)
{
    if (cop_start(&(cop_config){.workers = 2, .log = faulty_line}) == 0 &&
        cop_spawn(NULL, faults, NULL, NULL) == 0)
        sleep(20);
}

/* Nobody else could tell. */
START_TEST(what_prints_reports_must_not_fault)
{
    char said[8192];

    ck_assert_int_eq(death_signal(prints_faultily, said, sizeof said), SIGSEGV);
    ck_assert_ptr_nonnull(strstr(said, "on a thread that runs no actors"));
}
END_TEST

static const TTest *const cases[] = {
    at_every_stage_of_a_death,        before_its_first_turn,
    a_supervisor_faults_at_its_start, a_supervisor_faults_at_a_restart,
    who_listens_to_reports_may_fault, what_prints_reports_must_not_fault,
};
NATIVE_MAIN("crash_corners", cases)
