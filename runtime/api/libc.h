/* SPDX-License-Identifier: MIT
 *
 * libc.h - functions of libc that are taken over: how to reach libc's own, and
 * how those are made that a fault plan may let fail, or at which actors give
 * way. Rank: 5. See libc_file.c.
 */
#ifndef COPI_API_LIBC_H
#define COPI_API_LIBC_H

#include "runtime/api/chaos.h"
#include "runtime/base/check.h"
#include "runtime/base/os.h"

#include <dlfcn.h>

/* The next definition of `name`: libc's, or that of who stands between. */
static inline void *copi_libc_next(const char *name)
{
    void *p = dlsym(RTLD_NEXT, name);
    if (p == NULL)
        copi_panic("no %s beside ours", name);
    return p;
}

/* Weak: a program may have a function of its own with such a name. */
#define COPI_LIBC_WEAK __attribute__((weak)) COP_API

/* 0, or the error with which this call of `name` is to fail. In a function that
 * returns to who called, or to one that does. */
#define COPI_LIBC_FAILS(name)                                                  \
    (copi_inject_has_libc(COPI_LIBC_##name)                                    \
         ? copi_chaos_call(COPI_LIBC_##name, __builtin_return_address(0))      \
         : 0)

/* libc's function of this name, if somebody has looked for it; NAME_find, which
 * does; and NAME_get, the one or the other. Relaxed: whoever looks finds the
 * same. */
#define COPI_LIBC_FIND(name, type, params, args)                               \
    typedef type(*name##_fn) params;                                           \
    static _Atomic(name##_fn) name##_found;                                    \
    static COPI_COLD name##_fn name##_find(void)                               \
    {                                                                          \
        name##_fn fn = (name##_fn)copi_libc_next(#name);                       \
        atomic_store_explicit(&name##_found, fn, memory_order_relaxed);        \
        return fn;                                                             \
    }                                                                          \
    static inline name##_fn name##_get(void)                                   \
    {                                                                          \
        name##_fn fn = COPI_LIBC_FOUND(name);                                  \
        return fn != NULL ? fn : name##_find();                                \
    }

#define COPI_LIBC_FOUND(name)                                                  \
    atomic_load_explicit(&name##_found, memory_order_relaxed)

/* The function itself. What is not a jump to libc's is kept out of it, so that
 * it needs no frame. */
#define COPI_LIBC_DEFINE(name, type, params, args)                             \
    COPI_LIBC_FIND(name, type, params, args)                                   \
    COPI_LIBC_WEAK type name params;                                           \
    static COPI_COLD type name##_rare params                                   \
    {                                                                          \
        if (COPI_LIBC_FAILS(name) != 0)                                        \
            return -1;                                                         \
        return name##_get() args;                                              \
    }                                                                          \
    type name params                                                           \
    {                                                                          \
        name##_fn fn = COPI_LIBC_FOUND(name);                                  \
        if (COPI_UNLIKELY(fn == NULL ||                                        \
                          copi_inject_has_libc(COPI_LIBC_##name)))             \
            return name##_rare args;                                           \
        return fn args;                                                        \
    }

/* For a constructor of the file's: before any actor calls, since the linker's
 * search takes locks, and more stack than an actor may have left. */
#define COPI_LIBC_FIND_NOW(name, type, params, args) (void)name##_find();

/* gcc wants an alias to have what is known of its target. */
#if defined(__GNUC__) && !defined(__clang__)
#define COPI_LIBC_AS(name) __attribute__((copy(name)))
#else
#define COPI_LIBC_AS(name)
#endif

/* NAME64, the same function. */
#define COPI_LIBC_LARGE(name)                                                  \
    COPI_LIBC_WEAK extern __typeof__(name) copi_libc_##name##64 __asm__(       \
        #name "64") __attribute__((alias(#name))) COPI_LIBC_AS(name);

#endif
