/* How facts stand in a report. No control byte passes, so a fact can neither end a line nor begin
 * one; lengths are limited, so no line is longer than 998 bytes. */
#include "mail/report_write.h"

#include <string.h>

#include "base/encoding.h"
#include "mail/body_scan.h"
#include "mail/words.h"

enum {
    SOFT_LINE = 76,
    MOST_WORD = 400,
    MOST_FOLDED = 2000,
    MOST_WRITTEN_ADDRESS = 900,
    MOST_NAME = 200
};

/* At most length bytes, not ending inside a UTF-8 sequence. */
static struct text head_of(struct text text, size_t length)
{
    if (text.length <= length)
        return text;
    while (length > 0 && ((unsigned char)text.data[length] & 0xc0) == 0x80)
        length--;
    return text_head(text, length);
}

/* What a byte is written as; 8-bit bytes only where they are well-formed UTF-8 and allowed. */
static char clean_byte(char c, bool allow_8bit)
{
    unsigned char byte = (unsigned char)c;
    if (byte < 32 || byte == 127 || (byte >= 0x80 && !allow_8bit))
        return '?';
    return c;
}

void report_put_clean(struct buffer *out, struct text value, bool is_international)
{
    value = head_of(value, REPORT_VALUE_MAX);
    bool allow_8bit = is_international && utf8_is_valid(value);
    for (size_t i = 0; i < value.length; i++)
        buffer_append_byte(out, clean_byte(value.data[i], allow_8bit));
}

void report_put_own_host(struct buffer *out, struct text host)
{
    report_put_clean(out, host.length > 0 ? host : TEXT("localhost"), false);
}

/* Take the next word, or the part of it that a line can hold, off *rest. */
static bool take_word(struct text *rest, struct text *word)
{
    size_t start = 0, length = 0;
    while (start < rest->length && (unsigned char)rest->data[start] <= 32)
        start++;
    struct text from = text_from_position(*rest, start);
    while (length < from.length && (unsigned char)from.data[length] > 32)
        length++;
    /* Malformed UTF-8 may be one run of continuation bytes: cut it anywhere then. */
    *word = head_of(text_head(from, length), MOST_WORD);
    if (word->length == 0)
        *word = text_head(text_head(from, length), MOST_WORD);
    *rest = text_from_position(from, word->length);
    return word->length > 0;
}

void report_put_folded(struct buffer *out, size_t column, const char *indent, struct text value,
                       bool is_international)
{
    struct text cut = head_of(value, MOST_FOLDED), rest = cut, word;
    bool allow_8bit = is_international && utf8_is_valid(cut), first = true;
    while (take_word(&rest, &word)) {
        if (!first && column + 1 + word.length > SOFT_LINE) {
            buffer_printf(out, "\r\n%s", indent);
            column = strlen(indent);
        } else if (!first) {
            buffer_append_byte(out, ' ');
            column++;
        }
        for (size_t i = 0; i < word.length; i++)
            buffer_append_byte(out, clean_byte(word.data[i], allow_8bit));
        column += word.length;
        first = false;
    }
    if (cut.length < value.length)
        buffer_append(out, TEXT(" [...]"));
}

void report_put_line(struct buffer *out, const char *name, struct text value)
{
    value = head_of(value, REPORT_LINE_MAX);
    buffer_printf(out, "%s: ", name);
    if (body_has_8bit(value))
        mail_words_encode(value, strlen(name) + 2, out);
    else
        report_put_folded(out, strlen(name) + 2, " ", value, false);
    buffer_append(out, TEXT("\r\n"));
}

/* RFC 5322 3.2.3: atoms and spaces alone. */
static bool is_plain_phrase(struct text name)
{
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != ' ' && c != '-')
            return false;
    }
    return name.length > 0;
}

void report_put_author_name(struct buffer *out, struct text name)
{
    name = head_of(name, MOST_NAME);
    if (body_has_8bit(name)) {
        mail_words_encode(name, sizeof("From: ") - 1, out);
    } else if (is_plain_phrase(name)) {
        buffer_append(out, name);
    } else {
        buffer_append_byte(out, '"');
        for (size_t i = 0; i < name.length; i++) {
            if (name.data[i] == '"' || name.data[i] == '\\')
                buffer_append_byte(out, '\\');
            buffer_append_byte(out, clean_byte(name.data[i], false));
        }
        buffer_append_byte(out, '"');
    }
}

/* The character at *i of well-formed UTF-8; *i moves past it. */
static unsigned next_character(struct text text, size_t *i)
{
    unsigned first = (unsigned char)text.data[(*i)++];
    if (first < 0x80)
        return first;
    unsigned value = first & (first < 0xe0 ? 0x1f : first < 0xf0 ? 0x0f : 0x07);
    while (*i < text.length && ((unsigned char)text.data[*i] & 0xc0) == 0x80)
        value = value << 6 | ((unsigned char)text.data[(*i)++] & 0x3f);
    return value;
}

/* RFC 6533 3: utf-8-addr-xtext, for what must be ASCII. */
static void put_escaped_address(struct buffer *out, struct text address)
{
    size_t begin = out->length;
    for (size_t i = 0; i < address.length && out->length - begin < MOST_WRITTEN_ADDRESS;) {
        unsigned c = next_character(address, &i);
        if (c > 32 && c < 127 && strchr("+=\\", (int)c) == NULL)
            buffer_append_byte(out, (char)c);
        else
            buffer_printf(out, "\\x{%02X}", c);
    }
}

void report_put_address(struct buffer *out, const char *name, struct text address,
                        bool is_international)
{
    struct text cut = head_of(address, REPORT_VALUE_MAX);
    bool is_utf8 = body_has_8bit(cut) && utf8_is_valid(cut);
    buffer_printf(out, "%s: %s; ", name, is_utf8 ? "utf-8" : "rfc822");
    if (is_utf8 && !is_international)
        put_escaped_address(out, cut);
    else
        report_put_clean(out, cut, is_international);
    buffer_append(out, TEXT("\r\n"));
}
