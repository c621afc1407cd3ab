/* SPDX-License-Identifier: MIT
 *
 * crash_more_test.c - where a native fault meets other code: checks of
 * _FORTIFY_SOURCE, callbacks of the runtime and of libraries, several crashes
 * at once, signals from other processes, handlers that were there before.
 */
#include "tests/support/death.h"
#include "tests/support/kid.h"
#include "tests/support/native.h"
#include "tests/support/started.h"

#include <dlfcn.h>
#include <link.h>
#include <poll.h>
#include <search.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TAG_GO = 1, TAG_OTHER, RACES = 50 };

static void *volatile null;
static volatile int sink;
static volatile size_t forty = 40;

static void reads_null(void *arg)
{
    (void)arg;
    sink = *(volatile int *)null;
}

static atomic_int which_checked;

/* An actor that runs fn ends with `text`, or what begins so. */
static void ends_with(cop_fn fn, const char *text)
{
    char have[COP_REASON_TEXT];
    const cop_msg *m;
    cop_ref ref;

    ck_assert_int_eq(cop_spawn(NULL, fn, NULL, &(cop_opts){.monitor = &ref}),
                     0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, cop_in(20 * COP_SEC)), 0);
    cop_reason_str(cop_msg_reason(m), have, sizeof have);
    ck_assert_msg(strncmp(have, text, strlen(text)) == 0,
                  "%s instead of %s (%d)", have, text,
                  atomic_load(&which_checked));
}

/* Called so that the compiler cannot know better. */
extern void *__memcpy_chk(void *, const void *, size_t, size_t);
extern void *__memmove_chk(void *, const void *, size_t, size_t);
extern void *__mempcpy_chk(void *, const void *, size_t, size_t);
extern void *__memset_chk(void *, int, size_t, size_t);
extern char *__strcpy_chk(char *, const char *, size_t);
extern char *__stpcpy_chk(char *, const char *, size_t);
extern char *__strncpy_chk(char *, const char *, size_t, size_t);
extern char *__stpncpy_chk(char *, const char *, size_t, size_t);
extern char *__strcat_chk(char *, const char *, size_t);
extern char *__strncat_chk(char *, const char *, size_t, size_t);
extern int __sprintf_chk(char *, int, size_t, const char *, ...);
extern int __snprintf_chk(char *, size_t, int, size_t, const char *, ...);
extern char *__fgets_chk(char *, size_t, int, FILE *);
extern size_t __fread_chk(void *, size_t, size_t, size_t, FILE *);
extern ssize_t __read_chk(int, void *, size_t, size_t);
extern ssize_t __pread_chk(int, void *, size_t, off_t, size_t);
extern ssize_t __recv_chk(int, void *, size_t, size_t, int);
extern ssize_t __readlink_chk(const char *, char *, size_t, size_t);
extern char *__getcwd_chk(char *, size_t, size_t);
extern int __poll_chk(struct pollfd *, nfds_t, int, size_t);
extern long __fdelt_chk(long);

/* ------------------------------------------------------------- fortify -- */

static const char long_text[] = "forty bytes and more of text, to be copied";

/* One that needs n bytes of a buffer said to have `room`. */
static void call_checked(int which, size_t n, size_t room)
{
    char buffer[256] = "";
    char *volatile hidden = buffer; /* of an unknown size */
    char *to = hidden;
    const char *from = long_text + sizeof long_text - n;

    switch (which) {
    case 0:
        __memcpy_chk(to, from, n, room);
        break;
    case 1:
        __memmove_chk(to, from, n, room);
        break;
    case 2:
        ck_assert_ptr_eq(__mempcpy_chk(to, from, n, room), to + n);
        break;
    case 3:
        __memset_chk(to, 'x', n, room);
        to[n] = '\0';
        ck_assert_uint_eq(strlen(to), n);
        return;
    case 4:
        __strcpy_chk(to, from, room);
        break;
    case 5:
        ck_assert_ptr_eq(__stpcpy_chk(to, from, room), to + n - 1);
        break;
    case 6:
        __strncpy_chk(to, from, n, room);
        break;
    case 7:
        __stpncpy_chk(to, from, n, room);
        break;
    case 8:
        __strcat_chk(to, from, room);
        break;
    case 9:
        __strncat_chk(to, from, forty * 2, room);
        break;
    case 10:
        __sprintf_chk(to, 1, room, "%s", from);
        break;
    default:
        ck_assert_int_eq(__snprintf_chk(to, n, 1, room, "%s", from),
                         (int)n - 1);
        break;
    }
    ck_assert_str_eq(to, from);
}

