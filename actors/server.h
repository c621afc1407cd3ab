/* SPDX-License-Identifier: MIT
 *
 * server.h - what other behaviours need of server.c beside the public
 * <coppice/server.h>.
 */
#ifndef COPI_ACTORS_SERVER_H
#define COPI_ACTORS_SERVER_H

#include <coppice/server.h>

/* As cop_server_start. With keep_exit a failed start leaves the EXIT message
 * in the mailbox: for a supervisor, which ignores the EXIT of who is not its
 * child, and whose mailbox may be too long to be searched. */
int copi_server_start(cop_pid *out, const cop_server *s, void *arg,
                      const cop_server_opts *opts, bool keep_exit,
                      cop_reason *why);

#endif
