/* SPDX-License-Identifier: MIT
 *
 * prng.c - xoshiro256** streams. Rank: 0. Sources: see prng.h.
 */
#include "runtime/base/prng.h"

#include "runtime/base/check.h"
#include "runtime/base/hash.h"

static uint64_t rotate(uint64_t x, int n)
{
    return (x << n) | (x >> (64 - n));
}

/* Four outputs of splitmix64 in a row: at most one of them is zero. */
void copi_prng_init(struct copi_prng *p, uint64_t seed, const char *stream)
{
    uint64_t x = seed ^ copi_hash_bytes(COPI_HASH_INIT, stream, strlen(stream));

    for (size_t i = 0; i < COPI_ARRAY_LEN(p->s); i++) {
        x += UINT64_C(0x9e3779b97f4a7c15);
        p->s[i] = copi_hash_u64(x);
    }
}

uint64_t copi_prng_next(struct copi_prng *p)
{
    uint64_t *s = p->s;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

/* 2^64 mod n of the numbers would make the low results likelier: those are
 * drawn again. */
uint64_t copi_prng_below(struct copi_prng *p, uint64_t n)
{
    uint64_t surplus, x;

    COPI_ASSERT(n > 0);
    surplus = -n % n;
    do {
        x = copi_prng_next(p);
    } while (x < surplus);
    return x % n;
}
