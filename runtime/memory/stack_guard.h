/* SPDX-License-Identifier: MIT
 *
 * stack_guard.h - what lies below each stack. Rank: 1. Private to the pool;
 * what others see is in stack.h.
 */
#ifndef COPI_MEMORY_STACK_GUARD_H
#define COPI_MEMORY_STACK_GUARD_H

#include "runtime/memory/stack.h"

/* Finds out what this system can do. map_budget: how many mappings guards may
 * cost, 0 for half of what is allowed. COP_ENOMEM: not a page to be had. */
COP_MUST_USE int copi_stack_guard_init(uint32_t map_budget);

/* A multiple of the page size; constant after init. */
size_t copi_stack_guard_bytes(void);

/* Makes the area a guard, of the best kind to be had. Any thread. */
enum copi_stack_guard copi_stack_guard_make(char *area);

/* If a canary shows an overflow: counts and logs it and paints the canary
 * anew, or panics if another stack may be damaged. */
void copi_stack_guard_look(const struct copi_stack *s);

/* Canaries found broken since init. */
size_t copi_stack_guard_overflows(void);

#endif
