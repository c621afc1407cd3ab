/* SPDX-License-Identifier: MIT
 *
 * chaos_native_test.c - native faults by a plan: real ones, in the context of
 * whoever they are meant for, wherever it is at that moment, with the isolation
 * that any such fault gets.
 */
#include "tests/support/chaos.h"
#include "tests/support/death.h"
#include "tests/support/native.h"

/* The fault that the actor of this monitor ended with: `what` it was. */
static void ends_with(cop_ref ref, const char *what)
{
    char text[COP_REASON_TEXT];
    const cop_msg *m;
    ck_assert_int_eq(cop_recv_ref(&m, ref, cop_in(20 * COP_SEC)), 0);
    cop_reason why = cop_msg_reason(m);
    cop_reason_str(why, text, sizeof text);
    ck_assert_msg(cop_reason_kind(why) == COP_R_FAULT, "%s", text);
    ck_assert_str_eq(cop_reason_fault(why)->what, what);
    ck_assert(cop_reason_is_injected(why));
    ck_assert_msg(strstr(text, " (injected)") != NULL, "%s", text);
}

static void waits(void *arg)
{
    const cop_msg *m;
    (void)arg;
    for (;;)
        if (cop_recv(&m, COP_FOREVER) == 0 && cop_msg_how(m) == COP_MSG_CALL)
            (void)cop_reply(cop_msg_from(m), NULL, 0);
}

static void kinds_body(void *arg)
{
    static const struct {
        const char *plan, *what;
    } t[] = {
        {"segv victim", "SIGSEGV"},
        {"abort victim", "abort"},
#if defined(__x86_64__)
        {"fpe victim", "SIGFPE"},
#endif
        {"overflow victim", "stack_overflow"}
    };
    (void)arg;
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        cop_ref at_once, waiting;
        on(t[i].plan); /* at its first turn */
        watched(&at_once, waits, NULL, "victim");
        ends_with(at_once, t[i].what);
        ck_assert_uint_eq(FIRED(0), 1);
        cop_chaos_off();
        watched(&waiting, waits, NULL, "victim"); /* while it waits */
        cop_sleep(COP_MS);
        char driven[64];
        snprintf(driven, sizeof driven, "%s every=1ms", t[i].plan);
        on(driven);
        ends_with(waiting, t[i].what);
        cop_chaos_off();
    }
}

START_TEST(each_kind_is_a_real_fault)
{
    actor_test(kinds_body, NULL);
}
END_TEST

/* ----------------------------------------------------------------- where -- */

static void sends_on(void *arg)
{
    (void)arg;
    for (;;)
        (void)cop_send(cop_self(), TAG_WORK, NULL, 0);
}

static void sleeps(void *arg)
{
    (void)arg;
    cop_sleep(COP_FOREVER);
}

static void calls(void *arg)
{
    const cop_msg *m;
    cop_pid p = cop_whereis("callee");
    (void)arg;
    ck_assert_int_eq(cop_recv(&m, COP_POLL), COP_ETIMEDOUT);
    (void)!cop_call(p, TAG_WORK, NULL, 0, NULL, 0, COP_FOREVER);
    ck_abort_msg("nobody answers");
}

static void never_answers(void *arg)
{
    const cop_msg *m;
    (void)arg;
    for (;;)
        (void)!cop_recv(&m, COP_FOREVER);
}

static void where_body(void *arg)
{
    static const cop_fn fns[] = {sends_on, sleeps, calls, waits};
    cop_ref callee;
    (void)arg;
    watched(&callee, never_answers, NULL, "callee");
    for (size_t i = 0; i < sizeof fns / sizeof fns[0]; i++) {
        cop_ref ref;
        watched(&ref, fns[i], NULL, "victim");
        cop_sleep(2 * COP_MS);
        on("segv victim every=1ms count=1");
        ends_with(ref, "SIGSEGV");
        cop_chaos_off();
    }
}

START_TEST(wherever_it_is)
{
    actor_test(where_body, NULL);
}
END_TEST

static atomic_int cleaned;

static void clean(void *arg)
{
    (void)arg;
    atomic_fetch_add(&cleaned, 1);
}

static cop_next init(void *state, void *arg)
{
    (void)state;
    (void)arg;
    ck_assert_int_eq(cop_defer(clean, NULL), 0);
    return cop_next_wait();
}

static cop_next call(void *state, const cop_msg *m, cop_from from)
{
    (void)state;
    (void)m;
    (void)cop_reply(from, NULL, 0);
    return cop_next_wait();
}

static const cop_server server = {.label = "srv", .init = init, .call = call};

/* Idle handlers have no stack: they get one to crash on. Their supervisor
 * starts them again. */
