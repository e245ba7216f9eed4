#include "proto/imap/search/imap_text.h"

#include "base/check.h"
#include "mail/charset.h"
#include "mail/fold.h"
#include "mail/header.h"
#include "mail/html_text.h"
#include "mail/transfer_decoding.h"
#include "mail/words.h"
#include "proto/imap/message/imap_structure.h"

enum { PIECE_BYTES = 256 << 10, FOLD_GROWTH = 18 };

struct walk {
    const struct imap_text_sink *sink;
    struct charset_guess guess;
    struct text name; /* of the fields to be shown; "": all */
    bool has_fields;  /* of parts, too */
    bool ended;       /* the sink has enough */
};

static struct walk walk_for(const struct imap_message *message, const struct imap_text_sink *sink)
{
    return (struct walk){.sink = sink, .guess = {.charset = message->charset}, .name = TEXT("")};
}

static enum status walk_end(const struct walk *walk, enum status status)
{
    if (walk->sink->is_guessed != NULL && walk->guess.was_used)
        *walk->sink->is_guessed = true;
    return status;
}

/* YIELDS. */
static void run(const struct walk *walk, task_function *work, void *argument)
{
    if (walk->sink->run == NULL)
        work(argument);
    else
        walk->sink->run(walk->sink->context, work, argument);
}

static void show_value(struct walk *walk, struct text value, struct arena *arena)
{
    struct buffer folded;
    if (walk->ended)
        return;
    buffer_init(&folded, FOLD_GROWTH * (MAIL_WORDS_MAX + 64));
    mail_fold(mail_words_decode(value, &walk->guess, arena), &folded);
    walk->sink->begin(walk->sink->context);
    walk->ended = !walk->sink->take(walk->sink->context, buffer_text(&folded));
    buffer_finish(&folded);
}

/* Headers */

enum { VALUES = 1, WHOLE = 2 };

struct section {
    struct walk *walk;
    struct text bytes;
    unsigned shown;
};

static void show_section(void *argument)
{
    const struct section *section = argument;
    struct walk *walk = section->walk;
    struct text rest = section->bytes;
    struct header_field field;
    struct arena arena;
    arena_init(&arena);
    while (!walk->ended && header_next_valid(&rest, &field)) {
        bool is_meant = walk->name.length == 0 || text_equals_nocase(field.name, walk->name);
        if (is_meant && (section->shown & VALUES) != 0)
            show_value(walk, header_unfold(field.body, &arena), &arena);
        if (is_meant && (section->shown & WHOLE) != 0)
            show_value(walk, header_unfold(field.whole, &arena), &arena);
        arena_reset(&arena);
    }
    arena_finish(&arena);
}

/* A header that stands somewhere in the bytes. YIELDS. */
static enum status show_header(struct imap_message *message, struct walk *walk, uint64_t start,
                               uint64_t length, unsigned shown)
{
    struct buffer bytes;
    buffer_init(&bytes, IMAP_HEADER_MAX);
    uint32_t some = length < IMAP_HEADER_MAX ? (uint32_t)length : (uint32_t)IMAP_HEADER_MAX;
    enum status status = imap_message_read(message, start, some, &bytes);
    struct section section = {walk, buffer_text(&bytes), shown};
    if (status == OK)
        run(walk, show_section, &section);
    buffer_finish(&bytes);
    return status;
}

enum status imap_text_field(struct imap_message *message, struct text name,
                            const struct imap_text_sink *sink)
{
    struct walk walk = walk_for(message, sink);
    const struct imap_header *header;
    enum status status = imap_message_header(message, &header);
    if (status != OK)
        return status;
    walk.name = name;
    struct section section = {&walk, header->fields, VALUES};
    if (header->is_cut || !imap_header_has(name))
        status = show_header(message, &walk, 0, header->body_start, VALUES);
    else
        run(&walk, show_section, &section);
    return walk_end(&walk, status);
}

/* Bodies */

/* A part while it is read. */
struct reading {
    struct walk *walk;
    struct text charset;
    bool is_html;
    struct html_text html;
    struct transfer_decoder decoder;
    struct buffer range;   /* as it stands in the message */
    bool is_last;          /* nothing comes behind the range */
    struct buffer decoded; /* not folded yet */
    struct buffer folded;  /* begins with the last byte that was shown: one space is not two */
};

/* Show what is decoded, up to its last line's end unless it is the last. */
static void show_decoded(struct reading *in)
{
    struct text bytes = buffer_text(&in->decoded);
    size_t end = text_find_last(bytes, '\n');
    struct text piece = in->is_last || end == bytes.length ? bytes : text_head(bytes, end + 1);
    struct buffer utf8, plain;
    buffer_init(&utf8, 8 * PIECE_BYTES);
    buffer_init(&plain, 8 * PIECE_BYTES + 64);
    charset_to_utf8(in->charset, piece, &in->walk->guess, &utf8);
    if (in->is_html)
        html_text_feed(&in->html, buffer_text(&utf8), &plain);
    if (in->is_html && in->is_last)
        html_text_end(&in->html, &plain);
    size_t before = in->folded.length;
    mail_fold(buffer_text(in->is_html ? &plain : &utf8), &in->folded);
    buffer_finish(&utf8);
    buffer_finish(&plain);
    buffer_consume(&in->decoded, piece.length);
    const struct imap_text_sink *sink = in->walk->sink;
    struct text shown = text_from_position(buffer_text(&in->folded), before);
    in->walk->ended = !sink->take(sink->context, shown);
    if (in->folded.length > 1)
        buffer_consume(&in->folded, in->folded.length - 1);
}

