/* SPDX-License-Identifier: MIT
 *
 * oom_test.c - memory runs out at each allocation in turn.
 *
 * An operation is made again and again; the first time its first allocation
 * fails, then its second, and so on until it passes with fewer allocations
 * than that. Each time it must work or say COP_ENOMEM (a call may also hear
 * that its callee ended), nothing may hang, and when the runtime has stopped
 * all memory must be back. Once with that one allocation failing, once with it
 * and all after it.
 */
#include "tests/support/actor_test.h"
#include "tests/support/unit.h"

#include <coppice.h>
#include <coppice/extend.h>

enum { TICK = 1, MAX_ALLOCATIONS = 5000 };

struct operation {
    const char *name;
    int (*run)(void);   /* 0 or a code */
    void (*undo)(void); /* after success, with memory; may be NULL */
    bool waits;         /* for others, who wait for memory */
};

static cop_pid peer, callee, registry, scope, child;
static cop_ref ref;
static cop_alias alias;
static cop_timer timer;
static cop_task task;
static cop_reason reason;
static char big[5000];

static void sleeps(void *arg)
{
    (void)arg;
    cop_sleep_until(COP_FOREVER);
}

/* ------------------------------------------------------------ operations -- */

static void wait_end(cop_pid pid)
{
    const cop_msg *m;
    cop_ref end;

    ck_assert_int_eq(cop_monitor(&end, pid), 0);
    ck_assert_int_eq(cop_recv_ref(&m, end, COP_FOREVER), 0);
}

static void end_child(void)
{
    (void)!cop_unlink(child);
    ck_assert_int_eq(cop_exit_signal(child, COP_KILL), 0);
    wait_end(child);
}

static int spawn_with(const cop_opts *opts)
{
    return cop_spawn(&child, sleeps, big, opts);
}

static int run_spawn(void)
{
    return spawn_with(NULL);
}

static int run_spawn_name(void)
{
    int err = spawn_with(&(cop_opts){.name = "child"});

    ck_assert_int_eq(err == 0, !cop_pid_is_none(cop_whereis("child")));
    return err;
}

static int run_spawn_link(void)
{
    return spawn_with(&(cop_opts){.link = true});
}

static int run_spawn_monitor(void)
{
    return spawn_with(&(cop_opts){.monitor = &ref});
}

static void undo_spawn_monitor(void)
{
    ck_assert(cop_demonitor(ref, true));
    end_child();
}

static int run_spawn_stack(void)
{
    return spawn_with(&(cop_opts){.stack_bytes = 1 << 20});
}

static int run_spawn_copy(void)
{
    return spawn_with(&(cop_opts){.arg_bytes = sizeof big});
}

static int given, released;

static void release(void *arg)
{
    ck_assert_ptr_eq(arg, big);
    released++;
}

/* After a failure the argument is the caller's: nobody releases it. */
static int run_spawn_move(void)
{
    int err = spawn_with(&(cop_opts){.arg_release = release});

    given += err == 0;
    return err;
}

static void undo_spawn_move(void)
{
    end_child();
    ck_assert_int_eq(released, given);
}

static int run_spawn_all(void)
{
    return spawn_with(&(cop_opts){.name = "child",
                                  .link = true,
                                  .monitor = &ref,
                                  .trap_exit = true,
                                  .urgent = true,
                                  .priority = COP_PRIO_HIGH,
                                  .arg_bytes = 100,
                                  .mailbox_max = 10,
                                  .label = "all"});
}

static int handler_init(void *state, void *arg)
{
    (void)state;
    (void)arg;
    return 0;
}

static const cop_handler handler = {.state_bytes = 1000, .init = handler_init};

static int run_spawn_handler(void)
{
    return cop_spawn_handler(&child, &handler, NULL, NULL);
}

static int run_send(void)
{
    return cop_send(peer, TICK, "x", 1);
}

static int run_send_big(void)
{
    return cop_send(peer, TICK, big, sizeof big);
}

static int run_send_msg(void)
{
    cop_msg *m;
    int err = cop_msg_new(&m, TICK, sizeof big);

    if (err != 0)
        return err;
    memset(cop_msg_fill(m), 0, sizeof big);
    return cop_send_msg(peer, m);
}

static void release_big(void *body, size_t size)
{
    ck_assert_ptr_eq(body, big);
    ck_assert_uint_eq(size, sizeof big);
    released++;
}

static int run_send_moved(void)
{
    cop_msg *m;
    int err = cop_msg_new_moved(&m, TICK, big, sizeof big, release_big);

    if (err == 0)
        cop_msg_free(m);
    given += err == 0;
    ck_assert_int_eq(given, released);
    return err;
}

