/* SPDX-License-Identifier: MIT
 *
 * ctx_x86_64.S - the switch between two stacks, System V calling convention.
 * Rank: 2. The interface: ctx.h.
 *
 * The saved frame, upwards from the stack pointer:
 *
 *      0  mxcsr (4 bytes), x87 control word (2), unused (2)
 *      8  r12     16  r13     24  r14     32  r15     40  rbx     48  rbp
 *     56  where to go on
 *
 * Loading the two control words is dear and hardly ever needed, so they are
 * compared first; mxcsr without its six status bits, which no function keeps.
 *
 * It ends with a jump, not with `ret`: the processor predicts a return from
 * the calls that it has seen on the other stack, always wrongly; a jump it
 * predicts from experience (a coroutine entered and left: 40 ns, with `ret`
 * 60). For the same reason this does not work with shadow stacks (CET), and
 * the object declares no support for them.
 */
        .text

/* Lays the saved frame of the calling function down. */
.macro save_frame
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        pushq   %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbx, 0
        pushq   %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r15, 0
        pushq   %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r14, 0
        pushq   %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r13, 0
        pushq   %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %r12, 0
        subq    $8, %rsp
        .cfi_adjust_cfa_offset 8
        stmxcsr (%rsp)
        fnstcw  4(%rsp)
.endm

/* copi_ctx_switch(rdi: from, rsi: to) */
        .globl  copi_ctx_switch
        .hidden copi_ctx_switch
        .type   copi_ctx_switch, @function
        .p2align 4
copi_ctx_switch:
        .cfi_startproc
        save_frame
        movl    (%rsp), %eax
        movzwl  4(%rsp), %ecx

        /* From here on all offsets hold for the other stack. */
        movq    %rsp, (%rdi)
        movq    (%rsi), %rsp
.Lcompare:
        xorl    (%rsp), %eax
        testl   $0xffc0, %eax
        jnz     .Lload_mxcsr
.Lmxcsr_is_right:
        cmpw    4(%rsp), %cx
        jne     .Lload_x87cw
.Lx87cw_is_right:
        addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        popq    %r12
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r12
        popq    %r13
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r13
        popq    %r14
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r14
        popq    %r15
        .cfi_adjust_cfa_offset -8
        .cfi_restore %r15
        popq    %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbx
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_restore %rbp
        popq    %rcx
        .cfi_adjust_cfa_offset -8
        .cfi_register %rip, %rcx
        jmpq    *%rcx

        /* Out of the way: the stack is as deep as at the jumps above. */
        .cfi_def_cfa_offset 64
        .cfi_offset %rip, -8
        .cfi_offset %rbp, -16
        .cfi_offset %rbx, -24
        .cfi_offset %r15, -32
        .cfi_offset %r14, -40
        .cfi_offset %r13, -48
        .cfi_offset %r12, -56
.Lload_mxcsr:
        ldmxcsr (%rsp)
        jmp     .Lmxcsr_is_right
.Lload_x87cw:
        fldcw   4(%rsp)
        jmp     .Lx87cw_is_right
        .cfi_endproc
        .size   copi_ctx_switch, . - copi_ctx_switch

/* copi_ctx_leave(rdi: from, rsi: by, rdx: arg) */
        .globl  copi_ctx_leave
        .hidden copi_ctx_leave
        .type   copi_ctx_leave, @function
        .p2align 4
copi_ctx_leave:
        .cfi_startproc
        save_frame
        movq    %rsp, (%rdi)
        movq    %rdx, %rdi
        callq   *%rsi
        ud2
        .cfi_endproc
        .size   copi_ctx_leave, . - copi_ctx_leave

/* copi_ctx_jump(rdi: from, rsi: to). What copi_ctx_leave wrote down is what
 * the control words are still. */
        .globl  copi_ctx_jump
        .hidden copi_ctx_jump
        .type   copi_ctx_jump, @function
        .p2align 4
copi_ctx_jump:
        .cfi_startproc
        movq    (%rdi), %rdx
        movl    (%rdx), %eax
        movzwl  4(%rdx), %ecx
        movq    (%rsi), %rsp
        .cfi_def_cfa %rsp, 64
        jmp     .Lcompare
        .cfi_endproc
        .size   copi_ctx_jump, . - copi_ctx_jump

