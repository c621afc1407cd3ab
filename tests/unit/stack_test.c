/* SPDX-License-Identifier: MIT
 *
 * stack_test.c - the pool of stacks: sizes, guards of each kind, recycling,
 * memory given back, limits, and threads at odds with each other.
 */
#include "runtime/memory/stack.h"

#include <stdlib.h>

#include "runtime/base/check.h"
#include "runtime/base/os.h"
#include "runtime/base/prng.h"
#include "runtime/memory/stack_tools.h"
#include "runtime/probe/fault.h"
#include "tests/support/dies.h"
#include "tests/support/unit.h"

static struct copi_stack take(size_t want)
{
    struct copi_stack s;

    ck_assert_int_eq(copi_stack_get(&s, want), 0);
    return s;
}

static struct copi_stack_stats stats(void)
{
    struct copi_stack_stats st;

    copi_stack_stats_get(&st);
    return st;
}

static void start(uint32_t idle_hot, uint32_t magazine)
{
    struct copi_stack_config cfg = copi_stack_config_default();

    cfg.idle_hot = idle_hot;
    cfg.magazine = magazine;
    ck_assert_int_eq(copi_stack_init_with(&cfg), 0);
}

static int map_count(void)
{
    FILE *f = fopen("/proc/self/maps", "re");
    int lines = 0, ch;

    ck_assert_ptr_nonnull(f);
    while ((ch = getc(f)) != EOF)
        lines += ch == '\n';
    fclose(f);
    return lines;
}

/* ---------------------------------------------------------------- sizes -- */

START_TEST(each_class_is_usable_from_end_to_end)
{
    ck_assert_int_eq(copi_stack_init(), 0);
    for (size_t size = COPI_STACK_MIN; size <= COPI_STACK_MAX; size *= 2) {
        struct copi_stack s = take(size), t = take(size);

        ck_assert_uint_eq(s.size, size);
        ck_assert_uint_eq((uintptr_t)s.low % copi_os_page_size(), 0);
        ck_assert(s.top <= s.low + size && s.top > s.low + size - 2048);
        ck_assert_int_ne(s.low + size - s.top, t.low + size - t.top);
        s.low[0] = 'a';
        s.low[size - 1] = 'z';
        t.low[0] = 'A';
        t.low[size - 1] = 'Z';
        ck_assert_int_eq(s.low[0] + s.low[size - 1], 'a' + 'z');
        ck_assert(copi_stack_is_guard(&s, s.low - 1));
        ck_assert(copi_stack_is_guard(&s, s.low - s.guard_bytes));
        ck_assert(!copi_stack_is_guard(&s, s.low));
        ck_assert(!copi_stack_is_guard(&s, s.low - s.guard_bytes - 1));
        copi_stack_put(&s);
        copi_stack_put(&t);
        ck_assert_ptr_null(s.low);
    }
    copi_stack_fini();
}
END_TEST

START_TEST(sizes_round_up_to_a_class)
{
    const size_t want[][2] = {{0, COPI_STACK_DEFAULT},
                              {1, COPI_STACK_MIN},
                              {COPI_STACK_MIN, COPI_STACK_MIN},
                              {COPI_STACK_MIN + 1, 2 * COPI_STACK_MIN},
                              {100000, 131072},
                              {COPI_STACK_MAX - 1, COPI_STACK_MAX}};
    struct copi_stack s;

    ck_assert_int_eq(copi_stack_init(), 0);
    for (size_t i = 0; i < COPI_ARRAY_LEN(want); i++) {
        s = take(want[i][0]);
        ck_assert_uint_eq(s.size, want[i][1]);
        copi_stack_put(&s);
    }
    ck_assert_int_eq(copi_stack_get(&s, COPI_STACK_MAX + 1), COP_EINVAL);
    ck_assert_int_eq(copi_stack_get(&s, SIZE_MAX), COP_EINVAL);
    ck_assert_ptr_null(s.low);
    copi_stack_fini();
}
END_TEST

/* --------------------------------------------------------------- guards -- */

static struct copi_stack victim;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)context;
    _exit(sig == SIGSEGV && copi_stack_is_guard(&victim, info->si_addr) ? 42
                                                                        : 43);
}

/* Writes downwards past the low end, as a deep recursion would. */
static void overflow(void *arg)
{
    struct sigaction sa = {.sa_flags = SA_SIGINFO};
    size_t by = *(size_t *)arg;

    sa.sa_sigaction = on_fault;
    sigaction(SIGSEGV, &sa, NULL);
    for (size_t i = 1; i <= by; i++)
        ((volatile char *)victim.low)[-(ptrdiff_t)i] = 'x';
}

