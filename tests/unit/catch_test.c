/* SPDX-License-Identifier: MIT
 *
 * catch_test.c - cop_catch: what it catches and what it does not; cop_become
 * and cop_hibernate: what stays with an actor that leaves its stack.
 */
#include "tests/support/kid.h"

enum { TAG_GO = 1, TAG_BOOM, TAG_OTHER };

static void noted(void *arg)
{
    note("%s", (char *)arg);
}

static void nothing(void *arg)
{
    (void)arg;
}

static void fails(void *arg)
{
    cop_exit(cop_because(arg));
}

static void is_caught(void (*fn)(void *), void *arg, const char *text)
{
    char have[COP_REASON_TEXT];
    cop_reason why;

    ck_assert_int_eq(cop_catch(fn, arg, &why), COP_EFAILED);
    ck_assert_str_eq(cop_reason_str(why, have, sizeof have), text);
    cop_reason_release(why);
}

/* ---------------------------------------------------------------- catch -- */

static void catch_body(void *arg)
{
    cop_reason why = COP_KILLED;

    (void)arg;
    ck_assert_int_eq(cop_catch(nothing, NULL, &why), 0);
    ck_assert(cop_reason_eq(why, COP_NORMAL));
    is_caught(fails, "boom", "boom");
    ck_assert_int_eq(cop_catch(fails, "again", NULL), COP_EFAILED);
    ck_assert_int_eq(cop_catch(NULL, NULL, &why), COP_EINVAL);
}

START_TEST(an_exit_is_caught)
{
    actor_test(catch_body, NULL);
}
END_TEST

/* In the middle of a receive nothing can be caught. */
static int caught_within = 1;
static bool fails_then;

static bool tries_to_catch(const cop_msg *m, void *ctx)
{
    cop_reason why = COP_KILLED;

    (void)m;
    (void)ctx;
    caught_within = cop_catch(fails, "within", &why);
    ck_assert(cop_reason_eq(why, COP_NORMAL));
    if (fails_then)
        cop_exit(cop_because("then"));
    return true;
}

static void release_tries(void *body, size_t size)
{
    (void)body;
    (void)size;
    caught_within = cop_catch(fails, "within", NULL);
}

static void receives_when(void *arg)
{
    const cop_msg *m;

    (void)arg;
    ck_assert_int_eq(cop_recv_when(&m, tries_to_catch, NULL, COP_POLL), 0);
}

static void within_body(void *arg)
{
    static char body[8];
    const cop_msg *m;
    cop_msg *moved;

    (void)arg;
    ck_assert_int_eq(cop_send(cop_self(), TAG_GO, NULL, 0), 0);
    receives_when(NULL);
    ck_assert_int_eq(caught_within, COP_ENOTSUP);
    fails_then = true;
    ck_assert_int_eq(cop_send(cop_self(), TAG_GO, NULL, 0), 0);
    is_caught(receives_when, NULL, "then");
    ck_assert_int_eq(cop_recv_tag(&m, TAG_GO, COP_POLL), 0);

    caught_within = 1;
    ck_assert_int_eq(
        cop_msg_new_moved(&moved, TAG_OTHER, body, sizeof body, release_tries),
        0);
    ck_assert_int_eq(cop_send_msg(cop_self(), moved), 0);
    ck_assert_int_eq(cop_recv_tag(&m, TAG_OTHER, COP_POLL), 0);
    ck_assert_int_eq(cop_recv(&m, COP_POLL), COP_ETIMEDOUT);
    ck_assert_int_eq(caught_within, COP_ENOTSUP);
    is_caught(fails, "boom", "boom");
}

START_TEST(nothing_is_caught_in_the_middle_of_a_call)
{
    actor_test(within_body, NULL);
}
END_TEST

static void fails_with_payload(void *arg)
{
    (void)arg;
    cop_exit(cop_because_fmt("boom", "number %d", 7));
}

static void misuses(void *arg)
{
    (void)cop_msg_as(arg, uint64_t);
}

static void misuse_body(void *arg)
{
    const cop_msg *m;
    cop_reason why;

    (void)arg;
    is_caught(fails_with_payload, NULL, "{boom, \"number 7\"}");
    ck_assert_int_eq(cop_send(cop_self(), TAG_GO, "x", 1), 0);
    ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
    ck_assert_int_eq(cop_catch(misuses, (void *)m, &why), COP_EFAILED);
    ck_assert_int_eq(cop_reason_kind(why), COP_R_BADARG);
    ck_assert_uint_eq(cop_msg_size(m), 1); /* still lent */
    cop_reason_release(why);
}

