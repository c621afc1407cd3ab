/* SPDX-License-Identifier: MIT
 *
 * counter.h - a server for tests of the services of sys.h, and short words for
 * asking it. It notes what it gets (kid.h); a call is answered with its number.
 */
#ifndef COPPICE_TESTS_COUNTER_H
#define COPPICE_TESTS_COUNTER_H

#include <coppice/sys.h>

#include "tests/support/kid.h"

static inline cop_time soon(void)
{
    return cop_in(5 * COP_SEC);
}

struct counter {
    int number;
    int generation;
};

enum { GET = 7, IDLE, SLOW, SET };

static inline cop_next counter_do(struct counter *c, const cop_msg *m)
{
    int n = cop_msg_size(m) > 0 ? *cop_msg_as(m, int) : 0;

    switch (cop_msg_tag(m)) {
    case IDLE:
        return cop_next_idle(n * COP_MS);
    case SLOW:
        cop_sleep(n * COP_MS);
        return cop_next_wait();
    case SET:
        c->number = n;
        return cop_next_wait();
    default:
        return cop_next_wait();
    }
}

static inline cop_next counter_init(void *state, void *arg)
{
    ((struct counter *)state)->number = 7;
    return arg != NULL ? cop_next_continue(1) : cop_next_wait();
}

static inline cop_next counter_call(void *state, const cop_msg *m,
                                    cop_from from)
{
    struct counter *c = state;

    (void)cop_reply(from, &c->number, sizeof c->number);
    return counter_do(c, m);
}

static inline cop_next counter_cast(void *state, const cop_msg *m)
{
    note("cast %u", (unsigned)cop_msg_tag(m));
    return counter_do(state, m);
}

static inline cop_next counter_info(void *state, const cop_msg *m)
{
    note("info %u", (unsigned)cop_msg_tag(m));
    return counter_do(state, m);
}

static inline cop_next counter_resume(void *state, uint64_t token)
{
    ((struct counter *)state)->number += 100;
    note("continue %d", (int)token);
    return cop_next_wait();
}

static inline cop_next counter_timeout(void *state)
{
    (void)state;
    note("timeout");
    return cop_next_wait();
}

static inline void counter_terminate(void *state, cop_reason why)
{
    char text[COP_REASON_TEXT];

    (void)state;
    note("terminate %s", cop_reason_str(why, text, sizeof text));
}

static inline void counter_format(const void *state, char *buf, size_t size)
{
    const struct counter *c = state;

    if (c->number == 666)
        cop_exit(cop_because("devil"));
    snprintf(buf, size, "number %d", c->number);
}

#define COUNTER                                                                \
    .state_bytes = sizeof(struct counter), .init = counter_init,               \
    .call = counter_call, .cast = counter_cast, .info = counter_info,          \
    .resume = counter_resume, .timeout = counter_timeout,                      \
    .terminate = counter_terminate

__attribute__((unused)) static const cop_server counter_server = {
    .label = "counter", COUNTER, .format_status = counter_format};
__attribute__((unused)) static const cop_server plain_server = {
    .label = "plain", COUNTER};

static inline cop_pid start(const cop_server *def, void *arg, bool link)
{
    const cop_server_opts opts = {.spawn.link = link};
    cop_pid pid;

    ck_assert_int_eq(cop_server_start(&pid, def, arg, &opts, NULL), 0);
    return pid;
}

static inline cop_pid counter(void)
{
    return start(&counter_server, NULL, false);
}

static inline void cast(cop_pid pid, cop_tag tag, int n)
{
    ck_assert_int_eq(cop_cast(pid, tag, &n, sizeof n), 0);
}

static inline void send(cop_pid pid, cop_tag tag)
{
    ck_assert_int_eq(cop_send(pid, tag, NULL, 0), 0);
}

/* The counter's number, or the code. */
static inline int get(cop_pid pid, cop_time deadline)
{
    int n = 0;
    int err = cop_call(pid, GET, NULL, 0, &n, sizeof n, deadline);

    return err < 0 ? err : n;
}

static inline int state_of(cop_pid pid)
{
    struct counter c;

    ck_assert_int_eq(cop_sys_get_state(pid, &c, sizeof c, soon()),
                     (int)sizeof c);
    return c.number;
}

static inline void suspend(cop_pid pid)
{
    ck_assert_int_eq(cop_sys_suspend(pid, soon()), 0);
}

static inline void resume(cop_pid pid)
{
    ck_assert_int_eq(cop_sys_resume(pid, soon()), 0);
}

static inline void status_has(cop_pid pid, const char *line)
{
    char text[COP_SYS_STATUS_TEXT];
    int n = cop_sys_get_status(pid, text, sizeof text, soon());

    ck_assert_int_eq(n, (int)strlen(text));
    ck_assert_msg(strstr(text, line) != NULL, "no \"%s\" in:\n%s", line, text);
}

/* Adds *arg; a negative one is an error, 666 an exit, after the deed. */
static inline int add(void *state, size_t bytes, void *arg)
{
    struct counter *c = state;
    int by = *(int *)arg;

    ck_assert_uint_eq(bytes, sizeof *c);
    c->number += by;
    c->generation++;
    if (by == 666)
        cop_exit(cop_because_fmt("devil", "%d", by));
    return by < 0;
}

static inline int replace(cop_pid p, int by)
{
    return cop_sys_replace_state(p, add, &by, sizeof by, soon());
}

/* A later definition: a bigger state. */
struct wide {
    long pad[8];
    int number;
    char extra[8];
};

static inline int widen(void *state, const cop_code_change *from)
{
    struct wide *w = state;
    char extra[16] = "";

    memcpy(extra, from->extra, from->extra_bytes);
    note("from %u of %zu with \"%s\"", (unsigned)from->old_version,
         from->old_bytes, extra);
    if (strcmp(extra, "fail") == 0)
        return 1;
    if (strcmp(extra, "crash") == 0)
        cop_exit(cop_because("crash"));
    if (strcmp(extra, "hang") == 0)
        cop_sleep(10 * COP_SEC);
    for (size_t i = 0; i < sizeof *w; i++)
        ck_assert_int_eq(((char *)state)[i], 0);
    w->number = ((const struct counter *)from->old)->number + 1000;
    return 0;
}

static inline cop_next wide_call(void *state, const cop_msg *m, cop_from from)
{
    struct wide *w = state;

    (void)m;
    (void)cop_reply(from, &w->number, sizeof w->number);
    return cop_next_wait();
}

static inline int narrow(void *state, const cop_code_change *from)
{
    ck_assert_uint_eq(from->old_version, 2);
    ((struct counter *)state)->number =
        ((const struct wide *)from->old)->number + 1;
    return 0;
}

static inline void wide_terminate(void *state, cop_reason why)
{
    (void)why;
    note("wide end %d", ((struct wide *)state)->number);
}

__attribute__((unused)) static const cop_server wide_server = {
    .label = "wide",
    .state_bytes = sizeof(struct wide),
    .call = wide_call,
    .terminate = wide_terminate,
    .code_change = widen,
    .version = 2};
__attribute__((unused)) static const cop_server narrow_server = {
    .label = "narrow", COUNTER, .code_change = narrow, .version = 3};

static inline int change(cop_pid p, const cop_server *def, const char *extra)
{
    return cop_sys_change_code(p, def, extra, strlen(extra), soon());
}

#endif
