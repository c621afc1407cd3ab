/* SPDX-License-Identifier: MIT
 *
 * sys_look_test.c - the services of sys.h that look into a server; who else is
 * asked; no memory. Where a comment says "OTP", Erlang/OTP 25 was asked.
 */
#include <coppice.h>

#include "actors/sys.h"
#include "actors/sys_debug.h"
#include "tests/support/counter.h"

/* -------------------------------------------------------------- looking -- */

static void body_status(void *arg)
{
    const cop_server_opts opts = {.spawn = {.link = true, .name = "svc"}};
    char want[512], have[512], self[COP_PID_TEXT], pid[COP_PID_TEXT];
    cop_pid p, q = start(&plain_server, NULL, false);
    int n;

    (void)arg;
    ck_assert_int_eq(cop_server_start(&p, &counter_server, NULL, &opts, NULL),
                     0);
    n = snprintf(want, sizeof want,
                 "behaviour: server\nlabel: counter\npid: %s\nname: svc\n"
                 "parent: %s\nstatus: running\nevents logged: 0\n"
                 "state: number 7",
                 cop_pid_str(p, pid, sizeof pid),
                 cop_pid_str(cop_self(), self, sizeof self));
    ck_assert_int_eq(cop_sys_get_status(p, have, sizeof have, soon()), n);
    ck_assert_str_eq(have, want);
    /* cut, as snprintf does */
    memset(have, 'x', sizeof have);
    ck_assert_int_eq(cop_sys_get_status(p, have, 5, soon()), n);
    ck_assert_str_eq(have, "beha");
    ck_assert_int_eq(cop_sys_get_status(p, NULL, 0, soon()), n);
    ck_assert_int_eq(cop_sys_get_status(p, NULL, 1, soon()), COP_EINVAL);
    status_has(q, "label: plain\n");
    /* OTP: one that is not linked to who started it is its own parent */
    snprintf(want, sizeof want, "name: \nparent: %s\n",
             cop_pid_str(q, pid, sizeof pid));
    status_has(q, want);
    status_has(q, "state: 8 bytes");
}
KID_TEST(status, body_status)

/* OTP: a format_status that fails is not the server's end. */
static void body_format_fails(void *arg)
{
    cop_pid p = counter();

    (void)arg;
    cast(p, SET, 666);
    status_has(p, "state: (format_status failed)");
    ck_assert_int_eq(get(p, soon()), 666);
}
KID_TEST(format_fails, body_format_fails)

/* OTP: no_statistics while off; a call, a message and a cast are 3 messages in;
 * to turn it on again changes nothing; off twice is no error. */
static void body_statistics(void *arg)
{
    cop_sys_stats s;
    cop_time before = cop_now();
    cop_pid p = counter();

    (void)arg;
    ck_assert_int_eq(cop_sys_get_statistics(p, &s, soon()), COP_ENOENT);
    ck_assert_int_eq(cop_sys_statistics(p, true, soon()), 0);
    ck_assert_int_eq(get(p, soon()), 7);
    send(p, 1);
    cast(p, IDLE, 10);
    ck_assert_int_eq(cop_sys_statistics(p, true, soon()), 0);
    ck_assert_int_eq(cop_sys_get_statistics(p, &s, soon()), 0);
    ck_assert_uint_eq(s.messages_in, 3);
    ck_assert(s.start >= before && s.now >= s.start && s.now <= cop_now());
    cop_sleep(50 * COP_MS);
    ck_assert_int_eq(cop_sys_get_statistics(p, &s, soon()), 0);
    ck_assert_uint_eq(s.messages_in, 4); /* the timeout */
    ck_assert_uint_gt(s.reductions, 0);
    ck_assert_uint_lt(s.reductions, 1000);
    ck_assert_int_eq(cop_sys_get_statistics(p, NULL, soon()), COP_EINVAL);
    ck_assert_int_eq(cop_sys_statistics(p, false, soon()), 0);
    ck_assert_int_eq(cop_sys_statistics(p, false, soon()), 0);
    ck_assert_int_eq(cop_sys_get_statistics(p, &s, soon()), COP_ENOENT);
}
KID_TEST(statistics, body_statistics)

static void log_is(cop_pid p, const char *want)
{
    char have[1024];
    int n = cop_sys_get_log(p, have, sizeof have, soon());

    ck_assert_str_eq(have, want);
    ck_assert_int_eq(n, (int)strlen(want));
}

