/* SPDX-License-Identifier: MIT
 *
 * event_end_test.c - an event manager as an actor: names, exit signals, its
 * ends, and the services of sys.h. What is expected is what
 * tests/conformance/otp/event.erl printed, in the section that a test names.
 */
#include <coppice/sys.h>

#include "tests/support/event.h"

static const cop_opts linked = {.link = true};

/* "stop", "stop with a reason": the reason is not told, as in OTP. */
static void body_stop(void *arg)
{
    cop_pid m = manager();
    (void)arg;
    add(m, "ab");
    stop_manager(m);
    notes_are("b terminate stop|a terminate stop|");
    m = manager();
    add(m, "a");
    ck_assert_int_eq(
        cop_server_stop(m, cop_because("because"), COP_FOREVER, NULL), 0);
    notes_are("a terminate stop|");
}
EVENT_TEST(stopping, body_stop)

/* "exit signals" */
static void body_signals(void *arg)
{
    cop_pid m = manager();
    (void)arg;
    add(m, "a");
    cop_exit_signal(m, cop_because("boom"));
    settle();
    notes_are("a info EXIT boom|");
    cop_exit_signal(m, COP_NORMAL);
    settle();
    notes_are("a info EXIT normal|");
    ck_assert(cop_is_alive(m));
    cop_exit_signal(m, COP_KILL);
    settle();
    notes_are("");
    ck_assert(!cop_is_alive(m));
}
EVENT_TEST(signals, body_signals)

static cop_pid of_parent;

static void parent_main(void *arg)
{
    const cop_msg *m;
    (void)arg;
    ck_assert_int_eq(cop_event_start(&of_parent, &linked), 0);
    add(of_parent, "a");
    sup_add(of_parent, "b");
    ck_assert_int_eq(cop_recv(&m, COP_FOREVER), 0);
    cop_exit(cop_because("boom"));
}

/* "parent ends": so does the manager, with its reason. */
static void body_parent(void *arg)
{
    const cop_msg *m;
    cop_pid parent;
    cop_ref ref;
    (void)arg;
    ck_assert_int_eq(cop_spawn(&parent, parent_main, NULL, NULL), 0);
    settle();
    ck_assert_int_eq(cop_monitor(&ref, of_parent), 0);
    ck_assert_int_eq(cop_send(parent, 1, NULL, 0), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, cop_in(5 * COP_SEC)), 0);
    reason_is(cop_msg_reason(m), "boom");
    notes_are("b terminate stop|a terminate stop|");
}
EVENT_TEST(parent_ends, body_parent)

/* "EXIT from the parent by exit/2" */
static void body_parent_signal(void *arg)
{
    cop_pid m;
    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(cop_event_start(&m, &linked), 0);
    add(m, "a");
    cop_exit_signal(m, COP_SHUTDOWN);
    got_exit(m, "shutdown");
    notes_are("a terminate stop|");
}
EVENT_TEST(signal_of_parent, body_parent_signal)

/* "names" */
static void body_names(void *arg)
{
    const cop_opts opts = {.name = "ev"};
    cop_pid m, other;
    (void)arg;
    ck_assert_int_eq(cop_event_start(&m, &opts), 0);
    ck_assert_int_eq(cop_event_start(&other, &opts), COP_ESTARTED);
    ck_assert(cop_pid_eq(m, other));
    add(m, "a");
    ck_assert_int_eq(cop_cast_name("ev", 5, NULL, 0), 0);
    settle();
    notes_are("a event 5|");
    stop_manager(m);
    ck_assert_int_eq(cop_server_stop(m, COP_NORMAL, COP_FOREVER, NULL),
                     COP_ENOPROC);
    asked_is(m, 'a', &(struct hand_do){0}, "COP_ENOPROC");
    ck_assert_int_eq(add_as(m, 'a', "a", INIT_OK, NULL), COP_ENOPROC);
    ck_assert_int_eq(cop_event_sync_notify(m, 1, NULL, 0), COP_ENOPROC);
    ck_assert_int_eq(cop_event_notify(m, 1, NULL, 0), 0);
}
EVENT_TEST(names, body_names)

