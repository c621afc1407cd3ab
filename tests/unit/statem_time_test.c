/* SPDX-License-Identifier: MIT
 *
 * statem_time_test.c - timeouts of state machines beyond gen_statem's rules:
 * their bodies, timers that elapse while the machine is busy, forged messages,
 * many at once, long queues.
 */
#include <coppice/statem.h>

#include "tests/support/statem.h"

enum { TELL = 1, GO, ELAPSED = 0xfffff500u };

/* Notes an event: type, tag, body (a text). */
static void note_event(const cop_sm_event *e)
{
    note("%d %u %s", (int)e->type, (unsigned)e->tag,
         e->size > 0 ? (const char *)e->body : "-");
}

/* --------------------------------------------------------------- bodies -- */

static cop_sm_next timeouts_with_bodies(cop_sm *sm, void *data, int state,
                                        const cop_sm_event *e)
{
    char text[8] = "first";
    (void)data;
    (void)state;
    note_event(e);
    ck_assert(e->type == COP_SM_CAST || e->msg == NULL);
    if (e->type == COP_SM_NAMED_TIMEOUT)
        note("name %llx", (unsigned long long)e->name);
    if (e->type != COP_SM_CAST)
        return cop_sm_keep_state();
    cop_sm_timeout(sm, cop_sm_state_timer(), 0, 10, text, 6);
    cop_sm_timeout(sm, cop_sm_named_timer(UINT64_MAX), COP_MS, 11, text, 6);
    cop_sm_timeout_at(sm, cop_sm_named_timer(0), cop_in(COP_MS), 12, text, 6);
    memcpy(text, "other", 6);
    cop_sm_timeout_update(sm, cop_sm_named_timer(7), 13, text, 6);
    memset(text, 'x', sizeof text);
    return cop_sm_keep_state();
}

static void body_timeouts_bring_their_bodies(void *arg)
{
    static const cop_statem def = {.handle = timeouts_with_bodies};
    (void)arg;
    tell(start(&def), TELL);
    settle();
    notes_are("2 1 -|5 10 first|7 13 other|name 7|"
              "7 11 first|name ffffffffffffffff|7 12 first|name 0|");
}
KID_TEST(timeouts_bring_their_bodies, body_timeouts_bring_their_bodies)

/* --------------------------------------------------- elapsed in the past -- */

/* The timer elapses while a callback is busy, which then speaks of it. */
static cop_sm_next busy_then(cop_sm *sm, void *data, int state,
                             const cop_sm_event *e)
{
    cop_sm_timer t = cop_sm_named_timer(1);
    (void)data;
    note_event(e);
    if (e->type != COP_SM_CAST)
        return cop_sm_keep_state();
    if (e->tag == TELL) {
        cop_sm_timeout(sm, cop_sm_state_timer(), COP_MS, 10, NULL, 0);
        cop_sm_timeout(sm, t, COP_MS, 11, NULL, 0);
        return cop_sm_keep_state();
    }
    cop_sleep(10 * COP_MS);
    if (e->tag == GO) { /* cancelled, by name and by the change */
        cop_sm_timeout_cancel(sm, t);
        return cop_sm_next_state(state + 1);
    }
    cop_sm_timeout(sm, t, 5 * COP_MS, 12, NULL, 0);
    cop_sm_timeout_update(sm, cop_sm_state_timer(), 13, NULL, 0);
    return cop_sm_keep_state();
}

static void body_elapsed_timeout_is_cancelled(void *arg)
{
    static const cop_statem def = {.handle = busy_then};
    cop_pid pid = start(&def);
    (void)arg;
    tell(pid, TELL);
    tell(pid, GO);
    cop_sleep(50 * COP_MS);
    notes_are("2 1 -|2 2 -|");
    ck_assert(cop_is_alive(pid));
}
KID_TEST(elapsed_timeout_is_cancelled, body_elapsed_timeout_is_cancelled)