static int run_send_buf(void)
{
    cop_buf *b;
    int err = cop_buf_new(&b, big, sizeof big);

    if (err != 0)
        return err;
    err = cop_send_buf(peer, TICK, b);
    cop_buf_release(b);
    return err;
}

static int run_send_name(void)
{
    return cop_send_name("peer", TICK, "x", 1);
}

static int run_call(void)
{
    char got;
    int n = cop_call(callee, TICK, "x", 1, &got, 1, COP_FOREVER);

    return n == 1 ? 0 : n;
}

static int run_request(void)
{
    return cop_request(&ref, peer, TICK, "x", 1);
}

static void undo_request(void)
{
    cop_request_cancel(ref);
}

static int run_link(void)
{
    return cop_link(peer);
}

static void undo_link(void)
{
    ck_assert_int_eq(cop_unlink(peer), 0);
}

static int run_unlink(void)
{
    int err = cop_link(peer);

    if (err != 0)
        return err;
    err = cop_unlink(peer);
    if (err != 0) {
        cop_ext_fail_alloc(0, false);
        ck_assert_int_eq(cop_unlink(peer), 0);
    }
    return err;
}

static int run_monitor(void)
{
    return cop_monitor(&ref, peer);
}

static void undo_monitor(void)
{
    ck_assert(cop_demonitor(ref, true));
}

static int run_monitor_dead(void)
{
    return cop_monitor(&ref, COP_NO_PID);
}

static void undo_monitor_dead(void)
{
    const cop_msg *m;

    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
}

static int run_monitor_name(void)
{
    return cop_monitor_name(&ref, "peer");
}

static int run_monitor_alias(void)
{
    return cop_monitor_alias(&ref, peer, COP_ALIAS_DEMONITOR);
}

static int run_alias(void)
{
    return cop_alias_new(&alias, COP_ALIAS_EXPLICIT);
}

static void undo_alias(void)
{
    ck_assert(cop_unalias(alias.ref));
}

static int run_send_alias(void)
{
    int err = cop_alias_new(&alias, COP_ALIAS_REPLY);

    if (err != 0)
        return err;
    err = cop_send_alias(alias, TICK, "x", 1);
    if (err != 0)
        (void)cop_unalias(alias.ref);
    return err;
}

static void undo_send_alias(void)
{
    const cop_msg *m;

    ck_assert_int_eq(cop_recv_tag(&m, TICK, COP_FOREVER), 0);
}

static int run_send_after(void)
{
    return cop_send_after(&timer, 3600 * COP_SEC, peer, TICK, big, sizeof big);
}

static int run_send_after_name(void)
{
    return cop_send_after_name(&timer, 3600 * COP_SEC, "peer", TICK, "x", 1);
}

static int run_start_timer(void)
{
    return cop_start_timer(&timer, 3600 * COP_SEC, peer, "x", 1);
}

static void undo_timer(void)
{
    ck_assert(cop_cancel_timer(timer) > 0);
}

static int run_fire(void)
{
    return cop_send_after(&timer, 0, cop_self(), TICK, "x", 1);
}

static void undo_fire(void)
{
    const cop_msg *m;

    ck_assert_int_eq(cop_recv_tag(&m, TICK, COP_FOREVER), 0);
}

static int run_register(void)
{
    return cop_register("me", cop_self());
}

static void undo_register(void)
{
    ck_assert_int_eq(cop_unregister("me"), 0);
}

static int run_defer(void)
{
    return cop_defer(sleeps, NULL);
}

static void undo_defer(void)
{
    ck_assert(cop_undefer(sleeps, NULL));
}

static int run_exit_signal(void)
{
    return cop_exit_signal(COP_NO_PID, cop_because_fmt("boom", "%d", 1));
}

static int run_exit_signal_live(void)
{
    return cop_exit_signal(peer, COP_NORMAL);
}

/* Making a reason never fails; without memory it is another one. */
static int run_reason(void)
{
    reason = cop_because_of("boom", big, sizeof big);
    if (cop_reason_kind(reason) == COP_R_NOMEM)
        return COP_ENOMEM;
    ck_assert_str_eq(cop_reason_name(reason), "boom");
    return 0;
}

static void undo_reason(void)
{
    cop_reason_release(reason);
}

static void touch(void *arg)
{
    *(int *)arg = 1;
}

static int run_blocking(void)
{
    int done = 0;
    int err = cop_blocking(touch, &done);

    ck_assert_int_eq(done, err == 0);
    return err == COP_ESYS ? COP_ENOMEM : err;
}

static void answers(void *arg)
{
    if (cop_task_result(arg, 1) != 0)
        cop_exit(cop_because("nomem"));
}

