/* The first of the three kinds of trouble: a bug of ours. It ends the process with a stack. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

/* Abort with file, line and stack when condition is false. Never compiled out. */
#define check(condition)                                                                           \
    (__builtin_expect(!!(condition), 1) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))

/* A value known to be unused in some builds. */
#define unused(value) ((void)(value))

_Noreturn void check_failed(const char *condition, const char *file, int line);

#endif
