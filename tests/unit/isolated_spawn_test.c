/* SPDX-License-Identifier: MIT
 *
 * isolated_spawn_test.c - isolated actors spawn: in the program, each with the
 * isolated one for a parent; what cannot cross is refused.
 */
#include "tests/support/isolated.h"

enum { TAG_PID = 1, TAG_GO, TAG_ECHO, TAG_DONE };

struct task {
    cop_pid root;
    int number;
};

static int where; /* whose globals one sees: 1 in the program */

static int here(void)
{
    return where;
}

/* Tells who it is and what it got; ends when it is told to. */
static void reports(void *arg)
{
    const struct task *t = arg;
    const struct {
        cop_pid parent;
        int number, where;
    } r = {cop_parent(), t->number, here()};
    const cop_msg *m;
    must(cop_send(t->root, TAG_PID, &r, sizeof r) == 0);
    must(cop_recv_tag(&m, TAG_GO, COP_FOREVER) == 0);
    cop_exit(cop_because("told"));
}

static void expect_report(cop_pid parent, int number, int at, cop_pid *out)
{
    const struct {
        cop_pid parent;
        int number, where;
    } * r;
    const cop_msg *m;
    ck_assert_int_eq(cop_recv_tag(&m, TAG_PID, patience()), 0);
    r = cop_msg_body(m);
    ck_assert(cop_pid_eq(r->parent, parent));
    ck_assert_int_eq(r->number, number);
    ck_assert_int_eq(r->where, at);
    *out = cop_msg_sender(m);
}

static void in_the_program(void)
{
    where = 1;
}

/* ----------------------------------------------------------------- plain */

static void spawns_plain(void *arg)
{
    struct task t = *(struct task *)arg;
    cop_pid p = COP_NO_PID;
    const cop_msg *m;
    t.number++;
    must(cop_spawn(&p, reports, &t,
                   &(cop_opts){.arg_bytes = sizeof t, .name = "spawned"}) == 0);
    must(cop_is_alive(p));
    must(cop_pid_eq(cop_whereis("spawned"), p));
    must(cop_spawn(&p, reports, &t,
                   &(cop_opts){.arg_bytes = sizeof t, .name = "spawned"}) ==
         COP_ETAKEN);
    must(cop_pid_is_none(p));
    must(cop_recv_tag(&m, TAG_GO, COP_FOREVER) == 0);
}

static void body_plain(void *arg)
{
    struct task t = {cop_self(), 41};
    cop_ref down, of_new;
    cop_pid p;
    (void)arg;
    in_the_program();
    cop_pid iso = isolated_with(
        spawns_plain, &t, &(cop_opts){.arg_bytes = sizeof t, .monitor = &down});
    expect_report(iso, 42, 1, &p);
    ck_assert_int_eq(cop_monitor(&of_new, p), 0);
    ck_assert_int_eq(cop_send(iso, TAG_GO, NULL, 0), 0);
    ends_with(down, "normal");
    ck_assert(cop_is_alive(p)); /* it was not linked */
    ck_assert_int_eq(cop_send(p, TAG_GO, NULL, 0), 0);
    ends_with(of_new, "told");
}

START_TEST(spawns_in_the_program)
{
    isolated_test(body_plain);
}
END_TEST

/* ------------------------------------------------------------------ ties */

static void ends_at_once(void *arg)
{
    (void)arg;
    cop_exit(cop_because("quick"));
}

static void down_of(cop_pid p, cop_ref r, const char *why)
{
    const cop_msg *m;
    must(cop_recv_ref(&m, r, cop_in(10 * COP_SEC)) == 0);
    must(cop_msg_tag(m) == COP_DOWN);
    must(cop_pid_eq(cop_msg_sender(m), p));
    must(strcmp(cop_reason_name(cop_msg_reason(m)), why) == 0);
}

static void spawns_tied(void *arg)
{
    cop_pid p;
    cop_ref r;
    const cop_msg *m;
    (void)arg;
    for (int i = 0; i < 100; i++) {
        must(cop_spawn(&p, ends_at_once, NULL, &(cop_opts){.monitor = &r}) ==
             0);
        down_of(p, r, "quick");
        must(!cop_demonitor(r, true));
    }
    (void)cop_trap_exit(true);
    for (int i = 0; i < 100; i++) {
        must(cop_spawn(&p, ends_at_once, NULL,
                       &(cop_opts){.monitor = &r, .link = true}) == 0);
        must(cop_recv_tag(&m, COP_EXIT, cop_in(10 * COP_SEC)) == 0);
        must(cop_pid_eq(cop_msg_sender(m), p));
        down_of(p, r, "quick");
    }
    must(cop_recv(&m, COP_POLL) == COP_ETIMEDOUT);
    (void)cop_trap_exit(false);
    must(cop_spawn(&p, ends_at_once, NULL, &(cop_opts){.link = true}) == 0);
    must(cop_recv(&m, COP_FOREVER) == 0);
    must(false);
}

