/* SPDX-License-Identifier: MIT
 *
 * server_more_test.c - what init may say, hibernation, actors that enter a
 * server. Where a comment says "OTP", gen_server of
 * Erlang/OTP 25 was asked.
 */
#include <coppice.h>
#include <coppice/sys.h>

#include "tests/support/kid.h"

static cop_time soon(void)
{
    return cop_in(5 * COP_SEC);
}

/* ------------------------------------------------------------- verdicts -- */

/* A server that says what its argument tells. */
struct saying {
    cop_next (*init)(void);
    cop_next (*info)(void);
};

static cop_next says_idle(void)
{
    return cop_next_idle(100 * COP_MS);
}

static cop_next says_twice(void)
{
    return cop_next_continue(2);
}

static cop_next says_exit(void)
{
    return cop_next_continue(666);
}

static cop_next sayer_init(void *state, void *arg)
{
    *(const struct saying **)state = arg;
    return ((const struct saying *)arg)->init();
}

static cop_next sayer_resume(void *state, uint64_t token)
{
    (void)state;
    note("continue %d", (int)token);
    if (token == 666)
        cop_exit(cop_because("devil"));
    return token == 0 ? cop_next_idle(100 * COP_MS)
                      : cop_next_continue(token - 1);
}

static cop_next sayer_call(void *state, const cop_msg *m, cop_from from)
{
    (void)state;
    (void)m;
    (void)cop_reply(from, NULL, 0);
    return cop_next_wait();
}

static cop_next sayer_info(void *state, const cop_msg *m)
{
    note("info %u", (unsigned)cop_msg_tag(m));
    return (*(const struct saying **)state)->info();
}

static cop_next sayer_timeout(void *state)
{
    (void)state;
    note("timeout");
    return cop_next_hibernate();
}

static void sayer_terminate(void *state, cop_reason why)
{
    char text[COP_REASON_TEXT];

    (void)state;
    note("terminate %s", cop_reason_str(why, text, sizeof text));
}

static const cop_server sayer = {.state_bytes = sizeof(struct saying *),
                                 .init = sayer_init,
                                 .call = sayer_call,
                                 .info = sayer_info,
                                 .resume = sayer_resume,
                                 .timeout = sayer_timeout,
                                 .terminate = sayer_terminate};

static cop_pid says(cop_next (*init)(void), cop_next (*info)(void))
{
    const struct saying s = {init, info};
    struct saying *own = malloc(sizeof *own);
    cop_server_opts opts = {.spawn.arg_release = free};
    cop_pid pid;

    *own = s;
    ck_assert_int_eq(cop_server_start(&pid, &sayer, own, &opts, NULL), 0);
    return pid;
}

/* {ok, State, Timeout} */
static void body_init_idle(void *arg)
{
    (void)arg;
    (void)says(says_idle, cop_next_wait);
    cop_sleep(90 * COP_MS);
    notes_are("");
    cop_sleep(20 * COP_MS);
    notes_are("timeout|");
    cop_sleep(COP_SEC);
    notes_are("");
}
KID_TEST(init_idle, body_init_idle)

/* {ok, State, {continue, _}}, and a chain of them that ends in a timeout. */
static void body_init_continue(void *arg)
{
    cop_pid p = says(says_twice, cop_next_wait);

    (void)arg;
    ck_assert_int_eq(cop_send(p, 9, NULL, 0), 0);
    settle();
    notes_are("continue 2|continue 1|continue 0|info 9|");
    cop_sleep(COP_SEC);
    notes_are(""); /* the message cancelled the idle time */
}
KID_TEST(init_continue, body_init_continue)

static void body_continue_exits(void *arg)
{
    cop_pid p = says(says_exit, cop_next_wait);

    (void)arg;
    settle();
    ck_assert(!cop_is_alive(p));
    notes_are("continue 666|terminate devil|");
}
KID_TEST(continue_exits, body_continue_exits)

/* OTP: hibernate waits without a timeout for any message, is over with it, and
 * a system request leads back to it. */
static void body_hibernate(void *arg)
{
    cop_pid p = says(cop_next_hibernate, says_idle);
    cop_pid q = says(says_idle, cop_next_hibernate);

    (void)arg;
    cop_sleep(COP_SEC);
    notes_are("timeout|"); /* q's; hibernates since */
    ck_assert_int_eq(cop_sys_get_state(p, NULL, 0, soon()), 8);
    cop_sleep(COP_SEC);
    notes_are("");
    ck_assert_int_eq(cop_send(q, 9, NULL, 0), 0);
    cop_sleep(COP_SEC);
    notes_are("info 9|");
    ck_assert_int_eq(cop_send(p, 9, NULL, 0), 0);
    cop_sleep(COP_SEC);
    notes_are("info 9|timeout|");
    ck_assert_int_eq(cop_call(p, 1, NULL, 0, NULL, 0, soon()), 0);
}
KID_TEST(hibernate, body_hibernate)

