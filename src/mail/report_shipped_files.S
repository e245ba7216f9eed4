/* The files of share/reports as they are; make knows that this depends on them. */
    .section .rodata

    .macro file language
    .globl report_shipped_\language
    .globl report_shipped_\language\()_end
report_shipped_\language:
    .incbin "share/reports/\language\().txt"
report_shipped_\language\()_end:
    .byte 0
    .endm

    file en
    file de
    file fr
    file es
    file ja

    .section .note.GNU-stack,"",%progbits