/* What is not right is refused, by the client or since no manager answers. */
static void body_refused(void *arg)
{
    static struct kid k = {.name = "k"};
    const struct kid_msg b = kid_body(1, "");
    const struct hand_do d = {0};
    cop_event_id nobody = {0}, huge_id;
    static const cop_event_handler huge = {.state_bytes = SIZE_MAX / 2};
    cop_pid m = manager();
    (void)arg;
    huge_id = cop_event_named(&huge, 0);
    kid_start(&k, false);
    ck_assert_int_eq(cop_event_sync_notify(k.pid, KID_ECHO, &b, sizeof b),
                     COP_EINVAL);
    ck_assert_int_eq(cop_event_add_handler(m, nobody, NULL, 0, NULL),
                     COP_EINVAL);
    ck_assert_int_eq(cop_event_add_handler(m, huge_id, NULL, 0, NULL),
                     COP_EINVAL);
    ck_assert_int_eq(cop_event_add_handler(m, named('a'), NULL, 4, NULL),
                     COP_EINVAL);
    ck_assert_int_eq(cop_event_sync_notify(m, 0, NULL, 0), COP_EINVAL);
    ck_assert_int_eq(cop_event_sync_notify(m, COP_EXIT, NULL, 0), COP_EINVAL);
    ck_assert_int_eq(cop_event_call(m, named('a'), 0, &d, sizeof d, NULL, 0,
                                    COP_FOREVER, NULL),
                     COP_EINVAL);
    ck_assert_int_eq(cop_event_which_handlers(m, NULL, 1), COP_EINVAL);
    /* a request that no client of ours sends is not answered */
    ck_assert_int_eq(
        cop_call(m, COP_TAG_BEHAVIOUR + 0x603, "x", 1, NULL, 0, cop_in(COP_MS)),
        COP_ETIMEDOUT);
    stop_manager(m);
}
EVENT_TEST(refused, body_refused)

/* ------------------------------------------------------------- services -- */

static int rename_it(void *state, size_t bytes, void *arg)
{
    struct hand_state *s = state;
    ck_assert_uint_eq(bytes, sizeof *s);
    memcpy(s->name, "changed", 8);
    if (arg != NULL)
        cop_exit(cop_because("no"));
    return 0;
}

/* "sys": the newest handler stands for all; each can be looked into. */
static void body_state(void *arg)
{
    struct hand_state s;
    cop_pid m = manager();
    const cop_time soon = cop_in(5 * COP_SEC);
    char text[COP_SYS_STATUS_TEXT];
    (void)arg;
    ck_assert_int_eq(cop_sys_get_state(m, &s, sizeof s, soon), COP_ENOTSUP);
    add(m, "a");
    sup_add(m, "b");
    ck_assert_int_eq(cop_sys_get_state(m, &s, sizeof s, soon), sizeof s);
    ck_assert_str_eq(s.name, "b");
    ck_assert_int_eq(cop_event_handler_state(m, named('a'), &s, sizeof s),
                     sizeof s);
    ck_assert_str_eq(s.name, "a");
    ck_assert_int_eq(cop_event_handler_state(m, named('a'), &s, 1), sizeof s);
    ck_assert_int_eq(cop_event_handler_state(m, named('x'), &s, sizeof s),
                     COP_ENOENT);
    ck_assert_int_eq(cop_sys_replace_state(m, rename_it, &s, 0, soon),
                     COP_EFAILED);
    ck_assert_int_eq(cop_event_handler_state(m, named('b'), &s, sizeof s),
                     sizeof s);
    ck_assert_str_eq(s.name, "b");
    ck_assert_int_eq(cop_sys_replace_state(m, rename_it, NULL, 0, soon), 0);
    ck_assert_int_eq(cop_event_handler_state(m, named('b'), &s, sizeof s),
                     sizeof s);
    ck_assert_str_eq(s.name, "changed");
    ck_assert_int_gt(cop_sys_get_status(m, text, sizeof text, soon), 0);
    ck_assert_ptr_nonnull(strstr(text, "behaviour: event manager\n"));
    ck_assert_ptr_nonnull(strstr(text, "hand/98 supervised by 0."));
    ck_assert_ptr_nonnull(strstr(text, "hand/97\n"));
    stop_manager(m);
}
EVENT_TEST(state_is_shown, body_state)

struct new_state {
    char extra[16];
    char name[8];
};

static const char *refuses;

