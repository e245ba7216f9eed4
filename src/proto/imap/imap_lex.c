#include "proto/imap/imap_lex.h"

#include <string.h>

#include "base/memory.h"

/* More than this is not passed over: the session ends instead (RFC 7888 4). */
enum { SKIP_MOST = 64 << 20 };

void imap_lex_begin(struct imap_lex *lex, struct line_session *line, size_t budget)
{
    *lex = (struct imap_lex){.line = line, .rest = line->line, .budget = budget};
}

void imap_lex_begin_text(struct imap_lex *lex, struct line_session *line, struct text text)
{
    *lex = (struct imap_lex){.line = line, .rest = text, .is_alone = true};
}

void imap_lex_fail(struct imap_lex *lex, const char *error)
{
    if (lex->error == NULL)
        lex->error = error;
}

bool imap_lex_end(struct imap_lex *lex)
{
    if (lex->error == NULL && lex->rest.length > 0)
        imap_lex_fail(lex, "Something follows the last argument");
    return lex->error == NULL;
}

bool imap_is_atom_char(char byte)
{
    return (unsigned char)byte > 32 && (unsigned char)byte < 127 &&
           strchr("(){%*\"\\]", byte) == NULL;
}

bool imap_is_astring_char(char byte)
{
    return byte == ']' || imap_is_atom_char(byte);
}

static bool is_list_char(char byte)
{
    return byte == '%' || byte == '*' || imap_is_astring_char(byte);
}

static bool is_tag_char(char byte)
{
    return byte != '+' && imap_is_astring_char(byte);
}

static struct text take_run(struct imap_lex *lex, bool (*is_one)(char byte))
{
    size_t length = 0;
    while (length < lex->rest.length && is_one(lex->rest.data[length]))
        length++;
    struct text run = text_head(lex->rest, length);
    lex->rest = text_from_position(lex->rest, length);
    return run;
}

bool imap_lex_command(struct imap_lex *lex, struct text *tag, struct text *verb)
{
    *tag = take_run(lex, is_tag_char);
    *verb = TEXT("");
    if (tag->length == 0 || imap_lex_peek(lex) != ' ')
        return false;
    imap_lex_take(lex, ' ');
    *verb = take_run(lex, imap_is_atom_char);
    return true;
}

char imap_lex_peek(const struct imap_lex *lex)
{
    return lex->error != NULL || lex->rest.length == 0 ? '\0' : lex->rest.data[0];
}

bool imap_lex_take(struct imap_lex *lex, char byte)
{
    if (imap_lex_peek(lex) != byte)
        return false;
    lex->rest = text_from_position(lex->rest, 1);
    return true;
}

void imap_lex_expect(struct imap_lex *lex, char byte)
{
    if (!imap_lex_take(lex, byte))
        imap_lex_fail(lex, byte == ' '   ? "A space and an argument are missing"
                           : byte == '(' ? "A list in parentheses is missing"
                           : byte == ')' ? "A closing parenthesis is missing"
                                         : "The arguments are malformed");
}

void imap_lex_space(struct imap_lex *lex)
{
    imap_lex_expect(lex, ' ');
}

bool imap_lex_more(struct imap_lex *lex)
{
    return lex->error == NULL && lex->rest.length > 1 && imap_lex_take(lex, ' ');
}

bool imap_lex_word(struct imap_lex *lex, const char *word)
{
    struct text wanted = text_from(word);
    if (lex->error != NULL || !text_starts_with_nocase(lex->rest, wanted))
        return false;
    struct text after = text_from_position(lex->rest, wanted.length);
    if (after.length > 0 && imap_is_atom_char(after.data[0]))
        return false;
    lex->rest = after;
    return true;
}

struct text imap_lex_run(struct imap_lex *lex, bool (*is_one)(char byte), const char *what)
{
    struct text run = lex->error != NULL ? TEXT("") : take_run(lex, is_one);
    if (run.length == 0)
        imap_lex_fail(lex, what);
    return run;
}

struct text imap_lex_atom(struct imap_lex *lex)
{
    return imap_lex_run(lex, imap_is_atom_char, "A word is missing");
}

/* Literals */

