/* SPDX-License-Identifier: MIT
 *
 * syscall_test.c - actors that make one short system call after the other and
 * never call the runtime: others run beside them, they can be killed, they end
 * when they run for too long; and nobody gives way where it must not.
 */
#include "tests/support/chaos.h"
#include "tests/support/kid.h"
#include "tests/support/native.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TAG_PING = 10, TAG_PONG };

static atomic_bool may_end;
static atomic_int wrong;
static int zero = -1, ends[2], sockets[2];

static void open_all(void)
{
    zero = open("/dev/zero", O_RDWR);
    ck_assert_int_ge(zero, 0);
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
}

static bool has_ended(void)
{
    return atomic_load_explicit(&may_end, memory_order_relaxed);
}

/* Each without a call of its own between two of libc's. */
static void reads(void *arg)
{
    char c;
    (void)arg;
    while (!has_ended())
        if (read(zero, &c, 1) != 1)
            atomic_fetch_add(&wrong, 1);
}

/* Those of six arguments have a long way of another shape. */
static void sends(void *arg)
{
    char c;
    (void)arg;
    while (!has_ended())
        if (sendto(sockets[0], "x", 1, 0, NULL, 0) != 1 ||
            recvfrom(sockets[1], &c, 1, 0, NULL, NULL) != 1)
            atomic_fetch_add(&wrong, 1);
}

static void opens(void *arg)
{
    (void)arg;
    while (!has_ended()) {
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fd < 0 || close(fd) != 0)
            atomic_fetch_add(&wrong, 1);
    }
}

static void pipes(void *arg)
{
    char c;
    (void)arg;
    while (!has_ended())
        if (write(ends[1], "x", 1) != 1 || read(ends[0], &c, 1) != 1)
            atomic_fetch_add(&wrong, 1);
}

/* A signal cuts such a sleep short. */
static void naps(void *arg)
{
    const struct timespec shortly = {.tv_nsec = 1000};
    (void)arg;
    while (!has_ended())
        if (nanosleep(&shortly, NULL) != 0 && errno != EINTR)
            atomic_fetch_add(&wrong, 1);
}

/* The last one's thread waits most of the time. */
static void (*const loops[])(void *) = {reads, sends, opens, pipes, naps};
enum { LOOPS = sizeof loops / sizeof loops[0], BUSY = LOOPS - 1 };

static cop_counters counters(void)
{
    cop_counters c;
    cop_counters_get(&c);
    return c;
}

/* ------------------------------------------------------- others run on -- */

static void answers(void *arg)
{
    const cop_msg *m;
    (void)arg;
    while (cop_recv(&m, COP_FOREVER) == 0)
        (void)cop_send(cop_msg_sender(m), TAG_PONG, NULL, 0);
}

static int which;      /* of the loops */
static bool is_pinned; /* they are */

/* In turns, not in time: who wakes goes before them. And they need no threads
 * of their own. */
static void beside_body(void *arg)
{
    const cop_opts how = {.pinned = is_pinned};
    const cop_msg *m;
    cop_pid echo;
    (void)arg;
    open_all();
    ck_assert_int_eq(cop_spawn(&echo, answers, NULL, NULL), 0);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(cop_spawn(NULL, loops[which], NULL, &how), 0);
    while (counters().preemptions < 12)
        cop_sleep(COP_MS);
    uint64_t before = counters().preemptions;
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(cop_send(echo, TAG_PING, NULL, 0), 0);
        ck_assert_int_eq(cop_recv_tag(&m, TAG_PONG, patience()), 0);
    }
    ck_assert_uint_le(counters().preemptions - before, 40);
    ck_assert_uint_eq(counters().handovers, 0);
    ck_assert_int_eq(atomic_load(&wrong), 0);
    atomic_store(&may_end, true);
}

START_TEST(others_run_beside_system_calls)
{
    for (which = 0; which < BUSY; which++) {
        atomic_store(&may_end, false);
        actor_test(beside_body, &(cop_config){.workers = 1});
    }
}
END_TEST

START_TEST(others_run_beside_pinned_system_calls)
{
    is_pinned = true;
    actor_test(beside_body, &(cop_config){.workers = 1});
}
END_TEST

/* -------------------------------------------------------- being ended -- */

static void note_end(void *arg)
{
    note("%s", (char *)arg);
}

static bool is_lost; /* their threads have lost the worker */

static void loops_with_clean_up(void *arg)
{
    if (cop_defer(note_end, "cleaned up") != 0)
        atomic_fetch_add(&wrong, 1);
    if (is_lost)
        usleep(300000);
    loops[which](arg);
}

static void until_it_is_lost(void)
{
    while (counters().handovers == 0)
        cop_sleep(20 * COP_MS);
    cop_sleep(400 * COP_MS);
}

static cop_time limit;

