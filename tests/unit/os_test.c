/* SPDX-License-Identifier: MIT
 *
 * os_test.c - the operating system as the runtime sees it: waiting, threads
 * and their signals, quotas from made-up control groups, pages.
 */
#include "runtime/base/clock.h"
#include "runtime/base/os.h"
#include "tests/support/crowd.h"
#include "tests/support/death.h"
#include "tests/support/unit.h"

#include <errno.h>
#include <sched.h>
#include <sys/stat.h>

/* ------------------------------------------------------------- waiting -- */

START_TEST(futex_returns_at_once_on_another_value)
{
    _Atomic uint32_t w = 5;

    ck_assert_int_eq(copi_os_futex_wait(&w, 4, -1), 0);
    ck_assert_int_eq(copi_os_futex_wait(&w, 4, COP_SEC), 0);
}
END_TEST

START_TEST(futex_times_out)
{
    _Atomic uint32_t w = 5;
    int64_t start = copi_clock_now();
    int rc;

    do
        rc = copi_os_futex_wait(&w, 5, 20 * COP_MS);
    while (rc == 0);
    ck_assert_int_eq(rc, COP_ETIMEDOUT);
    ck_assert_int_ge(copi_clock_now() - start, 20 * COP_MS);
    ck_assert_int_eq(copi_os_futex_wait(&w, 5, 0), COP_ETIMEDOUT);
}
END_TEST

enum { TURNS = 2000 };

static _Atomic uint32_t turn;

/* Waits for odd (even) numbers and counts on: each step needs a wake. */
static void take_turns(void *arg)
{
    uint32_t parity = (uint32_t)(uintptr_t)arg;

    for (;;) {
        uint32_t now = atomic_load(&turn);

        if (now >= TURNS)
            return;
        if (now % 2 == parity) {
            atomic_store(&turn, now + 1);
            copi_os_futex_wake(&turn, 1);
        } else {
            copi_os_futex_wait(&turn, now, -1);
        }
    }
}

START_TEST(futex_wakes)
{
    struct copi_thread t;

    ck_assert_int_eq(copi_os_thread_start(&t, "odd", 0, take_turns, (void *)1),
                     0);
    take_turns((void *)0);
    copi_os_thread_join(&t);
    ck_assert_uint_ge(atomic_load(&turn), TURNS);
}
END_TEST

START_TEST(futex_wake_of_vanished_word)
{
    size_t page = copi_os_page_size();
    void *p = copi_os_reserve(page);

    ck_assert_ptr_nonnull(p);
    copi_os_release(p, page);
    copi_os_futex_wake(p, 1);
}
END_TEST

/* ------------------------------------------------------------- threads -- */

struct seen {
    char name[16];
    sigset_t blocked;
    uint32_t id;
    int *errno_at;
    size_t stack_bytes;
};

static void look_around(void *arg)
{
    struct seen *seen = arg;
    pthread_attr_t attr;

    pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
    pthread_sigmask(SIG_SETMASK, NULL, &seen->blocked);
    seen->id = copi_os_thread_id();
    seen->errno_at = copi_os_errno();
    if (pthread_getattr_np(pthread_self(), &attr) == 0) {
        pthread_attr_getstacksize(&attr, &seen->stack_bytes);
        pthread_attr_destroy(&attr);
    }
}

static void look_from_thread(struct seen *seen, const char *name, size_t stack)
{
    struct copi_thread t;

    ck_assert_int_eq(copi_os_thread_start(&t, name, stack, look_around, seen),
                     0);
    copi_os_thread_join(&t);
}

START_TEST(thread_is_named)
{
    struct seen seen;

    look_from_thread(&seen, "cop-worker-1", 0);
    ck_assert_str_eq(seen.name, "cop-worker-1");
    look_from_thread(&seen, "a name that is too long", 0);
    ck_assert_str_eq(seen.name, "a name that is ");
    ck_assert_uint_ne(seen.id, copi_os_thread_id());
}
END_TEST

