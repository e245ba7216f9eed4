/* The index in RocksDB, without its write-ahead log: the log of this program is that. One column
 * family and the position in every batch, so whatever a crash leaves is a prefix of the log.
 *
 * Only what RocksDB 7.8 does without known trouble is used: no range deletes, merges, blobs or
 * atomic flush. Any error it reports ends the use of this index; it is rebuilt from the log.
 *
 * A flush on a full disk is such an error. So we start the flushes, early enough that RocksDB never
 * starts one, and none while there is no room: the memtable then grows, by little, because a full
 * disk takes no mail.
 *
 * What is applied is gathered first (gathered.h), and written when there is some of it. */
#include <endian.h>
#include <rocksdb/c.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "index/engine.h"
#include "index/gathered.h"
#include "index/lately.h"

enum {
    GATHER_BYTES = 1 << 20, /* most; and what part of the memory there is */
    GATHER_PART = 64,
    FLUSH_AT_BYTES = 16 << 20,
    FLUSH_AT_PART = 16,
    LOOK_AGAIN_PART = 16,   /* of that, applied since, when it could not be flushed */
    WRITE_BUFFER_TIMES = 4, /* so much is where RocksDB would flush by itself */
    BLOCK_CACHE_BYTES = 8 << 20,
    BLOCK_CACHE_PART = 16,
    ARENA_BLOCK_BYTES = 256 << 10,
    BLOOM_BITS_PER_KEY = 10,
    OPEN_FILES_MAX = 128,
    BACKGROUND_JOBS = 2,
    LOG_FILE_BYTES = 1 << 20,
    LOG_FILES_KEPT = 2,
    LOG_LEVEL_OF_ERRORS = 3,
};

struct rocks {
    struct index index;
    rocksdb_t *db;
    rocksdb_options_t *options;
    rocksdb_block_based_table_options_t *table;
    rocksdb_cache_t *cache;
    rocksdb_writeoptions_t *write;
    rocksdb_readoptions_t *read;
    rocksdb_flushoptions_t *flush, *flush_behind;
    char *directory;
    struct gathered gathered;
    size_t gather_bytes;
    struct lately lately;
    uint64_t settled; /* the position that RocksDB has */
    size_t unflushed_bytes, flush_at_bytes;
};

static void set_options(struct rocks *rocks)
{
    rocksdb_options_t *options = rocks->options = rocksdb_options_create();
    /* rocks_close flushes, when it may. There is no call for this option. */
    char *error = NULL;
    rocksdb_get_options_from_string(options, "avoid_flush_during_shutdown=true", options, &error);
    check(error == NULL);
    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_options_set_paranoid_checks(options, 1);
    rocksdb_options_set_write_buffer_size(options, rocks->flush_at_bytes * WRITE_BUFFER_TIMES);
    rocksdb_options_set_arena_block_size(options, ARENA_BLOCK_BYTES);
    rocksdb_options_set_max_background_jobs(options, BACKGROUND_JOBS);
    rocksdb_options_set_max_open_files(options, OPEN_FILES_MAX);
    rocksdb_options_set_compression(options, rocksdb_lz4_compression);
    rocksdb_options_set_info_log_level(options, LOG_LEVEL_OF_ERRORS);
    rocksdb_options_set_max_log_file_size(options, LOG_FILE_BYTES);
    rocksdb_options_set_keep_log_file_num(options, LOG_FILES_KEPT);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_stats_persist_period_sec(options, 0);

    rocks->cache = rocksdb_cache_create_lru(memory_part(BLOCK_CACHE_BYTES, BLOCK_CACHE_PART));
    rocks->table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(rocks->table, rocks->cache);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(rocks->table, 1);
    /* In parts: the cache is 16 small ones, and a whole index or filter of a large file is too big
     * for any of them, so that each look-up would read it anew. */
    rocksdb_block_based_options_set_index_type(
        rocks->table, rocksdb_block_based_table_index_type_two_level_index_search);
    rocksdb_block_based_options_set_partition_filters(rocks->table, 1);
    /* Takes the filter over. */
    rocksdb_block_based_options_set_filter_policy(
        rocks->table, rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS_PER_KEY));
    rocksdb_options_set_block_based_table_factory(options, rocks->table);
}

