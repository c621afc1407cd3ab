/* SPDX-License-Identifier: MIT
 *
 * zygote.h - the process that forks those of isolated actors, and what passes
 * between it and the program. Rank: 5. See zygote.c.
 */
#ifndef COPI_API_ZYGOTE_H
#define COPI_API_ZYGOTE_H

#include "runtime/base/base.h"

/* An isolated actor by its place in the table of isolated.c, and the number of
 * the place's tenant. */
struct copi_zygote_key {
    uint32_t index, turn;
};

enum copi_zygote_op {
    /* to the zygote */
    COPI_ZYGOTE_FORK, /* with the memory's and the bell's descriptors */
    COPI_ZYGOTE_KILL,
    /* from it */
    COPI_ZYGOTE_FORKED, /* value: the process' number */
    COPI_ZYGOTE_FAILED, /* value: errno */
    COPI_ZYGOTE_ENDED   /* value: the process' status */
};

struct copi_zygote_note {
    int32_t op; /* enum copi_zygote_op */
    int32_t value;
    struct copi_zygote_key key;
};

struct copi_zygote {
    int pid;
    int socket;
};

/* Forks it. 1: this is the zygote, which must call copi_zygote_run; 0; or
 * COP_ESYS. */
COP_MUST_USE int copi_zygote_fork(struct copi_zygote *z);
COP_NORETURN void copi_zygote_run(const struct copi_zygote *z);
/* Ends it with all its children, and waits for that. */
void copi_zygote_end(struct copi_zygote *z);

#endif