static void end_body(void *arg)
{
    const cop_msg *m;
    const cop_fault *f;
    cop_ref ref;
    cop_pid pid;
    const cop_opts opts = {.monitor = &ref, .max_run_ns = limit};
    (void)arg;
    open_all();
    ck_assert_int_eq(cop_spawn(&pid, loops_with_clean_up, NULL, &opts), 0);
    if (is_lost)
        until_it_is_lost();
    else
        cop_sleep(5 * COP_MS);
    if (limit == 0)
        cop_exit_signal(pid, COP_KILL);
    ck_assert_int_eq(cop_recv_ref(&m, ref, patience()), 0);
    if (limit == 0) {
        ck_assert(cop_reason_eq(cop_msg_reason(m), COP_KILLED));
    } else {
        f = cop_reason_fault(cop_msg_reason(m));
        ck_assert_ptr_nonnull(f);
        ck_assert_str_eq(f->what, "runaway");
        ck_assert_uint_ge(f->depth, 1);
    }
    notes_are("cleaned up|");
}

static void end_each(unsigned workers)
{
    for (which = 0; which < LOOPS; which++)
        actor_test(end_body, &(cop_config){.workers = workers});
}

START_TEST(system_calls_can_be_killed)
{
    end_each(2);
}
END_TEST

START_TEST(system_calls_can_be_killed_on_one_worker)
{
    end_each(1);
}
END_TEST

START_TEST(system_calls_without_a_worker_can_be_killed)
{
    is_lost = true;
    end_each(1);
}
END_TEST

START_TEST(a_runaway_in_system_calls_ends_itself)
{
    limit = 50 * COP_MS;
    end_each(1);
}
END_TEST

START_TEST(a_runaway_in_system_calls_without_a_worker_ends_itself)
{
    is_lost = true;
    limit = 500 * COP_MS;
    end_each(1);
}
END_TEST

START_TEST(the_runtime_stops_beside_system_calls)
{
    open_all();
    started(1);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(cop_spawn(NULL, loops[i % LOOPS], NULL, NULL), 0);
    stopped();
}
END_TEST

/* ------------------------------------------------- what they see of it -- */

/* The address of the plain errno is the thread's, and compilers keep it. */
static void looks_at_errno(void *arg)
{
    const struct timespec at_once = {0};
    char c;
    (void)arg;
    while (!has_ended()) {
        int *address = &errno;
        errno = 77;
        if (read(zero, &c, 1) != 1 || *address != 77 || &errno != address)
            atomic_fetch_add(&wrong, 1);
        if (read(-1, &c, 1) != -1 || *address != EBADF || &errno != address)
            atomic_fetch_add(&wrong, 1);
        if (clock_nanosleep(12345, 0, &at_once, NULL) != EINVAL ||
            *address != EBADF)
            atomic_fetch_add(&wrong, 1);
    }
}

static void errno_body(void *arg)
{
    (void)arg;
    open_all();
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(cop_spawn(NULL, looks_at_errno, NULL, NULL), 0);
    while (counters().preemptions < 100)
        cop_sleep(COP_MS);
    atomic_store(&may_end, true);
    ck_assert_int_eq(atomic_load(&wrong), 0);
}

START_TEST(errno_stays_where_it_is)
{
    actor_test(errno_body, &(cop_config){.workers = 2, .slice_ns = COP_MS});
}
END_TEST

/* Plans come and go while they are looked for. */
static void plan_body(void *arg)
{
    char c;
    (void)arg;
    open_all();
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(cop_spawn(NULL, pipes, NULL, NULL), 0);
    for (int i = 0; i < 50; i++) {
        on("errno pread EIO");
        errno = 0;
        ck_assert(pread(zero, &c, 1, 0) == -1 && errno == EIO);
        ck_assert_int_eq(read(zero, &c, 1), 1);
        cop_sleep(3 * COP_MS);
        ck_assert_int_eq(pread(zero, &c, 1, 0), -1);
        cop_chaos_off();
        ck_assert_int_eq(pread(zero, &c, 1, 0), 1);
    }
    ck_assert_uint_gt(counters().preemptions, 4);
    atomic_store(&may_end, true);
    ck_assert_int_eq(atomic_load(&wrong), 0);
}

START_TEST(a_plan_does_not_mind)
{
    actor_test(plan_body, &(cop_config){.workers = 1});
}
END_TEST

/* ------------------------------------------------------ where nobody does --
 */

/* Long enough to be pressed, many times over. */
static void reads_for_a_while(void)
{
    char c;
    for (int64_t end = real_now() + 100 * COP_MS; real_now() < end;)
        for (int i = 0; i < 1000; i++)
            if (read(zero, &c, 1) != 1)
                atomic_fetch_add(&wrong, 1);
}

/* How often the calling actor is preempted in fn: by calls alone, as no signal
 * comes through. */
static uint64_t preempted_in(void (*fn)(void))
{
    sigset_t all, own;
    sigfillset(&all);
    uint64_t before = counters().preemptions;
    pthread_sigmask(SIG_SETMASK, &all, &own);
    fn();
    pthread_sigmask(SIG_SETMASK, &own, NULL);
    return counters().preemptions - before;
}

