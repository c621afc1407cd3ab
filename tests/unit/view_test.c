/* SPDX-License-Identifier: MIT
 *
 * view_test.c - what the live view says of a program: of supervisors, of one
 * that is stuck, of one under load, of one that is started and stopped.
 */
#include "actors/supervisor.h"
#include "actors/view.h"

#include "tests/support/view.h"

#include <coppice/chaos.h>
#include <coppice/sys.h>

/* --------------------------------------------------------- the document -- */

START_TEST(an_actor_is_shown)
{
    cop_pid pid;
    struct program p;
    const struct actor *a;

    viewed(2);
    pid = spawned(sleeper, "n\xc3\xb6", "lab");
    rests(pid);
    ck_assert_int_eq(cop_send(pid, 1, NULL, 0), 0);
    ck_assert_int_eq(cop_send(pid, 1, NULL, 0), 0);
    rests(pid);
    p = look(0);
    a = find(&p, pid);
    ck_assert_ptr_nonnull(a);
    ck_assert_str_eq(a->name, "n\xc3\xb6");
    ck_assert_str_eq(a->label, "lab");
    ck_assert_str_eq(a->status, "waiting");
    ck_assert_str_eq(a->wait, "receive");
    ck_assert_ptr_null(a->parent);
    ck_assert(a->queue == 2);
    ck_assert(a->memory > 0);
    ck_assert(p.live == 1 && p.omitted == 0);
    ck_assert_uint_eq(p.worker_count, 2);
    ck_assert(p.workers[0].turns + p.workers[1].turns > 0);
    ck_assert(p.workers[0].busy_ns >= 0);
    ck_assert(json_number(json_get(p.doc.root, "counters"), "spawned", 0) == 1);
    ck_assert(json_is_true(p.doc.root, "running"));
    program_free(&p);
    unviewed();
}
END_TEST

START_TEST(hostile_labels_stay_labels)
{
    static const char evil[] =
        "\"},{\\\x1b[2J\n\xff\xc3(\xed\xa0\x80\x7f\xe0\x80\x80";
    char *text;
    size_t n;

    own_folder();
    started(1);
    rests(spawned(sleeper, NULL, evil));
    ck_assert_int_eq(cop_view_json(&text, &n, 0), 0);
    ck_assert_uint_eq(strlen(text), n);
    ck_assert_ptr_nonnull(
        strstr(text, "\"label\":\"\\\"},{\\\\\\u001b[2J\\u000a\\ufffd\\ufffd("
                     "\\ufffd\\ufffd\\ufffd\\u007f\\ufffd\\ufffd\\ufffd\""));
    free(text);
    stopped();
    remove_folder();
}
END_TEST

/* By its name where nothing else names it; its address stays beside. */
START_TEST(a_function_has_its_name)
{
    const struct json *v;
    struct program p;
    char address[32];
    cop_pid pid;

    viewed(1);
    pid = spawned(sleeper, NULL, NULL);
    rests(pid);
    p = look(0);
    ck_assert_ptr_nonnull(find(&p, pid));
    ck_assert_str_eq(find(&p, pid)->function, "sleeper");
    ck_assert(find(&p, pid)->process == -1);
    ck_assert(find(&p, pid)->restarts == -1);
    v = json_get(p.doc.root, "actors")->first;
    snprintf(address, sizeof address, "0x%zx", (size_t)(uintptr_t)sleeper);
    ck_assert_str_eq(json_text(v, "function"), address);
    program_free(&p);
    unviewed();
}
END_TEST

START_TEST(names_are_looked_up_once_and_not_for_ever)
{
    struct copi_view_names names = {0};

    for (int i = 0; i < 3; i++)
        ck_assert_str_eq(copi_view_name_of(&names, (uintptr_t)sleeper),
                         "sleeper");
    ck_assert_uint_eq(names.lookups, 1);
    ck_assert_str_eq(copi_view_name_of(&names, 0), "");
    for (uintptr_t i = 0; i < 2000; i++)
        ck_assert_str_eq(copi_view_name_of(&names, 0x100 + i), "");
    ck_assert_uint_le(names.lookups, 256);
}
END_TEST

