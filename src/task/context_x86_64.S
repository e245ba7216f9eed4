/* x86-64 SysV: rbx, rbp, r12-r15 and the floating point control words survive calls. This file
 * carries no SHSTK property note on purpose: switching stacks is not compatible with shadow
 * stacks, and one object without the note makes the linker leave them off. */
#if defined(__x86_64__) && !defined(MAILROOT_UCONTEXT)
    .text
    .globl context_switch
    .type context_switch, @function
context_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    subq $8, %rsp
    stmxcsr (%rsp)
    fnstcw 4(%rsp)
    movq %rsp, (%rdi)
    movq (%rsi), %rsp
    ldmxcsr (%rsp)
    fldcw 4(%rsp)
    addq $8, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size context_switch, .-context_switch

/* First arrival on a new stack: r12 holds the entry, r13 its argument. */
    .globl context_start
    .type context_start, @function
context_start:
    .cfi_startproc
    .cfi_undefined rip
    movq %r13, %rdi
    callq *%r12
    ud2
    .cfi_endproc
    .size context_start, .-context_start
#endif
    .section .note.GNU-stack,"",%progbits
