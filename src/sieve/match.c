#define PCRE2_CODE_UNIT_WIDTH 8
#include "sieve/match.h"

#include <pcre2.h>
#include <stdlib.h>
#include <unicase.h>
#include <uninorm.h>

#include "base/check.h"

enum { REGEX_STEPS_MAX = 200000, REGEX_DEPTH_MAX = 1000, PATTERN_MAX = 10000 };

enum comparator { BY_OCTET, BY_CASEMAP, BY_NUMBER, BY_UNICODE, BY_NOTHING };

static const struct {
    const char *name;
    enum sieve_extension extension;
} comparators[] = {
    [BY_OCTET] = {"i;octet", EXT_OCTET},
    [BY_CASEMAP] = {"i;ascii-casemap", EXT_CASEMAP},
    [BY_NUMBER] = {"i;ascii-numeric", EXT_NUMERIC},
    [BY_UNICODE] = {"i;unicode-casemap", EXT_UNICODE},
};

static enum comparator comparator_of(const struct sieve_node *node)
{
    if (!node_has(node, TAG_COMPARATOR))
        return BY_CASEMAP;
    for (unsigned i = 0; i < BY_NOTHING; i++)
        if (text_equals(node_tag(node, TAG_COMPARATOR)->strings[0], text_from(comparators[i].name)))
            return (enum comparator)i;
    return BY_NOTHING;
}

/* Relations (RFC 5231 4) */

enum relation { GREATER = 1, EQUAL = 2, LESS = 4 };

static unsigned relation_of(struct text name)
{
    static const struct {
        const char *name;
        unsigned relation;
    } rows[] = {{"gt", GREATER},      {"ge", GREATER | EQUAL}, {"lt", LESS},
                {"le", LESS | EQUAL}, {"eq", EQUAL},           {"ne", LESS | GREATER}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (text_equals_nocase(name, text_from(rows[i].name)))
            return rows[i].relation;
    return 0;
}

static bool relation_holds(unsigned relation, int order)
{
    return (relation & (order > 0 ? GREATER : order < 0 ? LESS : EQUAL)) != 0;
}

static struct text node_relation(const struct sieve_node *node)
{
    return node_tag(node, node_has(node, TAG_COUNT) ? TAG_COUNT : TAG_VALUE)->strings[0];
}

/* Regular expressions */

static pcre2_code *regex_compile(struct text pattern, bool fold)
{
    int error;
    PCRE2_SIZE offset;
    if (pattern.length > PATTERN_MAX)
        return NULL;
    return pcre2_compile((PCRE2_SPTR)pattern.data, pattern.length,
                         PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | (fold ? PCRE2_CASELESS : 0), &error,
                         &offset, NULL);
}

static void keep_captures(struct sieve_run *run, struct text value, pcre2_match_data *data,
                          int count)
{
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(data);
    for (int i = 0; i < CAPTURES; i++) {
        bool is_set = i < count && ends[2 * i] != PCRE2_UNSET && ends[2 * i] <= ends[2 * i + 1];
        run->captures[i] = is_set ? arena_copy(run->arena, text_of(value.data + ends[2 * i],
                                                                   ends[2 * i + 1] - ends[2 * i]))
                                  : TEXT("");
    }
}

static bool regex_matches(struct matching *matching, struct text pattern, struct text value)
{
    struct sieve_run *run = matching->run;
    pcre2_code *code = regex_compile(pattern, comparator_of(matching->node) != BY_OCTET);
    if (code == NULL)
        return run_fail(run, matching->node, "the regular expression is malformed");
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, NULL);
    check(limits != NULL && data != NULL);
    pcre2_set_match_limit(limits, REGEX_STEPS_MAX);
    pcre2_set_depth_limit(limits, REGEX_DEPTH_MAX);
    int count =
        pcre2_match(code, (PCRE2_SPTR)value.data, value.length, 0, PCRE2_NO_JIT, data, limits);
    if (count > 0)
        keep_captures(run, value, data, count);
    pcre2_match_data_free(data);
    pcre2_match_context_free(limits);
    pcre2_code_free(code);
    if (count == PCRE2_ERROR_MATCHLIMIT || count == PCRE2_ERROR_DEPTHLIMIT)
        return run_fail(run, matching->node, "the regular expression takes too long");
    return count > 0;
}

/* What can be told before a run */