static void on_signal(int sig)
{
    (void)sig;
    reads_for_a_while();
}

static int handler_flags;

static void in_a_handler(void)
{
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = handler_flags};
    sigset_t set;
    sigfillset(&sa.sa_mask);
    sigaction(SIGUSR1, &sa, NULL);
    pthread_kill(pthread_self(), SIGUSR1);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL); /* it comes here */
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* Its caller holds the lock of the stream. */
static ssize_t cookie_read(void *cookie, char *to, size_t n)
{
    (void)cookie;
    reads_for_a_while();
    memset(to, 'x', n);
    return (ssize_t)n;
}

static FILE *stream;

static void in_a_callback(void)
{
    if (fgetc(stream) != 'x')
        atomic_fetch_add(&wrong, 1);
}

static bool chooses(const cop_msg *m, void *ctx)
{
    (void)m;
    (void)ctx;
    reads_for_a_while();
    return true;
}

static void in_a_choice(void)
{
    const cop_msg *m;
    if (cop_send(cop_self(), TAG_PING, NULL, 0) != 0 ||
        cop_recv_when(&m, chooses, NULL, COP_POLL) != 0)
        atomic_fetch_add(&wrong, 1);
}

static void nowhere_body(void *arg)
{
    const cookie_io_functions_t io = {.read = cookie_read};
    (void)arg;
    open_all();
    stream = fopencookie(NULL, "r", io);
    ck_assert_ptr_nonnull(stream);
    ck_assert_uint_gt(preempted_in(reads_for_a_while), 0);
    handler_flags = SA_ONSTACK;
    ck_assert_uint_eq(preempted_in(in_a_handler), 0);
    handler_flags = 0;
    ck_assert_uint_eq(preempted_in(in_a_handler), 0);
    ck_assert_uint_eq(preempted_in(in_a_callback), 0);
    ck_assert_uint_eq(preempted_in(in_a_choice), 0);
    ck_assert_uint_gt(preempted_in(reads_for_a_while), 0);
    ck_assert_int_eq(fclose(stream), 0);
    ck_assert_int_eq(atomic_load(&wrong), 0);
}

START_TEST(nobody_gives_way_in_the_middle_of_something)
{
    actor_test(nowhere_body, &(cop_config){.workers = 1});
}
END_TEST

/* It has no other threads, and must not run other actors. */
static int child(void)
{
    alarm(10);
    reads_for_a_while();
    return atomic_load(&wrong) == 0 ? 7 : 8;
}

static int child_status;

static void in_a_child(void)
{
    for (int64_t end = real_now() + 25 * COP_MS; real_now() < end;)
        continue; /* the next call gives way */
    pid_t pid = fork();
    if (pid == 0)
        _exit(child());
    if (waitpid(pid, &child_status, 0) != pid)
        atomic_fetch_add(&wrong, 1);
}

static void child_body(void *arg)
{
    (void)arg;
    open_all();
    ck_assert_int_eq(cop_spawn(NULL, pipes, NULL, NULL), 0);
    (void)preempted_in(in_a_child);
    ck_assert(WIFEXITED(child_status));
    ck_assert_int_eq(WEXITSTATUS(child_status), 7);
    atomic_store(&may_end, true);
}

START_TEST(a_forked_child_gives_way_to_nobody)
{
    actor_test(child_body, &(cop_config){.workers = 1});
}
END_TEST

static void job(void *arg)
{
    (void)arg;
    reads_for_a_while();
}

static void *thread_main(void *unused)
{
    reads_for_a_while();
    return unused;
}

static void threads_body(void *arg)
{
    pthread_t t;
    (void)arg;
    open_all();
    ck_assert_int_eq(cop_spawn(NULL, pipes, NULL, NULL), 0);
    ck_assert_int_eq(pthread_create(&t, NULL, thread_main, NULL), 0);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(cop_blocking(job, NULL), 0);
    ck_assert_int_eq(pthread_join(t, NULL), 0);
    atomic_store(&may_end, true);
    ck_assert_int_eq(atomic_load(&wrong), 0);
}

START_TEST(other_threads_are_left_alone)
{
    actor_test(threads_body, &(cop_config){.workers = 1});
}
END_TEST

static const TTest *const cases[] = {
    others_run_beside_system_calls,
    others_run_beside_pinned_system_calls,
    system_calls_can_be_killed,
    system_calls_can_be_killed_on_one_worker,
    system_calls_without_a_worker_can_be_killed,
    a_runaway_in_system_calls_ends_itself,
    a_runaway_in_system_calls_without_a_worker_ends_itself,
    the_runtime_stops_beside_system_calls,
    errno_stays_where_it_is,
    a_plan_does_not_mind,
    nobody_gives_way_in_the_middle_of_something,
    a_forked_child_gives_way_to_nobody,
    other_threads_are_left_alone,
};
NATIVE_MAIN("syscall", cases)