/* copi_ctx_go(rdi: to). Comes from a signal handler: nothing of the state that
 * it finds can be relied on. */
        .globl  copi_ctx_go
        .hidden copi_ctx_go
        .type   copi_ctx_go, @function
        .p2align 4
copi_ctx_go:
        .cfi_startproc
        movq    (%rdi), %rsp
        .cfi_def_cfa %rsp, 64
        cld
        fninit
        fldcw   4(%rsp)
        ldmxcsr (%rsp)
        jmp     .Lx87cw_is_right
        .cfi_endproc
        .size   copi_ctx_go, . - copi_ctx_go

/* copi_ctx_inject: entered as if the interrupted code had called it, below its
 * red zone (copi_mcontext_call): everything that it may use is saved, then
 * copi_ctx_injected is called, then all is as it was. The last instruction
 * takes the red zone off the stack together with the return address. */
        .globl  copi_ctx_inject
        .hidden copi_ctx_inject
        .type   copi_ctx_inject, @function
        .p2align 4
copi_ctx_inject:
        .cfi_startproc
        .cfi_signal_frame
        pushfq
        pushq   %rbp
        movq    %rsp, %rbp
        cld
        pushq   %rax
        pushq   %rbx
        pushq   %rcx
        pushq   %rdx
        pushq   %rsi
        pushq   %rdi
        pushq   %r8
        pushq   %r9
        pushq   %r10
        pushq   %r11
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        subq    copi_ctx_vector_bytes(%rip), %rsp
        andq    $-64, %rsp
        /* the header of the area must be zero */
        xorl    %eax, %eax
        movq    %rax, 512(%rsp)
        movq    %rax, 520(%rsp)
        movq    %rax, 528(%rsp)
        movq    %rax, 536(%rsp)
        movq    %rax, 544(%rsp)
        movq    %rax, 552(%rsp)
        movq    %rax, 560(%rsp)
        movq    %rax, 568(%rsp)
        movl    $-1, %eax
        movl    $-1, %edx
        xsave   (%rsp)
        /* as a function may expect it */
        fninit
        call    *copi_ctx_injected(%rip)
        movl    $-1, %eax
        movl    $-1, %edx
        xrstor  (%rsp)
        leaq    -112(%rbp), %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %r11
        popq    %r10
        popq    %r9
        popq    %r8
        popq    %rdi
        popq    %rsi
        popq    %rdx
        popq    %rcx
        popq    %rbx
        popq    %rax
        popq    %rbp
        popfq
        ret     $128
        .cfi_endproc
        .size   copi_ctx_inject, . - copi_ctx_inject

/* copi_ctx_make(rdi: c, rsi: stack_low, rdx: size, rcx: entry, r8: arg) */
        .globl  copi_ctx_make
        .hidden copi_ctx_make
        .type   copi_ctx_make, @function
        .p2align 4
copi_ctx_make:
        .cfi_startproc
        leaq    (%rsi,%rdx), %rax
        andq    $-16, %rax
        subq    $64, %rax
        movabsq $0x0000037f00001f80, %r9
        movq    %r9, (%rax)
        movq    %r8, 8(%rax)
        movq    %rcx, 16(%rax)
        movq    $0, 24(%rax)
        movq    $0, 32(%rax)
        movq    $0, 40(%rax)
        movq    $0, 48(%rax)
        leaq    copi_ctx_base(%rip), %r9
        movq    %r9, 56(%rax)
        movq    %rax, (%rdi)
        ret
        .cfi_endproc
        .size   copi_ctx_make, . - copi_ctx_make

/* The outermost frame of every made context. The stack pointer is a multiple
 * of 16 here, so that it is off by 8 after the call, as the convention wants;
 * there is no caller, and the tables say so. */
        .globl  copi_ctx_base
        .hidden copi_ctx_base
        .type   copi_ctx_base, @function
        .p2align 4
copi_ctx_base:
        .cfi_startproc
        .cfi_def_cfa %rsp, 0
        .cfi_undefined %rip
        movq    %r12, %rdi
        callq   *%r13
        ud2
        .cfi_endproc
        .size   copi_ctx_base, . - copi_ctx_base

        .section .note.GNU-stack, "", @progbits
