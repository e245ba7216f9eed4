/* What all engines have in common: the applied position, the checks, and keys. */
#include "index/index.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/check.h"
#include "base/logline.h"
#include "index/engine.h"

enum status index_fail(struct index *index, const char *what, const char *why)
{
    if (!index->failed)
        snprintf(index->reason, sizeof(index->reason), "%s: %s", what, why);
    index->failed = true;
    return try_later("the index has failed and must be rebuilt from the log (%s)", index->reason);
}

/* A visitor may still be holding on to what the engine has. */
static void tell_failure(const struct index *index)
{
    if (index->failed && index->scans == 0 && index->failure != NULL)
        index->failure(index->failure_context);
}

void index_on_failure(struct index *index, index_failure *failure, void *context)
{
    index->failure = failure;
    index->failure_context = context;
}

bool index_has_room(const char *directory)
{
    enum { FILES = 32 };
    struct statvfs space;
    if (statvfs(directory, &space) != 0)
        return true; /* not for us to judge: opening tells why */
    bool has_files = space.f_files == 0 || space.f_favail >= FILES; /* 0: no limit */
    return has_files && (uint64_t)space.f_bavail * space.f_frsize >= INDEX_ROOM_BYTES;
}

static struct index *open_stand_in(const char *directory)
{
    log_warning("index.in_memory",
                "directory=%s reason=\"less than %d MB free\" remedy=\"free some space; the index "
                "then returns to disk by itself\"",
                log_text(text_from(directory)), INDEX_ROOM_BYTES >> 20);
    struct index *index = memory_open();
    index->stand_in = true;
    return index;
}

enum status index_open(const char *directory, struct index **out)
{
    if (directory == NULL) {
        *out = memory_open();
        return OK;
    }
    bool is_full = mkdir(directory, 0700) != 0 && errno == ENOSPC;
    if (is_full || !index_has_room(directory)) {
        *out = open_stand_in(directory);
        return OK;
    }
    enum status status = rocks_open(directory, out);
    if (status == OK && (*out)->failed) {
        status = index_fail(*out, "", "");
        index_close(out);
    }
    return status;
}

void index_close(struct index **index)
{
    if (*index == NULL)
        return;
    (*index)->engine->close(*index);
    *index = NULL;
}

bool index_is_stand_in(const struct index *index)
{
    return index->stand_in;
}

enum status index_destroy(const char *directory)
{
    return rocks_destroy(directory);
}

uint64_t index_applied(const struct index *index)
{
    return index->applied;
}

struct index_batch *index_batch_new(struct index *index)
{
    struct index_batch *batch = calloc(1, sizeof(*batch));
    check(batch != NULL);
    batch->index = index;
    buffer_init(&batch->changes, SIZE_MAX / 2);
    return batch;
}

/* How a change begins in a batch; key and value follow. */
struct change_head {
    uint32_t key_length, value_length;
    bool is_delete;
};

/* The position has a name of its own, which no caller may overwrite. */
static void check_key(struct text key)
{
    check(key.length > 0 && key.data[0] != INDEX_APPLIED_KEY.data[0]);
}

static void add_change(struct index_batch *batch, struct text key, struct text value,
                       bool is_delete)
{
    check_key(key);
    check(key.length <= UINT32_MAX && value.length <= INDEX_VALUE_MAX);
    struct change_head head = {(uint32_t)key.length, (uint32_t)value.length, is_delete};
    check(buffer_append(&batch->changes, text_of(&head, sizeof(head))) &&
          buffer_append(&batch->changes, key) && buffer_append(&batch->changes, value));
}

void index_batch_put(struct index_batch *batch, struct text key, struct text value)
{
    add_change(batch, key, value, false);
}

void index_batch_delete(struct index_batch *batch, struct text key)
{
    add_change(batch, key, TEXT(""), true);
}

struct text index_batch_changes(const struct index_batch *batch)
{
    return buffer_text(&batch->changes);
}

bool index_change_next(struct text *changes, struct index_change *out)
{
    struct change_head head;
    if (text_is_empty(*changes))
        return false;
    memcpy(&head, changes->data, sizeof(head));
    out->key = text_of(changes->data + sizeof(head), head.key_length);
    out->value = text_of(out->key.data + head.key_length, head.value_length);
    out->is_delete = head.is_delete;
    *changes = text_from_position(*changes, sizeof(head) + head.key_length + head.value_length);
    return true;
}

enum status index_batch_apply(struct index_batch *batch, uint64_t applied)
{
    enum { KEEP_BYTES = 64 << 10 };
    struct index *index = batch->index;
    check(applied >= index->applied);
    enum status status;
    if (index->failed) {
        status = index_fail(index, "", "");
    } else {
        index->applied = applied;
        status = index->engine->apply(index, index_batch_changes(batch));
    }
    buffer_reset(&batch->changes, KEEP_BYTES);
    tell_failure(index);
    return status;
}

void index_batch_free(struct index_batch **batch)
{
    if (*batch == NULL)
        return;
    buffer_finish(&(*batch)->changes);
    free(*batch);
    *batch = NULL;
}

bool index_get(struct index *index, struct text key, struct buffer *out)
{
    check_key(key);
    buffer_reset(out, out->capacity);
    bool is_there = index->engine->get(index, key, out);
    tell_failure(index);
    return is_there;
}

void index_scan(struct index *index, struct text prefix, struct text from, index_visit *visit,
                void *context)
{
    index->scans++;
    index->engine->scan(index, prefix, from, visit, context);
    index->scans--;
    tell_failure(index);
}

enum status index_settle(struct index *index)
{
    enum status status = index->failed ? index_fail(index, "", "") : index->engine->settle(index);
    tell_failure(index);
    return status;
}

enum status index_flush(struct index *index)
{
    return index->engine->flush(index);
}

const char *index_failed(const struct index *index)
{
    return index->failed ? index->reason : NULL;
}
