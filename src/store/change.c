#include "store/change.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"
#include "store/change_parts.h"

void change_init(struct change *change)
{
    buffer_init(&change->operations, CHANGE_OPERATIONS_MAX);
    change->body = TEXT("");
    change->is_patient = false;
}

void change_finish(struct change *change)
{
    buffer_finish(&change->operations);
}

/* Facts that the record and the index write alike. */
void change_put_facts(struct buffer *out, const struct message *message)
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

bool change_count_fits(struct wire_reader *in, uint32_t count, size_t bytes)
{
    if (in->bad || count > in->rest.length / bytes)
        in->bad = true;
    return !in->bad;
}

void change_get_facts(struct wire_reader *in, struct arena *arena, struct message *out)
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
    if (!change_count_fits(in, out->extent_count, 16))
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
        change_put_message(out, &operation->message);
        break;
    case OPERATION_MAILBOX:
        change_put_mailbox(out, &operation->mailbox);
        break;
    case OPERATION_FLAGS:
        change_put_flags(out, &operation->flags);
        break;
    case OPERATION_EXPUNGE:
        change_put_expunge(out, &operation->expunge);
        break;
    case OPERATION_COPY:
        change_put_copy(out, &operation->copy);
        break;
    case OPERATION_MAILBOX_DELETE:
        wire_put_u64(out, operation->mailbox_delete);
        break;
    case OPERATION_VALUE:
        wire_put_text(out, operation->value.owner);
        wire_put_text(out, operation->value.name);
        wire_put_text(out, operation->value.value);
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
    return !in.bad && version == CHANGE_VERSION;
}

static void get_value(struct wire_reader *in, struct operation_value *out)
{
    out->owner = wire_get_text(in);
    out->name = wire_get_text(in);
    out->value = wire_get_text(in);
    if (text_is_empty(out->owner) || text_is_empty(out->name) ||
        out->owner.length + out->name.length > VALUE_NAMES_MAX ||
        text_find(out->owner, '\0') < out->owner.length || out->value.length > VALUE_BYTES_MAX)
        in->bad = true;
}

static void get_item(struct wire_reader *in, struct operation_item *out)
{
    out->id = wire_get_u64(in);
    out->number = wire_get_u32(in);
    out->value = wire_get_text(in);
}

/* code: what stands in the record; it came from outside and may be anything. */
static void get_operation(unsigned code, struct wire_reader *in, struct arena *arena,
                          struct operation *out)
{
    enum { MESSAGE_NARROW = 1, MAILBOX_NARROW = 2, FLAGS_NARROW = 3, FLAGS_LISTED = 13 };
    out->type = (enum operation_type)code;
    switch (code) {
    case MESSAGE_NARROW:
    case OPERATION_MESSAGE:
        out->type = OPERATION_MESSAGE;
        change_get_message(in, arena, code == MESSAGE_NARROW, &out->message);
        break;
    case MAILBOX_NARROW:
    case OPERATION_MAILBOX:
        out->type = OPERATION_MAILBOX;
        change_get_mailbox(in, arena, code == MAILBOX_NARROW, &out->mailbox);
        break;
    case FLAGS_NARROW:
        out->type = OPERATION_FLAGS;
        change_get_flags_narrow(in, arena, &out->flags);
        break;
    case FLAGS_LISTED:
        out->type = OPERATION_FLAGS;
        change_get_flags_listed(in, arena, &out->flags);
        break;
    case OPERATION_FLAGS:
        change_get_flags(in, arena, &out->flags);
        break;
    case OPERATION_EXPUNGE:
        change_get_expunge(in, arena, &out->expunge);
        break;
    case OPERATION_COPY:
        change_get_copy(in, arena, &out->copy);
        break;
    case OPERATION_MAILBOX_DELETE:
        out->mailbox_delete = wire_get_u64(in);
        break;
    case OPERATION_VALUE:
        get_value(in, &out->value);
        break;
    case OPERATION_ITEM:
        get_item(in, &out->item);
        break;
    case OPERATION_STORY:
        get_story(in, &out->story);
        break;
    case OPERATION_STORY_EXPIRE:
        out->expire_below = wire_get_u64(in);
        break;
    default:
        in->bad = true;
    }
}

bool change_next(struct text *rest, struct arena *arena, struct operation *out, bool *bad)
{
    *bad = false;
    if (text_is_empty(*rest))
        return false;
    struct wire_reader outer = wire_reader_of(*rest);
    uint8_t code = wire_get_u8(&outer);
    struct wire_reader in = wire_reader_of(wire_get_text(&outer));
    *rest = outer.rest;
    *out = (struct operation){0};
    get_operation(code, &in, arena, out);
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
    change_put_facts(out, message);
    wire_put_u64(out, message->base_record);
    wire_put_u64(out, message->base_segment);
    wire_put_u32(out, message->references);
    wire_put_u32(out, message->body_offset);
    if (message->is_as_given)
        wire_put_u8(out, 1);
}

bool message_decode(struct text value, struct arena *arena, struct message *out)
{
    *out = (struct message){0};
    struct wire_reader in = wire_reader_of(value);
    change_get_facts(&in, arena, out);
    out->base_record = wire_get_u64(&in);
    out->base_segment = wire_get_u64(&in);
    out->references = wire_get_u32(&in);
    out->body_offset = wire_get_u32(&in);
    out->is_as_given = in.rest.length > 0 && wire_get_u8(&in) == 1;
    return wire_end(&in);
}