START_TEST(misuse_and_payloads_are_caught)
{
    actor_test(misuse_body, NULL);
}
END_TEST

static void inner(void *arg)
{
    is_caught(fails, "inner", "inner");
    fails(arg);
}

static void nested_body(void *arg)
{
    (void)arg;
    is_caught(inner, "outer", "outer");
    is_caught(fails, "after", "after");
}

START_TEST(frames_nest)
{
    actor_test(nested_body, NULL);
}
END_TEST

/* What blocks and migrates within a frame still finds it. */
static void waits_and_fails(void *arg)
{
    for (int i = 0; i < 20; i++) {
        cop_ext_migrate();
        cop_yield();
        cop_sleep(10 * COP_US);
    }
    fails(arg);
}

static void migrating_body(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20; i++)
        is_caught(waits_and_fails, "moved", "moved");
}

START_TEST(a_frame_moves_with_its_actor)
{
    actor_test(migrating_body, NULL);
}
END_TEST

static void waits(void *arg)
{
    const cop_msg *m;

    (void)arg;
    (void)!cop_recv_tag(&m, TAG_OTHER, COP_FOREVER);
}

static void catches_signals(void *arg)
{
    (void)arg;
    ck_assert_int_eq(cop_catch(waits, NULL, NULL), 0);
    ck_abort_msg("an exit signal was caught");
}

/* An exit signal `boom`, while fn waits, ends it with that reason. */
static void dies_of_signal(cop_fn fn)
{
    const cop_msg *m;
    cop_ref ref;
    cop_pid pid;

    ck_assert_int_eq(cop_spawn(&pid, fn, NULL, &(cop_opts){.monitor = &ref}),
                     0);
    cop_sleep(COP_MS);
    cop_exit_signal(pid, cop_because("boom"));
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    ck_assert_str_eq(cop_reason_name(cop_msg_reason(m)), "boom");
}

static void signal_body(void *arg)
{
    (void)arg;
    dies_of_signal(catches_signals);
}

START_TEST(exit_signals_are_not_caught)
{
    actor_test(signal_body, &(cop_config){.workers = 2, .virtual_time = true});
}
END_TEST

/* Frames that the death left behind are not jumped to. */
static void fails_in_defer(void *arg)
{
    note("defer %s", (char *)arg);
    is_caught(fails, "caught", "caught");
    cop_exit(cop_because("loud"));
}

static void dies_in_frame(void *arg)
{
    (void)arg;
    ck_assert_int_eq(cop_defer(fails_in_defer, "1"), 0);
    ck_assert_int_eq(cop_defer(fails_in_defer, "2"), 0);
    (void)!cop_catch(waits, NULL, NULL);
    ck_abort_msg("went back to a frame of its life");
}

static void defer_body(void *arg)
{
    (void)arg;
    dies_of_signal(dies_in_frame);
    notes_are("defer 2|defer 1|");
}

START_TEST(clean_ups_have_frames_of_their_own)
{
    actor_test(defer_body, &(cop_config){.workers = 2, .virtual_time = true});
}
END_TEST

static void defers_and_fails(void *arg)
{

    ck_assert_int_eq(cop_defer(noted, "deferred"), 0);
    fails(arg);
}

static void keeps_defers(void *arg)
{
    (void)arg;
    is_caught(defers_and_fails, "boom", "boom");
    note("lives");
}

