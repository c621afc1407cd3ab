/* SPDX-License-Identifier: MIT
 *
 * view_serve.h - the socket of a live view, and one client at it.
 */
#ifndef COPI_ACTORS_VIEW_SERVE_H
#define COPI_ACTORS_VIEW_SERVE_H

#include "actors/view.h"

/* Opens the socket in the first folder that is safe; its path goes to `path`
 * (COPI_VIEW_PATH bytes). A descriptor, or COP_ESYS. */
int copi_view_listen(char *path);

/* Takes the next client and answers it; waits for a slow one as long as `wake`
 * is not readable, but not for ever. False: there are no descriptors left. */
bool copi_view_serve_one(int listener, int wake);

/* Would a call that waits for an actor end in time? Not if the clock stands
 * still, as virtual time does, or if each worker is stuck in a turn: deadlines
 * pass by the work of threads that may be stuck as well. Waits for some
 * milliseconds at most. */
bool copi_view_may_ask(void);

#endif
