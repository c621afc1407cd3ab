/* SPDX-License-Identifier: MIT
 *
 * stdio.c - the streams of libc. Rank: 1.
 *
 * libc keeps all open streams on one list, and walks it when the process ends
 * or flushes. A stream in memory that is freed under it must be off that list.
 * glibc shows the list, and the lock around it, to those who know the names;
 * where they are missing nothing is done.
 *
 * fclose would write what the stream holds, and would wait for whoever has
 * locked it: perhaps the actor that is dead.
 */
#include "runtime/memory/stdio.h"

#include <stdio_ext.h>
#include <time.h>
#include <unistd.h>

extern FILE *_IO_list_all __attribute__((weak));
extern void _IO_list_lock(void) __attribute__((weak));
extern void _IO_list_unlock(void) __attribute__((weak));

/* setvbuf without a buffer allocates one, if there is none; how the stream is
 * buffered must stay as it is. */
static void touch(FILE *f)
{
    flockfile(f);
    if (__fbufsize(f) == 0) {
        bool by_line = __flbf(f) != 0 || isatty(fileno_unlocked(f)) != 0;
        setvbuf(f, NULL, _IOFBF, 0);
        if (by_line)
            setvbuf(f, NULL, _IOLBF, 0);
    }
    funlockfile(f);
}

void copi_stdio_touch(void)
{
    touch(stdin);
    touch(stdout);
    tzset();
}

/* libc takes a stream from malloc in one block with its lock. What else is on
 * the list are its own three, and such as lie on a stack while dprintf prints.
 * The allocator must not be asked about these: it takes every address for one
 * that it gave, and where it has nothing near that one it would fault. */
static bool is_from_malloc(const FILE *f)
{
    enum { BLOCK_MAX = 1024 };
    uintptr_t lock = (uintptr_t)f->_lock, at = (uintptr_t)f;
    return f != stdin && f != stdout && f != stderr && lock > at &&
           lock - at < BLOCK_MAX;
}

void copi_stdio_forget(bool (*is_gone)(uint32_t arena, const void *p),
                       uint32_t arena)
{
    if (&_IO_list_all == NULL || _IO_list_lock == NULL ||
        _IO_list_unlock == NULL)
        return;
    _IO_list_lock();
    FILE **at = &_IO_list_all;
    while (*at != NULL) {
        FILE *f = *at;
        if (!is_from_malloc(f) || !is_gone(arena, f)) {
            at = &f->_chain;
            continue;
        }
        *at = f->_chain;
        if (f->_fileno >= 0)
            close(f->_fileno);
    }
    _IO_list_unlock();
}
