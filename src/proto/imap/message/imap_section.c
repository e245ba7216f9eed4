/* Sections of a message (RFC 9051 6.4.5.1): which bytes are meant, and sending them. */
#include <inttypes.h>

#include "base/check.h"
#include "mail/header.h"
#include "proto/imap/message/imap_fetch.h"
#include "proto/imap/message/imap_structure.h"

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

bool imap_section_read(struct text section, struct line_session *line, struct imap_section *out)
{
    struct imap_lex lex;
    imap_lex_begin_text(&lex, line, arena_printf(&line->arena, "[%.*s]", TEXT_ARG(section)));
    imap_lex_section(&lex, out);
    return lex.error == NULL && lex.rest.length == 0;
}

/* Bytes of a message */

static bool is_fields(const struct imap_section *section)
{
    return section->kind == IMAP_SECTION_FIELDS || section->kind == IMAP_SECTION_FIELDS_NOT;
}

static bool is_wanted(const struct imap_section *section, struct text name)
{
    bool named = false;
    for (unsigned i = 0; i < section->field_count && !named; i++)
        named = text_equals_nocase(section->fields[i], name);
    return named == (section->kind == IMAP_SECTION_FIELDS);
}

/* The fields asked for of a header section, and the blank line. */
static struct imap_piece choose_fields(const struct imap_section *section, struct text header,
                                       struct arena *arena)
{
    struct buffer chosen;
    struct header_field field;
    buffer_init(&chosen, header.length + 2);
    while (header_next_valid(&header, &field))
        if (is_wanted(section, field.name))
            buffer_append(&chosen, field.whole);
    buffer_append(&chosen, TEXT("\r\n"));
    struct imap_piece piece = {.is_made = true, .made = arena_copy(arena, buffer_text(&chosen))};
    buffer_finish(&chosen);
    return piece;
}

/* All fields asked for are kept beside the message: it need not be opened. */
static bool are_common(const struct imap_section *section, const struct imap_header *header)
{
    if (section->kind != IMAP_SECTION_FIELDS || header->is_cut)
        return false;
    for (unsigned i = 0; i < section->field_count; i++)
        if (!imap_header_has(section->fields[i]))
            return false;
    return true;
}

/* From the header that the piece is so far. YIELDS. */
static enum status make_fields(struct imap_message *message, const struct imap_section *section,
                               struct imap_piece *piece)
{
    struct buffer header;
    buffer_init(&header, IMAP_HEADER_MAX);
    uint32_t length =
        piece->length < IMAP_HEADER_MAX ? (uint32_t)piece->length : (uint32_t)IMAP_HEADER_MAX;
    enum status status = imap_message_read(message, piece->offset, length, &header);
    if (status == OK)
        *piece = choose_fields(section, buffer_text(&header), &message->arena);
    buffer_finish(&header);
    return status;
}

/* Of the message itself: its header is enough to know. */
static enum status find_top_piece(struct imap_message *message, const struct imap_section *section,
                                  struct imap_piece *piece)
{
    const struct imap_header *header;
    *piece = (struct imap_piece){.offset = 0};
    enum status status = imap_message_size(message, &piece->length);
    if (status != OK || section->kind == IMAP_SECTION_ALL)
        return status;
    status = imap_message_header(message, &header);
    if (status != OK)
        return status;
    if (section->kind == IMAP_SECTION_TEXT)
        *piece = (struct imap_piece){.offset = header->body_start,
                                     .length = piece->length - header->body_start};
    else
        piece->length = header->body_start;
    if (is_fields(section) && are_common(section, header))
        *piece = choose_fields(section, header->fields, &message->arena);
    else if (is_fields(section))
        return make_fields(message, section, piece);
    return OK;
}

static struct imap_piece header_of(const struct mime_part *part)
{
    return (struct imap_piece){.offset = part->header_start, .length = part->header_length};
}

static struct imap_piece body_of(const struct mime_part *part)
{
    return (struct imap_piece){.offset = part->body_start, .length = part->body_length};
}

static struct imap_piece piece_of_part(const struct mime_part *part, enum imap_section_kind kind)
{
    const struct mime_part *inner;
    switch (kind) {
    case IMAP_SECTION_ALL:
        return body_of(part);
    case IMAP_SECTION_MIME:
        return header_of(part);
    case IMAP_SECTION_HEADER:
    case IMAP_SECTION_FIELDS:
    case IMAP_SECTION_FIELDS_NOT:
        inner = imap_part_message(part);
        return inner == NULL ? (struct imap_piece){.is_absent = true} : header_of(inner);
    case IMAP_SECTION_TEXT:
        inner = imap_part_message(part);
        return inner == NULL ? (struct imap_piece){.is_absent = true} : body_of(inner);
    }
    return (struct imap_piece){.is_absent = true};
}

static enum status find_piece(struct imap_message *message, const struct imap_section *section,
                              struct imap_piece *piece)
{
    const struct mime_tree *tree;
    if (section->part_depth == 0)
        return find_top_piece(message, section, piece);
    enum status status = imap_message_tree(message, &tree);
    if (status != OK)
        return status;
    const struct mime_part *part = imap_part_find(tree, section->part, section->part_depth);
    *piece =
        part == NULL ? (struct imap_piece){.is_absent = true} : piece_of_part(part, section->kind);
    return is_fields(section) && !piece->is_absent ? make_fields(message, section, piece) : OK;
}

/* The part of the piece that "<offset.length>" names. */
static void cut_piece(struct imap_piece *piece, const struct imap_fetch_item *item)
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

enum status imap_find_piece(struct imap_message *message, const struct imap_fetch_item *item,
                            struct imap_piece *piece)
{
    enum status status = find_piece(message, &item->section, piece);
    if (status == OK)
        cut_piece(piece, item);
    return status;
}

/* A literal, range by range. Once its length was said there is no way back: a message that can't be
 * read to its end ends the session. YIELDS. */
static enum status send_range(struct imap_fetch_message *fetched, struct imap_piece piece)
{
    struct imap_session *session = fetched->session;
    struct buffer range;
    buffer_init(&range, IMAP_RANGE_BYTES);
    enum status status = OK;
    for (uint64_t done = 0; status == OK && done < piece.length; done += range.length) {
        uint64_t left = piece.length - done;
        buffer_reset(&range, IMAP_RANGE_BYTES);
        status =
            imap_message_read(&fetched->message, piece.offset + done,
                              left < IMAP_RANGE_BYTES ? (uint32_t)left : IMAP_RANGE_BYTES, &range);
        if (status == OK && range.length == 0)
            status = refused("the message is shorter than it was");
        if (status == OK && done == 0) {
            buffer_printf(&session->out, "{%" PRIu64 "}\r\n", piece.length);
            imap_send(session);
            fetched->is_begun = true;
        }
        if (status == OK)
            stream_write(session->line.stream, buffer_text(&range));
    }
    buffer_finish(&range);
    return status;
}

enum status imap_fetch_body(struct imap_fetch_message *fetched, const struct imap_fetch_item *item)
{
    struct imap_piece piece;
    struct buffer *out = &fetched->session->out;
    enum status status = imap_find_piece(&fetched->message, item, &piece);
    if (status != OK)
        return status;
    buffer_printf(out, "%.*s ", TEXT_ARG(item->label));
    if (piece.is_absent)
        buffer_append(out, TEXT("NIL"));
    else if (piece.is_made)
        imap_put_string(out, piece.made);
    else if (piece.length == 0)
        buffer_append(out, TEXT("\"\""));
    else
        return send_range(fetched, piece);
    return OK;
}
