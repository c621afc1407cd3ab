/* SPDX-License-Identifier: MIT
 *
 * libc_socket.c - functions of libc for sockets, which a fault plan may let
 * fail. Rank: 5. Why and how: libc_file.c.
 */
#undef _FORTIFY_SOURCE
#include "runtime/api/libc.h"

#include <sys/socket.h>

COPI_LIBC_SOCKETS(COPI_LIBC_DEFINE)

__attribute__((constructor)) static void find(void)
{
    COPI_LIBC_SOCKETS(COPI_LIBC_FIND_NOW)
}
