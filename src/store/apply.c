/* The apply function: (record, its place) to puts and deletes of absolute values in one batch, and
 * the same to mailboxes in memory. Deterministic: live and replay run it over the same records in
 * the same order. Operations on what does not exist are passed over, because the segment that made
 * it may have been given back. */
#include <stdlib.h>

#include "base/check.h"
#include "base/logline.h"
#include "store/internal.h"

/* Messages and stories one record touches, gathered so that each key is put once. */
struct touched {
    struct list link;
    struct message message;
    bool is_new;
};
struct told {
    struct list link;
    uint64_t id, hash;
    struct buffer events;
};
struct apply {
    struct store *store;
    struct arena *arena;
    log_number number;
    struct log_place body;
    uint64_t segment;
    struct list touched, told, boxes_changed;
    struct operation_item *items;
    unsigned item_count, item_capacity;
    struct mailbox **boxes;
    unsigned box_count, box_capacity;
};

/* All that counts for a message in the segments it stands in. */
static void count_message(struct store *store, const struct message *message, int sign)
{
    live_add(store, message->base_segment, sign * MESSAGE_LIVE_BYTES);
    for (unsigned i = 0; i < message->extent_count; i++)
        live_add(store, message->extents[i].segment, sign * (int64_t)message->extents[i].length);
}

static struct touched *touch(struct apply *apply, uint64_t id)
{
    list_each(link, &apply->touched)
    {
        struct touched *touched = list_entry(link, struct touched, link);
        if (touched->message.id == id)
            return touched;
    }
    struct message message;
    if (!store_message(apply->store, id, apply->arena, &message))
        return NULL;
    struct touched *touched = arena_alloc(apply->arena, sizeof(*touched));
    touched->message = message;
    list_append(&apply->touched, &touched->link);
    return touched;
}

static void note_box(struct apply *apply, struct mailbox *box)
{
    if (box->changed)
        return;
    box->changed = true;
    if (apply->box_count == apply->box_capacity) {
        unsigned capacity = apply->box_capacity == 0 ? 8 : apply->box_capacity * 2;
        struct mailbox **boxes = arena_array(apply->arena, capacity, sizeof(struct mailbox *));
        for (unsigned i = 0; i < apply->box_count; i++)
            boxes[i] = apply->boxes[i];
        apply->boxes = boxes;
        apply->box_capacity = capacity;
    }
    apply->boxes[apply->box_count++] = box;
}

/* The hook is told after the batch; remember what. */
static void note_item(struct apply *apply, uint64_t id, uint32_t number, struct text value)
{
    if (apply->item_count == apply->item_capacity) {
        unsigned capacity = apply->item_capacity == 0 ? 8 : apply->item_capacity * 2;
        struct operation_item *items = arena_array(apply->arena, capacity, sizeof(*items));
        for (unsigned i = 0; i < apply->item_count; i++)
            items[i] = apply->items[i];
        apply->items = items;
        apply->item_capacity = capacity;
    }
    apply->items[apply->item_count++] = (struct operation_item){id, number, value};
}

static bool key_exists(struct store *store, struct text key)
{
    struct buffer value;
    buffer_init(&value, CHANGE_OPERATIONS_MAX);
    bool exists = index_get(store->index, key, &value);
    buffer_finish(&value);
    return exists;
}

static void put_entry(struct apply *apply, const struct message *message,
                      const struct message_entry *from)
{
    struct store *store = apply->store;
    struct mailbox_entry entry = {.message = message->id,
                                  .modseq = from->modseq,
                                  .date_ms = from->date_ms,
                                  .size = message->size + mailbox_prefix_bytes(message->sender),
                                  .uid = from->uid,
                                  .flags = from->flags};
    struct key key;
    char room[64];
    struct buffer value;
    buffer_init(&value, sizeof(room));
    entry_encode(&entry, &value);
    index_batch_put(store->batch, key_entry(&key, from->mailbox, from->uid), buffer_text(&value));
    buffer_finish(&value);
    index_batch_put(store->batch, key_reference(&key, message->id, from->mailbox, from->uid),
                    TEXT("1"));
    /* NULL while an index is made anew from a log whose head, with the mailbox, was rewritten
     * forward: its record comes later and has counters beyond these. */
    struct mailbox *box = mailbox_by_id(store, from->mailbox);
    if (box == NULL)
        return;
    mailbox_apply_entry(box, &entry);
    note_box(apply, box);
}

/* A message that exists already was written forward: all that refers to it is in the operation
 * and in the index alike, so only its places change. */
