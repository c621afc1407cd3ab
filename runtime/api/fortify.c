/* SPDX-License-Identifier: MIT
 *
 * fortify.c - a buffer that _FORTIFY_SOURCE knows to be too small. Rank: 5.
 *
 * A program built with it calls __memcpy_chk and such, which know the size of
 * the destination and end the process when it is too small, from within libc,
 * where nothing can tell any more that it was an actor's own mistake, made
 * before a byte was written. So these functions are taken over: they look
 * first, and an actor ends alone, with {fault, buffer_overflow}. Those of stdio
 * that write to memory are told the size and cut; nobody reads the result.
 *
 * What is rare (wide characters, names of hosts and terminals, %n in a writable
 * format) stays with libc and ends the process.
 */
#undef _FORTIFY_SOURCE
#include "runtime/api/libc.h"
#include "runtime/scheduler/crash.h"

#include <poll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

COP_NORETURN static void overflow(const void *frame)
{
    copi_crash_raise(frame, "buffer_overflow", "");
    ((void (*)(void))copi_libc_next("__chk_fail"))();
    __builtin_unreachable();
}

/* In the functions themselves: their callers are judged. */
#define FITS(need, room)                                                       \
    do {                                                                       \
        if ((need) > (room))                                                   \
            overflow(__builtin_frame_address(0));                              \
    } while (0)

/* --------------------------------------------------------------- memory -- */

COP_API void *__memcpy_chk(void *to, const void *from, size_t n, size_t room);
COP_API void *__memmove_chk(void *to, const void *from, size_t n, size_t room);
COP_API void *__mempcpy_chk(void *to, const void *from, size_t n, size_t room);
COP_API void *__memset_chk(void *to, int byte, size_t n, size_t room);

void *__memcpy_chk(void *to, const void *from, size_t n, size_t room)
{
    FITS(n, room);
    return memcpy(to, from, n);
}

void *__memmove_chk(void *to, const void *from, size_t n, size_t room)
{
    FITS(n, room);
    return memmove(to, from, n);
}

void *__mempcpy_chk(void *to, const void *from, size_t n, size_t room)
{
    FITS(n, room);
    return (char *)memcpy(to, from, n) + n;
}

void *__memset_chk(void *to, int byte, size_t n, size_t room)
{
    FITS(n, room);
    return memset(to, byte, n);
}

/* -------------------------------------------------------------- strings -- */

COP_API char *__strcpy_chk(char *to, const char *from, size_t room);
COP_API char *__stpcpy_chk(char *to, const char *from, size_t room);
COP_API char *__strncpy_chk(char *to, const char *from, size_t n, size_t room);
COP_API char *__stpncpy_chk(char *to, const char *from, size_t n, size_t room);
COP_API char *__strcat_chk(char *to, const char *from, size_t room);
COP_API char *__strncat_chk(char *to, const char *from, size_t n, size_t room);

char *__strcpy_chk(char *to, const char *from, size_t room)
{
    size_t n = strlen(from) + 1;
    FITS(n, room);
    return memcpy(to, from, n);
}

char *__stpcpy_chk(char *to, const char *from, size_t room)
{
    size_t n = strlen(from) + 1;
    FITS(n, room);
    return (char *)memcpy(to, from, n) + n - 1;
}

char *__strncpy_chk(char *to, const char *from, size_t n, size_t room)
{
    FITS(n, room);
    return strncpy(to, from, n);
}

char *__stpncpy_chk(char *to, const char *from, size_t n, size_t room)
{
    FITS(n, room);
    return stpncpy(to, from, n);
}

char *__strcat_chk(char *to, const char *from, size_t room)
{
    size_t had = strnlen(to, room), n = strlen(from) + 1;
    FITS(n, room - had);
    memcpy(to + had, from, n);
    return to;
}

char *__strncat_chk(char *to, const char *from, size_t n, size_t room)
{
    size_t had = strnlen(to, room), add = strnlen(from, n);
    FITS(add + 1, room - had);
    memcpy(to + had, from, add);
    to[had + add] = '\0';
    return to;
}

/* ---------------------------------------------------------------- stdio -- */

COP_API int __vsnprintf_chk(char *to, size_t n, int flag, size_t room,
                            const char *fmt, va_list args);
COP_API int __snprintf_chk(char *to, size_t n, int flag, size_t room,
                           const char *fmt, ...);
COP_API int __vsprintf_chk(char *to, int flag, size_t room, const char *fmt,
                           va_list args);
COP_API int __sprintf_chk(char *to, int flag, size_t room, const char *fmt,
                          ...);
COP_API char *__fgets_chk(char *to, size_t room, int n, FILE *f);
COP_API size_t __fread_chk(void *to, size_t room, size_t size, size_t n,
                           FILE *f);

