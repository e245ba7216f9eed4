/* Sections of a message (RFC 9051 6.4.5.1): which bytes are meant, and sending them. */
#include <inttypes.h>

#include "base/check.h"
#include "mail/header.h"
#include "proto/imap/imap_fetch.h"

enum { RANGE_BYTES = 64 << 10, HEADER_MAX = 1 << 20 };

/* Reading */

static const struct {
    const char *name;
    enum imap_section_kind kind;
} kinds[] = {
    {"HEADER.FIELDS.NOT", IMAP_SECTION_FIELDS_NOT},
    {"HEADER.FIELDS", IMAP_SECTION_FIELDS},
    {"HEADER", IMAP_SECTION_HEADER},
    {"TEXT", IMAP_SECTION_TEXT},
    {"MIME", IMAP_SECTION_MIME},
};

static void read_fields(struct imap_lex *lex, struct imap_section *out)
{
    imap_lex_space(lex);
    imap_lex_expect(lex, '(');
    out->fields = arena_array(&lex->line->arena, IMAP_FIELDS_MAX, sizeof(*out->fields));
    do {
        if (out->field_count == IMAP_FIELDS_MAX)
            imap_lex_fail(lex, "Too many header fields");
        else
            out->fields[out->field_count++] = imap_lex_astring(lex);
    } while (imap_lex_take(lex, ' '));
    imap_lex_expect(lex, ')');
}

static void read_kind(struct imap_lex *lex, struct imap_section *out)
{
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (!imap_lex_word(lex, kinds[i].name))
            continue;
        out->kind = kinds[i].kind;
        if (out->kind == IMAP_SECTION_FIELDS || out->kind == IMAP_SECTION_FIELDS_NOT)
            read_fields(lex, out);
        return;
    }
    imap_lex_fail(lex, "Section not known");
}

static bool is_digit_next(const struct imap_lex *lex)
{
    char next = imap_lex_peek(lex);
    return next >= '0' && next <= '9';
}

void imap_lex_section(struct imap_lex *lex, struct imap_section *out)
{
    *out = (struct imap_section){.kind = IMAP_SECTION_ALL};
    imap_lex_expect(lex, '[');
    if (is_digit_next(lex))
        out->part = arena_array(&lex->line->arena, IMAP_SECTION_DEPTH_MAX, sizeof(*out->part));
    bool more = imap_lex_peek(lex) != ']';
    while (more && is_digit_next(lex)) {
        if (out->part_depth == IMAP_SECTION_DEPTH_MAX)
            imap_lex_fail(lex, "The part lies too deep");
        else
            out->part[out->part_depth++] = imap_lex_nonzero(lex);
        more = imap_lex_take(lex, '.');
    }
    if (more)
        read_kind(lex, out);
    if (out->kind == IMAP_SECTION_MIME && out->part_depth == 0)
        imap_lex_fail(lex, "MIME needs a part");
    imap_lex_expect(lex, ']');
}

/* Bytes of a message */

/* What a section means: a run of the message's bytes, or bytes made for it. */
struct piece {
    bool is_made;
    struct text made;
    uint64_t offset, length;
};

/* Where the body of the message begins: behind the first blank line. YIELDS. */
static enum status find_body(struct imap_fetch_message *message, uint64_t *start)
{
    struct buffer range;
    buffer_init(&range, RANGE_BYTES);
    uint64_t size = message->entry.size, line = 0; /* where the line begins */
    enum status status = OK;
    *start = size;
    for (uint64_t offset = 0; offset < size && *start == size && status == OK;) {
        buffer_reset(&range, RANGE_BYTES);
        status = mailbox_read(message->session->store, message->entry.message, offset, RANGE_BYTES,
                              &range);
        struct text rest = buffer_text(&range);
        for (size_t end; (end = text_find(rest, '\n')) < rest.length;) {
            uint64_t at = offset + range.length - rest.length + end; /* of the LF */
            bool blank = at == line || (at == line + 1 && (end == 0 || rest.data[end - 1] == '\r'));
            line = at + 1;
            if (blank) {
                *start = line;
                break;
            }
            rest = text_from_position(rest, end + 1);
        }
        offset += range.length;
        if (range.length == 0)
            break;
    }
    buffer_finish(&range);
    return status;
}

