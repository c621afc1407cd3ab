/* SPDX-License-Identifier: MIT
 *
 * registry.h - registries: actors under keys of the program's own, with
 * unique or duplicate keys (Elixir's Registry), and groups: named sets of
 * actors (Erlang's pg). An entry goes with its actor.
 */
#ifndef COPPICE_REGISTRY_H
#define COPPICE_REGISTRY_H

#include <coppice/server.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COP_KEY_MAX 255 /* bytes of a key */

typedef enum cop_registry_keys {
    COP_KEYS_UNIQUE,   /* a key has one actor */
    COP_KEYS_DUPLICATE /* a key has many, an actor once under each */
} cop_registry_keys;

/* Starts a registry, linked to the calling actor if opts->link. Errors as
 * cop_server_start. */
COP_API COP_MUST_USE int
cop_registry_start(cop_pid *out, cop_registry_keys keys, const cop_opts *opts);

/* Enters `pid` under `key` (a zero-terminated string) with a word of data.
 * COP_ETAKEN (unique, another actor; or duplicate, the same actor again),
 * COP_ENOPROC, COP_ENAME, COP_ENOMEM; and as cop_call. All calls here block
 * until the registry answers. */
COP_API COP_MUST_USE int cop_registry_put(cop_pid registry, const char *key,
                                          cop_pid pid, uint64_t data);
/* COP_ENOENT. */
COP_API COP_MUST_USE int cop_registry_remove(cop_pid registry, const char *key,
                                             cop_pid pid);

typedef struct cop_registry_entry {
    cop_pid pid;
    uint64_t data;
} cop_registry_entry;

/* Up to `cap` entries of a key, oldest first; returns how many there are. */
COP_API COP_MUST_USE int cop_registry_lookup(cop_pid registry, const char *key,
                                             cop_registry_entry *out,
                                             size_t cap);
/* How many entries there are in all. */
COP_API COP_MUST_USE int cop_registry_count(cop_pid registry);

/* --------------------------------------------------------------- groups -- */

/* Starts a scope of groups: a server that keeps them. As above. */
COP_API COP_MUST_USE int cop_group_start(cop_pid *out, const cop_opts *opts);

/* Joins once more; leaves once (COP_ENOENT: not joined). */
COP_API COP_MUST_USE int cop_group_join(cop_pid scope, const char *group,
                                        cop_pid pid);
COP_API COP_MUST_USE int cop_group_leave(cop_pid scope, const char *group,
                                         cop_pid pid);
/* Up to `cap` members, one for each join, in the order of joining; returns
 * how many there are. An unknown group is empty. */
COP_API COP_MUST_USE int cop_group_members(cop_pid scope, const char *group,
                                           cop_pid *out, size_t cap);
/* Sends to each member, as often as it joined; returns how many. The sender
 * shown is the caller. */
COP_API COP_MUST_USE int cop_group_broadcast(cop_pid scope, const char *group,
                                             cop_tag tag, const void *body,
                                             size_t size);

#ifdef __cplusplus
}
#endif
#endif
