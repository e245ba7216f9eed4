#include "rocks.h"

#include <fcntl.h>
#include <rocksdb/c.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/list.h"
#include "base/random.h"
#include "base/wire.h"
#include "holdings.h"
#include "trouble.h"

enum { FOLDERS_MOST = 8, PATH_BYTES = 160, IMAGE_MOST = 1 << 30 };

/* Key and value stand in one allocation. */
struct row {
    char *bytes;
    size_t key_length, value_length;
};
/* In order. */
struct table {
    struct row *rows;
    size_t count, room, bytes;
};

/* What is on the medium. */
struct folder {
    char path[PATH_BYTES];
    struct table flushed;
};
static struct {
    struct folder all[FOLDERS_MOST];
    unsigned count;
} medium;

struct rocksdb_t {
    struct folder *folder;
    struct table table;
    struct list iterators;
    const char *background; /* NULL, or the error that ends all writing until it is opened anew */
};

/* It shows the keys as they were when it was made: of its own, once they change. */
struct rocksdb_iterator_t {
    struct list link;
    const struct table *table;
    struct table copy;
    size_t at;         /* count: at the end */
    const char *error; /* NULL: none */
    struct buffer key, value;
};

struct rocksdb_pinnableslice_t {
    size_t length;
    char bytes[];
};

/* ---- Tables ---- */

static struct text key_of(const struct row *row)
{
    return text_of(row->bytes, row->key_length);
}

static struct text value_of(const struct row *row)
{
    return text_of(row->bytes + row->key_length, row->value_length);
}

