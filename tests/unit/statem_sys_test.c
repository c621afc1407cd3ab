/* SPDX-License-Identifier: MIT
 *
 * statem_sys_test.c - the services of sys.h on state machines: state and data,
 * status, another definition, and being suspended.
 */
#include <coppice/statem.h>
#include <coppice/sys.h>

#include "tests/support/statem.h"

enum { ASK = 1, TELL, HOLD, ARM };

struct counter {
    int number;
    char pad[20];
};

struct shown {
    cop_sm_state at;
    struct counter data;
};

static cop_sm_next count(cop_sm *sm, void *data, int state,
                         const cop_sm_event *e)
{
    struct counter *d = data;
    note("%d:%u@%d", (int)e->type, (unsigned)e->tag, state);
    if (e->tag == TELL && e->type == COP_SM_CAST)
        d->number++;
    if (e->tag == HOLD)
        cop_sm_postpone(sm, true);
    if (e->tag == ARM)
        cop_sm_timeout(sm, cop_sm_named_timer(1), 5 * COP_MS, 10, NULL, 0);
    if (e->type == COP_SM_CALL)
        cop_sm_reply(sm, e->from, &d->number, sizeof d->number);
    return cop_sm_keep_state();
}

static const char *name_of(int state)
{
    return state == 0 ? "idle" : "busy";
}

static void show_number(const void *data, int state, char *buf, size_t size)
{
    const struct counter *d = data;
    (void)state;
    snprintf(buf, size, "number %d", d->number);
}

static const cop_statem count_def = {.label = "count",
                                     .data_bytes = sizeof(struct counter),
                                     .handle = count,
                                     .state_name = name_of,
                                     .format_status = show_number,
                                     .version = 3};

static int ask(cop_pid pid)
{
    int answer = 0;
    int size =
        cop_call(pid, ASK, NULL, 0, &answer, sizeof answer, cop_in(COP_SEC));

    return size < 0 ? size : answer;
}

static struct shown shown_of(cop_pid pid)
{
    struct shown s;

    memset(&s, 0xff, sizeof s);
    ck_assert_int_eq(cop_sys_get_state(pid, &s, sizeof s, COP_FOREVER),
                     (int)sizeof s);
    return s;
}

/* gen_statem: sys:get_state gives {State, Data}. */
static void body_get_state_gives_state_and_data(void *arg)
{
    cop_pid pid = start(&count_def);
    struct shown s;
    (void)arg;
    tell(pid, TELL);
    tell(pid, TELL);
    s = shown_of(pid);
    ck_assert_int_eq(s.at.state, 0);
    ck_assert_int_eq(s.data.number, 2);
}
KID_TEST(get_state_gives_state_and_data, body_get_state_gives_state_and_data)

static int to_busy(void *state, size_t bytes, void *arg)
{
    struct shown *s = state;

    ck_assert_uint_eq(bytes, sizeof *s);
    s->at.state = 1;
    s->data.number = *(const int *)arg;
    return *(const int *)arg == 13;
}

/* A new state is no change of state: nothing is entered or retried. */
static void body_replace_state_changes_both(void *arg)
{
    cop_pid pid = start(&count_def);
    int n = 40;
    (void)arg;
    tell(pid, HOLD);
    ck_assert_int_eq(
        cop_sys_replace_state(pid, to_busy, &n, sizeof n, COP_FOREVER), 0);
    tell(pid, TELL);
    ck_assert_int_eq(shown_of(pid).data.number, 41);
    n = 13;
    ck_assert_int_eq(
        cop_sys_replace_state(pid, to_busy, &n, sizeof n, COP_FOREVER),
        COP_EFAILED);
    ck_assert_int_eq(ask(pid), 41);
    notes_are("2:3@0|2:2@1|1:1@1|");
}
KID_TEST(replace_state_changes_both, body_replace_state_changes_both)

static void has(const char *text, const char *what)
{
    ck_assert_msg(strstr(text, what) != NULL, "no \"%s\" in\n%s", what, text);
}

static void body_status_shows_it(void *arg)
{
    static char text[COP_SYS_STATUS_TEXT];
    cop_pid pid = start(&count_def);
    (void)arg;
    tell(pid, HOLD);
    tell(pid, ARM);
    ck_assert_int_gt(
        cop_sys_get_status(pid, text, sizeof text, cop_in(COP_SEC)), 0);
    has(text, "behaviour: statem\n");
    has(text, "idle (0)\n");
    has(text, "postponed: 1\n");
    has(text, "timeouts: 1\n");
    has(text, "data: number 0");
    ck_assert_int_gt(cop_sys_get_status(pid, text, 30, cop_in(COP_SEC)), 30);
    cop_sleep(10 * COP_MS);
    ck_assert_int_gt(
        cop_sys_get_status(pid, text, sizeof text, cop_in(COP_SEC)), 0);
    has(text, "timeouts: 0\n");
}
KID_TEST(status_shows_it, body_status_shows_it)