static void call_checked_io(int which, size_t n, size_t room)
{
    struct pollfd fds[32];
    char to[256];

    switch (which) {
    case 12:
        (void)!__read_chk(-1, to, n, room);
        break;
    case 13:
        (void)!__pread_chk(-1, to, n, 0, room);
        break;
    case 14:
        (void)__recv_chk(-1, to, n, room, 0);
        break;
    case 15:
        (void)!__readlink_chk("/proc/self/exe", to, n, room);
        break;
    case 16:
        (void)!__getcwd_chk(to, n, room);
        break;
    case 17:
        (void)!__fgets_chk(to, room, (int)n, NULL);
        break;
    case 18:
        (void)!__fread_chk(to, room, 1, n, NULL);
        break;
    case 19:
        (void)__poll_chk(fds, n, 0, room * sizeof fds[0]);
        break;
    default:
        (void)__fdelt_chk((long)n * 1000);
    }
}

enum { CHECKED_IN_MEMORY = 12, CHECKED = 21 };

static void overflows_checked(void *arg)
{
    int which = atomic_load(&which_checked);
    (void)arg;
    if (which < CHECKED_IN_MEMORY)
        call_checked(which, forty, forty - 1);
    else
        call_checked_io(which, forty, forty - 1);
}

/* As the compiler makes it, if it does. */
static void overflows_as_compiled(void *arg)
{
    char to[16];
    (void)arg;
#if __USE_FORTIFY_LEVEL > 0
    memcpy(to, long_text, forty);
    sink = to[forty % sizeof to];
#else
    __memcpy_chk(to, long_text, forty, sizeof to);
#endif
}

static void fortify_body(void *arg)
{
    cop_reason why;

    (void)arg;
    for (int i = 0; i < CHECKED; i++) {
        atomic_store(&which_checked, i);
        ends_with(overflows_checked, "{fault, buffer_overflow}");
        ck_assert_int_eq(cop_catch(overflows_checked, NULL, &why), COP_EFAILED);
        cop_reason_release(why);
    }
    ends_with(overflows_as_compiled, "{fault, buffer_overflow}");
}

START_TEST(a_checked_overflow_ends_the_actor_alone)
{
    actor_test(fortify_body, NULL);
}
END_TEST

/* With just enough room, and with room that nobody knows. */
START_TEST(checked_functions_work_as_the_others)
{
    for (int i = 0; i < CHECKED_IN_MEMORY; i++) {
        call_checked(i, forty, forty);
        call_checked(i, forty, forty + 1);
        call_checked(i, forty, SIZE_MAX);
    }
    ck_assert_int_eq(__fdelt_chk(130), 130 / (8 * (long)sizeof(long)));
    ck_assert_int_eq(__read_chk(-1, NULL, 0, 0), -1);
}
END_TEST

static void overflows_outside(void)
{
    started(1);
    overflows_checked(NULL);
}

START_TEST(outside_of_actors_a_checked_overflow_ends_the_process)
{
    char said[4096];

    ck_assert_int_eq(death_signal(overflows_outside, said, sizeof said),
                     SIGABRT);
    ck_assert_ptr_nonnull(strstr(said, "buffer overflow detected"));
}
END_TEST

/* ---------------------------------------------------------------- `when` -- */

/* Longer than a busy machine keeps the sender from its turn. */
#define WAIT (COP_SEC / 2)

static bool crashing_when(const cop_msg *m, void *ctx)
{
    if (cop_msg_tag(m) == TAG_GO)
        ((cop_fn)ctx)(NULL);
    return false;
}

static void aborts(void *arg)
{
    (void)arg;
    abort();
}

static void waits_with(cop_fn fn, cop_time deadline)
{
    const cop_msg *m;
    ck_assert_int_eq(cop_send(cop_self(), TAG_OTHER, NULL, 0), 0);
    /* the search does not go on */
    ck_assert_int_eq(cop_recv_when(&m, crashing_when, (void *)fn, deadline),
                     COP_EFAILED);
}

static void sends_later(void *arg)
{
    cop_pid to = *(cop_pid *)arg;
    cop_yield();
    ck_assert_int_eq(cop_send(to, TAG_GO, NULL, 0), 0);
}

/* The message comes while it waits, with a timer running. */
static void crashes_in_when(cop_fn fn)
{
    cop_pid self = cop_self();
    ck_assert_int_eq(cop_spawn(NULL, sends_later, &self,
                               &(cop_opts){.arg_bytes = sizeof self}),
                     0);
    waits_with(fn, cop_in(WAIT));
}