static void rocks_free(struct rocks *rocks)
{
    rocksdb_flushoptions_destroy(rocks->flush);
    rocksdb_flushoptions_destroy(rocks->flush_behind);
    rocksdb_readoptions_destroy(rocks->read);
    rocksdb_writeoptions_destroy(rocks->write);
    rocksdb_options_destroy(rocks->options);
    rocksdb_block_based_options_destroy(rocks->table);
    rocksdb_cache_destroy(rocks->cache);
    gathered_finish(&rocks->gathered);
    lately_finish(&rocks->lately);
    free(rocks->directory);
    free(rocks);
}

/* RocksDB's errors are NUL-ended strings that we own. */
static enum status fail(struct index *index, const char *what, char *error)
{
    enum status status = index_fail(index, what, error);
    rocksdb_free(error);
    return status;
}

static bool rocks_get(struct index *index, struct text key, struct buffer *out)
{
    struct rocks *rocks = (struct rocks *)index;
    enum gathered_answer answer = gathered_get(&rocks->gathered, key, out);
    if (answer != GATHERED_UNKNOWN)
        return answer == GATHERED_HERE && !out->overflowed;
    struct text read;
    if (lately_get(&rocks->lately, key, &read))
        return buffer_append(out, read);
    char *error = NULL;
    rocksdb_pinnableslice_t *value =
        rocksdb_get_pinned(rocks->db, rocks->read, key.data, key.length, &error);
    if (error != NULL)
        fail(index, "reading a key", error);
    if (value == NULL)
        return false;
    size_t length;
    const char *data = rocksdb_pinnableslice_value(value, &length);
    bool fits = buffer_append(out, text_of(data, length));
    lately_note(&rocks->lately, key, text_of(data, length));
    rocksdb_pinnableslice_destroy(value);
    return fits;
}

/* A walk over the keys that RocksDB has and those that were gathered, as if they were one. */
struct walk {
    rocksdb_iterator_t *at;
    struct text prefix, key, value; /* where RocksDB's stands; no key: at its end */
    struct gathered_walk gathered;
};

static void read_written(struct walk *walk)
{
    walk->key = TEXT("");
    if (!rocksdb_iter_valid(walk->at))
        return;
    struct text key;
    key.data = rocksdb_iter_key(walk->at, &key.length);
    if (!text_starts_with(key, walk->prefix))
        return;
    walk->key = key;
    walk->value.data = rocksdb_iter_value(walk->at, &walk->value.length);
}

static void step_written(struct walk *walk)
{
    rocksdb_iter_next(walk->at);
    read_written(walk);
}

/* Visit where it stands and step on. False: the visitor has enough. */
static bool visit_written(struct walk *walk, index_visit *visit, void *context)
{
    bool more = text_equals(walk->key, INDEX_APPLIED_KEY) || visit(context, walk->key, walk->value);
    step_written(walk);
    return more;
}

static bool visit_gathered(struct walk *walk, index_visit *visit, void *context)
{
    const struct gathered_key *here = walk->gathered.current;
    gathered_walk_step(&walk->gathered);
    return here->is_gone || visit(context, here->key, here->value);
}

static void walk_both(struct walk *walk, index_visit *visit, void *context)
{
    bool more = true;
    while (more && (walk->gathered.current != NULL || walk->key.length > 0)) {
        int order = walk->gathered.current == NULL ? 1
                    : walk->key.length == 0        ? -1
                                            : text_compare(walk->gathered.current->key, walk->key);
        if (order == 0) /* the gathered one is newer */
            step_written(walk);
        more =
            order <= 0 ? visit_gathered(walk, visit, context) : visit_written(walk, visit, context);
    }
}

