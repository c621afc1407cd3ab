/* SPDX-License-Identifier: MIT
 *
 * os_process.c - other processes, as isolated actors need them. Rank: 0.
 *
 * Three kinds of process meet here: the program; its zygote, which was forked
 * while the program had one thread, and does nothing but fork; and the
 * zygote's children. A child dies with its zygote (the death signal is of the
 * zygote's only thread, so it cannot come too early), the zygote ends when the
 * other end of its socket is closed, which the program's end does however it
 * comes. So no order of deaths leaves a process behind.
 *
 * What the other side can do to shared memory must not hurt: the file is sealed
 * (a file that shrinks would turn our reads into SIGBUS), and futex calls on
 * shared words take every result.
 */
#include "runtime/base/os_process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/format.h"
#include "runtime/base/os.h"

enum { PAIR_FDS = 4 };

/* ------------------------------------------------------- shared memory -- */

int copi_os_shared_new(int *fd, size_t bytes)
{
    int f = memfd_create("coppice", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (f < 0)
        return COP_ESYS;
    if (ftruncate(f, (off_t)bytes) != 0 ||
        fcntl(f, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        close(f);
        return COP_ESYS;
    }
    *fd = f;
    return 0;
}

void *copi_os_shared_map(int fd, size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return p != MAP_FAILED ? p : NULL;
}

void copi_os_shared_unmap(void *p, size_t bytes)
{
    munmap(p, bytes);
}

void copi_os_shared_wait(_Atomic uint32_t *w, uint32_t expected)
{
    syscall(SYS_futex, w, FUTEX_WAIT, expected, NULL, NULL, 0);
}

void copi_os_shared_wake(_Atomic uint32_t *w)
{
    syscall(SYS_futex, w, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* --------------------------------------------------------------- bells -- */

int copi_os_bell_new(int *fd)
{
    *fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return *fd < 0 ? COP_ESYS : 0;
}

/* A counter that is full is readable as well. */
void copi_os_bell_ring(int fd)
{
    uint64_t one = 1;
    ssize_t n = write(fd, &one, sizeof one);
    (void)n;
}

int copi_os_read(int fd, void *p, size_t n)
{
    return (int)read(fd, p, n);
}

int copi_os_watch_new(int *set)
{
    *set = epoll_create1(EPOLL_CLOEXEC);
    return *set < 0 ? COP_ESYS : 0;
}

/* By edges, so that nobody has to read bells. */
int copi_os_watch_add(int set, int fd, uint64_t key)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.u64 = key};
    return epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) == 0 ? 0 : COP_ESYS;
}

void copi_os_watch_remove(int set, int fd)
{
    epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL);
}

int copi_os_watch_wait(int set, uint64_t *keys, int n, int timeout_ms)
{
    struct epoll_event e[32];
    n = epoll_wait(set, e, COPI_MIN(n, (int)COPI_ARRAY_LEN(e)), timeout_ms);
    for (int i = 0; i < n; i++)
        keys[i] = e[i].data.u64;
    return COPI_MAX(n, 0);
}

/* ------------------------------------------------------------ messages -- */

int copi_os_pair_new(int fd[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) == 0
               ? 0
               : COP_ESYS;
}

union control {
    struct cmsghdr header;
    char room[CMSG_SPACE(PAIR_FDS * sizeof(int))];
};

int copi_os_pair_send(int fd, const void *p, size_t n, const int *fds,
                      size_t fd_count)
{
    union control c;
    struct iovec v = {(void *)(uintptr_t)p, n};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    if (fd_count > 0) {
        memset(&c, 0, sizeof c);
        m.msg_control = c.room;
        m.msg_controllen = CMSG_SPACE(fd_count * sizeof *fds);
        c.header.cmsg_level = SOL_SOCKET;
        c.header.cmsg_type = SCM_RIGHTS;
        c.header.cmsg_len = CMSG_LEN(fd_count * sizeof *fds);
        memcpy(CMSG_DATA(&c.header), fds, fd_count * sizeof *fds);
    }
    ssize_t sent;
    do
        sent = sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return 0;
    return errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS
               ? COP_ETIMEDOUT
               : COP_ESYS;
}

int copi_os_pair_recv(int fd, void *p, size_t n, int *fds, size_t fd_count)
{
    union control c;
    struct iovec v = {p, n};
    struct msghdr m = {.msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = c.room,
                       .msg_controllen = sizeof c.room};
    ssize_t got;
    for (size_t i = 0; i < fd_count; i++)
        fds[i] = -1;
    do
        got = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN ? COP_ETIMEDOUT : 0;
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    if (h != NULL && h->cmsg_type == SCM_RIGHTS && fd_count > 0)
        memcpy(fds, CMSG_DATA(h),
               COPI_MIN(fd_count * sizeof *fds, h->cmsg_len - CMSG_LEN(0)));
    return (int)got;
}

