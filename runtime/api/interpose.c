/* SPDX-License-Identifier: MIT
 *
 * interpose.c - functions of libc that end a process, when an actor calls them.
 * Rank: 5.
 *
 * abort, a failed assertion, a smashed stack, exit and pthread_exit: in an
 * actor's own code each is that actor's end (crash.c); everywhere else it is
 * what it always was. A program's calls come here because its names, and those
 * of the libraries it links before libc, are looked up before libc's.
 *
 * What libc calls inside of itself does not come here. So the functions that
 * _FORTIFY_SOURCE puts in the place of memcpy and its kin are not left to find
 * the overflow themselves (fortify.c).
 */
#include "runtime/api/libc.h"
#include "runtime/base/format.h"
#include "runtime/scheduler/crash.h"

COP_API COP_NORETURN void abort(void);
COP_API COP_NORETURN void exit(int status);
COP_API COP_NORETURN void pthread_exit(void *result);
COP_API COP_NORETURN void __stack_chk_fail(void);
COP_API COP_NORETURN void __assert_fail(const char *what, const char *file,
                                        unsigned line, const char *function);

void abort(void)
{
    copi_crash_raise(__builtin_frame_address(0), "abort", "");
    ((void (*)(void))copi_libc_next("abort"))();
    __builtin_unreachable();
}

void exit(int status)
{
    char text[32];
    copi_format(text, sizeof text, "status %d", status);
    copi_crash_raise(__builtin_frame_address(0), "exit", text);
    ((void (*)(int))copi_libc_next("exit"))(status);
    __builtin_unreachable();
}

void pthread_exit(void *result)
{
    copi_crash_raise(__builtin_frame_address(0), "pthread_exit", "");
    ((void (*)(void *))copi_libc_next("pthread_exit"))(result);
    __builtin_unreachable();
}

void __stack_chk_fail(void)
{
    copi_crash_raise_smashed(__builtin_frame_address(0), "stack_smashed");
    ((void (*)(void))copi_libc_next("__stack_chk_fail"))();
    __builtin_unreachable();
}

void __assert_fail(const char *what, const char *file, unsigned line,
                   const char *function)
{
    char text[sizeof(((cop_fault *)0)->text)];
    copi_format(text, sizeof text, "%s (%s:%u, %s)", what, file, line,
                function);
    copi_crash_raise(__builtin_frame_address(0), "assert", text);
    ((void (*)(const char *, const char *, unsigned,
               const char *))copi_libc_next("__assert_fail"))(what, file, line,
                                                              function);
    __builtin_unreachable();
}
