/* SPDX-License-Identifier: MIT
 *
 * misuse_test.c - NULL where it may not be, and calls from the wrong place.
 *
 * Each wrong call is made twice: in an actor, which must get a negative code
 * or end with badarg and a text that begins with the call's name; and in a
 * forked process outside of any actor, which must get a negative code or abort
 * with a report that names the call. Nothing is silently accepted, nothing
 * crashes in another way.
 */
#include "tests/support/actor_test.h"
#include "tests/support/unit.h"

#include <coppice.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TICK = 1, ACCEPTED = 77, REFUSED = 78, NO_MORE = 12345 };

/* Turns what returns no code into one: 0, "accepted". */
#define VOID(call) ((call), 0)

static const cop_msg *got;
static cop_msg *own;
static cop_pid pid;
static cop_ref ref;
static cop_buf *buf;

static void fn(void *arg)
{
    (void)arg;
}

/* ------------------------------------------- NULL where it may not be -- */

#define CASES(X)                                                               \
    X(cop_spawn, cop_spawn(&pid, NULL, NULL, NULL))                            \
    X(cop_spawn_handler, cop_spawn_handler(&pid, NULL, NULL, NULL))            \
    X(cop_recv, cop_recv(NULL, COP_POLL))                                      \
    X(cop_recv_tag, cop_recv_tag(NULL, TICK, COP_POLL))                        \
    X(cop_recv_from, cop_recv_from(NULL, COP_PID_INIT, COP_POLL))              \
    X(cop_recv_ref, cop_recv_ref(NULL, cop_ref_new(), COP_POLL))               \
    X(cop_recv_when, cop_recv_when(&got, NULL, NULL, COP_POLL))                \
    X(cop_recv_match, cop_recv_match(&got, NULL, 1, COP_POLL))                 \
    X(cop_recv_match, cop_recv_match(NULL, &(cop_match){0}, 1, COP_POLL))      \
    X(cop_defer, cop_defer(NULL, NULL))                                        \
    X(cop_monitor, cop_monitor(NULL, cop_self()))                              \
    X(cop_monitor_name, cop_monitor_name(NULL, "x"))                           \
    X(cop_monitor_name, cop_monitor_name(&ref, NULL))                          \
    X(cop_monitor_alias, cop_monitor_alias(NULL, cop_self(), 1))               \
    X(cop_monitor_alias, cop_monitor_alias(&ref, cop_self(), 17))              \
    X(cop_alias_new, cop_alias_new(NULL, COP_ALIAS_EXPLICIT))                  \
    X(cop_register, cop_register(NULL, cop_self()))                            \
    X(cop_unregister, cop_unregister(NULL))                                    \
    X(cop_blocking, cop_blocking(NULL, NULL))                                  \
    X(cop_msg_new, cop_msg_new(NULL, TICK, 1))                                 \
    X(cop_msg_new_moved, cop_msg_new_moved(NULL, TICK, NULL, 0, NULL))         \
    X(cop_msg_new_moved, cop_msg_new_moved(&own, TICK, NULL, 1, NULL))         \
    X(cop_buf_new, cop_buf_new(NULL, "x", 1))                                  \
    X(cop_buf_new, cop_buf_new(&buf, NULL, 1))                                 \
    X(cop_send, cop_send(COP_PID_INIT, TICK, NULL, 1))                         \
    X(cop_send_msg, cop_send_msg(COP_PID_INIT, NULL))                          \
    X(cop_send_buf, cop_send_buf(COP_PID_INIT, TICK, NULL))                    \
    X(cop_send_name, cop_send_name(NULL, TICK, NULL, 0))                       \
    X(cop_send_urgent, cop_send_urgent(COP_PID_INIT, TICK, NULL, 1))           \
    X(cop_send_alias, cop_send_alias((cop_alias){{1}, {1}}, TICK, NULL, 1))    \
    X(cop_cast, cop_cast(COP_PID_INIT, TICK, NULL, 1))                         \
    X(cop_cast_name, cop_cast_name(NULL, TICK, NULL, 0))                       \
    X(cop_call, cop_call(COP_PID_INIT, TICK, NULL, 1, NULL, 0, COP_POLL))      \
    X(cop_call, cop_call(COP_PID_INIT, TICK, NULL, 0, NULL, 1, COP_POLL))      \
    X(cop_call_name, cop_call_name(NULL, TICK, NULL, 0, NULL, 0, COP_POLL))    \
    X(cop_call_msg, cop_call_msg(NULL, COP_PID_INIT, TICK, NULL, 0, COP_POLL)) \
    X(cop_request, cop_request(NULL, COP_PID_INIT, TICK, NULL, 0))             \
    X(cop_request, cop_request(&ref, COP_PID_INIT, TICK, NULL, 1))             \
    X(cop_reply, cop_reply((cop_from){{1}, {1}}, NULL, 1))                     \
    X(cop_reply_msg, cop_reply_msg((cop_from){{1}, {1}}, NULL))                \
    X(cop_send_after, cop_send_after(NULL, 0, cop_self(), TICK, NULL, 1))      \
    X(cop_start_timer, cop_start_timer(NULL, 0, cop_self(), NULL, 1))          \
    X(cop_send_after_name, cop_send_after_name(NULL, 0, NULL, TICK, NULL, 0))  \
    X(cop_info_get, cop_info_get(cop_self(), NULL))                            \
    X(cop_counters_get, VOID(cop_counters_get(NULL)))                          \
    X(cop_actors, (int)cop_actors(NULL, 1))                                    \
    X(cop_msg_tag, VOID(cop_msg_tag(NULL)))                                    \
    X(cop_msg_body, VOID(cop_msg_body(NULL)))                                  \
    X(cop_msg_fill, VOID(cop_msg_fill(NULL)))                                  \
    X(cop_keep, VOID(cop_keep(NULL)))                                          \
    X(cop_buf_retain, VOID(cop_buf_retain(NULL)))                              \
    X(cop_server_start, cop_server_start(&pid, NULL, NULL, NULL, NULL))        \
    X(cop_async, cop_async(NULL, fn, NULL, NULL))                              \
    X(cop_async, cop_async(&(cop_task){0}, NULL, NULL, NULL))                  \
    X(cop_task_result, cop_task_result(NULL, 1))                               \
    X(cop_await, cop_await((cop_task){{1}, {1}}, NULL, 1, COP_POLL, NULL))     \
    X(cop_registry_put, cop_registry_put(pid, NULL, pid, 0))                   \
    X(cop_registry_lookup, cop_registry_lookup(pid, "x", NULL, 1))             \
    X(cop_group_join, cop_group_join(pid, NULL, pid))                          \
    X(cop_group_members, cop_group_members(pid, "x", NULL, 1))                 \
    X(cop_group_broadcast, cop_group_broadcast(pid, "x", TICK, NULL, 1))

