/* SPDX-License-Identifier: MIT
 *
 * resident.h - for tests of what things cost: the memory that the process has.
 */
#ifndef COPPICE_TESTS_RESIDENT_H
#define COPPICE_TESTS_RESIDENT_H

#include <check.h>
#include <stdio.h>
#include <unistd.h>

/* What of it is in memory, by what the system says; bytes. */
static inline size_t resident(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    size_t all, pages = 0;

    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fscanf(f, "%zu %zu", &all, &pages), 2);
    fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

#endif
