/* SPDX-License-Identifier: MIT
 *
 * frames_test.c - following frames, by tables and by frame pointers: on this
 * thread's own stack, and on stacks of rubbish.
 */
#include "tests/support/unit.h"

#include "runtime/base/prng.h"
#include "runtime/coroutine/cfi.h"
#include "runtime/coroutine/frames.h"
#include "runtime/probe/symbol.h"

#include <link.h>
#include <setjmp.h>
#include <stdlib.h>

enum { FRAMES = 32 };

static volatile int sink;
static uintptr_t frames[FRAMES];
static unsigned found;

/* As much of this thread's stack as is in use, and a little more. */
static struct copi_stack stack;

static void use_stack_below(void *high)
{
    size_t bytes = 64 << 10;

    stack = (struct copi_stack){.low = (char *)high - bytes, .size = bytes};
}

/* ------------------------------------------------------ on a real stack -- */

/* From where its caller called it. */
__attribute__((noinline)) static void walk(enum copi_frames_by by)
{
    uintptr_t *frame = __builtin_frame_address(0);
    struct copi_regs r = {
        .pc = frame[1], .sp = (uintptr_t)(frame + 2), .fp = frame[0]};

    found = copi_frames_follow(&stack, &r, true, by, frames, FRAMES);
}

static bool is_in(unsigned i, const char *function)
{
    struct copi_symbol symbol;

    return i < found && copi_symbol_find(frames[i] - 1, &symbol) &&
           strncmp(symbol.function, function, strlen(function)) == 0;
}

__attribute__((noinline)) static void third(enum copi_frames_by by)
{
    walk(by);
    sink++;
}

__attribute__((noinline)) static void second(enum copi_frames_by by)
{
    volatile char room[300];

    room[0] = 1;
    third(by);
    sink += room[0];
}

__attribute__((noinline)) static void first(enum copi_frames_by by)
{
    second(by);
    sink++;
}

START_TEST(callers_are_found)
{
    use_stack_below((char *)__builtin_frame_address(0) + 64);
    for (int by = 0; by < 2; by++) {
        first((enum copi_frames_by)by);
        ck_assert(is_in(0, "third") && is_in(1, "second") && is_in(2, "first"));
        /* beyond lies what is not in the bounds given */
        ck_assert_uint_le(found, 6);
    }
}
END_TEST

#if !defined(__clang__)
/* A function that uses rbp as any other register. */
__attribute__((noinline, optimize("omit-frame-pointer"))) static void
bare_third(enum copi_frames_by by)
{
    walk(by);
    sink++;
}

__attribute__((noinline, optimize("omit-frame-pointer"))) static void
bare_second(enum copi_frames_by by)
{
    volatile char room[300];

    room[0] = 1;
    bare_third(by);
    sink += room[0];
}

__attribute__((noinline)) static void bare_first(enum copi_frames_by by)
{
    bare_second(by);
    sink++;
}

START_TEST(callers_are_found_without_frame_pointers)
{
    use_stack_below((char *)__builtin_frame_address(0) + 64);
    bare_first(COPI_FRAMES_THOROUGH);
    ck_assert(is_in(0, "bare_third") && is_in(1, "bare_second") &&
              is_in(2, "bare_first"));
    /* the quick way goes wrong after the second: it may leave functions out,
     * but finds nobody who is not there */
    bare_first(COPI_FRAMES_QUICK);
    ck_assert(is_in(0, "bare_third") && is_in(1, "bare_second"));
    ck_assert(found == 2 || !is_in(2, "bare_second"));
}
END_TEST

/* A call that does not return may be the last instruction: where it would
 * return to belongs to the next function. */
static jmp_buf back;

__attribute__((noinline, noreturn)) static void walks_for_good(void)
{
    walk(COPI_FRAMES_THOROUGH);
    longjmp(back, 1);
}

__attribute__((noinline, optimize("omit-frame-pointer"))) static void
ends_in_a_call(void)
{
    volatile char room[300];

    room[0] = 1;
    sink += room[0];
    walks_for_good();
}

__attribute__((noinline)) static void calls_that(enum copi_frames_by by)
{
    ends_in_a_call();
    sink += (int)by;
}

START_TEST(callers_are_found_behind_the_end)
{
    use_stack_below((char *)__builtin_frame_address(0) + 64);
    if (setjmp(back) == 0)
        calls_that(COPI_FRAMES_THOROUGH);
    ck_assert(is_in(2, "calls_that"));
}
END_TEST
#endif

