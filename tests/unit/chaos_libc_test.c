/* SPDX-License-Identifier: MIT
 *
 * chaos_libc_test.c - fault plans at work on the functions of libc that actors
 * call: each of them fails when it is told to, and only then, and only for who
 * is meant.
 */
#include "runtime/probe/libc.h"
#include "tests/support/chaos.h"
#include "tests/support/native.h"

#include <coppice/errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int zero = -1; /* /dev/zero */
static volatile size_t one = 1;

static void open_zero(void)
{
    zero = open("/dev/zero", O_RDWR);
    ck_assert_int_ge(zero, 0);
}

static bool reads(void)
{
    char c;
    return read(zero, &c, 1) == 1;
}

/* ------------------------------------------------------- each function -- */

/* Each of them once, in a way that does no harm and never fails with
 * ETXTBSY. 0, or its error. */
#define TRY(name, call)                                                        \
    static int try_##name(void)                                                \
    {                                                                          \
        errno = 0;                                                             \
        return (call) == -1 ? errno : 0;                                       \
    }

static const char nowhere[] = "/nonexistent/coppice";
static char room[64];
static int pair[2];
static struct stat st;
static socklen_t len;
static struct msghdr msg;
static struct iovec vec = {room, 1};
static const struct timespec at_once;
static struct pollfd no_fd = {.fd = -1};
static struct epoll_event ready;
static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
static struct sockaddr peer;