/* OTP: nothing while off; the last 3 of {true, 3}; another number while it is
 * on changes nothing; off drops what was kept. */
static void body_log(void *arg)
{
    cop_pid p = start(&plain_server, NULL, false);
    char some[8], all[256], me[COP_PID_TEXT];

    (void)arg;
    log_is(p, "");
    ck_assert_int_eq(cop_sys_log(p, 3, soon()), 0);
    for (cop_tag t = 1; t <= 5; t++)
        cast(p, t, 0);
    cop_pid_str(cop_self(), me, sizeof me);
    snprintf(all, sizeof all,
             "got cast 3 from %s\ngot cast 4 from %s\ngot cast 5 from %s\n", me,
             me, me);
    log_is(p, all);
    ck_assert_int_eq(cop_sys_get_log(p, some, sizeof some, soon()),
                     (int)strlen(all));
    ck_assert_str_eq(some, "got cas");
    ck_assert_int_eq(cop_sys_log(p, 5, soon()), 0);
    log_is(p, all);
    status_has(p, "events logged: 3\n");
    ck_assert_int_eq(cop_sys_log(p, 0, soon()), 0);
    log_is(p, "");
    status_has(p, "events logged: 0\n");
    ck_assert_int_eq(cop_sys_log(p, COP_SYS_LOG_MAX + 1, soon()), COP_EINVAL);
    ck_assert_int_eq(cop_sys_log(p, COP_SYS_LOG_MAX, soon()), 0);
    cast(p, IDLE, 5);
    cop_sleep(50 * COP_MS);
    ck_assert_int_gt(cop_sys_get_log(p, some, 0, soon()), 0);
}
KID_TEST(log_of_events, body_log)

static void says_hello(void *arg)
{
    const cop_msg *m;

    ck_assert_int_eq(cop_link(*(cop_pid *)arg), 0);
    ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
    cop_exit(cop_because("boom"));
}

/* What a line says of each kind of message. */
static void body_log_lines(void *arg)
{
    const cop_server_opts opts = {.spawn.trap_exit = true};
    char want[1024], me[COP_PID_TEXT], other[COP_PID_TEXT];
    cop_pid p, q;

    (void)arg;
    ck_assert_int_eq(cop_server_start(&p, &counter_server, NULL, &opts, NULL),
                     0);
    ck_assert_int_eq(cop_spawn(&q, says_hello, &p, NULL), 0);
    ck_assert_int_eq(cop_sys_log(p, 10, soon()), 0);
    ck_assert_int_eq(get(p, soon()), 7);
    cast(p, SET, 8);
    send(q, 1);
    settle();
    cast(p, IDLE, 5);
    cop_sleep(50 * COP_MS);
    cop_pid_str(cop_self(), me, sizeof me);
    snprintf(want, sizeof want,
             "got call 7 from %s\nnew state number 7\n"
             "got cast 10 from %s\nnew state number 8\n"
             "got EXIT of %s: boom\nnew state number 8\n"
             "got cast 8 from %s\nnew state number 8\n"
             "got timeout\nnew state number 8\n",
             me, me, cop_pid_str(q, other, sizeof other), me);
    log_is(p, want);
}
KID_TEST(log_lines, body_log_lines)

static void noted_line(const char *line)
{
    note("%s", line);
}

static void body_trace(void *arg)
{
    const cop_server_opts opts = {.spawn.name = "svc"};
    char want[512], me[COP_PID_TEXT], pid[COP_PID_TEXT];
    cop_pid p, q = start(&plain_server, NULL, false), silent = counter();

    (void)arg;
    ck_assert_int_eq(cop_server_start(&p, &counter_server, NULL, &opts, NULL),
                     0);
    ck_assert_int_eq(cop_sys_trace(p, true, soon()), 0);
    ck_assert_int_eq(cop_sys_trace(p, true, soon()), 0);
    ck_assert_int_eq(cop_sys_trace(q, true, soon()), 0);
    ck_assert_int_eq(cop_sys_log(silent, 9, soon()), 0);
    ck_assert_int_eq(get(silent, soon()), 7);
    ck_assert_int_eq(get(p, soon()), 7);
    settle();
    ck_assert_int_eq(get(q, soon()), 7);
    ck_assert_int_eq(cop_sys_trace(p, false, soon()), 0);
    ck_assert_int_eq(cop_sys_trace(p, false, soon()), 0);
    ck_assert_int_eq(get(p, soon()), 7);
    cop_pid_str(cop_self(), me, sizeof me);
    snprintf(want, sizeof want,
             "*DBG* svc got call 7 from %s|*DBG* svc new state number 7|"
             "*DBG* %s got call 7 from %s|",
             me, cop_pid_str(q, pid, sizeof pid), me);
    notes_are(want);
}

