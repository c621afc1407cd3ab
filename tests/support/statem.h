/* SPDX-License-Identifier: MIT
 *
 * statem.h - for tests of state machines: starting and telling one, and
 * messages whose end is counted.
 */
#ifndef TESTS_SUPPORT_STATEM_H
#define TESTS_SUPPORT_STATEM_H

#include <coppice/statem.h>

#include "tests/support/kid.h"

__attribute__((unused)) static cop_pid start(const cop_statem *def)
{
    cop_pid pid;

    ck_assert_int_eq(cop_statem_start(&pid, def, NULL, NULL, NULL), 0);
    return pid;
}

__attribute__((unused)) static void tell(cop_pid pid, cop_tag tag)
{
    ck_assert_int_eq(cop_cast(pid, tag, NULL, 0), 0);
}

/* Messages with a body that is counted; timers and events carry plain ones. */
__attribute__((unused)) static atomic_int made, released;

__attribute__((unused)) static void count_release(void *body, size_t size)
{
    (void)size;
    atomic_fetch_add(&released, 1);
    free(body);
}

__attribute__((unused)) static cop_msg *counted(cop_tag tag)
{
    cop_msg *m;

    atomic_fetch_add(&made, 1);
    ck_assert_int_eq(cop_msg_new_moved(&m, tag, malloc(16), 16, count_release),
                     0);
    return m;
}

#endif
