#include "store/change.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"

void change_init(struct change *change)
{
    buffer_init(&change->operations, CHANGE_OPERATIONS_MAX);
    change->body = TEXT("");
}

void change_finish(struct change *change)
{
    buffer_finish(&change->operations);
}

/* Facts that the record and the index write alike. */
static void put_facts(struct buffer *out, const struct message *message)
{
    wire_put_u64(out, message->id);
    wire_put_u64(out, message->session);
    wire_put_u64(out, (uint64_t)message->received_ms);
    wire_put_u64(out, message->size);
    mail_terms_put_head(out, &message->terms);
    wire_put_text(out, message->sender);
    wire_put_text(out, message->terms.envelope_id);
    wire_put_text(out, message->message_id);
    wire_put_text(out, message->subject);
    wire_put_u16(out, (uint16_t)message->extent_count);
    for (unsigned i = 0; i < message->extent_count; i++) {
        wire_put_u64(out, message->extents[i].segment);
        wire_put_u32(out, message->extents[i].offset);
        wire_put_u32(out, message->extents[i].length);
    }
    mail_terms_put_tail(out, &message->terms);
}

/* `count` things of at least `bytes` each can't be more than what is left. */
static bool count_fits(struct wire_reader *in, uint32_t count, size_t bytes)
{
    if (in->bad || count > in->rest.length / bytes)
        in->bad = true;
    return !in->bad;
}

static void get_facts(struct wire_reader *in, struct arena *arena, struct message *out)
{
    out->id = wire_get_u64(in);
    out->session = wire_get_u64(in);
    out->received_ms = (int64_t)wire_get_u64(in);
    out->size = wire_get_u64(in);
    bool has_tail = mail_terms_get_head(in, &out->terms);
    out->sender = wire_get_text(in);
    out->terms.envelope_id = wire_get_text(in);
    out->message_id = wire_get_text(in);
    out->subject = wire_get_text(in);
    out->extent_count = wire_get_u16(in);
    if (!count_fits(in, out->extent_count, 16))
        return;
    out->extents = arena_array(arena, out->extent_count, sizeof(*out->extents));
    uint64_t total = 0;
    for (unsigned i = 0; i < out->extent_count; i++) {
        out->extents[i].segment = wire_get_u64(in);
        out->extents[i].offset = wire_get_u32(in);
        out->extents[i].length = wire_get_u32(in);
        total += out->extents[i].length;
    }
    if (has_tail)
        mail_terms_get_tail(in, &out->terms);
    if (out->id == 0 || (out->extent_count > 0 && total != out->size))
        in->bad = true;
}

static void put_message(struct buffer *out, const struct operation_message *operation)
{
    wire_put_u8(out, operation->body_follows);
    put_facts(out, &operation->message);
    wire_put_u32(out, operation->entry_count);
    for (unsigned i = 0; i < operation->entry_count; i++) {
        const struct message_entry *entry = &operation->entries[i];
        wire_put_u64(out, entry->mailbox);
        wire_put_u32(out, entry->uid);
        wire_put_u32(out, entry->flags);
        wire_put_u64(out, entry->modseq);
        wire_put_u64(out, (uint64_t)entry->date_ms);
    }
    wire_put_u32(out, operation->item_count);
    for (unsigned i = 0; i < operation->item_count; i++) {
        wire_put_u32(out, operation->items[i].number);
        wire_put_text(out, operation->items[i].value);
    }
}

static void get_message(struct wire_reader *in, struct arena *arena, struct operation_message *out)
{
    uint8_t follows = wire_get_u8(in);
    out->body_follows = follows == 1;
    get_facts(in, arena, &out->message);
    out->entry_count = wire_get_u32(in);
    if (follows > 1 || !count_fits(in, out->entry_count, 32)) {
        in->bad = true;
        return;
    }
    out->entries = arena_array(arena, out->entry_count, sizeof(*out->entries));
    for (unsigned i = 0; i < out->entry_count; i++) {
        struct message_entry *entry = &out->entries[i];
        entry->mailbox = wire_get_u64(in);
        entry->uid = wire_get_u32(in);
        entry->flags = wire_get_u32(in);
        entry->modseq = wire_get_u64(in);
        entry->date_ms = (int64_t)wire_get_u64(in);
        if (entry->uid == 0 || entry->uid == UINT32_MAX)
            in->bad = true;
    }
    out->item_count = wire_get_u32(in);
    if (!count_fits(in, out->item_count, 8))
        return;
    out->items = arena_array(arena, out->item_count, sizeof(*out->items));
    for (unsigned i = 0; i < out->item_count; i++) {
        out->items[i].number = wire_get_u32(in);
        out->items[i].value = wire_get_text(in);
        if (text_is_empty(out->items[i].value))
            in->bad = true;
    }
}

