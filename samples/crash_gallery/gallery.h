/* SPDX-License-Identifier: MIT
 *
 * gallery.h - what the files of the crash gallery share.
 *
 *     main        options, exit code
 *     exhibits    the ways to die, in one table
 *     curator     the tree, and the first actor: shows one exhibit after the
 *                 other and notes what its witnesses saw
 *     bystanders  actors that have nothing to do with it, and must not notice
 *     catalogue   what is printed, and the verdict
 *
 * Words to know: an exhibit is a way to die; a showing is one exhibit's death
 * as the witnesses told it; a witness is the supervisor, a monitor, or an actor
 * that is linked to the exhibit and traps exits.
 */
#ifndef GALLERY_H
#define GALLERY_H

#include <coppice.h>

/* What the exit code says. */
enum { EXIT_RIGHT = 0, EXIT_WRONG = 1, EXIT_USAGE = 2 };

enum sabotage {
    SABOTAGE_NONE,
    SABOTAGE_REASON, /* the first exhibit is expected to die otherwise */
    SABOTAGE_ALIVE,  /* the first exhibit is not told to die */
    SABOTAGE_COIN    /* a bystander loses a coin */
};

enum {
    TAG_DIE = 1, /* to an exhibit */
    TAG_HERE,    /* from an exhibit: there I am */
    TAG_LEAFLET, /* to an exhibit, which takes none */
    TAG_COIN,    /* among bystanders: struct coin */
    TAG_HOLD,    /* call to a bystander: keep what comes from now on */
    TAG_COUNT    /* call to a bystander: struct purse */
};

/* --------------------------------------------------------------- exhibits */

struct exhibit {
    const char *name, *does;
    void (*die)(void);       /* what it does, told to die; NULL: nothing */
    void (*strike)(cop_pid); /* or what is done to it by the curator */
    const char *reason;      /* the beginning of what it must die of */
    bool is_native;          /* a fault, or what needs preemption */
    bool has_process;        /* of its own */
    bool is_orderly;         /* its supervisor lets it rest */
    cop_opts opts;           /* limits */
};

extern const struct exhibit exhibits[];
extern const size_t nexhibits;

/* Why it cannot be shown in this build, or NULL. */
const char *exhibit_missing(const struct exhibit *e);

/* ------------------------------------------------------------- bystanders */

enum { BYSTANDERS = 8, COINS = 24 };

struct coin {
    uint32_t number;
    uint32_t passed; /* how often */
};

/* What a bystander has to say at the end. */
struct purse {
    uint64_t received, sent;
    struct coin coins[COINS];
    uint32_t ncoins;
};

/* What has become of all of them. */
struct bystanders {
    uint64_t passed; /* messages */
    unsigned unhurt; /* still the same actors */
    bool is_whole;   /* each coin is there once, and was passed as often
                        as they say */
};

extern const cop_sup bystanders_sup;
/* Gives them their coins: 0 or a code. */
int bystanders_begin(bool lose_one);
/* Stops them and counts: 0 or a code. */
int bystanders_end(struct bystanders *out);

/* ---------------------------------------------------------------- showing */

struct tour { /* constant while the actors run */
    uint64_t seed;
    const char *only; /* or NULL */
    bool quiet;
    enum sabotage sabotage;
};

struct showing {
    const struct exhibit *exhibit;
    const char *expected;
    bool died, restarted;
    char supervisor[COP_SYS_LINE]; /* these say why, in words */
    char monitor[COP_REASON_TEXT];
    char link[COP_REASON_TEXT];
    char where[2 * COP_SYMBOL_TEXT]; /* of the crash, or "" */
};

struct outcome {
    const struct tour *tour;
    bool finished;
    unsigned shown, as_told, missing;
    uint64_t signature; /* of the order */
    struct bystanders bystanders;
};

void curator_run(void *arg); /* a struct outcome */

/* Did it die as told, before all witnesses? */
bool catalogue_judge(const struct showing *s);
void catalogue_show(const struct showing *s, bool as_told);
void catalogue_missing(const struct exhibit *e, const char *why);
void catalogue_list(void);
/* Prints the verdict, returns the exit code. */
int catalogue_close(const struct outcome *o);

#endif