/* So that the record of the wait lies now here, now there, relative to where
 * the actor goes on if it catches. */
__attribute__((noinline)) static void deeper(int n)
{
    volatile char frame[32];
    frame[0] = (char)n;
    if (n == 0)
        crashes_in_when(reads_null);
    else
        deeper(n - 1);
    sink = frame[0];
}

static atomic_int depth_of_when;

static void reads_in_when(void *arg)
{
    (void)arg;
    deeper(atomic_load(&depth_of_when));
}

static void aborts_in_when(void *arg)
{
    (void)arg;
    crashes_in_when(aborts);
}

static void when_body(void *arg)
{
    const cop_msg *m;
    cop_reason why;

    (void)arg;
    for (int i = 0; i < 100; i++) {
        atomic_store(&depth_of_when, i % 50);
        ends_with(reads_in_when, "{fault, SIGSEGV, 0x0}");
        ends_with(aborts_in_when, "{fault, abort}");
        ck_assert_int_eq(cop_catch(reads_in_when, NULL, &why), COP_EFAILED);
        ck_assert_int_eq(cop_reason_kind(why), COP_R_FAULT);
        cop_reason_release(why);
        /* the mailbox is whole: both messages are still there */
        ck_assert_int_eq(cop_recv(&m, COP_POLL), 0);
        ck_assert_uint_eq(cop_msg_tag(m), TAG_OTHER);
        ck_assert_int_eq(cop_recv(&m, COP_POLL), 0);
        ck_assert_uint_eq(cop_msg_tag(m), TAG_GO);
    }
    cop_sleep(2 * WAIT); /* the timers of those waits would fire now */
    ck_assert_int_eq(cop_recv(&m, COP_POLL), COP_ETIMEDOUT);
}

START_TEST(a_crash_in_a_when_is_the_actors)
{
    actor_test(when_body, NULL);
}
END_TEST

static atomic_bool stop_interrupting;

static void interrupts(void *arg)
{
    (void)arg;
    while (!atomic_load(&stop_interrupting)) {
        cop_ext_preempt();
        cop_yield();
    }
}

/* No checks of the library in here: they take a mutex of the system's, which an
 * interrupted actor may hold. */
static atomic_bool damaged;

static bool slow_when(const cop_msg *m, void *ctx)
{
    cop_time end = real_now() + *(cop_time *)ctx;
    while (real_now() < end)
        for (int i = 0; i < 1000; i++)
            sink = i;
    if (memcmp(cop_msg_body(m), "0123456789", 10) != 0)
        atomic_store(&damaged, true);
    return cop_msg_tag(m) == TAG_GO;
}

static void sends_more(void *arg)
{
    cop_pid to = *(cop_pid *)arg;
    for (int i = 0; i < 100; i++) {
        (void)cop_send(to, TAG_OTHER, "0123456789", 10);
        cop_sleep(COP_MS / 20);
    }
    (void)cop_send(to, TAG_GO, "0123456789", 10);
}

/* A mailbox that drops its oldest message, while `when` looks at that one. */
static void dropping_body(void *arg)
{
    cop_time busy = COP_MS;
    const cop_msg *m;

    (void)arg;
    for (int i = 0; i < 20; i++) {
        cop_pid self = cop_self();
        ck_assert_int_eq(cop_spawn(NULL, sends_more, &self,
                                   &(cop_opts){.arg_bytes = sizeof self}),
                         0);
        ck_assert_int_eq(
            cop_recv_when(&m, slow_when, &busy, cop_in(20 * COP_SEC)), 0);
    }
    atomic_store(&stop_interrupting, true);
    ck_assert(!atomic_load(&damaged));
}

static void dropping_actor(void *arg)
{
    char why[COP_REASON_TEXT];
    const cop_msg *m;
    cop_ref ref;

    (void)arg;
    ck_assert_int_eq(cop_spawn(NULL, interrupts, NULL, NULL), 0);
    ck_assert_int_eq(cop_spawn(NULL, dropping_body, NULL,
                               &(cop_opts){.monitor = &ref,
                                           .mailbox_max = 4,
                                           .mailbox_full = COP_FULL_DROP_OLD}),
                     0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, cop_in(25 * COP_SEC)), 0);
    cop_reason_str(cop_msg_reason(m), why, sizeof why);
    ck_assert_str_eq(why, "normal");
}

START_TEST(nothing_interrupts_a_when)
{
    actor_test(dropping_actor, &(cop_config){.workers = 2});
}
END_TEST