/* Started anew: the old time's message means nothing. Updated: it comes. */
static void body_elapsed_timeout_is_started_anew(void *arg)
{
    static const cop_statem def = {.handle = busy_then};
    cop_pid pid = start(&def);
    (void)arg;
    tell(pid, TELL);
    tell(pid, 3);
    cop_sleep(13 * COP_MS);
    notes_are("2 1 -|2 3 -|5 13 -|");
    cop_sleep(50 * COP_MS);
    notes_are("7 12 -|");
}
KID_TEST(elapsed_timeout_is_started_anew, body_elapsed_timeout_is_started_anew)

/* One that is cancelled in time costs no message at all. */
static cop_sm_next arms_and_disarms(cop_sm *sm, void *data, int state,
                                    const cop_sm_event *e)
{
    (void)data;
    (void)state;
    if (e->tag == TELL)
        cop_sm_timeout(sm, cop_sm_state_timer(), 5 * COP_MS, 10, NULL, 0);
    else
        cop_sm_timeout_cancel(sm, cop_sm_state_timer());
    return cop_sm_keep_state();
}

/* How many timers fire while we sleep. */
static uint64_t fired_in_a_while(void)
{
    cop_counters before, after;

    settle();
    cop_counters_get(&before);
    cop_sleep(20 * COP_MS);
    cop_counters_get(&after);
    return after.timers_fired - before.timers_fired;
}

static void body_cancelled_timer_does_not_fire(void *arg)
{
    static const cop_statem def = {.handle = arms_and_disarms};
    cop_pid pid = start(&def);
    uint64_t without;
    (void)arg;
    tell(pid, TELL);
    tell(pid, GO);
    without = fired_in_a_while();
    tell(pid, TELL);
    ck_assert_uint_eq(fired_in_a_while(), without + 1);
}
KID_TEST(cancelled_timer_does_not_fire, body_cancelled_timer_does_not_fire)

/* A stale timer's message is no event: it cancels no event timeout. */
static cop_sm_next stale_and_event_timeout(cop_sm *sm, void *data, int state,
                                           const cop_sm_event *e)
{
    (void)data;
    (void)state;
    note_event(e);
    if (e->tag == TELL)
        cop_sm_timeout(sm, cop_sm_named_timer(1), COP_MS, 10, NULL, 0);
    if (e->tag == GO) {
        cop_sleep(10 * COP_MS);
        cop_sm_timeout_cancel(sm, cop_sm_named_timer(1));
        cop_sm_timeout(sm, cop_sm_event_timer(), 5 * COP_MS, 11, NULL, 0);
    }
    return cop_sm_keep_state();
}

static void body_stale_message_is_no_event(void *arg)
{
    static const cop_statem def = {.handle = stale_and_event_timeout};
    cop_pid pid = start(&def);
    (void)arg;
    tell(pid, TELL);
    tell(pid, GO);
    cop_sleep(50 * COP_MS);
    notes_are("2 1 -|2 2 -|6 11 -|");
}
KID_TEST(stale_message_is_no_event, body_stale_message_is_no_event)

/* One of time 0 that is started with a time comes then, and is not lost (as it
 * is in OTP 25, against its manual). */
static cop_sm_next zero_then_timed(cop_sm *sm, void *data, int state,
                                   const cop_sm_event *e)
{
    (void)data;
    (void)state;
    note_event(e);
    if (e->tag == TELL) {
        cop_sm_timeout(sm, cop_sm_named_timer(1), 0, 10, NULL, 0);
        cop_sm_next_event(sm, &(cop_sm_event){.type = COP_SM_INTERNAL});
    }
    if (e->type == COP_SM_INTERNAL)
        cop_sm_timeout(sm, cop_sm_named_timer(1), 5 * COP_MS, 11, NULL, 0);
    return cop_sm_keep_state();
}

static void body_zero_timeout_becomes_timed(void *arg)
{
    static const cop_statem def = {.handle = zero_then_timed};
    (void)arg;
    tell(start(&def), TELL);
    cop_sleep(3 * COP_MS);
    notes_are("2 1 -|4 0 -|");
    cop_sleep(10 * COP_MS);
    notes_are("7 11 -|");
}
KID_TEST(zero_timeout_becomes_timed, body_zero_timeout_becomes_timed)

