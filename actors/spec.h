/* SPDX-License-Identifier: MIT
 *
 * spec.h - specifications of supervisors and children: checking them, and
 * packing them into one block. See spec.c.
 */
#ifndef COPI_ACTORS_SPEC_H
#define COPI_ACTORS_SPEC_H

#include <coppice/supervisor.h>

#define COPI_SPEC_DEPTH 64 /* supervisors below each other */
#define COPI_SPEC_TEXT 256 /* what is wrong with one */

/* -------------------------------------------------------------- packing -- */

/* A copy of a specification in a block from malloc. It can be moved to other
 * addresses until it is opened. */
struct copi_spec {
    size_t size;
    bool is_open;
    bool is_routed;        /* the supervisor is a partitioned one */
    bool is_from_isolated; /* an isolated actor starts it */
    cop_sup sup;
};

/* Where a specification comes from: a user, or another opened block. */
enum copi_spec_source { COPI_SPEC_GIVEN, COPI_SPEC_OPENED };

/* The caller's to free. COP_ENOMEM; COP_ESPEC (supervisors below each other
 * without end). */
int copi_spec_pack(struct copi_spec **out, const cop_sup *sup,
                   enum copi_spec_source source);
/* Makes a packed one that has come to rest usable. */
const cop_sup *copi_spec_open(struct copi_spec *spec);
/* A copy of a packed one that lies in a message, opened; NULL: no memory, or
 * it is none. The caller's to free. */
struct copi_spec *copi_spec_copy(const void *packed, size_t size);

/* The specification of child `i` of an opened one as the user gave it. */
const cop_child *copi_spec_given(const cop_sup *opened, size_t i);

/* ------------------------------------------------------------- checking -- */

/* 0 or COP_ESPEC with a text, which has room for COPI_SPEC_TEXT bytes. Those
 * below its child supervisors are not looked at. */
int copi_spec_check(const cop_sup *sup, char *text);
int copi_spec_check_child(const cop_child *c, const cop_sup *sup, char *text);

/* Of an opened one that came from an isolated actor's process into another:
 * that what it points to is here too. As copi_spec_check. */
int copi_spec_check_crossed(const struct copi_spec *spec, char *text);

/* What it means. */
bool copi_spec_is_supervisor(const cop_child *c);
cop_time copi_spec_shutdown_ns(const cop_child *c);
cop_time copi_spec_period_ns(const cop_sup *sup);
int copi_spec_intensity(const cop_sup *sup);

#endif
