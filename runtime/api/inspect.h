/* SPDX-License-Identifier: MIT
 *
 * inspect.h - listing actors, for the other files here. Rank: 5.
 */
#ifndef COPI_API_INSPECT_H
#define COPI_API_INSPECT_H

#include "runtime/actor/actor.h"

/* Up to `cap` live actors (`roots`: those without a parent) in the order of
 * spawning; returns how many there are. Inside a turn or guest section. */
size_t copi_inspect_list(cop_pid *out, size_t cap, bool roots);

#endif