static int new_code_change(void *state, const void *old, const void *extra,
                           size_t extra_bytes)
{
    struct new_state *s = state;
    const struct hand_state *o = old;
    note("%s code_change %s", o->name, (const char *)extra);
    ck_assert_uint_eq(extra_bytes, 6);
    memcpy(s->name, o->name, sizeof s->name);
    memcpy(s->extra, extra, extra_bytes);
    if (refuses != NULL && strcmp(refuses, s->name) == 0)
        cop_exit(cop_because("refused"));
    return 0;
}

static cop_event_next new_event(void *state, const cop_msg *m)
{
    const struct new_state *s = state;
    note("%s new event %u %s", s->name, (unsigned)cop_msg_tag(m), s->extra);
    return cop_event_keep();
}

static const cop_event_handler new_hand = {
    .label = "new",
    .state_bytes = sizeof(struct new_state),
    .event = new_event,
    .replaces = &hand,
    .code_change = new_code_change,
};
static const cop_event_handler same_size = {
    .state_bytes = sizeof(struct new_state), .replaces = &new_hand};
static const cop_event_handler other_size = {.replaces = &same_size};

static int change_to(cop_pid m, const cop_event_handler *def)
{
    return cop_sys_change_code(m, def, "extra", 6, cop_in(5 * COP_SEC));
}

/* "sys": events wait while it is suspended; all handlers of the old code have
 * the new one, or none. */
static void body_code_change(void *arg)
{
    cop_pid m = manager();
    (void)arg;
    add(m, "ab");
    ck_assert_int_eq(change_to(m, &new_hand), COP_EINVAL);
    ck_assert_int_eq(cop_sys_suspend(m, COP_FOREVER), 0);
    ck_assert_int_eq(cop_event_notify(m, 4, NULL, 0), 0);
    refuses = "a";
    ck_assert_int_eq(change_to(m, &new_hand), COP_EFAILED);
    notes_are("b code_change extra|a code_change extra|");
    ck_assert_int_eq(cop_sys_resume(m, COP_FOREVER), 0);
    tell(m, 0, HAND_NOTHING);
    notes_are("b event 4|a event 4|b event 7|a event 7|");
    refuses = NULL;
    ck_assert_int_eq(cop_sys_suspend(m, COP_FOREVER), 0);
    ck_assert_int_eq(change_to(m, &new_hand), 0);
    ck_assert_int_eq(change_to(m, &new_hand), 0);
    ck_assert_int_eq(change_to(m, &same_size), 0);
    ck_assert_int_eq(change_to(m, &other_size), COP_EFAILED);
    ck_assert_int_eq(cop_sys_resume(m, COP_FOREVER), 0);
    notes_forget();
    handlers_are(m, "ba");
    ck_assert_int_eq(
        cop_event_delete_handler(m, named('a'), NULL, 0, NULL, NULL), 0);
    handlers_are(m, "b");
    stop_manager(m);
}
EVENT_TEST(code_is_changed, body_code_change)

static cop_event_next other_event(void *state, const cop_msg *m)
{
    (void)state;
    note("other event %u", (unsigned)cop_msg_tag(m));
    return cop_event_keep();
}

/* Handlers of other code remain what they are. */
static void body_new_code(void *arg)
{
    static const cop_event_handler other = {
        .label = "other", .state_bytes = 8, .event = other_event};
    cop_event_id id = cop_event_named(&other, 0);
    cop_pid m = manager();
    (void)arg;
    ck_assert_int_eq(cop_event_add_handler(m, id, NULL, 0, NULL), 0);
    add(m, "a");
    ck_assert_int_eq(cop_sys_suspend(m, COP_FOREVER), 0);
    ck_assert_int_eq(change_to(m, &new_hand), 0);
    ck_assert_int_eq(cop_sys_resume(m, COP_FOREVER), 0);
    notes_forget();
    ck_assert_int_eq(cop_event_sync_notify(m, 4, NULL, 0), 0);
    notes_are("a new event 4 extra|other event 4|");
    stop_manager(m);
}
EVENT_TEST(new_code_runs, body_new_code)

/* ------------------------------------------------------- killed anywhere -- */

static cop_event_next wait_init(void *state, cop_event_init *how)
{
    (void)state;
    if (how->swapped || how->id == 1)
        cop_sleep(COP_SEC);
    return cop_event_keep();
}

