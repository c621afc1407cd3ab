/* SPDX-License-Identifier: MIT
 *
 * statem_oom_test.c - a state machine whose own allocations fail: the n-th
 * after a callback began, for each n. It ends with `nomem` and leaves nothing.
 * (statem_end_test.c fails those of the runtime.)
 *
 * malloc and its like are defined here, in front of the library's. They fail
 * between two callbacks of one turn only, and on the machine's thread. The
 * sanitizers have their own malloc: with them there is nothing to test.
 */
#include <coppice/statem.h>

#include "tests/support/statem.h"

#include <dlfcn.h>

#if defined(__has_feature)
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer) ||         \
    HAS_FEATURE(thread_sanitizer)
#define OWN_MALLOC 0
#else
#define OWN_MALLOC 1
#endif

static _Thread_local int fail_in; /* the how manieth fails; 0: none */

/* Not inlined: an actor may go on in another thread. */
static __attribute__((noinline)) int arm(int n)
{
    int left = fail_in;

    fail_in = n;
    return left;
}

#if OWN_MALLOC
static bool fails_now(void)
{
    return fail_in > 0 && --fail_in == 0;
}

void *malloc(size_t size)
{
    static void *(*next)(size_t);

    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "malloc");
    return fails_now() ? NULL : next(size);
}

void *calloc(size_t n, size_t size)
{
    static void *(*next)(size_t, size_t);

    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "calloc");
    return fails_now() ? NULL : next(n, size);
}

void *realloc(void *p, size_t size)
{
    static void *(*next)(void *, size_t);

    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "realloc");
    return fails_now() ? NULL : next(p, size);
}
#endif

static int fail_at;   /* which allocation is to fail */
static bool survived; /* it was not reached */

static cop_from owed; /* of nobody who waits */

static const cop_statem hungry_def;

/* Everything that takes memory; the inserted event ends the trial. */
static cop_sm_next hungry(cop_sm *sm, void *data, int state,
                          const cop_sm_event *e)
{
    cop_msg *m;
    (void)data;
    (void)state;
    if (e->type != COP_SM_INFO) {
        survived = survived || arm(0) > 0;
        return cop_sm_keep_state();
    }
    arm(0);
    m = counted(1);
    arm(fail_at);
    cop_sm_reply_msg(sm, owed, m); /* takes it, come what may */
    cop_sm_postpone(sm, true);
    cop_sm_next_event(
        sm, &(cop_sm_event){.type = COP_SM_INTERNAL, .body = "x", .size = 2});
    for (int i = 0; i < 5; i++)
        cop_sm_push_module(sm, &hungry_def);
    cop_sm_timeout(sm, cop_sm_state_timer(), COP_SEC, 1, "x", 2);
    cop_sm_timeout(sm, cop_sm_event_timer(), 0, 1, "x", 2);
    cop_sm_timeout_update(sm, cop_sm_named_timer(1), 1, "x", 2);
    cop_sm_timeout_at(sm, cop_sm_named_timer(2), cop_in(COP_SEC), 1, "x", 2);
    return cop_sm_keep_state();
}

static const cop_statem hungry_def = {.handle = hungry};

static void ends_for_want_of_memory(void)
{
    cop_ref ref;
    const cop_server_opts opts = {.spawn.monitor = &ref};
    const cop_msg *m;
    cop_pid pid;

    ck_assert_int_eq(cop_statem_start(&pid, &hungry_def, NULL, &opts, NULL), 0);
    ck_assert_int_eq(cop_send_msg(pid, counted(1)), 0);
    settle();
    if (survived)
        ck_assert_int_eq(cop_exit_signal(pid, COP_KILL), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, cop_in(COP_SEC)), 0);
    reason_is(cop_msg_reason(m), survived ? "killed" : "nomem");
    settle();
    ck_assert_int_eq(atomic_load(&made), atomic_load(&released));
}

static void body_each_own_allocation_fails(void *arg)
{
    (void)arg;
    owed = (cop_from){cop_self(), cop_ref_new()};
    for (fail_at = 1; !survived; fail_at++) {
        ends_for_want_of_memory();
        ck_assert_int_lt(fail_at, 100);
    }
    /* actions, twice; events; modules, twice; records; the postponed one */
    ck_assert_int_gt(fail_at, OWN_MALLOC ? 10 : 0);
}
KID_TEST(each_own_allocation_fails, body_each_own_allocation_fails)

static void keep(void *arg)
{
    (void)arg;
    ck_abort_msg("released what is the caller's");
}

static void enters(void *arg)
{
    (void)arg;
    arm(1);
    cop_statem_enter(&hungry_def, NULL, 0);
}

static void body_start_without_memory(void *arg)
{
    const cop_server_opts moves = {.spawn.arg_release = keep};
    cop_ref ref;
    const cop_opts opts = {.monitor = &ref};
    const cop_msg *m;
    cop_pid pid;
    int x;
    (void)arg;
    if (!OWN_MALLOC)
        return;
    arm(1);
    ck_assert_int_eq(cop_statem_start(&pid, &hungry_def, &x, &moves, NULL),
                     COP_ENOMEM);
    ck_assert_int_eq(cop_spawn(&pid, enters, NULL, &opts), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, cop_in(COP_SEC)), 0);
    reason_is(cop_msg_reason(m), "nomem");
}
KID_TEST(start_without_memory, body_start_without_memory)

static const TTest *const cases[] = {each_own_allocation_fails,
                                     start_without_memory};
UNIT_MAIN("statem_oom", cases)
