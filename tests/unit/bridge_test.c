/* SPDX-License-Identifier: MIT
 *
 * bridge_test.c - work done elsewhere as a child of a supervisor: its end
 * reaches the supervisor, and the supervisor's stop reaches it. When a bridge
 * ends and with what, and when stop is called, was asked of OTP 25's
 * supervisor_bridge; it has no kill and no release.
 */
#include <coppice.h>
#include <coppice/bridge.h>

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "tests/support/sup.h"

/* --------------------------------------------------------- work by hand -- */

/* Work that the test itself does: it has the handle. */
struct work {
    const char *name;
    int fails;         /* start says so; with `why` if it is set */
    const char *why;   /* of a failed start */
    bool is_slow;      /* stop only tells; the test reports the end */
    cop_time stop_ns;  /* stop takes so long */
    const char *exits; /* stop exits */
    cop_pid actor;
    int starts;
    cop_bridge_handle handle;
    cop_pid bridge;
};

static struct work w = {.name = "w"};

static int work_start(cop_bridge_work *work, void *arg,
                      cop_bridge_handle handle, cop_reason *why)
{
    struct work *own = arg;
    note("%s start", own->name);
    own->starts++;
    own->handle = handle;
    own->bridge = cop_self();
    work->state = own;
    work->actor = own->actor;
    if (own->why != NULL)
        *why = cop_because_fmt(own->why, "%d", own->starts);
    return own->fails;
}

static bool work_stop(void *state, cop_reason why)
{
    struct work *own = state;
    char text[COP_REASON_TEXT];
    note("%s stop %s", own->name, cop_reason_str(why, text, sizeof text));
    if (own->stop_ns > 0)
        cop_sleep(own->stop_ns);
    if (own->exits != NULL)
        cop_exit(cop_because(own->exits));
    return !own->is_slow;
}

static void work_kill(void *state)
{
    note("%s kill", ((struct work *)state)->name);
}

static void work_release(void *state)
{
    note("%s release", ((struct work *)state)->name);
}

static const cop_bridge bridge = {.start = work_start,
                                  .stop = work_stop,
                                  .kill = work_kill,
                                  .release = work_release,
                                  .arg = &w};

#define BRIDGE(id_, bridge_, ...)                                              \
    {                                                                          \
        .id = id_, .start = cop_bridge_start_child, .arg = (void *)&bridge_,   \
        __VA_ARGS__                                                            \
    }

static void report(const char *why)
{
    ck_assert_int_eq(cop_bridge_done(w.handle, kid_reason(why)), 0);
    settle();
}

/* ---------------------------------------------------------------- tests -- */

static void body_end_of_work_ends_it(void *arg)
{
    const cop_child kids[] = {BRIDGE("w", bridge, .restart = COP_TRANSIENT)};
    const cop_sup spec = {.intensity = 2, CHILDREN(kids)};
    cop_pid s = up(&spec), old;
    (void)arg;
    which_is(s, "w=up");
    counts_are(s, "1 1 0 1");
    old = w.bridge;
    report("boom"); /* restarted: it runs again, under another handle */
    notes_are("w start|w release|w start|");
    ck_assert(!cop_pid_eq(w.bridge, old));
    ck_assert_int_eq(
        cop_bridge_done((cop_bridge_handle){old}, cop_because_fmt("late", "x")),
        0); /* nobody's */
    which_is(s, "w=up");
    report("shutdown:enough"); /* orderly */
    notes_are("w release|");
    which_is(s, "w=undefined");
    ck_assert_int_eq(cop_sup_restart_child(s, &old, "w", NULL), 0);
    ck_assert_int_eq(w.starts, 3);
    for (int i = 0; i < 2; i++)
        report("boom");
    got_exit(s, "shutdown");
}
KID_TEST(end_of_work_ends_it, body_end_of_work_ends_it)

static void body_reason_is_the_works(void *arg)
{
    cop_pid pid;
    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(cop_bridge_start(&pid, &bridge, NULL), 0);
    ck_assert_int_eq(
        cop_bridge_done(w.handle, cop_because_fmt("disk", "%d", 7)), 0);
    ck_assert_int_eq(
        cop_bridge_done(w.handle, cop_because_fmt("disk", "%d", 8)),
        0); /* the first report counts */
    got_exit(pid, "{disk, \"7\"}");
    notes_are("w start|w release|");
}
KID_TEST(reason_is_the_works, body_reason_is_the_works)

