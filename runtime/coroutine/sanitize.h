/* SPDX-License-Identifier: MIT
 *
 * sanitize.h - what ASan and TSan must be told about a switch. Rank: 2.
 *
 * ASan keeps the bounds of the current stack and, if asked to look for use
 * after return, a book of its frames elsewhere (`fake`). TSan keeps a history
 * and a clock per fiber. Both are told just before the switch, ASan again just
 * after it. All of it is nothing in other builds: the conditions are constant.
 */
#ifndef COPI_COROUTINE_SANITIZE_H
#define COPI_COROUTINE_SANITIZE_H

#include "runtime/base/base.h"

void __sanitizer_start_switch_fiber(void **fake, const void *low, size_t size);
void __sanitizer_finish_switch_fiber(void *fake, const void **old_low,
                                     size_t *old_size);
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);

/* Into the caller whatever the optimisation: a function of its own would be
 * entered on one fiber and left on the other, and TSan keeps count. */
#define COPI_TOLD COPI_INLINE

/* About to go to the stack [low, low + size). The book of the stack left is
 * put into *fake; with NULL it is destroyed, for that stack has ended. */
COPI_TOLD void copi_asan_start(void **fake, const void *low, size_t size)
{
    if (COPI_ASAN)
        __sanitizer_start_switch_fiber(fake, low, size);
}

/* Arrived, with the book of the stack arrived at. Gives the bounds of the one
 * left; NULL if they are of no interest. */
COPI_TOLD void copi_asan_finish(void *fake, const void **low, size_t *size)
{
    if (COPI_ASAN)
        __sanitizer_finish_switch_fiber(fake, low, size);
}

COPI_TOLD void *copi_tsan_current(void)
{
    return COPI_TSAN ? __tsan_get_current_fiber() : NULL;
}

COPI_TOLD void *copi_tsan_new(void)
{
    return COPI_TSAN ? __tsan_create_fiber(0) : NULL;
}

/* The fiber left happens before what the other does next. */
COPI_TOLD void copi_tsan_switch(void *fiber)
{
    if (COPI_TSAN)
        __tsan_switch_to_fiber(fiber, 0);
}

#endif
