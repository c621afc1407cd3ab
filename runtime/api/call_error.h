/* SPDX-License-Identifier: MIT
 *
 * call_error.h - what cop_call_reason and cop_call_text tell. Rank: 5.
 */
#ifndef COPI_API_CALL_ERROR_H
#define COPI_API_CALL_ERROR_H

#include "runtime/actor/actor.h"

/* Notes why the caller's last call failed. The reason is taken. */
void copi_call_error_note(struct copi_actor *a, bool outside, int code,
                          cop_pid callee, cop_tag tag, cop_reason reason,
                          const char *path);
/* The name of an actor, or its pid as text. */
void copi_call_error_who(cop_pid pid, char *buf, size_t size);

#endif
