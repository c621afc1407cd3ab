/* SPDX-License-Identifier: MIT
 *
 * stack_pages.h - what the stack pool asks about pages that nobody else asks.
 * Rank: 1.
 */
#ifndef COPI_MEMORY_STACK_PAGES_H
#define COPI_MEMORY_STACK_PAGES_H

#include "runtime/base/base.h"

/* No huge pages in this reservation: the first touch of one stack would back
 * thirty of them. Best effort. */
void copi_stack_pages_no_huge(void *p, size_t bytes);

/* How many bytes at the low end of a committed range, in whole pages, nothing
 * has touched. System calls. */
size_t copi_stack_pages_untouched(char *low, size_t bytes);

/* Does the page at p really fault? Asked of the kernel, without a fault; true
 * if it cannot be asked. */
bool copi_stack_pages_are_guarded(const char *p);

/* How many mappings the system allows a process. */
uint32_t copi_stack_pages_map_max(void);

#endif
