/* SPDX-License-Identifier: MIT
 *
 * event_sup_test.c - handlers of an event manager that an actor supervises.
 * What is expected is what tests/conformance/otp/event.erl printed, in the
 * section that a test names.
 */
#include "tests/support/event.h"

/* "supervised handler ends": who added it is told why. The link stays. */
static void body_ends(void *arg)
{
    cop_pid m = manager();
    (void)arg;
    cop_trap_exit(true);
    sup_add(m, "abcd");
    links_are(m, 1);
    deleted_is(m, 'a', "why", "gone a");
    exited_is(m, 'a', "normal");
    tell(m, 'b', HAND_REMOVE);
    exited_is(m, 'b', "normal");
    tell(m, 'c', HAND_CRASH);
    exited_is(m, 'c', "boom");
    tell(m, 'd', HAND_ODD);
    exited_is(m, 'd', "{odd, \"verdict\"}");
    links_are(m, 1);
    sup_add(m, "e");
    deleted_is(m, 'e', "die_in_terminate", "COP_EFAILED");
    exited_is(m, 'e', "normal");
    sup_add(m, "gh");
    notes_forget();
    stop_manager(m);
    notes_are("h terminate stop|g terminate stop|");
    exited_is(m, 'h', "shutdown");
    exited_is(m, 'g', "shutdown");
    /* it was unlinked, so there is no EXIT */
    mailbox_is_empty();
}
EVENT_TEST(ending, body_ends)

static int sup_add_failing(cop_pid m)
{
    struct hand_arg how = arg_of("f", INIT_EXIT);
    return cop_event_add_sup_handler(m, named('f'), &how, sizeof how, NULL);
}

/* "init fails with no other handler", "... another one there" */
static void body_init_fails(void *arg)
{
    cop_pid m = manager();
    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(sup_add_failing(m), COP_EFAILED);
    links_are(m, 1);
    mailbox_is_empty();
    stop_manager(m);
    got_exit(m, "normal");
    m = manager();
    sup_add(m, "a");
    ck_assert_int_eq(sup_add_failing(m), COP_EFAILED);
    links_are(m, 1);
    stop_manager(m);
    exited_is(m, 'a', "shutdown");
    mailbox_is_empty();
}
EVENT_TEST(init_fails, body_init_fails)

/* "supervised handler is swapped": the next one is supervised, too. */
static void body_swapped(void *arg)
{
    cop_pid m = manager();
    (void)arg;
    cop_trap_exit(true);
    sup_add(m, "a");
    ck_assert_int_eq(swap_for(m, 'a', "left", "b", INIT_OK, NULL), 0);
    exited_is(m, 'a', "swapped b");
    deleted_is(m, 'b', "why", "gone b");
    exited_is(m, 'b', "normal");
    sup_add(m, "a");
    tell_swap(m, 'a', "b", INIT_OK);
    exited_is(m, 'a', "swapped b");
    deleted_is(m, 'b', "why", "gone b");
    exited_is(m, 'b', "normal");
    sup_add(m, "a");
    ck_assert_int_eq(swap_for(m, 'a', "left", "n", INIT_EXIT, NULL),
                     COP_EFAILED);
    exited_is(m, 'a', "swapped n");
    mailbox_is_empty();
    sup_add(m, "a");
    tell_swap(m, 'a', "n", INIT_EXIT);
    exited_is(m, 'a', "swapped n");
    exited_is(m, 'n', "crash");
    handlers_are(m, "");
    stop_manager(m);
    got_exit(m, "normal");
}
EVENT_TEST(swapping, body_swapped)

/* ------------------------------------------------------ another who adds -- */

/* Adds handlers, then ends as told; forwards what it hears of them. */
struct adder {
    cop_pid manager, test, pid;
    const char *letters;
};

enum { ADDER_READY = 50, ADDER_DIE };