static void overflow_and_put(void *arg)
{
    overflow(arg);
    copi_stack_put(&victim);
}

static const enum copi_stack_guard real_guards[] = {COPI_STACK_GUARD_INSTALL,
                                                    COPI_STACK_GUARD_MPROTECT};

static bool can_install(void)
{
    return strcmp(copi_stack_guard_name(), "guard-install") == 0;
}

START_TEST(overflow_hits_the_guard)
{
    static const char *const names[] = {"guard-install", "mprotect"};
    size_t one = 1;

    for (size_t g = 0; g < COPI_ARRAY_LEN(real_guards); g++) {
        struct copi_stack below, above;

        start(256, 0);
        if (g == 0 && !can_install()) {
            copi_stack_fini();
            continue;
        }
        copi_stack_force_guard(real_guards[g]);
        below = take(0);
        victim = take(0);
        above = take(0);
        ck_assert_str_eq(copi_stack_guard_name(), names[g]);
        ck_assert_int_eq(dies(overflow, &one), 1042);
        memset(victim.low, 'v', victim.size);
        memset(below.low, 'b', below.size);
        memset(above.low, 'a', above.size);
        ck_assert_int_eq(victim.low[0] + victim.low[victim.size - 1], 2 * 'v');
        copi_stack_put(&above);
        copi_stack_put(&below);
        copi_stack_put(&victim);
        copi_stack_fini();
    }
}
END_TEST

/* The guard of a slot is made once; chilling must not take it away. */
START_TEST(guard_outlives_recycling)
{
    size_t one = 1;

    for (size_t g = 0; g < COPI_ARRAY_LEN(real_guards); g++) {
        start(0, 0);
        copi_stack_force_guard(real_guards[g]);
        for (int i = 0; i < 3; i++) {
            victim = take(0);
            victim.low[0] = 'x';
            copi_stack_put(&victim);
        }
        ck_assert_uint_eq(stats().idle_cold, 1);
        victim = take(0);
        ck_assert_int_eq(dies(overflow, &one), 1042);
        copi_stack_put(&victim);
        copi_stack_fini();
    }
}
END_TEST

static char log_line[256];

static void keep_log(const char *line)
{
    snprintf(log_line, sizeof(log_line), "%s", line);
}

START_TEST(canary_shows_an_overflow)
{
    size_t eight = 8;

    start(256, 0);
    copi_stack_force_guard(COPI_STACK_GUARD_CANARY);
    copi_log_set(keep_log);
    victim = take(0);
    ck_assert_str_eq(copi_stack_guard_name(), "canary");
    ck_assert(copi_stack_is_intact(&victim));
    victim.low[0] = 'x';
    ck_assert(copi_stack_is_intact(&victim));
    ck_assert_int_eq(dies(overflow_and_put, &eight), 1000);
    overflow(&eight);
    ck_assert(!copi_stack_is_intact(&victim));
    copi_stack_put(&victim);
    ck_assert_uint_eq(stats().overflows, 1);
    ck_assert_ptr_nonnull(strstr(log_line, "overflowed"));
    victim = take(0);
    ck_assert(copi_stack_is_intact(&victim));
    copi_stack_put(&victim);
    ck_assert_uint_eq(stats().overflows, 1);
    copi_stack_fini();
}
END_TEST

START_TEST(canary_through_to_the_neighbour_is_a_panic)
{
    struct copi_stack below;
    size_t all;

    start(256, 0);
    copi_stack_force_guard(COPI_STACK_GUARD_CANARY);
    below = take(0);
    victim = take(0);
    all = victim.guard_bytes;
    ck_assert_int_eq(dies(overflow_and_put, &all), SIGABRT);
    copi_stack_put(&victim);
    copi_stack_put(&below);
    copi_stack_fini();
}
END_TEST

START_TEST(mprotect_stays_within_its_budget)
{
    struct copi_stack_config cfg = copi_stack_config_default();
    struct copi_stack s[8];

    cfg.map_budget = 7; /* three stacks of two mappings */
    ck_assert_int_eq(copi_stack_init_with(&cfg), 0);
    copi_stack_force_guard(COPI_STACK_GUARD_MPROTECT);
    for (size_t i = 0; i < COPI_ARRAY_LEN(s); i++) {
        s[i] = take(0);
        ck_assert_int_eq(s[i].guard, i < 3 ? COPI_STACK_GUARD_MPROTECT
                                           : COPI_STACK_GUARD_CANARY);
        ck_assert_str_eq(copi_stack_guard_name(),
                         i < 3 ? "mprotect" : "canary");
    }
    for (size_t i = 0; i < COPI_ARRAY_LEN(s); i++)
        copi_stack_put(&s[i]);
    copi_stack_fini();
}
END_TEST

