/* SPDX-License-Identifier: MIT
 *
 * format.h - snprintf for places where libc's may not be called. Rank: 0.
 *
 * libc's takes up to 9 KB of stack and may allocate; a panic happens on small
 * coroutine stacks and in signal handlers. This one needs 100 bytes, calls
 * nothing and knows: %d %i %u %x %X %o %c %s %p %%, the lengths hh h l ll z j
 * t, the flags - 0 + space #, width and precision, both also as *.
 * No floating point: from an unknown conversion on, the format is copied as it
 * stands.
 */
#ifndef COPI_BASE_FORMAT_H
#define COPI_BASE_FORMAT_H

#include "runtime/base/base.h"

/* As snprintf: writes at most `size` bytes with the closing zero, returns the
 * length that the whole text has. */
COP_PRINTF(3, 4)
size_t copi_format(char *buf, size_t size, const char *fmt, ...);
size_t copi_vformat(char *buf, size_t size, const char *fmt, va_list args);

#endif
