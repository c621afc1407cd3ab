/* SPDX-License-Identifier: MIT
 *
 * report_test.c - crash reports: which ends have one, what is in it, how big it
 * becomes. Where they go is in report_flow_test.c, native faults are in
 * report_native_test.c.
 */
#include "tests/support/report.h"

/* ------------------------------------------------------------ what is told --
 */

static bool names(const cop_crash *c, const char *function)
{
    char code[COP_SYMBOL_TEXT];

    for (unsigned i = 0; i < c->fault.depth; i++) {
        cop_symbol_str(c->fault.frames[i], true, code, sizeof code);
        if (strncmp(code, function, strlen(function)) == 0)
            return true;
    }
    return false;
}

static void parent_main(void *arg)
{
    const cop_msg *m;
    cop_pid pid;

    (void)arg;
    cop_trap_exit(true);
    ck_assert_int_eq(
        cop_spawn(
            &pid, dies_in_style, NULL,
            &(cop_opts){.name = "styled", .label = "the label", .link = true}),
        0);
    for (cop_tag tag = 100; tag < 120; tag++)
        ck_assert_int_eq(cop_send(pid, tag, NULL, 0), 0);
    ck_assert_int_eq(cop_send(pid, TAG_GO, NULL, 0), 0);
    ck_assert_int_eq(cop_recv_tag(&m, COP_EXIT, COP_FOREVER), 0);
}

static void whole_body(void *arg)
{
    char code[COP_SYMBOL_TEXT];
    cop_pid parent;

    (void)arg;
    cop_crash_reports_to(cop_self());
    ck_assert_int_eq(cop_spawn(&parent, parent_main, NULL, NULL), 0);
    cop_crash c = next_report();
    ck_assert_str_eq(c.name, "styled");
    ck_assert_str_eq(c.label, "the label");
    ck_assert_int_eq(c.reason_kind, COP_R_BADARG);
    ck_assert(strncmp(c.reason, reason_text, sizeof reason_text - 1) == 0);
    ck_assert_str_eq(c.state, "count=42");
    ck_assert_uint_eq(c.queue, 20);
    ck_assert_uint_eq(c.tag_count, COP_CRASH_TAGS);
    for (unsigned i = 0; i < c.tag_count; i++)
        ck_assert_uint_eq(c.tags[i], 100 + i);
    ck_assert_uint_eq(c.links, 1);
    ck_assert(cop_pid_eq(c.link[0], parent));
    ck_assert_uint_eq(c.ancestor_count, 3); /* the last: who guards the test */
    ck_assert(cop_pid_eq(c.ancestor[0], parent));
    ck_assert(cop_pid_eq(c.ancestor[1], cop_self()));
    ck_assert(!c.is_handler && c.restarts == 0);
    cop_symbol_str(c.function, false, code, sizeof code);
    ck_assert_int_eq(strncmp(code, "dies_in_style", 13), 0);
    ck_assert(names(&c, "misuses") && names(&c, "dies_in_style"));
    ck_assert(!names(&c, "dies_in_style_not"));
    ck_assert_uint_ge(c.event_count, 1);
    ck_assert_uint_eq(c.last_count, 0);
}

START_TEST(tells_all_there_is)
{
    actor_test(whole_body, &(cop_config){.workers = 2, .log = take_line});
    ck_assert(has_logged(" styled [the label] (dies_in_style): {badarg"));
    ck_assert(has_logged("  queue 20, tags 100 101"));
    ck_assert(has_logged("  state count=42"));
    ck_assert(has_logged(" misuses"));
    ck_assert(has_logged("  links 0."));
}
END_TEST

static void last_body(void *arg)
{
    (void)arg;
    cop_crash_reports_to(cop_self());
    ck_assert_int_eq(cop_spawn(NULL, parent_main, NULL, NULL), 0);
    cop_crash c = next_report();
    ck_assert_uint_eq(c.last_count, 1);
    ck_assert_uint_eq(c.last[0].value, TAG_GO);
    ck_assert(cop_pid_eq(c.last[0].actor, c.pid));
    ck_assert(cop_pid_eq(c.last[0].other, c.ancestor[0]));
    ck_assert_uint_eq(c.event_count, COP_CRASH_EVENTS);
}

