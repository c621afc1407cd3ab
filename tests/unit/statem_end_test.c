/* SPDX-License-Identifier: MIT
 *
 * statem_end_test.c - how state machines end, and that nothing of theirs is
 * left: whatever they hold is counted, and all of it is released at any kind of
 * death.
 */
#include <coppice/statem.h>

#include "tests/support/statem.h"

enum { HOLD = 1, GO, SPEAK, BLOCK, REPLY, QUIT };

static void none_is_left(void)
{
    settle();
    ck_assert_int_eq(atomic_load(&made), atomic_load(&released));
}

/* Holds as much of all kinds as there is. */
static void record_all(cop_sm *sm, cop_from to)
{
    cop_sm_next_event(sm, &(cop_sm_event){.type = COP_SM_INTERNAL,
                                          .tag = SPEAK,
                                          .body = "body",
                                          .size = 5});
    cop_sm_timeout(sm, cop_sm_state_timer(), COP_SEC, SPEAK, "body", 5);
    cop_sm_timeout(sm, cop_sm_event_timer(), COP_SEC, SPEAK, "body", 5);
    cop_sm_timeout(sm, cop_sm_named_timer(1), COP_SEC, SPEAK, "body", 5);
    cop_sm_timeout(sm, cop_sm_named_timer(2), 0, SPEAK, "body", 5);
    cop_sm_push_module(sm, NULL);
    if (!cop_pid_is_none(to.pid))
        cop_sm_reply_msg(sm, to, counted(1));
}

static const cop_statem holder_def;

static cop_sm_next hold(cop_sm *sm, void *data, int state,
                        const cop_sm_event *e)
{
    (void)data;
    if (e->type == COP_SM_ENTER)
        return cop_sm_keep_state();
    switch (e->tag) {
    case HOLD:
        cop_sm_timeout(sm, cop_sm_state_timer(), COP_SEC, SPEAK, "body", 5);
        cop_sm_timeout(sm, cop_sm_named_timer(e->size), COP_SEC, SPEAK, "x", 2);
        cop_sm_push_module(sm, &holder_def);
        cop_sm_postpone(sm, true);
        return cop_sm_keep_state();
    case BLOCK:
        record_all(sm, e->from);
        cop_sleep(COP_FOREVER);
        break;
    case QUIT:
        record_all(sm, e->from);
        cop_exit(cop_because("quit"));
    case REPLY:
        record_all(sm, e->from);
        return cop_sm_stop_and_reply(cop_because_fmt("never", "seen"));
    default:
        break;
    }
    return cop_sm_next_state(state + 1);
}

static void notes_end(void *data, int state, cop_reason why)
{
    char text[COP_REASON_TEXT];
    (void)data;
    note("end %s@%d", cop_reason_str(why, text, sizeof text), state);
}

static const cop_statem holder_def = {
    .data_bytes = 100, .handle = hold, .terminate = notes_end};

/* One with postponed events, timers and pushed modules. */
static cop_pid start_holder(cop_ref *ref)
{
    const cop_server_opts opts = {.spawn.monitor = ref};
    cop_pid pid;

    ck_assert_int_eq(cop_statem_start(&pid, &holder_def, NULL, &opts, NULL), 0);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(cop_send_msg(pid, counted(HOLD)), 0);
    settle();
    return pid;
}

static void body_killed_while_it_waits(void *arg)
{
    cop_ref ref;
    cop_pid pid = start_holder(&ref);
    (void)arg;
    ck_assert_int_eq(cop_exit_signal(pid, COP_KILL), 0);
    down_says(ref, "killed");
    none_is_left();
    notes_are("");
}
KID_TEST(killed_while_it_waits, body_killed_while_it_waits)

/* In a callback that has recorded actions and waits. */
static void body_killed_in_a_callback(void *arg)
{
    cop_ref ref, call;
    cop_pid pid = start_holder(&ref);
    (void)arg;
    ck_assert_int_eq(cop_request(&call, pid, BLOCK, "x", 2), 0);
    ck_assert_int_eq(cop_send_msg(pid, counted(HOLD)), 0);
    settle();
    ck_assert_int_eq(cop_exit_signal(pid, COP_KILL), 0);
    down_says(ref, "killed");
    down_says(call, "killed");
    none_is_left();
    notes_are("");
}
KID_TEST(killed_in_a_callback, body_killed_in_a_callback)

static void body_exits_in_a_callback(void *arg)
{
    cop_ref ref;
    cop_pid pid = start_holder(&ref);
    (void)arg;
    ck_assert_int_eq(cop_send_msg(pid, counted(QUIT)), 0);
    down_says(ref, "quit");
    none_is_left();
    notes_are("end quit@0|");
}
KID_TEST(exits_in_a_callback, body_exits_in_a_callback)

/* A wrong action in the middle of them: those behind it are not lost. */
static void body_ends_by_a_wrong_action(void *arg)
{
    cop_ref ref;
    cop_pid pid = start_holder(&ref);
    (void)arg;
    ck_assert_int_eq(cop_send_msg(pid, counted(REPLY)), 0);
    down_says(ref, "{bad_reply_action_from_state_function, "
                   "\"cop_sm_next_event: not a reply\"}");
    none_is_left();
}
KID_TEST(ends_by_a_wrong_action, body_ends_by_a_wrong_action)