static int run_async(void)
{
    return cop_async_nolink(&task, answers, big, NULL);
}

static int run_async_linked(void)
{
    return cop_async(&task, answers, big, NULL);
}

static int run_async_copy(void)
{
    return cop_async_nolink(&task, answers, big,
                            &(cop_opts){.arg_bytes = sizeof big});
}

static int run_async_move(void)
{
    int err = cop_async_nolink(&task, answers, big,
                               &(cop_opts){.arg_release = release});

    given += err == 0;
    return err;
}

static void undo_async(void)
{
    int err = cop_await(task, NULL, 0, COP_FOREVER, NULL);

    ck_assert_msg(err == 1 || err == COP_EDOWN || err == COP_ENOPROC,
                  "await: %d", err);
    wait_end(task.pid);
}

static void undo_async_move(void)
{
    undo_async();
    ck_assert_int_eq(given, released);
}

static int run_put(void)
{
    return cop_registry_put(registry, "key", cop_self(), 0);
}

static void undo_put(void)
{
    ck_assert_int_eq(cop_registry_remove(registry, "key", cop_self()), 0);
}

static int run_lookup(void)
{
    int n = cop_registry_lookup(registry, "none", NULL, 0);

    return n < 0 ? n : 0;
}

static int run_join(void)
{
    return cop_group_join(scope, "group", cop_self());
}

static void undo_join(void)
{
    ck_assert_int_eq(cop_group_leave(scope, "group", cop_self()), 0);
}

static int run_broadcast(void)
{
    int n = cop_group_broadcast(scope, "peers", TICK, big, sizeof big);

    return n < 0 ? n : 0;
}

static int run_server_start(void)
{
    return cop_registry_start(&child, COP_KEYS_UNIQUE, NULL);
}

static const struct operation operations[] = {
    {"spawn", run_spawn, end_child, false},
    {"spawn name", run_spawn_name, end_child, false},
    {"spawn link", run_spawn_link, end_child, false},
    {"spawn monitor", run_spawn_monitor, undo_spawn_monitor, false},
    {"spawn stack", run_spawn_stack, end_child, false},
    {"spawn copy", run_spawn_copy, end_child, false},
    {"spawn move", run_spawn_move, undo_spawn_move, false},
    {"spawn all", run_spawn_all, undo_spawn_monitor, false},
    {"spawn handler", run_spawn_handler, end_child, false},
    {"send", run_send, NULL, false},
    {"send big", run_send_big, NULL, false},
    {"send msg", run_send_msg, NULL, false},
    {"send moved", run_send_moved, NULL, false},
    {"send buf", run_send_buf, NULL, false},
    {"send name", run_send_name, NULL, false},
    {"call", run_call, NULL, true},
    {"request", run_request, undo_request, false},
    {"link", run_link, undo_link, false},
    {"unlink", run_unlink, NULL, false},
    {"monitor", run_monitor, undo_monitor, false},
    {"monitor dead", run_monitor_dead, undo_monitor_dead, false},
    {"monitor name", run_monitor_name, undo_monitor, false},
    {"monitor alias", run_monitor_alias, undo_monitor, false},
    {"alias", run_alias, undo_alias, false},
    {"send alias", run_send_alias, undo_send_alias, false},
    {"send after", run_send_after, undo_timer, false},
    {"send after name", run_send_after_name, undo_timer, false},
    {"start timer", run_start_timer, undo_timer, false},
    {"timer fires", run_fire, undo_fire, false},
    {"register", run_register, undo_register, false},
    {"defer", run_defer, undo_defer, false},
    {"exit signal", run_exit_signal, NULL, false},
    {"exit signal live", run_exit_signal_live, NULL, false},
    {"reason", run_reason, undo_reason, false},
    {"blocking", run_blocking, NULL, false},
    {"async", run_async, undo_async, true},
    {"async linked", run_async_linked, undo_async, true},
    {"async copy", run_async_copy, undo_async, true},
    {"async move", run_async_move, undo_async_move, true},
    {"registry put", run_put, undo_put, true},
    {"registry lookup", run_lookup, NULL, true},
    {"group join", run_join, undo_join, true},
    {"group broadcast", run_broadcast, NULL, true},
    {"server start", run_server_start, end_child, true},
};

/* ------------------------------------------------------ failing each one -- */

/* Drops what it gets; a call is answered, if there is memory for it. */
static void serves(void *arg)
{
    (void)arg;
    for (;;) {
        const cop_msg *m;

        (void)!cop_recv(&m, COP_FOREVER);
        if (cop_msg_how(m) == COP_MSG_CALL &&
            cop_reply(cop_msg_from(m), "x", 1) != 0)
            cop_exit(cop_because("nomem"));
    }
}

