/* SPDX-License-Identifier: MIT
 *
 * heap_test.c - an actor's blocks of memory: sizes, contents, what is refused,
 * what is said of blocks that were written over. That all of it comes back
 * however an actor dies is in owned_test.c, limits are in limit_test.c.
 */
#include <coppice/memory.h>

#include "runtime/actor/heap.h"
#include "runtime/actor/here.h"
#include "runtime/base/check.h"
#include "tests/support/actor_test.h"
#include "tests/support/death.h"
#include "tests/support/native.h"

enum { SLOTS = 200 };

static uint64_t random_state = 1;

static uint32_t below(uint32_t n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1;
    return (uint32_t)((random_state >> 33) % n);
}

/* Spawns fn and checks how it ends. */
static void ends_with(cop_fn fn, void *arg, const char *text)
{
    cop_ref ref;
    cop_opts opts = {.monitor = &ref};
    const cop_msg *m;
    char why[COP_REASON_TEXT];

    ck_assert_int_eq(cop_spawn(NULL, fn, arg, &opts), 0);
    ck_assert_int_eq(cop_recv_ref(&m, ref, COP_FOREVER), 0);
    cop_reason_str(cop_msg_reason(m), why, sizeof why);
    ck_assert_msg(strstr(why, text) != NULL, "%s, not %s", why, text);
}

static void check(void)
{
    copi_heap_check(copi_here_actor());
}

static size_t held(void)
{
    return copi_here_actor()->held_bytes;
}

/* ------------------------------------------------------- what one gets -- */

static bool is_filled(const char *p, size_t n, char c)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != c)
            return false;
    return true;
}

static void sizes_body(void *arg)
{
    static const size_t sizes[] = {0,   1,   15,  16,   47,   48,    49,
                                   112, 113, 240, 241,  496,  497,   498,
                                   512, 513, 999, 4096, 5000, 100000};
    enum { N = sizeof sizes / sizeof sizes[0] };
    char *p[N], *z[N];

    (void)arg;
    for (int i = 0; i < N; i++) {
        p[i] = cop_alloc(sizes[i]);
        z[i] = cop_zalloc(sizes[i]);
        ck_assert(p[i] != NULL && (uintptr_t)p[i] % 16 == 0);
        ck_assert(z[i] != NULL && (uintptr_t)z[i] % 16 == 0);
        ck_assert(is_filled(z[i], sizes[i], 0));
        memset(p[i], i, sizes[i]);
        memset(z[i], -i, sizes[i]);
    }
    check();
    for (int i = 0; i < N; i++) {
        ck_assert(is_filled(p[i], sizes[i], (char)i));
        ck_assert(is_filled(z[i], sizes[i], (char)-i));
        cop_free(i % 2 ? p[i] : z[i]);
    }
    check();
    for (int i = 0; i < N; i++)
        cop_free(i % 2 ? z[i] : p[i]);
    check();
    cop_free(NULL);
}

START_TEST(blocks_of_all_sizes)
{
    actor_test(sizes_body, NULL);
}
END_TEST

static void texts_body(void *arg)
{
    char *a = cop_strdup("a text"), *empty = cop_strdup("");

    (void)arg;
    ck_assert_str_eq(a, "a text");
    ck_assert_str_eq(empty, "");
    check();
}

START_TEST(copies_texts)
{
    actor_test(texts_body, NULL);
}
END_TEST

static void absurd_body(void *arg)
{
    volatile size_t most = SIZE_MAX, half = PTRDIFF_MAX;
    char *p = cop_alloc(3);

    (void)arg;
    ck_assert_ptr_null(cop_alloc(most));
    ck_assert_ptr_null(cop_alloc(most - 16));
    ck_assert_ptr_null(cop_zalloc(half));
    ck_assert_ptr_null(cop_realloc(p, most - 20));
    strcpy(p, "ok");
    ck_assert_str_eq(p, "ok");
    check();
}

START_TEST(absurd_sizes)
{
    actor_test(absurd_body, NULL);
}
END_TEST

/* Against a model: what each slot holds and how much of it. */
static struct slot {
    char *p;
    size_t n;
    char c;
} slots[SLOTS];

static size_t some_size(void)
{
    return below(10) == 0 ? below(20000) : below(600);
}

static void fill(struct slot *s, char *p, size_t n)
{
    ck_assert_ptr_nonnull(p);
    s->p = p;
    s->n = n;
    s->c = (char)below(256);
    memset(p, s->c, n);
}

