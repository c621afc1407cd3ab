/* SPDX-License-Identifier: MIT
 *
 * chaos_switch_test.c - fault plans are switched on and off: by calls, by the
 * environment, from files, as a supervisor's child; and a tree under all of
 * them at once.
 */
#include "tests/support/chaos.h"

#include <unistd.h>

UNUSED static const cop_config logged = {.workers = 2, .log = keep_log};

static cop_next served(void *state, const cop_msg *m, cop_from from)
{
    (void)state;
    (void)m;
    (void)cop_reply(from, NULL, 0);
    return cop_next_wait();
}

/* ------------------------------------------------------------ switching -- */

static void switch_body(void *arg)
{
    cop_chaos_error e;
    char text[400];
    (void)arg;
    ck_assert(!cop_chaos_off());
    ck_assert(!cop_chaos_is_on());
    ck_assert_int_eq(cop_chaos_on("kill a; bogus", &e), COP_EINVAL);
    ck_assert_uint_eq(e.line, 1);
    ck_assert_uint_eq(e.column, 9);
    ck_assert_int_eq(cop_chaos_on(NULL, &e), COP_EINVAL);
    ck_assert_uint_eq(e.line, 0);
    ck_assert_int_eq(cop_chaos_on("kill", NULL), COP_EINVAL);
    ck_assert_int_eq(cop_chaos_on("errno mmap EIO", NULL), COP_ENOTSUP);
    ck_assert_int_eq(cop_chaos_check("drop p=1", NULL), 0);
    ck_assert(!cop_chaos_is_on());
    on("seed=3; fail thread nth=5; kill nobody every=1s");
    ck_assert(cop_chaos_is_on());
    ck_assert_int_eq(cop_chaos_on("delay 1s", &e), COP_EALREADY);
    ck_assert_str_eq(cop_chaos_text(text, sizeof text),
                     "1: fail thread nth=5: fired 0 of 0 (seed 3)\n"
                     "2: kill nobody every=1s: fired 0 of 0 (seed 3)\n");
    ck_assert_str_eq(cop_chaos_text(text, 10), "1: fail t");
    ck_assert(cop_chaos_off());
    ck_assert(!cop_chaos_off());
    ck_assert_uint_eq(cop_chaos_rules(NULL, 0), 2); /* they remain */
}

START_TEST(one_plan_at_a_time)
{
    ck_assert_int_eq(cop_chaos_on("drop", NULL), COP_ESTOPPED);
    actor_test(switch_body, NULL);
    ck_assert_int_eq(cop_chaos_on("drop", NULL), COP_ESTOPPED);
}
END_TEST

static void warn_body(void *arg)
{
    cop_ref ref;
    (void)arg;
    watched(&ref, idle, NULL, "worker");
    on("kill wroker every=10ms; kill wroker; drop from=wroker; fail spawn p=0");
    cop_sleep(COP_SEC);
    ck_assert_int_eq(cop_spawn(NULL, idle, NULL, NULL), 0);
    cop_chaos_off();
    ck_assert_int_eq(times_logged("rule 1 matches no actor: kill wroker every"),
                     1);
    ck_assert_int_eq(times_logged("rule 1 had no opportunity"), 0);
    ck_assert_int_eq(times_logged("rule 2 had no opportunity: kill wroker"), 1);
    ck_assert_int_eq(times_logged("rule 3 had no opportunity: drop from="), 1);
    ck_assert_int_eq(times_logged("rule 4"), 0);
}

START_TEST(who_matches_nobody_is_told_once)
{
    actor_test(warn_body, &in_virtual_time);
}
END_TEST

static atomic_int struck;

static void counts_exits(void *arg)
{
    const cop_msg *m;
    (void)arg;
    cop_trap_exit(true);
    for (;;) {
        ck_assert_int_eq(cop_recv_tag(&m, COP_EXIT, COP_FOREVER), 0);
        if (!cop_reason_is_injected(cop_msg_reason(m)))
            return; /* the runtime stops */
        atomic_fetch_add(&struck, 1);
    }
}

/* Only this actor and the plan's own live: those are never meant. */
START_TEST(the_plans_own_are_spared)
{
    started(2);
    ck_assert_int_eq(cop_spawn(NULL, counts_exits, NULL, NULL), 0);
    on("exit * boom every=1ms; exit * boom p=0.01; delay 1us");
    ck_assert(reaches(&struck, 20));
    ck_assert(cop_chaos_is_on());
    stopped();
    ck_assert_uint_ge(FIRED(0) + FIRED(1), 20);
}
END_TEST

/* --------------------------------------------------- environment, files -- */

