/* SPDX-License-Identifier: MIT
 *
 * isolated_actors_test.c - behaviours across processes: machines, supervisors,
 * tasks, registries that are isolated; the same started by isolated actors in
 * the program; and clients on the other side of each.
 */
#include "tests/support/isolated.h"

#include <limits.h>
#include <signal.h>

#include <coppice/extend.h>
#include <coppice/inspect.h>
#include <coppice/request.h>

#include "actors/supervisor.h"

enum { TAG_ADD = 1, TAG_WHERE, TAG_GO, TAG_DONE, TAG_FAULT };

/* Of the call that an actor is for: what it counts, and where it runs. */
struct is {
    int n;
    bool isolated;
};

static struct is ask_it(cop_pid p, int n)
{
    struct is got = {-1, false};
    must(cop_call(p, TAG_ADD, &n, sizeof n, &got, sizeof got,
                  cop_in(10 * COP_SEC)) == (int)sizeof got);
    return got;
}

/* ---------------------------------------------------------------- servers */

static cop_next sum_init(void *state, void *arg)
{
    int *n = state;
    *n = *(const int *)arg;
    if (*n < 0)
        return cop_next_stop(cop_because_fmt("negative", "%d", *n));
    return *n == 0 ? cop_next_ignore() : cop_next_wait();
}

static cop_next sum_call(void *state, const cop_msg *m, cop_from from)
{
    int *n = state;
    *n += *cop_msg_as(m, int);
    const struct is is = {*n, cop_is_isolated()};
    must(cop_reply(from, &is, sizeof is) == 0);
    return cop_next_wait();
}

static const cop_server sum = {.label = "sum",
                               .state_bytes = sizeof(int),
                               .init = sum_init,
                               .call = sum_call};

/* ---------------------------------------------------------------- machines */

static cop_sm_next door_init(cop_sm *sm, void *data, void *arg)
{
    (void)sm;
    *(int *)data = *(const int *)arg;
    return *(int *)data < 0 ? cop_sm_stop(cop_because_fmt("broken", "%s", "x"))
                            : cop_sm_next_state(1);
}

static cop_sm_next door_handle(cop_sm *sm, void *data, int state,
                               const cop_sm_event *e)
{
    int *n = data;
    if (e->type == COP_SM_STATE_TIMEOUT)
        return cop_sm_next_state(1);
    if (e->type != COP_SM_CALL)
        return cop_sm_keep_state();
    if (state == 2) {
        cop_sm_postpone(sm, true);
        return cop_sm_keep_state();
    }
    *n += *cop_sm_event_as(e, int);
    const struct is is = {*n, cop_is_isolated()};
    cop_sm_reply(sm, e->from, &is, sizeof is);
    cop_sm_timeout(sm, cop_sm_state_timer(), COP_MS, 0, NULL, 0);
    return cop_sm_next_state(2);
}

static const cop_statem door = {.label = "door",
                                .data_bytes = sizeof(int),
                                .init = door_init,
                                .handle = door_handle};

static void try_machine(bool isolated)
{
    int n = 5;
    char text[COP_REASON_TEXT];
    cop_server_opts opts = {.spawn = {.arg_bytes = sizeof n}};
    cop_reason why;
    cop_pid p;
    if (isolated)
        opts.spawn.isolation = COP_ISOLATED;
    must(cop_statem_start(&p, &door, &n, &opts, &why) == 0);
    for (int i = 1; i <= 5; i++) {
        struct is is = ask_it(p, 1);
        must(is.n == 5 + i && is.isolated == isolated);
    }
    must(cop_server_stop(p, cop_because_fmt("over", "%s", "now"),
                         cop_in(10 * COP_SEC), &why) == 0);
    n = -1;
    must(cop_statem_start(&p, &door, &n, &opts, &why) == COP_EDOWN);
    must(strcmp(cop_reason_str(why, text, sizeof text), "{broken, \"x\"}") ==
         0);
    cop_reason_release(why);
}

/* ------------------------------------------------------------------ procs */