static void through_qsort(enum copi_frames_by by);

static int compares(const void *a, const void *b)
{
    if (found == 0)
        walk(COPI_FRAMES_THOROUGH);
    return *(const int *)a - *(const int *)b;
}

__attribute__((noinline)) static void through_qsort(enum copi_frames_by by)
{
    int numbers[] = {3, 1, 2};

    found = 0;
    qsort(numbers, 3, sizeof numbers[0], compares);
    sink += numbers[0] + (int)by;
}

START_TEST(callers_are_found_through_libc)
{
    unsigned i = 0;

    use_stack_below((char *)__builtin_frame_address(0) + 64);
    through_qsort(COPI_FRAMES_THOROUGH);
    while (i < found && !is_in(i, "through_qsort"))
        i++;
    ck_assert_uint_lt(i, found);
    ck_assert_uint_ge(i, 2);
}
END_TEST

/* ------------------------------------------------------------- rubbish -- */

static uintptr_t rubbish[512];
static size_t outcomes[3];

static int step_everywhere(struct dl_phdr_info *o, size_t size, void *arg)
{
    struct copi_prng *prng = arg;
    struct copi_regs to;

    (void)size;
    for (int i = 0; i < o->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &o->dlpi_phdr[i];
        uintptr_t low = o->dlpi_addr + p->p_vaddr;

        if (p->p_type != PT_LOAD || (p->p_flags & PF_X) == 0)
            continue;
        for (uintptr_t pc = low; pc < low + p->p_memsz; pc += 3) {
            uintptr_t at = (uintptr_t)&rubbish[copi_prng_below(prng, 512)];
            struct copi_regs from = {.pc = pc, .sp = at, .fp = at + 64};

            outcomes[copi_cfi_step(&stack, &from, pc % 2, &to)]++;
        }
    }
    return 0;
}

/* Every third address of all code that there is, on a stack that is none. */
START_TEST(no_table_and_no_stack_makes_it_fault)
{
    struct copi_prng prng;

    copi_prng_init(&prng, 1, "rubbish");
    stack = (struct copi_stack){.low = (char *)rubbish, .size = sizeof rubbish};
    for (size_t i = 0; i < 512; i++)
        rubbish[i] = copi_prng_next(&prng);
    dl_iterate_phdr(step_everywhere, &prng);
    ck_assert_uint_gt(outcomes[COPI_CFI_CALLER], 100000);
    ck_assert_uint_gt(outcomes[COPI_CFI_UNKNOWN], 100);
}
END_TEST

START_TEST(rubbish_ends_a_walk)
{
    struct copi_prng prng;
    struct copi_regs r = {.pc = 16};

    copi_prng_init(&prng, 2, "rubbish");
    stack = (struct copi_stack){.low = (char *)rubbish, .size = sizeof rubbish};
    for (int round = 0; round < 100000; round++) {
        size_t i = copi_prng_below(&prng, 512);

        /* words that point into the stack, at each other and at themselves */
        rubbish[i] = (uintptr_t)rubbish + 8 * copi_prng_below(&prng, 520) +
                     (round % 5 == 0);
        r.fp = (uintptr_t)&rubbish[copi_prng_below(&prng, 512)];
        r.sp = (uintptr_t)&rubbish[copi_prng_below(&prng, 512)];
        r.pc = round % 2 ? (uintptr_t)walk : round % 3 ? 0 : rubbish[i];
        for (int by = 0; by < 2; by++) {
            unsigned n =
                copi_frames_follow(&stack, &r, round % 7 == 0,
                                   (enum copi_frames_by)by, frames, FRAMES);
            ck_assert(n >= 1 && n <= FRAMES);
        }
    }
    ck_assert_uint_eq(
        copi_frames_follow(&stack, &r, false, COPI_FRAMES_QUICK, frames, 0), 0);
    ck_assert_uint_eq(
        copi_frames_follow(&stack, &r, false, COPI_FRAMES_QUICK, frames, 1), 1);
}
END_TEST

static const TTest *const cases[] = {
    callers_are_found,
#if !defined(__clang__)
    callers_are_found_without_frame_pointers,
    callers_are_found_behind_the_end,
#endif
    callers_are_found_through_libc,
    no_table_and_no_stack_makes_it_fault,
    rubbish_ends_a_walk,
};
UNIT_MAIN("frames", cases)
