/* SPDX-License-Identifier: MIT
 *
 * death.h - for tests of what must end the process: runs a function in a child
 * and tells how it died and what it said.
 *
 *     static void take_twice(void) {...}
 *     ck_assert(death_says(take_twice, "second lock"));
 */
#ifndef TESTS_SUPPORT_DEATH_H
#define TESTS_SUPPORT_DEATH_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static inline void death_child(void (*fn)(void), int out)
{
    struct rlimit none = {0, 0};

    setrlimit(RLIMIT_CORE, &none);
    dup2(out, STDERR_FILENO);
    fn();
    _exit(0);
}

/* Runs fn in a child; what it wrote to standard error goes to buf. Returns the
 * signal that ended it, 0 if none did, -1 if it could not be run. */
static inline int death_signal(void (*fn)(void), char *buf, size_t size)
{
    int fds[2], status;
    size_t len = 0;
    ssize_t n;
    pid_t pid;

    if (pipe(fds) != 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        close(fds[0]);
        death_child(fn, fds[1]);
    }
    close(fds[1]);
    while (pid > 0 && (n = read(fds[0], buf + len, size - 1 - len)) > 0)
        len += (size_t)n;
    buf[len] = '\0';
    close(fds[0]);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* Does fn end the process by SIGABRT, with text among its last words? */
static inline bool death_says(void (*fn)(void), const char *text)
{
    char said[4096];
    int sig = death_signal(fn, said, sizeof(said));

    if (sig == SIGABRT && strstr(said, text))
        return true;
    fprintf(stderr, "signal %d, said: %s\n", sig, said);
    return false;
}

#endif
