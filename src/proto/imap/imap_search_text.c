/* Looking for text in headers and bodies, as a reader would see them: encoded words and transfer
 * encodings undone, any charset as UTF-8, HTML without its markup. In bounded memory: a body is
 * looked at in pieces that end at a line's end, and of each the last bytes are kept for what
 * reaches over the cut. */
#include "base/check.h"
#include "mail/charset.h"
#include "mail/fold.h"
#include "mail/header.h"
#include "mail/html_text.h"
#include "mail/transfer_decoding.h"
#include "mail/words.h"
#include "proto/imap/imap_search.h"
#include "proto/imap/imap_structure.h"

enum { PIECE_BYTES = 256 << 10, FOLD_GROWTH = 18 };

/* Headers */

static bool value_has(struct text body, struct text text, struct arena *arena)
{
    struct buffer folded;
    buffer_init(&folded, FOLD_GROWTH * (MAIL_WORDS_MAX + 64));
    mail_fold(mail_words_decode(header_unfold(body, arena), arena), &folded);
    bool found = text_find_text(buffer_text(&folded), text) < folded.length || text.length == 0;
    buffer_finish(&folded);
    return found;
}

/* name "": any field. */
static bool section_has(struct text section, struct text name, struct text text)
{
    struct header_field field;
    struct arena arena;
    bool found = false;
    arena_init(&arena);
    while (!found && header_next_valid(&section, &field)) {
        if (name.length == 0)
            found = value_has(field.whole, text, &arena);
        else if (text_equals_nocase(field.name, name))
            found = value_has(field.body, text, &arena);
        arena_reset(&arena);
    }
    arena_finish(&arena);
    return found;
}

/* A header that stands at that place. YIELDS. */
static enum status range_has(struct imap_message *message, uint64_t offset, uint64_t length,
                             struct text name, struct text text, bool *found)
{
    struct buffer section;
    buffer_init(&section, IMAP_HEADER_MAX);
    uint32_t some = length < IMAP_HEADER_MAX ? (uint32_t)length : (uint32_t)IMAP_HEADER_MAX;
    enum status status = imap_message_read(message, offset, some, &section);
    if (status == OK)
        *found = section_has(buffer_text(&section), name, text);
    buffer_finish(&section);
    return status;
}

enum status imap_search_header(struct imap_message *message, struct text name, struct text text,
                               bool *found)
{
    const struct imap_header *header;
    *found = false;
    enum status status = imap_message_header(message, &header);
    if (status != OK)
        return status;
    if (header->is_cut || !imap_header_has(name))
        return range_has(message, 0, header->body_start, name, text, found);
    *found = section_has(header->fields, name, text);
    return OK;
}

/* Bodies */

struct looking {
    struct text text, charset;
    bool is_html;
    struct html_text html;
    struct buffer decoded; /* not folded yet */
    struct buffer folded;  /* the end of what was folded, for what reaches over */
    bool found;
};

/* Fold what is decoded, up to its last line's end unless it is the last. */
static void look(struct looking *looking, bool is_last)
{
    struct text bytes = buffer_text(&looking->decoded);
    size_t end = text_find_last(bytes, '\n');
    struct text piece = is_last || end == bytes.length ? bytes : text_head(bytes, end + 1);
    struct buffer utf8, plain;
    buffer_init(&utf8, 8 * PIECE_BYTES);
    buffer_init(&plain, 8 * PIECE_BYTES + 64);
    charset_to_utf8(looking->charset, piece, &utf8);
    if (looking->is_html)
        html_text_feed(&looking->html, buffer_text(&utf8), &plain);
    if (looking->is_html && is_last)
        html_text_end(&looking->html, &plain);
    mail_fold(buffer_text(looking->is_html ? &plain : &utf8), &looking->folded);
    buffer_finish(&utf8);
    buffer_finish(&plain);
    buffer_consume(&looking->decoded, piece.length);
    struct text folded = buffer_text(&looking->folded);
    looking->found = text_find_text(folded, looking->text) < folded.length;
    if (folded.length > looking->text.length)
        buffer_consume(&looking->folded, folded.length - looking->text.length);
}

/* A part that is text. YIELDS. */
static enum status part_has(struct imap_message *message, const struct mime_part *part,
                            struct looking *looking)
{
    const struct mime_parameter *charset = mime_parameter_find(&part->type, TEXT("charset"));
    struct transfer_decoder decoder;
    struct buffer range;
    enum status status = OK;
    looking->charset = charset == NULL ? TEXT("") : charset->value;
    looking->is_html = text_equals(part->type.subtype, TEXT("html"));
    html_text_init(&looking->html);
    buffer_reset(&looking->decoded, 0);
    buffer_reset(&looking->folded, 0);
    buffer_init(&range, IMAP_RANGE_BYTES);
    transfer_decoder_init(&decoder, part->encoding);
    for (uint64_t done = 0; done < part->body_length && status == OK && !looking->found;
         done += range.length) {
        uint64_t left = part->body_length - done;
        buffer_reset(&range, IMAP_RANGE_BYTES);
        status =
            imap_message_read(message, part->body_start + done,
                              left < IMAP_RANGE_BYTES ? (uint32_t)left : IMAP_RANGE_BYTES, &range);
        if (status == OK && range.length == 0)
            break;
        transfer_decoder_feed(&decoder, buffer_text(&range), &looking->decoded);
        if (looking->decoded.length >= PIECE_BYTES / 2)
            look(looking, false);
    }
    transfer_decoder_end(&decoder, &looking->decoded);
    if (status == OK && !looking->found)
        look(looking, true);
    buffer_finish(&range);
    return status;
}

static enum status tree_has(struct imap_message *message, const struct mime_tree *tree,
                            struct looking *looking)
{
    enum status status = OK;
    for (const struct mime_part *part = tree->root; part != NULL && status == OK && !looking->found;
         part = mime_part_next(part)) {
        bool is_inner_message = part->parent != NULL && imap_part_message(part->parent) == part;
        if (is_inner_message)
            status = range_has(message, part->header_start, part->header_length, TEXT(""),
                               looking->text, &looking->found);
        if (status == OK && !looking->found && text_equals(part->type.value, TEXT("text")))
            status = part_has(message, part, looking);
    }
    return status;
}

enum status imap_search_body(struct imap_message *message, struct text text, bool with_header,
                             bool *found)
{
    const struct mime_tree *tree;
    *found = text.length == 0;
    enum status status = imap_message_tree(message, &tree);
    if (status != OK || *found)
        return status;
    if (with_header)
        status = range_has(message, 0, tree->root->header_length, TEXT(""), text, found);
    if (status != OK || *found)
        return status;
    struct looking looking = {.text = text};
    buffer_init(&looking.decoded, 2 * PIECE_BYTES);
    buffer_init(&looking.folded, FOLD_GROWTH * 8 * PIECE_BYTES);
    status = tree_has(message, tree, &looking);
    *found = looking.found;
    buffer_finish(&looking.decoded);
    buffer_finish(&looking.folded);
    return status;
}
