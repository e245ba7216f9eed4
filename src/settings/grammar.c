#include "settings/grammar.h"

#include <string.h>

#include "base/array.h"
#include "base/encoding.h"

enum { DISTANCE_WORD_MAX = 32, FAR = 1000 };

bool setting_line_next(struct text *rest, struct text *line)
{
    if (!text_split(rest, '\n', line))
        return false;
    if (line->length > 0 && line->data[line->length - 1] == '\r')
        line->length--;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_control(char c)
{
    return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

static bool flawed(struct setting_flaw *flaw, const char *reason, size_t from, size_t to)
{
    *flaw = (struct setting_flaw){reason, (uint32_t)from + 1, (uint32_t)(to - from)};
    return false;
}

static bool line_is_sound(struct text line, struct setting_flaw *flaw)
{
    if (line.length > SETTING_LINE_MAX)
        return flawed(flaw, "this line is longer than 64 KiB", 0, 1);
    for (size_t i = 0; i < line.length; i++) {
        if (is_control(line.data[i]))
            return flawed(flaw, "there is a control character here", i, i + 1);
    }
    if (!utf8_is_valid(line))
        return flawed(flaw, "this line is not UTF-8", 0, 1);
    return true;
}

/* *at is on the opening quote; leaves it behind the closing one. */
static bool split_quoted(struct text line, size_t *at, struct arena *arena,
                         struct setting_word *word, struct setting_flaw *flaw)
{
    size_t start = *at, end = start + 1;
    bool escapes = false;
    while (end < line.length && line.data[end] != '"') {
        bool escape = line.data[end] == '\\' && end + 1 < line.length &&
                      (line.data[end + 1] == '"' || line.data[end + 1] == '\\');
        escapes |= escape;
        end += escape ? 2 : 1;
    }
    if (end >= line.length)
        return flawed(flaw, "this quote is not closed", start, line.length);
    struct text inside = text_of(line.data + start + 1, end - start - 1);
    if (escapes) {
        char *plain = arena_alloc(arena, inside.length);
        size_t length = 0;
        for (size_t i = 0; i < inside.length; i++) {
            bool escape = inside.data[i] == '\\' && i + 1 < inside.length &&
                          (inside.data[i + 1] == '"' || inside.data[i + 1] == '\\');
            i += escape;
            plain[length++] = inside.data[i];
        }
        inside = text_of(plain, length);
    }
    *at = end + 1;
    *word = (struct setting_word){.text = inside,
                                  .column = (uint32_t)start + 1,
                                  .length = (uint32_t)(*at - start),
                                  .quoted = true};
    if (*at < line.length && !is_blank(line.data[*at]) && line.data[*at] != '#')
        return flawed(flaw, "a space is missing behind this quote", start, *at);
    return true;
}

static bool split_plain(struct text line, size_t *at, struct setting_word *word,
                        struct setting_flaw *flaw)
{
    size_t start = *at, end = start;
    while (end < line.length && !is_blank(line.data[end]) && line.data[end] != '#') {
        if (line.data[end] == '"')
            return flawed(flaw, "a space is missing before this quote", end, end + 1);
        end++;
    }
    struct text text = text_of(line.data + start, end - start);
    *at = end;
    *word = (struct setting_word){
        .text = text, .column = (uint32_t)start + 1, .length = (uint32_t)text.length};
    if (text.length == 1)
        return true;
    size_t brace = text_find(text, '{') < text.length ? text_find(text, '{') : text_find(text, '}');
    if (brace < text.length)
        return flawed(flaw, "a brace stands alone, with a space before it", start + brace,
                      start + brace + 1);
    return true;
}

bool setting_line_split(struct text line, struct arena *arena, struct setting_words *out,
                        struct setting_flaw *flaw)
{
    *out = (struct setting_words){0};
    if (!line_is_sound(line, flaw))
        return false;
    for (size_t at = 0;;) {
        while (at < line.length && is_blank(line.data[at]))
            at++;
        if (at >= line.length || line.data[at] == '#')
            return true;
        out->words = arena_grow(arena, out->words, out->count, sizeof(*out->words));
        struct setting_word *word = &out->words[out->count++];
        bool good = line.data[at] == '"' ? split_quoted(line, &at, arena, word, flaw)
                                         : split_plain(line, &at, word, flaw);
        if (!good)
            return false;
    }
}

bool setting_word_is(const struct setting_word *word, const char *keyword)
{
    return !word->quoted && text_equals(word->text, text_from(keyword));
}

void setting_word_write(struct text value, bool quote, struct buffer *out)
{
    for (size_t i = 0; i < value.length && !quote; i++)
        quote = is_blank(value.data[i]) || strchr("\"#{}", value.data[i]) != NULL;
    if (!quote && value.length > 0) {
        buffer_append(out, value);
        return;
    }
    buffer_append_byte(out, '"');
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] == '"' || value.data[i] == '\\')
            buffer_append_byte(out, '\\');
        buffer_append_byte(out, value.data[i]);
    }
    buffer_append_byte(out, '"');
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned setting_word_distance(struct text a, struct text b)
{
    if (a.length > DISTANCE_WORD_MAX || b.length > DISTANCE_WORD_MAX)
        return FAR;
    /* Three rows of the usual table, in rotation. */
    unsigned rows[3][DISTANCE_WORD_MAX + 1];
    for (unsigned column = 0; column <= b.length; column++)
        rows[0][column] = column;
    for (unsigned i = 1; i <= a.length; i++) {
        unsigned *now = rows[i % 3], *above = rows[(i + 2) % 3], *twice = rows[(i + 1) % 3];
        now[0] = i;
        for (unsigned j = 1; j <= b.length; j++) {
            unsigned replaced = above[j - 1] + (a.data[i - 1] != b.data[j - 1]);
            now[j] = least(replaced, least(above[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1])
                now[j] = least(now[j], twice[j - 2] + 1);
        }
    }
    return rows[a.length % 3][b.length];
}
