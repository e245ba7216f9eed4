/* How a value is held against a key: wildcards, comparators, relations, regular expressions. */
#include "sieve_scene.h"

#define NUMERIC "\"variables\", \"relational\", \"comparator-i;ascii-numeric\""

/* value and pattern as a script writes them: a backslash twice. */
struct pair {
    const char *value, *pattern;
};

static void expect_matches(const struct pair *pairs, unsigned count, const char *comparator,
                           bool matches)
{
    char test[300];
    for (unsigned i = 0; i < count; i++) {
        snprintf(test, sizeof(test), "string :matches :comparator \"%s\" \"%s\" \"%s\"", comparator,
                 pairs[i].value, pairs[i].pattern);
        if (matches)
            expect_true("\"variables\"", test);
        else
            expect_false("\"variables\"", test);
    }
}

TEST(
    "a star stands for any bytes, a question mark for one character, behind a backslash for itself")
{
    static const struct pair yes[] = {
        {"", ""},
        {"", "*"},
        {"abc", "a*"},
        {"abc", "*c"},
        {"abc", "***"},
        {"abc", "a?c"},
        {"a\xc3\xa4z", "a?z"},
        {"aXbXc", "a*X?"},
        {"a*c", "a\\\\*c"},
        {"a?c", "a\\\\?c"},
        {"a\\\\c", "a\\\\\\\\c"},
        {"ac\\\\", "ac\\\\"}, /* one at the end is itself */
        {"xxabxxabc", "*ab?"},
        {"ABC", "a?c"},
    };
    static const struct pair no[] = {
        {"abc", ""},   {"abc", "a"},       {"abc", "ab?d"},        {"abc", "????"}, {"", "?"},
        {"abc", "b*"}, {"abc", "a\\\\*c"}, {"axc", "a\\\\?c"},     {"abc", "*d"},   {"abc", "*b"},
        {"ab", "abc"}, {"abcabd", "*c?e"}, {"a\xc3\xa4z", "a??z"},
    };
    scene_set("Subject: x\r\n\r\nx\r\n");
    expect_matches(yes, sizeof(yes) / sizeof(*yes), "i;ascii-casemap", true);
    expect_matches(no, sizeof(no) / sizeof(*no), "i;ascii-casemap", false);
    expect_matches(yes, sizeof(yes) / sizeof(*yes) - 1, "i;octet", true);
    expect_matches(&yes[sizeof(yes) / sizeof(*yes) - 1], 1, "i;octet", false);
}

TEST("what wildcards stood for is kept for the first nine, the shortest from the left")
{
    scene_set("Subject: x\r\n\r\nx\r\n");
    expect("require [\"variables\", \"fileinto\"]; set \"v\" \"a-b-c\";"
           "if string :matches \"${v}\" \"*-*\" { fileinto \"${0}/${1}/${2}\"; }",
           "fileinto a-b-c/a/b-c");
    expect("require [\"variables\", \"fileinto\"];"
           "if string :matches \"123456789abcdef\" \"??????????*\" "
           "{ fileinto \"${1}${9}.${10}.\"; }",
           "fileinto 19..");
    expect("require [\"variables\", \"fileinto\"];"
           "if string :matches \"1.2.3.4.5.6.7.8.9.a.b.c\" \"*.*.*.*.*.*.*.*.*.*.*\" "
           "{ fileinto \"${1}${9}\"; }",
           "fileinto 19");
}

TEST("numbers are the digits at the start, of any length, and what has none is above them")
{
    static const struct {
        const char *left, *relation, *right;
        bool holds;
    } rows[] = {
        {"9", "lt", "10", true},
        {"010", "eq", "10", true},
        {"10 apples", "eq", "10", true},
        {"10/", "eq", "10:", true},
        {"99999999999999999999999", "gt", "99999999999999999999998", true},
        {"1", "lt", "99999999999999999999999", true},
        {"apples", "gt", "99", true},
        {"99", "lt", "apples", true},
        {"apples", "eq", "pears", true},
        {"0", "ne", "00", false},
        {"12", "ge", "12", true},
        {"12", "le", "11", false},
    };
    char test[300];
    scene_set("Subject: x\r\n\r\nx\r\n");
    for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        snprintf(test, sizeof(test),
                 "string :value \"%s\" :comparator \"i;ascii-numeric\" \"%s\" \"%s\"",
                 rows[i].relation, rows[i].left, rows[i].right);
        if (rows[i].holds)
            expect_true(NUMERIC, test);
        else
            expect_false(NUMERIC, test);
    }
    expect_true("\"variables\", \"relational\"", "string :value \"lt\" \"ab\" \"ABC\"");
    expect_true("\"variables\", \"relational\"", "string :value \"gt\" \"abd\" \"ABC\"");
}

TEST("a comparison that can't be is told before the script runs")
{
    static const char *const rows[][2] = {
        {"if header :comparator \"i;strange\" :is \"x\" \"y\" { discard; }",
         "there is no such comparator here"},
        {"if header :comparator \"i;ascii-numeric\" :is \"x\" \"1\" { discard; }",
         "the comparator must be required"},
        {"require \"comparator-i;ascii-numeric\";"
         "if header :comparator \"i;ascii-numeric\" :contains \"x\" \"1\" { discard; }",
         "compares whole values"},
        {"require \"relational\"; if header :value \"above\" \"x\" \"1\" { discard; }",
         "the relation must be gt, ge, lt, le, eq or ne"},
        {"require \"relational\"; if header :count \"\" \"x\" \"1\" { discard; }",
         "the relation must be gt, ge, lt, le, eq or ne"},
    };
    scene_set("Subject: x\r\n\r\nx\r\n");
    for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct buffer out;
        tell(rows[i][0], &out);
        EXPECT(text_find_text(buffer_text(&out), text_from(rows[i][1])) < out.length);
        buffer_finish(&out);
    }
}

TEST("a regular expression with variables in it is made when it runs, and may be none then")
{
    scene_set("Subject: x\r\n\r\nx\r\n");
    expect_true("\"variables\", \"regex\"", "string :regex \"abc\" \"^a${unset}b\"");
    expect("require [\"variables\", \"regex\"]; set \"v\" \"(\";"
           "if string :regex \"abc\" \"${v}\" { discard; }",
           "keep error line 1: string: the regular expression is malformed");
    expect("require [\"variables\", \"regex\", \"fileinto\"];"
           "if string :regex \"b\" \"(a)?(b)\" { fileinto \"<${1}${2}>\"; }",
           "fileinto <b>");
}