/* ------------------------------------------- called back by a library -- */

static int by_crashing(const void *a, const void *b)
{
    (void)a, (void)b;
    reads_null(NULL);
    return sink;
}

static void sorts(void *arg)
{
    int some[] = {3, 1, 2};
    (void)arg;
    qsort(some, 3, sizeof some[0], by_crashing);
}

static void searches(void *arg)
{
    int some[] = {1, 2, 3};
    (void)arg;
    (void)!bsearch(&some[1], some, 3, sizeof some[0], by_crashing);
}

static void sorting_body(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100; i++) {
        ends_with(sorts, "{fault, SIGSEGV, 0x0}");
        ends_with(searches, "{fault, SIGSEGV, 0x0}");
    }
}

START_TEST(sorting_holds_no_lock)
{
    actor_test(sorting_body, NULL);
}
END_TEST

static int per_object(struct dl_phdr_info *o, size_t size, void *fn)
{
    (void)o, (void)size;
    ((cop_fn)fn)(NULL);
    return sink;
}

static void lists_objects(void *fn)
{
    dl_iterate_phdr(per_object, fn);
}

static void finds(void *arg)
{
    int some[] = {1};
    size_t n = 1;
    (void)arg;
    (void)!lfind(&some[0], some, &n, sizeof some[0],
                 (int (*)(const void *, const void *))(void (*)(void))abort);
}

#if defined(__x86_64__)
/* Faults with an address of libc's on top of its stack, as old frames leave it
 * there: it must not be taken for where it returns to. */
void fault_above(void (*old)(void));
__asm__(".text\n"
        ".type fault_above, @function\n"
        "fault_above:\n"
        "        .cfi_startproc\n"
        "        pushq   %rbx\n"
        "        .cfi_adjust_cfa_offset 8\n"
        "        .cfi_rel_offset %rbx, 0\n"
        "        pushq   %rdi\n"
        "        .cfi_adjust_cfa_offset 8\n"
        "        movl    0x20, %eax\n"
        "        addq    $16, %rsp\n"
        "        .cfi_adjust_cfa_offset -16\n"
        "        ret\n"
        "        .cfi_endproc\n"
        ".size fault_above, . - fault_above\n");

static void faults_above_old_frames(void *arg)
{
    (void)arg;
    fault_above((void (*)(void))(uintptr_t)dlsym(RTLD_DEFAULT, "printf"));
    sink = 1; /* no tail call */
}

static bool is_within(uintptr_t pc, cop_fn fn)
{
    return pc - (uintptr_t)fn < 256;
}

static void old_frames_body(void *arg)
{
    const cop_fault *f;
    cop_reason why;

    (void)arg;
    ends_with(faults_above_old_frames, "{fault, SIGSEGV, 0x20}");
    ck_assert_int_eq(cop_catch(faults_above_old_frames, NULL, &why),
                     COP_EFAILED);
    f = cop_reason_fault(why);
    ck_assert_uint_ge(f->depth, 2);
    ck_assert(is_within(f->frames[1], faults_above_old_frames));
    cop_reason_release(why);
}
#else
static void old_frames_body(void *arg)
{
    (void)arg;
}
#endif

START_TEST(what_old_frames_left_is_no_caller)
{
    actor_test(old_frames_body, NULL);
}
END_TEST

static void in_actor(cop_fn fn, void *arg)
{
    started(2);
    if (cop_spawn(NULL, fn, arg, NULL) == 0)
        sleep(20);
}

static void reads_with_linker_locked(void)
{
    in_actor(lists_objects, (void *)reads_null);
}

static void aborts_with_linker_locked(void)
{
    in_actor(lists_objects, (void *)aborts);
}

static void libc_aborts(void)
{
    in_actor(finds, NULL);
}

START_TEST(a_library_that_calls_back_may_hold_a_lock)
{
    char said[8192];

    ck_assert_int_eq(death_signal(reads_with_linker_locked, said, sizeof said),
                     SIGSEGV);
    ck_assert_ptr_nonnull(strstr(said, "that a library called"));
    ck_assert_int_eq(death_signal(aborts_with_linker_locked, said, sizeof said),
                     SIGABRT);
    ck_assert_int_eq(death_signal(libc_aborts, said, sizeof said), SIGABRT);
}
END_TEST

/* --------------------------------------------------------- at the same time --
 */

static atomic_int meeting;

static void prints_garbage(void *arg)
{
    char text[64];

    (void)arg;
    atomic_fetch_add(&meeting, 1);
    while (atomic_load(&meeting) < 2)
        ;
    snprintf(text, sizeof text, "%s", (char *)null + 16);
}