START_TEST(trace)
{
    const cop_config config = {
        .workers = 2, .virtual_time = true, .log = noted_line};

    actor_test(body_trace, &config);
}
END_TEST

/* While nothing is on there is no record, and a message costs one test. */
START_TEST(nothing_on_costs_nothing)
{
    struct copi_debug *d = NULL;

    ck_assert_int_eq(copi_debug_trace(&d, false), 0);
    ck_assert_int_eq(copi_debug_log(&d, 0), 0);
    ck_assert_int_eq(copi_debug_trace(&d, true), 0);
    ck_assert_int_eq(copi_debug_log(&d, 5), 0);
    ck_assert_int_eq(copi_debug_trace(&d, false), 0);
    ck_assert_ptr_nonnull(d);
    ck_assert_int_eq(copi_debug_log(&d, 0), 0);
    ck_assert_ptr_null(d);
    ck_assert_int_eq(copi_debug_trace(&d, true), 0);
    copi_debug_free(d);
    copi_debug_free(NULL);
}
END_TEST

/* ------------------------------------------------------ other receivers -- */

static void answers_all(void *arg)
{
    const cop_msg *m;

    (void)arg;
    while (cop_recv(&m, COP_FOREVER) == 0)
        if (cop_msg_how(m) == COP_MSG_CALL)
            (void)cop_reply(cop_msg_from(m), "hello, I am no behaviour", 24);
}

static void answers_none(void *arg)
{
    (void)arg;
    cop_sleep(20 * COP_SEC);
}

/* OTP: timeout, noproc, calling_self. */
static void body_no_behaviour(void *arg)
{
    cop_pid p, q, dead = counter();
    char buf[8];

    (void)arg;
    ck_assert_int_eq(cop_spawn(&p, answers_none, NULL, NULL), 0);
    ck_assert_int_eq(cop_sys_get_state(p, buf, 8, cop_in(100 * COP_MS)),
                     COP_ETIMEDOUT);
    ck_assert_int_eq(cop_spawn(&q, answers_all, NULL, NULL), 0);
    ck_assert_int_eq(cop_sys_suspend(q, soon()), COP_EINVAL);
    ck_assert_int_eq(cop_sys_get_status(q, buf, 8, soon()), COP_EINVAL);
    ck_assert_str_eq(buf, "");
    cop_exit_signal(dead, COP_KILL);
    ck_assert_int_eq(cop_sys_suspend(dead, soon()), COP_ENOPROC);
    ck_assert_int_eq(cop_sys_suspend(COP_NO_PID, soon()), COP_ENOPROC);
    ck_assert_int_eq(cop_sys_suspend(cop_self(), soon()), COP_EDEADLOCK);
    ck_assert_int_eq(cop_sys_terminate(cop_self(), COP_NORMAL, soon()),
                     COP_EDEADLOCK);
}
KID_TEST(no_behaviour, body_no_behaviour)

/* What is no request of ours is neither answered nor the server's end. */
static void body_forged(void *arg)
{
    struct copi_sys_request r = {.op = COPI_SYS_GET_STATUS};
    cop_pid p = counter();

    (void)arg;
    r.op = COPI_SYS_SUSPEND;
    ck_assert_int_eq(
        cop_cast(p, COPI_SYS, &r, offsetof(struct copi_sys_request, data)), 0);
    ck_assert_int_eq(cop_send(p, COPI_SYS, NULL, 0), 0);
    ck_assert_int_eq(cop_call(p, COPI_SYS, "x", 1, NULL, 0, cop_in(COP_MS)),
                     COP_ETIMEDOUT);
    r.data_bytes = SIZE_MAX;
    ck_assert_int_eq(
        cop_call(p, COPI_SYS, &r, sizeof r, NULL, 0, cop_in(COP_MS)),
        COP_ETIMEDOUT);
    r = (struct copi_sys_request){.op = (enum copi_sys_op)99};
    ck_assert_int_eq(cop_call(p, COPI_SYS, &r,
                              offsetof(struct copi_sys_request, data), NULL, 0,
                              soon()),
                     (int)sizeof(struct copi_sys_answer));
    ck_assert_int_eq(get(p, soon()), 7);
}
KID_TEST(forged, body_forged)

