/* The verbs `sieve ...` that need no server: is a script right, and which of its rules does what to
 * a message. Nothing is delivered, sent or remembered. */
#ifndef MAIN_SIEVE_VERBS_H
#define MAIN_SIEVE_VERBS_H

/* words: those behind "sieve check" and so on. The exit status: 0, 1 the script is wrong, 2 wrong
 * usage or a file that can't be read. */
struct sieve_call {
    char **words;
    int count;
};
int sieve_check(const struct sieve_call *call);
int sieve_test(const struct sieve_call *call);

#endif