START_TEST(what_is_too_much_is_counted)
{
    struct program p;

    viewed(2);
    for (int i = 0; i < 50; i++)
        spawned(sleeper, NULL, NULL);
    p = look(10);
    ck_assert_uint_eq(p.actor_count, 10);
    ck_assert(p.live == 50 && p.omitted == 40);
    program_free(&p);
    unviewed();
}
END_TEST

/* --------------------------------------------------------- supervisors -- */

START_TEST(restarts_and_failures_are_shown)
{
    const struct json *failures, *f;
    const struct actor *a, *s;
    struct program p;
    cop_pid sup;

    viewed(2);
    sup = sup_up();
    crash_kid(sup);
    crash_kid(sup);
    p = look_until_answered(sup);
    s = find(&p, sup);
    a = find(&p, cop_whereis("the kid"));
    ck_assert_ptr_nonnull(s);
    ck_assert_ptr_nonnull(a);
    ck_assert_str_eq(s->strategy, "one_for_all");
    ck_assert_str_eq(a->parent, s->pid);
    ck_assert_uint_eq(a->depth, s->depth + 1);
    ck_assert_str_eq(a->child, "kid");
    ck_assert(a->restarts == 2);
    failures = json_get(p.doc.root, "failures");
    ck_assert_ptr_nonnull(failures);
    /* its sibling was ended with it: `killed`, or by its shutdown */
    ck_assert(json_number(p.doc.root, "failed", 0) >= 2);
    for (f = failures->first; f != NULL; f = f->next)
        if (json_text(f, "name") != NULL)
            break;
    ck_assert_ptr_nonnull(f);
    ck_assert_str_eq(json_text(f, "name"), "the kid");
    ck_assert_str_eq(json_text(f, "reason"), "broken");
    program_free(&p);
    unviewed();
}
END_TEST

static void fails(void *arg)
{
    cop_exit(cop_because_fmt("failed", "%d", *(int *)arg));
}

static void ends(void *arg)
{
    (void)arg;
    cop_exit(COP_SHUTDOWN);
}

/* Spawns one and waits until it has ended. */
static void spawn_and_wait(cop_fn fn, int *arg)
{
    cop_info info;
    cop_pid pid;

    ck_assert_int_eq(cop_spawn(&pid, fn, arg, NULL), 0);
    while (cop_info_get(pid, &info) == 0)
        nap(COP_MS / 10);
}

START_TEST(the_last_failures_are_kept_while_they_are_wanted)
{
    cop_failure f[COP_FAILURES];
    int i = 0;
    size_t n;

    started(2);
    spawn_and_wait(fails, &i);
    ck_assert_uint_eq(cop_failures_get(f, COP_FAILURES, &n), 0);
    ck_assert_uint_eq(n, 0);
    cop_failures_keep(true);
    spawn_and_wait(ends, NULL);
    for (i = 1; i <= COP_FAILURES + 4; i++)
        spawn_and_wait(fails, &i);
    ck_assert_uint_eq(cop_failures_get(f, COP_FAILURES, &n), COP_FAILURES + 4);
    ck_assert_uint_eq(n, COP_FAILURES);
    ck_assert_str_eq(f[0].reason, "{failed, \"20\"}");
    ck_assert_str_eq(f[15].reason, "{failed, \"5\"}");
    ck_assert(f[0].at >= f[15].at && f[0].serial > f[15].serial);
    ck_assert_uint_eq(cop_failures_get(f, 3, &n), COP_FAILURES + 4);
    ck_assert_uint_eq(n, 3);
    cop_failures_keep(false);
    spawn_and_wait(fails, &i);
    ck_assert_uint_eq(cop_failures_get(NULL, 0, NULL), COP_FAILURES + 4);
    stopped();
}
END_TEST