/* What another actor sends with the timers' tag is an info. */
static cop_sm_next sets_one(cop_sm *sm, void *data, int state,
                            const cop_sm_event *e)
{
    (void)data;
    (void)state;
    note("%d %x", (int)e->type, (unsigned)e->tag);
    if (e->tag == TELL)
        cop_sm_timeout(sm, cop_sm_state_timer(), COP_SEC, 10, NULL, 0);
    return cop_sm_keep_state();
}

static void body_forged_message_is_an_info(void *arg)
{
    static const cop_statem def = {.handle = sets_one};
    struct {
        cop_sm_timer id;
        uint64_t number;
    } forged = {cop_sm_state_timer(), 1};
    cop_pid pid = start(&def);
    (void)arg;
    tell(pid, TELL);
    ck_assert_int_eq(cop_send(pid, ELAPSED, &forged, sizeof forged), 0);
    settle();
    notes_are("2 1|3 fffff500|");
    cop_sleep(2 * COP_SEC);
    notes_are("5 a|");
}
KID_TEST(forged_message_is_an_info, body_forged_message_is_an_info)

/* ----------------------------------------------------------------- many -- */

enum { MANY = 1000 };

struct many {
    int fired[MANY];
    int count;
};

/* Sets MANY; cancels each third, starts each third anew, later. */
static cop_sm_next sets_many(cop_sm *sm, void *data, int state,
                             const cop_sm_event *e)
{
    struct many *d = data;
    (void)state;
    if (e->type == COP_SM_NAMED_TIMEOUT) {
        d->fired[e->name] += (int)e->tag;
        d->count++;
    }
    for (uint64_t i = 0; i < MANY && e->tag == TELL; i++)
        cop_sm_timeout(sm, cop_sm_named_timer(i), 10 * COP_MS, 10, NULL, 0);
    for (uint64_t i = 0; i < MANY && e->tag == GO; i += 3) {
        cop_sm_timeout_cancel(sm, cop_sm_named_timer(i));
        if (i + 1 < MANY)
            cop_sm_timeout(sm, cop_sm_named_timer(i + 1), 9 * COP_MS, 100, "x",
                           2);
    }
    if (e->type == COP_SM_CALL) {
        for (int i = 0; i < MANY; i++)
            ck_assert_int_eq(d->fired[i], i % 3 == 0   ? 0
                                          : i % 3 == 1 ? 100
                                                       : 10);
        cop_sm_reply(sm, e->from, &d->count, sizeof d->count);
    }
    return cop_sm_keep_state();
}

static void body_many_named_timeouts(void *arg)
{
    static const cop_statem def = {.handle = sets_many,
                                   .data_bytes = sizeof(struct many)};
    cop_pid pid = start(&def);
    int count;
    (void)arg;
    tell(pid, TELL);
    cop_sleep(5 * COP_MS);
    tell(pid, GO);
    cop_sleep(50 * COP_MS);
    ck_assert_int_gt(
        cop_call(pid, 9, NULL, 0, &count, sizeof count, COP_FOREVER), 0);
    ck_assert_int_eq(count, MANY - (MANY + 2) / 3);
}
KID_TEST(many_named_timeouts, body_many_named_timeouts)

/* In a mailbox with room for one message timers need no place. */
static cop_sm_next blocks_with_timer(cop_sm *sm, void *data, int state,
                                     const cop_sm_event *e)
{
    (void)data;
    (void)state;
    note_event(e);
    if (e->tag == TELL)
        cop_sm_timeout(sm, cop_sm_state_timer(), 8 * COP_MS, 10, NULL, 0);
    if (e->tag == GO)
        cop_sleep(20 * COP_MS);
    return cop_sm_keep_state();
}

