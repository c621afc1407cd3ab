/* SPDX-License-Identifier: MIT
 *
 * image.h - what two processes of one program have in common: the program and
 * its libraries as they were before the fork. Rank: 1. See image.c.
 */
#ifndef COPI_PROBE_IMAGE_H
#define COPI_PROBE_IMAGE_H

#include "runtime/base/base.h"

/* Looks at what is loaded. Before the fork, once per start of the runtime; not
 * thread-safe. */
void copi_image_init(void);

/* All these bytes are of one of the objects that were loaded then, and still
 * are. Any thread; does not block. */
bool copi_image_holds(uintptr_t at, size_t size);

/* Copies bytes of which copi_image_holds said yes: whatever they are, a
 * sanitizer's red zones too. */
void copi_image_read(void *out, uintptr_t at, size_t size);

/* A text of at most `max` bytes that nobody can write, closed by a zero, in one
 * of those. As above. */
bool copi_image_is_text(uintptr_t at, size_t max);

#endif