static void put_mailbox(struct buffer *out, const struct operation_mailbox *operation)
{
    wire_put_u64(out, operation->mailbox);
    wire_put_u64(out, operation->modseq);
    wire_put_text(out, operation->owner);
    wire_put_text(out, operation->name);
    wire_put_u32(out, operation->uid_validity);
    wire_put_u32(out, operation->uid_next);
}

static void get_mailbox(struct wire_reader *in, struct operation_mailbox *out)
{
    out->mailbox = wire_get_u64(in);
    out->modseq = wire_get_u64(in);
    out->owner = wire_get_text(in);
    out->name = wire_get_text(in);
    out->uid_validity = wire_get_u32(in);
    out->uid_next = wire_get_u32(in);
    if (out->mailbox == 0 || out->owner.length + out->name.length > 600)
        in->bad = true;
}

static void put_flags(struct buffer *out, const struct operation_flags *operation)
{
    wire_put_u64(out, operation->mailbox);
    wire_put_u64(out, operation->modseq);
    wire_put_u32(out, operation->uid);
    wire_put_u32(out, operation->add);
    wire_put_u32(out, operation->remove);
}

static void get_flags(struct wire_reader *in, struct operation_flags *out)
{
    out->mailbox = wire_get_u64(in);
    out->modseq = wire_get_u64(in);
    out->uid = wire_get_u32(in);
    out->add = wire_get_u32(in);
    out->remove = wire_get_u32(in);
}

static void put_expunge(struct buffer *out, const struct operation_expunge *operation)
{
    wire_put_u64(out, operation->mailbox);
    wire_put_u64(out, operation->modseq);
    wire_put_u32(out, operation->uid_count);
    for (unsigned i = 0; i < operation->uid_count; i++)
        wire_put_u32(out, operation->uids[i]);
}

static void get_expunge(struct wire_reader *in, struct arena *arena, struct operation_expunge *out)
{
    out->mailbox = wire_get_u64(in);
    out->modseq = wire_get_u64(in);
    out->uid_count = wire_get_u32(in);
    if (!count_fits(in, out->uid_count, 4))
        return;
    uint32_t *uids = arena_array(arena, out->uid_count, sizeof(*uids));
    for (unsigned i = 0; i < out->uid_count; i++)
        uids[i] = wire_get_u32(in);
    out->uids = uids;
}

static void put_copy(struct buffer *out, const struct operation_copy *operation)
{
    wire_put_u64(out, operation->mailbox);
    wire_put_u64(out, operation->modseq);
    wire_put_u32(out, operation->entry_count);
    for (unsigned i = 0; i < operation->entry_count; i++) {
        const struct copied_entry *entry = &operation->entries[i];
        wire_put_u64(out, entry->message);
        wire_put_u32(out, entry->uid);
        wire_put_u64(out, entry->flags);
        wire_put_u64(out, (uint64_t)entry->date_ms);
        wire_put_u32(out, entry->saved_s);
    }
}

static void get_copy(struct wire_reader *in, struct arena *arena, struct operation_copy *out)
{
    out->mailbox = wire_get_u64(in);
    out->modseq = wire_get_u64(in);
    out->entry_count = wire_get_u32(in);
    if (!count_fits(in, out->entry_count, 32))
        return;
    out->entries = arena_array(arena, out->entry_count, sizeof(*out->entries));
    for (unsigned i = 0; i < out->entry_count; i++) {
        struct copied_entry *entry = &out->entries[i];
        entry->message = wire_get_u64(in);
        entry->uid = wire_get_u32(in);
        entry->flags = wire_get_u64(in);
        entry->date_ms = (int64_t)wire_get_u64(in);
        entry->saved_s = wire_get_u32(in);
        if (entry->uid == 0 || entry->uid == UINT32_MAX)
            in->bad = true;
    }
}

static void put_story(struct buffer *out, const struct operation_story *operation)
{
    wire_put_u64(out, operation->id);
    wire_put_u64(out, (uint64_t)operation->wall_ms);
    wire_put_u64(out, operation->message_id_hash);
    wire_put_text(out, operation->event);
    wire_put_text(out, operation->text);
}

static void get_story(struct wire_reader *in, struct operation_story *out)
{
    out->id = wire_get_u64(in);
    out->wall_ms = (int64_t)wire_get_u64(in);
    out->message_id_hash = wire_get_u64(in);
    out->event = wire_get_text(in);
    out->text = wire_get_text(in);
}

