/* SPDX-License-Identifier: MIT
 *
 * crash_release_test.c - native faults in the release of a message's body: it
 * is code of the program that the runtime calls, wherever the message's way
 * ends, and its fault ends who let go of it.
 */
#include "tests/support/death.h"
#include "tests/support/kid.h"
#include "tests/support/native.h"
#include "tests/support/started.h"

#include <unistd.h>

enum { TAG_TRAP = 1, TAG_GO, TAG_ANSWER };

#define FAULT "{fault, SIGSEGV, 0x0}"

static void *volatile null;
static volatile int sink;
static char body[4];
static atomic_int released;

static void faults(void *data, size_t size)
{
    atomic_fetch_add(&released, data == body && size == sizeof body);
    sink = *(volatile int *)null;
}

static void aborts(void *data, size_t size)
{
    (void)size;
    atomic_fetch_add(&released, data == body);
    abort();
}

static cop_msg *trap_of(void (*release)(void *, size_t))
{
    cop_msg *m;
    ck_assert_int_eq(
        cop_msg_new_moved(&m, TAG_TRAP, body, sizeof body, release), 0);
    return m;
}

static void send_trap(cop_pid to)
{
    ck_assert_int_eq(cop_send_msg(to, trap_of(faults)), 0);
}

static cop_pid watched(cop_fn fn, cop_opts o, cop_ref *ref)
{
    cop_pid pid;

    o.monitor = ref;
    atomic_store(&released, 0);
    ck_assert_int_eq(cop_spawn(&pid, fn, NULL, &o), 0);
    return pid;
}

/* ------------------------------------------------------------- receivers -- */

static void receives_all(void *arg)
{
    const cop_msg *m;

    (void)arg;
    while (cop_recv(&m, COP_FOREVER) == 0)
        ;
}

static void receiver_body(void *arg)
{
    cop_ref ref;

    (void)arg;
    for (int i = 0; i < 100; i++) {
        cop_pid pid = watched(receives_all, (cop_opts){0}, &ref);
        send_trap(pid);
        down_says(ref, FAULT);
        ck_assert_int_eq(atomic_load(&released), 1);
    }
}

START_TEST(a_receiver_ends_by_what_it_received)
{
    actor_test(receiver_body, &(cop_config){.workers = 2});
}
END_TEST

static void takes(void *state, const cop_msg *m)
{
    (void)state;
    ck_assert_int_eq(cop_msg_tag(m), TAG_TRAP);
}

static void note_end(void *state, cop_reason why)
{
    char text[COP_REASON_TEXT];

    (void)state;
    note("%s", cop_reason_str(why, text, sizeof text));
}

static void handler_body(void *arg)
{
    static const cop_handler h = {.message = takes, .terminate = note_end};
    cop_pid pid;
    cop_ref ref;

    (void)arg;
    atomic_store(&released, 0);
    ck_assert_int_eq(
        cop_spawn_handler(&pid, &h, NULL, &(cop_opts){.monitor = &ref}), 0);
    send_trap(pid);
    down_says(ref, FAULT);
    ck_assert_int_eq(atomic_load(&released), 1);
    notes_are(FAULT "|");
}

START_TEST(a_handler_ends_by_what_it_handled)
{
    actor_test(handler_body, &(cop_config){.workers = 2});
}
END_TEST

static void receives_go(void *arg)
{
    const cop_msg *m;

    (void)arg;
    ck_assert_int_eq(cop_recv_tag(&m, TAG_GO, COP_FOREVER), 0);
    cop_exit(COP_SHUTDOWN);
}

/* Each is released, and the reason stays what it was. */
static void dying_body(void *arg)
{
    cop_ref ref;

    (void)arg;
    for (int i = 0; i < 100; i++) {
        cop_pid pid = watched(receives_go, (cop_opts){0}, &ref);
        for (int n = 0; n < 3; n++)
            send_trap(pid);
        ck_assert_int_eq(cop_send_msg(pid, trap_of(aborts)), 0);
        if (i % 2 == 0)
            ck_assert_int_eq(cop_send(pid, TAG_GO, NULL, 0), 0);
        else
            cop_exit_signal(pid, COP_SHUTDOWN);
        down_says(ref, "shutdown");
        ck_assert_int_eq(atomic_load(&released), 4);
    }
}

START_TEST(the_dying_drop_what_they_have)
{
    actor_test(dying_body, &(cop_config){.workers = 2});
}
END_TEST

static void holds_traps(void *arg)
{
    (void)arg;
    for (int n = 0; n < 3; n++)
        (void)trap_of(faults);
    (void)trap_of(aborts);
    receives_go(NULL);
}

