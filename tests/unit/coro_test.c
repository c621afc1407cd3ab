/* SPDX-License-Identifier: MIT
 *
 * coro_test.c - coroutines: entering, leaving, ending, starting over, moving
 * between threads; errno; what the sanitizers think of it; and what it costs.
 */
#include "runtime/coroutine/coro.h"

#include <errno.h>
#include <fenv.h>
#include <stdlib.h>

#include "runtime/base/clock.h"
#include "runtime/base/lock.h"
#include "runtime/base/os.h"
#include "runtime/memory/stack_tools.h"
#include "tests/support/dies.h"
#include "tests/support/unit.h"

#define SLOW (copi_stack_tools_active())

int __lsan_do_recoverable_leak_check(void);
void *__asan_get_current_fake_stack(void);

/* What the coroutines of these tests are given. */
struct play {
    struct copi_coro coro;
    struct copi_native *here; /* of the thread that enters it */
    int count;
    int until;
    int seen;
    size_t bytes;
    void *kept;
};

static struct copi_native native;

static void setup(void)
{
    ck_assert_int_eq(copi_stack_init(), 0);
    copi_native_init(&native);
}

static void teardown(void)
{
    struct copi_stack_stats st;

    copi_native_fini(&native);
    copi_stack_stats_get(&st);
    ck_assert_uint_eq(st.live, 0);
    copi_stack_fini();
}

static void play_init(struct play *p, void (*entry)(void *))
{
    *p = (struct play){.here = &native};
    ck_assert_int_eq(copi_coro_init(&p->coro, 0, entry, p), 0);
}

static void play_enter(struct play *p)
{
    p->here = &native;
    copi_coro_enter(&native, &p->coro);
}

/* ---------------------------------------------------------------- states -- */

static void count_up(void *arg)
{
    struct play *p = arg;

    while (p->count < p->until) {
        p->count++;
        copi_coro_leave(&p->coro, p->here);
    }
    copi_coro_leave_for_good(&p->coro, p->here);
}

START_TEST(runs_leaves_and_ends)
{
    struct play p;

    setup();
    play_init(&p, count_up);
    p.until = 3;
    ck_assert_int_eq(p.coro.state, COPI_CORO_READY);
    for (int i = 1; i <= 3; i++) {
        play_enter(&p);
        ck_assert_int_eq(p.count, i);
        ck_assert_int_eq(p.coro.state, COPI_CORO_SUSPENDED);
        ck_assert_ptr_null(native.inside);
    }
    play_enter(&p);
    ck_assert_int_eq(p.coro.state, COPI_CORO_ENDED);
    copi_coro_fini(&p.coro);
    ck_assert_int_eq(p.coro.state, COPI_CORO_NONE);
    teardown();
}
END_TEST

/* Passes on to the next one of a ring; the one that has counted enough ends,
 * and whoever is there then, too. */
static struct play ring[3];

static void pass_on(void *arg)
{
    struct play *p = arg;
    struct play *next = &ring[(p - ring + 1) % 3];

    while (p->count < p->until) {
        p->count++;
        errno = (int)(p - ring) + 1;
        copi_coro_swap(&p->coro, &next->coro);
        ck_assert_int_eq(errno, (int)(p - ring) + 1);
        ck_assert_ptr_eq(native.inside, &p->coro);
    }
    copi_coro_leave_for_good(&p->coro, p->here);
}

START_TEST(swaps)
{
    setup();
    for (int i = 0; i < 3; i++) {
        play_init(&ring[i], pass_on);
        ring[i].until = 100;
    }
    for (int i = 0; i < 3; i++) {
        /* who leaves is not who was entered */
        ck_assert_ptr_eq(copi_coro_enter(&native, &ring[i].coro),
                         &ring[i].coro);
        ck_assert_int_eq(ring[i].coro.state, COPI_CORO_ENDED);
        ck_assert_int_eq(ring[i].count, 100);
        ck_assert_ptr_null(native.inside);
    }
    for (int i = 0; i < 3; i++)
        copi_coro_fini(&ring[i].coro);
    teardown();
}
END_TEST