/* Messages and timeouts wait; then all goes on. */
static void body_suspended_it_waits(void *arg)
{
    cop_pid pid = start(&count_def);
    (void)arg;
    tell(pid, ARM);
    ck_assert_int_eq(cop_sys_suspend(pid, COP_FOREVER), 0);
    notes_are("2:4@0|");
    tell(pid, TELL);
    cop_sleep(50 * COP_MS);
    notes_are("");
    ck_assert_int_eq(cop_sys_resume(pid, COP_FOREVER), 0);
    settle();
    notes_are("2:2@0|7:10@0|");
}
KID_TEST(suspended_it_waits, body_suspended_it_waits)

/* ------------------------------------------------------- change of code -- */

struct counter_2 {
    char more[200];
    int number;
};

static cop_sm_next count_2(cop_sm *sm, void *data, int state,
                           const cop_sm_event *e)
{
    struct counter_2 *d = data;
    note("new %d:%u@%d", (int)e->type, (unsigned)e->tag, state);
    if (e->type == COP_SM_CALL)
        cop_sm_reply(sm, e->from, &d->number, sizeof d->number);
    return e->tag == TELL ? cop_sm_next_state(state + 1) : cop_sm_keep_state();
}

static int grow(void *data, int *state, const cop_code_change *from)
{
    struct counter_2 *d = data;
    const struct counter *old = from->old;

    ck_assert_uint_eq(from->old_bytes, sizeof *old);
    ck_assert_uint_eq(from->old_version, 3);
    for (size_t i = 0; i < sizeof d->more; i++)
        ck_assert_int_eq(d->more[i], 0);
    d->number = old->number + 1000;
    *state = 7;
    if (from->extra_bytes > 0 && *(const char *)from->extra == 'x')
        cop_exit(cop_because("grow"));
    return from->extra_bytes > 0 ? COP_EINVAL : 0;
}

static const cop_statem count_2_def = {.data_bytes = sizeof(struct counter_2),
                                       .handle = count_2,
                                       .state_enter = true,
                                       .code_change = grow};

/* Failing, exiting, and at last done: with more data, and enter calls. */
static void body_code_is_changed(void *arg)
{
    cop_pid pid = start(&count_def);
    struct counter_2 got[2];
    (void)arg;
    tell(pid, TELL);
    tell(pid, HOLD);
    ck_assert_int_eq(
        cop_sys_change_code(pid, &count_2_def, NULL, 0, COP_FOREVER),
        COP_EINVAL); /* not suspended */
    ck_assert_int_eq(cop_sys_suspend(pid, COP_FOREVER), 0);
    ck_assert_int_eq(
        cop_sys_change_code(pid, &count_2_def, "f", 1, COP_FOREVER),
        COP_EFAILED);
    ck_assert_int_eq(
        cop_sys_change_code(pid, &count_2_def, "x", 1, COP_FOREVER),
        COP_EFAILED);
    ck_assert_int_eq(shown_of(pid).data.number, 1);
    for (int i = 0; i < 2; i++) /* once more: with itself, by default */
        ck_assert_int_eq(cop_sys_change_code(pid, i == 0 ? &count_2_def : NULL,
                                             NULL, 0, COP_FOREVER),
                         i == 0 ? 0 : COP_EINVAL);
    ck_assert_int_eq(cop_sys_get_state(pid, got, sizeof got, COP_FOREVER),
                     (int)(sizeof(cop_sm_state) + sizeof(struct counter_2)));
    ck_assert_int_eq(cop_sys_resume(pid, COP_FOREVER), 0);
    ck_assert_int_eq(ask(pid), 1001);
    notes_are("2:2@0|2:3@0|new 1:1@7|");
    tell(pid, TELL);
    settle();
    notes_are("new 2:2@7|new 0:0@8|new 2:3@8|");
}
KID_TEST(code_is_changed, body_code_is_changed)

static const cop_statem same_size_def = {.data_bytes = sizeof(struct counter),
                                         .handle = count};
static const cop_statem other_size_def = {.data_bytes = 4, .handle = count};

static void body_code_without_code_change(void *arg)
{
    cop_pid pid = start(&count_def);
    int n = 1;
    (void)arg;
    ck_assert_int_eq(
        cop_sys_replace_state(pid, to_busy, &n, sizeof n, COP_FOREVER), 0);
    ck_assert_int_eq(cop_sys_suspend(pid, COP_FOREVER), 0);
    ck_assert_int_eq(
        cop_sys_change_code(pid, &other_size_def, NULL, 0, COP_FOREVER),
        COP_EFAILED);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(
            cop_sys_change_code(pid, &same_size_def, NULL, 0, COP_FOREVER), 0);
    ck_assert_int_eq(cop_sys_resume(pid, COP_FOREVER), 0);
    ck_assert_int_eq(ask(pid), 1);
    notes_are("1:1@1|");
}
KID_TEST(code_without_code_change, body_code_without_code_change)

static const TTest *const cases[] = {
    get_state_gives_state_and_data,
    replace_state_changes_both,
    status_shows_it,
    suspended_it_waits,
    code_is_changed,
    code_without_code_change,
};
UNIT_MAIN("statem_sys", cases)