START_TEST(a_worker_is_described)
{
    cop_worker_info w;

    ck_assert_int_eq(cop_worker_get(0, &w), COP_ESTOPPED);
    started(2);
    ck_assert_int_eq(cop_worker_get(0, NULL), COP_EINVAL);
    ck_assert_int_eq(cop_worker_get(2, &w), COP_ENOENT);
    ck_assert_int_eq(cop_worker_get(1, &w), 0);
    ck_assert_int_ge(w.busy_ns, 0);
    stopped();
}
END_TEST

/* -------------------------------------------------------- what is stuck -- */

static atomic_int spinning, release_spinners;

static void spinner(void *arg)
{
    (void)arg;
    atomic_fetch_add(&spinning, 1);
    while (atomic_load(&release_spinners) == 0)
        ;
}

/* With slices that long nobody asks spinners to give way. */
static void stick_all_workers(unsigned workers)
{
    cop_config config = {.workers = workers, .slice_ns = 3600 * COP_SEC};

    own_folder();
    ck_assert_int_eq(cop_start(&config), 0);
    ck_assert_int_eq(cop_view_start(), 0);
}

START_TEST(a_program_whose_workers_are_all_stuck_is_visible)
{
    const struct actor *s;
    struct program p;
    cop_pid hog, sup;
    int64_t begun;

    stick_all_workers(1);
    sup = sup_up();
    hog = spawned(spinner, "hog", NULL);
    ck_assert(reaches(&spinning, 1));
    p = look(0);
    ck_assert_str_eq(find(&p, hog)->status, "running");
    ck_assert(p.workers[0].in_turn);
    s = find(&p, sup);
    ck_assert(s->is_sup && s->strategy == NULL);
    program_free(&p);
    begun = real_now();
    for (int i = 0; i < 5; i++) {
        p = look(0);
        /* nobody could answer, so nobody was asked */
        ck_assert(find(&p, sup)->queue == 0);
        program_free(&p);
    }
    ck_assert_int_lt(real_now() - begun, 800 * COP_MS * unit_slow());
    atomic_store(&release_spinners, 1);
    unviewed();
}
END_TEST

static atomic_int slow_enough;

static cop_next slow_init(void *state, void *arg)
{
    (void)state;
    (void)arg;
    while (atomic_load(&slow_enough) == 0)
        cop_sleep(COP_MS);
    return cop_next_wait();
}

static const cop_server slow_server = {.init = slow_init};

static void *start_slow(void *arg)
{
    const cop_child slow = {.id = "slow", .server = &slow_server};
    cop_pid pid;

    ck_assert_int_eq(cop_sup_start_child(*(cop_pid *)arg, &pid, &slow, NULL),
                     0);
    return NULL;
}

START_TEST(a_busy_supervisor_is_not_asked)
{
    struct program p;
    pthread_t t;
    cop_pid sup;
    cop_info i;

    viewed(2);
    sup = sup_up();
    ck_assert_int_eq(pthread_create(&t, NULL, start_slow, &sup), 0);
    do
        ck_assert_int_eq(cop_info_get(sup, &i), 0);
    while (i.wait == COP_WAIT_NONE);
    for (int n = 0; n < 3; n++) {
        p = look(0);
        ck_assert_ptr_null(find(&p, sup)->strategy);
        ck_assert(find(&p, sup)->queue == 0);
        program_free(&p);
    }
    atomic_store(&slow_enough, 1);
    pthread_join(t, NULL);
    unviewed();
}
END_TEST

/* It waits for services only: none of our questions joins what it has. */
START_TEST(a_suspended_supervisor_is_not_asked)
{
    struct program p;
    cop_pid sup;

    viewed(2);
    sup = sup_up();
    ck_assert_int_eq(cop_sys_suspend(sup, patience()), 0);
    rests(sup);
    for (int n = 0; n < 4; n++) {
        p = look(0);
        ck_assert_ptr_null(find(&p, sup)->strategy);
        ck_assert(find(&p, sup)->queue == 0);
        program_free(&p);
    }
    ck_assert_int_eq(cop_sys_resume(sup, patience()), 0);
    p = look_until_answered(sup);
    ck_assert_str_eq(find(&p, sup)->strategy, "one_for_all");
    program_free(&p);
    unviewed();
}
END_TEST

