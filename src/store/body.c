/* Message bodies: writing the large ones in parts, finding and reading all of them. */
#include <stdlib.h>

#include "base/array.h"
#include "base/check.h"
#include "base/memory.h"
#include "store/internal.h"
#include "store/sync_point.h"

struct upload {
    struct list link; /* in store->uploads */
    struct store *store;
    uint64_t id, size;
    struct pending **parts;
    struct log_place *extents;
    unsigned count;
    bool failed;
};

struct upload *upload_new(struct store *store, uint64_t id)
{
    struct upload *upload = calloc(1, sizeof(*upload));
    check(upload != NULL);
    upload->store = store;
    upload->id = id;
    list_append(&store->uploads, &upload->link);
    return upload;
}

static void grow(struct upload *upload)
{
    upload->parts = array_grow(upload->parts, upload->count, sizeof(struct pending *));
    upload->extents = array_grow(upload->extents, upload->count, sizeof(*upload->extents));
}

enum status upload_append(struct upload *upload, struct text bytes)
{
    enum { PENDING_MOST = 4 << 20, PENDING_PART = 16 };
    struct store *store = upload->store;
    if (bytes.length > CHANGE_BODY_INLINE_MAX || upload->count == MESSAGE_EXTENTS_MAX)
        return refused("the message is too large");
    if (bytes.length == 0)
        return OK;
    char head[CHUNK_HEAD_BYTES];
    chunk_head(upload->id, head);
    struct text pieces[2] = {text_of(head, sizeof(head)), bytes};
    struct pending *pending = calloc(1, sizeof(*pending));
    check(pending != NULL);
    grow(upload);
    store_append_record(store, RECORD_CHUNK, pieces, 2, pending);
    sync_point("after-chunk");
    upload->parts[upload->count] = pending;
    upload->extents[upload->count] =
        (struct log_place){.segment = pending->place.segment,
                           .offset = pending->place.offset + CHUNK_HEAD_BYTES,
                           .length = (uint32_t)bytes.length};
    upload->count++;
    upload->size += bytes.length;
    if (log_pending_bytes(store->log) > memory_part(PENDING_MOST, PENDING_PART) &&
        store_wait(store, pending) != OK)
        upload->failed = true;
    return upload->failed ? try_later("a part of the message could not be written") : OK;
}

uint64_t upload_size(const struct upload *upload)
{
    return upload->size;
}

/* A part whose number is still to be given out failed with its batch and was not told yet; one
 * whose number was given out again was. */
struct log_place *upload_extents(struct upload *upload, unsigned *count)
{
    log_number next = log_next(upload->store->log);
    for (unsigned i = 0; i < upload->count; i++)
        if (upload->parts[i]->failed || upload->parts[i]->number >= next)
            upload->failed = true;
    *count = upload->count;
    return upload->failed ? NULL : upload->extents;
}

/* The last part durable: so are those before it, or they failed. */
struct log_place *upload_finish(struct upload *upload, unsigned *count)
{
    if (upload->count > 0 && !upload->failed)
        upload->failed = store_wait(upload->store, upload->parts[upload->count - 1]) != OK;
    return upload_extents(upload, count);
}

bool upload_is_in(const struct upload *upload, uint64_t segment)
{
    for (unsigned i = 0; i < upload->count; i++)
        if (upload->extents[i].segment == segment)
            return true;
    return false;
}

void upload_free(struct upload **freed)
{
    struct upload *upload = *freed;
    *freed = NULL;
    if (upload == NULL)
        return;
    list_remove(&upload->link);
    for (unsigned i = 0; i < upload->count; i++) {
        list_remove(&upload->parts[i]->link);
        free(upload->parts[i]);
    }
    free(upload->parts);
    free(upload->extents);
    free(upload);
}

bool store_message(struct store *store, uint64_t id, struct arena *arena, struct message *out)
{
    struct buffer value;
    struct key key;
    buffer_init(&value, CHANGE_OPERATIONS_MAX);
    bool found = index_get(store->index, key_message(&key, id), &value) &&
                 message_decode(arena_copy(arena, buffer_text(&value)), arena, out);
    buffer_finish(&value);
    return found;
}

_Static_assert((int)LOG_READ_SLACK + (int)CHUNK_HEAD_BYTES <= (int)STORE_READ_SLACK,
               "a part's record has no room in the slack");

/* A body is whole records but for what stands before it in each. */
static struct log_place record_of(const struct message *message, unsigned extent)
{
    uint32_t before = message->body_offset != 0 ? message->body_offset : CHUNK_HEAD_BYTES;
    struct log_place place = message->extents[extent];
    return (struct log_place){
        .segment = place.segment, .offset = place.offset - before, .length = place.length + before};
}

enum status store_read_message(struct store *store, const struct message *message, uint64_t offset,
                               uint32_t wanted, struct buffer *out)
{
    uint64_t length = wanted;
    for (unsigned i = 0; i < message->extent_count && length > 0; i++) {
        struct log_place place = message->extents[i];
        if (offset >= place.length) {
            offset -= place.length;
            continue;
        }
        place.offset += (uint32_t)offset;
        place.length -= (uint32_t)offset;
        if (place.length > length)
            place.length = (uint32_t)length;
        enum status status = log_read_checked(store->log, record_of(message, i), place, out);
        if (status != OK)
            return status;
        length -= place.length;
        offset = 0;
    }
    return OK;
}

enum status store_read_known(struct store *store, const struct message *known, uint64_t offset,
                             uint32_t length, struct buffer *out)
{
    size_t before = out->length;
    enum status status = store_read_message(store, known, offset, length, out);
    if (status != REFUSED)
        return status;
    buffer_cut(out, before);
    return store_read(store, known->id, offset, length, out);
}

enum status store_read(struct store *store, uint64_t id, uint64_t offset, uint32_t length,
                       struct buffer *out)
{
    enum status status = REFUSED;
    size_t before = out->length;
    /* The body may be written forward while we read; then it is found at its new place. */
    for (unsigned attempt = 0; attempt < 3 && status == REFUSED; attempt++) {
        struct arena arena;
        struct message message;
        arena_init(&arena);
        buffer_cut(out, before);
        status = store_message(store, id, &arena, &message)
                     ? store_read_message(store, &message, offset, length, out)
                     : refused("the message is gone");
        arena_finish(&arena);
    }
    return status;
}