START_TEST(tells_what_was_received_if_recorded)
{
    actor_test(last_body, &(cop_config){.workers = 2,
                                        .log = take_line,
                                        .trace = "rare,recv,send"});
    ck_assert(has_logged("  received -"));
}
END_TEST

static void crashes_on_call(void *state, const cop_msg *m)
{
    (void)state;
    (void)cop_msg_expect(m, 99);
}

static int start_crasher(cop_pid *out, void *arg, cop_reason *why)
{
    static const cop_handler crasher = {.message = crashes_on_call};

    (void)arg;
    (void)why;
    return cop_spawn_handler(out, &crasher, NULL,
                             &(cop_opts){.name = "crasher", .link = true});
}

static void restarts_body(void *arg)
{
    const cop_child child = {.id = "crasher", .start = start_crasher};
    const cop_sup spec = {.children = &child, .nchildren = 1, .intensity = 5};

    (void)arg;
    cop_trap_exit(true);
    cop_crash_reports_to(cop_self());
    cop_pid sup;
    ck_assert_int_eq(cop_sup_start(&sup, &spec, NULL, NULL), 0);
    for (uint32_t i = 0; i < 4; i++) {
        settle();
        ck_assert_int_eq(cop_send_name("crasher", TAG_GO, NULL, 0), 0);
        cop_crash c = next_report();
        ck_assert_uint_eq(c.restarts, i);
        ck_assert(c.is_handler);
        ck_assert(cop_pid_eq(c.ancestor[0], sup));
    }
    settle();
    ck_assert_int_eq(cop_server_stop(sup, COP_SHUTDOWN, COP_FOREVER, NULL), 0);
}

START_TEST(tells_how_often_it_was_restarted)
{
    actor_test(
        restarts_body,
        &(cop_config){.workers = 2, .log = take_line, .virtual_time = true});
    ck_assert(has_logged("  restarts 3"));
}
END_TEST

/* -------------------------------------------------------- which ends count --
 */

static void booms(void *arg)
{
    (void)arg;
    cop_exit(cop_because("boom"));
}

static void orderly(void *arg)
{
    (void)arg;
    cop_exit(cop_shutdown_because("done"));
}

static void waits(void *arg)
{
    const cop_msg *m;

    (void)arg;
    (void)!cop_recv_tag(&m, 99, COP_FOREVER);
}

static void kills_a_link(void *arg)
{
    ck_assert_int_eq(cop_spawn(NULL, arg, NULL, &(cop_opts){.link = true}), 0);
    waits(NULL);
}

