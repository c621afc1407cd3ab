/* SPDX-License-Identifier: MIT
 *
 * wheel_test.c - the timing wheel against a sorted array, and what it costs.
 *
 * In the long runs a failed condition is reported by REQUIRE, since each
 * ck_assert is a system call.
 */
#include "runtime/queue/wheel.h"

#include "runtime/base/clock.h"
#include "runtime/base/prng.h"
#include "tests/support/unit.h"

#define REQUIRE(cond)                                                          \
    do {                                                                       \
        if (!(cond))                                                           \
            ck_abort_msg("%s", #cond);                                         \
    } while (0)

#define MINUTE (60 * COP_SEC)
#define YEAR (365 * 24 * 60 * MINUTE)

static struct copi_wheel wheel;

/* ----------------------------------------------------------- small cases -- */

START_TEST(empty_wheel_has_nothing_due)
{
    copi_wheel_init(&wheel, 5);
    ck_assert_ptr_null(copi_wheel_pop_due(&wheel, INT64_MAX));
    ck_assert_int_eq(copi_wheel_next(&wheel), INT64_MAX);
    ck_assert_uint_eq(copi_wheel_count(&wheel), 0);
    copi_wheel_check(&wheel);
}
END_TEST

/* At each power of two from the start on, one nanosecond decides. */
START_TEST(due_at_the_deadline_and_not_before)
{
    static const int64_t starts[] = {INT64_MIN, -1, 0, 1, 12345678901};
    for (size_t i = 0; i < COPI_ARRAY_LEN(starts); i++)
        for (unsigned shift = 0; shift < 62; shift++) {
            struct copi_wheel_entry e = {0};
            int64_t at = starts[i] + ((int64_t)1 << shift);
            copi_wheel_init(&wheel, starts[i]);
            copi_wheel_add(&wheel, &e, at);
            REQUIRE(copi_wheel_next(&wheel) == at);
            REQUIRE(copi_wheel_pop_due(&wheel, at - 1) == NULL);
            REQUIRE(copi_wheel_next(&wheel) == at);
            REQUIRE(copi_wheel_has(&e));
            REQUIRE(copi_wheel_pop_due(&wheel, at) == &e);
            REQUIRE(!copi_wheel_has(&e));
        }
}
END_TEST

START_TEST(equal_deadlines_fire_as_added)
{
    static struct copi_wheel_entry e[300];
    copi_wheel_init(&wheel, 0);
    for (size_t i = 0; i < 300; i++) {
        copi_wheel_add(&wheel, &e[i], COP_SEC);
        /* brings the cursor nearer, so that later ones start lower */
        REQUIRE(copi_wheel_pop_due(&wheel, (int64_t)i * 3 * COP_MS) == NULL);
    }
    for (size_t i = 0; i < 300; i++)
        REQUIRE(copi_wheel_pop_due(&wheel, COP_SEC) == &e[i]);
}
END_TEST

START_TEST(past_deadlines_fire_at_once_in_their_order)
{
    static struct copi_wheel_entry e[4];
    copi_wheel_init(&wheel, 1000);
    copi_wheel_add(&wheel, &e[0], 1000);
    copi_wheel_add(&wheel, &e[1], 500);
    copi_wheel_add(&wheel, &e[2], INT64_MIN);
    copi_wheel_add(&wheel, &e[3], 500);
    copi_wheel_check(&wheel);
    ck_assert_int_eq(copi_wheel_next(&wheel), INT64_MIN);
    ck_assert_ptr_eq(copi_wheel_pop_due(&wheel, 1000), &e[2]);
    ck_assert_int_eq(copi_wheel_next(&wheel), 500);
    ck_assert_ptr_eq(copi_wheel_pop_due(&wheel, 1000), &e[1]);
    ck_assert_ptr_eq(copi_wheel_pop_due(&wheel, 1000), &e[3]);
    ck_assert_ptr_eq(copi_wheel_pop_due(&wheel, 1000), &e[0]);
}
END_TEST

START_TEST(clock_that_goes_back_fires_nothing_early)
{
    static struct copi_wheel_entry e[2];
    copi_wheel_init(&wheel, 0);
    ck_assert_ptr_null(copi_wheel_pop_due(&wheel, 1000));
    copi_wheel_add(&wheel, &e[0], 600);
    copi_wheel_add(&wheel, &e[1], 1100);
    ck_assert_ptr_null(copi_wheel_pop_due(&wheel, 599));
    ck_assert_ptr_eq(copi_wheel_pop_due(&wheel, 600), &e[0]);
    ck_assert_ptr_null(copi_wheel_pop_due(&wheel, 500));
    ck_assert_ptr_null(copi_wheel_pop_due(&wheel, 1099));
    ck_assert_ptr_eq(copi_wheel_pop_due(&wheel, 1100), &e[1]);
}
END_TEST

START_TEST(farthest_deadlines_are_kept)
{
    static struct copi_wheel_entry e[3];
    copi_wheel_init(&wheel, 0);
    copi_wheel_add(&wheel, &e[0], INT64_MAX);
    copi_wheel_add(&wheel, &e[1], INT64_MAX - 1);
    copi_wheel_add(&wheel, &e[2], 100 * YEAR);
    ck_assert_ptr_null(copi_wheel_pop_due(&wheel, 100 * YEAR - 1));
    ck_assert_ptr_eq(copi_wheel_pop_due(&wheel, INT64_MAX - 2), &e[2]);
    ck_assert_ptr_null(copi_wheel_pop_due(&wheel, INT64_MAX - 2));
    ck_assert_ptr_eq(copi_wheel_pop_due(&wheel, INT64_MAX), &e[1]);
    ck_assert_ptr_eq(copi_wheel_pop_due(&wheel, INT64_MAX), &e[0]);
}
END_TEST

START_TEST(entry_can_be_removed_and_added_again)
{
    static struct copi_wheel_entry e[2];
    copi_wheel_init(&wheel, 0);
    for (int64_t i = 0; i < 1000; i++) {
        copi_wheel_add(&wheel, &e[0], i * i);
        copi_wheel_add(&wheel, &e[1], i);
        copi_wheel_remove(&wheel, &e[0]);
        REQUIRE(copi_wheel_count(&wheel) == 1);
        REQUIRE(copi_wheel_pop_due(&wheel, i) == &e[1]);
    }
    copi_wheel_check(&wheel);
    ck_assert_int_eq(copi_wheel_next(&wheel), INT64_MAX);
}
END_TEST

/* Else all that is set while one far timer waits would share its slot. */
START_TEST(cursor_keeps_up_with_the_clock)
{
    static struct copi_wheel_entry e;
    copi_wheel_init(&wheel, 0);
    copi_wheel_add(&wheel, &e, YEAR);
    for (int64_t now = 1; now < YEAR; now *= 3) {
        ck_assert_ptr_null(copi_wheel_pop_due(&wheel, now));
        ck_assert_int_eq(wheel.cursor_ns, now);
        copi_wheel_check(&wheel);
    }
    ck_assert_ptr_eq(copi_wheel_pop_due(&wheel, YEAR), &e);
}
END_TEST

/* Who sleeps until copi_wheel_next wakes for something each time; after a
 * removal at most once for nothing. */
START_TEST(next_wakes_seldom_for_nothing)
{
    enum { N = 2000 };
    static struct copi_wheel_entry e[N];
    struct copi_prng p;
    copi_prng_init(&p, 1, "wheel_test");
    copi_wheel_init(&wheel, 0);
    for (size_t i = 0; i < N; i++)
        copi_wheel_add(&wheel, &e[i], (int64_t)copi_prng_below(&p, MINUTE));
    int64_t now = 0;
    size_t fired = 0, removed = 0, false_alarms = 0;
    while (copi_wheel_count(&wheel) > 0) {
        size_t victim = copi_prng_below(&p, N);
        if (copi_prng_below(&p, 4) == 0 && copi_wheel_has(&e[victim])) {
            copi_wheel_remove(&wheel, &e[victim]);
            removed++;
            continue;
        }
        REQUIRE(copi_wheel_next(&wheel) > now);
        now = copi_wheel_next(&wheel);
        struct copi_wheel_entry *due = copi_wheel_pop_due(&wheel, now);
        REQUIRE(due == NULL || due->deadline_ns == now);
        false_alarms += due == NULL;
        for (; due != NULL; due = copi_wheel_pop_due(&wheel, now))
            fired++;
    }
    ck_assert_uint_eq(fired + removed, N);
    ck_assert_uint_gt(removed, 100);
    ck_assert_uint_le(false_alarms, removed);
}
END_TEST

/* --------------------------------------------------------------- the model --
 */

#define POOL 400

struct model {
    struct copi_prng p;
    int64_t now;
    struct copi_wheel_entry entry[POOL];
    struct copi_wheel_entry *sorted[POOL]; /* by deadline, then insertion */
    size_t count, late;
};

static struct model model;

static bool chance(uint64_t percent)
{
    return copi_prng_below(&model.p, 100) < percent;
}

/* Of every magnitude alike. */
static int64_t any_distance(void)
{
    unsigned bits = (unsigned)copi_prng_below(&model.p, 60);
    return (int64_t)copi_prng_below(&model.p, (UINT64_C(1) << bits) + 1);
}

static int64_t any_deadline(void)
{
    if (model.count > 0 && chance(20))
        return model.sorted[copi_prng_below(&model.p, model.count)]
            ->deadline_ns;
    if (chance(1))
        return INT64_MAX - (int64_t)copi_prng_below(&model.p, 3);
    int64_t distance = any_distance();
    if (chance(10))
        return model.now - distance;
    bool is_beyond = model.now > 0 && distance > INT64_MAX - model.now;
    return is_beyond ? INT64_MAX : model.now + distance;
}

static void model_add(void)
{
    struct copi_wheel_entry *e = &model.entry[copi_prng_below(&model.p, POOL)];
    if (copi_wheel_has(e))
        return;
    copi_wheel_add(&wheel, e, any_deadline());
    size_t at = model.count++;
    for (; at > 0 && model.sorted[at - 1]->deadline_ns > e->deadline_ns; at--)
        model.sorted[at] = model.sorted[at - 1];
    model.sorted[at] = e;
    model.late += e->where == COPI_WHEEL_LATE;
}

static void model_forget(size_t at)
{
    model.count--;
    memmove(&model.sorted[at], &model.sorted[at + 1],
            (model.count - at) * sizeof(model.sorted[0]));
}

static void model_remove(void)
{
    if (model.count == 0)
        return;
    size_t at = copi_prng_below(&model.p, model.count);
    copi_wheel_remove(&wheel, model.sorted[at]);
    model_forget(at);
}

/* What is due leaves the wheel as it leaves the model; sometimes not all. */
static void model_pop(int64_t now)
{
    size_t most = chance(30) ? copi_prng_below(&model.p, 4) : POOL + 1;
    for (size_t i = 0; i < most; i++) {
        bool is_due = model.count > 0 && model.sorted[0]->deadline_ns <= now;
        struct copi_wheel_entry *want = is_due ? model.sorted[0] : NULL;
        REQUIRE(copi_wheel_pop_due(&wheel, now) == want);
        if (!is_due)
            return;
        model_forget(0);
    }
}

static void model_advance(void)
{
    int64_t step = any_distance();
    if (chance(50)) /* mostly small, or all is always due */
        step = (int64_t)copi_prng_below(&model.p, 100);
    else if (chance(50) && model.count > 0)
        step = model.sorted[0]->deadline_ns - model.now +
               (int64_t)copi_prng_below(&model.p, 3) - 1;
    else if (chance(90))
        step %= MINUTE;
    if (step > 0 && step <= INT64_MAX / 2 - model.now)
        model.now += step;
    model_pop(chance(5) ? model.now - any_distance() : model.now);
}

static void model_step(void)
{
    switch (copi_prng_below(&model.p, 8)) {
    case 0:
        model_remove();
        break;
    case 1:
    case 2:
        model_advance();
        break;
    default:
        model_add();
    }
    REQUIRE(copi_wheel_count(&wheel) == model.count);
    int64_t next = copi_wheel_next(&wheel);
    REQUIRE(next <=
            (model.count > 0 ? model.sorted[0]->deadline_ns : INT64_MAX));
    REQUIRE(model.count > 0 || next == INT64_MAX);
}

static void run_model(uint64_t seed, int64_t start, size_t steps)
{
    memset(&model, 0, sizeof(model));
    copi_prng_init(&model.p, seed, "wheel_test");
    model.now = start;
    copi_wheel_init(&wheel, start);
    for (size_t i = 0; i < steps; i++) {
        model_step();
        if (i % 256 == 0)
            copi_wheel_check(&wheel);
    }
    ck_assert_msg(model.late > steps / 500, "too few were late: not a test");
    model_pop(INT64_MAX);
    copi_wheel_check(&wheel);
}

START_TEST(agrees_with_sorted_array)
{
    size_t steps = unit_slow() > 1 || COPI_TSAN ? 50000 : 1000000;
    run_model(1, 0, steps);
    run_model(2, COP_SEC, steps);
    run_model(3, INT64_C(0x0fffffffffffff00), steps / 4);
    run_model(4, -YEAR, steps / 4);
    for (uint64_t seed = 5; seed < 25; seed++)
        run_model(seed, (int64_t)(seed * seed * seed), steps / 50);
}
END_TEST

/* -------------------------------------------------------------- what it costs
 * -- */

struct bench {
    size_t n;
    struct copi_wheel_entry *entry;
    struct copi_prng p;
    int64_t begin;
};

static void bench_begin(struct bench *b, size_t n)
{
    b->n = unit_slow() > 1 ? n / 20 : n;
    b->entry = calloc(b->n, sizeof(b->entry[0]));
    ck_assert_ptr_nonnull(b->entry);
    for (size_t i = 0; i < b->n; i++)
        b->entry[i].deadline_ns = 1; /* touches the page */
    copi_prng_init(&b->p, 7, "wheel_test");
    copi_wheel_init(&wheel, 0);
    b->begin = copi_clock_real();
}

/* Prints ns for each. The bound is far above, for a machine that does much
 * else; what walks a list of all others exceeds it. */
static void bench_lap(struct bench *b, const char *what)
{
    double ns = (double)(copi_clock_real() - b->begin) / (double)b->n;
    printf("wheel: %-36s %6.1f ns each\n", what, ns);
    ck_assert_msg(ns < 50000.0, "%s: %.0f ns each", what, ns);
    b->begin = copi_clock_real();
}

static void bench_drain(struct bench *b, int64_t now)
{
    int64_t last = INT64_MIN;
    struct copi_wheel_entry *e;
    while ((e = copi_wheel_pop_due(&wheel, now)) != NULL) {
        REQUIRE(e->deadline_ns >= last);
        last = e->deadline_ns;
        b->n++;
    }
}

START_TEST(cost_of_a_million_timers_over_100_ms)
{
    struct bench b;
    bench_begin(&b, 1000000);
    size_t n = b.n;
    for (size_t i = 0; i < n; i++)
        copi_wheel_add(&wheel, &b.entry[i],
                       (int64_t)copi_prng_below(&b.p, 100 * COP_MS));
    bench_lap(&b, "add, over 100 ms");
    b.n = 0;
    for (int64_t now = 0; now <= 100 * COP_MS; now += 50 * COP_US)
        bench_drain(&b, now);
    ck_assert_uint_eq(b.n, n);
    bench_lap(&b, "fire, every 50 us");

    for (size_t i = 0; i < n; i++)
        copi_wheel_add(&wheel, &b.entry[i],
                       COP_SEC + (int64_t)copi_prng_below(&b.p, 100 * COP_MS));
    bench_lap(&b, "add, over 100 ms, 1 s ahead");
    b.n = 0;
    bench_drain(&b, MINUTE);
    ck_assert_uint_eq(b.n, n);
    bench_lap(&b, "fire, all after one jump");
    free(b.entry);
}
END_TEST

START_TEST(cost_of_timeouts_that_are_cancelled)
{
    struct bench b;
    bench_begin(&b, 2000000);
    for (size_t i = 0; i < b.n; i++) {
        struct copi_wheel_entry *e = &b.entry[i % 1000];
        if (copi_wheel_has(e))
            copi_wheel_remove(&wheel, e);
        copi_wheel_add(&wheel, e, (int64_t)i * 100 + 5 * COP_SEC);
    }
    bench_lap(&b, "add and cancel, 5 s ahead");
    free(b.entry);
}
END_TEST

/* Each one is added before what is waiting: the worst for a sorted list. */
START_TEST(cost_of_the_late)
{
    struct bench b;
    bench_begin(&b, 300000);
    size_t n = b.n;
    copi_wheel_init(&wheel, COP_SEC);
    for (size_t i = 0; i < n; i++)
        copi_wheel_add(&wheel, &b.entry[i],
                       (int64_t)copi_prng_below(&b.p, COP_SEC));
    bench_lap(&b, "add, late");
    for (size_t i = 0; i < n; i += 3)
        copi_wheel_remove(&wheel, &b.entry[i]);
    bench_lap(&b, "cancel every third, late");
    copi_wheel_check(&wheel);
    b.n = 0;
    bench_drain(&b, COP_SEC);
    ck_assert_uint_eq(b.n, n - (n + 2) / 3);
    bench_lap(&b, "fire, late");
    free(b.entry);
}
END_TEST

static const TTest *const cases[] = {
    empty_wheel_has_nothing_due,
    due_at_the_deadline_and_not_before,
    equal_deadlines_fire_as_added,
    past_deadlines_fire_at_once_in_their_order,
    clock_that_goes_back_fires_nothing_early,
    farthest_deadlines_are_kept,
    entry_can_be_removed_and_added_again,
    cursor_keeps_up_with_the_clock,
    next_wakes_seldom_for_nothing,
    agrees_with_sorted_array,
    cost_of_a_million_timers_over_100_ms,
    cost_of_timeouts_that_are_cancelled,
    cost_of_the_late,
};
UNIT_MAIN("wheel", cases)
