/* SPDX-License-Identifier: MIT
 *
 * tool.h - what the files of the tool `coppice` share.
 *
 *     coppice.c   the commands, their options, help
 *     attach.c    finds programs, connects, fetches documents
 *     json.c      reads a document
 *     program.c   what a document says: actors, their tree, rates
 *     safe.c      text of others, made harmless for terminal, DOT and SVG
 *     top.c       the table; screen.c, the terminal that it is on
 *     tree.c      the tree as text and as DOT; svg.c, as a picture
 */
#ifndef COPPICE_TOOL_TOOL_H
#define COPPICE_TOOL_TOOL_H

#include "actors/tool/json.h"

#include <stdio.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* Says it on standard error, with the tool's name and a line feed. */
void tool_complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* -------------------------------------------------------------- program -- */

#define NOBODY ((size_t)-1)

struct actor {
    const char *pid, *parent, *name, *label, *status, *wait;
    const char *function; /* its name, or its address */
    const char *calling;  /* NULL: nobody */
    const char *child;    /* its id below a supervisor, or NULL */
    const char *strategy; /* of a supervisor that answered, or NULL */
    bool is_sup;
    double serial, queue, reductions, memory;
    double restarts; /* -1: not known */
    double
        process; /* of an isolated actor; 0: it has none now; -1: of others */
    double rate; /* reductions in a second; -1: not known */
    /* The tree, by index; NOBODY: there is none. */
    size_t up, first, last, next;
    unsigned depth;
};

struct worker {
    bool in_turn;
    double busy_ns, turns, steals, parks, runnable, handovers, preemptions;
    double load; /* share of the time between two documents; -1: not known */
    double turn_rate;
};

struct program {
    int process;
    char *text;
    struct json_doc doc;
    double now_ns, live, omitted;
    struct actor *actors; /* oldest first */
    size_t actor_count;
    size_t *order; /* their indices: parents before children, siblings by age */
    struct worker *workers;
    size_t worker_count;
};

/* Takes `text`, a document. False: it is none, or no memory; said. */
bool program_load(struct program *p, int process, char *text);
void program_free(struct program *p);
/* Works out rates, from what there was before. */
void program_compare(struct program *p, const struct program *before);

/* What to call an actor: its name, its id as a child, its label, or its
 * function; NULL of the last. */
const char *actor_title(const struct actor *a);

/* --------------------------------------------------------------- attach -- */

/* The document of a process, to be freed; NULL: said why. actors_max 0: as
 * many as the program sends by itself. */
char *attach_fetch(int process, size_t actors_max);
/* Lists the programs that can be looked at. An exit code. */
int attach_list(void);

/* ----------------------------------------------------------------- safe -- */

/* Writes a text without control characters and without those that change the
 * direction of writing; at most `width` characters, 0: all. */
void safe_print(FILE *to, const char *text, size_t width);
/* The same inside double quotes of DOT, and in XML. */
void safe_print_dot(FILE *to, const char *text, size_t width);
void safe_print_xml(FILE *to, const char *text, size_t width);
/* "1.2k", "34M": at most five characters. */
const char *safe_amount(double value, char buf[16]);

/* ------------------------------------------------------------- commands -- */

enum sort_key {
    SORT_REDUCTIONS,
    SORT_MEMORY,
    SORT_QUEUE,
    SORT_RESTARTS,
    SORT_NAME,
    SORT_AGE,
    SORT_TREE,
    SORT_COUNT
};
/* "reductions", ... */
const char *sort_name(enum sort_key key);

struct top_options {
    int process;
    bool once;
    enum sort_key sort;
    double interval_s; /* 0: as usual */
    size_t rows;       /* 0: all, or as many as fit */
    size_t actors_max;
};
/* An exit code. */
int top_run(const struct top_options *o);

void tree_print_text(FILE *to, const struct program *p);
void tree_print_dot(FILE *to, const struct program *p);
void svg_print(FILE *to, const struct program *p);

/* --------------------------------------------------------------- screen -- */

bool screen_is_terminal(void);
/* Begins to use the terminal: keys come at once and are not shown. */
void screen_open(void);
void screen_close(void);
/* Lines and columns of the terminal; 24 and 80 if that is not known. */
void screen_size(size_t *lines, size_t *columns);
/* Waits for a key; 0: the time is over, 'q' too when the user wants to end it
 * otherwise. */
int screen_wait(int ms);

#endif
