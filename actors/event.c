/* SPDX-License-Identifier: MIT
 *
 * event.c - an event manager, with the rules of OTP's gen_event.
 *
 * A manager is a server (server.c): so it is started, stopped, ends with its
 * parent, and has the services of sys.h, as every server does. It traps exits.
 * Here is what it makes of what comes:
 *
 *     a cast                          an event: a round of all handlers
 *     a call, the program's own tag   the same, and then an answer
 *     a call, a tag of event.h        a request about handlers
 *     EXIT                            ends the handlers that its sender
 *                                     supervised, then a round of `info`
 *     anything else                   a round of `info`
 *
 * So notifying costs a plain send, handlers see the message as it was sent, and
 * nothing is copied. A call to one handler must name it, so its body is taken
 * apart here and copied once.
 *
 * Links. A manager is linked to each actor that has added a supervised handler.
 * As in OTP the link outlives the handler, and when the manager ends it unlinks
 * who still supervises one (they are told in another way), its parent excepted.
 *
 * Requests are answered with codes (event_answer.c). How handlers begin, speak
 * and end is in event_member.c.
 */
#include "actors/event.h"

#include "actors/server.h"

#include <stdio.h>
#include <string.h>

#define STATE_MAX ((size_t)1 << 40) /* beyond it is a mistake, not a size */

static cop_next event_init(void *state, void *arg)
{
    struct copi_event *s = state;
    const bool *is_linked = arg;

    copi_event_init(s);
    s->parent = *is_linked ? cop_parent() : COP_NO_PID;
    if (cop_defer(copi_event_fini, s) != 0)
        return cop_next_stop(cop_because("nomem"));
    return cop_next_wait();
}

/* ------------------------------------------------------------- requests -- */

/* Answers with s->why, if there was a failure. */
static void answer(struct copi_event *s, cop_from from, int code)
{
    if (code == COP_EFAILED)
        copi_event_answer_all(from, code, &s->why, NULL);
    else
        copi_event_answer_code(from, code);
}

/* Who supervises a new handler is linked before it begins. */
static int link_to(cop_pid sup)
{
    return cop_pid_is_none(sup) ? 0 : cop_link(sup);
}

static int add_one(struct copi_event *s, const struct copi_event_ask *ask,
                   cop_pid asker)
{
    cop_pid sup = ask->is_supervised ? asker : COP_NO_PID;
    int err = link_to(sup);

    if (err != 0)
        return err;
    return copi_event_add(s, ask->id, sup, copi_event_arg(ask), ask->arg_bytes);
}

static int swap_one(struct copi_event *s, const struct copi_event_ask *ask,
                    cop_pid asker)
{
    struct copi_event_member *h = copi_event_find(s, ask->id);
    cop_pid sup = h != NULL ? h->sup : COP_NO_PID;

    if (ask->is_supervised) {
        int err = link_to(asker);

        if (err != 0)
            return err;
        sup = asker;
    }
    return copi_event_swap_for(s, h, ask, sup);
}

static void remove_one(struct copi_event *s, const struct copi_event_ask *ask,
                       cop_from from)
{
    struct copi_event_member *h = copi_event_find(s, ask->id);
    const cop_event_end end = {.cause = COP_EVENT_DELETED,
                               .arg = copi_event_left(ask),
                               .arg_bytes = ask->left_bytes};
    int code;

    if (h == NULL) {
        copi_event_answer_code(from, COP_ENOENT);
        return;
    }
    code = copi_event_end(s, h, &end, COP_NORMAL);
    if (code == 0 && s->result == NULL)
        copi_event_answer_code(from, 0);
    else
        copi_event_answer_all(from, code, &s->said.reason, &s->result);
}

static void ask_one(struct copi_event *s, const struct copi_event_ask *ask,
                    cop_from from)
{
    struct copi_event_member *h = copi_event_find(s, ask->id);
    int err = h == NULL ? COP_ENOENT
                        : cop_msg_new(&s->asked, ask->tag, ask->arg_bytes);

    if (err == 0) {
        if (ask->arg_bytes > 0)
            memcpy(cop_msg_fill(s->asked), copi_event_arg(ask), ask->arg_bytes);
        err = copi_event_ask(s, h, from);
        cop_msg_free(s->asked);
        s->asked = NULL;
        if (err == 0)
            return; /* it has answered, or will */
    }
    answer(s, from, err);
}

