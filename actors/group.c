/* SPDX-License-Identifier: MIT
 *
 * group.c - scopes of groups: named sets of actors (Erlang's pg).
 *
 * A scope is a server with a roster (roster.h) whose keys are the groups; each
 * join is an entry. A broadcast is sent by its caller, who asks for the members
 * first: so the sender shown is the caller, messages of one caller keep their
 * order, and the scope has no work with them.
 *
 * Leaving takes back the newest of an actor's joins: the place in the order
 * that it got first is the one it keeps.
 */
#include <coppice/registry.h>

#include "actors/keycall.h"
#include "actors/roster.h"
#include "actors/server.h"

#include <stdio.h>

enum {
    GROUP_JOIN = COP_TAG_BEHAVIOUR_FLAT + 0x420,
    GROUP_LEAVE,
    GROUP_MEMBERS
};

/* From this size on a broadcast shares one copy of its body. */
#define SHARED_MIN 512

/* --------------------------------------------------------------- server -- */

static void free_roster(void *roster)
{
    copi_roster_fini(roster);
}

static cop_next init(void *state, void *arg)
{
    int err = cop_defer(free_roster, state);

    (void)arg;
    copi_roster_init(state);
    return err == 0 ? cop_next_wait() : cop_next_stop(cop_because("nomem"));
}

static int leave(struct copi_roster *r, const struct copi_keycall *call)
{
    struct copi_roster_entry *e = copi_roster_find(r, call->key, call->pid);

    if (e == NULL)
        return COP_ENOENT;
    copi_roster_remove(r, e);
    return 0;
}

static cop_msg *list(const struct copi_roster *r, const char *group)
{
    size_t n = copi_roster_count_of(r, group);
    void *items;
    cop_msg *m = copi_keycall_new(&items, n, sizeof(cop_pid));
    struct copi_roster_entry *e = copi_roster_first(r, group);

    if (m == NULL)
        return NULL;
    for (cop_pid *out = items; e != NULL; out++) {
        *out = copi_roster_pid(e);
        e = copi_roster_next(e);
    }
    return m;
}

static cop_next call(void *state, const cop_msg *m, cop_from from)
{
    struct copi_roster *r = state;
    const struct copi_keycall *body = copi_keycall_body(m);

    if (body != NULL)
        switch (cop_msg_tag(m)) {
        case GROUP_JOIN:
            return copi_keycall_reply(
                from, copi_roster_add(r, body->key, body->pid, 0));
        case GROUP_LEAVE:
            return copi_keycall_reply(from, leave(r, body));
        case GROUP_MEMBERS:
            return copi_keycall_reply_list(from, list(r, body->key));
        }
    return cop_next_stop(cop_because_fmt(
        "badarg", "group: unexpected call with tag %u", cop_msg_tag(m)));
}

static cop_next info(void *state, const cop_msg *m)
{
    if (cop_msg_tag(m) == COP_DOWN)
        copi_roster_down(state, cop_msg_sender(m));
    return cop_next_wait();
}

static const cop_server group_server = {
    .label = "group",
    .state_bytes = sizeof(struct copi_roster),
    .init = init,
    .call = call,
    .cast = info,
    .info = info,
};

/* The roster is made of pointers: nothing to show, or to change. */
static void *no_view(void *state, size_t *bytes)
{
    (void)state;
    *bytes = 0;
    return NULL;
}

static void status(void *state, char *buf, size_t size)
{
    snprintf(buf, size, "%zu joins", copi_roster_count(state));
}

static const struct copi_server_hooks group_hooks = {
    .behaviour = "group",
    .view = no_view,
    .status = status,
};

/* -------------------------------------------------------------- clients -- */

int cop_group_start(cop_pid *out, const cop_opts *opts)
{
    cop_server_opts own = {0};

    if (opts != NULL)
        own.spawn = *opts;
    own.spawn.arg_bytes = 0;
    own.spawn.arg_release = NULL;
    return copi_server_start(out, &group_server, &group_hooks, NULL, &own,
                             false, NULL);
}

int cop_group_join(cop_pid scope, const char *group, cop_pid pid)
{
    return copi_keycall_ask(scope, GROUP_JOIN, group, pid, 0);
}

int cop_group_leave(cop_pid scope, const char *group, cop_pid pid)
{
    return copi_keycall_ask(scope, GROUP_LEAVE, group, pid, 0);
}

int cop_group_members(cop_pid scope, const char *group, cop_pid *out,
                      size_t cap)
{
    const cop_pid *items;
    cop_msg *reply;
    int n;

    if (out == NULL && cap > 0)
        return COP_EINVAL;
    n = copi_keycall_list(&reply, scope, GROUP_MEMBERS, group, sizeof(*items));
    if (n < 0)
        return n;
    items = copi_keycall_items(reply);
    for (size_t i = 0; i < cap && i < (size_t)n; i++)
        out[i] = items[i];
    cop_msg_free(reply);
    return n;
}

/* ------------------------------------------------------------ broadcast -- */

struct body {
    cop_tag tag;
    const void *bytes;
    size_t size;
    cop_buf *shared; /* NULL: bytes are sent */
};

/* How many got it; COP_EINVAL and COP_ESTOPPED are nobody's own trouble. */
static int send_all(const cop_msg *members, int n, const struct body *b)
{
    const cop_pid *to = copi_keycall_items(members);
    int sent = 0;

    for (int i = 0; i < n; i++) {
        int err = b->shared != NULL
                      ? cop_send_buf(to[i], b->tag, b->shared)
                      : cop_send(to[i], b->tag, b->bytes, b->size);

        if (err == COP_EINVAL || err == COP_ESTOPPED)
            return err;
        sent += err == 0;
    }
    return sent;
}

static void free_members(void *m)
{
    cop_msg_free(m);
}

static void release_shared(void *b)
{
    cop_buf_release(b);
}

/* An actor may be killed while it sends; what it holds is released then. */
static int hold(void (*release)(void *), void *what)
{
    if (cop_pid_is_none(cop_self()))
        return 0;
    return cop_defer(release, what);
}

static void let_go(void (*release)(void *), void *what)
{
    if (!cop_pid_is_none(cop_self()))
        (void)cop_undefer(release, what);
    release(what);
}

static int broadcast(const cop_msg *members, int n, struct body *b)
{
    int result;

    if (b->size < SHARED_MIN || n < 2)
        return send_all(members, n, b);
    result = cop_buf_new(&b->shared, b->bytes, b->size);
    if (result != 0)
        return result;
    result = hold(release_shared, b->shared);
    if (result == 0) {
        result = send_all(members, n, b);
        let_go(release_shared, b->shared);
    } else {
        cop_buf_release(b->shared);
    }
    return result;
}

int cop_group_broadcast(cop_pid scope, const char *group, cop_tag tag,
                        const void *body, size_t size)
{
    struct body b = {.tag = tag, .bytes = body, .size = size};
    cop_msg *members;
    int n;

    if (body == NULL && size > 0)
        return COP_EINVAL;
    n = copi_keycall_list(&members, scope, GROUP_MEMBERS, group,
                          sizeof(cop_pid));
    if (n < 0)
        return n;
    int result = hold(free_members, members);

    if (result == 0) {
        result = broadcast(members, n, &b);
        let_go(free_members, members);
    } else {
        cop_msg_free(members);
    }
    return result;
}