/* The first at or behind the key. */
static size_t place_of(const struct table *table, struct text key)
{
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (text_compare(key_of(&table->rows[middle]), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool stands_at(const struct table *table, size_t at, struct text key)
{
    return at < table->count && text_equals(key_of(&table->rows[at]), key);
}

static struct row row_new(struct text key, struct text value)
{
    struct row row = {malloc(key.length + value.length + 1), key.length, value.length};
    check(row.bytes != NULL);
    memcpy(row.bytes, key.data, key.length);
    if (value.length > 0)
        memcpy(row.bytes + key.length, value.data, value.length);
    return row;
}

static void drop(struct table *table, struct text key)
{
    size_t at = place_of(table, key);
    if (!stands_at(table, at, key))
        return;
    struct row *row = &table->rows[at];
    table->bytes -= row->key_length + row->value_length;
    free(row->bytes);
    memmove(row, row + 1, (--table->count - at) * sizeof(*row));
}

static void put(struct table *table, struct text key, struct text value)
{
    drop(table, key);
    size_t at = place_of(table, key);
    if (table->count == table->room) {
        table->room = table->room == 0 ? 64 : table->room * 2;
        table->rows = reallocarray(table->rows, table->room, sizeof(*table->rows));
        check(table->rows != NULL);
    }
    memmove(&table->rows[at + 1], &table->rows[at], (table->count++ - at) * sizeof(*table->rows));
    table->rows[at] = row_new(key, value);
    table->bytes += key.length + value.length;
}

static void clear(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->rows[i].bytes);
    free(table->rows);
    *table = (struct table){0};
}

static void copy(struct table *to, const struct table *from)
{
    *to = *from;
    to->room = from->count;
    to->rows = calloc(from->count + 1, sizeof(*to->rows));
    check(to->rows != NULL);
    for (size_t i = 0; i < from->count; i++)
        to->rows[i] = row_new(key_of(&from->rows[i]), value_of(&from->rows[i]));
}

/* ---- The medium ---- */

static struct folder *folder_of(const char *path)
{
    for (unsigned i = 0; i < medium.count; i++)
        if (strcmp(medium.all[i].path, path) == 0)
            return &medium.all[i];
    check(medium.count < FOLDERS_MOST && strlen(path) < PATH_BYTES);
    struct folder *folder = &medium.all[medium.count++];
    strcpy(folder->path, path);
    return folder;
}

static void reach_medium(rocksdb_t *db)
{
    holdings_kernel_begin();
    clear(&db->folder->flushed);
    copy(&db->folder->flushed, &db->table);
    holdings_kernel_end();
}

void rocks_lose(const char *folder)
{
    clear(&folder_of(folder)->flushed);
}

void rocks_save(const char *path)
{
    struct buffer image;
    buffer_init(&image, IMAGE_MOST);
    for (unsigned i = 0; i < medium.count; i++) {
        const struct table *table = &medium.all[i].flushed;
        for (size_t at = 0; at < table->count; at++) {
            wire_put_text(&image, text_from(medium.all[i].path));
            wire_put_text(&image, key_of(&table->rows[at]));
            wire_put_text(&image, value_of(&table->rows[at]));
        }
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    check(!image.overflowed && fd >= 0);
    check(write(fd, image.data, image.length) == (ssize_t)image.length);
    close(fd);
    buffer_finish(&image);
}

static void restore(struct text image)
{
    struct wire_reader in = wire_reader_of(image);
    while (!in.bad && in.rest.length > 0) {
        char path[PATH_BYTES];
        text_copy(wire_get_text(&in), path, sizeof(path));
        struct text key = wire_get_text(&in), value = wire_get_text(&in);
        put(&folder_of(path)->flushed, key, value);
    }
    check(wire_end(&in));
}

void rocks_restore(const char *path)
{
    enum { PIECE = 1 << 20 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    struct buffer image;
    buffer_init(&image, IMAGE_MOST);
    ssize_t count;
    while ((count = read(fd, buffer_reserve(&image, PIECE), PIECE)) > 0)
        buffer_grew(&image, (size_t)count);
    close(fd);
    restore(buffer_text(&image));
    buffer_finish(&image);
}

/* ---- The library's calls: all of it ---- */

/* For the caller, who gives it to the library's rocksdb_free. */
static bool complain(const char *what, char **error)
{
    if (what == NULL)
        return false;
    holdings_kernel_begin();
    *error = strdup(what);
    holdings_kernel_end();
    check(*error != NULL);
    return true;
}

rocksdb_t *rocksdb_open(const rocksdb_options_t *options, const char *name, char **error)
{
    unused(options);
    if (complain(trouble_at(TROUBLE_OPEN), error))
        return NULL;
    rocksdb_t *db = calloc(1, sizeof(*db));
    check(db != NULL);
    db->folder = folder_of(name);
    copy(&db->table, &db->folder->flushed);
    list_init(&db->iterators);
    return db;
}

void rocksdb_close(rocksdb_t *db)
{
    clear(&db->table);
    free(db);
}

void rocksdb_cancel_all_background_work(rocksdb_t *db, unsigned char wait)
{
    unused(db), unused(wait);
}

void rocksdb_destroy_db(const rocksdb_options_t *options, const char *name, char **error)
{
    unused(options);
    if (!complain(trouble_at(TROUBLE_DESTROY), error))
        rocks_lose(name);
}

void rocksdb_flush(rocksdb_t *db, const rocksdb_flushoptions_t *options, char **error)
{
    bool is_waited_for =
        rocksdb_flushoptions_get_wait((rocksdb_flushoptions_t *)(uintptr_t)options) != 0;
    if (db->background == NULL)
        db->background = trouble_at(TROUBLE_FLUSH);
    if (db->background != NULL) {
        complain(is_waited_for ? db->background : NULL, error);
        return;
    }
    if (is_waited_for || random_below(2) == 0)
        reach_medium(db);
}

int rocksdb_property_int(rocksdb_t *db, const char *name, uint64_t *out)
{
    bool is_size = strcmp(name, "rocksdb.cur-size-active-mem-table") == 0;
    *out = is_size ? db->table.bytes : 0;
    return 0;
}

/* ---- One key ---- */

rocksdb_pinnableslice_t *rocksdb_get_pinned(rocksdb_t *db, const rocksdb_readoptions_t *options,
                                            const char *key, size_t length, char **error)
{
    unused(options);
    if (complain(trouble_at(TROUBLE_READ), error))
        return NULL;
    size_t at = place_of(&db->table, text_of(key, length));
    if (!stands_at(&db->table, at, text_of(key, length)))
        return NULL;
    struct text value = value_of(&db->table.rows[at]);
    rocksdb_pinnableslice_t *slice = malloc(sizeof(*slice) + value.length);
    check(slice != NULL);
    slice->length = value.length;
    if (value.length > 0)
        memcpy(slice->bytes, value.data, value.length);
    return slice;
}

const char *rocksdb_pinnableslice_value(const rocksdb_pinnableslice_t *slice, size_t *length)
{
    *length = slice->length;
    return slice->bytes;
}

void rocksdb_pinnableslice_destroy(rocksdb_pinnableslice_t *slice)
{
    free(slice);
}

/* ---- Changes ---- */

static void take_put(void *context, const char *key, size_t key_length, const char *value,
                     size_t value_length)
{
    put(context, text_of(key, key_length), text_of(value, value_length));
}

static void take_delete(void *context, const char *key, size_t length)
{
    drop(context, text_of(key, length));
}

void rocksdb_write(rocksdb_t *db, const rocksdb_writeoptions_t *options,
                   rocksdb_writebatch_t *batch, char **error)
{
    unused(options);
    if (db->background == NULL)
        db->background = trouble_at(TROUBLE_WRITE);
    if (complain(db->background, error))
        return;
    list_each(link, &db->iterators)
    {
        rocksdb_iterator_t *iterator = list_entry(link, rocksdb_iterator_t, link);
        if (iterator->table == &db->table) {
            copy(&iterator->copy, &db->table);
            iterator->table = &iterator->copy;
        }
    }
    rocksdb_writebatch_iterate(batch, &db->table, take_put, take_delete);
}

/* ---- Keys in order ---- */

static void stand_at(rocksdb_iterator_t *iterator, size_t at)
{
    if (iterator->error == NULL)
        iterator->error = trouble_at(TROUBLE_READ);
    if (iterator->error != NULL)
        at = iterator->table->count;
    iterator->at = at;
    buffer_reset(&iterator->key, SIZE_MAX);
    buffer_reset(&iterator->value, SIZE_MAX);
    if (at >= iterator->table->count)
        return;
    buffer_append(&iterator->key, key_of(&iterator->table->rows[at]));
    buffer_append(&iterator->value, value_of(&iterator->table->rows[at]));
}

rocksdb_iterator_t *rocksdb_create_iterator(rocksdb_t *db, const rocksdb_readoptions_t *options)
{
    unused(options);
    rocksdb_iterator_t *iterator = calloc(1, sizeof(*iterator));
    check(iterator != NULL);
    iterator->table = &db->table;
    buffer_init(&iterator->key, SIZE_MAX / 2);
    buffer_init(&iterator->value, SIZE_MAX / 2);
    list_append(&db->iterators, &iterator->link);
    return iterator;
}

void rocksdb_iter_destroy(rocksdb_iterator_t *iterator)
{
    list_remove(&iterator->link);
    buffer_finish(&iterator->key);
    buffer_finish(&iterator->value);
    clear(&iterator->copy);
    free(iterator);
}

unsigned char rocksdb_iter_valid(const rocksdb_iterator_t *iterator)
{
    return iterator->at < iterator->table->count;
}

void rocksdb_iter_seek(rocksdb_iterator_t *iterator, const char *key, size_t length)
{
    stand_at(iterator, place_of(iterator->table, text_of(key, length)));
}

void rocksdb_iter_seek_to_last(rocksdb_iterator_t *iterator)
{
    stand_at(iterator, iterator->table->count == 0 ? 0 : iterator->table->count - 1);
}

void rocksdb_iter_next(rocksdb_iterator_t *iterator)
{
    stand_at(iterator, iterator->at + 1);
}

/* RocksDB too says "no more" in front of the first. From behind the last it does nothing. */
void rocksdb_iter_prev(rocksdb_iterator_t *iterator)
{
    if (rocksdb_iter_valid(iterator))
        stand_at(iterator, iterator->at == 0 ? iterator->table->count : iterator->at - 1);
}

const char *rocksdb_iter_key(const rocksdb_iterator_t *iterator, size_t *length)
{
    *length = iterator->key.length;
    return iterator->key.data;
}

const char *rocksdb_iter_value(const rocksdb_iterator_t *iterator, size_t *length)
{
    *length = iterator->value.length;
    return iterator->value.data == NULL ? "" : iterator->value.data;
}

void rocksdb_iter_get_error(const rocksdb_iterator_t *iterator, char **error)
{
    complain(iterator->error, error);
}
