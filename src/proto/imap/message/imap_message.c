#include "proto/imap/message/imap_message.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/wire.h"
#include "mail/header.h"
#include "mail/mime_build.h"
#include "proto/imap/message/imap_envelope.h"

enum { HEADER_VERSION = 1, FIELDS_MAX = 8192, BEGINNING_BYTES = 8192 };

void imap_message_init(struct imap_message *message, struct store *store,
                       const struct mailbox_entry *entry)
{
    *message = (struct imap_message){.store = store, .entry = *entry, .size = entry->size};
    arena_init(&message->arena);
}

void imap_message_finish(struct imap_message *message)
{
    shown_close(&message->shown);
    arena_finish(&message->arena);
}

/* What is shown of it */

/* YIELDS. */
static enum status find_shown(struct imap_message *message)
{
    if (message->is_found)
        return OK;
    enum status status = reduced_find(message->store, message->run, &message->entry,
                                      message->showing.to, &message->arena, &message->reduced);
    message->is_found = status == OK;
    return status;
}

/* What is read of it. YIELDS. */
static enum status find_read(struct imap_message *message)
{
    enum status status = message->is_searched ? OK : find_shown(message);
    if (status == OK && !message->is_searched)
        message->size = reduced_size(&message->reduced, &message->entry);
    return status;
}

enum status imap_message_size(struct imap_message *message, uint64_t *size)
{
    enum status status = find_read(message);
    *size = message->size;
    return status;
}

enum status imap_message_told_size(struct imap_message *message, uint64_t *size)
{
    *size = message->entry.size;
    if (message->showing.has_fast_sizes)
        return OK;
    enum status status = find_shown(message);
    if (status == OK)
        *size = reduced_size(&message->reduced, &message->entry);
    return status;
}

enum status imap_message_read(struct imap_message *message, uint64_t offset, uint32_t length,
                              struct buffer *out)
{
    enum status status = find_read(message);
    if (status != OK)
        return status;
    if (message->shown == NULL)
        message->shown = shown_open(message->store, message->run, message->entry.message);
    if (message->shown == NULL)
        return refused("the message is gone");
    return message->is_searched
               ? shown_read(message->shown, offset, length, out)
               : reduced_read(message->shown, &message->reduced, offset, length, out);
}

/* Where something of a message that is reduced is kept. False: it is the same as of the whole. */
static bool find_note(const struct imap_message *message, enum derived_kind kind,
                      enum reduced_note *which)
{
    if (message->is_searched || message->reduced.pieces.count == 0)
        return false;
    switch (kind) {
    case DERIVED_HEADER:
        *which = REDUCED_HEADER;
        return true;
    case DERIVED_STRUCTURE:
        *which = REDUCED_STRUCTURE;
        return true;
    case DERIVED_PREVIEW:
        *which = REDUCED_PREVIEW;
        return true;
    default:
        return false;
    }
}

bool imap_message_kept(struct imap_message *message, enum derived_kind kind, struct buffer *out)
{
    uint64_t id = message->entry.message;
    enum reduced_note which;
    if (find_read(message) != OK)
        return false; /* who makes it will meet that again */
    if (find_note(message, kind, &which)) {
        buffer_reset(out, out->capacity);
        return message->reduced.notes[which].length > 0 &&
               buffer_append(out, message->reduced.notes[which]);
    }
    return message->run == NULL ? derived_get(message->store, id, kind, out)
                                : derived_run_get(message->run, id, kind, out);
}

void imap_message_keep(struct imap_message *message, enum derived_kind kind, struct text bytes)
{
    enum reduced_note which;
    if (find_note(message, kind, &which))
        reduced_set_note(message->store, message->entry.message, &message->reduced, which,
                         arena_copy(&message->arena, bytes));
    else
        derived_put(message->store, message->entry.message, kind, bytes);
}

/* The header */

/* What listings of mail programs show or sort by. */
static const char *const common_fields[] = {"From",
                                            "To",
                                            "Cc",
                                            "Bcc",
                                            "Subject",
                                            "Date",
                                            "Message-ID",
                                            "In-Reply-To",
                                            "References",
                                            "Reply-To",
                                            "Sender",
                                            "Newsgroups",
                                            "Priority",
                                            "X-Priority",
                                            "Importance",
                                            "MIME-Version",
                                            "Content-Type",
                                            "Content-Transfer-Encoding",
                                            "List-Id",
                                            "List-Post",
                                            "List-Unsubscribe",
                                            "Delivered-To",
                                            "Return-Path",
                                            "Disposition-Notification-To",
                                            "Auto-Submitted",
                                            "User-Agent",
                                            "X-Mailer",
                                            "X-Spam-Status",
                                            "X-Spam-Flag"};