static void apply_message(struct apply *apply, struct operation_message *operation)
{
    struct store *store = apply->store;
    struct message *message = &operation->message;
    if (operation->body_follows) {
        message->extents = arena_alloc(apply->arena, sizeof(*message->extents));
        message->extents[0] = apply->body;
        message->extent_count = apply->body.length > 0;
        message->size = apply->body.length;
    }
    message->base_record = apply->number;
    message->base_segment = apply->segment;
    struct touched *old = touch(apply, message->id);
    if (old != NULL) {
        count_message(store, &old->message, -1);
        message->references = old->message.references;
        old->message = *message;
        count_message(store, message, 1);
        return;
    }
    message->references = operation->entry_count + operation->item_count;
    if (message->references == 0)
        return;
    struct touched *touched = arena_alloc(apply->arena, sizeof(*touched));
    touched->message = *message;
    list_append(&apply->touched, &touched->link);
    count_message(store, message, 1);
    for (unsigned i = 0; i < operation->entry_count; i++)
        put_entry(apply, message, &operation->entries[i]);
    for (unsigned i = 0; i < operation->item_count; i++) {
        struct key key;
        const struct message_item *item = &operation->items[i];
        index_batch_put(store->batch, key_item(&key, message->id, item->number), item->value);
        note_item(apply, message->id, item->number, item->value);
    }
}

static void apply_copy(struct apply *apply, const struct operation_copy *operation)
{
    for (unsigned i = 0; i < operation->entry_count; i++) {
        const struct copied_entry *copied = &operation->entries[i];
        struct touched *touched = touch(apply, copied->message);
        if (touched == NULL)
            continue;
        struct message_entry entry = {.mailbox = operation->mailbox,
                                      .uid = copied->uid,
                                      .flags = (uint32_t)copied->flags,
                                      .modseq = operation->modseq,
                                      .date_ms = copied->date_ms};
        touched->message.references++;
        put_entry(apply, &touched->message, &entry);
    }
}

static void apply_item(struct apply *apply, const struct operation_item *operation)
{
    struct store *store = apply->store;
    struct touched *touched = touch(apply, operation->id);
    if (touched == NULL)
        return;
    struct key key;
    struct text at = key_item(&key, operation->id, operation->number);
    bool existed = key_exists(store, at);
    if (text_is_empty(operation->value)) {
        if (!existed)
            return;
        index_batch_delete(store->batch, at);
        touched->message.references--;
    } else {
        index_batch_put(store->batch, at, operation->value);
        touched->message.references += !existed;
    }
    note_item(apply, operation->id, operation->number, operation->value);
}

static bool get_entry(struct store *store, uint64_t mailbox, uint32_t uid,
                      struct mailbox_entry *out)
{
    struct key key;
    struct buffer value;
    buffer_init(&value, 256);
    bool found = index_get(store->index, key_entry(&key, mailbox, uid), &value) &&
                 entry_decode(buffer_text(&value), out);
    buffer_finish(&value);
    return found;
}

static void apply_expunge(struct apply *apply, const struct operation_expunge *operation)
{
    struct store *store = apply->store;
    struct mailbox *box = mailbox_by_id(store, operation->mailbox);
    uint32_t *gone = arena_array(apply->arena, operation->uid_count, sizeof(*gone));
    unsigned gone_count = 0;
    for (unsigned i = 0; i < operation->uid_count; i++) {
        struct mailbox_entry entry;
        uint32_t uid = operation->uids[i];
        if (!get_entry(store, operation->mailbox, uid, &entry) ||
            (i > 0 && uid <= operation->uids[i - 1]))
            continue;
        struct key key;
        index_batch_delete(store->batch, key_entry(&key, operation->mailbox, uid));
        index_batch_delete(store->batch,
                           key_reference(&key, entry.message, operation->mailbox, uid));
        struct touched *touched = touch(apply, entry.message);
        if (touched != NULL && touched->message.references > 0)
            touched->message.references--;
        gone[gone_count++] = uid;
    }
    if (box == NULL)
        return;
    mailbox_apply_expunge(box, gone, gone_count, operation->modseq);
    note_box(apply, box);
}

static void apply_flags(struct apply *apply, const struct operation_flags *operation)
{
    struct store *store = apply->store;
    struct mailbox_entry entry;
    if (!get_entry(store, operation->mailbox, operation->uid, &entry))
        return;
    entry.flags = (entry.flags & ~operation->remove) | operation->add;
    entry.modseq = operation->modseq;
    struct key key;
    struct buffer value;
    buffer_init(&value, 256);
    entry_encode(&entry, &value);
    index_batch_put(store->batch, key_entry(&key, operation->mailbox, operation->uid),
                    buffer_text(&value));
    buffer_finish(&value);
    struct mailbox *box = mailbox_by_id(store, operation->mailbox);
    if (box == NULL)
        return;
    mailbox_apply_flags(box, operation->uid, entry.flags, entry.modseq);
    note_box(apply, box);
}

