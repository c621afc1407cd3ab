/* SPDX-License-Identifier: MIT
 *
 * supervisor_admin_test.c - what one can ask of a supervisor; specifications
 * and what is copied of them; the tree as text.
 */
#include <coppice.h>

#include "tests/support/sup.h"

static const cop_child three[] = {SERVER(a),
                                  SERVER(b, .restart = COP_TRANSIENT),
                                  SERVER(c, .restart = COP_TEMPORARY)};
static const cop_sup three_spec = {.intensity = 5, CHILDREN(three)};

/* ---------------------------------------------------------- start_child -- */

static void body_start_child(void *arg)
{
    const cop_child dd = SERVER(d);
    cop_pid s = up(&three_spec), pid = COP_NO_PID;
    (void)arg;
    ck_assert_int_eq(cop_sup_start_child(s, &pid, &dd, NULL), 0);
    ck_assert(cop_pid_eq(pid, d.pid) && cop_pid_eq(d.parent, s));
    which_is(s, "a=up b=up c=up d=up");
    crash(&d, "boom");
    which_is(s, "a=up b=up c=up d=up");
    notes_forget();
    stop(s); /* it was added last, so it goes first */
    notes_are("d terminate shutdown|c terminate shutdown|"
              "b terminate shutdown|a terminate shutdown|");
}
KID_TEST(start_child, body_start_child)

static void body_start_child_that_exists(void *arg)
{
    cop_pid s = up(&three_spec), pid;
    (void)arg;
    ck_assert_int_eq(cop_sup_start_child(s, &pid, &three[0], NULL),
                     COP_ESTARTED);
    ck_assert(cop_pid_eq(pid, a.pid));
    crash(&b, "normal");
    ck_assert_int_eq(cop_sup_start_child(s, &pid, &three[1], NULL),
                     COP_EPRESENT);
    crash(&c, "normal"); /* a temporary one is forgotten */
    ck_assert_int_eq(cop_sup_start_child(s, &pid, &three[2], NULL), 0);
    which_is(s, "a=up b=undefined c=up");
}
KID_TEST(start_child_that_exists, body_start_child_that_exists)

static void body_start_child_fails(void *arg)
{
    const cop_child dd = SERVER(d), ee = SERVER(e, .restart = COP_TEMPORARY);
    cop_pid s = up(&three_spec), pid;
    cop_reason why;
    (void)arg;
    d.init = "fail:boom,ignore,ok";
    e.init = "ignore,ok";
    ck_assert_int_eq(cop_sup_start_child(s, &pid, &dd, &why), COP_EFAILED);
    reason_was(why, "boom");
    which_is(s, "a=up b=up c=up");
    ck_assert_int_eq(cop_sup_start_child(s, &pid, &dd, &why), COP_EIGNORE);
    which_is(s, "a=up b=up c=up d=undefined"); /* kept */
    ck_assert_int_eq(cop_sup_start_child(s, &pid, &ee, &why), COP_EIGNORE);
    which_is(s, "a=up b=up c=up d=undefined"); /* a temporary one is not */
    ck_assert_int_eq(cop_sup_restart_child(s, &pid, "d", &why), 0);
    ck_assert_int_eq(cop_sup_start_child(s, NULL, &ee, NULL), 0);
    which_is(s, "a=up b=up c=up d=up e=up");
}
KID_TEST(start_child_fails, body_start_child_fails)

static void body_start_child_name_taken(void *arg)
{
    const cop_child dd = SERVER(d, .opts.name = "svc"),
                    ee = ACTOR(e, .opts.name = "svc");
    cop_pid s = up(&three_spec), pid;
    cop_reason why;
    (void)arg;
    ck_assert_int_eq(cop_sup_start_child(s, &pid, &dd, NULL), 0);
    ck_assert_int_eq(cop_sup_start_child(s, &pid, &ee, &why), COP_EFAILED);
    ck_assert_str_eq(cop_reason_name(why), "already_started");
    cop_reason_release(why);
    ck_assert_int_eq(cop_sup_start_child(s, &pid, &ee, NULL), COP_EFAILED);
}
KID_TEST(start_child_name_taken, body_start_child_name_taken)