static void body_no_stack_while_idle(void *arg)
{
    cop_pid p = says(cop_next_hibernate, cop_next_hibernate);
    cop_info info;

    (void)arg;
    settle();
    ck_assert_int_eq(cop_info_get(p, &info), 0);
    ck_assert(info.is_handler);
    ck_assert_uint_lt(info.memory_bytes, 4096);
}
KID_TEST(no_stack_while_idle, body_no_stack_while_idle)

static cop_next ends_itself(void)
{
    cop_trap_exit(true);
    cop_exit_signal(cop_self(), cop_because("foo"));
    return cop_next_wait();
}

/* OTP: a server that is not linked to who started it is its own parent. */
static void body_own_parent(void *arg)
{
    cop_pid p = says(cop_next_wait, ends_itself);

    (void)arg;
    ck_assert_int_eq(cop_send(p, 9, NULL, 0), 0);
    settle();
    ck_assert(!cop_is_alive(p));
    notes_are("info 9|terminate foo|");
}
KID_TEST(own_parent, body_own_parent)

/* ---------------------------------------------------------------- enter -- */

static const struct saying quiet = {NULL, cop_next_wait};

struct entering {
    cop_next (*first)(void);
    bool trap;
    bool no_state;
    const cop_server *def;
    cop_from from;
};

static void noted(void *arg)
{
    note("%s", (const char *)arg);
}

static void enters(void *arg)
{
    const struct entering *e = arg;
    const struct saying *state = &quiet;
    const cop_msg *m;

    if (e->trap)
        cop_trap_exit(true);
    ck_assert_int_eq(cop_defer(noted, "gone"), 0);
    if (cop_recv_tag(&m, 1, COP_FOREVER) == 0)
        cop_server_enter(e->def != NULL ? e->def : &sayer,
                         e->no_state ? NULL : &state, e->first());
}

static cop_pid entered(const struct entering *e, bool link)
{
    const cop_opts opts = {
        .arg_bytes = sizeof *e, .link = link, .name = "entered"};
    cop_pid pid;

    ck_assert_int_eq(cop_spawn(&pid, enters, (void *)(uintptr_t)e, &opts), 0);
    return pid;
}

static void go(cop_pid pid)
{
    ck_assert_int_eq(cop_send(pid, 1, NULL, 0), 0);
}

/* Pid, name, mailbox and deferred functions stay. */
static void body_enter(void *arg)
{
    const struct entering e = {.first = cop_next_wait};
    cop_pid p = entered(&e, false);
    const struct saying *state = NULL;
    cop_info info;

    (void)arg;
    ck_assert_int_eq(cop_send(p, 8, NULL, 0), 0);
    ck_assert_int_eq(cop_send(p, 9, NULL, 0), 0);
    go(p);
    ck_assert_int_eq(cop_call_name("entered", 3, NULL, 0, NULL, 0, soon()), 0);
    notes_are("info 8|info 9|");
    ck_assert_int_eq(cop_info_get(p, &info), 0);
    ck_assert(info.is_handler);
    ck_assert_int_eq(cop_sys_get_state(p, &state, sizeof state, soon()),
                     (int)sizeof state);
    ck_assert_ptr_eq(state, &quiet);
    ck_assert_int_eq(cop_server_stop(p, cop_because("bye"), soon(), NULL), 0);
    notes_are("terminate bye|gone|");
}
KID_TEST(enter, body_enter)

/* OTP: {continue, _} of enter_loop comes before the messages that wait. */
static void body_enter_continue(void *arg)
{
    const struct entering e = {.first = says_twice};
    cop_pid p = entered(&e, false);

    (void)arg;
    ck_assert_int_eq(cop_send(p, 9, NULL, 0), 0);
    go(p);
    settle();
    notes_are("continue 2|continue 1|continue 0|info 9|");
}
KID_TEST(enter_continue, body_enter_continue)

/* OTP: enter_loop with a timeout. */
static void body_enter_idle(void *arg)
{
    const struct entering e = {.first = says_idle};

    (void)arg;
    go(entered(&e, false));
    cop_sleep(50 * COP_MS);
    notes_are("");
    cop_sleep(COP_SEC);
    notes_are("timeout|");
}
KID_TEST(enter_idle, body_enter_idle)

static cop_next says_stop(void)
{
    return cop_next_stop(cop_because_fmt("no", "%s", "use"));
}

static void body_enter_otherwise(void *arg)
{
    static const cop_server absurd = {.state_bytes = SIZE_MAX};
    const struct entering stop = {.first = says_stop},
                          ignore = {.first = cop_next_ignore},
                          bad = {.first = says_stop, .def = &absurd};
    cop_pid p;

    (void)arg;
    cop_trap_exit(true);
    p = entered(&stop, true);
    go(p);
    got_exit(p, "{no, \"use\"}");
    notes_are("terminate {no, \"use\"}|gone|");
    p = entered(&ignore, true);
    go(p);
    got_exit(p, "{badarg, \"cop_next_ignore: not in init\"}");
    notes_forget();
    p = entered(&bad, true);
    go(p);
    got_exit(p, "{badarg, \"cop_server_enter: absurd state_bytes\"}");
    notes_are("gone|");
}
KID_TEST(enter_otherwise, body_enter_otherwise)

