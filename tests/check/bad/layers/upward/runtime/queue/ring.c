/* SPDX-License-Identifier: MIT
 * Rank: 2.
 */
#include "runtime/actor/actor.h"