static void body_start_child_bad_spec(void *arg)
{
    cop_child bad = SERVER(d, .restart = COP_TRANSIENT, .significant = true);
    cop_pid s = up(&three_spec), pid;
    (void)arg;
    ck_assert_int_eq(cop_sup_start_child(s, &pid, &bad, NULL), COP_ESPEC);
    bad = (cop_child){.id = "x"};
    ck_assert_int_eq(cop_sup_start_child(s, &pid, &bad, NULL), COP_ESPEC);
    ck_assert_int_eq(cop_sup_start_child(s, &pid, NULL, NULL), COP_ESPEC);
    which_is(s, "a=up b=up c=up");
}
KID_TEST(start_child_bad_spec, body_start_child_bad_spec)

/* ------------------------------------------- terminate, restart, delete -- */

static void body_terminate_child(void *arg)
{
    cop_pid s = up(&three_spec);
    (void)arg;
    notes_forget();
    ck_assert_int_eq(cop_sup_terminate_child(s, "a"), 0);
    ck_assert_int_eq(cop_sup_terminate_child(s, "c"), 0);
    notes_are("a terminate shutdown|c terminate shutdown|");
    which_is(s, "a=undefined b=up");
    ck_assert_int_eq(cop_sup_terminate_child(s, "a"), 0); /* again */
    ck_assert_int_eq(cop_sup_terminate_child(s, "c"), COP_ENOENT);
    ck_assert_int_eq(cop_sup_terminate_child(s, ""), COP_ENOENT);
    ck_assert_int_eq(cop_sup_terminate_child(s, NULL), COP_EINVAL);
    ck_assert_int_eq(cop_sup_terminate_pid(s, b.pid), COP_ENOENT);
    which_is(s, "a=undefined b=up");
    mailbox_is_empty();
}
KID_TEST(terminate_child, body_terminate_child)

static void body_restart_child(void *arg)
{
    cop_pid s = up(&three_spec), pid;
    cop_reason why;
    (void)arg;
    ck_assert_int_eq(cop_sup_restart_child(s, &pid, "a", &why), COP_ERUNNING);
    ck_assert_int_eq(cop_sup_restart_child(s, &pid, "x", &why), COP_ENOENT);
    ck_assert_int_eq(cop_sup_terminate_child(s, "a"), 0);
    a.init = "ok,ignore,fail:boom,ok";
    ck_assert_int_eq(cop_sup_restart_child(s, &pid, "a", &why), COP_EIGNORE);
    ck_assert_int_eq(cop_sup_restart_child(s, &pid, "a", &why), COP_EFAILED);
    reason_was(why, "boom");
    which_is(s, "a=undefined b=up c=up"); /* and it is not tried again */
    ck_assert_int_eq(cop_sup_restart_child(s, &pid, "a", &why), 0);
    ck_assert(cop_pid_eq(pid, a.pid));
    crash(&b, "normal"); /* a transient one that ended */
    ck_assert_int_eq(cop_sup_restart_child(s, NULL, "b", NULL), 0);
    which_is(s, "a=up b=up c=up");
}
KID_TEST(restart_child, body_restart_child)

static void body_delete_child(void *arg)
{
    cop_pid s = up(&three_spec);
    (void)arg;
    ck_assert_int_eq(cop_sup_delete_child(s, "a"), COP_ERUNNING);
    ck_assert_int_eq(cop_sup_delete_child(s, "x"), COP_ENOENT);
    ck_assert_int_eq(cop_sup_terminate_child(s, "a"), 0);
    ck_assert_int_eq(cop_sup_delete_child(s, "a"), 0);
    ck_assert_int_eq(cop_sup_delete_child(s, "a"), COP_ENOENT);
    which_is(s, "b=up c=up");
    ck_assert_int_eq(cop_sup_start_child(s, NULL, &three[0], NULL), 0);
    which_is(s, "b=up c=up a=up");
}
KID_TEST(delete_child, body_delete_child)