/* OTP: a suspended supervisor restarts nobody until it goes on. */
static void body_supervisor(void *arg)
{
    static struct kid k = {.name = "k"};
    const cop_child kids[] = {{.id = "k", .server = &kid_server, .arg = &k}};
    const cop_sup spec = {.intensity = 5, .children = kids, .nchildren = 1};
    cop_pid s, first;
    cop_sup_state state;

    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(cop_sup_start(&s, &spec, NULL, NULL), 0);
    first = k.pid;
    status_has(s, "behaviour: supervisor\n");
    status_has(s, "state: 1 children, 0 restarting");
    ck_assert_int_eq(cop_sys_get_state(s, &state, sizeof state, soon()),
                     sizeof state);
    ck_assert(state.intensity == 5 && state.period_ns == 5 * COP_SEC);
    ck_assert(state.children == 1 && state.restarts == 0);
    suspend(s);
    ck_assert_int_eq(change(s, &wide_server, ""), COP_ENOTSUP);
    cop_exit_signal(first, COP_KILL);
    cop_sleep(50 * COP_MS);
    ck_assert(!cop_is_alive(first) && cop_pid_eq(k.pid, first));
    resume(s);
    settle();
    ck_assert(cop_is_alive(k.pid) && !cop_pid_eq(k.pid, first));
    ck_assert_int_eq(cop_server_stop(s, COP_SHUTDOWN, soon(), NULL), 0);
}
KID_TEST(of_a_supervisor, body_supervisor)

static int no_more_restarts(void *state, size_t bytes, void *arg)
{
    cop_sup_state *s = state;

    ck_assert_uint_eq(bytes, sizeof *s);
    s->intensity = 0;
    s->children += (size_t)(uintptr_t)arg;
    return 0;
}

/* Changed while it runs: then one death is too many. What merely tells cannot
 * be changed. */
static void body_supervisor_state(void *arg)
{
    static struct kid k = {.name = "k"};
    const cop_child kids[] = {{.id = "k", .server = &kid_server, .arg = &k}};
    const cop_sup spec = {.intensity = 5, .children = kids, .nchildren = 1};
    cop_sup_state state;
    cop_pid s;

    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(cop_sup_start(&s, &spec, NULL, NULL), 0);
    cop_exit_signal(k.pid, COP_KILL);
    settle();
    ck_assert_int_eq(
        cop_sys_replace_state(s, no_more_restarts, (void *)1, 0, soon()),
        COP_EFAILED);
    ck_assert_int_eq(cop_sys_get_state(s, &state, sizeof state, soon()),
                     sizeof state);
    ck_assert(state.intensity == 5 && state.restarts == 1);
    ck_assert_int_eq(
        cop_sys_replace_state(s, no_more_restarts, NULL, 0, soon()), 0);
    cop_exit_signal(k.pid, COP_KILL);
    settle();
    ck_assert(!cop_is_alive(s));
}
KID_TEST(state_of_a_supervisor, body_supervisor_state)

static void body_registry(void *arg)
{
    cop_pid r, g;

    (void)arg;
    ck_assert_int_eq(cop_registry_start(&r, COP_KEYS_UNIQUE, NULL), 0);
    ck_assert_int_eq(cop_registry_put(r, "k", cop_self(), 1), 0);
    status_has(r, "behaviour: registry\n");
    status_has(r, "state: unique keys, 1 entries");
    ck_assert_int_eq(cop_sys_get_state(r, NULL, 0, soon()), COP_ENOTSUP);
    ck_assert_int_eq(cop_group_start(&g, NULL), 0);
    ck_assert_int_eq(cop_group_join(g, "k", cop_self()), 0);
    status_has(g, "behaviour: group\n");
    status_has(g, "state: 1 joins");
    ck_assert_int_eq(cop_sys_get_state(g, NULL, 0, soon()), COP_ENOTSUP);
    suspend(g);
    resume(g);
    ck_assert_int_eq(cop_group_members(g, "k", NULL, 0), 1);
}
KID_TEST(of_registry_and_group, body_registry)

/* ------------------------------------------------------ foreign threads -- */