static void body_timers_need_no_place(void *arg)
{
    static const cop_statem def = {.handle = blocks_with_timer};
    const cop_server_opts opts = {
        .spawn = {.mailbox_max = 1, .mailbox_full = COP_FULL_DROP_NEW}};
    cop_pid pid;
    (void)arg;
    ck_assert_int_eq(cop_statem_start(&pid, &def, NULL, &opts, NULL), 0);
    settle();
    tell(pid, TELL);
    settle();
    tell(pid, GO);
    settle();
    tell(pid, 5); /* now it is full */
    tell(pid, 6);
    cop_sleep(50 * COP_MS);
    notes_are("2 1 -|2 2 -|2 5 -|5 10 -|");
}
KID_TEST(timers_need_no_place, body_timers_need_no_place)

/* ---------------------------------------------------------- long queues -- */

enum { LONG = 100000 };

struct queue {
    uint32_t next;  /* expected */
    uint32_t round; /* changes of state */
};

/* Postpones LONG events; retries them all, postpones them all again, in order,
 * each round. */
static cop_sm_next retries_all(cop_sm *sm, void *data, int state,
                               const cop_sm_event *e)
{
    struct queue *d = data;
    if (e->type == COP_SM_CALL) {
        cop_sm_reply(sm, e->from, &d->next, sizeof d->next);
        d->next = 0;
        return cop_sm_next_state(state + 1);
    }
    ck_assert_uint_eq(*cop_sm_event_as(e, uint32_t), d->next);
    d->next++;
    cop_sm_postpone(sm, true);
    return cop_sm_keep_state();
}

static void body_postponing_is_linear(void *arg)
{
    static const cop_statem def = {.handle = retries_all,
                                   .data_bytes = sizeof(struct queue)};
    cop_pid pid = start(&def);
    uint32_t count;
    (void)arg;
    for (uint32_t i = 0; i < LONG; i++)
        ck_assert_int_eq(cop_cast(pid, TELL, &i, sizeof i), 0);
    for (int round = 0; round < 5; round++) {
        ck_assert_int_gt(
            cop_call(pid, GO, NULL, 0, &count, sizeof count, COP_FOREVER), 0);
        ck_assert_uint_eq(count, LONG);
    }
}

START_TEST(postponing_is_linear)
{
    actor_test(body_postponing_is_linear, NULL);
}
END_TEST

/* A machine that is never done with its own events lets others run. */
static atomic_int inserted, seen_at;

static cop_sm_next inserts_for_ever(cop_sm *sm, void *data, int state,
                                    const cop_sm_event *e)
{
    (void)data;
    (void)state;
    (void)e;
    atomic_fetch_add(&inserted, 1);
    if (atomic_load(&seen_at) == 0)
        cop_sm_next_event(sm, &(cop_sm_event){.type = COP_SM_INTERNAL});
    return cop_sm_keep_state();
}

static void looks_once(void *arg)
{
    (void)arg;
    atomic_store(&seen_at, atomic_load(&inserted) + 1);
}

static void body_own_events_let_others_run(void *arg)
{
    static const cop_statem def = {.handle = inserts_for_ever};
    cop_pid pid = start(&def);
    (void)arg;
    settle();
    tell(pid, TELL);
    ck_assert_int_eq(cop_spawn(NULL, looks_once, NULL, NULL), 0);
    cop_yield();
    cop_yield();
    while (atomic_load(&seen_at) == 0)
        cop_yield();
    ck_assert_int_lt(atomic_load(&seen_at), 2000);
}

START_TEST(own_events_let_others_run)
{
    const cop_config one = {.workers = 1, .slice_ns = COP_SEC};

    actor_test(body_own_events_let_others_run, &one);
}
END_TEST

static const TTest *const cases[] = {
    timeouts_bring_their_bodies,
    elapsed_timeout_is_cancelled,
    elapsed_timeout_is_started_anew,
    cancelled_timer_does_not_fire,
    stale_message_is_no_event,
    zero_timeout_becomes_timed,
    forged_message_is_an_info,
    many_named_timeouts,
    timers_need_no_place,
    postponing_is_linear,
    own_events_let_others_run,
};
UNIT_MAIN("statem_time", cases)
