/* SPDX-License-Identifier: MIT
 *
 * watched.h - for programs whose actors die by the thousand: who was started
 * or looked at under which number, and whose end a DOWN tells.
 */
#ifndef STRESS_WATCHED_H
#define STRESS_WATCHED_H

#include "tests/stress/common.h"

struct watched {
    cop_ref ref; /* of the monitor; COP_NO_REF: none, or its DOWN has come */
    cop_pid pid;
    uint64_t number;
};

/* Spawns and monitors an actor that gets its number as argument. */
static inline void watched_start(struct watched *w, cop_fn fn, uint64_t number,
                                 cop_opts opts)
{
    opts.monitor = &w->ref;
    opts.arg_bytes = sizeof number;
    w->number = number;
    STRESS_OK(cop_spawn(&w->pid, fn, &number, &opts));
}

/* Which of the n this DOWN is of. A second one of it, or of others, fails. */
static inline struct watched *watched_ended(struct watched *w, int n,
                                            const cop_msg *m)
{
    int i = 0;

    while (i < n && !cop_ref_eq(w[i].ref, cop_msg_ref(m)))
        i++;
    STRESS_CHECK(i < n, "a second DOWN, or of nobody");
    w[i].ref = COP_NO_REF;
    return &w[i];
}

#endif
