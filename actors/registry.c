/* SPDX-License-Identifier: MIT
 *
 * registry.c - registries: actors under keys, unique or duplicate.
 *
 * A registry is a server with a roster (roster.h). Its clients send it calls
 * (keycall.h); it hears of its actors' ends by monitors.
 *
 * The DOWN of an actor may come after the call of somebody who knows already
 * that the actor has ended, a supervisor's new child that wants the key of the
 * old one. So a conflict is looked at twice: an entry of the dead gives way. A
 * lookup may still show an actor that ended a moment ago, as it may show one
 * that ends a moment later.
 *
 * What a registry owns is freed in a deferred function, which runs also when
 * it is killed, as `terminate` does not.
 */
#include <coppice/registry.h>

#include "actors/keycall.h"
#include "actors/roster.h"
#include "actors/server.h"

#include <stdio.h>

enum {
    REGISTRY_PUT = COP_TAG_BEHAVIOUR_FLAT + 0x410,
    REGISTRY_REMOVE,
    REGISTRY_LOOKUP,
    REGISTRY_COUNT
};

struct registry {
    struct copi_roster roster;
    cop_registry_keys keys;
};

/* --------------------------------------------------------------- server -- */

static void free_roster(void *roster)
{
    copi_roster_fini(roster);
}

static cop_next init(void *state, void *arg)
{
    struct registry *r = state;
    int err = cop_defer(free_roster, &r->roster);

    copi_roster_init(&r->roster);
    r->keys = (cop_registry_keys)(uintptr_t)arg;
    return err == 0 ? cop_next_wait() : cop_next_stop(cop_because("nomem"));
}

static int put(struct registry *r, const struct copi_keycall *call)
{
    struct copi_roster_entry *e;

    if (r->keys == COP_KEYS_DUPLICATE)
        e = copi_roster_find(&r->roster, call->key, call->pid);
    else
        e = copi_roster_first(&r->roster, call->key);
    if (e == NULL || copi_roster_is_stale(&r->roster, e))
        return copi_roster_add(&r->roster, call->key, call->pid, call->data);
    if (r->keys == COP_KEYS_DUPLICATE ||
        !cop_pid_eq(copi_roster_pid(e), call->pid))
        return COP_ETAKEN;
    e->data = call->data;
    return 0;
}

static int take_out(struct registry *r, const struct copi_keycall *call)
{
    struct copi_roster_entry *e =
        copi_roster_find(&r->roster, call->key, call->pid);

    if (e == NULL)
        return COP_ENOENT;
    copi_roster_remove(&r->roster, e);
    return 0;
}

static cop_msg *list(const struct registry *r, const char *key)
{
    size_t n = copi_roster_count_of(&r->roster, key);
    void *items;
    cop_msg *m = copi_keycall_new(&items, n, sizeof(cop_registry_entry));
    struct copi_roster_entry *e = copi_roster_first(&r->roster, key);

    if (m == NULL)
        return NULL;
    for (cop_registry_entry *out = items; e != NULL; out++) {
        *out = (cop_registry_entry){copi_roster_pid(e), e->data};
        e = copi_roster_next(e);
    }
    return m;
}

static cop_next call(void *state, const cop_msg *m, cop_from from)
{
    struct registry *r = state;
    const struct copi_keycall *body = copi_keycall_body(m);

    if (cop_msg_tag(m) == REGISTRY_COUNT)
        return copi_keycall_reply(from, (int64_t)copi_roster_count(&r->roster));
    if (body != NULL)
        switch (cop_msg_tag(m)) {
        case REGISTRY_PUT:
            return copi_keycall_reply(from, put(r, body));
        case REGISTRY_REMOVE:
            return copi_keycall_reply(from, take_out(r, body));
        case REGISTRY_LOOKUP:
            return copi_keycall_reply_list(from, list(r, body->key));
        }
    return cop_next_stop(cop_because_fmt(
        "badarg", "registry: unexpected call with tag %u", cop_msg_tag(m)));
}

static cop_next info(void *state, const cop_msg *m)
{
    struct registry *r = state;

    if (cop_msg_tag(m) == COP_DOWN)
        copi_roster_down(&r->roster, cop_msg_sender(m));
    return cop_next_wait();
}

/* Stray casts are as harmless as stray messages. */
static const cop_server registry_server = {
    .label = "registry",
    .state_bytes = sizeof(struct registry),
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
    const struct registry *r = state;

    snprintf(buf, size, "%s keys, %zu entries",
             r->keys == COP_KEYS_UNIQUE ? "unique" : "duplicate",
             copi_roster_count(&r->roster));
}

static const struct copi_server_hooks registry_hooks = {
    .behaviour = "registry",
    .view = no_view,
    .status = status,
};

/* -------------------------------------------------------------- clients -- */

int cop_registry_start(cop_pid *out, cop_registry_keys keys,
                       const cop_opts *opts)
{
    cop_server_opts own = {0};

    if (keys != COP_KEYS_UNIQUE && keys != COP_KEYS_DUPLICATE)
        return COP_EINVAL;
    if (opts != NULL)
        own.spawn = *opts;
    own.spawn.arg_bytes = 0;
    own.spawn.arg_release = NULL;
    return copi_server_start(out, &registry_server, &registry_hooks,
                             (void *)(uintptr_t)keys, &own, false, NULL);
}

int cop_registry_put(cop_pid registry, const char *key, cop_pid pid,
                     uint64_t data)
{
    return copi_keycall_ask(registry, REGISTRY_PUT, key, pid, data);
}

int cop_registry_remove(cop_pid registry, const char *key, cop_pid pid)
{
    return copi_keycall_ask(registry, REGISTRY_REMOVE, key, pid, 0);
}

int cop_registry_lookup(cop_pid registry, const char *key,
                        cop_registry_entry *out, size_t cap)
{
    const cop_registry_entry *items;
    cop_msg *reply;
    int n;

    if (out == NULL && cap > 0)
        return COP_EINVAL;
    n = copi_keycall_list(&reply, registry, REGISTRY_LOOKUP, key,
                          sizeof(*items));
    if (n < 0)
        return n;
    items = copi_keycall_items(reply);
    for (size_t i = 0; i < cap && i < (size_t)n; i++)
        out[i] = items[i];
    cop_msg_free(reply);
    return n;
}

int cop_registry_count(cop_pid registry)
{
    return copi_keycall_ask(registry, REGISTRY_COUNT, "*", COP_NO_PID, 0);
}