/* ------------------------------------------------------------ recycling -- */

START_TEST(last_given_is_first_taken)
{
    for (uint32_t magazine = 0; magazine <= 4; magazine += 4) {
        struct copi_stack s[3];
        char *low[3];

        start(256, magazine);
        copi_stack_thread_init();
        for (int i = 0; i < 3; i++)
            s[i] = take(0), low[i] = s[i].low;
        for (int i = 0; i < 3; i++)
            copi_stack_put(&s[i]);
        for (int i = 2; i >= 0; i--) {
            s[i] = take(0);
            ck_assert_ptr_eq(s[i].low, low[i]);
        }
        for (int i = 0; i < 3; i++)
            copi_stack_put(&s[i]);
        copi_stack_thread_fini();
        copi_stack_fini();
    }
}
END_TEST

/* Through full and empty magazines, the order of recency is kept as well as
 * exchange by halves allows: what was given last comes first. */
START_TEST(magazines_exchange_by_halves)
{
    struct copi_stack s[20];
    char *newest;

    start(256, 4);
    copi_stack_thread_init();
    for (int i = 0; i < 20; i++)
        s[i] = take(0);
    newest = s[19].low;
    for (int i = 0; i < 20; i++)
        copi_stack_put(&s[i]);
    ck_assert_uint_eq(stats().idle_hot, 20);
    for (int i = 0; i < 20; i++) {
        s[i] = take(0);
        for (int k = 0; k < i; k++)
            ck_assert_ptr_ne(s[i].low, s[k].low);
    }
    ck_assert_ptr_eq(s[0].low, newest);
    ck_assert_uint_eq(stats().live, 20);
    for (int i = 0; i < 20; i++)
        copi_stack_put(&s[i]);
    copi_stack_thread_fini();
    ck_assert_uint_eq(stats().idle_hot, 20);
    copi_stack_fini();
}
END_TEST

START_TEST(idle_stacks_beyond_the_hot_ones_lose_their_pages)
{
    struct copi_stack s[10];

    start(4, 0);
    for (int i = 0; i < 10; i++) {
        s[i] = take(0);
        memset(s[i].low, 'x', s[i].size);
        ck_assert_uint_eq(copi_stack_touched(&s[i]), s[i].size);
    }
    for (int i = 0; i < 10; i++)
        copi_stack_put(&s[i]);
    ck_assert_uint_eq(stats().idle_hot, 4);
    ck_assert_uint_eq(stats().idle_cold, 6);
    for (int i = 0; i < 10; i++) {
        s[i] = take(0);
        ck_assert_uint_eq(copi_stack_touched(&s[i]), i < 4 ? s[i].size : 0);
    }
    for (int i = 0; i < 10; i++)
        copi_stack_put(&s[i]);
    copi_stack_fini();
}
END_TEST

START_TEST(touched_is_exact_to_the_page)
{
    size_t page = copi_os_page_size();

    start(256, 0);
    for (size_t pages = 0; pages <= 300; pages += 100) {
        struct copi_stack s = take((size_t)2 << 20);

        if (pages > 0)
            s.low[s.size - pages * page] = 'x';
        ck_assert_uint_eq(copi_stack_touched(&s), pages * page);
        copi_stack_put(&s);
    }
    copi_stack_fini();
}
END_TEST

START_TEST(high_water_is_the_deepest_noted)
{
    struct copi_stack s;

    start(256, 0);
    s = take(0);
    ck_assert_uint_eq(copi_stack_high_water(&s), 0);
    copi_stack_note_sp(&s, s.top - 5000);
    copi_stack_note_sp(&s, s.top - 300);
    ck_assert_uint_eq(copi_stack_high_water(&s), 5000);
    copi_stack_renew(&s);
    ck_assert_uint_eq(copi_stack_high_water(&s), 0);
    copi_stack_put(&s);
    copi_stack_fini();
}
END_TEST

#if COPI_VALGRIND
static bool is_garbage(const char *p)
{
    unsigned char bits = 0;

    return VALGRIND_GET_VBITS(p, &bits, 1) == 1 && bits == 0xff;
}
#else
static bool is_garbage(const char *p)
{
    return p == NULL;
}
#endif

