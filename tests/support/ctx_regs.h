/* SPDX-License-Identifier: MIT
 *
 * ctx_regs.h - a probe for the context switch: code that fills every register
 * which a function must keep, switches, and looks.
 *
 *     uint64_t bad = ctx_regs_switch(&from, &to, seed);
 *
 * switches by ctx_regs_by with the value seed + i in the i-th register, and
 * gives a word with bit i set for each register that came back changed: 0
 * is what one hopes for. Both sides of a switch run it, with different seeds.
 * One block of assembly per machine; registers in the order written there.
 */
#ifndef COPPICE_TESTS_CTX_REGS_H
#define COPPICE_TESTS_CTX_REGS_H

#include "runtime/coroutine/ctx.h"

uint64_t ctx_regs_switch(struct copi_ctx *from, const struct copi_ctx *to,
                         uint64_t seed);

/* The switch in one step, or in two: copi_ctx_switch, or */
void (*ctx_regs_by)(struct copi_ctx *,
                    const struct copi_ctx *) = copi_ctx_switch;

struct ctx_regs_way {
    struct copi_ctx *from;
    const struct copi_ctx *to;
};

static void ctx_regs_jump(void *way)
{
    const struct ctx_regs_way *w = way;

    copi_ctx_jump(w->from, w->to);
}

static void ctx_regs_leave(struct copi_ctx *from, const struct copi_ctx *to)
{
    struct ctx_regs_way way = {from, to};

    copi_ctx_leave(from, ctx_regs_jump, &way);
}

/* clang-format off */
#if defined(__x86_64__)
/* rbx rbp r12 r13 r14 r15 */
#define CTX_REGS_COUNT 6
__asm__(
    ".text\n"
    ".globl ctx_regs_switch\n"
    ".type ctx_regs_switch, @function\n"
    "ctx_regs_switch:\n"
    "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "push %rdx\n" /* the seed; the stack is aligned now */
    "mov %rdx, %rbx\n"
    "lea 1(%rdx), %rbp\n"
    "lea 2(%rdx), %r12\n"
    "lea 3(%rdx), %r13\n"
    "lea 4(%rdx), %r14\n"
    "lea 5(%rdx), %r15\n"
    "call *ctx_regs_by(%rip)\n"
    "pop %rdx\n"
    "xor %eax, %eax\n"
    "cmp %rdx, %rbx; je 1f; or $1, %eax; 1: inc %rdx\n"
    "cmp %rdx, %rbp; je 1f; or $2, %eax; 1: inc %rdx\n"
    "cmp %rdx, %r12; je 1f; or $4, %eax; 1: inc %rdx\n"
    "cmp %rdx, %r13; je 1f; or $8, %eax; 1: inc %rdx\n"
    "cmp %rdx, %r14; je 1f; or $16, %eax; 1: inc %rdx\n"
    "cmp %rdx, %r15; je 1f; or $32, %eax; 1:\n"
    "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "ret\n"
    ".size ctx_regs_switch, . - ctx_regs_switch\n");
#elif defined(__aarch64__)
/* x19 to x29, then d8 to d15 */
#define CTX_REGS_COUNT 19
#define CTX_REGS_SET(reg, i) "add " reg ", x2, #" #i "\n"
#define CTX_REGS_CMP(reg, i)                                                 \
    "add x9, x2, #" #i "; cmp " reg ", x9; cset x10, ne\n"                   \
    "orr x0, x0, x10, lsl #" #i "\n"
#define CTX_REGS_SETD(reg, i) "add x9, x2, #" #i "; fmov " reg ", x9\n"
#define CTX_REGS_CMPD(reg, i) "fmov x11, " reg "\n" CTX_REGS_CMP("x11", i)
__asm__(
    ".text\n"
    ".globl ctx_regs_switch\n"
    ".type ctx_regs_switch, %function\n"
    "ctx_regs_switch:\n"
    "sub sp, sp, #176\n"
    "stp x19, x20, [sp]; stp x21, x22, [sp, #16]; stp x23, x24, [sp, #32]\n"
    "stp x25, x26, [sp, #48]; stp x27, x28, [sp, #64]\n"
    "stp x29, x30, [sp, #80]\n"
    "stp d8, d9, [sp, #96]; stp d10, d11, [sp, #112]\n"
    "stp d12, d13, [sp, #128]; stp d14, d15, [sp, #144]\n"
    "str x2, [sp, #160]\n"
    CTX_REGS_SET("x19", 0) CTX_REGS_SET("x20", 1) CTX_REGS_SET("x21", 2)
    CTX_REGS_SET("x22", 3) CTX_REGS_SET("x23", 4) CTX_REGS_SET("x24", 5)
    CTX_REGS_SET("x25", 6) CTX_REGS_SET("x26", 7) CTX_REGS_SET("x27", 8)
    CTX_REGS_SET("x28", 9) CTX_REGS_SET("x29", 10)
    CTX_REGS_SETD("d8", 11) CTX_REGS_SETD("d9", 12) CTX_REGS_SETD("d10", 13)
    CTX_REGS_SETD("d11", 14) CTX_REGS_SETD("d12", 15)
    CTX_REGS_SETD("d13", 16) CTX_REGS_SETD("d14", 17)
    CTX_REGS_SETD("d15", 18)
    "adrp x9, ctx_regs_by; ldr x9, [x9, :lo12:ctx_regs_by]; blr x9\n"
    "ldr x2, [sp, #160]\n"
    "mov x0, #0\n"
    CTX_REGS_CMP("x19", 0) CTX_REGS_CMP("x20", 1) CTX_REGS_CMP("x21", 2)
    CTX_REGS_CMP("x22", 3) CTX_REGS_CMP("x23", 4) CTX_REGS_CMP("x24", 5)
    CTX_REGS_CMP("x25", 6) CTX_REGS_CMP("x26", 7) CTX_REGS_CMP("x27", 8)
    CTX_REGS_CMP("x28", 9) CTX_REGS_CMP("x29", 10)
    CTX_REGS_CMPD("d8", 11) CTX_REGS_CMPD("d9", 12) CTX_REGS_CMPD("d10", 13)
    CTX_REGS_CMPD("d11", 14) CTX_REGS_CMPD("d12", 15)
    CTX_REGS_CMPD("d13", 16) CTX_REGS_CMPD("d14", 17)
    CTX_REGS_CMPD("d15", 18)
    "ldp x19, x20, [sp]; ldp x21, x22, [sp, #16]; ldp x23, x24, [sp, #32]\n"
    "ldp x25, x26, [sp, #48]; ldp x27, x28, [sp, #64]\n"
    "ldp x29, x30, [sp, #80]\n"
    "ldp d8, d9, [sp, #96]; ldp d10, d11, [sp, #112]\n"
    "ldp d12, d13, [sp, #128]; ldp d14, d15, [sp, #144]\n"
    "add sp, sp, #176\n"
    "ret\n"
    ".size ctx_regs_switch, . - ctx_regs_switch\n");
#endif
/* clang-format on */

#endif
