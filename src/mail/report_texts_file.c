/* Reading the files: each error with its line and what to write in its place. */
#include "mail/report_texts_file.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "base/encoding.h"

static const char *const fact_names[REPORT_FACT_COUNT] = {
    [REPORT_FACT_HOST] = "host",       [REPORT_FACT_TO] = "to",
    [REPORT_FACT_SUBJECT] = "subject", [REPORT_FACT_ID] = "id",
    [REPORT_FACT_ARRIVED] = "arrived", [REPORT_FACT_RECIPIENT] = "recipient",
    [REPORT_FACT_STATUS] = "status",   [REPORT_FACT_REMOTE] = "remote",
    [REPORT_FACT_UNTIL] = "until"};

#define FACT(name) (1U << REPORT_FACT_##name)
enum {
    OF_MESSAGE = FACT(HOST) | FACT(TO) | FACT(SUBJECT) | FACT(ID) | FACT(ARRIVED),
    OF_RECIPIENT = OF_MESSAGE | FACT(RECIPIENT) | FACT(STATUS)
};

static const struct section {
    const char *name;
    unsigned facts; /* that may be in it */
    bool is_line;   /* one line, and not an empty one: it stands in the header */
} sections[REPORT_SAYS_COUNT] = {
    [REPORT_SAYS_FROM] = {"from", FACT(HOST), true},
    [REPORT_SAYS_SUBJECT] = {"subject failed", OF_MESSAGE, true},
    [REPORT_SAYS_SUBJECT + 1] = {"subject delayed", OF_MESSAGE, true},
    [REPORT_SAYS_SUBJECT + 2] = {"subject delivered", OF_MESSAGE, true},
    [REPORT_SAYS_SUBJECT + 3] = {"subject relayed", OF_MESSAGE, true},
    [REPORT_SAYS_SUBJECT + 4] = {"subject expanded", OF_MESSAGE, true},
    [REPORT_SAYS_OPENING] = {"opening", OF_MESSAGE, false},
    [REPORT_SAYS_ACTION] = {"failed", OF_MESSAGE, false},
    [REPORT_SAYS_ACTION + 1] = {"delayed", OF_MESSAGE, false},
    [REPORT_SAYS_ACTION + 2] = {"delivered", OF_MESSAGE, false},
    [REPORT_SAYS_ACTION + 3] = {"relayed", OF_MESSAGE, false},
    [REPORT_SAYS_ACTION + 4] = {"expanded", OF_MESSAGE, false},
    [REPORT_SAYS_ANSWERED] = {"answered", OF_RECIPIENT | FACT(REMOTE), false},
    [REPORT_SAYS_REASON] = {"reason", OF_RECIPIENT, false},
    [REPORT_SAYS_UNTIL] = {"until", OF_RECIPIENT | FACT(UNTIL), false},
    [REPORT_SAYS_LOST] = {"lost", OF_MESSAGE, false},
    [REPORT_SAYS_CLOSING] = {"closing", OF_MESSAGE, false},
};
static const struct section code_section = {"code", OF_RECIPIENT, false};

struct reading {
    struct text name;
    unsigned line;
    struct buffer *errors;
    unsigned error_count;
    struct arena *arena;
    struct report_texts *out;
    const struct section *section; /* NULL: before the first, or in one that is not known */
    struct text *into;             /* where its text goes */
    bool has_begun;                /* the first section has */
    unsigned section_line, held_empty, text_lines;
    struct buffer text;
};

