/* What all engines have in common: the applied position, the checks, and keys. */
#include "index/index.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
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

static void read_applied(struct index *index)
{
    struct buffer value;
    buffer_init(&value, sizeof(uint64_t));
    if (index->engine->get(index, INDEX_APPLIED_KEY, &value)) {
        uint64_t stored = 0;
        if (value.length == sizeof(stored))
            memcpy(&stored, value.data, sizeof(stored));
        else
            index_fail(index, "applied position", "not 8 bytes");
        index->applied = be64toh(stored);
    }
    buffer_finish(&value);
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
    struct index *index;
    enum status status = rocks_open(directory, &index);
    if (status != OK)
        return status;
    read_applied(index);
    if (index->failed) {
        status = index_fail(index, "", "");
        index_close(&index);
        return status;
    }
    *out = index;
    return OK;
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
    struct index_batch *batch = index->engine->batch_new(index);
    batch->index = index;
    return batch;
}

/* The position has a name of its own, which no caller may overwrite. */
static void check_key(struct text key)
{
    check(key.length > 0 && key.data[0] != INDEX_APPLIED_KEY.data[0]);
}

void index_batch_put(struct index_batch *batch, struct text key, struct text value)
{
    check_key(key);
    check(value.length <= INDEX_VALUE_MAX);
    batch->index->engine->batch_put(batch, key, value);
}

void index_batch_delete(struct index_batch *batch, struct text key)
{
    check_key(key);
    batch->index->engine->batch_delete(batch, key);
}

enum status index_batch_apply(struct index_batch *batch, uint64_t applied)
{
    struct index *index = batch->index;
    check(applied >= index->applied);
    if (index->failed)
        return index_fail(index, "", "");
    uint64_t stored = htobe64(applied);
    index->engine->batch_put(batch, INDEX_APPLIED_KEY, text_of(&stored, sizeof(stored)));
    enum status status = index->engine->batch_apply(batch);
    if (status == OK)
        index->applied = applied;
    return status;
}

void index_batch_free(struct index_batch **batch)
{
    if (*batch == NULL)
        return;
    (*batch)->index->engine->batch_free(*batch);
    *batch = NULL;
}

bool index_get(struct index *index, struct text key, struct buffer *out)
{
    check_key(key);
    buffer_reset(out, out->capacity);
    return index->engine->get(index, key, out);
}

void index_scan(struct index *index, struct text prefix, struct text from, index_visit *visit,
                void *context)
{
    index->engine->scan(index, prefix, from, visit, context);
}

enum status index_flush(struct index *index)
{
    return index->engine->flush(index);
}

const char *index_failed(const struct index *index)
{
    return index->failed ? index->reason : NULL;
}

void index_key_u32(struct buffer *key, uint32_t value)
{
    uint32_t stored = htobe32(value);
    buffer_append(key, text_of(&stored, sizeof(stored)));
}

void index_key_u64(struct buffer *key, uint64_t value)
{
    uint64_t stored = htobe64(value);
    buffer_append(key, text_of(&stored, sizeof(stored)));
}