TRY(open, open(nowhere, O_RDONLY))
TRY(openat, openat(AT_FDCWD, nowhere, O_RDONLY))
TRY(close, close(open("/dev/null", O_RDONLY)))
TRY(creat, creat(nowhere, 0600))
TRY(read, read(-1, room, 1))
TRY(pread, pread(-1, room, 1, 0))
TRY(readv, readv(-1, &vec, 1))
TRY(write, write(-1, room, 1))
TRY(pwrite, pwrite(-1, room, 1, 0))
TRY(writev, writev(-1, &vec, 1))
TRY(lseek, lseek(-1, 0, SEEK_SET))
TRY(ftruncate, ftruncate(-1, 0))
TRY(fsync, fsync(-1))
TRY(fdatasync, fdatasync(-1))
TRY(dup, dup(-1))
TRY(dup2, dup2(-1, 700))
TRY(dup3, dup3(-1, 700, 0))
TRY(pipe, pipe(pair))
TRY(pipe2, pipe2(pair, O_CLOEXEC))
TRY(stat, stat(nowhere, &st))
TRY(fstat, fstat(-1, &st))
TRY(lstat, lstat(nowhere, &st))
TRY(fstatat, fstatat(AT_FDCWD, nowhere, &st, 0))
TRY(mkdir, mkdir(nowhere, 0700))
TRY(rmdir, rmdir(nowhere))
TRY(unlink, unlink(nowhere))
TRY(unlinkat, unlinkat(AT_FDCWD, nowhere, 0))
TRY(rename, rename(nowhere, nowhere))
TRY(socket, socket(AF_UNIX, SOCK_STREAM, 0))
TRY(socketpair, socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
TRY(bind, bind(-1, &nobody, sizeof nobody))
TRY(listen, listen(-1, 1))
TRY(connect, connect(-1, &nobody, sizeof nobody))
TRY(accept, accept(-1, &peer, &len))
TRY(accept4, accept4(-1, &peer, &len, 0))
TRY(shutdown, shutdown(-1, SHUT_RD))
TRY(getsockopt, getsockopt(-1, SOL_SOCKET, SO_TYPE, room, &len))
TRY(setsockopt, setsockopt(-1, SOL_SOCKET, SO_TYPE, room, 4))
TRY(send, send(-1, room, 1, 0))
TRY(sendto, sendto(-1, room, 1, 0, NULL, 0))
TRY(sendmsg, sendmsg(-1, &msg, 0))
TRY(recv, recv(-1, room, 1, 0))
TRY(recvfrom, recvfrom(-1, room, 1, 0, NULL, NULL))
TRY(recvmsg, recvmsg(-1, &msg, 0))
TRY(poll, poll(&no_fd, 1, 0))
TRY(ppoll, ppoll(&no_fd, 1, &at_once, NULL))
TRY(select, select(0, NULL, NULL, NULL, &(struct timeval){0, 0}))
TRY(pselect, pselect(0, NULL, NULL, NULL, &at_once, NULL))
TRY(epoll_create1, epoll_create1(EPOLL_CLOEXEC))
TRY(epoll_ctl, epoll_ctl(-1, EPOLL_CTL_ADD, 0, &ready))
TRY(epoll_wait, epoll_wait(-1, &ready, 1, 0))
TRY(nanosleep, nanosleep(&at_once, NULL))

/* It returns its error and leaves errno alone. */
static int try_clock_nanosleep(void)
{
    errno = 77;
    int error = clock_nanosleep(CLOCK_MONOTONIC, 0, &at_once, NULL);
    ck_assert_int_eq(errno, 77);
    return error;
}

static const struct {
    const char *name;
    int (*fn)(void);
} tries[] = {
#define COPI_X(name, type, params, args) {#name, try_##name},
    COPI_LIBC(COPI_X)
#undef COPI_X
};

static void each_body(void *arg)
{
    char plan[64];
    (void)arg;
    for (size_t i = 0; i < COPI_ARRAY_LEN(tries); i++) {
        snprintf(plan, sizeof plan, "errno %s ETXTBSY nth=2", tries[i].name);
        on(plan);
        ck_assert_msg(tries[i].fn() != ETXTBSY, "%s", plan);
        ck_assert_msg(tries[i].fn() == ETXTBSY, "%s", plan);
        ck_assert_msg(tries[i].fn() != ETXTBSY, "%s", plan);
        cop_chaos_off();
        ck_assert_msg(tries[i].fn() != ETXTBSY, "%s", plan);
        ck_assert_uint_eq(SEEN(0), 3);
        ck_assert_uint_eq(FIRED(0), 1);
        ck_assert_uint_eq(rule_of(0).struck, 1);
    }
}

START_TEST(each_fails_when_it_is_told)
{
    actor_test(each_body, NULL);
}
END_TEST

static void other_names_body(void *arg)
{
    volatile int flags = O_RDONLY;
    struct stat64 st64;
    (void)arg;
    open_zero();
    on("errno read EIO; errno pread EIO; errno open EMFILE; errno stat EACCES; "
       "errno openat ENFILE; errno fstat EIO; errno poll EINTR; "
       "errno recv EIO");
    errno = 0;
    ck_assert(pread64(zero, room, 1, 0) == -1 && errno == EIO);
    ck_assert(open64(nowhere, O_RDONLY) == -1 && errno == EMFILE);
    ck_assert(openat64(AT_FDCWD, nowhere, O_RDONLY) == -1 && errno == ENFILE);
    ck_assert(stat64("/", &st64) == -1 && errno == EACCES);
    ck_assert(fstat64(zero, &st64) == -1 && errno == EIO);
    /* those of _FORTIFY_SOURCE */
    errno = 0;
    ck_assert(open("/", flags) == -1 && errno == EMFILE);
    ck_assert(openat(AT_FDCWD, "/", flags) == -1 && errno == ENFILE);
    ck_assert(read(zero, room, one) == -1 && errno == EIO);
    errno = 0;
    ck_assert(pread(zero, room, one, 0) == -1 && errno == EIO);
    ck_assert(poll(&no_fd, one, 0) == -1 && errno == EINTR);
    ck_assert(recv(zero, room, one, 0) == -1 && errno == EIO);
    cop_chaos_off();
    int fd = open("/", flags);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(close(fd), 0);
}

START_TEST(other_names_are_the_same)
{
    actor_test(other_names_body, NULL);
}
END_TEST

static void modes_body(void *arg)
{
    char dir[] = "/tmp/coppice-libc-XXXXXX", path[64];
    (void)arg;
    umask(0);
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/file", dir);
    on("errno open EIO p=0; errno openat EIO p=0");
    for (int i = 0; i < 2; i++) {
        int fd = i == 0 ? open(path, O_CREAT | O_WRONLY, 0640)
                        : openat(AT_FDCWD, path, O_CREAT | O_WRONLY, 0604);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(fstat(fd, &st), 0);
        ck_assert_uint_eq(st.st_mode & 0777, i == 0 ? 0640 : 0604);
        ck_assert_int_eq(close(fd), 0);
        ck_assert_int_eq(unlink(path), 0);
    }
    ck_assert_int_eq(rmdir(dir), 0);
}

START_TEST(modes_arrive)
{
    actor_test(modes_body, NULL);
}
END_TEST

static void close_body(void *arg)
{
    (void)arg;
    open_zero();
    on("errno close EINTR");
    errno = 0;
    ck_assert(close(zero) == -1 && errno == EINTR);
    ck_assert(fcntl(zero, F_GETFD) == -1 && errno == EBADF);
    /* what is really wrong comes first */
    ck_assert(close(zero) == -1 && errno == EBADF);
}

START_TEST(close_closes)
{
    actor_test(close_body, NULL);
}
END_TEST

static void sleep_body(void *arg)
{
    const struct timespec hour = {3600, 7};
    struct timespec left = {0};
    (void)arg;
    on("errno nanosleep EINTR; errno clock_nanosleep EINTR");
    errno = 0;
    ck_assert(nanosleep(&hour, &left) == -1 && errno == EINTR);
    ck_assert(left.tv_sec == 3600 && left.tv_nsec == 7);
    ck_assert_int_eq(nanosleep(&hour, NULL), -1);
    memset(&left, 0, sizeof left);
    ck_assert_int_eq(clock_nanosleep(CLOCK_MONOTONIC, 0, &hour, &left), EINTR);
    ck_assert_int_eq(left.tv_sec, 3600);
    left.tv_sec = 5;
    ck_assert_int_eq(
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &hour, &left), EINTR);
    ck_assert_int_eq(left.tv_sec, 5);
}

