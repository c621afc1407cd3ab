/* SPDX-License-Identifier: MIT
 *
 * ctx_test.c - the bare switch: control goes where it should, and every
 * register that the calling convention keeps comes back.
 *
 * The sanitizers are not told of these switches (coro.c does that), so these
 * functions are kept free of them.
 */
#include "runtime/coroutine/ctx.h"

#include <fenv.h>
#include <stdlib.h>
#include <unwind.h>

#include "runtime/base/os.h"
#include "tests/support/ctx_regs.h"
#include "tests/support/unit.h"

#if COPI_TSAN || COPI_ASAN
#define PLAIN                                                                  \
    __attribute__((no_sanitize_address, no_sanitize("thread"), noinline))
#else
#define PLAIN __attribute__((noinline))
#endif

#define STACK_BYTES ((size_t)128 << 10)
#define ROUNDS 1000

static char *stack_memory;
static struct copi_ctx here, there;

static void setup(void (*entry)(void *), void *arg)
{
    stack_memory = aligned_alloc(16, STACK_BYTES);
    ck_assert_ptr_nonnull(stack_memory);
    copi_ctx_make(&there, stack_memory, STACK_BYTES, entry, arg);
}

/* ------------------------------------------------------------- control -- */

PLAIN static void count_up(void *arg)
{
    for (int *n = arg;; ++*n)
        copi_ctx_switch(&there, &here);
}

START_TEST(goes_there_and_back)
{
    int n = 0;

    setup(count_up, &n);
    copi_ctx_switch(&here, &there);
    ck_assert_int_eq(n, 0);
    for (int i = 1; i <= ROUNDS; i++) {
        copi_ctx_switch(&here, &there);
        ck_assert_int_eq(n, i);
    }
    copi_ctx_make(&there, stack_memory, STACK_BYTES, count_up, &n);
    copi_ctx_switch(&here, &there);
    ck_assert_int_eq(n, ROUNDS);
    free(stack_memory);
}
END_TEST

/* ----------------------------------------------------------- registers -- */

static uint64_t bad_there;

PLAIN static void keep_registers(void *arg)
{
    uint64_t seed = (uint64_t)(uintptr_t)arg;

    for (;;)
        bad_there |= ctx_regs_switch(&there, &here, ++seed);
}

START_TEST(keeps_the_registers)
{
    uint64_t bad_here = 0;

    setup(keep_registers, (void *)0x7777000000);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        ctx_regs_by = i % 3 == 0 ? ctx_regs_leave : copi_ctx_switch;
        bad_here |= ctx_regs_switch(&here, &there, 0x123456789a + 977 * i);
    }
    ck_assert_msg(bad_here == 0, "native side lost %#lx", (long)bad_here);
    ck_assert_msg(bad_there == 0, "other side lost %#lx", (long)bad_there);
    free(stack_memory);
}
END_TEST

/* ------------------------------------------------------- floating point -- */

static int round_first, round_kept;

PLAIN static void round_up(void *arg)
{
    (void)arg;
    round_first = fegetround();
    fesetround(FE_UPWARD);
    for (;;) {
        copi_ctx_switch(&there, &here);
        round_kept = fegetround();
    }
}

START_TEST(rounding_belongs_to_the_context)
{
    fesetround(FE_DOWNWARD);
    setup(round_up, NULL);
    copi_ctx_switch(&here, &there);
    ck_assert_int_eq(round_first, FE_TONEAREST);
    ck_assert_int_eq(fegetround(), FE_DOWNWARD);
    copi_ctx_switch(&here, &there);
    ck_assert_int_eq(round_kept, FE_UPWARD);
    ck_assert_int_eq(fegetround(), FE_DOWNWARD);
    fesetround(FE_TONEAREST);
    free(stack_memory);
}
END_TEST

#if defined(__x86_64__)
static void mxcsr_set(uint32_t v)
{
    __asm__ volatile("ldmxcsr %0" : : "m"(v));
}

static uint32_t mxcsr_get(void)
{
    uint32_t v;

    __asm__ volatile("stmxcsr %0" : "=m"(v));
    return v;
}

static void x87cw_set(uint16_t v)
{
    __asm__ volatile("fldcw %0" : : "m"(v));
}

static uint16_t x87cw_get(void)
{
    uint16_t v;

    __asm__ volatile("fnstcw %0" : "=m"(v));
    return v;
}

static uint32_t mxcsr_there;
static uint16_t x87cw_there;

PLAIN static void set_controls(void *arg)
{
    (void)arg;
    for (;;) {
        mxcsr_there = mxcsr_get();
        x87cw_there = x87cw_get();
        mxcsr_set(0x5f80); /* upwards */
        x87cw_set(0x0b7f); /* upwards */
        ctx_regs_by(&there, &here);
    }
}