START_TEST(the_environment_gives_a_plan)
{
    cop_config c = {.workers = 1, .log = keep_log};
    setenv("COP_FAULTS", "fail spawn nth=2", 1);
    ck_assert_int_eq(cop_start(&c), 0);
    ck_assert(cop_chaos_is_on());
    ck_assert_int_eq(cop_spawn(NULL, idle, NULL, NULL), 0);
    ck_assert_int_eq(cop_spawn(NULL, idle, NULL, NULL), COP_ENOMEM);
    stopped();
    ck_assert(!cop_chaos_is_on());
    setenv("COP_FAULTS", "", 1);
    ck_assert_int_eq(cop_start(&c), 0);
    ck_assert(!cop_chaos_is_on());
    stopped();
    setenv("COP_FAULTS", "fail spawn\nfail spwan", 1);
    ck_assert_int_eq(cop_start(&c), COP_EINVAL);
    ck_assert_int_eq(times_logged("COP_FAULTS: line 2, column 6: expected a "
                                  "fault point, one of alloc map thread spawn, "
                                  "found `spwan`"),
                     1);
    ck_assert(!cop_is_running());
    unsetenv("COP_FAULTS");
    ck_assert_int_eq(cop_start(&c), 0);
    stopped();
}
END_TEST

static void write_file(const char *path, const char *text, size_t n)
{
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(text, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
}

START_TEST(a_file_holds_a_plan)
{
    static char big[70000];
    char path[64] = "/tmp/coppice-chaos-XXXXXX", at[80];
    cop_chaos_error e;
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    snprintf(at, sizeof at, "@%s", path);
    write_file(path, "# two\ndrop\n\nkill x\n", 19);
    ck_assert_int_eq(cop_chaos_check(at, &e), 0);
    write_file(path, "drop\nkil x\n", 11);
    ck_assert_int_eq(cop_chaos_check(at, &e), COP_EINVAL);
    ck_assert_uint_eq(e.line, 2);
    write_file(path, "drop\0x", 6);
    ck_assert_int_eq(cop_chaos_check(at, &e), COP_EINVAL);
    ck_assert_uint_eq(e.line, 0);
    memset(big, ' ', sizeof big);
    write_file(path, big, 65536);
    ck_assert_int_eq(cop_chaos_check(at, &e), 0);
    write_file(path, big, 65537);
    ck_assert_int_eq(cop_chaos_check(at, &e), COP_ESIZE);
    started(1);
    write_file(path, "fail spawn", 10);
    ck_assert_int_eq(cop_chaos_on(at, &e), 0);
    ck_assert_int_eq(cop_spawn(NULL, idle, NULL, NULL), COP_ENOMEM);
    stopped();
    unlink(path);
    ck_assert_int_eq(cop_chaos_check(at, &e), COP_ENOENT);
    ck_assert_int_eq(cop_chaos_check("@", &e), COP_ENOENT);
}
END_TEST

/* --------------------------------------------------------------- a child -- */

static atomic_int echo_starts;

static cop_next echo_init(void *state, void *arg)
{
    (void)state;
    (void)arg;
    atomic_fetch_add(&echo_starts, 1);
    return cop_next_wait();
}

static const cop_server counted_echo = {
    .label = "echo", .init = echo_init, .call = served};

static void child_body(void *arg)
{
    cop_pid sup, chaos = COP_NO_PID;
    cop_child kids[2] = {{.id = "echo", .server = &counted_echo}};
    cop_sup spec = {.intensity = 100, .children = kids, .nchildren = 2};
    (void)arg;
    kids[1] = cop_chaos_child("kill echo every=10ms; drop kind=reply p=0");
    cop_trap_exit(true);
    ck_assert_int_eq(cop_sup_start(&sup, &spec, NULL, NULL), 0);
    ck_assert(cop_chaos_is_on());
    cop_sleep(55 * COP_MS);
    ck_assert_int_eq(atomic_load(&echo_starts), 6);
    cop_child_info info[2];
    ck_assert_int_eq(cop_sup_which_children(sup, info, 2), 2);
    chaos = info[1].pid;
    ck_assert_str_eq(info[1].id, "chaos");
    ck_assert_uint_eq(info[0].restarts, 5);
    (void)cop_exit_signal(chaos, COP_KILL); /* restarted, with a fresh plan */
    cop_sleep(COP_MS);
    ck_assert(cop_chaos_is_on());
    ck_assert_uint_eq(SEEN(0), 0);
    cop_sleep(15 * COP_MS);
    ck_assert_uint_eq(FIRED(0), 1);
    ck_assert_int_eq(cop_sup_terminate_child(sup, "chaos"), 0);
    ck_assert(!cop_chaos_is_on());
    int starts = atomic_load(&echo_starts);
    cop_sleep(COP_SEC);
    ck_assert_int_eq(atomic_load(&echo_starts), starts);
}

START_TEST(a_child_keeps_a_plan_on)
{
    actor_test(child_body, &in_virtual_time);
}
END_TEST

static void bad_child_body(void *arg)
{
    char text[COP_REASON_TEXT];
    cop_reason why;
    cop_pid sup;
    cop_child kids[2] = {cop_chaos_child("drop from=?*"),
                         cop_chaos_child("drop p=x")};
    cop_sup spec = {.children = kids, .nchildren = 2};
    (void)arg;
    cop_trap_exit(true);
    kids[0].id = "first";
    ck_assert_int_eq(cop_sup_start(&sup, &spec, NULL, &why), COP_EDOWN);
    cop_reason_release(why);
    ck_assert(!cop_chaos_is_on());
    spec.nchildren = 1;
    ck_assert_int_eq(cop_sup_start(&sup, &spec, NULL, NULL), 0);
    cop_pid p;
    ck_assert_int_eq(cop_sup_start_child(sup, &p, &kids[1], &why), COP_EFAILED);
    ck_assert_str_eq(cop_reason_str(why, text, sizeof text),
                     "{bad_plan, \"line 1, column 8: expected a number from 0 "
                     "to 1, found `x`\"}");
    cop_reason_release(why);
    kids[1] = cop_chaos_child("drop from=?*");
    ck_assert_int_eq(cop_sup_start_child(sup, &p, &kids[1], &why), COP_EFAILED);
    ck_assert_str_eq(cop_reason_name(why), "chaos");
    cop_reason_release(why);
    ck_assert(cop_chaos_is_on()); /* the first one's */
    cop_chaos_off();
}

START_TEST(a_bad_plan_fails_its_child)
{
    actor_test(bad_child_body, NULL);
}
END_TEST

/* Two workers, a tree under all kinds at once, and whoever calls into it. */
static void stress_body(void *arg)
{
    static cop_child kids[5];
    static char names[4][16];
    cop_sup spec = {.intensity = 1000000, .children = kids, .nchildren = 5};
    cop_pid sup;
    (void)arg;
    cop_trap_exit(true);
    for (int i = 0; i < 4; i++) {
        snprintf(names[i], sizeof names[i], "echo.%d", i);
        kids[i] = (cop_child){.id = names[i],
                              .server = &counted_echo,
                              .opts = {.name = names[i]}};
    }
    kids[4] = cop_chaos_child(
        "kill echo.* p=0.01; exit echo.* boom p=0.01; exit echo.* late "
        "every=1ms; drop tag=1 p=0.05; drop kind=reply p=0.02; delay tag=1 "
        "1us..200us p=0.1; duplicate p=0.05 tag=1; duplicate kind=reply p=0.05;"
        "slow echo.1 x3 p=0.5; hang echo.2 50us p=0.05; fail map p=0.1");
    ck_assert_int_eq(cop_sup_start(&sup, &spec, NULL, NULL), 0);
    int answered = 0;
    for (int i = 0; i < 1000; i++) {
        char name[16];
        snprintf(name, sizeof name, "echo.%d", i % 4);
        int rc = cop_call_name(name, TAG_WORK, NULL, 0, NULL, 0,
                               cop_in(2 * COP_MS * actor_test_slow()));
        ck_assert(rc == 0 || rc == COP_ETIMEDOUT || rc == COP_EDOWN ||
                  rc == COP_ENOPROC);
        answered += rc == 0;
    }
    ck_assert_int_gt(answered, 10);
    ck_assert(cop_chaos_off());
    cop_sleep(5 * COP_MS);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(cop_call_name(names[i], TAG_WORK, NULL, 0, NULL, 0,
                                       cop_in(10 * COP_SEC)),
                         0);
    ck_assert_int_eq(cop_server_stop(sup, COP_SHUTDOWN, COP_FOREVER, NULL), 0);
}

START_TEST(a_tree_survives_all_at_once)
{
    size_t before = cop_ext_bytes_in_use();
    actor_test(stress_body, &logged);
    ck_assert_uint_eq(cop_ext_bytes_in_use(), before);
}
END_TEST

static const TTest *const cases[] = {
    one_plan_at_a_time,         who_matches_nobody_is_told_once,
    the_plans_own_are_spared,   the_environment_gives_a_plan,
    a_file_holds_a_plan,        a_child_keeps_a_plan_on,
    a_bad_plan_fails_its_child, a_tree_survives_all_at_once,
};
UNIT_MAIN("chaos_switch", cases)