static void body_stop_ends_the_work(void *arg)
{
    const cop_child kids[] = {BRIDGE("w", bridge)};
    const cop_sup spec = {CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    notes_forget();
    stop(s);
    notes_are("w stop shutdown|w release|");
    /* asked for by itself, with another reason */
    s = up(&spec);
    notes_forget();
    ck_assert_int_eq(
        cop_server_stop(w.bridge, cop_because("away"), COP_FOREVER, NULL), 0);
    settle();
    notes_are("w stop away|w release|w start|");
}
KID_TEST(stop_ends_the_work, body_stop_ends_the_work)

static void stops_the_sup(void *arg)
{
    cop_pid s = *(cop_pid *)arg;
    ck_assert_int_eq(cop_server_stop(s, COP_SHUTDOWN, COP_FOREVER, NULL), 0);
    note("stopped");
}

static void body_stop_is_awaited(void *arg)
{
    const cop_child kids[] = {BRIDGE("w", bridge)};
    const cop_sup spec = {CHILDREN(kids)};
    const cop_opts opts = {.arg_bytes = sizeof(cop_pid)};
    cop_pid s = up(&spec);
    (void)arg;
    w.is_slow = true;
    notes_forget();
    ck_assert_int_eq(cop_spawn(NULL, stops_the_sup, &s, &opts), 0);
    cop_sleep(3 * COP_SEC);
    notes_are("w stop shutdown|");
    report("whatever");
    notes_are("w release|stopped|");
    got_exit(s, "shutdown");
}
KID_TEST(stop_is_awaited, body_stop_is_awaited)

static void body_stop_takes_too_long(void *arg)
{
    const cop_child kids[] = {BRIDGE("w", bridge, .shutdown_ns = 200 * COP_MS)};
    const cop_sup spec = {CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    notes_forget();
    w.is_slow = true;
    stop(s);
    notes_are("w stop shutdown|w kill|w release|");
    s = up(&spec);
    notes_forget();
    w.is_slow = false;
    w.stop_ns = COP_SEC;
    stop(s);
    notes_are("w stop shutdown|w kill|w release|");
}
KID_TEST(stop_takes_too_long, body_stop_takes_too_long)

static void body_killed(void *arg)
{
    const cop_child kids[] = {
        BRIDGE("w", bridge, .shutdown_ns = COP_BRUTAL_KILL)};
    const cop_sup spec = {CHILDREN(kids)};
    cop_pid s = up(&spec);
    (void)arg;
    notes_forget();
    ck_assert_int_eq(cop_exit_signal(w.bridge, COP_KILL), 0);
    settle();
    notes_are("w kill|w release|w start|");
    stop(s);
    notes_are("w kill|w release|");
}
KID_TEST(killed, body_killed)

static void body_stop_that_exits(void *arg)
{
    cop_pid pid;
    (void)arg;
    cop_trap_exit(true);
    w.exits = "oops";
    ck_assert_int_eq(cop_bridge_start(&pid, &bridge, NULL), 0);
    ck_assert_int_eq(cop_server_stop(pid, COP_SHUTDOWN, COP_FOREVER, NULL),
                     COP_EDOWN);
    got_exit(pid, "oops");
    notes_are("w start|w stop shutdown|w kill|w release|");
}
KID_TEST(stop_that_exits, body_stop_that_exits)

static void body_starts_that_fail(void *arg)
{
    const cop_sup spec = {.strategy = COP_DYNAMIC};
    const cop_child child = BRIDGE(NULL, bridge);
    cop_pid s = up(&spec), pid;
    cop_reason why;
    (void)arg;
    w.fails = COP_EIGNORE;
    ck_assert_int_eq(cop_sup_start_child(s, &pid, &child, &why), COP_EIGNORE);
    w.fails = COP_ESYS;
    ck_assert_int_eq(cop_sup_start_child(s, &pid, &child, &why), COP_EFAILED);
    reason_was(why, "{start_failed, \"operating system refused\"}");
    w.fails = COP_EFAILED;
    w.why = "no_disk";
    ck_assert_int_eq(cop_sup_start_child(s, &pid, &child, &why), COP_EFAILED);
    reason_was(why, "{no_disk, \"3\"}");
    ck_assert_int_eq(cop_bridge_start(&pid, &bridge, &why), COP_EDOWN);
    reason_was(why, "{no_disk, \"4\"}");
    notes_are("w start|w start|w start|w start|"); /* and no release */
    which_is(s, "");
    ck_assert_int_eq(cop_bridge_start(&pid, NULL, NULL), COP_EINVAL);
    ck_assert_int_eq(cop_bridge_start(&pid, &(cop_bridge){0}, NULL),
                     COP_EINVAL);
    ck_assert_int_eq(cop_bridge_start(&pid,
                                      &(cop_bridge){.start = work_start,
                                                    .opts = {.mailbox_max = 9}},
                                      NULL),
                     COP_EINVAL);
    mailbox_is_empty();
}
KID_TEST(starts_that_fail, body_starts_that_fail)

/* As a supervisor it has no children, as in OTP. It has no other answers, but
 * each call ends. */
static void body_strangers(void *arg)
{
    cop_pid pid;
    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(cop_bridge_start(&pid,
                                      &(cop_bridge){.start = work_start,
                                                    .arg = &w,
                                                    .opts = {.name = "bridge"}},
                                      NULL),
                     0);
    ck_assert(cop_pid_eq(cop_whereis("bridge"), pid));
    counts_are(pid, "0 0 0 0");
    which_is(pid, "");
    ck_assert_int_eq(cop_sup_terminate_child(pid, "x"), COP_EINVAL);
    ck_assert_int_eq(cop_call(pid, 7, NULL, 0, NULL, 0, COP_FOREVER), 0);
    ck_assert_int_eq(cop_cast(pid, 1, NULL, 0), 0);
    ck_assert_int_eq(cop_send(pid, 1, NULL, 0), 0);
    ck_assert_int_eq(cop_exit_signal(pid, cop_because("boom")), 0);
    settle();
    ck_assert(!cop_is_alive(pid)); /* that was its parent's */
    got_exit(pid, "boom");
}
KID_TEST(strangers, body_strangers)

/* ---------------------------------------------- an actor from elsewhere -- */

static void body_actor(void *arg)
{
    const cop_bridge follow = {.start = work_start, .arg = &w};
    const cop_child kids[] = {BRIDGE("w", follow, .restart = COP_TEMPORARY)};
    const cop_sup spec = {CHILDREN(kids)};
    cop_pid s;
    (void)arg;
    ck_assert_int_eq(cop_spawn(&w.actor, kid_actor, &a, NULL), 0);
    settle();
    s = up(&spec);
    which_is(s, "w=up");
    crash(&a, "boom");
    which_is(s, "");
    /* the bridge ends: the actor is told, and waited for */
    b.trap = false;
    ck_assert_int_eq(cop_spawn(&w.actor, kid_actor, &b, NULL), 0);
    s = up(&spec);
    stop(s);
    ck_assert(!cop_is_alive(w.actor));
    /* it is dead before the bridge looks */
    notes_forget();
    s = up(&spec);
    settle();
    which_is(s, "");
    /* and it goes with a bridge that is killed */
    c.trap = false;
    ck_assert_int_eq(cop_spawn(&w.actor, kid_actor, &c, NULL), 0);
    s = up(&spec);
    ck_assert_int_eq(cop_exit_signal(w.bridge, COP_KILL), 0);
    settle();
    ck_assert(!cop_is_alive(w.actor));
}
KID_TEST(actor, body_actor)

/* ------------------------------------------------------------- a thread -- */

/* A thread that counts until it is told to stop, or until `limit`. */
struct counter {
    pthread_t thread;
    cop_bridge_handle handle;
    atomic_int told;
    int limit;
};

static atomic_int counters, counted, limit;

static void *count(void *arg)
{
    struct counter *own = arg;
    int n = 0;
    while (!atomic_load(&own->told) && n != own->limit)
        n++;
    atomic_fetch_add(&counted, 1);
    while (cop_bridge_done(own->handle, n == own->limit
                                            ? cop_because_fmt("limit", "%d", n)
                                            : COP_NORMAL) == COP_ENOMEM)
        ;
    return NULL;
}

static int counter_start(cop_bridge_work *work, void *arg,
                         cop_bridge_handle handle, cop_reason *why)
{
    struct counter *own = calloc(1, sizeof *own);
    (void)arg;
    (void)why;
    if (own == NULL)
        return COP_ENOMEM;
    own->handle = handle;
    own->limit = atomic_load(&limit);
    if (pthread_create(&own->thread, NULL, count, own) != 0) {
        free(own);
        return COP_ESYS;
    }
    atomic_fetch_add(&counters, 1);
    work->state = own;
    return 0;
}

static bool counter_stop(void *state, cop_reason why)
{
    (void)why;
    atomic_store(&((struct counter *)state)->told, 1);
    return false;
}

static void counter_kill(void *state)
{
    atomic_store(&((struct counter *)state)->told, 1);
}

static void counter_release(void *state)
{
    struct counter *own = state;
    ck_assert_int_eq(pthread_join(own->thread, NULL), 0);
    free(own);
    atomic_fetch_sub(&counters, 1);
}

static const cop_bridge counting = {.start = counter_start,
                                    .stop = counter_stop,
                                    .kill = counter_kill,
                                    .release = counter_release};

/* Threads that end by themselves, are stopped, are killed; all are joined. */
static void body_threads(void *arg)
{
    const cop_sup spec = {.strategy = COP_DYNAMIC, .intensity = 1000000};
    const cop_child child = BRIDGE(NULL, counting, .restart = COP_TRANSIENT);
    cop_pid s = up(&spec), pids[8];
    (void)arg;
    for (int round = 0; round < 15; round++) {
        for (int i = 0; i < 8; i++) {
            atomic_store(&limit, i < 4 ? -1 : 1 << (10 + round % 4));
            ck_assert_int_eq(cop_sup_start_child(s, &pids[i], &child, NULL), 0);
        }
        atomic_store(&limit, -1);
        (void)cop_exit_signal(pids[0], COP_KILL);
        ck_assert_int_eq(cop_sup_terminate_pid(s, pids[1]), 0);
        (void)cop_exit_signal(pids[2], COP_SHUTDOWN);
        while (atomic_load(&counted) < (round + 1) * 4)
            cop_sleep(COP_MS / 10);
        ck_assert_int_eq(cop_server_stop(s, COP_SHUTDOWN, COP_FOREVER, NULL),
                         0);
        got_exit(s, "shutdown");
        ck_assert_int_eq(atomic_load(&counters), 0);
        s = up(&spec);
    }
}
START_TEST(threads)
{
    actor_test(body_threads, NULL);
}
END_TEST

/* Everything from a foreign thread: the start, and the report. */
START_TEST(from_outside)
{
    cop_config config = {.workers = 2};
    cop_reason why;
    cop_pid pid;
    ck_assert_int_eq(cop_start(&config), 0);
    ck_assert_int_eq(cop_bridge_start(&pid, &bridge, &why), 0);
    ck_assert(cop_pid_eq(w.handle.bridge, pid));
    ck_assert_int_eq(cop_bridge_done(w.handle, cop_because_fmt("x", "y")), 0);
    while (cop_is_alive(pid))
        ;
    w.fails = COP_ESYS;
    ck_assert_int_eq(cop_bridge_start(&pid, &bridge, &why), COP_EDOWN);
    reason_was(why, "{start_failed, \"operating system refused\"}");
    ck_assert_int_eq(cop_stop(cop_in(COP_SEC), NULL), 0);
    ck_assert_int_eq(cop_bridge_done(w.handle, cop_because_fmt("x", "y")),
                     COP_ESTOPPED);
}
END_TEST

/* ------------------------------------------------------------ a process -- */

/* A program, and a thread that waits for its end. */
struct program {
    pid_t pid;
    pthread_t thread;
    cop_bridge_handle handle;
};

extern char **environ;

static void *wait_for_program(void *arg)
{
    struct program *p = arg;
    int status = 0;
    cop_reason why = COP_NORMAL;
    while (waitpid(p->pid, &status, 0) < 0)
        ;
    if (WIFSIGNALED(status))
        why = cop_because_fmt("signal", "%d", WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        why = cop_because_fmt("status", "%d", WEXITSTATUS(status));
    (void)!cop_bridge_done(p->handle, why);
    return NULL;
}

static int program_start(cop_bridge_work *work, void *arg,
                         cop_bridge_handle handle, cop_reason *why)
{
    char *argv[] = {"sh", "-c", arg, NULL};
    struct program *p = calloc(1, sizeof *p);
    (void)why;
    ck_assert_ptr_nonnull(p);
    p->handle = handle;
    ck_assert_int_eq(posix_spawn(&p->pid, "/bin/sh", NULL, NULL, argv, environ),
                     0);
    ck_assert_int_eq(pthread_create(&p->thread, NULL, wait_for_program, p), 0);
    work->state = p;
    return 0;
}

static bool program_stop(void *state, cop_reason why)
{
    (void)why;
    ck_assert_int_eq(kill(((struct program *)state)->pid, SIGTERM), 0);
    return false;
}

static void program_release(void *state)
{
    ck_assert_int_eq(pthread_join(((struct program *)state)->thread, NULL), 0);
    free(state);
}

static cop_pid run(const char *command)
{
    const cop_bridge program = {.start = program_start,
                                .stop = program_stop,
                                .release = program_release,
                                .arg = (void *)command};
    cop_pid pid;
    ck_assert_int_eq(cop_bridge_start(&pid, &program, NULL), 0);
    return pid;
}

static void ended_with(cop_pid pid, const char *want)
{
    const cop_msg *m;
    ck_assert_int_eq(cop_recv_from(&m, pid, cop_in(20 * COP_SEC * unit_slow())),
                     0);
    reason_is(cop_msg_reason(m), want);
}

static void body_process(void *arg)
{
    cop_pid pid;
    (void)arg;
    cop_trap_exit(true);
    ended_with(run("exit 0"), "normal");
    ended_with(run("exit 3"), "{status, \"3\"}");
    ended_with(run("kill -9 $$"), "{signal, \"9\"}");
    pid = run("sleep 1000");
    ck_assert_int_eq(cop_server_stop(pid, COP_SHUTDOWN,
                                     cop_in(20 * COP_SEC * unit_slow()), NULL),
                     0);
    ended_with(pid, "shutdown");
}
START_TEST(process)
{
    actor_test(body_process, NULL);
}
END_TEST

/* ------------------------------------------------------------ no memory -- */

static void body_no_memory(void *arg)
{
    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(cop_spawn(&w.actor, kid_actor, &a, NULL), 0);
    settle();
    for (uint64_t n = 1;; n++) {
        cop_reason why = COP_NORMAL;
        cop_pid pid;
        uint64_t count_of;
        int err;
        cop_ext_fail_alloc(n, false);
        err = cop_bridge_start(&pid, &bridge, &why);
        if (err == 0)
            while (cop_bridge_done(w.handle, cop_because_fmt("x", "y")) ==
                   COP_ENOMEM)
                ;
        count_of = cop_ext_alloc_count();
        cop_ext_fail_alloc(0, false);
        settle();
        ck_assert_msg(err == 0 || err == COP_ENOMEM || err == COP_EDOWN, "%s",
                      cop_error_str(err));
        cop_reason_release(why);
        ck_assert_int_eq(atomic_load(&counters), 0);
        if (!cop_is_alive(w.actor)) {
            ck_assert_int_eq(cop_spawn(&w.actor, kid_actor, &a, NULL), 0);
            settle();
        }
        notes_forget();
        if (count_of < n)
            return;
    }
}
KID_TEST(no_memory, body_no_memory)

static const TTest *const cases[] = {
    end_of_work_ends_it,
    reason_is_the_works,
    stop_ends_the_work,
    stop_is_awaited,
    stop_takes_too_long,
    killed,
    stop_that_exits,
    starts_that_fail,
    strangers,
    actor,
    threads,
    from_outside,
    process,
    no_memory,
};
UNIT_MAIN("bridge", cases)
