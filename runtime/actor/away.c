/* SPDX-License-Identifier: MIT
 *
 * away.c - the door out of an isolated actor's process. Rank: 3. See away.h.
 */
#include "runtime/actor/away.h"

struct copi_away copi_away;
