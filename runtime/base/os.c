/* SPDX-License-Identifier: MIT
 *
 * os.c - what the runtime asks of the operating system. Rank: 0.
 *
 * Linux. Refusals that a program can meet (memory, threads, an old kernel) are
 * translated into COP_E codes where they arise; refusals that can only come
 * from a mistake of the runtime are assertions.
 *
 * A started thread gets its function by a record on its starter's stack; the
 * starter waits until it is read. So a thread needs no memory of the runtime's,
 * and `struct copi_thread` may be dropped or moved at once.
 */
#include "runtime/base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/check.h"
#include "runtime/base/clock.h"
#include "runtime/base/format.h"
#include "runtime/base/hash.h"

/* The headers of older systems lack it. */
#define ADVICE_GUARD_INSTALL 102

/* ------------------------------------------------------------- waiting -- */

int copi_os_futex_wait(_Atomic uint32_t *w, uint32_t expected,
                       int64_t timeout_ns)
{
    struct timespec ts;
    struct timespec *limit = NULL;
    long rc;

    if (timeout_ns >= 0) {
        ts.tv_sec = timeout_ns / COP_SEC;
        ts.tv_nsec = timeout_ns % COP_SEC;
        limit = &ts;
    }
    rc = syscall(SYS_futex, w, FUTEX_WAIT_PRIVATE, expected, limit, NULL, 0);
    if (rc == 0 || errno == EAGAIN || errno == EINTR)
        return 0;
    COPI_ASSERTF(errno == ETIMEDOUT, "errno %d", errno);
    return COP_ETIMEDOUT;
}

/* An EFAULT is a word that its waiter has freed meanwhile: nobody waits. */
void copi_os_futex_wake(_Atomic uint32_t *w, int n)
{
    long rc = syscall(SYS_futex, w, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);

    COPI_ASSERTF(rc >= 0 || errno == EFAULT, "errno %d", errno);
}

int copi_os_pid(void)
{
    return (int)getpid();
}

void copi_os_yield(void)
{
    sched_yield();
}

/* ------------------------------------------------------------- threads -- */

int64_t copi_os_thread_cpu_ns(const struct copi_thread *t)
{
    clockid_t clock;

    return pthread_getcpuclockid(t->handle, &clock) == 0
               ? copi_clock_of_thread((int)clock)
               : -1;
}

/* A real-time one: programs have uses of their own for the others. */
int copi_os_interrupt_signal(void)
{
    return SIGRTMIN + 6;
}

bool copi_os_interrupt(uint32_t thread_id)
{
    return tgkill(getpid(), (pid_t)thread_id, copi_os_interrupt_signal()) == 0;
}

static _Atomic bool no_files;

void copi_os_no_files(void)
{
    /* relaxed: stands alone */
    atomic_store_explicit(&no_files, true, memory_order_relaxed);
}

bool copi_os_thread_is_running(uint32_t thread_id)
{
    char text[256];
    char path[48];

    if (atomic_load_explicit(&no_files, memory_order_relaxed))
        return false;
    copi_format(path, sizeof(path), "/proc/self/task/%u/stat", thread_id);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    /* the name, in brackets, may hold brackets; the state comes after it */
    const char *end = strrchr(text, ')');
    return end != NULL && end[1] == ' ' && end[2] == 'R';
}

struct thread_start {
    void (*fn)(void *);
    void *arg;
    char name[16];
    _Atomic uint32_t is_read;
};

/* What a thread must still receive: faults of its own, and abort(). */
static void fill_blocked(sigset_t *set)
{
    static const int kept[] = {SIGSEGV, SIGBUS,  SIGFPE,
                               SIGILL,  SIGTRAP, SIGABRT};

    sigfillset(set);
    for (size_t i = 0; i < COPI_ARRAY_LEN(kept); i++)
        sigdelset(set, kept[i]);
    sigdelset(set, copi_os_interrupt_signal());
}

static void *thread_main(void *p)
{
    struct thread_start *start = p;
    void (*fn)(void *) = start->fn;
    void *arg = start->arg;

    pthread_setname_np(pthread_self(), start->name);
    /* Release pairs with the acquire in copi_os_thread_start: the record may
     * go. Only its address is used afterwards. */
    atomic_store_explicit(&start->is_read, 1, memory_order_release);
    copi_os_futex_wake(&start->is_read, 1);
    fn(arg);
    return NULL;
}

static int thread_create(struct copi_thread *t, const pthread_attr_t *attr,
                         struct thread_start *start)
{
    sigset_t blocked, before;
    int rc;