bool imap_header_has(struct text name)
{
    for (unsigned i = 0; i < sizeof(common_fields) / sizeof(*common_fields); i++)
        if (text_equals_nocase(name, text_from(common_fields[i])))
            return true;
    return false;
}

/* Where the first blank line ends, in bytes read so far. from: where a line begins, moved on. */
static bool find_blank_line(struct text bytes, size_t *from)
{
    for (;;) {
        struct text rest = text_from_position(bytes, *from);
        size_t end = text_find(rest, '\n');
        if (end == rest.length)
            return false;
        *from += end + 1;
        if (end == 0 || (end == 1 && rest.data[0] == '\r'))
            return true;
    }
}

/* Read on until the header is there, or as much of it as is looked at. YIELDS. */
static enum status read_header(struct imap_message *message, struct buffer *out, uint64_t *start)
{
    size_t line = 0;
    uint32_t range = BEGINNING_BYTES;
    *start = message->size;
    while (out->length < message->size && out->length < IMAP_HEADER_MAX) {
        size_t before = out->length, left = IMAP_HEADER_MAX - before;
        enum status status =
            imap_message_read(message, before, left < range ? (uint32_t)left : range, out);
        if (status != OK)
            return status;
        if (out->length == before)
            break;
        if (find_blank_line(buffer_text(out), &line)) {
            *start = line;
            break;
        }
        range = IMAP_RANGE_BYTES;
    }
    return OK;
}

/* A header that is longer than what is looked at ends somewhere, and the body begins there. */
static enum status find_far_body(struct imap_message *message, struct text beginning,
                                 uint64_t *start)
{
    struct buffer range;
    buffer_init(&range, IMAP_RANGE_BYTES + 2);
    enum status status = OK;
    /* A line end may be cut: what belongs to the last line is looked at again. */
    uint64_t at = beginning.length - 2;
    while (at < message->size && status == OK) {
        buffer_reset(&range, IMAP_RANGE_BYTES + 2);
        status = imap_message_read(message, at, IMAP_RANGE_BYTES, &range);
        struct text bytes = buffer_text(&range);
        size_t from = text_find(bytes, '\n') + 1;
        if (status != OK || bytes.length < 3)
            break;
        if (from <= bytes.length && find_blank_line(bytes, &from)) {
            *start = at + from;
            break;
        }
        at += bytes.length - 2;
    }
    buffer_finish(&range);
    return status;
}

static void choose_common(struct text header, struct buffer *out, bool *is_cut)
{
    struct header_field field;
    while (header_next_valid(&header, &field)) {
        if (!imap_header_has(field.name))
            continue;
        if (out->length + field.whole.length > FIELDS_MAX)
            *is_cut = true;
        else
            buffer_append(out, field.whole);
    }
}

static void encode_header(const struct imap_header *header, struct buffer *out)
{
    wire_put_u8(out, HEADER_VERSION);
    wire_put_u64(out, header->body_start);
    wire_put_u8(out, header->is_cut);
    wire_put_text(out, header->envelope);
    wire_put_text(out, header->fields);
}

static bool decode_header(struct text bytes, uint64_t size, struct imap_header *out)
{
    struct wire_reader in = wire_reader_of(bytes);
    uint8_t version = wire_get_u8(&in);
    out->body_start = wire_get_u64(&in);
    out->is_cut = wire_get_u8(&in) != 0;
    out->envelope = wire_get_text(&in);
    out->fields = wire_get_text(&in);
    return wire_end(&in) && version == HEADER_VERSION && out->body_start <= size;
}

static void keep_header(struct imap_message *message)
{
    struct buffer bytes;
    buffer_init(&bytes, DERIVED_BYTES_MAX * 2);
    encode_header(message->header, &bytes);
    if (!bytes.overflowed)
        imap_message_keep(message, DERIVED_HEADER, buffer_text(&bytes));
    buffer_finish(&bytes);
}

/* Of the header, and of what is made of it. */
static size_t header_bytes_most(const struct imap_message *message)
{
    size_t size = (size_t)message->size;
    return 2 * (size < IMAP_HEADER_MAX ? size : IMAP_HEADER_MAX);
}

