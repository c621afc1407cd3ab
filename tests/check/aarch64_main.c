/* SPDX-License-Identifier: MIT
 *
 * aarch64_main.c - what aarch64.sh runs under an emulator: the switch keeps
 * every register it should, and coroutines work. No test library exists for
 * the other machine, so failures are counted by hand.
 */
#include <fenv.h>

#include "runtime/coroutine/coro.h"
#include "tests/support/ctx_regs.h"

#define ROUNDS 1000
#define STACK_BYTES ((size_t)64 << 10)

static int failures;

static void expect(bool ok, const char *what)
{
    if (!ok)
        printf("failed: %s\n", what);
    failures += !ok;
}

static COPI_ALIGNED(16) char memory[STACK_BYTES];
static struct copi_ctx here, there;
static uint64_t bad_there;
static int round_there[2];

static void keep_registers(void *arg)
{
    uint64_t seed = (uint64_t)(uintptr_t)arg;

    for (;;)
        bad_there |= ctx_regs_switch(&there, &here, ++seed);
}

static void test_registers(void)
{
    uint64_t bad_here = 0;

    copi_ctx_make(&there, memory, STACK_BYTES, keep_registers,
                  (void *)0x7777000000);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        ctx_regs_by = i % 3 == 0 ? ctx_regs_leave : copi_ctx_switch;
        bad_here |= ctx_regs_switch(&here, &there, 0x123456789a + 977 * i);
    }
    expect(bad_here == 0, "registers of the thread's side");
    expect(bad_there == 0, "registers of the other side");
}

static void round_up(void *arg)
{
    (void)arg;
    round_there[0] = fegetround();
    fesetround(FE_UPWARD);
    copi_ctx_switch(&there, &here);
    round_there[1] = fegetround();
    copi_ctx_switch(&there, &here);
}

static void test_rounding(void)
{
    fesetround(FE_DOWNWARD);
    copi_ctx_make(&there, memory, STACK_BYTES, round_up, NULL);
    copi_ctx_switch(&here, &there);
    expect(fegetround() == FE_DOWNWARD, "fpcr of the thread's side");
    expect(round_there[0] == FE_TONEAREST, "fpcr of a new context");
    ctx_regs_leave(&here, &there);
    expect(round_there[1] == FE_UPWARD, "fpcr of the other side");
    fesetround(FE_TONEAREST);
}

static struct copi_native native;
static char text[64];

static void format_text(void *arg)
{
    struct copi_coro *c = arg;
    double x = 1.25;

    for (int i = 0;; i++) {
        snprintf(text, sizeof(text), "%.2f %d", x * i, i);
        copi_coro_leave(c, &native);
    }
}

static void test_coroutine(void)
{
    struct copi_coro c;

    expect(copi_stack_init() == 0, "stack pool");
    copi_native_init(&native);
    expect(copi_coro_init(&c, 0, format_text, &c) == 0, "coroutine");
    for (int i = 0; i < ROUNDS; i++)
        copi_coro_enter(&native, &c);
    expect(strcmp(text, "1248.75 999") == 0, "text made by a coroutine");
    copi_coro_reset(&c, format_text, &c);
    copi_coro_enter(&native, &c);
    expect(strcmp(text, "0.00 0") == 0, "text after a reset");
    printf("guard: %s\n", copi_stack_guard_name());
    copi_coro_fini(&c);
    copi_native_fini(&native);
    copi_stack_fini();
}

int main(void)
{
    test_registers();
    test_rounding();
    test_coroutine();
    return failures != 0;
}
