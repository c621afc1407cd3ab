/* SPDX-License-Identifier: MIT
 *
 * escalation.h - what the files of this sample share.
 *
 *     main    options, exit code
 *     trees   the supervision trees as const data, and the actors in them
 *     steps   what happens, step by step, and what must come of it
 *     stage   watching actors, drawing the tree, checking expectations
 *
 * All but main run in one actor, the narrator, which starts the trees and is
 * the parent of their roots.
 */
#ifndef ESCALATION_H
#define ESCALATION_H

#include <coppice.h>
#include <stdio.h>

/* What the exit code says. */
enum { EXIT_RIGHT = 0, EXIT_WRONG = 1, EXIT_USAGE = 2 };

/* Constant while the actors run. */
struct job {
    uint64_t seed;
    bool step; /* wait for Enter after each step */
    bool sabotage;
};
extern struct job job;

#define PATIENCE (10 * COP_SEC) /* with what must happen at once */

/* ------------------------------------------------------------------ trees --
 */

enum { CLERKS = 3, RUNNERS = 2 };

enum {
    TAG_CRASH = 1, /* cast: end with `boom` */
    TAG_FINISH     /* cast: end orderly */
};

extern const cop_sup shop_root, press_root, any_root, all_root;

/* The printer's pauses. */
#define PRINTER_MIN (20 * COP_MS)
#define PRINTER_MAX (2 * COP_SEC)
enum { PRINTER_FACTOR = 4 };

/* ------------------------------------------------------------------ steps --
 */

void steps_run(void *arg);

/* ------------------------------------------------------------------ stage --
 */

/* Stops a supervisor in its tracks: what it gets to know waits, so that one can
 * look at what is between two steps. Lets it go on. */
void stage_hold(const char *sup);
void stage_go_on(const char *sup);

/* Begins a step: tells its number, title and what will happen. */
void stage_step(const char *title, const char *text);
/* Ends it: shows the tree below `root` (NULL: it has gone). */
void stage_end(const char *root);
/* The same while the root is held: shows who of these has a name. */
void stage_end_held(const char *const *names, size_t n);

/* Starts a tree; its root traps nothing and is linked to the narrator. */
void stage_start(const char *name, const cop_sup *root);
void stage_stop(const char *name);

/* From now on the actor that has this name is watched. */
void stage_watch(const char *name);
/* Who had the name when it was last watched. */
cop_pid stage_was(const char *name);
/* Waits for its end and tells it. True: it ended with this reason. */
bool stage_ended(const char *name, const char *reason);
bool stage_lives(const char *name); /* the one that was watched, still */
/* Waits for another one by this name. */
bool stage_is_back(const char *name);
/* Waits until the child has that state and so many restarts. */
bool stage_child_is(const char *sup, const char *id, cop_child_state state,
                    uint64_t restarts);
/* Restarts that a supervisor counts now; tells it, and how many it allows. */
size_t stage_restarts(const char *sup);

/* What OTP would do, in words; `is` says whether it was so. */
void stage_check(bool is, const char *text);

/* After the last step: prints the verdict, returns the exit code. */
int stage_verdict(void);

#endif
