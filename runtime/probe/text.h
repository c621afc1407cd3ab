/* SPDX-License-Identifier: MIT
 *
 * text.h - whose code is at an address? For the crash classifier. Rank: 1.
 * How it works: text.c.
 */
#ifndef COPI_PROBE_TEXT_H
#define COPI_PROBE_TEXT_H

#include "runtime/base/base.h"

enum copi_text {
    COPI_TEXT_NONE,   /* no code that was loaded: a wild jump, or made code */
    COPI_TEXT_ACTOR,  /* the program's, or a trusted library's */
    COPI_TEXT_LEAF,   /* memcpy, strlen and such: keeps nothing half done */
    COPI_TEXT_CXX,    /* the C++ library's, or the unwinder's */
    COPI_TEXT_FOREIGN /* a library's: it may hold locks */
};

/* Looks at what is loaded. Once per start of the runtime; not thread-safe. */
void copi_text_init(void);

/* False: the program's code cannot be told from libc's or the allocator's, as
 * they are linked into it. */
bool copi_text_is_told_apart(void);

/* Code of the library that holds this address counts as the actor's from now
 * on. COP_ENOENT: no library does; COP_ELIMIT: too many. Any thread. */
int copi_text_trust(const void *address);

/* Safe in a signal handler. *name (may be NULL) is the library's file. */
enum copi_text copi_text_of(uintptr_t pc, const char **name);

/* Code there that calls the program back may hold a lock while it does; *name
 * as above. Safe in a signal handler. */
bool copi_text_may_lock(uintptr_t pc, const char **name);

#endif