static void body_tied(void *arg)
{
    cop_ref down;
    (void)arg;
    isolated_with(spawns_tied, NULL, &(cop_opts){.monitor = &down});
    ends_with(down, "quick");
}

START_TEST(ties_are_made_with_the_spawn)
{
    isolated_test(body_tied);
}
END_TEST

static void waits(void *arg)
{
    const cop_msg *m;
    (void)arg;
    for (;;)
        must(cop_recv(&m, COP_FOREVER) == 0);
}

static void spawns_and_forgets(void *arg)
{
    cop_pid p;
    cop_ref r;
    const cop_msg *m;
    const struct task *t = arg;
    must(cop_spawn(&p, waits, NULL, &(cop_opts){.monitor = &r}) == 0);
    must(cop_demonitor(r, true));
    must(!cop_demonitor(r, true));
    must(cop_exit_signal(p, COP_KILL) == 0);
    must(cop_recv(&m, cop_in(20 * COP_MS)) == COP_ETIMEDOUT);
    must(cop_spawn(&p, waits, NULL, &(cop_opts){.link = true}) == 0);
    must(cop_send(t->root, TAG_DONE, &p, sizeof p) == 0);
    must(cop_recv(&m, COP_FOREVER) == 0);
}

/* Who is linked to it goes with it, whatever ends it. */
static void body_goes(void *arg)
{
    struct task t = {cop_self(), 0};
    const cop_msg *m;
    cop_ref down;
    (void)arg;
    cop_pid iso = isolated_with(spawns_and_forgets, &t,
                                &(cop_opts){.arg_bytes = sizeof t});
    ck_assert_int_eq(cop_recv_tag(&m, TAG_DONE, patience()), 0);
    ck_assert_int_eq(cop_monitor(&down, *cop_msg_as(m, cop_pid)), 0);
    ck_assert_int_eq(cop_exit_signal(iso, COP_KILL), 0);
    ends_with(down, "killed");
}

START_TEST(links_end_what_it_spawned)
{
    isolated_test(body_goes);
}
END_TEST

/* ------------------------------------------------------------------ seen */

static void spawns_to_be_seen(void *arg)
{
    const struct task *t = arg;
    char own[] = "on the stack";
    cop_pid p[3];
    cop_ref r;
    const cop_msg *m;
    must(cop_spawn(&p[0], waits, NULL, &(cop_opts){.label = own}) == 0);
    must(cop_spawn(&p[1], waits, NULL, &(cop_opts){.label = "constant"}) == 0);
    must(cop_spawn(&p[2], waits, NULL, &(cop_opts){.monitor = &r}) == 0);
    must(cop_send(t->root, TAG_DONE, p, sizeof p) == 0);
    must(cop_recv_tag(&m, TAG_GO, COP_FOREVER) == 0);
    must(cop_demonitor(r, true));
    must(cop_is_alive(p[2])); /* which it hears later */
    must(cop_send(t->root, TAG_DONE, p, sizeof p) == 0);
    must(cop_recv_tag(&m, TAG_GO, COP_FOREVER) == 0);
}

static void expect_watchers(cop_pid p, size_t n)
{
    cop_info info;
    ck_assert_int_eq(cop_info_get(p, &info), 0);
    ck_assert_uint_eq(info.monitored_by, n);
}

static void body_seen(void *arg)
{
    struct task t = {cop_self(), 0};
    const cop_msg *m;
    cop_pid p[3];
    cop_info info;
    (void)arg;
    cop_pid iso = isolated_with(spawns_to_be_seen, &t,
                                &(cop_opts){.arg_bytes = sizeof t});
    ck_assert_int_eq(cop_recv_tag(&m, TAG_DONE, patience()), 0);
    memcpy(p, cop_msg_body(m), sizeof p);
    ck_assert_int_eq(cop_info_get(p[0], &info), 0);
    ck_assert_ptr_null(info.label);
    ck_assert_int_eq(cop_info_get(p[1], &info), 0);
    ck_assert_str_eq(info.label, "constant");
    expect_watchers(p[2], 1);
    ck_assert_int_eq(cop_send(iso, TAG_GO, NULL, 0), 0);
    ck_assert_int_eq(cop_recv_tag(&m, TAG_DONE, patience()), 0);
    expect_watchers(p[2], 0);
    ck_assert_int_eq(cop_send(iso, TAG_GO, NULL, 0), 0);
}

