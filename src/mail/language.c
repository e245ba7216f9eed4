#include "mail/language.h"

#include <string.h>

enum { SUBTAG_MAX = 8 };

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool subtag_is_valid(struct text subtag, bool is_first)
{
    for (size_t i = 0; i < subtag.length; i++)
        if (!is_letter(subtag.data[i]) && (is_first || !is_digit(subtag.data[i])))
            return false;
    return subtag.length >= 1 && subtag.length <= SUBTAG_MAX;
}

bool language_tag_is_valid(struct text tag)
{
    struct text rest = tag, subtag;
    bool is_first = true;
    if (tag.length > LANGUAGE_TAG_MAX || text_is_empty(tag) || tag.data[tag.length - 1] == '-')
        return false;
    while (text_split(&rest, '-', &subtag)) {
        if (!subtag_is_valid(subtag, is_first))
            return false;
        is_first = false;
    }
    return true;
}

bool language_shorten(struct text *range)
{
    size_t dash = text_find_last(*range, '-');
    if (dash == range->length)
        return false;
    *range = text_head(*range, dash);
    /* A subtag of one letter says what kind the next is, and means nothing at the end. */
    dash = text_find_last(*range, '-');
    if (dash < range->length && range->length - dash == 2)
        *range = text_head(*range, dash);
    return true;
}

/* ---- Reading a field ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Past a comment, which may hold others. False: it does not end. */
static bool skip_comment(struct text *rest)
{
    unsigned depth = 0;
    for (size_t i = 0; i < rest->length; i++) {
        char c = rest->data[i];
        if (c == '\\')
            i++;
        else if (c == '(')
            depth++;
        else if (c == ')' && --depth == 0) {
            *rest = text_from_position(*rest, i + 1);
            return true;
        }
    }
    return false;
}

/* Past white space and comments. */
static bool skip_space(struct text *rest)
{
    while (rest->length > 0 && (is_blank(rest->data[0]) || rest->data[0] == '(')) {
        if (rest->data[0] != '(')
            *rest = text_from_position(*rest, 1);
        else if (!skip_comment(rest))
            return false;
    }
    return true;
}

/* White space, c, white space. */
static bool take(struct text *rest, char c)
{
    if (!skip_space(rest) || rest->length == 0 || rest->data[0] != c)
        return false;
    *rest = text_from_position(*rest, 1);
    return skip_space(rest);
}

static struct text take_run(struct text *rest, const char *others)
{
    size_t length = 0;
    while (length < rest->length &&
           (is_letter(rest->data[length]) || is_digit(rest->data[length]) ||
            (rest->data[length] != '\0' && strchr(others, rest->data[length]) != NULL)))
        length++;
    struct text run = text_head(*rest, length);
    *rest = text_from_position(*rest, length);
    return run;
}

/* RFC 9110 12.4.2: 0 to 1 with up to three digits behind the dot. */
static bool read_weight(struct text word, unsigned *out)
{
    struct text whole = text_before(word, '.'), part = text_after(word, '.');
    if (whole.length != 1 || part.length > 3 || (whole.data[0] != '0' && whole.data[0] != '1'))
        return false;
    unsigned value = (unsigned)(whole.data[0] - '0');
    for (size_t i = 0; i < 3; i++) {
        if (i < part.length && !is_digit(part.data[i]))
            return false;
        value = value * 10 + (i < part.length ? (unsigned)(part.data[i] - '0') : 0);
    }
    *out = value;
    return value <= LANGUAGE_WEIGHT_MAX;
}

static bool read_range(struct text *rest, struct language_range *out)
{
    *out = (struct language_range){.tag = take_run(rest, "-*"), .weight = LANGUAGE_WEIGHT_MAX};
    if (!text_equals(out->tag, TEXT("*")) && !language_tag_is_valid(out->tag))
        return false;
    if (!take(rest, ';'))
        return true;
    struct text name = take_run(rest, "");
    return text_equals_nocase(name, TEXT("q")) && take(rest, '=') &&
           read_weight(take_run(rest, "."), &out->weight);
}

/* Behind all that weigh as much or more. */
static void insert(struct language_range *out, unsigned count, const struct language_range *range)
{
    unsigned at = count;
    while (at > 0 && out[at - 1].weight < range->weight)
        at--;
    memmove(&out[at + 1], &out[at], (count - at) * sizeof(*out));
    out[at] = *range;
}

unsigned language_list_parse(struct text body, struct language_range out[LANGUAGE_LIST_MAX])
{
    struct text rest = body;
    unsigned count = 0;
    if (body.length > LANGUAGE_FIELD_MAX || !skip_space(&rest))
        return 0;
    for (unsigned seen = 0; seen < LANGUAGE_LIST_MAX; seen++) {
        struct language_range range;
        if (!read_range(&rest, &range) || !skip_space(&rest))
            return 0;
        if (range.weight > 0)
            insert(out, count++, &range);
        if (rest.length == 0)
            return count;
        if (!take(&rest, ','))
            return 0;
    }
    return count;
}