/* And the starter's own mask is as it was. */
START_TEST(thread_blocks_signals)
{
    static const int open[] = {SIGSEGV, SIGBUS,  SIGFPE,
                               SIGILL,  SIGTRAP, SIGABRT};
    static const int closed[] = {SIGINT, SIGTERM, SIGHUP,  SIGUSR1,
                                 SIGURG, SIGCHLD, SIGPIPE, SIGALRM};
    struct seen seen;
    sigset_t mine;

    look_from_thread(&seen, "masked", 0);
    for (size_t i = 0; i < COPI_ARRAY_LEN(open); i++)
        ck_assert_int_eq(sigismember(&seen.blocked, open[i]), 0);
    for (size_t i = 0; i < COPI_ARRAY_LEN(closed); i++)
        ck_assert_int_eq(sigismember(&seen.blocked, closed[i]), 1);
    pthread_sigmask(SIG_SETMASK, NULL, &mine);
    ck_assert_int_eq(sigismember(&mine, SIGINT), 0);
}
END_TEST

START_TEST(thread_stack_size)
{
    struct seen seen;

    look_from_thread(&seen, "big", 3 << 20);
    ck_assert_uint_ge(seen.stack_bytes, 3 << 20);
    ck_assert_uint_lt(seen.stack_bytes, 5 << 20);
    look_from_thread(&seen, "small", 1);
    ck_assert_uint_lt(seen.stack_bytes, 3 << 20);
}
END_TEST

/* No system has this much address space for one stack. */
START_TEST(thread_refused)
{
    struct copi_thread t;

    ck_assert_int_eq(
        copi_os_thread_start(&t, "huge", (size_t)1 << 60, take_turns, NULL),
        COP_ESYS);
}
END_TEST

static _Atomic uint32_t gate;
static _Atomic uint32_t through;

static void pass_gate(void *arg)
{
    (void)arg;
    while (atomic_load(&gate) == 0)
        copi_os_futex_wait(&gate, 0, -1);
    atomic_fetch_add(&through, 1);
    copi_os_futex_wake(&through, 1);
}

static void start_detached(void)
{
    struct copi_thread t;

    ck_assert_int_eq(copi_os_thread_start(&t, "loose", 0, pass_gate, NULL), 0);
    copi_os_thread_detach(&t);
    memset(&t, 0xff, sizeof(t));
}

START_TEST(thread_detached)
{
    for (int i = 0; i < 10; i++)
        start_detached();
    atomic_store(&gate, 1);
    copi_os_futex_wake(&gate, INT_MAX);
    while (atomic_load(&through) < 10)
        copi_os_futex_wait(&through, atomic_load(&through), COP_SEC / 100);
}
END_TEST

START_TEST(threads_leave_nothing)
{
    struct seen seen;
    size_t before;

    for (int i = 0; i < 100; i++)
        look_from_thread(&seen, "brief", 0);
    before = copi_os_rss_bytes();
    for (int i = 0; i < 1000; i++)
        look_from_thread(&seen, "brief", 0);
    if (!COPI_ASAN && !COPI_TSAN)
        ck_assert_uint_lt(copi_os_rss_bytes(), before + (1 << 20));
}
END_TEST

START_TEST(errno_is_per_thread)
{
    struct seen seen;

    errno = 77;
    ck_assert_ptr_eq(copi_os_errno(), &errno);
    ck_assert_int_eq(*copi_os_errno(), 77);
    look_from_thread(&seen, "other", 0);
    ck_assert(seen.errno_at != &errno);
}
END_TEST

/* ---------------------------------------------------------------- cpus -- */

START_TEST(cpus_follow_affinity)
{
    cpu_set_t all, one;
    unsigned before = copi_os_cpus();
    int first = 0;

    ck_assert_uint_ge(before, 1);
    ck_assert_int_eq(sched_getaffinity(0, sizeof(all), &all), 0);
    ck_assert_uint_le(before, (unsigned)CPU_COUNT(&all));
    while (!CPU_ISSET(first, &all))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
    ck_assert_uint_eq(copi_os_cpus(), 1);
}
END_TEST

static char dir[64];