static bool regexes_compile(const struct sieve_node *node, const char **why)
{
    for (unsigned i = 0; i < ARGUMENTS_MAX; i++) {
        const struct sieve_argument *keys = &node->arguments[i];
        bool is_last = i + 1 == ARGUMENTS_MAX || !node->arguments[i + 1].is_there;
        for (unsigned j = 0; is_last && j < keys->string_count; j++) {
            if (has_variables(keys->strings[j]))
                continue;
            pcre2_code *code = regex_compile(keys->strings[j], false);
            *why = "the regular expression is malformed";
            if (code == NULL)
                return false;
            pcre2_code_free(code);
        }
    }
    return true;
}

bool match_check(const struct sieve_node *node, uint64_t extensions, const char **why)
{
    enum comparator comparator = comparator_of(node);
    bool searches = (node->tag_bits & (TAG(CONTAINS) | TAG(MATCHES) | TAG(REGEX))) != 0;
    *why = "there is no such comparator here";
    if (comparator == BY_NOTHING)
        return false;
    *why = "the comparator must be required, as \"comparator-...\"";
    if (comparator > BY_CASEMAP &&
        (extensions & (UINT64_C(1) << comparators[comparator].extension)) == 0)
        return false;
    *why = "i;ascii-numeric compares whole values: with :is, :value or :count";
    if (comparator == BY_NUMBER && searches)
        return false;
    *why = "the relation must be gt, ge, lt, le, eq or ne";
    if ((node->tag_bits & (TAG(COUNT) | TAG(VALUE))) != 0 && relation_of(node_relation(node)) == 0)
        return false;
    return !node_has(node, TAG_REGEX) || regexes_compile(node, why);
}

/* Comparators */

