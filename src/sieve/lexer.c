#include "sieve/lexer.h"

#include "base/buffer.h"
#include "base/encoding.h"

void sieve_lexer_init(struct sieve_lexer *lexer, struct text source, struct arena *arena)
{
    *lexer = (struct sieve_lexer){.source = source, .line = 1, .arena = arena};
}

static bool at_end(const struct sieve_lexer *lexer)
{
    return lexer->position >= lexer->source.length;
}

/* NUL at the end, which no script may hold. */
static char peek(const struct sieve_lexer *lexer, size_t ahead)
{
    size_t at = lexer->position + ahead;
    return at < lexer->source.length ? lexer->source.data[at] : '\0';
}

static char take(struct sieve_lexer *lexer)
{
    char c = lexer->source.data[lexer->position++];
    if (c == '\n') {
        lexer->line++;
        lexer->line_start = lexer->position;
    }
    return c;
}

static void bad(struct sieve_token *out, struct text why)
{
    out->kind = TOKEN_BAD;
    out->text = why;
}

static void skip_line(struct sieve_lexer *lexer)
{
    while (!at_end(lexer) && take(lexer) != '\n')
        continue;
}

/* White space and comments. False: a comment is not closed. */
static bool skip_blanks(struct sieve_lexer *lexer)
{
    while (!at_end(lexer)) {
        char c = peek(lexer, 0);
        if (c == '#') {
            skip_line(lexer);
        } else if (c == '/' && peek(lexer, 1) == '*') {
            size_t end =
                text_find_text(text_from_position(lexer->source, lexer->position + 2), TEXT("*/"));
            size_t stop = lexer->position + 2 + end + 2;
            if (stop > lexer->source.length)
                return false;
            while (lexer->position < stop)
                take(lexer);
        } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            take(lexer);
        } else {
            return true;
        }
    }
    return true;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void take_word(struct sieve_lexer *lexer, struct sieve_token *out)
{
    size_t start = lexer->position;
    if (peek(lexer, 0) == ':')
        lexer->position++;
    while (is_letter(peek(lexer, 0)) || is_digit(peek(lexer, 0)))
        lexer->position++;
    out->text = text_of(lexer->source.data + start, lexer->position - start);
}

/* RFC 5228 2.4.1: K, M and G multiply. */
static void take_number(struct sieve_lexer *lexer, struct sieve_token *out)
{
    out->kind = TOKEN_NUMBER;
    while (is_digit(peek(lexer, 0))) {
        out->number = out->number * 10 + (uint64_t)(take(lexer) - '0');
        if (out->number > UINT32_MAX) {
            bad(out, TEXT("the number is too large"));
            return;
        }
    }
    switch (peek(lexer, 0) | 0x20) {
    case 'k':
        out->number <<= 10;
        break;
    case 'm':
        out->number <<= 20;
        break;
    case 'g':
        out->number <<= 30;
        break;
    default:
        return;
    }
    take(lexer);
}

/* Files on this system end lines with LF; in strings a line ends as in mail. */
static void append(struct buffer *out, char c)
{
    bool bare = c == '\n' && (out->length == 0 || out->data[out->length - 1] != '\r');
    if (bare)
        buffer_append_byte(out, '\r');
    buffer_append_byte(out, c);
}

static void take_quoted(struct sieve_lexer *lexer, struct sieve_token *out, struct buffer *string)
{
    take(lexer);
    while (!at_end(lexer)) {
        char c = take(lexer);
        if (c == '"') {
            out->kind = TOKEN_STRING;
            return;
        }
        if (c == '\\' && !at_end(lexer))
            c = take(lexer);
        append(string, c);
    }
    bad(out, TEXT("the string that begins here has no end"));
}

/* RFC 5228 2.4.2.1: "text:", lines, and a dot alone. Dots at the start of a line are doubled. */
static void take_lines(struct sieve_lexer *lexer, struct sieve_token *out, struct buffer *string)
{
    while (peek(lexer, 0) == ' ' || peek(lexer, 0) == '\t')
        take(lexer);
    if (peek(lexer, 0) == '#')
        skip_line(lexer);
    else if (peek(lexer, 0) == '\n' || (peek(lexer, 0) == '\r' && peek(lexer, 1) == '\n'))
        skip_line(lexer);
    else {
        bad(out, TEXT("behind text: the line must end"));
        return;
    }
    while (!at_end(lexer)) {
        if (peek(lexer, 0) == '.') {
            take(lexer);
            bool ends = at_end(lexer) || peek(lexer, 0) == '\n' ||
                        (peek(lexer, 0) == '\r' && peek(lexer, 1) == '\n');
            if (ends) {
                skip_line(lexer);
                out->kind = TOKEN_STRING;
                return;
            }
        }
        char c = '\0';
        while (!at_end(lexer) && c != '\n')
            append(string, c = take(lexer));
    }
    bad(out, TEXT("the text: that begins here has no line with a dot alone"));
}