static void two_at_once(void)
{
    started(2);
    if (cop_spawn(NULL, prints_garbage, NULL, NULL) == 0 &&
        cop_spawn(NULL, prints_garbage, NULL, NULL) == 0)
        sleep(20);
}

/* Both must end the process: one reports, the other waits for that. */
START_TEST(reports_are_made_one_at_a_time)
{
    char said[8192];

    for (int i = 0; i < RACES; i++) {
        ck_assert_int_eq(death_signal(two_at_once, said, sizeof said), SIGSEGV);
        char *first = strstr(said, "fatal: SIGSEGV");
        ck_assert_ptr_nonnull(first);
        ck_assert_ptr_null(strstr(first + 1, "fatal: SIGSEGV"));
        ck_assert_ptr_nonnull(strstr(first, "actor number"));
    }
}
END_TEST

static void crashes_for_ever(void *arg)
{
    (void)arg;
    for (;;)
        (void)!cop_catch(reads_null, NULL, NULL);
}

static void fatal_beside_survivors(void)
{
    started(2);
    atomic_store(&meeting, 1);
    if (cop_spawn(NULL, crashes_for_ever, NULL, NULL) == 0 &&
        cop_spawn(NULL, prints_garbage, NULL, NULL) == 0)
        sleep(20);
}

START_TEST(a_fatal_fault_beside_a_storm_is_reported)
{
    char said[8192];

    for (int i = 0; i < RACES; i++) {
        ck_assert_int_eq(
            death_signal(fatal_beside_survivors, said, sizeof said), SIGSEGV);
        ck_assert_ptr_nonnull(strstr(said, "libc.so"));
    }
}
END_TEST

/* ------------------------------------------------ handlers and other people --
 */

static void killed_by_another(void)
{
    pid_t self = getpid();

    started(2);
    if (fork() == 0) {
        kill(self, SIGSEGV);
        _exit(0);
    }
    sleep(20);
}

START_TEST(a_signal_of_another_process_ends_this_one)
{
    char said[8192];

    ck_assert_int_eq(death_signal(killed_by_another, said, sizeof said),
                     SIGSEGV);
    ck_assert_ptr_nonnull(strstr(said, "another process sent it"));
}
END_TEST

static void *seen_at;

static void look_at_address(int sig, siginfo_t *si, void *uc)
{
    static const char text[] = "with its address\n";

    (void)sig, (void)uc;
    if (si->si_addr == seen_at)
        (void)!write(STDERR_FILENO, text, sizeof text - 1);
    _exit(0);
}

static void with_informed_handler(void)
{
    struct sigaction sa = {.sa_flags = SA_SIGINFO};

    sa.sa_sigaction = look_at_address;
    sigaction(SIGSEGV, &sa, NULL);
    in_actor(prints_garbage, NULL);
}

/* It gets the fault as if we had not been there: what actors survive it never
 * sees. */
START_TEST(the_handler_before_sees_what_ends_the_process)
{
    char said[8192];

    seen_at = (char *)null + 16;
    atomic_store(&meeting, 1);
    ck_assert_int_eq(death_signal(with_informed_handler, said, sizeof said), 0);
    ck_assert_ptr_nonnull(strstr(said, "with its address"));
    ck_assert_ptr_nonnull(strstr(said, "libc.so"));
}
END_TEST

static void ignored_before(void)
{
    signal(SIGSEGV, SIG_IGN);
    atomic_store(&meeting, 1);
    in_actor(prints_garbage, NULL);
}

START_TEST(an_ignored_fault_is_still_the_end)
{
    char said[8192];

    ck_assert_int_eq(death_signal(ignored_before, said, sizeof said), SIGSEGV);
}
END_TEST

static const TTest *const cases[] = {
    a_checked_overflow_ends_the_actor_alone,
    checked_functions_work_as_the_others,
    outside_of_actors_a_checked_overflow_ends_the_process,
    a_crash_in_a_when_is_the_actors,
    nothing_interrupts_a_when,
    sorting_holds_no_lock,
    what_old_frames_left_is_no_caller,
    a_library_that_calls_back_may_hold_a_lock,
    reports_are_made_one_at_a_time,
    a_fatal_fault_beside_a_storm_is_reported,
    a_signal_of_another_process_ends_this_one,
    the_handler_before_sees_what_ends_the_process,
    an_ignored_fault_is_still_the_end,
};
NATIVE_MAIN("crash_more", cases)
