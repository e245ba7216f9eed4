#include "store/change_parts.h"

enum { HAS_BODY = 1, IS_AS_GIVEN = 2 };

static bool is_uid(uint32_t uid)
{
    return uid != 0 && uid != UINT32_MAX;
}

static void put_entry(struct buffer *out, const struct message_entry *entry)
{
    wire_put_u64(out, entry->mailbox);
    wire_put_u32(out, entry->uid);
    wire_put_u64(out, entry->flags);
    wire_put_u64(out, entry->modseq);
    wire_put_u64(out, (uint64_t)entry->date_ms);
    wire_put_u32(out, entry->saved_s);
}

static void get_entry(struct wire_reader *in, bool is_narrow, struct message_entry *out)
{
    out->mailbox = wire_get_u64(in);
    out->uid = wire_get_u32(in);
    out->flags = is_narrow ? wire_get_u32(in) : wire_get_u64(in);
    out->modseq = wire_get_u64(in);
    out->date_ms = (int64_t)wire_get_u64(in);
    out->saved_s = is_narrow ? 0 : wire_get_u32(in);
    if (!is_uid(out->uid))
        in->bad = true;
}

void change_put_message(struct buffer *out, const struct operation_message *operation)
{
    wire_put_u8(out, (uint8_t)((operation->body_follows ? HAS_BODY : 0) |
                               (operation->message.is_as_given ? IS_AS_GIVEN : 0)));
    change_put_facts(out, &operation->message);
    wire_put_u32(out, operation->entry_count);
    for (unsigned i = 0; i < operation->entry_count; i++)
        put_entry(out, &operation->entries[i]);
    wire_put_u32(out, operation->item_count);
    for (unsigned i = 0; i < operation->item_count; i++) {
        wire_put_u32(out, operation->items[i].number);
        wire_put_text(out, operation->items[i].value);
    }
}

void change_get_message(struct wire_reader *in, struct arena *arena, bool is_narrow,
                        struct operation_message *out)
{
    uint8_t bits = wire_get_u8(in);
    out->body_follows = (bits & HAS_BODY) != 0;
    change_get_facts(in, arena, &out->message);
    out->message.is_as_given = (bits & IS_AS_GIVEN) != 0;
    out->entry_count = wire_get_u32(in);
    if (bits > (HAS_BODY | IS_AS_GIVEN) ||
        !change_count_fits(in, out->entry_count, is_narrow ? 32 : 40)) {
        in->bad = true;
        return;
    }
    out->entries = arena_array(arena, out->entry_count, sizeof(*out->entries));
    for (unsigned i = 0; i < out->entry_count; i++)
        get_entry(in, is_narrow, &out->entries[i]);
    out->item_count = wire_get_u32(in);
    if (!change_count_fits(in, out->item_count, 8))
        return;
    out->items = arena_array(arena, out->item_count, sizeof(*out->items));
    for (unsigned i = 0; i < out->item_count; i++) {
        out->items[i].number = wire_get_u32(in);
        out->items[i].value = wire_get_text(in);
        if (text_is_empty(out->items[i].value))
            in->bad = true;
    }
}

void change_put_mailbox(struct buffer *out, const struct operation_mailbox *operation)
{
    wire_put_u64(out, operation->mailbox);
    wire_put_u64(out, operation->modseq);
    wire_put_text(out, operation->owner);
    wire_put_text(out, operation->name);
    wire_put_u32(out, operation->uid_validity);
    wire_put_u32(out, operation->uid_next);
    wire_put_u16(out, (uint16_t)operation->uses);
    wire_put_u64(out, operation->mailbox_last);
    wire_put_u32(out, operation->validity_last);
    wire_put_u8(out, (uint8_t)operation->keyword_count);
    for (unsigned i = 0; i < operation->keyword_count; i++)
        wire_put_text(out, operation->keywords[i]);
}

static void get_keywords(struct wire_reader *in, struct arena *arena, struct operation_mailbox *out)
{
    out->keyword_count = wire_get_u8(in);
    if (out->keyword_count > MAILBOX_KEYWORDS_MAX) {
        in->bad = true;
        return;
    }
    out->keywords = arena_array(arena, out->keyword_count, sizeof(*out->keywords));
    for (unsigned i = 0; i < out->keyword_count; i++) {
        out->keywords[i] = wire_get_text(in);
        if (text_is_empty(out->keywords[i]) || out->keywords[i].length > MAILBOX_KEYWORD_BYTES_MAX)
            in->bad = true;
    }
}

void change_get_mailbox(struct wire_reader *in, struct arena *arena, bool is_narrow,
                        struct operation_mailbox *out)
{
    out->mailbox = wire_get_u64(in);
    out->modseq = wire_get_u64(in);
    out->owner = wire_get_text(in);
    out->name = wire_get_text(in);
    out->uid_validity = wire_get_u32(in);
    out->uid_next = wire_get_u32(in);
    if (!is_narrow) {
        out->uses = wire_get_u16(in);
        out->mailbox_last = wire_get_u64(in);
        out->validity_last = wire_get_u32(in);
        get_keywords(in, arena, out);
    }
    if (out->mailbox == 0 || out->owner.length + out->name.length > MAILBOX_NAMES_MAX)
        in->bad = true;
}