static void put_operation(struct buffer *out, const struct operation *operation)
{
    switch (operation->type) {
    case OPERATION_MESSAGE:
        put_message(out, &operation->message);
        break;
    case OPERATION_MAILBOX:
        put_mailbox(out, &operation->mailbox);
        break;
    case OPERATION_FLAGS:
        put_flags(out, &operation->flags);
        break;
    case OPERATION_EXPUNGE:
        put_expunge(out, &operation->expunge);
        break;
    case OPERATION_COPY:
        put_copy(out, &operation->copy);
        break;
    case OPERATION_ITEM:
        wire_put_u64(out, operation->item.id);
        wire_put_u32(out, operation->item.number);
        wire_put_text(out, operation->item.value);
        break;
    case OPERATION_STORY:
        put_story(out, &operation->story);
        break;
    case OPERATION_STORY_EXPIRE:
        wire_put_u64(out, operation->expire_below);
        break;
    }
}

void change_add(struct change *change, const struct operation *operation)
{
    struct buffer *out = &change->operations;
    wire_put_u8(out, (uint8_t)operation->type);
    size_t length_at = out->length;
    wire_put_u32(out, 0);
    put_operation(out, operation);
    if (out->overflowed)
        return;
    uint32_t length = (uint32_t)(out->length - length_at - 4);
    for (unsigned i = 0; i < 4; i++)
        out->data[length_at + i] = (char)(length >> (24 - 8 * i));
}

void change_story(struct change *change, uint64_t id, const char *event, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    check(length >= 0);
    size_t kept = (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1;
    struct operation operation = {.type = OPERATION_STORY,
                                  .story = {.id = id,
                                            .wall_ms = clock_wall_ms(),
                                            .event = text_from(event),
                                            .text = text_of(text, kept)}};
    change_add(change, &operation);
}

bool change_read(struct text payload, struct change_reading *out)
{
    struct wire_reader in = wire_reader_of(payload);
    uint8_t version = wire_get_u8(&in);
    out->operations = wire_get_text(&in);
    out->body_offset = (uint32_t)(payload.length - in.rest.length);
    out->body_length = (uint32_t)in.rest.length;
    return !in.bad && version == CHANGE_VERSION && payload.length <= LOG_PAYLOAD_MAX;
}

bool change_next(struct text *rest, struct arena *arena, struct operation *out, bool *bad)
{
    *bad = false;
    if (text_is_empty(*rest))
        return false;
    struct wire_reader outer = wire_reader_of(*rest);
    uint8_t type = wire_get_u8(&outer);
    struct wire_reader in = wire_reader_of(wire_get_text(&outer));
    *rest = outer.rest;
    *out = (struct operation){.type = (enum operation_type)type};
    switch (out->type) {
    case OPERATION_MESSAGE:
        get_message(&in, arena, &out->message);
        break;
    case OPERATION_MAILBOX:
        get_mailbox(&in, &out->mailbox);
        break;
    case OPERATION_FLAGS:
        get_flags(&in, &out->flags);
        break;
    case OPERATION_EXPUNGE:
        get_expunge(&in, arena, &out->expunge);
        break;
    case OPERATION_COPY:
        get_copy(&in, arena, &out->copy);
        break;
    case OPERATION_ITEM:
        out->item.id = wire_get_u64(&in);
        out->item.number = wire_get_u32(&in);
        out->item.value = wire_get_text(&in);
        break;
    case OPERATION_STORY:
        get_story(&in, &out->story);
        break;
    case OPERATION_STORY_EXPIRE:
        out->expire_below = wire_get_u64(&in);
        break;
    default: /* the byte came from outside and may be no enumerator */
        in.bad = true;
    }
    *bad = outer.bad || !wire_end(&in);
    return !*bad;
}

void chunk_head(uint64_t id, char out[CHUNK_HEAD_BYTES])
{
    out[0] = CHANGE_VERSION;
    for (unsigned i = 0; i < 8; i++)
        out[1 + i] = (char)(id >> (56 - 8 * i));
}

bool chunk_read(struct text payload, uint64_t *id)
{
    struct wire_reader in = wire_reader_of(payload);
    uint8_t version = wire_get_u8(&in);
    *id = wire_get_u64(&in);
    return !in.bad && version == CHANGE_VERSION;
}

void message_encode(const struct message *message, struct buffer *out)
{
    put_facts(out, message);
    wire_put_u64(out, message->base_record);
    wire_put_u64(out, message->base_segment);
    wire_put_u32(out, message->references);
}

bool message_decode(struct text value, struct arena *arena, struct message *out)
{
    *out = (struct message){0};
    struct wire_reader in = wire_reader_of(value);
    get_facts(&in, arena, out);
    out->base_record = wire_get_u64(&in);
    out->base_segment = wire_get_u64(&in);
    out->references = wire_get_u32(&in);
    return wire_end(&in);
}