/* The same, by those who save themselves first. */
static void pass_saved(void *arg)
{
    struct play *p = arg;
    struct play *next = &ring[(p - ring + 1) % 3];

    if (p->count % 4 == 0 || next->coro.state == COPI_CORO_ENDED)
        copi_coro_leave_saved(&p->coro, p->here);
    else
        copi_coro_swap_saved(&p->coro, &next->coro);
}

static void save_and_pass_on(void *arg)
{
    struct play *p = arg;

    while (p->count < p->until) {
        p->count++;
        errno = (int)(p - ring) + 1;
        copi_coro_save(&p->coro, pass_saved, p);
        ck_assert_int_eq(errno, (int)(p - ring) + 1);
        ck_assert_ptr_eq(native.inside, &p->coro);
        ck_assert_int_eq(p->coro.state, COPI_CORO_RUNNING);
    }
    copi_coro_leave_for_good(&p->coro, p->here);
}

START_TEST(saves_itself_and_goes)
{
    int left = 0;

    setup();
    for (int i = 0; i < 3; i++) {
        play_init(&ring[i], save_and_pass_on);
        ring[i].until = 100;
    }
    for (int i = 0; i < 3; i++) {
        while (ring[i].coro.state != COPI_CORO_ENDED) {
            (void)copi_coro_enter(&native, &ring[i].coro);
            left++;
        }
        ck_assert_int_eq(ring[i].count, 100);
    }
    ck_assert_int_ge(left, 3 * 100 / 4);
    for (int i = 0; i < 3; i++)
        copi_coro_fini(&ring[i].coro);
    teardown();
}
END_TEST

static void swap_and_stay(void *arg)
{
    struct play *p = arg;

    copi_coro_swap(&p->coro, &ring[1].coro);
    p->count++;
    copi_coro_leave_for_good(&p->coro, p->here);
}

START_TEST(leaves_after_a_swap)
{
    setup();
    play_init(&ring[0], swap_and_stay);
    play_init(&ring[1], count_up);
    ring[1].until = 2;
    ck_assert_ptr_eq(copi_coro_enter(&native, &ring[0].coro), &ring[1].coro);
    ck_assert_int_eq(ring[0].coro.state, COPI_CORO_SUSPENDED);
    ck_assert_int_eq(ring[1].coro.state, COPI_CORO_SUSPENDED);
    ck_assert_int_eq(ring[0].count, 0);
    ck_assert_int_eq(ring[1].count, 1);
    ck_assert_ptr_eq(copi_coro_enter(&native, &ring[0].coro), &ring[0].coro);
    ck_assert_int_eq(ring[0].count, 1);
    ck_assert_ptr_eq(copi_coro_enter(&native, &ring[1].coro), &ring[1].coro);
    play_enter(&ring[1]);
    ck_assert_int_eq(ring[1].coro.state, COPI_CORO_ENDED);
    copi_coro_fini(&ring[0].coro);
    copi_coro_fini(&ring[1].coro);
    teardown();
}
END_TEST

START_TEST(many_at_once)
{
    size_t n = SLOW ? 200 : 5000;
    struct play *p = calloc(n, sizeof(*p));

    setup();
    for (size_t i = 0; i < n; i++) {
        play_init(&p[i], count_up);
        p[i].until = 5;
    }
    for (int round = 1; round <= 5; round++)
        for (size_t i = 0; i < n; i++) {
            play_enter(&p[i]);
            ck_assert_int_eq(p[i].count, round);
        }
    for (size_t i = 0; i < n; i++)
        copi_coro_fini(&p[i].coro);
    free(p);
    teardown();
}
END_TEST

START_TEST(no_stack_no_coroutine)
{
    struct copi_coro c;

    setup();
    ck_assert_int_eq(copi_coro_init(&c, SIZE_MAX, count_up, NULL), COP_EINVAL);
    ck_assert_int_eq(c.state, COPI_CORO_NONE);
    teardown();
}
END_TEST

/* Leaves from `bytes` of frames deep, with arrays between that ASan marks. */
__attribute__((noinline)) static void leave_deep(struct play *p, size_t bytes)
{
    volatile char frame[512];

    memset((char *)frame, 'f', sizeof(frame));
    if (bytes > sizeof(frame))
        leave_deep(p, bytes - sizeof(frame));
    else
        copi_coro_leave(&p->coro, p->here);
    /* The frame is wanted after the call, so the call cannot be a loop. */
    __asm__ volatile("" : : "r"(frame) : "memory");
}