START_TEST(sleepers_learn_what_is_left)
{
    actor_test(sleep_body, NULL);
}
END_TEST

/* ------------------------------------------------------------------ who -- */

static atomic_int errors, done;

static void reads_once(void *arg)
{
    (void)arg;
    atomic_fetch_add(&errors, !reads());
    atomic_fetch_add(&done, 1);
}

static int errors_of(const char *name)
{
    cop_opts opts = {.name = name};
    int had = atomic_load(&errors), was = atomic_load(&done);
    ck_assert_int_eq(cop_spawn(NULL, reads_once, NULL, &opts), 0);
    while (atomic_load(&done) == was)
        cop_sleep(COP_MS);
    return atomic_load(&errors) - had;
}

static void who_body(void *arg)
{
    (void)arg;
    open_zero();
    on("errno read EIO actor=db.*");
    ck_assert_int_eq(errors_of("db.1"), 1);
    ck_assert_int_eq(errors_of("web"), 0);
    ck_assert(reads());
    ck_assert_uint_eq(SEEN(0), 1);
    cop_chaos_off();
    on("errno read EIO");
    ck_assert_int_eq(errors_of("web"), 1);
    ck_assert(!reads());
    cop_opts chaos = {.label = "chaos"};
    int was = atomic_load(&done), had = atomic_load(&errors);
    ck_assert_int_eq(cop_spawn(NULL, reads_once, NULL, &chaos), 0);
    while (atomic_load(&done) == was)
        cop_sleep(COP_MS);
    ck_assert_int_eq(atomic_load(&errors), had);
}

START_TEST(a_pattern_says_who)
{
    actor_test(who_body, NULL);
}
END_TEST

static void *thread_reads(void *unused)
{
    return reads() ? unused : NULL;
}

/* Its end closes a descriptor. */
static void owns(void *arg)
{
    (void)arg;
    ck_assert_int_eq(cop_own_fd(dup(zero)), 0);
}

