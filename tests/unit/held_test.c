/* SPDX-License-Identifier: MIT
 *
 * held_test.c - messages in an actor's hands: what it has built or kept goes
 * with it, however it ends; what it has given away does not.
 */
#include "tests/support/kid.h"

#include <coppice/extend.h>
#include <coppice/memory.h>
#include <coppice/request.h>

enum { TAG_GO = 1, TAG_KEPT, TAG_BUILT, TAG_MOVED, TAG_POINTER };

static atomic_int released, in_hand;

static void count(void *body, size_t size)
{
    atomic_fetch_add(&released, size == 7);
    free(body);
}

static cop_msg *moved(void)
{
    cop_msg *m;
    void *body = cop_common_calloc(1, 7);

    ck_assert_int_eq(cop_msg_new_moved(&m, TAG_MOVED, body, 7, count), 0);
    return m;
}

/* Has two of each kind in hand, and has had others. */
static void take_in_hand(void)
{
    const cop_msg *m;
    cop_msg *built;

    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(cop_send(cop_self(), TAG_KEPT, &i, sizeof i), 0);
        ck_assert_int_eq(cop_recv_tag(&m, TAG_KEPT, COP_POLL), 0);
        (void)cop_keep(m);
        ck_assert_int_eq(cop_msg_new(&built, TAG_BUILT, 0), 0);
        cop_msg_free(built);
        ck_assert_int_eq(cop_msg_new(&built, TAG_BUILT, (size_t)i * 1000), 0);
        ck_assert_int_eq(cop_send_msg(cop_self(), moved()), 0);
        ck_assert_int_eq(cop_recv_tag(&m, TAG_MOVED, COP_POLL), 0);
        (void)cop_keep(m);
        (void)moved();
    }
}

static void returns(void *arg)
{
    (void)arg;
    take_in_hand();
}

static void exits(void *arg)
{
    (void)arg;
    take_in_hand();
    cop_exit(cop_because("boom"));
}

static void waits(void *arg)
{
    const cop_msg *m;

    (void)arg;
    take_in_hand();
    atomic_store(&in_hand, 1);
    (void)!cop_recv_tag(&m, TAG_GO, COP_FOREVER);
}

static int in_init(void *state, void *arg)
{
    (void)state;
    (void)arg;
    take_in_hand();
    return 1;
}

static void nothing(void *state, const cop_msg *m)
{
    (void)state;
    (void)m;
}

static void wait_end(cop_ref ref)
{
    const cop_msg *m;

    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
}

static void ends(cop_fn fn, bool is_killed)
{
    cop_ref ref;
    cop_pid pid;

    ck_assert_int_eq(cop_spawn(&pid, fn, NULL, &(cop_opts){.monitor = &ref}),
                     0);
    if (is_killed) {
        while (atomic_load(&in_hand) == 0)
            cop_sleep(COP_MS);
        ck_assert_int_eq(cop_exit_signal(pid, COP_KILL), 0);
    }
    wait_end(ref);
}

static void deaths_body(void *arg)
{
    static const cop_handler refuses = {.init = in_init, .message = nothing};
    cop_ref ref;

    (void)arg;
    ends(returns, false);
    ck_assert_int_eq(atomic_load(&released), 4);
    ends(exits, false);
    ck_assert_int_eq(atomic_load(&released), 8);
    ends(waits, true);
    ck_assert_int_eq(atomic_load(&released), 12);
    ck_assert_int_eq(
        cop_spawn_handler(NULL, &refuses, NULL, &(cop_opts){.monitor = &ref}),
        0);
    wait_end(ref);
    ck_assert_int_eq(atomic_load(&released), 16);
}

KID_TEST(what_it_holds_goes_with_it, deaths_body)

/* ------------------------------------------------------------- given away --
 */

static void sends_and_ends(void *arg)
{
    cop_msg *m = moved();

    ck_assert_int_eq(cop_send_msg(*(cop_pid *)arg, m), 0);
}

