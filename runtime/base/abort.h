/* SPDX-License-Identifier: MIT
 *
 * abort.h - the last words of a process and its end. Rank: 0.
 *
 * What a panic stands on: it uses nothing else of the runtime, so that every
 * other file may panic. Usable in signal handlers and on small stacks.
 */
#ifndef COPI_BASE_ABORT_H
#define COPI_BASE_ABORT_H

#include "runtime/base/base.h"

enum copi_abort_claim {
    COPI_ABORT_FIRST,  /* this thread reports and ends the process */
    COPI_ABORT_NESTED, /* it was about to, and failed again meanwhile */
    COPI_ABORT_LATE    /* another thread is about to */
};

/* Asks for the right to end the process. */
enum copi_abort_claim copi_abort_claim(void);

/* All of it to standard error, as far as the system takes it. */
void copi_abort_write(const char *text, size_t n);

/* Gives the thread that claimed first one second to finish its report. */
void copi_abort_wait(void);

/* What else is said, after the first words: set by who knows more. NULL: no
 * more. The function may be called in a signal handler. */
void copi_abort_on_end(void (*fn)(void));
/* Calls it, the first time. By the thread that claimed first. */
void copi_abort_last_words(void);

/* SIGABRT, past every handler, mask and interposed abort(). */
COP_NORETURN void copi_abort_now(void);

#endif