START_TEST(labels_and_watchers_are_right)
{
    isolated_test(body_seen);
}
END_TEST

/* -------------------------------------------------------------- handlers */

struct count {
    int n;
};

static int count_init(void *state, void *arg)
{
    ((struct count *)state)->n = *(const int *)arg + here();
    return 0;
}

static void count_message(void *state, const cop_msg *m)
{
    struct count *c = state;
    c->n++;
    if (cop_msg_how(m) == COP_MSG_CALL)
        must(cop_reply(cop_msg_from(m), &c->n, sizeof c->n) == 0);
}

static const cop_handler count_handler = {.state_bytes = sizeof(struct count),
                                          .init = count_init,
                                          .message = count_message,
                                          .label = "count"};

static void spawns_handler(void *arg)
{
    int first = 5, got = 0;
    cop_pid p;
    (void)arg;
    must(cop_spawn_handler(&p, &count_handler, &first,
                           &(cop_opts){.arg_bytes = sizeof first}) == 0);
    must(cop_send(p, TAG_GO, NULL, 0) == 0);
    must(cop_call(p, TAG_ECHO, NULL, 0, &got, sizeof got,
                  cop_in(10 * COP_SEC)) == (int)sizeof got);
    must(got == 8);
}

static void body_handler(void *arg)
{
    cop_ref down;
    (void)arg;
    in_the_program();
    isolated_with(spawns_handler, NULL, &(cop_opts){.monitor = &down});
    ends_with(down, "normal");
}

START_TEST(spawns_handlers)
{
    isolated_test(body_handler);
}
END_TEST

/* -------------------------------------------------------------- isolated */

static void spawns_isolated(void *arg)
{
    struct task t = *(struct task *)arg;
    const cop_limits limits = {.descriptors = 64};
    cop_opts opts = {.arg_bytes = sizeof t,
                     .isolation = COP_ISOLATED,
                     .limits = &limits,
                     .link = true};
    cop_pid p;
    const cop_msg *m;
    if (t.number == 0) {
        reports(&t);
        return;
    }
    t.number--;
    must(cop_spawn(&p, spawns_isolated, &t, &opts) == 0);
    must(cop_recv(&m, COP_FOREVER) == 0);
}

static void body_isolated(void *arg)
{
    struct task t = {cop_self(), 3};
    cop_ref down;
    cop_pid last;
    const cop_msg *m;
    cop_info info;
    (void)arg;
    in_the_program();
    isolated_with(spawns_isolated, &t,
                  &(cop_opts){.arg_bytes = sizeof t, .monitor = &down});
    ck_assert_int_eq(cop_recv_tag(&m, TAG_PID, patience()), 0);
    last = cop_msg_sender(m);
    ck_assert_int_eq(cop_info_get(last, &info), 0);
    ck_assert(info.is_isolated);
    ck_assert_int_eq(cop_send(last, TAG_GO, NULL, 0), 0);
    ends_with(down, "told"); /* through four processes */
}

START_TEST(spawns_isolated_ones)
{
    isolated_test(body_isolated);
}
END_TEST

/* -------------------------------------------------------------- refusals */

static const int constant = 7;
static int global = 8;

static void tells(void *arg)
{
    int n = arg == (void *)&constant   ? 1
            : arg == (void *)&global   ? 2
            : arg == (void *)(size_t)3 ? 3
            : arg == NULL              ? 4
                                       : 5;
    (void)cop_send(cop_whereis("root"), TAG_DONE, &n, sizeof n);
}

static void release(void *arg)
{
    (void)arg;
}

