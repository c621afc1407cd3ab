/* SPDX-License-Identifier: MIT
 *
 * plan.h - plans of faults: the language and its one parser. Rank: 1.
 *
 * The language is described where its users look for it, in
 * <coppice/chaos.h>. Here it becomes a list of rules, each a plain value. What
 * a rule does is not known here: inject.c decides when it fires, api/chaos.c
 * does what it says.
 */
#ifndef COPI_PROBE_PLAN_H
#define COPI_PROBE_PLAN_H

#include "runtime/base/base.h"

enum {
    COPI_PLAN_RULES = 32,
    COPI_PLAN_PATTERN = 64, /* bytes of a pattern, with the closing zero */
    COPI_PLAN_NAME = 64,    /* of a reason's name */
    COPI_PLAN_TAG = 32,     /* of a tag's name */
    COPI_PLAN_TEXT = 96,    /* of a rule as it is shown */
    COPI_PLAN_WHY = 768     /* of what is wrong: with all that is known */
};

/* What a rule's opportunities are. */
enum copi_rule_class {
    COPI_RULE_ACTOR,   /* an actor gets a turn */
    COPI_RULE_MESSAGE, /* a message is sent */
    COPI_RULE_POINT,   /* a fault point is passed */
    COPI_RULE_CALL     /* an actor calls a function of libc */
};

/* name, text, class */
#define COPI_RULES(X)                                                          \
    X(KILL, "kill", ACTOR)                                                     \
    X(EXIT, "exit", ACTOR)                                                     \
    X(SEGV, "segv", ACTOR)                                                     \
    X(ABORT, "abort", ACTOR)                                                   \
    X(FPE, "fpe", ACTOR)                                                       \
    X(OVERFLOW, "overflow", ACTOR)                                             \
    X(HANG, "hang", ACTOR)                                                     \
    X(SLOW, "slow", ACTOR)                                                     \
    X(DROP, "drop", MESSAGE)                                                   \
    X(DELAY, "delay", MESSAGE)                                                 \
    X(DUPLICATE, "duplicate", MESSAGE)                                         \
    X(FAIL, "fail", POINT)                                                     \
    X(ERRNO, "errno", CALL) /* or POINT, of the runtime's own calls */

enum copi_rule_kind {
#define COPI_X(name, text, class) COPI_RULE_##name,
    COPI_RULES(COPI_X)
#undef COPI_X
        COPI_RULE_KINDS
};

/* How a message is sent. */
#define COPI_SENDS(X)                                                          \
    X(PLAIN, "plain") X(CAST, "cast") X(CALL, "call") X(REPLY, "reply")

enum copi_send_kind {
#define COPI_X(name, text) COPI_SEND_##name,
    COPI_SENDS(COPI_X)
#undef COPI_X
        COPI_SEND_KINDS
};

/* Processors whose integer division by zero is no fault have no `fpe`. */
#if defined(__x86_64__)
#define COPI_PLAN_HAS_FPE 1
#else
#define COPI_PLAN_HAS_FPE 0
#endif

#define COPI_PLAN_CERTAIN UINT32_C(1000000000)

struct copi_rule {
    enum copi_rule_kind kind;
    enum copi_rule_class class;
    unsigned line;
    char text[COPI_PLAN_TEXT]; /* as it was written, cut */

    /* Whom, what: "" and 0 match anything. */
    char who[COPI_PLAN_PATTERN];
    char from[COPI_PLAN_PATTERN];
    char to[COPI_PLAN_PATTERN];
    char tag_name[COPI_PLAN_TAG]; /* "": `tag` counts */
    cop_tag tag;
    unsigned sends; /* bit k: messages sent as copi_send_kind k */
    int point;      /* enum copi_fault_point */
    int call;       /* enum copi_libc */

    /* How. */
    char reason[COPI_PLAN_NAME];
    cop_time low_ns, high_ns; /* delay; hang: high_ns, 0 for ever */
    unsigned factor;          /* slow */
    int error;                /* errno */

    /* When. */
    uint32_t p; /* of COPI_PLAN_CERTAIN */
    cop_time every_ns;
    uint64_t nth;                /* the first that may fire; 0: any */
    uint64_t count;              /* at most so often; 0: no limit */
    cop_time after_ns, until_ns; /* until_ns 0: for ever */
    bool has_seed;
    uint64_t seed;
};

struct copi_plan {
    unsigned count;
    bool has_seed;
    uint64_t seed;
    struct copi_rule rule[COPI_PLAN_RULES];
};

/* Where a text is wrong, and what was expected there. Both count from 1, the
 * column in bytes. */
struct copi_plan_error {
    unsigned line, column;
    char text[COPI_PLAN_WHY];
};

/* 0; COP_EINVAL (not the language), COP_ENOTSUP (the language, but nothing that
 * can be done here), COP_ELIMIT (too many rules), each with *error. The text is
 * only read. No memory, no lock: callable anywhere. */
COP_MUST_USE int copi_plan_parse(struct copi_plan *out, const char *text,
                                 struct copi_plan_error *error);

/* A pattern matches the whole name: `*` any characters, `?` exactly one, all
 * others themselves. */
bool copi_plan_matches(const char *pattern, const char *name);

/* 1 to COPI_PLAN_TAG - 1 letters, digits, `_`, `.` and `-`, no digit first. */
bool copi_plan_is_tag_name(const char *name);

#endif