static void tree_body(void *arg)
{
    cop_pid sup;
    cop_child_info info;
    cop_child kid = {.id = "srv", .server = &server};
    cop_sup spec = {.intensity = 1000, .children = &kid, .nchildren = 1};
    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(cop_sup_start(&sup, &spec, NULL, NULL), 0);
    on("segv srv every=3ms; abort srv every=5ms; overflow srv every=7ms");
    cop_sleep(200 * COP_MS);
    uint64_t fired = FIRED(0) + FIRED(1) + FIRED(2);
    cop_chaos_off();
    cop_sleep(10 * COP_MS);
    ck_assert_int_eq(cop_sup_which_children(sup, &info, 1), 1);
    ck_assert_uint_gt(info.restarts, 20);
    ck_assert_uint_le(info.restarts, fired);
    ck_assert_int_eq(atomic_load(&cleaned), (int)info.restarts);
    ck_assert_int_eq(
        cop_call(info.pid, TAG_WORK, NULL, 0, NULL, 0, cop_in(10 * COP_SEC)),
        0);
}

START_TEST(servers_crash_and_come_back)
{
    actor_test(tree_body, NULL);
}
END_TEST

/* ----------------------------------------------------------------- catch -- */

static atomic_int calls_done, caught;

static void calls_on(void *callee)
{
    for (;;) {
        ck_assert_int_eq(cop_call(*(cop_pid *)callee, TAG_WORK, NULL, 0, NULL,
                                  0, COP_FOREVER),
                         0);
        atomic_fetch_add(&calls_done, 1);
    }
}

/* It waits inside of cop_catch when it is chosen: the call is finished first,
 * so that no half of one is left. */
static void catches(void *arg)
{
    cop_reason why;
    cop_info info;
    cop_pid callee = cop_whereis("callee");
    (void)arg;
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(cop_catch(calls_on, &callee, &why), COP_EFAILED);
        ck_assert(cop_reason_is_injected(why));
        ck_assert_int_eq(cop_reason_kind(why), COP_R_FAULT);
        cop_reason_release(why);
        ck_assert_int_eq(cop_info_get(cop_self(), &info), 0);
        ck_assert_uint_eq(info.monitors, 0);
        atomic_fetch_add(&caught, 1);
    }
}

/* Struck once in each round, in the midst of its calls. */
static void catch_body(void *arg)
{
    cop_ref callee, ref;
    const cop_msg *m;
    (void)arg;
    watched(&callee, waits, NULL, "callee");
    watched(&ref, catches, NULL, "catcher");
    for (int i = 0; i < 5; i++) {
        ck_assert(reaches(&calls_done, atomic_load(&calls_done) + 3));
        on("segv catcher every=1ms count=1; delay tag=1 50us");
        ck_assert(reaches(&caught, i + 1));
        cop_chaos_off();
    }
    ck_assert_int_eq(cop_recv_ref(&m, ref, cop_in(20 * COP_SEC)), 0);
    ck_assert(cop_reason_eq(cop_msg_reason(m), COP_NORMAL));
}

START_TEST(calls_end_before_a_catch)
{
    actor_test(catch_body, NULL);
}
END_TEST

/* ------------------------------------------------------------- isolation -- */

static void isolated_not(void)
{
    cop_config c = {.workers = 1, .isolation = COP_ISOLATION_NONE};
    cop_opts opts = {.name = "victim"};
    if (cop_start(&c) != 0 || cop_chaos_on("segv victim", NULL) != 0 ||
        cop_spawn(NULL, waits, NULL, &opts) != 0)
        return;
    nap(20 * COP_SEC);
}

START_TEST(without_isolation_the_process_ends)
{
    char said[4096];
    ck_assert_int_eq(death_signal(isolated_not, said, sizeof said), SIGSEGV);
}
END_TEST

static atomic_int may_go_on;

static void is_busy(void *arg)
{
    while (atomic_load(&may_go_on) == 0)
        continue;
    waits(arg);
}

/* What it owes by one plan is void under the next. */
static void era_body(void *arg)
{
    cop_ref ref;
    (void)arg;
    cop_pid p = watched(&ref, is_busy, NULL, "victim");
    cop_sleep(COP_MS);
    on("segv victim every=1ms count=1");
    while (FIRED(0) == 0)
        cop_sleep(COP_MS);
    cop_chaos_off();
    on("segv nobody");
    atomic_store(&may_go_on, 1);
    ck_assert_int_eq(
        cop_call(p, TAG_WORK, NULL, 0, NULL, 0, cop_in(10 * COP_SEC)), 0);
    ck_assert(cop_is_alive(p));
}

START_TEST(plans_do_not_mix)
{
    actor_test(era_body, NULL);
}
END_TEST

static const TTest *const cases[] = {
    each_kind_is_a_real_fault,          wherever_it_is,
    servers_crash_and_come_back,        calls_end_before_a_catch,
    without_isolation_the_process_ends, plans_do_not_mix,
};
NATIVE_MAIN("chaos_native", cases)
