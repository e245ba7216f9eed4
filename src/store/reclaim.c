/* Giving log segments back, oldest first. What is still needed of the oldest segment is written
 * forward as it stands now; everything else in it is then obsolete, because what it changed is
 * either gone or was written forward itself. No record ever refers to a state that an older, kept
 * segment could bring back: that is what the order buys. Writing forward is only done when more
 * than half of the log is dead, so each byte freed costs at most one byte written. */
#include <stdlib.h>

#include "base/array.h"
#include "base/check.h"
#include "base/id.h"
#include "base/logline.h"
#include "store/flag_row.h"
#include "store/internal.h"
#include "store/value.h"
#include "task/pace.h"

struct found {
    struct arena arena;
    uint64_t *messages, *mailboxes;
    size_t message_count, mailbox_count;
    struct buffer values; /* owner and name of each, as wire texts */
};

static void add(uint64_t **ids, size_t *count, uint64_t id)
{
    if (*count > 0 && (*ids)[*count - 1] == id)
        return;
    *ids = array_grow(*ids, *count, sizeof(**ids));
    (*ids)[(*count)++] = id;
}

static void find_in_change(struct found *found, struct text payload)
{
    struct change_reading reading;
    struct operation operation;
    bool bad;
    if (!change_read(payload, &reading))
        return;
    while (change_next(&reading.operations, &found->arena, &operation, &bad)) {
        if (operation.type == OPERATION_MESSAGE)
            add(&found->messages, &found->message_count, operation.message.message.id);
        if (operation.type == OPERATION_MAILBOX)
            add(&found->mailboxes, &found->mailbox_count, operation.mailbox.mailbox);
        if (operation.type == OPERATION_VALUE) {
            wire_put_text(&found->values, operation.value.owner);
            wire_put_text(&found->values, operation.value.name);
        }
    }
    arena_reset(&found->arena);
}

static bool find_one(void *context, const struct log_record *record)
{
    struct found *found = context;
    uint64_t id;
    if (record->type == RECORD_CHANGE)
        find_in_change(found, record->payload);
    else if (record->type == RECORD_CHUNK && chunk_read(record->payload, &id))
        add(&found->messages, &found->message_count, id);
    return true;
}

static bool stands_in(const struct message *message, uint64_t segment)
{
    if (message->base_segment == segment)
        return true;
    for (unsigned i = 0; i < message->extent_count; i++)
        if (message->extents[i].segment == segment)
            return true;
    return false;
}

/* All that refers to a message, for writing it forward. */
struct snapshot {
    struct store *store;
    struct arena *arena;
    struct operation operation;
};

static bool snapshot_entry(void *context, struct text key, struct text value)
{
    struct snapshot *snapshot = context;
    struct operation_message *out = &snapshot->operation.message;
    uint64_t mailbox = key_get_u64(key, 8);
    uint32_t uid = key_get_u32(key, 16);
    unused(value);
    out->entries =
        arena_grow(snapshot->arena, out->entries, out->entry_count, sizeof(*out->entries));
    struct mailbox_entry entry;
    struct entry_reader reader = entry_reader_of(snapshot->store, mailbox);
    if (entry_read(&reader, uid, &entry))
        out->entries[out->entry_count++] = (struct message_entry){.mailbox = mailbox,
                                                                  .flags = entry.flags,
                                                                  .modseq = entry.modseq,
                                                                  .date_ms = entry.date_ms,
                                                                  .uid = uid,
                                                                  .saved_s = entry.saved_s};
    return true;
}

static bool snapshot_item(void *context, struct text key, struct text value)
{
    struct snapshot *snapshot = context;
    struct operation_message *out = &snapshot->operation.message;
    out->items = arena_grow(snapshot->arena, out->items, out->item_count, sizeof(*out->items));
    out->items[out->item_count++] =
        (struct message_item){key_get_u32(key, 8), arena_copy(snapshot->arena, value)};
    return true;
}