static void body_dead_supervisor(void *arg)
{
    const cop_child dd = SERVER(d);
    cop_pid s = up(&three_spec), pid;
    cop_child_counts n;
    cop_child spec;
    (void)arg;
    stop(s);
    ck_assert_int_eq(cop_sup_start_child(s, &pid, &dd, NULL), COP_ENOPROC);
    ck_assert_int_eq(cop_sup_terminate_child(s, "a"), COP_ENOPROC);
    ck_assert_int_eq(cop_sup_terminate_pid(s, s), COP_ENOPROC);
    ck_assert_int_eq(cop_sup_restart_child(s, &pid, "a", NULL), COP_ENOPROC);
    ck_assert_int_eq(cop_sup_delete_child(s, "a"), COP_ENOPROC);
    ck_assert_int_eq(cop_sup_which_children(s, NULL, 0), COP_ENOPROC);
    ck_assert_int_eq(cop_sup_count_children(s, &n), COP_ENOPROC);
    ck_assert_int_eq(cop_sup_get_childspec(s, "a", &spec), COP_ENOPROC);
}
KID_TEST(dead_supervisor, body_dead_supervisor)

/* ----------------------------------------------------- while restarting -- */

static void asks_which(void *arg)
{
    which_is(*(cop_pid *)arg, "a=restarting b=up");
    note("asked");
}

static void body_restarting_shows(void *arg)
{
    const cop_child kids[] = {SERVER(a), SERVER(b)};
    const cop_sup spec = {.intensity = 5, CHILDREN(kids)};
    cop_pid s = up(&spec), pid;
    (void)arg;
    a.init = "ok,fail:one,fail:two,fail:three,ok";
    a.init_ns = 300 * COP_MS;
    crash(&a, "boom"); /* its restart is under way */
    ck_assert_int_eq(cop_spawn(NULL, asks_which, &s, NULL), 0);
    settle();
    /* each is served between two tries */
    ck_assert_int_eq(cop_sup_start_child(s, &pid, &kids[0], NULL),
                     COP_EPRESENT);
    ck_assert_int_eq(cop_sup_restart_child(s, &pid, "a", NULL),
                     COP_ERESTARTING);
    ck_assert_int_eq(cop_sup_delete_child(s, "a"), COP_ERESTARTING);
    counts_are(s, "2 2 0 2");
    which_is(s, "a=up b=up");
    notes_are("a start|b start|a terminate boom|a fail:one|asked|a fail:two|"
              "a fail:three|a start|");
}
KID_TEST(restarting_shows, body_restarting_shows)