/* Whoever ended for want of memory is there again for the next round. */
static void revive(void)
{
    if (!cop_is_alive(callee))
        ck_assert_int_eq(cop_spawn(&callee, serves, NULL, NULL), 0);
    if (!cop_is_alive(peer))
        ck_assert_int_eq(
            cop_spawn(&peer, serves, NULL, &(cop_opts){.name = "peer"}), 0);
    if (!cop_is_alive(registry))
        ck_assert_int_eq(cop_registry_start(&registry, COP_KEYS_UNIQUE, NULL),
                         0);
    if (!cop_is_alive(scope)) {
        ck_assert_int_eq(cop_group_start(&scope, NULL), 0);
        ck_assert_int_eq(cop_group_join(scope, "peers", peer), 0);
        ck_assert_int_eq(cop_group_join(scope, "peers", peer), 0);
    }
}

/* A linked actor that could not have a stack ended with that reason. */
static void flush_exits(void)
{
    const cop_msg *m;

    while (cop_recv_tag(&m, COP_EXIT, COP_POLL) == 0)
        continue;
}

/* Counts the operations that wait; even: none does. */
static atomic_uint waiting;

/* Servers that owe an answer wait for memory; this is where it comes from, to
 * those who have waited for it. */
static void heals(void *arg)
{
    unsigned seen = 0;

    (void)arg;
    atomic_store(&waiting, 2);
    for (;;) {
        unsigned now = atomic_load(&waiting);

        if (now % 2 == 1 && now == seen)
            cop_ext_fail_alloc(0, false);
        seen = now;
        cop_sleep(5 * COP_MS);
    }
}

/* True while the n-th allocation was reached. */
static bool fail_nth(const struct operation *op, uint64_t n, bool sticky)
{
    bool reached;
    int err;

    revive();
    given = released = 0;
    cop_ext_fail_alloc(n, sticky);
    atomic_fetch_add(&waiting, op->waits);
    err = op->run();
    atomic_fetch_add(&waiting, op->waits);
    reached = cop_ext_alloc_count() >= n;
    cop_ext_fail_alloc(0, false);
    ck_assert_msg(
        err == 0 || err == COP_ENOMEM || err == COP_EDOWN || err == COP_ENOPROC,
        "%s, allocation %d: %s", op->name, (int)n, cop_error_name(err));
    ck_assert_msg(reached || err == 0, "%s: %s with all memory", op->name,
                  cop_error_name(err));
    if (err == 0 && op->undo != NULL)
        op->undo();
    ck_assert_int_eq(released, given);
    flush_exits();
    return reached;
}

/* Who started the test calls its guardian, which takes memory, too. */
static void wait_for_quiet(void)
{
    cop_info info;

    do {
        cop_sleep(COP_MS);
        ck_assert_int_eq(cop_info_get(cop_parent(), &info), 0);
    } while (info.queue == 0);
}

static void all_operations(bool sticky)
{
    wait_for_quiet();
    cop_trap_exit(true);
    ck_assert_int_eq(cop_spawn(NULL, heals, NULL, NULL), 0);
    while (atomic_load(&waiting) == 0)
        cop_yield();
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        uint64_t n = 1;

        while (fail_nth(&operations[i], n, sticky))
            ck_assert_msg(++n < MAX_ALLOCATIONS, "%s", operations[i].name);
    }
}

static void once_body(void *arg)
{
    (void)arg;
    all_operations(false);
}

static void sticky_body(void *arg)
{
    (void)arg;
    all_operations(true);
}

static void with_workers(void (*body)(void *), unsigned workers)
{
    cop_config cfg = {.workers = workers};
    size_t before;

    ck_assert_int_eq(cop_start(&cfg), 0);
    ck_assert_int_eq(cop_stop(COP_POLL, NULL), 0);
    before = cop_ext_bytes_in_use();
    actor_test(body, &cfg);
    ck_assert_uint_eq(cop_ext_bytes_in_use(), before);
}

START_TEST(one_allocation_fails)
{
    with_workers(once_body, 1);
}
END_TEST

START_TEST(one_allocation_fails_two_workers)
{
    with_workers(once_body, 2);
}
END_TEST

START_TEST(no_memory_from_there_on)
{
    with_workers(sticky_body, 1);
}
END_TEST

START_TEST(no_memory_from_there_on_two_workers)
{
    with_workers(sticky_body, 2);
}
END_TEST

static const TTest *const cases[] = {
    one_allocation_fails,
    one_allocation_fails_two_workers,
    no_memory_from_there_on,
    no_memory_from_there_on_two_workers,
};
UNIT_MAIN("oom", cases)