static void adder_main(void *arg)
{
    struct adder *a = arg;
    const cop_msg *m;
    for (const char *p = a->letters; *p != '\0'; p++) {
        struct hand_arg how = {.name = {*p}};
        ck_assert_int_eq(cop_event_add_sup_handler(a->manager, named(*p), &how,
                                                   sizeof how, NULL),
                         0);
    }
    ck_assert_int_eq(cop_send(a->test, ADDER_READY, NULL, 0), 0);
    while (cop_recv(&m, COP_FOREVER) == 0) {
        if (cop_msg_tag(m) == ADDER_DIE)
            cop_exit(cop_because(cop_msg_body(m)));
        if (cop_msg_tag(m) == COP_EVENT_EXIT) {
            const cop_event_exit *e = cop_msg_as(m, cop_event_exit);
            note("told %c %s %c by %s", (char)e->handler.id,
                 cop_reason_name(e->reason),
                 e->to.handler != NULL ? (char)e->to.id : '-',
                 cop_pid_eq(e->by, cop_self()) ? "me"
                 : cop_pid_eq(e->by, a->test)  ? "test"
                                               : "nobody");
        }
    }
}

static void adder_start(struct adder *a, cop_pid m, const char *letters)
{
    const cop_msg *msg;
    *a = (struct adder){.manager = m, .test = cop_self(), .letters = letters};
    ck_assert_int_eq(cop_spawn(&a->pid, adder_main, a, NULL), 0);
    ck_assert_int_eq(cop_recv_tag(&msg, ADDER_READY, COP_FOREVER), 0);
    notes_forget();
}

static void adder_die(const struct adder *a, const char *why)
{
    ck_assert_int_eq(cop_send(a->pid, ADDER_DIE, why, strlen(why) + 1), 0);
    settle();
}

/* "swap_sup_handler" */
static void body_swap_sup(void *arg)
{
    static struct adder x;
    cop_pid m = manager();
    (void)arg;
    cop_trap_exit(true);
    add(m, "a");
    ck_assert_int_eq(swap_sup_for(m, 'a', "b", INIT_OK), 0);
    links_are(m, 1);
    deleted_is(m, 'b', "why", "gone b");
    exited_is(m, 'b', "normal");
    ck_assert_int_eq(swap_sup_for(m, 'x', "c", INIT_OK), 0);
    deleted_is(m, 'c', "why", "gone c");
    exited_is(m, 'c', "normal");
    adder_start(&x, m, "d");
    ck_assert_int_eq(swap_sup_for(m, 'd', "e", INIT_OK), 0);
    links_are(m, 2);
    settle();
    notes_are("d terminate left|e init in place, old gone d|"
              "told d swapped e by test|");
    adder_die(&x, "boom");
    notes_are("e info EXIT boom|");
    deleted_is(m, 'e', "why", "gone e");
    exited_is(m, 'e', "normal");
    ck_assert_int_eq(swap_sup_for(m, 'x', "n", INIT_EXIT), COP_EFAILED);
    links_are(m, 1);
    mailbox_is_empty();
    stop_manager(m);
    got_exit(m, "normal");
}
EVENT_TEST(swap_sup, body_swap_sup)

/* "who has swapped": what the old one's adder hears. */
static void body_who(void *arg)
{
    static struct adder x, y;
    cop_pid m = manager();
    (void)arg;
    adder_start(&x, m, "a");
    adder_start(&y, m, "bc");
    ck_assert_int_eq(swap_for(m, 'b', "left", "d", INIT_OK, NULL), 0);
    settle();
    notes_are("b terminate left|d init in place, old gone b|"
              "told b swapped d by me|");
    ck_assert_int_eq(swap_sup_for(m, 'c', "e", INIT_OK), 0);
    settle();
    notes_are("c terminate left|e init in place, old gone c|"
              "told c swapped e by test|");
    adder_die(&y, "boom");
    notes_are("d terminate {stop, boom}|e info EXIT boom|a info EXIT boom|");
    deleted_is(m, 'e', "why", "gone e");
    exited_is(m, 'e', "normal");
    cop_trap_exit(true);
    stop_manager(m);
    got_exit(m, "normal");
}
EVENT_TEST(who_has_swapped, body_who)

/* "adder dies": its handlers end, the others are told by `info`. */
static void body_adder_dies(void *arg)
{
    static struct adder x, y;
    cop_pid m = manager();
    (void)arg;
    add(m, "x");
    adder_start(&x, m, "ab");
    adder_start(&y, m, "c");
    add(m, "y");
    adder_die(&x, "boom");
    notes_are("b terminate {stop, boom}|a terminate {stop, boom}|"
              "y info EXIT boom|c info EXIT boom|x info EXIT boom|");
    handlers_are(m, "ycx");
    adder_die(&y, "normal");
    notes_are("c terminate {stop, normal}|"
              "y info EXIT normal|x info EXIT normal|");
    handlers_are(m, "yx");
    stop_manager(m);
}
EVENT_TEST(adder_dies, body_adder_dies)

