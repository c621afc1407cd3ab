/* SPDX-License-Identifier: MIT
 *
 * libc.h - the functions of libc that a plan can make fail when an actor calls
 * them, and the errors that it can name. Rank: 1.
 *
 * Each list exists once, here: the parser's names, the bits of
 * copi_inject_libc, the definitions that stand before libc's (api/libc_*.c) and
 * the tests are made from it. An entry is
 *
 *     name, what it returns, its parameters, the same as arguments
 *
 * and it fails by returning -1 with errno set, without having done anything.
 * Those of COPI_LIBC_OWN differ in one of these, and are written by hand.
 */
#ifndef COPI_PROBE_LIBC_H
#define COPI_PROBE_LIBC_H

#include "runtime/base/base.h"

/* Can a call be made to fail at all? A sanitizer stands before libc itself. */
#define COPI_LIBC_CAN_FAIL (!COPI_ASAN && !COPI_TSAN)

/* open, openat: their mode is there or not. close: closes all the same, as
 * Linux does. nanosleep, clock_nanosleep: say what is left, and the second
 * returns the error. */
#define COPI_LIBC_OWN(X)                                                       \
    X(open, int, (const char *path, int flags, ...), (path, flags))            \
    X(openat, int, (int dir, const char *path, int flags, ...),                \
      (dir, path, flags))                                                      \
    X(close, int, (int fd), (fd))                                              \
    X(clock_nanosleep, int,                                                    \
      (clockid_t clock, int flags, const struct timespec *time,                \
       struct timespec *left),                                                 \
      (clock, flags, time, left))                                              \
    X(nanosleep, int, (const struct timespec *time, struct timespec *left),    \
      (time, left))

#define COPI_LIBC_FILES(X)                                                     \
    X(creat, int, (const char *path, mode_t mode), (path, mode))               \
    X(read, ssize_t, (int fd, void *to, size_t n), (fd, to, n))                \
    X(pread, ssize_t, (int fd, void *to, size_t n, off_t at), (fd, to, n, at)) \
    X(readv, ssize_t, (int fd, const struct iovec *v, int n), (fd, v, n))      \
    X(write, ssize_t, (int fd, const void *from, size_t n), (fd, from, n))     \
    X(pwrite, ssize_t, (int fd, const void *from, size_t n, off_t at),         \
      (fd, from, n, at))                                                       \
    X(writev, ssize_t, (int fd, const struct iovec *v, int n), (fd, v, n))     \
    X(lseek, off_t, (int fd, off_t at, int from), (fd, at, from))              \
    X(ftruncate, int, (int fd, off_t size), (fd, size))                        \
    X(fsync, int, (int fd), (fd))                                              \
    X(fdatasync, int, (int fd), (fd))                                          \
    X(dup, int, (int fd), (fd))                                                \
    X(dup2, int, (int fd, int to), (fd, to))                                   \
    X(dup3, int, (int fd, int to, int flags), (fd, to, flags))                 \
    X(pipe, int, (int fds[2]), (fds))                                          \
    X(pipe2, int, (int fds[2], int flags), (fds, flags))                       \
    X(stat, int, (const char *path, struct stat *out), (path, out))            \
    X(fstat, int, (int fd, struct stat *out), (fd, out))                       \
    X(lstat, int, (const char *path, struct stat *out), (path, out))           \
    X(fstatat, int, (int dir, const char *path, struct stat *out, int flags),  \
      (dir, path, out, flags))                                                 \
    X(mkdir, int, (const char *path, mode_t mode), (path, mode))               \
    X(rmdir, int, (const char *path), (path))                                  \
    X(unlink, int, (const char *path), (path))                                 \
    X(unlinkat, int, (int dir, const char *path, int flags),                   \
      (dir, path, flags))                                                      \
    X(rename, int, (const char *from, const char *to), (from, to))

/* Those with a second name for 64-bit offsets, which are all there are. */
/* clang-format off */
#define COPI_LIBC_LARGE_FILES(X)                                               \
    X(open) X(openat) X(creat) X(pread) X(pwrite) X(lseek) X(ftruncate)        \
    X(stat) X(fstat) X(lstat) X(fstatat)
/* clang-format on */