/* Libc's own still looks for %n where it must not be. */
static int print(char *to, size_t n, int flag, const char *fmt, va_list args)
{
    typedef int (*printer)(char *, size_t, int, size_t, const char *, va_list);
    static _Atomic(printer) cached;
    printer p = atomic_load_explicit(&cached, memory_order_relaxed);
    if (p == NULL) {
        p = (printer)copi_libc_next("__vsnprintf_chk");
        atomic_store_explicit(&cached, p, memory_order_relaxed);
    }
    return p(to, n, flag, n, fmt, args);
}

int __vsnprintf_chk(char *to, size_t n, int flag, size_t room, const char *fmt,
                    va_list args)
{
    FITS(n, room);
    return print(to, n, flag, fmt, args);
}

int __snprintf_chk(char *to, size_t n, int flag, size_t room, const char *fmt,
                   ...)
{
    va_list args;
    FITS(n, room);
    va_start(args, fmt);
    int len = print(to, n, flag, fmt, args);
    va_end(args);
    return len;
}

/* Unlimited room is the compiler's "not known". */
int __vsprintf_chk(char *to, int flag, size_t room, const char *fmt,
                   va_list args)
{
    int len = print(to, COPI_MIN(room, (size_t)INT_MAX), flag, fmt, args);
    FITS((size_t)(len < 0 ? 0 : len + 1), room);
    return len;
}

int __sprintf_chk(char *to, int flag, size_t room, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = print(to, COPI_MIN(room, (size_t)INT_MAX), flag, fmt, args);
    va_end(args);
    FITS((size_t)(len < 0 ? 0 : len + 1), room);
    return len;
}

char *__fgets_chk(char *to, size_t room, int n, FILE *f)
{
    FITS((size_t)(n < 0 ? 0 : n), room);
    return fgets(to, n, f);
}

size_t __fread_chk(void *to, size_t room, size_t size, size_t n, FILE *f)
{
    size_t bytes;
    FITS(__builtin_mul_overflow(size, n, &bytes) ? SIZE_MAX : bytes, room);
    return fread(to, size, n, f);
}

/* -------------------------------------------------------------- the rest -- */

COP_API ssize_t __read_chk(int fd, void *to, size_t n, size_t room);
COP_API ssize_t __pread_chk(int fd, void *to, size_t n, off_t at, size_t room);
COP_API ssize_t __pread64_chk(int fd, void *to, size_t n, off_t at,
                              size_t room);
COP_API ssize_t __recv_chk(int fd, void *to, size_t n, size_t room, int flags);
COP_API ssize_t __recvfrom_chk(int fd, void *to, size_t n, size_t room,
                               int flags, struct sockaddr *from,
                               socklen_t *from_len);
COP_API ssize_t __readlink_chk(const char *path, char *to, size_t n,
                               size_t room);
COP_API char *__getcwd_chk(char *to, size_t n, size_t room);
COP_API int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room);
COP_API int __ppoll_chk(struct pollfd *fds, nfds_t n,
                        const struct timespec *timeout, const sigset_t *mask,
                        size_t room);
COP_API long __fdelt_chk(long fd);

ssize_t __read_chk(int fd, void *to, size_t n, size_t room)
{
    FITS(n, room);
    return read(fd, to, n);
}

ssize_t __pread_chk(int fd, void *to, size_t n, off_t at, size_t room)
{
    FITS(n, room);
    return pread(fd, to, n, at);
}

ssize_t __pread64_chk(int fd, void *to, size_t n, off_t at, size_t room)
{
    FITS(n, room);
    return pread(fd, to, n, at);
}

ssize_t __recv_chk(int fd, void *to, size_t n, size_t room, int flags)
{
    FITS(n, room);
    return recv(fd, to, n, flags);
}

ssize_t __recvfrom_chk(int fd, void *to, size_t n, size_t room, int flags,
                       struct sockaddr *from, socklen_t *from_len)
{
    FITS(n, room);
    return recvfrom(fd, to, n, flags, from, from_len);
}

ssize_t __readlink_chk(const char *path, char *to, size_t n, size_t room)
{
    FITS(n, room);
    return readlink(path, to, n);
}

char *__getcwd_chk(char *to, size_t n, size_t room)
{
    FITS(n, room);
    return getcwd(to, n);
}

int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room)
{
    FITS(n, room / sizeof *fds);
    return poll(fds, n, timeout);
}

int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
                const sigset_t *mask, size_t room)
{
    FITS(n, room / sizeof *fds);
    return ppoll(fds, n, timeout, mask);
}

/* The index of a descriptor's word in an fd_set. */
long __fdelt_chk(long fd)
{
    FITS((unsigned long)fd, FD_SETSIZE - 1ul);
    return fd / NFDBITS;
}