void copi_os_wait_readable(const int *fds, size_t n)
{
    struct pollfd p[PAIR_FDS];
    n = COPI_MIN(n, COPI_ARRAY_LEN(p));
    for (size_t i = 0; i < n; i++)
        p[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    poll(p, n, -1);
}

/* ----------------------------------------------------------- processes -- */

int copi_os_fork(int *error)
{
    pid_t pid = fork();
    *error = pid < 0 ? errno : 0;
    return pid < 0 ? COP_ESYS : (int)pid;
}

int copi_os_be_zygote(void)
{
    static const int ignored[] = {SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGPIPE};
    sigset_t set;
    for (int i = 1; i < NSIG; i++)
        signal(i, SIG_DFL); /* of some that is refused */
    for (size_t i = 0; i < COPI_ARRAY_LEN(ignored); i++)
        signal(ignored[i], SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_SETMASK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? COP_ESYS : fd;
}

void copi_os_be_child(int parent)
{
    sigset_t none;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it ended before that */
        _exit(1);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool is_among(int fd, const int *keep, size_t n)
{
    bool found = false;
    for (size_t i = 0; i < n; i++)
        found = found || keep[i] == fd;
    return found;
}

/* From 3 to the highest one that is kept one by one, beyond that at once. */
void copi_os_close_others(const int *keep, size_t n)
{
    int top = 2;
    for (size_t i = 0; i < n; i++)
        top = COPI_MAX(top, keep[i]);
    for (int fd = 3; fd < top; fd++)
        if (!is_among(fd, keep, n))
            close(fd);
    if (syscall(SYS_close_range, (unsigned)top + 1, UINT_MAX, 0) == 0)
        return;
    int end = (int)sysconf(_SC_OPEN_MAX); /* before Linux 5.9 */
    for (int fd = top + 1; fd < end; fd++)
        close(fd);
}

int copi_os_reap(int *status)
{
    pid_t pid = waitpid(-1, status, WNOHANG);
    return pid > 0 ? (int)pid : 0;
}

bool copi_os_status_signal(int status, int *number)
{
    *number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    return WIFSIGNALED(status);
}

void copi_os_signal_name(int number, char *out, size_t size)
{
    const char *name = sigabbrev_np(number);
    if (name != NULL)
        copi_format(out, size, "SIG%s", name);
    else
        copi_format(out, size, "SIG%d", number);
}

void copi_os_error_text(int error, char *out, size_t size)
{
    const char *text = strerrordesc_np(error);
    copi_format(out, size, "%s", text != NULL ? text : "unknown error");
}

void copi_os_kill(int pid)
{
    kill(pid, SIGKILL);
}

void copi_os_wait(int pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

void copi_os_end(int status)
{
    _exit(status);
}

/* -------------------------------------------------------------- limits -- */

/* Bytes that this process has mapped. */
static uint64_t mapped_bytes(void)
{
    char text[64];
    uint64_t pages = 0;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    for (ssize_t i = 0; i < n && text[i] >= '0' && text[i] <= '9'; i++)
        pages = pages * 10 + (uint64_t)(text[i] - '0');
    return pages * copi_os_page_size();
}

int copi_os_limit(enum copi_os_limit what, uint64_t n)
{
    static const int resource[] = {
        [COPI_OS_LIMIT_MEMORY] = RLIMIT_AS,
        [COPI_OS_LIMIT_CPU] = RLIMIT_CPU,
        [COPI_OS_LIMIT_FILES] = RLIMIT_NOFILE,
        [COPI_OS_LIMIT_FILE] = RLIMIT_FSIZE,
        [COPI_OS_LIMIT_CORE] = RLIMIT_CORE,
    };
    if (what == COPI_OS_LIMIT_MEMORY)
        n += mapped_bytes();
    struct rlimit limit;
    if (getrlimit(resource[what], &limit) != 0)
        return COP_ESYS;
    limit.rlim_cur = COPI_MIN(limit.rlim_max, (rlim_t)n);
    /* of processor time the first one is a signal that has a name of its own */
    limit.rlim_max = COPI_MIN(
        limit.rlim_max, limit.rlim_cur + (what == COPI_OS_LIMIT_CPU ? 1 : 0));
    return setrlimit(resource[what], &limit) == 0 ? 0 : COP_ESYS;
}