    fill_blocked(&blocked);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    rc = pthread_create(&t->handle, attr, thread_main, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0 ? 0 : COP_ESYS;
}

static size_t thread_stack_bytes(size_t want)
{
    size_t page = copi_os_page_size();
    size_t bytes = COPI_MAX(want, (size_t)PTHREAD_STACK_MIN);

    return (bytes + page - 1) / page * page;
}

int copi_os_thread_start(struct copi_thread *t, const char *name,
                         size_t stack_bytes, void (*fn)(void *), void *arg)
{
    struct thread_start start = {.fn = fn, .arg = arg};
    pthread_attr_t attr;
    int rc;

    if (pthread_attr_init(&attr) != 0)
        return COP_ESYS;
    rc = COP_ESYS;
    if (stack_bytes != 0 &&
        pthread_attr_setstacksize(&attr, thread_stack_bytes(stack_bytes)) != 0)
        goto out;
    copi_format(start.name, sizeof(start.name), "%s", name);
    rc = thread_create(t, &attr, &start);
    if (rc != 0)
        goto out;
    /* Acquire pairs with the release in thread_main. */
    while (atomic_load_explicit(&start.is_read, memory_order_acquire) == 0)
        copi_os_futex_wait(&start.is_read, 0, -1);
out:
    pthread_attr_destroy(&attr);
    return rc;
}

void copi_os_thread_join(struct copi_thread *t)
{
    int rc = pthread_join(t->handle, NULL);

    COPI_ASSERTF(rc == 0, "error %d", rc);
}

void copi_os_thread_detach(struct copi_thread *t)
{
    int rc = pthread_detach(t->handle);

    COPI_ASSERTF(rc == 0, "error %d", rc);
}

uint32_t copi_os_thread_id(void)
{
    return (uint32_t)gettid();
}

/* ------------------------------------------------------------- barrier -- */

bool copi_os_membarrier_init(void)
{
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0,
                   0) == 0;
}

void copi_os_membarrier(void)
{
    long rc = syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);

    COPI_ASSERTF(rc == 0, "errno %d", errno);
}

/* -------------------------------------------------------------- memory -- */

size_t copi_os_page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

void *copi_os_reserve(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

void copi_os_release(void *p, size_t bytes)
{
    int rc = munmap(p, bytes);

    COPI_ASSERTF(rc == 0, "errno %d", errno);
}

static int protect(void *p, size_t bytes, int prot)
{
    if (mprotect(p, bytes, prot) == 0)
        return 0;
    COPI_ASSERTF(errno == ENOMEM, "errno %d", errno);
    return COP_ENOMEM;
}

int copi_os_commit(void *p, size_t bytes)
{
    return protect(p, bytes, PROT_READ | PROT_WRITE);
}

int copi_os_protect_none(void *p, size_t bytes)
{
    return protect(p, bytes, PROT_NONE);
}

int copi_os_decommit(void *p, size_t bytes)
{
    return madvise(p, bytes, MADV_DONTNEED) == 0 ? 0 : COP_ESYS;
}

int copi_os_guard(void *p, size_t bytes)
{
    if (madvise(p, bytes, ADVICE_GUARD_INSTALL) == 0)
        return 0;
    return errno == ENOMEM ? COP_ENOMEM : COP_ENOTSUP;
}

/* statm: total and resident pages. */
size_t copi_os_rss_bytes(void)
{
    char text[128];
    size_t pages = 0;
    ssize_t n;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return 0;
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[COPI_MAX(n, 0)] = '\0';
    return sscanf(text, "%*u %zu", &pages) == 1 ? pages * copi_os_page_size()
                                                : 0;
}

/* --------------------------------------------------------------- files -- */

/* Also after EINTR it is closed. */
void copi_os_close(int fd)
{
    (void)close(fd);
}

/* For file systems that make none without a name. */
static int named_temp_file(const char *dir)
{
    char path[1024];
    int fd, tries = 0;

    do {
        if (copi_format(path, sizeof(path), "%s/coppice-%llx", dir,
                        (unsigned long long)copi_os_entropy()) >= sizeof(path))
            return COP_ESYS;
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    } while (fd < 0 && errno == EEXIST && ++tries < 10);
    if (fd < 0)
        return COP_ESYS;
    unlink(path);
    return fd;
}

int copi_os_temp_file(const char *dir)
{
    int fd = open(dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);

    return fd >= 0 ? fd : named_temp_file(dir);
}

/* --------------------------------------------------------------- other -- */

const char *copi_os_env(const char *name)
{
    return secure_getenv(name);
}

/* Early in the system's start there may be none yet; waiting for it could
 * take minutes, and the seed need not be secret. */
uint64_t copi_os_entropy(void)
{
    uint64_t x;

    if (getrandom(&x, sizeof(x), GRND_NONBLOCK) == (ssize_t)sizeof(x))
        return x;
    x = (uint64_t)copi_clock_real() ^ ((uint64_t)getpid() << 32);
    return copi_hash_u64(x ^ (uintptr_t)&x);
}

COPI_NOINLINE int *copi_os_errno(void)
{
    return &errno;
}
