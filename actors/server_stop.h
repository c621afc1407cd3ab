/* SPDX-License-Identifier: MIT
 *
 * server_stop.h - the request that ends a server. See server_stop.c.
 */
#ifndef COPI_ACTORS_SERVER_STOP_H
#define COPI_ACTORS_SERVER_STOP_H

#include <coppice/server.h>

#define COPI_SERVER_STOP (COP_TAG_BEHAVIOUR_FLAT + 0x120)

/* What the one who asks waits for. */
enum copi_server_stop_until { COPI_SERVER_STOP_TAKEN, COPI_SERVER_STOP_ENDED };

/* As cop_server_stop; with COPI_SERVER_STOP_TAKEN 0 as soon as the server took
 * the request. */
int copi_server_stop_ask(cop_pid server, cop_reason reason, cop_time deadline,
                         cop_reason *why, enum copi_server_stop_until until);

/* In the server: says that the request was taken; *why is the caller's. False:
 * it is no such request. */
bool copi_server_stop_accept(const cop_msg *m, cop_reason *why);

#endif