static void fills_up(void *arg)
{
    cop_pid pid;

    (void)arg;
    ck_assert_int_eq(cop_spawn(&pid, waits, NULL,
                               &(cop_opts){.mailbox_max = 2,
                                           .mailbox_full = COP_FULL_KILL,
                                           .link = true}),
                     0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(cop_send(pid, TAG_GO, NULL, 0), 0);
    waits(NULL);
}

static uint64_t seen_of(cop_fn fn, void *arg)
{
    cop_crash_counts before, after;

    cop_crash_counts_get(&before);
    run_to_its_end(fn, arg, NULL);
    cop_crash_counts_get(&after);
    return after.seen - before.seen;
}

static void kinds_body(void *arg)
{
    bool failures = arg != NULL;

    ck_assert_uint_eq(seen_of(orderly, NULL), 0);
    ck_assert_uint_eq(seen_of(dies, NULL), 1);
    ck_assert_uint_eq(seen_of(booms, NULL), failures);
    /* whom a crash takes along has not crashed itself */
    ck_assert_uint_eq(seen_of(kills_a_link, (void *)dies), 1);
    ck_assert_uint_eq(seen_of(kills_a_link, (void *)booms), failures);
    ck_assert_uint_eq(seen_of(fills_up, NULL), 1);
}

static void kinds_crashes(void *arg)
{
    (void)arg;
    kinds_body(NULL);
}

static void kinds_failures(void *arg)
{
    (void)arg;
    kinds_body(&log_lock);
}

static void kinds_none(void *arg)
{
    (void)arg;
    ck_assert_uint_eq(seen_of(dies, NULL), 0);
    ck_assert_uint_eq(seen_of(booms, NULL), 0);
}

START_TEST(crashes_are_told_from_ends)
{
    cop_config c = {.workers = 2, .log = take_line};

    actor_test(kinds_crashes, &c);
    ck_assert(has_logged("{limit, mailbox}") || has_logged("{limit, \"mail"));
    c.crash_reports = COP_REPORT_FAILURES;
    actor_test(kinds_failures, &c);
    ck_assert(has_logged("): boom"));
    logged_bytes = 0;
    logged[0] = '\0';
    c.crash_reports = COP_REPORT_NONE;
    actor_test(kinds_none, &c);
    ck_assert_str_eq(logged, "");
}
END_TEST

/* ------------------------------------------------------------- formatters --
 */

static void half_then_exit(const void *arg, char *buf, size_t size)
{
    (void)arg;
    snprintf(buf, size, "half");
    cop_exit(cop_because("in_formatter"));
}

static void too_much(const void *arg, char *buf, size_t size)
{
    (void)arg;
    ck_assert_uint_eq(size, COP_CRASH_STATE);
    memset(buf, '\n', size);
}

static void with_formatter(void *arg)
{
    cop_formatter *fn = arg;

    ck_assert_int_eq(cop_defer((void (*)(void *))note, "cleaned up"), 0);
    ck_assert_int_eq(cop_set_formatter(show, NULL), 0);
    ck_assert_int_eq(cop_set_formatter(*fn, NULL), 0);
    misuses();
    note("never");
}

static void formatters_body(void *arg)
{
    static cop_formatter half = half_then_exit, much = too_much, none;

    (void)arg;
    cop_crash_reports_to(cop_self());
    run_to_its_end(with_formatter, &half, NULL);
    cop_crash c = next_report();
    ck_assert_str_eq(c.state, "half");
    ck_assert_int_eq(c.reason_kind, COP_R_BADARG);
    notes_are("cleaned up|");
    run_to_its_end(with_formatter, &much, NULL);
    c = next_report();
    ck_assert_uint_eq(strlen(c.state), COP_CRASH_STATE - 1);
    run_to_its_end(with_formatter, &none, NULL);
    ck_assert_str_eq(next_report().state, "");
    notes_are("cleaned up|cleaned up|");
}

START_TEST(formatters_may_misbehave)
{
    size_t before = 0;

    for (int round = 0; round < 3; round++) {
        actor_test(formatters_body,
                   &(cop_config){.workers = 2, .log = take_line});
        ck_assert(round < 2 || cop_ext_bytes_in_use() == before);
        before = cop_ext_bytes_in_use();
    }
}
END_TEST

/* --------------------------------------------------------------- the size --
 */

/* As much of everything as there can be, and unpleasant. */
static void fill(cop_crash *c)
{
    memset(c, 0, sizeof *c);
    c->pid = cop_self();
    c->reason_kind = COP_R_FAULT;
    memset(c->name, 1, sizeof c->name - 1);
    memset(c->label, '"', sizeof c->label - 1);
    memset(c->reason, '\\', sizeof c->reason - 1);
    memset(c->state, 0xff, sizeof c->state - 1);
    memcpy(c->state, "\xe4\xb8\xad\xed\xa0\x80\xc0\x80\xf4\x90\x80\x80", 12);
    snprintf(c->fault.what, sizeof c->fault.what, "SIGSEGV");
    c->fault.depth = COP_FAULT_FRAMES;
    for (unsigned i = 0; i < COP_FAULT_FRAMES; i++)
        c->fault.frames[i] = UINTPTR_MAX - i;
    c->tag_count = COP_CRASH_TAGS;
    c->link_count = c->ancestor_count = COP_CRASH_LINKS;
    c->last_count = COP_CRASH_LAST;
    c->event_count = COP_CRASH_EVENTS;
    memset(c->tags, 0xff, sizeof c->tags);
    memset(c->link, 0xff, sizeof c->link);
    memset(c->ancestor, 0xff, sizeof c->ancestor);
    c->queue = c->links = SIZE_MAX;
    for (unsigned i = 0; i < COP_CRASH_EVENTS; i++)
        c->event[i] = c->last[i] = (cop_trace_event){.at = INT64_MAX - 8 + i,
                                                     .value = UINT64_MAX >> 8};
}

START_TEST(reports_fit_any_size)
{
    static char buf[32768];
    static cop_crash c;
    size_t cut = 0, whole = 0;

    fill(&c);
    for (size_t size = 0; size < 20000; size += size < 2000 ? 1 : 37) {
        memset(buf, 'x', sizeof buf);
        size_t n = cop_crash_json(&c, buf, size);
        ck_assert(size == 0 ||
                  (n < size && buf[n] == '\0' && strlen(buf) == n));
        ck_assert(buf[size] == 'x');
        if (size >= 512) {
            ck_assert_msg(json_is_whole(buf), "%zu: %s", size, buf);
            ck_assert_ptr_null(strchr(buf, '\n'));
            *(strstr(buf, ",\"cut\":true}") != NULL ? &cut : &whole) += 1;
        }
        memset(buf, 'x', sizeof buf);
        n = cop_crash_text(&c, buf, size);
        ck_assert(size == 0 || (n < size && strlen(buf) == n));
        ck_assert(buf[size] == 'x');
        ck_assert(size < 512 || buf[n - 1] == '\n');
    }
    ck_assert(cut > 100 && whole > 100);
}
END_TEST

/* ---------------------------------------------------------------- recorder --
 */

static void recorder_body(void *arg)
{
    cop_trace_event e[64];
    char text[COP_TRACE_TEXT];
    size_t spawns = 0, sends = 0;

    (void)arg;
    ck_assert_int_eq(cop_trace_set("bogus"), COP_EINVAL);
    ck_assert_int_eq(cop_trace_set("spawn,send"), 0);
    ck_assert_int_eq(cop_send(cop_self(), TAG_GO, NULL, 0), 0);
    run_to_its_end(orderly, NULL, NULL);
    ck_assert_int_eq(cop_trace_set("none"), 0);
    ck_assert_int_eq(cop_send(cop_self(), TAG_GO, NULL, 0), 0);
    size_t n = cop_trace_last(e, 64);
    for (size_t i = 0; i < n; i++) {
        spawns +=
            e[i].kind == COP_TRACE_SPAWN && cop_pid_eq(e[i].other, cop_self());
        if (e[i].kind == COP_TRACE_SEND && e[i].value == TAG_GO) {
            sends++;
            cop_trace_str(&e[i], text, sizeof text);
            ck_assert(strncmp(text, "send 0.", 7) == 0);
            ck_assert_str_eq(text + strlen(text) - 2, " 7");
        }
    }
    ck_assert_uint_eq(spawns, 1);
    ck_assert_uint_eq(sends, 1);
}

START_TEST(events_can_be_printed)
{
    static const struct {
        cop_trace_event event;
        const char *text;
    } rows[] = {
        {{.kind = COP_TRACE_FAIL, .value = COP_R_KILLED}, "fail - - killed"},
        {{.kind = COP_TRACE_EXIT, .value = COP_R_NORMAL}, "exit - - normal"},
        {{.kind = COP_TRACE_FAIL, .value = COP_R_USER}, "fail - - user"},
        {{.kind = COP_TRACE_FAIL, .value = 9999}, "fail - - user"},
        {{.kind = COP_TRACE_CRASH, .value = 255}, "crash - - 0xff"},
        {{.kind = COP_TRACE_HOG, .value = 3}, "hog - - 3"},
        {{.kind = COP_TRACE_COUNT, .value = 3}, "? - - 3"},
    };
    char text[COP_TRACE_TEXT];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_str_eq(cop_trace_str(&rows[i].event, text, sizeof text),
                         rows[i].text);
    ck_assert_str_eq(cop_trace_str(&rows[0].event, text, 7), "fail -");
}
END_TEST

START_TEST(events_can_be_read)
{
    actor_test(recorder_body, NULL);
    ck_assert_uint_eq(cop_trace_last(&(cop_trace_event){0}, 1), 0);
}
END_TEST

static const TTest *const cases[] = {
    tells_all_there_is,
    tells_what_was_received_if_recorded,
    tells_how_often_it_was_restarted,
    crashes_are_told_from_ends,
    formatters_may_misbehave,
    reports_fit_any_size,
    events_can_be_printed,
    events_can_be_read,
};
UNIT_MAIN("report", cases)
