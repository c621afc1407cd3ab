/* SPDX-License-Identifier: MIT
 *
 * libc_file.c - functions of libc for files, which a fault plan may let fail,
 * and at which an actor may have to give way. Rank: 5.
 *
 * `errno read EIO p=0.001` in a plan means the calls that actors make. So these
 * functions are defined here, before libc's: a program's names, and those of
 * the libraries that it links, are looked up here first. Each is a look at one
 * word, whose bit is set if the plan that is on names the function, and a jump
 * to libc's; chaos_libc.c decides about the rest. All bits are set while some
 * actor's turn is to end at such a call (scheduler/preempt.c). A jump, not a
 * call: the frame is gone while libc is at work, so that a fault, a backtrace,
 * a cancellation or a thread stuck in the kernel look as they would without us.
 *
 *     libc.h         how such a function is made
 *     libc_file.c    files and descriptors
 *     libc_socket.c  sockets
 *     libc_wait.c    waiting
 *
 * The static library gives a program those of the three of which it, or the
 * runtime, calls something. What libc calls inside of itself (stdio, the
 * resolver) does not come here, nor does a program that loads the library while
 * it runs. Builds with a sanitizer leave these files out: the sanitizer's own
 * definitions stand there, and a program has room for one.
 *
 * Rejected: the system call itself instead of libc's function: a thread that
 * waits in it could not be cancelled any more. Strong definitions: a program
 * with a function `connect` of its own would not link with the static library.
 */
#undef _FORTIFY_SOURCE
#undef _FILE_OFFSET_BITS
#include "runtime/api/libc.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

COPI_LIBC_FILES(COPI_LIBC_DEFINE)

COPI_LIBC_FIND(open, int, (const char *path, int flags, ...), )
COPI_LIBC_FIND(openat, int, (int dir, const char *path, int flags, ...), )
COPI_LIBC_FIND(close, int, (int fd), )

COPI_LIBC_WEAK int open(const char *path, int flags, ...);
COPI_LIBC_WEAK int openat(int dir, const char *path, int flags, ...);
COPI_LIBC_WEAK int close(int fd);

/* Who makes no file gives none. */
static mode_t mode_of(int flags, va_list args)
{
    bool is_given = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
    return is_given ? va_arg(args, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list args;
    if (COPI_LIBC_FAILS(open) != 0)
        return -1;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return open_get()(path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
    va_list args;
    if (COPI_LIBC_FAILS(openat) != 0)
        return -1;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return openat_get()(dir, path, flags, mode);
}

/* Linux lets go of the descriptor whatever close returns; a program that closed
 * it again might hit another thread's. */
int close(int fd)
{
    int error = COPI_LIBC_FAILS(close);
    int rc = close_get()(fd);
    if (error == 0 || rc != 0)
        return rc;
    *copi_os_errno() = error;
    return -1;
}

COPI_LIBC_LARGE_FILES(COPI_LIBC_LARGE)

/* Of _FORTIFY_SOURCE: they look whether a mode is missing. */
#define OPEN_2(name, as, params, args)                                         \
    COPI_LIBC_FIND(name, int, params, args)                                    \
    COPI_LIBC_WEAK int name params;                                            \
    int name params                                                            \
    {                                                                          \
        if (COPI_LIBC_FAILS(as) != 0)                                          \
            return -1;                                                         \
        return name##_get() args;                                              \
    }

OPEN_2(__open_2, open, (const char *path, int flags), (path, flags))
OPEN_2(__open64_2, open, (const char *path, int flags), (path, flags))
OPEN_2(__openat_2, openat, (int dir, const char *path, int flags),
       (dir, path, flags))
OPEN_2(__openat64_2, openat, (int dir, const char *path, int flags),
       (dir, path, flags))

__attribute__((constructor)) static void find(void)
{
    COPI_LIBC_FILES(COPI_LIBC_FIND_NOW)
    (void)open_find();
    (void)openat_find();
    (void)close_find();
    (void)__open_2_find();
    (void)__open64_2_find();
    (void)__openat_2_find();
    (void)__openat64_2_find();
}