static void proc_main(void *arg)
{
    const struct is is = {*(const int *)arg + 1, cop_is_isolated()};
    const cop_msg *m;
    if (is.n == 0)
        cop_init_fail(cop_because_fmt("no", "%s", "way"), COP_SHUTDOWN);
    must(cop_init_ack(&is, sizeof is) == 0);
    must(cop_init_ack(&is, sizeof is) == COP_EINVAL);
    must(cop_recv_tag(&m, TAG_GO, COP_FOREVER) == 0);
}

static void try_proc(bool isolated)
{
    int n = 5;
    char text[COP_REASON_TEXT];
    struct is is;
    cop_reason why;
    cop_pid p;
    cop_opts opts = {.arg_bytes = sizeof n};
    if (isolated)
        opts.isolation = COP_ISOLATED;
    must(cop_proc_start(&p, proc_main, &n, &opts, 0, &is, sizeof is, &why) ==
         (int)sizeof is);
    must(is.n == 6 && is.isolated == isolated && cop_is_alive(p));
    must(cop_send(p, TAG_GO, NULL, 0) == 0);
    n = -1;
    must(cop_proc_start(&p, proc_main, &n, &opts, 0, &is, sizeof is, &why) ==
         COP_EFAILED);
    must(strcmp(cop_reason_str(why, text, sizeof text), "{no, \"way\"}") == 0);
    cop_reason_release(why);
}

/* ------------------------------------------------------------------ tasks */

static void task_main(void *arg)
{
    const struct is is = {*(const int *)arg * 2, cop_is_isolated()};
    must(cop_task_result(&is, sizeof is) == 0);
}

static void try_task(bool isolated)
{
    int n = 21;
    struct is is;
    cop_task t;
    cop_opts opts = {.arg_bytes = sizeof n};
    if (isolated)
        opts.isolation = COP_ISOLATED;
    must(cop_async(&t, task_main, &n, &opts) == 0);
    must(cop_await(t, &is, sizeof is, cop_in(10 * COP_SEC), NULL) ==
         (int)sizeof is);
    must(is.n == 42 && is.isolated == isolated);
}

static void body_isolated_ones(void *arg)
{
    (void)arg;
    try_machine(true);
    try_proc(true);
    try_task(true);
}

START_TEST(machines_procs_and_tasks_are_isolated)
{
    isolated_test(body_isolated_ones);
}
END_TEST

static void starts_all(void *arg)
{
    int n = 7, on_stack = 0;
    cop_pid p;
    cop_task t;
    cop_reason why;
    char text[COP_REASON_TEXT];
    cop_server_opts opts = {.spawn = {.arg_bytes = sizeof n, .link = true}};
    (void)arg;
    try_machine(false);
    try_proc(false);
    try_task(false);
    try_machine(true);
    try_proc(true);
    try_task(true);
    must(cop_server_start(&p, &sum, &n, &opts, &why) == 0);
    must(ask_it(p, 1).n == 8 && !ask_it(p, 1).isolated);
    must(cop_server_stop(p, COP_NORMAL, cop_in(10 * COP_SEC), NULL) == 0);
    n = 0;
    must(cop_server_start(&p, &sum, &n, &opts, &why) == COP_EIGNORE);
    (void)cop_trap_exit(true);
    n = -3;
    must(cop_server_start(&p, &sum, &n, &opts, &why) == COP_EDOWN);
    must(strcmp(cop_reason_str(why, text, sizeof text), "{negative, \"-3\"}") ==
         0);
    cop_reason_release(why);
    must(cop_server_start(&p, &sum, &on_stack, NULL, NULL) == COP_EINVAL);
    must(cop_statem_start(&p, &door, &on_stack, NULL, NULL) == COP_EINVAL);
    must(cop_proc_start(&p, proc_main, &on_stack, NULL, 0, NULL, 0, NULL) ==
         COP_EINVAL);
    must(cop_async(&t, task_main, &on_stack, NULL) == COP_EINVAL);
    cop_server own = sum;
    must(cop_server_start(&p, &own, &n, &opts, NULL) == COP_EINVAL);
}