/* Frames of another size, so that they do not fall on those of leave_deep. */
__attribute__((noinline)) static void leave_wide(struct play *p, size_t bytes)
{
    volatile char frame[1800];

    memset((char *)frame, 'w', sizeof(frame));
    if (bytes > sizeof(frame))
        leave_wide(p, bytes - sizeof(frame));
    else
        copi_coro_leave(&p->coro, p->here);
    __asm__ volatile("" : : "r"(frame) : "memory");
}

static void go_deep(void *arg)
{
    struct play *p = arg;

    if (p->count++ % 2 == 0)
        leave_deep(p, p->bytes);
    else
        leave_wide(p, p->bytes);
    copi_coro_leave_for_good(&p->coro, p->here);
}

/* The frames of the one given up lie elsewhere than those of the next, whose
 * arrays would hit ASan's old marks. Often enough that TSan's fiber would run
 * out of room if it were kept for ever. */
START_TEST(starts_over_in_mid_function)
{
    int rounds = 20000;
    struct play p;

    setup();
    play_init(&p, go_deep);
    for (int i = 1; i <= rounds; i++) {
        p.bytes = (size_t)(i % 7) * 1500;
        play_enter(&p);
        ck_assert_int_eq(p.coro.state, COPI_CORO_SUSPENDED);
        if (i % 5 == 0) {
            play_enter(&p);
            ck_assert_int_eq(p.coro.state, COPI_CORO_ENDED);
        }
        copi_coro_reset(&p.coro, go_deep, &p);
        ck_assert_int_eq(p.coro.state, COPI_CORO_READY);
    }
    ck_assert_int_eq(p.count, rounds);
    copi_coro_fini(&p.coro);
    teardown();
}
END_TEST

START_TEST(given_up_stack_serves_the_next)
{
    setup();
    for (int i = 0; i < 200; i++) {
        struct play p;

        play_init(&p, go_deep);
        p.count = i;
        p.bytes = (size_t)(i % 7) * 1500;
        play_enter(&p);
        copi_coro_fini(&p.coro);
    }
    teardown();
}
END_TEST

START_TEST(high_water_covers_what_was_on_the_stack)
{
    struct play p;

    setup();
    play_init(&p, go_deep);
    p.bytes = 20000;
    ck_assert_uint_eq(copi_coro_high_water(&p.coro), 0);
    play_enter(&p);
    ck_assert_uint_ge(copi_coro_high_water(&p.coro), 20000);
    ck_assert_uint_le(copi_coro_high_water(&p.coro), p.coro.stack.size);
    ck_assert_uint_ge(copi_stack_touched(&p.coro.stack), 20000);
    copi_coro_reset(&p.coro, go_deep, &p);
    p.bytes = 0;
    play_enter(&p);
    ck_assert_uint_lt(copi_coro_high_water(&p.coro), 8000);
    copi_coro_fini(&p.coro);
    teardown();
}
END_TEST

/* ---------------------------------------------------------------- misuse -- */

static void do_nothing(void *arg)
{
    (void)arg;
}

static void return_from_entry(void *arg)
{
    struct play p;

    (void)arg;
    play_init(&p, do_nothing);
    play_enter(&p);
}

static void enter_ended(void *arg)
{
    struct play p;

    (void)arg;
    play_init(&p, count_up);
    play_enter(&p);
    play_enter(&p);
}

static void fini_itself(void *arg)
{
    struct play *p = arg;

    copi_coro_fini(&p->coro);
}

static void fini_running(void *arg)
{
    struct play p;

    (void)arg;
    play_init(&p, fini_itself);
    play_enter(&p);
}

static struct copi_lock lock = COPI_LOCK_INIT(COPI_LOCK_NAMES);

static void leave_locked(void *arg)
{
    struct play *p = arg;

    copi_lock_acquire(&lock);
    copi_coro_leave(&p->coro, p->here);
}

static void hold_over_switch(void *arg)
{
    struct play p;

    (void)arg;
    play_init(&p, leave_locked);
    play_enter(&p);
}

