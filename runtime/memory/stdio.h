/* SPDX-License-Identifier: MIT
 *
 * stdio.h - the streams of libc, where their memory may go from under them.
 * Rank: 1.
 */
#ifndef COPI_MEMORY_STDIO_H
#define COPI_MEMORY_STDIO_H

#include "runtime/base/base.h"

/* What libc allocates at a first use and keeps for good it allocates now: the
 * buffers of stdin and stdout, the time zone. */
void copi_stdio_touch(void);

/* Closes the streams whose memory is_gone says will be freed, without writing
 * what they hold: libc's list of streams does not know them any more. */
void copi_stdio_forget(bool (*is_gone)(uint32_t arena, const void *p),
                       uint32_t arena);

#endif