static void show_range(void *argument)
{
    struct reading *in = argument;
    transfer_decoder_feed(&in->decoder, buffer_text(&in->range), &in->decoded);
    if (in->is_last)
        transfer_decoder_end(&in->decoder, &in->decoded);
    if (in->is_last || in->decoded.length >= PIECE_BYTES / 2)
        show_decoded(in);
}

static void begin_part(struct reading *in, const struct mime_part *part)
{
    const struct mime_parameter *charset = mime_parameter_find(&part->type, TEXT("charset"));
    in->charset = charset == NULL ? TEXT("") : charset->value;
    in->is_html = text_equals(part->type.subtype, TEXT("html"));
    in->is_last = false;
    html_text_init(&in->html);
    transfer_decoder_init(&in->decoder, part->encoding);
    buffer_reset(&in->decoded, 0);
    buffer_reset(&in->folded, 0);
    in->walk->sink->begin(in->walk->sink->context);
}

/* A part that is text. YIELDS. */
static enum status show_part(struct imap_message *message, const struct mime_part *part,
                             struct reading *in)
{
    enum status status = OK;
    begin_part(in, part);
    for (uint64_t done = 0; status == OK && !in->is_last && !in->walk->ended;
         done += in->range.length) {
        uint64_t left = part->body_length - done;
        uint32_t some = left < IMAP_RANGE_BYTES ? (uint32_t)left : IMAP_RANGE_BYTES;
        buffer_reset(&in->range, IMAP_RANGE_BYTES);
        if (some > 0)
            status = imap_message_read(message, part->body_start + done, some, &in->range);
        in->is_last = in->range.length == left || in->range.length == 0;
        if (status == OK)
            run(in->walk, show_range, in);
    }
    return status;
}

/* What an attachment is called: by RFC 2183, or as older programs write it. */
static void show_names(struct walk *walk, const struct mime_part *part, struct arena *arena)
{
    const struct mime_parameter *names[] = {
        mime_parameter_find(&part->disposition, TEXT("filename")),
        mime_parameter_find(&part->type, TEXT("name"))};
    for (unsigned i = 0; i < 2; i++) {
        struct buffer name;
        if (names[i] == NULL)
            continue;
        buffer_init(&name, 8 * MIME_FIELD_MAX);
        charset_to_utf8(names[i]->charset, names[i]->value, &walk->guess, &name);
        show_value(walk, buffer_text(&name), arena);
        buffer_finish(&name);
    }
}

/* YIELDS. */
static enum status show_fields(struct imap_message *message, struct walk *walk,
                               const struct mime_part *part)
{
    show_names(walk, part, &message->arena);
    return walk->ended ? OK
                       : show_header(message, walk, part->header_start, part->header_length, WHOLE);
}

/* Reports and the like are for reading, too; a message that has parts is shown by them. */
static bool is_text(const struct mime_part *part)
{
    return text_equals(part->type.value, TEXT("text")) ||
           (text_equals(part->type.value, TEXT("message")) && part->first_child == NULL);
}

/* YIELDS. */
static enum status show_tree(struct imap_message *message, const struct mime_tree *tree,
                             struct reading *in)
{
    struct walk *walk = in->walk;
    enum status status = OK;
    for (const struct mime_part *part = tree->root; part != NULL && status == OK && !walk->ended;
         part = mime_part_next(part)) {
        if (walk->has_fields)
            status = show_fields(message, walk, part);
        if (status == OK && !walk->ended && is_text(part))
            status = show_part(message, part, in);
    }
    return status;
}

/* YIELDS. */
static enum status show_parts(struct imap_message *message, struct walk *walk)
{
    const struct mime_tree *tree;
    enum status status = imap_message_tree(message, &tree);
    if (status != OK)
        return status;
    struct reading in = {.walk = walk};
    buffer_init(&in.range, IMAP_RANGE_BYTES);
    buffer_init(&in.decoded, 2 * PIECE_BYTES);
    buffer_init(&in.folded, FOLD_GROWTH * 8 * PIECE_BYTES);
    status = show_tree(message, tree, &in);
    buffer_finish(&in.range);
    buffer_finish(&in.decoded);
    buffer_finish(&in.folded);
    return status;
}

enum status imap_text_body(struct imap_message *message, const struct imap_text_sink *sink)
{
    struct walk walk = walk_for(message, sink);
    return walk_end(&walk, show_parts(message, &walk));
}

enum status imap_text_whole(struct imap_message *message, const struct imap_text_sink *sink)
{
    struct walk walk = walk_for(message, sink);
    walk.has_fields = true;
    return walk_end(&walk, show_parts(message, &walk));
}

/* Where a header ends is seen by its fields and by its parts; in odd ones these differ. */
enum status imap_text_all(struct imap_message *message, const struct imap_text_sink *sink)
{
    struct walk walk = walk_for(message, sink);
    const struct imap_header *header;
    enum status status = imap_message_header(message, &header);
    if (status == OK)
        status = show_header(message, &walk, 0, header->body_start, VALUES);
    walk_end(&walk, status);
    return status == OK ? imap_text_whole(message, sink) : status;
}
