/* SPDX-License-Identifier: MIT
 *
 * hash.h - two small hashes: a mixer for 64-bit keys, and FNV-1a for bytes.
 * Rank: 0.
 *
 * Neither is seeded, so that runs can be replayed; neither resists somebody who
 * chooses keys to collide. Keys here are the runtime's own numbers and names.
 *
 * Sources: the mixer is the finaliser of splitmix64 (Steele, Lea and Flood,
 * "Fast Splittable Pseudorandom Number Generators", 2014); FNV-1a is by Fowler,
 * Noll and Vo. Both are in the public domain.
 */
#ifndef COPI_BASE_HASH_H
#define COPI_BASE_HASH_H

#include "runtime/base/base.h"

/* Each bit of x changes about half of the bits of the result; a bijection. */
static inline uint64_t copi_hash_u64(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

#define COPI_HASH_INIT UINT64_C(0xcbf29ce484222325)

/* FNV-1a of n bytes, going on from h (COPI_HASH_INIT to begin). */
static inline uint64_t copi_hash_bytes(uint64_t h, const void *data, size_t n)
{
    const unsigned char *p = data;

    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h;
}

#endif