static void held_body(void *arg)
{
    cop_ref ref;

    (void)arg;
    for (int i = 0; i < 100; i++) {
        cop_pid pid = watched(holds_traps, (cop_opts){0}, &ref);
        if (i % 2 == 0)
            ck_assert_int_eq(cop_send(pid, TAG_GO, NULL, 0), 0);
        else
            cop_exit_signal(pid, COP_SHUTDOWN);
        down_says(ref, "shutdown");
        ck_assert(atomic_load(&released) == 4 || i % 2 == 1);
    }
}

START_TEST(the_dying_release_what_they_hold)
{
    actor_test(held_body, &(cop_config){.workers = 2});
}
END_TEST

static void drops_oldest_body(void *arg)
{
    cop_ref ref;
    const cop_opts o = {.mailbox_max = 1, .mailbox_full = COP_FULL_DROP_OLD};

    (void)arg;
    cop_pid pid = watched(receives_go, o, &ref);
    send_trap(pid);
    ck_assert_int_eq(cop_send(pid, TAG_ANSWER, NULL, 0), 0);
    down_says(ref, FAULT);
    ck_assert_int_eq(atomic_load(&released), 1);
}

START_TEST(a_full_mailbox_drops_it)
{
    actor_test(drops_oldest_body, &(cop_config){.workers = 2});
}
END_TEST

/* --------------------------------------------------------------- senders -- */

static cop_pid target;

static void sends(void *arg)
{
    (void)arg;
    send_trap(target);
    note("went on");
}

static void frees(void *arg)
{
    (void)arg;
    cop_msg_free(trap_of(faults));
    note("went on");
}

static void ends_at_once(void *arg)
{
    (void)arg;
}

static void sender_body(void *arg)
{
    cop_ref ref;

    (void)arg;
    target = watched(ends_at_once, (cop_opts){0}, &ref);
    down_says(ref, "normal");
    (void)watched(sends, (cop_opts){0}, &ref);
    down_says(ref, FAULT);
    ck_assert_int_eq(atomic_load(&released), 1);
    (void)watched(frees, (cop_opts){0}, &ref);
    down_says(ref, FAULT);
    ck_assert_int_eq(atomic_load(&released), 1);
    notes_are("");
}

START_TEST(a_sender_ends_by_what_nobody_takes)
{
    actor_test(sender_body, &(cop_config){.workers = 2});
}
END_TEST

static void full_body(void *arg)
{
    const cop_opts o = {.mailbox_max = 1};
    cop_ref ref, its;

    (void)arg;
    target = watched(receives_go, o, &its);
    ck_assert_int_eq(cop_send(target, TAG_ANSWER, NULL, 0), 0);
    (void)watched(sends, (cop_opts){0}, &ref);
    down_says(ref, FAULT);
    cop_exit_signal(target, COP_SHUTDOWN);
    down_says(its, "shutdown");
    ck_assert_int_eq(atomic_load(&released), 1);
    notes_are("");
}

START_TEST(a_sender_ends_by_what_is_refused)
{
    actor_test(full_body, &(cop_config){.workers = 2});
}
END_TEST

/* -------------------------------------------------------------- catching -- */

static void receives_twice(void *arg)
{
    const cop_msg *m;

    (void)arg;
    ck_assert_int_eq(cop_recv(&m, COP_POLL), 0);
    (void)!cop_recv(&m, COP_POLL);
}

static void catch_body(void *arg)
{
    size_t before = 0;
    const cop_msg *m;

    (void)arg;
    for (int i = 0; i < 1000; i++) {
        send_trap(cop_self());
        ck_assert_int_eq(cop_send(cop_self(), TAG_GO, NULL, 0), 0);
        ck_assert_int_eq(cop_catch(receives_twice, NULL, NULL), COP_EFAILED);
        /* what stood behind it is still there */
        ck_assert_int_eq(cop_recv(&m, COP_POLL), 0);
        ck_assert_uint_eq(cop_msg_tag(m), TAG_GO);
        ck_assert_int_eq(cop_recv(&m, COP_POLL), COP_ETIMEDOUT);
        if (i == 100)
            before = cop_ext_bytes_in_use();
    }
    ck_assert_uint_le(cop_ext_bytes_in_use(), before + (64 << 10));
}

START_TEST(it_can_be_caught)
{
    actor_test(catch_body, &(cop_config){.workers = 1});
}
END_TEST

static void never_answers(void *arg)
{
    const cop_msg *m;

    (void)arg;
    while (cop_recv(&m, COP_FOREVER) == 0) {
        cop_pid asker = cop_msg_sender(m);
        if (cop_msg_tag(m) == TAG_ANSWER) {
            note("%d", cop_call(asker, TAG_ANSWER, NULL, 0, NULL, 0,
                                cop_in(10 * COP_SEC)));
            return;
        }
        ck_assert_int_eq(cop_send_msg(asker, trap_of(faults)), 0);
        ck_assert_int_eq(cop_send(asker, TAG_GO, NULL, 0), 0);
    }
}

