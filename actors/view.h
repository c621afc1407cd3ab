/* SPDX-License-Identifier: MIT
 *
 * view.h - what the files of the live view share.
 *
 *     view_text.c   a text that grows, with what JSON needs
 *     view_place.c  where the sockets are; the tool looks there too
 *     view_sups.c   asks supervisors for restarts
 *     view_names.c  names of functions
 *     view_json.c   the document
 *     view.c        the thread that serves it; the public functions
 */
#ifndef COPI_ACTORS_VIEW_H
#define COPI_ACTORS_VIEW_H

#include <coppice/inspect.h>
#include <coppice/supervisor.h>

#include <stdbool.h>
#include <stddef.h>

/* ----------------------------------------------------------------- text -- */

/* All zero: empty. */
struct copi_view_text {
    char *bytes; /* ends in a zero byte, or NULL */
    size_t used, room;
    bool failed; /* no memory: what follows is left out */
};

void copi_view_add(struct copi_view_text *t, const char *fmt, ...)
    COP_PRINTF(2, 3);
/* A string of JSON, in its quotes. Bytes that are not UTF-8 become U+FFFD. */
void copi_view_add_string(struct copi_view_text *t, const char *s);

/* ---------------------------------------------------------------- place -- */

enum { COPI_VIEW_PATH = 108 /* as much as a socket's address holds */ };

/* The nth folder in which the sockets of a user may lie; false: there are no
 * more, or the path is too long. 0: $XDG_RUNTIME_DIR/coppice ("" without it),
 * 1: /tmp/coppice-UID, 2: /run/user/UID/coppice, for who has another
 * environment. */
bool copi_view_folder(char *out, size_t size, unsigned nth, unsigned uid);
/* Is it a folder, the user's, and closed to all others? */
bool copi_view_folder_is_safe(const char *path, unsigned uid);
/* Makes it if need be; false: it cannot be made, or is not safe. */
bool copi_view_folder_make(const char *path, unsigned uid);
/* FOLDER/PID.sock; false: too long. */
bool copi_view_socket(char *out, size_t size, const char *folder, int process);

/* ------------------------------------------------------------- document -- */

struct copi_view_row {
    cop_info info;
    bool has_child; /* a supervisor says that it is its child: */
    char child_id[64];
    uint64_t restarts; /* as it says; of others info has what was noted */
    bool is_sup;       /* it is a supervisor, */
    bool has_answer;   /* which has answered */
    cop_strategy strategy;
};

/* Fills in what idle supervisors among the rows say. */
void copi_view_ask_sups(struct copi_view_row *rows, size_t n, bool may_ask);

/* What is known of functions by now. All zero: nothing. */
struct copi_view_names {
    struct copi_view_name {
        uintptr_t function;
        char text[96];
    } known[64];
    unsigned lookups;
};

/* "parse"; "": it has no name, or too many were looked up. */
const char *copi_view_name_of(struct copi_view_names *names,
                              uintptr_t function);

/* As cop_view_json. may_ask: supervisors, too. */
int copi_view_document(struct copi_view_text *t, size_t actors_max,
                       bool may_ask);

#endif