static void keeps_body(void *arg)
{
    const cop_msg *m;
    cop_ref ref;

    (void)arg;
    ck_assert_int_eq(
        cop_spawn(NULL, keeps_defers, NULL, &(cop_opts){.monitor = &ref}), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    notes_are("lives|deferred|");
}

START_TEST(what_was_deferred_inside_stays)
{
    actor_test(keeps_body, NULL);
}
END_TEST

/* --------------------------------------------------------------- become -- */

struct counter {
    int n;
};

static void count_message(void *state, const cop_msg *m)
{
    struct counter *c = state;

    c->n++;
    note("%u after %d", (unsigned)cop_msg_tag(m), c->n - 1);
    if (cop_msg_tag(m) == TAG_BOOM)
        cop_exit(cop_because("boom"));
}

static void count_terminate(void *state, cop_reason why)
{
    char text[COP_REASON_TEXT];

    note("terminate %d %s", ((struct counter *)state)->n,
         cop_reason_str(why, text, sizeof text));
}

static int never_init(void *state, void *arg)
{
    (void)state;
    (void)arg;
    ck_abort_msg("init was called");
}

static const cop_handler counter = {
    .state_bytes = 1 << 20, /* not allocated: the state is given */
    .init = never_init,
    .message = count_message,
    .terminate = count_terminate,
};

static void becomes(void *arg)
{
    const cop_msg *m;

    ck_assert_int_eq(cop_recv_tag(&m, TAG_OTHER, COP_FOREVER), 0);
    (void)!cop_catch(fails, "x", NULL);
    cop_become(&counter, arg);
}

static void become_body(void *arg)
{
    static struct counter c;
    const cop_msg *m;
    cop_info info;
    cop_ref ref;
    cop_pid pid;

    (void)arg;
    ck_assert_int_eq(cop_spawn(&pid, becomes, &c,
                               &(cop_opts){.monitor = &ref,
                                           .name = "same",
                                           .stack_bytes = 128 << 10}),
                     0);
    ck_assert_int_eq(cop_send(pid, TAG_GO, NULL, 0), 0);
    ck_assert_int_eq(cop_send(pid, TAG_OTHER, NULL, 0), 0);
    ck_assert_int_eq(cop_send(pid, TAG_GO, NULL, 0), 0);
    cop_sleep(COP_MS);
    notes_are("1 after 0|1 after 1|");
    ck_assert_int_eq(cop_info_get(pid, &info), 0);
    ck_assert(info.is_handler && info.status == COP_STATUS_WAITING);
    ck_assert(info.function == (uintptr_t)count_message);
    ck_assert_str_eq(info.name, "same");
    ck_assert_int_eq(cop_send(pid, TAG_BOOM, NULL, 0), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    notes_are("2 after 2|terminate 3 boom|");
}

START_TEST(becomes_a_handler)
{
    actor_test(become_body, &(cop_config){.workers = 2, .virtual_time = true});
}
END_TEST

static void becomes_in_frame(void *arg)
{
    cop_become(&counter, arg);
}

static void frame_becomes(void *arg)
{
    (void)!cop_catch(becomes_in_frame, arg, NULL);
    ck_abort_msg("cop_become returned");
}

static void frame_body(void *arg)
{
    static struct counter c;
    const cop_msg *m;
    cop_ref ref;
    cop_pid pid;

    (void)arg;
    ck_assert_int_eq(
        cop_spawn(&pid, frame_becomes, &c, &(cop_opts){.monitor = &ref}), 0);
    ck_assert_int_eq(cop_send(pid, TAG_BOOM, NULL, 0), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    ck_assert_str_eq(cop_reason_name(cop_msg_reason(m)), "boom");
    notes_are("2 after 0|terminate 1 boom|");
}

START_TEST(frames_end_with_the_stack)
{
    actor_test(frame_body, NULL);
}
END_TEST

/* A handler may change its handler, with a stack it holds in mid-message. */
static void change_message(void *state, const cop_msg *m)
{
    note("old %u", (unsigned)cop_msg_tag(m));
    ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
    cop_become(&counter, *(struct counter **)state);
}

static int change_init(void *state, void *arg)
{
    *(void **)state = arg;
    return 0;
}

static const cop_handler changing = {
    .state_bytes = sizeof(void *),
    .init = change_init,
    .message = change_message,
};

static void change_body(void *arg)
{
    static struct counter c;
    cop_pid pid;

    (void)arg;
    ck_assert_int_eq(cop_spawn_handler(&pid, &changing, &c, NULL), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(cop_send(pid, TAG_GO, NULL, 0), 0);
    cop_sleep(COP_MS);
    notes_are("old 1|1 after 0|1 after 1|");
}

START_TEST(a_handler_becomes_another)
{
    actor_test(change_body, &(cop_config){.workers = 2, .virtual_time = true});
}
END_TEST

/* ------------------------------------------------------------ hibernate -- */

static void wakes(void *arg)
{
    const cop_msg *m;

    ck_assert_int_eq(cop_recv(&m, COP_POLL), 0);
    note("woke for %u", (unsigned)cop_msg_tag(m));
    if (cop_msg_tag(m) != TAG_BOOM)
        cop_hibernate(wakes, arg);
}

static void hibernates(void *arg)
{
    ck_assert_int_eq(cop_defer(noted, "deferred"), 0);
    cop_hibernate(wakes, arg);
}

static void hibernate_body(void *arg)
{
    const cop_msg *m;
    cop_info info;
    cop_ref ref;
    cop_pid pid;

    (void)arg;
    ck_assert_int_eq(
        cop_spawn(&pid, hibernates, NULL, &(cop_opts){.monitor = &ref}), 0);
    cop_sleep(COP_MS);
    ck_assert_int_eq(cop_link(pid), 0); /* a signal, but no message */
    cop_sleep(COP_MS);
    ck_assert_int_eq(cop_unlink(pid), 0);
    cop_sleep(COP_MS);
    notes_are("");
    ck_assert_int_eq(cop_info_get(pid, &info), 0);
    ck_assert_int_eq(info.status, COP_STATUS_WAITING);
    ck_assert_int_eq(cop_send(pid, TAG_GO, NULL, 0), 0);
    cop_sleep(COP_MS);
    notes_are("woke for 1|");
    ck_assert_int_eq(cop_send(pid, TAG_GO, NULL, 0), 0);
    ck_assert_int_eq(cop_send(pid, TAG_BOOM, NULL, 0), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    ck_assert(cop_reason_eq(cop_msg_reason(m), COP_NORMAL));
    notes_are("woke for 1|woke for 2|deferred|");
}

START_TEST(hibernates_until_a_message)
{
    actor_test(hibernate_body,
               &(cop_config){.workers = 2, .virtual_time = true});
}
END_TEST

static void killed_body(void *arg)
{
    const cop_msg *m;
    cop_ref ref;
    cop_pid pid;

    (void)arg;
    ck_assert_int_eq(
        cop_spawn(&pid, hibernates, NULL, &(cop_opts){.monitor = &ref}), 0);
    cop_sleep(COP_MS);
    cop_exit_signal(pid, COP_KILL);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    ck_assert(cop_reason_eq(cop_msg_reason(m), COP_KILLED));
    notes_are("deferred|");
}

START_TEST(ends_while_it_hibernates)
{
    actor_test(killed_body, &(cop_config){.workers = 2, .virtual_time = true});
}
END_TEST

static void hibernate_in_handler(void *state, const cop_msg *m)
{
    (void)m;
    cop_hibernate(wakes, state);
}

static const cop_handler cannot = {.message = hibernate_in_handler};

static void cannot_body(void *arg)
{
    const cop_msg *m;
    cop_ref ref;
    cop_pid pid;

    (void)arg;
    ck_assert_int_eq(
        cop_spawn_handler(&pid, &cannot, NULL, &(cop_opts){.monitor = &ref}),
        0);
    ck_assert_int_eq(cop_send(pid, TAG_GO, NULL, 0), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    ck_assert_int_eq(cop_reason_kind(cop_msg_reason(m)), COP_R_BADARG);
}

START_TEST(a_handler_cannot_hibernate)
{
    actor_test(cannot_body, NULL);
}
END_TEST

/* Messages race with going to sleep: none is missed. */
static void counts_down(void *arg)
{
    int *left = arg;
    const cop_msg *m;

    while (cop_recv(&m, COP_POLL) == 0)
        --*left;
    if (*left > 0)
        cop_hibernate(counts_down, left);
}

static void race_body(void *arg)
{
    enum { N = 20000 };
    static int left = N;
    const cop_msg *m;
    cop_ref ref;
    cop_pid pid;

    (void)arg;
    ck_assert_int_eq(
        cop_spawn(&pid, counts_down, &left, &(cop_opts){.monitor = &ref}), 0);
    for (int i = 0; i < N; i++) {
        ck_assert_int_eq(cop_send(pid, TAG_GO, NULL, 0), 0);
        if (i % 3 == 0)
            cop_yield();
    }
    ck_assert_int_eq(cop_recv_ref(&m, ref, cop_in(20 * COP_SEC)), 0);
    ck_assert_int_eq(left, 0);
}

START_TEST(no_message_is_slept_through)
{
    actor_test(race_body, NULL);
}
END_TEST

static size_t longest;

static void log_line(const char *line)
{
    if (strlen(line) < 100)
        note("log %s", line);
    else
        longest = strlen(line);
}

static void log_body(void *arg)
{
    char big[3000];

    (void)arg;
    cop_log("%d of %s", 7, "nine");
    notes_are("log 7 of nine|");
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    cop_log("%s", big);
    ck_assert_uint_eq(longest, 1000);
}

START_TEST(a_line_is_logged)
{
    actor_test(log_body, &(cop_config){.workers = 1, .log = log_line});
}
END_TEST

static const TTest *const cases[] = {
    an_exit_is_caught,
    nothing_is_caught_in_the_middle_of_a_call,
    misuse_and_payloads_are_caught,
    frames_nest,
    a_frame_moves_with_its_actor,
    exit_signals_are_not_caught,
    clean_ups_have_frames_of_their_own,
    what_was_deferred_inside_stays,
    becomes_a_handler,
    frames_end_with_the_stack,
    a_handler_becomes_another,
    hibernates_until_a_message,
    ends_while_it_hibernates,
    a_handler_cannot_hibernate,
    no_message_is_slept_through,
    a_line_is_logged,
};
UNIT_MAIN("catch", cases)