static void disowns(void *arg)
{
    cop_msg *m = moved();

    cop_msg_disown(m);
    ck_assert_int_eq(cop_send(*(cop_pid *)arg, TAG_POINTER, &m, sizeof m), 0);
}

static void owns(void *arg)
{
    ck_assert_int_eq(cop_msg_own(*(cop_msg **)arg), 0);
}

static void away_body(void *arg)
{
    cop_pid me = cop_self();
    const cop_msg *m;
    cop_msg *theirs;
    cop_ref ref;

    (void)arg;
    ck_assert_int_eq(
        cop_spawn(NULL, sends_and_ends, &me, &(cop_opts){.monitor = &ref}), 0);
    wait_end(ref);
    ck_assert_int_eq(atomic_load(&released), 0);
    ck_assert_int_eq(cop_recv_tag(&m, TAG_MOVED, COP_POLL), 0);
    ck_assert_int_eq(
        cop_spawn(NULL, disowns, &me, &(cop_opts){.monitor = &ref}), 0);
    wait_end(ref);
    ck_assert_int_eq(atomic_load(&released), 1); /* the received one */
    ck_assert_int_eq(cop_recv_tag(&m, TAG_POINTER, COP_POLL), 0);
    memcpy(&theirs, cop_msg_body(m), sizeof theirs);
    ck_assert_int_eq(
        cop_spawn(NULL, owns, &theirs, &(cop_opts){.monitor = &ref}), 0);
    wait_end(ref);
    ck_assert_int_eq(atomic_load(&released), 2);
}

KID_TEST(what_it_gave_away_does_not, away_body)

static void frees(void *arg)
{
    cop_msg_free(arg);
}

/* A helper thread frees what its actor holds; and the holders are used again.
 */
static void helper_body(void *arg)
{
    size_t before = 0;

    (void)arg;
    for (int i = 0; i < 3000; i++) {
        cop_msg *m;
        ck_assert_int_eq(cop_msg_new(&m, TAG_BUILT, 8), 0);
        ck_assert_int_eq(cop_blocking(frees, m), 0);
        if (i == 1000)
            before = cop_ext_bytes_in_use();
    }
    ck_assert_uint_lt(cop_ext_bytes_in_use(), before + 65536);
}

KID_TEST(a_helper_may_free_it, helper_body)

static void answers(void *arg)
{
    const cop_msg *m;

    (void)arg;
    while (cop_recv(&m, COP_FOREVER) == 0)
        (void)cop_reply_msg(cop_msg_from(m), moved());
}

static void calls(void *arg)
{
    cop_msg *reply;

    ck_assert_int_eq(
        cop_call_msg(&reply, *(cop_pid *)arg, TAG_GO, NULL, 0, COP_FOREVER), 0);
    ck_assert_uint_eq(cop_msg_size(reply), 7);
    cop_exit(cop_because("boom"));
}

static void reply_body(void *arg)
{
    cop_pid server;
    cop_ref ref;

    (void)arg;
    ck_assert_int_eq(
        cop_spawn(&server, answers, NULL, &(cop_opts){.link = true}), 0);
    ck_assert_int_eq(
        cop_spawn(NULL, calls, &server, &(cop_opts){.monitor = &ref}), 0);
    wait_end(ref);
    ck_assert_int_eq(atomic_load(&released), 1);
}

KID_TEST(so_does_a_reply, reply_body)

START_TEST(a_foreign_thread_keeps_its_own)
{
    cop_msg *m = moved();

    ck_assert_int_eq(cop_msg_own(m), 0);
    actor_test(deaths_body, NULL);
    cop_msg_free(m);
    ck_assert_int_eq(atomic_load(&released), 17);
}
END_TEST

static const TTest *const cases[] = {
    what_it_holds_goes_with_it,     what_it_gave_away_does_not,
    a_helper_may_free_it,           so_does_a_reply,
    a_foreign_thread_keeps_its_own,
};

UNIT_MAIN("held", cases)
