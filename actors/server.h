/* SPDX-License-Identifier: MIT
 *
 * server.h - what other behaviours need of server.c beside the public
 * <coppice/server.h>.
 */
#ifndef COPI_ACTORS_SERVER_H
#define COPI_ACTORS_SERVER_H

#include <coppice/server.h>

/* What a behaviour that is built as a server tells the services of sys.h about
 * itself. All are called in the server, with its state. NULL: as for a plain
 * server. */
struct copi_server_hooks {
    const char *behaviour; /* "supervisor": in status and trace lines */
    /* What it is as an actor: the callbacks below, but `message` in a function
     * of its own, by which observers tell it (cop_info.function). NULL: a
     * server like all. */
    const cop_handler *handler;
    /* What cop_sys_get_state copies, and replace_state changes in place: its
     * place and size. NULL result: it has none to show. */
    void *(*view)(void *state, size_t *bytes);
    /* After the view was changed in place. 0, or a code: it is put back. */
    int (*changed)(void *state);
    /* Lines for cop_sys_get_status, into buf; instead of format_status. */
    void (*status)(void *state, char *buf, size_t size);
    /* cop_sys_change_code to `def`, a definition of this behaviour's own type.
     * 0, or a code: nothing was changed. */
    int (*change_code)(void *state, const void *def, const void *extra,
                       size_t extra_bytes);
};

/* As cop_server_start; hooks may be NULL and must outlive it. With keep_exit a
 * failed start leaves the EXIT message in the mailbox: for a supervisor, which
 * ignores the EXIT of who is not its child, and whose mailbox may be too long
 * to be searched. */
int copi_server_start(cop_pid *out, const cop_server *s,
                      const struct copi_server_hooks *hooks, void *arg,
                      const cop_server_opts *opts, bool keep_exit,
                      cop_reason *why);

/* The callbacks of a server's handler, whose state is one pointer. */
int copi_server_init(void *state, void *arg);
void copi_server_message(void *state, const cop_msg *m);
void copi_server_terminate(void *state, cop_reason why);

/* As cop_server_enter. */
COP_NORETURN void copi_server_enter(const cop_server *s,
                                    const struct copi_server_hooks *hooks,
                                    const void *state, cop_next first);

#endif
