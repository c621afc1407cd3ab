/* SPDX-License-Identifier: MIT
 *
 * libc_wait.c - functions of libc that wait, which a fault plan may let fail.
 * Rank: 5. Why and how: libc_file.c.
 */
#undef _FORTIFY_SOURCE
#include "runtime/api/libc.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>

COPI_LIBC_WAITS(COPI_LIBC_DEFINE)

COPI_LIBC_FIND(nanosleep, int,
               (const struct timespec *time, struct timespec *left), )
COPI_LIBC_FIND(clock_nanosleep, int,
               (clockid_t clock, int flags, const struct timespec *time,
                struct timespec *left), )

COPI_LIBC_WEAK int nanosleep(const struct timespec *time,
                             struct timespec *left);
COPI_LIBC_WEAK int clock_nanosleep(clockid_t clock, int flags,
                                   const struct timespec *time,
                                   struct timespec *left);

/* Who is interrupted goes on with what is left, and may not look whether
 * anything was written there. */
static void leave_all(int error, const struct timespec *time,
                      struct timespec *left)
{
    if (error == EINTR && left != NULL)
        *left = *time;
}

int nanosleep(const struct timespec *time, struct timespec *left)
{
    int error = COPI_LIBC_FAILS(nanosleep);
    if (error == 0)
        return nanosleep_get()(time, left);
    leave_all(error, time, left);
    return -1;
}

/* Returns its error, and leaves errno alone. */
int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time,
                    struct timespec *left)
{
    int saved = *copi_os_errno();
    int error = COPI_LIBC_FAILS(clock_nanosleep);
    if (error == 0)
        return clock_nanosleep_get()(clock, flags, time, left);
    *copi_os_errno() = saved;
    if ((flags & TIMER_ABSTIME) == 0)
        leave_all(error, time, left);
    return error;
}

__attribute__((constructor)) static void find(void)
{
    COPI_LIBC_WAITS(COPI_LIBC_FIND_NOW)
    (void)nanosleep_find();
    (void)clock_nanosleep_find();
}