static cop_pid labelled_sup_up(const char *label)
{
    cop_pid sup;

    ck_assert_int_eq(
        cop_sup_start(&sup, &sup_spec, &(cop_opts){.label = label}, NULL), 0);
    rests(sup);
    return sup;
}

static void ignore(void *state, const cop_msg *m)
{
    (void)state;
    (void)m;
}

static const cop_handler impostor = {.message = ignore, .label = "supervisor"};

START_TEST(a_label_makes_no_supervisor_and_hides_none)
{
    struct program p;
    cop_pid sup, other;

    viewed(2);
    sup = labelled_sup_up("the boss");
    ck_assert_int_eq(cop_spawn_handler(&other, &impostor, NULL, NULL), 0);
    rests(other);
    p = look_until_answered(sup);
    ck_assert_str_eq(find(&p, sup)->strategy, "one_for_all");
    ck_assert(!find(&p, other)->is_sup);
    ck_assert(find(&p, other)->queue == 0);
    program_free(&p);
    unviewed();
}
END_TEST

/* None of their questions reaches those with the label "deaf". */
static void deafen(void)
{
    char plan[64];

    snprintf(plan, sizeof plan, "drop to=deaf tag=%u",
             (unsigned)COPI_SUP_WHICH);
    ck_assert_int_eq(cop_chaos_on(plan, NULL), 0);
}

static uint64_t questions(void)
{
    cop_chaos_rule rule;

    ck_assert_uint_eq(cop_chaos_rules(&rule, 1), 1);
    return rule.fired;
}

/* Supervisors note the restarts: who does not answer need not be asked. */
START_TEST(restarts_are_known_without_an_answer)
{
    struct program p;
    cop_pid sup;

    viewed(2);
    sup = labelled_sup_up("deaf");
    crash_kid(sup);
    crash_kid(sup);
    deafen();
    p = look(0);
    ck_assert(find(&p, sup)->is_sup);
    ck_assert_ptr_null(find(&p, sup)->strategy);
    ck_assert(find(&p, cop_whereis("the kid"))->restarts == 2);
    program_free(&p);
    unviewed();
}
END_TEST

static const cop_sup childless = {.strategy = COP_ONE_FOR_ALL};

/* Those who do not answer are waited for as long as one, all together. */
START_TEST(those_who_do_not_answer_have_little_time)
{
    const cop_opts opts = {.label = "deaf"};
    struct program p;
    int64_t begun;
    cop_pid pid;

    viewed(2);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(cop_sup_start(&pid, &childless, &opts, NULL), 0);
        rests(pid);
    }
    settles_at(20);
    deafen();
    begun = real_now();
    p = look(0);
    ck_assert_int_lt(real_now() - begun, COP_SEC * unit_slow());
    ck_assert_uint_ge(questions(), 1);
    ck_assert_uint_le(questions(), 2);
    ck_assert_ptr_null(find(&p, pid)->strategy);
    ck_assert(p.live == 20);
    program_free(&p);
    unviewed();
}
END_TEST

/* In time that stands still no deadline passes: nobody is asked. */
START_TEST(virtual_time_does_not_hold_it_up)
{
    cop_config config = {.workers = 1, .virtual_time = true};
    cop_counters before, after;
    char *text;
    cop_pid pid;

    ck_assert_int_eq(cop_start(&config), 0);
    ck_assert_int_eq(cop_sup_start(&pid, &childless, NULL, NULL), 0);
    rests(pid);
    cop_counters_get(&before);
    ck_assert_int_eq(cop_view_json(&text, NULL, 0), 0);
    cop_counters_get(&after);
    ck_assert_uint_eq(after.sent, before.sent);
    ck_assert_ptr_nonnull(strstr(text, "\"strategy\":null"));
    free(text);
    ck_assert_int_eq(cop_stop(COP_POLL, NULL), 0);
}
END_TEST