static void leave_to_stranger(void *arg)
{
    struct play *p = arg;
    struct copi_native other;

    copi_native_init(&other);
    copi_coro_leave(&p->coro, &other);
}

static void leave_elsewhere(void *arg)
{
    struct play p;

    (void)arg;
    play_init(&p, leave_to_stranger);
    play_enter(&p);
}

START_TEST(misuse_is_a_panic)
{
    setup();
    ck_assert_int_eq(dies(return_from_entry, NULL), SIGABRT);
    ck_assert_int_eq(dies(enter_ended, NULL), SIGABRT);
    ck_assert_int_eq(dies(fini_running, NULL), SIGABRT);
    ck_assert_int_eq(dies(hold_over_switch, NULL), SIGABRT);
    ck_assert_int_eq(dies(leave_elsewhere, NULL), SIGABRT);
    teardown();
}
END_TEST

/* ------------------------------------------------------ what it carries -- */

static void format_text(void *arg)
{
    struct play *p = arg;
    double x = 0.5;

    for (;;) {
        x += 1;
        snprintf(p->kept, 32, "%.2f %d", x, p->count++);
        copi_coro_leave(&p->coro, p->here);
    }
}

START_TEST(library_calls_work_on_it)
{
    struct play p;
    char text[32];

    setup();
    play_init(&p, format_text);
    p.kept = text;
    play_enter(&p);
    ck_assert_str_eq(text, "1.50 0");
    play_enter(&p);
    ck_assert_str_eq(text, "2.50 1");
    copi_coro_fini(&p.coro);
    teardown();
}
END_TEST

static void round_up(void *arg)
{
    struct play *p = arg;

    p->seen = fegetround();
    fesetround(FE_UPWARD);
    copi_coro_leave(&p->coro, p->here);
    p->seen = fegetround();
    copi_coro_leave(&p->coro, p->here);
}

START_TEST(rounding_mode_is_its_own)
{
    struct play p;

    setup();
    play_init(&p, round_up);
    fesetround(FE_TOWARDZERO);
    play_enter(&p);
    ck_assert_int_eq(p.seen, FE_TONEAREST);
    ck_assert_int_eq(fegetround(), FE_TOWARDZERO);
    play_enter(&p);
    ck_assert_int_eq(p.seen, FE_UPWARD);
    fesetround(FE_TONEAREST);
    copi_coro_fini(&p.coro);
    teardown();
}
END_TEST

static void keep_errno(void *arg)
{
    struct play *p = arg;

    p->seen = *copi_os_errno();
    for (int e = 100;; e++) {
        *copi_os_errno() = e;
        copi_coro_leave(&p->coro, p->here);
        p->seen = *copi_os_errno();
    }
}

START_TEST(errno_is_its_own)
{
    struct play a, b;

    setup();
    play_init(&a, keep_errno);
    play_init(&b, keep_errno);
    *copi_os_errno() = ENOSYS;
    play_enter(&a);
    ck_assert_int_eq(a.seen, 0);
    play_enter(&a);
    play_enter(&b);
    ck_assert_int_eq(b.seen, 0);
    *copi_os_errno() = ENOSYS;
    play_enter(&a);
    ck_assert_int_eq(a.seen, 101);
    play_enter(&b);
    ck_assert_int_eq(b.seen, 100);
    copi_coro_fini(&a.coro);
    copi_coro_fini(&b.coro);
    teardown();
}
END_TEST

/* ------------------------------------------------------------- migration -- */

/* Two threads enter one coroutine in turn. */
struct relay {
    struct play *p;
    _Atomic uint32_t turn; /* whose: 0 or 1; release and acquire, pairs with
                              itself: hands over the suspended coroutine */
    int rounds;
    int wrong;
};

static struct relay relay;

static void run_relay(void *arg)
{
    uint32_t me = arg != NULL;
    struct copi_native mine;

    copi_native_init(&mine);
    for (int i = 0; i < relay.rounds; i++) {
        uint32_t turn;

        while ((turn = atomic_load_explicit(&relay.turn,
                                            memory_order_acquire)) != me)
            copi_os_futex_wait(&relay.turn, turn, -1);
        *copi_os_errno() = 7 + (int)me;
        relay.p->here = &mine;
        copi_coro_enter(&mine, &relay.p->coro);
        atomic_store_explicit(&relay.turn, !me, memory_order_release);
        copi_os_futex_wake(&relay.turn, 1);
    }
    copi_native_fini(&mine);
}