static void calls(void *arg)
{
    (void)!cop_call(*(cop_pid *)arg, TAG_GO, NULL, 0, NULL, 0,
                    cop_in(10 * COP_SEC));
}

/* Its own bounded mailbox drops the trap while it waits for the reply. */
static void call_body(void *arg)
{
    const cop_msg *m;
    cop_pid pid;
    cop_ref ref;

    (void)arg;
    ck_assert_int_eq(
        cop_spawn(&pid, never_answers, NULL, &(cop_opts){.monitor = &ref}), 0);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(cop_catch(calls, &pid, NULL), COP_EFAILED);
    while (cop_recv(&m, COP_POLL) == 0)
        ;
    /* nobody takes it for waiting still */
    ck_assert_int_eq(cop_send(pid, TAG_ANSWER, NULL, 0), 0);
    ck_assert_int_eq(cop_recv_tag(&m, TAG_ANSWER, cop_in(10 * COP_SEC)), 0);
    ck_assert_int_eq(cop_reply(cop_msg_from(m), NULL, 0), 0);
    down_says(ref, "normal");
}

static void call_outer(void *arg)
{
    const cop_opts o = {.mailbox_max = 1, .mailbox_full = COP_FULL_DROP_OLD};
    cop_ref ref;

    (void)arg;
    (void)watched(call_body, o, &ref);
    down_says(ref, "normal");
    notes_are("0|");
}

START_TEST(a_call_that_it_ends_is_over)
{
    actor_test(call_outer, &(cop_config){.workers = 2});
}
END_TEST

/* ----------------------------------------------------------- the process -- */

/* ---------------------------------------------------------------- copies -- */

static void counts(void *data, size_t size)
{
    atomic_fetch_add(&released, data == body && size == sizeof body);
}

static void answers(void *arg)
{
    const cop_msg *m;

    (void)arg;
    while (cop_recv(&m, COP_FOREVER) == 0)
        ck_assert_int_eq(cop_reply_msg(cop_msg_from(m), trap_of(counts)), 0);
}

/* To where nothing can be written. */
static void calls_in_vain(void *server)
{
    ck_assert_int_eq(cop_call(*(cop_pid *)server, TAG_GO, NULL, 0, (void *)8,
                              sizeof body, COP_FOREVER),
                     0);
}

static void calls_twice(void *server)
{
    char got[sizeof body];
    cop_reason why;

    ck_assert_int_eq(cop_catch(calls_in_vain, server, &why), COP_EFAILED);
    cop_reason_release(why);
    ck_assert_int_eq(atomic_load(&released), 0);
    ck_assert_int_eq(cop_call(*(cop_pid *)server, TAG_GO, NULL, 0, got,
                              sizeof got, COP_FOREVER),
                     (int)sizeof got);
    ck_assert_int_eq(atomic_load(&released), 2);
}

static void copy_body(void *arg)
{
    cop_pid server;
    cop_ref ref;
    cop_opts o = {.arg_bytes = sizeof server, .monitor = &ref};

    (void)arg;
    ck_assert_int_eq(cop_spawn(&server, answers, NULL, NULL), 0);
    for (int i = 0; i < 100; i++) {
        atomic_store(&released, 0);
        ck_assert_int_eq(cop_spawn(NULL, calls_in_vain, &server, &o), 0);
        down_says(ref, "{fault, SIGSEGV, 0x8}");
        ck_assert_int_eq(atomic_load(&released), 1);
    }
    atomic_store(&released, 0);
    ck_assert_int_eq(cop_spawn(NULL, calls_twice, &server, &o), 0);
    down_says(ref, "normal");
}

START_TEST(a_reply_goes_with_who_cannot_copy_it)
{
    actor_test(copy_body, &(cop_config){.workers = 2});
}
END_TEST

static void sends_from_outside(void)
{
    cop_pid pid;

    started(2);
    if (cop_spawn(&pid, ends_at_once, NULL, NULL) == 0) {
        usleep(100000);
        (void)cop_send_msg(pid, trap_of(faults));
    }
}

START_TEST(outside_of_actors_it_ends_the_process)
{
    char said[8192];

    ck_assert_int_eq(death_signal(sends_from_outside, said, sizeof said),
                     SIGSEGV);
    ck_assert_ptr_nonnull(strstr(said, "on a thread that runs no actors"));
}
END_TEST

static const TTest *const cases[] = {
    a_receiver_ends_by_what_it_received,
    a_handler_ends_by_what_it_handled,
    the_dying_drop_what_they_have,
    the_dying_release_what_they_hold,
    a_full_mailbox_drops_it,
    a_sender_ends_by_what_nobody_takes,
    a_sender_ends_by_what_is_refused,
    it_can_be_caught,
    a_call_that_it_ends_is_over,
    a_reply_goes_with_who_cannot_copy_it,
    outside_of_actors_it_ends_the_process,
};
NATIVE_MAIN("crash_release", cases)