START_TEST(from_outside)
{
    const cop_config config = {.workers = 2};
    char text[COP_SYS_STATUS_TEXT];
    struct counter state;
    cop_sys_stats stats;
    cop_pid p;

    ck_assert_int_eq(cop_sys_suspend(COP_NO_PID, COP_FOREVER), COP_ESTOPPED);
    ck_assert_int_eq(cop_start(&config), 0);
    p = counter();
    suspend(p);
    ck_assert_int_eq(cop_sys_get_state(p, &state, sizeof state, soon()),
                     (int)sizeof state);
    ck_assert_int_eq(replace(p, 3), 0);
    ck_assert_int_eq(replace(p, 666), COP_EFAILED);
    ck_assert_int_eq(change(p, &wide_server, ""), 0);
    resume(p);
    ck_assert_int_eq(get(p, soon()), 1010);
    ck_assert_int_eq(cop_sys_statistics(p, true, soon()), 0);
    ck_assert_int_eq(cop_sys_log(p, 2, soon()), 0);
    ck_assert_int_eq(get(p, soon()), 1010);
    ck_assert_int_eq(cop_sys_get_statistics(p, &stats, soon()), 0);
    ck_assert_uint_eq(stats.messages_in, 1);
    ck_assert_int_gt(cop_sys_get_log(p, text, sizeof text, soon()), 0);
    ck_assert_int_gt(cop_sys_get_status(p, text, sizeof text, soon()), 0);
    ck_assert_int_eq(cop_sys_terminate(p, COP_NORMAL, soon()), 0);
    ck_assert_int_eq(cop_sys_terminate(counter(), COP_NORMAL, COP_POLL),
                     COP_ETIMEDOUT);
    ck_assert_int_eq(cop_stop(cop_in(COP_SEC), NULL), 0);
}
END_TEST

/* -------------------------------------------------------- out of memory -- */

/* Each service with one allocation failing: it says so or works. */
static int ask(cop_pid p, int which)
{
    cop_sys_stats stats;
    struct counter state;
    char text[1024];

    switch (which) {
    case 0:
        return cop_sys_suspend(p, soon());
    case 1:
        return change(p, &narrow_server, "");
    case 2:
        return cop_sys_resume(p, soon());
    case 3:
        return cop_sys_get_state(p, &state, sizeof state, soon());
    case 4:
        return replace(p, 1);
    case 5:
        return cop_sys_statistics(p, true, soon());
    case 6:
        return cop_sys_get_statistics(p, &stats, soon());
    case 7:
        return cop_sys_log(p, 9, soon());
    case 8:
        return cop_sys_get_log(p, text, sizeof text, soon());
    case 9:
        return cop_sys_get_status(p, text, sizeof text, soon());
    case 10:
        return cop_sys_trace(p, false, soon());
    default:
        return cop_sys_terminate(p, cop_because_fmt("x", "y"), soon());
    }
}

static cop_pid asked_for(int which)
{
    cop_pid p = which == 1 ? start(&wide_server, NULL, false) : counter();

    if (which == 1)
        suspend(p);
    if (which == 6)
        ck_assert_int_eq(cop_sys_statistics(p, true, soon()), 0);
    if (which == 8)
        ck_assert_int_eq(cop_sys_log(p, 3, soon()), 0);
    return p;
}

static void body_no_memory(void *arg)
{
    (void)arg;
    for (int which = 0; which < 12; which++) {
        uint64_t count = 1;

        for (uint64_t n = 1; n <= count; n++) {
            cop_pid p = asked_for(which);
            int err;

            cop_ext_fail_alloc(n, false);
            err = ask(p, which);
            count = cop_ext_alloc_count();
            cop_ext_fail_alloc(0, false);
            ck_assert_msg(err >= 0 || err == COP_ENOMEM, "%d: %s", which,
                          cop_error_str(err));
            ck_assert(which == 11 || cop_is_alive(p));
            cop_exit_signal(p, COP_KILL);
            settle();
            mailbox_is_empty();
            ck_assert_uint_lt(n, 1000);
        }
    }
}
KID_TEST(no_memory, body_no_memory)

static const TTest *const cases[] = {
    status,
    format_fails,
    statistics,
    log_of_events,
    log_lines,
    trace,
    nothing_on_costs_nothing,
    no_behaviour,
    forged,
    of_a_supervisor,
    state_of_a_supervisor,
    of_registry_and_group,
    from_outside,
    no_memory,
};
UNIT_MAIN("sys_look", cases)