static void body_starts_all(void *arg)
{
    cop_ref down;
    (void)arg;
    isolated_with(starts_all, NULL, &(cop_opts){.monitor = &down});
    ends_with(down, "normal");
}

START_TEST(isolated_actors_start_them_all)
{
    isolated_test(body_starts_all);
}
END_TEST

/* ------------------------------------------------------------ supervisors */

static int first = 100;

static void worker(void *arg)
{
    const cop_msg *m;
    struct is is = {*(const int *)arg, cop_is_isolated()};
    for (;;) {
        must(cop_recv(&m, COP_FOREVER) == 0);
        if (cop_msg_how(m) != COP_MSG_CALL)
            cop_exit(cop_because("told"));
        is.n += *cop_msg_as(m, int);
        must(cop_reply(cop_msg_from(m), &is, sizeof is) == 0);
    }
}

static const cop_child below_kids[] = {
    {.id = "deep", .fn = worker, .arg = &first, .opts = {.name = "deep"}}};
static const cop_sup below = {.children = below_kids, .nchildren = 1};

static const cop_child kids[] = {
    {.id = "sum", .server = &sum, .arg = &first, .opts = {.name = "sum"}},
    {.id = "worker", .fn = worker, .arg = &first, .opts = {.name = "worker"}},
    {.id = "apart",
     .fn = worker,
     .arg = &first,
     .opts = {.name = "apart", .isolation = COP_ISOLATED}},
    {.id = "below", .sup = &below}};
static const cop_sup spec = {.intensity = 100,
                             .period_ns = 60 * COP_SEC,
                             .children = kids,
                             .nchildren = 4};

/* Another one than `old`, and there. */
static cop_pid await_name(const char *name, cop_pid old)
{
    for (cop_time end = cop_in(10 * COP_SEC); cop_now() < end;) {
        cop_pid p = cop_whereis(name);
        if (!cop_pid_is_none(p) && !cop_pid_eq(p, old))
            return p;
        cop_sleep(COP_MS);
    }
    must(!"the name is there");
    return COP_NO_PID;
}

static void try_names(void)
{
    must(!ask_it(cop_whereis("sum"), 1).isolated);
    must(!ask_it(cop_whereis("worker"), 1).isolated);
    must(ask_it(cop_whereis("apart"), 1).isolated);
    must(!ask_it(cop_whereis("deep"), 1).isolated);
}

static void try_restarts(void)
{
    static const char *const names[] = {"sum", "worker", "apart", "deep"};
    for (int i = 0; i < 4; i++) {
        cop_pid p = cop_whereis(names[i]);
        must(ask_it(p, 1).n > 100);
        must(cop_exit_signal(p, COP_KILL) == 0);
        p = await_name(names[i], p);
        must(ask_it(p, 1).n == 101);
    }
}

/* What anybody may ask of it. */
static void try_admin(cop_pid sup)
{
    cop_child_info info[8];
    cop_child_counts counts;
    char tree[2048];
    cop_pid p, old = cop_whereis("worker");
    must(cop_sup_which_children(sup, info, 8) == 4);
    must(strcmp(info[0].id, "sum") == 0 && info[0].state == COP_CHILD_UP);
    must(cop_sup_count_children(sup, &counts) == 0);
    must(counts.specs == 4 && counts.active == 4 && counts.supervisors == 1);
    must(cop_sup_terminate_child(sup, "nobody") == COP_ENOENT);
    must(cop_sup_terminate_child(sup, "worker") == 0);
    must(!cop_is_alive(old));
    must(cop_sup_restart_child(sup, &p, "sum", NULL) == COP_ERUNNING);
    must(cop_sup_restart_child(sup, &p, "worker", NULL) == 0);
    must(cop_pid_eq(p, cop_whereis("worker")));
    must(cop_sup_terminate_pid(sup, p) == COP_ENOENT);
    must(cop_sup_delete_child(sup, "worker") == COP_ERUNNING);
    cop_sup_tree(sup, tree, sizeof tree);
    must(strstr(tree, "one_for_one") != NULL && strstr(tree, "deep") != NULL);
    must(strstr(tree, "server") != NULL && strstr(tree, "actor") != NULL);
}

