/* SPDX-License-Identifier: MIT
 *
 * view_socket_test.c - the socket of the live view: when it is there, who may
 * use it, what comes of bad clients; and the tool at it.
 */
#include "tests/support/view.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

/* ------------------------------------------------------ start and stop -- */

static atomic_int actor_said;

static void starts_within(void *arg)
{
    char *text;

    (void)arg;
    ck_assert_int_eq(cop_view_start(), COP_EINVAL);
    ck_assert_int_eq(cop_view_json(&text, NULL, 0), COP_EINVAL);
    cop_view_stop();
    atomic_store(&actor_said, 1);
}

START_TEST(it_is_started_once)
{
    char path[128], no_path[8];
    char *text;

    own_folder();
    ck_assert_str_eq(cop_view_path(path, sizeof path), "");
    cop_view_stop();
    started(1);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(cop_view_start(), 0);
        ck_assert_int_eq(cop_view_start(), COP_EALREADY);
        cop_view_path(path, sizeof path);
        ck_assert_int_eq(strncmp(path, folder, strlen(folder)), 0);
        ck_assert_int_eq(access(path, F_OK), 0);
        ck_assert_uint_eq(strlen(cop_view_path(no_path, 8)), 7);
        cop_view_stop();
        cop_view_stop();
        ck_assert_int_ne(access(path, F_OK), 0);
        ck_assert_str_eq(cop_view_path(path, sizeof path), "");
    }
    ck_assert_int_eq(cop_view_start(), 0);
    spawned(starts_within, NULL, NULL);
    ck_assert(reaches(&actor_said, 1));
    ck_assert_int_eq(access(cop_view_path(path, sizeof path), F_OK), 0);
    ck_assert_int_eq(cop_view_json(NULL, NULL, 0), COP_EINVAL);
    ck_assert_int_eq(cop_view_json(&text, NULL, 0), 0);
    free(text);
    unviewed();
}
END_TEST

static void notes_path(void *arg)
{
    cop_view_path(arg, 128);
}

START_TEST(the_environment_asks_for_it)
{
    char path[128];

    own_folder();
    ck_assert_int_eq(unsetenv("COP_TOP"), 0);
    ck_assert_int_eq(cop_view_start_if_asked(), COP_ENOENT);
    ck_assert_int_eq(cop_run(notes_path, path, NULL), 0);
    ck_assert_str_eq(path, "");
    ck_assert_int_eq(setenv("COP_TOP", "0", 1), 0);
    ck_assert_int_eq(cop_run(notes_path, path, NULL), 0);
    ck_assert_str_eq(path, "");
    ck_assert_int_eq(setenv("COP_TOP", "1", 1), 0);
    ck_assert_int_eq(cop_run(notes_path, path, NULL), 0);
    ck_assert_int_eq(strncmp(path, folder, strlen(folder)), 0);
    ck_assert_int_ne(access(path, F_OK), 0);
    /* one that the program has started itself stays */
    ck_assert_int_eq(cop_view_start(), 0);
    ck_assert_int_eq(cop_run(notes_path, path, NULL), 0);
    ck_assert_int_eq(access(path, F_OK), 0);
    cop_view_stop();
    remove_folder();
}
END_TEST

/* ------------------------------------------------------------ who may look --
 */

