/* Header sections. A line ends with LF, with or without CR before it: which of the two is allowed
 * is decided where a message comes in, and a stored message must be readable whatever it holds.
 * The section ends at the blank line and nowhere else, so a line that is no field hides nothing
 * that stands behind it. */
#include "mail/header.h"

#include <string.h>

#include "mail/terms.h"

static const uint64_t TOP_BITS = 0x8080808080808080u;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Length of the line at the start, its end included. */
static size_t line_length(struct text text)
{
    size_t length = text_find(text, '\n');
    return length < text.length ? length + 1 : length;
}

static bool is_blank_line(struct text line)
{
    return text_equals(line, TEXT("\r\n")) || text_equals(line, TEXT("\n"));
}

/* The name before the colon: RFC 5322 2.2, blanks before the colon allowed by 4.5.8. */
static bool field_name(struct text line, struct text *name)
{
    size_t length = 0, colon;
    while (length < line.length && line.data[length] > 32 && line.data[length] < 127 &&
           line.data[length] != ':')
        length++;
    colon = length;
    while (colon < line.length && is_blank(line.data[colon]))
        colon++;
    *name = text_head(line, length);
    return length > 0 && colon < line.length && line.data[colon] == ':';
}

/* Length of the line at the start and the lines that continue it. */
static size_t folded_length(struct text text)
{
    size_t length = line_length(text);
    while (length < text.length && is_blank(text.data[length]))
        length += line_length(text_from_position(text, length));
    return length;
}

bool header_next(struct text *rest, struct header_field *field)
{
    struct text name;
    if (!field_name(text_head(*rest, line_length(*rest)), &name))
        return false;
    struct text whole = text_head(*rest, folded_length(*rest));
    size_t colon = text_find(whole, ':');
    *field = (struct header_field){
        .name = name,
        .body = text_of(whole.data + colon + 1, whole.length - colon - 1),
        .whole = whole,
    };
    *rest = text_from_position(*rest, whole.length);
    return true;
}

bool header_next_valid(struct text *rest, struct header_field *field)
{
    while (!header_next(rest, field)) {
        struct text line = text_head(*rest, line_length(*rest));
        if (line.length == 0 || is_blank_line(line))
            return false;
        *rest = text_from_position(*rest, folded_length(*rest));
    }
    return true;
}

struct text header_section(struct text message)
{
    size_t length = 0;
    while (length < message.length) {
        struct text rest = text_from_position(message, length);
        struct text line = text_head(rest, line_length(rest));
        if (is_blank_line(line))
            break;
        length += line.length;
    }
    return text_head(message, length);
}

bool header_find(struct text section, struct text name, struct header_field *field)
{
    while (header_next_valid(&section, field))
        if (text_equals_nocase(field->name, name))
            return true;
    return false;
}

struct text header_unfold(struct text body, struct arena *arena)
{
    struct text trimmed = text_trim(body);
    char *out = arena_alloc(arena, trimmed.length + 1);
    size_t length = 0;
    while (trimmed.length > 0) {
        size_t line = line_length(trimmed), kept = line;
        if (kept > 0 && trimmed.data[kept - 1] == '\n')
            kept -= kept > 1 && trimmed.data[kept - 2] == '\r' ? 2 : 1;
        memcpy(out + length, trimmed.data, kept);
        length += kept;
        trimmed = text_from_position(trimmed, line);
    }
    return text_of(out, length);
}

/* Facts */

void header_facts_init(struct header_facts *facts)
{
    memset(facts, 0, sizeof(*facts));
}

/* Append the id without white space and control bytes; one that does not fit is none. */
static void gather_message_id(struct header_facts *facts, struct text body)
{
    size_t length = strlen(facts->message_id);
    for (size_t i = 0; i < body.length; i++) {
        if ((unsigned char)body.data[i] <= 32 || body.data[i] == 127)
            continue;
        if (length + 1 == sizeof(facts->message_id)) {
            memset(facts->message_id, 0, sizeof(facts->message_id));
            facts->in_message_id = false;
            return;
        }
        facts->message_id[length++] = body.data[i];
    }
}

/* Append what fits; control bytes would be trouble in a listing and become spaces. */
static void gather_subject(struct header_facts *facts, struct text body)
{
    size_t length = strlen(facts->subject);
    for (size_t i = 0; i < body.length; i++) {
        char c = (unsigned char)body.data[i] < 32 || body.data[i] == 127 ? ' ' : body.data[i];
        if (length == 0 && c == ' ')
            continue;
        if (length + 1 == sizeof(facts->subject))
            return;
        facts->subject[length++] = c;
    }
}

