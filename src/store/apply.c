/* The apply function: (record, its place) to puts and deletes of absolute values in one batch, and
 * the same to mailboxes in memory. Deterministic: live and replay run it over the same records in
 * the same order. Operations on what does not exist are passed over, because the segment that made
 * it may have been given back. */
#include "store/apply.h"

#include "base/array.h"
#include "base/check.h"
#include "base/logline.h"

/* All that counts for a message in the segments it stands in. */
static void count_message(struct store *store, const struct message *message, int sign)
{
    live_add(store, message->base_segment, sign * MESSAGE_LIVE_BYTES);
    for (unsigned i = 0; i < message->extent_count; i++)
        live_add(store, message->extents[i].segment, sign * (int64_t)message->extents[i].length);
}

static struct touched *find_touched(const struct apply *apply, uint64_t id)
{
    if (apply->touched_by_id != NULL)
        return map_get(apply->touched_by_id, MAP_KEY(id));
    list_each(link, &apply->touched)
    {
        struct touched *touched = list_entry(link, struct touched, link);
        if (touched->message.id == id)
            return touched;
    }
    return NULL;
}

static struct touched *add_touched(struct apply *apply, const struct message *message)
{
    enum { LIST_MOST = 16 }; /* walked; of more there is a map */
    struct touched *touched = arena_alloc(apply->arena, sizeof(*touched));
    touched->message = *message;
    list_append(&apply->touched, &touched->link);
    if (++apply->touched_count > LIST_MOST && apply->touched_by_id == NULL) {
        apply->touched_by_id = map_new();
        list_each(link, &apply->touched)
        {
            struct touched *each = list_entry(link, struct touched, link);
            map_put(apply->touched_by_id, MAP_KEY(each->message.id), each);
        }
    }
    if (apply->touched_by_id != NULL)
        map_put(apply->touched_by_id, MAP_KEY(message->id), touched);
    return touched;
}

struct touched *apply_touch(struct apply *apply, uint64_t id)
{
    struct touched *touched = find_touched(apply, id);
    struct message message;
    if (touched != NULL)
        return touched;
    if (!store_message(apply->store, id, apply->arena, &message))
        return NULL;
    return add_touched(apply, &message);
}

void apply_note_box(struct apply *apply, struct mailbox *box)
{
    if (box->changed)
        return;
    box->changed = true;
    apply->boxes = arena_grow(apply->arena, apply->boxes, apply->box_count, sizeof(*apply->boxes));
    apply->boxes[apply->box_count++] = box;
}

/* The hook is told after the batch; remember what. */
static void note_item(struct apply *apply, uint64_t id, uint32_t number, struct text value)
{
    apply->items = arena_grow(apply->arena, apply->items, apply->item_count, sizeof(*apply->items));
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
        message->body_offset = apply->body_offset;
    }
    message->base_record = apply->number;
    message->base_segment = apply->segment;
    struct touched *old = apply_touch(apply, message->id);
    if (old != NULL) {
        count_message(store, &old->message, -1);
        message->references = old->message.references;
        old->message = *message;
        count_message(store, message, 1);
        for (unsigned i = 0; i < operation->entry_count; i++)
            apply_fold_flags(apply, &operation->entries[i]);
        return;
    }
    message->references = operation->entry_count + operation->item_count;
    if (message->references == 0)
        return;
    add_touched(apply, message);
    count_message(store, message, 1);
    for (unsigned i = 0; i < operation->entry_count; i++)
        apply_put_entry(apply, message, &operation->entries[i]);
    for (unsigned i = 0; i < operation->item_count; i++) {
        struct key key;
        const struct message_item *item = &operation->items[i];
        index_batch_put(store->batch, key_item(&key, message->id, item->number), item->value);
        note_item(apply, message->id, item->number, item->value);
    }
}

static void apply_item(struct apply *apply, const struct operation_item *operation)
{
    struct store *store = apply->store;
    struct touched *touched = apply_touch(apply, operation->id);
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
        const struct touched *touched = list_entry(link, struct touched, link);
        const struct message *message = &touched->message;
        struct key key;
        if (message->references == 0) {
            count_message(store, message, -1);
            index_batch_delete(store->batch, key_message(&key, message->id));
            if (touched->was_in_mailbox)
                derived_drop(store, message->id);
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
        apply_note_box(apply, mailbox_by_id(apply->store, operation->mailbox.mailbox));
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
    case OPERATION_MAILBOX_DELETE:
        apply_mailbox_delete(apply, operation->mailbox_delete);
        break;
    case OPERATION_VALUE:
        apply_value(apply, &operation->value);
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

/* After the index has it: whoever looks now finds it. */
static void tell(struct apply *apply)
{
    struct store *store = apply->store;
    if (apply->has_fresh)
        fresh_tell(store);
    for (unsigned i = 0; i < apply->box_count; i++) {
        apply->boxes[i]->changed = false;
        mailbox_tell(apply->boxes[i]);
    }
    if (store->hooks.item != NULL)
        for (unsigned i = 0; i < apply->item_count; i++)
            store->hooks.item(store->hooks.context, apply->items[i].id, apply->items[i].number,
                              apply->items[i].value);
    if (store->hooks.value != NULL)
        list_each(link, &apply->values)
        {
            const struct touched_value *value = list_entry(link, struct touched_value, link);
            store->hooks.value(store->hooks.context, value->owner, value->name);
        }
}

static void finish(struct apply *apply)
{
    struct store *store = apply->store;
    put_stories(apply);
    put_messages(apply);
    apply_put_flags(apply);
    apply_put_values(apply);
    for (unsigned i = 0; i < apply->box_count; i++)
        mailbox_put(apply->boxes[i]);
    live_put(store);
    index_batch_apply(store->batch, apply->number);
    map_free(&apply->touched_by_id);
    tell(apply);
}

void store_apply(struct store *store, log_number number, struct log_place place,
                 const struct change_reading *reading, struct text operations)
{
    struct arena arena;
    arena_init(&arena);
    struct apply apply = {.store = store, .arena = &arena, .number = number};
    apply.segment = place.segment;
    apply.body = place;
    apply.body_offset = reading->body_offset;
    apply.body.offset += reading->body_offset;
    apply.body.length = reading->body_length;
    list_init(&apply.touched);
    list_init(&apply.rows);
    list_init(&apply.values);
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
