/* SPDX-License-Identifier: MIT
 *
 * base.h - the ground under every file of the runtime: the language's headers,
 * the public value types, and the few macros that hide compiler differences.
 * Rank: 0.
 *
 * Include it first. It is the one door to system headers; only the files that
 * exist to wrap something (os, clock, mem, ctx, crash, poller) open others.
 * <assert.h> is left out on purpose: COPI_ASSERT (check.h) stays on in every
 * build, assert() does not.
 */
#ifndef COPI_BASE_BASE_H
#define COPI_BASE_BASE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <coppice/types.h>

#define COPI_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
/* Each argument is evaluated once: a clock read twice may differ. */
#define COPI_MIN(a, b) COPI_PICK(<, a, b, __COUNTER__)
#define COPI_MAX(a, b) COPI_PICK(>, a, b, __COUNTER__)
#define COPI_PICK(op, a, b, n) COPI_PICK_(op, a, b, n)
#define COPI_PICK_(op, a, b, n)                                                \
    __extension__({                                                            \
        __auto_type copi_a##n = (a);                                           \
        __auto_type copi_b##n = (b);                                           \
        copi_a##n op copi_b##n ? copi_a##n : copi_b##n;                        \
    })

/* The struct of which `ptr` is the member `member`. */
#define COPI_CONTAINER(ptr, type, member)                                      \
    ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Whole conditions only: `if (COPI_UNLIKELY(n == 0))`. */
#define COPI_LIKELY(x) __builtin_expect(!!(x), 1)
#define COPI_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* For accessors of thread-local state. A coroutine may wake on another thread,
 * so neither the body nor what the compiler can conclude from it (that it
 * writes nothing, that two calls give the same) may reach the caller. clang
 * has no noipa; only optnone keeps it from such conclusions. Both make the
 * function slow: do not use this for anything bigger than an accessor. */
#if defined(__clang__)
#define COPI_NOINLINE __attribute__((noinline, optnone))
#else
#define COPI_NOINLINE __attribute__((noinline, noipa))
#endif

/* For functions that use thread-local state themselves and do not switch: in
 * their callers it must not be kept across a switch. */
#define COPI_OUTLINE __attribute__((noinline))

#define COPI_COLD __attribute__((cold, noinline))

/* For what has to be a part of its callers, whatever the optimisation. */
#define COPI_INLINE static inline __attribute__((always_inline))

/* For functions that know of the calling thread, or change records of its own,
 * while it may count as outside of the runtime: code between these two marks is
 * never preempted, as it must not wake on another thread, nor leave to others
 * on this one what is half changed; and a fault there is not the actor's. */
#define COPI_EDGE __attribute__((section("copi_edge"), noinline))
/* For what such a function calls on the way. */
#define COPI_EDGE_PART COPI_INLINE
extern const char __start_copi_edge[] __attribute__((visibility("hidden")));
extern const char __stop_copi_edge[] __attribute__((visibility("hidden")));
static inline bool copi_is_edge(uintptr_t pc)
{
    return pc - (uintptr_t)__start_copi_edge <
           (uintptr_t)__stop_copi_edge - (uintptr_t)__start_copi_edge;
}
#define COPI_UNUSED __attribute__((unused))

#define COPI_CACHE_LINE 64
#define COPI_ALIGNED(n) __attribute__((aligned(n)))

/* Thread-local storage that is reached without a call, from the shared library
 * too. Only behind a COPI_NOINLINE accessor, in COPI_OUTLINE, or in
 * COPI_EDGE. */
#define COPI_THREAD_LOCAL                                                      \
    _Thread_local __attribute__((tls_model("initial-exec")))

/* Built with a sanitizer? Always defined, 0 or 1. gcc has no __has_feature,
 * and chokes on it unless the tests are nested. */
#if defined(__SANITIZE_ADDRESS__)
#define COPI_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COPI_ASAN 1
#endif
#endif
#ifndef COPI_ASAN
#define COPI_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__)
#define COPI_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define COPI_TSAN 1
#endif
#endif
#ifndef COPI_TSAN
#define COPI_TSAN 0
#endif

#endif