static void body_isolated_sup(void *arg)
{
    const cop_child more = {
        .id = "more", .fn = worker, .arg = &first, .opts = {.name = "more"}};
    const cop_child bad = {.id = "bad", .server = &sum, .arg = &first};
    cop_child got;
    cop_info info;
    cop_reason why;
    cop_pid sup, p;
    char text[COP_REASON_TEXT];
    (void)arg;
    (void)cop_trap_exit(true);
    ck_assert_int_eq(cop_sup_start(&sup, &spec,
                                   &(cop_opts){.isolation = COP_ISOLATED},
                                   NULL),
                     0);
    ck_assert_int_eq(cop_info_get(sup, &info), 0);
    ck_assert(info.is_isolated);
    try_names();
    try_restarts();
    try_admin(sup);
    ck_assert_int_eq(cop_sup_start_child(sup, &p, &more, NULL), 0);
    ck_assert_int_eq(ask_it(p, 1).n, 101);
    ck_assert_int_eq(cop_sup_get_childspec(sup, "more", &got), COP_ENOTSUP);
    first = -4; /* here; and here its children run */
    ck_assert_int_eq(cop_sup_start_child(sup, &p, &bad, &why), COP_EFAILED);
    ck_assert_str_eq(cop_reason_str(why, text, sizeof text),
                     "{negative, \"-4\"}");
    cop_reason_release(why);
    ck_assert_int_eq(cop_server_stop(sup, COP_SHUTDOWN, patience(), NULL), 0);
    ck_assert(cop_pid_is_none(cop_whereis("deep")));
    ck_assert(cop_pid_is_none(cop_whereis("apart")));
}

START_TEST(supervisors_are_isolated)
{
    isolated_test(body_isolated_sup);
}
END_TEST

/* All of its children end with it, whatever ends it. */
static void body_killed_sup(void *arg)
{
    cop_pid sup;
    cop_ref down, kid;
    cop_info info;
    (void)arg;
    (void)cop_trap_exit(true);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(cop_sup_start(&sup, &spec,
                                       &(cop_opts){.isolation = COP_ISOLATED},
                                       NULL),
                         0);
        ck_assert_int_eq(cop_monitor(&down, sup), 0);
        ck_assert_int_eq(cop_monitor(&kid, cop_whereis("worker")), 0);
        do
            ck_assert_int_eq(cop_info_get(sup, &info), 0);
        while (info.os_pid == 0);
        if (i % 2 == 0)
            ck_assert_int_eq(cop_exit_signal(sup, COP_KILL), 0);
        else
            kill(info.os_pid, SIGKILL);
        ends_with(down, i % 2 == 0 ? "killed"
                                   : "{fault, SIGKILL, \"a signal ended the "
                                     "actor's process\"}");
        ends_with(kid, i % 2 == 0 ? "killed"
                                  : "{fault, SIGKILL, \"a signal ended the "
                                    "actor's process\"}");
        while (!cop_pid_is_none(cop_whereis("sum")) ||
               !cop_pid_is_none(cop_whereis("worker")) ||
               !cop_pid_is_none(cop_whereis("apart")))
            cop_sleep(COP_MS);
    }
}

START_TEST(their_children_end_with_them)
{
    isolated_test(body_killed_sup);
}
END_TEST

