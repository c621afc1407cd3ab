/* SPDX-License-Identifier: MIT
 *
 * ctx_aarch64.S - the switch between two stacks, AAPCS64. Rank: 2.
 * The interface: ctx.h.
 *
 * The saved frame, upwards from the stack pointer:
 *
 *      0  x19 x20    16  x21 x22    32  x23 x24    48  x25 x26    64  x27 x28
 *     80  x29 x30    96  d8 d9     112  d10 d11   128  d12 d13   144  d14 d15
 *    160  fpcr, unused
 *
 * x18 is the platform's and is left alone; of the vector registers a function
 * keeps the lower halves of v8 to v15 only. fpcr is compared before it is
 * loaded, for loading it waits for everything before it. A return address that
 * is signed with the stack pointer stays valid, for the frame is resumed at
 * the stack pointer that it was left at.
 */
        .text

/* Lays the saved frame of the calling function down; fpcr is in x9 then. */
.macro save_frame
        sub     sp, sp, #176
        .cfi_def_cfa_offset 176
        stp     x19, x20, [sp, #0]
        .cfi_offset x19, -176
        .cfi_offset x20, -168
        stp     x21, x22, [sp, #16]
        .cfi_offset x21, -160
        .cfi_offset x22, -152
        stp     x23, x24, [sp, #32]
        .cfi_offset x23, -144
        .cfi_offset x24, -136
        stp     x25, x26, [sp, #48]
        .cfi_offset x25, -128
        .cfi_offset x26, -120
        stp     x27, x28, [sp, #64]
        .cfi_offset x27, -112
        .cfi_offset x28, -104
        stp     x29, x30, [sp, #80]
        .cfi_offset x29, -96
        .cfi_offset x30, -88
        stp     d8, d9, [sp, #96]
        .cfi_offset d8, -80
        .cfi_offset d9, -72
        stp     d10, d11, [sp, #112]
        .cfi_offset d10, -64
        .cfi_offset d11, -56
        stp     d12, d13, [sp, #128]
        .cfi_offset d12, -48
        .cfi_offset d13, -40
        stp     d14, d15, [sp, #144]
        .cfi_offset d14, -32
        .cfi_offset d15, -24
        mrs     x9, fpcr
        str     x9, [sp, #160]
.endm

/* copi_ctx_switch(x0: from, x1: to) */
        .globl  copi_ctx_switch
        .hidden copi_ctx_switch
        .type   copi_ctx_switch, %function
        .p2align 4
copi_ctx_switch:
        .cfi_startproc
        hint    #34             /* bti c; a no-op on older processors */
        save_frame

        /* From here on all offsets hold for the other stack. */
        mov     x10, sp
        str     x10, [x0]
        ldr     x10, [x1]
        mov     sp, x10
.Lcompare:
        ldr     x11, [sp, #160]
        cmp     x9, x11
        b.eq    1f
        msr     fpcr, x11
1:
.Lrestore:
        ldp     d14, d15, [sp, #144]
        .cfi_restore d14
        .cfi_restore d15
        ldp     d12, d13, [sp, #128]
        .cfi_restore d12
        .cfi_restore d13
        ldp     d10, d11, [sp, #112]
        .cfi_restore d10
        .cfi_restore d11
        ldp     d8, d9, [sp, #96]
        .cfi_restore d8
        .cfi_restore d9
        ldp     x29, x30, [sp, #80]
        .cfi_restore x29
        .cfi_restore x30
        ldp     x27, x28, [sp, #64]
        .cfi_restore x27
        .cfi_restore x28
        ldp     x25, x26, [sp, #48]
        .cfi_restore x25
        .cfi_restore x26
        ldp     x23, x24, [sp, #32]
        .cfi_restore x23
        .cfi_restore x24
        ldp     x21, x22, [sp, #16]
        .cfi_restore x21
        .cfi_restore x22
        ldp     x19, x20, [sp, #0]
        .cfi_restore x19
        .cfi_restore x20
        add     sp, sp, #176
        .cfi_def_cfa_offset 0
        ret
        .cfi_endproc
        .size   copi_ctx_switch, . - copi_ctx_switch

/* copi_ctx_leave(x0: from, x1: by, x2: arg) */
        .globl  copi_ctx_leave
        .hidden copi_ctx_leave
        .type   copi_ctx_leave, %function
        .p2align 4
copi_ctx_leave:
        .cfi_startproc
        hint    #34             /* bti c; a no-op on older processors */
        save_frame
        mov     x10, sp
        str     x10, [x0]
        mov     x0, x2
        blr     x1
        brk     #1
        .cfi_endproc
        .size   copi_ctx_leave, . - copi_ctx_leave

/* copi_ctx_jump(x0: from, x1: to). What copi_ctx_leave wrote down is what fpcr
 * is still. */
        .globl  copi_ctx_jump
        .hidden copi_ctx_jump
        .type   copi_ctx_jump, %function
        .p2align 4
copi_ctx_jump:
        .cfi_startproc
        hint    #34             /* bti c */
        ldr     x10, [x0]
        ldr     x9, [x10, #160]
        ldr     x10, [x1]
        mov     sp, x10
        .cfi_def_cfa sp, 176
        b       .Lcompare
        .cfi_endproc
        .size   copi_ctx_jump, . - copi_ctx_jump

/* copi_ctx_go(x0: to). Comes from a signal handler: nothing of the state that
 * it finds can be relied on. */
        .globl  copi_ctx_go
        .hidden copi_ctx_go
        .type   copi_ctx_go, %function
        .p2align 4
copi_ctx_go:
        .cfi_startproc
        hint    #34             /* bti c */
        ldr     x10, [x0]
        mov     sp, x10
        .cfi_def_cfa sp, 176
        ldr     x11, [sp, #160]
        msr     fpcr, x11
        b       .Lrestore
        .cfi_endproc
        .size   copi_ctx_go, . - copi_ctx_go

/* copi_ctx_make(x0: c, x1: stack_low, x2: size, x3: entry, x4: arg) */
        .globl  copi_ctx_make
        .hidden copi_ctx_make
        .type   copi_ctx_make, %function
        .p2align 4
copi_ctx_make:
        .cfi_startproc
        hint    #34             /* bti c */
        add     x9, x1, x2
        and     x9, x9, #-16
        sub     x9, x9, #176
        stp     x4, x3, [x9, #0]
        stp     xzr, xzr, [x9, #16]
        stp     xzr, xzr, [x9, #32]
        stp     xzr, xzr, [x9, #48]
        stp     xzr, xzr, [x9, #64]
        adrp    x10, copi_ctx_base
        add     x10, x10, :lo12:copi_ctx_base
        stp     xzr, x10, [x9, #80]
        stp     xzr, xzr, [x9, #96]
        stp     xzr, xzr, [x9, #112]
        stp     xzr, xzr, [x9, #128]
        stp     xzr, xzr, [x9, #144]
        stp     xzr, xzr, [x9, #160]
        str     x9, [x0]
        ret
        .cfi_endproc
        .size   copi_ctx_make, . - copi_ctx_make

/* The outermost frame of every made context: x19 is the argument, x20 the
 * function. There is no caller, and the tables say so. */
        .globl  copi_ctx_base
        .hidden copi_ctx_base
        .type   copi_ctx_base, %function
        .p2align 4
copi_ctx_base:
        .cfi_startproc
        .cfi_undefined x30
        mov     x0, x19
        blr     x20
        brk     #1
        .cfi_endproc
        .size   copi_ctx_base, . - copi_ctx_base

        .section .note.GNU-stack, "", %progbits