/* Each control word alone, so that comparing one does not cover the other.
 * Rounding only: Valgrind knows no other bits. */
static void keep_each_control_word(void)
{
    setup(set_controls, NULL);
    ctx_regs_by(&here, &there);
    ck_assert_uint_eq(mxcsr_there & 0xffc0, 0x1f80);
    ck_assert_uint_eq(x87cw_there, 0x037f);
    ck_assert_uint_eq(mxcsr_get() & 0xffc0, 0x1f80);
    ck_assert_uint_eq(x87cw_get(), 0x037f);
    mxcsr_set(0x5f80);
    ctx_regs_by(&here, &there);
    ck_assert_uint_eq(mxcsr_there & 0xffc0, 0x5f80);
    ck_assert_uint_eq(x87cw_there, 0x0b7f);
    ck_assert_uint_eq(x87cw_get(), 0x037f);
    mxcsr_set(0x1f80);
    x87cw_set(0x0b7f);
    ctx_regs_by(&here, &there);
    ck_assert_uint_eq(mxcsr_there & 0xffc0, 0x5f80);
    ck_assert_uint_eq(mxcsr_get() & 0xffc0, 0x1f80);
    ck_assert_uint_eq(x87cw_get(), 0x0b7f);
    x87cw_set(0x037f);
    free(stack_memory);
}

START_TEST(keeps_each_control_word)
{
    keep_each_control_word();
    ctx_regs_by = ctx_regs_leave;
    keep_each_control_word();
}
END_TEST

/* Status bits (here: inexact) are nobody's: setting them must not make the
 * switch load the register, nor lose the other side's settings. */
START_TEST(status_bits_do_not_matter)
{
    setup(set_controls, NULL);
    mxcsr_set(0x1f80 | 0x3f);
    copi_ctx_switch(&here, &there);
    ck_assert_uint_eq(mxcsr_there & 0xffc0, 0x1f80);
    ck_assert_uint_eq(mxcsr_get() & 0xffc0, 0x1f80);
    free(stack_memory);
}
END_TEST
#endif

/* ---------------------------------------------------- stack and unwinding --
 */

static char text[64];
static uintptr_t misaligned;

PLAIN static void use_vectors(void *arg)
{
    COPI_ALIGNED(16) volatile char local[16] = {0};

    misaligned =
        (uintptr_t)local % 16 + (uintptr_t)__builtin_frame_address(0) % 16;
    snprintf(text, sizeof(text), "%.3f %.3Lf %s", *(double *)arg, 2.5L, "ok");
    for (;;)
        copi_ctx_switch(&there, &here);
}

START_TEST(stack_is_aligned_for_vectors)
{
    double x = 1.25;

    for (size_t odd = 0; odd < 16; odd++) {
        setup(use_vectors, &x);
        copi_ctx_make(&there, stack_memory, STACK_BYTES - odd, use_vectors, &x);
        copi_ctx_switch(&here, &there);
        ck_assert_uint_eq(misaligned, 0);
        ck_assert_str_eq(text, "1.250 2.500 ok");
        free(stack_memory);
    }
}
END_TEST

static int frames;
static uintptr_t outermost;

static _Unwind_Reason_Code count_frame(struct _Unwind_Context *u, void *arg)
{
    (void)arg;
    outermost = _Unwind_GetIP(u) != 0 ? _Unwind_GetIP(u) : outermost;
    return ++frames < 100 ? _URC_NO_REASON : _URC_END_OF_STACK;
}

PLAIN static void unwind(void *arg)
{
    (void)arg;
    _Unwind_Backtrace(count_frame, NULL);
    for (;;)
        copi_ctx_switch(&there, &here);
}

extern char copi_ctx_base[];

START_TEST(unwinding_ends_at_the_base)
{
    setup(unwind, NULL);
    copi_ctx_switch(&here, &there);
    ck_assert_int_ge(frames, 2);
    ck_assert_int_le(frames, 4);
    ck_assert_uint_ge(outermost, (uintptr_t)copi_ctx_base);
    ck_assert_uint_le(outermost, (uintptr_t)copi_ctx_base + 16);
    free(stack_memory);
}
END_TEST

static const TTest *const cases[] = {
    goes_there_and_back,
    keeps_the_registers,
    rounding_belongs_to_the_context,
#if defined(__x86_64__)
    keeps_each_control_word,
    status_bits_do_not_matter,
#endif
    stack_is_aligned_for_vectors,
    unwinding_ends_at_the_base,
};
UNIT_MAIN("ctx", cases)
