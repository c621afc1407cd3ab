/* SPDX-License-Identifier: MIT
 *
 * view.h - a running program lets itself be looked at from outside: by the
 * tool `coppice` (coppice top PID, coppice tree PID, ...), or by anything that
 * reads JSON.
 *
 * A program that is started with COP_TOP=1 in its environment and uses cop_run
 * or cop_app_run needs nothing of this. One that uses cop_start says
 * cop_view_start() or cop_view_start_if_asked() behind it.
 *
 * A thread of its own serves snapshots on a Unix socket, so that a program
 * whose workers are all stuck can still be looked at. The socket is
 * PID.sock in $XDG_RUNTIME_DIR/coppice, or else in /tmp/coppice-UID; folder
 * and socket are the user's alone, and who connects must be the same user or
 * root. An idle view costs nothing but its thread; while there is one, each end
 * that is not orderly costs a microsecond more.
 *
 * The protocol: a client connects, sends the line "info\n" or "info N\n" (N:
 * of how many actors it wants to hear at most) and reads one JSON document up
 * to the end of the stream. Fields may be added in later releases; the field
 * "format" changes if any goes or changes its meaning.
 */
#ifndef COPPICE_VIEW_H
#define COPPICE_VIEW_H

#include <coppice/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Actors in a document unless one asks for more. */
#define COP_VIEW_ACTORS 10000

/* Begins to serve. May be called before the runtime is started; the view goes
 * on when it stops, and when it is started again. COP_EALREADY; COP_ESYS (no
 * folder that is the user's alone, no socket, no thread); COP_EINVAL (from an
 * actor). */
COP_API COP_MUST_USE int cop_view_start(void);

/* The same if the environment has COP_TOP with anything but "" and "0"; else it
 * does nothing and returns COP_ENOENT. What goes wrong is logged. */
COP_API int cop_view_start_if_asked(void);

/* Ends it and removes the socket. Waits for the snapshot that is being made. No
 * effect if there is none. Not from an actor. */
COP_API void cop_view_stop(void);

/* The path of the socket, "" while there is none. Writes at most `size` bytes
 * with the closing zero, returns buf. */
COP_API char *cop_view_path(char *buf, size_t size);

/* The document as a client gets it, for at most actors_max actors (0:
 * COP_VIEW_ACTORS); the others are counted. *out, which ends in a zero byte
 * that *bytes (may be NULL) does not count, is the caller's, to be freed by
 * free(). Supervisors that have nothing else to do are asked for their
 * restarts, 200 ms at most in all. Blocks so long. From outside only.
 * COP_ENOMEM; COP_EINVAL (from an actor too). */
COP_API COP_MUST_USE int cop_view_json(char **out, size_t *bytes,
                                       size_t actors_max);

#ifdef __cplusplus
}
#endif
#endif
