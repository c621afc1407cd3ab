/* SPDX-License-Identifier: MIT
 *
 * route.h - tables of the children of partitioned supervisors, which any actor
 * and any thread may read without asking the supervisor. See route.c.
 */
#ifndef COPI_ACTORS_ROUTE_H
#define COPI_ACTORS_ROUTE_H

#include <coppice/types.h>

struct copi_route;

/* ------------------------------------------- of the one who has a table -- */

/* A table of `count` places, at least one, all empty, that readers find under
 * `owner`. NULL: no memory. */
struct copi_route *copi_route_claim(cop_pid owner, size_t count);
/* Nobody finds it any more. NULL is ignored. */
void copi_route_release(struct copi_route *r);
/* Who is in a place; COP_NO_PID: nobody. A place that is not there is ignored,
 * and so is a table that is NULL. */
void copi_route_set(struct copi_route *r, size_t place, cop_pid pid);

/* ----------------------------------------------------------- of readers -- */

/* How many places the table of `owner` has; 0: it has none. */
size_t copi_route_count(cop_pid owner);
/* Who is in place key % count; COP_NO_PID: nobody, or there is no table. */
cop_pid copi_route_pid(cop_pid owner, uint64_t key);

#endif