static void put_uids(struct buffer *out, const uint32_t *uids, unsigned count)
{
    wire_put_u32(out, count);
    for (unsigned i = 0; i < count; i++)
        wire_put_u32(out, uids[i]);
}

static const uint32_t *get_uids(struct wire_reader *in, struct arena *arena, unsigned *count)
{
    *count = wire_get_u32(in);
    if (!change_count_fits(in, *count, 4))
        return NULL;
    uint32_t *uids = arena_array(arena, *count, sizeof(*uids));
    for (unsigned i = 0; i < *count; i++)
        uids[i] = wire_get_u32(in);
    return uids;
}

void change_put_flags(struct buffer *out, const struct operation_flags *operation)
{
    wire_put_u64(out, operation->mailbox);
    wire_put_u64(out, operation->modseq);
    wire_put_u64(out, operation->add);
    wire_put_u64(out, operation->remove);
    wire_put_u32(out, operation->range_count);
    for (unsigned i = 0; i < operation->range_count; i++) {
        wire_put_u32(out, operation->ranges[i].first);
        wire_put_u32(out, operation->ranges[i].last);
    }
}

void change_get_flags(struct wire_reader *in, struct arena *arena, struct operation_flags *out)
{
    out->mailbox = wire_get_u64(in);
    out->modseq = wire_get_u64(in);
    out->add = wire_get_u64(in);
    out->remove = wire_get_u64(in);
    uint32_t count = wire_get_u32(in);
    if (!change_count_fits(in, count, 8))
        return;
    struct uid_range *ranges = arena_array(arena, count, sizeof(*ranges));
    for (unsigned i = 0; i < count; i++) {
        ranges[i] = (struct uid_range){.first = wire_get_u32(in)};
        ranges[i].last = wire_get_u32(in);
        if (!is_uid(ranges[i].first) || !is_uid(ranges[i].last) ||
            ranges[i].last < ranges[i].first || (i > 0 && ranges[i].first <= ranges[i - 1].last))
            in->bad = true;
    }
    out->ranges = ranges;
    out->range_count = count;
}

static void range_of_one(struct arena *arena, uint32_t uid, struct operation_flags *out)
{
    struct uid_range *range = arena_alloc(arena, sizeof(*range));
    *range = (struct uid_range){uid, uid};
    out->ranges = range;
    out->range_count = 1;
}

void change_get_flags_narrow(struct wire_reader *in, struct arena *arena,
                             struct operation_flags *out)
{
    out->mailbox = wire_get_u64(in);
    out->modseq = wire_get_u64(in);
    range_of_one(arena, wire_get_u32(in), out);
    out->add = wire_get_u32(in);
    out->remove = wire_get_u32(in);
    if (!is_uid(out->ranges->first))
        in->bad = true;
}

void change_get_flags_listed(struct wire_reader *in, struct arena *arena,
                             struct operation_flags *out)
{
    out->mailbox = wire_get_u64(in);
    out->modseq = wire_get_u64(in);
    out->add = wire_get_u64(in);
    out->remove = wire_get_u64(in);
    unsigned count;
    const uint32_t *uids = get_uids(in, arena, &count);
    if (in->bad)
        return;
    struct uid_range *ranges = arena_array(arena, count, sizeof(*ranges));
    for (unsigned i = 0; i < count; i++) {
        struct uid_range *last = out->range_count > 0 ? &ranges[out->range_count - 1] : NULL;
        if (!is_uid(uids[i]) || (last != NULL && uids[i] <= last->last))
            continue; /* it was passed over */
        if (last != NULL && uids[i] == last->last + 1)
            last->last = uids[i];
        else
            ranges[out->range_count++] = (struct uid_range){uids[i], uids[i]};
    }
    out->ranges = ranges;
}

void change_put_expunge(struct buffer *out, const struct operation_expunge *operation)
{
    wire_put_u64(out, operation->mailbox);
    wire_put_u64(out, operation->modseq);
    put_uids(out, operation->uids, operation->uid_count);
}

void change_get_expunge(struct wire_reader *in, struct arena *arena, struct operation_expunge *out)
{
    out->mailbox = wire_get_u64(in);
    out->modseq = wire_get_u64(in);
    out->uids = get_uids(in, arena, &out->uid_count);
}

void change_put_copy(struct buffer *out, const struct operation_copy *operation)
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

void change_get_copy(struct wire_reader *in, struct arena *arena, struct operation_copy *out)
{
    out->mailbox = wire_get_u64(in);
    out->modseq = wire_get_u64(in);
    out->entry_count = wire_get_u32(in);
    if (!change_count_fits(in, out->entry_count, 32))
        return;
    out->entries = arena_array(arena, out->entry_count, sizeof(*out->entries));
    for (unsigned i = 0; i < out->entry_count; i++) {
        struct copied_entry *entry = &out->entries[i];
        entry->message = wire_get_u64(in);
        entry->uid = wire_get_u32(in);
        entry->flags = wire_get_u64(in);
        entry->date_ms = (int64_t)wire_get_u64(in);
        entry->saved_s = wire_get_u32(in);
        if (!is_uid(entry->uid))
            in->bad = true;
    }
}
