/* SPDX-License-Identifier: MIT
 *
 * stack_tools.h - what memory checkers must be told about a pooled stack; all
 * of it nothing in an ordinary build outside of Valgrind. Rank: 1.
 *
 *   Valgrind   which ranges are stacks, so that a switch is no wild jump of
 *              the stack pointer; and that a recycled stack holds garbage.
 *   ASan       that the marks of frames which ended without returning (a
 *              coroutine given up in mid-function) are void.
 *   LSan       that a suspended stack keeps what it points to.
 *   TSan       that a stack's fiber ends. (It is made by coroutine/.)
 *
 * The functions are declared here because gcc's and clang's headers differ;
 * calls under a condition that is constantly false leave no symbol behind.
 */
#ifndef COPI_MEMORY_STACK_TOOLS_H
#define COPI_MEMORY_STACK_TOOLS_H

#include "runtime/base/base.h"

#if defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define COPI_VALGRIND 1
#endif
#endif
#ifndef COPI_VALGRIND
#define COPI_VALGRIND 0
#define RUNNING_ON_VALGRIND 0
#define VALGRIND_STACK_REGISTER(low, high) ((void)(low), (void)(high), 0u)
#define VALGRIND_STACK_DEREGISTER(id) ((void)(id))
#define VALGRIND_MAKE_MEM_UNDEFINED(p, n) ((void)(p), (void)(n))
#endif

void __asan_unpoison_memory_region(void const volatile *p, size_t n);
void __lsan_register_root_region(const void *p, size_t n);
void __lsan_unregister_root_region(const void *p, size_t n);
void __tsan_destroy_fiber(void *fiber);

/* A checker is at work: contents of idle stacks should go at once, and huge
 * reservations are dear. */
static inline bool copi_stack_tools_active(void)
{
    return COPI_ASAN || COPI_TSAN || RUNNING_ON_VALGRIND;
}

/* [low, low + size) is a stack from now on. Gives what _remove wants. */
static inline uint32_t copi_stack_tools_add(char *low, size_t size)
{
    if (COPI_ASAN)
        __lsan_register_root_region(low, size);
    return (uint32_t)VALGRIND_STACK_REGISTER(low, low + size);
}

static inline void copi_stack_tools_remove(char *low, size_t size, uint32_t id)
{
    if (COPI_ASAN) {
        __lsan_unregister_root_region(low, size);
        __asan_unpoison_memory_region(low, size);
    }
    VALGRIND_STACK_DEREGISTER(id);
    (void)id;
}

/* Nothing that is on it counts any more. */
static inline void copi_stack_tools_renew(char *low, size_t size)
{
    if (COPI_ASAN)
        __asan_unpoison_memory_region(low, size);
    VALGRIND_MAKE_MEM_UNDEFINED(low, size);
}

static inline void copi_stack_tools_fiber_free(void *fiber)
{
    if (COPI_TSAN && fiber != NULL)
        __tsan_destroy_fiber(fiber);
}

#endif