static cop_event_next wait_event(void *state, const cop_msg *m)
{
    (void)state;
    if (cop_msg_tag(m) == 2)
        return cop_event_swap("left", 5, cop_event_named(&hand, 'z'), NULL, 0);
    cop_sleep(COP_SEC);
    return cop_event_keep();
}

static cop_event_next wait_call(void *state, const cop_msg *m, cop_from from)
{
    (void)state;
    (void)m;
    (void)from;
    cop_sleep(COP_SEC);
    return cop_event_keep();
}

static cop_msg *wait_terminate(void *state, const cop_event_end *end)
{
    (void)state;
    (void)end;
    cop_sleep(COP_SEC);
    return NULL;
}

static const cop_event_handler waits = {
    .label = "waits",
    .state_bytes = 100,
    .init = wait_init,
    .event = wait_event,
    .call = wait_call,
    .terminate = wait_terminate,
};

/* Does one thing that never comes to its end. */
static void do_one(void *arg)
{
    static char big[1000];
    const cop_event_id id = cop_event_named(&waits, 0),
                       slow = cop_event_named(&waits, 1);
    cop_pid m = of_parent;
    int err = 0;
    switch (*(int *)arg) {
    case 0:
        err = cop_event_add_sup_handler(m, slow, big, sizeof big, NULL);
        break;
    case 1:
        err = cop_event_sync_notify(m, 1, big, sizeof big);
        break;
    case 2:
        err = cop_event_sync_notify(m, 2, big, sizeof big);
        break;
    case 3:
        err = cop_event_call(m, id, 3, big, sizeof big, NULL, 0, COP_FOREVER,
                             NULL);
        break;
    case 4:
        err = cop_event_delete_handler(m, id, big, sizeof big, NULL, NULL);
        break;
    case 5:
        err = cop_event_swap_handler(m, cop_event_named(&hand, 'x'), NULL, 0,
                                     slow, big, sizeof big, NULL);
        break;
    default:
        err = cop_event_swap_handler(m, cop_event_named(&hand, 'h'), "x", 2,
                                     slow, big, sizeof big, NULL);
    }
    note("%s", cop_error_name(err));
}

/* The manager, or who asks it, dies in the middle of everything: nothing may be
 * left (which a sanitizer build sees). */
static void body_killed(void *arg)
{
    (void)arg;
    for (int what = 0; what < 14; what++) {
        int which = what % 7;
        cop_pid asker;
        of_parent = manager();
        add(of_parent, "h");
        ck_assert_int_eq(cop_event_add_sup_handler(of_parent,
                                                   cop_event_named(&waits, 0),
                                                   NULL, 0, NULL),
                         0);
        const cop_opts opts = {.arg_bytes = sizeof which};
        ck_assert_int_eq(cop_spawn(&asker, do_one, &which, &opts), 0);
        settle();
        notes_forget();
        cop_trap_exit(true);
        cop_exit_signal(what < 7 ? of_parent : asker, COP_KILL);
        settle();
        notes_are(what < 7 && what != 0 ? "COP_EDOWN|" : "");
        cop_exit_signal(of_parent, COP_KILL);
        got_exit(of_parent, "killed");
    }
}
EVENT_TEST(killed_anywhere, body_killed)

static int slow_change(void *state, const void *old, const void *extra,
                       size_t extra_bytes)
{
    (void)state;
    (void)old;
    (void)extra;
    (void)extra_bytes;
    cop_sleep(COP_SEC);
    return 0;
}

static const cop_event_handler changes_slowly = {
    .state_bytes = 100, .replaces = &hand, .code_change = slow_change};

static void body_killed_changing(void *arg)
{
    cop_pid m = manager();
    (void)arg;
    add(m, "ab");
    ck_assert_int_eq(cop_sys_suspend(m, COP_FOREVER), 0);
    ck_assert_int_eq(
        cop_sys_change_code(m, &changes_slowly, NULL, 0, cop_in(10 * COP_MS)),
        COP_ETIMEDOUT);
    cop_exit_signal(m, COP_KILL);
    settle();
    ck_assert(!cop_is_alive(m));
}
EVENT_TEST(killed_while_changing, body_killed_changing)

static const TTest *const cases[] = {
    stopping,      signals,         parent_ends,           signal_of_parent,
    names,         refused,         state_is_shown,        code_is_changed,
    new_code_runs, killed_anywhere, killed_while_changing,
};
UNIT_MAIN("event_end", cases)