/* "adder dies after its handler was deleted" */
static void body_deleted(void *arg)
{
    static struct adder x;
    cop_pid m = manager();
    (void)arg;
    add(m, "x");
    adder_start(&x, m, "a");
    deleted_is(m, 'a', "why", "gone a");
    settle();
    notes_forget();
    adder_die(&x, "boom");
    notes_are("x info EXIT boom|");
    stop_manager(m);
}
EVENT_TEST(deleted_before, body_deleted)

/* An exit signal of an adder that lives counts as its end; it is told so. */
static void body_signal(void *arg)
{
    cop_pid m = manager();
    (void)arg;
    cop_trap_exit(true);
    add(m, "x");
    sup_add(m, "a");
    ck_assert_int_eq(cop_exit_signal(m, cop_because("boom")), 0);
    settle();
    notes_are("a terminate {stop, boom}|x info EXIT boom|");
    exited_is(m, 'a', "shutdown");
    stop_manager(m);
}
EVENT_TEST(signal_of_adder, body_signal)

/* "handlers of an adder end at stop" */
static void body_stop(void *arg)
{
    static struct adder y;
    cop_pid m = manager();
    (void)arg;
    add(m, "x");
    sup_add(m, "a");
    adder_start(&y, m, "b");
    stop_manager(m);
    exited_is(m, 'a', "shutdown");
    settle();
    ck_assert(cop_is_alive(y.pid));
    adder_die(&y, "normal");
}
EVENT_TEST(stopping, body_stop)

/* "stop, with handlers of the parent": the parent is not unlinked. */
static void body_parent(void *arg)
{
    const cop_opts opts = {.link = true};
    cop_pid m;
    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(cop_event_start(&m, &opts), 0);
    sup_add(m, "a");
    stop_manager(m);
    exited_is(m, 'a', "shutdown");
    got_exit(m, "normal");
}
EVENT_TEST(parent_adds, body_parent)

/* "manager is killed" */
static void body_killed(void *arg)
{
    cop_pid m = manager();
    (void)arg;
    cop_trap_exit(true);
    sup_add(m, "a");
    cop_exit_signal(m, COP_KILL);
    got_exit(m, "killed");
    settle();
    notes_are("");
    mailbox_is_empty();
}
EVENT_TEST(killed, body_killed)

START_TEST(outside)
{
    const struct hand_arg how = {"a", INIT_OK};
    const cop_opts linked = {.link = true};
    cop_event_id ids[2];
    cop_msg *result;
    cop_pid m;
    ck_assert_int_eq(cop_start(&event_virtual), 0);
    ck_assert_int_eq(cop_event_start(&m, &linked), COP_EINVAL);
    ck_assert_int_eq(cop_event_start(&m, NULL), 0);
    ck_assert_int_eq(
        cop_event_add_sup_handler(m, named('a'), &how, sizeof how, NULL),
        COP_EINVAL);
    ck_assert_int_eq(
        cop_event_add_handler(m, named('a'), &how, sizeof how, NULL), 0);
    ck_assert_int_eq(cop_event_notify(m, 1, NULL, 0), 0);
    tell(m, 0, HAND_NOTHING);
    ck_assert_int_eq(cop_event_which_handlers(m, ids, 2), 1);
    asked_is(m, 'a', &(struct hand_do){0}, "a");
    ck_assert_int_eq(
        cop_event_delete_handler(m, named('a'), "why", 4, &result, NULL), 0);
    ck_assert_str_eq(cop_msg_body(result), "gone a");
    cop_msg_free(result);
    notes_are("a init|a event 1|a event 7|a call 7|a terminate why|");
    ck_assert_int_eq(cop_stop(0, NULL), 0);
}
END_TEST

static const TTest *const cases[] = {
    ending,          init_fails,  swapping,       swap_sup,
    who_has_swapped, adder_dies,  deleted_before, signal_of_adder,
    stopping,        parent_adds, killed,         outside,
};
UNIT_MAIN("event_sup", cases)