/* All that refers to it was found: what an index lacks would be lost with the segment. */
static enum status is_whole(const struct operation_message *operation, const struct change *change)
{
    char text[ID_TEXT_BYTES];
    id_format(operation->message.id, text);
    if (operation->entry_count + operation->item_count != operation->message.references)
        return try_later("the index does not have all that refers to message %s", text);
    return change->operations.overflowed ? try_later("message %s fits into no record", text) : OK;
}

/* The state of a message as of now, as one operation. REFUSED: it is gone. */
static enum status compose_snapshot(struct store *store, uint64_t id, struct log_place *extents,
                                    unsigned extent_count, struct change *change)
{
    struct arena arena;
    arena_init(&arena);
    struct snapshot snapshot = {.store = store, .arena = &arena};
    struct operation_message *out = &snapshot.operation.message;
    snapshot.operation.type = OPERATION_MESSAGE;
    enum status status = REFUSED;
    if (store_message(store, id, &arena, &out->message)) {
        struct key key;
        index_scan(store->index, key_references(&key, id), TEXT(""), snapshot_entry, &snapshot);
        index_scan(store->index, key_items(&key, id), TEXT(""), snapshot_item, &snapshot);
        out->body_follows = extents == NULL;
        out->message.extents = extents;
        out->message.extent_count = extent_count;
        change_add(change, &snapshot.operation);
        status = is_whole(out, change);
    }
    arena_finish(&arena);
    return status;
}

/* Messages whose bodies are in one record each go forward together: a batch of the log is padded
 * to whole blocks, so that one message in each would waste as much as it frees, and a sync. */
enum { MOVES_AT_ONCE = 32, MOVES_BYTES = 256 << 10 };

struct move {
    uint64_t id;
    size_t body_at, body_length; /* in the bodies at hand */
    bool is_appended;
    struct change change;
    struct pending pending;
};

struct moving {
    struct store *store;
    uint64_t segment; /* that they are moved out of */
    bool urgent;
    struct task_pace pace;
    struct buffer bodies;
    unsigned count;
    struct move moves[MOVES_AT_ONCE];
};

/* A change on its way would be undone by a snapshot of what is applied so far. YIELDS. */
static void settle_moves(const struct moving *moving)
{
    for (unsigned i = 0; i < moving->count;) {
        if (store_is_pending(moving->store, moving->moves[i].id)) {
            store_settle(moving->store);
            i = 0;
        } else {
            i++;
        }
    }
}

/* One that is gone, meanwhile, is no failure. */
static enum status append_move(struct moving *moving, struct move *move)
{
    change_init(&move->change);
    enum status status = compose_snapshot(moving->store, move->id, NULL, 0, &move->change);
    move->change.body = text_of(moving->bodies.data + move->body_at, move->body_length);
    move->is_appended = status == OK;
    if (move->is_appended)
        store_append(moving->store, &move->change, &move->pending);
    return status == TRY_LATER ? TRY_LATER : OK;
}

/* What is at hand, in one batch. YIELDS. */
static enum status write_moves(struct moving *moving)
{
    enum status status = OK;
    settle_moves(moving);
    for (unsigned i = 0; i < moving->count; i++)
        if (append_move(moving, &moving->moves[i]) != OK)
            status = TRY_LATER;
    for (unsigned i = 0; i < moving->count; i++) {
        struct move *move = &moving->moves[i];
        enum status waited = move->is_appended ? store_wait(moving->store, &move->pending) : OK;
        if (status == OK)
            status = waited;
        change_finish(&move->change);
    }
    moving->count = 0;
    buffer_reset(&moving->bodies, MOVES_BYTES + CHANGE_BODY_INLINE_MAX);
    return status;
}

/* There is time, unless the disk is nearly full: as long as it worked it leaves to others. YIELDS.
 */
static enum status rest(struct moving *moving)
{
    return moving->urgent ? OK : task_pace_rest(&moving->pace, task_pace_worked_us(&moving->pace));
}