static void body_terminate_cancels_retries(void *arg)
{
    const cop_child kids[] = {SERVER(a), SERVER(b)};
    const cop_sup spec = {.intensity = 5, CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    a.init = "ok,fail:one+";
    a.init_ns = 300 * COP_MS;
    crash(&a, "boom");
    ck_assert_int_eq(cop_sup_terminate_child(s, "a"), 0);
    cop_sleep(COP_SEC);
    which_is(s, "a=undefined b=up");
    notes_are("a start|b start|a terminate boom|a fail:one|");
}
KID_TEST(terminate_cancels_retries, body_terminate_cancels_retries)

/* -------------------------------------------------------- what is known -- */

static void body_which_children(void *arg)
{
    cop_child_info info[2] = {0};
    cop_pid s = up(&three_spec);
    (void)arg;
    crash(&a, "boom");
    crash(&b, "normal");
    ck_assert_int_eq(cop_sup_which_children(s, info, 2), 3);
    ck_assert_str_eq(info[0].id, "a");
    ck_assert(cop_pid_eq(info[0].pid, a.pid));
    ck_assert_int_eq(info[0].restart, COP_PERMANENT);
    ck_assert_uint_eq(info[0].restarts, 1);
    ck_assert(cop_pid_is_none(info[1].pid));
    ck_assert_int_eq(info[1].restart, COP_TRANSIENT);
    ck_assert_uint_eq(info[1].restarts, 0);
    ck_assert_int_eq(cop_sup_which_children(s, NULL, 0), 3);
    ck_assert_int_eq(cop_sup_which_children(s, NULL, 1), COP_EINVAL);
}
KID_TEST(which_children, body_which_children)

static void body_get_childspec(void *arg)
{
    cop_pid s = up(&three_spec);
    cop_child got;
    (void)arg;
    ck_assert_int_eq(cop_sup_get_childspec(s, "b", &got), 0);
    /* bit by bit what was given */
    ck_assert(got.id == three[1].id && got.server == &kid_server);
    ck_assert(got.arg == &b && got.restart == COP_TRANSIENT);
    ck_assert_int_eq(cop_sup_get_childspec(s, "x", &got), COP_ENOENT);
    ck_assert_int_eq(cop_sup_get_childspec(s, NULL, &got), COP_EINVAL);
    ck_assert_int_eq(cop_sup_get_childspec(s, "b", NULL), COP_EINVAL);
}
KID_TEST(get_childspec, body_get_childspec)

/* ------------------------------------------------------------- what is copied
 * -- */

static void shows_text(void *arg)
{
    const cop_msg *m;
    char *text = arg;
    note("text %s", text);
    text[0] = '#'; /* its own copy: the next one does not see it */
    ck_assert_int_eq(cop_recv_tag(&m, KID_CRASH, COP_FOREVER), 0);
}

static void body_specification_is_copied(void *arg)
{
    char id[8] = "kid", name[8] = "svc", text[8] = "hello";
    cop_child kids[] = {{.id = id,
                         .fn = shows_text,
                         .arg = text,
                         .arg_bytes = sizeof text,
                         .opts.name = name}};
    cop_sup low = {.intensity = 9, CHILDREN(kids)};
    cop_child top_kids[] = {SUP("low", low)};
    cop_sup top = {.intensity = 9, CHILDREN(top_kids)};
    cop_pid s = up(&top);
    cop_child added = kids[0];
    (void)arg;
    added.id = "more";
    added.opts.name = "svc2";
    settle();
    ck_assert_int_eq(cop_sup_start_child(s, NULL, &added, NULL), 0);
    settle();
    memset(kids, 0xee, sizeof kids);
    memset(top_kids, 0xee, sizeof top_kids);
    memset(&low, 0xee, sizeof low);
    memset(&top, 0xee, sizeof top);
    memset(&added, 0xee, sizeof added);
    memset(text, 'x', sizeof text);
    strcpy(name, "gone");
    strcpy(id, "gone");
    for (int i = 0; i < 3; i++) {
        kid_send(cop_whereis("svc"), KID_CRASH, 0, NULL);
        kid_send(cop_whereis("svc2"), KID_CRASH, 0, NULL);
        settle();
    }
    which_is(s, "low=up more=up");
    notes_are("text hello|text hello|text hello|text hello|text hello|"
              "text hello|text hello|text hello|");
}
KID_TEST(specification_is_copied, body_specification_is_copied)

static int by_hand; /* what the next start comes to */

static int starts_by_hand(cop_pid *out, void *arg, cop_reason *why)
{
    struct kid *k = arg;
    int n = by_hand;
    by_hand = n > 0 ? n + 1 : 0;
    k->trap = false;
    if (n == 1)
        return COP_EIGNORE;
    if (n == 2) {
        *why = cop_because_fmt("by_hand", "%d", n);
        return COP_EFAILED;
    }
    if (n == 3)
        return COP_ELIMIT;
    return cop_spawn(out, kid_actor, k, &(cop_opts){.link = true});
}

static void body_start_by_hand(void *arg)
{
    const cop_child kids[] = {
        {.id = "a", .start = starts_by_hand, .arg = &a},
        {.id = "b", .start = starts_by_hand, .arg = &b, .is_supervisor = true}};
    const cop_sup spec = {.intensity = 9, CHILDREN(kids)};
    cop_pid s = up(&spec), pid;
    cop_reason why;
    (void)arg;
    settle();
    counts_are(s, "2 2 1 1");
    ck_assert_int_eq(cop_sup_terminate_child(s, "a"), 0);
    by_hand = 1;
    ck_assert_int_eq(cop_sup_restart_child(s, &pid, "a", &why), COP_EIGNORE);
    ck_assert_int_eq(cop_sup_restart_child(s, &pid, "a", &why), COP_EFAILED);
    reason_was(why, "{by_hand, \"2\"}");
    ck_assert_int_eq(cop_sup_restart_child(s, &pid, "a", &why), COP_EFAILED);
    reason_was(why, "{start_failed, \"limit reached\"}");
    ck_assert_int_eq(cop_sup_restart_child(s, &pid, "a", &why), 0);
    settle();
    crash(&a, "boom");
    ck_assert_int_eq(cop_sup_terminate_child(s, "b"), 0);
    which_is(s, "a=up b=undefined");
}
KID_TEST(start_by_hand, body_start_by_hand)

/* ---------------------------------------------------------------- check -- */

static void wrong(const cop_sup *spec, const char *want)
{
    char text[256] = "?";
    int err = cop_sup_check(spec, text, sizeof text);
    ck_assert_str_eq(text, want);
    ck_assert_int_eq(err, want[0] == '\0' ? 0 : COP_ESPEC);
}

static void wrong_child(cop_child kid, cop_auto_shutdown mode, const char *want)
{
    const cop_sup spec = {
        .auto_shutdown = mode, .children = &kid, .nchildren = 1};
    wrong(&spec, want);
}

START_TEST(check_of_children)
{
    char long_id[80];
    memset(long_id, 'x', sizeof long_id - 1);
    long_id[79] = '\0';
    wrong_child((cop_child)SERVER(a), 0, "");
    wrong_child((cop_child){.fn = kid_actor}, 0, "child: id is missing");
    wrong_child((cop_child){.id = "", .fn = kid_actor}, 0,
                "child: id is missing");
    wrong_child((cop_child){.id = long_id, .fn = kid_actor}, 0,
                "child \"xxxxxxxxxxxxxxxxxxxx...\": id has more than 63 "
                "bytes");
    long_id[63] = '\0';
    wrong_child((cop_child){.id = long_id, .fn = kid_actor}, 0, "");
    wrong_child((cop_child){.id = "k"}, 0,
                "child \"k\": none of fn, server, sup and start is set");
    wrong_child((cop_child)SERVER(a, .fn = kid_actor), 0,
                "child \"a\": more than one of fn, server, sup and start is "
                "set");
    wrong_child((cop_child)SERVER(a, .restart = 7), 0,
                "child \"a\": restart is none of its three values");
    wrong_child((cop_child)SERVER(a, .significant = true), COP_AUTO_ANY,
                "child \"a\": significant is set, but restart is "
                "COP_PERMANENT");
    wrong_child(
        (cop_child)SERVER(a, .significant = true, .restart = COP_TEMPORARY), 0,
        "child \"a\": significant is set, but the supervisor's "
        "auto_shutdown is COP_AUTO_NEVER");
    wrong_child((cop_child)SERVER(a, .shutdown_ns = -2), 0,
                "child \"a\": shutdown_ns is negative");
    wrong_child((cop_child)SERVER(a, .shutdown_ns = COP_BRUTAL_KILL), 0, "");
    wrong_child((cop_child)SERVER(a, .opts.arg_bytes = 4), 0,
                "child \"a\": opts.arg_bytes is set (use arg_bytes of the "
                "child)");
    wrong_child((cop_child)SERVER(a, .opts.arg_release = free), 0,
                "child \"a\": opts.arg_release is set (each restart would "
                "need another argument)");
    const cop_sup none = {0};
    wrong_child((cop_child)SUP("k", none, .opts.mailbox_max = 9), 0,
                "child \"k\": opts.mailbox_max is set (a supervisor must not "
                "lose messages)");
    wrong_child((cop_child){.id = "k", .fn = kid_actor, .arg_bytes = 1}, 0,
                "child \"k\": arg_bytes is set, arg is NULL");
    wrong_child((cop_child)SERVER(a, .backoff = {.min_ns = 2, .max_ns = 1}), 0,
                "child \"a\": backoff.max_ns is less than backoff.min_ns");
    wrong_child((cop_child)SERVER(a, .backoff.jitter_percent = 101), 0,
                "child \"a\": backoff.jitter_percent is more than 100");
}
END_TEST

START_TEST(check_of_supervisors)
{
    const cop_child kids[] = {SERVER(a), SERVER(b), SERVER(a)};
    char small[8];
    wrong(NULL, "supervisor: NULL");
    wrong(&(cop_sup){0}, "");
    wrong(&(cop_sup){CHILDREN(kids)}, "child \"a\": id occurs twice");
    wrong(&(cop_sup){.children = kids, .nchildren = 2}, "");
    wrong(&(cop_sup){.nchildren = 1},
          "supervisor: nchildren is set, children is NULL");
    wrong(&(cop_sup){.strategy = 5},
          "supervisor: strategy is none of its five values");
    wrong(&(cop_sup){.intensity = -2}, "supervisor: intensity is negative");
    wrong(&(cop_sup){.period_ns = -1}, "supervisor: period_ns is negative");
    wrong(&(cop_sup){.auto_shutdown = 3},
          "supervisor: auto_shutdown is none of its three values");
    wrong(&(cop_sup){.strategy = COP_SIMPLE_ONE_FOR_ONE,
                     .children = kids,
                     .nchildren = 2},
          "supervisor: simple_one_for_one needs one child, the template");
    ck_assert_int_eq(cop_sup_check(NULL, small, sizeof small), COP_ESPEC);
    ck_assert_str_eq(small, "supervi");
    ck_assert_int_eq(cop_sup_check(NULL, NULL, 0), COP_ESPEC);
}
END_TEST

static cop_child ring_kids[2];
static const cop_sup ring = {.children = ring_kids, .nchildren = 2};

START_TEST(check_goes_all_the_way_down)
{
    const cop_child bad[] = {{.id = "leaf"}};
    const cop_sup low = {CHILDREN(bad)};
    const cop_child mid_kids[] = {SERVER(a), SUP("low", low)};
    const cop_sup mid = {CHILDREN(mid_kids)};
    const cop_child top_kids[] = {SUP("mid", mid)};
    const cop_sup top = {CHILDREN(top_kids)};
    char text[256];
    wrong(&top, "in \"mid\": in \"low\": child \"leaf\": none of fn, server, "
                "sup and start is set");
    /* one that contains itself, twice */
    ring_kids[0] = (cop_child)SUP("x", ring);
    ring_kids[1] = (cop_child)SUP("y", ring);
    ck_assert_int_eq(cop_sup_check(&ring, text, sizeof text), COP_ESPEC);
    ck_assert_msg(strstr(text, "contain itself") != NULL, "%s", text);
}
END_TEST

static void body_bad_specifications_do_not_start(void *arg)
{
    const cop_child twice[] = {SERVER(a), SERVER(a)};
    const cop_sup spec = {CHILDREN(twice)};
    const cop_sup simple = {.strategy = COP_SIMPLE_ONE_FOR_ONE};
    cop_reason why;
    cop_pid s;
    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(cop_sup_start(&s, &spec, NULL, &why), COP_ESPEC);
    ck_assert_str_eq(cop_reason_name(why), "start_spec");
    cop_reason_release(why);
    ck_assert_int_eq(cop_sup_start(&s, &simple, NULL, &why), COP_ESPEC);
    ck_assert_str_eq(cop_reason_name(why), "bad_start_spec");
    cop_reason_release(why);
    ring_kids[0] = (cop_child)SUP("x", ring);
    ring_kids[1] = (cop_child)SUP("y", ring);
    ck_assert_int_eq(cop_sup_start(&s, &ring, NULL, &why), COP_ESPEC);
    cop_reason_release(why);
    ck_assert_int_eq(cop_sup_start(&s, &ring, NULL, NULL), COP_ESPEC);
    ck_assert_int_eq(cop_sup_start(&s, NULL, NULL, NULL), COP_EINVAL);
    ck_assert_int_eq(cop_sup_start(NULL, &spec, NULL, NULL), COP_EINVAL);
    ck_assert_int_eq(
        cop_sup_start(&s, &three_spec, &(cop_opts){.mailbox_max = 9}, NULL),
        COP_EINVAL);
    mailbox_is_empty();
    notes_are("");
}
KID_TEST(bad_specifications_do_not_start, body_bad_specifications_do_not_start)

/* ----------------------------------------------------------------- tree -- */

/* The tree without pids: the last word of each line but the first. */
static void tree_is(cop_pid sup, const char *want)
{
    char text[2048], have[2048] = "";
    cop_sup_tree(sup, text, sizeof text);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char *last = strrchr(line, ' ');
        if (line[0] == ' ')
            *last = '\0';
        strcat(strcat(have, line), "\n");
    }
    ck_assert_str_eq(have, want);
}

