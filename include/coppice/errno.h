/* SPDX-License-Identifier: MIT
 *
 * errno.h - an errno that stays right in actors. Include it after <errno.h>
 * wherever an actor reads errno: an actor may wake on another thread, and
 * both gcc and clang keep the address of the plain one across the suspension.
 */
#ifndef COPPICE_ERRNO_H
#define COPPICE_ERRNO_H

#include <coppice/runtime.h>
#include <errno.h>

#undef errno
#define errno (*cop_errno_location())

#endif