static void starts_sup(void *arg)
{
    int n = 3;
    const cop_child own_arg[] = {{.id = "x", .fn = worker, .arg = &n}};
    const cop_child own_label[] = {
        {.id = "x", .fn = worker, .opts = {.label = (const char *)&n}}};
    const cop_child copied[] = {
        {.id = "x", .fn = worker, .arg = &n, .arg_bytes = sizeof n}};
    cop_sup own = {.children = own_arg, .nchildren = 1};
    cop_reason why;
    const cop_msg *m;
    cop_child got;
    cop_pid sup, p;
    (void)arg;
    (void)cop_trap_exit(true);
    must(cop_sup_start(&sup, &spec, NULL, NULL) == 0);
    try_names();
    try_restarts();
    try_admin(sup);
    must(cop_sup_start_child(sup, &p, &kids[0], NULL) == COP_ENOTSUP);
    must(cop_sup_get_childspec(sup, "sum", &got) == COP_ENOTSUP);
    must(cop_server_stop(sup, COP_SHUTDOWN, cop_in(10 * COP_SEC), NULL) == 0);
    must(cop_sup_start(&sup, &own, NULL, &why) == COP_ESPEC);
    must(strcmp(cop_reason_name(why), "start_spec") == 0);
    cop_reason_release(why);
    own.children = own_label;
    must(cop_sup_start(&sup, &own, NULL, NULL) == COP_ESPEC);
    own.children = copied;
    must(cop_sup_start(&sup, &own, &(cop_opts){.name = "foreign"}, NULL) == 0);
    must(cop_recv_tag(&m, TAG_GO, cop_in(10 * COP_SEC)) == 0);
    must(cop_sup_start(&sup, &own, &(cop_opts){.isolation = COP_ISOLATED},
                       NULL) == 0);
    must(cop_sup_start(&sup, &spec, &(cop_opts){.isolation = COP_ISOLATED},
                       NULL) == 0);
    try_names();
    try_restarts();
}

/* The pointers that it was given are its starter's. */
static void body_starts_sup(void *arg)
{
    cop_child got;
    cop_ref down;
    (void)arg;
    cop_pid p = isolated_with(starts_sup, NULL, &(cop_opts){.monitor = &down});
    cop_pid sup = await_name("foreign", COP_NO_PID);
    ck_assert_int_eq(cop_sup_get_childspec(sup, "x", &got), COP_ENOTSUP);
    ck_assert_int_eq(cop_send(p, TAG_GO, NULL, 0), 0);
    ends_with(down, "normal");
}

START_TEST(isolated_actors_start_supervisors)
{
    isolated_test(body_starts_sup);
}
END_TEST

/* One below an ordinary supervisor, and it below that. */
static void body_nested(void *arg)
{
    static const cop_child apart[] = {
        {.id = "spec",
         .sup = &spec,
         .opts = {.name = "spec", .isolation = COP_ISOLATED}}};
    static const cop_sup top = {.intensity = 10,
                                .period_ns = 60 * COP_SEC,
                                .children = apart,
                                .nchildren = 1};
    cop_pid sup, p;
    (void)arg;
    (void)cop_trap_exit(true);
    ck_assert_int_eq(cop_sup_start(&sup, &top, NULL, NULL), 0);
    for (int i = 0; i < 3; i++) {
        try_names();
        p = cop_whereis("spec");
        ck_assert_int_eq(cop_exit_signal(p, COP_KILL), 0);
        (void)await_name("spec", p);
        (void)await_name("deep", COP_NO_PID);
    }
    ck_assert_int_eq(cop_server_stop(sup, COP_SHUTDOWN, patience(), NULL), 0);
}

START_TEST(supervisors_restart_isolated_supervisors)
{
    isolated_test(body_nested);
}
END_TEST

/* ---------------------------------------------------------------- services */

static void uses_services(void *arg)
{
    const cop_pid *p = arg; /* a registry, a scope, an event manager */
    cop_registry_entry entry;
    cop_pid found[2], own;
    must(cop_registry_put(p[0], "me", cop_self(), 7) == 0);
    must(cop_registry_lookup(p[0], "me", &entry, 1) == 1);
    must(cop_pid_eq(entry.pid, cop_self()) && entry.data == 7);
    must(cop_group_join(p[1], "all", cop_self()) == 0);
    must(cop_group_members(p[1], "all", found, 2) == 1);
    must(cop_pid_eq(found[0], cop_self()));
    must(cop_event_notify(p[2], TAG_GO, NULL, 0) == 0);
    must(cop_event_sync_notify(p[2], TAG_GO, NULL, 0) == 0);
    must(cop_registry_start(&own, COP_KEYS_UNIQUE, NULL) == 0);
    must(cop_registry_put(own, "me", cop_self(), 8) == 0);
    must(cop_registry_count(own) == 1);
    must(cop_group_start(&own, &(cop_opts){.isolation = COP_ISOLATED}) == 0);
    must(cop_group_join(own, "all", cop_self()) == 0);
    must(cop_event_start(&own, NULL) == 0);
    must(cop_event_notify(own, TAG_GO, NULL, 0) == 0);
}

