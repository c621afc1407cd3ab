/* SPDX-License-Identifier: MIT
 *
 * built.h - how the program was compiled, as far as that can be seen. Rank: 2.
 * See built.c.
 */
#ifndef COPI_COROUTINE_BUILT_H
#define COPI_COROUTINE_BUILT_H

#include "runtime/base/base.h"

/* True: the outermost of those who called this, the program's function at
 * *where, keeps no frame pointer. False: it does, or that cannot be told. After
 * copi_text_init; on any stack. */
bool copi_built_without_frames(uintptr_t *where);

#endif