/* Read "{12+}" at the very end of the line. at: where it begins. */
static bool find_literal(struct text line, struct imap_literal *out, size_t *at)
{
    size_t brace = text_find_last(line, '{');
    if (line.length < 3 || line.data[line.length - 1] != '}' || brace == line.length)
        return false;
    struct text inside = text_of(line.data + brace + 1, line.length - brace - 2);
    *out = (struct imap_literal){.waits = true};
    if (inside.length > 0 && inside.data[inside.length - 1] == '+') {
        out->waits = false;
        inside.length--;
    }
    out->is_binary = brace > 0 && line.data[brace - 1] == '~';
    *at = brace - out->is_binary;
    return text_to_u64(inside, &out->bytes);
}

bool imap_lex_literal_head(struct imap_lex *lex, struct imap_literal *out)
{
    size_t at;
    if (lex->error == NULL && !lex->is_alone && find_literal(lex->rest, out, &at) && at == 0)
        return true;
    imap_lex_fail(lex, "A literal is missing");
    return false;
}

void imap_lex_literal_go(struct imap_lex *lex, const struct imap_literal *literal)
{
    lex->rest = TEXT("");
    if (literal->waits)
        stream_write(lex->line->stream, TEXT("+ Ready\r\n"));
}

struct text imap_lex_literal_some(struct imap_lex *lex, uint64_t left)
{
    struct stream *stream = lex->line->stream;
    while (!lex->ended && left > 0) {
        struct text some = stream_buffered(stream);
        if (some.length > left)
            some.length = (size_t)left;
        if (some.length > 0) {
            stream_consume(stream, some.length);
            return some;
        }
        lex->ended = line_fill(lex->line) != OK;
    }
    return TEXT("");
}

void imap_lex_literal_done(struct imap_lex *lex)
{
    enum status status = lex->ended ? TRY_LATER : line_read(lex->line, &lex->rest);
    if (status == OK)
        return;
    lex->rest = TEXT("");
    imap_lex_fail(lex, "The command does not go on behind the literal");
    lex->ended = true;
    /* Where the next command begins can't be known. */
    if (status == REFUSED)
        lex->line->ended = true;
}

/* A literal into the command's arena. */
static struct text take_literal(struct imap_lex *lex, bool may_be_binary)
{
    struct imap_literal literal;
    if (!imap_lex_literal_head(lex, &literal))
        return TEXT("");
    bool is_misplaced = literal.is_binary && !may_be_binary;
    if (is_misplaced || literal.bytes > lex->budget) {
        imap_lex_fail(lex, is_misplaced ? "A binary literal can't stand here"
                                        : "The literals are too long");
        return TEXT("");
    }
    if (memory_ask(MEMORY_FOR_COMMAND, (size_t)literal.bytes) != OK) {
        lex->is_later = lex->error == NULL;
        imap_lex_fail(lex, "No memory for the literal at the moment");
        return TEXT("");
    }
    lex->budget -= (size_t)literal.bytes;
    imap_lex_literal_go(lex, &literal);
    char *bytes = arena_alloc(&lex->line->arena, (size_t)literal.bytes + 1);
    size_t length = 0;
    while (length < literal.bytes) {
        struct text some = imap_lex_literal_some(lex, literal.bytes - length);
        if (some.length == 0)
            break;
        memcpy(bytes + length, some.data, some.length);
        length += some.length;
    }
    imap_lex_literal_done(lex);
    /* RFC 9051 9, CHAR8: any byte but NUL. */
    if (!literal.is_binary && memchr(bytes, '\0', length) != NULL)
        imap_lex_fail(lex, "A literal holds NUL");
    return lex->error == NULL ? text_of(bytes, length) : TEXT("");
}

void imap_lex_skip(struct imap_lex *lex)
{
    struct imap_literal literal;
    size_t at;
    uint64_t skipped = 0;
    while (!lex->ended && find_literal(lex->rest, &literal, &at) && !literal.waits) {
        skipped += literal.bytes;
        if (skipped > SKIP_MOST || literal.bytes > SKIP_MOST) {
            lex->ended = lex->line->ended = true;
            return;
        }
        for (uint64_t left = literal.bytes; left > 0;) {
            struct text some = imap_lex_literal_some(lex, left);
            if (some.length == 0)
                return;
            left -= some.length;
        }
        imap_lex_literal_done(lex);
    }
}

/* Strings */