static const cop_child leaves[] = {ACTOR(b), ACTOR(c)};
static const cop_sup low = {.strategy = COP_ONE_FOR_ALL, CHILDREN(leaves)};

static void body_tree(void *arg)
{
    const cop_child kids[] = {
        SERVER(a),
        SUP("pool", low),
        {.id = "long_name", .start = starts_by_hand, .arg = &d}};
    const cop_sup spec = {CHILDREN(kids)};
    char line[64], pid[COP_PID_TEXT];
    cop_pid s;
    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(
        cop_sup_start(&s, &spec, &(cop_opts){.name = "root"}, NULL), 0);
    settle();
    crash(&b, "boom");
    ck_assert_int_eq(cop_sup_terminate_child(s, "long_name"), 0);
    tree_is(s, "root one_for_one\n"
               "  a          server       up          restarts=0 \n"
               "  pool       one_for_all  up          restarts=0 \n"
               "    b        actor        up          restarts=1 \n"
               "    c        actor        up          restarts=1 \n"
               "  long_name  start        undefined   restarts=0 \n");
    /* cut to fit; the pid is the last word */
    cop_sup_tree(s, line, sizeof line);
    ck_assert_uint_eq(strlen(line), sizeof line - 1);
    cop_sup_tree(s, line, 1);
    ck_assert_str_eq(line, "");
    cop_sup_tree(a.pid, line, 0);
    char text[1024];
    cop_sup_tree(s, text, sizeof text);
    ck_assert(strstr(text, cop_pid_str(a.pid, pid, sizeof pid)) != NULL);
    stop(s);
    cop_sup_tree(s, text, sizeof text);
    ck_assert(strstr(text, " no such actor\n") != NULL);
}
KID_TEST(tree, body_tree)

static void body_tree_of_no_supervisor(void *arg)
{
    const cop_child kids[] = {
        {.id = "b", .start = starts_by_hand, .arg = &b, .is_supervisor = true}};
    const cop_sup spec = {CHILDREN(kids)};
    cop_pid s = up(&spec);
    char text[512];
    (void)arg;
    cop_sup_tree(s, text, sizeof text); /* b does not answer */
    ck_assert_msg(strstr(text, "  b  deadline passed  up") != NULL, "%s", text);
}
KID_TEST(tree_of_no_supervisor, body_tree_of_no_supervisor)

static const TTest *const cases[] = {
    start_child,
    start_child_that_exists,
    start_child_fails,
    start_child_name_taken,
    start_child_bad_spec,
    terminate_child,
    restart_child,
    delete_child,
    dead_supervisor,
    restarting_shows,
    terminate_cancels_retries,
    which_children,
    get_childspec,
    specification_is_copied,
    start_by_hand,
    check_of_children,
    check_of_supervisors,
    check_goes_all_the_way_down,
    bad_specifications_do_not_start,
    tree,
    tree_of_no_supervisor,
};
UNIT_MAIN("supervisor_admin", cases)
