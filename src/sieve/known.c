#include "sieve/known.h"

#include "sieve/run.h"

/* Of all of them (decides: one that is false), or of any (one that is true). */
static enum sieve_known known_of_list(const struct sieve_node *tests, enum sieve_known decides)
{
    enum sieve_known known = decides == KNOWN_FALSE ? KNOWN_TRUE : KNOWN_FALSE;
    for (; tests != NULL; tests = tests->next) {
        enum sieve_known one = sieve_known(tests);
        if (one == decides)
            return decides;
        if (one == NOT_KNOWN)
            known = NOT_KNOWN;
    }
    return known;
}

enum sieve_known sieve_known(const struct sieve_node *test)
{
    bool (*holds)(struct sieve_run *, const struct sieve_node *) = test->verb->holds;
    if (holds == holds_ihave)
        return holds_ihave(NULL, test) ? KNOWN_TRUE : KNOWN_FALSE;
    if (holds == holds_allof)
        return known_of_list(test->tests, KNOWN_FALSE);
    if (holds == holds_anyof)
        return known_of_list(test->tests, KNOWN_TRUE);
    if (holds != holds_not)
        return NOT_KNOWN;
    enum sieve_known known = sieve_known(test->tests);
    return known == NOT_KNOWN ? NOT_KNOWN : known == KNOWN_TRUE ? KNOWN_FALSE : KNOWN_TRUE;
}