/* YIELDS. */
static enum status make_header(struct imap_message *message)
{
    struct buffer bytes, made;
    struct imap_header *header = arena_alloc(&message->arena, sizeof(*header));
    buffer_init(&bytes, IMAP_HEADER_MAX);
    buffer_init(&made, 32 * IMAP_HEADER_MAX);
    enum status status = find_read(message);
    if (status == OK)
        status = memory_ask(MEMORY_FOR_REST, header_bytes_most(message));
    if (status == OK)
        status = read_header(message, &bytes, &header->body_start);
    bool is_far = bytes.length == IMAP_HEADER_MAX && header->body_start == message->size;
    if (status == OK && is_far)
        status = find_far_body(message, buffer_text(&bytes), &header->body_start);
    if (status == OK) {
        struct text section = buffer_text(&bytes);
        if (header->body_start < section.length)
            section.length = (size_t)header->body_start;
        imap_put_envelope(&made, section);
        header->envelope = arena_copy(&message->arena, buffer_text(&made));
        buffer_reset(&made, 0);
        header->is_cut = is_far;
        choose_common(section, &made, &header->is_cut);
        header->fields = arena_copy(&message->arena, buffer_text(&made));
        message->header = header;
        keep_header(message);
    }
    buffer_finish(&bytes);
    buffer_finish(&made);
    return status;
}

static bool load_header(struct imap_message *message)
{
    struct buffer bytes;
    struct imap_header *header = arena_alloc(&message->arena, sizeof(*header));
    buffer_init(&bytes, DERIVED_BYTES_MAX);
    bool found =
        imap_message_kept(message, DERIVED_HEADER, &bytes) &&
        decode_header(arena_copy(&message->arena, buffer_text(&bytes)), message->size, header);
    buffer_finish(&bytes);
    if (found)
        message->header = header;
    return found;
}

enum status imap_message_header(struct imap_message *message, const struct imap_header **out)
{
    enum status status = OK;
    if (message->header == NULL && !load_header(message))
        status = make_header(message);
    *out = message->header;
    return status;
}

/* The tree */

struct text imap_part_envelope(const struct mime_part *part)
{
    return part->first_child == NULL ? TEXT("") : part->first_child->note;
}

/* The envelope of an embedded message: kept with the message, its one child. */
static void note_envelope(void *context, struct mime_part *part, struct text header)
{
    struct imap_message *message = context;
    struct buffer envelope;
    if (part->parent == NULL || !text_equals(part->parent->type.value, TEXT("message")))
        return;
    buffer_init(&envelope, 32 * MIME_HEADER_MAX);
    imap_put_envelope(&envelope, header);
    part->note = arena_copy(&message->arena, buffer_text(&envelope));
    buffer_finish(&envelope);
}

/* YIELDS. */
static enum status make_tree(struct imap_message *message)
{
    struct mime_tree *tree = arena_alloc(&message->arena, sizeof(*tree));
    struct mime_build *build =
        mime_build_new(MIME_LIMITS_DEFAULT, &message->arena, note_envelope, message);
    struct buffer range;
    buffer_init(&range, IMAP_RANGE_BYTES);
    enum status status = find_read(message);
    for (uint64_t at = 0; at < message->size && status == OK; at += range.length) {
        buffer_reset(&range, IMAP_RANGE_BYTES);
        status = imap_message_read(message, at, IMAP_RANGE_BYTES, &range);
        if (status == OK && range.length == 0)
            status = refused("the message is shorter than it was");
        if (status == OK)
            mime_build_feed(build, buffer_text(&range));
    }
    buffer_finish(&range);
    mime_build_end(&build, tree);
    if (status == OK)
        message->tree = tree;
    return status;
}

static void keep_tree(struct imap_message *message)
{
    struct buffer bytes;
    buffer_init(&bytes, DERIVED_BYTES_MAX);
    imap_tree_encode(message->tree, &bytes);
    if (!bytes.overflowed)
        imap_message_keep(message, DERIVED_STRUCTURE, buffer_text(&bytes));
    buffer_finish(&bytes);
}

static bool load_tree(struct imap_message *message)
{
    struct buffer bytes;
    struct mime_tree *tree = arena_alloc(&message->arena, sizeof(*tree));
    buffer_init(&bytes, DERIVED_BYTES_MAX);
    bool found = imap_message_kept(message, DERIVED_STRUCTURE, &bytes) &&
                 imap_tree_decode(arena_copy(&message->arena, buffer_text(&bytes)), message->size,
                                  &message->arena, tree);
    buffer_finish(&bytes);
    if (found)
        message->tree = tree;
    return found;
}

enum status imap_message_tree(struct imap_message *message, const struct mime_tree **out)
{
    enum status status = OK;
    if (message->tree == NULL && !load_tree(message)) {
        status = make_tree(message);
        if (status == OK)
            keep_tree(message);
    }
    *out = message->tree;
    return status;
}