static void complain(struct reading *reading, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void complain(struct reading *reading, unsigned line, const char *format, ...)
{
    char what[REASON_BYTES];
    va_list arguments;
    if (++reading->error_count > REPORT_TEXTS_ERRORS_MAX)
        return;
    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    buffer_printf(reading->errors, "%.*s:%u: %s\n", TEXT_ARG(reading->name), line, what);
}

/* A word of the file, fit for a message. */
static struct text shown(struct text word)
{
    return text_head(word, 60);
}

static void facts_of(const struct section *section, char out[200])
{
    size_t length = 0;
    for (unsigned fact = 0; fact < REPORT_FACT_COUNT; fact++)
        if ((section->facts & (1U << fact)) != 0)
            length += (size_t)snprintf(out + length, 200 - length, "%s{%s}", length > 0 ? " " : "",
                                       fact_names[fact]);
}

enum report_fact report_fact_find(struct text name)
{
    enum report_fact fact = 0;
    while (fact < REPORT_FACT_COUNT && !text_equals(name, text_from(fact_names[fact])))
        fact++;
    return fact;
}

static void check_placeholder(struct reading *reading, struct text name)
{
    enum report_fact fact = report_fact_find(name);
    char possible[200];
    if (fact < REPORT_FACT_COUNT && (reading->section->facts & (1U << fact)) != 0)
        return;
    facts_of(reading->section, possible);
    complain(reading, reading->line,
             fact < REPORT_FACT_COUNT ? "there is no {%.*s} in [%s] (possible are %s)"
                                      : "unknown placeholder {%.*s} in [%s] (possible are %s; a "
                                        "brace is written {{)",
             TEXT_ARG(shown(name)), reading->section->name, possible);
}

enum report_piece report_piece_next(struct text *rest, struct text *plain, struct text *name)
{
    size_t at = 0;
    while (at < rest->length && rest->data[at] != '{' && rest->data[at] != '}')
        at++;
    *plain = text_head(*rest, at);
    *rest = text_from_position(*rest, at);
    if (rest->length == 0)
        return REPORT_PIECE_END;
    if (rest->length > 1 && rest->data[1] == rest->data[0]) {
        *name = text_head(*rest, 1);
        *rest = text_from_position(*rest, 2);
        return REPORT_PIECE_BRACE;
    }
    size_t end = text_find(*rest, '}');
    bool is_fact = rest->data[0] == '{' && end < rest->length;
    *name = text_head(text_from_position(*rest, 1), is_fact ? end - 1 : 0);
    *rest = text_from_position(*rest, is_fact ? end + 1 : 1);
    return is_fact ? REPORT_PIECE_FACT : REPORT_PIECE_WRONG;
}

static void check_placeholders(struct reading *reading, struct text line)
{
    struct text plain, name;
    for (enum report_piece piece;
         (piece = report_piece_next(&line, &plain, &name)) != REPORT_PIECE_END;) {
        if (piece == REPORT_PIECE_FACT)
            check_placeholder(reading, name);
        else if (piece == REPORT_PIECE_WRONG)
            complain(reading, reading->line,
                     "a brace without its other half (a brace itself is written {{ or }})");
    }
}

static bool part_is_valid(struct text part, size_t most)
{
    if (text_equals(part, TEXT("x")))
        return true;
    for (size_t i = 0; i < part.length; i++)
        if (part.data[i] < '0' || part.data[i] > '9')
            return false;
    return part.length > 0 && part.length <= most;
}

/* As RFC 3463 writes them: "5.1.1", "x.1.1"; what is behind an x is one. */
static bool code_is_valid(struct text code)
{
    struct text rest = code, parts[3];
    for (unsigned i = 0; i < 3; i++)
        if (!text_split(&rest, '.', &parts[i]) || !part_is_valid(parts[i], i == 0 ? 1 : 3))
            return false;
    bool any_subject = text_equals(parts[1], TEXT("x"));
    return rest.length == 0 && code.data[code.length - 1] != '.' &&
           (!any_subject || text_equals(parts[2], TEXT("x")));
}

struct text *report_explanation_find(const struct report_texts *texts, struct text code)
{
    for (unsigned i = 0; i < texts->explanation_count; i++)
        if (text_equals(texts->explanations[i].code, code))
            return &texts->explanations[i].text;
    return NULL;
}

struct text *report_explanation_add(struct report_texts *texts, struct text code,
                                    struct arena *arena)
{
    check(texts->explanation_count < REPORT_EXPLANATIONS_MAX);
    struct report_explanation *added = &texts->explanations[texts->explanation_count++];
    *added = (struct report_explanation){.code = arena_copy(arena, code)};
    return &added->text;
}

static void begin_code(struct reading *reading, struct text code)
{
    if (!code_is_valid(code)) {
        complain(reading, reading->line,
                 "'%.*s' is no status code (write it like 5.1.1, or with x for any: x.1.1, x.1.x)",
                 TEXT_ARG(shown(code)));
    } else if (reading->out->explanation_count == REPORT_EXPLANATIONS_MAX) {
        complain(reading, reading->line, "more than %d codes are explained",
                 REPORT_EXPLANATIONS_MAX);
    } else if (report_explanation_find(reading->out, code) != NULL) {
        complain(reading, reading->line, "[code %.*s] is there twice (leave one of them out)",
                 TEXT_ARG(code));
    } else {
        reading->section = &code_section;
        reading->into = report_explanation_add(reading->out, code, reading->arena);
    }
}

static void begin_named(struct reading *reading, struct text name)
{
    unsigned which = 0;
    while (which < REPORT_SAYS_COUNT && !text_equals(name, text_from(sections[which].name)))
        which++;
    if (which == REPORT_SAYS_COUNT) {
        complain(reading, reading->line,
                 "there is no section [%.*s] (mailroot report texts en shows them all; a line of "
                 "text that begins with [ is written \\[)",
                 TEXT_ARG(shown(name)));
    } else if (reading->out->says[which].data != NULL) {
        complain(reading, reading->line, "[%s] is there twice (leave one of them out)",
                 sections[which].name);
    } else {
        reading->section = &sections[which];
        reading->into = &reading->out->says[which];
    }
}

static void end_section(struct reading *reading)
{
    if (reading->section == NULL)
        return;
    if (reading->section->is_line && reading->text_lines != 1)
        complain(reading, reading->section_line, "[%s] must have one line, it has %u",
                 reading->section->name, reading->text_lines);
    *reading->into = arena_copy(reading->arena, buffer_text(&reading->text));
    reading->section = NULL;
}

static void begin_section(struct reading *reading, struct text line)
{
    end_section(reading);
    buffer_reset(&reading->text, REPORT_TEXTS_FILE_MAX);
    reading->section_line = reading->line;
    reading->held_empty = reading->text_lines = 0;
    reading->has_begun = true;
    line = text_trim(line);
    struct text name = text_head(text_from_position(line, 1), line.length - 2);
    if (line.length < 3 || line.data[line.length - 1] != ']')
        complain(reading, reading->line,
                 "a section begins with [name] on a line of its own (a line of text that begins "
                 "with [ is written \\[)");
    else if (text_starts_with(name, TEXT("code ")))
        begin_code(reading, text_trim(text_after(name, ' ')));
    else
        begin_named(reading, name);
}

static bool has_control(struct text line)
{
    for (size_t i = 0; i < line.length; i++)
        if (((unsigned char)line.data[i] < 32 && line.data[i] != '\t') || line.data[i] == 127)
            return true;
    return false;
}

static void take_text_line(struct reading *reading, struct text line)
{
    if (text_is_empty(text_trim(line))) {
        reading->held_empty += reading->text_lines > 0;
        return;
    }
    if (reading->section == NULL) {
        if (!reading->has_begun)
            complain(reading, reading->line, "text before the first section (begin one: [failed])");
        reading->has_begun = true;
        return;
    }
    if (reading->text_lines > 0)
        buffer_append_byte(&reading->text, '\n');
    for (; reading->held_empty > 0; reading->held_empty--) {
        buffer_append_byte(&reading->text, '\n');
        reading->text_lines++;
    }
    reading->text_lines++;
    line = line.data[0] == '\\' ? text_from_position(line, 1) : line;
    check_placeholders(reading, line);
    buffer_append(&reading->text, line);
}

static void take_line(struct reading *reading, struct text line)
{
    if (line.length > 0 && line.data[line.length - 1] == '\r')
        line = text_head(line, line.length - 1);
    if (line.length > REPORT_TEXTS_LINE_MAX)
        complain(reading, reading->line, "the line has more than %d bytes (break it)",
                 REPORT_TEXTS_LINE_MAX);
    else if (!utf8_is_valid(line))
        complain(reading, reading->line, "the line is no UTF-8 (save the file in that charset)");
    else if (has_control(line))
        complain(reading, reading->line, "the line has a control byte (remove it)");
    else if (text_starts_with(line, TEXT("[")))
        begin_section(reading, line);
    else if (!text_starts_with(line, TEXT("#")))
        take_text_line(reading, line);
}

enum status report_texts_parse(struct text name, struct text bytes, struct arena *arena,
                               struct buffer *errors, struct report_texts *out)
{
    struct reading reading = {.name = name, .errors = errors, .arena = arena, .out = out};
    struct text rest = bytes, line;
    if (text_starts_with(rest, TEXT("\xef\xbb\xbf"))) /* a mark that some editors put there */
        rest = text_from_position(rest, 3);
    out->explanations =
        arena_array(arena, REPORT_EXPLANATIONS_MAX, sizeof(struct report_explanation));
    buffer_init(&reading.text, REPORT_TEXTS_FILE_MAX);
    if (bytes.length > REPORT_TEXTS_FILE_MAX)
        complain(&reading, 1, "the file is larger than %d bytes", REPORT_TEXTS_FILE_MAX);
    while (bytes.length <= REPORT_TEXTS_FILE_MAX && text_split(&rest, '\n', &line)) {
        reading.line++;
        take_line(&reading, line);
    }
    end_section(&reading);
    buffer_finish(&reading.text);
    if (reading.error_count > REPORT_TEXTS_ERRORS_MAX)
        buffer_printf(errors, "%.*s: and %u more\n", TEXT_ARG(name),
                      reading.error_count - REPORT_TEXTS_ERRORS_MAX);
    return reading.error_count == 0 ? OK : refused("%.*s is not as it should be", TEXT_ARG(name));
}