/* An answer with room for that many bytes, or NULL: refused already. */
static cop_msg *new_list(cop_from from, uint64_t total, size_t bytes,
                         void **fill)
{
    const struct copi_event_head head = {.mark = COPI_EVENT_MARK,
                                         .total = total};
    cop_msg *m;

    if (cop_msg_new(&m, 1, sizeof head + bytes) != 0) {
        copi_event_answer_code(from, COP_ENOMEM);
        return NULL;
    }
    *fill = (char *)memcpy(cop_msg_fill(m), &head, sizeof head) + sizeof head;
    return m;
}

static void list(const struct copi_event *s, size_t cap, cop_from from)
{
    size_t n = cap < s->count ? cap : s->count;
    const struct copi_event_member *h = s->first;
    void *fill;
    cop_msg *m = new_list(from, s->count, n * sizeof h->id, &fill);

    if (m == NULL)
        return;
    for (cop_event_id *out = fill; n > 0; n--, h = h->next)
        *out++ = h->id;
    (void)cop_reply_msg(from, m);
}

static void show(const struct copi_event *s, const struct copi_event_ask *ask,
                 cop_from from)
{
    const struct copi_event_member *h = copi_event_find(s, ask->id);
    size_t size, n;
    void *fill;
    cop_msg *m;

    if (h == NULL) {
        copi_event_answer_code(from, COP_ENOENT);
        return;
    }
    size = h->def->state_bytes;
    n = ask->cap < size ? ask->cap : size;
    m = new_list(from, size, n, &fill);
    if (m == NULL)
        return;
    if (n > 0)
        memcpy(fill, h->state, n);
    (void)cop_reply_msg(from, m);
}

/* The body, if it is one of our clients'. */
static const struct copi_event_ask *body_of(const cop_msg *m)
{
    const struct copi_event_ask *ask = cop_msg_body(m);
    size_t size = cop_msg_size(m);

    if (size < COPI_EVENT_HEAD || ask->left_bytes > size ||
        ask->arg_bytes > size ||
        size != COPI_EVENT_HEAD + copi_event_round(ask->left_bytes) +
                    ask->arg_bytes)
        return NULL;
    return ask;
}

static void request(struct copi_event *s, const struct copi_event_ask *ask,
                    cop_pid asker, cop_from from)
{
    switch (cop_msg_tag(s->message)) {
    case COPI_EVENT_ADD:
        answer(s, from, add_one(s, ask, asker));
        break;
    case COPI_EVENT_DELETE:
        remove_one(s, ask, from);
        break;
    case COPI_EVENT_SWAP:
        answer(s, from, swap_one(s, ask, asker));
        break;
    case COPI_EVENT_CALL:
        ask_one(s, ask, from);
        break;
    case COPI_EVENT_WHICH:
        list(s, ask->cap, from);
        break;
    case COPI_EVENT_STATE:
        show(s, ask, from);
        break;
    default:
        break;
    }
}

/* ------------------------------------------------------------- messages -- */

static cop_next done(struct copi_event *s)
{
    cop_msg *m = s->message;

    s->message = NULL;
    cop_msg_free(m);
    return cop_next_wait();
}

/* A request that no client of ours sends gets no answer. */
static cop_next event_call(void *state, const cop_msg *m, cop_from from)
{
    struct copi_event *s = state;
    const struct copi_event_ask *ask;
    cop_pid asker = cop_msg_sender(m);

    s->message = cop_keep(m);
    if (cop_msg_tag(s->message) <= COP_TAG_MAX) {
        copi_event_round_all(s, true);
        copi_event_answer_code(from, 0);
        return done(s);
    }
    ask = body_of(s->message);
    if (ask != NULL)
        request(s, ask, asker, from);
    return done(s);
}

static cop_next event_cast(void *state, const cop_msg *m)
{
    struct copi_event *s = state;

    s->message = cop_keep(m);
    copi_event_round_all(s, true);
    return done(s);
}

