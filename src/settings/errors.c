#include "settings/errors.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/encoding.h"
#include "settings/grammar.h"
#include "settings/source.h"

enum { SHOWN_WORD_BYTES = 64, SHOWN_LINE_BYTES = 160, MESSAGE_BYTES = 600 };

static bool continues_a_character(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

struct text setting_shown(struct text word)
{
    if (word.length <= SHOWN_WORD_BYTES)
        return word;
    size_t length = SHOWN_WORD_BYTES;
    while (length > 0 && continues_a_character(word.data[length]))
        length--;
    return text_head(word, length);
}

/* The line at a place; false when the source has none there. */
static bool find_line(const struct settings_source *source, const struct setting_place *place,
                      struct text *line)
{
    for (unsigned i = 0; i < source->piece_count; i++) {
        const struct settings_piece *piece = &source->pieces[i];
        if (!text_equals(piece->file, place->file) || place->line < piece->first_line)
            continue;
        struct text rest = piece->bytes;
        uint32_t number = piece->first_line;
        bool more = setting_line_next(&rest, line);
        while (more && number < place->line) {
            more = setting_line_next(&rest, line);
            number++;
        }
        if (more)
            return true;
    }
    return false;
}

/* Bytes that would move a terminal's cursor, or are no characters, are shown as '?'. */
static void write_line(struct text line, struct buffer *out)
{
    bool sound = utf8_is_valid(line);
    for (size_t i = 0; i < line.length; i++) {
        unsigned char c = (unsigned char)line.data[i];
        buffer_append_byte(out, (c < 0x20 && c != '\t') || c == 0x7f || (c >= 0x80 && !sound)
                                    ? '?'
                                    : line.data[i]);
    }
}

static void write_caret_line(struct text line, const struct setting_place *place, uint32_t length,
                             struct buffer *out)
{
    for (size_t i = 0; i + 1 < place->column; i++) {
        if (!continues_a_character(line.data[i]))
            buffer_append_byte(out, line.data[i] == '\t' ? '\t' : ' ');
    }
    struct text meant = text_head(text_from_position(line, place->column - 1), length);
    for (size_t i = 0; i < meant.length; i++) {
        if (!continues_a_character(meant.data[i]))
            buffer_append_byte(out, '^');
    }
}

static void write_excerpt(struct settings_errors *errors, const struct setting_place *place,
                          uint32_t length, struct text hint)
{
    struct text line;
    struct buffer *out = errors->out;
    bool shown = place->line > 0 && place->column > 0 && length > 0 &&
                 find_line(errors->source, place, &line) &&
                 (size_t)place->column - 1 + length <= line.length &&
                 place->column + length <= SHOWN_LINE_BYTES;
    if (shown) {
        size_t end = line.length < SHOWN_LINE_BYTES ? line.length : SHOWN_LINE_BYTES;
        while (end < line.length && continues_a_character(line.data[end]))
            end--;
        buffer_printf(out, "%6u | ", place->line);
        write_line(text_head(line, end), out);
        buffer_append(out, TEXT("\n       | "));
        write_caret_line(line, place, length, out);
        if (hint.length > 0)
            buffer_append_byte(out, ' ');
    } else if (hint.length > 0) {
        buffer_append(out, TEXT("       | "));
    }
    buffer_append(out, hint);
    if (shown || hint.length > 0)
        buffer_append_byte(out, '\n');
}

static void write_place(struct settings_errors *errors, const struct setting_place *place)
{
    if (place->file.length == 0)
        return;
    buffer_append(errors->out, place->file);
    if (place->line > 0)
        buffer_printf(errors->out, ":%u", place->line);
    if (place->column > 0)
        buffer_printf(errors->out, ":%u", place->column);
    buffer_append(errors->out, TEXT(": "));
}

static void write_message(struct settings_errors *errors, const char *format, va_list arguments)
{
    char message[MESSAGE_BYTES];
    int length = vsnprintf(message, sizeof(message), format, arguments);
    if (length >= (int)sizeof(message))
        length = sizeof(message) - 1;
    buffer_append(errors->out, text_of(message, (size_t)length));
    buffer_append_byte(errors->out, '\n');
}

void settings_error(struct settings_errors *errors, const struct setting_place *place,
                    uint32_t length, struct text hint, const char *format, ...)
{
    if (++errors->count > SETTINGS_ERRORS_MAX)
        return;
    write_place(errors, place);
    va_list arguments;
    va_start(arguments, format);
    write_message(errors, format, arguments);
    va_end(arguments);
    write_excerpt(errors, place, length, hint);
}

void settings_warning(struct settings_errors *errors, const struct setting_place *place,
                      const char *format, ...)
{
    if (++errors->warnings > SETTINGS_ERRORS_MAX)
        return;
    buffer_append(errors->out, TEXT("warning: "));
    write_place(errors, place);
    va_list arguments;
    va_start(arguments, format);
    write_message(errors, format, arguments);
    va_end(arguments);
}

void settings_errors_end(struct settings_errors *errors)
{
    if (errors->count > SETTINGS_ERRORS_MAX)
        buffer_printf(errors->out, "and %u more errors\n", errors->count - SETTINGS_ERRORS_MAX);
    if (errors->warnings > SETTINGS_ERRORS_MAX)
        buffer_printf(errors->out, "and %u more warnings\n",
                      errors->warnings - SETTINGS_ERRORS_MAX);
}