static void change(struct slot *s)
{
    size_t n = some_size(), both = s->n < n ? s->n : n;

    if (s->p != NULL && !is_filled(s->p, s->n, s->c))
        ck_abort_msg("a block of %zu bytes has changed", s->n);
    switch (below(4)) {
    case 0:
        cop_free(s->p);
        s->p = NULL;
        s->n = 0;
        break;
    case 1:
        cop_free(s->p);
        fill(s, cop_zalloc(n), n);
        break;
    default:
        s->p = cop_realloc(s->p, n);
        ck_assert(s->p != NULL && is_filled(s->p, both, s->c));
        fill(s, s->p, n);
    }
}

static void random_body(void *arg)
{
    size_t least;

    (void)arg;
    cop_free(cop_alloc(1));
    least = held();
    for (int i = 0; i < 50000; i++) {
        change(&slots[below(SLOTS)]);
        if (i % 500 == 0)
            check();
    }
    for (int i = 0; i < SLOTS; i++)
        cop_free(slots[i].p);
    check();
    /* but for the table, which grew */
    ck_assert_uint_lt(held() - least, SLOTS * 4 * sizeof(void *));
}

START_TEST(random_calls_against_a_model)
{
    actor_test(random_body, NULL);
}
END_TEST

static void table_body(void *arg)
{
    static void *p[10000];

    (void)arg;
    for (int i = 0; i < 10000; i++)
        p[i] = cop_alloc(10);
    check();
    size_t most = copi_here_actor()->heap->room;
    for (int i = 0; i < 10000; i++)
        cop_free(p[i]);
    check();
    ck_assert_uint_ge(most, 10000);
    ck_assert_uint_le(copi_here_actor()->heap->room, 128);
}

START_TEST(the_table_shrinks_again)
{
    actor_test(table_body, NULL);
}
END_TEST

/* ---------------------------------------------------------------- misuse -- */

static void frees(void *p)
{
    cop_free(p);
}

static void resizes(void *p)
{
    (void)!cop_realloc(p, 100);
}

/* Having blocks of its own it has a table to be looked for in. */
static void frees_beside_own(void *p)
{
    ck_assert(cop_alloc(10) != NULL && cop_alloc(10) != NULL);
    cop_free(p);
}

static void copies_null(void *arg)
{
    (void)!cop_strdup(arg);
}

static void foreign_body(void *arg)
{
    static _Alignas(16) char none[64] = "header of no block";
    char *mine = cop_alloc(100), text[64];

    (void)arg;
    snprintf(text, sizeof text, "{badarg, \"cop_free: %p is another", mine);
    ends_with(frees, mine, text);
    ends_with(frees_beside_own, mine, text);
    ends_with(resizes, mine, "cop_realloc: 0x");
    ends_with(resizes, mine, "is another actor's");
    ends_with(frees, mine + 1, "is no block of cop_alloc's");
    ends_with(frees, none + 32, "is no block of cop_alloc's");
    ends_with(frees_beside_own, none + 16, "is no block of cop_alloc's");
    ends_with(copies_null, NULL, "cop_strdup: text is NULL");
    check();
    cop_free(mine);
}

START_TEST(what_is_not_ones_own)
{
    actor_test(foreign_body, NULL);
}
END_TEST

/* A sanitizer has its own opinion of looking at what was freed. */
#ifndef NATIVE_SANITIZED
static void frees_twice(void *arg)
{
    size_t n = *(size_t *)arg;
    char *p = cop_alloc(n), *q = cop_alloc(n);

    ck_assert(p != NULL && q != NULL);
    cop_free(p);
    cop_free(p);
}

static void twice_body(void *arg)
{
    size_t sizes[] = {10, 100, 400};

    (void)arg;
    for (int i = 0; i < 3; i++)
        ends_with(frees_twice, &sizes[i], "was freed already");
}

START_TEST(freed_twice)
{
    actor_test(twice_body, NULL);
}
END_TEST
#endif

static void alloc_outside(void)
{
    (void)!cop_alloc(10);
}

static void free_outside(void)
{
    cop_free(&random_state);
}

static void alloc_on_helper(void *arg)
{
    (void)arg;
    alloc_outside();
}

static void helper_body(void *arg)
{
    (void)arg;
    (void)!cop_blocking(alloc_on_helper, NULL);
}

static void alloc_by_helper(void)
{
    actor_test(helper_body, NULL);
}

START_TEST(outside_an_actor)
{
    ck_assert(death_says(alloc_outside, "cop_alloc: only an actor may"));
    ck_assert(death_says(free_outside, "cop_free: only an actor may"));
    ck_assert(death_says(alloc_by_helper, "cop_alloc: only an actor may"));
}
END_TEST

/* ---------------------------------------------------------------- damage -- */

/* So big that nothing else counts. */
enum { BLOCKS = 10, BLOCK = 100000 };

static char said[4096];
static char *blocks[BLOCKS]; /* a leak checker finds the lost ones here */

static void listen(const char *line)
{
    snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", line);
}