/* Means something under Valgrind only. */
START_TEST(what_an_earlier_tenant_wrote_is_garbage)
{
    struct copi_stack s;

    start(256, 0);
    s = take(0);
    s.low[s.size / 2] = 'x';
    ck_assert(!is_garbage(s.low + s.size / 2));
    copi_stack_renew(&s);
    if (RUNNING_ON_VALGRIND)
        ck_assert(is_garbage(s.low + s.size / 2));
    copi_stack_put(&s);
    copi_stack_fini();
}
END_TEST

/* --------------------------------------------------------------- limits -- */

START_TEST(a_full_class_is_a_limit)
{
    struct copi_stack_config cfg = copi_stack_config_default();
    struct copi_stack s[6], other;

    cfg.slots_max = 5;
    ck_assert_int_eq(copi_stack_init_with(&cfg), 0);
    for (int i = 0; i < 5; i++)
        s[i] = take(0);
    ck_assert_int_eq(copi_stack_get(&s[5], 0), COP_ELIMIT);
    other = take(COPI_STACK_MIN);
    copi_stack_put(&s[2]);
    s[2] = take(0);
    for (int i = 0; i < 5; i++)
        copi_stack_put(&s[i]);
    copi_stack_put(&other);
    copi_stack_fini();
}
END_TEST

START_TEST(a_refusal_can_be_ordered)
{
    struct copi_stack s;

    start(256, 0);
    copi_fault_set(COPI_FAULT_MAP, 1, false);
    ck_assert_int_eq(copi_stack_get(&s, 0), COP_ENOMEM);
    s = take(0);
    copi_fault_set(COPI_FAULT_MAP, COPI_FAULT_NEVER, false);
    copi_stack_put(&s);
    copi_stack_fini();
}
END_TEST

/* Little address space: smaller regions, and not all of it taken. */
static void squeeze(void *arg)
{
    struct rlimit few = {(rlim_t)4 << 30, (rlim_t)4 << 30};
    size_t n = 0;

    (void)arg;
    setrlimit(RLIMIT_AS, &few);
    for (size_t size = COPI_STACK_MIN; size <= (size_t)1 << 20; size *= 2) {
        struct copi_stack s;

        if (copi_stack_get(&s, size) != 0)
            _exit(1);
        s.low[0] = 'x';
        n++;
    }
    _exit(n == 7 && malloc((size_t)1 << 20) != NULL ? 7 : 2);
}

START_TEST(little_address_space_gives_smaller_regions)
{
    start(256, 0);
    if (!copi_stack_tools_active())
        ck_assert_int_eq(dies(squeeze, NULL), 1007);
    copi_stack_fini();
}
END_TEST

static void put_twice(void *arg)
{
    struct copi_stack s = take(0), copy = s;

    (void)arg;
    copi_stack_put(&s);
    copi_stack_put(&copy);
}

static void fini_early(void *arg)
{
    struct copi_stack s = take(0);

    (void)arg;
    ck_assert_ptr_nonnull(s.low);
    copi_stack_fini();
}

START_TEST(misuse_is_a_panic)
{
    start(256, 0);
    ck_assert_int_eq(dies(put_twice, NULL), SIGABRT);
    ck_assert_int_eq(dies(fini_early, NULL), SIGABRT);
    copi_stack_fini();
}
END_TEST

START_TEST(fini_gives_everything_back)
{
    int before;

    start(256, 32);
    copi_stack_fini();
    before = map_count();
    for (int round = 0; round < 5; round++) {
        struct copi_stack s[40];

        start(16, 8);
        copi_stack_thread_init();
        copi_stack_force_guard(round % 2 ? COPI_STACK_GUARD_MPROTECT
                                         : COPI_STACK_GUARD_AUTO);
        for (int i = 0; i < 40; i++)
            s[i] = take((size_t)COPI_STACK_MIN << (i % 7));
        for (int i = 0; i < 40; i++)
            copi_stack_put(&s[i]);
        copi_stack_thread_fini();
        copi_stack_fini();
    }
    if (!copi_stack_tools_active())
        ck_assert_int_le(map_count(), before + 2);
}
END_TEST

/* ---------------------------------------------------------- many, threads --
 */