static void rocks_scan(struct index *index, struct text prefix, struct text from,
                       index_visit *visit, void *context)
{
    struct rocks *rocks = (struct rocks *)index;
    struct text start = text_compare(from, prefix) > 0 ? from : prefix;
    struct walk walk = {.at = rocksdb_create_iterator(rocks->db, rocks->read), .prefix = prefix};
    gathered_walk_begin(&rocks->gathered, prefix, start, &walk.gathered);
    rocksdb_iter_seek(walk.at, start.length > 0 ? start.data : "", start.length);
    read_written(&walk);
    walk_both(&walk, visit, context);
    char *error = NULL;
    rocksdb_iter_get_error(walk.at, &error);
    if (error != NULL)
        fail(index, "reading keys in order", error);
    rocksdb_iter_destroy(walk.at);
    gathered_walk_end(&walk.gathered);
}

/* What gathered is to be told at the beginning: the last key of each first byte. */
static void note_last_keys(struct rocks *rocks)
{
    rocksdb_iterator_t *at = rocksdb_create_iterator(rocks->db, rocks->read);
    for (rocksdb_iter_seek_to_last(at); rocksdb_iter_valid(at); rocksdb_iter_prev(at)) {
        struct text key;
        key.data = rocksdb_iter_key(at, &key.length);
        gathered_note_written(&rocks->gathered, key);
        char first = key.data[0];
        rocksdb_iter_seek(at, &first, 1);
    }
    char *error = NULL;
    rocksdb_iter_get_error(at, &error);
    if (error != NULL)
        fail(&rocks->index, "reading the last keys", error);
    rocksdb_iter_destroy(at);
}

static enum status rocks_flush(struct index *index)
{
    struct rocks *rocks = (struct rocks *)index;
    char *error = NULL;
    if (!index_has_room(rocks->directory))
        return OK;
    rocksdb_flush(rocks->db, rocks->flush, &error);
    return error == NULL ? OK : fail(index, "flushing", error);
}

/* Start a flush and go on: what RocksDB does by itself when its buffer is full. */
static enum status flush_behind(struct rocks *rocks)
{
    uint64_t bytes = 0, being_flushed = 0;
    char *error = NULL;
    rocksdb_property_int(rocks->db, "rocksdb.cur-size-active-mem-table", &bytes);
    rocksdb_property_int(rocks->db, "rocksdb.num-immutable-mem-table", &being_flushed);
    if (bytes < rocks->flush_at_bytes) { /* it was flushed meanwhile */
        rocks->unflushed_bytes = bytes;
        return OK;
    }
    if (being_flushed > 0 || !index_has_room(rocks->directory)) {
        rocks->unflushed_bytes = rocks->flush_at_bytes - rocks->flush_at_bytes / LOOK_AGAIN_PART;
        return OK;
    }
    rocks->unflushed_bytes = 0;
    rocksdb_flush(rocks->db, rocks->flush_behind, &error);
    return error == NULL ? OK : fail(&rocks->index, "flushing", error);
}

static void read_applied(struct rocks *rocks)
{
    struct index *index = &rocks->index;
    struct buffer value;
    buffer_init(&value, sizeof(uint64_t));
    if (rocks_get(index, INDEX_APPLIED_KEY, &value)) {
        uint64_t stored = 0;
        if (value.length == sizeof(stored))
            memcpy(&stored, value.data, sizeof(stored));
        else
            index_fail(index, "applied position", "not 8 bytes");
        rocks->settled = index->applied = be64toh(stored);
    }
    buffer_finish(&value);
}

struct writing {
    struct rocks *rocks;
    rocksdb_writebatch_t *changes;
};

static void write_one(void *context, struct text key, struct text value, bool is_gone)
{
    struct writing *writing = context;
    lately_forget(&writing->rocks->lately, key);
    if (is_gone)
        rocksdb_writebatch_delete(writing->changes, key.data, key.length);
    else
        rocksdb_writebatch_put(writing->changes, key.data, key.length, value.data, value.length);
}

