/* SPDX-License-Identifier: MIT
 *
 * descriptor_test.c - descriptors and temporary files that an actor owns:
 * closed however it dies, after its clean-ups, before its death is told.
 */
#include <coppice/memory.h>

#include "runtime/base/os.h"
#include "tests/support/kid.h"
#include "tests/support/native.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MANY = 500 };

static int fds[MANY];

/* As one of ours, a device or a file without a name: the report of a crash may
 * have opened another file under the same number. */
static bool is_open(int fd)
{
    struct stat s;
    return fstat(fd, &s) == 0 && (S_ISCHR(s.st_mode) || s.st_nlink == 0);
}

static int opened(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    return fd;
}

/* The reason is told after the descriptors are closed. */
static void ends_with(cop_fn fn, const char *text)
{
    cop_ref ref;
    cop_opts opts = {.monitor = &ref};
    const cop_msg *m;
    char why[COP_REASON_TEXT];

    ck_assert_int_eq(cop_spawn(NULL, fn, NULL, &opts), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    cop_reason_str(cop_msg_reason(m), why, sizeof why);
    ck_assert_msg(strncmp(why, text, strlen(text)) == 0, "%s, not %s", why,
                  text);
}

/* ---------------------------------------------------------- ways to die -- */

static void looks(void *arg)
{
    (void)arg;
    note("clean-up: %s", is_open(fds[0]) && is_open(fds[1]) ? "open" : "not");
}

static void owns(void)
{
    static const char text[] = "kept while it lives";
    char back[sizeof text];

    fds[0] = opened();
    ck_assert_int_eq(cop_own_fd(fds[0]), 0);
    ck_assert_int_eq(cop_temp_file(&fds[1], NULL), 0);
    ck_assert_int_eq(pwrite(fds[1], text, sizeof text, 0), sizeof text);
    ck_assert_int_eq(pread(fds[1], back, sizeof back, 0), sizeof text);
    ck_assert_str_eq(back, text);
    ck_assert_int_eq(cop_defer(looks, NULL), 0);
}

static void returns(void *arg)
{
    (void)arg;
    owns();
}

static void exits(void *arg)
{
    (void)arg;
    owns();
    cop_exit(cop_because("boom"));
}

static void killed(void *arg)
{
    (void)arg;
    owns();
    ck_assert_int_eq(cop_exit_signal(cop_self(), COP_KILL), 0);
    cop_sleep_until(COP_FOREVER);
}

#ifndef NATIVE_SANITIZED
static void *volatile null;
static volatile int sink;

static void crashes(void *arg)
{
    (void)arg;
    owns();
    sink = *(volatile int *)null;
}

static void aborts(void *arg)
{
    (void)arg;
    owns();
    abort();
}
#endif

static void closed_after(cop_fn fn, const char *why)
{
    ends_with(fn, why);
    ck_assert(!is_open(fds[0]) && !is_open(fds[1]));
    notes_are("clean-up: open|");
}

static void ways_body(void *arg)
{
    (void)arg;
    closed_after(returns, "normal");
    closed_after(exits, "boom");
    closed_after(killed, "killed");
#ifndef NATIVE_SANITIZED
    closed_after(crashes, "{fault, SIGSEGV");
    closed_after(aborts, "{fault, abort}");
#endif
    int next = opened();
    ck_assert_int_le(next, fds[0]);
    close(next);
}

KID_TEST(closed_however_it_dies, ways_body)

/* ---------------------------------------------------------------- owning -- */

static void many(void *arg)
{
    (void)arg;
    for (int i = 0; i < MANY; i++) {
        fds[i] = opened();
        ck_assert_int_eq(cop_own_fd(fds[i]), 0);
        ck_assert_int_eq(cop_own_fd(fds[i]), COP_EPRESENT);
    }
    for (int i = 0; i < MANY; i += 3)
        ck_assert_int_eq(cop_disown_fd(fds[i]), 0);
    for (int i = 0; i < MANY; i += 3)
        ck_assert_int_eq(cop_disown_fd(fds[i]), COP_ENOENT);
    for (int i = 0; i < MANY; i += 6)
        ck_assert_int_eq(cop_own_fd(fds[i]), 0);
}

static void many_body(void *arg)
{
    (void)arg;
    ends_with(many, "normal");
    for (int i = 0; i < MANY; i++) {
        bool disowned = i % 3 == 0 && i % 6 != 0;
        ck_assert_int_eq(is_open(fds[i]), disowned);
        if (disowned)
            close(fds[i]);
    }
}

KID_TEST(own_and_disown_many, many_body)

static void mistakes_body(void *arg)
{
    int fd = 7;
    struct stat st;

    (void)arg;
    ck_assert_int_eq(cop_own_fd(-1), COP_EINVAL);
    ck_assert_int_eq(cop_disown_fd(-1), COP_ENOENT);
    ck_assert_int_eq(cop_disown_fd(1000), COP_ENOENT);
    ck_assert_int_eq(cop_temp_file(NULL, NULL), COP_EINVAL);
    ck_assert_int_eq(cop_temp_file(&fd, "/no/such/folder"), COP_ESYS);
    ck_assert_int_eq(fd, -1);
    ck_assert_int_eq(cop_temp_file(&fd, "/tmp"), 0);
    ck_assert_int_eq(fstat(fd, &st), 0);
    ck_assert_int_eq(st.st_nlink, 0);
    ck_assert_int_eq(st.st_size, 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

KID_TEST(mistakes_and_files, mistakes_body)

/* Each allocation fails in turn: nothing is owned, no descriptor is lost. */
static void oom_body(void *arg)
{
    int fd, first = opened(), rc = COP_ENOMEM;

    (void)arg;
    for (uint64_t n = 1; rc != 0; n++) {
        cop_ext_fail_alloc(n, false);
        rc = cop_own_fd(first);
        cop_ext_fail_alloc(0, false);
        ck_assert(rc == 0 || rc == COP_ENOMEM);
        ck_assert(is_open(first));
    }
    cop_ext_fail_alloc(1, false);
    ck_assert_int_eq(cop_temp_file(&fd, NULL), COP_ENOMEM);
    cop_ext_fail_alloc(0, false);
    int next = opened();
    ck_assert_int_eq(next, first + 1);
    close(next);
}

START_TEST(without_memory)
{
    actor_test(oom_body, &(cop_config){.workers = 1, .virtual_time = true});
}
END_TEST

static const TTest *const cases[] = {
    closed_however_it_dies,
    own_and_disown_many,
    mistakes_and_files,
    without_memory,
};
UNIT_MAIN("descriptor", cases)