static void enters_for(void *arg)
{
    const struct entering e = {.first = cop_next_wait, .trap = true};
    const cop_msg *m;
    cop_pid p = entered(&e, false);

    *(cop_pid *)arg = p;
    go(p);
    ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
    cop_exit_signal(p, cop_because("foo"));
    (void)!cop_recv(&m, COP_FOREVER);
}

/* OTP: the EXIT of another is a message; one of who spawned it ends it, linked
 * or not. */
static void body_enter_parent(void *arg)
{
    static cop_pid p;
    cop_pid parent;

    (void)arg;
    ck_assert_int_eq(cop_spawn(&parent, enters_for, &p, NULL), 0);
    settle();
    cop_exit_signal(p, cop_because("other"));
    settle();
    notes_are("info 4294967280|");
    go(parent);
    settle();
    ck_assert(!cop_is_alive(p));
    notes_are("terminate foo|gone|");
}
KID_TEST(enter_parent, body_enter_parent)

/* An exit in a callback: terminate is owed. A kill: nothing but the deferred.
 */
static void body_enter_ends(void *arg)
{
    const struct entering e = {
        .first = cop_next_wait, .no_state = true, .def = &kid_server};
    cop_pid p = entered(&e, false);

    (void)arg;
    go(p);
    settle();
    cop_exit_signal(p, COP_KILL);
    settle();
    notes_are("gone|");
    ck_assert(!cop_is_alive(p));
}
KID_TEST(enter_ends, body_enter_ends)

static cop_next exits(void)
{
    cop_exit(cop_because("boom"));
}

static void enters_to_exit(void *arg)
{
    const struct saying s = {NULL, exits};
    struct saying *own = malloc(sizeof *own);

    (void)arg;
    *own = s;
    ck_assert_int_eq(cop_defer(free, own), 0);
    cop_server_enter(&sayer, &own, cop_next_hibernate());
}

static void body_enter_exits(void *arg)
{
    cop_pid p;

    (void)arg;
    ck_assert_int_eq(cop_spawn(&p, enters_to_exit, NULL, NULL), 0);
    ck_assert_int_eq(cop_send(p, 5, NULL, 0), 0);
    settle();
    ck_assert(!cop_is_alive(p));
    notes_are("info 5|terminate boom|");
}
KID_TEST(enter_exits, body_enter_exits)

static void body_enter_no_memory(void *arg)
{
    const struct entering e = {.first = says_twice};
    uint64_t count = 1;

    (void)arg;
    for (uint64_t n = 1; n <= count; n++) {
        cop_pid p = entered(&e, false);

        cop_sleep(COP_MS);
        cop_ext_fail_alloc(n, false);
        (void)cop_send(p, 1, NULL, 0);
        settle();
        count = cop_ext_alloc_count();
        cop_ext_fail_alloc(0, false);
        cop_exit_signal(p, COP_KILL);
        settle();
        ck_assert(!cop_is_alive(p));
        ck_assert(strstr(notes_text, "gone|") != NULL);
        notes_forget();
        ck_assert_uint_lt(n, 100);
    }
}
KID_TEST(enter_no_memory, body_enter_no_memory)

/* A continue that receives: what came before it is not lost, and later. */
static cop_next greedy_init(void *state, void *arg)
{
    (void)state;
    (void)arg;
    ck_assert_int_eq(cop_send(cop_self(), 7, "hello", 6), 0);
    ck_assert_int_eq(cop_send(cop_self(), 9, "go", 3), 0);
    return cop_next_continue(1);
}

static cop_next greedy_resume(void *state, uint64_t token)
{
    const cop_msg *m;

    (void)state;
    (void)token;
    ck_assert_int_eq(cop_recv_tag(&m, 9, COP_FOREVER), 0);
    return cop_next_wait();
}

static cop_next greedy_info(void *state, const cop_msg *m)
{
    (void)state;
    note("%u %s", (unsigned)cop_msg_tag(m), (const char *)cop_msg_body(m));
    return cop_next_wait();
}

static const cop_server greedy = {
    .init = greedy_init, .resume = greedy_resume, .info = greedy_info};

static void body_continue_receives(void *arg)
{
    cop_pid pid;

    (void)arg;
    ck_assert_int_eq(cop_server_start(&pid, &greedy, NULL, NULL, NULL), 0);
    settle();
    notes_are("7 hello|");
}
KID_TEST(continue_receives, body_continue_receives)

static const TTest *const cases[] = {
    init_idle,      continue_receives,   init_continue,   continue_exits,
    hibernate,      no_stack_while_idle, own_parent,      enter,
    enter_continue, enter_idle,          enter_otherwise, enter_parent,
    enter_ends,     enter_exits,         enter_no_memory,
};
UNIT_MAIN("server_more", cases)