/* ----------------------------------------------------------- under load -- */

static atomic_int enough;

static void short_life(void *arg)
{
    cop_exit(arg == NULL ? COP_NORMAL : cop_because("short"));
}

static void churner(void *arg)
{
    const cop_opts opts = {.label = "\"short\"\n"};
    uint64_t n = 0;

    (void)arg;
    while (atomic_load(&enough) == 0) {
        ck_assert_int_eq(
            cop_spawn(NULL, short_life, n % 2 == 0 ? NULL : &enough, &opts), 0);
        if (++n % 16 == 0)
            cop_sleep(COP_MS / 2);
    }
}

START_TEST(a_thousand_looks_while_actors_come_and_go)
{
    struct program p, before;
    cop_counters c;
    cop_pid sup;

    viewed(2);
    sup = sup_up();
    for (int i = 0; i < 3; i++)
        spawned(churner, NULL, "churner");
    before = look(0);
    for (int i = 0; i < 1000; i++) {
        p = look(0);
        ck_assert_ptr_nonnull(find(&p, sup));
        program_compare(&p, &before);
        program_free(&before);
        before = p;
        if (i % 10 == 0)
            (void)cop_send(cop_whereis("the kid"), TAG_CRASH, NULL, 0);
    }
    program_free(&before);
    atomic_store(&enough, 1);
    cop_counters_get(&c);
    ck_assert_uint_gt(c.spawned, 100);
    unviewed();
}
END_TEST

/* The runtime goes and comes below a view that stays. */
START_TEST(the_runtime_may_be_restarted_below_it)
{
    struct program p;

    own_folder();
    ck_assert_int_eq(cop_view_start(), 0);
    for (int i = 0; i < 5; i++) {
        p = look(0);
        ck_assert(!json_is_true(p.doc.root, "running"));
        ck_assert(p.live == 0 && p.worker_count == 0);
        program_free(&p);
        started(2);
        sup_up();
        settles_at(3);
        p = look(0);
        ck_assert(json_is_true(p.doc.root, "running"));
        ck_assert(p.live == 3);
        program_free(&p);
        stopped();
    }
    cop_view_stop();
    remove_folder();
}
END_TEST

static void *look_for_ever(void *arg)
{
    (void)arg;
    while (atomic_load(&enough) == 0) {
        struct program p = look(0);
        program_free(&p);
    }
    return NULL;
}

START_TEST(stops_while_it_is_looked_at)
{
    pthread_t t;

    own_folder();
    ck_assert_int_eq(cop_view_start(), 0);
    ck_assert_int_eq(pthread_create(&t, NULL, look_for_ever, NULL), 0);
    for (int i = 0; i < 20; i++) {
        started(2);
        sup_up();
        stopped();
    }
    atomic_store(&enough, 1);
    pthread_join(t, NULL);
    cop_view_stop();
    remove_folder();
}
END_TEST

static const TTest *const cases[] = {
    an_actor_is_shown,
    hostile_labels_stay_labels,
    a_function_has_its_name,
    names_are_looked_up_once_and_not_for_ever,
    what_is_too_much_is_counted,
    restarts_and_failures_are_shown,
    the_last_failures_are_kept_while_they_are_wanted,
    a_worker_is_described,
    a_program_whose_workers_are_all_stuck_is_visible,
    a_busy_supervisor_is_not_asked,
    a_suspended_supervisor_is_not_asked,
    a_label_makes_no_supervisor_and_hides_none,
    restarts_are_known_without_an_answer,
    those_who_do_not_answer_have_little_time,
    virtual_time_does_not_hold_it_up,
    a_thousand_looks_while_actors_come_and_go,
    the_runtime_may_be_restarted_below_it,
    stops_while_it_is_looked_at};

UNIT_MAIN("view", cases)
