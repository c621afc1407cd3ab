/* SPDX-License-Identifier: MIT
 *
 * dies.h - runs something in a child process that is expected to end badly.
 *
 *     ck_assert_int_eq(dies(overflow, &stack), SIGSEGV);
 *
 * The child's standard error goes nowhere, for the report is expected too.
 */
#ifndef COPPICE_TESTS_DIES_H
#define COPPICE_TESTS_DIES_H

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* How the child ended: the signal that killed it, or 1000 + its exit status
 * (1000: it came back from fn). */
static inline int dies(void (*fn)(void *), void *arg)
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();

    if (child == 0) {
        struct rlimit no_core = {0, 0};
        int nowhere = open("/dev/null", O_WRONLY);

        setrlimit(RLIMIT_CORE, &no_core);
        dup2(nowhere, STDERR_FILENO);
        fn(arg);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return WIFSIGNALED(status) ? WTERMSIG(status) : 1000 + WEXITSTATUS(status);
}

#endif
