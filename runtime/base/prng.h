/* SPDX-License-Identifier: MIT
 *
 * prng.h - the door through which all chance enters: named streams of random
 * numbers that are split from one seed. Rank: 0.
 *
 * Each use (the choice of a victim to steal from, an injected fault, ...) draws
 * from a stream of its own name, so that one more draw here does not change
 * what is drawn there. Not for secrets.
 *
 * Sources: xoshiro256** by David Blackman and Sebastiano Vigna, "Scrambled
 * Linear Pseudorandom Number Generators" (2018), seeded as they advise through
 * splitmix64 (hash.h); both in the public domain. The stream's name enters by
 * FNV-1a.
 */
#ifndef COPI_BASE_PRNG_H
#define COPI_BASE_PRNG_H

#include "runtime/base/base.h"

struct copi_prng {
    uint64_t s[4]; /* never all zero */
};

/* The same seed and name give the same numbers, on every machine. */
void copi_prng_init(struct copi_prng *p, uint64_t seed, const char *stream);

uint64_t copi_prng_next(struct copi_prng *p);

/* 0 to n - 1, each as likely as the others. n must not be 0. */
uint64_t copi_prng_below(struct copi_prng *p, uint64_t n);

#endif
