/* SPDX-License-Identifier: MIT
 *
 * name.h - the registry of names. Rank: 3.
 */
#ifndef COPI_ACTOR_NAME_H
#define COPI_ACTOR_NAME_H

#include "runtime/actor/actor.h"

/* 1 to COP_NAME_MAX bytes of UTF-8 without control characters? */
bool copi_name_is_valid(const char *name);

/* COP_ETAKEN, COP_ENAMED, COP_ENOPROC (ending), COP_ENAME, COP_ENOMEM. The
 * actor must be found by its pid. */
int copi_name_register(struct copi_actor *a, const char *name);
/* The same for one that does not run yet, and from now on its pid finds it:
 * who finds the name finds the actor. */
int copi_name_register_new(struct copi_actor *a, const char *name);
/* COP_ENOENT. */
int copi_name_unregister(const char *name);
cop_pid copi_name_whereis(const char *name);
/* Frees the name of an actor that ends; it gets no other. */
void copi_name_close(struct copi_actor *a);
/* Copies the actor's name, "" if none; out has COP_NAME_MAX + 1 bytes. */
void copi_name_of(struct copi_actor *a, char *out);
/* The same if that is possible without waiting, in any state that the thread
 * may be in; else false, and "". */
bool copi_name_try_of(struct copi_actor *a, char *out);
void copi_name_fini(void);

#endif