START_TEST(only_the_user_may_look)
{
    char path[128], dir[128];
    struct stat st;

    viewed(1);
    cop_view_path(path, sizeof path);
    snprintf(dir, sizeof dir, "%s/coppice", folder);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert_int_eq(stat(dir, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0700);
    unviewed();
}
END_TEST

/* Connects as another user; the exit code is an errno. */
static int connect_as(uid_t uid, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int status = -1;
    pid_t pid = fork();

    strcpy(address.sun_path, path);
    if (pid == 0) {
        char byte = 0;
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (setuid(uid) != 0)
            _exit(255);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
            _exit(errno);
        (void)send(fd, "info\n", 5, MSG_NOSIGNAL);
        _exit(read(fd, &byte, 1) == 1 ? 0 : EPERM);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(other_users_are_refused)
{
    char path[128], dir[128];

    if (geteuid() != 0)
        return; /* only root can be somebody else */
    viewed(1);
    cop_view_path(path, sizeof path);
    ck_assert_int_eq(connect_as(0, path), 0);
    ck_assert_int_eq(connect_as(65534, path), EACCES);
    /* even if the folder were open, the socket asks who it is */
    snprintf(dir, sizeof dir, "%s/coppice", folder);
    ck_assert_int_eq(chmod(folder, 0755), 0);
    ck_assert_int_eq(chmod(dir, 0755), 0);
    ck_assert_int_eq(chmod(path, 0666), 0);
    ck_assert_int_eq(connect_as(65534, path), EPERM);
    ck_assert_int_eq(connect_as(0, path), 0);
    unviewed();
}
END_TEST

/* It serves from /tmp instead, and is found there. */
static void is_elsewhere(void)
{
    char path[128];
    char *text;

    ck_assert_int_eq(cop_view_start(), 0);
    cop_view_path(path, sizeof path);
    ck_assert_int_eq(strncmp(path, "/tmp/coppice-", 13), 0);
    text = attach_fetch(getpid(), 0);
    ck_assert_msg(text != NULL, "%s", complaint);
    free(text);
    cop_view_stop();
}

/* Folders that others have made, or can write to, are not used. */
START_TEST(unsafe_folders_are_not_used)
{
    char dir[128];

    own_folder();
    snprintf(dir, sizeof dir, "%s/coppice", folder);
    ck_assert_int_eq(mkdir(dir, 0700), 0);
    ck_assert_int_eq(chmod(dir, 0750), 0);
    is_elsewhere();
    if (geteuid() == 0) {
        ck_assert_int_eq(chmod(dir, 0700), 0);
        ck_assert_int_eq(chown(dir, 65534, 65534), 0);
        is_elsewhere();
    }
    ck_assert_int_eq(rmdir(dir), 0);
    ck_assert_int_eq(symlink(folder, dir), 0);
    is_elsewhere();
    ck_assert_int_eq(setenv("XDG_RUNTIME_DIR", "relative", 1), 0);
    is_elsewhere();
    remove_folder();
}
END_TEST

/* ----------------------------------------------------------- the socket -- */

static int connected(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    cop_view_path(address.sun_path, sizeof address.sun_path);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address),
                     0);
    return fd;
}

/* What comes back for some bytes. */
static const char *answer_to(const char *bytes, size_t n)
{
    static char out[65536];
    size_t used = 0;
    ssize_t got;
    int fd = connected();

    ck_assert_int_eq(write(fd, bytes, n), (ssize_t)n);
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    while ((got = read(fd, out + used, sizeof out - 1 - used)) > 0)
        used += (size_t)got;
    out[used] = '\0';
    close(fd);
    return out;
}

START_TEST(bad_requests_are_answered_or_dropped)
{
    static const char error[] = "{\"error\":\"no such request\"}\n";
    char garbage[500];

    viewed(1);
    memset(garbage, 'x', sizeof garbage);
    ck_assert_str_eq(answer_to("\n", 1), error);
    ck_assert_str_eq(answer_to("stop\n", 5), error);
    ck_assert_str_eq(answer_to("info x\n", 7), error);
    ck_assert_str_eq(answer_to("info -1\n", 8), error);
    ck_assert_str_eq(answer_to("info 5 5\n", 9), error);
    ck_assert_str_eq(answer_to("info", 4), "");
    ck_assert_str_eq(answer_to("", 0), "");
    ck_assert_str_eq(answer_to("in\0fo\n", 6), "");
    ck_assert_uint_gt(strlen(answer_to("info 18446744073709551615\n", 26)),
                      100);
    ck_assert_uint_gt(strlen(answer_to("info 99999999999999999999999\n", 29)),
                      100);
    ck_assert_uint_gt(strlen(answer_to("info 0\n", 7)), 100);
    (void)connected();
    unviewed();
}
END_TEST

START_TEST(a_silent_client_does_not_hold_up_the_end)
{
    int64_t begun;
    int fd;

    viewed(1);
    fd = connected();
    nap(20 * COP_MS);
    begun = real_now();
    cop_view_stop();
    ck_assert_int_lt(real_now() - begun, COP_SEC * unit_slow());
    close(fd);
    stopped();
    remove_folder();
}
END_TEST

/* It asks for much and reads nothing. */
START_TEST(a_client_that_does_not_read_holds_up_others_only_so_long)
{
    struct program p;
    int fd;

    viewed(2);
    for (int i = 0; i < 3000; i++)
        spawned(sleeper, NULL, NULL);
    fd = connected();
    ck_assert_int_eq(write(fd, "info\n", 5), 5);
    p = look(10);
    ck_assert(p.live == 3000);
    program_free(&p);
    close(fd);
    unviewed();
}
END_TEST

/* ------------------------------------------------------------- the tool -- */

static char said[1 << 16];

/* Runs the tool that was built beside this program; its exit code. */
static int tool(const char *fmt, ...)
{
    char self[512], command[1024];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    size_t used;
    va_list args;
    FILE *f;
    int rc;

    ck_assert_int_gt(n, 0);
    self[n] = '\0';
    *strrchr(self, '/') = '\0';
    *strrchr(self, '/') = '\0';
    used = (size_t)snprintf(command, sizeof command, "'%s/coppice' ", self);
    va_start(args, fmt);
    vsnprintf(command + used, sizeof command - used, fmt, args);
    va_end(args);
    strncat(command, " 2>&1", sizeof command - strlen(command) - 1);
    f = popen(command, "r");
    ck_assert_ptr_nonnull(f);
    said[fread(said, 1, sizeof said - 1, f)] = '\0';
    rc = pclose(f);
    return WIFEXITED(rc) ? WEXITSTATUS(rc) : -1;
}

static void says(const char *text)
{
    ck_assert_msg(strstr(said, text) != NULL, "no \"%s\" in: %s", text, said);
}

/* A supervisor has little time to answer in: in one of many looks it does. */
static void says_in_time(const char *text, const char *command, int pid)
{
    int64_t end = real_now() + 20 * unit_slow() * COP_SEC;

    do
        ck_assert_int_eq(tool(command, pid), 0);
    while (strstr(said, text) == NULL && real_now() < end);
    says(text);
}

START_TEST(the_tool_shows_a_program)
{
    int me = (int)getpid();
    char line[64];

    viewed(2);
    crash_kid(sup_up());
    spawned(sleeper, "evil \"<name>", NULL);
    ck_assert_int_eq(tool("list"), 0);
    snprintf(line, sizeof line, "%8d  ", me);
    says(line);
    ck_assert_int_eq(tool("top %d --once --sort=tree", me), 0);
    says("worker 0");
    says("the kid");
    says("broken");
    ck_assert_int_eq(tool("top %d --rows=1 --interval=0.05", me), 0);
    says("and 3 more");
    says_in_time("(one_for_all)", "tree %d", me);
    says("\n  0.");
    says("restarts 1");
    ck_assert_int_eq(tool("tree %d --dot", me), 0);
    says("label=\"evil \\\"<name>\\n");
    ck_assert_int_eq(tool("tree %d --svg", me), 0);
    says("evil &quot;&lt;name&gt;");
    ck_assert_int_eq(tool("info %d --actors=2", me), 0);
    says("\"omitted\":2");
    unviewed();
}
END_TEST

START_TEST(the_tool_says_what_is_wrong)
{
    static const char *const wrong[] = {"",
                                        "what",
                                        "top",
                                        "top x",
                                        "top 0",
                                        "top -5",
                                        "top 1 2",
                                        "list 5",
                                        "top 1 --sort=x",
                                        "top 1 --interval=0",
                                        "top 1 --rows=",
                                        "info 1 -x",
                                        "tree 99999999999"};
    static const char *const helps[] = {"--help", "top --help", "info --help",
                                        "tree 5 --help", "list -h"};

    own_folder();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_msg(tool("%s", wrong[i]) == 2, "%s", wrong[i]);
        says("usage: ");
    }
    for (size_t i = 0; i < sizeof helps / sizeof *helps; i++) {
        ck_assert_msg(tool("%s", helps[i]) == 0, "%s", helps[i]);
        says("usage: ");
    }
    ck_assert_int_eq(tool("info 999999999"), 1);
    says("no such process: 999999999");
    ck_assert_int_eq(tool("top %d", (int)getpid()), 1);
    says("was it started without COP_TOP=1?");
    ck_assert_int_eq(tool("tree %d --svg", (int)getpid()), 1);
    remove_folder();
}
END_TEST