static bool is_wanted(const struct imap_section *section, struct text name)
{
    bool named = false;
    for (unsigned i = 0; i < section->field_count && !named; i++)
        named = text_equals_nocase(section->fields[i], name);
    return named == (section->kind == IMAP_SECTION_FIELDS);
}

/* The fields asked for of a header section, and the blank line. */
static struct text choose_fields(const struct imap_section *section, struct text header,
                                 struct arena *arena)
{
    struct buffer chosen;
    struct header_field field;
    buffer_init(&chosen, header.length + 2);
    while (header_next_valid(&header, &field))
        if (is_wanted(section, field.name))
            buffer_append(&chosen, field.whole);
    buffer_append(&chosen, TEXT("\r\n"));
    struct text copy = arena_copy(arena, buffer_text(&chosen));
    buffer_finish(&chosen);
    return copy;
}

/* A header of that many bytes at that place, cut to what may be held. YIELDS. */
static enum status make_fields(struct imap_fetch_message *message,
                               const struct imap_section *section, struct piece *piece)
{
    struct buffer header;
    buffer_init(&header, HEADER_MAX);
    uint32_t length = piece->length < HEADER_MAX ? (uint32_t)piece->length : HEADER_MAX;
    enum status status = mailbox_read(message->session->store, message->entry.message,
                                      piece->offset, length, &header);
    if (status == OK)
        *piece = (struct piece){
            .is_made = true, .made = choose_fields(section, buffer_text(&header), message->arena)};
    buffer_finish(&header);
    return status;
}

static enum status find_piece(struct imap_fetch_message *message,
                              const struct imap_section *section, struct piece *piece)
{
    uint64_t body = 0;
    *piece = (struct piece){.length = message->entry.size};
    if (section->kind == IMAP_SECTION_ALL)
        return OK;
    enum status status = find_body(message, &body);
    if (status != OK)
        return status;
    if (section->kind == IMAP_SECTION_TEXT)
        *piece = (struct piece){.offset = body, .length = message->entry.size - body};
    else
        piece->length = body;
    if (section->kind == IMAP_SECTION_FIELDS || section->kind == IMAP_SECTION_FIELDS_NOT)
        return make_fields(message, section, piece);
    return OK;
}

/* The part of the piece that "<offset.length>" names. */
static void cut_piece(struct piece *piece, const struct imap_fetch_item *item)
{
    if (!item->is_partial)
        return;
    if (piece->is_made) {
        piece->made = text_from_position(piece->made, (size_t)item->offset);
        piece->made = text_head(piece->made, item->length);
        return;
    }
    uint64_t skip = item->offset < piece->length ? item->offset : piece->length;
    piece->offset += skip;
    piece->length -= skip;
    if (piece->length > item->length)
        piece->length = item->length;
}

/* A literal, range by range. Once its length was said there is no way back: a message that can't be
 * read to its end ends the session. YIELDS. */
static enum status send_range(struct imap_fetch_message *message, struct piece piece)
{
    struct imap_session *session = message->session;
    struct buffer range;
    buffer_init(&range, RANGE_BYTES);
    enum status status = OK;
    for (uint64_t done = 0; status == OK && done < piece.length; done += range.length) {
        uint64_t left = piece.length - done;
        buffer_reset(&range, RANGE_BYTES);
        status = mailbox_read(session->store, message->entry.message, piece.offset + done,
                              left < RANGE_BYTES ? (uint32_t)left : RANGE_BYTES, &range);
        if (status == OK && range.length == 0)
            status = refused("the message is shorter than it was");
        if (status == OK && done == 0) {
            buffer_printf(&session->out, "{%" PRIu64 "}\r\n", piece.length);
            imap_send(session);
        }
        if (status == OK)
            stream_write(session->line.stream, buffer_text(&range));
        else if (done > 0)
            session->line.ended = true;
    }
    buffer_finish(&range);
    return session->line.ended ? TRY_LATER : status;
}

enum status imap_fetch_body(struct imap_fetch_message *message, const struct imap_fetch_item *item)
{
    struct piece piece;
    struct buffer *out = &message->session->out;
    enum status status = find_piece(message, &item->section, &piece);
    if (status != OK)
        return status;
    cut_piece(&piece, item);
    buffer_printf(out, "%.*s ", TEXT_ARG(item->label));
    if (piece.is_made)
        imap_put_string(out, piece.made);
    else if (piece.length == 0)
        buffer_append(out, TEXT("\"\""));
    else
        return send_range(message, piece);
    return OK;
}