static void body_is_stopped(void *arg)
{
    cop_ref ref;
    cop_pid pid = start_holder(&ref);
    (void)arg;
    ck_assert_int_eq(cop_server_stop(pid, cop_because_fmt("enough", "now"),
                                     COP_FOREVER, NULL),
                     0);
    none_is_left();
    notes_are("end {enough, \"now\"}@0|");
}
KID_TEST(is_stopped, body_is_stopped)

/* All that was postponed comes again, and goes. */
static void body_lives_on(void *arg)
{
    cop_ref ref;
    cop_pid pid = start_holder(&ref);
    (void)arg;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(cop_send_msg(pid, counted(GO)), 0);
        settle();
    }
    ck_assert(cop_is_alive(pid));
    ck_assert_int_eq(atomic_load(&made) - atomic_load(&released), 10);
    ck_assert_int_eq(cop_server_stop(pid, COP_NORMAL, COP_FOREVER, NULL), 0);
    none_is_left();
    notes_are("end normal@3|");
}
KID_TEST(lives_on, body_lives_on)

/* The machine goes down with the runtime, its mailbox full. */
START_TEST(runtime_stops)
{
    cop_server_opts opts = {.spawn.trap_exit = true};
    cop_pid pid;

    ck_assert_int_eq(cop_start(&(cop_config){.workers = 1}), 0);
    ck_assert_int_eq(cop_statem_start(&pid, &holder_def, NULL, &opts, NULL), 0);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(cop_send_msg(pid, counted(HOLD)), 0);
    ck_assert_int_eq(cop_stop(cop_in(COP_SEC), NULL), 0);
    ck_assert_int_eq(atomic_load(&made), atomic_load(&released));
    notes_are("end shutdown@0|");
}
END_TEST

/* ------------------------------------------------------------- parents -- */

static void starts_linked(void *arg)
{
    cop_server_opts opts = {.spawn = {.link = true, .trap_exit = true}};
    const cop_msg *m;
    cop_pid pid;
    (void)arg;
    ck_assert_int_eq(cop_statem_start(&pid, &holder_def, NULL, &opts, NULL), 0);
    ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
    cop_exit(cop_because("parent"));
}

static void body_ends_with_its_parent(void *arg)
{
    cop_pid pid;
    (void)arg;
    ck_assert_int_eq(cop_spawn(&pid, starts_linked, NULL, NULL), 0);
    settle();
    ck_assert_int_eq(cop_send(pid, GO, NULL, 0), 0);
    settle();
    notes_are("end parent@0|");
}
KID_TEST(ends_with_its_parent, body_ends_with_its_parent)

static atomic_int starts;

static int start_child(cop_pid *out, void *arg, cop_reason *why)
{
    const cop_server_opts opts = {.spawn = {.link = true, .name = "child"}};

    atomic_fetch_add(&starts, 1);
    return cop_statem_start(out, &holder_def, arg, &opts, why);
}

static void body_is_a_child(void *arg)
{
    const cop_child kids[] = {{.id = "sm", .start = start_child}};
    const cop_sup spec = {.children = kids, .nchildren = 1};
    cop_pid first, sup;
    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(cop_sup_start(&sup, &spec, NULL, NULL), 0);
    first = cop_whereis("child");
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(cop_send_msg(first, counted(HOLD)), 0);
    ck_assert_int_eq(cop_send_msg(first, counted(QUIT)), 0);
    settle();
    ck_assert(!cop_is_alive(first));
    ck_assert(cop_is_alive(cop_whereis("child")));
    ck_assert_int_eq(atomic_load(&starts), 2);
    ck_assert_int_eq(cop_server_stop(sup, COP_SHUTDOWN, COP_FOREVER, NULL), 0);
    none_is_left();
    notes_are("end quit@0|");
}
KID_TEST(is_a_child, body_is_a_child)

/* ------------------------------------------------------------- entering -- */

static void becomes_machine(void *arg)
{
    static const cop_statem def = {.data_bytes = 100,
                                   .state_enter = true,
                                   .handle = hold,
                                   .terminate = notes_end};
    char data[100] = "";
    (void)arg;
    cop_statem_enter(&def, data, 5);
}

static void body_an_actor_becomes_one(void *arg)
{
    cop_ref ref;
    cop_opts opts = {.monitor = &ref};
    cop_pid pid;
    (void)arg;
    ck_assert_int_eq(cop_spawn(&pid, becomes_machine, NULL, &opts), 0);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(cop_send_msg(pid, counted(HOLD)), 0);
    settle();
    ck_assert_int_eq(cop_send_msg(pid, counted(QUIT)), 0);
    down_says(ref, "quit");
    none_is_left();
    notes_are("end quit@5|");
}
KID_TEST(an_actor_becomes_one, body_an_actor_becomes_one)

struct echo {
    int number;
};

