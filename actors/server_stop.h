/* SPDX-License-Identifier: MIT
 *
 * server_stop.h - the request that ends a server. See server_stop.c.
 */
#ifndef COPI_ACTORS_SERVER_STOP_H
#define COPI_ACTORS_SERVER_STOP_H

#include <coppice/server.h>

#define COPI_SERVER_STOP (COP_TAG_BEHAVIOUR + 0x120)

/* In the server: says that the request was taken; returns the reason, which is
 * the caller's. */
cop_reason copi_server_stop_accept(const cop_msg *m);

#endif
