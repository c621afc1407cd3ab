/* SPDX-License-Identifier: MIT
 *
 * check.h - assertions, the panic and the log. Rank: 0.
 *
 * An assertion states an invariant of the runtime; it is on in every build. A
 * broken one is reported and ends the process: nothing can be trusted then.
 * Mistakes of the library's user are not for assertions: see the error rules
 * of the public functions.
 *
 * All of this may be called anywhere: on a small coroutine stack, under any
 * lock, in a signal handler. So it allocates nothing, takes no lock and does
 * its formatting itself (format.h: no floating point).
 */
#ifndef COPI_BASE_CHECK_H
#define COPI_BASE_CHECK_H

#include "runtime/base/base.h"

#define COPI_ASSERT(cond)                                                      \
    (COPI_LIKELY(cond) ? (void)0 : copi_assert_fail(__FILE__, __LINE__, #cond))

/* As COPI_ASSERT, and says with which values it failed. */
#define COPI_ASSERTF(cond, ...)                                                \
    (COPI_LIKELY(cond)                                                         \
         ? (void)0                                                             \
         : copi_assert_failf(__FILE__, __LINE__, #cond, __VA_ARGS__))

/* Reports "coppice: panic: ..." and ends the process by SIGABRT. It does not
 * go through abort(), which an actor's crash isolation may have taken over. */
COP_NORETURN COPI_COLD COP_PRINTF(1, 2) void copi_panic(const char *fmt, ...);

COP_NORETURN COPI_COLD void copi_assert_fail(const char *file, int line,
                                             const char *cond);
COP_NORETURN COPI_COLD COP_PRINTF(4, 5) void copi_assert_failf(
    const char *file, int line, const char *cond, const char *fmt, ...);

/* One line, given without its line feed, cut at COPI_LOG_MAX bytes. It goes to
 * the hook, or else to standard error with "coppice: " before it. */
#define COPI_LOG_MAX 1024
COP_PRINTF(1, 2) void copi_log(const char *fmt, ...);

/* A text of at most 511 bytes, past the hook, to standard error: for the last
 * words of a process. Usable in signal handlers and on small stacks. */
COP_PRINTF(1, 2) void copi_say(const char *fmt, ...);

/* Where lines go from now on; NULL: standard error. The hook may be called on
 * any thread, and by a panic (once: a panic inside of the hook bypasses it). */
void copi_log_set(void (*fn)(const char *line));

#endif
