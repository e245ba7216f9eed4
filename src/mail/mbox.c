#include "mail/mbox.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "mail/date.h"

/* The fields that are the file's. */
static const struct own_field {
    const char *name;
    enum { OF_FLAGS, OF_KEYWORDS, OF_NO_USE } kind;
} own_fields[] = {
    {"Status:", OF_FLAGS}, {"X-Status:", OF_FLAGS}, {"X-Keywords:", OF_KEYWORDS},
    {"X-UID:", OF_NO_USE}, {"X-IMAP:", OF_NO_USE},  {"X-IMAPbase:", OF_NO_USE},
};

static const struct {
    const char *flag, *field;
    char letter;
} letters[] = {
    {"\\Seen", "Status", 'R'},      {"\\Answered", "X-Status", 'A'}, {"\\Flagged", "X-Status", 'F'},
    {"\\Deleted", "X-Status", 'D'}, {"\\Draft", "X-Status", 'T'},
};
enum { LETTERS = sizeof(letters) / sizeof(*letters) };

static const struct own_field *find_field(struct text line)
{
    for (unsigned i = 0; i < sizeof(own_fields) / sizeof(*own_fields); i++) {
        struct text name = text_from(own_fields[i].name);
        if (line.length >= name.length && text_equals_nocase(text_head(line, name.length), name))
            return &own_fields[i];
    }
    return NULL;
}

/* The line before a message */

#define YEAR_10000_MS INT64_C(253402300800000)

void mbox_put_from(struct buffer *out, struct text sender, int64_t date_ms)
{
    char date[64] = "Thu Jan  1 00:00:00 1970";
    time_t seconds = (time_t)(date_ms / 1000);
    struct tm parts;
    /* In the C locale: nobody sets another. */
    if (date_ms >= 0 && date_ms < YEAR_10000_MS) {
        check(gmtime_r(&seconds, &parts) != NULL);
        strftime(date, sizeof(date), "%a %b %e %H:%M:%S %Y", &parts);
    }
    buffer_append(out, TEXT("From "));
    for (size_t i = 0; i < sender.length; i++)
        if ((unsigned char)sender.data[i] > ' ')
            buffer_append_byte(out, sender.data[i]);
    buffer_printf(out, "%s %s\n", sender.length == 0 ? "MAILER-DAEMON" : "", date);
}

static bool is_year(struct text word)
{
    uint32_t year;
    return word.length == 4 && text_to_u32(word, &year);
}

/* Month, day, time, then a year with or without a zone on either side. */
bool mbox_is_from(struct text line, int64_t *date_ms)
{
    enum { WORDS = 4 };
    struct text word, before[2] = {TEXT(""), TEXT("")}, after[WORDS];
    struct text time = TEXT(""), year = TEXT(""), zone = TEXT("+0000");
    unsigned count = 0;
    char written[128];
    if (!text_starts_with(line, TEXT("From ")))
        return false;
    line = text_from_position(line, 5);
    while (count < WORDS && text_word(&line, &word)) {
        bool is_time = word.length >= 5 && word.data[2] == ':' && !text_is_empty(before[0]);
        if (is_time) {
            time = word;
            count = 0;
        } else if (time.length > 0) {
            after[count++] = word;
        } else {
            before[0] = before[1];
            before[1] = word;
        }
    }
    for (unsigned i = 0; i < count; i++)
        if (is_year(after[i]))
            year = after[i];
        else if (after[i].data[0] == '+' || after[i].data[0] == '-')
            zone = after[i];
    if (time.length == 0 || year.length == 0)
        return false;
    int length = snprintf(written, sizeof(written), "%.*s %.*s %.*s %.*s %.*s", TEXT_ARG(before[1]),
                          TEXT_ARG(before[0]), TEXT_ARG(year), TEXT_ARG(time), TEXT_ARG(zone));
    return length < (int)sizeof(written) && mail_date_parse(text_from(written), date_ms);
}

/* Writing */

void mbox_writer_init(struct mbox_writer *writer, struct text flags)
{
    *writer = (struct mbox_writer){.flags = flags, .is_in_header = true, .is_in_start = true};
}

static void put_letters(struct buffer *out, struct text flags, const char *field)
{
    struct text rest = flags, word;
    for (unsigned i = 0; i < LETTERS; i++, rest = flags)
        while (text_word(&rest, &word))
            if (strcmp(letters[i].field, field) == 0 &&
                text_equals_nocase(word, text_from(letters[i].flag)))
                buffer_append_byte(out, letters[i].letter);
}

static void put_own_fields(const struct mbox_writer *writer, struct buffer *out)
{
    struct text rest = writer->flags, word;
    buffer_append(out, TEXT("Status: "));
    put_letters(out, writer->flags, "Status");
    buffer_append(out, TEXT("O\nX-Status: "));
    put_letters(out, writer->flags, "X-Status");
    buffer_append(out, TEXT("\nX-Keywords:"));
    while (text_word(&rest, &word))
        if (!text_starts_with(word, TEXT("\\")))
            buffer_printf(out, " %.*s", TEXT_ARG(word));
    buffer_append_byte(out, '\n');
}