#define COPI_LIBC_SOCKETS(X)                                                   \
    X(socket, int, (int domain, int type, int protocol),                       \
      (domain, type, protocol))                                                \
    X(socketpair, int, (int domain, int type, int protocol, int fds[2]),       \
      (domain, type, protocol, fds))                                           \
    X(bind, int, (int fd, const struct sockaddr *to, socklen_t n),             \
      (fd, to, n))                                                             \
    X(listen, int, (int fd, int backlog), (fd, backlog))                       \
    X(connect, int, (int fd, const struct sockaddr *to, socklen_t n),          \
      (fd, to, n))                                                             \
    X(accept, int, (int fd, struct sockaddr *from, socklen_t *n),              \
      (fd, from, n))                                                           \
    X(accept4, int, (int fd, struct sockaddr *from, socklen_t *n, int flags),  \
      (fd, from, n, flags))                                                    \
    X(shutdown, int, (int fd, int how), (fd, how))                             \
    X(getsockopt, int,                                                         \
      (int fd, int level, int option, void *to, socklen_t *n),                 \
      (fd, level, option, to, n))                                              \
    X(setsockopt, int,                                                         \
      (int fd, int level, int option, const void *from, socklen_t n),          \
      (fd, level, option, from, n))                                            \
    X(send, ssize_t, (int fd, const void *from, size_t n, int flags),          \
      (fd, from, n, flags))                                                    \
    X(sendto, ssize_t,                                                         \
      (int fd, const void *from, size_t n, int flags,                          \
       const struct sockaddr *to, socklen_t to_n),                             \
      (fd, from, n, flags, to, to_n))                                          \
    X(sendmsg, ssize_t, (int fd, const struct msghdr *m, int flags),           \
      (fd, m, flags))                                                          \
    X(recv, ssize_t, (int fd, void *to, size_t n, int flags),                  \
      (fd, to, n, flags))                                                      \
    X(recvfrom, ssize_t,                                                       \
      (int fd, void *to, size_t n, int flags, struct sockaddr *from,           \
       socklen_t *from_n),                                                     \
      (fd, to, n, flags, from, from_n))                                        \
    X(recvmsg, ssize_t, (int fd, struct msghdr *m, int flags), (fd, m, flags))

#define COPI_LIBC_WAITS(X)                                                     \
    X(poll, int, (struct pollfd * fds, nfds_t n, int timeout_ms),              \
      (fds, n, timeout_ms))                                                    \
    X(ppoll, int,                                                              \
      (struct pollfd * fds, nfds_t n, const struct timespec *timeout,          \
       const sigset_t *mask),                                                  \
      (fds, n, timeout, mask))                                                 \
    X(select, int,                                                             \
      (int n, fd_set *in, fd_set *out, fd_set *bad, struct timeval *timeout),  \
      (n, in, out, bad, timeout))                                              \
    X(pselect, int,                                                            \
      (int n, fd_set *in, fd_set *out, fd_set *bad,                            \
       const struct timespec *timeout, const sigset_t *mask),                  \
      (n, in, out, bad, timeout, mask))                                        \
    X(epoll_create1, int, (int flags), (flags))                                \
    X(epoll_ctl, int, (int ep, int op, int fd, struct epoll_event *event),     \
      (ep, op, fd, event))                                                     \
    X(epoll_wait, int,                                                         \
      (int ep, struct epoll_event *out, int cap, int timeout_ms),              \
      (ep, out, cap, timeout_ms))

#define COPI_LIBC(X)                                                           \
    COPI_LIBC_OWN(X)                                                           \
    COPI_LIBC_FILES(X) COPI_LIBC_SOCKETS(X) COPI_LIBC_WAITS(X)

enum copi_libc {
#define COPI_X(name, type, params, args) COPI_LIBC_##name,
    COPI_LIBC(COPI_X)
#undef COPI_X
        COPI_LIBC_COUNT
};

_Static_assert(COPI_LIBC_COUNT <= 64, "a function is a bit of a word");

/* What these functions are known to fail with. */
/* clang-format off */
#define COPI_LIBC_ERRORS(X)                                                    \
    X(EPERM) X(ENOENT) X(EINTR) X(EIO) X(ENXIO) X(EBADF) X(EAGAIN) X(ENOMEM)   \
    X(EACCES) X(EFAULT) X(EBUSY) X(EEXIST) X(EXDEV) X(ENODEV) X(ENOTDIR)       \
    X(EISDIR) X(EINVAL) X(ENFILE) X(EMFILE) X(ETXTBSY) X(EFBIG) X(ENOSPC)      \
    X(ESPIPE) X(EROFS) X(EMLINK) X(EPIPE) X(EDEADLK) X(ENAMETOOLONG)           \
    X(ENOLCK) X(ENOSYS) X(ENOTEMPTY) X(ELOOP) X(EOVERFLOW) X(ENOTSOCK)         \
    X(EDESTADDRREQ) X(EMSGSIZE) X(EPROTO) X(EPROTOTYPE) X(ENOPROTOOPT)         \
    X(EPROTONOSUPPORT) X(EOPNOTSUPP) X(EAFNOSUPPORT) X(EADDRINUSE)             \
    X(EADDRNOTAVAIL) X(ENETDOWN) X(ENETUNREACH) X(ECONNABORTED) X(ECONNRESET)  \
    X(ENOBUFS) X(EISCONN) X(ENOTCONN) X(ETIMEDOUT) X(ECONNREFUSED)             \
    X(EHOSTDOWN) X(EHOSTUNREACH) X(EALREADY) X(EINPROGRESS) X(ESTALE)          \
    X(EDQUOT) X(ECANCELED)
/* clang-format on */

/* "read"; and back: -1 if it is none of these. */
const char *copi_libc_name(enum copi_libc fn);
int copi_libc_find(const char *name);

/* The number of "EIO", above 0; 0: not known. */
int copi_libc_error(const char *name);

#endif