static void finish_string(struct sieve_lexer *lexer, struct sieve_token *out, struct buffer *string)
{
    struct text text = buffer_text(string);
    if (out->kind == TOKEN_STRING && !utf8_is_valid(text))
        bad(out, TEXT("the string is not UTF-8"));
    else if (out->kind == TOKEN_STRING)
        out->text = arena_copy(lexer->arena, text);
    buffer_finish(string);
}

static void take_string(struct sieve_lexer *lexer, struct sieve_token *out,
                        void (*take_it)(struct sieve_lexer *, struct sieve_token *,
                                        struct buffer *))
{
    struct buffer string;
    buffer_init(&string, 2 * lexer->source.length + 2);
    take_it(lexer, out, &string);
    finish_string(lexer, out, &string);
}

void sieve_lexer_next(struct sieve_lexer *lexer, struct sieve_token *out)
{
    *out = (struct sieve_token){.kind = TOKEN_END};
    bool closed = skip_blanks(lexer);
    out->line = lexer->line;
    out->column = (unsigned)(lexer->position - lexer->line_start) + 1;
    char c = peek(lexer, 0);
    if (!closed) {
        bad(out, TEXT("the comment that begins here has no end"));
    } else if (at_end(lexer)) {
        return;
    } else if (c == '"') {
        take_string(lexer, out, take_quoted);
    } else if (is_digit(c)) {
        take_number(lexer, out);
    } else if (is_letter(c) || (c == ':' && is_letter(peek(lexer, 1)))) {
        out->kind = c == ':' ? TOKEN_TAG : TOKEN_WORD;
        take_word(lexer, out);
        if (text_equals_nocase(out->text, TEXT("text")) && peek(lexer, 0) == ':') {
            take(lexer);
            take_string(lexer, out, take_lines);
        }
    } else if (c != '\0' && text_find(TEXT("{}()[],;"), c) < 8) {
        out->kind = TOKEN_MARK;
        out->mark = take(lexer);
    } else {
        bad(out, TEXT("this character has no place here"));
    }
}

/* The next number of "40 24", in hex: of a byte two digits, of a character any number of zeros
 * before what says which. False at the end; *malformed when it is none. */
static bool take_hex(struct text *rest, bool is_unicode, uint32_t *value, bool *malformed)
{
    size_t digits_most = is_unicode ? 6 : 2;
    struct text word;
    *value = 0;
    *rest = text_trim(*rest);
    if (!text_word(rest, &word))
        return false;
    while (is_unicode && word.length > digits_most && word.data[0] == '0')
        word = text_from_position(word, 1);
    *malformed = word.length > digits_most;
    for (size_t i = 0; i < word.length && !*malformed; i++) {
        int digit = hex_digit_value(word.data[i]);
        *malformed = digit < 0;
        *value = *value * 16 + (uint32_t)digit;
    }
    return !*malformed;
}

/* What stands between "${hex:" or "${unicode:" and "}". False: it is not of this form, and stays
 * as it is. */
static bool decode_codes(struct text codes, bool is_unicode, struct buffer *out, bool *is_wrong)
{
    uint32_t value;
    bool malformed = false, any = false;
    size_t before = out->length;
    while (take_hex(&codes, is_unicode, &value, &malformed)) {
        any = true;
        bool good = is_unicode ? utf8_append(out, value) : buffer_append_byte(out, (char)value);
        *is_wrong = *is_wrong || !good;
    }
    if (any && !malformed)
        return true;
    buffer_cut(out, before);
    return false;
}

bool sieve_characters_decode(struct text string, struct arena *arena, struct text *out)
{
    struct buffer decoded;
    bool is_wrong = false;
    buffer_init(&decoded, 4 * string.length + 4);
    while (!text_is_empty(string)) {
        bool is_hex = text_starts_with_nocase(string, TEXT("${hex:"));
        bool is_unicode = text_starts_with_nocase(string, TEXT("${unicode:"));
        struct text codes = text_from_position(string, is_hex ? 6 : 10);
        size_t end = text_find(codes, '}');
        if ((is_hex || is_unicode) && end < codes.length &&
            decode_codes(text_head(codes, end), is_unicode, &decoded, &is_wrong)) {
            string = text_from_position(codes, end + 1);
            continue;
        }
        buffer_append_byte(&decoded, string.data[0]);
        string = text_from_position(string, 1);
    }
    *out = arena_copy(arena, buffer_text(&decoded));
    buffer_finish(&decoded);
    return !is_wrong && utf8_is_valid(*out);
}