/* All that was gathered, together with the position it reaches to. */
static enum status write_gathered(struct rocks *rocks)
{
    struct writing writing = {rocks, rocksdb_writebatch_create()};
    uint64_t applied = htobe64(rocks->index.applied);
    char *error = NULL;
    size_t bytes;
    gathered_write(&rocks->gathered, write_one, &writing);
    write_one(&writing, INDEX_APPLIED_KEY, text_of(&applied, sizeof(applied)), false);
    rocksdb_writebatch_data(writing.changes, &bytes);
    rocksdb_write(rocks->db, rocks->write, writing.changes, &error);
    rocksdb_writebatch_destroy(writing.changes);
    if (error != NULL)
        return fail(&rocks->index, "writing what was gathered", error);
    rocks->settled = rocks->index.applied;
    rocks->unflushed_bytes += bytes;
    return rocks->unflushed_bytes >= rocks->flush_at_bytes ? flush_behind(rocks) : OK;
}

static enum status rocks_settle(struct index *index)
{
    struct rocks *rocks = (struct rocks *)index;
    bool is_settled = gathered_bytes(&rocks->gathered) == 0 && rocks->settled == index->applied;
    return is_settled ? OK : write_gathered(rocks);
}

static enum status rocks_apply(struct index *index, struct text changes)
{
    struct rocks *rocks = (struct rocks *)index;
    gathered_apply(&rocks->gathered, changes);
    return gathered_bytes(&rocks->gathered) < rocks->gather_bytes ? OK : write_gathered(rocks);
}

static void rocks_close(struct index *index)
{
    struct rocks *rocks = (struct rocks *)index;
    if (!index->failed && rocks_settle(index) == OK)
        rocks_flush(index);
    rocksdb_cancel_all_background_work(rocks->db, 1);
    rocksdb_close(rocks->db);
    rocks_free(rocks);
}

static const struct index_engine rocks_engine = {
    .close = rocks_close,
    .get = rocks_get,
    .scan = rocks_scan,
    .settle = rocks_settle,
    .flush = rocks_flush,
    .apply = rocks_apply,
};

enum status rocks_open(const char *directory, struct index **out)
{
    struct rocks *rocks = calloc(1, sizeof(*rocks));
    check(rocks != NULL);
    rocks->index.engine = &rocks_engine;
    gathered_init(&rocks->gathered);
    rocks->gather_bytes = memory_part(GATHER_BYTES, GATHER_PART);
    rocks->flush_at_bytes = memory_part(FLUSH_AT_BYTES, FLUSH_AT_PART);
    set_options(rocks);
    rocks->write = rocksdb_writeoptions_create();
    rocksdb_writeoptions_disable_WAL(rocks->write, 1);
    rocks->read = rocksdb_readoptions_create();
    rocks->flush = rocksdb_flushoptions_create();
    rocksdb_flushoptions_set_wait(rocks->flush, 1);
    rocks->flush_behind = rocksdb_flushoptions_create();
    rocksdb_flushoptions_set_wait(rocks->flush_behind, 0);
    rocks->directory = strdup(directory);
    check(rocks->directory != NULL);
    char *error = NULL;
    rocks->db = rocksdb_open(rocks->options, directory, &error);
    if (error != NULL) {
        try_later("cannot open the index in %s (%s); it can be removed and is then rebuilt from "
                  "the log",
                  directory, error);
        rocksdb_free(error);
        rocks_free(rocks);
        return TRY_LATER;
    }
    note_last_keys(rocks);
    read_applied(rocks);
    *out = &rocks->index;
    return OK;
}

enum status rocks_destroy(const char *directory)
{
    rocksdb_options_t *options = rocksdb_options_create();
    char *error = NULL;
    rocksdb_destroy_db(options, directory, &error);
    rocksdb_options_destroy(options);
    if (error == NULL)
        return OK;
    try_later("cannot remove the index in %s: %s", directory, error);
    rocksdb_free(error);
    return TRY_LATER;
}