static void body_services(void *arg)
{
    cop_pid p[3];
    cop_ref down;
    (void)arg;
    for (int i = 0; i < 2; i++) {
        const cop_opts opts = {.isolation =
                                   i == 1 ? COP_ISOLATED : COP_ISOLATION_TRAP};
        ck_assert_int_eq(cop_registry_start(&p[0], COP_KEYS_UNIQUE, &opts), 0);
        ck_assert_int_eq(cop_group_start(&p[1], &opts), 0);
        ck_assert_int_eq(cop_event_start(&p[2], NULL), 0);
        isolated_with(uses_services, p,
                      &(cop_opts){.arg_bytes = sizeof p, .monitor = &down});
        ends_with(down, "normal");
        while (cop_registry_count(p[0]) > 0) /* it hears of the end */
            cop_sleep(COP_MS);
    }
}

START_TEST(registries_and_groups_know_them)
{
    isolated_test(body_services);
}
END_TEST

/* --------------------------------------------------------- from a thread */

static void starts_from_outside(void *arg)
{
    int n = 5;
    const cop_server_opts opts = {
        .spawn = {.isolation = COP_ISOLATED, .arg_bytes = sizeof n}};
    cop_reason why;
    cop_pid p;
    (void)arg;
    ck_assert_int_eq(cop_server_start(&p, &sum, &n, &opts, NULL), 0);
    ck_assert_int_eq(ask_it(p, 1).n, 6);
    ck_assert_int_eq(cop_server_stop(p, cop_because_fmt("over", "%d", 1),
                                     cop_in(10 * COP_SEC), NULL),
                     0);
    n = -5;
    ck_assert_int_eq(cop_server_start(&p, &sum, &n, &opts, &why), COP_EDOWN);
    ck_assert_str_eq(cop_reason_name(why), "negative");
    cop_reason_release(why);
}

static void body_outside(void *arg)
{
    (void)arg;
    ck_assert_int_eq(cop_blocking(starts_from_outside, NULL), 0);
}

START_TEST(threads_start_isolated_servers)
{
    isolated_test(body_outside);
}
END_TEST

/* -------------------------------------------------------------- forgeries */

/* Answers whatever it is asked with words that would be addresses. */
static void lies(void *arg)
{
    size_t size = *(const size_t *)arg;
    uint64_t words[512];
    const cop_msg *m;
    for (size_t i = 0; i < 512; i++)
        words[i] = UINT64_C(0x414141414141) + i * 16;
    for (;;) {
        must(cop_recv(&m, COP_FOREVER) == 0);
        if (cop_msg_how(m) != COP_MSG_CALL)
            continue;
        bool is_event = cop_msg_tag(m) >= COP_TAG_BEHAVIOUR + 0x600;
        /* as answers of ours are marked */
        const uint32_t mark[] = {is_event ? 0x65766e74u : (uint32_t)COP_EFAILED,
                                 is_event ? 1 : 0xfe0aa05eu};
        memcpy(words, mark, sizeof mark);
        must(cop_reply(cop_msg_from(m), words, size) == 0);
    }
}

