/* SPDX-License-Identifier: MIT
 *
 * scenario.h - a scenario as read from its file: steps, the names in them, and
 * what `defsup` and `defchild` describe. See scenario.c.
 */
#ifndef CONFORMANCE_SCENARIO_H
#define CONFORMANCE_SCENARIO_H

#include <coppice.h>

enum { WORDS_MAX = 20, LINE_TEXT = 256 };

/* One line that is neither empty nor a comment, without its `~`. */
struct step {
    struct step *next;
    bool loose; /* began with ~ */
    int n;
    const char *word[WORDS_MAX];
};

/* What may follow a start: of actors, servers and children alike. */
struct options {
    bool link, nolink, trap, eager, cont, significant, later;
    const char *monitor, *reg, *init, *shutdown;
    cop_restart restart;
    cop_time initslow, slow;
};

enum kind { KIND_ACTOR, KIND_SERVER, KIND_SUP };

struct sup_def;

/* A name of the scenario. Its description is constant while actors run; `pid`
 * and `starts` are world.c's. */
struct entity {
    struct entity *next;
    const char *name;
    bool is_handle;
    bool is_actor;           /* something is started under it */
    struct sup_def *sup;     /* its defsup */
    struct child_def *child; /* its defchild */
    struct sup_def *parent;  /* of a child, or an instance */
    cop_pid pid;             /* who has it now */
    unsigned starts;         /* so far, by `init=` */
};

/* What an actor or server that starts is to be. */
struct role {
    struct entity *who;
    struct entity *counted; /* whose starts select from `init=` */
    struct sup_def *parent; /* or NULL */
    struct options opts;
};

struct child_def {
    struct child_def *next; /* of the same supervisor */
    enum kind kind;
    bool is_fixed; /* its siblings are there in the order of their lines: no
                      step adds a child that a defchild describes */
    struct role role;
};

struct sup_def {
    struct entity *who;
    cop_strategy strategy;
    int intensity;
    cop_time period_ns;
    cop_auto_shutdown auto_shutdown;
    struct child_def *children; /* in the order of their lines */
};

struct scenario {
    struct step *steps;
    struct entity *entities;
    bool has_groups;
};

/* Reads a scenario. False: *error says why. Everything lives until
 * scenario_free. */
bool scenario_read(struct scenario *s, const char *path, char *error,
                   size_t size);
void scenario_free(void);

/* Memory that scenario_free frees; any thread. Never NULL. */
void *scenario_alloc(size_t size);

/* The options among the words from the `from`th on. */
struct options options_of(const struct step *s, int from);
/* "300" or "inf". */
cop_time duration_of(const char *word);
/* As a deadline. */
cop_time deadline_of(const char *word);

/* The tag number of a word such as `ping` or `stop:boom`, and back. NULL: not
 * a tag of a scenario. */
cop_tag tag_of(const char *word);
const char *tag_text(cop_tag tag);

#endif
