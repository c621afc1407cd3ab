/* SPDX-License-Identifier: MIT
 *
 * supervisor_end_test.c - supervisors below each other, and how they end: by
 * giving up, automatic shutdown, their parent, a kill; what they ignore.
 */
#include <coppice.h>

#include "tests/support/sup.h"

/* --------------------------------------------------------------- nested -- */

static const cop_child inner_kids[] = {SERVER(b), SERVER(c)};
static const cop_sup inner = {CHILDREN(inner_kids)};

static void body_nested(void *arg)
{
    const cop_child kids[] = {SERVER(a), SUP("inner", inner), SERVER(d)};
    const cop_sup spec = {CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    notes_are("a start|b start|c start|d start|");
    counts_are(s, "3 3 1 2");
    crash(&b, "boom");
    notes_are("b terminate boom|b start|");
    crash(&b, "boom"); /* the inner one gives up, and is restarted */
    notes_are("b terminate boom|c terminate shutdown|b start|c start|");
    which_is(s, "a=up inner=up d=up");
    stop(s);
    notes_are("d terminate shutdown|c terminate shutdown|"
              "b terminate shutdown|a terminate shutdown|");
}
KID_TEST(nested, body_nested)

static void body_nested_give_up_in_turn(void *arg)
{
    const cop_child kids[] = {SUP("inner", inner)};
    const cop_sup spec = {CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    notes_forget();
    for (int i = 0; i < 4; i++)
        crash(&b, "boom");
    got_exit(s, "shutdown");
    settle();
    notes_are("b terminate boom|b start|b terminate boom|"
              "c terminate shutdown|b start|c start|"
              "b terminate boom|b start|b terminate boom|"
              "c terminate shutdown|");
}
KID_TEST(nested_give_up_in_turn, body_nested_give_up_in_turn)

static void body_nested_start_failure(void *arg)
{
    const cop_child kids[] = {SERVER(a), SUP("inner", inner)};
    const cop_sup spec = {CHILDREN(kids)};
    cop_reason why;
    cop_pid s;
    (void)arg;
    cop_trap_exit(true);
    c.init = "fail:boom";
    ck_assert_int_eq(cop_sup_start(&s, &spec, NULL, &why), COP_EDOWN);
    reason_was(why, "{shutdown, failed_to_start_child}");
    notes_are("a start|b start|c fail:boom|b terminate shutdown|"
              "a terminate shutdown|");
}
KID_TEST(nested_start_failure, body_nested_start_failure)

static void body_nested_transient_gives_up(void *arg)
{
    const cop_child kids[] = {
        SERVER(a),
        SUP("inner", inner, .restart = COP_TRANSIENT, .significant = true)};
    const cop_sup spec = {.auto_shutdown = COP_AUTO_ANY, CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    notes_forget();
    crash(&b, "boom");
    crash(&b, "boom"); /* `shutdown` is an orderly end, and significant */
    got_exit(s, "shutdown");
    notes_are("b terminate boom|b start|b terminate boom|"
              "c terminate shutdown|a terminate shutdown|");
}
KID_TEST(nested_transient_gives_up, body_nested_transient_gives_up)

static void body_killed_supervisor(void *arg)
{
    const cop_child kids[] = {SERVER(a), SUP("inner", inner)};
    const cop_sup spec = {CHILDREN(kids)};
    cop_pid s = up(&spec), in;
    cop_child_info info[2];
    (void)arg;
    ck_assert_int_eq(cop_sup_which_children(s, info, 2), 2);
    ck_assert(info[1].is_supervisor && !info[0].is_supervisor);
    notes_forget();
    in = info[1].pid;
    cop_exit_signal(in, COP_KILL); /* its children trap: their parent's EXIT */
    settle();
    ck_assert_int_eq(cop_sup_which_children(s, info, 2), 2);
    ck_assert(!cop_pid_eq(in, info[1].pid));
    ck_assert_uint_eq(info[1].restarts, 1);
    ck_assert(strstr(notes_text, "b terminate killed|") != NULL);
    ck_assert(strstr(notes_text, "c terminate killed|") != NULL);
    cop_exit_signal(s, COP_KILL);
    got_exit(s, "killed");
    settle();
    ck_assert(!cop_is_alive(a.pid) && !cop_is_alive(b.pid));
}
KID_TEST(killed_supervisor, body_killed_supervisor)

static void body_slow_grandchild_is_left_behind(void *arg)
{
    const cop_child kids[] = {SUP("inner", inner, .shutdown_ns = 100 * COP_MS)};
    const cop_sup spec = {CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    c.terminate_ns = 2 * COP_SEC;
    stop(s); /* kills the inner one, which waits for c */
    settle();
    ck_assert(cop_is_alive(c.pid));
    ck_assert(!cop_is_alive(b.pid));
    cop_sleep(3 * COP_SEC);
    ck_assert(!cop_is_alive(c.pid));
}
KID_TEST(slow_grandchild_is_left_behind, body_slow_grandchild_is_left_behind)

/* -------------------------------------------------------- auto shutdown -- */

static void body_auto_any(void *arg)
{
    const cop_child kids[] = {
        SERVER(a), SERVER(b, .restart = COP_TRANSIENT, .significant = true),
        SERVER(c, .restart = COP_TEMPORARY)};
    const cop_sup spec = {
        .auto_shutdown = COP_AUTO_ANY, .intensity = 5, CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    notes_forget();
    crash(&c, "boom");                                    /* insignificant */
    crash(&b, "boom");                                    /* a restart */
    ck_assert_int_eq(cop_sup_terminate_child(s, "b"), 0); /* not by itself */
    ck_assert_int_eq(cop_sup_restart_child(s, NULL, "b", NULL), 0);
    which_is(s, "a=up b=up");
    notes_forget();
    crash(&b, "normal");
    notes_are("b terminate normal|a terminate shutdown|");
    got_exit(s, "shutdown");
}
KID_TEST(auto_any, body_auto_any)

static void body_auto_all(void *arg)
{
    const cop_child kids[] = {
        SERVER(a), SERVER(b, .restart = COP_TRANSIENT, .significant = true),
        SERVER(c, .restart = COP_TEMPORARY, .significant = true)};
    const cop_sup spec = {.auto_shutdown = COP_AUTO_ALL, CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    crash(&c, "boom");
    ck_assert(cop_is_alive(s));
    notes_forget();
    crash(&b, "shutdown");
    notes_are("b terminate shutdown|a terminate shutdown|");
    got_exit(s, "shutdown");
}
KID_TEST(auto_all, body_auto_all)

static void body_auto_temporary(void *arg)
{
    const cop_child kids[] = {
        SERVER(a), SERVER(b, .restart = COP_TEMPORARY, .significant = true)};
    const cop_sup spec = {.auto_shutdown = COP_AUTO_ANY, CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    crash(&b, "boom");
    got_exit(s, "shutdown");
}
KID_TEST(auto_temporary, body_auto_temporary)

/* --------------------------------------------------------- EXIT, strays -- */

static void body_strangers_are_ignored(void *arg)
{
    const cop_child kids[] = {SERVER(a)};
    const cop_sup spec = {CHILDREN(kids)};
    cop_pid s = up(&spec), stranger;
    (void)arg;
    ck_assert_int_eq(cop_spawn(&stranger, kid_actor, &b, NULL), 0);
    settle();
    notes_forget();
    cop_exit_signal(s, cop_because("x")); /* from the parent? no: see below */
    got_exit(s, "x");
    s = up(&spec);
    notes_forget();
    kid_send(s, KID_NOTE, 0, NULL);
    kid_tell(s, KID_NOTE, 0, NULL);
    ck_assert_int_eq(
        cop_call(s, KID_NOTE, NULL, 0, NULL, 0, cop_in(100 * COP_MS)),
        COP_ETIMEDOUT);
    which_is(s, "a=up");
    notes_are("");
}
KID_TEST(strangers_are_ignored, body_strangers_are_ignored)

static void signals_shutdown(void *arg)
{
    cop_exit_signal(*(cop_pid *)arg, COP_SHUTDOWN);
    ck_assert_int_eq(cop_link(*(cop_pid *)arg), 0);
    cop_exit(cop_because("boom"));
}

static void body_exit_of_a_stranger(void *arg)
{
    const cop_child kids[] = {SERVER(a)};
    const cop_sup spec = {CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    ck_assert_int_eq(cop_spawn(NULL, signals_shutdown, &s, NULL), 0);
    settle();
    which_is(s, "a=up");
    notes_are("a start|");
}
KID_TEST(exit_of_a_stranger, body_exit_of_a_stranger)

static void parent(void *arg)
{
    cop_pid s;
    const cop_msg *m;
    ck_assert_int_eq(cop_sup_start(&s, arg, NULL, NULL), 0);
    ck_assert_int_eq(cop_recv_tag(&m, KID_CRASH, COP_FOREVER), 0);
    cop_exit(kid_reason(cop_msg_as(m, struct kid_msg)->word));
}

static void body_parent_ends(void *arg)
{
    static const char *const reasons[] = {"boom", "normal", "shutdown:x"};
    const cop_child kids[] = {SERVER(a), SERVER(b)};
    const cop_sup spec = {CHILDREN(kids)};
    char want[COP_REASON_TEXT];
    const cop_msg *m;
    cop_ref ref;
    cop_pid p;
    (void)arg;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(cop_spawn(&p, parent, (void *)&spec, NULL), 0);
        settle();
        ck_assert_int_eq(cop_monitor(&ref, a.parent), 0);
        notes_forget();
        kid_send(p, KID_CRASH, 0, reasons[i]);
        ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
        cop_reason_str(kid_reason(reasons[i]), want, sizeof want);
        reason_is(cop_msg_reason(m), want);
        notes_are("b terminate shutdown|a terminate shutdown|");
    }
}
KID_TEST(parent_ends, body_parent_ends)

static void body_unlinked_child(void *arg)
{
    const cop_child kids[] = {SERVER(a), SERVER(b)};
    const cop_sup spec = {CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    kid_send(a.pid, KID_UNLINK, 0, NULL);
    settle();
    crash(&a, "boom");
    which_is(s, "a=up b=up"); /* it does not know */
    counts_are(s, "2 1 0 2");
    ck_assert_int_eq(cop_sup_terminate_child(s, "a"), 0);
    which_is(s, "a=undefined b=up");
    /* and one that unlinked is stopped like others */
    kid_send(b.pid, KID_UNLINK, 0, NULL);
    settle();
    notes_forget();
    stop(s);
    settle();
    ck_assert(!cop_is_alive(b.pid));
}
KID_TEST(unlinked_child, body_unlinked_child)

static void body_server_is_the_parent(void *arg)
{
    const cop_child kids[] = {SERVER(a)};
    const cop_sup spec = {CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    ck_assert_int_eq(cop_server_stop(s, cop_because("done"), COP_FOREVER, NULL),
                     0);
    got_exit(s, "done");
    notes_are("a start|a terminate shutdown|");
}
KID_TEST(stop_with_a_reason, body_server_is_the_parent)

/* -------------------------------------------------------------- foreign -- */

START_TEST(foreign_thread)
{
    static const cop_child kids[] = {SERVER(a), SUP("inner", inner)};
    static const cop_sup spec = {CHILDREN(kids)};
    static const cop_child bad_kids[] = {SERVER(a), SERVER(a)};
    static const cop_sup bad = {CHILDREN(bad_kids)};
    cop_reason why;
    cop_pid s;
    ck_assert_int_eq(cop_sup_start(&s, &spec, NULL, &why), COP_ESTOPPED);
    ck_assert_int_eq(cop_start(&(cop_config){.workers = 2}), 0);
    ck_assert_int_eq(cop_sup_start(&s, &bad, NULL, &why), COP_ESPEC);
    reason_was(why, "{start_spec, \"child \\\"a\\\": id occurs twice\"}");
    ck_assert_int_eq(cop_sup_start(&s, &spec, NULL, &why), 0);
    which_is(s, "a=up inner=up");
    counts_are(s, "2 2 1 1");
    ck_assert_int_eq(cop_sup_terminate_child(s, "a"), 0);
    ck_assert_int_eq(cop_sup_restart_child(s, NULL, "a", NULL), 0);
    notes_forget();
    ck_assert_int_eq(cop_stop(cop_in(5 * COP_SEC), NULL), 0);
    notes_are("c terminate shutdown|b terminate shutdown|"
              "a terminate shutdown|");
    ck_assert_int_eq(cop_sup_terminate_child(s, "a"), COP_ESTOPPED);
}
END_TEST

static const TTest *const cases[] = {
    nested,
    nested_give_up_in_turn,
    nested_start_failure,
    nested_transient_gives_up,
    killed_supervisor,
    slow_grandchild_is_left_behind,
    auto_any,
    auto_all,
    auto_temporary,
    strangers_are_ignored,
    exit_of_a_stranger,
    parent_ends,
    unlinked_child,
    stop_with_a_reason,
    foreign_thread,
};
UNIT_MAIN("supervisor_end", cases)