static void asks_the_liar(cop_pid p)
{
    static const cop_event_handler none;
    const cop_event_id id = {&none, 0};
    cop_reason why = COP_NORMAL;
    cop_msg *result = NULL;
    cop_child_info info[4];
    cop_child_counts counts;
    char tree[1024];
    cop_pid out;
    int code;
    code = cop_sup_start_child(p, &out, &(cop_child){.id = "x", .fn = worker},
                               &why);
    ck_assert_int_lt(code, 0);
    cop_reason_release(why);
    (void)!cop_sup_terminate_child(p, "x");
    code = cop_sup_restart_child(p, &out, "x", &why);
    cop_reason_release(why);
    (void)!cop_sup_which_children(p, info, 4);
    (void)!cop_sup_count_children(p, &counts);
    cop_sup_tree(p, tree, sizeof tree);
    code = cop_event_delete_handler(p, id, NULL, 0, &result, &why);
    cop_reason_release(why);
    ck_assert_ptr_null(result);
    code = cop_event_call(p, id, TAG_GO, NULL, 0, NULL, 0, patience(), &why);
    cop_reason_release(why);
    code = cop_event_add_handler(p, id, NULL, 0, &why);
    cop_reason_release(why);
    (void)!cop_sys_suspend(p, patience());
    (void)!cop_registry_count(p);
}

static void body_lies(void *arg)
{
    (void)arg;
    for (size_t size = 0; size <= 2048; size += size < 160 ? 8 : 72) {
        cop_pid p =
            isolated_with(lies, &size, &(cop_opts){.arg_bytes = sizeof size});
        asks_the_liar(p);
        ck_assert_int_eq(cop_exit_signal(p, COP_KILL), 0);
    }
}

START_TEST(answers_are_not_believed)
{
    isolated_test(body_lies);
}
END_TEST

/* Answers that look right but for what is in them. */
static void lies_well(void *arg)
{
    static union {
        struct copi_sup_list list;
        char bytes[sizeof(struct copi_sup_list) + sizeof(struct copi_sup_row)];
    } answer = {.list = {.total = 1, .listed = 1}};
    struct copi_sup_row row = {.kind = INT_MAX};
    const struct copi_sup_found found = {
        0, {.id = (const char *)(uintptr_t)0x414141414140}};
    const struct {
        int code, no_mark;
        cop_pid pid;
    } code = {0};
    const cop_msg *m;
    (void)arg;
    memset(row.info.id, 'x', sizeof row.info.id);
    row.info.state = (cop_child_state)INT_MAX;
    memcpy(answer.list.rows, &row, sizeof row);
    for (;;) {
        must(cop_recv(&m, COP_FOREVER) == 0);
        if (cop_msg_tag(m) == COPI_SUP_WHICH)
            must(cop_reply(cop_msg_from(m), &answer, sizeof answer) == 0);
        else if (cop_msg_tag(m) == COPI_SUP_SPEC)
            must(cop_reply(cop_msg_from(m), &found, sizeof found) == 0);
        else
            must(cop_reply(cop_msg_from(m), &code, sizeof code) == 0);
    }
}

static void body_lies_well(void *arg)
{
    cop_pid p = isolated(lies_well, NULL);
    cop_child_info info[2];
    cop_child got;
    char tree[512];
    (void)arg;
    ck_assert_int_eq(cop_sup_which_children(p, info, 2), 1);
    ck_assert_uint_eq(strlen(info[0].id), sizeof info[0].id - 1);
    cop_sup_tree(p, tree, sizeof tree);
    ck_assert_ptr_nonnull(strstr(tree, "xxx"));
    ck_assert_int_eq(cop_sup_get_childspec(p, "x", &got), COP_ENOTSUP);
    ck_assert_int_eq(cop_sup_terminate_child(p, "x"), COP_EINVAL);
}

START_TEST(well_made_answers_are_not_believed)
{
    isolated_test(body_lies_well);
}
END_TEST

static const TTest *const cases[] = {
    machines_procs_and_tasks_are_isolated,
    isolated_actors_start_them_all,
    supervisors_are_isolated,
    their_children_end_with_them,
    isolated_actors_start_supervisors,
    supervisors_restart_isolated_supervisors,
    registries_and_groups_know_them,
    threads_start_isolated_servers,
    answers_are_not_believed,
    well_made_answers_are_not_believed,
};
ISOLATED_MAIN("isolated_actors", cases)