static void damages(void *arg)
{
    const int *which = arg;

    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = cop_alloc(BLOCK);
    for (; *which >= 0; which++)
        memset(blocks[*which] - 16, 0x41, 16);
}

static size_t lost_by(const int *which)
{
    size_t before = cop_ext_bytes_in_use();

    said[0] = '\0';
    ends_with(damages, (void *)(uintptr_t)which, "normal");
    return (cop_ext_bytes_in_use() - before + BLOCK / 2) / BLOCK;
}

static void damage_body(void *arg)
{
    char where[64];

    (void)arg;
    ck_assert_uint_eq(lost_by((int[]){-1}), 0);
    ck_assert_str_eq(said, "");
    ck_assert_uint_eq(lost_by((int[]){7, 3, 9, -1}), 3);
    ck_assert_msg(strstr(said, "3 of its 10 blocks") != NULL, "%s", said);
    snprintf(where, sizeof where, "oldest of these is at %p:", blocks[3]);
    ck_assert_msg(strstr(said, where) != NULL, "%s, not %s", said, where);
}

START_TEST(damage_is_reported_and_not_followed)
{
    actor_test(damage_body, &(cop_config){.workers = 1, .log = listen});
}
END_TEST

/* Each word of the header by itself. */
static void one_bit(void *arg)
{
    char *p = cop_alloc(BLOCK), *q = cop_alloc(BLOCK);
    int bit = *(int *)arg;

    ck_assert_ptr_nonnull(q);
    blocks[0] = p;
    p[-16 + bit / 8] ^= (char)(1 << bit % 8);
    if (bit % 2)
        cop_free(p);
}

static void bits_body(void *arg)
{
    (void)arg;
    for (int bit = 0; bit < 128; bit++) {
        size_t before = cop_ext_bytes_in_use();
        said[0] = '\0';
        ends_with(one_bit, &bit, bit % 2 ? "{badarg, \"cop_free: " : "normal");
        ck_assert_msg(strstr(said, "1 of its 2") != NULL, "%d: %s", bit, said);
        ck_assert_uint_gt(cop_ext_bytes_in_use(), before + BLOCK / 2);
    }
}

START_TEST(any_damage_of_a_header_is_seen)
{
#ifdef NATIVE_SANITIZED
    (void)bits_body; /* 128 lost blocks are too much for a leak checker */
#else
    actor_test(bits_body, &(cop_config){.workers = 1, .log = listen});
#endif
}
END_TEST

static void overwritten(void *arg)
{
    char *p = cop_alloc(1000);

    (void)arg;
    blocks[0] = p;
    memset(p - 16, 0, 8); /* the size */
    (void)!cop_realloc(p, 2000);
}

static void overwritten_body(void *arg)
{
    (void)arg;
    ends_with(overwritten, NULL, "was written over by the bytes before it");
}

START_TEST(misuse_names_the_damage)
{
    actor_test(overwritten_body, &(cop_config){.log = listen});
}
END_TEST

/* ------------------------------------------------------------- no memory -- */

/* Until all allocations that there are have failed once. */
static void oom_body(void *arg)
{
    char *p = NULL;
    uint64_t n;

    (void)arg;
    for (n = 1; p == NULL; n++) {
        cop_ext_fail_alloc(n, false);
        p = cop_alloc(1000);
        cop_ext_fail_alloc(0, false);
        check();
    }
    ck_assert_uint_eq(n - 1, 3); /* the heap failed, then its table */
    strcpy(p, "kept");
    cop_ext_fail_alloc(1, true);
    ck_assert_ptr_null(cop_realloc(p, 3000));
    ck_assert_ptr_null(cop_alloc(1000));
    ck_assert_ptr_null(cop_zalloc(1000));
    ck_assert_ptr_null(cop_zalloc(10));
    ck_assert_ptr_null(cop_strdup("x"));
    ck_assert_str_eq(p, "kept");
    ck_assert_ptr_eq(cop_realloc(p, 600), p);
    cop_free(p);
    cop_ext_fail_alloc(0, false);
    check();
}

START_TEST(without_memory)
{
    /* so the waiting thread allocates nothing meanwhile */
    actor_test(oom_body, &(cop_config){.workers = 1, .virtual_time = true});
}
END_TEST

static const TTest *const cases[] = {
    blocks_of_all_sizes,
    copies_texts,
    absurd_sizes,
    random_calls_against_a_model,
    the_table_shrinks_again,
    what_is_not_ones_own,
#ifndef NATIVE_SANITIZED
    freed_twice,
#endif
    outside_an_actor,
    damage_is_reported_and_not_followed,
    any_damage_of_a_header_is_seen,
    misuse_names_the_damage,
    without_memory,
};
UNIT_MAIN("heap", cases)