static enum status write_large(struct store *store, uint64_t id, struct log_place *extents,
                               unsigned extent_count)
{
    struct change change;
    while (store_is_pending(store, id))
        store_settle(store);
    change_init(&change);
    enum status status = compose_snapshot(store, id, extents, extent_count, &change);
    if (status == OK)
        status = store_commit(store, &change);
    change_finish(&change);
    return status == REFUSED ? OK : status;
}

static enum status move_large(struct store *store, uint64_t id, uint64_t size)
{
    enum { PART = 512 << 10 };
    struct upload *upload = upload_new(store, id);
    struct buffer part;
    buffer_init(&part, PART);
    enum status status = OK;
    for (uint64_t offset = 0; offset < size && status == OK; offset += PART) {
        buffer_reset(&part, PART);
        status = store_read(store, id, offset, PART, &part);
        if (status == OK)
            status = upload_append(upload, buffer_text(&part));
    }
    buffer_finish(&part);
    unsigned count;
    struct log_place *extents = status == OK ? upload_finish(upload, &count) : NULL;
    if (status == OK)
        status = extents == NULL ? try_later("a part could not be written")
                                 : write_large(store, id, extents, count);
    upload_free(&upload);
    return status;
}

static enum status move_small(struct moving *moving, uint64_t id, uint64_t size)
{
    struct move *move = &moving->moves[moving->count];
    *move = (struct move){.id = id, .body_at = moving->bodies.length};
    enum status status = store_read(moving->store, id, 0, (uint32_t)size, &moving->bodies);
    move->body_length = moving->bodies.length - move->body_at;
    if (status != OK)
        buffer_cut(&moving->bodies, move->body_at);
    else
        moving->count++;
    if (moving->count == MOVES_AT_ONCE || moving->bodies.length >= MOVES_BYTES) {
        status = write_moves(moving);
        if (status == OK)
            status = rest(moving);
    }
    return status;
}

/* A damaged one is not moved, for it would be given a checksum that is right; so the segment stays
 * until its file is mended, or the message deleted. */
static enum status move_message(struct moving *moving, uint64_t id)
{
    struct arena arena;
    struct message message;
    arena_init(&arena);
    bool wanted =
        store_message(moving->store, id, &arena, &message) && stands_in(&message, moving->segment);
    uint64_t size = wanted ? message.size : 0;
    arena_finish(&arena);
    if (!wanted)
        return OK;
    enum status status = size > CHANGE_BODY_INLINE_MAX ? move_large(moving->store, id, size)
                                                       : move_small(moving, id, size);
    char text[ID_TEXT_BYTES];
    return status == TRY_LATER ? fail_within(status, "message %s", id_format(id, text)) : status;
}

static enum status move_messages(struct store *store, const struct found *found, uint64_t segment,
                                 bool urgent)
{
    struct moving *moving = calloc(1, sizeof(*moving));
    check(moving != NULL);
    *moving = (struct moving){.store = store, .segment = segment, .urgent = urgent};
    task_pace_begin(&moving->pace);
    buffer_init(&moving->bodies, MOVES_BYTES + CHANGE_BODY_INLINE_MAX);
    enum status status = OK;
    for (size_t i = 0; i < found->message_count && status == OK; i++)
        status = move_message(moving, found->messages[i]);
    if (status == OK)
        status = write_moves(moving);
    buffer_finish(&moving->bodies);
    free(moving);
    return status;
}

static enum status move_mailbox(struct store *store, uint64_t id, uint64_t segment)
{
    struct mailbox *box = mailbox_by_id(store, id);
    if (box == NULL || box->is_going || box->base_segment != segment)
        return OK;
    struct change change;
    struct operation operation = {.type = OPERATION_MAILBOX};
    mailbox_describe(box, &operation.mailbox);
    change_init(&change);
    change_add(&change, &operation);
    enum status status = store_commit(store, &change);
    change_finish(&change);
    return status;
}

static enum status move_value(struct store *store, struct text owner, struct text name,
                              uint64_t segment)
{
    /* One that is being changed would be set back to what it was. */
    while (store_value_is_pending(store, owner, name))
        store_settle(store);
    if (value_segment(store, owner, name) != segment)
        return OK;
    struct buffer value;
    buffer_init(&value, VALUE_BYTES_MAX + 64);
    enum status status = OK;
    if (value_get(store, owner, name, &value))
        status = value_set(store, owner, name, buffer_text(&value));
    buffer_finish(&value);
    return status;
}