/* What only an actor may do, done outside of one. */
#define INSIDE_ONLY(X)                                                         \
    X(cop_recv, cop_recv(&got, COP_POLL))                                      \
    X(cop_recv_tag, cop_recv_tag(&got, TICK, COP_POLL))                        \
    X(cop_recv_from, cop_recv_from(&got, COP_PID_INIT, COP_POLL))              \
    X(cop_recv_ref, cop_recv_ref(&got, cop_ref_new(), COP_POLL))               \
    X(cop_recv_match, cop_recv_match(&got, &(cop_match){0}, 1, COP_POLL))      \
    X(cop_exit, (cop_exit(COP_NORMAL), 0))                                     \
    X(cop_trap_exit, VOID(cop_trap_exit(true)))                                \
    X(cop_defer, cop_defer(fn, NULL))                                          \
    X(cop_undefer, VOID(cop_undefer(fn, NULL)))                                \
    X(cop_link, cop_link(COP_PID_INIT))                                        \
    X(cop_unlink, cop_unlink(COP_PID_INIT))                                    \
    X(cop_monitor, cop_monitor(&ref, COP_PID_INIT))                            \
    X(cop_demonitor, VOID(cop_demonitor(cop_ref_new(), true)))                 \
    X(cop_alias_new, cop_alias_new(&(cop_alias){{0}, {0}}, 1))                 \
    X(cop_unalias, VOID(cop_unalias(cop_ref_new())))                           \
    X(cop_parent, VOID(cop_parent()))                                          \
    X(cop_yield, VOID(cop_yield()))                                            \
    X(cop_sleep, VOID(cop_sleep(0)))                                           \
    X(cop_sleep_until, VOID(cop_sleep_until(COP_POLL)))                        \
    X(cop_set_local, VOID(cop_set_local(NULL)))                                \
    X(cop_local, VOID(cop_local()))                                            \
    X(cop_request, cop_request(&ref, COP_PID_INIT, TICK, NULL, 0))             \
    X(cop_spawn, cop_spawn(NULL, fn, NULL, &(cop_opts){.link = true}))         \
    X(cop_spawn, cop_spawn(NULL, fn, NULL, &(cop_opts){.monitor = &ref}))      \
    X(cop_async, cop_async(&(cop_task){0}, fn, NULL, NULL))

