/* SPDX-License-Identifier: MIT
 *
 * server.c - the scripted server.
 *
 * What a request does is in its tag: a word, and after a colon what it needs
 * to know. A step reaches a server as a plain message.
 */
#include "tests/conformance/script.h"

#include <string.h>

enum { CALLERS_MAX = 256 };

struct state {
    const struct role *role;
    const char *me;
    int64_t number;
    cop_from owed[CALLERS_MAX]; /* callers that wait for `reply`, a ring */
    unsigned first, count;
    bool is_late; /* `late` answers in the continue */
    cop_from late;
};

/* ----------------------------------------------------------------- words -- */

/* What stands behind the colon if the tag begins with `word`; "" without a
 * colon; NULL: another word. */
static const char *argument(const char *tag, const char *word)
{
    size_t n = strlen(word);

    if (strncmp(tag, word, n) != 0 || (tag[n] != '\0' && tag[n] != ':'))
        return NULL;
    return tag[n] == ':' ? tag + n + 1 : tag + n;
}

static int64_t number_of(const cop_msg *m)
{
    return cop_msg_as(m, struct number)->n;
}

static void reply(cop_from to, int64_t n)
{
    const struct number body = {n};

    (void)cop_reply(to, &body, sizeof body);
}

static const char *tag_word(const cop_msg *m)
{
    const char *tag = tag_text(cop_msg_tag(m));

    return tag != NULL ? tag : "other";
}

/* ----------------------------------------------------------------- calls -- */

static cop_next forward(const char *target, int64_t n, cop_from from)
{
    int64_t answer;
    cop_reason why;

    if (call_server(target, tag_of("echo"), n, COP_FOREVER, &answer, &why) != 0)
        cop_exit(why);
    reply(from, answer);
    return cop_next_wait();
}

static cop_next call_itself(struct state *s, int64_t n)
{
    int64_t answer;
    cop_reason why;

    if (call_server(s->me, tag_of("echo"), n, COP_FOREVER, &answer, &why) != 0)
        cop_exit(why);
    return cop_next_wait();
}

static cop_next defer(struct state *s, cop_from from)
{
    if (s->count < CALLERS_MAX)
        s->owed[(s->first + s->count++) % CALLERS_MAX] = from;
    return cop_next_wait();
}

/* Calls that are answered at once. */
static cop_next answer(struct state *s, const char *tag, int64_t n,
                       cop_from from)
{
    const char *arg;

    if (argument(tag, "get") != NULL)
        reply(from, s->number);
    else if (argument(tag, "add") != NULL)
        reply(from, s->number += n);
    else if ((arg = argument(tag, "slow")) != NULL) {
        cop_sleep(duration_of(arg));
        reply(from, n);
    } else {
        reply(from, n);
    }
    if (argument(tag, "cont") != NULL)
        return cop_next_continue((uint64_t)n);
    if ((arg = argument(tag, "tmo")) != NULL)
        return cop_next_idle(duration_of(arg));
    return cop_next_wait();
}

static cop_next on_call(void *state, const cop_msg *m, cop_from from)
{
    struct state *s = state;
    const char *tag = tag_word(m);
    int64_t n = number_of(m);
    const struct number body = {n};
    const char *arg;

    world_log(s->me, "call %s %lld from %s", tag, (long long)n,
              world_name(cop_msg_sender(m)));
    if ((arg = argument(tag, "stop")) != NULL)
        return cop_next_stop_reply(reason_of(arg), from, &body, sizeof body);
    if ((arg = argument(tag, "stopnr")) != NULL)
        return cop_next_stop(reason_of(arg));
    if ((arg = argument(tag, "crash")) != NULL)
        cop_exit(reason_of(arg));
    if (argument(tag, "defer") != NULL)
        return defer(s, from);
    if ((arg = argument(tag, "fwd")) != NULL)
        return forward(arg, n, from);
    if (argument(tag, "self") != NULL)
        return call_itself(s, n);
    if (argument(tag, "late") != NULL) {
        s->is_late = true;
        s->late = from;
        return cop_next_continue((uint64_t)n);
    }
    return answer(s, tag, n, from);
}

/* ---------------------------------------------------------- other events -- */

static void reply_to_first(struct state *s, int64_t n)
{
    if (s->count == 0)
        return;
    reply(s->owed[s->first], n);
    s->first = (s->first + 1) % CALLERS_MAX;
    s->count--;
}

static cop_next on_cast(void *state, const cop_msg *m)
{
    struct state *s = state;
    const char *tag = tag_word(m);
    int64_t n = number_of(m);
    const char *arg;

    world_log(s->me, "cast %s %lld from %s", tag, (long long)n,
              world_name(cop_msg_sender(m)));
    if (argument(tag, "add") != NULL)
        s->number += n;
    else if (argument(tag, "reply") != NULL)
        reply_to_first(s, n);
    else if ((arg = argument(tag, "stop")) != NULL)
        return cop_next_stop(reason_of(arg));
    else if ((arg = argument(tag, "crash")) != NULL)
        cop_exit(reason_of(arg));
    else if (argument(tag, "cont") != NULL)
        return cop_next_continue((uint64_t)n);
    else if ((arg = argument(tag, "slow")) != NULL)
        cop_sleep(duration_of(arg));
    else if ((arg = argument(tag, "tmo")) != NULL)
        return cop_next_idle(duration_of(arg));
    return cop_next_wait();
}

static cop_next on_info(void *state, const cop_msg *m)
{
    struct state *s = state;

    if (cop_msg_tag(m) == TAG_STEP)
        step_run(s->me, cop_msg_as(m, struct order)->step);
    else
        log_message(s->me, "got", m);
    return cop_next_wait();
}

static cop_next on_resume(void *state, uint64_t token)
{
    struct state *s = state;

    world_log(s->me, "continue %lld", (long long)token);
    if (s->is_late)
        reply(s->late, (int64_t)token);
    s->is_late = false;
    return cop_next_wait();
}

static cop_next on_timeout(void *state)
{
    struct state *s = state;

    world_log(s->me, "timeout");
    return cop_next_wait();
}

/* ------------------------------------------------------------------ life -- */

static cop_next on_init(void *state, void *arg)
{
    struct state *s = state;
    cop_reason why;

    s->role = arg;
    s->me = s->role->who->name;
    begin_as(s->role);
    switch (init_as(s->role, &why)) {
    case START_IGNORE:
        return cop_next_ignore();
    case START_FAIL:
        return cop_next_stop(why);
    default:
        return s->role->opts.cont ? cop_next_continue(0) : cop_next_wait();
    }
}

static void on_terminate(void *state, cop_reason why)
{
    struct state *s = state;
    char reason[REASON_TEXT];

    world_log(s->me, "terminate %s", reason_text(why, reason));
    if (s->role->opts.slow > 0)
        cop_sleep(s->role->opts.slow);
}

const cop_server scripted_server = {
    .label = "scripted server",
    .state_bytes = sizeof(struct state),
    .init = on_init,
    .call = on_call,
    .cast = on_cast,
    .info = on_info,
    .resume = on_resume,
    .timeout = on_timeout,
    .terminate = on_terminate,
};