/* A process that was killed leaves its socket behind. */
START_TEST(what_a_killed_process_has_left_is_removed)
{
    char path[128];
    int status, ready[2];
    pid_t pid;
    char byte;

    own_folder();
    ck_assert_int_eq(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        if (cop_view_start() != 0)
            _exit(1);
        (void)!write(ready[1], "", 1);
        for (;;)
            pause();
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    snprintf(path, sizeof path, "%s/coppice/%d.sock", folder, (int)pid);
    ck_assert_int_eq(access(path, F_OK), 0);
    ck_assert_int_eq(tool("info %d", (int)pid), 0);
    says("\"running\":false");
    kill(pid, SIGSTOP);
    ck_assert_int_eq(tool("info %d", (int)pid), 1);
    says("does not answer");
    kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(tool("info %d", (int)pid), 1);
    says("no such process");
    (void)tool("list");
    ck_assert_int_ne(access(path, F_OK), 0);
    remove_folder();
}
END_TEST

static const TTest *const cases[] = {
    it_is_started_once,
    the_environment_asks_for_it,
    only_the_user_may_look,
    other_users_are_refused,
    unsafe_folders_are_not_used,
    bad_requests_are_answered_or_dropped,
    a_silent_client_does_not_hold_up_the_end,
    a_client_that_does_not_read_holds_up_others_only_so_long,
    the_tool_shows_a_program,
    the_tool_says_what_is_wrong,
    what_a_killed_process_has_left_is_removed};

UNIT_MAIN("view_socket", cases)