static void check_errno(void *arg)
{
    struct play *p = arg;
    volatile char local[3000];

    for (int e = 1000;; e++) {
        memset((char *)local, e & 0x7f, sizeof(local));
        *copi_os_errno() = e;
        p->count++;
        copi_coro_leave(&p->coro, p->here);
        if (*copi_os_errno() != e || local[2999] != (e & 0x7f))
            relay.wrong++;
    }
}

START_TEST(errno_and_stack_move_between_threads)
{
    struct copi_thread t[2];
    struct play p;

    setup();
    play_init(&p, check_errno);
    relay.p = &p;
    relay.rounds = SLOW ? 300 : 3000;
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(copi_os_thread_start(&t[i], "relay", 0, run_relay,
                                              i == 0 ? NULL : &relay),
                         0);
    for (int i = 0; i < 2; i++)
        copi_os_thread_join(&t[i]);
    ck_assert_int_eq(p.count, 2 * relay.rounds);
    ck_assert_int_eq(relay.wrong, 0);
    copi_coro_fini(&p.coro);
    teardown();
}
END_TEST

/* ------------------------------------------------------------ sanitizers -- */

__attribute__((noinline)) static void hide_block(struct play *p)
{
    char *volatile only = malloc(100);

    only[0] = 'x';
    copi_coro_leave(&p->coro, p->here);
    free(only);
}

static void hold_block(void *arg)
{
    struct play *p = arg;

    hide_block(p);
    copi_coro_leave_for_good(&p->coro, p->here);
}

/* LeakSanitizer must look at suspended stacks. Means nothing in other builds,
 * nor where ASan keeps the variables elsewhere (detect_stack_use_after_return):
 * there it does not look. */
START_TEST(leak_checker_sees_suspended_stacks)
{
    struct play p;

    setup();
    play_init(&p, hold_block);
    play_enter(&p);
    if (COPI_ASAN && __asan_get_current_fake_stack() == NULL)
        ck_assert_int_eq(__lsan_do_recoverable_leak_check(), 0);
    play_enter(&p);
    ck_assert_int_eq(p.coro.state, COPI_CORO_ENDED);
    copi_coro_fini(&p.coro);
    teardown();
}
END_TEST

/* ------------------------------------------------------------------ cost -- */

static void ping(void *arg)
{
    struct play *p = arg;

    for (;;)
        copi_coro_leave(&p->coro, p->here);
}

START_TEST(cost_of_switching)
{
    int rounds = SLOW ? 10000 : 2000000;
    struct play p;
    int64_t start;

    setup();
    play_init(&p, ping);
    play_enter(&p);
    start = copi_clock_real();
    for (int i = 0; i < rounds; i++)
        copi_coro_enter(&native, &p.coro);
    printf("enter + leave: %.1f ns\n",
           (double)(copi_clock_real() - start) / rounds);
    copi_coro_fini(&p.coro);

    p = (struct play){.here = &native};
    rounds /= 10;
    start = copi_clock_real();
    for (int i = 0; i < rounds; i++) {
        if (copi_coro_init(&p.coro, 0, count_up, &p) != 0)
            ck_abort_msg("no stack");
        copi_coro_enter(&native, &p.coro);
        copi_coro_fini(&p.coro);
    }
    printf("a life on a hot stack: %.1f ns\n",
           (double)(copi_clock_real() - start) / rounds);
    teardown();
}
END_TEST

static const TTest *const cases[] = {
    runs_leaves_and_ends,
    swaps,
    saves_itself_and_goes,
    leaves_after_a_swap,
    many_at_once,
    no_stack_no_coroutine,
    starts_over_in_mid_function,
    given_up_stack_serves_the_next,
    high_water_covers_what_was_on_the_stack,
    misuse_is_a_panic,
    library_calls_work_on_it,
    rounding_mode_is_its_own,
    errno_is_its_own,
    errno_and_stack_move_between_threads,
    leak_checker_sees_suspended_stacks,
    cost_of_switching,
};
UNIT_MAIN("coro", cases)
