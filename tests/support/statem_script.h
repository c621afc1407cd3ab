/* SPDX-License-Identifier: MIT
 *
 * statem_script.h - runs scripts of tests/conformance/statem on a state
 * machine and compares what happens with the traces that gen_statem left
 * there. The language is described in that folder's README.md; its other
 * interpreter is tests/conformance/otp/statem.erl.
 *
 * A script is driven by an actor of its own, so that many run side by side. The
 * machine sends each line of its trace to the driver, which thus sees lines and
 * replies in the order in which they were made. Time is virtual.
 */
#ifndef COPPICE_TESTS_STATEM_SCRIPT_H
#define COPPICE_TESTS_STATEM_SCRIPT_H

#include <coppice/statem.h>

#include <stdarg.h>

#include "tests/support/actor_test.h"
#include "tests/support/unit.h"

#define SCRIPT_LINES 64    /* of a kind */
#define SCRIPT_TRACE 16384 /* bytes of a trace */
#define SCRIPT_CALLS 128
#define SCRIPT_UNIT_MS 210

struct script {
    const char *name, *mode, *init;
    const char *events[SCRIPT_LINES], *answers[SCRIPT_LINES];
    const char *entering[SCRIPT_LINES];
    int nevents, nanswers, nentering;
    char *want; /* the trace, lines */
    char have[SCRIPT_TRACE];
    size_t used;
    struct script *next;
};

enum { SCRIPT_SAY = 0x5a1d, SCRIPT_A = 0, SCRIPT_B = 1 };

/* The data of a scripted machine. */
struct scripted {
    struct script *s;
    cop_pid driver;
    int count, answers, entering;
    cop_from calls[SCRIPT_CALLS];
};

/* -------------------------------------------------------------- reading -- */

static inline void script_add(const char **lines, int *n, const char *line)
{
    ck_assert_int_lt(*n, SCRIPT_LINES);
    lines[(*n)++] = line;
}

/* One line of a script, which is cut up in place. */
static inline void script_line(struct script *s, char *line)
{
    size_t len;

    switch (line[0]) {
    case '>':
        script_add(s->events, &s->nevents, line + 2);
        break;
    case '=':
        script_add(s->answers, &s->nanswers, line + 2);
        break;
    case '^':
        script_add(s->entering, &s->nentering, line + 2);
        break;
    case 'i':
        s->init = line + strlen("init ");
        break;
    case '|':
        len = strlen(s->want);
        s->want = realloc(s->want, len + strlen(line) + 2);
        sprintf(s->want + len, "%s\n", line + 2);
        break;
    case '#':
        break;
    default:
        ck_abort_msg("%s: what is \"%s\"?", s->name, line);
    }
}

static inline struct script *script_begin(char *line)
{
    struct script *s = calloc(1, sizeof *s);
    char *save;

    (void)strtok_r(line, " ", &save);
    s->name = strtok_r(NULL, " ", &save);
    s->mode = strtok_r(NULL, " ", &save);
    s->init = "0";
    s->want = calloc(1, 1);
    ck_assert(s->name != NULL && s->mode != NULL);
    return s;
}

/* The text of a file, and the scripts in it, which point into it. */
static char *script_text;
static struct script *script_list;

static inline void script_load(const char *path)
{
    FILE *f = fopen(path, "r");
    long size;

    ck_assert_msg(f != NULL, "cannot read %s", path);
    ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
    size = ftell(f);
    rewind(f);
    script_text = calloc(1, (size_t)size + 1);
    ck_assert_uint_eq(fread(script_text, 1, (size_t)size, f), (size_t)size);
    fclose(f);
}

