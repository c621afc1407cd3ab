/* SPDX-License-Identifier: MIT
 *
 * event_oom_test.c - an event manager when memory runs out: the n-th allocation
 * of the runtime, or of the manager itself, fails, for each n until there is
 * none left. A request is refused, or a handler fails, or the manager ends
 * with `nomem`; nothing hangs, and (in a sanitizer build) nothing leaks.
 *
 * The manager's own allocations are made to fail by taking its files in here
 * with functions of the test's own; the library's copies are not linked then.
 */
#include <coppice/memory.h>
#include <coppice/sys.h>

#include "tests/support/event.h"

static uint64_t own_nth, own_count;
static uint64_t runtime_nth;
static int owed;        /* 0: b was added, so its end will be told */
static bool had_enough; /* fewer than runtime_nth were needed */

/* The actors of a test may run side by side, but these belong to its manager
 * and are counted while only that one acts. */
static bool own_fails(void)
{
    return ++own_count == own_nth;
}

__attribute__((malloc)) static void *own_malloc(size_t size)
{
    return own_fails() ? NULL : malloc(size);
}

__attribute__((malloc)) static void *own_calloc(size_t n, size_t size)
{
    return own_fails() ? NULL : calloc(n, size);
}

#define cop_common_malloc own_malloc
#define cop_common_calloc own_calloc
#include "actors/event.c"
#include "actors/event_answer.c"
#include "actors/event_member.c"
#include "actors/event_next.c"
#include "actors/event_upgrade.c"
#undef cop_common_malloc
#undef cop_common_calloc

static void may_fail(int err)
{
    ck_assert_msg(err >= 0 || err == COP_ENOMEM || err == COP_EDOWN ||
                      err == COP_EFAILED || err == COP_ENOENT ||
                      err == COP_ENOPROC || err == COP_ELIMIT,
                  "%s", cop_error_str(err));
}

static const cop_event_handler next_hand = {
    .label = "hand",
    .state_bytes = sizeof(struct hand_state),
    .replaces = &hand,
};

static void asks_all(cop_pid m)
{
    const struct hand_arg a = arg_of("a", INIT_OK), b = arg_of("b", INIT_OK);
    const struct hand_do crash = {'c', HAND_CRASH, {{0}, 0}},
                         swap_b = {'b', HAND_SWAP, arg_of("c", INIT_OK)},
                         nothing = {0};
    cop_event_id ids[4];
    char state[64];
    cop_reason why;
    cop_msg *result;

    may_fail(cop_event_add_handler(m, named('a'), &a, sizeof a, NULL));
    owed = cop_event_add_sup_handler(m, named('b'), &b, sizeof b, &why);
    may_fail(owed);
    cop_reason_release(why);
    (void)!cop_event_notify(m, HAND_EVENT, &nothing, sizeof nothing);
    may_fail(cop_event_call(m, named('a'), 7, &nothing, sizeof nothing, state,
                            8, COP_FOREVER, NULL));
    may_fail(cop_event_handler_state(m, named('a'), state, sizeof state));
    may_fail(cop_event_which_handlers(m, ids, 4));
    may_fail(cop_event_sync_notify(m, HAND_EVENT, &swap_b, sizeof swap_b));
    may_fail(cop_event_call(m, named('c'), 7, &crash, sizeof crash, state, 8,
                            COP_FOREVER, &why));
    cop_reason_release(why);
    may_fail(cop_event_swap_handler(m, named('a'), "left", 5, named('d'), &a,
                                    sizeof a, &why));
    cop_reason_release(why);
    may_fail(cop_event_swap_sup_handler(m, named('x'), "left", 5, named('e'),
                                        &a, sizeof a, NULL));
    if (cop_sys_suspend(m, COP_FOREVER) == 0) {
        (void)!cop_sys_change_code(m, &next_hand, NULL, 0, COP_FOREVER);
        while (cop_sys_resume(m, COP_FOREVER) == COP_ENOMEM)
            cop_sleep(COP_MS);
    }
    may_fail(cop_event_delete_handler(m, named('d'), "why", 4, &result, &why));
    cop_msg_free(result);
    cop_reason_release(why);
}

/* 1 if it says that b has ended. */
static int is_about_b(const cop_msg *m)
{
    return cop_msg_tag(m) == COP_EVENT_EXIT &&
           cop_msg_as(m, cop_event_exit)->handler.id == 'b';
}

static void bury(cop_pid m)
{
    const cop_msg *msg;
    cop_ref ref;
    int told = 0;

    had_enough = cop_ext_alloc_count() < runtime_nth;
    cop_ext_fail_alloc(0, false);
    own_nth = 0;
    ck_assert_int_eq(cop_monitor(&ref, m), 0);
    (void)!cop_server_stop(m, COP_NORMAL, COP_FOREVER, NULL);
    ck_assert_int_eq(cop_recv_ref(&msg, ref, cop_in(10 * COP_SEC)), 0);
    settle();
    while (cop_recv(&msg, COP_POLL) == 0) {
        ck_assert(cop_msg_tag(msg) == COP_EXIT ||
                  cop_msg_tag(msg) == COP_EVENT_EXIT);
        told += is_about_b(msg);
    }
    /* what telling it needs was there before the handler began */
    if (owed == 0)
        ck_assert_int_eq(told, 1);
}

/* A whole life. */
static void live(void)
{
    cop_pid m;
    int err = cop_event_start(&m, NULL);

    may_fail(err);
    if (err != 0)
        return;
    asks_all(m);
    bury(m);
}

static void body_runtime(void *arg)
{
    (void)arg;
    cop_trap_exit(true);
    for (runtime_nth = 1; !had_enough; runtime_nth++) {
        ck_assert_uint_lt(runtime_nth, 5000);
        cop_ext_fail_alloc(runtime_nth, false);
        live();
        cop_ext_fail_alloc(0, false);
        notes_forget();
    }
}
EVENT_TEST(runtime_memory, body_runtime)

static void body_own(void *arg)
{
    uint64_t total;
    (void)arg;
    cop_trap_exit(true);
    own_count = 0;
    live();
    total = own_count;
    ck_assert_uint_gt(total, 15);
    for (uint64_t n = 1; n <= total + 1; n++) {
        own_count = 0;
        own_nth = n;
        live();
        own_nth = 0;
        notes_forget();
    }
}
EVENT_TEST(own_memory, body_own)

static const TTest *const cases[] = {runtime_memory, own_memory};
UNIT_MAIN("event_oom", cases)