static cop_sm_next echoes(cop_sm *sm, void *data, int state,
                          const cop_sm_event *e)
{
    struct echo *d = data;
    d->number += state;
    note("%d@%d", (int)e->type, state);
    if (e->type == COP_SM_CALL)
        cop_sm_reply(sm, e->from, &d->number, sizeof d->number);
    return cop_sm_keep_state();
}

static const cop_statem echo_def = {.data_bytes = sizeof(struct echo),
                                    .state_enter = true,
                                    .handle = echoes,
                                    .terminate = notes_end};

static void becomes_echo(void *arg)
{
    struct echo data = {.number = 100};
    (void)arg;
    cop_statem_enter(&echo_def, &data, 5);
}

static void body_becomes_with_its_data(void *arg)
{
    cop_ref ref;
    cop_opts opts = {.monitor = &ref};
    int answer;
    cop_pid pid;
    (void)arg;
    ck_assert_int_eq(cop_spawn(&pid, becomes_echo, NULL, &opts), 0);
    ck_assert_int_eq(
        cop_call(pid, GO, NULL, 0, &answer, sizeof answer, COP_FOREVER),
        (int)sizeof answer);
    ck_assert_int_eq(answer, 110);
    ck_assert_int_eq(cop_server_stop(pid, COP_NORMAL, COP_FOREVER, NULL), 0);
    down_says(ref, "normal");
    notes_are("0@5|1@5|end normal@5|");
}
KID_TEST(becomes_with_its_data, body_becomes_with_its_data)

static void becomes_nothing(void *arg)
{
    static const cop_statem none = {0};
    cop_statem_enter(arg != NULL ? &none : NULL, NULL, 0);
}

static void body_cannot_become_nothing(void *arg)
{
    cop_ref ref;
    cop_opts opts = {.monitor = &ref};
    int x;
    (void)arg;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(
            cop_spawn(NULL, becomes_nothing, i == 0 ? NULL : &x, &opts), 0);
        down_says(ref, "{badarg, \"cop_statem_enter: senseless definition\"}");
    }
}
KID_TEST(cannot_become_nothing, body_cannot_become_nothing)

/* -------------------------------------------------------- out of memory -- */

static cop_sm_next busy(cop_sm *sm, void *data, int state,
                        const cop_sm_event *e)
{
    (void)data;
    switch (e->type) {
    case COP_SM_CALL:
        cop_sm_timeout(sm, cop_sm_state_timer(), COP_MS, GO, "x", 2);
        cop_sm_timeout(sm, cop_sm_named_timer(3), COP_MS, GO, "x", 2);
        cop_sm_next_event(sm, &(cop_sm_event){.type = COP_SM_INTERNAL});
        cop_sm_postpone(sm, state < 3);
        if (state >= 3)
            cop_sm_reply(sm, e->from, "done", 5);
        return cop_sm_keep_state();
    case COP_SM_INTERNAL:
        return cop_sm_keep_state();
    default:
        return cop_sm_next_state(state + 1);
    }
}

static const cop_statem busy_def = {.handle = busy};

/* Whatever comes of it is an answer or an end that says so. */
static void acts(void)
{
    cop_server_opts opts = {.spawn.name = "busy"};
    char answer[8];
    cop_reason why;
    cop_pid pid;
    int err = cop_statem_start(&pid, &busy_def, NULL, &opts, &why);

    if (err != 0) {
        ck_assert(err == COP_ENOMEM || err == COP_EDOWN || err == COP_ELIMIT);
        cop_reason_release(why);
        return;
    }
    err = cop_call(pid, 1, NULL, 0, answer, sizeof answer, cop_in(COP_SEC));
    ck_assert_msg(err == 5 || err == COP_ENOMEM || err == COP_EDOWN ||
                      err == COP_ENOPROC,
                  "%s", cop_error_str(err));
    if (err == COP_EDOWN)
        reason_is(cop_call_reason(), "nomem");
    cop_ext_fail_alloc(0, false);
    err = cop_server_stop(pid, COP_NORMAL, COP_FOREVER, &why);
    ck_assert(err == 0 || err == COP_ENOPROC);
    settle();
}

static void body_each_allocation_fails(void *arg)
{
    (void)arg;
    for (uint64_t n = 1;; n++) {
        uint64_t count;
        cop_ext_fail_alloc(n, false);
        acts();
        count = cop_ext_alloc_count();
        cop_ext_fail_alloc(0, false);
        ck_assert(cop_pid_is_none(cop_whereis("busy")));
        if (count < n)
            break;
        ck_assert_uint_lt(n, 1000);
    }
}
KID_TEST(each_allocation_fails, body_each_allocation_fails)

static const TTest *const cases[] = {
    killed_while_it_waits,
    killed_in_a_callback,

    exits_in_a_callback,
    ends_by_a_wrong_action,
    is_stopped,
    lives_on,
    runtime_stops,
    ends_with_its_parent,
    is_a_child,
    an_actor_becomes_one,
    becomes_with_its_data,
    cannot_become_nothing,
    each_allocation_fails,
};
UNIT_MAIN("statem_end", cases)
