/* SPDX-License-Identifier: MIT
 *
 * misuse.h - what becomes of a caller that breaks a rule of the interface.
 * Rank: 3.
 */
#ifndef COPI_ACTOR_MISUSE_H
#define COPI_ACTOR_MISUSE_H

#include "runtime/base/base.h"

/* Inside an actor: it exits with {badarg, "<text>"}. Outside: the process
 * reports and aborts. The text names call and argument. Does not return. */
COP_NORETURN void copi_misuse(const char *fmt, ...) COP_PRINTF(1, 2);

/* A tag that a program may send: its own, or a behaviour's. */
static inline bool copi_tag_is_valid(cop_tag tag)
{
    return (tag != 0 && tag <= COP_TAG_MAX) ||
           (tag >= COP_TAG_BEHAVIOUR && tag < COP_EXIT);
}

#endif