/* Makes the n-th call of a list (or only tells its name), or says NO_MORE. */
#define MAKE_CALL(name_, ...)                                                  \
    if (n-- == 0) {                                                            \
        *name = #name_;                                                        \
        return only_name ? 0 : __VA_ARGS__;                                    \
    }

static bool only_name;

static int null_call(int n, const char **name)
{
    CASES(MAKE_CALL)
    return NO_MORE;
}

static int inside_only_call(int n, const char **name)
{
    INSIDE_ONLY(MAKE_CALL)
    return NO_MORE;
}

/* ---------------------------------------------------------- in an actor -- */

struct attempt {
    int n;
    int code;
    const char *name;
};

static void attempt(void *arg)
{
    struct attempt *a = arg;

    a->code = null_call(a->n, &a->name);
}

static void expect_badarg(const cop_msg *down, const struct attempt *a)
{
    cop_reason why = cop_msg_reason(down);
    const char *text = cop_reason_payload(why, NULL);
    size_t len = strlen(a->name);

    ck_assert_msg(cop_reason_kind(why) == COP_R_BADARG, "%s (%d): %s", a->name,
                  a->n, cop_reason_name(why));
    ck_assert_str_eq(cop_reason_name(why), "badarg");
    ck_assert_msg(strncmp(text, a->name, len) == 0 && text[len] == ':',
                  "%s (%d): says \"%s\"", a->name, a->n, text);
}

static void in_actor_body(void *arg)
{
    struct attempt a = {0};

    (void)arg;
    for (; a.code != NO_MORE; a.n++) {
        const cop_msg *m;
        cop_ref end;
        cop_opts opts = {.monitor = &end};

        a.code = 1;
        ck_assert_int_eq(cop_spawn(NULL, attempt, &a, &opts), 0);
        ck_assert_int_eq(cop_recv_ref(&m, end, COP_FOREVER), 0);
        if (!cop_reason_eq(cop_msg_reason(m), COP_NORMAL))
            expect_badarg(m, &a);
        else
            ck_assert_msg(a.code < 0 || a.code == NO_MORE,
                          "%s (%d): accepted, %d", a.name, a.n, a.code);
    }
    ck_assert_int_gt(a.n, 60);
}

START_TEST(null_in_an_actor)
{
    actor_test(in_actor_body, NULL);
}
END_TEST

/* -------------------------------------------------------------- outside -- */

typedef int (*call_fn)(int n, const char **name);

/* The child's part: makes a call beside a running runtime. */
static void try_outside(call_fn call, int n, int to)
{
    const cop_config one = {.workers = 1};
    const char *name = "";
    int code;

    dup2(to, STDERR_FILENO);
    if (cop_start(&one) != 0)
        _exit(1);
    code = call(n, &name);
    _exit(code == NO_MORE ? 0 : code < 0 ? REFUSED : ACCEPTED);
}

/* What the child reported, as a text. */
static void read_all(int from, char *text, size_t size)
{
    size_t n = 0;
    ssize_t more;

    while (n + 1 < size && (more = read(from, text + n, size - 1 - n)) > 0)
        n += (size_t)more;
    text[n] = '\0';
}

static const char *name_of(call_fn call, int n)
{
    const char *name = "";

    only_name = true;
    (void)call(n, &name);
    only_name = false;
    return name;
}

/* The child's exit code; after an abort REFUSED, if the report is right. */
static int outcome(call_fn call, int n, char *text, size_t size)
{
    int ends[2], status;
    pid_t child;

    ck_assert_int_eq(pipe(ends), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        try_outside(call, n, ends[1]);
    close(ends[1]);
    read_all(ends[0], text, size);
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    ck_assert_msg(WTERMSIG(status) == SIGABRT, "%s %d: signal %d, \"%s\"",
                  name_of(call, n), n, WTERMSIG(status), text);
    ck_assert_msg(strstr(text, name_of(call, n)) != NULL, "%s %d: says \"%s\"",
                  name_of(call, n), n, text);
    return REFUSED;
}

static int all_outside(call_fn call)
{
    static char text[8192];
    int n = 0;

    for (;; n++) {
        int code = outcome(call, n, text, sizeof text);

        if (code == 0)
            return n;
        ck_assert_msg(code == REFUSED, "%s %d: exit code %d, \"%s\"",
                      name_of(call, n), n, code, text);
    }
}

START_TEST(null_outside)
{
    ck_assert_int_gt(all_outside(null_call), 60);
}
END_TEST

START_TEST(actors_calls_outside)
{
    ck_assert_int_gt(all_outside(inside_only_call), 20);
}
END_TEST

static const TTest *const cases[] = {
    null_in_an_actor,
    null_outside,
    actors_calls_outside,
};
UNIT_MAIN("misuse", cases)