static char folded(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static int compare_folded(struct text a, struct text b)
{
    size_t common = a.length < b.length ? a.length : b.length;
    for (size_t i = 0; i < common; i++) {
        int difference =
            (int)(unsigned char)folded(a.data[i]) - (int)(unsigned char)folded(b.data[i]);
        if (difference != 0)
            return difference;
    }
    return a.length < b.length ? -1 : a.length > b.length;
}

/* RFC 4790 9.1: the digits at the start; a string without any is above all numbers. */
static struct text digits_of(struct text text, bool *is_number)
{
    size_t end = 0, start = 0;
    while (end < text.length && text.data[end] >= '0' && text.data[end] <= '9')
        end++;
    *is_number = end > 0;
    while (start + 1 < end && text.data[start] == '0')
        start++;
    return text_of(text.data + start, end - start);
}

static int compare_numbers(struct text a, struct text b)
{
    bool a_is_number, b_is_number;
    a = digits_of(a, &a_is_number);
    b = digits_of(b, &b_is_number);
    if (!a_is_number || !b_is_number)
        return (int)b_is_number - (int)a_is_number;
    if (a.length != b.length)
        return a.length < b.length ? -1 : 1;
    return text_compare(a, b);
}

static int compare(enum comparator comparator, struct text a, struct text b)
{
    return comparator == BY_NUMBER    ? compare_numbers(a, b)
           : comparator == BY_CASEMAP ? compare_folded(a, b)
                                      : text_compare(a, b);
}

/* RFC 5051: values and keys are brought into one form, which is then compared by octets. */
static struct text unicode_form(struct text text, struct arena *arena)
{
    size_t length = 0;
    uint8_t *form =
        u8_casefold((const uint8_t *)text.data, text.length, NULL, UNINORM_NFKD, NULL, &length);
    if (form == NULL)
        return text;
    struct text copy = arena_copy(arena, text_of(form, length));
    free(form);
    return copy;
}

/* Patterns */

static size_t character_bytes(struct text text, size_t at)
{
    size_t end = at + 1;
    while (end < text.length && ((unsigned char)text.data[end] & 0xc0) == 0x80)
        end++;
    return end - at;
}

struct wildcard {
    unsigned number; /* of those before it */
    size_t from;     /* in the value */
};

/* value against one pattern of :matches with "?" and "*", bytes folded (i;ascii-casemap) or not.
 * wild gets what each wildcard stood for, at most CAPTURES - 1 of them. The shortest for each "*",
 * from the left: going back to the last one is enough, so time is the product of the lengths at
 * worst. */
static bool matches_glob(struct text pattern, struct text value, bool fold, struct text *wild)
{
    size_t p = 0, v = 0, star_p = SIZE_MAX, star_v = 0;
    struct wildcard star = {0};
    unsigned number = 0;
    while (v < value.length || p < pattern.length) {
        char c = p < pattern.length ? pattern.data[p] : '\0';
        if (p < pattern.length && c == '*') {
            star = (struct wildcard){number++, v};
            star_p = ++p;
            star_v = v;
            if (star.number < CAPTURES - 1)
                wild[star.number] = TEXT("");
            continue;
        }
        if (p < pattern.length && c == '?' && v < value.length) {
            size_t bytes = character_bytes(value, v);
            if (number < CAPTURES - 1)
                wild[number] = text_of(value.data + v, bytes);
            number++;
            p++;
            v += bytes;
            continue;
        }
        size_t escape = c == '\\' && p + 1 < pattern.length;
        char wanted = escape ? pattern.data[p + 1] : c;
        bool same = p < pattern.length && v < value.length &&
                    (fold ? folded(wanted) == folded(value.data[v]) : wanted == value.data[v]);
        if (same) {
            p += 1 + escape;
            v++;
            continue;
        }
        if (star_p == SIZE_MAX || star_v >= value.length)
            return false;
        star_v += character_bytes(value, star_v);
        p = star_p;
        v = star_v;
        number = star.number + 1;
        if (star.number < CAPTURES - 1)
            wild[star.number] = text_of(value.data + star.from, star_v - star.from);
    }
    return true;
}

static bool contains(struct text value, struct text key, bool fold)
{
    if (!fold)
        return text_find_text(value, key) < value.length || key.length == 0;
    for (size_t i = 0; i + key.length <= value.length; i++)
        if (compare_folded(text_of(value.data + i, key.length), key) == 0)
            return true;
    return false;
}

/* One value against one key. */

static bool glob_matches(struct matching *matching, struct text key, struct text value, bool fold)
{
    struct text wild[CAPTURES - 1] = {{0}};
    struct sieve_run *run = matching->run;
    if (!run_work(run, matching->node, value.length * (key.length / 8 + 1)) ||
        !matches_glob(key, value, fold, wild))
        return false;
    run->captures[0] = arena_copy(run->arena, value);
    for (unsigned i = 1; i < CAPTURES; i++)
        run->captures[i] = arena_copy(run->arena, wild[i - 1]);
    return true;
}

static bool key_matches(struct matching *matching, struct text key, struct text value)
{
    const struct sieve_node *node = matching->node;
    enum comparator comparator = comparator_of(node);
    if (!run_work(matching->run, node, value.length + key.length))
        return false;
    if (node_has(node, TAG_REGEX))
        return regex_matches(matching, key, value);
    if (comparator == BY_UNICODE) {
        key = unicode_form(key, matching->run->arena);
        value = unicode_form(value, matching->run->arena);
    }
    bool fold = comparator == BY_CASEMAP;
    if (node_has(node, TAG_MATCHES))
        return glob_matches(matching, key, value, fold);
    if (node_has(node, TAG_CONTAINS))
        return run_work(matching->run, node, value.length * (key.length / 64 + 1)) &&
               contains(value, key, fold);
    if (node_has(node, TAG_VALUE))
        return relation_holds(relation_of(node_relation(node)), compare(comparator, value, key));
    return compare(comparator, value, key) == 0;
}

void match_begin(struct matching *matching, struct sieve_run *run, const struct sieve_node *node,
                 const struct sieve_argument *keys)
{
    *matching = (struct matching){.run = run,
                                  .node = node,
                                  .keys = argument_list(run, keys),
                                  .key_count = keys->string_count};
}

bool match_value(struct matching *matching, struct text value)
{
    matching->values++;
    if (node_has(matching->node, TAG_COUNT))
        return false;
    for (unsigned i = 0; i < matching->key_count && !matching->holds && !matching->run->failed; i++)
        matching->holds = key_matches(matching, matching->keys[i], value);
    return matching->holds || matching->run->failed;
}

bool match_end(struct matching *matching)
{
    const struct sieve_node *node = matching->node;
    if (node_has(node, TAG_COUNT)) {
        struct text count =
            arena_printf(matching->run->arena, "%llu", (unsigned long long)matching->values);
        enum comparator comparator = comparator_of(node);
        for (unsigned i = 0; i < matching->key_count && !matching->holds; i++)
            matching->holds = relation_holds(relation_of(node_relation(node)),
                                             compare(comparator, count, matching->keys[i]));
    }
    return matching->holds;
}