static void spawns_badly(void *arg)
{
    static const cop_handler zeros; /* what most of memory looks like */
    cop_handler own = count_handler;
    int on_stack = 1;
    int *on_heap = malloc(sizeof *on_heap);
    char label[] = "on the stack";
    size_t large = (64 << 20) + 1;
    (void)arg;
    must(cop_spawn(NULL, tells, &on_stack, NULL) == COP_EINVAL);
    must(cop_spawn(NULL, tells, on_heap, NULL) == COP_EINVAL);
    must(cop_spawn(NULL, tells, on_heap, &(cop_opts){.arg_release = release}) ==
         COP_EINVAL);
    must(cop_spawn_handler(NULL, &own, NULL, NULL) == COP_EINVAL);
    must(cop_spawn_handler(NULL, &zeros, NULL, NULL) == COP_EINVAL);
    must(cop_spawn(NULL, (cop_fn)free, NULL, NULL) == COP_EINVAL);
    must(cop_spawn(NULL, (cop_fn)((uintptr_t)tells + 1), NULL, NULL) ==
         COP_EINVAL);
    must(cop_spawn(NULL, (cop_fn)(uintptr_t)&global, NULL, NULL) == COP_EINVAL);
    must(cop_spawn(NULL, (cop_fn)(uintptr_t)16, NULL, NULL) == COP_EINVAL);
    must(cop_spawn(NULL, tells, NULL, &(cop_opts){.name = ""}) == COP_ENAME);
    must(cop_spawn(NULL, tells, NULL,
                   &(cop_opts){.seccomp = COP_SECCOMP_COMPUTE}) == COP_EINVAL);
    void *block = malloc(large);
    must(cop_spawn(NULL, tells, block, &(cop_opts){.arg_bytes = large}) ==
         COP_ESIZE);
    free(block);
    must(cop_spawn(NULL, tells, (void *)(uintptr_t)&constant, NULL) == 0);
    must(cop_spawn(NULL, tells, &global, NULL) == 0);
    must(cop_spawn(NULL, tells, (void *)(size_t)3, NULL) == 0);
    must(cop_spawn(NULL, tells, NULL, &(cop_opts){.label = label}) == 0);
    free(on_heap);
}

static void body_badly(void *arg)
{
    cop_ref down;
    const cop_msg *m;
    int seen = 0;
    (void)arg;
    ck_assert_int_eq(cop_register("root", cop_self()), 0);
    isolated_with(spawns_badly, NULL, &(cop_opts){.monitor = &down});
    ends_with(down, "normal");
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(cop_recv_tag(&m, TAG_DONE, patience()), 0);
        seen |= 1 << *cop_msg_as(m, int);
    }
    ck_assert_int_eq(seen, 2 | 4 | 8 | 16);
    ck_assert_int_eq(cop_recv(&m, cop_in(5 * COP_MS)), COP_ETIMEDOUT);
}

START_TEST(refuses_what_cannot_cross)
{
    isolated_test(body_badly);
}
END_TEST

#ifndef ISOLATED_SANITIZED
static void spawns_confined(void *arg)
{
    (void)arg;
    must(cop_spawn(NULL, tells, NULL, NULL) == COP_ENOTSUP);
}

static void body_confined(void *arg)
{
    cop_ref down;
    const cop_msg *m;
    (void)arg;
    ck_assert_int_eq(cop_register("root", cop_self()), 0);
    isolated_with(
        spawns_confined, NULL,
        &(cop_opts){.monitor = &down, .seccomp = COP_SECCOMP_COMPUTE});
    ends_with(down, "normal");
    ck_assert_int_eq(cop_recv(&m, cop_in(5 * COP_MS)), COP_ETIMEDOUT);
}

START_TEST(a_profile_forbids_it)
{
    isolated_test(body_confined);
}
END_TEST
#endif

/* ----------------------------------------------------------------- races */

static void spawns_on(void *arg)
{
    const cop_pid *root = arg;
    cop_ref r[8];
    cop_pid p;
    for (;;) {
        for (int i = 0; i < 8; i++)
            must(cop_spawn(&p, ends_at_once, NULL,
                           &(cop_opts){.monitor = &r[i], .link = i == 7}) == 0);
        (void)root;
    }
}

/* Ended amid its spawns, by whom it has spawned or by us. */
static void body_amid(void *arg)
{
    cop_pid self = cop_self();
    (void)arg;
    for (int i = 0; i < 40; i++) {
        cop_ref down;
        char why[COP_REASON_TEXT];
        cop_pid p = isolated_with(
            spawns_on, &self,
            &(cop_opts){.arg_bytes = sizeof self, .monitor = &down});
        cop_sleep(i * 60 * COP_US);
        ck_assert_int_eq(cop_exit_signal(p, COP_KILL), 0);
        reason_of(down, why);
        ck_assert_msg(strcmp(why, "killed") == 0 || strcmp(why, "quick") == 0,
                      "%s", why);
    }
}

START_TEST(can_end_amid_spawns)
{
    isolated_test(body_amid);
}
END_TEST

static const TTest *const cases[] = {
    spawns_in_the_program,     ties_are_made_with_the_spawn,
    links_end_what_it_spawned, labels_and_watchers_are_right,
    spawns_handlers,           spawns_isolated_ones,
    refuses_what_cannot_cross,
#ifndef ISOLATED_SANITIZED
    a_profile_forbids_it,
#endif
    can_end_amid_spawns,
};
ISOLATED_MAIN("isolated_spawn", cases)