/* Ends the handlers that an actor supervised: an EXIT of it came. */
static void end_those_of(struct copi_event *s, cop_pid sup, cop_reason why)
{
    const cop_event_end end = {.cause = COP_EVENT_ORPHANED, .reason = why};
    struct copi_event_member *next;

    for (struct copi_event_member *h = s->first; h != NULL; h = next) {
        next = h->next;
        if (cop_pid_eq(h->sup, sup))
            (void)copi_event_end(s, h, &end, COP_SHUTDOWN);
    }
}

static cop_next event_info(void *state, const cop_msg *m)
{
    struct copi_event *s = state;
    cop_pid sender = cop_msg_sender(m);

    s->message = cop_keep(m);
    if (cop_msg_tag(s->message) == COP_EXIT && !cop_pid_is_none(sender))
        end_those_of(s, sender, cop_msg_reason(s->message));
    copi_event_round_all(s, false);
    return done(s);
}

/* What cannot be given up is tried again. */
static void unlink_from(const struct copi_event *s, cop_pid sup)
{
    if (cop_pid_is_none(sup) || cop_pid_eq(sup, s->parent))
        return;
    while (cop_unlink(sup) == COP_ENOMEM)
        cop_sleep(COP_MS);
}

static void event_terminate(void *state, cop_reason why)
{
    static const cop_event_end stopped = {.cause = COP_EVENT_STOPPED};
    struct copi_event *s = state;

    (void)why;
    while (s->first != NULL) {
        cop_pid sup = s->first->sup;

        (void)copi_event_end(s, s->first, &stopped, COP_SHUTDOWN);
        unlink_from(s, sup);
    }
}

static const cop_server event_server = {
    .label = "event manager",
    .state_bytes = sizeof(struct copi_event),
    .init = event_init,
    .call = event_call,
    .cast = event_cast,
    .info = event_info,
    .terminate = event_terminate,
};

/* ------------------------------------------------------------- services -- */

/* The newest handler stands for all: cop_event_handler_state shows any. */
static void *view(void *state, size_t *bytes)
{
    const struct copi_event *s = state;

    if (s->first == NULL)
        return NULL;
    *bytes = s->first->def->state_bytes;
    return s->first->state;
}

static void status(void *state, char *buf, size_t size)
{
    const struct copi_event *s = state;
    size_t used = (size_t)snprintf(buf, size, "handlers: %zu\n", s->count);

    for (const struct copi_event_member *h = s->first; h != NULL && used < size;
         h = h->next) {
        char pid[COP_PID_TEXT];
        bool has_sup = !cop_pid_is_none(h->sup);

        used += (size_t)snprintf(
            buf + used, size - used, "  %s/%llu%s%s\n",
            h->def->label != NULL ? h->def->label : "?",
            (unsigned long long)h->id.id, has_sup ? " supervised by " : "",
            has_sup ? cop_pid_str(h->sup, pid, sizeof pid) : "");
    }
}

static int change_code(void *state, const void *def, const void *extra,
                       size_t extra_bytes)
{
    const cop_event_handler *h = def;

    if (h == NULL || h->state_bytes >= STATE_MAX)
        return COP_EINVAL;
    return copi_event_upgrade(state, h, extra, extra_bytes);
}

static const struct copi_server_hooks event_hooks = {
    .behaviour = "event manager",
    .view = view,
    .status = status,
    .change_code = change_code,
};

/* ---------------------------------------------------------------- start -- */

int cop_event_start(cop_pid *out, const cop_opts *opts)
{
    cop_server_opts own = {0};
    bool is_linked;

    if (opts != NULL)
        own.spawn = *opts;
    if (own.spawn.isolation == COP_ISOLATED)
        return COP_ENOTSUP; /* what it answers holds addresses */
    is_linked = own.spawn.link;
    own.spawn.trap_exit = true;
    own.spawn.arg_bytes = sizeof is_linked;
    own.spawn.arg_release = NULL;
    return copi_server_start(out, &event_server, &event_hooks, &is_linked, &own,
                             false, NULL);
}