/* Writes a file below dir, making the folders on the way. */
static void write_file(const char *name, const char *text)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    for (char *slash = strchr(path + strlen(dir) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static unsigned quota(void)
{
    char file[128], root[128];

    snprintf(file, sizeof(file), "%s/self", dir);
    snprintf(root, sizeof(root), "%s/fs", dir);
    return copi_os_cpus_quota(file, root);
}

static void make_dir(void)
{
    snprintf(dir, sizeof(dir), "/tmp/coppice-os-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void remove_dir(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -r %s", dir);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(quota_version_2)
{
    make_dir();
    ck_assert_uint_eq(quota(), UINT_MAX);
    write_file("self", "0::/a.slice/b.scope\n");
    ck_assert_uint_eq(quota(), UINT_MAX);
    write_file("fs/a.slice/b.scope/cpu.max", "max 100000\n");
    ck_assert_uint_eq(quota(), UINT_MAX);
    write_file("fs/a.slice/b.scope/cpu.max", "250000 100000\n");
    ck_assert_uint_eq(quota(), 3);
    write_file("fs/a.slice/b.scope/cpu.max", "200000 100000\n");
    ck_assert_uint_eq(quota(), 2);
    write_file("fs/a.slice/b.scope/cpu.max", "1000 100000\n");
    ck_assert_uint_eq(quota(), 1);
    write_file("fs/a.slice/b.scope/cpu.max", "rubbish\n");
    ck_assert_uint_eq(quota(), UINT_MAX);
    remove_dir();
}
END_TEST

START_TEST(quota_smallest_on_the_way_up)
{
    make_dir();
    write_file("self", "0::/a/b/c\n");
    write_file("fs/a/b/c/cpu.max", "800000 100000\n");
    write_file("fs/a/b/cpu.max", "max 100000\n");
    write_file("fs/a/cpu.max", "400000 100000\n");
    ck_assert_uint_eq(quota(), 4);
    write_file("fs/cpu.max", "300000 100000\n");
    ck_assert_uint_eq(quota(), 3);
    write_file("self", "0::/only/the/host/sees\n");
    ck_assert_uint_eq(quota(), 3);
    write_file("self", "0::/\n");
    ck_assert_uint_eq(quota(), 3);
    remove_dir();
}
END_TEST

START_TEST(quota_version_1)
{
    make_dir();
    write_file("self", "12:cpuset:/x\n4:cpuacct,cpu:/box\n1:name=s:/y\n");
    write_file("fs/cpu/x/cpu.cfs_quota_us", "100000\n");
    write_file("fs/cpu/x/cpu.cfs_period_us", "100000\n");
    ck_assert_uint_eq(quota(), UINT_MAX);
    write_file("fs/cpu/box/cpu.cfs_quota_us", "-1\n");
    write_file("fs/cpu/box/cpu.cfs_period_us", "100000\n");
    ck_assert_uint_eq(quota(), UINT_MAX);
    write_file("fs/cpu/box/cpu.cfs_quota_us", "150000\n");
    ck_assert_uint_eq(quota(), 2);
    write_file("self", "broken\n\n:\n3:cpu,cpuacct:/box\n");
    ck_assert_uint_eq(quota(), 2);
    remove_dir();
}
END_TEST

/* -------------------------------------------------------------- memory -- */

static char *touched;

static void touch(void)
{
    *(volatile char *)touched = 1;
}

/* Under AddressSanitizer the fault ends the child by its report instead. */
static bool is_fatal(char *p)
{
    char said[4096];
    int sig;

    touched = p;
    sig = death_signal(touch, said, sizeof(said));
    return sig == SIGSEGV || strstr(said, "SEGV") != NULL;
}

START_TEST(reserve_commit_decommit)
{
    size_t page = copi_os_page_size();
    char *p = copi_os_reserve(16 * page);

    ck_assert_ptr_nonnull(p);
    ck_assert(is_fatal(p));
    ck_assert_int_eq(copi_os_commit(p + page, 4 * page), 0);
    ck_assert(is_fatal(p));
    ck_assert(!is_fatal(p + page));
    ck_assert(is_fatal(p + 5 * page));
    memset(p + page, 0x77, 4 * page);
    ck_assert_int_eq(copi_os_decommit(p + page, 2 * page), 0);
    ck_assert_int_eq(p[page], 0);
    ck_assert_int_eq(p[3 * page - 1], 0);
    ck_assert_int_eq(p[3 * page], 0x77);
    ck_assert_int_eq(copi_os_protect_none(p + 3 * page, page), 0);
    ck_assert(is_fatal(p + 3 * page));
    ck_assert(!is_fatal(p + 4 * page));
    copi_os_release(p, 16 * page);
    ck_assert(is_fatal(p + page));
}
END_TEST

START_TEST(reserve_is_refused)
{
    ck_assert_ptr_null(copi_os_reserve((size_t)1 << 60));
}
END_TEST

/* On kernels that have it; on others it must say so. */
START_TEST(guard_faults_or_is_refused)
{
    size_t page = copi_os_page_size();
    char *p = copi_os_reserve(4 * page);
    int rc;

    ck_assert_int_eq(copi_os_commit(p, 4 * page), 0);
    rc = copi_os_guard(p, page);
    ck_assert(rc == 0 || rc == COP_ENOTSUP);
    ck_assert_int_eq(is_fatal(p), rc == 0);
    ck_assert(!is_fatal(p + page));
    ck_assert_int_eq(copi_os_decommit(p, 4 * page), 0);
    ck_assert_int_eq(is_fatal(p), rc == 0);
    copi_os_release(p, 4 * page);
}
END_TEST

/* Half a page is no place for a guard, on any kernel. */
START_TEST(guard_is_refused)
{
    size_t page = copi_os_page_size();
    char *p = copi_os_reserve(2 * page);

    ck_assert_int_eq(copi_os_commit(p, 2 * page), 0);
    ck_assert_int_eq(copi_os_guard(p + page / 2, page), COP_ENOTSUP);
    ck_assert(!is_fatal(p + page));
    copi_os_release(p, 2 * page);
}
END_TEST

START_TEST(rss_grows_when_touched)
{
    size_t bytes = 32 << 20;
    size_t before = copi_os_rss_bytes();
    char *p = copi_os_reserve(bytes);

    ck_assert_uint_gt(before, 0);
    ck_assert_int_eq(copi_os_commit(p, bytes), 0);
    memset(p, 1, bytes);
    ck_assert_uint_ge(copi_os_rss_bytes(), before + bytes / 2);
    copi_os_release(p, bytes);
    ck_assert_uint_lt(copi_os_rss_bytes(), before + bytes / 2);
}
END_TEST

/* --------------------------------------------------------------- other -- */

/* Each side stores its own word and looks at the other's. The barrier on one
 * side must be enough: they may not both miss the other's store. */
enum { MISSES = 100000 };

static _Atomic uint32_t arrived; /* 2 per round */
static _Atomic uint32_t words[2][16] COPI_ALIGNED(COPI_CACHE_LINE);
static bool missed[2][MISSES + 1];

/* Returns at about the same time on both sides. */
static void meet(uint32_t round)
{
    atomic_fetch_add(&arrived, 1);
    for (int i = 1; atomic_load(&arrived) < 2 * round; i++)
        if (i % 256 == 0)
            copi_os_yield();
}

static void look_past(int side)
{
    for (uint32_t i = 1; i <= MISSES; i++) {
        meet(i);
        atomic_store_explicit(&words[side][0], i, memory_order_relaxed);
        if (side == 0)
            copi_os_membarrier();
        else
            atomic_signal_fence(memory_order_seq_cst);
        missed[side][i] =
            atomic_load_explicit(&words[!side][0], memory_order_relaxed) < i;
    }
}

START_TEST(membarrier_is_a_fence)
{
    int both = 0;

    if (!copi_os_membarrier_init())
        return;
    crowd_run(2, look_past);
    for (uint32_t i = 1; i <= MISSES; i++)
        both += missed[0][i] && missed[1][i];
    ck_assert_int_eq(both, 0);
}
END_TEST

START_TEST(entropy_differs)
{
    uint64_t a = copi_os_entropy(), b = copi_os_entropy();

    ck_assert_uint_ne(a, b);
}
END_TEST

START_TEST(page_size_is_a_power_of_two)
{
    size_t page = copi_os_page_size();

    ck_assert_uint_ge(page, 4096);
    ck_assert_uint_eq(page & (page - 1), 0);
}
END_TEST

static const TTest *const cases[] = {
    futex_returns_at_once_on_another_value,
    futex_times_out,
    futex_wakes,
    futex_wake_of_vanished_word,
    thread_is_named,
    thread_blocks_signals,
    thread_stack_size,
    thread_refused,
    thread_detached,
    threads_leave_nothing,
    errno_is_per_thread,
    cpus_follow_affinity,
    quota_version_2,
    quota_smallest_on_the_way_up,
    quota_version_1,
    reserve_commit_decommit,
    reserve_is_refused,
    guard_faults_or_is_refused,
    guard_is_refused,
    rss_grows_when_touched,
    membarrier_is_a_fence,
    entropy_differs,
    page_size_is_a_power_of_two,
};
UNIT_MAIN("os", cases)