/* All scripts of a file, in order. They live as long as the test. */
static inline struct script *script_read(const char *path)
{
    struct script **end = &script_list, *s = NULL;
    char *save, *line;

    script_load(path);
    for (line = strtok_r(script_text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        if (strncmp(line, "script ", 7) == 0) {
            s = *end = script_begin(line);
            end = &s->next;
        } else if (strcmp(line, "end") != 0 && s != NULL) {
            script_line(s, line);
        }
    }
    return script_list;
}

/* -------------------------------------------------------------- machine -- */

__attribute__((format(printf, 2, 3))) static inline void
script_say(cop_pid driver, const char *fmt, ...)
{
    char line[128];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    ck_assert_int_eq(cop_send(driver, SCRIPT_SAY, line, strlen(line) + 1), 0);
}

static inline const char *script_type(const cop_sm_event *e)
{
    static const char *const names[] = {
        [COP_SM_ENTER] = "enter",       [COP_SM_CALL] = "call",
        [COP_SM_CAST] = "cast",         [COP_SM_INFO] = "info",
        [COP_SM_INTERNAL] = "internal", [COP_SM_STATE_TIMEOUT] = "st",
        [COP_SM_TIMEOUT] = "et",
    };

    if (e->type == COP_SM_NAMED_TIMEOUT)
        return e->name == 'a' ? "ga" : "gb";
    return names[e->type];
}

/* Cuts `word` at its colons. */
static inline int script_cut(char *word, char **part, int max)
{
    int n = 0;
    char *save;

    for (char *p = strtok_r(word, ":", &save); p != NULL && n < max;
         p = strtok_r(NULL, ":", &save))
        part[n++] = p;
    while (n < max)
        part[n++] = (char *)(uintptr_t) "";
    return n;
}

static inline cop_sm_event script_event(const char *type, int number)
{
    cop_sm_event e = {.tag = (cop_tag)number};

    for (int t = COP_SM_ENTER; t <= COP_SM_TIMEOUT; t++) {
        e.type = (cop_sm_type)t;
        if (strcmp(script_type(&e), type) == 0)
            return e;
    }
    e.type = COP_SM_NAMED_TIMEOUT;
    e.name = (uint64_t)type[1];
    return e;
}

/* As in statem.erl. */
static inline cop_time script_time(const char *type, int units)
{
    static const char kinds[] = "stetgagb";
    static const int offsets[] = {17, 31, 47, 71};
    size_t at = (size_t)(strstr(kinds, type) - kinds) / 2;

    return units == 0 ? 0 : (units * SCRIPT_UNIT_MS + offsets[at]) * COP_MS;
}

static inline void script_timeout(cop_sm *sm, const char *type,
                                  const char *time, int number)
{
    cop_sm_event e = script_event(type, number);
    cop_sm_timer t = {e.type, e.name};

    if (strcmp(time, "cancel") == 0)
        cop_sm_timeout_cancel(sm, t);
    else if (strcmp(time, "upd") == 0)
        cop_sm_timeout_update(sm, t, e.tag, NULL, 0);
    else if (strcmp(time, "inf") == 0)
        cop_sm_timeout(sm, t, COP_FOREVER, e.tag, NULL, 0);
    else if (strcmp(time, "neg") == 0)
        cop_sm_timeout(sm, t, -1, e.tag, NULL, 0);
    else if (strncmp(time, "abs", 3) == 0)
        cop_sm_timeout_at(sm, t, cop_now() + script_time(type, atoi(time + 3)),
                          e.tag, NULL, 0);
    else
        cop_sm_timeout(sm, t, script_time(type, atoi(time)), e.tag, NULL, 0);
}

static const cop_statem script_defs[2][2];

/* The definition called `name`, for a machine of this mode. */
static inline const cop_statem *script_def(const char *mode, const char *name)
{
    return &script_defs[strcmp(mode, "enter") == 0][name[0] == 'b'];
}

static inline void script_insert(cop_sm *sm, struct scripted *d,
                                 const char *type, int number)
{
    cop_sm_event e = script_event(type, number);

    if (e.type == COP_SM_CALL)
        e.from = d->calls[number % SCRIPT_CALLS];
    if (e.type != COP_SM_CALL || !cop_pid_is_none(e.from.pid))
        cop_sm_next_event(sm, &e);
}

static inline void script_reply(cop_sm *sm, struct scripted *d, int number)
{
    cop_from to = d->calls[number % SCRIPT_CALLS];

    if (!cop_pid_is_none(to.pid))
        cop_sm_reply(sm, to, &d->count, sizeof d->count);
}

static inline void script_action(cop_sm *sm, struct scripted *d, char *word)
{
    char *w[3];

    script_cut(word, w, 3);
    if (strcmp(w[0], "reply") == 0)
        script_reply(sm, d, atoi(w[1]));
    else if (strncmp(w[0], "postpone", 8) == 0)
        cop_sm_postpone(sm, strcmp(w[0], "postpone") == 0);
    else if (strcmp(w[0], "hib") == 0)
        cop_sm_hibernate(sm, true);
    else if (strcmp(w[0], "ev") == 0)
        script_insert(sm, d, w[1], atoi(w[2]));
    else if (strcmp(w[0], "mod") == 0)
        cop_sm_change_module(sm, script_def(d->s->mode, w[1]));
    else if (strcmp(w[0], "push") == 0)
        cop_sm_push_module(sm, script_def(d->s->mode, w[1]));
    else if (strcmp(w[0], "pop") == 0)
        cop_sm_pop_module(sm);
    else
        script_timeout(sm, w[0], w[1], atoi(w[2]));
}

/* Records the actions of a line that begins with its verdict. */
static inline cop_sm_next script_verdict(cop_sm *sm, struct scripted *d,
                                         const char *text)
{
    char line[512], *word, *save, *w[2];
    cop_sm_next n = cop_sm_keep_state();

    snprintf(line, sizeof line, "%s", text);
    word = strtok_r(line, " ", &save);
    script_cut(word, w, 2);
    while ((word = strtok_r(NULL, " ", &save)) != NULL)
        script_action(sm, d, word);
    if (strcmp(w[0], "exit") == 0)
        cop_exit(cop_because(w[1]));
    if (strcmp(w[0], "next") == 0)
        n = cop_sm_next_state(atoi(w[1]));
    else if (strcmp(w[0], "repeat") == 0)
        n = cop_sm_repeat_state();
    else if (strcmp(w[0], "stop") == 0)
        n = cop_sm_stop(cop_because(w[1]));
    else if (strcmp(w[0], "stopreply") == 0)
        n = cop_sm_stop_and_reply(cop_because(w[1]));
    return n;
}

static inline cop_sm_next script_handle(cop_sm *sm, struct scripted *d,
                                        int state, const cop_sm_event *e,
                                        char module)
{
    int content = e->type == COP_SM_ENTER ? e->old_state : (int)e->tag;
    const char *text = "keep";
    char reply[32];

    script_say(d->driver, "%c:%s %d@%d", module, script_type(e), content,
               state);
    d->count++;
    if (e->type == COP_SM_CALL) {
        d->calls[e->tag % SCRIPT_CALLS] = e->from;
        snprintf(reply, sizeof reply, "keep reply:%d", content);
        text = reply;
    }
    if (e->type == COP_SM_ENTER && d->entering < d->s->nentering)
        text = d->s->entering[d->entering++];
    else if (e->type != COP_SM_ENTER && d->answers < d->s->nanswers)
        text = d->s->answers[d->answers++];
    return script_verdict(sm, d, text);
}

static inline cop_sm_next script_handle_a(cop_sm *sm, void *data, int state,
                                          const cop_sm_event *e)
{
    return script_handle(sm, data, state, e, 'a');
}

static inline cop_sm_next script_handle_b(cop_sm *sm, void *data, int state,
                                          const cop_sm_event *e)
{
    return script_handle(sm, data, state, e, 'b');
}

static inline void script_end_a(void *data, int state, cop_reason why)
{
    const struct scripted *d = data;

    script_say(d->driver, "a:terminate %s@%d", cop_reason_name(why), state);
}

static inline void script_end_b(void *data, int state, cop_reason why)
{
    const struct scripted *d = data;

    script_say(d->driver, "b:terminate %s@%d", cop_reason_name(why), state);
}

struct script_arg {
    struct script *s;
    cop_pid driver;
};

static inline cop_sm_next script_init(cop_sm *sm, void *data, void *arg)
{
    const struct script_arg *a = arg;
    struct scripted *d = data;
    char line[512];

    d->s = a->s;
    d->driver = a->driver;
    if (strncmp(d->s->init, "stop:", 5) == 0)
        return cop_sm_stop(cop_because(d->s->init + 5));
    if (strcmp(d->s->init, "ignore") == 0)
        return cop_sm_ignore();
    snprintf(line, sizeof line, "next:%s", d->s->init);
    return script_verdict(sm, d, line);
}

#define SCRIPT_DEF(letter, enter)                                              \
    {                                                                          \
        .data_bytes = sizeof(struct scripted), .state_enter = enter,           \
        .init = script_init, .handle = script_handle_##letter,                 \
        .terminate = script_end_##letter,                                      \
    }
static const cop_statem script_defs[2][2] = {
    {SCRIPT_DEF(a, false), SCRIPT_DEF(b, true)},
    {SCRIPT_DEF(a, true), SCRIPT_DEF(b, false)},
};

/* --------------------------------------------------------------- driver -- */

__attribute__((format(printf, 2, 3))) static inline void
script_note(struct script *s, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    s->used +=
        (size_t)vsnprintf(s->have + s->used, sizeof s->have - s->used, fmt, ap);
    va_end(ap);
    ck_assert_uint_lt(s->used, sizeof s->have);
}

static inline void script_do(const char *event, cop_pid pid, cop_ref *calls)
{
    int number = atoi(strchr(event, ' ') + 1);
    cop_tag tag = (cop_tag)number;

    if (strncmp(event, "wait", 4) == 0)
        cop_sleep(number * SCRIPT_UNIT_MS * COP_MS);
    else if (strncmp(event, "call", 4) == 0)
        ck_assert_int_eq(cop_request(&calls[number], pid, tag, NULL, 0), 0);
    else if (strncmp(event, "cast", 4) == 0)
        ck_assert_int_eq(cop_cast(pid, tag, NULL, 0), 0);
    else
        ck_assert_int_eq(cop_send(pid, tag, NULL, 0), 0);
}

/* Whatever the machine left in the driver's mailbox. */
static inline void script_collect(struct script *s, cop_ref down,
                                  const cop_ref *calls)
{
    const cop_msg *m;

    while (cop_recv(&m, COP_FOREVER) == 0) {
        if (cop_msg_tag(m) == SCRIPT_SAY)
            script_note(s, "%s\n", (const char *)cop_msg_body(m));
        for (int i = 0; cop_msg_tag(m) == COP_REPLY && i < SCRIPT_CALLS; i++) {
            if (cop_ref_eq(calls[i], cop_msg_ref(m)))
                script_note(s, "reply %d %d\n", i, *cop_msg_as(m, int));
        }
        if (cop_msg_tag(m) == COP_DOWN && cop_ref_eq(cop_msg_ref(m), down)) {
            script_note(s, "down %s\n", cop_reason_name(cop_msg_reason(m)));
            return;
        }
    }
}

static inline void script_drive(void *arg)
{
    struct script *s = arg;
    struct script_arg a = {s, cop_self()};
    cop_ref calls[SCRIPT_CALLS] = {{0}}, down;
    cop_server_opts opts = {.spawn = {.arg_bytes = sizeof a, .monitor = &down}};
    cop_reason why;
    cop_pid pid;
    int err;

    err = cop_statem_start(&pid, script_def(s->mode, "a"), &a, &opts, &why);
    if (err != 0) {
        script_note(s, "start %s\n",
                    err == COP_EIGNORE ? "ignore" : cop_reason_name(why));
        cop_reason_release(why);
        return;
    }
    for (int i = 0; i < s->nevents; i++)
        script_do(s->events[i], pid, calls);
    (void)!cop_server_stop(pid, COP_NORMAL, COP_FOREVER, NULL);
    script_collect(s, down, calls);
}

/* -------------------------------------------------------------- running -- */

static const char *script_only; /* the name of one; NULL: all of them */

static inline int script_compare(const struct script *s)
{
    if (strcmp(s->have, s->want) == 0)
        return 0;
    fprintf(stderr, "script %s, wanted:\n%shad:\n%s\n", s->name, s->want,
            s->have);
    return 1;
}

/* Runs them side by side, some at a time. */
static inline void script_body(void *arg)
{
    enum { AT_A_TIME = 200 };
    int running = 0, bad = 0, ran = 0;
    cop_opts opts = {.stack_bytes = 128 * 1024};
    const cop_msg *m;
    cop_ref ref;

    (void)arg;
    opts.monitor = &ref;
    for (struct script *s = script_list; s != NULL; s = s->next) {
        if (script_only != NULL && strcmp(s->name, script_only) != 0)
            continue;
        ck_assert_int_eq(cop_spawn(NULL, script_drive, s, &opts), 0);
        ran++;
        if (++running == AT_A_TIME)
            for (; running > 0; running--)
                ck_assert_int_eq(cop_recv_tag(&m, COP_DOWN, COP_FOREVER), 0);
    }
    for (; running > 0; running--)
        ck_assert_int_eq(cop_recv_tag(&m, COP_DOWN, COP_FOREVER), 0);
    for (struct script *s = script_list; s != NULL; s = s->next)
        if (script_only == NULL || strcmp(s->name, script_only) == 0)
            bad += script_compare(s);
    ck_assert_int_gt(ran, 0);
    ck_assert_msg(bad == 0, "%d of %d scripts differ", bad, ran);
}

/* The script `name` of a file, or (NULL) all. */
static inline void script_run(const char *path, const char *name)
{
    cop_config config = {.workers = 2, .virtual_time = true};

    (void)script_read(path);
    script_only = name;
    actor_test(script_body, &config);
}

#endif
