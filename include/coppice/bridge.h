/* SPDX-License-Identifier: MIT
 *
 * bridge.h - a place in a supervision tree for work that is done elsewhere
 * (OTP's supervisor_bridge): by a foreign thread, another process, an actor
 * that somebody else started.
 *
 * A bridge is an actor that stands for the work. When the work ends the bridge
 * ends, with the same reason, and its supervisor does what it does for any
 * child; when the supervisor stops the bridge, the bridge stops the work.
 *
 *     static const cop_bridge importer = {
 *         .start = import_start,       makes a thread, which calls
 *         .stop = import_stop,         cop_bridge_done when it ends
 *         .release = import_release};
 *     ...
 *     {.id = "import", .start = cop_bridge_start_child,
 *      .arg = (void *)&importer, .restart = COP_TRANSIENT},
 */
#ifndef COPPICE_BRIDGE_H
#define COPPICE_BRIDGE_H

#include <coppice/server.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One run of the work, for who reports its end. A copy is as good. */
typedef struct cop_bridge_handle {
    cop_pid bridge;
} cop_bridge_handle;

/* What start says of the work that it has begun. Zero at first. */
typedef struct cop_bridge_work {
    void *state;   /* for the other callbacks */
    cop_pid actor; /* if the work is that of an actor: the bridge links itself
                      to it, and its end is the end of the work */
} cop_bridge_work;

/* Callbacks run one at a time in the bridge. All but start may be NULL. */
typedef struct cop_bridge {
    /* Begins the work. 0; COP_EIGNORE; or another code, with *why if it can be
     * said: the start has failed, and no other callback is called. */
    int (*start)(cop_bridge_work *work, void *arg, cop_bridge_handle handle,
                 cop_reason *why);
    /* The bridge is to end and the work has not: ends the work. `why` is
     * borrowed. True: the work is over. False: it was told; the bridge goes on
     * waiting until it has ended. May block (cop_blocking joins a thread).
     * NULL: an actor is sent `shutdown` and waited for; other work is taken to
     * end by itself some day. */
    bool (*stop)(void *state, cop_reason why);
    /* The bridge was killed, or stop has failed, or took longer than the
     * supervisor allows: ends the work by force, now. Must not wait for other
     * actors. */
    void (*kill)(void *state);
    /* Last, however the bridge ends, if start had succeeded: nobody asks for
     * the state again. Who reports an end must not free it, as the bridge may
     * be about to stop the work. Must not wait for other actors. */
    void (*release)(void *state);
    void *arg;     /* for start; borrowed for ever */
    cop_opts opts; /* of the bridge: name, priority, label */
} cop_bridge;

/* Starts a bridge, linked to the calling actor (to nobody from a foreign
 * thread), and waits until its work has begun. *bridge is copied. Blocks.
 * *why as in cop_server_start. COP_EDOWN: start failed; COP_EIGNORE;
 * COP_EINVAL (no start; opts.mailbox_max: it must not lose the end of its
 * work; opts.monitor); COP_ENOTSUP (opts.isolation is COP_ISOLATED, or an
 * isolated actor asks); and as cop_server_start. */
COP_API COP_MUST_USE int
cop_bridge_start(cop_pid *out, const cop_bridge *bridge, cop_reason *why);
/* The same for cop_child.start: the argument is a const cop_bridge. */
COP_API COP_MUST_USE int cop_bridge_start_child(cop_pid *out, void *bridge,
                                                cop_reason *why);

/* The work has ended, with this reason, which is taken. The first report
 * counts; one to a bridge that has ended is no error. Any thread, any actor;
 * does not block. COP_ENOMEM (the bridge does not know it: try again);
 * COP_ESTOPPED. */
COP_API COP_MUST_USE int cop_bridge_done(cop_bridge_handle handle,
                                         cop_reason reason);

#ifdef __cplusplus
}
#endif
#endif