static enum status move_values(struct store *store, struct text found, uint64_t segment)
{
    struct wire_reader in = wire_reader_of(found);
    enum status status = OK;
    while (!wire_end(&in) && status == OK) {
        struct text owner = wire_get_text(&in), name = wire_get_text(&in);
        check(!in.bad); /* we wrote them, and there was room for all of a segment */
        status = move_value(store, owner, name, segment);
    }
    return status;
}

static enum status move_all(struct store *store, uint64_t segment, bool urgent)
{
    struct found found = {0};
    arena_init(&found.arena);
    buffer_init(&found.values, LOG_SEGMENT_BYTES);
    enum status status = log_replay_segment(store->log, segment, find_one, &found);
    if (status == OK)
        status = move_messages(store, &found, segment, urgent);
    for (size_t i = 0; i < found.mailbox_count && status == OK; i++)
        status = move_mailbox(store, found.mailboxes[i], segment);
    if (status == OK)
        status = move_values(store, buffer_text(&found.values), segment);
    buffer_finish(&found.values);
    free(found.messages);
    free(found.mailboxes);
    arena_finish(&found.arena);
    return status;
}

static bool is_being_written(struct store *store, uint64_t segment)
{
    list_each(link,
              &store->uploads) if (upload_is_in((const struct upload *)link, segment)) return true;
    return false;
}

/* A pass over all of the log that gained next to nothing has shown that what is dead stays so: it
 * is padding, and records that nobody counts, for so much that lives. */
static void end_pass(struct store *store, uint64_t dead, uint64_t live)
{
    bool has_gained = dead < store->pass_dead - store->pass_dead / 10;
    store->stays_dead = has_gained ? 0 : dead;
    store->stays_live = live;
    store->pass_end = 0;
}

/* Much of the log is dead, and would be gained. Else it would be written anew and anew for as long
 * as the disk is full. */
static bool is_worth_it(struct store *store, uint64_t oldest, bool urgent)
{
    struct store_space space = store_space_now(store);
    uint64_t live = space.live_bytes, log = space.log_bytes, dead = log > live ? log - live : 0;
    if (store->pass_end != 0 && oldest > store->pass_end)
        end_pass(store, dead, live);
    double stays = (double)store->stays_dead * (double)live / (double)(store->stays_live + 1);
    bool is_worth = (double)dead > stays + (double)(log / (urgent ? 10 : 2));
    if (is_worth && store->pass_end == 0) {
        store->pass_end = log_last_segment(store->log);
        store->pass_dead = dead;
    }
    if (!is_worth)
        store->pass_end = 0;
    return is_worth;
}

static enum status reclaim_oldest(struct store *store, bool urgent)
{
    uint64_t segment = log_first_segment(store->log);
    if (segment == log_last_segment(store->log) || is_being_written(store, segment))
        return refused("nothing to give back");
    store_settle(store);
    if (live_of(store, segment) > 0) {
        if (!is_worth_it(store, segment, urgent))
            return refused("too little to gain");
        enum status status = move_all(store, segment, urgent);
        if (status != OK)
            return status;
        if (live_of(store, segment) > 0)
            return try_later("%llu bytes of segment %llu are still needed",
                             (unsigned long long)live_of(store, segment),
                             (unsigned long long)segment);
    }
    /* What the index lacks after a crash is replayed from the log: not from this segment. */
    store_flush(store);
    return log_drop_segment(store->log, segment);
}

enum status store_reclaim(struct store *store, bool urgent)
{
    if (store->reclaiming)
        return refused("busy");
    store->reclaiming = true;
    enum status status = urgent ? log_trim_spares(store->log) : OK;
    if (status == OK)
        status = reclaim_oldest(store, urgent);
    store->reclaiming = false;
    return status;
}
