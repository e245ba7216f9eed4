#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { MOST_TESTS = 400 };
static struct CMUnitTest tests[MOST_TESTS];
static size_t test_count;

static void run_one(void **state)
{
    void (*function)(void);
    memcpy(&function, state, sizeof(function));
    function();
}

void test_register(const char *sentence, void (*function)(void))
{
    check(test_count < MOST_TESTS);
    tests[test_count] = (struct CMUnitTest){.name = sentence, .test_func = run_one};
    memcpy(&tests[test_count].initial_state, &function, sizeof(function));
    test_count++;
}

void test_expect_text(struct text actual, const char *expected, const char *file, int line)
{
    if (text_equals(actual, text_from(expected)))
        return;
    print_error("expected \"%s\"\nbut got  \"%.*s\"\n", expected, TEXT_ARG(actual));
    _fail(file, line);
}

int main(int count, char **arguments)
{
    signal(SIGPIPE, SIG_IGN); /* as every serving process does */
    if (count > 1)
        cmocka_set_test_filter(arguments[1]);
    return _cmocka_run_group_tests("mailroot", tests, test_count, NULL, NULL);
}