/* Threads that are no actors', and the runtime itself. */
static void others_body(void *arg)
{
    pthread_t t;
    void *ok;
    cop_ref ref;
    const cop_msg *m;
    int fd;
    (void)arg;
    open_zero();
    on("errno read EIO; errno open EIO; errno openat EIO; errno close EIO");
    ck_assert_int_eq(pthread_create(&t, NULL, thread_reads, &zero), 0);
    ck_assert_int_eq(pthread_join(t, &ok), 0);
    ck_assert_ptr_nonnull(ok);
    ck_assert_int_eq(cop_temp_file(&fd, NULL), 0);
    ck_assert_int_eq(cop_spawn(NULL, owns, NULL, &(cop_opts){.monitor = &ref}),
                     0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    ck_assert_uint_eq(SEEN(0) + SEEN(1) + SEEN(2) + SEEN(3), 0);
    ck_assert(!reads());
}

START_TEST(others_are_left_alone)
{
    open_zero();
    started(1);
    on("errno read EIO");
    ck_assert(reads());
    stopped();
    actor_test(others_body, NULL);
}
END_TEST

static void block_body(void *arg)
{
    (void)arg;
    open_zero();
    on("errno read EIO actor=db");
    ck_assert_int_eq(cop_blocking(reads_once, NULL), 0);
    ck_assert_int_eq(atomic_load(&errors), 0);
    ck_assert_int_eq(cop_register("db", cop_self()), 0);
    ck_assert_int_eq(cop_blocking(reads_once, NULL), 0);
    ck_assert_int_eq(atomic_load(&errors), 1);
    ck_assert_uint_eq(FIRED(0), 1);
}

START_TEST(blocking_work_is_the_actors)
{
    actor_test(block_body, NULL);
}
END_TEST

static volatile sig_atomic_t handler_read;

static void on_signal(int sig)
{
    (void)sig;
    handler_read = reads();
}

static void handler_body(void *arg)
{
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    sigset_t own;
    (void)arg;
    open_zero();
    sigemptyset(&own);
    sigaddset(&own, SIGUSR1);
    ck_assert_int_eq(sigaction(SIGUSR1, &sa, NULL), 0);
    ck_assert_int_eq(pthread_sigmask(SIG_UNBLOCK, &own, NULL), 0);
    on("errno read EIO");
    ck_assert_int_eq(pthread_kill(pthread_self(), SIGUSR1), 0);
    ck_assert_uint_eq(SEEN(0), 0);
    ck_assert_int_eq(handler_read, 1);
    ck_assert(!reads());
}

/* As those that write the report of a crash. */
START_TEST(handlers_of_signals_are_left_alone)
{
    actor_test(handler_body, NULL);
}
END_TEST

static cop_next served(void *state, const cop_msg *m, cop_from from)
{
    bool ok = reads();
    (void)state;
    (void)m;
    (void)cop_reply(from, &ok, sizeof ok);
    return cop_next_wait();
}

static const cop_server reader = {.label = "reader", .call = served};

static void server_body(void *arg)
{
    cop_pid p;
    bool ok = true;
    (void)arg;
    open_zero();
    ck_assert_int_eq(cop_server_start(&p, &reader, NULL, NULL, NULL), 0);
    on("errno read EIO actor=reader");
    ck_assert_int_eq(
        cop_call(p, TAG_WORK, NULL, 0, &ok, sizeof ok, COP_FOREVER), sizeof ok);
    ck_assert(!ok);
    ck_assert(cop_is_alive(p));
}

START_TEST(handler_actors_too)
{
    actor_test(server_body, NULL);
}
END_TEST

/* --------------------------------------------------- when, and what then -- */

static uint64_t failed_reads(int n)
{
    uint64_t bits = 0;
    for (int i = 0; i < n; i++)
        bits |= (uint64_t)!reads() << i;
    return bits;
}

static void when_body(void *arg)
{
    (void)arg;
    open_zero();
    on("seed=1; errno read EIO p=0.5");
    uint64_t first = failed_reads(64);
    ck_assert_uint_eq(SEEN(0), 64);
    ck_assert_uint_eq(FIRED(0), (unsigned)__builtin_popcountll(first));
    ck_assert_uint_gt(FIRED(0), 16);
    ck_assert_uint_lt(FIRED(0), 48);
    cop_chaos_off();
    on("seed=1; errno read EIO p=0.5");
    ck_assert_uint_eq(failed_reads(64), first);
    cop_chaos_off();
    on("errno read EIO nth=3 count=2");
    ck_assert_uint_eq(failed_reads(8), 0xc);
    cop_chaos_off();
    on("errno read EIO after=10ms until=20ms");
    ck_assert_uint_eq(failed_reads(3), 0);
    cop_sleep(15 * COP_MS);
    ck_assert_uint_eq(failed_reads(3), 7);
    cop_sleep(15 * COP_MS);
    ck_assert_uint_eq(failed_reads(3), 0);
    cop_chaos_off();
    on("errno read EIO every=10ms");
    cop_sleep(15 * COP_MS);
    ck_assert_uint_eq(failed_reads(4), 1);
}

START_TEST(options_say_when)
{
    actor_test(when_body, &in_virtual_time);
}
END_TEST

static void first_body(void *arg)
{
    (void)arg;
    open_zero();
    on("errno read EIO nth=2; errno read EINTR");
    errno = 0;
    ck_assert(!reads() && errno == EINTR);
    ck_assert(!reads() && errno == EIO);
    ck_assert(!reads() && errno == EINTR);
    ck_assert_uint_eq(FIRED(0), 1);
    ck_assert_uint_eq(FIRED(1), 3);
}

START_TEST(the_first_rule_wins)
{
    actor_test(first_body, NULL);
}
END_TEST

static void told_body(void *arg)
{
    cop_trace_event e[64];
    char text[400], line[COP_TRACE_TEXT], want[COP_TRACE_TEXT];
    char pid[COP_PID_TEXT];
    (void)arg;
    open_zero();
    on("seed=3; kill nobody; errno read EIO nth=2");
    ck_assert_uint_eq(failed_reads(5), 2);
    ck_assert_str_eq(cop_chaos_text(text, sizeof text),
                     "1: kill nobody: fired 0 of 0 (seed 3)\n"
                     "2: errno read EIO nth=2: fired 1 of 5 (seed 3)\n");
    size_t n = cop_trace_last(e, COPI_ARRAY_LEN(e)), found = 0;
    for (size_t i = 0; i < n; i++)
        if (e[i].kind == COP_TRACE_INJECT) {
            found++;
            cop_trace_str(&e[i], line, sizeof line);
        }
    ck_assert_uint_eq(found, 1);
    snprintf(want, sizeof want, "inject %s - 2",
             cop_pid_str(cop_self(), pid, sizeof pid));
    ck_assert_str_eq(line, want);
}

START_TEST(what_failed_is_told)
{
    actor_test(told_body, NULL);
}
END_TEST

static void env_body(void *arg)
{
    (void)arg;
    open_zero();
    ck_assert_uint_eq(failed_reads(4), 2);
}

START_TEST(the_environment_is_enough)
{
    setenv("COP_FAULTS", "errno read EIO nth=2", 1);
    actor_test(env_body, NULL);
    unsetenv("COP_FAULTS");
}
END_TEST

/* ---------------------------------------------------------- at any moment --
 */

/* An actor that waits in the kernel, with a plan on or off, loses its worker,
 * and what it waited for arrives. */
static void waits(void *arg)
{
    char c;
    atomic_fetch_add(&errors, read(*(int *)arg, &c, 1) != 1);
    cop_yield();
    atomic_fetch_add(&done, 1);
}

static void waiting_body(void *arg)
{
    (void)arg;
    ck_assert_int_eq(pipe(pair), 0);
    for (int i = 0; i < 2; i++) {
        if (i == 1)
            on("errno read EIO p=0");
        ck_assert_int_eq(cop_spawn(NULL, waits, &pair[0], NULL), 0);
        cop_sleep(30 * COP_MS);
        ck_assert_int_eq(atomic_load(&done), i);
        ck_assert_int_eq(write(pair[1], "x", 1), 1);
        while (atomic_load(&done) == i)
            cop_sleep(COP_MS);
    }
    ck_assert_int_eq(atomic_load(&errors), 0);
}

START_TEST(who_waits_in_the_kernel_holds_nobody_up)
{
    static const cop_config single = {.workers = 1};
    actor_test(waiting_body, &single);
}
END_TEST

static const cop_config hasty = {
    .workers = 2, .slice_ns = COP_MS, .log = keep_log};
static atomic_bool stop;
static atomic_int good_reads, bad_reads, wrong;

static void reads_some(int n)
{
    for (int i = 0; i < n; i++) {
        errno = 0;
        if (reads())
            atomic_fetch_add(&good_reads, 1);
        else
            atomic_fetch_add(errno == EIO ? &bad_reads : &wrong, 1);
    }
}

/* Preempted anywhere: what it finds is only counted. */
static void reads_on(void *arg)
{
    (void)arg;
    while (!atomic_load(&stop))
        reads_some(1);
    atomic_fetch_add(&done, 1);
}

/* Gives way now and then, so that those who are killed do end. */
static void reads_and_yields(void *arg)
{
    (void)arg;
    while (!atomic_load(&stop)) {
        reads_some(20);
        cop_yield();
    }
    atomic_fetch_add(&done, 1);
}

static void count_body(void *arg)
{
    (void)arg;
    open_zero();
    on("errno read EIO p=0.1");
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(cop_spawn(NULL, reads_on, NULL, NULL), 0);
    cop_sleep(300 * COP_MS);
    atomic_store(&stop, true);
    while (atomic_load(&done) < 6)
        cop_sleep(COP_MS);
    ck_assert_int_eq(atomic_load(&wrong), 0);
    ck_assert_uint_eq(FIRED(0), (unsigned)atomic_load(&bad_reads));
    ck_assert_uint_eq(SEEN(0), (unsigned)(atomic_load(&bad_reads) +
                                          atomic_load(&good_reads)));
    ck_assert_int_gt(atomic_load(&bad_reads), 0);
}

START_TEST(counts_agree_under_preemption)
{
    actor_test(count_body, &hasty);
}
END_TEST

static void toggle_body(void *arg)
{
    cop_pid p[4];
    cop_opts opts = {.name = "reader"};
    (void)arg;
    open_zero();
    for (int i = 0; i < 4; i++) {
        opts.name = i == 0 ? "reader" : NULL;
        ck_assert_int_eq(cop_spawn(&p[i], reads_and_yields, NULL, &opts), 0);
    }
    for (int i = 0; i < 300; i++) {
        on(i % 2 == 0 ? "errno read EIO p=0.5"
                      : "errno read EIO p=0.5 actor=reader");
        cop_sleep(COP_MS / 4);
        cop_chaos_off();
        /* killed in the middle of a call, or not yet */
        ck_assert_int_eq(cop_exit_signal(p[1 + i % 3], COP_KILL), 0);
        ck_assert_int_eq(cop_spawn(&p[1 + i % 3], reads_and_yields, NULL, NULL),
                         0);
    }
    atomic_store(&stop, true);
    while (atomic_load(&done) < 4)
        cop_sleep(COP_MS);
    ck_assert_int_eq(atomic_load(&wrong), 0);
    ck_assert_int_gt(atomic_load(&bad_reads), 0);
    ck_assert_int_gt(atomic_load(&good_reads), 0);
}

START_TEST(plans_come_and_go)
{
    actor_test(toggle_body, &hasty);
}
END_TEST

static const TTest *const cases[] = {
    each_fails_when_it_is_told,
    other_names_are_the_same,
    modes_arrive,
    close_closes,
    sleepers_learn_what_is_left,
    a_pattern_says_who,
    others_are_left_alone,
    blocking_work_is_the_actors,
    handlers_of_signals_are_left_alone,
    handler_actors_too,
    options_say_when,
    the_first_rule_wins,
    what_failed_is_told,
    the_environment_is_enough,
    who_waits_in_the_kernel_holds_nobody_up,
    counts_agree_under_preemption,
    plans_come_and_go,
};
NATIVE_MAIN("chaos_libc", cases)