START_TEST(a_hundred_thousand_live_at_once)
{
    size_t n = copi_stack_tools_active() ? 2000 : 100000;
    struct copi_stack *s = malloc(n * sizeof(*s));
    int maps = map_count();

    start(256, 0);
    for (size_t i = 0; i < n; i++) {
        s[i] = take(0);
        s[i].low[s[i].size - 8] = (char)i;
        ck_assert(s[i].guard != COPI_STACK_GUARD_AUTO);
    }
    printf("%zu stacks, guard %s, %d mappings more, %zu MiB resident\n", n,
           copi_stack_guard_name(), map_count() - maps,
           copi_os_rss_bytes() >> 20);
    if (can_install() && !copi_stack_tools_active())
        ck_assert_int_lt(map_count() - maps, 20);
    for (size_t i = 0; i < n; i++) {
        if (s[i].low[s[i].size - 8] != (char)i)
            ck_abort_msg("stack %zu was changed", i);
        copi_stack_put(&s[i]);
    }
    ck_assert_uint_eq(stats().live, 0);
    copi_stack_fini();
    free(s);
}
END_TEST

#define SHARED 64
#define CHURNERS 4

/* Stacks that any thread may take over and give back. */
static _Atomic(struct copi_stack *) shared[SHARED];

struct churner {
    uint64_t seed;
    bool has_magazine;
    int rounds;
};

static void tag_set(struct copi_stack *s, uint64_t tag)
{
    memcpy(s->low + s->size - 8, &tag, 8);
    memcpy(s->low + s->size / 2, &tag, 8);
}

static void tag_check(const struct copi_stack *s, uint64_t tag)
{
    ck_assert(memcmp(s->low + s->size - 8, &tag, 8) == 0);
    ck_assert(memcmp(s->low + s->size / 2, &tag, 8) == 0);
}

static void churn(void *arg)
{
    struct churner *c = arg;
    struct copi_prng p;

    copi_prng_init(&p, c->seed, "churn");
    if (c->has_magazine)
        copi_stack_thread_init();
    for (int i = 0; i < c->rounds; i++) {
        struct copi_stack *s = malloc(sizeof(*s));
        size_t at = copi_prng_below(&p, SHARED);

        *s = take(COPI_STACK_MIN << copi_prng_below(&p, 3));
        tag_set(s, (uint64_t)(uintptr_t)s);
        /* Hands one over and takes another: acq_rel, pairs with itself. */
        s = atomic_exchange_explicit(&shared[at], s, memory_order_acq_rel);
        if (s != NULL) {
            tag_check(s, (uint64_t)(uintptr_t)s);
            copi_stack_put(s);
            free(s);
        }
    }
    copi_stack_thread_fini();
}

START_TEST(threads_take_and_give_each_others_stacks)
{
    struct copi_thread t[CHURNERS];
    struct churner c[CHURNERS];

    start(8, 4);
    for (int i = 0; i < CHURNERS; i++) {
        c[i] = (struct churner){.seed = (uint64_t)i + 1,
                                .has_magazine = i > 0,
                                .rounds =
                                    copi_stack_tools_active() ? 2000 : 20000};
        ck_assert_int_eq(copi_os_thread_start(&t[i], "churn", 0, churn, &c[i]),
                         0);
    }
    for (int i = 0; i < CHURNERS; i++)
        copi_os_thread_join(&t[i]);
    for (int i = 0; i < SHARED; i++) {
        struct copi_stack *s = atomic_load(&shared[i]);

        if (s != NULL)
            copi_stack_put(s);
        free(s);
    }
    ck_assert_uint_eq(stats().live, 0);
    ck_assert_uint_le(stats().idle_hot, 3 * 8);
    copi_stack_fini();
}
END_TEST

static const TTest *const cases[] = {
    each_class_is_usable_from_end_to_end,
    sizes_round_up_to_a_class,
    overflow_hits_the_guard,
    guard_outlives_recycling,
    canary_shows_an_overflow,
    canary_through_to_the_neighbour_is_a_panic,
    mprotect_stays_within_its_budget,
    last_given_is_first_taken,
    magazines_exchange_by_halves,
    idle_stacks_beyond_the_hot_ones_lose_their_pages,
    touched_is_exact_to_the_page,
    high_water_is_the_deepest_noted,
    what_an_earlier_tenant_wrote_is_garbage,
    a_full_class_is_a_limit,
    a_refusal_can_be_ordered,
    little_address_space_gives_smaller_regions,
    misuse_is_a_panic,
    fini_gives_everything_back,
    a_hundred_thousand_live_at_once,
    threads_take_and_give_each_others_stacks,
};
UNIT_MAIN("stack", cases)