/* What the line is, is known: its beginning goes out, or it is passed over. */
static void settle_start(struct mbox_writer *writer, struct buffer *out)
{
    struct text start = text_of(writer->start, writer->length);
    bool is_folded = start.length > 0 && (start.data[0] == ' ' || start.data[0] == '\t');
    writer->is_in_start = false;
    writer->length = 0;
    if (writer->is_in_header && !writer->is_begun) {
        put_own_fields(writer, out);
        writer->is_in_header = writer->is_passed_over = false;
    }
    if (writer->is_in_header && (!is_folded || writer->is_quoted))
        writer->is_passed_over = !writer->is_quoted && find_field(start) != NULL;
    if (writer->is_passed_over)
        return;
    if (text_starts_with(start, TEXT("From ")))
        buffer_append_byte(out, '>');
    buffer_append(out, start);
}

/* A ">" at the beginning goes out at once: if there is to be one more, it may stand behind. */
static void take_start(struct mbox_writer *writer, char byte, struct buffer *out)
{
    if (writer->length == 0 && byte == '>') {
        writer->is_quoted = true;
        buffer_append_byte(out, '>');
        return;
    }
    writer->start[writer->length++] = byte;
    if (writer->length == MBOX_NAME_BYTES)
        settle_start(writer, out);
}

static void write_line_end(struct mbox_writer *writer, struct buffer *out)
{
    if (writer->is_in_start)
        settle_start(writer, out);
    if (!writer->is_passed_over)
        buffer_append_byte(out, '\n');
    writer->is_in_start = true;
    writer->is_begun = writer->is_quoted = false;
}

static void write_byte(struct mbox_writer *writer, char byte, struct buffer *out)
{
    writer->is_begun = true;
    if (writer->is_in_start)
        take_start(writer, byte, out);
    else if (!writer->is_passed_over)
        buffer_append_byte(out, byte);
}

void mbox_write(struct mbox_writer *writer, struct text bytes, struct buffer *out)
{
    for (size_t i = 0; i < bytes.length; i++) {
        char byte = bytes.data[i];
        if (writer->has_cr && byte != '\n')
            write_byte(writer, '\r', out);
        writer->has_cr = byte == '\r';
        if (byte == '\n')
            write_line_end(writer, out);
        else if (byte != '\r')
            write_byte(writer, byte, out);
    }
}

void mbox_write_end(struct mbox_writer *writer, struct buffer *out)
{
    if (writer->has_cr)
        write_byte(writer, '\r', out);
    if (writer->is_begun)
        write_line_end(writer, out);
    if (writer->is_in_header)
        put_own_fields(writer, out);
    buffer_append_byte(out, '\n');
}

/* Reading */

void mbox_reader_init(struct mbox_reader *reader, struct arena *arena)
{
    *reader = (struct mbox_reader){.is_in_header = true, .arena = arena};
}

static void add_flag(struct mbox_reader *reader, struct text flag)
{
    if (reader->flags.length + flag.length < MBOX_KEYWORDS_BYTES)
        reader->flags = arena_printf(reader->arena, "%.*s%s%.*s", TEXT_ARG(reader->flags),
                                     reader->flags.length == 0 ? "" : " ", TEXT_ARG(flag));
}

static void note_field(struct mbox_reader *reader, const struct own_field *field, struct text value)
{
    struct text word;
    for (unsigned i = 0; i < LETTERS && field->kind == OF_FLAGS; i++)
        if (strncmp(field->name, letters[i].field, strlen(letters[i].field)) == 0 &&
            text_find(value, letters[i].letter) < value.length)
            add_flag(reader, text_from(letters[i].flag));
    while (field->kind == OF_KEYWORDS && text_word(&value, &word))
        if (!text_starts_with(word, TEXT("\\")))
            add_flag(reader, word);
}

/* bytes: without the line end. True: the line is the file's, and not for the message. */
static bool take_header_line(struct mbox_reader *reader, struct text bytes)
{
    bool is_folded = bytes.length > 0 && (bytes.data[0] == ' ' || bytes.data[0] == '\t');
    if (bytes.length == 0)
        reader->is_in_header = false;
    if (is_folded)
        return reader->is_passed_over;
    const struct own_field *field = find_field(bytes);
    reader->is_passed_over = field != NULL;
    if (field != NULL)
        note_field(reader, field, text_from_position(bytes, strlen(field->name)));
    return reader->is_passed_over;
}

static struct text unquoted(struct text line)
{
    size_t quotes = 0;
    while (quotes < line.length && line.data[quotes] == '>')
        quotes++;
    bool is_quoted =
        quotes > 0 && text_starts_with(text_from_position(line, quotes), TEXT("From "));
    return is_quoted ? text_from_position(line, 1) : line;
}

void mbox_read(struct mbox_reader *reader, struct text bytes, bool is_begun, struct buffer *out)
{
    bool ends = bytes.length > 0 && bytes.data[bytes.length - 1] == '\n';
    struct text line = ends ? text_head(bytes, bytes.length - 1) : bytes;
    if (ends && line.length > 0 && line.data[line.length - 1] == '\r')
        line = text_head(line, line.length - 1);
    if (!is_begun) {
        if (reader->has_blank)
            buffer_append(out, TEXT("\r\n"));
        reader->has_blank = ends && line.length == 0;
        if (reader->is_in_header && take_header_line(reader, line))
            return;
        line = unquoted(line);
    } else if (reader->is_in_header && reader->is_passed_over) {
        return;
    }
    if (reader->has_blank)
        return;
    buffer_append(out, line);
    if (ends)
        buffer_append(out, TEXT("\r\n"));
}

struct text mbox_read_flags(const struct mbox_reader *reader)
{
    return reader->flags;
}
