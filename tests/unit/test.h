/* Unit tests are sentences about behaviour:
 *
 *     TEST("a message over the limit is refused before it reaches the disk")
 *     {
 *         EXPECT(queue_size() == 0);
 *     }
 *
 * Every *_test.c is one program; its tests run in order of appearance under cmocka. */
#ifndef TESTS_UNIT_TEST_H
#define TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/text.h"

#define TEST(sentence) TEST_NUMBERED(sentence, __COUNTER__)
#define TEST_NUMBERED(sentence, number) TEST_JOINED(sentence, number)
#define TEST_JOINED(sentence, number) TEST_NAMED(sentence, test_##number, register_##number)
/* One more step, so that __COUNTER__ is expanded before ## joins it. */
#define TEST_NAMED(sentence, function, registrar)                                                  \
    static void function(void);                                                                    \
    __attribute__((constructor)) static void registrar(void)                                       \
    {                                                                                              \
        test_register(sentence, function);                                                         \
    }                                                                                              \
    static void function(void)

#define EXPECT(condition) assert_true(condition)
/* Compare a text with a NUL-ended string, printing both when they differ. */
#define EXPECT_TEXT(actual, expected) test_expect_text(actual, expected, __FILE__, __LINE__)

void test_register(const char *sentence, void (*function)(void));
void test_expect_text(struct text actual, const char *expected, const char *file, int line);

#endif
