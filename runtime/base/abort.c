/* SPDX-License-Identifier: MIT
 *
 * abort.c - the last words of a process and its end. Rank: 0.
 *
 * libc's abort() is not used: crash isolation interposes it, so that an actor
 * which calls it dies alone. The runtime's own panic means the process.
 */
#include "runtime/base/abort.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

static _Atomic int claimed_by; /* thread id; 0: nobody */

enum copi_abort_claim copi_abort_claim(void)
{
    int self = (int)gettid();
    int before = 0;

    if (atomic_compare_exchange_strong_explicit(&claimed_by, &before, self,
                                                memory_order_relaxed,
                                                memory_order_relaxed))
        return COPI_ABORT_FIRST;
    return before == self ? COPI_ABORT_NESTED : COPI_ABORT_LATE;
}

void copi_abort_write(const char *text, size_t n)
{
    while (n > 0) {
        ssize_t done = write(STDERR_FILENO, text, n);

        if (done <= 0)
            return;
        text += done;
        n -= (size_t)done;
    }
}

static _Atomic(void (*)(void)) last_words;

void copi_abort_on_end(void (*fn)(void))
{
    /* release: pairs with copi_abort_last_words, publishes what fn uses */
    atomic_store_explicit(&last_words, fn, memory_order_release);
}

/* A reader that has gone must not change of what the process ends. */
void copi_abort_last_words(void)
{
    sigset_t pipe, before;
    /* acquire: pairs with copi_abort_on_end */
    void (*fn)(void) =
        atomic_exchange_explicit(&last_words, NULL, memory_order_acquire);
    if (fn == NULL)
        return;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    fn();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void copi_abort_wait(void)
{
    poll(NULL, 0, 1000);
}

void copi_abort_now(void)
{
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    sigset_t set;

    sigaction(SIGABRT, &dfl, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGABRT);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    tgkill(getpid(), gettid(), SIGABRT);
    for (;;)
        _exit(128 + SIGABRT);
}