/* Fields that say how the message is to travel. The first of a name counts. */
static void note_terms(struct header_facts *facts, struct text name, struct text value)
{
    if (text_equals_nocase(name, TEXT("TLS-Required")))
        facts->tls_is_optional |= text_equals_nocase(value, TEXT("No"));
    else if (text_equals_nocase(name, TEXT("MT-Priority")) && !facts->has_priority)
        facts->has_priority = mail_priority_parse(value, &facts->priority);
}

static void note_field(struct header_facts *facts, struct text line)
{
    struct text name;
    facts->in_subject = facts->in_message_id = false;
    if (!field_name(line, &name))
        return;
    if (text_equals_nocase(name, TEXT("Received"))) {
        facts->received_count++;
    } else if (text_equals_nocase(name, TEXT("Date"))) {
        facts->has_date = true;
    } else if (text_equals_nocase(name, TEXT("From"))) {
        facts->has_from = true;
    } else if (text_equals_nocase(name, TEXT("Subject")) && facts->subject[0] == '\0') {
        facts->in_subject = true;
    } else if (text_equals_nocase(name, TEXT("Message-ID")) && !facts->has_message_id) {
        facts->has_message_id = facts->in_message_id = true;
    } else {
        note_terms(facts, name, text_trim(text_after(line, ':')));
    }
}

/* A line without its LF. Of a longer one only the first bytes are here, and is_cut. */
static void note_line(struct header_facts *facts, struct text line, bool is_cut)
{
    if (!is_cut && line.length > 0 && line.data[line.length - 1] == '\r')
        line.length--;
    struct text body = line;
    if (line.length == 0 || !is_blank(line.data[0])) {
        note_field(facts, line);
        body = text_after(line, ':');
    }
    if (facts->in_subject)
        gather_subject(facts, body);
    if (facts->in_message_id && is_cut) {
        memset(facts->message_id, 0, sizeof(facts->message_id));
        facts->in_message_id = false;
    }
    if (facts->in_message_id)
        gather_message_id(facts, body);
}

static bool has_8bit(struct text bytes)
{
    size_t i = 0;
    for (uint64_t word; bytes.length - i >= sizeof(word); i += sizeof(word)) {
        memcpy(&word, bytes.data + i, sizeof(word));
        if (word & TOP_BITS)
            return true;
    }
    for (; i < bytes.length; i++)
        if ((unsigned char)bytes.data[i] >= 0x80)
            return true;
    return false;
}

/* Keep the start of a line whose end is not here yet. */
static void keep_line(struct header_facts *facts, struct text piece)
{
    size_t room = sizeof(facts->line) - facts->line_length;
    size_t kept = piece.length < room ? piece.length : room;
    memcpy(facts->line + facts->line_length, piece.data, kept);
    facts->line_length += (unsigned)kept;
    facts->skip_line = facts->skip_line || kept < piece.length;
}

static void end_line(struct header_facts *facts, struct text line)
{
    bool is_cut = facts->skip_line;
    if (facts->line_length > 0) { /* it came in pieces */
        keep_line(facts, line);
        is_cut = facts->skip_line;
        line = text_of(facts->line, facts->line_length);
    } else if (line.length > sizeof(facts->line)) {
        is_cut = true;
        line = text_head(line, sizeof(facts->line));
    }
    facts->line_length = 0;
    facts->skip_line = false;
    facts->ended = line.length == 0 || (!is_cut && text_equals(line, TEXT("\r")));
    note_line(facts, line, is_cut);
}

size_t header_facts_feed(struct header_facts *facts, struct text bytes)
{
    size_t taken = 0;
    while (!facts->ended && taken < bytes.length) {
        struct text rest = text_from_position(bytes, taken);
        size_t length = text_find(rest, '\n');
        if (length < rest.length)
            end_line(facts, text_head(rest, length));
        else
            keep_line(facts, rest);
        taken += length < rest.length ? length + 1 : length;
    }
    if (!facts->has_8bit_header)
        facts->has_8bit_header = has_8bit(text_head(bytes, taken));
    return taken;
}

void header_facts_end(struct header_facts *facts)
{
    if (facts->ended || facts->line_length == 0)
        return;
    note_line(facts, text_of(facts->line, facts->line_length), facts->skip_line);
    facts->line_length = 0;
    facts->skip_line = false;
}
