/* SPDX-License-Identifier: MIT
 *
 * storm.h - what the files of the storm share: the job, the messages, and the
 * books in which everything is written down.
 *
 *     main      options, exit code
 *     director  the first actor: the tree, the clients, the storm, the end
 *     worker    server: answers questions, is killed at random
 *     client    asks questions, writes down what became of each
 *     books     dead letters, sums, and whether they balance
 *     display   shows how it goes on
 *     report    the table at the end, and the verdict
 *
 * Why books in plain memory, where actors share nothing otherwise? What an
 * actor remembers goes with it, and here they die all the time; the books must
 * outlive everybody. Each page has one writer, its owner, and the atomics only
 * let the others read while it writes.
 */
#ifndef STORM_H
#define STORM_H

#include <coppice.h>
#include <stdatomic.h>
#include <stdio.h>

/* Sanitizers take native faults for themselves and hold memory back. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INSTRUMENTED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define INSTRUMENTED 1
#endif
#endif
#ifndef INSTRUMENTED
#define INSTRUMENTED 0
#endif

enum {
    GROUP = 100, /* workers under one supervisor */
    MAX_WORKERS = 100000,
    MAX_CLIENTS = 1000,
    MAX_RULES = 32,
    BATCH = 8 /* questions that a client has out at once */
};

#define PATIENCE (200 * COP_MS) /* of a client, with one question */

/* What the exit code says. */
enum { EXIT_RIGHT = 0, EXIT_WRONG = 1, EXIT_USAGE = 2 };

enum sabotage {
    SABOTAGE_NONE,
    SABOTAGE_FORGET, /* a client does not write down an answer */
    SABOTAGE_KILL,   /* a worker is killed that the plan knows nothing of */
    SABOTAGE_LEAK    /* an actor stays behind */
};

/* Constant while the actors run. */
struct job {
    unsigned workers, groups, clients, threads;
    cop_time time_ns;
    uint64_t seed;
    const char *plan;
    bool quiet;
    enum sabotage sabotage;
};
extern struct job job;

enum { TAG_ASK = 1 }; /* call: a number; answer: answer_to(number) */

static inline uint64_t answer_to(uint64_t n)
{
    n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9u;
    return n ^ n >> 27;
}

/* ------------------------------------------------------------------ books --
 */

typedef _Atomic uint64_t count; /* written by one, read by anybody */

struct client_page {
    count asked;
    count answered;
    count timed_out; /* no answer in time */
    count down;      /* told that the worker ended */
    count absent;    /* nobody had the name: nothing was sent */
    count wrong;     /* another answer than to this question */
    count refused;   /* any other error */
};

/* A worker writes before and after each step. Where its pen stopped says what
 * it was at when it died. */
struct worker_page {
    count born;
    count taken;     /* questions */
    count answering; /* about to send the answer */
    count answered;  /* has sent it */
};

/* Dead letters of questions and answers. */
struct letter_page {
    count questions_dropped; /* by the plan */
    count answers_dropped;
    count questions_dead; /* the worker had ended */
    count answers_late;   /* the client no longer waited */
};

struct sums {
    struct client_sums {
        uint64_t asked, answered, timed_out, down, absent, wrong, refused;
    } client;
    uint64_t questions_dropped, answers_dropped, questions_dead, answers_late;
    uint64_t taken;
    uint64_t in_hand;  /* died with a question before answering */
    uint64_t in_doubt; /* died while answering: it was sent, or was not */
    uint64_t answered; /* by workers, these for certain */
    uint64_t gaps;     /* questions that a worker kept without having died */
};

extern struct client_page *client_pages;
extern struct worker_page *worker_pages;

int books_open(void); /* 0 or COP_ENOMEM */
void books_close(void);
struct sums books_sum(void);
/* Whether every question is accounted for; else a sentence that says which
 * are not. */
bool books_balance(const struct sums *s, char *text, size_t size);
/* The actor that gets the dead letters. */
extern const cop_server letters_server;

/* ----------------------------------------------------------------- actors --
 */

extern const cop_server worker_server; /* arg: its page */
void client_run(void *arg);            /* its page */
void display_run(void *arg);
void director_run(void *arg);

enum { NAME_SIZE = 32 };
/* "worker.17.42": of group 17. Returns buf. */
char *worker_name(unsigned i, char buf[NAME_SIZE]);

/* ---------------------------------------------------------------- the end --
 */

/* All that is left when the actors have gone. */
struct outcome {
    struct sums sums;
    cop_chaos_rule rules[MAX_RULES];
    size_t nrules;
    uint64_t signature;
    /* What the supervisors did, and what the plan did to their children. */
    uint64_t restarts;      /* by the supervisors of the workers */
    uint64_t restarts_most; /* by one of them */
    uint64_t above;         /* restarts by the root, which should be none */
    uint64_t killed;        /* by signals of the plan */
    uint64_t crashed;       /* by its native faults */
    uint64_t crashes_seen;  /* by the runtime, of whatever cause */
    uint64_t up;            /* workers, when it was over */
    /* Live actors: before the tree was there, and after it had gone. */
    uint64_t actors_before, actors_after, queued_after;
    size_t rss_before, rss_after; /* in the storm, and at its end; 0: unknown */
    cop_time time_ns;
    char failure[COP_REASON_TEXT];
};

/* Prints table and verdict, returns the exit code. */
int report(const struct outcome *o);

#endif