/* After the opening quote. Borrowed where nothing is escaped. */
static struct text take_quoted(struct imap_lex *lex)
{
    struct text in = lex->rest;
    size_t end = 0, escapes = 0;
    while (end < in.length && in.data[end] != '"') {
        if (in.data[end] == '\\') {
            if (++end == in.length || (in.data[end] != '"' && in.data[end] != '\\'))
                break;
            escapes++;
        }
        end++;
    }
    if (end >= in.length || in.data[end] != '"') {
        imap_lex_fail(lex, "A quoted string does not end, or escapes what needs no escape");
        return TEXT("");
    }
    lex->rest = text_from_position(in, end + 1);
    if (escapes == 0)
        return text_head(in, end);
    char *out = arena_alloc(&lex->line->arena, end + 1);
    size_t length = 0;
    for (size_t i = 0; i < end; i++) {
        i += in.data[i] == '\\';
        out[length++] = in.data[i];
    }
    return text_of(out, length);
}

struct text imap_lex_string(struct imap_lex *lex)
{
    if (imap_lex_take(lex, '"'))
        return take_quoted(lex);
    if (imap_lex_peek(lex) == '{' || imap_lex_peek(lex) == '~')
        return take_literal(lex, false);
    imap_lex_fail(lex, "A string is missing");
    return TEXT("");
}

static bool is_string_next(const struct imap_lex *lex)
{
    char next = imap_lex_peek(lex);
    return next == '"' || next == '{';
}

struct text imap_lex_astring(struct imap_lex *lex)
{
    if (is_string_next(lex))
        return imap_lex_string(lex);
    return imap_lex_run(lex, imap_is_astring_char, "An argument is missing");
}

/* NIL gives a text whose data is NULL. */
static struct text take_nstring(struct imap_lex *lex)
{
    if (imap_lex_word(lex, "NIL"))
        return (struct text){NULL, 0};
    return imap_lex_string(lex);
}

struct text imap_lex_nstring8(struct imap_lex *lex)
{
    return imap_lex_peek(lex) == '~' ? take_literal(lex, true) : take_nstring(lex);
}

struct text imap_lex_list_mailbox(struct imap_lex *lex)
{
    if (is_string_next(lex))
        return imap_lex_string(lex);
    return imap_lex_run(lex, is_list_char, "A mailbox pattern is missing");
}

void imap_lex_id(struct imap_lex *lex)
{
    imap_lex_space(lex);
    if (imap_lex_word(lex, "NIL"))
        return;
    imap_lex_expect(lex, '(');
    for (unsigned i = 0; lex->error == NULL && !imap_lex_take(lex, ')'); i++) {
        if (i > 0)
            imap_lex_space(lex);
        imap_lex_string(lex);
        imap_lex_space(lex);
        take_nstring(lex);
    }
}

/* Numbers */

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

uint32_t imap_lex_number(struct imap_lex *lex)
{
    uint32_t number = 0;
    struct text digits = imap_lex_run(lex, is_digit, "A number is missing");
    if (lex->error == NULL && !text_to_u32(digits, &number))
        imap_lex_fail(lex, "A number is too large");
    return number;
}

uint32_t imap_lex_nonzero(struct imap_lex *lex)
{
    uint32_t number = imap_lex_number(lex);
    if (number == 0)
        imap_lex_fail(lex, "A number must not be 0");
    return number;
}

uint64_t imap_lex_number64(struct imap_lex *lex)
{
    uint64_t number = 0;
    struct text digits = imap_lex_run(lex, is_digit, "A number is missing");
    if (lex->error == NULL && (!text_to_u64(digits, &number) || number > INT64_MAX))
        imap_lex_fail(lex, "A number is too large");
    return number;
}

/* Faults of the line */

void imap_say_fault(struct line_session *line, enum line_fault fault)
{
    static const char *const texts[] = {
        [LINE_TOO_LONG] = "The line is too long",
        [LINE_BAD_BYTES] = "A line ends with CRLF and holds no control bytes",
        [LINE_MANY_ERRORS] = "Too many errors",
        [LINE_SILENT] = "Nothing heard for too long",
        [LINE_TOO_OLD] = "The session took too long",
        [LINE_SHUTTING_DOWN] = "[UNAVAILABLE] Shutting down, come back soon",
    };
    stream_printf(line->stream, "* BYE %s\r\n", texts[fault]);
    line->ended = true;
}
