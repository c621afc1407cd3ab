/* SPDX-License-Identifier: MIT
 *
 * cfi.h - where a function finds its return address, at any instruction.
 * Rank: 1. How it works: cfi.c.
 */
#ifndef COPI_PROBE_CFI_H
#define COPI_PROBE_CFI_H

#include "runtime/base/base.h"

/* Of the function that is at `pc` with these two registers. */
struct copi_cfi_at {
    uintptr_t pc, sp, fp;
};

/* Safe in a signal handler; reads nothing but the tables of loaded objects.
 * False: they say nothing of `pc`, or nothing that is understood here. *where
 * is the address of the return address, 0 if that is still in a register. */
bool copi_cfi_return_at(const struct copi_cfi_at *at, uintptr_t *where);

#endif