static void apply_story(struct apply *apply, const struct operation_story *operation)
{
    struct told *told = NULL;
    list_each(link, &apply->told) if (list_entry(link, struct told, link)->id == operation->id)
        told = list_entry(link, struct told, link);
    if (told == NULL) {
        told = arena_alloc(apply->arena, sizeof(*told));
        told->id = operation->id;
        buffer_init(&told->events, CHANGE_OPERATIONS_MAX);
        list_append(&apply->told, &told->link);
    }
    if (operation->message_id_hash != 0)
        told->hash = operation->message_id_hash;
    wire_put_u64(&told->events, (uint64_t)operation->wall_ms);
    wire_put_text(&told->events, operation->event);
    wire_put_text(&told->events, operation->text);
}

static void put_stories(struct apply *apply)
{
    struct store *store = apply->store;
    list_each(link, &apply->told)
    {
        struct told *told = list_entry(link, struct told, link);
        struct buffer value;
        struct key key;
        buffer_init(&value, CHANGE_OPERATIONS_MAX + 8);
        wire_put_u64(&value, told->hash);
        buffer_append(&value, buffer_text(&told->events));
        index_batch_put(store->batch, key_story(&key, told->id, apply->number),
                        buffer_text(&value));
        if (told->hash != 0)
            index_batch_put(store->batch, key_hash(&key, told->hash, told->id), TEXT("1"));
        buffer_finish(&value);
        buffer_finish(&told->events);
    }
}

struct expiry {
    struct store *store;
    uint64_t below;
};

static bool expire_one(void *context, struct text key, struct text value)
{
    struct expiry *expiry = context;
    uint64_t id = key_get_u64(key, 0);
    if (id >= expiry->below)
        return false;
    index_batch_delete(expiry->store->batch, key);
    struct wire_reader in = wire_reader_of(value);
    uint64_t hash = wire_get_u64(&in);
    struct key at;
    if (hash != 0)
        index_batch_delete(expiry->store->batch, key_hash(&at, hash, id));
    return true;
}

static void put_messages(struct apply *apply)
{
    struct store *store = apply->store;
    list_each(link, &apply->touched)
    {
        const struct message *message = &list_entry(link, struct touched, link)->message;
        struct key key;
        if (message->references == 0) {
            count_message(store, message, -1);
            index_batch_delete(store->batch, key_message(&key, message->id));
            continue;
        }
        struct buffer value;
        buffer_init(&value, CHANGE_OPERATIONS_MAX);
        message_encode(message, &value);
        index_batch_put(store->batch, key_message(&key, message->id), buffer_text(&value));
        buffer_finish(&value);
    }
}

static void apply_operation(struct apply *apply, struct operation *operation)
{
    switch (operation->type) {
    case OPERATION_MESSAGE:
        apply_message(apply, &operation->message);
        break;
    case OPERATION_MAILBOX:
        mailbox_apply(apply->store, &operation->mailbox, apply->number, apply->segment);
        note_box(apply, mailbox_by_id(apply->store, operation->mailbox.mailbox));
        break;
    case OPERATION_FLAGS:
        apply_flags(apply, &operation->flags);
        break;
    case OPERATION_EXPUNGE:
        apply_expunge(apply, &operation->expunge);
        break;
    case OPERATION_COPY:
        apply_copy(apply, &operation->copy);
        break;
    case OPERATION_ITEM:
        apply_item(apply, &operation->item);
        break;
    case OPERATION_STORY:
        apply_story(apply, &operation->story);
        break;
    case OPERATION_STORY_EXPIRE: {
        struct expiry expiry = {apply->store, operation->expire_below};
        index_scan(apply->store->index, TEXT("t"), TEXT(""), expire_one, &expiry);
        break;
    }
    }
}

static void finish(struct apply *apply)
{
    struct store *store = apply->store;
    put_stories(apply);
    put_messages(apply);
    for (unsigned i = 0; i < apply->box_count; i++)
        mailbox_put(apply->boxes[i]);
    live_put(store);
    if (index_batch_apply(store->batch, apply->number) != OK)
        store_index_lost(store);
    for (unsigned i = 0; i < apply->box_count; i++) {
        apply->boxes[i]->changed = false;
        task_event_tell_all(&apply->boxes[i]->news);
        views_wake(apply->boxes[i]);
    }
    if (store->hooks.item != NULL)
        for (unsigned i = 0; i < apply->item_count; i++)
            store->hooks.item(store->hooks.context, apply->items[i].id, apply->items[i].number,
                              apply->items[i].value);
}

void store_apply(struct store *store, log_number number, struct log_place place,
                 const struct change_reading *reading, struct text operations)
{
    struct arena arena;
    arena_init(&arena);
    struct apply apply = {.store = store, .arena = &arena, .number = number};
    apply.segment = place.segment;
    apply.body = place;
    apply.body.offset += reading->body_offset;
    apply.body.length = reading->body_length;
    list_init(&apply.touched);
    list_init(&apply.told);
    struct operation operation;
    bool bad;
    while (change_next(&operations, &arena, &operation, &bad))
        apply_operation(&apply, &operation);
    if (bad)
        log_error("store.record_malformed", "record=%llu", (unsigned long long)number);
    finish(&apply);
    arena_finish(&arena);
}
